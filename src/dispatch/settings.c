/* settings.c - a tenant's prices, and the caps of campaigns that say nothing of their own.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/rules.h"
#include "dispatch/store.h"

enum { SETTINGS_MAX_BYTES = 4096 };
#define PRICE_MAX INT64_C(1000000000) /* a thousand units */

/* Prices per message in Brazil, in millionths of a real, as of 2026; a tenant sets its own. */
static const struct dispatch_settings defaults = {
    .currency = STR("BRL"),
    .price_marketing = 350000,
    .price_utility = 40000,
    .price_authentication = 40000,
    .price_email = 1000,
    .limits = {.error_percent = 30,
               .error_min = 50,
               .frequency_max = 0,
               .frequency_days = 7,
               .overlap_hours = 24},
};

static const struct {
    const char *name;
    size_t offset;
} prices[] = {
    {"price_marketing", offsetof(struct dispatch_settings, price_marketing)},
    {"price_utility", offsetof(struct dispatch_settings, price_utility)},
    {"price_authentication", offsetof(struct dispatch_settings, price_authentication)},
    {"price_email", offsetof(struct dispatch_settings, price_email)},
};

static int64_t *price_of(struct dispatch_settings *s, size_t i) {
    return (int64_t *)(void *)((char *)s + prices[i].offset);
}

static bool is_currency(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < 'A' || s.ptr[i] > 'Z')
            return false;
    return s.len == 3;
}

static enum status read_into(const struct json *in, struct dispatch_settings *s, struct err *e) {
    const struct json *currency = json_get(in, "currency");

    if (currency && !is_currency(json_str(currency)))
        FAIL(e, ST_INVALID, "currency: three capital letters such as BRL");
    if (currency)
        s->currency = json_str(currency);
    for (size_t i = 0; i < ARRAY_LEN(prices); i++) {
        const struct json *v = json_get(in, prices[i].name);

        if (!v)
            continue;
        if (json_type(v) != JSON_INT || json_i64(v, -1) < 0 || json_i64(v, -1) > PRICE_MAX)
            FAIL(e, ST_INVALID, "%s: millionths of the currency, 0 to %lld", prices[i].name,
                 (long long)PRICE_MAX);
        *price_of(s, i) = json_i64(v, 0);
    }
    return limits_read(in, &s->limits, e);
}

enum status dispatch_settings_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                  struct dispatch_settings *ret, struct err *e) {
    const struct json *stored;
    struct str text;

    *ret = defaults;
    TRY(store_dispatch_settings_get(a, tx, tenant, &text, e));
    TRY(json_parse(a, text, JSON_LIMITS_DEFAULT, &stored, e));
    return read_into(stored, ret, e);
}

enum status dispatch_settings_put(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                  const struct json *in, int64_t now_ms,
                                  struct dispatch_settings *ret, struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = SETTINGS_MAX_BYTES};
    struct json_out o;

    TRY(dispatch_settings_get(a, tx, tenant, ret, e));
    TRY(read_into(in, ret, e));
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_str(&o, "currency", ret->currency);
    for (size_t i = 0; i < ARRAY_LEN(prices); i++)
        json_put_i64(&o, prices[i].name, *price_of(ret, i));
    limits_write(&o, &ret->limits);
    json_end(&o);
    return store_dispatch_settings_put(tx, tenant, arena_str(a, buf_str(&b)), now_ms, e);
}
