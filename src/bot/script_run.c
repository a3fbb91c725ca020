/* script_run.c - one step of a script: from what was written and where the talk stood to what is said next.
 * SPDX-License-Identifier: Apache-2.0 */
#include "bot/script_check.h"

#include "base/utf8.h"

struct step {
    struct arena *a;
    const struct script *s;
    const struct script_input *in;
    struct str words;
    size_t node;    /* where the talk stood; SCRIPT_NOWHERE at first */
    int64_t misses; /* answers in a row that matched nothing */
    struct str because;
    struct str type; /* of the content being written */
};

enum { /* room for what is made of a script: its own size, and names */
       CONTENT_MAX_BYTES = 4 * SCRIPT_MAX_BYTES,
       STATE_MAX_BYTES = 2 * SCRIPT_MAX_BYTES,
};

static bool phrases_any(struct str words, const struct script_phrases *list) {
    for (size_t i = 0; i < list->n; i++)
        if (str_contains(words, list->at[i]))
            return true;
    return list->n == 0;
}

static bool phrases_all(struct str words, const struct script_phrases *list) {
    for (size_t i = 0; i < list->n; i++)
        if (!str_contains(words, list->at[i]))
            return false;
    return true;
}

static bool match_rules(struct step *st, const struct script_rule *rules, size_t n,
                        const char *where, size_t *ret) {
    for (size_t i = 0; i < n; i++)
        if (phrases_any(st->words, &rules[i].any) && phrases_all(st->words, &rules[i].all)) {
            st->because = arena_printf(st->a, "%s rule %zu", where, i + 1);
            *ret = rules[i].go;
            return true;
        }
    return false;
}

static bool match_choice_of(struct step *st, size_t node, size_t *ret) {
    const struct script_node *n = &st->s->nodes[node];

    for (size_t i = 0; i < n->n_choices; i++)
        if (str_eq(n->choices[i].id, st->in->choice)) {
            st->because = STR("choice");
            *ret = n->choices[i].go;
            return true;
        }
    return false;
}

/* The current node's buttons first; then any other's, since a person may tap a button further up. */
static bool match_choice(struct step *st, size_t *ret) {
    if (st->in->choice.len == 0)
        return false;
    if (st->node != SCRIPT_NOWHERE && match_choice_of(st, st->node, ret))
        return true;
    for (size_t i = 0; i < st->s->n_nodes; i++)
        if (match_choice_of(st, i, ret))
            return true;
    return false;
}

static size_t next_node(struct step *st) {
    size_t to = SCRIPT_NOWHERE;

    if (match_choice(st, &to) ||
        (st->node != SCRIPT_NOWHERE && match_rules(st, st->s->nodes[st->node].rules,
                                                   st->s->nodes[st->node].n_rules, "node", &to)) ||
        match_rules(st, st->s->rules, st->s->n_rules, "script", &to)) {
        st->misses = 0;
        return to;
    }
    if (st->node == SCRIPT_NOWHERE) {
        st->because = STR("start");
        return st->s->start;
    }
    st->misses++;
    st->because = STR("fallback");
    return st->misses >= st->s->fallback_after ? st->s->fallback_then : st->s->fallback;
}

static struct str first_name(struct str name) {
    struct str head, rest = str_trim(name);

    str_cut(&rest, ' ', &head);
    return head;
}

/* Copies v with "{{name}}" filled in every text. */
static void write_filled(struct json_out *o, const char *key, const struct json *v,
                         struct step *st);

/* What the check of a script allowed without a name holds with any name. */
static size_t most_points(const struct step *st, const char *key) {
    bool is_buttons = str_eq(st->type, STR("buttons"));

    if (key && strcmp(key, "title") == 0)
        return is_buttons ? 20 : 24;
    if (key && strcmp(key, "button") == 0)
        return 20;
    if (key && strcmp(key, "text") == 0 && !is_buttons)
        return 4096;
    return 1024;
}

static struct str fill(struct step *st, const char *key, struct str text) {
    struct buf b;
    struct str name = first_name(st->in->name);

