/* model_build.c - the request to a chat model: POST {base}/chat/completions.
 * Local servers know "system" and not always "developer", so that is what is sent. Fields that only
 * some servers know are left out for those that say so (uses_old_max_tokens).
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "provider/model.h"

enum {
    BODY_MAX_BYTES = 2 << 20,
    TOOL_NAME_MAX = 64,
    TOOLS_MAX = 128,
    SCHEMA_MAX_DEPTH = 24,
};

static bool is_role(const char *role) {
    struct str s = str_of(role);

    return str_eq(s, STR("system")) || str_eq(s, STR("user")) || str_eq(s, STR("assistant"));
}

static enum status put_messages(struct json_out *o, const struct model_ask *ask, struct err *e) {
    if (ask->n_messages == 0)
        FAIL(e, ST_INVALID, "there is no message to ask the model with");
    json_arr(o, "messages");
    for (size_t i = 0; i < ask->n_messages; i++) {
        const struct model_message *m = &ask->messages[i];

        if (!is_role(m->role))
            FAIL(e, ST_INVALID, "message %zu to the model has no role it knows", i + 1);
        json_obj(o, NULL);
        json_put_str(o, "role", str_of(m->role));
        json_put_str(o, "content", m->text);
        json_end(o);
    }
    json_end(o);
    return ST_OK;
}

static bool is_tool_name(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-'))
            return false;
    }
    return s.len > 0 && s.len <= TOOL_NAME_MAX;
}

static enum status put_schema(struct arena *a, struct json_out *o, const struct model_tool *tool,
                              struct err *e) {
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct err ignored = ERR_INIT;
    const struct json *schema;

    limits.max_depth = SCHEMA_MAX_DEPTH;
    if (tool->parameters.len == 0)
        return ST_OK;
    if (json_parse(a, tool->parameters, limits, &schema, &ignored) != ST_OK ||
        json_type(schema) != JSON_OBJECT)
        FAIL(e, ST_INVALID, "the parameters of tool \"%.*s\" are no JSON Schema object",
             STR_ARG(tool->name));
    json_put_json(o, "parameters", schema);
    return ST_OK;
}

static enum status put_tools(struct arena *a, struct json_out *o, const struct model_ask *ask,
                             struct err *e) {
    if (ask->n_tools > TOOLS_MAX)
        FAIL(e, ST_INVALID, "there are %zu tools, a model takes %d", ask->n_tools, TOOLS_MAX);
    json_arr(o, "tools");
    for (size_t i = 0; i < ask->n_tools; i++) {
        const struct model_tool *tool = &ask->tools[i];

        if (!is_tool_name(tool->name))
            FAIL(e, ST_INVALID,
                 "the name of tool %zu is not 1 to %d letters, digits, dashes and underscores",
                 i + 1, TOOL_NAME_MAX);
        json_obj(o, NULL);
        json_put_str(o, "type", STR("function"));
        json_obj(o, "function");
        json_put_str(o, "name", tool->name);
        json_put_opt(o, "description", tool->description);
        TRY(put_schema(a, o, tool, e));
        json_end(o);
        json_end(o);
    }
    json_end(o);
    json_put_str(o, "tool_choice", STR("auto"));
    return ST_OK;
}

static enum status put_body(struct arena *a, struct json_out *o,
                            const struct model_account *account, const struct model_ask *ask,
                            struct err *e) {
    bool is_local = account->uses_old_max_tokens;

    json_obj(o, NULL);
    json_put_str(o, "model", account->model);
    TRY(put_messages(o, ask, e));
    if (account->max_tokens > 0)
        json_put_i64(o, is_local ? "max_tokens" : "max_completion_tokens", account->max_tokens);
    if (account->temperature >= 0)
        json_put_real(o, "temperature", account->temperature);
    if (ask->n_tools > 0) {
        TRY(put_tools(a, o, ask, e));
        if (!is_local) /* one action at a time */
            json_put_bool(o, "parallel_tool_calls", false);
    }
    json_end(o);
    return ST_OK;
}

static bool is_header_text(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] <= ' ' || (unsigned char)s.ptr[i] > '~')
            return false;
    }
    return true;
}

static struct str url_of(struct arena *a, struct str base) {
    while (str_ends(base, STR("/")))
        base.len--;
    return arena_printf(a, "%.*s/chat/completions", STR_ARG(base));
}

enum status model_build(struct arena *a, const struct model_account *account,
                        const struct model_ask *ask, struct http_call *ret, struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf body = {0};
    struct json_out o;

    if (!is_header_text(account->api_key))
        FAIL(e, ST_INVALID, "the model's key holds spaces or characters that no key has");
    buf_init(&body, BODY_MAX_BYTES);
    json_out_init(&o, &body);
    TRY(put_body(a, &o, account, ask, e));
    if (body.overflown)
        FAIL(e, ST_INVALID, "the question to the model has more than %d bytes", BODY_MAX_BYTES);
    *ret = (struct http_call){
        .method = "POST",
        .url = url_of(a, account->base_url),
        .body = arena_str(a, buf_str(&body)),
        .reach = REACH_MACHINE,
    };
    if (account->api_key.len > 0)
        http_call_header(ret, STR("Authorization"),
                         arena_printf(a, "Bearer %.*s", STR_ARG(account->api_key)));
    http_call_header(ret, STR("Content-Type"), STR("application/json"));
    return ST_OK;
}
