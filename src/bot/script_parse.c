/* script_parse.c - reads and checks a script whole, so that running it cannot meet a surprise.
 * SPDX-License-Identifier: Apache-2.0 */
#include "bot/script_check.h"

#include <ctype.h>

#include "base/utf8.h"

struct parse {
    struct arena *a;
    struct script *s;
    struct err *e;
};

size_t script_find_node(const struct script *s, struct str name) {
    for (size_t i = 0; i < s->n_nodes; i++)
        if (str_eq(s->nodes[i].name, name))
            return i;
    return SCRIPT_NOWHERE;
}

struct str script_words(struct arena *a, struct str text) {
    struct str folded = utf8_fold(a, text);
    char *out = arena_alloc(a, folded.len + 3);
    size_t n = 0;

    out[n++] = ' ';
    for (size_t i = 0; i < folded.len; i++) {
        unsigned char c = (unsigned char)folded.ptr[i];
        bool is_word = c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');

        if (is_word)
            out[n++] = (char)c;
        else if (out[n - 1] != ' ')
            out[n++] = ' ';
    }
    if (out[n - 1] != ' ')
        out[n++] = ' ';
    return (struct str){out, n};
}

/* --- checks of what a node says ---------------------------------------------------------------------------------------- */

static enum status check_text(const struct parse *p, struct str at, const struct json *content,
                              const char *key, size_t max_points) {
    struct str text = json_str(json_get(content, key));

    if (text.len == 0)
        FAIL(p->e, ST_INVALID, "%.*s.%s: a text is needed", STR_ARG(at), key);
    if (utf8_count(text) > max_points)
        FAIL(p->e, ST_INVALID, "%.*s.%s: at most %zu characters", STR_ARG(at), key, max_points);
    return ST_OK;
}

static enum status check_choice(const struct parse *p, struct str at, const struct json *choice,
                                size_t max_id, size_t max_title) {
    TRY(check_text(p, at, choice, "id", max_id));
    return check_text(p, at, choice, "title", max_title);
}

static enum status check_buttons(const struct parse *p, struct str at, const struct json *content) {
    const struct json *buttons = json_get(content, "buttons");

    TRY(check_text(p, at, content, "text", 1024));
    if (json_len(buttons) < 1 || json_len(buttons) > 3)
        FAIL(p->e, ST_INVALID, "%.*s.buttons: one to three are needed", STR_ARG(at));
    for (size_t i = 0; i < json_len(buttons); i++)
        TRY(check_choice(p, arena_printf(p->a, "%.*s.buttons[%zu]", STR_ARG(at), i),
                         json_at(buttons, i), 256, 20));
    return ST_OK;
}

static enum status check_list(const struct parse *p, struct str at, const struct json *content) {
    const struct json *sections = json_get(content, "sections");
    size_t n = 0;

    TRY(check_text(p, at, content, "text", 4096));
    TRY(check_text(p, at, content, "button", 20));
    for (size_t i = 0; i < json_len(sections); i++) {
        const struct json *rows = json_get(json_at(sections, i), "rows");

        for (size_t r = 0; r < json_len(rows); r++, n++)
            TRY(check_choice(p,
                             arena_printf(p->a, "%.*s.sections[%zu].rows[%zu]", STR_ARG(at), i, r),
                             json_at(rows, r), 200, 24));
    }
    if (n < 1 || n > 10)
        FAIL(p->e, ST_INVALID, "%.*s.sections: one to ten rows in all are needed", STR_ARG(at));
    return ST_OK;
}

static enum status check_media(const struct parse *p, struct str at, const struct json *content) {
    const struct json *media = json_get(content, "media");

    if ((json_str(json_get(media, "id")).len > 0) == (json_str(json_get(media, "link")).len > 0))
        FAIL(p->e, ST_INVALID, "%.*s.media: exactly one of \"id\" and \"link\" is needed",
             STR_ARG(at));
    return ST_OK;
}

static enum status check_say(const struct parse *p, struct str at, const struct json *content) {
    static const char *const media[] = {"image", "video", "audio", "document"};
    struct str type = json_str(json_get(content, "type"));

    if (str_eq(type, STR("text")))
        return check_text(p, at, content, "text", 4096);
    if (str_eq(type, STR("buttons")))
        return check_buttons(p, at, content);
    if (str_eq(type, STR("list")))
        return check_list(p, at, content);
    for (size_t i = 0; i < ARRAY_LEN(media); i++)
        if (str_eq(type, str_of(media[i])))
            return check_media(p, at, content);
    FAIL(p->e, ST_INVALID,
         "%.*s.type: one of text, buttons, list, image, video, audio, document is needed",
         STR_ARG(at));
}

/* --- rules --------------------------------------------------------------------------------------------------------------- */

