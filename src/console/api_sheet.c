/* api_sheet.c - spreadsheets as answers: written to a file that nobody else sees, then sent as it is.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct filling {
    struct api_sheet sheet;
    int fd;
};

enum status api_sheet_kind(const struct api *x, enum sheet_kind *ret, struct err *e) {
    struct str format = req_query(x->r, "format");

    if (format.len == 0 || str_eq(format, STR("csv")))
        *ret = SHEET_CSV;
    else if (str_eq(format, STR("xlsx")))
        *ret = SHEET_XLSX;
    else
        FAIL(e, ST_INVALID, "format: csv or xlsx");
    return ST_OK;
}

static enum status fill(struct tx *tx, void *ctx, struct err *e) {
    struct filling *f = ctx;

    return f->sheet.fill(tx, f->sheet.ctx, f->fd, e);
}

static void describe(struct api *x, struct api_sheet sheet, struct resp *ret) {
    bool is_csv = sheet.kind == SHEET_CSV;

    ret->content_type =
        is_csv ? STR("text/csv; charset=utf-8")
               : STR("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet");
    resp_header(ret, "Content-Disposition",
                arena_printf(x->r->arena, "attachment; filename=\"%s.%s\"", sheet.name,
                             is_csv ? "csv" : "xlsx"));
}

enum status api_sheet(struct api *x, struct api_sheet sheet, struct resp *ret, struct err *e) {
    const char *dir = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): nobody sets it */
    struct filling f = {.sheet = sheet};
    struct stat file;
    enum status st;

    f.fd = open(dir && *dir ? dir : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (f.fd < 0)
        FAIL(e, ST_UNAVAILABLE, "could not make a temporary file: %m");
    st = db_read(app_db(x->app), DB_TENANT(x->tenant), fill, &f, e);
    if (st == ST_OK && fstat(f.fd, &file) != 0)
        st = err_set(e, ST_UNAVAILABLE, __FILE__, __LINE__, "could not read a temporary file: %m");
    if (st != ST_OK) {
        (void)close(f.fd);
        return st;
    }
    describe(x, sheet, ret);
    resp_file(ret, f.fd, 0, (uint64_t)file.st_size);
    return ST_OK;
}
