/* test_outcome.c - what becomes of a recipient, of its campaign and of the sender for every error code a provider's documents
 * name: the provider's table and the table of reactions in one.
 * Sources: Cloud API, "Error codes" (May 2026); Twilio, error dictionary (2026).
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/outcome.h"
#include "provider/meta.h"
#include "provider/twilio.h"
#include "unit/check.h"

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS, DAY_MS = 24 * 60 * MINUTE_MS };

#define NOW INT64_C(1790000000000)

enum reaction {
    SLOW,     /* the sender waits, the person gets it later */
    PERSON,   /* this person alone gets it later */
    TOMORROW, /* the person is spared for a day or more */
    SKIP,     /* over for this channel: the next one, or failed */
    OPT_OUT,  /* over, and remembered as the person's wish */
    TEMPLATE, /* the campaign pauses: nobody would get it */
    ACCOUNT,  /* the account is blocked, and the campaign pauses */
    UNSURE,   /* it may have gone out: never again by itself */
};

static const char *const names[] = {"slow",    "person",   "tomorrow", "skip",
                                    "opt-out", "template", "account",  "unsure"};

struct row {
    int64_t from, to;
    enum reaction reaction;
};

static const struct row meta[] = {
    {0, 0, ACCOUNT},
    {190, 190, ACCOUNT},
    {3, 3, ACCOUNT},
    {10, 10, ACCOUNT},
    {200, 299, ACCOUNT},
    {131005, 131005, ACCOUNT},
    {1, 2, SLOW},
    {4, 4, SLOW},
    {17, 17, SLOW},
    {341, 341, SLOW},
    {613, 613, SLOW},
    {80007, 80008, SLOW},
    {33, 33, ACCOUNT},
    {100, 100, SKIP},
    {368, 368, ACCOUNT},
    {130429, 130429, SLOW},
    {130472, 130472, SKIP},
    {130497, 130497, SKIP},
    {131000, 131000, SLOW},
    {131008, 131009, SKIP},
    {131016, 131016, SLOW},
    {131021, 131021, SKIP},
    {131026, 131026, SKIP},
    {131030, 131030, SKIP},
    {131031, 131031, ACCOUNT},
    {131037, 131037, ACCOUNT},
    {131042, 131042, ACCOUNT},
    {131045, 131045, ACCOUNT},
    {131047, 131047, SKIP},
    {131048, 131048, ACCOUNT},
    {131049, 131049, TOMORROW},
    {131050, 131050, OPT_OUT},
    {131051, 131053, SKIP},
    {131055, 131055, SKIP},
    {131056, 131056, PERSON},
    {131057, 131057, SLOW},
    {131060, 131060, SKIP},
    {131062, 131062, SKIP},
    {131063, 131064, ACCOUNT},
    {131201, 131207, SKIP},
    {131208, 131208, SLOW},
    {131209, 131215, SKIP},
    {132000, 132001, TEMPLATE},
    {132005, 132005, SKIP}, /* this person's words are too long, or do not fit */
    {132007, 132007, TEMPLATE},
    {132008, 132008, SKIP},
    {132012, 132012, SKIP},
    {132015, 132016, TEMPLATE},
    {132018, 132018, SKIP},
    {132068, 132068, TEMPLATE},
    {132069, 132069, SLOW},
    {133000, 133000, SLOW},
    {133004, 133004, SLOW},
    {133005, 133006, ACCOUNT},
    {133008, 133009, SLOW},
    {133010, 133010, ACCOUNT},
    {133015, 133016, SLOW},
    {134011, 134011, ACCOUNT},
    {134100, 134102, ACCOUNT},
    {135000, 135000, SKIP},
    {137000, 137000, SKIP},
    {138000, 138999, SKIP},
    {139000, 139102, SKIP},
    {139103, 139103, SLOW},
    {139104, 139999, SKIP},
    {147000, 147999, SKIP},
    {2388000, 2388999, SKIP},
    {2494100, 2494100, SLOW},
    {999999, 999999, SKIP}, /* one that nobody has described */
};

