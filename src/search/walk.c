/* walk.c - blocks from the newest to the oldest, where all words of a search meet.
 *
 * Each word walks its own postings. The group that is furthest back says which block comes next; the others skip to it.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "search/find.h"

enum { FETCH_FIRST = 2, FETCH_MAX = 64, BITS = BLOCK_DOCS / 64 };

struct walk { /* one term's postings */
    struct str term;
    struct db_rows rows;
    size_t i, fetch;
    bool is_last; /* there are no rows behind these */
};

struct walks {
    struct walk items[GROUPS_MAX][STEMS_MAX];
};

static bool at_end(const struct walk *w) {
    return w->i == w->rows.n;
}

static int64_t block_of(const struct walk *w) {
    return db_i64(&w->rows, w->i, 0);
}

/* To the newest row that is not newer than block; at_end when there is none. */
static enum status walk_to(struct finding *f, struct tx *tx, struct walk *w, int64_t block,
                           struct err *e) {
    while (!at_end(w) && block_of(w) > block)
        w->i++;
    if (!at_end(w) || w->is_last)
        return ST_OK;
    TRY(store_search_postings(f->a, tx,
                              &(struct posting_place){.tenant = f->tenant,
                                                      .kind = f->kind,
                                                      .term = w->term,
                                                      .block = block,
                                                      .limit = w->fetch},
                              &w->rows, e));
    w->i = 0;
    w->is_last = w->rows.n < w->fetch;
    w->fetch = w->fetch * 2 < FETCH_MAX ? w->fetch * 2 : FETCH_MAX;
    f->n_rows += w->rows.n;
    return ST_OK;
}

/* The newest block, `block` or older, that a word of group g is in; -1: none. */
static enum status group_to(struct finding *f, struct tx *tx, struct walks *walks, size_t g,
                            int64_t block, int64_t *ret, struct err *e) {
    *ret = -1;
    for (size_t i = 0; i < f->groups->items[g].n; i++) {
        struct walk *w = &walks->items[g][i];

        TRY(walk_to(f, tx, w, block, e));
        if (!at_end(w) && block_of(w) > *ret)
            *ret = block_of(w);
    }
    return ST_OK;
}

/* The newest block, *block or older, that all groups are in; -1: none. */
static enum status meet(struct finding *f, struct tx *tx, struct walks *walks, int64_t *block,
                        struct err *e) {
    for (size_t agree = 0, g = 0; agree < f->groups->n; g = (g + 1) % f->groups->n) {
        int64_t top;

        TRY(group_to(f, tx, walks, g, *block, &top, e));
        agree = top == *block ? agree + 1 : 1;
        *block = top;
        if (top < 0)
            return ST_OK;
    }
    return ST_OK;
}

static void set_places(struct str places, uint64_t bits[static BITS]) {
    for (size_t i = 0; i + 1 < places.len; i += 2) {
        unsigned place = (unsigned char)places.ptr[i] | (unsigned)(unsigned char)places.ptr[i + 1]
                                                            << 8;

        if (place < BLOCK_DOCS)
            bits[place / 64] |= UINT64_C(1) << place % 64;
    }
}

/* The places of block that have a word of every group. */
static void both(const struct finding *f, const struct walks *walks, int64_t block,
                 uint64_t ret[static BITS]) {
    memset(ret, 0xFF, BITS * sizeof(*ret));
    for (size_t g = 0; g < f->groups->n; g++) {
        uint64_t any[BITS] = {0};

        for (size_t i = 0; i < f->groups->items[g].n; i++) {
            const struct walk *w = &walks->items[g][i];

            if (!at_end(w) && block_of(w) == block)
                set_places(db_text(&w->rows, w->i, 1), any);
        }
        for (size_t i = 0; i < BITS; i++)
            ret[i] &= any[i];
    }
}

/* Ids of the places before f->before, newest first; f->before moves along. */
static enum status take(struct finding *f, struct tx *tx, int64_t block,
                        const uint64_t bits[static BITS], struct found *ret, struct err *e) {
    struct str docs = STR_EMPTY;
    int64_t first = block * BLOCK_DOCS, place = BLOCK_DOCS - 1;

    if (f->before - first - 1 < place)
        place = f->before - first - 1;
    for (; place >= 0 && ret->n < ret->max; place--) {
        if (!(bits[place / 64] >> place % 64 & 1))
            continue;
        if (docs.len == 0)
            TRY(store_search_block(f->a, tx, f->tenant, f->kind, block, &docs, e));
        if (docs.len < (size_t)(place + 1) * DOC_BYTES)
            continue; /* written later than this reader's snapshot */
        memcpy(&ret->ids[ret->n++], docs.ptr + place * DOC_BYTES, DOC_BYTES);
    }
    f->before = first + place + 1;
    return ST_OK;
}

static void start(const struct finding *f, struct walks *walks) {
    for (size_t g = 0; g < f->groups->n; g++)
        for (size_t i = 0; i < f->groups->items[g].n; i++)
            walks->items[g][i] =
                (struct walk){.term = f->groups->items[g].stems[i], .fetch = FETCH_FIRST};
}

enum status finding_next(struct finding *f, struct tx *tx, struct found *ret, struct err *e) {
    struct walks *walks = arena_new_of(f->a, struct walks);
    uint64_t bits[BITS];

    ret->n = 0;
    start(f, walks);
    if (f->groups->n == 0)
        f->before = 0;
    while (f->before > 0 && ret->n < ret->max && f->n_rows < ROWS_A_SEARCH) {
        int64_t block = (f->before - 1) / BLOCK_DOCS;

        TRY(meet(f, tx, walks, &block, e));
        if (block < 0) {
            f->before = 0;
            break;
        }
        if (f->before > (block + 1) * BLOCK_DOCS)
            f->before = (block + 1) * BLOCK_DOCS;
        both(f, walks, block, bits);
        TRY(take(f, tx, block, bits, ret, e));
    }
    return ST_OK;
}
