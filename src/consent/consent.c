/* consent.c - stopping, allowing, and asking whether somebody may be written to.
 * SPDX-License-Identifier: Apache-2.0 */
#include "consent/consent.h"

#include "base/buf.h"
#include "consent/store.h"
#include "json/json.h"

enum { KEYS_BYTES = 8 << 20 };

static const char *const channels[] = {CONSENT_WHATSAPP, CONSENT_EMAIL};

struct person { /* a lead with what it is recognised by */
    struct str *keys;
    size_t n;
    struct str json, state;
    int64_t last_inbound_at_ms;
};

static bool is_channel(struct str channel) {
    bool is_known = str_eq(channel, STR(CONSENT_ALL));

    for (size_t i = 0; i < ARRAY_LEN(channels); i++)
        is_known = is_known || str_eq(channel, str_of(channels[i]));
    return is_known;
}

static enum status keys_json(struct arena *a, const struct str *keys, size_t n, struct str *ret,
                             struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf b;
    struct json_out o;

    buf_init(&b, KEYS_BYTES);
    json_out_init(&o, &b);
    json_arr(&o, NULL);
    for (size_t i = 0; i < n; i++)
        json_put_str(&o, NULL, keys[i]);
    json_end(&o);
    if (b.overflown)
        FAIL(e, ST_INVALID, "too many people at once");
    *ret = arena_str(a, buf_str(&b));
    return ST_OK;
}

static struct str lead_key(struct arena *a, struct lead_id lead) {
    return arena_printf(a, "lead:%.*s", STR_ARG(uuid_format(a, lead.v)));
}

static enum status find_person(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct lead_id lead, struct person *ret, struct lead_id *ret_now,
                               struct err *e) {
    struct lead_profile profile;
    struct lead_key *keys;
    size_t n;

    TRY(lead_profile(a, tx, tenant, lead, &profile, e)); /* also: is it this tenant's */
    TRY(lead_keys_many(a, tx, tenant, &profile.id, 1, &keys, &n, e));
    ret->keys = arena_array_of(a, n + 1, struct str);
    for (size_t i = 0; i < n; i++)
        ret->keys[i] = keys[i].key;
    ret->keys[n] = lead_key(a, profile.id);
    ret->n = n + 1;
    ret->state = profile.state;
    ret->last_inbound_at_ms = profile.last_inbound_at_ms;
    *ret_now = profile.id;
    return keys_json(a, ret->keys, ret->n, &ret->json, e);
}

/* --- asking ---------------------------------------------------------------------------------------------------------- */

enum { EVERYWHERE = (1 << ARRAY_LEN(channels)) - 1 };

struct
    stops { /* what stands against each of some leads; channel: the one that counts, "all": any */
    size_t n_leads;
    int64_t *since_ms; /* 0: nothing */
    bool *is_all;
    unsigned *where; /* one bit for each of channels[] that counts */
};

struct keyed { /* a key and whose */
    struct str key;
    size_t at;
};

static int by_key(const void *x, const void *y) {
    const struct keyed *a = x, *b = y;

    return str_cmp(a->key, b->key);
}

static unsigned where_of(struct str channel) {
    for (size_t i = 0; i < ARRAY_LEN(channels); i++)
        if (str_eq(channel, str_of(channels[i])))
            return 1u << i;
    return EVERYWHERE;
}

static void mark(struct stops *s, size_t at, unsigned where, int64_t since_ms) {
    s->is_all[at] = s->is_all[at] || where == EVERYWHERE;
    s->where[at] |= where;
    if (s->since_ms[at] == 0 || since_ms < s->since_ms[at])
        s->since_ms[at] = since_ms > 0 ? since_ms : 1;
}

static void match(const struct keyed *keyed, size_t n, struct str key, unsigned where,
                  int64_t since_ms, struct stops *s) {
    size_t low = 0, high = n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (str_cmp(keyed[mid].key, key) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < n && str_eq(keyed[low].key, key); low++)
        mark(s, keyed[low].at, where, since_ms);
}

