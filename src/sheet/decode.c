/* decode.c - the encodings that spreadsheets are exported in.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sheet/decode.h"

#include "base/utf8.h"

/* 0x80 to 0x9f; the five holes are control characters, as browsers have it (WHATWG Encoding, windows-1252). */
static const uint16_t windows_1252[32] = {
    0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x8d,   0x017d, 0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178,
};

const char *encoding_name(enum encoding e) {
    switch (e) {
    case ENC_UTF8:
        return "utf-8";
    case ENC_UTF16LE:
        return "utf-16le";
    case ENC_UTF16BE:
        return "utf-16be";
    case ENC_WINDOWS1252:
        return "windows-1252";
    }
    return "";
}

/* --- which one --------------------------------------------------------------------------------------------------------- */

static void count_zeros(struct str head, size_t zeros[static 2]) {
    zeros[0] = zeros[1] = 0;
    for (size_t i = 0; i < head.len; i++)
        if (head.ptr[i] == '\0')
            zeros[i % 2]++;
}

/* Control characters that no text has, but for one here and there. */
static bool is_text(struct str head) {
    size_t odd = 0;

    for (size_t i = 0; i < head.len; i++) {
        unsigned char c = (unsigned char)head.ptr[i];

        odd += c < ' ' && c != '\t' && c != '\r' && c != '\n' && c != '\f' && c != 0x1a;
    }
    return odd <= 2 + head.len / 200;
}

bool encoding_detect(struct str head, bool is_all, enum encoding *ret, size_t *ret_skip) {
    size_t zeros[2], valid;

    *ret_skip = 0;
    if (str_starts(head, STR("\xef\xbb\xbf"))) {
        *ret = ENC_UTF8;
        *ret_skip = 3;
        return is_text(str_sub(head, 3, head.len));
    }
    if (str_starts(head, STR("\xff\xfe")) || str_starts(head, STR("\xfe\xff"))) {
        *ret = head.ptr[0] == '\xff' ? ENC_UTF16LE : ENC_UTF16BE;
        *ret_skip = 2;
        return true;
    }
    count_zeros(head, zeros);
    if (zeros[1] > head.len / 5 && zeros[0] <= head.len / 50) {
        *ret = ENC_UTF16LE;
        return true;
    }
    if (zeros[0] > head.len / 5 && zeros[1] <= head.len / 50) {
        *ret = ENC_UTF16BE;
        return true;
    }
    valid = utf8_valid_prefix(head);
    *ret = valid == head.len || (!is_all && head.len - valid < 4) ? ENC_UTF8 : ENC_WINDOWS1252;
    return zeros[0] + zeros[1] == 0 && is_text(head);
}

/* --- decoding ---------------------------------------------------------------------------------------------------------- */

static void put_point(struct buf *out, uint32_t point) {
    char *to;

    if (point == 0 || !(to = buf_reserve(out, 4)))
        return;
    buf_commit(out, utf8_put(point, to));
}

static uint32_t from_1252(char c) {
    unsigned char u = (unsigned char)c;

    return u >= 0x80 && u < 0xa0 ? windows_1252[u - 0x80] : u;
}

static size_t decode_1252(struct str in, struct buf *out) {
    for (size_t i = 0; i < in.len; i++)
        put_point(out, from_1252(in.ptr[i]));
    return in.len;
}

static void add_without_zeros(struct buf *out, struct str s) {
    struct str piece;
    bool more = s.len > 0;

    while (more) {
        more = str_cut(&s, '\0', &piece);
        buf_add(out, piece);
    }
}

static size_t decode_utf8(struct str in, bool is_last, struct buf *out) {
    size_t used = 0;

    while (used < in.len) {
        struct str rest = str_sub(in, used, in.len);
        size_t valid = utf8_valid_prefix(rest);

        add_without_zeros(out, str_sub(rest, 0, valid));
        used += valid;
        if (used == in.len || (!is_last && in.len - used < 4))
            break;
        put_point(out, from_1252(in.ptr[used++]));
    }
    return used;
}

static uint32_t unit(struct str in, size_t at, bool is_big) {
    unsigned char a = (unsigned char)in.ptr[at], b = (unsigned char)in.ptr[at + 1];

    return is_big ? (uint32_t)a << 8 | b : (uint32_t)b << 8 | a;
}

static size_t decode_utf16(struct str in, bool is_big, bool is_last, struct buf *out) {
    size_t at = 0;

    while (at + 2 <= in.len) {
        uint32_t u = unit(in, at, is_big), low;

        if (u < 0xd800 || u > 0xdfff) {
            put_point(out, u);
            at += 2;
            continue;
        }
        if (u < 0xdc00 && at + 4 > in.len && !is_last)
            return at;
        low = u < 0xdc00 && at + 4 <= in.len ? unit(in, at + 2, is_big) : 0;
        if (low >= 0xdc00 && low <= 0xdfff) {
            put_point(out, 0x10000 + ((u - 0xd800) << 10) + (low - 0xdc00));
            at += 4;
        } else {
            put_point(out, 0xfffd);
            at += 2;
        }
    }
    return is_last ? in.len : at;
}

size_t decode(enum encoding enc, struct str in, bool is_last, struct buf *out) {
    switch (enc) {
    case ENC_UTF8:
        return decode_utf8(in, is_last, out);
    case ENC_WINDOWS1252:
        return decode_1252(in, out);
    case ENC_UTF16LE:
        return decode_utf16(in, false, is_last, out);
    case ENC_UTF16BE:
        return decode_utf16(in, true, is_last, out);
    }
    return in.len;
}
