/* api_audit.c - who changed what.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include "tenant/tenant.h"

static void write_entry(struct api *x, const struct audit_row *row) {
    struct json_out *o = &x->o;

    json_obj(o, NULL);
    json_put_i64(o, "seq", row->seq);
    json_put_time(o, "at", row->at_ms);
    json_put_str(o, "actor", row->actor);
    json_put_str(o, "action", row->action);
    json_put_str(o, "object", row->object);
    json_put_raw_or_null(o, "detail", row->detail);
    json_put_str(o, "hash", crypto_hex(x->r->arena, row->hash));
    json_end(o);
}

static enum status list_audit(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct audit_query query = {.tenant = x->tenant, .limit = x->page.limit};
    struct str next = STR_EMPTY;
    struct audit_row *rows;
    size_t n;

    if (x->page.cursor.len > 0 && !str_parse_i64(x->page.cursor, 1, INT64_MAX, &query.before))
        FAIL(e, ST_INVALID, "the cursor is not one that this server gave");
    TRY(audit_list(x->r->arena, tx, query, &rows, &n, e));
    api_begin_list(x);
    for (size_t i = 0; i < n; i++)
        write_entry(x, &rows[i]);
    if (n > 0)
        next = arena_printf(x->r->arena, "%lld", (long long)rows[n - 1].seq);
    api_end_list(x, next, n == x->page.limit && rows[n - 1].seq > 1);
    return ST_OK;
}

API_HANDLER(audit_get, API_READS, list_audit)

const struct route api_audit_routes[] = {
    {HTTP_GET, API "/audit", audit_get, ADMIN, .scope = "audit:read",
     .summary = "Who changed what, newest first"},
};
const size_t api_audit_n_routes = ARRAY_LEN(api_audit_routes);
