/* twilio.c - the adapter to WhatsApp through Twilio: its table, signatures, calls and files.
 * Pure functions; any thread.
 * SPDX-License-Identifier: Apache-2.0 */
#include "provider/twilio.h"

#include <stdlib.h>

#include "crypto/crypto.h"

enum {
    SERVICE_WINDOW_MS = 24 * 60 * 60 * 1000,
    URL_MAX_BYTES = 8192,
    SIGNED_MAX_BYTES = 16 << 20,
};

/* --- signatures ------------------------------------------------------------------------------- */

static int compare_pairs(const void *left, const void *right) {
    const struct form_pair *a = left, *b = right;
    int by_name = str_cmp(a->name, b->name);

    return by_name != 0 ? by_name : str_cmp(a->value, b->value);
}

/* Every distinct name in order, behind it each of its distinct values in order, without
 * separators. */
static void add_params(struct buf *b, struct form *f) {
    qsort(f->items, f->n, sizeof(*f->items), compare_pairs);
    for (size_t i = 0; i < f->n; i++) {
        if (i > 0 && compare_pairs(&f->items[i - 1], &f->items[i]) == 0)
            continue;
        buf_add(b, f->items[i].name);
        buf_add(b, f->items[i].value);
    }
}

bool twilio_split_url(struct str url, struct twilio_url *ret) {
    struct str rest = url, authority;
    size_t end = 0, host = 0;

    *ret = (struct twilio_url){.is_https = str_starts(url, STR("https://"))};
    if (!str_eat(&rest, STR("https://")) && !str_eat(&rest, STR("http://")))
        return false;
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?')
        end++;
    authority = str_sub(rest, 0, end);
    ret->rest = str_sub(rest, end, rest.len);
    for (size_t i = 0; i < authority.len; i++)
        if (authority.ptr[i] == '@')
            host = i + 1;
    ret->begin = str_sub(url, 0, url.len - rest.len + host);
    ret->host = str_sub(authority, host, authority.len);
    for (size_t i = ret->host.len; i > 0 && ret->host.ptr[i - 1] != ']'; i--)
        if (ret->host.ptr[i - 1] == ':') {
            ret->port = str_sub(ret->host, i, ret->host.len);
            ret->host = str_sub(ret->host, 0, i - 1);
            break;
        }
    return ret->host.len > 0;
}

/* Which form of the URL Twilio signed differs by its age and the port: all that its own libraries
 * accept are. */
enum variant {
    WITHOUT_PORT = 1, /* else with the given one, or the standard one */
    QUOTED = 2,       /* "'" in the query as %27 */
    VARIANTS = 4,
};

static void add_url(struct buf *b, const struct twilio_url *u, int variant) {
    bool is_query = false;

    buf_add(b, u->begin);
    buf_add(b, u->host);
    if (!(variant & WITHOUT_PORT)) {
        buf_add_char(b, ':');
        buf_add(b, u->port.len > 0 ? u->port : u->is_https ? STR("443") : STR("80"));
    }
    for (size_t i = 0; i < u->rest.len; i++) {
        is_query |= u->rest.ptr[i] == '?';
        if ((variant & QUOTED) && is_query && u->rest.ptr[i] == '\'')
            buf_add(b, STR("%27"));
        else
            buf_add_char(b, u->rest.ptr[i]);
    }
}

static bool is_signed_by(struct arena *a, struct str token, const struct twilio_url *u,
                         struct str params, struct str signature) {
    bool is_good = false;

    for (int variant = 0; variant < VARIANTS && token.len > 0; variant++) {
        ATTR_CLEANUP(buf_done_p) struct buf b = {.max = SIGNED_MAX_BYTES};
        uint8_t mac[SHA1_BYTES];
        struct str want;

        add_url(&b, u, variant);
        buf_add(&b, params);
        if (b.overflown)
            return false;
        crypto_hmac_sha1(token, buf_str(&b), mac);
        want = crypto_base64(a, (struct str){(const char *)mac, sizeof(mac)});
        is_good |= want.len == signature.len && crypto_eq(want.ptr, signature.ptr, want.len);
    }
    return is_good;
}

/* What is no form is covered by a digest in the URL. False: it does not match. */
static bool check_digest(struct arena *a, const struct hook *hook, bool *ret_is_there) {
    struct form query;
    uint8_t digest[SHA256_BYTES];
    struct str want, hex;

    if (!form_read(a, hook->query, &query))
        return false;
    want = form_get(&query, "bodySHA256");
    *ret_is_there = want.len > 0;
    if (!*ret_is_there)
        return true;
    crypto_sha256(hook->body, digest);
    hex = crypto_hex(a, (struct str){(const char *)digest, sizeof(digest)});
    return want.len == hex.len && crypto_eq(want.ptr, hex.ptr, hex.len);
}

static enum status params_of(struct arena *a, const struct hook *hook, struct str *ret,
                             struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = SIGNED_MAX_BYTES};
    bool is_digest = false;
    struct form form;

    *ret = STR_EMPTY;
    if (!check_digest(a, hook, &is_digest))
        FAIL(e, ST_DENIED, "the webhook's body is not the one its URL was signed for");
    if (is_digest || str_eq(hook->method, STR("GET")))
        return ST_OK;
    if (!form_read(a, hook->body, &form))
        FAIL(e, ST_DENIED, "the webhook has more than %d parameters", TWILIO_PAIRS_MAX);
    add_params(&b, &form);
    *ret = arena_str(a, buf_str(&b));
    return ST_OK;
}

