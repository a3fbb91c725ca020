/* turn.h - what one turn sees and what it decides; private to bot/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "bot/bot.h"
#include "bot/script.h"
#include "provider/model.h"

struct seen { /* one look at the conversation */
    struct bot bot;
    struct conversation conversation;
    struct message *messages; /* newest first */
    size_t n_messages;
};

struct decision {
    struct script_say say[SCRIPT_MAX_SAY];
    size_t n_say;
    struct str bot_state;                 /* kept for the next turn */
    struct str handoff;                   /* reason; empty: the bot goes on */
    struct str summary, collected, skill; /* for the person who gets it; may be empty */
    const char *outcome;                  /* "answered", "handed_over" */
    struct str how;                       /* JSON object for the trace */
    int64_t prompt_tokens, completion_tokens, cost_micros;
    bool wants_retry; /* nothing was decided: try the whole turn again */
    uint32_t retry_after_ms;
    struct str cause, reason;
};

/* Asks the tenant's model. A failure becomes a handoff with a reason, or a retry while attempts are left. */
enum status model_decide(struct bot_deps *deps, struct arena *a, const struct job *job,
                         const struct seen *seen, struct decision *ret, struct err *e)
    ATTR_MUST_CHECK;
/* {"type":"text"} content. */
struct script_say say_text(struct arena *a, struct str text);
/* ST_INVALID: the message names the member at fault. */
enum status bot_check_model(struct arena *a, struct str text, struct err *e) ATTR_MUST_CHECK;
/* {"by":"script", …}, for the trace. */
struct str script_how(struct arena *a, const struct script_output *out);
/* "2026-11", what spending is counted by. */
struct str bot_month(struct arena *a);
