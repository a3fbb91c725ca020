/* SPDX-License-Identifier: Apache-2.0 */
/* provider.h - the contract between prosa and the outside's dialects. An adapter is one
 * `const struct provider` of pure functions: it MUST NOT do I/O, log, read the clock, retry or
 * touch the database, and MUST accept any bytes. Everything above speaks the neutral forms below
 * and never a provider's own. tests/contract/test_provider.c holds every adapter to this page.
 *
 * Message content (inbound and outbound, stored as JSON text in messages.content), by type:
 *   text       {"text", "preview_url"?}
 *   image video audio document sticker
 *              {"media": {"id"?, "link"?, "mime"?, "sha256"?, "filename"?, "voice"?, "animated"?},
 *               "caption"?}
 *              sha256 in lower-case hex. Inbound: "id" is what lasts; "link", when there, needs the
 *              account's token and dies within minutes. Outbound: exactly one of "id" and "link".
 *   reaction   {"emoji" ("" removes), "target" (provider message id)}
 *   location   {"latitude", "longitude", "name"?, "address"?, "url"?}, in degrees
 *   contacts   {"contacts": [ … ]}, cards as WhatsApp writes them: name{formatted_name, …},
 *              phones[{phone, wa_id?, type?}], emails, addresses, urls, org, birthday, vcard
 *   A text of an e-mail has {"subject", "html"?, "quoted"?, "references"?, "from"?, "is_auto"?} besides: html only outbound,
 *   the others only inbound; is_auto: no person wrote it and nobody waits for an answer.
 * only outbound:
 *   buttons    {"text", "header"?, "footer"?, "buttons": [{"id", "title"}]}
 *   list       {"text", "header"?, "footer"?, "button",
 *               "sections": [{"title"?, "rows": [{"id", "title", "description"?}]}]}
 *   link       {"text", "header"?, "footer"?, "title", "url"}, a button that opens a page
 *   ask_location {"text"}, a button to share where one is
 *              "header" is a text; of buttons and link also {"type": "image" | "video" |
 *              "document", "media": {…}}
 *   template   {"name", "language", "components"?: [ … as the provider documents … ],
 *               "ref"?, "variables"?: {key: text}}, the last two where a send names it by an id
 * only inbound:
 *   choice     {"id", "title", "description"?, "via": "button" | "list" | "template"}
 *   form       {"name", "text"?, "response": { … }}, a flow or address form sent back
 *   order      {"catalog_id", "text", "items": [{"id", "quantity", "price", "currency"}]}
 *   edit       {"target", "type", "content": { … of that type … }}
 *   revoke     {"target"}
 *   system     {"kind", "text"}
 *   unsupported {"kind"?, "errors"?}, what the provider itself cannot show us
 *   unknown    {"raw": { … }}, a type or a shape that this program does not know
 * Any inbound content may also have "referral" { … the ad it came from … }, "forwarded" true,
 * "frequently_forwarded" true, "product" {"catalog_id", "product_retailer_id"}, "group_id",
 * "is_answered" true: the provider has answered it itself (its own words to stop by), nobody else need.
 *
 * No text of an inbound event holds a NUL byte or invalid UTF-8, and its JSON no escaped NUL, so
 * that both database engines take it. Ids are at most 512 bytes. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/id.h"
#include "base/str.h"
#include "httpc/httpc.h"
#include "json/json.h"

enum mail_security {
    MAIL_TLS,      /* from the first byte */
    MAIL_STARTTLS, /* demanded, never merely tried */
    MAIL_PLAIN,
};

struct mail_server {
    struct str host; /* empty: none */
    uint16_t port;
    enum mail_security security;
    struct str user, password; /* empty: no login */
};

/* What an account of kind "email" has besides. Views as those of struct channel. */
struct mail_channel {
    struct account_id account;
    struct mail_server smtp, imap;
    struct str folder; /* read by IMAP */
    struct str from_name, reply_to;
    struct str unsubscribe_key; /* signs the links by which people leave */
    struct str public_url;      /* of this installation; empty: no such links */
    unsigned max_connections;   /* to its SMTP server at once */
};

/* One provider account as an adapter sees it: settings and opened secrets of a client_providers
 * row, over the installation's defaults. Views valid during the call. */
