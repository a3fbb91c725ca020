/* poll.h - how far a mailbox is read; private to intake/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "intake/store.h"
#include "mail/mail.h"

struct place {
    struct str source; /* server, user and folder */
    struct mail_place at;
    int64_t looked_at_ms;
    struct str trouble; /* why the last look failed; empty: it did not */
    bool is_refused;
};

enum status store_mail_place_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                 struct account_id account, struct place *ret, struct err *e)
    ATTR_MUST_CHECK;
/* ST_CONFLICT: it is no longer at `from`. */
enum status store_mail_place_move(struct tx *tx, struct tenant_id tenant, struct account_id account,
                                  const struct place *from, const struct place *to, struct err *e)
    ATTR_MUST_CHECK;
/* Whether calls of the account still wait to be applied. */
enum status store_inbox_has_waiting(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                    struct account_id account, bool *ret, struct err *e)
    ATTR_MUST_CHECK;
