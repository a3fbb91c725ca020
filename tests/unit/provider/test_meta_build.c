/* test_meta_build.c - what WhatsApp would refuse never leaves us, and the refusal says why. What is
 * accepted is compared with Meta's own samples in tests/contract/test_provider.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "provider/provider.h"
#include "unit/check.h"

static const struct channel channel = {
    .address = STR("520000000000002"),
    .base_url = STR("https://graph.example.test"),
    .version = STR("v26.0"),
    .access_token = STR("EAAinvented"),
};

static enum status build(struct arena *a, const char *type, struct str content, struct err *e) {
    struct http_call call = {0};
    struct outgoing msg = {.to_phone = STR("5511955550123"), .type = str_of(type)};

    assert_ok(json_parse(a, content, JSON_LIMITS_DEFAULT, &msg.content, e), e);
    return provider_meta.build(a, &channel, &msg, &call, e);
}

static void check_taken(const char *type, const char *content) {
    struct arena a = {0};
    struct err e = ERR_INIT;

    assert_ok(build(&a, type, str_of(content), &e), &e);
    arena_done(&a);
}

static void check_refused(const char *type, struct str content, const char *why) {
    struct arena a = {0};
    struct err e = ERR_INIT;

    assert_int_equal(build(&a, type, content, &e), ST_INVALID);
    if (!str_contains(str_of(e.message), str_of(why)))
        fail_msg("\"%s\" does not say \"%s\"", e.message, why);
    arena_done(&a);
}

/* n times a two-byte character: lengths count characters, not bytes. */
static struct str long_text(struct arena *a, size_t n) {
    char *s = arena_alloc(a, 2 * n + 1);

    for (size_t i = 0; i < n; i++)
        memcpy(s + 2 * i, "\xC3\xA7", 2);
    return (struct str){.ptr = s, .len = 2 * n};
}

static void lengths_count_characters(void **state) {
    static const struct {
        const char *type, *format, *why;
        size_t max;
    } cases[] = {
        {"text", "{\"text\":\"%.*s\"}", "4097 characters, WhatsApp takes at most 4096", 4096},
        {"image", "{\"media\":{\"id\":\"1\"},\"caption\":\"%.*s\"}", "at most 1024", 1024},
        {"buttons", "{\"text\":\"%.*s\",\"buttons\":[{\"id\":\"1\",\"title\":\"a\"}]}",
         "at most 1024", 1024},
        {"buttons",
         "{\"text\":\"t\",\"header\":\"%.*s\",\"buttons\":[{\"id\":\"1\",\"title\":\"a\"}]}",
         "the header has 61", 60},
        {"buttons",
         "{\"text\":\"t\",\"footer\":\"%.*s\",\"buttons\":[{\"id\":\"1\",\"title\":\"a\"}]}",
         "the footer has 61", 60},
        {"buttons", "{\"text\":\"t\",\"buttons\":[{\"id\":\"1\",\"title\":\"%.*s\"}]}",
         "button's title has 21", 20},
        {"buttons", "{\"text\":\"t\",\"buttons\":[{\"id\":\"%.*s\",\"title\":\"a\"}]}",
         "button's id has 257", 256},
        {"list",
         "{\"text\":\"%.*s\",\"button\":\"b\",\"sections\":[{\"rows\":[{\"id\":\"1\",\"title\":\"a\"}]}]}",
         "at most 4096", 4096},
        {"list",
         "{\"text\":\"t\",\"button\":\"%.*s\",\"sections\":[{\"rows\":[{\"id\":\"1\",\"title\":\"a\"}]}]}",
         "list's button has 21", 20},
        {"list",
         "{\"text\":\"t\",\"button\":\"b\",\"sections\":[{\"title\":\"%.*s\",\"rows\":[{\"id\":\"1\","
         "\"title\":\"a\"}]}]}",
         "section's title has 25", 24},
        {"list",
         "{\"text\":\"t\",\"button\":\"b\",\"sections\":[{\"rows\":[{\"id\":\"1\",\"title\":\"%.*s\"}]}]}",
         "row's title has 25", 24},
        {"list",
         "{\"text\":\"t\",\"button\":\"b\",\"sections\":[{\"rows\":[{\"id\":\"%.*s\",\"title\":\"a\"}]}]}",
         "row's id has 201", 200},
        {"list",
         "{\"text\":\"t\",\"button\":\"b\",\"sections\":[{\"rows\":[{\"id\":\"1\",\"title\":\"a\","
         "\"description\":\"%.*s\"}]}]}",
         "row's description has 73", 72},
        {"link", "{\"text\":\"t\",\"title\":\"%.*s\",\"url\":\"https://example.test\"}",
         "button's title has 21", 20},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a = {0};
        struct str fits = long_text(&a, cases[i].max), over = long_text(&a, cases[i].max + 1);
        char content[3 * 4096 + 1024];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)snprintf(content, sizeof(content), cases[i].format, STR_ARG(fits));
        check_taken(cases[i].type, content);
        (void)snprintf(content, sizeof(content), cases[i].format, STR_ARG(over));
#pragma GCC diagnostic pop
        check_refused(cases[i].type, str_of(content), cases[i].why);
        arena_done(&a);
    }
}

