/* route.c - matching a path against the table. Invariants: 1. each node stands for one sequence
 * of segments, so a match visits a node at most once, whatever the path; 2. values are decoded
 * after the path was split, never before.
 * SPDX-License-Identifier: Apache-2.0 */
#include "httpd/route.h"

#include <string.h>

#include "httpd/inputs.h"

struct route_node {
    struct str literal;      /* of this segment; unused for a parameter */
    struct route_node *next; /* the next literal sibling */
    struct route_node *literals;
    struct route_node *param;
    const struct route *here[HTTP_METHODS]; /* paths that end here */
    const struct route *rest[HTTP_METHODS]; /* paths that go on with "{name*}" */
    bool has_here, has_rest;
};

enum segment_kind { SEGMENT_LITERAL, SEGMENT_PARAM, SEGMENT_REST, SEGMENT_BAD };

/* What a segment of a route's path is; a parameter's name goes to *ret_name. */
static enum segment_kind classify(struct str segment, struct str *ret_name) {
    struct str name;

    if (!str_starts(segment, STR("{")))
        return str_contains(segment, STR("{")) || str_contains(segment, STR("%")) ? SEGMENT_BAD
                                                                                  : SEGMENT_LITERAL;
    if (segment.len < 3 || !str_ends(segment, STR("}")))
        return SEGMENT_BAD;
    name = str_sub(segment, 1, segment.len - 2);
    if (!str_ends(name, STR("*"))) {
        *ret_name = name;
        return SEGMENT_PARAM;
    }
    *ret_name = str_sub(name, 0, name.len - 1);
    return ret_name->len > 0 ? SEGMENT_REST : SEGMENT_BAD;
}

static struct route_node *child_of(struct arena *a, struct route_node *at, struct str literal) {
    struct route_node *n;

    for (n = at->literals; n; n = n->next) {
        if (str_eq(n->literal, literal))
            return n;
    }
    n = arena_new_of(a, struct route_node);
    n->literal = literal;
    n->next = at->literals;
    at->literals = n;
    return n;
}

/* False when the path has a route of this method already. */
static bool put_route(struct route_node *at, bool is_rest, const struct route *route) {
    const struct route **slot = is_rest ? &at->rest[route->method] : &at->here[route->method];

    if (*slot)
        return false;
    *slot = route;
    at->has_rest = at->has_rest || is_rest;
    at->has_here = at->has_here || !is_rest;
    return true;
}

/* Walks to the node of path (behind its first slash), making what is missing; NULL: the path is
 * malformed. */
static struct route_node *make_node(struct arena *a, struct route_node *at, struct str path,
                                    bool *ret_is_rest) {
    size_t n_params = 0;
    bool more = true;

    *ret_is_rest = false;
    for (size_t n = 0; more; n++) {
        struct str segment, name;
        enum segment_kind kind;

        more = str_cut(&path, '/', &segment);
        kind = classify(segment, &name);
        n_params += kind != SEGMENT_LITERAL;
        if (kind == SEGMENT_BAD || n_params > ROUTE_MAX_PARAMS || n == ROUTE_MAX_SEGMENTS)
            return NULL;
        if (kind == SEGMENT_REST) {
            *ret_is_rest = true;
            return more ? NULL : at;
        }
        if (kind == SEGMENT_PARAM && !at->param)
            at->param = arena_new_of(a, struct route_node);
        at = kind == SEGMENT_PARAM ? at->param : child_of(a, at, segment);
    }
    return at;
}

static enum status add_route(struct arena *a, struct route_node *root, const struct route *route,
                             struct err *e) {
    struct str path = str_of(route->path);
    struct route_node *at;
    bool is_rest;

    if (!str_eat(&path, STR("/")))
        FAIL(e, ST_INVALID, "could not add route \"%s\": it must begin with a slash", route->path);
    at = make_node(a, root, path, &is_rest);
    if (!at)
        FAIL(e, ST_INVALID, "could not add route \"%s\": malformed path", route->path);
    if (!put_route(at, is_rest, route))
        FAIL(e, ST_INVALID, "could not add route \"%s\": it is there already", route->path);
    return ST_OK;
}

