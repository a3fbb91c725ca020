/* test_tenant.c - tenants, users, sessions, API keys and who calls, on both engines.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "db/tenant_fixture.h"

#define PASSWORD STR("correct horse")

enum { HOUR_MS = 3600 * 1000 };

/* --- transactions of one call ---------------------------------------------------------------- */

struct call {
    struct fixture *f;
    struct tenant_id tenant;
    struct str text;
    bool flag;
    struct uuid id;
    struct api_key_new key_in;
    struct api_key key;
    struct api_key *keys;
    struct user *users;
    struct tenant *tenants;
    struct tenant found;
    size_t n;
    struct str token;
    int64_t at_ms;
};

static enum status find_slug(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;

    return tenant_find_slug(&c->f->a, tx, c->text, &c->found, e);
}

static enum status list_tenants(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;

    return tenant_list(&c->f->a, tx, &c->tenants, &c->n, e);
}

static enum status set_tenant_active(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;

    return tenant_set_active(tx, c->tenant, c->flag, e);
}

static enum status set_legacy(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;

    return tenant_set_legacy(tx, c->tenant, c->text, e);
}

static enum status list_users(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;

    return user_list(&c->f->a, tx, c->tenant, &c->users, &c->n, e);
}

static enum status set_user_active(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;

    return user_set_active(tx, c->tenant, c->text, c->flag, e);
}

static enum status add_key(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;

    return api_key_add(&c->f->a, tx, c->key_in, &c->token, &c->key, e);
}

static enum status list_keys(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;

    return api_key_list(&c->f->a, tx, c->tenant, &c->keys, &c->n, e);
}

static enum status revoke_key(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;

    return api_key_revoke(tx, c->tenant, c->id, e);
}

static enum status close_session(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;

    return session_close(tx, c->text, e);
}

static enum status open_trusted(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;

    return session_open_trusted(&c->f->a, tx, c->tenant, (struct user_id){c->id}, &c->token, e);
}

static enum status write_system(struct fixture *f, tx_fn fn, struct call *c) {
    c->f = f;
    return db_write(f->db, DB_SYSTEM, fn, c, &f->e);
}

static enum status write_tenant(struct fixture *f, tx_fn fn, struct call *c) {
    c->f = f;
    return db_write(f->db, DB_TENANT(c->tenant), fn, c, &f->e);
}

/* --- tenants --------------------------------------------------------------------------------- */

static void tenant_gets_defaults_and_is_found_by_slug(void **state) {
    struct fixture *f = *state;
    struct call c = {.text = STR("acme")};

    assert_ok(write_system(f, find_slug, &c), &f->e);
    assert_true(uuid_eq(c.found.id.v, f->acme.id.v));
    assert_str(c.found.name, "acme");
    assert_str(c.found.locale, "pt-BR");
    assert_str(c.found.timezone, "America/Sao_Paulo");
    assert_true(c.found.is_active);
    c.text = STR("nobody");
    assert_int_equal(write_system(f, find_slug, &c), ST_NOT_FOUND);
    assert_string_equal(f->e.message, "there is no tenant \"nobody\"");
}

static void tenants_with_bad_or_taken_slugs_are_refused(void **state) {
    struct fixture *f = *state;
    const char *bad[] = {"",    "a",  "Acme", "a b",
                         "-ab", "á1", "a/b",  "12345678901234567890123456789012345678901"};
    struct tenant t;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(
            fixture_failing(f, fixture_tenant(f, (struct tenant_new){.slug = str_of(bad[i])}, &t)),
            ST_INVALID);
    assert_int_equal(fixture_tenant(f, (struct tenant_new){.slug = STR("acme")}, &t), ST_CONFLICT);
    assert_string_equal(f->e.message, "there is a tenant \"acme\" already");
}

static void tenants_are_listed_by_slug(void **state) {
    struct fixture *f = *state;
    struct call c = {0};

    assert_ok(write_system(f, list_tenants, &c), &f->e);
    assert_int_equal(c.n, 2);
    assert_str(c.tenants[0].slug, "acme");
    assert_str(c.tenants[1].slug, "other");
}

