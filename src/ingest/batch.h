/* batch.h - a handful of rows: prepared without the database, then put in one transaction. Private to ingest.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ingest/record.h"
#include "ingest/store.h"

enum { BATCH_ROWS = LEAD_PUT_MAX };

struct batch {
    struct arena a;
    struct lead_record records[BATCH_ROWS];
    struct prepared rows[BATCH_ROWS];
    size_t n;
    int64_t last_number;
    int permille;
    bool is_last;
    enum status st; /* of the reading that followed these rows */
    struct err err;
};

/* How rows of an import become records. */
struct recipe {
    struct columns columns;
    struct lead_record defaults;
    enum lead_policy policy;
    int64_t first; /* rows up to this one are not people's */
};
enum status recipe_of(struct arena *a, const struct import *im, struct recipe *ret, struct err *e)
    ATTR_MUST_CHECK;
bool policy_parse(struct str text, enum lead_policy *ret);

/* Reads up to max rows behind `after`; region as lead_read_many wants it. Never fails: st and err say what the reader said. */
void batch_fill(struct batch *b, struct sheet *s, const struct recipe *r, int64_t after, size_t max,
                const char *region);
/* Puts them; what became of each in *ret (b->n of them, in a), and their number added to *counts. */
enum status batch_put(struct arena *a, struct tx *tx, const struct import *im,
                      const struct recipe *r, const struct batch *b, struct stored_row **ret,
                      struct ingest_counts *counts, struct err *e) ATTR_MUST_CHECK;
