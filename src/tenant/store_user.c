/* store_user.c - SQL of users, their sessions and their tries to log in.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tenant/store.h"

/* --- users ----------------------------------------------------------------------------------- */

#define COLUMNS                                                                                    \
    "u.id, u.tenant_id, u.email, u.name, u.role, u.is_active, u.created_at, u.locale, u.theme,"    \
    " u.totp_confirmed_at"

enum { N_COLUMNS = 10 };

/* An unknown word in the table (a newer version's) permits nothing. */
static enum role role_at(const struct db_rows *rows, size_t row, size_t col) {
    enum role role = ROLE_NONE;

    return role_parse(db_text(rows, row, col), &role) ? role : ROLE_NONE;
}

static struct user user_at(const struct db_rows *rows, size_t i) {
    return (struct user){
        .id = {db_uuid(rows, i, 0)},
        .tenant = {db_uuid(rows, i, 1)},
        .email = db_text(rows, i, 2),
        .name = db_text(rows, i, 3),
        .role = role_at(rows, i, 4),
        .is_active = db_i64(rows, i, 5) != 0,
        .created_at_ms = db_i64(rows, i, 6),
        .locale = db_text(rows, i, 7),
        .theme = db_text(rows, i, 8),
        .has_totp = !db_is_null(rows, i, 9),
    };
}

enum status store_user_insert(struct tx *tx, const struct user *user, struct str password_hash,
                              struct err *e) {
    int64_t changed;

    TRY(DB_EXEC(tx,
                DB_SQL("INSERT INTO users (id, tenant_id, email, name, role, password, is_active,"
                       " created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $7)"
                       " ON CONFLICT (tenant_id, email) DO NOTHING"),
                &changed, e, V_UUID(user->id.v), V_UUID(user->tenant.v), V_TEXT(user->email),
                V_TEXT(user->name), V_TEXT(str_of(role_name(user->role))), V_TEXT(password_hash),
                V_I64(user->created_at_ms)));
    if (changed == 0)
        FAIL(e, ST_CONFLICT, "the tenant has a user with this e-mail already");
    return ST_OK;
}

enum status user_list(struct arena *a, struct tx *tx, struct tenant_id tenant, struct user **ret,
                      size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT " COLUMNS " FROM users u WHERE u.tenant_id = $1 ORDER BY u.email"),
                 &rows, e, V_UUID(tenant.v)));
    *ret = arena_array_of(a, rows.n, struct user);
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = user_at(&rows, i);
    *ret_n = rows.n;
    return ST_OK;
}

enum status user_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct user_id id,
                     struct user *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT " COLUMNS " FROM users u WHERE u.tenant_id = $1 AND u.id = $2"),
                 &rows, e, V_UUID(tenant.v), V_UUID(id.v)));
    if (rows.n == 0)
        FAIL(e, ST_NOT_FOUND, "the tenant has no such user");
    *ret = user_at(&rows, 0);
    return ST_OK;
}

enum status store_user_password(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                struct str email, struct str password_hash, struct user_id *ret_id,
                                struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("UPDATE users SET password = $3, updated_at = $4"
                        " WHERE tenant_id = $1 AND email = $2 RETURNING id"),
                 &rows, e, V_UUID(tenant.v), V_TEXT(email), V_TEXT(password_hash),
                 V_I64(clock_now_ms())));
    if (rows.n == 0)
        FAIL(e, ST_NOT_FOUND, "the tenant has no user with this e-mail");
    ret_id->v = db_uuid(&rows, 0, 0);
    return ST_OK;
}

enum status store_user_active(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct str email, bool is_active, struct user_id *ret_id,
                              struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("UPDATE users SET is_active = $3, updated_at = $4"
                        " WHERE tenant_id = $1 AND email = $2 RETURNING id"),
                 &rows, e, V_UUID(tenant.v), V_TEXT(email), V_I64(is_active),
                 V_I64(clock_now_ms())));
    if (rows.n == 0)
        FAIL(e, ST_NOT_FOUND, "the tenant has no user with this e-mail");
    ret_id->v = db_uuid(&rows, 0, 0);
    return ST_OK;
}

enum status store_user_update(struct tx *tx, const struct user *user, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE users SET name = $3, role = $4, is_active = $5, locale = $6,"
                          " theme = $7, updated_at = $8 WHERE tenant_id = $1 AND id = $2"),
                   NULL, e, V_UUID(user->tenant.v), V_UUID(user->id.v), V_TEXT(user->name),
                   V_TEXT(str_of(role_name(user->role))), V_I64(user->is_active),
                   V_TEXT(user->locale), V_TEXT(user->theme), V_I64(clock_now_ms()));
}

