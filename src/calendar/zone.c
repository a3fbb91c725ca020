/* zone.c - TZif files: a table of changes, and a rule for the years behind it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "calendar/zone.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calendar/date.h"

enum {
    HEADER_BYTES = 44,
    COUNTS = 6,
    TYPE_BYTES = 6,
    NAME_MAX_BYTES = 64,
    FILE_MAX_BYTES = 64 << 10,
    DAY_S = 24 * 3600,
    CHANGES_MAX = 4096,
    ZONES_MAX = 1024, /* there are some 600 */
};

enum rule_kind { RULE_NONE, RULE_WEEKDAY, RULE_JULIAN, RULE_ZERO_BASED };

struct rule { /* when in a year the clocks change, by the clocks before the change */
    enum rule_kind kind;
    unsigned month, week, weekday; /* weekday 0: Sunday, as POSIX has it */
    unsigned day;
    int64_t time_s;
};

struct posix_tz { /* the footer: "<-03>3" or "EST5EDT,M3.2.0,M11.1.0" */
    bool is_set;
    int32_t standard_s, daylight_s; /* east of UTC */
    struct rule begin, end;         /* of daylight saving; RULE_NONE: there is none */
};

struct zone {
    size_t n;
    int64_t *at;     /* rising; offset[i] holds from at[i] on */
    int32_t *offset; /* seconds east of UTC */
    int32_t first;   /* before all of them */
    struct posix_tz later;
};

/* --- the rule behind the table --------------------------------------------------------------------------------------- */

static bool eat_name(struct str *s) {
    size_t n = 0;

    if (str_eat(s, STR("<"))) {
        struct str head;

        return str_cut(s, '>', &head);
    }
    while (n < s->len && ((s->ptr[n] | 0x20) >= 'a' && (s->ptr[n] | 0x20) <= 'z'))
        n++;
    *s = str_sub(*s, n, s->len);
    return n >= 3;
}

/* [+-]hh[:mm[:ss]] in seconds */
static bool eat_time(struct str *s, int64_t *ret) {
    bool is_negative = str_eat(s, STR("-"));
    uint64_t h, m = 0, sec = 0;

    if (!is_negative)
        (void)str_eat(s, STR("+"));
    if (!str_eat_u64(s, 167, &h))
        return false;
    if (str_eat(s, STR(":")) && !str_eat_u64(s, 59, &m))
        return false;
    if (str_eat(s, STR(":")) && !str_eat_u64(s, 59, &sec))
        return false;
    *ret = (int64_t)(h * 3600 + m * 60 + sec);
    if (is_negative)
        *ret = -*ret;
    return true;
}

static bool eat_weekday(struct str *s, struct rule *r) {
    uint64_t month, week, weekday;

    if (!str_eat_u64(s, 12, &month) || !str_eat(s, STR(".")) || !str_eat_u64(s, 5, &week) ||
        !str_eat(s, STR(".")) || !str_eat_u64(s, 6, &weekday) || month == 0 || week == 0)
        return false;
    r->kind = RULE_WEEKDAY;
    r->month = (unsigned)month;
    r->week = (unsigned)week;
    r->weekday = (unsigned)weekday;
    return true;
}

static bool eat_rule(struct str *s, struct rule *r) {
    uint64_t day;

    *r = (struct rule){.time_s = 2 * 3600};
    if (!str_eat(s, STR(",")))
        return false;
    if (str_eat(s, STR("M"))) {
        if (!eat_weekday(s, r))
            return false;
    } else {
        r->kind = str_eat(s, STR("J")) ? RULE_JULIAN : RULE_ZERO_BASED;
        if (!str_eat_u64(s, 365, &day))
            return false;
        r->day = (unsigned)day;
    }
    return !str_eat(s, STR("/")) || eat_time(s, &r->time_s);
}

static bool posix_parse(struct str s, struct posix_tz *ret) {
    struct posix_tz tz = {.is_set = true};
    int64_t west;

    if (!eat_name(&s) || !eat_time(&s, &west))
        return false;
    tz.standard_s = tz.daylight_s = (int32_t)-west;
    if (s.len > 0) {
        if (!eat_name(&s))
            return false;
        tz.daylight_s = tz.standard_s + 3600;
        if (s.len > 0 && s.ptr[0] != ',') {
            if (!eat_time(&s, &west))
                return false;
            tz.daylight_s = (int32_t)-west;
        }
        if (!eat_rule(&s, &tz.begin) || !eat_rule(&s, &tz.end))
            return false;
    }
    *ret = tz;
    return s.len == 0;
}

