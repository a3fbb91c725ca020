/* change.h - one conversation under its lock, about to get another owner; private to conversation/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conversation/store.h"

struct change {
    struct arena *a;
    struct tx *tx;
    struct conversation c; /* as it is to be */
    struct team_settings team;
    int64_t now_ms;
};

/* Locks and reads. */
enum status change_begin(struct change *ch, struct tenant_id tenant, struct conversation_id id,
                         struct err *e) ATTR_MUST_CHECK;
/* The one place where an owner is written: the deadline is found, the version goes up, what the bot had queued is
 * cancelled, the event is appended. */
enum status change_owner(struct change *ch, const char *kind, struct str data, struct err *e)
    ATTR_MUST_CHECK;
/* Nobody's, waiting for people. */
enum status change_to_queue(struct change *ch, const char *kind, struct str data, struct err *e)
    ATTR_MUST_CHECK;
/* how: "manual", "round_robin", "sticky". by: nil when nobody in particular. */
enum status change_to_user(struct change *ch, struct user_id user, struct user_id by,
                           const char *how, struct err *e) ATTR_MUST_CHECK;
/* back to the bot, which answers what is unanswered. */
enum status change_to_bot(struct change *ch, const char *kind, struct str data,
                          struct debounce debounce, struct err *e) ATTR_MUST_CHECK;
/* Before change_owner(): state "agent_closed" or "expired". */
void change_set_closed(struct change *ch, const char *state);
/* An event without another owner. */
enum status change_note(struct change *ch, const char *kind, struct str data, struct err *e)
    ATTR_MUST_CHECK;
/* {"key": value}, or {} when it is too long. */
struct str change_data(struct arena *a, const char *key, struct str value);
bool conversation_is_closed(const struct conversation *c);

/* deadline.c: what happens next and when, from what the row says. Pure. */
void deadline_find(struct conversation *c, const struct team_settings *team);

/* assign.c: waiting → a person, as the settings say; except: not this one. */
enum status change_place(struct change *ch, struct user_id except, struct err *e) ATTR_MUST_CHECK;
/* After somebody's conversation went elsewhere. */
enum status change_freed(struct change *ch, struct user_id was, struct err *e) ATTR_MUST_CHECK;

/* say.c: a text of the settings to the customer, at most once per `once`; empty text: nothing. */
enum status change_say(struct change *ch, const char *what, struct str text, struct str once,
                       struct err *e) ATTR_MUST_CHECK;
/* What is said to somebody who begins to wait, by the hour: "we call somebody", or "we are not here". */
enum status change_say_waiting(struct change *ch, bool is_asked, struct err *e) ATTR_MUST_CHECK;
/* A customer writes and people are not at work: once for each time that they are away. */
enum status change_say_away(struct change *ch, struct err *e) ATTR_MUST_CHECK;

/* consent.c: do the customer's words stop or want marketing? Not where the settings say not to listen. */
enum status change_read_consent(struct change *ch, const struct received *in,
                                enum consent_word *ret, struct err *e) ATTR_MUST_CHECK;
/* Does as they say and, when that is news, says so. */
enum status change_hear_consent(struct change *ch, const struct received *in,
                                struct message_id message, enum consent_word word, struct err *e)
    ATTR_MUST_CHECK;

/* receive.c: the bot's job for what is unanswered. */
enum status plan_turn(struct arena *a, struct tx *tx, const struct conversation *c,
                      struct debounce debounce, int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
