/* hook.c - webhooks on their way to prosa: serialised and signed like Meta's, posted again until
 * somebody answers 200, now and then once more although somebody did.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "crypto/crypto.h"
#include "sim/internal.h"

enum {
    HOOK_MAX_BYTES = 16 << 20,
    HOOKS_MAX = 200000, /* on their way at once; more are dropped and counted */
    HOOK_TIMEOUT_MS = 20000,
    TWIN_DELAY_MAX_MS = 1000,
};

struct hook {
    struct sim *sim;
    struct http_call call;
    struct arena arena; /* body, url, signature */
    int64_t began_ms;
    unsigned attempts;
    bool is_twin;          /* the second delivery of one that was acknowledged */
    unsigned max_attempts; /* 0: any number within its time */
    bool is_form, is_any_failure;
    hook_ended_fn ended;
    void *arg;
};

/* --- the wire -------------------------------------------------------------------------------- */

static void escape_unit(struct buf *b, unsigned unit) {
    buf_printf(b, "\\u%04x", unit);
}

/* Non-ASCII and "/" occur inside strings only, so the text need not be taken apart. Surrogate pairs
 * and lower-case hex: the way Meta's signed bodies look. */
void wire_escape(struct str json, struct buf *ret) {
    while (json.len > 0) {
        uint32_t point;

        if (!utf8_next(&json, &point))
            return; /* our own writer makes no invalid UTF-8 */
        if (point == '/')
            buf_add(ret, STR("\\/"));
        else if (point < 0x80)
            buf_add_char(ret, (char)point);
        else if (point < 0x10000)
            escape_unit(ret, point);
        else {
            escape_unit(ret, 0xd800 + ((point - 0x10000) >> 10));
            escape_unit(ret, 0xdc00 + ((point - 0x10000) & 0x3ff));
        }
    }
}

void hook_open(struct sim *s, struct json_out *o, struct str sender) {
    json_obj(o, NULL);
    json_put_str(o, "object", STR("whatsapp_business_account"));
    json_arr(o, "entry");
    json_obj(o, NULL);
    json_put_str(o, "id", s->options.waba_id);
    json_arr(o, "changes");
    json_obj(o, NULL);
    json_put_str(o, "field", STR("messages"));
    json_obj(o, "value");
    json_put_str(o, "messaging_product", STR("whatsapp"));
    json_obj(o, "metadata");
    json_put_str(o, "display_phone_number", s->options.display_phone_number);
    json_put_str(o, "phone_number_id", sender);
    json_end(o);
}

void hook_close(struct json_out *o) {
    for (int i = 0; i < 6; i++)
        json_end(o);
}

/* --- delivery -------------------------------------------------------------------------------- */

static void hook_try(void *arg, bool is_over);

static void hook_free(struct hook *k) {
    arena_done(&k->arena);
    free(k);
}

/* Needs no lock; counts under it. */
static void hook_end(struct hook *k, bool is_acknowledged) {
    struct sim *s = k->sim;
    hook_ended_fn ended = k->ended;
    void *arg = k->arg;

    sim_lock(s);
    s->hooks_pending--;
    s->hooks_acknowledged += is_acknowledged;
    s->hooks_dropped += !is_acknowledged;
    sim_unlock(s);
    hook_free(k);
    if (ended)
        ended(s, arg, is_acknowledged);
}

/* The same webhook once more, later; who waits for the first is told now. */
static bool make_twin(struct hook *k) {
    struct sim *s = k->sim;
    hook_ended_fn ended = k->ended;
    void *arg = k->arg;
    bool wanted;
    int64_t in_ms;

    sim_lock(s);
    wanted = !k->is_twin && !s->is_stopping && sim_chance(s, s->behaviour.duplicate_rate);
    in_ms = wanted ? (int64_t)sim_random(s, TWIN_DELAY_MAX_MS) : 0;
    s->hooks_acknowledged += wanted;
    sim_unlock(s);
    if (!wanted)
        return false;
    k->is_twin = true;
    k->ended = NULL;
    k->began_ms = clock_mono_ms();
    k->attempts = 0;
    later_do(s->later, in_ms, hook_try, k);
    if (ended)
        ended(s, arg, true);
    return true;
}

static int64_t backoff(const struct behaviour *b, unsigned attempts) {
    int64_t wait = b->retry_first_ms;

    for (unsigned i = 1; i < attempts && wait < b->retry_max_ms; i++)
        wait *= 2;
    return wait < b->retry_max_ms ? wait : b->retry_max_ms;
}

static void hook_retry(struct hook *k, bool was_anybody_there) {
    struct sim *s = k->sim;
    bool is_hopeless;
    int64_t in_ms;

    sim_lock(s);
    s->hooks_refused++;
    in_ms = backoff(&s->behaviour, ++k->attempts);
    is_hopeless = s->is_stopping ||
                  clock_mono_ms() - k->began_ms + in_ms > s->behaviour.retry_for_ms ||
                  (k->is_form &&
                   (k->attempts >= k->max_attempts || (was_anybody_there && !k->is_any_failure)));
    sim_unlock(s);
    if (is_hopeless)
        hook_end(k, false);
    else
        later_do(s->later, in_ms, hook_try, k);
}

