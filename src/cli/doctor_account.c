/* doctor_account.c - what prosa doctor finds of the tenants' provider accounts: their state, their credentials, and the address
 * by which their webhooks come in.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "cli/doctor.h"
#include "cli/probe.h"

struct accounts {
    struct doctor *d;
    struct tenant *tenants;
    size_t n_tenants;
    const struct tenant *tenant;
    struct account *list;
    size_t n;
    struct httpc *httpc; /* NULL: offline */
    bool has_hooks;      /* an account's provider signs the URL that it calls */
};

static enum status list_tenants(struct tx *tx, void *ctx, struct err *e) {
    struct accounts *x = ctx;

    return tenant_list(&x->d->c->arena, tx, &x->tenants, &x->n_tenants, e);
}

static enum status list_accounts(struct tx *tx, void *ctx, struct err *e) {
    struct accounts *x = ctx;

    return account_list(&x->d->c->arena, tx, x->tenant->id, &x->list, &x->n, e);
}

static struct str named(struct accounts *x, const struct account *p, struct str what) {
    struct arena *a = &x->d->c->arena;
    struct str which = p->address.len > 0 ? p->address : p->name;

    return arena_printf(a, "%.*s: %.*s %.*s: %.*s", STR_ARG(x->tenant->slug), STR_ARG(p->kind),
                        STR_ARG(which), STR_ARG(what));
}

static void tell_probe(struct accounts *x, const struct account *p, const struct probe *probe) {
    struct doctor *d = x->d;

    if (probe->their_time != 0) {
        d->their_time_ms = probe->their_time;
        d->our_time_ms = clock_now_ms();
    }
    if (probe->is_ok)
        finding_add(d, "provider", FINDING_OK, named(x, p, probe->reason), STR_EMPTY);
    else if (probe->is_retriable)
        finding_add(d, "provider", FINDING_WARN, named(x, p, probe->reason),
                    STR("see that this machine reaches the provider; its status page may tell"));
    else
        finding_add(d, "provider", FINDING_FAIL, named(x, p, probe->reason),
                    STR("correct it by `prosa provider set SLUG ID --secret NAME=@FILE`, then "
                        "`prosa provider clear SLUG ID`"));
}

/* --- the address for webhooks ---------------------------------------------------------------- */

static struct str host_of(struct str url) {
    struct str host;

    if (!str_eat(&url, STR("https://")))
        (void)str_eat(&url, STR("http://"));
    (void)str_cut(&url, '/', &host);
    return host;
}

static bool is_loopback(struct str host) {
    return str_starts(host, STR("127.")) || str_starts(host, STR("localhost")) ||
           str_starts(host, STR("[::1]"));
}

/* Twilio signs the URL it was given and calls it from outside: what the account needs is told even when all is well, because
 * it has to be entered there. Whether it is, only Twilio knows: tell_hook. */
static void check_hook(struct accounts *x, const struct account *p) {
    struct arena *a = &x->d->c->arena;
    struct str base = x->d->c->rt.config->public_url;
    struct str hook = arena_printf(a, "%.*s/webhooks/%.*s/%.*s", STR_ARG(base), STR_ARG(p->kind),
                                   STR_ARG(uuid_format(a, p->id.v)));

    x->has_hooks = true;
    if (base.len == 0)
        finding_add(x->d, "webhook", FINDING_FAIL,
                    named(x, p,
                          STR("there is no public URL: every call of Twilio's is refused, and"
                              " no file of ours goes out")),
                    STR("set PROSA_PUBLIC_URL to how this server is reached from outside, then give"
                        " Twilio the address that this check shows"));
    else if (is_loopback(host_of(base)) || str_starts(base, STR("http://")))
        finding_add(
            x->d, "webhook", FINDING_WARN,
            named(x, p,
                  arena_printf(a, "\"%.*s\" is no address that Twilio should call", STR_ARG(base))),
            STR("set PROSA_PUBLIC_URL to an https:// address that the internet reaches"));
    else if (str_contains(host_of(base), STR("_")))
        finding_add(x->d, "webhook", FINDING_FAIL,
                    named(x, p, STR("Twilio takes no address for statuses whose host has a \"_\"")),
                    STR("give this server another name, and set PROSA_PUBLIC_URL to it"));
    else
        finding_add(
            x->d, "webhook", FINDING_OK,
            named(x, p, arena_printf(a, "Twilio is to call %.*s#rc=3&rp=all", STR_ARG(hook))),
            STR_EMPTY);
}

