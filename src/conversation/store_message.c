/* store_message.c - SQL of messages and events, and the cursor both are paged by.
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "conversation/store.h"

/* What may be read in order of arrival: rows of transactions older than every one still running, so that no row appears
 * behind a cursor that has passed its place. SQLite has one writer, whose rows commit in their order. */
#define SETTLED "xid < (SELECT settled_before())"

#define COLUMNS                                                                                              \
    "xid, seq, id, conversation_id, account_id, direction, owner, owner_user, owner_version, type, content," \
    " text, reply_to, sender, provider_id, client_id, turn_id, status, error_code, error_reason, edited_at," \
    " revoked_at, provider_at, created_at, updated_at, error_cause, media"

enum status cursor_parse(struct str text, struct cursor *ret, struct err *e) {
    struct str head;
    struct cursor c = {0};

    if (text.len > 0) {
        bool is_pair = str_cut(&text, '.', &head);

        if (!is_pair || !str_parse_i64(head, 0, INT64_MAX, &c.xid) ||
            !str_parse_i64(text, 0, INT64_MAX, &c.seq))
            FAIL(e, ST_INVALID, "the cursor is not one that this server gave");
    }
    *ret = c;
    return ST_OK;
}

struct str cursor_format(struct arena *a, int64_t xid, int64_t seq) {
    return arena_printf(a, "%lld.%lld", (long long)xid, (long long)seq);
}

void store_message_cells(struct arena *a, const struct db_rows *rows, size_t i, size_t first,
                         struct message *ret) {
    *ret = (struct message){
        .cursor = cursor_format(a, db_i64(rows, i, first), db_i64(rows, i, first + 1)),
        .id.v = db_uuid(rows, i, first + 2),
        .conversation.v = db_uuid(rows, i, first + 3),
        .account.v = db_uuid(rows, i, first + 4),
        .direction = db_text(rows, i, first + 5),
        .owner = db_text(rows, i, first + 6),
        .owner_user.v = db_uuid(rows, i, first + 7),
        .owner_version = db_i64(rows, i, first + 8),
        .type = db_text(rows, i, first + 9),
        .content = db_text(rows, i, first + 10),
        .text = db_text(rows, i, first + 11),
        .reply_to = db_text(rows, i, first + 12),
        .sender = db_text(rows, i, first + 13),
        .provider_id = db_text(rows, i, first + 14),
        .client_id = db_text(rows, i, first + 15),
        .turn = db_uuid(rows, i, first + 16),
        .status = db_text(rows, i, first + 17),
        .error_code = db_i64(rows, i, first + 18),
        .error_reason = db_text(rows, i, first + 19),
        .edited_at_ms = db_i64(rows, i, first + 20),
        .revoked_at_ms = db_i64(rows, i, first + 21),
        .provider_at_ms = db_i64(rows, i, first + 22),
        .created_at_ms = db_i64(rows, i, first + 23),
        .updated_at_ms = db_i64(rows, i, first + 24),
        .error_cause = db_text(rows, i, first + 25),
    };
}

void store_message_row(struct arena *a, const struct db_rows *rows, size_t i,
                       struct tenant_id tenant, struct message *ret) {
    store_message_cells(a, rows, i, 0, ret);
    ret->tenant = tenant;
    ret->media = db_text(rows, i, 26);
}

static enum status one(struct arena *a, const struct db_rows *rows, struct tenant_id tenant,
                       struct message *ret, struct err *e) {
    if (rows->n == 0)
        FAIL(e, ST_NOT_FOUND, "no such message");
    store_message_row(a, rows, 0, tenant, ret);
    return ST_OK;
}

enum status store_message_insert(struct arena *a, struct tx *tx, struct message *m, int rank,
                                 struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(
        a, tx,
        DB_SQL(
            "INSERT INTO messages (id, tenant_id, conversation_id, account_id, direction, owner,"
            " owner_user, owner_version, type, content, text, reply_to, sender, provider_id, client_id,"
            " turn_id, status, status_rank, provider_at, created_at, updated_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,"
            " $19, $20, $20) RETURNING xid, seq"),
        &rows, e, V_UUID(m->id.v), V_UUID(m->tenant.v), V_UUID(m->conversation.v),
        V_UUID(m->account.v), V_TEXT(m->direction), V_TEXT(m->owner), V_UUID_OPT(m->owner_user.v),
        V_I64(m->owner_version), V_TEXT(m->type), V_TEXT(m->content), V_TEXT(m->text),
        V_TEXT(m->reply_to), V_TEXT(m->sender), V_TEXT_OPT(m->provider_id),
        V_TEXT_OPT(m->client_id), V_UUID_OPT(m->turn), V_TEXT(m->status), V_I64(rank),
        V_I64(m->provider_at_ms), V_I64(m->created_at_ms)));
    m->cursor = cursor_format(a, db_i64(&rows, 0, 0), db_i64(&rows, 0, 1));
    return ST_OK;
}