enum status route_tree_build(struct arena *a, const struct route *routes, size_t n,
                             struct route_tree *ret, struct err *e) {
    struct route_node *root = arena_new_of(a, struct route_node);

    for (size_t i = 0; i < n; i++)
        TRY(add_route(a, root, &routes[i], e));
    ret->root = root;
    return ST_OK;
}

struct walk {
    struct arena *a;
    struct route_match *match;
    bool is_malformed;
};

static bool is_dots(struct str s) {
    return str_eq(s, STR(".")) || str_eq(s, STR(".."));
}

static bool has_dots(struct str path) {
    bool more = true;

    while (more) {
        struct str segment;

        more = str_cut(&path, '/', &segment);
        if (is_dots(segment))
            return true;
    }
    return false;
}

static bool decode(struct walk *w, struct str raw, struct str *ret) {
    if (url_decode(w->a, raw, false, ret))
        return true;
    w->is_malformed = true;
    return false;
}

static bool push_value(struct walk *w, struct str value) {
    if (w->match->n_values == ROUTE_MAX_PARAMS)
        return false;
    w->match->values[w->match->n_values++] = value;
    return true;
}

static bool match_rest(struct walk *w, const struct route_node *at, struct str raw) {
    struct str value;

    if (!at->has_rest || !decode(w, raw, &value) || has_dots(value) || !push_value(w, value))
        return false;
    w->match->by_method = at->rest;
    return true;
}

static bool match_from(struct walk *w, const struct route_node *at, struct str left);

static bool match_child(struct walk *w, const struct route_node *child, bool more,
                        struct str rest) {
    if (more)
        return match_from(w, child, rest);
    if (!child->has_here)
        return false;
    w->match->by_method = child->here;
    return true;
}

static const struct route_node *find_literal(const struct route_node *at, struct str segment) {
    const struct route_node *n = at->literals;

    while (n && !str_eq(n->literal, segment))
        n = n->next;
    return n;
}

/* left begins behind a slash. The depth is that of the tree, at most ROUTE_MAX_SEGMENTS. */
static bool match_from(struct walk *w, const struct route_node *at, struct str left) {
    struct str rest = left, segment;
    bool more = str_cut(&rest, '/', &segment);
    size_t n_values = w->match->n_values;
    const struct route_node *literal;

    if (!decode(w, segment, &segment))
        return false;
    literal = find_literal(at, segment);
    if (literal && match_child(w, literal, more, rest))
        return true;
    w->match->n_values = n_values;
    if (at->param && segment.len > 0 && !is_dots(segment) && push_value(w, segment) &&
        match_child(w, at->param, more, rest))
        return true;
    w->match->n_values = n_values;
    return match_rest(w, at, left);
}

enum route_result route_tree_match(const struct route_tree *t, struct arena *a, struct str path,
                                   struct route_match *ret) {
    struct walk w = {.a = a, .match = ret};

    ret->n_values = 0;
    if (!str_eat(&path, STR("/")))
        return ROUTE_MISSING;
    if (match_from(&w, t->root, path))
        return ROUTE_FOUND;
    return w.is_malformed ? ROUTE_MALFORMED : ROUTE_MISSING;
}

bool route_param_index(const struct route *route, struct str name, size_t *ret) {
    struct str left = str_of(route->path);
    struct str segment, param = STR_EMPTY;
    size_t n = 0;
    bool more;

    do {
        more = str_cut(&left, '/', &segment);
        if (classify(segment, &param) == SEGMENT_LITERAL)
            continue;
        if (str_eq(param, name)) {
            *ret = n;
            return true;
        }
        n++;
    } while (more);
    return false;
}
