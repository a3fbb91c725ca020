/* store.h - the statements on conversations, messages and events; private to conversation/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/utf8.h"
#include "conversation/conversation.h"

/* --- cursor: "xid.seq", a place in the order of arrival ------------------------------------------------------------ */

struct cursor {
    int64_t xid, seq;
};

struct page_place {                      /* where a page of messages or events begins */
    struct tenant_id tenant;             /* nil: all, for events in the system's scope */
    struct conversation_id conversation; /* nil: all */
    struct cursor from;
    struct page_query page;
};

enum { STATES_MAX = 6 };
struct list_place {                /* where a page of conversations begins, and of which */
    struct str states[STATES_MAX]; /* at least one, the empty ones at the end */
    bool is_mine;
    struct user_id user;
    struct uuid label;
    bool is_unread;
    int64_t before_ms;
    struct uuid before;
    size_t limit;
};
/* Empty text is the start. ST_INVALID: not a cursor of ours. */
enum status cursor_parse(struct str text, struct cursor *ret, struct err *e) ATTR_MUST_CHECK;
struct str cursor_format(struct arena *a, int64_t xid, int64_t seq);

/* The bot answers within this, or people get the conversation. */
enum { BOT_ANSWER_MS = 10 * 60 * 1000 };

/* What store_conversation_row() reads, of conversations as c. */
#define CONVERSATION_COLUMNS                                                                                  \
    "c.id, c.account_id, c.lead_id, c.state, c.owner, c.owner_user, c.owner_version, c.inbound_count,"        \
    " c.answered_count, c.window_until, c.bot_state, c.handoff_reason, c.last_text, c.last_at, c.created_at," \
    " c.skill, c.summary, c.collected, c.waiting_since, c.assigned_at, c.unanswered_at, c.last_user,"         \
    " c.deadline_at, c.deadline_kind, c.deadline_step, c.read_count, c.labels"

/* A moment; 0: none. */
#define V_TIME(ms) V_I64_OPT((ms), (ms) != 0)

/* --- conversations --------------------------------------------------------------------------------------------------- */

/* The open one of (account, lead), locked; ST_NOT_FOUND. */
enum status store_conversation_find_open(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                         struct account_id account, struct lead_id lead,
                                         struct conversation *ret, struct err *e) ATTR_MUST_CHECK;
enum status store_conversation_insert(struct tx *tx, const struct conversation *c, int64_t now_ms,
                                      struct err *e) ATTR_MUST_CHECK;
enum status store_conversation_lock(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                    struct conversation_id id, struct conversation *ret,
                                    struct err *e) ATTR_MUST_CHECK;
/* With its lead's name and addresses. */
enum status store_conversation_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                   struct conversation_id id, struct conversation *ret,
                                   struct err *e) ATTR_MUST_CHECK;
/* Adds what a new inbound message changes: counts (by `counted`), window, preview. */
enum status store_conversation_inbound(struct tx *tx, const struct conversation *c, struct str text,
                                       int64_t window_until_ms, int counted, int64_t now_ms,
                                       struct err *e) ATTR_MUST_CHECK;
enum status store_conversation_preview(struct tx *tx, struct tenant_id tenant,
                                       struct conversation_id id, struct str text, int64_t now_ms,
                                       struct err *e) ATTR_MUST_CHECK;
/* Writes who owns it, why, and until when what must happen; owner_version goes up by one. */
enum status store_conversation_own(struct tx *tx, const struct conversation *c, int64_t now_ms,
                                   struct err *e) ATTR_MUST_CHECK;
enum status store_conversation_bot_state(struct tx *tx, struct tenant_id tenant,
                                         struct conversation_id id, struct str bot_state,
                                         int64_t answered, int64_t now_ms, struct err *e)
    ATTR_MUST_CHECK;
void store_conversation_row(const struct db_rows *rows, size_t i, struct tenant_id tenant,
                            struct conversation *ret);
/* Ids of all of a lead's. */
enum status store_conversation_ids_of(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                      struct lead_id lead, struct db_rows *ret, struct err *e)
    ATTR_MUST_CHECK;
/* One conversation of `from` is `into`'s. */
enum status store_conversation_give(struct tx *tx, struct tenant_id tenant,
                                    struct conversation_id id, struct lead_id from,
                                    struct lead_id into, struct err *e) ATTR_MUST_CHECK;
