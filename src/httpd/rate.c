/* rate.c - the buckets. SHARDS tables, each with its lock, a hash index over a fixed array of
 * slots and a list of them by last use. A bucket keeps the time at which it is full again (the
 * "virtual scheduling" form of a leaky bucket), so there is nothing to refill and one number to
 * keep.
 * SPDX-License-Identifier: Apache-2.0 */
#include "httpd/rate.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"

enum {
    SHARDS = 16,
    SLOTS = 1024, /* a shard; 16,384 callers in all, 56 bytes each */
    NONE = 0xffff,
    MINUTE_US = 60 * 1000 * 1000,
};

struct slot {
    struct list_node node; /* in shard.by_use, oldest first */
    struct rate_key key;
    uint16_t next; /* in the same hash chain */
    bool is_used;
    int64_t full_at_us;
};

struct shard {
    pthread_mutex_t lock;
    struct list by_use;
    uint16_t heads[SLOTS];
    struct slot slots[SLOTS];
};

struct rates {
    uint64_t seed;
    struct shard shards[SHARDS];
};

struct rates *rates_new(uint64_t seed) {
    struct rates *r = calloc(1, sizeof(*r));

    if (!r)
        abort();
    r->seed = seed;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *s = &r->shards[i];

        (void)pthread_mutex_init(&s->lock, NULL);
        list_init(&s->by_use);
        memset(s->heads, 0xff, sizeof(s->heads));
        for (size_t n = 0; n < SLOTS; n++)
            list_push(&s->by_use, &s->slots[n].node);
    }
    return r;
}

void rates_free(struct rates *r) {
    if (!r)
        return;
    for (size_t i = 0; i < SHARDS; i++)
        (void)pthread_mutex_destroy(&r->shards[i].lock);
    free(r);
}

static uint64_t mix(uint64_t a, uint64_t b) {
    unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_key(const struct rates *r, const struct rate_key *key) {
    uint64_t halves[2];

    memcpy(halves, key->id, sizeof(halves));
    return mix(mix(halves[0] ^ r->seed, halves[1] ^ 0x9e3779b97f4a7c15u) ^ key->scope, r->seed | 1);
}

static bool key_eq(const struct rate_key *a, const struct rate_key *b) {
    return a->scope == b->scope && memcmp(a->id, b->id, sizeof(a->id)) == 0;
}

static struct slot *find_slot(struct shard *s, uint16_t head, const struct rate_key *key) {
    for (uint16_t i = s->heads[head]; i != NONE; i = s->slots[i].next) {
        if (key_eq(&s->slots[i].key, key))
            return &s->slots[i];
    }
    return NULL;
}

static void unlink_slot(struct shard *s, uint16_t head, uint16_t index) {
    uint16_t *at = &s->heads[head];

    while (*at != index)
        at = &s->slots[*at].next;
    *at = s->slots[index].next;
}

static uint16_t head_of(uint64_t hash) {
    return (uint16_t)(hash / SHARDS % SLOTS);
}

static void touch(struct shard *s, struct slot *slot) {
    list_remove(&slot->node);
    list_push(&s->by_use, &slot->node);
}

/* Gives the slot that was used longest ago to key. A caller thrown out comes back with a full
 * bucket: that is the price of a bounded table. */
static struct slot *claim_slot(struct rates *r, struct shard *s, uint16_t head,
                               const struct rate_key *key) {
    struct slot *slot = LIST_ITEM(s->by_use.head.next, struct slot, node);
    uint16_t index = (uint16_t)(slot - s->slots);

    if (slot->is_used)
        unlink_slot(s, head_of(hash_key(r, &slot->key)), index);
    slot->key = *key;
    slot->is_used = true;
    slot->full_at_us = 0;
    slot->next = s->heads[head];
    s->heads[head] = index;
    touch(s, slot);
    return slot;
}

/* How long until the bucket has a token, in microseconds; 0 or less: it has one. */
static int64_t lack_us(int64_t full_at_us, uint32_t per_min, int64_t now_us) {
    int64_t step_us = MINUTE_US / per_min;
    int64_t full_us = full_at_us > now_us ? full_at_us : now_us;

    return full_us + step_us - (now_us + step_us * per_min);
}

static uint32_t to_wait_ms(int64_t us) {
    return us <= 0 ? 0 : (uint32_t)((us + 999) / 1000);
}

uint32_t rates_take(struct rates *r, struct rate_key key, uint32_t per_min, int64_t now_ms) {
    uint64_t hash = hash_key(r, &key);
    struct shard *s = &r->shards[hash % SHARDS];
    uint16_t head = head_of(hash);
    int64_t now_us = now_ms * 1000, lack;
    struct slot *slot;

    (void)pthread_mutex_lock(&s->lock);
    slot = find_slot(s, head, &key);
    if (slot)
        touch(s, slot);
    else
        slot = claim_slot(r, s, head, &key);
    lack = lack_us(slot->full_at_us, per_min, now_us);
    if (lack <= 0)
        slot->full_at_us =
            (slot->full_at_us > now_us ? slot->full_at_us : now_us) + MINUTE_US / per_min;
    (void)pthread_mutex_unlock(&s->lock);
    return to_wait_ms(lack);
}

uint32_t rates_peek(struct rates *r, struct rate_key key, uint32_t per_min, int64_t now_ms) {
    uint64_t hash = hash_key(r, &key);
    struct shard *s = &r->shards[hash % SHARDS];
    int64_t lack = 0;
    struct slot *slot;

    (void)pthread_mutex_lock(&s->lock);
    slot = find_slot(s, head_of(hash), &key);
    if (slot)
        lack = lack_us(slot->full_at_us, per_min, now_ms * 1000);
    (void)pthread_mutex_unlock(&s->lock);
    return to_wait_ms(lack);
}
