/* feature_fixture.h - what the tests of lead/, conversation/, outbox/, bot/ and intake/ stand on: a fresh database with two
 * tenants, one WhatsApp account, a fake Graph API, and the wiring that app/ does in the program.
 *
 * A step is a function that runs in one transaction and says what should hold with EXPECT: what does not hold comes back as a
 * failure, because the transaction may run on a thread of db's, where cmocka's own assertions cannot be used.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <ftw.h>

#include "base/clock.h"
#include "bot/bot.h"
#include "conversation/conversation.h"
#include "db/tenant_fixture.h"
#include "dispatch/dispatch.h"
#include "intake/intake.h"
#include "media/media.h"
#include "outbox/outbox.h"
#include "support/fake_http.h"
#include "template/template.h"

enum { WINDOW_MS = 24 * 3600 * 1000, TRIES_MAX = 64 };

#define EXPECT(cond)                                                                               \
    do {                                                                                           \
        if (!(cond))                                                                               \
            FAIL(e, ST_BROKEN, "line %d: %s", __LINE__, #cond);                                    \
    } while (0)
#define EXPECT_I64(actual, expected)                                                               \
    do {                                                                                           \
        int64_t got_ = (int64_t)(actual), want_ = (int64_t)(expected);                             \
        if (got_ != want_)                                                                         \
            FAIL(e, ST_BROKEN, "line %d: %s is %lld, not %lld", __LINE__, #actual,                 \
                 (long long)got_, (long long)want_);                                               \
    } while (0)
#define EXPECT_STR(actual, expected)                                                               \
    do {                                                                                           \
        struct str got_ = (actual), want_ = str_of(expected);                                      \
        if (!str_eq(got_, want_))                                                                  \
            FAIL(e, ST_BROKEN, "line %d: %s is \"%.*s\", not \"%.*s\"", __LINE__, #actual,         \
                 STR_ARG(got_), STR_ARG(want_));                                                   \
    } while (0)
/* expr fails with that status; it writes into `why`. */
#define EXPECT_FAILS(expected, expr)                                                               \
    do {                                                                                           \
        err_clear(&why);                                                                           \
        EXPECT_I64((expr), (expected));                                                            \
    } while (0)

struct app { /* what handlers get */
    struct fixture *f;
    struct arena a;
    struct db *db;
    struct tenant_id tenant, other;
    struct account account;
    struct fake_http *graph;
    struct httpc *httpc;
    struct queue *queue;
    struct outbox outbox;
    struct bot_deps bot;
    struct media_deps media;
    struct template_deps template;
    struct dispatch_deps dispatch;
    char media_dir[32];
    struct verdict verdict; /* of the last job */
    enum status job_status;
    int64_t job_token;
    struct conversation_id conversation; /* of the last receive() */
    struct message message;              /* of the last queue_message() */
    int64_t number;                      /* makes ids of inbound messages */
    void *extra;
};

