/* fuzz_twilio.c - any bytes as a webhook of Twilio's: its signature holds and another does not, what is emitted keeps the promises
 * of provider.h, and the same bytes mean the same twice. The same bytes as an answer have an outcome.
 * SPDX-License-Identifier: Apache-2.0 */
#include "crypto/crypto.h"
#include "support/fuzz_reply.h"
#include "support/invariants.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    struct arena *arena;
    size_t n;
    uint64_t keys; /* hash over all dedup keys */
};

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    struct err e = ERR_INIT;

    (void)argc;
    (void)argv;
    return crypto_init(&e) == ST_OK ? 0 : -1;
}

static enum status check_event(void *ctx, const struct inbound *ev, struct err *e) {
    struct seen *s = ctx;

    (void)e;
    invariants_of_event(s->arena, ev);
    s->keys = s->keys * 31 + str_hash(ev->dedup);
    s->n++;
    return ST_OK;
}

static struct seen parse(struct arena *a, const struct hook *hook) {
    struct seen s = {.arena = a};
    struct inbound_sink sink = {.event = check_event, .ctx = &s};
    struct err e = ERR_INIT;
    enum status st = provider_twilio.parse(a, hook, &sink, &e);

    PROMISE(st == ST_OK || (st == ST_INVALID && s.n == 0 && e.message[0] != '\0'));
    return s;
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
    struct seen first, again;

    PROMISE(provider_twilio.verify(&channel, &hook, NULL) == ST_DENIED);
    hook.query = bytes;
    first = parse(&a, &hook);
    again = parse(&a, &hook);
    PROMISE(first.n == again.n && first.keys == again.keys);
    check_answer(&a, bytes);
    return 0;
}
