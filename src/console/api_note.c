/* api_note.c - notes: what we write to ourselves about a conversation.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include "base/clock.h"

static struct user_id caller(const struct api *x) {
    const struct principal *p = &x->r->principal;

    return uuid_is_nil(p->user.v) ? (struct user_id){p->key} : p->user;
}

static enum status caller_name(struct tx *tx, const struct api *x, struct str *ret, struct err *e) {
    struct api_key *keys;
    struct user user;
    size_t n;

    *ret = STR("API");
    if (!uuid_is_nil(x->r->principal.user.v)) {
        TRY(user_get(x->r->arena, tx, x->tenant, x->r->principal.user, &user, e));
        *ret = user.name.len > 0 ? user.name : user.email;
        return ST_OK;
    }
    TRY(api_key_list(x->r->arena, tx, x->tenant, &keys, &n, e));
    for (size_t i = 0; i < n; i++)
        if (uuid_eq(keys[i].id, x->r->principal.key))
            *ret = keys[i].name;
    return ST_OK;
}

static enum status list_notes(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct conversation c;
    struct note *notes;
    size_t n;

    TRY(conversation_get(x->r->arena, tx, x->tenant, x->conversation, &c, e)); /* or a 404 */
    TRY(note_list(x->r->arena, tx, x->tenant, x->conversation, &notes, &n, e));
    api_begin_list(x);
    for (size_t i = 0; i < n; i++)
        write_note(&x->o, &notes[i]);
    api_end_list(x, STR_EMPTY, false);
    return ST_OK;
}

static enum status add_note(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct note note = {.tenant = x->tenant,
                        .conversation = x->conversation,
                        .user = caller(x),
                        .text = json_str(json_get(x->body, "text"))};

    TRY(caller_name(tx, x, &note.author, e));
    TRY(note_add(x->r->arena, tx, &note, clock_now_ms(), e));
    write_note(api_begin_bare(x), &note);
    return ST_OK;
}

/* One's own; a supervisor's hand reaches everybody's. */
static enum status remove_note(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct note note;

    TRY(note_get(x->r->arena, tx, x->tenant, x->message.v, &note, e));
    if (!uuid_eq(note.user.v, caller(x).v) && x->r->principal.role < ROLE_SUPERVISOR) {
        e->cause = "role";
        FAIL(e, ST_DENIED, "only who wrote a note or a supervisor may delete it");
    }
    TRY(note_remove(x->r->arena, tx, &note, clock_now_ms(), e));
    api_begin_empty(x);
    return ST_OK;
}

API_HANDLER(notes_get, API_READS, list_notes)
API_HANDLER(notes_post, API_WRITES, add_note)
API_HANDLER(note_delete, API_WRITES, remove_note)

const struct route api_note_routes[] = {
    {HTTP_GET, API "/conversations/{id}/notes", notes_get, AGENT, .scope = "conversations:read",
     .summary = "Notes of the team, oldest first; never sent"},
    {HTTP_POST, API "/conversations/{id}/notes", notes_post, AGENT, .scope = "conversations:write",
     .max_body = API_BODY_MAX, .summary = "Write a note to the team"},
    {HTTP_DELETE, API "/notes/{id}", note_delete, AGENT, .scope = "conversations:write",
     .max_body = API_BODY_MAX, .summary = "Delete a note: one's own, or any for a supervisor"},
};
const size_t api_note_n_routes = ARRAY_LEN(api_note_routes);
