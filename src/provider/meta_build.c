/* meta_build.c - neutral content to the call that sends it, POST /{version}/{number id}/messages.
 * What WhatsApp would refuse is refused here, with the limit in the message. Lengths count code
 * points, not bytes.
 * Source: Cloud API reference, the page of each message type; to and recipient: BSUID page, "Send
 * message requests".
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/utf8.h"
#include "provider/meta.h"

enum {
    BODY_MAX_BYTES = 256 << 10, /* contact cards and templates; texts are far below */
    COORDINATE_BYTES = 64,
    SPACES_MAX = 4, /* in a row, in a template's parameter */
};

/* --- what the forms share ------------------------------------------------------------------- */

enum status meta_check_length(struct meta_build *b, const char *what, struct str s, size_t min,
                              size_t max) {
    size_t n = utf8_count(s);

    if (n < min)
        FAIL(b->e, ST_INVALID, "the %s is empty", what);
    if (n > max)
        FAIL(b->e, ST_INVALID, "the %s has %zu characters, WhatsApp takes at most %zu", what, n,
             max);
    return ST_OK;
}

enum status meta_open_media(struct meta_build *b, const char *key, const struct json *media) {
    struct str id = json_str(json_get(media, "id"));
    struct str link = json_str(json_get(media, "link"));

    if ((id.len > 0) == (link.len > 0))
        FAIL(b->e, ST_INVALID, "the media needs either an id or a link");
    if (link.len > 0 && !str_starts(link, STR("https://")) && !str_starts(link, STR("http://")))
        FAIL(b->e, ST_INVALID, "the media's link is not an http address");
    json_obj(&b->out, key);
    json_put_opt(&b->out, "id", id);
    json_put_opt(&b->out, "link", link);
    return ST_OK;
}

/* --- one function a form: opens the object named like the wire type, leaves it open --------- */

static enum status put_text(struct meta_build *b) {
    struct str text = json_str(json_get(b->content, "text"));
    const struct json *preview = json_get(b->content, "preview_url");

    TRY(meta_check_length(b, "text", text, 1, META_TEXT_POINTS));
    json_obj(&b->out, "text");
    json_put_str(&b->out, "body", text);
    if (json_type(preview) == JSON_BOOL)
        json_put_bool(&b->out, "preview_url", json_bool(preview, false));
    return ST_OK;
}

static enum status put_captioned(struct meta_build *b, const char *key) {
    struct str caption = json_str(json_get(b->content, "caption"));

    TRY(meta_check_length(b, "caption", caption, 0, META_CAPTION_POINTS));
    TRY(meta_open_media(b, key, json_get(b->content, "media")));
    json_put_opt(&b->out, "caption", caption);
    return ST_OK;
}

static enum status put_image(struct meta_build *b) {
    return put_captioned(b, "image");
}

static enum status put_video(struct meta_build *b) {
    return put_captioned(b, "video");
}

static enum status put_document(struct meta_build *b) {
    TRY(put_captioned(b, "document"));
    json_put_opt(&b->out, "filename", json_str(json_path(b->content, "media", "filename", NULL)));
    return ST_OK;
}

static enum status refuse_caption(struct meta_build *b, const char *what) {
    if (json_str(json_get(b->content, "caption")).len > 0)
        FAIL(b->e, ST_INVALID, "%s carries no caption on WhatsApp: send the text on its own", what);
    return ST_OK;
}

static enum status put_audio(struct meta_build *b) {
    TRY(refuse_caption(b, "an audio"));
    TRY(meta_open_media(b, "audio", json_get(b->content, "media")));
    if (json_bool(json_path(b->content, "media", "voice", NULL), false))
        json_put_bool(&b->out, "voice", true);
    return ST_OK;
}

static enum status put_sticker(struct meta_build *b) {
    TRY(refuse_caption(b, "a sticker"));
    return meta_open_media(b, "sticker", json_get(b->content, "media"));
}

/* WhatsApp wants degrees as text. */
static enum status put_degrees(struct meta_build *b, const char *key, double max) {
    const struct json *v = json_get(b->content, key);
    double degrees = json_real(v, max + 1);
    struct buf text;

    if (!(degrees >= -max && degrees <= max))
        FAIL(b->e, ST_INVALID, "the %s is not a number from -%d to %d", key, (int)max, (int)max);
    buf_init(&text, COORDINATE_BYTES);
    json_write(&text, v);
    json_put_str(&b->out, key, buf_str(&text));
    buf_done(&text);
    return ST_OK;
}

static enum status put_location(struct meta_build *b) {
    json_obj(&b->out, "location");
    TRY(put_degrees(b, "latitude", 90));
    TRY(put_degrees(b, "longitude", 180));
    json_put_opt(&b->out, "name", json_str(json_get(b->content, "name")));
    json_put_opt(&b->out, "address", json_str(json_get(b->content, "address")));
    return ST_OK;
}

static bool has_name_part(const struct json *name) {
    static const char *const parts[] = {"first_name", "last_name", "middle_name", "suffix",
                                        "prefix"};

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (json_str(json_get(name, parts[i])).len > 0)
            return true;
    }
    return false;
}

