/* dispatch.h - campaigns: one message to many people who did not write first. Planned, tried dry, then sent within everybody's
 * limits, each recipient at most once.
 *
 *   draft → planning → planned → dry_run → planned → running ⇄ paused → done          any but done → cancelled
 *
 * One durable row per lead and campaign says what is to happen to it, what happened and why:
 *
 *   planned → sending → sent → delivered → read        planned → excluded (block_reason) | cancelled
 *             sending → planned (the provider says later) | uncertain | failed → planned (the next channel)
 *
 * Rules that hold always:
 *   1. Who may get it is decided by one function (permit.h), whether it is planned, tried dry or sent.
 *   2. A row is marked "sending" and committed before the call leaves. A run that finds such rows is the successor of one that
 *      died: they become uncertain and are not sent again. Receipts with the correlation "r:<recipient>" settle them, or a person.
 *   3. Whoever said stop before a claim commits is not in it, and who says so before its calls are handed over (launch.c) is taken
 *      out again.
 *   4. One job at a time works on a campaign; pause, cancel and the gate are read in every claim.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>

#include "conversation/conversation.h"
#include "crypto/crypto.h"
#include "httpc/httpc.h"
#include "lead/lead.h"
#include "queue/queue.h"
#include "sheet/sheet.h"
#include "tenant/tenant.h"

#define DISPATCH_PLAN_JOB  "dispatch.plan"  /* payload {"dispatch"}; finds the audience, dry runs */
#define DISPATCH_START_JOB "dispatch.start" /* the same; at the time it was scheduled for */
#define DISPATCH_RUN_JOB   "dispatch.run"   /* the same; sends */
#define DISPATCH_TEST_JOB                                                                          \
    "dispatch.test" /* payload {"dispatch", "recipient"}; one message, to try it */

ID_TYPE(dispatch_id);
ID_TYPE(recipient_id);

enum {
    DISPATCH_NAME_MAX = 200,
    DISPATCH_IDS_MAX = 10000, /* of an audience by list */
    DISPATCH_CHANNELS_MAX = 4,
    DISPATCH_PAGE_MAX = 500,
};

/* --- campaigns -------------------------------------------------------------------------------------------------------- */

struct
    dispatch_limits {   /* of one campaign; what is not given is the tenant's (dispatch_settings) */
    int64_t per_second; /* 0: as fast as the account may */
    int64_t error_percent;  /* pauses when more than so many of a hundred fail … */
    int64_t error_min;      /* … out of at least so many; 0: never */
    int64_t frequency_max;  /* campaign messages a person gets … */
    int64_t frequency_days; /* … in so many days; 0: no cap */
    int64_t
        overlap_hours; /* nobody who got another campaign's message in that time; 0: may overlap */
};

struct dispatch {
    struct dispatch_id id;
    struct tenant_id tenant;
    struct str name;
    struct str state;
    struct str cause, reason; /* why it is paused, cancelled or back in draft; empty otherwise */
    struct str
        audience; /* JSON: {"filter": {…}} | {"segment": id} | {"import": id} | {"leads": [id, …]} */
    struct str
        channels; /* JSON array: [{"channel", "template", "language"?, "account_id"?}, …], first choice first */
    struct str variables;  /* JSON: {"name": {"field"? , "text"?, "default"?}} */
    struct str limits;     /* JSON as given */
    struct str estimate;   /* JSON or empty: {"recipients", "cost", "currency", "finish_at"} */
    struct str wait_cause; /* a running one: what it waits for; empty: it sends */
    int64_t wait_until_ms;
    int64_t plan_seen; /* leads looked at so far */
    int64_t start_at_ms, planned_at_ms, dry_run_at_ms, started_at_ms, finished_at_ms;
    int64_t created_at_ms, updated_at_ms;
    struct str created_by;

    /* private to dispatch/ */
    struct str then_do;
    struct lead_id plan_after;
    int64_t resumed_at_ms;
};

