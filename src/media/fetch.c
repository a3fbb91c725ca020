/* fetch.c - the job media.fetch: ask where the file is, download it, check it, give it its name, tell everybody.
 *
 * Safe to run at any time and twice: a run writes a file of its own, and only its last transaction, under the job's fence,
 * says that the media is ready. A run that dies leaves a part that is purged later.
 * SPDX-License-Identifier: Apache-2.0 */
#include "media/fetch.h"

#include "base/clock.h"
#include "media/file.h"
#include "stats/stats.h"

enum {
    REDIRECTS_MAX = 3,
    BUSY_MS = 500,                /* until there may be room for one more */
    DOWNLOAD_MS = 10 * 60 * 1000, /* of a slow peer; one that stalls is cut much earlier */
};

static struct stats_counter fetched =
    STATS_COUNTER_L("prosa_media_total", "Files of messages by fate.", "fate=\"ready\"");
static struct stats_counter failed =
    STATS_COUNTER_L("prosa_media_total", "Files of messages by fate.", "fate=\"failed\"");
static struct stats_counter expired =
    STATS_COUNTER_L("prosa_media_total", "Files of messages by fate.", "fate=\"expired\"");

struct fetch { /* one run of the job */
    struct media_deps *deps;
    struct arena *arena;
    const struct job *job;
    struct verdict *verdict;
    struct media_id id;

    bool is_wanted;
    struct media media;
    struct account account;
    struct channel channel;
    const struct provider *provider;

    struct media_answer found;
    struct media_writer writer;
};

static void set_verdict(struct fetch *f, enum verdict_kind kind, uint32_t after_ms,
                        struct str cause, struct str reason) {
    *f->verdict = (struct verdict){
        .kind = kind, .after_ms = after_ms, .cause = arena_cstr(f->arena, cause), .reason = reason};
}

/* --- may it be fetched? --------------------------------------------------------------------------------------------- */

static enum status look(struct tx *tx, void *ctx, struct err *e) {
    struct fetch *f = ctx;

    f->is_wanted = false;
    *f->verdict = (struct verdict){.kind = VERDICT_DONE};
    TRY(media_get(f->arena, tx, f->job->tenant, f->id, &f->media, e));
    if (!str_eq(f->media.state, STR("waiting")))
        return ST_OK;
    TRY(account_get(f->arena, tx, f->media.account, &f->account, e));
    f->provider = provider_find(f->account.kind);
    if (!f->provider)
        FAIL(e, ST_BROKEN, "the account's provider \"%.*s\" is not one this program knows",
             STR_ARG(f->account.kind));
    TRY(account_channel(f->arena, tx, f->deps->keys, &f->account,
                        *atomic_load(&f->deps->defaults->now), &f->channel, e));
    if (!f->account.is_active || !str_eq(f->account.state, STR("ok"))) {
        set_verdict(f, VERDICT_PARK, 0,
                    f->account.is_active ? STR("account-blocked") : STR("account-disabled"),
                    f->account.is_active ? f->account.state_reason
                                         : STR("the provider account is disabled"));
        return ST_OK;
    }
    f->is_wanted = true;
    return ST_OK;
}

/* --- over the wire -------------------------------------------------------------------------------------------------- */

static void answer(struct fetch *f, enum media_outcome outcome, struct str cause,
                   struct str reason) {
    f->found = (struct media_answer){.outcome = outcome,
                                     .size = -1,
                                     .cause = arena_str(f->arena, cause),
                                     .reason = arena_str(f->arena, reason)};
}

/* A failure of ours or of the way there. */
static void answer_err(struct fetch *f, enum status st, const struct err *why) {
    bool is_final = st == ST_DENIED || st == ST_INVALID || st == ST_BROKEN;

    answer(f, is_final ? MEDIA_REJECTED : MEDIA_RETRY,
           str_of(why->cause ? why->cause : status_name(st)), str_of(why->message));
    f->found.retry_after_ms = why->retry_after_ms;
}

