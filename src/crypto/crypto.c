/* crypto.c - digests, HMAC, encodings, tokens and passwords over OpenSSL and libsodium. Algorithms
 * are fetched once in crypto_init(): looking one up by name costs more than hashing a webhook.
 * SPDX-License-Identifier: Apache-2.0 */
#include "crypto/crypto.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PASSWORD_BYTES_MAX = 1024,
    TOKEN_BYTES = 32,
};

static struct {
    pthread_once_t once;
    bool ready;
    EVP_MD *sha256;
    EVP_MAC_CTX *hmac; /* template: copied and keyed for each use */
} lib = {.once = PTHREAD_ONCE_INIT};

static EVP_MAC_CTX *make_hmac(void) {
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                           OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;

    EVP_MAC_free(mac); /* the context holds its own reference */
    if (ctx && !EVP_MAC_CTX_set_params(ctx, params)) {
        EVP_MAC_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

static void init_once(void) {
    if (sodium_init() < 0)
        return;
    lib.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    lib.hmac = make_hmac();
    lib.ready = lib.sha256 && lib.hmac;
}

enum status crypto_init(struct err *e) {
    (void)pthread_once(&lib.once, init_once);
    if (!lib.ready)
        FAIL(e, ST_BROKEN, "could not start OpenSSL and libsodium");
    return ST_OK;
}

/* For what can only fail for want of memory. */
static void must(bool ok) {
    if (ok)
        return;
    (void)fputs("crypto: a primitive failed\n", stderr);
    abort();
}

void crypto_random(void *out, size_t n) {
    randombytes_buf(out, n);
}

bool crypto_eq(const void *a, const void *b, size_t n) {
    return n == 0 || sodium_memcmp(a, b, n) == 0;
}

void crypto_wipe(void *p, size_t n) {
    if (n > 0)
        sodium_memzero(p, n);
}

void crypto_sha256(struct str data, uint8_t out[static SHA256_BYTES]) {
    assert(lib.ready);
    must(EVP_Digest(data.ptr, data.len, out, NULL, lib.sha256, NULL));
}

/* The library's context under a name of ours: it is the whole of the digest. */
static EVP_MD_CTX *context_of(struct crypto_digest *d) {
    return (EVP_MD_CTX *)(void *)d;
}

struct crypto_digest *crypto_digest_new(void) {
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    assert(lib.ready);
    must(ctx && EVP_DigestInit_ex2(ctx, lib.sha256, NULL));
    return (struct crypto_digest *)(void *)ctx;
}

void crypto_digest_add(struct crypto_digest *d, struct str piece) {
    must(EVP_DigestUpdate(context_of(d), piece.ptr, piece.len));
}

void crypto_digest_end(struct crypto_digest *d, uint8_t out[static SHA256_BYTES]) {
    must(EVP_DigestFinal_ex(context_of(d), out, NULL));
}

void crypto_digest_free(struct crypto_digest *d) {
    EVP_MD_CTX_free(context_of(d));
}

void crypto_hmac_sha256(struct str key, struct str data, uint8_t out[static SHA256_BYTES]) {
    static const unsigned char no_key[1];
    const unsigned char *bytes = key.len > 0 ? (const unsigned char *)key.ptr : no_key;
    EVP_MAC_CTX *ctx;

    assert(lib.ready);
    ctx = EVP_MAC_CTX_dup(lib.hmac);
    must(ctx && EVP_MAC_init(ctx, bytes, key.len, NULL) &&
         EVP_MAC_update(ctx, (const unsigned char *)data.ptr, data.len) &&
         EVP_MAC_final(ctx, out, NULL, SHA256_BYTES));
    EVP_MAC_CTX_free(ctx);
}

static bool unhex_to(struct str hex, uint8_t *out, size_t n) {
    size_t len;

    return hex.len == 2 * n && sodium_hex2bin(out, n, hex.ptr, hex.len, NULL, &len, NULL) == 0 &&
           len == n;
}

bool crypto_hmac_check_hex(struct str key, struct str data, struct str hex) {
    uint8_t given[SHA256_BYTES], right[SHA256_BYTES];

    if (!unhex_to(hex, given, sizeof(given)))
        return false;
    crypto_hmac_sha256(key, data, right);
    return crypto_eq(given, right, sizeof(right));
}

struct str crypto_hex(struct arena *a, struct str bytes) {
    size_t len = 2 * bytes.len;
    char *text = arena_alloc(a, len + 1);

    sodium_bin2hex(text, len + 1, (const unsigned char *)bytes.ptr, bytes.len);
    return (struct str){.ptr = text, .len = len};
}

bool crypto_unhex(struct arena *a, struct str hex, struct str *ret) {
    uint8_t *bytes = arena_alloc(a, hex.len / 2);

    if (hex.len % 2 != 0 || (hex.len > 0 && !unhex_to(hex, bytes, hex.len / 2)))
        return false;
    *ret = (struct str){.ptr = (const char *)bytes, .len = hex.len / 2};
    return true;
}

static struct str to_base64(struct arena *a, struct str bytes, int variant) {
    size_t size = sodium_base64_encoded_len(bytes.len, variant); /* with a NUL */
    char *text = arena_alloc(a, size);

    sodium_bin2base64(text, size, (const unsigned char *)bytes.ptr, bytes.len, variant);
    return str_of(text);
}

struct str crypto_base64(struct arena *a, struct str bytes) {
    return to_base64(a, bytes, sodium_base64_VARIANT_ORIGINAL);
}

struct str crypto_base64url(struct arena *a, struct str bytes) {
    return to_base64(a, bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* Drops the padding; false when there is some, but not what RFC 4648 section 4 asks for. */
static bool drop_padding(struct str *text) {
    size_t len = text->len, padding = 0;

    while (padding < 2 && padding < len && text->ptr[len - 1 - padding] == '=')
        padding++;
    *text = str_sub(*text, 0, len - padding);
    return padding == 0 || len % 4 == 0;
}

bool crypto_unbase64(struct arena *a, struct str text, struct str *ret) {
    uint8_t *bytes;
    char *copy;
    size_t len;

    if (!drop_padding(&text))
        return false;
    copy = arena_alloc(a, text.len + 1);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        copy[i] = (char)(c == '-' ? '+' : c == '_' ? '/' : c);
    }
    bytes = arena_alloc(a, text.len);
    if (sodium_base642bin(bytes, text.len, copy, text.len, NULL, &len, NULL,
                          sodium_base64_VARIANT_ORIGINAL_NO_PADDING) != 0)
        return false;
    *ret = (struct str){.ptr = (const char *)bytes, .len = len};
    return true;
}

struct str crypto_token(struct arena *a) {
    char bytes[TOKEN_BYTES];

    crypto_random(bytes, sizeof(bytes));
    return crypto_base64url(a, (struct str){.ptr = bytes, .len = sizeof(bytes)});
}

void crypto_token_digest(struct str token, uint8_t out[static SHA256_BYTES]) {
    crypto_sha256(token, out);
}

static _Atomic uint64_t password_hashes;

uint64_t crypto_password_hashes(void) {
    return atomic_load_explicit(&password_hashes, memory_order_relaxed);
}

enum status crypto_password_hash(struct arena *a, struct str password, struct str *ret_text,
                                 struct err *e) {
    char *text = arena_alloc(a, crypto_pwhash_STRBYTES);

    if (password.len == 0 || password.len > PASSWORD_BYTES_MAX)
        FAIL(e, ST_INVALID, "could not hash password: %zu bytes, wants 1 to %d", password.len,
             PASSWORD_BYTES_MAX);
    atomic_fetch_add_explicit(&password_hashes, 1, memory_order_relaxed);
    if (crypto_pwhash_str(text, password.ptr, password.len, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                          crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0)
        FAIL(e, ST_UNAVAILABLE, "could not hash password: out of memory");
    *ret_text = str_of(text);
    return ST_OK;
}

bool crypto_password_check(struct str password, struct str text) {
    char stored[crypto_pwhash_STRBYTES] = {0};

    if (password.len == 0 || password.len > PASSWORD_BYTES_MAX || text.len == 0 ||
        text.len >= sizeof(stored))
        return false;
    memcpy(stored, text.ptr, text.len);
    atomic_fetch_add_explicit(&password_hashes, 1, memory_order_relaxed);
    return crypto_pwhash_str_verify(stored, password.ptr, password.len) == 0;
}

void crypto_password_check_dummy(struct str password) {
    /* Of random bytes that nobody kept; with crypto_password_hash()'s limits, else it would take
     * another time. */
    static const char nobody[] = "$argon2id$v=19$m=65536,t=2,p=1$FQqgprA+nJjn9oOajfEgGw$"
                                 "mFsAf9voZ5PiAhSgWFcc2rBfaBNl5YBf5GShwRvn0OE";

    (void)crypto_password_check(password, str_of(nobody));
}