enum status store_user_put_password(struct tx *tx, struct tenant_id tenant, struct user_id id,
                                    struct str password_hash, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE users SET password = $3, updated_at = $4"
                          " WHERE tenant_id = $1 AND id = $2"),
                   NULL, e, V_UUID(tenant.v), V_UUID(id.v), V_TEXT(password_hash),
                   V_I64(clock_now_ms()));
}

enum status store_user_get_password(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                    struct user_id id, struct str *ret_hash, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, DB_SQL("SELECT password FROM users WHERE tenant_id = $1 AND id = $2"),
                 &rows, e, V_UUID(tenant.v), V_UUID(id.v)));
    *ret_hash = rows.n > 0 ? db_text(&rows, 0, 0) : STR_EMPTY;
    return ST_OK;
}

/* The tenant's row is the lock. */
enum status store_user_count_admins(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                    int64_t *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_EXEC(tx, DB_SQL("UPDATE tenants SET updated_at = $2 WHERE id = $1"), NULL, e,
                V_UUID(tenant.v), V_I64(clock_now_ms())));
    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT count(*) FROM users"
                        " WHERE tenant_id = $1 AND role = $2 AND is_active = 1"),
                 &rows, e, V_UUID(tenant.v), V_TEXT(str_of(role_name(ROLE_ADMIN)))));
    *ret = db_i64(&rows, 0, 0);
    return ST_OK;
}

enum status store_user_login(struct arena *a, struct tx *tx, struct str slug, struct str email,
                             struct login_row *ret, struct err *e) {
    struct db_rows rows;

    *ret = (struct login_row){0};
    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT " COLUMNS ", u.password, t.is_active FROM users u"
                        " JOIN tenants t ON t.id = u.tenant_id WHERE t.slug = $1 AND u.email = $2"),
                 &rows, e, V_TEXT(slug), V_TEXT(email)));
    if (rows.n == 0)
        return ST_OK;
    ret->user = user_at(&rows, 0);
    ret->password_hash = db_text(&rows, 0, N_COLUMNS);
    ret->is_tenant_active = db_i64(&rows, 0, N_COLUMNS + 1) != 0;
    return ST_OK;
}

/* --- sessions -------------------------------------------------------------------------------- */

enum status store_session_insert(struct tx *tx, const struct session_row *row, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("INSERT INTO sessions (digest, id, tenant_id, user_id, peer, agent,"
                          " created_at, seen_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $7)"),
                   NULL, e, V_BYTES(row->digest), V_UUID(uuid_new()), V_UUID(row->tenant.v),
                   V_UUID(row->user.v), V_TEXT(row->peer), V_TEXT(row->agent), V_I64(row->now_ms));
}

enum status store_session_delete_user(struct tx *tx, struct tenant_id tenant, struct user_id user,
                                      struct err *e) {
    return DB_EXEC(tx, DB_SQL("DELETE FROM sessions WHERE tenant_id = $1 AND user_id = $2"), NULL,
                   e, V_UUID(tenant.v), V_UUID(user.v));
}

enum status store_session_delete_others(struct tx *tx, struct tenant_id tenant, struct user_id user,
                                        struct str digest, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("DELETE FROM sessions"
                          " WHERE tenant_id = $1 AND user_id = $2 AND digest <> $3"),
                   NULL, e, V_UUID(tenant.v), V_UUID(user.v), V_BYTES(digest));
}

enum status session_list(struct arena *a, struct tx *tx, struct session_query q,
                         struct session **ret, size_t *ret_n, struct err *e) {
    int64_t now_ms = clock_now_ms();
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT id, peer, agent, created_at, seen_at,"
                        " CASE WHEN digest = $3 THEN 1 ELSE 0 END FROM sessions"
                        " WHERE tenant_id = $1 AND user_id = $2 AND created_at >= $4"
                        " AND seen_at >= $5 ORDER BY seen_at DESC, id"),
                 &rows, e, V_UUID(q.tenant.v), V_UUID(q.user.v),
                 V_BYTES(session_digest(a, q.token)), V_I64(now_ms - SESSION_MAX_MS),
                 V_I64(now_ms - SESSION_IDLE_MS)));
    *ret = arena_array_of(a, rows.n, struct session);
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = (struct session){
            .id = db_uuid(&rows, i, 0),
            .peer = db_text(&rows, i, 1),
            .agent = db_text(&rows, i, 2),
            .created_at_ms = db_i64(&rows, i, 3),
            .seen_at_ms = db_i64(&rows, i, 4),
            .is_current = db_i64(&rows, i, 5) != 0,
        };
    *ret_n = rows.n;
    return ST_OK;
}

