/* demo.c - prosa demo: everything on one machine with nothing to set up. An embedded database in a
 * directory of its own, a demo tenant, the simulated providers, and the page that shows both sides
 * of a conversation.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "app/app.h"
#include "base/clock.h"
#include "bot/bot.h"
#include "cli/runtime.h"
#include "sim/sim.h"
#include "template/template.h"
#include "tenant/tenant.h"

#define DEMO_TENANT          "demo"
#define DEMO_BUSINESS        "Loja Aurora"
#define DEMO_USER            "demo@example.com"
#define DEMO_PHONE_NUMBER_ID "100000000000001"
#define DEMO_WABA_ID         "410000000000001"
#define DEMO_EMAIL           "vendas@aurora.example"
#define DEMO_DIR             "prosa-demo"

enum { ARGS_MAX = 64 };

extern char **environ;

struct demo {
    struct runtime rt;
    struct arena arena;
    struct sim *sim;
    struct str app_secret, access_token;
    struct tenant_id tenant;
    struct user_id user;
    struct app *app;
};

static int say_help(void) {
    struct buf b;

    buf_init(&b, 1 << 20);
    config_help(&b);
    printf(
        "prosa demo - try it: a demo tenant, simulated providers and a page that shows both sides\n\n"
        "Keeps its embedded database in ./" DEMO_DIR " unless --database-url says otherwise;\n"
        "start it again and the conversations are still there. Open the printed address in a browser.\n\n%.*s",
        STR_ARG(buf_str(&b)));
    buf_done(&b);
    return 0;
}

/* --- what the demo needs in the database --------------------------------------------------------------------------------- */

static enum status find_or_add_tenant(struct demo *d, struct tx *tx, struct err *e) {
    struct err miss = ERR_INIT;
    struct tenant tenant;
    enum status st = tenant_find_slug(&d->arena, tx, STR(DEMO_TENANT), &tenant, &miss);

    if (st == ST_NOT_FOUND)
        st = tenant_add(&d->arena, tx,
                        (struct tenant_new){.slug = STR(DEMO_TENANT), .name = STR(DEMO_BUSINESS)},
                        &tenant, e);
    else if (st != ST_OK)
        *e = miss;
    if (st == ST_OK)
        d->tenant = tenant.id;
    return st;
}

/* The simulators' addresses change with every start: the accounts follow them. */
static enum status put_account(struct demo *d, struct tx *tx, const struct account_new *in,
                               struct account *ret, struct err *e) {
    struct err miss = ERR_INIT;
    enum status st = account_find_address(&d->arena, tx, in->kind, in->address, ret, &miss);

    if (st == ST_NOT_FOUND)
        return account_add(&d->arena, tx, d->rt.keys, *in, ret, e);
    if (st == ST_OK)
        return account_update(&d->arena, tx, d->rt.keys, ret->id, *in, ret, e);
    *e = miss;
    return st;
}

static enum status point_mailbox(struct demo *d, struct tx *tx, struct err *e) {
    unsigned smtp, imap;
    struct account account;

    sim_mail_ports(d->sim, &smtp, &imap);

    const struct setting settings[] = {
        {STR("from_name"), STR(DEMO_BUSINESS)},
        {STR("smtp_host"), STR("127.0.0.1")},
        {STR("smtp_port"), arena_printf(&d->arena, "%u", smtp)},
        {STR("smtp_security"), STR("none")},
        {STR("imap_host"), STR("127.0.0.1")},
        {STR("imap_port"), arena_printf(&d->arena, "%u", imap)},
        {STR("imap_security"), STR("none")},
        {STR("imap_user"), STR(DEMO_EMAIL)},
        {STR("imap_poll_s"), STR("5")},
    };
    const struct setting secrets[] = {{STR("imap_password"), d->access_token}};
    const struct account_new in = {
        .tenant = d->tenant,
        .kind = STR("email"),
        .name = STR(DEMO_EMAIL),
        .address = STR(DEMO_EMAIL),
        .settings = settings,
        .n_settings = ARRAY_LEN(settings),
        .secrets = secrets,
        .n_secrets = ARRAY_LEN(secrets),
    };

    return put_account(d, tx, &in, &account, e);
}

static enum status point_account(struct demo *d, struct tx *tx, struct err *e) {
    const struct setting settings[] = {{STR("base_url"), sim_address(d->sim)},
                                       {STR("waba_id"), STR(DEMO_WABA_ID)}};
    const struct setting secrets[] = {{STR("access_token"), d->access_token}};
    const struct account_new in = {
        .tenant = d->tenant,
        .kind = STR("meta"),
        .name = STR(DEMO_BUSINESS),
        .address = STR(DEMO_PHONE_NUMBER_ID),
        .settings = settings,
        .n_settings = ARRAY_LEN(settings),
        .secrets = secrets,
        .n_secrets = ARRAY_LEN(secrets),
    };
    struct account account;

