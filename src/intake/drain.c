/* drain.c - the one job that turns raw calls into effects, in order of arrival.
 *
 *   read a batch → parse outside any transaction → one transaction: fence, apply every event once, settle the calls
 *
 * A batch that fails is done again call by call, each in a savepoint, so that one bad call is put aside ("failed", shown and
 * replayable) and never holds up the others.
 * SPDX-License-Identifier: Apache-2.0 */
#include "intake/intake.h"

#include <assert.h>

#include "base/clock.h"
#include "bot/bot.h"
#include "dispatch/dispatch.h"
#include "intake/arrive.h"
#include "intake/store.h"
#include "media/media.h"
#include "outbox/outbox.h"
#include "stats/stats.h"
#include "template/template.h"

enum {
    BATCH_CALLS = 64,
    BATCH_EVENTS =
        200,       /* a call may bring a thousand: the transaction must end well within a lease */
    RUN_MS = 2000, /* then the job gives its worker back and comes again */
    ROUTES_MAX = 64,
    RETENTION_DAYS = 30,
};

static struct stats_counter events_applied = STATS_COUNTER_L(
    "prosa_inbound_events_total", "Events of webhook calls by fate.", "fate=\"applied\"");
static struct stats_counter events_repeated = STATS_COUNTER_L(
    "prosa_inbound_events_total", "Events of webhook calls by fate.", "fate=\"repeated\"");
static struct stats_counter events_unrouted = STATS_COUNTER_L(
    "prosa_inbound_events_total", "Events of webhook calls by fate.", "fate=\"unrouted\"");

struct parsed { /* one raw call, understood or not */
    const struct raw_call *call;
    const struct provider *provider;
    struct inbound *events;
    size_t n, cap;
    struct arena *arena;
    struct raw_fate fate;
    struct media *files; /* by event: those that came along; NULL: none did */
};

struct target { /* an account, looked up once a batch */
    const struct provider *provider;
    struct str address, group;
    struct account_id own;  /* the call's, when the event names neither */
    struct account account; /* id nil: nobody's */
    bool tenant_is_active;
    struct debounce debounce;
};

struct drain {
    struct app *app;
    struct intake *intake;
    struct db *db;
    const struct media_deps *media;
    struct arena *arena; /* of the batch */
    const struct job *job;
    struct raw_call *calls;
    struct parsed *parsed;
    size_t n;
    struct target routes[ROUTES_MAX];
    size_t n_routes;
    bool is_careful; /* each call in its own savepoint */
    int64_t applied, repeated, unrouted;
    struct dispatch_receipt
        *receipts; /* of campaigns, applied together: of many messages in few statements */
    size_t n_receipts, max_receipts;
};

/* --- parse ------------------------------------------------------------------------------------------------------------ */

static enum status keep_event(void *ctx, const struct inbound *event, struct err *e) {
    struct parsed *p = ctx;

    (void)e;
    if (p->n == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 4;
        struct inbound *more = arena_array_of(p->arena, cap, struct inbound);

        if (p->n > 0)
            memcpy(more, p->events, p->n * sizeof(*more));
        p->events = more;
        p->cap = cap;
    }
    p->events[p->n++] = *event;
    return ST_OK;
}

static void parse_call(struct drain *d, const struct raw_call *call, struct parsed *ret) {
    struct err why = ERR_INIT;
    struct inbound_sink sink = {.event = keep_event, .ctx = ret};
    const struct hook hook = {.query = call->query, .body = call->body};

    *ret =
        (struct parsed){.call = call, .arena = d->arena, .provider = provider_find(call->provider)};
    ret->fate =
        (struct raw_fate){.id = call->id, .tenant = call->tenant, .state = "done", .cause = ""};
    if (ret->provider && ret->provider->parse(d->arena, &hook, &sink, &why) == ST_OK) {
        ret->fate.events = (int64_t)ret->n;
        return;
    }
    ret->n = 0;
    ret->fate.state = "unparsed";
    ret->fate.cause = "not-understood";
    ret->fate.reason =
        arena_str(d->arena, ret->provider ? str_of(why.message) : STR("unknown provider"));
}

