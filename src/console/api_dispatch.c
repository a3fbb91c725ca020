/* api_dispatch.c - campaigns: made, planned, tried dry, sent, watched and reported.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include "base/clock.h"
#include "dispatch/dispatch.h"

static struct dispatch_id dispatch_of_path(const struct api *x) {
    return (struct dispatch_id){x->id};
}

static enum gate gate_of(const struct api *x) {
    return httpc_gate(app_dispatch(x->app)->httpc);
}

/* --- as JSON -------------------------------------------------------------------------------------------------------------- */

static void put_counts(struct json_out *o, const struct dispatch_counts *c) {
    json_obj(o, "counts");
    json_put_i64(o, "total", c->total);
    json_put_i64(o, "planned", c->planned);
    json_put_i64(o, "excluded", c->excluded);
    json_put_i64(o, "sending", c->sending);
    json_put_i64(o, "sent", c->sent);
    json_put_i64(o, "delivered", c->delivered);
    json_put_i64(o, "read", c->read);
    json_put_i64(o, "failed", c->failed);
    json_put_i64(o, "uncertain", c->uncertain);
    json_put_i64(o, "cancelled", c->cancelled);
    json_put_i64(o, "reached", c->reached);
    json_put_i64(o, "replied", c->replied);
    json_put_i64(o, "opted_out", c->opted_out);
    json_put_i64(o, "cost", c->cost);
    json_end(o);
}

/* Into an object that stands open; counts may be NULL. */
static void put_dispatch(const struct api *x, struct json_out *o, const struct dispatch *d,
                         const struct dispatch_counts *counts) {
    json_put_id(o, "id", d->id.v);
    json_put_str(o, "name", d->name);
    json_put_str(o, "state", d->state);
    json_put_str_or_null(o, "cause", d->cause);
    json_put_str_or_null(o, "reason", d->reason);
    json_put_raw(o, "audience", d->audience);
    json_put_raw(o, "channels", d->channels);
    json_put_raw(o, "variables", d->variables);
    json_put_raw(o, "limits", d->limits);
    json_put_raw_or_null(o, "estimate", d->estimate);
    json_put_str_or_null(o, "waits_for", d->wait_cause);
    json_put_time(o, "waits_until", d->wait_until_ms);
    json_put_i64(o, "leads_seen", d->plan_seen);
    json_put_time(o, "start_at", d->start_at_ms);
    json_put_time(o, "planned_at", d->planned_at_ms);
    json_put_time(o, "dry_run_at", d->dry_run_at_ms);
    json_put_time(o, "started_at", d->started_at_ms);
    json_put_time(o, "finished_at", d->finished_at_ms);
    json_put_str(o, "created_by", d->created_by);
    json_put_time(o, "created_at", d->created_at_ms);
    json_put_time(o, "updated_at", d->updated_at_ms);
    json_put_bool(o, "can_send", gate_permits(gate_of(x), REACH_CAMPAIGN));
    if (counts)
        put_counts(o, counts);
    else
        json_put_null(o, "counts");
}

static enum status answer(struct tx *tx, struct api *x, const struct dispatch *d, struct err *e) {
    struct dispatch_counts counts;

    TRY(dispatch_count(x->r->arena, tx, x->tenant, d->id, &counts, e));
    put_dispatch(x, api_begin(x), d, &counts);
    json_end(&x->o);
    return ST_OK;
}

