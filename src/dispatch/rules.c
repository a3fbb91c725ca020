/* rules.c - what a campaign is told, checked where it comes in and read where it is used.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/rules.h"

enum { RULES_MAX_BYTES = 1 << 20, TEXT_MAX = 1024, NAME_MAX_BYTES = 512 };

static const struct {
    const char *channel, *template_name;
} defaults[] = {
    {"whatsapp", "cobranca_padrao_whatsapp_v1"},
    {"email", "cobranca_padrao_email_v1"},
};

static struct str text_of(struct arena *a, const struct json *v) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = RULES_MAX_BYTES};

    json_write(&b, v);
    return arena_str(a, buf_str(&b));
}

/* --- channels ----------------------------------------------------------------------------------------------------------- */

static const char *default_template(struct str channel) {
    for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
        if (str_eq(channel, str_of(defaults[i].channel)))
            return defaults[i].template_name;
    return NULL;
}

static enum status read_channel(const struct json *v, struct channel_rule *ret, struct err *e) {
    struct str account = json_str(json_get(v, "account_id"));

    *ret = (struct channel_rule){.channel = json_str(json_get(v, "channel")),
                                 .template_name = json_str(json_get(v, "template")),
                                 .language = json_str(json_get(v, "language"))};
    if (!default_template(ret->channel))
        FAIL(e, ST_INVALID, "channels: each names a \"channel\", \"whatsapp\" or \"email\"");
    if (ret->template_name.len == 0)
        ret->template_name = str_of(default_template(ret->channel));
    if (ret->template_name.len > NAME_MAX_BYTES || ret->language.len > 20)
        FAIL(e, ST_INVALID, "channels: template or language is too long");
    if (account.len > 0 && !uuid_parse(account, &ret->account.v))
        FAIL(e, ST_INVALID, "channels: account_id is no id");
    return ST_OK;
}

static enum status read_channels(const struct json *in, struct rules *ret, struct err *e) {
    ret->n = json_len(in);
    if (json_type(in) != JSON_ARRAY || ret->n == 0 || ret->n > ARRAY_LEN(defaults))
        FAIL(e, ST_INVALID, "channels: an array of one or two channels, the first choice first");
    for (size_t i = 0; i < ret->n; i++) {
        TRY(read_channel(json_at(in, i), &ret->channels[i], e));
        for (size_t k = 0; k < i; k++)
            if (str_eq(ret->channels[k].channel, ret->channels[i].channel))
                FAIL(e, ST_INVALID, "channels: each channel once");
    }
    return ST_OK;
}

static void use_defaults(struct rules *ret) {
    ret->n = ARRAY_LEN(defaults);
    for (size_t i = 0; i < ret->n; i++)
        ret->channels[i] =
            (struct channel_rule){.channel = str_of(defaults[i].channel),
                                  .template_name = str_of(defaults[i].template_name)};
}

struct str rules_channels(struct arena *a, const struct rules *r) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = RULES_MAX_BYTES};
    struct json_out o;

    json_out_init(&o, &b);
    json_arr(&o, NULL);
    for (size_t i = 0; i < r->n; i++) {
        const struct channel_rule *rule = &r->channels[i];

        json_obj(&o, NULL);
        json_put_str(&o, "channel", rule->channel);
        json_put_str(&o, "template", rule->template_name);
        json_put_opt(&o, "language", rule->language);
        if (!uuid_is_nil(rule->account.v))
            json_put_str(&o, "account_id", uuid_format(a, rule->account.v));
        json_end(&o);
    }
    json_end(&o);
    return arena_str(a, buf_str(&b));
}

enum status rules_check_channels(struct arena *a, const struct json *in, struct str *ret,
                                 struct err *e) {
    struct rules r = {0};

    if (in)
        TRY(read_channels(in, &r, e));
    else
        use_defaults(&r);
    *ret = rules_channels(a, &r);
    return ST_OK;
}

/* --- audience ----------------------------------------------------------------------------------------------------------- */

static bool is_uuid(const struct json *v) {
    struct uuid id;

    return uuid_parse(json_str(v), &id);
}

enum status rules_check_audience(struct arena *a, const struct json *in, struct str *ret,
                                 struct err *e) {
    const struct json *filter = json_get(in, "filter"), *segment = json_get(in, "segment"),
                      *import = json_get(in, "import"), *leads = json_get(in, "leads");

    if (!!filter + !!segment + !!import + !!leads != 1 || json_len(in) != 1)
        FAIL(e, ST_INVALID,
             "audience: exactly one of \"filter\", \"segment\", \"import\" and \"leads\"");
    if (filter && json_type(filter) != JSON_OBJECT)
        FAIL(e, ST_INVALID, "audience.filter: an object as the query of leads takes");
    if ((segment && !is_uuid(segment)) || (import && !is_uuid(import)))
        FAIL(e, ST_INVALID, "audience: not an id");
    if (leads && (json_type(leads) != JSON_ARRAY || json_len(leads) == 0 ||
                  json_len(leads) > DISPATCH_IDS_MAX))
        FAIL(e, ST_INVALID, "audience.leads: 1 to %d ids", DISPATCH_IDS_MAX);
    for (size_t i = 0; i < json_len(leads); i++)
        if (!is_uuid(json_at(leads, i)))
            FAIL(e, ST_INVALID, "audience.leads: not an id");
    *ret = text_of(a, in);
    return ST_OK;
}

