/* ticket.c - what a link to a file holds, sealed and opened. Pure.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "media/link.h"

#define BOUND "media-link" /* what is sealed for something else does not open here */

enum {
    AT_TENANT = 0,
    AT_MEDIA = AT_TENANT + UUID_BYTES,
    AT_UNTIL = AT_MEDIA + UUID_BYTES,
    TICKET_BYTES = AT_UNTIL + 8,
    TOKEN_MAX_BYTES = 512,
};

struct str link_token(struct arena *a, const struct keyring *keys, const struct link_ticket *t) {
    char raw[TICKET_BYTES];

    memcpy(raw + AT_TENANT, t->tenant.v.bytes, UUID_BYTES);
    memcpy(raw + AT_MEDIA, t->media.v.bytes, UUID_BYTES);
    for (size_t i = 0; i < 8; i++)
        raw[AT_UNTIL + i] = (char)((uint64_t)t->until_ms >> (56 - 8 * i));
    return crypto_base64url(
        a, keyring_seal(a, keys, STR(BOUND), (struct str){.ptr = raw, .len = TICKET_BYTES}));
}

enum status link_read(struct arena *a, const struct keyring *keys, struct str token, int64_t now_ms,
                      struct link_ticket *ret, struct err *e) {
    struct err why = ERR_INIT;
    struct str sealed, raw;
    uint64_t until = 0;

    if (!keys || token.len > TOKEN_MAX_BYTES || !crypto_unbase64(a, token, &sealed) ||
        keyring_open(a, keys, STR(BOUND), sealed, &raw, &why) != ST_OK || raw.len != TICKET_BYTES)
        FAIL(e, ST_NOT_FOUND, "this link leads nowhere");
    memcpy(ret->tenant.v.bytes, raw.ptr + AT_TENANT, UUID_BYTES);
    memcpy(ret->media.v.bytes, raw.ptr + AT_MEDIA, UUID_BYTES);
    for (size_t i = 0; i < 8; i++)
        until = until << 8 | (unsigned char)raw.ptr[AT_UNTIL + i];
    ret->until_ms = (int64_t)until;
    if (ret->until_ms <= now_ms)
        FAIL_AS(e, ST_NOT_FOUND, "link-expired", "this link is no longer good");
    return ST_OK;
}
