/* recipient.c - recipients as people see them, and one message to try a campaign.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/internal.h"

#include "base/clock.h"

static int by_id(const void *key, const void *contact) {
    const struct uuid *id = key;
    const struct lead_contact *c = contact;

    return uuid_cmp(*id, c->id.v);
}

static int in_order(const void *a, const void *b) {
    const struct lead_contact *x = a, *y = b;

    return uuid_cmp(x->id.v, y->id.v);
}

/* Names and addresses as the leads have them today. */
static enum status fill(struct arena *a, struct tx *tx, struct tenant_id tenant,
                        struct recipient *rows, size_t n, struct err *e) {
    struct lead_id *leads = arena_array_of(a, n + 1, struct lead_id);
    struct lead_contact *contacts;
    size_t n_contacts;

    for (size_t i = 0; i < n; i++)
        leads[i] = rows[i].lead;
    TRY(lead_audience_some(a, tx, tenant, leads, n, &contacts, &n_contacts, e));
    qsort(contacts, n_contacts, sizeof(*contacts), in_order);
    for (size_t i = 0; i < n; i++) {
        const struct lead_contact *c =
            bsearch(&rows[i].lead.v, contacts, n_contacts, sizeof(*contacts), by_id);

        if (!c)
            continue;
        rows[i].name = c->name;
        rows[i].phone = c->phone;
        rows[i].email = c->email;
    }
    return ST_OK;
}

enum status recipient_list(struct arena *a, struct tx *tx, const struct recipient_query *q,
                           struct recipient **ret, size_t *ret_n, struct err *e) {
    TRY(store_recipient_list(a, tx, q, ret, ret_n, e));
    return fill(a, tx, q->tenant, *ret, *ret_n, e);
}

enum status recipient_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                          struct recipient_id id, struct recipient *ret, struct err *e) {
    TRY(store_recipient_get(a, tx, tenant, id, ret, e));
    return fill(a, tx, tenant, ret, 1, e);
}

/* --- a test ----------------------------------------------------------------------------------------------------------------- */

static enum status step_of(struct arena *a, const struct dispatch *d, struct str channel,
                           int64_t *ret, struct err *e) {
    const struct json *channels;

    TRY(json_parse(a, d->channels, JSON_LIMITS_DEFAULT, &channels, e));
    for (size_t i = 0; i < json_len(channels); i++) {
        if (!str_eq(json_str(json_get(json_at(channels, i), "channel")), channel))
            continue;
        *ret = (int64_t)i;
        return ST_OK;
    }
    FAIL(e, ST_INVALID, "channel: none of the campaign's");
}

static enum status check_address(const struct dispatch_test *t, struct err *e) {
    bool is_email = str_eq(t->channel, STR("email"));

    if (t->address.len == 0 || t->address.len > 254)
        FAIL(e, ST_INVALID, "address: a number or an e-mail address");
    if (is_email && !str_contains(t->address, STR("@")))
        FAIL(e, ST_INVALID, "address: an e-mail address");
    for (size_t i = 0; !is_email && i < t->address.len; i++)
        if (t->address.ptr[i] < '0' || t->address.ptr[i] > '9')
            FAIL(e, ST_INVALID, "address: the digits of a number with its country");
    return ST_OK;
}

enum status dispatch_send_test(struct arena *a, struct tx *tx, const struct dispatch_test *t,
                               struct recipient_id *ret, struct err *e) {
    struct lead_contact *contact;
    struct dispatch d;
    struct str id;
    size_t n;
    struct recipient r = {.id.v = uuid_new(),
                          .dispatch = t->id,
                          .lead = t->lead,
                          .is_test = true,
                          .state = STR("planned"),
                          .channel = t->channel,
                          .address = t->address,
                          .reason = STR("test"),
                          .due_at_ms = t->now_ms,
                          .created_at_ms = t->now_ms};

    TRY(store_dispatch_get(a, tx, t->tenant, t->id, false, &d, e));
    TRY(dispatch_check_gate(t->gate, e));
    TRY(check_address(t, e));
    TRY(step_of(a, &d, t->channel, &r.step, e));
    TRY(lead_audience_some(a, tx, t->tenant, &t->lead, 1, &contact, &n, e));
    if (n == 0)
        FAIL(e, ST_NOT_FOUND, "there is no such contact");
    TRY(store_recipients_insert(a, tx, t->tenant, &r, 1, e));
    *ret = r.id;
    id = uuid_format(a, t->id.v);
    return queue_put(tx,
                     (struct job_put){.tenant = t->tenant,
                                      .kind = DISPATCH_TEST_JOB,
                                      .priority = QUEUE_NORMAL,
                                      .payload = arena_printf(
                                          a, "{\"dispatch\":\"%.*s\",\"recipient\":\"%.*s\"}",
                                          STR_ARG(id), STR_ARG(uuid_format(a, r.id.v)))},
                     NULL, e);
}
