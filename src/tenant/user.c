/* user.c - people of a tenant and their passwords.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"
#include "tenant/store.h"

enum {
    EMAIL_MAX_BYTES = 254, /* RFC 5321 §4.5.3.1.3, without the brackets */
};

static const struct {
    enum role role;
    const char *name;
} roles[] = {
    {ROLE_AGENT, "agent"},
    {ROLE_SUPERVISOR, "supervisor"},
    {ROLE_ADMIN, "admin"},
};

bool role_parse(struct str s, enum role *ret) {
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        if (str_eq(s, str_of(roles[i].name))) {
            *ret = roles[i].role;
            return true;
        }
    }
    return false;
}

const char *role_name(enum role role) {
    for (size_t i = 0; i < ARRAY_LEN(roles); i++)
        if (roles[i].role == role)
            return roles[i].name;
    return "none";
}

struct str user_fold_email(struct arena *a, struct str email) {
    struct str trimmed = str_trim(email);
    char *p = arena_alloc(a, trimmed.len + 1);

    for (size_t i = 0; i < trimmed.len; i++) {
        char c = trimmed.ptr[i];

        p[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    return (struct str){.ptr = p, .len = trimmed.len};
}

/* A name to log in with that also works as an address: what mail servers accept is theirs to
 * say. */
static bool is_email(struct str s) {
    struct str domain = s, local;

    if (s.len > EMAIL_MAX_BYTES || !utf8_is_valid(s) || !str_cut(&domain, '@', &local))
        return false;
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] <= ' ' || s.ptr[i] == 127)
            return false;
    return local.len > 0 && domain.len > 0 && !str_contains(domain, STR("@"));
}

static enum status check_password(struct str password, struct err *e) {
    if (password.len > PASSWORD_MAX_BYTES)
        FAIL(e, ST_INVALID, "a password has at most %d bytes", PASSWORD_MAX_BYTES);
    if (!utf8_is_valid(password) || utf8_count(password) < PASSWORD_MIN_POINTS)
        FAIL(e, ST_INVALID, "a password has at least %d characters", PASSWORD_MIN_POINTS);
    return ST_OK;
}

/* --- adding ---------------------------------------------------------------------------------- */

struct adding {
    const struct user *user;
    struct str password_hash;
};

static enum status insert(struct tx *tx, void *ctx, struct err *e) {
    const struct adding *adding = ctx;

    return store_user_insert(tx, adding->user, adding->password_hash, e);
}

enum status user_add(struct arena *a, struct db *db, struct user_new in, struct user *ret,
                     struct err *e) {
    struct user u = {
        .id = {uuid_new()},
        .tenant = in.tenant,
        .email = user_fold_email(a, in.email),
        .name = arena_str(a, in.name),
        .role = in.role,
        .is_active = true,
        .created_at_ms = clock_now_ms(),
    };
    struct adding adding = {.user = &u};

    if (!is_email(u.email))
        FAIL(e, ST_INVALID, "the e-mail is not like \"name@example.com\"");
    if (in.role == ROLE_NONE)
        FAIL(e, ST_INVALID, "a user is agent, supervisor or admin");
    TRY(tenant_check_name(u.name, e));
    TRY(check_password(in.password, e));
    TRY(crypto_password_hash(a, in.password, &adding.password_hash, e));
    TRY(db_write(db, DB_TENANT(in.tenant), insert, &adding, e));
    *ret = u;
    return ST_OK;
}

/* --- changing -------------------------------------------------------------------------------- */

struct changing {
    struct tenant_id tenant;
    struct str email;
    struct str password_hash;
};

static enum status change_password(struct tx *tx, void *ctx, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    const struct changing *c = ctx;
    struct user_id id;

    TRY(store_user_password(&a, tx, c->tenant, c->email, c->password_hash, &id, e));
    return store_session_delete_user(tx, c->tenant, id, e);
}

enum status user_hash_password(struct arena *a, struct str password, struct str *ret,
                               struct err *e) {
    TRY(check_password(password, e));
    return crypto_password_hash(a, password, ret, e);
}

struct password_read {
    struct arena *arena;
    struct tenant_id tenant;
    struct user_id id;
    struct str hash;
};

static enum status read_password(struct tx *tx, void *ctx, struct err *e) {
    struct password_read *r = ctx;

    return store_user_get_password(r->arena, tx, r->tenant, r->id, &r->hash, e);
}

