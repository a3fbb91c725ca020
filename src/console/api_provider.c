/* api_provider.c - a tenant's provider accounts: what kinds there are, adding, changing, trying, and the address to give to the
 * provider. Secrets go in and never come out: an account only tells which are set.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include "console/write.h"
#include "intake/intake.h"
#include "outbox/outbox.h"

enum { VALUES_MAX = 64, VALUE_MAX_BYTES = 16 << 10 };

static const char *const value_types[] = {
    [ACCOUNT_TEXT] = "text",       [ACCOUNT_URL] = "url",           [ACCOUNT_DIGITS] = "digits",
    [ACCOUNT_VERSION] = "version", [ACCOUNT_INT] = "integer",       [ACCOUNT_REAL] = "number",
    [ACCOUNT_BOOL] = "boolean",    [ACCOUNT_CURRENCY] = "currency", [ACCOUNT_EMAIL] = "text",
    [ACCOUNT_HOST] = "text",       [ACCOUNT_SECURITY] = "text",     [ACCOUNT_MADE] = "text",
};

/* --- showing ------------------------------------------------------------------------------------------------------------ */

static void write_field(struct json_out *o, const struct account_field *f) {
    json_obj(o, NULL);
    json_put_str(o, "name", str_of(f->name));
    json_put_str(o, "type", str_of(value_types[f->type]));
    json_put_bool(o, "is_secret", f->is_secret);
    json_put_i64(o, "min", f->min);
    json_put_i64(o, "max", f->max);
    json_put_str(o, "summary", str_of(f->summary));
    json_end(o);
}

static enum status list_kinds(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    size_t n;
    const struct account_kind *kinds = account_kinds(&n);

    (void)tx, (void)e;
    api_begin_list(x);
    for (size_t i = 0; i < n; i++) {
        json_obj(&x->o, NULL);
        json_put_str(&x->o, "kind", str_of(kinds[i].name));
        json_put_str(&x->o, "summary", str_of(kinds[i].summary));
        if (kinds[i].address)
            json_put_str(&x->o, "address", str_of(kinds[i].address));
        else
            json_put_null(&x->o, "address");
        json_arr(&x->o, "fields");
        for (size_t f = 0; f < kinds[i].n_fields; f++)
            write_field(&x->o, &kinds[i].fields[f]);
        json_end(&x->o);
        json_end(&x->o);
    }
    api_end_list(x, STR_EMPTY, false);
    return ST_OK;
}

static bool is_field_set(const struct account_kind *kind, const bool *set, const char *name) {
    for (size_t i = 0; i < kind->n_fields; i++)
        if (strcmp(kind->fields[i].name, name) == 0)
            return set[i];
    return false;
}

/* The address a provider calls: an account's own app has its own, any other the installation's. */
static void write_webhook(struct api *x, const struct account *p, const struct account_kind *kind,
                          const bool *set) {
    const struct channel_defaults *ours = atomic_load(&app_outbox(x->app)->defaults->now);
    struct str id = uuid_format(x->r->arena, p->id.v);
    const struct provider *provider = provider_find(p->kind);
    bool is_shared = provider && provider->has_shared_app;
    bool has_secret = is_field_set(kind, set, is_shared ? "app_secret" : "auth_token");
    bool is_own = !is_shared || has_secret;

    if (!provider || provider->transport == TRANSPORT_MAIL) {
        json_put_null(&x->o, "webhook");
        return;
    }
    json_obj(&x->o, "webhook");
    json_put_str(&x->o, "path",
                 is_own && !uuid_is_nil(p->id.v)
                     ? arena_printf(x->r->arena, "/webhooks/%s/%.*s", kind->name, STR_ARG(id))
                     : arena_printf(x->r->arena, "/webhooks/%s", kind->name));
    json_put_bool(&x->o, "is_own_app", is_own);
    json_put_bool(&x->o, "app_secret_set", has_secret || (is_shared && ours->app_secret.len > 0));
    json_put_bool(&x->o, "verify_token_set",
                  is_field_set(kind, set, "verify_token") ||
                      (!is_own && ours->verify_token.len > 0));
    json_end(&x->o);
}