/* NOLINTNEXTLINE(readability-function-size): whose, where, what and when */
static enum status find_stops(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              const struct lead_id *leads, size_t n, struct str channel,
                              struct stops *ret, struct err *e) {
    struct lead_key *keys;
    size_t n_keys;
    struct db_rows rows;
    struct str json;

    *ret = (struct stops){.n_leads = n,
                          .since_ms = arena_array_of(a, n + 1, int64_t),
                          .is_all = arena_array_of(a, n + 1, bool),
                          .where = arena_array_of(a, n + 1, unsigned)};
    TRY(lead_keys_many(a, tx, tenant, leads, n, &keys, &n_keys, e));

    struct keyed *keyed = arena_array_of(a, n_keys + n + 1, struct keyed);
    struct str *texts = arena_array_of(a, n_keys + n + 1, struct str);

    for (size_t i = 0; i < n_keys; i++)
        keyed[i] = (struct keyed){keys[i].key, keys[i].at};
    for (size_t i = 0; i < n; i++)
        keyed[n_keys + i] = (struct keyed){lead_key(a, leads[i]), i};
    for (size_t i = 0; i < n_keys + n; i++)
        texts[i] = keyed[i].key;
    if (n_keys + n == 0)
        return ST_OK;
    qsort(keyed, n_keys + n, sizeof(*keyed), by_key);
    TRY(keys_json(a, texts, n_keys + n, &json, e));
    TRY(store_suppressions_find(a, tx, tenant, json, &rows, e));
    for (size_t i = 0; i < rows.n; i++) {
        struct str on = db_text(&rows, i, 1);

        if (where_of(on) & where_of(channel))
            match(keyed, n_keys + n, db_text(&rows, i, 0), where_of(on), db_i64(&rows, i, 2), ret);
    }
    return ST_OK;
}

/* NOLINTNEXTLINE(readability-function-size): whose, where, what and when */
enum status consent_check_many(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               const struct lead_id *leads, size_t n, struct str channel,
                               struct consent_answer *ret, struct err *e) {
    struct stops s;

    TRY(find_stops(a, tx, tenant, leads, n, channel, &s, e));
    for (size_t i = 0; i < n; i++)
        ret[i] = (struct consent_answer){.is_stopped = s.since_ms[i] > 0,
                                         .reason = s.since_ms[i] == 0 ? NULL
                                                   : s.is_all[i]      ? "opted-out-all"
                                                                      : "opted-out"};
    return ST_OK;
}

enum status consent_hold(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         int64_t *ret_stops, struct err *e) {
    return store_mark_hold(a, tx, tenant, ret_stops, e);
}

/* Who wants to hear nothing on any channel is "opted_out". */
/* NOLINTNEXTLINE(readability-function-size): whose, where, what and when */
static enum status show_one(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct lead_id lead, const struct stops *s, size_t at,
                            const struct lead_step *step, int64_t now_ms, struct err *e) {
    TRY(lead_show_stopped(a, tx, tenant, &lead, 1, s->since_ms[at], now_ms, e));
    return s->where[at] == EVERYWHERE ? lead_step(a, tx, tenant, lead, step, now_ms, e) : ST_OK;
}

enum status consent_show_many(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              const struct lead_id *leads, size_t n, int64_t now_ms,
                              struct err *e) {
    const struct lead_step step = {.to = STR("opted_out"), .is_own_wish = true};
    struct stops s;
    bool is_any;

    if (n == 0)
        return ST_OK;
    TRY(store_suppressions_any(a, tx, tenant, &is_any, e));
    if (!is_any)
        return ST_OK;
    TRY(find_stops(a, tx, tenant, leads, n, STR(CONSENT_ALL), &s, e));
    for (size_t i = 0; i < n; i++)
        if (s.since_ms[i] > 0)
            TRY(show_one(a, tx, tenant, leads[i], &s, i, &step, now_ms, e));
    return ST_OK;
}

/* What stands after act, also when that is nothing; the lead's state follows. */
static enum status show(struct arena *a, struct tx *tx, const struct act *act,
                        const struct person *p, bool is_stop, struct err *e) {
    struct lead_step step = {.to = STR("opted_out"),
                             .why = act->proof->text,
                             .actor = act->proof->actor,
                             .is_own_wish = true};
    struct stops s;

    TRY(find_stops(a, tx, act->tenant, &act->lead, 1, STR(CONSENT_ALL), &s, e));
    TRY(show_one(a, tx, act->tenant, act->lead, &s, 0, &step, act->at_ms, e));
    if (is_stop || s.where[0] == EVERYWHERE || !str_eq(p->state, step.to))
        return ST_OK;
    step.to = p->last_inbound_at_ms > 0 ? STR("replied") : STR("contacting");
    return lead_step(a, tx, act->tenant, act->lead, &step, act->at_ms, e);
}

/* --- stopping and allowing ------------------------------------------------------------------------------------------- */

static struct act act_of(const struct consent_wish *wish, struct lead_id lead,
                         const struct person *p) {
    return (struct act){.id = uuid_new(),
                        .tenant = wish->tenant,
                        .lead = lead,
                        .word = wish->is_stop ? "stop" : "allow",
                        .channel = wish->channel,
                        .proof = wish->proof,
                        .keys = p->json,
                        .at_ms = wish->now_ms};
}

