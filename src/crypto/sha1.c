/* sha1.c - SHA-1, apart from the rest of crypto/ because nothing may lean on it for secrecy.
 * SPDX-License-Identifier: Apache-2.0 */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

#include "crypto/crypto.h"

void crypto_sha1(struct str data, uint8_t out[static SHA1_BYTES]) {
    if (EVP_Digest(data.ptr, data.len, out, NULL, EVP_sha1(), NULL) != 1)
        abort();
}

void crypto_hmac_sha1(struct str key, struct str data, uint8_t out[static SHA1_BYTES]) {
    if (!HMAC(EVP_sha1(), key.ptr, (int)key.len, (const unsigned char *)data.ptr, data.len, out,
              NULL))
        abort();
}
