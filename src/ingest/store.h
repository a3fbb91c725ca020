/* store.h - SQL of imports and their rows. Private to ingest.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ingest/ingest.h"

enum status store_import_insert(struct tx *tx, const struct import *im, struct err *e)
    ATTR_MUST_CHECK;
/* With lock: nobody else changes it before this transaction ends. ST_NOT_FOUND. */
enum status store_import_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             struct import_id id, bool with_lock, struct import *ret, struct err *e)
    ATTR_MUST_CHECK;
enum status store_import_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct import_id after, size_t limit, struct import **ret,
                              size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
enum status store_import_unfinished(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                    struct str sha256, struct db_rows *ret, struct err *e)
    ATTR_MUST_CHECK;
/* How it is to be read. */
enum status store_import_shape(struct tx *tx, const struct import *im, struct err *e)
    ATTR_MUST_CHECK;
/* State, place, counts and times, all as in im. */
enum status store_import_put(struct tx *tx, const struct import *im, struct err *e) ATTR_MUST_CHECK;
/* id, tenant and state of those nobody has worked on since before_ms, of all tenants. */
enum status store_import_stale(struct arena *a, struct tx *tx, int64_t before_ms,
                               struct db_rows *ret, struct err *e) ATTR_MUST_CHECK;
/* Whether a file belongs to an import that may still want it. */
enum status store_import_has_file(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                  struct import_id id, bool *ret, struct err *e) ATTR_MUST_CHECK;
/* Those of all tenants whose file is no longer wanted; they have none from now on. */
enum status store_import_forget_files(struct arena *a, struct tx *tx, int64_t ready_before_ms,
                                      int64_t over_before_ms, struct db_rows *ret, struct err *e)
    ATTR_MUST_CHECK;

struct stored_row {
    int64_t number;
    enum ingest_outcome outcome;
    struct str reason, column, value, before;
    struct lead_id lead;
};
enum status store_rows_insert(struct arena *a, struct tx *tx, const struct import *im,
                              const struct stored_row *rows, size_t n, struct err *e)
    ATTR_MUST_CHECK;
/* What rows put that is to be taken back, from `place` downwards. */
enum status store_rows_to_undo(struct arena *a, struct tx *tx, const struct import *im,
                               size_t limit, struct db_rows *ret, struct err *e) ATTR_MUST_CHECK;
enum status store_rows_undone(struct tx *tx, const struct import *im, int64_t from, int64_t to,
                              struct err *e) ATTR_MUST_CHECK;
enum status store_rows_count(struct arena *a, struct tx *tx, const struct import *im, int64_t *ret,
                             struct err *e) ATTR_MUST_CHECK;
/* An import of any tenant that is over since before a time and has rows: locked (PostgreSQL); its id is nil when there is none. */
enum status store_rows_old(struct arena *a, struct tx *tx, int64_t before_ms, struct import *ret,
                           struct err *e) ATTR_MUST_CHECK;
/* The first of its rows, at most limit. */
enum status store_rows_delete(struct tx *tx, const struct import *im, size_t limit, struct err *e)
    ATTR_MUST_CHECK;
enum status store_rows_page(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct import_id id, const struct ingest_row_query *q,
                            struct db_rows *ret, struct err *e) ATTR_MUST_CHECK;
enum status store_rows_reasons(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct import_id id, struct db_rows *ret, struct err *e)
    ATTR_MUST_CHECK;
enum status store_rows_leads(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             struct import_id id, int64_t after, size_t limit, struct db_rows *ret,
                             struct err *e) ATTR_MUST_CHECK;
enum status store_rows_each_problem(struct tx *tx, struct tenant_id tenant, struct import_id id,
                                    db_row_fn fn, void *ctx, struct err *e) ATTR_MUST_CHECK;
