/* pack.h - lists of ids and texts as one parameter of a statement; private to lead/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "db/db.h"

enum { PACK_ROWS_MAX = 100000 }; /* of all that a call's leads have */

/* 16 bytes an id, one behind the other: what both engines can take apart. */
struct str pack_ids(struct arena *a, const struct lead_id *ids, size_t n);
/* A JSON array. */
struct str pack_texts(struct arena *a, const struct str *texts, size_t n);

/* "id IN " IDS_SQLITE("$2"), "id = " IDS_POSTGRES("$2") */
#define IDS_SQLITE(p)                                                                               \
    "(WITH RECURSIVE k (at) AS (SELECT 1 UNION ALL SELECT at + 16 FROM k WHERE at + 16 < length(" p \
    ")) SELECT substr(" p ", at, 16) FROM k)"
#define IDS_POSTGRES(p)                                                                            \
    "ANY (ARRAY(SELECT encode(substr(" p "::bytea, at, 16), 'hex')::uuid"                          \
    " FROM generate_series(1, length(" p "::bytea), 16) AS at))"
