/* book.h - files for the tests of sheet/: made in memory from texts, and read back as one text.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "unit/check.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "sheet/sheet.h"
#include "sheet/zipout.h"

#define BOOK_NS                                                                                    \
    "xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\""
#define BOOK_REL "http://schemas.openxmlformats.org/officeDocument/2006/relationships"

struct book_part {
    const char *name, *text;
};

static inline int file_of(struct str bytes) {
    int fd = memfd_create("book", MFD_CLOEXEC);
    struct err e = ERR_INIT;

    assert_true(fd >= 0);
    assert_ok(fd_write_all(fd, bytes, &e), &e);
    return fd;
}

static inline int zip_of(const struct book_part *parts, size_t n) {
    int fd = memfd_create("book", MFD_CLOEXEC);
    struct zipout *z = zipout_new(fd);
    struct err e = ERR_INIT;

    for (size_t i = 0; i < n; i++) {
        assert_ok(zipout_begin(z, parts[i].name, &e), &e);
        assert_ok(zipout_add(z, str_of(parts[i].text), &e), &e);
        assert_ok(zipout_end(z, &e), &e);
    }
    assert_ok(zipout_finish(z, &e), &e);
    zipout_free(z);
    return fd;
}

#define WORKBOOK_RELS                                                                              \
    "<Relationships><Relationship Id=\"a\" Type=\"" BOOK_REL                                       \
    "/worksheet\" Target=\"worksheets/sheet1.xml\"/>"                                              \
    "<Relationship Id=\"b\" Type=\"" BOOK_REL                                                      \
    "/sharedStrings\" Target=\"/xl/sharedStrings.xml\"/>"                                          \
    "<Relationship Id=\"c\" Type=\"" BOOK_REL "/styles\" Target=\"styles.xml\"/></Relationships>"

/* A workbook of one sheet; what stands in sheetData, sst and styleSheet, and before sheets. */
static inline int book_of(const char *rows, const char *strings, const char *styles,
                          const char *before) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    const struct book_part parts[] = {
        {"xl/workbook.xml",
         arena_printf(
             &a,
             "<workbook " BOOK_NS
             ">%s<sheets><sheet name=\"Um\" sheetId=\"1\" r:id=\"a\"/></sheets></workbook>",
             before)
             .ptr},
        {"xl/_rels/workbook.xml.rels", WORKBOOK_RELS},
        {"xl/worksheets/sheet1.xml",
         arena_printf(&a, "<worksheet " BOOK_NS ">%s</worksheet>", rows).ptr},
        {"xl/sharedStrings.xml", arena_printf(&a, "<sst " BOOK_NS ">%s</sst>", strings).ptr},
        {"xl/styles.xml", arena_printf(&a, "<styleSheet " BOOK_NS ">%s</styleSheet>", styles).ptr},
    };

    return zip_of(parts, ARRAY_LEN(parts));
}

/* "1:a|b 3:c" with types other than text in front: n: d: b: e: f: */
static inline void dump_row(struct buf *b, const struct sheet_row *row) {
    static const char *const marks[] = {"-", "", "n:", "d:", "b:", "e:", "f:"};

    buf_printf(b, "%s%lld=", b->len > 0 ? " " : "", (long long)row->number);
    for (size_t i = 0; i < row->n; i++)
        buf_printf(b, "%s%s%.*s", i > 0 ? "|" : "", marks[row->cells[i].type],
                   STR_ARG(row->cells[i].text));
}

static inline enum status read_rows(struct sheet *s, size_t which, struct buf *b, struct err *e) {
    struct sheet_row row;
    enum status st = sheet_start(s, which, e);

    while (st == ST_OK && (st = sheet_next(s, &row, e)) == ST_OK)
        dump_row(b, &row);
    return st == ST_NOT_FOUND ? ST_OK : st;
}

/* Reads the first sheet of fd, and closes it. */
static inline void check_rows(int fd, const char *want) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 1 << 20};
    struct err e = ERR_INIT;
    struct sheet *s;

    assert_ok(sheet_open(fd, (struct sheet_limits){0}, &s, &e), &e);
    assert_ok(read_rows(s, 0, &b, &e), &e);
    sheet_close(s);
    (void)close(fd);
    assert_str(buf_str(&b), want);
}

/* It is refused with this cause, when it is opened or while it is read. */
static inline void check_refused_within(int fd, struct sheet_limits limits, const char *cause) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 64 << 20};
    ATTR_CLEANUP(sheet_close_p) struct sheet *s = NULL;
    struct err e = ERR_INIT;
    enum status st = sheet_open(fd, limits, &s, &e);

    if (st == ST_OK)
        st = read_rows(s, 0, &b, &e);
    assert_int_equal(st, ST_INVALID);
    assert_non_null(e.cause);
    assert_string_equal(e.cause, cause);
    (void)close(fd);
}

static inline void check_refused(int fd, const char *cause) {
    check_refused_within(fd, (struct sheet_limits){0}, cause);
}

static inline int fixture_fd(const char *name) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    int fd = open(arena_printf(&a, "%s/fixtures/sheet/%s", PROSA_TEST_DIR, name).ptr,
                  O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}
