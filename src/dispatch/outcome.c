/* outcome.c - the table of reactions.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/outcome.h"

#include "base/clock.h"
#include "phone/phone.h"

enum {
    SECOND_MS = 1000,
    MINUTE_MS = 60 * SECOND_MS,
    HOUR_MS = 60 * MINUTE_MS,
    DAY_MS = 24 * HOUR_MS,
    PAIR_MIN_MS = 6 * SECOND_MS,
    SENDER_MIN_MS = 2 * SECOND_MS,
    SENDER_MAX_MS = 5 * MINUTE_MS,
    HISTORY_MAX_BYTES = 16 << 10,
};

/* n doublings of base, up to max. */
static int64_t doubled(int64_t base, int64_t n, int64_t max) {
    while (n-- > 0 && base < max)
        base *= 2;
    return base < max ? base : max;
}

/* The attempt that is over joins the others; one too many and the oldest stay. */
static struct str remember(struct arena *a, const struct recipient *r, int64_t now_ms) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = HISTORY_MAX_BYTES};
    struct json_out o;

    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_str(&o, "channel", r->channel);
    json_put_str(&o, "template", r->template_name);
    json_put_opt(&o, "provider_id", r->provider_id);
    json_put_i64(&o, "code", r->error_code);
    json_put_str(&o, "cause", r->error_cause);
    json_put_str(&o, "reason", r->error_reason);
    json_put_str(&o, "at", clock_format_iso(a, now_ms));
    json_end(&o);
    if (b.overflown || r->history.len + b.len > HISTORY_MAX_BYTES)
        return r->history;
    if (r->history.len < 2)
        return arena_printf(a, "[%.*s]", STR_ARG(buf_str(&b)));
    return arena_printf(a, "%.*s,%.*s]", STR_ARG(str_sub(r->history, 0, r->history.len - 1)),
                        STR_ARG(buf_str(&b)));
}

static void plan_again(struct outcome *o, int64_t due_at_ms) {
    o->row.state = STR("planned");
    o->row.rank = 0;
    o->row.due_at_ms = due_at_ms;
    o->row.cost = 0;
    o->row.sent_at_ms = 0;
    o->row.provider_id =
        STR_EMPTY; /* that message is history: what is still told of it is not this one's */
}

static void fail(struct arena *a, struct outcome *o, bool may_fall_back, size_t n_channels,
                 int64_t now_ms) {
    o->row.failed_at_ms = now_ms;
    o->row.cost = 0;
    if (!may_fall_back || (size_t)o->row.step + 1 >= n_channels) {
        o->row.state = STR("failed");
        o->row.due_at_ms = 0;
        return;
    }
    plan_again(o, now_ms);
    o->row.step++;
    o->row.attempts = o->row.spared = 0;
    o->row.reason = arena_printf(a, "fallback:%.*s", STR_ARG(o->row.error_cause));
}

/* Meta delivers no marketing to numbers of the United States (since April 2025): a day later it would be the same. */
static bool is_spared_for_good(const struct recipient *r) {
    return str_eq(r->channel, STR("whatsapp")) && phone_is_in(r->address, "US");
}

static void retry(struct arena *a, const struct send_result *result, size_t n_channels,
                  int64_t backoffs, int64_t now_ms, struct outcome *o) {
    int64_t told_ms = result->retry_after_ms, wait_ms;

    if (result->is_spared) {
        if (++o->row.spared >= OUTCOME_MAX_SPARED || is_spared_for_good(&o->row)) {
            fail(a, o, true, n_channels, now_ms);
            return;
        }
        wait_ms = o->row.spared * DAY_MS;
        plan_again(o, now_ms + (told_ms > wait_ms ? told_ms : wait_ms));
        return;
    }
    if (o->row.attempts >= OUTCOME_MAX_ATTEMPTS) {
        fail(a, o, true, n_channels, now_ms);
        return;
    }
    if (result->is_pair_limit) {
        wait_ms = doubled(PAIR_MIN_MS, 2 * (o->row.attempts - 1), HOUR_MS);
        plan_again(o, now_ms + (told_ms > wait_ms ? told_ms : wait_ms));
        return;
    }
    wait_ms = doubled(told_ms > SENDER_MIN_MS ? told_ms : SENDER_MIN_MS, backoffs,
                      told_ms > SENDER_MAX_MS ? told_ms : SENDER_MAX_MS);
    plan_again(o, now_ms + wait_ms);
    o->sender_wait_ms = wait_ms;
}

void outcome_of(struct arena *a, const struct recipient *r, const struct send_result *result,
                size_t n_channels, int64_t backoffs, int64_t now_ms, struct outcome *ret) {
    *ret = (struct outcome){.row = *r};
    ret->row.error_code = result->code;
    ret->row.error_cause = result->cause;
    ret->row.error_reason = result->reason;
    ret->row.history = remember(a, &ret->row, now_ms);
    switch (result->outcome) {
    case SEND_ACCEPTED: /* the caller's, by hundreds */
        return;
    case SEND_RETRY:
        retry(a, result, n_channels, backoffs, now_ms, ret);
        return;
    case SEND_REJECTED:
        ret->is_opt_out = result->is_opt_out;
        if (!result->is_template) {
            fail(a, ret, !result->is_opt_out, n_channels, now_ms);
            return;
        }
        plan_again(ret, now_ms);
        ret->is_stop = true;
        return;
    case SEND_BLOCKED:
        plan_again(ret, now_ms);
        ret->is_stop = ret->is_account = true;
        return;
    case SEND_UNCERTAIN:
        ret->row.state = STR("uncertain");
        ret->row.due_at_ms = 0;
        return;
    }
}
