/* serve.c - prosa serve: migrate, start, say where, run until told to stop.
 * SPDX-License-Identifier: Apache-2.0 */
#include "app/app.h"
#include "cli/runtime.h"
#include "log/log.h"

extern char **environ;

static int say_help(void) {
    struct buf b;

    buf_init(&b, 1 << 20);
    config_help(&b);
    printf("prosa serve - run the server\n\n"
           "Migrates the database, then prints one line with its address once it is ready.\n"
           "Stops cleanly on SIGTERM or SIGINT; SIGHUP reads again what may change meanwhile (the\n"
           "settings below say so; give them by _FILE variables).\n\n%.*s",
           STR_ARG(buf_str(&b)));
    buf_done(&b);
    return 0;
}

static const struct route pages[] = {
    {HTTP_GET, "/", app_to_console, AUTH_NONE, .flags = ROUTE_INLINE | ROUTE_QUIET,
     .summary = "To the console"},
};

static bool wants_help(int argc, char *const argv[]) {
    return argc > 0 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0);
}

struct serving {
    struct runtime *rt;
    struct app *app;
    int argc;
    char *const *argv;
};

/* The same flags and variables, and what the files they name hold now. What is wrong is told, and the old settings stay. */
static void reload(void *ctx) {
    struct serving *s = ctx;
    ATTR_CLEANUP(config_unref_p)
    struct config *c = NULL;
    struct err e = ERR_INIT;

    enum status st = config_reload(s->rt->config, s->argc, s->argv, environ, &c, &e);

    for (size_t i = 0; st == ST_OK && i < c->n_warnings; i++)
        log_warn(NULL, "configuration", F_STR("warning", c->warnings[i]));
    if (st == ST_OK)
        st = app_reload(s->app, c, &e);
    if (st != ST_OK)
        log_err_line(LOG_ERROR, NULL, "settings could not be read again", &e, NULL, 0);
}

static enum status run(struct runtime *rt, int argc, char *const argv[], struct err *e) {
    struct serving s = {.rt = rt, .argc = argc, .argv = argv};

    TRY(runtime_open(rt, argc, argv, e));
    TRY(app_start(
        (struct app_options){
            .config = rt->config,
            .keys = rt->keys,
            .db = rt->db,
            .more_routes = pages,
            .n_more_routes = (rt->config->roles & CONFIG_ROLE_API) ? ARRAY_LEN(pages) : 0,
        },
        &s.app, e));
    printf("prosa is ready at %s://%.*s\n", rt->config->tls_cert_file.len > 0 ? "https" : "http",
           STR_ARG(app_address(s.app)));
    (void)fflush(stdout);
    signals_wait(reload, &s);
    app_stop(s.app);
    return ST_OK;
}

int serve_main(int argc, char *const argv[]) {
    struct runtime rt = {0};
    struct err e = ERR_INIT;
    enum status st;

    if (wants_help(argc, argv))
        return say_help();
    server_prepare();
    st = run(&rt, argc, argv, &e);
    runtime_close(&rt);
    if (st == ST_OK)
        return 0;
    (void)fprintf(stderr, "prosa: could not serve: %s\n", e.message);
    return st == ST_INVALID ? 2 : st == ST_UNAVAILABLE ? 5 : 1;
}
