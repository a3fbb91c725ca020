/* webhook.c - prosa webhook: where a tenant's events are sent, and how that went.
 * SPDX-License-Identifier: Apache-2.0 */
#include "webhook/webhook.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/probe.h"

enum {
    PATTERNS_BYTES = 4096,
};

struct acting { /* on one webhook */
    struct cli *c;
    struct tenant tenant;
    struct webhook_id id;
    struct webhook webhook;
    enum status (*change)(struct acting *x, struct tx *tx, struct err *e);
    const char *action, *done;
};

/* --- showing --------------------------------------------------------------------------------- */

static void put_webhook(struct cli *c, const struct webhook *w) {
    struct json_out *o = &c->json;

    json_obj(o, NULL);
    json_put_id(o, "id", w->id.v);
    json_put_id(o, "tenant_id", w->tenant.v);
    json_put_str(o, "url", w->url);
    json_put_str_or_null(o, "description", w->description);
    json_put_str(o, "events", w->events);
    json_put_str(o, "state", w->state);
    json_put_str_or_null(o, "disabled_reason", w->state_reason);
    json_put_time(o, "failing_since", w->failing_since_ms);
    json_put_time(o, "last_success_at", w->last_success_at_ms);
    json_put_time(o, "last_failure_at", w->last_failure_at_ms);
    json_put_str_or_null(o, "last_failure", w->last_failure);
    json_put_time(o, "old_secret_until", w->old_secret_until_ms);
    json_put_opt(o, "secret", w->secret);
    json_put_time(o, "created_at", w->created_at_ms);
    json_put_time(o, "updated_at", w->updated_at_ms);
    json_end(o);
}

static void show(struct acting *x) {
    struct cli *c = x->c;
    const struct webhook *w = &x->webhook;

    if (c->is_json) {
        put_webhook(c, w);
        return;
    }
    buf_printf(&c->out, "%s webhook %.*s (%.*s): %.*s\n", x->done, STR_ARG(cli_id_text(c, w->id.v)),
               STR_ARG(w->state), STR_ARG(w->url));
    if (w->secret.len > 0)
        buf_printf(&c->out, "%.*s\nThis is the only time the secret is shown.\n",
                   STR_ARG(w->secret));
}

/* --- one change ------------------------------------------------------------------------------ */

static enum status change_tx(struct tx *tx, void *ctx, struct err *e) {
    struct acting *x = ctx;

    TRY(cli_tenant(x->c, tx, cli_arg(x->c, 0), &x->tenant, e));
    TRY(x->change(x, tx, e));
    TRY(cli_audit(x->c, tx, x->tenant.id, x->action, "webhook", x->webhook.id.v, e));
    show(x);
    return ST_OK;
}

static enum status change_one(struct cli *c, struct acting x, struct err *e) {
    x.c = c;
    TRY(cli_arg_uuid(c, 1, &x.id.v, e));
    return cli_write(c, change_tx, &x, e);
}

static enum status reread(struct acting *x, struct tx *tx, struct err *e) {
    return webhook_get(&x->c->arena, tx, x->tenant.id, x->id, &x->webhook, e);
}

static struct str all_patterns(struct cli *c) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = PATTERNS_BYTES};

    for (size_t i = 0; i < c->n_given; i++)
        if (str_eq(str_of(c->given[i].option->name), STR("event")))
            buf_printf(&b, "%.*s ", STR_ARG(c->given[i].value));
    return arena_str(&c->arena, buf_str(&b));
}

static enum status do_add(struct acting *x, struct tx *tx, struct err *e) {
    struct cli *c = x->c;
    const struct webhook_new in = {.tenant = x->tenant.id,
                                   .url = cli_arg(c, 1),
                                   .description = cli_value(c, "description"),
                                   .has_description = cli_has(c, "description"),
                                   .events = all_patterns(c)};

    return webhook_add(&c->arena, tx, c->rt.keys, &in, &x->webhook, e);
}

static enum status add(struct cli *c, struct err *e) {
    struct acting x = {.c = c, .change = do_add, .action = "webhook.add", .done = "Added"};

    return cli_write(c, change_tx, &x, e);
}

static enum status do_disable(struct acting *x, struct tx *tx, struct err *e) {
    TRY(webhook_disable(&x->c->arena, tx, x->tenant.id, x->id, STR("disabled by hand"), e));
    return reread(x, tx, e);
}

static enum status disable(struct cli *c, struct err *e) {
    return change_one(
        c, (struct acting){.change = do_disable, .action = "webhook.disable", .done = "Disabled"},
        e);
}

