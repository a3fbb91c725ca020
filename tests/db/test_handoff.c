/* test_handoff.c - people get what the bot gives up: who gets it, until when, what the customer is told, and that nothing is
 * left lying. On both engines, by a clock that the test moves.
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>

#include "db/feature_fixture.h"
#include "team/team.h"

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)

/* --- what tests do ----------------------------------------------------------------------------- */

static struct user_id hire(struct app *app, const char *name, enum role role) {
    struct user u;
    struct err e = ERR_INIT;
    const struct user_new in = {.tenant = app->tenant,
                                .email = arena_printf(&app->a, "%s@example.com", name),
                                .name = str_of(name),
                                .password = STR("correct horse"),
                                .role = role};

    assert_ok(user_add(&app->a, app->db, in, &u, &e), &e);
    return u.id;
}

struct call { /* one step with its arguments */
    struct app *app;
    struct user_id user;
    const char *text;
    struct conversation c;
    int64_t n;
};

typedef enum status (*call_fn)(struct call *k, struct tx *tx, struct err *e);
struct call_tx {
    struct call *k;
    call_fn fn;
};

static enum status call_tx(struct tx *tx, void *ctx, struct err *e) {
    const struct call_tx *c = ctx;

    return c->fn(c->k, tx, e);
}

static enum status try_call(struct call *k, call_fn fn, struct err *e) {
    struct call_tx c = {k, fn};

    return db_write(k->app->db, DB_TENANT(k->app->tenant), call_tx, &c, e);
}

static void call(struct call *k, call_fn fn) {
    struct err e = ERR_INIT;

    assert_ok(try_call(k, fn, &e), &e);
}

static enum status set_tx(struct call *k, struct tx *tx, struct err *e) {
    const struct json *in;

    TRY(json_parse(&k->app->a, str_of(k->text), JSON_LIMITS_DEFAULT, &in, e));
    TRY(team_settings_put(&k->app->a, tx, k->app->tenant, in, -1, e));
    return conversation_settings_changed(tx, k->app->tenant, clock_now_ms(), e);
}

static void set(struct app *app, const char *json) {
    call(&(struct call){.app = app, .text = json}, set_tx);
}

static enum status presence_tx(struct call *k, struct tx *tx, struct err *e) {
    bool has_changed;

    TRY(team_set_presence(tx, k->app->tenant, k->user, str_of(k->text), clock_now_ms(),
                          &has_changed, e));
    if (has_changed && str_eq(str_of(k->text), STR("online")))
        return conversation_fill(&k->app->a, tx, k->app->tenant, clock_now_ms(), e);
    return ST_OK;
}

static void is(struct app *app, struct user_id user, const char *presence) {
    call(&(struct call){.app = app, .user = user, .text = presence}, presence_tx);
}

static enum status write_tx(struct call *k, struct tx *tx, struct err *e) {
    const struct inbound ev = inbound_text(
        k->app, (struct party){.phone = arena_printf(&k->app->a, "55119%08lld", (long long)k->n)},
        k->text);

    return receive(k->app, tx, &ev, NULL, e);
}

/* The n-th customer writes. */
static void writes(struct app *app, int64_t n, const char *text) {
    call(&(struct call){.app = app, .n = n, .text = text}, write_tx);
}

static enum status look_tx(struct call *k, struct tx *tx, struct err *e) {
    return get_conversation(k->app, tx, &k->c, e);
}

static struct conversation now(struct app *app) {
    struct call k = {.app = app};

    call(&k, look_tx);
    return k.c;
}

static enum status handoff_tx(struct call *k, struct tx *tx, struct err *e) {
    return conversation_request_handoff(&k->app->a, tx, k->app->tenant, k->app->conversation,
                                        &(struct handoff){.reason = STR("requested"),
                                                          .skill = str_of(k->text),
                                                          .summary = STR("quer o plano Equipe"),
                                                          .collected = STR("{\"plan\":\"team\"}")},
                                        clock_now_ms(), e);
}

static void hands_off(struct app *app, const char *skill) {
    call(&(struct call){.app = app, .text = skill}, handoff_tx);
}

static enum status take_tx(struct call *k, struct tx *tx, struct err *e) {
    return conversation_take(&k->app->a, tx, k->app->tenant, k->app->conversation, k->user,
                             clock_now_ms(), e);
}

static enum status close_tx(struct call *k, struct tx *tx, struct err *e) {
    return conversation_close(&k->app->a, tx, k->app->tenant, k->app->conversation, clock_now_ms(),
                              e);
}

