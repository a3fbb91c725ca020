/* test_fetch.c - a reply's body that is taken while it comes: in order and whole, no faster than the taker, and over when
 * either side wants no more.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include <sched.h>

#include "base/clock.h"
#include "httpc/loop.h"
#include "unit/httpc/fake_server.h"

enum { CHUNK_BYTES = 64 << 10, CHUNKS = 64, LARGE = CHUNK_BYTES * CHUNKS };

struct bench {
    struct httpc *h;
    struct arena a;
    struct fake peer;
    struct err e;
};

static void bench_open(struct bench *b, fake_fn serve, uint32_t timeout_ms) {
    *b = (struct bench){.e = ERR_INIT};
    fake_listen(&b->peer, serve);
    assert_ok(httpc_start((struct httpc_options){.gate = GATE_ALL, .timeout_ms = timeout_ms}, &b->h,
                          &b->e),
              &b->e);
}

static void bench_close(struct bench *b) {
    httpc_stop(b->h);
    fake_stop(&b->peer);
    arena_done(&b->a);
}

struct taker {
    size_t got, pieces, stop_after;
    bool is_wrong;
    struct fake *release; /* at the first piece */
    unsigned wait_for;    /* chunks the peer has written, before the first piece is taken */
};

static _Atomic unsigned chunks_written;

static char byte_of(size_t i) {
    return (char)('a' + i % 23);
}

static enum status take(void *ctx, struct str piece, struct err *e) {
    struct taker *t = ctx;

    for (size_t i = 0; i < piece.len; i++)
        t->is_wrong = t->is_wrong || piece.ptr[i] != byte_of(t->got + i);
    t->got += piece.len;
    t->pieces++;
    if (t->release)
        fake_release(t->release);
    while (atomic_load(&chunks_written) < t->wait_for)
        (void)sched_yield();
    if (t->stop_after > 0 && t->got >= t->stop_after)
        FAIL(e, ST_UNAVAILABLE, "the disk is full");
    return ST_OK;
}

static enum status fetch(struct bench *b, struct taker *t, struct http_call call,
                         struct http_reply *ret) {
    call.method = "GET";
    call.url = fake_url(&b->a, &b->peer, "/file");
    call.reach = REACH_MACHINE;
    err_clear(&b->e);
    return httpc_fetch(b->h, &b->a, &call, (struct httpc_sink){take, t}, ret, &b->e);
}

static void write_chunks(int fd, size_t n) {
    static char chunk[CHUNK_BYTES + 1];

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < CHUNK_BYTES; k++)
            chunk[k] = byte_of(i * CHUNK_BYTES + k);
        fake_write(fd, chunk);
        atomic_fetch_add(&chunks_written, 1);
    }
}

static void serve_large(struct fake *f, int fd, unsigned nth) {
    (void)nth;
    if (!fake_read(f, fd))
        return;
    fake_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4194304\r\n\r\n");
    write_chunks(fd, CHUNKS);
    (void)fake_read(f, fd); /* until the client goes */
}

static void serve_half(struct fake *f, int fd, unsigned nth) {
    (void)nth;
    if (!fake_read(f, fd))
        return;
    fake_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4194304\r\n\r\n");
    write_chunks(fd, CHUNKS / 2);
}

static void serve_stall(struct fake *f, int fd, unsigned nth) {
    (void)nth;
    if (!fake_read(f, fd))
        return;
    fake_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4194304\r\n\r\n");
    write_chunks(fd, 1);
    fake_hold(f);
}

static void serve_refusal(struct fake *f, int fd, unsigned nth) {
    (void)nth;
    if (fake_read(f, fd))
        fake_write(fd, "HTTP/1.1 404 Gone\r\nContent-Length: 4\r\n\r\nnope");
}

static void serve_redirect(struct fake *f, int fd, unsigned nth) {
    (void)nth;
    if (fake_read(f, fd))
        fake_write(fd, "HTTP/1.1 302 There\r\nLocation: /there\r\nContent-Length: 4\r\n\r\nmove");
    if (fake_read(f, fd))
        fake_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
}

static void body_arrives_whole_and_in_order(void **state) {
    struct bench b;
    struct http_reply r;
    struct taker t = {0};

    (void)state;
    bench_open(&b, serve_large, 20000);
    assert_ok(fetch(&b, &t, (struct http_call){.max_reply_bytes = LARGE}, &r), &b.e);
    assert_int_equal(r.phase, HTTP_REPLIED);
    assert_int_equal(r.status, 200);
    assert_int_equal(r.body.len, 0);
    assert_int_equal(t.got, LARGE);
    assert_false(t.is_wrong);
    bench_close(&b);
}

/* Nothing is taken until more is on its way than fits into the buffer between, so that libcurl has to wait. */
static void slow_taker_makes_the_peer_wait_and_misses_nothing(void **state) {
    struct bench b;
    struct http_reply r;

    (void)state;
    bench_open(&b, serve_large, 20000);
    for (int i = 0; i < 4; i++) {
        struct taker t = {.wait_for = 10};

        atomic_store(&chunks_written, 0);
        assert_ok(fetch(&b, &t, (struct http_call){.max_reply_bytes = LARGE + 1}, &r), &b.e);
        assert_int_equal(t.got, LARGE);
        assert_false(t.is_wrong);
    }
    bench_close(&b);
}

static void a_byte_over_the_limit_cuts_the_call(void **state) {
    struct bench b;
    struct http_reply r;
    struct taker t = {0};

    (void)state;
    bench_open(&b, serve_large, 20000);
    assert_ok(fetch(&b, &t, (struct http_call){.max_reply_bytes = LARGE - 1}, &r), &b.e);
    assert_int_equal(r.phase, HTTP_CUT);
    assert_true(t.got < LARGE);
    bench_close(&b);
}

