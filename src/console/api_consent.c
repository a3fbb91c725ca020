/* api_consent.c - who wants to hear nothing, how we know, and when nobody is written to.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "consent/consent.h"

enum { LIST_BODY_MAX = 2 << 20, LIST_LINES_MAX = 20000, HISTORY_MAX = 200, REFUSED_MAX = 100 };

static struct consent_proof by_person(struct api *x, struct str source, struct str text) {
    return (struct consent_proof){.source = source, .text = text, .actor = api_actor(x)};
}

static struct str channel_of(const struct api *x) {
    struct str channel = json_str(json_get(x->body, "channel"));

    return channel.len > 0 ? channel : STR(CONSENT_ALL);
}

/* Why somebody does it for the person: it is the proof. */
static enum status read_reason(const struct api *x, struct str *ret, struct err *e) {
    *ret = str_trim(json_str(json_get(x->body, "reason")));
    if (ret->len == 0 || utf8_count(*ret) > CONSENT_TEXT_MAX)
        FAIL(e, ST_INVALID, "reason: 1 to %d characters are needed", CONSENT_TEXT_MAX);
    return ST_OK;
}

/* --- of a lead ------------------------------------------------------------------------------------------------------- */

static enum status list_consents(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct consent_act *acts;
    size_t n;

    TRY(consent_history(x->r->arena, tx, x->tenant, (struct lead_id){x->id}, HISTORY_MAX, &acts, &n,
                        e));
    api_begin_list(x);
    for (size_t i = 0; i < n; i++) {
        json_obj(&x->o, NULL);
        json_put_str(&x->o, "id", uuid_format(x->r->arena, acts[i].id));
        json_put_str(&x->o, "channel", acts[i].channel);
        json_put_bool(&x->o, "is_stopped", acts[i].is_stop);
        json_put_str(&x->o, "source", acts[i].source);
        json_put_str_or_null(&x->o, "text", acts[i].text);
        json_put_str_or_null(&x->o, "actor", acts[i].actor);
        json_put_str_or_null(&x->o, "message_id",
                             uuid_is_nil(acts[i].message.v)
                                 ? STR_EMPTY
                                 : uuid_format(x->r->arena, acts[i].message.v));
        json_put_time(&x->o, "at", acts[i].at_ms);
        json_end(&x->o);
    }
    api_end_list(x, STR_EMPTY, false);
    return ST_OK;
}

/* On the channel that the body names. */
static struct consent_wish wish_of(const struct api *x, bool is_stop,
                                   const struct consent_proof *proof) {
    return (struct consent_wish){.tenant = x->tenant,
                                 .channel = channel_of(x),
                                 .is_stop = is_stop,
                                 .proof = proof,
                                 .now_ms = clock_now_ms()};
}

static enum status add_consent(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct lead_id lead = {x->id};
    struct str action = json_str(json_get(x->body, "action"));
    const struct consent_proof proof =
        by_person(x, STR("person"), str_trim(json_str(json_get(x->body, "text"))));
    bool is_stop = str_eq(action, STR("stop"));
    struct consent_wish wish;

    if (!is_stop && !str_eq(action, STR("allow")))
        FAIL(e, ST_INVALID, "action: \"stop\" or \"allow\" is needed");
    wish = wish_of(x, is_stop, &proof);
    TRY(lead_set_consent(x->r->arena, tx, lead, &wish, e));
    TRY(api_audit(tx, x, is_stop ? "consent.stop" : "consent.allow",
                  uuid_format(x->r->arena, x->id), e));
    return list_consents(tx, x, e);
}

/* --- the list -------------------------------------------------------------------------------------------------------- */

