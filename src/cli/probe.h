/* probe.h - trying a provider account's credentials with one harmless call.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/cli.h"
#include "httpc/httpc.h"

struct probe { /* what came of it; texts in c->arena */
    bool is_ok;
    bool is_retriable;  /* not reached, or no clear answer: says nothing about the credentials */
    struct str cause;   /* empty when ok */
    struct str reason;  /* one sentence for people */
    int64_t their_time; /* milliseconds UTC, of the answer's Date header; 0: not told */
};

/* An HTTP client for probes, by the settings. */
enum status probe_start(struct cli *c, struct httpc **ret, struct err *e) ATTR_MUST_CHECK;
/* Asks WhatsApp for the number's name, a model for one short answer. A failure to reach or a
 * refusal is in *ret; other statuses are failures of ours. Not inside a transaction. */
enum status probe_account(struct cli *c, struct httpc *httpc, const struct account *account,
                          struct probe *ret, struct err *e) ATTR_MUST_CHECK;
