/* breaker.h - a circuit per provider or host: after enough failures in a row calls fail at once
 * instead of waiting for timeouts; after a pause one call probes whether the peer is back.
 *
 *   closed --BREAKER_FAILURES bad in a row--> open --pause over--> probing --good--> closed
 *                                              ^----------bad, pause doubled---'
 * The loop's thread only. Times are clock_mono_ms(), given by the caller.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "httpc/names.h"

enum {
    BREAKER_FAILURES = 10,
    BREAKER_PAUSE_MS = 5000,
    BREAKER_MAX_PAUSE_MS = 60000,
};

enum breaker_outcome {
    BREAKER_GOOD,    /* the peer answered with anything below 500 */
    BREAKER_BAD,     /* not reached, cut off, timed out, 5xx */
    BREAKER_NEUTRAL, /* says nothing about the peer: refused by us, reply too large, cancelled */
};

struct breaker {
    struct name_entry entry;
    enum { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_PROBING } state;
    unsigned max_failures;
    unsigned failures; /* in a row */
    unsigned users;    /* calls that hold a pointer to it */
    uint32_t pause_ms; /* of the current or next opening */
    int64_t open_until_ms;
};

void breaker_init(struct breaker *b, unsigned max_failures);
/* Whether a call would be refused now. */
bool breaker_refuses(const struct breaker *b, int64_t now_ms);
/* Whether a call may go now. A true answer of an open circuit begins the probe (state is then
 * probing): that call must report as the probe. */
bool breaker_admit(struct breaker *b, int64_t now_ms);
/* True when this outcome has just opened the circuit. probing: the call was let through by
 * breaker_admit() while probing; late reports of calls begun earlier do not decide the probe. */
bool breaker_report(struct breaker *b, enum breaker_outcome outcome, bool probing, int64_t now_ms);
/* Milliseconds until a refused call is worth repeating, at least 1. */
uint32_t breaker_wait_ms(const struct breaker *b, int64_t now_ms);