struct channel {
    struct str
        address; /* meta: phone number id; twilio: the sender's digits; e-mail: what we write from */
    struct str base_url; /* without a slash at the end */
    bool is_guarded;     /* base_url is the tenant's own: its calls are, too (httpc.h) */
    struct str version;  /* Graph version, "v26.0" */
    struct str access_token;
    struct str app_secret; /* empty: the installation's; with none at all, verify refuses */
    struct str
        old_secret; /* also good for signatures while the other is being replaced; may be empty */
    struct str verify_token;
    struct str owner;    /* twilio: account sid; meta: WhatsApp business account id */
    struct str user;     /* twilio: what access_token is the password of; empty: owner */
    struct str service;  /* twilio: messaging service sid; may be empty */
    struct str hook_url; /* where this account's webhooks come in, by the public URL; empty: none is
                          * set */
    const struct mail_channel *mail; /* of kind "email", else NULL */
};

/* --- in ------------------------------------------------------------------------------------- */

/* A provider's call as it arrived. */
struct hook {
    struct str method; /* "POST" */
    /* As the provider was told it: by the public URL of the configuration, since a proxy may have
     * changed what arrived, with the query as it came. Empty when no public URL is set. */
    struct str url;
    struct str query; /* raw, without the "?" */
    struct str content_type;
    struct str signature; /* the adapter's signature_header */
    struct str body;      /* raw bytes */
};

enum inbound_kind {
    INBOUND_MESSAGE,    /* somebody wrote */
    INBOUND_STATUS,     /* fate of a message of ours */
    INBOUND_ECHO,       /* our side wrote by other means (the phone app): a person is at it */
    INBOUND_PREFERENCE, /* marketing stopped or resumed */
    INBOUND_IDENTITY,   /* a person's number or user id changed */
    INBOUND_ACCOUNT,    /* account, number, template or error event, and whatever could not be
                         * understood: kept and shown */
};

/* MUST be ordered so that a greater one never goes back; FAILED and PENDING stand beside. */
enum delivery {
    DELIVERY_UNKNOWN, /* a status word we do not know: kept as an event, changes nothing */
    DELIVERY_SENT,
    DELIVERY_DELIVERED,
    DELIVERY_READ,
    DELIVERY_PLAYED,
    DELIVERY_FAILED,
    DELIVERY_PENDING, /* on its way within the provider: nothing that we did not know */
};

/* The person on the other side. At least one of phone and user_id is set for a message, an echo, a
 * preference and an identity; a status may name nobody. */
struct party {
    struct str phone;    /* digits as the provider gave them; may be empty */
    struct str user_id;  /* business-scoped user id; may be empty */
    struct str name;     /* profile name */
    struct str username; /* without the @ */
    struct str email;    /* lower case; may be empty */
};

struct inbound { /* one normalised event; views into the arena given to parse */
    enum inbound_kind kind;
    struct str address;       /* of our account (phone number id); account events may have none */
    struct str account_group; /* WhatsApp business account id, to route account events */
    /* Unique per address, never empty; a repeated delivery has the same. Of a message with an id
     * "m:<message_id>", of a status "s:<message_id>:<delivery_word>" and more behind it in a group:
     * what a message's page finds its raw calls by. */
    struct str dedup;
    int64_t at_ms; /* the provider's time; 0: not given */
    struct party party;

    /* INBOUND_MESSAGE, INBOUND_ECHO */
    struct str message_id; /* provider's; empty when it gave none */
    struct str type;       /* one of the content types above */
    struct str content;    /* JSON text */
    struct str text;       /* what a person would read, for lists, search and the bot: body,
                            * caption, title of a choice …; empty for media without a caption */
    struct str reply_to;   /* provider message id quoted; may be empty or unknown to us */
    struct str file;       /* the bytes of what content's media names, when they came along */
    bool is_auto;          /* a program wrote it: nobody's words, and no answer to what we wrote */
    bool is_leave;         /* it asks for no more mailings (mailto of List-Unsubscribe) … */
    struct str leave;      /* … for whom this token says; may be empty */

    /* INBOUND_STATUS: message_id, and; of a message, correlation is of the one it answers */
    enum delivery delivery;
    struct str delivery_word; /* as the provider wrote it */
    struct str correlation;   /* our own id come back; may be empty */
    int64_t error_code;       /* 0: none; also of an account event that is an error */
    struct str error_title;   /* the provider's words, the most telling it gave */
    struct str pricing;       /* JSON text or empty */

