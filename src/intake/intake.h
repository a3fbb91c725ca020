/* intake.h - from a provider's call to effects. The call is appended raw, many in one commit, and answered 200 after that
 * commit; a drain job then parses in order of arrival and applies every event once.
 *
 *   httpd ─ verify ─ append (group commit) ─ 200        drain: inbox ─ parse ─ route ─ conversation / outbox / lead
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "httpd/httpd.h"
#include "queue/queue.h"
#include "tenant/tenant.h"

#define INTAKE_DRAIN_JOB "intake.drain"
#define INTAKE_PURGE_JOB "intake.purge"
#define MAIL_SCAN_JOB    "mail.scan" /* of the system: which mailboxes are to be looked at */
#define MAIL_POLL_JOB    "mail.poll" /* payload {"account"}; lane and key are the account's */

struct intake;
struct intake_options {
    struct db *db;
    const struct keyring *keys;
    const struct current_defaults *defaults; /* the installation's app secret and verify token */
    const struct log_ctx *log;
};
enum status intake_start(struct intake_options options, struct intake **ret, struct err *e)
    ATTR_MUST_CHECK;
/* Waits for what is being committed. */
void intake_stop(struct intake *in);

/* GET and POST /webhooks/{provider} and /webhooks/{provider}/{account}. */
enum status intake_get(struct app *app, struct req *r, struct resp *ret, struct err *e);
enum status intake_post(struct app *app, struct req *r, struct resp *ret, struct err *e);

enum status intake_drain_job(struct app *app, struct arena *a, const struct job *job,
                             struct verdict *ret_verdict, struct err *e);
/* Forgets done raw calls and dedup keys older than their retention (30 days; providers repeat for 7 at most). */
enum status intake_purge_job(struct app *app, struct arena *a, const struct job *job,
                             struct verdict *ret_verdict, struct err *e);

enum status mail_scan_job(struct app *app, struct arena *a, const struct job *job,
                          struct verdict *ret_verdict, struct err *e);
enum status mail_poll_job(struct app *app, struct arena *a, const struct job *job,
                          struct verdict *ret_verdict, struct err *e);
struct mail_look {        /* how the last look at a mailbox went */
    int64_t looked_at_ms; /* 0: there was none yet */
    struct str trouble;   /* why it failed; empty: it did not */
    bool is_refused;      /* the next one waits longer */
};
/* ST_CONFLICT: the account reads no mailbox, or is off. */
enum status mail_look_get(struct arena *a, struct tx *tx, const struct account *account,
                          struct mail_look *ret, struct err *e) ATTR_MUST_CHECK;
/* Looks at the account's mailbox soon, not at its next time. */
enum status mail_poll_put(struct arena *a, struct tx *tx, const struct account *account,
                          struct err *e) ATTR_MUST_CHECK;

/* GET and POST /unsubscribe/{token}: the links to leave by that our mails carry (RFC 8058). The POST ends them; the GET only
 * asks, since programs look at links that nobody clicked. */
enum status leave_get(struct app *app, struct req *r, struct resp *ret, struct err *e);
enum status leave_post(struct app *app, struct req *r, struct resp *ret, struct err *e);

struct inbox_row {
    struct inbox_id id;
    struct tenant_id tenant;
    struct account_id account;
    struct str provider, state, cause, reason, body, cursor;
    int64_t events, received_at_ms, done_at_ms, bytes;
};
/* Newest first; tenant nil: all (operator). with_body false leaves body empty. */
struct inbox_query {
    struct tenant_id tenant;
    struct str state;
    struct str cause; /* for the lists of trouble; empty: any */
    struct str cursor;
    size_t limit;
    bool with_body;
};
struct inbox_page {
    struct inbox_row *items;
    size_t n;
    struct str next;
};
enum status inbox_list(struct arena *a, struct tx *tx, const struct inbox_query *query,
                       struct inbox_page *ret, struct err *e) ATTR_MUST_CHECK;
enum status inbox_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct inbox_id id,
                      struct inbox_row *ret, struct err *e) ATTR_MUST_CHECK;
/* Calls that could not be applied (unparsed, unrouted, failed), grouped by state and cause. */
struct inbox_group {
    struct str state, cause, sample_reason;
    int64_t n, oldest_ms, newest_ms;
};
enum status inbox_groups(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct inbox_group **ret, size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* Such calls of query's tenant, newest first; state and cause empty: any. Without bodies. */
enum status inbox_list_trouble(struct arena *a, struct tx *tx, const struct inbox_query *query,
                               struct inbox_page *ret, struct err *e) ATTR_MUST_CHECK;
/* Puts at most query.limit of them back in line, oldest first, those behind query.cursor; *ret_last is where to go on. */
enum status inbox_replay_some(struct arena *a, struct tx *tx, const struct inbox_query *query,
                              struct str *ret_last, size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* Back to "received" and drained again; id nil: all of the tenant's (nil: everybody's) in that state. */
enum status inbox_replay(struct tx *tx, struct tenant_id tenant, struct inbox_id id,
                         struct str state, int64_t *ret_n, struct err *e) ATTR_MUST_CHECK;

/* Implemented by app/. */
struct intake *app_intake(struct app *app);
struct db *app_db(struct app *app);
