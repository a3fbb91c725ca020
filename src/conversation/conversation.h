/* conversation.h - one person's talk with one of our accounts: who owns it, what was said, in which order.
 *
 *   pending → progress → waiting_agent → assigned → progress | agent_closed       progress → expired
 *
 * Owner is the bot, a person of ours, or nobody while it waits for one. Every change of owner raises owner_version; a
 * message of the bot is queued only by comparing owner and version in the same transaction, so the bot never speaks
 * over a person. Everything that happens appends an event. Functions run inside the caller's transaction.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "consent/consent.h"
#include "db/db.h"
#include "lead/lead.h"
#include "provider/provider.h"
#include "queue/queue.h"
#include "team/team.h"

#define CONVERSATION_TURN_JOB                                                                      \
    "bot.turn" /* payload {"conversation"}; lane and key are the conversation's */
#define CONVERSATION_SAY_JOB                                                                       \
    "conversation.say" /* payload {"conversation", "what", "text", "once", "version"}; run by outbox/ */
#define CONVERSATION_DEADLINES_JOB "conversation.deadlines" /* of the system: what is due */
#define CONVERSATION_WATCH_JOB     "conversation.watch" /* … and what nothing would happen to */
#define CONVERSATION_CHANNEL       "prosa_events" /* db_notify channel: new rows in conversation_events */

struct event_page;
struct message_page;

struct conversation {
    struct conversation_id id;
    struct tenant_id tenant;
    struct account_id account;
    struct lead_id lead;
    struct str state;
    struct str owner; /* "bot", "person", "none" */
    struct user_id owner_user;
    int64_t owner_version;
    int64_t inbound_count;   /* messages the person wrote so far */
    int64_t answered_count;  /* of these, covered by a turn of the bot or answered by a person */
    int64_t read_count;      /* of these, seen by a person of ours */
    int64_t window_until_ms; /* free-form messages allowed until then */
    struct str bot_state;
    struct str handoff_reason;
    struct str last_text;
    int64_t last_at_ms, created_at_ms;
    struct str skill; /* who should get it; empty: anybody */
    struct str summary,
        collected; /* what the person who gets it should know; a JSON object or empty */
    int64_t waiting_since_ms, assigned_at_ms;
    int64_t unanswered_at_ms; /* since when the customer waits for a word; 0: does not */
    struct user_id last_user; /* the last person who had it */
    int64_t deadline_at_ms;   /* 0: none; of an idle bot's it is the next look, not the last hour */
    struct str deadline_kind; /* "pickup", "escalate", "answer", "expire" or empty */
    int64_t deadline_step;    /* deadlines that passed while it waited */
    struct str lead_name, lead_phone, lead_user_id; /* filled by conversation_get and _list */
    struct str owner_name;                          /* the same: a user's or an API key's */
    const struct label *labels;                     /* the same */
    size_t n_labels;
    struct str label_ids; /* as stored: separated by blanks, some may be gone */
};

struct label {
    struct uuid id;
    struct str name;
    struct str color;  /* "#rrggbb" */
    struct str folded; /* the name as lists are sorted by */
};

struct message {
    struct message_id id;
    struct tenant_id tenant;
    struct conversation_id conversation;
    struct account_id account;
    struct str direction; /* "in", "out" */
    struct str owner;     /* "customer", "bot", "person", "system" */
    struct user_id owner_user;
    int64_t owner_version;
    struct str type, content, text, reply_to;
    struct str sender;      /* identity of the customer who wrote: phone as given, else user id */
    struct str provider_id; /* empty until known */
    struct str
        client_id; /* chosen by the caller of an API to make a repeat harmless; empty: none */
    struct uuid turn;
    struct str
        status; /* in: "received"; out: queued sending sent delivered read played failed uncertain cancelled */
    int64_t error_code;
    struct str error_reason; /* a sentence */
    struct str error_cause;  /* a slug for programs: "meta-131026", "cut"; may be empty */
    int64_t edited_at_ms, revoked_at_ms;
    int64_t provider_at_ms, created_at_ms, updated_at_ms;
    struct str media;  /* JSON of its file as media/ tells it; empty: none */
    struct str cursor; /* "xid.seq": place in the tenant's order of arrival */
};

/* How long to wait before answering: from the tenant's bot. */
struct debounce {
    int64_t wait_ms, cap_ms;
};

/* --- what comes in ------------------------------------------------------------------------------------------------ */

