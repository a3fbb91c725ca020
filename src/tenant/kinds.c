/* kinds.c - the kinds of provider accounts, what each takes and how its values are checked.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tenant/kinds.h"

#include "base/utf8.h"
#include "mime/mime.h"

enum {
    ADDRESS_MAX_BYTES = 100,
    URL_MAX_BYTES = 500,
};
#define MONEY_MAX INT64_C(1000000000000) /* a million units in micro-units */

/* --- the table ------------------------------------------------------------------------------- */

static const struct account_field meta_fields[] = {
    {"base_url", ACCOUNT_URL, false, 0, 0, "where the Graph API is; for simulators and proxies"},
    {"graph_version", ACCOUNT_VERSION, false, 0, 0, "version of the Graph API, such as v26.0"},
    {"waba_id", ACCOUNT_DIGITS, false, 0, 0, "WhatsApp business account id"},
    {"display_phone", ACCOUNT_TEXT, false, 1, 30, "the number as people write it"},
    {"per_second", ACCOUNT_INT, false, 1, 100000, "messages a second the number may send"},
    {"tier_people", ACCOUNT_INT, false, 0, 100000000,
     "people that campaigns may write to in 24 hours, Meta's tier; 0: no limit"},
    {"daily_cap", ACCOUNT_INT, false, 0, 100000000, "the same, a cap of your own"},
    {"warmup_from", ACCOUNT_TEXT, false, 10, 30, "first day of a new number, such as 2026-11-21"},
    {"warmup_first", ACCOUNT_INT, false, 0, 100000000,
     "people on that day; twice as many on each that follows"},
    {"pair_interval_ms", ACCOUNT_INT, false, 0, 3600000, "pace towards one person"},
    {"pair_burst", ACCOUNT_INT, false, 1, 1000, "messages to one person before that pace holds"},
    {"access_token", ACCOUNT_TEXT, true, 1, 4000, "token of a system user or business"},
    {"app_secret", ACCOUNT_TEXT, true, 1, 200, "of the account's own app; else the installation's"},
    {"verify_token", ACCOUNT_TEXT, true, 1, 200,
     "of the account's own app; else the installation's"},
};

static const struct account_field twilio_fields[] = {
    {"base_url", ACCOUNT_URL, false, 0, 0, "where Twilio's API is; for simulators and proxies"},
    {"account_sid", ACCOUNT_TEXT, false, 34, 34, "AC… of the account or subaccount"},
    {"messaging_service_sid", ACCOUNT_TEXT, false, 34, 34,
     "MG…; then the service sends, from this number"},
    {"api_key_sid", ACCOUNT_TEXT, false, 34, 34, "SK…; calls then use the key and its secret"},
    {"display_phone", ACCOUNT_TEXT, false, 1, 30, "the number as people write it"},
    {"per_second", ACCOUNT_INT, false, 1, 1000, "messages a second the number may send"},
    {"pair_interval_ms", ACCOUNT_INT, false, 0, 3600000, "pace towards one person"},
    {"pair_burst", ACCOUNT_INT, false, 1, 1000, "messages to one person before that pace holds"},
    {"auth_token", ACCOUNT_TEXT, true, 1, 200, "signs webhooks, and calls unless there is a key"},
    {"other_auth_token", ACCOUNT_TEXT, true, 1, 200,
     "the other one while it is being replaced: also good for webhooks"},
    {"api_key_secret", ACCOUNT_TEXT, true, 1, 200, "of api_key_sid"},
};

static const struct account_field openai_fields[] = {
    {"base_url", ACCOUNT_URL, false, 0, 0, "such as https://api.openai.com/v1"},
    {"model", ACCOUNT_TEXT, false, 1, 200, "name of the model"},
    {"fallback_model", ACCOUNT_TEXT, false, 1, 200, "asked when the first one fails"},
    {"max_tokens", ACCOUNT_INT, false, 1, 1000000, "longest answer"},
    {"uses_old_max_tokens", ACCOUNT_BOOL, false, 0, 0,
     "true for servers that know only max_tokens"},
    {"temperature", ACCOUNT_REAL, false, 0, 2, "0 to 2; unset: the model's own"},
    {"timeout_ms", ACCOUNT_INT, false, 1000, 600000, "longest wait for an answer"},
    {"price_in_per_million", ACCOUNT_INT, false, 0, MONEY_MAX,
     "of a million tokens read, in millionths of the currency"},
    {"price_out_per_million", ACCOUNT_INT, false, 0, MONEY_MAX,
     "of a million tokens written, in millionths of the currency"},
    {"currency", ACCOUNT_CURRENCY, false, 0, 0, "of the prices, such as USD"},
    {"api_key", ACCOUNT_TEXT, true, 1, 1000, "none for servers that ask for none"},
};

