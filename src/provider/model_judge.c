/* model_judge.c - the answers of chat models, of many servers that all call themselves compatible.
 * What they differ in: error may be a string, its code a number, the body a page of HTML, the error
 * may come with 200 or inside a list; usage may be missing; finish_reason may say "stop" with a
 * tool call beside it; content may be a list of parts.
 * Sources: OpenAI API reference ("Create chat completion", "Error codes"), what the official client
 * retries (npm openai, client.js), README of llama.cpp's server.
 * SPDX-License-Identifier: Apache-2.0 */
#include "provider/lenient.h"
#include "provider/model.h"

enum {
    REPLY_MAX_DEPTH = 32,
    PARTS_MAX_BYTES = 4 << 20, /* as much as the whole reply may have */
    SLUG_MAX_BYTES = 64,
};

static void set(struct model_answer *ret, enum model_outcome outcome, struct str cause,
                struct str reason) {
    ret->outcome = outcome;
    ret->cause = cause;
    ret->reason = reason;
}

static const struct json *parse(struct arena *a, struct str text) {
    const struct json *v;
    struct err ignored = ERR_INIT;

    return lenient_parse(a, text, REPLY_MAX_DEPTH, &v, &ignored) == ST_OK ? v : NULL;
}

/* --- errors --------------------------------------------------------------------------------- */

struct failure {
    unsigned status;       /* HTTP's, or the error's own when it came with 200 */
    struct str type, code; /* empty when not told */
    struct str param;
    struct str message;
    bool says_retry, says_no; /* x-should-retry, which the official client obeys */
};

static bool is_either(const struct failure *f, struct str slug) {
    return str_eq(f->type, slug) || str_eq(f->code, slug);
}

static bool is_one_of(const struct failure *f, const char *const *slugs, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (is_either(f, str_of(slugs[i])))
            return true;
    }
    return false;
}

/* With 429 these look like a rate limit but no wait helps; the set of names is not documented. */
static bool is_billing(const struct failure *f) {
    static const char *const slugs[] = {
        "insufficient_quota",         "billing_hard_limit_reached", "billing_not_active",
        "credit_balance_exhausted",   "insufficient_credits",       "insufficient_balance",
        "billing_soft_limit_reached", "spend_limit_reached",
    };

    return f->status == 402 || is_one_of(f, slugs, ARRAY_LEN(slugs));
}

/* Some servers give no code and say it in words only. */
static bool is_too_long(const struct failure *f) {
    static const char *const slugs[] = {"context_length_exceeded", "exceed_context_size_error",
                                        "string_above_max_length", "request_too_large"};

    return f->status == 413 || is_one_of(f, slugs, ARRAY_LEN(slugs)) ||
           (f->status == 400 && (str_contains(f->message, STR("context length")) ||
                                 str_contains(f->message, STR("context size")) ||
                                 str_contains(f->message, STR("context window"))));
}

static bool is_filtered(const struct failure *f) {
    static const char *const slugs[] = {"content_filter", "content_policy_violation",
                                        "moderation_blocked"};

    return is_one_of(f, slugs, ARRAY_LEN(slugs));
}

static bool is_worth_retry(const struct failure *f) {
    static const char *const slugs[] = {
        "rate_limit_exceeded", "rate_limit_error",     "slow_down",         "server_error",
        "overloaded_error",    "server_is_overloaded", "unavailable_error", "timeout"};

    if (f->says_retry || f->says_no)
        return f->says_retry;
    return f->status == 408 || f->status == 409 || f->status == 425 || f->status == 429 ||
           f->status >= 500 || is_one_of(f, slugs, ARRAY_LEN(slugs));
}

static enum model_outcome outcome_of(const struct failure *f) {
    if (is_billing(f))
        return MODEL_NO_QUOTA;
    if (is_too_long(f))
        return MODEL_TOO_LONG;
    if (is_filtered(f))
        return MODEL_REFUSED;
    return is_worth_retry(f) ? MODEL_RETRY : MODEL_FAILED;
}

