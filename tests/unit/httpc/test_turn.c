/* test_turn.c - calls that wait for their turn, at a limit or a rate, and threads that call at once.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/httpc/bench.h"

struct ended { /* what done functions leave behind */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned n;
    enum http_phase phase[8];
    enum status status[8];
    const char *cause[8];
};

static void ended_init(struct ended *x) {
    *x = (struct ended){.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
}

static void note_end(void *ctx, enum status st, const struct http_reply *reply,
                     const struct err *e) {
    struct ended *x = ctx;

    (void)pthread_mutex_lock(&x->lock);
    x->phase[x->n] = reply->phase;
    x->status[x->n] = st;
    x->cause[x->n] = e->cause;
    x->n++;
    (void)pthread_cond_broadcast(&x->changed);
    (void)pthread_mutex_unlock(&x->lock);
}

static void wait_ended(struct ended *x, unsigned n) {
    (void)pthread_mutex_lock(&x->lock);
    while (x->n < n)
        (void)pthread_cond_wait(&x->changed, &x->lock);
    (void)pthread_mutex_unlock(&x->lock);
}

static void serve_when_released(struct fake *f, int fd, unsigned nth) {
    (void)nth;
    while (fake_read(f, fd)) {
        fake_hold(f);
        fake_write(fd, OK_REPLY);
    }
}

static void calls_past_the_host_limit_wait(void **state) {
    struct bench b;
    struct ended x;
    struct http_call c;

    (void)state;
    ended_init(&x);
    bench_open_with(&b, serve_when_released,
                    (struct httpc_options){.gate = GATE_ALL, .max_per_host = 2});
    c = post(fake_url(&b.a, &b.peer, "/"), STR("x"));
    for (int i = 0; i < 5; i++)
        httpc_submit(b.h, &c, note_end, &x);
    fake_wait_requests(&b.peer, 2);
    assert_int_equal(atomic_load(&b.peer.connections), 2);
    fake_release(&b.peer);
    wait_ended(&x, 5);
    assert_int_equal(atomic_load(&b.peer.requests), 5);
    assert_int_equal(atomic_load(&b.peer.connections), 2);
    bench_close(&b);
}

static void campaigns_leave_a_place_to_answers(void **state) {
    struct bench b;
    struct ended bulk, one;
    struct http_call campaign, answer;

    (void)state;
    ended_init(&bulk);
    ended_init(&one);
    bench_open_with(&b, serve_when_released,
                    (struct httpc_options){.gate = GATE_ALL, .max_per_host = 8});
    campaign = answer = post(fake_url(&b.a, &b.peer, "/"), STR("x"));
    campaign.reach = REACH_CAMPAIGN;
    answer.reach = REACH_REPLY;
    for (int i = 0; i < 8; i++)
        httpc_submit(b.h, &campaign, note_end, &bulk);
    fake_wait_requests(&b.peer, httpc_campaign_places(8));
    assert_int_equal(atomic_load(&b.peer.requests), 7);
    httpc_submit(b.h, &answer, note_end, &one); /* past the one that waits */
    fake_wait_requests(&b.peer, 8);
    fake_release(&b.peer);
    wait_ended(&one, 1);
    wait_ended(&bulk, 8);
    assert_int_equal(atomic_load(&b.peer.requests), 9);
    bench_close(&b);
}

static void a_call_does_not_wait_past_its_deadline(void **state) {
    struct bench b;
    struct ended x;
    struct http_call slow, quick;

    (void)state;
    ended_init(&x);
    bench_open_with(&b, serve_when_released,
                    (struct httpc_options){.gate = GATE_ALL, .max_per_host = 1});
    slow = quick = post(fake_url(&b.a, &b.peer, "/"), STR("x"));
    quick.timeout_ms = 20;
    httpc_submit(b.h, &slow, note_end, &x);
    fake_wait_requests(&b.peer, 1);
    httpc_submit(b.h, &quick, note_end, &x);
    wait_ended(&x, 1);
    assert_int_equal(x.status[0], ST_UNAVAILABLE);
    assert_int_equal(x.phase[0], HTTP_NOT_SENT);
    assert_string_equal(x.cause[0], "no-turn");
    fake_release(&b.peer);
    wait_ended(&x, 2);
    assert_int_equal(x.phase[1], HTTP_REPLIED);
    assert_int_equal(atomic_load(&b.peer.requests), 1);
    bench_close(&b);
}

static void rate_spaces_calls(void **state) {
    struct bench b;
    struct ended x;
    struct http_reply r;
    struct http_call c, elsewhere;
    struct fake other;

    (void)state;
    ended_init(&x);
    bench_open(&b, serve_ok);
    fake_listen(&other, serve_ok);
    c = post(fake_url(&b.a, &b.peer, "/"), STR("x"));
    c.timeout_ms = 60000; /* the shifted clock takes half of it */
    elsewhere = get(fake_url(&b.a, &other, "/"));
    httpc_limit_host(b.h, arena_printf(&b.a, "127.0.0.1:%u", b.peer.port), 0.1); /* one in 10 s */
    for (int i = 0; i < 3; i++)
        httpc_submit(b.h, &c, note_end, &x);
    for (unsigned i = 1; i <= 3; i++) {
        wait_ended(&x, i);
        assert_int_equal(call(&b, &elsewhere, &r), ST_OK); /* the loop has been round */
        assert_int_equal(atomic_load(&b.peer.requests), i);
        clock_shift_ms(10001 * (int64_t)i);
        assert_int_equal(call(&b, &elsewhere, &r), ST_OK);
    }
    fake_stop(&other);
    bench_close(&b);
}

static void stop_ends_what_is_under_way(void **state) {
    struct bench b;
    struct ended x;
    struct http_call c;

    (void)state;
    ended_init(&x);
    bench_open_with(&b, serve_silence, (struct httpc_options){.gate = GATE_ALL, .max_per_host = 1});
    c = post(fake_url(&b.a, &b.peer, "/"), STR("x"));
    httpc_submit(b.h, &c, note_end, &x);
    fake_wait_requests(&b.peer, 1);
    httpc_submit(b.h, &c, note_end, &x);
    bench_close(&b);
    assert_int_equal(x.n, 2);
    assert_int_equal(x.phase[0] + x.phase[1], HTTP_CUT + HTTP_NOT_SENT);
    for (int i = 0; i < 2; i++)
        assert_int_equal(x.status[i], x.phase[i] == HTTP_CUT ? ST_OK : ST_UNAVAILABLE);
}

struct caller {
    struct bench *bench;
    _Atomic unsigned *ok;
};

static void *call_many(void *ctx) {
    struct caller *caller = ctx;
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct http_reply r;

    for (int i = 0; i < 50; i++) {
        struct err e = ERR_INIT;
        struct http_call c = post(fake_url(&a, &caller->bench->peer, "/"), STR("hello"));

        if (httpc_call(caller->bench->h, &a, &c, &r, &e) == ST_OK && r.status == 200)
            atomic_fetch_add(caller->ok, 1);
    }
    return NULL;
}

static void many_threads_call_at_once(void **state) {
    struct bench b;
    _Atomic unsigned ok = 0;
    struct caller caller = {.bench = &b, .ok = &ok};
    pthread_t threads[16];

    (void)state;
    bench_open(&b, serve_ok);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_many, &caller), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        (void)pthread_join(threads[i], NULL);
    assert_int_equal(ok, 16 * 50);
    assert_int_equal(atomic_load(&b.peer.requests), 16 * 50);
    bench_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_past_the_host_limit_wait),
        cmocka_unit_test(campaigns_leave_a_place_to_answers),
        cmocka_unit_test(a_call_does_not_wait_past_its_deadline),
        cmocka_unit_test(rate_spaces_calls),
        cmocka_unit_test(stop_ends_what_is_under_way),
        cmocka_unit_test(many_threads_call_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
