/* serve.c - prosa serve: migrate, start, say where, run until told to stop.
 * SPDX-License-Identifier: Apache-2.0 */
#include "app/app.h"
#include "cli/runtime.h"

static int say_help(void) {
    struct buf b;

    buf_init(&b, 1 << 20);
    config_help(&b);
    printf("prosa serve - run the server\n\n"
           "Migrates the database, then prints one line with its address once it is ready.\n"
           "Stops cleanly on SIGTERM or SIGINT.\n\n%.*s",
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

static enum status run(struct runtime *rt, int argc, char *const argv[], struct err *e) {
    struct app *app;

    TRY(runtime_open(rt, argc, argv, e));
    TRY(app_start(
        (struct app_options){
            .config = rt->config,
            .keys = rt->keys,
            .db = rt->db,
            .more_routes = pages,
            .n_more_routes = (rt->config->roles & CONFIG_ROLE_API) ? ARRAY_LEN(pages) : 0,
        },
        &app, e));
    printf("prosa is ready at %s://%.*s\n", rt->config->tls_cert_file.len > 0 ? "https" : "http",
           STR_ARG(app_address(app)));
    (void)fflush(stdout);
    signals_wait();
    app_stop(app);
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
