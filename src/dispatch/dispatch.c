/* dispatch.c - a campaign's states: who may bring it from which to which, and what job follows.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/internal.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "dispatch/permit.h"

/* --- helpers for all of dispatch/ ----------------------------------------------------------------------------------------- */

enum status dispatch_event(struct arena *a, struct tx *tx, const struct dispatch *d, int64_t now_ms,
                           struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 16u << 10};
    struct json_out o;

    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_str(&o, "dispatch", uuid_format(a, d->id.v));
    json_put_str(&o, "state", d->state);
    json_put_opt(&o, "cause", d->cause);
    json_end(&o);
    return event_add(tx,
                     (struct event){.tenant = d->tenant,
                                    .kind = STR("dispatch.state"),
                                    .data = arena_str(a, buf_str(&b)),
                                    .at_ms = now_ms},
                     e);
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status dispatch_set_state(struct arena *a, struct tx *tx, struct dispatch *d,
                               const char *state, struct str cause, struct str reason,
                               int64_t now_ms, struct err *e) {
    d->state = str_of(state);
    d->cause = cause;
    d->reason = reason;
    d->wait_cause = STR_EMPTY;
    d->wait_until_ms = 0;
    d->updated_at_ms = now_ms;
    TRY(store_dispatch_update(tx, d, now_ms, e));
    return dispatch_event(a, tx, d, now_ms, e);
}

enum status dispatch_put_job(struct arena *a, struct tx *tx, const struct dispatch *d,
                             const char *kind, int64_t run_at_ms, struct err *e) {
    struct str id = uuid_format(a, d->id.v);
    /* Its start waits beside the lane: a plan may be made anew meanwhile. */
    bool is_start = strcmp(kind, DISPATCH_START_JOB) == 0;

    return queue_put(
        tx,
        (struct job_put){
            .tenant = d->tenant,
            .kind = kind,
            .lane = is_start ? STR_EMPTY : arena_printf(a, "dispatch:%.*s", STR_ARG(id)),
            .key = id,
            .coalesce = QUEUE_MOVE,
            .priority = QUEUE_BULK,
            .run_at_ms = run_at_ms,
            .payload = arena_printf(a, "{\"dispatch\":\"%.*s\"}", STR_ARG(id)),
        },
        NULL, e);
}

static bool is_in(const struct dispatch *d, const char *state) {
    return str_eq(d->state, str_of(state));
}

enum status dispatch_check_gate(enum gate gate, struct err *e) {
    if (gate_permits(gate, REACH_CAMPAIGN))
        return ST_OK;
    err_set(e, ST_CONFLICT, __FILE__, __LINE__,
            "campaigns are not sent while PROSA_OUTBOUND is \"%s\": set PROSA_OUTBOUND=all (or"
            " MICRO_AGENT_DISPARO_ENABLED=true); a dry run shows what would be sent",
            gate_name(gate));
    if (e)
        e->cause = "gate-closed";
    return ST_CONFLICT;
}

enum status dispatch_of_job(struct arena *a, const struct job *job, struct dispatch_id *ret,
                            struct err *e) {
    const struct json *payload;

    TRY(json_parse(a, job->payload, JSON_LIMITS_DEFAULT, &payload, e));
    if (!uuid_parse(json_str(json_get(payload, "dispatch")), &ret->v))
        FAIL(e, ST_INVALID, "the job's payload names no campaign");
    return ST_OK;
}

/* --- made and changed --------------------------------------------------------------------------------------------------- */

