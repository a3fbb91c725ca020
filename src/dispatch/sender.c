/* sender.c - an account's room: what it may send in a second, and to how many people in a day.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/sender.h"

#include "base/clock.h"

enum { HOUR_MS = 3600 * 1000, DAY_MS = 24 * HOUR_MS, WARM_UP_DAYS = 20 };

static int64_t setting(const struct json *settings, const char *key, int64_t fallback) {
    int64_t v = json_i64(json_get(settings, key), fallback);

    return v > 0 ? v : fallback;
}

/* So many on the first day, twice as many on each that follows; over after three weeks. */
static int64_t warm_up(const struct json *settings, int64_t now_ms) {
    int64_t first = setting(settings, "warmup_first", 0), from_ms, days;

    if (first == 0 || !clock_parse_iso(json_str(json_get(settings, "warmup_from")), &from_ms))
        return 0;
    days = (now_ms - from_ms) / DAY_MS;
    if (days >= WARM_UP_DAYS)
        return 0;
    return days <= 0 ? first : first << days;
}

int64_t sender_per_day(const struct json *settings, int64_t now_ms, struct str *ret_cause) {
    const struct {
        struct str cause;
        int64_t limit;
    } all[] = {
        {STR("tier"), setting(settings, "tier_people", 0)},
        {STR("daily-cap"), setting(settings, "daily_cap", 0)},
        {STR("warm-up"), warm_up(settings, now_ms)},
    };
    int64_t least = 0;

    *ret_cause = STR_EMPTY;
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (all[i].limit == 0 || (least > 0 && all[i].limit >= least))
            continue;
        least = all[i].limit;
        *ret_cause = all[i].cause;
    }
    return least;
}

/* The same bucket as the outbox has for 1:1 messages, but for bulk some of it stays free. */
static void set_paces(struct arena *a, struct sender *s, const struct dispatch_limits *limits) {
    struct str id = uuid_format(a, s->account.v);
    int64_t burst = s->per_second / 10 + 1;

    s->number = (struct pace){.key = arena_printf(a, "number:%.*s", STR_ARG(id)),
                              .interval_us = 1000000 / s->per_second,
                              .burst = burst,
                              .reserve = burst / 4};
    if (limits->per_second > 0 && limits->per_second < s->per_second) {
        s->per_second = limits->per_second;
        s->campaign = (struct pace){.key = arena_printf(a, "campaigns:%.*s", STR_ARG(id)),
                                    .interval_us = 1000000 / limits->per_second,
                                    .burst = limits->per_second / 10 + 1};
    }
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status sender_open(struct arena *a, struct tx *tx, const struct account *account,
                        const struct provider *provider, const struct dispatch_limits *limits,
                        int64_t now_ms, struct sender *ret, struct err *e) {
    struct sender_state state;
    struct str cause;

    *ret = (struct sender){.account = account->id, .room = INT64_MAX};
    TRY(store_sender_get(a, tx, account->tenant, account->id, now_ms, &state, e));
    ret->per_second = setting(account->settings, "per_second",
                              provider->limits.per_second > 0 ? provider->limits.per_second : 1);
    set_paces(a, ret, limits);
    ret->per_day = sender_per_day(account->settings, now_ms, &cause);
    if (ret->per_day > 0)
        ret->room = ret->per_day > state.sent_day ? ret->per_day - state.sent_day : 0;
    if (ret->room == 0) {
        ret->full_cause = cause;
        ret->full_until_ms = state.oldest_slot_ms + DAY_MS + HOUR_MS;
    }
    ret->is_probing = state.backoffs > 0;
    if (state.blocked_until_ms > now_ms) {
        ret->wait_cause = STR("provider-busy");
        ret->wait_until_ms = state.blocked_until_ms;
    }
    return ST_OK;
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status sender_take(struct arena *a, struct tx *tx, struct tenant_id tenant,
                        const struct sender *s, int64_t want, int64_t now_us, int64_t *ret_n,
                        int64_t *ret_wait_us, struct err *e) {
    int64_t granted = want, wait_us = 0;

    *ret_n = *ret_wait_us = 0;
    if (want == 0)
        return ST_OK;
    if (s->campaign.interval_us > 0)
        TRY(pace_take_some(a, tx, tenant, s->campaign, want, now_us, &granted, &wait_us, e));
    if (granted > 0)
        TRY(pace_take_some(a, tx, tenant, s->number, granted, now_us, ret_n, ret_wait_us, e));
    if (granted > *ret_n && s->campaign.interval_us > 0)
        TRY(pace_give_back(tx, tenant, s->campaign, granted - *ret_n, e));
    if (*ret_wait_us < wait_us)
        *ret_wait_us = wait_us;
    return ST_OK;
}
