/* api_team.c - who works when, who is there, and who has which conversation.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include "base/clock.h"
#include "bot/bot.h"
#include "team/team.h"

enum { SUMMARY_MAX = 4000, WORD_MAX = 200, COLLECTED_MAX = 16 << 10 };

/* --- the team -------------------------------------------------------------------------------------------------------- */

static int64_t open_of(const struct user_load *loads, size_t n, struct user_id user) {
    for (size_t i = 0; i < n; i++)
        if (uuid_eq(loads[i].user.v, user.v))
            return loads[i].open;
    return 0;
}

static enum status list_team(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct team_member *members;
    struct user_load *loads;
    size_t n, n_loads;

    TRY(team_members(x->r->arena, tx, x->tenant, clock_now_ms(), &members, &n, e));
    TRY(conversation_loads(x->r->arena, tx, x->tenant, &loads, &n_loads, e));
    api_begin_list(x);
    for (size_t i = 0; i < n; i++) {
        const struct team_member *m = &members[i];

        if (!m->is_active)
            continue;
        json_obj(&x->o, NULL);
        json_put_id(&x->o, "id", m->user.v);
        json_put_str(&x->o, "name", m->name);
        json_put_str(&x->o, "role", str_of(role_name(m->role)));
        json_put_str(&x->o, "presence", m->presence);
        json_put_raw(&x->o, "skills", m->skills);
        json_put_i64(&x->o, "capacity", m->capacity);
        json_put_i64(&x->o, "open", open_of(loads, n_loads, m->user));
        json_end(&x->o);
    }
    api_end_list(x, STR_EMPTY, false);
    return ST_OK;
}

static enum status get_settings(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct team_settings s;
    struct json_out *o;

    TRY(team_settings_get(x->r->arena, tx, x->tenant, &s, e));
    o = api_begin(x);
    json_put_i64(o, "version", s.version);
    json_put_str(o, "timezone", s.timezone);
    json_put_bool(o, "is_open", team_is_open(&s, clock_now_ms()));
    team_settings_write(o, &s);
    json_end(o);
    return ST_OK;
}

/* What the caller saw: {"version": 3} or If-Match: "3"; -1 when it says nothing. */
static enum status read_version(struct api *x, int64_t *ret, struct err *e) {
    const struct json *v = json_get(x->body, "version");
    struct str tag = req_header(x->r, "If-Match");

    *ret = -1;
    if (json_type(v) == JSON_INT && json_i64(v, -1) >= 0) {
        *ret = json_i64(v, -1);
        return ST_OK;
    }
    if (v)
        FAIL(e, ST_INVALID, "version: the number that was read is needed");
    if (tag.len == 0 || str_eq(tag, STR("*")))
        return ST_OK;
    (void)str_eat(&tag, STR("W/"));
    (void)str_eat(&tag, STR("\""));
    if (!str_ends(tag, STR("\"")) ||
        !str_parse_i64(str_sub(tag, 0, tag.len - 1), 0, INT64_MAX, ret))
        FAIL(e, ST_INVALID, "If-Match: the version that was read is needed, like \"3\"");
    return ST_OK;
}

static enum status put_settings(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    int64_t version;

    TRY(read_version(x, &version, e));
    TRY(team_settings_put(x->r->arena, tx, x->tenant, x->body, version, e));
    TRY(conversation_settings_changed(tx, x->tenant, clock_now_ms(), e));
    TRY(api_audit(tx, x, "team.settings", STR("team"), e));
    return get_settings(tx, ctx, e);
}

static enum status suggest_holidays(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    int64_t year;

    (void)tx;
    if (!str_parse_i64(req_query(x->r, "year"), 1980, 2199, &year))
        FAIL(e, ST_INVALID, "year: a year from 1980 to 2199 is needed");
    api_begin_list(x);
    team_write_brazil(&x->o, year);
    api_end_list(x, STR_EMPTY, false);
    return ST_OK;
}

static enum status get_watch(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct conversation_counts n;
    struct json_out *o;

    TRY(conversation_watch(x->r->arena, tx, x->tenant, clock_now_ms(), &n, e));
    o = api_begin(x);
    json_put_i64(o, "open", n.open);
    json_put_i64(o, "waiting", n.waiting);
    json_put_i64(o, "overdue", n.overdue);
    json_put_i64(o, "without_deadline", n.without_deadline);
    json_end(o);
    return ST_OK;
}

/* --- presence -------------------------------------------------------------------------------------------------------- */

static enum status told_presence(struct tx *tx, struct api *x, struct str presence, struct err *e) {
    struct str id = uuid_format(x->r->arena, x->r->principal.user.v);

    return event_add(tx,
                     (struct event){.tenant = x->tenant,
                                    .kind = STR("team.presence"),
                                    .data = arena_printf(
                                        x->r->arena, "{\"user\":\"%.*s\",\"presence\":\"%.*s\"}",
                                        STR_ARG(id), STR_ARG(presence)),
                                    .at_ms = clock_now_ms()},
                     e);
}

