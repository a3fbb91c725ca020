/* test_graph.c - the Graph API from outside: what is accepted, what is refused, what is remembered.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/sim/rig.h"

#define MESSAGE(type, rest)                                                                        \
    "{\"messaging_product\":\"whatsapp\",\"to\":\"+5511955550123\",\"type\":\"" type "\"," rest "}"
#define TEXT(body) MESSAGE("text", "\"text\":{\"body\":\"" body "\"}")

static void open_window(struct rig *g) {
    (void)rig_post(g, "/sim/behaviour", "{\"window\":\"off\",\"status_delay_ms\":0}");
    assert_int_equal(g->reply.status, 200);
}

static void accepted_send_is_answered_like_meta(void **state) {
    struct rig g;
    const struct json *v;

    (void)state;
    rig_open(&g);
    open_window(&g);
    v = rig_send(&g, "{\"messaging_product\":\"whatsapp\",\"to\":\"+5531955550789\","
                     "\"type\":\"text\",\"text\":{\"body\":\"oi\"}}");
    assert_int_equal(g.reply.status, 200);
    assert_true(rig_is(v, "messaging_product", "whatsapp"));
    assert_true(rig_is(json_at(json_get(v, "contacts"), 0), "input", "+5531955550789"));
    assert_true(rig_is(json_at(json_get(v, "contacts"), 0), "wa_id", "553155550789"));
    v = json_at(json_get(v, "messages"), 0);
    assert_true(str_starts(json_str(json_get(v, "id")), STR("wamid.")));
    assert_null(json_get(v, "message_status"));
    v = rig_send(&g, "{\"messaging_product\":\"whatsapp\",\"recipient\":\"BR.88112233445566778\","
                     "\"type\":\"text\",\"text\":{\"body\":\"oi\"}}");
    v = json_at(json_get(v, "contacts"), 0);
    assert_true(rig_is(v, "user_id", "BR.88112233445566778"));
    assert_null(json_get(v, "wa_id"));
    rig_close(&g);
}

static void wrong_bearer_is_190(void **state) {
    struct rig g;
    const struct json *v;

    (void)state;
    rig_open(&g);
    v = rig_ask(&g, "POST", "/v26.0/" SENDER "/messages", STR(TEXT("oi")), STR("other"));
    assert_int_equal(rig_code(v), 190);
    assert_int_equal(g.reply.status, 401);
    assert_true(rig_is(json_get(v, "error"), "type", "OAuthException"));
    v = rig_ask(&g, "POST", "/v26.0/" SENDER "/messages", STR(TEXT("oi")), STR_EMPTY);
    assert_int_equal(rig_code(v), 190);
    rig_close(&g);
}

#define X10  "xxxxxxxxxx"
#define X25  X10 X10 "xxxxx"
#define X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10
#define BUTTON(id, title)                                                                          \
    "{\"type\":\"reply\",\"reply\":{\"id\":\"" id "\",\"title\":\"" title "\"}}"
#define BUTTONS(list)                                                                              \
    MESSAGE("interactive", "\"interactive\":{\"type\":\"button\",\"body\":{\"text\":\"b\"},"       \
                           "\"action\":{\"buttons\":[" list "]}}")
#define ROW(id) "{\"id\":\"" id "\",\"title\":\"t\"}"
#define LIST(sections)                                                                             \
    MESSAGE("interactive", "\"interactive\":{\"type\":\"list\",\"body\":{\"text\":\"b\"},"         \
                           "\"action\":{\"button\":\"ver\",\"sections\":[" sections "]}}")
#define TEMPLATE(name, params)                                                                     \
    MESSAGE("template", "\"template\":{\"name\":\"" name "\",\"language\":{\"code\":\"pt_BR\"},"   \
                        "\"components\":[{\"type\":\"body\",\"parameters\":[" params "]}]}")
#define PARAM(text) "{\"type\":\"text\",\"text\":\"" text "\"}"

static void messages_are_checked_like_meta(void **state) {
    static const struct {
        int64_t code; /* -1: accepted */
        const char *body;
    } rows[] = {
        {100, "nonsense"},
        {100, "{}"},
        {100, "{\"messaging_product\":\"whatsapp\",\"type\":\"text\",\"text\":{\"body\":\"x\"}}"},
        {131009, "{\"messaging_product\":\"whatsapp\",\"to\":\"abc\",\"text\":{\"body\":\"x\"}}"},
        {131051, MESSAGE("pigeon", "\"pigeon\":{}")},
        {100, MESSAGE("text", "\"image\":{}")},
        {-1, TEXT("oi")},
        {-1,
         "{\"messaging_product\":\"whatsapp\",\"to\":\"5511955550123\",\"text\":{\"body\":\"x\"}}"},
        {131008, TEXT("")},
        {131008, MESSAGE("text", "\"text\":{}")},
        {100, MESSAGE("text", "\"text\":{\"body\":\"x\",\"preview_url\":\"yes\"}")},
        {100, MESSAGE("image", "\"image\":{}")},
        {100, MESSAGE("image", "\"image\":{\"id\":\"1\",\"link\":\"https://x.test/\"}")},
        {100, MESSAGE("image", "\"image\":{\"id\":\"404\"}")},
        {131009, MESSAGE("image", "\"image\":{\"link\":\"ftp://x.test/\"}")},
        {-1, MESSAGE("image", "\"image\":{\"link\":\"https://x.test/a.jpg\",\"caption\":\"c\"}")},
        {131009, MESSAGE("location", "\"location\":{\"latitude\":\"x\",\"longitude\":\"0\"}")},
        {-1, MESSAGE("location", "\"location\":{\"latitude\":\"-23.5\",\"longitude\":\"-46.6\"}")},
        {-1, MESSAGE("location", "\"location\":{\"latitude\":-23.5,\"longitude\":-46.6}")},
        {131008, MESSAGE("contacts", "\"contacts\":[{\"name\":{\"formatted_name\":\"A B\"}}]")},
        {-1, MESSAGE("contacts",
                     "\"contacts\":[{\"name\":{\"formatted_name\":\"A\",\"first_name\":\"A\"}}]")},
        {131008, MESSAGE("reaction", "\"reaction\":{\"emoji\":\"x\"}")},
        {-1, MESSAGE("reaction", "\"reaction\":{\"message_id\":\"wamid.x\",\"emoji\":\"\"}")},
        {131009, BUTTONS("")},
        {-1, BUTTONS(BUTTON("1", "a"))},
        {-1, BUTTONS(BUTTON("1", "a") "," BUTTON("2", "b") "," BUTTON("3", "c"))},
        {131009,
         BUTTONS(BUTTON("1", "a") "," BUTTON("2", "b") "," BUTTON("3", "c") "," BUTTON("4", "d"))},
        {131009, BUTTONS(BUTTON("1", "a") "," BUTTON("1", "b"))},
        {131009, BUTTONS(BUTTON("1", "a") "," BUTTON("2", "a"))},
        {131009, BUTTONS(BUTTON("1", X25))},
        {131008, LIST("{\"rows\":[]}")},
        {-1, LIST("{\"rows\":[" ROW("1") "," ROW("2") "]}")},
        {131009, LIST("{\"rows\":[" ROW("1") "," ROW("1") "]}")},
        {131008, LIST("{\"rows\":[" ROW("1") "]},{\"rows\":[" ROW("2") "]}")},
        {131009,
         LIST("{\"rows\":[" ROW("0") "," ROW("1") "," ROW("2") "," ROW("3") "," ROW("4") "," ROW(
             "5") "," ROW("6") "," ROW("7") "," ROW("8") "," ROW("9") "," ROW("10") "]}")},
        {132001, TEMPLATE("no_such", "")},
        {132000, TEMPLATE("lembrete_visita", "")},
        {132000, TEMPLATE("lembrete_visita", PARAM("Ana"))},
        {132000, TEMPLATE("lembrete_visita", PARAM("a") "," PARAM("b") "," PARAM("c"))},
        {132012, TEMPLATE("lembrete_visita", PARAM("a\\nb") "," PARAM("b"))},
        {-1, TEMPLATE("lembrete_visita", PARAM("Ana") "," PARAM("10h"))},
        {132000, TEMPLATE("boas_vindas", PARAM("Ana") "," PARAM("b"))},
        {-1, TEMPLATE("boas_vindas",
                      "{\"type\":\"text\",\"parameter_name\":\"nome\",\"text\":\"Ana\"}")},
        {132015, TEMPLATE("pausado", "")},
        {131009,
         MESSAGE("text", "\"text\":{\"body\":\"x\"},\"biz_opaque_callback_data\":\"" X100 X100 X100
                             X100 X100 X25 "\"")},
    };
    struct rig g;

    (void)state;
    rig_open(&g);
    open_window(&g);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t code = rig_code(rig_send(&g, rows[i].body));

        if (code != rows[i].code)
            fail_msg("%s: %lld, not %lld", rows[i].body, (long long)code, (long long)rows[i].code);
        assert_int_equal(g.reply.status == 200, code == -1);
    }
    rig_close(&g);
}

