/* record.h - a row of a spreadsheet as what is known of somebody. Pure. Private to ingest.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ingest/columns.h"

struct prepared { /* one row, read, before the database saw it */
    int64_t number;
    const char *reason;       /* why it is not even tried, or NULL */
    struct str column, value; /* at fault */
    struct str *cells;        /* by place in columns; what stood there */
};

/* *record gets views into the row's texts, copied into a. tags: for everybody; source: "import:…". */
void record_of(struct arena *a, const struct columns *columns, const struct sheet_row *row,
               const struct lead_record *defaults, struct lead_record *record,
               struct prepared *ret);
/* The column and its value that a slug of lead/ ("phone", "document" …) speaks of. */
void record_blame(const struct columns *columns, const struct prepared *row, const char *column,
                  struct str *ret_title, struct str *ret_value);
