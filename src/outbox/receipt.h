/* receipt.h - early receipts catch up with their message; private to outbox/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "outbox/store.h"

/* Applies what came before m's provider id was known. */
enum status receipts_catch_up(struct arena *a, struct tx *tx, const struct provider *provider,
                              struct message *m, int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
/* When the code of m's failure says that the person stopped marketing at the provider: kept as their stop, the provider's words
 * being the proof. Else nothing. */
enum status heed_refusal(struct arena *a, struct tx *tx, const struct message *m, int64_t code,
                         struct str words, int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
