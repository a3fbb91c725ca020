/* model.h - the dialect of OpenAI-compatible chat models: OpenAI itself, gateways, and local
 * servers (llama.cpp, Ollama, vLLM …). Pure, like every adapter: builds the call, reads the answer.
 * Source: OpenAI API reference, "Create chat completion"; README of llama.cpp's server.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "httpc/httpc.h"
#include "json/json.h"

struct model_account {
    struct str base_url; /* "https://api.openai.com/v1" */
    struct str api_key;  /* may be empty for local servers */
    struct str model;
    int64_t max_tokens; /* 0: not sent */
    /* "max_tokens" instead of "max_completion_tokens", and nothing else a local server may not
     * know */
    bool uses_old_max_tokens;
    double temperature; /* negative: not sent */
};

struct model_message {
    const char *role; /* "system", "user", "assistant" */
    struct str text;
};

struct model_tool {
    struct str name, description;
    struct str parameters; /* JSON Schema text of an object; empty: none */
};

struct model_ask {
    const struct model_message *messages;
    size_t n_messages;
    const struct model_tool *tools;
    size_t n_tools;
};

enum model_outcome {
    MODEL_ANSWERED,
    MODEL_RETRY, /* worth another try after retry_after_ms; asking twice costs, but harms nobody */
    MODEL_TOO_LONG, /* shorten the history */
    MODEL_REFUSED,  /* the model declined, or its filter cut it */
    MODEL_NO_QUOTA, /* billing: a person has to act */
    MODEL_FAILED,   /* key, model name, malformed or empty answer … */
};

struct model_answer { /* texts in the arena given to judge */
    enum model_outcome outcome;
    struct str text;      /* may be empty with a tool call; of a refusal: the model's words */
    bool is_cut;          /* finish_reason length: text and arguments may be incomplete */
    struct str tool_name; /* first tool call, empty: none */
    const struct json *tool_arguments; /* parsed; NULL when the model wrote no valid JSON object */
    int64_t prompt_tokens, completion_tokens, cached_tokens; /* -1: not told */
    uint32_t retry_after_ms; /* MODEL_RETRY: 0 leaves it to backoff */
    struct str cause;        /* "model-429", "model-cut"; empty when answered */
    struct str reason;       /* one sentence for people; never the prompt's or the answer's text */
};

/* Fills the call but for timeout and guard; its reach is REACH_MACHINE. ST_INVALID: no message, an
 * unknown role, a tool name or schema that no server takes. */
enum status model_build(struct arena *a, const struct model_account *account,
                        const struct model_ask *ask, struct http_call *ret, struct err *e)
    ATTR_MUST_CHECK;
/* Total: any status, headers and bytes lead to an outcome. */
void model_judge(struct arena *a, const struct http_reply *reply, struct model_answer *ret);
