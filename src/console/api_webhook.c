/* api_webhook.c - where events go outside, and how that went.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include "base/clock.h"
#include "webhook/webhook.h"

enum { PATTERNS_BYTES = 4096 };

static struct webhook_id webhook_of(const struct api *x) {
    return (struct webhook_id){x->message.v};
}

/* --- as JSON ---------------------------------------------------------------------------------------------------------- */

static void put_patterns(struct json_out *o, struct str patterns) {
    json_arr(o, "events");
    while (patterns.len > 0) {
        struct str one;

        (void)str_cut(&patterns, ' ', &one);
        json_put_str(o, NULL, one);
    }
    json_end(o);
}

static void put_webhook(struct json_out *o, const struct webhook *w) {
    json_put_id(o, "id", w->id.v);
    json_put_str(o, "url", w->url);
    json_put_str(o, "description", w->description);
    put_patterns(o, w->events);
    json_put_bool(o, "is_active", str_eq(w->state, STR("active")));
    json_put_str_or_null(o, "disabled_reason", w->state_reason);
    json_put_time(o, "old_secret_until", w->old_secret_until_ms);
    json_put_time(o, "failing_since", w->failing_since_ms);
    json_put_time(o, "last_success_at", w->last_success_at_ms);
    json_put_time(o, "last_failure_at", w->last_failure_at_ms);
    json_put_str_or_null(o, "last_failure", w->last_failure);
    json_put_time(o, "created_at", w->created_at_ms);
    json_put_time(o, "updated_at", w->updated_at_ms);
}

static enum status answer(struct api *x, const struct webhook *w) {
    struct json_out *o = api_begin(x);

    put_webhook(o, w);
    json_put_opt(o, "secret", w->secret);
    json_end(o);
    return ST_OK;
}

static enum status answer_found(struct tx *tx, struct api *x, struct err *e) {
    struct webhook w;

    TRY(webhook_get(x->r->arena, tx, x->tenant, webhook_of(x), &w, e));
    return answer(x, &w);
}

static enum status audit(struct tx *tx, const struct api *x, const char *action,
                         struct webhook_id id, struct err *e) {
    return api_audit(
        tx, x, action,
        arena_printf(x->r->arena, "webhook:%.*s", STR_ARG(uuid_format(x->r->arena, id.v))), e);
}

/* --- endpoints -------------------------------------------------------------------------------------------------------- */

static enum status list_webhooks(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct webhook *list;
    size_t n;

    TRY(webhook_list(x->r->arena, tx, x->tenant, &list, &n, e));
    api_begin_list(x);
    for (size_t i = 0; i < n; i++) {
        json_obj(&x->o, NULL);
        put_webhook(&x->o, &list[i]);
        json_end(&x->o);
    }
    api_end_list(x, STR_EMPTY, false);
    return ST_OK;
}

static enum status one_webhook(struct tx *tx, void *ctx, struct err *e) {
    return answer_found(tx, ctx, e);
}

static enum status read_patterns(struct api *x, struct str *ret, struct err *e) {
    const struct json *events = json_get(x->body, "events");
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = PATTERNS_BYTES};

    *ret = STR_EMPTY;
    if (!events)
        return ST_OK;
    if (json_type(events) != JSON_ARRAY || json_len(events) == 0)
        FAIL(e, ST_INVALID, "events: an array of patterns such as \"message.*\"");
    for (size_t i = 0; i < json_len(events); i++) {
        struct str one = json_str(json_at(events, i));

        if (one.len == 0 || str_contains(one, STR(" ")))
            FAIL(e, ST_INVALID, "events: each is a text such as \"message.*\"");
        buf_printf(&b, "%.*s ", STR_ARG(one));
    }
    if (b.overflown)
        FAIL(e, ST_INVALID, "events: at most %d patterns", WEBHOOK_MAX_PATTERNS);
    *ret = arena_str(x->r->arena, buf_str(&b));
    return ST_OK;
}

static enum status read_input(struct api *x, struct webhook_new *ret, struct err *e) {
    *ret = (struct webhook_new){.tenant = x->tenant,
                                .url = json_str(json_get(x->body, "url")),
                                .description = json_str(json_get(x->body, "description")),
                                .has_description = json_get(x->body, "description") != NULL};
    return read_patterns(x, &ret->events, e);
}

static enum status add_webhook(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct webhook_new in;
    struct webhook w;

    TRY(read_input(x, &in, e));
    TRY(webhook_add(x->r->arena, tx, webhooks_keys(app_webhooks(x->app)), &in, &w, e));
    TRY(audit(tx, x, "webhook.add", w.id, e));
    return answer(x, &w);
}

/* {is_active: true, missed: true} goes on where it stopped instead of now. */
static enum status switch_webhook(struct tx *tx, struct api *x, struct err *e) {
    const struct json *is_active = json_get(x->body, "is_active");
    bool wants_missed = json_bool(json_get(x->body, "missed"), false);