    /* INBOUND_PREFERENCE */
    struct str category; /* "marketing_messages" */
    bool is_stop;

    /* INBOUND_IDENTITY: party is the old identity; empty: that key did not change */
    struct str new_phone, new_user_id;

    /* INBOUND_ACCOUNT */
    struct str field; /* "message_template_status_update", "errors", … */
    struct str raw;   /* JSON text of the item, for every kind; bounded by the body */
};

struct inbound_sink {
    /* *event is valid during the call only, its texts as long as the arena. */
    enum status (*event)(void *ctx, const struct inbound *event, struct err *e);
    void *ctx;
};

/* --- out ------------------------------------------------------------------------------------ */

struct outgoing_file {
    struct str name, mime, bytes;
};

struct outgoing {
    struct str to_phone;   /* E.164 digits, or empty */
    struct str to_user_id; /* used when to_phone is empty */
    struct str to_email;   /* of an e-mail: the only one that counts */
    struct str to_name;
    struct str type; /* content type above, or "read" */
    const struct json *content;
    struct str reply_to;    /* provider message id to quote; empty: none */
    struct str correlation; /* our message id as text */
    bool typing;            /* type "read": show the typing mark as well; content: {"target"} */

    /* e-mail only */
    struct lead_id lead; /* who gets it, for the link to leave by; nil: no such link */
    struct str subject;  /* else content's "subject" */
    struct str
        references;    /* ids of the thread so far, oldest first; reply_to is the one answered */
    bool is_automatic; /* no person wrote it */
    const struct outgoing_file *files;
    size_t n_files;
    int64_t at_ms; /* its Date */
};

enum send_outcome {
    SEND_ACCEPTED,  /* the provider has it */
    SEND_RETRY,     /* it certainly did not go out and may later */
    SEND_REJECTED,  /* never for this message */
    SEND_BLOCKED,   /* the account needs a person (token, payment …): stop it, keep the message */
    SEND_UNCERTAIN, /* it may have gone out */
};

/* A mail ready to be handed over, and what came of that. */
struct mail_call {
    struct str from, to; /* of the envelope */
    struct str bytes;
    struct str message_id; /* without angle brackets */
};

struct mail_reply {
    enum http_phase phase; /* HTTP_CUT: the end of the text may have left, no answer to it came */
    unsigned code;         /* SMTP reply code of a HTTP_REPLIED, and of a refusal before the text */
    struct str text;       /* the server's words, first line */
    bool is_login;         /* it was the login that failed */
    bool is_sender;        /* it was we who were refused, before a recipient was named */
    bool is_config;        /* host, port or TLS are wrong: nothing that passes */
};

struct send_result { /* texts in the arena given to judge */
    enum send_outcome outcome;
    struct str message_id;     /* provider's, when accepted; empty for type "read" */
    struct str phone, user_id; /* the address as the provider knows it, when told */
    struct str name;           /* of a probe: the account there, when told */
    struct str quality;        /* of a probe: GREEN, YELLOW or RED, when told */
    uint32_t retry_after_ms;   /* SEND_RETRY: 0 leaves it to backoff */
    bool is_pair_limit;        /* the wait concerns this recipient only, not the number */
    bool needs_template;       /* the 24 h window was closed */
    bool is_opt_out;           /* the person does not want these */
    bool is_template;   /* SEND_REJECTED: the template's fault, so everybody's who would get it */
    bool is_no_address; /* SEND_REJECTED: nobody has that address */
    bool is_spared;     /* SEND_RETRY: the provider spares the person; only a campaign waits */
    int64_t code;       /* the provider's, 0: none */
    struct str cause;   /* "meta-131047", "http-502", "cut", "not-sent" */
    struct str reason;  /* one sentence for people: what happened and what to do */
};

/* --- files ---------------------------------------------------------------------------------- */

enum media_outcome {
    MEDIA_FOUND,    /* where it is, or the id it got */
    MEDIA_GONE,     /* the provider no longer has it */
    MEDIA_RETRY,    /* later, perhaps; asking again harms nobody */
    MEDIA_REJECTED, /* never */
    MEDIA_BLOCKED,  /* the account needs a person, as with SEND_BLOCKED */
};

