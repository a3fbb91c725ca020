/* settings.c - one JSON row per tenant, checked whole before it is kept; what is missing in it is the default.
 * SPDX-License-Identifier: Apache-2.0 */
#include "json/settings.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "calendar/date.h"
#include "consent/store.h"
#include "team/team.h"

static const char *const weekdays[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
static const char *const members[] = {
    "is_on",         "hours",   "national_holidays", "optional_holidays",
    "team_holidays", "listens", "version",           "timezone",
    "texts"};

static const char defaults[] =
    "{\"is_on\":true,\"hours\":{\"mon\":[\"08:00\",\"20:00\"],\"tue\":[\"08:00\",\"20:00\"],"
    "\"wed\":[\"08:00\",\"20:00\"],\"thu\":[\"08:00\",\"20:00\"],\"fri\":[\"08:00\",\"20:00\"],"
    "\"sat\":[\"09:00\",\"16:00\"],\"sun\":null},\"national_holidays\":true,"
    "\"optional_holidays\":false,\"team_holidays\":true,\"listens\":true,\"texts\":";

static const char texts_pt[] =
    "{\"stopped\":\"Pronto! Você não vai mais receber nossas mensagens de divulgação. Se precisar de "
    "algo, é só escrever por aqui. Para voltar a receber, responda VOLTAR.\","
    "\"resumed\":\"Combinado! Você voltou a receber nossas novidades. Para parar, responda SAIR.\"}}";
static const char texts_en[] =
    "{\"stopped\":\"Done! You will get no more promotional messages from us. If you need anything, just "
    "write here. To get them again, answer START.\","
    "\"resumed\":\"All right! You will hear from us again. To stop, answer STOP.\"}}";

/* --- reading --------------------------------------------------------------------------------------------------------- */

static bool parse_time(struct str s, int *ret) { /* "09:00" to "24:00" */
    uint64_t h, m;

    if (s.len != 5 || !str_eat_u64(&s, 24, &h) || !str_eat(&s, STR(":")) || s.len != 2 ||
        !str_eat_u64(&s, 59, &m) || (h == 24 && m > 0))
        return false;
    *ret = (int)(h * 60 + m);
    return true;
}

static enum status read_hours(const struct json *in, struct quiet *q, struct err *e) {
    bool is_ever = false;

    if (json_type(in) != JSON_OBJECT)
        FAIL(e, ST_INVALID, "hours: an object with the days of the week is needed");
    for (size_t i = 0; i < ARRAY_LEN(weekdays); i++) {
        const struct json *pair = json_get(in, weekdays[i]);
        struct quiet_day *day = &q->week[i];

        if (!pair || json_type(pair) == JSON_NULL)
            continue;
        if (json_type(pair) != JSON_ARRAY || json_len(pair) != 2 ||
            !parse_time(json_str(json_at(pair, 0)), &day->from) ||
            !parse_time(json_str(json_at(pair, 1)), &day->to) || day->from >= day->to)
            FAIL(
                e, ST_INVALID,
                "hours.%s: two times like \"08:00\" and \"20:00\" are needed, the later last, or null",
                weekdays[i]);
        is_ever = true;
    }
    if (!is_ever)
        FAIL(e, ST_INVALID, "hours: on some day of the week people must be written to");
    return ST_OK;
}

/* in is whole: every member there is. */
static enum status read_settings(const struct json *in, struct consent_settings *s, struct err *e) {
    TRY(read_hours(json_get(in, "hours"), &s->quiet, e));
    TRY(settings_switch(in, "is_on", &s->quiet.is_on, e));
    TRY(settings_switch(in, "national_holidays", &s->quiet.spares_national, e));
    TRY(settings_switch(in, "optional_holidays", &s->quiet.spares_optional, e));
    TRY(settings_switch(in, "team_holidays", &s->quiet.spares_team, e));
    TRY(settings_switch(in, "listens", &s->listens, e));
    TRY(settings_text(in, "stopped", &s->texts.stopped, e));
    return settings_text(in, "resumed", &s->texts.resumed, e);
}

/* --- one over the other ---------------------------------------------------------------------------------------------- */

static const char *const deep[] = {"hours", "texts", NULL};

static enum status load(struct arena *a, struct tx *tx, struct tenant_id tenant,
                        int64_t *ret_version, const struct json **ret, struct err *e) {
    struct tenant t = {0};
    struct str text = STR_EMPTY;
    const struct json *base = NULL, *over = NULL;

    TRY(tenant_get(a, tx, tenant, &t, e));
    TRY(store_consent_settings_get(a, tx, tenant, &text, ret_version, e));
    TRY(json_parse(
        a, arena_printf(a, "%s%s", defaults, str_starts(t.locale, STR("en")) ? texts_en : texts_pt),
        JSON_LIMITS_DEFAULT, &base, e));
    if (text.len > 0)
        TRY(json_parse(a, text, JSON_LIMITS_DEFAULT, &over, e));
    return settings_lay(a, base, over, deep, ret, e);
}

/* The team's days off, as day numbers. */
static void take_holidays(struct arena *a, const struct team_settings *team, struct quiet *q) {
    size_t n = json_len(team->holidays);
    int64_t *days = arena_array_of(a, n + 1, int64_t);

    for (size_t i = 0; i < n; i++)
        if (date_parse(json_str(json_get(json_at(team->holidays, i), "date")),
                       &days[q->n_holidays]))
            q->n_holidays++;
    q->holidays = days;
}

enum status consent_settings_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                 struct consent_settings *ret, struct err *e) {
    struct team_settings team = {0};
    const struct json *whole = NULL;