static void put_recipient(struct json_out *o, const struct recipient *r) {
    json_put_id(o, "id", r->id.v);
    json_put_id(o, "dispatch_id", r->dispatch.v);
    json_put_id(o, "lead_id", r->lead.v);
    json_put_bool(o, "is_test", r->is_test);
    json_put_str(o, "name", r->name);
    json_put_str_or_null(o, "phone", r->phone);
    json_put_str_or_null(o, "email", r->email);
    json_put_str(o, "state", r->state);
    json_put_str_or_null(o, "channel", r->channel);
    json_put_str_or_null(o, "address", r->address);
    json_put_str_or_null(o, "template", r->template_name);
    json_put_str_or_null(o, "reason", r->reason);
    json_put_str_or_null(o, "block_reason", r->block_reason);
    json_put_i64(o, "attempts", r->attempts);
    json_put_raw(o, "history", r->history.len > 0 ? r->history : STR("[]"));
    json_put_str_or_null(o, "text", r->text);
    json_put_str_or_null(o, "provider_id", r->provider_id);
    json_put_i64(o, "cost", r->cost);
    if (r->error_code != 0)
        json_put_i64(o, "error_code", r->error_code);
    else
        json_put_null(o, "error_code");
    json_put_str_or_null(o, "error_cause", r->error_cause);
    json_put_str_or_null(o, "error_reason", r->error_reason);
    json_put_id(o, "message_id", r->message.v);
    json_put_time(o, "due_at", r->due_at_ms);
    json_put_time(o, "sent_at", r->sent_at_ms);
    json_put_time(o, "delivered_at", r->delivered_at_ms);
    json_put_time(o, "read_at", r->read_at_ms);
    json_put_time(o, "failed_at", r->failed_at_ms);
    json_put_time(o, "replied_at", r->replied_at_ms);
    json_put_time(o, "opted_out_at", r->opted_out_at_ms);
    json_put_time(o, "created_at", r->created_at_ms);
    json_put_time(o, "updated_at", r->updated_at_ms);
}

static enum status audit(struct tx *tx, const struct api *x, const char *action,
                         struct dispatch_id id, struct err *e) {
    return api_audit(
        tx, x, action,
        arena_printf(x->r->arena, "dispatch:%.*s", STR_ARG(uuid_format(x->r->arena, id.v))), e);
}

/* --- campaigns -------------------------------------------------------------------------------------------------------------- */

static enum status read_cursor(const struct api *x, struct uuid *ret, struct err *e) {
    *ret = (struct uuid){0};
    if (x->page.cursor.len > 0 && !uuid_parse(x->page.cursor, ret))
        FAIL(e, ST_INVALID, "the cursor is not one that this server gave");
    return ST_OK;
}

static enum status list_dispatches(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct dispatch_query q = {
        .tenant = x->tenant, .state = req_query(x->r, "state"), .limit = x->page.limit};
    struct dispatch_counted *counted;
    struct dispatch *list;
    size_t n;

    TRY(read_cursor(x, &q.after.v, e));
    TRY(dispatch_list(x->r->arena, tx, &q, &list, &n, e));
    counted = arena_array_of(x->r->arena, n + 1, struct dispatch_counted);
    TRY(dispatch_count_many(x->r->arena, tx, &app_dispatch(x->app)->tallies, list, n, counted, e));
    api_begin_list(x);
    for (size_t i = 0; i < n; i++) {
        json_obj(&x->o, NULL);
        put_dispatch(x, &x->o, &list[i], counted[i].is_known ? &counted[i].counts : NULL);
        json_end(&x->o);
    }
    api_end_list(x, n > 0 ? uuid_format(x->r->arena, list[n - 1].id.v) : STR_EMPTY,
                 n == x->page.limit);
    return ST_OK;
}

static enum status one_dispatch(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct dispatch d;

    TRY(dispatch_get(x->r->arena, tx, x->tenant, dispatch_of_path(x), &d, e));
    return answer(tx, x, &d, e);
}

static enum status read_edit(struct api *x, struct dispatch_edit *ret, struct err *e) {
    *ret = (struct dispatch_edit){.audience = json_get(x->body, "audience"),
                                  .channels = json_get(x->body, "channels"),
                                  .variables = json_get(x->body, "variables"),
                                  .limits = json_get(x->body, "limits")};
    return api_body_text(x, "name", &ret->name, e);
}

static enum status add_dispatch(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct dispatch_edit in;
    struct dispatch d;

    TRY(read_edit(x, &in, e));
    TRY(dispatch_add(x->r->arena, tx, x->tenant, &in, api_actor(x), clock_now_ms(), &d, e));
    TRY(audit(tx, x, "dispatch.add", d.id, e));
    return answer(tx, x, &d, e);
}

static enum status change_dispatch(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct dispatch_edit in;
    struct dispatch d;

    TRY(read_edit(x, &in, e));
    TRY(dispatch_change(x->r->arena, tx, x->tenant, dispatch_of_path(x), &in, clock_now_ms(), &d,
                        e));
    TRY(audit(tx, x, "dispatch.set", d.id, e));
    return answer(tx, x, &d, e);
}