static void window_opens_when_the_customer_writes(void **state) {
    struct rig g;

    (void)state;
    rig_open(&g);
    assert_int_equal(rig_code(rig_send(&g, TEXT("oi"))), 131047);
    assert_int_equal(
        rig_code(rig_send(&g, TEMPLATE("lembrete_visita", PARAM("Ana") "," PARAM("10h")))), -1);
    assert_int_equal(rig_code(rig_send(&g, TEXT("oi"))), 131047);
    (void)rig_post(&g, "/sim/customer", "{\"from\":\"5511955550123\",\"text\":\"oi\"}");
    assert_int_equal(rig_code(rig_send(&g, TEXT("oi"))), -1);
    rig_close(&g);
}

static void sends_are_remembered_and_repeats_counted(void **state) {
    struct rig g;
    const struct json *v;

    (void)state;
    rig_open(&g);
    open_window(&g);
    for (int i = 0; i < 3; i++)
        (void)rig_send(&g, MESSAGE("text", "\"text\":{\"body\":\"a\"},"
                                           "\"biz_opaque_callback_data\":\"same\""));
    (void)rig_send(&g, TEXT("without"));
    (void)rig_send(&g, TEXT("without"));
    (void)rig_send(&g, "{}");
    v = rig_get(&g, "/sim/stats");
    assert_int_equal(json_i64(json_get(v, "accepted"), -1), 5);
    assert_int_equal(json_i64(json_get(v, "duplicates"), -1), 2);
    assert_int_equal(json_i64(json_get(v, "rejected"), -1), 1);
    assert_true(str_eq(json_str(json_at(json_get(v, "duplicate_correlations"), 0)), STR("same")));
    v = rig_get(&g, "/sim/sends?after=1&limit=2");
    assert_int_equal(json_i64(json_get(v, "last"), -1), 5);
    assert_int_equal(json_len(json_get(v, "sends")), 2);
    v = json_at(json_get(v, "sends"), 0);
    assert_int_equal(json_i64(json_get(v, "seq"), -1), 2);
    assert_true(rig_is(v, "phone_number_id", SENDER));
    assert_true(rig_is(v, "to", "+5511955550123"));
    assert_true(rig_is(v, "type", "text"));
    assert_true(rig_is(v, "text", "a"));
    assert_true(rig_is(v, "correlation", "same"));
    assert_true(rig_is(json_path(v, "body", "text", NULL), "body", "a"));
    (void)rig_post(&g, "/sim/reset", "{}");
    v = rig_get(&g, "/sim/stats");
    assert_int_equal(json_i64(json_get(v, "accepted"), -1), 0);
    rig_close(&g);
}

