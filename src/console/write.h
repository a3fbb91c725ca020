/* write.h - how the API's objects look as JSON; private to console/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "bot/bot.h"
#include "conversation/conversation.h"
#include "intake/intake.h"
#include "queue/queue.h"
#include "webhook/webhook.h"
#include "json/json.h"

struct tenant;
struct user;
struct team_member;
void write_user(struct json_out *o, const struct user *user, const struct team_member *member);
/* user and member: NULL for an API key. */
void write_me(struct json_out *o, const struct tenant *tenant, const struct user *user,
              const struct team_member *member);
void write_conversation(struct json_out *o, const char *key, const struct conversation *c);
/* Into an object that is open. */
void write_message_members(struct json_out *o, const struct message *m);
void write_message(struct json_out *o, const char *key, const struct message *m);
void write_label(struct json_out *o, const struct label *label);
void write_note_members(struct json_out *o, const struct note *note);
void write_note(struct json_out *o, const struct note *note);
void write_canned(struct json_out *o, const struct canned *canned);
/* identities and conversations: only of one that is looked at, else NULL. */
void write_lead(struct json_out *o, const char *key, const struct lead_row *lead,
                const struct lead_profile *identities,
                const struct conversation_page *conversations);
void write_event(struct json_out *o, const struct event *ev,
                 const struct message *m); /* m may be NULL */
void write_turn(struct json_out *o, const char *key, const struct turn *t);
/* Into an object that stands open. */
void write_inbox_members(struct json_out *o, const struct inbox_row *row);
void write_inbox(struct json_out *o, const struct inbox_row *row);
void write_delivery_members(struct json_out *o, const struct webhook_delivery *d);
void write_job(struct json_out *o, const struct job_row *row);
