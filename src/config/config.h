/* config.h - the settings of the process: defaults, then the environment (PROSA_…), then flags,
 * checked as a whole. What a tenant owns is in the database, not here. The one place to add a
 * setting is table.c, plus its field below; parser, --help, docs/configuration.md and doctor follow
 * from it. A struct config is immutable and counted: a reload makes a new one.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "log/log.h"

/* The gate in httpc/: what may reach people. */
enum config_outbound { CONFIG_OUTBOUND_OFF, CONFIG_OUTBOUND_REPLIES, CONFIG_OUTBOUND_ALL };

enum config_role { /* bits of config.roles */
                   CONFIG_ROLE_API = 1,
                   CONFIG_ROLE_WORKER = 2,
                   CONFIG_ROLE_SCHEDULER = 4,
};

enum {
    CONFIG_WARNINGS_MAX = 8,
};

struct config_source; /* where each value came from; for config_dump */

/* Texts that were not set are empty. Secrets are plain here: never log a field, config_dump
 * masks. */
struct config {
    /* server */
    struct str listen;          /* "127.0.0.1:8080", "[::1]:0" */
    struct str public_url;      /* no slash at the end */
    struct str trusted_proxies; /* addresses and CIDRs, comma-separated */
    uint32_t http_threads;
    uint32_t http_handlers;
    uint32_t http_max_connections;
    uint32_t http_body_timeout_ms;
    uint32_t http_idle_timeout_ms;
    uint32_t webhook_max_bytes;
    uint32_t drain_timeout_ms;
    struct str tls_cert_file; /* both or none */
    struct str tls_key_file;
    struct str metrics_token;

    /* storage */
    struct str database_url;
    uint32_t db_pool;
    uint32_t db_timeout_ms;
    struct str data_dir; /* see config_data_dir() */
    uint32_t media_max_bytes;
    uint32_t import_rows_days;
    struct str master_key_file;
    struct str master_key; /* the keyring's text itself; then master_key_file is not used */

    /* work */
    uint32_t roles; /* enum config_role, or-ed */
    uint32_t workers;
    uint32_t lease_ms;
    enum config_outbound outbound;

    /* outgoing calls */
    uint32_t httpc_timeout_ms;
    uint32_t httpc_max_per_host;
    bool httpc_allow_private;
    struct str ca_file;

    /* WhatsApp Cloud API */
    struct str meta_app_secret;
    struct str meta_verify_token;
    struct str meta_base_url; /* no slash at the end */
    struct str meta_graph_version;

    /* log */
    enum log_level log_level;
    enum log_format log_format;

    /* What is allowed but worth a line in the log. */
    struct str warnings[CONFIG_WARNINGS_MAX];
    size_t n_warnings;

    /* config/'s own */
    struct arena arena;
    struct config_source *sources;
    _Atomic int refs;
};

/* argv holds flags only ("--listen", "127.0.0.1:0", "--workers=4"), neither the program nor a
 * subcommand; envp ends in NULL and only its PROSA_… and the documented other names are looked at.
 * An empty variable counts as not set.
 * ST_INVALID: unknown, misspelt, out of range or contradictory; the message names the flag or
 * variable, the value (never a secret's) and what is allowed. */
enum status config_load(int argc, char *const argv[], char *const envp[], struct config **ret,
                        struct err *e) ATTR_MUST_CHECK;
/* The same again for a running process: settings that are not reloadable keep old's value, a
 * warning says so. */
enum status config_reload(const struct config *old, int argc, char *const argv[],
                          char *const envp[], struct config **ret, struct err *e) ATTR_MUST_CHECK;

/* Where files go: data_dir, else for SQLite the database's path with .files behind it, else
 * "prosa-data" in the working directory. */
struct str config_data_dir(struct arena *a, const struct config *c);

struct config *config_ref(struct config *c);
void config_unref(struct config *c);
void config_unref_p(struct config **c);

/* For `prosa serve --help`: flags by group, defaults, ranges. */
void config_help(struct buf *b);
/* docs/configuration.md. */
void config_markdown(struct buf *b);
/* Every setting, its value and where it came from, a line each; secrets and passwords as ***. */
void config_dump(struct buf *b, const struct config *c);
