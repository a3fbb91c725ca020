/* model.c - a turn decided by a language model: budget first, then the call, then what came of it. The model's words are
 * data: they go out as plain text, cut to length, and the only tool it has is to call people.
 * SPDX-License-Identifier: Apache-2.0 */
#include "bot/turn.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "bot/store.h"

enum {
    HISTORY_DEFAULT = 20,
    TIMEOUT_DEFAULT_MS = 30000,
    MAX_TOKENS_DEFAULT = 800,
    MAX_ATTEMPTS = 3,
    REPLY_POINTS = 4096,
    SUMMARY_POINTS = 1000,
    SKILL_POINTS = 40,
    COLLECTED_BYTES = 16 << 10,
    CHARS_PER_TOKEN =
        3, /* a careful guess for Portuguese; settled by the usage the model reports */
};

#define HANDOFF_TOOL "handoff"
#define TEXT(literal)                                                                              \
    { (literal), sizeof(literal) - 1 } /* STR() is no constant initialiser */

struct asking {
    struct bot_deps *deps;
    struct arena *a;
    const struct job *job;
    const struct seen *seen;
    const struct json *settings; /* of the bot */
    struct account account;
    struct model_account model;
    uint32_t timeout_ms;
    int64_t reserved_micros;
    struct str month;
    bool is_granted, is_settling;
    int64_t spend_micros; /* what the running transaction adds */
    struct model_answer answer;
};

struct script_say say_text(struct arena *a, struct str text) {
    struct buf b;
    struct json_out o;

    buf_init(&b, 64u << 10);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_str(&o, "text", utf8_cut_points(utf8_repair(a, text), REPLY_POINTS));
    json_end(&o);

    struct script_say say = {.type = STR("text"), .content = arena_str(a, buf_str(&b))};

    buf_done(&b);
    return say;
}

static enum status load_account(struct tx *tx, void *ctx, struct err *e) {
    struct asking *k = ctx;
    const struct json *s;

    TRY(account_find_kind(k->a, tx, k->job->tenant, STR("openai"), &k->account, e));
    s = k->account.settings;
    k->model = (struct model_account){
        .base_url = json_str(json_get(s, "base_url")),
        .model = json_str(json_get(s, "model")),
        .max_tokens = json_i64(json_get(s, "max_tokens"), MAX_TOKENS_DEFAULT),
        .uses_old_max_tokens = str_eq(json_str(json_get(s, "uses_old_max_tokens")), STR("true")) ||
                               json_bool(json_get(s, "uses_old_max_tokens"), false),
        .temperature = json_real(json_get(s, "temperature"), -1),
    };
    if (k->model.base_url.len == 0)
        k->model.base_url = STR("https://api.openai.com/v1");
    return account_secret(k->a, tx, k->deps->keys, &k->account, "api_key", &k->model.api_key, e);
}

/* --- money ------------------------------------------------------------------------------------------------------------- */

static int64_t price(const struct asking *k, int64_t prompt_tokens, int64_t completion_tokens) {
    int64_t in = json_i64(json_get(k->account.settings, "price_in_per_million"), 0);
    int64_t out = json_i64(json_get(k->account.settings, "price_out_per_million"), 0);

    return (prompt_tokens * in + completion_tokens * out) / 1000000;
}

static enum status spend(struct tx *tx, void *ctx, struct err *e) {
    struct asking *k = ctx;
    int64_t budget = k->is_settling ? 0 : k->seen->bot.budget_micros;

    return store_spend(tx, k->job->tenant, k->month, k->spend_micros, budget, &k->is_granted, e);
}

struct str bot_month(struct arena *a) {
    return str_sub(clock_format_iso(a, clock_now_ms()), 0, 7);
}

/* Reserves what the call can cost at most; refused when the month's budget would be passed. */
static enum status reserve(struct asking *k, size_t prompt_bytes, struct err *e) {
    int64_t prompt_tokens = (int64_t)prompt_bytes / CHARS_PER_TOKEN + 50;

    k->reserved_micros = price(k, prompt_tokens, k->model.max_tokens);
    k->month = bot_month(k->a);
    k->is_granted = true;
    k->spend_micros = k->reserved_micros;
    if (k->reserved_micros == 0)
        return ST_OK;
    return db_write(k->deps->db, DB_TENANT(k->job->tenant), spend, k, e);
}

static enum status settle(struct asking *k, int64_t actual_micros, struct err *e) {
    k->spend_micros = actual_micros - k->reserved_micros;
    if (k->spend_micros == 0)
        return ST_OK;
    k->is_settling = true; /* it did cost that: the budget refuses the next call, not this record */
    return db_write(k->deps->db, DB_TENANT(k->job->tenant), spend, k, e);
}

