/* route.h - the route table as a tree of path segments. Built once, then read by any thread.
 * Private to httpd.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "httpd/httpd.h"

enum {
    HTTP_METHODS = HTTP_OPTIONS + 1,
    ROUTE_MAX_PARAMS = 8,
    ROUTE_MAX_SEGMENTS = 16,
};

struct route_node;

struct route_tree {
    struct route_node *root;
};

struct route_match {
    const struct route *const
        *by_method; /* HTTP_METHODS entries, NULL where the path has no such method */
    struct str values[ROUTE_MAX_PARAMS]; /* of the parameters from left to right, decoded */
    size_t n_values;
};

enum route_result {
    ROUTE_FOUND,
    ROUTE_MISSING,
    ROUTE_MALFORMED, /* a segment does not decode */
};

/* The tree lives in a, the routes stay the caller's. ST_INVALID: a path is malformed or stands
 * twice for one method. */
enum status route_tree_build(struct arena *a, const struct route *routes, size_t n,
                             struct route_tree *ret, struct err *e) ATTR_MUST_CHECK;

/* path is still percent-encoded, so that "%2F" stays inside its segment; decoded values live in
 * a or are views of path. A literal segment wins over a parameter, a parameter over "{name*}";
 * that one also matches nothing ("/assets/"). "." and ".." as a segment match nothing. */
enum route_result route_tree_match(const struct route_tree *t, struct arena *a, struct str path,
                                   struct route_match *ret);

/* Which value belongs to the parameter of this name in route->path; false when there is none. */
bool route_param_index(const struct route *route, struct str name, size_t *ret);