static enum status reply_tx(struct call *k, struct tx *tx, struct err *e) {
    struct outbox_put put = put_text(k->app, "person", "pois não?");

    put.user = k->user;
    TRY(take_tx(k, tx, e));
    return queue_message(k->app, tx, put, e);
}

static enum status assign_tx(struct call *k, struct tx *tx, struct err *e) {
    return conversation_assign(&k->app->a, tx, k->app->tenant, k->app->conversation,
                               (struct assignment){.user = k->user}, clock_now_ms(), e);
}

static enum status put_sweep_tx(struct call *k, struct tx *tx, struct err *e) {
    return queue_put(
        tx, (struct job_put){.kind = k->text, .key = str_of(k->text), .payload = STR("{}")}, NULL,
        e);
}

/* The scheduled job runs; with it whatever else is due: what the house says, say. */
static void run_scheduled(struct app *app, const char *kind) {
    struct call k = {.app = app, .text = kind};
    struct call_tx c = {&k, put_sweep_tx};
    struct err e = ERR_INIT;

    assert_ok(db_write(app->db, DB_SYSTEM, call_tx, &c, &e), &e);
    (void)run_jobs(app, 200);
}

static void sweep_at(struct app *app, int64_t shift_ms) {
    clock_shift_ms(shift_ms);
    run_scheduled(app, CONVERSATION_DEADLINES_JOB);
}

static enum status events_tx(struct call *k, struct tx *tx, struct err *e) {
    return count_events(k->app, tx, k->text, &k->n, e);
}

static int64_t events(struct app *app, const char *kind) {
    struct call k = {.app = app, .text = kind};

    call(&k, events_tx);
    return k.n;
}

static enum status said_tx(struct call *k, struct tx *tx, struct err *e) {
    struct message_page page;

    TRY(message_list(&k->app->a, tx, k->app->tenant, k->app->conversation,
                     (struct page_query){.limit = 100}, &page, e));
    k->n = 0;
    for (size_t i = 0; i < page.n; i++)
        k->n += str_eq(page.items[i].owner, STR("system")) &&
                str_contains(page.items[i].text, str_of(k->text));
    return ST_OK;
}

/* Messages of the house with this in their text. */
static int64_t told(struct app *app, const char *text) {
    struct call k = {.app = app, .text = text};

    call(&k, said_tx);
    return k.n;
}

/* Sends go to a server that takes everything. */
static void answer_sends(struct app *app) {
    for (int i = 0; i < 40; i++)
        fake_http_answer(
            app->graph,
            (struct fake_reply){.status = 200, .body = "{\"messages\":[{\"id\":\"wamid.x\"}]}"});
}

/* --- the customer's own words ---------------------------------------------------------------------- */

static void customer_who_asks_for_a_person_is_heard_and_told_once(void **state) {
    struct app *app = *state;
    struct conversation c;

    answer_sends(app);
    writes(app, 1, "quero falar com um atendente");
    c = now(app);
    assert_str(c.state, "waiting_agent");
    assert_str(c.owner, "none");
    assert_str(c.deadline_kind, "pickup");
    assert_int_equal(events(app, "conversation.handoff_requested"), 1);
    assert_int_equal(count_rows(app,
                                "SELECT count(*) FROM conversation_events WHERE tenant_id IS NOT"
                                " NULL AND data LIKE '%customer-asked%'"),
                     1);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM jobs WHERE kind = 'bot.turn'"), 0);
    (void)run_jobs(app, 10);
    assert_int_equal(told(app, "chamei uma pessoa"), 1);
    writes(app, 1, "atendente!!");
    (void)run_jobs(app, 10);
    assert_int_equal(told(app, ""), 1);
}

static void switch_in_the_settings_leaves_the_asking_to_the_bot(void **state) {
    struct app *app = *state;

    set(app, "{\"handoff_on_request\":false}");
    writes(app, 1, "quero falar com um atendente");
    assert_str(now(app).owner, "bot");
    assert_int_equal(count_rows(app, "SELECT count(*) FROM jobs WHERE kind = 'bot.turn'"), 1);
}

/* --- deadlines --------------------------------------------------------------------------------------- */

