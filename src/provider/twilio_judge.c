/* twilio_judge.c - answers of Twilio's API, and error codes wherever they come from, to outcomes. The code decides; what has none
 * that is known is judged by its HTTP class. There is no idempotency key: whatever may have gone out is uncertain.
 * Source: Twilio's error dictionary.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"
#include "provider/lenient.h"
#include "provider/reason.h"
#include "provider/twilio.h"

enum {
    REPLY_MAX_DEPTH = 16,
    MINUTE_MS = 60 * 1000,
    HOUR_MS = 60 * MINUTE_MS,
};

enum flag {
    WINDOW = 1,  /* a template would get through */
    OPT_OUT = 2, /* the person's wish */
    SPARED = 4,  /* Meta spares this person for now */
    PAIR = 8,    /* the wait concerns this person */
    DETAILED = 16,
    TEMPLATE = 32, /* the template's fault, whoever was to get it */
};

struct rule {
    int64_t from, to;
    enum send_outcome outcome;
    uint32_t wait_ms; /* 0: backoff */
    unsigned flags;
    const char *reason;
};

static const struct rule rules[] = {
    {20003, 20003, SEND_BLOCKED, 0, 0,
     "Twilio refused the account sid or token, or the account is suspended: check the account"},
    {20008, 20008, SEND_BLOCKED, 0, 0,
     "these are test credentials, which send nothing: enter the live ones"},
    {20404, 20404, SEND_REJECTED, 0, 0, "Twilio does not know what the call is about"},
    {20429, 20429, SEND_RETRY, 0, 0, "too many calls at once: it is tried again"},
    {20500, 20500, SEND_UNCERTAIN, 0, 0,
     "Twilio failed: the answer does not say whether the message went out"},
    {20503, 20503, SEND_UNCERTAIN, 0, 0,
     "Twilio was not available: the answer does not say whether the message went out"},
    {21211, 21211, SEND_REJECTED, 0, 0, "the recipient's number is not valid"},
    {21212, 21212, SEND_BLOCKED, 0, 0, "the sender's number is not valid: check the account"},
    {21408, 21408, SEND_REJECTED, 0, 0,
     "sending to this country is not enabled at Twilio: enable it there"},
    {21602, 21602, SEND_REJECTED, 0, 0, "the message has no text"},
    {21606, 21606, SEND_BLOCKED, 0, 0,
     "the sender's number is not this account's: check the account"},
    {21610, 21610, SEND_REJECTED, 0, OPT_OUT,
     "the person has stopped messages from this sender (STOP)"},
    {21611, 21611, SEND_RETRY, 30 * MINUTE_MS, 0, "the sender's queue is full: it is tried later"},
    {21614, 21614, SEND_REJECTED, 0, 0, "the recipient's number is not a mobile number"},
    {21617, 21617, SEND_REJECTED, 0, 0, "the text has more than 1600 characters"},
    {21619, 21619, SEND_REJECTED, 0, 0, "the message has no content"},
    {21620, 21623, SEND_REJECTED, 0, 0, "the file's address is not valid, or there are too many"},
    {21656, 21656, SEND_REJECTED, 0, DETAILED, "the template's variables are not valid"},
    {21660, 21660, SEND_BLOCKED, 0, 0,
     "the sender's number is not this account's: check the account"},
    {21703, 21705, SEND_BLOCKED, 0, 0,
     "the messaging service is empty or not valid: check the account"},
    {30001, 30001, SEND_RETRY, 10 * MINUTE_MS, PAIR,
     "it waited too long at Twilio: it is tried again"},
    {30002, 30002, SEND_BLOCKED, 0, 0, "the account is suspended: ask Twilio"},
    {30003, 30003, SEND_RETRY, HOUR_MS, PAIR, "the phone cannot be reached at present"},
    {30004, 30004, SEND_REJECTED, 0, 0, "the message was blocked"},
    {30005, 30006, SEND_REJECTED, 0, 0, "the number is unknown, or a landline"},
    {30007, 30007, SEND_REJECTED, 0, 0, "the message was filtered as unwanted"},
    {30008, 30008, SEND_RETRY, 10 * MINUTE_MS, PAIR,
     "it failed for a reason that Twilio does not know"},
    {30016, 30016, SEND_REJECTED, 0, 0, "sender and recipient are on different channels"},
    {63001, 63002, SEND_BLOCKED, 0, 0, "WhatsApp refused the sender: check it in Twilio's console"},
    {63003, 63003, SEND_REJECTED, 0, 0, "the recipient is not on WhatsApp"},
    {63005, 63005, SEND_REJECTED, 0, DETAILED, "WhatsApp did not take the content"},
    {63007, 63008, SEND_BLOCKED, 0, 0,
     "the sender's number is not set up for WhatsApp at Twilio: check the account"},
    {63010, 63010, SEND_RETRY, 0, 0, "Twilio failed: it is tried again"},
    {63012, 63012, SEND_RETRY, 0, 0, "WhatsApp failed: it is tried again"},
    {63013, 63013, SEND_REJECTED, 0, 0, "the content is against WhatsApp's policy"},
    {63014, 63014, SEND_REJECTED, 0, OPT_OUT, "the person does not want these messages"},
    {63016, 63016, SEND_REJECTED, 0, WINDOW,
     "the 24-hour window is closed: only a template goes out until the person writes"},
    {63017, 63017, SEND_RETRY, 0, 0, "the account sends too fast: it is tried again"},
    {63018, 63018, SEND_RETRY, MINUTE_MS, PAIR, "WhatsApp's rate limit: it is tried again"},
    {63019, 63019, SEND_REJECTED, 0, 0, "the file could not be fetched or is of a wrong type"},
    {63021, 63021, SEND_REJECTED, 0, DETAILED, "the content is not valid for WhatsApp"},
    {63022, 63022, SEND_BLOCKED, 0, 0, "the sender's certificate is not valid: check the account"},
    {63023, 63023, SEND_RETRY, 10 * MINUTE_MS, PAIR, "WhatsApp failed: it is tried again"},
    {63024, 63024, SEND_REJECTED, 0, 0, "the recipient is not on WhatsApp"},
    {63027, 63030, SEND_REJECTED, 0, DETAILED | TEMPLATE,
     "the template is missing, paused, or does not fit its variables"},
    {63031, 63031, SEND_REJECTED, 0, 0, "sender and recipient are the same number"},
    {63032, 63032, SEND_REJECTED, 0, 0, "WhatsApp does not let this person get the message"},
    {63033, 63033, SEND_REJECTED, 0, OPT_OUT, "the person does not want these messages"},
    {63036, 63036, SEND_REJECTED, 0, 0, "the recipient cannot be reached on WhatsApp"},
    {63038, 63038, SEND_RETRY, HOUR_MS, 0, "the account's daily limit is used up"},
    {63049, 63049, SEND_RETRY, 24 * HOUR_MS, SPARED,
     "WhatsApp spares this person marketing for now"},
};

