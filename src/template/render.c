/* render.c - a template with its variables filled in: what goes to the provider and what a reader sees.
 * SPDX-License-Identifier: Apache-2.0 */
#include "template/render.h"

enum mode {
    AS_IS,
    ONE_LINE, /* Meta, error 132012: no new line, no tab, at most four spaces in a row */
    AS_HTML,
};

struct rendering {
    struct arena *a;
    const struct template *t;
    const struct json *values;
    struct err *e;
};

/* --- values --------------------------------------------------------------------------------------------------------- */

/* By a key that is not a literal, so by walking. */
static const struct json *member(const struct json *v, struct str key) {
    const struct json *value;
    struct str name;

    for (size_t i = 0; json_member(v, i, &name, &value); i++)
        if (str_eq(name, key))
            return value;
    return NULL;
}

static struct str value_text(struct arena *a, const struct json *v) {
    struct buf b;
    struct str text;

    if (json_type(v) == JSON_STRING)
        return str_trim(json_str(v));
    if (json_type(v) != JSON_INT && json_type(v) != JSON_REAL)
        return STR_EMPTY;
    buf_init(&b, 64);
    json_write(&b, v);
    text = arena_str(a, buf_str(&b));
    buf_done(&b);
    return text;
}

static enum status value_of(struct rendering *r, struct str key, struct str *ret) {
    *ret = value_text(r->a, member(r->values, key));
    if (ret->len > 0)
        return ST_OK;
    err_set(r->e, ST_INVALID, __FILE__, __LINE__, "the variable \"%.*s\" has no value",
            STR_ARG(key));
    if (r->e)
        r->e->cause = "variable-missing";
    return ST_INVALID;
}

static void add_one_line(struct buf *b, struct str s) {
    bool is_gap = false;

    for (size_t i = 0; i < s.len; i++) {
        bool is_space = s.ptr[i] == ' ' || (s.ptr[i] >= '\t' && s.ptr[i] <= '\r');

        if (!is_space)
            buf_add_char(b, s.ptr[i]);
        else if (!is_gap)
            buf_add_char(b, ' ');
        is_gap = is_space;
    }
}

static void add_value(struct buf *b, struct str value, enum mode mode) {
    switch (mode) {
    case AS_IS:
        buf_add(b, value);
        break;
    case ONE_LINE:
        add_one_line(b, value);
        break;
    case AS_HTML:
        buf_add_html(b, value);
        break;
    }
}

static struct str one_line(struct arena *a, struct str s) {
    struct buf b;
    struct str text;

    buf_init(&b, s.len + 1);
    add_one_line(&b, s);
    text = arena_str(a, buf_str(&b));
    buf_done(&b);
    return text;
}

/* text with every placeholder replaced by the value of prefix + its key. */
static enum status fill(struct rendering *r, struct str text, const char *prefix, enum mode mode,
                        struct str *ret) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = TEMPLATE_CONTENT_MAX};
    struct str before, key, value;

    while (placeholder_next(&text, &before, &key)) {
        buf_add(&b, before);
        TRY(value_of(r, arena_printf(r->a, "%s%.*s", prefix, STR_ARG(key)), &value));
        add_value(&b, value, mode);
    }
    buf_add(&b, before);
    if (b.overflown)
        FAIL(r->e, ST_INVALID, "the template with its values is longer than %d bytes",
             TEMPLATE_CONTENT_MAX);
    *ret = arena_str(r->a, buf_str(&b));
    return ST_OK;
}

/* --- Meta's parameters ---------------------------------------------------------------------------------------------- */

static bool is_number(struct str s) {
    int64_t n;

    return str_parse_i64(s, 0, INT64_MAX, &n);
}

static enum status put_text_parameters(struct rendering *r, struct json_out *o, const char *type,
                                       const char *prefix, struct str text) {
    struct str before, key, value;
    bool is_open = false;

    while (placeholder_next(&text, &before, &key)) {
        TRY(value_of(r, arena_printf(r->a, "%s%.*s", prefix, STR_ARG(key)), &value));
        if (!is_open) {
            json_obj(o, NULL);
            json_put_str(o, "type", str_of(type));
            json_arr(o, "parameters");
            is_open = true;
        }
        json_obj(o, NULL);
        json_put_str(o, "type", STR("text"));
        if (!is_number(key))
            json_put_str(o, "parameter_name", key);
        json_put_str(o, "text", one_line(r->a, value));
        json_end(o);
    }
    if (is_open) {
        json_end(o);
        json_end(o);
    }
    return ST_OK;
}

static enum status put_header(struct rendering *r, struct json_out *o, const struct json *c) {
    struct str format = json_str(json_get(c, "format")), value;
    const char *kind = str_eq(format, STR("IMAGE"))      ? "image"
                       : str_eq(format, STR("VIDEO"))    ? "video"
                       : str_eq(format, STR("DOCUMENT")) ? "document"
                                                         : NULL;

    if (!kind)
        return put_text_parameters(r, o, "header", "header.", json_str(json_get(c, "text")));
    TRY(value_of(r, arena_printf(r->a, "header.%s", kind), &value));
    json_obj(o, NULL);
    json_put_str(o, "type", STR("header"));
    json_arr(o, "parameters");
    json_obj(o, NULL);
    json_put_str(o, "type", str_of(kind));
    json_obj(o, kind);
    if (str_eat(&value, STR("media:")))
        json_put_str(o, "id", value);
    else
        json_put_str(o, "link", value);
    json_end(o);
    json_end(o);
    json_end(o);
    json_end(o);
    return ST_OK;
}

