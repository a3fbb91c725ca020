/* test_model.c - the chat model that needs no model.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/sim/rig.h"

#define TOOLS "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"handoff\"}}]"
#define ASK(text)                                                                                  \
    "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},"                      \
    "{\"role\":\"user\",\"content\":\"" text "\"}]," TOOLS "}"

static const struct json *ask(struct rig *g, const char *body) {
    return rig_post(g, "/v1/chat/completions", body);
}

static const struct json *choice(const struct json *v) {
    return json_at(json_get(v, "choices"), 0);
}

static struct str said(const struct json *v) {
    return json_str(json_path(choice(v), "message", "content", NULL));
}

static void it_answers_in_both_languages(void **state) {
    struct rig g;
    const struct json *v;

    (void)state;
    rig_open(&g);
    v = ask(&g, ASK("Ol\xc3\xa1, qual o pre\xc3\xa7o?"));
    assert_int_equal(g.reply.status, 200);
    assert_true(rig_is(v, "object", "chat.completion"));
    assert_true(str_contains(said(v), STR("planos")));
    assert_true(rig_is(choice(v), "finish_reason", "stop"));
    assert_true(json_i64(json_path(v, "usage", "prompt_tokens", NULL), 0) > 0);
    assert_int_equal(json_i64(json_path(v, "usage", "total_tokens", NULL), 0),
                     json_i64(json_path(v, "usage", "prompt_tokens", NULL), 0) +
                         json_i64(json_path(v, "usage", "completion_tokens", NULL), 0));
    assert_true(str_contains(said(ask(&g, ASK("what is the price?"))), STR("plans")));
    assert_true(str_contains(said(ask(&g, ASK("uma coisa"))), STR("Entendi")));
    rig_close(&g);
}

static void it_calls_for_a_person(void **state) {
    struct rig g;
    const struct json *v, *call;

    (void)state;
    rig_open(&g);
    v = ask(&g, ASK("quero falar com um atendente"));
    call = json_at(json_path(choice(v), "message", "tool_calls", NULL), 0);
    assert_true(rig_is(choice(v), "finish_reason", "tool_calls"));
    assert_true(rig_is(json_get(call, "function"), "name", "handoff"));
    assert_int_equal(json_type(json_path(call, "function", "arguments", NULL)), JSON_STRING);
    v = ask(&g, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"um humano\"}]}");
    assert_true(said(v).len > 0); /* no tools, no call */
    rig_close(&g);
}

#define CALL_UNANSWERED                                                                            \
    "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":null,"                     \
    "\"tool_calls\":[{\"id\":\"c\"}]},{\"role\":\"user\",\"content\":\"x\"}]}"

static void wrong_questions_are_refused(void **state) {
    static const char nobody[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}";
    static const char boss[] =
        "{\"model\":\"m\",\"messages\":[{\"role\":\"boss\",\"content\":\"x\"}]}";
    static const char stream[] = "{\"model\":\"m\",\"stream\":true,\"messages\":"
                                 "[{\"role\":\"user\",\"content\":\"x\"}]}";
    static const char silence[] = "{\"model\":\"m\",\"messages\":[]}";
    static const char unanswered[] = CALL_UNANSWERED;
    const char *const bodies[] = {"x", "{}", silence, nobody, boss, stream, unanswered};
    struct rig g;

    (void)state;
    rig_open(&g);
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        assert_true(rig_is(json_get(ask(&g, bodies[i]), "error"), "type", "invalid_request_error"));
        assert_int_equal(g.reply.status, 400);
    }
    rig_close(&g);
}

static void it_fails_in_every_way(void **state) {
    struct rig g;
    const struct json *v;

    (void)state;
    rig_open(&g);
    (void)rig_post(&g, "/sim/behaviour",
                   "{\"model_fail_next\":[\"429\",\"quota\",\"500\",\"503\",\"html\",\"error200\","
                   "\"garbage\",\"length\",\"refusal\",\"too_long\",\"cut\",\"none\"]}");
    v = ask(&g, ASK("oi"));
    assert_int_equal(g.reply.status, 429);
    assert_int_equal(g.reply.retry_after_ms, 400);
    assert_true(rig_is(json_get(v, "error"), "code", "rate_limit_exceeded"));
    assert_true(rig_is(json_get(ask(&g, ASK("oi")), "error"), "code", "insufficient_quota"));
    (void)ask(&g, ASK("oi"));
    assert_int_equal(g.reply.status, 500);
    (void)ask(&g, ASK("oi"));
    assert_int_equal(g.reply.status, 503);
    assert_null(ask(&g, ASK("oi")));
    assert_int_equal(g.reply.status, 502);
    assert_non_null(json_get(ask(&g, ASK("oi")), "error"));
    assert_int_equal(g.reply.status, 200);
    assert_null(ask(&g, ASK("oi")));
    assert_int_equal(g.reply.status, 200);
    assert_true(rig_is(choice(ask(&g, ASK("oi"))), "finish_reason", "length"));
    assert_int_equal(json_type(json_path(choice(ask(&g, ASK("oi"))), "message", "refusal", NULL)),
                     JSON_STRING);
    assert_true(rig_is(json_get(ask(&g, ASK("oi")), "error"), "code", "context_length_exceeded"));
    (void)ask(&g, ASK("oi"));
    assert_int_equal(g.reply.phase, HTTP_CUT);
    assert_true(said(ask(&g, ASK("oi"))).len > 0);
    rig_close(&g);
}

static void models_are_listed(void **state) {
    struct rig g;

    (void)state;
    rig_open(&g);
    assert_int_equal(json_len(json_get(rig_get(&g, "/v1/models"), "data")), 1);
    rig_close(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_answers_in_both_languages),
        cmocka_unit_test(it_calls_for_a_person),
        cmocka_unit_test(wrong_questions_are_refused),
        cmocka_unit_test(it_fails_in_every_way),
        cmocka_unit_test(models_are_listed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
