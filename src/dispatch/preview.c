/* preview.c - a campaign's message with a real contact's data, by what plans and sends it; saved or not, also where it cannot go out.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/permit.h"

enum { VALUES_MAX_BYTES = 256 << 10 };

/* --- which campaign, and whose data ---------------------------------------------------------------------------------------------- */

static enum status read_campaign(struct arena *a, struct tx *tx, const struct dispatch_previewed *w,
                                 struct dispatch *ret, struct err *e) {
    *ret = (struct dispatch){.tenant = w->tenant, .variables = STR("{}"), .limits = STR("{}")};
    if (!uuid_is_nil(w->id.v))
        TRY(store_dispatch_get(a, tx, w->tenant, w->id, false, ret, e));
    ret->plan_after = (struct lead_id){0};
    ret->plan_seen = 0;
    if (w->edit.audience || ret->audience.len == 0)
        TRY(rules_check_audience(a, w->edit.audience, &ret->audience, e));
    if (w->edit.channels || ret->channels.len == 0)
        TRY(rules_check_channels(a, w->edit.channels, &ret->channels, e));
    if (w->edit.variables)
        TRY(rules_check_variables(a, w->edit.variables, &ret->variables, e));
    return ST_OK;
}

static enum status find_contact(struct permit *p, const struct dispatch_previewed *w,
                                struct dispatch *d, struct dispatch_preview *ret, struct err *e) {
    struct lead_contact *found;
    size_t n;

    if (uuid_is_nil(w->lead.v)) {
        TRY(plan_first(p, d, &found, &n, e));
    } else {
        TRY(lead_audience_some(p->a, p->tx, w->tenant, &w->lead, 1, &found, &n, e));
        if (n == 0)
            FAIL(e, ST_NOT_FOUND, "there is no such lead");
    }
    ret->has_lead = n > 0;
    if (n > 0)
        ret->lead = found[0];
    return ST_OK;
}

/* As the plan would decide it now. */
static enum status decide(struct permit *p, struct dispatch_preview *ret, struct err *e) {
    struct decision d;

    if (!ret->has_lead)
        return ST_OK;
    TRY(permit_contacts(p, &ret->lead, 1, &d, e));
    ret->would_send = d.is_allowed;
    ret->channel = d.address.len > 0 ? p->rules.channels[d.step].channel : STR_EMPTY;
    ret->reason = d.reason;
    ret->block_reason = d.block_reason;
    return ST_OK;
}

/* --- the words ----------------------------------------------------------------------------------------------------------------------- */

/* What has no value stands in the text as the template has it. */
static enum status fill_gaps(struct arena *a, const struct template *t, const struct json *values,
                             struct dispatch_preview_message *ret, const struct json **ret_filled,
                             struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = VALUES_MAX_BYTES};
    struct json_out o;

    ret->missing = arena_array_of(a, t->n_variables + 1, struct str);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    for (size_t i = 0; i < t->n_variables; i++) {
        const char *key = arena_cstr(a, t->variables[i].key);
        struct str value = json_str(json_get(values, key));

        if (value.len == 0) {
            ret->missing[ret->n_missing++] = t->variables[i].key;
            value = arena_printf(a, "{{%s}}", key);
        }
        json_put_str(&o, key, value);
    }
    json_end(&o);
    if (b.overflown)
        FAIL(e, ST_INVALID, "the values of the template's variables are too long");
    return json_parse(a, buf_str(&b), JSON_LIMITS_DEFAULT, ret_filled, e);
}

static enum status render(struct permit *p, const struct template *t,
                          const struct dispatch_preview *of, struct dispatch_preview_message *ret,
                          struct err *e) {
    const struct json *values, *filled = NULL;
    struct err why = ERR_INIT;
    struct str content;
    enum status st;

    TRY(choose_values(p->a, &p->rules, t, &of->lead, &values, e));
    TRY(fill_gaps(p->a, t, values, ret, &filled, e));
    st = template_render(p->a, t, filled, &content, &ret->text, &why);
    if (st == ST_INVALID) {
        ret->text = t->body;
        if (ret->block.len == 0) {
            ret->block = why.cause ? str_of(why.cause) : STR("text-invalid");
            ret->block_why = arena_str(p->a, str_of(why.message));
        }
        return ST_OK;
    }
    if (st != ST_OK) {
        *e = why;
        return st;
    }
    if (ret->n_missing == 0)
        ret->content = content;
    return ST_OK;
}

