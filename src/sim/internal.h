/* internal.h - what the simulator's files share. One lock guards all state; nothing waits while it
 * holds it.
 *
 *   sim.c       start, stop, routes, CORS        behaviour.c  the knobs
 *   graph.c     Graph API: admission, failures   check.c      what Meta would refuse
 *   bubble.c    a sent message on a phone        template.c   message templates
 *   media.c     uploads and downloads            sends.c      what was accepted, and twice
 *   phone.c     phones and who watches them      customer.c   what customers do
 *   status.c    sent, delivered, read …          hook.c       signed webhooks with retries
 *   model.c     the chat model                   later.c      the clock
 *   mail*.c     the fake mail server beside it (mail.h)
 *   twilio*.c   the fake Twilio beside it (twilio.h)
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>

#include "base/list.h"
#include "httpc/httpc.h"
#include "httpd/httpd.h"
#include "sim/behaviour.h"
#include "sim/later.h"
#include "sim/sim.h"
#include "json/json.h"

enum {
    ANSWER_MAX_BYTES = 32 << 20,
    PHONES_MAX = 20000,  /* further recipients get no phone: their messages are only counted */
    BUBBLES_MAX = 500,   /* a phone; older ones are forgotten */
    SENDS_MAX = 1 << 16, /* remembered in full; older ones are only counted */
    PHONE_BUCKETS = 1 << 14,
    MEDIA_ID_DIGITS = 16,
};

/* --- phones ---------------------------------------------------------------------------------- */

struct bubble {
    struct list_node node;
    int64_t seq;
    bool is_out; /* as the business sees it: it wrote this one */
    int64_t at_ms;
    int rank; /* of status: a status never goes back */
    struct str id, type, text, content /* JSON text */, reply_to; /* packed behind the struct */
    const char *status;
    char reaction[32]; /* of the other side, cut to whole characters */
    bool is_template;
};

struct phone {
    struct phone *next; /* of its bucket */
    struct str key;     /* digits as WhatsApp knows them, or the BSUID; owned */
    bool is_user_id;
    struct str name, user_id; /* owned; empty: not told */
    bool has_written;
    bool has_stopped; /* by Twilio's own keywords: it sends nothing more */
    int64_t typing_until_ms;
    int64_t seq; /* grows with every change */
    int64_t next_bubble;
    struct list bubbles;
    size_t n_bubbles;
};

struct phones {
    struct phone *buckets[PHONE_BUCKETS];
    size_t n;
};

/* Digits of a number as WhatsApp knows it: Brazilian mobiles outside the state codes 11 to 28
 * without their ninth digit. Empty: no phone number. */
struct str phone_wa_id(struct arena *a, struct str number);
/* NULL: there is none, or no room for one more. */
struct phone *phone_find(struct sim *s, struct str key);
struct phone *phone_get(struct sim *s, struct str key, bool is_user_id);
/* Texts are copied; b->seq and at_ms are set here. */
struct bubble *phone_add(struct phone *p, const struct bubble *b);
struct bubble *phone_bubble(struct phone *p, struct str id); /* NULL: none */
/* The phone a customer's message came from, by its id; NULL: none. */
struct phone *phone_of_message(struct sim *s, struct str id);
/* Status words of WhatsApp; one that would go back is ignored. */
void phone_status(struct phone *p, struct bubble *b, struct str status);
/* Something changed: lets everybody who watches p know. */
void phone_changed(struct sim *s, struct phone *p);
void phone_write(const struct phone *p, struct buf *b);
void phones_clear(struct sim *s);
void watchers_end(struct sim *s); /* answers all of them now */

/* --- accepted sends -------------------------------------------------------------------------- */

struct send {
    int64_t seq, at_ms;
    struct str sender, to, type, text, body, wamid, correlation; /* packed behind the struct */
};

struct sends {
    struct send *ring[SENDS_MAX];
    int64_t accepted, rejected, stalled, cut, duplicates, reads;
    uint64_t (*seen)[2]; /* open addressing: 128-bit digests of correlation ids */
    size_t n_seen, cap_seen;
    struct str repeated[64]; /* the first correlation ids that came twice; owned */
    size_t n_repeated;
};

