/* test_provider.c - every adapter against its recorded fixtures and the contract of provider.h.
 * An adapter called x brings tests/fixtures/x/:
 *   *.json with *.expect.json beside  a webhook body and the events it means
 *   signatures.json                   {"app_secret", "vectors": [{"file" | "body", "header"}]}
 *   suite.json                        {"channel", "url", "send": [{"fixture", "message"}],
 *                                      "replies": [{"fixture", "expect"}]}
 * PROSA_UPDATE_FIXTURES=1 writes the expectations anew; whoever does that reads the difference.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "support/fixture.h"
#include "support/invariants.h"

#define EXPECT_SUFFIX ".expect.json"

enum { GOLDEN_MAX_BYTES = 4 << 20 };

/* --- events as JSON ------------------------------------------------------------------------- */

static const char *const kind_names[] = {
    [INBOUND_MESSAGE] = "message",   [INBOUND_STATUS] = "status",
    [INBOUND_ECHO] = "echo",         [INBOUND_PREFERENCE] = "preference",
    [INBOUND_IDENTITY] = "identity", [INBOUND_ACCOUNT] = "account",
};

static const char *const delivery_names[] = {
    [DELIVERY_UNKNOWN] = "unknown", [DELIVERY_PENDING] = "pending",
    [DELIVERY_SENT] = "sent",       [DELIVERY_DELIVERED] = "delivered",
    [DELIVERY_READ] = "read",       [DELIVERY_PLAYED] = "played",
    [DELIVERY_FAILED] = "failed",
};

static const char *const outcome_names[] = {
    [SEND_ACCEPTED] = "accepted", [SEND_RETRY] = "retry",         [SEND_REJECTED] = "rejected",
    [SEND_BLOCKED] = "blocked",   [SEND_UNCERTAIN] = "uncertain",
};

static void put_party(struct json_out *o, const struct party *p) {
    json_obj(o, "party");
    json_put_opt(o, "phone", p->phone);
    json_put_opt(o, "user_id", p->user_id);
    json_put_opt(o, "name", p->name);
    json_put_opt(o, "username", p->username);
    json_end(o);
}

static void put_message(struct json_out *o, const struct inbound *ev) {
    json_put_opt(o, "message_id", ev->message_id);
    json_put_opt(o, "type", ev->type);
    if (ev->content.len > 0)
        json_put_raw(o, "content", ev->content);
    json_put_opt(o, "text", ev->text);
    json_put_opt(o, "reply_to", ev->reply_to);
}

static void put_status(struct json_out *o, const struct inbound *ev) {
    if (ev->kind == INBOUND_STATUS)
        json_put_str(o, "delivery", str_of(delivery_names[ev->delivery]));
    json_put_opt(o, "delivery_word", ev->delivery_word);
    json_put_opt(o, "correlation", ev->correlation);
    if (ev->error_code != 0)
        json_put_i64(o, "error_code", ev->error_code);
    json_put_opt(o, "error_title", ev->error_title);
    if (ev->pricing.len > 0)
        json_put_raw(o, "pricing", ev->pricing);
}

static void put_event(struct json_out *o, const struct inbound *ev) {
    json_obj(o, NULL);
    json_put_str(o, "kind", str_of(kind_names[ev->kind]));
    json_put_str(o, "dedup", ev->dedup);
    json_put_opt(o, "address", ev->address);
    json_put_opt(o, "account_group", ev->account_group);
    json_put_i64(o, "at_ms", ev->at_ms);
    put_party(o, &ev->party);
    put_message(o, ev);
    put_status(o, ev);
    json_put_opt(o, "category", ev->category);
    if (ev->kind == INBOUND_PREFERENCE)
        json_put_bool(o, "is_stop", ev->is_stop);
    json_put_opt(o, "new_phone", ev->new_phone);
    json_put_opt(o, "new_user_id", ev->new_user_id);
    if (ev->kind == INBOUND_ACCOUNT) {
        json_put_str(o, "field", ev->field);
        json_put_raw(o, "raw", ev->raw);
    }
    json_end(o);
}

