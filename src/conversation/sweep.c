/* sweep.c - deadlines happen: a scheduled job looks at what is due, one conversation a transaction. Under its lock the
 * deadline is found anew from what the row says, so one that was stored too early only moves, and one that another node has
 * dealt with is no longer there: each has its effect once. A second job finds conversations that nothing would ever happen
 * to. There should be none; it gives them their deadline and tells. It also forgets labels that were removed long ago.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "conversation/change.h"
#include "stats/stats.h"

enum {
    DUE_MAX = 64,
    RUN_MS = 2000,          /* then the job gives its worker back and comes again */
    TROUBLE_MS = 60 * 1000, /* one that fails does not hold up the others */
    ASTRAY_MAX = 500,
};

static struct stats_counter passed =
    STATS_COUNTER("prosa_deadlines_passed_total", "Deadlines of conversations that took effect.");
static struct stats_counter failed =
    STATS_COUNTER("prosa_deadlines_failed_total",
                  "Deadlines whose effect failed and is tried again in a minute.");
static struct stats_counter astray =
    STATS_GAUGE("prosa_conversations_without_deadline",
                "Open conversations that nothing would happen to, when last looked for: 0.");

/* --- what happens ---------------------------------------------------------------------------------------------------- */

/* The customer was told once, people are told each time; whoever is free by now gets it. */
static enum status overdue(struct change *ch, struct err *e) {
    bool is_first = str_eq(ch->c.deadline_kind, STR("pickup"));
    int64_t minutes = (ch->now_ms - ch->c.waiting_since_ms) / (60 * 1000);

    TRY(change_note(ch, is_first ? "conversation.reminded" : "conversation.escalated",
                    arena_printf(ch->a, "{\"waiting_minutes\":%lld,\"times\":%lld}",
                                 (long long)minutes, (long long)ch->c.deadline_step + is_first),
                    e));
    ch->c.deadline_step++;
    if (is_first)
        TRY(change_say(ch, "delayed", ch->team.texts.delayed,
                       arena_printf(ch->a, "delayed:%lld", (long long)ch->c.waiting_since_ms), e));
    TRY(change_place(ch, (struct user_id){0}, e));
    deadline_find(&ch->c, &ch->team);
    return store_conversation_deadline(ch->tx, &ch->c, e);
}

/* Whoever has it did not answer. */
static enum status silent(struct change *ch, struct err *e) {
    struct user_id was = ch->c.owner_user;
    struct str who = uuid_format(ch->a, was.v);
    struct str data =
        uuid_is_nil(was.v)
            ? STR("{\"reason\":\"silence\",\"user\":null}")
            : arena_printf(ch->a, "{\"reason\":\"silence\",\"user\":\"%.*s\"}", STR_ARG(who));

    if (ch->team.is_silence_to_bot)
        return change_to_bot(ch, "conversation.returned", data, (struct debounce){0}, e);
    ch->c.last_user = (struct user_id){0};
    TRY(change_to_queue(ch, "conversation.returned", data, e));
    return change_place(ch, was, e);
}

static enum status bot_silent(struct change *ch, struct err *e) {
    ch->c.handoff_reason = STR("o assistente não respondeu");
    TRY(change_to_queue(ch, "conversation.handoff_requested", STR("{\"reason\":\"bot-silent\"}"),
                        e));
    TRY(change_place(ch, (struct user_id){0}, e));
    return change_say_waiting(ch, false, e);
}

static enum status expire(struct change *ch, struct err *e) {
    change_set_closed(ch, "expired");
    return change_owner(ch, "conversation.expired", STR_EMPTY, e);
}

static enum status take_effect(struct change *ch, struct err *e) {
    if (str_eq(ch->c.owner, STR("none")))
        return overdue(ch, e);
    if (str_eq(ch->c.deadline_kind, STR("expire")))
        return expire(ch, e);
    return str_eq(ch->c.owner, STR("person")) ? silent(ch, e) : bot_silent(ch, e);
}

enum status conversation_deadline_pass(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                       struct conversation_id id, int64_t now_ms, bool *ret_passed,
                                       struct err *e) {
    struct change ch = {.a = a, .tx = tx, .now_ms = now_ms};

    *ret_passed = false;
    TRY(change_begin(&ch, tenant, id, e));
    deadline_find(&ch.c, &ch.team);
    *ret_passed = ch.c.deadline_at_ms != 0 && ch.c.deadline_at_ms <= now_ms;
    return *ret_passed ? take_effect(&ch, e) : store_conversation_deadline(tx, &ch.c, e);
}

/* --- the job --------------------------------------------------------------------------------------------------------- */

struct sweep {
    struct db *db;
    struct arena *a;
    const struct job *job;
    struct db_rows due; /* (tenant, conversation) */
    size_t at;
    int64_t n_passed, n_astray;
    int64_t now_ms;
    bool has_more;
};

static enum status read_due(struct tx *tx, void *ctx, struct err *e) {
    struct sweep *s = ctx;

    return store_conversations_due(s->a, tx, clock_now_ms(), DUE_MAX, &s->due, e);
}

static struct tenant_id due_tenant(const struct sweep *s) {
    return (struct tenant_id){db_uuid(&s->due, s->at, 0)};
}

