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
/* Validates and stores over bot->version, as bot_get() told it; it goes up. ST_CONFLICT, cause "version": it is another by now;
 * ST_INVALID: the message names the JSON path at fault. */
enum status bot_set(struct arena *a, struct tx *tx, const struct bot *bot, struct err *e)
    ATTR_MUST_CHECK;
/* Checks a script without storing it. */
enum status bot_check_script(struct arena *a, struct str script, struct err *e) ATTR_MUST_CHECK;
/* What is wrong with a script: at most one problem of each node, of the start, the rules and the fallback. None: it holds. */
struct bot_problem {
    struct str path; /* "nodes.menu.say[0].text"; empty: the text as a whole */
    struct str message;
};
void bot_problems(struct arena *a, struct str script, struct bot_problem **ret, size_t *ret_n);
/* The script of a tenant that has set none. */
struct str bot_builtin_script(void);
/* What this month's answers have cost so far, in micro-units. */
enum status bot_spent(struct arena *a, struct tx *tx, struct tenant_id tenant, int64_t *ret,
                      struct err *e) ATTR_MUST_CHECK;
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

enum status bot_turn_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct uuid id,
                         struct turn *ret, struct err *e) ATTR_MUST_CHECK;
/* The first one of a conversation that began at this time or later. ST_NOT_FOUND. */
enum status bot_turn_after(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           struct conversation_id conversation, int64_t at_ms, struct turn *ret,
                           struct err *e) ATTR_MUST_CHECK;

struct bot_deps { /* what the job needs; part of struct app */
    struct db *db;
    struct httpc *httpc;
    const struct keyring *keys;
};

/* What a bot would answer, without storing or sending anything. A model is asked for real, within the month's budget. */
struct bot_line {
    bool is_bot; /* else the customer wrote it */
    struct str text;
    struct str choice; /* id of the button or row tapped; empty: none */
};
enum { BOT_TRY_LINES = 200, BOT_TRY_SAYS = 10 };
struct bot_try {
    const struct bot *bot;
    const struct bot_line
        *lines; /* the talk so far, oldest first; the last lines are the customer's */
    size_t n_lines;
    struct str name; /* the customer's */
};
struct bot_answer { /* texts in the arena */
    struct {
        struct str type, content; /* content is JSON */
    } say[BOT_TRY_SAYS];
    size_t n_say;
    struct str handoff; /* the reason; empty: the bot goes on */
    struct str how;     /* JSON: what decided, as in a turn's trace */
    int64_t cost_micros, took_ms;
};
/* ST_INVALID: the script or the settings do not hold, or nothing is there to answer. Not inside a transaction. */
enum status bot_try(struct bot_deps *deps, struct arena *a, const struct bot_try *in,
                    struct bot_answer *ret, struct err *e) ATTR_MUST_CHECK;

enum status bot_turn_job(struct app *app, struct arena *a, const struct job *job,
                         struct verdict *ret_verdict, struct err *e);
/* Implemented by app/. */
struct bot_deps *app_bot(struct app *app);
