/* mail.h - e-mail over the wire: SMTP out and IMAP in, by libcurl, behind the same gate as every other call (httpc.h). A kept
 * connection serves the next mail to the same server; of each account at most its max_connections are open. Servers that a
 * tenant named must have public addresses, looked at when connecting. Any thread; calls wait for their end.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/list.h"
#include "httpc/httpc.h"
#include "log/log.h"
#include "provider/provider.h"

struct mailer;

struct mailer_options {
    struct httpc *httpc; /* whose gate holds here, too; outlives the mailer */
    uint32_t
        timeout_ms; /* of one mail or one command, waiting for a connection included; 0: 60 s */
    uint32_t connect_timeout_ms; /* 0: 10 s */
    bool allow_private; /* servers may be private ones, and passwords go there without TLS */
    struct str ca_file; /* PEM of trusted authorities; empty: the system's */
    const struct log_ctx *log;
};

enum status mailer_start(struct mailer_options options, struct mailer **ret, struct err *e)
    ATTR_MUST_CHECK;
/* Ends what was submitted and not begun, then closes the connections; no call may be under way. */
void mailer_stop(struct mailer *m);

/* Hands msg to the account's server. ST_OK whatever came of it: *ret says, its texts in a; what the server accepted it answers
 * for, and what it cannot deliver comes back as a bounce. ret->message_id is its Message-ID: it carries msg->correlation.
 * Before anything leaves: ST_DENIED "gate-closed"; ST_BROKEN: the reach is not set or ch is no e-mail account. */
enum status mail_send(struct mailer *m, struct arena *a, const struct channel *ch,
                      const struct outgoing *msg, enum reach reach, struct send_result *ret,
                      struct err *e) ATTR_MUST_CHECK;
struct
    mail_submission { /* one mail_send that nobody waits for; all of it stays valid and untouched until done was called */
    struct list_node node; /* the mailer's */
    struct arena *a;
    const struct channel *ch;
    struct outgoing msg;
    enum reach reach;
    struct send_result *ret;
    struct err *e;
    /* Called once, from a thread of the mailer's, with mail_send's status; ST_UNAVAILABLE: it is stopping, nothing was sent. */
    void (*done)(void *ctx, enum status st);
    void *ctx;
};
void mail_submit(struct mailer *m, struct mail_submission *s);
/* Message-ID by which a mail with that correlation goes out; what answers or bounces name. */
struct str mail_message_id(struct arena *a, const struct channel *ch, struct str correlation);

/* Logs in to both servers; nobody gets a mail. *ret is SEND_ACCEPTED when both let us in, its reason one sentence for people. */
enum status mail_probe(struct mailer *m, struct arena *a, const struct channel *ch,
                       struct send_result *ret, struct err *e) ATTR_MUST_CHECK;

/* --- what comes in ------------------------------------------------------------------------------ */

struct mail_place {       /* how far a folder is read */
    int64_t uid_validity; /* 0: never looked */
    int64_t last_uid;
    int64_t
        since_ms; /* on the first look, and when the folder was made anew: mails of this day and later */
};
struct mail_item {
    int64_t uid;
    struct str bytes; /* empty: larger than MAIL_MAX_BYTES, or gone meanwhile */
    int64_t size;
};
struct mail_batch {
    struct mail_item *items; /* by uid */
    size_t n;
    struct mail_place place; /* after them */
    bool has_more;
};
enum { MAIL_MAX_BYTES = 32 << 20, MAIL_BATCH_MAX = 50, MAIL_BATCH_BYTES = 32 << 20 };

/* The next mails behind place, oldest first. Reading changes nothing but the server's mark "seen". Failures are in *ret as of a
 * send: SEND_RETRY not reached, SEND_BLOCKED login refused or no such folder; the batch is then empty. */
enum status mail_fetch(struct mailer *m, struct arena *a, const struct channel *ch,
                       struct mail_place place, struct mail_batch *ret_batch,
                       struct send_result *ret, struct err *e) ATTR_MUST_CHECK;
