/* api_profile.c - what people set for themselves: name, language, password, second factor, sessions. Without scopes: an API key
 * is nobody.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include "tenant/tenant.h"

enum { CHANGES_PER_MIN = 60, FACTORS_PER_MIN = 20 };

static struct str own_id(struct api *x) {
    struct str id = uuid_format(x->r->arena, x->r->principal.user.v);

    return arena_printf(x->r->arena, "user:%.*s", STR_ARG(id));
}

/* --- name, language, password ---------------------------------------------------------------- */

struct changing {
    struct api *x;
    struct user_edit edit;
};

static enum status change_me(struct tx *tx, void *ctx, struct err *e) {
    struct changing *c = ctx;
    struct api *x = c->x;
    struct user user;

    TRY(user_edit(x->r->arena, tx, x->tenant, x->r->principal.user, &c->edit, &user, e));
    if (c->edit.password_hash.len > 0) {
        api_forget_callers(x, tx);
        TRY(api_audit(tx, x, "user.passwd", own_id(x), e));
    }
    return api_write_me(x, tx, user.id, e);
}

/* {"password": {"current", "new"}}: whoever finds a screen unlocked does not know the current one. */
static enum status read_password(struct api *x, struct user_edit *edit, struct err *e) {
    const struct json *password = json_get(x->body, "password");

    if (!password)
        return ST_OK;
    TRY(user_check_password(app_db(x->app), x->tenant, x->r->principal.user,
                            json_str(json_get(password, "current")), e));
    TRY(user_hash_password(x->r->arena, json_str(json_get(password, "new")), &edit->password_hash,
                           e));
    edit->keep_token = req_cookie(x->r, SESSION_COOKIE);
    return ST_OK;
}

static enum status me_patch(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    ATTR_CLEANUP(api_done) struct api x;
    struct changing c = {.x = &x};

    TRY(api_start(&x, app, r, e));
    TRY(api_body_text(&x, "name", &c.edit.name, e));
    TRY(api_body_text(&x, "locale", &c.edit.locale, e));
    TRY(api_body_text(&x, "theme", &c.edit.theme, e));
    TRY(read_password(&x, &c.edit, e));
    TRY(db_write(app_db(app), DB_TENANT(x.tenant), change_me, &c, e));
    resp_json(r, ret, 200, &x.out);
    return ST_OK;
}

/* --- second factor --------------------------------------------------------------------------- */

static enum status begin_totp(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct totp_new factor;
    struct user user;

    TRY(user_get(x->r->arena, tx, x->tenant, x->r->principal.user, &user, e));
    TRY(totp_begin(x->r->arena, tx, app_keys(x->app), &user, &factor, e));
    json_put_str(api_begin(x), "secret", factor.secret);
    json_put_str(&x->o, "uri", factor.uri);
    json_end(&x->o);
    return ST_OK;
}

static enum status confirm_totp(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct str codes[TOTP_RECOVERY_CODES];
    struct user user;

    TRY(user_get(x->r->arena, tx, x->tenant, x->r->principal.user, &user, e));
    TRY(totp_confirm(x->r->arena, tx, app_keys(x->app), &user, json_str(json_get(x->body, "code")),
                     codes, e));
    TRY(api_audit(tx, x, "user.totp-add", own_id(x), e));
    json_arr(api_begin(x), "recovery_codes");
    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        json_put_str(&x->o, NULL, codes[i]);
    json_end(&x->o);
    json_end(&x->o);
    return ST_OK;
}

static enum status disable_totp(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct user user;

    TRY(user_get(x->r->arena, tx, x->tenant, x->r->principal.user, &user, e));
    TRY(totp_use(tx, app_keys(x->app), &user, json_str(json_get(x->body, "code")), e));
    TRY(totp_reset(tx, x->tenant, user.id, e));
    TRY(api_audit(tx, x, "user.totp-remove", own_id(x), e));
    return api_write_me(x, tx, user.id, e);
}

/* A code is guessed at most so often, also by who has the session. */
static enum status totp_confirm_post(struct app *app, struct req *r, struct resp *ret,
                                     struct err *e) {
    TRY(totp_try(app_db(app), r->principal.user, e));
    return api_answer(app, r, API_WRITES, confirm_totp, ret, e);
}

static enum status totp_disable_post(struct app *app, struct req *r, struct resp *ret,
                                     struct err *e) {
    ATTR_CLEANUP(api_done) struct api x;

    TRY(api_start(&x, app, r, e));
    TRY(user_check_password(app_db(app), x.tenant, r->principal.user,
                            json_str(json_get(x.body, "password")), e));
    TRY(totp_try(app_db(app), r->principal.user, e));
    TRY(db_write(app_db(app), DB_TENANT(x.tenant), disable_totp, &x, e));
    resp_json(r, ret, 200, &x.out);
    return ST_OK;
}

/* --- sessions -------------------------------------------------------------------------------- */

static enum status list_sessions(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    const struct session_query query = {.tenant = x->tenant,
                                        .user = x->r->principal.user,
                                        .token = req_cookie(x->r, SESSION_COOKIE)};
    struct session *list;
    size_t n;

    TRY(session_list(x->r->arena, tx, query, &list, &n, e));
    api_begin_list(x);
    for (size_t i = 0; i < n; i++) {
        json_obj(&x->o, NULL);
        json_put_id(&x->o, "id", list[i].id);
        json_put_time(&x->o, "created_at", list[i].created_at_ms);
        json_put_time(&x->o, "last_seen_at", list[i].seen_at_ms);
        json_put_str(&x->o, "peer", list[i].peer);
        json_put_str(&x->o, "agent", list[i].agent);
        json_put_bool(&x->o, "is_current", list[i].is_current);
        json_end(&x->o);
    }
    api_end_list(x, STR_EMPTY, false);
    return ST_OK;
}

static enum status end_session(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;

    TRY(session_end(tx, x->tenant, x->r->principal.user, x->id, e));
    api_forget_callers(x, tx);
    return ST_OK;
}

API_HANDLER(totp_post, API_WRITES, begin_totp)
API_HANDLER(sessions_get, API_READS, list_sessions)
API_HANDLER(session_delete_one, API_WRITES, end_session)

const struct route api_profile_routes[] = {
    {HTTP_PATCH, API "/me", me_patch, AGENT, .max_body = 8 << 10, .rate_per_min = CHANGES_PER_MIN,
     .summary = "Change one's name, language, looks or password"},
    {HTTP_POST, API "/me/totp", totp_post, AGENT, .max_body = 1 << 10,
     .rate_per_min = FACTORS_PER_MIN, .summary = "Begin a second factor: a secret for the app"},
    {HTTP_POST, API "/me/totp/confirm", totp_confirm_post, AGENT, .max_body = 1 << 10,
     .rate_per_min = FACTORS_PER_MIN, .summary = "Put the second factor in force"},
    {HTTP_POST, API "/me/totp/disable", totp_disable_post, AGENT, .max_body = 4 << 10,
     .rate_per_min = FACTORS_PER_MIN, .summary = "Take the second factor away"},
    {HTTP_GET, API "/me/sessions", sessions_get, AGENT, .summary = "Where one is signed in"},
    {HTTP_DELETE, API "/me/sessions/{id}", session_delete_one, AGENT,
     .summary = "End one of one's sessions"},
};
const size_t api_profile_n_routes = ARRAY_LEN(api_profile_routes);
