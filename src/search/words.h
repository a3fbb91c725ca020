/* words.h - Portuguese text into the words it is found by; private to search/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

enum {
    WORDS_MAX = 1000,    /* of one text; what stands behind is not found by search */
    WORD_BYTES_MAX = 64, /* of one word; longer ones are cut */
    PHONE_MIN_DIGITS =
        8, /* so many digits in a row, blanks and dashes aside, are read as one number, too */
    PHONE_MAX_DIGITS = 15,
};

struct word {
    size_t at, len;    /* where it stands in the text, bytes */
    struct str folded; /* lower case, no accents */
    struct str stem;   /* what it is found by */
    bool is_number;
    bool is_stop; /* too common to be looked for */
};

enum words_of {
    WORDS_OF_TEXT,  /* a number also by its parts, and a long one by its last digits */
    WORDS_OF_QUERY, /* a number once, as long as it was written */
};

struct stemmer; /* one thread at a time */
/* ST_UNAVAILABLE: out of memory. */
enum status stemmer_new(struct stemmer **ret, struct err *e) ATTR_MUST_CHECK;
void stemmer_free(struct stemmer *s);
void stemmer_free_p(struct stemmer **s);

/* The words of text in their order, at most WORDS_MAX, in a. A word is letters and digits of any script; of Latin letters alone
 * it is stemmed. Equal for text written with and without accents, in any case, singular or plural. */
size_t words_split(struct arena *a, struct stemmer *s, enum words_of of, struct str text,
                   struct word **ret);
