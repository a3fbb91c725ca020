/* test_model.c - the questions we put to chat models, and every answer that servers are known to
 * give.
 * SPDX-License-Identifier: Apache-2.0 */
#include "provider/model.h"

#include "unit/check.h"

static const struct model_account account = {
    .base_url = STR("https://model.example.test/v1"),
    .api_key = STR("sk-invented"),
    .model = STR("some-model"),
    .max_tokens = 800,
    .temperature = -1,
};

static const struct model_message messages[] = {
    {"system", STR("Be brief.")},
    {"user", STR("Oi \"tudo\"?")},
};

static const struct model_tool book = {
    .name = STR("book_visit"),
    .description = STR("Books a visit."),
    .parameters = STR("{\"type\":\"object\",\"properties\":{\"slot\":{\"type\":\"integer\"}}}"),
};

static struct http_call built(struct arena *a, const struct model_account *acc,
                              const struct model_ask *ask) {
    struct http_call call = {0};
    struct err e = ERR_INIT;

    assert_ok(model_build(a, acc, ask, &call, &e), &e);
    return call;
}

static void the_question_is_as_documented(void **state) {
    struct arena a = {0};
    const struct model_ask ask = {messages, 2, &book, 1};
    struct http_call call = built(&a, &account, &ask);

    (void)state;
    assert_string_equal(call.method, "POST");
    assert_str(call.url, "https://model.example.test/v1/chat/completions");
    assert_int_equal(call.reach, REACH_MACHINE);
    assert_int_equal(call.n_headers, 2);
    assert_str(call.headers[0].value, "Bearer sk-invented");
    assert_str(call.headers[1].value, "application/json");
    assert_str(call.body,
               "{\"model\":\"some-model\",\"messages\":[{\"role\":\"system\",\"content\":\"Be "
               "brief.\"},{\"role\":\"user\",\"content\":\"Oi \\\"tudo\\\"?\"}],"
               "\"max_completion_tokens\":800,\"tools\":[{\"type\":\"function\",\"function\":{"
               "\"name\":\"book_visit\",\"description\":\"Books a visit.\",\"parameters\":{"
               "\"type\":\"object\",\"properties\":{\"slot\":{\"type\":\"integer\"}}}}}],"
               "\"tool_choice\":\"auto\",\"parallel_tool_calls\":false}");
    arena_done(&a);
}

static void local_servers_get_only_what_they_know(void **state) {
    struct arena a = {0};
    struct model_account local = account;
    const struct model_ask ask = {messages, 2, &book, 1};
    struct http_call call;

    (void)state;
    local.base_url = STR("http://127.0.0.1:8080/v1/");
    local.api_key = STR_EMPTY;
    local.uses_old_max_tokens = true;
    local.temperature = 0.25;
    call = built(&a, &local, &ask);
    assert_str(call.url, "http://127.0.0.1:8080/v1/chat/completions");
    assert_int_equal(call.n_headers, 1); /* no key, no Authorization */
    assert_true(str_contains(call.body, STR("\"max_tokens\":800,\"temperature\":0.25")));
    assert_false(str_contains(call.body, STR("max_completion_tokens")));
    assert_false(str_contains(call.body, STR("parallel_tool_calls")));
    arena_done(&a);
}

static void what_is_unset_is_not_sent(void **state) {
    struct arena a = {0};
    struct model_account plain = account;
    const struct model_ask ask = {messages, 1, NULL, 0};

    (void)state;
    plain.max_tokens = 0;
    assert_str(built(&a, &plain, &ask).body,
               "{\"model\":\"some-model\",\"messages\":[{\"role\":\"system\",\"content\":\"Be "
               "brief.\"}]}");
    arena_done(&a);
}

