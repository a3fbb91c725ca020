/* table.c - every setting there is. A new one is a row here and a field in config.h, nothing else;
 * then regenerate docs/configuration.md (the test that compares it says how).
 * SPDX-License-Identifier: Apache-2.0 */
#include "config/table.h"

#include <stddef.h>

#define FIELD(name) .key = #name, .offset = offsetof(struct config, name)
#define KIB(n)      ((int64_t)(n) << 10)
#define MIB(n)      ((int64_t)(n) << 20)
#define SECONDS(n)  ((int64_t)(n)*1000)
#define MINUTES(n)  ((int64_t)(n)*60 * 1000)

enum {
    PATH_BYTES = 4096,
    TEXT_BYTES = 1024,
    SECRET_BYTES = 1024,
    KEYRING_BYTES = 16384,
};

static const struct choice outbound_choices[] = {
    {"off", CONFIG_OUTBOUND_OFF},
    {"replies", CONFIG_OUTBOUND_REPLIES},
    {"all", CONFIG_OUTBOUND_ALL},
    {NULL, 0},
};

static const struct choice role_choices[] = {
    {"api", CONFIG_ROLE_API},
    {"worker", CONFIG_ROLE_WORKER},
    {"scheduler", CONFIG_ROLE_SCHEDULER},
    {NULL, 0},
};

static const struct choice level_choices[] = {
    {"debug", LOG_DEBUG}, {"info", LOG_INFO}, {"warn", LOG_WARN}, {"error", LOG_ERROR}, {NULL, 0},
};

static const struct choice format_choices[] = {
    {"logfmt", LOG_LOGFMT},
    {"json", LOG_JSON},
    {NULL, 0},
};

static const char server[] = "Server";
static const char storage[] = "Storage";
static const char work[] = "Work";
static const char calls[] = "Outgoing calls";
static const char whatsapp[] = "WhatsApp Cloud API";
static const char logging[] = "Log";

