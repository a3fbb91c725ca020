/* estimate.h - when a campaign will be through. Pure; private to dispatch/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "consent/consent.h"

struct estimate {
    int64_t start_ms;
    int64_t n;
    int64_t per_second; /* at least 1 */
    int64_t per_day;    /* people in any 24 hours; 0: no limit */
    int64_t room;       /* of these, free at the start */
    const struct quiet *quiet;
    struct str timezone;
};
/* By quarters of an hour; 0 when it would take more than a year. */
int64_t estimate_finish_ms(const struct estimate *in);
