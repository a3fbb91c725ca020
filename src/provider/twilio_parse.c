/* twilio_parse.c - one call of Twilio's is one message or one status, as a form. All its parameters are kept as JSON with the
 * event, known or not: Twilio adds some without notice.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"
#include "provider/lenient.h"
#include "provider/twilio.h"

enum { CONTENT_SPARE = 4096, CONTENT_FACTOR = 8, DATA_MAX_DEPTH = 16 };

struct reading {
    struct arena *a;
    struct form form;
    struct inbound event;
    struct json_out o; /* the message's content */
};

static struct str field(struct reading *r, const char *name) {
    return form_text(r->a, &r->form, name);
}

/* An id, or what stands for none. */
static struct str id_of(struct reading *r, const char *name) {
    struct str id = str_trim(field(r, name));

    return id.len <= TWILIO_ID_MAX_BYTES ? id : STR_EMPTY;
}

/* Of a repeated name the first counts: keys of an object are unique. */
static struct str raw_of(struct reading *r, size_t body_len) {
    struct buf b;
    struct json_out o;
    struct str raw;

    buf_init(&b, body_len * CONTENT_FACTOR + CONTENT_SPARE);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    for (size_t i = 0; i < r->form.n; i++) {
        struct str name = form_clean(r->a, r->form.items[i].name);
        bool is_first = name.len > 0 && name.len < 200;

        for (size_t k = 0; k < i && is_first; k++)
            is_first = !str_eq(form_clean(r->a, r->form.items[k].name), name);
        if (is_first)
            json_put_str(&o, arena_cstr(r->a, name), form_clean(r->a, r->form.items[i].value));
    }
    json_end(&o);
    raw = b.overflown ? STR("{}") : arena_str(r->a, buf_str(&b));
    buf_done(&b);
    return raw;
}

/* --- people --------------------------------------------------------------------------------------------------------- */

/* "whatsapp:+55…" is a number, "whatsapp:BR.…" a user id. */
static void put_address(struct reading *r, struct str address, struct party *p) {
    struct str digits = twilio_digits(address);

    (void)r;
    if (digits.len > 0)
        p->phone = digits;
    else if (str_eat(&address, STR("whatsapp:")) && address.len <= TWILIO_ID_MAX_BYTES)
        p->user_id = address;
}

static struct party party_of(struct reading *r, const char *who) {
    struct party p = {.name = field(r, "ProfileName")};
    struct str user_id = id_of(r, "ExternalUserId");

    put_address(r, id_of(r, who), &p);
    if (str_eat(&user_id, STR("whatsapp:")) && user_id.len > 0)
        p.user_id = user_id;
    return p;
}

/* --- content -------------------------------------------------------------------------------------------------------- */

static bool has_prefix(struct str mime, const char *prefix) {
    return str_starts(mime, str_of(prefix));
}

static const char *media_kind(struct str type, struct str mime) {
    static const char *const known[] = {"image", "video", "audio", "document", "sticker"};

    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (str_eq(type, str_of(known[i])))
            return known[i];
    return has_prefix(mime, "image/")   ? "image"
           : has_prefix(mime, "video/") ? "video"
           : has_prefix(mime, "audio/") ? "audio"
                                        : "document";
}

static void put_media(struct reading *r) {
    struct str mime = field(r, "MediaContentType0"), body = field(r, "Body");
    const char *kind = media_kind(field(r, "MessageType"), mime);
    bool is_document = strcmp(kind, "document") == 0;

    r->event.type = str_of(kind);
    json_obj(&r->o, "media");
    json_put_str(&r->o, "link", field(r, "MediaUrl0"));
    json_put_opt(&r->o, "mime", mime);
    if (is_document) /* Twilio gives a document's name as its text */
        json_put_opt(&r->o, "filename", body);
    json_end(&r->o);
    if (!is_document) {
        json_put_opt(&r->o, "caption", body);
        r->event.text = body;
    }
}

static void put_choice(struct reading *r, const char *id, const char *title, const char *via) {
    struct str shown = field(r, title);

    if (shown.len == 0)
        shown = field(r, "Body");
    r->event.type = STR("choice");
    r->event.text = shown;
    json_put_str(&r->o, "id", field(r, id));
    json_put_str(&r->o, "title", shown);
    json_put_opt(&r->o, "description", field(r, "ListDescription"));
    json_put_str(&r->o, "via", str_of(via));
}

