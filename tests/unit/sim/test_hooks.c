/* test_hooks.c - what the simulator tells prosa: statuses, customers' messages, signed, repeated.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/sim/rig.h"

#define ANA "\"from\":\"5531955550789\",\"name\":\"Ana\""
#define TEXT                                                                                       \
    "{\"messaging_product\":\"whatsapp\",\"to\":\"+5511955550123\",\"type\":\"text\","             \
    "\"text\":{\"body\":\"oi\"},\"biz_opaque_callback_data\":\"job:1\"}"

static void behave(struct rig *g, const char *knobs) {
    (void)rig_post(g, "/sim/behaviour", knobs);
    assert_int_equal(g->reply.status, 200);
}

/* --- statuses ------------------------------------------------------------------------------- */

static void statuses_follow_an_accepted_send(void **state) {
    static const char *const words[] = {"sent", "delivered", "read"};
    struct rig g;
    const struct json *v;
    struct str wamid;

    (void)state;
    rig_open(&g);
    behave(&g, "{\"window\":\"off\",\"status_delay_ms\":10}");
    v = rig_send(&g, TEXT);
    wamid = json_str(json_get(json_at(json_get(v, "messages"), 0), "id"));
    for (unsigned i = 0; i < 3; i++) {
        v = rig_status(&g, i, 0);
        assert_true(rig_is(v, "status", words[i]));
        assert_true(str_eq(json_str(json_get(v, "id")), wamid));
        assert_true(rig_is(v, "recipient_id", "5511955550123"));
        assert_true(rig_is(v, "biz_opaque_callback_data", "job:1"));
        assert_int_equal(json_type(json_get(v, "timestamp")), JSON_STRING);
        assert_int_equal(json_get(v, "pricing") != NULL, i < 2);
    }
    assert_true(rig_is(json_get(rig_hook(&g, 0), "metadata"), "phone_number_id", SENDER));
    rig_close(&g);
}

static void statuses_can_be_muted_batched_and_failed(void **state) {
    struct rig g;
    const struct json *v;

    (void)state;
    rig_open(&g);
    behave(&g, "{\"window\":\"off\",\"status_delay_ms\":0,\"batch\":4,\"batch_wait_ms\":60000,"
               "\"mute_statuses\":[\"sent\"]}");
    (void)rig_send(&g, TEXT);
    (void)rig_send(&g, TEXT);
    assert_int_equal(json_len(json_get(rig_hook(&g, 0), "statuses")), 4);
    for (size_t i = 0; i < 4; i++)
        assert_false(rig_is(rig_status(&g, 0, i), "status", "sent"));
    behave(&g, "{\"batch\":1,\"failed_rate\":1,\"failed_code\":131049}");
    (void)rig_send(&g, TEXT);
    v = rig_status(&g, 1, 0);
    assert_true(rig_is(v, "status", "failed"));
    v = json_at(json_get(v, "errors"), 0);
    assert_int_equal(json_i64(json_get(v, "code"), 0), 131049);
    assert_true(json_str(json_get(v, "title")).len > 0);
    rig_close(&g);
}

static void closed_window_can_fail_as_a_status(void **state) {
    struct rig g;

    (void)state;
    rig_open(&g);
    behave(&g, "{\"window\":\"status\",\"status_delay_ms\":0}");
    assert_int_equal(rig_code(rig_send(&g, TEXT)), -1);
    assert_int_equal(
        json_i64(json_get(json_at(json_get(rig_status(&g, 0, 0), "errors"), 0), "code"), 0),
        131047);
    rig_close(&g);
}

static void a_refused_webhook_is_posted_again(void **state) {
    struct rig g;
    const struct json *v;

    (void)state;
    rig_open(&g);
    behave(&g, "{\"retry_first_ms\":1}");
    g.refuse = 3;
    v = rig_post(&g, "/sim/customer", "{" ANA ",\"text\":\"oi\"}");
    assert_true(json_bool(json_get(v, "acknowledged"), false));
    for (unsigned i = 0; i < 4; i++)
        assert_true(str_eq(json_str(json_get(rig_message(&g, i, 0), "id")),
                           json_str(json_at(json_get(v, "ids"), 0))));
    v = rig_get(&g, "/sim/stats");
    assert_int_equal(json_i64(json_get(v, "webhooks_refused"), -1), 3);
    assert_int_equal(json_i64(json_get(v, "webhooks_acknowledged"), -1), 1);
    rig_close(&g);
}

