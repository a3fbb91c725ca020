/* xlsx.c - rows of an XLSX sheet, one per call: the parser stands still behind each row until the next is asked for.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"
#include "sheet/merge.h"
#include "sheet/package.h"
#include "sheet/strings.h"

enum {
    VALUE_MAX_BYTES = SHEET_MAX_CELL_BYTES + 4096,
    LAST_ROW = 1 << 30,
};

enum cell_kind { CELL_NUMBER, CELL_SHARED, CELL_TEXT, CELL_BOOL, CELL_ERROR, CELL_DATE };

struct xlsx {
    struct package p;
    size_t strings_in_memory;
    const char *spill_dir;
    struct strings *strings;
    struct part *part; /* the sheet being read */
    struct merges *merges;
    struct rowbuf row;
    int64_t number;
    bool is_ready, is_over; /* a row is whole; there is none behind it */
    /* the cell being read */
    size_t column, next_column;
    enum cell_kind kind;
    uint32_t style;
    bool in_rows, in_value, in_inline, in_phonetic, has_formula, has_value;
    struct buf value;
    struct err *e; /* where handlers put why they stopped */
};

/* --- texts ------------------------------------------------------------------------------------------------------------- */

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* _x000D_ is a character that XML has no other word for (ECMA-376 part 1, 22.9.2.19). */
static bool eat_escape(struct str *s, uint32_t *ret) {
    uint32_t point = 0;

    if (s->len < 7 || s->ptr[1] != 'x' || s->ptr[6] != '_')
        return false;
    for (size_t i = 2; i < 6; i++) {
        int v = hex_value(s->ptr[i]);

        if (v < 0)
            return false;
        point = point << 4 | (uint32_t)v;
    }
    *s = str_sub(*s, 7, s->len);
    *ret = point;
    return true;
}

static void add_point(struct buf *out, uint32_t point) {
    bool is_half = point >= 0xd800 && point <= 0xdfff;
    char *to = point == 0 ? NULL : buf_reserve(out, 4);

    if (to)
        buf_commit(out, utf8_put(is_half ? 0xfffd : point, to));
}

static void add_unescaped(struct buf *out, struct str s) {
    while (s.len > 0) {
        const char *at = memchr(s.ptr, '_', s.len);
        size_t n = at ? (size_t)(at - s.ptr) : s.len;
        uint32_t point;

        buf_add(out, str_sub(s, 0, n));
        s = str_sub(s, n, s.len);
        if (s.len == 0)
            return;
        if (eat_escape(&s, &point)) {
            add_point(out, point);
        } else {
            buf_add_char(out, '_');
            s = str_sub(s, 1, s.len);
        }
    }
}

static void add_value(struct xlsx *x, const char *s, int n) {
    if (!x->in_value)
        return;
    buf_add(&x->value, (struct str){.ptr = s, .len = (size_t)n});
    if (x->value.overflown) {
        (void)err_set(x->e, ST_INVALID, __FILE__, __LINE__, "a cell is longer than %d bytes",
                      SHEET_MAX_CELL_BYTES);
        x->e->cause = "cell-too-long";
        part_stop(x->part);
    }
}

/* --- shared strings ---------------------------------------------------------------------------------------------------- */

struct string_reader {
    struct strings *strings;
    struct buf value, text;
    bool in_text, in_phonetic;
    enum status st;
    struct err *e;
};

static void string_start(void *ctx, const char *name, const char **attrs) {
    struct string_reader *r = ctx;

    (void)attrs;
    if (strcmp(name, "si") == 0)
        buf_clear(&r->value);
    else if (strcmp(name, "t") == 0)
        r->in_text = !r->in_phonetic;
    else if (strcmp(name, "rPh") == 0)
        r->in_phonetic = true;
}

static void string_text(void *ctx, const char *s, int n) {
    struct string_reader *r = ctx;

    if (r->in_text)
        buf_add(&r->value, (struct str){.ptr = s, .len = (size_t)n});
}

static void string_end(void *ctx, const char *name) {
    struct string_reader *r = ctx;

    if (strcmp(name, "t") == 0)
        r->in_text = false;
    else if (strcmp(name, "rPh") == 0)
        r->in_phonetic = false;
    else if (strcmp(name, "si") == 0 && r->st == ST_OK) {
        buf_clear(&r->text);
        add_unescaped(&r->text, buf_str(&r->value));
        r->st = strings_add(r->strings, buf_str(&r->text), r->e);
    }
}

static enum status read_strings(struct xlsx *x, struct err *e) {
    struct string_reader r = {.e = e};
    const struct part_handlers handlers = {
        .start = string_start, .end = string_end, .text = string_text, .ctx = &r};
    enum status st;
    uint64_t index;

