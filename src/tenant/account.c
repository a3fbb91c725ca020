/* account.c - provider accounts: adding and changing, the order in which they are found, their
 * secrets.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tenant/account.h"

#include <string.h>

enum {
    SETTINGS_MAX_BYTES = 32 << 10,
};

static enum status find_kind_of(struct str name, const struct account_kind **ret, struct err *e) {
    *ret = account_kind_find(name);
    if (!*ret)
        FAIL(e, ST_INVALID, "there is no kind of provider \"%.*s\"", STR_ARG(str_sub(name, 0, 40)));
    return ST_OK;
}

/* --- settings -------------------------------------------------------------------------------- */

/* The last one wins, as with every option that is given twice. */
static const struct setting *find_setting(const struct setting *list, size_t n, const char *key) {
    for (size_t i = n; i > 0; i--)
        if (str_eq(list[i - 1].key, str_of(key)))
            return &list[i - 1];
    return NULL;
}

static struct str list_fields(struct arena *a, const struct account_kind *kind, bool is_secret) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = ERR_MESSAGE_BYTES};

    for (size_t i = 0; i < kind->n_fields; i++)
        if (kind->fields[i].is_secret == is_secret)
            buf_printf(&b, "%s%s", b.len > 0 ? ", " : "", kind->fields[i].name);
    return arena_str(a, buf_str(&b));
}

static enum status refuse_unknown(struct arena *a, const struct account_kind *kind,
                                  const struct setting *list, size_t n, bool is_secret,
                                  struct err *e) {
    for (size_t i = 0; i < n; i++) {
        const struct account_field *f = kind_field(kind, list[i].key);
        struct str key = str_sub(list[i].key, 0, 40), fields;

        if (f && f->is_secret == is_secret)
            continue;
        fields = list_fields(a, kind, is_secret);
        FAIL(e, ST_INVALID, "\"%s\" has no %s \"%.*s\"; it takes %.*s", kind->name,
             is_secret ? "secret" : "setting", STR_ARG(key), STR_ARG(fields));
    }
    return ST_OK;
}

/* One member: the new value, none when that is empty, else what was there. */
static enum status put_setting(struct arena *a, struct json_out *o, const struct account_field *f,
                               const struct setting *given, const struct json *before,
                               struct err *e) {
    struct str value;

    if (given && given->value.len > 0) {
        TRY(kind_check_value(a, f, given->value, &value, e));
        kind_put_value(o, f, value);
    } else if (!given && before) {
        json_put_json(o, f->name, before);
    }
    return ST_OK;
}

static enum status merge_settings(struct arena *a, const struct account_kind *kind,
                                  const struct account_new *in, const struct json *before,
                                  struct str *ret, struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = SETTINGS_MAX_BYTES};
    struct json_out o;

    json_out_init(&o, &b);
    json_obj(&o, NULL);
    for (size_t i = 0; i < kind->n_fields; i++) {
        const struct account_field *f = &kind->fields[i];

        if (!f->is_secret)
            TRY(put_setting(a, &o, f, find_setting(in->settings, in->n_settings, f->name),
                            json_get(before, f->name), e));
    }
    json_end(&o);
    if (b.overflown)
        FAIL(e, ST_INVALID, "the settings are longer than %d bytes", SETTINGS_MAX_BYTES);
    *ret = arena_str(a, buf_str(&b));
    return ST_OK;
}

/* --- secrets --------------------------------------------------------------------------------- */

static struct str secret_bound(struct arena *a, struct account_id id, struct str name) {
    struct str text = uuid_format(a, id.v);

    return arena_printf(a, "client_providers:%.*s:%.*s", STR_ARG(text), STR_ARG(name));
}

static enum status put_secrets(struct arena *a, struct tx *tx, const struct keyring *keys,
                               const struct account *account, const struct account_new *in,
                               struct err *e) {
    const struct account_kind *kind = account_kind_find(account->kind);

    for (size_t i = 0; i < in->n_secrets; i++) {
        const struct setting *s = &in->secrets[i];
        struct sealed_row row = {.tenant = account->tenant, .account = account->id, .name = s->key};
        struct str value;

        if (s->value.len == 0) {
            TRY(store_secret_delete(tx, row.tenant, row.account, row.name, e));
            continue;
        }
        TRY(kind_check_value(a, kind_field(kind, s->key), s->value, &value, e));
        row.sealed = keyring_seal(a, keys, secret_bound(a, row.account, row.name), value);
        TRY(store_secret_put(tx, row, e));
    }
    return ST_OK;
}