/* True when its correlation id was accepted before. */
bool sends_add(struct sim *s, const struct send *one);
void sends_write(const struct sim *s, int64_t after, int64_t limit, struct buf *b);
void sends_write_stats(const struct sim *s, struct buf *b);
void sends_clear(struct sim *s);

/* --- media, templates ------------------------------------------------------------------------ */

struct media {
    struct media *next;
    struct str id, mime, filename, bytes; /* packed behind the struct */
    char sha256[64];
};

/* Keeps the bytes; the oldest go when there are too many. */
struct media *media_add(struct sim *s, struct str mime, struct str filename, struct str bytes);
struct media *media_find(const struct sim *s, struct str id);
/* A small example of its kind ("image", "audio" …), for customers who send one without bytes. */
struct media *media_example(struct sim *s, struct str kind);
void media_clear(struct sim *s);

struct templates; /* the lists of all accounts; they start with a few approved ones */
struct templates *templates_new(void);
void templates_free(struct templates *t);

/* --- the simulator --------------------------------------------------------------------------- */

struct sim {
    struct sim_options options; /* texts in arena */
    struct arena arena;
    struct str address;
    struct httpd *httpd;
    struct httpc *httpc;
    struct later *later;

    pthread_mutex_t lock;               /* guards the rest */
    struct str webhook_url, app_secret; /* owned */
    struct behaviour behaviour;
    uint64_t random;
    bool is_stopping;
    struct phones phones;
    struct sends sends;
    struct media *media;
    size_t media_bytes;
    int64_t next_media;
    struct templates *templates;
    struct twilio *twilio;
    struct mail_sim *mail; /* has a lock of its own */
    struct list watchers;
    int64_t n_watchers;
    struct list held; /* requests that stall, or are answered later */
    struct list due;  /* statuses to go out with the next webhook */
    size_t n_due;
    bool is_flush_planned;
    int64_t hooks_pending, hooks_acknowledged, hooks_refused, hooks_dropped;
    int64_t model_calls;
    int64_t second, in_second; /* for the limit of sends a second */
};

static inline struct sim *sim_of(struct app *app) {
    return (struct sim *)(void *)app;
}

void sim_lock(struct sim *s);
void sim_unlock(struct sim *s);
/* True with the given probability. */
bool sim_chance(struct sim *s, double rate);
uint64_t sim_random(struct sim *s, uint64_t below);
/* Adds the header that lets a page read the answer. */
void sim_allow_origin(struct sim *s, const struct req *r, struct resp *resp);
/* JSON in, or a problem that says what is wrong with it. */
enum status sim_body(const struct req *r, const struct json **ret, struct err *e) ATTR_MUST_CHECK;

/* Copies a struct and the texts its fields point to into one block; views are the fields' addresses
 * inside from. */
void *pack(const void *from, size_t size, struct str *const *views, size_t n);
struct str own(struct str s); /* malloc'd copy */
void disown(struct str *s);
/* Like Meta's, an id holds the customer's address; here that finds the phone again. */
struct str new_wamid(struct arena *a, struct str key);
/* Empty: not an id of ours. */
struct str wamid_key(struct arena *a, struct str wamid);
struct str arena_lower(struct arena *a, struct str s); /* ASCII */

/* The answer in *resp goes out after in_ms; the caller returns ST_OK right away. */
void answer_later(struct sim *s, struct req *r, struct resp *resp, int64_t in_ms);
void answers_cut(struct sim *s); /* all that are held, at once and without a word */

/* --- planned misfortune ---------------------------------------------------------------------- */

enum fate { FATE_GOOD, FATE_REFUSED, FATE_STALLED, FATE_CUT, FATE_CUT_AFTER };

struct graph_error {
    int64_t code;
    int64_t subcode;
    unsigned http; /* 0: what belongs to the code */
    int64_t retry_after_s;
    struct str details;
};

struct fate_codes {   /* of the provider that is called */
    int64_t error;    /* what error_rate answers */
    int64_t too_fast; /* above mps */
};

