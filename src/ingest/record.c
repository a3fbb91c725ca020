/* record.c - cells to a record. Several numbers, addresses or tags may share a cell; what stands for "nothing" is nothing.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ingest/record.h"

#include "base/utf8.h"
#include "phone/phone.h"

enum {
    MANY_MAX = 40, /* texts of one kind in a row; more is lead/'s to refuse */
    FIELDS_BYTES = 64 << 10,
    VALUE_BYTES = 500,
    NAME_PARTS_MAX = 4,
};

struct many {
    struct str items[MANY_MAX];
    size_t n;
};

struct building {
    struct arena *a;
    struct str names[NAME_PARTS_MAX];
    size_t n_names;
    struct str area;
    struct many phones, emails, tags;
    struct buf fields;
    struct json_out o;
    bool has_field;
};

static void copy_many(struct arena *a, const struct many *m, const struct str **ret) {
    struct str *items = arena_array_of(a, m->n + 1, struct str);

    for (size_t i = 0; i < m->n; i++)
        items[i] = m->items[i];
    *ret = items;
}

static void put(struct many *m, struct str s) {
    if (s.len > 0 && m->n < MANY_MAX)
        m->items[m->n++] = s;
}

/* What people type where they know nothing. */
static bool is_nothing(struct str s) {
    static const char *const words[] = {"-",    "--",   "---", ".",   "n/a",  "n/d",
                                        "null", "none", "nan", "s/n", "#n/a", "#n/d"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eq_nocase(s, str_of(words[i])))
            return true;
    return false;
}

/* Blanks of every kind at both ends; a ' that keeps a spreadsheet from reading a formula. */
static struct str clean(struct str s) {
    struct str before;

    do {
        before = s;
        s = str_trim(s);
        (void)str_eat(&s, STR("\xc2\xa0"));
        (void)str_eat(&s, STR("\xef\xbb\xbf"));
        (void)str_eat(&s, STR("\xe2\x80\x8b"));
        if (str_ends(s, STR("\xc2\xa0")))
            s.len -= 2;
        if (str_ends(s, STR("\xe2\x80\x8b")))
            s.len -= 3;
    } while (s.len != before.len);
    if (s.len > 1 && s.ptr[0] == '\'' && strchr("=+-@\t\r", s.ptr[1]))
        s = str_sub(s, 1, s.len);
    return is_nothing(s) ? STR_EMPTY : s;
}

static void put_split(struct many *m, struct str cell, const char *separators) {
    while (cell.len > 0) {
        size_t n = 0;

        while (n < cell.len && !strchr(separators, cell.ptr[n]))
            n++;
        put(m, clean(str_sub(cell, 0, n)));
        cell = str_sub(cell, n + 1, cell.len);
    }
}

static bool all_digits_or_signs(struct str s, size_t *ret_digits) {
    *ret_digits = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] >= '0' && s.ptr[i] <= '9')
            ++*ret_digits;
        else if (!strchr(" -.()", s.ptr[i]))
            return false;
    }
    return true;
}

static void put_phones(struct building *b, struct str cell) {
    struct str parts[MANY_MAX];
    size_t n = phone_split(cell, parts, MANY_MAX), digits;

    if (n == 0) /* no digit at all: lead/ says so */
        put(&b->phones, cell);
    for (size_t i = 0; i < n; i++) {
        struct str one = clean(parts[i]);

        if (b->area.len > 0 && all_digits_or_signs(one, &digits) && digits <= 9)
            one = arena_printf(b->a, "%.*s %.*s", STR_ARG(b->area), STR_ARG(one));
        put(&b->phones, one);
    }
}

static void put_field(struct building *b, struct str name, struct str value) {
    if (!b->has_field) {
        json_out_init(&b->o, &b->fields);
        json_obj(&b->o, NULL);
    }
    b->has_field = true;
    json_put_str(&b->o, arena_cstr(b->a, name) ? arena_cstr(b->a, name) : "?", value);
}

static void put_first(struct str *to, struct str s) {
    if (to->len == 0)
        *to = s;
}

static void put_cell(struct building *b, const struct column *c, struct str cell,
                     struct lead_record *r) {
    switch (c->target) {
    case TARGET_IGNORE:
    case TARGET_PHONE_AREA: /* taken before */
        break;
    case TARGET_NAME:
        if (b->n_names < NAME_PARTS_MAX)
            b->names[b->n_names++] = cell;
        break;
    case TARGET_COMPANY:
        put_first(&r->company, cell);
        break;
    case TARGET_DOCUMENT:
        put_first(&r->document, cell);
        break;
    case TARGET_PHONE:
        put_phones(b, cell);
        break;
    case TARGET_EMAIL:
        put_split(&b->emails, cell, ";,/| \t\r\n");
        break;
    case TARGET_TAGS:
        put_split(&b->tags, cell, ";,|\r\n");
        break;
    case TARGET_FIELD:
        put_field(b, c->field, cell);
        break;
    }
}