enum status store_message_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct message_id id, struct message *ret, struct err *e) {
#define GET "SELECT " COLUMNS " FROM messages WHERE tenant_id = $1 AND id = $2"
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, DB_SQL(GET), &rows, e, V_UUID(tenant.v), V_UUID(id.v)));
    return one(a, &rows, tenant, ret, e);
}

enum status store_messages_some(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                const struct uuid *ids, size_t n, struct db_rows *ret,
                                struct err *e) {
    struct db_val vals[1 + MESSAGES_SOME] = {V_UUID(tenant.v)};

    assert(n <= MESSAGES_SOME);
    for (size_t i = 0; i < MESSAGES_SOME; i++) {
        struct uuid none = {0};
        const struct uuid *id = i < n ? &ids[i] : &none;

        vals[1 + i] = V_UUID(*id);
    }
    return db_query_vals(
        a, tx,
        DB_SQL("SELECT m.xid, m.seq, m.id, m.conversation_id, m.account_id, m.direction, m.owner,"
               " m.owner_user, m.owner_version, m.type, m.content, m.text, m.reply_to, m.sender,"
               " m.provider_id, m.client_id, m.turn_id, m.status, m.error_code, m.error_reason,"
               " m.edited_at, m.revoked_at, m.provider_at, m.created_at, m.updated_at,"
               " m.error_cause, m.media, l.name FROM messages m"
               " JOIN conversations c ON c.tenant_id = m.tenant_id AND c.id = m.conversation_id"
               " JOIN leads l ON l.tenant_id = c.tenant_id AND l.id = c.lead_id"
               " WHERE m.tenant_id = $1 AND m.id IN ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,"
               " $13, $14, $15, $16, $17, $18, $19, $20, $21)"),
        vals, ARRAY_LEN(vals), 0, ret, e);
}

enum status store_message_find_provider(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                        struct account_id account, struct str provider_id,
                                        struct message *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT " COLUMNS " FROM messages"
                        " WHERE tenant_id = $1 AND account_id = $2 AND provider_id = $3"),
                 &rows, e, V_UUID(tenant.v), V_UUID(account.v), V_TEXT(provider_id)));
    return one(a, &rows, tenant, ret, e);
}

enum status store_message_find_client(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                      struct conversation_id conversation, struct str client_id,
                                      struct message *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT " COLUMNS " FROM messages"
                        " WHERE tenant_id = $1 AND conversation_id = $2 AND client_id = $3"),
                 &rows, e, V_UUID(tenant.v), V_UUID(conversation.v), V_TEXT(client_id)));
    return one(a, &rows, tenant, ret, e);
}

enum status store_message_status(struct tx *tx, const struct message *m, int rank,
                                 int64_t *ret_changed, struct err *e) {
    return DB_EXEC(
        tx,
        DB_SQL(
            "UPDATE messages SET status = $3, status_rank = $4, error_code = $5, error_reason = $6,"
            " provider_id = CASE WHEN provider_id IS NULL THEN $7 ELSE provider_id END,"
            " updated_at = $8, error_cause = $9 WHERE tenant_id = $1 AND id = $2 AND status_rank < $4"),
        ret_changed, e, V_UUID(m->tenant.v), V_UUID(m->id.v), V_TEXT(m->status), V_I64(rank),
        V_I64(m->error_code), V_TEXT(m->error_reason), V_TEXT_OPT(m->provider_id),
        V_I64(m->updated_at_ms), V_TEXT(m->error_cause));
}

enum status store_message_requeue(struct tx *tx, const struct message *m, int64_t now_ms,
                                  int64_t *ret_changed, struct err *e) {
    return DB_EXEC(
        tx,
        DB_SQL(
            "UPDATE messages SET status = 'queued', status_rank = 10, error_code = 0,"
            " error_reason = '', error_cause = '', updated_at = $3, owner_version = $4 WHERE tenant_id = $1 AND id = $2"
            " AND status IN ('sending', 'failed', 'uncertain')"),
        ret_changed, e, V_UUID(m->tenant.v), V_UUID(m->id.v), V_I64(now_ms),
        V_I64(m->owner_version));
}

