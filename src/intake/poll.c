/* poll.c - mails come in: fetched by IMAP, stored raw, and from there on what a provider's call is.
 *
 *   fetch behind the place → one transaction: fence, place moves on, mails appended, drain put
 *
 * A run that dies in between leaves place and folder as they were: the next one fetches the same mails again.
 * SPDX-License-Identifier: Apache-2.0 */
#include "intake/poll.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "outbox/outbox.h"
#include "stats/stats.h"

enum {
    RUN_MS = 10000,             /* then the job gives its worker back and comes again */
    BEHIND_MS = 500,            /* the drain gets on first: what waits must fit into memory */
    REFUSED_MS = 5 * 60 * 1000, /* between looks at a server that refused */
    DEFAULT_POLL_S = 30,
    SLACK_MS = 1000, /* schedules fire at their time, looks end a little later */
    TROUBLE_MAX_BYTES = 500,
};

static struct stats_counter mails_fetched =
    STATS_COUNTER("prosa_mails_fetched_total", "Mails fetched by IMAP and stored.");

/* --- which mailboxes are due ------------------------------------------------------------------------------------------ */

struct scan {
    struct arena *a;
    const struct job *job;
    struct account *list;
    size_t n;
};

static int64_t interval_ms(const struct account *account, const struct place *place) {
    int64_t s = json_i64(json_get(account->settings, "imap_poll_s"), DEFAULT_POLL_S);

    return place->is_refused && s * 1000 < REFUSED_MS ? REFUSED_MS : s * 1000;
}

enum status mail_poll_put(struct arena *a, struct tx *tx, const struct account *account,
                          struct err *e) {
    struct str id = uuid_format(a, account->id.v);

    return queue_put(tx,
                     (struct job_put){
                         .tenant = account->tenant,
                         .kind = MAIL_POLL_JOB,
                         .lane = arena_printf(a, "mail:%.*s", STR_ARG(id)),
                         .key = id,
                         .coalesce = QUEUE_KEEP,
                         .priority = QUEUE_NORMAL,
                         .payload = arena_printf(a, "{\"account\":\"%.*s\"}", STR_ARG(id)),
                     },
                     NULL, e);
}

static bool has_mailbox(const struct account *account) {
    return str_eq(account->kind, STR("email")) &&
           json_str(json_get(account->settings, "imap_host")).len > 0;
}

enum status mail_look_get(struct arena *a, struct tx *tx, const struct account *account,
                          struct mail_look *ret, struct err *e) {
    struct place place;

    if (!has_mailbox(account) || !account->is_active)
        FAIL(e, ST_CONFLICT, "the account reads no mailbox: it has no IMAP server, or is off");
    TRY(store_mail_place_get(a, tx, account->tenant, account->id, &place, e));
    *ret = (struct mail_look){.looked_at_ms = place.looked_at_ms,
                              .trouble = place.trouble,
                              .is_refused = place.is_refused};
    return ST_OK;
}

static enum status list_due(struct tx *tx, void *ctx, struct err *e) {
    struct scan *s = ctx;
    int64_t now_ms = clock_now_ms();

    TRY(queue_fence(tx, s->job, e));
    TRY(account_list_kind(s->a, tx, STR("email"), &s->list, &s->n, e));
    for (size_t i = 0; i < s->n; i++) {
        const struct account *account = &s->list[i];
        struct place place;

        if (!has_mailbox(account))
            continue;
        TRY(store_mail_place_get(s->a, tx, account->tenant, account->id, &place, e));
        if (now_ms - place.looked_at_ms + SLACK_MS >= interval_ms(account, &place))
            TRY(mail_poll_put(s->a, tx, account, e));
    }
    return ST_OK;
}

enum status mail_scan_job(struct app *app, struct arena *a, const struct job *job,
                          struct verdict *ret_verdict, struct err *e) {
    struct scan s = {.a = a, .job = job};

    *ret_verdict = (struct verdict){.kind = VERDICT_DONE};
    return db_write(app_db(app), DB_SYSTEM, list_due, &s, e);
}

/* --- one mailbox ------------------------------------------------------------------------------------------------------ */

struct polling {
    struct db *db;
    const struct outbox *outbox; /* mailer, keys and defaults */
    struct arena *a;
    const struct job *job;
    struct account_id id;

    bool is_wanted, is_behind;
    struct account account;
    struct channel channel;
    struct str source;
    struct place place;
    struct mail_batch batch;
    struct send_result result;
};

static enum status look(struct tx *tx, void *ctx, struct err *e) {
    struct polling *p = ctx;
    const struct mail_channel *mail;