static void odd_questions_are_refused(void **state) {
    static const struct model_message odd_role[] = {{"developer", STR("x")}};
    static const struct model_message no_role[] = {{NULL, STR("x")}};
    static const struct model_tool tools[] = {
        {.name = STR("")},
        {.name = STR("with space")},
        {.name = STR("n"), .parameters = STR("{")},
        {.name = STR("n"), .parameters = STR("[]")},
    };
    struct arena a = {0};
    struct model_account newline = account;
    struct http_call call;

    (void)state;
    assert_int_equal(model_build(&a, &account, &(struct model_ask){0}, &call, NULL), ST_INVALID);
    assert_int_equal(
        model_build(&a, &account, &(struct model_ask){odd_role, 1, NULL, 0}, &call, NULL),
        ST_INVALID);
    assert_int_equal(
        model_build(&a, &account, &(struct model_ask){no_role, 1, NULL, 0}, &call, NULL),
        ST_INVALID);
    for (size_t i = 0; i < ARRAY_LEN(tools); i++)
        assert_int_equal(
            model_build(&a, &account, &(struct model_ask){messages, 2, &tools[i], 1}, &call, NULL),
            ST_INVALID);
    newline.api_key = STR("sk\r\nX: y");
    assert_int_equal(
        model_build(&a, &newline, &(struct model_ask){messages, 2, NULL, 0}, &call, NULL),
        ST_INVALID);
    arena_done(&a);
}

/* --- answers -------------------------------------------------------------------------------- */

static struct model_answer judged(struct arena *a, unsigned status, const char *body) {
    const struct http_reply reply = {
        .phase = HTTP_REPLIED, .status = status, .body = str_of(body), .retry_after_ms = -1};
    struct model_answer r;

    model_judge(a, &reply, &r);
    return r;
}

#define MESSAGE(finish, message)                                                                   \
    "{\"choices\":[{\"index\":0,\"message\":" message ",\"finish_reason\":\"" finish "\"}]}"

static void a_plain_answer(void **state) {
    struct arena a = {0};
    struct model_answer r = judged(
        &a, 200,
        "{\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
        "\"content\":\"Oi!\",\"refusal\":null,\"reasoning_content\":\"hidden\"},"
        "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5,"
        "\"total_tokens\":15,\"prompt_tokens_details\":{\"cached_tokens\":3}},\"timings\":{}}");

    (void)state;
    assert_int_equal(r.outcome, MODEL_ANSWERED);
    assert_str(r.text, "Oi!");
    assert_int_equal(r.cause.len, 0);
    assert_int_equal(r.tool_name.len, 0);
    assert_null(r.tool_arguments);
    assert_false(r.is_cut);
    assert_int_equal(r.prompt_tokens, 10);
    assert_int_equal(r.completion_tokens, 5);
    assert_int_equal(r.cached_tokens, 3);
    arena_done(&a);
}

static void usage_may_be_missing(void **state) {
    struct arena a = {0};
    struct model_answer r = judged(&a, 200, MESSAGE("stop", "{\"content\":\"x\"}"));

    (void)state;
    assert_int_equal(r.outcome, MODEL_ANSWERED);
    assert_int_equal(r.prompt_tokens, -1);
    assert_int_equal(r.completion_tokens, -1);
    assert_int_equal(r.cached_tokens, -1);
    arena_done(&a);
}

static void content_may_be_a_list_of_parts(void **state) {
    struct arena a = {0};
    struct model_answer r =
        judged(&a, 200,
               MESSAGE("stop", "{\"content\":[{\"type\":\"text\",\"text\":\"Oi, \"},{\"type\":"
                               "\"image\"},{\"type\":\"text\",\"text\":\"Ana\"}]}"));

    (void)state;
    assert_int_equal(r.outcome, MODEL_ANSWERED);
    assert_str(r.text, "Oi, Ana");
    arena_done(&a);
}

