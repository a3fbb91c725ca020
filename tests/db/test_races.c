/* test_races.c - what must hold however things fall in time: the bot never speaks over a person, one conversation has one
 * taker, one tenant's messages stay its own. On both engines, with the real turns, sends and drain; the moments are chosen by
 * the test (at the n-th request, between two jobs, beside a transaction), and nothing sleeps.
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <semaphore.h>

#include "db/feature_fixture.h"
#include "intake/store.h"

/* --- a takeover at any step of a turn ------------------------------------------------------------------- */

enum {
    ROUNDS = 1000,
    MOMENTS =
        6, /* the n-th request or job at which it happens; a turn with its sends has fewer or more */
    MESSAGES_MAX = 16,
    ROUND_MS = 30000, /* the clock moves on, so that no pace holds a send back */
};

enum moment {
    AT_REQUEST,     /* whole, while the bot waits for the n-th answer from outside */
    BESIDE_REQUEST, /* let loose there: it races with the transaction that follows */
    AT_JOB,         /* whole, before the n-th job */
    BESIDE_JOB,     /* let loose there: it races with the job's transactions */
    N_MOMENT_KINDS
};

struct alive { /* the bot's messages that are not cancelled */
    struct message_id ids[MESSAGES_MAX];
    size_t n, n_all, n_queued;
};

struct takeover {
    struct app *app;
    struct arena a;
    enum moment moment;
    int at, n_requests, n_jobs;
    unsigned spin;
    sem_t go;
    pthread_t thread;
    _Atomic bool is_begun, is_taken;
    struct alive then; /* in the transaction that took it */
    int64_t version;
};

static enum status look_alive(struct arena *a, struct tx *tx, struct app *app, struct alive *ret,
                              struct err *e) {
    struct message_page page;

    *ret = (struct alive){0};
    TRY(message_list(a, tx, app->tenant, app->conversation,
                     (struct page_query){.limit = 100, .is_backward = true}, &page, e));
    for (size_t i = 0; i < page.n; i++) {
        const struct message *m = &page.items[i];

        if (!str_eq(m->owner, STR("bot")))
            continue;
        ret->n_all++;
        ret->n_queued += str_eq(m->status, STR("queued"));
        if (!str_eq(m->status, STR("cancelled")) && ret->n < MESSAGES_MAX)
            ret->ids[ret->n++] = m->id;
    }
    return ST_OK;
}

static enum status takeover_tx(struct tx *tx, void *ctx, struct err *e) {
    struct takeover *t = ctx;
    struct conversation c;

    TRY(conversation_take(&t->a, tx, t->app->tenant, t->app->conversation,
                          (struct user_id){uuid_new()}, clock_now_ms(), e));
    TRY(conversation_get(&t->a, tx, t->app->tenant, t->app->conversation, &c, e));
    t->version = c.owner_version;
    return look_alive(&t->a, tx, t->app, &t->then, e);
}

static void take_over(struct takeover *t) {
    struct err e = ERR_INIT;

    if (atomic_exchange(&t->is_taken, true))
        return;
    if (db_write(t->app->db, DB_TENANT(t->app->tenant), takeover_tx, t, &e) != ST_OK) {
        (void)fprintf(stderr, "could not take over: %s\n", e.message);
        abort();
    }
}

static void *beside(void *ctx) {
    struct takeover *t = ctx;

    while (sem_wait(&t->go) != 0)
        ;
    for (volatile unsigned i = 0; i < t->spin; i = i + 1)
        ; /* another place in the other's transaction each time */
    take_over(t);
    return NULL;
}

static void begin(struct takeover *t, bool is_beside) {
    if (atomic_exchange(&t->is_begun, true))
        return;
    if (is_beside)
        assert_int_equal(sem_post(&t->go), 0);
    else
        take_over(t);
}

static void during_request(void *ctx) { /* on the fake server's thread */
    struct takeover *t = ctx;

    if (++t->n_requests == t->at && (t->moment == AT_REQUEST || t->moment == BESIDE_REQUEST))
        begin(t, t->moment == BESIDE_REQUEST);
}

