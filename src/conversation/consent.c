/* consent.c - the customer's own words about being written to: kept in the transaction that stores the message, answered once.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conversation/change.h"

enum status lead_set_consent(struct arena *a, struct tx *tx, struct lead_id lead,
                             const struct consent_wish *wish, struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {0}; /* consent_put may fail before its init */
    struct json_out o;

    TRY(consent_put(a, tx, lead, wish, e));
    buf_init(&b, 4u << 10);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_str(&o, "lead", uuid_format(a, lead.v));
    json_put_str(&o, "channel", wish->channel);
    json_put_str(&o, "source", wish->proof->source);
    json_end(&o);
    return event_add(tx,
                     (struct event){.tenant = wish->tenant,
                                    .kind = wish->is_stop ? STR("lead.marketing_stopped")
                                                          : STR("lead.marketing_resumed"),
                                    .data = arena_str(a, buf_str(&b)),
                                    .at_ms = wish->now_ms},
                     e);
}

enum status lead_set_consent_key(struct arena *a, struct tx *tx, struct str key,
                                 const struct consent_wish *wish, bool *ret_changed,
                                 struct err *e) {
    struct consent_answer was;
    struct lead_list leads;

    TRY(lead_list_keys(a, tx, wish->tenant, &key, 1, &leads, e));
    if (leads.n == 0)
        return suppression_put(a, tx, key, wish, ret_changed, e);
    TRY(consent_check_many(a, tx, wish->tenant, leads.items, 1, wish->channel, &was, e));
    *ret_changed = was.is_stopped != wish->is_stop;
    return lead_set_consent(a, tx, leads.items[0], wish, e);
}

/* Typed, or the title of a button that was pressed ("Parar promoções"). What the provider took for its own word comes as an
 * event besides, and has been answered. */
static bool is_in_words(const struct received *in) {
    if (in->inbound->is_auto || message_is_answered(in->inbound->content))
        return false;
    return str_eq(in->inbound->type, STR("text")) || str_eq(in->inbound->type, STR("choice"));
}

static enum status is_news(struct change *ch, const struct consent_wish *wish, bool *ret,
                           struct err *e) {
    struct consent_answer now;

    TRY(consent_check_many(ch->a, ch->tx, wish->tenant, &ch->c.lead, 1, wish->channel, &now, e));
    *ret = now.is_stopped != wish->is_stop;
    return ST_OK;
}

enum status change_hear_consent(struct change *ch, const struct received *in,
                                struct message_id message, enum consent_word word, struct err *e) {
    const struct consent_proof proof = {
        .source = STR("message"), .text = in->inbound->text, .message = message};
    const struct consent_wish wish = {.tenant = ch->c.tenant,
                                      .channel = consent_scope(in->inbound->text),
                                      .is_stop = word == CONSENT_STOP,
                                      .proof = &proof,
                                      .now_ms = in->now_ms};
    struct consent_settings s;
    bool is_new;

    TRY(is_news(ch, &wish, &is_new, e));
    TRY(lead_set_consent(ch->a, ch->tx, ch->c.lead, &wish, e));
    if (!is_new)
        return ST_OK;
    TRY(consent_settings_get(ch->a, ch->tx, ch->c.tenant, &s, e));
    return change_say(ch, wish.is_stop ? "opted_out" : "opted_in",
                      wish.is_stop ? s.texts.stopped : s.texts.resumed,
                      arena_printf(ch->a, "consent:%.*s", STR_ARG(uuid_format(ch->a, message.v))),
                      e);
}

enum status change_read_consent(struct change *ch, const struct received *in,
                                enum consent_word *ret, struct err *e) {
    struct consent_settings s;

    *ret = is_in_words(in) ? consent_read(in->inbound->text) : CONSENT_NONE;
    if (*ret == CONSENT_NONE)
        return ST_OK;
    TRY(consent_settings_get(ch->a, ch->tx, ch->c.tenant, &s, e));
    if (!s.listens)
        *ret = CONSENT_NONE;
    return ST_OK;
}
