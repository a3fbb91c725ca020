/* dispatch_people.c - prosa dispatch recipients, export, test, settle: a campaign person by person.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "cli/campaign.h"
#include "cli/spreadsheet.h"

struct people {
    struct cli *c;
    struct tenant tenant;
    struct recipient_query query;
    struct recipient_id id;
    struct recipient row;
    struct dispatch_test test;
    struct recipient_export what;
    struct dry_export dry;
    int64_t n;
};

/* --- which ------------------------------------------------------------------------------------------------------------------ */

static enum status read_query(struct people *x, struct tx *tx, struct err *e) {
    static const char *const states[] = {"planned", "excluded",  "sending",
                                         "sent",    "delivered", "read",
                                         "failed",  "uncertain", "cancelled"};
    struct cli *c = x->c;
    struct dispatch d;
    bool is_known = !cli_has(c, "state");

    TRY(cli_tenant(c, tx, cli_arg(c, 0), &x->tenant, e));
    x->query = (struct recipient_query){.tenant = x->tenant.id,
                                        .state = cli_value(c, "state"),
                                        .channel = cli_value(c, "channel"),
                                        .cause = cli_value(c, "cause"),
                                        .has_replied = cli_has(c, "replied"),
                                        .has_opted_out = cli_has(c, "opted-out")};
    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        is_known = is_known || str_eq(x->query.state, str_of(states[i]));
    if (!is_known)
        FAIL(e, ST_INVALID,
             "--state is planned, excluded, sending, sent, delivered, read, failed,"
             " uncertain or cancelled");
    TRY(campaign_find(c, tx, x->tenant.id, &x->query.dispatch, e));
    return dispatch_get(&c->arena, tx, x->tenant.id, x->query.dispatch, &d, e);
}

/* --- shown ------------------------------------------------------------------------------------------------------------------ */

static struct str why_of(const struct recipient *r) {
    if (r->block_reason.len > 0)
        return r->block_reason;
    return r->error_cause.len > 0 ? r->error_cause : r->reason;
}

static void put_recipient(struct cli *c, const struct recipient *r) {
    struct json_out *o = &c->json;

    json_obj(o, NULL);
    json_put_id(o, "id", r->id.v);
    json_put_id(o, "dispatch_id", r->dispatch.v);
    json_put_id(o, "lead_id", r->lead.v);
    json_put_bool(o, "is_test", r->is_test);
    json_put_str_or_null(o, "name", r->name);
    json_put_str(o, "state", r->state);
    json_put_str_or_null(o, "channel", r->channel);
    json_put_str_or_null(o, "address", r->address);
    json_put_str_or_null(o, "template", r->template_name);
    json_put_str_or_null(o, "reason", r->reason);
    json_put_str_or_null(o, "block_reason", r->block_reason);
    json_put_str_or_null(o, "error_cause", r->error_cause);
    json_put_str_or_null(o, "error_reason", r->error_reason);
    json_put_str_or_null(o, "text", r->text);
    json_put_i64(o, "cost", r->cost);
    json_put_time(o, "sent_at", r->sent_at_ms);
    json_put_time(o, "delivered_at", r->delivered_at_ms);
    json_put_time(o, "read_at", r->read_at_ms);
    json_put_time(o, "failed_at", r->failed_at_ms);
    json_put_time(o, "replied_at", r->replied_at_ms);
    json_put_time(o, "opted_out_at", r->opted_out_at_ms);
    json_end(o);
}

static void show_recipient(struct cli *c, const struct recipient *r) {
    if (c->is_json) {
        put_recipient(c, r);
        return;
    }
    buf_printf(&c->out, "%.*s is %.*s", STR_ARG(cli_id_text(c, r->id.v)), STR_ARG(r->state));
    if (r->error_reason.len > 0)
        buf_printf(&c->out, ": %.*s", STR_ARG(r->error_reason));
    buf_add(&c->out, STR("\n"));
}

/* --- list ------------------------------------------------------------------------------------------------------------------- */

static struct str shown(struct str s) {
    return s.len > 0 ? s : STR("-");
}

static void add_row(struct table *t, const struct recipient *r) {
    struct str address = r->address.len > 0 ? r->address : r->phone.len > 0 ? r->phone : r->email;

    table_add(t, cli_id_text(t->c, r->id.v));
    table_add(t, r->state);
    table_add(t, shown(r->channel));
    table_add(t, shown(address));
    table_add(t, shown(r->name));
    table_add(t, shown(why_of(r)));
}

static enum status list_tx(struct tx *tx, void *ctx, struct err *e) {
    static const char *const heads[] = {"ID", "STATE", "CHANNEL", "ADDRESS", "NAME", "WHY"};
    struct people *x = ctx;
    struct recipient *list;
    struct table t = {0};
    size_t n, limit;