static void an_acknowledged_webhook_can_come_twice(void **state) {
    struct rig g;

    (void)state;
    rig_open(&g);
    behave(&g, "{\"duplicate_rate\":1}");
    (void)rig_post(&g, "/sim/customer", "{" ANA ",\"text\":\"oi\"}");
    (void)rig_hook(&g, 1); /* and no third: a twin has no twin */
    assert_string_equal(g.bodies[0], g.bodies[1]);
    rig_close(&g);
}

static void nobody_listening_is_told(void **state) {
    struct rig g;
    const struct json *v;

    (void)state;
    rig_open(&g);
    sim_set_webhook(g.sim, STR_EMPTY, STR_EMPTY);
    v = rig_post(&g, "/sim/customer", "{" ANA ",\"text\":\"oi\"}");
    assert_int_equal(g.reply.status, 200);
    assert_false(json_bool(json_get(v, "acknowledged"), true));
    rig_close(&g);
}

static void pending_webhooks_do_not_hold_up_the_stop(void **state) {
    struct rig g;

    (void)state;
    rig_open(&g);
    behave(&g, "{\"retry_first_ms\":60000,\"retry_max_ms\":60000}");
    g.refuse = 100;
    (void)rig_post(&g, "/sim/customer", "{" ANA ",\"text\":\"oi\",\"wait_ms\":0}");
    (void)rig_hook(&g, 0);
    rig_close(&g);
}

/* --- customers ------------------------------------------------------------------------------ */

static void a_text_looks_like_metas(void **state) {
    struct rig g;
    const struct json *v;

    (void)state;
    rig_open(&g);
    (void)rig_post(&g, "/sim/customer",
                   "{" ANA ",\"text\":\"Cora\xc3\xa7\xc3\xa3o \xf0\x9f\x98\x80 a/b\"}");
    v = rig_hook(&g, 0);
    assert_true(rig_is(v, "messaging_product", "whatsapp"));
    assert_true(rig_is(json_at(json_get(v, "contacts"), 0), "wa_id", "553155550789"));
    assert_true(
        rig_is(json_path(json_at(json_get(v, "contacts"), 0), "profile", NULL), "name", "Ana"));
    v = rig_message(&g, 0, 0);
    assert_true(rig_is(v, "from", "553155550789"));
    assert_true(rig_is(v, "type", "text"));
    assert_true(rig_is(json_get(v, "text"), "body", "Cora\xc3\xa7\xc3\xa3o \xf0\x9f\x98\x80 a/b"));
    assert_non_null(strstr(g.bodies[0], "Cora\\u00e7\\u00e3o \\ud83d\\ude00 a\\/b"));
    rig_close(&g);
}

static void names_without_a_number_have_a_user_id(void **state) {
    struct rig g;
    const struct json *v;

    (void)state;
    rig_open(&g);
    (void)rig_post(&g, "/sim/customer", "{\"user_id\":\"BR.1234567890\",\"text\":\"oi\"}");
    v = rig_message(&g, 0, 0);
    assert_null(json_get(v, "from"));
    assert_true(rig_is(v, "from_user_id", "BR.1234567890"));
    v = json_at(json_get(rig_hook(&g, 0), "contacts"), 0);
    assert_null(json_get(v, "wa_id"));
    assert_true(rig_is(v, "user_id", "BR.1234567890"));
    rig_close(&g);
}