static void taker_that_fails_ends_the_call_with_its_reason(void **state) {
    struct bench b;
    struct http_reply r;
    struct taker t = {.stop_after = CHUNK_BYTES};

    (void)state;
    bench_open(&b, serve_large, 20000);
    assert_int_equal(fetch(&b, &t, (struct http_call){.max_reply_bytes = LARGE}, &r),
                     ST_UNAVAILABLE);
    assert_string_equal(b.e.message, "the disk is full");
    assert_true(t.got < LARGE);
    bench_close(&b);
}

static void half_a_body_is_cut(void **state) {
    struct bench b;
    struct http_reply r;
    struct taker t = {0};

    (void)state;
    bench_open(&b, serve_half, 20000);
    assert_ok(fetch(&b, &t, (struct http_call){.max_reply_bytes = LARGE}, &r), &b.e);
    assert_int_equal(r.phase, HTTP_CUT);
    assert_int_equal(t.got, LARGE / 2);
    bench_close(&b);
}

static void stalled_download_is_cut_long_before_its_time_is_over(void **state) {
    struct bench b;
    struct http_reply r;
    struct taker t = {0};
    int64_t began_ms = clock_mono_ms();

    (void)state;
    bench_open(&b, serve_stall, 20000);
    assert_ok(
        fetch(&b, &t,
              (struct http_call){.max_reply_bytes = LARGE, .timeout_ms = 60000, .stall_ms = 1000},
              &r),
        &b.e);
    assert_int_equal(r.phase, HTTP_CUT);
    assert_in_range(clock_mono_ms() - began_ms, 0, 30000);
    fake_release(&b.peer);
    bench_close(&b);
}

static void refusal_keeps_its_body_in_the_reply(void **state) {
    struct bench b;
    struct http_reply r;
    struct taker t = {0};

    (void)state;
    bench_open(&b, serve_refusal, 20000);
    assert_ok(fetch(&b, &t, (struct http_call){0}, &r), &b.e);
    assert_int_equal(r.status, 404);
    assert_str(r.body, "nope");
    assert_int_equal(t.got, 0);
    bench_close(&b);
}

static void redirects_body_is_not_given_away(void **state) {
    struct bench b;
    struct http_reply r;
    struct taker t = {0};

    (void)state;
    bench_open(&b, serve_redirect, 20000);
    assert_ok(fetch(&b, &t, (struct http_call){.max_redirects = 1}, &r), &b.e);
    assert_int_equal(r.status, 200);
    assert_int_equal(t.got, 3);
    assert_false(t.is_wrong);
    bench_close(&b);
}

static void closed_gate_and_bad_url_come_back_as_from_a_call(void **state) {
    struct bench b;
    struct http_reply r;
    struct taker t = {0};
    struct http_call call = {.method = "GET", .url = STR("ftp://x/"), .reach = REACH_MACHINE};

    (void)state;
    bench_open(&b, serve_refusal, 20000);
    assert_int_equal(httpc_fetch(b.h, &b.a, &call, (struct httpc_sink){take, &t}, &r, &b.e),
                     ST_INVALID);
    assert_string_equal(b.e.cause, "url-malformed");
    httpc_set_gate(b.h, GATE_OFF);
    call.url = fake_url(&b.a, &b.peer, "/");
    call.reach = REACH_REPLY;
    err_clear(&b.e);
    assert_int_equal(httpc_fetch(b.h, &b.a, &call, (struct httpc_sink){take, &t}, &r, &b.e),
                     ST_DENIED);
    bench_close(&b);
}

struct stopping {
    struct bench b;
    struct taker t;
    struct http_reply r;
    enum status st;
};

static void *fetch_slowly(void *ctx) {
    struct stopping *s = ctx;

    s->t.release = &s->b.peer;
    s->st = fetch(&s->b, &s->t, (struct http_call){.max_reply_bytes = LARGE}, &s->r);
    return NULL;
}

static void serve_and_hold(struct fake *f, int fd, unsigned nth) {
    (void)nth;
    if (!fake_read(f, fd))
        return;
    fake_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4194304\r\n\r\n");
    write_chunks(fd, 1);
    (void)fake_read(f, fd);
}

static void stop_ends_a_download_under_way(void **state) {
    struct stopping s;
    pthread_t thread;

    (void)state;
    bench_open(&s.b, serve_and_hold, 20000);
    s.t = (struct taker){0};
    assert_int_equal(pthread_create(&thread, NULL, fetch_slowly, &s), 0);
    fake_hold(&s.b.peer); /* until the first piece is here */
    httpc_stop(s.b.h);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(s.r.phase, HTTP_CUT);
    fake_stop(&s.b.peer);
    arena_done(&s.b.a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(body_arrives_whole_and_in_order),
        cmocka_unit_test(slow_taker_makes_the_peer_wait_and_misses_nothing),
        cmocka_unit_test(a_byte_over_the_limit_cuts_the_call),
        cmocka_unit_test(taker_that_fails_ends_the_call_with_its_reason),
        cmocka_unit_test(half_a_body_is_cut),
        cmocka_unit_test(stalled_download_is_cut_long_before_its_time_is_over),
        cmocka_unit_test(refusal_keeps_its_body_in_the_reply),
        cmocka_unit_test(redirects_body_is_not_given_away),
        cmocka_unit_test(closed_gate_and_bad_url_come_back_as_from_a_call),
        cmocka_unit_test(stop_ends_a_download_under_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
