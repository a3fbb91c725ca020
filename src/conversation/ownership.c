/* ownership.c - who may speak. Every change raises owner_version and withdraws what the bot has not sent yet.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conversation/change.h"

enum status conversation_lock(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct conversation_id id, struct conversation *ret, struct err *e) {
    return store_conversation_lock(a, tx, tenant, id, ret, e);
}

bool conversation_is_closed(const struct conversation *c) {
    return str_eq(c->state, STR("agent_closed")) || str_eq(c->state, STR("expired"));
}

struct str change_data(struct arena *a, const char *key, struct str value) {
    struct buf b;
    struct json_out o;

    buf_init(&b, 16u << 10);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_str(&o, key, value);
    json_end(&o);

    struct str data = b.overflown ? STR("{}") : arena_str(a, buf_str(&b));

    buf_done(&b);
    return data;
}

/* --- changes ------------------------------------------------------------------------------------------------------ */

enum status change_begin(struct change *ch, struct tenant_id tenant, struct conversation_id id,
                         struct err *e) {
    TRY(conversation_lock(ch->a, ch->tx, tenant, id, &ch->c, e));
    return team_settings_get(ch->a, ch->tx, tenant, &ch->team, e);
}

enum status change_note(struct change *ch, const char *kind, struct str data, struct err *e) {
    return event_add(ch->tx,
                     (struct event){.tenant = ch->c.tenant,
                                    .conversation = ch->c.id,
                                    .kind = str_of(kind),
                                    .data = data,
                                    .at_ms = ch->now_ms},
                     e);
}

enum status change_owner(struct change *ch, const char *kind, struct str data, struct err *e) {
    struct db_rows cancelled;

    deadline_find(&ch->c, &ch->team);
    TRY(store_conversation_own(ch->tx, &ch->c, ch->now_ms, e));
    ch->c.owner_version++;
    TRY(store_messages_cancel_bot(ch->a, ch->tx, ch->c.tenant, ch->c.id, ch->now_ms, &cancelled,
                                  e));
    for (size_t i = 0; i < cancelled.n; i++)
        TRY(event_add(ch->tx,
                      (struct event){.tenant = ch->c.tenant,
                                     .conversation = ch->c.id,
                                     .message.v = db_uuid(&cancelled, i, 0),
                                     .kind = STR("message.cancelled"),
                                     .data = change_data(ch->a, "reason", str_of(kind)),
                                     .at_ms = ch->now_ms},
                      e));
    return change_note(ch, kind, data, e);
}

enum status change_to_queue(struct change *ch, const char *kind, struct str data, struct err *e) {
    ch->c.state = STR("waiting_agent");
    ch->c.owner = STR("none");
    ch->c.owner_user = (struct user_id){0};
    ch->c.waiting_since_ms = ch->now_ms;
    ch->c.assigned_at_ms = 0;
    ch->c.deadline_step = 0;
    if (ch->c.unanswered_at_ms == 0)
        ch->c.unanswered_at_ms = ch->now_ms;
    return change_owner(ch, kind, data, e);
}

/* A person has it from now on; nil: from the phone. */
static void set_person(struct change *ch, struct user_id user) {
    ch->c.state = STR("assigned");
    ch->c.owner = STR("person");
    ch->c.owner_user = user;
    ch->c.waiting_since_ms = 0;
    ch->c.assigned_at_ms = ch->now_ms;
    ch->c.deadline_step = 0;
    if (!uuid_is_nil(user.v))
        ch->c.last_user = user;
}

enum status change_to_user(struct change *ch, struct user_id user, struct user_id by,
                           const char *how, struct err *e) {
    struct str to = uuid_format(ch->a, user.v), from = uuid_format(ch->a, by.v);

    set_person(ch, user);
    return change_owner(ch, "conversation.assigned",
                        arena_printf(ch->a, "{\"user\":\"%.*s\",\"how\":\"%s\",\"by\":%s%.*s%s}",
                                     STR_ARG(to), how, uuid_is_nil(by.v) ? "" : "\"",
                                     STR_ARG(uuid_is_nil(by.v) ? STR("null") : from),
                                     uuid_is_nil(by.v) ? "" : "\""),
                        e);
}

enum status change_to_bot(struct change *ch, const char *kind, struct str data,
                          struct debounce debounce, struct err *e) {
    bool is_unanswered = ch->c.inbound_count > ch->c.answered_count;

    ch->c.state = STR("progress");
    ch->c.owner = STR("bot");
    ch->c.owner_user = (struct user_id){0};
    ch->c.handoff_reason = STR_EMPTY;
    ch->c.waiting_since_ms = ch->c.assigned_at_ms = ch->c.deadline_step = 0;
    ch->c.unanswered_at_ms = is_unanswered ? ch->now_ms : 0;
    TRY(change_owner(ch, kind, data, e));
    return is_unanswered ? plan_turn(ch->a, ch->tx, &ch->c, debounce, ch->now_ms, e) : ST_OK;
}

/* --- what callers ask for ------------------------------------------------------------------------------------------ */

static enum status other_owner(struct str message, struct err *e) {
    err_set(e, ST_CONFLICT, __FILE__, __LINE__, "%.*s", STR_ARG(message));
    e->cause = "owner-changed";
    return ST_CONFLICT;
}

enum status conversation_expect(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                struct conversation_id id, int64_t version, struct err *e) {
    struct conversation c;

    TRY(conversation_lock(a, tx, tenant, id, &c, e));
    if (c.owner_version == version)
        return ST_OK;
    return other_owner(STR("somebody else was faster: the conversation's owner is another by now"),
                       e);
}

