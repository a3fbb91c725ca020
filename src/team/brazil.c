/* brazil.c - Brazil's national holidays as people see them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "calendar/brazil.h"
#include "base/clock.h"
#include "team/team.h"

void team_write_brazil(struct json_out *o, int64_t year) {
    struct holiday all[BRAZIL_HOLIDAYS_MAX];
    size_t n = brazil_holidays(year, all);

    for (size_t i = 0; i < n; i++) {
        char iso[CLOCK_ISO_BYTES];

        clock_format_iso_to(all[i].day * DAY_MS, iso);
        json_obj(o, NULL);
        json_put_str(o, "date", (struct str){iso, sizeof("0000-00-00") - 1});
        json_put_str(o, "name", str_of(all[i].name));
        json_put_bool(o, "optional", all[i].is_optional);
        json_end(o);
    }
}
