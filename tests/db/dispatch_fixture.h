/* dispatch_fixture.h - what the tests of campaigns share: people, a template, a campaign, and the fake Graph API's answers.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "consent/consent.h"
#include "db/feature_fixture.h"
#include "dispatch/internal.h"
#include "template/template.h"

enum { DAY_MS = 24 * 3600 * 1000, MINUTE_MS = 60 * 1000 };

#define ACCEPTED                                                                                   \
    "{\"messaging_product\":\"whatsapp\",\"contacts\":[{\"input\":\"x\"}],"                        \
    "\"messages\":[{\"id\":\"wamid.out\"}]}"
#define ERROR_BODY(code)                                                                           \
    "{\"error\":{\"message\":\"(#" code ") x\",\"type\":\"OAuthException\",\"code\":" code ","     \
    "\"fbtrace_id\":\"A\"}}"

static const struct fake_reply accepted = {.status = 200, .body = ACCEPTED};

struct scene {
    struct app *app;
    size_t n_leads;
    struct lead_id leads[64];
    const char *const *phones; /* of the people; NULL: made up, all of São Paulo */
    const char *limits_json;   /* of the campaign; NULL: no threshold, no overlap in a day */
    const char *quiet_json;    /* the tenant's; NULL: none */
    int64_t start_at_ms;
    struct setting setting[2];
    struct dispatch_id id;
    struct dispatch d;
    struct dispatch_counts counts;
    enum dispatch_order order;
    enum gate gate;
    enum status st;
    const char *cause;
    struct recipient row;
    const char *word; /* of a receipt */
    const char *wamid;
    int64_t code;
    int64_t more;
};

static inline struct scene *scene_of(struct app *app) {
    if (!app->extra)
        app->extra = arena_new_of(&app->a, struct scene);
    return app->extra;
}

/* --- steps ---------------------------------------------------------------------------------------------------------------- */

static inline enum status put_template(struct app *app, struct tx *tx, struct err *e) {
    const struct db_sql sql = DB_SQL(
        "INSERT INTO templates (id, tenant_id, account_id, channel, name, language, category,"
        " status, body, components, created_at, updated_at) VALUES ($1, $2, $3, 'whatsapp',"
        " 'cobranca_padrao_whatsapp_v1', 'pt_BR', 'utility', 'approved', 'Olá {{1}}',"
        " '[{\"type\":\"BODY\",\"text\":\"Olá {{1}}\"}]', 1, 1)");

    return DB_EXEC(tx, sql, NULL, e, V_UUID(uuid_new()), V_UUID(app->tenant.v),
                   V_UUID(app->account.id.v));
}

static inline enum status put_leads(struct app *app, struct tx *tx, struct err *e) {
    struct scene *s = scene_of(app);
    struct lead_record records[64] = {0};
    struct lead_put_result results[64] = {0};

    for (size_t i = 0; i < s->n_leads; i++) {
        struct str *phone = arena_new_of(&app->a, struct str);

        *phone = s->phones
                     ? str_of(s->phones[i])
                     : arena_printf(&app->a, "+55 11 9%04d-%04d", 8000 + (int)i, 1000 + (int)i);
        records[i] = (struct lead_record){
            .name = arena_printf(&app->a, "Pessoa %d", (int)i), .phones = phone, .n_phones = 1};
    }
    lead_read_many(&app->a, records, s->n_leads, "BR");
    TRY(lead_put_many(&app->a, tx, app->tenant, records, s->n_leads, LEAD_FILL, clock_now_ms(),
                      results, e));
    for (size_t i = 0; i < s->n_leads; i++) {
        EXPECT_I64(results[i].outcome, LEAD_CREATED);
        s->leads[i] = results[i].id;
    }
    return ST_OK;
}

