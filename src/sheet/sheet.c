/* sheet.c - what a file is, by its first bytes, and the door to the reader for it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sheet/sheet.h"

#include <errno.h>
#include <sys/stat.h>

#include "sheet/reader.h"

enum {
    HEAD_BYTES = 64 << 10,
    DEFAULT_RATIO = 200,
    DEFAULT_STRINGS = 4 << 20,
};

struct sheet {
    enum sheet_kind kind;
    struct csv *csv;
    struct xlsx *xlsx;
};

/* --- a row ------------------------------------------------------------------------------------------------------------- */

void rowbuf_init(struct rowbuf *r) {
    buf_init(&r->text, SHEET_MAX_ROW_BYTES);
    r->n = 0;
}

void rowbuf_done(struct rowbuf *r) {
    buf_done(&r->text);
}

void rowbuf_clear(struct rowbuf *r) {
    buf_clear(&r->text);
    r->n = 0;
}

enum status rowbuf_put(struct rowbuf *r, size_t column, enum sheet_type type, size_t start,
                       struct err *e) {
    if (r->text.overflown)
        REFUSE(e, "cell-too-long", "a row is longer than %d bytes", SHEET_MAX_ROW_BYTES);
    if (r->text.len - start > SHEET_MAX_CELL_BYTES)
        REFUSE(e, "cell-too-long", "a cell is longer than %d bytes", SHEET_MAX_CELL_BYTES);
    if (column >= SHEET_MAX_COLUMNS) {
        if (type == SHEET_EMPTY)
            return ST_OK;
        REFUSE(e, "too-many-columns", "a row has more than %d columns", SHEET_MAX_COLUMNS);
    }
    while (r->n <= column) {
        r->cells[r->n] = (struct sheet_cell){.type = SHEET_EMPTY};
        r->starts[r->n++] = (uint32_t)start;
    }
    r->cells[column] = (struct sheet_cell){.type = type, .text.len = r->text.len - start};
    r->starts[column] = (uint32_t)start;
    return ST_OK;
}

bool rowbuf_finish(struct rowbuf *r, int64_t number, struct sheet_row *ret) {
    while (r->n > 0 && r->cells[r->n - 1].type == SHEET_EMPTY)
        r->n--;
    for (size_t i = 0; i < r->n; i++)
        r->cells[i].text.ptr = r->text.ptr ? r->text.ptr + r->starts[i] : "";
    *ret = (struct sheet_row){.number = number, .cells = r->cells, .n = r->n};
    return r->n > 0;
}

enum status fd_read_at(int fd, uint64_t at, char *to, size_t n, size_t *ret_n, struct err *e) {
    size_t done = 0;

    while (done < n) {
        ssize_t got = pread(fd, to + done, n - done, (off_t)(at + done));
        char reason[64];

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            FAIL(e, ST_UNAVAILABLE, "could not read the file: %s",
                 strerror_r(errno, reason, sizeof(reason)));
        if (got == 0)
            break;
        done += (size_t)got;
    }
    *ret_n = done;
    return ST_OK;
}

/* --- what it is -------------------------------------------------------------------------------------------------------- */

/* A compound file: Excel up to 2003, or the envelope of an encrypted XLSX, which holds a stream of this name. */
static enum status refuse_compound(struct str head, struct err *e) {
    static const char name[] = "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e";

    if (str_contains(head, (struct str){.ptr = name, .len = sizeof(name)}))
        REFUSE(e, "encrypted", "the spreadsheet is protected by a password: save it without one");
    REFUSE(e, "old-excel", "this is a spreadsheet of Excel 97-2003: save it as .xlsx or .csv");
}

static bool begins_with_tag(struct str head) {
    static const char *const tags[] = {"<?xml", "<!doctype", "<html", "<table", "<head", "<meta"};

    (void)str_eat(&head, STR("\xef\xbb\xbf"));
    head = str_trim(head);
    for (size_t i = 0; i < ARRAY_LEN(tags); i++)
        if (str_eq_nocase(str_sub(head, 0, strlen(tags[i])), str_of(tags[i])))
            return true;
    return false;
}

static enum status refuse_others(struct str head, struct err *e) {
    static const struct {
        struct str magic;
        const char *what;
    } kinds[] = {
        {{"%PDF", 4}, "a PDF"},
        {{"\x89PNG", 4}, "a picture"},
        {{"\xff\xd8\xff", 3}, "a picture"},
        {{"GIF8", 4}, "a picture"},
        {{"{\\rtf", 5}, "a text document"},
        {{"\x1f\x8b", 2}, "a compressed file: unpack it first"},
        {{"Rar!", 4}, "a compressed file: unpack it first"},
        {{"7z\xbc\xaf", 4}, "a compressed file: unpack it first"},
        {{"SQLite format 3", 15}, "a database"},
    };

