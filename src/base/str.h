/* str.h - text and bytes with their length. A struct str is a view: it owns nothing and passes by
 * value. It is not NUL-terminated; only arena_cstr() makes it so, at a library's door.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
    const char *ptr; /* may be NULL when len is 0 */
    size_t len;
};

#define STR(literal) ((struct str){.ptr = ("" literal), .len = sizeof(literal) - 1})
#define STR_EMPTY    ((struct str){.ptr = NULL, .len = 0})
/* For printf: printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s)   (int)(s).len, ((s).ptr ? (s).ptr : "")

/* View of a NUL-terminated text of our own (a literal, argv, an environment value); NULL gives the
 * empty view. */
struct str str_of(const char *cstr);

bool str_eq(struct str a, struct str b);
bool str_eq_nocase(struct str a, struct str b); /* ASCII letters only */
int str_cmp(struct str a, struct str b);        /* bytewise, shorter first */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_contains(struct str s, struct str needle);

/* Part of s from byte `from`, at most `len` bytes; clamped to s. */
struct str str_sub(struct str s, size_t from, size_t len);
/* Without ASCII white space at both ends. */
struct str str_trim(struct str s);

/* Cuts at the first `sep`: *ret_head gets what is before it and *s what is after. Without a sep the
 * whole of *s becomes the head and *s empty; false then. */
bool str_cut(struct str *s, char sep, struct str *ret_head);

/* Eats a prefix; false and s unchanged when it is not there. */
bool str_eat(struct str *s, struct str prefix);

/* Eats decimal digits at the front into *ret, at most max; false and s unchanged when there are
 * none or too many. */
bool str_eat_u64(struct str *s, uint64_t max, uint64_t *ret);

/* The whole of s as a decimal integer between min and max (a leading '-' allowed when min < 0);
 * false otherwise. */
bool str_parse_i64(struct str s, int64_t min, int64_t max, int64_t *ret);

/* FNV-1a, for tables of our own; not for hostile keys. */
uint64_t str_hash(struct str s);
