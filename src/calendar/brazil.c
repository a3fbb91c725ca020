/* brazil.c - the national holidays of Brazil and the zones of its area codes. Holidays: fixed ones by law (Leis 662/1949, 6.802/1980, 10.607/2002, 14.759/2023) and
 * those that follow Easter. Carnival and Corpus Christi are days off by custom, not by federal law.
 * SPDX-License-Identifier: Apache-2.0 */
#include "calendar/brazil.h"

#include <string.h>

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

/* --- area codes ------------------------------------------------------------------------------------------------------ */

/* By the plan of numbers (Anatel, PGCN): two digits behind the country's 55. Where a code spans two zones it is the one most of
 * its people live in: 81 is also Fernando de Noronha's, 97 also that of Amazonas' far west. */
static const struct {
    const char *codes, *zone;
} areas[] = {
    {"11 12 13 14 15 16 17 18 19", "America/Sao_Paulo"}, /* SP */
    {"21 22 24 27 28", "America/Sao_Paulo"},             /* RJ, ES */
    {"31 32 33 34 35 37 38", "America/Sao_Paulo"},       /* MG */
    {"41 42 43 44 45 46 47 48 49", "America/Sao_Paulo"}, /* PR, SC */
    {"51 53 54 55", "America/Sao_Paulo"},                /* RS */
    {"61 62 64", "America/Sao_Paulo"},                   /* DF, GO */
    {"63", "America/Araguaina"},                         /* TO */
    {"65 66", "America/Cuiaba"},                         /* MT */
    {"67", "America/Campo_Grande"},                      /* MS */
    {"68", "America/Rio_Branco"},                        /* AC */
    {"69", "America/Porto_Velho"},                       /* RO */
    {"71 73 74 75 77", "America/Bahia"},                 /* BA */
    {"79 82", "America/Maceio"},                         /* SE, AL */
    {"81 87", "America/Recife"},                         /* PE */
    {"83 84 85 86 88 89 98 99", "America/Fortaleza"},    /* PB, RN, CE, PI, MA */
    {"91 94 96", "America/Belem"},                       /* PA, AP */
    {"93", "America/Santarem"},                          /* PA */
    {"92 97", "America/Manaus"},                         /* AM */
    {"95", "America/Boa_Vista"},                         /* RR */
};

struct str brazil_zone(struct str phone) {
    (void)str_eat(&phone, STR("+"));
    if (phone.len < 12 || phone.len > 13 || !str_starts(phone, STR("55")))
        return STR_EMPTY;
    for (size_t i = 0; i < ARRAY_LEN(areas); i++)
        for (const char *code = areas[i].codes;; code += 3) {
            if (memcmp(code, phone.ptr + 2, 2) == 0)
                return str_of(areas[i].zone);
            if (code[2] == '\0')
                break;
        }
    return STR_EMPTY;
}
