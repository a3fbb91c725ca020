/* find.h - words into documents, documents into snippets; private to search/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "search/store.h"
#include "search/words.h"

enum {
    GROUPS_MAX = 12,      /* words of one search */
    STEMS_MAX = 32,       /* that a half-typed word may stand for */
    PREFIX_MIN = 3,       /* letters before a word is taken for the beginning of longer ones */
    ROWS_A_SEARCH = 4000, /* postings read before a search stops and says where to go on */
};

struct group { /* any of these will do */
    struct str stems[STEMS_MAX];
    size_t n;
};
struct groups { /* all of these are needed; none: nothing is found */
    struct group items[GROUPS_MAX];
    size_t n;
};

/* What text asks for. */
enum status groups_read(struct arena *a, struct tx *tx, struct stemmer *stemmer,
                        const struct search_query *query, struct groups *ret, struct err *e)
    ATTR_MUST_CHECK;
/* True when text has all of them; then the piece of it around the first. */
bool groups_match(struct arena *a, struct stemmer *stemmer, const struct groups *groups,
                  struct str text, struct snippet *ret);

struct finding { /* a walk from newer to older documents */
    struct arena *a;
    struct tenant_id tenant;
    enum doc_kind kind;
    const struct groups *groups;
    int64_t before; /* documents of smaller numbers come next; 0: it is at its end */
    size_t n_rows;  /* read so far */
};
struct found { /* ids of documents */
    struct uuid *ids;
    size_t n, max;
};
/* The next documents that once had all words, newest first, into ret from its start: fewer than ret->max when the walk is at its
 * end or has read enough. */
enum status finding_next(struct finding *f, struct tx *tx, struct found *ret, struct err *e)
    ATTR_MUST_CHECK;