static void taps_name_the_message_they_answer(void **state) {
    struct rig g;
    const struct json *v;
    struct str wamid;

    (void)state;
    rig_open(&g);
    behave(&g, "{\"mute_statuses\":[\"sent\",\"delivered\",\"read\"]}");
    (void)rig_post(&g, "/sim/customer", "{" ANA ",\"text\":\"oi\"}");
    v = rig_send(&g, "{\"messaging_product\":\"whatsapp\",\"to\":\"+5531955550789\",\"type\":"
                     "\"interactive\",\"interactive\":{\"type\":\"list\",\"body\":{\"text\":\"b\"},"
                     "\"action\":{\"button\":\"ver\",\"sections\":[{\"rows\":[{\"id\":\"r1\","
                     "\"title\":\"Um\"}]}]}}}");
    wamid = json_str(json_get(json_at(json_get(v, "messages"), 0), "id"));
    (void)rig_post(&g, "/sim/customer",
                   "{" ANA ",\"list_reply\":{\"id\":\"r1\",\"title\":\"Um\"}}");
    v = rig_message(&g, 1, 0);
    assert_true(rig_is(v, "type", "interactive"));
    assert_true(rig_is(json_get(v, "interactive"), "type", "list_reply"));
    assert_true(rig_is(json_path(v, "interactive", "list_reply", NULL), "id", "r1"));
    assert_true(str_eq(json_str(json_path(v, "context", "id", NULL)), wamid));
    (void)rig_send(&g, "{\"messaging_product\":\"whatsapp\",\"to\":\"+5531955550789\",\"type\":"
                       "\"template\",\"template\":{\"name\":\"lembrete_visita\",\"language\":"
                       "{\"code\":\"pt_BR\"},\"components\":[{\"type\":\"body\",\"parameters\":["
                       "{\"type\":\"text\",\"text\":\"Ana\"},{\"type\":\"text\",\"text\":\"9h\"}]},"
                       "{\"type\":\"button\",\"sub_type\":\"quick_reply\",\"index\":\"0\","
                       "\"parameters\":[{\"type\":\"payload\",\"payload\":\"YES\"}]}]}}");
    (void)rig_post(&g, "/sim/customer",
                   "{" ANA ",\"button_reply\":{\"id\":\"YES\",\"title\":\"Confirmar\"}}");
    v = rig_message(&g, 2, 0);
    assert_true(rig_is(v, "type", "button"));
    assert_true(rig_is(json_get(v, "button"), "payload", "YES"));
    assert_true(rig_is(json_get(v, "button"), "text", "Confirmar"));
    rig_close(&g);
}

static void media_can_be_fetched(void **state) {
    static const char *const kinds[] = {"image", "audio", "video", "document", "sticker"};
    struct rig g;

    (void)state;
    rig_open(&g);
    for (unsigned i = 0; i < ARRAY_LEN(kinds); i++) {
        const struct json *v;
        struct str id;

        (void)rig_post(&g, "/sim/customer",
                       arena_printf(&g.a, "{" ANA ",\"type\":\"%s\"}", kinds[i]).ptr);
        v = rig_message(&g, i, 0);
        assert_true(rig_is(v, "type", kinds[i]));
        id = json_str(json_path(v, kinds[i], "id", NULL));
        assert_true(json_str(json_path(v, kinds[i], "sha256", NULL)).len > 0);
        v = rig_get(&g, arena_printf(&g.a, "/v26.0/%.*s", STR_ARG(id)).ptr);
        assert_true(str_eq(json_str(json_get(v, "id")), id));
    }
    rig_close(&g);
}

static void any_message_can_be_given_whole(void **state) {
    struct rig g;
    const struct json *v;

    (void)state;
    rig_open(&g);
    (void)rig_post(&g, "/sim/customer",
                   "{" ANA ",\"message\":{\"type\":\"location\",\"id\":\"mine\",\"location\":"
                   "{\"latitude\":-23.5,\"longitude\":-46.6}}}");
    v = rig_message(&g, 0, 0);
    assert_true(rig_is(v, "type", "location"));
    assert_false(rig_is(v, "id", "mine"));
    assert_true(json_real(json_path(v, "location", "latitude", NULL), 0) < -23);
    rig_close(&g);
}

