/* routes.c - prosa routes: what the server answers to, and who may ask.
 * SPDX-License-Identifier: Apache-2.0 */
#include "app/app.h"
#include "cli/cli.h"

static const char *const methods[] = {
    [HTTP_GET] = "GET",     [HTTP_POST] = "POST",     [HTTP_PUT] = "PUT",
    [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE", [HTTP_OPTIONS] = "OPTIONS",
};
static const char *const auths[] = {
    [AUTH_NONE] = "none",
    [AUTH_SIGNATURE] = "signature",
    [AUTH_MEMBER] = "member",
    [AUTH_OPERATOR] = "operator",
};

static void put_opt(struct json_out *o, const char *key, const char *text) {
    if (text)
        json_put_str(o, key, str_of(text));
    else
        json_put_null(o, key);
}

static void put_route(struct json_out *o, const struct route *r, bool is_api) {
    bool is_member = r->auth == AUTH_MEMBER;

    json_obj(o, NULL);
    json_put_str(o, "method", str_of(methods[r->method]));
    json_put_str(o, "path", str_of(r->path));
    json_put_bool(o, "is_api", is_api);
    json_put_str(o, "auth", str_of(auths[r->auth]));
    put_opt(o, "role", is_member ? role_name(r->min_role) : NULL);
    put_opt(o, "scope", is_member ? r->scope : NULL);
    json_put_bool(o, "is_upgrade", (r->flags & ROUTE_UPGRADE) != 0);
    json_put_i64(o, "max_body_bytes", r->max_body);
    json_put_i64(o, "rate_per_minute", r->rate_per_min);
    put_opt(o, "summary", r->summary);
    json_end(o);
}

static void list_table(struct cli *c, const struct route *const *list, size_t n) {
    static const char *const heads[] = {"METHOD", "PATH", "WHO", "SCOPE", "WHAT"};
    struct table t;

    table_begin(&t, c, heads, ARRAY_LEN(heads));
    for (size_t i = 0; i < n; i++) {
        const struct route *r = list[i];

        table_add(&t, str_of(methods[r->method]));
        table_add(&t, str_of(r->path));
        table_add(&t, str_of(r->auth == AUTH_MEMBER ? role_name(r->min_role) : auths[r->auth]));
        table_add(&t, str_of(r->auth == AUTH_MEMBER && r->scope ? r->scope : "-"));
        table_add(&t, str_of(r->summary ? r->summary : ""));
    }
    table_end(&t, "No routes.");
}

enum status routes_run(struct cli *c, struct err *e) {
    size_t n_api, n = app_route_list(NULL, 0, &n_api);
    const struct route **list = arena_array_of(&c->arena, n, const struct route *);

    (void)e;
    (void)app_route_list(list, n, &n_api);
    if (!c->is_json) {
        list_table(c, list, n);
        return ST_OK;
    }
    cli_begin_list(c);
    for (size_t i = 0; i < n; i++)
        put_route(&c->json, list[i], i < n_api);
    cli_end_list(c);
    return ST_OK;
}
