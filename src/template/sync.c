/* sync.c - the provider's templates, copied: page by page outside any transaction, then written in one. What a webhook tells
 * while the pages come is newer than they are and stands.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "template/change.h"

enum {
    PAGES_MAX = 200,
    ATTEMPTS_MAX = 6,
};

struct syncing {
    struct template_deps *deps;
    struct arena *a;
    const struct job *job;
    struct account_id id;
    struct account account;
    struct channel channel;
    const struct provider *provider;
    struct template_answer answer; /* the last page's */
    struct template_item *items;
    size_t n, cap;
    int64_t started_ms;
};

/* --- asking for one ------------------------------------------------------------------------------------------------- */

static bool has_templates(const struct account *account) {
    const struct provider *p = provider_find(account->kind);

    return p && p->list_templates;
}

enum status template_sync(struct arena *a, struct tx *tx, const struct account *account,
                          struct err *e) {
    struct str id = uuid_format(a, account->id.v);

    if (!has_templates(account))
        FAIL(e, ST_INVALID, "accounts of kind \"%.*s\" keep no templates", STR_ARG(account->kind));
    return queue_put(tx,
                     (struct job_put){
                         .tenant = account->tenant,
                         .kind = TEMPLATE_SYNC_JOB,
                         .lane = arena_printf(a, "template.sync:%.*s", STR_ARG(id)),
                         .key = id,
                         .coalesce = QUEUE_KEEP,
                         .priority = QUEUE_NORMAL,
                         .payload = arena_printf(a, "{\"account\":\"%.*s\"}", STR_ARG(id)),
                     },
                     NULL, e);
}

enum status template_sync_tenant(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                 size_t *ret_n, struct err *e) {
    struct account *list;
    size_t n;

    *ret_n = 0;
    TRY(account_list(a, tx, tenant, &list, &n, e));
    for (size_t i = 0; i < n; i++) {
        if (!list[i].is_active || !str_eq(list[i].state, STR("ok")) || !has_templates(&list[i]))
            continue;
        TRY(template_sync(a, tx, &list[i], e));
        (*ret_n)++;
    }
    return ST_OK;
}

enum status template_sync_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct template_sync **ret, size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(store_sync_list(a, tx, tenant, &rows, e));
    *ret = arena_array_of(a, rows.n + 1, struct template_sync);
    *ret_n = rows.n;
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = (struct template_sync){
            .account.v = db_uuid(&rows, i, 0),
            .state = db_text(&rows, i, 1),
            .cause = db_text(&rows, i, 2),
            .reason = db_text(&rows, i, 3),
            .n_templates = db_i64(&rows, i, 4),
            .at_ms = db_i64(&rows, i, 5),
        };
    return ST_OK;
}

struct sync_all {
    struct arena *a;
};

static enum status put_all(struct tx *tx, void *ctx, struct err *e) {
    struct sync_all *s = ctx;
    struct tenant *tenants;
    size_t n, n_accounts;

    TRY(tenant_list(s->a, tx, &tenants, &n, e));
    for (size_t i = 0; i < n; i++)
        if (tenants[i].is_active)
            TRY(template_sync_tenant(s->a, tx, tenants[i].id, &n_accounts, e));
    return ST_OK;
}

enum status template_sync_all_job(struct app *app, struct arena *a, const struct job *job,
                                  struct verdict *ret_verdict, struct err *e) {
    struct sync_all s = {.a = a};

    (void)job;
    *ret_verdict = (struct verdict){.kind = VERDICT_DONE};
    return db_write(app_template(app)->db, DB_SYSTEM, put_all, &s, e);
}

/* --- one account ---------------------------------------------------------------------------------------------------- */

static enum status look(struct tx *tx, void *ctx, struct err *e) {
    struct syncing *s = ctx;

    TRY(account_get(s->a, tx, s->id, &s->account, e));
    s->provider = provider_find(s->account.kind);
    return account_channel(s->a, tx, s->deps->keys, &s->account,
                           *atomic_load(&s->deps->defaults->now), &s->channel, e);
}

static void keep_page(struct syncing *s) {
    if (s->n + s->answer.n > s->cap) {
        size_t cap = (s->n + s->answer.n) * 2;
        struct template_item *more = arena_array_of(s->a, cap, struct template_item);

        if (s->n > 0)
            memcpy(more, s->items, s->n * sizeof(*more));
        s->items = more;
        s->cap = cap;
    }
    if (s->answer.n > 0)
        memcpy(s->items + s->n, s->answer.items, s->answer.n * sizeof(*s->items));
    s->n += s->answer.n;
}

static void not_asked(struct syncing *s, enum status st, const struct err *why) {
    s->answer = (struct template_answer){
        .outcome = st == ST_UNAVAILABLE ? SEND_RETRY : SEND_REJECTED,
        .retry_after_ms = why->retry_after_ms,
        .cause = str_of(why->cause ? why->cause : status_name(st)),
        .reason = arena_str(s->a, str_of(why->message)),
    };
}

