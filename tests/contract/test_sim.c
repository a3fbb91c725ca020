/* test_sim.c - the adapter for WhatsApp and the simulator are two readings of the same pages of
 * Meta's: what one builds the other accepts, what one signs the other verifies and understands.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "provider/provider.h"
#include "unit/sim/rig.h"

static struct channel channel_of(const struct rig *g) {
    return (struct channel){
        .address = STR(SENDER),
        .base_url = sim_address(g->sim),
        .version = STR("v26.0"),
        .access_token = STR(TOKEN),
        .app_secret = STR(SECRET),
    };
}

static void deliver(struct rig *g, const struct outgoing *msg, struct send_result *ret) {
    struct channel ch = channel_of(g);
    struct http_call call = {0};
    struct err e = ERR_INIT;

    if (provider_meta.build(&g->a, &ch, msg, &call, &e) != ST_OK)
        fail_msg("%.*s: %s", STR_ARG(msg->type), e.message);
    call.reach = REACH_MACHINE; /* the rig's gate is shut for people */
    assert_int_equal(httpc_call(g->client, &g->a, &call, &g->reply, &e), ST_OK);
    provider_meta.judge(&g->a, &g->reply, ret);
}

static const struct json *parsed(struct rig *g, const char *text) {
    const struct json *v = NULL;
    struct err e = ERR_INIT;

    assert_int_equal(json_parse(&g->a, str_of(text), JSON_LIMITS_DEFAULT, &v, &e), ST_OK);
    return v;
}

static void what_the_adapter_builds_is_accepted(void **state) {
    static const struct {
        const char *type, *content;
    } rows[] = {
        {"text", "{\"text\":\"Ol\xc3\xa1\",\"preview_url\":true}"},
        {"image", "{\"media\":{\"link\":\"https://x.test/a.png\"},\"caption\":\"c\"}"},
        {"video", "{\"media\":{\"link\":\"https://x.test/a.mp4\"}}"},
        {"audio", "{\"media\":{\"link\":\"https://x.test/a.ogg\",\"voice\":true}}"},
        {"document", "{\"media\":{\"link\":\"https://x.test/a.pdf\",\"filename\":\"a.pdf\"}}"},
        {"sticker", "{\"media\":{\"link\":\"https://x.test/a.webp\"}}"},
        {"location", "{\"latitude\":-23.5,\"longitude\":-46.6,\"name\":\"n\"}"},
        {"contacts", "{\"contacts\":[{\"name\":{\"formatted_name\":\"A B\",\"first_name\":\"A\"},"
                     "\"phones\":[{\"phone\":\"+5511955550123\"}]}]}"},
        {"reaction", "{\"emoji\":\"\xf0\x9f\x91\x8d\",\"target\":\"wamid.x\"}"},
        {"buttons", "{\"text\":\"t\",\"header\":\"h\",\"footer\":\"f\",\"buttons\":["
                    "{\"id\":\"1\",\"title\":\"Um\"},{\"id\":\"2\",\"title\":\"Dois\"}]}"},
        {"list", "{\"text\":\"t\",\"button\":\"ver\",\"sections\":[{\"title\":\"s\",\"rows\":["
                 "{\"id\":\"1\",\"title\":\"Um\",\"description\":\"d\"}]}]}"},
        {"link", "{\"text\":\"t\",\"title\":\"abrir\",\"url\":\"https://x.test/\"}"},
        {"ask_location", "{\"text\":\"onde?\"}"},
        {"template", "{\"name\":\"lembrete_visita\",\"language\":\"pt_BR\",\"components\":[{"
                     "\"type\":\"body\",\"parameters\":[{\"type\":\"text\",\"text\":\"Ana\"},"
                     "{\"type\":\"text\",\"text\":\"10h\"}]}]}"},
    };
    struct rig g;

    (void)state;
    rig_open(&g);
    (void)rig_post(&g, "/sim/behaviour",
                   "{\"window\":\"off\",\"mute_statuses\":[\"sent\","
                   "\"delivered\",\"read\"]}");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct outgoing msg = {.to_phone = STR("5531955550789"),
                               .type = str_of(rows[i].type),
                               .content = parsed(&g, rows[i].content),
                               .correlation = arena_printf(&g.a, "job:%zu", i)};
        struct send_result result;

        deliver(&g, &msg, &result);
        if (result.outcome != SEND_ACCEPTED)
            fail_msg("%s: %.*s", rows[i].type, STR_ARG(g.reply.body));
        assert_true(str_eq(result.phone, STR("553155550789")));
        assert_true(result.message_id.len > 0);
    }
    assert_int_equal(json_i64(json_get(rig_get(&g, "/sim/stats"), "accepted"), 0), ARRAY_LEN(rows));
    rig_close(&g);
}

