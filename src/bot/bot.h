/* bot.h - one turn: look at what the person wrote, decide by script or model, queue the reply. A turn that finds the owner
 * changed or a newer message drops its draft; one that fails hands over to people with a reason and never stays silent. Each
 * leaves a trace.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conversation/conversation.h"
#include "outbox/outbox.h"

enum { BOT_DEBOUNCE_MIN_MS = 1000, BOT_DEBOUNCE_MAX_MS = 15000 };

struct bot {
    struct tenant_id tenant;
    struct str kind;   /* "script", "model" */
    struct str script; /* JSON; empty: the built-in one */
    struct str
        model; /* JSON: {"system_prompt", "history", "timeout_ms", "provider"?, …}; docs/bot.md */
    struct debounce debounce;
    int64_t budget_micros; /* a month, of the account's currency; 0: no limit */
    int64_t version;
};

/* The tenant's bot, or the default one (built-in script, 2 s, cap 8 s). */
enum status bot_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct bot *ret,
                    struct err *e) ATTR_MUST_CHECK;
/* Validates and stores; version goes up. ST_INVALID: the message names the JSON path at fault. */
enum status bot_set(struct arena *a, struct tx *tx, const struct bot *bot, struct err *e)
    ATTR_MUST_CHECK;
/* Checks a script without storing it. */
enum status bot_check_script(struct arena *a, struct str script, struct err *e) ATTR_MUST_CHECK;
/* Cached for a second or so, for intake's hot path. */
enum status bot_debounce(struct tx *tx, struct tenant_id tenant, struct debounce *ret,
                         struct err *e) ATTR_MUST_CHECK;

struct turn {
    struct uuid id;
    struct conversation_id conversation;
    struct str outcome, trace;
    int64_t seen_count, prompt_tokens, completion_tokens, cost_micros, started_at_ms, took_ms;
};
struct turn_page {
    struct turn *items;
    size_t n;
};
/* Newest first. */
enum status bot_turns(struct arena *a, struct tx *tx, struct tenant_id tenant,
                      struct conversation_id conversation, size_t limit, struct turn_page *ret,
                      struct err *e) ATTR_MUST_CHECK;

struct bot_deps { /* what the job needs; part of struct app */
    struct db *db;
    struct httpc *httpc;
    const struct keyring *keys;
};
enum status bot_turn_job(struct app *app, struct arena *a, const struct job *job,
                         struct verdict *ret_verdict, struct err *e);
/* Implemented by app/. */
struct bot_deps *app_bot(struct app *app);
