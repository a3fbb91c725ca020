/* query.c - lists of leads: sorted and filtered pages, search, counts, the board.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"
#include "lead/filter.h"
#include "lead/words.h"

#include <stdlib.h>
#include <string.h>

enum {
    STEP_ROWS = 500,     /* looked at in one go */
    LOOK_ROWS = 50000,   /* … for one page, then it is handed out as it is */
    COUNT_ROWS = 300000, /* … for a count */
    WORD_ROWS = 10000,   /* … of those who have the rarest word of a search */
    WORD_COUNT = 2000,   /* rarer than that is rare */
    PREFIX_ROWS = 500,   /* of each kind */
    FEW_ROWS = 1000,     /* who have a tag: read whole and sorted here */
    TEXT_MAX = 200,
};

static const struct {
    const char *name;
    enum walk_order order;
} orders[] = {
    {"created_at", WALK_ID},      {"name", WALK_NAME},   {"company", WALK_COMPANY},
    {"updated_at", WALK_UPDATED}, {"state", WALK_STATE}, {"last_inbound_at", WALK_HEARD},
};

/* --- where a page begins -------------------------------------------------------------------------------------- */

static enum status read_sort(struct str sort, struct lead_walk *walk, struct err *e) {
    walk->is_descending = sort.len == 0 || str_eat(&sort, STR("-"));
    walk->order = WALK_ID;
    if (sort.len == 0)
        return ST_OK;
    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        if (str_eq(sort, str_of(orders[i].name))) {
            walk->order = orders[i].order;
            return ST_OK;
        }
    }
    FAIL(e, ST_INVALID, "sort: name, company, state, created_at, updated_at or last_inbound_at");
}

/* "<id>", "<id>.<ms>" or "<id>.<text>". */
static struct str cursor_of(struct arena *a, const struct lead_walk *walk) {
    struct str id = uuid_format(a, walk->after.v);

    switch (walk->order) {
    case WALK_ID:
        return id;
    case WALK_NAME:
    case WALK_COMPANY:
    case WALK_STATE:
        return arena_printf(a, "%.*s.%.*s", STR_ARG(id), STR_ARG(walk->after_text));
    case WALK_UPDATED:
    case WALK_HEARD:
        return arena_printf(a, "%.*s.%lld", STR_ARG(id), (long long)walk->after_ms);
    }
    return id;
}

static enum status read_cursor(struct str cursor, struct lead_walk *walk, struct err *e) {
    struct str id;
    bool has_key = str_cut(&cursor, '.', &id);

    if (id.len == 0 && !has_key)
        return ST_OK;
    if (!uuid_parse(id, &walk->after.v) || has_key != (walk->order != WALK_ID))
        FAIL(e, ST_INVALID, "after: no cursor of a list in this order");
    walk->after_text = cursor;
    if ((walk->order == WALK_UPDATED || walk->order == WALK_HEARD) &&
        !str_parse_i64(cursor, 0, INT64_MAX, &walk->after_ms))
        FAIL(e, ST_INVALID, "after: no cursor of a list in this order");
    return ST_OK;
}

/* --- pages ------------------------------------------------------------------------------------------------------- */

/* What the rows of a page lack: rows that a filter looked at have some already. */
static enum status complete(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            const struct lead_filter *filter, struct lead_page *page,
                            struct err *e) {
    unsigned missing = (filter && filter->needs_phones ? 0u : ROW_PHONES) |
                       (filter && filter->needs_emails ? 0u : ROW_EMAILS);

    return store_rows_details(a, tx, tenant, page->items, page->n, missing, e);
}

