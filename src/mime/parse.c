/* parse.c - any bytes read as a mail. GMime finds the parts; what they mean is decided here, within bounds on depth, number and
 * size.
 * SPDX-License-Identifier: Apache-2.0 */
#include "mime/parse.h"

#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "crypto/crypto.h"

enum { DEPTH_MAX = 12, PARTS_MAX = 300, REFERENCES_MAX = 20, TYPE_MAX_BYTES = 100 };

/* --- headers ------------------------------------------------------------------------------------- */

struct str header_of(struct arena *a, GMimeObject *o, const char *name) {
    const char *value = o ? g_mime_object_get_header(o, name) : NULL;

    return value ? text_line(a, value) : STR_EMPTY;
}

/* What stands in the first brackets from *s on, else the first word; *s goes behind it. */
static struct str next_id(struct str *s) {
    struct str head, id;

    *s = str_trim(*s);
    if (s->len == 0)
        return STR_EMPTY;
    if (memchr(s->ptr, '<', s->len)) {
        (void)str_cut(s, '<', &head);
        (void)str_cut(s, '>', &id);
    } else {
        (void)str_cut(s, ' ', &id);
    }
    return str_trim(id);
}

static bool is_plain_id(struct str id) {
    for (size_t i = 0; i < id.len; i++)
        if (id.ptr[i] <= ' ' || id.ptr[i] > '~' || id.ptr[i] == '<')
            return false;
    return id.len > 0 && id.len <= MIME_ID_MAX_BYTES;
}

static struct str digest_id(struct arena *a, struct str bytes) {
    uint8_t digest[SHA256_BYTES];
    struct str hex;

    crypto_sha256(bytes, digest);
    hex = crypto_hex(a, (struct str){.ptr = (const char *)digest, .len = sizeof(digest)});
    return arena_printf(a, "sha256.%.*s", STR_ARG(hex));
}

struct str first_id(struct arena *a, struct str header) {
    struct str id = next_id(&header);

    if (id.len == 0)
        return STR_EMPTY;
    return is_plain_id(id) ? arena_str(a, id) : digest_id(a, id);
}

/* Oldest first; the newest REFERENCES_MAX. */
static struct str ids_of(struct arena *a, struct str header) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = REFERENCES_MAX * (MIME_ID_MAX_BYTES + 1)};
    struct str all[REFERENCES_MAX] = {0};
    size_t n = 0;

    while (header.len > 0) {
        struct str id = next_id(&header);

        if (is_plain_id(id))
            all[n++ % REFERENCES_MAX] = id;
    }
    for (size_t i = n > REFERENCES_MAX ? n - REFERENCES_MAX : 0; i < n; i++)
        buf_printf(&b, "%s%.*s", b.len > 0 ? " " : "", STR_ARG(all[i % REFERENCES_MAX]));
    return arena_str(a, buf_str(&b));
}

static struct str lower(struct arena *a, struct str s) {
    char *out = arena_alloc(a, s.len + 1);

    for (size_t i = 0; i < s.len; i++)
        out[i] = s.ptr[i] >= 'A' && s.ptr[i] <= 'Z' ? (char)(s.ptr[i] | 0x20) : s.ptr[i];
    return (struct str){.ptr = out, .len = s.len};
}

static struct mime_address first_box(struct arena *a, InternetAddressList *list) {
    struct mime_address box = {0};
    int n = list ? internet_address_list_length(list) : 0;

    for (int i = 0; i < n && i < 100; i++) {
        InternetAddress *ia = internet_address_list_get_address(list, i);
        struct str email;

        if (!INTERNET_ADDRESS_IS_MAILBOX(ia))
            continue;
        email = lower(
            a, text_line(a, internet_address_mailbox_get_idn_addr(INTERNET_ADDRESS_MAILBOX(ia))));
        if (!mime_is_address(email))
            continue;
        box.email = email;
        if (internet_address_get_name(ia))
            box.name = text_line(a, internet_address_get_name(ia));
        break;
    }
    return box;
}

static void read_headers(struct arena *a, GMimeMessage *m, struct str bytes,
                         struct mime_mail *ret) {
    GMimeObject *o = GMIME_OBJECT(m);
    const char *subject = g_mime_message_get_subject(m);
    GDateTime *date = g_mime_message_get_date(m);

    ret->message_id = first_id(a, header_of(a, o, "Message-Id"));
    if (ret->message_id.len == 0)
        ret->message_id = digest_id(a, bytes);
    ret->in_reply_to = first_id(a, header_of(a, o, "In-Reply-To"));
    ret->references = ids_of(a, header_of(a, o, "References"));
    ret->from = first_box(a, g_mime_message_get_from(m));
    ret->reply_to = first_box(a, g_mime_message_get_reply_to(m)).email;
    if (str_eq(ret->reply_to, ret->from.email))
        ret->reply_to = STR_EMPTY;
    ret->to = first_box(a, g_mime_message_get_to(m)).email;
    ret->subject = subject ? utf8_cut_points(text_line(a, subject), 500) : STR_EMPTY;
    if (date) {
        int64_t s = g_date_time_to_unix(date);

        ret->date_ms = s > 0 && s < INT64_C(253402300800) ? s * 1000 : 0;
    }
}

