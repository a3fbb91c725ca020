/* test_meta_media.c - finding, fetching and uploading files as Meta wants it, and what each answer means.
 * SPDX-License-Identifier: Apache-2.0 */
#include "crypto/crypto.h"
#include "provider/provider.h"
#include "unit/check.h"

static const struct channel channel = {
    .address = STR("520000000000002"),
    .base_url = STR("https://graph.example.test"),
    .version = STR("v26.0"),
    .access_token = STR("EAAinvented"),
};

static void file_is_asked_for_by_its_id(void **state) {
    struct arena a = {0};
    struct err e = ERR_INIT;
    struct http_call call;

    (void)state;
    assert_ok(provider_meta.find_media(&a, &channel, STR("1234567890"), &call, &e), &e);
    assert_str(call.url, "https://graph.example.test/v26.0/1234567890");
    assert_string_equal(call.method, "GET");
    assert_str(call.headers[0].value, "Bearer EAAinvented");
    assert_int_equal(provider_meta.find_media(&a, &channel, STR("../me"), &call, &e), ST_INVALID);
    err_clear(&e);
    assert_int_equal(provider_meta.find_media(&a, &channel, STR(".."), &call, &e), ST_INVALID);
    arena_done(&a);
}

static void token_goes_to_encrypted_addresses_only(void **state) {
    struct arena a = {0};
    struct err e = ERR_INIT;
    struct http_call call;
    struct channel plain = channel;

    (void)state;
    assert_ok(
        provider_meta.get_media(&a, &channel, STR("https://files.example.test/x?mid=1"), &call, &e),
        &e);
    assert_true(call.is_guarded);
    assert_str(call.url, "https://files.example.test/x?mid=1");
    assert_int_equal(
        provider_meta.get_media(&a, &channel, STR("http://files.example.test/x"), &call, &e),
        ST_DENIED);
    err_clear(&e);
    plain.base_url = STR("http://127.0.0.1:1");
    assert_ok(provider_meta.get_media(&a, &plain, STR("http://127.0.0.1:1/x"), &call, &e), &e);
    assert_int_equal(provider_meta.get_media(&a, &plain, STR("file:///etc/passwd"), &call, &e),
                     ST_DENIED);
    arena_done(&a);
}

static struct media_answer found(struct arena *a, unsigned status, const char *body) {
    struct http_reply reply = {
        .phase = HTTP_REPLIED, .status = status, .body = str_of(body), .retry_after_ms = -1};
    struct media_answer answer;

    provider_meta.judge_find_media(a, &reply, &answer);
    return answer;
}

static void answer_says_where_the_file_is(void **state) {
    struct arena a = {0};
    struct media_answer at = found(
        &a, 200,
        "{\"messaging_product\":\"whatsapp\",\"url\":\"https://files.example.test/x\","
        "\"mime_type\":\"image/jpeg\",\"sha256\":"
        "\"2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824\",\"file_size\":303833,"
        "\"id\":\"1\"}");

    (void)state;
    assert_int_equal(at.outcome, MEDIA_FOUND);
    assert_str(at.url, "https://files.example.test/x");
    assert_int_equal(at.size, 303833);
    assert_str(at.sha256, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    arena_done(&a);
}

static void each_refusal_has_its_consequence(void **state) {
    static const struct {
        unsigned status;
        const char *body;
        enum media_outcome want;
    } cases[] = {
        {400, "{\"error\":{\"code\":100,\"error_subcode\":33,\"message\":\"x\"}}", MEDIA_GONE},
        {404, "", MEDIA_GONE},
        {404, "{\"error\":{\"code\":100,\"message\":\"x\"}}", MEDIA_GONE},
        {401, "{\"error\":{\"code\":190,\"message\":\"x\"}}", MEDIA_BLOCKED},
        {429, "{\"error\":{\"code\":4,\"message\":\"x\"}}", MEDIA_RETRY},
        {500, "oops", MEDIA_RETRY},
        {200, "{}", MEDIA_RETRY},
        {200, "<html>", MEDIA_RETRY},
        {503, "{\"error\":{\"code\":2,\"message\":\"x\"}}", MEDIA_RETRY},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a = {0};
        struct media_answer answer = found(&a, cases[i].status, cases[i].body);

        assert_int_equal(answer.outcome, cases[i].want);
        assert_true(answer.reason.len > 0 && answer.cause.len > 0);
        arena_done(&a);
    }
}

static void broken_connection_is_tried_again(void **state) {
    struct arena a = {0};
    struct media_answer answer;

    (void)state;
    provider_meta.judge_find_media(
        &a, &(struct http_reply){.phase = HTTP_CUT, .retry_after_ms = -1}, &answer);
    assert_int_equal(answer.outcome, MEDIA_RETRY);
    provider_meta.judge_put_media(&a, &(struct http_reply){.phase = HTTP_CUT, .retry_after_ms = -1},
                                  &answer);
    assert_int_equal(answer.outcome, MEDIA_RETRY);
    arena_done(&a);
}

static void upload_is_a_form_with_the_file(void **state) {
    struct arena a = {0};
    struct err e = ERR_INIT;
    struct http_call call;
    struct media_answer answer;
    struct http_reply reply = {.phase = HTTP_REPLIED,
                               .status = 200,
                               .body = STR("{\"id\":\"4490709327384033\"}"),
                               .retry_after_ms = -1};

    (void)state;
    assert_ok(provider_meta.put_media(&a, &channel,
                                      &(struct media_put){.mime = STR("image/png"),
                                                          .file_name = STR("a\"b.png"),
                                                          .bytes = STR("PNG\0bytes")},
                                      &call, &e),
              &e);
    assert_str(call.url, "https://graph.example.test/v26.0/520000000000002/media");
    assert_true(str_contains(call.body, STR("name=\"messaging_product\"\r\n\r\nwhatsapp\r\n")));
    assert_true(
        str_contains(call.body, STR("filename=\"a_b.png\"\r\nContent-Type: image/png\r\n")));
    assert_true(str_contains(call.body, STR("\r\n\r\nPNG\0bytes\r\n--")));
    assert_int_equal(provider_meta.put_media(
                         &a, &channel, &(struct media_put){.mime = STR("image/png")}, &call, &e),
                     ST_INVALID);
    provider_meta.judge_put_media(&a, &reply, &answer);
    assert_int_equal(answer.outcome, MEDIA_FOUND);
    assert_str(answer.id, "4490709327384033");
    arena_done(&a);
}

static int setup(void **state) {
    struct err e = ERR_INIT;

    (void)state;
    assert_ok(crypto_init(&e), &e);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_is_asked_for_by_its_id),
        cmocka_unit_test(token_goes_to_encrypted_addresses_only),
        cmocka_unit_test(answer_says_where_the_file_is),
        cmocka_unit_test(each_refusal_has_its_consequence),
        cmocka_unit_test(broken_connection_is_tried_again),
        cmocka_unit_test(upload_is_a_form_with_the_file),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