static void planned_failures_come_in_order(void **state) {
    struct rig g;

    (void)state;
    rig_open(&g);
    open_window(&g);
    (void)rig_post(&g, "/sim/behaviour",
                   "{\"fail_next\":[{\"code\":131056},{\"code\":2,\"http\":500,"
                   "\"retry_after_s\":3},{\"cut\":true}]}");
    assert_int_equal(rig_code(rig_send(&g, TEXT("a"))), 131056);
    assert_int_equal(g.reply.status, 429);
    assert_int_equal(rig_code(rig_send(&g, TEXT("a"))), 2);
    assert_int_equal(g.reply.status, 500);
    assert_int_equal(g.reply.retry_after_ms, 3000);
    (void)rig_send(&g, TEXT("a"));
    assert_int_equal(g.reply.phase, HTTP_CUT);
    assert_int_equal(rig_code(rig_send(&g, TEXT("a"))), -1);
    assert_int_equal(json_i64(json_get(rig_get(&g, "/sim/stats"), "accepted"), -1), 1);
    rig_close(&g);
}

static void a_send_can_be_accepted_and_its_answer_lost(void **state) {
    struct rig g;

    (void)state;
    rig_open(&g);
    open_window(&g);
    (void)rig_post(&g, "/sim/behaviour", "{\"cut_after_accept_rate\":1}");
    (void)rig_send(&g, TEXT("a"));
    assert_int_equal(g.reply.phase, HTTP_CUT);
    assert_int_equal(json_i64(json_get(rig_get(&g, "/sim/stats"), "accepted"), -1), 1);
    (void)rig_post(&g, "/sim/behaviour", "{\"cut_after_accept_rate\":0,\"accept_delay_ms\":30}");
    assert_int_equal(rig_code(rig_send(&g, TEXT("a"))), -1);
    assert_true(g.reply.took_ms >= 29);
    rig_close(&g);
}

