/* email_build.c - neutral content as a mail: what has no form of its own there becomes lines of text.
 * SPDX-License-Identifier: Apache-2.0 */
#include "mime/mime.h"
#include "provider/email.h"

enum { TEXT_MAX = 1 << 20 };

static struct str text_at(const struct json *v, const char *key) {
    return json_str(json_get(v, key));
}

static void paragraph(struct buf *b, struct str text) {
    if (text.len == 0)
        return;
    if (b->len > 0)
        buf_add(b, STR("\n\n"));
    buf_add(b, text);
}

static void choices(struct buf *b, const struct json *list, size_t *n) {
    buf_add(b, STR("\n"));
    for (size_t i = 0; i < json_len(list); i++) {
        struct str title = text_at(json_at(list, i), "title");
        struct str more = text_at(json_at(list, i), "description");

        buf_printf(b, "\n%zu) %.*s%s%.*s", ++*n, STR_ARG(title), more.len > 0 ? " - " : "",
                   STR_ARG(more));
    }
}

static void sections(struct buf *b, const struct json *list) {
    size_t n = 0;

    for (size_t i = 0; i < json_len(list); i++) {
        paragraph(b, text_at(json_at(list, i), "title"));
        choices(b, json_get(json_at(list, i), "rows"), &n);
    }
}

static void place(struct buf *b, const struct json *c) {
    paragraph(b, text_at(c, "name"));
    paragraph(b, text_at(c, "address"));
    if (b->len > 0)
        buf_add(b, STR("\n"));
    buf_printf(b, "https://www.openstreetmap.org/?mlat=%.6f&mlon=%.6f",
               json_real(json_get(c, "latitude"), 0), json_real(json_get(c, "longitude"), 0));
}

/* The words of any type; empty when it has none. */
static struct str text_of(struct arena *a, struct str type, const struct json *c) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = TEXT_MAX};
    size_t n = 0;

    if (json_type(json_get(c, "header")) == JSON_STRING)
        paragraph(&b, text_at(c, "header"));
    paragraph(&b, text_at(c, "text"));
    paragraph(&b, text_at(c, "caption"));
    if (str_eq(type, STR("buttons")))
        choices(&b, json_get(c, "buttons"), &n);
    else if (str_eq(type, STR("list")))
        sections(&b, json_get(c, "sections"));
    else if (str_eq(type, STR("link")))
        paragraph(&b, arena_printf(a, "%.*s: %.*s", STR_ARG(text_at(c, "title")),
                                   STR_ARG(text_at(c, "url"))));
    else if (str_eq(type, STR("location")))
        place(&b, c);
    paragraph(&b, text_at(c, "footer"));
    return arena_str(a, buf_str(&b));
}

static bool is_known(struct str type) {
    static const char *const types[] = {"text",         "buttons", "list",     "link",
                                        "ask_location", "image",   "video",    "audio",
                                        "document",     "sticker", "location", "template"};

    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (str_eq(type, str_of(types[i])))
            return true;
    return false;
}

static struct str subject_of(struct arena *a, const struct channel *ch,
                             const struct outgoing *msg) {
    struct str own = text_at(msg->content, "subject");

    if (own.len > 0)
        return own;
    if (msg->subject.len > 0)
        return msg->subject;
    if (ch->mail->from_name.len > 0)
        return arena_printf(a, "Mensagem de %.*s", STR_ARG(ch->mail->from_name));
    return STR("Mensagem");
}

/* What nobody asked for carries the way out. */
static void put_leave(struct arena *a, const struct channel *ch, const struct outgoing *msg,
                      struct mime_out *out) {
    struct email_leave leave = {.account = ch->mail->account, .lead = msg->lead};
    struct str about = msg->correlation, kind, rest = msg->correlation, token = STR_EMPTY;

    if (uuid_is_nil(msg->lead.v))
        return;
    if (str_cut(&rest, ':', &kind))
        about = rest;
    (void)uuid_parse(about, &leave.about);
    if (ch->mail->unsubscribe_key.len > 0)
        token = email_leave_token(a, ch->mail->unsubscribe_key, &leave);
    out->unsubscribe_mail = ch->address;
    out->unsubscribe_subject = email_leave_subject(a, token);
    if (token.len > 0 && ch->mail->public_url.len > 0)
        out->unsubscribe =
            arena_printf(a, "%.*s/unsubscribe/%.*s", STR_ARG(ch->mail->public_url), STR_ARG(token));
}

static const struct mime_file *files_of(struct arena *a, const struct outgoing *msg) {
    struct mime_file *files = arena_array_of(a, msg->n_files + 1, struct mime_file);

    for (size_t i = 0; i < msg->n_files; i++)
        files[i] = (struct mime_file){
            .name = msg->files[i].name, .type = msg->files[i].mime, .bytes = msg->files[i].bytes};
    return files;
}

static enum status check(const struct channel *ch, const struct outgoing *msg,
                         const struct mime_out *out, struct err *e) {
    if (!ch->mail)
        FAIL(e, ST_INVALID, "the account is no e-mail account");
    if (!is_known(msg->type))
        FAIL(e, ST_INVALID, "a message of type \"%.*s\" cannot be sent by e-mail",
             STR_ARG(str_sub(msg->type, 0, 40)));
    if (msg->to_email.len == 0)
        FAIL(e, ST_INVALID, "the person has no e-mail address");
    if (out->text.len == 0 && out->html.len == 0 && msg->n_files == 0)
        FAIL(e, ST_INVALID, "the mail has no text");
    return ST_OK;
}

enum status email_build(struct arena *a, const struct channel *ch, const struct outgoing *msg,
                        struct mail_call *ret, struct err *e) {
    struct mime_out out = {
        .text = text_of(a, msg->type, msg->content),
        .html = text_at(msg->content, "html"),
        .files = files_of(a, msg),
        .n_files = msg->n_files,
        .message_id = email_message_id(a, ch->address, msg->correlation),
        .in_reply_to = msg->reply_to,
        .references = msg->references,
        .date_ms = msg->at_ms,
        .to = {.name = msg->to_name, .email = msg->to_email},
    };

    TRY(check(ch, msg, &out, e));
    out.from = (struct mime_address){.name = ch->mail->from_name, .email = ch->address};
    out.reply_to.email = ch->mail->reply_to;
    out.subject = subject_of(a, ch, msg);
    put_leave(a, ch, msg, &out);
    if (msg->is_automatic)
        out.by = msg->reply_to.len > 0 ? MIME_AUTO_REPLIED : MIME_AUTO_GENERATED;
    TRY(mime_build(a, &out, &ret->bytes, e));
    ret->from = ch->address;
    ret->to = msg->to_email;
    ret->message_id = out.message_id;
    return ST_OK;
}
