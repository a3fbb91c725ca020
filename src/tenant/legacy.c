/* legacy.c - provider accounts as an older system kept them: columns of the client's row and a JSON
 * column, tools_config.
 *
 * Old rows were never checked. A value that its field would refuse today counts as absent, so that
 * one bad setting does not silence a number that works without it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tenant/account.h"

enum {
    SETTINGS_MAX_BYTES = 32 << 10,
};

struct column { /* old column of one value; values without a row here are in tools_config only */
    const char *kind;
    const char *field; /* "address", or a field of the kind */
    const char *column;
};

static const struct column columns[] = {
    {"meta", "address", "whatsapp_phone_number_id"},
    {"meta", "waba_id", "whatsapp_business_account_id"},
    {"meta", "display_phone", "whatsapp_display_phone"},
    {"meta", "access_token", "whatsapp_access_token"},
    {"meta", "app_secret", "whatsapp_app_secret"},
    {"meta", "verify_token", "whatsapp_verify_token"},
    {"openai", "api_key", "openai_api_key"},
    {"openai", "model", "openai_model"},
};

struct legacy {
    const struct json *columns; /* the whole row */
    const struct json *tools;   /* this kind's part of tools_config */
    const struct account_kind *kind;
};

static bool is_kind(const struct account_kind *kind, const char *name) {
    return str_eq(str_of(kind->name), str_of(name));
}

/* tools_config was JSON in some databases and text holding JSON in others. */
static const struct json *read_tools(struct arena *a, const struct json *row) {
    const struct json *v = json_get(row, "tools_config"), *parsed;
    struct err ignored = ERR_INIT;

    if (json_type(v) != JSON_STRING)
        return v;
    if (json_parse(a, json_str(v), JSON_LIMITS_DEFAULT, &parsed, &ignored) != ST_OK)
        return NULL;
    return parsed;
}

static enum status read_legacy(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               const struct account_kind *kind, struct legacy *ret, struct err *e) {
    struct str text;
    enum status st = store_tenant_legacy(a, tx, tenant, &text, e);

    *ret = (struct legacy){.kind = kind};
    if (st == ST_NOT_FOUND) { /* no tenant, no old columns */
        err_clear(e);
        return ST_OK;
    }
    TRY(st);
    TRY(json_parse(a, text, JSON_LIMITS_DEFAULT, &ret->columns, e));
    ret->tools =
        json_get(read_tools(a, ret->columns), is_kind(kind, "meta") ? "whatsapp" : kind->name);
    return ST_OK;
}

/* Numbers and booleans were numbers and booleans in some rows and text in others. */
static struct str as_text(struct arena *a, const struct json *v) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 64};

    if (json_type(v) == JSON_STRING)
        return json_str(v);
    if (json_type(v) == JSON_INT || json_type(v) == JSON_REAL || json_type(v) == JSON_BOOL)
        json_write(&b, v);
    return arena_str(a, buf_str(&b));
}

static struct str find_value(struct arena *a, const struct legacy *l, const char *field) {
    const char *tool = str_eq(str_of(field), STR("address")) ? "phone_number_id" : field;
    struct str value = STR_EMPTY;

    for (size_t i = 0; i < ARRAY_LEN(columns) && value.len == 0; i++)
        if (is_kind(l->kind, columns[i].kind) && str_eq(str_of(field), str_of(columns[i].field)))
            value = as_text(a, json_get(l->columns, columns[i].column));
    return value.len > 0 ? value : as_text(a, json_get(l->tools, tool));
}

/* Empty also when the value would be refused. */
static struct str find_checked(struct arena *a, const struct legacy *l,
                               const struct account_field *field) {
    struct str value = find_value(a, l, field->name), checked;
    struct err ignored = ERR_INIT;

    if (value.len == 0 || kind_check_value(a, field, value, &checked, &ignored) != ST_OK)
        return STR_EMPTY;
    return checked;
}

static enum status build_settings(struct arena *a, const struct legacy *l, const struct json **ret,
                                  struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = SETTINGS_MAX_BYTES};
    struct json_out o;

    json_out_init(&o, &b);
    json_obj(&o, NULL);
    for (size_t i = 0; i < l->kind->n_fields; i++) {
        const struct account_field *f = &l->kind->fields[i];
        struct str value = f->is_secret ? STR_EMPTY : find_checked(a, l, f);

        if (value.len > 0)
            kind_put_value(&o, f, value);
    }
    json_end(&o);
    return json_parse(a, arena_str(a, buf_str(&b)), JSON_LIMITS_DEFAULT, ret, e);
}

static bool is_account(struct arena *a, const struct legacy *l, struct str address) {
    if (l->kind->address)
        return address.len > 0;
    return find_value(a, l, "api_key").len > 0 || find_value(a, l, "base_url").len > 0;
}

/* The older system knew no other kinds. */
static bool is_old_kind(const struct account_kind *kind) {
    for (size_t i = 0; i < ARRAY_LEN(columns); i++)
        if (is_kind(kind, columns[i].kind))
            return true;
    return false;
}

enum status legacy_account(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           const struct account_kind *kind, struct account *ret, struct err *e) {
    struct legacy l;
    struct str address;

    *ret = (struct account){0};
    if (!is_old_kind(kind))
        return ST_OK;
    TRY(read_legacy(a, tx, tenant, kind, &l, e));
    address = kind->address ? find_value(a, &l, "address") : STR_EMPTY;
    if (!is_account(a, &l, address))
        return ST_OK;
    *ret = (struct account){
        .tenant = tenant,
        .kind = str_of(kind->name),
        .name = STR("old columns"),
        .address = address,
        .is_active = true,
        .state = STR("ok"),
    };
    return build_settings(a, &l, &ret->settings, e);
}

enum status legacy_secret(struct arena *a, struct tx *tx, const struct account *account,
                          const char *name, struct str *ret, struct err *e) {
    const struct account_kind *kind = account_kind_find(account->kind);
    const struct account_field *field = kind ? kind_field(kind, str_of(name)) : NULL;
    struct legacy l;

    *ret = STR_EMPTY;
    if (!field || !field->is_secret)
        return ST_OK;
    TRY(read_legacy(a, tx, account->tenant, kind, &l, e));
    *ret = find_checked(a, &l, field);
    return ST_OK;
}
