/* store_note.c - SQL of notes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conversation/store.h"

#define NOTE_COLUMNS "id, conversation_id, user_id, author, text, created_at"

enum status store_notes(struct arena *a, struct tx *tx, struct tenant_id tenant,
                        struct conversation_id conversation, struct db_rows *ret, struct err *e) {
    return DB_QUERY(a, tx,
                    DB_SQL("SELECT " NOTE_COLUMNS " FROM conversation_notes WHERE tenant_id = $1"
                           " AND conversation_id = $2 ORDER BY id LIMIT 5000"),
                    ret, e, V_UUID(tenant.v), V_UUID(conversation.v));
}

enum status store_note(struct arena *a, struct tx *tx, struct tenant_id tenant, struct uuid id,
                       struct db_rows *ret, struct err *e) {
    return DB_QUERY(a, tx,
                    DB_SQL("SELECT " NOTE_COLUMNS " FROM conversation_notes WHERE tenant_id = $1"
                           " AND id = $2"),
                    ret, e, V_UUID(tenant.v), V_UUID(id));
}

enum status store_note_insert(struct tx *tx, const struct note *note, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("INSERT INTO conversation_notes"
                          " (id, tenant_id, conversation_id, user_id, author, text, created_at)"
                          " VALUES ($1, $2, $3, $4, $5, $6, $7)"),
                   NULL, e, V_UUID(note->id), V_UUID(note->tenant.v), V_UUID(note->conversation.v),
                   V_UUID(note->user.v), V_TEXT(note->author), V_TEXT(note->text),
                   V_I64(note->created_at_ms));
}

enum status store_note_delete(struct tx *tx, struct tenant_id tenant, struct uuid id,
                              struct err *e) {
    return DB_EXEC(tx, DB_SQL("DELETE FROM conversation_notes WHERE tenant_id = $1 AND id = $2"),
                   NULL, e, V_UUID(tenant.v), V_UUID(id));
}
