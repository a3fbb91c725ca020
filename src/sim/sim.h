/* sim.h - fake providers for the demo, the tests and the benchmarks: a Graph API for WhatsApp with
 * customers' phones behind it, and an OpenAI-compatible chat model. It knows prosa by HTTP alone,
 * misbehaves when told to, and remembers what it accepted, so that "sent once" can be counted on
 * the other side of the wire.
 *
 *   POST /{v}/{number}/messages, /media, /register …   as Meta's Graph API answers
 *   POST /2010-04-01/Accounts/{sid}/Messages.json …   as Twilio's Messages API answers
 *   POST, GET /v1/Content, GET /v1/ContentAndApprovals as its Content API does
 *   POST /v1/chat/completions, GET /v1/models          as an OpenAI-compatible server answers
 *   GET  /sim/sends?after=N, /sim/stats                what was accepted, refused, or accepted
 * twice
 *   POST /sim/customer                                 a customer writes, taps a button, sends a
 * picture
 *   GET  /sim/phone?number=…, /sim/phone/events        what that customer's phone shows; the latter
 * waits for a change
 *   GET  /sim/media?id=…                               a file that a phone shows
 *   GET, POST /sim/behaviour                           delays, errors, duplicates … (behaviour.c
 * has the list)
 *   POST /sim/template {"name", "language", "status"?, "category"?, "quality"?}
 *                                                      Meta pauses it, moves it to another category …
 *   POST /sim/twilio {"webhook_url"?, "account_sid"?, "auth_token"? …}   the rest: twilio_inbound.c
 *   POST /sim/twilio/customer                          a customer writes to Twilio's number
 *   POST /sim/twilio/content {"sid" or name, "status"?, "category"?, "rejection_reason"?}
 *   GET  /sim/mails?to=…&after=N, /sim/mail?id=N       what SMTP took, and what POST /sim/mail wrote
 *   POST /sim/mail {"from", "name"?, "to", "subject"?, "text", "in_reply_to"?}   a person writes a mail
 *   POST /sim/mail/behaviour {"step", "reply", "times"?}   SMTP refuses, defers or cuts
 *   POST /sim/webhook, /sim/reset
 *
 * Beside HTTP: SMTP and IMAP on ports of 127.0.0.1 (sim_mail_ports), any user, any password.
 *
 * Nothing is stored on disk. Linked by the command line alone, never by the paths that carry
 * messages.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "log/log.h"

struct sim;

struct sim_options {        /* every text may be empty */
    struct str listen;      /* empty: "127.0.0.1:0" */
    struct str webhook_url; /* where statuses and customers' messages go; may come later */
    struct str app_secret;  /* signs webhooks; empty: "sim-app-secret" */
    struct str token;       /* what the Graph API takes as bearer; empty: anything */
    struct str model_token; /* the same for the chat model */
    struct str
        phone_number_id; /* of customers' messages that name none; empty: "520000000000002" */
    struct str waba_id;  /* empty: "410000000000001" */
    struct str display_phone_number; /* empty: "551130000100" */
    struct str twilio_account_sid;   /* empty: "AC5150515051505150515051505150515a" */
    struct str twilio_auth_token;    /* is taken and signs; empty: "sim-auth-token" */
    struct str twilio_webhook_url;   /* where customers' messages to Twilio's number go */
    struct str origin; /* a web page that may read answers, besides those on loopback */
    const struct log_ctx *log;
};

/* The texts are copied. ST_UNAVAILABLE: the address is taken. */
enum status sim_start(struct sim_options options, struct sim **ret, struct err *e) ATTR_MUST_CHECK;
/* "http://127.0.0.1:43211"; valid until sim_stop. */
struct str sim_address(const struct sim *s);
/* Where its SMTP and IMAP servers listen, on 127.0.0.1, without TLS. */
void sim_mail_ports(const struct sim *s, unsigned *ret_smtp, unsigned *ret_imap);
/* Tells where webhooks go from now on. Any thread. */
void sim_set_webhook(struct sim *s, struct str url, struct str app_secret);
/* Cuts what is under way; webhooks not acknowledged by then are dropped. */
void sim_stop(struct sim *s);
