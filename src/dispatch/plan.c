/* plan.c - finds a campaign's audience, and tells in a dry run what would happen to each of it.
 *
 *   planning:  one page of leads → decide → rows, and the place reached, in one transaction → … → planned
 *   dry_run:   one page of rows → decide → log, and the place reached, in one transaction → … → planned
 *
 * A run that dies goes on at the place it reached.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/permit.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "dispatch/estimate.h"
#include "dispatch/sender.h"
#include "ingest/ingest.h"

enum { PAGE = 500, SLICE_MS = 2000, PROGRESS_MS = 1000, DRY_TEXT_MAX = 4000 };

struct planning {
    struct app *app;
    const struct job *job;
    struct dispatch_id id;
    struct arena arena; /* of the page */
    bool is_over;
    bool is_clearing;
    int64_t told_at_ms, began_ms;
};

/* --- the audience --------------------------------------------------------------------------------------------------------- */

static enum status page_of_ids(struct permit *p, const struct json *ids, int64_t from,
                               struct lead_contact **ret, size_t *ret_n, size_t *ret_seen,
                               struct err *e) {
    struct lead_id *some = arena_array_of(p->a, PAGE, struct lead_id);
    size_t n = 0;

    while (n < PAGE && (size_t)from + n < json_len(ids)) {
        if (!uuid_parse(json_str(json_at(ids, (size_t)from + n)), &some[n].v))
            FAIL(e, ST_BROKEN, "the campaign's list holds what is no id");
        n++;
    }
    *ret_seen = n;
    return lead_audience_some(p->a, p->tx, p->dispatch->tenant, some, n, ret, ret_n, e);
}

/* plan_seen is the row of the import that was reached. */
/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
static enum status page_of_import(struct permit *p, struct str import, int64_t from,
                                  struct lead_contact **ret, size_t *ret_n, int64_t *ret_reached,
                                  size_t *ret_seen, struct err *e) {
    struct import_id id;
    struct lead_id *leads;

    if (!uuid_parse(import, &id.v))
        FAIL(e, ST_BROKEN, "the campaign's import is no id");
    *ret_reached = from;
    TRY(ingest_leads(p->a, p->tx, p->dispatch->tenant, id, from, PAGE, &leads, ret_seen,
                     ret_reached, e));
    return lead_audience_some(p->a, p->tx, p->dispatch->tenant, leads, *ret_seen, ret, ret_n, e);
}

static enum status filter_of(struct permit *p, const struct json **ret, struct err *e) {
    const struct json *audience = p->rules.audience;
    struct uuid id;

    *ret = json_get(audience, "filter");
    if (*ret)
        return ST_OK;
    if (!uuid_parse(json_str(json_get(audience, "segment")), &id))
        FAIL(e, ST_BROKEN, "the campaign's audience is none");
    return lead_segment_filter(p->a, p->tx, p->dispatch->tenant, id, ret, e);
}

/* *ret_seen: fewer than PAGE at the end. */
static enum status next_page(struct permit *p, struct dispatch *d, struct lead_contact **ret,
                             size_t *ret_n, size_t *ret_seen, struct err *e) {
    const struct json *ids = json_get(p->rules.audience, "leads"), *filter = NULL,
                      *import = json_get(p->rules.audience, "import");

    if (import) {
        TRY(page_of_import(p, json_str(import), d->plan_seen, ret, ret_n, &d->plan_seen, ret_seen,
                           e));
        return ST_OK;
    }
    if (ids) {
        TRY(page_of_ids(p, ids, d->plan_seen, ret, ret_n, ret_seen, e));
    } else {
        TRY(filter_of(p, &filter, e));
        TRY(lead_audience_page(p->a, p->tx, d->tenant, filter, d->plan_after, PAGE, ret, ret_n, e));
        *ret_seen = *ret_n;
    }
    d->plan_seen += (int64_t)*ret_seen;
    return ST_OK;
}

/* Of a list or an import, a page may hold none that is still there. */
enum status plan_first(struct permit *p, struct dispatch *d, struct lead_contact **ret,
                       size_t *ret_n, struct err *e) {
    size_t n_seen = 0;

    do
        TRY(next_page(p, d, ret, ret_n, &n_seen, e));
    while (*ret_n == 0 && n_seen == PAGE);
    return ST_OK;
}