/* --- route ------------------------------------------------------------------------------------------------------------ */

static enum status find_account(struct drain *d, struct tx *tx, struct target *r, struct err *e) {
    struct str kind = str_of(r->provider->name);
    enum status st = ST_NOT_FOUND;
    struct err miss = ERR_INIT;
    struct tenant tenant;

    if (r->address.len > 0)
        st = account_find_address(d->arena, tx, kind, r->address, &r->account, &miss);
    else if (r->group.len > 0)
        st = account_find_group(d->arena, tx, kind, r->group, &r->account, &miss);
    else if (!uuid_is_nil(r->own.v))
        st = account_get(d->arena, tx, r->own, &r->account, &miss);
    if (st == ST_NOT_FOUND) {
        r->account = (struct account){0};
        return ST_OK;
    }
    if (st != ST_OK) {
        *e = miss;
        return st;
    }
    TRY(tenant_get(d->arena, tx, r->account.tenant, &tenant, e));
    r->tenant_is_active = tenant.is_active;
    return bot_debounce(tx, r->account.tenant, &r->debounce, e);
}

static enum status target_of(struct drain *d, struct tx *tx, const struct parsed *p,
                             const struct inbound *ev, struct target **ret, struct err *e) {
    bool is_named = ev->address.len > 0 || ev->account_group.len > 0;
    struct account_id own = is_named ? (struct account_id){0} : p->call->account;

    for (size_t i = 0; i < d->n_routes; i++) {
        struct target *r = &d->routes[i];

        if (r->provider == p->provider && str_eq(r->address, ev->address) &&
            str_eq(r->group, ev->account_group) && uuid_eq(r->own.v, own.v)) {
            *ret = r;
            return ST_OK;
        }
    }
    if (d->n_routes == ROUTES_MAX) /* start over: the table only saves look-ups */
        d->n_routes = 0;

    struct target *fresh = &d->routes[d->n_routes];

    *fresh = (struct target){
        .provider = p->provider, .address = ev->address, .group = ev->account_group, .own = own};
    TRY(find_account(d, tx, fresh, e));
    d->n_routes++;
    *ret = fresh;
    return ST_OK;
}

/* Why an event may not go to its account; NULL when it may. */
static const char *refusal(const struct parsed *p, const struct target *r, struct str *ret_reason) {
    if (uuid_is_nil(r->account.id.v)) {
        *ret_reason = STR("no provider account has this address: add it, then replay");
        return "unknown-address";
    }
    if (!uuid_is_nil(p->call->tenant.v) && !uuid_eq(p->call->tenant.v, r->account.tenant.v)) {
        *ret_reason =
            STR("the account's address belongs to another tenant than the one that was called");
        return "wrong-tenant";
    }
    if (!r->account.is_active) {
        *ret_reason = STR("the provider account is disabled: enable it, then replay");
        return "account-disabled";
    }
    if (!r->tenant_is_active) {
        *ret_reason = STR("the tenant is disabled: enable it, then replay");
        return "tenant-disabled";
    }
    return NULL;
}

/* --- apply ------------------------------------------------------------------------------------------------------------ */

/* What the provider asked for its users: on its own channel. */
static enum status apply_preference(struct drain *d, struct tx *tx, const struct target *r,
                                    const struct inbound *ev, int64_t now_ms, struct err *e) {
    const struct consent_proof proof = {.source = STR("provider"),
                                        .text = ev->text.len > 0 ? ev->text : ev->category};
    struct tenant_id tenant = r->account.tenant;
    const struct consent_wish wish = {.tenant = tenant,
                                      .channel = STR(CONSENT_WHATSAPP),
                                      .is_stop = ev->is_stop,
                                      .proof = &proof,
                                      .now_ms = now_ms};
    struct lead lead;

    TRY(lead_resolve(d->arena, tx, tenant, &ev->party, now_ms, &lead, e));
    TRY(conversation_move_merged(d->arena, tx, tenant, &lead, e));
    TRY(lead_set_consent(d->arena, tx, lead.id, &wish, e));
    return ev->is_stop ? dispatch_opted_out(d->arena, tx, tenant, lead.id, now_ms, e) : ST_OK;
}

