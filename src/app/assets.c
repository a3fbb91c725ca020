/* assets.c - the console's files, built into the program. Names carry a hash, so browsers keep them for ever; only the index is
 * asked for anew.
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

enum status app_asset(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    struct str path = str_eq(r->path, STR("/")) ? STR("/index.html") : r->path;
    const struct asset *file = find(path);
    bool is_index = str_ends(path, STR(".html"));

    (void)app;
    if (!file)
        FAIL(e, ST_NOT_FOUND, "no such file");
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
