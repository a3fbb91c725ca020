/* test_meta_judge.c - the table of Meta's error codes, written a second time: by outcome, as the
 * error code page lists them, and held against the adapter's. Answers in general are in
 * tests/contract/test_provider.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "provider/provider.h"
#include "unit/check.h"

static const int64_t retried[] = {1,      2,      4,      17,     341,    613,    80007,  80008,
                                  130429, 131000, 131016, 131049, 131056, 131057, 131208, 132069,
                                  133000, 133004, 133008, 133009, 133015, 133016, 139103, 2494100};
static const int64_t rejected[] = {100,    130472, 130497, 131008, 131009, 131021,  131026, 131030,
                                   131047, 131050, 131051, 131052, 131053, 131055,  131060, 131062,
                                   131201, 131207, 131209, 131215, 132000, 132001,  132005, 132007,
                                   132008, 132012, 132015, 132016, 132018, 132068,  135000, 137000,
                                   138000, 138021, 139000, 139102, 147001, 2388023, 2388299};
static const int64_t blocked[] = {0,      3,      10,     33,     190,    200,    230,    299,
                                  368,    131005, 131031, 131037, 131042, 131045, 131048, 131063,
                                  131064, 133005, 133006, 133010, 134011, 134100, 134101, 134102};

static struct http_reply error_reply(struct arena *a, unsigned status, const char *error) {
    return (struct http_reply){
        .phase = HTTP_REPLIED,
        .status = status,
        .body = arena_printf(a, "{\"error\":%s}", error),
        .retry_after_ms = -1,
    };
}

static struct send_result judged(struct arena *a, struct http_reply reply) {
    struct send_result r;

    provider_meta.judge(a, &reply, &r);
    return r;
}

static void check_codes(const int64_t *codes, size_t n, enum send_outcome outcome) {
    static const unsigned statuses[] = {200, 400, 401, 403, 404, 429, 500, 503};

    for (size_t i = 0; i < n; i++) {
        struct arena a = {0};
        struct send_result by_status;
        char error[64];

        (void)snprintf(error, sizeof(error), "{\"code\":%lld}", (long long)codes[i]);
        for (size_t s = 0; s < ARRAY_LEN(statuses); s++) {
            struct send_result r = judged(&a, error_reply(&a, statuses[s], error));

            if (r.outcome != outcome)
                fail_msg("code %lld with HTTP %u", (long long)codes[i], statuses[s]);
            assert_int_equal(r.code, codes[i]);
            assert_true(r.reason.len > 0);
        }
        provider_meta.explain(&a, codes[i], STR("a title"), &by_status);
        assert_int_equal(by_status.outcome, outcome);
        assert_int_equal(by_status.code, codes[i]);
        assert_str(by_status.cause,
                   arena_cstr(&a, arena_printf(&a, "meta-%lld", (long long)codes[i])));
        arena_done(&a);
    }
}

static void the_code_decides_whatever_the_http_status(void **state) {
    (void)state;
    check_codes(retried, ARRAY_LEN(retried), SEND_RETRY);
    check_codes(rejected, ARRAY_LEN(rejected), SEND_REJECTED);
    check_codes(blocked, ARRAY_LEN(blocked), SEND_BLOCKED);
}

static void flags_and_waits_follow_the_code(void **state) {
    static const struct {
        int64_t code;
        uint32_t wait_ms;
        bool is_pair_limit, needs_template, is_opt_out;
    } cases[] = {
        {131056, 0, true, false, false},       {131047, 0, false, true, false},
        {131050, 0, false, false, true},       {131049, 86400000, false, false, false},
        {131057, 60000, false, false, false},  {133016, 259200000, false, false, false},
        {133015, 300000, false, false, false}, {131000, 0, false, false, false},
        {131026, 0, false, false, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a = {0};
        struct send_result r;

        provider_meta.explain(&a, cases[i].code, STR_EMPTY, &r);
        assert_int_equal(r.retry_after_ms, cases[i].wait_ms);
        assert_int_equal(r.is_pair_limit, cases[i].is_pair_limit);
        assert_int_equal(r.needs_template, cases[i].needs_template);
        assert_int_equal(r.is_opt_out, cases[i].is_opt_out);
        assert_int_equal(r.is_spared, cases[i].code == 131049);
        arena_done(&a);
    }
}

static void a_missing_object_blocks_but_a_bad_parameter_does_not(void **state) {
    struct arena a = {0};

    (void)state;
    assert_int_equal(
        judged(&a, error_reply(&a, 400, "{\"code\":100,\"error_subcode\":33}")).outcome,
        SEND_BLOCKED);
    assert_int_equal(
        judged(&a, error_reply(&a, 400, "{\"code\":100,\"error_subcode\":2018278}")).outcome,
        SEND_REJECTED);
    arena_done(&a);
}

static void unknown_codes_are_judged_by_their_class(void **state) {
    static const struct {
        unsigned status;
        const char *error;
        enum send_outcome outcome;
    } cases[] = {
        {400, "{\"code\":99999999}", SEND_REJECTED},
        {400, "{\"code\":99999999,\"is_transient\":true}", SEND_RETRY},
        {401, "{\"code\":99999999}", SEND_BLOCKED},
        {403, "{\"code\":99999999}", SEND_BLOCKED},
        {408, "{\"code\":99999999}", SEND_UNCERTAIN},
        {429, "{\"code\":99999999}", SEND_RETRY},
        {500, "{\"code\":99999999,\"is_transient\":true}", SEND_UNCERTAIN},
        {200, "{\"code\":99999999}", SEND_UNCERTAIN},
        {400, "{}", SEND_REJECTED},
        {400, "\"words\"", SEND_REJECTED},
        {500, "\"words\"", SEND_UNCERTAIN},
        {400, "{\"code\":\"131026\"}", SEND_REJECTED},
        {400, "{\"code\":-7}", SEND_REJECTED},
        {400, "{\"code\":[1]}", SEND_REJECTED},
        {200, "null", SEND_UNCERTAIN},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a = {0};
        struct send_result r = judged(&a, error_reply(&a, cases[i].status, cases[i].error));

        if (r.outcome != cases[i].outcome)
            fail_msg("%s with HTTP %u: %d", cases[i].error, cases[i].status, (int)r.outcome);
        arena_done(&a);
    }
}

static void an_answer_without_an_id_is_uncertain(void **state) {
    static const char *const bodies[] = {
        "{}",
        "{\"messages\":[]}",
        "{\"messages\":[{}]}",
        "{\"messages\":[{\"id\":\"\"}]}",
        "{\"messages\":\"x\"}",
        "{\"success\":false}",
        "[]",
        "<html></html>",
        "{\"messages\":[{\"id\":\"wamid.cut",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct arena a = {0};
        struct send_result r = judged(&a, (struct http_reply){.phase = HTTP_REPLIED,
                                                              .status = 200,
                                                              .body = str_of(bodies[i]),
                                                              .retry_after_ms = -1});

        assert_int_equal(r.outcome, SEND_UNCERTAIN);
        assert_int_equal(r.message_id.len, 0);
        arena_done(&a);
    }
}

static void the_usage_header_says_how_long(void **state) {
    struct arena a = {0};
    struct http_reply reply = error_reply(&a, 400, "{\"code\":80007}");
    struct http_header headers[] = {
        {STR("content-type"), STR("application/json")},
        {STR("x-business-use-case-usage"),
         STR("{\"410000000000001\":[{\"type\":\"whatsapp\",\"call_count\":100,"
             "\"estimated_time_to_regain_access\":7},{\"estimated_time_to_regain_access\":3}]}")},
    };

    (void)state;
    reply.headers = headers;
    reply.n_headers = ARRAY_LEN(headers);
    assert_int_equal(judged(&a, reply).retry_after_ms, 7 * 60000);
    reply.retry_after_ms = 5000; /* a plain Retry-After is more exact */
    assert_int_equal(judged(&a, reply).retry_after_ms, 5000);
    reply.retry_after_ms = -1;
    headers[1].value = STR("{\"1\":[{\"estimated_time_to_regain_access\":9999999999}]}");
    assert_int_equal(judged(&a, reply).retry_after_ms, UINT32_MAX);
    headers[1].value = STR("not json");
    assert_int_equal(judged(&a, reply).retry_after_ms, 60000);
    arena_done(&a);
}

