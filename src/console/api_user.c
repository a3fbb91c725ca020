/* api_user.c - the people of a tenant, as admins see them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include "base/clock.h"
#include "team/team.h"
#include "tenant/tenant.h"

static struct str object_of(struct api *x, struct user_id id) {
    struct str text = uuid_format(x->r->arena, id.v);

    return arena_printf(x->r->arena, "user:%.*s", STR_ARG(text));
}

static enum status answer_user(struct tx *tx, struct api *x, const struct user *user,
                               struct err *e) {
    struct team_member member;

    TRY(team_member_get(x->r->arena, tx, x->tenant, user->id, clock_now_ms(), &member, e));
    buf_clear(&x->out);
    json_out_init(&x->o, &x->out);
    write_user(&x->o, user, &member);
    return ST_OK;
}

static const struct team_member *member_of(const struct team_member *list, size_t n,
                                           struct user_id user) {
    for (size_t i = 0; i < n; i++)
        if (uuid_eq(list[i].user.v, user.v))
            return &list[i];
    return NULL;
}

static enum status list_users(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct team_member *members;
    struct user *list;
    size_t n, n_members;

    TRY(user_list(x->r->arena, tx, x->tenant, &list, &n, e));
    TRY(team_members(x->r->arena, tx, x->tenant, clock_now_ms(), &members, &n_members, e));
    api_begin_list(x);
    for (size_t i = 0; i < n; i++) {
        const struct team_member *member = member_of(members, n_members, list[i].id);

        if (member) /* else added between the two reads */
            write_user(&x->o, &list[i], member);
    }
    api_end_list(x, STR_EMPTY, false);
    return ST_OK;
}

/* --- adding ---------------------------------------------------------------------------------- */

struct adding {
    struct api *x;
    struct user user;
};

static enum status record_user(struct tx *tx, void *ctx, struct err *e) {
    struct adding *a = ctx;

    TRY(api_audit(tx, a->x, "user.add", object_of(a->x, a->user.id), e));
    return answer_user(tx, a->x, &a->user, e);
}

static enum status read_role(struct api *x, enum role *ret, struct err *e) {
    if (!role_parse(json_str(json_get(x->body, "role")), ret))
        FAIL(e, ST_INVALID, "role: agent, supervisor or admin");
    return ST_OK;
}

static enum status users_post(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    ATTR_CLEANUP(api_done) struct api x;
    struct adding a = {.x = &x};
    struct user_new in;

    TRY(api_start(&x, app, r, e));
    in = (struct user_new){
        .tenant = x.tenant,
        .email = json_str(json_get(x.body, "email")),
        .name = json_str(json_get(x.body, "name")),
        .password = json_str(json_get(x.body, "password")),
    };
    TRY(read_role(&x, &in.role, e));
    TRY(user_add(r->arena, app_db(app), in, &a.user, e));
    TRY(db_write(app_db(app), DB_TENANT(x.tenant), record_user, &a, e));
    resp_json(r, ret, 200, &x.out);
    return ST_OK;
}

/* --- changing -------------------------------------------------------------------------------- */

struct changing {
    struct api *x;
    struct user_edit edit;
    enum role role;
    bool is_active;
    struct team_work work;
};

static enum status change_user(struct tx *tx, void *ctx, struct err *e) {
    struct changing *c = ctx;
    struct api *x = c->x;
    struct user user;

    TRY(user_edit(x->r->arena, tx, x->tenant, (struct user_id){x->id}, &c->edit, &user, e));
    if (c->work.skills || c->work.capacity >= 0)
        TRY(team_set_work(x->r->arena, tx, x->tenant, user.id, c->work, e));
    api_forget_callers(x, tx);
    TRY(api_audit(tx, x, c->edit.password_hash.len > 0 ? "user.passwd" : "user.change",
                  object_of(x, user.id), e));
    return answer_user(tx, x, &user, e);
}

static enum status read_flags(struct changing *c, struct err *e) {
    const struct json *is_active = json_get(c->x->body, "is_active");

    if (json_get(c->x->body, "role")) {
        TRY(read_role(c->x, &c->role, e));
        c->edit.role = &c->role;
    }
    if (is_active) {
        if (json_type(is_active) != JSON_BOOL)
            FAIL(e, ST_INVALID, "is_active: true or false");
        c->is_active = json_bool(is_active, true);
        c->edit.is_active = &c->is_active;
    }
    return ST_OK;
}

static enum status read_work(struct changing *c, struct err *e) {
    const struct json *capacity = json_get(c->x->body, "capacity");

    c->work = (struct team_work){.skills = json_get(c->x->body, "skills"), .capacity = -1};
    if (!capacity)
        return ST_OK;
    if (json_type(capacity) != JSON_INT || json_i64(capacity, -1) < 0)
        FAIL(e, ST_INVALID, "capacity: a number, 0 for the team's default");
    c->work.capacity = json_i64(capacity, 0);
    return ST_OK;
}

static enum status read_password(struct changing *c, struct err *e) {
    const struct str *password;

    TRY(api_body_text(c->x, "password", &password, e));
    if (!password)
        return ST_OK;
    if (uuid_eq(c->x->id, c->x->r->principal.user.v))
        FAIL(e, ST_INVALID,
             "change your own password by PATCH /me, which asks for the current one");
    return user_hash_password(c->x->r->arena, *password, &c->edit.password_hash, e);
}

static enum status user_patch(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    ATTR_CLEANUP(api_done) struct api x;
    struct changing c = {.x = &x};

    TRY(api_start(&x, app, r, e));
    TRY(api_body_text(&x, "name", &c.edit.name, e));
    TRY(read_flags(&c, e));
    TRY(read_work(&c, e));
    TRY(read_password(&c, e));
    TRY(db_write(app_db(app), DB_TENANT(x.tenant), change_user, &c, e));
    resp_json(r, ret, 200, &x.out);
    return ST_OK;
}

static enum status reset_totp(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct user_id id = {x->id};
    struct user user;

    TRY(totp_reset(tx, x->tenant, id, e));
    TRY(user_get(x->r->arena, tx, x->tenant, id, &user, e));
    TRY(api_audit(tx, x, "user.totp-reset", object_of(x, id), e));
    return answer_user(tx, x, &user, e);
}

API_HANDLER(users_get, API_READS, list_users)
API_HANDLER(user_reset_totp_post, API_WRITES, reset_totp)

const struct route api_user_routes[] = {
    {HTTP_GET, API "/users", users_get, ADMIN, .scope = "users:read",
     .summary = "The people of the tenant"},
    {HTTP_POST, API "/users", users_post, ADMIN, .scope = "users:write", .max_body = 8 << 10,
     .summary = "Add a user"},
    {HTTP_PATCH, API "/users/{id}", user_patch, ADMIN, .scope = "users:write", .max_body = 8 << 10,
     .summary = "Change a user's name, role, skills or password; disable or enable"},
    {HTTP_POST, API "/users/{id}/reset-totp", user_reset_totp_post, ADMIN, .scope = "users:write",
     .max_body = 1 << 10, .summary = "Take a user's second factor away, after a lost device"},
};
const size_t api_user_n_routes = ARRAY_LEN(api_user_routes);