    if (!is_active)
        return ST_OK;
    if (json_type(is_active) != JSON_BOOL)
        FAIL(e, ST_INVALID, "is_active: true or false");
    if (!json_bool(is_active, false)) {
        TRY(webhook_disable(x->r->arena, tx, x->tenant, webhook_of(x), STR("disabled by hand"), e));
        return audit(tx, x, "webhook.disable", webhook_of(x), e);
    }
    TRY(webhook_enable(x->r->arena, tx, x->tenant, webhook_of(x),
                       wants_missed ? WEBHOOK_FROM_MISSED : WEBHOOK_FROM_NOW, e));
    return audit(tx, x, "webhook.enable", webhook_of(x), e);
}

static enum status change_webhook(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct webhook_new in;
    struct webhook w;

    TRY(read_input(x, &in, e));
    TRY(webhook_change(x->r->arena, tx, webhook_of(x), &in, &w, e));
    if (in.url.len > 0 || in.events.len > 0 || in.has_description)
        TRY(audit(tx, x, "webhook.set", w.id, e));
    TRY(switch_webhook(tx, x, e));
    return answer_found(tx, x, e);
}

static enum status rotate_secret(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct webhook w;

    TRY(webhook_rotate(x->r->arena, tx, webhooks_keys(app_webhooks(x->app)), x->tenant,
                       webhook_of(x), &w, e));
    TRY(audit(tx, x, "webhook.rotate", w.id, e));
    return answer(x, &w);
}

static enum status delete_webhook(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;

    TRY(webhook_delete(x->r->arena, tx, x->tenant, webhook_of(x), e));
    TRY(audit(tx, x, "webhook.delete", webhook_of(x), e));
    json_put_id(api_begin(x), "id", x->message.v);
    json_end(&x->o);
    return ST_OK;
}

/* --- deliveries ------------------------------------------------------------------------------------------------------- */

void write_delivery_members(struct json_out *o, const struct webhook_delivery *d) {
    json_put_id(o, "id", d->id.v);
    json_put_id(o, "webhook_id", d->webhook.v);
    json_put_id(o, "event_id", d->message);
    json_put_str(o, "type", d->kind);
    json_put_str(o, "state", d->state);
    json_put_i64(o, "attempts", d->attempts);
    json_put_time(o, "next_at", str_eq(d->state, STR("waiting")) ? d->next_at_ms : 0);
    json_put_str_or_null(o, "cause", d->cause);
    json_put_str_or_null(o, "reason", d->reason);
    if (d->status > 0)
        json_put_i64(o, "status", d->status);
    else
        json_put_null(o, "status");
    json_put_str_or_null(o, "reply", d->reply);
    json_put_i64(o, "took_ms", d->took_ms);
    json_put_time(o, "created_at", d->created_at_ms);
    json_put_time(o, "tried_at", d->tried_at_ms);
}

static enum status list_deliveries(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct webhook_delivery_query q = {.tenant = x->tenant,
                                       .webhook = webhook_of(x),
                                       .state = req_query(x->r, "state"),
                                       .cause = req_query(x->r, "cause"),
                                       .limit = x->page.limit};
    struct webhook_delivery *list;
    struct webhook w;
    size_t n;

    if (x->page.cursor.len > 0 && !uuid_parse(x->page.cursor, &q.after.v))
        FAIL(e, ST_INVALID, "the cursor is not one that this server gave");
    TRY(webhook_get(x->r->arena, tx, x->tenant, q.webhook, &w, e));
    TRY(webhook_delivery_list(x->r->arena, tx, &q, &list, &n, e));
    api_begin_list(x);
    for (size_t i = 0; i < n; i++) {
        json_obj(&x->o, NULL);
        write_delivery_members(&x->o, &list[i]);
        json_end(&x->o);
    }
    api_end_list(x, n > 0 ? uuid_format(x->r->arena, list[n - 1].id.v) : STR_EMPTY,
                 n == x->page.limit);
    return ST_OK;
}

static enum status one_delivery(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct webhook_delivery d;
    struct str body;

    TRY(webhook_delivery_get(x->r->arena, tx, x->tenant, (struct delivery_id){x->message.v}, &d,
                             &body, e));
    write_delivery_members(api_begin(x), &d);
    json_put_raw(&x->o, "body", body);
    json_end(&x->o);
    return ST_OK;
}

static enum status test_webhook(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct delivery_id id;

    TRY(webhook_send_test(x->r->arena, tx, x->tenant, webhook_of(x), &id, e));
    TRY(audit(tx, x, "webhook.test", webhook_of(x), e));
    json_put_id(api_begin(x), "delivery_id", id.v);
    json_end(&x->o);
    return ST_OK;
}

static enum status count_answer(struct api *x, int64_t n) {
    json_put_i64(api_begin(x), "count", n);
    json_end(&x->o);
    return ST_OK;
}

