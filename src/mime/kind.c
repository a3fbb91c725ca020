/* kind.c - a mail of a person, of a machine, or of a mailer about a mail of ours. Sources: RFC 3834 §2 and §5 (Auto-Submitted),
 * RFC 3464 §2 (delivery status), RFC 3462; the rest is what programs send that know neither.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/utf8.h"
#include "mime/parse.h"

enum { FIELDS_MAX = 400, REASON_MAX_POINTS = 300 };

static struct str header(struct walk *w, const char *name) {
    return header_of(w->a, GMIME_OBJECT(w->message), name);
}

/* --- bounces -------------------------------------------------------------------------------------------- */

/* The next "Name: value" of a block, folded lines joined; false at the end of the text. An empty line gives an empty name. */
static bool next_field(struct arena *a, struct str *rest, struct str *name, struct str *value) {
    struct str line;

    if (rest->len == 0)
        return false;
    (void)str_cut(rest, '\n', &line);
    *value = line;
    *name = STR_EMPTY;
    if (str_trim(line).len == 0)
        return true;
    if (!str_cut(value, ':', name))
        *name = STR("?");
    *name = str_trim(*name);
    *value = str_trim(*value);
    for (int i = 0; i < 20 && rest->len > 0 && (rest->ptr[0] == ' ' || rest->ptr[0] == '\t'); i++) {
        (void)str_cut(rest, '\n', &line);
        *value = arena_printf(a, "%.*s %.*s", STR_ARG(*value), STR_ARG(str_trim(line)));
    }
    return true;
}

/* "rfc822; ana@example.com" → the part behind the type. */
static struct str behind_type(struct str s) {
    struct str rest = s, type;

    return str_trim(str_cut(&rest, ';', &type) ? rest : s);
}

static struct str address_in(struct arena *a, struct str s) {
    char *out;

    s = str_trim(s);
    (void)str_eat(&s, STR("<"));
    if (str_ends(s, STR(">")))
        s.len--;
    if (!mime_is_address(s))
        return STR_EMPTY;
    out = arena_alloc(a, s.len);
    for (size_t i = 0; i < s.len; i++)
        out[i] = s.ptr[i] >= 'A' && s.ptr[i] <= 'Z' ? (char)(s.ptr[i] | 0x20) : s.ptr[i];
    return (struct str){.ptr = out, .len = s.len};
}

/* Digits and dots: "5.1.1 (bad mailbox)" → "5.1.1". */
static struct str status_in(struct str s) {
    size_t n = 0;

    while (n < s.len && n < 11 && ((s.ptr[n] >= '0' && s.ptr[n] <= '9') || s.ptr[n] == '.'))
        n++;
    return n >= 5 && s.ptr[1] == '.' ? str_sub(s, 0, n) : STR_EMPTY;
}

static struct str one_line(struct arena *a, struct str s) {
    return utf8_cut_points(text_line(a, arena_cstr(a, s)), REASON_MAX_POINTS);
}

static struct str lower_word(struct arena *a, struct str s) {
    static const char *const actions[] = {"failed", "delayed", "delivered", "relayed", "expanded"};

    (void)a;
    for (size_t i = 0; i < ARRAY_LEN(actions); i++)
        if (str_eq_nocase(s, str_of(actions[i])))
            return str_of(actions[i]);
    return STR_EMPTY;
}

static void read_delivery_status(struct walk *w, struct mime_bounce *b) {
    struct str rest = w->delivery_status, name, value;

    for (int i = 0; i < FIELDS_MAX && next_field(w->a, &rest, &name, &value); i++) {
        if (str_eq_nocase(name, STR("Action")) && b->action.len == 0)
            b->action = lower_word(w->a, value);
        else if (str_eq_nocase(name, STR("Status")) && b->status.len == 0)
            b->status = status_in(value);
        else if (str_eq_nocase(name, STR("Final-Recipient")) && b->recipient.len == 0)
            b->recipient = address_in(w->a, behind_type(value));
        else if (str_eq_nocase(name, STR("Original-Recipient")))
            b->recipient = address_in(w->a, behind_type(value)).len > 0
                               ? address_in(w->a, behind_type(value))
                               : b->recipient;
        else if (str_eq_nocase(name, STR("Diagnostic-Code")) && b->reason.len == 0)
            b->reason = one_line(w->a, behind_type(value));
    }
}

static struct str id_in_headers(struct walk *w, struct str headers) {
    struct str name, value;

