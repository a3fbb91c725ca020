/* html.c - HTML of mails as text. No parser of documents: one pass that never goes back, since only what a person reads is wanted
 * and nothing of it is ever shown as HTML.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "mime/mime.h"

struct reading {
    struct buf out;
    struct str in;
    size_t quoted_at; /* place in out where the first quotation begins; SIZE_MAX: none */
    bool is_pre;
};

/* --- text --------------------------------------------------------------------------------------- */

static void new_line(struct reading *r, size_t at_most) {
    size_t n = 0;

    while (r->out.len > 0 && r->out.ptr[r->out.len - 1] == ' ')
        r->out.len--;
    while (n < r->out.len && r->out.ptr[r->out.len - 1 - n] == '\n')
        n++;
    if (r->out.len > 0 && n < at_most)
        buf_add(&r->out, STR("\n"));
}

static void put_char(struct reading *r, char c) {
    bool is_blank = c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';

    if (c == '\0')
        return;
    if (is_blank && r->is_pre && c == '\n') {
        buf_add(&r->out, STR("\n"));
        return;
    }
    if (is_blank) {
        if (r->out.len > 0 && r->out.ptr[r->out.len - 1] != ' ' &&
            r->out.ptr[r->out.len - 1] != '\n')
            buf_add(&r->out, STR(" "));
        return;
    }
    buf_add(&r->out, (struct str){.ptr = &c, .len = 1});
}

static const struct {
    const char *name;
    uint32_t point;
} entities[] = {
    {"amp", '&'},      {"lt", '<'},       {"gt", '>'},       {"quot", '"'},     {"apos", '\''},
    {"nbsp", ' '},     {"aacute", 0xe1},  {"eacute", 0xe9},  {"iacute", 0xed},  {"oacute", 0xf3},
    {"uacute", 0xfa},  {"atilde", 0xe3},  {"otilde", 0xf5},  {"acirc", 0xe2},   {"ecirc", 0xea},
    {"ocirc", 0xf4},   {"agrave", 0xe0},  {"ccedil", 0xe7},  {"uuml", 0xfc},    {"ntilde", 0xf1},
    {"Aacute", 0xc1},  {"Eacute", 0xc9},  {"Iacute", 0xcd},  {"Oacute", 0xd3},  {"Uacute", 0xda},
    {"Atilde", 0xc3},  {"Otilde", 0xd5},  {"Ccedil", 0xc7},  {"Acirc", 0xc2},   {"Ecirc", 0xca},
    {"Ocirc", 0xd4},   {"Agrave", 0xc0},  {"ordf", 0xaa},    {"ordm", 0xba},    {"deg", 0xb0},
    {"copy", 0xa9},    {"reg", 0xae},     {"trade", 0x2122}, {"euro", 0x20ac},  {"hellip", 0x2026},
    {"ndash", 0x2013}, {"mdash", 0x2014}, {"lsquo", 0x2018}, {"rsquo", 0x2019}, {"ldquo", 0x201c},
    {"rdquo", 0x201d}, {"bull", 0x2022},  {"laquo", 0xab},   {"raquo", 0xbb},   {"zwnj", 0},
    {"shy", 0},
};

static bool number_of(struct str digits, uint32_t *ret) {
    uint64_t v = 0;
    bool is_hex = str_eat(&digits, STR("x")) || str_eat(&digits, STR("X"));

    if (digits.len == 0 || digits.len > 8)
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        char c = digits.ptr[i];
        unsigned d = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                     : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                     : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                            : 99;

        if (d >= (is_hex ? 16U : 10U))
            return false;
        v = v * (is_hex ? 16 : 10) + d;
    }
    *ret = (uint32_t)v;
    return v <= 0x10ffff && (v < 0xd800 || v > 0xdfff);
}

static bool entity_of(struct str name, uint32_t *ret) {
    if (str_eat(&name, STR("#")))
        return number_of(name, ret);
    for (size_t i = 0; i < ARRAY_LEN(entities); i++)
        if (str_eq(name, str_of(entities[i].name))) {
            *ret = entities[i].point;
            return true;
        }
    return false;
}

/* in begins with '&'. */
static void eat_entity(struct reading *r) {
    struct str rest = str_sub(r->in, 1, 12), name;
    uint32_t point;
    char utf8[4];

    if (!str_cut(&rest, ';', &name) || !entity_of(name, &point)) {
        put_char(r, '&');
        r->in = str_sub(r->in, 1, r->in.len);
        return;
    }
    r->in = str_sub(r->in, name.len + 2, r->in.len);
    if (point >= 0x80 && point != 0xa0)
        buf_add(&r->out, (struct str){.ptr = utf8, .len = utf8_put(point, utf8)});
    else
        put_char(r, point == 0xa0 ? ' ' : (char)point);
}

/* --- tags ----------------------------------------------------------------------------------------- */

static bool is_one_of(struct str name, const char *const list[], size_t n) {
    for (size_t i = 0; i < n; i++)
        if (str_eq_nocase(name, str_of(list[i])))
            return true;
    return false;
}

