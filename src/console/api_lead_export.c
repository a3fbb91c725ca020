/* api_lead_export.c - leads as a spreadsheet: those of a list, a segment or chosen by hand.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { IDS_MAX = 1000 };

struct export {
    struct api *x;
    struct lead_export what;
};

static enum status write_file(struct tx *tx, void *ctx, struct err *e) {
    struct export *ex = ctx;
    int64_t n;

    TRY(api_lead_filter(tx, ex->x, &ex->what.query.filter, e));
    return lead_export(tx, ex->x->tenant, &ex->what, &n, e);
}

/* ?ids=, comma between. */
static enum status read_ids(struct export *ex, struct err *e) {
    struct str list = req_query(ex->x->r, "ids"), one;
    struct lead_id *ids = arena_array_of(ex->x->r->arena, IDS_MAX, struct lead_id);
    bool has_more = list.len > 0;
    size_t n = 0;

    while (has_more) {
        has_more = str_cut(&list, ',', &one);
        if (n == IDS_MAX || !uuid_parse(one, &ids[n].v))
            FAIL(e, ST_INVALID, "ids: at most %d ids with a comma between", IDS_MAX);
        n++;
    }
    ex->what.ids = ids;
    ex->what.n_ids = n;
    return ST_OK;
}

static enum status read_format(struct export *ex, struct err *e) {
    struct str format = req_query(ex->x->r, "format");

    if (format.len == 0 || str_eq(format, STR("csv")))
        ex->what.kind = SHEET_CSV;
    else if (str_eq(format, STR("xlsx")))
        ex->what.kind = SHEET_XLSX;
    else
        FAIL(e, ST_INVALID, "format: csv or xlsx");
    return ST_OK;
}

static enum status send_file(struct export *ex, struct resp *ret, struct err *e) {
    const char *dir = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): nobody sets it */
    struct stat file;
    enum status st;

    ex->what.fd = open(dir && *dir ? dir : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (ex->what.fd < 0)
        FAIL(e, ST_UNAVAILABLE, "could not make a temporary file: %m");
    st = db_read(app_db(ex->x->app), DB_TENANT(ex->x->tenant), write_file, ex, e);
    if (st == ST_OK && fstat(ex->what.fd, &file) != 0)
        st = err_set(e, ST_UNAVAILABLE, __FILE__, __LINE__, "could not read a temporary file: %m");
    if (st != ST_OK) {
        (void)close(ex->what.fd);
        return st;
    }
    ret->content_type =
        ex->what.kind == SHEET_CSV
            ? STR("text/csv; charset=utf-8")
            : STR("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet");
    resp_header(ret, "Content-Disposition",
                ex->what.kind == SHEET_CSV ? STR("attachment; filename=\"leads.csv\"")
                                           : STR("attachment; filename=\"leads.xlsx\""));
    resp_file(ret, ex->what.fd, 0, (uint64_t)file.st_size);
    return ST_OK;
}

enum status api_lead_export(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    ATTR_CLEANUP(api_done) struct api x;
    struct export ex = {.x = &x};

    TRY(api_start(&x, app, r, e));
    ex.what.query = (struct lead_query){.q = req_query(r, "q"), .sort = req_query(r, "sort")};
    TRY(read_format(&ex, e));
    TRY(read_ids(&ex, e));
    return send_file(&ex, ret, e);
}