static enum status delete_dispatch(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;

    TRY(dispatch_delete(x->r->arena, tx, x->tenant, dispatch_of_path(x), e));
    TRY(audit(tx, x, "dispatch.delete", dispatch_of_path(x), e));
    json_put_id(api_begin(x), "id", x->id);
    json_end(&x->o);
    return ST_OK;
}

static enum status order(struct tx *tx, struct api *x, enum dispatch_order what, const char *action,
                         int64_t start_at_ms, struct err *e) {
    const struct dispatch_ordered o = {.tenant = x->tenant,
                                       .id = dispatch_of_path(x),
                                       .order = what,
                                       .start_at_ms = start_at_ms,
                                       .gate = gate_of(x),
                                       .now_ms = clock_now_ms()};
    struct dispatch d;

    TRY(dispatch_order(x->r->arena, tx, &o, &d, e));
    TRY(audit(tx, x, action, d.id, e));
    return answer(tx, x, &d, e);
}

static enum status plan(struct tx *tx, void *ctx, struct err *e) {
    return order(tx, ctx, DISPATCH_PLAN, "dispatch.plan", 0, e);
}

static enum status dry_run(struct tx *tx, void *ctx, struct err *e) {
    return order(tx, ctx, DISPATCH_DRY_RUN, "dispatch.dry_run", 0, e);
}

static enum status start(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct str at = json_str(json_get(x->body, "at"));
    int64_t at_ms = 0;

    if (at.len > 0 && !clock_parse_iso(at, &at_ms))
        FAIL(e, ST_INVALID, "at: a time such as 2026-11-21T08:00:00-03:00");
    return order(tx, x, DISPATCH_START, "dispatch.start", at_ms, e);
}

static enum status pause_dispatch(struct tx *tx, void *ctx, struct err *e) {
    return order(tx, ctx, DISPATCH_PAUSE, "dispatch.pause", 0, e);
}

static enum status resume(struct tx *tx, void *ctx, struct err *e) {
    return order(tx, ctx, DISPATCH_RESUME, "dispatch.resume", 0, e);
}

static enum status cancel(struct tx *tx, void *ctx, struct err *e) {
    return order(tx, ctx, DISPATCH_CANCEL, "dispatch.cancel", 0, e);
}

static enum status test(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct dispatch_test t = {.tenant = x->tenant,
                              .id = dispatch_of_path(x),
                              .channel = json_str(json_get(x->body, "channel")),
                              .address = json_str(json_get(x->body, "address")),
                              .gate = gate_of(x),
                              .now_ms = clock_now_ms()};
    struct recipient_id id;

    TRY(api_uuid(json_get(x->body, "lead_id"), "lead_id", &t.lead.v, e));
    TRY(dispatch_send_test(x->r->arena, tx, &t, &id, e));
    TRY(audit(tx, x, "dispatch.test", t.id, e));
    json_put_id(api_begin(x), "recipient_id", id.v);
    json_end(&x->o);
    return ST_OK;
}

/* --- preview ------------------------------------------------------------------------------------------------------------------ */

/* Of a campaign as it is, or with what the body has instead; without an id of what the body has alone. */
static enum status preview(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct dispatch_previewed what = {.tenant = x->tenant,
                                      .id = dispatch_of_path(x),
                                      .edit = {.audience = json_get(x->body, "audience"),
                                               .channels = json_get(x->body, "channels"),
                                               .variables = json_get(x->body, "variables")},
                                      .now_ms = clock_now_ms()};
    struct dispatch_preview *p = arena_new_of(x->r->arena, struct dispatch_preview);

    TRY(api_uuid(json_get(x->body, "lead_id"), "lead_id", &what.lead.v, e));
    TRY(dispatch_preview(x->r->arena, tx, &what, p, e));
    dispatch_write_preview(api_begin(x), p);
    json_end(&x->o);
    return ST_OK;
}

/* --- recipients ------------------------------------------------------------------------------------------------------------- */

static struct recipient_query recipient_query_of(struct api *x) {
    return (struct recipient_query){
        .tenant = x->tenant,
        .dispatch = dispatch_of_path(x),
        .state = req_query(x->r, "state"),
        .channel = req_query(x->r, "channel"),
        .cause = req_query(x->r, "cause"),
        .has_replied = str_eq(req_query(x->r, "replied"), STR("true")),
        .has_opted_out = str_eq(req_query(x->r, "opted_out"), STR("true")),
        .limit = x->page.limit,
    };
}

