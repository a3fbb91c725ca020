/* test_ws.c - what ws.h promises, by a hand-written client that can also break the rules.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/httpd/client.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "ws/ws.h"

enum { FIN = 0x80, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10, MINUTE_MS = 60 * 1000 };

struct app {
    struct ws *ws;
    sem_t opened, closed, freed;
    struct ws_conn *_Atomic last; /* referenced by opened() */
};

static struct app app;
static struct httpd *server;

static void sem_take(sem_t *s) {
    while (sem_wait(s) != 0)
        continue;
}

static void on_opened(void *ctx, struct ws_conn *c) {
    struct app *a = ctx;

    atomic_store(&a->last, ws_ref(c));
    (void)sem_post(&a->opened);
}

/* "close" closes, "flood" fills the queue of a peer that does not read, anything else comes
 * back. */
static void on_text(void *ctx, struct ws_conn *c, struct str message) {
    static char noise[8192];

    (void)ctx;
    if (str_eq(message, STR("close"))) {
        ws_close(c, 1008, STR("as you wish"));
    } else if (str_eq(message, STR("flood"))) {
        memset(noise, 'x', sizeof(noise));
        while (ws_send_text(c, (struct str){.ptr = noise, .len = sizeof(noise)}))
            continue;
    } else {
        (void)ws_send_text(c, message);
    }
}

static void on_closed(void *ctx, struct ws_conn *c) {
    struct app *a = ctx;

    (void)c;
    (void)sem_post(&a->closed);
}

static void on_freed(void *user) {
    (void)sem_post(&((struct app *)user)->freed);
}

static enum status get_live(struct app *a, struct req *r, struct resp *ret, struct err *e) {
    static const struct ws_events events = {
        .opened = on_opened, .text = on_text, .closed = on_closed};

    return ws_accept(a->ws, r, &events, a, a, on_freed, ret, e);
}

static const struct route routes[] = {
    {.method = HTTP_GET, .path = "/live", .handler = get_live, .flags = ROUTE_UPGRADE},
};

static void start_with(struct ws_options ws_options) {
    struct httpd_options options = {.routes = routes, .n_routes = ARRAY_LEN(routes), .app = &app};
    struct err e = ERR_INIT;

    app = (struct app){0};
    (void)sem_init(&app.opened, 0, 0);
    (void)sem_init(&app.closed, 0, 0);
    (void)sem_init(&app.freed, 0, 0);
    assert_ok(ws_start(ws_options, &app.ws, &e), &e);
    server = server_start(options);
}

static int setup(void **state) {
    (void)state;
    log_setup(LOG_ERROR, LOG_LOGFMT);
    start_with((struct ws_options){.max_message_bytes = 1000,
                                   .max_queued_bytes = 64 << 10,
                                   .ping_every_ms = MINUTE_MS,
                                   .max_connections = 3});
    return 0;
}

static int teardown(void **state) {
    (void)state;
    if (app.ws)
        ws_stop(app.ws);
    httpd_stop(server, 1000);
    return 0;
}