struct received {
    struct tenant_id tenant;
    struct account_id account;
    const struct inbound *inbound; /* INBOUND_MESSAGE or INBOUND_ECHO */
    struct debounce debounce;
    int64_t window_ms; /* the provider's service window */
    int64_t now_ms;
    /* Called when the conversation of a message is found or made, before the message is in it; NULL: nothing to do. */
    enum status (*before)(struct arena *a, struct tx *tx, const struct conversation *c,
                          const struct received *in, struct err *e);
};

/* A person wrote: lead and conversation found or made, message and event appended, edit/revoke applied to their target,
 * a bot turn planned when the bot owns it. The caller has checked that this event was not seen before. */
enum status conversation_receive(struct arena *a, struct tx *tx, const struct received *in,
                                 struct message_id *ret, struct err *e) ATTR_MUST_CHECK;
/* One of ours wrote on the phone itself: the message is kept and a person owns the conversation from here on. */
enum status conversation_receive_echo(struct arena *a, struct tx *tx, const struct received *in,
                                      struct message_id *ret, struct err *e) ATTR_MUST_CHECK;
struct seen_event {
    struct tenant_id tenant;
    struct account_id account;
    struct str dedup;
    struct inbox_id call; /* the raw call that brought it; nil: none is kept */
};
/* False when dedup was seen before for this account; else it is marked, together with what the transaction does. */
enum status conversation_first_seen(struct tx *tx, const struct seen_event *seen, int64_t now_ms,
                                    bool *ret_is_first, struct err *e) ATTR_MUST_CHECK;
