/* words.h - words of names and companies, by which people are found; private to lead/.
 *
 * A word is a run of letters and digits of a folded text. Those of a lead are kept beside it (lead_words), so that any word leads to
 * it at once however many leads there are; a row of a word that its name has no longer finds nothing, because what is found is
 * compared with the name as it is now.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "lead/filter.h"

enum { LEAD_WORDS_MAX = 32, WORDS_ASKED_MAX = 8 };

/* The next word of *s, eaten from its front; empty at the end. */
struct str word_next(struct str *s);
/* Distinct words of a name and a company, folded, that are worth a row. */
size_t words_of(struct str name_key, struct str company_key, struct str ret[static LEAD_WORDS_MAX]);
/* Whether each of n words is, or begins, a word of the row's name or company. */
bool words_hold(const struct lead_row *row, const struct str *words, size_t n);

/* --- store_words.c --------------------------------------------------------------------------------- */

struct word_row {
    struct str word;
    struct lead_id lead;
};
/* Sorts rows. is_new: their leads have no words yet; else words that are there already stay as they are. */
enum status store_words_put(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct word_row *rows, size_t n, bool is_new, struct err *e)
    ATTR_MUST_CHECK;
/* Those of one lead; PostgreSQL is not waited for. */
enum status store_words_later(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct lead_id lead, struct str name_key, struct str company_key,
                              struct err *e) ATTR_MUST_CHECK;
enum status store_words_delete(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               const struct word_row *rows, size_t n, struct err *e)
    ATTR_MUST_CHECK;
/* How many rows there are of words that begin so; counts no further than max. */
enum status store_words_count(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct str word, size_t max, int64_t *ret, struct err *e)
    ATTR_MUST_CHECK;

struct
    word_walk { /* those who have the word itself, the newest first, then those who have a longer one */
    struct str word;
    bool is_longer;   /* at the longer ones already */
    struct str after; /* the last one's word */
    struct lead_id after_id;
    size_t limit; /* 0: at the end */
};
void word_walk_begin(struct word_walk *w, struct str word, size_t limit);
/* The next of them, at most limit, in *ids. */
enum status store_words_walk(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             struct word_walk *w, struct lead_id **ids, size_t *ret_n,
                             struct err *e) ATTR_MUST_CHECK;
