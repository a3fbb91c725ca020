/* fuzz_webhook_answer.c - what an endpoint of somebody else answers to a delivery, and the headers by which it asks to wait. No
 * crash; what is kept of it can be stored; only 2xx is delivered, and a wait is never longer than allowed. The input is
 * support/fuzz_reply.h's.
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "base/utf8.h"
#include "httpc/retry_after.h"
#include "support/fuzz_reply.h"
#include "webhook/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct str s, size_t max) {
    assert(s.len <= max && utf8_is_valid(s));
    assert(s.len == 0 || !memchr(s.ptr, '\0', s.len));
}

static void check(struct arena *a, enum status st, const struct http_reply *r,
                  const struct err *e) {
    struct webhook_attempt at;

    attempt_judge(a, st, r, e, &at);
    check_text(at.reply, WEBHOOK_REPLY_BYTES);
    check_text(at.reason, 1024);
    check_text(at.cause, 64);
    assert(at.is_delivered == (st == ST_OK && r->phase == HTTP_REPLIED && r->status / 100 == 2));
    assert(at.is_delivered || (at.cause.len > 0 && at.reason.len > 0));
    assert(at.retry_after_ms >= 0);
    assert(!at.is_gone || at.status == 410);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const int64_t now_ms = INT64_C(1780000000000);
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct str bytes = {.ptr = (const char *)data, .len = size};
    struct http_header header;
    struct http_reply r = fuzz_reply(bytes, &header);
    struct err e = ERR_INIT;
    int64_t wait_ms = retry_after_ms(r.headers, r.n_headers, now_ms);

    assert(wait_ms <= RETRY_AFTER_MAX_MS);
    r.failure = r.body;
    check(&a, ST_OK, &r, &e);
    (void)err_set(&e, ST_UNAVAILABLE, __FILE__, __LINE__, "%.*s",
                  (int)(r.body.len < 200 ? r.body.len : 200), r.body.ptr);
    check(&a, ST_UNAVAILABLE, &r, &e);
    return 0;
}
