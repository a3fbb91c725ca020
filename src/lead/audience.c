/* audience.c - whom a filter takes, with all that sending to them needs to know.
 * SPDX-License-Identifier: Apache-2.0 */
#include "lead/filter.h"
#include "phone/phone.h"

#include <string.h>

enum { WALK_ROWS = 500 }; /* looked at in one go */

struct str lead_dispatch_reason(const struct lead_row *row, const struct lead_phone **ret_best) {
    const struct lead_phone *best = NULL;

    for (size_t i = 0; i < row->n_phones; i++) {
        const struct lead_phone *p = &row->phones[i];

        /* One that is known to be on WhatsApp before those of which nothing is known. */
        if (p->is_dispatchable && (!best || (best->is_whatsapp != LEAD_WHATSAPP_YES &&
                                             p->is_whatsapp == LEAD_WHATSAPP_YES)))
            best = p;
    }
    if (ret_best)
        *ret_best = best ? best : row->n_phones > 0 ? &row->phones[0] : NULL;
    if (best)
        return STR_EMPTY;
    return row->n_phones > 0 ? row->phones[0].reason : STR("no-phone");
}

static void best_phone(struct lead_contact *c, const struct lead_row *row) {
    const struct lead_phone *best;

    c->phone_reason = lead_dispatch_reason(row, &best);
    if (c->phone_reason.len == 0)
        c->phone = best->e164;
    if (best)
        c->timezone = str_of(phone_timezone(best->e164));
}

static void best_email(struct lead_contact *c, const struct lead_row *row) {
    for (size_t i = 0; i < row->n_emails; i++) {
        const struct lead_email *m = &row->emails[i];

        if (m->is_valid && !m->is_bounced) {
            c->email = m->address;
            c->email_reason = STR_EMPTY;
            return;
        }
        if (c->email_reason.len == 0)
            c->email_reason = m->is_valid ? STR("bounced") : STR("invalid");
    }
    if (row->n_emails == 0)
        c->email_reason = STR("no-email");
}