static const struct row twilio[] = {
    {20003, 20003, ACCOUNT},  {20008, 20008, ACCOUNT}, {20404, 20404, SKIP},
    {20429, 20429, SLOW},     {20500, 20500, UNSURE},  {20503, 20503, UNSURE},
    {21211, 21211, SKIP},     {21212, 21212, ACCOUNT}, {21408, 21408, SKIP},
    {21602, 21602, SKIP},     {21606, 21606, ACCOUNT}, {21610, 21610, OPT_OUT},
    {21611, 21611, SLOW},     {21614, 21614, SKIP},    {21617, 21617, SKIP},
    {21619, 21620, SKIP},     {21623, 21623, SKIP},    {21656, 21656, SKIP},
    {21660, 21660, ACCOUNT},  {21703, 21705, ACCOUNT}, {30001, 30001, PERSON},
    {30002, 30002, ACCOUNT},  {30003, 30003, PERSON},  {30004, 30007, SKIP},
    {30008, 30008, PERSON},   {30016, 30016, SKIP},    {63001, 63002, ACCOUNT},
    {63003, 63003, SKIP},     {63005, 63005, SKIP},    {63007, 63008, ACCOUNT},
    {63010, 63010, SLOW},     {63012, 63012, SLOW},    {63013, 63013, SKIP},
    {63014, 63014, OPT_OUT},  {63016, 63016, SKIP},    {63017, 63017, SLOW},
    {63018, 63018, PERSON},   {63019, 63019, SKIP},    {63021, 63021, SKIP},
    {63022, 63022, ACCOUNT},  {63023, 63023, PERSON},  {63024, 63024, SKIP},
    {63027, 63030, TEMPLATE}, {63031, 63032, SKIP},    {63033, 63033, OPT_OUT},
    {63036, 63036, SKIP},     {63038, 63038, SLOW},    {63049, 63049, TOMORROW},
    {99999, 99999, SKIP},
};

static struct recipient sent_to(const char *digits) {
    return (struct recipient){.state = STR("sending"),
                              .channel = STR("whatsapp"),
                              .address = str_of(digits),
                              .template_name = STR("t"),
                              .attempts = 1};
}

static enum reaction reaction_of(const struct outcome *o) {
    const struct recipient *r = &o->row;

    if (o->is_account)
        return ACCOUNT;
    if (o->is_stop)
        return TEMPLATE;
    if (str_eq(r->state, STR("uncertain")))
        return UNSURE;
    if (o->is_opt_out)
        return OPT_OUT;
    if (str_eq(r->state, STR("failed")) || r->step > 0)
        return SKIP;
    if (o->sender_wait_ms > 0)
        return SLOW;
    return r->spared > 0 ? TOMORROW : PERSON;
}

/* What every row of a kind has in common, so that no code only looks right. */
static bool holds(enum reaction reaction, const struct outcome *o) {
    const struct recipient *r = &o->row;
    bool is_planned = str_eq(r->state, STR("planned"));

    if (r->error_cause.len == 0 || r->error_reason.len == 0 || r->history.len < 2)
        return false;
    switch (reaction) {
    case SLOW:
        return is_planned && r->due_at_ms == NOW + o->sender_wait_ms &&
               o->sender_wait_ms >= 2 * SECOND_MS;
    case PERSON:
        return is_planned && r->due_at_ms >= NOW + 6 * SECOND_MS && o->sender_wait_ms == 0;
    case TOMORROW:
        return is_planned && r->due_at_ms >= NOW + DAY_MS && o->sender_wait_ms == 0;
    case SKIP: /* the other channel of two, at once */
        return is_planned && r->step == 1 && r->attempts == 0 && r->due_at_ms == NOW &&
               str_starts(r->reason, STR("fallback:"));
    case OPT_OUT: /* not over another channel either */
        return str_eq(r->state, STR("failed")) && r->due_at_ms == 0 && r->step == 0;
    case TEMPLATE:
    case ACCOUNT:
        return is_planned && r->step == 0 && r->due_at_ms == NOW;
    case UNSURE:
        return r->due_at_ms == 0;
    }
    return false;
}

static void check_table(const struct provider *p, const struct row *rows, size_t n) {
    struct arena a = {0};
    size_t wrong = 0;

    for (size_t i = 0; i < n; i++) {
        for (int64_t code = rows[i].from; code <= rows[i].to; code++) {
            const struct recipient r = sent_to("5511987654321");
            struct send_result result;
            struct outcome o;

            arena_reset(&a);
            p->explain(&a, code, STR("title"), &result);
            outcome_of(&a, &r, &result, 2, 0, NOW, &o);
            if (reaction_of(&o) == rows[i].reaction && holds(rows[i].reaction, &o))
                continue;
            print_error("%s %lld: %s, not %s\n", p->name, (long long)code, names[reaction_of(&o)],
                        names[rows[i].reaction]);
            wrong++;
        }
    }
    arena_done(&a);
    assert_int_equal(wrong, 0);
}