/* What nobody needs to know but this program. */
static enum status make_secrets(struct arena *a, struct tx *tx, const struct keyring *keys,
                                const struct account *account, const struct account_new *in,
                                struct err *e) {
    const struct account_kind *kind = account_kind_find(account->kind);

    for (size_t i = 0; i < kind->n_fields; i++) {
        struct sealed_row row = {.tenant = account->tenant,
                                 .account = account->id,
                                 .name = str_of(kind->fields[i].name)};

        if (kind->fields[i].type != ACCOUNT_MADE ||
            find_setting(in->secrets, in->n_secrets, kind->fields[i].name))
            continue;
        row.sealed = keyring_seal(a, keys, secret_bound(a, row.account, row.name), crypto_token(a));
        TRY(store_secret_put(tx, row, e));
    }
    return ST_OK;
}

static enum status open_secret(struct arena *a, const struct keyring *keys,
                               const struct sealed_row *row, struct str *ret, struct err *e) {
    return keyring_open(a, keys, secret_bound(a, row->account, row->name), row->sealed, ret, e);
}

enum status account_secret(struct arena *a, struct tx *tx, const struct keyring *keys,
                           const struct account *account, const char *name, struct str *ret,
                           struct err *e) {
    struct sealed_row *rows;
    size_t n;

    *ret = STR_EMPTY;
    if (uuid_is_nil(account->id.v))
        return legacy_secret(a, tx, account, name, ret, e);
    TRY(store_secret_list(a, tx, account->tenant, account->id, &rows, &n, e));
    for (size_t i = 0; i < n; i++)
        if (str_eq(rows[i].name, str_of(name)))
            return open_secret(a, keys, &rows[i], ret, e);
    return ST_OK;
}

/* --- adding and changing --------------------------------------------------------------------- */

static enum status check_input(struct arena *a, const struct account_kind *kind,
                               const struct account_new *in, struct err *e) {
    TRY(tenant_check_name(in->name, e));
    TRY(refuse_unknown(a, kind, in->settings, in->n_settings, false, e));
    return refuse_unknown(a, kind, in->secrets, in->n_secrets, true, e);
}

/* Fills what follows from the merged settings. */
static enum status finish_write(struct arena *a, const struct account_kind *kind,
                                struct account *account, struct str settings,
                                struct account_write *ret, struct err *e) {
    TRY(json_parse(a, settings, JSON_LIMITS_DEFAULT, &account->settings, e));
    *ret = (struct account_write){.account = account, .settings = settings};
    if (kind->group)
        ret->group = json_str(json_get(account->settings, kind->group));
    return ST_OK;
}

enum status account_add(struct arena *a, struct tx *tx, const struct keyring *keys,
                        struct account_new in, struct account *ret, struct err *e) {
    const struct account_kind *kind;
    struct account_write w;
    struct str settings = STR_EMPTY;
    struct account account = {
        .id = {uuid_new()},
        .tenant = in.tenant,
        .address = arena_str(a, in.address),
        .is_active = true,
        .state = STR("ok"),
        .created_at_ms = clock_now_ms(),
    };

    TRY(find_kind_of(in.kind, &kind, e));
    account.kind = str_of(kind->name);
    account.name = in.name.len > 0 ? arena_str(a, in.name) : account.kind;
    account.updated_at_ms = account.created_at_ms;
    TRY(check_input(a, kind, &in, e));
    TRY(kind_check_address(kind, account.address, e));
    TRY(merge_settings(a, kind, &in, NULL, &settings, e));
    TRY(finish_write(a, kind, &account, settings, &w, e));
    TRY(store_account_insert(tx, w, e));
    TRY(put_secrets(a, tx, keys, &account, &in, e));
    TRY(make_secrets(a, tx, keys, &account, &in, e));
    *ret = account;
    return ST_OK;
}

