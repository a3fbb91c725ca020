/* cli.h - the frame of the command line: one table of commands, from which parsing, help and exit
 * codes follow.
 *
 * A command gets parsed options and arguments, reads and writes through one database, fills c->out
 * and returns a status; what is in c->out is printed only when it is ST_OK. Failures go to standard
 * error as "prosa: could not <task>: <why>".
 *
 * Exit codes: 0 done · 1 failure, or what was checked is not in order · 2 usage or invalid input ·
 * 3 not found · 4 conflict · 5 unavailable, try later.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

#include "cli/runtime.h"
#include "lead/lead.h"
#include "tenant/tenant.h"
#include "json/json.h"

enum { CLI_MAX_ARGS = 8, CLI_MAX_GIVEN = 128, CLI_LIST_DEFAULT = 50, CLI_LIST_MAX = 500 };

struct cli;

struct option {
    const char *name;  /* without dashes; NULL ends a list */
    const char *value; /* what the help calls its value; NULL: takes none */
    const char *help;
    bool is_required;
};

enum opens {                 /* before run is called */
             OPENS_DATABASE, /* settings, the database, migrated */
             OPENS_ITSELF,   /* nothing: the command takes settings and opens what it wants */
             OPENS_NOTHING,  /* and takes no settings */
};

struct command {
    const char *name; /* NULL ends a table */
    const char *args; /* "SLUG KIND", "[ID]": names in order, those in brackets may be left out */
    const char *summary; /* one line: "add a tenant" */
    const char *task;    /* for "could not <task>"; NULL: the summary */
    const char *help;    /* more about it, or NULL */
    const struct option *options;
    enum status (*run)(struct cli *c, struct err *e);
    /* Instead of run: the command parses and reports by itself. argv is what stands behind its
     * name; it answers "--help", too. */
    int (*take_over)(int argc, char *const argv[]);
    const struct command *subcommands;
    enum opens opens;
    bool needs_keys; /* the master key; made on first use where that is safe */
};

struct given {
    const struct option *option;
    struct str value;
};

struct cli {
    struct arena arena;
    struct runtime rt;
    const struct command *command;
    struct str path; /* "tenant add" */
    bool is_json;
    struct str args[CLI_MAX_ARGS];
    size_t n_args;
    struct given given[CLI_MAX_GIVEN];
    size_t n_given;
    char **settings; /* for config_load() */
    int n_settings;
    struct buf out;
    struct json_out json; /* writes to out */
    int exit_code;        /* on ST_OK; a check that found something sets 1 */
};

/* The whole program; returns its exit code. */
int cli_main(int argc, char *argv[]);
int cli_exit_code(enum status st);
void cli_help(struct buf *b, const struct command *command, struct str path);

/* Fills c from what stands behind the command's name. ST_INVALID: the message says what is wrong.
 */
enum status cli_parse(struct cli *c, int argc, char *argv[], struct err *e) ATTR_MUST_CHECK;
bool cli_has(const struct cli *c, const char *option);
/* Value of the last one given; empty when there is none. */
struct str cli_value(const struct cli *c, const char *option);
/* An argument that may be missing: empty then. */
struct str cli_arg(const struct cli *c, size_t i);
enum status cli_arg_uuid(const struct cli *c, size_t i, struct uuid *ret, struct err *e)
    ATTR_MUST_CHECK;
enum status cli_number(const struct cli *c, const char *option, int64_t min, int64_t max,
                       int64_t *ret, struct err *e) ATTR_MUST_CHECK;
/* How many of a list --limit asks for: from 1 to CLI_LIST_MAX, else CLI_LIST_DEFAULT. */
enum status cli_limit(const struct cli *c, size_t *ret, struct err *e) ATTR_MUST_CHECK;
#define CLI_LIMIT_OPTION                                                                           \
    { .name = "limit", .value = "N", .help = "at most N (default: 50)" }

/* The settings part of opening, for commands that open by themselves. */
enum status cli_configure(struct cli *c, struct err *e) ATTR_MUST_CHECK;

/* --- database -------------------------------------------------------------------------------- */

/* Runs fn(tx, ctx) with the system's scope; cli_tenant() narrows it. c->out is emptied first, as fn
 * may run twice. */
