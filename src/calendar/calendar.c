/* calendar.c - working time is a row of intervals in UTC, made day by day from the clocks on the wall: a day with 23 or 25
 * hours needs no care of its own.
 * SPDX-License-Identifier: Apache-2.0 */
#include "calendar/calendar.h"

enum { LOOK_DAYS = 740 };

static int64_t local_day(const struct calendar *c, int64_t ms) {
    int64_t s = floor_div(ms, 1000);

    return floor_div(s + zone_offset_s(c->zone, s), DAY_MS / 1000);
}

static int64_t wall_ms(const struct calendar *c, int64_t day, int minute) {
    return zone_utc_s(c->zone, day * (DAY_MS / 1000) + (int64_t)minute * 60) * 1000;
}

static const struct work_day *work_day(const struct calendar *c, int64_t day) {
    static const struct work_day off;

    for (size_t i = 0; i < c->n_holidays; i++)
        if (c->holidays[i] == day)
            return &off;
    return &c->week[date_weekday(day)];
}

/* Walks the working time of [from_ms, to_ms) up to want_ms of it; true when it found so much, and *ret_ms is where it ends.
 * Else *ret_ms is how much there was. */
static bool walk(const struct calendar *c, int64_t from_ms, int64_t to_ms, int64_t want_ms,
                 int64_t *ret_ms) {
    int64_t first = local_day(c, from_ms) - 1, last = local_day(c, to_ms) + 1, found_ms = 0;

    for (int64_t day = first; day <= last; day++) {
        const struct work_day *w = work_day(c, day);

        for (size_t i = 0; i < w->n; i++) {
            int64_t begin = wall_ms(c, day, w->spans[i].from),
                    end = wall_ms(c, day, w->spans[i].to);

            begin = begin > from_ms ? begin : from_ms;
            end = end < to_ms ? end : to_ms;
            if (end <= begin)
                continue;
            if (end - begin >= want_ms - found_ms) {
                *ret_ms = begin + want_ms - found_ms;
                return true;
            }
            found_ms += end - begin;
        }
    }
    *ret_ms = found_ms;
    return false;
}

bool calendar_is_open(const struct calendar *c, int64_t at_ms) {
    return calendar_between(c, at_ms, at_ms + 1) > 0;
}

int64_t calendar_add(const struct calendar *c, int64_t from_ms, int64_t open_ms) {
    int64_t to_ms = from_ms + open_ms + (int64_t)LOOK_DAYS * DAY_MS, at_ms;

    return walk(c, from_ms, to_ms, open_ms, &at_ms) ? at_ms : from_ms + open_ms;
}

int64_t calendar_between(const struct calendar *c, int64_t from_ms, int64_t to_ms) {
    int64_t found_ms;

    if (to_ms <= from_ms)
        return 0;
    (void)walk(c, from_ms, to_ms, INT64_MAX, &found_ms);
    return found_ms;
}