    for (int i = 0; i < FIELDS_MAX && next_field(w->a, &headers, &name, &value); i++)
        if (str_eq_nocase(name, STR("Message-Id")))
            return first_id(w->a, value);
    return STR_EMPTY;
}

/* What a mailer without RFC 3464 wrote below its own words: the mail as it was, or its headers. */
static struct str id_in_text(struct walk *w) {
    static const char *const names[] = {"\nMessage-ID:", "\nMessage-Id:", "\nMessage-id:"};
    struct str text = w->plain;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *at =
            text.len > 0 ? memmem(text.ptr, text.len, names[i], strlen(names[i])) : NULL;
        struct str line, rest;

        if (!at)
            continue;
        rest = str_sub(text, (size_t)(at - text.ptr) + strlen(names[i]), 1000);
        (void)str_cut(&rest, '\n', &line);
        return first_id(w->a, line);
    }
    return STR_EMPTY;
}

static bool is_mailer(struct walk *w) {
    struct str from = w->mail->from.email;
    struct str path = header(w, "Return-Path");

    return str_eq(path, STR("<>")) || str_starts(from, STR("mailer-daemon@")) ||
           str_starts(from, STR("postmaster@"));
}

static void read_bounce(struct walk *w) {
    struct mime_bounce *b = &w->mail->bounce;

    read_delivery_status(w, b);
    b->message_id = w->returned_id;
    if (b->message_id.len == 0)
        b->message_id = id_in_headers(w, w->returned_headers);
    if (b->message_id.len == 0)
        b->message_id = id_in_text(w);
    if (b->message_id.len == 0)
        b->message_id = w->mail->in_reply_to;
    if (b->recipient.len == 0)
        b->recipient = address_in(w->a, header(w, "X-Failed-Recipients"));
    if (b->action.len == 0)
        b->action = b->status.len > 0 && b->status.ptr[0] == '4' ? STR("delayed") : STR("failed");
    if (b->reason.len == 0)
        b->reason = one_line(w->a, str_sub(w->mail->text, 0, 400));
}

/* --- machines -------------------------------------------------------------------------------------------- */

static bool has_word(struct str folded, const char *const list[], size_t n) {
    for (size_t i = 0; i < n; i++)
        if (str_starts(folded, str_of(list[i])))
            return true;
    return false;
}

static bool is_absence(struct walk *w) {
    static const char *const subjects[] = {"resposta automatica",
                                           "automatic reply",
                                           "auto reply",
                                           "autoreply",
                                           "auto-reply",
                                           "out of office",
                                           "fora do escritorio",
                                           "ausencia temporaria",
                                           "ausencia:",
                                           "estou de ferias",
                                           "respuesta automatica",
                                           "resposta automatizada",
                                           "auto:",
                                           "ferias:"};

    return has_word(utf8_fold(w->a, w->mail->subject), subjects, ARRAY_LEN(subjects));
}

static bool is_bulk(struct str precedence) {
    static const char *const words[] = {"bulk", "list", "junk", "auto_reply"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eq_nocase(precedence, str_of(words[i])))
            return true;
    return false;
}

static bool is_machine(struct walk *w) {
    static const char *const marks[] = {"X-Autoreply", "X-Autorespond",    "X-Auto-Reply",
                                        "List-Id",     "List-Unsubscribe", "Feedback-Id"};
    struct str submitted = header(w, "Auto-Submitted");

    if (submitted.len > 0 && !str_eq_nocase(str_sub(submitted, 0, 2), STR("no")))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(marks); i++)
        if (header(w, marks[i]).len > 0)
            return true;
    return is_bulk(header(w, "Precedence")) || str_eq(header(w, "Return-Path"), STR("<>")) ||
           str_contains(w->mail->from.email, STR("noreply@")) ||
           str_contains(w->mail->from.email, STR("no-reply@")) || is_absence(w);
}

void read_kind(struct walk *w) {
    bool is_report = w->is_report && w->delivery_status.len > 0;

    /* A mailer that writes without a report of the standard's form tells by who it is and by what it gives back. */
    if (!is_report && is_mailer(w) &&
        (w->returned_id.len > 0 || w->returned_headers.len > 0 || id_in_text(w).len > 0))
        is_report = true;
    if (is_report) {
        w->mail->kind = MIME_BOUNCE;
        read_bounce(w);
    } else if (is_machine(w)) {
        w->mail->kind = MIME_AUTO;
    }
}
