/* turn.h - whose campaign runs in this process now: so many at once, the others take turns, and a tenant that has none running
 * comes before one that has. Private to dispatch/. Times are clock_mono_ms().
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "dispatch/dispatch.h"

/* False: there is no room for this tenant now; it is remembered that somebody waits. At most max run at once. */
bool turn_take(struct dispatch_turns *t, size_t max, struct tenant_id tenant, int64_t now_ms);
/* For each turn_take that was true. */
void turn_leave(struct dispatch_turns *t, struct tenant_id tenant);
/* Somebody found no room since the last one took a turn. */
bool turn_is_wanted(struct dispatch_turns *t);
