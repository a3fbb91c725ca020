/* api_template.c - message templates: the list, those of the tenant's own, sync, preview.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include "base/clock.h"
#include "template/template.h"

enum { VALUES_MAX = 200, VALUES_MAX_BYTES = 128 << 10 };

/* --- showing ------------------------------------------------------------------------------------------------------------ */

static void write_variables(struct json_out *o, const struct template *t) {
    json_arr(o, "variables");
    for (size_t i = 0; i < t->n_variables; i++) {
        json_obj(o, NULL);
        json_put_str(o, "key", t->variables[i].key);
        json_put_str(o, "place", t->variables[i].place);
        json_put_str(o, "kind", t->variables[i].kind);
        json_put_str(o, "example", t->variables[i].example);
        json_end(o);
    }
    json_end(o);
}

static void write_template(struct json_out *o, const struct template *t) {
    struct str why;
    bool is_usable = template_is_usable(t, &why);

    json_obj(o, NULL);
    json_put_id(o, "id", t->id);
    json_put_id(o, "account_id", t->account.v);
    json_put_str(o, "channel", t->channel);
    json_put_str(o, "name", t->name);
    json_put_str(o, "language", t->language);
    json_put_str(o, "category", t->category);
    json_put_str(o, "status", t->status);
    json_put_str(o, "status_reason", t->status_reason);
    json_put_str(o, "quality", t->quality);
    json_put_bool(o, "is_usable", is_usable);
    json_put_str(o, "unusable_reason", why);
    json_put_str(o, "provider_id", t->provider_id);
    json_put_str(o, "provider_ref", t->provider_ref);
    json_put_str(o, "subject", t->subject);
    json_put_str(o, "body", t->body);
    json_put_str(o, "html", t->html);
    json_put_json(o, "components", t->tree);
    write_variables(o, t);
    json_put_time(o, "synced_at", t->synced_at_ms);
    json_put_time(o, "created_at", t->created_at_ms);
    json_put_time(o, "updated_at", t->updated_at_ms);
    json_end(o);
}

static enum status list_templates(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct str account = req_query(x->r, "account");
    struct template_query q = {
        .channel = req_query(x->r, "channel"),
        .status = req_query(x->r, "status"),
        .name = req_query(x->r, "name"),
        .after = x->page.cursor,
        .limit = x->page.limit,
    };
    struct template_page page;

    if (account.len > 0 && !uuid_parse(account, &q.account.v))
        FAIL(e, ST_INVALID, "account: not a UUID");
    TRY(template_list(x->r->arena, tx, x->tenant, &q, &page, e));
    api_begin_list(x);
    for (size_t i = 0; i < page.n; i++)
        write_template(&x->o, &page.items[i]);
    api_end_list(x, page.next, page.has_more);
    return ST_OK;
}

static enum status one_template(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct template t;

    TRY(template_get(x->r->arena, tx, x->tenant, x->id, &t, e));
    write_template(api_begin_bare(x), &t);
    return ST_OK;
}

/* --- the tenant's own --------------------------------------------------------------------------------------------------- */

static enum status take_texts(struct api *x, struct template *t, struct err *e) {
    struct {
        const char *name;
        struct str *to;
    } members[] = {
        {"category", &t->category},
        {"subject", &t->subject},
        {"body", &t->body},
        {"html", &t->html},
    };

    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        const struct str *text;

        TRY(api_body_text(x, members[i].name, &text, e));
        if (text)
            *members[i].to = *text;
    }
    return ST_OK;
}

static enum status put_template(struct tx *tx, struct api *x, struct template *t,
                                const char *action, struct err *e) {
    TRY(take_texts(x, t, e));
    TRY(template_put(x->r->arena, tx, x->tenant, t, clock_now_ms(), e));
    TRY(api_audit(tx, x, action, uuid_format(x->r->arena, t->id), e));
    write_template(api_begin_bare(x), t);
    return ST_OK;
}

