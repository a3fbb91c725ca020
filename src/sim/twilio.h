/* twilio.h - what the files of the fake Twilio share: WhatsApp through Programmable Messaging, beside
 * the Graph API and with the same phones, knobs and memory of what was accepted.
 *
 *   twilio.c          admission, errors, accounts, typing marks
 *   twilio_message.c  a message sent: checked, accepted, its file fetched from its link
 *   twilio_list.c     messages and their files as they are asked for
 *   twilio_content.c  Content templates and their approval
 *   twilio_hook.c     signed forms: statuses, and what customers do
 *   twilio_inbound.c  which address is entered for messages that come in, and where
 *
 * Private to sim.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sim/internal.h"

enum {
    TWILIO_FIELDS_MAX = 64,
    TWILIO_FORM_MAX_BYTES = 1 << 20,
    TWILIO_SID_LEN = 34,
    TWILIO_LIST_MAX = 50,
    TWILIO_FILE_MAX_BYTES = 16 << 20,
};

struct contents; /* the templates; they start with a few approved ones */

/* Where messages that come in go. URLs as they are entered: what is behind "#" is read as connection overrides and not sent. All
 * texts are owned. */
struct twilio_inbound {
    struct str webhook_url;              /* of every WhatsApp sender */
    struct str senders[TWILIO_LIST_MAX]; /* their digits; the simulator's number to begin with */
    size_t n_senders;
    struct str numbers[TWILIO_LIST_MAX]; /* digits of the account's phone numbers; the same one */
    size_t n_numbers;
    struct str sms_url;     /* of every phone number */
    struct str service_sid; /* the only messaging service, with the senders in it; empty: none */
    struct str service_url;
    bool is_left_to_sender; /* the service calls nobody, the sender does */
    bool is_key_restricted; /* API keys may not read any of this */
};

struct twilio {
    struct str account_sid; /* owned; the only account there is */
    struct str auth_token;  /* owned; the only one that is taken, and what signs */
    struct twilio_inbound inbound;
    struct contents *contents;
};

struct twilio *twilio_new(const struct sim_options *options);
void twilio_free(struct twilio *t);

/* --- forms ----------------------------------------------------------------------------------- */

struct field {
    struct str name, value;
};
struct fields {
    struct field list[TWILIO_FIELDS_MAX];
    size_t n;
};

/* An application/x-www-form-urlencoded text; false: more than TWILIO_FIELDS_MAX, or broken. */
bool fields_read(struct arena *a, struct str body, struct fields *ret);
/* The first of that name; empty: none. */
struct str fields_get(const struct fields *f, const char *name);
/* Adds one; further ones than fit are dropped. The texts are the caller's. */
void fields_put(struct fields *f, const char *name, struct str value);
void fields_write(const struct fields *f, struct buf *b);
/* As one JSON object; of several of a name the first counts. */
void fields_write_json(const struct fields *f, struct json_out *o);

/* --- answers --------------------------------------------------------------------------------- */

struct twilio_error {
    int64_t code;
    unsigned http; /* 0: what belongs to the code */
    int64_t retry_after_s;
    struct str message; /* empty: what belongs to the code */
};

void twilio_refuse(const struct req *r, struct resp *resp, struct twilio_error error);
const char *twilio_error_title(int64_t code);
/* False: wrong credentials, or another account's path; resp is filled. Needs no lock. */
bool twilio_admit(struct sim *s, const struct req *r, struct resp *resp);
/* "whatsapp:+5511…" → digits; "whatsapp:BR.…" → that, and *ret_is_user_id. Empty: neither. */
struct str twilio_party(struct arena *a, struct str address, bool *ret_is_user_id);
/* An id of 34 characters whose digits lead back to the phone, when it has a number. */
struct str twilio_sid(struct arena *a, const char *prefix, struct str phone_key);
/* The phone that sid was made for; NULL: none. Needs the lock. */
struct phone *twilio_phone_of(struct sim *s, struct str sid);
struct str twilio_date(struct arena *a, int64_t at_ms); /* RFC 2822 */
struct str twilio_iso(struct arena *a, int64_t at_ms);
/* Replaces what is owned at *at by a text; any other JSON leaves it. */
void twilio_set_text(struct str *at, const struct json *v);
/* Whether the call comes with an API key and not the account's token. */
bool twilio_is_key(const struct req *r);

/* --- pages of a list --------------------------------------------------------------------------- */

struct twilio_page {
    const char *key;    /* under which the list stands */
    struct str query;   /* that the list needs besides, ended by "&"; may be empty */
    size_t n;           /* of the whole list */
    size_t from, to;    /* out: this page's */
    int64_t page, size; /* out */
};
/* What PageSize and Page of the query ask for. */
void twilio_page_read(const struct req *r, struct twilio_page *p);
/* Member "meta". Needs the lock. */
void twilio_page_write(struct sim *s, const struct req *r, const struct twilio_page *p,
                       struct json_out *o);

/* --- where messages go ------------------------------------------------------------------------- */

void inbound_init(struct twilio_inbound *in, const struct sim_options *options);
void inbound_done(struct twilio_inbound *in);
/* What POST /sim/twilio says of it. */
void inbound_set(struct twilio_inbound *in, const struct json *v);
/* The address that a customer's message goes to; may be empty. */
struct str inbound_url(const struct twilio_inbound *in);

/* --- Content --------------------------------------------------------------------------------- */

/* What a send by ContentSid becomes; text and content (JSON) of the bubble in a. False: *ret_error
 * says why at once. *ret_failed_code: accepted, but fails later. Needs the lock. */
struct content_use {
    struct str sid, variables; /* as sent */
    struct str text, content;  /* out */
    int64_t failed_code;       /* out; 0: none */
    bool is_approved;          /* out: may begin a conversation */
    struct twilio_error error; /* out */
};
bool content_use(struct sim *s, struct arena *a, struct content_use *x);
struct contents *contents_new(void);
void contents_free(struct contents *c);

/* --- webhooks -------------------------------------------------------------------------------- */

/* Of an accepted message; views are copied. */
struct twilio_facts {
    struct str sid, from, to, service, callback; /* as the send had them; callback may be empty */
    struct str phone_key;
    int64_t failed_code; /* 0: it succeeds */
};
/* Statuses to come. Needs the lock. */
void twilio_status_plan(struct sim *s, const struct twilio_facts *facts);
/* Signs the form for url and posts it there. Needs the lock. */
void twilio_post(struct sim *s, struct str url, const struct fields *f, hook_ended_fn ended,
                 void *arg);

/* --- routes ---------------------------------------------------------------------------------- */

enum status twilio_account(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status twilio_messages_post(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status twilio_messages_get(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status twilio_message_get(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status twilio_media_get(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status twilio_service_get(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status twilio_senders_get(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status twilio_numbers_get(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status twilio_typing(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status twilio_customer(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status twilio_settings(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status content_list(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status content_list_approvals(struct app *app, struct req *r, struct resp *resp,
                                   struct err *e);
enum status content_get(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status content_create(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status content_delete(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status content_approval_get(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status content_approval_post(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status content_change(struct app *app, struct req *r, struct resp *resp, struct err *e);
