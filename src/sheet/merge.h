/* merge.h - merged cells: the value stands in the first cell alone, people see it in all of them. Private to sheet.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sheet/package.h"

struct merges;

/* Finds those of a sheet; none in one that is larger than 32 MiB, because they stand behind the rows. *ret may be NULL: there are
 * none. */
enum status merges_read(struct package *p, const char *path, struct merges **ret, struct err *e)
    ATTR_MUST_CHECK;
void merges_free(struct merges *m);
/* Rows come in order: writes what is seen in this one into its empty cells. */
enum status merges_fill(struct merges *m, int64_t number, struct rowbuf *row, struct err *e)
    ATTR_MUST_CHECK;

/* "AB12" → row 12, column 27; false when it is no such place. row may be absent (0) for "AB". */
bool cell_place(const char *ref, int64_t *ret_row, size_t *ret_column);
