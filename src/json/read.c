/* read.c - looking into parsed values. Every function accepts NULL and any type.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>

#include "json/tree.h"

enum json_type json_type(const struct json *v) {
    return v ? v->type : JSON_ABSENT;
}

static const struct json *find_linear(const struct json *v, struct str key) {
    const struct member *members = v->u.object->members;

    for (size_t i = 0; i < v->len; i++) {
        if (str_eq(member_key(&members[i]), key))
            return &members[i].value;
    }
    return NULL;
}

static const struct json *find_sorted(const struct json *v, struct str key) {
    const struct member *const *sorted = v->u.object->sorted;
    size_t low = 0, high = v->len;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = member_key_cmp(key, member_key(sorted[middle]));

        if (order == 0)
            return &sorted[middle]->value;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct json *json_get(const struct json *v, const char *key) {
    if (json_type(v) != JSON_OBJECT)
        return NULL;
    return v->u.object->sorted ? find_sorted(v, str_of(key)) : find_linear(v, str_of(key));
}

const struct json *json_path(const struct json *v, ...) {
    const char *key;
    va_list args;

    va_start(args, v);
    while (v && (key = va_arg(args, const char *)) != NULL)
        v = json_get(v, key);
    va_end(args);
    return v;
}

size_t json_len(const struct json *v) {
    enum json_type type = json_type(v);

    return type == JSON_ARRAY || type == JSON_OBJECT ? v->len : 0;
}

const struct json *json_at(const struct json *v, size_t i) {
    return json_type(v) == JSON_ARRAY && i < v->len ? &v->u.items[i] : NULL;
}

bool json_member(const struct json *v, size_t i, struct str *ret_key,
                 const struct json **ret_value) {
    const struct member *m;

    if (json_type(v) != JSON_OBJECT || i >= v->len)
        return false;
    m = &v->u.object->members[i];
    *ret_key = member_key(m);
    *ret_value = &m->value;
    return true;
}

struct str json_str(const struct json *v) {
    if (json_type(v) != JSON_STRING)
        return STR_EMPTY;
    return (struct str){.ptr = v->u.text, .len = v->len};
}

int64_t json_i64(const struct json *v, int64_t fallback) {
    int64_t i;

    if (json_type(v) == JSON_INT)
        return v->u.integer;
    if (json_type(v) == JSON_STRING && str_parse_i64(json_str(v), INT64_MIN, INT64_MAX, &i))
        return i;
    return fallback;
}

double json_real(const struct json *v, double fallback) {
    if (json_type(v) == JSON_REAL)
        return v->u.real;
    return json_type(v) == JSON_INT ? (double)v->u.integer : fallback;
}

bool json_bool(const struct json *v, bool fallback) {
    return json_type(v) == JSON_BOOL ? v->u.boolean : fallback;
}
