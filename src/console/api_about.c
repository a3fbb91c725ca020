/* api_about.c - what the API says about itself.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include "console/describe.h"
#include "crypto/crypto.h"

enum { ABOUT_PER_MIN = 120 };

#define STYLE                                                                                      \
    ":root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;margin:0}"              \
    "main{max-width:56rem;margin:0 auto;padding:1rem}pre{overflow:auto;padding:.75rem;"            \
    "border:1px solid #8886;border-radius:.5rem;font-size:.85rem}nav{columns:18rem}"               \
    "nav h2{font-size:1rem;margin:.5rem 0 0;break-after:avoid}nav ul{margin:0}"                    \
    "section{border-top:1px solid #8886;margin-top:1.5rem}h4{margin:.5rem 0}.who{opacity:.8}"

static enum status write_openapi(struct req *r, struct buf *b, struct err *e) {
    size_t n = console_routes(NULL, 0);
    const struct route **routes = arena_array_of(r->arena, n, const struct route *);
    struct descriptions d;

    (void)console_routes(routes, n);
    TRY(describe_load(r->arena, &d, e));
    describe_openapi(b, r->arena, &d, routes, n);
    return ST_OK;
}

static enum status openapi_get(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = DESCRIBE_MAX_BYTES};

    (void)app;
    TRY(write_openapi(r, &b, e));
    resp_json(r, ret, 200, &b);
    return ST_OK;
}

/* The page's only style is named by its digest; nothing else is let in. */
static struct str page_policy(struct arena *a) {
    uint8_t digest[SHA256_BYTES];
    struct str hash;

    crypto_sha256(STR(STYLE), digest);
    hash = crypto_base64(a, (struct str){(const char *)digest, sizeof(digest)});
    return arena_printf(a,
                        "default-src 'none'; style-src 'sha256-%.*s'; base-uri 'none'; "
                        "form-action 'none'; frame-ancestors 'none'",
                        STR_ARG(hash));
}

static enum status page_get(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf text = {.max = DESCRIBE_MAX_BYTES};
    ATTR_CLEANUP(buf_done_p) struct buf page = {.max = DESCRIBE_MAX_BYTES};
    const struct json *openapi;

    (void)app;
    TRY(write_openapi(r, &text, e));
    TRY(json_parse(r->arena, buf_str(&text), JSON_LIMITS_DEFAULT, &openapi, e));
    describe_page(&page, openapi, STR(STYLE));
    if (page.overflown)
        FAIL(e, ST_BROKEN, "the page about the API is longer than %d bytes", DESCRIBE_MAX_BYTES);
    ret->status = 200;
    ret->content_type = STR("text/html; charset=utf-8");
    ret->body = arena_str(r->arena, buf_str(&page));
    resp_header(ret, "Content-Security-Policy", page_policy(r->arena));
    return ST_OK;
}

const struct route api_about_routes[] = {
    {HTTP_GET, "/openapi.json", openapi_get, AUTH_NONE, .rate_per_min = ABOUT_PER_MIN,
     .summary = "The API as OpenAPI 3.1"},
    {HTTP_GET, "/api", page_get, AUTH_NONE, .rate_per_min = ABOUT_PER_MIN,
     .summary = "The API for people to read"},
};
const size_t api_about_n_routes = ARRAY_LEN(api_about_routes);