static enum status list_recipients(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct recipient_query q = recipient_query_of(x);
    struct recipient *list;
    struct dispatch d;
    size_t n;

    TRY(read_cursor(x, &q.after.v, e));
    TRY(dispatch_get(x->r->arena, tx, x->tenant, q.dispatch, &d, e));
    TRY(recipient_list(x->r->arena, tx, &q, &list, &n, e));
    api_begin_list(x);
    for (size_t i = 0; i < n; i++) {
        json_obj(&x->o, NULL);
        put_recipient(&x->o, &list[i]);
        json_end(&x->o);
    }
    api_end_list(x, n > 0 ? uuid_format(x->r->arena, list[n - 1].lead.v) : STR_EMPTY,
                 n == x->page.limit);
    return ST_OK;
}

static enum status answer_recipient(struct api *x, const struct recipient *r) {
    put_recipient(api_begin(x), r);
    json_end(&x->o);
    return ST_OK;
}

static enum status one_recipient(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct recipient r;

    TRY(recipient_get(x->r->arena, tx, x->tenant, (struct recipient_id){x->id}, &r, e));
    return answer_recipient(x, &r);
}

static enum status read_how(const struct api *x, enum recipient_settle *ret, struct err *e) {
    static const char *const words[] = {
        [RECIPIENT_SENT] = "sent", [RECIPIENT_FAILED] = "failed", [RECIPIENT_RESEND] = "resend"};
    struct str as = json_str(json_get(x->body, "as"));

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (!str_eq(as, str_of(words[i])))
            continue;
        *ret = (enum recipient_settle)i;
        return ST_OK;
    }
    FAIL(e, ST_INVALID, "as: \"sent\", \"failed\" or \"resend\"");
}

static enum status settle(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct recipient_decided what = {.tenant = x->tenant,
                                     .id = {x->id},
                                     .actor = api_actor(x),
                                     .gate = gate_of(x),
                                     .now_ms = clock_now_ms()};
    struct recipient r;

    TRY(read_how(x, &what.how, e));
    TRY(recipient_settle(x->r->arena, tx, &what, &r, e));
    TRY(recipient_get(x->r->arena, tx, x->tenant, r.id, &r, e));
    TRY(audit(tx, x, "dispatch.settle", r.dispatch, e));
    return answer_recipient(x, &r);
}

/* "<how many are decided>.<the last one's lead>": where a group's next step goes on. */
static enum status read_place(const struct api *x, struct recipient_group *ret, struct err *e) {
    struct str place = json_str(json_get(x->body, "next")), left = place;
    uint64_t n;

    if (place.len == 0)
        return ST_OK;
    if (!str_eat_u64(&left, UINT32_MAX, &n) || !str_eat(&left, STR(".")) ||
        !uuid_parse(left, &ret->after.v))
        FAIL(e, ST_INVALID, "next: as the step before answered it");
    ret->n_settled = (int64_t)n;
    return ST_OK;
}

static enum status read_group(const struct api *x, struct recipient_group *ret, struct err *e) {
    *ret = (struct recipient_group){.tenant = x->tenant,
                                    .dispatch = dispatch_of_path(x),
                                    .state = json_str(json_get(x->body, "state")),
                                    .cause = json_str(json_get(x->body, "cause")),
                                    .n = json_i64(json_get(x->body, "count"), 0),
                                    .actor = api_actor(x),
                                    .gate = gate_of(x),
                                    .now_ms = clock_now_ms()};
    TRY(read_how(x, &ret->how, e));
    if (!clock_parse_iso(json_str(json_get(x->body, "as_of")), &ret->as_of_ms))
        FAIL(e, ST_INVALID, "as_of: when they were counted, as the report says");
    return read_place(x, ret, e);
}