struct collected {
    struct arena *arena;
    struct json_out *out; /* NULL: only count */
    size_t n;
    struct str last_dedup;
};

static enum status collect(void *ctx, const struct inbound *ev, struct err *e) {
    struct collected *c = ctx;

    (void)e;
    invariants_of_event(c->arena, ev);
    if (c->out)
        put_event(c->out, ev);
    c->last_dedup = ev->dedup;
    c->n++;
    return ST_OK;
}

/* The events of body as {"events": […]}. */
static struct str events_text(struct arena *a, const struct provider *p, struct str body) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {0};
    struct json_out o;
    struct collected c = {.arena = a, .out = &o};
    struct inbound_sink sink = {.event = collect, .ctx = &c};
    struct err e = ERR_INIT;

    buf_init(&b, GOLDEN_MAX_BYTES);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_arr(&o, "events");
    if (p->parse(a, &(struct hook){.body = body}, &sink, &e) != ST_OK)
        fail_msg("could not parse: %s", e.message);
    json_end(&o);
    json_end(&o);
    return arena_str(a, buf_str(&b));
}

/* --- in ------------------------------------------------------------------------------------- */

static const char *fixture_of(struct arena *a, const char *expectation) {
    struct str name = str_of(expectation);

    return arena_cstr(
        a, arena_printf(a, "%.*s.json",
                        STR_ARG(str_sub(name, 0, name.len - (sizeof(EXPECT_SUFFIX) - 1)))));
}

static void check_golden(const struct provider *p, const char *expectation) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct str body = fixture_read(&a, p->name, fixture_of(&a, expectation));
    struct str got = events_text(&a, p, body);
    const struct json *events;
    struct err e = ERR_INIT;

    if (json_parse(&a, got, JSON_LIMITS_DEFAULT, &events, &e) != ST_OK)
        fail_msg("%s: the events are no JSON: %s", expectation, e.message);
    if (!json_same(events, fixture_json(&a, p->name, expectation)))
        fail_msg("%s\ngot  %.*s\nwant %.*s", expectation, STR_ARG(got),
                 STR_ARG(json_text(&a, fixture_json(&a, p->name, expectation))));
}

static void update_golden(struct arena *a, const struct provider *p, const char *fixture) {
    struct str name = str_of(fixture);
    struct str stem = str_sub(name, 0, name.len - 5);

    fixture_write(p->name, arena_cstr(a, arena_printf(a, "%.*s" EXPECT_SUFFIX, STR_ARG(stem))),
                  events_text(a, p, fixture_read(a, p->name, fixture)));
}

/* Webhook bodies are objects that name what they are about; requests and answers do not. */
static bool is_webhook(struct arena *a, const struct provider *p, const char *fixture) {
    const struct json *v;
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct err e = ERR_INIT;

    limits.allow_duplicates = true;
    if (json_parse(a, fixture_read(a, p->name, fixture), limits, &v, &e) != ST_OK)
        return true; /* broken on purpose: see lenient.h */
    return json_get(v, "object") != NULL && !str_ends(str_of(fixture), STR(EXPECT_SUFFIX));
}

/* Those that speak in forms have a suite of their own: test_twilio.c. */
static bool calls_are_json(const struct provider *p) {
    return p != &provider_twilio;
}

static void fixtures_parse_to_expected_events(void **state) {
    bool update = getenv("PROSA_UPDATE_FIXTURES") != NULL;

    (void)state;
    for (size_t i = 0; providers[i]; i++) {
        if (providers[i]->transport == TRANSPORT_MAIL)
            continue; /* contract/test_email.c */
        ATTR_CLEANUP(arena_done_p) struct arena a = {0};
        if (!calls_are_json(providers[i]))
            continue;
        struct fixture_names all = fixture_list(&a, providers[i]->name, ".json");
        struct fixture_names expected;
        size_t webhooks = 0;

        for (size_t j = 0; j < all.n; j++) {
            if (!is_webhook(&a, providers[i], all.names[j]))
                continue;
            webhooks++;
            if (update)
                update_golden(&a, providers[i], all.names[j]);
        }
        expected = fixture_list(&a, providers[i]->name, EXPECT_SUFFIX);
        assert_int_equal(expected.n, webhooks); /* none without an expectation */
        for (size_t j = 0; j < expected.n; j++)
            check_golden(providers[i], expected.names[j]);
    }
}

