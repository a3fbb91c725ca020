/* meta.h - what the parts of the adapter to Meta's WhatsApp Business Cloud API share. Private to
 * provider/.
 *   meta.c          the table, the signature
 *   meta_parse.c    webhook bodies to events
 *   meta_party.c    who a message is from or a status about
 *   meta_content.c  one wire message to neutral content
 *   meta_build.c    neutral content to the call that sends it (meta_interactive.c: buttons, lists)
 *   meta_media.c    finding, fetching and uploading files
 *   meta_template.c the list of templates, and what webhooks say of one
 *   meta_judge.c    answers to outcomes, by the table of meta_codes.c
 * Sources, as the comments name them: Meta's Cloud API reference (v24.0 to v26.0), its webhook
 * reference, its error code page (May 2026) and the page "Business-scoped user IDs" (BSUID, 2026).
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "provider/provider.h"

enum {
    /* Of an id of any kind; wamids have no promised length, 64 to 128 bytes are seen. What is
     * longer is treated as absent, so that ids always fit a database index. */
    META_ID_MAX_BYTES = 512,
};

/* v as an id: a string, or an integer's digits; empty when it is neither, or too long. */
struct str meta_id(struct arena *a, const struct json *v);

struct meta_content {
    struct str type;
    struct str json;
    struct str text;
    struct str reply_to;
};

/* Total: what is not understood becomes type "unknown" with the message itself. scratch is emptied
 * and used; the texts live in a. */
void meta_content_of(struct arena *a, struct buf *scratch, const struct json *message,
                     struct meta_content *ret);

/* --- the person ------------------------------------------------------------------------------- */

/* Puts an address where it belongs, unless something is there. Members meant for phones held user
 * ids in the drafts of the BSUID page, so the form decides: digits are a phone. */
void meta_party_put(struct arena *a, struct party *p, const struct json *v);
void meta_party_put_user_id(struct arena *a, struct party *p, const struct json *v);
bool meta_party_is_empty(const struct party *p);
/* Adds what the person's contact says. By the ids, never by position: contacts and messages are
 * lists of their own. Only where p is empty and there is one contact, it is taken to be that
 * person's. */
void meta_party_join(struct arena *a, const struct json *contacts, struct party *p);
/* Who the sender of a system message was before the change it tells of. */
void meta_party_before(struct arena *a, const struct json *message, struct party *p);

/* --- the adapter's functions ------------------------------------------------------------------ */

enum status meta_parse(struct arena *a, const struct hook *hook, struct inbound_sink *sink,
                       struct err *e);
enum status meta_build(struct arena *a, const struct channel *ch, const struct outgoing *msg,
                       struct http_call *ret, struct err *e);
enum status meta_probe(struct arena *a, const struct channel *ch, struct http_call *ret,
                       struct err *e);
void meta_judge(struct arena *a, const struct http_reply *reply, struct send_result *ret);
void meta_judge_probe(struct arena *a, const struct http_reply *reply, struct send_result *ret);
void meta_explain(struct arena *a, int64_t code, struct str title, struct send_result *ret);

enum status meta_find_media(struct arena *a, const struct channel *ch, struct str id,
                            struct http_call *ret, struct err *e);
void meta_judge_find_media(struct arena *a, const struct http_reply *reply,
                           struct media_answer *ret);
enum status meta_get_media(struct arena *a, const struct channel *ch, struct str url,
                           struct http_call *ret, struct err *e);
enum status meta_put_media(struct arena *a, const struct channel *ch, const struct media_put *in,
                           struct http_call *ret, struct err *e);
void meta_judge_put_media(struct arena *a, const struct http_reply *reply,
                          struct media_answer *ret);
enum status meta_list_templates(struct arena *a, const struct channel *ch, struct str after,
                                struct http_call *ret, struct err *e);
void meta_judge_list_templates(struct arena *a, const struct http_reply *reply,
                               struct template_answer *ret);
bool meta_read_template_event(struct arena *a, const struct inbound *event,
                              struct template_item *ret);
/* A call to the Graph API, "<base>/<version>/<object><rest>", with the account's token; object empty:
 * the phone number. */
enum status meta_start_call(struct arena *a, const struct channel *ch, const char *method,
                            struct str object, const char *rest, struct http_call *ret,
                            struct err *e) ATTR_MUST_CHECK;
/* The body as JSON; NULL when it is none. */
const struct json *meta_read_reply(struct arena *a, const struct http_reply *reply);
/* Base64 or hex, to lower-case hex; what is neither comes back as it is. */
struct str meta_digest_hex(struct arena *a, struct str digest);

/* Longest forms WhatsApp takes, in characters (Unicode code points) unless told otherwise. Source:
 * the pages of the message types, Cloud API reference. */
enum {
    META_TEXT_POINTS = 4096,
    META_CAPTION_POINTS = 1024,
    META_BODY_POINTS = 1024, /* of a message with buttons; a list takes META_TEXT_POINTS */
    META_HEADER_POINTS = 60,
    META_FOOTER_POINTS = 60,
    META_BUTTONS = 3,
    META_BUTTON_POINTS = 20,
    META_BUTTON_ID_POINTS = 256,
    META_LIST_ROWS = 10, /* over all sections */
    META_LIST_SECTIONS = 10,
    META_ROW_POINTS = 24, /* titles of rows and sections */
    META_ROW_ID_POINTS = 200,
    META_ROW_DESCRIPTION_POINTS = 72,
    META_CORRELATION_BYTES = 512,
};

/* --- building: shared by meta_build.c and meta_interactive.c ---------------------------------- */

struct meta_build {
    const struct outgoing *msg;
    const struct json *content;
    struct json_out out; /* the body; the message's object is open */
    struct err *e;
};

/* ST_INVALID unless s has between min and max characters; what names it in the message. */
enum status meta_check_length(struct meta_build *b, const char *what, struct str s, size_t min,
                              size_t max) ATTR_MUST_CHECK;
/* Writes {"id"} or {"link"} under key, the object left open for more members. */
enum status meta_open_media(struct meta_build *b, const char *key, const struct json *media)
    ATTR_MUST_CHECK;

enum status meta_put_buttons(struct meta_build *b) ATTR_MUST_CHECK;
enum status meta_put_list(struct meta_build *b) ATTR_MUST_CHECK;
enum status meta_put_link(struct meta_build *b) ATTR_MUST_CHECK;
enum status meta_put_ask_location(struct meta_build *b) ATTR_MUST_CHECK;

/* --- judging -------------------------------------------------------------------------------- */

enum meta_rule_flag {
    META_RULE_PAIR = 1,      /* the wait concerns this recipient only */
    META_RULE_WINDOW = 2,    /* a template would get through */
    META_RULE_OPT_OUT = 4,   /* the person's wish */
    META_RULE_USAGE = 8,     /* the usage header may say how long to wait */
    META_RULE_DETAILED = 16, /* Meta's details name the field at fault: people need them */
    META_RULE_TEMPLATE = 64, /* the template's fault, whoever was to get it */
    META_RULE_SPARED = 32    /* Meta spares this person for now: waiting is for campaigns */
};

struct meta_rule {
    int64_t from, to; /* codes */
    int64_t subcode;  /* 0: any */
    enum send_outcome outcome;
    uint32_t wait_ms; /* 0: backoff */
    unsigned flags;
    const char *reason;
};

/* NULL for a code that is not known. */
const struct meta_rule *meta_find_rule(int64_t code, int64_t subcode);
