/* consent.h - who wants to hear nothing from us, since when, and how we know.
 *
 * Two tables: suppressions is what stands now, keyed by what a person is recognised by (phone, e-mail, user id) and not by the lead
 * alone, so that deletion, merging and the next import change nothing; consents is how it came to that, only ever added to.
 * A person is stopped on a channel when any of their keys is, there or on all channels. Only what we begin is stopped: who
 * writes gets answers.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "db/db.h"
#include "lead/lead.h"
#include "tenant/tenant.h"
#include "json/json.h"

#define CONSENT_WHATSAPP "whatsapp"
#define CONSENT_EMAIL    "email"
#define CONSENT_ALL      "all"

enum { CONSENT_TEXT_MAX = 1000 };

struct consent_proof {
    struct str source; /* "message", "list-unsubscribe", "provider", "person", "import" */
    struct str
        text; /* the person's own words, or why somebody did it for them; cut at CONSENT_TEXT_MAX characters */
    struct message_id message;
    struct str actor; /* who: an e-mail address or a key's name; empty: the person themselves */
};

struct consent_wish { /* about marketing */
    struct tenant_id tenant;
    struct str channel; /* "whatsapp", "email" or "all" */
    bool is_stop;       /* else they want it again: of a stop on all channels the others stay */
    const struct consent_proof *proof;
    int64_t now_ms;
};
/* Holds from now on for the lead and every key it has. Stopping again adds to the history and changes nothing else. A transaction
 * that sends (consent_hold) is waited for. ST_INVALID: no such channel; ST_NOT_FOUND: no such lead. */
enum status consent_put(struct arena *a, struct tx *tx, struct lead_id lead,
                        const struct consent_wish *wish, struct err *e) ATTR_MUST_CHECK;

struct consent_answer {
    bool is_stopped;
    const char *reason; /* slug: "opted-out" (here), "opted-out-all"; NULL when not stopped */
};
/* May these be written to on the channel? One answer each, in order. */
enum status consent_check_many(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               const struct lead_id *leads, size_t n, struct str channel,
                               struct consent_answer *ret, struct err *e) ATTR_MUST_CHECK;
/* To be called before consent_check_many in a transaction that lets sends go: a stop commits either before, and is seen, or
 * after that transaction has. *ret_stops: how many there were so far; while it stays the same nobody has stopped. */
enum status consent_hold(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         int64_t *ret_stops, struct err *e) ATTR_MUST_CHECK;
/* Leads were just made or joined: shows on them what their keys say already (leads.marketing_stopped_at). Costs one look where
 * nobody of the tenant has stopped. */
enum status consent_show_many(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              const struct lead_id *leads, size_t n, int64_t now_ms, struct err *e)
    ATTR_MUST_CHECK;

/* --- the list --------------------------------------------------------------------------------------------------------- */

struct suppression {
    struct uuid id;
    struct str key; /* "phone:…", "email:…", "user_id:…" */
    struct str channel, source, actor, note;
    struct lead_id lead; /* whose it was when it was made; or nil */
    int64_t created_at_ms;
};
struct suppression_query {
    struct str channel; /* empty: any */
    struct str key;     /* empty: any */
    struct uuid before; /* nil: from the newest */
    size_t limit;
};
/* Newest first. */
enum status suppression_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             const struct suppression_query *query, struct suppression **ret,
                             size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* ST_NOT_FOUND. */
enum status suppression_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct uuid id,
                            struct suppression *ret, struct err *e) ATTR_MUST_CHECK;
/* As consent_put, for a key that no lead has (lead_list_keys; who has a lead is stopped by it). *ret_changed: it was not so
 * before. */
enum status suppression_put(struct arena *a, struct tx *tx, struct str key,
                            const struct consent_wish *wish, bool *ret_changed, struct err *e)
    ATTR_MUST_CHECK;

struct consent_act { /* one word of the history */
    struct uuid id;
    bool is_stop;
    struct str channel, source, text, actor;
    struct message_id message;
    int64_t at_ms;
};
/* What was said by or for a person, newest first, also before a merge or under a lead that is gone. At most `limit`. */
enum status consent_history(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct lead_id lead, size_t limit, struct consent_act **ret,
                            size_t *ret_n, struct err *e) ATTR_MUST_CHECK;

/* --- words ------------------------------------------------------------------------------------------------------------ */

enum consent_word { CONSENT_NONE, CONSENT_STOP, CONSENT_RESUME };
/* What free text in Portuguese or English asks for; in doubt nothing. Pure; any bytes. */
enum consent_word consent_read(struct str text);
/* Which channel such words are about: the one they name, else all. */
struct str consent_scope(struct str text);
/* The provider will not send because the person stopped marketing there (Meta 131050, Twilio 21610). */
bool consent_is_refusal(int64_t error_code);

/* --- settings --------------------------------------------------------------------------------------------------------- */

struct quiet_day { /* minutes of the day: from <= minute < to; both 0: nobody is written to */
    int from, to;
};
struct quiet { /* when a tenant writes to people of its own accord */
    bool is_on;
    struct quiet_day week[7]; /* Monday first */
    bool spares_national, spares_optional, spares_team;
    const int64_t *holidays; /* the team's own, as day numbers, when those are spared */
    size_t n_holidays;
    struct str timezone; /* the tenant's, for who has none */
};
/* By the clocks where the person is (IANA name, "America/Manaus"; empty or unknown: the tenant's). 0: may be written to now; else
 * the next moment. Pure, but for the zone's file, which is read once. */
int64_t quiet_until_ms(const struct quiet *q, struct str zone, int64_t now_ms);
/* The tenant's, or the defaults: 8 to 20 on weekdays, 9 to 16 on Saturdays, not on Sundays and holidays. In a. */
enum status quiet_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct quiet *ret,
                      struct err *e) ATTR_MUST_CHECK;

struct consent_settings {
    int64_t version; /* 0: never set */
    struct quiet quiet;
    bool listens; /* what customers write is understood (consent_read) */
    struct {
        struct str stopped, resumed; /* said once, in answer; empty: nothing */
    } texts;
};
enum status consent_settings_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                 struct consent_settings *ret, struct err *e) ATTR_MUST_CHECK;
/* Changes what `in` names. version: what the caller saw, -1 for any. ST_CONFLICT with cause "version": it is another by now;
 * ST_INVALID: the message names the member. */
enum status consent_settings_put(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                 const struct json *in, int64_t version, struct err *e)
    ATTR_MUST_CHECK;
/* The members of one open object, without version. */
void consent_settings_write(struct json_out *o, const struct consent_settings *s);