static void repeated_delivery_has_the_same_keys(void **state) {
    (void)state;
    for (size_t i = 0; providers[i]; i++) {
        if (providers[i]->transport == TRANSPORT_MAIL)
            continue; /* contract/test_email.c */
        ATTR_CLEANUP(arena_done_p) struct arena a = {0};
        if (!calls_are_json(providers[i]))
            continue;
        const struct json *pair =
            fixture_json(&a, providers[i]->name, "duplicate_delivery_pair.json");
        struct str keys[2];

        assert_int_equal(json_len(pair), 2);
        for (size_t j = 0; j < 2; j++) {
            struct collected c = {.arena = &a};
            struct inbound_sink sink = {.event = collect, .ctx = &c};
            struct err e = ERR_INIT;

            assert_int_equal(
                providers[i]->parse(&a, &(struct hook){.body = json_text(&a, json_at(pair, j))},
                                    &sink, &e),
                ST_OK);
            assert_int_equal(c.n, 1);
            keys[j] = c.last_dedup;
        }
        assert_true(str_eq(keys[0], keys[1]));
    }
}

static void every_item_of_a_batch_counts(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct collected c = {.arena = &a};
    struct inbound_sink sink = {.event = collect, .ctx = &c};
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(
        provider_meta.parse(
            &a, &(struct hook){.body = fixture_read(&a, "meta", "batch_multi.json")}, &sink, &e),
        ST_OK);
    assert_int_equal(c.n, 6); /* 3 messages, 2 statuses, and 1 message of another number */
}

static enum status stop_at_third(void *ctx, const struct inbound *ev, struct err *e) {
    size_t *n = ctx;

    (void)ev;
    if (++*n == 3)
        FAIL(e, ST_UNAVAILABLE, "the sink is full");
    return ST_OK;
}

static void a_status_of_the_sink_stops_and_comes_back(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    size_t n = 0;
    struct inbound_sink sink = {.event = stop_at_third, .ctx = &n};
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(
        provider_meta.parse(
            &a, &(struct hook){.body = fixture_read(&a, "meta", "batch_multi.json")}, &sink, &e),
        ST_UNAVAILABLE);
    assert_int_equal(n, 3);
    assert_string_equal(e.message, "the sink is full");
}

static void what_is_not_the_providers_emits_nothing(void **state) {
    static const char *const bodies[] = {
        "",
        "null",
        "[]",
        "{}",
        "{\"object\":\"page\",\"entry\":[]}",
        "{\"object\":7,\"entry\":[]}",
        "{\"object\":\"whatsapp_business_account\"}",
        "{\"object\":\"whatsapp_business_account\",\"entry\":{}}",
        "{\"object\":",
        "\xff\xfe",
        "<html></html>",
    };

    (void)state;
    for (size_t p = 0; providers[p]; p++) {
        if (providers[p]->transport == TRANSPORT_MAIL)
            continue; /* contract/test_email.c */
        for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
            ATTR_CLEANUP(arena_done_p) struct arena a = {0};
            struct collected c = {.arena = &a};
            struct inbound_sink sink = {.event = collect, .ctx = &c};
            struct err e = ERR_INIT;

            assert_int_equal(
                providers[p]->parse(&a, &(struct hook){.body = str_of(bodies[i])}, &sink, &e),
                ST_INVALID);
            assert_int_equal(c.n, 0);
            assert_true(e.message[0] != '\0');
        }
    }
}

/* --- signatures ----------------------------------------------------------------------------- */

static enum status verify(const struct provider *p, const struct channel *ch, struct str header,
                          struct str body, struct err *e) {
    return p->verify(ch, &(struct hook){.signature = header, .body = body}, e);
}