static void nobody_picks_up_people_are_reminded_then_supervisors(void **state) {
    struct app *app = *state;
    struct conversation c;

    answer_sends(app);
    set(app, "{\"pickup_minutes\":10,\"escalate_minutes\":30}");
    writes(app, 1, "oi");
    hands_off(app, "");
    c = now(app);
    assert_int_equal(c.deadline_at_ms - c.waiting_since_ms, 10 * MINUTE);
    assert_str(c.summary, "quer o plano Equipe");
    assert_str(c.collected, "{\"plan\":\"team\"}");
    sweep_at(app, 9 * MINUTE);
    assert_int_equal(events(app, "conversation.reminded"), 0);
    sweep_at(app, 11 * MINUTE);
    assert_int_equal(events(app, "conversation.reminded"), 1);
    assert_int_equal(told(app, "Obrigado por esperar"), 1);
    c = now(app);
    assert_str(c.deadline_kind, "escalate");
    assert_int_equal(c.deadline_at_ms - c.waiting_since_ms, 30 * MINUTE);
    sweep_at(app, 29 * MINUTE);
    assert_int_equal(events(app, "conversation.escalated"), 0);
    sweep_at(app, 31 * MINUTE);
    assert_int_equal(events(app, "conversation.escalated"), 1);
    sweep_at(app, 32 * MINUTE);
    assert_int_equal(events(app, "conversation.escalated"), 1);
    sweep_at(app, 61 * MINUTE); /* twice the time */
    assert_int_equal(events(app, "conversation.escalated"), 2);
    assert_int_equal(told(app, ""), 1); /* the customer once */
    c = now(app);
    assert_int_equal(c.deadline_at_ms - c.waiting_since_ms, 120 * MINUTE);
    assert_str(c.state, "waiting_agent");
}

static void silent_person_loses_it_to_the_queue(void **state) {
    struct app *app = *state;
    struct user_id bia = hire(app, "bia", ROLE_AGENT);
    struct conversation c;

    answer_sends(app);
    writes(app, 1, "oi");
    call(&(struct call){.app = app, .user = bia}, reply_tx);
    c = now(app);
    assert_int_equal(c.deadline_at_ms, 0); /* the customer has her answer */
    sweep_at(app, 20 * HOUR);
    assert_str(now(app).owner, "person");
    writes(app, 1, "e agora?");
    c = now(app);
    assert_str(c.deadline_kind, "answer");
    assert_int_equal(c.deadline_at_ms - c.unanswered_at_ms, 60 * MINUTE);
    sweep_at(app, 20 * HOUR + 59 * MINUTE);
    assert_str(now(app).owner, "person");
    sweep_at(app, 20 * HOUR + 61 * MINUTE);
    c = now(app);
    assert_str(c.state, "waiting_agent");
    assert_true(uuid_is_nil(c.owner_user.v));
    assert_str(c.deadline_kind, "pickup");
    assert_int_equal(events(app, "conversation.returned"), 1);
}

static void silent_person_loses_it_to_the_bot_where_that_is_set(void **state) {
    struct app *app = *state;
    struct user_id bia = hire(app, "bia", ROLE_AGENT);

    answer_sends(app);
    set(app, "{\"silence_action\":\"bot\",\"silence_minutes\":5}");
    writes(app, 1, "oi");
    call(&(struct call){.app = app, .user = bia}, take_tx);
    assert_str(now(app).deadline_kind, "answer"); /* what was open when she took it */
    sweep_at(app, 6 * MINUTE);
    assert_str(now(app).owner, "bot");
    assert_int_equal(events(app, "bot.turn_answered"), 1);
}

static void bot_that_does_not_answer_loses_it_to_people(void **state) {
    struct app *app = *state;
    struct err e = ERR_INIT;

    writes(app, 1, "oi");
    assert_str(now(app).deadline_kind, "answer");
    /* Its turn is lost. */
    assert_ok(
        harness_exec_vals(app->db, DB_SYSTEM,
                          DB_SQL("DELETE FROM jobs WHERE kind = 'bot.turn' AND tenant_id = $1"),
                          (const struct db_val[]){V_UUID(app->tenant.v)}, 1, NULL, &e),
        &e);
    sweep_at(app, 9 * MINUTE);
    assert_str(now(app).owner, "bot");
    sweep_at(app, 11 * MINUTE);
    assert_str(now(app).state, "waiting_agent");
    assert_int_equal(count_rows(app,
                                "SELECT count(*) FROM conversation_events WHERE tenant_id IS NOT"
                                " NULL AND data LIKE '%bot-silent%'"),
                     1);
}

