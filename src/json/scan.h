/* scan.h - eight bytes at a time over the harmless part of a string. Private to json/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    SCAN_BYTES = 8,
};

#define SCAN_EACH(byte) (0x0101010101010101u * (byte))

/* True when one of the eight bytes at p is a quote, a backslash or a control character: each term
 * sets the high bit of a byte that is below its bound (a borrow can only add hits behind a true
 * one). */
static inline bool scan_has_special(const char *p) {
    uint64_t w, quote, backslash;

    memcpy(&w, p, SCAN_BYTES);
    quote = w ^ SCAN_EACH('"');
    backslash = w ^ SCAN_EACH('\\');
    return ((((w - SCAN_EACH(0x20u)) & ~w) | ((quote - SCAN_EACH(1u)) & ~quote) |
             ((backslash - SCAN_EACH(1u)) & ~backslash)) &
            SCAN_EACH(0x80u)) != 0;
}

static inline bool scan_is_special(char c) {
    return (unsigned char)c < 0x20 || c == '"' || c == '\\';
}
