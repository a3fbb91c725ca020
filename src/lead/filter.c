/* filter.c - reads a filter's JSON.
 * SPDX-License-Identifier: Apache-2.0 */
#include "lead/filter.h"

#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"

enum { /* of an operator, as bits of those a field knows */
       TEXTS = 1 << OP_IS | 1 << OP_NOT | 1 << OP_IN | 1 << OP_CONTAINS | 1 << OP_STARTS |
               1 << OP_EXISTS | 1 << OP_MISSING,
       CHOICES = 1 << OP_IS | 1 << OP_NOT | 1 << OP_IN,
       TIMES = 1 << OP_GT | 1 << OP_LT | 1 << OP_EXISTS | 1 << OP_MISSING,
       FLAGS = 1 << OP_IS,
};

static const struct {
    const char *name;
    unsigned ops;
} fields[] = {
    [ON_STATE] = {"state", CHOICES},
    [ON_TAG] = {"tag", TEXTS},
    [ON_NAME] = {"name", TEXTS},
    [ON_COMPANY] = {"company", TEXTS},
    [ON_DOCUMENT] = {"document", TEXTS},
    [ON_PHONE] = {"phone", TEXTS},
    [ON_EMAIL] = {"email", TEXTS},
    [ON_SOURCE] = {"source", TEXTS},
    [ON_CREATED] = {"created_at", TIMES},
    [ON_UPDATED] = {"updated_at", TIMES},
    [ON_HEARD] = {"last_inbound_at", TIMES},
    [ON_DISPATCH] = {"valid_for_dispatch", FLAGS},
    [ON_OPTED_OUT] = {"opted_out", FLAGS},
    [ON_CUSTOM] = {"field.", TEXTS | 1 << OP_GT | 1 << OP_LT},
};
static const char *const ops[] = {
    [OP_IS] = "is",           [OP_NOT] = "not", [OP_IN] = "in", [OP_CONTAINS] = "contains",
    [OP_STARTS] = "starts",   [OP_GT] = "gt",   [OP_LT] = "lt", [OP_EXISTS] = "exists",
    [OP_MISSING] = "missing",
};

struct parsing {
    struct arena *a;
    struct lead_filter *filter;
    size_t n_conditions;
};

static enum status parse_field(struct parsing *p, struct filter_node *node, struct str name,
                               struct err *e) {
    for (size_t i = 0; i < ON_CUSTOM; i++) {
        if (str_eq(name, str_of(fields[i].name))) {
            node->field = (enum filter_field)i;
            p->filter->needs_phones |= i == ON_PHONE || i == ON_DISPATCH;
            p->filter->needs_emails |= i == ON_EMAIL;
            return ST_OK;
        }
    }
    node->field = ON_CUSTOM;
    node->custom = name;
    if (str_eat(&node->custom, STR("field.")) && node->custom.len > 0)
        return ST_OK;
    FAIL(e, ST_INVALID, "filter: no field \"%.*s\"", STR_ARG(utf8_cut_bytes(name, 60)));
}

static enum status parse_op(struct filter_node *node, struct str name, struct err *e) {
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        if (!str_eq(name, str_of(ops[i])))
            continue;
        node->op = (enum filter_op)i;
        if (fields[node->field].ops & 1u << i)
            return ST_OK;
        FAIL(e, ST_INVALID, "filter: \"%s\" does not go with field \"%s\"", ops[i],
             fields[node->field].name);
    }
    FAIL(e, ST_INVALID, "filter: no operator \"%.*s\"", STR_ARG(utf8_cut_bytes(name, 40)));
}

/* As rows are compared: numbers by their digits, documents by digits and capitals, the rest folded. */
static struct str comparable(struct arena *a, enum filter_field field, struct str text) {
    char *out;
    size_t n = 0;

    text = str_trim(text);
    if (field == ON_STATE || field == ON_SOURCE)
        return text;
    if (field != ON_PHONE && field != ON_DOCUMENT)
        return utf8_fold(a, text);
    out = arena_alloc(a, text.len + 1);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool is_digit = c >= '0' && c <= '9';
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (is_digit)
            out[n++] = c;
        else if (is_letter && field == ON_DOCUMENT)
            out[n++] = (char)(c & ~0x20);
    }
    return (struct str){.ptr = out, .len = n};
}

static enum status add_value(struct parsing *p, struct filter_node *node, const struct json *value,
                             struct err *e) {
    struct buf b;
    struct str text = json_str(value);

    if (json_type(value) == JSON_INT || json_type(value) == JSON_REAL) {
        node->number = json_real(value, (double)json_i64(value, 0));
        node->is_number = true;
        buf_init(&b, 64);
        json_write(&b, value);
        text = arena_str(p->a, buf_str(&b));
        buf_done(&b);
    } else if (json_type(value) != JSON_STRING) {
        FAIL(e, ST_INVALID, "filter: the value of \"%s\" must be a text", fields[node->field].name);
    }
    text = comparable(p->a, node->field, text);
    if (node->field == ON_STATE && !lead_is_state(text))
        FAIL(e, ST_INVALID, "filter: no state \"%.*s\"", STR_ARG(utf8_cut_bytes(text, 40)));
    if (text.len == 0)
        FAIL(e, ST_INVALID, "filter: \"%s\" needs a value", fields[node->field].name);
    node->values[node->n++] = text;
    return ST_OK;
}

