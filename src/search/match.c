/* match.c - what a search asks for, and whether a text has it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"
#include "search/find.h"

enum { SNIPPET_BEFORE = 40, SNIPPET_POINTS = 160 };

static bool has_stem(const struct group *group, struct str stem) {
    for (size_t i = 0; i < group->n; i++)
        if (str_eq(group->stems[i], stem))
            return true;
    return false;
}

/* The last word may be the beginning of a longer one: what it may stand for is what the tenant's people wrote. */
static enum status add_longer(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct str prefix, struct group *group, struct err *e) {
    struct db_rows rows;

    TRY(store_search_stems(a, tx, tenant, prefix, STEMS_MAX, &rows, e));
    for (size_t i = 0; i < rows.n && group->n < STEMS_MAX; i++)
        if (!has_stem(group, db_text(&rows, i, 0)))
            group->stems[group->n++] = db_text(&rows, i, 0);
    return ST_OK;
}

enum status groups_read(struct arena *a, struct tx *tx, struct stemmer *stemmer,
                        const struct search_query *query, struct groups *ret, struct err *e) {
    struct word *words;
    size_t n = words_split(a, stemmer, WORDS_OF_QUERY, query->text, &words);

    *ret = (struct groups){0};
    for (size_t i = 0; i < n && ret->n < GROUPS_MAX; i++) {
        const struct word *w = &words[i];
        struct group *group = &ret->items[ret->n];
        bool is_half = w->at + w->len == query->text.len && !w->is_number &&
                       utf8_count(w->folded) >= PREFIX_MIN;

        if (!w->is_stop)
            group->stems[group->n++] = w->stem;
        if (is_half)
            TRY(add_longer(a, tx, query->tenant, w->folded, group, e));
        if (group->n > 0)
            ret->n++;
    }
    return ST_OK;
}

/* --- snippets ------------------------------------------------------------------------------------------------------------ */

static bool goes_on(char c) { /* inside a character */
    return ((unsigned char)c & 0xC0) == 0x80;
}

static size_t utf16_units(struct str s) {
    size_t n = 0;
    uint32_t point;

    while (utf8_next(&s, &point))
        n += point >= 0x10000 ? 2 : 1;
    return n;
}

/* Where the snippet begins: some characters before `at`, at the beginning of a word if there is one. */
static size_t snippet_start(struct str text, size_t at) {
    size_t start = at, blank = at;

    for (int i = 0; i < SNIPPET_BEFORE && start > 0; i++) {
        start--;
        while (start > 0 && goes_on(text.ptr[start]))
            start--;
        if (text.ptr[start] == ' ')
            blank = start + 1;
    }
    return start == 0 ? 0 : blank < at ? blank : start;
}

static void make_snippet(struct arena *a, struct str text, const struct word *hits, size_t n_hits,
                         struct snippet *ret) {
    size_t start = snippet_start(text, hits[0].at), last = 0;
    struct str piece = utf8_cut_points(str_sub(text, start, text.len), SNIPPET_POINTS);
    bool is_cut = start + piece.len < text.len;

    ret->text =
        arena_printf(a, "%s%.*s%s", start > 0 ? "…" : "", STR_ARG(piece), is_cut ? "…" : "");
    ret->n = 0;
    for (size_t i = 0; i < n_hits && ret->n < SEARCH_MATCHES_MAX; i++) {
        const struct word *w = &hits[i];

        if (w->at < last || w->at < start || w->at + w->len > start + piece.len)
            continue; /* a number's parts stand in it again */
        last = w->at + w->len;
        ret->matches[ret->n].at = (start > 0) + utf16_units(str_sub(text, start, w->at - start));
        ret->matches[ret->n].len = utf16_units(str_sub(text, w->at, w->len));
        ret->n++;
    }
}

bool groups_match(struct arena *a, struct stemmer *stemmer, const struct groups *groups,
                  struct str text, struct snippet *ret) {
    struct word *words;
    size_t n = words_split(a, stemmer, WORDS_OF_TEXT, text, &words), n_hits = 0;
    uint32_t found = 0;

    for (size_t i = 0; i < n; i++) {
        bool is_hit = false;

        for (size_t g = 0; g < groups->n; g++)
            if (has_stem(&groups->items[g], words[i].stem)) {
                found |= UINT32_C(1) << g;
                is_hit = true;
            }
        if (is_hit)
            words[n_hits++] = words[i];
    }
    if (groups->n == 0 || found != (UINT32_C(1) << groups->n) - 1)
        return false;
    make_snippet(a, text, words, n_hits, ret);
    return true;
}
