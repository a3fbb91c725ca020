/* send.c - the send job: one message from queued to a known fate.
 *
 *   attach (its file goes to the provider, if it has one) →
 *   permit (transaction: fence, owner, account, pace, mark sending) → build → gate and call → judge → record (transaction)
 *
 * A run that finds its message already "sending" is the successor of one that died in between: the call may have reached the
 * provider, so the message becomes uncertain and is not sent again.
 * SPDX-License-Identifier: Apache-2.0 */
#include "outbox/receipt.h"

#include "base/clock.h"
#include "outbox/attach.h"
#include "outbox/thread.h"
#include "pace/pace.h"
#include "stats/stats.h"

static struct stats_counter sends_accepted =
    STATS_COUNTER_L("prosa_sends_total", "Calls to providers that send a message, by outcome.",
                    "outcome=\"accepted\"");
static struct stats_counter sends_retried =
    STATS_COUNTER_L("prosa_sends_total", "Calls to providers that send a message, by outcome.",
                    "outcome=\"retry\"");
static struct stats_counter sends_rejected =
    STATS_COUNTER_L("prosa_sends_total", "Calls to providers that send a message, by outcome.",
                    "outcome=\"rejected\"");
static struct stats_counter sends_blocked =
    STATS_COUNTER_L("prosa_sends_total", "Calls to providers that send a message, by outcome.",
                    "outcome=\"blocked\"");
static struct stats_counter sends_uncertain =
    STATS_COUNTER_L("prosa_sends_total", "Calls to providers that send a message, by outcome.",
                    "outcome=\"uncertain\"");

struct sending { /* one run of the job */
    struct outbox *outbox;
    struct arena *arena;
    const struct job *job;
    struct message_id id;
    struct verdict *verdict;
    struct attachment file;

    /* found by permit */
    bool may_send;
    struct message message;
    struct lead lead;
    struct account account;
    struct channel channel;
    const struct provider *provider;
    struct thread thread; /* of e-mail */

    /* found by the call */
    struct send_result result;
};

static void set_verdict(struct sending *s, enum verdict_kind kind, int64_t after_ms,
                        const char *cause, struct str reason) {
    *s->verdict = (struct verdict){.kind = kind,
                                   .after_ms = after_ms > 0 ? (uint32_t)after_ms : 0,
                                   .cause = cause,
                                   .reason = reason};
}

/* --- permit -------------------------------------------------------------------------------------------------------- */

static enum status give_up(struct tx *tx, struct sending *s, struct str status, int64_t code,
                           struct str cause, struct str reason, struct err *e) {
    bool moved;

    return message_change_status(
        s->arena, tx, &s->message,
        (struct message_change){
            .status = status, .error_code = code, .error_cause = cause, .error_reason = reason},
        clock_now_ms(), &moved, e);
}

static enum status load_account(struct tx *tx, struct sending *s, struct err *e) {
    TRY(account_get(s->arena, tx, s->message.account, &s->account, e));
    s->provider = provider_find(s->account.kind);
    if (!s->provider)
        FAIL(e, ST_BROKEN, "the account's provider \"%.*s\" is not one this program knows",
             STR_ARG(s->account.kind));
    return account_channel(s->arena, tx, s->outbox->keys, &s->account,
                           *atomic_load(&s->outbox->defaults->now), &s->channel, e);
}

static int64_t setting(const struct sending *s, const char *key, int64_t min, int64_t fallback) {
    int64_t v = json_i64(json_get(s->account.settings, key), fallback);

    return v >= min ? v : fallback;
}

