/* doctor_data.c - what prosa doctor finds in the database: schema, work that stands still, the
 * tenants' provider accounts.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "cli/doctor.h"
#include "cli/probe.h"
#include "queue/queue.h"
#include "webhook/webhook.h"

enum {
    DUE_LATE_MS = 5 * 60 * 1000,
};

/* --- database -------------------------------------------------------------------------------- */

static bool check_schema(struct doctor *d) {
    struct arena *a = &d->c->arena;
    struct err why = ERR_INIT;
    struct db_migration_state s;
    struct str detail;

    if (db_migration_state(d->c->rt.db, &s, &why) != ST_OK) {
        finding_failed(d, "schema", &why, STR("check the rights of the database's user"));
        return false;
    }
    detail = arena_printf(a, "the schema is %lld, this program's %lld", (long long)s.schema,
                          (long long)s.program);
    if (s.schema == s.program)
        finding_add(d, "schema", FINDING_OK, detail, STR_EMPTY);
    else if (s.schema < s.program)
        finding_add(d, "schema", FINDING_WARN, detail,
                    STR("run `prosa migrate`, or let the next `prosa serve` do it"));
    else
        finding_add(d, "schema", FINDING_FAIL, detail,
                    STR("this program is older than the database: install the newer one"));
    return s.schema == s.program;
}

bool doctor_database(struct doctor *d) {
    struct err why = ERR_INIT;
    struct runtime *rt = &d->c->rt;

    if (runtime_open_db(rt, false, &why) != ST_OK || db_ping(rt->db, &why) != ST_OK) {
        finding_failed(d, "database", &why,
                       STR("check PROSA_DATABASE_URL, and that the server runs and lets us in"));
        return false;
    }
    finding_add(
        d, "database", FINDING_OK,
        arena_printf(&d->c->arena, "%.*s answers", STR_ARG(db_describe(&d->c->arena, rt->db))),
        STR_EMPTY);
    return check_schema(d);
}

/* --- work ------------------------------------------------------------------------------------ */

static enum status read_depth(struct tx *tx, void *ctx, struct err *e) {
    return queue_depth(tx, (struct tenant_id){0}, ctx, e);
}

static void check_kept(struct doctor *d, const char *state, int64_t n, struct str advice) {
    if (n > 0)
        finding_add(d, "jobs", FINDING_WARN,
                    arena_printf(&d->c->arena, "%lld %s %s", (long long)n,
                                 n == 1 ? "job is" : "jobs are", state),
                    advice);
}

void doctor_work(struct doctor *d) {
    struct err why = ERR_INIT;
    struct queue_depth depth;
    int64_t late_ms;

    if (db_read(d->c->rt.db, DB_SYSTEM, read_depth, &depth, &why) != ST_OK) {
        finding_failed(d, "jobs", &why, STR("see the database's own log"));
        return;
    }
    check_kept(d, "dead", depth.dead,
               STR("`prosa jobs groups` tells why; `prosa jobs replay` tries again"));
    check_kept(d, "parked", depth.parked, STR("`prosa jobs groups` tells what they wait for"));
    late_ms = depth.due > 0 ? clock_now_ms() - depth.oldest_due_ms : 0;
    if (late_ms > DUE_LATE_MS)
        finding_add(d, "jobs", FINDING_WARN,
                    arena_printf(&d->c->arena, "a job has been due for %lld minutes",
                                 (long long)late_ms / 60000),
                    STR("see that a `prosa serve` with the role worker runs"));
    else
        finding_add(d, "jobs", FINDING_OK, STR("no job is late"), STR_EMPTY);
}

/* --- webhooks -------------------------------------------------------------------------------- */

static enum status read_webhooks(struct tx *tx, void *ctx, struct err *e) {
    return webhook_health(tx, ctx, e);
}

void doctor_webhooks(struct doctor *d) {
    struct err why = ERR_INIT;
    struct webhook_health h = {0};

    if (db_read(d->c->rt.db, DB_SYSTEM, read_webhooks, &h, &why) != ST_OK) {
        finding_failed(d, "webhooks", &why, STR("see the database's own log"));
        return;
    }
    if (h.failing + h.disabled_by_us > 0)
        finding_add(d, "webhooks", FINDING_WARN,
                    arena_printf(&d->c->arena,
                                 "%lld webhooks fail, %lld were disabled because they failed",
                                 (long long)h.failing, (long long)h.disabled_by_us),
                    STR("`prosa webhook list SLUG` tells why; `prosa webhook test SLUG ID` tries"));
    if (h.dead > 0)
        finding_add(d, "webhooks", FINDING_WARN,
                    arena_printf(&d->c->arena, "%lld deliveries are dead", (long long)h.dead),
                    STR("`prosa webhook replay SLUG --all` sends them again"));
    if (h.failing + h.disabled_by_us + h.dead == 0)
        finding_add(d, "webhooks", FINDING_OK, STR("no webhook fails"), STR_EMPTY);
}

/* --- accounts -------------------------------------------------------------------------------- */

struct accounts {
    struct doctor *d;
    struct tenant *tenants;
    size_t n_tenants;
    const struct tenant *tenant;
    struct account *list;
    size_t n;
    struct httpc *httpc;
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

static void check_account(struct accounts *x, const struct account *p) {
    struct err why = ERR_INIT;
    struct probe probe;

    if (!p->is_active)
        return;
    if (uuid_is_nil(p->id.v))
        finding_add(x->d, "provider", FINDING_WARN,
                    named(x, p, STR("comes from the old columns, whose secrets are plain")),
                    STR("add it by `prosa provider add`, which seals them"));
    else if (!str_eq(p->state, STR("ok")))
        finding_add(x->d, "provider", FINDING_WARN,
                    named(x, p, p->state_reason.len > 0 ? p->state_reason : p->state),
                    STR("once it is in order: `prosa provider clear SLUG ID`"));
    if (!x->d->c->rt.keys && !uuid_is_nil(p->id.v))
        return; /* the key is a finding of its own */
    if (probe_account(x->d->c, x->httpc, p, &probe, &why) != ST_OK)
        finding_add(x->d, "provider", FINDING_FAIL,
                    named(x, p, arena_str(&x->d->c->arena, str_of(why.message))),
                    STR("is the master key the one its secrets were sealed under?"));
    else
        tell_probe(x, p, &probe);
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
    return ST_OK;
}

void doctor_accounts(struct doctor *d) {
    struct accounts x = {.d = d};
    struct err why = ERR_INIT;

    if (probe_start(d->c, &x.httpc, &why) != ST_OK) {
        finding_failed(d, "provider", &why, STR("see the limits of this machine"));
        return;
    }
    if (check_tenants(&x, &why) != ST_OK)
        finding_failed(d, "tenants", &why, STR("see the database's own log"));
    httpc_stop(x.httpc);
}
