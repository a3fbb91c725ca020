/* fuzz_meta_judge.c - any answer to a send or a probe has an outcome, and none that claims more
 * than the answer says: accepted only with 2xx, retry never after a cut.
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/fuzz_reply.h"
#include "support/invariants.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct http_header header = {0};
    const struct str bytes = {.ptr = (const char *)data, .len = size};
    const struct http_reply reply = fuzz_reply(bytes, &header);
    bool is_2xx = reply.status >= 200 && reply.status < 300;
    struct send_result r;

    provider_meta.judge(&a, &reply, &r);
    invariants_of_result(&r);
    PROMISE(r.outcome != SEND_ACCEPTED || is_2xx);
    PROMISE(reply.phase != HTTP_CUT || r.outcome == SEND_UNCERTAIN);
    PROMISE(reply.phase != HTTP_NOT_SENT || r.outcome == SEND_RETRY);

    provider_meta.judge_probe(&a, &reply, &r);
    invariants_of_result(&r);
    PROMISE(r.outcome != SEND_UNCERTAIN);
    PROMISE(r.outcome != SEND_ACCEPTED || is_2xx);

    provider_meta.explain(&a, reply.retry_after_ms, bytes, &r);
    invariants_of_result(&r);
    return 0;
}
