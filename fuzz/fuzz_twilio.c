/* fuzz_twilio.c - any bytes as a webhook of Twilio's: its signature holds and another does not, what is emitted keeps the promises
 * of provider.h, and the same bytes mean the same twice. The same bytes as an answer have an outcome.
 * SPDX-License-Identifier: Apache-2.0 */
#include "crypto/crypto.h"
#include "support/fuzz_reply.h"
#include "support/invariants.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    struct err e = ERR_INIT;

    (void)argc;
    (void)argv;
    return crypto_init(&e) == ST_OK ? 0 : -1;
}

/* As the answer to each of the questions. */
static void check_hook(struct arena *a, const struct http_reply *reply) {
    static const char *const after[] = {"", "senders?Page=1", "number"};
    struct channel ch = {.address = STR("1"),
                         .service = STR("MG0123456789abcdef0123456789abcdef"),
                         .hook_url = STR("https://x.test/webhooks/twilio/1")};
    struct hook_answer answer;

    for (size_t i = 0; i < ARRAY_LEN(after); i++) {
        provider_twilio.judge_hook(a, &ch, str_of(after[i]), reply, &answer);
        invariants_of_hook_answer(&answer);
    }
}

static void check_answer(struct arena *a, struct str bytes) {
    struct http_header header = {0};
    const struct http_reply reply = fuzz_reply(bytes, &header);
    bool is_2xx = reply.status >= 200 && reply.status < 300;
    struct template_answer list;
    struct send_result r;

    provider_twilio.judge(a, &reply, &r);
    invariants_of_result(&r);
    PROMISE(r.outcome != SEND_ACCEPTED || is_2xx);
    PROMISE(reply.phase != HTTP_CUT || r.outcome == SEND_UNCERTAIN);
    PROMISE(reply.phase != HTTP_NOT_SENT || r.outcome == SEND_RETRY);
    provider_twilio.judge_probe(a, &reply, &r);
    invariants_of_result(&r);
    PROMISE(r.outcome != SEND_UNCERTAIN);
    provider_twilio.judge_list_templates(a, &reply, &list);
    PROMISE(list.outcome != SEND_UNCERTAIN);
    provider_meta.judge_list_templates(a, &reply, &list);
    PROMISE(list.outcome != SEND_UNCERTAIN);
    check_hook(a, &reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    const struct channel channel = {.app_secret = STR("fuzz")};
    const struct str bytes = {.ptr = (const char *)data, .len = size};
    struct hook hook = {.method = STR("POST"),
                        .url = STR("https://x.test/hook?m=1"),
                        .query = STR("m=1"),
                        .signature = bytes,
                        .body = bytes};

    PROMISE(provider_twilio.verify(&channel, &hook, NULL) == ST_DENIED);
    hook.query = bytes;
    invariants_of_hook(&a, &provider_twilio, &hook);
    check_answer(&a, bytes);
    return 0;
}