/* What Twilio calls now. Without a public URL check_hook has told what to do. */
static void tell_hook(struct accounts *x, const struct account *p, const struct probe *probe) {
    const struct hook_answer *h = &probe->hook;
    bool is_known =
        h->outcome == HOOK_OTHER || h->outcome == HOOK_MISSING || h->outcome == HOOK_NO_SENDER;

    if (probe->has_hook && h->outcome != HOOK_NO_URL)
        finding_add(x->d, "webhook",
                    h->outcome == HOOK_ENTERED ? FINDING_OK
                    : is_known                 ? FINDING_FAIL
                                               : FINDING_WARN,
                    named(x, p, h->reason), h->advice);
}

/* Asks by the public URL what only this program answers. From inside some networks that does not lead out and back. */
static void check_public_url(struct accounts *x) {
    struct arena *a = &x->d->c->arena;
    struct str base = x->d->c->rt.config->public_url;
    struct http_call call = {.method = "GET", .reach = REACH_MACHINE};
    struct http_reply reply = {0};
    struct err why = ERR_INIT;
    enum status st;

    if (!x->has_hooks || !x->httpc || base.len == 0)
        return;
    call.url = arena_printf(a, "%.*s/healthz", STR_ARG(base));
    st = httpc_call(x->httpc, a, &call, &reply, &why);
    if (st == ST_OK && reply.phase == HTTP_REPLIED && reply.status == 200)
        finding_add(x->d, "webhook", FINDING_OK, arena_printf(a, "%.*s leads here", STR_ARG(base)),
                    STR_EMPTY);
    else
        finding_add(
            x->d, "webhook", FINDING_WARN,
            arena_printf(a, "asking %.*s/healthz did not lead to a running prosa", STR_ARG(base)),
            STR("see that `prosa serve` runs and that the proxy in front of it passes"
                " /webhooks and /media on"));
}

static void check_account(struct accounts *x, const struct account *p) {
    struct err why = ERR_INIT;
    struct probe probe;

    if (!p->is_active)
        return;
    if (str_eq(p->kind, STR("twilio")))
        check_hook(x, p);
    if (uuid_is_nil(p->id.v))
        finding_add(x->d, "provider", FINDING_WARN,
                    named(x, p, STR("comes from the old columns, whose secrets are plain")),
                    STR("add it by `prosa provider add`, which seals them"));
    else if (!str_eq(p->state, STR("ok")))
        finding_add(x->d, "provider", FINDING_WARN,
                    named(x, p, p->state_reason.len > 0 ? p->state_reason : p->state),
                    STR("once it is in order: `prosa provider clear SLUG ID`"));
    if (!x->httpc || (!x->d->c->rt.keys && !uuid_is_nil(p->id.v)))
        return; /* the key is a finding of its own */
    if (probe_account(x->d->c, x->httpc, p, &probe, &why) != ST_OK)
        finding_add(x->d, "provider", FINDING_FAIL,
                    named(x, p, arena_str(&x->d->c->arena, str_of(why.message))),
                    STR("is the master key the one its secrets were sealed under?"));
    else {
        tell_probe(x, p, &probe);
        tell_hook(x, p, &probe);
    }
}

static enum status check_tenants(struct accounts *x, struct err *e) {
    TRY(db_read(x->d->c->rt.db, DB_SYSTEM, list_tenants, x, e));
    if (x->n_tenants == 0)
        finding_add(x->d, "tenants", FINDING_OK, STR("there is no tenant yet"),
                    STR("begin with `prosa tenant add SLUG`"));
    for (size_t i = 0; i < x->n_tenants; i++) {
        x->tenant = &x->tenants[i];
        if (!x->tenant->is_active)
            continue;
        TRY(db_read(x->d->c->rt.db, DB_TENANT(x->tenant->id), list_accounts, x, e));
        for (size_t k = 0; k < x->n; k++)
            check_account(x, &x->list[k]);
    }
    check_public_url(x);
    return ST_OK;
}

void doctor_accounts(struct doctor *d, bool is_online) {
    struct accounts x = {.d = d};
    struct err why = ERR_INIT;

    if (is_online && probe_start(d->c, &x.httpc, &why) != ST_OK) {
        finding_failed(d, "provider", &why, STR("see the limits of this machine"));
        return;
    }
    if (check_tenants(&x, &why) != ST_OK)
        finding_failed(d, "tenants", &why, STR("see the database's own log"));
    if (x.httpc)
        httpc_stop(x.httpc);
}
