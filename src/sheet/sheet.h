/* sheet.h - spreadsheets in and out: XLSX and CSV behind one interface, row by row, in memory that does not grow with the
 * number of rows. What is read comes from strangers: every limit is checked, nothing outside the file is ever fetched.
 *
 * A refused file fails with ST_INVALID and one of these causes, which programs may show in their own words:
 *   empty wrong-type old-excel encrypted truncated damaged zip-bomb xml-dtd too-large too-many-columns too-many-rows
 *   too-many-sheets cell-too-long unclosed-quote no-sheet
 *
 * One thread at a time may use a reader or a writer; different ones do not meet.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum sheet_kind { SHEET_CSV, SHEET_XLSX };

enum {
    SHEET_MAX_COLUMNS = 512,
    SHEET_MAX_CELL_BYTES = 131072, /* 32,767 characters, as spreadsheet programs have it */
    SHEET_MAX_ROW_BYTES = 1 << 20,
    SHEET_MAX_ROWS = 1048576, /* of an XLSX sheet; the format's own */
    SHEET_MAX_SHEETS = 200,
};

/* --- reading --------------------------------------------------------------------------------------------------------- */

enum sheet_type {
    SHEET_EMPTY,
    SHEET_TEXT,
    SHEET_NUMBER,
    SHEET_DATE,     /* "2026-11-21", "2026-11-21T08:30:00" or "08:30:00" */
    SHEET_BOOL,     /* "true", "false" */
    SHEET_ERROR,    /* "#N/A", "#REF!" … */
    SHEET_NO_VALUE, /* a formula whose result the program that wrote the file did not store */
};

struct sheet_cell {
    enum sheet_type type;
    /* UTF-8 without NUL, trimmed of nothing. Numbers in full: 1.2E+11 is "120000000000"; a format that pads with zeros
     * (00000000000) is followed. */
    struct str text;
};

struct sheet_row {
    int64_t number;                 /* as spreadsheet programs count, from 1 */
    const struct sheet_cell *cells; /* of columns 0 to n - 1; the last one is not empty */
    size_t n;
};

struct sheet_limits {            /* 0: the default in brackets */
    uint64_t max_file_bytes;     /* [2 GiB] */
    uint64_t max_unpacked_bytes; /* of all parts of an XLSX that are read [4 GiB] */
    uint32_t max_ratio;          /* unpacked to packed, once more than 32 MiB are unpacked [200] */
    size_t
        strings_in_memory; /* bytes of an XLSX's shared strings kept there; more goes to an unlinked file [4 MiB] */
    const char *spill_dir; /* for that file [TMPDIR or /tmp] */
};

struct sheet;

/* Finds out what fd holds and reads what stands before the rows. fd must be seekable; it stays the caller's and must not be
 * used while the reader lives. ST_INVALID: refused, see above; ST_UNAVAILABLE: it cannot be read. */
enum status sheet_open(int fd, struct sheet_limits limits, struct sheet **ret, struct err *e)
    ATTR_MUST_CHECK;
void sheet_close(struct sheet *s);
void sheet_close_p(struct sheet **s);

enum sheet_kind sheet_kind(const struct sheet *s);
/* A CSV has one sheet, with an empty name. */
size_t sheet_count(const struct sheet *s);
struct str sheet_name(const struct sheet *s, size_t i);
bool sheet_is_hidden(const struct sheet *s, size_t i);
/* How a CSV was understood: "utf-8", "utf-16le", "utf-16be" or "windows-1252", and what separates its columns. "" and 0 for an
 * XLSX. */
const char *sheet_encoding(const struct sheet *s);
char sheet_delimiter(const struct sheet *s);

/* Goes to the first row of a sheet; again from the start when it was read before. */
enum status sheet_start(struct sheet *s, size_t which, struct err *e) ATTR_MUST_CHECK;
/* The next row that has a cell with something in it; *ret_row holds until the next call. ST_NOT_FOUND (e stays empty): no more.
 * Of merged cells each shows the first one's value in sheets of up to 32 MiB, beyond only the first does. */
enum status sheet_next(struct sheet *s, struct sheet_row *ret_row, struct err *e) ATTR_MUST_CHECK;
/* How far through the file, 0 to 1000; an estimate for people. */
int sheet_permille(const struct sheet *s);

/* --- writing --------------------------------------------------------------------------------------------------------- */

struct sheet_out {
    enum sheet_kind kind;
    int fd; /* written from where it stands, never sought in: a file or a pipe; stays the caller's */
    char delimiter;  /* CSV; 0: ',' */
    struct str name; /* XLSX: of the sheet; empty: "Planilha1" */
};

struct sheet_writer;

/* CSV is UTF-8 with a byte order mark and CRLF. Nothing that is written can become a formula: cells of an XLSX are of type
 * text, in a CSV what begins like a formula and is no plain number gets a ' in front (the reader of import/ takes it off). */
enum status sheet_writer_open(struct sheet_out out, struct sheet_writer **ret, struct err *e)
    ATTR_MUST_CHECK;
/* A row of texts; invalid UTF-8 becomes U+FFFD, what XML cannot say is left out. ST_INVALID: more rows or bytes than the format
 * holds (cause "too-many-rows", "cell-too-long"); ST_UNAVAILABLE: the disk or pipe. After a failure only close. */
enum status sheet_write_row(struct sheet_writer *w, const struct str *cells, size_t n,
                            struct err *e) ATTR_MUST_CHECK;
/* Completes the file; without it what was written is cut off. Close it all the same. */
enum status sheet_writer_finish(struct sheet_writer *w, struct err *e) ATTR_MUST_CHECK;
void sheet_writer_close(struct sheet_writer *w);
void sheet_writer_close_p(struct sheet_writer **w);

/* s as a cell of a CSV: what begins like a formula is made plain text. In out, behind what is there. */
struct buf;
void sheet_csv_cell(struct buf *out, struct str s, char delimiter);