static enum status add_template(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct str channel = json_str(json_get(x->body, "channel"));
    struct template t = {
        .channel = channel.len > 0 ? channel : STR("email"),
        .name = str_trim(json_str(json_get(x->body, "name"))),
        .language = str_trim(json_str(json_get(x->body, "language"))),
    };

    return put_template(tx, x, &t, "template.add", e);
}

static enum status change_template(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct template t;

    TRY(template_get(x->r->arena, tx, x->tenant, x->id, &t, e));
    TRY(api_if_match(tx, x, one_template, e));
    if (!str_eq(t.status, STR("local")))
        FAIL(e, ST_CONFLICT, "the template is the provider's: change it there, then sync");
    return put_template(tx, x, &t, "template.change", e);
}

static enum status remove_template(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;

    TRY(template_remove(x->r->arena, tx, x->tenant, x->id, e));
    TRY(api_audit(tx, x, "template.remove", uuid_format(x->r->arena, x->id), e));
    api_begin_empty(x);
    return ST_OK;
}

/* --- in step with the provider ------------------------------------------------------------------------------------------ */

static enum status list_syncs(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct template_sync *list;
    size_t n;

    TRY(template_sync_list(x->r->arena, tx, x->tenant, &list, &n, e));
    api_begin_list(x);
    for (size_t i = 0; i < n; i++) {
        json_obj(&x->o, NULL);
        json_put_id(&x->o, "account_id", list[i].account.v);
        json_put_str(&x->o, "state", list[i].state);
        json_put_str(&x->o, "cause", list[i].cause);
        json_put_str(&x->o, "reason", list[i].reason);
        json_put_i64(&x->o, "templates", list[i].n_templates);
        json_put_time(&x->o, "at", list[i].at_ms);
        json_end(&x->o);
    }
    api_end_list(x, STR_EMPTY, false);
    return ST_OK;
}

static enum status sync_templates(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct account account;
    struct account_id id;
    size_t n = 1;

    TRY(api_uuid(json_get(x->body, "account"), "account", &id.v, e));
    if (uuid_is_nil(id.v)) {
        TRY(template_sync_tenant(x->r->arena, tx, x->tenant, &n, e));
    } else {
        TRY(account_get(x->r->arena, tx, id, &account, e));
        TRY(template_sync(x->r->arena, tx, &account, e));
    }
    (void)api_begin(x);
    json_put_i64(&x->o, "accounts", (int64_t)n);
    json_end(&x->o);
    return ST_OK;
}

/* --- preview ------------------------------------------------------------------------------------------------------------ */

static struct str given_value(const struct json *values, struct str key) {
    const struct json *v;
    struct str name;

    for (size_t i = 0; json_member(values, i, &name, &v); i++)
        if (str_eq(name, key))
            return str_trim(json_str(v));
    return STR_EMPTY;
}

struct preview {
    struct template t;
    struct lead_contact lead; /* empty: none was named */
    const struct json *fields;
    struct str values; /* JSON: with placeholders for what is missing */
    struct str missing[TEMPLATE_VARIABLES_MAX];
    size_t n_missing;
};

static enum status fill_values(struct api *x, struct preview *p, struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = VALUES_MAX_BYTES};
    const struct json *given = json_get(x->body, "values");
    struct json_out o;

    json_out_init(&o, &b);
    json_obj(&o, NULL);
    for (size_t i = 0; i < p->t.n_variables; i++) {
        struct str key = p->t.variables[i].key, value = given_value(given, key);

        if (value.len == 0)
            value = lead_contact_value(x->r->arena, &p->lead, p->fields, key);
        if (value.len == 0) {
            p->missing[p->n_missing++] = key;
            value = arena_printf(x->r->arena, "{{%.*s}}", STR_ARG(key));
        }
        json_put_str(&o, arena_cstr(x->r->arena, key), value);
    }
    json_end(&o);
    if (b.overflown)
        FAIL(e, ST_INVALID, "values: longer than %d bytes", VALUES_MAX_BYTES);
    p->values = arena_str(x->r->arena, buf_str(&b));
    return ST_OK;
}

static enum status write_preview(struct api *x, const struct preview *p, struct err *e) {
    const struct json *values;
    struct str content, text;

