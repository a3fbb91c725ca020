/* sim.c - prosa sim: fake providers to try things against, until told to stop.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sim/sim.h"

#include "cli/cli.h"

static void announce(struct cli *c, const struct sim *sim) {
    struct str address = sim_address(sim);
    unsigned smtp, imap;

    sim_mail_ports(sim, &smtp, &imap);

    if (c->is_json) {
        json_obj(&c->json, NULL);
        json_put_str(&c->json, "address", address);
        json_put_str(&c->json, "graph_base_url", address);
        json_put_str(&c->json, "twilio_base_url", address);
        json_put_str(&c->json, "model_base_url",
                     arena_printf(&c->arena, "%.*s/v1", STR_ARG(address)));
        json_put_i64(&c->json, "smtp_port", smtp);
        json_put_i64(&c->json, "imap_port", imap);
        json_end(&c->json);
        buf_add_char(&c->out, '\n');
    } else {
        buf_printf(&c->out,
                   "prosa sim is ready at %.*s\nmail: SMTP 127.0.0.1:%u, IMAP 127.0.0.1:%u\n",
                   STR_ARG(address), smtp, imap);
    }
    (void)printf("%.*s", STR_ARG(buf_str(&c->out)));
    (void)fflush(stdout);
    buf_clear(&c->out);
}

enum status sim_run(struct cli *c, struct err *e) {
    const struct sim_options options = {
        .listen = cli_value(c, "listen"),
        .webhook_url = cli_value(c, "webhook-url"),
        .app_secret = cli_value(c, "app-secret"),
        .token = cli_value(c, "token"),
        .model_token = cli_value(c, "model-token"),
        .phone_number_id = cli_value(c, "phone-number-id"),
        .waba_id = cli_value(c, "waba-id"),
        .twilio_account_sid = cli_value(c, "twilio-account-sid"),
        .twilio_auth_token = cli_value(c, "twilio-auth-token"),
        .twilio_webhook_url = cli_value(c, "twilio-webhook-url"),
        .origin = cli_value(c, "origin"),
    };
    struct sim *sim;

    server_prepare(); /* before the first thread, so that the signal finds only us */
    TRY(crypto_init(e));
    TRY(sim_start(options, &sim, e));
    announce(c, sim);
    signals_wait(NULL, NULL);
    sim_stop(sim);
    return ST_OK;
}

const struct option sim_run_options[] = {
    {.name = "listen", .value = "ADDRESS", .help = "(default: 127.0.0.1:0, the kernel chooses)"},
    {.name = "webhook-url", .value = "URL", .help = "where statuses and customers' messages go"},
    {.name = "app-secret", .value = "TEXT", .help = "signs webhooks (default: sim-app-secret)"},
    {.name = "token", .value = "TEXT", .help = "the only one the Graph API takes (default: any)"},
    {.name = "model-token", .value = "TEXT", .help = "the same for the chat model"},
    {.name = "phone-number-id", .value = "ID", .help = "of messages that name none"},
    {.name = "waba-id", .value = "ID", .help = "WhatsApp business account id of webhooks"},
    {.name = "twilio-account-sid", .value = "SID", .help = "the only account of the fake Twilio"},
    {.name = "twilio-auth-token",
     .value = "TEXT",
     .help = "what it takes and signs with (default: sim-auth-token)"},
    {.name = "twilio-webhook-url",
     .value = "URL",
     .help = "where messages to its number go, as Twilio is told it"},
    {.name = "origin", .value = "URL", .help = "a web page that may read its answers"},
    {.name = NULL},
};
