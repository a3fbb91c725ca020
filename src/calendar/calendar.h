/* calendar.h - when a team works: hours of each weekday with breaks, holidays, by the clocks of a zone. Pure.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "calendar/date.h"
#include "calendar/zone.h"

enum { SPANS_MAX = 6, HOLIDAYS_MAX = 400 };

struct span { /* minutes of the day, from ≤ minute < to ≤ 1440 */
    int from, to;
};
struct work_day {
    struct span spans[SPANS_MAX]; /* rising, apart */
    size_t n;
};
struct calendar {
    const struct zone *zone;
    struct work_day week[7]; /* Monday first */
    const int64_t *holidays; /* day numbers, any order */
    size_t n_holidays;
};

bool calendar_is_open(const struct calendar *c, int64_t at_ms);
/* The instant when open_ms of working time have passed since from_ms; with 0 the next moment at work. Where two years hold
 * less working time than that, plain time. */
int64_t calendar_add(const struct calendar *c, int64_t from_ms, int64_t open_ms);
/* Working time in [from_ms, to_ms). */
int64_t calendar_between(const struct calendar *c, int64_t from_ms, int64_t to_ms);
