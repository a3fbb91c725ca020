/* library.h - the door to libphonenumber; private to phone/. C on this side, C++ in library.cc.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

enum phone_library_fault {
    PHONE_LIBRARY_OK,
    PHONE_LIBRARY_NO_NUMBER,
    PHONE_LIBRARY_NO_COUNTRY,
    PHONE_LIBRARY_TOO_SHORT,
    PHONE_LIBRARY_TOO_LONG,
    PHONE_LIBRARY_INVALID, /* parsed, and no line can have it */
};

struct phone_library_answer {
    enum phone_library_fault fault;
    const char *kind; /* of a valid one, as phone.h says; static */
    char digits[24];  /* E.164 without '+', NUL-terminated; of any that could be parsed */
    unsigned country; /* calling code; 0: none */
};

/* typed: n bytes of UTF-8; region: two letters. */
void phone_library_read(const char *typed, unsigned long n, const char *region,
                        struct phone_library_answer *ret);

/* Whether a number belongs to a region (two letters). digits: n bytes of E.164 without the plus sign. */
bool phone_library_is_in(const char *digits, unsigned long n, const char *region);

#ifdef __cplusplus
}
#endif
