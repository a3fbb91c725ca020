/* rate.h - token buckets per caller in a table of fixed size: the caller least recently seen
 * makes room. Any thread. Private to httpd.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { RATE_ID_BYTES = 16 };

struct rates;

struct rate_key {
    uint8_t id[RATE_ID_BYTES]; /* address or principal */
    uint32_t scope;            /* which limit: callers of two limits have two buckets */
};

struct rates *rates_new(uint64_t seed); /* secret, so that nobody aims at one slot */
void rates_free(struct rates *r);

/* Takes one token from a bucket that holds per_min and refills evenly. 0: granted; else
 * milliseconds until the next. */
uint32_t rates_take(struct rates *r, struct rate_key key, uint32_t per_min, int64_t now_ms);
/* The same without taking one. */
uint32_t rates_peek(struct rates *r, struct rate_key key, uint32_t per_min, int64_t now_ms);