static const struct account_field email_fields[] = {
    {"from_name", ACCOUNT_TEXT, false, 1, 100, "name that people see as the sender"},
    {"reply_to", ACCOUNT_EMAIL, false, 0, 0, "where answers go, if not to the address"},
    {"smtp_host", ACCOUNT_HOST, false, 0, 0,
     "server that takes the mails, such as smtp.example.com"},
    {"smtp_port", ACCOUNT_INT, false, 1, 65535, "465 with tls, 587 with starttls, 25 with none"},
    {"smtp_security", ACCOUNT_SECURITY, false, 0, 0, "tls (default), starttls or none"},
    {"smtp_user", ACCOUNT_TEXT, false, 1, 200, "none for servers that ask for none"},
    {"imap_host", ACCOUNT_HOST, false, 0, 0, "server where answers and bounces arrive"},
    {"imap_port", ACCOUNT_INT, false, 1, 65535, "993 with tls, 143 with starttls or none"},
    {"imap_security", ACCOUNT_SECURITY, false, 0, 0, "tls (default), starttls or none"},
    {"imap_user", ACCOUNT_TEXT, false, 1, 200, "unset: the SMTP server's"},
    {"imap_folder", ACCOUNT_TEXT, false, 1, 100, "folder that is read; unset: INBOX"},
    {"imap_poll_s", ACCOUNT_INT, false, 5, 3600, "seconds between two looks; unset: 30"},
    {"max_connections", ACCOUNT_INT, false, 1, 50, "to the SMTP server at once; unset: 4"},
    {"per_second", ACCOUNT_INT, false, 1, 1000, "mails a second the account may send"},
    {"pair_interval_ms", ACCOUNT_INT, false, 0, 3600000, "pace towards one person"},
    {"pair_burst", ACCOUNT_INT, false, 1, 1000, "mails to one person before that pace holds"},
    {"smtp_password", ACCOUNT_TEXT, true, 1, 1000, "of smtp_user"},
    {"imap_password", ACCOUNT_TEXT, true, 1, 1000, "unset: the SMTP server's"},
    {"unsubscribe_key", ACCOUNT_MADE, true, 32, 200,
     "signs the links by which people leave; made by itself, a new one ends the old links"},
};

static const struct account_kind kinds[] = {
    {.name = "meta",
     .summary = "a WhatsApp number on Meta's Cloud API",
     .address = "phone number id",
     .group = "waba_id",
     .fields = meta_fields,
     .n_fields = ARRAY_LEN(meta_fields)},
    {.name = "twilio",
     .summary = "a WhatsApp number on Twilio",
     .address = "sender's number",
     .group = "messaging_service_sid",
     .fields = twilio_fields,
     .n_fields = ARRAY_LEN(twilio_fields)},
    {.name = "email",
     .summary = "a mailbox: SMTP out, IMAP in",
     .address = "e-mail address",
     .fields = email_fields,
     .n_fields = ARRAY_LEN(email_fields),
     .is_address_email = true},
    {.name = "openai",
     .summary = "a model behind an OpenAI-compatible API",
     .fields = openai_fields,
     .n_fields = ARRAY_LEN(openai_fields)},
};

const struct account_kind *account_kinds(size_t *ret_n) {
    *ret_n = ARRAY_LEN(kinds);
    return kinds;
}

const struct account_kind *account_kind_find(struct str name) {
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_eq(name, str_of(kinds[i].name)))
            return &kinds[i];
    return NULL;
}

const struct account_field *kind_field(const struct account_kind *kind, struct str name) {
    for (size_t i = 0; i < kind->n_fields; i++)
        if (str_eq(name, str_of(kind->fields[i].name)))
            return &kind->fields[i];
    return NULL;
}