static const char *const blocks[] = {"p",     "div", "tr",      "li",      "ul",  "ol",
                                     "table", "h1",  "h2",      "h3",      "h4",  "h5",
                                     "h6",    "hr",  "section", "article", "pre", "blockquote"};
static const char *const hidden[] = {"script",   "style",    "head", "title",
                                     "noscript", "template", "svg"};

static size_t find_nocase(struct str s, struct str needle) {
    for (size_t i = 0; i + needle.len <= s.len; i++)
        if (s.ptr[i] == needle.ptr[0] && str_eq_nocase(str_sub(s, i, needle.len), needle))
            return i;
    return s.len;
}

/* Past "</name", or all that is left. */
static void skip_element(struct reading *r, struct str name) {
    char end[16] = "</";

    memcpy(end + 2, name.ptr, name.len);
    r->in = str_sub(r->in, find_nocase(r->in, (struct str){.ptr = end, .len = name.len + 2}),
                    r->in.len);
}

static bool is_quotation(struct str name, struct str tag) {
    static const char *const marks[] = {"gmail_quote",      "divRplyFwdMsg",
                                        "yahoo_quoted",     "moz-cite-prefix",
                                        "protonmail_quote", "OLK_SRC_BODY_SECTION"};

    if (str_eq_nocase(name, STR("blockquote")))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(marks); i++)
        if (str_contains(tag, str_of(marks[i])))
            return true;
    return false;
}

/* Where the tag ends, with regard to quoted values. */
static size_t tag_length(struct str s) {
    char quote = 0;

    for (size_t i = 1; i < s.len; i++) {
        if (quote) {
            quote = s.ptr[i] == quote ? 0 : quote;
        } else if (s.ptr[i] == '>') {
            return i + 1;
        } else if (s.ptr[i] == '"' || s.ptr[i] == '\'') {
            quote = s.ptr[i];
        }
    }
    /* A value that is never closed: the tag ends at the first '>'. */
    for (size_t i = 1; i < s.len; i++)
        if (s.ptr[i] == '>')
            return i + 1;
    return s.len;
}

static struct str tag_name(struct str tag) {
    size_t n = 0;

    while (n < tag.len && n < 12 &&
           ((tag.ptr[n] >= 'a' && tag.ptr[n] <= 'z') || (tag.ptr[n] >= 'A' && tag.ptr[n] <= 'Z') ||
            (tag.ptr[n] >= '0' && tag.ptr[n] <= '9')))
        n++;
    return str_sub(tag, 0, n);
}

static void eat_tag(struct reading *r) {
    struct str tag, name;
    bool is_end;

    if (str_starts(r->in, STR("<!--"))) {
        size_t at = find_nocase(r->in, STR("-->"));

        r->in = str_sub(r->in, at + 3, r->in.len);
        return;
    }
    tag = str_sub(r->in, 0, tag_length(r->in));
    r->in = str_sub(r->in, tag.len, r->in.len);
    tag = str_sub(tag, 1, tag.len);
    is_end = str_eat(&tag, STR("/"));
    name = tag_name(tag);
    if (!is_end && is_one_of(name, hidden, ARRAY_LEN(hidden))) {
        skip_element(r, name);
        return;
    }
    if (!is_end && r->quoted_at == SIZE_MAX && is_quotation(name, tag)) {
        new_line(r, 1);
        r->quoted_at = r->out.len;
    }
    if (str_eq_nocase(name, STR("pre")))
        r->is_pre = !is_end;
    if (str_eq_nocase(name, STR("br")) || str_eq_nocase(name, STR("p")))
        new_line(r, 2);
    else if (is_one_of(name, blocks, ARRAY_LEN(blocks)))
        new_line(r, 1);
    else if (str_eq_nocase(name, STR("td")) || str_eq_nocase(name, STR("th")))
        put_char(r, ' ');
    if (!is_end && str_eq_nocase(name, STR("li")))
        buf_add(&r->out, STR("- "));
}

struct str mime_text_of_html(struct arena *a, struct str html, struct str *ret_quoted) {
    struct reading r = {.out = {.max = MIME_TEXT_MAX_BYTES}, .in = html, .quoted_at = SIZE_MAX};
    struct str all;

    while (r.in.len > 0 && !r.out.overflown) {
        if (r.in.ptr[0] == '<') {
            eat_tag(&r);
        } else if (r.in.ptr[0] == '&') {
            eat_entity(&r);
        } else {
            put_char(&r, r.in.ptr[0]);
            r.in = str_sub(r.in, 1, r.in.len);
        }
    }
    all = utf8_repair(a, arena_str(a, buf_str(&r.out)));
    buf_done(&r.out);
    if (ret_quoted)
        *ret_quoted =
            r.quoted_at < all.len ? str_trim(str_sub(all, r.quoted_at, all.len)) : STR_EMPTY;
    return str_trim(ret_quoted ? str_sub(all, 0, r.quoted_at) : all);
}
