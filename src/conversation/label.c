/* label.c - the tenant's labels, and which of them a conversation has.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "conversation/store.h"

enum { FORGET_MAX = 5000 }; /* conversations of a label that is gone, in one transaction */

/* --- labels ------------------------------------------------------------------------------------------------------------ */

static int by_name(const void *a, const void *b) {
    const struct label *left = a, *right = b;
    int order = str_cmp(left->folded, right->folded);

    return order != 0 ? order : uuid_cmp(left->id, right->id);
}

enum status label_list(struct arena *a, struct tx *tx, struct tenant_id tenant, struct label **ret,
                       size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(store_labels(a, tx, tenant, &rows, e));
    *ret = arena_array_of(a, rows.n + 1, struct label);
    *ret_n = rows.n;
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = (struct label){
            .id = db_uuid(&rows, i, 0),
            .name = db_text(&rows, i, 1),
            .color = db_text(&rows, i, 2),
            .folded = utf8_fold(a, db_text(&rows, i, 1)),
        };
    if (rows.n > 1) /* here, because the engines do not agree on the order of letters */
        qsort(*ret, rows.n, sizeof(**ret), by_name);
    return ST_OK;
}

enum status label_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct uuid id,
                      struct label *ret, struct err *e) {
    struct label *all;
    size_t n;

    TRY(label_list(a, tx, tenant, &all, &n, e));
    for (size_t i = 0; i < n; i++)
        if (uuid_eq(all[i].id, id)) {
            *ret = all[i];
            return ST_OK;
        }
    FAIL(e, ST_NOT_FOUND, "no such label");
}

static bool has_label(const struct label *all, size_t n, struct uuid id) {
    for (size_t i = 0; i < n; i++)
        if (uuid_eq(all[i].id, id))
            return true;
    return false;
}

static bool is_color(struct str s) {
    static const char digits[] = "0123456789abcdefABCDEF";

    if (s.len != 7 || s.ptr[0] != '#')
        return false;
    for (size_t i = 1; i < s.len; i++)
        if (!memchr(digits, s.ptr[i], sizeof(digits) - 1))
            return false;
    return true;
}

static enum status insert_label(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                struct label *label, int64_t now_ms, struct err *e) {
    struct label *all;
    size_t n;

    TRY(label_list(a, tx, tenant, &all, &n, e));
    if (n >= LABELS_MAX)
        FAIL_AS(e, ST_INVALID, "too-many", "there are %d labels already: remove one first",
                LABELS_MAX);
    label->id = uuid_new();
    return store_label_insert(tx, tenant, label, now_ms, e);
}

enum status label_put(struct arena *a, struct tx *tx, struct tenant_id tenant, struct label *label,
                      int64_t now_ms, struct err *e) {
    struct err why = ERR_INIT;
    int64_t changed = 1;
    enum status st;

    label->name = str_trim(label->name);
    if (label->name.len == 0 || utf8_count(label->name) > LABEL_NAME_MAX)
        FAIL(e, ST_INVALID, "name: 1 to %d characters", LABEL_NAME_MAX);
    if (!is_color(label->color))
        FAIL(e, ST_INVALID, "color: \"#\" and six hexadecimal digits");
    st = uuid_is_nil(label->id) ? insert_label(a, tx, tenant, label, now_ms, &why)
                                : store_label_update(tx, tenant, label, now_ms, &changed, &why);
    if (st == ST_CONFLICT)
        FAIL_AS(e, ST_CONFLICT, "name-taken", "there is a label of this name already");
    if (st != ST_OK) {
        *e = why;
        return st;
    }
    if (changed == 0)
        FAIL(e, ST_NOT_FOUND, "no such label");
    return ST_OK;
}

enum status label_remove(struct tx *tx, struct tenant_id tenant, struct uuid id, int64_t now_ms,
                         struct err *e) {
    int64_t changed = 0;

    TRY(store_label_remove(tx, tenant, id, now_ms, &changed, e));
    if (changed == 0)
        FAIL(e, ST_NOT_FOUND, "no such label");
    return ST_OK;
}

enum status label_restore(struct arena *a, struct tx *tx, struct tenant_id tenant, struct uuid id,
                          int64_t now_ms, struct err *e) {
    struct err why = ERR_INIT;
    struct label *all;
    int64_t changed = 0;
    size_t n;
    enum status st;

    TRY(label_list(a, tx, tenant, &all, &n, e));
    if (has_label(all, n, id))
        return ST_OK;
    st = store_label_restore(tx, tenant, id, now_ms, &changed, &why);
    if (st == ST_CONFLICT)
        FAIL_AS(e, ST_CONFLICT, "name-taken", "there is another label of this name by now");
    if (st != ST_OK) {
        *e = why;
        return st;
    }
    if (changed == 0)
        FAIL(e, ST_NOT_FOUND, "no such label");
    if (n >= LABELS_MAX)
        FAIL_AS(e, ST_INVALID, "too-many", "there are %d labels already: remove one first",
                LABELS_MAX);
    return ST_OK;
}

