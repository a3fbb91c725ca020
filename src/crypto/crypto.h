/* crypto.h - the few primitives the house uses: HMAC checked in constant time, sealed secrets,
 * passwords, tokens. OpenSSL and libsodium stay behind it. Any thread after crypto_init().
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

enum { SHA1_BYTES = 20, SHA256_BYTES = 32, CRYPTO_KEY_BYTES = 32, TOKEN_TEXT_BYTES = 43 };

/* Once, before anything else here. */
enum status crypto_init(struct err *e) ATTR_MUST_CHECK;

void crypto_random(void *out, size_t n);
bool crypto_eq(const void *a, const void *b, size_t n); /* constant time */
void crypto_wipe(void *p, size_t n);
/* For protocols that fix it (the WebSocket handshake); no protection against collisions. */
void crypto_sha1(struct str data, uint8_t out[static SHA1_BYTES]);
/* The same, keyed: one-time codes (RFC 6238) are made of it. */
void crypto_hmac_sha1(struct str key, struct str data, uint8_t out[static SHA1_BYTES]);
void crypto_sha256(struct str data, uint8_t out[static SHA256_BYTES]);
/* SHA-256 of what comes piece by piece. */
struct crypto_digest;
struct crypto_digest *crypto_digest_new(void);
void crypto_digest_add(struct crypto_digest *d, struct str piece);
/* Ends it: nothing may be added after. */
void crypto_digest_end(struct crypto_digest *d, uint8_t out[static SHA256_BYTES]);
void crypto_digest_free(struct crypto_digest *d);
void crypto_hmac_sha256(struct str key, struct str data, uint8_t out[static SHA256_BYTES]);
/* True when hex (64 digits, any case) is the HMAC of data under key; constant time in key and data
 * content. */
bool crypto_hmac_check_hex(struct str key, struct str data, struct str hex);

struct str crypto_hex(struct arena *a, struct str bytes); /* lower case */
bool crypto_unhex(struct arena *a, struct str hex, struct str *ret);
struct str crypto_base64(struct arena *a, struct str bytes);    /* RFC 4648 §4, padded */
struct str crypto_base64url(struct arena *a, struct str bytes); /* RFC 4648 §5, no padding */
bool crypto_unbase64(struct arena *a, struct str text,
                     struct str *ret); /* accepts both alphabets, padded or not */

/* 32 random bytes as base64url, for sessions, API keys and verify tokens. */
struct str crypto_token(struct arena *a);

/* Argon2id (libsodium's interactive limits unless told otherwise); the text carries salt and
 * limits. Slow on purpose: worker threads only. */
enum status crypto_password_hash(struct arena *a, struct str password, struct str *ret_text,
                                 struct err *e) ATTR_MUST_CHECK;
bool crypto_password_check(struct str password, struct str text);
/* Burns the time of a check against nobody, so that unknown users take as long as known ones. */
void crypto_password_check_dummy(struct str password);
/* How often a password was hashed since the start, whatever for. */
uint64_t crypto_password_hashes(void);

/* Sealed secrets: XChaCha20-Poly1305 under a master key; the sealed bytes begin with a version byte
 * and the id of the key, `bound` (such as "client_providers:<id>:access_token") is authenticated
 * with them, so a sealed value copied to another row does not open. A keyring holds the current key
 * and the old ones until everything is sealed anew. */
struct keyring;

/* text: one key a line, 64 hex digits or base64 of 32 bytes, the first one current; empty lines and
 * # comments pass. ST_INVALID names the line. The keyring is immutable, shared between threads. */
enum status keyring_parse(struct str text, struct keyring **ret, struct err *e) ATTR_MUST_CHECK;
/* A file (owner-only permissions demanded), made with a fresh key when it does not exist and create
 * is true. A crash leaves a whole file or none.
 * ST_NOT_FOUND: no such file · ST_DENIED: others may read it, or it is another user's · ST_INVALID:
 * anything else. */
enum status keyring_load(const char *path, bool create, struct keyring **ret, struct err *e)
    ATTR_MUST_CHECK;
void keyring_free(struct keyring *k);
void keyring_free_p(struct keyring **k);

struct str keyring_seal(struct arena *a, const struct keyring *k, struct str bound,
                        struct str secret);
/* ST_BROKEN: unknown key id, wrong bound, or changed bytes. */
enum status keyring_open(struct arena *a, const struct keyring *k, struct str bound,
                         struct str sealed, struct str *ret_secret, struct err *e) ATTR_MUST_CHECK;
/* True when sealed under an older key than the current one: seal it anew when convenient. */
bool keyring_is_stale(const struct keyring *k, struct str sealed);
/* Keyed fingerprint for looking a secret up without storing it (API keys, session tokens): SHA-256
 * of the token is enough, since tokens are 256 random bits. */
void crypto_token_digest(struct str token, uint8_t out[static SHA256_BYTES]);
