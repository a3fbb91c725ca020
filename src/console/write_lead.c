/* write_lead.c - how a lead looks as JSON.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/write.h"

static void write_phone(struct json_out *o, const struct lead_phone *p) {
    static const char *const known[] = {
        [LEAD_WHATSAPP_UNKNOWN] = NULL, [LEAD_WHATSAPP_YES] = "yes", [LEAD_WHATSAPP_NO] = "no"};

    json_obj(o, NULL);
    json_put_str(o, "typed", p->typed);
    json_put_str_or_null(o, "e164", p->e164);
    json_put_str(o, "kind", p->kind);
    json_put_bool(o, "is_valid", p->is_dispatchable);
    json_put_str_or_null(o, "reason", p->reason);
    json_put_str_or_null(o, "whatsapp", str_of(known[p->is_whatsapp % 3]));
    json_end(o);
}

static void write_email(struct json_out *o, const struct lead_email *m) {
    json_obj(o, NULL);
    json_put_str(o, "email", m->address);
    json_put_bool(o, "is_valid", m->is_valid && !m->is_bounced);
    json_put_str_or_null(o, "reason",
                         !m->is_valid    ? STR("invalid")
                         : m->is_bounced ? STR("bounced")
                                         : STR_EMPTY);
    json_end(o);
}

static void write_details(struct json_out *o, const struct lead_profile *identities,
                          const struct conversation_page *conversations) {
    json_arr(o, "identities");
    for (size_t i = 0; i < identities->n_identities; i++) {
        json_obj(o, NULL);
        json_put_str(o, "kind", identities->identities[i].kind);
        json_put_str(o, "value", identities->identities[i].value);
        json_end(o);
    }
    json_end(o);
    json_arr(o, "conversations");
    for (size_t i = 0; i < conversations->n; i++)
        write_conversation(o, NULL, &conversations->items[i]);
    json_end(o);
}

void write_lead(struct json_out *o, const char *key, const struct lead_row *lead,
                const struct lead_profile *identities,
                const struct conversation_page *conversations) {
    struct str reason = lead_dispatch_reason(lead, NULL);

    json_obj(o, key);
    json_put_id(o, "id", lead->id.v);
    json_put_str_or_null(o, "name", lead->name);
    json_put_str_or_null(o, "company", lead->company);
    json_put_str_or_null(o, "document", lead->document);
    json_put_str_or_null(o, "document_kind", lead->document_kind);
    json_put_str(o, "state", lead->state);
    json_arr(o, "phones");
    for (size_t i = 0; i < lead->n_phones; i++)
        write_phone(o, &lead->phones[i]);
    json_end(o);
    json_arr(o, "emails");
    for (size_t i = 0; i < lead->n_emails; i++)
        write_email(o, &lead->emails[i]);
    json_end(o);
    json_put_raw(o, "tags", lead->tags);
    json_put_raw(o, "fields", lead->fields);
    json_put_str_or_null(o, "source", lead->source);
    json_put_bool(o, "valid_for_dispatch", reason.len == 0);
    json_put_str_or_null(o, "dispatch_reason", reason);
    json_put_time(o, "marketing_stopped_at", lead->marketing_stopped_at_ms);
    json_put_time(o, "last_inbound_at", lead->last_inbound_at_ms);
    json_put_time(o, "created_at", lead->created_at_ms);
    json_put_time(o, "updated_at", lead->updated_at_ms);
    if (identities)
        write_details(o, identities, conversations);
    json_end(o);
}