static void check_vector(const struct provider *p, struct arena *a, const struct json *vector,
                         struct str secret) {
    const struct channel ch = {.app_secret = secret};
    const struct channel other = {.app_secret = STR("another secret")};
    struct str file = json_str(json_get(vector, "file"));
    struct str header = json_str(json_get(vector, "header"));
    struct str body = file.len > 0 ? fixture_read(a, p->name, arena_cstr(a, file))
                                   : json_str(json_get(vector, "body"));
    struct str changed = arena_str(a, body), forged = arena_str(a, header);
    char *bytes = arena_cstr(a, changed), *signature = arena_cstr(a, forged);
    struct err e = ERR_INIT;

    assert_int_equal(body.len, json_i64(json_get(vector, "bytes"), 0));
    assert_int_equal(verify(p, &ch, header, body, &e), ST_OK);
    assert_int_equal(verify(p, &other, header, body, NULL), ST_DENIED);
    for (size_t i = 0; i < body.len; i++) {
        bytes[i] ^= 1;
        assert_int_equal(verify(p, &ch, header, (struct str){bytes, body.len}, NULL), ST_DENIED);
        bytes[i] ^= 1;
    }
    for (size_t i = 0; i < header.len; i++) {
        signature[i] ^= 1;
        assert_int_equal(verify(p, &ch, (struct str){signature, header.len}, body, NULL),
                         ST_DENIED);
        signature[i] ^= 1;
        assert_int_equal(verify(p, &ch, str_sub(header, 0, i), body, NULL), ST_DENIED);
    }
    assert_int_equal(verify(p, &ch, header, str_sub(body, 0, body.len - 1), NULL), ST_DENIED);
    assert_int_equal(verify(p, &(struct channel){0}, header, body, NULL), ST_DENIED);
}

static void signatures_hold_for_the_exact_bytes_only(void **state) {
    (void)state;
    for (size_t i = 0; providers[i]; i++) {
        if (providers[i]->transport == TRANSPORT_MAIL)
            continue; /* contract/test_email.c */
        ATTR_CLEANUP(arena_done_p) struct arena a = {0};
        if (!calls_are_json(providers[i]))
            continue;
        const struct json *all = fixture_json(&a, providers[i]->name, "signatures.json");
        const struct json *vectors = json_get(all, "vectors");

        assert_true(json_len(vectors) > 0);
        for (size_t j = 0; j < json_len(vectors); j++)
            check_vector(providers[i], &a, json_at(vectors, j),
                         json_str(json_get(all, "app_secret")));
    }
}

/* --- out ------------------------------------------------------------------------------------ */

static struct channel channel_of(const struct json *suite) {
    const struct json *ch = json_get(suite, "channel");

    return (struct channel){
        .address = json_str(json_get(ch, "address")),
        .base_url = json_str(json_get(ch, "base_url")),
        .version = json_str(json_get(ch, "version")),
        .access_token = json_str(json_get(ch, "access_token")),
    };
}

static struct outgoing outgoing_of(const struct json *message) {
    return (struct outgoing){
        .to_phone = json_str(json_get(message, "to_phone")),
        .to_user_id = json_str(json_get(message, "to_user_id")),
        .type = json_str(json_get(message, "type")),
        .content = json_get(message, "content"),
        .reply_to = json_str(json_get(message, "reply_to")),
        .correlation = json_str(json_get(message, "correlation")),
        .typing = json_bool(json_get(message, "typing"), false),
    };
}

static bool has_header(const struct http_call *call, const char *name, const char *value) {
    for (size_t i = 0; i < call->n_headers; i++) {
        if (str_eq(call->headers[i].name, str_of(name)))
            return str_eq(call->headers[i].value, str_of(value));
    }
    return false;
}

