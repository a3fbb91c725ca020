/* receive.c - what comes in: the person's message, an edit or a withdrawal of one, a reply typed on the phone itself.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conversation/change.h"

#include "conversation/asks.h"

/* The end of the year 9999: a channel without a window. */
#define WINDOW_ALWAYS_MS INT64_C(253402300799000)

static enum status add_event(struct tx *tx, const struct conversation *c, const char *kind,
                             struct str data, int64_t now_ms, struct err *e) {
    return event_add(tx,
                     (struct event){.tenant = c->tenant,
                                    .conversation = c->id,
                                    .kind = str_of(kind),
                                    .data = data,
                                    .at_ms = now_ms},
                     e);
}

static enum status open_conversation(struct arena *a, struct tx *tx, const struct received *in,
                                     struct lead_id lead, struct conversation *ret, struct err *e) {
    struct err miss = ERR_INIT;
    enum status st = store_conversation_find_open(a, tx, in->tenant, in->account, lead, ret, &miss);

    if (st == ST_NOT_FOUND) {
        *ret = (struct conversation){
            .id.v = uuid_new(),
            .tenant = in->tenant,
            .account = in->account,
            .lead = lead,
            .state = STR("pending"),
            .owner = STR("bot"),
            .deadline_at_ms = in->now_ms + BOT_ANSWER_MS,
            .deadline_kind = STR("answer"),
        };
        TRY(store_conversation_insert(tx, ret, in->now_ms, e));
        return add_event(tx, ret, "conversation.opened", STR_EMPTY, in->now_ms, e);
    }
    if (st != ST_OK)
        *e = miss;
    return st;
}

static enum status find_conversation(struct arena *a, struct tx *tx, const struct received *in,
                                     struct conversation *ret, struct err *e) {
    struct lead lead;

    TRY(lead_resolve(a, tx, in->tenant, &in->inbound->party, in->now_ms, &lead, e));
    TRY(conversation_move_merged(a, tx, in->tenant, &lead, e));
    if (lead.is_changed)
        TRY(lead_changed(a, tx, in->tenant, lead.id, in->now_ms, e));
    if (in->inbound->kind == INBOUND_MESSAGE && !in->inbound->is_auto)
        TRY(lead_heard(a, tx, in->tenant, &lead, in->now_ms, e));
    if (lead.is_new || lead.n_merged > 0) /* what stood against a key stands against them */
        TRY(consent_show_many(a, tx, in->tenant, &lead.id, 1, in->now_ms, e));
    return open_conversation(a, tx, in, lead.id, ret, e);
}

enum status conversation_first_seen(struct tx *tx, const struct seen_event *seen, int64_t now_ms,
                                    bool *ret_is_first, struct err *e) {
    int64_t inserted = 0;

    TRY(store_seen_insert(tx, seen, now_ms, &inserted, e));
    *ret_is_first = inserted > 0;
    return ST_OK;
}

/* An edit or a withdrawal changes its target as well; one whose target we never had is kept as it came. */
static enum status apply_to_target(struct arena *a, struct tx *tx, const struct received *in,
                                   struct err *e) {
    const struct inbound *ev = in->inbound;
    bool is_edit = str_eq(ev->type, STR("edit"));
    const struct json *content;
    struct message target;
    struct err miss = ERR_INIT;

    if (!is_edit && !str_eq(ev->type, STR("revoke")))
        return ST_OK;
    TRY(json_parse(a, ev->content, JSON_LIMITS_DEFAULT, &content, e));

    enum status st = store_message_find_provider(
        a, tx, in->tenant, in->account, json_str(json_get(content, "target")), &target, &miss);

    if (st == ST_NOT_FOUND)
        return ST_OK;
    if (st != ST_OK) {
        *e = miss;
        return st;
    }
    if (!is_edit)
        return store_message_revoke(tx, &target, in->now_ms, e);

    struct buf b;

    buf_init(&b, 4u << 20);
    json_write(&b, json_get(content, "content"));
    st = store_message_edit(tx, &target, arena_str(a, buf_str(&b)), ev->text, in->now_ms, e);
    buf_done(&b);
    return st;
}

enum status plan_turn(struct arena *a, struct tx *tx, const struct conversation *c,
                      struct debounce debounce, int64_t now_ms, struct err *e) {
    struct str id = uuid_format(a, c->id.v);

    return queue_put(tx,
                     (struct job_put){
                         .tenant = c->tenant,
                         .kind = CONVERSATION_TURN_JOB,
                         .lane = arena_printf(a, "turn:%.*s", STR_ARG(id)),
                         .key = id,
                         .coalesce = QUEUE_MOVE,
                         .priority = QUEUE_DIRECT,
                         .run_at_ms = now_ms + debounce.wait_ms,
                         .no_later_ms = now_ms + debounce.cap_ms,
                         .payload = arena_printf(a, "{\"conversation\":\"%.*s\"}", STR_ARG(id)),
                     },
                     NULL, e);
}