/* --- parts ---------------------------------------------------------------------------------------- */

struct str part_bytes(struct arena *a, GMimeObject *o) {
    GMimeDataWrapper *content = GMIME_IS_PART(o) ? g_mime_part_get_content(GMIME_PART(o)) : NULL;
    ATTR_CLEANUP(object_unref_p) GMimeStream *stream = NULL;
    GByteArray *bytes;

    if (!content)
        return STR_EMPTY;
    stream = g_mime_stream_mem_new();
    (void)g_mime_data_wrapper_write_to_stream(content, stream);
    bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
    return arena_str(a, (struct str){.ptr = (const char *)bytes->data, .len = bytes->len});
}

struct str part_text(struct arena *a, GMimeObject *o) {
    return text_decode(a, part_bytes(a, o), g_mime_object_get_content_type_parameter(o, "charset"));
}

static struct str type_of(struct arena *a, GMimeObject *o) {
    GMimeContentType *type = g_mime_object_get_content_type(o);
    const char *major = type ? g_mime_content_type_get_media_type(type) : NULL;
    const char *minor = type ? g_mime_content_type_get_media_subtype(type) : NULL;
    struct str s;

    if (!major || !minor)
        return STR("application/octet-stream");
    s = lower(a, text_line(a, arena_cstr(a, arena_printf(a, "%s/%s", major, minor))));
    return s.len <= TYPE_MAX_BYTES ? s : STR("application/octet-stream");
}

static void add_file(struct walk *w, GMimeObject *o, struct str bytes) {
    const char *name = GMIME_IS_PART(o) ? g_mime_part_get_filename(GMIME_PART(o)) : NULL;

    if (w->mail->n_files == MIME_FILES_MAX) {
        w->mail->has_more_files = true;
        return;
    }
    if (bytes.len == 0)
        return;
    if (!w->mail->files)
        w->mail->files = arena_array_of(w->a, MIME_FILES_MAX, struct mime_file);
    w->mail->files[w->mail->n_files++] = (struct mime_file){
        .name = name ? utf8_cut_points(text_line(w->a, name), 200) : STR_EMPTY,
        .type = type_of(w->a, o),
        .bytes = bytes,
    };
}

static bool is_type(GMimeObject *o, const char *major, const char *minor) {
    GMimeContentType *type = g_mime_object_get_content_type(o);

    return type && g_mime_content_type_is_type(type, major, minor);
}

static void walk_part(struct walk *w, GMimeObject *o, unsigned depth);

/* A message inside: of a report it is the one reported on, else a file. */
static void walk_message(struct walk *w, GMimeObject *o) {
    GMimeMessage *inner = g_mime_message_part_get_message(GMIME_MESSAGE_PART(o));
    ATTR_CLEANUP(object_unref_p) GMimeStream *stream = NULL;
    GByteArray *bytes;

    if (!inner)
        return;
    if (w->returned_id.len == 0)
        w->returned_id = first_id(w->a, header_of(w->a, GMIME_OBJECT(inner), "Message-Id"));
    if (w->is_report)
        return;
    stream = g_mime_stream_mem_new();
    (void)g_mime_object_write_to_stream(GMIME_OBJECT(inner), NULL, stream);
    bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
    add_file(w, o,
             arena_str(w->a, (struct str){.ptr = (const char *)bytes->data, .len = bytes->len}));
}

static void walk_multipart(struct walk *w, GMimeObject *o, unsigned depth) {
    GMimeMultipart *all = GMIME_MULTIPART(o);
    int n = g_mime_multipart_get_count(all);

    if (is_type(o, "multipart", "report"))
        w->is_report = true;
    for (int i = 0; i < n && w->n_parts < PARTS_MAX; i++) {
        GMimeObject *part = g_mime_multipart_get_part(all, i);

        if (part)
            walk_part(w, part, depth + 1);
    }
}

static void walk_text(struct walk *w, GMimeObject *o) {
    bool is_html = is_type(o, "text", "html");
    struct str *to = is_html ? &w->html : &w->plain;
    struct str text = part_text(w->a, o);

    if (to->len == 0)
        *to = text;
    else if (!is_html) /* a list's or a scanner's lines below */
        *to = arena_printf(w->a, "%.*s\n%.*s", STR_ARG(*to), STR_ARG(text));
}