/* By state or tag where the order allows: a part of the index instead of all of it. */
static void narrow(const struct lead_filter *filter, struct lead_walk *walk) {
    bool is_exact;
    struct lead_walk by = filter_walk(filter, &is_exact);

    if (walk->order == WALK_ID) {
        walk->state = by.state;
        walk->tag = by.tag;
    } else if (walk->order == WALK_UPDATED) {
        walk->state = by.state;
    }
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
static enum status walk_page(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             const struct lead_filter *filter, struct lead_walk walk, size_t limit,
                             struct lead_page *ret, struct err *e) {
    size_t looked = 0;

    *ret = (struct lead_page){.items = arena_array_of(a, limit + STEP_ROWS + 1, struct lead_row *)};
    walk.limit = limit < STEP_ROWS ? limit + 1 : STEP_ROWS;
    while (ret->n <= limit && walk.limit > 0 && looked < LOOK_ROWS) {
        size_t n = 0;

        looked += walk.limit;
        TRY(filter_rows(a, tx, tenant, filter, &walk, ret->items + ret->n, &n, e));
        ret->n += n;
        if (walk.limit > 0)
            walk.limit = STEP_ROWS;
        if (ret->n > limit) { /* there is one more than asked for */
            ret->n = limit;
            ret->has_more = true;
            walk_place(&walk, ret->items[limit - 1]);
            walk.limit = 0;
        } else if (looked >= LOOK_ROWS && walk.limit > 0) {
            ret->has_more = true;
        }
    }
    ret->next = uuid_is_nil(walk.after.v) ? STR_EMPTY : cursor_of(a, &walk);
    return complete(a, tx, tenant, filter, ret, e);
}

/* --- few who have a tag --------------------------------------------------------------------------------------------- */

static int by_ms(int64_t a, int64_t b) {
    return a < b ? -1 : a > b;
}

/* As the index of the order has them. */
static int by_order(const void *a, const void *b, void *ctx) {
    const struct lead_row *x = *(const struct lead_row *const *)a,
                          *y = *(const struct lead_row *const *)b;
    const struct lead_walk *walk = ctx;
    int cmp = walk->order == WALK_NAME      ? str_cmp(x->name_key, y->name_key)
              : walk->order == WALK_COMPANY ? str_cmp(x->company_key, y->company_key)
              : walk->order == WALK_HEARD   ? by_ms(x->last_inbound_at_ms, y->last_inbound_at_ms)
                                            : by_ms(x->updated_at_ms, y->updated_at_ms);

    cmp = cmp != 0 ? cmp : uuid_cmp(x->id.v, y->id.v);
    return walk->is_descending ? -cmp : cmp;
}

/* Those whom one tag leads to, when they are few and wanted in an order that knows no tags: a walk in that order would look at
 * everybody. *ret_n is SIZE_MAX when they are not few. */
/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
static enum status gather_few(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              const struct lead_filter *filter, enum walk_order order,
                              struct lead_row ***ret, size_t *ret_n, struct err *e) {
    bool is_exact;
    struct lead_walk by = filter_walk(filter, &is_exact);
    int64_t n;

    *ret_n = SIZE_MAX;
    if (by.tag.len == 0 || order == WALK_ID || order == WALK_STATE)
        return ST_OK;
    TRY(store_tag_count(a, tx, tenant, by.tag, FEW_ROWS + 1, &n, e));
    if (n > FEW_ROWS)
        return ST_OK;
    *ret = arena_array_of(a, FEW_ROWS + 2, struct lead_row *);
    by.limit = FEW_ROWS + 1;
    return filter_rows(a, tx, tenant, filter, &by, *ret, ret_n, e);
}

/* The page of a walk out of these rows, all that its filter takes. */
static void page_of_few(struct arena *a, struct lead_row **rows, size_t n, struct lead_walk *walk,
                        size_t limit, struct lead_page *ret) {
    const struct lead_row last = {.id = walk->after,
                                  .name_key = walk->after_text,
                                  .company_key = walk->after_text,
                                  .updated_at_ms = walk->after_ms,
                                  .last_inbound_at_ms = walk->after_ms},
                          *after = &last;
    size_t from = 0;

    qsort_r(rows, n, sizeof(struct lead_row *), by_order, walk);
    while (!uuid_is_nil(walk->after.v) && from < n && by_order(&rows[from], &after, walk) <= 0)
        from++;
    *ret = (struct lead_page){.items = rows + from, .n = n - from};
    if (ret->n > limit) {
        ret->n = limit;
        ret->has_more = true;
    }
    if (ret->n > 0)
        walk_place(walk, ret->items[ret->n - 1]);
    ret->next = uuid_is_nil(walk->after.v) ? STR_EMPTY : cursor_of(a, walk);
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
static enum status list_page(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             const struct lead_filter *filter, struct lead_walk walk, size_t limit,
                             struct lead_page *ret, struct err *e) {
    struct lead_row **few;
    size_t n;

    TRY(gather_few(a, tx, tenant, filter, walk.order, &few, &n, e));
    if (n == SIZE_MAX) {
        narrow(filter, &walk);
        return walk_page(a, tx, tenant, filter, walk, limit, ret, e);
    }
    page_of_few(a, few, n, &walk, limit, ret);
    return complete(a, tx, tenant, filter, ret, e);
}

/* --- search -------------------------------------------------------------------------------------------------------- */

static void prefixes_of(struct arena *a, struct str q, struct prefixes *ret) {
    char *digits = arena_alloc(a, q.len + 3);
    char *plain = arena_alloc(a, q.len + 1);
    size_t n = 0, n_plain = 0, n_letters = 0;

    for (size_t i = 0; i < q.len; i++) {
        char c = q.ptr[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c & 0x80);

        n_letters += is_letter;
        if (c >= '0' && c <= '9')
            digits[2 + n++] = plain[n_plain++] = c;
        else if (is_letter && !(c & 0x80))
            plain[n_plain++] = (char)(c & ~0x20);
    }
    *ret = (struct prefixes){.name = q};
    if (!str_contains(q, STR(" ")))
        ret->email = q;
    if (n >= 3 && n_letters == 0) { /* with its country and without */
        digits[0] = digits[1] = '5';
        ret->phones[0] = (struct str){.ptr = digits + 2, .len = n};
        ret->phones[1] = (struct str){.ptr = digits, .len = n + 2};
    }
    if (n >= 3)
        ret->document = (struct str){.ptr = plain, .len = n_plain};
}

struct finding {
    struct arena *a;
    struct tx *tx;
    struct tenant_id tenant;
    const struct lead_filter *filter;
    struct str q; /* folded */
    struct str words[WORDS_ASKED_MAX];
    size_t n_words;
    size_t limit;
    struct lead_page *page;
};

static void take(struct finding *f, struct lead_row *row) {
    for (size_t i = 0; i < f->page->n; i++) {
        if (uuid_eq(f->page->items[i]->id.v, row->id.v))
            return;
    }
    if (f->page->n < f->limit)
        f->page->items[f->page->n++] = row;
}

/* Those of ids that the filter takes, the newest first; with the words of the search in their names when is_by_word. */
static enum status take_ids(struct finding *f, const struct lead_id *ids, size_t n, bool is_by_word,
                            struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena scratch = {0};
    struct lead_row *rows, **some;
    size_t n_some = 0;

    TRY(store_rows_get(f->a, f->tx, f->tenant, ids, n, &rows, &n, e));
    some = arena_array_of(f->a, n + 1, struct lead_row *);
    for (size_t i = 0; i < n; i++) {
        if (!is_by_word || words_hold(&rows[i], f->words, f->n_words))
            some[n_some++] = &rows[i];
    }
    TRY(store_rows_details(f->a, f->tx, f->tenant, some, n_some, ROW_PHONES | ROW_EMAILS, e));
    for (size_t i = n_some; i-- > 0;) {
        if (filter_takes(&scratch, &f->filter->root, some[i]))
            take(f, some[i]);
    }
    return ST_OK;
}

static enum status find_prefixes(struct finding *f, struct err *e) {
    bool is_any = f->filter->root.kind == FILTER_ALL && f->filter->root.n == 0;
    struct prefixes p;
    struct lead_id *ids;
    size_t n;

    prefixes_of(f->a, f->q, &p);
    TRY(store_prefix_ids(f->a, f->tx, f->tenant, &p,
                         is_any && f->limit < PREFIX_ROWS ? f->limit : PREFIX_ROWS, &ids, &n, e));
    return take_ids(f, ids, n, false, e);
}

/* The rarest, so that as few as possible are looked at in whose names the others are not. */
static enum status rarest_word(struct finding *f, struct str *ret, struct err *e) {
    int64_t least = INT64_MAX, n;

    *ret = f->words[0];
    for (size_t i = 0; i < f->n_words && f->n_words > 1; i++) {
        TRY(store_words_count(f->a, f->tx, f->tenant, f->words[i], WORD_COUNT, &n, e));
        if (n < least)
            *ret = f->words[i];
        least = n < least ? n : least;
    }
    return ST_OK;
}

static enum status find_words(struct finding *f, struct err *e) {
    struct str rest = f->q, rarest;
    struct word_walk walk;
    size_t looked = 0;

    for (struct str word = word_next(&rest); word.len > 0 && f->n_words < WORDS_ASKED_MAX;
         word = word_next(&rest))
        f->words[f->n_words++] = word;
    if (f->n_words == 0)
        return ST_OK;
    TRY(rarest_word(f, &rarest, e));
    word_walk_begin(&walk, rarest, f->limit < STEP_ROWS ? f->limit : STEP_ROWS);
    while (f->page->n < f->limit && walk.limit > 0 && looked < WORD_ROWS) {
        struct lead_id *ids;
        size_t n;

        TRY(store_words_walk(f->a, f->tx, f->tenant, &walk, &ids, &n, e));
        TRY(take_ids(f, ids, n, true, e));
        looked += n;
    }
    return ST_OK;
}

enum status lead_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                      const struct lead_query *query, struct lead_page *ret, struct err *e) {
    struct lead_walk walk = {0};
    struct lead_filter *filter;
    struct finding f;

    TRY(lead_filter_parse(a, query->filter, &filter, e));
    TRY(read_sort(query->sort, &walk, e));
    TRY(read_cursor(query->cursor, &walk, e));
    if (query->q.len == 0)
        return list_page(a, tx, tenant, filter, walk, query->limit, ret, e);
    *ret = (struct lead_page){.items = arena_array_of(a, query->limit + 1, struct lead_row *)};
    f = (struct finding){.a = a,
                         .tx = tx,
                         .tenant = tenant,
                         .filter = filter,
                         .q = utf8_fold(a, str_trim(utf8_cut_points(query->q, TEXT_MAX))),
                         .limit = query->limit,
                         .page = ret};
    if (f.q.len == 0 || query->cursor.len > 0)
        return ST_OK;
    TRY(find_prefixes(&f, e));
    return find_words(&f, e);
}

enum status lead_rows_some(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           const struct lead_id *ids, size_t n, struct lead_page *ret,
                           struct err *e) {
    struct lead_row *rows;
    size_t n_rows;

    TRY(store_rows_get(a, tx, tenant, ids, n, &rows, &n_rows, e));
    *ret = (struct lead_page){.items = arena_array_of(a, n_rows + 1, struct lead_row *)};
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n_rows; k++) {
            if (!uuid_eq(rows[k].id.v, ids[i].v) || rows[k].is_listed)
                continue;
            rows[k].is_listed = true;
            ret->items[ret->n++] = &rows[k];
        }
    }
    return complete(a, tx, tenant, NULL, ret, e);
}

