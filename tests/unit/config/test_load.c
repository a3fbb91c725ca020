/* test_load.c - what config.h promises of loading: order, bounds, names, files, secrets.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/table.h"

static char directory[] = "/tmp/prosa-config-XXXXXX";
static struct arena arena;
static struct err err;

static int setup(void **state) {
    (void)state;
    return mkdtemp(directory) ? 0 : 1;
}

static int teardown(void **state) {
    (void)state;
    arena_done(&arena);
    return rmdir(directory);
}

/* Both lists end in NULL. */
static enum status try_load(const char *const *flags, const char *const *env, struct config **ret) {
    char *argv[16] = {0}, *envp[16] = {0};
    int argc = 0;

    for (; flags && flags[argc]; argc++)
        argv[argc] = arena_cstr(&arena, str_of(flags[argc]));
    for (size_t i = 0; env && env[i]; i++)
        envp[i] = arena_cstr(&arena, str_of(env[i]));
    err = ERR_INIT;
    return config_load(argc, argv, envp, ret, &err);
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct config *load(const char *const *flags, const char *const *env) {
    struct config *c = NULL;

    assert_ok(try_load(flags, env, &c), &err);
    return c;
}

static const char *refusal(const char *const *flags, const char *const *env) {
    struct config *c = NULL;

    assert_int_not_equal(try_load(flags, env, &c), ST_OK);
    assert_null(c);
    return err.message;
}

static void defaults_are_those_of_the_table(void **state) {
    struct config *c = load(NULL, NULL);

    (void)state;
    assert_str(c->listen, "127.0.0.1:8080");
    assert_str(c->database_url, "sqlite:prosa.db");
    assert_str(c->master_key_file, "");
    assert_str(c->meta_base_url, "https://graph.facebook.com");
    assert_str(c->meta_graph_version, "v26.0");
    assert_int_equal(c->outbound, CONFIG_OUTBOUND_REPLIES);
    assert_int_equal(c->roles, CONFIG_ROLE_API | CONFIG_ROLE_WORKER | CONFIG_ROLE_SCHEDULER);
    assert_int_equal(c->http_threads, 2);
    assert_int_equal(c->http_max_connections, 12000);
    assert_int_equal(c->http_body_timeout_ms, 10000);
    assert_int_equal(c->http_idle_timeout_ms, 75000);
    assert_int_equal(c->webhook_max_bytes, 4 << 20);
    assert_int_equal(c->drain_timeout_ms, 10000);
    assert_int_equal(c->workers, 8);
    assert_int_equal(c->db_pool, 8);
    assert_int_equal(c->lease_ms, 15000);
    assert_int_equal(c->httpc_timeout_ms, 30000);
    assert_int_equal(c->httpc_max_per_host, 64);
    assert_false(c->httpc_allow_private);
    assert_int_equal(c->log_level, LOG_INFO);
    assert_int_equal(c->log_format, LOG_LOGFMT);
    assert_int_equal(c->meta_app_secret.len, 0);
    assert_int_equal(c->n_warnings, 0);
    config_unref(c);
}

static void flags_win_over_environment_over_defaults(void **state) {
    struct config *c = load(LIST("--workers", "3", "--log-level=warn"),
                            LIST("PROSA_WORKERS=4", "PROSA_DB_POOL=5", "HOME=/root"));

    (void)state;
    assert_int_equal(c->workers, 3);
    assert_int_equal(c->db_pool, 5);
    assert_int_equal(c->log_level, LOG_WARN);
    config_unref(c);
    c = load(LIST("--workers=3", "--workers", "6"), NULL); /* the last one wins */
    assert_int_equal(c->workers, 6);
    config_unref(c);
}

static void empty_variables_count_as_not_set(void **state) {
    struct config *c = load(NULL, LIST("PROSA_WORKERS=", "PROSA_UNHEARD_OF="));

    (void)state;
    assert_int_equal(c->workers, 8);
    config_unref(c);
}

static void misspelt_names_get_a_suggestion(void **state) {
    (void)state;
    assert_string_equal(refusal(LIST("--listn", "x"), NULL),
                        "could not use --listn: no such setting; did you mean --listen?");
    assert_string_equal(refusal(LIST("--http-thread=1"), NULL),
                        "could not use --http-thread: no such setting; did you mean "
                        "--http-threads?");
    assert_string_equal(refusal(NULL, LIST("PROSA_DATABSE_URL=x")),
                        "could not use PROSA_DATABSE_URL: no such setting; did you mean "
                        "PROSA_DATABASE_URL?");
    assert_string_equal(refusal(NULL, LIST("PROSA_QUITE_ANOTHER_THING=x")),
                        "could not use PROSA_QUITE_ANOTHER_THING: no such setting");
    assert_string_equal(refusal(NULL, LIST("PROSA_=x")), "could not use PROSA_: no such setting");
    assert_string_equal(refusal(LIST("--"), NULL), "could not use --: no such setting");
}

static void arguments_must_be_whole_flags(void **state) {
    (void)state;
    assert_string_equal(refusal(LIST("listen"), NULL),
                        "could not use argument \"listen\": flags begin with --");
    assert_string_equal(refusal(LIST("--workers"), NULL),
                        "could not use --workers: it needs a value");
}

/* Text of v in the setting's own unit; bounds are checked just inside and just outside. */
static bool accepts(const struct setting *s, int64_t v) {
    struct config *c = NULL;
    struct str flag = setting_flag(&arena, s);
    struct str text = arena_printf(&arena, "%.*s=%lld", STR_ARG(flag), (long long)v);
    enum status st = try_load(LIST(text.ptr), NULL, &c);

    if (st == ST_OK)
        assert_int_equal(setting_number(s, c), v);
    config_unref(c);
    return st == ST_OK;
}

static void every_bound_holds(void **state) {
    (void)state;
    for (size_t i = 0; i < config_table_len; i++) {
        const struct setting *s = &config_table[i];

        if (s->type != SETTING_NUMBER && s->type != SETTING_DURATION && s->type != SETTING_SIZE)
            continue;
        assert_true(s->min >= 0 && s->min < s->max && s->max <= UINT32_MAX);
        assert_true(accepts(s, s->min));
        assert_true(accepts(s, s->max));
        assert_false(accepts(s, s->max + 1));
        assert_non_null(strstr(err.message, setting_wants(&arena, s).ptr));
        assert_false(accepts(s, s->min - 1));
        assert_false(accepts(s, INT64_MAX));
    }
}

static void every_text_has_a_bound(void **state) {
    (void)state;
    for (size_t i = 0; i < config_table_len; i++) {
        const struct setting *s = &config_table[i];
        struct config *c;
        char *text;

        if (s->type != SETTING_TEXT && s->type != SETTING_SECRET)
            continue;
        assert_in_range(s->max, 1, 65535);
        c = load(NULL, NULL);
        text = arena_alloc(&arena, (size_t)s->max + 1);
        memset(text, 'x', (size_t)s->max + 1);
        assert_false(setting_parse(s, (struct str){.ptr = text, .len = (size_t)s->max + 1}, c));
        if (!s->check)
            assert_true(setting_parse(s, (struct str){.ptr = text, .len = (size_t)s->max}, c));
        if (s->min > 1)
            assert_false(setting_parse(s, (struct str){.ptr = text, .len = (size_t)s->min - 1}, c));
        config_unref(c);
    }
}

static void out_of_range_names_key_value_and_range(void **state) {
    (void)state;
    assert_string_equal(refusal(LIST("--workers", "513"), NULL),
                        "could not use --workers \"513\": wants 1 to 512");
    assert_string_equal(refusal(NULL, LIST("PROSA_LEASE_MS=30s")),
                        "could not use PROSA_LEASE_MS \"30s\": wants 5s to 25s");
    assert_string_equal(refusal(NULL, LIST("PROSA_WEBHOOK_MAX_BYTES=1KiB")),
                        "could not use PROSA_WEBHOOK_MAX_BYTES \"1KiB\": wants 64KiB to 64MiB");
    assert_string_equal(refusal(NULL, LIST("PROSA_OUTBOUND=some")),
                        "could not use PROSA_OUTBOUND \"some\": wants off, replies or all");
    assert_string_equal(refusal(NULL, LIST("PROSA_ROLES=api,boss")),
                        "could not use PROSA_ROLES \"api,boss\": wants any of api, worker and "
                        "scheduler, separated by commas");
    assert_string_equal(refusal(NULL, LIST("PROSA_HTTPC_ALLOW_PRIVATE=maybe")),
                        "could not use PROSA_HTTPC_ALLOW_PRIVATE \"maybe\": wants true or false");
}

static void quantities_take_units(void **state) {
    static const struct {
        const char *text;
        uint32_t ms;
    } cases[] = {{"10000", 10000}, {"10000ms", 10000}, {"10s", 10000},
                 {"10 s", 10000},  {"2m", 120000},     {"1H", 3600000}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct config *c = load(LIST("--http-idle-timeout-ms", cases[i].text), NULL);

        assert_int_equal(c->http_idle_timeout_ms, cases[i].ms);
        config_unref(c);
    }
    for (const char *const *bad = LIST("10sec", "1.5s", "-10s", "s", "4294967295h"); *bad; bad++)
        (void)refusal(LIST("--http-idle-timeout-ms", *bad), NULL);
}

static void listen_takes_addresses_with_ports(void **state) {
    (void)state;
    for (const char *const *good = LIST("127.0.0.1:0", "0.0.0.0:65535", "[::1]:8080", "[::]:80");
         *good; good++)
        config_unref(load(LIST("--listen", *good), NULL));
    for (const char *const *bad =
             LIST("127.0.0.1", ":8080", "127.0.0.1:65536", "127.0.0.1:-1", "::1:80",
                  "[127.0.0.1]:80", "[::1]80", "[]:1", "[:1", "example.com:80", "127.0.0.1:");
         *bad; bad++)
        (void)refusal(LIST("--listen", *bad), NULL);
}

static void networks_urls_and_versions_are_checked(void **state) {
    struct config *c =
        load(NULL, LIST("PROSA_TRUSTED_PROXIES=10.0.0.0/8, ::1,192.168.0.1",
                        "PROSA_PUBLIC_URL=https://prosa.example.com/x/", "PROSA_OUTBOUND=OFF",
                        "PROSA_DATABASE_URL=postgresql://u:p@db/prosa", "PROSA_ROLES=worker, api"));

    (void)state;
    assert_str(c->public_url, "https://prosa.example.com/x");
    assert_int_equal(c->roles, CONFIG_ROLE_API | CONFIG_ROLE_WORKER);
    assert_int_equal(c->outbound, CONFIG_OUTBOUND_OFF);
    config_unref(c);
    for (const char *const *bad = LIST(
             "PROSA_TRUSTED_PROXIES=10.0.0.0/33", "PROSA_TRUSTED_PROXIES=10.0.0.0/8,",
             "PROSA_TRUSTED_PROXIES=proxy", "PROSA_PUBLIC_URL=prosa.example.com",
             "PROSA_PUBLIC_URL=https://u:p@example.com", "PROSA_PUBLIC_URL=https://a?b",
             "PROSA_PUBLIC_URL=https:///x", "PROSA_META_BASE_URL=/", "PROSA_META_GRAPH_VERSION=26",
             "PROSA_META_GRAPH_VERSION=v26.0.1", "PROSA_DATABASE_URL=sqlite:",
             "PROSA_DATABASE_URL=sqlite::memory:", "PROSA_DATABASE_URL=mysql://x",
             "PROSA_DATA_DIR=a\tb", "PROSA_DATA_DIR=\xff", "PROSA_ROLES=,");
         *bad; bad++)
        (void)refusal(NULL, LIST(*bad));
}

static void booleans_are_switched_on_by_their_flag(void **state) {
    struct config *c = load(LIST("--httpc-allow-private", "--workers=1"), NULL);

    (void)state;
    assert_true(c->httpc_allow_private);
    assert_int_equal(c->n_warnings, 1);
    config_unref(c);
    c = load(LIST("--httpc-allow-private=no"), LIST("PROSA_HTTPC_ALLOW_PRIVATE=1"));
    assert_false(c->httpc_allow_private);
    config_unref(c);
}

static const char *write_file(const char *name, struct str text) {
    const char *path = arena_printf(&arena, "%s/%s", directory, name).ptr;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.ptr, text.len), (ssize_t)text.len);
    (void)close(fd);
    return path;
}