static void idle_conversation_of_the_bot_expires(void **state) {
    struct app *app = *state;
    struct conversation c;

    answer_sends(app);
    set(app, "{\"expire_hours\":48}");
    writes(app, 1, "oi");
    clock_shift_ms(3000);
    (void)run_jobs(app, 10); /* the bot answers */
    c = now(app);
    assert_int_equal(c.unanswered_at_ms, 0);
    assert_str(c.deadline_kind, "expire");
    sweep_at(app, 20 * MINUTE); /* looked at, found too early, moved */
    c = now(app);
    assert_int_equal(c.deadline_at_ms, c.last_at_ms + 48 * HOUR);
    sweep_at(app, 47 * HOUR);
    assert_str(now(app).owner, "bot");
    sweep_at(app, 49 * HOUR);
    c = now(app);
    assert_str(c.state, "expired");
    assert_int_equal(c.deadline_at_ms, 0);
    writes(app, 1, "oi de novo"); /* who writes again opens another */
    assert_str(now(app).state, "pending");
}

/* Open for one hour a day from an hour that is `from_ms` away, in UTC; minutes past it are cut off. */
static const char *hours_from(struct app *app, int64_t from_ms) {
    struct str iso = clock_format_iso(&app->a, clock_now_ms() + from_ms);
    int64_t hour;
    struct buf b;

    assert_true(str_parse_i64(str_sub(iso, 11, 2), 0, 23, &hour));
    buf_init(&b, 4096);
    for (int i = 0; i < 7; i++)
        buf_printf(&b, "%s\"%.3s\":[[\"%02lld:00\",\"%02lld:00\"]]", i ? "," : "{\"hours\":{",
                   &"montuewedthufrisatsun"[(size_t)i * 3], (long long)hour, (long long)hour + 1);
    buf_printf(&b, "},\"pickup_minutes\":10,\"escalate_minutes\":50}");

    const char *json = arena_cstr(&app->a, buf_str(&b));

    buf_done(&b);
    return json;
}

static enum status to_utc(struct app *app, struct tx *tx, struct err *e) {
    return DB_EXEC(tx, DB_SQL("UPDATE tenants SET timezone = 'UTC' WHERE id = $1"), NULL, e,
                   V_UUID(app->tenant.v));
}

static void clock_stands_still_outside_hours_and_the_customer_is_told_once(void **state) {
    struct app *app = *state;
    struct conversation c;
    int64_t in_hour_ms = clock_now_ms() % HOUR;

    answer_sends(app);
    STEP_SYSTEM(app, to_utc);
    set(app, hours_from(app, 3 * HOUR));
    writes(app, 1, "quero falar com um atendente");
    (void)run_jobs(app, 10);
    assert_int_equal(told(app, "não está atendendo agora"), 1);
    assert_int_equal(told(app, "chamei uma pessoa"), 0);
    c = now(app);
    assert_int_equal(c.deadline_at_ms,
                     c.waiting_since_ms - c.waiting_since_ms % HOUR + 3 * HOUR + 10 * MINUTE);
    writes(app, 1, "alguém?");
    (void)run_jobs(app, 10);
    assert_int_equal(told(app, ""), 1); /* once while they are away */
    sweep_at(app, 3 * HOUR - in_hour_ms + 9 * MINUTE);
    assert_int_equal(events(app, "conversation.reminded"), 0);
    sweep_at(app, 3 * HOUR - in_hour_ms + 11 * MINUTE);
    assert_int_equal(events(app, "conversation.reminded"), 1);
    /* Closed again: the next time they are away, and she writes. */
    clock_shift_ms(5 * HOUR - in_hour_ms);
    writes(app, 1, "ninguém?");
    (void)run_jobs(app, 10);
    assert_int_equal(told(app, "não está atendendo agora"), 2);
}

static void nothing_is_told_when_the_window_is_closed(void **state) {
    struct app *app = *state;

    answer_sends(app);
    set(app, "{\"pickup_minutes\":2000,\"escalate_minutes\":3000}");
    writes(app, 1, "oi");
    hands_off(app, "");
    sweep_at(app, 2001 * MINUTE); /* 33 hours */
    assert_int_equal(events(app, "conversation.reminded"), 1);
    assert_int_equal(told(app, ""), 0);
    assert_int_equal(events(app, "conversation.not_told"), 1);
}

static void other_settings_move_the_deadlines_there_are(void **state) {
    struct app *app = *state;
    struct conversation c;

    writes(app, 1, "oi");
    hands_off(app, "");
    set(app, "{\"pickup_minutes\":3,\"escalate_minutes\":30}");
    sweep_at(app, 1);
    c = now(app);
    assert_int_equal(c.deadline_at_ms - c.waiting_since_ms, 3 * MINUTE);
    assert_int_equal(events(app, "conversation.reminded"), 0);
}

struct node {
    struct app *app;
    struct arena a;
    pthread_barrier_t *start;
    bool has_passed;
    enum status st;
};

static enum status pass_tx(struct tx *tx, void *ctx, struct err *e) {
    struct node *n = ctx;

