/* twilio_build.c - neutral content to the form that Twilio takes. What it sends on WhatsApp only as a Content template made
 * beforehand (buttons, lists) goes out as text, its choices numbered; what it cannot send at all is refused here.
 * Source: Messages API reference, parameters of "Create a Message".
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/utf8.h"
#include "provider/twilio.h"

enum {
    FORM_MAX_BYTES = 256 << 10,
    VARIABLES_MAX_BYTES = 64 << 10,
    LINK_MAX_BYTES = 2000,
    CORRELATION_MAX_BYTES = 512,
};

struct building {
    struct arena *a;
    const struct channel *ch;
    const struct outgoing *msg;
    struct buf form;
    struct err *e;
};

static struct str text_at(const struct json *v, const char *key) {
    return json_str(json_get(v, key));
}

static enum status put_body(struct building *b, struct str text) {
    if (text.len == 0)
        FAIL(b->e, ST_INVALID, "the message has no text");
    if (utf8_count(text) > TWILIO_TEXT_POINTS)
        FAIL(b->e, ST_INVALID, "the text has more than %d characters", TWILIO_TEXT_POINTS);
    form_put(&b->form, "Body", text);
    return ST_OK;
}

/* --- types -------------------------------------------------------------------------------------- */

static enum status put_file(struct building *b) {
    struct str link = json_str(json_path(b->msg->content, "media", "link", NULL));
    struct str caption = text_at(b->msg->content, "caption");

    if (!str_starts(link, STR("https://")) && !str_starts(link, STR("http://")))
        FAIL(b->e, ST_INVALID, "Twilio fetches files from a link, and this message has none");
    if (link.len > LINK_MAX_BYTES)
        FAIL(b->e, ST_INVALID, "the link is longer than %d bytes", LINK_MAX_BYTES);
    form_put(&b->form, "MediaUrl", link);
    return caption.len > 0 ? put_body(b, caption) : ST_OK;
}

static enum status put_location(struct building *b) {
    const struct json *c = b->msg->content;
    double latitude = json_real(json_get(c, "latitude"), NAN);
    double longitude = json_real(json_get(c, "longitude"), NAN);
    struct str name = text_at(c, "name"), address = text_at(c, "address");

    if (!(fabs(latitude) <= 90) || !(fabs(longitude) <= 180))
        FAIL(b->e, ST_INVALID, "the location's latitude or longitude is missing or out of range");
    TRY(put_body(b, name.len > 0 ? name : address.len > 0 ? address : STR("Localização")));
    form_put(&b->form, "PersistentAction",
             arena_printf(b->a, "geo:%.7g,%.7g%s%.*s", latitude, longitude,
                          address.len > 0 ? "|" : "", STR_ARG(address)));
    return ST_OK;
}

static enum status put_template(struct building *b) {
    ATTR_CLEANUP(buf_done_p) struct buf text = {.max = VARIABLES_MAX_BYTES};
    struct str ref = text_at(b->msg->content, "ref");
    const struct json *variables = json_get(b->msg->content, "variables");

    if (!str_starts(ref, STR("HX")) || ref.len > TWILIO_ID_MAX_BYTES)
        FAIL(b->e, ST_INVALID, "the template has no ContentSid: Twilio sends templates by it");
    if (variables && json_type(variables) != JSON_OBJECT)
        FAIL(b->e, ST_INVALID, "the template's variables are not an object");
    form_put(&b->form, "ContentSid", ref);
    if (json_len(variables) == 0)
        return ST_OK;
    json_write(&text, variables);
    if (text.overflown)
        FAIL(b->e, ST_INVALID, "the template's variables are longer than %d bytes",
             VARIABLES_MAX_BYTES);
    form_put(&b->form, "ContentVariables", buf_str(&text));
    return ST_OK;
}

/* --- choices as text ------------------------------------------------------------------------------ */

static void add_line(struct buf *b, const char *before, struct str s) {
    if (s.len == 0)
        return;
    if (b->len > 0)
        buf_add(b, str_of(before));
    buf_add(b, s);
}

static void add_choices(struct building *b, struct buf *text, const struct json *list, size_t *n) {
    for (size_t i = 0; i < json_len(list); i++) {
        struct str title = text_at(json_at(list, i), "title");
        struct str more = text_at(json_at(list, i), "description");

        if (title.len == 0)
            continue;
        add_line(text, *n == 0 ? "\n\n" : "\n",
                 arena_printf(b->a, "%zu. %.*s%s%.*s", *n + 1, STR_ARG(title),
                              more.len > 0 ? " - " : "", STR_ARG(more)));
        (*n)++;
    }
}

static enum status put_choices(struct building *b) {
    ATTR_CLEANUP(buf_done_p) struct buf text = {.max = FORM_MAX_BYTES};
    const struct json *c = b->msg->content, *sections = json_get(c, "sections");
    size_t n = 0;

