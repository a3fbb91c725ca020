/* doctor_data.c - what prosa doctor finds in the database: schema, work that stands still.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "cli/doctor.h"
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