    return conversation_deadline_pass(&n->a, tx, n->app->tenant, n->app->conversation,
                                      clock_now_ms(), &n->has_passed, e);
}

static void *pass(void *ctx) {
    struct node *n = ctx;
    struct err e = ERR_INIT;

    (void)pthread_barrier_wait(n->start);
    n->st = db_write(n->app->db, DB_TENANT(n->app->tenant), pass_tx, n, &e);
    return NULL;
}

static void of_two_nodes_that_sweep_one_deadline_one_has_the_effect(void **state) {
    struct app *app = *state;

    for (int round = 1; round <= 20; round++) {
        pthread_barrier_t start;
        struct node nodes[2] = {{.app = app, .start = &start}, {.app = app, .start = &start}};
        pthread_t threads[2];

        clock_shift_ms(0);
        writes(app, round, "oi");
        hands_off(app, "");
        clock_shift_ms(11 * MINUTE);
        assert_int_equal(pthread_barrier_init(&start, NULL, 2), 0);
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, pass, &nodes[i]), 0);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            assert_int_equal(nodes[i].st, ST_OK);
            arena_done(&nodes[i].a);
        }
        pthread_barrier_destroy(&start);
        assert_int_equal(nodes[0].has_passed + nodes[1].has_passed, 1);
        assert_int_equal(events(app, "conversation.reminded"), round);
    }
}

/* --- the watchdog ------------------------------------------------------------------------------------ */

static enum status watch_tx(struct call *k, struct tx *tx, struct err *e) {
    struct conversation_counts n;

    TRY(conversation_watch(&k->app->a, tx, k->app->tenant, clock_now_ms(), &n, e));
    k->n = n.without_deadline;
    return ST_OK;
}

static int64_t without_deadline(struct app *app) {
    struct call k = {.app = app};

    call(&k, watch_tx);
    return k.n;
}

static enum status spoil(struct app *app, struct tx *tx, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE conversations SET deadline_at = NULL, waiting_since = NULL"
                          " WHERE tenant_id = $1"),
                   NULL, e, V_UUID(app->tenant.v));
}

static void watchdog_finds_and_repairs_what_has_no_deadline(void **state) {
    struct app *app = *state;
    struct user_id bia = hire(app, "bia", ROLE_AGENT);

    answer_sends(app);
    writes(app, 1, "oi"); /* the bot's */
    writes(app, 2, "oi"); /* waiting */
    hands_off(app, "");
    writes(app, 3, "oi"); /* a person's, unanswered */
    call(&(struct call){.app = app, .user = bia}, take_tx);
    writes(app, 4, "oi"); /* a person's, answered: nothing is owed */
    call(&(struct call){.app = app, .user = bia}, reply_tx);
    writes(app, 5, "oi"); /* closed */
    call(&(struct call){.app = app, .user = bia}, close_tx);
    assert_int_equal(without_deadline(app), 0);
    STEP(app, spoil);
    assert_int_equal(without_deadline(app), 3);
    run_scheduled(app, CONVERSATION_WATCH_JOB);
    assert_int_equal(without_deadline(app), 0);
    assert_int_equal(events(app, "conversation.deadline_repaired"), 3);
}

/* --- who gets it --------------------------------------------------------------------------------------- */

static enum status work_tx(struct call *k, struct tx *tx, struct err *e) {
    const struct json *in;

    TRY(json_parse(&k->app->a, str_of(k->text), JSON_LIMITS_DEFAULT, &in, e));
    return team_set_work(&k->app->a, tx, k->app->tenant, k->user,
                         (struct team_work){.skills = json_get(in, "skills"),
                                            .capacity = json_i64(json_get(in, "capacity"), -1)},
                         e);
}

static void can(struct app *app, struct user_id user, const char *json) {
    call(&(struct call){.app = app, .user = user, .text = json}, work_tx);
}

static void manual_queue_gives_nobody_anything(void **state) {
    struct app *app = *state;
    struct user_id bia = hire(app, "bia", ROLE_AGENT);

    is(app, bia, "online");
    writes(app, 1, "oi");
    hands_off(app, "");
    assert_str(now(app).state, "waiting_agent");
}

