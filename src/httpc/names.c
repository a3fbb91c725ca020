/* names.c - chained hash table with lazy forgetting.
 * SPDX-License-Identifier: Apache-2.0 */
#include "httpc/names.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

struct name_entry *names_find(const struct names *t, struct str name) {
    uint64_t hash = str_hash(name);

    for (struct name_entry *e = t->buckets[hash % NAMES_BUCKETS]; e; e = e->next) {
        if (e->hash == hash && str_eq(e->name, name))
            return e;
    }
    return NULL;
}

static void entry_free(struct names *t, struct name_entry *e) {
    free((void *)(uintptr_t)e->name.ptr);
    t->free_fn(e);
    t->n--;
}

static void forget_idle(struct names *t) {
    for (size_t i = 0; i < NAMES_BUCKETS; i++) {
        struct name_entry **at = &t->buckets[i];

        while (*at) {
            struct name_entry *e = *at;

            if (t->is_idle(e)) {
                *at = e->next;
                entry_free(t, e);
            } else {
                at = &e->next;
            }
        }
    }
}

void names_add(struct names *t, struct name_entry *e, struct str name) {
    struct name_entry **bucket;
    char *copy = malloc(name.len + 1);

    if (!copy)
        abort();
    if (name.len > 0)
        memcpy(copy, name.ptr, name.len);
    if (t->n >= NAMES_MAX)
        forget_idle(t);
    e->name = (struct str){.ptr = copy, .len = name.len};
    e->hash = str_hash(name);
    bucket = &t->buckets[e->hash % NAMES_BUCKETS];
    e->next = *bucket;
    *bucket = e;
    t->n++;
}

void names_done(struct names *t) {
    for (size_t i = 0; i < NAMES_BUCKETS; i++) {
        while (t->buckets[i]) {
            struct name_entry *e = t->buckets[i];

            t->buckets[i] = e->next;
            entry_free(t, e);
        }
    }
}
