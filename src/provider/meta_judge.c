/* meta_judge.c - answers of the Graph API, and error codes wherever they come from, to outcomes.
 * Meta says to decide by the code, not by HTTP status or title: throttling is documented as 429 and
 * often comes as 400. What has no known code is judged by its HTTP class, and whatever may have
 * gone out is uncertain, because there is no idempotency key.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"
#include "provider/lenient.h"
#include "provider/meta.h"
#include "provider/reason.h"

enum {
    REPLY_MAX_DEPTH = 16,
    NO_CODE = -1,
    MINUTE_MS = 60 * 1000,
};

/* --- errors --------------------------------------------------------------------------------- */

static void apply_rule(struct arena *a, const struct meta_rule *r, int64_t code, struct str detail,
                       struct send_result *ret) {
    ret->outcome = r->outcome;
    ret->code = code;
    ret->retry_after_ms = r->outcome == SEND_RETRY ? r->wait_ms : 0;
    ret->is_pair_limit = r->flags & META_RULE_PAIR;
    ret->needs_template = r->flags & META_RULE_WINDOW;
    ret->is_opt_out = r->flags & META_RULE_OPT_OUT;
    ret->is_spared = r->flags & META_RULE_SPARED;
    ret->is_template = r->flags & META_RULE_TEMPLATE;
    ret->cause = arena_printf(a, "meta-%lld", (long long)code);
    ret->reason =
        reason_with_detail(a, r->reason, r->flags & META_RULE_DETAILED ? detail : STR_EMPTY);
}

static enum send_outcome outcome_of_class(unsigned status, bool is_transient) {
    if (status < 400 || status >= 500 || status == 408)
        return SEND_UNCERTAIN;
    if (status == 425 || status == 429 || is_transient)
        return SEND_RETRY;
    return status == 401 || status == 403 ? SEND_BLOCKED : SEND_REJECTED;
}

static void apply_class(struct arena *a, const struct http_reply *reply, const struct json *error,
                        int64_t code, struct str detail, struct send_result *ret) {
    bool is_transient = json_bool(json_get(error, "is_transient"), false);
    const char *what = "";

    ret->outcome = outcome_of_class(reply->status, is_transient);
    switch (ret->outcome) {
    case SEND_ACCEPTED:
    case SEND_UNCERTAIN:
        what = "WhatsApp answered with an error that leaves open whether the message went out";
        break;
    case SEND_RETRY:
        what = "WhatsApp cannot take the message right now: try again later";
        break;
    case SEND_REJECTED:
        what = "WhatsApp refused the message with an error this program does not know";
        break;
    case SEND_BLOCKED:
        what = "WhatsApp refused the account with an error this program does not know";
        break;
    }
    ret->code = code == NO_CODE ? 0 : code;
    ret->cause = code == NO_CODE ? arena_printf(a, "http-%u", reply->status)
                                 : arena_printf(a, "meta-%lld", (long long)code);
    ret->reason = reason_with_detail(a, what, detail);
}

/* X-Business-Use-Case-Usage: {"<business>": [{"estimated_time_to_regain_access": minutes, …}]} */
static int64_t usage_wait_ms(struct arena *a, const struct http_reply *reply) {
    struct str text = http_reply_header(reply, "X-Business-Use-Case-Usage"), key;
    const struct json *usage, *uses;
    struct err ignored = ERR_INIT;
    int64_t longest = 0;

    if (text.len == 0 || lenient_parse(a, text, REPLY_MAX_DEPTH, &usage, &ignored) != ST_OK)
        return 0;
    for (size_t i = 0; json_member(usage, i, &key, &uses); i++) {
        for (size_t j = 0; j < json_len(uses); j++) {
            int64_t minutes =
                json_i64(json_get(json_at(uses, j), "estimated_time_to_regain_access"), 0);

            if (minutes > longest)
                longest = minutes;
        }
    }
    return longest > UINT32_MAX / MINUTE_MS ? UINT32_MAX : longest * MINUTE_MS;
}

/* Retry-After goes before the usage header, and that before the table. */
static void apply_wait(struct arena *a, const struct http_reply *reply, const struct meta_rule *r,
                       struct send_result *ret) {
    int64_t wait_ms = reply->retry_after_ms;

    if (ret->outcome != SEND_RETRY)
        return;
    if (wait_ms <= 0 && r && (r->flags & META_RULE_USAGE))
        wait_ms = usage_wait_ms(a, reply);
    if (wait_ms > 0)
        ret->retry_after_ms = wait_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)wait_ms;
}

static void judge_error(struct arena *a, const struct http_reply *reply, const struct json *error,
                        struct send_result *ret) {
    int64_t code = json_i64(json_get(error, "code"), NO_CODE);
    int64_t subcode = json_i64(json_get(error, "error_subcode"), 0);
    struct str detail = json_str(json_path(error, "error_data", "details", NULL));
    const struct meta_rule *r = meta_find_rule(code, subcode);

    if (detail.len == 0)
        detail = json_str(json_get(error, "message"));
    if (r)
        apply_rule(a, r, code, detail, ret);
    else
        apply_class(a, reply, error, code < 0 ? NO_CODE : code, detail, ret);
    apply_wait(a, reply, r, ret);
}

/* --- answers -------------------------------------------------------------------------------- */

static void set(struct send_result *ret, enum send_outcome outcome, struct str cause,
                const char *reason) {
    ret->outcome = outcome;
    ret->cause = cause;
    ret->reason = str_of(reason);
}

