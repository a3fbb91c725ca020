/* describe_page.c - an OpenAPI document as a page for people.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/describe.h"

/* --- JSON, laid out -------------------------------------------------------------------------- */

static void add_indent(struct buf *b, unsigned depth) {
    buf_add_char(b, '\n');
    for (unsigned i = 0; i < depth; i++)
        buf_add(b, STR("  "));
}

static bool is_short(const struct json *v) {
    ATTR_CLEANUP(buf_done_p) struct buf text = {.max = 80};

    json_write(&text, v);
    return !text.overflown;
}

static void add_flat(struct buf *b, const struct json *v) {
    ATTR_CLEANUP(buf_done_p) struct buf text = {.max = DESCRIBE_MAX_BYTES};

    json_write(&text, v);
    buf_add_html(b, buf_str(&text));
}

/* What fits on a line stands on one. The reader bounds the depth. */
static void add_json(struct buf *b, const struct json *v, unsigned depth) {
    bool is_object = json_type(v) == JSON_OBJECT;
    const struct json *value;
    struct str name;

    if ((!is_object && json_type(v) != JSON_ARRAY) || is_short(v)) {
        add_flat(b, v);
        return;
    }
    buf_add_char(b, is_object ? '{' : '[');
    for (size_t i = 0; i < json_len(v); i++) {
        buf_add(b, i > 0 ? STR(",") : STR_EMPTY);
        add_indent(b, depth + 1);
        if (is_object && json_member(v, i, &name, &value)) {
            buf_add_html(b, name);
            buf_add(b, STR(": "));
        } else {
            value = json_at(v, i);
        }
        add_json(b, value, depth + 1);
    }
    add_indent(b, depth);
    buf_add_char(b, is_object ? '}' : ']');
}

static void add_block(struct buf *b, const char *title, const struct json *v) {
    if (!v)
        return;
    buf_printf(b, "<h4>%s</h4><pre>", title);
    add_json(b, v, 0);
    buf_add(b, STR("</pre>\n"));
}

/* --- operations ------------------------------------------------------------------------------ */

static struct str upper(char *out, size_t max, struct str s) {
    size_t n = s.len < max ? s.len : max;

    for (size_t i = 0; i < n; i++)
        out[i] = (char)(s.ptr[i] >= 'a' && s.ptr[i] <= 'z' ? s.ptr[i] - 'a' + 'A' : s.ptr[i]);
    return (struct str){out, n};
}

static void add_who(struct buf *b, const struct json *op) {
    struct str role = json_str(json_get(op, "x-role")), scope = json_str(json_get(op, "x-scope"));

    buf_add(b, STR("<p class=\"who\">"));
    if (role.len == 0)
        buf_add(b, json_len(json_get(op, "security")) > 0 ? STR("operators") : STR("anybody"));
    else
        buf_printf(b, "%.*s and above", STR_ARG(role));
    if (scope.len > 0)
        buf_printf(b, " · keys with <code>%.*s</code>", STR_ARG(scope));
    else if (role.len > 0)
        buf_add(b, STR(" · no keys"));
    if (json_get(op, "x-rate-per-minute"))
        buf_printf(b, " · %lld a minute",
                   (long long)json_i64(json_get(op, "x-rate-per-minute"), 0));
    buf_add(b, STR("</p>\n"));
}

static void add_parameters(struct buf *b, const struct json *list) {
    if (json_len(list) == 0)
        return;
    buf_add(b, STR("<ul>"));
    for (size_t i = 0; i < json_len(list); i++) {
        const struct json *p = json_at(list, i);
        struct str ref = json_str(json_get(p, "$ref")), name = json_str(json_get(p, "name"));

        if (ref.len > 0) { /* "#/components/parameters/limit" */
            while (str_cut(&ref, '/', &name)) {
            }
            name = ref;
        }
        buf_add(b, STR("<li><code>"));
        buf_add_html(b, name);
        buf_add(b, STR("</code> "));
        buf_add_html(b, json_str(json_get(p, "description")));
        buf_add(b, STR("</li>"));
    }
    buf_add(b, STR("</ul>\n"));
}

