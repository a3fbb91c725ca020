/* api_lead_export.c - leads as a spreadsheet: those of a list, a segment or chosen by hand. Nothing that a cell holds becomes a
 * formula (sheet.h).
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "sheet/sheet.h"

enum { STEP = 500, IDS_MAX = 1000, COLUMNS = 14 };

struct export {
    struct api *x;
    int fd;
    enum sheet_kind kind;
    const struct json *filter;
    struct lead_id *ids;
    size_t n_ids;
};

static const struct str titles[COLUMNS] = {
    STR("id"),         STR("name"),
    STR("company"),    STR("document"),
    STR("state"),      STR("phone"),
    STR("phones"),     STR("emails"),
    STR("tags"),       STR("fields"),
    STR("source"),     STR("opted_out"),
    STR("created_at"), STR("last_inbound_at"),
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

static enum status write_row(struct sheet_writer *w, struct arena *a, const struct lead_row *row,
                             struct err *e) {
    const struct lead_phone *best;
    bool is_textable = lead_dispatch_reason(row, &best).len == 0;
    struct str phones = STR_EMPTY, emails = STR_EMPTY;
    bool is_out = row->marketing_stopped_at_ms != 0 || str_eq(row->state, STR("opted_out"));

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

    return sheet_write_row(w, cells, COLUMNS, e);
}

static enum status write_page(struct sheet_writer *w, struct arena *a, const struct lead_page *page,
                              struct err *e) {
    for (size_t i = 0; i < page->n; i++)
        TRY(write_row(w, a, page->items[i], e));
    return ST_OK;
}

static enum status write_pages(struct export *ex, struct tx *tx, struct sheet_writer *w,
                               struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct req *r = ex->x->r;
    struct lead_query query = {
        .filter = ex->filter, .q = req_query(r, "q"), .sort = req_query(r, "sort"), .limit = STEP};
    struct lead_page page = {.has_more = true};
    struct buf cursor;
    enum status st = ST_OK;

    buf_init(&cursor, 4096);
    while (st == ST_OK && page.has_more) {
        query.cursor = buf_str(&cursor);
        st = lead_list(&a, tx, ex->x->tenant, &query, &page, e);
        if (st == ST_OK)
            st = write_page(w, &a, &page, e);
        if (st == ST_OK) {
            buf_clear(&cursor);
            buf_add(&cursor, page.next);
        }
        arena_reset(&a);
    }
    buf_done(&cursor);
    return st;
}

static enum status write_file(struct tx *tx, void *ctx, struct err *e) {
    ATTR_CLEANUP(sheet_writer_close_p) struct sheet_writer *w = NULL;
    struct export *ex = ctx;
    struct lead_page page;

    if (ftruncate(ex->fd, 0) != 0 || lseek(ex->fd, 0, SEEK_SET) != 0)
        FAIL(e, ST_UNAVAILABLE, "could not write a temporary file: %m");
    TRY(api_lead_filter(tx, ex->x, &ex->filter, e));
    TRY(sheet_writer_open(
        (struct sheet_out){.kind = ex->kind, .fd = ex->fd, .delimiter = ';', .name = STR("Leads")},
        &w, e));
    TRY(sheet_write_row(w, titles, COLUMNS, e));
    if (ex->n_ids > 0) {
        TRY(lead_rows_some(ex->x->r->arena, tx, ex->x->tenant, ex->ids, ex->n_ids, &page, e));
        TRY(write_page(w, ex->x->r->arena, &page, e));
    } else {
        TRY(write_pages(ex, tx, w, e));
    }
    return sheet_writer_finish(w, e);
}

/* ?ids=, comma between. */
static enum status read_ids(struct export *ex, struct err *e) {
    struct str list = req_query(ex->x->r, "ids"), one;
    bool has_more = list.len > 0;

    ex->ids = arena_array_of(ex->x->r->arena, IDS_MAX, struct lead_id);
    while (has_more) {
        has_more = str_cut(&list, ',', &one);
        if (ex->n_ids == IDS_MAX || !uuid_parse(one, &ex->ids[ex->n_ids].v))
            FAIL(e, ST_INVALID, "ids: at most %d ids with a comma between", IDS_MAX);
        ex->n_ids++;
    }
    return ST_OK;
}

static enum status read_format(struct export *ex, struct err *e) {
    struct str format = req_query(ex->x->r, "format");

    if (format.len == 0 || str_eq(format, STR("csv")))
        ex->kind = SHEET_CSV;
    else if (str_eq(format, STR("xlsx")))
        ex->kind = SHEET_XLSX;
    else
        FAIL(e, ST_INVALID, "format: csv or xlsx");
    return ST_OK;
}

static enum status send_file(struct export *ex, struct resp *ret, struct err *e) {
    const char *dir = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): nobody sets it */
    struct stat file;
    enum status st;

    ex->fd = open(dir && *dir ? dir : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (ex->fd < 0)
        FAIL(e, ST_UNAVAILABLE, "could not make a temporary file: %m");
    st = db_read(app_db(ex->x->app), DB_TENANT(ex->x->tenant), write_file, ex, e);
    if (st == ST_OK && fstat(ex->fd, &file) != 0)
        st = err_set(e, ST_UNAVAILABLE, __FILE__, __LINE__, "could not read a temporary file: %m");
    if (st != ST_OK) {
        (void)close(ex->fd);
        return st;
    }
    ret->content_type =
        ex->kind == SHEET_CSV
            ? STR("text/csv; charset=utf-8")
            : STR("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet");
    resp_header(ret, "Content-Disposition",
                ex->kind == SHEET_CSV ? STR("attachment; filename=\"leads.csv\"")
                                      : STR("attachment; filename=\"leads.xlsx\""));
    resp_file(ret, ex->fd, 0, (uint64_t)file.st_size);
    return ST_OK;
}

enum status api_lead_export(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    ATTR_CLEANUP(api_done) struct api x;
    struct export ex = {.x = &x};

    TRY(api_start(&x, app, r, e));
    TRY(read_format(&ex, e));
    TRY(read_ids(&ex, e));
    return send_file(&ex, ret, e);
}