/* Nothing of ours reached Meta, or it did and we cannot tell what became of it. True when so. */
static bool judge_phase(struct arena *a, const struct http_reply *reply, struct send_result *ret) {
    switch (reply->phase) {
    case HTTP_NOT_SENT:
        set(ret, SEND_RETRY, STR("not-sent"), "WhatsApp could not be reached: try again later");
        break;
    case HTTP_CUT:
        set(ret, SEND_UNCERTAIN, STR("cut"),
            "the connection broke before WhatsApp answered: wait for its status");
        break;
    case HTTP_REPLIED:
        return false;
    }
    apply_wait(a, reply, NULL, ret);
    return true;
}

/* Templates come back with a message_status; the message is theirs in each case. */
static const char *accepted_reason(struct str message_status) {
    if (str_eq(message_status, STR("held_for_quality_assessment")))
        return "WhatsApp took the message and holds it until the template's quality is known";
    if (str_eq(message_status, STR("paused")))
        return "WhatsApp took the message, but the template is paused";
    return "WhatsApp took the message";
}

static bool judge_accepted(struct arena *a, const struct json *body, struct send_result *ret) {
    const struct json *message = json_at(json_get(body, "messages"), 0);
    const struct json *contact = json_at(json_get(body, "contacts"), 0);

    ret->message_id = meta_id(a, json_get(message, "id"));
    if (ret->message_id.len == 0 && !json_bool(json_get(body, "success"), false))
        return false;
    ret->phone = meta_id(a, json_get(contact, "wa_id"));
    ret->user_id = meta_id(a, json_get(contact, "user_id"));
    set(ret, SEND_ACCEPTED, STR_EMPTY,
        accepted_reason(json_str(json_get(message, "message_status"))));
    return true;
}

/* An answer without an error object is not the Graph API's own word: a proxy's page, an outage.
 * With 4xx somebody refused before the message was taken, so it may be tried again. */
static void judge_foreign(struct arena *a, const struct http_reply *reply,
                          struct send_result *ret) {
    struct str cause = arena_printf(a, "http-%u", reply->status);

    if (reply->status == 413)
        set(ret, SEND_REJECTED, cause, "the message is too large for WhatsApp");
    else if (reply->status >= 400 && reply->status < 500 && reply->status != 408)
        set(ret, SEND_RETRY, cause,
            "something in front of WhatsApp refused the call: try again later");
    else
        set(ret, SEND_UNCERTAIN, cause,
            "the answer does not say whether the message went out: wait for WhatsApp's status");
    apply_wait(a, reply, NULL, ret);
}

const struct json *meta_read_reply(struct arena *a, const struct http_reply *reply) {
    const struct json *body;
    struct err ignored = ERR_INIT;

    return lenient_parse(a, reply->body, REPLY_MAX_DEPTH, &body, &ignored) == ST_OK ? body : NULL;
}

void meta_judge(struct arena *a, const struct http_reply *reply, struct send_result *ret) {
    const struct json *body, *error;

    *ret = (struct send_result){0};
    if (judge_phase(a, reply, ret))
        return;
    body = meta_read_reply(a, reply);
    error = json_get(body, "error");
    if (reply->status >= 200 && reply->status < 300 && judge_accepted(a, body, ret))
        return;
    if (error && json_type(error) != JSON_NULL)
        judge_error(a, reply, error, ret);
    else
        judge_foreign(a, reply, ret);
}

void meta_explain(struct arena *a, int64_t code, struct str title, struct send_result *ret) {
    const struct meta_rule *r = meta_find_rule(code, 0);

    *ret = (struct send_result){0};
    if (r) {
        apply_rule(a, r, code, title, ret);
        return;
    }
    set(ret, SEND_REJECTED, arena_printf(a, "meta-%lld", (long long)code), "");
    ret->code = code;
    ret->reason =
        reason_with_detail(a, "WhatsApp reports an error that this program does not know", title);
}

/* --- the probe ------------------------------------------------------------------------------ */

static void judge_number(struct arena *a, const struct json *body, struct send_result *ret) {
    struct str name = json_str(json_get(body, "verified_name"));
    struct str number = json_str(json_get(body, "display_phone_number"));
    struct str quality = json_str(json_get(body, "quality_rating"));

    set(ret, SEND_ACCEPTED, STR_EMPTY, "");
    ret->phone = number;
    ret->name = name;
    ret->quality = quality;
    ret->reason = arena_printf(a, "\"%.*s\" answers at %.*s, quality %.*s", STR_ARG(name),
                               STR_ARG(number), STR_ARG(quality));
}

/* A probe changes nothing, so whatever is not known about it may simply be asked again. */
void meta_judge_probe(struct arena *a, const struct http_reply *reply, struct send_result *ret) {
    bool is_good = reply->phase == HTTP_REPLIED && reply->status >= 200 && reply->status < 300;
    const struct json *body = is_good ? meta_read_reply(a, reply) : NULL;

    if (meta_id(a, json_get(body, "id")).len > 0) {
        *ret = (struct send_result){0};
        judge_number(a, body, ret);
        return;
    }
    meta_judge(a, reply, ret);
    if (is_good && json_get(body, "error") == NULL)
        set(ret, SEND_BLOCKED, STR("not-understood"),
            "the address answers, but not as the Graph API does: check the account's base URL");
    else if (ret->outcome == SEND_UNCERTAIN || ret->outcome == SEND_ACCEPTED)
        set(ret, SEND_RETRY, ret->cause, "WhatsApp gave no clear answer: try again later");
}