struct media_answer { /* texts in the arena given to judge */
    enum media_outcome outcome;
    struct str id;     /* of an upload */
    struct str url;    /* of a file that was asked for; lives for minutes */
    struct str mime;   /* as the provider has it; may be empty */
    struct str sha256; /* lower-case hex; may be empty */
    int64_t size;      /* -1: not told */
    uint32_t retry_after_ms;
    int64_t code;
    struct str cause;
    struct str reason;
};

struct media_put {
    struct str mime, file_name; /* as people will see it; may be empty */
    struct str bytes;
};

/* --- where it calls us ---------------------------------------------------------------------- */

enum hook_outcome {
    HOOK_ENTERED, /* the account's own address is entered there */
    HOOK_OTHER,   /* another one is, or ours with a method that we do not take */
    HOOK_MISSING, /* none is */
    HOOK_NO_SENDER, /* there is nothing at which one could be: the number is not on WhatsApp there … */
    HOOK_DENIED,   /* the credentials may not read it */
    HOOK_NOT_TOLD, /* no clear answer; later, perhaps */
    HOOK_NO_URL,   /* none was asked for: this installation has no public URL */
    HOOK_ASK_ON,   /* next is to be asked */
};

struct hook_answer { /* texts in the arena given to judge_hook */
    enum hook_outcome outcome;
    struct str next;   /* for ask_hook */
    struct str place;  /* at what it is or would be entered: "service", "sender"; may be empty */
    struct str found;  /* what is entered there, without passwords and query; may be empty */
    struct str cause;  /* HOOK_NO_SENDER: "no-number", "not-whatsapp", "no-service" */
    struct str reason; /* one sentence for people */
    struct str advice; /* what to do; empty when entered */
};

/* "entered", "other", "missing", "no-sender", "denied", "not-told", "no-url". */
struct str hook_outcome_name(enum hook_outcome outcome);

/* --- templates ------------------------------------------------------------------------------ */

struct template_item { /* as the provider tells it; texts in the arena given to judge */
    struct str id;     /* the provider's */
    struct str ref;    /* what a send names it by, if that is not its name */
    struct str name, language;
    struct str category;   /* lower case: "marketing", "utility", "authentication" */
    struct str status;     /* "approved", "pending", "rejected", "paused", "disabled" */
    struct str reason;     /* of a rejection; may be empty */
    struct str quality;    /* "green", "yellow", "red"; empty: not told */
    struct str body;       /* text with its placeholders */
    struct str components; /* JSON text as the provider documents it */
};

struct template_answer {       /* of one page of the list */
    enum send_outcome outcome; /* SEND_ACCEPTED: the page is here; SEND_UNCERTAIN never */
    struct template_item *items;
    size_t n;
    struct str next; /* for list_templates; empty: that was the last page */
    uint32_t retry_after_ms;
    int64_t code;
    struct str cause, reason;
};

struct provider_limits {
    size_t text_points; /* longest text body */
    size_t caption_points;
    size_t buttons; /* most buttons, and their longest title */
    size_t button_points;
    size_t list_rows;
    uint32_t per_second;       /* default rate of one account */
    uint32_t pair_interval_ms; /* default pace towards one person */
    uint32_t pair_burst;
    int64_t media_ms;  /* an uploaded file can be sent for so long */
    int64_t window_ms; /* free-form allowed so long after the person's last message; 0: always */
};

/* How what an adapter builds is brought to its provider. */
enum transport {
    TRANSPORT_HTTP, /* build, judge, probe … */
    TRANSPORT_MAIL, /* build_mail, judge_mail; parse reads RFC 5322 bytes; no call of http at all */
};

