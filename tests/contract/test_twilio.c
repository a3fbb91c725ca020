/* test_twilio.c - the adapter to Twilio against its fixtures: what test_provider.c and test_provider_total.c do for those that
 * speak JSON. tests/fixtures/twilio/ has
 *   *.form with *.expect.json beside  a webhook body and its event; status_* came with the query m=r:7f3a
 *   signatures.json                   Twilio's published vectors, and one for each form
 *   suite.json                        messages and the forms they become; replies are test_provider.c's
 * PROSA_UPDATE_FIXTURES=1 writes the expectations anew; whoever does that reads the difference.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "provider/twilio.h"
#include "support/fixture.h"
#include "support/invariants.h"

static const char *const kinds[] = {
    [INBOUND_MESSAGE] = "message",   [INBOUND_STATUS] = "status",
    [INBOUND_ECHO] = "echo",         [INBOUND_PREFERENCE] = "preference",
    [INBOUND_IDENTITY] = "identity", [INBOUND_ACCOUNT] = "account",
};

struct collected {
    struct arena *a;
    struct json_out *o; /* NULL: only looked at */
    size_t n;
};

static void put_event(struct json_out *o, const struct inbound *ev) {
    json_obj(o, NULL);
    json_put_str(o, "kind", str_of(kinds[ev->kind]));
    json_put_str(o, "dedup", ev->dedup);
    json_put_opt(o, "address", ev->address);
    json_put_opt(o, "account_group", ev->account_group);
    json_put_opt(o, "phone", ev->party.phone);
    json_put_opt(o, "user_id", ev->party.user_id);
    json_put_opt(o, "name", ev->party.name);
    json_put_opt(o, "message_id", ev->message_id);
    json_put_opt(o, "type", ev->type);
    if (ev->content.len > 0)
        json_put_raw(o, "content", ev->content);
    json_put_opt(o, "text", ev->text);
    json_put_opt(o, "reply_to", ev->reply_to);
    json_put_i64(o, "delivery", ev->delivery);
    json_put_opt(o, "delivery_word", ev->delivery_word);
    json_put_opt(o, "correlation", ev->correlation);
    json_put_i64(o, "error_code", ev->error_code);
    json_put_opt(o, "error_title", ev->error_title);
    json_put_bool(o, "is_stop", ev->is_stop);
    json_put_opt(o, "field", ev->field);
    json_end(o);
}

static enum status collect(void *ctx, const struct inbound *ev, struct err *e) {
    struct collected *c = ctx;

    (void)e;
    invariants_of_event(c->a, ev);
    if (c->o)
        put_event(c->o, ev);
    c->n++;
    return ST_OK;
}

static struct str events_of(struct arena *a, struct str query, struct str body) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 1 << 20};
    struct json_out o;
    struct collected c = {.a = a, .o = &o};
    struct inbound_sink sink = {.event = collect, .ctx = &c};
    struct err e = ERR_INIT;

    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_arr(&o, "events");
    if (provider_twilio.parse(a, &(struct hook){.query = query, .body = body}, &sink, &e) != ST_OK)
        fail_msg("could not parse: %s", e.message);
    json_end(&o);
    json_end(&o);
    return arena_str(a, buf_str(&b));
}

static void forms_parse_to_expected_events(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct fixture_names all = fixture_list(&a, "twilio", ".form");

    (void)state;
    assert_true(all.n > 25);
    for (size_t i = 0; i < all.n; i++) {
        struct str name = str_of(all.names[i]);
        struct str query = str_starts(name, STR("status_")) ? STR("m=r%3A7f3a") : STR_EMPTY;
        struct str got = events_of(&a, query, fixture_read(&a, "twilio", all.names[i]));
        const char *expect = arena_cstr(
            &a, arena_printf(&a, "%.*s.expect.json", STR_ARG(str_sub(name, 0, name.len - 5))));
        const struct json *events;
        struct err e = ERR_INIT;

        if (getenv("PROSA_UPDATE_FIXTURES"))
            fixture_write("twilio", expect, got);
        assert_int_equal(json_parse(&a, got, JSON_LIMITS_DEFAULT, &events, &e), ST_OK);
        if (!json_same(events, fixture_json(&a, "twilio", expect)))
            fail_msg("%s\ngot  %.*s", expect, STR_ARG(got));
    }
}