static void old_columns_must_be_a_json_object(void **state) {
    struct fixture *f = *state;
    struct call c = {.tenant = f->acme.id, .text = STR("[]")};

    assert_int_equal(fixture_failing(f, write_tenant(f, set_legacy, &c)), ST_INVALID);
    c.text = STR("{\"a\":");
    assert_int_equal(fixture_failing(f, write_tenant(f, set_legacy, &c)), ST_INVALID);
    c.text = STR("{\"whatsapp_phone_number_id\": 12}");
    assert_ok(write_tenant(f, set_legacy, &c), &f->e);
}

/* --- users and sessions ---------------------------------------------------------------------- */

static struct user add_user(struct fixture *f, const char *email, enum role role) {
    struct user_new in = {.tenant = f->acme.id,
                          .email = str_of(email),
                          .name = STR("Ana"),
                          .password = PASSWORD,
                          .role = role};
    struct user u;

    assert_ok(user_add(&f->a, f->db, in, &u, &f->e), &f->e);
    return u;
}

static struct login login_of(const char *email, struct str password) {
    return (struct login){.tenant_slug = STR("acme"),
                          .email = str_of(email),
                          .password = password,
                          .peer = STR("192.0.2.1")};
}

static void users_are_kept_per_tenant_with_folded_email(void **state) {
    struct fixture *f = *state;
    struct user u = add_user(f, " Ana@Example.com ", ROLE_SUPERVISOR);
    struct call c = {.tenant = f->acme.id};
    struct user_new twin = {.tenant = f->acme.id,
                            .email = STR("ANA@example.com"),
                            .password = PASSWORD,
                            .role = ROLE_AGENT};

    assert_str(u.email, "ana@example.com");
    assert_ok(write_tenant(f, list_users, &c), &f->e);
    assert_int_equal(c.n, 1);
    assert_int_equal(c.users[0].role, ROLE_SUPERVISOR);
    assert_true(c.users[0].is_active);
    assert_int_equal(user_add(&f->a, f->db, twin, &u, &f->e), ST_CONFLICT);
    err_clear(&f->e);
    twin.tenant = f->other.id;
    assert_ok(user_add(&f->a, f->db, twin, &u, &f->e), &f->e);
    c.tenant = f->other.id;
    assert_ok(write_tenant(f, list_users, &c), &f->e);
    assert_int_equal(c.n, 1);
    assert_str(c.users[0].email, "ana@example.com");
}

static void users_with_bad_email_password_or_role_are_refused(void **state) {
    struct fixture *f = *state;
    struct user_new good = {.tenant = f->acme.id,
                            .email = STR("ana@example.com"),
                            .password = PASSWORD,
                            .role = ROLE_AGENT};
    struct user_new bad[] = {good, good, good, good, good, good};
    struct user u;

    bad[0].email = STR("ana");
    bad[1].email = STR("a na@example.com");
    bad[2].email = STR("@example.com");
    bad[3].password = STR("seven77");
    bad[4].role = ROLE_NONE;
    bad[5].name = STR("a\nb");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(fixture_failing(f, user_add(&f->a, f->db, bad[i], &u, &f->e)), ST_INVALID);
}

static void login_opens_a_session_for_the_right_password_only(void **state) {
    struct fixture *f = *state;
    struct user ana = add_user(f, "ana@example.com", ROLE_AGENT), who;
    struct login wrong[] = {login_of("ana@example.com", STR("wrong horse")),
                            login_of("bob@example.com", PASSWORD),
                            login_of("ana@example.com", PASSWORD)};
    struct str token;

    wrong[2].tenant_slug = STR("other");
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_int_equal(session_open(&f->a, f->db, f->keys, wrong[i], &token, &who, &f->e),
                         ST_DENIED);
        assert_string_equal(f->e.message, "tenant, e-mail or password is wrong");
        err_clear(&f->e);
    }
    assert_ok(session_open(&f->a, f->db, f->keys, login_of("Ana@example.com", PASSWORD), &token,
                           &who, &f->e),
              &f->e);
    assert_true(uuid_eq(who.id.v, ana.id.v));
    assert_int_equal(token.len, TOKEN_TEXT_BYTES);
}

