/* twilio_hook.c - what the fake Twilio posts: forms signed over the exact URL and every parameter.
 * Statuses, each a delay after the one before, and what customers do.
 *
 *   POST /sim/twilio/customer {"from":"5511955550123","to"?:"551130000100","name"?,"text":"oi"}
 *   … instead of "text": "button_reply":{"id","title"} | "list_reply":{"id","title","description"?}
 *     | "type":"image"|"audio"|"video"|"document"|"sticker" ("caption","mime","base64","filename" at
 * will) | "latitude","longitude","address"?,"label"?
 *   … "reply_to": id of a message, "opt_out_type":"STOP"|"START"|"HELP", "params": further ones,
 * "burst": n messages, "wait_ms"
 *   → {"ids":["SM…"],"acknowledged":true}
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/clock.h"
#include "crypto/crypto.h"
#include "sim/twilio.h"

enum {
    BURST_MAX = 1000,
    WAIT_MS = 5000,
    WAIT_MAX_MS = 60000,
    ATTEMPTS_MAX = 6, /* the first and five more */
};

/* --- signing and posting --------------------------------------------------------------------- */

static int compare(const void *left, const void *right) {
    const struct field *a = left, *b = right;
    int by_name = str_cmp(a->name, b->name);

    return by_name != 0 ? by_name : str_cmp(a->value, b->value);
}

/* The URL and behind it, without separators, every name with its value in the order of names. */
static struct str sign(struct arena *a, struct str token, struct str url, const struct fields *f) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = TWILIO_FORM_MAX_BYTES};
    struct fields sorted = *f;
    uint8_t mac[SHA1_BYTES];

    qsort(sorted.list, sorted.n, sizeof(sorted.list[0]), compare);
    buf_add(&b, url);
    for (size_t i = 0; i < sorted.n; i++) {
        buf_add(&b, sorted.list[i].name);
        buf_add(&b, sorted.list[i].value);
    }
    crypto_hmac_sha1(token, buf_str(&b), mac);
    return crypto_base64(a, (struct str){.ptr = (const char *)mac, .len = sizeof(mac)});
}

/* "#rc=3&rp=all": so many more attempts, after whatever went wrong or only when nobody was there.
 * Source: guide "Webhooks connection overrides"; there it is one more. */
static void read_overrides(struct arena *a, struct str fragment, struct hook_form *ret) {
    struct fields f;
    int64_t more = 1;

    if (fields_read(a, fragment, &f)) {
        (void)str_parse_i64(fields_get(&f, "rc"), 0, ATTEMPTS_MAX - 1, &more);
        ret->is_any_failure = str_contains(fields_get(&f, "rp"), STR("all"));
    }
    ret->attempts = (unsigned)more + 1;
}

void twilio_post(struct sim *s, struct str url, const struct fields *f, hook_ended_fn ended,
                 void *arg) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = TWILIO_FORM_MAX_BYTES};
    struct hook_form form = {0};
    struct str bare;

    (void)str_cut(&url, '#', &bare);
    read_overrides(&a, url, &form);
    fields_write(f, &b);
    form.url = bare;
    form.body = buf_str(&b);
    form.signature = sign(&a, s->twilio->auth_token, bare, f);
    hook_post_form(s, &form, ended, arg);
}

/* --- statuses -------------------------------------------------------------------------------- */

struct twilio_report {
    struct sim *sim;
    struct twilio_facts facts; /* packed behind the struct */
    struct str status;
};

static void put_status(struct sim *s, const struct twilio_report *x, struct arena *a,
                       struct fields *f) {
    const struct twilio_facts *t = &x->facts;

    fields_put(f, "MessageSid", t->sid);
    fields_put(f, "MessageStatus", x->status);
    fields_put(f, "SmsSid", t->sid);
    fields_put(f, "SmsStatus", x->status);
    fields_put(f, "AccountSid", arena_str(a, s->twilio->account_sid));
    fields_put(f, "From", t->from);
    fields_put(f, "To", t->to);
    fields_put(f, "ApiVersion", STR("2010-04-01"));
    fields_put(f, "ChannelPrefix", STR("whatsapp"));
    fields_put(f, "ChannelToAddress", t->to);
    fields_put(f, "ChannelInstallSid", STR("XE00000000000000000000000000000001"));
    if (t->service.len > 0)
        fields_put(f, "MessagingServiceSid", t->service);
    if (str_eq(x->status, STR("read")))
        fields_put(f, "EventType", STR("READ"));
    if (t->failed_code == 0)
        return;
    fields_put(f, "ErrorCode", arena_printf(a, "%lld", (long long)t->failed_code));
    fields_put(f, "ErrorMessage", str_of(twilio_error_title(t->failed_code)));
    fields_put(f, "ChannelStatusMessage", str_of(twilio_error_title(t->failed_code)));
}

