/* account.h - what the files about provider accounts share; private to tenant/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tenant/kinds.h"
#include "tenant/store.h"

/* The account of this kind in the tenant's old columns; ret->kind is empty when they hold none. */
enum status legacy_account(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           const struct account_kind *kind, struct account *ret, struct err *e)
    ATTR_MUST_CHECK;
/* One secret out of the old columns; empty when not set. */
enum status legacy_secret(struct arena *a, struct tx *tx, const struct account *account,
                          const char *name, struct str *ret, struct err *e) ATTR_MUST_CHECK;