    TRY(put_account(d, tx, &in, &account, e));
    return template_sync(&d->arena, tx, &account, e);
}

/* For those who have no number that takes WhatsApp. */
static enum status add_email_template(struct demo *d, struct tx *tx, struct err *e) {
    struct template t = {
        .channel = STR("email"),
        .name = STR("cobranca_padrao_email_v1"),
        .language = STR("pt_BR"),
        .category = STR("utility"),
        .subject = STR("{{nome}}, há um valor em aberto em seu cadastro"),
        .body = STR("Olá, {{nome}}!\n\nConsta um valor em aberto em seu cadastro na "
                    "" DEMO_BUSINESS ". Responda este e-mail para receber a segunda via ou "
                    "combinar uma nova data.\n\nSe já pagou, desconsidere.\n\n" DEMO_BUSINESS "\n"),
        .html = STR("<p>Olá, {{nome}}!</p><p>Consta um valor em aberto em seu cadastro na "
                    "" DEMO_BUSINESS ". Responda este e-mail para receber a segunda via ou "
                    "combinar uma nova data.</p><p>Se já pagou, desconsidere.</p>"
                    "<p>" DEMO_BUSINESS "</p>"),
    };
    struct template found;
    struct err miss = ERR_INIT;
    enum status st = template_find(&d->arena, tx, d->tenant, (struct account_id){0}, t.channel,
                                   t.name, t.language, &found, &miss);

    if (st == ST_NOT_FOUND)
        return template_put(&d->arena, tx, d->tenant, &t, clock_now_ms(), e);
    if (st != ST_OK)
        *e = miss;
    return st;
}

static enum status set_quick_bot(struct demo *d, struct tx *tx, struct err *e) {
    struct bot bot;

    TRY(bot_get(&d->arena, tx, d->tenant, &bot, e));
    if (bot.version > 0)
        return ST_OK;
    bot.debounce = (struct debounce){.wait_ms = BOT_DEBOUNCE_MIN_MS, .cap_ms = 5000};
    return bot_set(&d->arena, tx, &bot, e);
}

static enum status seed(struct tx *tx, void *ctx, struct err *e) {
    struct demo *d = ctx;

    TRY(find_or_add_tenant(d, tx, e));
    TRY(point_account(d, tx, e));
    TRY(point_mailbox(d, tx, e));
    TRY(add_email_template(d, tx, e));
    return set_quick_bot(d, tx, e);
}

static enum status find_user(struct tx *tx, void *ctx, struct err *e) {
    struct demo *d = ctx;
    struct user *users;
    size_t n;

    TRY(user_list(&d->arena, tx, d->tenant, &users, &n, e));
    for (size_t i = 0; i < n; i++)
        if (str_eq(users[i].email, STR(DEMO_USER)))
            d->user = users[i].id;
    return ST_OK;
}

static enum status find_or_add_user(struct demo *d, struct err *e) {
    struct user user;

    TRY(db_read(d->rt.db, DB_TENANT(d->tenant), find_user, d, e));
    if (!uuid_is_nil(d->user.v))
        return ST_OK;
    TRY(user_add(&d->arena, d->rt.db,
                 (struct user_new){.tenant = d->tenant,
                                   .email = STR(DEMO_USER),
                                   .name = STR("Equipe Aurora"),
                                   .password = crypto_token(&d->arena),
                                   .role = ROLE_ADMIN},
                 &user, e));
    d->user = user.id;
    return ST_OK;
}

/* --- the page ----------------------------------------------------------------------------------------------------------- */

struct sign_in {
    struct demo *demo;
    struct arena *arena;
    struct str token;
};

static enum status open_session(struct tx *tx, void *ctx, struct err *e) {
    struct sign_in *s = ctx;

    return session_open_trusted(s->arena, tx, s->demo->tenant, s->demo->user, &s->token, e);
}

/* GET /: the page, with a session of the demo's user. The demo listens on loopback, where whoever
 * asks is at home. */
static enum status page(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    struct demo *d = app_more(app);
    struct sign_in s = {.demo = d, .arena = r->arena};
    struct str sim = sim_address(d->sim);

    TRY(app_asset(app, r, ret, e));
    TRY(db_write(d->rt.db, DB_TENANT(d->tenant), open_session, &s, e));
    resp_header(ret, "Set-Cookie",
                arena_printf(r->arena, SESSION_COOKIE "=%.*s; Path=/; HttpOnly; SameSite=Strict",
                             STR_ARG(s.token)));
    resp_header(
        ret, "Content-Security-Policy",
        arena_printf(
            r->arena,
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: %.*s; "
            "media-src 'self' %.*s; connect-src 'self' %.*s; base-uri 'none'; form-action 'self'; "
            "frame-ancestors 'none'",
            STR_ARG(sim), STR_ARG(sim), STR_ARG(sim)));
    return ST_OK;
}

