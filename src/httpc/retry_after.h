/* retry_after.h - how long a peer asks us to wait.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "httpc/httpc.h"

/* From retry-after-ms, else Retry-After (RFC 9110 §10.2.3: seconds, here also with a fraction, or
 * an HTTP date); between 0 and RETRY_AFTER_MAX_MS; -1 when neither is there or both make no
 * sense. */
int64_t retry_after_ms(const struct http_header *headers, size_t n, int64_t now_ms);

enum { RETRY_AFTER_MAX_MS = 7 * 24 * 3600 * 1000 };
