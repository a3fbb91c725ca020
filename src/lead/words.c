/* words.c - words of names and companies.
 * SPDX-License-Identifier: Apache-2.0 */
#include "lead/words.h"

static bool is_of_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c & 0x80);
}

struct str word_next(struct str *s) {
    size_t from = 0, to;

    while (from < s->len && !is_of_word(s->ptr[from]))
        from++;
    for (to = from; to < s->len && is_of_word(s->ptr[to]);)
        to++;

    struct str word = str_sub(*s, from, to - from);

    *s = str_sub(*s, to, s->len - to);
    return word;
}

/* A letter alone, and what stands in half of all names, leads to nobody in particular. */
static bool is_worth_a_row(struct str word) {
    return word.len >= 2 && !str_eq(word, STR("de")) && !str_eq(word, STR("da")) &&
           !str_eq(word, STR("do"));
}

static size_t add_words(struct str text, struct str *words, size_t n) {
    for (struct str word = word_next(&text); word.len > 0 && n < LEAD_WORDS_MAX;
         word = word_next(&text)) {
        bool is_known = !is_worth_a_row(word);

        for (size_t i = 0; i < n && !is_known; i++)
            is_known = str_eq(words[i], word);
        if (!is_known)
            words[n++] = word;
    }
    return n;
}

size_t words_of(struct str name_key, struct str company_key,
                struct str ret[static LEAD_WORDS_MAX]) {
    return add_words(company_key, ret, add_words(name_key, ret, 0));
}

static bool has_word(struct str text, struct str begin) {
    for (struct str word = word_next(&text); word.len > 0; word = word_next(&text)) {
        if (str_starts(word, begin))
            return true;
    }
    return false;
}

bool words_hold(const struct lead_row *row, const struct str *words, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!has_word(row->name_key, words[i]) && !has_word(row->company_key, words[i]))
            return false;
    }
    return true;
}
