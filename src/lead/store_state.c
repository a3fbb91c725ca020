/* store_state.c - SQL of a lead's state, its events, and what was learnt of its numbers and addresses.
 * SPDX-License-Identifier: Apache-2.0 */
#include "lead/read.h"
#include "lead/store.h"

enum status lead_note(struct tx *tx, const struct lead_event *ev, struct err *e) {
    struct uuid id = uuid_is_nil(ev->id) ? uuid_new() : ev->id;

    return DB_LATER(tx,
                    DB_SQL("INSERT INTO lead_events (id, tenant_id, lead_id, kind, data, actor, at)"
                           " VALUES ($1, $2, $3, $4, $5, $6, $7)"),
                    e, V_UUID(id), V_UUID(ev->tenant.v), V_UUID(ev->lead.v), V_TEXT(ev->kind),
                    V_TEXT(ev->data.len > 0 ? ev->data : STR("{}")), V_TEXT(ev->actor),
                    V_I64(ev->at_ms));
}

enum status store_lead_state(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             struct lead_id id, struct str *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL2("SELECT state FROM leads WHERE tenant_id = $1 AND id = $2",
                         "SELECT state FROM leads WHERE tenant_id = $1 AND id = $2 FOR UPDATE"),
                 &rows, e, V_UUID(tenant.v), V_UUID(id.v)));
    if (rows.n == 0)
        FAIL(e, ST_NOT_FOUND, "no such lead");
    *ret = db_text(&rows, 0, 0);
    return ST_OK;
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status store_lead_set_state(struct tx *tx, struct tenant_id tenant, struct lead_id id,
                                 struct str from, struct str to, int64_t now_ms, int64_t *ret_moved,
                                 struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE leads SET state = $4, updated_at = $5"
                          " WHERE tenant_id = $1 AND id = $2 AND state = $3"),
                   ret_moved, e, V_UUID(tenant.v), V_UUID(id.v), V_TEXT(from), V_TEXT(to),
                   V_I64(now_ms));
}

enum status store_lead_heard(struct tx *tx, struct tenant_id tenant, struct lead_id id,
                             int64_t now_ms, struct err *e) {
    return DB_LATER(
        tx, DB_SQL("UPDATE leads SET last_inbound_at = $3 WHERE tenant_id = $1 AND id = $2"), e,
        V_UUID(tenant.v), V_UUID(id.v), V_I64(now_ms));
}

enum status store_phone_heard(struct tx *tx, struct tenant_id tenant, struct lead_id id,
                              const struct read_phone *phone, struct err *e) {
    TRY(DB_LATER(
        tx,
        DB_SQL("UPDATE lead_phones SET is_whatsapp = 1, valid_for_dispatch = 1, reason = ''"
               " WHERE tenant_id = $1 AND lead_id = $2 AND e164 = $3"),
        e, V_UUID(tenant.v), V_UUID(id.v), V_TEXT(phone->e164)));
    return DB_LATER(
        tx,
        DB_SQL("INSERT INTO lead_phones (tenant_id, lead_id, position, typed, e164, kind,"
               " valid_for_dispatch, is_whatsapp)"
               " SELECT $1, $2, (SELECT coalesce(max(position) + 1, 0) FROM lead_phones"
               " WHERE tenant_id = $1 AND lead_id = $2), $4, $3, $5, 1, 1"
               " WHERE NOT EXISTS (SELECT 1 FROM lead_phones WHERE tenant_id = $1 AND lead_id = $2"
               " AND e164 = $3)"),
        e, V_UUID(tenant.v), V_UUID(id.v), V_TEXT(phone->e164), V_TEXT(phone->typed),
        V_TEXT(str_of(phone->kind)));
}

enum status store_email_heard(struct tx *tx, struct tenant_id tenant, struct lead_id id,
                              struct str address, struct err *e) {
    TRY(DB_LATER(tx,
                 DB_SQL("UPDATE lead_emails SET is_valid = 1, bounced_at = NULL"
                        " WHERE tenant_id = $1 AND lead_id = $2 AND address = $3"),
                 e, V_UUID(tenant.v), V_UUID(id.v), V_TEXT(address)));
    return DB_LATER(
        tx,
        DB_SQL("INSERT INTO lead_emails (tenant_id, lead_id, position, address, is_valid)"
               " SELECT $1, $2, (SELECT coalesce(max(position) + 1, 0) FROM lead_emails"
               " WHERE tenant_id = $1 AND lead_id = $2), $3, 1"
               " WHERE NOT EXISTS (SELECT 1 FROM lead_emails WHERE tenant_id = $1 AND lead_id = $2"
               " AND address = $3)"),
        e, V_UUID(tenant.v), V_UUID(id.v), V_TEXT(address));
}

enum status store_phone_whatsapp(struct tx *tx, struct tenant_id tenant, struct str key,
                                 enum lead_whatsapp is_whatsapp, struct err *e) {
    return DB_EXEC(
        tx,
        DB_SQL("UPDATE lead_phones SET is_whatsapp = $3,"
               " valid_for_dispatch = CASE $3 WHEN 1 THEN 1 WHEN 2 THEN 0 ELSE valid_for_dispatch"
               " END, reason = CASE $3 WHEN 1 THEN '' WHEN 2 THEN 'no-whatsapp' ELSE reason END"
               " WHERE tenant_id = $1 AND e164 = $2 AND lead_id IN (SELECT lead_id"
               " FROM lead_identities WHERE tenant_id = $1 AND kind = 'phone' AND value = $2)"),
        NULL, e, V_UUID(tenant.v), V_TEXT(key), V_I64(is_whatsapp));
}

enum status store_email_bounced(struct tx *tx, struct tenant_id tenant, struct str address,
                                int64_t now_ms, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE lead_emails SET bounced_at = $3 WHERE tenant_id = $1"
                          " AND address = $2 AND lead_id IN (SELECT lead_id FROM lead_identities"
                          " WHERE tenant_id = $1 AND kind = 'email' AND value = $2)"),
                   NULL, e, V_UUID(tenant.v), V_TEXT(address), V_I64(now_ms));
}

enum status store_tags_replace(struct tx *tx, struct tenant_id tenant, struct lead_id id,
                               const struct str *keys, size_t n, struct err *e) {
    TRY(DB_LATER(tx, DB_SQL("DELETE FROM lead_tags WHERE tenant_id = $1 AND lead_id = $2"), e,
                 V_UUID(tenant.v), V_UUID(id.v)));
    for (size_t i = 0; i < n; i++)
        TRY(DB_LATER(tx,
                     DB_SQL("INSERT INTO lead_tags (tenant_id, tag, lead_id) VALUES ($1, $2, $3)"
                            " ON CONFLICT DO NOTHING"),
                     e, V_UUID(tenant.v), V_TEXT(keys[i]), V_UUID(id.v)));
    return ST_OK;
}