struct outbox *app_outbox(struct app *app) {
    return &app->outbox;
}
struct bot_deps *app_bot(struct app *app) {
    return &app->bot;
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
struct intake *app_intake(struct app *app) {
    (void)app;
    return NULL;
}
struct db *app_db(struct app *app) {
    return app->db;
}

/* --- jobs ------------------------------------------------------------------------------------- */

static inline enum status job_ran(struct app *app, const struct job *job, enum status st,
                                  const struct verdict *v) {
    app->job_status = st;
    app->job_token = job->token;
    app->verdict = *v;
    app->verdict.cause = v->cause ? arena_cstr(&app->a, str_of(v->cause)) : NULL;
    app->verdict.reason = arena_str(&app->a, v->reason);
    return st;
}

static inline enum status run_send(struct app *app, struct arena *a, const struct job *job,
                                   struct verdict *v, struct err *e) {
    return job_ran(app, job, outbox_send_job(app, a, job, v, e), v);
}

static inline enum status run_read(struct app *app, struct arena *a, const struct job *job,
                                   struct verdict *v, struct err *e) {
    return job_ran(app, job, outbox_read_job(app, a, job, v, e), v);
}

static inline enum status run_turn(struct app *app, struct arena *a, const struct job *job,
                                   struct verdict *v, struct err *e) {
    return job_ran(app, job, bot_turn_job(app, a, job, v, e), v);
}

static inline enum status run_drain(struct app *app, struct arena *a, const struct job *job,
                                    struct verdict *v, struct err *e) {
    return job_ran(app, job, intake_drain_job(app, a, job, v, e), v);
}

static inline enum status run_template_sync(struct app *app, struct arena *a, const struct job *job,
                                            struct verdict *v, struct err *e) {
    return job_ran(app, job, template_sync_job(app, a, job, v, e), v);
}

static inline enum status run_fetch(struct app *app, struct arena *a, const struct job *job,
                                    struct verdict *v, struct err *e) {
    return job_ran(app, job, media_fetch_job(app, a, job, v, e), v);
}

static inline enum status run_say(struct app *app, struct arena *a, const struct job *job,
                                  struct verdict *v, struct err *e) {
    return job_ran(app, job, outbox_say_job(app, a, job, v, e), v);
}

static inline enum status run_deadlines(struct app *app, struct arena *a, const struct job *job,
                                        struct verdict *v, struct err *e) {
    return job_ran(app, job, conversation_deadlines_job(app, a, job, v, e), v);
}

static inline enum status run_watch(struct app *app, struct arena *a, const struct job *job,
                                    struct verdict *v, struct err *e) {
    return job_ran(app, job, conversation_watch_job(app, a, job, v, e), v);
}

static inline enum status run_purge(struct app *app, struct arena *a, const struct job *job,
                                    struct verdict *v, struct err *e) {
    return job_ran(app, job, media_purge_job(app, a, job, v, e), v);
}

static inline enum status run_dispatch(struct app *app, struct arena *a, const struct job *job,
                                       struct verdict *v, struct err *e) {
    return job_ran(app, job, dispatch_run_job(app, a, job, v, e), v);
}

static inline enum status run_dispatch_plan(struct app *app, struct arena *a, const struct job *job,
                                            struct verdict *v, struct err *e) {
    return job_ran(app, job, dispatch_plan_job(app, a, job, v, e), v);
}

static inline enum status run_dispatch_start(struct app *app, struct arena *a,
                                             const struct job *job, struct verdict *v,
                                             struct err *e) {
    return job_ran(app, job, dispatch_start_job(app, a, job, v, e), v);
}

static inline enum status run_dispatch_test(struct app *app, struct arena *a, const struct job *job,
                                            struct verdict *v, struct err *e) {
    return job_ran(app, job, dispatch_test_job(app, a, job, v, e), v);
}

static inline enum status run_templates(struct app *app, struct arena *a, const struct job *job,
                                        struct verdict *v, struct err *e) {
    return job_ran(app, job, dispatch_templates_job(app, a, job, v, e), v);
}

static const struct job_kind feature_kinds[] = {
    {.name = DISPATCH_RUN_JOB, .run = run_dispatch},
    {.name = DISPATCH_PLAN_JOB, .run = run_dispatch_plan},
    {.name = DISPATCH_START_JOB, .run = run_dispatch_start},
    {.name = DISPATCH_TEST_JOB, .run = run_dispatch_test, .max_attempts = 1},
    {.name = MEDIA_PURGE_JOB, .run = run_purge},
    {.name = CONVERSATION_SAY_JOB, .run = run_say},
    {.name = CONVERSATION_DEADLINES_JOB, .run = run_deadlines},
    {.name = CONVERSATION_WATCH_JOB, .run = run_watch},
    {.name = MEDIA_FETCH_JOB, .run = run_fetch, .max_attempts = MEDIA_FETCH_ATTEMPTS + 1},
    {.name = OUTBOX_SEND_JOB, .run = run_send},
    {.name = OUTBOX_READ_JOB, .run = run_read},
    {.name = CONVERSATION_TURN_JOB, .run = run_turn},
    {.name = INTAKE_DRAIN_JOB, .run = run_drain},
    {.name = TEMPLATE_SYNC_JOB, .run = run_template_sync},
    {.name = TEMPLATE_CHANGED_JOB, .run = run_templates},
};

/* The next due jobs, at most max, on this thread; their number. */
static inline size_t run_jobs(struct app *app, size_t max) {
    struct err e = ERR_INIT;
    size_t n = 0;

    assert_ok(queue_run_due(app->queue, max, &n, &e), &e);
    return n;
}

/* --- transactions --------------------------------------------------------------------------------- */

typedef enum status (*step_fn)(struct app *app, struct tx *tx, struct err *e);

struct step_call {
    struct app *app;
    step_fn fn;
};

static inline enum status step_tx(struct tx *tx, void *ctx, struct err *e) {
    const struct step_call *call = ctx;

    return call->fn(call->app, tx, e);
}

static inline enum status try_step(struct app *app, struct db_scope scope, step_fn fn,
                                   struct err *e) {
    struct step_call call = {.app = app, .fn = fn};

