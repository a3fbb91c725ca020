/* twilio_form.c - application/x-www-form-urlencoded, read leniently and written strictly. Nothing here trusts a byte: a broken
 * escape stands for itself, and what the names and values hold is not looked at.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"
#include "provider/twilio.h"

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static struct str decode(struct arena *a, struct str s) {
    char *out = arena_alloc(a, s.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        int high = -1, low = -1;

        if (s.ptr[i] == '%' && i + 2 < s.len) {
            high = hex_digit(s.ptr[i + 1]);
            low = hex_digit(s.ptr[i + 2]);
        }
        if (high >= 0 && low >= 0) {
            out[n++] = (char)(high << 4 | low);
            i += 2;
        } else {
            out[n++] = s.ptr[i] == '+' ? ' ' : s.ptr[i];
        }
    }
    return (struct str){.ptr = out, .len = n};
}

bool form_read(struct arena *a, struct str body, struct form *ret) {
    struct form_pair *items = arena_array_of(a, TWILIO_PAIRS_MAX, struct form_pair);
    size_t n = 0;

    *ret = (struct form){.items = items};
    while (body.len > 0) {
        struct str pair, name;

        (void)str_cut(&body, '&', &pair);
        if (pair.len == 0)
            continue;
        if (n == TWILIO_PAIRS_MAX)
            return false;
        (void)str_cut(&pair, '=', &name);
        items[n++] = (struct form_pair){.name = decode(a, name), .value = decode(a, pair)};
    }
    ret->n = n;
    return true;
}

struct str form_get(const struct form *f, const char *name) {
    for (size_t i = 0; i < f->n; i++)
        if (str_eq(f->items[i].name, str_of(name)))
            return f->items[i].value;
    return STR_EMPTY;
}

struct str form_clean(struct arena *a, struct str s) {
    struct buf b;
    struct str clean;

    s = utf8_repair(a, s);
    if (!str_contains(s, (struct str){"", 1}))
        return s;
    buf_init(&b, s.len * 3 + 1);
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\0')
            buf_add(&b, STR("\xEF\xBF\xBD"));
        else
            buf_add_char(&b, s.ptr[i]);
    }
    clean = arena_str(a, buf_str(&b));
    buf_done(&b);
    return clean;
}

struct str form_text(struct arena *a, const struct form *f, const char *name) {
    return form_clean(a, form_get(f, name));
}

void form_escape(struct buf *b, struct str s) {
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~';

        if (is_plain) {
            buf_add_char(b, s.ptr[i]);
            continue;
        }
        buf_add_char(b, '%');
        buf_add_char(b, digits[c >> 4]);
        buf_add_char(b, digits[c & 15]);
    }
}

void form_put(struct buf *b, const char *name, struct str value) {
    if (b->len > 0)
        buf_add_char(b, '&');
    buf_add(b, str_of(name));
    buf_add_char(b, '=');
    form_escape(b, value);
}

struct str twilio_digits(struct str address) {
    if (!str_eat(&address, STR("whatsapp:")))
        return STR_EMPTY;
    (void)str_eat(&address, STR("+"));
    for (size_t i = 0; i < address.len; i++)
        if (address.ptr[i] < '0' || address.ptr[i] > '9')
            return STR_EMPTY;
    return address;
}
