/* permit.c - who may get a campaign's message, now.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/permit.h"

enum { HOUR_MS = 3600 * 1000, DAY_MS = 24 * HOUR_MS };

/* --- the campaign as it stands -------------------------------------------------------------------------------------------- */

static bool serves(const struct account *account, struct str channel) {
    const struct provider *p = provider_find(account->kind);

    return p && str_eq(str_of(p->channel), channel) && account->is_active;
}

/* The account the rule names, or the tenant's first of that channel: the preferred one, else the newest. */
static enum status find_account(struct permit *p, const struct channel_rule *rule,
                                struct permit_channel *ret, struct err *e) {
    const struct account *best = NULL;
    struct account *list;
    size_t n;

    TRY(account_list(p->a, p->tx, p->dispatch->tenant, &list, &n, e));
    for (size_t i = 0; i < n; i++) {
        bool is_named = uuid_eq(list[i].id.v, rule->account.v);

        if (!serves(&list[i], rule->channel) || uuid_is_nil(list[i].id.v) ||
            (!uuid_is_nil(rule->account.v) && !is_named))
            continue;
        if (!best || list[i].is_preferred || !best->is_preferred)
            best = &list[i];
        if (list[i].is_preferred)
            break;
    }
    ret->is_open = best != NULL;
    if (!best) {
        ret->block = STR("no-account");
        ret->block_why = STR("no active provider account sends over this channel");
        return ST_OK;
    }
    ret->account = *best;
    ret->provider = provider_find(best->kind);
    if (!str_eq(best->state, STR("ok"))) {
        ret->block = STR("account-blocked");
        ret->block_why = best->state_reason;
    }
    return ST_OK;
}

struct str permit_why_unusable(struct arena *a, const struct template *t) {
    return arena_printf(a, "the template \"%.*s\" is %.*s%s%.*s", STR_ARG(t->name),
                        STR_ARG(t->status), t->status_reason.len > 0 ? ": " : "",
                        STR_ARG(t->status_reason));
}

static enum status find_template(struct permit *p, const struct channel_rule *rule,
                                 struct permit_channel *ret, struct err *e) {
    struct err miss = ERR_INIT;
    enum status st = template_find(p->a, p->tx, p->dispatch->tenant, ret->account.id, rule->channel,
                                   rule->template_name, rule->language, &ret->template, &miss);

    if (st != ST_OK && st != ST_NOT_FOUND) {
        *e = miss;
        return st;
    }
    ret->has_template = st == ST_OK;
    if (ret->block.len > 0)
        return ST_OK;
    if (!ret->has_template) {
        ret->block = STR("template-missing");
        ret->block_why = arena_printf(p->a, "there is no template \"%.*s\" for this account",
                                      STR_ARG(rule->template_name));
    } else if (!template_is_usable(&ret->template, &ret->block)) {
        ret->block_why = permit_why_unusable(p->a, &ret->template);
    }
    return ST_OK;
}

enum status permit_open(struct arena *a, struct tx *tx, const struct dispatch *d, int64_t now_ms,
                        struct permit *ret, struct err *e) {
    struct tenant tenant;

    *ret = (struct permit){.a = a, .tx = tx, .dispatch = d, .now_ms = now_ms};
    TRY(dispatch_settings_get(a, tx, d->tenant, &ret->settings, e));
    TRY(rules_read(a, d, &ret->settings, &ret->rules, e));
    TRY(quiet_get(a, tx, d->tenant, &ret->quiet, e));
    TRY(tenant_get(a, tx, d->tenant, &tenant, e));
    ret->timezone = tenant.timezone;
    for (size_t i = 0; i < ret->rules.n; i++) {
        struct permit_channel *ch = &ret->channels[i];

        TRY(find_account(ret, &ret->rules.channels[i], ch, e));
        if (ch->is_open)
            TRY(find_template(ret, &ret->rules.channels[i], ch, e));
        ch->price =
            choose_price(&ret->settings, ret->rules.channels[i].channel, ch->template.category);
        ret->open[i] = ch->is_open;
    }
    return ST_OK;
}

/* --- one contact ---------------------------------------------------------------------------------------------------------- */

static void block(struct decision *d, struct str slug, struct str why) {
    if (d->block_reason.len > 0) /* the first reason is the one */
        return;
    d->is_allowed = false;
    d->block_reason = slug;
    d->why = why;
}

