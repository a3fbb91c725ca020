/* store.h - the statements on bots, bot_turns and bot_spending; private to bot/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "bot/bot.h"

/* ST_NOT_FOUND: the tenant has not set one. */
enum status store_bot_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct bot *ret,
                          struct err *e) ATTR_MUST_CHECK;
enum status store_bot_put(struct tx *tx, const struct bot *bot, int64_t now_ms,
                          int64_t *ret_changed, struct err *e) ATTR_MUST_CHECK;
enum status store_turn_insert(struct tx *tx, struct tenant_id tenant, const struct turn *t,
                              struct err *e) ATTR_MUST_CHECK;
/* Adds micros to the month when the sum stays within budget (0: no limit); *ret_granted tells. */
enum status store_spend(struct tx *tx, struct tenant_id tenant, struct str month, int64_t micros,
                        int64_t budget_micros, bool *ret_granted, struct err *e) ATTR_MUST_CHECK;
/* What the month has cost so far. */
enum status store_spent(struct arena *a, struct tx *tx, struct tenant_id tenant, struct str month,
                        int64_t *ret, struct err *e) ATTR_MUST_CHECK;
