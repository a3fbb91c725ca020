/* probe.c - see probe.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/probe.h"

#include "mail/mail.h"

enum { TIMEOUT_MS = 20000 };

enum status probe_start(struct cli *c, struct httpc **ret, struct err *e) {
    return httpc_start(
        (struct httpc_options){
            .gate = GATE_OFF, /* nothing here may reach people */
            .timeout_ms = TIMEOUT_MS,
            .allow_private = c->rt.config->httpc_allow_private,
            .user_agent = STR("prosa"),
            .ca_file = c->rt.config->ca_file,
        },
        ret, e);
}

enum status probe_account(struct cli *c, struct httpc *httpc, const struct account *account,
                          struct probe *ret, struct err *e) {
    const struct config *config = c->rt.config;
    struct account_prober with = {
        .db = c->rt.db,
        .httpc = httpc,
        .keys = c->rt.keys,
        .defaults =
            {
                .base_url = config->meta_base_url,
                .version = config->meta_graph_version,
                .app_secret = config->meta_app_secret,
                .verify_token = config->meta_verify_token,
                .public_url = config->public_url,
            },
    };

    TRY(mailer_start((struct mailer_options){.httpc = httpc,
                                             .timeout_ms = TIMEOUT_MS,
                                             .allow_private = config->httpc_allow_private,
                                             .ca_file = config->ca_file},
                     &with.mailer, e));

    enum status st = account_probe(&c->arena, &with, account, ret, e);

    mailer_stop(with.mailer);
    return st;
}
