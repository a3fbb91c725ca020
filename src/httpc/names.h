/* names.h - a small hash table of named things, for the loop's hosts and circuits. The entry sits
 * in the object and owns its name; the table owns the objects through free_fn. One thread.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/str.h"

enum {
    NAMES_BUCKETS = 256,
    NAMES_MAX =
        1024, /* past that many, names_add() first drops what is idle: tenants can invent hosts */
};

struct name_entry {
    struct name_entry *next;
    struct str name;
    uint64_t hash;
};

struct names {
    struct name_entry *buckets[NAMES_BUCKETS];
    size_t n;
    bool (*is_idle)(
        const struct name_entry *e); /* may be forgotten: it says nothing a new one would not */
    void (*free_fn)(struct name_entry *e);
};

struct name_entry *names_find(const struct names *t, struct str name);
/* Takes e, which is not in the table yet, under a copy of name. */
void names_add(struct names *t, struct name_entry *e, struct str name);
void names_done(struct names *t);
