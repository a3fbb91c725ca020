/* totp.h - time-based one-time codes (RFC 6238, SHA-1, steps of 30 s); private to tenant/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"

enum { TOTP_STEP_MS = 30000, TOTP_DIGITS = 6, TOTP_DIGITS_MAX = 8, TOTP_SECRET_BYTES = 20 };

/* The code of a time step, with leading zeros. */
struct str totp_code(struct arena *a, struct str secret, int64_t step, unsigned digits);
/* The step within one of now's, and after `last`, whose code this is; -1: none. */
int64_t totp_find_step(struct str secret, struct str code, int64_t now_ms, int64_t last);
/* RFC 4648 §6, without padding. */
struct str totp_base32(struct arena *a, struct str bytes);
