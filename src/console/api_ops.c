/* api_ops.c - raw calls and jobs that need a look.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include "intake/intake.h"
#include "queue/queue.h"

static enum status list_inbox(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    const struct inbox_query query = {.tenant = x->tenant,
                                      .state = req_query(x->r, "state"),
                                      .cursor = x->page.cursor,
                                      .limit = x->page.limit};
    struct inbox_page page;

    TRY(inbox_list(x->r->arena, tx, &query, &page, e));
    api_begin_list(x);
    for (size_t i = 0; i < page.n; i++)
        write_inbox(&x->o, &page.items[i]);
    api_end_list(x, page.next, page.next.len > 0);
    return ST_OK;
}

static enum status one_inbox(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct inbox_row row;

    TRY(inbox_get(x->r->arena, tx, x->tenant, (struct inbox_id){x->message.v}, &row, e));
    buf_clear(&x->out);
    json_out_init(&x->o, &x->out);
    write_inbox(&x->o, &row);
    return ST_OK;
}

static enum status count_answer(struct api *x, int64_t n) {
    json_put_i64(api_begin(x), "count", n);
    json_end(&x->o);
    return ST_OK;
}

static enum status replay_inbox(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    int64_t n;

    TRY(inbox_replay(tx, x->tenant, (struct inbox_id){x->message.v}, STR_EMPTY, &n, e));
    TRY(tx_set_scope(tx, DB_TENANT(x->tenant), e));
    if (n == 0)
        FAIL(e, ST_NOT_FOUND, "no such call in the inbox, or it waits already");
    TRY(api_audit(tx, x, "inbox.replay", uuid_format(x->r->arena, x->message.v), e));
    return count_answer(x, n);
}

static bool job_state(struct str s, enum job_state *ret) {
    static const char *const states[] = {"ready", "running", "parked", "dead"};

    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        if (str_eq(s, str_of(states[i]))) {
            *ret = (enum job_state)i;
            return true;
        }
    return false;
}

static enum status list_jobs(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct job_query q = {.tenant = x->tenant, .limit = x->page.limit};
    struct str state = req_query(x->r, "state");
    struct job_row *list;
    size_t n;

    q.has_state = state.len > 0;
    if (q.has_state && !job_state(state, &q.state))
        FAIL(e, ST_INVALID, "state: ready, running, parked or dead");
    if (x->page.cursor.len > 0 && !uuid_parse(x->page.cursor, &q.after.v))
        FAIL(e, ST_INVALID, "the cursor is not one that this server gave");
    TRY(queue_list(x->r->arena, tx, q, &list, &n, e));
    api_begin_list(x);
    for (size_t i = 0; i < n; i++)
        write_job(&x->o, &list[i]);
    api_end_list(x, n > 0 ? uuid_format(x->r->arena, list[n - 1].id.v) : STR_EMPTY,
                 n == x->page.limit);
    return ST_OK;
}

static enum status list_job_groups(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct job_group *list;
    size_t n;

    TRY(queue_groups(x->r->arena, tx, x->tenant, &list, &n, e));
    api_begin_list(x);
    for (size_t i = 0; i < n; i++) {
        json_obj(&x->o, NULL);
        json_put_str(&x->o, "kind", list[i].kind);
        json_put_str(&x->o, "cause", list[i].cause);
        json_put_str(&x->o, "reason", list[i].sample_reason);
        json_put_str(&x->o, "state", list[i].state == JOB_DEAD ? STR("dead") : STR("parked"));
        json_put_i64(&x->o, "count", list[i].n);
        json_put_time(&x->o, "oldest_at", list[i].oldest_ms);
        json_end(&x->o);
    }
    api_end_list(x, STR_EMPTY, false);
    return ST_OK;
}

static enum status replay_job(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    int64_t n;

    TRY(queue_replay(tx, x->tenant, (struct job_id){x->message.v}, NULL, NULL, &n, e));
    if (n == 0)
        FAIL(e, ST_NOT_FOUND, "no such job, or it is neither parked nor dead");
    TRY(api_audit(tx, x, "job.replay", uuid_format(x->r->arena, x->message.v), e));
    return count_answer(x, n);
}

static enum status discard_job(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;

    TRY(queue_discard(tx, x->tenant, (struct job_id){x->message.v}, e));
    TRY(api_audit(tx, x, "job.discard", uuid_format(x->r->arena, x->message.v), e));
    return count_answer(x, 1);
}

API_HANDLER(inbox_get_list, API_READS, list_inbox)
API_HANDLER(inbox_get_one, API_READS, one_inbox)
API_HANDLER(inbox_replay_post, API_WRITES_SYSTEM, replay_inbox)
API_HANDLER(jobs_get, API_READS, list_jobs)
API_HANDLER(job_groups_get, API_READS, list_job_groups)
API_HANDLER(job_replay_post, API_WRITES, replay_job)
API_HANDLER(job_delete, API_WRITES, discard_job)

const struct route api_ops_routes[] = {
    {HTTP_GET, API "/inbox", inbox_get_list, SUPERVISOR, .scope = "inbox:read",
     .summary = "Raw calls by state, newest first"},
    {HTTP_GET, API "/inbox/{id}", inbox_get_one, SUPERVISOR, .scope = "inbox:read",
     .summary = "One raw call with its body"},
    {HTTP_POST, API "/inbox/{id}/replay", inbox_replay_post, SUPERVISOR, .scope = "inbox:write",
     .max_body = API_BODY_MAX, .summary = "Process a raw call again"},
    {HTTP_GET, API "/jobs", jobs_get, SUPERVISOR, .scope = "jobs:read",
     .summary = "Jobs by state, newest first"},
    {HTTP_GET, API "/jobs/groups", job_groups_get, SUPERVISOR, .scope = "jobs:read",
     .summary = "Parked and dead jobs grouped by cause"},
    {HTTP_POST, API "/jobs/{id}/replay", job_replay_post, SUPERVISOR, .scope = "jobs:write",
     .max_body = API_BODY_MAX, .summary = "Run a parked or dead job again"},
    {HTTP_DELETE, API "/jobs/{id}", job_delete, SUPERVISOR, .scope = "jobs:write",
     .summary = "Discard a parked or dead job"},
};
const size_t api_ops_n_routes = ARRAY_LEN(api_ops_routes);
