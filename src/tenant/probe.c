/* probe.c - trying a provider account's credentials with one harmless call, and asking its provider which address it calls.
 * SPDX-License-Identifier: Apache-2.0 */
#include <time.h>

#include "base/clock.h"
#include "mail/mail.h"
#include "provider/model.h"
#include "tenant/tenant.h"

enum {
    TIMEOUT_MS = 20000,
    ANSWER_TOKENS = 16, /* some models think before they say "ok" */
    HOOK_ASKS_MAX = 8,  /* pages of senders, mostly */
    HOOK_MS = 20000,    /* for all of them */
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
    ret->told = *result;
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

/* --- the address for webhooks ---------------------------------------------------------------- */

static bool ask_hook(struct probing *p, struct str after, int64_t left_ms,
                     struct hook_answer *ret) {
    const struct provider *provider = provider_find(p->account->kind);
    struct http_call call = {0};
    struct http_reply reply = {0};
    struct err why = ERR_INIT;
    enum status st = provider->ask_hook(p->a, &p->channel, after, &call, &why);

    if (st == ST_OK) {
        call.reach = REACH_MACHINE;
        call.timeout_ms = (uint32_t)left_ms;
        st = httpc_call(p->with->httpc, p->a, &call, &reply, &why);
    }
    if (st == ST_OK)
        provider->judge_hook(p->a, &p->channel, after, &reply, ret);
    else
        *ret = (struct hook_answer){.outcome = HOOK_NOT_TOLD,
                                    .reason = arena_str(p->a, str_of(why.message)),
                                    .advice = STR("try again later")};
    return ret->outcome == HOOK_ASK_ON;
}

static void probe_hook(struct probing *p, struct probe *ret) {
    int64_t end_ms = clock_mono_ms() + HOOK_MS, left_ms = HOOK_MS;
    struct str after = STR_EMPTY;
    bool is_going_on = true;

    ret->has_hook = true;
    ret->hook_url = p->channel.hook_url;
    if (ret->hook_url.len == 0) {
        ret->hook = (struct hook_answer){
            .outcome = HOOK_NO_URL,
            .reason = STR("there is no public URL by which this server could be called"),
            .advice = STR("set PROSA_PUBLIC_URL to how this server is reached from outside")};
        return;
    }
    for (int i = 0; is_going_on && i < HOOK_ASKS_MAX && left_ms > 0; i++) {
        is_going_on = ask_hook(p, after, left_ms, &ret->hook);
        after = ret->hook.next;
        left_ms = end_ms - clock_mono_ms();
    }
    if (is_going_on)
        ret->hook = (struct hook_answer){
            .outcome = HOOK_NOT_TOLD,
            .reason = STR("it takes too long to find which address is entered"),
            .advice = STR("look for it at the provider")};
}

static void put_found(struct json_out *o, const struct probe *probe) {
    const struct send_result *told = &probe->told;

    if (!probe->is_ok || (told->name.len == 0 && told->phone.len == 0)) {
        json_put_null(o, "found");
        return;
    }
    json_obj(o, "found");
    json_put_str_or_null(o, "name", told->name);
    json_put_str_or_null(o, "phone", told->phone);
    json_put_str_or_null(o, "quality", told->quality);
    json_end(o);
}

static void put_hook(struct json_out *o, const struct probe *probe) {
    if (!probe->has_hook) {
        json_put_null(o, "webhook");
        return;
    }
    json_obj(o, "webhook");
    json_put_str(o, "result", hook_outcome_name(probe->hook.outcome));
    json_put_str_or_null(o, "expected", probe->hook_url);
    json_put_str_or_null(o, "found", probe->hook.found);
    json_put_str_or_null(o, "place", probe->hook.place);
    json_put_str_or_null(o, "cause", probe->hook.cause);
    json_put_str(o, "reason", probe->hook.reason);
    json_put_str_or_null(o, "advice", probe->hook.advice);
    json_end(o);
}

void probe_put_told(struct json_out *o, const struct probe *probe) {
    put_found(o, probe);
    put_hook(o, probe);
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
    if (ret->is_ok && !is_model(&p) && provider_find(account->kind)->ask_hook)
        probe_hook(&p, ret);
    return ST_OK;
}