static enum status read_edit(struct arena *a, const struct dispatch_edit *in, struct dispatch *d,
                             struct err *e) {
    if (in->name)
        d->name = str_trim(*in->name);
    if (d->name.len == 0 || utf8_count(d->name) > DISPATCH_NAME_MAX)
        FAIL(e, ST_INVALID, "name: 1 to %d characters", DISPATCH_NAME_MAX);
    if (in->audience || d->audience.len == 0)
        TRY(rules_check_audience(a, in->audience, &d->audience, e));
    if (in->channels || d->channels.len == 0)
        TRY(rules_check_channels(a, in->channels, &d->channels, e));
    if (in->variables)
        TRY(rules_check_variables(a, in->variables, &d->variables, e));
    if (in->limits)
        TRY(rules_check_limits(a, in->limits, &d->limits, e));
    return ST_OK;
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status dispatch_add(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         const struct dispatch_edit *in, struct str by, int64_t now_ms,
                         struct dispatch *ret, struct err *e) {
    *ret = (struct dispatch){.id.v = uuid_new(),
                             .tenant = tenant,
                             .state = STR("draft"),
                             .variables = STR("{}"),
                             .limits = STR("{}"),
                             .created_by = by,
                             .created_at_ms = now_ms,
                             .updated_at_ms = now_ms};
    TRY(read_edit(a, in, ret, e));
    TRY(store_dispatch_insert(tx, ret, e));
    return dispatch_event(a, tx, ret, now_ms, e);
}

static bool is_before_start(const struct dispatch *d) {
    return is_in(d, "draft") || is_in(d, "planned");
}

/* What it would send is no longer what was planned. */
static enum status back_to_draft(struct arena *a, struct tx *tx, struct dispatch *d, int64_t now_ms,
                                 struct err *e) {
    if (d->start_at_ms > 0)
        TRY(queue_cancel(tx, d->tenant, DISPATCH_START_JOB, uuid_format(a, d->id.v), e));
    d->start_at_ms = d->planned_at_ms = d->dry_run_at_ms = 0;
    d->estimate = STR_EMPTY;
    return dispatch_set_state(a, tx, d, "draft", STR_EMPTY, STR_EMPTY, now_ms, e);
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status dispatch_change(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct dispatch_id id, const struct dispatch_edit *in, int64_t now_ms,
                            struct dispatch *ret, struct err *e) {
    bool is_more = in->audience || in->channels || in->variables || in->limits;

    TRY(store_dispatch_get(a, tx, tenant, id, true, ret, e));
    if (is_more && !is_before_start(ret))
        FAIL(e, ST_CONFLICT, "the campaign is %.*s: only its name can be changed",
             STR_ARG(ret->state));
    TRY(read_edit(a, in, ret, e));
    if (is_more)
        return back_to_draft(a, tx, ret, now_ms, e);
    ret->updated_at_ms = now_ms;
    return store_dispatch_update(tx, ret, now_ms, e);
}

enum status dispatch_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct dispatch_id id, struct dispatch *ret, struct err *e) {
    return store_dispatch_get(a, tx, tenant, id, false, ret, e);
}

enum status dispatch_list(struct arena *a, struct tx *tx, const struct dispatch_query *q,
                          struct dispatch **ret, size_t *ret_n, struct err *e) {
    return store_dispatch_list(a, tx, q, ret, ret_n, e);
}

enum status dispatch_delete(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct dispatch_id id, struct err *e) {
    struct dispatch d;

    TRY(store_dispatch_get(a, tx, tenant, id, true, &d, e));
    if (!is_before_start(&d))
        FAIL(e, ST_CONFLICT, "the campaign is %.*s: its record is kept", STR_ARG(d.state));
    TRY(queue_cancel(tx, tenant, DISPATCH_START_JOB, uuid_format(a, id.v), e));
    return store_dispatch_delete(tx, tenant, id, e);
}

enum status dispatch_count(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           struct dispatch_id id, struct dispatch_counts *ret, struct err *e) {
    return store_counts(a, tx, tenant, id, ret, e);
}

enum status dispatch_report(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct dispatch_id id, struct dispatch_report *ret, struct err *e) {
    return store_report(a, tx, tenant, id, ret, e);
}

void dispatch_write_channels(struct json_out *o, const struct dispatch_report *r) {
    json_arr(o, "channels");
    for (size_t i = 0; i < r->n_channels; i++) {
        const struct dispatch_by_channel *by = &r->channels[i];

        json_obj(o, NULL);
        json_put_str(o, "channel", by->channel);
        json_put_str(o, "template", by->template_name);
        json_put_i64(o, "count", by->n);
        json_put_i64(o, "reached", by->reached);
        json_put_i64(o, "delivered", by->delivered);
        json_put_i64(o, "read", by->read);
        json_put_i64(o, "failed", by->failed);
        json_put_i64(o, "uncertain", by->uncertain);
        json_put_i64(o, "replied", by->replied);
        json_put_i64(o, "opted_out", by->opted_out);
        json_put_i64(o, "cost", by->cost);
        json_end(o);
    }
    json_end(o);
}

enum status dispatch_log(struct arena *a, struct tx *tx, const struct dry_query *q,
                         struct dry_row **ret, size_t *ret_n, struct err *e) {
    return store_dry_list(a, tx, q, ret, ret_n, e);
}

/* --- orders ------------------------------------------------------------------------------------------------------------- */

struct ordering {
    struct arena *a;
    struct tx *tx;
    const struct dispatch_ordered *o;
    struct dispatch *d;
};

static enum status refuse(const struct ordering *x, const char *what, struct err *e) {
    FAIL(e, ST_CONFLICT, "the campaign is %.*s: it cannot be %s", STR_ARG(x->d->state), what);
}

static enum status begin_plan(struct ordering *x, const char *then_do, struct err *e) {
    x->d->then_do = str_of(then_do);
    x->d->plan_after = (struct lead_id){0};
    x->d->plan_seen = 0;
    x->d->planned_at_ms = x->d->dry_run_at_ms = 0;
    x->d->estimate = STR_EMPTY;
    TRY(dispatch_set_state(x->a, x->tx, x->d, "planning", STR_EMPTY, STR_EMPTY, x->o->now_ms, e));
    return dispatch_put_job(x->a, x->tx, x->d, DISPATCH_PLAN_JOB, x->o->now_ms, e);
}

enum status dispatch_begin_dry_run(struct arena *a, struct tx *tx, struct dispatch *d,
                                   int64_t now_ms, struct err *e) {
    d->plan_after = (struct lead_id){0};
    d->then_do = STR_EMPTY;
    TRY(store_dry_clear(tx, d->tenant, d->id, e));
    TRY(dispatch_set_state(a, tx, d, "dry_run", STR_EMPTY, STR_EMPTY, now_ms, e));
    return dispatch_put_job(a, tx, d, DISPATCH_PLAN_JOB, now_ms, e);
}

/* From the first message on everybody gets the words of one language, whichever templates of that name come or change. */
static enum status pin_languages(struct arena *a, struct tx *tx, struct dispatch *d, int64_t now_ms,
                                 struct err *e) {
    struct permit p;

    TRY(permit_open(a, tx, d, now_ms, &p, e));
    for (size_t i = 0; i < p.rules.n; i++)
        if (p.rules.channels[i].language.len == 0 && p.channels[i].has_template)
            p.rules.channels[i].language = p.channels[i].template.language;
    d->channels = rules_channels(a, &p.rules);
    return ST_OK;
}

enum status dispatch_begin_run(struct arena *a, struct tx *tx, struct dispatch *d, int64_t now_ms,
                               struct err *e) {
    TRY(pin_languages(a, tx, d, now_ms, e));
    d->then_do = STR_EMPTY;
    d->start_at_ms = 0;
    d->started_at_ms = d->started_at_ms > 0 ? d->started_at_ms : now_ms;
    d->resumed_at_ms = now_ms;
    TRY(dispatch_set_state(a, tx, d, "running", STR_EMPTY, STR_EMPTY, now_ms, e));
    return dispatch_put_job(a, tx, d, DISPATCH_RUN_JOB, now_ms, e);
}

enum status dispatch_go_on(struct arena *a, struct tx *tx, struct dispatch *d, int64_t now_ms,
                           struct err *e) {
    if (is_in(d, "done")) {
        TRY(store_dispatch_get(a, tx, d->tenant, d->id, true, d, e)); /* two may find it so */
        if (is_in(d, "done"))
            return dispatch_begin_run(a, tx, d, now_ms, e);
    }
    return is_in(d, "running") ? dispatch_put_job(a, tx, d, DISPATCH_RUN_JOB, now_ms, e) : ST_OK;
}

static enum status order_plan(struct ordering *x, struct err *e) {
    return is_before_start(x->d) ? begin_plan(x, "", e) : refuse(x, "planned", e);
}

static enum status order_dry_run(struct ordering *x, struct err *e) {
    if (is_in(x->d, "draft"))
        return begin_plan(x, "dry-run", e);
    if (!is_in(x->d, "planned"))
        return refuse(x, "tried dry", e);
    return dispatch_begin_dry_run(x->a, x->tx, x->d, x->o->now_ms, e);
}

static enum status schedule(struct ordering *x, struct err *e) {
    x->d->start_at_ms = x->o->start_at_ms;
    TRY(dispatch_set_state(x->a, x->tx, x->d, "planned", STR_EMPTY, STR_EMPTY, x->o->now_ms, e));
    return dispatch_put_job(x->a, x->tx, x->d, DISPATCH_START_JOB, x->o->start_at_ms, e);
}

static enum status order_start(struct ordering *x, struct err *e) {
    bool is_later = x->o->start_at_ms > x->o->now_ms;

    TRY(dispatch_check_gate(x->o->gate, e));
    if (!is_before_start(x->d))
        return refuse(x, "started", e);
    if (is_in(x->d, "draft")) {
        x->d->start_at_ms = is_later ? x->o->start_at_ms : 0;
        return begin_plan(x, "start", e);
    }
    return is_later ? schedule(x, e) : dispatch_begin_run(x->a, x->tx, x->d, x->o->now_ms, e);
}

static bool is_waiting(const struct dispatch *d) {
    return is_in(d, "planned") && d->start_at_ms > 0;
}

enum status dispatch_halt(struct arena *a, struct tx *tx, struct dispatch *d, struct str cause,
                          struct str reason, int64_t now_ms, struct err *e) {
    if (is_in(d, "running"))
        return dispatch_set_state(a, tx, d, "paused", cause, reason, now_ms, e);
    if (!is_waiting(d))
        return ST_OK;
    TRY(queue_cancel(tx, d->tenant, DISPATCH_START_JOB, uuid_format(a, d->id.v), e));
    d->start_at_ms = 0;
    return dispatch_set_state(a, tx, d, "planned", cause, reason, now_ms, e);
}

static enum status order_pause(struct ordering *x, struct err *e) {
    if (is_waiting(x->d))
        return dispatch_halt(x->a, x->tx, x->d, STR_EMPTY, STR_EMPTY, x->o->now_ms, e);
    if (!is_in(x->d, "running"))
        return refuse(x, "paused", e);
    return dispatch_halt(x->a, x->tx, x->d, STR("by-hand"), STR("paused by a person"), x->o->now_ms,
                         e);
}

static enum status order_resume(struct ordering *x, struct err *e) {
    if (!is_in(x->d, "paused"))
        return refuse(x, "resumed", e);
    TRY(dispatch_check_gate(x->o->gate, e));
    return dispatch_begin_run(x->a, x->tx, x->d, x->o->now_ms, e);
}

/* Its rows are marked by the job: there may be a million of them. */
static enum status order_cancel(struct ordering *x, struct err *e) {
    if (is_in(x->d, "done") || is_in(x->d, "cancelled"))
        return refuse(x, "cancelled", e);
    TRY(queue_cancel(x->tx, x->d->tenant, DISPATCH_START_JOB, uuid_format(x->a, x->d->id.v), e));
    x->d->start_at_ms = 0;
    x->d->finished_at_ms = x->o->now_ms;
    TRY(dispatch_set_state(x->a, x->tx, x->d, "cancelled", STR("by-hand"),
                           STR("cancelled by a person"), x->o->now_ms, e));
    return dispatch_put_job(x->a, x->tx, x->d, DISPATCH_RUN_JOB, x->o->now_ms, e);
}

enum status dispatch_order(struct arena *a, struct tx *tx, const struct dispatch_ordered *o,
                           struct dispatch *ret, struct err *e) {
    struct ordering x = {.a = a, .tx = tx, .o = o, .d = ret};

    TRY(store_dispatch_get(a, tx, o->tenant, o->id, true, ret, e));
    switch (o->order) {
    case DISPATCH_PLAN:
        return order_plan(&x, e);
    case DISPATCH_DRY_RUN:
        return order_dry_run(&x, e);
    case DISPATCH_START:
        return order_start(&x, e);
    case DISPATCH_PAUSE:
        return order_pause(&x, e);
    case DISPATCH_RESUME:
        return order_resume(&x, e);
    case DISPATCH_CANCEL:
        return order_cancel(&x, e);
    }
    FAIL(e, ST_BROKEN, "there is no such order");
}

/* --- the time has come ---------------------------------------------------------------------------------------------------- */

struct starting {
    struct app *app;
    struct arena *a;
    const struct job *job;
    struct dispatch_id id;
};

static enum status start(struct tx *tx, void *ctx, struct err *e) {
    struct starting *s = ctx;
    int64_t now_ms = clock_now_ms();
    struct dispatch d;
    struct err why = ERR_INIT;

    TRY(queue_fence(tx, s->job, e));
    TRY(store_dispatch_get(s->a, tx, s->job->tenant, s->id, true, &d, e));
    if (!is_in(&d, "planned") || d.start_at_ms == 0)
        return ST_OK; /* somebody thought better of it */
    if (dispatch_check_gate(httpc_gate(app_dispatch(s->app)->httpc), &why) != ST_OK) {
        d.start_at_ms = 0;
        return dispatch_set_state(s->a, tx, &d, "planned", STR("gate-closed"),
                                  arena_str(s->a, str_of(why.message)), now_ms, e);
    }
    return dispatch_begin_run(s->a, tx, &d, now_ms, e);
}

enum status dispatch_start_job(struct app *app, struct arena *a, const struct job *job,
                               struct verdict *ret_verdict, struct err *e) {
    struct starting s = {.app = app, .a = a, .job = job};

    *ret_verdict = (struct verdict){.kind = VERDICT_DONE};
    TRY(dispatch_of_job(a, job, &s.id, e));
    return db_write(app_dispatch(app)->db, DB_TENANT(job->tenant), start, &s, e);
}
