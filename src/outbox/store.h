/* store.h - the statements on receipts_early; private to outbox/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "outbox/outbox.h"

enum status store_receipt_insert(struct tx *tx, struct tenant_id tenant, struct account_id account,
                                 const struct inbound *status, struct str word, int64_t now_ms,
                                 struct err *e) ATTR_MUST_CHECK;
/* Removes and returns (status, error_code, error_title) of those waiting for provider_id, in order of arrival. */
enum status store_receipts_take(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                struct account_id account, struct str provider_id,
                                struct db_rows *ret, struct err *e) ATTR_MUST_CHECK;