/* --- signatures ----------------------------------------------------------------------------- */

static struct str form_of(struct arena *a, const struct json *params) {
    struct buf b;
    struct str form;

    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < json_len(params); i++)
        form_put(&b, arena_cstr(a, json_str(json_at(json_at(params, i), 0))),
                 json_str(json_at(json_at(params, i), 1)));
    form = arena_str(a, buf_str(&b));
    buf_done(&b);
    return form;
}

static struct hook hook_of(struct arena *a, const struct json *v) {
    struct str url = json_str(json_get(v, "url")), query = url, path;
    struct str file = json_str(json_get(v, "file"));

    (void)str_cut(&query, '?', &path);
    return (struct hook){
        .method = STR("POST"),
        .url = url,
        .query = query,
        .signature = json_str(json_get(v, "signature")),
        .body = file.len > 0          ? fixture_read(a, "twilio", arena_cstr(a, file))
                : json_get(v, "body") ? json_str(json_get(v, "body"))
                                      : form_of(a, json_get(v, "params")),
    };
}

static void check_vectors(const struct json *set) {
    const struct channel good = {.app_secret = json_str(json_get(set, "auth_token"))};
    const struct channel second = {.app_secret = STR("another"), .old_secret = good.app_secret};
    const struct channel wrong = {.app_secret = STR("another")};
    const struct json *list = json_get(set, "vectors");

    assert_true(json_len(list) > 10);
    for (size_t i = 0; i < json_len(list); i++) {
        ATTR_CLEANUP(arena_done_p) struct arena a = {0};
        const struct json *v = json_at(list, i);
        struct hook hook = hook_of(&a, v), other = hook;
        struct err e = ERR_INIT;

        if (provider_twilio.verify(&good, &hook, &e) != ST_OK)
            fail_msg("%.*s%.*s: %s", STR_ARG(json_str(json_get(v, "name"))),
                     STR_ARG(json_str(json_get(v, "file"))), e.message);
        assert_int_equal(provider_twilio.verify(&second, &hook, &e), ST_OK);
        assert_int_equal(provider_twilio.verify(&wrong, &hook, NULL), ST_DENIED);
        assert_int_equal(provider_twilio.verify(&(struct channel){0}, &hook, NULL), ST_DENIED);
        other.body = arena_printf(&a, "%.*s&x=y", STR_ARG(hook.body));
        assert_int_equal(provider_twilio.verify(&good, &other, NULL), ST_DENIED);
        other = hook;
        other.url = arena_printf(&a, "%.*sx", STR_ARG(hook.url));
        assert_int_equal(provider_twilio.verify(&good, &other, NULL), ST_DENIED);
        other.url = STR_EMPTY;
        assert_int_equal(provider_twilio.verify(&good, &other, NULL), ST_DENIED);
        for (size_t k = 0; k < hook.signature.len; k++) {
            char *bytes = arena_cstr(&a, hook.signature);

            bytes[k] ^= 1;
            other = hook;
            other.signature = (struct str){bytes, hook.signature.len};
            assert_int_equal(provider_twilio.verify(&good, &other, NULL), ST_DENIED);
        }
        for (size_t k = 0; k < hook.body.len; k++) {
            char *bytes = arena_cstr(&a, hook.body);

            bytes[k] ^= 1;
            other = hook;
            other.body = (struct str){bytes, hook.body.len};
            assert_int_equal(provider_twilio.verify(&good, &other, NULL), ST_DENIED);
        }
    }
}

static void signatures_hold_for_the_exact_call_only(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    const struct json *all = fixture_json(&a, "twilio", "signatures.json");

    (void)state;
    check_vectors(json_get(all, "published"));
    check_vectors(json_get(all, "own"));
}

/* --- out ------------------------------------------------------------------------------------ */

static struct channel channel_of(const struct json *suite) {
    const struct json *ch = json_get(suite, "channel");

    return (struct channel){
        .address = json_str(json_get(ch, "address")),
        .base_url = json_str(json_get(ch, "base_url")),
        .owner = json_str(json_get(ch, "owner")),
        .access_token = json_str(json_get(ch, "access_token")),
        .hook_url = json_str(json_get(ch, "hook_url")),
    };
}