static void write_suppression(struct json_out *o, struct arena *a, const struct suppression *s) {
    struct str value = s->key, kind;

    (void)str_cut(&value, ':', &kind);
    json_obj(o, NULL);
    json_put_str(o, "id", uuid_format(a, s->id));
    json_put_str(o, "kind", kind);
    json_put_str(o, "value", value);
    json_put_str(o, "channel", s->channel);
    json_put_str(o, "source", s->source);
    json_put_str_or_null(o, "reason", s->note);
    json_put_str_or_null(o, "actor", s->actor);
    json_put_str_or_null(o, "lead_id",
                         uuid_is_nil(s->lead.v) ? STR_EMPTY : uuid_format(a, s->lead.v));
    json_put_time(o, "created_at", s->created_at_ms);
    json_end(o);
}

static enum status list_suppressions(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct suppression_query query = {.channel = req_query(x->r, "channel"),
                                      .limit = x->page.limit + 1};
    struct str typed = req_query(x->r, "q");
    struct suppression *items;
    size_t n;

    if (typed.len > 0 && !lead_key_of(x->r->arena, typed, &query.key))
        FAIL(e, ST_INVALID, "q: an e-mail address or a telephone number is needed");
    if (x->page.cursor.len > 0 && !uuid_parse(x->page.cursor, &query.before))
        FAIL(e, ST_INVALID, "the cursor is not one that this server gave");
    TRY(suppression_list(x->r->arena, tx, x->tenant, &query, &items, &n, e));

    bool has_more = n > x->page.limit;

    n -= has_more;
    api_begin_list(x);
    for (size_t i = 0; i < n; i++)
        write_suppression(&x->o, x->r->arena, &items[i]);
    api_end_list(x, n > 0 ? uuid_format(x->r->arena, items[n - 1].id) : STR_EMPTY, has_more);
    return ST_OK;
}

static enum status one_suppression(struct tx *tx, struct api *x, struct str key, struct err *e) {
    const struct suppression_query query = {.key = key, .limit = 1};
    struct suppression *items;
    size_t n;

    TRY(suppression_list(x->r->arena, tx, x->tenant, &query, &items, &n, e));
    if (n == 0)
        FAIL(e, ST_BROKEN, "who was put on the list is not there");
    write_suppression(api_begin_bare(x), x->r->arena, &items[0]);
    return ST_OK;
}

static enum status add_suppression(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct str key, reason;
    struct consent_proof proof;
    struct consent_wish wish;
    bool has_changed;

    if (!lead_key_of(x->r->arena, json_str(json_get(x->body, "value")), &key))
        FAIL(e, ST_INVALID, "value: an e-mail address or a telephone number is needed");
    TRY(read_reason(x, &reason, e));
    proof = by_person(x, STR("person"), reason);
    wish = wish_of(x, true, &proof);
    TRY(lead_set_consent_key(x->r->arena, tx, key, &wish, &has_changed, e));
    TRY(api_audit(tx, x, "suppression.add", STR("suppressions"), e));
    return one_suppression(tx, x, key, e);
}

/* A list from elsewhere: what is no address is told back, the others are stopped. */
static enum status import_suppressions(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    const struct json *values = json_get(x->body, "values");
    int64_t added = 0, known = 0, refused = 0;
    struct consent_proof proof;
    struct consent_wish wish;
    struct json_out *o;
    struct str reason;

    if (json_type(values) != JSON_ARRAY || json_len(values) > LIST_LINES_MAX)
        FAIL(e, ST_INVALID, "values: a list of at most %d addresses and numbers is needed",
             LIST_LINES_MAX);
    TRY(read_reason(x, &reason, e));
    proof = by_person(x, STR("import"), reason);
    wish = wish_of(x, true, &proof);
    o = api_begin(x);
    json_arr(o, "refused");
    for (size_t i = 0; i < json_len(values); i++) {
        struct str typed = json_str(json_at(values, i)), key;
        bool has_changed;

        if (!lead_key_of(x->r->arena, typed, &key)) {
            if (refused++ < REFUSED_MAX)
                json_put_str(o, NULL, utf8_cut_points(typed, LEAD_NAME_MAX));
            continue;
        }
        TRY(lead_set_consent_key(x->r->arena, tx, key, &wish, &has_changed, e));
        added += has_changed;
        known += !has_changed;
    }
    json_end(o);
    json_put_i64(o, "added", added);
    json_put_i64(o, "known", known);
    json_put_i64(o, "n_refused", refused);
    json_end(o);
    return api_audit(tx, x, "suppression.import", STR("suppressions"), e);
}