static void by_turn_everybody_online_gets_one_up_to_their_capacity(void **state) {
    struct app *app = *state;
    struct user_id bia = hire(app, "bia", ROLE_AGENT), caio = hire(app, "caio", ROLE_AGENT),
                   duda = hire(app, "duda", ROLE_AGENT);
    int64_t n_bia = 0, n_caio = 0;

    set(app, "{\"assignment\":\"round_robin\",\"default_capacity\":3}");
    is(app, bia, "online");
    is(app, caio, "online");
    is(app, duda, "away");
    can(app, caio, "{\"capacity\":2}");
    for (int i = 1; i <= 6; i++) {
        struct conversation c;

        clock_shift_ms(i * 10);
        writes(app, i, "oi");
        hands_off(app, "");
        c = now(app);
        n_bia += uuid_eq(c.owner_user.v, bia.v);
        n_caio += uuid_eq(c.owner_user.v, caio.v);
        if (i <= 5)
            assert_str(c.state, "assigned");
    }
    assert_int_equal(n_bia, 3);
    assert_int_equal(n_caio, 2);
    assert_str(now(app).state, "waiting_agent"); /* the sixth: both are full, one is away */
    is(app, duda, "online");
    assert_true(uuid_eq(now(app).owner_user.v, duda.v));
    assert_int_equal(events(app, "conversation.assigned"), 6);
}

static void who_gets_free_gets_who_waits_longest(void **state) {
    struct app *app = *state;
    struct user_id bia = hire(app, "bia", ROLE_AGENT);
    struct conversation_id first, waiting;

    set(app, "{\"assignment\":\"round_robin\",\"default_capacity\":1}");
    is(app, bia, "online");
    writes(app, 1, "oi");
    hands_off(app, "");
    first = app->conversation;
    clock_shift_ms(1000);
    writes(app, 2, "oi");
    hands_off(app, "");
    waiting = app->conversation;
    clock_shift_ms(2000);
    writes(app, 3, "oi");
    hands_off(app, "");
    app->conversation = first;
    call(&(struct call){.app = app}, close_tx);
    assert_true(uuid_is_nil(now(app).owner_user.v)); /* closed is nobody's */
    app->conversation = waiting;
    assert_true(uuid_eq(now(app).owner_user.v, bia.v));
    /* Put back, it does not come straight back to her: the third does. */
    call(&(struct call){.app = app}, assign_tx);
    assert_str(now(app).state, "waiting_agent");
}

static void who_was_not_seen_for_a_while_gets_nothing(void **state) {
    struct app *app = *state;
    struct user_id bia = hire(app, "bia", ROLE_AGENT);

    set(app, "{\"assignment\":\"round_robin\"}");
    is(app, bia, "online");
    clock_shift_ms(91 * 1000);
    writes(app, 1, "oi");
    hands_off(app, "");
    assert_str(now(app).state, "waiting_agent");
    is(app, bia, "online"); /* back */
    assert_true(uuid_eq(now(app).owner_user.v, bia.v));
}

static void skill_decides_who_can(void **state) {
    struct app *app = *state;
    struct user_id bia = hire(app, "bia", ROLE_AGENT), caio = hire(app, "caio", ROLE_AGENT);

    set(app, "{\"assignment\":\"round_robin\"}");
    can(app, caio, "{\"skills\":[\"Inglês\",\"vendas\"]}");
    is(app, bia, "online");
    is(app, caio, "online");
    for (int i = 1; i <= 3; i++) {
        writes(app, i, "hi");
        hands_off(app, "ingles");
        assert_true(uuid_eq(now(app).owner_user.v, caio.v));
    }
    writes(app, 9, "hola");
    hands_off(app, "espanhol");
    assert_str(now(app).state, "waiting_agent");
}

static void customer_comes_back_to_the_person_they_know(void **state) {
    struct app *app = *state;
    struct user_id bia = hire(app, "bia", ROLE_AGENT), caio = hire(app, "caio", ROLE_AGENT);

    answer_sends(app);
    set(app, "{\"assignment\":\"round_robin\"}");
    writes(app, 1, "oi");
    call(&(struct call){.app = app, .user = caio}, reply_tx);
    call(&(struct call){.app = app, .user = caio}, close_tx);
    is(app, bia, "online");
    is(app, caio, "online");
    for (int i = 0; i < 3; i++) {
        writes(app, 1, "voltei");
        hands_off(app, "");
        assert_true(uuid_eq(now(app).owner_user.v, caio.v));
        call(&(struct call){.app = app}, close_tx);
    }
    is(app, caio, "offline");
    writes(app, 1, "voltei");
    hands_off(app, "");
    assert_true(uuid_eq(now(app).owner_user.v, bia.v));
}