/* Counted, not timed: who is there does as much work as who is not. */
static void a_stranger_costs_the_same_hash_as_a_wrong_password(void **state) {
    struct fixture *f = *state;
    struct login in[] = {
        login_of("ana@example.com", STR("wrong horse")), login_of("bob@example.com", PASSWORD),
        login_of("ana@example.com", PASSWORD), login_of("off@example.com", PASSWORD)};
    struct call off = {.tenant = f->acme.id, .text = STR("off@example.com")};
    struct user who;
    struct str token;

    (void)add_user(f, "ana@example.com", ROLE_AGENT);
    (void)add_user(f, "off@example.com", ROLE_AGENT);
    assert_ok(write_tenant(f, set_user_active, &off), &f->e);
    in[2].tenant_slug = STR("nobody");
    for (size_t i = 0; i < ARRAY_LEN(in); i++) {
        uint64_t before = crypto_password_hashes();

        assert_int_equal(
            fixture_failing(f, session_open(&f->a, f->db, f->keys, in[i], &token, &who, &f->e)),
            ST_DENIED);
        assert_int_equal(crypto_password_hashes() - before, 1);
    }
}

static void too_many_tries_are_limited_per_peer_until_the_window_is_over(void **state) {
    struct fixture *f = *state;
    struct login in = login_of("ghost@example.com", STR("guess guess"));
    struct str token;
    struct user who;

    for (int i = 0; i < LOGIN_MAX_TRIES; i++)
        assert_int_equal(
            fixture_failing(f, session_open(&f->a, f->db, f->keys, in, &token, &who, &f->e)),
            ST_DENIED);
    assert_int_equal(session_open(&f->a, f->db, f->keys, in, &token, &who, &f->e), ST_LIMITED);
    assert_in_range(f->e.retry_after_ms, 1000, LOGIN_WINDOW_MS);
    err_clear(&f->e);
    in.peer = STR("192.0.2.2");
    assert_int_equal(
        fixture_failing(f, session_open(&f->a, f->db, f->keys, in, &token, &who, &f->e)),
        ST_DENIED);
    in.peer = STR("192.0.2.1");
    clock_shift_ms(LOGIN_WINDOW_MS + 1000);
    assert_int_equal(
        fixture_failing(f, session_open(&f->a, f->db, f->keys, in, &token, &who, &f->e)),
        ST_DENIED);
    clock_shift_ms(0);
}

static void a_success_forgets_the_tries_of_its_peer(void **state) {
    struct fixture *f = *state;
    struct str token;
    struct user who;

    (void)add_user(f, "ana@example.com", ROLE_AGENT);
    for (int i = 0; i < LOGIN_MAX_TRIES + 2; i++)
        assert_ok(session_open(&f->a, f->db, f->keys, login_of("ana@example.com", PASSWORD), &token,
                               &who, &f->e),
                  &f->e);
}

/* --- who calls ------------------------------------------------------------------------------- */

static const struct route for_agents = {
    .path = "/t", .auth = AUTH_MEMBER, .min_role = ROLE_AGENT, .scope = "messages:read"};
static const struct route for_admins = {
    .path = "/t", .auth = AUTH_MEMBER, .min_role = ROLE_ADMIN, .scope = "keys:write"};
static const struct route not_for_keys = {
    .path = "/t", .auth = AUTH_MEMBER, .min_role = ROLE_AGENT};

static struct authenticator *authenticator(struct fixture *f) {
    struct authenticator *au;

    assert_ok(authenticator_new(f->db, &au, &f->e), &f->e);
    return au;
}

/* With an authenticator of its own: nothing remembered. */
static enum status check(struct fixture *f, struct credentials in, const struct route *route,
                         struct principal *ret) {
    struct authenticator *au = authenticator(f);
    enum status st = authenticator_check(au, &f->a, in, route, ret, &f->e);

    authenticator_free(au);
    return st;
}