static void tool_calls_count_whatever_the_reason(void **state) {
    static const char *const bodies[] = {
        MESSAGE("tool_calls", "{\"content\":null,\"tool_calls\":[{\"id\":\"1\",\"type\":"
                              "\"function\",\"function\":{\"name\":\"book\",\"arguments\":"
                              "\"{\\\"slot\\\":3}\"}}]}"),
        MESSAGE("stop",
                "{\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":\"book\","
                "\"arguments\":\"{\\\"slot\\\":3}\"}},{\"function\":{\"name\":\"other\"}}]}"),
        MESSAGE("stop", "{\"tool_calls\":[{\"function\":{\"name\":\"book\",\"arguments\":"
                        "{\"slot\":3}}}]}"), /* an object, not a string */
        MESSAGE("function_call", "{\"content\":null,\"function_call\":{\"name\":\"book\","
                                 "\"arguments\":\"{\\\"slot\\\":3}\"}}"),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct arena a = {0};
        struct model_answer r = judged(&a, 200, bodies[i]);

        assert_int_equal(r.outcome, MODEL_ANSWERED);
        assert_str(r.tool_name, "book");
        assert_int_equal(json_i64(json_get(r.tool_arguments, "slot"), 0), 3);
        arena_done(&a);
    }
}

#define TOOL(arguments)                                                                            \
    MESSAGE("tool_calls", "{\"tool_calls\":[{\"function\":{\"name\":\"book\"" arguments "}}]}")

static void arguments_are_an_object_or_nothing(void **state) {
    static const char *const none[] = {
        TOOL(",\"arguments\":\"{\\\"slot\\\":\""),
        TOOL(",\"arguments\":\"[1]\""),
        TOOL(",\"arguments\":\"null\""),
        TOOL(",\"arguments\":\"3\""),
        TOOL(",\"arguments\":7"),
        TOOL(",\"arguments\":[]"),
    };
    static const char *const empty[] = {TOOL(",\"arguments\":\"\""), TOOL(",\"arguments\":\"  \""),
                                        TOOL(",\"arguments\":null"), TOOL("")};
    struct arena a = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        struct model_answer r = judged(&a, 200, none[i]);

        assert_str(r.tool_name, "book");
        assert_null(r.tool_arguments);
    }
    for (size_t i = 0; i < ARRAY_LEN(empty); i++) {
        struct model_answer r = judged(&a, 200, empty[i]);

        assert_non_null(r.tool_arguments);
        assert_int_equal(json_len(r.tool_arguments), 0);
    }
    arena_done(&a);
}

static void refusals_and_filters_are_told_apart_from_answers(void **state) {
    static const struct {
        const char *body;
        enum model_outcome outcome;
        const char *cause, *text;
    } cases[] = {
        {MESSAGE("stop", "{\"content\":null,\"refusal\":\"I cannot.\"}"), MODEL_REFUSED,
         "model-refused", "I cannot."},
        {MESSAGE("stop", "{\"content\":[{\"type\":\"refusal\",\"refusal\":\"No.\"}]}"),
         MODEL_REFUSED, "model-refused", "No."},
        {MESSAGE("content_filter", "{\"content\":\"half\"}"), MODEL_REFUSED, "model-filtered",
         "half"},
        {MESSAGE("stop", "{\"content\":\"Oi\",\"refusal\":\"\"}"), MODEL_ANSWERED, "", "Oi"},
        {MESSAGE("stop", "{\"content\":\"Oi\",\"refusal\":null}"), MODEL_ANSWERED, "", "Oi"},
    };
    struct arena a = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct model_answer r = judged(&a, 200, cases[i].body);

        assert_int_equal(r.outcome, cases[i].outcome);
        assert_str(r.cause, cases[i].cause);
        assert_str(r.text, cases[i].text);
    }
    arena_done(&a);
}

static void a_cut_answer_says_so(void **state) {
    struct arena a = {0};
    struct model_answer r = judged(&a, 200, MESSAGE("length", "{\"content\":\"metade da\"}"));

    (void)state;
    assert_int_equal(r.outcome, MODEL_ANSWERED);
    assert_true(r.is_cut);
    r = judged(&a, 200, MESSAGE("length", "{\"content\":\"\"}")); /* reasoning used it all up */
    assert_int_equal(r.outcome, MODEL_FAILED);
    assert_str(r.cause, "model-empty");
    assert_true(r.is_cut);
    arena_done(&a);
}

