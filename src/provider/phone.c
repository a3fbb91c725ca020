/* phone.c - the key under which the forms of one WhatsApp number meet.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "provider/provider.h"

enum {
    BR_OLD_DIGITS = 12, /* 55, two of the area, eight of the line */
    BR_LINE_AT = 4,     /* where the line begins */
};

static size_t copy_digits(char *out, struct str s) {
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] >= '0' && s.ptr[i] <= '9')
            out[n++] = s.ptr[i];
    }
    return n;
}

/* Brazil put a 9 before every mobile line between 2012 and 2016 (Anatel, Resolução 553/2010).
 * WhatsApp still knows older accounts by the short form and answers with it. Lines that begin with
 * 2 to 5 are landlines and stay; area codes run from 11 to 99. */
static bool lacks_ninth_digit(const char *digits, size_t n) {
    return n == BR_OLD_DIGITS && memcmp(digits, "55", 2) == 0 && digits[2] >= '1' &&
           memcmp(digits + 2, "10", 2) != 0 && digits[BR_LINE_AT] >= '6';
}

struct str phone_key(struct arena *a, struct str s) {
    char *out = arena_alloc(a, s.len + 1); /* room for the ninth digit */
    size_t n = copy_digits(out, s);

    if (lacks_ninth_digit(out, n)) {
        memmove(out + BR_LINE_AT + 1, out + BR_LINE_AT, n - BR_LINE_AT);
        out[BR_LINE_AT] = '9';
        n++;
    }
    return (struct str){.ptr = out, .len = n};
}