static enum status apply_identity(struct drain *d, struct tx *tx, const struct target *r,
                                  const struct inbound *ev, int64_t now_ms, struct err *e) {
    struct err miss = ERR_INIT;
    struct lead lead;
    enum status st = lead_change_identity(
        d->arena, tx, r->account.tenant, &ev->party,
        &(struct party){.phone = ev->new_phone, .user_id = ev->new_user_id}, &lead, &miss);

    if (st == ST_NOT_FOUND) /* somebody we never talked to */
        return ST_OK;
    if (st != ST_OK) {
        *e = miss;
        return st;
    }
    TRY(conversation_move_merged(d->arena, tx, r->account.tenant, &lead, e));
    if (lead.n_merged > 0) /* what stood against a key stands against them */
        TRY(consent_show_many(d->arena, tx, r->account.tenant, &lead.id, 1, now_ms, e));

    struct str id = uuid_format(d->arena, lead.id.v);

    return event_add(
        tx,
        (struct event){.tenant = r->account.tenant,
                       .kind = STR("lead.identity_changed"),
                       .data = arena_printf(d->arena, "{\"lead\":\"%.*s\"}", STR_ARG(id)),
                       .at_ms = now_ms},
        e);
}

/* The same provider id under another dedup key would be a provider's fault; the first one stands. */
static enum status ignore_known_message(struct arena *a, struct tx *tx, const struct received *in,
                                        bool *ret_known, struct err *e) {
    struct message known;
    struct err miss = ERR_INIT;
    enum status st = message_find_provider(a, tx, in->tenant, in->account, in->inbound->message_id,
                                           &known, &miss);

    *ret_known = st == ST_OK;
    if (st == ST_OK || st == ST_NOT_FOUND)
        return ST_OK;
    *e = miss;
    return st;
}

/* What came with the message is kept already, or fetched later by a job of the same transaction. */
static enum status expect_media(struct drain *d, struct tx *tx, const struct received *in,
                                const struct media *kept, struct message_id id, struct err *e) {
    struct message m;

    if (!media_is_kind(in->inbound->type))
        return ST_OK;
    if (kept)
        return media_attach(d->arena, tx, kept, id, in->now_ms, e);
    TRY(message_get(d->arena, tx, in->tenant, id, &m, e));
    return media_expect(d->arena, tx, &m, in->now_ms, e);
}

static enum status apply_leave(struct drain *d, struct tx *tx, const struct target *r,
                               const struct inbound *ev, struct message_id id, struct err *e) {
    struct message m;
    struct conversation c;

    if (!ev->is_leave)
        return ST_OK;
    TRY(message_get(d->arena, tx, r->account.tenant, id, &m, e));
    TRY(conversation_get(d->arena, tx, r->account.tenant, m.conversation, &c, e));
    return leave_by_mail(
        d->app, d->arena, tx, &r->account,
        &(struct left_mail){
            .token = ev->leave, .subject = STR("unsubscribe"), .message = id, .sender = c.lead},
        e);
}

static enum status apply_message(struct drain *d, struct tx *tx, const struct target *r,
                                 const struct parsed *p, const struct inbound *ev, int64_t now_ms,
                                 struct err *e) {
    const struct media *kept = ev->file.len > 0 ? &p->files[ev - p->events] : NULL;
    const struct received in = {
        .tenant = r->account.tenant,
        .account = r->account.id,
        .inbound = ev,
        .debounce = r->debounce,
        .window_ms = r->provider->limits.window_ms,
        .now_ms = now_ms,
        .before = dispatch_before_reply,
    };
    struct message_id id;
    bool is_known = false, is_own = false;

    if (r->provider->transport == TRANSPORT_MAIL)
        TRY(arrive_mail(d->arena, tx, &r->account, ev, now_ms, &is_own, e));
    if (is_own)
        return store_account_event(tx, r->account.tenant, r->account.id, ev, now_ms, e);
    /* An echo may be of what we sent ourselves. A message is known although its dedup key is not where a call is replayed after
     * the key's retention; looking costs a query each, so only the careful run, which such a call ends in, does. */
    if (ev->kind == INBOUND_ECHO || d->is_careful)
        TRY(ignore_known_message(d->arena, tx, &in, &is_known, e));
    if (is_known)
        return ST_OK;
    TRY(ev->kind == INBOUND_ECHO ? conversation_receive_echo(d->arena, tx, &in, &id, e)
                                 : conversation_receive(d->arena, tx, &in, &id, e));
    TRY(apply_leave(d, tx, r, ev, id, e));
    return expect_media(d, tx, &in, kept, id, e);
}

