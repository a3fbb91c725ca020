/* twilio.c - the fake Twilio's admission, its errors, forms, ids, the account itself and typing marks.
 * Sources: Twilio's guides "Webhook request" and "Webhooks security", the Messages and Content API
 * references, its error dictionary.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sim/twilio.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "crypto/crypto.h"

enum {
    ERROR_MAX_BYTES = 8 << 10,
    PAGE_MAX = 1000,
    PAGE_DEFAULT = 50,
};

/* --- life ------------------------------------------------------------------------------------ */

struct twilio *twilio_new(const struct sim_options *o) {
    struct twilio *t = calloc(1, sizeof(*t));

    if (!t)
        abort();
    t->account_sid = own(o->twilio_account_sid.len > 0 ? o->twilio_account_sid
                                                       : STR("AC5150515051505150515051505150515a"));
    t->auth_token =
        own(o->twilio_auth_token.len > 0 ? o->twilio_auth_token : STR("sim-auth-token"));
    inbound_init(&t->inbound, o);
    t->contents = contents_new();
    return t;
}

void twilio_free(struct twilio *t) {
    disown(&t->account_sid);
    disown(&t->auth_token);
    inbound_done(&t->inbound);
    contents_free(t->contents);
    free(t);
}

void twilio_set_text(struct str *at, const struct json *v) {
    if (json_type(v) != JSON_STRING)
        return;
    disown(at);
    *at = own(json_str(v));
}

/* POST /sim/twilio {"account_sid"?, "auth_token"?} and what inbound_set takes */
enum status twilio_settings(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);
    const struct json *v;

    sim_allow_origin(s, r, resp);
    TRY(sim_body(r, &v, e));
    sim_lock(s);
    inbound_set(&s->twilio->inbound, v);
    twilio_set_text(&s->twilio->account_sid, json_get(v, "account_sid"));
    twilio_set_text(&s->twilio->auth_token, json_get(v, "auth_token"));
    sim_unlock(s);
    resp_text(resp, 200, STR("{\"ok\":true}"));
    resp->content_type = STR("application/json");
    return ST_OK;
}

/* --- forms ----------------------------------------------------------------------------------- */

static int hex_value(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool unescape(struct arena *a, struct str s, struct str *ret) {
    char *out = arena_alloc(a, s.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        int high, low;

        if (s.ptr[i] != '%') {
            out[n++] = s.ptr[i] == '+' ? ' ' : s.ptr[i];
            continue;
        }
        high = i + 2 < s.len ? hex_value(s.ptr[i + 1]) : -1;
        low = i + 2 < s.len ? hex_value(s.ptr[i + 2]) : -1;
        if (high < 0 || low < 0)
            return false;
        out[n++] = (char)(high * 16 + low);
        i += 2;
    }
    *ret = (struct str){.ptr = out, .len = n};
    return true;
}

bool fields_read(struct arena *a, struct str body, struct fields *ret) {
    *ret = (struct fields){0};
    while (body.len > 0) {
        struct str pair, name;

        (void)str_cut(&body, '&', &pair);
        if (pair.len == 0)
            continue;
        (void)str_cut(&pair, '=', &name);
        if (ret->n == TWILIO_FIELDS_MAX || !unescape(a, name, &ret->list[ret->n].name) ||
            !unescape(a, pair, &ret->list[ret->n].value))
            return false;
        ret->n++;
    }
    return true;
}

struct str fields_get(const struct fields *f, const char *name) {
    for (size_t i = 0; i < f->n; i++) {
        if (str_eq(f->list[i].name, str_of(name)))
            return f->list[i].value;
    }
    return STR_EMPTY;
}

void fields_put(struct fields *f, const char *name, struct str value) {
    if (f->n == TWILIO_FIELDS_MAX)
        return;
    f->list[f->n].name = str_of(name);
    f->list[f->n++].value = value;
}

static void escape(struct buf *b, struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            c == '-' || c == '_' || c == '.' || c == '*')
            buf_add_char(b, c);
        else if (c == ' ')
            buf_add_char(b, '+');
        else
            buf_printf(b, "%%%02X", (unsigned char)c);
    }
}