static enum status do_enable(struct acting *x, struct tx *tx, struct err *e) {
    TRY(webhook_enable(&x->c->arena, tx, x->tenant.id, x->id,
                       cli_has(x->c, "missed") ? WEBHOOK_FROM_MISSED : WEBHOOK_FROM_NOW, e));
    return reread(x, tx, e);
}

static enum status enable(struct cli *c, struct err *e) {
    return change_one(
        c, (struct acting){.change = do_enable, .action = "webhook.enable", .done = "Enabled"}, e);
}

static enum status do_rotate(struct acting *x, struct tx *tx, struct err *e) {
    return webhook_rotate(&x->c->arena, tx, x->c->rt.keys, x->tenant.id, x->id, &x->webhook, e);
}

static enum status rotate(struct cli *c, struct err *e) {
    return change_one(c,
                      (struct acting){.change = do_rotate,
                                      .action = "webhook.rotate",
                                      .done = "A new secret for"},
                      e);
}

static enum status do_delete(struct acting *x, struct tx *tx, struct err *e) {
    TRY(reread(x, tx, e));
    x->webhook.state = STR("deleted");
    return webhook_delete(&x->c->arena, tx, x->tenant.id, x->id, e);
}

static enum status delete (struct cli *c, struct err *e) {
    return change_one(c,
                      (struct acting){
                          .change = do_delete, .action = "webhook.delete", .done = "Deleted"},
                      e);
}

/* --- list ------------------------------------------------------------------------------------ */

static struct str health_text(const struct webhook *w) {
    if (w->failing_since_ms > 0)
        return w->last_failure;
    return w->last_success_at_ms > 0 ? STR("ok") : STR("nothing sent yet");
}

static void list_table(struct cli *c, const struct webhook *list, size_t n) {
    static const char *const heads[] = {"ID", "STATE", "EVENTS", "URL", "HEALTH"};
    struct table t;

    table_begin(&t, c, heads, ARRAY_LEN(heads));
    for (size_t i = 0; i < n; i++) {
        table_add(&t, cli_id_text(c, list[i].id.v));
        table_add(&t, list[i].state);
        table_add(&t, list[i].events);
        table_add(&t, list[i].url);
        table_add(&t, health_text(&list[i]));
    }
    table_end(&t, "No webhooks yet: prosa webhook add SLUG URL");
}

static enum status list_tx(struct tx *tx, void *ctx, struct err *e) {
    struct cli *c = ctx;
    struct tenant tenant;
    struct webhook *list;
    size_t n;

    TRY(cli_tenant(c, tx, cli_arg(c, 0), &tenant, e));
    TRY(webhook_list(&c->arena, tx, tenant.id, &list, &n, e));
    CLI_LIST(c, list, n, put_webhook, list_table);
    return ST_OK;
}

static enum status list(struct cli *c, struct err *e) {
    return cli_write(c, list_tx, c, e);
}

/* --- test ------------------------------------------------------------------------------------ */

static enum status find_tx(struct tx *tx, void *ctx, struct err *e) {
    struct acting *x = ctx;

    TRY(cli_tenant(x->c, tx, cli_arg(x->c, 0), &x->tenant, e));
    return reread(x, tx, e);
}

static void show_attempt(struct cli *c, const struct webhook_attempt *at) {
    if (!c->is_json && at->is_delivered) {
        buf_printf(&c->out, "delivered: %lld after %lld ms\n", (long long)at->status,
                   (long long)at->took_ms);
        return;
    }
    if (!c->is_json) {
        buf_printf(&c->out, "not delivered: %.*s\n", STR_ARG(at->reason));
        return;
    }
    json_obj(&c->json, NULL);
    json_put_bool(&c->json, "is_delivered", at->is_delivered);
    json_put_i64(&c->json, "status", at->status);
    json_put_i64(&c->json, "took_ms", at->took_ms);
    json_put_str_or_null(&c->json, "cause", at->cause);
    json_put_str_or_null(&c->json, "reason", at->reason);
    json_put_str_or_null(&c->json, "reply", at->reply);
    json_end(&c->json);
}

static enum status test(struct cli *c, struct err *e) {
    struct acting x = {.c = c};
    struct webhook_attempt attempt;
    struct httpc *httpc;
    enum status st;

    TRY(cli_arg_uuid(c, 1, &x.id.v, e));
    TRY(cli_write(c, find_tx, &x, e));
    TRY(probe_start(c, &httpc, e));
    st = webhook_try(
        &c->arena,
        &(struct webhook_trial){
            .db = c->rt.db, .httpc = httpc, .keys = c->rt.keys, .tenant = x.tenant.id, .id = x.id},
        &attempt, e);
    httpc_stop(httpc);
    TRY(st);
    show_attempt(c, &attempt);
    if (!attempt.is_delivered)
        c->exit_code = 1;
    return ST_OK;
}