static enum status write_account(struct tx *tx, struct api *x, const struct account *p,
                                 struct err *e) {
    const struct account_kind *kind = account_kind_find(p->kind);
    bool *set;

    TRY(account_secrets_set(x->r->arena, tx, p, &set, e));
    json_obj(&x->o, NULL);
    json_put_id(&x->o, "id", p->id.v);
    json_put_str(&x->o, "kind", p->kind);
    json_put_str(&x->o, "name", p->name);
    json_put_str(&x->o, "address", p->address);
    json_put_json(&x->o, "settings", p->settings);
    json_obj(&x->o, "secrets");
    for (size_t i = 0; i < kind->n_fields; i++)
        if (kind->fields[i].is_secret)
            json_put_bool(&x->o, kind->fields[i].name, set[i]);
    json_end(&x->o);
    json_put_bool(&x->o, "is_active", p->is_active);
    json_put_bool(&x->o, "is_preferred", p->is_preferred);
    json_put_str(&x->o, "state", p->state);
    json_put_str(&x->o, "state_reason", p->state_reason);
    write_webhook(x, p, kind, set);
    json_put_time(&x->o, "created_at", p->created_at_ms);
    json_put_time(&x->o, "updated_at", p->updated_at_ms);
    json_end(&x->o);
    return ST_OK;
}

static enum status list_providers(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct account *list;
    size_t n;

    TRY(account_list(x->r->arena, tx, x->tenant, &list, &n, e));
    api_begin_list(x);
    for (size_t i = 0; i < n; i++)
        TRY(write_account(tx, x, &list[i], e));
    api_end_list(x, STR_EMPTY, false);
    return ST_OK;
}

static enum status answer_account(struct tx *tx, struct api *x, struct account_id id,
                                  struct err *e) {
    struct account account;

    TRY(account_get(x->r->arena, tx, id, &account, e));
    buf_clear(&x->out);
    json_out_init(&x->o, &x->out);
    return write_account(tx, x, &account, e);
}

static enum status one_provider(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;

    return answer_account(tx, x, (struct account_id){x->message.v}, e);
}

/* --- changing ----------------------------------------------------------------------------------------------------------- */

/* {"name": value}: text as it is, numbers and booleans as they are written; null and "" remove one. */
static enum status read_values(struct api *x, const char *member, const struct setting **ret,
                               size_t *ret_n, struct err *e) {
    const struct json *map = json_get(x->body, member), *v;
    struct setting *list = arena_array_of(x->r->arena, json_len(map) + 1, struct setting);
    struct str key;

    if (json_type(map) != JSON_OBJECT && json_type(map) != JSON_ABSENT)
        FAIL(e, ST_INVALID, "%s: an object of names and values is needed", member);
    if (json_len(map) > VALUES_MAX)
        FAIL(e, ST_INVALID, "%s: at most %d", member, VALUES_MAX);
    for (size_t i = 0; json_member(map, i, &key, &v); i++) {
        enum json_type type = json_type(v);

        if (type == JSON_OBJECT || type == JSON_ARRAY)
            FAIL(e, ST_INVALID, "%s: a value is a text, a number or a boolean", member);
        list[i].key = key;
        if (type == JSON_STRING)
            list[i].value = json_str(v);
        else if (type != JSON_NULL)
            list[i].value = api_text(x, v);
        if (list[i].value.len > VALUE_MAX_BYTES)
            FAIL(e, ST_INVALID, "%s: a value is longer than %d bytes", member, VALUE_MAX_BYTES);
    }
    *ret = list;
    *ret_n = json_len(map);
    return ST_OK;
}

