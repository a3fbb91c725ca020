/* canned.c - answers kept ready, called by a short word.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conversation/store.h"

enum status canned_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                        struct canned **ret, size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(store_canned(a, tx, tenant, &rows, e));
    *ret = arena_array_of(a, rows.n + 1, struct canned);
    *ret_n = rows.n;
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = (struct canned){
            .id = db_uuid(&rows, i, 0),
            .shortcut = db_text(&rows, i, 1),
            .text = db_text(&rows, i, 2),
            .updated_at_ms = db_i64(&rows, i, 3),
        };
    return ST_OK;
}

enum status canned_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct uuid id,
                       struct canned *ret, struct err *e) {
    struct canned *all;
    size_t n;

    TRY(canned_list(a, tx, tenant, &all, &n, e));
    for (size_t i = 0; i < n; i++)
        if (uuid_eq(all[i].id, id)) {
            *ret = all[i];
            return ST_OK;
        }
    FAIL(e, ST_NOT_FOUND, "no such canned answer");
}

/* What a person types behind "/": no accents to think about, no case. */
static bool is_shortcut(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
            return false;
    }
    return s.len > 0 && s.len <= SHORTCUT_MAX;
}

static enum status insert_canned(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                 struct canned *canned, int64_t now_ms, struct err *e) {
    struct canned *all;
    size_t n;

    TRY(canned_list(a, tx, tenant, &all, &n, e));
    if (n >= CANNED_MAX)
        FAIL_AS(e, ST_INVALID, "too-many", "there are %d canned answers already: remove one first",
                CANNED_MAX);
    canned->id = uuid_new();
    return store_canned_insert(tx, tenant, canned, now_ms, e);
}

enum status canned_put(struct arena *a, struct tx *tx, struct tenant_id tenant,
                       struct canned *canned, int64_t now_ms, struct err *e) {
    struct err why = ERR_INIT;
    struct str shortcut = str_trim(canned->shortcut);
    int64_t changed = 1;
    enum status st;

    (void)str_eat(&shortcut, STR("/"));
    canned->shortcut = utf8_fold(a, shortcut);
    canned->updated_at_ms = now_ms;
    if (!is_shortcut(canned->shortcut))
        FAIL(e, ST_INVALID, "shortcut: 1 to %d letters, digits, \"-\" or \"_\"", SHORTCUT_MAX);
    if (str_trim(canned->text).len == 0 || utf8_count(canned->text) > CANNED_TEXT_MAX)
        FAIL(e, ST_INVALID, "text: 1 to %d characters", CANNED_TEXT_MAX);
    st = uuid_is_nil(canned->id) ? insert_canned(a, tx, tenant, canned, now_ms, &why)
                                 : store_canned_update(tx, tenant, canned, now_ms, &changed, &why);
    if (st == ST_CONFLICT)
        FAIL_AS(e, ST_CONFLICT, "name-taken", "another canned answer has this shortcut");
    if (st != ST_OK) {
        *e = why;
        return st;
    }
    if (changed == 0)
        FAIL(e, ST_NOT_FOUND, "no such canned answer");
    return ST_OK;
}

enum status canned_remove(struct tx *tx, struct tenant_id tenant, struct uuid id, struct err *e) {
    int64_t changed = 0;

    TRY(store_canned_delete(tx, tenant, id, &changed, e));
    if (changed == 0)
        FAIL(e, ST_NOT_FOUND, "no such canned answer");
    return ST_OK;
}
