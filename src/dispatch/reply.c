/* reply.c - where a campaign meets a conversation: what it said is shown before the answer to it, and who wants no more is counted.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/internal.h"

#include "consent/consent.h"

enum { DAY_MS = 24 * 3600 * 1000, REPLY_DAYS = 14 };

static struct str content_of(struct arena *a, const struct recipient *r) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 16u << 10};
    struct json_out o;

    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_str(&o, "name", r->template_name);
    json_put_str(&o, "language", r->language);
    json_end(&o);
    return arena_str(a, buf_str(&b));
}

static enum status tell_context(struct arena *a, struct tx *tx, const struct dispatch *d,
                                const struct recipient *r, const struct message *m, int64_t now_ms,
                                struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 16u << 10};
    struct json_out o;

    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_str(&o, "dispatch", uuid_format(a, d->id.v));
    json_put_str(&o, "name", d->name);
    json_put_str(&o, "recipient", uuid_format(a, r->id.v));
    json_put_str(&o, "template", r->template_name);
    json_end(&o);
    return event_add(tx,
                     (struct event){.tenant = d->tenant,
                                    .conversation = m->conversation,
                                    .message = m->id,
                                    .kind = STR("conversation.campaign"),
                                    .data = arena_str(a, buf_str(&b)),
                                    .at_ms = now_ms},
                     e);
}

enum status dispatch_show(struct arena *a, struct tx *tx, const struct dispatch *d,
                          const struct recipient *r, struct conversation_id conversation,
                          int64_t now_ms, struct err *e) {
    bool is_uncertain = str_eq(r->state, STR("uncertain"));
    struct message m = {
        .tenant = d->tenant,
        .conversation = conversation,
        .account = r->account,
        .direction = STR("out"),
        .owner = STR("system"),
        .type = STR("template"),
        .content = content_of(a, r),
        .text = r->text.len > 0 ? r->text : r->template_name,
        .provider_id = r->provider_id,
        .client_id = arena_printf(a, "r:%.*s", STR_ARG(uuid_format(a, r->id.v))),
        /* Whoever answers has got it. */
        .status = str_eq(r->state, STR("sending")) || is_uncertain ? STR("sent") : r->state,
    };

    TRY(message_insert(a, tx, &m, now_ms, e));
    TRY(store_recipient_message(tx, d->tenant, r->id, m.id, e));
    return tell_context(a, tx, d, r, &m, now_ms, e);
}

enum status dispatch_before_reply(struct arena *a, struct tx *tx, const struct conversation *c,
                                  const struct received *in, struct err *e) {
    bool is_words = !in->inbound->is_auto && (str_eq(in->inbound->type, STR("text")) ||
                                              str_eq(in->inbound->type, STR("choice")));
    struct recipient *rows;
    size_t n;

    TRY(store_recipients_of_lead(a, tx, in->tenant, c->lead,
                                 in->now_ms - (int64_t)REPLY_DAYS * DAY_MS, &rows, &n, e));
    for (size_t i = n; i-- > 0;) { /* oldest first */
        struct dispatch d;

        if (rows[i].is_test || !uuid_eq(rows[i].account.v, in->account.v))
            continue;
        if (rows[i].replied_at_ms == 0 && !in->inbound->is_auto)
            TRY(store_recipient_replied(tx, in->tenant, rows[i].id, in->now_ms, e));
        if (!uuid_is_nil(rows[i].message.v))
            continue;
        TRY(store_dispatch_get(a, tx, in->tenant, rows[i].dispatch, false, &d, e));
        TRY(dispatch_show(a, tx, &d, &rows[i], c->id, in->now_ms, e));
    }
    return n > 0 && is_words && consent_read(in->inbound->text) == CONSENT_STOP
               ? dispatch_opted_out(a, tx, in->tenant, c->lead, in->now_ms, e)
               : ST_OK;
}

enum status dispatch_opted_out(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct lead_id lead, int64_t now_ms, struct err *e) {
    struct recipient *rows;
    size_t n;

    TRY(store_recipients_of_lead(a, tx, tenant, lead, now_ms - (int64_t)REPLY_DAYS * DAY_MS, &rows,
                                 &n, e));
    for (size_t i = 0; i < n; i++)
        if (!rows[i].is_test)
            return store_recipient_opted_out(tx, tenant, rows[i].id, now_ms, e);
    return ST_OK;
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status dispatch_provider_stop(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                   struct lead_id lead, struct str channel, struct str reason,
                                   int64_t now_ms, struct err *e) {
    const struct consent_proof proof = {.source = STR("provider"), .text = reason};
    const struct consent_wish wish = {
        .tenant = tenant, .channel = channel, .is_stop = true, .proof = &proof, .now_ms = now_ms};
    struct err why = ERR_INIT;
    enum status st = lead_set_consent(a, tx, lead, &wish, &why);

    if (st != ST_OK && st != ST_NOT_FOUND)
        *e = why;
    return st == ST_NOT_FOUND ? ST_OK : st;
}
