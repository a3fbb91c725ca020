/* email.h - what else the e-mail adapter gives: ids that carry our correlation, and the links by which people leave.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "provider/provider.h"

/* "0193…" → "m.0193…@example.com", "r:0193…" → "r.0193…@example.com"; domain is the sender's. Without angle brackets. */
struct str email_message_id(struct arena *a, struct str address, struct str correlation);
/* The other way; empty when the id is not one of ours. */
struct str email_correlation(struct arena *a, struct str message_id);

struct email_leave { /* what a link to leave by says */
    struct account_id account;
    struct lead_id lead;
    struct uuid about; /* message or recipient it came with; may be nil */
};
/* Base64url text, signed by key. */
struct str email_leave_token(struct arena *a, struct str key, const struct email_leave *leave);
/* Reads a token without looking at its signature: whose key that is, the account says. False: no token. */
bool email_leave_read(struct arena *a, struct str token, struct email_leave *ret);
/* The subject of a mail that wants to leave, with its token or without; what mail programs write for the mailto link. */
struct str email_leave_subject(struct arena *a, struct str token);
bool email_leave_asked(struct arena *a, struct str subject, struct str *ret_token);
/* True when key has signed it; constant time. An empty key has signed nothing. */
bool email_leave_check(struct arena *a, struct str key, struct str token);

/* Does a status of RFC 3463 ("5.1.1" as 511) say that nobody has the address? Not the sender's, not a full mailbox. */
bool email_is_no_address(int64_t code);

/* email_parse.c, email_build.c */
enum status email_parse(struct arena *a, const struct hook *hook, struct inbound_sink *sink,
                        struct err *e) ATTR_MUST_CHECK;
enum status email_build(struct arena *a, const struct channel *ch, const struct outgoing *msg,
                        struct mail_call *ret, struct err *e);