/* A template's state changes in the transaction that tells of it, so that the next claim of a campaign sees it. */
static enum status apply_account(struct drain *d, struct tx *tx, const struct target *r,
                                 const struct inbound *ev, int64_t now_ms, struct err *e) {
    struct template_item item;
    int64_t changed;

    TRY(store_account_event(tx, r->account.tenant, r->account.id, ev, now_ms, e));
    if (!r->provider->read_template_event || !r->provider->read_template_event(d->arena, ev, &item))
        return ST_OK;
    TRY(template_learn(d->arena, tx, &r->account, &item, now_ms, &changed, e));
    return event_add(tx,
                     (struct event){.tenant = r->account.tenant,
                                    .kind = STR("template.changed"),
                                    .data = template_item_json(d->arena, &item),
                                    .at_ms = now_ms},
                     e);
}

static enum status keep_receipt(struct drain *d, struct tx *tx, const struct target *r,
                                const struct inbound *ev, struct err *e) {
    if (!dispatch_is_receipt(ev))
        return outbox_receipt(d->arena, tx, r->account.tenant, r->account.id, r->provider, ev, e);
    assert(d->n_receipts < d->max_receipts);
    d->receipts[d->n_receipts++] = (struct dispatch_receipt){.tenant = r->account.tenant,
                                                             .account = r->account.id,
                                                             .provider = r->provider,
                                                             .status = ev};
    return ST_OK;
}

static enum status apply_status(struct drain *d, struct tx *tx, const struct target *r,
                                const struct inbound *ev, int64_t now_ms, struct err *e) {
    if (r->provider->transport == TRANSPORT_MAIL)
        TRY(arrive_bounce(d->arena, tx, &r->account, ev, now_ms, e));
    return keep_receipt(d, tx, r, ev, e);
}

static enum status apply_receipts(struct drain *d, struct tx *tx, struct err *e) {
    size_t n = d->n_receipts;

    d->n_receipts = 0;
    return dispatch_receipts(d->arena, tx, d->receipts, n, clock_now_ms(), e);
}

static enum status apply_event(struct drain *d, struct tx *tx, const struct target *r,
                               const struct parsed *p, const struct inbound *ev, struct err *e) {
    const struct seen_event seen = {.tenant = r->account.tenant,
                                    .account = r->account.id,
                                    .dedup = ev->dedup,
                                    .call = p->call->id};
    int64_t now_ms = clock_now_ms();
    bool is_first;

    TRY(conversation_first_seen(tx, &seen, now_ms, &is_first, e));
    if (!is_first) {
        d->repeated++;
        return ST_OK;
    }
    d->applied++;
    switch (ev->kind) {
    case INBOUND_MESSAGE:
    case INBOUND_ECHO:
        return apply_message(d, tx, r, p, ev, now_ms, e);
    case INBOUND_STATUS:
        return apply_status(d, tx, r, ev, now_ms, e);
    case INBOUND_PREFERENCE:
        return apply_preference(d, tx, r, ev, now_ms, e);
    case INBOUND_IDENTITY:
        return apply_identity(d, tx, r, ev, now_ms, e);
    case INBOUND_ACCOUNT:
        return apply_account(d, tx, r, ev, now_ms, e);
    }
    FAIL(e, ST_BROKEN, "the adapter emitted an event of no kind");
}