static void every_code_of_meta_has_its_reaction(void **state) {
    (void)state;
    check_table(&provider_meta, meta, ARRAY_LEN(meta));
}

static void every_code_of_twilio_has_its_reaction(void **state) {
    (void)state;
    check_table(&provider_twilio, twilio, ARRAY_LEN(twilio));
}

/* Again and again the same answer, as a row's attempts count up. */
static struct recipient again(struct arena *a, struct recipient r, int64_t code, int times,
                              size_t n_channels, struct outcome *ret) {
    for (int i = 0; i < times; i++) {
        struct send_result result;

        provider_meta.explain(a, code, STR_EMPTY, &result);
        outcome_of(a, &r, &result, n_channels, i, NOW, ret);
        r = ret->row;
        r.attempts++;
    }
    return r;
}

static void pair_waits_four_times_as_long_each_time(void **state) {
    struct arena a = {0};
    struct outcome o;
    int64_t wait_ms[3];

    (void)state;
    for (int i = 0; i < 3; i++)
        wait_ms[i] = again(&a, sent_to("5511987654321"), 131056, i + 1, 1, &o).due_at_ms - NOW;
    assert_int_equal(wait_ms[0], 6 * SECOND_MS);
    assert_int_equal(wait_ms[1], 4 * wait_ms[0]);
    assert_int_equal(wait_ms[2], 16 * wait_ms[0]);
    arena_done(&a);
}

static void sender_pauses_twice_as_long_each_time_and_five_minutes_at_most(void **state) {
    struct arena a = {0};
    struct recipient r = sent_to("5511987654321");
    struct send_result result;
    struct outcome o;

    (void)state;
    provider_meta.explain(&a, 130429, STR_EMPTY, &result);
    for (int64_t backoffs = 0; backoffs < 20; backoffs++) {
        int64_t want = (int64_t)2 * SECOND_MS << (backoffs < 8 ? backoffs : 8);

        outcome_of(&a, &r, &result, 1, backoffs, NOW, &o);
        assert_int_equal(o.sender_wait_ms, want < 5 * MINUTE_MS ? want : 5 * MINUTE_MS);
    }
    arena_done(&a);
}

static void
spared_person_is_asked_three_times_over_days_and_one_in_the_us_never_again(void **state) {
    struct arena a = {0};
    struct outcome o;
    struct recipient r;

    (void)state;
    assert_int_equal(again(&a, sent_to("5511987654321"), 131049, 1, 1, &o).due_at_ms, NOW + DAY_MS);
    assert_int_equal(again(&a, sent_to("5511987654321"), 131049, 2, 1, &o).due_at_ms,
                     NOW + 2 * (int64_t)DAY_MS);
    r = again(&a, sent_to("5511987654321"), 131049, 3, 1, &o);
    assert_str(r.state, "failed");
    r = again(&a, sent_to("12125550123"), 131049, 1, 1, &o);
    assert_str(r.state, "failed");
    r = again(&a, sent_to("14165550123"), 131049, 1, 1, &o); /* Toronto */
    assert_str(r.state, "planned");
    arena_done(&a);
}

static void attempts_end(void **state) {
    struct arena a = {0};
    struct outcome o;

    (void)state;
    assert_str(again(&a, sent_to("5511987654321"), 131000, OUTCOME_MAX_ATTEMPTS, 1, &o).state,
               "failed");
    assert_str(again(&a, sent_to("5511987654321"), 131056, OUTCOME_MAX_ATTEMPTS, 1, &o).state,
               "failed");
    arena_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_of_meta_has_its_reaction),
        cmocka_unit_test(every_code_of_twilio_has_its_reaction),
        cmocka_unit_test(pair_waits_four_times_as_long_each_time),
        cmocka_unit_test(sender_pauses_twice_as_long_each_time_and_five_minutes_at_most),
        cmocka_unit_test(
            spared_person_is_asked_three_times_over_days_and_one_in_the_us_never_again),
        cmocka_unit_test(attempts_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