static struct conversation_id due_conversation(const struct sweep *s) {
    return (struct conversation_id){db_uuid(&s->due, s->at, 1)};
}

static enum status pass_one(struct tx *tx, void *ctx, struct err *e) {
    struct sweep *s = ctx;
    bool has_passed;

    TRY(queue_fence(tx, s->job, e));
    TRY(tx_set_scope(tx, DB_TENANT(due_tenant(s)), e));
    TRY(conversation_deadline_pass(s->a, tx, due_tenant(s), due_conversation(s), clock_now_ms(),
                                   &has_passed, e));
    s->n_passed = has_passed;
    return ST_OK;
}

static enum status put_off(struct tx *tx, void *ctx, struct err *e) {
    struct sweep *s = ctx;

    TRY(queue_fence(tx, s->job, e));
    TRY(tx_set_scope(tx, DB_TENANT(due_tenant(s)), e));
    return store_conversation_put_off(tx, due_tenant(s), due_conversation(s),
                                      clock_now_ms() + TROUBLE_MS, e);
}

static enum status pass_or_put_off(struct sweep *s, struct err *e) {
    struct err why = ERR_INIT;

    s->n_passed = 0;

    enum status st = db_write(s->db, DB_SYSTEM, pass_one, s, &why);

    if (st == ST_OK) {
        stats_add(&passed, s->n_passed);
        return ST_OK;
    }
    if (st == ST_UNAVAILABLE || st == ST_UNCERTAIN || st == ST_LIMITED || st == ST_CONFLICT) {
        *e = why; /* of the database, or the job is another worker's by now */
        return st;
    }
    stats_add(&failed, 1);
    return db_write(s->db, DB_SYSTEM, put_off, s, e);
}

enum status conversation_deadlines_job(struct app *app, struct arena *a, const struct job *job,
                                       struct verdict *ret_verdict, struct err *e) {
    int64_t started_ms = clock_mono_ms();
    struct arena batch = {0};
    struct sweep s = {.db = app_db(app), .a = &batch, .job = job};
    enum status st = ST_OK;

    (void)a;
    *ret_verdict = (struct verdict){.kind = VERDICT_DONE};
    do {
        arena_reset(&batch);
        st = db_read(s.db, DB_SYSTEM, read_due, &s, e);
        for (s.at = 0; st == ST_OK && s.at < s.due.n; s.at++)
            st = pass_or_put_off(&s, e);
    } while (st == ST_OK && s.due.n == DUE_MAX && clock_mono_ms() - started_ms < RUN_MS);
    if (st == ST_OK && s.due.n == DUE_MAX)
        *ret_verdict = (struct verdict){.kind = VERDICT_AGAIN, .after_ms = 1};
    arena_done(&batch);
    return st;
}

/* --- the watchdog ---------------------------------------------------------------------------------------------------- */

static enum status read_astray(struct tx *tx, void *ctx, struct err *e) {
    struct sweep *s = ctx;

    return store_conversations_astray(s->a, tx, ASTRAY_MAX, &s->due, e);
}

static enum status repair(struct tx *tx, void *ctx, struct err *e) {
    struct sweep *s = ctx;
    struct change ch = {.a = s->a, .tx = tx, .now_ms = clock_now_ms()};

    TRY(queue_fence(tx, s->job, e));
    TRY(tx_set_scope(tx, DB_TENANT(due_tenant(s)), e));
    TRY(change_begin(&ch, due_tenant(s), due_conversation(s), e));
    if (ch.c.deadline_at_ms != 0)
        return ST_OK;
    if (str_eq(ch.c.owner, STR("none")) && ch.c.waiting_since_ms == 0)
        ch.c.waiting_since_ms = ch.now_ms;
    deadline_find(&ch.c, &ch.team);
    if (ch.c.deadline_at_ms == 0)
        return ST_OK;
    TRY(store_conversation_deadline(tx, &ch.c, e));
    return change_note(&ch, "conversation.deadline_repaired",
                       change_data(s->a, "deadline", ch.c.deadline_kind), e);
}

static enum status forget_label(struct tx *tx, void *ctx, struct err *e) {
    struct sweep *s = ctx;

    TRY(queue_fence(tx, s->job, e));
    return label_forget_old(s->a, tx, clock_now_ms(), &s->has_more, e);
}

enum status conversation_watch_job(struct app *app, struct arena *a, const struct job *job,
                                   struct verdict *ret_verdict, struct err *e) {
    struct sweep s = {.db = app_db(app), .a = a, .job = job};

    *ret_verdict = (struct verdict){.kind = VERDICT_DONE};
    TRY(db_read(s.db, DB_SYSTEM, read_astray, &s, e));
    stats_set(&astray, (int64_t)s.due.n);
    for (s.at = 0; s.at < s.due.n; s.at++)
        TRY(db_write(s.db, DB_SYSTEM, repair, &s, e));
    TRY(db_write(s.db, DB_SYSTEM, forget_label, &s, e));
    if (s.has_more)
        *ret_verdict = (struct verdict){.kind = VERDICT_AGAIN, .after_ms = 100};
    return ST_OK;
}