static void check_send(const struct provider *p, struct arena *a, const struct json *suite,
                       const struct json *row) {
    struct channel ch = channel_of(suite);
    struct outgoing msg = outgoing_of(json_get(row, "message"));
    const char *fixture = arena_cstr(a, json_str(json_get(row, "fixture")));
    struct http_call call = {0};
    const struct json *body;
    struct err e = ERR_INIT;

    if (p->build(a, &ch, &msg, &call, &e) != ST_OK)
        fail_msg("%s: %s", fixture, e.message);
    assert_int_equal(json_parse(a, call.body, JSON_LIMITS_DEFAULT, &body, &e), ST_OK);
    if (!json_same(body, fixture_json(a, p->name, fixture)))
        fail_msg("%s\ngot  %.*s\nwant %.*s", fixture, STR_ARG(call.body),
                 STR_ARG(json_text(a, fixture_json(a, p->name, fixture))));
    assert_string_equal(call.method, "POST");
    assert_true(str_eq(call.url, json_str(json_get(suite, "url"))));
    assert_int_equal(call.reach, REACH_UNSET); /* the caller's business */
    assert_true(has_header(&call, "Content-Type", "application/json"));
    assert_true(
        has_header(&call, "Authorization",
                   arena_cstr(a, arena_printf(a, "Bearer %.*s", STR_ARG(ch.access_token)))));
}

static void build_makes_what_the_provider_documents(void **state) {
    (void)state;
    for (size_t i = 0; providers[i]; i++) {
        if (providers[i]->transport == TRANSPORT_MAIL)
            continue; /* contract/test_email.c */
        ATTR_CLEANUP(arena_done_p) struct arena a = {0};
        if (!calls_are_json(providers[i]))
            continue;
        const struct json *suite = fixture_json(&a, providers[i]->name, "suite.json");
        const struct json *rows = json_get(suite, "send");

        assert_true(json_len(rows) > 0);
        for (size_t j = 0; j < json_len(rows); j++)
            check_send(providers[i], &a, suite, json_at(rows, j));
    }
}

/* --- judgements ----------------------------------------------------------------------------- */

/* An error fixture wraps {"http_status", "body"}; any other is the body of a 200. */
static struct http_reply reply_of(struct arena *a, const struct json *fixture) {
    const struct json *body =
        json_get(fixture, "http_status") ? json_get(fixture, "body") : fixture;

    return (struct http_reply){
        .phase = HTTP_REPLIED,
        .status = (unsigned)json_i64(json_get(fixture, "http_status"), 200),
        .body = json_text(a, body),
        .retry_after_ms = -1,
    };
}

static void check_result(const char *fixture, const struct send_result *r,
                         const struct json *expect) {
    struct str outcome = json_str(json_get(expect, "outcome"));

    if (!str_eq(str_of(outcome_names[r->outcome]), outcome))
        fail_msg("%s: %s instead of %.*s", fixture, outcome_names[r->outcome], STR_ARG(outcome));
    invariants_of_result(r);
    assert_int_equal(r->code, json_i64(json_get(expect, "code"), 0));
    assert_int_equal(r->retry_after_ms, json_i64(json_get(expect, "retry_after_ms"), 0));
    assert_int_equal(r->is_pair_limit, json_bool(json_get(expect, "is_pair_limit"), false));
    assert_int_equal(r->needs_template, json_bool(json_get(expect, "needs_template"), false));
    assert_int_equal(r->is_opt_out, json_bool(json_get(expect, "is_opt_out"), false));
    assert_true(str_eq(r->message_id, json_str(json_get(expect, "message_id"))));
    assert_true(str_eq(r->phone, json_str(json_get(expect, "phone"))));
    assert_true(str_eq(r->user_id, json_str(json_get(expect, "user_id"))));
    assert_true(str_contains(r->reason, json_str(json_get(expect, "reason"))));
}

static void replies_are_judged_as_documented(void **state) {
    (void)state;
    for (size_t i = 0; providers[i]; i++) {
        if (providers[i]->transport == TRANSPORT_MAIL)
            continue; /* contract/test_email.c */
        ATTR_CLEANUP(arena_done_p) struct arena a = {0};
        const struct json *rows =
            json_get(fixture_json(&a, providers[i]->name, "suite.json"), "replies");

        assert_true(json_len(rows) > 0);
        for (size_t j = 0; j < json_len(rows); j++) {
            const struct json *row = json_at(rows, j);
            const char *fixture = arena_cstr(&a, json_str(json_get(row, "fixture")));
            struct http_reply reply = reply_of(&a, fixture_json(&a, providers[i]->name, fixture));
            struct send_result r;

            providers[i]->judge(&a, &reply, &r);
            check_result(fixture, &r, json_get(row, "expect"));
        }
    }
}

