/* estimate.c - walks the coming quarters of an hour: the quiet ones send nothing, the others what pace and daily limit leave.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/estimate.h"

enum { SLOT_MS = 15 * 60 * 1000, DAY_MS = 24 * 3600 * 1000, YEAR_DAYS = 366 };

int64_t estimate_finish_ms(const struct estimate *in) {
    int64_t at = in->start_ms, left = in->n, room = in->room;
    int64_t day_ends = in->start_ms + DAY_MS, end = in->start_ms + (int64_t)YEAR_DAYS * DAY_MS;

    while (left > 0 && at < end) {
        int64_t quiet_until = quiet_until_ms(in->quiet, in->timezone, at);
        int64_t may = in->per_second * (SLOT_MS / 1000);

        if (in->per_day > 0 && at >= day_ends) {
            room = in->per_day;
            day_ends += DAY_MS;
        }
        if (quiet_until > at) {
            at = quiet_until;
            continue;
        }
        if (in->per_day > 0 && room <= 0) {
            at = day_ends;
            continue;
        }
        if (in->per_day > 0 && may > room)
            may = room;
        if (left <= may)
            return at + left * 1000 / in->per_second + (left * 1000 % in->per_second > 0);
        left -= may;
        room -= may;
        at += SLOT_MS;
    }
    return left == 0 ? at : 0;
}