static void what_is_no_answer_fails(void **state) {
    static const struct {
        const char *body, *cause;
    } cases[] = {
        {"", "model-malformed"},
        {"<html>login</html>", "model-malformed"},
        {"{}", "model-malformed"},
        {"[]", "model-malformed"},
        {"{\"choices\":[]}", "model-malformed"},
        {"{\"choices\":{}}", "model-malformed"},
        {"{\"choices\":[{\"delta\":{}}]}", "model-malformed"},
        {"{\"choices\":[{\"message\":\"x\"}]}", "model-malformed"},
        {"{\"choices\":[{\"message\":{}}]}", "model-empty"},
        {MESSAGE("stop", "{\"content\":\" \\n\"}"), "model-empty"},
        {MESSAGE("stop", "{\"content\":5}"), "model-empty"},
        {MESSAGE("stop", "{\"content\":null,\"tool_calls\":[{}]}"), "model-empty"},
    };
    struct arena a = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct model_answer r = judged(&a, 200, cases[i].body);

        assert_int_equal(r.outcome, MODEL_FAILED);
        assert_str(r.cause, cases[i].cause);
        assert_true(r.reason.len > 0);
    }
    arena_done(&a);
}

#define ERROR(type, code) "{\"error\":{\"message\":\"m\",\"type\":" type ",\"code\":" code "}}"

