/* email_parse.c - a mail as events: what a person wrote and the files beside, or what a mailer tells of a mail of ours.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"
#include "mime/mime.h"
#include "provider/email.h"

enum {
    CONTENT_MAX = 4 << 20,
    TEXT_MAX_BYTES = 256 << 10, /* of a message; a longer one is a document */
    QUOTED_MAX_BYTES = 64 << 10,
};

struct reading {
    struct arena *a;
    const struct mime_mail *mail;
    struct inbound_sink *sink;
    bool is_auto; /* nobody waits for an answer to it */
};

static struct str taken(struct arena *a, struct buf *b) {
    struct str s = b->overflown ? STR("{}") : arena_str(a, buf_str(b));

    buf_done(b);
    return s;
}

static struct str raw_of(struct reading *r) {
    struct buf b = {.max = CONTENT_MAX};
    struct json_out o;

    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_str(&o, "message_id", r->mail->message_id);
    json_put_opt(&o, "from", r->mail->from.email);
    json_put_opt(&o, "to", r->mail->to);
    json_put_opt(&o, "subject", r->mail->subject);
    json_end(&o);
    return taken(r->a, &b);
}

static enum status emit(struct reading *r, struct inbound *ev, struct err *e) {
    ev->at_ms = r->mail->date_ms;
    ev->raw = raw_of(r);
    return r->sink->event(r->sink->ctx, ev, e);
}

/* --- bounces ----------------------------------------------------------------------------------------- */

static enum delivery delivery_of(struct str action) {
    if (str_eq(action, STR("failed")))
        return DELIVERY_FAILED;
    /* Relayed and expanded: gone to where no more is told. */
    return str_eq(action, STR("delivered")) ? DELIVERY_DELIVERED : DELIVERY_UNKNOWN;
}

static int64_t code_of(struct str status) {
    int64_t code = 0;

    for (size_t i = 0; i < status.len; i++)
        if (status.ptr[i] != '.')
            code = code * 10 + (status.ptr[i] - '0');
    return code;
}

static enum status emit_bounce(struct reading *r, struct err *e) {
    const struct mime_bounce *b = &r->mail->bounce;
    struct inbound ev = {
        .kind = INBOUND_STATUS,
        .dedup = arena_printf(r->a, "s:%.*s:%.*s:%.*s", STR_ARG(b->message_id), STR_ARG(b->action),
                              STR_ARG(r->mail->message_id)),
        .party.email = b->recipient,
        .message_id = b->message_id,
        .delivery = delivery_of(b->action),
        .delivery_word = b->action,
        .correlation = email_correlation(r->a, b->message_id),
        .error_code =
            str_eq(b->action, STR("failed")) && b->status.len == 0 ? 500 : code_of(b->status),
        .error_title = b->status.len > 0
                           ? arena_printf(r->a, "%.*s %.*s", STR_ARG(b->status), STR_ARG(b->reason))
                           : b->reason,
    };

    if (b->message_id.len > 0)
        return emit(r, &ev, e);
    ev = (struct inbound){
        .kind = INBOUND_ACCOUNT,
        .dedup = arena_printf(r->a, "b:%.*s", STR_ARG(r->mail->message_id)),
        .field = STR("bounce"),
        .error_title = b->reason,
    };
    return emit(r, &ev, e);
}

/* --- messages ------------------------------------------------------------------------------------------ */

static struct str text_content(struct reading *r, struct str text) {
    const struct mime_mail *m = r->mail;
    struct buf b = {.max = CONTENT_MAX};
    struct json_out o;

    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_str(&o, "text", text);
    json_put_opt(&o, "subject", m->subject);
    json_put_opt(&o, "from", m->from.email);
    json_put_opt(&o, "quoted", utf8_cut_bytes(m->quoted, QUOTED_MAX_BYTES));
    json_put_opt(&o, "references", m->references);
    if (r->is_auto)
        json_put_bool(&o, "is_auto", true);
    json_end(&o);
    return taken(r->a, &b);
}

