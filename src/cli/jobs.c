/* jobs.c - prosa jobs: work that waits, failed or was parked.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "queue/queue.h"

static const char *const states[] = {"ready", "running", "parked", "dead"};

static bool parse_state(struct str s, enum job_state *ret) {
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        if (str_eq(s, str_of(states[i]))) {
            *ret = (enum job_state)i;
            return true;
        }
    }
    return false;
}

static const char *option_text(struct cli *c, const char *option) {
    return cli_has(c, option) ? arena_cstr(&c->arena, cli_value(c, option)) : NULL;
}

/* --- list ------------------------------------------------------------------------------------ */

static void put_job(struct cli *c, const struct job_row *j) {
    struct json_out *o = &c->json;

    json_obj(o, NULL);
    json_put_id(o, "id", j->id.v);
    json_put_id(o, "tenant_id", j->tenant.v);
    json_put_str(o, "kind", j->kind);
    json_put_str(o, "state", str_of(states[j->state]));
    json_put_str_or_null(o, "lane", j->lane);
    json_put_str_or_null(o, "key", j->key);
    json_put_str_or_null(o, "cause", j->cause);
    json_put_str_or_null(o, "reason", j->reason);
    json_put_i64(o, "attempts", j->attempts);
    json_put_time(o, "run_at", j->run_at_ms);
    json_put_time(o, "created_at", j->created_at_ms);
    json_put_time(o, "updated_at", j->updated_at_ms);
    json_end(o);
}

static void list_table(struct cli *c, const struct job_row *list, size_t n) {
    static const char *const heads[] = {"ID",     "KIND",  "STATE", "TRIES",
                                        "RUN AT", "CAUSE", "REASON"};
    struct table t;

    table_begin(&t, c, heads, ARRAY_LEN(heads));
    for (size_t i = 0; i < n; i++) {
        table_add(&t, cli_id_text(c, list[i].id.v));
        table_add(&t, list[i].kind);
        table_add(&t, str_of(states[list[i].state]));
        table_add(&t, arena_printf(&c->arena, "%d", list[i].attempts));
        table_add(&t, cli_time_text(c, list[i].run_at_ms));
        table_add(&t, list[i].cause);
        table_add(&t, list[i].reason);
    }
    table_end(&t, "No such jobs.");
}

static enum status read_query(struct cli *c, struct job_query *ret, struct err *e) {
    *ret = (struct job_query){.kind = option_text(c, "kind"), .has_state = cli_has(c, "state")};
    if (ret->has_state && !parse_state(cli_value(c, "state"), &ret->state))
        FAIL(e, ST_INVALID, "--state is ready, running, parked or dead");
    if (cli_has(c, "after") && !uuid_parse(cli_value(c, "after"), &ret->after.v))
        FAIL(e, ST_INVALID, "--after wants the id of a job");
    TRY(cli_limit(c, &ret->limit, e));
    return ST_OK;
}

static enum status list_tx(struct tx *tx, void *ctx, struct err *e) {
    struct cli *c = ctx;
    struct job_query query;
    struct job_row *list;
    size_t n;

    TRY(read_query(c, &query, e));
    TRY(cli_tenant_option(c, tx, &query.tenant, e));
    TRY(queue_list(&c->arena, tx, query, &list, &n, e));
    CLI_LIST(c, list, n, put_job, list_table);
    return ST_OK;
}

static enum status list(struct cli *c, struct err *e) {
    return cli_write(c, list_tx, c, e);
}

/* --- groups ---------------------------------------------------------------------------------- */

static void put_group(struct cli *c, const struct job_group *g) {
    struct json_out *o = &c->json;

    json_obj(o, NULL);
    json_put_str(o, "kind", g->kind);
    json_put_str(o, "state", str_of(states[g->state]));
    json_put_str_or_null(o, "cause", g->cause);
    json_put_str_or_null(o, "reason", g->sample_reason);
    json_put_i64(o, "count", g->n);
    json_put_time(o, "oldest_at", g->oldest_ms);
    json_end(o);
}

static void group_table(struct cli *c, const struct job_group *list, size_t n) {
    static const char *const heads[] = {"COUNT", "KIND", "STATE", "OLDEST", "CAUSE", "REASON"};
    struct table t;

    table_begin(&t, c, heads, ARRAY_LEN(heads));
    for (size_t i = 0; i < n; i++) {
        table_add(&t, arena_printf(&c->arena, "%lld", (long long)list[i].n));
        table_add(&t, list[i].kind);
        table_add(&t, str_of(states[list[i].state]));
        table_add(&t, cli_time_text(c, list[i].oldest_ms));
        table_add(&t, list[i].cause);
        table_add(&t, list[i].sample_reason);
    }
    table_end(&t, "No job is dead or parked.");
}