struct provider {
    enum transport transport;
    const char *name;    /* "meta" */
    const char *channel; /* "whatsapp" */
    /* An app of the installation's may serve all accounts: their API, its secrets and the address
     * /webhooks/<name> are the installation's unless an account has its own. */
    bool has_shared_app;
    struct provider_limits limits;
    /* Checks the call's signature with channel's app_secret, or old_secret. ST_DENIED: absent or
     * wrong, or what it covers is not known. */
    enum status (*verify)(const struct channel *ch, const struct hook *hook, struct err *e);
    const char *signature_header;
    /* What a stored call is answered with: body and type. NULL: "ok" as text. */
    const char *answer, *answer_type;
    /* Emits every event of the call, in its order; of hook query and body are set. ST_INVALID: not
     * this provider's call at all (nothing was emitted); a status from the sink stops and comes
     * back. An unknown kind or type is emitted, never an error. */
    enum status (*parse)(struct arena *a, const struct hook *hook, struct inbound_sink *sink,
                         struct err *e);
    /* Fills call; the reach is the caller's business. ST_INVALID: the provider would refuse this
     * content; the message says what and the limit. */
    enum status (*build)(struct arena *a, const struct channel *ch, const struct outgoing *msg,
                         struct http_call *ret, struct err *e);
    /* Total: any status, headers and bytes lead to an outcome. */
    void (*judge)(struct arena *a, const struct http_reply *reply, struct send_result *ret);
    /* Outcome of an error code that came inside a status callback, by the same table as judge. */
    void (*explain)(struct arena *a, int64_t code, struct str title, struct send_result *ret);
    /* A cheap call that proves the credentials (doctor, "test channel"); judged by judge_probe: the
     * reason of an accepted one says which number answered. */
    enum status (*probe)(struct arena *a, const struct channel *ch, struct http_call *ret,
                         struct err *e);
    void (*judge_probe)(struct arena *a, const struct http_reply *reply, struct send_result *ret);
    /* Which address for what comes in is entered at the provider, for the channel, which has a hook_url? Calls that change
     * nothing: the first with after empty, further ones with the next of the answer before. Total. Both NULL: it is not
     * to be asked. */
    enum status (*ask_hook)(struct arena *a, const struct channel *ch, struct str after,
                            struct http_call *ret, struct err *e);
    void (*judge_hook)(struct arena *a, const struct channel *ch, struct str after,
                       const struct http_reply *reply, struct hook_answer *ret);
    /* The next page of the account's templates; after: an earlier answer's next, or empty. Both NULL:
     * the provider keeps none. */
    enum status (*list_templates)(struct arena *a, const struct channel *ch, struct str after,
                                  struct http_call *ret, struct err *e);
    void (*judge_list_templates)(struct arena *a, const struct http_reply *reply,
                                 struct template_answer *ret);
    /* What an INBOUND_ACCOUNT event says of one template: id, name and language as far as told, and
     * of the rest only what changed. False: it is about something else. NULL: there are none. */
    bool (*read_template_event)(struct arena *a, const struct inbound *event,
                                struct template_item *ret);
    /* Where is the file with this id? ST_INVALID: that is no id. NULL: messages bring a link that
     * get_media takes. */
    enum status (*find_media)(struct arena *a, const struct channel *ch, struct str id,
                              struct http_call *ret, struct err *e);
    void (*judge_find_media)(struct arena *a, const struct http_reply *reply,
                             struct media_answer *ret);
    /* The call that downloads from a url so found, guarded. ST_DENIED: a url that the account's token
     * must not be sent to. */
    enum status (*get_media)(struct arena *a, const struct channel *ch, struct str url,
                             struct http_call *ret, struct err *e);
    /* Gives the provider a file to be sent by id. ST_INVALID: it would refuse it. NULL: it fetches
     * what it sends from a link. */
    enum status (*put_media)(struct arena *a, const struct channel *ch, const struct media_put *in,
                             struct http_call *ret, struct err *e);
    void (*judge_put_media)(struct arena *a, const struct http_reply *reply,
                            struct media_answer *ret);

    /* TRANSPORT_MAIL: the whole mail. ST_INVALID: it cannot be sent to that address, or so. */
    enum status (*build_mail)(struct arena *a, const struct channel *ch, const struct outgoing *msg,
                              struct mail_call *ret, struct err *e);
    /* Total. */
    void (*judge_mail)(struct arena *a, const struct mail_reply *reply, struct send_result *ret);
};

extern const struct provider provider_meta, provider_twilio;
extern const struct provider provider_email;
/* Every adapter, ended by NULL. */
extern const struct provider *const providers[];
/* By name; NULL when there is none. */
const struct provider *provider_find(struct str name);

/* --- phone numbers -------------------------------------------------------------------------- */

/* Key under which equal WhatsApp numbers meet: digits only, Brazil's ninth digit put in where it is
 * missing ("551195550123" is "5511995550123"; landlines stay). Empty when s has no digits. */
struct str phone_key(struct arena *a, struct str s);