static enum status parse_go(const struct parse *p, struct str at, struct str name, size_t *ret) {
    *ret = script_find_node(p->s, name);
    if (*ret == SCRIPT_NOWHERE)
        FAIL(p->e, ST_INVALID, "%.*s: there is no node \"%.*s\"", STR_ARG(at),
             STR_ARG(utf8_cut_points(name, 40)));
    return ST_OK;
}

static enum status parse_phrases(const struct parse *p, struct str at, const struct json *list,
                                 struct script_phrases *ret) {
    *ret = (struct script_phrases){.n = json_len(list)};
    ret->at = arena_array_of(p->a, ret->n + 1, struct str);
    if (json_type(list) != JSON_ARRAY && json_type(list) != JSON_ABSENT)
        FAIL(p->e, ST_INVALID, "%.*s: a list of phrases is needed", STR_ARG(at));
    for (size_t i = 0; i < ret->n; i++) {
        ret->at[i] = script_words(p->a, json_str(json_at(list, i)));
        if (ret->at[i].len < 3)
            FAIL(p->e, ST_INVALID, "%.*s[%zu]: a phrase with a word in it is needed", STR_ARG(at),
                 i);
    }
    return ST_OK;
}

static enum status parse_rules(const struct parse *p, struct str at, const struct json *list,
                               struct script_rule **ret, size_t *ret_n) {
    *ret_n = json_len(list);
    *ret = arena_array_of(p->a, *ret_n + 1, struct script_rule);
    if (json_type(list) != JSON_ARRAY && json_type(list) != JSON_ABSENT)
        FAIL(p->e, ST_INVALID, "%.*s: a list of rules is needed", STR_ARG(at));
    for (size_t i = 0; i < *ret_n; i++) {
        const struct json *rule = json_at(list, i);
        struct str here = arena_printf(p->a, "%.*s[%zu]", STR_ARG(at), i);
        struct script_rule *r = &(*ret)[i];

        TRY(parse_phrases(p, arena_printf(p->a, "%.*s.any", STR_ARG(here)), json_get(rule, "any"),
                          &r->any));
        TRY(parse_phrases(p, arena_printf(p->a, "%.*s.all", STR_ARG(here)), json_get(rule, "all"),
                          &r->all));
        if (r->any.n + r->all.n == 0)
            FAIL(p->e, ST_INVALID, "%.*s: \"any\" or \"all\" is needed", STR_ARG(here));
        TRY(parse_go(p, arena_printf(p->a, "%.*s.go", STR_ARG(here)),
                     json_str(json_get(rule, "go")), &r->go));
    }
    return ST_OK;
}

static enum status parse_choices(const struct parse *p, struct str at, const struct json *map,
                                 struct script_node *node) {
    struct str id;
    const struct json *go;

    if (json_type(map) != JSON_OBJECT && json_type(map) != JSON_ABSENT)
        FAIL(p->e, ST_INVALID, "%.*s: an object of choice id to node is needed", STR_ARG(at));
    node->n_choices = json_len(map);
    node->choices = arena_array_of(p->a, node->n_choices + 1, struct script_choice);
    for (size_t i = 0; i < node->n_choices && json_member(map, i, &id, &go); i++) {
        node->choices[i].id = id;
        TRY(parse_go(p,
                     arena_printf(p->a, "%.*s.%.*s", STR_ARG(at), STR_ARG(utf8_cut_points(id, 40))),
                     json_str(go), &node->choices[i].go));
    }
    return ST_OK;
}

/* --- nodes --------------------------------------------------------------------------------------------------------------- */

static enum status parse_node(const struct parse *p, struct script_node *node,
                              const struct json *v) {
    struct str at = arena_printf(p->a, "nodes.%.*s", STR_ARG(utf8_cut_points(node->name, 40)));

    node->say = json_get(v, "say");
    node->handoff = json_str(json_get(v, "handoff"));
    if (json_len(node->say) > SCRIPT_MAX_SAY)
        FAIL(p->e, ST_INVALID, "%.*s.say: at most %d messages", STR_ARG(at), SCRIPT_MAX_SAY);
    if (json_len(node->say) == 0 && node->handoff.len == 0)
        FAIL(p->e, ST_INVALID,
             "%.*s: it must say something or hand off, or the person gets no answer", STR_ARG(at));
    for (size_t i = 0; i < json_len(node->say); i++)
        TRY(check_say(p, arena_printf(p->a, "%.*s.say[%zu]", STR_ARG(at), i),
                      json_at(node->say, i)));
    TRY(parse_choices(p, arena_printf(p->a, "%.*s.choices", STR_ARG(at)), json_get(v, "choices"),
                      node));
    return parse_rules(p, arena_printf(p->a, "%.*s.rules", STR_ARG(at)), json_get(v, "rules"),
                       &node->rules, &node->n_rules);
}