    TRY(json_parse(x->r->arena, p->values, JSON_LIMITS_DEFAULT, &values, e));
    TRY(template_render(x->r->arena, &p->t, values, &content, &text, e));
    (void)api_begin(x);
    json_put_bool(&x->o, "is_complete", p->n_missing == 0);
    json_arr(&x->o, "missing");
    for (size_t i = 0; i < p->n_missing; i++)
        json_put_str(&x->o, NULL, p->missing[i]);
    json_end(&x->o);
    json_put_json(&x->o, "values", values);
    json_put_str(&x->o, "text", text);
    if (p->n_missing == 0)
        json_put_raw(&x->o, "content", content);
    json_end(&x->o);
    return ST_OK;
}

static enum status take_lead(struct tx *tx, struct api *x, struct lead_id id, struct preview *p,
                             struct err *e) {
    struct lead_contact *found;
    size_t n;

    TRY(lead_audience_some(x->r->arena, tx, x->tenant, &id, 1, &found, &n, e));
    if (n == 0)
        FAIL(e, ST_NOT_FOUND, "there is no such lead");
    p->lead = found[0];
    return p->lead.fields.len > 0
               ? json_parse(x->r->arena, p->lead.fields, JSON_LIMITS_DEFAULT, &p->fields, e)
               : ST_OK;
}

static enum status preview(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    const struct json *given = json_get(x->body, "values");
    struct preview *p = arena_new_of(x->r->arena, struct preview);
    struct lead_id lead;

    if (given && (json_type(given) != JSON_OBJECT || json_len(given) > VALUES_MAX))
        FAIL(e, ST_INVALID, "values: an object of at most %d texts", VALUES_MAX);
    TRY(api_uuid(json_get(x->body, "lead"), "lead", &lead.v, e));
    TRY(template_get(x->r->arena, tx, x->tenant, x->id, &p->t, e));
    if (!uuid_is_nil(lead.v))
        TRY(take_lead(tx, x, lead, p, e));
    TRY(fill_values(x, p, e));
    return write_preview(x, p, e);
}

API_HANDLER(templates_get, API_READS, list_templates)
API_HANDLER(template_get_one, API_READS, one_template)
API_HANDLER(templates_post, API_WRITES, add_template)
API_HANDLER(template_patch, API_WRITES, change_template)
API_HANDLER(template_delete, API_WRITES, remove_template)
API_HANDLER(template_syncs_get, API_READS, list_syncs)
API_HANDLER(template_sync_post, API_QUEUES, sync_templates)
API_HANDLER(template_preview_post, API_READS, preview)

#define READ  .scope = "templates:read"
#define WRITE .scope = "templates:write", .max_body = API_BODY_MAX

const struct route api_template_routes[] = {
    {HTTP_GET, API "/templates", templates_get, AGENT, READ,
     .summary = "Message templates of all channels"},
    {HTTP_POST, API "/templates", templates_post, SUPERVISOR, WRITE,
     .summary = "A new e-mail template"},
    {HTTP_GET, API "/templates/syncs", template_syncs_get, SUPERVISOR, READ,
     .summary = "What came of the last sync of each account"},
    {HTTP_POST, API "/templates/sync", template_sync_post, SUPERVISOR, WRITE,
     .summary = "Read the templates from the providers now"},
    {HTTP_GET, API "/templates/{id}", template_get_one, AGENT, READ, .summary = "One template"},
    {HTTP_PATCH, API "/templates/{id}", template_patch, SUPERVISOR, WRITE,
     .summary = "Change an e-mail template"},
    {HTTP_DELETE, API "/templates/{id}", template_delete, SUPERVISOR, WRITE,
     .summary = "Remove an e-mail template, or one the provider has no more"},
    {HTTP_POST, API "/templates/{id}/preview", template_preview_post, AGENT, READ,
     .max_body = API_BODY_MAX, .summary = "What a template becomes with a lead's data"},
};
const size_t api_template_n_routes = ARRAY_LEN(api_template_routes);