enum status lead_row_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct lead_id id,
                         struct lead_row **ret, struct err *e) {
    struct lead_page page;

    TRY(store_lead_now(a, tx, tenant, id, &id, e));
    if (uuid_is_nil(id.v))
        FAIL(e, ST_NOT_FOUND, "no such lead");
    TRY(lead_rows_some(a, tx, tenant, &id, 1, &page, e));
    if (page.n == 0)
        FAIL(e, ST_NOT_FOUND, "no such lead");
    *ret = page.items[0];
    return ST_OK;
}

/* --- counts --------------------------------------------------------------------------------------------------------- */

enum status lead_count(struct arena *a, struct tx *tx, struct tenant_id tenant,
                       const struct json *filter_json, int64_t *ret, bool *ret_is_exact,
                       struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena own = {0};
    struct lead_filter *filter;
    struct lead_walk walk;
    size_t looked = 0;
    bool is_exact;

    *ret = 0;
    *ret_is_exact = true;
    TRY(lead_filter_parse(a, filter_json, &filter, e));
    walk = filter_walk(filter, &is_exact);
    if (is_exact)
        return store_walk_count(a, tx, tenant, &walk, ret, e);
    walk.limit = STEP_ROWS;
    while (walk.limit > 0 && looked < COUNT_ROWS) {
        struct lead_row *taken[STEP_ROWS];
        size_t n = 0;

        looked += walk.limit;
        TRY(filter_rows(&own, tx, tenant, filter, &walk, taken, &n, e));
        *ret += (int64_t)n;
        arena_reset(&own);
    }
    *ret_is_exact = walk.limit == 0;
    return ST_OK;
}

enum status lead_board(struct arena *a, struct tx *tx, struct tenant_id tenant, size_t limit,
                       struct lead_column ret[static 9], struct err *e) {
    static const char *const states[] = LEAD_STATES;
    const struct lead_filter everybody = {.root.kind = FILTER_ALL};
    struct db_rows counts;

    TRY(store_state_counts(a, tx, tenant, &counts, e));
    for (size_t i = 0; i < LEAD_N_STATES; i++) {
        const struct lead_walk walk = {
            .order = WALK_UPDATED, .is_descending = true, .state = str_of(states[i])};

        ret[i] = (struct lead_column){.state = str_of(states[i])};
        for (size_t k = 0; k < counts.n; k++) {
            if (str_eq(db_text(&counts, k, 0), ret[i].state))
                ret[i].count = db_i64(&counts, k, 1);
        }
        if (ret[i].count > 0)
            TRY(walk_page(a, tx, tenant, &everybody, walk, limit, &ret[i].page, e));
    }
    return ST_OK;
}
