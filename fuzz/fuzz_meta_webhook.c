/* fuzz_meta_webhook.c - any bytes as a webhook of Meta's: a right signature holds, a changed one
 * does not, and what is emitted keeps the promises of provider.h; the same bytes mean the same
 * twice.
 * SPDX-License-Identifier: Apache-2.0 */
#include "crypto/crypto.h"
#include "support/invariants.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct channel channel = {.app_secret = STR("fuzz")};

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

static enum status verify(struct str header, struct str body) {
    return provider_meta.verify(&channel, &(struct hook){.signature = header, .body = body}, NULL);
}

static void check_signature(struct arena *a, struct str body) {
    uint8_t mac[SHA256_BYTES];
    struct str hex, header;

    crypto_hmac_sha256(channel.app_secret, body, mac);
    hex = crypto_hex(a, (struct str){.ptr = (const char *)mac, .len = sizeof(mac)});
    header = arena_printf(a, "sha256=%.*s", STR_ARG(hex));
    PROMISE(verify(header, body) == ST_OK);
    PROMISE(verify(str_sub(header, 0, header.len - 1), body) == ST_DENIED);
    PROMISE(verify(body, body) == ST_DENIED);
}

static struct seen parse(struct arena *a, struct str body) {
    struct seen s = {.arena = a};
    struct inbound_sink sink = {.event = check_event, .ctx = &s};
    struct err e = ERR_INIT;
    enum status st = provider_meta.parse(a, &(struct hook){.body = body}, &sink, &e);

    PROMISE(st == ST_OK || (st == ST_INVALID && s.n == 0 && e.message[0] != '\0'));
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    const struct str body = {.ptr = (const char *)data, .len = size};
    struct seen first, again;

    check_signature(&a, body);
    first = parse(&a, body);
    again = parse(&a, body);
    PROMISE(first.n == again.n && first.keys == again.keys);
    return 0;
}
