/* meta_template.c - message templates: the list a business account has, page by page, and what a webhook says of one.
 * Source: Graph API reference, "WhatsApp Business Account > Message Templates"; webhook fields message_template_status_update,
 * message_template_quality_update, template_category_update.
 * SPDX-License-Identifier: Apache-2.0 */
#include "provider/lenient.h"
#include "provider/meta.h"

enum {
    PAGE_REPLY_BYTES = 4 << 20,
    COMPONENTS_MAX_BYTES = 256 << 10,
    EVENT_MAX_DEPTH = 16,
    CURSOR_MAX_BYTES = 2048,
};

#define FIELDS                                                                                     \
    "/message_templates?limit=100&fields=id,name,language,status,category,quality_score,"          \
    "rejected_reason,parameter_format,components"

/* --- words ---------------------------------------------------------------------------------------------------------- */

static struct str lower(struct arena *a, struct str s) {
    char *out = arena_alloc(a, s.len + 1);

    for (size_t i = 0; i < s.len; i++)
        out[i] = s.ptr[i] >= 'A' && s.ptr[i] <= 'Z' ? (char)(s.ptr[i] | 0x20) : s.ptr[i];
    return (struct str){.ptr = out, .len = s.len};
}

/* FLAGGED warns of a pause to come; REINSTATED ends one. What is not known is not used. */
static struct str status_of(struct str word) {
    static const struct {
        const char *word, *status;
    } words[] = {
        {"APPROVED", "approved"}, {"FLAGGED", "approved"},  {"REINSTATED", "approved"},
        {"PENDING", "pending"},   {"IN_APPEAL", "pending"}, {"REJECTED", "rejected"},
        {"PAUSED", "paused"},
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eq(word, str_of(words[i].word)))
            return str_of(words[i].status);
    return STR("disabled");
}

static struct str quality_of(struct str word) {
    return str_eq(word, STR("GREEN"))    ? STR("green")
           : str_eq(word, STR("YELLOW")) ? STR("yellow")
           : str_eq(word, STR("RED"))    ? STR("red")
                                         : STR_EMPTY;
}

static struct str told(struct str word) {
    return str_eq(word, STR("NONE")) ? STR_EMPTY : word;
}

/* --- the list ------------------------------------------------------------------------------------------------------- */

static void add_escaped(struct buf *b, struct str s) {
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';

        if (is_plain) {
            buf_add_char(b, s.ptr[i]);
        } else {
            buf_add_char(b, '%');
            buf_add_char(b, digits[c >> 4]);
            buf_add_char(b, digits[c & 15]);
        }
    }
}

enum status meta_list_templates(struct arena *a, const struct channel *ch, struct str after,
                                struct http_call *ret, struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 8192};

    if (ch->owner.len == 0)
        FAIL(e, ST_INVALID, "the account has no waba_id: templates belong to the business account");
    if (after.len > CURSOR_MAX_BYTES)
        FAIL(e, ST_INVALID, "Meta gave a cursor longer than %d bytes", CURSOR_MAX_BYTES);
    buf_add(&b, STR(FIELDS));
    if (after.len > 0) {
        buf_add(&b, STR("&after="));
        add_escaped(&b, after);
    }
    TRY(meta_start_call(a, ch, "GET", ch->owner, arena_cstr(a, buf_str(&b)), ret, e));
    ret->max_reply_bytes = PAGE_REPLY_BYTES;
    return ST_OK;
}

static struct str body_of(const struct json *components) {
    for (size_t i = 0; i < json_len(components); i++)
        if (str_eq(json_str(json_get(json_at(components, i), "type")), STR("BODY")))
            return json_str(json_get(json_at(components, i), "text"));
    return STR_EMPTY;
}

static struct str json_text(struct arena *a, const struct json *v) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = COMPONENTS_MAX_BYTES};

    json_write(&b, v);
    return b.overflown ? STR_EMPTY : arena_str(a, buf_str(&b));
}