static void errors_are_judged_as_documented(void **state) {
    static const struct {
        unsigned status;
        const char *body;
        enum model_outcome outcome;
        const char *cause;
    } cases[] = {
        {400, ERROR("\"invalid_request_error\"", "null"), MODEL_FAILED, "model-400"},
        {400, ERROR("\"invalid_request_error\"", "\"context_length_exceeded\""), MODEL_TOO_LONG,
         "model-400"},
        {400, "{\"error\":\"the request exceeds the available context size\"}", MODEL_TOO_LONG,
         "model-400"},
        {400, ERROR("\"exceed_context_size_error\"", "400"), MODEL_TOO_LONG, "model-400"},
        {400, ERROR("\"x\"", "\"content_filter\""), MODEL_REFUSED, "model-400"},
        {401, ERROR("\"invalid_request_error\"", "\"invalid_api_key\""), MODEL_FAILED, "model-401"},
        {402, "{}", MODEL_NO_QUOTA, "model-402"},
        {403, "", MODEL_FAILED, "model-403"},
        {404, ERROR("\"invalid_request_error\"", "\"model_not_found\""), MODEL_FAILED, "model-404"},
        {408, "", MODEL_RETRY, "model-408"},
        {409, "", MODEL_RETRY, "model-409"},
        {413, "<html>", MODEL_TOO_LONG, "model-413"},
        {415, "", MODEL_FAILED, "model-415"},
        {422, "{\"error\":\"words\"}", MODEL_FAILED, "model-422"},
        {429, ERROR("\"requests\"", "\"rate_limit_exceeded\""), MODEL_RETRY, "model-429"},
        {429, ERROR("\"insufficient_quota\"", "\"insufficient_quota\""), MODEL_NO_QUOTA,
         "model-429"},
        {429, ERROR("\"insufficient_quota\"", "null"), MODEL_NO_QUOTA, "model-429"},
        {429, ERROR("null", "\"credit_balance_exhausted\""), MODEL_NO_QUOTA, "model-429"},
        {429, "<html>", MODEL_RETRY, "model-429"},
        {500, ERROR("\"server_error\"", "null"), MODEL_RETRY, "model-500"},
        {502, "<html>Bad Gateway</html>", MODEL_RETRY, "model-502"},
        {503, ERROR("\"unavailable_error\"", "503"), MODEL_RETRY, "model-503"},
        {200, ERROR("\"unavailable_error\"", "503"), MODEL_RETRY, "model-503"},
        {200, ERROR("\"invalid_request_error\"", "\"model_not_found\""), MODEL_FAILED, "model-200"},
        {200, ERROR("\"insufficient_quota\"", "429"), MODEL_NO_QUOTA, "model-429"},
        {200, "{\"error\":\"upstream failed\"}", MODEL_RETRY, "model-200"},
        {400, "[{\"error\":{\"code\":400,\"status\":\"INVALID_ARGUMENT\"}}]", MODEL_FAILED,
         "model-400"},
        {429, "[{\"error\":{\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\"}}]", MODEL_RETRY,
         "model-429"},
        {301, "", MODEL_FAILED, "model-301"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a = {0};
        struct model_answer r = judged(&a, cases[i].status, cases[i].body);

        if (r.outcome != cases[i].outcome)
            fail_msg("%u %s: %d", cases[i].status, cases[i].body, (int)r.outcome);
        assert_str(r.cause, cases[i].cause);
        assert_true(r.reason.len > 0);
        arena_done(&a);
    }
}

static void reasons_quote_codes_but_no_messages(void **state) {
    struct arena a = {0};
    struct model_answer r =
        judged(&a, 401,
               "{\"error\":{\"message\":\"Incorrect API key provided: sk-inv***\",\"type\":"
               "\"invalid_request_error\",\"param\":\"messages\",\"code\":\"invalid_api_key\"}}");

    (void)state;
    assert_str(r.reason, "the model's server refused the key: check it (HTTP 401, "
                         "invalid_api_key, parameter messages)");
    r = judged(&a, 400, "{\"error\":{\"code\":\"Ana said: hi\"}}");
    assert_str(r.reason, "the model's server refused the question (HTTP 400)");
    arena_done(&a);
}

static void the_server_says_whether_and_when_to_retry(void **state) {
    struct arena a = {0};
    struct http_header header = {STR("X-Should-Retry"), STR("false")};
    struct http_reply reply = {.phase = HTTP_REPLIED,
                               .status = 429,
                               .headers = &header,
                               .n_headers = 1,
                               .retry_after_ms = 2500};
    struct model_answer r;

    (void)state;
    model_judge(&a, &reply, &r);
    assert_int_equal(r.outcome, MODEL_FAILED);
    assert_int_equal(r.retry_after_ms, 0);
    header.value = STR("true");
    reply.status = 400;
    model_judge(&a, &reply, &r);
    assert_int_equal(r.outcome, MODEL_RETRY);
    assert_int_equal(r.retry_after_ms, 2500);
    reply.retry_after_ms = INT64_MAX;
    model_judge(&a, &reply, &r);
    assert_int_equal(r.retry_after_ms, UINT32_MAX);
    arena_done(&a);
}

static void a_broken_call_may_be_made_again(void **state) {
    struct arena a = {0};
    struct model_answer r;

    (void)state;
    model_judge(&a, &(struct http_reply){.phase = HTTP_CUT, .retry_after_ms = -1}, &r);
    assert_int_equal(r.outcome, MODEL_RETRY);
    assert_str(r.cause, "model-cut");
    model_judge(&a, &(struct http_reply){.phase = HTTP_NOT_SENT, .retry_after_ms = -1}, &r);
    assert_int_equal(r.outcome, MODEL_RETRY);
    assert_str(r.cause, "model-not-reachable");
    arena_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_question_is_as_documented),
        cmocka_unit_test(local_servers_get_only_what_they_know),
        cmocka_unit_test(what_is_unset_is_not_sent),
        cmocka_unit_test(odd_questions_are_refused),
        cmocka_unit_test(a_plain_answer),
        cmocka_unit_test(usage_may_be_missing),
        cmocka_unit_test(content_may_be_a_list_of_parts),
        cmocka_unit_test(tool_calls_count_whatever_the_reason),
        cmocka_unit_test(arguments_are_an_object_or_nothing),
        cmocka_unit_test(refusals_and_filters_are_told_apart_from_answers),
        cmocka_unit_test(a_cut_answer_says_so),
        cmocka_unit_test(what_is_no_answer_fails),
        cmocka_unit_test(errors_are_judged_as_documented),
        cmocka_unit_test(reasons_quote_codes_but_no_messages),
        cmocka_unit_test(the_server_says_whether_and_when_to_retry),
        cmocka_unit_test(a_broken_call_may_be_made_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