static struct credentials cookie(struct str token) {
    return (struct credentials){.session_cookie = token};
}

static struct credentials bearer(struct fixture *f, struct str token) {
    return (struct credentials){.authorization =
                                    arena_printf(&f->a, "Bearer %.*s", STR_ARG(token))};
}

static void assert_denied(struct fixture *f, enum status st, const char *cause) {
    assert_int_equal(st, ST_DENIED);
    assert_string_equal(f->e.cause, cause);
    err_clear(&f->e);
}

static struct str log_in(struct fixture *f, const char *email) {
    struct str token;
    struct user who;

    assert_ok(session_open(&f->a, f->db, f->keys, login_of(email, PASSWORD), &token, &who, &f->e),
              &f->e);
    return token;
}

static void a_session_is_its_user_within_the_role(void **state) {
    struct fixture *f = *state;
    struct user ana = add_user(f, "ana@example.com", ROLE_AGENT);
    struct str token = log_in(f, "ana@example.com");
    struct principal p;

    assert_ok(check(f, cookie(token), &for_agents, &p), &f->e);
    assert_true(uuid_eq(p.user.v, ana.id.v));
    assert_true(uuid_eq(p.tenant.v, f->acme.id.v));
    assert_int_equal(p.role, ROLE_AGENT);
    assert_true(p.by_cookie);
    assert_denied(f, check(f, cookie(token), &for_admins, &p), "role");
    assert_denied(f, check(f, cookie(STR("made up")), &for_agents, &p), "unauthenticated");
    assert_denied(f, check(f, (struct credentials){0}, &for_agents, &p), "unauthenticated");
}

static void a_session_ends_when_idle_or_old_or_closed(void **state) {
    struct fixture *f = *state;
    struct call c = {.text = STR_EMPTY};
    struct principal p;
    struct str token;

    (void)add_user(f, "ana@example.com", ROLE_AGENT);
    token = log_in(f, "ana@example.com");
    clock_shift_ms(SESSION_IDLE_MS + 1000);
    assert_denied(f, check(f, cookie(token), &for_agents, &p), "unauthenticated");
    clock_shift_ms(0);
    c.text = token;
    assert_ok(check(f, cookie(token), &for_agents, &p), &f->e);
    assert_ok(write_system(f, close_session, &c), &f->e);
    assert_denied(f, check(f, cookie(token), &for_agents, &p), "unauthenticated");
}

static enum status set_seen(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;

    return DB_EXEC(tx, DB_SQL("UPDATE sessions SET seen_at = $2 WHERE tenant_id = $1"), NULL, e,
                   V_UUID(c->tenant.v), V_I64(clock_now_ms()));
}

static enum status get_seen(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;
    struct db_rows rows;

    TRY(DB_QUERY(&c->f->a, tx, DB_SQL("SELECT seen_at FROM sessions WHERE tenant_id = $1"), &rows,
                 e, V_UUID(c->tenant.v)));
    c->at_ms = db_i64(&rows, 0, 0);
    return ST_OK;
}

static void use_prolongs_a_session(void **state) {
    struct fixture *f = *state;
    struct call c = {.tenant = f->acme.id};
    int64_t give_up_ms;
    struct principal p;
    struct str token;

    (void)add_user(f, "ana@example.com", ROLE_AGENT);
    token = log_in(f, "ana@example.com");
    clock_shift_ms(SESSION_IDLE_MS - HOUR_MS);
    give_up_ms = clock_mono_ms() + 10000;
    assert_ok(check(f, cookie(token), &for_agents, &p), &f->e);
    do /* written behind our back */
        assert_ok(write_tenant(f, get_seen, &c), &f->e);
    while (c.at_ms < clock_now_ms() - HOUR_MS && clock_mono_ms() < give_up_ms);
    clock_shift_ms(SESSION_IDLE_MS + HOUR_MS);
    assert_ok(check(f, cookie(token), &for_agents, &p), &f->e);
    clock_shift_ms(0);
}