    if (!str_contains(text, STR("{{name}}")))
        return text;
    buf_init(&b, 32u << 10);
    while (text.len > 0 && !b.overflown) {
        if (str_eat(&text, STR("{{name}}"))) {
            buf_add(&b, name);
        } else {
            buf_add_char(&b, text.ptr[0]);
            text = str_sub(text, 1, text.len - 1);
        }
    }
    text = utf8_cut_points(utf8_cut_bytes(arena_str(st->a, buf_str(&b)), 16u << 10),
                           most_points(st, key));
    buf_done(&b);
    return text;
}

static void write_object(struct json_out *o, const char *key, const struct json *v,
                         struct step *st) {
    struct str name;
    const struct json *member;

    json_obj(o, key);
    for (size_t i = 0; json_member(v, i, &name, &member); i++)
        if (!str_eq(name, STR("type")) || key || o->depth > 1)
            write_filled(o, arena_cstr(st->a, name), member, st);
    json_end(o);
}

static void write_filled(struct json_out *o, const char *key, const struct json *v,
                         struct step *st) {
    switch (json_type(v)) {
    case JSON_OBJECT:
        write_object(o, key, v, st);
        return;
    case JSON_ARRAY:
        json_arr(o, key);
        for (size_t i = 0; i < json_len(v); i++)
            write_filled(o, NULL, json_at(v, i), st);
        json_end(o);
        return;
    case JSON_STRING:
        json_put_str(o, key, fill(st, key, json_str(v)));
        return;
    case JSON_ABSENT:
    case JSON_NULL:
    case JSON_BOOL:
    case JSON_INT:
    case JSON_REAL:
        json_put_json(o, key, v);
        return;
    }
}

static struct str write_content(struct step *st, const struct json *content) {
    struct buf b;
    struct json_out o;

    buf_init(&b, CONTENT_MAX_BYTES);
    json_out_init(&o, &b);
    write_object(&o, NULL, content, st);

    struct str text = b.overflown ? STR_EMPTY : arena_str(st->a, buf_str(&b));

    buf_done(&b);
    return text;
}

static struct script_say say_of(struct step *st, const struct json *content) {
    struct script_say say = {.type = json_str(json_get(content, "type"))};

    st->type = say.type;
    say.content = write_content(st, content);
    if (say.content.len == 0) { /* filled to the brim with names: then without */
        const struct script_input unnamed = {.text = st->in->text};
        struct step plain = *st;

        plain.in = &unnamed;
        say.content = write_content(&plain, content);
    }
    return say;
}

static void read_state(struct step *st) {
    const struct json *state;
    struct err ignored = ERR_INIT;

    st->node = SCRIPT_NOWHERE;
    if (st->in->state.len == 0 ||
        json_parse(st->a, st->in->state, JSON_LIMITS_DEFAULT, &state, &ignored) != ST_OK)
        return;
    st->node = script_find_node(
        st->s, json_str(json_get(state, "node"))); /* the script may have changed */
    st->misses = json_i64(json_get(state, "misses"), 0);
}

static struct str write_state(struct step *st, size_t node) {
    struct buf b;
    struct json_out o;

    buf_init(&b, STATE_MAX_BYTES);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_str(&o, "node", st->s->nodes[node].name);
    json_put_i64(&o, "misses", st->misses);
    json_end(&o);

    struct str text = b.overflown ? STR_EMPTY : arena_str(st->a, buf_str(&b));

    buf_done(&b);
    return text;
}

void script_run(struct arena *a, const struct script *s, const struct script_input *in,
                struct script_output *ret) {
    struct step st = {.a = a, .s = s, .in = in, .words = script_words(a, in->text)};

    read_state(&st);

    size_t to = next_node(&st);
    const struct script_node *node = &s->nodes[to];

    *ret = (struct script_output){
        .n_say = json_len(node->say),
        .handoff = node->handoff,
        .node = node->name,
        .because = st.because,
        .state = write_state(&st, to),
    };
    ret->say = arena_array_of(a, ret->n_say + 1, struct script_say);
    for (size_t i = 0; i < ret->n_say; i++)
        ret->say[i] = say_of(&st, json_at(node->say, i));
}