/* The row to change, of in.tenant and, when given, in.kind. */
static enum status get_row(struct arena *a, struct tx *tx, struct account_id id,
                           const struct account_new *in, struct account *ret, struct err *e) {
    TRY(store_account_get(a, tx, id, ret, e));
    if (uuid_is_nil(ret->id.v) || !uuid_eq(ret->tenant.v, in->tenant.v))
        FAIL(e, ST_NOT_FOUND, "the tenant has no such provider account");
    if (in->kind.len > 0 && !str_eq(in->kind, ret->kind))
        FAIL(e, ST_INVALID, "the provider account is of kind \"%.*s\" and stays so",
             STR_ARG(ret->kind));
    return ST_OK;
}

enum status account_update(struct arena *a, struct tx *tx, const struct keyring *keys,
                           struct account_id id, struct account_new in, struct account *ret,
                           struct err *e) {
    const struct account_kind *kind;
    struct account_write w;
    struct str settings = STR_EMPTY;
    struct account account;

    TRY(get_row(a, tx, id, &in, &account, e));
    TRY(find_kind_of(account.kind, &kind, e));
    TRY(check_input(a, kind, &in, e));
    if (in.name.len > 0)
        account.name = arena_str(a, in.name);
    if (in.address.len > 0)
        account.address = arena_str(a, in.address);
    TRY(kind_check_address(kind, account.address, e));
    TRY(merge_settings(a, kind, &in, account.settings, &settings, e));
    account.updated_at_ms = clock_now_ms();
    TRY(finish_write(a, kind, &account, settings, &w, e));
    TRY(store_account_update(tx, w, e));
    TRY(put_secrets(a, tx, keys, &account, &in, e));
    *ret = account;
    return ST_OK;
}

/* --- finding --------------------------------------------------------------------------------- */

enum status account_get(struct arena *a, struct tx *tx, struct account_id id, struct account *ret,
                        struct err *e) {
    struct tenant_id tenant = store_scope_tenant(tx);

    if (!uuid_is_nil(id.v))
        TRY(store_account_get(a, tx, id, ret, e));
    else
        TRY(legacy_account(a, tx, tenant, account_kind_find(STR("meta")), ret, e));
    if (ret->kind.len == 0)
        FAIL(e, ST_NOT_FOUND, "there is no such provider account");
    return ST_OK;
}

enum status account_find_kind(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct str kind, struct account *ret, struct err *e) {
    const struct account_kind *k;

    TRY(find_kind_of(kind, &k, e));
    TRY(store_account_of_kind(a, tx, tenant, kind, ret, e));
    if (uuid_is_nil(ret->id.v))
        TRY(legacy_account(a, tx, tenant, k, ret, e));
    if (ret->kind.len == 0)
        FAIL(e, ST_NOT_FOUND, "the tenant has no active provider account of kind \"%s\"", k->name);
    return ST_OK;
}

enum status account_find_address(struct arena *a, struct tx *tx, struct str kind,
                                 struct str address, struct account *ret, struct err *e) {
    const struct account_kind *k;
    struct account row;
    struct tenant_id legacy_owner;

    TRY(find_kind_of(kind, &k, e));
    if (address.len == 0 || !k->address)
        FAIL(e, ST_NOT_FOUND, "no provider account has this address");
    TRY(store_account_by_address(a, tx, kind, address, &row, e));
    *ret = row;
    if (row.is_active)
        return ST_OK;
    TRY(store_account_legacy_owner(a, tx, kind, address, &legacy_owner, e));
    if (!uuid_is_nil(legacy_owner.v))
        return legacy_account(a, tx, legacy_owner, k, ret, e);
    if (uuid_is_nil(row.id.v))
        FAIL(e, ST_NOT_FOUND, "no provider account has this address");
    return ST_OK;
}

static bool has_active(const struct account *list, size_t n, const struct account_kind *kind) {
    for (size_t i = 0; i < n; i++)
        if (list[i].is_active && str_eq(list[i].kind, str_of(kind->name)))
            return true;
    return false;
}

enum status account_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct account **ret, size_t *ret_n, struct err *e) {
    size_t n_kinds, n;
    const struct account_kind *kinds = account_kinds(&n_kinds);
    struct account *rows, *all;

