/* trouble.c - messages that failed or whose fate is unknown, by cause; and all that is on record about one message.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conversation/store.h"

enum { GROUPS_MAX = 200, EVENTS_MAX = 500 };

enum status message_trouble_groups(struct arena *a, struct tx *tx,
                                   const struct trouble_query *query, struct trouble_group **ret,
                                   size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(store_trouble_groups(a, tx, query, GROUPS_MAX, &rows, e));
    *ret = arena_array_of(a, rows.n + 1, struct trouble_group);
    *ret_n = rows.n;
    for (size_t i = 0; i < rows.n; i++) {
        int64_t code = db_i64(&rows, i, 0);

        (*ret)[i] = (struct trouble_group){
            .cause = code > 0 ? arena_printf(a, "%lld", (long long)code) : db_text(&rows, i, 1),
            .sample_reason = db_text(&rows, i, 2),
            .n = db_i64(&rows, i, 3),
            .oldest_ms = db_i64(&rows, i, 4),
            .newest_ms = db_i64(&rows, i, 5),
        };
    }
    return ST_OK;
}

enum status message_trouble_list(struct arena *a, struct tx *tx, const struct trouble_query *query,
                                 struct message_page *ret, struct err *e) {
    struct db_rows rows;

    TRY(store_trouble_ids(a, tx, query, &rows, e));
    *ret = (struct message_page){.items = arena_array_of(a, rows.n + 1, struct message),
                                 .n = rows.n,
                                 .has_more = rows.n == query->limit};
    for (size_t i = 0; i < rows.n; i++)
        TRY(message_get(a, tx, query->tenant, (struct message_id){db_uuid(&rows, i, 0)},
                        &ret->items[i], e));
    return ST_OK;
}

static struct str what_of(struct str dedup) { /* "m:<id>" or "s:<id>:<word>" */
    size_t word = dedup.len;

    if (str_starts(dedup, STR("m:")))
        return STR("message");
    while (word > 0 && dedup.ptr[word - 1] != ':')
        word--;
    return str_sub(dedup, word, dedup.len);
}

enum status message_calls(struct arena *a, struct tx *tx, const struct message *m,
                          struct message_call **ret, size_t *ret_n, struct err *e) {
    struct db_rows rows = {0};

    if (m->provider_id.len > 0)
        TRY(store_seen_calls(a, tx, m, &rows, e));
    *ret = arena_array_of(a, rows.n + 1, struct message_call);
    *ret_n = rows.n;
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = (struct message_call){
            .what = what_of(db_text(&rows, i, 0)),
            .call.v = db_uuid(&rows, i, 1),
            .at_ms = db_i64(&rows, i, 2),
        };
    return ST_OK;
}

enum status message_events(struct arena *a, struct tx *tx, const struct message *m,
                           struct event_page *ret, struct err *e) {
    struct db_rows rows;

    TRY(store_message_events(a, tx, m, EVENTS_MAX, &rows, e));
    event_page_of(a, &rows, EVENTS_MAX, ret);
    return ST_OK;
}