static void run_with(struct takeover *t) {
    do {
        if (++t->n_jobs == t->at && (t->moment == AT_JOB || t->moment == BESIDE_JOB))
            begin(t, t->moment == BESIDE_JOB);
    } while (run_jobs(t->app, 1) == 1);
}

struct ending {
    struct takeover *t;
    struct alive alive;
    struct conversation c;
};

static enum status look_back(struct tx *tx, void *ctx, struct err *e) {
    struct ending *end = ctx;
    struct app *app = end->t->app;

    TRY(conversation_get(&end->t->a, tx, app->tenant, app->conversation, &end->c, e));
    return look_alive(&end->t->a, tx, app, &end->alive, e);
}

/* What the bot said stands as it stood when the person got it: nothing queued, nothing sent after that commit. */
static void check_silence(struct takeover *t) {
    struct ending end = {.t = t};
    struct err e = ERR_INIT;

    assert_ok(db_read(t->app->db, DB_TENANT(t->app->tenant), look_back, &end, &e), &e);
    assert_str(end.c.owner, "person");
    assert_int_equal(end.c.owner_version, t->version);
    assert_int_equal(t->then.n_queued, 0);
    assert_int_equal(end.alive.n_all, t->then.n_all);
    assert_int_equal(end.alive.n, t->then.n);
    assert_memory_equal(end.alive.ids, t->then.ids, sizeof(end.alive.ids));
}

#define BOTH                                                                                       \
    "{\"choices\":[{\"index\":0,\"finish_reason\":\"stop\",\"message\":{\"role\":\"assistant\","   \
    "\"content\":\"Bom dia!\"}}],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":10},"       \
    "\"messages\":[{\"id\":\"wamid.%d\"}]}"
#define TOOL                                                                                       \
    "{\"choices\":[{\"index\":0,\"finish_reason\":\"stop\",\"message\":{\"role\":\"assistant\","   \
    "\"content\":null,\"tool_calls\":[{\"id\":\"t\",\"type\":\"function\",\"function\":"           \
    "{\"name\":\"handoff\",\"arguments\":\"{\\\"reason\\\":\\\"x\\\"}\"}}]}}],\"usage\":"          \
    "{\"prompt_tokens\":10,\"completion_tokens\":10},\"messages\":[{\"id\":\"wamid.%d\"}]}"
#define SAY "{\"type\":\"text\",\"text\":\"parte\"}"

static const char script[] =
    "{\"version\":1,\"start\":\"a\",\"rules\":[],\"fallback\":{\"go\":\"a\",\"after\":2,\"then\":\"a\"},"
    "\"nodes\":{\"a\":{\"say\":[" SAY "," SAY "," SAY "]}}}";

static enum status add_model(struct app *app, struct tx *tx, struct err *e) {
    const struct setting settings[] = {{STR("base_url"), fake_http_url(&app->a, app->graph)},
                                       {STR("model"), STR("small")}};
    const struct setting secrets[] = {{STR("api_key"), STR("sk-test")}};
    struct account openai;

    return account_add(&app->a, tx, app->f->keys,
                       (struct account_new){.tenant = app->tenant,
                                            .kind = STR("openai"),
                                            .name = STR("m"),
                                            .settings = settings,
                                            .n_settings = ARRAY_LEN(settings),
                                            .secrets = secrets,
                                            .n_secrets = ARRAY_LEN(secrets)},
                       &openai, e);
}

static enum status use_bot(struct app *app, struct tx *tx, struct err *e) {
    struct bot bot;

    TRY(bot_get(&app->a, tx, app->tenant, &bot, e));
    bot.kind = app->extra ? STR("model") : STR("script");
    bot.script = str_of(script);
    bot.model = STR("{\"system_prompt\":\"x\"}");
    return bot_set(&app->a, tx, &bot, e);
}

static enum status next_writes(struct app *app, struct tx *tx, struct err *e) {
    const struct inbound ev = inbound_text(
        app, (struct party){.phone = arena_printf(&app->a, "55119%08lld", (long long)app->number)},
        "bom dia");

    return receive(app, tx, &ev, NULL, e);
}