void fields_write(const struct fields *f, struct buf *b) {
    for (size_t i = 0; i < f->n; i++) {
        if (i > 0)
            buf_add_char(b, '&');
        escape(b, f->list[i].name);
        buf_add_char(b, '=');
        escape(b, f->list[i].value);
    }
}

static bool is_first(const struct fields *f, size_t i) {
    for (size_t k = 0; k < i; k++) {
        if (str_eq(f->list[k].name, f->list[i].name))
            return false;
    }
    return true;
}

void fields_write_json(const struct fields *f, struct json_out *o) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};

    json_obj(o, NULL);
    for (size_t i = 0; i < f->n; i++) {
        const char *name = arena_cstr(&a, f->list[i].name);

        if (name && is_first(f, i))
            json_put_str(o, name, f->list[i].value);
    }
    json_end(o);
}

/* --- errors ---------------------------------------------------------------------------------- */

static const struct {
    int64_t code;
    unsigned http; /* 0: it comes in a status, not in an answer */
    const char *title;
} codes[] = {
    {20001, 400, "Bad request"},
    {20003, 401, "Authenticate"},
    {20008, 403, "Resource not accessible with Test Account Credentials"},
    {20403, 403, "Forbidden"},
    {20404, 404, "The requested resource was not found"},
    {20429, 429, "Too Many Requests"},
    {20500, 500, "Internal Server Error"},
    {20503, 503, "Service unavailable"},
    {21211, 400, "The 'To' number is not a valid phone number"},
    {21212, 400,
     "The 'From' number is not a valid phone number, shortcode, or alphanumeric sender"},
    {21408, 400, "Permission to send an SMS has not been enabled for the region"},
    {21602, 400, "Message body is required"},
    {21603, 400, "A 'From' phone number is required"},
    {21604, 400, "A 'To' phone number is required"},
    {21606, 400, "The 'From' phone number provided is not a valid message-capable number"},
    {21610, 400, "Attempt to send to unsubscribed recipient"},
    {21611, 429, "This 'From' number has exceeded the maximum number of queued messages"},
    {21614, 400, "'To' number is not a valid mobile number"},
    {21617, 400, "The concatenated message body exceeds the 1600 character limit"},
    {21619, 400, "A text message body or media urls must be specified"},
    {21620, 400, "Invalid media URL(s)"},
    {21623, 400, "Number of media files exceeds allowed limit"},
    {21656, 400, "The ContentVariables Parameter is invalid"},
    {30008, 0, "Unknown error"},
    {63003, 0, "Channel could not find To address"},
    {63007, 400, "Twilio could not find a Channel with the specified From address"},
    {63016, 0, "Failed to send freeform message because you are outside the allowed window"},
    {63018, 0, "Rate limit exceeded for Channel"},
    {63019, 0, "Media failed to download"},
    {63024, 0, "Invalid message recipient"},
    {63027, 0, "Template does not exist for a language and locale"},
    {63028, 0, "Number of parameters provided does not match the expected number of parameters"},
    {63029, 0, "Template is paused"},
    {63031, 400, "Message cannot have the same To and From"},
    {63032, 0, "User cannot receive this message"},
    {63038, 429, "Account exceeded the daily messages limit"},
    {63049, 0, "Meta chose not to deliver this WhatsApp marketing message"},
};

const char *twilio_error_title(int64_t code) {
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        if (codes[i].code == code)
            return codes[i].title;
    }
    return "Unknown error";
}

static unsigned http_of(int64_t code) {
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        if (codes[i].code == code && codes[i].http != 0)
            return codes[i].http;
    }
    return 400;
}

void twilio_refuse(const struct req *r, struct resp *resp, struct twilio_error x) {
    unsigned http = x.http ? x.http : http_of(x.code);
    struct json_out o;
    struct buf b;

    buf_init(&b, ERROR_MAX_BYTES);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_i64(&o, "code", x.code);
    json_put_str(&o, "message", x.message.len > 0 ? x.message : str_of(twilio_error_title(x.code)));
    json_put_str(
        &o, "more_info",
        arena_printf(r->arena, "https://www.twilio.com/docs/errors/%lld", (long long)x.code));
    json_put_i64(&o, "status", http);
    json_end(&o);
    resp_json(r, resp, http, &b);
    buf_done(&b);
    if (x.retry_after_s > 0)
        resp_header(resp, "Retry-After",
                    arena_printf(r->arena, "%lld", (long long)x.retry_after_s));
}

