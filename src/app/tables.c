/* tables.c - every route outside the API, every kind of job, every schedule.
 * SPDX-License-Identifier: Apache-2.0 */
#include "app/tables.h"

#include "app/app.h"
#include "bot/bot.h"
#include "conversation/conversation.h"
#include "dispatch/dispatch.h"
#include "ingest/ingest.h"
#include "intake/intake.h"
#include "media/media.h"
#include "outbox/outbox.h"
#include "search/search.h"
#include "template/template.h"
#include "webhook/webhook.h"

enum { WEBHOOK_MAX = 4 << 20, HOUR_MS = 3600 * 1000 };

const struct route app_routes[] = {
    {HTTP_GET, "/webhooks/{provider}", intake_get, AUTH_NONE, .rate_per_min = 120,
     .summary = "Verification handshake of the installation's app"},
    {HTTP_POST, "/webhooks/{provider}", intake_post, AUTH_SIGNATURE, .max_body = WEBHOOK_MAX,
     .flags = ROUTE_INLINE | ROUTE_QUIET, .summary = "Events for the installation's app"},
    {HTTP_GET, "/webhooks/{provider}/{account}", intake_get, AUTH_NONE, .rate_per_min = 120,
     .summary = "Verification handshake of an account's own app"},
    {HTTP_POST, "/webhooks/{provider}/{account}", intake_post, AUTH_SIGNATURE,
     .max_body = WEBHOOK_MAX, .flags = ROUTE_QUIET,
     .summary = "Events for an account with its own app"},
    {HTTP_GET, "/unsubscribe/{token}", leave_get, AUTH_NONE, .rate_per_min = 600,
     .summary = "Asks whether somebody wants no more mails"},
    {HTTP_POST, "/unsubscribe/{token}", leave_post, AUTH_NONE, .max_body = 4096,
     .rate_per_min = 600, .summary = "Somebody wants no more mails (RFC 8058)"},
    {HTTP_GET, "/media/{token}", media_link_get, AUTH_NONE, .rate_per_min = 6000,
     .summary = "A file of a message, by the link that a provider was given"},
    {HTTP_GET, "/app", app_to_console, AUTH_NONE, .flags = ROUTE_INLINE | ROUTE_QUIET,
     .summary = "The console, by its other address"},
    {HTTP_GET, "/app/{path*}", app_console, AUTH_NONE, .flags = ROUTE_INLINE | ROUTE_QUIET,
     .summary = "The console"},
    {HTTP_GET, "/assets/{path*}", app_asset, AUTH_NONE, .flags = ROUTE_INLINE | ROUTE_QUIET,
     .summary = "The console's files"},
};
const size_t app_n_routes = ARRAY_LEN(app_routes);

const struct job_kind app_job_kinds[] = {
    {.name = INTAKE_DRAIN_JOB,
     .run = intake_drain_job,
     .max_attempts = 1000000,
     .backoff_ms = 200,
     .max_backoff_ms = 5000}, /* it must never give up */
    {.name = MAIL_SCAN_JOB, .run = mail_scan_job, .max_attempts = 3},
    {.name = MAIL_POLL_JOB, .run = mail_poll_job, .max_attempts = 5},
    {.name = INTAKE_PURGE_JOB, .run = intake_purge_job},
    {.name = CONVERSATION_TURN_JOB, .run = bot_turn_job},
    {.name = CONVERSATION_SAY_JOB, .run = outbox_say_job},
    {.name = CONVERSATION_DEADLINES_JOB, .run = conversation_deadlines_job},
    {.name = CONVERSATION_WATCH_JOB, .run = conversation_watch_job},
    {.name = OUTBOX_SEND_JOB, .run = outbox_send_job, .backoff_ms = 1000, .max_backoff_ms = 60000},
    {.name = DISPATCH_PLAN_JOB, .run = dispatch_plan_job},
    {.name = DISPATCH_START_JOB, .run = dispatch_start_job},
    {.name = DISPATCH_RUN_JOB,
     .run = dispatch_run_job,
     .max_attempts = 1000000, /* a campaign is not given up because a database was away */
     .backoff_ms = 500,
     .max_backoff_ms = 10000},
    {.name = DISPATCH_TEST_JOB, .run = dispatch_test_job, .max_attempts = 1},
    {.name = TEMPLATE_CHANGED_JOB, .run = dispatch_templates_job, .backoff_ms = 200},
    {.name = MEDIA_FETCH_JOB,
     .run = media_fetch_job,
     .max_attempts = MEDIA_FETCH_ATTEMPTS + 1, /* the job itself says when it is enough */
     .backoff_ms = 1000},
    {.name = MEDIA_PURGE_JOB, .run = media_purge_job},
    {.name = OUTBOX_READ_JOB, .run = outbox_read_job, .max_attempts = 2},
    {.name = OUTBOX_SWEEP_JOB, .run = outbox_sweep_job},
    {.name = SEARCH_INDEX_JOB,
     .run = search_index_job,
     .max_attempts = 1000000,
     .backoff_ms = 500,
     .max_backoff_ms = 30000}, /* it must never give up */
    {.name = TEMPLATE_SYNC_JOB, .run = template_sync_job},
    {.name = TEMPLATE_SYNC_ALL_JOB, .run = template_sync_all_job},
    {.name = WEBHOOK_DELIVER_JOB, .run = webhook_deliver_job, .max_attempts = 1000000},
    {.name = WEBHOOK_PURGE_JOB, .run = webhook_purge_job},
    {.name = INGEST_RUN_JOB, .run = ingest_run_job, .max_attempts = 100},
    {.name = INGEST_WATCH_JOB, .run = ingest_watch_job},
};
const size_t app_n_job_kinds = ARRAY_LEN(app_job_kinds);

const struct schedule app_schedules[] = {
    {.name = "media.purge", .kind = MEDIA_PURGE_JOB, .every_ms = HOUR_MS, .payload = {"{}", 2}},
    {.name = "intake.purge", .kind = INTAKE_PURGE_JOB, .every_ms = HOUR_MS, .payload = {"{}", 2}},
    {.name = "template.sync_all", .kind = TEMPLATE_SYNC_ALL_JOB, .every_ms = HOUR_MS},
    {.name = "outbox.sweep", .kind = OUTBOX_SWEEP_JOB, .every_ms = HOUR_MS, .payload = {"{}", 2}},
    {.name = "ingest.watch", .kind = INGEST_WATCH_JOB, .every_ms = 60 * 1000, .payload = {"{}", 2}},
    {.name = "mail.scan", .kind = MAIL_SCAN_JOB, .every_ms = 5000, .payload = {"{}", 2}},
    {.name = "search.index", .kind = SEARCH_INDEX_JOB, .every_ms = 2000, .payload = {"{}", 2}},
    {.name = "webhook.purge", .kind = WEBHOOK_PURGE_JOB, .every_ms = HOUR_MS, .payload = {"{}", 2}},
    {.name = "conversation.deadlines", .kind = CONVERSATION_DEADLINES_JOB, .every_ms = 5000},
    {.name = "conversation.watch", .kind = CONVERSATION_WATCH_JOB, .every_ms = 60 * 1000},
};
const size_t app_n_schedules = ARRAY_LEN(app_schedules);
