/* err.c - filling an error once.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* vsnprintf cuts at a byte; the half character it may leave behind would make the whole log line
 * invalid UTF-8. */
static void cut_at_character(char message[static ERR_MESSAGE_BYTES]) {
    size_t len = ERR_MESSAGE_BYTES - 1;
    size_t start = len;

    while (start > 0 && len - start < 4 && ((unsigned char)message[start - 1] & 0xC0) == 0x80)
        start--;
    if (start > 0 && (unsigned char)message[start - 1] >= 0xC0)
        start--;
    else
        return; /* ends in ASCII, or is not UTF-8 anyway */
    if (!utf8_is_valid((struct str){.ptr = message + start, .len = len - start}))
        message[start] = '\0';
}

enum status err_set(struct err *e, enum status st, const char *file, int line, const char *fmt,
                    ...) {
    va_list args;
    int len;

    if (!e || e->status != ST_OK)
        return st;
    e->status = st;
    e->file = file;
    e->line = line;
    va_start(args, fmt);
    len = vsnprintf(e->message, sizeof(e->message), fmt, args);
    va_end(args);
    if (len < 0)
        e->message[0] = '\0';
    else if ((size_t)len >= sizeof(e->message))
        cut_at_character(e->message);
    return st;
}

void err_clear(struct err *e) {
    if (e)
        *e = ERR_INIT;
}

const char *status_name(enum status st) {
    switch (st) {
    case ST_OK:
        return "ok";
    case ST_NOT_FOUND:
        return "not-found";
    case ST_CONFLICT:
        return "conflict";
    case ST_INVALID:
        return "invalid";
    case ST_DENIED:
        return "denied";
    case ST_LIMITED:
        return "limited";
    case ST_UNAVAILABLE:
        return "unavailable";
    case ST_UNCERTAIN:
        return "uncertain";
    case ST_BROKEN:
        return "broken";
    }
    return "broken";
}
