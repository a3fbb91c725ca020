/* arena.h - one region of memory per request, job or message: many allocations, one reset.
 * Allocation zeroes and cannot fail: sizes are bounded at the edge, and true exhaustion aborts (the
 * queue is durable, so a crash loses nothing). One thread at a time.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

struct arena_chunk;

struct arena { /* caller's storage; {0} is an empty, usable arena */
    struct arena_chunk *head;
    size_t used; /* bytes handed out since init or reset */
};

/* Frees everything it handed out and leaves it usable. */
void arena_reset(struct arena *a);
void arena_done(struct arena *a);
/* For ATTR_CLEANUP(arena_done_p) struct arena a = {0}; */
void arena_done_p(struct arena *a);

/* size zeroed bytes, aligned for any type. */
void *arena_alloc(struct arena *a, size_t size) ATTR_NONNULL_RETURN;
/* n * size zeroed bytes; aborts on overflow. */
void *arena_alloc_n(struct arena *a, size_t n, size_t size) ATTR_NONNULL_RETURN;

#define arena_new_of(a, type)      ((type *)arena_alloc((a), sizeof(type)))
#define arena_array_of(a, n, type) ((type *)arena_alloc_n((a), (n), sizeof(type)))

/* A copy of s that lives in a; NUL-terminated behind its length as a courtesy to debuggers. */
struct str arena_str(struct arena *a, struct str s);
/* NUL-terminated copy for a library's door; NULL when s holds a NUL byte. */
char *arena_cstr(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *fmt, ...) ATTR_PRINTF(2, 3);
struct str arena_vprintf(struct arena *a, const char *fmt, va_list args) ATTR_PRINTF(2, 0);