static enum status put_presence(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct str presence = json_str(json_get(x->body, "presence"));
    int64_t now_ms = clock_now_ms();
    bool has_changed;
    struct json_out *o;

    TRY(team_set_presence(tx, x->tenant, x->r->principal.user, presence, now_ms, &has_changed, e));
    if (has_changed) {
        TRY(told_presence(tx, x, presence, e));
        if (str_eq(presence, STR("online")))
            TRY(conversation_fill(x->r->arena, tx, x->tenant, now_ms, e));
    }
    o = api_begin(x);
    json_put_str(o, "presence", presence);
    json_end(o);
    return ST_OK;
}

/* --- who has a conversation ---------------------------------------------------------------------------------------------- */

/* A person, or the key of a program, which stands for one. */
static struct user_id caller(const struct api *x) {
    struct user_id user = x->r->principal.user;

    if (uuid_is_nil(user.v))
        user.v = x->r->principal.key;
    return user;
}

/* A conflict tells who has it. */
enum status api_tell_owner(struct tx *tx, struct api *x, enum status st, const struct err *why) {
    struct conversation c;
    struct err ignored = ERR_INIT;
    struct json_out o;
    struct buf b;

    if (st != ST_CONFLICT || !why->cause || strcmp(why->cause, "owner-changed") != 0 ||
        conversation_get(x->r->arena, tx, x->tenant, x->conversation, &c, &ignored) != ST_OK)
        return st;
    buf_init(&b, API_BODY_MAX);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_obj(&o, "owner");
    json_put_id(&o, "id", c.owner_user.v);
    json_put_str(&o, "name", c.owner_name);
    json_put_str(&o, "kind", c.owner);
    json_end(&o);
    json_put_i64(&o, "owner_version", c.owner_version);
    json_end(&o);
    x->problem = arena_str(x->r->arena, buf_str(&b));
    buf_done(&b);
    return st;
}

static enum status expect(struct tx *tx, struct api *x, struct err *e) {
    int64_t version;

    TRY(read_version(x, &version, e));
    return version < 0
               ? ST_OK
               : conversation_expect(x->r->arena, tx, x->tenant, x->conversation, version, e);
}

static enum status answer(struct tx *tx, struct api *x, struct err *e) {
    struct conversation c;

    TRY(conversation_get(x->r->arena, tx, x->tenant, x->conversation, &c, e));
    buf_clear(&x->out);
    json_out_init(&x->o, &x->out);
    write_conversation(&x->o, NULL, &c);
    return ST_OK;
}

enum status api_expect_mine(struct tx *tx, struct api *x, struct err *e) {
    const struct principal *p = &x->r->principal;

    if (uuid_is_nil(p->user.v) || p->role >= ROLE_SUPERVISOR)
        return ST_OK;
    return conversation_expect_not_others(x->r->arena, tx, x->tenant, x->conversation, p->user, e);
}

static enum status take(struct tx *tx, struct api *x, struct err *e) {
    return conversation_take(x->r->arena, tx, x->tenant, x->conversation, caller(x), clock_now_ms(),
                             e);
}

static enum status release(struct tx *tx, struct api *x, struct err *e) {
    struct debounce debounce;

    TRY(api_expect_mine(tx, x, e));
    TRY(bot_debounce(tx, x->tenant, &debounce, e));
    return conversation_release(x->r->arena, tx, x->tenant, x->conversation, debounce,
                                clock_now_ms(), e);
}

static enum status close_one(struct tx *tx, struct api *x, struct err *e) {
    TRY(api_expect_mine(tx, x, e));
    return conversation_close(x->r->arena, tx, x->tenant, x->conversation, clock_now_ms(), e);
}

static enum status read_word(struct api *x, const char *key, size_t max, struct str *ret,
                             struct err *e) {
    const struct json *v = json_get(x->body, key);

    *ret = str_trim(json_str(v));
    if (v && json_type(v) != JSON_NULL && json_type(v) != JSON_STRING)
        FAIL(e, ST_INVALID, "%s: a text is needed", key);
    if (ret->len > max)
        FAIL(e, ST_INVALID, "%s: at most %zu bytes", key, max);
    return ST_OK;
}

static enum status hand_off(struct tx *tx, struct api *x, struct err *e) {
    const struct json *collected = json_get(x->body, "collected");
    struct handoff h = {0};

