/* handoff_fixture.h - what the tests of people taking over stand on: people are hired and come online, the customer writes, the bot
 * hands off, the clock is moved.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "db/feature_fixture.h"
#include "team/team.h"

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)

static inline struct user_id hire(struct app *app, const char *name, enum role role) {
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

static inline enum status call_tx(struct tx *tx, void *ctx, struct err *e) {
    const struct call_tx *c = ctx;

    return c->fn(c->k, tx, e);
}

static inline enum status try_call(struct call *k, call_fn fn, struct err *e) {
    struct call_tx c = {k, fn};

    return db_write(k->app->db, DB_TENANT(k->app->tenant), call_tx, &c, e);
}

static inline void call(struct call *k, call_fn fn) {
    struct err e = ERR_INIT;

    assert_ok(try_call(k, fn, &e), &e);
}

static inline enum status set_tx(struct call *k, struct tx *tx, struct err *e) {
    const struct json *in;

    TRY(json_parse(&k->app->a, str_of(k->text), JSON_LIMITS_DEFAULT, &in, e));
    TRY(team_settings_put(&k->app->a, tx, k->app->tenant, in, -1, e));
    return conversation_settings_changed(tx, k->app->tenant, clock_now_ms(), e);
}

static inline void set(struct app *app, const char *json) {
    call(&(struct call){.app = app, .text = json}, set_tx);
}

static inline enum status presence_tx(struct call *k, struct tx *tx, struct err *e) {
    bool has_changed;

    TRY(team_set_presence(tx, k->app->tenant, k->user, str_of(k->text), clock_now_ms(),
                          &has_changed, e));
    if (has_changed && str_eq(str_of(k->text), STR("online")))
        return conversation_fill(&k->app->a, tx, k->app->tenant, clock_now_ms(), e);
    return ST_OK;
}

static inline void is(struct app *app, struct user_id user, const char *presence) {
    call(&(struct call){.app = app, .user = user, .text = presence}, presence_tx);
}

static inline enum status write_tx(struct call *k, struct tx *tx, struct err *e) {
    const struct inbound ev = inbound_text(
        k->app, (struct party){.phone = arena_printf(&k->app->a, "55119%08lld", (long long)k->n)},
        k->text);

    return receive(k->app, tx, &ev, NULL, e);
}

/* The n-th customer writes. */
static inline void writes(struct app *app, int64_t n, const char *text) {
    call(&(struct call){.app = app, .n = n, .text = text}, write_tx);
}

static inline enum status look_tx(struct call *k, struct tx *tx, struct err *e) {
    return get_conversation(k->app, tx, &k->c, e);
}

static inline struct conversation now(struct app *app) {
    struct call k = {.app = app};

    call(&k, look_tx);
    return k.c;
}

static inline enum status handoff_tx(struct call *k, struct tx *tx, struct err *e) {
    return conversation_request_handoff(&k->app->a, tx, k->app->tenant, k->app->conversation,
                                        &(struct handoff){.reason = STR("requested"),
                                                          .skill = str_of(k->text),
                                                          .summary = STR("quer o plano Equipe"),
                                                          .collected = STR("{\"plan\":\"team\"}")},
                                        clock_now_ms(), e);
}

static inline void hands_off(struct app *app, const char *skill) {
    call(&(struct call){.app = app, .text = skill}, handoff_tx);
}

static inline enum status take_tx(struct call *k, struct tx *tx, struct err *e) {
    return conversation_take(&k->app->a, tx, k->app->tenant, k->app->conversation, k->user,
                             clock_now_ms(), e);
}

static inline enum status close_tx(struct call *k, struct tx *tx, struct err *e) {
    return conversation_close(&k->app->a, tx, k->app->tenant, k->app->conversation, clock_now_ms(),
                              e);
}

static inline enum status reply_tx(struct call *k, struct tx *tx, struct err *e) {
    struct outbox_put put = put_text(k->app, "person", "pois não?");

    put.user = k->user;
    TRY(take_tx(k, tx, e));
    return queue_message(k->app, tx, put, e);
}

static inline enum status assign_tx(struct call *k, struct tx *tx, struct err *e) {
    return conversation_assign(&k->app->a, tx, k->app->tenant, k->app->conversation,
                               (struct assignment){.user = k->user}, clock_now_ms(), e);
}

static inline enum status put_sweep_tx(struct call *k, struct tx *tx, struct err *e) {
    return queue_put(
        tx, (struct job_put){.kind = k->text, .key = str_of(k->text), .payload = STR("{}")}, NULL,
        e);
}

/* The scheduled job runs; with it whatever else is due: what the house says, say. */
static inline void run_scheduled(struct app *app, const char *kind) {
    struct call k = {.app = app, .text = kind};
    struct call_tx c = {&k, put_sweep_tx};
    struct err e = ERR_INIT;

    assert_ok(db_write(app->db, DB_SYSTEM, call_tx, &c, &e), &e);
    (void)run_jobs(app, 200);
}

static inline void sweep_at(struct app *app, int64_t shift_ms) {
    clock_shift_ms(shift_ms);
    run_scheduled(app, CONVERSATION_DEADLINES_JOB);
}

static inline enum status events_tx(struct call *k, struct tx *tx, struct err *e) {
    return count_events(k->app, tx, k->text, &k->n, e);
}

static inline int64_t events(struct app *app, const char *kind) {
    struct call k = {.app = app, .text = kind};

    call(&k, events_tx);
    return k.n;
}

static inline enum status said_tx(struct call *k, struct tx *tx, struct err *e) {
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
static inline int64_t told(struct app *app, const char *text) {
    struct call k = {.app = app, .text = text};

    call(&k, said_tx);
    return k.n;
}

/* Sends go to a server that takes everything. */
static inline void answer_sends(struct app *app) {
    for (int i = 0; i < 40; i++)
        fake_http_answer(
            app->graph,
            (struct fake_reply){.status = 200, .body = "{\"messages\":[{\"id\":\"wamid.x\"}]}"});
}

static inline enum status watch_tx(struct call *k, struct tx *tx, struct err *e) {
    struct conversation_counts n;

    TRY(conversation_watch(&k->app->a, tx, k->app->tenant, clock_now_ms(), &n, e));
    k->n = n.without_deadline;
    return ST_OK;
}

static inline int64_t without_deadline(struct app *app) {
    struct call k = {.app = app};

    call(&k, watch_tx);
    return k.n;
}
