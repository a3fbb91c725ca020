/* output.c - results for people (tables) and for programs (JSON).
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "cli/cli.h"

enum {
    GAP = 2,
    CELL_MAX_POINTS = 60,
};

/* --- JSON ------------------------------------------------------------------------------------ */

void cli_begin_list(struct cli *c) {
    json_obj(&c->json, NULL);
    json_arr(&c->json, "data");
}

void cli_end_list(struct cli *c) {
    json_end(&c->json);
    json_end(&c->json);
}

/* --- text ------------------------------------------------------------------------------------ */

struct str cli_time_text(struct cli *c, int64_t ms) {
    return ms == 0 ? STR("-") : clock_format_iso(&c->arena, ms);
}

struct str cli_id_text(struct cli *c, struct uuid id) {
    return uuid_is_nil(id) ? STR("-") : uuid_format(&c->arena, id);
}

void table_begin(struct table *t, struct cli *c, const char *const *heads, size_t n) {
    assert(n > 0 && n <= TABLE_MAX_COLUMNS);
    *t = (struct table){.c = c, .columns = n};
    for (size_t i = 0; i < n; i++)
        table_add(t, str_of(heads[i]));
}

/* What others wrote must not steer the terminal: control characters become spaces. */
static struct str tame(struct cli *c, struct str s) {
    struct str cut = utf8_cut_points(utf8_repair(&c->arena, s), CELL_MAX_POINTS);
    char *p = arena_alloc(&c->arena, cut.len + 1);

    for (size_t i = 0; i < cut.len; i++) {
        unsigned char byte = (unsigned char)cut.ptr[i];

        p[i] = (char)(byte < ' ' || byte == 127 ? ' ' : byte);
    }
    return cut.len > 0 ? (struct str){.ptr = p, .len = cut.len} : STR("-");
}

void table_add(struct table *t, struct str cell) {
    if (t->n == t->cap) {
        size_t cap = t->cap > 0 ? t->cap * 2 : 64;
        struct str *cells = arena_array_of(&t->c->arena, cap, struct str);

        if (t->n > 0)
            memcpy(cells, t->cells, t->n * sizeof(*cells));
        t->cells = cells;
        t->cap = cap;
    }
    t->cells[t->n++] = tame(t->c, cell);
}

static size_t column_width(const struct table *t, size_t column) {
    size_t width = 0;

    for (size_t i = column; i < t->n; i += t->columns) {
        size_t points = utf8_count(t->cells[i]);

        width = points > width ? points : width;
    }
    return width;
}

void table_end(struct table *t, const char *none) {
    size_t widths[TABLE_MAX_COLUMNS] = {0};
    struct buf *out = &t->c->out;

    assert(t->columns > 0 && t->columns <= TABLE_MAX_COLUMNS);
    if (t->n == t->columns) {
        buf_printf(out, "%s\n", none);
        return;
    }
    for (size_t i = 0; i < t->columns; i++)
        widths[i] = column_width(t, i);
    for (size_t i = 0; i < t->n; i++) {
        size_t column = i % t->columns;

        buf_add(out, t->cells[i]);
        if (column + 1 == t->columns)
            buf_add_char(out, '\n');
        else
            buf_printf(out, "%*s", (int)(widths[column] - utf8_count(t->cells[i])) + GAP, "");
    }
}
