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
