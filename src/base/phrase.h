/* phrase.h - what somebody wrote as a row of known words: no case, no accents, punctuation ends a clause. For detectors of a wish in
 * free text (a person asked for, messages stopped), which look words up in a table of their own.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

enum { PHRASE_WORDS_MAX = 200, PHRASE_SLOTS = 2048 };

struct phrase_kinds {  /* a row of a detector's table */
    const char *words; /* folded, one space between; "|" stands for the end of a clause */
    uint64_t kinds;    /* bits of the detector's own */
};

struct phrase_index { /* the table by word; static, filled once */
    struct str words[PHRASE_SLOTS];
    uint64_t kinds[PHRASE_SLOTS];
};
/* A word of several rows has all their kinds. */
void phrase_index_fill(struct phrase_index *x, const struct phrase_kinds *rows, size_t n);
/* *ret_known (may be NULL): the word is in the table, perhaps without a kind. */
uint64_t phrase_kinds_of(const struct phrase_index *x, struct str word, bool *ret_known);

struct phrase {
    struct str at[PHRASE_WORDS_MAX];
    uint64_t kinds[PHRASE_WORDS_MAX];
    size_t n;
    bool is_question;            /* somewhere */
    bool asks[PHRASE_WORDS_MAX]; /* of an end of a clause: it was a question mark */
};
/* Begins and ends with "|"; what does not fit is left out. An apostrophe joins ("don't"); a slash and a hyphen only part words. */
void phrase_split(struct arena *a, const struct phrase_index *x, struct str text, struct phrase *w);

static inline bool phrase_is(const struct phrase *w, size_t i, uint64_t kinds) {
    return i < w->n && (w->kinds[i] & kinds) != 0;
}
static inline bool phrase_is_word(const struct phrase *w, size_t i, const char *word) {
    return i < w->n && str_eq(w->at[i], str_of(word));
}
