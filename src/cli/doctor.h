/* doctor.h - what the files of prosa doctor share.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/cli.h"

enum finding_state { FINDING_OK, FINDING_WARN, FINDING_FAIL };

enum { FINDINGS_MAX = 256 };
struct finding {
    const char *check; /* "database" */
    enum finding_state state;
    struct str detail; /* what was seen */
    struct str advice; /* what to do; empty when ok */
};

struct doctor {
    struct cli *c;
    struct finding findings[FINDINGS_MAX];
    size_t n;              /* more than FINDINGS_MAX are counted, not kept */
    int64_t their_time_ms; /* a provider's clock against ours: their Date … */
    int64_t our_time_ms;   /* … and when we read it; 0: no provider told */
};

void finding_add(struct doctor *d, const char *check, enum finding_state state, struct str detail,
                 struct str advice);
/* A failure of a check itself. */
void finding_failed(struct doctor *d, const char *check, const struct err *why, struct str advice);

/* Each adds its findings; the machine's need settings at most, the others the database. */
void doctor_machine(struct doctor *d);
void doctor_key(struct doctor *d);
/* Opens the database; false when there is none to ask further. */
bool doctor_database(struct doctor *d);
void doctor_work(struct doctor *d);
void doctor_webhooks(struct doctor *d);
/* is_online: tries credentials, and whether the public URL leads here. */
void doctor_accounts(struct doctor *d, bool is_online);
void doctor_clock(struct doctor *d);