/* Source: "Webhooks security"; the URL variants as in Twilio's own libraries. */
enum status twilio_verify(const struct channel *ch, const struct hook *hook, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct str signature = str_trim(hook->signature), params;
    struct twilio_url url;

    if (ch->app_secret.len == 0)
        FAIL(e, ST_DENIED, "could not check the webhook: the account has no auth token");
    if (hook->url.len == 0)
        FAIL(e, ST_DENIED,
             "could not check the webhook: Twilio signs its URL, and public_url is not"
             " set");
    if (signature.len == 0)
        FAIL(e, ST_DENIED, "the webhook carries no signature");
    if (hook->url.len > URL_MAX_BYTES || !twilio_split_url(hook->url, &url))
        FAIL(e, ST_DENIED, "the webhook's URL is too long or none");
    TRY(params_of(&a, hook, &params, e));
    if (!is_signed_by(&a, ch->app_secret, &url, params, signature) &&
        !is_signed_by(&a, ch->old_secret, &url, params, signature))
        FAIL(e, ST_DENIED,
             "the webhook's signature does not match: check the auth token and that"
             " public_url is the address given to Twilio");
    return ST_OK;
}

/* --- calls ------------------------------------------------------------------------------------ */

static bool is_sid(struct str s, const char *prefix) {
    if (!str_eat(&s, str_of(prefix)) || s.len != 32)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!((s.ptr[i] >= '0' && s.ptr[i] <= '9') || (s.ptr[i] >= 'a' && s.ptr[i] <= 'f')))
            return false;
    return true;
}

static enum status check_account(const struct channel *ch, struct err *e) {
    if (!is_sid(ch->owner, "AC"))
        FAIL(e, ST_INVALID, "the account's account_sid is missing or not AC and 32 digits");
    if (ch->user.len > 0 && !is_sid(ch->user, "SK"))
        FAIL(e, ST_INVALID, "the account's api_key_sid is not SK and 32 digits");
    if (ch->service.len > 0 && !is_sid(ch->service, "MG"))
        FAIL(e, ST_INVALID, "the account's messaging_service_sid is not MG and 32 digits");
    if (ch->access_token.len == 0)
        FAIL(e, ST_INVALID, "the account has no auth token, or no secret for its API key");
    return ST_OK;
}

enum status twilio_start_call(struct arena *a, const struct channel *ch, const char *method,
                              const char *host, struct str path, struct http_call *ret,
                              struct err *e) {
    struct str base = ch->base_url.len > 0 ? ch->base_url : str_of(host);
    struct str user = ch->user.len > 0 ? ch->user : ch->owner;
    struct str basic;

    TRY(check_account(ch, e));
    basic =
        crypto_base64(a, arena_printf(a, "%.*s:%.*s", STR_ARG(user), STR_ARG(ch->access_token)));
    *ret = (struct http_call){
        .method = method,
        .url = arena_printf(a, "%.*s%.*s", STR_ARG(base), STR_ARG(path)),
        .is_guarded = ch->is_guarded,
        .breaker = provider_twilio.name,
    };
    http_call_header(ret, STR("Authorization"), arena_printf(a, "Basic %.*s", STR_ARG(basic)));
    return ST_OK;
}

/* A standard API key may read everything but accounts and keys ("API keys"): it is tried on the list of messages. */
static enum status probe(struct arena *a, const struct channel *ch, struct http_call *ret,
                         struct err *e) {
    const char *what = ch->user.len > 0 ? "/Messages.json?PageSize=1" : ".json";

    return twilio_start_call(
        a, ch, "GET", TWILIO_API,
        arena_printf(a, "/2010-04-01/Accounts/%.*s%s", STR_ARG(ch->owner), what), ret, e);
}

/* --- files ------------------------------------------------------------------------------------ */

/* The API sends on to a signed address elsewhere; httpc leaves our credentials behind there. */
static enum status get_media(struct arena *a, const struct channel *ch, struct str url,
                             struct http_call *ret, struct err *e) {
    struct str base = ch->base_url.len > 0 ? ch->base_url : STR(TWILIO_API), path = url;

    if (!str_eat(&path, base) || path.len == 0 || path.ptr[0] != '/')
        FAIL(e, ST_DENIED, "the file is not at Twilio: the account's token is not sent there");
    TRY(twilio_start_call(a, ch, "GET", TWILIO_API, path, ret, e));
    ret->is_guarded = true;
    return ST_OK;
}

/* Rates: "WhatsApp best practices": 80 messages a second and sender; the pair rate is Meta's. */
const struct provider provider_twilio = {
    .name = "twilio",
    .channel = "whatsapp",
    .limits =
        {
            .text_points = TWILIO_TEXT_POINTS,
            .caption_points = TWILIO_TEXT_POINTS,
            .buttons = 10,
            .button_points = 60,
            .list_rows = 10,
            .per_second = 80,
            .pair_interval_ms = 6000,
            .pair_burst = 45,
            .window_ms = SERVICE_WINDOW_MS,
        },
    .verify = twilio_verify,
    .signature_header = "X-Twilio-Signature",
    .answer = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response></Response>",
    .answer_type = "text/xml",
    .parse = twilio_parse,
    .build = twilio_build,
    .judge = twilio_judge,
    .explain = twilio_explain,
    .probe = probe,
    .judge_probe = twilio_judge_probe,
    .ask_hook = twilio_ask_hook,
    .judge_hook = twilio_judge_hook,
    .list_templates = twilio_list_templates,
    .judge_list_templates = twilio_judge_list_templates,
    .get_media = get_media,
};
