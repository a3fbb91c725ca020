/* test_tenant_account.c - provider accounts: what each kind takes, the order in which they are
 * found, the old columns, sealed secrets; on both engines.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "db/tenant_fixture.h"

/* --- transactions of one call ---------------------------------------------------------------- */

struct call {
    struct fixture *f;
    struct tenant_id tenant;
    struct account_new in;
    struct account_id id;
    struct account out;
    struct account *list;
    size_t n;
    struct str kind, text, state;
    const struct keyring *keys; /* NULL: the fixture's */
    const char *name;
    bool flag;
    struct channel_defaults defaults;
    struct channel channel;
};

static const struct keyring *keys_of(const struct call *c) {
    return c->keys ? c->keys : c->f->keys;
}

static enum status add(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;

    return account_add(&c->f->a, tx, keys_of(c), c->in, &c->out, e);
}

static enum status update(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;

    return account_update(&c->f->a, tx, keys_of(c), c->id, c->in, &c->out, e);
}

static enum status get(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;

    return account_get(&c->f->a, tx, c->id, &c->out, e);
}

static enum status list(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;

    return account_list(&c->f->a, tx, c->tenant, &c->list, &c->n, e);
}

static enum status find_kind(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;

    return account_find_kind(&c->f->a, tx, c->tenant, c->kind, &c->out, e);
}

static enum status find_address(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;

    return account_find_address(&c->f->a, tx, STR("meta"), c->text, &c->out, e);
}

static enum status find_group(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;

    return account_find_group(&c->f->a, tx, STR("meta"), c->text, &c->out, e);
}

static enum status set_active(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;

    return account_set_active(tx, c->tenant, c->id, c->flag, e);
}

static enum status set_preferred(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;

    return account_set_preferred(tx, c->tenant, c->id, e);
}

static enum status set_state(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;

    return account_set_state(tx, c->tenant, c->id, c->state, STR("token expired"), e);
}

static enum status set_legacy(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;

    return tenant_set_legacy(tx, c->tenant, c->text, e);
}

static enum status secret(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;

    return account_secret(&c->f->a, tx, keys_of(c), &c->out, c->name, &c->text, e);
}

static enum status channel(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;

    return account_channel(&c->f->a, tx, keys_of(c), &c->out, c->defaults, &c->channel, e);
}

static enum status in_tenant(struct fixture *f, tx_fn fn, struct call *c) {
    c->f = f;
    if (uuid_is_nil(c->tenant.v))
        c->tenant = f->acme.id;
    if (uuid_is_nil(c->in.tenant.v))
        c->in.tenant = c->tenant;
    return db_write(f->db, DB_TENANT(c->tenant), fn, c, &f->e);
}

static enum status in_system(struct fixture *f, tx_fn fn, struct call *c) {
    c->f = f;
    return db_write(f->db, DB_SYSTEM, fn, c, &f->e);
}

/* --- making ---------------------------------------------------------------------------------- */

static struct account_id make_meta_for(struct fixture *f, struct tenant_id tenant,
                                       const char *address) {
    const struct setting settings[] = {{STR("waba_id"), STR("7001")}};
    const struct setting secrets[] = {{STR("access_token"), STR("EAAtoken")}};
    struct call c = {.tenant = tenant,
                     .in = {.kind = STR("meta"),
                            .address = str_of(address),
                            .settings = settings,
                            .n_settings = 1,
                            .secrets = secrets,
                            .n_secrets = 1}};

    assert_ok(in_tenant(f, add, &c), &f->e);
    return c.out.id;
}

static struct account_id make_meta(struct fixture *f, const char *address) {
    return make_meta_for(f, f->acme.id, address);
}

static void switch_active(struct fixture *f, struct account_id id, bool is_active) {
    struct call c = {.id = id, .flag = is_active};

    assert_ok(in_tenant(f, set_active, &c), &f->e);
}

