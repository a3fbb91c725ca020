/* understand.c - which variables a template has, by its parts as the provider documents them.
 * Sources: Meta, "Template components" and "message_templates" (v26.0); Twilio, Content API types.
 * SPDX-License-Identifier: Apache-2.0 */
#include "template/render.h"

struct reading {
    struct arena *a;
    struct template_variable *list;
    size_t n;
};

static struct template_variable *add(struct reading *r, struct str key, const char *place,
                                     const char *kind, struct str example) {
    for (size_t i = 0; i < r->n; i++)
        if (str_eq(r->list[i].key, key))
            return &r->list[i];
    if (r->n == TEMPLATE_VARIABLES_MAX)
        return NULL;
    r->list[r->n] = (struct template_variable){
        .key = key, .place = str_of(place), .kind = str_of(kind), .example = example};
    return &r->list[r->n++];
}

/* --- placeholders --------------------------------------------------------------------------------------------------- */

static bool is_key(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-' || c == '.' || c >= 0x80))
            return false;
    }
    return s.len > 0 && s.len <= PLACEHOLDER_KEY_MAX;
}

bool placeholder_next(struct str *text, struct str *ret_before, struct str *ret_key) {
    struct str whole = *text;

    for (size_t i = 0; i + 4 <= whole.len; i++) {
        struct str rest = str_sub(whole, i, whole.len), inner;

        if (rest.ptr[0] != '{' || !str_eat(&rest, STR("{{")))
            continue;
        (void)str_cut(&rest, '}', &inner);
        if (rest.len == 0 || rest.ptr[0] != '}' || !is_key(str_trim(inner)))
            continue;
        *ret_before = str_sub(whole, 0, i);
        *ret_key = str_trim(inner);
        *text = str_sub(rest, 1, rest.len);
        return true;
    }
    *ret_before = whole;
    *ret_key = STR_EMPTY;
    *text = STR_EMPTY;
    return false;
}

/* examples: Meta's list of them in the order of appearance, or of {param_name, example}. */
static struct str example_of(const struct json *examples, size_t i, struct str key) {
    for (size_t k = 0; k < json_len(examples); k++) {
        const struct json *one = json_at(examples, k);

        if (str_eq(json_str(json_get(one, "param_name")), key))
            return json_str(json_get(one, "example"));
    }
    return json_str(json_at(examples, i));
}

static void add_text(struct reading *r, const char *place, const char *prefix, struct str text,
                     const struct json *examples) {
    struct str before, key;

    for (size_t i = 0; placeholder_next(&text, &before, &key); i++)
        (void)add(r, arena_printf(r->a, "%s%.*s", prefix, STR_ARG(key)), place, "text",
                  example_of(examples, i, key));
}

/* --- Meta ----------------------------------------------------------------------------------------------------------- */

static const struct json *first_of(const struct json *v, const char *named,
                                   const char *positional) {
    const struct json *list = json_path(v, "example", named, NULL);

    return list ? list : json_path(v, "example", positional, NULL);
}

static void add_header(struct reading *r, const struct json *c) {
    struct str format = json_str(json_get(c, "format"));
    struct str handle = json_str(json_at(json_path(c, "example", "header_handle", NULL), 0));

    if (str_eq(format, STR("IMAGE")))
        (void)add(r, STR("header.image"), "header", "image", handle);
    else if (str_eq(format, STR("VIDEO")))
        (void)add(r, STR("header.video"), "header", "video", handle);
    else if (str_eq(format, STR("DOCUMENT")))
        (void)add(r, STR("header.document"), "header", "document", handle);
    else if (format.len > 0 && !str_eq(format, STR("TEXT")))
        (void)add(r, STR("header.location"), "header", "unsupported", STR_EMPTY);
    else
        add_text(r, "header", "header.", json_str(json_get(c, "text")),
                 first_of(c, "header_text_named_params", "header_text"));
}

/* Quick replies, telephone numbers and plain addresses need nothing filled in. */
static void add_buttons(struct reading *r, const struct json *list) {
    for (size_t i = 0; i < json_len(list); i++) {
        const struct json *b = json_at(list, i);
        struct str type = json_str(json_get(b, "type")), key = STR_EMPTY;
        struct str url = json_str(json_get(b, "url")), before;
        struct str example = json_str(json_at(json_get(b, "example"), 0));
        struct str name = arena_printf(r->a, "button.%zu", i);

        if (str_eq(type, STR("URL")) && placeholder_next(&url, &before, &key))
            (void)add(r, name, "button", "url", example);
        else if (str_eq(type, STR("COPY_CODE")))
            (void)add(r, name, "button", "code", example);
        else if (str_eq(type, STR("OTP")) || str_eq(type, STR("CATALOG")) ||
                 str_eq(type, STR("MPM")) || str_eq(type, STR("SPM")))
            (void)add(r, name, "button", "unsupported", STR_EMPTY);
    }
}

static void read_meta(struct reading *r, const struct json *components) {
    for (size_t i = 0; i < json_len(components); i++) {
        const struct json *c = json_at(components, i);
        struct str type = json_str(json_get(c, "type"));
        const struct json *named = json_path(c, "example", "body_text_named_params", NULL);

        if (str_eq(type, STR("HEADER")))
            add_header(r, c);
        else if (str_eq(type, STR("BODY")))
            add_text(r, "body", "", json_str(json_get(c, "text")),
                     named ? named : json_at(json_path(c, "example", "body_text", NULL), 0));
        else if (str_eq(type, STR("BUTTONS")))
            add_buttons(r, json_get(c, "buttons"));
        else if (str_eq(type, STR("CAROUSEL")) || str_eq(type, STR("LIMITED_TIME_OFFER")))
            (void)add(r, STR("carousel"), "body", "unsupported", STR_EMPTY);
    }
}

/* --- one set of placeholders for all parts -------------------------------------------------------------------------- */

static void read_texts(struct reading *r, const struct json *v) {
    const struct json *child;
    struct str key;

    add_text(r, "body", "", json_str(v), NULL);
    for (size_t i = 0; i < json_len(v); i++) {
        if (!json_member(v, i, &key, &child))
            child = json_at(v, i);
        read_texts(r, child);
    }
}

void template_understand(struct arena *a, struct template *t) {
    struct template_variable *list =
        arena_array_of(a, TEMPLATE_VARIABLES_MAX, struct template_variable);
    struct reading r = {.a = a, .list = list};
    struct err ignored = ERR_INIT;

    t->tree = NULL;
    if (t->components.len > 0 &&
        json_parse(a, t->components, JSON_LIMITS_DEFAULT, &t->tree, &ignored) != ST_OK)
        t->tree = NULL;
    if (json_type(t->tree) == JSON_ARRAY) {
        read_meta(&r, t->tree);
    } else if (t->tree) {
        read_texts(&r, t->tree);
    } else {
        add_text(&r, "subject", "", t->subject, NULL);
        add_text(&r, "body", "", t->body, NULL);
        add_text(&r, "html", "", t->html, NULL);
    }
    t->variables = list;
    t->n_variables = r.n;
}
