/* breaker.c - the three states of a circuit.
 * SPDX-License-Identifier: Apache-2.0 */
#include "httpc/breaker.h"

void breaker_init(struct breaker *b, unsigned max_failures) {
    *b = (struct breaker){
        .state = BREAKER_CLOSED, .pause_ms = BREAKER_PAUSE_MS, .max_failures = max_failures};
}

bool breaker_refuses(const struct breaker *b, int64_t now_ms) {
    switch (b->state) {
    case BREAKER_CLOSED:
        return false;
    case BREAKER_PROBING:
        return true;
    case BREAKER_OPEN:
        return now_ms < b->open_until_ms;
    }
    return false;
}

bool breaker_admit(struct breaker *b, int64_t now_ms) {
    if (breaker_refuses(b, now_ms))
        return false;
    if (b->state == BREAKER_OPEN)
        b->state = BREAKER_PROBING;
    return true;
}

static void open_circuit(struct breaker *b, int64_t now_ms) {
    b->state = BREAKER_OPEN;
    b->open_until_ms = now_ms + b->pause_ms;
    b->pause_ms = b->pause_ms > BREAKER_MAX_PAUSE_MS / 2 ? BREAKER_MAX_PAUSE_MS : b->pause_ms * 2;
}

static void close_circuit(struct breaker *b) {
    b->state = BREAKER_CLOSED;
    b->failures = 0;
    b->pause_ms = BREAKER_PAUSE_MS;
}

bool breaker_report(struct breaker *b, enum breaker_outcome outcome, bool probing, int64_t now_ms) {
    if (probing && outcome == BREAKER_NEUTRAL) { /* the next call probes in its stead */
        b->state = BREAKER_OPEN;
        b->open_until_ms = now_ms;
        return false;
    }
    if (outcome == BREAKER_NEUTRAL)
        return false;
    if (outcome == BREAKER_GOOD) { /* also a straggler's: the peer is there */
        close_circuit(b);
        return false;
    }
    b->failures++;
    if (probing || (b->state == BREAKER_CLOSED && b->failures >= b->max_failures)) {
        open_circuit(b, now_ms);
        return true;
    }
    return false;
}

uint32_t breaker_wait_ms(const struct breaker *b, int64_t now_ms) {
    int64_t left = b->open_until_ms - now_ms;

    if (b->state == BREAKER_OPEN && left > 0)
        return (uint32_t)left;
    return 1000; /* a probe is under way; its end is not known */
}