static void put_legacy(struct fixture *f, const char *json) {
    struct call c = {.text = str_of(json)};

    assert_ok(in_tenant(f, set_legacy, &c), &f->e);
}

static struct account found_kind(struct fixture *f, const char *kind) {
    struct call c = {.kind = str_of(kind)};

    assert_ok(in_tenant(f, find_kind, &c), &f->e);
    return c.out;
}

static struct str opened(struct fixture *f, struct account account, const char *name) {
    struct call c = {.out = account, .name = name};

    assert_ok(in_tenant(f, secret, &c), &f->e);
    return c.text;
}

/* --- adding and changing --------------------------------------------------------------------- */

static void an_account_keeps_settings_in_their_types_and_secrets_sealed(void **state) {
    struct fixture *f = *state;
    const struct setting settings[] = {{STR("base_url"), STR("http://127.0.0.1:9000/v1/")},
                                       {STR("model"), STR("gpt-x")},
                                       {STR("max_tokens"), STR("400")},
                                       {STR("temperature"), STR("0.5")},
                                       {STR("uses_old_max_tokens"), STR("true")},
                                       {STR("currency"), STR("BRL")}};
    const struct setting secrets[] = {{STR("api_key"), STR("sk-123")}};
    struct call c = {.in = {.kind = STR("openai"),
                            .settings = settings,
                            .n_settings = ARRAY_LEN(settings),
                            .secrets = secrets,
                            .n_secrets = 1}};

    assert_ok(in_tenant(f, add, &c), &f->e);
    c.id = c.out.id;
    assert_ok(in_tenant(f, get, &c), &f->e);
    assert_str(c.out.kind, "openai");
    assert_str(c.out.name, "openai");
    assert_str(c.out.state, "ok");
    assert_true(c.out.is_active);
    assert_str(json_str(json_get(c.out.settings, "base_url")), "http://127.0.0.1:9000/v1");
    assert_int_equal(json_type(json_get(c.out.settings, "max_tokens")), JSON_INT);
    assert_int_equal(json_i64(json_get(c.out.settings, "max_tokens"), 0), 400);
    assert_true(json_real(json_get(c.out.settings, "temperature"), 0) == 0.5);
    assert_true(json_bool(json_get(c.out.settings, "uses_old_max_tokens"), false));
    assert_null(json_get(c.out.settings, "api_key"));
    assert_str(opened(f, c.out, "api_key"), "sk-123");
    assert_str(opened(f, c.out, "access_token"), "");
}

static void wrong_values_are_refused_by_name(void **state) {
    static const struct {
        const char *kind, *address, *key, *value, *message;
        bool is_secret;
    } cases[] = {
        {"telex", "1", NULL, NULL, "no kind of provider \"telex\"", false},
        {"meta", "", NULL, NULL, "the address is a phone number id", false},
        {"meta", "12a", NULL, NULL, "the address is a phone number id", false},
        {"openai", "12", NULL, NULL, "has no address", false},
        {"meta", "1", "model", "x", "\"meta\" has no setting \"model\"; it takes base_url,", false},
        {"meta", "1", "access_token", "x", "\"meta\" has no setting \"access_token\"", false},
        {"meta", "1", "waba_id", "1", "\"meta\" has no secret \"waba_id\"", true},
        {"meta", "1", "base_url", "ftp://x", "\"base_url\" does not begin", false},
        {"meta", "1", "base_url", "https://", "\"base_url\" has no host", false},
        {"meta", "1", "base_url", "https://me:pw@x", "\"base_url\" holds a user name", false},
        {"meta", "1", "base_url", "https://x/?a=b", "\"base_url\" holds a user name", false},
        {"meta", "1", "graph_version", "26", "\"graph_version\" is not like \"v26.0\"", false},
        {"meta", "1", "waba_id", "x1", "\"waba_id\" has digits only", false},
        {"meta", "1", "per_second", "0", "\"per_second\" is a number from 1 to 1000", false},
        {"meta", "1", "access_token", "EAA x", "\"access_token\" holds a space", true},
        {"openai", "", "temperature", "2.1", "\"temperature\" is a number from 0 to 2", false},
        {"openai", "", "temperature", "nan", "\"temperature\" is a number from 0 to 2", false},
        {"openai", "", "uses_old_max_tokens", "yes", "is true or false", false},
        {"openai", "", "currency", "reais", "\"currency\" is not like \"BRL\"", false},
        {"openai", "", "max_tokens", "many", "\"max_tokens\" is a number", false},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct setting one = {str_of(cases[i].key), str_of(cases[i].value)};
        size_t n = cases[i].key ? 1 : 0;
        struct call c = {.in = {.kind = str_of(cases[i].kind),
                                .address = str_of(cases[i].address),
                                .settings = &one,
                                .n_settings = cases[i].is_secret ? 0 : n,
                                .secrets = &one,
                                .n_secrets = cases[i].is_secret ? n : 0}};

        assert_int_equal(in_tenant(f, add, &c), ST_INVALID);
        if (!strstr(f->e.message, cases[i].message))
            fail_msg("case %zu: \"%s\"", i, f->e.message);
        err_clear(&f->e);
    }
}

