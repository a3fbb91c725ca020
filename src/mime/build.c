/* build.c - a message from its parts.
 *
 *   multipart/mixed          when there are files
 *     multipart/alternative  when there is html
 *       text/plain, text/html
 *     the files
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "mime/internal.h"

enum { SUBJECT_MAX_POINTS = 250, NAME_MAX_POINTS = 200, REFERENCES_MAX = 20 };

static pthread_once_t once = PTHREAD_ONCE_INIT;

void mime_init(void) {
    (void)pthread_once(&once, g_mime_init);
}

/* --- addresses and ids ------------------------------------------------------------------------- */

/* RFC 5322 §3.2.3 "atext" and the dot; what a quoted local part allows besides, nobody has. */
static bool is_local(struct str s) {
    if (s.len == 0 || s.len > 64 || s.ptr[0] == '.' || s.ptr[s.len - 1] == '.')
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!is_word && (!c || !strchr("!#$%&'*+-/=?^_`{|}~.", c)))
            return false;
        if (c == '.' && s.ptr[i - 1] == '.')
            return false;
    }
    return true;
}

static bool is_label(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!is_word && (c != '-' || i == 0 || i + 1 == s.len))
            return false;
    }
    return s.len > 0 && s.len <= 63;
}

static bool is_domain(struct str s) {
    struct str label;
    size_t n = 0;
    bool is_more = true;

    while (is_more) {
        is_more = str_cut(&s, '.', &label);
        if (!is_label(label))
            return false;
        n++;
    }
    return n >= 2;
}

struct str mime_domain(struct str address) {
    struct str local;

    return str_cut(&address, '@', &local) ? address : STR_EMPTY;
}

bool mime_is_address(struct str s) {
    struct str local;

    if (s.len > MIME_ADDRESS_MAX_BYTES || !str_cut(&s, '@', &local))
        return false;
    return is_local(local) && is_domain(s);
}

static bool is_id(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~' || s.ptr[i] == '<' || s.ptr[i] == '>')
            return false;
    return s.len > 0 && s.len <= MIME_ID_MAX_BYTES;
}

static enum status check_address(struct mime_address address, const char *what, struct err *e) {
    if (!mime_is_address(address.email))
        FAIL(e, ST_INVALID, "the %s address is not one that mail can be sent to or from", what);
    return ST_OK;
}

static enum status check(const struct mime_out *in, struct err *e) {
    TRY(check_address(in->from, "sender's", e));
    TRY(check_address(in->to, "recipient's", e));
    if (in->reply_to.email.len > 0)
        TRY(check_address(in->reply_to, "reply", e));
    if (in->unsubscribe_mail.len > 0 && !mime_is_address(in->unsubscribe_mail))
        FAIL(e, ST_INVALID, "the address to leave by is not one that mail can be sent to");
    if ((in->message_id.len > 0 && !is_id(in->message_id)) ||
        (in->in_reply_to.len > 0 && !is_id(in->in_reply_to)))
        FAIL(e, ST_INVALID, "a message id holds a blank or a bracket");
    if (in->unsubscribe.len > 0 && !is_id(in->unsubscribe))
        FAIL(e, ST_INVALID, "the link to leave by holds a blank or a bracket");
    if (in->n_files > MIME_FILES_MAX)
        FAIL(e, ST_INVALID, "a mail carries at most %d files", MIME_FILES_MAX);
    return ST_OK;
}

/* --- headers ------------------------------------------------------------------------------------ */

/* One line, NUL-terminated. */
static char *line(struct arena *a, struct str s, size_t max_points) {
    struct str clean = utf8_cut_points(utf8_repair(a, s), max_points);
    char *out = arena_alloc(a, clean.len + 1);

    for (size_t i = 0; i < clean.len; i++)
        out[i] = (unsigned char)clean.ptr[i] < ' ' || clean.ptr[i] == 0x7f ? ' ' : clean.ptr[i];
    out[clean.len] = '\0';
    return out;
}

static void add_box(struct arena *a, GMimeMessage *m, GMimeAddressType type,
                    struct mime_address box) {
    g_mime_message_add_mailbox(m, type,
                               box.name.len > 0 ? line(a, box.name, NAME_MAX_POINTS) : NULL,
                               line(a, box.email, MIME_ADDRESS_MAX_BYTES));
}