/* The service window counts from the provider's time of the message. One whose window has passed already was delivered
 * late, or a clock is wrong: then it counts from its arrival, and the provider's own refusal has the last word. */
static int64_t window_until(const struct received *in) {
    int64_t at = in->inbound->at_ms;
    bool is_recent = at <= in->now_ms && at > in->now_ms - in->window_ms;

    if (in->window_ms == 0)
        return WINDOW_ALWAYS_MS;
    return (is_recent ? at : in->now_ms) + in->window_ms;
}

static struct message message_of(const struct received *in, const struct conversation *c) {
    const struct inbound *ev = in->inbound;

    return (struct message){
        .tenant = in->tenant,
        .conversation = c->id,
        .account = in->account,
        .type = ev->type,
        .content = ev->content,
        .text = ev->text,
        .reply_to = ev->reply_to,
        .provider_id = ev->message_id,
        .provider_at_ms = ev->at_ms,
    };
}

/* The customer's own words call a person, or the bot answers. */
static enum status bot_follows(struct change *ch, const struct received *in, struct err *e) {
    bool is_heard =
        str_eq(in->inbound->type, STR("text")) && asks_for_person(ch->a, in->inbound->text);

    if (is_heard)
        TRY(team_settings_get(ch->a, ch->tx, ch->c.tenant, &ch->team, e));
    if (!is_heard || !ch->team.hands_off_on_request)
        return plan_turn(ch->a, ch->tx, &ch->c, in->debounce, in->now_ms, e);
    return conversation_request_handoff(
        ch->a, ch->tx, ch->c.tenant, ch->c.id,
        &(struct handoff){.reason = STR(HANDOFF_CUSTOMER_ASKED),
                          .note = STR("a pessoa pediu atendimento humano")},
        in->now_ms, e);
}

/* c: as it was before the message. */
static enum status follow_up(struct arena *a, struct tx *tx, const struct conversation *c,
                             const struct received *in, struct err *e) {
    struct change ch = {.a = a, .tx = tx, .c = *c, .now_ms = in->now_ms};

    if (str_eq(c->owner, STR("bot")))
        return bot_follows(&ch, in, e);
    TRY(team_settings_get(a, tx, c->tenant, &ch.team, e));
    if (ch.c.unanswered_at_ms == 0) { /* from now on a person is waited for */
        ch.c.unanswered_at_ms = in->now_ms;
        deadline_find(&ch.c, &ch.team);
        TRY(store_conversation_deadline(tx, &ch.c, e));
    }
    return change_say_away(&ch, e);
}

enum status conversation_receive(struct arena *a, struct tx *tx, const struct received *in,
                                 struct message_id *ret, struct err *e) {
    const struct party *party = &in->inbound->party;
    struct change ch = {.a = a, .tx = tx, .now_ms = in->now_ms};
    struct conversation c;
    enum consent_word word;
    bool is_asking;

    TRY(find_conversation(a, tx, in, &c, e));
    if (in->before)
        TRY(in->before(a, tx, &c, in, e));

    struct message m = message_of(in, &c);

    ch.c = c;
    TRY(change_read_consent(&ch, in, &word, e));
    /* Who wants silence is told so and then left alone: the bot does not argue. */
    is_asking = message_wants_answer(&m) && word == CONSENT_NONE;
    m.direction = STR("in");
    m.owner = STR("customer");
    m.sender = party->phone.len > 0     ? party->phone
               : party->user_id.len > 0 ? party->user_id
                                        : party->email;
    m.status = STR("received");
    TRY(message_insert(a, tx, &m, in->now_ms, e));
    TRY(apply_to_target(a, tx, in, e));
    TRY(store_conversation_inbound(tx, &c, utf8_cut_points(m.text, 200), window_until(in),
                                   is_asking, in->now_ms, e));
    *ret = m.id;
    if (word != CONSENT_NONE)
        return change_hear_consent(&ch, in, m.id, word, e);
    return is_asking ? follow_up(a, tx, &c, in, e) : ST_OK;
}

enum status conversation_receive_echo(struct arena *a, struct tx *tx, const struct received *in,
                                      struct message_id *ret, struct err *e) {
    struct conversation c;

    TRY(find_conversation(a, tx, in, &c, e));

    struct message m = message_of(in, &c);

    m.direction = STR("out");
    m.owner = STR("person");
    m.status = STR("sent");
    m.owner_version = c.owner_version;
    TRY(message_insert(a, tx, &m, in->now_ms, e));
    TRY(store_conversation_preview(tx, in->tenant, c.id, utf8_cut_points(m.text, 200), in->now_ms,
                                   e));
    *ret = m.id;
    TRY(conversation_read(
        a, tx,
        (struct seen_by){
            .tenant = in->tenant, .conversation = c.id, .count = -1, .now_ms = in->now_ms},
        e));
    /* Whoever answers from the phone is at it: no user of ours, but a person all the same. */
    TRY(conversation_take(a, tx, in->tenant, c.id, (struct user_id){0}, in->now_ms, e));
    return conversation_answered(tx, &c, in->now_ms, e);
}