/* --- deliveries ------------------------------------------------------------------------------ */

static void put_delivery(struct cli *c, const struct webhook_delivery *d) {
    struct json_out *o = &c->json;

    json_obj(o, NULL);
    json_put_id(o, "id", d->id.v);
    json_put_id(o, "webhook_id", d->webhook.v);
    json_put_id(o, "event_id", d->message);
    json_put_str(o, "type", d->kind);
    json_put_str(o, "state", d->state);
    json_put_i64(o, "attempts", d->attempts);
    json_put_time(o, "next_at", str_eq(d->state, STR("waiting")) ? d->next_at_ms : 0);
    json_put_str_or_null(o, "cause", d->cause);
    json_put_str_or_null(o, "reason", d->reason);
    json_put_i64(o, "status", d->status);
    json_put_str_or_null(o, "reply", d->reply);
    json_put_time(o, "created_at", d->created_at_ms);
    json_put_time(o, "tried_at", d->tried_at_ms);
    json_end(o);
}

static void delivery_table(struct cli *c, const struct webhook_delivery *rows, size_t n) {
    static const char *const heads[] = {"ID", "EVENT", "STATE", "TRIES", "CREATED AT", "REASON"};
    struct table t;

    table_begin(&t, c, heads, ARRAY_LEN(heads));
    for (size_t i = 0; i < n; i++) {
        table_add(&t, cli_id_text(c, rows[i].id.v));
        table_add(&t, rows[i].kind);
        table_add(&t, rows[i].state);
        table_add(&t, arena_printf(&c->arena, "%lld", (long long)rows[i].attempts));
        table_add(&t, cli_time_text(c, rows[i].created_at_ms));
        table_add(&t, rows[i].reason);
    }
    table_end(&t, "No such deliveries.");
}

static enum status deliveries_tx(struct tx *tx, void *ctx, struct err *e) {
    struct cli *c = ctx;
    struct webhook_delivery_query q = {.state = cli_value(c, "state"),
                                       .cause = cli_value(c, "cause")};
    struct webhook_delivery *rows;
    struct tenant tenant;
    size_t n;

    TRY(cli_limit(c, &q.limit, e));
    if (cli_has(c, "after") && !uuid_parse(cli_value(c, "after"), &q.after.v))
        FAIL(e, ST_INVALID, "--after wants the id of a delivery");
    TRY(cli_arg_uuid(c, 1, &q.webhook.v, e));
    TRY(cli_tenant(c, tx, cli_arg(c, 0), &tenant, e));
    q.tenant = tenant.id;
    TRY(webhook_delivery_list(&c->arena, tx, &q, &rows, &n, e));
    CLI_LIST(c, rows, n, put_delivery, delivery_table);
    return ST_OK;
}

static enum status deliveries(struct cli *c, struct err *e) {
    return cli_write(c, deliveries_tx, c, e);
}

/* --- replay ---------------------------------------------------------------------------------- */

static enum status read_time(struct cli *c, const char *option, int64_t *ret, struct err *e) {
    if (cli_has(c, option) && !clock_parse_iso(cli_value(c, option), ret))
        FAIL(e, ST_INVALID, "--%s wants a time such as 2026-11-21T08:00:00Z", option);
    return ST_OK;
}

struct replaying {
    struct cli *c;
    struct webhook_replay which;
    int64_t n, total;
};

static enum status replay_tx(struct tx *tx, void *ctx, struct err *e) {
    struct replaying *r = ctx;
    struct cli *c = r->c;
    struct tenant tenant;

    TRY(cli_tenant(c, tx, cli_arg(c, 0), &tenant, e));
    r->which.tenant = tenant.id;
    TRY(webhook_replay(&c->arena, tx, &r->which, &r->n, e));
    if (r->n == 0 && !uuid_is_nil(r->which.id.v))
        FAIL(e, ST_NOT_FOUND, "there is no such delivery that is dead, or its webhook is disabled");
    return cli_audit(c, tx, tenant.id, "webhook.replay", "delivery", r->which.id.v, e);
}