/* As it is: GMime would fold ids and links in their middle. Lines are broken where value has its blanks. */
static void set_header(struct arena *a, GMimeMessage *m, const char *name, struct str value) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 2 * value.len + 16};
    GMimeHeader *header;
    struct str word;

    for (bool is_more = true; is_more;) {
        is_more = str_cut(&value, ' ', &word);
        buf_printf(&b, "%s %.*s", b.len > 0 ? "\n" : "", STR_ARG(word));
    }
    buf_add(&b, STR("\n"));
    g_mime_object_set_header(GMIME_OBJECT(m), name, "x", NULL);
    header = g_mime_header_list_get_header(g_mime_object_get_header_list(GMIME_OBJECT(m)), name);
    if (header)
        g_mime_header_set_raw_value(header, arena_cstr(a, buf_str(&b)));
}

/* The newest ones, when there are more than a thread needs. */
static void set_references(struct arena *a, GMimeMessage *m, struct str ids) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = REFERENCES_MAX * (MIME_ID_MAX_BYTES + 3)};
    struct str all[REFERENCES_MAX] = {0}, id;
    size_t n = 0;

    for (bool is_more = true; is_more;) {
        is_more = str_cut(&ids, ' ', &id);
        if (is_id(id))
            all[n++ % REFERENCES_MAX] = id;
    }
    for (size_t i = n > REFERENCES_MAX ? n - REFERENCES_MAX : 0; i < n; i++)
        buf_printf(&b, "%s<%.*s>", b.len > 0 ? " " : "", STR_ARG(all[i % REFERENCES_MAX]));
    if (b.len > 0)
        set_header(a, m, "References", buf_str(&b));
}

/* RFC 6068 §2: every byte but letters, digits and "-._~" as %xx. */
static struct str escaped(struct arena *a, struct str s) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 4096};

    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            c == '-' || c == '.' || c == '_' || c == '~')
            buf_add(&b, str_sub(s, i, 1));
        else
            buf_printf(&b, "%%%02X", (unsigned char)c);
    }
    return arena_str(a, buf_str(&b));
}

static void set_unsubscribe(struct arena *a, GMimeMessage *m, const struct mime_out *in) {
    struct str url = in->unsubscribe, mail = in->unsubscribe_mail, all = STR_EMPTY;

    if (url.len > 0)
        all = arena_printf(a, "<%.*s>", STR_ARG(url));
    if (mail.len > 0)
        all = arena_printf(a, "%.*s%s<mailto:%.*s?subject=%.*s>", STR_ARG(all),
                           all.len > 0 ? ", " : "", STR_ARG(mail),
                           STR_ARG(escaped(a, in->unsubscribe_subject)));
    if (all.len > 0)
        set_header(a, m, "List-Unsubscribe", all);
    /* RFC 8058 §3.1: needs the https link beside it. */
    if (str_starts(url, STR("https://")))
        set_header(a, m, "List-Unsubscribe-Post", STR("List-Unsubscribe=One-Click"));
}

static void set_headers(struct arena *a, GMimeMessage *m, const struct mime_out *in) {
    GDateTime *date = g_date_time_new_from_unix_utc(in->date_ms / 1000);

    add_box(a, m, GMIME_ADDRESS_TYPE_FROM, in->from);
    if (in->reply_to.email.len > 0)
        add_box(a, m, GMIME_ADDRESS_TYPE_REPLY_TO, in->reply_to);
    add_box(a, m, GMIME_ADDRESS_TYPE_TO, in->to);
    g_mime_message_set_subject(m, line(a, in->subject, SUBJECT_MAX_POINTS), "utf-8");
    if (date) {
        g_mime_message_set_date(m, date);
        g_date_time_unref(date);
    }
    if (in->message_id.len > 0)
        g_mime_message_set_message_id(m, arena_cstr(a, in->message_id));
    if (in->in_reply_to.len > 0)
        set_header(a, m, "In-Reply-To", arena_printf(a, "<%.*s>", STR_ARG(in->in_reply_to)));
    set_references(a, m, in->references);
    set_unsubscribe(a, m, in);
    if (in->by != MIME_BY_PERSON)
        set_header(a, m, "Auto-Submitted",
                   in->by == MIME_AUTO_REPLIED ? STR("auto-replied") : STR("auto-generated"));
}

/* --- parts --------------------------------------------------------------------------------------- */