    TRY(cli_limit(x->c, &limit, e));
    TRY(read_query(x, tx, e));
    x->query.limit = limit;
    TRY(recipient_list(&x->c->arena, tx, &x->query, &list, &n, e));
    if (x->c->is_json) {
        cli_begin_list(x->c);
        for (size_t i = 0; i < n; i++)
            put_recipient(x->c, &list[i]);
        cli_end_list(x->c);
        return ST_OK;
    }
    table_begin(&t, x->c, heads, ARRAY_LEN(heads));
    for (size_t i = 0; i < n; i++)
        add_row(&t, &list[i]);
    table_end(&t, "Nobody.");
    return ST_OK;
}

enum status campaign_recipients(struct cli *c, struct err *e) {
    struct people x = {.c = c};

    return cli_read(c, list_tx, &x, e);
}

/* --- export ----------------------------------------------------------------------------------------------------------------- */

static enum status export_tx(struct tx *tx, void *ctx, struct err *e) {
    struct people *x = ctx;

    TRY(read_query(x, tx, e));
    x->what.query = x->query;
    return recipient_export(tx, &x->what, &x->n, e);
}

static enum status export_log_tx(struct tx *tx, void *ctx, struct err *e) {
    struct people *x = ctx;
    struct cli *c = x->c;

    TRY(cli_tenant(c, tx, cli_arg(c, 0), &x->tenant, e));
    x->dry.query =
        (struct dry_query){.tenant = x->tenant.id, .would_send = cli_value(c, "would-send")};
    TRY(campaign_find(c, tx, x->tenant.id, &x->dry.query.dispatch, e));
    return dispatch_log_export(tx, &x->dry, &x->n, e);
}

static enum status check_export(const struct cli *c, struct err *e) {
    static const char *const of_recipients[] = {"state", "channel", "cause", "replied",
                                                "opted-out"};
    struct str would = cli_value(c, "would-send");

    if (cli_has(c, "would-send") && !cli_has(c, "dry-run"))
        FAIL(e, ST_INVALID, "--would-send goes with --dry-run");
    if (would.len > 0 && !str_eq(would, STR("true")) && !str_eq(would, STR("false")))
        FAIL(e, ST_INVALID, "--would-send is true or false");
    for (size_t i = 0; cli_has(c, "dry-run") && i < ARRAY_LEN(of_recipients); i++)
        if (cli_has(c, of_recipients[i]))
            FAIL(e, ST_INVALID, "--%s does not go with --dry-run", of_recipients[i]);
    return ST_OK;
}

enum status campaign_export(struct cli *c, struct err *e) {
    ATTR_CLEANUP(spreadsheet_close_p) struct spreadsheet to = {0};
    struct people x = {.c = c};
    bool is_dry_run = cli_has(c, "dry-run");

    TRY(check_export(c, e));
    TRY(spreadsheet_open(c, 2, &to, e));
    x.what.kind = x.dry.kind = to.kind;
    x.what.fd = x.dry.fd = to.fd;
    TRY(cli_read(c, is_dry_run ? export_log_tx : export_tx, &x, e));
    return spreadsheet_send(&to, is_dry_run ? "rows" : "recipients", x.n, e);
}

/* --- test ------------------------------------------------------------------------------------------------------------------- */

/* "+55 (11) 98765-4321" is typed as people write it. */
static struct str digits_of(struct arena *a, struct str typed) {
    char *digits = arena_alloc(a, typed.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < typed.len; i++)
        if (!str_contains(STR("+ ()-."), str_sub(typed, i, 1)))
            digits[n++] = typed.ptr[i];
    return (struct str){.ptr = digits, .len = n};
}

static void read_address(struct people *x) {
    struct cli *c = x->c;
    struct str to = cli_value(c, "to"), channel = cli_value(c, "channel");
    bool is_mail = str_contains(to, STR("@"));

    if (channel.len == 0)
        channel = is_mail ? STR("email") : STR("whatsapp");
    x->test.channel = channel;
    x->test.address = is_mail ? to : digits_of(&c->arena, to);
}

static enum status recipient_tx(struct tx *tx, void *ctx, struct err *e) {
    struct people *x = ctx;

    TRY(cli_tenant(x->c, tx, cli_arg(x->c, 0), &x->tenant, e));
    TRY(recipient_get(&x->c->arena, tx, x->tenant.id, x->id, &x->row, e));
    show_recipient(x->c, &x->row);
    return ST_OK;
}

static enum status test_tx(struct tx *tx, void *ctx, struct err *e) {
    struct people *x = ctx;
    struct cli *c = x->c;