enum status store_message_edit(struct tx *tx, const struct message *m, struct str content,
                               struct str text, int64_t at_ms, struct err *e) {
    return DB_LATER(
        tx,
        DB_SQL("UPDATE messages SET content = $3, text = $4, edited_at = $5, updated_at = $5"
               " WHERE tenant_id = $1 AND id = $2"),
        e, V_UUID(m->tenant.v), V_UUID(m->id.v), V_TEXT(content), V_TEXT(text), V_I64(at_ms));
}

enum status store_message_media(struct tx *tx, struct tenant_id tenant, struct message_id id,
                                struct str media, int64_t at_ms, struct err *e) {
    return DB_LATER(tx,
                    DB_SQL("UPDATE messages SET media = $3, updated_at = $4"
                           " WHERE tenant_id = $1 AND id = $2"),
                    e, V_UUID(tenant.v), V_UUID(id.v), V_TEXT(media), V_I64(at_ms));
}

enum status store_message_revoke(struct tx *tx, const struct message *m, int64_t at_ms,
                                 struct err *e) {
    return DB_LATER(tx,
                    DB_SQL("UPDATE messages SET revoked_at = $3, updated_at = $3"
                           " WHERE tenant_id = $1 AND id = $2"),
                    e, V_UUID(m->tenant.v), V_UUID(m->id.v), V_I64(at_ms));
}

enum status store_messages_cancel_bot(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                      struct conversation_id id, int64_t now_ms,
                                      struct db_rows *ret, struct err *e) {
    return DB_QUERY(
        a, tx,
        DB_SQL("UPDATE messages SET status = 'cancelled', status_rank = 99, updated_at = $3"
               " WHERE tenant_id = $1 AND conversation_id = $2"
               " AND owner IN ('bot', 'system') AND status = 'queued' RETURNING id"),
        ret, e, V_UUID(tenant.v), V_UUID(id.v), V_I64(now_ms));
}

#define PAGE       "SELECT " COLUMNS " FROM messages WHERE tenant_id = $1"
#define PAGE_AFTER " AND (xid, seq) > ($2, $3)"
#define PAGE_OF    " AND conversation_id = $5"
#define PAGE_ASC   " ORDER BY xid, seq LIMIT $4"

static enum status page_back(struct arena *a, struct tx *tx, const struct page_place *place,
                             struct db_rows *ret, struct err *e) {
    struct cursor from = place->from;

    if (from.xid == 0 && from.seq == 0)
        from = (struct cursor){INT64_MAX, INT64_MAX};
    return DB_QUERY(
        a, tx,
        DB_SQL(PAGE " AND (xid, seq) < ($2, $3)" PAGE_OF " ORDER BY xid DESC, seq DESC LIMIT $4"),
        ret, e, V_UUID(place->tenant.v), V_I64(from.xid), V_I64(from.seq),
        V_I64((int64_t)place->page.limit), V_UUID(place->conversation.v));
}

enum status store_message_page(struct arena *a, struct tx *tx, const struct page_place *place,
                               struct db_rows *ret, struct err *e) {
    struct tenant_id tenant = place->tenant;
    struct conversation_id conversation = place->conversation;
    struct cursor from = place->from;
    int64_t limit = (int64_t)place->page.limit;

    if (place->page.is_backward)
        return page_back(a, tx, place, ret, e);
    if (uuid_is_nil(conversation.v))
        return DB_QUERY(a, tx,
                        DB_SQL2(PAGE PAGE_AFTER PAGE_ASC, PAGE PAGE_AFTER " AND " SETTLED PAGE_ASC),
                        ret, e, V_UUID(tenant.v), V_I64(from.xid), V_I64(from.seq), V_I64(limit));
    return DB_QUERY(
        a, tx,
        DB_SQL2(PAGE PAGE_AFTER PAGE_OF PAGE_ASC, PAGE PAGE_AFTER PAGE_OF " AND " SETTLED PAGE_ASC),
        ret, e, V_UUID(tenant.v), V_I64(from.xid), V_I64(from.seq), V_I64(limit),
        V_UUID(conversation.v));
}

/* --- events ------------------------------------------------------------------------------------------------------- */