static void find(struct fetch *f) {
    struct http_call call;
    struct http_reply reply;
    struct err why = ERR_INIT;
    enum status st;

    if (f->media.provider_id.len == 0 || !f->provider->find_media) {
        f->found = (struct media_answer){.outcome = MEDIA_FOUND, .url = f->media.link, .size = -1};
        return;
    }
    st = f->provider->find_media(f->arena, &f->channel, f->media.provider_id, &call, &why);
    if (st == ST_OK) {
        call.reach = REACH_MACHINE;
        st = httpc_call(f->deps->httpc, f->arena, &call, &reply, &why);
    }
    if (st == ST_OK)
        f->provider->judge_find_media(f->arena, &reply, &f->found);
    else
        answer_err(f, st, &why);
}

static enum status take(void *ctx, struct str piece, struct err *e) {
    return writer_add(ctx, piece, e);
}

static enum status download(struct fetch *f, struct http_reply *ret, struct err *e) {
    struct http_call call;
    struct httpc_sink sink = {.take = take, .ctx = &f->writer};

    TRY(f->provider->get_media(f->arena, &f->channel, f->found.url, &call, e));
    TRY(writer_open(f->arena, f->deps->dir, f->media.tenant, f->deps->max_bytes, &f->writer, e));
    call.reach = REACH_MACHINE;
    call.max_reply_bytes = (size_t)f->deps->max_bytes + 1;
    call.max_redirects = REDIRECTS_MAX;
    call.timeout_ms = DOWNLOAD_MS;
    call.stall_ms = f->deps->stall_ms;
    return httpc_fetch(f->deps->httpc, f->arena, &call, sink, ret, e);
}

/* The url was good a moment ago, so whatever is wrong with it is worth another lookup, which has the last word on a file
 * that is gone. */
static void judge_download(struct fetch *f, const struct http_reply *reply) {
    if (reply->phase != HTTP_REPLIED)
        answer(f, MEDIA_RETRY, STR("cut"),
               arena_printf(f->arena, "the download broke off: %.*s", STR_ARG(reply->failure)));
    else if (reply->status < 200 || reply->status >= 300)
        answer(f, MEDIA_RETRY, arena_printf(f->arena, "http-%u", reply->status),
               arena_printf(f->arena, "the download was answered %u", reply->status));
    else if (f->writer.size == 0)
        answer(f, MEDIA_RETRY, STR("empty"), STR("the download came without bytes"));
}

/* What the provider promised of the file, in the message or just now. */
static void check(struct fetch *f, struct str sha256) {
    struct str claimed = f->found.sha256.len > 0 ? f->found.sha256 : f->media.claimed_sha256;

    if (f->found.size >= 0 && f->found.size != f->writer.size)
        answer(f, MEDIA_RETRY, STR("wrong-size"),
               arena_printf(f->arena, "%lld bytes came, %lld were announced",
                            (long long)f->writer.size, (long long)f->found.size));
    else if (claimed.len == sha256.len && !str_eq_nocase(claimed, sha256))
        answer(f, MEDIA_RETRY, STR("wrong-digest"),
               STR("the bytes that came are not the ones the provider announced"));
}

static void describe(struct fetch *f, struct str sha256) {
    struct media *m = &f->media;
    struct media_type type =
        media_sniff((struct str){.ptr = f->writer.head, .len = f->writer.head_len}, m->file_name);

    m->state = STR("ready");
    m->reason = STR_EMPTY;
    m->mime = str_of(type.mime);
    m->size = f->writer.size;
    m->sha256 = sha256;
    if (m->file_name.len == 0)
        m->file_name = media_clean_name(f->arena, STR_EMPTY, arena_cstr(f->arena, m->kind), type);
}

static void fetch_file(struct fetch *f) {
    struct http_reply reply = {0};
    struct err why = ERR_INIT;
    struct str sha256 = STR_EMPTY;
    enum status st = download(f, &reply, &why);

    if (st == ST_OK)
        judge_download(f, &reply);
    if (st == ST_OK && f->found.outcome == MEDIA_FOUND)
        st = writer_end(&f->writer, &sha256, &why);
    if (st == ST_OK && f->found.outcome == MEDIA_FOUND)
        check(f, sha256);
    if (st == ST_OK && f->found.outcome == MEDIA_FOUND)
        st = writer_publish(&f->writer, sha256, &why);
    if (st != ST_OK)
        answer_err(f, st, &why);
    else if (f->found.outcome == MEDIA_FOUND)
        describe(f, sha256);
}