static void a_session_ends_however_much_it_is_used(void **state) {
    struct fixture *f = *state;
    struct call c = {.tenant = f->acme.id};
    struct principal p;
    struct str token;

    (void)add_user(f, "ana@example.com", ROLE_AGENT);
    token = log_in(f, "ana@example.com");
    clock_shift_ms(SESSION_MAX_MS - HOUR_MS);
    assert_ok(write_tenant(f, set_seen, &c), &f->e);
    assert_ok(check(f, cookie(token), &for_agents, &p), &f->e);
    clock_shift_ms(SESSION_MAX_MS + HOUR_MS);
    assert_ok(write_tenant(f, set_seen, &c), &f->e);
    assert_denied(f, check(f, cookie(token), &for_agents, &p), "unauthenticated");
    clock_shift_ms(0);
}

static void a_trusted_session_needs_no_password(void **state) {
    struct fixture *f = *state;
    struct user ana = add_user(f, "ana@example.com", ROLE_ADMIN);
    struct call c = {.tenant = f->acme.id, .id = ana.id.v};
    struct principal p;

    assert_ok(write_tenant(f, open_trusted, &c), &f->e);
    assert_ok(check(f, cookie(c.token), &for_admins, &p), &f->e);
    assert_true(uuid_eq(p.user.v, ana.id.v));
}

static void new_password_or_disabling_ends_sessions(void **state) {
    struct fixture *f = *state;
    struct call c = {.tenant = f->acme.id, .text = STR("ana@example.com")};
    struct str token, again = STR("another horse");
    struct principal p;
    struct user who;

    (void)add_user(f, "ana@example.com", ROLE_AGENT);
    token = log_in(f, "ana@example.com");
    assert_ok(user_set_password(f->db, f->acme.id, STR("ANA@example.com"), again, &f->e), &f->e);
    assert_denied(f, check(f, cookie(token), &for_agents, &p), "unauthenticated");
    assert_ok(session_open(&f->a, f->db, f->keys, login_of("ana@example.com", again), &token, &who,
                           &f->e),
              &f->e);
    assert_ok(write_tenant(f, set_user_active, &c), &f->e);
    assert_denied(f, check(f, cookie(token), &for_agents, &p), "unauthenticated");
    assert_int_equal(
        fixture_failing(f, session_open(&f->a, f->db, f->keys, login_of("ana@example.com", again),
                                        &token, &who, &f->e)),
        ST_DENIED);
    assert_int_equal(user_set_password(f->db, f->other.id, STR("ana@example.com"), again, &f->e),
                     ST_NOT_FOUND);
}

static struct call make_key(struct fixture *f, const char *scopes) {
    struct call c = {
        .tenant = f->acme.id,
        .key_in = {.tenant = f->acme.id, .name = STR("crm"), .scopes = str_of(scopes)}};

    assert_ok(write_tenant(f, add_key, &c), &f->e);
    return c;
}

static void a_key_is_told_once_and_permits_its_scopes(void **state) {
    struct fixture *f = *state;
    struct call c = make_key(f, "messages:read, jobs:*");
    struct principal p;

    assert_true(str_starts(c.token, STR("prosa_")));
    assert_str(c.key.scopes, "messages:read jobs:*");
    assert_ok(check(f, bearer(f, c.token), &for_agents, &p), &f->e);
    assert_true(uuid_eq(p.key, c.key.id));
    assert_true(uuid_eq(p.tenant.v, f->acme.id.v));
    assert_true(uuid_is_nil(p.user.v));
    assert_int_equal(p.role, ROLE_NONE);
    assert_denied(f, check(f, bearer(f, c.token), &for_admins, &p), "scope");
    assert_denied(f, check(f, bearer(f, c.token), &not_for_keys, &p), "scope");
    assert_denied(f, check(f, bearer(f, STR("prosa_nothing")), &for_agents, &p), "unauthenticated");
    assert_denied(f, check(f, bearer(f, STR("eyJhbGciOi")), &for_agents, &p), "unauthenticated");
    assert_denied(
        f, check(f, (struct credentials){.authorization = STR("Basic eDp5")}, &for_agents, &p),
        "unauthenticated");
    assert_ok(write_tenant(f, list_keys, &c), &f->e);
    assert_int_equal(c.n, 1);
    assert_str(c.keys[0].name, "crm");
    assert_true(str_starts(c.token, c.keys[0].prefix));
    assert_int_equal(c.keys[0].prefix.len, 12);
}

