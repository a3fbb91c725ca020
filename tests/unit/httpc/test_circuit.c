/* test_circuit.c - a peer that fails is left alone for a while.
 * SPDX-License-Identifier: Apache-2.0 */
#include "httpc/breaker.h"
#include "unit/httpc/bench.h"

static void serve_failure_until_released(struct fake *f, int fd, unsigned nth) {
    (void)nth;
    while (fake_read(f, fd)) {
        bool is_well;

        (void)pthread_mutex_lock(&f->lock);
        is_well = f->is_released;
        (void)pthread_mutex_unlock(&f->lock);
        fake_write(fd, is_well ? OK_REPLY : "HTTP/1.1 503 Down\r\nContent-Length: 0\r\n\r\n");
    }
}

static void circuit_opens_and_probes(void **state) {
    struct bench b;
    struct http_reply r;
    struct http_call c;

    (void)state;
    bench_open(&b, serve_failure_until_released);
    c = post(fake_url(&b.a, &b.peer, "/"), STR("x"));
    c.breaker = "peer";
    for (int i = 0; i < BREAKER_FAILURES; i++) {
        assert_int_equal(call(&b, &c, &r), ST_OK);
        assert_int_equal(r.status, 503);
    }
    assert_int_equal(call(&b, &c, &r), ST_UNAVAILABLE);
    assert_string_equal(b.e.cause, "breaker-open");
    assert_true(b.e.retry_after_ms > 0 && b.e.retry_after_ms <= BREAKER_PAUSE_MS);
    assert_int_equal(r.phase, HTTP_NOT_SENT);
    assert_int_equal(atomic_load(&b.peer.requests), BREAKER_FAILURES);
    clock_shift_ms(BREAKER_PAUSE_MS + 1);
    assert_int_equal(call(&b, &c, &r), ST_OK); /* the probe fails */
    assert_int_equal(call(&b, &c, &r), ST_UNAVAILABLE);
    fake_release(&b.peer);
    clock_shift_ms(4 * BREAKER_PAUSE_MS);
    assert_int_equal(call(&b, &c, &r), ST_OK);
    assert_int_equal(r.status, 200);
    assert_int_equal(call(&b, &c, &r), ST_OK);
    c.breaker = NULL; /* the host's own circuit is another one */
    assert_int_equal(call(&b, &c, &r), ST_OK);
    bench_close(&b);
}

static void unreachable_peer_opens_the_circuit(void **state) {
    struct bench b;
    struct http_reply r;
    struct http_call c;

    (void)state;
    bench_open(&b, serve_ok);
    c = post_to_nobody(&b);
    for (int i = 0; i < BREAKER_FAILURES; i++) {
        assert_int_equal(call(&b, &c, &r), ST_UNAVAILABLE);
        assert_string_equal(b.e.cause, "not-reachable");
    }
    assert_int_equal(call(&b, &c, &r), ST_UNAVAILABLE);
    assert_string_equal(b.e.cause, "breaker-open");
    bench_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(circuit_opens_and_probes),
        cmocka_unit_test(unreachable_peer_opens_the_circuit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
