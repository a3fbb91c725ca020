/* test_choose.c - who of those who are there gets a conversation.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conversation/choose.h"

#include "unit/check.h"

enum { BIA, CAIO, DORA, TEAM };

static struct user_id user(int i) {
    struct user_id id = {0};

    id.v.bytes[0] = (uint8_t)(i + 1);
    return id;
}

static void gather(struct team_member team[static TEAM]) {
    for (int i = 0; i < TEAM; i++)
        team[i] = (struct team_member){.user = user(i),
                                       .is_active = true,
                                       .presence = STR("online"),
                                       .skills = STR("[\"vendas\"]")};
}

static const struct choice_of by_turn = {.is_round_robin = true, .default_capacity = 2};

static int chosen(const struct team_member *team, const struct user_load *loads, size_t n_loads,
                  struct choice_of of) {
    const char *how;
    const struct team_member *m = choose_member(team, TEAM, loads, n_loads, &of, &how);

    return m ? (int)(m - team) : -1;
}

static void turns_go_to_whoever_had_theirs_longest_ago(void **state) {
    struct team_member team[TEAM];

    (void)state;
    gather(team);
    team[BIA].assigned_at_ms = 30;
    team[CAIO].assigned_at_ms = 10;
    team[DORA].assigned_at_ms = 20;
    assert_int_equal(chosen(team, NULL, 0, by_turn), CAIO);
    team[CAIO].assigned_at_ms = 40;
    assert_int_equal(chosen(team, NULL, 0, by_turn), DORA);
}

static void first_turns_go_to_who_has_least_to_do(void **state) {
    const struct user_load loads[] = {{user(BIA), 1}, {user(DORA), 1}};
    struct team_member team[TEAM];

    (void)state;
    gather(team);
    assert_int_equal(chosen(team, loads, 2, by_turn), CAIO);
}

static void who_is_full_away_disabled_or_excepted_gets_none(void **state) {
    const struct user_load full[] = {{user(BIA), 2}};
    struct choice_of of = by_turn;
    struct team_member team[TEAM];

    (void)state;
    gather(team);
    team[CAIO].presence = STR("away");
    team[DORA].is_active = false;
    assert_int_equal(chosen(team, full, 1, of), -1);
    team[BIA].capacity = 3; /* her own, above the default */
    assert_int_equal(chosen(team, full, 1, of), BIA);
    of.except = user(BIA);
    assert_int_equal(chosen(team, full, 1, of), -1);
}

static void skill_is_compared_without_case_and_accents(void **state) {
    struct choice_of of = by_turn;
    struct team_member team[TEAM];

    (void)state;
    gather(team);
    of.skill = STR("INGLES");
    assert_int_equal(chosen(team, NULL, 0, of), -1);
    team[DORA].skills = STR("[\"vendas\",\"Inglês\"]");
    assert_int_equal(chosen(team, NULL, 0, of), DORA);
}

static void known_person_comes_first_and_without_turns_alone(void **state) {
    struct choice_of of = by_turn;
    const struct user_load full[] = {{user(DORA), 2}};
    struct team_member team[TEAM];

    (void)state;
    gather(team);
    of.sticky = user(DORA);
    assert_int_equal(chosen(team, NULL, 0, of), DORA);
    assert_int_equal(chosen(team, full, 1, of), BIA);
    of.is_round_robin = false;
    assert_int_equal(chosen(team, NULL, 0, of), DORA);
    assert_int_equal(chosen(team, full, 1, of), -1);
    of.sticky = (struct user_id){0};
    assert_int_equal(chosen(team, NULL, 0, of), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turns_go_to_whoever_had_theirs_longest_ago),
        cmocka_unit_test(first_turns_go_to_who_has_least_to_do),
        cmocka_unit_test(who_is_full_away_disabled_or_excepted_gets_none),
        cmocka_unit_test(skill_is_compared_without_case_and_accents),
        cmocka_unit_test(known_person_comes_first_and_without_turns_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