/* --- variables ---------------------------------------------------------------------------------------------------------- */

enum status rules_check_variables(struct arena *a, const struct json *in, struct str *ret,
                                  struct err *e) {
    struct str key;
    const struct json *v;

    if (json_type(in) != JSON_OBJECT || json_len(in) > 100)
        FAIL(e, ST_INVALID, "variables: an object of at most 100");
    for (size_t i = 0; json_member(in, i, &key, &v); i++) {
        bool is_text = json_type(v) == JSON_STRING;
        bool is_rule = json_type(v) == JSON_OBJECT &&
                       (json_str(json_get(v, "field")).len > 0 || json_get(v, "text"));

        if (!is_text && !is_rule)
            FAIL(e, ST_INVALID,
                 "variables: each is {\"field\": …, \"default\": …}, {\"text\": …} or a text");
        if (key.len > NAME_MAX_BYTES || json_str(v).len > TEXT_MAX ||
            json_str(json_get(v, "text")).len > TEXT_MAX ||
            json_str(json_get(v, "default")).len > TEXT_MAX)
            FAIL(e, ST_INVALID, "variables: at most %d bytes each", TEXT_MAX);
    }
    *ret = text_of(a, in);
    return ST_OK;
}

/* --- limits ------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    size_t offset;
    int64_t max;
} limit_members[] = {
    {"per_second", offsetof(struct dispatch_limits, per_second), 1000},
    {"error_percent", offsetof(struct dispatch_limits, error_percent), 100},
    {"error_min", offsetof(struct dispatch_limits, error_min), 1000000},
    {"frequency_max", offsetof(struct dispatch_limits, frequency_max), 1000},
    {"frequency_days", offsetof(struct dispatch_limits, frequency_days), 365},
    {"overlap_hours", offsetof(struct dispatch_limits, overlap_hours), 8760},
};

static int64_t *member_of(struct dispatch_limits *limits, size_t i) {
    return (int64_t *)(void *)((char *)limits + limit_members[i].offset);
}

enum status limits_read(const struct json *in, struct dispatch_limits *ret, struct err *e) {
    for (size_t i = 0; i < ARRAY_LEN(limit_members); i++) {
        const struct json *v = json_get(in, limit_members[i].name);

        if (!v || json_type(v) == JSON_NULL)
            continue;
        if (json_type(v) != JSON_INT || json_i64(v, -1) < 0 ||
            json_i64(v, -1) > limit_members[i].max)
            FAIL(e, ST_INVALID, "%s: a number from 0 to %lld", limit_members[i].name,
                 (long long)limit_members[i].max);
        *member_of(ret, i) = json_i64(v, 0);
    }
    return ST_OK;
}

void limits_write(struct json_out *o, const struct dispatch_limits *limits) {
    struct dispatch_limits copy = *limits;

    for (size_t i = 0; i < ARRAY_LEN(limit_members); i++)
        json_put_i64(o, limit_members[i].name, *member_of(&copy, i));
}

enum status rules_check_limits(struct arena *a, const struct json *in, struct str *ret,
                               struct err *e) {
    struct dispatch_limits ignored = {0};

    if (json_type(in) != JSON_OBJECT)
        FAIL(e, ST_INVALID, "limits: an object");
    TRY(limits_read(in, &ignored, e));
    *ret = text_of(a, in);
    return ST_OK;
}

/* --- reading ------------------------------------------------------------------------------------------------------------ */

enum status rules_read(struct arena *a, const struct dispatch *d,
                       const struct dispatch_settings *settings, struct rules *ret, struct err *e) {
    const struct json *channels, *limits;

    *ret = (struct rules){.limits = settings->limits};
    TRY(json_parse(a, d->channels, JSON_LIMITS_DEFAULT, &channels, e));
    TRY(read_channels(channels, ret, e));
    TRY(json_parse(a, d->variables, JSON_LIMITS_DEFAULT, &ret->variables, e));
    TRY(json_parse(a, d->audience, JSON_LIMITS_DEFAULT, &ret->audience, e));
    TRY(json_parse(a, d->limits, JSON_LIMITS_DEFAULT, &limits, e));
    return limits_read(limits, &ret->limits, e);
}
