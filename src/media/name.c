/* name.c - file names of strangers made harmless, and how they are told to a browser (RFC 6266, RFC 8187).
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/utf8.h"
#include "media/media.h"

enum { NAME_MAX_POINTS = 120 };

/* Characters that end a header's quotes, mean something to a shell or a file system, or turn the reading direction so
 * that "gpj.exe" reads "exe.jpg". */
static bool is_harmful(uint32_t c) {
    if (c < 0x20 || (c >= 0x7f && c < 0xa0))
        return true;
    if (c < 0x80)
        return strchr("\"*/:<>?\\|%;", (int)c) != NULL;
    return c == 0x61c || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffd) ||
           (c >= 0xe0000 && c <= 0xe0fff);
}

static struct str last_component(struct str name) {
    for (size_t i = name.len; i > 0; i--)
        if (name.ptr[i - 1] == '/' || name.ptr[i - 1] == '\\')
            return str_sub(name, i, name.len);
    return name;
}

static bool is_edge(char c) {
    return c == '.' || c == ' ' || c == '_';
}

/* No leading or trailing dots and spaces: hidden files, "..", and what Windows drops. */
static struct str without_edges(struct str s) {
    while (s.len > 0 && is_edge(s.ptr[0]))
        s = str_sub(s, 1, s.len);
    while (s.len > 0 && is_edge(s.ptr[s.len - 1]))
        s = str_sub(s, 0, s.len - 1);
    return s;
}

/* Short enough, the extension kept. */
static struct str shortened(struct arena *a, struct str s) {
    struct str ext = STR_EMPTY;

    if (utf8_count(s) <= NAME_MAX_POINTS)
        return s;
    for (size_t i = s.len; i > 0 && ext.len == 0; i--)
        if (s.ptr[i - 1] == '.')
            ext = str_sub(s, i - 1, s.len);
    if (ext.len > 16)
        ext = STR_EMPTY;

    struct str stem =
        utf8_cut_points(str_sub(s, 0, s.len - ext.len), NAME_MAX_POINTS - utf8_count(ext));

    return arena_printf(a, "%.*s%.*s", STR_ARG(without_edges(stem)), STR_ARG(ext));
}

struct str media_clean_name(struct arena *a, struct str name, const char *kind,
                            struct media_type type) {
    struct str rest = last_component(utf8_repair(a, name));
    char *out = arena_alloc(a, rest.len + 1);
    size_t n = 0;
    uint32_t c;
    char utf8[4];

    while (utf8_next(&rest, &c)) {
        size_t len = is_harmful(c) ? 0 : utf8_put(c, utf8);

        memcpy(out + n, utf8, len);
        n += len;
    }
    rest = without_edges((struct str){.ptr = out, .len = n});
    if (rest.len == 0)
        return arena_printf(a, "%s.%s", kind, type.extension);
    return shortened(a, rest);
}

/* RFC 8187 attr-char. */
static bool is_plain(unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && c < 0x80 && strchr("!#$&+-.^_`|~", c));
}

struct str media_disposition(struct arena *a, struct str clean_name, bool is_inline) {
    static const char digits[] = "0123456789ABCDEF";
    char *ascii = arena_alloc(a, clean_name.len + 1);
    char *escaped = arena_alloc(a, 3 * clean_name.len + 1);
    size_t n_ascii = 0, n = 0;

    for (size_t i = 0; i < clean_name.len; i++) {
        unsigned char c = (unsigned char)clean_name.ptr[i];

        if (c < 0x80)
            ascii[n_ascii++] = is_plain(c) || c == ' ' ? (char)c : '_';
        else if (c >= 0xc0) /* one for each character */
            ascii[n_ascii++] = '_';
        if (is_plain(c)) {
            escaped[n++] = (char)c;
        } else {
            escaped[n++] = '%';
            escaped[n++] = digits[c >> 4];
            escaped[n++] = digits[c & 15];
        }
    }
    return arena_printf(a, "%s; filename=\"%.*s\"; filename*=UTF-8''%.*s",
                        is_inline ? "inline" : "attachment", (int)n_ascii, ascii, (int)n, escaped);
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct str media_unescape_name(struct arena *a, struct str s) {
    char *out = arena_alloc(a, s.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        bool is_escape = s.ptr[i] == '%' && i + 2 < s.len && hex_value(s.ptr[i + 1]) >= 0 &&
                         hex_value(s.ptr[i + 2]) >= 0;

        out[n++] =
            is_escape ? (char)(hex_value(s.ptr[i + 1]) << 4 | hex_value(s.ptr[i + 2])) : s.ptr[i];
        i += is_escape ? 2 : 0;
    }
    return (struct str){.ptr = out, .len = n};
}