static inline enum status set_quiet_hours(struct app *app, struct tx *tx, struct err *e) {
    const char *text = scene_of(app)->quiet_json;
    const struct json *in;

    TRY(json_parse(&app->a, str_of(text ? text : "{\"is_on\":false}"), JSON_LIMITS_DEFAULT, &in,
                   e));
    return consent_settings_put(&app->a, tx, app->tenant, in, -1, e);
}

static inline enum status add_campaign(struct app *app, struct tx *tx, struct err *e) {
    struct scene *s = scene_of(app);
    const struct json *audience, *variables, *limits;
    const struct str name = STR("cobrança de novembro");

    TRY(json_parse(&app->a, STR("{\"filter\":{\"all\":[]}}"), JSON_LIMITS_DEFAULT, &audience, e));
    TRY(json_parse(&app->a, STR("{\"1\":{\"field\":\"name\"}}"), JSON_LIMITS_DEFAULT, &variables,
                   e));
    TRY(json_parse(
        &app->a,
        str_of(s->limits_json ? s->limits_json : "{\"error_percent\":0,\"overlap_hours\":24}"),
        JSON_LIMITS_DEFAULT, &limits, e));
    TRY(dispatch_add(
        &app->a, tx, app->tenant,
        &(struct dispatch_edit){
            .name = &name, .audience = audience, .variables = variables, .limits = limits},
        STR("test"), clock_now_ms(), &s->d, e));
    s->id = s->d.id;
    return ST_OK;
}

static inline enum status give_order(struct app *app, struct tx *tx, struct err *e) {
    struct scene *s = scene_of(app);
    const struct dispatch_ordered o = {.tenant = app->tenant,
                                       .id = s->id,
                                       .order = s->order,
                                       .gate = s->gate,
                                       .start_at_ms = s->start_at_ms,
                                       .now_ms = clock_now_ms()};
    struct err why = ERR_INIT;

    (void)e;
    s->st = dispatch_order(&app->a, tx, &o, &s->d, &why);
    s->cause = why.cause;
    return s->st == ST_CONFLICT ? ST_OK : s->st;
}

static inline enum status look(struct app *app, struct tx *tx, struct err *e) {
    struct scene *s = scene_of(app);

    TRY(dispatch_get(&app->a, tx, app->tenant, s->id, &s->d, e));
    return dispatch_count(&app->a, tx, app->tenant, s->id, &s->counts, e);
}

static inline enum status first_row(struct app *app, struct tx *tx, struct err *e) {
    struct scene *s = scene_of(app);
    struct recipient_query q = {.tenant = app->tenant, .dispatch = s->id, .limit = 1};
    struct recipient *rows;
    size_t n;

    TRY(recipient_list(&app->a, tx, &q, &rows, &n, e));
    EXPECT_I64(n, 1);
    s->row = rows[0];
    return ST_OK;
}

static inline void order(struct app *app, enum dispatch_order what) {
    scene_of(app)->order = what;
    STEP(app, give_order);
}

/* A campaign of n people, whose API answers so, planned and started. */
static inline struct scene *prepare(struct app *app, size_t n) {
    struct scene *s = scene_of(app);

    s->n_leads = n;
    s->gate = GATE_ALL;
    httpc_set_gate(app->httpc, GATE_ALL);
    STEP(app, put_template);
    STEP(app, put_leads);
    STEP(app, set_quiet_hours);
    STEP(app, add_campaign);
    return s;
}

static inline struct scene *plan(struct app *app, size_t n) {
    struct scene *s = prepare(app, n);

    order(app, DISPATCH_PLAN);
    (void)run_jobs(app, 1);
    STEP(app, look);
    assert_str(s->d.state, "planned");
    return s;
}

static inline struct scene *send_with(struct app *app, size_t n, struct fake_reply reply) {
    struct scene *s = plan(app, n);

    fake_http_answer(app->graph, reply);
    order(app, DISPATCH_START);
    (void)run_jobs(app, 1);
    STEP(app, look);
    return s;
}
