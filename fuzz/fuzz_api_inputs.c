/* fuzz_api_inputs.c - what the API and the sign-in take beside JSON's own form (fuzz_json) and headers (fuzz_http_inputs): the
 * team's settings, cursors, webhooks' patterns, one-time codes, and customers' words that may ask for a person. The first line of
 * the input is a text, the rest JSON. No crash; what is accepted holds what it promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "conversation/asks.h"
#include "conversation/store.h"
#include "team/store.h"
#include "tenant/totp.h"
#include "webhook/store.h"
#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int64_t now_ms = INT64_C(1780000000000);

/* Accepted settings are accepted as a whole again, and know at any moment whether the team is there. */
static void check_settings(struct arena *a, struct str text) {
    const struct json *in, *whole, *again;
    struct team_settings s, t;
    struct err e = ERR_INIT, none = ERR_INIT;

    if (json_parse(a, text, JSON_LIMITS_DEFAULT, &in, &e) != ST_OK ||
        json_type(in) != JSON_OBJECT ||
        settings_change(a, NULL, in, STR("America/Sao_Paulo"), &whole, &s, &e) != ST_OK)
        return;
    for (int64_t day = 0; day < 8; day++)
        (void)team_is_open(&s, now_ms + day * INT64_C(86400000));
    assert(settings_change(a, whole, whole, STR("America/Sao_Paulo"), &again, &t, &none) == ST_OK);
    assert(t.pickup_minutes == s.pickup_minutes && t.is_sticky == s.is_sticky);
}

static void check_cursor(struct arena *a, struct str text) {
    struct cursor c, again;
    struct err e = ERR_INIT;

    if (cursor_parse(text, &c, &e) != ST_OK)
        return;
    assert(cursor_parse(cursor_format(a, c.xid, c.seq), &again, &e) == ST_OK);
    assert(c.xid == again.xid && c.seq == again.seq);
}

static void check_patterns(struct arena *a, struct str text) {
    struct str once, twice;
    struct err e = ERR_INIT;

    (void)webhook_matches(text, STR("message.received"));
    if (pattern_normalise(a, text, &once, &e) != ST_OK)
        return;
    assert(pattern_normalise(a, once, &twice, &e) == ST_OK && str_eq(once, twice));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct str rest = {.ptr = (const char *)data, .len = size}, line;
    int64_t step;

    (void)str_cut(&rest, '\n', &line);
    check_settings(&a, rest);
    check_cursor(&a, line);
    check_patterns(&a, line);
    step = totp_find_step(STR("12345678901234567890"), line, now_ms, 0);
    assert(step < 0 || line.len == TOTP_DIGITS);
    (void)asks_for_person(&a, line);
    return 0;
}