/* --- admission ------------------------------------------------------------------------------- */

static bool read_credentials(const struct req *r, struct str *ret_user, struct str *ret_password) {
    struct str basic = req_header(r, "authorization");

    *ret_user = STR_EMPTY;
    if (!str_eat(&basic, STR("Basic ")) ||
        !crypto_unbase64(r->arena, str_trim(basic), ret_password))
        return false;
    (void)str_cut(ret_password, ':', ret_user);
    return true;
}

bool twilio_is_key(const struct req *r) {
    struct str user, password;

    return read_credentials(r, &user, &password) && str_starts(user, STR("SK"));
}

static bool has_credentials(const struct twilio *t, const struct req *r) {
    struct str user, password;

    return read_credentials(r, &user, &password) &&
           (str_eq(user, t->account_sid) || str_starts(user, STR("SK"))) &&
           str_eq(password, t->auth_token);
}

bool twilio_admit(struct sim *s, const struct req *r, struct resp *resp) {
    struct str account = req_param(r, "account");
    bool is_known, is_right;

    (void)(str_ends(account, STR(".json")) && (account.len -= 5));
    sim_lock(s);
    is_right = has_credentials(s->twilio, r);
    is_known = account.len == 0 || str_eq(account, s->twilio->account_sid);
    sim_unlock(s);
    if (!is_right)
        twilio_refuse(r, resp, (struct twilio_error){.code = 20003});
    else if (!is_known)
        twilio_refuse(r, resp, (struct twilio_error){.code = 20404});
    return is_right && is_known;
}

/* --- addresses, ids, dates ------------------------------------------------------------------- */

struct str twilio_party(struct arena *a, struct str address, bool *ret_is_user_id) {
    *ret_is_user_id = false;
    if (!str_eat(&address, STR("whatsapp:")))
        return STR_EMPTY;
    if (address.len > 3 && address.ptr[2] == '.') {
        *ret_is_user_id = true;
        return address;
    }
    return str_starts(address, STR("+")) ? phone_wa_id(a, address) : STR_EMPTY;
}

/* 16 hexadecimal digits of the number, 16 of chance. */
struct str twilio_sid(struct arena *a, const char *prefix, struct str phone_key) {
    int64_t number = 0;
    uint64_t chance;

    (void)str_parse_i64(phone_key, 0, INT64_MAX, &number);
    crypto_random(&chance, sizeof(chance));
    return arena_printf(a, "%s%016llx%016llx", prefix, (unsigned long long)number,
                        (unsigned long long)chance);
}

struct phone *twilio_phone_of(struct sim *s, struct str sid) {
    uint64_t number = 0;
    char key[24];

    if (sid.len != TWILIO_SID_LEN)
        return NULL;
    for (size_t i = 2; i < 18; i++) {
        int digit = hex_value(sid.ptr[i]);

        if (digit < 0)
            return NULL;
        number = number * 16 + (uint64_t)digit;
    }
    (void)snprintf(key, sizeof(key), "%llu", (unsigned long long)number);
    return phone_find(s, str_of(key));
}

/* Without the process's locale. */
struct str twilio_date(struct arena *a, int64_t at_ms) {
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm tm;