static enum status count_password_try(struct db *db, struct user_id id, struct err *e) {
    uint8_t digest[SHA256_BYTES];

    crypto_sha256((struct str){(const char *)id.v.bytes, sizeof(id.v.bytes)}, digest);
    return login_try(db, (struct str){(const char *)digest, sizeof(digest)}, LOGIN_MAX_TRIES, e);
}

enum status user_check_password(struct db *db, struct tenant_id tenant, struct user_id id,
                                struct str password, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct password_read r = {.arena = &a, .tenant = tenant, .id = id};

    TRY(count_password_try(db, id, e));
    TRY(db_read(db, DB_TENANT(tenant), read_password, &r, e));
    if (password.len <= PASSWORD_MAX_BYTES && crypto_password_check(password, r.hash))
        return ST_OK;
    if (!e->cause)
        e->cause = "password";
    FAIL(e, ST_DENIED, "the password is wrong");
}

/* --- editing --------------------------------------------------------------------------------- */

static bool is_one_of(struct str s, const char *const *words, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (str_eq(s, str_of(words[i])))
            return true;
    return false;
}

static enum status apply_edit(struct user *u, const struct user_edit *edit, struct err *e) {
    static const char *const locales[] = {"", "pt-BR", "en"};
    static const char *const themes[] = {"auto", "light", "dark"};

    if (edit->name)
        u->name = *edit->name;
    if (edit->locale)
        u->locale = *edit->locale;
    if (edit->theme)
        u->theme = *edit->theme;
    if (edit->role)
        u->role = *edit->role;
    if (edit->is_active)
        u->is_active = *edit->is_active;
    TRY(tenant_check_name(u->name, e));
    if (!is_one_of(u->locale, locales, ARRAY_LEN(locales)))
        FAIL(e, ST_INVALID, "locale: \"pt-BR\", \"en\", or \"\" for the tenant's");
    if (!is_one_of(u->theme, themes, ARRAY_LEN(themes)))
        FAIL(e, ST_INVALID, "theme: \"auto\", \"light\" or \"dark\"");
    if (u->role == ROLE_NONE)
        FAIL(e, ST_INVALID, "a user is agent, supervisor or admin");
    return ST_OK;
}

static bool is_acting_admin(const struct user *u) {
    return u->is_active && u->role == ROLE_ADMIN;
}

enum status user_edit(struct arena *a, struct tx *tx, struct tenant_id tenant, struct user_id id,
                      const struct user_edit *edit, struct user *ret, struct err *e) {
    struct str keep = STR_EMPTY;
    struct user before, u;
    int64_t n_admins = 0;
    bool may_lose_admin = edit->role || edit->is_active;

    if (may_lose_admin) /* first: the count is then held to the end */
        TRY(store_user_count_admins(a, tx, tenant, &n_admins, e));
    TRY(user_get(a, tx, tenant, id, &before, e));
    u = before;
    TRY(apply_edit(&u, edit, e));
    if (may_lose_admin && is_acting_admin(&before) && !is_acting_admin(&u) && n_admins < 2)
        FAIL(e, ST_CONFLICT,
             "this is the tenant's last active admin: make somebody else admin first");
    TRY(store_user_update(tx, &u, e));
    if (edit->password_hash.len > 0)
        TRY(store_user_put_password(tx, tenant, id, edit->password_hash, e));
    if (edit->password_hash.len > 0 && edit->keep_token.len > 0)
        keep = session_digest(a, edit->keep_token);
    if (!u.is_active || edit->password_hash.len > 0)
        TRY(store_session_delete_others(tx, tenant, id, u.is_active ? keep : STR_EMPTY, e));
    *ret = u;
    return ST_OK;
}

enum status user_set_password(struct db *db, struct tenant_id tenant, struct str email,
                              struct str password, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct changing c = {.tenant = tenant, .email = user_fold_email(&a, email)};

    TRY(check_password(password, e));
    TRY(crypto_password_hash(&a, password, &c.password_hash, e));
    return db_write(db, DB_TENANT(tenant), change_password, &c, e);
}

enum status user_set_active(struct tx *tx, struct tenant_id tenant, struct str email,
                            bool is_active, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct user_id id;

    TRY(store_user_active(&a, tx, tenant, user_fold_email(&a, email), is_active, &id, e));
    return is_active ? ST_OK : store_session_delete_user(tx, tenant, id, e);
}
