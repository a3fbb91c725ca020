/* uuid.c - version 7 ids, RFC 9562 section 6.2, method 1: rand_a and the top of rand_b are a
 * counter.
 *
 *   48 milliseconds | 4 version | 12 counter, high | 2 variant | 14 counter, low | 48 random
 *
 * Invariants: 1. (milliseconds, counter) of one process only grows, also when the clock steps back:
 * then the last millisecond is kept and the counter goes on. 2. Each new millisecond starts the
 * counter at random below half of its 26 bits, so that 33 million ids a millisecond fit before it
 * borrows the next one. 3. A forked child drops the pool of random bytes it inherited, else it
 * would make its parent's ids. 4. Times given by a caller (a row moved from elsewhere) go through a
 * sequence of their own, so that they cannot drag the clock's along.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/uuid.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"

enum {
    COUNTER_BITS = 26,
    RANDOM_BYTES = 6, /* behind the counter */
    POOL_BYTES = 4096,
};

struct sequence {
    int64_t ms;
    uint32_t counter;
};

static struct {
    pthread_mutex_t lock;
    struct sequence clock, given;
    size_t pool_left;
    unsigned char pool[POOL_BYTES];
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void fork_lock(void) {
    (void)pthread_mutex_lock(&state.lock);
}

static void fork_unlock(void) {
    (void)pthread_mutex_unlock(&state.lock);
}

static void fork_child(void) {
    state.pool_left = 0;
    (void)pthread_mutex_unlock(&state.lock);
}

static void register_fork(void) {
    (void)pthread_atfork(fork_lock, fork_unlock, fork_child);
}

static void pool_fill(void) {
    size_t have = 0;

    while (have < POOL_BYTES) {
        ssize_t n = getrandom(state.pool + have, POOL_BYTES - have, 0);

        if (n < 0 && errno != EINTR) {
            perror("uuid: getrandom");
            abort();
        }
        if (n > 0)
            have += (size_t)n;
    }
    state.pool_left = POOL_BYTES;
}

/* Random bytes are handed out once and wiped, so that a memory dump does not tell past ids'
 * neighbours. */
static void take_random(void *out, size_t n) {
    unsigned char *from;

    if (state.pool_left < n)
        pool_fill();
    state.pool_left -= n;
    from = state.pool + state.pool_left;
    memcpy(out, from, n);
    memset(from, 0, n);
}

static void put_be(uint8_t *out, uint64_t v, size_t n) {
    for (size_t i = n; i > 0; i--) {
        out[i - 1] = (uint8_t)v;
        v >>= 8;
    }
}

static void restart(struct sequence *seq, int64_t ms) {
    take_random(&seq->counter, sizeof(seq->counter));
    seq->counter &= (1u << (COUNTER_BITS - 1)) - 1;
    seq->ms = ms;
}

static void step(struct sequence *seq) {
    seq->counter++;
    if (seq->counter >> COUNTER_BITS) {
        seq->counter = 0;
        seq->ms++;
    }
}

static struct uuid from_sequence(const struct sequence *seq) {
    struct uuid u = {0};

    put_be(u.bytes, (uint64_t)seq->ms, 6);
    put_be(u.bytes + 6, 0x7000u | seq->counter >> 14, 2);
    put_be(u.bytes + 8, 0x8000u | (seq->counter & 0x3FFF), 2);
    take_random(u.bytes + 10, RANDOM_BYTES);
    return u;
}

static void lock(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, register_fork);
    (void)pthread_mutex_lock(&state.lock);
}

struct uuid uuid_new(void) {
    int64_t now_ms = clock_now_ms();
    struct uuid u;

    lock();
    if (now_ms > state.clock.ms)
        restart(&state.clock, now_ms);
    else
        step(&state.clock);
    u = from_sequence(&state.clock);
    (void)pthread_mutex_unlock(&state.lock);
    return u;
}

struct uuid uuid_new_at(int64_t now_ms) {
    struct uuid u;

    lock();
    if (now_ms != state.given.ms)
        restart(&state.given, now_ms);
    else
        step(&state.given);
    u = from_sequence(&state.given);
    (void)pthread_mutex_unlock(&state.lock);
    return u;
}

bool uuid_is_nil(struct uuid u) {
    static const struct uuid nil;

    return uuid_eq(u, nil);
}

bool uuid_eq(struct uuid a, struct uuid b) {
    return memcmp(a.bytes, b.bytes, UUID_BYTES) == 0;
}

int uuid_cmp(struct uuid a, struct uuid b) {
    return memcmp(a.bytes, b.bytes, UUID_BYTES);
}

int64_t uuid_time_ms(struct uuid u) {
    int64_t ms = 0;

    for (size_t i = 0; i < 6; i++)
        ms = ms << 8 | u.bytes[i];
    return ms;
}

static bool dash_before(size_t byte) {
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

void uuid_format_to(struct uuid u, char out[static UUID_TEXT_BYTES]) {
    static const char digits[] = "0123456789abcdef";
    char *p = out;

    for (size_t i = 0; i < UUID_BYTES; i++) {
        if (dash_before(i))
            *p++ = '-';
        *p++ = digits[u.bytes[i] >> 4];
        *p++ = digits[u.bytes[i] & 15];
    }
}

struct str uuid_format(struct arena *a, struct uuid u) {
    char *text = arena_alloc(a, UUID_TEXT_BYTES + 1);

    uuid_format_to(u, text);
    return (struct str){.ptr = text, .len = UUID_TEXT_BYTES};
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool uuid_parse(struct str s, struct uuid *ret) {
    struct uuid u;
    const char *p = s.ptr;

    if (s.len != UUID_TEXT_BYTES)
        return false;
    for (size_t i = 0; i < UUID_BYTES; i++) {
        int high, low;

        if (dash_before(i) && *p++ != '-')
            return false;
        high = hex_digit(p[0]);
        low = hex_digit(p[1]);
        if (high < 0 || low < 0)
            return false;
        u.bytes[i] = (uint8_t)(high << 4 | low);
        p += 2;
    }
    *ret = u;
    return true;
}
