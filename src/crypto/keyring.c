/* keyring.c - master keys and what is sealed under them.
 *
 *   version (1) | key id (4) | nonce (24) | ciphertext | tag (16)
 *
 * Invariants: 1. A key's id is derived from the key, so files need not name keys and a wrong key is
 * told from changed bytes. 2. Version, id and `bound` are authenticated with the secret. 3. Nonces
 * are random: 192 bits do not repeat.
 * 4. Keys lie in memory that is locked, left out of core dumps and read-only once the ring is made.
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"

enum {
    SEAL_VERSION = 1,
    KEY_ID_BYTES = 4,
    HEAD_BYTES = 1 + KEY_ID_BYTES,
    NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    KEYS_MAX = 16,
};

_Static_assert(CRYPTO_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key size");

struct key {
    uint8_t id[KEY_ID_BYTES];
    uint8_t bytes[CRYPTO_KEY_BYTES];
};

struct keyring {
    size_t n;
    struct key keys[KEYS_MAX]; /* the first one seals */
};

void keyring_free(struct keyring *k) {
    sodium_free(k); /* wipes */
}

void keyring_free_p(struct keyring **k) {
    keyring_free(*k);
}

static bool decode_key(struct str line, uint8_t out[static CRYPTO_KEY_BYTES]) {
    static const int variants[] = {
        sodium_base64_VARIANT_ORIGINAL,
        sodium_base64_VARIANT_ORIGINAL_NO_PADDING,
        sodium_base64_VARIANT_URLSAFE,
        sodium_base64_VARIANT_URLSAFE_NO_PADDING,
    };
    size_t len = 0;

    if (line.len == 2 * (size_t)CRYPTO_KEY_BYTES)
        return sodium_hex2bin(out, CRYPTO_KEY_BYTES, line.ptr, line.len, NULL, &len, NULL) == 0 &&
               len == CRYPTO_KEY_BYTES;
    for (size_t i = 0; i < ARRAY_LEN(variants); i++) {
        if (sodium_base642bin(out, CRYPTO_KEY_BYTES, line.ptr, line.len, NULL, &len, NULL,
                              variants[i]) == 0 &&
            len == CRYPTO_KEY_BYTES)
            return true;
    }
    return false;
}

static void derive_id(struct key *key) {
    static const char label[] = "prosa key id 1";
    unsigned char digest[crypto_generichash_BYTES];

    /* A keyed hash of a fixed text tells nothing about the key. */
    (void)crypto_generichash(digest, sizeof(digest), (const unsigned char *)label,
                             sizeof(label) - 1, key->bytes, sizeof(key->bytes));
    memcpy(key->id, digest, sizeof(key->id));
}

static const struct key *find_key(const struct keyring *k, const char *id) {
    for (size_t i = 0; i < k->n; i++) {
        if (memcmp(k->keys[i].id, id, KEY_ID_BYTES) == 0)
            return &k->keys[i];
    }
    return NULL;
}

static enum status add_key(struct keyring *k, struct str line, size_t number, struct err *e) {
    struct key *key = &k->keys[k->n];

    if (k->n == KEYS_MAX)
        FAIL(e, ST_INVALID, "could not read keys: line %zu is one more than the %d allowed", number,
             KEYS_MAX);
    if (!decode_key(line, key->bytes))
        FAIL(
            e, ST_INVALID,
            "could not read keys: line %zu is neither 64 hexadecimal digits nor base64 of 32 bytes",
            number);
    derive_id(key);
    if (find_key(k, (const char *)key->id))
        FAIL(e, ST_INVALID, "could not read keys: line %zu repeats a key", number);
    k->n++;
    return ST_OK;
}

enum status keyring_parse(struct str text, struct keyring **ret, struct err *e) {
    ATTR_CLEANUP(keyring_free_p)
    struct keyring *k = sodium_malloc(sizeof(*k));
    bool more = true;

