/* parse.c - one pass over a copy of the text, by recursive descent. Invariants:
 * 1. The copy ends in PAD_BYTES zero bytes. No raw zero byte is valid JSON, so every loop stops at
 * the end by itself,
 *    and a word may be loaded at any byte of the text.
 * 2. Strings are views of the copy. Escapes are resolved in place: what a string says is never
 * longer than its text.
 * 3. Children wait on the scratch stack until their parent closes; then they move to the arena side
 * by side.
 * 4. Depth is checked on the way in, so recursion is bounded by JSON_MAX_DEPTH.
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "json/number.h"
#include "json/scan.h"
#include "json/tree.h"

enum {
    PAD_BYTES = SCAN_BYTES,
    SCRATCH_FIRST = 48, /* enough for nearly every webhook without a malloc */
};

struct parser {
    struct arena *arena;
    char *begin;
    char *at;
    char *end;
    struct json_limits limits;
    size_t values;
    unsigned depth;
    const char *why; /* set once, by the innermost failure, with at on the spot */
    struct member *scratch;
    size_t top;
    size_t cap;
    struct member first[SCRATCH_FIRST];
};

static bool parse_value(struct parser *p, struct json *ret);

static bool fail_at(struct parser *p, char *at, const char *why) {
    p->at = at;
    p->why = why;
    return false;
}

static bool fail(struct parser *p, const char *why) {
    return fail_at(p, p->at, why);
}

static void skip_space(struct parser *p) {
    while (*p->at == ' ' || *p->at == '\n' || *p->at == '\r' || *p->at == '\t')
        p->at++;
}

static void scratch_grow(struct parser *p) {
    size_t cap = p->cap * 2;
    struct member *old = p->scratch == p->first ? NULL : p->scratch;
    struct member *grown = reallocarray(old, cap, sizeof(*grown));

    if (!grown)
        abort(); /* bounded by max_values: true exhaustion */
    if (!old)
        memcpy(grown, p->first, sizeof(p->first));
    p->scratch = grown;
    p->cap = cap;
}

static void scratch_push(struct parser *p, struct str key, struct json value) {
    if (p->top == p->cap)
        scratch_grow(p);
    p->scratch[p->top++] =
        (struct member){.key = key.ptr, .key_len = (uint32_t)key.len, .value = value};
}

static bool enter(struct parser *p) {
    if (p->depth == p->limits.max_depth)
        return fail(p, "nested too deep");
    p->depth++;
    p->at++;
    skip_space(p);
    return true;
}