    if (str_starts(head, STR("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")))
        return refuse_compound(head, e);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_starts(head, kinds[i].magic))
            REFUSE(e, "wrong-type", "this is no spreadsheet but %s", kinds[i].what);
    if (begins_with_tag(head))
        REFUSE(e, "wrong-type",
               "this is a web page or XML, whatever its name says: save it as .xlsx or .csv");
    return ST_OK;
}

static struct sheet_limits with_defaults(struct sheet_limits l) {
    if (l.max_file_bytes == 0)
        l.max_file_bytes = 2ULL << 30;
    if (l.max_unpacked_bytes == 0)
        l.max_unpacked_bytes = 4ULL << 30;
    if (l.max_ratio == 0)
        l.max_ratio = DEFAULT_RATIO;
    if (l.strings_in_memory == 0)
        l.strings_in_memory = DEFAULT_STRINGS;
    return l;
}

static enum status open_kind(struct sheet *s, int fd, uint64_t size,
                             const struct sheet_limits *limits, struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf head = {.max = HEAD_BYTES};
    char *to = buf_reserve(&head, HEAD_BYTES);
    size_t n = 0;

    TRY(fd_read_at(fd, 0, to, HEAD_BYTES, &n, e));
    buf_commit(&head, n);
    if (n == 0)
        REFUSE(e, "empty", "the file is empty");
    TRY(refuse_others(buf_str(&head), e));
    if (str_starts(buf_str(&head), STR("PK\x03\x04")) ||
        str_starts(buf_str(&head), STR("PK\x05\x06"))) {
        s->kind = SHEET_XLSX;
        return xlsx_open(fd, limits, &s->xlsx, e);
    }
    s->kind = SHEET_CSV;
    return csv_open(fd, size, &s->csv, e);
}

enum status sheet_open(int fd, struct sheet_limits limits, struct sheet **ret, struct err *e) {
    struct stat st;

    limits = with_defaults(limits);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        FAIL(e, ST_INVALID, "could not read the file: it is none");
    if ((uint64_t)st.st_size > limits.max_file_bytes)
        REFUSE(e, "too-large", "the file is larger than %llu bytes",
               (unsigned long long)limits.max_file_bytes);

    ATTR_CLEANUP(sheet_close_p) struct sheet *s = calloc(1, sizeof(*s));

    if (!s)
        abort();
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): s cleans itself up */
    TRY(open_kind(s, fd, (uint64_t)st.st_size, &limits, e));
    *ret = TAKE(s);
    return ST_OK;
}

void sheet_close(struct sheet *s) {
    if (!s)
        return;
    csv_close(s->csv);
    xlsx_close(s->xlsx);
    free(s);
}

void sheet_close_p(struct sheet **s) {
    sheet_close(*s);
}

enum sheet_kind sheet_kind(const struct sheet *s) {
    return s->kind;
}

size_t sheet_count(const struct sheet *s) {
    return s->xlsx ? xlsx_count(s->xlsx) : 1;
}

struct str sheet_name(const struct sheet *s, size_t i) {
    return s->xlsx ? xlsx_name(s->xlsx, i) : STR_EMPTY;
}

bool sheet_is_hidden(const struct sheet *s, size_t i) {
    return s->xlsx && xlsx_is_hidden(s->xlsx, i);
}

const char *sheet_encoding(const struct sheet *s) {
    return s->csv ? csv_encoding(s->csv) : "";
}

char sheet_delimiter(const struct sheet *s) {
    return s->csv ? csv_delimiter(s->csv) : '\0';
}

enum status sheet_start(struct sheet *s, size_t which, struct err *e) {
    if (which >= sheet_count(s))
        REFUSE(e, "no-sheet", "the file has no sheet %zu", which + 1);
    return s->xlsx ? xlsx_start(s->xlsx, which, e) : csv_start(s->csv, e);
}

enum status sheet_next(struct sheet *s, struct sheet_row *ret_row, struct err *e) {
    return s->xlsx ? xlsx_next(s->xlsx, ret_row, e) : csv_next(s->csv, ret_row, e);
}

int sheet_permille(const struct sheet *s) {
    return s->xlsx ? xlsx_permille(s->xlsx) : csv_permille(s->csv);
}