    return db_write(app->db, scope, step_tx, &call, e);
}

/* One transaction in the tenant's scope or the system's, for an app or a test's *state. */
#define STEP(app, fn)        step((app), false, (fn), __FILE__, __LINE__)
#define STEP_SYSTEM(app, fn) step((app), true, (fn), __FILE__, __LINE__)

static inline void step(void *state, bool is_system, step_fn fn, const char *file, int line) {
    struct app *app = state;
    struct err e = ERR_INIT;
    struct db_scope scope = is_system ? DB_SYSTEM : DB_TENANT(app->tenant);

    check_ok(try_step(app, scope, fn, &e), &e, file, line);
}

/* --- what happens ----------------------------------------------------------------------------------- */

static inline struct inbound inbound_text(struct app *app, struct party party, const char *text) {
    struct str id = arena_printf(&app->a, "wamid.in.%lld", (long long)++app->number);

    return (struct inbound){
        .kind = INBOUND_MESSAGE,
        .dedup = id,
        .party = party,
        .message_id = id,
        .type = STR("text"),
        .text = str_of(text),
        .content = arena_printf(&app->a, "{\"text\":\"%s\"}", text),
        .at_ms = clock_now_ms(),
        .raw = STR("{}"),
    };
}

static inline struct received received_of(struct app *app, const struct inbound *ev) {
    return (struct received){
        .tenant = app->tenant,
        .account = app->account.id,
        .inbound = ev,
        .debounce = {.wait_ms = 2000, .cap_ms = 8000},
        .window_ms = WINDOW_MS,
        .now_ms = clock_now_ms(),
    };
}

#define ANA  ((struct party){.phone = STR("5511987654321"), .name = STR("Ana Souza")})
#define JOAO ((struct party){.phone = STR("5521912345678"), .name = STR("João Lima")})

/* A message comes in; app->conversation is where. */
static inline enum status receive(struct app *app, struct tx *tx, const struct inbound *ev,
                                  struct message *ret, struct err *e) {
    const struct received in = received_of(app, ev);
    struct message_id id;
    struct message m;

    TRY(ev->kind == INBOUND_ECHO ? conversation_receive_echo(&app->a, tx, &in, &id, e)
                                 : conversation_receive(&app->a, tx, &in, &id, e));
    TRY(message_get(&app->a, tx, app->tenant, id, &m, e));
    app->conversation = m.conversation;
    if (ret)
        *ret = m;
    return ST_OK;
}

static inline enum status ana_writes(struct app *app, struct tx *tx, struct err *e) {
    const struct inbound ev = inbound_text(app, ANA, "oi");

    return receive(app, tx, &ev, NULL, e);
}

static inline enum status get_conversation(struct app *app, struct tx *tx, struct conversation *ret,
                                           struct err *e) {
    return conversation_get(&app->a, tx, app->tenant, app->conversation, ret, e);
}

static inline struct outbox_put put_text(struct app *app, const char *owner, const char *text) {
    return (struct outbox_put){
        .tenant = app->tenant,
        .conversation = app->conversation,
        .owner = str_of(owner),
        .type = STR("text"),
        .content = arena_printf(&app->a, "{\"text\":\"%s\"}", text),
    };
}

static inline enum status queue_message(struct app *app, struct tx *tx, struct outbox_put put,
                                        struct err *e) {
    return outbox_queue(&app->a, tx, &put, clock_now_ms(), &app->message, e);
}

static inline enum status bot_says(struct app *app, struct tx *tx, struct err *e) {
    return queue_message(app, tx, put_text(app, "bot", "olá"), e);
}

static inline enum status person_says(struct app *app, struct tx *tx, struct err *e) {
    return queue_message(app, tx, put_text(app, "person", "boa tarde"), e);
}

static inline enum status reload_message(struct app *app, struct tx *tx, struct err *e) {
    return message_get(&app->a, tx, app->tenant, app->message.id, &app->message, e);
}

/* Status of app->message as the database has it. */
static inline struct str message_status(struct app *app) {
    STEP(app, reload_message);
    return app->message.status;
}

/* Events of a kind in the tenant's record. */
static inline enum status count_events(struct app *app, struct tx *tx, const char *kind,
                                       int64_t *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(&app->a, tx,
                 DB_SQL("SELECT count(*) FROM conversation_events WHERE tenant_id = $1"
                        " AND kind = $2"),
                 &rows, e, V_UUID(app->tenant.v), V_TEXT(str_of(kind))));
    *ret = db_i64(&rows, 0, 0);
    return ST_OK;
}

