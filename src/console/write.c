/* write.c - the API's objects as JSON.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/write.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "team/team.h"
#include "tenant/tenant.h"

void write_user(struct json_out *o, const struct user *user, const struct team_member *member) {
    json_obj(o, NULL);
    json_put_id(o, "id", user->id.v);
    json_put_str(o, "email", user->email);
    json_put_str(o, "name", user->name);
    json_put_str(o, "role", str_of(role_name(user->role)));
    json_put_bool(o, "is_active", user->is_active);
    json_put_bool(o, "has_totp", user->has_totp);
    json_put_str(o, "presence", member->presence);
    json_put_raw(o, "skills", member->skills);
    json_put_i64(o, "capacity", member->capacity);
    json_put_time(o, "created_at", user->created_at_ms);
    json_end(o);
}

void write_me(struct json_out *o, const struct tenant *tenant, const struct user *user,
              const struct team_member *member) {
    json_obj(o, NULL);
    json_obj(o, "tenant");
    json_put_id(o, "id", tenant->id.v);
    json_put_str(o, "slug", tenant->slug);
    json_put_str(o, "name", tenant->name);
    json_put_str(o, "locale", tenant->locale);
    json_put_str(o, "timezone", tenant->timezone);
    json_end(o);
    if (user) {
        json_obj(o, "user");
        json_put_id(o, "id", user->id.v);
        json_put_str(o, "name", user->name);
        json_put_str(o, "email", user->email);
        json_put_str(o, "role", str_of(role_name(user->role)));
        json_put_str(o, "locale", user->locale);
        json_put_str(o, "theme", user->theme);
        json_put_bool(o, "has_totp", user->has_totp);
        json_put_str(o, "presence", member->presence);
        json_end(o);
    } else {
        json_put_null(o, "user");
    }
    json_end(o);
}

/* What goes along when people get it, and until when what must happen. */
static void write_handover(struct json_out *o, const struct conversation *c) {
    json_put_str_or_null(o, "skill", c->skill);
    json_put_str_or_null(o, "summary", c->summary);
    json_put_raw_or_null(o, "collected", c->collected);
    json_put_time(o, "waiting_since", c->waiting_since_ms);
    json_put_time(o, "assigned_at", c->assigned_at_ms);
    json_put_time(o, "unanswered_at", c->unanswered_at_ms);
    json_put_time(o, "deadline_at", c->deadline_at_ms);
    json_put_str_or_null(o, "deadline_kind", c->deadline_kind);
}

void write_label(struct json_out *o, const struct label *label) {
    json_obj(o, NULL);
    json_put_id(o, "id", label->id);
    json_put_str(o, "name", label->name);
    json_put_str(o, "color", label->color);
    json_end(o);
}

static void put_labels(struct json_out *o, const struct conversation *c) {
    json_arr(o, "labels");
    for (size_t i = 0; i < c->n_labels; i++)
        write_label(o, &c->labels[i]);
    json_end(o);
}

void write_conversation(struct json_out *o, const char *key, const struct conversation *c) {
    json_obj(o, key);
    json_put_id(o, "id", c->id.v);
    json_put_str(o, "state", c->state);
    json_put_str(o, "owner", c->owner);
    json_put_id(o, "owner_user", c->owner_user.v);
    json_put_str_or_null(o, "owner_name", c->owner_name);
    json_put_i64(o, "owner_version", c->owner_version);
    json_put_id(o, "provider_id", c->account.v);
    json_obj(o, "lead");
    json_put_id(o, "id", c->lead.v);
    json_put_str_or_null(o, "name", c->lead_name);
    json_put_str_or_null(o, "phone", c->lead_phone);
    json_put_str_or_null(o, "user_id", c->lead_user_id);
    json_end(o);
    json_put_str_or_null(o, "handoff_reason", c->handoff_reason);
    write_handover(o, c);
    json_put_str(o, "last_text", c->last_text);
    json_put_time(o, "last_at", c->last_at_ms);
    json_put_time(o, "window_until", c->window_until_ms);
    json_put_i64(o, "inbound_count", c->inbound_count);
    json_put_i64(o, "answered_count", c->answered_count);
    json_put_i64(o, "unread", c->inbound_count - c->read_count);
    put_labels(o, c);
    json_put_time(o, "created_at", c->created_at_ms);
    json_end(o);
}

void write_note_members(struct json_out *o, const struct note *note) {
    json_put_id(o, "id", note->id);
    json_put_id(o, "conversation_id", note->conversation.v);
    json_put_id(o, "user", note->user.v);
    json_put_str(o, "user_name", note->author);
    json_put_str(o, "text", note->text);
    json_put_time(o, "created_at", note->created_at_ms);
}

void write_note(struct json_out *o, const struct note *note) {
    json_obj(o, NULL);
    write_note_members(o, note);
    json_end(o);
}

void write_canned(struct json_out *o, const struct canned *canned) {
    json_obj(o, NULL);
    json_put_id(o, "id", canned->id);
    json_put_str(o, "shortcut", canned->shortcut);
    json_put_str(o, "text", canned->text);
    json_put_time(o, "updated_at", canned->updated_at_ms);
    json_end(o);
}

