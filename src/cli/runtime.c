/* runtime.c - settings, keys, database.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/runtime.h"

#include <signal.h>
#include <sys/resource.h>

extern char **environ;

enum status runtime_configure(struct runtime *rt, int argc, char *const argv[], struct err *e) {
    TRY(crypto_init(e));
    TRY(config_load(argc, argv, environ, &rt->config, e));
    log_setup(rt->config->log_level, rt->config->log_format);
    for (size_t i = 0; i < rt->config->n_warnings; i++)
        log_warn(NULL, "configuration", F_STR("warning", rt->config->warnings[i]));
    return ST_OK;
}

static struct str key_file_beside(struct runtime *rt) {
    struct str path = rt->config->database_url;

    return str_eat(&path, STR("sqlite:")) ? arena_printf(&rt->arena, "%.*s.key", STR_ARG(path))
                                          : STR_EMPTY;
}

enum status runtime_key_file(struct runtime *rt, struct str *ret_path, struct err *e) {
    *ret_path = rt->config->master_key_file;
    if (rt->config->master_key.len > 0)
        FAIL(e, ST_INVALID, "the master key comes from PROSA_MASTER_KEY, not from a file");
    if (ret_path->len == 0)
        *ret_path = key_file_beside(rt);
    if (ret_path->len == 0)
        FAIL(e, ST_INVALID,
             "no master key: set PROSA_MASTER_KEY_FILE (made when missing) or PROSA_MASTER_KEY, "
             "the same on every node");
    return ST_OK;
}

enum status runtime_open_keys(struct runtime *rt, struct err *e) {
    struct str path;

    if (rt->config->master_key.len > 0)
        return keyring_parse(rt->config->master_key, &rt->keys, e);
    TRY(runtime_key_file(rt, &path, e));
    return keyring_load(arena_cstr(&rt->arena, path), true, &rt->keys, e);
}

enum status runtime_open_db(struct runtime *rt, bool migrate, struct err *e) {
    int64_t applied;

    TRY(db_open((struct db_options){.url = rt->config->database_url,
                                    .connections = rt->config->db_pool,
                                    .timeout_ms = rt->config->db_timeout_ms},
                &rt->db, e));
    return migrate ? db_migrate(rt->db, &applied, e) : ST_OK;
}

enum status runtime_open(struct runtime *rt, int argc, char *const argv[], struct err *e) {
    TRY(runtime_configure(rt, argc, argv, e));
    TRY(runtime_open_keys(rt, e));
    return runtime_open_db(rt, true, e);
}

void runtime_close(struct runtime *rt) {
    if (rt->db)
        db_close(rt->db);
    keyring_free(rt->keys);
    if (rt->config)
        config_unref(rt->config);
    arena_done(&rt->arena);
    *rt = (struct runtime){0};
}

static void stop_signals(sigset_t *ret) {
    (void)sigemptyset(ret);
    (void)sigaddset(ret, SIGINT);
    (void)sigaddset(ret, SIGTERM);
    (void)sigaddset(ret, SIGHUP);
}

/* A shell's usual 1,024 open files are far below what http_max_connections permits. */
static void raise_file_limit(void) {
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit); /* what cannot be had shows as refused connections */
}

void server_prepare(void) {
    sigset_t set;

    stop_signals(&set);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
}

void signals_wait(void (*reload)(void *ctx), void *ctx) {
    sigset_t set;
    int got = 0;

    stop_signals(&set);
    for (;;) {
        if (sigwait(&set, &got) != 0)
            continue;
        if (got != SIGHUP || !reload)
            return;
        reload(ctx);
    }
}
