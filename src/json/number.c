/* number.c - strtod and printf, tied to the "C" locale: a library that calls setlocale must not
 * change our JSON.
 * SPDX-License-Identifier: Apache-2.0 */
#include "json/number.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    REAL_TEXT_BYTES = 32, /* "-1.7976931348623157e+308" and room for ".0" */
    DIGITS_USUAL = 15,    /* always survive text → double → text */
    DIGITS_ENOUGH = 17,   /* always survive double → text → double */
};

static locale_t c_locale;

static void make_locale(void) {
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (c_locale == (locale_t)0)
        abort(); /* "C" is built in */
}

double number_from_text(const char *text) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, make_locale);
    return strtod_l(text, NULL, c_locale);
}

/* printf knows no locale argument; its decimal point is the only thing a locale changes here. */
static void force_point(char *text) {
    char *at = text + strspn(text, "-0123456789");

    if (*at == '\0' || *at == '.' || *at == 'e')
        return;
    *at = '.';
    memmove(at + 1, at + 1 + strcspn(at + 1, "0123456789"),
            strlen(at + 1 + strcspn(at + 1, "0123456789")) + 1);
}

void number_add_real(struct buf *b, double v) {
    char text[REAL_TEXT_BYTES];

    if (!isfinite(v)) {
        buf_add(b, STR("null"));
        return;
    }
    for (int digits = DIGITS_USUAL; digits <= DIGITS_ENOUGH; digits++) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, v);
        force_point(text);
        if (number_from_text(text) == v)
            break;
    }
    buf_add(b, str_of(text));
    if (!strpbrk(text, ".e"))
        buf_add(b, STR(".0"));
}
