/* undo.c - takes puts back: what a put wrote goes away where it still stands as the put left it.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/utf8.h"
#include "lead/person.h"
#include "lead/store.h"

struct undo {
    struct arena *a;
    struct tx *tx;
    struct tenant_id tenant;
    struct person *persons; /* in order of id */
    size_t n_persons;
    struct pair_row *phones, *emails, *tags, *keys; /* that go away */
    size_t n_phones, n_emails, n_tags, n_keys;
};

static struct person *find_person(const struct undo *u, struct uuid id) {
    for (size_t from = 0, to = u->n_persons; from < to;) {
        size_t mid = from + (to - from) / 2;
        int cmp = uuid_cmp(u->persons[mid].id.v, id);

        if (cmp == 0)
            return &u->persons[mid];
        if (cmp < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return NULL;
}

/* ["was", "became"]: what it was comes back if it still is what it became. */
static bool restore(const struct json *before, const char *column, struct str *text) {
    const struct json *pair = json_get(before, column);

    if (json_len(pair) != 2 || !str_eq(*text, json_str(json_at(pair, 1))))
        return false;
    *text = json_str(json_at(pair, 0));
    return true;
}

static const char *kind_of(struct str document) {
    if (document.len == 0)
        return "";
    return document.len == 11 ? "cpf" : "cnpj";
}

static bool restore_texts(struct undo *u, struct person *p, const struct json *before) {
    bool is_any = false;

    if (restore(before, "name", &p->name)) {
        p->name_key = utf8_fold(u->a, p->name);
        p->is_named = json_bool(json_get(before, "named"), false);
        is_any = true;
    }
    if (restore(before, "company", &p->company)) {
        p->company_key = utf8_fold(u->a, p->company);
        is_any = true;
    }
    if (restore(before, "document", &p->document)) {
        p->document_kind = str_of(kind_of(p->document));
        is_any = true;
    }
    return restore(before, "fields", &p->fields) || is_any;
}

static void drop_tag(struct undo *u, struct person *p, struct str key) {
    size_t n = 0;

    for (size_t i = 0; i < p->n_tags; i++) {
        if (!str_eq(p->tag_list[i].key, key))
            p->tag_list[n++] = p->tag_list[i];
    }
    p->n_tags = n;
    person_put_tags(u->a, p);
}

static bool drop_lists(struct undo *u, struct person *p, const struct json *before) {
    const struct json *phones = json_get(before, "phones"), *emails = json_get(before, "emails");
    const struct json *tags = json_get(before, "tags"), *keys = json_get(before, "keys");

    for (size_t i = 0; i < json_len(phones); i++) {
        struct pair_row row = {p->id, STR("phone"), json_str(json_at(phones, i))};

        u->phones[u->n_phones++] = row;
        u->keys[u->n_keys++] = row;
    }
    for (size_t i = 0; i < json_len(emails); i++) {
        struct pair_row row = {p->id, STR("email"), json_str(json_at(emails, i))};

        u->emails[u->n_emails++] = row;
        u->keys[u->n_keys++] = row;
    }
    if (json_len(tags) > 0)
        person_tags(u->a, p);
    for (size_t i = 0; i < json_len(tags); i++) {
        struct pair_row row = {p->id, STR_EMPTY, json_str(json_at(tags, i))};

        drop_tag(u, p, row.value);
        u->tags[u->n_tags++] = row;
    }
    for (size_t i = 0; i + 1 < json_len(keys); i += 2)
        u->keys[u->n_keys++] =
            (struct pair_row){p->id, json_str(json_at(keys, i)), json_str(json_at(keys, i + 1))};
    return json_len(phones) + json_len(emails) + json_len(tags) + json_len(keys) > 0;
}

static enum status undo_update(struct undo *u, const struct lead_put_result *put,
                               size_t *ret_undone, struct err *e) {
    struct person *p = find_person(u, put->id.v);
    const struct json *before, *at;
    bool is_any;

    if (!p || put->before.len == 0)
        return ST_OK;
    TRY(json_parse(u->a, put->before, JSON_LIMITS_DEFAULT, &before, e));
    is_any = restore_texts(u, p, before);
    is_any = drop_lists(u, p, before) || is_any;
    if (!is_any)
        return ST_OK;
    at = json_get(before, "at");
    /* As if it had not been touched, unless somebody else did since. */
    if (p->updated_at_ms == json_i64(json_at(at, 1), 0))
        p->updated_at_ms = json_i64(json_at(at, 0), p->updated_at_ms);
    p->is_changed = true;
    ++*ret_undone;
    return ST_OK;
}

/* Room for what n updates can have added. */
static void make_room(struct undo *u, size_t n) {
    size_t phones = n * LEAD_PHONES_MAX, emails = n * LEAD_EMAILS_MAX, tags = n * LEAD_TAGS_MAX;

    u->phones = arena_array_of(u->a, phones + 1, struct pair_row);
    u->emails = arena_array_of(u->a, emails + 1, struct pair_row);
    u->tags = arena_array_of(u->a, tags + 1, struct pair_row);
    u->keys = arena_array_of(u->a, phones + emails + 2 * n + 1, struct pair_row);
}

static enum status undo_updates(struct undo *u, const struct lead_put_result *puts, size_t n,
                                int64_t now_ms, size_t *ret_undone, struct err *e) {
    struct lead_id *ids = arena_array_of(u->a, n + 1, struct lead_id);
    struct person **changed;
    size_t n_ids = 0;

    for (size_t i = 0; i < n; i++) {
        if (puts[i].outcome == LEAD_UPDATED)
            ids[n_ids++] = puts[i].id;
    }
    if (n_ids == 0)
        return ST_OK;
    make_room(u, n_ids);
    TRY(store_persons_get(u->a, u->tx, u->tenant, ids, n_ids, &u->persons, &u->n_persons, e));
    for (size_t i = n; i-- > 0;) {
        if (puts[i].outcome == LEAD_UPDATED)
            TRY(undo_update(u, &puts[i], ret_undone, e));
    }
    changed = arena_array_of(u->a, u->n_persons + 1, struct person *);
    for (size_t i = 0; i < u->n_persons; i++)
        changed[i] = &u->persons[i];
    TRY(store_persons_put(u->a, u->tx, u->tenant, changed, u->n_persons, now_ms, e));
    TRY(store_phones_delete(u->a, u->tx, u->tenant, u->phones, u->n_phones, e));
    TRY(store_emails_delete(u->a, u->tx, u->tenant, u->emails, u->n_emails, e));
    TRY(store_tags_delete(u->a, u->tx, u->tenant, u->tags, u->n_tags, e));
    return store_keys_delete(u->a, u->tx, u->tenant, u->keys, u->n_keys, e);
}

/* --- those who were made ---------------------------------------------------------------------------------- */

struct deletion {
    struct undo *u;
    const struct lead_id *ids;
    size_t n;
    size_t n_gone;
};

static enum status delete_some(struct tx *tx, void *ctx, struct err *e) {
    struct deletion *d = ctx;
    struct db_rows rows;

    TRY(store_leads_delete(d->u->a, tx, d->u->tenant, d->ids, d->n, &rows, e));
    d->n_gone = rows.n;
    return ST_OK;
}

/* All at once; by halves when something of another feature (a conversation) points at one of them. */
static enum status delete_created(struct undo *u, const struct lead_id *ids, size_t n,
                                  size_t *ret_undone, struct err *e) {
    struct deletion d = {.u = u, .ids = ids, .n = n};
    struct err why = ERR_INIT;
    enum status st = n > 0 ? tx_nested(u->tx, delete_some, &d, &why) : ST_OK;

    if (st == ST_OK) {
        *ret_undone += d.n_gone;
        return ST_OK;
    }
    if (st != ST_CONFLICT) {
        *e = why;
        return st;
    }
    if (n == 1)
        return ST_OK;
    TRY(delete_created(u, ids, n / 2, ret_undone, e));
    return delete_created(u, ids + n / 2, n - n / 2, ret_undone, e);
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status lead_put_undo(struct arena *a, struct tx *tx, struct tenant_id tenant,
                          const struct lead_put_result *puts, size_t n, int64_t now_ms,
                          size_t *ret_undone, struct err *e) {
    struct undo u = {.a = a, .tx = tx, .tenant = tenant};
    struct lead_id *ids = arena_array_of(a, n + 1, struct lead_id);
    size_t n_ids = 0;

    *ret_undone = 0;
    if (n > LEAD_PUT_MAX)
        FAIL(e, ST_INVALID, "at most %d puts at once", LEAD_PUT_MAX);
    TRY(undo_updates(&u, puts, n, now_ms, ret_undone, e));
    for (size_t i = 0; i < n; i++) {
        if (puts[i].outcome == LEAD_CREATED)
            ids[n_ids++] = puts[i].id;
    }
    return delete_created(&u, ids, n_ids, ret_undone, e);
}
