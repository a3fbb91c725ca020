/* model.h - the dialect of OpenAI-compatible chat models (wire: OpenAI API reference, chat completions). Pure, like every
 * adapter: builds the call, reads the answer.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "httpc/httpc.h"
#include "json/json.h"

struct model_account {
    struct str base_url;        /* "https://api.openai.com/v1" */
    struct str api_key;         /* may be empty for local servers */
    struct str model;
    int64_t max_tokens;         /* 0: not sent */
    bool uses_old_max_tokens;   /* "max_tokens" for local servers instead of "max_completion_tokens" */
    double temperature;         /* negative: not sent */
};

struct model_message { const char *role; struct str text; }; /* "system", "user", "assistant" */

struct model_tool { struct str name, description, parameters; /* JSON Schema text */ };

struct model_ask {
    const struct model_message *messages;
    size_t n_messages;
    const struct model_tool *tools;
    size_t n_tools;
};

enum model_outcome {
    MODEL_ANSWERED,
    MODEL_RETRY,     /* worth another try after retry_after_ms */
    MODEL_TOO_LONG,  /* shorten the history */
    MODEL_REFUSED,   /* the model declined, or its filter cut it */
    MODEL_NO_QUOTA,  /* billing: a person has to act */
    MODEL_FAILED,    /* key, model name, malformed answer … */
};

struct model_answer { /* texts in the arena given to judge */
    enum model_outcome outcome;
    struct str text;             /* may be empty with a tool call */
    bool is_cut;                 /* finish_reason length */
    struct str tool_name;        /* first tool call, empty: none */
    const struct json *tool_arguments; /* parsed; NULL when the model wrote no valid JSON object */
    int64_t prompt_tokens, completion_tokens, cached_tokens; /* -1: not told */
    uint32_t retry_after_ms;
    struct str cause;            /* "model-429", "model-cut" */
    struct str reason;
};

enum status model_build(struct arena *a, const struct model_account *account, const struct model_ask *ask,
                        struct http_call *ret, struct err *e) ATTR_MUST_CHECK;
/* Total. */
void model_judge(struct arena *a, const struct http_reply *reply, struct model_answer *ret);
