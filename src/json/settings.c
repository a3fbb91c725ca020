/* settings.c - objects laid over each other, members that have to be there.
 * SPDX-License-Identifier: Apache-2.0 */
#include "json/settings.h"

#include <string.h>

#include "base/utf8.h"

static bool is_deep(const char *name, const char *const *deep) {
    for (; deep && *deep; deep++)
        if (strcmp(name, *deep) == 0)
            return true;
    return false;
}

/* all: every object below is laid over, whatever its name */
static void lay(struct arena *a, struct json_out *o, const char *key, const struct json *base,
                const struct json *over, const char *const *deep, bool all) {
    struct str name;
    const struct json *old;

    json_obj(o, key);
    for (size_t i = 0; json_member(base, i, &name, &old); i++) {
        const char *member = arena_cstr(a, name);
        const struct json *fresh = json_get(over, member);

        if ((all || is_deep(member, deep)) && json_type(old) == JSON_OBJECT &&
            json_type(fresh) == JSON_OBJECT)
            lay(a, o, member, old, fresh, NULL, true);
        else
            json_put_json(o, member, fresh ? fresh : old);
    }
    json_end(o);
}

enum status settings_lay(struct arena *a, const struct json *base, const struct json *over,
                         const char *const *deep, const struct json **ret, struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf b;
    struct json_out o;

    buf_init(&b, SETTINGS_MAX_BYTES);
    json_out_init(&o, &b);
    lay(a, &o, NULL, base, over, deep, false);
    if (b.overflown)
        FAIL(e, ST_INVALID, "the settings are larger than %d KiB", SETTINGS_MAX_BYTES >> 10);
    return json_parse(a, buf_str(&b), JSON_LIMITS_DEFAULT, ret, e);
}

enum status settings_switch(const struct json *in, const char *key, bool *ret, struct err *e) {
    const struct json *v = json_get(in, key);

    if (json_type(v) != JSON_BOOL)
        FAIL(e, ST_INVALID, "%s: true or false is needed", key);
    *ret = json_bool(v, false);
    return ST_OK;
}

enum status settings_number(const struct json *in, const char *key, int64_t max, int64_t *ret,
                            struct err *e) {
    int64_t v = json_i64(json_get(in, key), -1);

    if (v < 1 || v > max)
        FAIL(e, ST_INVALID, "%s: a number from 1 to %lld is needed", key, (long long)max);
    *ret = v;
    return ST_OK;
}

enum status settings_choice(const struct json *in, const char *key, const char *no, const char *yes,
                            bool *ret, struct err *e) {
    struct str word = json_str(json_get(in, key));

    *ret = str_eq(word, str_of(yes));
    if (!*ret && !str_eq(word, str_of(no)))
        FAIL(e, ST_INVALID, "%s: \"%s\" or \"%s\" is needed", key, no, yes);
    return ST_OK;
}

enum status settings_text(const struct json *in, const char *key, struct str *ret, struct err *e) {
    const struct json *v = json_path(in, "texts", key, NULL);

    if (json_type(v) != JSON_STRING || utf8_count(json_str(v)) > SETTINGS_TEXT_POINTS)
        FAIL(e, ST_INVALID, "texts.%s: a text of at most %d characters is needed", key,
             SETTINGS_TEXT_POINTS);
    *ret = str_trim(json_str(v));
    return ST_OK;
}