    if (!gmtime_r(&seconds, &tm))
        return STR_EMPTY;
    return arena_printf(a, "%s, %02d %s %d %02d:%02d:%02d +0000", days[tm.tm_wday], tm.tm_mday,
                        months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

struct str twilio_iso(struct arena *a, int64_t at_ms) {
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm tm;

    if (!gmtime_r(&seconds, &tm))
        return STR_EMPTY;
    return arena_printf(a, "%d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
                        tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* --- pages of a list ------------------------------------------------------------------------- */

void twilio_page_read(const struct req *r, struct twilio_page *p) {
    p->size = PAGE_DEFAULT;
    (void)str_parse_i64(req_query(r, "PageSize"), 1, PAGE_MAX, &p->size);
    (void)str_parse_i64(req_query(r, "Page"), 0, PAGE_MAX, &p->page);
    p->from = (size_t)(p->page * p->size) < p->n ? (size_t)(p->page * p->size) : p->n;
    p->to = p->from + (size_t)p->size < p->n ? p->from + (size_t)p->size : p->n;
}

void twilio_page_write(struct sim *s, const struct req *r, const struct twilio_page *p,
                       struct json_out *o) {
    struct arena *a = r->arena;
    struct str at = arena_printf(a, "%.*s%.*s?%.*sPageSize=%lld&Page=", STR_ARG(s->address),
                                 STR_ARG(r->path), STR_ARG(p->query), (long long)p->size);
    long long page = p->page;

    json_obj(o, "meta");
    json_put_str(o, "key", str_of(p->key));
    json_put_i64(o, "page", page);
    json_put_i64(o, "page_size", p->size);
    json_put_str(o, "first_page_url", arena_printf(a, "%.*s0", STR_ARG(at)));
    json_put_str(o, "url", arena_printf(a, "%.*s%lld", STR_ARG(at), page));
    json_put_str_or_null(o, "next_page_url",
                         p->to == p->n ? STR_EMPTY
                                       : arena_printf(a, "%.*s%lld", STR_ARG(at), page + 1));
    json_put_str_or_null(o, "previous_page_url",
                         page == 0 ? STR_EMPTY
                                   : arena_printf(a, "%.*s%lld", STR_ARG(at), page - 1));
    json_end(o);
}

/* --- the account, typing marks --------------------------------------------------------------- */

/* GET /2010-04-01/Accounts/{sid}.json: not with a standard API key. */
enum status twilio_account(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);
    struct json_out o;
    struct buf b;

    (void)e;
    if (!twilio_admit(s, r, resp))
        return ST_OK;
    if (twilio_is_key(r)) {
        twilio_refuse(r, resp, (struct twilio_error){.code = 20003});
        return ST_OK;
    }
    buf_init(&b, ERROR_MAX_BYTES);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    sim_lock(s);
    json_put_str(&o, "sid", s->twilio->account_sid);
    json_put_str(&o, "owner_account_sid", s->twilio->account_sid);
    sim_unlock(s);
    json_put_str(&o, "friendly_name", STR("Prosa"));
    json_put_str(&o, "status", STR("active"));
    json_put_str(&o, "type", STR("Full"));
    json_put_str(&o, "date_created", twilio_date(r->arena, clock_now_ms()));
    json_put_str(&o, "date_updated", twilio_date(r->arena, clock_now_ms()));
    json_end(&o);
    resp_json(r, resp, 200, &b);
    buf_done(&b);
    return ST_OK;
}

/* The message and those before it turn blue. */
static void mark_read(struct sim *s, struct phone *p, struct str sid) {
    LIST_EACH(&p->bubbles, n) {
        struct bubble *b = LIST_ITEM(n, struct bubble, node);

        if (!b->is_out)
            phone_status(p, b, STR("read"));
        if (str_eq(b->id, sid))
            break;
    }
    p->typing_until_ms = clock_now_ms() + 25000;
    phone_changed(s, p);
}

/* POST /v2/Indicators/Typing.json */
enum status twilio_typing(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);
    struct fields f;
    struct phone *p;

    (void)e;
    if (!twilio_admit(s, r, resp))
        return ST_OK;
    if (!fields_read(r->arena, r->body, &f) ||
        !str_eq(fields_get(&f, "channel"), STR("whatsapp"))) {
        twilio_refuse(r, resp, (struct twilio_error){.code = 20001});
        return ST_OK;
    }
    sim_lock(s);
    p = twilio_phone_of(s, fields_get(&f, "messageId"));
    if (p)
        mark_read(s, p, fields_get(&f, "messageId"));
    s->sends.reads += p != NULL;
    sim_unlock(s);
    if (!p) {
        twilio_refuse(r, resp, (struct twilio_error){.code = 20404});
        return ST_OK;
    }
    resp_text(resp, 200, STR("{\"success\":true}"));
    resp->content_type = STR("application/json");
    return ST_OK;
}
