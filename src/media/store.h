/* store.h - the statements on media; private to media/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "media/media.h"

enum status store_media_insert(struct tx *tx, const struct media *m, struct err *e) ATTR_MUST_CHECK;
enum status store_media_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct media_id id, struct media *ret, struct err *e) ATTR_MUST_CHECK;
/* Writes state, reason, mime, size, sha256, file_name. */
enum status store_media_settle(struct tx *tx, const struct media *m, struct err *e) ATTR_MUST_CHECK;
/* A message of ours carries it: it is kept. */
enum status store_media_use(struct tx *tx, struct tenant_id tenant, struct media_id id,
                            struct err *e) ATTR_MUST_CHECK;
/* Removes at most 500 uploads of all tenants that no message carries and that are older; rows of (tenant_id, sha256). */
enum status store_media_purge(struct arena *a, struct tx *tx, int64_t before_ms,
                              struct db_rows *ret, struct err *e) ATTR_MUST_CHECK;
enum status store_file_is_used(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct str sha256, bool *ret, struct err *e) ATTR_MUST_CHECK;

/* Under which id the account's provider has it, beyond now_ms; empty: it has not. */
enum status store_upload_find(struct arena *a, struct tx *tx, const struct media *m,
                              struct account_id account, int64_t now_ms, struct str *ret,
                              struct err *e) ATTR_MUST_CHECK;
enum status store_upload_put(struct tx *tx, const struct media *m, struct account_id account,
                             struct str provider_id, int64_t expires_at_ms, struct err *e)
    ATTR_MUST_CHECK;
enum status store_upload_drop(struct tx *tx, const struct media *m, struct account_id account,
                              struct err *e) ATTR_MUST_CHECK;
