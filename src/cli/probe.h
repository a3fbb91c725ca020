/* probe.h - trying a provider account's credentials from the command line.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/cli.h"
#include "httpc/httpc.h"

/* An HTTP client for probes, by the settings. */
enum status probe_start(struct cli *c, struct httpc **ret, struct err *e) ATTR_MUST_CHECK;
/* account_probe() with the installation's settings; texts in c->arena. Not inside a transaction. */
enum status probe_account(struct cli *c, struct httpc *httpc, const struct account *account,
                          struct probe *ret, struct err *e) ATTR_MUST_CHECK;