/* Whose call it was, for those who look at the inbox: set only when all of it is one tenant's. */
static void note_tenant(struct parsed *p, struct tenant_id tenant, size_t *n_tenants) {
    if (*n_tenants == 0)
        p->fate.tenant = tenant;
    else if (!uuid_eq(p->fate.tenant.v, tenant.v))
        p->fate.tenant = (struct tenant_id){0};
    (*n_tenants)++;
}

static enum status apply_call(struct tx *tx, struct drain *d, struct parsed *p, struct err *e) {
    size_t n_tenants = 0;

    for (size_t i = 0; i < p->n; i++) {
        struct target *r;
        struct str reason;
        const char *cause;

        TRY(target_of(d, tx, p, &p->events[i], &r, e));
        cause = refusal(p, r, &reason);
        if (cause) {
            p->fate.state = "unrouted";
            p->fate.cause = cause;
            p->fate.reason = reason;
            d->unrouted++;
            if (uuid_is_nil(r->account.id.v) || !uuid_is_nil(p->call->tenant.v))
                continue;
        } else {
            TRY(apply_event(d, tx, r, p, &p->events[i], e));
        }
        if (uuid_is_nil(p->call->tenant.v))
            note_tenant(p, r->account.tenant, &n_tenants);
    }
    return ST_OK;
}

struct one_call {
    struct drain *drain;
    struct parsed *parsed;
};

static enum status apply_nested(struct tx *tx, void *ctx, struct err *e) {
    struct one_call *one = ctx;

    one->drain->n_receipts = 0;
    TRY(apply_call(tx, one->drain, one->parsed, e));
    return apply_receipts(one->drain, tx, e);
}

/* What the caller may retry as a whole is no fault of the call. */
static bool is_passing(enum status st) {
    return st == ST_UNAVAILABLE || st == ST_UNCERTAIN || st == ST_LIMITED;
}

static enum status apply_careful(struct tx *tx, struct drain *d, struct parsed *p, struct err *e) {
    struct one_call one = {.drain = d, .parsed = p};
    struct err why = ERR_INIT;
    enum status st = tx_nested(tx, apply_nested, &one, &why);

    if (is_passing(st)) {
        *e = why;
        return st;
    }
    if (st != ST_OK) {
        p->fate.state = "failed";
        p->fate.cause = why.cause ? why.cause : status_name(st);
        p->fate.reason = arena_str(d->arena, str_of(why.message));
        d->n_routes =
            0; /* what the savepoint looked up is still true, but this path is rare: be plain */
    }
    return ST_OK;
}

/* An unattributed call is shown to the only tenant there is; with several it stays the system's. */
static enum status attribute(struct tx *tx, struct drain *d, struct err *e) {
    struct tenant_id only = {0};
    bool is_known = false;

    for (size_t i = 0; i < d->n; i++) {
        struct raw_fate *fate = &d->parsed[i].fate;

        if (strcmp(fate->state, "done") == 0 || !uuid_is_nil(fate->tenant.v))
            continue;
        if (!is_known)
            TRY(store_only_tenant(d->arena, tx, &only, e));
        is_known = true;
        fate->tenant = only;
    }
    return ST_OK;
}

static enum status apply_batch(struct tx *tx, void *ctx, struct err *e) {
    struct drain *d = ctx;
    struct raw_fate *fates = arena_array_of(d->arena, d->n, struct raw_fate);

    d->applied = d->repeated = d->unrouted = 0;
    d->n_routes = 0;
    d->n_receipts = d->max_receipts = 0;
    for (size_t i = 0; i < d->n; i++)
        d->max_receipts += d->parsed[i].n;
    d->receipts = arena_array_of(d->arena, d->max_receipts + 1, struct dispatch_receipt);
    TRY(queue_fence(tx, d->job, e));
    for (size_t i = 0; i < d->n; i++) {
        struct parsed *p = &d->parsed[i];

        if (p->n == 0 && strcmp(p->fate.state, "unparsed") == 0)
            continue;
        p->fate.state = "done";
        p->fate.cause = "";
        p->fate.tenant = p->call->tenant;
        TRY(d->is_careful ? apply_careful(tx, d, p, e) : apply_call(tx, d, p, e));
    }
    if (!d->is_careful)
        TRY(apply_receipts(d, tx, e));
    TRY(attribute(tx, d, e));
    for (size_t i = 0; i < d->n; i++)
        fates[i] = d->parsed[i].fate;
    return store_inbox_settle(d->arena, tx, fates, d->n, clock_now_ms(), e);
}

