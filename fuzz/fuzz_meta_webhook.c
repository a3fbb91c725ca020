/* fuzz_meta_webhook.c - any bytes as a webhook of Meta's: a right signature holds, a changed one
 * does not, and what is emitted keeps the promises of provider.h; the same bytes mean the same
 * twice.
 * SPDX-License-Identifier: Apache-2.0 */
#include "crypto/crypto.h"
#include "support/invariants.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct channel channel = {.app_secret = STR("fuzz")};

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    struct err e = ERR_INIT;

    (void)argc;
    (void)argv;
    return crypto_init(&e) == ST_OK ? 0 : -1;
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    const struct str body = {.ptr = (const char *)data, .len = size};

    check_signature(&a, body);
    invariants_of_hook(&a, &provider_meta, &(struct hook){.body = body});
    return 0;
}
