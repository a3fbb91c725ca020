/* api_session.c - who is calling.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include "tenant/tenant.h"

static enum status get_me(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct tenant tenant;
    struct json_out *o;

    TRY(tenant_get(x->r->arena, tx, x->tenant, &tenant, e));
    o = api_begin(x);
    json_obj(o, "tenant");
    put_id(o, "id", tenant.id.v);
    json_put_str(o, "slug", tenant.slug);
    json_put_str(o, "name", tenant.name);
    json_put_str(o, "locale", tenant.locale);
    json_put_str(o, "timezone", tenant.timezone);
    json_end(o);
    json_obj(o, "user");
    put_id(o, "id", x->r->principal.user.v);
    json_put_str(o, "role", str_of(role_name(x->r->principal.role)));
    json_end(o);
    json_end(o);
    return ST_OK;
}

API_HANDLER(me_get, API_READS, get_me)

const struct route api_session_routes[] = {
    {HTTP_GET, API "/me", me_get, AGENT, .scope = "me:read", .summary = "Who is calling"},
};
const size_t api_session_n_routes = ARRAY_LEN(api_session_routes);
