/* settings.c - one JSON row per tenant, checked whole before it is kept; what is missing in it is the default.
 * SPDX-License-Identifier: Apache-2.0 */
#include "json/settings.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "calendar/calendar.h"
#include "team/store.h"

enum {
    MINUTES_MAX = 7 * DAY_MIN,
    HOURS_MAX = 90 * 24,
};

static const char *const weekdays[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

static const char defaults[] =
    "{\"hours\":{\"mon\":[[\"00:00\",\"24:00\"]],\"tue\":[[\"00:00\",\"24:00\"]],"
    "\"wed\":[[\"00:00\",\"24:00\"]],\"thu\":[[\"00:00\",\"24:00\"]],\"fri\":[[\"00:00\",\"24:00\"]],"
    "\"sat\":[[\"00:00\",\"24:00\"]],\"sun\":[[\"00:00\",\"24:00\"]]},"
    "\"holidays\":[],\"pickup_minutes\":10,\"escalate_minutes\":30,\"silence_minutes\":60,"
    "\"silence_action\":\"queue\",\"expire_hours\":72,\"assignment\":\"manual\",\"is_sticky\":true,"
    "\"handoff_on_request\":true,\"default_capacity\":10,\"texts\":{"
    "\"waiting\":\"Certo! Já chamei uma pessoa da equipe. Ela responde por aqui mesmo.\","
    "\"delayed\":\"Ainda estamos procurando alguém para atender você. Obrigado por esperar!\","
    "\"out_of_hours\":\"Nossa equipe não está atendendo agora. Deixe sua mensagem: respondemos "
    "assim que voltarmos.\",\"closed\":\"\"}}";

/* --- reading --------------------------------------------------------------------------------------------------------- */

static bool parse_time(struct str s, int *ret) { /* "09:00" to "24:00" */
    uint64_t h, m;

    if (s.len != 5 || !str_eat_u64(&s, 24, &h) || !str_eat(&s, STR(":")) || s.len != 2 ||
        !str_eat_u64(&s, 59, &m) || (h == 24 && m > 0))
        return false;
    *ret = (int)(h * 60 + m);
    return true;
}

static enum status read_day(const struct json *in, const char *day, struct work_day *ret,
                            struct err *e) {
    if (in && json_type(in) != JSON_ARRAY)
        FAIL(e, ST_INVALID, "hours.%s: a list like [[\"09:00\", \"18:00\"]] is needed", day);
    if (json_len(in) > SPANS_MAX)
        FAIL(e, ST_INVALID, "hours.%s: at most %d spans", day, SPANS_MAX);
    for (size_t i = 0; i < json_len(in); i++) {
        const struct json *pair = json_at(in, i);
        struct span *s = &ret->spans[i];

        if (json_len(pair) != 2 || !parse_time(json_str(json_at(pair, 0)), &s->from) ||
            !parse_time(json_str(json_at(pair, 1)), &s->to) || s->from >= s->to)
            FAIL(e, ST_INVALID,
                 "hours.%s[%zu]: two times like \"09:00\" and \"18:00\" are needed, the later last",
                 day, i);
        if (i > 0 && s->from < s[-1].to)
            FAIL(e, ST_INVALID, "hours.%s[%zu]: begins before the one before it ends", day, i);
        ret->n = i + 1;
    }
    return ST_OK;
}

static enum status read_hours(const struct json *in, struct calendar *c, struct err *e) {
    struct str name;
    const struct json *day;
    size_t n_spans = 0;

    for (size_t i = 0; json_member(in, i, &name, &day); i++) {
        bool is_known = false;

        for (size_t k = 0; k < ARRAY_LEN(weekdays); k++)
            is_known = is_known || str_eq(name, str_of(weekdays[k]));
        if (!is_known)
            FAIL(e, ST_INVALID, "hours: the days are mon, tue, wed, thu, fri, sat and sun");
    }
    for (size_t k = 0; k < ARRAY_LEN(weekdays); k++) {
        TRY(read_day(json_get(in, weekdays[k]), weekdays[k], &c->week[k], e));
        n_spans += c->week[k].n;
    }
    if (n_spans == 0)
        FAIL(e, ST_INVALID, "hours: the team must be there at some time of the week");
    return ST_OK;
}

static enum status read_holidays(struct arena *a, const struct json *in, struct calendar *c,
                                 struct err *e) {
    int64_t *days = arena_array_of(a, json_len(in) + 1, int64_t);

    if (json_type(in) != JSON_ARRAY || json_len(in) > HOLIDAYS_MAX)
        FAIL(e, ST_INVALID, "holidays: a list of at most %d days is needed", HOLIDAYS_MAX);
    for (size_t i = 0; i < json_len(in); i++) {
        const struct json *day = json_at(in, i);

        if (!date_parse(json_str(json_get(day, "date")), &days[i]))
            FAIL(e, ST_INVALID, "holidays[%zu].date: a date like \"2026-12-25\" is needed", i);
        if (utf8_count(json_str(json_get(day, "name"))) > 100)
            FAIL(e, ST_INVALID, "holidays[%zu].name: at most 100 characters", i);
    }
    c->holidays = days;
    c->n_holidays = json_len(in);
    return ST_OK;
}

static enum status read_texts(const struct json *in, struct team_settings *s, struct err *e) {
    TRY(settings_text(in, "waiting", &s->texts.waiting, e));
    TRY(settings_text(in, "delayed", &s->texts.delayed, e));
    TRY(settings_text(in, "out_of_hours", &s->texts.out_of_hours, e));
    return settings_text(in, "closed", &s->texts.closed, e);
}

static enum status read_deadlines(const struct json *in, struct team_settings *s, struct err *e) {
    TRY(settings_number(in, "pickup_minutes", MINUTES_MAX, &s->pickup_minutes, e));
    TRY(settings_number(in, "escalate_minutes", MINUTES_MAX, &s->escalate_minutes, e));
    TRY(settings_number(in, "silence_minutes", MINUTES_MAX, &s->silence_minutes, e));
    TRY(settings_number(in, "expire_hours", HOURS_MAX, &s->expire_hours, e));
    if (s->escalate_minutes < s->pickup_minutes)
        FAIL(e, ST_INVALID, "escalate_minutes: not less than pickup_minutes");
    return settings_choice(in, "silence_action", "queue", "bot", &s->is_silence_to_bot, e);
}

/* in is whole: every member there is. */
static enum status read_settings(struct arena *a, const struct json *in, struct team_settings *s,
                                 struct err *e) {
    struct calendar *c = arena_new_of(a, struct calendar);

    c->zone = zone_find(s->timezone, NULL);
    s->calendar = c;
    s->hours = json_get(in, "hours");
    s->holidays = json_get(in, "holidays");
    if (json_type(s->hours) != JSON_OBJECT)
        FAIL(e, ST_INVALID, "hours: an object with the days of the week is needed");
    TRY(read_hours(s->hours, c, e));
    TRY(read_holidays(a, s->holidays, c, e));
    TRY(read_deadlines(in, s, e));
    TRY(settings_choice(in, "assignment", "manual", "round_robin", &s->is_round_robin, e));
    TRY(settings_switch(in, "is_sticky", &s->is_sticky, e));
    TRY(settings_switch(in, "handoff_on_request", &s->hands_off_on_request, e));
    TRY(settings_number(in, "default_capacity", TEAM_CAPACITY_MAX, &s->default_capacity, e));
    return read_texts(in, s, e);
}

/* --- one over the other ---------------------------------------------------------------------------------------------- */

static const char *const deep[] = {"texts", NULL};

static enum status read_defaults(struct arena *a, const struct json **ret, struct err *e) {
    return json_parse(a, str_of(defaults), JSON_LIMITS_DEFAULT, ret, e);
}

enum status settings_change(struct arena *a, const struct json *now, const struct json *in,
                            struct str zone, const struct json **ret_whole,
                            struct team_settings *ret, struct err *e) {
    if (!now)
        TRY(read_defaults(a, &now, e));
    TRY(settings_lay(a, now, in, deep, ret_whole, e));
    *ret = (struct team_settings){.timezone = zone};
    return read_settings(a, *ret_whole, ret, e);
}

static enum status load(struct arena *a, struct tx *tx, struct tenant_id tenant,
                        struct settings_row *row, const struct json **ret, struct err *e) {
    const struct json *base, *over = NULL;

    TRY(store_settings_get(a, tx, tenant, row, e));
    TRY(read_defaults(a, &base, e));
    if (row->settings.len > 0)
        TRY(json_parse(a, row->settings, JSON_LIMITS_DEFAULT, &over, e));
    return settings_lay(a, base, over, deep, ret, e);
}

enum status team_settings_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct team_settings *ret, struct err *e) {
    struct settings_row row;
    const struct json *whole = NULL;

