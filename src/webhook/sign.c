/* sign.c - secrets and signatures of Standard Webhooks (github.com/standard-webhooks/standard-webhooks, spec 1.0): "whsec_"
 * and base64 of the key; HMAC-SHA256 over "id.timestamp.body", in base64 behind "v1,".
 * SPDX-License-Identifier: Apache-2.0 */
#include "webhook/store.h"

#define PREFIX "whsec_"

enum { SECRET_BYTES = 32 };

struct str secret_new(struct arena *a) {
    char *key = arena_alloc(a, SECRET_BYTES);
    struct str text;

    crypto_random(key, SECRET_BYTES);
    text = crypto_base64(a, (struct str){key, SECRET_BYTES});
    crypto_wipe(key, SECRET_BYTES);
    return arena_printf(a, PREFIX "%.*s", STR_ARG(text));
}

enum status webhook_sign(struct arena *a, struct str secret, struct str id, int64_t timestamp_s,
                         struct str body, struct str *ret, struct err *e) {
    uint8_t mac[SHA256_BYTES];
    struct str key, text, head;

    if (!str_eat(&secret, STR(PREFIX)) || !crypto_unbase64(a, secret, &key) || key.len == 0)
        FAIL(e, ST_BROKEN, "the webhook's secret is not like " PREFIX "…: rotate it");
    head = arena_printf(a, "%.*s.%lld.", STR_ARG(id), (long long)timestamp_s);

    char *signed_text = arena_alloc(a, head.len + body.len + 1);

    memcpy(signed_text, head.ptr, head.len);
    if (body.len > 0)
        memcpy(signed_text + head.len, body.ptr, body.len);
    crypto_hmac_sha256(key, (struct str){signed_text, head.len + body.len}, mac);
    text = crypto_base64(a, (struct str){(const char *)mac, sizeof(mac)});
    *ret = arena_printf(a, "v1,%.*s", STR_ARG(text));
    return ST_OK;
}