    if (x->strings || !x->p.strings_path || !package_find(&x->p, x->p.strings_path, &index))
        return ST_OK; /* some programs name a part that they do not write */
    x->strings = r.strings = strings_new(x->strings_in_memory, x->spill_dir);
    buf_init(&r.value, VALUE_MAX_BYTES);
    buf_init(&r.text, VALUE_MAX_BYTES);
    st = package_parse(&x->p, x->p.strings_path, &handlers, e);
    buf_done(&r.value);
    buf_done(&r.text);
    if (st == ST_OK)
        st = r.st;
    if (st != ST_OK) /* half of them would pass for all when the sheet is started again */
        strings_free(TAKE(x->strings));
    return st;
}

/* --- cells ------------------------------------------------------------------------------------------------------------- */

static enum cell_kind kind_of(const char *t) {
    static const struct {
        const char *name;
        enum cell_kind kind;
    } kinds[] = {{"s", CELL_SHARED}, {"str", CELL_TEXT}, {"inlineStr", CELL_TEXT},
                 {"b", CELL_BOOL},   {"e", CELL_ERROR},  {"d", CELL_DATE}};

    for (size_t i = 0; t && i < ARRAY_LEN(kinds); i++)
        if (strcmp(t, kinds[i].name) == 0)
            return kinds[i].kind;
    return CELL_NUMBER;
}

static void begin_cell(struct xlsx *x, const char **attrs) {
    const char *ref = part_attr(attrs, "r"), *style = part_attr(attrs, "s");
    int64_t row, number;

    x->column = x->next_column;
    if (ref)
        (void)cell_place(ref, &row, &x->column);
    x->next_column = x->column + 1;
    x->kind = kind_of(part_attr(attrs, "t"));
    x->style = style && str_parse_i64(str_of(style), 0, UINT32_MAX, &number) ? (uint32_t)number : 0;
    x->in_value = x->in_inline = x->in_phonetic = x->has_formula = x->has_value = false;
    buf_clear(&x->value);
}

static enum status add_shared(struct xlsx *x, struct str value, struct err *e) {
    int64_t i;
    bool found = false;

    if (x->strings && str_parse_i64(str_trim(value), 0, INT64_MAX, &i))
        TRY(strings_get(x->strings, (uint64_t)i, &x->row.text, &found, e));
    if (!found)
        REFUSE(e, "damaged", "row %lld refers to a text that the spreadsheet does not have",
               (long long)x->number);
    return ST_OK;
}

/* An ISO 8601 text of a strict file; midnight is a day. */
static enum sheet_type add_date(struct buf *out, struct str value) {
    static const char *const ends[] = {"Z", ".000", "T00:00:00"};

    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        if (str_ends(value, str_of(ends[i])))
            value.len -= strlen(ends[i]);
    buf_add(out, value);
    return SHEET_DATE;
}

static enum status add_cell(struct xlsx *x, enum sheet_type *ret, struct err *e) {
    struct str value = buf_str(&x->value);
    struct number_format format = {.kind = NUMBER_PLAIN};

    *ret = SHEET_TEXT;
    switch (x->kind) {
    case CELL_NUMBER:
        if (x->style < x->p.n_styles)
            format = x->p.styles[x->style];
        *ret = number_put(&x->row.text, value, format, x->p.is_1904);
        break;
    case CELL_SHARED:
        return add_shared(x, value, e);
    case CELL_TEXT:
        add_unescaped(&x->row.text, value);
        break;
    case CELL_BOOL:
        buf_add(&x->row.text,
                str_eq(value, STR("1")) || str_eq(value, STR("true")) ? STR("true") : STR("false"));
        *ret = SHEET_BOOL;
        break;
    case CELL_ERROR:
        buf_add(&x->row.text, value);
        *ret = SHEET_ERROR;
        break;
    case CELL_DATE:
        *ret = add_date(&x->row.text, value);
        break;
    }
    return ST_OK;
}

static enum status end_cell(struct xlsx *x, struct err *e) {
    size_t start = x->row.text.len;
    enum sheet_type type = x->has_formula ? SHEET_NO_VALUE : SHEET_EMPTY;

    if (x->has_value) {
        TRY(add_cell(x, &type, e));
        if (str_trim(str_sub(buf_str(&x->row.text), start, x->row.text.len)).len == 0)
            type = SHEET_EMPTY;
    }
    return type == SHEET_EMPTY ? ST_OK : rowbuf_put(&x->row, x->column, type, start, e);
}

/* --- rows -------------------------------------------------------------------------------------------------------------- */

static void begin_row(struct xlsx *x, const char **attrs) {
    const char *r = part_attr(attrs, "r");
    int64_t number;

    if (!r || !str_parse_i64(str_of(r), x->number + 1, LAST_ROW, &number))
        number = x->number + 1; /* absent, or out of order as no program writes it */
    x->number = number;
    x->next_column = 0;
    rowbuf_clear(&x->row);
}