static bool read_degrees(struct str s, double limit, double *ret) {
    double v = 0, unit = 1;
    bool is_negative = str_eat(&s, STR("-")), is_fraction = false;

    if (s.len == 0 || s.len > 30)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '.' && !is_fraction) {
            is_fraction = true;
        } else if (s.ptr[i] >= '0' && s.ptr[i] <= '9') {
            unit = is_fraction ? unit * 10 : 1;
            v = v * 10 + (s.ptr[i] - '0');
        } else {
            return false;
        }
    }
    *ret = is_negative ? -v / unit : v / unit;
    return v / unit <= limit;
}

static bool put_location(struct reading *r) {
    double latitude, longitude;

    if (!read_degrees(field(r, "Latitude"), 90, &latitude) ||
        !read_degrees(field(r, "Longitude"), 180, &longitude))
        return false;
    r->event.type = STR("location");
    r->event.text = field(r, "Label");
    json_put_real(&r->o, "latitude", latitude);
    json_put_real(&r->o, "longitude", longitude);
    json_put_opt(&r->o, "name", field(r, "Label"));
    json_put_opt(&r->o, "address", field(r, "Address"));
    return true;
}

static bool put_form(struct reading *r, const char *name) {
    const struct json *v;
    struct err ignored = ERR_INIT;

    if (lenient_parse(r->a, field(r, name), DATA_MAX_DEPTH, &v, &ignored) != ST_OK ||
        json_type(v) != JSON_OBJECT)
        return false;
    r->event.type = STR("form");
    r->event.text = field(r, "Body");
    json_put_str(&r->o, "name", STR("flow"));
    json_put_opt(&r->o, "text", field(r, "Body"));
    json_put_json(&r->o, "response", v);
    return true;
}

static bool is_text(struct str type) {
    return type.len == 0 || str_eq(type, STR("text")) || str_eq(type, STR("button")) ||
           str_eq(type, STR("interactive"));
}

static void put_body(struct reading *r) {
    struct str body = field(r, "Body");

    if (body.len == 0 && !is_text(field(r, "MessageType"))) {
        r->event.type = STR("unknown");
        json_put_raw(&r->o, "raw", r->event.raw);
        return;
    }
    r->event.type = STR("text");
    r->event.text = body;
    json_put_str(&r->o, "text", body);
}

static void put_content(struct reading *r) {
    int64_t n_media = 0;

    (void)str_parse_i64(form_get(&r->form, "NumMedia"), 0, 100, &n_media);
    if (form_get(&r->form, "ListId").len > 0)
        put_choice(r, "ListId", "ListTitle", "list");
    else if (form_get(&r->form, "ButtonPayload").len > 0)
        put_choice(r, "ButtonPayload", "ButtonText", "button");
    else if (n_media > 0 && form_get(&r->form, "MediaUrl0").len > 0)
        put_media(r);
    else if (!put_location(r) && !put_form(r, "FlowData") && !put_form(r, "InteractiveData"))
        put_body(r);
}

static void put_referral(struct reading *r) {
    static const struct {
        const char *field, *key;
    } parts[] = {
        {"ReferralSourceId", "source_id"},
        {"ReferralSourceType", "source_type"},
        {"ReferralSourceUrl", "source_url"},
        {"ReferralHeadline", "headline"},
        {"ReferralBody", "body"},
        {"ReferralMediaUrl", "media_url"},
        {"ReferralCtwaClid", "ctwa_clid"},
    };
    bool is_there = false;

    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        is_there |= form_get(&r->form, parts[i].field).len > 0;
    if (!is_there)
        return;
    json_obj(&r->o, "referral");
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        json_put_opt(&r->o, parts[i].key, field(r, parts[i].field));
    json_end(&r->o);
}

static void put_marks(struct reading *r) {
    if (str_eq(form_get(&r->form, "Forwarded"), STR("true")))
        json_put_bool(&r->o, "forwarded", true);
    if (str_eq(form_get(&r->form, "FrequentlyForwarded"), STR("true")))
        json_put_bool(&r->o, "frequently_forwarded", true);
    if (form_get(&r->form, "OptOutType").len > 0)
        json_put_bool(&r->o, "is_answered", true);
}

/* --- events --------------------------------------------------------------------------------------------------------- */

static enum status emit_preference(struct reading *r, struct inbound_sink *sink, struct err *e) {
    struct str kind = form_get(&r->form, "OptOutType");
    bool is_stop = str_eq(kind, STR("STOP"));
    struct inbound ev = r->event;

    if (!is_stop && !str_eq(kind, STR("START")))
        return ST_OK;
    ev.kind = INBOUND_PREFERENCE;
    ev.dedup = arena_printf(r->a, "p:%.*s", STR_ARG(ev.message_id));
    ev.category = STR("marketing_messages");
    ev.is_stop = is_stop;
    ev.message_id = ev.type = ev.content = ev.reply_to = STR_EMPTY;
    return sink->event(sink->ctx, &ev, e);
}