/* --- values ---------------------------------------------------------------------------------- */

static bool is_digits(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    return s.len > 0;
}

/* White space inside is refused with the control characters: a pasted token with a line break in it
 * fails much later and far from here. */
static enum status check_text(const struct account_field *f, struct str v, struct err *e) {
    if (!utf8_is_valid(v))
        FAIL(e, ST_INVALID, "\"%s\" is not UTF-8", f->name);
    for (size_t i = 0; i < v.len; i++)
        if ((unsigned char)v.ptr[i] < ' ' || (f->is_secret && v.ptr[i] == ' '))
            FAIL(e, ST_INVALID, "\"%s\" holds a space or control character", f->name);
    if (utf8_count(v) < (size_t)f->min || utf8_count(v) > (size_t)f->max)
        FAIL(e, ST_INVALID, "\"%s\" has %lld to %lld characters", f->name, (long long)f->min,
             (long long)f->max);
    return ST_OK;
}

/* A name or password in the URL would end up in logs, a query in the middle of the paths we add. */
static enum status check_url(const struct account_field *f, struct str v, struct str *ret,
                             struct err *e) {
    struct str host = v;

    if (!str_eat(&host, STR("https://")) && !str_eat(&host, STR("http://")))
        FAIL(e, ST_INVALID, "\"%s\" does not begin with https:// or http://", f->name);
    while (host.len > 0 && host.ptr[host.len - 1] == '/')
        host.len--;
    *ret = str_sub(v, 0, (size_t)(host.ptr - v.ptr) + host.len);
    if (host.len == 0 || v.len > URL_MAX_BYTES)
        FAIL(e, ST_INVALID, "\"%s\" has no host or is longer than %d bytes", f->name,
             URL_MAX_BYTES);
    for (size_t i = 0; i < host.len; i++)
        if (host.ptr[i] <= ' ' || host.ptr[i] > '~' ||
            str_contains(STR("@?#\\\"<>"), str_sub(host, i, 1)))
            FAIL(e, ST_INVALID, "\"%s\" holds a user name, a query or a character of no URL",
                 f->name);
    return ST_OK;
}

static bool is_version(struct str s) {
    struct str major;

    return str_eat(&s, STR("v")) && str_cut(&s, '.', &major) && is_digits(major) && is_digits(s) &&
           major.len < 4 && s.len < 4;
}

static bool is_currency(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < 'A' || s.ptr[i] > 'Z')
            return false;
    return s.len == 3;
}

/* Plain decimals only: strtod alone would also take "nan", hexadecimals and "1e300". */
static bool parse_real(struct str s, double *ret) {
    double v = 0, unit = 1;
    bool is_fraction = false;

    if (s.len == 0 || s.len > 12)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '.' && !is_fraction && i > 0 && i + 1 < s.len) {
            is_fraction = true;
        } else if (s.ptr[i] >= '0' && s.ptr[i] <= '9') {
            unit = is_fraction ? unit * 10 : 1;
            v = v * 10 + (s.ptr[i] - '0');
        } else {
            return false;
        }
    }
    *ret = v / unit;
    return true;
}

static enum status check_number(const struct account_field *f, struct str v, struct err *e) {
    int64_t i;
    double r;
    bool good = f->type == ACCOUNT_INT
                    ? str_parse_i64(v, f->min, f->max, &i)
                    : parse_real(v, &r) && r >= (double)f->min && r <= (double)f->max;

    if (!good)
        FAIL(e, ST_INVALID, "\"%s\" is a number from %lld to %lld", f->name, (long long)f->min,
             (long long)f->max);
    return ST_OK;
}

static bool is_host(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '-' || c == ':'))
            return false;
    }
    return s.len > 0 && s.len <= 253 && s.ptr[0] != '-';
}

static bool is_security(struct str s) {
    return str_eq(s, STR("tls")) || str_eq(s, STR("starttls")) || str_eq(s, STR("none"));
}

static struct str lower(struct arena *a, struct str s) {
    char *out = arena_alloc(a, s.len + 1);

