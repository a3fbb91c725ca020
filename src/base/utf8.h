/* utf8.h - UTF-8 checked once, at the edge (RFC 3629: no surrogates, no overlong forms, at most
 * U+10FFFF).
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

bool utf8_is_valid(struct str s);
/* Bytes of the longest valid prefix; s.len when all of it is. */
size_t utf8_valid_prefix(struct str s);
/* Number of code points; s must be valid. */
size_t utf8_count(struct str s);
/* The longest prefix of at most max_bytes that ends between characters. */
struct str utf8_cut_bytes(struct str s, size_t max_bytes);
/* The longest prefix of at most max_points code points. */
struct str utf8_cut_points(struct str s, size_t max_points);
/* Next code point, eaten from the front of *s; false at the end or at an invalid byte. */
bool utf8_next(struct str *s, uint32_t *ret_point);
/* Writes one code point; returns the number of bytes (1 to 4). */
size_t utf8_put(uint32_t point, char out[static 4]);
/* s with every invalid byte replaced by U+FFFD, in a (s itself when it is valid). */
struct str utf8_repair(struct arena *a, struct str s);
/* Lower case without accents for matching words of Portuguese and English ("Olá, AÇÃO" → "ola,
 * acao"), in a. Latin letters up to U+024F and combining marks; others pass unchanged. */
struct str utf8_fold(struct arena *a, struct str s);
