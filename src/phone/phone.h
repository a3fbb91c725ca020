/* phone.h - telephone numbers as people and spreadsheets write them, read to E.164 by libphonenumber. Pure: no state but the
 * library's own tables, which the first call loads (some 20 ms). Any thread.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

enum { PHONE_TYPED_MAX = 250 }; /* bytes looked at; longer text is no number */

struct phone {
    bool is_valid;    /* a number that a line can have */
    bool is_textable; /* … and one that messages reach: a mobile one, or one that may be */
    struct str
        e164; /* digits with the country first, no '+', Brazil's ninth digit put in; empty unless valid */
    const char *
        kind; /* "mobile", "landline", "mobile-or-landline", "toll-free", "premium", "shared-cost", "voip", "other",
                        * "unknown" */
    const char *
        reason; /* why messages do not reach it: "empty", "not-a-number", "digits-lost", "too-short", "too-long",
                         * "no-country", "invalid", "landline", "toll-free", …; "" when they do */
    const char *timezone; /* phone_timezone(e164) */
};

/* Reads one number; without a '+' it is one of region ("BR"), with or without that country's code. Understood besides what
 * the library understands: a spreadsheet's number cell ("1.1987654321E+10", "11987654321.0", "5,511987654321E+12"; one that was
 * rounded to "1.2E+11" has "digits-lost"), a leading apostrophe, a Brazilian mobile line without its ninth digit. */
void phone_read(struct arena *a, struct str typed, const char *region, struct phone *ret);

/* Cuts a cell that holds several numbers ("(11) 98765-4321 / 3333-4444; +55 …") into at most max; views into cell. Pieces that
 * hold no digit are left out. */
size_t phone_split(struct str cell, struct str *ret, size_t max);

/* IANA zone of the number's area: Brazil's states by area code, a country with one zone by country code; "" where there are
 * several or it is not known. digits: E.164 without '+'. */
const char *phone_timezone(struct str digits);

/* Whether a number belongs to a region ("US"), where several share a country's code. digits: E.164 without '+'. */
bool phone_is_in(struct str digits, const char *region);