static void person_is_given_and_takes_nothing_from_who_is_no_colleague(void **state) {
    struct app *app = *state;
    struct user_id bia = hire(app, "bia", ROLE_AGENT);
    struct call k = {.app = app, .user = {uuid_new()}};
    struct err e = ERR_INIT;

    writes(app, 1, "oi");
    assert_int_equal(try_call(&k, assign_tx, &e), ST_INVALID);
    call(&(struct call){.app = app, .user = bia}, assign_tx);
    assert_str(now(app).owner_name, "bia");
    assert_str(now(app).deadline_kind, "answer");
}

/* --- many at once -------------------------------------------------------------------------------------- */

enum { TOGETHER = 24 };

struct claim {
    struct app *app;
    struct arena a;
    pthread_barrier_t *start;
    struct conversation_id conversation;
    enum status st;
};

static enum status claim_tx(struct tx *tx, void *ctx, struct err *e) {
    struct claim *k = ctx;

    return conversation_request_handoff(&k->a, tx, k->app->tenant, k->conversation,
                                        &(struct handoff){.reason = STR("requested")},
                                        clock_now_ms(), e);
}

static void *claim(void *ctx) {
    struct claim *k = ctx;
    struct err e = ERR_INIT;

    (void)pthread_barrier_wait(k->start);
    k->st = db_write(k->app->db, DB_TENANT(k->app->tenant), claim_tx, k, &e);
    return NULL;
}

static void handoffs_at_once_never_pass_anybodys_capacity(void **state) {
    struct app *app = *state;
    struct claim claims[TOGETHER];
    pthread_t threads[TOGETHER];
    pthread_barrier_t start;

    set(app, "{\"assignment\":\"round_robin\",\"default_capacity\":5}");
    is(app, hire(app, "bia", ROLE_AGENT), "online");
    is(app, hire(app, "caio", ROLE_AGENT), "online");
    assert_int_equal(pthread_barrier_init(&start, NULL, TOGETHER), 0);
    for (int i = 0; i < TOGETHER; i++) {
        writes(app, i + 1, "oi");
        claims[i] = (struct claim){.app = app, .start = &start, .conversation = app->conversation};
    }
    for (int i = 0; i < TOGETHER; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, claim, &claims[i]), 0);
    for (int i = 0; i < TOGETHER; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(claims[i].st, ST_OK);
        arena_done(&claims[i].a);
    }
    pthread_barrier_destroy(&start);
    assert_int_equal(count_rows(app, "SELECT max(n) FROM (SELECT count(*) AS n FROM conversations"
                                     " WHERE tenant_id IS NOT NULL AND owner_user IS NOT NULL"
                                     " GROUP BY owner_user) AS loads"),
                     5);
    assert_int_equal(count_rows(app,
                                "SELECT count(*) FROM conversations WHERE tenant_id IS NOT NULL"
                                " AND state = 'assigned'"),
                     10);
}

/* --- two that are one person ------------------------------------------------------------------------ */

#define BY_PHONE ((struct party){.phone = STR("5521955550001")})
#define BY_ID    ((struct party){.user_id = STR("BR.900000001")})
#define AS_BOTH  ((struct party){.phone = STR("5521955550001"), .user_id = STR("BR.900000001")})

struct two {
    struct conversation_id older, younger;
};

static enum status receive_as(struct app *app, struct tx *tx, struct party party, const char *text,
                              struct err *e) {
    const struct inbound ev = inbound_text(app, party, text);

    return receive(app, tx, &ev, NULL, e);
}

static enum status two_tx(struct call *k, struct tx *tx, struct err *e) {
    struct two *two = k->app->extra;

    TRY(receive_as(k->app, tx, BY_PHONE, "um", e));
    two->older = k->app->conversation;
    TRY(receive_as(k->app, tx, BY_ID, "dois", e));
    two->younger = k->app->conversation;
    return ST_OK;
}

static enum status both_tx(struct call *k, struct tx *tx, struct err *e) {
    return receive_as(k->app, tx, AS_BOTH, "três", e);
}

static struct two two_conversations(struct app *app) {
    struct two two;

    app->extra = &two;
    call(&(struct call){.app = app}, two_tx);
    app->extra = NULL;
    return two;
}

static struct conversation at(struct app *app, struct conversation_id id) {
    struct conversation_id keep = app->conversation;
    struct conversation c;

    app->conversation = id;
    c = now(app);
    app->conversation = keep;
    return c;
}