#define HANDSHAKE                                                                                  \
    "GET /live HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\n"                              \
    "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"                             \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static struct client ws_open(struct str and_bytes) {
    struct client c = client_open(server);
    struct reply r;

    client_send(&c, STR(HANDSHAKE "\r\n"));
    client_send(&c, and_bytes);
    assert_true(client_try_reply(&c, true, &r));
    assert_int_equal(r.status, 101);
    assert_str(reply_get(&r, "Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    client_consume(&c, &r);
    return c;
}

/* A masked frame into b. */
static void put_frame(struct buf *b, uint8_t first, struct str payload) {
    static const uint8_t mask[4] = {1, 2, 3, 4};

    buf_add_char(b, (char)first);
    if (payload.len < 126) {
        buf_add_char(b, (char)(0x80 | payload.len));
    } else {
        assert_true(payload.len < 65536);
        buf_add_char(b, (char)(0x80 | 126));
        buf_add_char(b, (char)(payload.len >> 8));
        buf_add_char(b, (char)payload.len);
    }
    buf_add(b, (struct str){.ptr = (const char *)mask, .len = sizeof(mask)});
    for (size_t i = 0; i < payload.len; i++)
        buf_add_char(b, (char)(payload.ptr[i] ^ mask[i % 4]));
}

static void send_frame(struct client *c, uint8_t first, struct str payload) {
    ATTR_CLEANUP(buf_done_p) struct buf b;

    buf_init(&b, 1 << 20);
    put_frame(&b, first, payload);
    client_send(c, buf_str(&b));
}

struct frame {
    uint8_t first;
    struct str payload;
    size_t size;
};

static uint64_t big_endian(const char *p, size_t n) {
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++)
        v = v << 8 | (uint8_t)p[i];
    return v;
}

static bool parse_frame(struct str s, struct frame *ret) {
    size_t head = 2, len;

    if (s.len < 2)
        return false;
    len = (uint8_t)s.ptr[1];
    assert_true(len < 128); /* a server does not mask */
    head += len == 126 ? 2 : len == 127 ? 8 : 0;
    if (s.len < head)
        return false;
    if (head > 2)
        len = big_endian(s.ptr + 2, head - 2);
    *ret = (struct frame){
        .first = (uint8_t)s.ptr[0], .payload = str_sub(s, head, len), .size = head + len};
    return s.len >= ret->size;
}

/* The next frame, valid until the next call; false at the end of the stream. */
static bool next_frame(struct client *c, struct frame *ret) {
    static size_t consume;

    buf_consume(&c->in, consume < c->in.len ? consume : 0);
    consume = 0;
    while (!parse_frame(buf_str(&c->in), ret)) {
        if (!client_receive(c))
            return false;
    }
    return true;
}

static void drop_frame(struct client *c, const struct frame *f) {
    buf_consume(&c->in, f->size);
}

static void assert_text(struct client *c, const char *want) {
    struct frame f;

    assert_true(next_frame(c, &f));
    assert_int_equal(f.first, FIN | TEXT);
    assert_str(f.payload, want);
    drop_frame(c, &f);
}

/* Skips what is before it. Code 0: none was given. */
static void assert_close(struct client *c, uint16_t code) {
    struct frame f;

    for (;;) {
        assert_true(next_frame(c, &f));
        if (f.first == (FIN | CLOSE))
            break;
        drop_frame(c, &f);
    }
    assert_int_equal(f.payload.len >= 2 ? big_endian(f.payload.ptr, 2) : 0, code);
    drop_frame(c, &f);
}

/* Answers a close, reads to the end and leaves; the server then lets go of everything. */
static void ws_leave(struct client *c) {
    (void)client_try_send(c, STR("\x88\x80\x01\x02\x03\x04"));
    while (client_receive(c))
        buf_clear(&c->in);
    client_close(c);
    sem_take(&app.closed);
    ws_unref(atomic_exchange(&app.last, NULL));
    sem_take(&app.freed);
}

static void text_comes_back_whole_or_in_fragments(void **state) {
    struct client c = ws_open(STR(""));

    (void)state;
    sem_take(&app.opened);
    assert_ptr_equal(ws_user(atomic_load(&app.last)), &app);
    send_frame(&c, FIN | TEXT, STR("ol\xC3\xA1"));
    assert_text(&c, "ol\xC3\xA1");
    send_frame(&c, TEXT, STR("one \xC3"));
    send_frame(&c, FIN | PING, STR("in between"));
    send_frame(&c, FIN, STR("\xA1 two"));
    {
        struct frame f;

        assert_true(next_frame(&c, &f));
        assert_int_equal(f.first, FIN | PONG);
        assert_str(f.payload, "in between");
        drop_frame(&c, &f);
    }
    assert_text(&c, "one \xC3\xA1 two");
    send_frame(&c, FIN | TEXT, STR(""));
    assert_text(&c, "");
    send_frame(&c, FIN | CLOSE,
               STR("\x03\xe8"
                   "bye"));
    assert_close(&c, 1000);
    ws_leave(&c);
}

static void bytes_sent_with_the_handshake_are_read_first(void **state) {
    ATTR_CLEANUP(buf_done_p) struct buf b;
    struct client c;

    (void)state;
    buf_init(&b, 1000);
    put_frame(&b, FIN | TEXT, STR("eager"));
    buf_add_char(&b, (char)(FIN | TEXT)); /* and the first byte of another one */
    c = ws_open(buf_str(&b));
    assert_text(&c, "eager");
    buf_clear(&b);
    put_frame(&b, FIN | TEXT, STR("rest"));
    client_send(&c, str_sub(buf_str(&b), 1, 100));
    assert_text(&c, "rest");
    ws_close(atomic_load(&app.last), 1000, STR(""));
    assert_close(&c, 1000);
    send_frame(&c, FIN | CLOSE, STR("\x03\xe8"));
    ws_leave(&c);
}

static void broken_rules_close_with_their_code(void **state) {
    static const struct {
        uint8_t first;
        struct str payload;
        uint16_t code;
    } cases[] = {
        {FIN | TEXT, {"\xff", 1}, 1007},      {FIN | TEXT, {"\xED\xA0\x80", 3}, 1007},
        {FIN | TEXT, {"half \xC3", 6}, 1007}, {FIN | BINARY, {"x", 1}, 1003},
        {FIN | 0x40 | TEXT, {"x", 1}, 1002},  {FIN | 3, {"x", 1}, 1002},
        {FIN, {"no start", 8}, 1002},         {PING, {"fragmented control", 18}, 0},
        {FIN | CLOSE, {"\x03\xed", 2}, 1002}, {FIN | CLOSE, {"\x03\xe8\xff", 3}, 1007},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct client c = ws_open(STR(""));

        send_frame(&c, cases[i].first, cases[i].payload);
        assert_close(&c, cases[i].code);
        ws_leave(&c);
    }
}

static void unmasked_frame_is_a_protocol_error(void **state) {
    struct client c = ws_open(STR("\x81\x01x"));

    (void)state;
    assert_close(&c, 1002);
    ws_leave(&c);
}

static void message_over_the_limit_closes_with_1009(void **state) {
    static char big[30000];
    struct client c = ws_open(STR(""));

    (void)state;
    memset(big, 'a', sizeof(big));
    send_frame(&c, FIN | TEXT, (struct str){.ptr = big, .len = 1000});
    {
        struct frame f;

        assert_true(next_frame(&c, &f));
        assert_int_equal(f.payload.len, 1000);
        drop_frame(&c, &f);
    }
    send_frame(&c, FIN | TEXT, (struct str){.ptr = big, .len = sizeof(big)});
    assert_close(&c, 1009);
    ws_leave(&c);
    c = ws_open(STR(""));
    send_frame(&c, TEXT, (struct str){.ptr = big, .len = 600}); /* the fragments together */
    send_frame(&c, FIN, (struct str){.ptr = big, .len = 600});
    assert_close(&c, 1009);
    ws_leave(&c);
}

static void peer_that_does_not_read_is_closed_with_1013(void **state) {
    struct client c = ws_open(STR(""));

    (void)state;
    sem_take(&app.opened);
    for (int i = 0; i < 2000; i++) { /* more than the kernel keeps for us, as its buffers grow */
        static char noise[8192];

        if (!ws_send_text(atomic_load(&app.last), (struct str){.ptr = noise, .len = sizeof(noise)}))
            break;
    }
    send_frame(&c, FIN | TEXT, STR("flood"));
    assert_false(ws_send_text(atomic_load(&app.last), STR("closed to more")));
    assert_close(&c, 1013);
    ws_leave(&c);
}

static void server_closes_with_code_and_reason(void **state) {
    struct client c = ws_open(STR(""));
    struct frame f;

    (void)state;
    send_frame(&c, FIN | TEXT, STR("close"));
    assert_true(next_frame(&c, &f));
    assert_int_equal(f.first, FIN | CLOSE);
    assert_str(str_sub(f.payload, 2, 100), "as you wish");
    drop_frame(&c, &f);
    send_frame(&c, FIN | CLOSE, STR("\x03\xf0"));
    ws_leave(&c);
}

static void peer_that_ignores_a_close_is_dropped(void **state) {
    struct client c = ws_open(STR(""));

    (void)state;
    send_frame(&c, FIN | TEXT, STR("close"));
    assert_close(&c, 1008);
    clock_shift_ms(MINUTE_MS / 2);
    assert_true(client_is_at_end(&c));
    ws_leave(&c);
    clock_shift_ms(0);
}

static void silent_peer_is_pinged_then_closed(void **state) {
    struct client c = ws_open(STR(""));
    struct frame f;

    (void)state;
    sem_take(&app.opened);
    clock_shift_ms(MINUTE_MS + 1);
    assert_true(next_frame(&c, &f));
    assert_int_equal(f.first, FIN | PING);
    drop_frame(&c, &f);
    send_frame(&c, FIN | PONG, STR(""));
    send_frame(&c, FIN | TEXT, STR("here")); /* its echo says that the pong was read */
    assert_text(&c, "here");
    clock_shift_ms(2 * MINUTE_MS + 2);
    assert_true(next_frame(&c, &f));
    assert_int_equal(f.first, FIN | PING);
    drop_frame(&c, &f);
    clock_shift_ms(3 * MINUTE_MS + 3);
    assert_close(&c, 1001);
    clock_shift_ms(4 * MINUTE_MS);
    ws_leave(&c);
    clock_shift_ms(0);
}

static void handshake_is_checked(void **state) {
    static const struct {
        const char *headers;
        unsigned status;
    } cases[] = {
        {"", 400},
        {"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n", 400},
        {"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: c2hvcnQ=\r\n",
         400},
        {"Upgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
         400},
        {"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
         426},
        {"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: https://evil.example\r\n",
         403},
        {"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: https://a.example\r\n",
         101},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ATTR_CLEANUP(arena_done_p) struct arena a = {0};

        assert_int_equal(
            server_ask(server, arena_printf(&a, "GET /live HTTP/1.1\r\nHost: a.example\r\n%s\r\n",
                                            cases[i].headers)),
            cases[i].status);
    }
    sem_take(&app.closed);
    ws_unref(atomic_exchange(&app.last, NULL));
}

static void connections_are_bounded(void **state) {
    struct client c[3];
    struct client refused;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        c[i] = ws_open(STR(""));
        sem_take(&app.opened);
        ws_unref(atomic_exchange(&app.last, NULL));
    }
    refused = client_open(server);
    assert_int_equal(client_ask(&refused, STR(HANDSHAKE "\r\n")), 429);
    client_close(&refused);
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        client_close(&c[i]);
        sem_take(&app.freed);
    }
    c[0] = ws_open(STR(""));
    client_close(&c[0]);
    sem_take(&app.opened);
    ws_unref(atomic_exchange(&app.last, NULL));
}