static enum send_outcome judged(const struct provider *p, struct http_reply reply,
                                struct send_result *ret) {
    static struct arena a; /* lives as long as the test looks at the texts */

    arena_reset(&a);
    p->judge(&a, &reply, ret);
    invariants_of_result(ret);
    return ret->outcome;
}

/* "It may have gone out" is never answered by sending again. */
static void what_may_have_gone_out_is_uncertain(void **state) {
    (void)state;
    for (size_t i = 0; providers[i]; i++) {
        if (providers[i]->transport == TRANSPORT_MAIL)
            continue; /* contract/test_email.c */
        const struct provider *p = providers[i];
        struct send_result r;

        assert_int_equal(judged(p, (struct http_reply){.phase = HTTP_NOT_SENT}, &r), SEND_RETRY);
        assert_int_equal(judged(p, (struct http_reply){.phase = HTTP_CUT}, &r), SEND_UNCERTAIN);
        for (unsigned status = 100; status < 600; status++) {
            bool is_uncertain = status < 400 || status >= 500 || status == 408;
            struct http_reply html = {.phase = HTTP_REPLIED,
                                      .status = status,
                                      .body = STR("<html>Bad Gateway</html>"),
                                      .retry_after_ms = -1};

            assert_int_equal(judged(p, html, &r) == SEND_UNCERTAIN, is_uncertain);
            html.body = STR("{\"error\":{\"code\":987654321,\"message\":\"?\"}}");
            assert_int_equal(judged(p, html, &r) == SEND_UNCERTAIN, is_uncertain);
            html.body = STR_EMPTY;
            assert_int_equal(judged(p, html, &r) == SEND_UNCERTAIN, is_uncertain);
        }
    }
}

static void retry_after_is_honoured_and_only_for_retries(void **state) {
    (void)state;
    for (size_t i = 0; providers[i]; i++) {
        if (providers[i]->transport == TRANSPORT_MAIL)
            continue; /* contract/test_email.c */
        struct http_reply reply = {.phase = HTTP_REPLIED,
                                   .status = 429,
                                   .body = STR("<html>slow down</html>"),
                                   .retry_after_ms = 17000};
        struct send_result r;

        assert_int_equal(judged(providers[i], reply, &r), SEND_RETRY);
        assert_int_equal(r.retry_after_ms, 17000);
        reply.retry_after_ms = INT64_MAX;
        assert_int_equal(judged(providers[i], reply, &r), SEND_RETRY);
        assert_int_equal(r.retry_after_ms, UINT32_MAX);
        reply.status = 500;
        assert_int_equal(judged(providers[i], reply, &r), SEND_UNCERTAIN);
        assert_int_equal(r.retry_after_ms, 0);
    }
}

/* --- the adapters themselves ---------------------------------------------------------------- */

static void adapters_are_found_by_name(void **state) {
    (void)state;
    for (size_t i = 0; providers[i]; i++)
        assert_ptr_equal(provider_find(str_of(providers[i]->name)), providers[i]);
    assert_null(provider_find(STR("no such provider")));
    assert_null(provider_find(STR_EMPTY));
}

static int start(void **state) {
    struct err e = ERR_INIT;

    (void)state;
    return crypto_init(&e) == ST_OK ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adapters_are_found_by_name),
        cmocka_unit_test(fixtures_parse_to_expected_events),
        cmocka_unit_test(repeated_delivery_has_the_same_keys),
        cmocka_unit_test(every_item_of_a_batch_counts),
        cmocka_unit_test(a_status_of_the_sink_stops_and_comes_back),
        cmocka_unit_test(what_is_not_the_providers_emits_nothing),
        cmocka_unit_test(signatures_hold_for_the_exact_bytes_only),
        cmocka_unit_test(build_makes_what_the_provider_documents),
        cmocka_unit_test(replies_are_judged_as_documented),
        cmocka_unit_test(what_may_have_gone_out_is_uncertain),
        cmocka_unit_test(retry_after_is_honoured_and_only_for_retries),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
