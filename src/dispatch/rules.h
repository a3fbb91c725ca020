/* rules.h - a campaign's JSON read once: its channels, variables and limits; private to dispatch/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "dispatch/dispatch.h"

struct channel_rule {
    struct str channel, template_name, language;
    struct account_id account; /* nil: the tenant's first of that channel */
};
struct rules {
    struct channel_rule channels[DISPATCH_CHANNELS_MAX];
    size_t n;
    const struct json *variables;
    struct dispatch_limits limits; /* the campaign's, filled up with the tenant's */
    const struct json *audience;
};

/* The channels in the form they are stored in. */
struct str rules_channels(struct arena *a, const struct rules *r);
/* What was given, checked and in the form it is stored in. ST_INVALID names the member. */
enum status rules_check_channels(struct arena *a, const struct json *in, struct str *ret,
                                 struct err *e) ATTR_MUST_CHECK;
enum status rules_check_audience(struct arena *a, const struct json *in, struct str *ret,
                                 struct err *e) ATTR_MUST_CHECK;
enum status rules_check_variables(struct arena *a, const struct json *in, struct str *ret,
                                  struct err *e) ATTR_MUST_CHECK;
enum status rules_check_limits(struct arena *a, const struct json *in, struct str *ret,
                               struct err *e) ATTR_MUST_CHECK;
/* Members that in has replace ret's. ST_INVALID. */
enum status limits_read(const struct json *in, struct dispatch_limits *ret, struct err *e)
    ATTR_MUST_CHECK;
void limits_write(struct json_out *o, const struct dispatch_limits *limits);

/* settings: the tenant's. */
enum status rules_read(struct arena *a, const struct dispatch *d,
                       const struct dispatch_settings *settings, struct rules *ret, struct err *e)
    ATTR_MUST_CHECK;
