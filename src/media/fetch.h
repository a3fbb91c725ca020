/* fetch.h - what media.c and fetch.c share; private to media/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "media/media.h"

/* Writes m's state and what the message shows of it, with the event "media.<state>". */
enum status media_settle(struct arena *a, struct tx *tx, struct media *m, int64_t now_ms,
                         struct err *e) ATTR_MUST_CHECK;
enum status media_put_fetch(struct arena *a, struct tx *tx, const struct media *m, struct err *e)
    ATTR_MUST_CHECK;
