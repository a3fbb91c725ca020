/* store_list.c - SQL of the inbox: a page of a queue, how many there are, what is read and labelled.
 *
 * A queue is a set of states. Each state is one walk, newest first, over an index that ends in (last_at, id); the walks
 * are cut at the page's size and merged. So a page costs the same at its first and its last place, in a queue of ten and of
 * a million. A state that is not asked for is the empty text and matches nothing.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conversation/store.h"

#define NEWEST " ORDER BY last_at DESC, id DESC LIMIT $4"
#define WALK(state, more)                                                                          \
    "SELECT id, last_at FROM (SELECT id, last_at FROM conversations WHERE tenant_id = $1"          \
    " AND state = " state more " AND (last_at, id) < ($2, $3)" NEWEST ") AS w"
#define ANY(state)    WALK(state, "")
#define UNREAD(state) WALK(state, " AND inbound_count > read_count")
#define LABELLED_WALK(state, more)                                                                 \
    "SELECT id, last_at FROM (SELECT conversation_id AS id, last_at FROM conversation_labels b"    \
    " WHERE tenant_id = $1 AND label_id = $5 AND state = " state                                   \
    " AND (last_at, conversation_id) < ($2, $3)" more                                              \
    " ORDER BY last_at DESC, conversation_id DESC LIMIT $4) AS w"
#define LABELLED(state) LABELLED_WALK(state, "")
#define LABELLED_UNREAD(state)                                                                     \
    LABELLED_WALK(state, " AND EXISTS (SELECT 1 FROM conversations u"                              \
                         " WHERE u.tenant_id = b.tenant_id AND u.id = b.conversation_id"           \
                         " AND u.inbound_count > u.read_count)")
#define ONE(walk)  walk("$5")
#define TWO(walk)  ONE(walk) " UNION ALL " walk("$6")
#define FOUR(walk) TWO(walk) " UNION ALL " walk("$7") " UNION ALL " walk("$8")
#define SIX(walk)  FOUR(walk) " UNION ALL " walk("$9") " UNION ALL " walk("$10")
#define PAGE(walks)                                                                                \
    "SELECT " CONVERSATION_COLUMNS CONVERSATION_PERSON_COLUMNS                                     \
    " FROM (SELECT id, last_at FROM (" walks ") AS walks" NEWEST ") AS p"                          \
    " JOIN conversations c ON c.tenant_id = $1 AND c.id = p.id" CONVERSATION_JOIN_PERSON           \
    " ORDER BY p.last_at DESC, p.id DESC"

#define ONE_OF(walk)  walk("$6")
#define TWO_OF(walk)  ONE_OF(walk) " UNION ALL " walk("$7")
#define FOUR_OF(walk) TWO_OF(walk) " UNION ALL " walk("$8") " UNION ALL " walk("$9")
#define SIX_OF(walk)  FOUR_OF(walk) " UNION ALL " walk("$10") " UNION ALL " walk("$11")

/* By number of states: a walk that is not needed would still have to be planned, which takes as long as to walk it. */
#define PAGES(walk)                                                                                \
    {                                                                                              \
        DB_SQL(PAGE(ONE(walk))), DB_SQL(PAGE(TWO(walk))), DB_SQL(PAGE(FOUR(walk))),                \
            DB_SQL(PAGE(SIX(walk)))                                                                \
    }
#define PAGES_OF(walk)                                                                             \
    {                                                                                              \
        DB_SQL(PAGE(ONE_OF(walk))), DB_SQL(PAGE(TWO_OF(walk))), DB_SQL(PAGE(FOUR_OF(walk))),       \
            DB_SQL(PAGE(SIX_OF(walk)))                                                             \
    }
static const size_t walks_of[] = {1, 2, 4, 6};
static const struct db_sql pages_any[] = PAGES(ANY);
static const struct db_sql pages_unread[] = PAGES(UNREAD);
static const struct db_sql pages_labelled[] = PAGES_OF(LABELLED);
static const struct db_sql pages_labelled_unread[] = PAGES_OF(LABELLED_UNREAD);

static enum status page_mine(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             const struct list_place *place, struct db_rows *ret, struct err *e) {
#define MINE                                                                                       \
    "SELECT id, last_at FROM conversations m WHERE tenant_id = $1 AND owner_user = $5"             \
    " AND state = 'assigned' AND (last_at, id) < ($2, $3)"                                         \
    " AND ($6 = 0 OR inbound_count > read_count) AND ($7 = 0 OR EXISTS (SELECT 1"                  \
    " FROM conversation_labels b WHERE b.tenant_id = $1 AND b.conversation_id = m.id"              \
    " AND b.label_id = $8))"
    return DB_QUERY(a, tx, DB_SQL(PAGE(MINE)), ret, e, V_UUID(tenant.v), V_I64(place->before_ms),
                    V_UUID(place->before), V_I64((int64_t)place->limit), V_UUID(place->user.v),
                    V_I64(place->is_unread), V_I64(!uuid_is_nil(place->label)),
                    V_UUID(place->label));
}

enum status store_conversation_page(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                    const struct list_place *place, struct db_rows *ret,
                                    struct err *e) {
    bool is_labelled = !uuid_is_nil(place->label);
    const struct db_sql *any = is_labelled ? pages_labelled : pages_any;
    const struct db_sql *unread = is_labelled ? pages_labelled_unread : pages_unread;
    struct db_val vals[5 + STATES_MAX] = {V_UUID(tenant.v), V_I64(place->before_ms),
                                          V_UUID(place->before), V_I64((int64_t)place->limit),
                                          V_UUID(place->label)};
    size_t first = is_labelled ? 5 : 4, i = 0;

    if (place->is_mine)
        return page_mine(a, tx, tenant, place, ret, e);
    for (size_t k = 0; k < STATES_MAX; k++)
        vals[first + k] = V_TEXT(place->states[k]);
    while (walks_of[i] < STATES_MAX && place->states[walks_of[i]].len > 0)
        i++;
    return db_query_vals(a, tx, place->is_unread ? unread[i] : any[i], vals, first + walks_of[i], 0,
                         ret, e);
}

