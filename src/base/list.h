/* list.h - intrusive doubly linked list. The node sits in the object; the list owns nothing.
 * Callers lock.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct list_node {
    struct list_node *prev, *next;
};

struct list {
    struct list_node head; /* circular: an empty list points at itself */
};

static inline void list_init(struct list *l) {
    l->head.prev = l->head.next = &l->head;
}

static inline bool list_is_empty(const struct list *l) {
    return l->head.next == &l->head;
}

static inline void list_insert_before(struct list_node *at, struct list_node *n) {
    n->prev = at->prev;
    n->next = at;
    at->prev->next = n;
    at->prev = n;
}

static inline void list_push(struct list *l, struct list_node *n) {
    list_insert_before(&l->head, n);
}

static inline void list_remove(struct list_node *n) {
    assert(n->prev && n->next); /* it is in a list */
    n->prev->next = n->next;
    n->next->prev = n->prev;
    n->prev = n->next = NULL;
}

/* Removes and returns the oldest node; NULL when empty. */
static inline struct list_node *list_pop(struct list *l) {
    struct list_node *n = l->head.next;

    if (n == &l->head)
        return NULL;
    /* Owners free only nodes that were removed; the analyser loses track of that. */
    list_remove(n); /* NOLINT(clang-analyzer-unix.Malloc) */
    return n;
}

#define LIST_ITEM(node, type, member) CONTAINER_OF(node, type, member)
/* Safe against removal of the current node. */
#define LIST_EACH(l, n)                                                                            \
    for (struct list_node *n = (l)->head.next, *n##_next = n->next; n != &(l)->head;               \
         n = n##_next, n##_next = n->next)