static const char *words_of(enum model_outcome outcome, unsigned status) {
    switch (outcome) {
    case MODEL_NO_QUOTA:
        return "the model's account has no credit left: top it up";
    case MODEL_TOO_LONG:
        return "the conversation is too long for the model";
    case MODEL_REFUSED:
        return "the model's filter stopped the answer";
    case MODEL_RETRY:
        return status == 429 ? "the model takes no more questions right now: try again later"
                             : "the model is not available right now: try again later";
    case MODEL_ANSWERED:
    case MODEL_FAILED:
        break;
    }
    if (status == 401 || status == 403)
        return "the model's server refused the key: check it";
    if (status == 404)
        return "the model's server does not know the model or the address: check both";
    return "the model's server refused the question";
}

/* Codes only, never the server's message: that may quote the prompt or a part of the key. */
static struct str slug_of(struct str s) {
    if (s.len == 0 || s.len > SLUG_MAX_BYTES)
        return STR_EMPTY;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-' || c == '.' || c == '[' || c == ']'))
            return STR_EMPTY;
    }
    return s;
}

static struct str reason_of(struct arena *a, const struct failure *f, enum model_outcome outcome) {
    struct str code = slug_of(f->code.len > 0 ? f->code : f->type), param = slug_of(f->param);
    const char *words = words_of(outcome, f->status);

    if (code.len == 0)
        return arena_printf(a, "%s (HTTP %u)", words, f->status);
    if (param.len == 0)
        return arena_printf(a, "%s (HTTP %u, %.*s)", words, f->status, STR_ARG(code));
    return arena_printf(a, "%s (HTTP %u, %.*s, parameter %.*s)", words, f->status, STR_ARG(code),
                        STR_ARG(param));
}

static struct failure read_failure(const struct http_reply *reply, const struct json *error) {
    struct str should_retry = http_reply_header(reply, "x-should-retry");
    const struct json *code = json_get(error, "code");
    int64_t number = json_i64(code, 0);
    struct failure f = {
        .status = reply->status,
        .type = json_str(json_get(error, "type")),
        .code = json_str(code),
        .param = json_str(json_get(error, "param")),
        .says_retry = str_eq(should_retry, STR("true")),
        .says_no = str_eq(should_retry, STR("false")),
        .message = json_type(error) == JSON_STRING ? json_str(error)
                                                   : json_str(json_get(error, "message")),
    };

    if (f.status < 300 && number >= 300 && number < 600)
        f.status = (unsigned)number;
    return f;
}

/* A gateway that answers 200 with an error which says nothing more: as a rule what stands behind it
 * failed, and that passes. */
static enum model_outcome outcome_within_success(const struct failure *f) {
    enum model_outcome outcome = outcome_of(f);
    bool is_ours = str_eq(f->type, STR("invalid_request_error")) ||
                   str_eq(f->type, STR("authentication_error")) ||
                   is_either(f, STR("invalid_api_key")) || is_either(f, STR("model_not_found"));

    return outcome == MODEL_FAILED && f->status < 300 && !is_ours ? MODEL_RETRY : outcome;
}

static void judge_failure(struct arena *a, const struct http_reply *reply, const struct json *error,
                          struct model_answer *ret) {
    struct failure f = read_failure(reply, error);
    enum model_outcome outcome = outcome_within_success(&f);

    set(ret, outcome, arena_printf(a, "model-%u", f.status), reason_of(a, &f, outcome));
    if (outcome == MODEL_RETRY && reply->retry_after_ms > 0)
        ret->retry_after_ms =
            reply->retry_after_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)reply->retry_after_ms;
}

/* --- the answer ----------------------------------------------------------------------------- */

static void read_usage(const struct json *usage, struct model_answer *ret) {
    ret->prompt_tokens = json_i64(json_get(usage, "prompt_tokens"), -1);
    ret->completion_tokens = json_i64(json_get(usage, "completion_tokens"), -1);
    ret->cached_tokens =
        json_i64(json_path(usage, "prompt_tokens_details", "cached_tokens", NULL), -1);
}

/* What the parts of a content list say under key: {"type": "text", "text"} and the like. */
static struct str join_parts(struct arena *a, const struct json *parts, const char *key) {
    struct buf text;
    struct str joined;

    buf_init(&text, PARTS_MAX_BYTES);
    for (size_t i = 0; i < json_len(parts); i++)
        buf_add(&text, json_str(json_get(json_at(parts, i), key)));
    joined = arena_str(a, buf_str(&text));
    buf_done(&text);
    return joined;
}

