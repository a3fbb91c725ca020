/* api_lead.c - the person behind conversations: who, since when, what happened.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include "base/clock.h"

static enum status one_lead(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct conversation_page conversations;
    struct lead_profile lead;

    TRY(lead_profile(x->r->arena, tx, x->tenant, (struct lead_id){x->message.v}, &lead, e));
    TRY(conversation_list_lead(x->r->arena, tx, x->tenant, lead.id, &conversations, e));
    write_lead(api_begin_bare(x), &lead, &conversations);
    return ST_OK;
}

static enum status list_events(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct lead_profile lead;
    struct event_page page;

    TRY(lead_profile(x->r->arena, tx, x->tenant, (struct lead_id){x->message.v}, &lead, e));
    TRY(event_list_lead(x->r->arena, tx, x->tenant, lead.id, x->page, &page, e));
    api_begin_list(x);
    for (size_t i = 0; i < page.n; i++)
        write_event(&x->o, &page.items[i], NULL);
    api_end_list(x, page.n > 0 ? page.items[page.n - 1].cursor : STR_EMPTY, page.has_more);
    return ST_OK;
}

/* {"name"?, "company"?, "document"?, "tags"?, "fields"?} */
static enum status change_lead(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    const struct json *name = json_get(x->body, "name");
    const struct json *tags = json_get(x->body, "tags");
    struct lead_profile lead;

    TRY(api_if_match(tx, x, one_lead, e));
    TRY(lead_profile(x->r->arena, tx, x->tenant, (struct lead_id){x->message.v}, &lead, e));
    if (name)
        lead.name = str_trim(json_str(name));
    if (json_get(x->body, "company"))
        lead.company = str_trim(json_str(json_get(x->body, "company")));
    if (json_get(x->body, "document"))
        lead.document = str_trim(json_str(json_get(x->body, "document")));
    if (json_get(x->body, "fields"))
        lead.fields = api_text(x, json_get(x->body, "fields"));
    if (tags)
        lead.tags = api_text(x, tags);
    TRY(lead_edit(x->r->arena, tx, x->tenant, &lead, name != NULL, clock_now_ms(), e));
    TRY(lead_changed(x->r->arena, tx, x->tenant, lead.id, clock_now_ms(), e));
    TRY(api_audit(tx, x, "lead.change", uuid_format(x->r->arena, lead.id.v), e));
    return one_lead(tx, ctx, e);
}

API_HANDLER(lead_get_one, API_READS, one_lead)
API_HANDLER(lead_events_get, API_READS, list_events)
API_HANDLER(lead_patch, API_WRITES, change_lead)

const struct route api_lead_routes[] = {
    {HTTP_GET, API "/leads/{id}", lead_get_one, AGENT, .scope = "leads:read",
     .summary = "A person: state, names, numbers, tags, fields, conversations"},
    {HTTP_PATCH, API "/leads/{id}", lead_patch, AGENT, .scope = "leads:write",
     .max_body = API_BODY_MAX,
     .summary = "Change a person's name, company, document, tags or fields"},
    {HTTP_GET, API "/leads/{id}/events", lead_events_get, AGENT, .scope = "leads:read",
     .summary = "What happened with a person beside messages, newest first"},
};
const size_t api_lead_n_routes = ARRAY_LEN(api_lead_routes);