enum status cli_write(struct cli *c, tx_fn fn, void *ctx, struct err *e) ATTR_MUST_CHECK;
/* The same on a reader, for commands that change nothing. */
enum status cli_read(struct cli *c, tx_fn fn, void *ctx, struct err *e) ATTR_MUST_CHECK;
/* cli_write for what changes who may do what: servers that share the database hear of it. */
enum status cli_write_callers(struct cli *c, tx_fn fn, void *ctx, struct err *e) ATTR_MUST_CHECK;
/* Finds the tenant and holds the rest of the transaction to it. */
enum status cli_tenant(struct cli *c, struct tx *tx, struct str slug, struct tenant *ret,
                       struct err *e) ATTR_MUST_CHECK;
/* The tenant of --tenant, or the nil one without that option. The scope stays the system's: what
 * takes a nil tenant for "everybody" filters by itself. */
enum status cli_tenant_option(struct cli *c, struct tx *tx, struct tenant_id *ret, struct err *e)
    ATTR_MUST_CHECK;
/* Somebody's id, by id, telephone number or e-mail address. ST_NOT_FOUND: nobody has that. */
enum status cli_lead(struct cli *c, struct tx *tx, struct tenant_id tenant, struct str who,
                     struct lead_id *ret, struct err *e) ATTR_MUST_CHECK;
/* Records what was done by hand. object is "key:<id>" or the like. */
enum status cli_audit(struct cli *c, struct tx *tx, struct tenant_id tenant, const char *action,
                      const char *object_kind, struct uuid object, struct err *e) ATTR_MUST_CHECK;

/* --- input ----------------------------------------------------------------------------------- */

/* A whole file, "-" for standard input; at most max bytes. */
enum status cli_read_file(struct cli *c, struct str path, size_t max, struct str *ret,
                          struct err *e) ATTR_MUST_CHECK;
/* A password from --password-file, else asked twice on the terminal without echo, else the first
 * line of standard input. Never from the command line, which everybody on the machine can read. */
enum status cli_read_password(struct cli *c, struct str *ret, struct err *e) ATTR_MUST_CHECK;

/* --- output ---------------------------------------------------------------------------------- */

/* {"data": [ … and its end. */
void cli_begin_list(struct cli *c);
void cli_end_list(struct cli *c);
/* A whole list: with --json each row by put(c, &row), else all of them by table(c, rows, n). A macro, so that both are held to
 * the rows' type. */
#define CLI_LIST(c, rows, n, put, table)                                                           \
    do {                                                                                           \
        if (!(c)->is_json) {                                                                       \
            table(c, rows, n);                                                                     \
            break;                                                                                 \
        }                                                                                          \
        cli_begin_list(c);                                                                         \
        for (size_t i_ = 0; i_ < (n); i_++)                                                        \
            put(c, &(rows)[i_]);                                                                   \
        cli_end_list(c);                                                                           \
    } while (0)

struct str cli_time_text(struct cli *c, int64_t ms); /* 0: "-" */
struct str cli_id_text(struct cli *c, struct uuid id);

enum { TABLE_MAX_COLUMNS = 8 };
struct table { /* columns as wide as their widest cell */
    struct cli *c;
    size_t columns;
    struct str *cells;
    size_t n, cap;
};
void table_begin(struct table *t, struct cli *c, const char *const *heads, size_t n);
void table_add(struct table *t, struct str cell);
/* Prints it to c->out; only the heads: prints `none` instead. */
void table_end(struct table *t, const char *none);

/* --- the tables of each file ----------------------------------------------------------------- */

extern const struct command tenant_commands[], user_commands[], key_commands[], provider_commands[],
    jobs_commands[], template_commands[], inbox_commands[], bot_commands[], webhook_commands[],
    dispatch_commands[], audit_commands[], consent_commands[], secrets_commands[], lead_commands[];
extern const struct option migrate_options[], doctor_options[], sim_run_options[], import_options[];

enum status migrate_run(struct cli *c, struct err *e);
enum status doctor_run(struct cli *c, struct err *e);
enum status sim_run(struct cli *c, struct err *e);
enum status import_run(struct cli *c, struct err *e);
enum status routes_run(struct cli *c, struct err *e);
enum status version_run(struct cli *c, struct err *e);
