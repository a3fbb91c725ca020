/* link.h - what a public link to a file holds; private to media/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "media/media.h"

#define MEDIA_LINK_PATH "/media/"

enum { MEDIA_LINK_MS = 6 * 3600 * 1000 };

struct link_ticket {
    struct tenant_id tenant;
    struct media_id media;
    int64_t until_ms;
};

/* Unguessable and unreadable, in a; another one each time. */
struct str link_token(struct arena *a, const struct keyring *keys, const struct link_ticket *t);
/* ST_NOT_FOUND: nobody of ours made it, it was changed, or its time is over (cause "link-expired"). */
enum status link_read(struct arena *a, const struct keyring *keys, struct str token, int64_t now_ms,
                      struct link_ticket *ret, struct err *e) ATTR_MUST_CHECK;
/* A link for the provider to fetch m by; MEDIA_REJECTED says what has to be set first. */
void link_give(const struct media_deps *deps, struct arena *a, const struct media *m,
               struct media_answer *ret);
