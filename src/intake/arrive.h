/* arrive.h - what is particular about mails among what comes in; private to intake/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "intake/store.h"
#include "media/media.h"

/* The files that came along with events are kept, outside of any transaction; *ret by event, NULL when there were none. What
 * cannot be kept is no file to look for: its event becomes one of type "unsupported". ST_UNAVAILABLE: the disk. */
enum status arrive_keep_files(const struct media_deps *deps, struct arena *a,
                              struct tenant_id tenant, struct inbound *events, size_t n,
                              struct media **ret, struct err *e) ATTR_MUST_CHECK;
/* An answer to a message of ours may come from an address that we do not know: it is the same person's. *ret_is_own: our own
 * account wrote it, which is no customer. */
enum status arrive_mail(struct arena *a, struct tx *tx, const struct account *account,
                        const struct inbound *ev, int64_t now_ms, bool *ret_is_own, struct err *e)
    ATTR_MUST_CHECK;
struct left_mail { /* a mail that asks for no more mailings */
    struct str token, subject;
    struct message_id message;
    struct lead_id sender;
};
/* Of e-mails there are no more, for whom the token says, else for who wrote. Implemented by leave.c. */
enum status leave_by_mail(struct app *app, struct arena *a, struct tx *tx,
                          const struct account *account, const struct left_mail *mail,
                          struct err *e) ATTR_MUST_CHECK;
/* A message of ours came back: an address that does not exist is not written to again. */
enum status arrive_bounce(struct arena *a, struct tx *tx, const struct account *account,
                          const struct inbound *status, int64_t now_ms, struct err *e)
    ATTR_MUST_CHECK;
