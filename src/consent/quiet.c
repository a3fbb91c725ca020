/* quiet.c - may somebody be written to now, by the clocks on their own wall?
 *
 * What counts is the time that the clocks show at the very instant, so that hours which daylight saving repeats or leaves out need
 * no care of their own: the next moment is looked for among the beginnings of the coming days' hours, and must itself be allowed.
 * SPDX-License-Identifier: Apache-2.0 */
#include "consent/consent.h"

#include "calendar/brazil.h"
#include "calendar/date.h"
#include "calendar/zone.h"

enum { LOOK_DAYS = 400, DAY_S = DAY_MIN * 60 };

static bool is_day_off(const struct quiet *q, int64_t day) {
    for (size_t i = 0; i < q->n_holidays; i++)
        if (q->holidays[i] == day)
            return true;
    return (q->spares_national || q->spares_optional) && brazil_is_holiday(day, true) &&
           (brazil_is_holiday(day, false) ? q->spares_national : q->spares_optional);
}

static struct quiet_day hours_of(const struct quiet *q, int64_t day) {
    return is_day_off(q, day) ? (struct quiet_day){0} : q->week[date_weekday(day)];
}

static bool is_allowed(const struct quiet *q, const struct zone *z, int64_t at_ms) {
    int64_t utc_s = floor_div(at_ms, 1000), local_s = utc_s + zone_offset_s(z, utc_s);
    int64_t day = floor_div(local_s, DAY_S), minute = (local_s - day * DAY_S) / 60;
    struct quiet_day h = hours_of(q, day);

    return minute >= h.from && minute < h.to;
}

/* From begin on, a minute at a time: only where the clocks are turned is it not begin itself. */
static int64_t first_allowed(const struct quiet *q, const struct zone *z, int64_t begin_ms) {
    int64_t at_ms = begin_ms;

    for (int i = 0; i < 2 * 60; i++, at_ms += MINUTE_MS)
        if (is_allowed(q, z, at_ms))
            return at_ms;
    return 0;
}

int64_t quiet_until_ms(const struct quiet *q, struct str zone, int64_t now_ms) {
    bool is_known = false;
    const struct zone *z = zone.len > 0 ? zone_find(zone, &is_known) : NULL;

    if (!is_known)
        z = zone_find(q->timezone, NULL);
    if (!q->is_on || is_allowed(q, z, now_ms))
        return 0;

    int64_t now_s = floor_div(now_ms, 1000);
    int64_t today = floor_div(now_s + zone_offset_s(z, now_s), DAY_S);

    for (int64_t day = today - 1; day <= today + LOOK_DAYS; day++) {
        struct quiet_day h = hours_of(q, day);
        int64_t begin_ms, at_ms;

        if (h.from >= h.to)
            continue;
        begin_ms = zone_utc_s(z, day * DAY_S + (int64_t)h.from * 60) * 1000;
        at_ms = begin_ms > now_ms ? first_allowed(q, z, begin_ms) : 0;
        if (at_ms > 0)
            return at_ms;
    }
    return now_ms + (int64_t)LOOK_DAYS * DAY_MS;
}
