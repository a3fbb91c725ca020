/* store.h - the statements on media; private to media/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "media/media.h"

enum status store_media_insert(struct tx *tx, const struct media *m, struct err *e) ATTR_MUST_CHECK;
enum status store_media_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct media_id id, struct media *ret, struct err *e) ATTR_MUST_CHECK;
/* Writes state, reason, mime, size, sha256, file_name. */
enum status store_media_settle(struct tx *tx, const struct media *m, struct err *e) ATTR_MUST_CHECK;