static void *send_and_wait(void *ctx) {
    (void)rig_send(ctx, TEXT("a"));
    return NULL;
}

static void stop_cuts_a_stalled_send(void **state) {
    struct rig g, caller;
    pthread_t thread;
    int64_t stalled = 0;

    (void)state;
    rig_open(&g);
    caller = rig_twin(&g);
    (void)rig_post(&g, "/sim/behaviour", "{\"stall_rate\":1}");
    assert_int_equal(pthread_create(&thread, NULL, send_and_wait, &caller), 0);
    while (stalled == 0)
        stalled = json_i64(json_get(rig_get(&g, "/sim/stats"), "stalled"), 0);
    sim_stop(g.sim);
    g.sim = NULL;
    (void)pthread_join(thread, NULL);
    assert_int_equal(caller.reply.phase, HTTP_CUT);
    rig_twin_done(&caller);
    rig_close(&g);
}

static void media_go_up_and_come_down(void **state) {
    static const char body[] = "--B\r\nContent-Disposition: form-data; name=\"messaging_product\""
                               "\r\n\r\nwhatsapp\r\n--B\r\nContent-Disposition: form-data; "
                               "name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png"
                               "\r\n\r\n\x89PNG\r\n--A\r\n--B--\r\n";
    struct rig g;
    struct http_call c = {.method = "POST", .reach = REACH_MACHINE};
    const struct json *v = NULL;
    struct err e = ERR_INIT;
    struct str id, path;

    (void)state;
    rig_open(&g);
    c.body = (struct str){.ptr = body, .len = sizeof(body) - 1};
    c.url = arena_printf(&g.a, "%.*s/v26.0/" SENDER "/media", STR_ARG(sim_address(g.sim)));
    http_call_header(&c, STR("Content-Type"), STR("multipart/form-data; boundary=B"));
    http_call_header(&c, STR("Authorization"), STR("Bearer " TOKEN));
    assert_int_equal(httpc_call(g.client, &g.a, &c, &g.reply, &e), ST_OK);
    assert_int_equal(g.reply.status, 200);
    assert_int_equal(json_parse(&g.a, g.reply.body, JSON_LIMITS_DEFAULT, &v, &e), ST_OK);
    id = json_str(json_get(v, "id"));
    v = rig_get(&g, arena_printf(&g.a, "/v26.0/%.*s", STR_ARG(id)).ptr);
    assert_true(rig_is(v, "mime_type", "image/png"));
    assert_int_equal(json_i64(json_get(v, "file_size"), 0), 9);
    assert_int_equal(json_str(json_get(v, "sha256")).len, 64);
    path = json_str(json_get(v, "url"));
    assert_true(str_eat(&path, sim_address(g.sim)));
    (void)rig_get(&g, arena_cstr(&g.a, path));
    assert_int_equal(g.reply.status, 200);
    assert_true(str_eq(g.reply.body, STR("\x89PNG\r\n--A")));
    assert_true(str_eq(http_reply_header(&g.reply, "content-type"), STR("image/png")));
    (void)rig_ask(&g, "GET", arena_cstr(&g.a, path), STR_EMPTY, STR("wrong"));
    assert_int_equal(g.reply.status, 401);
    rig_close(&g);
}