static GMimeObject *text_part(struct arena *a, const char *subtype, struct str text) {
    GMimeTextPart *part = g_mime_text_part_new_with_subtype(subtype);
    struct str clean = utf8_repair(a, text);
    char *out = arena_alloc(a, clean.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < clean.len; i++) /* a lone CR would be a line end to some */
        if (clean.ptr[i] && clean.ptr[i] != '\r')
            out[n++] = clean.ptr[i];
    out[n] = '\0';
    g_mime_text_part_set_charset(part, "utf-8");
    g_mime_text_part_set_text(part, out);
    g_mime_part_set_content_encoding(GMIME_PART(part), GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
    return GMIME_OBJECT(part);
}

static bool is_token(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~' || strchr("()<>@,;:\\\"/[]?=", s.ptr[i]))
            return false;
    return s.len > 0 && s.len <= 100;
}

static GMimeObject *file_part(struct arena *a, const struct mime_file *f) {
    struct str subtype = f->type, type;
    bool is_good = str_cut(&subtype, '/', &type) && is_token(type) && is_token(subtype) &&
                   !str_eq_nocase(type, STR("multipart")) && !str_eq_nocase(type, STR("message"));
    GMimePart *part = g_mime_part_new_with_type(is_good ? arena_cstr(a, type) : "application",
                                                is_good ? arena_cstr(a, subtype) : "octet-stream");
    GMimeStream *stream =
        g_mime_stream_mem_new_with_buffer(f->bytes.ptr ? f->bytes.ptr : "", f->bytes.len);
    GMimeDataWrapper *content =
        g_mime_data_wrapper_new_with_stream(stream, GMIME_CONTENT_ENCODING_DEFAULT);

    g_mime_part_set_content(part, content);
    g_mime_part_set_content_encoding(part, GMIME_CONTENT_ENCODING_BASE64);
    g_mime_object_set_disposition(GMIME_OBJECT(part), "attachment");
    if (f->name.len > 0)
        g_mime_part_set_filename(part, line(a, f->name, NAME_MAX_POINTS));
    g_object_unref(content);
    g_object_unref(stream);
    return GMIME_OBJECT(part);
}

static void add_part(GMimeMultipart *to, GMimeObject *part) {
    g_mime_multipart_add(to, part);
    g_object_unref(part);
}

static GMimeObject *body_of(struct arena *a, const struct mime_out *in) {
    GMimeObject *body;

    if (in->html.len == 0) {
        body = text_part(a, "plain", in->text);
    } else {
        GMimeMultipart *both = g_mime_multipart_new_with_subtype("alternative");
        struct str text = in->text.len > 0 ? in->text : mime_text_of_html(a, in->html, NULL);

        add_part(both, text_part(a, "plain", text));
        add_part(both, text_part(a, "html", in->html));
        body = GMIME_OBJECT(both);
    }
    if (in->n_files > 0) {
        GMimeMultipart *mixed = g_mime_multipart_new_with_subtype("mixed");

        add_part(mixed, body);
        for (size_t i = 0; i < in->n_files; i++)
            add_part(mixed, file_part(a, &in->files[i]));
        body = GMIME_OBJECT(mixed);
    }
    return body;
}

static struct str bytes_of(struct arena *a, GMimeMessage *m) {
    ATTR_CLEANUP(object_unref_p) GMimeStream *stream = g_mime_stream_mem_new();
    GMimeFormatOptions *format = g_mime_format_options_new();
    GByteArray *bytes;

    g_mime_format_options_set_newline_format(format, GMIME_NEWLINE_FORMAT_DOS);
    (void)g_mime_object_write_to_stream(GMIME_OBJECT(m), format, stream);
    g_mime_format_options_free(format);
    bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
    return arena_str(a, (struct str){.ptr = (const char *)bytes->data, .len = bytes->len});
}

enum status mime_build(struct arena *a, const struct mime_out *in, struct str *ret, struct err *e) {
    GMimeObject *body;
    GMimeMessage *m;

    TRY(check(in, e));
    mime_init();
    m = g_mime_message_new(TRUE);
    set_headers(a, m, in);
    body = body_of(a, in);
    g_mime_message_set_mime_part(m, body);
    g_object_unref(body);
    *ret = bytes_of(a, m);
    g_object_unref(m);
    return ST_OK;
}