static void scope_words_stand_for_what_they_say(void **state) {
    static const struct {
        const char *scopes, *wanted;
        bool permitted;
    } cases[] = {
        {"read", "messages:read", true},       {"read", "messages:write", false},
        {"read", "keys:read", false},          {"write", "messages:write", true},
        {"write", "conversations:read", true}, {"write", "keys:write", false},
        {"admin", "keys:write", true},         {"*", "providers:write", true},
        {"jobs:write", "jobs:read", true},     {"jobs:read", "jobs:write", false},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct route route = {.path = "/t", .auth = AUTH_MEMBER, .scope = cases[i].wanted};
        struct call c = make_key(f, cases[i].scopes);
        struct principal p;
        enum status st = fixture_failing(f, check(f, bearer(f, c.token), &route, &p));

        if ((st == ST_OK) != cases[i].permitted)
            fail_msg("%s: %s", cases[i].scopes, cases[i].wanted);
    }
}

static void unknown_scopes_are_named(void **state) {
    struct fixture *f = *state;
    struct call c = {.tenant = f->acme.id,
                     .key_in = {.tenant = f->acme.id, .scopes = STR("messages:read mesages:read")}};

    assert_int_equal(write_tenant(f, add_key, &c), ST_INVALID);
    assert_non_null(strstr(f->e.message, "unknown scope \"mesages:read\""));
    assert_non_null(strstr(f->e.message, "conversations"));
    err_clear(&f->e);
    c.key_in.scopes = STR(" , ");
    assert_int_equal(write_tenant(f, add_key, &c), ST_INVALID);
}

static void a_revoked_key_is_refused_once_forgotten(void **state) {
    struct fixture *f = *state;
    struct call c = make_key(f, "read");
    struct authenticator *au = authenticator(f);
    struct credentials in = bearer(f, c.token);
    struct principal p;

    assert_ok(authenticator_check(au, &f->a, in, &for_agents, &p, &f->e), &f->e);
    c.id = c.key.id;
    assert_ok(write_tenant(f, revoke_key, &c), &f->e);
    assert_int_equal(fixture_failing(f, write_tenant(f, revoke_key, &c)), ST_NOT_FOUND);
    assert_ok(authenticator_check(au, &f->a, in, &for_agents, &p, &f->e), &f->e);
    assert_str(p.scopes,
               "conversations:read messages:read leads:read events:read inbox:read "
               "jobs:read metrics:read bot:read me:read team:read templates:read dispatches:read");
    clock_shift_ms(10000);
    assert_denied(f, authenticator_check(au, &f->a, in, &for_agents, &p, &f->e), "unauthenticated");
    clock_shift_ms(0);
    authenticator_free(au);
}

static void a_key_of_another_tenant_cannot_be_revoked(void **state) {
    struct fixture *f = *state;
    struct call c = make_key(f, "read");

    c.id = c.key.id;
    c.tenant = f->other.id;
    assert_int_equal(write_tenant(f, revoke_key, &c), ST_NOT_FOUND);
}

static void a_closed_session_is_refused_at_once_where_it_was_closed(void **state) {
    struct fixture *f = *state;
    struct authenticator *au = authenticator(f);
    struct principal p;

    (void)add_user(f, "ana@example.com", ROLE_AGENT);
    for (int i = 0; i < 2; i++) { /* told to forget the tenant, then everybody */
        struct call c = {.tenant = f->acme.id, .text = log_in(f, "ana@example.com")};

        assert_ok(authenticator_check(au, &f->a, cookie(c.text), &for_agents, &p, &f->e), &f->e);
        assert_ok(write_tenant(f, close_session, &c), &f->e);
        assert_ok(authenticator_check(au, &f->a, cookie(c.text), &for_agents, &p, &f->e), &f->e);
        authenticator_forget(au, f->other.id);
        assert_ok(authenticator_check(au, &f->a, cookie(c.text), &for_agents, &p, &f->e), &f->e);
        authenticator_forget(au, i == 0 ? f->acme.id : (struct tenant_id){0});
        assert_denied(f, authenticator_check(au, &f->a, cookie(c.text), &for_agents, &p, &f->e),
                      "unauthenticated");
    }
    authenticator_free(au);
}