enum status store_conversation_move(struct tx *tx, struct tenant_id tenant, struct lead_id from,
                                    struct lead_id into, struct err *e) ATTR_MUST_CHECK;
/* The open ones of both, locked, by account and age. */
enum status store_conversations_of(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                   struct lead_id one, struct lead_id other, struct db_rows *ret,
                                   struct err *e) ATTR_MUST_CHECK;
/* What came in since then stands in another conversation from now on. */
enum status store_messages_move(struct tx *tx, const struct conversation *from,
                                const struct conversation *into, int64_t since_ms, struct err *e)
    ATTR_MUST_CHECK;
/* inbound_count, window, unanswered_at and deadline. */
enum status store_conversation_absorbed(struct tx *tx, const struct conversation *c, int64_t now_ms,
                                        struct err *e) ATTR_MUST_CHECK;

/* --- the team's view -------------------------------------------------------------------------------------------------- */

/* deadline_at, _kind, _step and waiting_since alone. */
enum status store_conversation_deadline(struct tx *tx, const struct conversation *c, struct err *e)
    ATTR_MUST_CHECK;
enum status store_conversation_answered(struct tx *tx, const struct conversation *c, int64_t now_ms,
                                        struct err *e) ATTR_MUST_CHECK;
/* Longest first, locked; those that another transaction holds are left out. */
enum status store_conversations_waiting(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                        size_t limit, struct db_rows *ret, struct err *e)
    ATTR_MUST_CHECK;
/* (user, number of open ones) */
enum status store_conversation_loads(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                     struct db_rows *ret, struct err *e) ATTR_MUST_CHECK;
/* Nil: no person had any of the lead's. */
enum status store_conversation_last_user(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                         struct lead_id lead, struct user_id *ret, struct err *e)
    ATTR_MUST_CHECK;
enum status store_conversation_counts(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                      int64_t now_ms, struct conversation_counts *ret,
                                      struct err *e) ATTR_MUST_CHECK;
/* (tenant, conversation) of all tenants whose deadline has come, oldest first; system scope. */
enum status store_conversations_due(struct arena *a, struct tx *tx, int64_t now_ms, size_t limit,
                                    struct db_rows *ret, struct err *e) ATTR_MUST_CHECK;
/* (tenant, conversation) that nothing would happen to; system scope. */
enum status store_conversations_astray(struct arena *a, struct tx *tx, size_t limit,
                                       struct db_rows *ret, struct err *e) ATTR_MUST_CHECK;
enum status store_conversation_put_off(struct tx *tx, struct tenant_id tenant,
                                       struct conversation_id id, int64_t at_ms, struct err *e)
    ATTR_MUST_CHECK;
/* Brings later deadlines of open ones forward to now. */
enum status store_conversations_look(struct tx *tx, struct tenant_id tenant, int64_t now_ms,
                                     struct err *e) ATTR_MUST_CHECK;
/* Who it is about and who has it; CONVERSATION_JOIN_PERSON brings the lead. */
#define CONVERSATION_PERSON_COLUMNS                                                                   \
    ", l.name, (SELECT i.address FROM lead_identities i WHERE i.tenant_id = c.tenant_id"              \
    " AND i.lead_id = c.lead_id AND i.kind = 'phone' ORDER BY i.updated_at DESC LIMIT 1),"            \
    " (SELECT i.address FROM lead_identities i WHERE i.tenant_id = c.tenant_id"                       \
    " AND i.lead_id = c.lead_id AND i.kind = 'user_id' ORDER BY i.updated_at DESC LIMIT 1),"          \
    " coalesce((SELECT u.name FROM users u WHERE u.tenant_id = c.tenant_id AND u.id = c.owner_user)," \
    " (SELECT k.name FROM api_keys k WHERE k.tenant_id = c.tenant_id AND k.id = c.owner_user))"
#define CONVERSATION_JOIN_PERSON " JOIN leads l ON l.tenant_id = c.tenant_id AND l.id = c.lead_id"

/* --- lists and what people mark (store_list.c) ------------------------------------------------------------------------ */

enum status store_conversation_page(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                    const struct list_place *place, struct db_rows *ret,
                                    struct err *e) ATTR_MUST_CHECK;