static void choose(struct permit *p, size_t from, struct str after, struct decision *d) {
    const struct choice c = choose_channel(p->a, &p->rules, p->open, from, after, d->contact);

    d->is_allowed = c.is_found;
    d->step = c.step < p->rules.n ? c.step : p->rules.n - 1;
    d->address = c.address;
    d->is_user_id = c.is_user_id;
    d->reason = c.reason;
    if (!c.is_found)
        block(d, STR("no-channel"), STR_EMPTY);
    else if (d->contact->is_opted_out)
        block(d, STR("opted-out-all"), STR_EMPTY);
}

static enum status fill_in(struct permit *p, struct decision *d, struct err *e) {
    const struct permit_channel *ch = &p->channels[d->step];
    const struct json *values;
    struct err why = ERR_INIT;
    enum status st;

    if (ch->block.len > 0) {
        block(d, ch->block, ch->block_why);
        d->is_channel_block = d->is_passing = true;
        return ST_OK;
    }
    TRY(choose_values(p->a, &p->rules, &ch->template, d->contact, &values, e));
    st = template_render(p->a, &ch->template, values, &d->content, &d->text, &why);
    if (st == ST_INVALID) {
        block(d, why.cause ? str_of(why.cause) : STR("text-invalid"),
              arena_str(p->a, str_of(why.message)));
        return ST_OK;
    }
    if (st != ST_OK)
        *e = why;
    return st;
}

/* --- many ----------------------------------------------------------------------------------------------------------------- */

/* Those that are still allowed, of one channel. */
static enum status check_consent(struct permit *p, size_t step, struct decision *ds, size_t n,
                                 struct err *e) {
    struct lead_id *leads = arena_array_of(p->a, n + 1, struct lead_id);
    size_t *at = arena_array_of(p->a, n + 1, size_t);
    struct consent_answer *answers = arena_array_of(p->a, n + 1, struct consent_answer);
    size_t m = 0;

    for (size_t i = 0; i < n; i++) {
        if (!ds[i].is_allowed || ds[i].step != step)
            continue;
        at[m] = i;
        leads[m++] = ds[i].contact->id;
    }
    if (m == 0)
        return ST_OK;
    TRY(consent_check_many(p->a, p->tx, p->dispatch->tenant, leads, m,
                           p->rules.channels[step].channel, answers, e));
    for (size_t i = 0; i < m; i++)
        if (answers[i].is_stopped)
            block(&ds[at[i]], answers[i].reason ? str_of(answers[i].reason) : STR("opted-out"),
                  STR_EMPTY);
    return ST_OK;
}

static int by_lead(const void *a, const void *b) {
    const struct lead_touch *x = a, *y = b;

    return uuid_cmp(x->lead.v, y->lead.v);
}

static enum status check_touches(struct permit *p, struct decision *ds, size_t n, struct err *e) {
    const struct dispatch_limits *l = &p->rules.limits;
    bool has_cap = l->frequency_max > 0 && l->frequency_days > 0;
    struct touch_query q = {.tenant = p->dispatch->tenant,
                            .dispatch = p->dispatch->id,
                            .since_ms = p->now_ms - l->frequency_days * DAY_MS,
                            .overlap_since_ms = p->now_ms - l->overlap_hours * HOUR_MS};
    struct uuid *leads = arena_array_of(p->a, n + 1, struct uuid);
    struct lead_touch *touches;
    size_t m = 0, n_touches;

    if (!has_cap && l->overlap_hours == 0)
        return ST_OK;
    for (size_t i = 0; i < n; i++)
        if (ds[i].is_allowed)
            leads[m++] = ds[i].contact->id.v;
    if (m == 0)
        return ST_OK;
    TRY(store_lead_touches(p->a, p->tx, &q, leads, m, &touches, &n_touches, e));
    qsort(touches, n_touches, sizeof(*touches), by_lead);
    for (size_t i = 0; n_touches > 0 && i < n; i++) {
        const struct lead_touch *t;
        struct lead_touch key = {.recent = 0};

        if (!ds[i].is_allowed)
            continue;
        key.lead = ds[i].contact->id;
        t = bsearch(&key, touches, n_touches, sizeof(*touches), by_lead);
        if (t && l->overlap_hours > 0 && t->overlapping > 0)
            block(&ds[i], STR("other-campaign"), STR_EMPTY);
        else if (t && has_cap && t->recent >= l->frequency_max)
            block(&ds[i], STR("frequency-cap"), STR_EMPTY);
        ds[i].is_passing = !ds[i].is_allowed;
    }
    return ST_OK;
}