struct
    dispatch_edit { /* NULL: stays as it is, or the default of a new one; all JSON as in struct dispatch */
    const struct str *name;
    const struct json *audience, *channels, *variables, *limits;
};
/* A draft. Channels default to WhatsApp with cobranca_padrao_whatsapp_v1, then e-mail with cobranca_padrao_email_v1.
 * ST_INVALID names the member. */
enum status dispatch_add(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         const struct dispatch_edit *in, struct str by, int64_t now_ms,
                         struct dispatch *ret, struct err *e) ATTR_MUST_CHECK;
/* Before it is started only (ST_CONFLICT): it is a draft again, to be planned anew; a new name changes nothing else. */
enum status dispatch_change(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct dispatch_id id, const struct dispatch_edit *in, int64_t now_ms,
                            struct dispatch *ret, struct err *e) ATTR_MUST_CHECK;
enum status dispatch_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct dispatch_id id, struct dispatch *ret, struct err *e)
    ATTR_MUST_CHECK;
struct dispatch_query {
    struct tenant_id tenant;
    struct str state;         /* empty: any */
    struct dispatch_id after; /* newest first; nil: from the newest */
    size_t limit;
};
enum status dispatch_list(struct arena *a, struct tx *tx, const struct dispatch_query *q,
                          struct dispatch **ret, size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* With everything it has. ST_CONFLICT: it was started. */
enum status dispatch_delete(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct dispatch_id id, struct err *e) ATTR_MUST_CHECK;

enum dispatch_order {
    DISPATCH_PLAN, /* finds the audience anew; before the start only */
    DISPATCH_DRY_RUN, /* plans when it is not planned, then says of everybody what would happen; sends nothing */
    DISPATCH_START, /* plans when it is not planned, then sends, or at start_at_ms */
    DISPATCH_PAUSE,
    DISPATCH_RESUME,
    DISPATCH_CANCEL,
};
struct dispatch_ordered {
    struct tenant_id tenant;
    struct dispatch_id id;
    enum dispatch_order order;
    int64_t start_at_ms; /* DISPATCH_START: not before; 0: now */
    enum gate gate;      /* as it stands */
    int64_t now_ms;
};
/* Takes effect with the commit: after a pause or cancel no message is begun. ST_CONFLICT: not from its state; with cause
 * "gate-closed": the gate does not let campaigns out, and the message says what to set. */
enum status dispatch_order(struct arena *a, struct tx *tx, const struct dispatch_ordered *o,
                           struct dispatch *ret, struct err *e) ATTR_MUST_CHECK;

struct dispatch_test { /* one message with a real contact's data, to an address of ours */
    struct tenant_id tenant;
    struct dispatch_id id;
    struct lead_id lead;
    struct str channel; /* one of the campaign's */
    struct str address; /* E.164 digits, or e-mail */
    enum gate gate;
    int64_t now_ms;
};
/* ST_CONFLICT with cause "gate-closed" as above; ST_NOT_FOUND: no such lead. */
enum status dispatch_send_test(struct arena *a, struct tx *tx, const struct dispatch_test *t,
                               struct recipient_id *ret, struct err *e) ATTR_MUST_CHECK;

struct dispatch_previewed {
    struct tenant_id tenant;
    struct dispatch_id id; /* nil: one that is not saved, all in edit */
    struct dispatch_edit
        edit; /* members that stand instead of the campaign's; its name and limits are not looked at */
    struct lead_id lead; /* nil: the first of the audience */
    int64_t now_ms;
};
struct dispatch_preview_message { /* over one of the campaign's channels */
    struct str channel, template_name, language;
    struct str block,
        block_why; /* why nothing at all goes out over it now, or this text cannot be made; empty: it does */
    struct str
        text; /* as a reader sees it, {{name}} where there is no value; empty: there is no template */
    struct str content;  /* JSON of the whole message (template.h); empty: something is missing */
    struct str *missing; /* variables without a value */
    size_t n_missing;
};
struct dispatch_preview {
    bool has_lead; /* the audience may be nobody */
    struct lead_contact lead;
    bool would_send;            /* … to this one, as a plan would decide it now, */
    struct str channel, reason; /* over which channel and why, */
    struct str block_reason;    /* or why not */
    struct dispatch_preview_message messages[DISPATCH_CHANNELS_MAX];
    size_t n;
};
/* What somebody would get, by the code that sends it; nothing is sent or written. ST_NOT_FOUND; ST_INVALID names the member. */
enum status dispatch_preview(struct arena *a, struct tx *tx, const struct dispatch_previewed *what,
                             struct dispatch_preview *ret, struct err *e) ATTR_MUST_CHECK;
/* Its members, as API and command line show them. */
void dispatch_write_preview(struct json_out *o, const struct dispatch_preview *p);

/* --- recipients ------------------------------------------------------------------------------------------------------- */

struct recipient {
    struct recipient_id id;
    struct dispatch_id dispatch;
    struct lead_id lead;
    bool is_test;
    struct str state;
    int64_t rank;
    int64_t step; /* which of the campaign's channels it is at */
    struct str channel, address, template_name, language;
    struct account_id account;
    struct str reason;       /* slug: why this channel */
    struct str block_reason; /* slug: why it is excluded */
    int64_t attempts, spared;
    struct str history; /* JSON array or empty: attempts that are over */
    struct str text;    /* what was sent */
    struct str provider_id;
    int64_t cost; /* in millionths of the currency */
    int64_t error_code;
    struct str error_cause, error_reason;
    struct message_id message; /* its copy in a conversation */
    int64_t due_at_ms, sending_at_ms, sent_at_ms, delivered_at_ms, read_at_ms, failed_at_ms;
    int64_t replied_at_ms, opted_out_at_ms, created_at_ms, updated_at_ms;
    struct str name, phone,
        email; /* the lead's today; filled by recipient_list and recipient_get */
};
struct recipient_query {
    struct tenant_id tenant;
    struct dispatch_id dispatch;
    struct str state, channel, cause; /* cause: a block_reason or error_cause; empty: any */
    bool has_replied, has_opted_out;  /* only those */
    struct lead_id after;             /* by lead; nil: from the start */
    size_t limit;
};
enum status recipient_list(struct arena *a, struct tx *tx, const struct recipient_query *q,
                           struct recipient **ret, size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
enum status recipient_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                          struct recipient_id id, struct recipient *ret, struct err *e)
    ATTR_MUST_CHECK;
struct recipient_export {
    struct recipient_query query; /* after and limit are not looked at */
    enum sheet_kind kind;
    int fd; /* a file; what it holds is thrown away */
};
/* Writes recipients as a spreadsheet, in memory that does not grow with their number; *ret_n: how many. Costs are in whole money.
 * ST_NOT_FOUND: no such campaign; ST_INVALID: more than the format holds; ST_UNAVAILABLE: the disk. */
enum status recipient_export(struct tx *tx, const struct recipient_export *what, int64_t *ret_n,
                             struct err *e) ATTR_MUST_CHECK;
enum recipient_settle { RECIPIENT_SENT, RECIPIENT_FAILED, RECIPIENT_RESEND };
struct recipient_decided {
    struct tenant_id tenant;
    struct recipient_id id;
    enum recipient_settle how;
    struct str actor;
    enum gate gate; /* as it stands */
    int64_t now_ms;
};
/* A person decides about an uncertain one, or has a failed one sent again. ST_CONFLICT: it is neither, or it is to be sent again and
 * the campaign is cancelled; with cause "gate-closed" as above. */
enum status recipient_settle(struct arena *a, struct tx *tx, const struct recipient_decided *what,
                             struct recipient *ret, struct err *e) ATTR_MUST_CHECK;

/* All of a campaign that are "failed" or "uncertain" for one cause, as the report counted them, decided in steps of at most
 * RECIPIENT_STEP_MAX, each its own transaction. Failed ones can only be sent again, and only those whose message the provider never
 * took: of the others nobody knows that they did not get it. */
enum { RECIPIENT_STEP_MAX = 500 };
struct recipient_group {
    struct tenant_id tenant;
    struct dispatch_id dispatch;
    struct str state, cause;
    enum recipient_settle how;
    int64_t as_of_ms; /* when they were counted: who has changed since is left alone */
    int64_t n;        /* how many there were; never more are decided */
    struct str actor;
    enum gate gate;
    int64_t now_ms;
    struct lead_id after; /* as the step before gave them; zero at first */
    int64_t n_settled;
};
struct recipient_group_step {
    struct lead_id after;
    int64_t n_settled; /* with the steps before */
    bool
        is_through; /* what is then missing of n was skipped: somebody else had it first, or it has changed */
};
/* One step. Those to be sent again go out as any message of the campaign does: a pause stops them, limits hold them back.
 * ST_INVALID: no such group, or not to be decided so; ST_CONFLICT: the campaign is cancelled; with cause "gate-closed" as above. */
enum status recipient_settle_step(struct arena *a, struct tx *tx, const struct recipient_group *g,
                                  struct recipient_group_step *ret, struct err *e) ATTR_MUST_CHECK;

struct dry_row {
    struct recipient_id recipient;
    struct lead_id lead;
    struct str name, phone, email, channel, reason, template_name, block_reason, text;
    bool would_send;
    int64_t not_before_ms; /* quiet hours: no sooner; 0: at once */
    int64_t cost;
    int64_t at_ms;
};
struct dry_query {
    struct tenant_id tenant;
    struct dispatch_id dispatch;
    struct str would_send; /* "true", "false" or empty */
    struct recipient_id after;
    size_t limit;
};
enum status dispatch_log(struct arena *a, struct tx *tx, const struct dry_query *q,
                         struct dry_row **ret, size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
struct dry_export {
    struct dry_query query; /* after and limit are not looked at */
    enum sheet_kind kind;
    int fd; /* a file; what it holds is thrown away */
};
/* As recipient_export(), of what the last dry run would have done: the tenant, the lead, how and why or why not, and the text. */
enum status dispatch_log_export(struct tx *tx, const struct dry_export *what, int64_t *ret_n,
                                struct err *e) ATTR_MUST_CHECK;

/* --- report ----------------------------------------------------------------------------------------------------------- */

struct dispatch_counts { /* of the rows that are no tests */
    int64_t total, planned, excluded, sending, sent, delivered, read, failed, uncertain, cancelled;
    int64_t reached; /* the provider took it: sent, delivered, read */
    int64_t replied, opted_out;
    int64_t cost;
};
struct dispatch_cause {
    struct str state;  /* "excluded", "failed", "uncertain" */
    struct str cause;  /* slug */
    struct str sample; /* a sentence, or empty */
    int64_t n;
    int64_t n_settleable; /* of them, those that recipient_settle_step() would decide */
};
struct dispatch_hour {
    int64_t at_ms; /* its beginning */
    int64_t sent, delivered, read, failed, replied;
};
struct
    dispatch_by_channel { /* and template: those who are, or were to be, written to so; both empty: before it was chosen */
    struct str channel, template_name;
    int64_t n, reached, delivered, read, failed, uncertain; /* delivered: with those who read it */
    int64_t replied, opted_out;
    int64_t cost;
};
struct dispatch_report {
    struct dispatch_counts counts;
    struct dispatch_cause *causes;
    size_t n_causes;
    struct dispatch_hour *hours;
    size_t n_hours;
    struct dispatch_by_channel *channels;
    size_t n_channels;
};
enum status dispatch_count(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           struct dispatch_id id, struct dispatch_counts *ret, struct err *e)
    ATTR_MUST_CHECK;
/* Of a list: what was counted a moment ago is said again, and what would take too long is left for the next time (is_known false,
 * or older numbers). t: this process's. ret: n. */
struct dispatch_counted {
    bool is_known;
    struct dispatch_counts counts;
};
struct dispatch_tallies { /* all zero at first */
    pthread_mutex_t lock;
    struct dispatch_tally {
        struct dispatch_id id;
        struct dispatch_counts counts;
        int64_t updated_at_ms, at_ms, took_ms;
    } items[256];
    size_t next;
};
enum status dispatch_count_many(struct arena *a, struct tx *tx, struct dispatch_tallies *t,
                                const struct dispatch *list, size_t n, struct dispatch_counted *ret,
                                struct err *e) ATTR_MUST_CHECK;
enum status dispatch_report(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct dispatch_id id, struct dispatch_report *ret, struct err *e)
    ATTR_MUST_CHECK;
/* The member "channels": what the report says of each channel and template, as API and command line show it. */
void dispatch_write_channels(struct json_out *o, const struct dispatch_report *r);

/* --- the tenant's settings ---------------------------------------------------------------------------------------------- */

struct dispatch_settings {
    struct str currency; /* "BRL" */
    int64_t price_marketing, price_utility,
        price_authentication; /* of a WhatsApp template, in millionths */
    int64_t price_email;
    struct dispatch_limits limits;
};
enum status dispatch_settings_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                  struct dispatch_settings *ret, struct err *e) ATTR_MUST_CHECK;
/* Changes the members that in names. ST_INVALID. */
enum status dispatch_settings_put(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                  const struct json *in, int64_t now_ms,
                                  struct dispatch_settings *ret, struct err *e) ATTR_MUST_CHECK;

/* --- what comes back ---------------------------------------------------------------------------------------------------- */

struct dispatch_receipt { /* one status callback that carries "r:<recipient>" */
    struct tenant_id tenant;
    struct account_id account;
    const struct provider *provider;
    const struct inbound *status;
};
/* True when a status is of a campaign's message. */
bool dispatch_is_receipt(const struct inbound *status);
/* All of them in one go, whatever their order: a row never goes back, a failure may begin the next channel. */
enum status dispatch_receipts(struct arena *a, struct tx *tx, const struct dispatch_receipt *items,
                              size_t n, int64_t now_ms, struct err *e) ATTR_MUST_CHECK;

/* A person wrote: what a campaign sent them lately is put into their conversation first. For received.before. */
enum status dispatch_before_reply(struct arena *a, struct tx *tx, const struct conversation *c,
                                  const struct received *in, struct err *e) ATTR_MUST_CHECK;
/* A person said stop, in whatever way: counted with the campaign that reached them last. */
enum status dispatch_opted_out(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct lead_id lead, int64_t now_ms, struct err *e) ATTR_MUST_CHECK;

/* --- running ------------------------------------------------------------------------------------------------------------ */

enum { DISPATCH_TURNS_MAX = 256 };

struct dispatch_turns { /* whose campaigns run in this process; all zero at first; turn.h */
    pthread_mutex_t lock;
    struct tenant_id running[DISPATCH_TURNS_MAX];
    size_t n;
    bool is_wanted;
    struct tenant_id idle; /* found no room while it had nothing running; nil: nobody */
    int64_t idle_at_ms;
};

struct dispatch_deps { /* what the jobs need; part of struct app, reached by app_dispatch() */
    struct db *db;
    struct httpc *httpc;
    struct mailer *mailer;
    const struct keyring *keys;
    const struct current_defaults *defaults;
    int window;      /* calls one campaign keeps under way */
    int max_running; /* campaigns of this process at once; the others wait their turn */
    struct dispatch_turns turns;
    struct dispatch_tallies tallies;
    _Atomic bool is_stopping; /* set before the queue stops: runs end soon */
};
enum status dispatch_plan_job(struct app *app, struct arena *a, const struct job *job,
                              struct verdict *ret_verdict, struct err *e);
enum status dispatch_start_job(struct app *app, struct arena *a, const struct job *job,
                               struct verdict *ret_verdict, struct err *e);
enum status dispatch_run_job(struct app *app, struct arena *a, const struct job *job,
                             struct verdict *ret_verdict, struct err *e);
/* TEMPLATE_CHANGED_JOB: running campaigns with such a template are paused, those that wait for their time no longer start by
 * themselves; the cause is as template_is_usable() says, "template-quality" or "template-category". */
enum status dispatch_templates_job(struct app *app, struct arena *a, const struct job *job,
                                   struct verdict *ret_verdict, struct err *e);
enum status dispatch_test_job(struct app *app, struct arena *a, const struct job *job,
                              struct verdict *ret_verdict, struct err *e);
/* Implemented by app/. */
struct dispatch_deps *app_dispatch(struct app *app);