static void an_update_changes_what_it_names_and_empty_removes(void **state) {
    struct fixture *f = *state;
    const struct setting settings[] = {{STR("per_second"), STR("20")}, {STR("waba_id"), STR_EMPTY}};
    const struct setting secrets[] = {{STR("app_secret"), STR("s3cret")},
                                      {STR("access_token"), STR_EMPTY}};
    struct call c = {.id = make_meta(f, "100"),
                     .in = {.name = STR("Main"),
                            .settings = settings,
                            .n_settings = 2,
                            .secrets = secrets,
                            .n_secrets = 2}};

    assert_ok(in_tenant(f, update, &c), &f->e);
    assert_ok(in_tenant(f, get, &c), &f->e);
    assert_str(c.out.name, "Main");
    assert_str(c.out.address, "100");
    assert_int_equal(json_i64(json_get(c.out.settings, "per_second"), 0), 20);
    assert_null(json_get(c.out.settings, "waba_id"));
    assert_str(opened(f, c.out, "app_secret"), "s3cret");
    assert_str(opened(f, c.out, "access_token"), "");
    c.in = (struct account_new){.kind = STR("openai")};
    assert_int_equal(fixture_failing(f, in_tenant(f, update, &c)), ST_INVALID);
    c.in = (struct account_new){.name = STR("stolen")};
    c.tenant = f->other.id;
    assert_int_equal(in_tenant(f, update, &c), ST_NOT_FOUND);
}

static void an_address_has_one_active_owner(void **state) {
    struct fixture *f = *state;
    struct account_id first = make_meta(f, "100");
    struct call c = {.tenant = f->other.id, .in = {.kind = STR("meta"), .address = STR("100")}};

    assert_int_equal(in_tenant(f, add, &c), ST_CONFLICT);
    assert_string_equal(f->e.message, "the address \"100\" belongs to another active account");
    err_clear(&f->e);
    switch_active(f, first, false);
    assert_ok(in_tenant(f, add, &c), &f->e);
    c = (struct call){.id = first, .flag = true};
    assert_int_equal(in_tenant(f, set_active, &c), ST_CONFLICT);
    assert_string_equal(f->e.message, "its address belongs to another active account by now");
}

