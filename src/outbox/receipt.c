/* receipt.c - what the provider tells of a message's fate, in whatever order it comes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "outbox/receipt.h"

#include "base/clock.h"

static struct str word_of(enum delivery d) {
    switch (d) {
    case DELIVERY_SENT:
        return STR("sent");
    case DELIVERY_DELIVERED:
        return STR("delivered");
    case DELIVERY_READ:
        return STR("read");
    case DELIVERY_PLAYED:
        return STR("played");
    case DELIVERY_FAILED:
        return STR("failed");
    case DELIVERY_UNKNOWN:
    case DELIVERY_PENDING:
        break;
    }
    return STR_EMPTY;
}

/* By our correlation id, which also finds a message whose send is still under way or was cut; else by the provider's. */
static enum status find_message(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                struct account_id account, const struct inbound *status,
                                struct message *ret, struct err *e) {
    struct message_id id;
    struct err miss = ERR_INIT;

    if (uuid_parse(status->correlation, &id.v)) {
        enum status st = message_get(a, tx, tenant, id, ret, &miss);

        if (st == ST_OK && uuid_eq(ret->account.v, account.v))
            return ST_OK;
        if (st != ST_OK && st != ST_NOT_FOUND) {
            *e = miss;
            return st;
        }
    }
    return message_find_provider(a, tx, tenant, account, status->message_id, ret, e);
}

static enum status note_unknown(struct arena *a, struct tx *tx, const struct message *m,
                                const struct inbound *status, int64_t now_ms, struct err *e) {
    struct buf b;
    struct json_out o;

    buf_init(&b, 8u << 10);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_str(&o, "status", status->delivery_word);
    json_end(&o);

    struct str data = b.overflown ? STR("{}") : arena_str(a, buf_str(&b));

    buf_done(&b);
    return event_add(tx,
                     (struct event){.tenant = m->tenant,
                                    .conversation = m->conversation,
                                    .message = m->id,
                                    .kind = STR("message.status_unknown"),
                                    .data = data,
                                    .at_ms = now_ms},
                     e);
}

/* The provider's code in words. */
static void explain(struct arena *a, const struct provider *provider,
                    struct message_change *change) {
    struct send_result why = {0};

    if (change->error_code == 0)
        return;
    provider->explain(a, change->error_code, change->error_reason, &why);
    change->error_reason = why.reason;
    change->error_cause = why.cause;
}

static struct message_change change_of(struct arena *a, const struct provider *provider,
                                       const struct inbound *status) {
    struct message_change change = {
        .status = word_of(status->delivery),
        .provider_id = status->message_id,
        .error_code = status->error_code,
        .error_reason = status->error_title,
        .detail = status->pricing,
    };

    if (status->delivery == DELIVERY_FAILED)
        explain(a, provider, &change);
    return change;
}

enum status heed_refusal(struct arena *a, struct tx *tx, const struct message *m, int64_t code,
                         struct str words, int64_t now_ms, struct err *e) {
    const struct consent_proof proof = {.source = STR("provider"), .text = words, .message = m->id};
    const struct consent_wish wish = {.tenant = m->tenant,
                                      .channel = STR(CONSENT_WHATSAPP),
                                      .is_stop = true,
                                      .proof = &proof,
                                      .now_ms = now_ms};
    struct conversation c;

    if (!consent_is_refusal(code))
        return ST_OK;
    TRY(conversation_get(a, tx, m->tenant, m->conversation, &c, e));
    return lead_set_consent(a, tx, c.lead, &wish, e);
}

enum status outbox_receipt(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           struct account_id account, const struct provider *provider,
                           const struct inbound *status, struct err *e) {
    int64_t now_ms = clock_now_ms();
    struct message m;
    struct err miss = ERR_INIT;
    enum status st;
    bool moved;

    if (status->delivery == DELIVERY_PENDING)
        return ST_OK;
    st = find_message(a, tx, tenant, account, status, &m, &miss);
    if (st ==
        ST_NOT_FOUND) /* perhaps of a send whose answer is still on its way, or of another system's message */
        return store_receipt_insert(tx, tenant, account, status, word_of(status->delivery), now_ms,
                                    e);
    if (st != ST_OK) {
        *e = miss;
        return st;
    }
    if (status->delivery == DELIVERY_UNKNOWN)
        return note_unknown(a, tx, &m, status, now_ms, e);
    TRY(message_change_status(a, tx, &m, change_of(a, provider, status), now_ms, &moved, e));
    return status->delivery == DELIVERY_FAILED
               ? heed_refusal(a, tx, &m, status->error_code, status->error_title, now_ms, e)
               : ST_OK;
}

enum status receipts_catch_up(struct arena *a, struct tx *tx, const struct provider *provider,
                              struct message *m, int64_t now_ms, struct err *e) {
    struct db_rows rows;
    bool moved;

    TRY(store_receipts_take(a, tx, m->tenant, m->account, m->provider_id, &rows, e));
    for (size_t i = 0; i < rows.n; i++) {
        struct message_change change = {
            .status = db_text(&rows, i, 0),
            .error_code = db_i64(&rows, i, 1),
            .error_reason = db_text(&rows, i, 2),
            .detail = STR("{\"early\":true}"),
        };

        if (change.status.len == 0)
            continue;
        if (str_eq(change.status, STR("failed"))) {
            TRY(heed_refusal(a, tx, m, change.error_code, change.error_reason, now_ms, e));
            explain(a, provider, &change);
        }
        TRY(message_change_status(a, tx, m, change, now_ms, &moved, e));
    }
    return ST_OK;
}