static void templates_are_listed_by_pages_and_made(void **state) {
    struct rig g;
    const struct json *v;

    (void)state;
    rig_open(&g);
    v = rig_get(&g, "/v26.0/410000000000001/message_templates?limit=2");
    assert_int_equal(json_len(json_get(v, "data")), 2);
    assert_true(json_path(v, "paging", "next", NULL) != NULL);
    v = rig_get(&g,
                arena_printf(&g.a, "/v26.0/410000000000001/message_templates?limit=100&after=%.*s",
                             STR_ARG(json_str(json_path(v, "paging", "cursors", "after", NULL))))
                    .ptr);
    assert_int_equal(json_len(json_get(v, "data")), 4);
    assert_null(json_path(v, "paging", "next", NULL));
    v = rig_post(&g, "/v26.0/410000000000001/message_templates",
                 "{\"name\":\"novo\",\"language\":\"pt_BR\",\"category\":\"UTILITY\","
                 "\"components\":[{\"type\":\"BODY\",\"text\":\"Oi {{1}}\"}]}");
    assert_true(rig_is(v, "status", "APPROVED"));
    v = rig_send(&g, TEMPLATE("novo", PARAM("Ana")));
    assert_int_equal(rig_code(v), -1);
    assert_true(rig_is(json_at(json_get(v, "messages"), 0), "message_status", "accepted"));
    v = rig_get(&g, "/v26.0/410000000000001/message_templates?name=novo");
    assert_int_equal(json_len(json_get(v, "data")), 1);
    rig_close(&g);
}

static void the_rest_of_the_graph_answers(void **state) {
    struct rig g;

    (void)state;
    rig_open(&g);
    assert_true(
        json_bool(json_get(rig_post(&g, "/v26.0/" SENDER "/register", "{}"), "success"), false));
    assert_true(json_bool(
        json_get(rig_post(&g, "/v26.0/410000000000001/subscribed_apps", "{}"), "success"), false));
    assert_true(rig_is(rig_get(&g, "/v26.0/" SENDER), "quality_rating", "GREEN"));
    assert_int_equal(json_len(json_get(rig_get(&g, "/v26.0/1/phone_numbers"), "data")), 1);
    assert_int_equal(rig_code(rig_get(&g, "/version/1")), 2500);
    rig_close(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted_send_is_answered_like_meta),
        cmocka_unit_test(wrong_bearer_is_190),
        cmocka_unit_test(messages_are_checked_like_meta),
        cmocka_unit_test(window_opens_when_the_customer_writes),
        cmocka_unit_test(sends_are_remembered_and_repeats_counted),
        cmocka_unit_test(planned_failures_come_in_order),
        cmocka_unit_test(a_send_can_be_accepted_and_its_answer_lost),
        cmocka_unit_test(stop_cuts_a_stalled_send),
        cmocka_unit_test(media_go_up_and_come_down),
        cmocka_unit_test(templates_are_listed_by_pages_and_made),
        cmocka_unit_test(the_rest_of_the_graph_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
