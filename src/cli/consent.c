/* consent.c - prosa consent: who is left alone, and since when.
 * SPDX-License-Identifier: Apache-2.0 */
#include "consent/consent.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "cli/cli.h"
#include "conversation/conversation.h"

static void put_row(struct cli *c, const struct suppression *s) {
    struct json_out *o = &c->json;

    json_obj(o, NULL);
    json_put_id(o, "id", s->id);
    json_put_str(o, "key", s->key);
    json_put_str(o, "channel", s->channel);
    json_put_str(o, "source", s->source);
    json_put_str_or_null(o, "reason", s->note);
    json_put_str_or_null(o, "actor", s->actor);
    json_put_id(o, "lead_id", s->lead.v);
    json_put_time(o, "created_at", s->created_at_ms);
    json_end(o);
}

static void list_table(struct cli *c, const struct suppression *list, size_t n) {
    static const char *const heads[] = {"WHO", "CHANNEL", "SINCE", "SOURCE", "REASON"};
    struct table t;

    table_begin(&t, c, heads, ARRAY_LEN(heads));
    for (size_t i = 0; i < n; i++) {
        table_add(&t, list[i].key);
        table_add(&t, list[i].channel);
        table_add(&t, cli_time_text(c, list[i].created_at_ms));
        table_add(&t, list[i].source);
        table_add(&t, utf8_cut_points(list[i].note, 60));
    }
    table_end(&t, "Nobody has asked to be left alone.");
}

static enum status list_tx(struct tx *tx, void *ctx, struct err *e) {
    struct cli *c = ctx;
    struct suppression_query query = {.channel = cli_value(c, "channel")};
    struct suppression *rows;
    struct tenant tenant;
    size_t n;

    TRY(cli_limit(c, &query.limit, e));
    TRY(cli_tenant(c, tx, cli_arg(c, 0), &tenant, e));
    TRY(suppression_list(&c->arena, tx, tenant.id, &query, &rows, &n, e));
    CLI_LIST(c, rows, n, put_row, list_table);
    return ST_OK;
}

static enum status list(struct cli *c, struct err *e) {
    return cli_write(c, list_tx, c, e);
}

static enum status set(struct cli *c, struct tx *tx, bool is_stop, struct err *e) {
    struct str reason = str_trim(cli_value(c, "reason")), channel = cli_value(c, "channel"), key;
    const struct consent_proof proof = {
        .source = STR("person"), .text = reason, .actor = STR("cli")};
    struct consent_wish wish = {.channel = channel.len > 0 ? channel : STR(CONSENT_ALL),
                                .is_stop = is_stop,
                                .proof = &proof,
                                .now_ms = clock_now_ms()};
    struct tenant tenant;
    bool has_changed;

    if (!lead_key_of(&c->arena, cli_arg(c, 1), &key))
        FAIL(e, ST_INVALID, "\"%.*s\" is neither a telephone number nor an e-mail address",
             STR_ARG(cli_arg(c, 1)));
    if (reason.len == 0)
        FAIL(e, ST_INVALID, "--reason: say why, it is the proof");
    TRY(cli_tenant(c, tx, cli_arg(c, 0), &tenant, e));
    wish.tenant = tenant.id;
    TRY(lead_set_consent_key(&c->arena, tx, key, &wish, &has_changed, e));
    TRY(cli_audit(c, tx, tenant.id, is_stop ? "consent.stop" : "consent.allow", "tenant",
                  tenant.id.v, e));
    if (c->is_json) {
        json_obj(&c->json, NULL);
        json_put_str(&c->json, "key", key);
        json_put_bool(&c->json, "is_stopped", is_stop);
        json_put_bool(&c->json, "has_changed", has_changed);
        json_end(&c->json);
        return ST_OK;
    }
    buf_printf(&c->out, "%s: %.*s\n",
               !has_changed ? "It was so before"
               : is_stop    ? "No campaign reaches"
                            : "Campaigns may reach",
               STR_ARG(key));
    return ST_OK;
}

static enum status stop_tx(struct tx *tx, void *ctx, struct err *e) {
    return set(ctx, tx, true, e);
}

static enum status stop(struct cli *c, struct err *e) {
    return cli_write(c, stop_tx, c, e);
}

static enum status allow_tx(struct tx *tx, void *ctx, struct err *e) {
    return set(ctx, tx, false, e);
}

static enum status allow(struct cli *c, struct err *e) {
    return cli_write(c, allow_tx, c, e);
}

#define CHANNEL_OPTION                                                                             \
    { .name = "channel", .value = "CHANNEL", .help = "whatsapp, email or all (default: all)" }

static const struct option list_options[] = {
    CHANNEL_OPTION,
    CLI_LIMIT_OPTION,
    {.name = NULL},
};
static const struct option set_options[] = {
    CHANNEL_OPTION,
    {.name = "reason", .value = "TEXT", .help = "why; kept as the proof"},
    {.name = NULL},
};

const struct command consent_commands[] = {
    {.name = "list",
     .args = "SLUG",
     .summary = "list who is left alone, newest first",
     .options = list_options,
     .run = list},
    {.name = "stop",
     .args = "SLUG WHO",
     .summary = "stop marketing to a number or an address",
     .task = "stop marketing",
     .help = "WHO is a telephone number or an e-mail address, of a lead or of nobody yet.",
     .options = set_options,
     .run = stop},
    {.name = "allow",
     .args = "SLUG WHO",
     .summary = "allow it again",
     .task = "allow marketing",
     .help = "Only when the person has asked for it: the reason is kept.",
     .options = set_options,
     .run = allow},
    {.name = NULL},
};
