/* filter_judge.c - whether a filter takes a row.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"
#include "lead/filter.h"

/* text: as comparable() of filter.c leaves a value. */
static bool text_holds(const struct filter_node *n, struct str text) {
    switch (n->op) {
    case OP_IS:
    case OP_NOT: /* of a list: none of them is; the caller turns the answer */
        return str_eq(text, n->values[0]);
    case OP_IN:
        for (size_t i = 0; i < n->n; i++) {
            if (str_eq(text, n->values[i]))
                return true;
        }
        return false;
    case OP_CONTAINS:
        return str_contains(text, n->values[0]);
    case OP_STARTS:
        return str_starts(text, n->values[0]);
    case OP_EXISTS:
    case OP_MISSING:
        return text.len > 0;
    case OP_GT:
    case OP_LT:
        return false;
    }
    return false;
}

/* "not" and "missing" are their opposites turned. */
static bool turned(const struct filter_node *n, bool holds) {
    return n->op == OP_NOT || n->op == OP_MISSING ? !holds : holds;
}

static bool time_holds(const struct filter_node *n, int64_t at_ms) {
    if (n->op == OP_EXISTS || n->op == OP_MISSING)
        return turned(n, at_ms != 0);
    if (at_ms == 0)
        return false;
    return n->op == OP_GT ? at_ms > n->at_ms : at_ms < n->at_ms;
}

static bool tags_hold(struct arena *a, const struct filter_node *n, struct str tags) {
    const struct json *list = NULL;
    struct err why = ERR_INIT;
    bool holds = false;

    if (tags.len > 2 && json_parse(a, tags, JSON_LIMITS_DEFAULT, &list, &why) != ST_OK)
        list = NULL;
    for (size_t i = 0; i < json_len(list) && !holds; i++)
        holds = text_holds(n, utf8_fold(a, json_str(json_at(list, i))));
    return turned(n, holds);
}

static bool phones_hold(const struct filter_node *n, const struct lead_row *row) {
    bool holds = false;

    for (size_t i = 0; i < row->n_phones && !holds; i++)
        holds = text_holds(n, row->phones[i].e164);
    return turned(n, holds);
}

static bool emails_hold(const struct filter_node *n, const struct lead_row *row) {
    bool holds = false;

    for (size_t i = 0; i < row->n_emails && !holds; i++)
        holds = text_holds(n, row->emails[i].address);
    return turned(n, holds);
}

static bool has_dispatchable(const struct lead_row *row) {
    for (size_t i = 0; i < row->n_phones; i++) {
        if (row->phones[i].is_dispatchable)
            return true;
    }
    return false;
}

/* A number as people here write it: "1.234,56", "R$ 10", "1234.56"; false when it is none. */
static bool number_of(struct str s, double *ret) {
    double whole = 0, part = 0, scale = 1;
    bool has_digit = false, is_negative = false, in_part = false;
    size_t last = s.len;

    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == ',' || s.ptr[i] == '.')
            last = i;
    }
    /* The last mark parts the whole from the rest unless three digits follow a point. */
    if (last < s.len && s.ptr[last] == '.' && s.len - last == 4)
        last = s.len;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (c >= '0' && c <= '9') {
            has_digit = true;
            if (in_part)
                part += (c - '0') * (scale /= 10);
            else
                whole = whole * 10 + (c - '0');
        } else if (i == last) {
            in_part = true;
        } else if (c == '-' && !has_digit) {
            is_negative = true;
        } else if (has_digit && c != '.' && c != ',' && c != ' ') {
            return false;
        }
    }
    *ret = is_negative ? -(whole + part) : whole + part;
    return has_digit;
}

static bool compare(const struct filter_node *n, struct str text) {
    double number, limit = n->number;

    /* Dates as "2026-01-31" sort as texts do. */
    if (n->is_number || number_of(n->values[0], &limit)) {
        if (!str_contains(text, STR("-")) && number_of(text, &number))
            return n->op == OP_GT ? number > limit : number < limit;
    }
    return text.len > 0 &&
           (n->op == OP_GT ? str_cmp(text, n->values[0]) > 0 : str_cmp(text, n->values[0]) < 0);
}

static bool field_holds(struct arena *a, const struct filter_node *n, struct str fields) {
    const struct json *object = NULL, *value = NULL, *member;
    struct err why = ERR_INIT;
    struct str text, key, folded = utf8_fold(a, n->custom);
    struct buf b;

    if (fields.len > 2 && json_parse(a, fields, JSON_LIMITS_DEFAULT, &object, &why) != ST_OK)
        object = NULL;
    for (size_t i = 0; json_member(object, i, &key, &member) && !value; i++) {
        if (str_eq(utf8_fold(a, key), folded))
            value = member;
    }
    text = json_str(value);
    if (json_type(value) != JSON_STRING && json_type(value) > JSON_NULL) {
        buf_init(&b, LEAD_FIELDS_BYTES);
        json_write(&b, value);
        text = arena_str(a, buf_str(&b));
        buf_done(&b);
    }
    text = utf8_fold(a, str_trim(text));
    if (n->op == OP_GT || n->op == OP_LT)
        return compare(n, text);
    return turned(n, text_holds(n, text));
}

static bool condition_holds(struct arena *a, const struct filter_node *n,
                            const struct lead_row *row) {
    switch (n->field) {
    case ON_STATE:
        return turned(n, text_holds(n, row->state));
    case ON_TAG:
        return tags_hold(a, n, row->tags);
    case ON_NAME:
        return turned(n, text_holds(n, utf8_fold(a, row->name)));
    case ON_COMPANY:
        return turned(n, text_holds(n, utf8_fold(a, row->company)));
    case ON_DOCUMENT:
        return turned(n, text_holds(n, row->document));
    case ON_PHONE:
        return phones_hold(n, row);
    case ON_EMAIL:
        return emails_hold(n, row);
    case ON_SOURCE:
        return turned(n, text_holds(n, row->source));
    case ON_CREATED:
        return time_holds(n, row->created_at_ms);
    case ON_UPDATED:
        return time_holds(n, row->updated_at_ms);
    case ON_HEARD:
        return time_holds(n, row->last_inbound_at_ms);
    case ON_DISPATCH:
        return has_dispatchable(row) == n->flag;
    case ON_OPTED_OUT:
        return (row->marketing_stopped_at_ms != 0 || str_eq(row->state, STR("opted_out"))) ==
               n->flag;
    case ON_CUSTOM:
        return field_holds(a, n, row->fields);
    }
    return false;
}

bool filter_takes(struct arena *scratch, const struct filter_node *node,
                  const struct lead_row *row) {
    bool is_all = node->kind == FILTER_ALL;

    if (node->kind == FILTER_CONDITION)
        return condition_holds(scratch, node, row);
    for (size_t i = 0; i < node->n; i++) { /* as deep as FILTER_DEPTH_MAX */
        if (filter_takes(scratch, &node->children[i], row) != is_all)
            return !is_all;
    }
    return is_all;
}
