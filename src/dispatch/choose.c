/* choose.c - over which channel, with which words, at which price.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/choose.h"

enum { VALUES_MAX_BYTES = 256 << 10 };

/* --- channel ------------------------------------------------------------------------------------------------------------ */

/* Empty *ret_address: the reason says why. */
static struct str look(const struct lead_contact *c, struct str channel, struct str *ret_address,
                       bool *ret_is_user_id) {
    bool is_email = str_eq(channel, STR("email"));

    *ret_is_user_id = false;
    *ret_address = is_email ? c->email : c->phone;
    if (ret_address->len > 0)
        return is_email ? STR("has-email") : STR("has-phone");
    if (is_email)
        return c->email_reason.len > 0 ? c->email_reason : STR("no-email");
    if (c->user_id.len > 0) {
        *ret_address = c->user_id;
        *ret_is_user_id = true;
        return STR("has-user-id");
    }
    return c->phone_reason.len > 0 ? c->phone_reason : STR("no-phone");
}

struct choice choose_channel(struct arena *a, const struct rules *rules, const bool *open,
                             size_t from, struct str after, const struct lead_contact *contact) {
    struct choice found = {.step = from, .reason = after};

    for (size_t i = from; i < rules->n; i++) {
        struct str reason =
            look(contact, rules->channels[i].channel, &found.address, &found.is_user_id);

        if (found.address.len > 0 && open[i]) {
            found.is_found = true;
            found.step = i;
            if (found.reason.len == 0)
                found.reason = reason;
            return found;
        }
        if (found.address.len > 0)
            reason = STR("no-account");
        found.reason = found.reason.len == 0
                           ? reason
                           : arena_printf(a, "%.*s,%.*s", STR_ARG(found.reason), STR_ARG(reason));
    }
    found.address = STR_EMPTY;
    return found;
}

/* --- words -------------------------------------------------------------------------------------------------------------- */

static const struct json *own_field(const struct json *fields, struct str name) {
    struct str key;
    const struct json *v;

    for (size_t i = 0; json_member(fields, i, &key, &v); i++)
        if (str_eq_nocase(key, name))
            return v;
    return NULL;
}

static struct str value_of(struct arena *a, const struct rules *rules, struct str key,
                           const struct lead_contact *c, const struct json *fields) {
    const struct json *rule = own_field(rules->variables, key);
    struct str value;

    if (!rule)
        return lead_contact_value(a, c, fields, key);
    if (json_type(rule) == JSON_STRING)
        return json_str(rule);
    if (json_get(rule, "text"))
        return json_str(json_get(rule, "text"));
    value = lead_contact_value(a, c, fields, json_str(json_get(rule, "field")));
    return value.len > 0 ? value : json_str(json_get(rule, "default"));
}

enum status choose_values(struct arena *a, const struct rules *rules, const struct template *t,
                          const struct lead_contact *contact, const struct json **ret,
                          struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = VALUES_MAX_BYTES};
    const struct json *fields = NULL;
    struct json_out o;

    if (contact->fields.len > 0)
        TRY(json_parse(a, contact->fields, JSON_LIMITS_DEFAULT, &fields, e));
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    for (size_t i = 0; i < t->n_variables; i++) {
        struct str value = value_of(a, rules, t->variables[i].key, contact, fields);

        if (value.len > 0)
            json_put_str(&o, arena_cstr(a, t->variables[i].key), value);
    }
    json_end(&o);
    if (b.overflown)
        FAIL(e, ST_INVALID, "the values of the template's variables are too long");
    return json_parse(a, buf_str(&b), JSON_LIMITS_DEFAULT, ret, e);
}

/* --- price -------------------------------------------------------------------------------------------------------------- */

int64_t choose_price(const struct dispatch_settings *settings, struct str channel,
                     struct str category) {
    if (str_eq(channel, STR("email")))
        return settings->price_email;
    if (str_eq_nocase(category, STR("utility")))
        return settings->price_utility;
    if (str_eq_nocase(category, STR("authentication")))
        return settings->price_authentication;
    return settings->price_marketing;
}