static bool is_taken(const struct hook *k, enum status st, const struct http_reply *reply) {
    return st == ST_OK && reply->phase == HTTP_REPLIED &&
           (reply->status == 200 || (k->is_form && reply->status / 100 == 2));
}

static void on_answer(void *ctx, enum status st, const struct http_reply *reply,
                      const struct err *e) {
    struct hook *k = ctx;

    (void)e;
    if (!is_taken(k, st, reply))
        hook_retry(k, reply->phase != HTTP_NOT_SENT);
    else if (!make_twin(k))
        hook_end(k, true);
}

static void hook_try(void *arg, bool is_over) {
    struct hook *k = arg;

    if (is_over)
        hook_end(k, false);
    else
        httpc_submit(k->sim->httpc, &k->call, on_answer, k);
}

static struct str sign(struct arena *a, struct str secret, struct str body) {
    uint8_t mac[SHA256_BYTES];
    struct str hex;

    crypto_hmac_sha256(secret, body, mac);
    hex = crypto_hex(a, (struct str){.ptr = (const char *)mac, .len = sizeof(mac)});
    return arena_printf(a, "sha256=%.*s", STR_ARG(hex));
}

static struct hook *hook_new(struct sim *s, struct str json) {
    struct hook *k = calloc(1, sizeof(*k));
    struct buf b;

    if (!k)
        abort();
    buf_init(&b, HOOK_MAX_BYTES);
    if (s->behaviour.escape)
        wire_escape(json, &b);
    else
        buf_add(&b, json);
    k->sim = s;
    k->began_ms = clock_mono_ms();
    k->call = (struct http_call){
        .method = "POST",
        .url = arena_str(&k->arena, s->webhook_url),
        .body = arena_str(&k->arena, buf_str(&b)),
        .reach = REACH_MACHINE,
        .timeout_ms = HOOK_TIMEOUT_MS,
    };
    buf_done(&b);
    http_call_header(&k->call, STR("Content-Type"), STR("application/json"));
    http_call_header(&k->call, STR("X-Hub-Signature-256"),
                     sign(&k->arena, s->app_secret, k->call.body));
    return k;
}

struct nobody { /* a webhook that goes nowhere still ends, but not under the lock */
    struct sim *sim;
    hook_ended_fn ended;
    void *arg;
};

static void tell_nobody(void *arg, bool is_over) {
    struct nobody *x = arg;

    (void)is_over;
    if (x->ended)
        x->ended(x->sim, x->arg, false);
    free(x);
}

/* False: it goes nowhere, and whoever waits for it will be told so. */
static bool may_post(struct sim *s, struct str url, hook_ended_fn ended, void *arg) {
    struct nobody *x;

    if (url.len > 0 && s->hooks_pending < HOOKS_MAX && !s->is_stopping)
        return true;
    x = calloc(1, sizeof(*x));
    if (!x)
        abort();
    *x = (struct nobody){.sim = s, .ended = ended, .arg = arg};
    s->hooks_dropped++;
    later_do(s->later, 0, tell_nobody, x);
    return false;
}

static struct hook *form_new(struct sim *s, const struct hook_form *form) {
    struct hook *k = calloc(1, sizeof(*k));

    if (!k)
        abort();
    k->sim = s;
    k->began_ms = clock_mono_ms();
    k->is_form = true;
    k->is_any_failure = form->is_any_failure;
    k->max_attempts = form->attempts;
    k->call = (struct http_call){
        .method = "POST",
        .url = arena_str(&k->arena, form->url),
        .body = arena_str(&k->arena, form->body),
        .reach = REACH_MACHINE,
        .timeout_ms = HOOK_TIMEOUT_MS,
    };
    http_call_header(&k->call, STR("Content-Type"),
                     STR("application/x-www-form-urlencoded; charset=utf-8"));
    http_call_header(&k->call, STR("X-Twilio-Signature"), arena_str(&k->arena, form->signature));
    return k;
}

void hook_post_form(struct sim *s, const struct hook_form *form, hook_ended_fn ended, void *arg) {
    struct hook *k;

    if (!may_post(s, form->url, ended, arg))
        return;
    k = form_new(s, form);
    k->ended = ended;
    k->arg = arg;
    s->hooks_pending++;
    later_do(s->later, 0, hook_try, k);
}

void hook_post(struct sim *s, struct str json, hook_ended_fn ended, void *arg) {
    struct hook *k;

    if (!may_post(s, s->webhook_url, ended, arg))
        return;
    k = hook_new(s, json);
    k->ended = ended;
    k->arg = arg;
    s->hooks_pending++;
    later_do(s->later, 0, hook_try, k);
}