static enum status replay_delivery(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    const struct webhook_replay which = {
        .tenant = x->tenant, .id.v = x->message.v, .with_delivered = true};
    int64_t n;

    TRY(webhook_replay(x->r->arena, tx, &which, &n, e));
    if (n == 0)
        FAIL(e, ST_NOT_FOUND,
             "no such delivery that is delivered or dead, or its webhook is disabled");
    TRY(api_audit(tx, x, "webhook.replay", uuid_format(x->r->arena, x->message.v), e));
    return count_answer(x, n);
}

static enum status read_time(struct api *x, const char *key, int64_t *ret, struct err *e) {
    struct str text = json_str(json_get(x->body, key));

    if (text.len > 0 && !clock_parse_iso(text, ret))
        FAIL(e, ST_INVALID, "%s: a time such as 2026-11-21T08:00:00Z", key);
    return ST_OK;
}

static enum status replay_webhook(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct webhook_replay which = {.tenant = x->tenant,
                                   .webhook = webhook_of(x),
                                   .cause = json_str(json_get(x->body, "cause")),
                                   .with_delivered =
                                       json_bool(json_get(x->body, "delivered"), false)};
    struct webhook w;
    int64_t n;

    TRY(read_time(x, "since", &which.since_ms, e));
    TRY(read_time(x, "until", &which.until_ms, e));
    if (which.with_delivered && which.since_ms == 0)
        FAIL(e, ST_INVALID, "since: from when on should what was delivered be sent again?");
    TRY(webhook_get(x->r->arena, tx, x->tenant, which.webhook, &w, e));
    if (!str_eq(w.state, STR("active")))
        FAIL(e, ST_CONFLICT, "the webhook is disabled: enable it first");
    TRY(webhook_replay(x->r->arena, tx, &which, &n, e));
    TRY(audit(tx, x, "webhook.replay", which.webhook, e));
    json_put_i64(api_begin(x), "count", n);
    json_put_bool(&x->o, "has_more", n == WEBHOOK_REPLAY_MAX);
    json_end(&x->o);
    return ST_OK;
}

API_HANDLER(webhooks_get, API_READS, list_webhooks)
API_HANDLER(webhook_get_one, API_READS, one_webhook)
API_HANDLER(webhooks_post, API_WRITES, add_webhook)
API_HANDLER(webhook_patch, API_WRITES, change_webhook)
API_HANDLER(webhook_del, API_WRITES, delete_webhook)
API_HANDLER(webhook_rotate_post, API_WRITES, rotate_secret)
API_HANDLER(webhook_test_post, API_QUEUES, test_webhook)
API_HANDLER(webhook_replay_post, API_QUEUES, replay_webhook)
API_HANDLER(webhook_deliveries_get, API_READS, list_deliveries)
API_HANDLER(delivery_get_one, API_READS, one_delivery)
API_HANDLER(delivery_replay_post, API_QUEUES, replay_delivery)

const struct route api_webhook_routes[] = {
    {HTTP_GET, API "/webhooks", webhooks_get, ADMIN, .scope = "webhooks:read",
     .summary = "Where events are sent"},
    {HTTP_POST, API "/webhooks", webhooks_post, ADMIN, .scope = "webhooks:write",
     .max_body = API_BODY_MAX,
     .summary = "Send events to a URL from now on; tells the secret once"},
    {HTTP_GET, API "/webhooks/{id}", webhook_get_one, ADMIN, .scope = "webhooks:read",
     .summary = "One webhook and its health"},
    {HTTP_PATCH, API "/webhooks/{id}", webhook_patch, ADMIN, .scope = "webhooks:write",
     .max_body = API_BODY_MAX, .summary = "Change a webhook, or switch it off and on"},
    {HTTP_DELETE, API "/webhooks/{id}", webhook_del, ADMIN, .scope = "webhooks:write",
     .summary = "Delete a webhook"},
    {HTTP_POST, API "/webhooks/{id}/rotate", webhook_rotate_post, ADMIN, .scope = "webhooks:write",
     .max_body = API_BODY_MAX, .summary = "A new secret; the old one signs as well for a day"},
    {HTTP_POST, API "/webhooks/{id}/test", webhook_test_post, ADMIN, .scope = "webhooks:write",
     .max_body = API_BODY_MAX, .summary = "Send the event webhook.test"},
    {HTTP_POST, API "/webhooks/{id}/replay", webhook_replay_post, ADMIN, .scope = "webhooks:write",
     .max_body = API_BODY_MAX, .summary = "Send dead deliveries again, by cause or time"},
    {HTTP_GET, API "/webhooks/{id}/deliveries", webhook_deliveries_get, ADMIN,
     .scope = "webhooks:read", .summary = "A webhook's deliveries, newest first"},
    {HTTP_GET, API "/webhook-deliveries/{id}", delivery_get_one, ADMIN, .scope = "webhooks:read",
     .summary = "One delivery with its body"},
    {HTTP_POST, API "/webhook-deliveries/{id}/replay", delivery_replay_post, ADMIN,
     .scope = "webhooks:write", .max_body = API_BODY_MAX, .summary = "Send one delivery again"},
};
const size_t api_webhook_n_routes = ARRAY_LEN(api_webhook_routes);
