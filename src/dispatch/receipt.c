/* receipt.c - what providers tell of campaigns' messages afterwards.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/internal.h"
#include "dispatch/outcome.h"

#include "base/clock.h"

static bool read_id(const struct inbound *status, struct uuid *ret) {
    struct str id = status->correlation;

    return str_eat(&id, STR("r:")) && uuid_parse(id, ret);
}

bool dispatch_is_receipt(const struct inbound *status) {
    struct uuid ignored;

    return read_id(status, &ignored);
}

static struct receipt_move move_of(struct uuid id, const struct inbound *status, int64_t now_ms) {
    static const struct {
        const char *state;
        int64_t rank;
    } words[] = {
        [DELIVERY_SENT] = {"sent", 1},
        [DELIVERY_DELIVERED] = {"delivered", 2},
        [DELIVERY_READ] = {"read", 3},
        [DELIVERY_PLAYED] = {"read", 3},
    };
    int64_t at_ms = status->at_ms > 0 && status->at_ms < now_ms ? status->at_ms : now_ms;

    return (struct receipt_move){.id.v = id,
                                 .state = words[status->delivery].state,
                                 .rank = words[status->delivery].rank,
                                 .at_ms = at_ms,
                                 .provider_id = status->message_id};
}

/* The row has gone on since: what is told is of a message that it has sent before. A provider tells things twice and late. */
static bool is_of_earlier(struct arena *a, const struct recipient *r, struct str message_id) {
    if (message_id.len == 0 || str_eq(message_id, r->provider_id))
        return false;
    return r->provider_id.len > 0 ||
           str_contains(r->history,
                        arena_printf(a, "\"provider_id\":\"%.*s\"", STR_ARG(message_id)));
}

/* "Sent" says least: after a failure of the same message, or of one before, it only came late. Who got one got it, whichever. */
static bool is_stale(struct arena *a, const struct recipient *r, const struct inbound *status) {
    switch (status->delivery) {
    case DELIVERY_FAILED:
        return is_of_earlier(a, r, status->message_id);
    case DELIVERY_SENT:
        return str_eq(r->state, STR("failed")) || is_of_earlier(a, r, status->message_id);
    case DELIVERY_UNKNOWN:
    case DELIVERY_PENDING:
        return true;
    case DELIVERY_DELIVERED:
    case DELIVERY_READ:
    case DELIVERY_PLAYED:
        break;
    }
    return false;
}

/* --- failures ------------------------------------------------------------------------------------------------------------- */

static enum status stop(struct arena *a, struct tx *tx, struct dispatch *d, const struct outcome *o,
                        int64_t now_ms, struct err *e) {
    if (o->is_account)
        TRY(account_set_state(tx, d->tenant, o->row.account, STR("blocked"), o->row.error_reason,
                              e));
    TRY(store_dispatch_get(a, tx, d->tenant, d->id, true, d,
                           e)); /* a cancel beside this one stays */
    if (!str_eq(d->state, STR("running")))
        return ST_OK;
    return dispatch_set_state(a, tx, d, "paused",
                              o->is_account ? STR("account-blocked") : STR("template-refused"),
                              o->row.error_reason, now_ms, e);
}

/* A campaign that is cancelled begins nothing new. */
static void keep_failed(struct outcome *o, int64_t now_ms) {
    o->row.state = STR("failed");
    o->row.due_at_ms = 0;
    o->row.failed_at_ms = now_ms;
}

static enum status fail_row(struct arena *a, struct tx *tx, const struct dispatch_receipt *in,
                            struct recipient *r, int64_t now_ms, struct err *e) {
    struct send_result why = {
        .outcome = SEND_REJECTED, .cause = STR("failed"), .reason = in->status->error_title};
    struct dispatch *d = arena_new_of(a, struct dispatch);
    struct sender_state sender;
    const struct json *channels;
    struct outcome o;

    if (r->rank >= 2 || str_eq(r->state, STR("failed")) || str_eq(r->state, STR("planned")) ||
        str_eq(r->state, STR("excluded")))
        return ST_OK; /* what was delivered stays so; the rest has been told already */
    if (in->status->error_code != 0)
        in->provider->explain(a, in->status->error_code, in->status->error_title, &why);
    TRY(store_dispatch_get(a, tx, in->tenant, r->dispatch, false, d, e));
    TRY(json_parse(a, d->channels, JSON_LIMITS_DEFAULT, &channels, e));
    if (r->provider_id.len == 0) /* it overtook the answer */
        r->provider_id = in->status->message_id;
    TRY(store_sender_get(a, tx, in->tenant, r->account, now_ms, &sender, e));
    outcome_of(a, r, &why, json_len(channels), sender.backoffs, now_ms, &o);
    if (r->is_test || str_eq(d->state, STR("cancelled")))
        keep_failed(&o, now_ms);
    *r = o.row; /* for what else is told of it */
    TRY(store_recipient_update(tx, in->tenant, r, now_ms, e));
    if (r->is_test)
        return ST_OK;
    if (o.is_opt_out)
        TRY(dispatch_provider_stop(a, tx, in->tenant, r->lead, r->channel, why.reason, now_ms, e));
    if (o.sender_wait_ms > 0 && sender.blocked_until_ms <= now_ms)
        TRY(store_sender_block(tx, in->tenant, r->account, now_ms + o.sender_wait_ms, why.cause,
                               now_ms, e));
    if (o.is_stop)
        return stop(a, tx, d, &o, now_ms, e);
    return str_eq(r->state, STR("planned")) ? dispatch_go_on(a, tx, d, now_ms, e) : ST_OK;
}

