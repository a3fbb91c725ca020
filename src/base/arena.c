/* arena.c - chunked bump allocation. Chunks double up to 256 KB; what is larger gets a chunk of its
 * own, put behind the current one so that the rest of the current chunk stays in use.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISON 1
#endif
#endif

#ifdef ARENA_POISON
#include <sanitizer/asan_interface.h>
#define POISON(ptr, size)   ASAN_POISON_MEMORY_REGION((ptr), (size))
#define UNPOISON(ptr, size) ASAN_UNPOISON_MEMORY_REGION((ptr), (size))
#else
#define POISON(ptr, size)   ((void)(ptr), (void)(size))
#define UNPOISON(ptr, size) ((void)(ptr), (void)(size))
#endif

enum {
    CHUNK_FIRST_BYTES = 4 << 10,
    CHUNK_MAX_BYTES = 256 << 10,
    ALIGN = alignof(max_align_t),
};

struct arena_chunk {
    struct arena_chunk *next;
    size_t size; /* of bytes */
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

static void die(const char *why) ATTR_NORETURN;

static void die(const char *why) {
    (void)fprintf(stderr, "arena: %s\n", why);
    abort();
}

static struct arena_chunk *chunk_new(size_t size) {
    struct arena_chunk *c;

    if (size > SIZE_MAX / 2)
        die("allocation too large");
    c = malloc(sizeof(*c) + size);
    if (!c)
        die("out of memory");
    c->next = NULL;
    c->size = size;
    c->used = 0;
    POISON(c->bytes, size);
    return c;
}

static void chunk_free(struct arena_chunk *c) {
    UNPOISON(c->bytes, c->size);
    free(c);
}

/* Whatever size asks for, *a has a chunk with that much room when this returns; which one, it
 * returns. */
static struct arena_chunk *chunk_for(struct arena *a, size_t size) {
    struct arena_chunk *c = a->head;
    size_t want;

    if (c && c->size - c->used >= size)
        return c;
    want = !c ? CHUNK_FIRST_BYTES : c->size < CHUNK_MAX_BYTES / 2 ? c->size * 2 : CHUNK_MAX_BYTES;
    if (c && size > want / 4) { /* large: keep filling the current chunk */
        struct arena_chunk *own = chunk_new(size);

        own->next = c->next;
        c->next = own;
        return own;
    }
    c = chunk_new(size > want ? size : want);
    c->next = a->head;
    a->head = c;
    return c;
}

void *arena_alloc(struct arena *a, size_t size) {
    struct arena_chunk *c;
    size_t rounded;
    void *p;

    if (__builtin_add_overflow(size, (size_t)ALIGN - 1, &rounded))
        die("allocation too large");
    rounded &= ~((size_t)ALIGN - 1);
    if (rounded == 0)
        rounded = ALIGN; /* distinct, non-NULL pointers also for nothing */
    c = chunk_for(a, rounded);
    p = c->bytes + c->used;
    c->used += rounded;
    a->used += rounded;
    UNPOISON(p, size);
    memset(p, 0, size);
    return p;
}

void *arena_alloc_n(struct arena *a, size_t n, size_t size) {
    size_t total;

    if (__builtin_mul_overflow(n, size, &total))
        die("allocation too large");
    return arena_alloc(a, total);
}

void arena_done(struct arena *a) {
    while (a->head) {
        struct arena_chunk *c = a->head;

        a->head = c->next;
        chunk_free(c);
    }
    a->used = 0;
}

/* One ordinary chunk is kept, so that a loop over requests does not go through malloc each time. */
void arena_reset(struct arena *a) {
    struct arena_chunk *keep = a->head;

    if (keep && keep->size <= CHUNK_MAX_BYTES) {
        a->head = keep->next;
        arena_done(a);
        POISON(keep->bytes, keep->size);
        keep->next = NULL;
        keep->used = 0;
        a->head = keep;
    } else {
        arena_done(a);
    }
}

void arena_done_p(struct arena *a) {
    arena_done(a);
}

struct str arena_str(struct arena *a, struct str s) {
    char *p;

    if (s.len == SIZE_MAX)
        die("allocation too large");
    p = arena_alloc(a, s.len + 1);
    if (s.len > 0)
        memcpy(p, s.ptr, s.len);
    return (struct str){.ptr = p, .len = s.len};
}

char *arena_cstr(struct arena *a, struct str s) {
    char *p;

    if (s.len == SIZE_MAX)
        die("allocation too large");
    if (s.len > 0 && memchr(s.ptr, '\0', s.len))
        return NULL;
    p = arena_alloc(a, s.len + 1);
    if (s.len > 0)
        memcpy(p, s.ptr, s.len);
    return p;
}

struct str arena_vprintf(struct arena *a, const char *fmt, va_list args) {
    va_list again;
    int len;
    char *p;

    va_copy(again, args);
    len = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (len < 0)
        die("bad format");
    p = arena_alloc(a, (size_t)len + 1);
    (void)vsnprintf(p, (size_t)len + 1, fmt, args);
    return (struct str){.ptr = p, .len = (size_t)len};
}

struct str arena_printf(struct arena *a, const char *fmt, ...) {
    struct str s;
    va_list args;

    va_start(args, fmt);
    s = arena_vprintf(a, fmt, args);
    va_end(args);
    return s;
}
