/* clock.h - the time, through a seam that tests replace. Wall time is milliseconds UTC since 1970;
 * monotonic time only measures durations.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/arena.h"

int64_t clock_now_ms(void);
int64_t clock_mono_ms(void);
int64_t clock_mono_ns(void);

/* Shifts what clock_now_ms() and clock_mono_ms() say by offset_ms: expiry tests need not wait.
 * Product code never calls it. */
void clock_shift_ms(int64_t offset_ms);

/* Absolute CLOCK_MONOTONIC deadline for pthread_cond_clockwait, in_ms from now. */
struct timespec clock_deadline(int64_t in_ms);

enum {
    CLOCK_ISO_BYTES = 24, /* without a NUL */
};

/* "2026-11-21T03:04:05.678Z" in a; times outside the years 0 to 9999 come out as the nearest one
 * inside. */
struct str clock_format_iso(struct arena *a, int64_t ms);
void clock_format_iso_to(int64_t ms, char out[static CLOCK_ISO_BYTES]);
/* The other way: a date, or a date and a time of a day, with Z or an offset such as -03:00; parts of
 * a second beyond the third digit do not count. False when it is not such a text. */
bool clock_parse_iso(struct str text, int64_t *ret_ms);
