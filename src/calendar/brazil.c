/* brazil.c - the national holidays of Brazil: fixed ones by law (Leis 662/1949, 6.802/1980, 10.607/2002, 14.759/2023) and
 * those that follow Easter. Carnival and Corpus Christi are days off by custom, not by federal law.
 * SPDX-License-Identifier: Apache-2.0 */
#include "calendar/brazil.h"

#include "base/attr.h"

enum { LAW_14759_FROM = 2024 };

static const struct {
    unsigned month, day; /* month 0: days after Easter in `after` */
    int after;
    int64_t since;
    bool is_optional;
    const char *name;
} days[] = {
    {.month = 1, .day = 1, .name = "Confraternização Universal"},
    {.after = -48, .is_optional = true, .name = "Carnaval"},
    {.after = -47, .is_optional = true, .name = "Carnaval"},
    {.after = -2, .name = "Sexta-feira Santa"},
    {.month = 4, .day = 21, .name = "Tiradentes"},
    {.month = 5, .day = 1, .name = "Dia do Trabalho"},
    {.after = 60, .is_optional = true, .name = "Corpus Christi"},
    {.month = 9, .day = 7, .name = "Independência do Brasil"},
    {.month = 10, .day = 12, .name = "Nossa Senhora Aparecida"},
    {.month = 11, .day = 2, .name = "Finados"},
    {.month = 11, .day = 15, .name = "Proclamação da República"},
    {.month = 11,
     .day = 20,
     .since = LAW_14759_FROM,
     .name = "Dia Nacional de Zumbi e da Consciência Negra"},
    {.month = 12, .day = 25, .name = "Natal"},
};

size_t brazil_holidays(int64_t year, struct holiday ret[static BRAZIL_HOLIDAYS_MAX]) {
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(days); i++)
        if (year >= days[i].since)
            ret[n++] = (struct holiday){
                .day = days[i].month ? date_to_days((struct date){year, days[i].month, days[i].day})
                                     : date_easter(year) + days[i].after,
                .name = days[i].name,
                .is_optional = days[i].is_optional};
    return n;
}

bool brazil_is_holiday(int64_t day, bool with_optional) {
    struct holiday all[BRAZIL_HOLIDAYS_MAX];
    size_t n = brazil_holidays(date_of_days(day).year, all);

    for (size_t i = 0; i < n; i++)
        if (all[i].day == day && (with_optional || !all[i].is_optional))
            return true;
    return false;
}
