/* brazil.h - Brazil's national holidays. Pure.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "calendar/date.h"

enum { BRAZIL_HOLIDAYS_MAX = 13 };

struct holiday {
    int64_t day; /* as date.h counts them */
    const char *name;
    bool is_optional; /* a day off by custom, not by federal law */
};
/* Of one year, by date but for those that follow Easter; returns how many. */
size_t brazil_holidays(int64_t year, struct holiday ret[static BRAZIL_HOLIDAYS_MAX]);
bool brazil_is_holiday(int64_t day, bool with_optional);