enum status store_conversations_of_lead(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                        struct lead_id lead, struct db_rows *ret, struct err *e)
    ATTR_MUST_CHECK;
/* Rows (what, label, n); what is a state's name, "mine", "unread" or "label". */
enum status store_queue_counts(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct user_id user, struct db_rows *ret, struct err *e)
    ATTR_MUST_CHECK;
/* *ret_changed: 0 when that many were seen already. */
enum status store_conversation_read(struct tx *tx, const struct conversation *c, int64_t count,
                                    int64_t now_ms, int64_t *ret_changed, struct err *e)
    ATTR_MUST_CHECK;
enum status store_conversation_labels(struct tx *tx, const struct conversation *c, struct str ids,
                                      int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
enum status store_conversation_label_add(struct tx *tx, const struct conversation *c,
                                         struct uuid label, struct err *e) ATTR_MUST_CHECK;

/* --- labels, notes, canned answers (store_label.c, store_note.c) -------------------------------------------------------- */

enum status store_labels(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct db_rows *ret, struct err *e) ATTR_MUST_CHECK;
enum status store_label_insert(struct tx *tx, struct tenant_id tenant, const struct label *label,
                               int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
enum status store_label_update(struct tx *tx, struct tenant_id tenant, const struct label *label,
                               int64_t now_ms, int64_t *ret_changed, struct err *e) ATTR_MUST_CHECK;
enum status store_labels_removed(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                 struct db_rows *ret, struct err *e) ATTR_MUST_CHECK;
enum status store_label_remove(struct tx *tx, struct tenant_id tenant, struct uuid id,
                               int64_t now_ms, int64_t *ret_changed, struct err *e) ATTR_MUST_CHECK;
enum status store_label_restore(struct tx *tx, struct tenant_id tenant, struct uuid id,
                                int64_t now_ms, int64_t *ret_changed, struct err *e)
    ATTR_MUST_CHECK;
/* (tenant, id) of one that was removed before then, of all tenants. */
enum status store_label_forgettable(struct arena *a, struct tx *tx, int64_t before_ms,
                                    struct db_rows *ret, struct err *e) ATTR_MUST_CHECK;
/* Off at most max conversations; fewer than that: and the label itself. */
enum status store_label_forget(struct tx *tx, struct tenant_id tenant, struct uuid id, int64_t max,
                               int64_t *ret_changed, struct err *e) ATTR_MUST_CHECK;
enum status store_notes(struct arena *a, struct tx *tx, struct tenant_id tenant,
                        struct conversation_id conversation, struct db_rows *ret, struct err *e)
    ATTR_MUST_CHECK;
enum status store_note(struct arena *a, struct tx *tx, struct tenant_id tenant, struct uuid id,
                       struct db_rows *ret, struct err *e) ATTR_MUST_CHECK;
enum status store_note_insert(struct tx *tx, const struct note *note, struct err *e)
    ATTR_MUST_CHECK;
enum status store_note_delete(struct tx *tx, struct tenant_id tenant, struct uuid id, struct err *e)
    ATTR_MUST_CHECK;
enum status store_canned(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct db_rows *ret, struct err *e) ATTR_MUST_CHECK;
enum status store_canned_insert(struct tx *tx, struct tenant_id tenant, const struct canned *canned,
                                int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
enum status store_canned_update(struct tx *tx, struct tenant_id tenant, const struct canned *canned,
                                int64_t now_ms, int64_t *ret_changed, struct err *e)
    ATTR_MUST_CHECK;
enum status store_canned_delete(struct tx *tx, struct tenant_id tenant, struct uuid id,
                                int64_t *ret_changed, struct err *e) ATTR_MUST_CHECK;

/* --- messages -------------------------------------------------------------------------------------------------------- */

enum status store_message_insert(struct arena *a, struct tx *tx, struct message *m, int rank,
                                 struct err *e) ATTR_MUST_CHECK;
enum status store_message_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct message_id id, struct message *ret, struct err *e)
    ATTR_MUST_CHECK;
/* At most MESSAGES_SOME; rows are messages, then the name of their person. */
enum status store_messages_some(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                const struct uuid *ids, size_t n, struct db_rows *ret,
                                struct err *e) ATTR_MUST_CHECK;
enum status store_message_find_provider(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                        struct account_id account, struct str provider_id,
                                        struct message *ret, struct err *e) ATTR_MUST_CHECK;
enum status store_message_find_client(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                      struct conversation_id conversation, struct str client_id,
                                      struct message *ret, struct err *e) ATTR_MUST_CHECK;
/* Writes status and its companions when the row's rank is still below `rank`; *ret_changed is 0 otherwise. */
enum status store_message_status(struct tx *tx, const struct message *m, int rank,
                                 int64_t *ret_changed, struct err *e) ATTR_MUST_CHECK;
enum status store_message_requeue(struct tx *tx, const struct message *m, int64_t now_ms,
                                  int64_t *ret_changed, struct err *e) ATTR_MUST_CHECK;
enum status store_message_edit(struct tx *tx, const struct message *m, struct str content,
                               struct str text, int64_t at_ms, struct err *e) ATTR_MUST_CHECK;
enum status store_message_media(struct tx *tx, struct tenant_id tenant, struct message_id id,
                                struct str media, int64_t at_ms, struct err *e) ATTR_MUST_CHECK;
enum status store_message_revoke(struct tx *tx, const struct message *m, int64_t at_ms,
                                 struct err *e) ATTR_MUST_CHECK;
/* Ids of the bot's and the house's messages still queued in the conversation, set to cancelled. */
enum status store_messages_cancel_bot(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                      struct conversation_id id, int64_t now_ms,
                                      struct db_rows *ret, struct err *e) ATTR_MUST_CHECK;
enum status store_message_page(struct arena *a, struct tx *tx, const struct page_place *place,
                               struct db_rows *ret, struct err *e) ATTR_MUST_CHECK;
void store_message_row(struct arena *a, const struct db_rows *rows, size_t i,
                       struct tenant_id tenant, struct message *ret);
/* The same of rows where the message begins in column `first`. */
void store_message_cells(struct arena *a, const struct db_rows *rows, size_t i, size_t first,
                         struct message *ret);

/* --- events ------------------------------------------------------------------------------------------------------------ */

enum status store_event_insert(struct tx *tx, const struct event *ev, struct err *e)
    ATTR_MUST_CHECK;
enum status store_event_page(struct arena *a, struct tx *tx, const struct page_place *place,
                             struct db_rows *ret, struct err *e) ATTR_MUST_CHECK;
/* Columns of an event, then of its message where it was new then (NULL otherwise). */
enum status store_event_feed(struct arena *a, struct tx *tx, struct cursor from, size_t limit,
                             struct db_rows *ret, struct err *e) ATTR_MUST_CHECK;
enum { EVENT_COLUMNS = 9 };
enum status store_events_of_lead(struct arena *a, struct tx *tx, struct lead_id lead,
                                 const struct page_place *place, struct db_rows *ret, struct err *e)
    ATTR_MUST_CHECK;
enum status store_event_last(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             struct cursor *ret, struct err *e) ATTR_MUST_CHECK;
enum status store_seen_insert(struct tx *tx, const struct seen_event *seen, int64_t now_ms,
                              int64_t *ret_inserted, struct err *e) ATTR_MUST_CHECK;
/* dedup, inbox_id, at of the events about one message, oldest first. */
enum status store_seen_calls(struct arena *a, struct tx *tx, const struct message *m,
                             struct db_rows *ret, struct err *e) ATTR_MUST_CHECK;

/* --- store_trouble.c: what went wrong, and what is known about one message ---------------------------------------------- */

enum status store_trouble_groups(struct arena *a, struct tx *tx, const struct trouble_query *query,
                                 size_t max, struct db_rows *ret, struct err *e) ATTR_MUST_CHECK;
enum status store_trouble_ids(struct arena *a, struct tx *tx, const struct trouble_query *query,
                              struct db_rows *ret, struct err *e) ATTR_MUST_CHECK;
enum status store_message_events(struct arena *a, struct tx *tx, const struct message *m,
                                 size_t max, struct db_rows *ret, struct err *e) ATTR_MUST_CHECK;
/* Rows of the columns xid, seq, id, tenant_id, conversation_id, message_id, kind, data, at. */
void event_page_of(struct arena *a, const struct db_rows *rows, size_t limit,
                   struct event_page *ret);
