/* value.c - a setting's text into its field.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/utf8.h"
#include "config/table.h"

_Static_assert(sizeof(enum config_outbound) == sizeof(uint32_t), "choices are stored as uint32_t");
_Static_assert(sizeof(enum log_level) == sizeof(uint32_t), "choices are stored as uint32_t");
_Static_assert(sizeof(enum log_format) == sizeof(uint32_t), "choices are stored as uint32_t");

static void set_number(const struct setting *s, struct config *c, uint32_t v) {
    memcpy((char *)c + s->offset, &v, sizeof(v));
}

static void set_text(const struct setting *s, struct config *c, struct str v) {
    struct str copy = v.len > 0 ? arena_str(&c->arena, v) : STR_EMPTY;

    memcpy((char *)c + s->offset, &copy, sizeof(copy));
}

static bool has_control(struct str v) {
    for (size_t i = 0; i < v.len; i++) {
        if ((unsigned char)v.ptr[i] < 0x20 || v.ptr[i] == 0x7F)
            return true;
    }
    return false;
}

static bool is_web_url(struct str v) {
    return (str_eat(&v, STR("https://")) || str_eat(&v, STR("http://"))) && v.len > 0 &&
           v.ptr[0] != '/' && !str_contains(v, STR(" ")) && !str_contains(v, STR("?")) &&
           !str_contains(v, STR("#")) && !str_contains(v, STR("@"));
}

static bool parse_text(const struct setting *s, struct str v, struct config *c) {
    bool many_lines = s->type == SETTING_SECRET; /* a keyring has some */

    if (s->type == SETTING_URL) {
        while (str_ends(v, STR("/")))
            v.len--;
    }
    if (v.len == 0 && s->fallback[0] == '\0') { /* not set: what min says does not count */
        set_text(s, c, v);
        return true;
    }
    if ((int64_t)v.len < s->min || (int64_t)v.len > s->max || !utf8_is_valid(v) ||
        (!many_lines && has_control(v)))
        return false;
    if (s->type == SETTING_URL && !is_web_url(v))
        return false;
    if (s->check && !s->check(v))
        return false;
    set_text(s, c, v);
    return true;
}

/* A decimal number, then one of the units' names. */
static bool parse_quantity(const struct setting *s, struct str v, const struct setting_unit *units,
                           struct config *c) {
    uint64_t number;

    if (!str_eat_u64(&v, UINT32_MAX, &number))
        return false;
    v = str_trim(v);
    for (; units->factor > 0; units++) {
        uint64_t value = number * units->factor; /* 32 bits each: no overflow */

        if (!str_eq_nocase(v, units->name))
            continue;
        if (value < (uint64_t)s->min || value > (uint64_t)s->max)
            return false;
        set_number(s, c, (uint32_t)value);
        return true;
    }
    return false;
}

static bool parse_number(const struct setting *s, struct str v, struct config *c) {
    int64_t number;

    if (!str_parse_i64(v, s->min, s->max, &number))
        return false;
    set_number(s, c, (uint32_t)number);
    return true;
}

bool setting_parse_bool(struct str v, bool *ret) {
    static const struct str yes[] = {STR("true"), STR("1"), STR("yes"), STR("on")};
    static const struct str no[] = {STR("false"), STR("0"), STR("no"), STR("off")};

    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        if (str_eq_nocase(v, yes[i]) || str_eq_nocase(v, no[i])) {
            *ret = str_eq_nocase(v, yes[i]);
            return true;
        }
    }
    return false;
}

static bool parse_bool(const struct setting *s, struct str v, struct config *c) {
    bool on;

    if (!setting_parse_bool(v, &on))
        return false;
    memcpy((char *)c + s->offset, &on, sizeof(on));
    return true;
}

static bool find_choice(const struct setting *s, struct str name, uint32_t *ret) {
    for (const struct choice *ch = s->choices; ch->name; ch++) {
        if (str_eq_nocase(name, str_of(ch->name))) {
            *ret = ch->value;
            return true;
        }
    }
    return false;
}

static bool parse_choice(const struct setting *s, struct str v, struct config *c) {
    uint32_t value;

    if (!find_choice(s, v, &value))
        return false;
    set_number(s, c, value);
    return true;
}

static bool parse_set(const struct setting *s, struct str v, struct config *c) {
    uint32_t all = 0;
    bool more = true;

    while (more) {
        struct str name;
        uint32_t value;

        more = str_cut(&v, ',', &name);
        if (!find_choice(s, str_trim(name), &value))
            return false;
        all |= value;
    }
    set_number(s, c, all);
    return true;
}

bool setting_parse(const struct setting *s, struct str text, struct config *c) {
    text = str_trim(text);
    switch (s->type) {
    case SETTING_TEXT:
    case SETTING_SECRET:
    case SETTING_DSN:
    case SETTING_URL:
        return parse_text(s, text, c);
    case SETTING_NUMBER:
        return parse_number(s, text, c);
    case SETTING_DURATION:
        return parse_quantity(s, text, setting_durations, c);
    case SETTING_SIZE:
        return parse_quantity(s, text, setting_sizes, c);
    case SETTING_BOOL:
        return parse_bool(s, text, c);
    case SETTING_CHOICE:
        return parse_choice(s, text, c);
    case SETTING_SET:
        return parse_set(s, text, c);
    }
    return false;
}

static bool is_text(const struct setting *s) {
    return s->type == SETTING_TEXT || s->type == SETTING_SECRET || s->type == SETTING_DSN ||
           s->type == SETTING_URL;
}

bool setting_same(const struct setting *s, const struct config *x, const struct config *y) {
    if (is_text(s))
        return str_eq(setting_text(s, x), setting_text(s, y));
    if (s->type == SETTING_BOOL)
        return *(const bool *)setting_field(s, x) == *(const bool *)setting_field(s, y);
    return setting_number(s, x) == setting_number(s, y);
}

void setting_copy(const struct setting *s, const struct config *from, struct config *to) {
    if (is_text(s))
        set_text(s, to, setting_text(s, from));
    else if (s->type == SETTING_BOOL)
        memcpy((char *)to + s->offset, setting_field(s, from), sizeof(bool));
    else
        set_number(s, to, setting_number(s, from));
}