static enum status settle_group(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct recipient_group_step step;
    struct recipient_group g;
    struct json_out *o;

    TRY(read_group(x, &g, e));
    TRY(recipient_settle_step(x->r->arena, tx, &g, &step, e));
    if (g.n_settled == 0 && step.n_settled > 0) /* the first step stands for the group */
        TRY(audit(tx, x, "dispatch.settle_group", g.dispatch, e));
    o = api_begin(x);
    json_put_i64(o, "settled", step.n_settled);
    if (step.is_through) {
        json_put_i64(o, "skipped", g.n - step.n_settled);
        json_put_null(o, "next");
    } else {
        json_put_null(o, "skipped");
        json_put_str(o, "next",
                     arena_printf(x->r->arena, "%lld.%.*s", (long long)step.n_settled,
                                  STR_ARG(uuid_format(x->r->arena, step.after.v))));
    }
    json_end(o);
    return ST_OK;
}

/* --- as a spreadsheet ----------------------------------------------------------------------------------------------------- */

struct export {
    struct api *x;
    struct recipient_export what;
};

static enum status write_sheet(struct tx *tx, void *ctx, int fd, struct err *e) {
    struct export *ex = ctx;
    int64_t n;

    ex->what.fd = fd;
    return recipient_export(tx, &ex->what, &n, e);
}

static enum status recipients_export_get(struct app *app, struct req *r, struct resp *ret,
                                         struct err *e) {
    ATTR_CLEANUP(api_done) struct api x;
    struct export ex = {.x = &x};

    TRY(api_start(&x, app, r, e));
    ex.what.query = recipient_query_of(&x);
    TRY(api_sheet_kind(&x, &ex.what.kind, e));
    return api_sheet(&x, (struct api_sheet){ex.what.kind, "recipients", write_sheet, &ex}, ret, e);
}

struct log_export {
    struct api *x;
    struct dry_export what;
};

static enum status write_log_sheet(struct tx *tx, void *ctx, int fd, struct err *e) {
    struct log_export *ex = ctx;
    int64_t n;

    ex->what.fd = fd;
    return dispatch_log_export(tx, &ex->what, &n, e);
}

static enum status log_export_get(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    ATTR_CLEANUP(api_done) struct api x;
    struct log_export ex = {.x = &x};

    TRY(api_start(&x, app, r, e));
    ex.what.query = (struct dry_query){.tenant = x.tenant,
                                       .dispatch = dispatch_of_path(&x),
                                       .would_send = req_query(r, "would_send")};
    TRY(api_sheet_kind(&x, &ex.what.kind, e));
    return api_sheet(&x, (struct api_sheet){ex.what.kind, "dry-run", write_log_sheet, &ex}, ret, e);
}

/* --- dry run and report ------------------------------------------------------------------------------------------------------- */

static enum status list_log(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct dry_query q = {.tenant = x->tenant,
                          .dispatch = dispatch_of_path(x),
                          .would_send = req_query(x->r, "would_send"),
                          .limit = x->page.limit};
    struct dry_row *list;
    struct dispatch d;
    size_t n;

    TRY(read_cursor(x, &q.after.v, e));
    TRY(dispatch_get(x->r->arena, tx, x->tenant, q.dispatch, &d, e));
    TRY(dispatch_log(x->r->arena, tx, &q, &list, &n, e));
    api_begin_list(x);
    for (size_t i = 0; i < n; i++) {
        const struct dry_row *r = &list[i];

        json_obj(&x->o, NULL);
        json_put_id(&x->o, "recipient_id", r->recipient.v);
        json_put_id(&x->o, "lead_id", r->lead.v);
        json_put_str(&x->o, "name", r->name);
        json_put_str_or_null(&x->o, "phone", r->phone);
        json_put_str_or_null(&x->o, "email", r->email);
        json_put_str_or_null(&x->o, "channel", r->channel);
        json_put_str_or_null(&x->o, "reason", r->reason);
        json_put_str_or_null(&x->o, "template", r->template_name);
        json_put_bool(&x->o, "would_send", r->would_send);
        json_put_str_or_null(&x->o, "block_reason", r->block_reason);
        json_put_time(&x->o, "not_before", r->not_before_ms);
        json_put_i64(&x->o, "cost", r->cost);
        json_put_str_or_null(&x->o, "text", r->text);
        json_put_time(&x->o, "at", r->at_ms);
        json_end(&x->o);
    }
    api_end_list(x, n > 0 ? uuid_format(x->r->arena, list[n - 1].recipient.v) : STR_EMPTY,
                 n == x->page.limit);
    return ST_OK;
}

