/* app.c - start and ordered stop of one process: database → client → queue and intake → sockets.
 * SPDX-License-Identifier: Apache-2.0 */
#include "app/app.h"

#include <pthread.h>

#include "app/tables.h"
#include "base/clock.h"
#include "base/list.h"
#include "bot/bot.h"
#include "console/console.h"
#include "conversation/conversation.h"
#include "dispatch/dispatch.h"
#include "httpc/httpc.h"
#include "ingest/ingest.h"
#include "intake/intake.h"
#include "mail/mail.h"
#include "media/media.h"
#include "outbox/outbox.h"
#include "queue/queue.h"
#include "stats/stats.h"
#include "template/template.h"
#include "tenant/tenant.h"
#include "webhook/webhook.h"
#include "ws/ws.h"

struct kept_config {
    struct list_node node;
    struct config *config;
    struct channel_defaults defaults;
};

struct app {
    struct app_options options;
    struct config *config;
    struct list configs; /* struct kept_config: all there ever were, since their texts are in use */
    struct current_defaults defaults;
    struct log_ctx log;
    struct arena arena; /* texts of options, until the stop */
    struct httpc *httpc;
    struct mailer *mailer;
    struct queue *queue;
    struct intake *intake;
    struct authenticator *authenticator;
    struct ws *ws;
    struct live *live;
    struct webhooks *webhooks;
    struct httpd *httpd;
    struct outbox outbox;
    struct dispatch_deps dispatch;
    struct bot_deps bot;
    struct media_deps media;
    struct template_deps template;
    struct ingest_deps ingest;
    _Atomic bool is_draining;
};

struct db *app_db(struct app *app) {
    return app->options.db;
}

const struct keyring *app_keys(struct app *app) {
    return app->options.keys;
}

static void forget_callers(struct app *app) {
    authenticator_forget(app->authenticator, (struct tenant_id){0});
    live_recheck(app->live);
}

void app_callers_changed(struct app *app) {
    forget_callers(app);
    db_notify(app->options.db, CALLERS_CHANNEL);
}

struct outbox *app_outbox(struct app *app) {
    return &app->outbox;
}

struct template_deps *app_template(struct app *app) {
    return &app->template;
}

struct dispatch_deps *app_dispatch(struct app *app) {
    return &app->dispatch;
}

struct media_deps *app_media(struct app *app) {
    return &app->media;
}

struct ingest_deps *app_ingest(struct app *app) {
    return &app->ingest;
}

struct bot_deps *app_bot(struct app *app) {
    return &app->bot;
}

struct intake *app_intake(struct app *app) {
    return app->intake;
}

struct live *app_live(struct app *app) {
    return app->live;
}

struct webhooks *app_webhooks(struct app *app) {
    return app->webhooks;
}

void *app_more(struct app *app) {
    return app->options.more;
}

struct str app_address(const struct app *app) {
    return httpd_address(app->httpd);
}

enum status app_ready(struct app *app, struct err *e) {
    struct db_migration_state state;

    if (app->is_draining)
        FAIL(e, ST_UNAVAILABLE, "the server is shutting down");
    TRY(db_ping(app->options.db, e));
    TRY(db_migration_state(app->options.db, &state, e));
    if (state.schema != state.program)
        FAIL(e, ST_UNAVAILABLE,
             "the database's schema is %lld and this program's is %lld: run prosa migrate",
             (long long)state.schema, (long long)state.program);
    return ST_OK;
}

static enum status authenticate_request(struct app *app, struct req *r, struct principal *ret,
                                        struct err *e) {
    return authenticate(app->authenticator, r, ret, e);
}

/* --- queue depth for /metrics -------------------------------------------------------------------------------------------- */

struct depth_read {
    struct queue_depth depth;
};

static enum status read_depth(struct tx *tx, void *ctx, struct err *e) {
    return queue_depth(tx, (struct tenant_id){0}, &((struct depth_read *)ctx)->depth, e);
}