enum status label_forget_old(struct arena *a, struct tx *tx, int64_t now_ms, bool *ret_is_more,
                             struct err *e) {
    struct tenant_id tenant;
    struct db_rows rows;
    int64_t n;

    TRY(store_label_forgettable(a, tx, now_ms - LABEL_KEPT_MS, &rows, e));
    *ret_is_more = rows.n > 0;
    if (rows.n == 0)
        return ST_OK;
    tenant.v = db_uuid(&rows, 0, 0);
    TRY(tx_set_scope(tx, DB_TENANT(tenant), e));
    return store_label_forget(tx, tenant, db_uuid(&rows, 0, 1), FORGET_MAX, &n, e);
}

/* --- on a conversation ------------------------------------------------------------------------------------------------- */

struct label_ids {
    struct uuid items[2 * CONVERSATION_LABELS_MAX];
    size_t n;
};

/* The set's ids without repeats, checked against what there is. */
static enum status pick_labels(struct arena *a, struct tx *tx, const struct label_set *set,
                               struct label *ret, size_t *ret_n, struct err *e) {
    struct label *all;
    size_t n_all;

    TRY(label_list(a, tx, set->tenant, &all, &n_all, e));
    *ret_n = 0;
    for (size_t i = 0; i < set->n; i++) {
        if (!has_label(all, n_all, set->labels[i]))
            FAIL_AS(e, ST_INVALID, "no-such-label",
                    "labels: there is no label of the id in place %zu", i + 1);
        if (has_label(ret, *ret_n, set->labels[i]))
            continue;
        if (*ret_n == CONVERSATION_LABELS_MAX)
            FAIL_AS(e, ST_INVALID, "too-many", "labels: at most %d on one conversation",
                    CONVERSATION_LABELS_MAX);
        ret[(*ret_n)++].id = set->labels[i];
    }
    return ST_OK;
}

/* One that is removed stays on its conversations: nobody sees it to take it off, and it can come back. */
static enum status keep_removed(struct arena *a, struct tx *tx, const struct conversation *c,
                                struct label_ids *ids, struct err *e) {
    struct str left = c->label_ids, head;
    struct db_rows rows;
    struct uuid id;

    if (left.len == 0)
        return ST_OK;
    TRY(store_labels_removed(a, tx, c->tenant, &rows, e));
    for (bool is_more = rows.n > 0; is_more && ids->n < ARRAY_LEN(ids->items);) {
        is_more = str_cut(&left, ' ', &head);
        if (!uuid_parse(head, &id))
            continue;
        for (size_t i = 0; i < rows.n; i++)
            if (uuid_eq(db_uuid(&rows, i, 0), id)) {
                ids->items[ids->n++] = id;
                break;
            }
    }
    return ST_OK;
}

static struct str labels_data(struct arena *a, const struct label *labels, size_t n) {
    struct buf b;
    struct json_out o;
    struct str data;

    buf_init(&b, 4096);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_arr(&o, "labels");
    for (size_t i = 0; i < n; i++)
        json_put_str(&o, NULL, uuid_format(a, labels[i].id));
    json_end(&o);
    json_end(&o);
    data = arena_str(a, buf_str(&b));
    buf_done(&b);
    return data;
}

enum status conversation_set_labels(struct arena *a, struct tx *tx, const struct label_set *set,
                                    struct err *e) {
    struct label picked[CONVERSATION_LABELS_MAX] = {0};
    struct label_ids all = {0};
    struct conversation c;
    struct str ids = STR_EMPTY;
    size_t n;

    TRY(store_conversation_lock(a, tx, set->tenant, set->conversation, &c, e));
    TRY(pick_labels(a, tx, set, picked, &n, e));
    for (size_t i = 0; i < n; i++)
        all.items[all.n++] = picked[i].id;
    TRY(keep_removed(a, tx, &c, &all, e));
    for (size_t i = 0; i < all.n; i++) {
        struct str one = uuid_format(a, all.items[i]);

        ids = arena_printf(a, "%.*s%s%.*s", STR_ARG(ids), i > 0 ? " " : "", STR_ARG(one));
    }
    if (str_eq(ids, c.label_ids))
        return ST_OK;
    TRY(store_conversation_labels(tx, &c, ids, set->now_ms, e));
    for (size_t i = 0; i < all.n; i++)
        TRY(store_conversation_label_add(tx, &c, all.items[i], e));
    return event_add(tx,
                     (struct event){.tenant = set->tenant,
                                    .conversation = set->conversation,
                                    .kind = STR("label.set"),
                                    .data = labels_data(a, picked, n),
                                    .at_ms = set->now_ms},
                     e);
}