static enum status name_nodes(const struct parse *p, const struct json *map) {
    struct script *s = p->s;
    struct str name;
    const struct json *v;

    s->n_nodes = json_len(map);
    if (json_type(map) != JSON_OBJECT || s->n_nodes == 0 || s->n_nodes > SCRIPT_MAX_NODES)
        FAIL(p->e, ST_INVALID, "nodes: an object of 1 to %d nodes is needed", SCRIPT_MAX_NODES);
    s->nodes = arena_array_of(p->a, s->n_nodes, struct script_node);
    for (size_t i = 0; json_member(map, i, &name, &v);
         i++) /* names first: rules point forward too */
        s->nodes[i].name = name;
    return ST_OK;
}

static enum status parse_fallback(const struct parse *p, const struct json *v) {
    struct script *s = p->s;

    s->fallback_after = json_i64(json_get(v, "after"), 2);
    if (s->fallback_after < 1 || s->fallback_after > 20)
        FAIL(p->e, ST_INVALID, "fallback.after: a number from 1 to 20 is needed");
    TRY(parse_go(p, STR("fallback.go"), json_str(json_get(v, "go")), &s->fallback));
    return parse_go(p, STR("fallback.then"), json_str(json_get(v, "then")), &s->fallback_then);
}

/* JSON may hold "\\u0000"; no database, no provider and no person can. */
static bool has_nul(const struct json *v) {
    struct str text = json_str(v), key;
    const struct json *member;

    if (text.len > 0 && memchr(text.ptr, '\0', text.len))
        return true;
    for (size_t i = 0; i < json_len(v); i++) {
        if (json_type(v) == JSON_ARRAY)
            member = json_at(v, i);
        else if (!json_member(v, i, &key, &member))
            return false;
        if (has_nul(member))
            return true;
    }
    return false;
}

static enum status parse_start(const struct parse *p, const struct json *root) {
    return parse_go(p, STR("start"), json_str(json_get(root, "start")), &p->s->start);
}

static enum status parse_own_rules(const struct parse *p, const struct json *root) {
    return parse_rules(p, STR("rules"), json_get(root, "rules"), &p->s->rules, &p->s->n_rules);
}

static enum status parse_own_fallback(const struct parse *p, const struct json *root) {
    return parse_fallback(p, json_get(root, "fallback"));
}

/* What stands beside the nodes. */
static enum status (*const rest[])(const struct parse *p, const struct json *root) = {
    parse_start, parse_own_rules, parse_own_fallback};

static enum status parse_root(const struct parse *p, struct str text, const struct json **ret) {
    struct json_limits limits = JSON_LIMITS_DEFAULT;

    limits.max_bytes = SCRIPT_MAX_BYTES;
    TRY(json_parse(p->a, text, limits, ret, p->e));
    if (json_type(*ret) != JSON_OBJECT || json_i64(json_get(*ret, "version"), 0) != 1)
        FAIL(p->e, ST_INVALID, "version: a script is an object with \"version\": 1");
    if (has_nul(*ret))
        FAIL(p->e, ST_INVALID, "a text of the script holds a NUL character (\\u0000)");
    return name_nodes(p, json_get(*ret, "nodes"));
}

enum status script_parse(struct arena *a, struct str text, const struct script **ret,
                         struct err *e) {
    struct script *s = arena_new_of(a, struct script);
    const struct parse p = {.a = a, .s = s, .e = e};
    const struct json *root, *nodes, *v;
    struct str name;

    TRY(parse_root(&p, text, &root));
    nodes = json_get(root, "nodes");
    for (size_t i = 0; json_member(nodes, i, &name, &v); i++)
        TRY(parse_node(&p, &s->nodes[i], v));
    for (size_t i = 0; i < ARRAY_LEN(rest); i++)
        TRY(rest[i](&p, root));
    *ret = s;
    return ST_OK;
}

size_t script_problems(struct arena *a, struct str text, struct err *ret, size_t max) {
    struct script *s = arena_new_of(a, struct script);
    struct err spare = ERR_INIT, *at = max > 0 ? ret : &spare;
    struct parse p = {.a = a, .s = s, .e = at};
    const struct json *root, *nodes, *v;
    struct str name;
    size_t n = 0;

    *at = ERR_INIT;
    if (parse_root(&p, text, &root) != ST_OK)
        return 1;
    nodes = json_get(root, "nodes");
    for (size_t i = 0; n < max && i < s->n_nodes + ARRAY_LEN(rest); i++) {
        ret[n] = ERR_INIT;
        p.e = &ret[n];
        if (i < s->n_nodes)
            n += json_member(nodes, i, &name, &v) && parse_node(&p, &s->nodes[i], v) != ST_OK;
        else
            n += rest[i - s->n_nodes](&p, root) != ST_OK;
    }
    return n;
}