static void accounts_of_another_tenant_are_out_of_reach(void **state) {
    struct fixture *f = *state;
    struct account_id id = make_meta(f, "100");
    struct call c = {.tenant = f->other.id, .id = id, .state = STR("ok")};

    assert_int_equal(fixture_failing(f, in_tenant(f, get, &c)), ST_NOT_FOUND);
    assert_int_equal(fixture_failing(f, in_tenant(f, set_active, &c)), ST_NOT_FOUND);
    assert_int_equal(fixture_failing(f, in_tenant(f, set_state, &c)), ST_NOT_FOUND);
    assert_int_equal(fixture_failing(f, in_tenant(f, set_preferred, &c)), ST_NOT_FOUND);
    assert_ok(in_tenant(f, list, &c), &f->e);
    assert_int_equal(c.n, 0);
    assert_ok(in_system(f, get, &c), &f->e);
    assert_true(uuid_eq(c.out.tenant.v, f->acme.id.v));
}

static void state_is_kept_until_cleared(void **state) {
    struct fixture *f = *state;
    struct call c = {.id = make_meta(f, "100"), .state = STR("blocked")};

    assert_ok(in_tenant(f, set_state, &c), &f->e);
    assert_ok(in_tenant(f, get, &c), &f->e);
    assert_str(c.out.state, "blocked");
    assert_str(c.out.state_reason, "token expired");
    c.id = (struct account_id){0};
    assert_ok(in_tenant(f, set_state, &c), &f->e); /* of old columns: nothing to remember it by */
}

/* --- the order ------------------------------------------------------------------------------- */

static const char legacy_columns[] =
    "{\"whatsapp_phone_number_id\": \"900\", \"whatsapp_access_token\": \"EAAold\","
    " \"whatsapp_business_account_id\": \"7900\","
    " \"tools_config\": {\"openai\": {\"api_key\": \"sk-old\", \"model\": \"gpt-old\","
    " \"max_tokens\": 300, \"temperature\": \"0.2\"}}}";

static void without_anything_there_is_no_account(void **state) {
    struct fixture *f = *state;
    struct call c = {.kind = STR("meta")};

    assert_int_equal(in_tenant(f, find_kind, &c), ST_NOT_FOUND);
    assert_string_equal(f->e.message, "the tenant has no active provider account of kind \"meta\"");
    err_clear(&f->e);
    c.kind = STR("telex");
    assert_int_equal(in_tenant(f, find_kind, &c), ST_INVALID);
}

static void an_active_row_wins_over_the_old_columns(void **state) {
    struct fixture *f = *state;
    struct account_id id = make_meta(f, "100");
    struct account found;

    put_legacy(f, legacy_columns);
    found = found_kind(f, "meta");
    assert_true(uuid_eq(found.id.v, id.v));
    assert_str(opened(f, found, "access_token"), "EAAtoken");
}

static void with_inactive_rows_only_the_old_columns_are_used(void **state) {
    struct fixture *f = *state;
    struct account found;

    switch_active(f, make_meta(f, "100"), false);
    put_legacy(f, legacy_columns);
    found = found_kind(f, "meta");
    assert_true(uuid_is_nil(found.id.v));
    assert_str(found.address, "900");
    assert_str(found.state, "ok");
    assert_true(found.is_active);
    assert_str(json_str(json_get(found.settings, "waba_id")), "7900");
    assert_str(opened(f, found, "access_token"), "EAAold");
    assert_str(opened(f, found, "app_secret"), "");
}

static void inactive_rows_without_old_columns_are_no_account(void **state) {
    struct fixture *f = *state;
    struct call c = {.kind = STR("meta")};

    switch_active(f, make_meta(f, "100"), false);
    assert_int_equal(in_tenant(f, find_kind, &c), ST_NOT_FOUND);
}