/* Person and number: both must have room in the same transaction, or neither is used up. */
static enum status take_pace(struct tx *tx, struct sending *s, int64_t *ret_wait_us,
                             struct err *e) {
    const struct provider_limits *limits = &s->provider->limits;
    struct str account = uuid_format(s->arena, s->account.id.v),
               lead = uuid_format(s->arena, s->lead.id.v);
    int64_t per_second = setting(s, "per_second", 1, limits->per_second);
    int64_t now_us = clock_now_ms() * 1000;
    const struct pace paces[] = {
        {.key = arena_printf(s->arena, "pair:%.*s:%.*s", STR_ARG(account), STR_ARG(lead)),
         .interval_us = setting(s, "pair_interval_ms", 0, limits->pair_interval_ms) * 1000,
         .burst = setting(s, "pair_burst", 1, limits->pair_burst)},
        {.key = arena_printf(s->arena, "number:%.*s", STR_ARG(account)),
         .interval_us = 1000000 / per_second,
         .burst = per_second / 10 + 1},
    };

    for (size_t i = 0; i < ARRAY_LEN(paces); i++) {
        if (paces[i].interval_us == 0) /* the account wants no pace towards one person */
            continue;
        TRY(pace_take(s->arena, tx, s->message.tenant, paces[i], now_us, ret_wait_us, e));
        if (*ret_wait_us > 0)
            FAIL(e, ST_LIMITED, "the pace of the account or the person is used up");
    }
    return ST_OK;
}

static enum status check_account(struct sending *s) {
    if (s->account.is_active && str_eq(s->account.state, STR("ok")))
        return ST_OK;
    set_verdict(s, VERDICT_PARK, 0, s->account.is_active ? "account-blocked" : "account-disabled",
                s->account.is_active ? s->account.state_reason
                                     : STR("the provider account is disabled"));
    return ST_DENIED;
}

/* Decides on a message that is still queued. */
static enum status permit_queued(struct tx *tx, struct sending *s, const struct conversation *c,
                                 struct err *e) {
    bool is_person = str_eq(s->message.owner, STR("person"));
    bool moved;
    int64_t wait_us = 0;

    if (!is_person && s->message.owner_version != c->owner_version)
        return give_up(tx, s, STR("cancelled"), 0, STR("owner-changed"),
                       STR("the conversation's owner changed"), e);
    TRY(load_account(tx, s, e));
    if (check_account(s) != ST_OK)
        return ST_OK;
    if (!gate_permits(httpc_gate(s->outbox->httpc), REACH_REPLY)) {
        set_verdict(s, VERDICT_PARK, 0, "gate-closed",
                    STR("PROSA_OUTBOUND is off: nothing is sent to people"));
        return ST_OK;
    }
    TRY(lead_get(s->arena, tx, s->message.tenant, c->lead, &s->lead, e));
    if (s->provider->transport == TRANSPORT_MAIL)
        TRY(thread_find(s->arena, tx, &s->message, &s->thread, e));

    TRY(message_change_status(s->arena, tx, &s->message,
                              (struct message_change){.status = STR("sending")}, clock_now_ms(),
                              &moved, e));

    /* Last, since every send of the number waits for its bucket's row until this one commits. */
    enum status st = take_pace(tx, s, &wait_us, e);

    if (st == ST_LIMITED) /* rolled back whole: no cell is used up, and the message stays queued */
        e->retry_after_ms = (uint32_t)(wait_us / 1000 + 1);
    s->may_send = st == ST_OK;
    return st;
}

static enum status permit(struct tx *tx, void *ctx, struct err *e) {
    struct sending *s = ctx;
    struct conversation c;

    s->may_send = false;
    *s->verdict = (struct verdict){.kind = VERDICT_DONE};
    TRY(queue_fence(tx, s->job, e));
    TRY(message_get(s->arena, tx, s->job->tenant, s->id, &s->message, e));
    TRY(conversation_lock(s->arena, tx, s->job->tenant, s->message.conversation, &c, e));
    /* Read again under the lock: a person may have taken over or cancelled in between. */
    TRY(message_get(s->arena, tx, s->job->tenant, s->id, &s->message, e));
    if (str_eq(s->message.status, STR("sending"))) {
        stats_add(&sends_uncertain, 1);
        return give_up(
            tx, s, STR("uncertain"), 0, STR("program-stopped"),
            STR("the program stopped during the call: waiting for the provider's status"), e);
    }
    if (!str_eq(s->message.status, STR("queued")))
        return ST_OK;
    return permit_queued(tx, s, &c, e);
}