    TRY(load(a, tx, tenant, &row, &whole, e));
    *ret = (struct team_settings){.version = row.version, .timezone = row.timezone};
    return read_settings(a, whole, ret, e);
}

enum status team_settings_put(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              const struct json *in, int64_t version, struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf b;
    struct settings_row row;
    const struct json *now = NULL, *next = NULL;
    struct team_settings checked;
    int64_t changed;

    buf_init(&b, SETTINGS_MAX_BYTES);
    TRY(load(a, tx, tenant, &row, &now, e));
    TRY(settings_change(a, now, in, row.timezone, &next, &checked, e));
    json_write(&b, next);
    TRY(store_settings_put(tx, tenant, buf_str(&b), version < 0 ? row.version : version,
                           clock_now_ms(), &changed, e));
    if (changed > 0 && (version < 0 || version == row.version))
        return ST_OK;
    err_set(e, ST_CONFLICT, __FILE__, __LINE__,
            "the settings were changed by somebody else: load them again");
    e->cause = "version";
    return ST_CONFLICT;
}

void team_settings_write(struct json_out *o, const struct team_settings *s) {
    json_put_json(o, "hours", s->hours);
    json_put_json(o, "holidays", s->holidays);
    json_put_i64(o, "pickup_minutes", s->pickup_minutes);
    json_put_i64(o, "escalate_minutes", s->escalate_minutes);
    json_put_i64(o, "silence_minutes", s->silence_minutes);
    json_put_str(o, "silence_action", s->is_silence_to_bot ? STR("bot") : STR("queue"));
    json_put_i64(o, "expire_hours", s->expire_hours);
    json_put_str(o, "assignment", s->is_round_robin ? STR("round_robin") : STR("manual"));
    json_put_bool(o, "is_sticky", s->is_sticky);
    json_put_bool(o, "handoff_on_request", s->hands_off_on_request);
    json_put_i64(o, "default_capacity", s->default_capacity);
    json_obj(o, "texts");
    json_put_str(o, "waiting", s->texts.waiting);
    json_put_str(o, "delayed", s->texts.delayed);
    json_put_str(o, "out_of_hours", s->texts.out_of_hours);
    json_put_str(o, "closed", s->texts.closed);
    json_end(o);
}

/* --- working time ---------------------------------------------------------------------------------------------------- */

bool team_is_open(const struct team_settings *s, int64_t at_ms) {
    return calendar_is_open(s->calendar, at_ms);
}

int64_t team_add_minutes(const struct team_settings *s, int64_t from_ms, int64_t minutes) {
    return calendar_add(s->calendar, from_ms, minutes * MINUTE_MS);
}