static struct str text_of(struct arena *a, const struct json *content) {
    return json_type(content) == JSON_ARRAY ? join_parts(a, content, "text") : json_str(content);
}

static struct str refusal_of(struct arena *a, const struct json *message) {
    struct str refusal = json_str(json_get(message, "refusal"));

    return refusal.len > 0 ? refusal : join_parts(a, json_get(message, "content"), "refusal");
}

/* A string of JSON that the model wrote, "" for none; some servers send the object itself. */
static const struct json *arguments_of(struct arena *a, const struct json *v) {
    struct str text = str_trim(json_str(v));
    const struct json *arguments = v;

    if (json_type(v) == JSON_STRING || json_type(v) == JSON_NULL || !v)
        arguments = parse(a, text.len > 0 ? text : STR("{}"));
    return json_type(arguments) == JSON_OBJECT ? arguments : NULL;
}

/* tool_calls decides, whatever finish_reason says. function_call is the form before it. */
static void read_tool(struct arena *a, const struct json *message, struct model_answer *ret) {
    const struct json *call = json_get(json_at(json_get(message, "tool_calls"), 0), "function");

    if (json_type(call) != JSON_OBJECT)
        call = json_get(message, "function_call");
    ret->tool_name = json_str(json_get(call, "name"));
    if (ret->tool_name.len > 0)
        ret->tool_arguments = arguments_of(a, json_get(call, "arguments"));
}

static void judge_empty(struct model_answer *ret) {
    set(ret, MODEL_FAILED, STR("model-empty"),
        ret->is_cut ? STR("the model used up its tokens before it wrote anything: allow it more")
                    : STR("the model gave an empty answer"));
}

static void judge_choice(struct arena *a, const struct json *choice, struct model_answer *ret) {
    const struct json *message = json_get(choice, "message");
    struct str finish = json_str(json_get(choice, "finish_reason"));
    struct str refusal = refusal_of(a, message);

    ret->is_cut = str_eq(finish, STR("length"));
    ret->text = text_of(a, json_get(message, "content"));
    read_tool(a, message, ret);
    if (refusal.len > 0) {
        set(ret, MODEL_REFUSED, STR("model-refused"), STR("the model declined to answer"));
        ret->text = refusal;
    } else if (str_eq(finish, STR("content_filter"))) {
        set(ret, MODEL_REFUSED, STR("model-filtered"), STR("the model's filter cut the answer"));
    } else if (str_trim(ret->text).len == 0 && ret->tool_name.len == 0) {
        judge_empty(ret);
    }
}

static void judge_reply(struct arena *a, const struct http_reply *reply, struct model_answer *ret) {
    const struct json *body = parse(a, reply->body);
    const struct json *error, *choice;

    if (json_type(body) == JSON_ARRAY) /* Gemini's compatible layer wraps its errors in a list */
        body = json_at(body, 0);
    error = json_get(body, "error");
    if (json_type(error) == JSON_NULL)
        error = NULL;
    if (error || reply->status < 200 || reply->status >= 300) {
        judge_failure(a, reply, error, ret);
        return;
    }
    choice = json_at(json_get(body, "choices"), 0);
    read_usage(json_get(body, "usage"), ret);
    if (json_type(json_get(choice, "message")) == JSON_OBJECT)
        judge_choice(a, choice, ret);
    else
        set(ret, MODEL_FAILED, STR("model-malformed"),
            STR("the answer is not one of a chat model: check the model's address"));
}

void model_judge(struct arena *a, const struct http_reply *reply, struct model_answer *ret) {
    *ret = (struct model_answer){
        .outcome = MODEL_ANSWERED,
        .prompt_tokens = -1,
        .completion_tokens = -1,
        .cached_tokens = -1,
    };
    switch (reply->phase) {
    case HTTP_NOT_SENT:
        set(ret, MODEL_RETRY, STR("model-not-reachable"),
            STR("the model's server could not be reached: try again later"));
        break;
    case HTTP_CUT:
        set(ret, MODEL_RETRY, STR("model-cut"),
            STR("the connection broke before the model answered: try again later"));
        break;
    case HTTP_REPLIED:
        judge_reply(a, reply, ret);
        break;
    }
}