static void reasons_name_the_field_but_no_number(void **state) {
    struct arena a = {0};
    struct send_result r =
        judged(&a, error_reply(&a, 400,
                               "{\"code\":131009,\"error_data\":{\"details\":\"Row title is too "
                               "long for +5511955550123, max 24\\n\"}}"));

    (void)state;
    assert_true(str_contains(r.reason, STR("Row title is too long for +#############, max 24")));
    assert_false(str_contains(r.reason, STR("\n")));
    r = judged(&a, error_reply(&a, 400, "{\"code\":131026,\"message\":\"to 5511955550123\"}"));
    assert_false(str_contains(r.reason, STR("5511")));
    provider_meta.explain(&a, 424242, STR("Odd thing at 5511955550123"), &r);
    assert_int_equal(r.outcome, SEND_REJECTED);
    assert_true(str_contains(r.reason, STR("Odd thing at #############")));
    arena_done(&a);
}

static struct send_result probed(struct arena *a, enum http_phase phase, unsigned status,
                                 const char *body) {
    const struct http_reply reply = {
        .phase = phase, .status = status, .body = str_of(body), .retry_after_ms = -1};
    struct send_result r;

    provider_meta.judge_probe(a, &reply, &r);
    assert_true(r.reason.len > 0);
    return r;
}