static void walk_part(struct walk *w, GMimeObject *o, unsigned depth) {
    const char *shown;

    w->n_parts++;
    if (depth > DEPTH_MAX || w->n_parts > PARTS_MAX)
        return;
    if (GMIME_IS_MULTIPART(o)) {
        walk_multipart(w, o, depth);
        return;
    }
    if (GMIME_IS_MESSAGE_PART(o)) {
        walk_message(w, o);
        return;
    }
    if (!GMIME_IS_PART(o))
        return;
    if (is_type(o, "message", "delivery-status") ||
        is_type(o, "message", "global-delivery-status")) {
        if (w->delivery_status.len == 0)
            w->delivery_status = part_text(w->a, o);
        return;
    }
    if (is_type(o, "text", "rfc822-headers") || is_type(o, "message", "global-headers")) {
        w->returned_headers = part_text(w->a, o);
        return;
    }
    shown = g_mime_object_get_disposition(o);
    if (is_type(o, "text", "plain") || is_type(o, "text", "html"))
        if (!shown || g_ascii_strcasecmp(shown, "attachment") != 0) {
            walk_text(w, o);
            return;
        }
    /* A logo in a signature is no picture that somebody sent. */
    if (is_type(o, "image", "*") && w->html.len > 0 && shown &&
        g_ascii_strcasecmp(shown, "inline") == 0 && g_mime_object_get_content_id(o))
        return;
    if (is_type(o, "application", "pgp-signature") || is_type(o, "application", "pkcs7-signature"))
        return;
    add_file(w, o, part_bytes(w->a, o));
}

/* --- text ------------------------------------------------------------------------------------------ */

static struct str join(struct arena *a, struct str above, struct str below) {
    if (above.len == 0 || below.len == 0)
        return above.len > 0 ? above : below;
    return arena_printf(a, "%.*s\n%.*s", STR_ARG(above), STR_ARG(below));
}

/* Lines that end in LF, without blanks at their ends. */
static struct str unix_lines(struct arena *a, struct str s) {
    char *out = arena_alloc(a, s.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (c == '\r' && i + 1 < s.len && s.ptr[i + 1] == '\n')
            continue;
        if (c == '\r')
            c = '\n';
        if ((unsigned char)c < ' ' && c != '\n' && c != '\t')
            continue;
        while (c == '\n' && n > 0 && out[n - 1] == ' ')
            n--;
        out[n++] = c;
    }
    return (struct str){.ptr = out, .len = n};
}

static void read_text(struct walk *w) {
    struct mime_mail *m = w->mail;
    struct str text = unix_lines(w->a, w->plain), quoted = STR_EMPTY, more;

    if (str_trim(text).len == 0 && w->html.len > 0)
        text = mime_text_of_html(w->a, w->html, &quoted);
    if (text.len == 0) { /* nothing above the quotation */
        text = quoted;
        quoted = STR_EMPTY;
    }
    mime_cut_quotes(w->a, text, &m->text, &more);
    m->quoted = join(w->a, more, quoted);
}

/* --- all of it ---------------------------------------------------------------------------------------- */

enum status mime_parse(struct arena *a, struct str bytes, struct mime_mail *ret, struct err *e) {
    ATTR_CLEANUP(object_unref_p) GMimeStream *stream = NULL;
    ATTR_CLEANUP(object_unref_p) GMimeParser *parser = NULL;
    ATTR_CLEANUP(object_unref_p) GMimeMessage *m = NULL;
    struct mime_mail mail = {0};
    struct walk w = {.a = a, .mail = &mail};

    mime_init();
    if (bytes.len == 0)
        FAIL(e, ST_INVALID, "there is nothing in the mail");
    stream = g_mime_stream_mem_new_with_buffer(bytes.ptr, bytes.len);
    parser = g_mime_parser_new_with_stream(stream);
    g_mime_parser_set_format(parser, GMIME_FORMAT_MESSAGE);
    m = g_mime_parser_construct_message(parser, NULL);
    if (!m)
        FAIL(e, ST_INVALID, "the bytes are no mail");
    w.message = m;
    read_headers(a, m, bytes, &mail);
    if (g_mime_message_get_mime_part(m))
        walk_part(&w, g_mime_message_get_mime_part(m), 0);
    read_text(&w);
    read_kind(&w);
    if (mail.from.email.len == 0 && mail.text.len == 0 && mail.n_files == 0 &&
        mail.subject.len == 0)
        FAIL(e, ST_INVALID, "the bytes are no mail: neither a sender nor a text");
    *ret = mail;
    return ST_OK;
}
