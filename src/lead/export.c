/* export.c - leads as a spreadsheet, page by page. Nothing that a cell holds becomes a formula (sheet.h).
 * SPDX-License-Identifier: Apache-2.0 */
#include "lead/lead.h"

#include <unistd.h>

#include "base/clock.h"

enum { STEP = 500, COLUMNS = 14, CURSOR_BYTES = 4096 };

static const struct str titles[COLUMNS] = {
    STR("id"),         STR("name"),
    STR("company"),    STR("document"),
    STR("state"),      STR("phone"),
    STR("phones"),     STR("emails"),
    STR("tags"),       STR("fields"),
    STR("source"),     STR("opted_out"),
    STR("created_at"), STR("last_inbound_at"),
};

struct exporting {
    const struct lead_export *what;
    struct tx *tx;
    struct tenant_id tenant;
    struct sheet_writer *w;
    struct arena a; /* of one page */
    int64_t n;
};

/* Texts of a JSON array, joined. */
static struct str joined_tags(struct arena *a, struct str tags) {
    const struct json *list = NULL;
    struct err why = ERR_INIT;
    struct str out = STR_EMPTY;

    if (json_parse(a, tags, JSON_LIMITS_DEFAULT, &list, &why) != ST_OK)
        return out;
    for (size_t i = 0; i < json_len(list); i++)
        out = arena_printf(a, "%.*s%s%.*s", STR_ARG(out), i > 0 ? ", " : "",
                           STR_ARG(json_str(json_at(list, i))));
    return out;
}

static struct str shown_time(struct arena *a, int64_t ms) {
    return ms > 0 ? clock_format_iso(a, ms) : STR_EMPTY;
}

static enum status write_row(struct exporting *x, const struct lead_row *row, struct err *e) {
    const struct lead_phone *best;
    bool is_textable = lead_dispatch_reason(row, &best).len == 0;
    struct str phones = STR_EMPTY, emails = STR_EMPTY;
    bool is_out = row->marketing_stopped_at_ms != 0 || str_eq(row->state, STR("opted_out"));
    struct arena *a = &x->a;

    for (size_t i = 0; i < row->n_phones; i++)
        phones = arena_printf(
            a, "%.*s%s%.*s", STR_ARG(phones), i > 0 ? "; " : "",
            STR_ARG(row->phones[i].e164.len > 0 ? row->phones[i].e164 : row->phones[i].typed));
    for (size_t i = 0; i < row->n_emails; i++)
        emails = arena_printf(a, "%.*s%s%.*s", STR_ARG(emails), i > 0 ? "; " : "",
                              STR_ARG(row->emails[i].address));

    const struct str cells[COLUMNS] = {
        uuid_format(a, row->id.v),
        row->name,
        row->company,
        row->document,
        row->state,
        is_textable ? best->e164 : STR_EMPTY,
        phones,
        emails,
        joined_tags(a, row->tags),
        str_eq(row->fields, STR("{}")) ? STR_EMPTY : row->fields,
        row->source,
        is_out ? STR("1") : STR_EMPTY,
        shown_time(a, row->created_at_ms),
        shown_time(a, row->last_inbound_at_ms),
    };

    x->n++;
    return sheet_write_row(x->w, cells, COLUMNS, e);
}

static enum status write_page(struct exporting *x, const struct lead_page *page, struct err *e) {
    for (size_t i = 0; i < page->n; i++)
        TRY(write_row(x, page->items[i], e));
    return ST_OK;
}

static enum status write_pages(struct exporting *x, struct buf *cursor, struct err *e) {
    struct lead_query query = x->what->query;
    struct lead_page page = {.has_more = true};

    query.limit = STEP;
    while (page.has_more) {
        arena_reset(&x->a);
        query.cursor = buf_str(cursor);
        TRY(lead_list(&x->a, x->tx, x->tenant, &query, &page, e));
        TRY(write_page(x, &page, e));
        buf_clear(cursor);
        buf_add(cursor, page.next);
    }
    return ST_OK;
}

static enum status write_some(struct exporting *x, struct err *e) {
    struct lead_page page;

    TRY(lead_rows_some(&x->a, x->tx, x->tenant, x->what->ids, x->what->n_ids, &page, e));
    return write_page(x, &page, e);
}

static enum status write_all(struct exporting *x, struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf cursor = {.max = CURSOR_BYTES};
    const struct sheet_out to = {
        .kind = x->what->kind, .fd = x->what->fd, .delimiter = ';', .name = STR("Leads")};

    TRY(sheet_writer_open(to, &x->w, e));
    TRY(sheet_write_row(x->w, titles, COLUMNS, e));
    TRY(x->what->n_ids > 0 ? write_some(x, e) : write_pages(x, &cursor, e));
    return sheet_writer_finish(x->w, e);
}

enum status lead_export(struct tx *tx, struct tenant_id tenant, const struct lead_export *what,
                        int64_t *ret_n, struct err *e) {
    struct exporting x = {.what = what, .tx = tx, .tenant = tenant};
    enum status st;

    if (ftruncate(what->fd, 0) != 0 || lseek(what->fd, 0, SEEK_SET) != 0)
        FAIL(e, ST_UNAVAILABLE, "could not write the spreadsheet: %m");
    st = write_all(&x, e);
    sheet_writer_close(x.w);
    arena_done(&x.a);
    if (st == ST_OK)
        *ret_n = x.n;
    return st;
}