    add_line(&text, "", text_at(c, "header"));
    add_line(&text, "\n\n", text_at(c, "text"));
    add_choices(b, &text, json_get(c, "buttons"), &n);
    for (size_t i = 0; i < json_len(sections); i++)
        add_choices(b, &text, json_get(json_at(sections, i), "rows"), &n);
    add_line(&text, "\n", text_at(c, "url"));
    add_line(&text, "\n\n", text_at(c, "footer"));
    return put_body(b, buf_str(&text));
}

/* --- the call ------------------------------------------------------------------------------------- */

static bool is_one_of(struct str type, const char *const *list, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (str_eq(type, str_of(list[i])))
            return true;
    return false;
}

static enum status put_content(struct building *b) {
    static const char *const files[] = {"image", "video", "audio", "document", "sticker"};
    static const char *const choices[] = {"buttons", "list", "link", "ask_location"};
    struct str type = b->msg->type;

    if (str_eq(type, STR("text")))
        return put_body(b, text_at(b->msg->content, "text"));
    if (is_one_of(type, files, ARRAY_LEN(files)))
        return put_file(b);
    if (is_one_of(type, choices, ARRAY_LEN(choices)))
        return put_choices(b);
    if (str_eq(type, STR("location")))
        return put_location(b);
    if (str_eq(type, STR("template")))
        return put_template(b);
    FAIL(b->e, ST_INVALID, "Twilio does not send messages of type \"%.*s\"",
         STR_ARG(str_sub(type, 0, 40)));
}

static enum status put_to(struct building *b) {
    const struct outgoing *m = b->msg;

    if (m->to_phone.len == 0 && m->to_user_id.len == 0)
        FAIL(b->e, ST_INVALID, "the message goes to nobody");
    form_put(&b->form, "To",
             m->to_phone.len > 0 ? arena_printf(b->a, "whatsapp:+%.*s", STR_ARG(m->to_phone))
                                 : arena_printf(b->a, "whatsapp:%.*s", STR_ARG(m->to_user_id)));
    if (b->ch->service.len > 0)
        form_put(&b->form, "MessagingServiceSid", b->ch->service);
    form_put(&b->form, "From", arena_printf(b->a, "whatsapp:+%.*s", STR_ARG(b->ch->address)));
    return ST_OK;
}

/* Our id comes back in the query of the address that statuses are sent to. */
static enum status put_callback(struct building *b) {
    ATTR_CLEANUP(buf_done_p) struct buf url = {.max = LINK_MAX_BYTES};

    if (b->ch->hook_url.len == 0)
        return ST_OK;
    buf_add(&url, b->ch->hook_url);
    if (b->msg->correlation.len > 0) {
        buf_add(&url, STR("?m="));
        form_escape(&url, b->msg->correlation);
    }
    if (url.overflown || b->msg->correlation.len > CORRELATION_MAX_BYTES)
        FAIL(b->e, ST_INVALID, "the address for statuses is longer than %d bytes", LINK_MAX_BYTES);
    form_put(&b->form, "StatusCallback", buf_str(&url));
    return ST_OK;
}

static enum status put_message(struct building *b, struct http_call *ret) {
    TRY(twilio_start_call(
        b->a, b->ch, "POST", TWILIO_API,
        arena_printf(b->a, "/2010-04-01/Accounts/%.*s/Messages.json", STR_ARG(b->ch->owner)), ret,
        b->e));
    TRY(put_to(b));
    TRY(put_content(b));
    return put_callback(b);
}

/* The typing mark is the only way to mark a message as read. */
static enum status put_read(struct building *b, struct http_call *ret) {
    struct str target = text_at(b->msg->content, "target");

    if (target.len == 0 || target.len > TWILIO_ID_MAX_BYTES)
        FAIL(b->e, ST_INVALID, "there is no message to mark as read");
    TRY(twilio_start_call(b->a, b->ch, "POST", "https://messaging.twilio.com",
                          STR("/v2/Indicators/Typing.json"), ret, b->e));
    form_put(&b->form, "channel", STR("whatsapp"));
    form_put(&b->form, "messageId", target);
    return ST_OK;
}

enum status twilio_build(struct arena *a, const struct channel *ch, const struct outgoing *msg,
                         struct http_call *ret, struct err *e) {
    struct building b = {.a = a, .ch = ch, .msg = msg, .e = e};
    struct http_call call;
    enum status st;

    buf_init(&b.form, FORM_MAX_BYTES);
    st = str_eq(msg->type, STR("read")) ? put_read(&b, &call) : put_message(&b, &call);
    if (st == ST_OK && b.form.overflown) {
        err_set(e, ST_INVALID, __FILE__, __LINE__, "the message is longer than %d bytes",
                FORM_MAX_BYTES);
        st = ST_INVALID;
    }
    if (st == ST_OK) {
        call.body = arena_str(a, buf_str(&b.form));
        http_call_header(&call, STR("Content-Type"), STR("application/x-www-form-urlencoded"));
        *ret = call;
    }
    buf_done(&b.form);
    return st;
}
