/* session.c - logging in and out.
 *
 * A try is counted before the password is looked at, so that parallel guesses cannot outrun the
 * count; a success forgets what was counted from its peer. Unknown tenants and users take the same
 * steps and the same time as known ones.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"
#include "tenant/store.h"

enum {
    ACCOUNT_MAX_TRIES = 10 * LOGIN_MAX_TRIES,
    PURGE_AFTER_MS = 2 * LOGIN_WINDOW_MS,
    LOGIN_TEXT_MAX_BYTES = 254,
    AGENT_MAX_BYTES = 200,
};

struct attempt {
    struct arena *arena;
    const struct keyring *keys;
    struct login in;
    struct str email;
    struct login_row row;
    struct str by_peer; /* digests: whose tries are counted */
    struct str by_account;
    struct login_tries of_peer, of_account;
    struct str token;
};

/* The parts are separated by a byte that occurs in none of them. */
static struct str subject(struct arena *a, const struct login *in, struct str email,
                          struct str peer) {
    struct str text = arena_printf(a, "%.*s\n%.*s\n%.*s", STR_ARG(in->tenant_slug), STR_ARG(email),
                                   STR_ARG(peer));
    uint8_t *digest = arena_alloc(a, SHA256_BYTES);

    crypto_sha256(text, digest);
    return (struct str){.ptr = (const char *)digest, .len = SHA256_BYTES};
}

struct str session_digest(struct arena *a, struct str token) {
    uint8_t *digest = arena_alloc(a, SHA256_BYTES);

    crypto_token_digest(token, digest);
    return (struct str){.ptr = (const char *)digest, .len = SHA256_BYTES};
}

/* Tries belong to the installation (the nil tenant): a slug that does not exist is counted like one
 * that does. */
static enum status count(struct tx *tx, void *ctx, struct err *e) {
    struct attempt *t = ctx;
    struct tenant_id nobody = {0};
    int64_t now_ms = clock_now_ms();

    TRY(store_login_purge(tx, now_ms - PURGE_AFTER_MS, e));
    TRY(store_login_count(t->arena, tx, nobody, t->by_peer, now_ms, &t->of_peer, e));
    TRY(store_login_count(t->arena, tx, nobody, t->by_account, now_ms, &t->of_account, e));
    return store_user_login(t->arena, tx, t->in.tenant_slug, t->email, &t->row, e);
}

static enum status check_tries(struct login_tries tries, int64_t max, struct err *e) {
    int64_t wait_ms = tries.since_ms + LOGIN_WINDOW_MS - clock_now_ms();
    enum status st;

    if (tries.tries <= max)
        return ST_OK;
    st = err_set(e, ST_LIMITED, __FILE__, __LINE__, "too many tries to log in");
    if (e && e->retry_after_ms == 0)
        e->retry_after_ms = (uint32_t)(wait_ms > 1000 ? wait_ms : 1000);
    return st;
}

struct single_try {
    struct arena *arena;
    struct str subject;
    struct login_tries tries;
};

static enum status count_single(struct tx *tx, void *ctx, struct err *e) {
    struct single_try *t = ctx;
    int64_t now_ms = clock_now_ms();

    TRY(store_login_purge(tx, now_ms - PURGE_AFTER_MS, e));
    return store_login_count(t->arena, tx, (struct tenant_id){0}, t->subject, now_ms, &t->tries, e);
}

enum status login_try(struct db *db, struct str subject, int64_t max, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct single_try t = {.arena = &a, .subject = subject};

    TRY(db_write(db, DB_SYSTEM, count_single, &t, e));
    return check_tries(t.tries, max, e);
}

static bool check_password(const struct attempt *t) {
    if (uuid_is_nil(t->row.user.id.v)) {
        crypto_password_check_dummy(t->in.password);
        return false;
    }
    return crypto_password_check(t->in.password, t->row.password_hash) && t->row.user.is_active &&
           t->row.is_tenant_active;
}

/* Always under a new token: one that was known before the login is worth nothing after it. */
static enum status open_for(struct arena *a, struct tx *tx, struct session_row row,
                            struct str *ret_token, struct err *e) {
    struct str token = crypto_token(a);

    row.digest = session_digest(a, token);
    row.now_ms = clock_now_ms();
    row.agent = utf8_repair(a, utf8_cut_bytes(row.agent, AGENT_MAX_BYTES));
    TRY(store_session_delete_old(tx, row.tenant, row.now_ms, e));
    TRY(store_session_insert(tx, &row, e));
    *ret_token = token;
    return ST_OK;
}

static enum status audit_user(struct tx *tx, const struct user *user, const char *action,
                              struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct str id = uuid_format(&a, user->id.v);
    struct str who = arena_printf(&a, "user:%.*s", STR_ARG(id));

    return audit_add(
        tx, (struct audit){.tenant = user->tenant, .actor = who, .action = action, .object = who},
        e);
}

static enum status open_session(struct tx *tx, void *ctx, struct err *e) {
    struct attempt *t = ctx;
    const struct session_row row = {.tenant = t->row.user.tenant,
                                    .user = t->row.user.id,
                                    .peer = t->in.peer,
                                    .agent = t->in.agent};

    TRY(totp_use(tx, t->keys, &t->row.user, t->in.code, e));
    TRY(totp_forget_tries(tx, t->row.user.id, e));
    TRY(store_login_clear(tx, (struct tenant_id){0}, t->by_peer, e));
    if (t->in.old_token.len > 0)
        TRY(session_close(tx, t->in.old_token, e));
    TRY(open_for(t->arena, tx, row, &t->token, e));
    return audit_user(tx, &t->row.user, "session.open", e);
}

enum status session_open(struct arena *a, struct db *db, const struct keyring *keys,
                         struct login in, struct str *ret_token, struct user *ret, struct err *e) {
    struct attempt t = {.arena = a, .keys = keys, .in = in, .email = user_fold_email(a, in.email)};

    /* What no tenant or user can be called is nobody; the bounds keep the texts below small. */
    if (in.tenant_slug.len > LOGIN_TEXT_MAX_BYTES || t.email.len > LOGIN_TEXT_MAX_BYTES ||
        in.password.len > PASSWORD_MAX_BYTES)
        FAIL(e, ST_DENIED, "tenant, e-mail or password is wrong");
    t.by_peer = subject(a, &in, t.email, in.peer);
    t.by_account = subject(a, &in, t.email, STR_EMPTY);
    TRY(db_write(db, DB_SYSTEM, count, &t, e));
    TRY(check_tries(t.of_peer, LOGIN_MAX_TRIES, e));
    TRY(check_tries(t.of_account, ACCOUNT_MAX_TRIES, e));
    if (!check_password(&t))
        FAIL(e, ST_DENIED, "tenant, e-mail or password is wrong");
    if (t.row.user.has_totp && in.code.len > 0)
        TRY(totp_try(db, t.row.user.id, e));
    TRY(db_write(db, DB_SYSTEM, open_session, &t, e));
    *ret_token = t.token;
    *ret = t.row.user;
    return ST_OK;
}

enum status session_open_trusted(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                 struct user_id user, struct str *ret_token, struct err *e) {
    return open_for(a, tx, (struct session_row){.tenant = tenant, .user = user}, ret_token, e);
}

enum status session_close(struct tx *tx, struct str token, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};

    return store_session_delete(tx, session_digest(&a, token), e);
}