static void the_one_a_person_has_survives_the_merge(void **state) {
    struct app *app = *state;
    struct user_id bia = hire(app, "bia", ROLE_AGENT);
    struct two two = two_conversations(app);
    struct conversation c;

    app->conversation = two.younger;
    call(&(struct call){.app = app, .user = bia}, take_tx);
    call(&(struct call){.app = app}, both_tx);
    assert_true(uuid_eq(app->conversation.v, two.younger.v)); /* where the next message goes */
    c = at(app, two.younger);
    assert_str(c.owner, "person");
    assert_true(uuid_eq(c.owner_user.v, bia.v));
    assert_int_equal(c.inbound_count, 3); /* "dois", "três" and, moved over, "um" */
    assert_str(c.deadline_kind, "answer");
    assert_str(at(app, two.older).state, "agent_closed");
    assert_int_equal(without_deadline(app), 0);
}

static void the_one_that_waits_survives_the_bots(void **state) {
    struct app *app = *state;
    struct two two = two_conversations(app);

    app->conversation = two.younger;
    hands_off(app, "");
    call(&(struct call){.app = app}, both_tx);
    assert_true(uuid_eq(app->conversation.v, two.younger.v));
    assert_str(at(app, two.younger).state, "waiting_agent");
    assert_str(at(app, two.older).state, "agent_closed");
}

static void of_two_that_people_have_the_older_stays(void **state) {
    struct app *app = *state;
    struct two two = two_conversations(app);
    struct user_id bia = hire(app, "bia", ROLE_AGENT), caio = hire(app, "caio", ROLE_AGENT);

    app->conversation = two.younger;
    call(&(struct call){.app = app, .user = bia}, take_tx);
    app->conversation = two.older;
    call(&(struct call){.app = app, .user = caio}, take_tx);
    call(&(struct call){.app = app}, both_tx);
    assert_true(uuid_eq(app->conversation.v, two.older.v));
    assert_true(uuid_eq(at(app, two.older).owner_user.v, caio.v));
    assert_true(uuid_is_nil(at(app, two.younger).owner_user.v));
    assert_int_equal(events(app, "conversation.merged"), 1);
    assert_int_equal(events(app, "conversation.joined"), 1);
}

static void bot_answers_what_was_unanswered_in_both(void **state) {
    struct app *app = *state;
    struct two two = two_conversations(app);
    struct conversation c;

    call(&(struct call){.app = app}, both_tx);
    assert_true(uuid_eq(app->conversation.v, two.older.v));
    c = at(app, two.older);
    assert_int_equal(c.inbound_count, 3);
    assert_int_equal(c.answered_count, 0);
    clock_shift_ms(3000);
    (void)run_jobs(app, 10);
    c = at(app, two.older);
    assert_int_equal(c.answered_count, 3);
    assert_int_equal(events(app, "bot.turn_answered"), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FEATURE_TEST(customer_who_asks_for_a_person_is_heard_and_told_once),
        FEATURE_TEST(switch_in_the_settings_leaves_the_asking_to_the_bot),
        FEATURE_TEST(nobody_picks_up_people_are_reminded_then_supervisors),
        FEATURE_TEST(silent_person_loses_it_to_the_queue),
        FEATURE_TEST(silent_person_loses_it_to_the_bot_where_that_is_set),
        FEATURE_TEST(bot_that_does_not_answer_loses_it_to_people),
        FEATURE_TEST(idle_conversation_of_the_bot_expires),
        FEATURE_TEST(clock_stands_still_outside_hours_and_the_customer_is_told_once),
        FEATURE_TEST(nothing_is_told_when_the_window_is_closed),
        FEATURE_TEST(other_settings_move_the_deadlines_there_are),
        FEATURE_TEST(of_two_nodes_that_sweep_one_deadline_one_has_the_effect),
        FEATURE_TEST(watchdog_finds_and_repairs_what_has_no_deadline),
        FEATURE_TEST(manual_queue_gives_nobody_anything),
        FEATURE_TEST(by_turn_everybody_online_gets_one_up_to_their_capacity),
        FEATURE_TEST(who_gets_free_gets_who_waits_longest),
        FEATURE_TEST(who_was_not_seen_for_a_while_gets_nothing),
        FEATURE_TEST(skill_decides_who_can),
        FEATURE_TEST(customer_comes_back_to_the_person_they_know),
        FEATURE_TEST(person_is_given_and_takes_nothing_from_who_is_no_colleague),
        FEATURE_TEST(handoffs_at_once_never_pass_anybodys_capacity),
        FEATURE_TEST(the_one_a_person_has_survives_the_merge),
        FEATURE_TEST(the_one_that_waits_survives_the_bots),
        FEATURE_TEST(of_two_that_people_have_the_older_stays),
        FEATURE_TEST(bot_answers_what_was_unanswered_in_both),
    };

    return cmocka_run_group_tests(tests, NULL, fixture_end);
}