static bool is_leap(int64_t year) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Seconds since 1970 by the clocks before the change. */
static int64_t rule_local_s(const struct rule *r, int64_t year) {
    int64_t first = date_to_days((struct date){year, 1, 1}), day = first + r->day;

    if (r->kind == RULE_JULIAN) /* 1 to 365, 29 February is never counted */
        day = first + r->day - 1 + (is_leap(year) && r->day >= 60);
    if (r->kind == RULE_WEEKDAY) {
        int64_t begin = date_to_days((struct date){year, r->month, 1});
        int64_t next = r->month == 12 ? date_to_days((struct date){year + 1, 1, 1})
                                      : date_to_days((struct date){year, r->month + 1, 1});
        unsigned wanted = (r->weekday + 6) % 7; /* ours begin on Monday */

        day = begin + (wanted + 7 - date_weekday(begin)) % 7 + (int64_t)(r->week - 1) * 7;
        while (day >= next) /* week 5 is the last one */
            day -= 7;
    }
    return day * DAY_S + r->time_s;
}

static int32_t posix_offset_s(const struct posix_tz *tz, int64_t utc_s) {
    if (tz->begin.kind == RULE_NONE)
        return tz->standard_s;

    int64_t year = date_of_days(floor_div(utc_s + tz->standard_s, DAY_S)).year;
    int64_t begin = rule_local_s(&tz->begin, year) - tz->standard_s;
    int64_t end = rule_local_s(&tz->end, year) - tz->daylight_s;
    bool is_daylight = begin < end ? utc_s >= begin && utc_s < end : utc_s < end || utc_s >= begin;

    return is_daylight ? tz->daylight_s : tz->standard_s;
}

/* --- the file ---------------------------------------------------------------------------------------------------------- */

static int64_t big_endian(const char *p, size_t n) {
    uint64_t v = (unsigned char)p[0] & 0x80 ? UINT64_MAX : 0; /* the sign goes all the way up */

    for (size_t i = 0; i < n; i++)
        v = v << 8 | (unsigned char)p[i];
    return (int64_t)v;
}

struct header { /* counts in the order of the file */
    size_t utc, standard, leap, time, type, chars;
};

static bool eat_header(struct str *s, struct header *h, char *ret_version) {
    size_t counts[COUNTS];

    if (s->len < HEADER_BYTES || !str_starts(*s, STR("TZif")))
        return false;
    *ret_version = s->ptr[4];
    for (size_t i = 0; i < COUNTS; i++) {
        int64_t n = big_endian(s->ptr + 20 + i * 4, 4);

        if (n < 0 || n > CHANGES_MAX)
            return false;
        counts[i] = (size_t)n;
    }
    *h = (struct header){counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]};
    *s = str_sub(*s, HEADER_BYTES, s->len);
    return h->type > 0;
}

static size_t body_bytes(const struct header *h, size_t time_bytes) {
    return h->time * (time_bytes + 1) + h->type * TYPE_BYTES + h->chars +
           h->leap * (time_bytes + 4) + h->standard + h->utc;
}

static bool read_body(struct arena *a, struct str s, const struct header *h, struct zone *z) {
    const char *times = s.ptr, *kinds = times + h->time * 8, *types = kinds + h->time;

    z->n = h->time;
    z->at = arena_array_of(a, h->time + 1, int64_t);
    z->offset = arena_array_of(a, h->time + 1, int32_t);
    z->first = (int32_t)big_endian(types, 4);
    for (size_t i = 0; i < h->time; i++) {
        size_t kind = (unsigned char)kinds[i];

        z->at[i] = big_endian(times + i * 8, 8);
        if (kind >= h->type || (i > 0 && z->at[i] <= z->at[i - 1]))
            return false;
        z->offset[i] = (int32_t)big_endian(types + kind * TYPE_BYTES, 4);
        if (z->offset[i] < -2 * DAY_S || z->offset[i] > 2 * DAY_S)
            return false;
    }
    return true;
}

enum status zone_parse(struct arena *a, struct str bytes, const struct zone **ret, struct err *e) {
    struct zone *z = arena_new_of(a, struct zone);
    struct header h;
    struct str footer;
    char version;

    if (!eat_header(&bytes, &h, &version) || version < '2' || bytes.len < body_bytes(&h, 4))
        FAIL(e, ST_INVALID, "not a time zone file of version 2 or later");
    bytes = str_sub(bytes, body_bytes(&h, 4), bytes.len); /* the old part has 32-bit times */
    if (!eat_header(&bytes, &h, &version) || bytes.len < body_bytes(&h, 8) ||
        !read_body(a, bytes, &h, z))
        FAIL(e, ST_INVALID, "the time zone file is damaged");
    bytes = str_sub(bytes, body_bytes(&h, 8), bytes.len);
    if (str_eat(&bytes, STR("\n")) && str_cut(&bytes, '\n', &footer) && footer.len > 0 &&
        !posix_parse(footer, &z->later))
        FAIL(e, ST_INVALID, "the time zone file's rule for later years is damaged");
    *ret = z;
    return ST_OK;
}

