/* text.c - bytes of some charset as UTF-8. Only charsets from the list are given to iconv: its rarer tables are the ones that had
 * holes, and nobody writes mail in them.
 * SPDX-License-Identifier: Apache-2.0 */
#include <iconv.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "mime/internal.h"

/* Prefixes, lower case. */
static const char *const charsets[] = {
    "iso-8859-", "windows-125", "cp125",   "cp437",  "cp850",  "macintosh", "koi8-",
    "utf-16",    "gb18030",     "gbk",     "gb2312", "big5",   "shift_jis", "euc-jp",
    "euc-kr",    "iso-2022-jp", "tis-620", "latin1", "iso8859"};

static bool is_listed(const char *charset) {
    for (size_t i = 0; i < ARRAY_LEN(charsets); i++)
        if (strncasecmp(charset, charsets[i], strlen(charsets[i])) == 0)
            return true;
    return false;
}

static struct str without_nul(struct arena *a, struct str s) {
    char *out;
    size_t n = 0;

    if (s.len == 0 || !memchr(s.ptr, 0, s.len))
        return s;
    out = arena_alloc(a, s.len);
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i])
            out[n++] = s.ptr[i];
    return (struct str){.ptr = out, .len = n};
}

/* What cannot be read becomes U+FFFD, byte by byte. False: iconv does not know the charset. */
static bool convert(struct arena *a, struct str bytes, const char *charset, struct str *ret) {
    iconv_t cd = iconv_open("UTF-8", charset);
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = MIME_TEXT_MAX_BYTES};
    char *in, *copy = arena_alloc(a, bytes.len + 1);
    size_t left = bytes.len;

    /* NOLINTNEXTLINE(performance-no-int-to-ptr): how iconv says no */
    if (cd == (iconv_t)-1)
        return false;
    memcpy(copy, bytes.ptr, bytes.len);
    in = copy;
    while (left > 0 && !b.overflown) {
        char piece[4096], *out = piece;
        size_t room = sizeof(piece), rc = iconv(cd, &in, &left, &out, &room);

        buf_add(&b, (struct str){.ptr = piece, .len = sizeof(piece) - room});
        if (rc == (size_t)-1 && room >= 16 && left > 0) {
            buf_add(&b, STR("\xef\xbf\xbd"));
            in++;
            left--;
        }
    }
    (void)iconv_close(cd);
    *ret = arena_str(a, buf_str(&b));
    return true;
}

struct str text_decode(struct arena *a, struct str bytes, const char *charset) {
    struct str text;
    bool is_named = charset && is_listed(charset);

    bytes = str_sub(bytes, 0, MIME_TEXT_MAX_BYTES);
    /* Cut between characters, or the cut alone would make it look like another charset. */
    if (bytes.len == MIME_TEXT_MAX_BYTES && bytes.len - utf8_valid_prefix(bytes) < 4)
        bytes.len = utf8_valid_prefix(bytes);
    if (bytes.len == 0)
        return STR_EMPTY;
    if ((!is_named && utf8_is_valid(bytes)) ||
        !convert(a, bytes, is_named ? charset : "WINDOWS-1252", &text))
        text = bytes;
    return without_nul(a, utf8_repair(a, text));
}

struct str text_line(struct arena *a, const char *s) {
    struct str text = text_decode(a, str_of(s), NULL);
    char *out = arena_alloc(a, text.len + 1);

    for (size_t i = 0; i < text.len; i++)
        out[i] = (unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f ? ' ' : text.ptr[i];
    return str_trim((struct str){.ptr = out, .len = text.len});
}