static enum status emit_message(struct reading *r, size_t body_len, struct inbound_sink *sink,
                                struct err *e) {
    struct buf b;

    buf_init(&b, body_len * CONTENT_FACTOR * 2 + CONTENT_SPARE);
    json_out_init(&r->o, &b);
    json_obj(&r->o, NULL);
    put_content(r);
    put_referral(r);
    put_marks(r);
    json_end(&r->o);
    r->event.kind = INBOUND_MESSAGE;
    r->event.dedup = arena_printf(r->a, "m:%.*s", STR_ARG(r->event.message_id));
    r->event.content = arena_str(r->a, buf_str(&b));
    r->event.reply_to = id_of(r, "OriginalRepliedMessageSid");
    buf_done(&b);
    TRY(sink->event(sink->ctx, &r->event, e));
    return emit_preference(r, sink, e);
}

static enum delivery delivery_of(struct str word) {
    static const struct {
        const char *word;
        enum delivery delivery;
    } words[] = {
        {"sent", DELIVERY_SENT},          {"delivered", DELIVERY_DELIVERED},
        {"read", DELIVERY_READ},          {"failed", DELIVERY_FAILED},
        {"undelivered", DELIVERY_FAILED}, {"canceled", DELIVERY_FAILED},
        {"accepted", DELIVERY_PENDING},   {"scheduled", DELIVERY_PENDING},
        {"queued", DELIVERY_PENDING},     {"sending", DELIVERY_PENDING},
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eq(word, str_of(words[i].word)))
            return words[i].delivery;
    return DELIVERY_UNKNOWN;
}

static struct str correlation_of(struct reading *r, struct str query) {
    struct form f;
    struct str id;

    if (!form_read(r->a, query, &f))
        return STR_EMPTY;
    id = form_text(r->a, &f, "m");
    return id.len <= TWILIO_ID_MAX_BYTES ? id : STR_EMPTY;
}

static enum status emit_status(struct reading *r, struct str query, struct inbound_sink *sink,
                               struct err *e) {
    struct inbound *ev = &r->event;

    ev->kind = INBOUND_STATUS;
    ev->delivery_word = utf8_cut_points(id_of(r, "MessageStatus"), 60);
    ev->delivery = delivery_of(ev->delivery_word);
    ev->dedup =
        arena_printf(r->a, "s:%.*s:%.*s", STR_ARG(ev->message_id), STR_ARG(ev->delivery_word));
    ev->correlation = correlation_of(r, query);
    ev->error_title = field(r, "ErrorMessage");
    if (ev->error_title.len == 0)
        ev->error_title = field(r, "ChannelStatusMessage");
    (void)str_parse_i64(form_get(&r->form, "ErrorCode"), 0, INT32_MAX, &ev->error_code);
    return sink->event(sink->ctx, ev, e);
}

/* A text message to the same number: not this channel's. */
static enum status emit_other(struct reading *r, struct inbound_sink *sink, struct err *e) {
    r->event.kind = INBOUND_ACCOUNT;
    r->event.field = STR("sms");
    r->event.dedup = arena_printf(r->a, "a:%.*s", STR_ARG(r->event.message_id));
    r->event.message_id = STR_EMPTY;
    return sink->event(sink->ctx, &r->event, e);
}

static struct str number_of(struct reading *r, const char *name) {
    struct str address = id_of(r, name), digits = twilio_digits(address);

    if (digits.len == 0 && str_eat(&address, STR("+")))
        digits = address;
    return digits;
}

enum status twilio_parse(struct arena *a, const struct hook *hook, struct inbound_sink *sink,
                         struct err *e) {
    struct reading r = {.a = a};
    bool is_status;

    if (!form_read(a, hook->body, &r.form))
        FAIL(e, ST_INVALID, "the webhook has more than %d parameters", TWILIO_PAIRS_MAX);
    r.event.message_id = id_of(&r, "MessageSid");
    if (r.event.message_id.len == 0 || id_of(&r, "AccountSid").len == 0)
        FAIL(e, ST_INVALID, "the webhook is not one of Twilio's messages or statuses");
    is_status = id_of(&r, "MessageStatus").len > 0;
    r.event.address = number_of(&r, is_status ? "From" : "To");
    r.event.account_group = id_of(&r, "MessagingServiceSid");
    r.event.raw = raw_of(&r, hook->body.len);
    r.event.party = party_of(&r, is_status ? "To" : "From");
    if (is_status)
        return emit_status(&r, hook->query, sink, e);
    if (r.event.party.phone.len == 0 && r.event.party.user_id.len == 0)
        return emit_other(&r, sink, e);
    return emit_message(&r, hook->body.len, sink, e);
}