/* --- call ----------------------------------------------------------------------------------------------------------- */

static void rejected(struct sending *s, struct str cause, struct str reason) {
    s->result = (struct send_result){.outcome = SEND_REJECTED, .cause = cause, .reason = reason};
}

/* An e-mail carries its file itself. */
static enum status call_mail(struct sending *s, const struct json *content,
                             struct media_deps *media, struct err *e) {
    struct outgoing_file file = {0};
    struct err why = ERR_INIT;
    const struct outgoing out = {
        .to_email = s->lead.email,
        .to_name = str_eq(s->lead.name, s->lead.email) ? STR_EMPTY : s->lead.name,
        .type = s->message.type,
        .content = content,
        .reply_to = s->thread.in_reply_to,
        .references = s->thread.references,
        .subject = s->thread.subject,
        .correlation = uuid_format(s->arena, s->message.id.v),
        .is_automatic = !str_eq(s->message.owner, STR("person")),
        .files = &file,
        .n_files = s->file.is_there,
    };
    enum status st;

    if (s->file.is_there) {
        file.name = s->file.media.file_name;
        file.mime = s->file.media.mime;
        TRY(media_read(media, s->arena, &s->file.media, &file.bytes, e));
    }
    st = mail_send(s->outbox->mailer, s->arena, &s->channel, &out, REACH_REPLY, &s->result, &why);
    if (st == ST_OK)
        return ST_OK;
    s->result = (struct send_result){.outcome = SEND_REJECTED,
                                     .cause = str_of(why.cause ? why.cause : status_name(st)),
                                     .reason = arena_str(s->arena, str_of(why.message))};
    return ST_OK;
}

static enum status call(struct sending *s, struct media_deps *media, struct err *e) {
    const struct json *content;
    struct http_call http = {0};
    struct http_reply reply = {0};
    struct err why = ERR_INIT;
    struct str correlation = uuid_format(s->arena, s->message.id.v);

    TRY(json_parse(s->arena, s->message.content, JSON_LIMITS_DEFAULT, &content, e));
    if (s->provider->transport == TRANSPORT_MAIL)
        return call_mail(s, content, media, e);
    if (s->file.is_there &&
        s->file.provider_id.len + s->file.link.len == 0) { /* permitted by what changed since */
        s->result = (struct send_result){.outcome = SEND_RETRY,
                                         .cause = STR("file-not-given"),
                                         .reason = STR("the file has to be uploaded first")};
        return ST_OK;
    }
    if (s->file.is_there)
        TRY(attach_content(s->arena, &s->file, content, &content, e));

    const struct outgoing out = {
        .to_phone = s->lead.phone,
        .to_user_id = s->lead.user_id,
        .type = s->message.type,
        .content = content,
        .reply_to = s->message.reply_to,
        .correlation = correlation,
    };

    if (s->provider->build(s->arena, &s->channel, &out, &http, &why) != ST_OK) {
        rejected(s, STR("content-refused"), arena_str(s->arena, str_of(why.message)));
        return ST_OK;
    }
    http.reach = REACH_REPLY;

    enum status st = httpc_call(s->outbox->httpc, s->arena, &http, &reply, &why);

    if (st == ST_DENIED || st == ST_BROKEN)
        rejected(s, str_of(why.cause), arena_str(s->arena, str_of(why.message)));
    else
        s->provider->judge(s->arena, &reply, &s->result);
    return ST_OK;
}

/* --- record --------------------------------------------------------------------------------------------------------- */

static enum status record_accepted(struct tx *tx, struct sending *s, int64_t now_ms,
                                   struct err *e) {
    bool moved;

    TRY(message_change_status(
        s->arena, tx, &s->message,
        (struct message_change){.status = STR("sent"), .provider_id = s->result.message_id}, now_ms,
        &moved, e));
    TRY(receipts_catch_up(s->arena, tx, s->provider, &s->message, now_ms, e));
    return lead_learn_address(
        s->arena, tx, s->message.tenant, s->lead.id,
        &(struct party){.phone = s->result.phone, .user_id = s->result.user_id}, now_ms, e);
}

