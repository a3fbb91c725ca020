/* serve.c - a file as the answer to a request.
 *
 * A file is a stranger's bytes on our own origin. What it is, is what its bytes prove; only types that no browser runs are
 * shown inside a page, the rest is a download, and all of it is sandboxed.
 * SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "media/media.h"

/* A PDF viewer does not start inside a sandbox; a PDF has no way to our origin either. */
#define SANDBOX     "default-src 'none'; style-src 'unsafe-inline'; sandbox"
#define SANDBOX_PDF "default-src 'none'; object-src 'self'; frame-ancestors 'self'"

/* RFC 9110 §13.1.2: a list, weak or not; our tags are strong and hold no comma. */
static bool has_tag(struct str list, struct str tag) {
    struct str one;
    bool more = true;

    while (more) {
        more = str_cut(&list, ',', &one);
        one = str_trim(one);
        (void)str_eat(&one, STR("W/"));
        if (str_eq(one, STR("*")) || str_eq(one, tag))
            return true;
    }
    return false;
}

static void describe(struct req *r, struct resp *ret, const struct media *m,
                     enum media_reader reader, struct str tag) {
    bool is_ours = reader == MEDIA_TO_CONSOLE;
    bool is_inline = is_ours && media_is_inline(m->mime) && !req_has_query(r, "download");
    bool is_pdf = is_ours && str_eq(m->mime, STR("application/pdf"));

    ret->content_type = m->mime;
    resp_header(ret, "ETag", tag);
    resp_header(ret, "Accept-Ranges", STR("bytes"));
    resp_header(ret, "Cache-Control", is_ours ? STR("private, no-cache") : STR("no-store"));
    resp_header(ret, "Content-Security-Policy", is_pdf ? STR(SANDBOX_PDF) : STR(SANDBOX));
    resp_header(ret, "Cross-Origin-Resource-Policy", STR("same-origin"));
    resp_header(ret, "Content-Disposition", media_disposition(r->arena, m->file_name, is_inline));
}

/* Takes fd over. */
static void answer_range(struct req *r, struct resp *ret, struct str tag, int fd, uint64_t size) {
    struct str if_range = req_header(r, "If-Range");
    struct str header = req_header(r, "Range");
    uint64_t from = 0, len = size;
    enum media_range range = MEDIA_RANGE_WHOLE;

    if (header.len > 0 && (if_range.len == 0 || str_eq(if_range, tag)))
        range = media_range(header, size, &from, &len);
    switch (range) {
    case MEDIA_RANGE_WHOLE:
        resp_file(ret, fd, 0, size);
        return;
    case MEDIA_RANGE_PART:
        ret->status = 206;
        resp_header(ret, "Content-Range",
                    arena_printf(r->arena, "bytes %llu-%llu/%llu", (unsigned long long)from,
                                 (unsigned long long)(from + len - 1), (unsigned long long)size));
        resp_file(ret, fd, from, len);
        return;
    case MEDIA_RANGE_BEYOND:
        (void)close(fd);
        ret->status = 416;
        resp_header(ret, "Content-Range",
                    arena_printf(r->arena, "bytes */%llu", (unsigned long long)size));
        return;
    }
}

/* NOLINTNEXTLINE(readability-function-size): what, to whom and how */
enum status media_serve(const struct media_deps *deps, struct req *r, const struct media *m,
                        enum media_reader reader, struct resp *ret, struct err *e) {
    struct str tag;
    uint64_t size;
    int fd;

    TRY(media_open(deps, m, &fd, &size, e));
    tag = arena_printf(r->arena, "\"%.*s\"", STR_ARG(m->sha256));
    describe(r, ret, m, reader, tag);
    if (req_header(r, "If-None-Match").len > 0 && has_tag(req_header(r, "If-None-Match"), tag)) {
        (void)close(fd);
        ret->status = 304;
        return ST_OK;
    }
    answer_range(r, ret, tag, fd, size);
    return ST_OK;
}