    TRY(cli_tenant(c, tx, cli_arg(c, 0), &x->tenant, e));
    TRY(campaign_find(c, tx, x->tenant.id, &x->test.id, e));
    TRY(cli_lead(c, tx, x->tenant.id, cli_arg(c, 2), &x->test.lead, e));
    x->test.tenant = x->tenant.id;
    TRY(dispatch_send_test(&c->arena, tx, &x->test, &x->id, e));
    TRY(cli_audit(c, tx, x->tenant.id, "dispatch.test", "dispatch", x->test.id.v, e));
    TRY(recipient_get(&c->arena, tx, x->tenant.id, x->id, &x->row, e));
    show_recipient(c, &x->row);
    return ST_OK;
}

static bool is_under_way(const struct recipient *r) {
    return str_eq(r->state, STR("planned")) || str_eq(r->state, STR("sending"));
}

static enum status wait_for_test(struct people *x, int64_t deadline_ms, struct err *e) {
    do {
        if (clock_mono_ms() > deadline_ms)
            FAIL(e, ST_UNAVAILABLE, "it is still %.*s: it is queued, a server sends it",
                 STR_ARG(x->row.state));
        campaign_rest();
        TRY(cli_read(x->c, recipient_tx, x, e));
    } while (is_under_way(&x->row));
    x->c->exit_code = str_eq(x->row.state, STR("failed")) ||
                      str_eq(x->row.state, STR("uncertain")) ||
                      str_eq(x->row.state, STR("excluded"));
    return ST_OK;
}

enum status campaign_test(struct cli *c, struct err *e) {
    struct people x = {.c = c};
    int64_t deadline_ms;

    x.test = (struct dispatch_test){.gate = campaign_gate(c), .now_ms = clock_now_ms()};
    TRY(campaign_deadline(c, &deadline_ms, e));
    read_address(&x);
    TRY(cli_write(c, test_tx, &x, e));
    return cli_has(c, "wait") ? wait_for_test(&x, deadline_ms, e) : ST_OK;
}

/* --- settle ----------------------------------------------------------------------------------------------------------------- */

enum status campaign_read_how(struct cli *c, enum recipient_settle *ret, struct err *e) {
    static const char *const words[] = {
        [RECIPIENT_SENT] = "sent", [RECIPIENT_FAILED] = "failed", [RECIPIENT_RESEND] = "resend"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (!str_eq(cli_arg(c, 2), str_of(words[i])))
            continue;
        *ret = (enum recipient_settle)i;
        return ST_OK;
    }
    FAIL(e, ST_INVALID, "settle it as sent, failed or resend");
}

static enum status settle_tx(struct tx *tx, void *ctx, struct err *e) {
    struct people *x = ctx;
    struct cli *c = x->c;
    struct recipient_decided what = {
        .id = x->id, .actor = STR("cli"), .gate = campaign_gate(c), .now_ms = clock_now_ms()};

    TRY(campaign_read_how(c, &what.how, e));
    TRY(cli_tenant(c, tx, cli_arg(c, 0), &x->tenant, e));
    what.tenant = x->tenant.id;
    TRY(recipient_settle(&c->arena, tx, &what, &x->row, e));
    TRY(cli_audit(c, tx, x->tenant.id, "dispatch.settle", "dispatch", x->row.dispatch.v, e));
    show_recipient(c, &x->row);
    return ST_OK;
}

enum status campaign_settle(struct cli *c, struct err *e) {
    struct people x = {.c = c};

    TRY(cli_arg_uuid(c, 1, &x.id.v, e));
    return cli_write(c, settle_tx, &x, e);
}

/* --- options ---------------------------------------------------------------------------------------------------------------- */

#define WHICH                                                                                      \
    {.name = "state",                                                                              \
     .value = "STATE",                                                                             \
     .help = "planned, excluded, sending, sent, delivered, read, failed, uncertain or cancelled"}, \
        {.name = "channel", .value = "CHANNEL", .help = "whatsapp or email"},                      \
        {.name = "cause", .value = "CAUSE", .help = "why, as the report says it"},                 \
        {.name = "replied", .help = "those who answered"}, {                                       \
        .name = "opted-out", .help = "those who then wanted no more"                               \
    }

const struct option campaign_recipient_options[] = {
    WHICH,
    {.name = "limit", .value = "N", .help = "at most N (default: 50, at most 500)"},
    {.name = NULL},
};
const struct option campaign_export_options[] = {
    WHICH,
    {.name = "dry-run", .help = "instead: what the last dry run would have done"},
    {.name = "would-send", .value = "true|false", .help = "of a dry run only those"},
    SPREADSHEET_OPTIONS,
    {.name = NULL},
};
const struct option campaign_test_options[] = {
    {.name = "to",
     .value = "ADDRESS",
     .help = "a number with its country, or an e-mail address of yours",
     .is_required = true},
    {.name = "channel",
     .value = "CHANNEL",
     .help = "one of the campaign's (default: the one that ADDRESS is for)"},
    CAMPAIGN_WAIT,
    {.name = NULL},
};