/* What becomes of the next call; *ret says what it is refused with. Needs the lock. */
enum fate fate_choose(struct sim *s, struct fate_codes codes, struct graph_error *ret);
/* Stalls or cuts the call as fate says, and counts it. Needs the lock. */
void fate_cut(struct sim *s, struct req *r, struct resp *resp, enum fate fate);

/* --- Graph API ------------------------------------------------------------------------------- */

void graph_refuse(const struct req *r, struct resp *resp, struct graph_error error);
/* False: the bearer is missing or wrong, or the path is no Graph path; resp is filled. */
bool graph_admit(struct sim *s, const struct req *r, struct resp *resp);
/* Like Meta checks a message, as far as it can without sending. False: *ret says what is wrong.
 * Needs the lock. */
bool check_message(struct sim *s, struct arena *a, const struct json *m, struct graph_error *ret);
/* False: no such template in that language, or parameters that do not fit. text becomes what the
 * phone shows. */
bool check_template(struct sim *s, struct arena *a, const struct json *t, struct graph_error *ret,
                    struct str *ret_text);
/* "buttons" of the template's quick replies; their id is the payload sent along, else the title. */
void template_put_buttons(struct sim *s, const struct json *t, struct json_out *o);
/* MARKETING and so on; empty: no such template. */
struct str template_category(struct sim *s, const struct json *t);
/* Fills type, text and content of b from a checked message. */
void bubble_from_message(struct sim *s, struct arena *a, const struct json *m, struct bubble *b);

enum status graph_messages(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status graph_object(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status graph_delete(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status graph_success(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status graph_phone_numbers(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status graph_subscribed(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status media_upload(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status media_show(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status media_download(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status templates_list(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status templates_create(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status templates_change(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status templates_delete(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status phone_show(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status phone_watch(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status customer_act(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status model_chat(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status model_list(struct app *app, struct req *r, struct resp *resp, struct err *e);

/* --- webhooks -------------------------------------------------------------------------------- */

/* What a send will report; views are copied. Needs the lock. */
struct status_facts {
    struct str wamid, sender, phone_key, correlation, category;
    bool is_user_id, only_sent;
    int64_t failed_code; /* 0: it succeeds */
};
void status_plan(struct sim *s, const struct status_facts *facts);
bool status_is_muted(const struct sim *s, struct str status);
void statuses_clear(struct sim *s);

/* Posts json (plain UTF-8) to the webhook until it is answered with 200. ended is called once, from
 * any thread and without the lock, with whether it was; NULL: nobody asks. Needs the lock. */
typedef void (*hook_ended_fn)(struct sim *s, void *arg, bool is_acknowledged);
void hook_post(struct sim *s, struct str json, hook_ended_fn ended, void *arg);
/* The same for a form of Twilio's; any 2xx takes it, and after so many attempts it is given up.
 * url empty: nobody is told. */
struct hook_form {
    struct str url, body, signature; /* copied */
    unsigned attempts;
    bool is_any_failure; /* else only one that nobody was there for is tried again */
};
void hook_post_form(struct sim *s, const struct hook_form *form, hook_ended_fn ended, void *arg);

/* The caller of one POST waits until so many webhooks have ended, at most wait_ms; then it is told
 * {"ids":[…],"acknowledged":…}. Each webhook ends in told_hook_ended with what told_begin gave.
 * Needs the lock. */
struct telling {
    const struct str *ids; /* in the request's arena */
    size_t n_ids;
    struct str key; /* of the phone */
    size_t hooks;
    int64_t wait_ms;
};
struct told;
struct told *told_begin(struct sim *s, struct req *r, struct resp *resp, struct telling of);
void told_hook_ended(struct sim *s, void *arg, bool is_acknowledged);
/* {"object":…,"entry":[{"id":waba,"changes":[{"value":{…,"metadata":…  open; then hook_close. */
void hook_open(struct sim *s, struct json_out *o, struct str sender);
void hook_close(struct json_out *o);
/* JSON text the way Meta serialises it. */
void wire_escape(struct str json, struct buf *ret);

/* Title and HTTP status of an error code, as Meta documents them. */
const char *error_title(int64_t code);
unsigned error_http(int64_t code);