enum status store_conversations_of_lead(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                        struct lead_id lead, struct db_rows *ret, struct err *e) {
    return DB_QUERY(a, tx,
                    DB_SQL("SELECT " CONVERSATION_COLUMNS CONVERSATION_PERSON_COLUMNS
                           " FROM conversations c" CONVERSATION_JOIN_PERSON
                           " WHERE c.tenant_id = $1 AND c.lead_id = $2"
                           " ORDER BY c.last_at DESC, c.id DESC LIMIT 100"),
                    ret, e, V_UUID(tenant.v), V_UUID(lead.v));
}

/* Each count reads at most $3 entries of an index. */
#define COUNT(what, where)                                                                         \
    "SELECT " what                                                                                 \
    " AS what, $4::uuid AS label, (SELECT count(*) FROM (SELECT 1 FROM conversations"              \
    " WHERE tenant_id = $1 AND " where " LIMIT $3) AS s) AS n"
#define COUNT_STATE(state)  COUNT("'" state "'", "state = '" state "'")
#define COUNT_UNREAD(state) COUNT("'unread'", "state = '" state "' AND inbound_count > read_count")
#define COUNT_LABELS                                                                               \
    "SELECT 'label', d.id, (SELECT count(*) FROM (SELECT 1 FROM conversation_labels b"             \
    " WHERE b.tenant_id = d.tenant_id AND b.label_id = d.id"                                       \
    " AND b.state IN ('pending', 'progress', 'waiting_agent', 'assigned') LIMIT $3) AS s)"         \
    " FROM labels d WHERE d.tenant_id = $1 AND d.removed_at = 0"

enum status store_queue_counts(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct user_id user, struct db_rows *ret, struct err *e) {
    return DB_QUERY(
        a, tx,
        DB_SQL(COUNT_STATE("pending") " UNION ALL " COUNT_STATE("progress") " UNION ALL " COUNT_STATE("waiting_agent") " UNION ALL " COUNT_STATE("assigned") " UNION ALL " COUNT(
            "'mine'",
            "state = 'assigned' AND owner_user = $2") " UNION ALL " COUNT_UNREAD("waiting_agent") " UNION ALL " COUNT_UNREAD("assigned") " UNION ALL " COUNT_LABELS),
        ret, e, V_UUID(tenant.v), V_UUID(user.v), V_I64(CONVERSATION_COUNT_MAX),
        V_UUID_OPT(((struct uuid){{0}})));
}

enum status store_conversation_read(struct tx *tx, const struct conversation *c, int64_t count,
                                    int64_t now_ms, int64_t *ret_changed, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE conversations SET updated_at = $4, read_count ="
                          " CASE WHEN inbound_count < $3 THEN inbound_count ELSE $3 END"
                          " WHERE tenant_id = $1 AND id = $2 AND read_count < inbound_count"
                          " AND read_count < $3"),
                   ret_changed, e, V_UUID(c->tenant.v), V_UUID(c->id.v), V_I64(count),
                   V_I64(now_ms));
}

enum status store_conversation_labels(struct tx *tx, const struct conversation *c, struct str ids,
                                      int64_t now_ms, struct err *e) {
    TRY(DB_EXEC(tx,
                DB_SQL("DELETE FROM conversation_labels WHERE tenant_id = $1"
                       " AND conversation_id = $2"),
                NULL, e, V_UUID(c->tenant.v), V_UUID(c->id.v)));
    return DB_EXEC(tx,
                   DB_SQL("UPDATE conversations SET labels = $3, updated_at = $4"
                          " WHERE tenant_id = $1 AND id = $2"),
                   NULL, e, V_UUID(c->tenant.v), V_UUID(c->id.v), V_TEXT(ids), V_I64(now_ms));
}

enum status store_conversation_label_add(struct tx *tx, const struct conversation *c,
                                         struct uuid label, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("INSERT INTO conversation_labels"
                          " (tenant_id, conversation_id, label_id, state, last_at)"
                          " VALUES ($1, $2, $3, $4, $5)"),
                   NULL, e, V_UUID(c->tenant.v), V_UUID(c->id.v), V_UUID(label), V_TEXT(c->state),
                   V_I64(c->last_at_ms));
}

/* The index of steps leaves out the messages' own events, which are by far the most. */
enum status store_events_of_lead(struct arena *a, struct tx *tx, struct lead_id lead,
                                 const struct page_place *place, struct db_rows *ret,
                                 struct err *e) {
    struct cursor from = place->from;

    if (from.xid == 0 && from.seq == 0)
        from = (struct cursor){INT64_MAX, INT64_MAX};
    return DB_QUERY(
        a, tx,
        DB_SQL("SELECT xid, seq, id, tenant_id, conversation_id, message_id, kind, data,"
               " at FROM conversation_events WHERE tenant_id = $1 AND conversation_id IN"
               " (SELECT id FROM conversations WHERE tenant_id = $1 AND lead_id = $2)"
               " AND substr(kind, 1, 8) <> 'message.' AND (xid, seq) < ($3, $4)"
               " ORDER BY xid DESC, seq DESC LIMIT $5"),
        ret, e, V_UUID(place->tenant.v), V_UUID(lead.v), V_I64(from.xid), V_I64(from.seq),
        V_I64((int64_t)place->page.limit));
}
