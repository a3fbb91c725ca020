/* model.c - an OpenAI-compatible chat model that needs no model: it answers by keywords in
 * Portuguese and English, calls the tool for a person when one is asked for, and fails in every way
 * real servers do.
 * Source: OpenAI API reference, "Create chat completion"; errors as the official clients treat
 * them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/utf8.h"
#include "sim/internal.h"

enum { ANSWER_BYTES = 64 << 10 };

/* --- what it says ---------------------------------------------------------------------------- */

struct line {
    const char *words[6]; /* folded; any of them */
    const char *pt, *en;
};

static const struct line lines[] = {
    {{"preco", "valor", "quanto custa", "price", "cost"},
     "Depende do que voc\u00ea precisa. Posso te mostrar os planos ou pedir um or\u00e7amento para o time?",
     "It depends on what you need. Shall I show you the plans or ask the team for a quote?"},
    {{"agendar", "horario", "reuniao", "marcar", "schedule", "meeting"},
     "Claro! Qual dia e hor\u00e1rio ficam melhores para voc\u00ea?",
     "Sure! Which day and time suit you best?"},
    {{"endereco", "onde fica", "localizacao", "address", "where"},
     "Atendemos online e tamb\u00e9m no escrit\u00f3rio. Quer que eu envie o endere\u00e7o?",
     "We work online and at the office, too. Shall I send you the address?"},
    {{"entrega", "prazo", "delivery", "shipping"},
     "O prazo normal \u00e9 de 3 a 5 dias \u00fateis.",
     "Delivery usually takes 3 to 5 working days."},
    {{"obrigad", "valeu", "thanks", "thank you"},
     "Eu que agrade\u00e7o! Se precisar de algo mais, \u00e9 s\u00f3 chamar.",
     "Thank you! If you need anything else, just write."},
    {{"bom dia", "boa tarde", "boa noite", "ola", "oi", "hello"},
     "Ol\u00e1! Que bom falar com voc\u00ea. Como posso ajudar?",
     "Hello! Good to hear from you. How can I help?"},
};

static const char *const human_words[] = {"humano",   "atendente", "pessoa", "alguem de verdade",
                                          "human",    "agent",     "person", "reclamacao",
                                          "complaint"};
static const char *const english_words[] = {"hello",  "the ",   "you",   "what",    "price",
                                            "thanks", "please", "human", "meeting", "where"};

/* Whole words at the front of a word: "oi" is not in "coisa". */
static bool has_word(struct str folded, const char *word) {
    struct str w = str_of(word);

    for (size_t i = 0; i + w.len <= folded.len; i++) {
        bool is_start = i == 0 || folded.ptr[i - 1] < 'a' || folded.ptr[i - 1] > 'z';

        if (is_start && str_starts(str_sub(folded, i, folded.len), w))
            return true;
    }
    return false;
}

static bool has_any(struct str folded, const char *const *words, size_t n) {
    for (size_t i = 0; i < n && words[i]; i++) {
        if (has_word(folded, words[i]))
            return true;
    }
    return false;
}

static struct str say(struct str folded) {
    bool is_english = has_any(folded, english_words, ARRAY_LEN(english_words));

    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        if (has_any(folded, lines[i].words, ARRAY_LEN(lines[i].words)))
            return str_of(is_english ? lines[i].en : lines[i].pt);
    }
    return is_english ? STR("I see. Could you tell me a little more?")
                      : STR("Entendi. Pode me contar um pouco mais?");
}

/* --- the question ---------------------------------------------------------------------------- */

struct chat {
    struct sim *sim;
    struct req *r;
    const struct json *v;
    struct str asked; /* the last words of the user, folded */
    struct str tool;  /* to call; empty: none */
    int64_t prompt_tokens;
};

static struct str text_of(struct arena *a, const struct json *content) {
    struct str all = STR_EMPTY;

    if (json_type(content) == JSON_STRING)
        return json_str(content);
    for (size_t i = 0; i < json_len(content); i++) {
        struct str part = json_str(json_get(json_at(content, i), "text"));

        all = arena_printf(a, "%.*s %.*s", STR_ARG(all), STR_ARG(part));
    }
    return all;
}

static bool is_role(struct str role) {
    static const char *const roles[] = {"system", "developer", "user", "assistant", "tool"};

    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        if (str_eq(role, str_of(roles[i])))
            return true;
    }
    return false;
}

/* Every tool call of an assistant wants exactly one answer, before any other role. */
static bool are_calls_answered(const struct json *messages) {
    size_t open = 0;

    for (size_t i = 0; i < json_len(messages); i++) {
        const struct json *m = json_at(messages, i);
        bool is_tool = str_eq(json_str(json_get(m, "role")), STR("tool"));

        if (is_tool ? open == 0 : open > 0)
            return false;
        open = is_tool ? open - 1 : json_len(json_get(m, "tool_calls"));
    }
    return open == 0;
}

