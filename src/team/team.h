/* team.h - who works when: a tenant's working hours and deadlines, and of each user presence, skills and capacity. Knows no
 * conversations; conversation/ asks it. Functions taking a struct tx run inside the caller's transaction.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "db/db.h"
#include "tenant/tenant.h"
#include "json/json.h"

/* --- settings ------------------------------------------------------------------------------------------------------ */

struct calendar;

struct team_settings {
    int64_t version;     /* 0: never set */
    struct str timezone; /* the tenant's */
    const struct calendar *calendar;
    const struct json *hours, *holidays; /* as they are shown */
    int64_t pickup_minutes;              /* working time until a waiting customer is overdue */
    int64_t
        escalate_minutes; /* … until supervisors are told; then after twice that, four times … */
    int64_t silence_minutes; /* … until an unanswered customer goes back */
    bool is_silence_to_bot;  /* where to: the bot, else the queue */
    int64_t expire_hours;    /* of an idle conversation of the bot, by the clock */
    bool is_round_robin, is_sticky;
    bool hands_off_on_request; /* the customer's own words call a person */
    int64_t default_capacity;
    struct {
        struct str waiting, delayed, out_of_hours, closed; /* empty: nothing is said */
    } texts;
};

/* The tenant's, or the defaults: always at work, nobody assigned by itself. In a. */
enum status team_settings_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct team_settings *ret, struct err *e) ATTR_MUST_CHECK;
/* Changes what in names. version: what the caller saw, -1 for any. ST_CONFLICT with cause "version": it is another by now;
 * ST_INVALID: the message names the member. */
enum status team_settings_put(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              const struct json *in, int64_t version, struct err *e)
    ATTR_MUST_CHECK;
/* The members of one object, without version and timezone. */
void team_settings_write(struct json_out *o, const struct team_settings *s);

bool team_is_open(const struct team_settings *s, int64_t at_ms);
/* When so many minutes of working time have passed since from_ms; 0: the next moment at work. */
int64_t team_add_minutes(const struct team_settings *s, int64_t from_ms, int64_t minutes);

/* National holidays of Brazil in a year as [{"date", "name", "optional"}] members of an open array; optional: by custom. */
void team_write_brazil(struct json_out *o, int64_t year);

/* --- members ------------------------------------------------------------------------------------------------------- */

enum { TEAM_SEEN_MS = 90 * 1000, TEAM_SKILLS_MAX = 32, TEAM_CAPACITY_MAX = 1000 };

struct team_member {
    struct user_id user;
    struct str name;
    enum role role;
    bool is_active;
    struct str
        presence; /* "online", "away" or "offline" as of now: who was not seen for 90 s is away */
    struct str skills; /* JSON array of texts */
    int64_t capacity;  /* 0: the default of the settings */
    int64_t assigned;  /* conversations assigned by turn so far */
    int64_t assigned_at_ms, seen_at_ms;
};

/* All users of the tenant by name, also disabled ones; who never set anything is offline. */
enum status team_members(struct arena *a, struct tx *tx, struct tenant_id tenant, int64_t now_ms,
                         struct team_member **ret, size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* ST_NOT_FOUND: no such user. */
enum status team_member_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct user_id user, int64_t now_ms, struct team_member *ret,
                            struct err *e) ATTR_MUST_CHECK;
bool team_member_has(const struct team_member *m, struct str skill); /* empty: everybody has it */

struct team_work {             /* what a person can do; changes what is set */
    const struct json *skills; /* NULL: as it is; else an array of short texts */
    int64_t capacity;          /* negative: as it is; 0: the default */
};
/* ST_INVALID: the message names the member. ST_NOT_FOUND: no such user. */
enum status team_set_work(struct arena *a, struct tx *tx, struct tenant_id tenant,
                          struct user_id user, struct team_work work, struct err *e)
    ATTR_MUST_CHECK;
/* Says it anew, or that it is still so. *ret_changed: it was another a moment ago. */
enum status team_set_presence(struct tx *tx, struct tenant_id tenant, struct user_id user,
                              struct str presence, int64_t now_ms, bool *ret_changed, struct err *e)
    ATTR_MUST_CHECK;
/* It is m's turn: counted when nobody else was given one to m since it was read; else *ret_won is false. */
enum status team_take_turn(struct tx *tx, struct tenant_id tenant, const struct team_member *m,
                           int64_t now_ms, bool *ret_won, struct err *e) ATTR_MUST_CHECK;
