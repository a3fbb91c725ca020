/* change.c - what people change of leads: numbers and addresses of one, tags of many; and what happened to one.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/utf8.h"
#include "lead/filter.h"
#include "lead/person.h"
#include "lead/store.h"

/* --- numbers and addresses ------------------------------------------------------------------------------------ */

static bool is_typed_phone(const struct lead_read *r, const struct person_phone *p) {
    for (size_t i = 0; i < r->n_phones; i++) {
        if (p->e164.len > 0 ? str_eq(r->phones[i].e164, p->e164)
                            : str_eq(r->phones[i].typed, p->typed))
            return true;
    }
    return false;
}

static bool is_typed_email(const struct lead_read *r, struct str address) {
    for (size_t i = 0; i < r->n_emails; i++) {
        if (str_eq(r->emails[i].address, address))
            return true;
    }
    return false;
}

static enum status drop_missing(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                const struct person *p, const struct lead_read *r, bool of_phones,
                                struct err *e) {
    size_t n_all = of_phones ? p->n_phones : p->n_emails, n = 0;
    struct pair_row *rows = arena_array_of(a, n_all + 1, struct pair_row);

    for (size_t i = 0; i < n_all; i++) {
        struct str value =
            of_phones ? (p->phones[i].e164.len > 0 ? p->phones[i].e164 : p->phones[i].typed)
                      : p->emails[i].address;
        bool is_kept =
            of_phones ? is_typed_phone(r, &p->phones[i]) : is_typed_email(r, p->emails[i].address);

        if (!is_kept)
            rows[n++] = (struct pair_row){p->id, of_phones ? STR("phone") : STR("email"), value};
    }
    if (of_phones)
        TRY(store_phones_remove(a, tx, tenant, rows, n, e));
    else
        TRY(store_emails_delete(a, tx, tenant, rows, n, e));
    return store_keys_delete(a, tx, tenant, rows, n, e);
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status lead_set_contacts(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct lead_id id, const struct lead_record *typed, bool has_phones,
                              bool has_emails, int64_t now_ms, struct err *e) {
    const struct lead_read *r = lead_read_one(a, typed, "BR");
    struct lead_put_result out;
    struct person *p;
    size_t n;

    if (r->fault && strcmp(r->fault, "no-contact") != 0)
        FAIL(e, ST_INVALID, "%s: %s", r->column ? r->column : "phones", r->fault);
    if (r->note && (strcmp(r->column, "phone") == 0 || strcmp(r->column, "email") == 0))
        FAIL(e, ST_INVALID, "%ss: %s", r->column, r->note);
    TRY(store_persons_get(a, tx, tenant, &id, 1, &p, &n, e));
    if (n == 0)
        FAIL(e, ST_NOT_FOUND, "no such lead");
    if (has_phones)
        TRY(drop_missing(a, tx, tenant, p, r, true, e));
    if (has_emails)
        TRY(drop_missing(a, tx, tenant, p, r, false, e));
    if (r->n_phones + r->n_emails == 0)
        return ST_OK;
    return lead_put_to(a, tx, tenant, id, r, now_ms, &out, e);
}

/* --- tags ------------------------------------------------------------------------------------------------------- */

struct tagging {
    struct arena *a;
    struct pair_row *added, *dropped;
    size_t n_added, n_dropped;
};

static bool tag_place(const struct person *p, struct str key, size_t *ret) {
    for (*ret = 0; *ret < p->n_tags; ++*ret) {
        if (str_eq(p->tag_list[*ret].key, key))
            return true;
    }
    return false;
}

static void tag_one(struct tagging *t, struct person *p, const struct read_tag *add, size_t n_add,
                    const struct read_tag *drop, size_t n_drop) {
    size_t at;

    person_tags(t->a, p);
    for (size_t i = 0; i < n_drop; i++) {
        if (!tag_place(p, drop[i].key, &at))
            continue;
        memmove(&p->tag_list[at], &p->tag_list[at + 1],
                (p->n_tags - at - 1) * sizeof(*p->tag_list));
        p->n_tags--;
        p->is_changed = true;
        t->dropped[t->n_dropped++] = (struct pair_row){.lead = p->id, .value = drop[i].key};
    }
    for (size_t i = 0; i < n_add; i++) {
        if (tag_place(p, add[i].key, &at) || p->n_tags >= LEAD_TAGS_MAX)
            continue;
        p->tag_list[p->n_tags++] = add[i];
        p->is_changed = true;
        t->added[t->n_added++] = (struct pair_row){.lead = p->id, .value = add[i].key};
    }
    if (p->is_changed)
        person_put_tags(t->a, p);
}

static enum status read_tag_list(struct arena *a, const struct str *tags, size_t n,
                                 struct read_tag **ret, struct err *e) {
    *ret = arena_array_of(a, n + 1, struct read_tag);
    if (n > LEAD_TAGS_MAX)
        FAIL(e, ST_INVALID, "tags: at most %d", LEAD_TAGS_MAX);
    for (size_t i = 0; i < n; i++) {
        struct str tag = str_trim(tags[i]);

        if (tag.len == 0 || utf8_count(tag) > LEAD_TAG_MAX)
            FAIL(e, ST_INVALID, "tags: texts of 1 to %d characters", LEAD_TAG_MAX);
        (*ret)[i] = (struct read_tag){.text = tag, .key = utf8_fold(a, tag)};
    }
    return ST_OK;
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status lead_tag_many(struct arena *a, struct tx *tx, struct tenant_id tenant,
                          const struct lead_id *ids, size_t n, const struct str *add, size_t n_add,
                          const struct str *drop, size_t n_drop, int64_t now_ms, struct err *e) {
    struct tagging t = {.a = a};
    struct read_tag *adds, *drops;
    struct person *persons, **all;
    size_t n_found;

    if (n > LEAD_PUT_MAX)
        FAIL(e, ST_INVALID, "at most %d leads at once", LEAD_PUT_MAX);
    TRY(read_tag_list(a, add, n_add, &adds, e));
    TRY(read_tag_list(a, drop, n_drop, &drops, e));
    TRY(store_persons_get(a, tx, tenant, ids, n, &persons, &n_found, e));
    if (n > 0 && n_found == 0)
        FAIL(e, ST_NOT_FOUND, "no such leads");
    n = n_found;
    t.added = arena_array_of(a, n * n_add + 1, struct pair_row);
    t.dropped = arena_array_of(a, n * n_drop + 1, struct pair_row);
    all = arena_array_of(a, n + 1, struct person *);
    for (size_t i = 0; i < n; i++) {
        all[i] = &persons[i];
        tag_one(&t, all[i], adds, n_add, drops, n_drop);
        if (all[i]->is_changed)
            all[i]->updated_at_ms = now_ms;
    }
    TRY(store_persons_put(a, tx, tenant, all, n, now_ms, e));
    TRY(store_tags_delete(a, tx, tenant, t.dropped, t.n_dropped, e));
    return store_tags_insert(a, tx, tenant, t.added, t.n_added, e);
}

/* --- the timeline ------------------------------------------------------------------------------------------------ */

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status lead_happenings(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct lead_id id, struct uuid before, size_t limit,
                            struct lead_happening **ret, size_t *ret_n, struct err *e) {
    struct db_rows rows;

    if (uuid_is_nil(before))
        memset(before.bytes, 0xff, sizeof(before.bytes));
    TRY(store_happenings(a, tx, tenant, id, before, limit, &rows, e));
    *ret = arena_array_of(a, rows.n + 1, struct lead_happening);
    *ret_n = rows.n;
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = (struct lead_happening){.id = db_uuid(&rows, i, 0),
                                            .kind = db_text(&rows, i, 1),
                                            .data = db_text(&rows, i, 2),
                                            .actor = db_text(&rows, i, 3),
                                            .at_ms = db_i64(&rows, i, 4)};
    return ST_OK;
}