static struct recipient row_of(const struct permit *p, const struct decision *d) {
    bool is_planned = d->is_allowed || d->is_passing;
    const struct channel_rule *rule = &p->rules.channels[d->step];
    bool has_channel = d->address.len > 0;

    return (struct recipient){
        .id.v = uuid_new(),
        .dispatch = p->dispatch->id,
        .lead = d->contact->id,
        .state = is_planned ? STR("planned") : STR("excluded"),
        .step = (int64_t)d->step,
        .channel = has_channel ? rule->channel : STR_EMPTY,
        .account = has_channel ? p->channels[d->step].account.id : (struct account_id){0},
        .address = d->address,
        .template_name = has_channel ? rule->template_name : STR_EMPTY,
        .reason = d->reason,
        .block_reason = is_planned ? STR_EMPTY : d->block_reason,
        .due_at_ms = is_planned ? p->now_ms : 0,
        .created_at_ms = p->now_ms,
    };
}

/* --- what it will cost, and when it is through ----------------------------------------------------------------------------- */

static int64_t price_of(const struct permit *p, struct str channel) {
    for (size_t i = 0; i < p->rules.n; i++)
        if (str_eq(p->rules.channels[i].channel, channel))
            return p->channels[i].price;
    return 0;
}

static enum status finish_of(struct permit *p, struct str channel, int64_t n, int64_t *ret,
                             struct err *e) {
    *ret = 0;
    for (size_t i = 0; i < p->rules.n; i++) {
        const struct permit_channel *ch = &p->channels[i];
        struct sender s;

        if (!str_eq(p->rules.channels[i].channel, channel) || !ch->is_open)
            continue;
        TRY(sender_open(p->a, p->tx, &ch->account, ch->provider, &p->rules.limits, p->now_ms, &s,
                        e));
        *ret = estimate_finish_ms(&(struct estimate){
            .start_ms = p->dispatch->start_at_ms > p->now_ms ? p->dispatch->start_at_ms : p->now_ms,
            .n = n,
            .per_second = s.per_second,
            .per_day = s.per_day,
            .room = s.room,
            .quiet = &p->quiet,
            .timezone = p->timezone,
        });
    }
    return ST_OK;
}

static enum status write_estimate(struct permit *p, struct dispatch *d, struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 4096};
    struct dispatch_report report;
    struct json_out o;
    int64_t n = 0, cost = 0, finish = 0, one;

    TRY(store_report(p->a, p->tx, d->tenant, d->id, &report, e));
    for (size_t i = 0; i < report.n_channels; i++) {
        const struct dispatch_by_channel *ch = &report.channels[i];

        n += ch->n;
        cost += ch->n * price_of(p, ch->channel);
        TRY(finish_of(p, ch->channel, ch->n, &one, e));
        if (one > finish)
            finish = one;
    }
    if (d->dry_run_at_ms > 0) {
        struct dry_sum sum;

        TRY(store_dry_sum(p->a, p->tx, d->tenant, d->id, &sum, e));
        n = sum.would_send;
        cost = sum.cost;
    }
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_i64(&o, "recipients", n);
    json_put_i64(&o, "cost", cost);
    json_put_str(&o, "currency", p->settings.currency);
    if (finish > 0)
        json_put_str(&o, "finish_at", clock_format_iso(p->a, finish));
    else
        json_put_null(&o, "finish_at");
    json_end(&o);
    d->estimate = arena_str(p->a, buf_str(&b));
    return ST_OK;
}

/* --- planning ------------------------------------------------------------------------------------------------------------- */

static enum status follow(struct permit *p, struct planning *x, struct dispatch *d, struct err *e) {
    struct err why = ERR_INIT;