    for (size_t i = 0; i < s.len; i++)
        out[i] = s.ptr[i] >= 'A' && s.ptr[i] <= 'Z' ? (char)(s.ptr[i] | 0x20) : s.ptr[i];
    return (struct str){.ptr = out, .len = s.len};
}

static enum status check_mail(struct arena *a, const struct account_field *f, struct str v,
                              struct str *ret, struct err *e) {
    *ret = lower(a, v);
    if (f->type == ACCOUNT_EMAIL && !mime_is_address(v))
        FAIL(e, ST_INVALID, "\"%s\" is not like \"ana@example.com\"", f->name);
    if (f->type == ACCOUNT_HOST && !is_host(v))
        FAIL(e, ST_INVALID, "\"%s\" is a host name such as \"mail.example.com\", without a port",
             f->name);
    if (f->type == ACCOUNT_SECURITY && !is_security(*ret))
        FAIL(e, ST_INVALID, "\"%s\" is tls, starttls or none", f->name);
    return ST_OK;
}

enum status kind_check_value(struct arena *a, const struct account_field *f, struct str value,
                             struct str *ret, struct err *e) {
    struct str v = str_trim(value);

    switch (f->type) {
    case ACCOUNT_TEXT:
    case ACCOUNT_MADE:
        TRY(check_text(f, v, e));
        break;
    case ACCOUNT_URL:
        TRY(check_url(f, v, &v, e));
        break;
    case ACCOUNT_INT:
    case ACCOUNT_REAL:
        TRY(check_number(f, v, e));
        break;
    case ACCOUNT_DIGITS:
        if (!is_digits(v) || v.len > ADDRESS_MAX_BYTES)
            FAIL(e, ST_INVALID, "\"%s\" has digits only", f->name);
        break;
    case ACCOUNT_VERSION:
        if (!is_version(v))
            FAIL(e, ST_INVALID, "\"%s\" is not like \"v26.0\"", f->name);
        break;
    case ACCOUNT_BOOL:
        if (!str_eq(v, STR("true")) && !str_eq(v, STR("false")))
            FAIL(e, ST_INVALID, "\"%s\" is true or false", f->name);
        break;
    case ACCOUNT_EMAIL:
    case ACCOUNT_HOST:
    case ACCOUNT_SECURITY:
        TRY(check_mail(a, f, v, &v, e));
        break;
    case ACCOUNT_CURRENCY:
        if (!is_currency(v))
            FAIL(e, ST_INVALID, "\"%s\" is not like \"BRL\"", f->name);
        break;
    }
    *ret = arena_str(a, v);
    return ST_OK;
}

void kind_put_value(struct json_out *o, const struct account_field *f, struct str value) {
    int64_t i = 0;
    double r = 0;

    switch (f->type) {
    case ACCOUNT_INT:
        (void)str_parse_i64(value, f->min, f->max, &i);
        json_put_i64(o, f->name, i);
        break;
    case ACCOUNT_REAL:
        (void)parse_real(value, &r);
        json_put_real(o, f->name, r);
        break;
    case ACCOUNT_BOOL:
        json_put_bool(o, f->name, str_eq(value, STR("true")));
        break;
    case ACCOUNT_TEXT:
    case ACCOUNT_URL:
    case ACCOUNT_DIGITS:
    case ACCOUNT_VERSION:
    case ACCOUNT_CURRENCY:
    case ACCOUNT_EMAIL:
    case ACCOUNT_HOST:
    case ACCOUNT_SECURITY:
    case ACCOUNT_MADE:
        json_put_str(o, f->name, value);
        break;
    }
}

enum status kind_check_address(const struct account_kind *kind, struct str address, struct err *e) {
    if (!kind->address && address.len > 0)
        FAIL(e, ST_INVALID, "an account of kind \"%s\" has no address", kind->name);
    if (kind->is_address_email) {
        if (!mime_is_address(address))
            FAIL(e, ST_INVALID, "the address is an e-mail address such as \"vendas@example.com\"");
        return ST_OK;
    }
    if (kind->address && (!is_digits(address) || address.len > ADDRESS_MAX_BYTES))
        FAIL(e, ST_INVALID, "the address is a %s, digits only", kind->address);
    return ST_OK;
}
