/* uuid.h - UUID version 7 (RFC 9562): 48 bits of milliseconds, then random; sorts by time of birth.
 * Ids of different things are different one-field structs, so that one cannot pass for another.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

enum {
    UUID_BYTES = 16,
    UUID_TEXT_BYTES = 36, /* without a NUL */
};

struct uuid {
    uint8_t bytes[UUID_BYTES];
};

/* A new version 7 id; ids made in one process are strictly increasing. Any thread. */
struct uuid uuid_new(void);
/* One with a given time (milliseconds UTC, 0 to 2^48 - 1) in front; increasing while the same time
 * is given. */
struct uuid uuid_new_at(int64_t now_ms);
bool uuid_is_nil(struct uuid u);
bool uuid_eq(struct uuid a, struct uuid b);
int uuid_cmp(struct uuid a, struct uuid b);
/* Milliseconds UTC a version 7 id was born at. */
int64_t uuid_time_ms(struct uuid u);

/* Lower-case text with dashes, in a. */
struct str uuid_format(struct arena *a, struct uuid u);
void uuid_format_to(struct uuid u, char out[static UUID_TEXT_BYTES]);
/* Text form, any letter case; false when it is not a UUID. */
bool uuid_parse(struct str s, struct uuid *ret);

#define ID_TYPE(name)                                                                              \
    struct name {                                                                                  \
        struct uuid v;                                                                             \
    }
