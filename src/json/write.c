/* write.c - compact JSON text into a buffer. Whatever it is given, what it writes is valid JSON and
 * valid UTF-8.
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "json/number.h"
#include "json/scan.h"
#include "json/tree.h"

enum {
    DEPTH_BITS = 64, /* of has_member and is_array */
};

static void add_escape(struct buf *b, char c) {
    switch (c) {
    case '"':
        buf_add(b, STR("\\\""));
        break;
    case '\\':
        buf_add(b, STR("\\\\"));
        break;
    case '\b':
        buf_add(b, STR("\\b"));
        break;
    case '\f':
        buf_add(b, STR("\\f"));
        break;
    case '\n':
        buf_add(b, STR("\\n"));
        break;
    case '\r':
        buf_add(b, STR("\\r"));
        break;
    case '\t':
        buf_add(b, STR("\\t"));
        break;
    default:
        buf_printf(b, "\\u%04x", (unsigned)(unsigned char)c);
        break;
    }
}

static size_t plain_run(struct str s) {
    size_t n = 0;

    while (s.len - n >= SCAN_BYTES && !scan_has_special(s.ptr + n))
        n += SCAN_BYTES;
    while (n < s.len && !scan_is_special(s.ptr[n]))
        n++;
    return n;
}

static void add_valid(struct buf *b, struct str s) {
    while (s.len > 0) {
        size_t n = plain_run(s);

        buf_add(b, str_sub(s, 0, n));
        s = str_sub(s, n, s.len);
        if (s.len == 0)
            break;
        add_escape(b, s.ptr[0]);
        s = str_sub(s, 1, s.len);
    }
}

static void add_string(struct buf *b, struct str s) {
    buf_add_char(b, '"');
    for (;;) {
        size_t valid = utf8_valid_prefix(s);

        add_valid(b, str_sub(s, 0, valid));
        if (valid == s.len)
            break;
        buf_add(b, STR("\xEF\xBF\xBD"));
        s = str_sub(s, valid + 1, s.len);
    }
    buf_add_char(b, '"');
}

static void write_array(struct buf *b, const struct json *v) {
    buf_add_char(b, '[');
    for (size_t i = 0; i < v->len; i++) {
        if (i > 0)
            buf_add_char(b, ',');
        json_write(b, &v->u.items[i]);
    }
    buf_add_char(b, ']');
}

static void write_object(struct buf *b, const struct json *v) {
    buf_add_char(b, '{');
    for (size_t i = 0; i < v->len; i++) {
        const struct member *m = &v->u.object->members[i];

        if (i > 0)
            buf_add_char(b, ',');
        add_string(b, member_key(m));
        buf_add_char(b, ':');
        json_write(b, &m->value);
    }
    buf_add_char(b, '}');
}

void json_write(struct buf *b, const struct json *v) {
    switch (json_type(v)) {
    case JSON_ABSENT:
    case JSON_NULL:
        buf_add(b, STR("null"));
        break;
    case JSON_BOOL:
        buf_add(b, v->u.boolean ? STR("true") : STR("false"));
        break;
    case JSON_INT:
        buf_add_i64(b, v->u.integer);
        break;
    case JSON_REAL:
        number_add_real(b, v->u.real);
        break;
    case JSON_STRING:
        add_string(b, json_str(v));
        break;
    case JSON_ARRAY:
        write_array(b, v);
        break;
    case JSON_OBJECT:
        write_object(b, v);
        break;
    }
}

void json_out_init(struct json_out *o, struct buf *b) {
    *o = (struct json_out){.buf = b};
}

/* Comma and key in front of the next value. A key must be there exactly inside objects. */
static void begin_value(struct json_out *o, const char *key) {
    uint64_t bit = 1ull << o->depth;
    bool in_object = o->depth > 0 && !(o->is_array & bit);

    assert(in_object == (key != NULL));
    assert(o->depth > 0 || !(o->has_member & bit)); /* one value at the root */
    if (o->has_member & bit)
        buf_add_char(o->buf, ',');
    o->has_member |= bit;
    if (key) {
        add_string(o->buf, str_of(key));
        buf_add_char(o->buf, ':');
    }
}

static void open_container(struct json_out *o, const char *key, bool is_array) {
    uint64_t bit;

    begin_value(o, key);
    buf_add_char(o->buf, is_array ? '[' : '{');
    o->depth++;
    assert(o->depth < DEPTH_BITS);
    bit = 1ull << o->depth;
    o->has_member &= ~bit;
    o->is_array = is_array ? o->is_array | bit : o->is_array & ~bit;
}

void json_obj(struct json_out *o, const char *key) {
    open_container(o, key, false);
}

void json_arr(struct json_out *o, const char *key) {
    open_container(o, key, true);
}

void json_end(struct json_out *o) {
    assert(o->depth > 0);
    buf_add_char(o->buf, o->is_array & 1ull << o->depth ? ']' : '}');
    o->depth--;
}

void json_put_str(struct json_out *o, const char *key, struct str v) {
    begin_value(o, key);
    add_string(o->buf, v);
}

void json_put_i64(struct json_out *o, const char *key, int64_t v) {
    begin_value(o, key);
    buf_add_i64(o->buf, v);
}

void json_put_real(struct json_out *o, const char *key, double v) {
    begin_value(o, key);
    number_add_real(o->buf, v);
}

void json_put_bool(struct json_out *o, const char *key, bool v) {
    begin_value(o, key);
    buf_add(o->buf, v ? STR("true") : STR("false"));
}

void json_put_null(struct json_out *o, const char *key) {
    begin_value(o, key);
    buf_add(o->buf, STR("null"));
}

void json_put_json(struct json_out *o, const char *key, const struct json *v) {
    begin_value(o, key);
    json_write(o->buf, v);
}

void json_put_raw(struct json_out *o, const char *key, struct str text) {
    begin_value(o, key);
    buf_add(o->buf, text);
}

void json_put_opt(struct json_out *o, const char *key, struct str v) {
    if (v.len > 0)
        json_put_str(o, key, v);
}

void json_put_str_or_null(struct json_out *o, const char *key, struct str v) {
    if (v.len > 0)
        json_put_str(o, key, v);
    else
        json_put_null(o, key);
}

void json_put_raw_or_null(struct json_out *o, const char *key, struct str text) {
    if (text.len > 0)
        json_put_raw(o, key, text);
    else
        json_put_null(o, key);
}

void json_put_id(struct json_out *o, const char *key, struct uuid id) {
    char text[UUID_TEXT_BYTES];

    if (uuid_is_nil(id)) {
        json_put_null(o, key);
        return;
    }
    uuid_format_to(id, text);
    json_put_str(o, key, (struct str){text, sizeof(text)});
}

void json_put_time(struct json_out *o, const char *key, int64_t ms) {
    char text[CLOCK_ISO_BYTES];

    if (ms == 0) {
        json_put_null(o, key);
        return;
    }
    clock_format_iso_to(ms, text);
    json_put_str(o, key, (struct str){text, sizeof(text)});
}
