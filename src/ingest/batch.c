/* batch.c - rows to records to leads.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ingest/batch.h"

#include "base/clock.h"
#include "consent/consent.h"

/* --- how ----------------------------------------------------------------------------------------------------------------- */

bool policy_parse(struct str text, enum lead_policy *ret) {
    static const struct {
        const char *name;
        enum lead_policy policy;
    } policies[] = {{"skip", LEAD_SKIP}, {"fill", LEAD_FILL}, {"overwrite", LEAD_OVERWRITE}};

    for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
        if (str_eq(text, str_of(policies[i].name))) {
            *ret = policies[i].policy;
            return true;
        }
    }
    return false;
}

enum status recipe_of(struct arena *a, const struct import *im, struct recipe *ret, struct err *e) {
    struct str *tags = arena_array_of(a, INGEST_TAGS_MAX + 1, struct str);
    const struct json *list;

    ret->first = im->header_row;
    if (!policy_parse(im->policy, &ret->policy))
        FAIL(e, ST_BROKEN, "import with policy \"%.*s\"", STR_ARG(im->policy));
    TRY(columns_parse(a, im->columns, &ret->columns, e));
    TRY(json_parse(a, im->tags, JSON_LIMITS_DEFAULT, &list, e));
    ret->defaults = (struct lead_record){
        .tags = tags, .source = arena_printf(a, "import:%.*s", STR_ARG(uuid_format(a, im->id.v)))};
    for (size_t i = 0; i < json_len(list) && i < INGEST_TAGS_MAX; i++)
        tags[ret->defaults.n_tags++] = json_str(json_at(list, i));
    return ST_OK;
}

/* --- without the database ------------------------------------------------------------------------------------------------ */

void batch_fill(struct batch *b, struct sheet *s, const struct recipe *r, int64_t after, size_t max,
                const char *region) {
    struct sheet_row row;

    arena_reset(&b->a);
    b->n = 0;
    b->err = ERR_INIT;
    b->st = ST_OK;
    while (b->n < max && b->n < BATCH_ROWS && (b->st = sheet_next(s, &row, &b->err)) == ST_OK) {
        if (row.number <= after || row.number <= r->first)
            continue;
        record_of(&b->a, &r->columns, &row, &r->defaults, &b->records[b->n], &b->rows[b->n]);
        b->last_number = row.number;
        b->n++;
    }
    b->permille = sheet_permille(s);
    b->is_last = b->st != ST_OK;
    if (b->st == ST_NOT_FOUND)
        b->st = ST_OK;
    lead_read_many(&b->a, b->records, b->n, region);
}

/* --- with it ------------------------------------------------------------------------------------------------------------- */

static enum ingest_outcome outcome_of(enum lead_put_outcome o) {
    switch (o) {
    case LEAD_CREATED:
        return INGEST_CREATED;
    case LEAD_UPDATED:
        return INGEST_UPDATED;
    case LEAD_SKIPPED:
        return INGEST_SKIPPED;
    case LEAD_REFUSED:
        return INGEST_FAILED;
    }
    return INGEST_FAILED;
}

/* Somebody who is skipped and was made since the import began stands further up in the file. */
static const char *reason_of(const struct import *im, const struct lead_put_result *r) {
    if (r->outcome == LEAD_SKIPPED && im->started_at_ms > 0 &&
        uuid_time_ms(r->id.v) >= im->started_at_ms)
        return "duplicate";
    return r->reason;
}

static void judge(const struct import *im, const struct recipe *r, const struct prepared *row,
                  const struct lead_put_result *put, struct stored_row *to) {
    *to = (struct stored_row){.number = row->number,
                              .outcome = outcome_of(put->outcome),
                              .reason = str_of(reason_of(im, put)),
                              .lead = put->id,
                              .before = put->before};
    if (to->reason.len > 0 && to->outcome != INGEST_SKIPPED)
        record_blame(&r->columns, row, put->column, &to->column, &to->value);
}

static void count(struct ingest_counts *c, const struct stored_row *row) {
    c->rows++;
    switch (row->outcome) {
    case INGEST_CREATED:
        c->created++;
        break;
    case INGEST_UPDATED:
        c->updated++;
        break;
    case INGEST_SKIPPED:
        c->skipped++;
        return;
    case INGEST_FAILED:
        c->failed++;
        return;
    }
    c->noted += row->reason.len > 0;
}

/* Who stopped before is shown so from the start. */
static enum status show_stopped(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                const struct lead_put_result *puts, size_t n, int64_t now_ms,
                                struct err *e) {
    struct lead_id *leads = arena_array_of(a, n + 1, struct lead_id);
    size_t n_leads = 0;

    for (size_t i = 0; i < n; i++)
        if (puts[i].outcome == LEAD_CREATED || puts[i].outcome == LEAD_UPDATED)
            leads[n_leads++] = puts[i].id;
    return consent_show_many(a, tx, tenant, leads, n_leads, now_ms, e);
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status batch_put(struct arena *a, struct tx *tx, const struct import *im,
                      const struct recipe *r, const struct batch *b, struct stored_row **ret,
                      struct ingest_counts *counts, struct err *e) {
    struct lead_record *records = arena_array_of(a, b->n + 1, struct lead_record);
    struct lead_put_result *puts = arena_array_of(a, b->n + 1, struct lead_put_result);
    struct stored_row *rows = arena_array_of(a, b->n + 1, struct stored_row);
    int64_t now_ms = clock_now_ms(); /* one moment: who is shown stopped was not touched since */
    size_t n = 0;

    for (size_t i = 0; i < b->n; i++)
        if (!b->rows[i].reason)
            records[n++] = b->records[i];
    if (n > 0) {
        TRY(lead_put_many(a, tx, im->tenant, records, n, r->policy, now_ms, puts, e));
        TRY(show_stopped(a, tx, im->tenant, puts, n, now_ms, e));
    }
    n = 0;
    for (size_t i = 0; i < b->n; i++) {
        const struct prepared *row = &b->rows[i];

        if (row->reason)
            rows[i] = (struct stored_row){.number = row->number,
                                          .outcome = INGEST_FAILED,
                                          .reason = str_of(row->reason),
                                          .column = row->column,
                                          .value = row->value};
        else
            judge(im, r, row, &puts[n++], &rows[i]);
        count(counts, &rows[i]);
    }
    *ret = rows;
    return ST_OK;
}