/* Preview and order in the list after a message of ours. */
enum status conversation_touch(struct tx *tx, struct tenant_id tenant, struct conversation_id id,
                               struct str text, int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
/* conversation_move_lead for those whom lead_resolve or lead_change_identity merged into this one, so that the undo of the merge
 * gives them back theirs. */
enum status conversation_move_merged(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                     const struct lead *lead, struct err *e) ATTR_MUST_CHECK;
/* One lead became another's: their open conversations with one account become one. The one that stays is a person's, else
 * one that waits for a person, else the older; what was unanswered in the other moves over. */
enum status conversation_move_lead(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                   struct lead_id from, struct lead_id into, struct err *e)
    ATTR_MUST_CHECK;

struct open_conversation {
    struct conversation_id id;
    struct lead_id lead;
    struct account_id account;
};
/* The open ones of n leads, with any account, in no order. */
enum status conversation_open_of_leads(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                       const struct lead_id *leads, size_t n,
                                       struct open_conversation **ret, size_t *ret_n, struct err *e)
    ATTR_MUST_CHECK;
/* A person says that two leads are one: lead_merge, and the talks of `gone` are keep's. */
enum status conversation_merge_leads(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                     struct lead_id keep, struct lead_id gone, struct str actor,
                                     int64_t now_ms, struct uuid *ret_merge, struct err *e)
    ATTR_MUST_CHECK;
/* Takes it back: lead_merge_undo, and the talks go back to whom they were with. Two that became one conversation stay one. */
enum status conversation_unmerge_leads(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                       struct uuid merge, struct str actor, int64_t now_ms,
                                       struct lead_unmerged *ret, struct err *e) ATTR_MUST_CHECK;

/* --- ownership ---------------------------------------------------------------------------------------------------- */

/* Locks the row until the commit (PostgreSQL) and reads it. */
enum status conversation_lock(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct conversation_id id, struct conversation *ret, struct err *e)
    ATTR_MUST_CHECK;
/* Locks it; ST_CONFLICT with cause "owner-changed" when its owner_version is another by now: what follows in the same
 * transaction changes what the caller saw, or nothing. */
enum status conversation_expect(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                struct conversation_id id, int64_t version, struct err *e)
    ATTR_MUST_CHECK;

/* Locks it; ST_CONFLICT with cause "owner-changed" when another person than `user` has it: what only its owner may move. From
 * the phone alone, nobody in particular has it. */
enum status conversation_expect_not_others(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                           struct conversation_id id, struct user_id user,
                                           struct err *e) ATTR_MUST_CHECK;

#define HANDOFF_CUSTOMER_ASKED "customer-asked"
struct handoff {
    struct str reason;  /* slug or sentence, for the event */
    struct str note;    /* what people read; empty: the reason */
    struct str summary; /* empty: what was there stays; so for the next two */
    struct str collected;
    struct str skill;
};
/* The bot gives up, the customer asked, or an agent forces it: nobody owns it, people see it waiting or one gets it at once,
 * unsent messages of the bot are cancelled except those the caller queues afterwards. No-op when a person has it or it
 * waits already. */
enum status conversation_request_handoff(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                         struct conversation_id id, const struct handoff *handoff,
                                         int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
/* user takes it. ST_CONFLICT with cause "owner-changed": another person has it (err.message says who by id). */
enum status conversation_take(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct conversation_id id, struct user_id user, int64_t now_ms,
                              struct err *e) ATTR_MUST_CHECK;
struct assignment {
    struct user_id user; /* nil: back to the queue */
    struct user_id by;
    struct str skill; /* for the queue; has_skill false: as it is */
    bool has_skill;
};
/* Gives it to a user, or back to the queue, from whoever has it. ST_INVALID: no such user, or one that is disabled. */
enum status conversation_assign(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                struct conversation_id id, struct assignment to, int64_t now_ms,
                                struct err *e) ATTR_MUST_CHECK;
/* Back to the bot, which answers what is unanswered. */
enum status conversation_release(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                 struct conversation_id id, struct debounce debounce,
                                 int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
/* Nobody owns it any more; whoever writes again opens another. */
enum status conversation_close(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct conversation_id id, int64_t now_ms, struct err *e)
    ATTR_MUST_CHECK;
/* Somebody came online or got free: those who wait longest are given to people as the settings say. */
enum status conversation_fill(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
/* A person answered what was written so far. */
enum status conversation_answered(struct tx *tx, const struct conversation *c, int64_t now_ms,
                                  struct err *e) ATTR_MUST_CHECK;
/* After a turn: remembers the script's place and that the first answered messages are covered. */
enum status conversation_set_bot_state(struct tx *tx, struct tenant_id tenant,
                                       struct conversation_id id, struct str bot_state,
                                       int64_t answered_count, int64_t now_ms, struct err *e)
    ATTR_MUST_CHECK;

/* --- the team's view ---------------------------------------------------------------------------------------------- */

struct user_load {
    struct user_id user;
    int64_t open; /* conversations they have */
};
enum status conversation_loads(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct user_load **ret, size_t *ret_n, struct err *e)
    ATTR_MUST_CHECK;

struct conversation_counts {
    int64_t open, waiting;
    int64_t overdue;          /* a person's deadline has passed */
    int64_t without_deadline; /* open, and nothing would happen to it: must be 0 */
};
enum status conversation_watch(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               int64_t now_ms, struct conversation_counts *ret, struct err *e)
    ATTR_MUST_CHECK;
/* What a deadline that has come does; one that was stored too early is found anew. *ret_passed: it had come. */
enum status conversation_deadline_pass(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                       struct conversation_id id, int64_t now_ms, bool *ret_passed,
                                       struct err *e) ATTR_MUST_CHECK;
enum status conversation_deadlines_job(struct app *app, struct arena *a, const struct job *job,
                                       struct verdict *ret_verdict, struct err *e);
enum status conversation_watch_job(struct app *app, struct arena *a, const struct job *job,
                                   struct verdict *ret_verdict, struct err *e);
/* Implemented by app/. */
struct db *app_db(struct app *app);
/* Working hours or deadlines are other ones: each open conversation's is found anew soon. */
enum status conversation_settings_changed(struct tx *tx, struct tenant_id tenant, int64_t now_ms,
                                          struct err *e) ATTR_MUST_CHECK;

/* --- messages ----------------------------------------------------------------------------------------------------- */

/* Inserts m (id, created_at and cursor are made here) and its event "message.<status>". ST_CONFLICT with cause
 * "messages_client" or "messages_provider": such a one exists. */
enum status message_insert(struct arena *a, struct tx *tx, struct message *m, int64_t now_ms,
                           struct err *e) ATTR_MUST_CHECK;
enum status message_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                        struct message_id id, struct message *ret, struct err *e) ATTR_MUST_CHECK;
enum { MESSAGES_SOME = 20 };
struct message_of {
    struct message message;
    struct str lead_name;
};
struct messages_some {
    struct message_of *items;
    size_t n;
};
/* Those of the n ids that exist, at most MESSAGES_SOME at once, in no order. */
enum status message_get_some(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             const struct uuid *ids, size_t n, struct messages_some *ret,
                             struct err *e) ATTR_MUST_CHECK;
enum status message_find_provider(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                  struct account_id account, struct str provider_id,
                                  struct message *ret, struct err *e) ATTR_MUST_CHECK;

struct message_change {
    struct str status;      /* moves only forward in the lattice below; else nothing changes */
    struct str provider_id; /* set when not known yet */
    int64_t error_code;
    struct str error_reason;
    struct str error_cause; /* slug */
    struct str detail;      /* JSON for the event, may be empty */
};
/* queued → sending → uncertain → sent → delivered → read → played; failed beats queued, sending, uncertain and sent, is beaten
 * by delivered and beyond; cancelled only from queued. *ret_moved tells whether it moved; the event "message.<status>" is
 * appended when it did, "message.status_ignored" when it did not. */
enum status message_change_status(struct arena *a, struct tx *tx, struct message *m,
                                  struct message_change change, int64_t now_ms, bool *ret_moved,
                                  struct err *e) ATTR_MUST_CHECK;
/* Whether what a person wrote asks for an answer: not a reaction, a withdrawal or a system notice, no mail that a
 * machine wrote, and not what was said in a group, to which a private answer would be out of place. */
bool message_wants_answer(const struct message *m);
/* The provider itself has answered it: content's "is_answered". */
bool message_is_answered(struct str content);
/* What a reader sees of the message's file from now on. */
enum status message_set_media(struct tx *tx, struct tenant_id tenant, struct message_id id,
                              struct str media, int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
/* True when a message with status `from` may get `to`. */
bool message_may_move(struct str from, struct str to);
/* The one the caller queued before under this id; ST_NOT_FOUND. */
enum status message_find_client(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                struct conversation_id conversation, struct str client_id,
                                struct message *ret, struct err *e) ATTR_MUST_CHECK;
/* A retry: sending, uncertain or failed goes back to queued under m's owner_version, by the outbox or a person only. */
enum status message_requeue(struct arena *a, struct tx *tx, struct message *m, int64_t now_ms,
                            struct err *e) ATTR_MUST_CHECK;

/* --- one message's life, and what went wrong ------------------------------------------------------------------------ */

/* A raw call that told of a message: it brought it, or a status of it. */
struct message_call {
    struct str what; /* "message", or the status' word */
    struct inbox_id call;
    int64_t at_ms;
};
/* Oldest first; empty once retention has forgotten them, and for messages without a provider id. */
enum status message_calls(struct arena *a, struct tx *tx, const struct message *m,
                          struct message_call **ret, size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* The events that name the message, oldest first, at most 500. */
enum status message_events(struct arena *a, struct tx *tx, const struct message *m,
                           struct event_page *ret, struct err *e) ATTR_MUST_CHECK;

/* Messages that are "failed" or "uncertain". A group's cause is the provider's code in digits, else the cause's slug,
 * else the reason itself. */
struct trouble_group {
    struct str cause, sample_reason;
    int64_t n, oldest_ms, newest_ms;
};
struct trouble_query {
    struct tenant_id tenant;
    struct str status;      /* "failed" or "uncertain" */
    struct str cause;       /* empty: any */
    int64_t since_ms;       /* written at this time or later; 0: ever */
    struct message_id from; /* go on behind this one; nil: from the start */
    bool is_forward;        /* oldest first, else newest first */
    size_t limit;
};
enum status message_trouble_groups(struct arena *a, struct tx *tx,
                                   const struct trouble_query *query, struct trouble_group **ret,
                                   size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
enum status message_trouble_list(struct arena *a, struct tx *tx, const struct trouble_query *query,
                                 struct message_page *ret, struct err *e) ATTR_MUST_CHECK;

/* --- reading ------------------------------------------------------------------------------------------------------ */

struct conversation_page {
    struct conversation *items;
    size_t n;
    struct str next; /* cursor of the next page, empty at the end */
};
struct message_page {
    struct message *items;
    size_t n;
    bool has_more;
};

struct page_query {
    struct str cursor; /* empty: from the start */
    size_t limit;      /* 1 to 500 */
    bool is_backward;  /* newest first */
};
enum status conversation_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             struct conversation_id id, struct conversation *ret, struct err *e)
    ATTR_MUST_CHECK;

enum conversation_queue {
    CONVERSATIONS_EVERY, /* also closed ones */
    CONVERSATIONS_MINE,
    CONVERSATIONS_WAITING,
    CONVERSATIONS_BOT,
    CONVERSATIONS_PEOPLE,
    CONVERSATIONS_OPEN,
    CONVERSATIONS_CLOSED,
};
struct conversation_query { /* all that is given must hold */
    enum conversation_queue queue;
    struct user_id user; /* whose CONVERSATIONS_MINE is meant */
    struct uuid label;   /* nil: any */
    struct str state;    /* empty: any */
    bool is_unread;      /* something came in that no person has seen */
    struct page_query page;
};
/* "mine", "waiting", "bot", "people", "all" (every open one), "closed"; empty: also closed ones. False: another name. */
bool conversation_queue_parse(struct str name, enum conversation_queue *ret);
/* Newest activity first. Costs as much as it gives, however many conversations there are. */
enum status conversation_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              const struct conversation_query *query, struct conversation_page *ret,
                              struct err *e) ATTR_MUST_CHECK;

/* The newest 100 of one lead, newest activity first. */
enum status conversation_list_lead(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                   struct lead_id lead, struct conversation_page *ret,
                                   struct err *e) ATTR_MUST_CHECK;

enum { CONVERSATION_COUNT_MAX = 1000 }; /* counting stops here: that many or more */
struct label_count {
    struct uuid label;
    int64_t n;
};
struct queue_counts {
    int64_t mine, waiting, bot, people, open;
    int64_t unread; /* of those that wait or that people have */
    struct label_count *labels;
    size_t n_labels;
};
enum status conversation_queue_counts(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                      struct user_id user, struct queue_counts *ret, struct err *e)
    ATTR_MUST_CHECK;
/* Messages in order of arrival; conversation nil: all of the tenant. ST_INVALID: cursor not ours. */
enum status message_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct conversation_id conversation, struct page_query page,
                         struct message_page *ret, struct err *e) ATTR_MUST_CHECK;

/* --- what people mark and note ------------------------------------------------------------------------------------- */

struct seen_by {
    struct tenant_id tenant;
    struct conversation_id conversation;
    struct user_id user;
    int64_t count; /* the first so many of the lead's messages; negative: all there are now */
    int64_t now_ms;
};
/* A person has seen them. Event "conversation.read" when that is news. */
enum status conversation_read(struct arena *a, struct tx *tx, struct seen_by seen, struct err *e)
    ATTR_MUST_CHECK;

enum {
    LABELS_MAX = 200,             /* of a tenant */
    CONVERSATION_LABELS_MAX = 20, /* on one conversation */
    LABEL_NAME_MAX = 60,
    NOTE_MAX = 4000,
    CANNED_MAX = 2000, /* of a tenant */
    CANNED_TEXT_MAX = 4096,
    SHORTCUT_MAX = 40,
};
#define LABEL_KEPT_MS (INT64_C(30) * 24 * 3600 * 1000)
/* By name. */
enum status label_list(struct arena *a, struct tx *tx, struct tenant_id tenant, struct label **ret,
                       size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
enum status label_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct uuid id,
                      struct label *ret, struct err *e) ATTR_MUST_CHECK;
/* A nil id makes a new one. ST_INVALID: name or colour out of form, or too many; ST_CONFLICT: the name is taken. */
enum status label_put(struct arena *a, struct tx *tx, struct tenant_id tenant, struct label *label,
                      int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
/* Off every conversation, too; for LABEL_KEPT_MS it can be restored to them. */
enum status label_remove(struct tx *tx, struct tenant_id tenant, struct uuid id, int64_t now_ms,
                         struct err *e) ATTR_MUST_CHECK;
/* As it was, on the conversations that had it. ST_NOT_FOUND: there is none, or it is forgotten; ST_CONFLICT: another has its
 * name; ST_INVALID: too many. One that is there already is fine. */
enum status label_restore(struct arena *a, struct tx *tx, struct tenant_id tenant, struct uuid id,
                          int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
/* A piece of what is left of a label that was removed LABEL_KEPT_MS ago, in the system's scope, which it leaves for the label's
 * tenant; *ret_is_more: there may be more. */
enum status label_forget_old(struct arena *a, struct tx *tx, int64_t now_ms, bool *ret_is_more,
                             struct err *e) ATTR_MUST_CHECK;
struct label_set {
    struct tenant_id tenant;
    struct conversation_id conversation;
    const struct uuid *labels;
    size_t n;
    int64_t now_ms;
};
/* Exactly these from now on; event "label.set". ST_INVALID: no such label, or too many. */
enum status conversation_set_labels(struct arena *a, struct tx *tx, const struct label_set *set,
                                    struct err *e) ATTR_MUST_CHECK;

struct note { /* of ours, among ourselves; never sent */
    struct uuid id;
    struct tenant_id tenant;
    struct conversation_id conversation;
    struct user_id user; /* or the id of an API key */
    struct str author;   /* that one's name when it was written */
    struct str text;
    int64_t created_at_ms;
};
/* Oldest first. */
enum status note_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                      struct conversation_id conversation, struct note **ret, size_t *ret_n,
                      struct err *e) ATTR_MUST_CHECK;
enum status note_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct uuid id,
                     struct note *ret, struct err *e) ATTR_MUST_CHECK;
/* Id and time are made here; event "note.added". ST_INVALID: empty or too long; ST_NOT_FOUND: no such conversation. */
enum status note_add(struct arena *a, struct tx *tx, struct note *note, int64_t now_ms,
                     struct err *e) ATTR_MUST_CHECK;
/* Event "note.deleted". */
enum status note_remove(struct arena *a, struct tx *tx, const struct note *note, int64_t now_ms,
                        struct err *e) ATTR_MUST_CHECK;

struct canned { /* an answer kept ready: "/price" */
    struct uuid id;
    struct str shortcut; /* letters, digits, "-" and "_"; lower case; one of its kind */
    struct str text;
    int64_t updated_at_ms;
};
/* By shortcut. */
enum status canned_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                        struct canned **ret, size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
enum status canned_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct uuid id,
                       struct canned *ret, struct err *e) ATTR_MUST_CHECK;
/* A nil id makes a new one. ST_INVALID, ST_CONFLICT: the shortcut is taken. */
enum status canned_put(struct arena *a, struct tx *tx, struct tenant_id tenant,
                       struct canned *canned, int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
enum status canned_remove(struct tx *tx, struct tenant_id tenant, struct uuid id, struct err *e)
    ATTR_MUST_CHECK;

/* --- events ------------------------------------------------------------------------------------------------------- */

struct event {
    struct uuid id;
    struct tenant_id tenant;
    struct conversation_id conversation;
    struct message_id message;
    struct str kind;
    struct str data; /* JSON */
    int64_t at_ms;
    struct str cursor;
};
struct event_page {
    struct event *items;
    size_t n;
    bool has_more;
};
/* Appends; listeners of CONVERSATION_CHANNEL are woken after the commit. */
enum status event_add(struct tx *tx, struct event ev, struct err *e) ATTR_MUST_CHECK;
/* Of one tenant (nil: of all, system scope) after cursor; conversation nil: any. Cursor "now" semantics: event_last. */
enum status event_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                       struct conversation_id conversation, struct page_query page,
                       struct event_page *ret, struct err *e) ATTR_MUST_CHECK;
/* What was said, noted or learnt, of all tenants in order, for who follows along (system scope): message is set where the event
 * is of a message that was new then. At most 500 from cursor on; *ret_next is behind the last one looked at. */
struct fed {
    struct event event;
    struct message message;
    bool has_message;
};
enum status event_feed(struct arena *a, struct tx *tx, struct str cursor, struct fed **ret,
                       size_t *ret_n, struct str *ret_next, struct err *e) ATTR_MUST_CHECK;
/* A lead's name or numbers are others now: event "lead.changed", of no conversation. */
enum status lead_changed(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct lead_id lead, int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
/* consent_put, and the event "lead.marketing_stopped" or "lead.marketing_resumed" {"lead", "channel", "source"}. */
enum status lead_set_consent(struct arena *a, struct tx *tx, struct lead_id lead,
                             const struct consent_wish *wish, struct err *e) ATTR_MUST_CHECK;
/* The same for a key ("phone:…", lead_key_of): by the lead that has it, or alone when nobody has. *ret_changed: it was not so. */
enum status lead_set_consent_key(struct arena *a, struct tx *tx, struct str key,
                                 const struct consent_wish *wish, bool *ret_changed, struct err *e)
    ATTR_MUST_CHECK;
/* A lead's timeline: what happened in its conversations beside messages, newest first; page.cursor goes back in time. */
enum status event_list_lead(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct lead_id lead, struct page_query page, struct event_page *ret,
                            struct err *e) ATTR_MUST_CHECK;
/* Cursor behind the newest event readable now. */
enum status event_last(struct arena *a, struct tx *tx, struct tenant_id tenant,
                       struct str *ret_cursor, struct err *e) ATTR_MUST_CHECK;
/* What tx_after_commit wakes; set once at start. */
void conversation_set_waker(void (*wake)(void *arg), void *arg);