static void refusals_say_why(void **state) {
    static const struct {
        const char *type, *content, *why;
    } cases[] = {
        {"text", "{}", "the text is empty"},
        {"text", "{\"text\":5}", "the text is empty"},
        {"text", "[]", "the text is empty"},
        {"poll", "{}", "no way to send \"poll\""},
        {"choice", "{\"id\":\"1\"}", "no way to send"}, /* inbound only */
        {"image", "{}", "either an id or a link"},
        {"image", "{\"media\":{\"id\":\"1\",\"link\":\"https://x.test\"}}",
         "either an id or a link"},
        {"video", "{\"media\":{\"link\":\"file:///etc/passwd\"}}", "not an http address"},
        {"audio", "{\"media\":{\"id\":\"1\"},\"caption\":\"c\"}", "no caption"},
        {"sticker", "{\"media\":{\"id\":\"1\"},\"caption\":\"c\"}", "no caption"},
        {"location", "{\"latitude\":1}", "longitude is not a number"},
        {"location", "{\"latitude\":90.5,\"longitude\":0}",
         "latitude is not a number from -90 to 90"},
        {"location", "{\"latitude\":\"1\",\"longitude\":0}", "latitude"},
        {"contacts", "{\"contacts\":[]}", "no contact card"},
        {"contacts", "{\"contacts\":{}}", "no contact card"},
        {"contacts", "{\"contacts\":[{\"name\":{\"formatted_name\":\"A\"}}]}", "card 1 needs"},
        {"reaction", "{\"emoji\":\"x\"}", "names no message"},
        {"reaction", "{\"target\":\"wamid.1\"}", "no emoji"},
        {"template", "{\"name\":\"a\"}", "a name and a language"},
        {"template",
         "{\"name\":\"a\",\"language\":\"pt_BR\",\"components\":[{\"type\":\"body\",\"parameters\":["
         "{\"type\":\"text\",\"text\":\"a\\nb\"}]}]}",
         "line break"},
        {"template",
         "{\"name\":\"a\",\"language\":\"pt_BR\",\"components\":[{\"type\":\"body\",\"parameters\":["
         "{\"type\":\"text\",\"text\":\"\"}]}]}",
         "parameter 1 of the template is empty"},
        {"template", "{\"name\":\"a\",\"language\":\"pt_BR\",\"components\":[{}]}", "no type"},
        {"buttons", "{\"text\":\"t\",\"buttons\":[]}", "0 buttons, WhatsApp takes 1 to 3"},
        {"buttons", "{\"text\":\"t\",\"buttons\":{\"id\":\"1\"}}", "0 buttons"},
        {"buttons", "{\"text\":\"t\",\"buttons\":[{},{},{},{}]}", "4 buttons"},
        {"buttons", "{\"text\":\"t\",\"buttons\":[{\"id\":\"1\"}]}", "title is empty"},
        {"buttons", "{\"buttons\":[{\"id\":\"1\",\"title\":\"a\"}]}", "text is empty"},
        {"buttons",
         "{\"text\":\"t\",\"buttons\":[{\"id\":\"1\",\"title\":\"a\"},{\"id\":\"1\",\"title\":\"b\"}]}",
         "same id or title"},
        {"buttons",
         "{\"text\":\"t\",\"buttons\":[{\"id\":\"1\",\"title\":\"a\"},{\"id\":\"2\",\"title\":\"a\"}]}",
         "same id or title"},
        {"buttons",
         "{\"text\":\"t\",\"header\":{\"type\":\"audio\"},\"buttons\":[{\"id\":\"1\",\"title\":\"a\"}]}",
         "neither a text nor"},
        {"list",
         "{\"text\":\"t\",\"header\":{\"type\":\"image\"},\"button\":\"b\",\"sections\":[{\"rows\":["
         "{\"id\":\"1\",\"title\":\"a\"}]}]}",
         "header is not a text"},
        {"list", "{\"text\":\"t\",\"button\":\"b\",\"sections\":[]}", "0 sections"},
        {"list", "{\"text\":\"t\",\"button\":\"b\",\"sections\":[{\"rows\":[]}]}", "no rows"},
        {"list",
         "{\"text\":\"t\",\"button\":\"b\",\"sections\":[{\"title\":\"s\",\"rows\":[{\"id\":\"1\",\"title\":"
         "\"a\"}]},{\"rows\":[{\"id\":\"2\",\"title\":\"b\"}]}]}",
         "section's title is empty"},
        {"list",
         "{\"text\":\"t\",\"button\":\"b\",\"sections\":[{\"rows\":[{\"id\":\"1\",\"title\":\"a\"},"
         "{\"id\":\"1\",\"title\":\"b\"}]}]}",
         "rows 1 and 2 have the same id"},
        {"list",
         "{\"text\":\"t\",\"button\":\"b\",\"sections\":[{\"title\":\"a\",\"rows\":[{},{},{},{},{},{}]},"
         "{\"title\":\"b\",\"rows\":[{},{},{},{},{}]}]}",
         "11 rows, WhatsApp takes 10"},
        {"link", "{\"text\":\"t\",\"title\":\"a\",\"url\":\"javascript:alert(1)\"}",
         "not an http address"},
        {"ask_location", "{}", "text is empty"},
        {"read", "{}", "no message to mark"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check_refused(cases[i].type, str_of(cases[i].content), cases[i].why);
}

static enum status build_to(struct arena *a, const struct channel *ch, struct outgoing msg,
                            struct http_call *ret, struct err *e) {
    msg.type = STR("text");
    assert_ok(json_parse(a, STR("{\"text\":\"oi\"}"), JSON_LIMITS_DEFAULT, &msg.content, e), e);
    return provider_meta.build(a, ch, &msg, ret, e);
}

static void the_recipient_is_a_phone_or_a_user_id(void **state) {
    struct arena a = {0};
    struct http_call call = {0};
    struct err e = ERR_INIT;

    (void)state;
    assert_ok(
        build_to(&a, &channel,
                 (struct outgoing){.to_phone = STR("5511955550123"), .to_user_id = STR("BR.1")},
                 &call, &e),
        &e);
    assert_true(str_contains(call.body, STR("\"to\":\"+5511955550123\"")));
    assert_false(str_contains(call.body, STR("BR.1")));
    assert_ok(
        build_to(&a, &channel, (struct outgoing){.to_phone = STR("+5511955550123")}, &call, &e),
        &e);
    assert_true(str_contains(call.body, STR("\"to\":\"+5511955550123\"")));
    assert_int_equal(build_to(&a, &channel, (struct outgoing){0}, &call, &e), ST_INVALID);
    arena_done(&a);
}

static void odd_accounts_are_refused(void **state) {
    static const char *const addresses[] = {"", "../me", "1 2", "1?x=y", "1/2", "1\n2"};
    static const char *const tokens[] = {"a\r\nX-Evil: 1", "a b", "a\tb", "\xC3\xA9"};
    struct outgoing to_ana = {.to_phone = STR("5511955550123")};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        struct arena a = {0};
        struct channel ch = channel;
        struct http_call call = {0};
        struct err e = ERR_INIT;

        ch.address = str_of(addresses[i]);
        assert_int_equal(build_to(&a, &ch, to_ana, &call, &e), ST_INVALID);
        err_clear(&e);
        assert_int_equal(provider_meta.probe(&a, &ch, &call, &e), ST_INVALID);
        arena_done(&a);
    }
    for (size_t i = 0; i < ARRAY_LEN(tokens); i++) {
        struct arena a = {0};
        struct channel ch = channel;
        struct http_call call = {0};
        struct err e = ERR_INIT;

        ch.access_token = str_of(tokens[i]);
        assert_int_equal(build_to(&a, &ch, to_ana, &call, &e), ST_INVALID);
        assert_int_equal(call.n_headers, 0);
        arena_done(&a);
    }
}

static void the_correlation_fits_512_bytes(void **state) {
    struct arena a = {0};
    struct http_call call = {0};
    struct err e = ERR_INIT;
    struct outgoing msg = {.to_phone = STR("5511955550123"), .correlation = long_text(&a, 256)};

    (void)state;
    assert_ok(build_to(&a, &channel, msg, &call, &e), &e);
    msg.correlation = long_text(&a, 257);
    assert_int_equal(build_to(&a, &channel, msg, &call, &e), ST_INVALID);
    arena_done(&a);
}

static void the_probe_asks_for_the_number(void **state) {
    struct arena a = {0};
    struct http_call call = {0};
    struct err e = ERR_INIT;

    (void)state;
    assert_ok(provider_meta.probe(&a, &channel, &call, &e), &e);
    assert_string_equal(call.method, "GET");
    assert_str(call.url, "https://graph.example.test/v26.0/520000000000002"
                         "?fields=id,display_phone_number,verified_name,quality_rating,throughput");
    assert_int_equal(call.body.len, 0);
    assert_str(call.headers[0].value, "Bearer EAAinvented");
    arena_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_count_characters),
        cmocka_unit_test(refusals_say_why),
        cmocka_unit_test(the_recipient_is_a_phone_or_a_user_id),
        cmocka_unit_test(odd_accounts_are_refused),
        cmocka_unit_test(the_correlation_fits_512_bytes),
        cmocka_unit_test(the_probe_asks_for_the_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