static void stop_says_going_away(void **state) {
    struct client c = ws_open(STR(""));
    struct ws *w = app.ws;
    struct ws_conn *held;
    pthread_t thread;

    (void)state;
    sem_take(&app.opened);
    app.ws = NULL;
    assert_int_equal(pthread_create(&thread, NULL, (void *(*)(void *))(void (*)(void))ws_stop, w),
                     0);
    assert_close(&c, 1001);
    send_frame(&c, FIN | CLOSE, STR("\x03\xe9"));
    while (client_receive(&c))
        buf_clear(&c.in);
    client_close(&c);
    assert_int_equal(pthread_join(thread, NULL), 0);
    held = atomic_exchange(&app.last, NULL); /* outlives the thread */
    assert_false(ws_send_text(held, STR("anybody?")));
    ws_close(held, 1000, STR(""));
    ws_unref(held);
    sem_take(&app.freed);
}

struct sending {
    pthread_t thread;
    struct ws_conn *to;
};

static void *send_main(void *ctx) {
    struct sending *s = ctx;

    for (int i = 0; i < 100; i++)
        (void)ws_send_text(s->to, STR("0123456789"));
    return NULL;
}

static void many_threads_may_send(void **state) {
    struct client c = ws_open(STR(""));
    struct sending senders[4];

    (void)state;
    sem_take(&app.opened);
    for (size_t i = 0; i < ARRAY_LEN(senders); i++) {
        senders[i].to = atomic_load(&app.last);
        assert_int_equal(pthread_create(&senders[i].thread, NULL, send_main, &senders[i]), 0);
    }
    for (int i = 0; i < 400; i++)
        assert_text(&c, "0123456789");
    for (size_t i = 0; i < ARRAY_LEN(senders); i++)
        assert_int_equal(pthread_join(senders[i].thread, NULL), 0);
    client_close(&c);
    sem_take(&app.closed);
    ws_unref(atomic_exchange(&app.last, NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(text_comes_back_whole_or_in_fragments, setup, teardown),
        cmocka_unit_test_setup_teardown(bytes_sent_with_the_handshake_are_read_first, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(broken_rules_close_with_their_code, setup, teardown),
        cmocka_unit_test_setup_teardown(unmasked_frame_is_a_protocol_error, setup, teardown),
        cmocka_unit_test_setup_teardown(message_over_the_limit_closes_with_1009, setup, teardown),
        cmocka_unit_test_setup_teardown(peer_that_does_not_read_is_closed_with_1013, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(server_closes_with_code_and_reason, setup, teardown),
        cmocka_unit_test_setup_teardown(peer_that_ignores_a_close_is_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(silent_peer_is_pinged_then_closed, setup, teardown),
        cmocka_unit_test_setup_teardown(handshake_is_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(connections_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(stop_says_going_away, setup, teardown),
        cmocka_unit_test_setup_teardown(many_threads_may_send, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