static void a_probe_says_whose_number_answers(void **state) {
    struct arena a = {0};
    struct send_result r =
        probed(&a, HTTP_REPLIED, 200,
               "{\"id\":\"520000000000002\",\"display_phone_number\":\"+55 11 3000-0100\","
               "\"verified_name\":\"Escola Exemplo\",\"quality_rating\":\"GREEN\"}");

    (void)state;
    assert_int_equal(r.outcome, SEND_ACCEPTED);
    assert_str(r.reason, "\"Escola Exemplo\" answers at +55 11 3000-0100, quality GREEN");
    arena_done(&a);
}

/* It changes nothing, so it is never uncertain. */
static void a_probe_is_never_uncertain(void **state) {
    struct arena a = {0};

    (void)state;
    assert_int_equal(probed(&a, HTTP_NOT_SENT, 0, "").outcome, SEND_RETRY);
    assert_int_equal(probed(&a, HTTP_CUT, 0, "").outcome, SEND_RETRY);
    assert_int_equal(probed(&a, HTTP_REPLIED, 502, "<html>").outcome, SEND_RETRY);
    assert_int_equal(probed(&a, HTTP_REPLIED, 200, "<html>").outcome, SEND_BLOCKED);
    assert_int_equal(probed(&a, HTTP_REPLIED, 200, "{\"success\":true}").outcome, SEND_BLOCKED);
    assert_int_equal(probed(&a, HTTP_REPLIED, 200, "{\"error\":{\"code\":1}}").outcome, SEND_RETRY);
    assert_int_equal(probed(&a, HTTP_REPLIED, 401, "{\"error\":{\"code\":190}}").outcome,
                     SEND_BLOCKED);
    assert_int_equal(probed(&a, HTTP_REPLIED, 302, "").outcome, SEND_RETRY);
    arena_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_code_decides_whatever_the_http_status),
        cmocka_unit_test(flags_and_waits_follow_the_code),
        cmocka_unit_test(a_missing_object_blocks_but_a_bad_parameter_does_not),
        cmocka_unit_test(unknown_codes_are_judged_by_their_class),
        cmocka_unit_test(an_answer_without_an_id_is_uncertain),
        cmocka_unit_test(the_usage_header_says_how_long),
        cmocka_unit_test(reasons_name_the_field_but_no_number),
        cmocka_unit_test(a_probe_says_whose_number_answers),
        cmocka_unit_test(a_probe_is_never_uncertain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