enum status conversation_expect_not_others(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                           struct conversation_id id, struct user_id user,
                                           struct err *e) {
    struct conversation c;

    TRY(conversation_lock(a, tx, tenant, id, &c, e));
    if (uuid_is_nil(c.owner_user.v) || uuid_eq(c.owner_user.v, user.v))
        return ST_OK;
    return other_owner(
        STR("somebody else has this conversation: ask them or a supervisor to pass it on"), e);
}

static void take_along(struct conversation *c, const struct handoff *h) {
    c->handoff_reason = h->note.len > 0 ? h->note : h->reason;
    if (h->summary.len > 0)
        c->summary = h->summary;
    if (h->collected.len > 0)
        c->collected = h->collected;
    if (h->skill.len > 0)
        c->skill = h->skill;
}

enum status conversation_request_handoff(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                         struct conversation_id id, const struct handoff *handoff,
                                         int64_t now_ms, struct err *e) {
    struct change ch = {.a = a, .tx = tx, .now_ms = now_ms};

    TRY(change_begin(&ch, tenant, id, e));
    if (!str_eq(ch.c.owner, STR("bot")))
        return ST_OK;
    take_along(&ch.c, handoff);
    TRY(change_to_queue(&ch, "conversation.handoff_requested",
                        change_data(a, "reason", handoff->reason), e));
    TRY(change_place(&ch, (struct user_id){0}, e));
    return change_say_waiting(&ch, str_eq(handoff->reason, STR(HANDOFF_CUSTOMER_ASKED)), e);
}

enum status conversation_take(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct conversation_id id, struct user_id user, int64_t now_ms,
                              struct err *e) {
    struct change ch = {.a = a, .tx = tx, .now_ms = now_ms};

    TRY(change_begin(&ch, tenant, id, e));
    if (conversation_is_closed(&ch.c))
        FAIL_AS(e, ST_CONFLICT, "conversation-closed", "the conversation is closed");
    if (str_eq(ch.c.owner, STR("person"))) {
        if (uuid_eq(ch.c.owner_user.v, user.v) || uuid_is_nil(user.v))
            return ST_OK; /* has it already; an answer from the phone does not take it from a colleague */
        if (!uuid_is_nil(ch.c.owner_user.v)) {
            struct str who = uuid_format(a, ch.c.owner_user.v);

            return other_owner(arena_printf(a, "user %.*s has this conversation", STR_ARG(who)), e);
        }
    }
    set_person(&ch, user);
    return change_owner(&ch, "conversation.taken",
                        uuid_is_nil(user.v) ? STR("{\"by\":\"phone\"}")
                                            : change_data(a, "user", uuid_format(a, user.v)),
                        e);
}

enum status conversation_release(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                 struct conversation_id id, struct debounce debounce,
                                 int64_t now_ms, struct err *e) {
    struct change ch = {.a = a, .tx = tx, .now_ms = now_ms};
    struct user_id was;

    TRY(change_begin(&ch, tenant, id, e));
    was = ch.c.owner_user;
    if (str_eq(ch.c.owner, STR("bot")))
        return ST_OK;
    if (conversation_is_closed(&ch.c))
        FAIL_AS(e, ST_CONFLICT, "conversation-closed", "the conversation is closed");
    TRY(change_to_bot(&ch, "conversation.released", STR_EMPTY, debounce, e));
    return change_freed(&ch, was, e);
}

void change_set_closed(struct change *ch, const char *state) {
    ch->c.state = str_of(state);
    ch->c.owner = STR("none");
    ch->c.owner_user = (struct user_id){0};
    ch->c.waiting_since_ms = ch->c.unanswered_at_ms = ch->c.deadline_step = 0;
}

enum status conversation_close(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct conversation_id id, int64_t now_ms, struct err *e) {
    struct change ch = {.a = a, .tx = tx, .now_ms = now_ms};
    struct user_id was;

    TRY(change_begin(&ch, tenant, id, e));
    if (conversation_is_closed(&ch.c))
        return ST_OK;
    was = ch.c.owner_user;
    change_set_closed(&ch, "agent_closed");
    TRY(change_owner(&ch, "conversation.closed", STR_EMPTY, e));
    TRY(change_say(&ch, "closed", ch.team.texts.closed, STR("closed"), e));
    return change_freed(&ch, was, e);
}

enum status conversation_answered(struct tx *tx, const struct conversation *c, int64_t now_ms,
                                  struct err *e) {
    return store_conversation_answered(tx, c, now_ms, e);
}

enum status conversation_watch(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               int64_t now_ms, struct conversation_counts *ret, struct err *e) {
    return store_conversation_counts(a, tx, tenant, now_ms, ret, e);
}

enum status conversation_settings_changed(struct tx *tx, struct tenant_id tenant, int64_t now_ms,
                                          struct err *e) {
    return store_conversations_look(tx, tenant, now_ms, e);
}

enum status conversation_set_bot_state(struct tx *tx, struct tenant_id tenant,
                                       struct conversation_id id, struct str bot_state,
                                       int64_t answered_count, int64_t now_ms, struct err *e) {
    return store_conversation_bot_state(tx, tenant, id, bot_state, answered_count, now_ms, e);
}

enum status conversation_touch(struct tx *tx, struct tenant_id tenant, struct conversation_id id,
                               struct str text, int64_t now_ms, struct err *e) {
    return store_conversation_preview(tx, tenant, id, utf8_cut_points(text, 200), now_ms, e);
}