static enum status check_all(struct permit *p, struct decision *ds, size_t n, struct err *e) {
    for (size_t step = 0; step < p->rules.n; step++)
        TRY(check_consent(p, step, ds, n, e));
    TRY(check_touches(p, ds, n, e));
    for (size_t i = 0; i < n; i++) {
        struct str zone;

        if (!ds[i].is_allowed)
            continue;
        TRY(fill_in(p, &ds[i], e));
        if (!ds[i].is_allowed)
            continue;
        zone = ds[i].contact->timezone;
        ds[i].not_before_ms =
            quiet_until_ms(&p->quiet, zone.len > 0 ? zone : p->timezone, p->now_ms);
    }
    return ST_OK;
}

enum status permit_contacts(struct permit *p, const struct lead_contact *contacts, size_t n,
                            struct decision *ret, struct err *e) {
    for (size_t i = 0; i < n; i++) {
        ret[i] = (struct decision){.contact = &contacts[i]};
        choose(p, 0, STR_EMPTY, &ret[i]);
    }
    return check_all(p, ret, n, e);
}

static int by_id(const void *a, const void *b) {
    const struct lead_contact *const *x = a, *const *y = b;

    return uuid_cmp((*x)->id.v, (*y)->id.v);
}

/* A lead that was merged since is the one it is now, unless that one is in the campaign itself. */
static enum status find_merged(struct permit *p, const struct recipient *r, struct decision *d,
                               struct err *e) {
    struct lead_contact *found;
    bool is_there;
    size_t n;

    TRY(lead_audience_some(p->a, p->tx, p->dispatch->tenant, &r->lead, 1, &found, &n, e));
    if (n == 0) {
        block(d, STR("lead-gone"), STR_EMPTY);
        return ST_OK;
    }
    TRY(store_recipient_is_there(p->a, p->tx, p->dispatch, found[0].id, &is_there, e));
    if (is_there) {
        block(d, STR("duplicate"), STR_EMPTY);
        return ST_OK;
    }
    d->contact = &found[0];
    return ST_OK;
}

enum status permit_decide(struct permit *p, const struct recipient *rows, size_t n,
                          struct decision *ret, struct err *e) {
    struct lead_id *leads = arena_array_of(p->a, n + 1, struct lead_id);
    const struct lead_contact **sorted;
    struct lead_contact *contacts;
    size_t n_contacts;

    for (size_t i = 0; i < n; i++)
        leads[i] = rows[i].lead;
    TRY(lead_audience_some(p->a, p->tx, p->dispatch->tenant, leads, n, &contacts, &n_contacts, e));
    sorted = arena_array_of(p->a, n_contacts + 1, const struct lead_contact *);
    for (size_t i = 0; i < n_contacts; i++)
        sorted[i] = &contacts[i];
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are what is sorted */
    qsort(sorted, n_contacts, sizeof(*sorted), by_id);
    for (size_t i = 0; i < n; i++) {
        const struct lead_contact key = {.id = rows[i].lead}, *want = &key;
        const struct lead_contact *const *hit =
            /* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are what is sorted */
            bsearch(&want, sorted, n_contacts, sizeof(*sorted), by_id);

        ret[i] = (struct decision){.contact = hit ? *hit : NULL};
        if (!hit)
            TRY(find_merged(p, &rows[i], &ret[i], e));
        if (ret[i].contact && rows[i].is_test) { /* to an address of ours, whatever the lead has */
            ret[i].is_allowed = true;
            ret[i].step = (size_t)rows[i].step;
            ret[i].address = rows[i].address;
            ret[i].reason = STR("test");
            TRY(fill_in(p, &ret[i], e));
        } else if (ret[i].contact) {
            choose(p, (size_t)rows[i].step, rows[i].step > 0 ? rows[i].reason : STR_EMPTY, &ret[i]);
        }
    }
    return n > 0 && rows[0].is_test ? ST_OK : check_all(p, ret, n, e);
}