static enum status put_contacts(struct meta_build *b) {
    const struct json *cards = json_get(b->content, "contacts");

    if (json_type(cards) != JSON_ARRAY || json_len(cards) == 0)
        FAIL(b->e, ST_INVALID, "there is no contact card to send");
    for (size_t i = 0; i < json_len(cards); i++) {
        const struct json *name = json_get(json_at(cards, i), "name");

        if (json_str(json_get(name, "formatted_name")).len == 0 || !has_name_part(name))
            FAIL(b->e, ST_INVALID,
                 "contact card %zu needs a formatted name and one more part of the name", i + 1);
    }
    json_put_json(&b->out, "contacts", cards);
    return ST_OK;
}

static enum status put_reaction(struct meta_build *b) {
    struct str target = json_str(json_get(b->content, "target"));
    const struct json *emoji = json_get(b->content, "emoji");

    if (target.len == 0)
        FAIL(b->e, ST_INVALID, "the reaction names no message");
    if (json_type(emoji) != JSON_STRING)
        FAIL(b->e, ST_INVALID, "the reaction has no emoji; an empty one takes it back");
    json_obj(&b->out, "reaction");
    json_put_str(&b->out, "message_id", target);
    json_put_str(&b->out, "emoji", json_str(emoji));
    return ST_OK;
}

/* --- templates ------------------------------------------------------------------------------ */

/* "Param text cannot have new-line/tab characters or more than 4 consecutive spaces" (error
 * 132018). */
static bool is_parameter_text(struct str s) {
    size_t spaces = 0;

    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\n' || s.ptr[i] == '\r' || s.ptr[i] == '\t')
            return false;
        spaces = s.ptr[i] == ' ' ? spaces + 1 : 0;
        if (spaces > SPACES_MAX)
            return false;
    }
    return s.len > 0;
}

static enum status check_component(struct meta_build *b, const struct json *component) {
    const struct json *parameters = json_get(component, "parameters");

    if (json_str(json_get(component, "type")).len == 0)
        FAIL(b->e, ST_INVALID, "a component of the template has no type");
    for (size_t i = 0; i < json_len(parameters); i++) {
        const struct json *p = json_at(parameters, i);

        if (str_eq(json_str(json_get(p, "type")), STR("text")) &&
            !is_parameter_text(json_str(json_get(p, "text"))))
            FAIL(b->e, ST_INVALID,
                 "parameter %zu of the template is empty, or holds a line break, a tab or more than"
                 " %d spaces in a row",
                 i + 1, SPACES_MAX);
    }
    return ST_OK;
}

static enum status put_template(struct meta_build *b) {
    struct str name = json_str(json_get(b->content, "name"));
    struct str language = json_str(json_get(b->content, "language"));
    const struct json *components = json_get(b->content, "components");

    if (name.len == 0 || language.len == 0)
        FAIL(b->e, ST_INVALID, "the template needs a name and a language");
    for (size_t i = 0; i < json_len(components); i++)
        TRY(check_component(b, json_at(components, i)));
    json_obj(&b->out, "template");
    json_put_str(&b->out, "name", name);
    json_obj(&b->out, "language");
    json_put_str(&b->out, "code", language);
    json_end(&b->out);
    if (json_type(components) == JSON_ARRAY && json_len(components) > 0)
        json_put_json(&b->out, "components", components);
    return ST_OK;
}

/* --- the message ---------------------------------------------------------------------------- */

static const struct form {
    const char *type;
    const char *wire;
    enum status (*put)(struct meta_build *b);
} forms[] = {
    {"text", "text", put_text},
    {"image", "image", put_image},
    {"video", "video", put_video},
    {"audio", "audio", put_audio},
    {"document", "document", put_document},
    {"sticker", "sticker", put_sticker},
    {"location", "location", put_location},
    {"contacts", "contacts", put_contacts},
    {"reaction", "reaction", put_reaction},
    {"template", "template", put_template},
    {"buttons", "interactive", meta_put_buttons},
    {"list", "interactive", meta_put_list},
    {"link", "interactive", meta_put_link},
    {"ask_location", "interactive", meta_put_ask_location},
};

static const struct form *find_form(struct str type) {
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        if (str_eq(type, str_of(forms[i].type)))
            return &forms[i];
    }
    return NULL;
}

/* Without the plus Meta may take the number for a local one of the business's country. */
static enum status put_recipient(struct meta_build *b) {
    const struct outgoing *msg = b->msg;
    struct str digits = msg->to_phone;
    char to[META_ID_MAX_BYTES + 1] = "+";

    (void)str_eat(&digits, STR("+"));
    if (digits.len == 0 && msg->to_user_id.len == 0)
        FAIL(b->e, ST_INVALID, "the message has neither a phone nor a user id to go to");
    if (digits.len > META_ID_MAX_BYTES)
        FAIL(b->e, ST_INVALID, "the phone to send to is too long");
    json_put_str(&b->out, "recipient_type", STR("individual"));
    if (digits.len == 0) {
        json_put_str(&b->out, "recipient", msg->to_user_id);
        return ST_OK;
    }
    memcpy(to + 1, digits.ptr, digits.len);
    json_put_str(&b->out, "to", (struct str){.ptr = to, .len = digits.len + 1});
    return ST_OK;
}