/* --- the question ------------------------------------------------------------------------------------------------------- */

static size_t build_messages(const struct asking *k, size_t history, struct model_message *out,
                             size_t *ret_bytes) {
    size_t n = 0, first = k->seen->n_messages < history ? k->seen->n_messages : history;
    struct str prompt = json_str(json_get(k->settings, "system_prompt"));

    out[n++] = (struct model_message){.role = "system", .text = prompt};
    *ret_bytes = prompt.len;
    for (size_t i = first; i-- > 0;) { /* newest first in `seen`, oldest first for the model */
        const struct message *m = &k->seen->messages[i];
        struct str text = m->text;

        if (m->revoked_at_ms > 0 || str_eq(m->type, STR("reaction")))
            continue;
        if (text.len == 0)
            text = arena_printf(k->a, "[%.*s]", STR_ARG(m->type));
        out[n++] = (struct model_message){
            .role = str_eq(m->direction, STR("in")) ? "user" : "assistant", .text = text};
        *ret_bytes += text.len + 8;
    }
    return n;
}

static const struct model_tool handoff_tool = {
    .name = TEXT(HANDOFF_TOOL),
    .description = TEXT("Hand the conversation over to a person of the team."),
    .parameters = TEXT(
        "{\"type\":\"object\",\"properties\":{\"reason\":{\"type\":\"string\"},"
        "\"summary\":{\"type\":\"string\",\"description\":\"What the person of the team should know, in "
        "a few sentences.\"},"
        "\"collected\":{\"type\":\"object\",\"description\":\"What the customer told, by name.\"},"
        "\"skill\":{\"type\":\"string\",\"description\":\"What that person must be able to do, if "
        "anything.\"}},\"required\":[\"reason\"],\"additionalProperties\":false}"),
};

static enum status ask_once(struct asking *k, struct str model, const struct model_ask *ask,
                            struct err *e) {
    struct http_call call = {0};
    struct http_reply reply = {0};
    struct err why = ERR_INIT;

    k->model.model = model;
    TRY(model_build(k->a, &k->model, ask, &call, e));
    call.reach = REACH_MACHINE;
    call.is_guarded = true;
    call.timeout_ms = k->timeout_ms;

    enum status st = httpc_call(k->deps->httpc, k->a, &call, &reply, &why);

    if (st == ST_DENIED || st == ST_BROKEN) {
        k->answer = (struct model_answer){.outcome = MODEL_FAILED,
                                          .prompt_tokens = -1,
                                          .completion_tokens = -1,
                                          .cause = str_of(why.cause ? why.cause : "model-call"),
                                          .reason = arena_str(k->a, str_of(why.message))};
        return ST_OK;
    }
    model_judge(k->a, &reply, &k->answer);
    return ST_OK;
}

/* The model, its history halved when too long, then the fallback model. */
static enum status ask_all(struct asking *k, size_t history, struct err *e) {
    struct model_message *messages =
        arena_array_of(k->a, k->seen->n_messages + 1, struct model_message);
    struct str fallback = json_str(json_get(k->account.settings, "fallback_model"));
    struct str model = k->model.model;
    size_t bytes;
    struct model_ask ask = {.messages = messages, .tools = &handoff_tool, .n_tools = 1};

    ask.n_messages = build_messages(k, history, messages, &bytes);
    TRY(reserve(k, bytes, e));
    if (!k->is_granted)
        return ST_OK;
    TRY(ask_once(k, model, &ask, e));
    if (k->answer.outcome == MODEL_TOO_LONG) {
        ask.n_messages = build_messages(k, history / 2 + 1, messages, &bytes);
        TRY(ask_once(k, model, &ask, e));
    }
    if (k->answer.outcome != MODEL_ANSWERED && k->answer.outcome != MODEL_REFUSED &&
        fallback.len > 0)
        TRY(ask_once(k, fallback, &ask, e));
    return ST_OK;
}

/* --- the decision ------------------------------------------------------------------------------------------------------- */

static void write_how(struct asking *k, struct decision *d) {
    struct buf b;
    struct json_out o;

    buf_init(&b, 16u << 10);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_str(&o, "by", STR("model"));
    json_put_str(&o, "model", k->model.model);
    json_put_i64(&o, "messages_seen", (int64_t)k->seen->n_messages);
    json_put_i64(&o, "prompt_tokens", k->answer.prompt_tokens);
    json_put_i64(&o, "completion_tokens", k->answer.completion_tokens);
    json_put_i64(&o, "cost_micros", d->cost_micros);
    json_put_opt(&o, "cause", d->cause);
    json_end(&o);
    d->how = b.overflown ? STR("{}") : arena_str(k->a, buf_str(&b));
    buf_done(&b);
}