static enum status record_retry(struct tx *tx, struct sending *s, int64_t now_ms, struct err *e) {
    const struct send_result *r = &s->result;

    /* A message to one person that came a day late, and held up those behind it, would help nobody. */
    if (r->is_spared || s->job->attempt >= OUTBOX_MAX_ATTEMPTS)
        return give_up(tx, s, STR("failed"), r->code, r->cause, r->reason, e);
    set_verdict(s, VERDICT_RETRY, r->retry_after_ms, arena_cstr(s->arena, r->cause), r->reason);
    return message_requeue(s->arena, tx, &s->message, now_ms, e);
}

static enum status record_blocked(struct tx *tx, struct sending *s, int64_t now_ms, struct err *e) {
    const struct send_result *r = &s->result;

    TRY(account_set_state(tx, s->message.tenant, s->account.id, STR("blocked"), r->reason, e));
    TRY(message_requeue(s->arena, tx, &s->message, now_ms, e));
    set_verdict(s, VERDICT_PARK, 0, "account-blocked", r->reason);
    return ST_OK;
}

static enum status record_rejected(struct tx *tx, struct sending *s, int64_t now_ms,
                                   struct err *e) {
    const struct send_result *r = &s->result;

    if (s->file.is_there)
        TRY(media_take_back(tx, &s->file.media, s->account.id, e));
    if (r->is_no_address)
        TRY(lead_learn_bounce(s->arena, tx, s->message.tenant, s->lead.email, now_ms, e));
    TRY(heed_refusal(s->arena, tx, &s->message, r->code, r->reason, now_ms, e));
    return give_up(tx, s, STR("failed"), r->code, r->cause, r->reason, e);
}

static enum status record(struct tx *tx, void *ctx, struct err *e) {
    struct sending *s = ctx;
    int64_t now_ms = clock_now_ms();

    *s->verdict = (struct verdict){.kind = VERDICT_DONE};
    TRY(queue_fence(tx, s->job, e));
    TRY(message_get(s->arena, tx, s->job->tenant, s->id, &s->message, e));
    /* A status that overtook this answer has settled it already. */
    if (!str_eq(s->message.status, STR("sending")) && s->result.outcome != SEND_ACCEPTED)
        return ST_OK;
    switch (s->result.outcome) {
    case SEND_ACCEPTED:
        return record_accepted(tx, s, now_ms, e);
    case SEND_RETRY:
        return record_retry(tx, s, now_ms, e);
    case SEND_REJECTED:
        return record_rejected(tx, s, now_ms, e);
    case SEND_BLOCKED:
        return record_blocked(tx, s, now_ms, e);
    case SEND_UNCERTAIN:
        return give_up(tx, s, STR("uncertain"), s->result.code, s->result.cause, s->result.reason,
                       e);
    }
    FAIL(e, ST_BROKEN, "the adapter gave no outcome");
}

static void count(enum send_outcome outcome) {
    static struct stats_counter *const by_outcome[] = {
        [SEND_ACCEPTED] = &sends_accepted,   [SEND_RETRY] = &sends_retried,
        [SEND_REJECTED] = &sends_rejected,   [SEND_BLOCKED] = &sends_blocked,
        [SEND_UNCERTAIN] = &sends_uncertain,
    };

    stats_add(by_outcome[outcome], 1);
}

static enum status message_of_job(struct arena *a, const struct job *job, struct message_id *ret,
                                  bool *ret_has_file, struct err *e) {
    const struct json *payload;

    TRY(json_parse(a, job->payload, JSON_LIMITS_DEFAULT, &payload, e));
    if (!uuid_parse(json_str(json_get(payload, "message")), &ret->v))
        FAIL(e, ST_INVALID, "the job's payload names no message");
    *ret_has_file = json_bool(json_get(payload, "file"), false);
    return ST_OK;
}

