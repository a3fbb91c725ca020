/* test_model.c - the chat model's dialect against tests/fixtures/model/suite.json. The official
 * openai client judges the same file in tests/e2e/openai_sdk.test.mjs; the oddities of servers that
 * it does not speak to are in tests/unit/provider/test_model.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "provider/model.h"
#include "support/fixture.h"

enum { LIST_MAX = 16 };

static const char *const outcome_names[] = {
    [MODEL_ANSWERED] = "answered", [MODEL_RETRY] = "retry",       [MODEL_TOO_LONG] = "too_long",
    [MODEL_REFUSED] = "refused",   [MODEL_NO_QUOTA] = "no_quota", [MODEL_FAILED] = "failed",
};

static struct model_account account_of(const struct json *v) {
    return (struct model_account){
        .base_url = json_str(json_get(v, "base_url")),
        .api_key = json_str(json_get(v, "api_key")),
        .model = json_str(json_get(v, "model")),
        .max_tokens = json_i64(json_get(v, "max_tokens"), 0),
        .uses_old_max_tokens = json_bool(json_get(v, "uses_old_max_tokens"), false),
        .temperature = json_real(json_get(v, "temperature"), -1),
    };
}

static void check_ask(struct arena *a, const struct json *row) {
    const struct json *messages = json_get(row, "messages"), *tools = json_get(row, "tools");
    struct model_account account = account_of(json_get(row, "account"));
    struct model_message m[LIST_MAX];
    struct model_tool t[LIST_MAX];
    const struct model_ask ask = {m, json_len(messages), t, json_len(tools)};
    struct http_call call = {0};
    const struct json *body;
    struct err e = ERR_INIT;

    for (size_t i = 0; i < json_len(messages); i++)
        m[i] = (struct model_message){
            .role = arena_cstr(a, json_str(json_get(json_at(messages, i), "role"))),
            .text = json_str(json_get(json_at(messages, i), "text"))};
    for (size_t i = 0; i < json_len(tools); i++)
        t[i] = (struct model_tool){
            .name = json_str(json_get(json_at(tools, i), "name")),
            .description = json_str(json_get(json_at(tools, i), "description")),
            .parameters = json_text(a, json_get(json_at(tools, i), "parameters"))};
    if (model_build(a, &account, &ask, &call, &e) != ST_OK)
        fail_msg("%s", e.message);
    assert_int_equal(json_parse(a, call.body, JSON_LIMITS_DEFAULT, &body, &e), ST_OK);
    if (!json_same(body, json_get(row, "body")))
        fail_msg("%.*s\ngot %.*s", STR_ARG(json_str(json_get(row, "name"))), STR_ARG(call.body));
}

static void questions_are_as_documented(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    const struct json *rows = json_get(fixture_json(&a, "model", "suite.json"), "asks");

    (void)state;
    assert_true(json_len(rows) > 0);
    for (size_t i = 0; i < json_len(rows); i++)
        check_ask(&a, json_at(rows, i));
}

static struct http_reply reply_of(struct arena *a, const struct json *row,
                                  struct http_header *header) {
    const struct json *body = json_get(row, "body"), *value = NULL;

    (void)json_member(json_get(row, "headers"), 0, &header->name, &value);
    header->value = json_str(value);
    return (struct http_reply){
        .phase = HTTP_REPLIED,
        .status = (unsigned)json_i64(json_get(row, "status"), 0),
        .headers = header,
        .n_headers = json_len(json_get(row, "headers")),
        .body = json_type(body) == JSON_STRING ? json_str(body) : json_text(a, body),
        .retry_after_ms = -1,
    };
}

static void check_reply(struct arena *a, const struct json *row) {
    const struct json *expect = json_get(row, "expect");
    struct str outcome = json_str(json_get(expect, "outcome"));
    struct http_header header = {0};
    struct http_reply reply = reply_of(a, row, &header);
    struct model_answer r;

    model_judge(a, &reply, &r);
    if (!str_eq(str_of(outcome_names[r.outcome]), outcome))
        fail_msg("%.*s: %s", STR_ARG(json_str(json_get(row, "name"))), outcome_names[r.outcome]);
    assert_true(str_eq(r.text, json_str(json_get(expect, "text"))));
    assert_true(str_eq(r.tool_name, json_str(json_get(expect, "tool"))));
    assert_true(json_same(r.tool_arguments, json_get(expect, "arguments")));
    assert_int_equal(r.is_cut, json_bool(json_get(expect, "is_cut"), false));
    assert_int_equal(r.prompt_tokens, json_i64(json_get(expect, "prompt_tokens"), -1));
    assert_int_equal(r.completion_tokens, json_i64(json_get(expect, "completion_tokens"), -1));
    assert_int_equal(r.cached_tokens, json_i64(json_get(expect, "cached_tokens"), -1));
}

static void replies_are_judged_as_documented(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    const struct json *rows = json_get(fixture_json(&a, "model", "suite.json"), "replies");

    (void)state;
    assert_true(json_len(rows) > 0);
    for (size_t i = 0; i < json_len(rows); i++)
        check_reply(&a, json_at(rows, i));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_are_as_documented),
        cmocka_unit_test(replies_are_judged_as_documented),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
