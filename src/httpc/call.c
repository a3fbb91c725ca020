/* call.c - building a call, reading and copying a reply.
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "httpc/httpc.h"

void http_call_header(struct http_call *c, struct str name, struct str value) {
    assert(c->n_headers < HTTP_MAX_HEADERS);
    c->headers[c->n_headers++] = (struct http_header){.name = name, .value = value};
}

struct str http_reply_header(const struct http_reply *r, const char *name) {
    for (size_t i = 0; i < r->n_headers; i++) {
        if (str_eq_nocase(r->headers[i].name, str_of(name)))
            return r->headers[i].value;
    }
    return STR_EMPTY;
}

void http_reply_copy(struct arena *a, const struct http_reply *from, struct http_reply *ret) {
    *ret = *from;
    ret->body = arena_str(a, from->body);
    ret->failure = arena_str(a, from->failure);
    ret->headers = arena_array_of(a, from->n_headers, struct http_header);
    for (size_t i = 0; i < from->n_headers; i++) {
        ret->headers[i].name = arena_str(a, from->headers[i].name);
        ret->headers[i].value = arena_str(a, from->headers[i].value);
    }
}