const struct setting config_table[] = {
    {FIELD(listen), .group = server, .type = SETTING_TEXT, .fallback = "127.0.0.1:8080", .min = 1,
     .max = TEXT_BYTES, .check = check_listen,
     .wants = "an IPv4 address or an IPv6 address in brackets, a colon and a port (0 to 65535)",
     .help =
         "Where the HTTP server listens. Port 0 lets the kernel choose; the log names the port."},
    {FIELD(public_url), .group = server, .type = SETTING_URL, .fallback = "", .max = TEXT_BYTES,
     .help = "How the outside world reaches this server; for links and the webhook URLs shown to "
             "operators."},
    {FIELD(trusted_proxies), .group = server, .type = SETTING_TEXT, .fallback = "",
     .max = TEXT_BYTES, .check = check_networks,
     .wants = "addresses or CIDR networks separated by commas",
     .help = "Reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed."},
    {FIELD(http_threads), .group = server, .type = SETTING_NUMBER, .fallback = "2", .min = 1,
     .max = 64, .help = "Network threads. They never wait for disk or database: few are enough."},
    {FIELD(http_handlers), .group = server, .type = SETTING_NUMBER, .fallback = "4", .min = 1,
     .max = 256, .help = "Threads that run request handlers which may wait for the database."},
    {FIELD(http_max_connections), .group = server, .type = SETTING_NUMBER, .fallback = "12000",
     .min = 16, .max = 1000000,
     .help = "Open connections, idle ones included; more are refused. The limit of open files "
             "(ulimit -n) must be higher."},
    {FIELD(http_body_timeout_ms), .group = server, .type = SETTING_DURATION, .fallback = "10s",
     .min = 100, .max = MINUTES(10),
     .help = "From the first byte of a request to its last; slower clients are answered 408."},
    {FIELD(http_idle_timeout_ms), .group = server, .type = SETTING_DURATION, .fallback = "75s",
     .min = SECONDS(1), .max = MINUTES(60),
     .help = "How long a kept connection may be idle. Set it higher than the proxy's in front."},
    {FIELD(webhook_max_bytes), .group = server, .type = SETTING_SIZE, .fallback = "4MiB",
     .min = KIB(64), .max = MIB(64), .help = "Largest webhook body; a larger one is answered 413."},
    {FIELD(drain_timeout_ms), .group = server, .type = SETTING_DURATION, .fallback = "10s",
     .min = 0, .max = MINUTES(10), .is_reloadable = true,
     .help = "On SIGTERM: how long begun requests and jobs may take to end."},
    {FIELD(tls_cert_file), .group = server, .type = SETTING_TEXT, .fallback = "", .max = PATH_BYTES,
     .help = "Certificate chain (PEM). With tls_key_file the server speaks TLS itself."},
    {FIELD(tls_key_file), .group = server, .type = SETTING_TEXT, .fallback = "", .max = PATH_BYTES,
     .help = "Private key (PEM) of tls_cert_file."},
    {FIELD(metrics_token), .group = server, .type = SETTING_SECRET, .fallback = "", .min = 16,
     .max = SECRET_BYTES,
     .help = "Bearer token for /metrics. Without one only loopback peers may read it."},

    {FIELD(database_url), .group = storage, .type = SETTING_DSN, .fallback = "sqlite:prosa.db",
     .min = 1, .max = TEXT_BYTES, .check = check_database, .wants = "sqlite:PATH or postgresql://…",
     .help = "SQLite for one machine, PostgreSQL for more than one."},
    {FIELD(db_pool), .group = storage, .type = SETTING_NUMBER, .fallback = "8", .min = 1,
     .max = 256, .help = "PostgreSQL: connections. SQLite: readers beside the one writer."},
    {FIELD(db_timeout_ms), .group = storage, .type = SETTING_DURATION, .fallback = "10s",
     .min = 100, .max = MINUTES(5), .help = "Longest wait for a connection or a lock."},
    {FIELD(data_dir), .group = storage, .type = SETTING_TEXT, .fallback = "", .max = PATH_BYTES,
     .help =
         "Directory for the files of messages; all nodes of one PostgreSQL need the same one. Not "
         "set: the SQLite file's path with .files behind it, or prosa-data in the working "
         "directory."},
    {FIELD(media_max_bytes), .group = storage, .type = SETTING_SIZE, .fallback = "100MiB",
     .min = MIB(1), .max = MIB(1024),
     .help =
         "Largest file of a message that is fetched and kept; a larger one is shown as failed."},
    {FIELD(import_rows_days), .group = storage, .type = SETTING_NUMBER, .fallback = "365", .min = 1,
     .max = 36500,
     .help = "How many days after an import is over what became of each of its rows is kept; then "
             "it cannot be taken back, and its list of problems is empty."},
    {FIELD(master_key_file), .group = storage, .type = SETTING_TEXT, .fallback = "",
     .max = PATH_BYTES,
     .help = "Keys that seal the secrets in the database, one a line, the first one current; only "
             "its owner may read it. Made with a fresh key when it does not exist. Not set: the "
             "SQLite file's path with .key behind it; PostgreSQL needs this or master_key."},
    {FIELD(master_key), .group = storage, .type = SETTING_SECRET, .fallback = "", .min = 43,
     .max = KEYRING_BYTES,
     .help = "The key itself (64 hexadecimal digits or base64 of 32 bytes) instead of "
             "master_key_file."},

    {FIELD(roles), .group = work, .type = SETTING_SET, .fallback = "api,worker,scheduler",
     .choices = role_choices,
     .help = "What this process does. With PostgreSQL the roles may be spread over machines."},
    {FIELD(workers), .group = work, .type = SETTING_NUMBER, .fallback = "8", .min = 1, .max = 512,
     .help = "Threads that run jobs."},
    {FIELD(lease_ms), .group = work, .type = SETTING_DURATION, .fallback = "15s", .min = SECONDS(5),
     .max = SECONDS(25),
     .help = "How long a claimed job belongs to a worker that has gone silent; running jobs renew "
             "it."},
    {FIELD(outbound), .group = work, .type = SETTING_CHOICE, .fallback = "replies",
     .choices = outbound_choices, .is_reloadable = true,
     .alias = {"MICRO_AGENT_DISPARO_ENABLED", "all"},
     .help = "What may reach people: off sends nothing, replies answers those who wrote, all "
             "sends campaigns too."},

    {FIELD(httpc_timeout_ms), .group = calls, .type = SETTING_DURATION, .fallback = "30s",
     .min = SECONDS(1), .max = MINUTES(5), .help = "Longest time for one outgoing call."},
    {FIELD(httpc_max_per_host), .group = calls, .type = SETTING_NUMBER, .fallback = "64", .min = 1,
     .max = 1024, .help = "Calls to one host at a time; more wait their turn."},
    {FIELD(httpc_allow_private), .group = calls, .type = SETTING_BOOL, .fallback = "false",
     .help = "Permits tenants' URLs on private and loopback addresses; for simulators, not for "
             "production."},

    {FIELD(ca_file), .group = calls, .type = SETTING_TEXT, .fallback = "", .max = PATH_BYTES,
     .help =
         "Authorities (PEM) that outgoing TLS connections, to mail servers too, trust instead of "
         "the system's."},

    {FIELD(meta_app_secret), .group = whatsapp, .type = SETTING_SECRET, .fallback = "", .min = 1,
     .max = SECRET_BYTES, .is_reloadable = true,
     .help = "App secret that signs webhooks (X-Hub-Signature-256)."},
    {FIELD(meta_verify_token), .group = whatsapp, .type = SETTING_SECRET, .fallback = "", .min = 1,
     .max = SECRET_BYTES, .is_reloadable = true,
     .help = "Token of the webhook's verification handshake (hub.verify_token)."},
    {FIELD(meta_base_url), .group = whatsapp, .type = SETTING_URL,
     .fallback = "https://graph.facebook.com", .min = 1, .max = TEXT_BYTES,
     .help = "Where the Graph API is."},
    {FIELD(meta_graph_version), .group = whatsapp, .type = SETTING_TEXT, .fallback = "v26.0",
     .min = 1, .max = 16, .check = check_graph_version, .wants = "a version such as v26.0",
     .help = "Version of the Graph API in its paths."},

    {FIELD(log_level), .group = logging, .type = SETTING_CHOICE, .fallback = "info",
     .choices = level_choices, .is_reloadable = true, .help = "The least important lines shown."},
    {FIELD(log_format), .group = logging, .type = SETTING_CHOICE, .fallback = "logfmt",
     .choices = format_choices, .is_reloadable = true, .help = "How a line is written."},
};

const size_t config_table_len = ARRAY_LEN(config_table);
