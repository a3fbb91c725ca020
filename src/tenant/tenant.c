/* tenant.c - what may be a tenant's slug, name, language and time zone.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tenant/tenant.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "tenant/store.h"

enum {
    SLUG_MIN_BYTES = 2,
    SLUG_MAX_BYTES = 40,
    NAME_MAX_BYTES = 200,
    WORD_MAX_BYTES = 64,
    LEGACY_MAX_BYTES = 256 << 10,
};

static bool is_lower_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Not a dash in front: a slug is an argument on command lines. */
static bool is_slug(struct str s) {
    if (s.len < SLUG_MIN_BYTES || s.len > SLUG_MAX_BYTES || s.ptr[0] == '-')
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!is_lower_or_digit(s.ptr[i]) && s.ptr[i] != '-')
            return false;
    return true;
}

/* "pt-BR", "America/Sao_Paulo": letters, digits and a few marks. */
static bool is_word(struct str s) {
    if (s.len == 0 || s.len > WORD_MAX_BYTES)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (!is_lower_or_digit(c) && !(c >= 'A' && c <= 'Z') && c != '-' && c != '_' && c != '/' &&
            c != '+')
            return false;
    }
    return true;
}

static struct str or_else(struct str s, struct str fallback) {
    return s.len > 0 ? s : fallback;
}

enum status tenant_check_name(struct str name, struct err *e) {
    if (name.len > NAME_MAX_BYTES)
        FAIL(e, ST_INVALID, "the name is longer than %d bytes", NAME_MAX_BYTES);
    if (!utf8_is_valid(name))
        FAIL(e, ST_INVALID, "the name is not UTF-8");
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.ptr[i] < ' ')
            FAIL(e, ST_INVALID, "the name holds a control character");
    return ST_OK;
}

enum status tenant_add(struct arena *a, struct tx *tx, struct tenant_new in, struct tenant *ret,
                       struct err *e) {
    struct tenant t = {
        .id = {uuid_new()},
        .slug = arena_str(a, in.slug),
        .name = arena_str(a, or_else(in.name, in.slug)),
        .locale = arena_str(a, or_else(in.locale, STR("pt-BR"))),
        .timezone = arena_str(a, or_else(in.timezone, STR("America/Sao_Paulo"))),
        .is_active = true,
        .created_at_ms = clock_now_ms(),
    };

    if (!is_slug(t.slug))
        FAIL(e, ST_INVALID,
             "a slug has %d to %d of a-z, 0-9 and \"-\" and does not begin with \"-\"",
             SLUG_MIN_BYTES, SLUG_MAX_BYTES);
    if (!is_word(t.locale))
        FAIL(e, ST_INVALID, "the locale is not like \"pt-BR\"");
    if (!is_word(t.timezone))
        FAIL(e, ST_INVALID, "the time zone is not like \"America/Sao_Paulo\"");
    TRY(tenant_check_name(t.name, e));
    TRY(store_tenant_insert(tx, &t, e));
    *ret = t;
    return ST_OK;
}

enum status tenant_set_legacy(struct tx *tx, struct tenant_id id, struct str json, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    const struct json *v;
    struct json_limits limits = JSON_LIMITS_DEFAULT;

    limits.max_bytes = LEGACY_MAX_BYTES;
    TRY(json_parse(&a, json, limits, &v, e));
    if (json_type(v) != JSON_OBJECT)
        FAIL(e, ST_INVALID, "the old columns are not a JSON object");
    return store_tenant_legacy_put(tx, id, json, e);
}
