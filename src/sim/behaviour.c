/* behaviour.c - the table of knobs. A knob not in a POST keeps its value.
 *
 *   {"status_delay_ms":50,"duplicate_rate":0.1,"mute_statuses":["read"],"window":"off",
 *    "fail_next":[{"code":131056},{"code":2,"http":503,"retry_after_s":1},{"cut":true}],
 *    "model_fail_next":["429","garbage"]}
 * SPDX-License-Identifier: Apache-2.0 */
#include "sim/behaviour.h"

#include <stddef.h>
#include <string.h>

enum knob_type { KNOB_INT, KNOB_RATE, KNOB_BOOL };

struct knob {
    const char *name;
    enum knob_type type;
    size_t offset;
    int64_t min, max, first;
    double first_rate;
};

#define INT(n, min_, max_, first_)                                                                 \
    {                                                                                              \
        .name = #n, .type = KNOB_INT, .offset = offsetof(struct behaviour, n), .min = (min_),      \
        .max = (max_), .first = (first_)                                                           \
    }
#define RATE(n, first_)                                                                            \
    {                                                                                              \
        .name = #n, .type = KNOB_RATE, .offset = offsetof(struct behaviour, n),                    \
        .first_rate = (first_)                                                                     \
    }
#define BOOL(n, first_)                                                                            \
    { .name = #n, .type = KNOB_BOOL, .offset = offsetof(struct behaviour, n), .first = (first_) }

enum { HOUR_MS = 3600 * 1000, CODE_MAX = 9999999 };

static const struct knob knobs[] = {
    INT(accept_delay_ms, 0, HOUR_MS, 0),
    INT(error_code, 0, CODE_MAX, 131000),
    INT(twilio_error_code, 0, CODE_MAX, 20503),
    INT(stall_ms, 0, HOUR_MS, 60000),
    INT(mps, 0, 1000000, 0),
    RATE(error_rate, 0),
    RATE(stall_rate, 0),
    RATE(cut_before_accept_rate, 0),
    RATE(cut_after_accept_rate, 0),
    INT(status_delay_ms, 0, HOUR_MS, 150),
    INT(batch, 1, 1000, 1),
    INT(batch_wait_ms, 0, 60000, 50),
    INT(failed_code, 0, CODE_MAX, 131026),
    INT(twilio_failed_code, 0, CODE_MAX, 63024),
    BOOL(early_statuses, false),
    RATE(failed_rate, 0),
    RATE(read_rate, 1),
    BOOL(reorder, false),
    RATE(duplicate_rate, 0),
    BOOL(escape, true),
    INT(retry_first_ms, 1, HOUR_MS, 250),
    INT(retry_max_ms, 1, HOUR_MS, 5000),
    INT(retry_for_ms, 0, 24 * HOUR_MS, 600000),
    INT(model_delay_ms, 0, HOUR_MS, 0),
    RATE(model_stall_rate, 0),
    RATE(model_cut_rate, 0),
    RATE(model_garbage_rate, 0),
    RATE(model_error_rate, 0),
};

static const char *const window_names[] = {"error", "status", "off"};
static const char *const mute_names[] = {"sent", "delivered", "read", "failed"};
static const char *const model_fault_names[] = {
    "none",    "429",    "quota",   "500",      "503", "html",  "error200",
    "garbage", "length", "refusal", "too_long", "cut", "stall",
};

static void *at(struct behaviour *b, const struct knob *k) {
    return (char *)b + k->offset;
}

static const void *at_const(const struct behaviour *b, const struct knob *k) {
    return (const char *)b + k->offset;
}

void behaviour_init(struct behaviour *b) {
    memset(b, 0, sizeof(*b));
    for (size_t i = 0; i < ARRAY_LEN(knobs); i++) {
        const struct knob *k = &knobs[i];

        switch (k->type) {
        case KNOB_INT:
            *(int64_t *)at(b, k) = k->first;
            break;
        case KNOB_RATE:
            *(double *)at(b, k) = k->first_rate;
            break;
        case KNOB_BOOL:
            *(bool *)at(b, k) = k->first != 0;
            break;
        }
    }
}

/* Index of s in names; n when it is not there. */
static size_t name_index(struct str s, const char *const *names, size_t n) {
    size_t i = 0;

    while (i < n && !str_eq(s, str_of(names[i])))
        i++;
    return i;
}

static enum status set_knob(struct behaviour *b, const struct knob *k, const struct json *v,
                            struct err *e) {
    int64_t i = json_i64(v, INT64_MIN);
    double rate = json_real(v, -1);

    switch (k->type) {
    case KNOB_INT:
        if (json_type(v) != JSON_INT || i < k->min || i > k->max)
            FAIL(e, ST_INVALID, "%s is an integer from %lld to %lld", k->name, (long long)k->min,
                 (long long)k->max);
        *(int64_t *)at(b, k) = i;
        return ST_OK;
    case KNOB_RATE:
        if (rate < 0 || rate > 1)
            FAIL(e, ST_INVALID, "%s is a number from 0 to 1", k->name);
        *(double *)at(b, k) = rate;
        return ST_OK;
    case KNOB_BOOL:
        if (json_type(v) != JSON_BOOL)
            FAIL(e, ST_INVALID, "%s is true or false", k->name);
        *(bool *)at(b, k) = json_bool(v, false);
        return ST_OK;
    }
    return ST_OK;
}

static enum status set_window(struct behaviour *b, const struct json *v, struct err *e) {
    size_t i = name_index(json_str(v), window_names, ARRAY_LEN(window_names));

    if (i == ARRAY_LEN(window_names))
        FAIL(e, ST_INVALID, "window is \"error\", \"status\" or \"off\"");
    b->window = (int64_t)i;
    return ST_OK;
}

static enum status set_mute(struct behaviour *b, const struct json *v, struct err *e) {
    b->mute = 0;
    for (size_t i = 0; i < json_len(v); i++) {
        size_t bit = name_index(json_str(json_at(v, i)), mute_names, ARRAY_LEN(mute_names));

        if (bit == ARRAY_LEN(mute_names))
            FAIL(e, ST_INVALID,
                 "mute_statuses lists \"sent\", \"delivered\", \"read\", \"failed\"");
        b->mute |= 1u << bit;
    }
    return ST_OK;
}

static enum status set_fail_next(struct behaviour *b, const struct json *v, struct err *e) {
    if (json_len(v) > FAIL_NEXT_MAX)
        FAIL(e, ST_INVALID, "fail_next holds at most %d", FAIL_NEXT_MAX);
    b->n_fail_next = 0;
    for (size_t i = 0; i < json_len(v); i++) {
        const struct json *one = json_at(v, i);

        b->fail_next[b->n_fail_next++] = (struct planned_failure){
            .code = json_i64(json_get(one, "code"), 131000),
            .http = json_i64(json_get(one, "http"), 0),
            .retry_after_s = json_i64(json_get(one, "retry_after_s"), 0),
            .is_cut = json_bool(json_get(one, "cut"), false),
        };
    }
    return ST_OK;
}

static enum status set_model_fail_next(struct behaviour *b, const struct json *v, struct err *e) {
    if (json_len(v) > FAIL_NEXT_MAX)
        FAIL(e, ST_INVALID, "model_fail_next holds at most %d", FAIL_NEXT_MAX);
    b->n_model_fail_next = 0;
    for (size_t i = 0; i < json_len(v); i++) {
        struct str name = json_str(json_at(v, i));
        size_t fault = name_index(name, model_fault_names, ARRAY_LEN(model_fault_names));

        if (fault == ARRAY_LEN(model_fault_names))
            FAIL(e, ST_INVALID, "model_fail_next does not know \"%.*s\"", STR_ARG(name));
        b->model_fail_next[b->n_model_fail_next++] = (enum model_fault)fault;
    }
    return ST_OK;
}

static enum status set_one(struct behaviour *b, struct str key, const struct json *v,
                           struct err *e) {
    for (size_t i = 0; i < ARRAY_LEN(knobs); i++) {
        if (str_eq(key, str_of(knobs[i].name)))
            return set_knob(b, &knobs[i], v, e);
    }
    if (str_eq(key, STR("window")))
        return set_window(b, v, e);
    if (str_eq(key, STR("mute_statuses")))
        return set_mute(b, v, e);
    if (str_eq(key, STR("fail_next")))
        return set_fail_next(b, v, e);
    if (str_eq(key, STR("model_fail_next")))
        return set_model_fail_next(b, v, e);
    FAIL(e, ST_INVALID, "there is no knob \"%.*s\"", STR_ARG(key));
}

enum status behaviour_merge(struct behaviour *b, const struct json *v, struct err *e) {
    struct behaviour changed = *b;
    const struct json *value;
    struct str key;

    if (json_type(v) != JSON_OBJECT)
        FAIL(e, ST_INVALID, "behaviour is an object");
    for (size_t i = 0; json_member(v, i, &key, &value); i++)
        TRY(set_one(&changed, key, value, e));
    *b = changed;
    return ST_OK;
}

static void write_fail_next(struct json_out *o, const struct behaviour *b) {
    json_arr(o, "fail_next");
    for (unsigned i = 0; i < b->n_fail_next; i++) {
        json_obj(o, NULL);
        json_put_i64(o, "code", b->fail_next[i].code);
        json_put_i64(o, "http", b->fail_next[i].http);
        json_put_i64(o, "retry_after_s", b->fail_next[i].retry_after_s);
        json_put_bool(o, "cut", b->fail_next[i].is_cut);
        json_end(o);
    }
    json_end(o);
    json_arr(o, "model_fail_next");
    for (unsigned i = 0; i < b->n_model_fail_next; i++)
        json_put_str(o, NULL, str_of(model_fault_names[b->model_fail_next[i]]));
    json_end(o);
}

void behaviour_write(const struct behaviour *b, struct buf *ret) {
    struct json_out o;

    json_out_init(&o, ret);
    json_obj(&o, NULL);
    for (size_t i = 0; i < ARRAY_LEN(knobs); i++) {
        const struct knob *k = &knobs[i];

        switch (k->type) {
        case KNOB_INT:
            json_put_i64(&o, k->name, *(const int64_t *)at_const(b, k));
            break;
        case KNOB_RATE:
            json_put_real(&o, k->name, *(const double *)at_const(b, k));
            break;
        case KNOB_BOOL:
            json_put_bool(&o, k->name, *(const bool *)at_const(b, k));
            break;
        }
    }
    json_put_str(&o, "window", str_of(window_names[b->window]));
    json_arr(&o, "mute_statuses");
    for (size_t i = 0; i < ARRAY_LEN(mute_names); i++) {
        if (b->mute & 1u << i)
            json_put_str(&o, NULL, str_of(mute_names[i]));
    }
    json_end(&o);
    write_fail_next(&o, b);
    json_end(&o);
}

bool behaviour_next(struct behaviour *b, struct planned_failure *ret) {
    if (b->n_fail_next == 0)
        return false;
    *ret = b->fail_next[0];
    b->n_fail_next--;
    memmove(&b->fail_next[0], &b->fail_next[1], b->n_fail_next * sizeof(b->fail_next[0]));
    return true;
}

enum model_fault behaviour_next_model(struct behaviour *b) {
    enum model_fault fault;

    if (b->n_model_fail_next == 0)
        return MODEL_FAULT_NONE;
    fault = b->model_fail_next[0];
    b->n_model_fail_next--;
    memmove(&b->model_fail_next[0], &b->model_fail_next[1],
            b->n_model_fail_next * sizeof(b->model_fail_next[0]));
    return fault;
}