static enum status groups_tx(struct tx *tx, void *ctx, struct err *e) {
    struct cli *c = ctx;
    struct tenant_id tenant;
    struct job_group *list;
    size_t n;

    TRY(cli_tenant_option(c, tx, &tenant, e));
    TRY(queue_groups(&c->arena, tx, tenant, &list, &n, e));
    CLI_LIST(c, list, n, put_group, group_table);
    return ST_OK;
}

static enum status groups(struct cli *c, struct err *e) {
    return cli_write(c, groups_tx, c, e);
}

/* --- replay, discard ------------------------------------------------------------------------- */

static void show_count(struct cli *c, const char *what, int64_t n) {
    if (!c->is_json) {
        buf_printf(&c->out, "%s %lld %s\n", what, (long long)n, n == 1 ? "job" : "jobs");
        return;
    }
    json_obj(&c->json, NULL);
    json_put_i64(&c->json, "count", n);
    json_end(&c->json);
}

static enum status replay_tx(struct tx *tx, void *ctx, struct err *e) {
    struct cli *c = ctx;
    struct tenant_id tenant;
    struct job_id id;
    int64_t n;

    TRY(cli_arg_uuid(c, 0, &id.v, e));
    if (uuid_is_nil(id.v) && !cli_has(c, "kind") && !cli_has(c, "cause") && !cli_has(c, "all"))
        FAIL(e, ST_INVALID, "which jobs? Give an ID, --kind, --cause or --all");
    TRY(cli_tenant_option(c, tx, &tenant, e));
    TRY(queue_replay(tx, tenant, id, option_text(c, "kind"), option_text(c, "cause"), &n, e));
    if (n == 0 && !uuid_is_nil(id.v))
        FAIL(e, ST_NOT_FOUND, "there is no such job that is parked or dead");
    TRY(cli_audit(c, tx, tenant, "jobs.replay", "job", id.v, e));
    show_count(c, "Made ready again:", n);
    return ST_OK;
}

static enum status replay(struct cli *c, struct err *e) {
    return cli_write(c, replay_tx, c, e);
}

static enum status discard_tx(struct tx *tx, void *ctx, struct err *e) {
    struct cli *c = ctx;
    struct tenant_id tenant;
    struct job_id id;

    TRY(cli_arg_uuid(c, 0, &id.v, e));
    TRY(cli_tenant_option(c, tx, &tenant, e));
    TRY(queue_discard(tx, tenant, id, e));
    TRY(cli_audit(c, tx, tenant, "jobs.discard", "job", id.v, e));
    show_count(c, "Discarded", 1);
    return ST_OK;
}

static enum status discard(struct cli *c, struct err *e) {
    return cli_write(c, discard_tx, c, e);
}

/* --- table ----------------------------------------------------------------------------------- */

#define TENANT_OPTION                                                                              \
    { .name = "tenant", .value = "SLUG", .help = "only this tenant's (default: everybody's)" }
#define KIND_OPTION                                                                                \
    { .name = "kind", .value = "KIND", .help = "only of this kind, such as outbox.send" }

static const struct option list_options[] = {
    TENANT_OPTION,
    {.name = "state", .value = "STATE", .help = "ready, running, parked or dead"},
    KIND_OPTION,
    CLI_LIMIT_OPTION,
    {.name = "after", .value = "ID", .help = "go on behind this one"},
    {.name = NULL},
};

static const struct option groups_options[] = {TENANT_OPTION, {.name = NULL}};

static const struct option replay_options[] = {
    TENANT_OPTION,
    KIND_OPTION,
    {.name = "cause", .value = "CAUSE", .help = "only with this cause, as `jobs groups` tells"},
    {.name = "all", .help = "all that are parked or dead"},
    {.name = NULL},
};

const struct command jobs_commands[] = {
    {.name = "list", .summary = "list jobs, newest first", .options = list_options, .run = list},
    {.name = "groups",
     .summary = "count parked and dead jobs by kind and cause",
     .options = groups_options,
     .run = groups},
    {.name = "replay",
     .args = "[ID]",
     .summary = "make parked or dead jobs ready again",
     .task = "replay jobs",
     .options = replay_options,
     .run = replay},
    {.name = "discard",
     .args = "ID",
     .summary = "delete a job that does not run",
     .task = "discard the job",
     .options = groups_options,
     .run = discard},
    {.name = NULL},
};
