/* columns.h - which row is the header, and what each column holds. Pure. Private to ingest.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ingest/ingest.h"

enum target {
    TARGET_IGNORE,
    TARGET_NAME,
    TARGET_COMPANY,
    TARGET_DOCUMENT,
    TARGET_PHONE,
    TARGET_PHONE_AREA, /* stands in front of the numbers of its row */
    TARGET_EMAIL,
    TARGET_TAGS,
    TARGET_FIELD,
};

enum { COLUMN_SAMPLES = 3, COLUMN_TITLE_BYTES = 120, COLUMN_LOOK_ROWS = 100 };

struct column {
    size_t index;
    struct str title;
    enum target target;
    struct str field; /* TARGET_FIELD */
    struct str samples[COLUMN_SAMPLES];
    size_t n_samples;
};

struct columns {
    struct column items[INGEST_COLUMNS_MAX]; /* in order of index */
    size_t n;
};

struct kept_row { /* a row that outlives the reader's next */
    int64_t number;
    struct str *cells;
    size_t n;
};

/* The header among the first rows: where most cells are names of things; 0 when none is. */
int64_t columns_find_header(struct arena *a, const struct kept_row *rows, size_t n);
/* Titles from the header (may be NULL), targets by title, and by what stands in the rows below where the title says nothing. */
void columns_find(struct arena *a, const struct kept_row *header, const struct kept_row *rows,
                  size_t n, struct columns *ret);
/* By a title alone; TARGET_FIELD when it is not known. */
enum target columns_target_of_title(struct arena *a, struct str title);
/* "phone", "field:Cidade"; false when it is none. */
bool target_parse(struct str text, enum target *ret, struct str *ret_field);
struct str target_format(struct arena *a, const struct column *c);
struct str columns_json(struct arena *a, const struct columns *c);
enum status columns_parse(struct arena *a, struct str json, struct columns *ret, struct err *e)
    ATTR_MUST_CHECK;
/* "A", "AB" */
struct str column_letters(struct arena *a, size_t index);