    p->is_wanted = false;
    TRY(account_get(p->a, tx, p->id, &p->account, e));
    if (!p->account.is_active)
        return ST_OK;
    TRY(account_channel(p->a, tx, p->outbox->keys, &p->account,
                        *atomic_load(&p->outbox->defaults->now), &p->channel, e));
    mail = p->channel.mail;
    if (!mail || mail->imap.host.len == 0)
        return ST_OK;
    TRY(store_mail_place_get(p->a, tx, p->account.tenant, p->id, &p->place, e));
    p->source =
        arena_printf(p->a, "%.*s:%u %.*s %.*s", STR_ARG(mail->imap.host), (unsigned)mail->imap.port,
                     STR_ARG(mail->imap.user), STR_ARG(mail->folder));
    if (!str_eq(p->place.source, p->source))
        p->place.at = (struct mail_place){0};
    p->place.at.since_ms = p->account.created_at_ms;
    p->is_wanted = true;
    return store_inbox_has_waiting(p->a, tx, p->account.tenant, p->id, &p->is_behind, e);
}

static enum status note_skipped(struct tx *tx, struct polling *p, const struct mail_item *item,
                                int64_t now_ms, struct err *e) {
    const struct inbound event = {
        .field = STR("mail_too_large"),
        .raw = arena_printf(p->a, "{\"uid\":%lld,\"size\":%lld,\"max\":%d}", (long long)item->uid,
                            (long long)item->size, MAIL_MAX_BYTES),
    };

    return store_account_event(tx, p->account.tenant, p->id, &event, now_ms, e);
}

static enum status append_all(struct tx *tx, struct polling *p, int64_t now_ms, struct err *e) {
    struct raw_call *calls = arena_array_of(p->a, p->batch.n + 1, struct raw_call);
    size_t n = 0;

    for (size_t i = 0; i < p->batch.n; i++) {
        const struct mail_item *item = &p->batch.items[i];

        if (item->bytes.len > 0)
            calls[n++] = (struct raw_call){.id.v = uuid_new(),
                                           .provider = p->account.kind,
                                           .account = p->id,
                                           .tenant = p->account.tenant,
                                           .body = item->bytes,
                                           .at_ms = now_ms};
        else if (item->size > MAIL_MAX_BYTES)
            TRY(note_skipped(tx, p, item, now_ms, e));
    }
    if (n == 0)
        return ST_OK;
    TRY(store_inbox_append(p->a, tx, calls, n, e));
    return store_drain_put(tx, e);
}

static struct str trouble_of(const struct polling *p) {
    return p->result.outcome == SEND_ACCEPTED ? STR_EMPTY
                                              : utf8_cut_bytes(p->result.reason, TROUBLE_MAX_BYTES);
}

static enum status record(struct tx *tx, void *ctx, struct err *e) {
    struct polling *p = ctx;
    int64_t now_ms = clock_now_ms();
    struct place to = {
        .source = p->source,
        .at = p->batch.place,
        .looked_at_ms = now_ms,
        .trouble = trouble_of(p),
        .is_refused = p->result.outcome == SEND_BLOCKED,
    };
    struct place from;

    TRY(queue_fence(tx, p->job, e));
    TRY(store_mail_place_get(p->a, tx, p->account.tenant, p->id, &from, e));
    if (str_eq(from.source, to.source) && (from.at.uid_validity != p->place.at.uid_validity ||
                                           from.at.last_uid != p->place.at.last_uid))
        FAIL(e, ST_CONFLICT, "another look at the mailbox was faster");
    TRY(store_mail_place_move(tx, p->account.tenant, p->id, &from, &to, e));
    return append_all(tx, p, now_ms, e);
}

static enum status poll_once(struct polling *p, struct err *e) {
    TRY(db_read(p->db, DB_TENANT(p->job->tenant), look, p, e));
    if (!p->is_wanted || p->is_behind)
        return ST_OK;
    TRY(mail_fetch(p->outbox->mailer, p->a, &p->channel, p->place.at, &p->batch, &p->result, e));
    TRY(db_write(p->db, DB_SYSTEM, record, p, e));
    stats_add(&mails_fetched, (int64_t)p->batch.n);
    return ST_OK;
}

enum status mail_poll_job(struct app *app, struct arena *a, const struct job *job,
                          struct verdict *ret_verdict, struct err *e) {
    int64_t until_ms = clock_mono_ms() + RUN_MS;
    const struct json *payload;
    struct polling p = {.db = app_db(app), .outbox = app_outbox(app), .job = job};
    ATTR_CLEANUP(arena_done_p) struct arena batch = {0};

    *ret_verdict = (struct verdict){.kind = VERDICT_DONE};
    TRY(json_parse(a, job->payload, JSON_LIMITS_DEFAULT, &payload, e));
    if (!uuid_parse(json_str(json_get(payload, "account")), &p.id.v))
        FAIL(e, ST_INVALID, "the job's payload names no account");
    p.a = &batch;
    do {
        arena_reset(&batch);
        p.batch = (struct mail_batch){0};
        TRY(poll_once(&p, e));
    } while (p.batch.has_more && !p.is_behind && clock_mono_ms() < until_ms);
    if (p.is_wanted && (p.is_behind || p.batch.has_more))
        *ret_verdict =
            (struct verdict){.kind = VERDICT_AGAIN, .after_ms = BEHIND_MS, .cause = "behind"};
    return ST_OK;
}