static enum status remove_suppression(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct consent_proof proof;
    struct consent_wish wish;
    struct suppression s;
    struct str reason;
    bool has_changed;

    TRY(suppression_get(x->r->arena, tx, x->tenant, x->id, &s, e));
    TRY(read_reason(x, &reason, e));
    proof = by_person(x, STR("person"), reason);
    wish = wish_of(x, false, &proof);
    wish.channel = s.channel;
    TRY(lead_set_consent_key(x->r->arena, tx, s.key, &wish, &has_changed, e));
    TRY(api_audit(tx, x, "suppression.remove", uuid_format(x->r->arena, x->id), e));
    api_begin_empty(x);
    return ST_OK;
}

/* --- settings -------------------------------------------------------------------------------------------------------- */

static enum status get_quiet(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct consent_settings s;
    struct json_out *o;

    TRY(consent_settings_get(x->r->arena, tx, x->tenant, &s, e));
    o = api_begin(x);
    json_put_i64(o, "version", s.version);
    json_put_str(o, "timezone", s.quiet.timezone);
    consent_settings_write(o, &s);
    json_end(o);
    return ST_OK;
}

static enum status put_quiet(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    int64_t version = json_i64(json_get(x->body, "version"), -1);

    TRY(api_if_match(tx, x, get_quiet, e));
    TRY(consent_settings_put(x->r->arena, tx, x->tenant, x->body, version, e));
    TRY(api_audit(tx, x, "consent.settings", STR("quiet-hours"), e));
    return get_quiet(tx, ctx, e);
}

API_HANDLER(consents_get, API_READS, list_consents)
API_HANDLER(consents_post, API_WRITES, add_consent)
API_HANDLER(suppressions_get, API_READS, list_suppressions)
API_HANDLER(suppressions_post, API_WRITES, add_suppression)
API_HANDLER(suppressions_import, API_WRITES, import_suppressions)
API_HANDLER(suppression_remove, API_WRITES, remove_suppression)
API_HANDLER(quiet_get_one, API_READS, get_quiet)
API_HANDLER(quiet_put_one, API_WRITES, put_quiet)

const struct route api_consent_routes[] = {
    {HTTP_GET, API "/leads/{id}/consents", consents_get, AGENT, .scope = "leads:read",
     .summary = "What a person said about being written to, newest first"},
    {HTTP_POST, API "/leads/{id}/consents", consents_post, AGENT, .scope = "leads:write",
     .max_body = API_BODY_MAX, .summary = "Stop or allow marketing to a person"},
    {HTTP_GET, API "/suppressions", suppressions_get, SUPERVISOR, .scope = "leads:read",
     .summary = "Who is not written to, newest first"},
    {HTTP_POST, API "/suppressions", suppressions_post, SUPERVISOR, .scope = "leads:write",
     .max_body = API_BODY_MAX, .summary = "Put a number or an address on the list"},
    {HTTP_POST, API "/suppressions/import", suppressions_import, SUPERVISOR, .scope = "leads:write",
     .max_body = LIST_BODY_MAX, .summary = "Put many on the list"},
    {HTTP_POST, API "/suppressions/{id}/remove", suppression_remove, SUPERVISOR,
     .scope = "leads:write", .max_body = API_BODY_MAX,
     .summary = "Take somebody off the list, with a reason"},
    {HTTP_GET, API "/settings/quiet-hours", quiet_get_one, AGENT, .scope = "team:read",
     .summary = "When people are written to, and what is said to who stops"},
    {HTTP_PUT, API "/settings/quiet-hours", quiet_put_one, ADMIN, .scope = "team:write",
     .max_body = API_BODY_MAX, .summary = "Change that; version says what was read"},
};
const size_t api_consent_n_routes = ARRAY_LEN(api_consent_routes);
