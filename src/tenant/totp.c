/* totp.c - the second factor: its secret, codes that are good once, recovery codes.
 *
 * The secret is sealed and bound to its user. A code is used up by moving the user's last step past it, which one of two
 * parallel logins manages. Recovery codes have 80 random bits, so their digest gives nothing away.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tenant/totp.h"

#include "tenant/store.h"

enum {
    RECOVERY_BYTES = 10, /* 16 letters, in groups of four */
    RECOVERY_LETTERS = 16,
    CODE_MAX_BYTES = 64,
    CODE_MAX_TRIES = 10,
    SUBJECT_MAX_BYTES = 128,
};

static struct str bound_of(struct arena *a, struct user_id user) {
    struct str id = uuid_format(a, user.v);

    return arena_printf(a, "users:%.*s:totp", STR_ARG(id));
}

static enum status deny(struct err *e, const char *why) {
    enum status st = err_set(e, ST_DENIED, __FILE__, __LINE__, "%s", why);

    if (e && !e->cause)
        e->cause = "second-factor";
    return st;
}

/* --- making one ------------------------------------------------------------------------------ */

static bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static void add_escaped(struct buf *b, struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        if (is_unreserved(s.ptr[i]))
            buf_add_char(b, s.ptr[i]);
        else
            buf_printf(b, "%%%02X", (unsigned)(unsigned char)s.ptr[i]);
    }
}

/* As authenticator apps take it; the issuer stands twice because some read only one. */
static struct str uri_of(struct arena *a, struct str slug, struct str email, struct str secret) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 4096};
    struct str issuer = arena_printf(a, "prosa %.*s", STR_ARG(slug));

    buf_add(&b, STR("otpauth://totp/"));
    add_escaped(&b, issuer);
    buf_add_char(&b, ':');
    add_escaped(&b, email);
    buf_printf(&b, "?secret=%.*s&issuer=", STR_ARG(secret));
    add_escaped(&b, issuer);
    buf_add(&b, STR("&algorithm=SHA1&digits=6&period=30"));
    return arena_str(a, buf_str(&b));
}

enum status totp_begin(struct arena *a, struct tx *tx, const struct keyring *keys,
                       const struct user *user, struct totp_new *ret, struct err *e) {
    uint8_t bytes[TOTP_SECRET_BYTES];
    struct str secret = {(const char *)bytes, sizeof(bytes)}, sealed;
    struct tenant tenant;
    struct totp_row row;

    TRY(tenant_get(a, tx, user->tenant, &tenant, e));
    TRY(store_totp_get(a, tx, user->tenant, user->id, &row, e));
    if (row.is_confirmed)
        FAIL(e, ST_CONFLICT, "a second factor is in force: disable it first");
    crypto_random(bytes, sizeof(bytes));
    sealed = keyring_seal(a, keys, bound_of(a, user->id), secret);
    ret->secret = totp_base32(a, secret);
    crypto_wipe(bytes, sizeof(bytes));
    ret->uri = uri_of(a, tenant.slug, user->email, ret->secret);
    return store_totp_put(tx, user->tenant, user->id, sealed, e);
}

/* --- codes ----------------------------------------------------------------------------------- */

/* As typed: letters of any case, groups apart or not. */
static struct str recovery_digest(struct arena *a, struct user_id user, struct str code) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = SUBJECT_MAX_BYTES};
    uint8_t *digest = arena_alloc(a, SHA256_BYTES);
    size_t n = 0;

    buf_add(&b, (struct str){(const char *)user.v.bytes, sizeof(user.v.bytes)});
    for (size_t i = 0; i < code.len && n < RECOVERY_LETTERS; i++) {
        char c = code.ptr[i];

        if (c == '-' || c == ' ')
            continue;
        buf_add_char(&b, (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c));
        n++;
    }
    crypto_sha256(buf_str(&b), digest);
    return (struct str){(const char *)digest, SHA256_BYTES};
}

static struct str new_recovery_code(struct arena *a) {
    uint8_t bytes[RECOVERY_BYTES];
    struct str text;
    char letters[RECOVERY_LETTERS];

    crypto_random(bytes, sizeof(bytes));
    text = totp_base32(a, (struct str){(const char *)bytes, sizeof(bytes)});
    for (size_t i = 0; i < RECOVERY_LETTERS; i++)
        letters[i] = (char)(text.ptr[i] >= 'A' ? text.ptr[i] - 'A' + 'a' : text.ptr[i]);
    return arena_printf(a, "%.4s-%.4s-%.4s-%.4s", letters, letters + 4, letters + 8, letters + 12);
}