/* Templates for e-mail are the tenant's own, also before there is a mailbox to send them. */
static enum status find_template(struct permit *p, size_t step, bool *ret_found, struct err *e) {
    const struct channel_rule *rule = &p->rules.channels[step];
    struct permit_channel *ch = &p->channels[step];
    struct err miss = ERR_INIT;
    enum status st;

    *ret_found = ch->has_template;
    if (ch->is_open)
        return ST_OK;
    st = template_find(p->a, p->tx, p->dispatch->tenant, (struct account_id){0}, rule->channel,
                       rule->template_name, rule->language, &ch->template, &miss);
    *ret_found = st == ST_OK;
    if (st == ST_OK || st == ST_NOT_FOUND)
        return ST_OK;
    *e = miss;
    return st;
}

static enum status write_message(struct permit *p, size_t step, struct dispatch_preview *ret,
                                 struct err *e) {
    const struct channel_rule *rule = &p->rules.channels[step];
    struct dispatch_preview_message *m = &ret->messages[ret->n++];
    const struct permit_channel *ch = &p->channels[step];
    bool is_found;

    *m = (struct dispatch_preview_message){.channel = rule->channel,
                                           .template_name = rule->template_name,
                                           .language = rule->language,
                                           .block = ch->block,
                                           .block_why = ch->block_why};
    TRY(find_template(p, step, &is_found, e));
    if (!is_found)
        return ST_OK;
    m->language = ch->template.language;
    return render(p, &ch->template, ret, m, e);
}

enum status dispatch_preview(struct arena *a, struct tx *tx, const struct dispatch_previewed *what,
                             struct dispatch_preview *ret, struct err *e) {
    struct permit *p = arena_new_of(a, struct permit);
    struct dispatch *d = arena_new_of(a, struct dispatch);

    *ret = (struct dispatch_preview){.has_lead = false};
    TRY(read_campaign(a, tx, what, d, e));
    TRY(permit_open(a, tx, d, what->now_ms, p, e));
    TRY(find_contact(p, what, d, ret, e));
    TRY(decide(p, ret, e));
    for (size_t i = 0; i < p->rules.n; i++)
        TRY(write_message(p, i, ret, e));
    return ST_OK;
}

/* --- as API and command line show it ----------------------------------------------------------------------------------------------- */

static void put_message(struct json_out *o, const struct dispatch_preview_message *m) {
    json_obj(o, NULL);
    json_put_str(o, "channel", m->channel);
    json_put_str(o, "template", m->template_name);
    json_put_str_or_null(o, "language", m->language);
    json_put_str_or_null(o, "block_reason", m->block);
    json_put_str_or_null(o, "block_detail", m->block_why);
    json_put_str_or_null(o, "text", m->text);
    json_arr(o, "missing");
    for (size_t i = 0; i < m->n_missing; i++)
        json_put_str(o, NULL, m->missing[i]);
    json_end(o);
    json_put_raw_or_null(o, "content", m->content);
    json_end(o);
}

static void put_lead(struct json_out *o, const struct lead_contact *lead) {
    json_obj(o, "lead");
    json_put_id(o, "id", lead->id.v);
    json_put_str(o, "name", lead->name);
    json_end(o);
}

void dispatch_write_preview(struct json_out *o, const struct dispatch_preview *p) {
    if (p->has_lead)
        put_lead(o, &p->lead);
    else
        json_put_null(o, "lead");
    json_put_bool(o, "would_send", p->would_send);
    json_put_str_or_null(o, "channel", p->channel);
    json_put_str_or_null(o, "reason", p->reason);
    json_put_str_or_null(o, "block_reason", p->block_reason);
    json_arr(o, "messages");
    for (size_t i = 0; i < p->n; i++)
        put_message(o, &p->messages[i]);
    json_end(o);
}
