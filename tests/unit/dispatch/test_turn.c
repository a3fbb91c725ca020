/* test_turn.c - who of several tenants' campaigns may run next.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/turn.h"
#include "unit/check.h"

enum { MAX = 2, ASK_MS = 250 };

static struct tenant_id tenant(uint8_t n) {
    struct tenant_id t = {0};

    t.v.bytes[15] = n;
    return t;
}

static void no_more_than_so_many_run_at_once(void **state) {
    struct dispatch_turns t = {0};

    (void)state;
    assert_true(turn_take(&t, MAX, tenant(1), 1));
    assert_true(turn_take(&t, MAX, tenant(1), 1));
    assert_false(turn_is_wanted(&t));
    assert_false(turn_take(&t, MAX, tenant(1), 1));
    assert_true(turn_is_wanted(&t));
    turn_leave(&t, tenant(1));
    assert_true(turn_take(&t, MAX, tenant(1), 2));
    assert_false(turn_is_wanted(&t));
}

static void tenant_with_nothing_running_comes_before_one_with_many_campaigns(void **state) {
    struct dispatch_turns t = {0};
    int64_t now_ms = 1;

    (void)state;
    assert_true(turn_take(&t, MAX, tenant(1), now_ms));
    assert_true(turn_take(&t, MAX, tenant(1), now_ms));
    assert_false(turn_take(&t, MAX, tenant(2), now_ms));
    turn_leave(&t, tenant(1));
    for (int i = 0; i < 3; i++) /* whoever of the first is faster */
        assert_false(turn_take(&t, MAX, tenant(1), now_ms + i));
    assert_true(turn_take(&t, MAX, tenant(2), now_ms + ASK_MS));
    turn_leave(&t, tenant(2));
    assert_true(turn_take(&t, MAX, tenant(1), now_ms + ASK_MS)); /* nobody else waits any more */
}

static void one_who_went_away_is_not_waited_for(void **state) {
    struct dispatch_turns t = {0};

    (void)state;
    assert_true(turn_take(&t, MAX, tenant(1), 1));
    assert_true(turn_take(&t, MAX, tenant(1), 1));
    assert_false(turn_take(&t, MAX, tenant(2), 1));
    turn_leave(&t, tenant(1));
    assert_false(turn_take(&t, MAX, tenant(1), 1000));
    assert_true(turn_take(&t, MAX, tenant(1), 1001));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_than_so_many_run_at_once),
        cmocka_unit_test(tenant_with_nothing_running_comes_before_one_with_many_campaigns),
        cmocka_unit_test(one_who_went_away_is_not_waited_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