    TRY(read_word(x, "reason", WORD_MAX, &h.reason, e));
    TRY(read_word(x, "summary", SUMMARY_MAX, &h.summary, e));
    TRY(read_word(x, "skill", WORD_MAX, &h.skill, e));
    if (collected && json_type(collected) != JSON_OBJECT && json_type(collected) != JSON_NULL)
        FAIL(e, ST_INVALID, "collected: an object is needed");
    if (json_type(collected) == JSON_OBJECT)
        h.collected = api_text(x, collected);
    if (h.collected.len > COLLECTED_MAX)
        FAIL(e, ST_INVALID, "collected: at most %d bytes", COLLECTED_MAX);
    if (h.reason.len == 0)
        h.reason = STR("requested");
    return conversation_request_handoff(x->r->arena, tx, x->tenant, x->conversation, &h,
                                        clock_now_ms(), e);
}

static enum status assign(struct tx *tx, struct api *x, struct err *e) {
    const struct json *user = json_get(x->body, "user");
    struct assignment to = {.by = caller(x), .has_skill = json_get(x->body, "skill") != NULL};

    TRY(read_word(x, "skill", WORD_MAX, &to.skill, e));
    if (!user || (json_type(user) != JSON_NULL && !uuid_parse(json_str(user), &to.user.v)))
        FAIL(e, ST_INVALID, "user: a user's id, or null for the queue, is needed");
    TRY(api_expect_mine(tx, x, e));
    return conversation_assign(x->r->arena, tx, x->tenant, x->conversation, to, clock_now_ms(), e);
}

typedef enum status (*owner_fn)(struct tx *tx, struct api *x, struct err *e);

static enum status change_owner(struct tx *tx, struct api *x, owner_fn fn, struct err *e) {
    enum status st = expect(tx, x, e);

    x->problem = STR_EMPTY;
    if (st == ST_OK)
        st = fn(tx, x, e);
    return st == ST_OK ? answer(tx, x, e) : api_tell_owner(tx, x, st, e);
}

#define OWNER_HANDLER(name, fn)                                                                    \
    static enum status name##_tx(struct tx *tx, void *ctx, struct err *e) {                        \
        return change_owner(tx, ctx, fn, e);                                                       \
    }                                                                                              \
    API_HANDLER(name, API_WRITES, name##_tx)

OWNER_HANDLER(conversation_take_post, take)
OWNER_HANDLER(conversation_release_post, release)
OWNER_HANDLER(conversation_handoff_post, hand_off)
OWNER_HANDLER(conversation_assign_post, assign)
OWNER_HANDLER(conversation_close_post, close_one)
API_HANDLER(team_get, API_READS, list_team)
API_HANDLER(team_settings_get_one, API_READS, get_settings)
API_HANDLER(team_settings_put_one, API_WRITES, put_settings)
API_HANDLER(team_holidays_get, API_READS, suggest_holidays)
API_HANDLER(team_watch_get, API_READS, get_watch)
API_HANDLER(me_presence_put, API_WRITES, put_presence)

const struct route api_team_routes[] = {
    {HTTP_GET, API "/team", team_get, AGENT, .scope = "team:read",
     .summary = "The people of the team: presence, skills, capacity, open conversations"},
    {HTTP_GET, API "/team/settings", team_settings_get_one, AGENT, .scope = "team:read",
     .summary = "Working hours, deadlines, assignment, texts"},
    {HTTP_PUT, API "/team/settings", team_settings_put_one, ADMIN, .scope = "team:write",
     .max_body = API_BODY_MAX, .summary = "Change them; version says what was read"},
    {HTTP_GET, API "/team/holidays/suggest", team_holidays_get, AGENT, .scope = "team:read",
     .summary = "National holidays of Brazil in ?year="},
    {HTTP_GET, API "/team/watch", team_watch_get, SUPERVISOR, .scope = "team:read",
     .summary = "Open, waiting and overdue conversations, and those without a deadline"},
    {HTTP_PUT, API "/me/presence", me_presence_put, AGENT, .max_body = API_BODY_MAX,
     .summary = "Online, away or offline; whoever is online repeats it every 30 seconds"},
    {HTTP_POST, API "/conversations/{id}/take", conversation_take_post, AGENT,
     .scope = "conversations:write", .max_body = API_BODY_MAX,
     .summary = "Take the conversation over from the bot or the queue"},
    {HTTP_POST, API "/conversations/{id}/release", conversation_release_post, AGENT,
     .scope = "conversations:write", .max_body = API_BODY_MAX,
     .summary = "Give the conversation back to the bot"},
    {HTTP_POST, API "/conversations/{id}/handoff", conversation_handoff_post, AGENT,
     .scope = "conversations:write", .max_body = API_BODY_MAX,
     .summary = "Ask for a person, with a summary and what was collected"},
    {HTTP_POST, API "/conversations/{id}/assign", conversation_assign_post, AGENT,
     .scope = "conversations:write", .max_body = API_BODY_MAX,
     .summary = "Give the conversation to a user, or back to the queue"},
    {HTTP_POST, API "/conversations/{id}/close", conversation_close_post, AGENT,
     .scope = "conversations:write", .max_body = API_BODY_MAX, .summary = "Close the conversation"},
};
const size_t api_team_n_routes = ARRAY_LEN(api_team_routes);