static void of_several_rows_the_preferred_then_the_newest_wins(void **state) {
    struct fixture *f = *state;
    struct account_id first = make_meta(f, "100"), second, third;
    struct call c;

    clock_shift_ms(1000);
    second = make_meta(f, "200");
    clock_shift_ms(2000);
    third = make_meta(f, "300");
    clock_shift_ms(0);
    assert_true(uuid_eq(found_kind(f, "meta").id.v, third.v));
    c = (struct call){.id = first};
    assert_ok(in_tenant(f, set_preferred, &c), &f->e);
    assert_true(uuid_eq(found_kind(f, "meta").id.v, first.v));
    assert_true(found_kind(f, "meta").is_preferred);
    c.id = second;
    assert_ok(in_tenant(f, set_preferred, &c), &f->e);
    assert_true(uuid_eq(found_kind(f, "meta").id.v, second.v));
    switch_active(f, second, false);
    assert_true(uuid_eq(found_kind(f, "meta").id.v, third.v));
}

static void tools_config_serves_the_model(void **state) {
    struct fixture *f = *state;
    struct account found;

    put_legacy(f, legacy_columns);
    found = found_kind(f, "openai");
    assert_true(uuid_is_nil(found.id.v));
    assert_str(json_str(json_get(found.settings, "model")), "gpt-old");
    assert_int_equal(json_i64(json_get(found.settings, "max_tokens"), 0), 300);
    assert_true(json_real(json_get(found.settings, "temperature"), 0) == 0.2);
    assert_null(json_get(found.settings, "api_key"));
    assert_str(opened(f, found, "api_key"), "sk-old");
}

static void an_old_column_comes_before_tools_config_value_by_value(void **state) {
    struct fixture *f = *state;
    struct account found;

    put_legacy(f, "{\"openai_model\": \"column\", \"openai_api_key\": \"\", \"tools_config\":"
                  " \"{\\\"openai\\\": {\\\"api_key\\\": \\\"sk-text\\\","
                  " \\\"model\\\": \\\"tools\\\"}}\"}");
    found = found_kind(f, "openai");
    assert_str(json_str(json_get(found.settings, "model")), "column");
    assert_str(opened(f, found, "api_key"), "sk-text");
    put_legacy(f, "{\"whatsapp_phone_number_id\": 901, \"whatsapp_access_token\": \"\","
                  " \"tools_config\": {\"whatsapp\": {\"phone_number_id\": \"902\","
                  " \"access_token\": \"EAAtools\", \"graph_version\": \"v25.0\"}}}");
    found = found_kind(f, "meta");
    assert_str(found.address, "901");
    assert_str(opened(f, found, "access_token"), "EAAtools");
    assert_str(json_str(json_get(found.settings, "graph_version")), "v25.0");
}

static void old_values_out_of_form_count_as_absent(void **state) {
    struct fixture *f = *state;
    struct account found;
    struct call c = {.kind = STR("openai")};

    put_legacy(f, "{\"whatsapp_phone_number_id\": \"900\", \"tools_config\": {\"whatsapp\":"
                  " {\"base_url\": \"graph\", \"per_second\": 50, \"pair_burst\": []},"
                  " \"openai\": \"none\"}}");
    found = found_kind(f, "meta");
    assert_null(json_get(found.settings, "base_url"));
    assert_int_equal(json_i64(json_get(found.settings, "per_second"), 0), 50);
    assert_int_equal(fixture_failing(f, in_tenant(f, find_kind, &c)), ST_NOT_FOUND);
    put_legacy(f, "{\"openai_api_key\": \"sk-1\", \"tools_config\": \"{broken\"}");
    assert_str(opened(f, found_kind(f, "openai"), "api_key"), "sk-1");
}

static void listing_shows_old_columns_in_use_only(void **state) {
    struct fixture *f = *state;
    struct call c = {.kind = STR_EMPTY};

    (void)make_meta(f, "100");
    put_legacy(f, legacy_columns);
    assert_ok(in_tenant(f, list, &c), &f->e);
    assert_int_equal(c.n, 2);
    assert_str(c.list[0].kind, "meta");
    assert_str(c.list[0].address, "100");
    assert_str(c.list[1].kind, "openai");
    assert_true(uuid_is_nil(c.list[1].id.v));
}

/* --- inbound calls --------------------------------------------------------------------------- */

