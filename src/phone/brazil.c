/* brazil.c - the numbers that nearly every cell of a Brazilian sheet holds, read without the library, which takes some 30 µs for
 * one. Only what is whole and plain: area, line, perhaps 55 in front; whatever else is left to the library. A test holds both to
 * the same answers over every area and every beginning of a line.
 *
 * Source: libphonenumber's metadata of BR: areas (?:[14689][1-9]|2[12478]|3[1-578]|5[13-5]|7[13-579]), then 9 and eight digits for
 * a mobile line, 2 to 5 and seven for one of a house.
 * SPDX-License-Identifier: Apache-2.0 */
#include "phone/brazil.h"

#include <string.h>

enum { AREA_DIGITS = 2, MOBILE_DIGITS = 11, LANDLINE_DIGITS = 10, WITH_COUNTRY = 2 };

static bool is_area(char tens, char ones) {
    static const char *const ones_of[10] = {
        "",     "123456789", "12478",  "1234578",   "123456789",
        "1345", "123456789", "134579", "123456789", "123456789",
    };

    return strchr(ones_of[tens - '0'], ones) != NULL;
}

/* Digits of what holds nothing but digits and the signs people put between them; 0 when there is more. */
static size_t plain_digits(struct str s, char digits[static 14], bool *ret_plus) {
    size_t n = 0;

    *ret_plus = s.len > 0 && s.ptr[0] == '+';
    for (size_t i = *ret_plus; i < s.len; i++) {
        if (s.ptr[i] >= '0' && s.ptr[i] <= '9') {
            if (n == MOBILE_DIGITS + WITH_COUNTRY)
                return 0;
            digits[n++] = s.ptr[i];
        } else if (s.ptr[i] == '\0' || !strchr(" -.()", s.ptr[i])) {
            return 0;
        }
    }
    return n;
}

bool brazil_read(struct str typed, struct phone_library_answer *ret) {
    char digits[MOBILE_DIGITS + WITH_COUNTRY + 1];
    const char *national = digits;
    bool has_plus, is_mobile;
    size_t n = plain_digits(typed, digits, &has_plus);

    if (has_plus || n > MOBILE_DIGITS) {
        if (n <= WITH_COUNTRY || digits[0] != '5' || digits[1] != '5')
            return false;
        national += WITH_COUNTRY;
        n -= WITH_COUNTRY;
    }
    if ((n != MOBILE_DIGITS && n != LANDLINE_DIGITS) || !is_area(national[0], national[1]))
        return false;
    is_mobile = n == MOBILE_DIGITS;
    if (is_mobile ? national[AREA_DIGITS] != '9'
                  : national[AREA_DIGITS] < '2' || national[AREA_DIGITS] > '5')
        return false;
    *ret = (struct phone_library_answer){
        .kind = is_mobile ? "mobile" : "landline", .digits = "55", .country = 55};
    memcpy(ret->digits + WITH_COUNTRY, national, n);
    return true;
}