/* A repeatable choice; the moments differ by the machine anyway. */
static unsigned next_random(unsigned *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

struct tally {
    int64_t silent, partly, whole; /* none, some, all of the bot's messages got out before */
};

static void play(struct app *app, int round, unsigned *seed, struct tally *tally) {
    struct takeover t = {.app = app,
                         .moment = next_random(seed) % N_MOMENT_KINDS,
                         .at = (int)(next_random(seed) % MOMENTS) + 1,
                         .spin = next_random(seed) % 40000};
    bool is_tool = round % 8 == 3;
    char answer[1024];

    (void)snprintf(answer, sizeof(answer), is_tool ? TOOL : BOTH, round);
    fake_http_during(app->graph, NULL, NULL);
    fake_http_answer(app->graph, (struct fake_reply){.status = 200, .body = answer});
    clock_shift_ms((int64_t)round * ROUND_MS);
    STEP(app, next_writes);
    clock_shift_ms((int64_t)round * ROUND_MS + 3000);
    assert_int_equal(sem_init(&t.go, 0, 0), 0);
    assert_int_equal(pthread_create(&t.thread, NULL, beside, &t), 0);
    fake_http_during(app->graph, during_request, &t);
    run_with(&t);
    fake_http_during(app->graph, NULL, NULL);
    begin(&t, true); /* where the turn had fewer steps: behind it */
    (void)sem_post(
        &t.go); /* … and the thread that nobody let loose ends: taking twice is no change */
    assert_int_equal(pthread_join(t.thread, NULL), 0);
    (void)run_jobs(app, 50);
    check_silence(&t);
    tally->silent += t.then.n == 0;
    tally->partly += t.then.n > 0 && t.then.n < t.then.n_all;
    tally->whole += t.then.n > 0 && t.then.n == t.then.n_all;
    (void)sem_destroy(&t.go);
    arena_done(&t.a);
}

static void bot_says_nothing_after_a_takeover_at_any_step(void **state) {
    struct app *app = *state;
    struct tally tally = {0};
    unsigned seed = 20261121;

    STEP(app, add_model);
    for (int round = 1; round <= ROUNDS; round++) {
        if (round % 4 == 1) {
            app->extra = round % 8 == 1 ? app : NULL; /* by model, else by script */
            STEP(app, use_bot);
        }
        app->number = round;
        play(app, round, &seed, &tally);
    }
    print_message("none out: %lld, some: %lld, all: %lld\n", (long long)tally.silent,
                  (long long)tally.partly, (long long)tally.whole);
    /* The moments did fall before, within and behind what the bot had to say. */
    assert_true(tally.silent >= ROUNDS / 20);
    assert_true(tally.partly >= ROUNDS / 50);
    assert_true(tally.whole >= ROUNDS / 20);
}

/* --- a hundred takers ------------------------------------------------------------------------------------ */

enum { TAKERS = 100, CLAIMS = 3 };

struct taker {
    struct app *app;
    struct arena a;
    pthread_barrier_t *start;
    struct user_id who;
    enum status st;
    struct err e;
};

static enum status take_tx(struct tx *tx, void *ctx, struct err *e) {
    struct taker *t = ctx;

    return conversation_take(&t->a, tx, t->app->tenant, t->app->conversation, t->who,
                             clock_now_ms(), e);
}

static void *take(void *ctx) {
    struct taker *t = ctx;

    (void)pthread_barrier_wait(t->start);
    t->st = db_write(t->app->db, DB_TENANT(t->app->tenant), take_tx, t, &t->e);
    return NULL;
}

static void check_one_winner(const struct taker *takers) {
    const struct taker *winner = NULL;

    for (int i = 0; i < TAKERS; i++)
        if (takers[i].st == ST_OK) {
            assert_null(winner);
            winner = &takers[i];
        }
    assert_non_null(winner);
    for (int i = 0; i < TAKERS; i++) {
        char id[UUID_TEXT_BYTES];

        if (&takers[i] == winner)
            continue;
        uuid_format_to(winner->who.v, id);
        assert_int_equal(takers[i].st, ST_CONFLICT);
        assert_true(str_contains(str_of(takers[i].e.message), (struct str){id, sizeof(id)}));
    }
}

static void of_a_hundred_takers_one_has_it_and_the_others_are_told_who(void **state) {
    struct app *app = *state;
    struct taker *takers = arena_array_of(&app->a, TAKERS, struct taker);
    pthread_t threads[TAKERS];

    for (int round = 0; round < CLAIMS; round++) {
        pthread_barrier_t start;

        app->number = 5000 + round;
        STEP(app, next_writes);
        assert_int_equal(pthread_barrier_init(&start, NULL, TAKERS), 0);
        for (int i = 0; i < TAKERS; i++) {
            takers[i] = (struct taker){.app = app, .start = &start, .who = {uuid_new()}};
            assert_int_equal(pthread_create(&threads[i], NULL, take, &takers[i]), 0);
        }
        for (int i = 0; i < TAKERS; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            arena_done(&takers[i].a);
        }
        pthread_barrier_destroy(&start);
        check_one_winner(takers);
    }
}

/* --- ten tenants with the same customers --------------------------------------------------------------------- */

enum { TENANTS = 10, SENDERS = 1000, TOGETHER = 50, MESSAGES = TENANTS * SENDERS * 3 / 2 };

/* The s-th customer writes to every tenant, from numbers that differ in one digit. Every other one writes a second time
 * from the same number without the ninth digit, as WhatsApp has it for some. */
static struct str number_of(struct arena *a, int sender, bool is_short) {
    return arena_printf(a, "5511%s8765%04d", is_short ? "" : "9", sender);
}

struct shop {
    struct app *app;
    struct tenant_id tenant;
    struct account_id account;
    int number;
    int sender; /* the next that writes */
    pthread_barrier_t *start;
    enum status st;
    struct err e;
};

static enum status open_shop(struct app *app, struct tx *tx, struct err *e) {
    struct shop *shop = app->extra;
    struct tenant tenant;
    struct account account;

    TRY(tenant_add(&app->a, tx,
                   (struct tenant_new){.slug = arena_printf(&app->a, "shop-%d", shop->number)},
                   &tenant, e));
    TRY(account_add(
        &app->a, tx, app->f->keys,
        (struct account_new){.tenant = tenant.id,
                             .kind = STR("meta"),
                             .name = STR("w"),
                             .address = arena_printf(&app->a, "52000000000010%d", shop->number)},
        &account, e));
    shop->tenant = tenant.id;
    shop->account = account.id;
    return ST_OK;
}

static enum status append_call(struct arena *a, struct tx *tx, const struct shop *shop, int sender,
                               bool is_short, struct err *e) {
    struct str from = number_of(a, sender, is_short);
    struct raw_call call = {.id = {uuid_new()}, .provider = STR("meta"), .at_ms = clock_now_ms()};

    call.body = arena_printf(
        a,
        "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"41\",\"changes\":[{\"value\":{"
        "\"messaging_product\":\"whatsapp\",\"metadata\":{\"display_phone_number\":\"551130000100\","
        "\"phone_number_id\":\"52000000000010%d\"},\"messages\":[{\"from\":\"%.*s\",\"id\":"
        "\"wamid.%d.%d\",\"timestamp\":\"%lld\",\"type\":\"text\",\"text\":{\"body\":\"t%d s%d\"}}]},"
        "\"field\":\"messages\"}]}]}",
        shop->number, STR_ARG(from), sender, is_short, (long long)(call.at_ms / 1000), shop->number,
        sender);
    return store_inbox_append(a, tx, &call, 1, e);
}

static enum status append_some(struct tx *tx, void *ctx, struct err *e) {
    struct arena a = {0};
    const struct shop *shop = ctx;
    enum status st = ST_OK;

    for (int s = shop->sender; st == ST_OK && s < shop->sender + TOGETHER; s++) {
        st = append_call(&a, tx, shop, s, false, e);
        if (st == ST_OK && s % 2)
            st = append_call(&a, tx, shop, s, true, e);
    }
    arena_done(&a);
    return st;
}

static void *write_all(void *ctx) {
    struct shop *shop = ctx;

    (void)pthread_barrier_wait(shop->start);
    for (; shop->st == ST_OK && shop->sender < SENDERS; shop->sender += TOGETHER)
        shop->st = db_write(shop->app->db, DB_SYSTEM, append_some, shop, &shop->e);
    return NULL;
}

static enum status put_drain(struct app *app, struct tx *tx, struct err *e) {
    (void)app;
    return queue_put(tx,
                     (struct job_put){.kind = INTAKE_DRAIN_JOB,
                                      .lane = STR("intake"),
                                      .key = STR("intake"),
                                      .priority = QUEUE_URGENT,
                                      .payload = STR("{}")},
                     NULL, e);
}

static int64_t settled(struct app *app) {
    return count_rows(app, "SELECT count(*) FROM inbox WHERE state <> 'received'");
}

struct filing {
    const struct shop *shops;
    int64_t n, wrong;
};

/* (tenant of the message, of its conversation, of the lead, of the number; account; text; number as a key) */
static enum status check_filing(const struct db_val *cells, size_t columns, void *ctx,
                                struct err *e) {
    struct filing *f = ctx;
    struct arena a = {0};
    struct str text = cells[5].s;
    uint64_t number = TENANTS, sender = SENDERS;

    (void)columns, (void)e;
    f->n++;
    (void)str_eat(&text, STR("t"));
    (void)str_eat_u64(&text, TENANTS - 1, &number);
    (void)str_eat(&text, STR(" s"));
    (void)str_eat_u64(&text, SENDERS - 1, &sender);
    if (number >= TENANTS || sender >= SENDERS) {
        f->wrong++;
        return ST_OK;
    }
    for (int i = 0; i < 4; i++)
        f->wrong += !uuid_eq(cells[i].u, f->shops[number].tenant.v);
    f->wrong += !uuid_eq(cells[4].u, f->shops[number].account.v);
    f->wrong += !str_eq(cells[6].s, phone_key(&a, number_of(&a, (int)sender, false)));
    arena_done(&a);
    return ST_OK;
}

static enum status check_filings(struct tx *tx, void *ctx, struct err *e) {
    struct filing *f = ctx;

    *f = (struct filing){.shops = f->shops};
    return db_each_vals(
        tx,
        DB_SQL("SELECT m.tenant_id, c.tenant_id, l.tenant_id, i.tenant_id, m.account_id, m.text,"
               " i.value FROM messages m JOIN conversations c ON c.id = m.conversation_id"
               " JOIN leads l ON l.id = c.lead_id JOIN lead_identities i ON i.lead_id = l.id"),
        NULL, 0, check_filing, f, e);
}

static void customers_of_ten_tenants_with_near_equal_numbers_are_never_mixed_up(void **state) {
    struct app *app = *state;
    struct shop shops[TENANTS];
    struct filing filing = {.shops = shops};
    pthread_t threads[TENANTS];
    pthread_barrier_t start;
    struct err e = ERR_INIT;

    assert_int_equal(pthread_barrier_init(&start, NULL, TENANTS), 0);
    for (int i = 0; i < TENANTS; i++) {
        shops[i] = (struct shop){.app = app, .number = i, .start = &start};
        app->extra = &shops[i];
        STEP_SYSTEM(app, open_shop);
    }
    for (int i = 0; i < TENANTS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_all, &shops[i]), 0);
    do { /* beside those who write */
        STEP_SYSTEM(app, put_drain);
        (void)run_jobs(app, 1);
    } while (settled(app) < MESSAGES);
    for (int i = 0; i < TENANTS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_ok(shops[i].st, &shops[i].e);
    }
    pthread_barrier_destroy(&start);
    assert_ok(db_read(app->db, DB_SYSTEM, check_filings, &filing, &e), &e);
    assert_int_equal(filing.n, MESSAGES);
    assert_int_equal(filing.wrong, 0);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM conversations"), TENANTS * SENDERS);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM leads"), TENANTS * SENDERS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FEATURE_TEST(bot_says_nothing_after_a_takeover_at_any_step),
        FEATURE_TEST(of_a_hundred_takers_one_has_it_and_the_others_are_told_who),
        FEATURE_TEST(customers_of_ten_tenants_with_near_equal_numbers_are_never_mixed_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
