/* api_system.c - live updates, and what operators look at.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include "stats/stats.h"

static enum status live_get(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    return live_open(app_live(app), r, ret, e);
}

static enum status metrics_get(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    struct buf b;

    (void)app;
    (void)e;
    buf_init(&b, 4 << 20);
    stats_render(&b);
    resp_text(ret, 200, arena_str(r->arena, buf_str(&b)));
    ret->content_type = STR("text/plain; version=0.0.4; charset=utf-8");
    buf_done(&b);
    return ST_OK;
}

static enum status healthz_get(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    (void)app;
    (void)r;
    (void)e;
    resp_text(ret, 200, STR("ok\n"));
    return ST_OK;
}

static enum status readyz_get(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    (void)r;
    TRY(app_ready(app, e));
    resp_text(ret, 200, STR("ready\n"));
    return ST_OK;
}

const struct route api_system_routes[] = {
    {HTTP_GET, "/live", live_get, AGENT, .scope = "conversations:read", .flags = ROUTE_UPGRADE,
     .summary = "Live events over WebSocket, resumed by cursor"},
    {HTTP_GET, "/metrics", metrics_get, AUTH_OPERATOR, .flags = ROUTE_QUIET,
     .summary = "Prometheus metrics"},
    {HTTP_GET, "/healthz", healthz_get, AUTH_NONE, .flags = ROUTE_QUIET | ROUTE_INLINE,
     .summary = "The process lives"},
    {HTTP_GET, "/readyz", readyz_get, AUTH_NONE, .flags = ROUTE_QUIET,
     .summary = "The node can do its work"},
};
const size_t api_system_n_routes = ARRAY_LEN(api_system_routes);