static enum status put_button(struct rendering *r, struct json_out *o, size_t i,
                              const struct json *b) {
    struct str type = json_str(json_get(b, "type")), url = json_str(json_get(b, "url"));
    struct str before, key, value;
    bool is_code = str_eq(type, STR("COPY_CODE"));

    if (!is_code && !(str_eq(type, STR("URL")) && placeholder_next(&url, &before, &key)))
        return ST_OK;
    TRY(value_of(r, arena_printf(r->a, "button.%zu", i), &value));
    json_obj(o, NULL);
    json_put_str(o, "type", STR("button"));
    json_put_str(o, "sub_type", is_code ? STR("copy_code") : STR("url"));
    json_put_str(o, "index", arena_printf(r->a, "%zu", i));
    json_arr(o, "parameters");
    json_obj(o, NULL);
    json_put_str(o, "type", is_code ? STR("coupon_code") : STR("text"));
    json_put_str(o, is_code ? "coupon_code" : "text", one_line(r->a, value));
    json_end(o);
    json_end(o);
    json_end(o);
    return ST_OK;
}

static enum status put_component(struct rendering *r, struct json_out *o, const struct json *c) {
    struct str type = json_str(json_get(c, "type"));
    const struct json *buttons = json_get(c, "buttons");

    if (str_eq(type, STR("HEADER")))
        return put_header(r, o, c);
    if (str_eq(type, STR("BODY")))
        return put_text_parameters(r, o, "body", "", json_str(json_get(c, "text")));
    for (size_t i = 0; str_eq(type, STR("BUTTONS")) && i < json_len(buttons); i++)
        TRY(put_button(r, o, i, json_at(buttons, i)));
    return ST_OK;
}

/* --- what goes out -------------------------------------------------------------------------------------------------- */

static enum status put_variables(struct rendering *r, struct json_out *o) {
    struct str value;

    json_obj(o, "variables");
    for (size_t i = 0; i < r->t->n_variables; i++) {
        TRY(value_of(r, r->t->variables[i].key, &value));
        json_put_str(o, arena_cstr(r->a, r->t->variables[i].key), one_line(r->a, value));
    }
    json_end(o);
    return ST_OK;
}

static enum status put_whatsapp(struct rendering *r, struct json_out *o) {
    json_obj(o, NULL);
    json_put_str(o, "name", r->t->name);
    json_put_str(o, "language", r->t->language);
    if (r->t->provider_ref.len > 0) {
        json_put_str(o, "ref", r->t->provider_ref);
        TRY(put_variables(r, o));
    } else {
        json_arr(o, "components");
        for (size_t i = 0; i < json_len(r->t->tree); i++)
            TRY(put_component(r, o, json_at(r->t->tree, i)));
        json_end(o);
    }
    json_end(o);
    return ST_OK;
}

static enum status put_email(struct rendering *r, struct json_out *o, struct str text) {
    struct str subject = STR_EMPTY, html = STR_EMPTY;

    TRY(fill(r, r->t->subject, "", ONE_LINE, &subject));
    TRY(fill(r, r->t->html, "", AS_HTML, &html));
    json_obj(o, NULL);
    json_put_str(o, "subject", subject);
    json_put_str(o, "text", text);
    json_put_opt(o, "html", html);
    json_end(o);
    return ST_OK;
}

/* --- what a reader sees --------------------------------------------------------------------------------------------- */

static enum status add_part(struct rendering *r, struct buf *b, const struct json *c,
                            const char *prefix) {
    struct str text = STR_EMPTY;

    TRY(fill(r, json_str(json_get(c, "text")), prefix, ONE_LINE, &text));
    if (text.len > 0 && b->len > 0)
        buf_add(b, STR("\n\n"));
    buf_add(b, text);
    return ST_OK;
}

static enum status meta_text(struct rendering *r, struct str *ret) {
    static const struct {
        const char *type, *prefix;
    } parts[] = {{"HEADER", "header."}, {"BODY", ""}, {"FOOTER", ""}};
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = TEMPLATE_CONTENT_MAX};

    for (size_t p = 0; p < ARRAY_LEN(parts); p++)
        for (size_t i = 0; i < json_len(r->t->tree); i++)
            if (str_eq(json_str(json_get(json_at(r->t->tree, i), "type")), str_of(parts[p].type)))
                TRY(add_part(r, &b, json_at(r->t->tree, i), parts[p].prefix));
    *ret = arena_str(r->a, buf_str(&b));
    return ST_OK;
}

enum status template_render(struct arena *a, const struct template *t, const struct json *values,
                            struct str *ret_content, struct str *ret_text, struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = TEMPLATE_CONTENT_MAX};
    struct rendering r = {.a = a, .t = t, .values = values, .e = e};
    bool is_email = str_eq(t->channel, STR("email"));
    struct json_out o;

    *ret_text = STR_EMPTY;
    if (json_type(t->tree) == JSON_ARRAY)
        TRY(meta_text(&r, ret_text));
    else
        TRY(fill(&r, t->body, "", is_email ? AS_IS : ONE_LINE, ret_text));
    json_out_init(&o, &b);
    TRY(is_email ? put_email(&r, &o, *ret_text) : put_whatsapp(&r, &o));
    if (b.overflown)
        FAIL(e, ST_INVALID, "the template with its values is longer than %d bytes",
             TEMPLATE_CONTENT_MAX);
    *ret_content = arena_str(a, buf_str(&b));
    return ST_OK;
}
