/* assign.c - who gets a conversation that waits for a person: in the transaction that asks for one, and when somebody comes
 * online or gets free.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conversation/change.h"
#include "conversation/choose.h"

enum {
    TRIES = 8,      /* others may take turns at the same time */
    FILL_MAX = 200, /* in one transaction; the next one who comes goes on */
};

static enum status find_somebody(struct change *ch, const struct choice_of *of,
                                 struct team_member *ret, const char **ret_how, struct err *e) {
    const struct team_member *found;
    struct team_member *members;
    struct user_load *loads;
    size_t n_members, n_loads;

    TRY(team_members(ch->a, ch->tx, ch->c.tenant, ch->now_ms, &members, &n_members, e));
    TRY(conversation_loads(ch->a, ch->tx, ch->c.tenant, &loads, &n_loads, e));
    found = choose_member(members, n_members, loads, n_loads, of, ret_how);
    *ret = found ? *found : (struct team_member){0};
    return ST_OK;
}

enum status change_place(struct change *ch, struct user_id except, struct err *e) {
    struct choice_of of = {.skill = ch->c.skill,
                           .except = except,
                           .is_round_robin = ch->team.is_round_robin,
                           .default_capacity = ch->team.default_capacity};

    if (ch->team.is_sticky)
        TRY(store_conversation_last_user(ch->a, ch->tx, ch->c.tenant, ch->c.lead, &of.sticky, e));
    if (!of.is_round_robin && uuid_is_nil(of.sticky.v))
        return ST_OK;
    /* Counting and giving are two statements: the turn is taken only if nobody else took one of theirs in between. */
    for (int i = 0; i < TRIES; i++) {
        struct team_member m;
        const char *how;
        bool has_won;

        TRY(find_somebody(ch, &of, &m, &how, e));
        if (uuid_is_nil(m.user.v))
            return ST_OK;
        TRY(team_take_turn(ch->tx, ch->c.tenant, &m, ch->now_ms, &has_won, e));
        if (has_won)
            return change_to_user(ch, m.user, (struct user_id){0}, how, e);
    }
    return ST_OK; /* it waits; the next one who is free gets it */
}

/* just_left: one that its person has just let go does not come back to them. */
static enum status fill(struct change *with, struct tenant_id tenant,
                        struct conversation_id just_left, struct err *e) {
    struct change ch = *with;
    struct db_rows rows;

    if (!ch.team.is_round_robin && !ch.team.is_sticky)
        return ST_OK;
    TRY(store_conversations_waiting(ch.a, ch.tx, tenant, FILL_MAX, &rows, e));
    for (size_t i = 0; i < rows.n; i++) {
        store_conversation_row(&rows, i, tenant, &ch.c);
        if (!uuid_eq(ch.c.id.v, just_left.v))
            TRY(change_place(&ch, (struct user_id){0}, e));
    }
    return ST_OK;
}

enum status conversation_fill(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              int64_t now_ms, struct err *e) {
    struct change ch = {.a = a, .tx = tx, .now_ms = now_ms};

    TRY(team_settings_get(a, tx, tenant, &ch.team, e));
    return fill(&ch, tenant, (struct conversation_id){0}, e);
}

enum status change_freed(struct change *ch, struct user_id was, struct err *e) {
    return uuid_is_nil(was.v) ? ST_OK : fill(ch, ch->c.tenant, ch->c.id, e);
}

enum status conversation_assign(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                struct conversation_id id, struct assignment to, int64_t now_ms,
                                struct err *e) {
    struct change ch = {.a = a, .tx = tx, .now_ms = now_ms};
    struct user_id was;

    TRY(change_begin(&ch, tenant, id, e));
    was = ch.c.owner_user;
    if (conversation_is_closed(&ch.c))
        FAIL_AS(e, ST_CONFLICT, "conversation-closed", "the conversation is closed");
    if (to.has_skill)
        ch.c.skill = to.skill;
    if (uuid_is_nil(to.user.v)) {
        ch.c.last_user = (struct user_id){0}; /* who puts it back does not want it again */
        TRY(change_to_queue(&ch, "conversation.queued", STR("{\"reason\":\"assigned\"}"), e));
        TRY(change_place(&ch, was, e));
        return change_freed(&ch, was, e);
    }

    struct team_member m;
    struct err miss = ERR_INIT;
    enum status st = team_member_get(a, tx, tenant, to.user, now_ms, &m, &miss);

    if (st == ST_NOT_FOUND || (st == ST_OK && !m.is_active))
        FAIL_AS(e, ST_INVALID, "no-such-user",
                "user: the team has no such user, or the user is disabled");
    if (st != ST_OK) {
        *e = miss;
        return st;
    }
    if (str_eq(ch.c.owner, STR("person")) && uuid_eq(was.v, to.user.v))
        return ST_OK;
    TRY(change_to_user(&ch, to.user, to.by, "manual", e));
    return change_freed(&ch, was, e);
}

enum status conversation_loads(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct user_load **ret, size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(store_conversation_loads(a, tx, tenant, &rows, e));
    *ret = arena_array_of(a, rows.n + 1, struct user_load);
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = (struct user_load){{db_uuid(&rows, i, 0)}, db_i64(&rows, i, 1)};
    *ret_n = rows.n;
    return ST_OK;
}
