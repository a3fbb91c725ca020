/* zone.h - what the clocks on the wall say in an IANA time zone: the system's compiled zone files (TZif, RFC 8536), read
 * without libc's process-wide TZ.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

struct zone;

/* From the bytes of a TZif file; *ret lives in a. ST_INVALID: not one, or cut short. */
enum status zone_parse(struct arena *a, struct str bytes, const struct zone **ret, struct err *e)
    ATTR_MUST_CHECK;
/* "America/Sao_Paulo", loaded once for the life of the process. One that this machine does not know is taken from a short
 * list of Brazil's (without daylight saving, as since 2019), else UTC; *ret_known tells. Any thread. */
const struct zone *zone_find(struct str name, bool *ret_known);
/* Seconds east of UTC at an instant. */
int32_t zone_offset_s(const struct zone *z, int64_t utc_s);
/* The instant when the clocks show local_s (seconds since 1970 as if they were UTC's). A time that is skipped is taken as
 * far after the gap as it stands in it; of one that happens twice it is the first. */
int64_t zone_utc_s(const struct zone *z, int64_t local_s);
