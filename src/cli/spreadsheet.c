/* spreadsheet.c - spreadsheets from the command line. They are written to a temporary file first: only a whole one gets to where it
 * was asked for.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/spreadsheet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { COPY_BYTES = 64 << 10 };

static bool ends_with(struct str s, struct str end) {
    return s.len >= end.len && str_eq_nocase(str_sub(s, s.len - end.len, s.len), end);
}

static enum status read_target(struct spreadsheet *s, size_t at, struct err *e) {
    struct cli *c = s->c;

    s->path = cli_arg(c, at);
    if (str_eq(s->path, STR("-")))
        s->path = STR_EMPTY;
    if (cli_has(c, "csv") && cli_has(c, "xlsx"))
        FAIL(e, ST_INVALID, "--csv and --xlsx exclude each other");
    s->kind = cli_has(c, "xlsx") || (!cli_has(c, "csv") && ends_with(s->path, STR(".xlsx")))
                  ? SHEET_XLSX
                  : SHEET_CSV;
    if (s->path.len == 0 && c->is_json)
        FAIL(e, ST_INVALID, "--json wants a FILE: standard output cannot hold both");
    if (s->path.len == 0 && s->kind == SHEET_XLSX && isatty(STDOUT_FILENO))
        FAIL(e, ST_INVALID, "an XLSX is nothing for a terminal: give a FILE");
    return ST_OK;
}

enum status spreadsheet_open(struct cli *c, size_t at, struct spreadsheet *ret, struct err *e) {
    const char *dir = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): nobody sets it */

    *ret = (struct spreadsheet){.c = c, .fd = -1};
    TRY(read_target(ret, at, e));
    ret->fd = open(dir && *dir ? dir : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (ret->fd < 0)
        FAIL(e, ST_UNAVAILABLE, "could not make a temporary file: %m");
    return ST_OK;
}

void spreadsheet_close_p(struct spreadsheet *s) {
    if (s->c && s->fd >= 0)
        (void)close(s->fd);
}

static enum status write_all(int fd, struct str bytes, struct err *e) {
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            FAIL(e, ST_UNAVAILABLE, "could not write the spreadsheet: %m");
        bytes = str_sub(bytes, (size_t)n, bytes.len);
    }
    return ST_OK;
}

static enum status copy_out(struct spreadsheet *s, int to, struct err *e) {
    char *bytes = arena_alloc(&s->c->arena, COPY_BYTES);

    for (off_t at = 0;;) {
        ssize_t n = pread(s->fd, bytes, COPY_BYTES, at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            FAIL(e, ST_UNAVAILABLE, "could not read a temporary file: %m");
        if (n == 0)
            return ST_OK;
        TRY(write_all(to, (struct str){.ptr = bytes, .len = (size_t)n}, e));
        at += n;
    }
}

static enum status copy_to_file(struct spreadsheet *s, struct err *e) {
    const char *name = arena_cstr(&s->c->arena, s->path);
    int to = open(name ? name : "", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    enum status st;

    if (to < 0)
        FAIL(e, ST_INVALID, "could not write \"%.*s\": %m", STR_ARG(s->path));
    st = copy_out(s, to, e);
    if (close(to) != 0 && st == ST_OK)
        FAIL(e, ST_UNAVAILABLE, "could not write \"%.*s\": %m", STR_ARG(s->path));
    return st;
}

enum status spreadsheet_send(struct spreadsheet *s, const char *what, int64_t n, struct err *e) {
    struct cli *c = s->c;

    if (s->path.len == 0)
        return copy_out(s, STDOUT_FILENO, e);
    TRY(copy_to_file(s, e));
    if (c->is_json) {
        json_obj(&c->json, NULL);
        json_put_str(&c->json, "file", s->path);
        json_put_str(&c->json, "format", s->kind == SHEET_XLSX ? STR("xlsx") : STR("csv"));
        json_put_i64(&c->json, what, n);
        json_end(&c->json);
    } else {
        buf_printf(&c->out, "Wrote %lld %s to %.*s\n", (long long)n, what, STR_ARG(s->path));
    }
    return ST_OK;
}
