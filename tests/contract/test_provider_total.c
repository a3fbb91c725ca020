/* test_provider_total.c - adapters accept any bytes: every fixture is cut at every length, damaged
 * at every byte, and each of its values replaced by one of another type or taken out. Nothing
 * crashes, and what is emitted keeps the promises of provider.h. fuzz/ goes on from here.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "support/fixture.h"
#include "support/invariants.h"

enum {
    MUTANT_MAX_BYTES = 1 << 20,
    BATCH = 1000,
};

struct trial { /* one adapter, one body after another */
    const struct provider *provider;
    struct arena *arena; /* reset for each body */
    size_t n_events;
};

static enum status check_event(void *ctx, const struct inbound *ev, struct err *e) {
    struct trial *t = ctx;

    (void)e;
    invariants_of_event(t->arena, ev);
    t->n_events++;
    return ST_OK;
}

static void try_webhook(struct trial *t, struct str body) {
    struct inbound_sink sink = {.event = check_event, .ctx = t};
    struct err e = ERR_INIT;
    enum status st;

    arena_reset(t->arena);
    t->n_events = 0;
    st = t->provider->parse(t->arena, &(struct hook){.body = body}, &sink, &e);
    assert_true(st == ST_OK || (st == ST_INVALID && t->n_events == 0));
}

static void try_reply(struct trial *t, struct str body) {
    static const unsigned statuses[] = {200, 400, 500};

    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        const struct http_reply reply = {
            .phase = HTTP_REPLIED, .status = statuses[i], .body = body, .retry_after_ms = -1};
        struct send_result r;

        arena_reset(t->arena);
        t->provider->judge(t->arena, &reply, &r);
        invariants_of_result(&r);
        t->provider->judge_probe(t->arena, &reply, &r);
        invariants_of_result(&r);
    }
}

static void try_content(struct trial *t, struct str text) {
    static const char *const types[] = {"text",     "image",    "document", "audio",
                                        "location", "contacts", "reaction", "template",
                                        "buttons",  "list",     "link",     "read"};
    const struct channel ch = {
        .address = STR("1"), .base_url = STR("https://x.test"), .version = STR("v26.0")};
    struct err ignored = ERR_INIT;
    const struct json *content;

    arena_reset(t->arena);
    if (json_parse(t->arena, text, JSON_LIMITS_DEFAULT, &content, &ignored) != ST_OK)
        return;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct outgoing msg = {.to_phone = STR("1"), .type = str_of(types[i]), .content = content};
        struct http_call call = {0};
        struct err e = ERR_INIT;
        enum status st = t->provider->build(t->arena, &ch, &msg, &call, &e);

        PROMISE(st == ST_OK || (st == ST_INVALID && e.message[0] != '\0'));
        PROMISE(st != ST_OK || invariants_is_json(t->arena, call.body, JSON_OBJECT));
    }
}

typedef void (*try_fn)(struct trial *t, struct str body);

/* --- damage --------------------------------------------------------------------------------- */

static void damage_bytes(struct trial *t, struct str body, try_fn attempt) {
    static const char replacements[] = {'"', '\0', '}', '\\', '0', '\xFF', '[', ','};
    char *copy = malloc(body.len + 1); /* exact end: a sanitizer sees what reads past it */

    assert_non_null(copy);
    memcpy(copy, body.ptr, body.len);
    for (size_t i = 0; i < body.len; i++) {
        char was = copy[i];

        copy[i] = replacements[i % sizeof(replacements)];
        attempt(t, (struct str){copy, body.len});
        copy[i] = was;
    }
    free(copy);
}

static void cut_everywhere(struct trial *t, struct str body, try_fn attempt) {
    for (size_t len = 0; len < body.len; len++) {
        char *copy = malloc(len + 1);

        assert_non_null(copy);
        memcpy(copy, body.ptr, len);
        attempt(t, (struct str){copy, len});
        free(copy);
    }
}

struct mutant { /* writes a value again with the n-th one inside it replaced, or left out */
    struct buf *out;
    size_t target;
    size_t seen;
    struct str replacement; /* empty: leave it out */
};

static bool write_mutant(struct mutant *m, const struct json *v);

static void write_children(struct mutant *m, const struct json *v) {
    const struct json *child;
    struct str key;
    bool has_written = false;

    for (size_t i = 0; i < json_len(v); i++) {
        size_t len = m->out->len;

        if (has_written)
            buf_add_char(m->out, ',');
        if (json_member(v, i, &key, &child))
            buf_printf(m->out, "\"%.*s\":", STR_ARG(key)); /* fixtures have plain keys */
        else
            child = json_at(v, i);
        if (write_mutant(m, child))
            has_written = true;
        else
            m->out->len = len;
    }
}

/* False when the value was left out. */
static bool write_mutant(struct mutant *m, const struct json *v) {
    bool is_object = json_type(v) == JSON_OBJECT;

    if (m->seen++ == m->target) {
        buf_add(m->out, m->replacement);
        return m->replacement.len > 0;
    }
    if (!is_object && json_type(v) != JSON_ARRAY) {
        json_write(m->out, v);
        return true;
    }
    buf_add_char(m->out, is_object ? '{' : '[');
    write_children(m, v);
    buf_add_char(m->out, is_object ? '}' : ']');
    return true;
}

