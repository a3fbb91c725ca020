/* format.c - a setting's field as people write it, and what they may write.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "config/table.h"

/* Biggest first: the first that divides a value is the one to show. */
const struct setting_unit setting_durations[] = {
    {STR("h"), 3600000}, {STR("m"), 60000}, {STR("s"), 1000},
    {STR("ms"), 1},      {STR(""), 1},      {STR(""), 0},
};
const struct setting_unit setting_sizes[] = {
    {STR("GiB"), 1u << 30}, {STR("MiB"), 1u << 20}, {STR("KiB"), 1u << 10},
    {STR(""), 1},           {STR(""), 0},
};

static struct str format_quantity(struct arena *a, int64_t v, const struct setting_unit *units) {
    while (v % units->factor != 0 || (v == 0 && units->factor > 1000))
        units++;
    return arena_printf(a, "%lld%.*s", (long long)(v / units->factor), STR_ARG(units->name));
}

static struct str format_set(struct arena *a, const struct setting *s, uint32_t all) {
    struct str text = STR_EMPTY;

    for (const struct choice *ch = s->choices; ch->name; ch++) {
        if (all & ch->value)
            text = arena_printf(a, "%.*s%s%s", STR_ARG(text), text.len > 0 ? "," : "", ch->name);
    }
    return text;
}

static struct str format_choice(const struct setting *s, uint32_t value) {
    for (const struct choice *ch = s->choices; ch->name; ch++) {
        if (ch->value == value)
            return str_of(ch->name);
    }
    return STR_EMPTY;
}

/* postgresql://user:password@host/db?password=… with each password as ***. A password may hold any
 * character, also '@' and '?' that should have been escaped: everything up to the last '@' counts
 * as login. */
static struct str mask_dsn(struct arena *a, struct str v) {
    struct str rest = v, scheme, user, place;
    const char *at;

    if (str_starts(v, STR("sqlite:")))
        return v;
    (void)str_cut(&rest, ':', &scheme);
    (void)str_eat(&rest, STR("//"));
    at = rest.len > 0 ? memrchr(rest.ptr, '@', rest.len) : NULL;
    if (at) {
        struct str login = str_sub(rest, 0, (size_t)(at - rest.ptr));
        bool has_password = str_cut(&login, ':', &user);

        rest = str_sub(rest, (size_t)(at - rest.ptr), rest.len);
        rest =
            arena_printf(a, "%.*s%s%.*s", STR_ARG(user), has_password ? ":***" : "", STR_ARG(rest));
    }
    if (str_cut(&rest, '?', &place) && str_contains(rest, STR("password")))
        rest = STR("***");
    return arena_printf(a, "%.*s://%.*s%s%.*s", STR_ARG(scheme), STR_ARG(place),
                        rest.len > 0 ? "?" : "", STR_ARG(rest));
}

struct str setting_format(struct arena *a, const struct setting *s, const struct config *c) {
    switch (s->type) {
    case SETTING_TEXT:
    case SETTING_URL:
        return setting_text(s, c);
    case SETTING_SECRET:
        return setting_text(s, c).len > 0 ? STR("***") : STR_EMPTY;
    case SETTING_DSN:
        return mask_dsn(a, setting_text(s, c));
    case SETTING_NUMBER:
        return arena_printf(a, "%u", setting_number(s, c));
    case SETTING_DURATION:
        return format_quantity(a, setting_number(s, c), setting_durations);
    case SETTING_SIZE:
        return format_quantity(a, setting_number(s, c), setting_sizes);
    case SETTING_BOOL:
        return *(const bool *)setting_field(s, c) ? STR("true") : STR("false");
    case SETTING_CHOICE:
        return format_choice(s, setting_number(s, c));
    case SETTING_SET:
        return format_set(a, s, setting_number(s, c));
    }
    return STR_EMPTY;
}

static struct str list_choices(struct arena *a, const struct setting *s, const char *last) {
    struct str text = STR_EMPTY;

    for (const struct choice *ch = s->choices; ch->name; ch++) {
        const char *between = ch == s->choices ? "" : ch[1].name ? ", " : last;

        text = arena_printf(a, "%.*s%s%s", STR_ARG(text), between, ch->name);
    }
    return text;
}

static struct str list_range(struct arena *a, const struct setting *s,
                             const struct setting_unit *units) {
    return arena_printf(a, "%.*s to %.*s", STR_ARG(format_quantity(a, s->min, units)),
                        STR_ARG(format_quantity(a, s->max, units)));
}

struct str setting_wants(struct arena *a, const struct setting *s) {
    if (s->wants)
        return str_of(s->wants);
    switch (s->type) {
    case SETTING_URL:
        return STR("an http:// or https:// URL without user, query or fragment");
    case SETTING_TEXT:
    case SETTING_SECRET:
    case SETTING_DSN:
        return s->min > 1
                   ? arena_printf(a, "%lld to %lld bytes", (long long)s->min, (long long)s->max)
                   : arena_printf(a, "at most %lld bytes", (long long)s->max);
    case SETTING_NUMBER:
        return arena_printf(a, "%lld to %lld", (long long)s->min, (long long)s->max);
    case SETTING_DURATION:
        return list_range(a, s, setting_durations);
    case SETTING_SIZE:
        return list_range(a, s, setting_sizes);
    case SETTING_BOOL:
        return STR("true or false");
    case SETTING_CHOICE:
        return list_choices(a, s, " or ");
    case SETTING_SET:
        return arena_printf(a, "any of %.*s, separated by commas",
                            STR_ARG(list_choices(a, s, " and ")));
    }
    return STR_EMPTY;
}