static enum status parse_time(struct filter_node *node, const struct json *value, struct err *e) {
    if (json_type(value) == JSON_INT)
        node->at_ms = json_i64(value, 0);
    else if (!clock_parse_iso(json_str(value), &node->at_ms))
        FAIL(e, ST_INVALID,
             "filter: \"%s\" wants a time like \"2026-01-31\" or "
             "\"2026-01-31T12:00:00Z\"",
             fields[node->field].name);
    return ST_OK;
}

static enum status parse_value(struct parsing *p, struct filter_node *node,
                               const struct json *value, struct err *e) {
    bool is_many = node->op == OP_IN;
    size_t n = is_many ? json_len(value) : 1;

    if (node->op == OP_EXISTS || node->op == OP_MISSING)
        return ST_OK;
    if (fields[node->field].ops == FLAGS) {
        if (json_type(value) != JSON_BOOL)
            FAIL(e, ST_INVALID, "filter: \"%s\" is true or false", fields[node->field].name);
        node->flag = json_bool(value, false);
        return ST_OK;
    }
    if (fields[node->field].ops == TIMES)
        return parse_time(node, value, e);
    if (is_many && (json_type(value) != JSON_ARRAY || n == 0 || n > FILTER_VALUES_MAX))
        FAIL(e, ST_INVALID, "filter: \"in\" wants a list of 1 to %d values", FILTER_VALUES_MAX);
    node->values = arena_array_of(p->a, n, struct str);
    for (size_t i = 0; i < n; i++)
        TRY(add_value(p, node, is_many ? json_at(value, i) : value, e));
    return ST_OK;
}

static enum status parse_condition(struct parsing *p, struct filter_node *node,
                                   const struct json *in, struct err *e) {
    node->kind = FILTER_CONDITION;
    if (++p->n_conditions > FILTER_CONDITIONS_MAX)
        FAIL(e, ST_INVALID, "filter: at most %d conditions", FILTER_CONDITIONS_MAX);
    TRY(parse_field(p, node, json_str(json_get(in, "field")), e));
    TRY(parse_op(node, json_str(json_get(in, "op")), e));
    return parse_value(p, node, json_get(in, "value"), e);
}

static enum status parse_node(struct parsing *p, struct filter_node *node, const struct json *in,
                              unsigned depth, struct err *e) {
    const struct json *all = json_get(in, "all"), *any = json_get(in, "any");
    const struct json *list = all ? all : any;

    if (json_type(in) != JSON_OBJECT || (all && any))
        FAIL(e, ST_INVALID, "filter: an object with \"all\", \"any\" or \"field\"");
    if (!list)
        return parse_condition(p, node, in, e);
    if (depth >= FILTER_DEPTH_MAX || json_type(list) != JSON_ARRAY ||
        json_len(list) > FILTER_CONDITIONS_MAX)
        FAIL(e, ST_INVALID, "filter: \"all\" and \"any\" hold lists, at most %d deep",
             FILTER_DEPTH_MAX);
    node->kind = all ? FILTER_ALL : FILTER_ANY;
    node->n = json_len(list);
    node->children = arena_array_of(p->a, node->n + 1, struct filter_node);
    for (size_t i = 0; i < node->n; i++)
        TRY(parse_node(p, &node->children[i], json_at(list, i), depth + 1, e));
    return ST_OK;
}

enum status lead_filter_parse(struct arena *a, const struct json *filter, struct lead_filter **ret,
                              struct err *e) {
    struct parsing p = {.a = a, .filter = arena_new_of(a, struct lead_filter)};

    *ret = p.filter;
    p.filter->root.kind = FILTER_ALL; /* of nothing: everybody */
    if (!filter || json_type(filter) == JSON_NULL ||
        (json_type(filter) == JSON_OBJECT && json_len(filter) == 0))
        return ST_OK;
    return parse_node(&p, &p.filter->root, filter, 0, e);
}

static bool is_walkable(const struct filter_node *node) {
    return node->kind == FILTER_CONDITION && node->op == OP_IS &&
           (node->field == ON_STATE || node->field == ON_TAG);
}

struct lead_walk filter_walk(const struct lead_filter *filter, bool *ret_is_exact) {
    const struct filter_node *root = &filter->root, *best = NULL;
    struct lead_walk walk = {.order = WALK_ID};
    size_t n = root->kind == FILTER_CONDITION ? 1 : root->n;
    bool is_all = root->kind != FILTER_ANY || n == 1;

    for (size_t i = 0; i < n && is_all; i++) {
        const struct filter_node *node = root->kind == FILTER_CONDITION ? root : &root->children[i];

        /* A tag tells more than a state. */
        if (is_walkable(node) && (!best || node->field == ON_TAG))
            best = node;
    }
    *ret_is_exact = n == 0 ? is_all : n == 1 && best;
    if (best && best->field == ON_STATE)
        walk.state = best->values[0];
    else if (best)
        walk.tag = best->values[0];
    return walk;
}