static void write_error(struct json_out *o, const struct message *m) {
    if (m->error_code == 0 && m->error_reason.len == 0) {
        json_put_null(o, "error");
        return;
    }
    json_obj(o, "error");
    json_put_i64(o, "code", m->error_code);
    json_put_str(o, "reason", m->error_reason);
    json_put_str_or_null(o, "cause", m->error_cause);
    json_end(o);
}

void write_message_members(struct json_out *o, const struct message *m) {
    json_put_id(o, "id", m->id.v);
    json_put_id(o, "conversation_id", m->conversation.v);
    json_put_id(o, "provider_id", m->account.v);
    json_put_str(o, "direction", m->direction);
    json_put_str(o, "owner", m->owner);
    json_put_id(o, "owner_user", m->owner_user.v);
    json_put_str(o, "type", m->type);
    json_put_str(o, "text", m->text);
    json_put_raw(o, "content", m->content);
    json_put_str(o, "status", m->status);
    write_error(o, m);
    json_put_raw_or_null(o, "media", m->media);
    json_put_str_or_null(o, "sender", m->sender);
    json_put_str_or_null(o, "provider_message_id", m->provider_id);
    json_put_str_or_null(o, "client_id", m->client_id);
    json_put_str_or_null(o, "reply_to", m->reply_to);
    json_put_id(o, "turn_id", m->turn);
    json_put_time(o, "edited_at", m->edited_at_ms);
    json_put_time(o, "revoked_at", m->revoked_at_ms);
    json_put_time(o, "provider_at", m->provider_at_ms);
    json_put_time(o, "created_at", m->created_at_ms);
    json_put_time(o, "updated_at", m->updated_at_ms);
    json_put_str(o, "cursor", m->cursor);
}

void write_message(struct json_out *o, const char *key, const struct message *m) {
    json_obj(o, key);
    write_message_members(o, m);
    json_end(o);
}

void write_event(struct json_out *o, const struct event *ev, const struct message *m) {
    json_obj(o, NULL);
    json_put_str(o, "cursor", ev->cursor);
    json_put_id(o, "id", ev->id);
    json_put_str(o, "kind", ev->kind);
    json_put_id(o, "conversation_id", ev->conversation.v);
    json_put_id(o, "message_id", ev->message.v);
    json_put_time(o, "at", ev->at_ms);
    json_put_raw(o, "data", ev->data);
    if (m)
        write_message(o, "message", m);
    json_end(o);
}

void write_turn(struct json_out *o, const char *key, const struct turn *t) {
    json_obj(o, key);
    json_put_id(o, "id", t->id);
    json_put_id(o, "conversation_id", t->conversation.v);
    json_put_str(o, "outcome", t->outcome);
    json_put_raw(o, "trace", t->trace);
    json_put_i64(o, "seen_count", t->seen_count);
    json_put_i64(o, "prompt_tokens", t->prompt_tokens);
    json_put_i64(o, "completion_tokens", t->completion_tokens);
    json_put_i64(o, "cost_micros", t->cost_micros);
    json_put_time(o, "started_at", t->started_at_ms);
    json_put_i64(o, "took_ms", t->took_ms);
    json_end(o);
}

void write_inbox_members(struct json_out *o, const struct inbox_row *row) {
    json_put_id(o, "id", row->id.v);
    json_put_id(o, "provider_id", row->account.v);
    json_put_str(o, "provider", row->provider);
    json_put_str(o, "state", row->state);
    json_put_str_or_null(o, "cause", row->cause);
    json_put_str_or_null(o, "reason", row->reason);
    json_put_i64(o, "events", row->events);
    json_put_i64(o, "bytes", row->bytes);
    json_put_time(o, "received_at", row->received_at_ms);
    json_put_time(o, "done_at", row->done_at_ms);
    if (row->body.len > 0) /* invalid UTF-8 shows as U+FFFD; the stored bytes stay as they came */
        json_put_str(o, "body", row->body);
    json_put_str(o, "cursor", row->cursor);
}

void write_inbox(struct json_out *o, const struct inbox_row *row) {
    json_obj(o, NULL);
    write_inbox_members(o, row);
    json_end(o);
}

void write_job(struct json_out *o, const struct job_row *row) {
    static const char *const states[] = {"ready", "running", "parked", "dead"};

    json_obj(o, NULL);
    json_put_id(o, "id", row->id.v);
    json_put_str(o, "kind", row->kind);
    json_put_str(o, "state", str_of(states[row->state]));
    json_put_str_or_null(o, "lane", row->lane);
    json_put_str_or_null(o, "cause", row->cause);
    json_put_str_or_null(o, "reason", row->reason);
    json_put_i64(o, "attempts", row->attempts);
    json_put_str(o, "payload", row->payload);
    json_put_time(o, "run_at", row->run_at_ms);
    json_put_time(o, "created_at", row->created_at_ms);
    json_put_time(o, "updated_at", row->updated_at_ms);
    json_end(o);
}
