/* date.h - days of the Gregorian calendar as numbers since 1970-01-01.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum { MINUTE_MS = 60 * 1000, DAY_MIN = 24 * 60, DAY_MS = DAY_MIN * MINUTE_MS };

struct date {
    int64_t year;
    unsigned month, day; /* from 1 */
};

int64_t date_to_days(struct date d);
struct date date_of_days(int64_t days);
unsigned date_weekday(int64_t days); /* 0: Monday */
/* "2026-12-25", a day that there is. */
bool date_parse(struct str s, int64_t *ret_days);
int64_t floor_div(int64_t v, int64_t by);
/* Easter Sunday of the western churches. */
int64_t date_easter(int64_t year);