enum status outbox_send_job(struct app *app, struct arena *a, const struct job *job,
                            struct verdict *ret_verdict, struct err *e) {
    struct sending s = {.outbox = app_outbox(app), .arena = a, .job = job, .verdict = ret_verdict};
    bool has_file = false;

    TRY(message_of_job(a, job, &s.id, &has_file, e));
    if (has_file)
        TRY(attach_prepare(app, a, job, s.id, &s.file, ret_verdict, e));
    if (s.file.is_held)
        return ST_OK;

    enum status st = db_write(s.outbox->db, DB_TENANT(job->tenant), permit, &s, e);

    if (st == ST_LIMITED) {
        set_verdict(&s, VERDICT_AGAIN, e->retry_after_ms, "pace", STR_EMPTY);
        err_clear(e);
        return ST_OK;
    }
    if (st != ST_OK || !s.may_send)
        return st;
    TRY(call(&s, has_file ? app_media(app) : NULL, e));
    count(s.result.outcome);
    return db_write(s.outbox->db, DB_TENANT(job->tenant), record, &s, e);
}

/* --- mark as read --------------------------------------------------------------------------------------------------- */

struct reading {
    struct outbox *outbox;
    struct arena *arena;
    const struct job *job;
    struct conversation_id id;
    struct str target;
    struct account account;
    struct channel channel;
};

static enum status find_unread(struct tx *tx, void *ctx, struct err *e) {
    struct reading *r = ctx;
    struct message_page page;

    r->target = STR_EMPTY;
    TRY(message_list(r->arena, tx, r->job->tenant, r->id,
                     (struct page_query){.limit = 20, .is_backward = true}, &page, e));
    for (size_t i = 0; i < page.n && r->target.len == 0; i++)
        if (str_eq(page.items[i].direction, STR("in")))
            r->target = page.items[i].provider_id;
    if (r->target.len == 0)
        return ST_OK;
    TRY(account_get(r->arena, tx, page.items[0].account, &r->account, e));
    return account_channel(r->arena, tx, r->outbox->keys, &r->account,
                           *atomic_load(&r->outbox->defaults->now), &r->channel, e);
}

static struct str read_content(struct arena *a, struct str target) {
    struct buf b;
    struct json_out o;

    buf_init(&b, 4096);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_str(&o, "target", target);
    json_end(&o);

    struct str text = arena_str(a, buf_str(&b));

    buf_done(&b);
    return text;
}

enum status outbox_read_job(struct app *app, struct arena *a, const struct job *job,
                            struct verdict *ret_verdict, struct err *e) {
    struct reading r = {.outbox = app_outbox(app), .arena = a, .job = job};
    const struct json *payload, *content;
    const struct provider *provider;
    struct http_call http = {0};
    struct http_reply reply;
    struct err ignored = ERR_INIT;

    *ret_verdict = (struct verdict){.kind = VERDICT_DONE};
    TRY(json_parse(a, job->payload, JSON_LIMITS_DEFAULT, &payload, e));
    if (!uuid_parse(json_str(json_get(payload, "conversation")), &r.id.v))
        FAIL(e, ST_INVALID, "the job's payload names no conversation");
    TRY(db_read(r.outbox->db, DB_TENANT(job->tenant), find_unread, &r, e));
    provider = provider_find(r.account.kind);
    if (r.target.len == 0 || !provider || provider->transport == TRANSPORT_MAIL ||
        !r.account.is_active || !str_eq(r.account.state, STR("ok")))
        return ST_OK;
    TRY(json_parse(a, read_content(a, r.target), JSON_LIMITS_DEFAULT, &content, e));
    TRY(provider->build(a, &r.channel,
                        &(struct outgoing){.type = STR("read"),
                                           .content = content,
                                           .typing = json_bool(json_get(payload, "typing"), false)},
                        &http, e));
    http.reach = REACH_REPLY;
    /* Best effort: a mark that is lost harms nobody, and one that comes late misleads. */
    if (httpc_call(r.outbox->httpc, a, &http, &reply, &ignored) == ST_BROKEN) {
        *e = ignored;
        return ST_BROKEN;
    }
    return ST_OK;
}
