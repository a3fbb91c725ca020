/* probe.c - trying a provider account's credentials with one harmless call.
 * SPDX-License-Identifier: Apache-2.0 */
#include <time.h>

#include "mail/mail.h"
#include "provider/model.h"
#include "tenant/tenant.h"

enum {
    TIMEOUT_MS = 20000,
    ANSWER_TOKENS = 16, /* some models think before they say "ok" */
};

struct probing {
    struct arena *a;
    const struct account_prober *with;
    const struct account *account;
    struct channel channel;
    struct str api_key;
};

/* --- the call -------------------------------------------------------------------------------- */

static enum status read_tx(struct tx *tx, void *ctx, struct err *e) {
    struct probing *p = ctx;

    TRY(account_channel(p->a, tx, p->with->keys, p->account, p->with->defaults, &p->channel, e));
    return account_secret(p->a, tx, p->with->keys, p->account, "api_key", &p->api_key, e);
}

static enum status build_model(struct probing *p, struct http_call *ret, struct err *e) {
    const struct json *s = p->account->settings;
    const struct model_message message = {.role = "user", .text = STR("Say ok.")};
    struct model_account model = {
        .base_url = json_str(json_get(s, "base_url")),
        .api_key = p->api_key,
        .model = json_str(json_get(s, "model")),
        .max_tokens = ANSWER_TOKENS,
        .uses_old_max_tokens = json_bool(json_get(s, "uses_old_max_tokens"), false),
        .temperature = -1,
    };

    if (model.base_url.len == 0)
        model.base_url = STR("https://api.openai.com/v1");
    TRY(model_build(p->a, &model, &(struct model_ask){&message, 1, NULL, 0}, ret, e));
    ret->is_guarded = true; /* as when it is used */
    return ST_OK;
}

static bool is_model(const struct probing *p) {
    return str_eq(p->account->kind, STR("openai"));
}

static enum status build(struct probing *p, struct http_call *ret, struct err *e) {
    const struct provider *provider = provider_find(p->account->kind);

    if (is_model(p))
        return build_model(p, ret, e);
    if (!provider)
        FAIL(e, ST_INVALID, "accounts of kind \"%.*s\" cannot be tried", STR_ARG(p->account->kind));
    return provider->probe(p->a, &p->channel, ret, e);
}

/* --- the answer ------------------------------------------------------------------------------ */

/* A short answer may be cut or empty: the key, the model's name and the credit are good all the
 * same. */
static void judge_model(struct probing *p, const struct http_reply *reply, struct probe *ret) {
    struct model_answer answer;

    model_judge(p->a, reply, &answer);
    ret->is_ok = answer.outcome == MODEL_ANSWERED || answer.outcome == MODEL_REFUSED ||
                 (reply->phase == HTTP_REPLIED && reply->status == 200 && answer.is_cut);
    ret->is_retriable = answer.outcome == MODEL_RETRY;
    ret->cause = answer.cause;
    ret->reason = ret->is_ok ? STR("the model answers") : answer.reason;
}

static void take(const struct send_result *result, struct probe *ret) {
    ret->is_ok = result->outcome == SEND_ACCEPTED;
    ret->is_retriable = result->outcome == SEND_RETRY || result->outcome == SEND_UNCERTAIN;
    ret->cause = result->cause;
    ret->reason = result->reason;
}

static void judge(struct probing *p, const struct http_reply *reply, struct probe *ret) {
    struct send_result result;

    if (is_model(p)) {
        judge_model(p, reply, ret);
        return;
    }
    provider_find(p->account->kind)->judge_probe(p->a, reply, &result);
    take(&result, ret);
}

/* RFC 9110 §5.6.7, the form every server sends: "Sun, 06 Nov 1994 08:49:37 GMT". */
static int64_t parse_date(struct arena *a, struct str header) {
    struct tm tm = {0};
    char *text = arena_cstr(a, header);

    if (!text || header.len == 0 || !strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm))
        return 0;
    return (int64_t)timegm(&tm) * 1000;
}

static void not_called(struct arena *a, struct probe *ret, enum status st, const struct err *why) {
    ret->is_retriable = st == ST_UNAVAILABLE;
    ret->cause = str_of(why->cause ? why->cause : status_name(st));
    ret->reason = arena_str(a, str_of(why->message));
}

static enum status probe_mail(struct probing *p, struct probe *ret, struct err *e) {
    struct send_result result = {0};

    TRY(mail_probe(p->with->mailer, p->a, &p->channel, &result, e));
    take(&result, ret);
    return ST_OK;
}

enum status account_probe(struct arena *a, const struct account_prober *with,
                          const struct account *account, struct probe *ret, struct err *e) {
    struct probing p = {.a = a, .with = with, .account = account};
    struct http_call call = {0};
    struct http_reply reply = {0};
    struct err why = ERR_INIT;
    enum status st;

    *ret = (struct probe){0};
    TRY(db_read(with->db, DB_TENANT(account->tenant), read_tx, &p, e));
    if (p.channel.mail)
        return probe_mail(&p, ret, e);
    st = build(&p, &call, &why);
    if (st == ST_OK) {
        call.reach = REACH_MACHINE;
        call.timeout_ms = TIMEOUT_MS;
        st = httpc_call(with->httpc, a, &call, &reply, &why);
    }
    if (st != ST_OK) {
        not_called(a, ret, st, &why);
        return ST_OK;
    }
    ret->their_time = parse_date(a, http_reply_header(&reply, "date"));
    judge(&p, &reply, ret);
    return ST_OK;
}