static enum status check_channel(const struct consent_wish *wish, struct err *e) {
    if (!is_channel(wish->channel))
        FAIL(e, ST_INVALID, "channel: \"whatsapp\", \"email\" or \"all\" is needed");
    return ST_OK;
}

static enum status stop(struct arena *a, struct tx *tx, const struct act *act,
                        const struct person *p, struct err *e) {
    int64_t added;

    TRY(store_suppressions_insert(a, tx, act, p->keys, p->n, &added, e));
    return added > 0 ? store_mark_stop(tx, act->tenant, e) : ST_OK;
}

/* A stop on all channels becomes one on each but this. */
static enum status keep_others(struct arena *a, struct tx *tx, const struct act *allowed,
                               const struct person *p, struct err *e) {
    struct db_rows rows;
    struct str *keys;
    size_t n = 0;
    int64_t added;

    TRY(store_suppressions_find(a, tx, allowed->tenant, p->json, &rows, e));
    keys = arena_array_of(a, rows.n + 1, struct str);
    for (size_t i = 0; i < rows.n; i++)
        if (str_eq(db_text(&rows, i, 1), STR(CONSENT_ALL)))
            keys[n++] = db_text(&rows, i, 0);
    for (size_t i = 0; n > 0 && i < ARRAY_LEN(channels); i++) {
        struct act other = *allowed;

        other.channel = str_of(channels[i]);
        if (!str_eq(other.channel, allowed->channel))
            TRY(store_suppressions_insert(a, tx, &other, keys, n, &added, e));
    }
    return ST_OK;
}

static enum status allow(struct arena *a, struct tx *tx, const struct act *act,
                         const struct person *p, struct err *e) {
    struct tenant_id tenant = act->tenant;

    if (str_eq(act->channel, STR(CONSENT_ALL))) {
        for (size_t i = 0; i < ARRAY_LEN(channels); i++)
            TRY(store_suppressions_delete(a, tx, tenant, p->keys, p->n, str_of(channels[i]), e));
    } else {
        TRY(keep_others(a, tx, act, p, e));
        TRY(store_suppressions_delete(a, tx, tenant, p->keys, p->n, act->channel, e));
    }
    return store_suppressions_delete(a, tx, tenant, p->keys, p->n, STR(CONSENT_ALL), e);
}

enum status consent_put(struct arena *a, struct tx *tx, struct lead_id lead,
                        const struct consent_wish *wish, struct err *e) {
    struct person p = {0};
    struct act act;

    TRY(check_channel(wish, e));
    TRY(find_person(a, tx, wish->tenant, lead, &p, &lead, e));
    act = act_of(wish, lead, &p);
    TRY(store_act_insert(tx, &act, e));
    TRY(wish->is_stop ? stop(a, tx, &act, &p, e) : allow(a, tx, &act, &p, e));
    return show(a, tx, &act, &p, wish->is_stop, e);
}

enum status suppression_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             const struct suppression_query *query, struct suppression **ret,
                             size_t *ret_n, struct err *e) {
    return store_suppressions_list(a, tx, tenant, query, ret, ret_n, e);
}

enum status suppression_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct uuid id,
                            struct suppression *ret, struct err *e) {
    return store_suppression_get(a, tx, tenant, id, ret, e);
}

enum status suppression_put(struct arena *a, struct tx *tx, struct str key,
                            const struct consent_wish *wish, bool *ret_changed, struct err *e) {
    struct person p = {.keys = &key, .n = 1};
    struct db_rows rows;
    struct act act;
    int64_t added = 0;

    TRY(check_channel(wish, e));
    TRY(keys_json(a, &key, 1, &p.json, e));
    TRY(store_suppressions_find(a, tx, wish->tenant, p.json, &rows, e));
    act = act_of(wish, (struct lead_id){0}, &p);
    if (wish->is_stop)
        TRY(store_suppressions_insert(a, tx, &act, &key, 1, &added, e));
    else
        TRY(store_suppressions_delete(a, tx, wish->tenant, &key, 1, wish->channel, e));
    *ret_changed = wish->is_stop ? added > 0 : rows.n > 0;
    if (!*ret_changed)
        return ST_OK;
    if (wish->is_stop)
        TRY(store_mark_stop(tx, wish->tenant, e));
    return store_act_insert(tx, &act, e);
}

/* NOLINTNEXTLINE(readability-function-size): whose, where, what and when */
enum status consent_history(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct lead_id lead, size_t limit, struct consent_act **ret,
                            size_t *ret_n, struct err *e) {
    struct person p = {0};

    TRY(find_person(a, tx, tenant, lead, &p, &lead, e));
    return store_acts(a, tx, tenant, lead, p.json, limit, ret, ret_n, e);
}

bool consent_is_refusal(int64_t error_code) {
    return error_code == 131050 || error_code == 21610;
}