enum status store_event_insert(struct tx *tx, const struct event *ev, struct err *e) {
    return DB_LATER(tx,
                    DB_SQL("INSERT INTO conversation_events"
                           " (id, tenant_id, conversation_id, message_id, kind, data, at)"
                           " VALUES ($1, $2, $3, $4, $5, $6, $7)"),
                    e, V_UUID(ev->id), V_UUID(ev->tenant.v), V_UUID_OPT(ev->conversation.v),
                    V_UUID_OPT(ev->message.v), V_TEXT(ev->kind), V_TEXT(ev->data),
                    V_I64(ev->at_ms));
}

#define EVENTS                                                                                             \
    "SELECT xid, seq, id, tenant_id, conversation_id, message_id, kind, data, at FROM conversation_events" \
    " WHERE (xid, seq) > ($1, $2)"
#define EVENTS_ASC        " ORDER BY xid, seq LIMIT $3"
#define EVENTS_TENANT     " AND tenant_id = $4"
#define EVENTS_OF         " AND conversation_id = $5"
#define EVENTS_SQL(where) DB_SQL2(EVENTS where EVENTS_ASC, EVENTS where " AND " SETTLED EVENTS_ASC)

enum status store_event_page(struct arena *a, struct tx *tx, const struct page_place *place,
                             struct db_rows *ret, struct err *e) {
    struct tenant_id tenant = place->tenant;
    struct conversation_id conversation = place->conversation;
    struct cursor from = place->from;
    int64_t limit = (int64_t)place->page.limit;

    if (uuid_is_nil(tenant.v)) /* the live feed of this node serves all tenants: system scope */
        return DB_QUERY(a, tx, EVENTS_SQL(""), ret, e, V_I64(from.xid), V_I64(from.seq),
                        V_I64(limit));
    if (uuid_is_nil(conversation.v))
        return DB_QUERY(a, tx, EVENTS_SQL(EVENTS_TENANT), ret, e, V_I64(from.xid), V_I64(from.seq),
                        V_I64(limit), V_UUID(tenant.v));
    return DB_QUERY(a, tx, EVENTS_SQL(EVENTS_TENANT EVENTS_OF), ret, e, V_I64(from.xid),
                    V_I64(from.seq), V_I64(limit), V_UUID(tenant.v), V_UUID(conversation.v));
}

/* A message is fed once, by the event of its being new: that one tells its type, a change of status does not. */
enum status store_event_feed(struct arena *a, struct tx *tx, struct cursor from, size_t limit,
                             struct db_rows *ret, struct err *e) {
#define FEED_EVENTS                                                                                   \
    "SELECT v.xid, v.seq, v.id, v.tenant_id, v.conversation_id, v.message_id, v.kind, v.data, v.at,"  \
    " m.xid, m.seq, m.id, m.conversation_id, m.account_id, m.direction, m.owner, m.owner_user,"       \
    " m.owner_version, m.type, m.content, m.text, m.reply_to, m.sender, m.provider_id,"               \
    " m.client_id, m.turn_id, m.status, m.error_code, m.error_reason, m.edited_at, m.revoked_at,"     \
    " m.provider_at, m.created_at, m.updated_at, m.error_cause FROM (SELECT xid, seq, id, tenant_id," \
    " conversation_id, message_id, kind, data, at FROM conversation_events WHERE (xid, seq) > ($1, $2)"
#define FEED_MESSAGES                                                                               \
    " ORDER BY xid, seq LIMIT $3) AS v LEFT JOIN messages m ON m.tenant_id = v.tenant_id"           \
    " AND m.id = v.message_id AND v.kind IN ('message.received', 'message.queued', 'message.sent')" \
    " AND substr(v.data, 1, 8) = '{\"owner\"' ORDER BY v.xid, v.seq"
    return DB_QUERY(a, tx,
                    DB_SQL2(FEED_EVENTS FEED_MESSAGES, FEED_EVENTS " AND " SETTLED FEED_MESSAGES),
                    ret, e, V_I64(from.xid), V_I64(from.seq), V_I64((int64_t)limit));
}

enum status store_event_last(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             struct cursor *ret, struct err *e) {
#define LAST      "SELECT xid, seq FROM conversation_events WHERE ($1 IS NULL OR tenant_id = $1)"
#define LAST_DESC " ORDER BY xid DESC, seq DESC LIMIT 1"
    struct db_rows rows;

    *ret = (struct cursor){0};
    TRY(DB_QUERY(a, tx, DB_SQL2(LAST LAST_DESC, LAST " AND " SETTLED LAST_DESC), &rows, e,
                 V_UUID_OPT(tenant.v)));
    if (rows.n > 0)
        *ret = (struct cursor){db_i64(&rows, 0, 0), db_i64(&rows, 0, 1)};
    return ST_OK;
}