static void replace_values(struct trial *t, const struct json *v, try_fn attempt) {
    static const char *const replacements[] = {"",   "null",          "7",       "\"\"", "[]",
                                               "{}", "[{\"id\":[]}]", "\"x.y\"", "1e300"};
    struct buf out;

    buf_init(&out, MUTANT_MAX_BYTES);
    for (size_t r = 0; r < ARRAY_LEN(replacements); r++) {
        struct mutant m = {.out = &out, .replacement = str_of(replacements[r])};

        do {
            m.seen = 0;
            buf_clear(&out);
            (void)write_mutant(&m, v);
            attempt(t, buf_str(&out));
        } while (++m.target < m.seen);
    }
    buf_done(&out);
}

/* Each fixture whose name ends with suffix. */
static void torment(const char *suffix, try_fn attempt) {
    for (size_t p = 0; providers[p]; p++) {
        if (providers[p] == &provider_twilio) /* forms: test_twilio.c */
            continue;
        if (providers[p]->transport == TRANSPORT_MAIL)
            continue; /* contract/test_email.c */
        ATTR_CLEANUP(arena_done_p) struct arena names = {0}, work = {0};
        struct fixture_names list = fixture_list(&names, providers[p]->name, suffix);
        struct trial t = {.provider = providers[p], .arena = &work};

        assert_true(list.n > 0);
        for (size_t i = 0; i < list.n; i++) {
            struct str body = fixture_read(&names, providers[p]->name, list.names[i]);
            struct json_limits limits = JSON_LIMITS_DEFAULT;
            struct err ignored = ERR_INIT;
            const struct json *v;

            if (str_ends(str_of(list.names[i]), STR(".expect.json")))
                continue;
            cut_everywhere(&t, body, attempt);
            damage_bytes(&t, body, attempt);
            limits.allow_duplicates = true;
            if (json_parse(&names, body, limits, &v, &ignored) == ST_OK)
                replace_values(&t, v, attempt);
        }
    }
}

static void any_webhook_is_parsed_or_refused(void **state) {
    (void)state;
    torment(".json", try_webhook);
}

static void any_reply_is_judged(void **state) {
    (void)state;
    torment("_response.json", try_reply);
    torment("error_131009_invalid_value.json", try_reply);
}

/* What features store and send: the messages of the suite, each value replaced. */
static void any_content_is_built_or_refused(void **state) {
    (void)state;
    for (size_t p = 0; providers[p]; p++) {
        if (providers[p] == &provider_twilio) /* forms: test_twilio.c */
            continue;
        if (providers[p]->transport == TRANSPORT_MAIL)
            continue; /* contract/test_email.c */
        ATTR_CLEANUP(arena_done_p) struct arena a = {0}, work = {0};
        const struct json *rows =
            json_get(fixture_json(&a, providers[p]->name, "suite.json"), "send");
        struct trial t = {.provider = providers[p], .arena = &work};

        for (size_t i = 0; i < json_len(rows); i++)
            replace_values(&t, json_path(json_at(rows, i), "message", "content", NULL),
                           try_content);
    }
}

/* As many updates as Meta puts into one call, with their contacts in the opposite order. */
static struct str full_batch(struct arena *a) {
    struct buf b;
    struct str body;

    buf_init(&b, MUTANT_MAX_BYTES);
    buf_add(&b, STR("{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"1\","
                    "\"changes\":[{\"field\":\"messages\",\"value\":{\"contacts\":["));
    for (int i = BATCH; i > 0; i--)
        buf_printf(&b, "{\"wa_id\":\"55119%08d\",\"profile\":{\"name\":\"%d\"}}%s", i, i,
                   i > 1 ? "," : "],\"messages\":[");
    for (int i = 1; i <= BATCH; i++)
        buf_printf(&b,
                   "{\"from\":\"55119%08d\",\"id\":\"wamid.%d\",\"timestamp\":\"1795000000\","
                   "\"type\":\"text\",\"text\":{\"body\":\"%d\"}}%s",
                   i, i, i, i < BATCH ? "," : "]}}]}]}");
    body = arena_str(a, buf_str(&b));
    assert_false(b.overflown);
    buf_done(&b);
    return body;
}

static enum status check_in_order(void *ctx, const struct inbound *ev, struct err *e) {
    int *n = ctx;
    char text[16];

    (void)e;
    (void)snprintf(text, sizeof(text), "%d", ++*n);
    assert_true(str_eq(ev->text, str_of(text)));
    assert_true(str_eq(ev->party.name, str_of(text)));
    return ST_OK;
}

static void a_full_batch_is_whole_and_in_order(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    int n = 0;
    struct inbound_sink sink = {.event = check_in_order, .ctx = &n};
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(provider_meta.parse(&a, &(struct hook){.body = full_batch(&a)}, &sink, &e),
                     ST_OK);
    assert_int_equal(n, BATCH);
}

static int start(void **state) {
    struct err e = ERR_INIT;

    (void)state;
    return crypto_init(&e) == ST_OK ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_webhook_is_parsed_or_refused),
        cmocka_unit_test(any_reply_is_judged),
        cmocka_unit_test(any_content_is_built_or_refused),
        cmocka_unit_test(a_full_batch_is_whole_and_in_order),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
