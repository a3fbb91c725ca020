/* twilio_template.c - Content templates and whether WhatsApp approved them.
 * Source: Content API reference, "ContentAndApprovals".
 * SPDX-License-Identifier: Apache-2.0 */
#include "provider/lenient.h"
#include "provider/twilio.h"

#define CONTENT_API  "https://content.twilio.com"
#define CONTENT_PATH "/v1/ContentAndApprovals"

enum { PAGE_REPLY_BYTES = 4 << 20, REPLY_MAX_DEPTH = 24, TYPES_MAX_BYTES = 256 << 10 };

/* after: the query of the page, as Twilio gave it. */
enum status twilio_list_templates(struct arena *a, const struct channel *ch, struct str after,
                                  struct http_call *ret, struct err *e) {
    if (after.len == 0)
        after = STR("PageSize=100");
    TRY(twilio_start_call(a, ch, "GET", CONTENT_API,
                          arena_printf(a, CONTENT_PATH "?%.*s", STR_ARG(after)), ret, e));
    ret->max_reply_bytes = PAGE_REPLY_BYTES;
    return ST_OK;
}

static struct str status_of(struct str word) {
    static const struct {
        const char *word, *status;
    } words[] = {
        {"approved", "approved"}, {"received", "pending"},    {"pending", "pending"},
        {"paused", "paused"},     {"unsubmitted", "pending"}, {"rejected", "rejected"},
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eq_nocase(word, str_of(words[i].word)))
            return str_of(words[i].status);
    return STR("disabled");
}

static struct str lower(struct arena *a, struct str s) {
    char *out = arena_alloc(a, s.len + 1);

    for (size_t i = 0; i < s.len; i++)
        out[i] = s.ptr[i] >= 'A' && s.ptr[i] <= 'Z' ? (char)(s.ptr[i] | 0x20) : s.ptr[i];
    return (struct str){.ptr = out, .len = s.len};
}

static struct str types_text(struct arena *a, const struct json *v) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = TYPES_MAX_BYTES};

    json_write(&b, v);
    return b.overflown ? STR_EMPTY : arena_str(a, buf_str(&b));
}

/* Of several types of one content the first is what a reader sees. */
static struct str body_of(const struct json *types) {
    static const char *const keys[] = {"body", "title", "label"};
    const struct json *type = NULL;
    struct str name;

    if (!json_member(types, 0, &name, &type))
        return STR_EMPTY;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (json_str(json_get(type, keys[i])).len > 0)
            return json_str(json_get(type, keys[i]));
    return STR_EMPTY;
}

static struct str short_text(const struct json *v, const char *key) {
    struct str s = json_str(json_get(v, key));

    return s.len <= TWILIO_ID_MAX_BYTES ? s : STR_EMPTY;
}

static bool read_item(struct arena *a, const struct json *v, struct template_item *ret) {
    const struct json *approval = json_get(v, "approval_requests"), *types = json_get(v, "types");

    *ret = (struct template_item){
        .id = short_text(v, "sid"),
        .ref = short_text(v, "sid"),
        .name = short_text(v, "friendly_name"),
        .language = short_text(v, "language"),
        .category = lower(a, short_text(approval, "category")),
        .status = status_of(short_text(approval, "status")),
        .reason = short_text(approval, "rejection_reason"),
        .body = body_of(types),
        .components = json_type(types) == JSON_OBJECT ? types_text(a, types) : STR_EMPTY,
    };
    return ret->ref.len > 0 && ret->name.len > 0 && ret->language.len > 0 &&
           ret->components.len > 0;
}

struct str twilio_next_query(const struct json *page) {
    struct str url = json_str(json_path(page, "meta", "next_page_url", NULL)), path;

    if (!str_cut(&url, '?', &path) || url.len > 2000)
        return STR_EMPTY;
    for (size_t i = 0; i < url.len; i++)
        if (url.ptr[i] <= ' ' || url.ptr[i] > '~' || url.ptr[i] == '#')
            return STR_EMPTY;
    return url;
}

/* Asking harms nobody, so whatever is unclear is asked again. */
void twilio_judge_list_templates(struct arena *a, const struct http_reply *reply,
                                 struct template_answer *ret) {
    bool is_good = reply->phase == HTTP_REPLIED && reply->status >= 200 && reply->status < 300;
    const struct json *body = NULL, *list;
    struct err ignored = ERR_INIT;
    struct send_result r;

    if (is_good && lenient_parse(a, reply->body, REPLY_MAX_DEPTH, &body, &ignored) != ST_OK)
        body = NULL;
    list = json_get(body, "contents");
    if (json_type(list) == JSON_ARRAY) {
        *ret = (struct template_answer){
            .outcome = SEND_ACCEPTED,
            .items = arena_array_of(a, json_len(list) + 1, struct template_item),
            .next = twilio_next_query(body)};
        for (size_t i = 0; i < json_len(list); i++)
            ret->n += read_item(a, json_at(list, i), &ret->items[ret->n]);
        return;
    }
    twilio_judge(a, reply, &r);
    *ret = (struct template_answer){
        .outcome =
            r.outcome == SEND_ACCEPTED || r.outcome == SEND_UNCERTAIN ? SEND_RETRY : r.outcome,
        .retry_after_ms = r.retry_after_ms,
        .code = r.code,
        .cause = r.cause.len > 0 ? r.cause : STR("not-understood"),
        .reason = r.reason.len > 0 ? r.reason : STR("Twilio's answer is not a list of templates"),
    };
}