/* --- many ----------------------------------------------------------------------------------------------------------------- */

struct told {
    struct uuid id;
    const struct dispatch_receipt *receipt;
};

static int by_id(const void *a, const void *b) {
    const struct told *x = a, *y = b;

    return uuid_cmp(x->id, y->id);
}

static int by_row(const void *key, const void *row) {
    const struct uuid *id = key;
    const struct recipient *r = row;

    return uuid_cmp(*id, r->id.v);
}

/* The status also belongs to the message's copy in a conversation. */
static enum status pass_on(struct arena *a, struct tx *tx, const struct dispatch_receipt *in,
                           const struct recipient *r, struct err *e) {
    if (uuid_is_nil(r->message.v))
        return ST_OK;
    return outbox_receipt(a, tx, in->tenant, in->account, in->provider, in->status, e);
}

static enum status apply_tenant(struct arena *a, struct tx *tx, struct told *all, size_t n,
                                int64_t now_ms, struct err *e) {
    struct tenant_id tenant = all[0].receipt->tenant;
    struct uuid *ids = arena_array_of(a, n, struct uuid);
    struct receipt_move *moves = arena_array_of(a, n, struct receipt_move);
    struct recipient *rows;
    size_t n_rows, n_ids = 0, n_moves = 0;

    qsort(all, n, sizeof(*all), by_id);
    for (size_t i = 0; i < n; i++)
        if (n_ids == 0 || !uuid_eq(ids[n_ids - 1], all[i].id))
            ids[n_ids++] = all[i].id;
    TRY(store_recipients_lock(a, tx, tenant, ids, n_ids, &rows, &n_rows, e));
    for (size_t i = 0; i < n; i++) {
        const struct inbound *status = all[i].receipt->status;
        struct recipient *r = bsearch(&all[i].id, rows, n_rows, sizeof(*rows), by_row);
        struct receipt_move move;

        if (!r || !uuid_eq(r->account.v, all[i].receipt->account.v) || is_stale(a, r, status))
            continue;
        TRY(pass_on(a, tx, all[i].receipt, r, e));
        if (status->delivery == DELIVERY_FAILED) {
            TRY(fail_row(a, tx, all[i].receipt, r, now_ms, e));
            if (r->rank < 2 && n_moves > 0 && uuid_eq(moves[n_moves - 1].id.v, all[i].id))
                n_moves--; /* "sent", which says no more */
            continue;
        }
        move = move_of(all[i].id, status, now_ms);
        if (move.rank <= r->rank || str_eq(r->state, STR("excluded")))
            continue;
        r->rank = move.rank; /* the next of the same row in this call */
        r->state = str_of(move.state);
        if (n_moves == 0 || !uuid_eq(moves[n_moves - 1].id.v, move.id.v))
            n_moves++; /* several of one row stand side by side */
        moves[n_moves - 1] = move;
    }
    return store_recipients_receipt(a, tx, tenant, moves, n_moves, now_ms, e);
}

enum status dispatch_receipts(struct arena *a, struct tx *tx, const struct dispatch_receipt *items,
                              size_t n, int64_t now_ms, struct err *e) {
    struct told *all = arena_array_of(a, n + 1, struct told);
    bool *is_taken = arena_array_of(a, n + 1, bool);

    for (size_t from = 0; from < n; from++) {
        size_t m = 0;

        for (size_t i = from; i < n; i++) {
            if (is_taken[i] || !uuid_eq(items[i].tenant.v, items[from].tenant.v))
                continue;
            is_taken[i] = true;
            if (read_id(items[i].status, &all[m].id))
                all[m++].receipt = &items[i];
        }
        if (m > 0)
            TRY(apply_tenant(a, tx, all, m, now_ms, e));
    }
    return ST_OK;
}