static void refusals_are_judged(void **state) {
    static const struct {
        const char *knobs;
        enum send_outcome outcome;
        int64_t code;
    } rows[] = {
        {"{\"fail_next\":[{\"code\":131056}]}", SEND_RETRY, 131056},
        {"{\"fail_next\":[{\"code\":130429}]}", SEND_RETRY, 130429},
        {"{\"fail_next\":[{\"code\":131026}]}", SEND_REJECTED, 131026},
        {"{\"fail_next\":[{\"code\":131047}]}", SEND_REJECTED, 131047},
        {"{\"fail_next\":[{\"code\":190}]}", SEND_BLOCKED, 190},
        {"{\"fail_next\":[{\"cut\":true}]}", SEND_UNCERTAIN, 0},
        {"{\"cut_after_accept_rate\":1}", SEND_UNCERTAIN, 0},
    };
    struct rig g;

    (void)state;
    rig_open(&g);
    (void)rig_post(&g, "/sim/behaviour", "{\"window\":\"off\"}");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct outgoing msg = {.to_phone = STR("5511955550123"),
                               .type = STR("text"),
                               .content = parsed(&g, "{\"text\":\"oi\"}")};
        struct send_result result;

        (void)rig_post(&g, "/sim/behaviour", rows[i].knobs);
        deliver(&g, &msg, &result);
        assert_int_equal(result.outcome, rows[i].outcome);
        assert_int_equal(result.code, rows[i].code);
    }
    rig_close(&g);
}

/* --- webhooks ------------------------------------------------------------------------------- */

struct heard {
    struct inbound last;
    unsigned n;
};

static enum status hear(void *ctx, const struct inbound *event, struct err *e) {
    struct heard *h = ctx;

    (void)e;
    h->last = *event;
    h->n++;
    return ST_OK;
}

/* The one event of the nth webhook. */
static struct inbound heard(struct rig *g, unsigned n) {
    struct heard h = {0};
    struct inbound_sink sink = {.event = hear, .ctx = &h};
    struct err e = ERR_INIT;

    (void)rig_hook(g, n); /* has checked the signature */
    assert_int_equal(
        provider_meta.parse(&g->a, &(struct hook){.body = str_of(g->bodies[n])}, &sink, &e), ST_OK);
    assert_int_equal(h.n, 1);
    return h.last;
}

static void what_customers_do_is_understood(void **state) {
    static const struct {
        const char *act, *type, *text;
    } rows[] = {
        {"\"text\":\"Ol\xc3\xa1 \xf0\x9f\x98\x80\"", "text", "Ol\xc3\xa1 \xf0\x9f\x98\x80"},
        {"\"type\":\"image\",\"caption\":\"foto\"", "image", "foto"},
        {"\"type\":\"audio\"", "audio", ""},
        {"\"type\":\"video\"", "video", ""},
        {"\"type\":\"document\"", "document", NULL},
        {"\"type\":\"sticker\"", "sticker", ""},
        {"\"button_reply\":{\"id\":\"1\",\"title\":\"Sim\"}", "choice", "Sim"},
        {"\"list_reply\":{\"id\":\"1\",\"title\":\"Um\",\"description\":\"d\"}", "choice", "Um"},
        {"\"reaction\":{\"message_id\":\"wamid.x\",\"emoji\":\"x\"}", "reaction", NULL},
        {"\"message\":{\"type\":\"location\",\"location\":{\"latitude\":1.5,\"longitude\":2.5}}",
         "location", NULL},
    };
    struct rig g;

    (void)state;
    rig_open(&g);
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        struct inbound ev;

        (void)rig_post(
            &g, "/sim/customer",
            arena_printf(&g.a, "{\"from\":\"5531955550789\",\"name\":\"Ana\",%s}", rows[i].act)
                .ptr);
        assert_int_equal(g.reply.status, 200);
        ev = heard(&g, i);
        assert_int_equal(ev.kind, INBOUND_MESSAGE);
        assert_true(str_eq(ev.type, str_of(rows[i].type)));
        assert_true(!rows[i].text || str_eq(ev.text, str_of(rows[i].text)));
        assert_true(str_eq(ev.address, STR(SENDER)));
        assert_true(str_eq(ev.party.phone, STR("553155550789")));
        assert_true(str_eq(ev.party.name, STR("Ana")));
    }
    rig_close(&g);
}

static void what_becomes_of_a_message_is_understood(void **state) {
    static const enum delivery want[] = {DELIVERY_SENT, DELIVERY_DELIVERED, DELIVERY_READ};
    struct rig g;
    struct outgoing msg = {
        .to_phone = STR("5511955550123"), .type = STR("text"), .correlation = STR("job:1")};
    struct send_result result;
    struct inbound ev;
    unsigned seen = 0;

    (void)state;
    rig_open(&g);
    msg.content = parsed(&g, "{\"text\":\"oi\"}");
    (void)rig_post(&g, "/sim/behaviour", "{\"window\":\"off\",\"status_delay_ms\":10}");
    deliver(&g, &msg, &result);
    /* Each has a call of its own, and a busy machine may let one overtake another. */
    for (unsigned i = 0; i < ARRAY_LEN(want); i++) {
        ev = heard(&g, i);
        assert_int_equal(ev.kind, INBOUND_STATUS);
        assert_true(ev.delivery < 32);
        seen |= 1U << ev.delivery;
        assert_true(str_eq(ev.correlation, STR("job:1")));
        assert_true(str_eq(ev.message_id, result.message_id));
    }
    for (unsigned i = 0; i < ARRAY_LEN(want); i++)
        assert_true(seen & 1U << want[i]);
    (void)rig_post(&g, "/sim/behaviour", "{\"failed_rate\":1,\"failed_code\":131026}");
    deliver(&g, &msg, &result);
    ev = heard(&g, ARRAY_LEN(want));
    assert_int_equal(ev.delivery, DELIVERY_FAILED);
    assert_int_equal(ev.error_code, 131026);
    rig_close(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_adapter_builds_is_accepted),
        cmocka_unit_test(refusals_are_judged),
        cmocka_unit_test(what_customers_do_is_understood),
        cmocka_unit_test(what_becomes_of_a_message_is_understood),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