static void an_address_leads_to_its_owner_whether_active_or_not(void **state) {
    struct fixture *f = *state;
    struct account_id id = make_meta_for(f, f->other.id, "100");
    struct call c = {.text = STR("100")};

    assert_ok(in_system(f, find_address, &c), &f->e);
    assert_true(uuid_eq(c.out.id.v, id.v));
    assert_true(uuid_eq(c.out.tenant.v, f->other.id.v));
    c = (struct call){.tenant = f->other.id, .id = id};
    assert_ok(in_tenant(f, set_active, &c), &f->e);
    c = (struct call){.text = STR("100")};
    assert_ok(in_system(f, find_address, &c), &f->e);
    assert_true(uuid_eq(c.out.id.v, id.v));
    assert_false(c.out.is_active);
    c.text = STR("101");
    assert_int_equal(fixture_failing(f, in_system(f, find_address, &c)), ST_NOT_FOUND);
    c.text = STR_EMPTY;
    assert_int_equal(fixture_failing(f, in_system(f, find_address, &c)), ST_NOT_FOUND);
}

static void an_address_of_old_columns_is_found_while_they_are_in_use(void **state) {
    struct fixture *f = *state;
    struct call c = {.text = STR("900")};

    put_legacy(f, legacy_columns);
    assert_ok(in_system(f, find_address, &c), &f->e);
    assert_true(uuid_is_nil(c.out.id.v));
    assert_true(uuid_eq(c.out.tenant.v, f->acme.id.v));
    assert_str(c.out.address, "900");
    switch_active(f, make_meta(f, "900"), false); /* an inactive row does not hide them */
    assert_ok(in_system(f, find_address, &c), &f->e);
    assert_true(uuid_is_nil(c.out.id.v));
    (void)make_meta(f, "100"); /* an active one does: the inactive row is the owner now */
    assert_ok(in_system(f, find_address, &c), &f->e);
    assert_false(uuid_is_nil(c.out.id.v));
    assert_false(c.out.is_active);
    put_legacy(f, "{\"tools_config\": {\"whatsapp\": {\"phone_number_id\": 905}}}");
    c.text = STR("905");
    assert_int_equal(fixture_failing(f, in_system(f, find_address, &c)), ST_NOT_FOUND);
}

static void the_nil_id_is_the_old_columns_of_the_scope(void **state) {
    struct fixture *f = *state;
    struct call c = {.id = {{{0}}}};

    assert_int_equal(fixture_failing(f, in_tenant(f, get, &c)), ST_NOT_FOUND);
    put_legacy(f, "{\"tools_config\": {\"whatsapp\": {\"phone_number_id\": 905}}}");
    assert_ok(in_tenant(f, get, &c), &f->e);
    assert_str(c.out.address, "905");
    assert_int_equal(fixture_failing(f, in_system(f, get, &c)), ST_NOT_FOUND);
}

static void a_group_leads_to_an_active_account(void **state) {
    struct fixture *f = *state;
    struct account_id first = make_meta(f, "100"), second = make_meta(f, "200");
    struct call c = {.text = STR("7001")};

    assert_ok(in_system(f, find_group, &c), &f->e);
    assert_true(uuid_eq(c.out.id.v, first.v));
    switch_active(f, first, false);
    assert_ok(in_system(f, find_group, &c), &f->e);
    assert_true(uuid_eq(c.out.id.v, second.v));
    c.text = STR("7002");
    assert_int_equal(in_system(f, find_group, &c), ST_NOT_FOUND);
}

/* --- as an adapter sees it ------------------------------------------------------------------- */