static void leave(struct parser *p) {
    p->depth--;
    p->at++;
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hexadecimal digits at the cursor. */
static bool parse_hex4(struct parser *p, uint32_t *ret) {
    uint32_t v = 0;

    for (size_t i = 0; i < 4; i++) {
        int digit = hex_value(p->at[i]);

        if (digit < 0)
            return fail_at(p, p->at + i, "expected a hexadecimal digit");
        v = v << 4 | (uint32_t)digit;
    }
    p->at += 4;
    *ret = v;
    return true;
}

/* Behind "\u": one code unit, or two that make a pair. */
static bool parse_unicode(struct parser *p, uint32_t *ret) {
    char *start = p->at;
    uint32_t high, low;

    if (!parse_hex4(p, &high))
        return false;
    if (high < 0xD800 || high > 0xDFFF) {
        *ret = high;
        return true;
    }
    if (high > 0xDBFF || p->at[0] != '\\' || p->at[1] != 'u')
        return fail_at(p, start, "lone surrogate");
    p->at += 2;
    if (!parse_hex4(p, &low))
        return false;
    if (low < 0xDC00 || low > 0xDFFF)
        return fail_at(p, start, "lone surrogate");
    *ret = 0x10000 + ((high - 0xD800) << 10 | (low - 0xDC00));
    return true;
}

/* At a backslash: writes what it stands for to *out and moves it. */
static bool parse_escape(struct parser *p, char **out) {
    static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char *name = p->at[1] ? strchr(names, p->at[1]) : NULL;
    char bytes[4];
    uint32_t point;
    size_t n;

    if (name) {
        *(*out)++ = meanings[name - names];
        p->at += 2;
        return true;
    }
    if (p->at[1] != 'u')
        return fail(p, "unknown escape");
    p->at += 2;
    if (!parse_unicode(p, &point))
        return false;
    n = utf8_put(point, bytes); /* not straight into *out: that may be text still to be read */
    memcpy(*out, bytes, n);
    *out += n;
    return true;
}

/* To the next quote, backslash or control character, the sentinel among them. */
static char *skip_plain(char *at) {
    while (!scan_has_special(at))
        at += SCAN_BYTES;
    while (!scan_is_special(*at))
        at++;
    return at;
}

/* The rest of a string that holds an escape, the first one at the cursor. */
static bool parse_escaped(struct parser *p, const char *start, struct str *ret) {
    char *out = p->at;

    while (*p->at != '"') {
        char *from = p->at;

        if (*from == '\\') {
            if (!parse_escape(p, &out))
                return false;
            continue;
        }
        p->at = skip_plain(from);
        if (p->at == from)
            return fail(p, from == p->end ? "string does not end" : "control character in string");
        memmove(out, from, (size_t)(p->at - from));
        out += p->at - from;
    }
    p->at++;
    *ret = (struct str){.ptr = start, .len = (size_t)(out - start)};
    return true;
}

/* At the opening quote. */
static bool parse_string(struct parser *p, struct str *ret) {
    char *start = p->at + 1;

    p->at = skip_plain(start);
    if (*p->at == '\\')
        return parse_escaped(p, start, ret);
    if (*p->at != '"')
        return fail(p, p->at == p->end ? "string does not end" : "control character in string");
    *ret = (struct str){.ptr = start, .len = (size_t)(p->at - start)};
    p->at++;
    return true;
}

static char *skip_digits(char *at) {
    while (*at >= '0' && *at <= '9')
        at++;
    return at;
}

/* One digit or more; moves the cursor behind them. */
static bool parse_digits(struct parser *p) {
    char *behind = skip_digits(p->at);

    if (behind == p->at)
        return fail(p, "expected a digit");
    p->at = behind;
    return true;
}

static bool parse_fraction_exponent(struct parser *p) {
    if (*p->at == '.') {
        p->at++;
        if (!parse_digits(p))
            return false;
    }
    if (*p->at == 'e' || *p->at == 'E') {
        p->at++;
        if (*p->at == '+' || *p->at == '-')
            p->at++;
        return parse_digits(p);
    }
    return true;
}

static bool parse_real(struct parser *p, char *start, struct json *ret) {
    char behind;

    if (!parse_fraction_exponent(p))
        return false;
    behind = *p->at;
    *p->at = '\0'; /* strtod knows no length */
    ret->type = JSON_REAL;
    ret->u.real = number_from_text(start);
    *p->at = behind;
    return isfinite(ret->u.real) || fail_at(p, start, "number too large");
}

static bool parse_number(struct parser *p, struct json *ret) {
    char *start = p->at, *digits;
    struct str text;

    if (*p->at == '-')
        p->at++;
    digits = p->at;
    if (!parse_digits(p))
        return false;
    if (*digits == '0' && p->at > digits + 1)
        return fail_at(p, digits, "leading zero");
    if (*p->at == '.' || *p->at == 'e' || *p->at == 'E')
        return parse_real(p, start, ret);
    ret->type = JSON_INT;
    text = (struct str){.ptr = start, .len = (size_t)(p->at - start)};
    return str_parse_i64(text, INT64_MIN, INT64_MAX, &ret->u.integer) ||
           fail_at(p, start, "integer outside 64 bits");
}

static bool parse_array(struct parser *p, struct json *ret) {
    size_t base = p->top;
    struct json *items;

    if (!enter(p))
        return false;
    while (*p->at != ']' || p->top > base) {
        struct json v;

        if (!parse_value(p, &v))
            return false;
        scratch_push(p, STR_EMPTY, v);
        skip_space(p);
        if (*p->at == ']')
            break;
        if (*p->at != ',')
            return fail(p, "expected a comma or the end of an array");
        p->at++;
        skip_space(p);
    }
    leave(p);
    ret->type = JSON_ARRAY;
    ret->len = (uint32_t)(p->top - base);
    ret->u.items = NULL;
    if (p->top == base)
        return true;
    items = arena_array_of(p->arena, p->top - base, struct json);
    for (size_t i = base; i < p->top; i++)
        items[i - base] = p->scratch[i].value;
    ret->u.items = items;
    p->top = base;
    return true;
}

static bool parse_key(struct parser *p, struct str *ret) {
    char *start = p->at;

    if (*p->at != '"')
        return fail(p, "expected a key");
    if (!parse_string(p, ret))
        return false;
    if (ret->len > 0 && memchr(ret->ptr, '\0', ret->len))
        return fail_at(p, start, "zero byte in a key");
    skip_space(p);
    if (*p->at != ':')
        return fail(p, "expected a colon");
    p->at++;
    skip_space(p);
    return true;
}

static bool parse_object(struct parser *p, struct json *ret) {
    size_t base = p->top;
    char *start = p->at;

    if (!enter(p))
        return false;
    while (*p->at != '}' || p->top > base) {
        struct str key;
        struct json v;

        if (!parse_key(p, &key) || !parse_value(p, &v))
            return false;
        scratch_push(p, key, v);
        skip_space(p);
        if (*p->at == '}')
            break;
        if (*p->at != ',')
            return fail(p, "expected a comma or the end of an object");
        p->at++;
        skip_space(p);
    }
    leave(p);
    if (!object_build(p->arena, p->scratch + base, p->top - base, p->limits.allow_duplicates, ret))
        return fail_at(p, start, "object repeats a key");
    p->top = base;
    return true;
}

static bool parse_word(struct parser *p, struct str word, struct json value, struct json *ret) {
    if (strncmp(p->at, word.ptr, word.len) != 0)
        return fail(p, "expected a value");
    p->at += word.len;
    *ret = value;
    return true;
}

static bool parse_text(struct parser *p, struct json *ret) {
    struct str text;

    if (!parse_string(p, &text))
        return false;
    ret->type = JSON_STRING;
    ret->len = (uint32_t)text.len;
    ret->u.text = text.ptr;
    return true;
}

/* The cursor is on the first byte of the value. */
static bool parse_value(struct parser *p, struct json *ret) {
    if (++p->values > p->limits.max_values)
        return fail(p, "too many values");
    *ret = (struct json){.type = JSON_NULL};
    switch (*p->at) {
    case '{':
        return parse_object(p, ret);
    case '[':
        return parse_array(p, ret);
    case '"':
        return parse_text(p, ret);
    case 't':
        return parse_word(p, STR("true"), (struct json){.type = JSON_BOOL, .u.boolean = true}, ret);
    case 'f':
        return parse_word(p, STR("false"), (struct json){.type = JSON_BOOL}, ret);
    case 'n':
        return parse_word(p, STR("null"), (struct json){.type = JSON_NULL}, ret);
    case '-':
    case '0' ... '9':
        return parse_number(p, ret);
    default:
        return fail(p, p->at == p->end ? "unexpected end" : "expected a value");
    }
}

static bool parse_all(struct parser *p, struct json *ret) {
    skip_space(p);
    if (!parse_value(p, ret))
        return false;
    skip_space(p);
    return p->at == p->end || fail(p, "more text behind the value");
}

static void copy_text(struct parser *p, struct str text) {
    p->begin = arena_alloc(p->arena, text.len + PAD_BYTES);
    if (text.len > 0)
        memcpy(p->begin, text.ptr, text.len);
    p->at = p->begin;
    p->end = p->begin + text.len;
}

enum status json_parse(struct arena *a, struct str text, struct json_limits limits,
                       const struct json **ret, struct err *e) {
    struct parser p;
    struct json *root;
    size_t valid;
    bool ok;

    assert(limits.max_depth <= JSON_MAX_DEPTH && limits.max_bytes < UINT32_MAX);
    if (text.len > limits.max_bytes)
        FAIL(e, ST_INVALID, "could not read JSON: %zu bytes, at most %zu", text.len,
             limits.max_bytes);
    valid = utf8_valid_prefix(text);
    if (valid < text.len)
        FAIL(e, ST_INVALID, "could not read JSON at byte %zu: not UTF-8", valid);
    p = (struct parser){.arena = a, .limits = limits};
    p.scratch = p.first;
    p.cap = SCRATCH_FIRST;
    copy_text(&p, text);
    root = arena_new_of(a, struct json);
    ok = parse_all(&p, root);
    if (p.scratch != p.first)
        free(p.scratch);
    if (!ok)
        FAIL(e, ST_INVALID, "could not read JSON at byte %zu: %s", (size_t)(p.at - p.begin), p.why);
    *ret = root;
    return ST_OK;
}