/* The schema of the only content there is. */
static const struct json *schema_of(const struct json *with_content) {
    const struct json *media;
    struct str type;

    return json_member(json_get(with_content, "content"), 0, &type, &media)
               ? json_get(media, "schema")
               : NULL;
}

static void add_operation(struct buf *b, struct str path, struct str method,
                          const struct json *op) {
    const struct json *response = NULL;
    struct str status;
    char word[8];

    method = upper(word, sizeof(word), method);
    buf_add(b, STR("<section id=\""));
    buf_add_html(b, json_str(json_get(op, "operationId")));
    buf_printf(b, "\"><h3><code>%.*s ", STR_ARG(method));
    buf_add_html(b, path);
    buf_add(b, STR("</code></h3>\n<p>"));
    buf_add_html(b, json_str(json_get(op, "summary")));
    buf_add(b, STR("</p>\n"));
    if (json_get(op, "description")) {
        buf_add(b, STR("<p>"));
        buf_add_html(b, json_str(json_get(op, "description")));
        buf_add(b, STR("</p>\n"));
    }
    add_who(b, op);
    add_parameters(b, json_get(op, "parameters"));
    add_block(b, "Body", schema_of(json_get(op, "requestBody")));
    if (json_member(json_get(op, "responses"), 0, &status, &response))
        add_block(b, "Answer", schema_of(response));
    buf_add(b, STR("</section>\n"));
}

/* All operations of a tag, or only links to them. */
static void add_tag(struct buf *b, const struct json *openapi, struct str tag, bool is_index) {
    const struct json *path, *op;
    struct str name, method;

    for (size_t i = 0; json_member(json_get(openapi, "paths"), i, &name, &path); i++) {
        for (size_t k = 0; json_member(path, k, &method, &op); k++) {
            if (!str_eq(json_str(json_at(json_get(op, "tags"), 0)), tag))
                continue;
            if (!is_index) {
                add_operation(b, name, method, op);
                continue;
            }
            buf_add(b, STR("<li><a href=\"#"));
            buf_add_html(b, json_str(json_get(op, "operationId")));
            buf_add(b, STR("\">"));
            buf_add_html(b, json_str(json_get(op, "summary")));
            buf_add(b, STR("</a></li>"));
        }
    }
}

void describe_page(struct buf *b, const struct json *openapi, struct str style) {
    const struct json *tags = json_get(openapi, "tags"), *schema;
    struct str name;

    buf_add(b, STR("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                   "<title>prosa: the API</title><style>"));
    buf_add(b, style);
    buf_add(b, STR("</style></head>\n<body><main><h1>prosa: the API</h1>\n<p>"));
    buf_add_html(b, json_str(json_path(openapi, "info", "description", NULL)));
    buf_add(b, STR(" For programs: <a href=\"/openapi.json\">openapi.json</a>.</p>\n<nav>"));
    for (size_t i = 0; i < json_len(tags); i++) {
        struct str tag = json_str(json_get(json_at(tags, i), "name"));

        buf_add(b, STR("<h2>"));
        buf_add_html(b, tag);
        buf_add(b, STR("</h2><ul>"));
        add_tag(b, openapi, tag, true);
        buf_add(b, STR("</ul>\n"));
    }
    buf_add(b, STR("</nav>\n"));
    for (size_t i = 0; i < json_len(tags); i++)
        add_tag(b, openapi, json_str(json_get(json_at(tags, i), "name")), false);
    buf_add(b, STR("<h2>Objects</h2>\n"));
    for (size_t i = 0;
         json_member(json_path(openapi, "components", "schemas", NULL), i, &name, &schema); i++) {
        buf_add(b, STR("<h3>"));
        buf_add_html(b, name);
        buf_add(b, STR("</h3><pre>"));
        add_json(b, schema, 0);
        buf_add(b, STR("</pre>\n"));
    }
    buf_add(b, STR("</main></body></html>\n"));
}