static void a_burst_comes_in_batches(void **state) {
    struct rig g;
    const struct json *v;

    (void)state;
    rig_open(&g);
    v = rig_post(&g, "/sim/customer", "{" ANA ",\"text\":\"oi\",\"burst\":5,\"batch\":2}");
    assert_int_equal(json_len(json_get(v, "ids")), 5);
    assert_true(json_bool(json_get(v, "acknowledged"), false));
    assert_int_equal(json_len(json_get(rig_hook(&g, 0), "messages")) +
                         json_len(json_get(rig_hook(&g, 1), "messages")) +
                         json_len(json_get(rig_hook(&g, 2), "messages")),
                     5);
    rig_close(&g);
}

static void nonsense_is_refused(void **state) {
    static const char *const bodies[] = {
        "{}",
        "[]",
        "x",
        "{\"from\":\"abc\",\"text\":\"oi\"}",
        "{" ANA "}",
        "{" ANA ",\"text\":\"\"}",
        "{" ANA ",\"text\":\"oi\",\"burst\":0}",
        "{" ANA ",\"type\":\"image\",\"base64\":\"?\"}",
    };
    struct rig g;

    (void)state;
    rig_open(&g);
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        (void)rig_post(&g, "/sim/customer", bodies[i]);
        assert_int_equal(g.reply.status, 400);
    }
    (void)rig_post(&g, "/sim/behaviour", "{\"status_delay_ms\":5,\"no_such_knob\":1}");
    assert_int_equal(g.reply.status, 400);
    (void)rig_post(&g, "/sim/behaviour", "{\"error_rate\":1.5}");
    assert_int_equal(g.reply.status, 400);
    assert_int_equal(json_i64(json_get(rig_get(&g, "/sim/behaviour"), "status_delay_ms"), -1), 150);
    rig_close(&g);
}

/* --- phones --------------------------------------------------------------------------------- */

static void the_phone_shows_both_sides(void **state) {
    struct rig g;
    const struct json *v, *m;
    struct str first;

    (void)state;
    rig_open(&g);
    behave(&g, "{\"status_delay_ms\":1}");
    v = rig_post(&g, "/sim/customer", "{" ANA ",\"text\":\"oi\"}");
    first = json_str(json_at(json_get(v, "ids"), 0));
    (void)rig_send(&g,
                   "{\"messaging_product\":\"whatsapp\",\"to\":\"+5531955550789\",\"type\":"
                   "\"interactive\",\"interactive\":{\"type\":\"button\",\"body\":{\"text\":"
                   "\"Escolha\"},\"footer\":{\"text\":\"f\"},\"action\":{\"buttons\":[{\"type\":"
                   "\"reply\",\"reply\":{\"id\":\"a\",\"title\":\"A\"}}]}}}");
    (void)rig_hook(&g, 3); /* its three statuses have been told */
    (void)rig_send(&g,
                   arena_printf(&g.a,
                                "{\"messaging_product\":\"whatsapp\",\"status\":\"read\","
                                "\"message_id\":\"%.*s\",\"typing_indicator\":{\"type\":\"text\"}}",
                                STR_ARG(first))
                       .ptr);
    assert_true(g.reply.status == 200);
    v = rig_get(&g, "/sim/phone?number=5531955550789");
    assert_true(str_eq(http_reply_header(&g.reply, "access-control-allow-origin"),
                       STR("http://localhost:5173")));
    assert_true(json_bool(json_get(v, "typing"), false));
    assert_int_equal(json_len(json_get(v, "messages")), 2);
    m = json_at(json_get(v, "messages"), 0);
    assert_true(rig_is(m, "direction", "in") && rig_is(m, "text", "oi"));
    assert_true(rig_is(m, "status", "read"));
    m = json_at(json_get(v, "messages"), 1);
    assert_true(rig_is(m, "direction", "out") && rig_is(m, "text", "Escolha"));
    assert_true(rig_is(m, "status", "read") && rig_is(m, "type", "buttons"));
    assert_true(rig_is(json_at(json_path(m, "content", "buttons", NULL), 0), "id", "a"));
    assert_true(rig_is(json_get(m, "content"), "footer", "f"));
    rig_close(&g);
}