static void put_hours(struct json_out *o, const struct dispatch_report *r) {
    json_arr(o, "hours");
    for (size_t i = 0; i < r->n_hours; i++) {
        json_obj(o, NULL);
        json_put_time(o, "at", r->hours[i].at_ms);
        json_put_i64(o, "sent", r->hours[i].sent);
        json_put_i64(o, "delivered", r->hours[i].delivered);
        json_put_i64(o, "read", r->hours[i].read);
        json_put_i64(o, "failed", r->hours[i].failed);
        json_put_i64(o, "replied", r->hours[i].replied);
        json_end(o);
    }
    json_end(o);
}

static void put_causes(struct json_out *o, const struct dispatch_report *r) {
    json_arr(o, "causes");
    for (size_t i = 0; i < r->n_causes; i++) {
        json_obj(o, NULL);
        json_put_str(o, "state", r->causes[i].state);
        json_put_str(o, "cause", r->causes[i].cause);
        json_put_i64(o, "count", r->causes[i].n);
        json_put_i64(o, "settleable", r->causes[i].n_settleable);
        json_put_str_or_null(o, "sample", r->causes[i].sample);
        json_end(o);
    }
    json_end(o);
}

static enum status report(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct dispatch_settings settings;
    struct dispatch_report r;
    struct json_out *o = &x->o;
    struct dispatch d;
    int64_t as_of_ms;

    TRY(dispatch_get(x->r->arena, tx, x->tenant, dispatch_of_path(x), &d, e));
    TRY(dispatch_settings_get(x->r->arena, tx, x->tenant, &settings, e));
    as_of_ms = clock_now_ms();
    TRY(dispatch_report(x->r->arena, tx, x->tenant, d.id, &r, e));
    json_obj(api_begin(x), "dispatch");
    put_dispatch(x, o, &d, &r.counts);
    json_end(o);
    json_put_time(o, "as_of", as_of_ms);
    put_counts(o, &r.counts);
    json_put_str(o, "currency", settings.currency);
    put_causes(o, &r);
    put_hours(o, &r);
    dispatch_write_channels(o, &r);
    json_end(o);
    return ST_OK;
}

/* --- settings ----------------------------------------------------------------------------------------------------------------- */

static enum status answer_settings(struct api *x, const struct dispatch_settings *s) {
    struct json_out *o = api_begin(x);

    json_put_str(o, "currency", s->currency);
    json_put_i64(o, "price_marketing", s->price_marketing);
    json_put_i64(o, "price_utility", s->price_utility);
    json_put_i64(o, "price_authentication", s->price_authentication);
    json_put_i64(o, "price_email", s->price_email);
    json_put_i64(o, "per_second", s->limits.per_second);
    json_put_i64(o, "error_percent", s->limits.error_percent);
    json_put_i64(o, "error_min", s->limits.error_min);
    json_put_i64(o, "frequency_max", s->limits.frequency_max);
    json_put_i64(o, "frequency_days", s->limits.frequency_days);
    json_put_i64(o, "overlap_hours", s->limits.overlap_hours);
    json_end(o);
    return ST_OK;
}

static enum status get_settings(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct dispatch_settings s;

    TRY(dispatch_settings_get(x->r->arena, tx, x->tenant, &s, e));
    return answer_settings(x, &s);
}

static enum status put_settings(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct dispatch_settings s;

    TRY(dispatch_settings_put(x->r->arena, tx, x->tenant, x->body, clock_now_ms(), &s, e));
    TRY(api_audit(tx, x, "dispatch.settings", STR("settings:dispatch"), e));
    return answer_settings(x, &s);
}