static void hand_over(struct asking *k, struct decision *d, struct str cause, struct str reason) {
    d->outcome = "handed_over";
    d->cause = cause;
    d->reason = reason;
    d->handoff = reason.len > 0 ? reason : cause;
    d->say[0] = say_text(
        k->a,
        STR("Vou chamar uma pessoa da equipe para continuar com você. Um momento, por favor."));
    d->n_say = 1;
}

static struct str plain(struct arena *a, struct str text, size_t max_points) {
    return utf8_cut_points(utf8_repair(a, str_trim(text)), max_points);
}

/* What goes along to the person who gets it. */
static void take_along(struct asking *k, struct decision *d) {
    const struct json *in = k->answer.tool_arguments, *collected = json_get(in, "collected");
    struct buf b;

    d->summary = plain(k->a, json_str(json_get(in, "summary")), SUMMARY_POINTS);
    d->skill = plain(k->a, json_str(json_get(in, "skill")), SKILL_POINTS);
    if (json_type(collected) != JSON_OBJECT)
        return;
    buf_init(&b, COLLECTED_BYTES);
    json_write(&b, collected);
    if (!b.overflown)
        d->collected = arena_str(k->a, buf_str(&b));
    buf_done(&b);
}

static void decide(struct asking *k, struct decision *d) {
    const struct model_answer *r = &k->answer;

    if (r->outcome == MODEL_RETRY && k->job->attempt < MAX_ATTEMPTS) {
        d->wants_retry = true;
        d->retry_after_ms = r->retry_after_ms;
        d->cause = r->cause;
        d->reason = r->reason;
        return;
    }
    if (r->outcome != MODEL_ANSWERED) {
        hand_over(k, d, r->cause, r->reason);
        return;
    }
    if (str_eq(r->tool_name, STR(HANDOFF_TOOL))) {
        struct str reason = json_str(json_get(r->tool_arguments, "reason"));

        hand_over(k, d, STR("model-asked"),
                  reason.len > 0 ? reason : STR("o assistente pediu uma pessoa"));
        take_along(k, d);
        if (r->text.len > 0)
            d->say[0] = say_text(k->a, r->text);
        return;
    }
    if (str_trim(r->text).len == 0) {
        hand_over(k, d, STR("model-silent"), STR("o assistente não respondeu nada"));
        return;
    }
    d->outcome = "answered";
    d->say[0] = say_text(k->a, r->text);
    d->n_say = 1;
}

static void take_usage(struct asking *k, struct decision *d) {
    const struct model_answer *r = &k->answer;

    d->prompt_tokens = r->prompt_tokens > 0 ? r->prompt_tokens : 0;
    d->completion_tokens = r->completion_tokens > 0 ? r->completion_tokens : 0;
    /* A server that tells no usage costs what was reserved: better too much on record than too little. */
    d->cost_micros = r->outcome == MODEL_ANSWERED && r->prompt_tokens < 0
                         ? k->reserved_micros
                         : price(k, d->prompt_tokens, d->completion_tokens);
}

enum status model_decide(struct bot_deps *deps, struct arena *a, const struct job *job,
                         const struct seen *seen, struct decision *ret, struct err *e) {
    struct asking k = {.deps = deps, .a = a, .job = job, .seen = seen};
    struct err why = ERR_INIT;

    TRY(json_parse(a, seen->bot.model, JSON_LIMITS_DEFAULT, &k.settings, e));
    k.timeout_ms = (uint32_t)json_i64(json_get(k.settings, "timeout_ms"), TIMEOUT_DEFAULT_MS);

    enum status st = db_read(deps->db, DB_TENANT(job->tenant), load_account, &k, &why);

    if (st == ST_NOT_FOUND || st == ST_BROKEN) {
        hand_over(&k, ret, STR("model-not-configured"), arena_str(a, str_of(why.message)));
        write_how(&k, ret);
        return ST_OK;
    }
    if (st != ST_OK) {
        *e = why;
        return st;
    }
    TRY(ask_all(&k, (size_t)json_i64(json_get(k.settings, "history"), HISTORY_DEFAULT), e));
    if (!k.is_granted) {
        hand_over(&k, ret, STR("budget-spent"), STR("o orçamento do mês para o assistente acabou"));
    } else {
        take_usage(&k, ret);
        TRY(settle(&k, ret->cost_micros, e));
        decide(&k, ret);
    }
    write_how(&k, ret);
    return ST_OK;
}