    if (!k)
        FAIL(e, ST_UNAVAILABLE, "could not read keys: out of memory");
    sodium_memzero(k, sizeof(*k));
    for (size_t number = 1; more; number++) {
        struct str line;

        more = str_cut(&text, '\n', &line);
        line = str_trim(line);
        if (line.len > 0 && line.ptr[0] != '#')
            TRY(add_key(k, line, number, e));
    }
    if (k->n == 0)
        FAIL(e, ST_INVALID, "could not read keys: there is none");
    (void)sodium_mprotect_readonly(k);
    *ret = TAKE(k);
    return ST_OK;
}

/* What is authenticated beside the secret: the head, then `bound`. */
static struct str make_context(struct arena *a, const char *head, struct str bound) {
    char *p = arena_alloc(a, HEAD_BYTES + bound.len);

    memcpy(p, head, HEAD_BYTES);
    if (bound.len > 0)
        memcpy(p + HEAD_BYTES, bound.ptr, bound.len);
    return (struct str){.ptr = p, .len = HEAD_BYTES + bound.len};
}

struct str keyring_seal(struct arena *a, const struct keyring *k, struct str bound,
                        struct str secret) {
    size_t len = HEAD_BYTES + NONCE_BYTES + secret.len + TAG_BYTES;
    char *sealed = arena_alloc(a, len);
    unsigned char *nonce = (unsigned char *)sealed + HEAD_BYTES;
    struct str context;

    sealed[0] = SEAL_VERSION;
    memcpy(sealed + 1, k->keys[0].id, KEY_ID_BYTES);
    context = make_context(a, sealed, bound);
    randombytes_buf(nonce, NONCE_BYTES);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(
        nonce + NONCE_BYTES, NULL, (const unsigned char *)secret.ptr, secret.len,
        (const unsigned char *)context.ptr, context.len, NULL, nonce, k->keys[0].bytes);
    return (struct str){.ptr = sealed, .len = len};
}

/* The key that sealed it; NULL with the reason in e. */
static const struct key *sealing_key(const struct keyring *k, struct str sealed, struct err *e) {
    const struct key *key;

    if (sealed.len < HEAD_BYTES + NONCE_BYTES + TAG_BYTES || sealed.ptr[0] != SEAL_VERSION) {
        (void)err_set(e, ST_BROKEN, __FILE__, __LINE__,
                      "could not open sealed secret: not sealed by a known version");
        return NULL;
    }
    key = find_key(k, sealed.ptr + 1);
    if (!key)
        (void)err_set(e, ST_BROKEN, __FILE__, __LINE__,
                      "could not open sealed secret: its key is not in the keyring");
    return key;
}

enum status keyring_open(struct arena *a, const struct keyring *k, struct str bound,
                         struct str sealed, struct str *ret_secret, struct err *e) {
    const struct key *key = sealing_key(k, sealed, e);
    const unsigned char *nonce, *text;
    struct str context;
    size_t text_len;
    char *secret;

    if (!key)
        return ST_BROKEN;
    context = make_context(a, sealed.ptr, bound);
    nonce = (const unsigned char *)sealed.ptr + HEAD_BYTES;
    text = nonce + NONCE_BYTES;
    text_len = sealed.len - HEAD_BYTES - NONCE_BYTES;
    secret = arena_alloc(a, text_len - TAG_BYTES);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt((unsigned char *)secret, NULL, NULL, text,
                                                   text_len, (const unsigned char *)context.ptr,
                                                   context.len, nonce, key->bytes) != 0)
        FAIL(e, ST_BROKEN, "could not open sealed secret: changed, or sealed for another place");
    *ret_secret = (struct str){.ptr = secret, .len = text_len - TAG_BYTES};
    return ST_OK;
}

bool keyring_is_stale(const struct keyring *k, struct str sealed) {
    return sealed.len < HEAD_BYTES || sealed.ptr[0] != SEAL_VERSION ||
           memcmp(sealed.ptr + 1, k->keys[0].id, KEY_ID_BYTES) != 0;
}
