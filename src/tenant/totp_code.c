/* totp_code.c - the arithmetic of one-time codes: RFC 4226 §5.3 over the time step of RFC 6238.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tenant/totp.h"

#include "crypto/crypto.h"

struct str totp_code(struct arena *a, struct str secret, int64_t step, unsigned digits) {
    uint8_t counter[8], mac[SHA1_BYTES];
    uint32_t value = 0, modulus = 1;
    size_t offset;

    for (size_t i = 0; i < sizeof(counter); i++)
        counter[i] = (uint8_t)((uint64_t)step >> (56 - 8 * i));
    crypto_hmac_sha1(secret, (struct str){(const char *)counter, sizeof(counter)}, mac);
    offset = mac[SHA1_BYTES - 1] & 0x0f;
    for (size_t i = 0; i < 4; i++)
        value = value << 8 | mac[offset + i];
    value &= 0x7fffffff;
    if (digits > TOTP_DIGITS_MAX)
        digits = TOTP_DIGITS_MAX;
    for (unsigned i = 0; i < digits; i++)
        modulus *= 10;
    return arena_printf(a, "%0*u", (int)digits, (unsigned)(value % modulus));
}

/* One step around, for clocks that differ and people who type slowly. All are computed, so that time tells nothing. */
int64_t totp_find_step(struct str secret, struct str code, int64_t now_ms, int64_t last) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    int64_t now = now_ms / TOTP_STEP_MS, found = -1;

    if (code.len != TOTP_DIGITS)
        return -1;
    for (int64_t step = now - 1; step <= now + 1; step++) {
        struct str good = totp_code(&a, secret, step, TOTP_DIGITS);

        if (crypto_eq(good.ptr, code.ptr, TOTP_DIGITS) && step > last && found < 0)
            found = step;
    }
    return found;
}

struct str totp_base32(struct arena *a, struct str bytes) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    size_t n = (bytes.len * 8 + 4) / 5;
    char *out = arena_alloc(a, n + 1);

    for (size_t i = 0; i < n; i++) {
        unsigned value = 0;

        for (size_t bit = 5 * i; bit < 5 * i + 5; bit++) {
            unsigned byte = bit / 8 < bytes.len ? (unsigned char)bytes.ptr[bit / 8] : 0;

            value = value << 1 | (byte >> (7 - bit % 8) & 1);
        }
        out[i] = letters[value];
    }
    return (struct str){out, n};
}