static const char *read_chat(struct chat *c) {
    const struct json *messages = json_get(c->v, "messages");
    bool is_answered_by_tool = false;

    if (json_str(json_get(c->v, "model")).len == 0)
        return "you must provide a model parameter";
    if (json_len(messages) == 0)
        return "messages: must have at least one";
    for (size_t i = 0; i < json_len(messages); i++) {
        const struct json *m = json_at(messages, i);
        struct str role = json_str(json_get(m, "role"));
        struct str text = text_of(c->r->arena, json_get(m, "content"));

        if (!is_role(role))
            return "messages: unknown role";
        c->prompt_tokens += 4 + (int64_t)text.len / 4;
        is_answered_by_tool = str_eq(role, STR("tool"));
        if (str_eq(role, STR("user")))
            c->asked = utf8_fold(c->r->arena, text);
    }
    if (!are_calls_answered(messages))
        return "messages: an assistant message with tool_calls must be followed by tool messages";
    if (!is_answered_by_tool && has_any(c->asked, human_words, ARRAY_LEN(human_words)))
        c->tool =
            json_str(json_path(json_at(json_get(c->v, "tools"), 0), "function", "name", NULL));
    return NULL;
}

/* --- the answer ------------------------------------------------------------------------------ */

static void write_tool_call(struct json_out *o, const struct chat *c) {
    json_put_null(o, "content");
    json_arr(o, "tool_calls");
    json_obj(o, NULL);
    json_put_str(o, "id", arena_printf(c->r->arena, "call_%.*s", STR_ARG(c->r->request_id)));
    json_put_str(o, "type", STR("function"));
    json_obj(o, "function");
    json_put_str(o, "name", c->tool);
    json_put_str(o, "arguments", STR("{\"reason\":\"a pessoa pediu atendimento humano\"}"));
    json_end(o);
    json_end(o);
    json_end(o);
}

static void write_usage(struct json_out *o, const struct chat *c, int64_t completion) {
    json_obj(o, "usage");
    json_put_i64(o, "prompt_tokens", c->prompt_tokens);
    json_put_i64(o, "completion_tokens", completion);
    json_put_i64(o, "total_tokens", c->prompt_tokens + completion);
    json_obj(o, "prompt_tokens_details");
    json_put_i64(o, "cached_tokens", 0);
    json_end(o);
    json_obj(o, "completion_tokens_details");
    json_put_i64(o, "reasoning_tokens", 0);
    json_end(o);
    json_end(o);
}

static void write_choice(struct json_out *o, const struct chat *c, struct str text,
                         enum model_fault fault) {
    json_obj(o, NULL);
    json_put_i64(o, "index", 0);
    json_obj(o, "message");
    json_put_str(o, "role", STR("assistant"));
    if (c->tool.len > 0 && fault == MODEL_FAULT_NONE)
        write_tool_call(o, c);
    else if (fault == MODEL_FAULT_REFUSAL)
        json_put_null(o, "content");
    else
        json_put_str(o, "content", text);
    if (fault == MODEL_FAULT_REFUSAL)
        json_put_str(o, "refusal", STR("I can't help with that."));
    else
        json_put_null(o, "refusal");
    json_end(o);
    json_put_null(o, "logprobs");
    json_put_str(o, "finish_reason",
                 fault == MODEL_FAULT_LENGTH ? STR("length")
                 : c->tool.len > 0           ? STR("tool_calls")
                                             : STR("stop"));
    json_end(o);
}

static void answer(const struct chat *c, struct resp *resp, enum model_fault fault) {
    struct str text = say(c->asked);
    struct json_out o;
    struct buf b;

    if (fault == MODEL_FAULT_LENGTH)
        text = utf8_cut_points(text, utf8_count(text) / 2);
    buf_init(&b, ANSWER_BYTES);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_str(&o, "id", arena_printf(c->r->arena, "chatcmpl-%.*s", STR_ARG(c->r->request_id)));
    json_put_str(&o, "object", STR("chat.completion"));
    json_put_i64(&o, "created", clock_now_ms() / 1000);
    json_put_str(&o, "model", json_str(json_get(c->v, "model")));
    json_arr(&o, "choices");
    write_choice(&o, c, text, fault);
    json_end(&o);
    write_usage(&o, c, 1 + (int64_t)text.len / 4);
    json_end(&o);
    resp_json(c->r, resp, 200, &b);
    buf_done(&b);
}

/* --- failures -------------------------------------------------------------------------------- */

static const struct {
    enum model_fault fault;
    unsigned http;
    const char *type, *code, *message;
} failures[] = {
    {MODEL_FAULT_429, 429, "requests", "rate_limit_exceeded", "Rate limit reached for requests"},
    {MODEL_FAULT_QUOTA, 429, "insufficient_quota", "insufficient_quota",
     "You exceeded your current quota, please check your plan and billing details."},
    {MODEL_FAULT_500, 500, "server_error", NULL, "The server had an error processing your request"},
    {MODEL_FAULT_503, 503, "server_error", "server_is_overloaded", "The engine is overloaded"},
    {MODEL_FAULT_IN_200, 200, "upstream_error", "502", "Provider returned error"},
    {MODEL_FAULT_TOO_LONG, 400, "invalid_request_error", "context_length_exceeded",
     "This model's maximum context length is 8192 tokens."},
};

