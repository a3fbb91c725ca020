/* note.c - what we write to ourselves about a conversation. The event carries the id alone: the record is append-only, and a
 * deleted note must be gone.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conversation/store.h"

static void note_row(const struct db_rows *rows, size_t i, struct tenant_id tenant,
                     struct note *ret) {
    *ret = (struct note){
        .id = db_uuid(rows, i, 0),
        .tenant = tenant,
        .conversation.v = db_uuid(rows, i, 1),
        .user.v = db_uuid(rows, i, 2),
        .author = db_text(rows, i, 3),
        .text = db_text(rows, i, 4),
        .created_at_ms = db_i64(rows, i, 5),
    };
}

enum status note_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                      struct conversation_id conversation, struct note **ret, size_t *ret_n,
                      struct err *e) {
    struct db_rows rows;

    TRY(store_notes(a, tx, tenant, conversation, &rows, e));
    *ret = arena_array_of(a, rows.n + 1, struct note);
    *ret_n = rows.n;
    for (size_t i = 0; i < rows.n; i++)
        note_row(&rows, i, tenant, &(*ret)[i]);
    return ST_OK;
}

enum status note_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct uuid id,
                     struct note *ret, struct err *e) {
    struct db_rows rows;

    TRY(store_note(a, tx, tenant, id, &rows, e));
    if (rows.n == 0)
        FAIL(e, ST_NOT_FOUND, "no such note");
    note_row(&rows, 0, tenant, ret);
    return ST_OK;
}

static enum status add_event(struct arena *a, struct tx *tx, const struct note *note,
                             const char *kind, int64_t now_ms, struct err *e) {
    struct str id = uuid_format(a, note->id);

    return event_add(tx,
                     (struct event){.tenant = note->tenant,
                                    .conversation = note->conversation,
                                    .kind = str_of(kind),
                                    .data = arena_printf(a, "{\"note\":\"%.*s\"}", STR_ARG(id)),
                                    .at_ms = now_ms},
                     e);
}

enum status note_add(struct arena *a, struct tx *tx, struct note *note, int64_t now_ms,
                     struct err *e) {
    struct conversation c;

    if (str_trim(note->text).len == 0 || utf8_count(note->text) > NOTE_MAX)
        FAIL(e, ST_INVALID, "text: 1 to %d characters", NOTE_MAX);
    TRY(store_conversation_lock(a, tx, note->tenant, note->conversation, &c, e)); /* or a 404 */
    note->id = uuid_new();
    note->created_at_ms = now_ms;
    TRY(store_note_insert(tx, note, e));
    return add_event(a, tx, note, "note.added", now_ms, e);
}

enum status note_remove(struct arena *a, struct tx *tx, const struct note *note, int64_t now_ms,
                        struct err *e) {
    TRY(store_note_delete(tx, note->tenant, note->id, e));
    return add_event(a, tx, note, "note.deleted", now_ms, e);
}