static void render_depth(struct buf *b, void *ctx) {
    struct app *app = ctx;
    struct depth_read read = {0};
    struct err e = ERR_INIT;

    if (app->is_draining || db_read(app->options.db, DB_SYSTEM, read_depth, &read, &e) != ST_OK)
        return;
    stats_sample(b, "prosa_jobs", "state=\"ready\"", read.depth.ready);
    stats_sample(b, "prosa_jobs", "state=\"due\"", read.depth.due);
    stats_sample(b, "prosa_jobs", "state=\"running\"", read.depth.running);
    stats_sample(b, "prosa_jobs", "state=\"parked\"", read.depth.parked);
    stats_sample(b, "prosa_jobs", "state=\"dead\"", read.depth.dead);
}

/* --- start ----------------------------------------------------------------------------------------------------------------- */

static enum gate gate_of(enum config_outbound outbound) {
    switch (outbound) {
    case CONFIG_OUTBOUND_OFF:
        return GATE_OFF;
    case CONFIG_OUTBOUND_REPLIES:
        return GATE_REPLIES;
    case CONFIG_OUTBOUND_ALL:
        return GATE_ALL;
    }
    return GATE_OFF;
}

static void wake_feed(void *arg) {
    struct app *app = arg;

    db_notify(app->options.db, CONVERSATION_CHANNEL);
}

/* Sends that were held back by a closed gate go on when it stands open at the start, or opens. */
static enum status release_gate(struct tx *tx, void *ctx, struct err *e) {
    int64_t n;

    (void)ctx;
    return queue_replay(tx, (struct tenant_id){0}, (struct job_id){0}, OUTBOX_SEND_JOB,
                        "gate-closed", &n, e);
}

static void keep_config(struct app *app, struct config *config) {
    struct kept_config *kept = calloc(1, sizeof(*kept));

    if (!kept)
        abort();
    kept->config = app->config = config_ref(config);
    kept->defaults = (struct channel_defaults){
        .base_url = config->meta_base_url,
        .version = config->meta_graph_version,
        .app_secret = config->meta_app_secret,
        .verify_token = config->meta_verify_token,
        .public_url = config->public_url,
    };
    list_push(&app->configs, &kept->node);
    atomic_store(&app->defaults.now, &kept->defaults);
}

static enum status start_machinery(struct app *app, struct err *e) {
    const struct config *c = app->config;

    TRY(httpc_start(
        (struct httpc_options){
            .gate = gate_of(c->outbound),
            .timeout_ms = c->httpc_timeout_ms,
            .max_per_host = c->httpc_max_per_host,
            .allow_private = c->httpc_allow_private,
            .user_agent = STR("prosa"),
            .ca_file = c->ca_file,
            .log = &app->log,
        },
        &app->httpc, e));
    TRY(mailer_start((struct mailer_options){.httpc = app->httpc,
                                             .allow_private = c->httpc_allow_private,
                                             .ca_file = c->ca_file,
                                             .log = &app->log},
                     &app->mailer, e));
    app->outbox = (struct outbox){.db = app->options.db,
                                  .httpc = app->httpc,
                                  .mailer = app->mailer,
                                  .keys = app->options.keys,
                                  .defaults = &app->defaults};
    app->template = (struct template_deps){.db = app->options.db,
                                           .httpc = app->httpc,
                                           .keys = app->options.keys,
                                           .defaults = &app->defaults};
    app->dispatch.db = app->options.db;
    app->dispatch.httpc = app->httpc;
    app->dispatch.mailer = app->mailer;
    app->dispatch.keys = app->options.keys;
    app->dispatch.defaults = &app->defaults;
    app->dispatch.window = (int)httpc_campaign_places(c->httpc_max_per_host);
    app->dispatch.max_running = (int)(c->workers + 1) / 2;
    app->bot =
        (struct bot_deps){.db = app->options.db, .httpc = app->httpc, .keys = app->options.keys};
    app->media = (struct media_deps){.db = app->options.db,
                                     .httpc = app->httpc,
                                     .keys = app->options.keys,
                                     .defaults = &app->defaults,
                                     .dir = config_data_dir(&app->arena, c),
                                     .max_bytes = c->media_max_bytes,
                                     .stall_ms = c->httpc_timeout_ms,
                                     .max_fetches = (int)(c->workers + 1) / 2};
    app->ingest.db = app->options.db;
    app->ingest.dir = config_data_dir(&app->arena, c);
    app->ingest.region = "BR";
    app->ingest.rows_keep_ms = (int64_t)c->import_rows_days * 24 * 3600 * 1000;
    TRY(intake_start((struct intake_options){.db = app->options.db,
                                             .keys = app->options.keys,
                                             .defaults = &app->defaults,
                                             .log = &app->log},
                     &app->intake, e));
    return authenticator_new(app->options.db, &app->authenticator, e);
}