/* A reaction names its target itself; a context beside it is an error. */
static void put_context(struct meta_build *b) {
    if (b->msg->reply_to.len == 0 || str_eq(b->msg->type, STR("reaction")))
        return;
    json_obj(&b->out, "context");
    json_put_str(&b->out, "message_id", b->msg->reply_to);
    json_end(&b->out);
}

static enum status put_message(struct meta_build *b) {
    const struct form *form = find_form(b->msg->type);

    if (!form)
        FAIL(b->e, ST_INVALID, "WhatsApp has no way to send \"%.*s\"", STR_ARG(b->msg->type));
    if (b->msg->correlation.len > META_CORRELATION_BYTES)
        FAIL(b->e, ST_INVALID, "the correlation id is longer than %d bytes",
             META_CORRELATION_BYTES);
    TRY(put_recipient(b));
    put_context(b);
    json_put_str(&b->out, "type", str_of(form->wire));
    TRY(form->put(b));
    if (form->put != put_contacts) /* the only one that is a list */
        json_end(&b->out);
    json_put_opt(&b->out, "biz_opaque_callback_data", b->msg->correlation);
    return ST_OK;
}

/* mark-message-as-read, typing-indicators: the mark is shown until we answer, at most 25 s. */
static enum status put_read(struct meta_build *b) {
    struct str target = json_str(json_get(b->content, "target"));

    if (target.len == 0)
        FAIL(b->e, ST_INVALID, "there is no message to mark as read");
    json_put_str(&b->out, "status", STR("read"));
    json_put_str(&b->out, "message_id", target);
    if (b->msg->typing) {
        json_obj(&b->out, "typing_indicator");
        json_put_str(&b->out, "type", STR("text"));
        json_end(&b->out);
    }
    return ST_OK;
}

static enum status write_body(struct buf *body, const struct outgoing *msg, struct err *e) {
    struct meta_build b = {.msg = msg, .content = msg->content, .e = e};

    json_out_init(&b.out, body);
    json_obj(&b.out, NULL);
    json_put_str(&b.out, "messaging_product", STR("whatsapp"));
    if (str_eq(msg->type, STR("read")))
        TRY(put_read(&b));
    else
        TRY(put_message(&b));
    json_end(&b.out);
    if (body->overflown)
        FAIL(e, ST_INVALID, "the message has more than %d bytes", BODY_MAX_BYTES);
    return ST_OK;
}

/* --- the call ------------------------------------------------------------------------------- */

/* Ids and versions go into the path as they are; nothing of theirs needs an escape. */
static bool is_path_part(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c != '\0' && strchr("._-", c))))
            return false;
    }
    return s.len > 0;
}

static bool is_header_text(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] <= ' ' || (unsigned char)s.ptr[i] > '~')
            return false;
    }
    return true;
}

/* An empty token is sent as it is: the answer to it blocks the account and says why. */
enum status meta_start_call(struct arena *a, const struct channel *ch, const char *method,
                            struct str object, const char *rest, struct http_call *ret,
                            struct err *e) {
    if (object.len == 0)
        object = ch->address;
    if (!is_path_part(ch->version) || !is_path_part(object))
        FAIL(e, ST_INVALID, "the account's phone number id or Graph version is missing or odd");
    if (!is_header_text(ch->access_token))
        FAIL(e, ST_INVALID, "the access token holds spaces or characters that no token has");
    *ret = (struct http_call){
        .method = method,
        .url = arena_printf(a, "%.*s/%.*s/%.*s%s", STR_ARG(ch->base_url), STR_ARG(ch->version),
                            STR_ARG(object), rest),
        .is_guarded = ch->is_guarded,
        .breaker = provider_meta.name,
    };
    http_call_header(ret, STR("Authorization"),
                     arena_printf(a, "Bearer %.*s", STR_ARG(ch->access_token)));
    return ST_OK;
}

enum status meta_build(struct arena *a, const struct channel *ch, const struct outgoing *msg,
                       struct http_call *ret, struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf body = {0};
    struct http_call call;

    buf_init(&body, BODY_MAX_BYTES);
    TRY(write_body(&body, msg, e));
    TRY(meta_start_call(a, ch, "POST", STR_EMPTY, "/messages", &call, e));
    http_call_header(&call, STR("Content-Type"), STR("application/json"));
    call.body = arena_str(a, buf_str(&body));
    *ret = call;
    return ST_OK;
}

enum status meta_probe(struct arena *a, const struct channel *ch, struct http_call *ret,
                       struct err *e) {
    return meta_start_call(
        a, ch, "GET", STR_EMPTY,
        "?fields=id,display_phone_number,verified_name,quality_rating,throughput", ret, e);
}
