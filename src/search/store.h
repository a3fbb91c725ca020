/* store.h - the index's tables; private to search/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "search/search.h"

enum {
    BLOCK_DOCS = 4096, /* a place in a block fits 16 bits */
    DOC_BYTES = 16,
};
enum doc_kind { DOC_MESSAGE = 1, DOC_LEAD = 2, DOC_NOTE = 3 };

/* Where the follower stands, an event cursor; empty before the first run. */
enum status store_search_place_get(struct arena *a, struct tx *tx, struct str *ret, struct err *e)
    ATTR_MUST_CHECK;
/* ST_CONFLICT: it does not stand at `from` any more. */
enum status store_search_place_move(struct tx *tx, struct str from, struct str into, struct err *e)
    ATTR_MUST_CHECK;
/* Number of the tenant's documents of a kind; the next one's number. */
enum status store_search_docs_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                  enum doc_kind kind, int64_t *ret, struct err *e) ATTR_MUST_CHECK;
enum status store_search_docs_set(struct tx *tx, struct tenant_id tenant, enum doc_kind kind,
                                  int64_t docs, struct err *e) ATTR_MUST_CHECK;

/* Sets of rows, each with distinct keys: (tenant, kind, block, ids), (tenant, kind, term, block, places), (tenant, word, stem). */
enum status store_search_blocks_append(struct tx *tx, const struct db_val *vals, size_t n_rows,
                                       struct err *e) ATTR_MUST_CHECK;
enum status store_search_postings_append(struct tx *tx, const struct db_val *vals, size_t n_rows,
                                         struct err *e) ATTR_MUST_CHECK;
enum status store_search_words_add(struct tx *tx, const struct db_val *vals, size_t n_rows,
                                   struct err *e) ATTR_MUST_CHECK;
enum { BLOCK_COLUMNS = 4, POSTING_COLUMNS = 5, WORD_COLUMNS = 3 };

struct posting_place {
    struct tenant_id tenant;
    enum doc_kind kind;
    struct str term;
    int64_t block; /* this one or older */
    size_t limit;
};
/* Rows (block, places), newest block first. */
enum status store_search_postings(struct arena *a, struct tx *tx, const struct posting_place *from,
                                  struct db_rows *ret, struct err *e) ATTR_MUST_CHECK;
/* The ids of a block, DOC_BYTES each. */
enum status store_search_block(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               enum doc_kind kind, int64_t block, struct str *ret, struct err *e)
    ATTR_MUST_CHECK;
/* What a person is found by: name and numbers. */
struct str search_lead_text(struct arena *a, const struct lead_profile *lead);

/* Stems of the shortest words that begin so. */
enum status store_search_stems(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct str prefix, size_t limit, struct db_rows *ret, struct err *e)
    ATTR_MUST_CHECK;