static void a_channel_is_the_account_over_the_defaults(void **state) {
    struct fixture *f = *state;
    struct call c = {.id = make_meta(f, "100"),
                     .defaults = {.base_url = STR("https://graph.example"),
                                  .version = STR("v26.0"),
                                  .app_secret = STR("app"),
                                  .verify_token = STR("verify")}};
    const struct setting secrets[] = {{STR("verify_token"), STR("own")}};

    c.in = (struct account_new){.secrets = secrets, .n_secrets = 1};
    assert_ok(in_tenant(f, update, &c), &f->e);
    assert_ok(in_tenant(f, get, &c), &f->e);
    assert_ok(in_tenant(f, channel, &c), &f->e);
    assert_str(c.channel.address, "100");
    assert_str(c.channel.base_url, "https://graph.example");
    assert_str(c.channel.version, "v26.0");
    assert_str(c.channel.access_token, "EAAtoken");
    assert_str(c.channel.app_secret, "app");
    assert_str(c.channel.verify_token, "own");
    put_legacy(f, legacy_columns);
    switch_active(f, c.id, false);
    c.out = found_kind(f, "meta");
    assert_ok(in_tenant(f, channel, &c), &f->e);
    assert_str(c.channel.address, "900");
    assert_str(c.channel.access_token, "EAAold");
    assert_str(c.channel.verify_token, "verify");
}

static void secrets_open_with_their_key_only_and_move_to_a_new_one(void **state) {
    static const char both[] = "2222222222222222222222222222222222222222222222222222222222222222\n"
                               "1111111111111111111111111111111111111111111111111111111111111111";
    struct fixture *f = *state;
    struct keyring *rotated, *fresh;
    struct call c = {.id = make_meta(f, "100"), .name = "access_token"};
    int64_t n;

    assert_ok(keyring_parse(str_of(both), &rotated, &f->e), &f->e);
    assert_ok(keyring_parse(str_sub(str_of(both), 0, 64), &fresh, &f->e), &f->e);
    assert_ok(in_tenant(f, get, &c), &f->e);
    c.keys = fresh;
    assert_int_equal(fixture_failing(f, in_tenant(f, secret, &c)), ST_BROKEN);
    assert_ok(account_reseal(f->db, rotated, &n, &f->e), &f->e);
    assert_int_equal(n, 1);
    assert_ok(in_tenant(f, secret, &c), &f->e);
    assert_str(c.text, "EAAtoken");
    assert_ok(account_reseal(f->db, rotated, &n, &f->e), &f->e);
    assert_int_equal(n, 0);
    keyring_free(rotated);
    keyring_free(fresh);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TENANT_TEST(an_account_keeps_settings_in_their_types_and_secrets_sealed),
        TENANT_TEST(wrong_values_are_refused_by_name),
        TENANT_TEST(an_update_changes_what_it_names_and_empty_removes),
        TENANT_TEST(an_address_has_one_active_owner),
        TENANT_TEST(accounts_of_another_tenant_are_out_of_reach),
        TENANT_TEST(state_is_kept_until_cleared),
        TENANT_TEST(without_anything_there_is_no_account),
        TENANT_TEST(an_active_row_wins_over_the_old_columns),
        TENANT_TEST(with_inactive_rows_only_the_old_columns_are_used),
        TENANT_TEST(inactive_rows_without_old_columns_are_no_account),
        TENANT_TEST(of_several_rows_the_preferred_then_the_newest_wins),
        TENANT_TEST(tools_config_serves_the_model),
        TENANT_TEST(an_old_column_comes_before_tools_config_value_by_value),
        TENANT_TEST(old_values_out_of_form_count_as_absent),
        TENANT_TEST(listing_shows_old_columns_in_use_only),
        TENANT_TEST(an_address_leads_to_its_owner_whether_active_or_not),
        TENANT_TEST(an_address_of_old_columns_is_found_while_they_are_in_use),
        TENANT_TEST(the_nil_id_is_the_old_columns_of_the_scope),
        TENANT_TEST(a_group_leads_to_an_active_account),
        TENANT_TEST(a_channel_is_the_account_over_the_defaults),
        TENANT_TEST(secrets_open_with_their_key_only_and_move_to_a_new_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