static void show_on_phone(struct sim *s, const struct twilio_report *x) {
    struct phone *p = phone_find(s, x->facts.phone_key);
    struct bubble *b = p ? phone_bubble(p, x->facts.sid) : NULL;

    if (!b)
        return;
    phone_status(p, b, x->facts.failed_code != 0 ? STR("failed") : x->status);
    phone_changed(s, p);
}

static void report_due(void *arg, bool is_over) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct twilio_report *x = arg;
    struct sim *s = x->sim;
    struct fields f = {0};

    if (!is_over) {
        sim_lock(s);
        show_on_phone(s, x);
        if (x->facts.callback.len > 0 && !status_is_muted(s, x->status)) {
            put_status(s, x, &a, &f);
            twilio_post(s, x->facts.callback, &f, NULL, NULL);
        }
        sim_unlock(s);
    }
    free(x);
}

static void plan_one(struct sim *s, const struct twilio_facts *facts, struct str status,
                     int64_t in_ms) {
    struct twilio_report x = {.sim = s, .facts = *facts, .status = status};
    struct str *const views[] = {&x.facts.sid,     &x.facts.from,     &x.facts.to,
                                 &x.facts.service, &x.facts.callback, &x.facts.phone_key,
                                 &x.status};

    later_do(s->later, in_ms, report_due, pack(&x, sizeof(x), views, ARRAY_LEN(views)));
}

void twilio_status_plan(struct sim *s, const struct twilio_facts *facts) {
    static const struct str early[] = {{"queued", 6}, {"sending", 7}};
    static const struct str steps[] = {{"sent", 4}, {"delivered", 9}, {"read", 4}};
    int64_t delay = s->behaviour.status_delay_ms;
    size_t n = sim_chance(s, s->behaviour.read_rate) ? 3 : 2;

    for (size_t i = 0; s->behaviour.early_statuses && i < ARRAY_LEN(early); i++)
        plan_one(s,
                 &(struct twilio_facts){.sid = facts->sid,
                                        .from = facts->from,
                                        .to = facts->to,
                                        .service = facts->service,
                                        .callback = facts->callback,
                                        .phone_key = facts->phone_key},
                 early[i], 0);
    if (facts->failed_code != 0) {
        plan_one(s, facts, facts->failed_code < 63000 ? STR("failed") : STR("undelivered"), delay);
        return;
    }
    for (size_t i = 0; i < n; i++)
        plan_one(s, facts, steps[i],
                 s->behaviour.reorder ? (int64_t)sim_random(s, (uint64_t)(3 * delay + 1))
                                      : delay * (int64_t)(i + 1));
}

/* --- customers ------------------------------------------------------------------------------- */

struct customer {
    struct sim *sim;
    struct req *r;
    const struct json *v;
    struct phone *phone;
    struct media *media; /* NULL: none */
    struct str key;
};

static struct str text_of(const struct customer *x, const char *key) {
    return json_str(json_get(x->v, key));
}

static const char *const media_kinds[] = {"image", "audio", "video", "document", "sticker"};

static bool is_media_kind(struct str type) {
    for (size_t i = 0; i < ARRAY_LEN(media_kinds); i++) {
        if (str_eq(type, str_of(media_kinds[i])))
            return true;
    }
    return false;
}

static struct str message_type(const struct customer *x) {
    if (x->media)
        return text_of(x, "type");
    if (json_get(x->v, "latitude"))
        return STR("location");
    return json_get(x->v, "button_reply") ? STR("button")
           : json_get(x->v, "list_reply") ? STR("interactive")
                                          : STR("text");
}