static enum status build(struct arena *a, const struct channel *ch, const struct json *m,
                         struct http_call *ret, struct err *e) {
    const struct outgoing msg = {
        .to_phone = json_str(json_get(m, "to_phone")),
        .to_user_id = json_str(json_get(m, "to_user_id")),
        .type = json_str(json_get(m, "type")),
        .content = json_get(m, "content"),
        .correlation = json_str(json_get(m, "correlation")),
    };

    return provider_twilio.build(a, ch, &msg, ret, e);
}

static void build_makes_what_twilio_documents(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    const struct json *suite = fixture_json(&a, "twilio", "suite.json");
    const struct json *rows = json_get(suite, "send"), *refused = json_get(suite, "refused");
    struct channel ch = channel_of(suite);

    (void)state;
    assert_true(json_len(rows) > 5);
    for (size_t i = 0; i < json_len(rows); i++) {
        const struct json *row = json_at(rows, i);
        struct str path = json_str(json_get(json_get(row, "url") ? row : suite, "url"));
        struct http_call call = {0};
        struct err e = ERR_INIT;

        if (build(&a, &ch, json_get(row, "message"), &call, &e) != ST_OK)
            fail_msg("%.*s: %s", STR_ARG(json_str(json_get(row, "name"))), e.message);
        if (!str_eq(call.body, json_str(json_get(row, "form"))))
            fail_msg("%.*s\ngot  %.*s\nwant %.*s", STR_ARG(json_str(json_get(row, "name"))),
                     STR_ARG(call.body), STR_ARG(json_str(json_get(row, "form"))));
        assert_true(
            str_eq(call.url, arena_printf(&a, "%.*s%.*s", STR_ARG(ch.base_url), STR_ARG(path))));
        assert_int_equal(call.reach, REACH_UNSET);
        assert_true(str_starts(call.headers[0].value, STR("Basic ")));
    }
    for (size_t i = 0; i < json_len(refused); i++) {
        struct http_call call = {0};
        struct err e = ERR_INIT;

        assert_int_equal(build(&a, &ch, json_at(refused, i), &call, &e), ST_INVALID);
        assert_true(e.message[0] != '\0');
    }
}

static void an_account_that_lacks_something_is_told(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct channel ch = channel_of(fixture_json(&a, "twilio", "suite.json"));
    struct http_call call;
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(provider_twilio.probe(&a, &ch, &call, &e), ST_OK);
    ch.owner = STR("ACx/../y");
    assert_int_equal(provider_twilio.probe(&a, &ch, &call, &e), ST_INVALID);
}

static void credentials_go_to_twilio_alone(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct channel ch = channel_of(fixture_json(&a, "twilio", "suite.json"));
    struct http_call call;
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(
        provider_twilio.get_media(&a, &ch, STR("https://api.example.test/x"), &call, &e), ST_OK);
    assert_true(call.is_guarded);
    assert_int_equal(
        provider_twilio.get_media(&a, &ch, STR("https://api.example.test.evil.test/x"), &call, &e),
        ST_DENIED);
    err_clear(&e);
    assert_int_equal(provider_twilio.get_media(&a, &ch, STR("http://other.test/x"), &call, &e),
                     ST_DENIED);
}

/* --- templates ------------------------------------------------------------------------------ */

static void content_is_listed_with_its_approval(void **state) {
    static const char body[] =
        "{\"meta\":{\"key\":\"contents\",\"next_page_url\":\"https://content.twilio.com/v1/"
        "ContentAndApprovals?PageSize=100&Page=1&PageToken=x\"},\"contents\":[{\"sid\":"
        "\"HX0123456789abcdef0123456789abcdef\",\"friendly_name\":\"aviso\",\"language\":\"pt_BR\","
        "\"variables\":{\"1\":\"Ana\"},\"types\":{\"twilio/text\":{\"body\":\"Oi {{1}}\"}},"
        "\"approval_requests\":{\"status\":\"approved\",\"category\":\"UTILITY\"}},{\"sid\":3}]}";
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    const struct http_reply reply = {
        .phase = HTTP_REPLIED, .status = 200, .body = str_of(body), .retry_after_ms = -1};
    struct template_answer r;

    (void)state;
    provider_twilio.judge_list_templates(&a, &reply, &r);
    assert_int_equal(r.outcome, SEND_ACCEPTED);
    assert_int_equal(r.n, 1);
    assert_true(str_eq(r.items[0].ref, STR("HX0123456789abcdef0123456789abcdef")));
    assert_true(str_eq(r.items[0].status, STR("approved")));
    assert_true(str_eq(r.items[0].category, STR("utility")));
    assert_true(str_eq(r.items[0].body, STR("Oi {{1}}")));
    assert_true(str_eq(r.next, STR("PageSize=100&Page=1&PageToken=x")));
}

