/* preview.c - the first rows as they would come in: the very transaction of the run, taken back.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ingest/batch.h"
#include "ingest/keep.h"

struct previewing {
    struct arena *a;
    struct import im;
    struct recipe recipe;
    struct batch *batch;
    struct stored_row *rows;
    struct ingest_counts counts;
    bool is_done;
};

static enum status read_tx(struct tx *tx, void *ctx, struct err *e) {
    struct previewing *p = ctx;
    struct tenant_id tenant = p->im.tenant;

    return store_import_get(p->a, tx, tenant, p->im.id, false, &p->im, e);
}

static enum status try_tx(struct tx *tx, void *ctx, struct err *e) {
    struct previewing *p = ctx;

    p->counts = (struct ingest_counts){0};
    p->im.started_at_ms = 0; /* who is known now was known before */
    TRY(batch_put(p->a, tx, &p->im, &p->recipe, p->batch, &p->rows, &p->counts, e));
    p->is_done = true;
    FAIL(e, ST_CONFLICT, "tried only");
}

static void put_texts(struct json_out *o, const char *key, const struct str *list, size_t n) {
    json_arr(o, key);
    for (size_t i = 0; i < n; i++)
        json_put_str(o, NULL, list[i]);
    json_end(o);
}

static void put_row(struct json_out *o, const struct previewing *p, size_t i) {
    const struct lead_record *r = &p->batch->records[i];
    const struct stored_row *row = &p->rows[i];

    json_obj(o, NULL);
    json_put_i64(o, "number", row->number);
    json_put_str(o, "name", r->name);
    json_put_str(o, "company", r->company);
    json_put_str(o, "document", r->document);
    put_texts(o, "phones", r->phones, r->n_phones);
    put_texts(o, "emails", r->emails, r->n_emails);
    put_texts(o, "tags", r->tags, r->n_tags);
    json_put_raw(o, "fields", r->fields.len > 0 ? r->fields : STR("{}"));
    json_put_str(o, "outcome", str_of(ingest_outcome_name(row->outcome)));
    json_put_str(o, "reason", row->reason);
    json_put_str(o, "column", row->column);
    json_put_str(o, "value", row->value);
    json_end(o);
}

static void put_answer(struct buf *out, const struct previewing *p) {
    struct json_out o;

    json_out_init(&o, out);
    json_obj(&o, NULL);
    json_arr(&o, "rows");
    for (size_t i = 0; i < p->batch->n; i++)
        put_row(&o, p, i);
    json_end(&o);
    json_put_bool(&o, "has_more", !p->batch->is_last);
    json_obj(&o, "counts");
    json_put_i64(&o, "rows", p->counts.rows);
    json_put_i64(&o, "created", p->counts.created);
    json_put_i64(&o, "updated", p->counts.updated);
    json_put_i64(&o, "skipped", p->counts.skipped);
    json_put_i64(&o, "failed", p->counts.failed);
    json_put_i64(&o, "noted", p->counts.noted);
    json_end(&o);
    json_end(&o);
}

static enum status try_rows(struct ingest_deps *d, struct previewing *p, struct err *e) {
    struct err why = ERR_INIT;
    enum status st;

    if (p->batch->n == 0)
        return ST_OK;
    st = db_write(d->db, DB_TENANT(p->im.tenant), try_tx, p, &why);
    if (p->is_done)
        return ST_OK;
    if (e)
        *e = why;
    return st;
}

enum status ingest_preview(struct ingest_deps *d, struct arena *a, struct tenant_id tenant,
                           struct import_id id, size_t limit, struct buf *out, struct err *e) {
    ATTR_CLEANUP(opened_close_p) struct opened o = {.fd = -1};
    struct previewing *p = arena_new_of(a, struct previewing);
    enum status st;

    p->a = a;
    p->im.id = id;
    p->im.tenant = tenant;
    TRY(db_read(d->db, DB_TENANT(tenant), read_tx, p, e));
    TRY(recipe_of(a, &p->im, &p->recipe, e));
    TRY(keep_open(d, a, &p->im, &o, e));
    TRY(sheet_start(o.sheet, (size_t)p->im.sheet, e));
    p->batch = arena_new_of(a, struct batch);
    batch_fill(p->batch, o.sheet, &p->recipe, 0, limit, d->region);
    st = p->batch->st;
    if (st == ST_OK)
        st = try_rows(d, p, e);
    else if (e)
        *e = p->batch->err;
    if (st == ST_OK)
        put_answer(out, p);
    arena_done(&p->batch->a);
    return st;
}