static void fetch(struct fetch *f) {
    find(f);
    if (f->found.outcome != MEDIA_FOUND)
        return;
    if (f->found.size > f->deps->max_bytes)
        answer(f, MEDIA_REJECTED, STR("too-large"),
               arena_printf(f->arena, "the file has %lld bytes, at most %lld are kept",
                            (long long)f->found.size, (long long)f->deps->max_bytes));
    else
        fetch_file(f);
}

/* --- what came of it ------------------------------------------------------------------------------------------------ */

static enum status give_up(struct tx *tx, struct fetch *f, const char *state, struct err *e) {
    f->media.state = str_of(state);
    f->media.reason = f->found.reason;
    return media_settle(f->arena, tx, &f->media, clock_now_ms(), e);
}

static enum status record(struct tx *tx, void *ctx, struct err *e) {
    struct fetch *f = ctx;
    struct media now;

    *f->verdict = (struct verdict){.kind = VERDICT_DONE};
    TRY(queue_fence(tx, f->job, e));
    TRY(media_get(f->arena, tx, f->job->tenant, f->id, &now, e));
    if (!str_eq(now.state, STR("waiting")))
        return ST_OK;
    switch (f->found.outcome) {
    case MEDIA_FOUND:
        return media_settle(f->arena, tx, &f->media, clock_now_ms(), e);
    case MEDIA_GONE:
        return give_up(tx, f, "expired", e);
    case MEDIA_REJECTED:
        return give_up(tx, f, "failed", e);
    case MEDIA_RETRY:
        if (f->job->attempt >= MEDIA_FETCH_ATTEMPTS)
            return give_up(tx, f, "failed", e);
        set_verdict(f, VERDICT_RETRY, f->found.retry_after_ms, f->found.cause, f->found.reason);
        return ST_OK;
    case MEDIA_BLOCKED:
        TRY(account_set_state(tx, f->media.tenant, f->account.id, STR("blocked"), f->found.reason,
                              e));
        set_verdict(f, VERDICT_PARK, 0, STR("account-blocked"), f->found.reason);
        return ST_OK;
    }
    FAIL(e, ST_BROKEN, "the adapter gave no outcome");
}

static void count(const struct fetch *f) {
    if (f->verdict->kind != VERDICT_DONE)
        return;
    if (f->found.outcome == MEDIA_FOUND)
        stats_add(&fetched, 1);
    else if (f->found.outcome == MEDIA_GONE)
        stats_add(&expired, 1);
    else
        stats_add(&failed, 1);
}

/* False: as many as may be are under way. */
static bool reserve(struct media_deps *deps) {
    if (atomic_fetch_add(&deps->fetching, 1) < deps->max_fetches || deps->max_fetches == 0)
        return true;
    atomic_fetch_sub(&deps->fetching, 1);
    return false;
}

static void fetch_done_p(struct fetch *f) {
    writer_close(&f->writer);
}

enum status media_fetch_job(struct app *app, struct arena *a, const struct job *job,
                            struct verdict *ret_verdict, struct err *e) {
    ATTR_CLEANUP(fetch_done_p)
    struct fetch f = {.deps = app_media(app), .arena = a, .job = job, .verdict = ret_verdict};
    const struct json *payload;

    TRY(json_parse(a, job->payload, JSON_LIMITS_DEFAULT, &payload, e));
    if (!uuid_parse(json_str(json_get(payload, "media")), &f.id.v))
        FAIL(e, ST_INVALID, "the job's payload names no file");
    TRY(db_read(f.deps->db, DB_TENANT(job->tenant), look, &f, e));
    if (!f.is_wanted)
        return ST_OK;
    if (!reserve(f.deps)) {
        set_verdict(&f, VERDICT_AGAIN, BUSY_MS, STR("media-busy"), STR_EMPTY);
        return ST_OK;
    }
    fetch(&f);
    atomic_fetch_sub(&f.deps->fetching, 1);
    TRY(db_write(f.deps->db, DB_TENANT(job->tenant), record, &f, e));
    count(&f);
    return ST_OK;
}
