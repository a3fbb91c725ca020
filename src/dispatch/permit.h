/* permit.h - who may get a campaign's message, now: the one decision behind plan, dry run and send. Private to dispatch/.
 *
 *   contact there? → channel → opted out? → other campaigns, frequency → words complete? → quiet hours
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "consent/consent.h"
#include "dispatch/choose.h"
#include "dispatch/internal.h"

enum { PERMIT_MAX = 1000 }; /* at once */

struct permit_channel { /* a channel of the campaign, as it stands */
    bool is_open;       /* there is an account */
    struct account account;
    const struct provider *provider;
    bool has_template;
    struct template template;
    int64_t price;
    /* Why nothing at all goes out over it now; empty: it does. "no-account", "account-blocked", "account-disabled",
     * "template-missing" or as template_is_usable says. */
    struct str block;
    struct str block_why;
};

struct permit { /* of one transaction */
    struct arena *a;
    struct tx *tx;
    const struct dispatch *dispatch;
    struct dispatch_settings settings;
    struct rules rules;
    struct quiet quiet;
    struct str timezone; /* the tenant's */
    struct permit_channel channels[DISPATCH_CHANNELS_MAX];
    bool open[DISPATCH_CHANNELS_MAX];
    int64_t now_ms;
};

struct decision {
    const struct lead_contact *contact; /* NULL: the lead is gone */
    bool is_allowed;
    size_t step;
    struct str address;
    bool is_user_id;
    bool is_passing;         /* what blocks it may be gone tomorrow: a plan takes no notice */
    bool is_channel_block;   /* it is the channel's block, everybody's who would get it there */
    struct str reason;       /* slug: why this channel, or why none */
    struct str block_reason; /* slug, when not allowed */
    struct str why;          /* a sentence, or empty */
    struct str content, text;
    int64_t not_before_ms; /* quiet hours; 0: now */
};

/* Why no message can be made of a template that template_is_usable() refuses, with what the provider said of it. */
struct str permit_why_unusable(struct arena *a, const struct template *t);
/* What the campaign is, and its accounts and templates as they stand now. */
enum status permit_open(struct arena *a, struct tx *tx, const struct dispatch *d, int64_t now_ms,
                        struct permit *ret, struct err *e) ATTR_MUST_CHECK;
/* Somebody of the audience, the first that a plan of d would come to; *ret_n 0: nobody. */
enum status plan_first(struct permit *p, struct dispatch *d, struct lead_contact **ret,
                       size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* One decision a row, in order: from the channel of its step on. At most PERMIT_MAX. */
enum status permit_decide(struct permit *p, const struct recipient *rows, size_t n,
                          struct decision *ret, struct err *e) ATTR_MUST_CHECK;
/* The same for contacts that are not rows yet. */
enum status permit_contacts(struct permit *p, const struct lead_contact *contacts, size_t n,
                            struct decision *ret, struct err *e) ATTR_MUST_CHECK;