    if (str_eq(d->then_do, STR("dry-run")))
        return dispatch_begin_dry_run(p->a, p->tx, d, p->now_ms, e);
    if (!str_eq(d->then_do, STR("start")))
        return ST_OK;
    d->then_do = STR_EMPTY;
    if (d->start_at_ms > p->now_ms) {
        TRY(store_dispatch_update(p->tx, d, p->now_ms, e));
        return dispatch_put_job(p->a, p->tx, d, DISPATCH_START_JOB, d->start_at_ms, e);
    }
    if (dispatch_check_gate(httpc_gate(app_dispatch(x->app)->httpc), &why) != ST_OK)
        return dispatch_set_state(p->a, p->tx, d, "planned", STR("gate-closed"),
                                  arena_str(p->a, str_of(why.message)), p->now_ms, e);
    return dispatch_begin_run(p->a, p->tx, d, p->now_ms, e);
}

static enum status finish_plan(struct permit *p, struct planning *x, struct dispatch *d,
                               struct err *e) {
    d->planned_at_ms = p->now_ms;
    TRY(write_estimate(p, d, e));
    TRY(dispatch_set_state(p->a, p->tx, d, "planned", STR_EMPTY, STR_EMPTY, p->now_ms, e));
    x->is_over = true;
    return follow(p, x, d, e);
}

static enum status tell(struct permit *p, struct planning *x, struct dispatch *d, struct err *e) {
    TRY(store_dispatch_update(p->tx, d, p->now_ms, e));
    if (p->now_ms - x->told_at_ms < PROGRESS_MS)
        return ST_OK;
    x->told_at_ms = p->now_ms;
    return dispatch_event(p->a, p->tx, d, p->now_ms, e);
}

static enum status plan_page(struct permit *p, struct planning *x, struct dispatch *d,
                             struct err *e) {
    struct lead_contact *contacts = NULL;
    struct decision *decisions;
    struct recipient *rows;
    size_t n = 0, seen = 0;

    TRY(next_page(p, d, &contacts, &n, &seen, e));
    decisions = arena_array_of(p->a, n + 1, struct decision);
    rows = arena_array_of(p->a, n + 1, struct recipient);
    TRY(permit_contacts(p, contacts, n, decisions, e));
    for (size_t i = 0; i < n; i++)
        rows[i] = row_of(p, &decisions[i]);
    TRY(store_recipients_insert(p->a, p->tx, d->tenant, rows, n, e));
    if (n > 0)
        d->plan_after = contacts[n - 1].id;
    return seen < PAGE ? finish_plan(p, x, d, e) : tell(p, x, d, e);
}

/* --- dry run -------------------------------------------------------------------------------------------------------------- */

static struct dry_row dry_of(const struct permit *p, const struct recipient *r,
                             const struct decision *d) {
    bool is_planned = str_eq(r->state, STR("planned"));
    const struct channel_rule *rule = &p->rules.channels[d->step];
    struct dry_row row = {.recipient = r->id,
                          .lead = r->lead,
                          .reason = is_planned ? d->reason : r->reason,
                          .block_reason = is_planned ? d->block_reason : r->block_reason,
                          .would_send = is_planned && d->is_allowed,
                          .at_ms = p->now_ms};

    if (d->contact) {
        row.name = d->contact->name;
        row.phone = d->contact->phone;
        row.email = d->contact->email;
    }
    if (d->address.len > 0) {
        row.channel = rule->channel;
        row.template_name = rule->template_name;
    }
    if (row.would_send) {
        row.not_before_ms = d->not_before_ms;
        row.cost = p->channels[d->step].price;
        row.text = utf8_cut_points(d->text, DRY_TEXT_MAX);
    }
    return row;
}

static enum status finish_dry(struct permit *p, struct planning *x, struct dispatch *d,
                              struct err *e) {
    d->dry_run_at_ms = p->now_ms;
    TRY(write_estimate(p, d, e));
    x->is_over = true;
    return dispatch_set_state(p->a, p->tx, d, "planned", STR_EMPTY, STR_EMPTY, p->now_ms, e);
}

