/* assets.c - the console's files, built into the program, those that gain by it also as "<name>.gz", which is what a browser gets.
 * Names carry a hash, so browsers keep them for ever; only the index is asked for anew.
 * SPDX-License-Identifier: Apache-2.0 */
#include "assets/assets.h"
#include "app/app.h"

static const struct {
    const char *ending;
    const char *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".woff2", "font/woff2"},
    {".json", "application/json"},
    {".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {".webmanifest", "application/manifest+json"},
};

static const struct asset *find(struct str path) {
    for (size_t i = 0; i < assets_count; i++)
        if (str_eq(str_of(assets_table[i].path), path))
            return &assets_table[i];
    return NULL;
}

static struct str type_of(struct str path) {
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (str_ends(path, str_of(types[i].ending)))
            return str_of(types[i].type);
    return STR("application/octet-stream");
}

/* RFC 9110 §12.5.3, as far as browsers use it: gzip is named, and not with a weight of 0. */
static bool takes_gzip(struct str accepted) {
    while (accepted.len > 0) {
        struct str one, name;

        (void)str_cut(&accepted, ',', &one);
        (void)str_cut(&one, ';', &name);
        one = str_trim(one);
        if (str_eq(str_trim(name), STR("gzip")))
            return !str_eq(one, STR("q=0")) && !str_starts(one, STR("q=0.0"));
    }
    return false;
}

static const struct asset *find_packed(const struct req *r, struct str path) {
    return takes_gzip(req_header(r, "accept-encoding"))
               ? find(arena_printf(r->arena, "%.*s.gz", STR_ARG(path)))
               : NULL;
}

static bool is_plain_host(struct str host) {
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '.' && c != '-' && c != ':' && c != '[' && c != ']')
            return false;
    }
    return host.len > 0;
}

/* Files of ours only. 'self' is not the WebSocket's scheme to every browser, so it is named. */
static struct str console_policy(const struct req *r) {
    struct str host = req_header(r, "host");
    struct str live = STR_EMPTY;

    if (is_plain_host(host))
        live = arena_printf(r->arena, " ws%s://%.*s", r->is_secure ? "s" : "", STR_ARG(host));
    return arena_printf(r->arena,
                        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
                        "manifest-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
                        "connect-src 'self'%.*s; frame-ancestors 'none'; base-uri 'none'; "
                        "form-action 'self'",
                        STR_ARG(live));
}

enum status app_console(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    const struct asset *file = find(STR("/index.html"));

    (void)app;
    if (!file)
        FAIL(e, ST_NOT_FOUND, "this program was built without the console");
    ret->status = 200;
    ret->content_type = STR("text/html; charset=utf-8");
    ret->body = (struct str){(const char *)file->data, file->len};
    resp_header(ret, "Cache-Control", STR("no-store"));
    resp_header(ret, "Content-Security-Policy", console_policy(r));
    resp_header(ret, "Cross-Origin-Opener-Policy", STR("same-origin"));
    resp_header(ret, "X-Frame-Options", STR("DENY"));
    return ST_OK;
}

enum status app_to_console(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    (void)app;
    (void)r;
    (void)e;
    ret->status = 302;
    resp_header(ret, "Location", STR("/app/"));
    return ST_OK;
}

enum status app_asset(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    struct str path = str_eq(r->path, STR("/")) ? STR("/index.html") : r->path;
    const struct asset *file = find(path), *packed = find_packed(r, path);
    bool is_index = str_ends(path, STR(".html"));

    (void)app;
    if (!file)
        FAIL(e, ST_NOT_FOUND, "no such file");
    resp_header(ret, "Vary", STR("Accept-Encoding"));
    if (packed) {
        file = packed;
        resp_header(ret, "Content-Encoding", STR("gzip"));
    }
    resp_header(ret, "ETag", str_of(file->etag));
    resp_header(ret, "Cache-Control",
                is_index ? STR("no-cache") : STR("public, max-age=31536000, immutable"));
    if (str_eq(req_header(r, "If-None-Match"), str_of(file->etag))) {
        ret->status = 304;
        return ST_OK;
    }
    ret->status = 200;
    ret->content_type = type_of(path);
    ret->body = (struct str){(const char *)file->data, file->len};
    return ST_OK;
}