static const struct rule *find_rule(int64_t code) {
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        if (code >= rules[i].from && code <= rules[i].to)
            return &rules[i];
    return NULL;
}

/* --- outcomes -------------------------------------------------------------------------------------- */

static void set(struct send_result *ret, enum send_outcome outcome, struct str cause,
                const char *reason) {
    *ret = (struct send_result){.outcome = outcome, .cause = cause, .reason = str_of(reason)};
}

static void apply_rule(struct arena *a, const struct rule *r, int64_t code, struct str detail,
                       struct send_result *ret) {
    *ret = (struct send_result){
        .outcome = r->outcome,
        .code = code,
        .cause = arena_printf(a, "twilio-%lld", (long long)code),
        .reason =
            r->flags & DETAILED ? reason_with_detail(a, r->reason, detail) : str_of(r->reason),
        .retry_after_ms = r->outcome == SEND_RETRY ? r->wait_ms : 0,
        .is_pair_limit = r->flags & PAIR,
        .needs_template = r->flags & WINDOW,
        .is_opt_out = r->flags & OPT_OUT,
        .is_spared = r->flags & SPARED,
        .is_template = r->flags & TEMPLATE,
    };
}

/* --- answers -------------------------------------------------------------------------------------- */

static bool judge_phase(struct arena *a, const struct http_reply *reply, struct send_result *ret) {
    (void)a;
    if (reply->phase == HTTP_NOT_SENT)
        set(ret, SEND_RETRY, STR("not-sent"), "Twilio could not be reached: it is tried again");
    else if (reply->phase == HTTP_CUT)
        set(ret, SEND_UNCERTAIN, STR("cut"),
            "the connection broke during the call: waiting for Twilio's status");
    return reply->phase != HTTP_REPLIED;
}

const struct json *twilio_read_reply(struct arena *a, const struct http_reply *reply) {
    const struct json *body;
    struct err ignored = ERR_INIT;

    return lenient_parse(a, reply->body, REPLY_MAX_DEPTH, &body, &ignored) == ST_OK ? body : NULL;
}

static void apply_wait(const struct http_reply *reply, struct send_result *ret) {
    if (ret->outcome == SEND_RETRY && reply->retry_after_ms >= 0)
        ret->retry_after_ms =
            reply->retry_after_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)reply->retry_after_ms;
}