static enum status read_which(struct cli *c, struct webhook_replay *ret, struct err *e) {
    *ret = (struct webhook_replay){.cause = cli_value(c, "cause"),
                                   .with_delivered = cli_has(c, "delivered")};
    TRY(cli_arg_uuid(c, 1, &ret->id.v, e));
    TRY(read_time(c, "since", &ret->since_ms, e));
    TRY(read_time(c, "until", &ret->until_ms, e));
    if (cli_has(c, "webhook") && !uuid_parse(cli_value(c, "webhook"), &ret->webhook.v))
        FAIL(e, ST_INVALID, "--webhook wants the id of a webhook");
    if (uuid_is_nil(ret->id.v) && ret->cause.len == 0 && ret->since_ms == 0 && !cli_has(c, "all"))
        FAIL(e, ST_INVALID, "which deliveries? Give an ID, --cause, --since or --all");
    return ST_OK;
}

static enum status replay(struct cli *c, struct err *e) {
    struct replaying r = {.c = c};

    TRY(read_which(c, &r.which, e));
    r.which.asked_ms = clock_now_ms();
    do { /* each piece its own transaction: others write in between */
        TRY(cli_write(c, replay_tx, &r, e));
        r.total += r.n;
    } while (r.n == WEBHOOK_REPLAY_MAX);
    if (!c->is_json) {
        buf_printf(&c->out, "Sent again: %lld %s\n", (long long)r.total,
                   r.total == 1 ? "delivery" : "deliveries");
        return ST_OK;
    }
    json_obj(&c->json, NULL);
    json_put_i64(&c->json, "count", r.total);
    json_end(&c->json);
    return ST_OK;
}

/* --- table ----------------------------------------------------------------------------------- */

#define ONE_WEBHOOK "SLUG ID"

static const struct option add_options[] = {
    {.name = "event",
     .value = "PATTERN",
     .help = "*, message.*, conversation.taken …; may be repeated (default: *)"},
    {.name = "description", .value = "TEXT", .help = "shown to people"},
    {.name = NULL},
};

static const struct option enable_options[] = {
    {.name = "missed", .help = "send what happened meanwhile, too"},
    {.name = NULL},
};

static const struct option deliveries_options[] = {
    {.name = "state", .value = "STATE", .help = "waiting, delivered or dead"},
    {.name = "cause", .value = "CAUSE", .help = "only with this cause, such as http-500"},
    CLI_LIMIT_OPTION,
    {.name = "after", .value = "ID", .help = "go on behind this one"},
    {.name = NULL},
};

static const struct option replay_options[] = {
    {.name = "webhook", .value = "ID", .help = "only of this webhook"},
    {.name = "cause", .value = "CAUSE", .help = "only with this cause"},
    {.name = "since", .value = "TIME", .help = "only from this time on, 2026-11-21T08:00:00Z"},
    {.name = "until", .value = "TIME", .help = "only before this time"},
    {.name = "delivered", .help = "also what was delivered"},
    {.name = "all", .help = "all that are dead"},
    {.name = NULL},
};

const struct command webhook_commands[] = {
    {.name = "add",
     .args = "SLUG URL",
     .summary = "send events to a URL from now on",
     .task = "add the webhook",
     .help = "Signed as Standard Webhooks say; the secret is shown once. docs/webhooks.md tells\n"
             "what is sent and how to verify it.",
     .options = add_options,
     .run = add,
     .needs_keys = true},
    {.name = "list", .args = "SLUG", .summary = "list a tenant's webhooks", .run = list},
    {.name = "test",
     .args = ONE_WEBHOOK,
     .summary = "send the event webhook.test now",
     .task = "test the webhook",
     .help = "Sent from here, not by the server. Exits with 1 when it is not taken.",
     .run = test,
     .needs_keys = true},
    {.name = "enable",
     .args = ONE_WEBHOOK,
     .summary = "send events again",
     .task = "enable the webhook",
     .options = enable_options,
     .run = enable},
    {.name = "disable",
     .args = ONE_WEBHOOK,
     .summary = "send no more events",
     .task = "disable the webhook",
     .help = "What waits becomes dead and can be replayed.",
     .run = disable},
    {.name = "rotate",
     .args = ONE_WEBHOOK,
     .summary = "make a new secret; the old one signs as well for a day",
     .task = "rotate the webhook's secret",
     .run = rotate,
     .needs_keys = true},
    {.name = "delete",
     .args = ONE_WEBHOOK,
     .summary = "delete a webhook",
     .task = "delete the webhook",
     .run = delete},
    {.name = "deliveries",
     .args = "SLUG [WEBHOOK]",
     .summary = "list deliveries, newest first",
     .options = deliveries_options,
     .run = deliveries},
    {.name = "replay",
     .args = "SLUG [ID]",
     .summary = "send dead deliveries again",
     .task = "replay deliveries",
     .options = replay_options,
     .run = replay},
    {.name = NULL},
};
