/* change.h - templates before and after what a provider told of them; private to template/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "template/store.h"

struct template_watch { /* over a sync or a webhook, in its transaction */
    struct tenant_id tenant;
    struct template_query query; /* account, name: of which ones */
    struct template_mark *before;
    size_t n;
};

enum status change_watch(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         const struct template_query *query, struct template_watch *ret,
                         struct err *e) ATTR_MUST_CHECK;
/* Puts a job for what has changed since so that a campaign with it must not simply go on. */
enum status change_tell(struct arena *a, struct tx *tx, const struct template_watch *w,
                        struct err *e) ATTR_MUST_CHECK;