/* Without a code that is known. Before 500 somebody refused, so the message did not go out. */
static void judge_class(struct arena *a, const struct http_reply *reply, const struct json *body,
                        struct send_result *ret) {
    struct str cause = arena_printf(a, "http-%u", reply->status);
    int64_t code = json_i64(json_get(body, "code"), 0);

    if (reply->status < 400 || reply->status >= 500 || reply->status == 408) {
        set(ret, SEND_UNCERTAIN, cause,
            "the answer does not say whether the message went out: wait for Twilio's status");
    } else if (code > 0 && reply->status != 429) {
        set(ret, SEND_REJECTED, arena_printf(a, "twilio-%lld", (long long)code), "");
        ret->code = code;
        ret->reason = reason_with_detail(a, "Twilio refused the message",
                                         json_str(json_get(body, "message")));
    } else {
        set(ret, SEND_RETRY, cause,
            "something in front of Twilio refused the call: it is tried again");
    }
    apply_wait(reply, ret);
}

static bool is_id(struct str s) {
    return s.len > 0 && s.len <= TWILIO_ID_MAX_BYTES;
}

/* {"success": true} answers a typing mark, which has no id. */
static bool judge_accepted(const struct json *body, struct send_result *ret) {
    struct str sid = json_str(json_get(body, "sid"));

    if (!is_id(sid) && !json_bool(json_get(body, "success"), false))
        return false;
    *ret = (struct send_result){.outcome = SEND_ACCEPTED,
                                .reason = STR("Twilio has the message"),
                                .message_id = is_id(sid) ? sid : STR_EMPTY,
                                .phone = twilio_digits(json_str(json_get(body, "to")))};
    return true;
}

void twilio_judge(struct arena *a, const struct http_reply *reply, struct send_result *ret) {
    bool is_good = reply->status >= 200 && reply->status < 300;
    const struct json *body;
    const struct rule *rule;

    if (judge_phase(a, reply, ret))
        return;
    body = twilio_read_reply(a, reply);
    rule = find_rule(json_i64(json_get(body, is_good ? "error_code" : "code"), 0));
    if (is_good && !rule && judge_accepted(body, ret))
        return;
    if (!rule) {
        judge_class(a, reply, body, ret);
        return;
    }
    apply_rule(a, rule, json_i64(json_get(body, is_good ? "error_code" : "code"), 0),
               json_str(json_get(body, "message")), ret);
    apply_wait(reply, ret);
}

void twilio_explain(struct arena *a, int64_t code, struct str title, struct send_result *ret) {
    const struct rule *r = find_rule(code);

    if (r) {
        apply_rule(a, r, code, title, ret);
        return;
    }
    set(ret, SEND_REJECTED, arena_printf(a, "twilio-%lld", (long long)code), "");
    ret->code = code;
    ret->reason =
        reason_with_detail(a, "Twilio reports an error that this program does not know", title);
}

/* --- the probe ------------------------------------------------------------------------------------ */

/* What was asked is the account, or with an API key its messages. */
static bool judge_good_probe(struct arena *a, const struct json *body, struct send_result *ret) {
    struct str name = json_str(json_get(body, "friendly_name"));

    if (str_eq(json_str(json_get(body, "status")), STR("active"))) {
        set(ret, SEND_ACCEPTED, STR_EMPTY, "");
        ret->name = utf8_cut_points(form_clean(a, name), 100);
        ret->reason = arena_printf(a, "the account \"%.*s\" is active", STR_ARG(ret->name));
        return true;
    }
    if (json_type(json_get(body, "messages")) != JSON_ARRAY)
        return false;
    set(ret, SEND_ACCEPTED, STR_EMPTY, "the account takes the API key");
    return true;
}

/* A probe changes nothing, so whatever is not known about it may simply be asked again. */
void twilio_judge_probe(struct arena *a, const struct http_reply *reply, struct send_result *ret) {
    bool is_good = reply->phase == HTTP_REPLIED && reply->status >= 200 && reply->status < 300;
    const struct json *body = is_good ? twilio_read_reply(a, reply) : NULL;
    struct str status = json_str(json_get(body, "status"));

    if (judge_good_probe(a, body, ret))
        return;
    twilio_judge(a, reply, ret);
    if (is_good && status.len > 0)
        set(ret, SEND_BLOCKED, STR("account-inactive"), "the account is suspended or closed");
    else if (is_good)
        set(ret, SEND_BLOCKED, STR("not-understood"),
            "the address answers, but not as Twilio's API does: check the account's base URL");
    else if (ret->outcome == SEND_UNCERTAIN || ret->outcome == SEND_ACCEPTED)
        set(ret, SEND_RETRY, ret->cause, "Twilio gave no clear answer: try again later");
}