    *ret = (struct consent_settings){0};
    TRY(load(a, tx, tenant, &ret->version, &whole, e));
    TRY(read_settings(whole, ret, e));
    TRY(team_settings_get(a, tx, tenant, &team, e));
    ret->quiet.timezone = team.timezone;
    if (ret->quiet.spares_team)
        take_holidays(a, &team, &ret->quiet);
    return ST_OK;
}

enum status quiet_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct quiet *ret,
                      struct err *e) {
    struct consent_settings s;

    TRY(consent_settings_get(a, tx, tenant, &s, e));
    *ret = s.quiet;
    return ST_OK;
}

static enum status check_members(const struct json *in, struct err *e) {
    struct str name;
    const struct json *v;

    for (size_t i = 0; json_member(in, i, &name, &v); i++) {
        bool is_known = false;

        for (size_t k = 0; k < ARRAY_LEN(members); k++)
            is_known = is_known || str_eq(name, str_of(members[k]));
        if (!is_known)
            FAIL(e, ST_INVALID, "there is no such setting");
    }
    return ST_OK;
}

enum status consent_settings_put(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                 const struct json *in, int64_t version, struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf b;
    struct consent_settings checked = {0};
    const struct json *now = NULL, *next = NULL;
    int64_t old = 0, changed = 0;

    buf_init(&b, SETTINGS_MAX_BYTES);
    TRY(check_members(in, e));
    TRY(load(a, tx, tenant, &old, &now, e));
    TRY(settings_lay(a, now, in, deep, &next, e));
    TRY(read_settings(next, &checked, e));
    json_write(&b, next);
    TRY(store_consent_settings_put(tx, tenant, buf_str(&b), version < 0 ? old : version,
                                   clock_now_ms(), &changed, e));
    if (changed > 0 && (version < 0 || version == old))
        return ST_OK;
    err_set(e, ST_CONFLICT, __FILE__, __LINE__,
            "the settings were changed by somebody else: load them again");
    e->cause = "version";
    return ST_CONFLICT;
}

static void put_time(struct json_out *o, int minute) {
    char text[8];

    (void)snprintf(text, sizeof(text), "%02d:%02d", minute / 60 % 100, minute % 60);
    json_put_str(o, NULL, str_of(text));
}

void consent_settings_write(struct json_out *o, const struct consent_settings *s) {
    json_put_bool(o, "is_on", s->quiet.is_on);
    json_obj(o, "hours");
    for (size_t i = 0; i < ARRAY_LEN(weekdays); i++) {
        const struct quiet_day *day = &s->quiet.week[i];

        if (day->from >= day->to) {
            json_put_null(o, weekdays[i]);
            continue;
        }
        json_arr(o, weekdays[i]);
        put_time(o, day->from);
        put_time(o, day->to);
        json_end(o);
    }
    json_end(o);
    json_put_bool(o, "national_holidays", s->quiet.spares_national);
    json_put_bool(o, "optional_holidays", s->quiet.spares_optional);
    json_put_bool(o, "team_holidays", s->quiet.spares_team);
    json_put_bool(o, "listens", s->listens);
    json_obj(o, "texts");
    json_put_str(o, "stopped", s->texts.stopped);
    json_put_str(o, "resumed", s->texts.resumed);
    json_end(o);
}
