/* ownership.c - who may speak. Every change raises owner_version and withdraws what the bot has not sent yet.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conversation/store.h"

enum status conversation_lock(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct conversation_id id, struct conversation *ret, struct err *e) {
    return store_conversation_lock(a, tx, tenant, id, ret, e);
}

static bool is_closed(const struct conversation *c) {
    return str_eq(c->state, STR("agent_closed")) || str_eq(c->state, STR("expired"));
}

static struct str text_data(struct arena *a, const char *key, struct str value) {
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

/* The one place where an owner changes away from the bot, or between people. */
static enum status change_owner(struct arena *a, struct tx *tx, const struct conversation *c,
                                const char *kind, struct str data, int64_t now_ms, struct err *e) {
    struct event ev = {.tenant = c->tenant, .conversation = c->id, .at_ms = now_ms};
    struct db_rows cancelled;

    TRY(store_conversation_own(tx, c, now_ms, e));
    TRY(store_messages_cancel_bot(a, tx, c->tenant, c->id, now_ms, &cancelled, e));
    for (size_t i = 0; i < cancelled.n; i++) {
        struct event gone = ev;

        gone.kind = STR("message.cancelled");
        gone.message.v = db_uuid(&cancelled, i, 0);
        gone.data = text_data(a, "reason", str_of(kind));
        TRY(event_add(tx, gone, e));
    }
    ev.kind = str_of(kind);
    ev.data = data;
    return event_add(tx, ev, e);
}

enum status conversation_request_handoff(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                         struct conversation_id id, struct str reason,
                                         int64_t now_ms, struct err *e) {
    struct conversation c;

    TRY(conversation_lock(a, tx, tenant, id, &c, e));
    if (!str_eq(c.owner, STR("bot")))
        return ST_OK;
    c.state = STR("waiting_agent");
    c.owner = STR("none");
    c.owner_user = (struct user_id){0};
    c.handoff_reason = reason;
    return change_owner(a, tx, &c, "conversation.handoff_requested", text_data(a, "reason", reason),
                        now_ms, e);
}

enum status conversation_take(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct conversation_id id, struct user_id user, int64_t now_ms,
                              struct err *e) {
    struct conversation c;

    TRY(conversation_lock(a, tx, tenant, id, &c, e));
    if (is_closed(&c))
        FAIL(e, ST_CONFLICT, "the conversation is closed");
    if (str_eq(c.owner, STR("person"))) {
        if (uuid_eq(c.owner_user.v, user.v) || uuid_is_nil(user.v))
            return ST_OK; /* has it already; an answer from the phone does not take it from a colleague */
        if (!uuid_is_nil(c.owner_user.v)) {
            struct str who = uuid_format(a, c.owner_user.v);

            FAIL(e, ST_CONFLICT, "user %.*s has this conversation", STR_ARG(who));
        }
    }
    c.state = STR("assigned");
    c.owner = STR("person");
    c.owner_user = user;
    return change_owner(a, tx, &c, "conversation.taken",
                        uuid_is_nil(user.v) ? STR("{\"by\":\"phone\"}")
                                            : text_data(a, "user", uuid_format(a, user.v)),
                        now_ms, e);
}

enum status conversation_close(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct conversation_id id, int64_t now_ms, struct err *e) {
    struct conversation c;

    TRY(conversation_lock(a, tx, tenant, id, &c, e));
    if (is_closed(&c))
        return ST_OK;
    c.state = STR("agent_closed");
    c.owner = STR("none");
    return change_owner(a, tx, &c, "conversation.closed", STR_EMPTY, now_ms, e);
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

/* --- reading ------------------------------------------------------------------------------------------------------ */

enum status conversation_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             struct conversation_id id, struct conversation *ret, struct err *e) {
    return store_conversation_get(a, tx, tenant, id, ret, e);
}

/* The list is paged by (last activity, id), newest first: "ms.uuid". */
static enum status list_cursor(struct str text, int64_t *ret_ms, struct uuid *ret_id,
                               struct err *e) {
    struct str head;

    *ret_ms = INT64_MAX;
    *ret_id = (struct uuid){0};
    if (text.len == 0)
        return ST_OK;
    if (!str_cut(&text, '.', &head) || !str_parse_i64(head, 0, INT64_MAX, ret_ms) ||
        !uuid_parse(text, ret_id))
        FAIL(e, ST_INVALID, "the cursor is not one that this server gave");
    return ST_OK;
}

enum status conversation_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct str state, struct page_query page,
                              struct conversation_page *ret, struct err *e) {
    struct list_place place = {.state = state, .limit = page.limit};
    struct db_rows rows;

    TRY(list_cursor(page.cursor, &place.before_ms, &place.before, e));
    TRY(store_conversation_page(a, tx, tenant, &place, &rows, e));
    *ret = (struct conversation_page){.items = arena_array_of(a, rows.n + 1, struct conversation),
                                      .n = rows.n};
    for (size_t i = 0; i < rows.n; i++)
        store_conversation_row(&rows, i, tenant, &ret->items[i]);
    if (rows.n == page.limit) {
        const struct conversation *last = &ret->items[rows.n - 1];
        struct str id = uuid_format(a, last->id.v);

        ret->next = arena_printf(a, "%lld.%.*s", (long long)last->last_at_ms, STR_ARG(id));
    }
    return ST_OK;
}
