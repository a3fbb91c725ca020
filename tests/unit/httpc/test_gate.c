/* test_gate.c - the gate's table.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "httpc/httpc.h"

static void gate_permits_by_table(void **state) {
    static const bool want[3][4] = {
        /* unset, machine, reply, campaign */
        [GATE_OFF] = {false, true, false, false},
        [GATE_REPLIES] = {false, true, true, false},
        [GATE_ALL] = {false, true, true, true},
    };

    (void)state;
    for (enum gate g = GATE_OFF; g <= GATE_ALL; g++) {
        for (enum reach r = REACH_UNSET; r <= REACH_CAMPAIGN; r++)
            assert_int_equal(gate_permits(g, r), want[g][r]);
    }
}

static void gate_names_round_trip(void **state) {
    enum gate got;

    (void)state;
    for (enum gate g = GATE_OFF; g <= GATE_ALL; g++) {
        assert_true(gate_parse(str_of(gate_name(g)), &got));
        assert_int_equal(got, g);
    }
    assert_false(gate_parse(STR("ALL"), &got));
    assert_false(gate_parse(STR(""), &got));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gate_permits_by_table),
        cmocka_unit_test(gate_names_round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
