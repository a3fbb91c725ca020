/* merge.c - areas in order of their first row; those that the current row is in are active and hold their value.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sheet/merge.h"

enum {
    AREAS_MAX = 20000,
    ACTIVE_MAX = 1000,
    VALUE_MAX_BYTES = 4096,
    SCAN_MAX_BYTES = 32 << 20,
    SCAN_BYTES = 32 << 10,
    ROW_LIMIT = 1 << 30,
    COLUMN_LIMIT = 1 << 20,
};

struct area {
    int64_t first_row, last_row;
    size_t first_column, last_column;
};

struct active {
    struct area area;
    enum sheet_type type;
    char *text;
    size_t len;
};

struct merges {
    struct area *areas;
    size_t n, next;
    struct active active[ACTIVE_MAX];
    size_t n_active;
};

bool cell_place(const char *ref, int64_t *ret_row, size_t *ret_column) {
    size_t column = 0;
    int64_t row = 0;

    for (; (*ref >= 'A' && *ref <= 'Z') || (*ref >= 'a' && *ref <= 'z'); ref++) {
        column = 26 * column + (size_t)(*ref & 0x1f);
        if (column > COLUMN_LIMIT)
            return false;
    }
    for (; *ref >= '0' && *ref <= '9'; ref++) {
        row = 10 * row + (*ref - '0');
        if (row > ROW_LIMIT)
            return false;
    }
    *ret_row = row;
    *ret_column = column - 1;
    return column > 0 && *ref == '\0';
}

/* --- finding them ------------------------------------------------------------------------------------------------------ */

static int compare(const void *a, const void *b) {
    const struct area *x = a, *y = b;

    return (x->first_row > y->first_row) - (x->first_row < y->first_row);
}

static void on_start(void *ctx, const char *name, const char **attrs) {
    struct merges *m = ctx;
    const char *ref = part_attr(attrs, "ref"), *colon = ref ? strchr(ref, ':') : NULL;
    char first[24];
    struct area a;

    if (strcmp(name, "mergeCell") != 0 || !colon || (size_t)(colon - ref) >= sizeof(first) ||
        m->n >= AREAS_MAX)
        return;
    memcpy(first, ref, (size_t)(colon - ref));
    first[colon - ref] = '\0';
    if (cell_place(first, &a.first_row, &a.first_column) &&
        cell_place(colon + 1, &a.last_row, &a.last_column) && a.last_row >= a.first_row &&
        a.last_column >= a.first_column && a.last_column < SHEET_MAX_COLUMNS)
        m->areas[m->n++] = a;
}

/* Whether the word stands anywhere in the part: unpacking costs a fraction of parsing, and few sheets have any. */
static enum status has_any(struct package *p, uint64_t index, const char *path, bool *ret,
                           struct err *e) {
    static const char word[] = "mergeCell";
    char bytes[SCAN_BYTES + sizeof(word)];
    zip_file_t *file = zip_fopen_index(p->zip, index, 0);
    size_t kept = 0, total = 0;
    zip_int64_t n;

    *ret = false;
    if (!file)
        REFUSE(e, "damaged", "could not read \"%s\" of the spreadsheet: %s", path,
               zip_strerror(p->zip));
    while (!*ret && total <= SCAN_MAX_BYTES &&
           (n = zip_fread(file, bytes + kept, SCAN_BYTES)) > 0) {
        size_t len = kept + (size_t)n;

        total += (size_t)n;
        *ret = memmem(bytes, len, word, sizeof(word) - 1) != NULL;
        kept = len < sizeof(word) - 2 ? len : sizeof(word) - 2;
        memmove(bytes, bytes + len - kept, kept);
    }
    (void)zip_fclose(file); /* damage shows when it is parsed */
    return ST_OK;
}

enum status merges_read(struct package *p, const char *path, struct merges **ret, struct err *e) {
    struct merges *m;
    zip_stat_t st;
    uint64_t index;
    bool has;

    *ret = NULL;
    if (!package_find(p, path, &index) || zip_stat_index(p->zip, index, 0, &st) != 0 ||
        st.size > SCAN_MAX_BYTES)
        return ST_OK;
    TRY(has_any(p, index, path, &has, e));
    if (!has)
        return ST_OK;
    *ret = m = calloc(1, sizeof(*m)); /* the caller frees it also after a failure */
    if (!m || !(m->areas = calloc(AREAS_MAX, sizeof(*m->areas))))
        abort();
    TRY(package_parse(p, path, &(struct part_handlers){.start = on_start, .ctx = m}, e));
    qsort(m->areas, m->n, sizeof(*m->areas), compare);
    return ST_OK;
}

void merges_free(struct merges *m) {
    if (!m)
        return;
    for (size_t i = 0; i < m->n_active; i++)
        free(m->active[i].text);
    free(m->areas);
    free(m);
}

/* --- filling ----------------------------------------------------------------------------------------------------------- */

static void drop_passed(struct merges *m, int64_t number) {
    size_t n = 0;

    for (size_t i = 0; i < m->n_active; i++) {
        if (m->active[i].area.last_row >= number)
            m->active[n++] = m->active[i];
        else
            free(m->active[i].text);
    }
    m->n_active = n;
}

/* Areas that begin in this row take their value from it; those whose first row does not exist have none. */
static void begin_areas(struct merges *m, int64_t number, const struct rowbuf *row) {
    for (; m->next < m->n && m->areas[m->next].first_row <= number; m->next++) {
        struct area a = m->areas[m->next];
        const struct sheet_cell *cell =
            a.first_column < row->n ? &row->cells[a.first_column] : NULL;
        struct active *to = &m->active[m->n_active];

        if (a.first_row < number || !cell || cell->type == SHEET_EMPTY || cell->text.len == 0 ||
            cell->text.len > VALUE_MAX_BYTES || m->n_active == ACTIVE_MAX)
            continue;
        *to = (struct active){.area = a, .type = cell->type, .len = cell->text.len};
        to->text = malloc(to->len);
        if (!to->text)
            abort();
        memcpy(to->text, row->text.ptr + row->starts[a.first_column], to->len);
        m->n_active++;
    }
}

enum status merges_fill(struct merges *m, int64_t number, struct rowbuf *row, struct err *e) {
    drop_passed(m, number);
    begin_areas(m, number, row);
    for (size_t i = 0; i < m->n_active; i++) {
        const struct active *x = &m->active[i];

        for (size_t c = x->area.first_column; c <= x->area.last_column; c++) {
            size_t start = row->text.len;

            if (c < row->n && row->cells[c].type != SHEET_EMPTY)
                continue;
            buf_add(&row->text, (struct str){.ptr = x->text, .len = x->len});
            TRY(rowbuf_put(row, c, x->type, start, e));
        }
    }
    return ST_OK;
}