/* GET /demo.json: where the simulated phone lives. */
static enum status about(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    struct demo *d = app_more(app);
    struct buf b;
    struct json_out o;

    (void)e;
    buf_init(&b, 4096);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_str(&o, "sim", sim_address(d->sim));
    json_put_str(&o, "phone_number_id", STR(DEMO_PHONE_NUMBER_ID));
    json_put_str(&o, "tenant", STR(DEMO_TENANT));
    json_put_str(&o, "business_name", STR(DEMO_BUSINESS));
    json_put_str(&o, "email", STR(DEMO_EMAIL));
    json_end(&o);
    resp_json(r, ret, 200, &b);
    buf_done(&b);
    return ST_OK;
}

static const struct route pages[] = {
    {HTTP_GET, "/", page, AUTH_NONE, .summary = "The demo page"},
    {HTTP_GET, "/demo.json", about, AUTH_NONE, .summary = "Where the simulated phone lives"},
};

/* --- run ---------------------------------------------------------------------------------------------------------------- */

static bool has_variable(const char *name_and_equals) {
    for (char **at = environ; *at; at++)
        if (str_starts(str_of(*at), str_of(name_and_equals)))
            return true;
    return false;
}

/* The demo's own defaults stand before what the person says, so that the person has the last
 * word. */
static enum status configure(struct demo *d, int argc, char *const argv[], struct err *e) {
    char *args[ARGS_MAX];
    int n = 0;
    bool has_database = has_variable("PROSA_DATABASE_URL=");

    if (argc > ARGS_MAX - 8)
        FAIL(e, ST_INVALID, "too many arguments");
    for (int i = 0; i < argc; i++)
        if (str_starts(str_of(argv[i]), STR("--database-url")))
            has_database = true;
    if (!has_database) {
        if (mkdir(DEMO_DIR, 0700) != 0 && errno != EEXIST)
            FAIL(e, ST_UNAVAILABLE, "could not make the directory " DEMO_DIR ": %m");
        args[n++] = arena_cstr(&d->arena, STR("--database-url=sqlite:" DEMO_DIR "/demo.db"));
    }
    args[n++] = arena_cstr(&d->arena, STR("--httpc-allow-private=true"));
    args[n++] = arena_cstr(&d->arena, STR("--log-level=warn"));
    for (int i = 0; i < argc; i++)
        args[n++] = argv[i];
    return runtime_configure(&d->rt, n, args, e);
}

static enum status start_sim(struct demo *d, struct err *e) {
    d->app_secret = crypto_token(&d->arena);
    d->access_token = crypto_token(&d->arena);
    d->rt.config->meta_app_secret = d->app_secret;
    return sim_start((struct sim_options){.listen = STR("127.0.0.1:0"),
                                          .app_secret = d->app_secret,
                                          .token = d->access_token,
                                          .phone_number_id = STR(DEMO_PHONE_NUMBER_ID)},
                     &d->sim, e);
}

static enum status run(struct demo *d, int argc, char *const argv[], struct err *e) {
    struct str address;

    TRY(configure(d, argc, argv, e));
    TRY(runtime_open_keys(&d->rt, e));
    TRY(runtime_open_db(&d->rt, true, e));
    TRY(start_sim(d, e));
    TRY(db_write(d->rt.db, DB_SYSTEM, seed, d, e));
    TRY(find_or_add_user(d, e));
    TRY(app_start((struct app_options){.config = d->rt.config,
                                       .keys = d->rt.keys,
                                       .db = d->rt.db,
                                       .more_routes = pages,
                                       .n_more_routes = ARRAY_LEN(pages),
                                       .more = d},
                  &d->app, e));
    address = app_address(d->app);
    sim_set_webhook(d->sim, arena_printf(&d->arena, "http://%.*s/webhooks/meta", STR_ARG(address)),
                    d->app_secret);
    printf("prosa demo is ready at http://%.*s\n", STR_ARG(address));
    (void)fflush(stdout);
    signals_wait(NULL, NULL);
    return ST_OK;
}

int demo_main(int argc, char *const argv[]) {
    struct demo d = {0};
    struct err e = ERR_INIT;
    enum status st;

    if (argc > 0 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0))
        return say_help();
    server_prepare();
    st = run(&d, argc, argv, &e);
    app_stop(d.app);
    if (d.sim)
        sim_stop(d.sim);
    runtime_close(&d.rt);
    arena_done(&d.arena);
    if (st == ST_OK)
        return 0;
    (void)fprintf(stderr, "prosa: could not run the demo: %s\n", e.message);
    return st == ST_INVALID ? 2 : 1;
}