    TRY(store_account_list(a, tx, tenant, &rows, &n, e));
    all = arena_array_of(a, n + n_kinds, struct account);
    if (n > 0)
        memcpy(all, rows, n * sizeof(*rows));
    *ret_n = n;
    for (size_t i = 0; i < n_kinds; i++) {
        if (has_active(rows, n, &kinds[i]))
            continue;
        TRY(legacy_account(a, tx, tenant, &kinds[i], &all[*ret_n], e));
        if (all[*ret_n].kind.len > 0)
            (*ret_n)++;
    }
    *ret = all;
    return ST_OK;
}

/* --- as an adapter sees it ------------------------------------------------------------------- */

static struct str or_else(struct str s, struct str fallback) {
    return s.len > 0 ? s : fallback;
}

static enum status open_all(struct arena *a, struct tx *tx, const struct keyring *keys,
                            const struct account *account, struct channel *ch,
                            struct mail_channel *mail, struct err *e) {
    /* A kind has the one name or the other. */
    struct {
        const char *name;
        struct str *to;
    } wanted[] = {
        {"access_token", &ch->access_token},         {"app_secret", &ch->app_secret},
        {"verify_token", &ch->verify_token},         {"auth_token", &ch->app_secret},
        {"other_auth_token", &ch->old_secret},       {"api_key_secret", &ch->access_token},
        {"smtp_password", &mail->smtp.password},     {"imap_password", &mail->imap.password},
        {"unsubscribe_key", &mail->unsubscribe_key},
    };
    struct sealed_row *rows = NULL;
    size_t n = 0;
    bool is_legacy = uuid_is_nil(account->id.v);

    if (!is_legacy)
        TRY(store_secret_list(a, tx, account->tenant, account->id, &rows, &n, e));
    for (size_t w = 0; w < ARRAY_LEN(wanted); w++) {
        struct str old;

        if (is_legacy)
            TRY(legacy_secret(a, tx, account, wanted[w].name, &old, e));
        if (is_legacy && old.len > 0)
            *wanted[w].to = old;
        for (size_t i = 0; i < n; i++)
            if (str_eq(rows[i].name, str_of(wanted[w].name)))
                TRY(open_secret(a, keys, &rows[i], wanted[w].to, e));
    }
    return ST_OK;
}

static struct str hook_url(struct arena *a, const struct account *account, struct str public_url) {
    struct str id = uuid_format(a, account->id.v);

    if (public_url.len == 0 || uuid_is_nil(account->id.v))
        return STR_EMPTY;
    return arena_printf(a, "%.*s/webhooks/%.*s/%.*s", STR_ARG(public_url), STR_ARG(account->kind),
                        STR_ARG(id));
}

static enum mail_security security_of(const struct json *s, const char *key) {
    struct str word = json_str(json_get(s, key));

    if (str_eq(word, STR("none")))
        return MAIL_PLAIN;
    return str_eq(word, STR("starttls")) ? MAIL_STARTTLS : MAIL_TLS;
}

/* Its passwords are there already. */
static void fill_mail(const struct account *account, struct str public_url,
                      struct mail_channel *mail) {
    static const uint16_t smtp_ports[] = {465, 587, 25}, imap_ports[] = {993, 143, 143};
    const struct json *s = account->settings;

    mail->account = account->id;
    mail->public_url = public_url;
    mail->from_name = json_str(json_get(s, "from_name"));
    mail->reply_to = json_str(json_get(s, "reply_to"));
    mail->folder = json_str(json_get(s, "imap_folder"));
    mail->max_connections = (unsigned)json_i64(json_get(s, "max_connections"), 4);
    mail->smtp.host = json_str(json_get(s, "smtp_host"));
    mail->smtp.security = security_of(s, "smtp_security");
    mail->smtp.port = (uint16_t)json_i64(json_get(s, "smtp_port"), smtp_ports[mail->smtp.security]);
    mail->smtp.user = json_str(json_get(s, "smtp_user"));
    mail->imap.host = json_str(json_get(s, "imap_host"));
    mail->imap.security = security_of(s, "imap_security");
    mail->imap.port = (uint16_t)json_i64(json_get(s, "imap_port"), imap_ports[mail->imap.security]);
    mail->imap.user = or_else(json_str(json_get(s, "imap_user")), mail->smtp.user);
    mail->imap.password = or_else(mail->imap.password, mail->smtp.password);
}

