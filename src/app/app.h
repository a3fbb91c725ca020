/* app.h - the wiring: opens what the machinery needs in order, hands the route, job and schedule tables to it, and takes it all
 * down again. Knows everybody, is known by cli/ alone.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"
#include "crypto/crypto.h"
#include "db/db.h"
#include "httpd/httpd.h"

struct app;

struct app_options {
    struct config *config;           /* a reference is taken */
    struct keyring *keys;            /* the caller's, outlives the app */
    struct db *db;                   /* the caller's, migrated, outlives the app */
    const struct route *more_routes; /* the demo's own pages */
    size_t n_more_routes;
    void *more; /* for their handlers: app_more() */
};

/* Every route of `prosa serve`, up to max into ret; how many there are. The first *ret_api are the API's. */
size_t app_route_list(const struct route *ret[], size_t max, size_t *ret_api);

/* Everything runs when it returns ST_OK. */
enum status app_start(struct app_options options, struct app **ret, struct err *e) ATTR_MUST_CHECK;
struct str app_address(const struct app *app);
/* Drains: no new work, what runs finishes within the configured time. */
void app_stop(struct app *app);
/* Takes over what may change while it runs: the gate, the installation's Meta secrets, the log, the time to drain. The main
 * thread's, as start and stop are. */
enum status app_reload(struct app *app, struct config *config, struct err *e) ATTR_MUST_CHECK;
void *app_more(struct app *app);
/* The console's page, whatever its path: the page finds out itself what to show. */
enum status app_console(struct app *app, struct req *r, struct resp *ret, struct err *e);
/* A redirect to it. */
enum status app_to_console(struct app *app, struct req *r, struct resp *ret, struct err *e);
/* Serves the console's files; "/" is its index. For route tables of the demo as well. */
enum status app_asset(struct app *app, struct req *r, struct resp *ret, struct err *e);