/* Stops at the first page that does not come. */
static void read_pages(struct syncing *s) {
    struct str after = STR_EMPTY;

    for (int page = 0; page < PAGES_MAX; page++) {
        struct http_call call = {0};
        struct http_reply reply = {0};
        struct err why = ERR_INIT;
        enum status st = s->provider->list_templates(s->a, &s->channel, after, &call, &why);

        if (st == ST_OK) {
            call.reach = REACH_MACHINE;
            st = httpc_call(s->deps->httpc, s->a, &call, &reply, &why);
        }
        if (st == ST_OK)
            s->provider->judge_list_templates(s->a, &reply, &s->answer);
        else
            not_asked(s, st, &why);
        if (s->answer.outcome != SEND_ACCEPTED)
            return;
        keep_page(s);
        if (s->answer.next.len == 0 || str_eq(s->answer.next, after))
            return;
        after = s->answer.next;
    }
}

static enum status keep_items(struct syncing *s, struct tx *tx, int64_t at_ms, struct err *e) {
    const struct template_query all = {.account = s->id};
    struct template_watch watch;

    TRY(change_watch(s->a, tx, s->account.tenant, &all, &watch, e));
    for (size_t i = 0; i < s->n; i++)
        TRY(store_template_synced(tx, &s->account, s->provider->channel, &s->items[i],
                                  s->started_ms, at_ms, e));
    TRY(store_templates_gone(tx, &s->account, at_ms, e));
    return change_tell(s->a, tx, &watch, e);
}

static enum status record(struct tx *tx, void *ctx, struct err *e) {
    struct syncing *s = ctx;
    bool is_ok = s->answer.outcome == SEND_ACCEPTED;
    int64_t at_ms = clock_now_ms();
    const struct template_sync outcome = {
        .account = s->id,
        .state = is_ok ? STR("ok") : STR("failed"),
        .cause = s->answer.cause,
        .reason = s->answer.reason,
        .n_templates = (int64_t)s->n,
        .at_ms = at_ms,
    };

    TRY(queue_fence(tx, s->job, e));
    if (is_ok)
        TRY(keep_items(s, tx, at_ms, e));
    return store_sync_put(tx, s->job->tenant, &outcome, e);
}

static void set_verdict(struct syncing *s, struct verdict *ret) {
    bool is_again = s->answer.outcome == SEND_RETRY && s->job->attempt < ATTEMPTS_MAX;

    *ret = (struct verdict){.kind = is_again ? VERDICT_RETRY : VERDICT_DONE,
                            .after_ms = s->answer.retry_after_ms,
                            .cause = arena_cstr(s->a, s->answer.cause),
                            .reason = s->answer.reason};
}

enum status template_sync_job(struct app *app, struct arena *a, const struct job *job,
                              struct verdict *ret_verdict, struct err *e) {
    struct syncing s = {
        .deps = app_template(app), .a = a, .job = job, .started_ms = clock_now_ms()};
    const struct json *payload;

    TRY(json_parse(a, job->payload, JSON_LIMITS_DEFAULT, &payload, e));
    if (!uuid_parse(json_str(json_get(payload, "account")), &s.id.v))
        FAIL(e, ST_INVALID, "the job's payload names no account");
    *ret_verdict = (struct verdict){.kind = VERDICT_DONE};
    TRY(db_read(s.deps->db, DB_TENANT(job->tenant), look, &s, e));
    if (!s.provider || !s.provider->list_templates || !s.account.is_active)
        return ST_OK;
    read_pages(&s);
    set_verdict(&s, ret_verdict);
    return db_write(s.deps->db, DB_TENANT(job->tenant), record, &s, e);
}

struct str template_item_json(struct arena *a, const struct template_item *item) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 32 << 10};
    struct json_out o;

    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_str(&o, "name", item->name);
    json_put_str(&o, "language", item->language);
    json_put_opt(&o, "status", item->status);
    json_put_opt(&o, "reason", item->reason);
    json_put_opt(&o, "quality", item->quality);
    json_put_opt(&o, "category", item->category);
    json_end(&o);
    return b.overflown ? STR("{}") : arena_str(a, buf_str(&b));
}

/* --- webhooks ------------------------------------------------------------------------------------------------------- */

enum status template_learn(struct arena *a, struct tx *tx, const struct account *account,
                           const struct template_item *item, int64_t now_ms, int64_t *ret_changed,
                           struct err *e) {
    const struct template_query named = {.name = item->name};
    struct template_watch watch;

    TRY(change_watch(a, tx, account->tenant, &named, &watch, e));
    TRY(store_template_learn(tx, account->tenant, item, now_ms, ret_changed, e));
    if (*ret_changed == 0)
        return template_sync(a, tx, account, e);
    return change_tell(a, tx, &watch, e);
}
