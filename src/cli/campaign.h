/* campaign.h - what the files behind prosa dispatch share; private to cli/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/cli.h"
#include "dispatch/dispatch.h"

struct campaign { /* one command on one campaign */
    struct cli *c;
    struct tenant tenant;
    struct dispatch_id id;
    struct dispatch dispatch;
    struct dispatch_report report;
    enum dispatch_order order;
    const char *action;
    int64_t start_at_ms;
    int64_t deadline_ms; /* of waiting; monotonic */
};

/* Argument 1: an id, or a name that one campaign has. ST_NOT_FOUND; ST_CONFLICT: several have it. */
enum status campaign_find(struct cli *c, struct tx *tx, struct tenant_id tenant,
                          struct dispatch_id *ret, struct err *e) ATTR_MUST_CHECK;
/* As it stands to be read, or as JSON; counts may be NULL. */
void campaign_show(struct cli *c, const struct dispatch *d, const struct dispatch_counts *counts);
/* What is to be known of it: one line each. */
void campaign_show_counts(struct cli *c, const struct dispatch_counts *counts);
void campaign_show_causes(struct cli *c, const struct dispatch_report *r);

/* After an order: waits as --wait and x->deadline_ms say until it is carried out, with a line about how far it is on a terminal; then
 * shows it. Where it came to something else than what was wanted, the command ends with 1. ST_UNAVAILABLE: not in that time. */
enum status campaign_follow(struct campaign *x, struct err *e) ATTR_MUST_CHECK;
/* --timeout; a day when it is not given. */
enum status campaign_deadline(const struct cli *c, int64_t *ret_mono_ms, struct err *e)
    ATTR_MUST_CHECK;
/* A moment between two looks. */
void campaign_rest(void);

enum status campaign_recipients(struct cli *c, struct err *e);
enum status campaign_export(struct cli *c, struct err *e);
enum status campaign_test(struct cli *c, struct err *e);
enum status campaign_settle(struct cli *c, struct err *e);
enum status campaign_preview(struct cli *c, struct err *e);
enum status campaign_settle_all(struct cli *c, struct err *e);
/* Argument 2: sent, failed or resend. ST_INVALID. */
enum status campaign_read_how(struct cli *c, enum recipient_settle *ret, struct err *e)
    ATTR_MUST_CHECK;
enum gate campaign_gate(const struct cli *c);

#define CAMPAIGN_WAIT                                                                              \
    {.name = "wait", .help = "until it is carried out; the server does the work"}, {               \
        .name = "timeout", .value = "SECONDS",                                                     \
        .help = "with --wait: give up then, code 5 (default: 86400)"                               \
    }

extern const struct option campaign_recipient_options[], campaign_export_options[],
    campaign_test_options[], campaign_group_options[];