/* Who hears of new events. Listeners of the database stay as long as it is open, which is longer than an app runs. */
static struct {
    pthread_mutex_t lock;
    struct app *app; /* NULL: none runs */
} hearing = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void hear(void *ctx) {
    (void)ctx;
    pthread_mutex_lock(&hearing.lock);
    if (hearing.app) {
        live_wake(hearing.app->live);
        webhooks_wake(hearing.app->webhooks);
    }
    pthread_mutex_unlock(&hearing.lock);
}

static void hear_callers(void *ctx) {
    (void)ctx;
    pthread_mutex_lock(&hearing.lock);
    if (hearing.app)
        forget_callers(hearing.app);
    pthread_mutex_unlock(&hearing.lock);
}

static void set_hearing(struct app *app) {
    pthread_mutex_lock(&hearing.lock);
    hearing.app = app;
    pthread_mutex_unlock(&hearing.lock);
}

static enum status start_feed(struct app *app, struct err *e) {
    const struct config *c = app->config;

    TRY(ws_start((struct ws_options){.log = &app->log}, &app->ws, e));
    TRY(live_start(app->options.db, app->ws, app->authenticator, &app->log, &app->live, e));
    TRY(webhooks_start((struct webhooks_options){.db = app->options.db,
                                                 .httpc = app->httpc,
                                                 .keys = app->options.keys,
                                                 .workers = c->workers,
                                                 .follows = (c->roles & CONFIG_ROLE_WORKER) != 0,
                                                 .log = &app->log},
                       &app->webhooks, e));
    set_hearing(app);
    conversation_set_waker(wake_feed, app);
    TRY(db_listen(app->options.db, CALLERS_CHANNEL, hear_callers, NULL, e));
    return db_listen(app->options.db, CONVERSATION_CHANNEL, hear, NULL, e);
}

static enum status open_gate(struct app *app, struct err *e) {
    const struct config *c = app->config;

    if (!gate_permits(gate_of(c->outbound), REACH_REPLY) || !(c->roles & CONFIG_ROLE_WORKER))
        return ST_OK;
    return db_write(app->options.db, DB_SYSTEM, release_gate, NULL, e);
}

enum status app_reload(struct app *app, struct config *config, struct err *e) {
    keep_config(app, config);
    log_setup(config->log_level, config->log_format);
    httpc_set_gate(app->httpc, gate_of(config->outbound));
    log_info(&app->log, "settings were read again",
             F_CSTR("outbound", gate_name(gate_of(config->outbound))));
    return open_gate(app, e);
}

static enum status start_queue(struct app *app, struct err *e) {
    const struct config *c = app->config;

    TRY(open_gate(app, e));
    return queue_start(
        (struct queue_options){
            .db = app->options.db,
            .app = app,
            .kinds = app_job_kinds,
            .n_kinds = app_n_job_kinds,
            .schedules = app_schedules,
            .n_schedules = app_n_schedules,
            .workers = c->workers,
            .lease_ms = c->lease_ms,
            .run_jobs = (c->roles & CONFIG_ROLE_WORKER) != 0,
            .run_schedules = (c->roles & CONFIG_ROLE_SCHEDULER) != 0,
            .log = &app->log,
        },
        &app->queue, e);
}

static enum status read_pem(struct app *app, struct str path, struct str *ret, struct err *e) {
    struct buf b;

    *ret = STR_EMPTY;
    if (path.len == 0)
        return ST_OK;

    FILE *f = fopen(arena_cstr(&app->arena, path), "re");

    if (!f)
        FAIL(e, ST_INVALID, "could not read \"%.*s\"", STR_ARG(path));
    buf_init(&b, 1 << 20);
    for (char *at; (at = buf_reserve(&b, 4096)) != NULL;) {
        size_t n = fread(at, 1, 4096, f);

        buf_commit(&b, n);
        if (n == 0)
            break;
    }
    *ret = arena_str(&app->arena, buf_str(&b));
    buf_done(&b);
    (void)fclose(f);
    return ST_OK;
}