static enum status read_account(struct api *x, struct account_new *ret, struct err *e) {
    *ret = (struct account_new){
        .tenant = x->tenant,
        .kind = json_str(json_get(x->body, "kind")),
        .name = str_trim(json_str(json_get(x->body, "name"))),
        .address = str_trim(json_str(json_get(x->body, "address"))),
    };
    if (ret->name.len > 200)
        FAIL(e, ST_INVALID, "name: at most 200 bytes");
    TRY(read_values(x, "settings", &ret->settings, &ret->n_settings, e));
    return read_values(x, "secrets", &ret->secrets, &ret->n_secrets, e);
}

static struct str object_of(struct api *x, struct account_id id) {
    struct str text = uuid_format(x->r->arena, id.v);

    return arena_printf(x->r->arena, "provider:%.*s", STR_ARG(text));
}

static enum status add_provider(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct account_new in;
    struct account account;

    TRY(read_account(x, &in, e));
    TRY(account_add(x->r->arena, tx, app_outbox(x->app)->keys, in, &account, e));
    TRY(api_audit(tx, x, "provider.add", object_of(x, account.id), e));
    return answer_account(tx, x, account.id, e);
}

/* Sends that were parked because the account was blocked or disabled go on by themselves. */
static enum status resume_sends(struct tx *tx, struct api *x, const char *cause, struct err *e) {
    int64_t n;

    return queue_replay(tx, x->tenant, (struct job_id){0}, OUTBOX_SEND_JOB, cause, &n, e);
}

static enum status change_switches(struct tx *tx, struct api *x, struct account_id id,
                                   struct err *e) {
    const struct json *active = json_get(x->body, "is_active");
    struct str state = json_str(json_get(x->body, "state"));

    if (active) {
        TRY(account_set_active(tx, x->tenant, id, json_bool(active, true), e));
        if (json_bool(active, true))
            TRY(resume_sends(tx, x, "account-disabled", e));
    }
    if (json_bool(json_get(x->body, "is_preferred"), false))
        TRY(account_set_preferred(tx, x->tenant, id, e));
    if (state.len > 0 && !str_eq(state, STR("ok")))
        FAIL(e, ST_INVALID, "state: only \"ok\" can be set");
    if (state.len > 0) {
        TRY(account_set_state(tx, x->tenant, id, STR("ok"), STR_EMPTY, e));
        TRY(resume_sends(tx, x, "account-blocked", e));
    }
    return ST_OK;
}

static enum status change_provider(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    const struct account_id id = {x->message.v};
    struct account_new in;
    struct account account;

    TRY(read_account(x, &in, e));
    TRY(account_update(x->r->arena, tx, app_outbox(x->app)->keys, id, in, &account, e));
    TRY(change_switches(tx, x, id, e));
    TRY(api_audit(tx, x, "provider.set", object_of(x, id), e));
    return answer_account(tx, x, id, e);
}

/* --- trying ------------------------------------------------------------------------------------------------------------- */

struct finding {
    struct req *r;
    struct account_id id;
    struct account account;
};

static enum status find_account(struct tx *tx, void *ctx, struct err *e) {
    struct finding *f = ctx;

    return account_get(f->r->arena, tx, f->id, &f->account, e);
}

static void answer_probe(struct req *r, const struct probe *probe, struct resp *ret) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = API_BODY_MAX};
    struct json_out o;

    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_str(&o, "result",
                 str_of(probe->is_ok          ? "ok"
                        : probe->is_retriable ? "unreachable"
                                              : "refused"));
    json_put_str(&o, "cause", probe->cause);
    json_put_str(&o, "reason", probe->reason);
    probe_put_told(&o, probe);
    json_end(&o);
    resp_json(r, ret, 200, &b);
}

/* Outside of a transaction: it waits for the provider. */
static enum status provider_test_post(struct app *app, struct req *r, struct resp *ret,
                                      struct err *e) {
    const struct outbox *outbox = app_outbox(app);
    const struct account_prober with = {.db = app_db(app),
                                        .httpc = outbox->httpc,
                                        .keys = outbox->keys,
                                        .mailer = outbox->mailer,
                                        .defaults = *atomic_load(&outbox->defaults->now)};
    struct finding f = {.r = r};
    struct probe probe;

    if (!uuid_parse(req_param(r, "id"), &f.id.v))
        FAIL(e, ST_NOT_FOUND, "no such object: the id is not a UUID");
    TRY(db_read(app_db(app), DB_TENANT(r->principal.tenant), find_account, &f, e));
    TRY(account_probe(r->arena, &with, &f.account, &probe, e));
    answer_probe(r, &probe, ret);
    return ST_OK;
}

