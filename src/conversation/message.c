/* message.c - one message's life: inserted once, its status only ever forward.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conversation/store.h"

/* A status may only be replaced by one of a greater rank, in whatever order and number callbacks arrive. Failed stands
 * after sent (a provider may refuse what it had accepted) and before delivered (which proves it wrong). */
static const struct {
    const char *status;
    int rank;
} ranks[] = {
    {"received", 0}, {"queued", 10},    {"sending", 20}, {"uncertain", 30}, {"sent", 40},
    {"failed", 45},  {"delivered", 50}, {"read", 60},    {"played", 70},    {"cancelled", 99},
};

static int rank_of(struct str status) {
    for (size_t i = 0; i < ARRAY_LEN(ranks); i++)
        if (str_eq(status, str_of(ranks[i].status)))
            return ranks[i].rank;
    return -1;
}

bool message_is_answered(struct str content) {
    return str_contains(content, STR("\"is_answered\":true"));
}

bool message_wants_answer(const struct message *m) {
    static const char *const silent[] = {"reaction", "revoke", "system"};

    for (size_t i = 0; i < ARRAY_LEN(silent); i++)
        if (str_eq(m->type, str_of(silent[i])))
            return false;
    /* A key of the content: inside a text the quotes would be escaped. */
    return !str_contains(m->content, STR("\"group_id\":")) &&
           !str_contains(m->content, STR("\"is_auto\":true")) && !message_is_answered(m->content);
}

bool message_may_move(struct str from, struct str to) {
    if (str_eq(to, STR("cancelled")))
        return str_eq(from, STR("queued"));
    return rank_of(to) > rank_of(from) && rank_of(from) >= 0;
}

static enum status add_event(struct arena *a, struct tx *tx, const struct message *m,
                             const char *what, struct str data, int64_t now_ms, struct err *e) {
    return event_add(tx,
                     (struct event){.tenant = m->tenant,
                                    .conversation = m->conversation,
                                    .message = m->id,
                                    .kind = arena_printf(a, "message.%s", what),
                                    .data = data,
                                    .at_ms = now_ms},
                     e);
}

enum status message_insert(struct arena *a, struct tx *tx, struct message *m, int64_t now_ms,
                           struct err *e) {
    m->id.v = uuid_new();
    m->created_at_ms = m->updated_at_ms = now_ms;
    TRY(store_message_insert(a, tx, m, rank_of(m->status), e));
    return add_event(a, tx, m, arena_cstr(a, m->status),
                     arena_printf(a, "{\"owner\":\"%.*s\",\"type\":\"%.*s\"}", STR_ARG(m->owner),
                                  STR_ARG(m->type)),
                     now_ms, e);
}

enum status message_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                        struct message_id id, struct message *ret, struct err *e) {
    return store_message_get(a, tx, tenant, id, ret, e);
}

enum status message_get_some(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             const struct uuid *ids, size_t n, struct messages_some *ret,
                             struct err *e) {
    struct db_rows rows;

    TRY(store_messages_some(a, tx, tenant, ids, n, &rows, e));
    *ret = (struct messages_some){.items = arena_array_of(a, rows.n + 1, struct message_of),
                                  .n = rows.n};
    for (size_t i = 0; i < rows.n; i++) {
        store_message_row(a, &rows, i, tenant, &ret->items[i].message);
        ret->items[i].lead_name = db_text(&rows, i, rows.columns - 1);
    }
    return ST_OK;
}

enum status message_find_provider(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                  struct account_id account, struct str provider_id,
                                  struct message *ret, struct err *e) {
    return store_message_find_provider(a, tx, tenant, account, provider_id, ret, e);
}

enum status message_find_client(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                struct conversation_id conversation, struct str client_id,
                                struct message *ret, struct err *e) {
    return store_message_find_client(a, tx, tenant, conversation, client_id, ret, e);
}

static struct str status_data(struct arena *a, const struct message *m,
                              struct message_change change) {
    struct buf b;
    struct json_out o;

    buf_init(&b, 64u << 10);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_str(&o, "from", m->status);
    json_put_str(&o, "status", change.status);
    json_put_opt(&o, "provider_id", change.provider_id);
    if (change.error_code)
        json_put_i64(&o, "error_code", change.error_code);
    json_put_opt(&o, "cause", change.error_cause);
    json_put_opt(&o, "reason", change.error_reason);
    if (change.detail.len > 0)
        json_put_raw(&o, "detail", change.detail);
    json_end(&o);

    struct str data = b.overflown ? STR("{}") : arena_str(a, buf_str(&b));

    buf_done(&b);
    return data;
}

enum status message_change_status(struct arena *a, struct tx *tx, struct message *m,
                                  struct message_change change, int64_t now_ms, bool *ret_moved,
                                  struct err *e) {
    struct message next = *m;
    int64_t changed = 0;

    next.status = change.status;
    next.provider_id = change.provider_id;
    next.error_code = change.error_code;
    next.error_reason = change.error_reason;
    next.error_cause = change.error_cause;
    next.updated_at_ms = now_ms;
    if (message_may_move(m->status, change.status))
        TRY(store_message_status(tx, &next, rank_of(change.status), &changed, e));
    TRY(add_event(a, tx, m, changed ? arena_cstr(a, change.status) : "status_ignored",
                  status_data(a, m, change), now_ms, e));
    if (changed) {
        if (m->provider_id.len > 0)
            next.provider_id = m->provider_id;
        *m = next;
    }
    *ret_moved = changed > 0;
    return ST_OK;
}

enum status message_requeue(struct arena *a, struct tx *tx, struct message *m, int64_t now_ms,
                            struct err *e) {
    int64_t changed;

    TRY(store_message_requeue(tx, m, now_ms, &changed, e));
    if (changed == 0)
        FAIL_AS(e, ST_CONFLICT, "nothing-to-settle",
                "the message is %.*s and cannot be queued again", STR_ARG(m->status));
    TRY(add_event(a, tx, m, "queued", arena_printf(a, "{\"from\":\"%.*s\"}", STR_ARG(m->status)),
                  now_ms, e));
    m->status = STR("queued");
    return ST_OK;
}

enum status message_set_media(struct tx *tx, struct tenant_id tenant, struct message_id id,
                              struct str media, int64_t now_ms, struct err *e) {
    return store_message_media(tx, tenant, id, media, now_ms, e);
}

enum status message_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct conversation_id conversation, struct page_query page,
                         struct message_page *ret, struct err *e) {
    struct page_place place = {.tenant = tenant, .conversation = conversation, .page = page};
    struct db_rows rows;

    if (page.is_backward && uuid_is_nil(conversation.v))
        FAIL(e, ST_INVALID, "newest first needs a conversation");
    TRY(cursor_parse(page.cursor, &place.from, e));
    TRY(store_message_page(a, tx, &place, &rows, e));
    *ret = (struct message_page){.items = arena_array_of(a, rows.n + 1, struct message),
                                 .n = rows.n,
                                 .has_more = rows.n == page.limit};
    for (size_t i = 0; i < rows.n; i++)
        store_message_row(a, &rows, i, tenant, &ret->items[i]);
    return ST_OK;
}