static void fail(const struct req *r, struct resp *resp, unsigned http, const char *type,
                 const char *code, const char *message) {
    struct json_out o;
    struct buf b;

    buf_init(&b, ANSWER_BYTES);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_obj(&o, "error");
    json_put_str(&o, "message", str_of(message));
    json_put_str(&o, "type", str_of(type));
    json_put_null(&o, "param");
    if (code)
        json_put_str(&o, "code", str_of(code));
    else
        json_put_null(&o, "code");
    json_end(&o);
    json_end(&o);
    resp_json(r, resp, http, &b);
    buf_done(&b);
}

static enum model_fault choose_fault(struct sim *s) {
    const struct behaviour *b = &s->behaviour;
    enum model_fault planned = behaviour_next_model(&s->behaviour);

    if (planned != MODEL_FAULT_NONE)
        return planned;
    return sim_chance(s, b->model_stall_rate)     ? MODEL_FAULT_STALL
           : sim_chance(s, b->model_cut_rate)     ? MODEL_FAULT_CUT
           : sim_chance(s, b->model_garbage_rate) ? MODEL_FAULT_GARBAGE
           : sim_chance(s, b->model_error_rate)   ? MODEL_FAULT_500
                                                  : MODEL_FAULT_NONE;
}

/* True when the fault is one of those that have a whole answer of their own. */
static bool play_fault(const struct chat *c, struct resp *resp, enum model_fault fault) {
    for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
        if (failures[i].fault != fault)
            continue;
        fail(c->r, resp, failures[i].http, failures[i].type, failures[i].code, failures[i].message);
        if (fault == MODEL_FAULT_429) {
            resp_header(resp, "Retry-After", STR("1"));
            resp_header(resp, "Retry-After-Ms", STR("400"));
        }
        return true;
    }
    if (fault == MODEL_FAULT_GARBAGE)
        resp_text(resp, 200, STR("{\"choices\":[{\"message\":{\"content\":\"Ol"));
    else if (fault == MODEL_FAULT_HTML)
        resp_text(resp, 502, STR("<html><body><h1>502 Bad Gateway</h1></body></html>"));
    else if (fault == MODEL_FAULT_CUT || fault == MODEL_FAULT_STALL)
        resp->is_cut = true;
    else
        return false;
    return true;
}

/* --- handlers -------------------------------------------------------------------------------- */

static bool admit(const struct sim *s, const struct req *r, struct resp *resp) {
    struct str bearer = req_header(r, "authorization");

    (void)str_eat(&bearer, STR("Bearer "));
    if (s->options.model_token.len == 0 || str_eq(bearer, s->options.model_token))
        return true;
    fail(r, resp, 401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided");
    return false;
}

static void decide(struct chat *c, struct resp *resp) {
    const char *why = read_chat(c);
    enum model_fault fault;

    if (why) {
        fail(c->r, resp, 400, "invalid_request_error", NULL, why);
        return;
    }
    if (json_bool(json_get(c->v, "stream"), false)) {
        fail(c->r, resp, 400, "invalid_request_error", "unsupported_value",
             "streaming is not supported");
        return;
    }
    fault = choose_fault(c->sim);
    if (!play_fault(c, resp, fault))
        answer(c, resp, fault);
    if (fault == MODEL_FAULT_STALL)
        answer_later(c->sim, c->r, resp, c->sim->behaviour.stall_ms);
    else if (c->sim->behaviour.model_delay_ms > 0)
        answer_later(c->sim, c->r, resp, c->sim->behaviour.model_delay_ms);
}

/* POST /v1/chat/completions */
enum status model_chat(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);
    struct chat c = {.sim = s, .r = r};

    if (!admit(s, r, resp))
        return ST_OK;
    if (sim_body(r, &c.v, e) != ST_OK) {
        err_clear(e);
        fail(r, resp, 400, "invalid_request_error", NULL, "could not parse the JSON body");
        return ST_OK;
    }
    sim_lock(s);
    s->model_calls++;
    decide(&c, resp);
    sim_unlock(s);
    return ST_OK;
}

enum status model_list(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    (void)e;
    if (!admit(sim_of(app), r, resp))
        return ST_OK;
    resp_text(resp, 200,
              STR("{\"object\":\"list\",\"data\":[{\"id\":\"sim-small\",\"object\":\"model\","
                  "\"created\":1700000000,\"owned_by\":\"sim\"}]}"));
    resp->content_type = STR("application/json");
    return ST_OK;
}
