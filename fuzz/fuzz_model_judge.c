/* fuzz_model_judge.c - any answer of a chat model has an outcome; what counts as answered says
 * something, and its texts can be stored.
 * SPDX-License-Identifier: Apache-2.0 */
#include "provider/model.h"
#include "support/fuzz_reply.h"
#include "support/invariants.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct http_header header = {0};
    const struct http_reply reply =
        fuzz_reply((struct str){.ptr = (const char *)data, .len = size}, &header);
    struct model_answer r;

    model_judge(&a, &reply, &r);
    PROMISE(r.outcome <= MODEL_FAILED);
    PROMISE(invariants_is_text(r.text) && invariants_is_text(r.tool_name));
    PROMISE(invariants_is_text(r.reason) && invariants_is_text(r.cause));
    PROMISE((r.outcome == MODEL_ANSWERED) == (r.cause.len == 0));
    PROMISE((r.outcome == MODEL_ANSWERED) == (r.reason.len == 0));
    PROMISE(r.outcome != MODEL_ANSWERED || str_trim(r.text).len > 0 || r.tool_name.len > 0);
    PROMISE(r.outcome == MODEL_RETRY || r.retry_after_ms == 0);
    PROMISE(!r.tool_arguments || json_type(r.tool_arguments) == JSON_OBJECT);
    PROMISE(!r.tool_arguments || r.tool_name.len > 0);
    PROMISE(reply.phase == HTTP_REPLIED || r.outcome == MODEL_RETRY);
    return 0;
}