enum status session_end(struct tx *tx, struct tenant_id tenant, struct user_id user,
                        struct uuid session, struct err *e) {
    int64_t changed;

    TRY(DB_EXEC(tx,
                DB_SQL("DELETE FROM sessions WHERE tenant_id = $1 AND user_id = $2 AND id = $3"),
                &changed, e, V_UUID(tenant.v), V_UUID(user.v), V_UUID(session)));
    if (changed == 0)
        FAIL(e, ST_NOT_FOUND, "you have no such session, or it has ended");
    return ST_OK;
}

enum status store_session_delete_old(struct tx *tx, struct tenant_id tenant, int64_t now_ms,
                                     struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("DELETE FROM sessions"
                          " WHERE tenant_id = $1 AND (created_at < $2 OR seen_at < $3)"),
                   NULL, e, V_UUID(tenant.v), V_I64(now_ms - SESSION_MAX_MS),
                   V_I64(now_ms - SESSION_IDLE_MS));
}

enum status store_session_delete(struct tx *tx, struct str digest, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("DELETE FROM sessions"
                          " WHERE digest = $1 AND tenant_id = coalesce($2, tenant_id)"),
                   NULL, e, V_BYTES(digest), V_UUID_OPT(store_scope_tenant(tx).v));
}

enum status store_session_find(struct arena *a, struct tx *tx, struct str digest,
                               struct credential *ret, struct err *e) {
    struct db_rows rows;

    *ret = (struct credential){0};
    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT s.tenant_id, s.user_id, u.role, u.is_active, t.is_active,"
                        " s.created_at, s.seen_at FROM sessions s"
                        " JOIN users u ON u.tenant_id = s.tenant_id AND u.id = s.user_id"
                        " JOIN tenants t ON t.id = s.tenant_id WHERE s.digest = $1"),
                 &rows, e, V_BYTES(digest)));
    if (rows.n == 0)
        return ST_OK;
    *ret = (struct credential){
        .principal = {.tenant = {db_uuid(&rows, 0, 0)},
                      .user = {db_uuid(&rows, 0, 1)},
                      .role = role_at(&rows, 0, 2),
                      .by_cookie = true},
        .is_user_active = db_i64(&rows, 0, 3) != 0,
        .is_tenant_active = db_i64(&rows, 0, 4) != 0,
        .created_at_ms = db_i64(&rows, 0, 5),
        .seen_at_ms = db_i64(&rows, 0, 6),
    };
    return ST_OK;
}

enum status store_session_touch(struct tx *tx, struct tenant_id tenant, struct str digest,
                                int64_t now_ms, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE sessions SET seen_at = $3"
                          " WHERE tenant_id = $1 AND digest = $2 AND seen_at < $3"),
                   NULL, e, V_UUID(tenant.v), V_BYTES(digest), V_I64(now_ms));
}

/* --- tries to log in ------------------------------------------------------------------------- */

enum status store_login_count(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct str subject, int64_t now_ms, struct login_tries *ret,
                              struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("INSERT INTO login_tries (tenant_id, subject, tries, since)"
                        " VALUES ($1, $2, 1, $3) ON CONFLICT (tenant_id, subject) DO UPDATE SET"
                        " tries = CASE WHEN login_tries.since < $4 THEN 1"
                        " ELSE login_tries.tries + 1 END,"
                        " since = CASE WHEN login_tries.since < $4 THEN $3"
                        " ELSE login_tries.since END RETURNING tries, since"),
                 &rows, e, V_UUID(tenant.v), V_BYTES(subject), V_I64(now_ms),
                 V_I64(now_ms - LOGIN_WINDOW_MS)));
    *ret = (struct login_tries){.tries = db_i64(&rows, 0, 0), .since_ms = db_i64(&rows, 0, 1)};
    return ST_OK;
}

enum status store_login_clear(struct tx *tx, struct tenant_id tenant, struct str subject,
                              struct err *e) {
    return DB_EXEC(tx, DB_SQL("DELETE FROM login_tries WHERE tenant_id = $1 AND subject = $2"),
                   NULL, e, V_UUID(tenant.v), V_BYTES(subject));
}

enum status store_login_purge(struct tx *tx, int64_t before_ms, struct err *e) {
    return DB_EXEC(tx, DB_SQL("DELETE FROM login_tries WHERE since < $1"), NULL, e,
                   V_I64(before_ms));
}
