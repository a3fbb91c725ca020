/* tree.h - how a parsed value lies in memory: sixteen bytes, children side by side. Private to
 * json/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "json/json.h"

enum {
    OBJECT_LINEAR_MAX =
        16, /* members up to which looking at each is quicker than searching an index */
};

struct object;

struct json {
    enum json_type type;
    uint32_t len; /* bytes of a string, elements of an array, members of an object */
    union {
        bool boolean;
        int64_t integer;
        double real;
        const char *text;
        const struct json *items;
        const struct object *object;
    } u;
};

struct member {
    const char *key;
    uint32_t key_len;
    struct json value;
};

struct object {
    const struct member *const *sorted; /* by member_cmp; NULL up to OBJECT_LINEAR_MAX members */
    const struct member *members;       /* in text order, keys are unique */
};

/* Any total order serves; short keys first saves most calls of memcmp. */
int member_key_cmp(struct str a, struct str b);

/* Copies n members into a and makes an object of them. False when a key is repeated and that is not
 * allowed. */
bool object_build(struct arena *a, const struct member *from, size_t n, bool allow_duplicates,
                  struct json *ret);

static inline struct str member_key(const struct member *m) {
    return (struct str){.ptr = m->key, .len = m->key_len};
}