/* A first name and a surname may stand in two columns; the same name in both (merged cells) counts once. */
static struct str join_names(struct building *b) {
    struct str all = b->n_names > 0 ? b->names[0] : STR_EMPTY;

    for (size_t i = 1; i < b->n_names; i++)
        if (!str_eq(b->names[i], b->names[i - 1]))
            all = arena_printf(b->a, "%.*s %.*s", STR_ARG(all), STR_ARG(b->names[i]));
    return all;
}

static const char *fault_of(const struct sheet_cell *cell) {
    switch (cell->type) {
    case SHEET_ERROR:
        return "formula-error";
    case SHEET_NO_VALUE:
        return "formula-without-value";
    case SHEET_EMPTY:
    case SHEET_TEXT:
    case SHEET_NUMBER:
    case SHEET_DATE:
    case SHEET_BOOL:
        return NULL;
    }
    return NULL;
}

static void take_cells(struct building *b, const struct columns *columns,
                       const struct sheet_row *row, struct prepared *ret) {
    for (size_t i = 0; i < columns->n; i++) {
        const struct column *c = &columns->items[i];
        const struct sheet_cell *cell = c->index < row->n ? &row->cells[c->index] : NULL;

        if (!cell || c->target == TARGET_IGNORE)
            continue;
        if (fault_of(cell) && !ret->reason) {
            ret->reason = fault_of(cell);
            ret->column = c->title;
            ret->value = arena_str(b->a, cell->text);
        }
        ret->cells[i] = clean(arena_str(b->a, cell->text));
        if (c->target == TARGET_PHONE_AREA)
            put_first(&b->area, ret->cells[i]);
    }
}

void record_of(struct arena *a, const struct columns *columns, const struct sheet_row *row,
               const struct lead_record *defaults, struct lead_record *record,
               struct prepared *ret) {
    struct building b = {.a = a};

    buf_init(&b.fields, FIELDS_BYTES);
    *ret = (struct prepared){.number = row->number,
                             .cells = arena_array_of(a, columns->n + 1, struct str)};
    *record = *defaults;
    take_cells(&b, columns, row, ret);
    for (size_t i = 0; i < columns->n; i++)
        if (ret->cells[i].len > 0)
            put_cell(&b, &columns->items[i], ret->cells[i], record);
    for (size_t i = 0; i < defaults->n_tags; i++)
        put(&b.tags, defaults->tags[i]);
    record->name = join_names(&b);
    copy_many(a, &b.phones, &record->phones);
    record->n_phones = b.phones.n;
    copy_many(a, &b.emails, &record->emails);
    record->n_emails = b.emails.n;
    copy_many(a, &b.tags, &record->tags);
    record->n_tags = b.tags.n;
    if (b.has_field) {
        json_end(&b.o);
        record->fields = arena_str(a, buf_str(&b.fields));
    }
    if (b.fields.overflown && !ret->reason)
        ret->reason = "too-long";
    buf_done(&b.fields);
}

/* --- blame ------------------------------------------------------------------------------------------------------------- */

static bool speaks_of(const char *slug, enum target t) {
    static const struct {
        const char *slug;
        enum target target;
    } pairs[] = {
        {"name", TARGET_NAME},    {"company", TARGET_COMPANY}, {"document", TARGET_DOCUMENT},
        {"phone", TARGET_PHONE},  {"email", TARGET_EMAIL},     {"tags", TARGET_TAGS},
        {"fields", TARGET_FIELD},
    };

    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        if (strcmp(slug, pairs[i].slug) == 0)
            return pairs[i].target == t;
    return false;
}

void record_blame(const struct columns *columns, const struct prepared *row, const char *column,
                  struct str *ret_title, struct str *ret_value) {
    *ret_title = *ret_value = STR_EMPTY;
    for (size_t i = 0; column && i < columns->n; i++) {
        if (!speaks_of(column, columns->items[i].target))
            continue;
        if (ret_title->len == 0)
            *ret_title = columns->items[i].title;
        if (row->cells[i].len == 0)
            continue;
        *ret_title = columns->items[i].title;
        *ret_value = utf8_cut_bytes(row->cells[i], VALUE_BYTES);
        return;
    }
}