/* Moves the user's last step past the code; *ret_done: it was good. */
static enum status use_code(struct arena *a, struct tx *tx, const struct keyring *keys,
                            const struct totp_row *row, struct str code, bool *ret_done,
                            struct err *e) {
    struct str secret;
    int64_t step;

    *ret_done = false;
    TRY(keyring_open(a, keys, bound_of(a, row->user), row->sealed, &secret, e));
    step = totp_find_step(secret, code, clock_now_ms(), row->step);
    if (step < 0)
        return ST_OK;
    return store_totp_step(tx, row->tenant, row->user, step, ret_done, e);
}

enum status totp_use(struct tx *tx, const struct keyring *keys, const struct user *user,
                     struct str code, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct totp_row row;
    bool done;

    TRY(store_totp_get(&a, tx, user->tenant, user->id, &row, e));
    if (!row.is_confirmed)
        return ST_OK;
    code = str_trim(code);
    if (code.len == 0)
        return deny(e, "a code of the second factor is needed");
    if (code.len > CODE_MAX_BYTES)
        return deny(e, "the code of the second factor is wrong or was used");
    if (code.len == TOTP_DIGITS)
        TRY(use_code(&a, tx, keys, &row, code, &done, e));
    else
        TRY(store_recovery_take(tx, user->tenant, user->id, recovery_digest(&a, user->id, code),
                                &done, e));
    return done ? ST_OK : deny(e, "the code of the second factor is wrong or was used");
}

enum status totp_confirm(struct arena *a, struct tx *tx, const struct keyring *keys,
                         const struct user *user, struct str code, struct str *ret, struct err *e) {
    struct totp_row row;
    bool done;

    TRY(store_totp_get(a, tx, user->tenant, user->id, &row, e));
    if (row.is_confirmed || row.sealed.len == 0)
        FAIL(e, ST_CONFLICT, "%s",
             row.is_confirmed ? "a second factor is in force" : "no second factor was begun");
    TRY(use_code(a, tx, keys, &row, str_trim(code), &done, e));
    if (!done)
        return deny(e, "the code is wrong: check the clock of the device");
    TRY(store_totp_confirm(tx, user->tenant, user->id, e));
    for (size_t i = 0; i < TOTP_RECOVERY_CODES; i++) {
        ret[i] = new_recovery_code(a);
        TRY(store_recovery_add(tx, user->tenant, user->id, recovery_digest(a, user->id, ret[i]),
                               e));
    }
    return ST_OK;
}

static struct str tries_subject(struct arena *a, struct user_id user) {
    uint8_t *digest = arena_alloc(a, SHA256_BYTES);

    crypto_sha256(bound_of(a, user), digest);
    return (struct str){(const char *)digest, SHA256_BYTES};
}

enum status totp_try(struct db *db, struct user_id user, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};

    return login_try(db, tries_subject(&a, user), CODE_MAX_TRIES, e);
}

enum status totp_forget_tries(struct tx *tx, struct user_id user, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};

    return store_login_clear(tx, (struct tenant_id){0}, tries_subject(&a, user), e);
}

enum status totp_reset(struct tx *tx, struct tenant_id tenant, struct user_id user, struct err *e) {
    return store_totp_put(tx, tenant, user, STR_EMPTY, e);
}

/* --- sealing anew ---------------------------------------------------------------------------- */

struct resealing {
    struct arena *arena; /* of the page */
    const struct keyring *keys;
    struct user_id after, last; /* of the page */
    size_t n_rows;
    int64_t n_sealed;
};

static enum status reseal_row(struct tx *tx, struct resealing *r, struct totp_row row,
                              struct err *e) {
    struct str old = row.sealed, secret, bound = bound_of(r->arena, row.user);
    bool done;

    if (!keyring_is_stale(r->keys, old))
        return ST_OK;
    TRY(keyring_open(r->arena, r->keys, bound, old, &secret, e));
    row.sealed = keyring_seal(r->arena, r->keys, bound, secret);
    TRY(store_totp_swap(tx, &row, old, &done, e));
    r->n_sealed += done;
    return ST_OK;
}

static enum status reseal_page(struct tx *tx, void *ctx, struct err *e) {
    struct resealing *r = ctx;
    struct totp_row *rows;

    r->n_sealed = 0;
    TRY(store_totp_page(r->arena, tx, r->after, &rows, &r->n_rows, e));
    for (size_t i = 0; i < r->n_rows; i++)
        TRY(reseal_row(tx, r, rows[i], e));
    if (r->n_rows > 0)
        r->last = rows[r->n_rows - 1].user;
    return ST_OK;
}

enum status totp_reseal(struct db *db, const struct keyring *keys, int64_t *ret_n, struct err *e) {
    struct resealing r = {.keys = keys};

    *ret_n = 0;
    do {
        ATTR_CLEANUP(arena_done_p) struct arena a = {0};

        r.arena = &a;
        TRY(db_write(db, DB_SYSTEM, reseal_page, &r, e));
        *ret_n += r.n_sealed;
        r.after = r.last;
    } while (r.n_rows > 0);
    return ST_OK;
}