int32_t zone_offset_s(const struct zone *z, int64_t utc_s) {
    size_t low = 0, high = z->n;

    while (low < high) { /* how many changes are behind us */
        size_t mid = low + (high - low) / 2;

        if (z->at[mid] <= utc_s)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == z->n && z->later.is_set)
        return posix_offset_s(&z->later, utc_s);
    return low == 0 ? z->first : z->offset[low - 1];
}

int64_t zone_utc_s(const struct zone *z, int64_t local_s) {
    int32_t before = zone_offset_s(z, local_s - DAY_S), after = zone_offset_s(z, local_s + DAY_S);
    int64_t early = local_s - before, late = local_s - after;

    if (zone_offset_s(z, early) == before)
        return early;
    return zone_offset_s(z, late) == after ? late : early;
}

/* --- zones by name ------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    int hours;
} brazil[] = {
    {"America/Noronha", -2},    {"America/Araguaina", -3},    {"America/Bahia", -3},
    {"America/Belem", -3},      {"America/Fortaleza", -3},    {"America/Maceio", -3},
    {"America/Recife", -3},     {"America/Santarem", -3},     {"America/Sao_Paulo", -3},
    {"America/Boa_Vista", -4},  {"America/Campo_Grande", -4}, {"America/Cuiaba", -4},
    {"America/Manaus", -4},     {"America/Porto_Velho", -4},  {"America/Eirunepe", -5},
    {"America/Rio_Branco", -5},
};

struct known {
    char name[NAME_MAX_BYTES];
    const struct zone *zone;
    bool is_known;
};

static struct {
    pthread_mutex_t lock;
    struct arena arena; /* never let go: there are only so many zones */
    struct known zones[ZONES_MAX];
    size_t n;
} cache = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Letters, digits and "_+-/" in parts without dots: nothing that leaves the directory. */
static bool is_name(struct str name) {
    if (name.len == 0 || name.len >= NAME_MAX_BYTES || name.ptr[0] == '/')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';

        bool is_digit = c >= '0' && c <= '9';

        if (!is_letter && !is_digit && c != '_' && c != '+' && c != '-' && c != '/')
            return false;
    }
    return true;
}

static const struct zone *load(struct str name) {
    ATTR_CLEANUP(arena_done_p) struct arena scratch = {0};
    struct err ignored = ERR_INIT;
    const struct zone *z = NULL;
    char *bytes;
    size_t n;
    FILE *f;

    if (!is_name(name))
        return NULL;
    f = fopen(
        arena_cstr(&scratch, arena_printf(&scratch, "/usr/share/zoneinfo/%.*s", STR_ARG(name))),
        "re");
    if (!f)
        return NULL;
    bytes = arena_alloc(&scratch, FILE_MAX_BYTES);
    n = fread(bytes, 1, FILE_MAX_BYTES, f);
    (void)fclose(f);
    return zone_parse(&cache.arena, (struct str){bytes, n}, &z, &ignored) == ST_OK ? z : NULL;
}

static const struct zone *make_fixed(struct str name, bool *ret_known) {
    struct zone *z = arena_new_of(&cache.arena, struct zone);

    *ret_known = str_eq(name, STR("UTC"));
    for (size_t i = 0; i < ARRAY_LEN(brazil); i++)
        if (str_eq(name, str_of(brazil[i].name))) {
            z->first = brazil[i].hours * 3600;
            *ret_known = true;
        }
    return z;
}

static const struct known *find(struct str name) {
    static const struct zone utc;
    static const struct known stranger = {.zone = &utc};
    struct known *k;

    for (size_t i = 0; i < cache.n; i++)
        if (str_eq(name, str_of(cache.zones[i].name)))
            return &cache.zones[i];
    if (cache.n == ZONES_MAX || !is_name(name))
        return &stranger;
    k = &cache.zones[cache.n++];
    memcpy(k->name, name.ptr, name.len);
    k->zone = load(name);
    k->is_known = k->zone != NULL;
    if (!k->zone)
        k->zone = make_fixed(name, &k->is_known);
    return k;
}

const struct zone *zone_find(struct str name, bool *ret_known) {
    const struct known *k;

    pthread_mutex_lock(&cache.lock);
    k = find(name);
    pthread_mutex_unlock(&cache.lock);
    if (ret_known)
        *ret_known = k->is_known;
    return k->zone;
}