static inline int64_t count_rows(struct app *app, const char *sql) {
    return harness_i64(app->db, DB_SYSTEM, (struct db_sql){.sqlite = sql, .postgres = sql});
}

/* --- life --------------------------------------------------------------------------------------------- */

static inline void swallow(struct str line, void *ctx) {
    (void)line, (void)ctx;
}

static inline enum status add_account(struct app *app, struct tx *tx, struct err *e) {
    const struct setting settings[] = {
        {STR("base_url"), fake_http_url(&app->a, app->graph)},
        {STR("waba_id"), STR("410000000000001")},
    };
    const struct setting secrets[] = {{STR("access_token"), STR("token")}};
    const struct account_new in = {
        .tenant = app->tenant,
        .kind = STR("meta"),
        .name = STR("acme"),
        .address = STR("520000000000002"),
        .settings = settings,
        .n_settings = ARRAY_LEN(settings),
        .secrets = secrets,
        .n_secrets = ARRAY_LEN(secrets),
    };

    return account_add(&app->a, tx, app->f->keys, in, &app->account, e);
}

static inline void wire(struct app *app) {
    static const struct channel_defaults defaults = {.version = STR("v26.0")};
    static const struct current_defaults current = {.now = &defaults};
    struct err e = ERR_INIT;

    assert_ok(httpc_start((struct httpc_options){.gate = GATE_REPLIES,
                                                 .timeout_ms = 20000,
                                                 .allow_private = true},
                          &app->httpc, &e),
              &e);
    app->outbox = (struct outbox){
        .db = app->db, .httpc = app->httpc, .keys = app->f->keys, .defaults = &current};
    (void)snprintf(app->media_dir, sizeof(app->media_dir), "/tmp/prosa-media-XXXXXX");
    assert_non_null(mkdtemp(app->media_dir));
    app->media = (struct media_deps){.db = app->db,
                                     .httpc = app->httpc,
                                     .keys = app->f->keys,
                                     .defaults = &current,
                                     .dir = str_of(app->media_dir),
                                     .max_bytes = 1 << 20,
                                     .stall_ms = 20000};
    app->template = (struct template_deps){
        .db = app->db, .httpc = app->httpc, .keys = app->f->keys, .defaults = &current};
    app->dispatch.db = app->db;
    app->dispatch.httpc = app->httpc;
    app->dispatch.keys = app->f->keys;
    app->dispatch.defaults = &current;
    app->dispatch.window = 32;
    app->dispatch.max_running = 2;
    app->bot = (struct bot_deps){.db = app->db, .httpc = app->httpc, .keys = app->f->keys};
    assert_ok(queue_start((struct queue_options){.db = app->db,
                                                 .app = app,
                                                 .kinds = feature_kinds,
                                                 .n_kinds = ARRAY_LEN(feature_kinds),
                                                 .run_jobs = true},
                          &app->queue, &e),
              &e);
}

static inline int feature_setup(void **state) {
    struct app *app = calloc(1, sizeof(*app));
    void *fixture = NULL;

    assert_non_null(app);
    log_set_sink(swallow, NULL);
    assert_int_equal(fixture_setup(&fixture), 0);
    app->f = fixture;
    app->db = app->f->db;
    app->tenant = app->f->acme.id;
    app->other = app->f->other.id;
    app->graph = fake_http_start();
    wire(app);
    STEP_SYSTEM(app, add_account);
    *state = app;
    return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static inline int feature_teardown(void **state) {
    struct app *app = *state;
    void *fixture = app->f;

    clock_shift_ms(0);
    queue_stop(app->queue, 0);
    httpc_stop(app->httpc);
    fake_http_stop(app->graph);
    (void)nftw(app->media_dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    (void)fixture_teardown(&fixture);
    arena_done(&app->a);
    free(app);
    return 0;
}

#define FEATURE_TEST(fn) cmocka_unit_test_setup_teardown(fn, feature_setup, feature_teardown)
