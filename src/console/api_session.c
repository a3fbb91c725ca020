/* api_session.c - signing in and out, and who is calling.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include "base/clock.h"
#include "team/team.h"
#include "tenant/tenant.h"

enum { SIGN_INS_PER_MIN = 60 }; /* by address; an office has one for all its people */

enum status api_write_me(struct api *x, struct tx *tx, struct user_id id, struct err *e) {
    struct tenant tenant;
    struct team_member member;
    struct user user;
    bool is_user = !uuid_is_nil(id.v);

    TRY(tenant_get(x->r->arena, tx, x->tenant, &tenant, e));
    if (is_user) {
        TRY(user_get(x->r->arena, tx, x->tenant, id, &user, e));
        TRY(team_member_get(x->r->arena, tx, x->tenant, id, clock_now_ms(), &member, e));
    }
    buf_clear(&x->out);
    json_out_init(&x->o, &x->out);
    write_me(&x->o, &tenant, is_user ? &user : NULL, is_user ? &member : NULL);
    return ST_OK;
}

static enum status get_me(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;

    return api_write_me(x, tx, x->r->principal.user, e);
}

/* --- in and out ------------------------------------------------------------------------------ */

/* An empty token: the browser forgets its own. */
static void set_cookie(const struct req *r, struct resp *ret, struct str token) {
    long long seconds = token.len > 0 ? (long long)(SESSION_MAX_MS / 1000) : 0;

    resp_header(ret, "Set-Cookie",
                arena_printf(r->arena,
                             SESSION_COOKIE "=%.*s; Path=/; Max-Age=%lld; HttpOnly; SameSite=Lax%s",
                             STR_ARG(token), seconds, r->is_secure ? "; Secure" : ""));
}

struct signing_in {
    struct api *x;
    struct user user;
};

static enum status signed_in(struct tx *tx, void *ctx, struct err *e) {
    struct signing_in *s = ctx;

    return api_write_me(s->x, tx, s->user.id, e);
}

static enum status open_session(struct api *x, struct signing_in *s, struct str *ret_token,
                                struct err *e) {
    const struct login in = {
        .tenant_slug = json_str(json_get(x->body, "tenant")),
        .email = json_str(json_get(x->body, "email")),
        .password = json_str(json_get(x->body, "password")),
        .code = json_str(json_get(x->body, "code")),
        .peer = x->r->peer,
        .agent = req_header(x->r, "user-agent"),
        .old_token = req_cookie(x->r, SESSION_COOKIE),
    };
    enum status st =
        session_open(x->r->arena, app_db(x->app), app_keys(x->app), in, ret_token, &s->user, e);

    if (st == ST_DENIED && !e->cause)
        e->cause = "unauthenticated";
    return st;
}

/* POST /session. Another site must not sign a browser in either: who is signed in as somebody else works for them. */
static enum status session_post(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    ATTR_CLEANUP(api_done) struct api x;
    struct signing_in s = {.x = &x};
    struct str token;

    TRY(api_start(&x, app, r, e));
    if (!req_is_same_origin(r)) {
        e->cause = "cross-origin";
        FAIL(e, ST_DENIED, "signing in needs a same-origin proof; programs use an API key");
    }
    TRY(open_session(&x, &s, &token, e));
    if (req_cookie(r, SESSION_COOKIE).len > 0) /* the old session has ended */
        app_callers_changed(app);
    x.tenant = s.user.tenant;
    TRY(db_read(app_db(app), DB_TENANT(x.tenant), signed_in, &s, e));
    resp_json(r, ret, 200, &x.out);
    set_cookie(r, ret, token);
    return ST_OK;
}

static enum status close_session(struct tx *tx, void *ctx, struct err *e) {
    const struct api *x = ctx;

    return session_close(tx, req_cookie(x->r, SESSION_COOKIE), e);
}

static enum status session_delete(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    ATTR_CLEANUP(api_done) struct api x;

    TRY(api_start(&x, app, r, e));
    TRY(db_write(app_db(app), DB_TENANT(x.tenant), close_session, &x, e));
    app_callers_changed(app);
    set_cookie(r, ret, STR_EMPTY);
    ret->status = 204;
    return ST_OK;
}

API_HANDLER(me_get, API_READS, get_me)

const struct route api_session_routes[] = {
    {HTTP_POST, API "/session", session_post, AUTH_NONE, .max_body = 4 << 10,
     .rate_per_min = SIGN_INS_PER_MIN, .summary = "Sign in"},
    {HTTP_DELETE, API "/session", session_delete, AGENT, .summary = "Sign out"},
    {HTTP_GET, API "/me", me_get, AGENT, .scope = "me:read", .summary = "Who is calling"},
};
const size_t api_session_n_routes = ARRAY_LEN(api_session_routes);