static const char *glue(const char *a, const char *b) {
    return arena_printf(&arena, "%s%s", a, b).ptr;
}

static void values_may_stand_in_files(void **state) {
    const char *path = write_file("value", STR("s3cret value\n"));
    struct config *c =
        load(LIST("--metrics-token-file", write_file("token", STR("0123456789abcdef"))),
             LIST(glue("PROSA_META_APP_SECRET_FILE=", path)));

    (void)state;
    assert_str(c->meta_app_secret, "s3cret value");
    assert_str(c->metrics_token, "0123456789abcdef");
    config_unref(c);
    path = write_file("value", STR("7\r\n"));
    c = load(LIST("--workers-file", path), NULL);
    assert_int_equal(c->workers, 7);
    config_unref(c);
    (void)write_file("value", STR("a\0b"));
    assert_non_null(strstr(refusal(LIST("--data-dir-file", path), NULL), "zero byte"));
    (void)write_file("value", (struct str){.ptr = arena_alloc(&arena, 70000), .len = 70000});
    assert_non_null(strstr(refusal(LIST("--data-dir-file", path), NULL), "more than"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(glue(directory, "/token")), 0);
    assert_non_null(strstr(refusal(LIST("--data-dir-file", path), NULL), "No such file"));
    assert_non_null(strstr(refusal(LIST("--data-dir-file", directory), NULL), "Is a directory"));
}

static void a_value_and_its_file_together_are_refused(void **state) {
    const char *path = write_file("value", STR("s3cret"));

    (void)state;
    assert_string_equal(
        refusal(NULL, LIST("PROSA_META_APP_SECRET=x", glue("PROSA_META_APP_SECRET_FILE=", path))),
        "could not use PROSA_META_APP_SECRET_FILE: PROSA_META_APP_SECRET is set "
        "too");
    assert_int_equal(unlink(path), 0);
}

/* tls_key_file is a setting of its own, not the file of a setting tls_key. */
static void settings_that_end_in_file_are_paths(void **state) {
    struct config *c = load(LIST("--tls-cert-file=/c.pem", "--tls-key-file=/k.pem"),
                            LIST("PROSA_MASTER_KEY_FILE=/run/key"));

    (void)state;
    assert_str(c->tls_key_file, "/k.pem");
    assert_str(c->master_key_file, "/run/key");
    config_unref(c);
}

static void secrets_are_refused_as_flags_and_never_shown(void **state) {
    (void)state;
    assert_string_equal(refusal(LIST("--meta-app-secret", "s3cret"), NULL),
                        "could not use --meta-app-secret: everybody can read a command line; use "
                        "PROSA_META_APP_SECRET or --meta-app-secret-file");
    assert_string_equal(refusal(NULL, LIST("PROSA_METRICS_TOKEN=s3cret")),
                        "could not use PROSA_METRICS_TOKEN: wants 16 to 1024 bytes");
    assert_null(strstr(refusal(NULL, LIST("PROSA_DATABASE_URL=mysql://u:s3cret@x")), "s3cret"));
}

static void the_other_name_of_outbound_is_honoured(void **state) {
    struct config *c = load(NULL, LIST("MICRO_AGENT_DISPARO_ENABLED=true"));

    (void)state;
    assert_int_equal(c->outbound, CONFIG_OUTBOUND_ALL);
    assert_int_equal(c->n_warnings, 0);
    config_unref(c);
    c = load(NULL, LIST("MICRO_AGENT_DISPARO_ENABLED=false"));
    assert_int_equal(c->outbound, CONFIG_OUTBOUND_REPLIES);
    assert_int_equal(c->n_warnings, 0);
    config_unref(c);
    c = load(NULL, LIST("MICRO_AGENT_DISPARO_ENABLED=true", "PROSA_OUTBOUND=all"));
    assert_int_equal(c->n_warnings, 0);
    config_unref(c);
    (void)refusal(NULL, LIST("MICRO_AGENT_DISPARO_ENABLED=perhaps"));
}

static void explicit_outbound_wins_and_disagreement_is_reported(void **state) {
    struct config *c = load(NULL, LIST("MICRO_AGENT_DISPARO_ENABLED=true", "PROSA_OUTBOUND=off"));

    (void)state;
    assert_int_equal(c->outbound, CONFIG_OUTBOUND_OFF);
    assert_int_equal(c->n_warnings, 1);
    assert_str(c->warnings[0], "MICRO_AGENT_DISPARO_ENABLED=true is overruled by PROSA_OUTBOUND, "
                               "which says off");
    config_unref(c);
    c = load(LIST("--outbound=all"), LIST("MICRO_AGENT_DISPARO_ENABLED=false"));
    assert_int_equal(c->outbound, CONFIG_OUTBOUND_ALL);
    assert_int_equal(c->n_warnings, 1);
    config_unref(c);
}

static void contradictions_are_refused(void **state) {
    (void)state;
    assert_non_null(strstr(refusal(LIST("--tls-cert-file", "x"), NULL), "go together"));
    assert_non_null(strstr(refusal(LIST("--tls-key-file", "x"), NULL), "go together"));
    assert_non_null(
        strstr(refusal(LIST("--master-key-file=x"),
                       LIST("PROSA_MASTER_KEY=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")),
               "both master_key"));
}

static void a_lone_role_on_sqlite_is_reported(void **state) {
    struct config *c = load(LIST("--roles=api"), NULL);

    (void)state;
    assert_int_equal(c->n_warnings, 1);
    config_unref(c);
    c = load(LIST("--roles=api", "--database-url=postgresql://db/x"), NULL);
    assert_int_equal(c->n_warnings, 0);
    config_unref(c);
}

static void variables_of_kubernetes_services_are_left_alone(void **state) {
    struct config *c =
        load(NULL, LIST("PROSA_SERVICE_HOST=10.0.0.1", "PROSA_SERVICE_PORT=80",
                        "PROSA_PORT=tcp://10.0.0.1:80", "PROSA_PORT_80_TCP=tcp://10.0.0.1:80",
                        "PROSA_PORT_80_TCP_ADDR=10.0.0.1", "PROSA_API_PORT_80_TCP_PROTO=tcp",
                        "PROSA_API_SERVICE_PORT_HTTP=80"));

    (void)state;
    config_unref(c);
    (void)refusal(NULL, LIST("PROSA_PORT=8080")); /* somebody meant PROSA_LISTEN */
}

static void reload_keeps_what_needs_a_restart(void **state) {
    struct config *old = load(LIST("--workers=3"), LIST("PROSA_LOG_LEVEL=warn")), *c = NULL;
    char *argv[] = {arena_cstr(&arena, STR("--workers=4")), NULL};
    char *envp[] = {arena_cstr(&arena, STR("PROSA_LOG_LEVEL=debug")),
                    arena_cstr(&arena, STR("PROSA_LISTEN=[::1]:1")), NULL};

    (void)state;
    assert_ok(config_reload(old, 1, argv, envp, &c, &err), &err);
    config_unref(old);
    assert_int_equal(c->workers, 3);
    assert_str(c->listen, "127.0.0.1:8080");
    assert_int_equal(c->log_level, LOG_DEBUG);
    assert_int_equal(c->n_warnings, 2);
    assert_str(c->warnings[0], "listen changed; that needs a restart");
    config_unref(c);
}

static void references_keep_a_config_alive(void **state) {
    struct config *c = load(NULL, NULL);

    (void)state;
    assert_ptr_equal(config_ref(c), c);
    config_unref(c);
    assert_str(c->listen, "127.0.0.1:8080");
    config_unref(c);
    config_unref(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_table),
        cmocka_unit_test(flags_win_over_environment_over_defaults),
        cmocka_unit_test(empty_variables_count_as_not_set),
        cmocka_unit_test(misspelt_names_get_a_suggestion),
        cmocka_unit_test(arguments_must_be_whole_flags),
        cmocka_unit_test(every_bound_holds),
        cmocka_unit_test(every_text_has_a_bound),
        cmocka_unit_test(out_of_range_names_key_value_and_range),
        cmocka_unit_test(quantities_take_units),
        cmocka_unit_test(listen_takes_addresses_with_ports),
        cmocka_unit_test(networks_urls_and_versions_are_checked),
        cmocka_unit_test(booleans_are_switched_on_by_their_flag),
        cmocka_unit_test(values_may_stand_in_files),
        cmocka_unit_test(a_value_and_its_file_together_are_refused),
        cmocka_unit_test(settings_that_end_in_file_are_paths),
        cmocka_unit_test(secrets_are_refused_as_flags_and_never_shown),
        cmocka_unit_test(the_other_name_of_outbound_is_honoured),
        cmocka_unit_test(explicit_outbound_wins_and_disagreement_is_reported),
        cmocka_unit_test(contradictions_are_refused),
        cmocka_unit_test(a_lone_role_on_sqlite_is_reported),
        cmocka_unit_test(variables_of_kubernetes_services_are_left_alone),
        cmocka_unit_test(reload_keeps_what_needs_a_restart),
        cmocka_unit_test(references_keep_a_config_alive),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