static void a_login_ends_the_session_it_came_with(void **state) {
    struct fixture *f = *state;
    struct login in = login_of("ana@example.com", PASSWORD);
    struct principal p;
    struct user who;
    struct str token;

    (void)add_user(f, "ana@example.com", ROLE_AGENT);
    in.old_token = log_in(f, "ana@example.com");
    assert_ok(session_open(&f->a, f->db, f->keys, in, &token, &who, &f->e), &f->e);
    assert_denied(f, check(f, cookie(in.old_token), &for_agents, &p), "unauthenticated");
    assert_ok(check(f, cookie(token), &for_agents, &p), &f->e);
}

static void a_disabled_tenant_is_refused(void **state) {
    struct fixture *f = *state;
    struct call c = make_key(f, "read");
    struct principal p;

    assert_ok(write_system(f, set_tenant_active, &c), &f->e);
    assert_denied(f, check(f, bearer(f, c.token), &for_agents, &p), "tenant-disabled");
    c.flag = true;
    assert_ok(write_system(f, set_tenant_active, &c), &f->e);
    assert_ok(check(f, bearer(f, c.token), &for_agents, &p), &f->e);
}

static void last_use_of_a_key_is_recorded(void **state) {
    struct fixture *f = *state;
    struct call c = make_key(f, "read");
    struct principal p;
    int64_t give_up_ms = clock_mono_ms() + 10000;

    assert_ok(check(f, bearer(f, c.token), &for_agents, &p), &f->e);
    do /* written behind our back */
        assert_ok(write_tenant(f, list_keys, &c), &f->e);
    while (c.keys[0].last_used_at_ms == 0 && clock_mono_ms() < give_up_ms);
    assert_true(c.keys[0].last_used_at_ms > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TENANT_TEST(tenant_gets_defaults_and_is_found_by_slug),
        TENANT_TEST(tenants_with_bad_or_taken_slugs_are_refused),
        TENANT_TEST(tenants_are_listed_by_slug),
        TENANT_TEST(old_columns_must_be_a_json_object),
        TENANT_TEST(users_are_kept_per_tenant_with_folded_email),
        TENANT_TEST(users_with_bad_email_password_or_role_are_refused),
        TENANT_TEST(login_opens_a_session_for_the_right_password_only),
        TENANT_TEST(a_stranger_costs_the_same_hash_as_a_wrong_password),
        TENANT_TEST(too_many_tries_are_limited_per_peer_until_the_window_is_over),
        TENANT_TEST(a_success_forgets_the_tries_of_its_peer),
        TENANT_TEST(a_session_is_its_user_within_the_role),
        TENANT_TEST(a_session_ends_when_idle_or_old_or_closed),
        TENANT_TEST(use_prolongs_a_session),
        TENANT_TEST(a_session_ends_however_much_it_is_used),
        TENANT_TEST(a_trusted_session_needs_no_password),
        TENANT_TEST(new_password_or_disabling_ends_sessions),
        TENANT_TEST(a_key_is_told_once_and_permits_its_scopes),
        TENANT_TEST(scope_words_stand_for_what_they_say),
        TENANT_TEST(unknown_scopes_are_named),
        TENANT_TEST(a_revoked_key_is_refused_once_forgotten),
        TENANT_TEST(a_key_of_another_tenant_cannot_be_revoked),
        TENANT_TEST(a_closed_session_is_refused_at_once_where_it_was_closed),
        TENANT_TEST(a_login_ends_the_session_it_came_with),
        TENANT_TEST(a_disabled_tenant_is_refused),
        TENANT_TEST(last_use_of_a_key_is_recorded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
