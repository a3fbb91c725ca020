/* runtime.h - what most commands stand on: settings, log, keys and a migrated database, opened in
 * order and closed in reverse.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"
#include "crypto/crypto.h"
#include "db/db.h"

struct runtime { /* caller's storage, {0} */
    struct config *config;
    struct keyring *keys;
    struct db *db;
    struct arena arena;
};

/* Settings from flags and environment; sets the log up. */
enum status runtime_configure(struct runtime *rt, int argc, char *const argv[], struct err *e)
    ATTR_MUST_CHECK;
/* Keys: PROSA_MASTER_KEY, else the file of PROSA_MASTER_KEY_FILE (made when missing), else for
 * SQLite a file beside the database. PostgreSQL without either is ST_INVALID: its nodes must share
 * a key that was chosen on purpose. */
enum status runtime_key_file(struct runtime *rt, struct str *ret_path, struct err *e)
    ATTR_MUST_CHECK; /* which file that is; ST_INVALID: none */
enum status runtime_open_keys(struct runtime *rt, struct err *e) ATTR_MUST_CHECK;
enum status runtime_open_db(struct runtime *rt, bool migrate, struct err *e) ATTR_MUST_CHECK;
/* All of the above. */
enum status runtime_open(struct runtime *rt, int argc, char *const argv[], struct err *e)
    ATTR_MUST_CHECK;
void runtime_close(struct runtime *rt);

/* prosa serve and prosa demo: the process' exit code. argv holds what comes behind the command's
 * name. */
int serve_main(int argc, char *const argv[]);
int demo_main(int argc, char *const argv[]);
/* For commands that serve: blocks SIGINT, SIGTERM and SIGHUP for every thread made from here on, so that
 * signals_wait() gets them, ignores SIGPIPE, and lifts the limit of open files to what is allowed. */
void server_prepare(void);
/* Waits for SIGINT or SIGTERM; at each SIGHUP calls reload (NULL: that ends the wait, too). */
void signals_wait(void (*reload)(void *ctx), void *ctx);
