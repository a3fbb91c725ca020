/* merge.c - two leads turn out to be one person, who may then have two open conversations with one account. The one that a
 * person of ours has stays, else the one that waits for a person, else the older. What was unanswered in the other moves
 * over, so that whoever has the one that stays sees it and answers.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conversation/change.h"

#include "base/clock.h"

enum { TURN_WAIT_MS = 2000, TURN_CAP_MS = 8000 };

static int weight(const struct conversation *c) {
    if (str_eq(c->owner, STR("person")))
        return 2;
    return str_eq(c->owner, STR("none")) ? 1 : 0;
}

static bool stays(const struct conversation *a, const struct conversation *b) {
    if (weight(a) != weight(b))
        return weight(a) > weight(b);
    if (a->created_at_ms != b->created_at_ms)
        return a->created_at_ms < b->created_at_ms;
    return uuid_cmp(a->id.v, b->id.v) < 0;
}

static enum status absorb(struct change *ch, struct change *gone, int64_t unanswered,
                          int64_t since_ms, struct err *e) {
    struct conversation *c = &ch->c;

    if (gone->c.window_until_ms > c->window_until_ms)
        c->window_until_ms = gone->c.window_until_ms;
    if (unanswered > 0) {
        TRY(store_messages_move(ch->tx, &gone->c, c, since_ms, e));
        c->inbound_count += unanswered;
        if (c->unanswered_at_ms == 0 || since_ms < c->unanswered_at_ms)
            c->unanswered_at_ms = since_ms;
    }
    deadline_find(c, &ch->team);
    TRY(store_conversation_absorbed(ch->tx, c, ch->now_ms, e));
    TRY(change_note(ch, "conversation.joined",
                    change_data(ch->a, "from", uuid_format(ch->a, gone->c.id.v)), e));
    if (unanswered > 0 && str_eq(c->owner, STR("bot")))
        return plan_turn(ch->a, ch->tx, c, (struct debounce){TURN_WAIT_MS, TURN_CAP_MS}, ch->now_ms,
                         e);
    return ST_OK;
}

/* Both are open, of one account, and locked. */
static enum status join(struct change *one, struct change *other, struct err *e) {
    struct change *stay = stays(&one->c, &other->c) ? one : other;
    struct change *gone = stay == one ? other : one;
    int64_t unanswered = gone->c.inbound_count - gone->c.answered_count;
    int64_t since_ms = gone->c.unanswered_at_ms ? gone->c.unanswered_at_ms : gone->c.last_at_ms;

    change_set_closed(gone, "agent_closed");
    TRY(change_owner(gone, "conversation.merged",
                     change_data(gone->a, "into", uuid_format(gone->a, stay->c.id.v)), e));
    return absorb(stay, gone, unanswered, since_ms, e);
}

/* The ids of a lead's conversations, as a JSON array. */
static enum status talks_of(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct lead_id lead, struct str *ret, struct err *e) {
    struct db_rows rows;

    TRY(store_conversation_ids_of(a, tx, tenant, lead, &rows, e));
    *ret = STR("[");
    for (size_t i = 0; i < rows.n; i++)
        *ret = arena_printf(a, "%.*s%s\"%.*s\"", STR_ARG(*ret), i > 0 ? "," : "",
                            STR_ARG(uuid_format(a, db_uuid(&rows, i, 0))));
    *ret = arena_printf(a, "%.*s]", STR_ARG(*ret));
    return ST_OK;
}

enum status conversation_move_merged(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                     const struct lead *lead, struct err *e) {
    for (size_t i = 0; i < lead->n_merged; i++) {
        struct str talks;

        TRY(talks_of(a, tx, tenant, lead->merged[i], &talks, e));
        TRY(lead_merge_remember(a, tx, tenant, lead->merged[i], talks, e));
        TRY(conversation_move_lead(a, tx, tenant, lead->merged[i], lead->id, e));
    }
    return ST_OK;
}

enum status conversation_move_lead(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                   struct lead_id from, struct lead_id into, struct err *e) {
    struct change one = {.a = a, .tx = tx, .now_ms = clock_now_ms()}, other;
    struct db_rows rows;

    TRY(store_conversations_of(a, tx, tenant, from, into, &rows, e));
    if (rows.n > 1)
        TRY(team_settings_get(a, tx, tenant, &one.team, e));
    other = one;
    for (size_t i = 0; i + 1 < rows.n; i++) { /* by account: two of one stand side by side */
        store_conversation_row(&rows, i, tenant, &one.c);
        store_conversation_row(&rows, i + 1, tenant, &other.c);
        if (uuid_eq(one.c.account.v, other.c.account.v))
            TRY(join(&one, &other, e));
    }
    return store_conversation_move(tx, tenant, from, into, e);
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status conversation_merge_leads(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                     struct lead_id keep, struct lead_id gone, struct str actor,
                                     int64_t now_ms, struct uuid *ret_merge, struct err *e) {
    struct str talks;

    TRY(talks_of(a, tx, tenant, gone, &talks, e));
    TRY(lead_merge(a, tx, tenant, keep, gone, talks, actor, now_ms, ret_merge, e));
    TRY(conversation_move_lead(a, tx, tenant, gone, keep, e));
    return lead_changed(a, tx, tenant, keep, now_ms, e);
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status conversation_unmerge_leads(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                       struct uuid merge, struct str actor, int64_t now_ms,
                                       struct lead_unmerged *ret, struct err *e) {
    const struct json *talks;

    TRY(lead_merge_undo(a, tx, tenant, merge, actor, now_ms, ret, e));
    TRY(json_parse(a, ret->talks, JSON_LIMITS_DEFAULT, &talks, e));
    for (size_t i = 0; i < json_len(talks); i++) {
        struct conversation_id id;

        if (uuid_parse(json_str(json_at(talks, i)), &id.v))
            TRY(store_conversation_give(tx, tenant, id, ret->keep, ret->gone, e));
    }
    TRY(lead_changed(a, tx, tenant, ret->keep, now_ms, e));
    return lead_changed(a, tx, tenant, ret->gone, now_ms, e);
}
