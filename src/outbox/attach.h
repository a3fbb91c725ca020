/* attach.h - the file a message carries: named by our id in its content, sent under the provider's. Private to outbox/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "media/media.h"
#include "outbox/outbox.h"

struct attachment {
    bool is_there; /* the content names a file of ours */
    struct media media;
    struct str provider_id; /* the provider's id of it, or … */
    struct str link;        /* … where it fetches it; both empty: not given to it yet */
    bool is_held;           /* it could not be given: the message does not go out now */
};

/* What a message to be queued carries. ST_INVALID: no file of the tenant's, or not one of that type. */
enum status attach_check(struct arena *a, struct tx *tx, struct tenant_id tenant, struct str type,
                         const struct json *content, struct attachment *ret, struct err *e)
    ATTR_MUST_CHECK;
/* Before a queued message is sent: gives its file to the provider. ret->is_held: the message stays queued, or has failed, as
 * the verdict says. Nothing reaches a person here. */
enum status attach_prepare(struct app *app, struct arena *a, const struct job *job,
                           struct message_id id, struct attachment *ret,
                           struct verdict *ret_verdict, struct err *e) ATTR_MUST_CHECK;
/* The content with the provider's id, or the link, and the file's name. */
enum status attach_content(struct arena *a, const struct attachment *at, const struct json *content,
                           const struct json **ret, struct err *e) ATTR_MUST_CHECK;