static void *write_as_customer(void *ctx) {
    (void)rig_post(ctx, "/sim/customer", "{" ANA ",\"text\":\"oi\"}");
    return NULL;
}

static void a_watcher_hears_of_a_change(void **state) {
    struct rig g, customer;
    const struct json *v;
    pthread_t thread;

    (void)state;
    rig_open(&g);
    customer = rig_twin(&g);
    v = rig_get(&g, "/sim/phone/events?number=5531955550789&after=0&wait_ms=5");
    assert_int_equal(json_i64(json_get(v, "seq"), -1), 0); /* nothing happened */
    assert_int_equal(pthread_create(&thread, NULL, write_as_customer, &customer), 0);
    v = rig_get(&g, "/sim/phone/events?number=5531955550789&after=0&wait_ms=20000");
    assert_true(json_i64(json_get(v, "seq"), -1) > 0);
    assert_int_equal(json_len(json_get(v, "messages")), 1);
    (void)pthread_join(thread, NULL);
    rig_twin_done(&customer);
    rig_close(&g);
}

static void *watch_for_long(void *ctx) {
    (void)rig_get(ctx, "/sim/phone/events?number=5531955550789&after=0&wait_ms=60000");
    return NULL;
}

static void stop_answers_who_watches(void **state) {
    struct rig g, watcher;
    pthread_t thread;

    (void)state;
    rig_open(&g);
    watcher = rig_twin(&g);
    (void)rig_get(&g, "/sim/phone?number=5531955550789");
    assert_int_equal(pthread_create(&thread, NULL, watch_for_long, &watcher), 0);
    while (json_i64(json_get(rig_get(&g, "/sim/stats"), "watchers"), 0) == 0)
        continue;
    sim_stop(g.sim);
    g.sim = NULL;
    (void)pthread_join(thread, NULL);
    assert_int_equal(watcher.reply.status, 200);
    rig_twin_done(&watcher);
    rig_close(&g);
}

static void other_origins_read_nothing(void **state) {
    static const struct {
        const char *origin;
        bool is_allowed;
    } rows[] = {
        {"http://127.0.0.1:8080", true},
        {"http://[::1]:3000", true},
        {"https://localhost", true},
        {"https://evil.test", false},
        {"http://localhost.evil.test", false},
        {"http://127.0.0.1.evil.test", false},
        {"null", false},
    };
    struct rig g;

    (void)state;
    rig_open(&g);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_call c = {.method = "OPTIONS", .reach = REACH_MACHINE};
        struct err e = ERR_INIT;

        c.url = arena_printf(&g.a, "%.*s/sim/customer", STR_ARG(sim_address(g.sim)));
        http_call_header(&c, STR("Origin"), str_of(rows[i].origin));
        assert_int_equal(httpc_call(g.client, &g.a, &c, &g.reply, &e), ST_OK);
        assert_int_equal(g.reply.status, 204);
        assert_int_equal(http_reply_header(&g.reply, "access-control-allow-origin").len > 0,
                         rows[i].is_allowed);
    }
    rig_close(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statuses_follow_an_accepted_send),
        cmocka_unit_test(statuses_can_be_muted_batched_and_failed),
        cmocka_unit_test(closed_window_can_fail_as_a_status),
        cmocka_unit_test(a_refused_webhook_is_posted_again),
        cmocka_unit_test(an_acknowledged_webhook_can_come_twice),
        cmocka_unit_test(nobody_listening_is_told),
        cmocka_unit_test(pending_webhooks_do_not_hold_up_the_stop),
        cmocka_unit_test(a_text_looks_like_metas),
        cmocka_unit_test(names_without_a_number_have_a_user_id),
        cmocka_unit_test(taps_name_the_message_they_answer),
        cmocka_unit_test(media_can_be_fetched),
        cmocka_unit_test(any_message_can_be_given_whole),
        cmocka_unit_test(a_burst_comes_in_batches),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(the_phone_shows_both_sides),
        cmocka_unit_test(a_watcher_hears_of_a_change),
        cmocka_unit_test(stop_answers_who_watches),
        cmocka_unit_test(other_origins_read_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