size_t app_route_list(const struct route *ret[], size_t max, size_t *ret_api) {
    size_t n = console_routes(ret, max);

    *ret_api = n;
    for (size_t i = 0; i < app_n_routes; i++, n++)
        if (n < max)
            ret[n] = &app_routes[i];
    return n;
}

/* The tables of the house and of whoever started it, in one. */
static const struct route *all_routes(struct app *app, size_t *ret_n) {
    bool is_api = (app->config->roles & CONFIG_ROLE_API) != 0;
    size_t n = 0, n_more = app->options.n_more_routes, n_console = console_routes(NULL, 0);
    const struct route **console = arena_array_of(&app->arena, n_console, const struct route *);
    struct route *all =
        arena_array_of(&app->arena, app_n_routes + n_console + n_more + 1, struct route);

    (void)console_routes(console, n_console);
    if (n_more > 0)
        memcpy(all, app->options.more_routes, n_more * sizeof(*all));
    n = n_more;
    for (size_t i = 0; i < n_console; i++) /* a worker still tells of its health */
        if (is_api || console[i]->auth == AUTH_NONE || console[i]->auth == AUTH_OPERATOR)
            all[n++] = *console[i];
    for (size_t i = 0; is_api && i < app_n_routes; i++) {
        all[n] = app_routes[i];
        if (all[n].auth == AUTH_SIGNATURE && all[n].method == HTTP_POST)
            all[n].max_body = app->config->webhook_max_bytes;
        n++;
    }
    *ret_n = n;
    return all;
}

static enum status start_server(struct app *app, struct err *e) {
    const struct config *c = app->config;
    struct httpd_options options = {
        .listen = c->listen,
        .threads = c->http_threads,
        .handlers = c->http_handlers,
        .max_connections = c->http_max_connections,
        .body_timeout_ms = c->http_body_timeout_ms,
        .idle_timeout_ms = c->http_idle_timeout_ms,
        .trusted_proxies = c->trusted_proxies,
        .operator_token = c->metrics_token,
        .app = app,
        .auth = authenticate_request,
        .log = &app->log,
    };

    TRY(read_pem(app, c->tls_cert_file, &options.tls_cert_pem, e));
    TRY(read_pem(app, c->tls_key_file, &options.tls_key_pem, e));
    options.routes = all_routes(app, &options.n_routes);
    return httpd_start(options, &app->httpd, e);
}

enum status app_start(struct app_options options, struct app **ret, struct err *e) {
    struct app *app = calloc(1, sizeof(*app));
    enum status st;

    if (!app)
        FAIL(e, ST_UNAVAILABLE, "could not start: out of memory");
    app->options = options;
    list_init(&app->configs);
    keep_config(app, options.config);
    st = start_machinery(app, e);
    if (st == ST_OK)
        st = start_feed(app, e);
    if (st == ST_OK)
        st = start_queue(app, e);
    if (st == ST_OK)
        st = start_server(app, e);
    if (st != ST_OK) {
        app_stop(app);
        return st;
    }
    stats_on_render(render_depth, app);
    *ret = app;
    return ST_OK;
}

/* Everything here copes with what was never started. Sockets first: what was answered 200 is committed by then. */
void app_stop(struct app *app) {
    uint32_t drain_ms;

    if (!app)
        return;
    drain_ms = app->config->drain_timeout_ms;
    app->is_draining = true;
    app->ingest.is_stopping = true;
    app->dispatch.is_stopping = true;
    if (app->httpd)
        httpd_stop(app->httpd, drain_ms);
    if (app->queue)
        queue_stop(app->queue, drain_ms);
    intake_stop(app->intake);
    if (app->ws)
        ws_stop(app->ws);
    conversation_set_waker(NULL, NULL);
    set_hearing(NULL);
    webhooks_free(app->webhooks);
    live_stop(app->live);
    mailer_stop(app->mailer);
    if (app->httpc)
        httpc_stop(app->httpc);
    if (app->authenticator)
        authenticator_free(app->authenticator);
    for (struct list_node *n; (n = list_pop(&app->configs)) != NULL;) {
        struct kept_config *kept = LIST_ITEM(n, struct kept_config, node);

        config_unref(kept->config);
        free(kept);
    }
    arena_done(&app->arena);
    free(app);
}
