/* judge.h - jansson as the judge of our JSON reader: the same verdicts and the same values within
 * our limits. Used by the unit tests and the fuzzer; the product does not link jansson.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <string.h>

/* Both headers know these names; jansson's get others before ours come. */
#define json_type   jansson_type
#define json_real   jansson_real
#define JSON_NULL   JANSSON_NULL
#define JSON_REAL   JANSSON_REAL
#define JSON_STRING JANSSON_STRING
#define JSON_ARRAY  JANSSON_ARRAY
#define JSON_OBJECT JANSSON_OBJECT
#include <jansson.h>

/* '{', '[', '"', 'i'nteger, 'r'eal, 'b'oolean or 'n'ull. */
static inline char judge_kind(const json_t *v) {
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return '{';
    case JSON_ARRAY:
        return '[';
    case JSON_STRING:
        return '"';
    case JSON_INTEGER:
        return 'i';
    case JSON_REAL:
        return 'r';
    case JSON_TRUE:
    case JSON_FALSE:
        return 'b';
    case JSON_NULL:
        return 'n';
    }
    return 'n';
}

static inline bool judge_is_true(const json_t *v) {
    return json_typeof(v) == JSON_TRUE;
}

#undef json_type
#undef json_real
#undef JSON_NULL
#undef JSON_REAL
#undef JSON_STRING
#undef JSON_ARRAY
#undef JSON_OBJECT

#include "json/json.h"

static inline void judge_free(json_t **v) {
    json_decref(*v);
}

/* NULL when jansson refuses text. A raw zero byte is never JSON, but jansson 2.14 loses one right
 * behind a number. */
static inline json_t *judge_parse(struct str text, bool allow_duplicates) {
    size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;

    if (text.len > 0 && memchr(text.ptr, '\0', text.len))
        return NULL;
    return json_loadb(text.len > 0 ? text.ptr : "", text.len,
                      allow_duplicates ? flags : flags | JSON_REJECT_DUPLICATES, NULL);
}

static inline bool judge_same(const struct json *ours, json_t *theirs);

static inline bool judge_same_array(const struct json *ours, json_t *theirs) {
    if (json_type(ours) != JSON_ARRAY || json_len(ours) != json_array_size(theirs))
        return false;
    for (size_t i = 0; i < json_len(ours); i++) {
        if (!judge_same(json_at(ours, i), json_array_get(theirs, i)))
            return false;
    }
    return true;
}

/* Same members in the same order; a repeated key stands where it stood first in both. */
static inline bool judge_same_object(const struct json *ours, json_t *theirs) {
    void *at = json_object_iter(theirs);

    if (json_type(ours) != JSON_OBJECT || json_len(ours) != json_object_size(theirs))
        return false;
    for (size_t i = 0; at; i++, at = json_object_iter_next(theirs, at)) {
        const struct json *value = NULL;
        struct str key;

        if (!json_member(ours, i, &key, &value) || !str_eq(key, str_of(json_object_iter_key(at))) ||
            json_get(ours, json_object_iter_key(at)) != value ||
            !judge_same(value, json_object_iter_value(at)))
            return false;
    }
    return true;
}

static inline bool judge_same_text(const struct json *ours, const json_t *theirs) {
    struct str text = {.ptr = json_string_value(theirs), .len = json_string_length(theirs)};

    return json_type(ours) == JSON_STRING && str_eq(json_str(ours), text);
}

/* Bit for bit: -0.0 is not 0.0. */
static inline bool judge_same_real(const struct json *ours, const json_t *theirs) {
    double x = json_real(ours, 0), y = json_real_value(theirs);

    return json_type(ours) == JSON_REAL && memcmp(&x, &y, sizeof(x)) == 0;
}

static inline bool judge_same(const struct json *ours, json_t *theirs) {
    switch (judge_kind(theirs)) {
    case '{':
        return judge_same_object(ours, theirs);
    case '[':
        return judge_same_array(ours, theirs);
    case '"':
        return judge_same_text(ours, theirs);
    case 'i':
        return json_type(ours) == JSON_INT && json_i64(ours, 0) == json_integer_value(theirs);
    case 'r':
        return judge_same_real(ours, theirs);
    case 'b':
        return json_type(ours) == JSON_BOOL && json_bool(ours, false) == (judge_is_true(theirs));
    default:
        return json_type(ours) == JSON_NULL;
    }
}

static inline size_t judge_depth(json_t *v) {
    size_t deepest = 0, index;
    const char *key;
    json_t *child;

    if (judge_kind(v) != '[' && judge_kind(v) != '{')
        return 0;
    json_array_foreach(v, index, child) {
        size_t depth = judge_depth(child);

        deepest = depth > deepest ? depth : deepest;
    }
    json_object_foreach(v, key, child) {
        size_t depth = judge_depth(child);

        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}