/* False: it has no name, or is larger than any that Meta takes. */
static bool read_item(struct arena *a, const struct json *v, struct template_item *ret) {
    const struct json *components = json_get(v, "components");

    *ret = (struct template_item){
        .id = meta_id(a, json_get(v, "id")),
        .name = meta_id(a, json_get(v, "name")),
        .language = meta_id(a, json_get(v, "language")),
        .category = lower(a, meta_id(a, json_get(v, "category"))),
        .status = status_of(json_str(json_get(v, "status"))),
        .reason = told(meta_id(a, json_get(v, "rejected_reason"))),
        .quality = quality_of(json_str(json_path(v, "quality_score", "score", NULL))),
        .body = body_of(components),
        .components = json_type(components) == JSON_ARRAY ? json_text(a, components) : STR("[]"),
    };
    return ret->name.len > 0 && ret->language.len > 0 && ret->components.len > 0;
}

static void read_page(struct arena *a, const struct json *body, struct template_answer *ret) {
    const struct json *data = json_get(body, "data");
    const struct json *paging = json_get(body, "paging");

    *ret = (struct template_answer){
        .outcome = SEND_ACCEPTED,
        .items = arena_array_of(a, json_len(data) + 1, struct template_item),
    };
    for (size_t i = 0; i < json_len(data); i++)
        ret->n += read_item(a, json_at(data, i), &ret->items[ret->n]);
    if (json_str(json_get(paging, "next")).len > 0)
        ret->next = json_str(json_path(paging, "cursors", "after", NULL));
}

/* Asking harms nobody, so whatever is unclear is asked again. */
void meta_judge_list_templates(struct arena *a, const struct http_reply *reply,
                               struct template_answer *ret) {
    bool is_good = reply->phase == HTTP_REPLIED && reply->status >= 200 && reply->status < 300;
    const struct json *body = is_good ? meta_read_reply(a, reply) : NULL;
    struct send_result r;

    if (json_type(json_get(body, "data")) == JSON_ARRAY) {
        read_page(a, body, ret);
        return;
    }
    meta_judge(a, reply, &r);
    *ret = (struct template_answer){
        .outcome =
            r.outcome == SEND_ACCEPTED || r.outcome == SEND_UNCERTAIN ? SEND_RETRY : r.outcome,
        .retry_after_ms = r.retry_after_ms,
        .code = r.code,
        .cause = r.cause.len > 0 ? r.cause : STR("not-understood"),
        .reason = r.reason.len > 0 ? r.reason : STR("WhatsApp's answer is not a list of templates"),
    };
}

/* --- webhooks ------------------------------------------------------------------------------------------------------- */

static void read_status(const struct json *v, struct template_item *ret) {
    static const char *const why[][2] = {{"rejection_info", "reason"},
                                         {"other_info", "description"}};

    ret->status = status_of(json_str(json_get(v, "event")));
    ret->reason = told(json_str(json_get(v, "reason")));
    for (size_t i = 0; i < ARRAY_LEN(why); i++)
        if (json_str(json_path(v, why[i][0], why[i][1], NULL)).len > 0)
            ret->reason = json_str(json_path(v, why[i][0], why[i][1], NULL));
}

bool meta_read_template_event(struct arena *a, const struct inbound *event,
                              struct template_item *ret) {
    const struct json *v;
    struct err ignored = ERR_INIT;

    if (lenient_parse(a, event->raw, EVENT_MAX_DEPTH, &v, &ignored) != ST_OK)
        return false;
    *ret = (struct template_item){
        .id = meta_id(a, json_get(v, "message_template_id")),
        .name = meta_id(a, json_get(v, "message_template_name")),
        .language = meta_id(a, json_get(v, "message_template_language")),
    };
    if (ret->name.len == 0)
        return false;
    if (str_eq(event->field, STR("message_template_status_update")))
        read_status(v, ret);
    else if (str_eq(event->field, STR("message_template_quality_update")))
        ret->quality = quality_of(json_str(json_get(v, "new_quality_score")));
    else if (str_eq(event->field, STR("template_category_update")))
        ret->category = lower(a, meta_id(a, json_get(v, "new_category")));
    else
        return false;
    return true;
}
