/* thread.h - which mails a mail of ours goes on from; private to outbox/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conversation/conversation.h"

struct thread {
    struct str subject;     /* "Re: …"; empty: the person never wrote */
    struct str in_reply_to; /* message id */
    struct str references;  /* ids of the thread, oldest first, with in_reply_to */
};

/* Goes on from what m answers, else from the newest mail of the person. */
enum status thread_find(struct arena *a, struct tx *tx, const struct message *m, struct thread *ret,
                        struct err *e) ATTR_MUST_CHECK;