/* A document's name is its text. */
static struct str words_of(const struct customer *x) {
    if (x->media)
        return str_eq(text_of(x, "type"), STR("document")) ? x->media->filename
                                                           : text_of(x, "caption");
    if (json_get(x->v, "button_reply"))
        return json_str(json_path(x->v, "button_reply", "title", NULL));
    if (json_get(x->v, "list_reply"))
        return json_str(json_path(x->v, "list_reply", "title", NULL));
    return text_of(x, "text");
}

static struct str number_text(const struct customer *x, const char *key) {
    return arena_printf(x->r->arena, "%.7f", json_real(json_get(x->v, key), 0));
}

static void put_kind(const struct customer *x, struct fields *f, struct str sid) {
    struct str account = arena_str(x->r->arena, x->sim->twilio->account_sid);

    fields_put(f, "NumMedia", x->media ? STR("1") : STR("0"));
    if (x->media) {
        fields_put(f, "MediaContentType0", x->media->mime);
        fields_put(f, "MediaUrl0",
                   arena_printf(x->r->arena,
                                "%.*s/2010-04-01/Accounts/%.*s/Messages/%.*s/Media/ME%016d%.*s",
                                STR_ARG(x->sim->address), STR_ARG(account), STR_ARG(sid), 0,
                                STR_ARG(x->media->id)));
    } else if (json_get(x->v, "latitude")) {
        fields_put(f, "Latitude", number_text(x, "latitude"));
        fields_put(f, "Longitude", number_text(x, "longitude"));
        fields_put(f, "Address", text_of(x, "address"));
        fields_put(f, "Label", text_of(x, "label"));
    } else if (json_get(x->v, "button_reply")) {
        fields_put(f, "ButtonText", words_of(x));
        fields_put(f, "ButtonPayload", json_str(json_path(x->v, "button_reply", "id", NULL)));
        fields_put(f, "ButtonType", STR("REPLY"));
    } else if (json_get(x->v, "list_reply")) {
        fields_put(f, "ListId", json_str(json_path(x->v, "list_reply", "id", NULL)));
        fields_put(f, "ListTitle", words_of(x));
        fields_put(f, "ListDescription",
                   json_str(json_path(x->v, "list_reply", "description", NULL)));
    }
}

static void put_more(const struct customer *x, struct fields *f) {
    const struct json *params = json_get(x->v, "params"), *value;
    struct str key;

    if (text_of(x, "reply_to").len > 0) {
        fields_put(f, "OriginalRepliedMessageSid", text_of(x, "reply_to"));
        fields_put(f, "OriginalRepliedMessageSender", fields_get(f, "To"));
    }
    if (text_of(x, "opt_out_type").len > 0)
        fields_put(f, "OptOutType", text_of(x, "opt_out_type"));
    for (size_t i = 0; json_member(params, i, &key, &value); i++) {
        const char *name = arena_cstr(x->r->arena, key);

        if (name)
            fields_put(f, name, json_str(value));
    }
}

static void put_message(const struct customer *x, struct fields *f, struct str sid) {
    struct arena *a = x->r->arena;
    struct str to = text_of(x, "to");

    if (to.len == 0)
        to = x->sim->options.display_phone_number;
    fields_put(f, "MessageSid", sid);
    fields_put(f, "SmsSid", sid);
    fields_put(f, "SmsMessageSid", sid);
    fields_put(f, "AccountSid", arena_str(a, x->sim->twilio->account_sid));
    fields_put(f, "ApiVersion", STR("2010-04-01"));
    fields_put(f, "SmsStatus", STR("received"));
    fields_put(f, "NumSegments", STR("1"));
    fields_put(f, "From", arena_printf(a, "whatsapp:+%.*s", STR_ARG(x->key)));
    fields_put(f, "To", arena_printf(a, "whatsapp:+%.*s", STR_ARG(to)));
    fields_put(f, "WaId", x->key);
    fields_put(f, "ProfileName", x->phone->name);
    fields_put(f, "ReferralNumMedia", STR("0"));
    fields_put(f, "MessageType", message_type(x));
    fields_put(f, "Body", words_of(x));
    put_kind(x, f, sid);
    put_more(x, f);
}

