/* event.c - the append-only record of every step, and the wake-up of those who watch it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conversation/store.h"

static struct {
    void (*wake)(void *arg);
    void *arg;
} waker; /* set once at start, before any transaction */

void conversation_set_waker(void (*wake)(void *arg), void *arg) {
    waker.wake = wake;
    waker.arg = arg;
}

enum status event_add(struct tx *tx, struct event ev, struct err *e) {
    if (uuid_is_nil(ev.id))
        ev.id = uuid_new();
    if (ev.data.len == 0)
        ev.data = STR("{}");
    TRY(store_event_insert(tx, &ev, e));
    if (waker.wake)
        tx_after_commit(tx, waker.wake, waker.arg);
    return ST_OK;
}

static void event_row(struct arena *a, const struct db_rows *rows, size_t i, struct event *ret) {
    *ret = (struct event){
        .cursor = cursor_format(a, db_i64(rows, i, 0), db_i64(rows, i, 1)),
        .id = db_uuid(rows, i, 2),
        .tenant.v = db_uuid(rows, i, 3),
        .conversation.v = db_uuid(rows, i, 4),
        .message.v = db_uuid(rows, i, 5),
        .kind = db_text(rows, i, 6),
        .data = db_text(rows, i, 7),
        .at_ms = db_i64(rows, i, 8),
    };
}

void event_page_of(struct arena *a, const struct db_rows *rows, size_t limit,
                   struct event_page *ret) {
    *ret = (struct event_page){.items = arena_array_of(a, rows->n + 1, struct event),
                               .n = rows->n,
                               .has_more = rows->n == limit};
    for (size_t i = 0; i < rows->n; i++)
        event_row(a, rows, i, &ret->items[i]);
}

enum status event_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                       struct conversation_id conversation, struct page_query page,
                       struct event_page *ret, struct err *e) {
    struct page_place place = {.tenant = tenant, .conversation = conversation, .page = page};
    struct db_rows rows;

    TRY(cursor_parse(page.cursor, &place.from, e));
    TRY(store_event_page(a, tx, &place, &rows, e));
    event_page_of(a, &rows, page.limit, ret);
    return ST_OK;
}

enum status event_feed(struct arena *a, struct tx *tx, struct str cursor, struct fed **ret,
                       size_t *ret_n, struct str *ret_next, struct err *e) {
    enum { FEED_LIMIT = 500 };
    struct cursor from;
    struct db_rows rows;

    TRY(cursor_parse(cursor, &from, e));
    TRY(store_event_feed(a, tx, from, FEED_LIMIT, &rows, e));
    *ret = arena_array_of(a, rows.n + 1, struct fed);
    *ret_n = rows.n;
    *ret_next = cursor;
    for (size_t i = 0; i < rows.n; i++) {
        struct fed *fed = &(*ret)[i];

        event_row(a, &rows, i, &fed->event);
        *ret_next = fed->event.cursor;
        fed->has_message = !db_is_null(&rows, i, EVENT_COLUMNS);
        if (fed->has_message) {
            store_message_cells(a, &rows, i, EVENT_COLUMNS, &fed->message);
            fed->message.tenant = fed->event.tenant;
        }
    }
    return ST_OK;
}

enum status lead_changed(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct lead_id lead, int64_t now_ms, struct err *e) {
    struct str id = uuid_format(a, lead.v);

    return event_add(tx,
                     (struct event){.tenant = tenant,
                                    .kind = STR("lead.changed"),
                                    .data = arena_printf(a, "{\"lead\":\"%.*s\"}", STR_ARG(id)),
                                    .at_ms = now_ms},
                     e);
}

enum status event_list_lead(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct lead_id lead, struct page_query page, struct event_page *ret,
                            struct err *e) {
    struct page_place place = {.tenant = tenant, .page = page};
    struct db_rows rows;

    TRY(cursor_parse(page.cursor, &place.from, e));
    TRY(store_events_of_lead(a, tx, lead, &place, &rows, e));
    *ret = (struct event_page){.items = arena_array_of(a, rows.n + 1, struct event),
                               .n = rows.n,
                               .has_more = rows.n == page.limit};
    for (size_t i = 0; i < rows.n; i++)
        event_row(a, &rows, i, &ret->items[i]);
    return ST_OK;
}

enum status event_last(struct arena *a, struct tx *tx, struct tenant_id tenant,
                       struct str *ret_cursor, struct err *e) {
    struct cursor last;

    TRY(store_event_last(a, tx, tenant, &last, e));
    *ret_cursor = cursor_format(a, last.xid, last.seq);
    return ST_OK;
}