static enum status dry_page(struct permit *p, struct planning *x, struct dispatch *d,
                            struct err *e) {
    struct recipient *rows;
    struct decision *decisions;
    struct dry_row *out;
    size_t n;

    TRY(store_recipients_walk(p->a, p->tx, d->tenant, d->id, d->plan_after, PAGE, &rows, &n, e));
    decisions = arena_array_of(p->a, n + 1, struct decision);
    out = arena_array_of(p->a, n + 1, struct dry_row);
    TRY(permit_decide(p, rows, n, decisions, e));
    for (size_t i = 0; i < n; i++)
        out[i] = dry_of(p, &rows[i], &decisions[i]);
    TRY(store_dry_insert(p->a, p->tx, d->tenant, d->id, out, n, e));
    if (n > 0)
        d->plan_after = rows[n - 1].lead;
    return n < PAGE ? finish_dry(p, x, d, e) : tell(p, x, d, e);
}

/* --- the job -------------------------------------------------------------------------------------------------------------- */

static enum status step(struct tx *tx, void *ctx, struct err *e) {
    struct planning *x = ctx;
    struct arena *a = &x->arena;
    struct dispatch *d = arena_new_of(a, struct dispatch);
    struct permit *p = arena_new_of(a, struct permit);
    int64_t now_ms = clock_now_ms(), n = 0;
    bool is_planning;

    x->is_over = x->is_clearing = false;
    TRY(queue_fence(tx, x->job, e));
    TRY(store_dispatch_get(a, tx, x->job->tenant, x->id, true, d, e));
    is_planning = str_eq(d->state, STR("planning"));
    if (!is_planning && !str_eq(d->state, STR("dry_run"))) {
        x->is_over = true;
        return ST_OK;
    }
    if (is_planning && d->plan_seen == 0) /* what an earlier plan found goes first */
        TRY(store_recipients_clear(tx, d->tenant, d->id, &n, e));
    x->is_clearing = n > 0;
    if (x->is_clearing)
        return ST_OK;
    TRY(permit_open(a, tx, d, now_ms, p, e));
    return is_planning ? plan_page(p, x, d, e) : dry_page(p, x, d, e);
}

struct giving_up {
    struct planning *x;
    const struct err *why;
};

/* An audience that cannot be read is the campaign's fault, not the job's. */
static enum status give_up(struct tx *tx, void *ctx, struct err *e) {
    struct giving_up *g = ctx;
    struct dispatch *d = arena_new_of(&g->x->arena, struct dispatch);

    TRY(queue_fence(tx, g->x->job, e));
    TRY(store_dispatch_get(&g->x->arena, tx, g->x->job->tenant, g->x->id, true, d, e));
    d->then_do = STR_EMPTY;
    return dispatch_set_state(&g->x->arena, tx, d, "draft", STR("audience-invalid"),
                              arena_str(&g->x->arena, str_of(g->why->message)), clock_now_ms(), e);
}

/* A plan for a million may take minutes: it goes on behind whoever waits. */
static bool must_give_way(const struct planning *x, const struct dispatch_deps *deps) {
    return deps->is_stopping ||
           (clock_mono_ms() - x->began_ms > SLICE_MS && queue_is_crowded(x->job));
}

enum status dispatch_plan_job(struct app *app, struct arena *a, const struct job *job,
                              struct verdict *ret_verdict, struct err *e) {
    struct planning *x = arena_new_of(a, struct planning);
    struct dispatch_deps *deps = app_dispatch(app);
    enum status st = ST_OK;

    *ret_verdict = (struct verdict){.kind = VERDICT_DONE};
    *x = (struct planning){.app = app, .job = job, .began_ms = clock_mono_ms()};
    TRY(dispatch_of_job(a, job, &x->id, e));
    do {
        struct err why = ERR_INIT;

        arena_reset(&x->arena);
        st = db_write(deps->db, DB_TENANT(job->tenant), step, x, &why);
        if (st == ST_INVALID || st == ST_NOT_FOUND) {
            struct giving_up g = {.x = x, .why = &why};

            st = db_write(deps->db, DB_TENANT(job->tenant), give_up, &g, e);
            x->is_over = true;
            break;
        }
        if (st != ST_OK)
            *e = why;
    } while (st == ST_OK && !x->is_over && !must_give_way(x, deps));
    if (st == ST_OK && !x->is_over)
        *ret_verdict = (struct verdict){.kind = VERDICT_AGAIN};
    arena_done(&x->arena);
    return st;
}