static void contact_of(const struct lead_row *row, struct lead_contact *ret) {
    *ret = (struct lead_contact){
        .id = row->id,
        .name = row->name,
        .company = row->company,
        .document = row->document,
        .state = row->state,
        .fields = row->fields,
        .tags = row->tags,
        .is_opted_out = str_eq(row->state, STR("opted_out")),
        .user_id = row->user_id,
    };
    best_phone(ret, row);
    best_email(ret, row);
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
static enum status contacts_of(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct lead_row *const *rows, size_t n, unsigned missing,
                               struct lead_contact *ret, struct err *e) {
    TRY(store_rows_details(a, tx, tenant, rows, n, missing, e));
    for (size_t i = 0; i < n; i++)
        contact_of(rows[i], &ret[i]);
    return ST_OK;
}

/* --- by filter --------------------------------------------------------------------------------------------- */

static unsigned details_of(const struct lead_filter *filter) {
    return (filter->needs_phones ? ROW_PHONES : 0u) | (filter->needs_emails ? ROW_EMAILS : 0u);
}

void walk_place(struct lead_walk *walk, const struct lead_row *last) {
    walk->after = last->id;
    walk->after_ms = walk->order == WALK_HEARD ? last->last_inbound_at_ms : last->updated_at_ms;
    walk->after_text = walk->order == WALK_COMPANY ? last->company_key
                       : walk->order == WALK_STATE ? last->state
                                                   : last->name_key;
}

/* Out of a step's memory into the caller's: most rows that a walk brings are looked at once and forgotten. */
static struct lead_row *keep_row(struct arena *a, const struct lead_row *row) {
    struct lead_row *kept = arena_new_of(a, struct lead_row);
    struct str *const texts[] = {&kept->name,          &kept->company, &kept->document,
                                 &kept->document_kind, &kept->state,   &kept->source,
                                 &kept->fields,        &kept->tags,    &kept->name_key,
                                 &kept->company_key,   &kept->user_id};

    *kept = *row;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        *texts[i] = arena_str(a, *texts[i]);
    kept->phones = arena_array_of(a, row->n_phones + 1, struct lead_phone);
    for (size_t i = 0; i < row->n_phones; i++) {
        kept->phones[i] = row->phones[i];
        kept->phones[i].typed = arena_str(a, row->phones[i].typed);
        kept->phones[i].e164 = arena_str(a, row->phones[i].e164);
        kept->phones[i].kind = arena_str(a, row->phones[i].kind);
        kept->phones[i].reason = arena_str(a, row->phones[i].reason);
    }
    kept->emails = arena_array_of(a, row->n_emails + 1, struct lead_email);
    for (size_t i = 0; i < row->n_emails; i++) {
        kept->emails[i] = row->emails[i];
        kept->emails[i].address = arena_str(a, row->emails[i].address);
    }
    return kept;
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status filter_rows(struct arena *a, struct tx *tx, struct tenant_id tenant,
                        const struct lead_filter *filter, struct lead_walk *walk,
                        struct lead_row **taken, size_t *ret_n, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena step = {0};
    ATTR_CLEANUP(arena_done_p) struct arena scratch = {0};
    struct lead_row *rows, **all;
    size_t n;

    TRY(store_lead_walk(&step, tx, tenant, walk, &rows, &n, e));
    all = arena_array_of(&step, n + 1, struct lead_row *);
    for (size_t i = 0; i < n; i++)
        all[i] = &rows[i];
    if (details_of(filter) != 0)
        TRY(store_rows_details(&step, tx, tenant, all, n, details_of(filter), e));
    *ret_n = 0;
    for (size_t i = 0; i < n; i++) {
        if (filter_takes(&scratch, &filter->root, all[i]))
            taken[(*ret_n)++] = keep_row(a, all[i]);
        arena_reset(&scratch);
    }
    if (n > 0) {
        walk_place(walk, &rows[n - 1]);
        walk->after_text = walk->order == WALK_ID ? STR_EMPTY : arena_str(a, walk->after_text);
    }
    if (n < walk->limit)
        walk->limit = 0; /* the end */
    return ST_OK;
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status lead_audience_page(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               const struct json *filter_json, struct lead_id after, size_t limit,
                               struct lead_contact **ret, size_t *ret_n, struct err *e) {
    struct lead_filter *filter;
    struct lead_walk walk;
    bool is_exact;

    TRY(lead_filter_parse(a, filter_json, &filter, e));
    walk = filter_walk(filter, &is_exact);
    walk.after = after;
    walk.limit = is_exact && limit < WALK_ROWS ? limit : WALK_ROWS;
    *ret = arena_array_of(a, limit + 1, struct lead_contact);
    *ret_n = 0;
    while (*ret_n < limit && walk.limit > 0) {
        struct lead_row *taken[WALK_ROWS];
        size_t n;

        TRY(filter_rows(a, tx, tenant, filter, &walk, taken, &n, e));
        if (n > limit - *ret_n)
            n = limit - *ret_n;
        TRY(contacts_of(a, tx, tenant, taken, n,
                        (ROW_PHONES | ROW_EMAILS | ROW_USER_ID) & ~details_of(filter),
                        *ret + *ret_n, e));
        *ret_n += n;
    }
    return ST_OK;
}

/* --- by id --------------------------------------------------------------------------------------------------- */

static struct lead_row *find_row(struct lead_row *rows, size_t n, struct uuid id) {
    for (size_t from = 0, to = n; from < to;) {
        size_t mid = from + (to - from) / 2;
        int cmp = uuid_cmp(rows[mid].id.v, id);

        if (cmp == 0)
            return &rows[mid];
        if (cmp < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return NULL;
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status lead_audience_some(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               const struct lead_id *ids, size_t n, struct lead_contact **ret,
                               size_t *ret_n, struct err *e) {
    struct lead_id *now = arena_array_of(a, n + 1, struct lead_id);
    struct lead_row *rows, **in_order = arena_array_of(a, n + 1, struct lead_row *);
    size_t n_rows, n_merged = 0;

    *ret_n = 0;
    *ret = arena_array_of(a, n + 1, struct lead_contact);
    memcpy(now, ids, n * sizeof(*ids));
    TRY(store_rows_get(a, tx, tenant, now, n, &rows, &n_rows, e));
    for (size_t i = 0; i < n; i++) {
        if (find_row(rows, n_rows, now[i].v))
            continue;
        TRY(store_lead_now(a, tx, tenant, ids[i], &now[i], e));
        n_merged += !uuid_is_nil(now[i].v);
    }
    if (n_merged > 0)
        TRY(store_rows_get(a, tx, tenant, now, n, &rows, &n_rows, e));
    for (size_t i = 0; i < n; i++) {
        struct lead_row *row = find_row(rows, n_rows, now[i].v);

        if (!row || row->is_listed)
            continue;
        row->is_listed = true;
        in_order[(*ret_n)++] = row;
    }
    return contacts_of(a, tx, tenant, in_order, *ret_n, ROW_PHONES | ROW_EMAILS | ROW_USER_ID, *ret,
                       e);
}
