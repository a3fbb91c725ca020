/* problem.c - failures as problem JSON (RFC 9457). The type is stable and meant for programs;
 * the detail is for people and says nothing about a failure of ours, which the log tells under
 * the same request id.
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "httpd/internal.h"
#include "json/json.h"

enum { PROBLEM_MAX_BYTES = 2048 };

static const char *title_of(unsigned status) {
    switch (status) {
    case 400:
        return "The request is not valid";
    case 401:
        return "Sign in first";
    case 403:
        return "Not allowed";
    case 404:
        return "Not found";
    case 405:
        return "Method not allowed";
    case 408:
        return "The request took too long";
    case 409:
        return "Not possible as things stand";
    case 412:
        return "Changed meanwhile";
    case 413:
        return "The body is too large";
    case 429:
        return "Too many requests";
    case 431:
        return "The headers are too large";
    case 502:
        return "The outcome is not known";
    case 503:
        return "Not available at the moment";
    default:
        return status >= 500 ? "Something went wrong on our side" : "The request was refused";
    }
}

static unsigned status_of(const struct err *e) {
    switch (e->status) {
    case ST_NOT_FOUND:
        return 404;
    case ST_CONFLICT: /* "changed": what If-Match named is not what is there now */
        return e->cause && strcmp(e->cause, "changed") == 0 ? 412 : 409;
    case ST_INVALID:
        return 400;
    case ST_DENIED:
        return e->cause && strcmp(e->cause, "unauthenticated") == 0 ? 401 : 403;
    case ST_LIMITED:
        return 429;
    case ST_UNAVAILABLE:
        return 503;
    case ST_UNCERTAIN:
        return 502;
    case ST_OK:
    case ST_BROKEN:
        return 500;
    }
    return 500;
}

static void write_problem(const struct req *r, const struct problem *p, struct buf *b) {
    struct json_out o;

    json_out_init(&o, b);
    json_obj(&o, NULL);
    json_put_str(&o, "type", arena_printf(r->arena, "urn:prosa:problem:%s", p->slug));
    json_put_str(&o, "title", str_of(title_of(p->status)));
    json_put_i64(&o, "status", p->status);
    if (p->status < 500)
        json_put_opt(&o, "detail", p->detail);
    json_put_str(&o, "instance",
                 arena_printf(r->arena, "urn:prosa:request:%.*s", STR_ARG(r->request_id)));
    if (p->field)
        json_put_str(&o, "field", str_of(p->field));
    json_end(&o);
}

static void fill_problem(const struct req *r, struct resp *resp, const struct problem *p) {
    ATTR_CLEANUP(buf_done_p) struct buf b;

    buf_init(&b, PROBLEM_MAX_BYTES);
    write_problem(r, p, &b);
    *resp = (struct resp){.status = p->status, .content_type = STR("application/problem+json")};
    resp->body = arena_str(r->arena, b.overflown ? STR("{}") : buf_str(&b));
    if (p->status == 401)
        resp_header(resp, "WWW-Authenticate", STR("Bearer"));
}

void resp_problem(const struct req *r, struct resp *resp, const struct err *e, const char *field) {
    struct problem p = {.status = status_of(e), .detail = str_of(e->message), .field = field};

    /* The cause of a failure of ours may name what is behind us: that is for the log. */
    p.slug = p.status < 500 && e->cause ? e->cause : status_name(e->status);
    fill_problem(r, resp, &p);
    if (p.status == 429 || p.status == 503) {
        uint32_t wait_s = e->retry_after_ms / 1000 + (e->retry_after_ms % 1000 != 0);

        resp_header(resp, "Retry-After", arena_printf(r->arena, "%u", wait_s ? wait_s : 1));
    }
}

void resp_problem_add(const struct req *r, struct resp *resp, struct str object) {
    struct str members = str_trim(object);

    if (members.len <= 2 || !str_ends(resp->body, STR("}")))
        return;
    resp->body = arena_printf(r->arena, "%.*s,%.*s", (int)resp->body.len - 1, resp->body.ptr,
                              (int)members.len - 1, members.ptr + 1);
}

bool refuse(struct request *r, struct problem p) {
    fill_problem(&r->pub, &r->resp, &p);
    r->is_refused = true;
    return false;
}

bool refuse_err(struct request *r) {
    resp_problem(&r->pub, &r->resp, &r->err, NULL);
    r->is_refused = true;
    return false;
}

void resp_header(struct resp *resp, const char *name, struct str value) {
    assert(resp->n_headers < RESP_MAX_HEADERS);
    resp->headers[resp->n_headers].name = name;
    resp->headers[resp->n_headers].value = value;
    resp->n_headers++;
}

void resp_json(const struct req *r, struct resp *resp, unsigned status, const struct buf *b) {
    struct err e = ERR_INIT;

    if (b->overflown) {
        (void)err_set(&e, ST_BROKEN, __FILE__, __LINE__, "could not answer: more than %zu bytes",
                      b->max);
        log_fail(&r->log, "response too large", &e);
        resp_problem(r, resp, &e, NULL);
        return;
    }
    resp->status = status;
    resp->content_type = STR("application/json");
    resp->body = arena_str(r->arena, buf_str(b));
}

void resp_text(struct resp *resp, unsigned status, struct str text) {
    resp->status = status;
    resp->content_type = STR("text/plain; charset=utf-8");
    resp->body = text;
}