static struct str file_content(struct reading *r, const struct mime_file *f) {
    struct buf b = {.max = CONTENT_MAX};
    struct json_out o;

    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_obj(&o, "media");
    json_put_opt(&o, "filename", f->name);
    json_put_opt(&o, "mime", f->type);
    json_end(&o);
    if (r->is_auto)
        json_put_bool(&o, "is_auto", true);
    json_end(&o);
    return taken(r->a, &b);
}

static const char *type_of(const struct mime_file *f) {
    if (str_eq(f->type, STR("image/jpeg")) || str_eq(f->type, STR("image/png")))
        return "image";
    if (str_starts(f->type, STR("audio/")))
        return "audio";
    return str_eq(f->type, STR("video/mp4")) ? "video" : "document";
}

/* The newest of ours that it answers, by what it names. */
static struct str correlation_of(struct reading *r) {
    struct str rest = r->mail->references, id,
               found = email_correlation(r->a, r->mail->in_reply_to);

    for (bool is_more = rest.len > 0 && found.len == 0; is_more;) {
        struct str one;

        is_more = str_cut(&rest, ' ', &id);
        one = email_correlation(r->a, id);
        if (one.len > 0)
            found = one;
    }
    return found;
}

static enum status emit_files(struct reading *r, const struct inbound *first, struct err *e) {
    for (size_t i = 0; i < r->mail->n_files; i++) {
        const struct mime_file *f = &r->mail->files[i];
        struct inbound ev = *first;

        ev.message_id = arena_printf(r->a, "%.*s#%zu", STR_ARG(first->message_id), i + 1);
        ev.dedup = arena_printf(r->a, "m:%.*s", STR_ARG(ev.message_id));
        ev.type = str_of(type_of(f));
        ev.content = file_content(r, f);
        ev.text = STR_EMPTY;
        ev.is_leave = false;
        ev.file = f->bytes;
        TRY(emit(r, &ev, e));
    }
    return ST_OK;
}

static enum status emit_message(struct reading *r, struct err *e) {
    const struct mime_mail *m = r->mail;
    struct str text, token = STR_EMPTY;
    /* Mail programs write such mails themselves when "leave" is pressed, with words of their own in them. */
    bool is_leave = email_leave_asked(r->a, m->subject, &token);

    text = m->text.len > 0 ? m->text : is_leave ? STR("unsubscribe") : m->subject;
    text = utf8_cut_bytes(text, TEXT_MAX_BYTES);
    r->is_auto = is_leave || m->kind == MIME_AUTO;

    struct inbound ev = {
        .kind = INBOUND_MESSAGE,
        .dedup = arena_printf(r->a, "m:%.*s", STR_ARG(m->message_id)),
        .party = {.email = m->from.email,
                  .name = m->from.name.len > 0 ? m->from.name : m->from.email},
        .message_id = m->message_id,
        .type = STR("text"),
        .text = text,
        .content = text_content(r, text),
        .reply_to = m->in_reply_to,
        .correlation = correlation_of(r),
        .is_auto = r->is_auto,
        .is_leave = is_leave,
        .leave = token,
    };

    if (m->from.email.len == 0) {
        ev = (struct inbound){
            .kind = INBOUND_ACCOUNT,
            .dedup = arena_printf(r->a, "n:%.*s", STR_ARG(m->message_id)),
            .field = STR("mail_without_sender"),
        };
        return emit(r, &ev, e);
    }
    TRY(emit(r, &ev, e));
    return emit_files(r, &ev, e);
}

enum status email_parse(struct arena *a, const struct hook *hook, struct inbound_sink *sink,
                        struct err *e) {
    struct mime_mail mail;
    struct reading r = {.a = a, .mail = &mail, .sink = sink};

    TRY(mime_parse(a, hook->body, &mail, e));
    return mail.kind == MIME_BOUNCE ? emit_bounce(&r, e) : emit_message(&r, e);
}
