/* fake_http.h - an HTTP server in a thread of the test's own, on a port of the kernel's choice: gives every request the answer
 * that was set, keeps the last one's body and counts them.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"

struct fake_reply {
    unsigned status;
    const char *headers; /* more lines, each ended by \r\n; may be NULL */
    const char *body;
    bool is_cut; /* the request is read, the connection is closed without an answer */
};

struct fake_http;
/* A failure ends the test program. */
struct fake_http *fake_http_start(void);
void fake_http_stop(struct fake_http *s);
/* "http://127.0.0.1:PORT" in a. */
struct str fake_http_url(struct arena *a, const struct fake_http *s);
/* From now on; texts stay the caller's. */
void fake_http_answer(struct fake_http *s, struct fake_reply reply);
/* Called on the server's thread between a request and its answer; NULL: none. */
void fake_http_during(struct fake_http *s, void (*fn)(void *arg), void *arg);
size_t fake_http_count(struct fake_http *s);
/* Body of the last request, in a. */
struct str fake_http_body(struct arena *a, struct fake_http *s);