static void show(const struct customer *x, struct str sid) {
    struct bubble *b = phone_add(x->phone, &(struct bubble){
                                               .id = sid,
                                               .type = message_type(x),
                                               .text = words_of(x),
                                               .content = STR("{}"),
                                               .reply_to = text_of(x, "reply_to"),
                                           });

    phone_status(x->phone, b, STR("sent"));
}

static void note_opt_out(const struct customer *x) {
    struct str kind = text_of(x, "opt_out_type");

    if (str_eq(kind, STR("STOP")))
        x->phone->has_stopped = true;
    else if (str_eq(kind, STR("START")))
        x->phone->has_stopped = false;
}

static void tell(const struct customer *x, struct resp *resp, int64_t burst) {
    struct arena *a = x->r->arena;
    struct str *ids = arena_array_of(a, (size_t)burst, struct str);
    int64_t wait_ms = json_i64(json_get(x->v, "wait_ms"), WAIT_MS);
    struct told *told;

    for (int64_t i = 0; i < burst; i++) {
        ids[i] = twilio_sid(a, x->media ? "MM" : "SM", x->key);
        show(x, ids[i]);
    }
    phone_changed(x->sim, x->phone);
    told = told_begin(x->sim, x->r, resp,
                      (struct telling){.ids = ids,
                                       .n_ids = (size_t)burst,
                                       .key = x->phone->key,
                                       .hooks = (size_t)burst,
                                       .wait_ms = wait_ms < 0             ? 0
                                                  : wait_ms > WAIT_MAX_MS ? WAIT_MAX_MS
                                                                          : wait_ms});
    for (int64_t i = 0; i < burst; i++) {
        struct fields f = {0};

        put_message(x, &f, ids[i]);
        twilio_post(x->sim, inbound_url(&x->sim->twilio->inbound), &f, told_hook_ended, told);
    }
}

static enum status take_media(struct customer *x, struct err *e) {
    struct str type = text_of(x, "type"), bytes;

    if (!is_media_kind(type))
        return ST_OK;
    if (!json_get(x->v, "base64")) {
        x->media = media_example(x->sim, type);
        return ST_OK;
    }
    if (!crypto_unbase64(x->r->arena, text_of(x, "base64"), &bytes) || text_of(x, "mime").len == 0)
        FAIL(e, ST_INVALID, "media needs mime and base64");
    x->media = media_add(x->sim, text_of(x, "mime"), text_of(x, "filename"), bytes);
    return ST_OK;
}

static enum status act(struct customer *x, struct resp *resp, int64_t burst, struct err *e) {
    if (x->sim->is_stopping)
        FAIL(e, ST_UNAVAILABLE, "the simulator is stopping");
    x->phone = phone_get(x->sim, x->key, false);
    if (!x->phone)
        FAIL(e, ST_LIMITED, "there are too many phones");
    TRY(take_media(x, e));
    if (words_of(x).len == 0 && !x->media && !json_get(x->v, "latitude"))
        FAIL(e, ST_INVALID, "there is no text, nor anything else to send");
    x->phone->has_written = true;
    if (text_of(x, "name").len > 0) {
        disown(&x->phone->name);
        x->phone->name = own(text_of(x, "name"));
    }
    note_opt_out(x);
    tell(x, resp, burst);
    return ST_OK;
}

enum status twilio_customer(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);
    struct customer x = {.sim = s, .r = r};
    enum status st;
    int64_t burst;

    sim_allow_origin(s, r, resp);
    TRY(sim_body(r, &x.v, e));
    x.key = phone_wa_id(r->arena, text_of(&x, "from"));
    burst = json_i64(json_get(x.v, "burst"), 1);
    if (x.key.len == 0)
        FAIL(e, ST_INVALID, "from is no phone number");
    if (burst < 1 || burst > BURST_MAX)
        FAIL(e, ST_INVALID, "burst is 1 to %d", BURST_MAX);
    sim_lock(s);
    st = act(&x, resp, burst, e);
    sim_unlock(s);
    return st;
}
