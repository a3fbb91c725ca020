/* flight.c - one message on its way: built, handed to the client, judged. Nothing here waits.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/run.h"

#include "stats/stats.h"

#define SENDS(outcome)                                                                             \
    STATS_COUNTER_L("prosa_campaign_sends_total", "Messages of campaigns, by outcome.",            \
                    "outcome=\"" outcome "\"")
static struct stats_counter accepted = SENDS("accepted");
static struct stats_counter retried = SENDS("retry");
static struct stats_counter rejected = SENDS("rejected");
static struct stats_counter blocked = SENDS("blocked");
static struct stats_counter uncertain = SENDS("uncertain");

static void land(struct flight *f) {
    struct run *r = f->run;

    pthread_mutex_lock(&r->lock);
    list_push(&r->done, &f->node);
    r->n_done++;
    if (r->n_done >= r->wake_at)
        pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->lock);
}

static void answered(void *ctx, enum status st, const struct http_reply *reply,
                     const struct err *e) {
    struct flight *f = ctx;

    f->st = st;
    f->err = *e;
    http_reply_copy(&f->arena, reply, &f->reply);
    land(f);
}

static void mailed(void *ctx, enum status st) {
    struct flight *f = ctx;

    f->st = st;
    land(f);
}

static bool is_mail(const struct flight *f) {
    return f->via->provider->transport == TRANSPORT_MAIL;
}

static void start_mail(struct flight *f, const struct outgoing *msg) {
    f->mail = (struct mail_submission){.a = &f->arena,
                                       .ch = f->channel,
                                       .msg = *msg,
                                       .reach = REACH_CAMPAIGN,
                                       .ret = &f->result,
                                       .e = &f->err,
                                       .done = mailed,
                                       .ctx = f};
}

static enum status build(struct flight *f, struct err *e) {
    const struct json *content;
    const bool is_email = str_eq(f->row.channel, STR("email"));
    const struct outgoing out = {
        .to_phone = is_email || f->is_user_id ? STR_EMPTY : f->row.address,
        .to_user_id = f->is_user_id ? f->row.address : STR_EMPTY,
        .to_email = is_email ? f->row.address : STR_EMPTY,
        .to_name = f->lead_name,
        .lead = f->row.lead,
        .is_automatic = true,
        .type = STR("template"),
        .correlation =
            arena_printf(&f->arena, "r:%.*s", STR_ARG(uuid_format(&f->arena, f->row.id.v))),
    };
    struct outgoing msg = out;

    TRY(json_parse(&f->arena, f->content, JSON_LIMITS_DEFAULT, &content, e));
    msg.content = content;
    if (is_mail(f)) {
        start_mail(f, &msg);
        return ST_OK;
    }
    TRY(f->via->provider->build(&f->arena, f->channel, &msg, &f->call, e));
    f->call.reach = REACH_CAMPAIGN;
    return ST_OK;
}

static struct flight *new_flight(struct run *r) {
    struct list_node *n = list_pop(&r->free);
    struct flight *f = n ? LIST_ITEM(n, struct flight, node) : calloc(1, sizeof(*f));

    if (!f)
        abort();
    return f;
}

void flight_start(struct run *r, const struct claimed *c) {
    struct flight *f = new_flight(r);

    *f = (struct flight){
        .run = r,
        .batch = r->batch,
        .row = c->row,
        .content = c->decision->content,
        .is_user_id = c->decision->is_user_id,
        .is_new_lead = str_eq(c->decision->contact->state, STR("new")),
        .price = c->via->price,
        .lead_name = c->decision->contact->name,
        .via = c->via,
        .channel = c->channel,
    };
    r->batch->refs++;
    r->n_flying++;
    if (build(f, &f->err) != ST_OK) {
        f->st = ST_INVALID;
        land(f);
        return;
    }
    if (is_mail(f))
        mail_submit(r->deps->mailer, &f->mail);
    else
        httpc_submit(r->deps->httpc, &f->call, answered, f);
}

static void count(enum send_outcome outcome) {
    static struct stats_counter *const by_outcome[] = {
        [SEND_ACCEPTED] = &accepted, [SEND_RETRY] = &retried,       [SEND_REJECTED] = &rejected,
        [SEND_BLOCKED] = &blocked,   [SEND_UNCERTAIN] = &uncertain,
    };

    stats_add(by_outcome[outcome], 1);
}

void flight_judge(struct flight *f) {
    switch (f->st) {
    case ST_INVALID: /* the provider would refuse it, so it was not called */
        f->result = (struct send_result){.outcome = SEND_REJECTED,
                                         .cause = STR("content-refused"),
                                         .reason = str_of(f->err.message)};
        break;
    case ST_DENIED: /* the gate was shut meanwhile, or the address is forbidden: nothing left */
        f->result = (struct send_result){
            .outcome = f->err.cause && strcmp(f->err.cause, "gate-closed") == 0 ? SEND_RETRY
                                                                                : SEND_REJECTED,
            .cause = str_of(f->err.cause),
            .reason = str_of(f->err.message)};
        break;
    case ST_BROKEN:
        f->result = (struct send_result){.outcome = SEND_REJECTED,
                                         .cause = STR("call-refused"),
                                         .reason = str_of(f->err.message)};
        break;
    default:
        if (is_mail(f)) {
            if (f->st != ST_OK)
                f->result = (struct send_result){.outcome = SEND_RETRY,
                                                 .cause = STR("not-sent"),
                                                 .reason = str_of(f->err.message)};
            break;
        }
        f->via->provider->judge(&f->arena, &f->reply, &f->result);
        if (f->st == ST_UNAVAILABLE && f->result.outcome == SEND_RETRY &&
            f->err.retry_after_ms > f->result.retry_after_ms)
            f->result.retry_after_ms = f->err.retry_after_ms;
        break;
    }
    count(f->result.outcome);
}

void flight_end(struct run *r, struct flight *f) {
    arena_done(&f->arena);
    if (--f->batch->refs == 0 && f->batch != r->batch) {
        arena_done(&f->batch->arena);
        free(f->batch);
    }
    list_push(&r->free, &f->node);
}
