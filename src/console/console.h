/* console.h - the API that people and programs use, and live updates. Handlers are thin: parse, call one feature, format.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "db/db.h"
#include "httpd/httpd.h"
#include "ws/ws.h"

/* Up to max routes into ret; how many there are. */
size_t console_routes(const struct route *ret[], size_t max);

/* Pushes conversation_events to the browsers of their tenant. One thread; a slow browser is closed and resumes by cursor. */
struct live;
struct authenticator;
enum status live_start(struct db *db, struct ws *ws, struct authenticator *au,
                       const struct log_ctx *log, struct live **ret, struct err *e) ATTR_MUST_CHECK;
void live_stop(struct live *l);
/* New events were committed; any thread. */
void live_wake(void *live);
/* Somebody's rights changed: sockets whose session or key has ended are closed soon. Otherwise they are looked at once a minute.
 * Any thread. */
void live_recheck(struct live *l);
/* GET /live?after=CURSOR: the handshake. */
enum status live_open(struct live *l, struct req *r, struct resp *ret, struct err *e)
    ATTR_MUST_CHECK;

/* Implemented by app/. */
struct db *app_db(struct app *app);
struct live *app_live(struct app *app);
/* Who may do what changed, and is committed: no node goes on with what it remembers. Any thread. */
void app_callers_changed(struct app *app);
const struct keyring *app_keys(struct app *app);
/* ST_OK when this node can do its work: database reachable, schema right, not draining. */
enum status app_ready(struct app *app, struct err *e);
