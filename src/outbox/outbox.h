/* outbox.h - what we say: queued in the transaction that decides it, paced, sent through the gate at most once, judged, and
 * followed to its end by receipts. A send whose fate is unknown is never repeated blindly: it is uncertain until a status with
 * our correlation id settles it, or a person does.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conversation/conversation.h"
#include "crypto/crypto.h"
#include "httpc/httpc.h"
#include "mail/mail.h"
#include "queue/queue.h"
#include "tenant/tenant.h"

#define OUTBOX_SEND_JOB                                                                            \
    "outbox.send" /* payload {"message", "file"?}; lane: the conversation's sends */
#define OUTBOX_SWEEP_JOB "outbox.sweep" /* paces of people nobody writes to any more */
#define OUTBOX_READ_JOB  "outbox.read"  /* payload {"conversation", "typing"} */

enum { OUTBOX_MAX_ATTEMPTS = 8 }; /* of one message, before it has failed */

struct outbox_put {
    struct tenant_id tenant;
    struct conversation_id conversation;
    struct str owner;         /* "bot", "person" or "system" */
    struct user_id user;      /* of a person */
    struct str type, content; /* neutral content, see provider.h */
    struct str text;          /* what a reader sees; empty: taken from content */
    struct str reply_to;
    struct str client_id; /* a repeat with the same one returns the first message */
    struct uuid turn;
    /* A bot's draft goes out only when nothing has changed since it looked: */
    bool must_match;
    int64_t owner_version, inbound_count;
};

/* Inserts the message and its send job. ST_CONFLICT with cause "owner-changed" or "newer-message": the draft must be
 * dropped; "window-closed": free-form text outside the service window (a template would do). */
enum status outbox_queue(struct arena *a, struct tx *tx, const struct outbox_put *put,
                         int64_t now_ms, struct message *ret, struct err *e) ATTR_MUST_CHECK;
/* Marks what the person wrote as read, with the typing mark; best effort, coalesced. */
enum status outbox_mark_read(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             struct conversation_id id, bool typing, struct err *e) ATTR_MUST_CHECK;
/* A status callback: by correlation id, then by provider id; kept for later when its message is not known yet. */
enum status outbox_receipt(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           struct account_id account, const struct provider *provider,
                           const struct inbound *status, struct err *e) ATTR_MUST_CHECK;

enum settle { SETTLE_SENT, SETTLE_FAILED, SETTLE_RESEND };
/* A person decides about an uncertain message, or sends a failed one again. ST_CONFLICT: it is neither. */
enum status outbox_settle(struct arena *a, struct tx *tx, struct tenant_id tenant,
                          struct message_id id, enum settle how, struct str actor, struct err *e)
    ATTR_MUST_CHECK;

struct outbox { /* what the jobs need; part of struct app, reached by app_outbox() */
    struct db *db;
    struct httpc *httpc;
    struct mailer *mailer;
    const struct keyring *keys;
    const struct current_defaults *defaults;
};
/* Job handlers for the job table. */
enum status outbox_send_job(struct app *app, struct arena *a, const struct job *job,
                            struct verdict *ret_verdict, struct err *e);
enum status outbox_say_job(struct app *app, struct arena *a, const struct job *job,
                           struct verdict *ret_verdict, struct err *e);
enum status outbox_read_job(struct app *app, struct arena *a, const struct job *job,
                            struct verdict *ret_verdict, struct err *e);
enum status outbox_sweep_job(struct app *app, struct arena *a, const struct job *job,
                             struct verdict *ret_verdict, struct err *e);
/* Implemented by app/. */
struct outbox *app_outbox(struct app *app);
