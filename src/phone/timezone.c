/* timezone.c - in which zone a number's area lies.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/attr.h"
#include "phone/phone.h"

#define SAO_PAULO "America/Sao_Paulo"

/* Brazil's area codes whose state does not go by Brasília's zone of its own (Anatel's plan; a state's main zone). */
static const struct {
    const char *area, *zone;
} brazil[] = {
    {"63", "America/Araguaina"},    {"65", "America/Cuiaba"},     {"66", "America/Cuiaba"},
    {"67", "America/Campo_Grande"}, {"68", "America/Rio_Branco"}, {"69", "America/Porto_Velho"},
    {"71", "America/Bahia"},        {"73", "America/Bahia"},      {"74", "America/Bahia"},
    {"75", "America/Bahia"},        {"77", "America/Bahia"},      {"79", "America/Maceio"},
    {"81", "America/Recife"},       {"82", "America/Maceio"},     {"83", "America/Fortaleza"},
    {"84", "America/Fortaleza"},    {"85", "America/Fortaleza"},  {"86", "America/Fortaleza"},
    {"87", "America/Recife"},       {"88", "America/Fortaleza"},  {"89", "America/Fortaleza"},
    {"91", "America/Belem"},        {"92", "America/Manaus"},     {"93", "America/Santarem"},
    {"94", "America/Belem"},        {"95", "America/Boa_Vista"},  {"96", "America/Belem"},
    {"97", "America/Manaus"},       {"98", "America/Fortaleza"},  {"99", "America/Fortaleza"},
};

/* Countries with one zone, or with one in which nearly all live. */
static const struct {
    struct str code;
    const char *zone;
} countries[] = {
    {STR("351"), "Europe/Lisbon"},
    {STR("244"), "Africa/Luanda"},
    {STR("258"), "Africa/Maputo"},
    {STR("595"), "America/Asuncion"},
    {STR("598"), "America/Montevideo"},
    {STR("591"), "America/La_Paz"},
    {STR("54"), "America/Argentina/Buenos_Aires"},
    {STR("57"), "America/Bogota"},
    {STR("51"), "America/Lima"},
    {STR("58"), "America/Caracas"},
    {STR("44"), "Europe/London"},
    {STR("33"), "Europe/Paris"},
    {STR("49"), "Europe/Berlin"},
    {STR("39"), "Europe/Rome"},
    {STR("41"), "Europe/Zurich"},
    {STR("81"), "Asia/Tokyo"},
    {STR("91"), "Asia/Kolkata"},
};

const char *phone_timezone(struct str digits) {
    if (str_eat(&digits, STR("55"))) {
        struct str area = str_sub(digits, 0, 2);

        for (size_t i = 0; i < ARRAY_LEN(brazil); i++) {
            if (str_eq(area, str_of(brazil[i].area)))
                return brazil[i].zone;
        }
        return area.len == 2 ? SAO_PAULO : "";
    }
    for (size_t i = 0; i < ARRAY_LEN(countries); i++) {
        if (str_starts(digits, countries[i].code))
            return countries[i].zone;
    }
    return "";
}