enum status account_channel(struct arena *a, struct tx *tx, const struct keyring *keys,
                            const struct account *account, struct channel_defaults defaults,
                            struct channel *ret, struct err *e) {
    const struct json *s = account->settings;
    const struct provider *provider = provider_find(account->kind);
    struct channel ch = {
        .address = account->address,
        .base_url = json_str(json_get(s, "base_url")),
        .is_guarded = json_str(json_get(s, "base_url")).len > 0,
        .version = json_str(json_get(s, "graph_version")),
        .user = json_str(json_get(s, "api_key_sid")),
        .service = json_str(json_get(s, "messaging_service_sid")),
        .owner = or_else(json_str(json_get(s, "account_sid")), json_str(json_get(s, "waba_id"))),
        .hook_url = hook_url(a, account, defaults.public_url),
    };

    struct mail_channel *mail = arena_new_of(a, struct mail_channel);

    TRY(open_all(a, tx, keys, account, &ch, mail, e));
    if (provider && provider->transport == TRANSPORT_MAIL) {
        fill_mail(account, defaults.public_url, mail);
        ch.mail = mail;
    } else if (provider && provider->has_shared_app) {
        ch.base_url = or_else(ch.base_url, defaults.base_url);
        ch.version = or_else(ch.version, defaults.version);
        ch.app_secret = or_else(ch.app_secret, defaults.app_secret);
        ch.verify_token = or_else(ch.verify_token, defaults.verify_token);
    } else if (ch.user.len == 0) {
        ch.access_token = or_else(ch.access_token, ch.app_secret);
    }
    *ret = ch;
    return ST_OK;
}

enum status account_secrets_set(struct arena *a, struct tx *tx, const struct account *account,
                                bool **ret, struct err *e) {
    const struct account_kind *kind = account_kind_find(account->kind);
    bool is_legacy = uuid_is_nil(account->id.v);
    struct sealed_row *rows = NULL;
    size_t n = 0;

    *ret = arena_array_of(a, kind->n_fields + 1, bool);
    if (!is_legacy)
        TRY(store_secret_list(a, tx, account->tenant, account->id, &rows, &n, e));
    for (size_t f = 0; f < kind->n_fields; f++) {
        struct str value = STR_EMPTY;

        if (is_legacy && kind->fields[f].is_secret)
            TRY(legacy_secret(a, tx, account, kind->fields[f].name, &value, e));
        (*ret)[f] = value.len > 0;
        for (size_t i = 0; i < n; i++)
            (*ret)[f] |= str_eq(rows[i].name, str_of(kind->fields[f].name));
    }
    return ST_OK;
}

/* --- sealing anew ---------------------------------------------------------------------------- */

struct resealing {
    const struct keyring *keys;
    struct arena *arena; /* of the page */
    struct sealed_row after;
    struct sealed_row last; /* of the page */
    size_t n_rows;
    int64_t n_sealed;
};

/* A secret changed meanwhile was sealed by whoever changed it, under the current key. */
static enum status reseal_row(struct tx *tx, struct resealing *r, struct sealed_row row,
                              struct err *e) {
    struct str old = row.sealed, secret;
    bool done;

    TRY(open_secret(r->arena, r->keys, &row, &secret, e));
    row.sealed =
        keyring_seal(r->arena, r->keys, secret_bound(r->arena, row.account, row.name), secret);
    TRY(store_secret_swap(tx, row, old, &done, e));
    r->n_sealed += done;
    return ST_OK;
}

static enum status reseal_page(struct tx *tx, void *ctx, struct err *e) {
    struct resealing *r = ctx;
    struct sealed_row *rows;

    r->n_sealed = 0;
    TRY(store_secret_page(r->arena, tx, r->after, &rows, &r->n_rows, e));
    for (size_t i = 0; i < r->n_rows; i++)
        if (keyring_is_stale(r->keys, rows[i].sealed))
            TRY(reseal_row(tx, r, rows[i], e));
    if (r->n_rows > 0)
        r->last = rows[r->n_rows - 1];
    return ST_OK;
}

enum status account_reseal(struct db *db, const struct keyring *keys, int64_t *ret_n,
                           struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct resealing r = {.keys = keys, .arena = &a};

    *ret_n = 0;
    do {
        TRY(db_write(db, DB_SYSTEM, reseal_page, &r, e));
        *ret_n += r.n_sealed;
        r.after = r.last;
    } while (r.n_rows > 0);
    return ST_OK;
}
