/* reason.h - what providers say of a failure, as words for people. Private to provider/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"

/* "reason (detail)", or the reason alone when there is no detail. The provider's detail is cut to 200
 * characters, and what could be a telephone number in it is hidden: reasons are shown and stored.
 * Any bytes may come; the result is UTF-8 without control characters. */
struct str reason_with_detail(struct arena *a, const char *reason, struct str detail);