static void row_start(void *ctx, const char *name, const char **attrs) {
    struct xlsx *x = ctx;

    if (strcmp(name, "sheetData") == 0)
        x->in_rows = true;
    if (!x->in_rows)
        return;
    if (strcmp(name, "c") == 0)
        begin_cell(x, attrs);
    else if (strcmp(name, "v") == 0 || (strcmp(name, "t") == 0 && x->in_inline && !x->in_phonetic))
        x->in_value = x->has_value = true;
    else if (strcmp(name, "row") == 0)
        begin_row(x, attrs);
    else if (strcmp(name, "f") == 0)
        x->has_formula = true;
    else if (strcmp(name, "is") == 0)
        x->in_inline = true;
    else if (strcmp(name, "rPh") == 0)
        x->in_phonetic = true;
}

static void row_text(void *ctx, const char *s, int n) {
    add_value(ctx, s, n);
}

static void finish_row(struct xlsx *x) {
    if (x->row.n == 0)
        return;
    if (x->merges && merges_fill(x->merges, x->number, &x->row, x->e) != ST_OK) {
        part_stop(x->part);
        return;
    }
    x->is_ready = true;
    part_pause(x->part);
}

static void row_end(void *ctx, const char *name) {
    struct xlsx *x = ctx;

    if (!x->in_rows)
        return;
    if (strcmp(name, "v") == 0 || strcmp(name, "t") == 0) {
        x->in_value = false;
    } else if (strcmp(name, "c") == 0) {
        if (end_cell(x, x->e) != ST_OK)
            part_stop(x->part);
    } else if (strcmp(name, "row") == 0) {
        finish_row(x);
    } else if (strcmp(name, "rPh") == 0) {
        x->in_phonetic = false;
    } else if (strcmp(name, "sheetData") == 0) {
        x->is_over = true; /* what follows is no row: it need not be unpacked */
        part_pause(x->part);
    }
}

static void end_sheet(struct xlsx *x) {
    part_close(TAKE(x->part));
    merges_free(TAKE(x->merges));
    x->in_rows = x->is_ready = x->is_over = false;
    x->number = 0;
}

enum status xlsx_start(struct xlsx *x, size_t which, struct err *e) {
    const struct part_handlers handlers = {
        .start = row_start, .end = row_end, .text = row_text, .ctx = x};
    const char *path = x->p.sheets[which].path;
    uint64_t index;

    end_sheet(x);
    x->p.limits.unpacked = 0;
    TRY(read_strings(x, e));
    TRY(merges_read(&x->p, path, &x->merges, e));
    if (!package_find(&x->p, path, &index))
        REFUSE(e, "damaged", "the spreadsheet has no part \"%s\"", path);
    return part_open(x->p.zip, index, &x->p.limits, &handlers, path, &x->part, e);
}

enum status xlsx_next(struct xlsx *x, struct sheet_row *ret, struct err *e) {
    struct err own = ERR_INIT;
    bool more = true;

    x->e = e ? e : &own;
    x->is_ready = false;
    while (more && !x->is_ready && !x->is_over)
        TRY(part_run(x->part, &more, x->e));
    if (!x->is_ready)
        return ST_NOT_FOUND;
    (void)rowbuf_finish(&x->row, x->number, ret);
    return ST_OK;
}

/* --- life -------------------------------------------------------------------------------------------------------------- */

enum status xlsx_open(int fd, const struct sheet_limits *limits, struct xlsx **ret, struct err *e) {
    struct xlsx *x = calloc(1, sizeof(*x));

    if (!x)
        abort();
    *ret = x; /* the caller closes it also after a failure */
    x->p.limits = (struct part_limits){.max_unpacked = limits->max_unpacked_bytes,
                                       .max_ratio = limits->max_ratio};
    x->strings_in_memory = limits->strings_in_memory;
    x->spill_dir = limits->spill_dir;
    rowbuf_init(&x->row);
    buf_init(&x->value, VALUE_MAX_BYTES);
    return package_open(fd, &x->p, e);
}

void xlsx_close(struct xlsx *x) {
    if (!x)
        return;
    end_sheet(x);
    strings_free(x->strings);
    package_close(&x->p);
    rowbuf_done(&x->row);
    buf_done(&x->value);
    free(x);
}

size_t xlsx_count(const struct xlsx *x) {
    return x->p.n_sheets;
}

struct str xlsx_name(const struct xlsx *x, size_t i) {
    return x->p.sheets[i].name;
}

bool xlsx_is_hidden(const struct xlsx *x, size_t i) {
    return x->p.sheets[i].is_hidden;
}

int xlsx_permille(const struct xlsx *x) {
    return x->part ? part_permille(x->part) : 0;
}
