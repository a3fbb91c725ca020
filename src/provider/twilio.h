/* twilio.h - what the parts of the adapter to Twilio's WhatsApp share. Private to provider/.
 *   twilio.c          the table, signatures, calls, files
 *   twilio_form.c     application/x-www-form-urlencoded, read and written
 *   twilio_parse.c    webhook bodies to events
 *   twilio_build.c    neutral content to the call that sends it
 *   twilio_judge.c    answers and error codes to outcomes
 *   twilio_template.c Content templates with their approvals
 *   twilio_hook.c     which address is entered at Twilio for messages that come in
 * Sources: Twilio's guides "Webhook request", "Webhooks security", the Messages and Content API references (April 2026), its
 * error dictionary.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "provider/provider.h"

enum {
    TWILIO_PAIRS_MAX = 512,
    TWILIO_TEXT_POINTS = 1600,
    TWILIO_ID_MAX_BYTES = 512,
};

/* --- forms ------------------------------------------------------------------------------------ */

struct form_pair {
    struct str name, value; /* decoded bytes, whatever they are */
};
struct form {
    struct form_pair *items;
    size_t n;
};
/* Pairs in their order. False: more than TWILIO_PAIRS_MAX. */
bool form_read(struct arena *a, struct str body, struct form *ret);
/* The first of that name; empty when there is none. */
struct str form_get(const struct form *f, const char *name);
/* The same as valid UTF-8 without NUL. */
struct str form_text(struct arena *a, const struct form *f, const char *name);
/* s with what is no text in a database replaced. */
struct str form_clean(struct arena *a, struct str s);
/* Appends "&name=value", without the & at the beginning. */
void form_put(struct buf *b, const char *name, struct str value);
/* Percent-encoded, nothing but letters, digits, "-", "_", "." and "~" as it is. */
void form_escape(struct buf *b, struct str s);

/* "whatsapp:+5511…" to "5511…"; empty: no number on WhatsApp. */
struct str twilio_digits(struct str address);

/* --- URLs, pages ------------------------------------------------------------------------------- */

struct twilio_url { /* begin: scheme, "://", user info and "@" */
    struct str begin, host, port, rest;
    bool is_https;
};
/* Views into url. False: it is no http or https URL, or has no host. */
bool twilio_split_url(struct str url, struct twilio_url *ret);
/* An answer's body as JSON; NULL: it is none. */
const struct json *twilio_read_reply(struct arena *a, const struct http_reply *reply);
/* Of the page behind this one; the address is Twilio's, only its query is used. Empty: none. */
struct str twilio_next_query(const struct json *page);

/* --- the adapter's functions ------------------------------------------------------------------ */

enum status twilio_verify(const struct channel *ch, const struct hook *hook, struct err *e);
enum status twilio_parse(struct arena *a, const struct hook *hook, struct inbound_sink *sink,
                         struct err *e);
enum status twilio_build(struct arena *a, const struct channel *ch, const struct outgoing *msg,
                         struct http_call *ret, struct err *e);
void twilio_judge(struct arena *a, const struct http_reply *reply, struct send_result *ret);
void twilio_explain(struct arena *a, int64_t code, struct str title, struct send_result *ret);
void twilio_judge_probe(struct arena *a, const struct http_reply *reply, struct send_result *ret);
enum status twilio_list_templates(struct arena *a, const struct channel *ch, struct str after,
                                  struct http_call *ret, struct err *e);
void twilio_judge_list_templates(struct arena *a, const struct http_reply *reply,
                                 struct template_answer *ret);
enum status twilio_ask_hook(struct arena *a, const struct channel *ch, struct str after,
                            struct http_call *ret, struct err *e);
void twilio_judge_hook(struct arena *a, const struct channel *ch, struct str after,
                       const struct http_reply *reply, struct hook_answer *ret);
/* A call with the account's credentials. host: "https://api.twilio.com", unless the account has an address of its own for all of
 * Twilio's; path begins with a slash. ST_INVALID: the account lacks what it takes. */
enum status twilio_start_call(struct arena *a, const struct channel *ch, const char *method,
                              const char *host, struct str path, struct http_call *ret,
                              struct err *e) ATTR_MUST_CHECK;
#define TWILIO_API "https://api.twilio.com"