/* --- where it calls us ---------------------------------------------------------------------- */

#define HERE    "https://prosa.example.test/webhooks/twilio/1"
#define SERVICE "MG0123456789abcdef0123456789abcdef"

static struct hook_answer told(struct arena *a, const struct channel *ch, const char *after,
                               unsigned status, const char *body) {
    const struct http_reply reply = {
        .phase = HTTP_REPLIED, .status = status, .body = str_of(body), .retry_after_ms = -1};
    struct hook_answer r;

    provider_twilio.judge_hook(a, ch, str_of(after), &reply, &r);
    invariants_of_hook_answer(&r);
    return r;
}

static struct hook_answer sender_with(struct arena *a, const char *number, const char *url,
                                      const char *method) {
    const struct channel ch = {.address = STR("5511995550100"), .hook_url = STR(HERE)};
    struct str body = arena_printf(a,
                                   "{\"senders\":[{\"sender_id\":\"whatsapp:+%s\",\"webhook\":{"
                                   "\"callback_url\":\"%s\",\"callback_method\":%s}}]}",
                                   number, url, method);

    return told(a, &ch, "", 200, arena_cstr(a, body));
}

static void the_senders_address_is_compared_as_signatures_are(void **state) {
    static const struct {
        const char *number, *url, *method;
        enum hook_outcome want;
        const char *found;
    } cases[] = {
        {"5511995550100", HERE, "\"POST\"", HOOK_ENTERED, HERE},
        {"5511995550100", HERE "#rc=3&rp=all", "null", HOOK_ENTERED, HERE},
        {"5511995550100", HERE "?x=1#rc=3", "\"POST\"", HOOK_ENTERED, HERE "…"},
        {"551195550100", HERE, "\"POST\"", HOOK_ENTERED, HERE}, /* without the ninth digit */
        {"5511995550100", "https://prosa.example.test:443/webhooks/twilio/1", "null", HOOK_ENTERED,
         "https://prosa.example.test:443/webhooks/twilio/1"},
        {"5511995550100", HERE, "\"PUT\"", HOOK_OTHER, "PUT " HERE},
        {"5511995550100", HERE "/", "\"POST\"", HOOK_OTHER, HERE "/"},
        {"5511995550100", "http://prosa.example.test/webhooks/twilio/1", "null", HOOK_OTHER,
         "http://prosa.example.test/webhooks/twilio/1"},
        {"5511995550100", "https://prosa.example.test:8443/webhooks/twilio/1", "null", HOOK_OTHER,
         "https://prosa.example.test:8443/webhooks/twilio/1"},
        {"5511995550100", "https://ana:secret@other.test/in?token=secret", "null", HOOK_OTHER,
         "https://***@other.test/in…"},
        {"5511995550100", "nonsense", "null", HOOK_OTHER, "nonsense"},
        {"5511995550100", "https://a\\nb.test/\\u00e7", "null", HOOK_OTHER, "https://a*b.test/**"},
        {"5511995550100", "", "null", HOOK_MISSING, ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ATTR_CLEANUP(arena_done_p) struct arena a = {0};
        struct hook_answer r = sender_with(&a, cases[i].number, cases[i].url, cases[i].method);

        if (r.outcome != cases[i].want || !str_eq(r.found, str_of(cases[i].found)))
            fail_msg("%s: %d, found \"%.*s\"", cases[i].url, r.outcome, STR_ARG(r.found));
        assert_true(str_eq(r.place, STR("sender")));
        assert_true(r.outcome == HOOK_ENTERED || str_contains(r.advice, STR(HERE "#rc=3&rp=all")));
    }
}

static void a_service_calls_unless_it_leaves_that_to_its_senders(void **state) {
    const struct channel ch = {.address = STR("1"), .hook_url = STR(HERE), .service = STR(SERVICE)};
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct hook_answer r;

    (void)state;
    r = told(&a, &ch, "", 200, "{\"sid\":\"MG1\",\"inbound_request_url\":\"" HERE "\"}");
    assert_int_equal(r.outcome, HOOK_ENTERED);
    assert_true(str_eq(r.place, STR("service")));
    r = told(&a, &ch, "", 200, "{\"sid\":\"MG1\",\"inbound_request_url\":null}");
    assert_int_equal(r.outcome, HOOK_MISSING);
    r = told(&a, &ch, "", 200,
             "{\"sid\":\"MG1\",\"inbound_request_url\":\"" HERE "\",\"inbound_method\":\"GET\"}");
    assert_int_equal(r.outcome, HOOK_OTHER);
    r = told(&a, &ch, "", 404, "{\"code\":20404}");
    assert_int_equal(r.outcome, HOOK_NO_SENDER);
    r = told(&a, &ch, "", 200,
             "{\"sid\":\"MG1\",\"inbound_request_url\":\"https://other.test\","
             "\"use_inbound_webhook_on_number\":true}");
    assert_int_equal(r.outcome, HOOK_ASK_ON);
    r = told(&a, &ch, arena_cstr(&a, r.next), 200,
             "{\"senders\":[{\"sender_id\":\"whatsapp:+1\",\"webhook\":null}]}");
    assert_int_equal(r.outcome, HOOK_MISSING);
    assert_true(str_eq(r.place, STR("sender")));
}

static struct str asked(struct arena *a, const struct channel *ch, struct str after) {
    struct http_call call = {0};
    struct err e = ERR_INIT;

    assert_int_equal(provider_twilio.ask_hook(a, ch, after, &call, &e), ST_OK);
    assert_string_equal(call.method, "GET");
    assert_true(str_starts(call.headers[0].value, STR("Basic ")));
    return call.url;
}

static void a_sender_is_looked_for_on_every_page_and_then_among_the_numbers(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct channel ch = channel_of(fixture_json(&a, "twilio", "suite.json"));
    struct hook_answer r;

    (void)state;
    ch.base_url = STR_EMPTY;
    assert_true(str_eq(asked(&a, &ch, STR_EMPTY),
                       STR("https://messaging.twilio.com/v2/Channels/Senders?Channel=whatsapp&"
                           "PageSize=1000")));
    r = told(&a, &ch, "", 200,
             "{\"senders\":[{\"sender_id\":\"whatsapp:+1\"}],\"meta\":{\"next_page_url\":"
             "\"https://evil.test/x?Channel=whatsapp&PageToken=b\"}}");
    assert_int_equal(r.outcome, HOOK_ASK_ON);
    assert_true(str_eq(asked(&a, &ch, r.next),
                       STR("https://messaging.twilio.com/v2/Channels/Senders?Channel=whatsapp&"
                           "PageToken=b")));
    r = told(&a, &ch, "", 200, "{\"senders\":[],\"meta\":{\"next_page_url\":null}}");
    assert_int_equal(r.outcome, HOOK_ASK_ON);
    assert_true(str_starts(asked(&a, &ch, r.next), STR("https://api.twilio.com/2010-04-01/")));
    assert_true(str_ends(asked(&a, &ch, r.next),
                         arena_printf(&a, "PhoneNumber=%%2B%.*s", STR_ARG(ch.address))));
    assert_int_equal(told(&a, &ch, "number", 200, "{\"incoming_phone_numbers\":[]}").outcome,
                     HOOK_NO_SENDER);
    r = told(&a, &ch, "number", 200,
             "{\"incoming_phone_numbers\":[{\"sms_url\":\"https://sms.test/a\"}]}");
    assert_int_equal(r.outcome, HOOK_NO_SENDER);
    assert_true(str_contains(r.reason, STR("https://sms.test/a")));
    ch.service = STR(SERVICE);
    assert_true(str_eq(asked(&a, &ch, STR_EMPTY),
                       STR("https://messaging.twilio.com/v1/Services/" SERVICE)));
}

static void what_may_not_be_read_is_no_verdict(void **state) {
    const struct channel ch = {.address = STR("1"), .hook_url = STR(HERE)};
    const struct http_reply cut = {.phase = HTTP_CUT, .retry_after_ms = -1};
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct hook_answer r;

    (void)state;
    assert_int_equal(told(&a, &ch, "", 401, "{\"code\":20003}").outcome, HOOK_DENIED);
    assert_int_equal(told(&a, &ch, "", 403, "{}").outcome, HOOK_DENIED);
    assert_int_equal(told(&a, &ch, "number", 403, "").outcome, HOOK_DENIED);
    assert_int_equal(told(&a, &ch, "", 429, "{\"code\":20429}").outcome, HOOK_NOT_TOLD);
    assert_int_equal(told(&a, &ch, "", 500, "").outcome, HOOK_NOT_TOLD);
    assert_int_equal(told(&a, &ch, "", 200, "<html>").outcome, HOOK_NOT_TOLD);
    assert_int_equal(told(&a, &ch, "", 200, "{\"senders\":3}").outcome, HOOK_NOT_TOLD);
    provider_twilio.judge_hook(&a, &ch, STR_EMPTY, &cut, &r);
    invariants_of_hook_answer(&r);
    assert_int_equal(r.outcome, HOOK_NOT_TOLD);
}

static void an_api_key_is_tried_on_what_it_may_read(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct channel ch = channel_of(fixture_json(&a, "twilio", "suite.json"));
    const struct http_reply reply = {.phase = HTTP_REPLIED,
                                     .status = 200,
                                     .body = STR("{\"messages\":[]}"),
                                     .retry_after_ms = -1};
    struct http_call call = {0};
    struct send_result r;
    struct err e = ERR_INIT;

    (void)state;
    ch.user = STR("SK0123456789abcdef0123456789abcdef");
    assert_int_equal(provider_twilio.probe(&a, &ch, &call, &e), ST_OK);
    assert_true(str_ends(call.url, STR("/Messages.json?PageSize=1")));
    provider_twilio.judge_probe(&a, &reply, &r);
    invariants_of_result(&r);
    assert_int_equal(r.outcome, SEND_ACCEPTED);
}

/* --- any bytes ------------------------------------------------------------------------------ */

static void try_form(struct arena *a, struct str body) {
    struct collected c = {.a = a};
    struct inbound_sink sink = {.event = collect, .ctx = &c};
    const struct channel ch = {.app_secret = STR("x")};
    struct hook hook = {.query = STR("m=%ff%00"), .body = body};
    struct err e = ERR_INIT;
    enum status st;

    arena_reset(a);
    st = provider_twilio.parse(a, &hook, &sink, &e);
    assert_true(st == ST_OK || (st == ST_INVALID && c.n == 0));
    hook.url = STR("https://x.test/y");
    hook.signature = STR("AAAA");
    assert_int_equal(provider_twilio.verify(&ch, &hook, NULL), ST_DENIED);
}

static void any_form_is_parsed_or_refused(void **state) {
    static const char replacements[] = {'&', '=', '%', '\0', '+', '\xFF', '{', '"'};
    ATTR_CLEANUP(arena_done_p) struct arena a = {0}, work = {0};
    struct fixture_names all = fixture_list(&a, "twilio", ".form");

    (void)state;
    for (size_t i = 0; i < all.n; i++) {
        struct str body = fixture_read(&a, "twilio", all.names[i]);

        for (size_t len = 0; len <= body.len; len++) {
            char *copy = malloc(len + 1); /* exact end: a sanitizer sees what reads past it */

            assert_non_null(copy);
            memcpy(copy, body.ptr, len);
            if (len > 0)
                copy[len / 2] = replacements[len % sizeof(replacements)];
            try_form(&work, (struct str){copy, len});
            free(copy);
        }
    }
}

static int start(void **state) {
    struct err e = ERR_INIT;

    (void)state;
    return crypto_init(&e) == ST_OK ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_parse_to_expected_events),
        cmocka_unit_test(signatures_hold_for_the_exact_call_only),
        cmocka_unit_test(build_makes_what_twilio_documents),
        cmocka_unit_test(an_account_that_lacks_something_is_told),
        cmocka_unit_test(credentials_go_to_twilio_alone),
        cmocka_unit_test(content_is_listed_with_its_approval),
        cmocka_unit_test(the_senders_address_is_compared_as_signatures_are),
        cmocka_unit_test(a_service_calls_unless_it_leaves_that_to_its_senders),
        cmocka_unit_test(a_sender_is_looked_for_on_every_page_and_then_among_the_numbers),
        cmocka_unit_test(what_may_not_be_read_is_no_verdict),
        cmocka_unit_test(an_api_key_is_tried_on_what_it_may_read),
        cmocka_unit_test(any_form_is_parsed_or_refused),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
