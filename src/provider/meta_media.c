/* meta_media.c - files: where one is, fetching it, uploading one.
 * An id of a webhook lasts 7 days, one of an upload 30; the url that an id stands for lasts 5 minutes
 * and takes the token. Nothing here reaches a person, so whatever is unclear may be asked again.
 * Source: Cloud API reference, "Media".
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "crypto/crypto.h"
#include "provider/meta.h"

enum {
    CODE_PARAMETER = 100, /* also "object with ID … does not exist" */
    BOUNDARY_BYTES = 16,
};

/* --- judging ---------------------------------------------------------------------------------- */

static enum media_outcome outcome_of(enum send_outcome outcome) {
    switch (outcome) {
    case SEND_ACCEPTED:
    case SEND_RETRY:
    case SEND_UNCERTAIN:
        return MEDIA_RETRY;
    case SEND_REJECTED:
        return MEDIA_REJECTED;
    case SEND_BLOCKED:
        return MEDIA_BLOCKED;
    }
    return MEDIA_RETRY;
}

/* What the table of codes says, in the words of files. */
static void judge_refusal(struct arena *a, const struct http_reply *reply,
                          struct media_answer *ret) {
    struct send_result r;

    meta_judge(a, reply, &r);
    *ret = (struct media_answer){
        .outcome = outcome_of(r.outcome),
        .size = -1,
        .retry_after_ms = r.retry_after_ms,
        .code = r.code,
        .cause = r.cause.len > 0 ? r.cause : STR("not-understood"),
        .reason = r.reason,
    };
    if (ret->outcome == MEDIA_RETRY)
        ret->reason = STR("WhatsApp did not hand the file over: it is tried again");
}

static bool is_good(const struct http_reply *reply) {
    return reply->phase == HTTP_REPLIED && reply->status >= 200 && reply->status < 300;
}

static bool is_gone(const struct http_reply *reply, const struct json *body) {
    int64_t code = json_i64(json_path(body, "error", "code", NULL), 0);

    if (reply->phase != HTTP_REPLIED)
        return false;
    return code == CODE_PARAMETER || (code == 0 && (reply->status == 404 || reply->status == 410));
}

void meta_judge_find_media(struct arena *a, const struct http_reply *reply,
                           struct media_answer *ret) {
    const struct json *body = meta_read_reply(a, reply);
    struct str url = json_str(json_get(body, "url"));

    if (is_good(reply) && url.len > 0) {
        struct str digest = json_str(json_get(body, "sha256"));

        *ret = (struct media_answer){
            .outcome = MEDIA_FOUND,
            .url = url,
            .mime = json_str(json_get(body, "mime_type")),
            .sha256 = digest.len > 0 ? meta_digest_hex(a, digest) : STR_EMPTY,
            .size = json_i64(json_get(body, "file_size"), -1),
        };
        return;
    }
    judge_refusal(a, reply, ret);
    if (!is_gone(reply, body))
        return;
    ret->outcome = MEDIA_GONE;
    ret->reason = STR("WhatsApp no longer has the file: it keeps received files for 7 days");
}

void meta_judge_put_media(struct arena *a, const struct http_reply *reply,
                          struct media_answer *ret) {
    struct str id = meta_id(a, json_get(meta_read_reply(a, reply), "id"));

    if (is_good(reply) && id.len > 0) {
        *ret = (struct media_answer){.outcome = MEDIA_FOUND, .id = id, .size = -1};
        return;
    }
    judge_refusal(a, reply, ret);
    if (ret->outcome == MEDIA_RETRY)
        ret->reason = STR("WhatsApp did not take the file: it is tried again");
}

/* --- calls ------------------------------------------------------------------------------------ */

enum status meta_find_media(struct arena *a, const struct channel *ch, struct str id,
                            struct http_call *ret, struct err *e) {
    if (id.len == 0 || str_eq(id, STR(".")) || str_eq(id, STR("..")))
        FAIL(e, ST_INVALID, "the message names no file");
    return meta_start_call(a, ch, "GET", id, "", ret, e);
}

/* The url came over the wire: only an encrypted one gets the token, unless the account itself is not
 * reached in another way (a simulator's). */
enum status meta_get_media(struct arena *a, const struct channel *ch, struct str url,
                           struct http_call *ret, struct err *e) {
    bool is_plain = str_starts(ch->base_url, STR("http://"));

    if (!str_starts(url, STR("https://")) && !(is_plain && str_starts(url, STR("http://"))))
        FAIL(e, ST_DENIED, "the file's address is not an https one");
    TRY(meta_start_call(a, ch, "GET", STR_EMPTY, "", ret, e));
    ret->url = url;
    ret->is_guarded = true;
    ret->breaker = NULL; /* another host than the Graph API */
    return ST_OK;
}

/* As RFC 7578 wants names, and without what could end the quotes. */
static struct str quoted(struct arena *a, struct str name) {
    char *out = arena_alloc(a, name.len + 1);

    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        out[i] = c == '"' || c == '\\' || (unsigned char)c < ' ' ? '_' : c;
    }
    return (struct str){.ptr = out, .len = name.len};
}

/* The bytes' own digest: no file holds that. */
static struct str boundary_of(struct arena *a, struct str bytes) {
    uint8_t digest[SHA256_BYTES];

    crypto_sha256(bytes, digest);
    return crypto_hex(a, (struct str){.ptr = (const char *)digest, .len = BOUNDARY_BYTES});
}

static char *append(char *at, struct str s) {
    if (s.len > 0)
        memcpy(at, s.ptr, s.len);
    return at + s.len;
}

enum status meta_put_media(struct arena *a, const struct channel *ch, const struct media_put *in,
                           struct http_call *ret, struct err *e) {
    struct str boundary = boundary_of(a, in->bytes);
    struct str name = quoted(a, in->file_name.len > 0 ? in->file_name : STR("file"));
    struct str mime = quoted(a, in->mime);
    struct str head, tail;
    char *body;

    if (mime.len == 0 || in->bytes.len == 0)
        FAIL(e, ST_INVALID, "the file is empty or of no known type");
    TRY(meta_start_call(a, ch, "POST", STR_EMPTY, "/media", ret, e));
    head =
        arena_printf(a,
                     "--%.*s\r\nContent-Disposition: form-data; name=\"messaging_product\"\r\n\r\n"
                     "whatsapp\r\n--%.*s\r\nContent-Disposition: form-data; name=\"type\"\r\n\r\n"
                     "%.*s\r\n--%.*s\r\nContent-Disposition: form-data; name=\"file\";"
                     " filename=\"%.*s\"\r\nContent-Type: %.*s\r\n\r\n",
                     STR_ARG(boundary), STR_ARG(boundary), STR_ARG(mime), STR_ARG(boundary),
                     STR_ARG(name), STR_ARG(mime));
    tail = arena_printf(a, "\r\n--%.*s--\r\n", STR_ARG(boundary));
    body = arena_alloc(a, head.len + in->bytes.len + tail.len);
    (void)append(append(append(body, head), in->bytes), tail);
    ret->body = (struct str){.ptr = body, .len = head.len + in->bytes.len + tail.len};
    http_call_header(ret, STR("Content-Type"),
                     arena_printf(a, "multipart/form-data; boundary=%.*s", STR_ARG(boundary)));
    return ST_OK;
}