/* --- the mailbox of an e-mail account -------------------------------------------------------------- */

static enum status find_mailbox(struct tx *tx, struct api *x, struct account *account,
                                struct mail_look *ret, struct err *e) {
    struct account_id id;

    if (!uuid_parse(req_param(x->r, "id"), &id.v))
        FAIL(e, ST_NOT_FOUND, "no such object: the id is not a UUID");
    TRY(account_get(x->r->arena, tx, id, account, e));
    return mail_look_get(x->r->arena, tx, account, ret, e);
}

static void write_look(struct api *x, const struct mail_look *look) {
    struct json_out *o = api_begin(x);

    json_put_time(o, "looked_at", look->looked_at_ms);
    json_put_str_or_null(o, "trouble", look->trouble);
    json_put_bool(o, "is_refused", look->is_refused);
    json_end(o);
}

static enum status show_mailbox(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct account account;
    struct mail_look look = {0};

    TRY(find_mailbox(tx, x, &account, &look, e));
    write_look(x, &look);
    return ST_OK;
}

static enum status look_now(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct account account;
    struct mail_look look = {0};

    TRY(find_mailbox(tx, x, &account, &look, e));
    TRY(mail_poll_put(x->r->arena, tx, &account, e));
    write_look(x, &look);
    return ST_OK;
}

API_HANDLER(provider_mailbox_get, API_READS, show_mailbox)
API_HANDLER(provider_mailbox_look_post, API_QUEUES, look_now)
API_HANDLER(provider_kinds_get, API_READS, list_kinds)
API_HANDLER(providers_get, API_READS, list_providers)
API_HANDLER(provider_get_one, API_READS, one_provider)
API_HANDLER(providers_post, API_WRITES, add_provider)
API_HANDLER(provider_patch, API_WRITES, change_provider)

const struct route api_provider_routes[] = {
    {HTTP_GET, API "/provider-kinds", provider_kinds_get, ADMIN, .scope = "providers:read",
     .summary = "Kinds of provider accounts and what each takes"},
    {HTTP_GET, API "/providers", providers_get, ADMIN, .scope = "providers:read",
     .summary = "The tenant's provider accounts, without their secrets"},
    {HTTP_POST, API "/providers", providers_post, ADMIN, .scope = "providers:write",
     .max_body = API_BODY_MAX, .summary = "Add a provider account"},
    {HTTP_GET, API "/providers/{id}", provider_get_one, ADMIN, .scope = "providers:read",
     .summary = "One provider account, with the address the provider calls"},
    {HTTP_PATCH, API "/providers/{id}", provider_patch, ADMIN, .scope = "providers:write",
     .max_body = API_BODY_MAX,
     .summary = "Change a provider account; an empty value removes a setting or secret"},
    {HTTP_POST, API "/providers/{id}/test", provider_test_post, ADMIN, .scope = "providers:write",
     .max_body = API_BODY_MAX, .rate_per_min = 20,
     .summary = "Try the account's credentials; nobody gets a message"},
    {HTTP_GET, API "/providers/{id}/mailbox", provider_mailbox_get, ADMIN,
     .scope = "providers:read", .summary = "How the last look at an e-mail account's mailbox went"},
    {HTTP_POST, API "/providers/{id}/mailbox/look", provider_mailbox_look_post, ADMIN,
     .scope = "providers:write", .max_body = API_BODY_MAX, .rate_per_min = 60,
     .summary = "Look at the mailbox now; answers how the last look went"},
};
const size_t api_provider_n_routes = ARRAY_LEN(api_provider_routes);
