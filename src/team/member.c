/* member.c - of each user of a tenant: who is there, who can do what, who can take how much.
 * SPDX-License-Identifier: Apache-2.0 */
#include "team/store.h"

#include "base/utf8.h"

enum { SKILL_POINTS = 40 };

static struct str presence_now(struct str said, int64_t seen_at_ms, int64_t now_ms) {
    if (said.len == 0)
        return STR("offline");
    if (str_eq(said, STR("online")) && seen_at_ms + TEAM_SEEN_MS < now_ms)
        return STR("away");
    return said;
}

static struct team_member member_at(const struct db_rows *rows, size_t i, int64_t now_ms) {
    struct team_member m = {
        .user.v = db_uuid(rows, i, 0),
        .name = db_text(rows, i, 1).len > 0 ? db_text(rows, i, 1) : db_text(rows, i, 2),
        .is_active = db_i64(rows, i, 4) != 0,
        .seen_at_ms = db_i64(rows, i, 6),
        .skills = db_is_null(rows, i, 7) ? STR("[]") : db_text(rows, i, 7),
        .capacity = db_i64(rows, i, 8),
        .assigned = db_i64(rows, i, 9),
        .assigned_at_ms = db_i64(rows, i, 10),
    };

    if (!role_parse(db_text(rows, i, 3), &m.role))
        m.role = ROLE_NONE; /* a newer version's word permits nothing */
    m.presence = presence_now(db_text(rows, i, 5), m.seen_at_ms, now_ms);
    return m;
}

enum status team_members(struct arena *a, struct tx *tx, struct tenant_id tenant, int64_t now_ms,
                         struct team_member **ret, size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(store_members(a, tx, tenant, (struct user_id){0}, &rows, e));
    *ret = arena_array_of(a, rows.n + 1, struct team_member);
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = member_at(&rows, i, now_ms);
    *ret_n = rows.n;
    return ST_OK;
}

enum status team_member_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct user_id user, int64_t now_ms, struct team_member *ret,
                            struct err *e) {
    struct db_rows rows = {0};

    if (!uuid_is_nil(user.v))
        TRY(store_members(a, tx, tenant, user, &rows, e));
    if (rows.n == 0)
        FAIL(e, ST_NOT_FOUND, "the team has no such user");
    *ret = member_at(&rows, 0, now_ms);
    return ST_OK;
}

bool team_member_has(const struct team_member *m, struct str skill) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct err ignored = ERR_INIT;
    const struct json *skills;

    if (skill.len == 0)
        return true;
    if (json_parse(&a, m->skills, JSON_LIMITS_DEFAULT, &skills, &ignored) != ST_OK)
        return false;
    for (size_t i = 0; i < json_len(skills); i++)
        if (str_eq(utf8_fold(&a, json_str(json_at(skills, i))), utf8_fold(&a, skill)))
            return true;
    return false;
}

static enum status check_skills(const struct json *skills, struct err *e) {
    if (json_type(skills) != JSON_ARRAY || json_len(skills) > TEAM_SKILLS_MAX)
        FAIL(e, ST_INVALID, "skills: a list of at most %d words is needed", TEAM_SKILLS_MAX);
    for (size_t i = 0; i < json_len(skills); i++) {
        struct str skill = str_trim(json_str(json_at(skills, i)));

        if (skill.len == 0 || utf8_count(skill) > SKILL_POINTS)
            FAIL(e, ST_INVALID, "skills[%zu]: 1 to %d characters", i, SKILL_POINTS);
    }
    return ST_OK;
}

enum status team_set_work(struct arena *a, struct tx *tx, struct tenant_id tenant,
                          struct user_id user, struct team_work work, struct err *e) {
    struct team_member m;
    struct str skills = STR_EMPTY;

    TRY(team_member_get(a, tx, tenant, user, 0, &m, e));
    if (work.capacity > TEAM_CAPACITY_MAX)
        FAIL(e, ST_INVALID, "capacity: 0 (the team's default) to %d", TEAM_CAPACITY_MAX);
    if (work.skills) {
        struct buf b;

        TRY(check_skills(work.skills, e));
        buf_init(&b, 64u << 10);
        json_write(&b, work.skills);
        skills = arena_str(a, buf_str(&b));
        buf_done(&b);
    }
    return store_member_work(tx, tenant, user, skills, work.capacity, e);
}

enum status team_set_presence(struct tx *tx, struct tenant_id tenant, struct user_id user,
                              struct str presence, int64_t now_ms, bool *ret_changed,
                              struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    static const char *const words[] = {"online", "away", "offline"};
    struct team_member m = {0};
    bool is_word = false;

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        is_word = is_word || str_eq(presence, str_of(words[i]));
    if (!is_word)
        FAIL(e, ST_INVALID, "presence: online, away or offline");
    TRY(team_member_get(&a, tx, tenant, user, now_ms, &m, e));
    TRY(store_member_presence(tx, tenant, user, presence, now_ms, e));
    *ret_changed = !str_eq(m.presence, presence);
    return ST_OK;
}

enum status team_take_turn(struct tx *tx, struct tenant_id tenant, const struct team_member *m,
                           int64_t now_ms, bool *ret_won, struct err *e) {
    int64_t changed;

    TRY(store_member_turn(tx, tenant, m->user, m->assigned, now_ms, &changed, e));
    *ret_won = changed > 0;
    return ST_OK;
}