/* --- the job ---------------------------------------------------------------------------------------------------------- */

static enum status read_batch(struct tx *tx, void *ctx, struct err *e) {
    struct drain *d = ctx;

    return store_inbox_waiting(d->arena, tx, BATCH_CALLS, &d->calls, &d->n, e);
}

/* As many calls as fit; what is left over is read again with the next batch. */
static void parse_batch(struct drain *d) {
    size_t n_events = 0, n = 0;

    while (n < d->n && n_events < BATCH_EVENTS) {
        parse_call(d, &d->calls[n], &d->parsed[n]);
        n_events += d->parsed[n++].n;
    }
    d->n = n;
}

static enum status keep_files(struct drain *d, struct err *e) {
    for (size_t i = 0; i < d->n; i++) {
        struct parsed *p = &d->parsed[i];

        if (p->provider && p->provider->transport == TRANSPORT_MAIL)
            TRY(arrive_keep_files(d->media, d->arena, p->call->tenant, p->events, p->n, &p->files,
                                  e));
    }
    return ST_OK;
}

static enum status drain_once(struct drain *d, struct err *e) {
    struct err why = ERR_INIT;

    TRY(db_read(d->db, DB_SYSTEM, read_batch, d, e));
    if (d->n == 0)
        return ST_OK;
    d->parsed = arena_array_of(d->arena, d->n, struct parsed);
    parse_batch(d);
    TRY(keep_files(d, e));
    d->is_careful = false;

    enum status st = db_write(d->db, DB_SYSTEM, apply_batch, d, &why);

    /* A lost lease also shows as ST_CONFLICT: the careful run meets the fence first and ends there. */
    if (st != ST_OK && !is_passing(st)) {
        d->is_careful = true;
        err_clear(&why);
        st = db_write(d->db, DB_SYSTEM, apply_batch, d, &why);
    }
    if (st != ST_OK) {
        *e = why;
        return st;
    }
    stats_add(&events_applied, d->applied);
    stats_add(&events_repeated, d->repeated);
    stats_add(&events_unrouted, d->unrouted);
    return ST_OK;
}

enum status intake_drain_job(struct app *app, struct arena *a, const struct job *job,
                             struct verdict *ret_verdict, struct err *e) {
    int64_t until_ms = clock_mono_ms() + RUN_MS;
    struct drain *d = arena_new_of(a, struct drain);
    ATTR_CLEANUP(arena_done_p) struct arena batch = {0};

    *d = (struct drain){.app = app,
                        .intake = app_intake(app),
                        .db = app_db(app),
                        .media = app_media(app),
                        .arena = &batch,
                        .job = job};
    do {
        arena_reset(&batch);
        TRY(drain_once(d, e));
    } while (d->n > 0 && clock_mono_ms() < until_ms);
    *ret_verdict = (struct verdict){.kind = d->n > 0 ? VERDICT_AGAIN : VERDICT_DONE};
    return ST_OK;
}

static enum status purge(struct tx *tx, void *ctx, struct err *e) {
    const int64_t *before_ms = ctx;

    return store_inbox_purge(tx, *before_ms, e);
}

enum status intake_purge_job(struct app *app, struct arena *a, const struct job *job,
                             struct verdict *ret_verdict, struct err *e) {
    int64_t before_ms = clock_now_ms() - (int64_t)RETENTION_DAYS * 24 * 3600 * 1000;

    (void)a;
    (void)job;
    TRY(db_write(app_db(app), DB_SYSTEM, purge, &before_ms, e));
    *ret_verdict = (struct verdict){.kind = VERDICT_DONE};
    return ST_OK;
}
