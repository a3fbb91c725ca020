/* object.c - makes an object of its members: repeated keys found, big objects indexed. Keys may be
 * hostile (a body of 200,000 of them is within limits), so the index is sorted, not hashed.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "json/tree.h"

int member_key_cmp(struct str a, struct str b) {
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return a.len > 0 ? memcmp(a.ptr, b.ptr, a.len) : 0;
}

/* Equal keys come in text order: addresses are positions. */
static int sorted_cmp(const void *a, const void *b) {
    const struct member *x = *(const struct member *const *)a;
    const struct member *y = *(const struct member *const *)b;
    int order = member_key_cmp(member_key(x), member_key(y));

    return order != 0 ? order : (x > y) - (x < y);
}

static const struct member **sort_members(struct arena *a, const struct member *members, size_t n) {
    const struct member **sorted = arena_array_of(a, n, const struct member *);

    for (size_t i = 0; i < n; i++)
        sorted[i] = &members[i];
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are what is sorted */
    qsort(sorted, n, sizeof(*sorted), sorted_cmp);
    return sorted;
}

static bool same_key(const struct member *a, const struct member *b) {
    return str_eq(member_key(a), member_key(b));
}

static bool has_repeat_sorted(const struct member *const *sorted, size_t n) {
    for (size_t i = 1; i < n; i++) {
        if (same_key(sorted[i - 1], sorted[i]))
            return true;
    }
    return false;
}

static bool has_repeat(const struct member *members, size_t n) {
    for (size_t i = 1; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            if (same_key(&members[j], &members[i]))
                return true;
        }
    }
    return false;
}

/* The last value of a repeated key takes the place of the first one. Returns how many members are
 * left. */
static size_t merge_repeats(struct arena *a, struct member *members, size_t n) {
    const struct member **sorted = sort_members(a, members, n);
    bool *gone = arena_array_of(a, n, bool);
    size_t kept = 0;

    for (size_t i = 0, last; i < n; i = last + 1) {
        size_t first_at = (size_t)(sorted[i] - members);

        last = i;
        while (last + 1 < n && same_key(sorted[i], sorted[last + 1]))
            gone[sorted[++last] - members] = true;
        members[first_at].value = sorted[last]->value;
    }
    for (size_t i = 0; i < n; i++) {
        if (!gone[i])
            members[kept++] = members[i];
    }
    return kept;
}

bool object_build(struct arena *a, const struct member *from, size_t n, bool allow_duplicates,
                  struct json *ret) {
    struct object *object = arena_new_of(a, struct object);
    struct member *members = arena_array_of(a, n, struct member);
    const struct member **sorted = NULL;

    if (n > 0)
        memcpy(members, from, n * sizeof(*members));
    if (n > OBJECT_LINEAR_MAX)
        sorted = sort_members(a, members, n);
    if (sorted ? has_repeat_sorted(sorted, n) : has_repeat(members, n)) {
        if (!allow_duplicates)
            return false;
        n = merge_repeats(a, members, n);
        sorted = n > OBJECT_LINEAR_MAX ? sort_members(a, members, n) : NULL;
    }
    object->members = members;
    object->sorted = sorted;
    ret->type = JSON_OBJECT;
    ret->len = (uint32_t)n;
    ret->u.object = object;
    return true;
}
