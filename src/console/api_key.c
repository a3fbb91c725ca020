/* api_key.c - the tenant's API keys.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include "tenant/tenant.h"

enum { SCOPES_MAX_BYTES = 4096 };

static struct str object_of(struct api *x, struct uuid id) {
    struct str text = uuid_format(x->r->arena, id);

    return arena_printf(x->r->arena, "key:%.*s", STR_ARG(text));
}

/* secret: only of a new key, this once. */
static void write_key(struct json_out *o, const struct api_key *key, struct str secret) {
    json_obj(o, NULL);
    json_put_id(o, "id", key->id);
    json_put_opt(o, "secret", secret);
    json_put_str(o, "name", key->name);
    json_put_str(o, "prefix", key->prefix);
    json_put_str(o, "scopes", key->scopes);
    json_put_time(o, "created_at", key->created_at_ms);
    json_put_time(o, "last_used_at", key->last_used_at_ms);
    json_put_time(o, "revoked_at", key->revoked_at_ms);
    json_end(o);
}

static enum status list_keys(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct api_key *list;
    size_t n;

    TRY(api_key_list(x->r->arena, tx, x->tenant, &list, &n, e));
    api_begin_list(x);
    for (size_t i = 0; i < n; i++)
        write_key(&x->o, &list[i], STR_EMPTY);
    api_end_list(x, STR_EMPTY, false);
    return ST_OK;
}

/* "a:read b:write" or ["a:read", "b:write"] */
static struct str scopes_of(struct api *x) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = SCOPES_MAX_BYTES};
    const struct json *v = json_get(x->body, "scopes");

    if (json_type(v) != JSON_ARRAY)
        return json_str(v);
    for (size_t i = 0; i < json_len(v); i++) {
        buf_add(&b, json_str(json_at(v, i)));
        buf_add_char(&b, ' ');
    }
    return arena_str(x->r->arena, buf_str(&b));
}

static enum status add_key(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    const struct api_key_new in = {
        .tenant = x->tenant,
        .name = json_str(json_get(x->body, "name")),
        .scopes = scopes_of(x),
        .within = x->r->principal.scopes,
    };
    struct api_key key;
    struct str secret;

    TRY(api_key_add(x->r->arena, tx, in, &secret, &key, e));
    TRY(api_audit(tx, x, "key.add", object_of(x, key.id), e));
    buf_clear(&x->out);
    json_out_init(&x->o, &x->out);
    write_key(&x->o, &key, secret);
    return ST_OK;
}

static enum status revoke_key(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;

    TRY(api_key_revoke(tx, x->tenant, x->id, e));
    api_forget_callers(x, tx);
    return api_audit(tx, x, "key.revoke", object_of(x, x->id), e);
}

API_HANDLER(keys_get, API_READS, list_keys)
API_HANDLER(keys_post, API_WRITES, add_key)
API_HANDLER(key_delete, API_WRITES, revoke_key)

const struct route api_key_routes[] = {
    {HTTP_GET, API "/keys", keys_get, ADMIN, .scope = "keys:read", .summary = "API keys"},
    {HTTP_POST, API "/keys", keys_post, ADMIN, .scope = "keys:write", .max_body = 8 << 10,
     .summary = "Make an API key; its secret is told once"},
    {HTTP_DELETE, API "/keys/{id}", key_delete, ADMIN, .scope = "keys:write",
     .summary = "Revoke an API key"},
};
const size_t api_key_n_routes = ARRAY_LEN(api_key_routes);