API_HANDLER(dispatches_get, API_READS, list_dispatches)
API_HANDLER(dispatches_post, API_WRITES, add_dispatch)
API_HANDLER(dispatch_get_one, API_READS, one_dispatch)
API_HANDLER(dispatch_patch, API_WRITES, change_dispatch)
API_HANDLER(dispatch_del, API_WRITES, delete_dispatch)
API_HANDLER(plan_post, API_QUEUES, plan)
API_HANDLER(dry_run_post, API_QUEUES, dry_run)
API_HANDLER(start_post, API_QUEUES, start)
API_HANDLER(pause_post, API_QUEUES, pause_dispatch)
API_HANDLER(resume_post, API_QUEUES, resume)
API_HANDLER(cancel_post, API_QUEUES, cancel)
API_HANDLER(test_post, API_QUEUES, test)
API_HANDLER(preview_post, API_READS, preview)
API_HANDLER(recipients_get, API_READS, list_recipients)
API_HANDLER(recipient_get_one, API_READS, one_recipient)
API_HANDLER(recipient_settle_post, API_WRITES, settle)
API_HANDLER(group_settle_post, API_WRITES, settle_group)
API_HANDLER(log_get, API_READS, list_log)
API_HANDLER(report_get, API_READS, report)
API_HANDLER(settings_get, API_READS, get_settings)
API_HANDLER(settings_put, API_WRITES, put_settings)

#define D      API "/dispatches/{id}"
#define READS  SUPERVISOR, .scope = "dispatches:read"
#define WRITES SUPERVISOR, .scope = "dispatches:write", .max_body = API_BODY_MAX

const struct route api_dispatch_routes[] = {
    {HTTP_GET, API "/dispatches", dispatches_get, READS, .summary = "Campaigns, newest first"},
    {HTTP_POST, API "/dispatches", dispatches_post, WRITES, .summary = "A campaign, as a draft"},
    {HTTP_GET, D, dispatch_get_one, READS, .summary = "One campaign and how far it is"},
    {HTTP_PATCH, D, dispatch_patch, WRITES,
     .summary = "Change a campaign that was not started; it has to be planned anew"},
    {HTTP_DELETE, D, dispatch_del, WRITES, .summary = "Delete a campaign that was not started"},
    {HTTP_POST, D "/plan", plan_post, WRITES, .summary = "Find the audience anew"},
    {HTTP_POST, D "/dry-run", dry_run_post, WRITES,
     .summary = "Say of everybody what would happen; sends nothing"},
    {HTTP_POST, D "/start", start_post, WRITES, .summary = "Send it, now or at a time"},
    {HTTP_POST, D "/pause", pause_post, WRITES, .summary = "Begin no more messages"},
    {HTTP_POST, D "/resume", resume_post, WRITES, .summary = "Go on where it was paused"},
    {HTTP_POST, D "/cancel", cancel_post, WRITES, .summary = "End it for good"},
    {HTTP_POST, D "/test", test_post, WRITES,
     .summary = "One message with a contact's data to an address of yours"},
    {HTTP_POST, D "/preview", preview_post, SUPERVISOR, .scope = "dispatches:read",
     .max_body = API_BODY_MAX, .summary = "What somebody would get, with their data"},
    {HTTP_POST, API "/dispatches/preview", preview_post, SUPERVISOR, .scope = "dispatches:read",
     .max_body = API_BODY_MAX, .summary = "The same for a campaign that is not saved"},
    {HTTP_GET, D "/recipients", recipients_get, READS,
     .summary = "Who gets it, and what became of it"},
    {HTTP_GET, D "/recipients/export", recipients_export_get, READS,
     .summary = "The recipients as a spreadsheet"},
    {HTTP_POST, D "/recipients/settle", group_settle_post, WRITES,
     .summary = "Decide about all that are uncertain, or have failed, for one cause"},
    {HTTP_GET, D "/report", report_get, READS,
     .summary = "Who got it, read it, answered, failed and why, and what it cost"},
    {HTTP_GET, D "/log", log_get, READS, .summary = "What the last dry run would have done"},
    {HTTP_GET, D "/log/export", log_export_get, READS,
     .summary = "What the last dry run would have done, as a spreadsheet"},
    {HTTP_GET, API "/dispatch-recipients/{id}", recipient_get_one, READS,
     .summary = "One recipient of a campaign"},
    {HTTP_POST, API "/dispatch-recipients/{id}/settle", recipient_settle_post, WRITES,
     .summary = "Decide about an uncertain message, or send a failed one again"},
    {HTTP_GET, API "/settings/dispatch", settings_get, READS,
     .summary = "Prices of messages and the caps of campaigns"},
    {HTTP_PUT, API "/settings/dispatch", settings_put, ADMIN, .scope = "dispatches:write",
     .max_body = API_BODY_MAX, .summary = "Set prices and caps"},
};
const size_t api_dispatch_n_routes = ARRAY_LEN(api_dispatch_routes);
