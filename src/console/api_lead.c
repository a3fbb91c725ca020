/* api_lead.c - one person: who, since when, in which state, what happened; two that are one.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include "base/clock.h"

enum { LIST_MAX = 20 }; /* numbers or addresses in a body; the lead's own bound is lower */

static enum status write_one(struct tx *tx, struct api *x, struct lead_id id, struct err *e) {
    struct conversation_page conversations;
    struct lead_profile profile;
    struct lead_row *row;

    TRY(lead_profile(x->r->arena, tx, x->tenant, id, &profile, e));
    TRY(lead_row_get(x->r->arena, tx, x->tenant, profile.id, &row, e));
    TRY(conversation_list_lead(x->r->arena, tx, x->tenant, profile.id, &conversations, e));
    write_lead(api_begin_bare(x), NULL, row, &profile, &conversations);
    return ST_OK;
}

static enum status one_lead(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;

    return write_one(tx, x, (struct lead_id){x->id}, e);
}

static enum status list_events(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct lead_profile lead;
    struct event_page page;

    TRY(lead_profile(x->r->arena, tx, x->tenant, (struct lead_id){x->message.v}, &lead, e));
    TRY(event_list_lead(x->r->arena, tx, x->tenant, lead.id, x->page, &page, e));
    api_begin_list(x);
    for (size_t i = 0; i < page.n; i++)
        write_event(&x->o, &page.items[i], NULL);
    api_end_list(x, page.n > 0 ? page.items[page.n - 1].cursor : STR_EMPTY, page.has_more);
    return ST_OK;
}

/* --- changes ---------------------------------------------------------------------------------------------------- */

static enum status texts_of(const struct json *list, const char *what, struct str out[LIST_MAX],
                            size_t *ret_n, struct err *e) {
    *ret_n = json_len(list);
    if ((list && json_type(list) != JSON_ARRAY) || *ret_n > LIST_MAX)
        FAIL(e, ST_INVALID, "%s: a list of at most %d texts", what, LIST_MAX);
    for (size_t i = 0; i < *ret_n; i++) {
        if (json_type(json_at(list, i)) != JSON_STRING)
            FAIL(e, ST_INVALID, "%s: a list of texts", what);
        out[i] = json_str(json_at(list, i));
    }
    return ST_OK;
}

static enum status change_contacts(struct tx *tx, struct api *x, struct lead_id id, struct err *e) {
    const struct json *phones = json_get(x->body, "phones"), *emails = json_get(x->body, "emails");
    struct str typed_phones[LIST_MAX], typed_emails[LIST_MAX];
    struct lead_record typed = {.phones = typed_phones, .emails = typed_emails};

    if (!phones && !emails)
        return ST_OK;
    TRY(texts_of(phones, "phones", typed_phones, &typed.n_phones, e));
    TRY(texts_of(emails, "emails", typed_emails, &typed.n_emails, e));
    return lead_set_contacts(x->r->arena, tx, x->tenant, id, &typed, phones != NULL, emails != NULL,
                             clock_now_ms(), e);
}

/* {"name"?, "company"?, "document"?, "tags"?, "fields"?, "phones"?, "emails"?} */
static enum status change_lead(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    const struct json *name = json_get(x->body, "name");
    const struct json *tags = json_get(x->body, "tags");
    struct lead_profile lead;

    TRY(api_if_match(tx, x, one_lead, e));
    TRY(lead_profile(x->r->arena, tx, x->tenant, (struct lead_id){x->id}, &lead, e));
    if (name)
        lead.name = str_trim(json_str(name));
    if (json_get(x->body, "company"))
        lead.company = str_trim(json_str(json_get(x->body, "company")));
    if (json_get(x->body, "document"))
        lead.document = str_trim(json_str(json_get(x->body, "document")));
    if (json_get(x->body, "fields"))
        lead.fields = api_text(x, json_get(x->body, "fields"));
    if (tags)
        lead.tags = api_text(x, tags);
    TRY(lead_edit(x->r->arena, tx, x->tenant, &lead, name != NULL, clock_now_ms(), e));
    TRY(change_contacts(tx, x, lead.id, e));
    TRY(consent_show_many(x->r->arena, tx, x->tenant, &lead.id, 1, clock_now_ms(), e));
    TRY(lead_changed(x->r->arena, tx, x->tenant, lead.id, clock_now_ms(), e));
    TRY(api_audit(tx, x, "lead.change", uuid_format(x->r->arena, lead.id.v), e));
    return write_one(tx, x, lead.id, e);
}

/* On the board, too, it is a wish: of all channels, with proof, so that the next import changes nothing. */
static enum status opt_out(struct tx *tx, struct api *x, struct lead_id lead,
                           const struct lead_step *step, struct err *e) {
    const struct consent_proof proof = {
        .source = STR("person"), .text = step->why, .actor = step->actor};
    const struct consent_wish wish = {.tenant = x->tenant,
                                      .channel = STR(CONSENT_ALL),
                                      .is_stop = true,
                                      .proof = &proof,
                                      .now_ms = clock_now_ms()};

    return lead_set_consent(x->r->arena, tx, lead, &wish, e);
}

/* {"state", "why"?} */
static enum status move_lead(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    const struct lead_step step = {.to = json_str(json_get(x->body, "state")),
                                   .why = json_str(json_get(x->body, "why")),
                                   .actor = api_actor(x)};
    struct lead_profile lead;

    TRY(lead_profile(x->r->arena, tx, x->tenant, (struct lead_id){x->id}, &lead, e));
    if (str_eq(step.to, STR("opted_out")) && !str_eq(lead.state, step.to))
        TRY(opt_out(tx, x, lead.id, &step, e));
    else
        TRY(lead_step(x->r->arena, tx, x->tenant, lead.id, &step, clock_now_ms(), e));
    TRY(lead_changed(x->r->arena, tx, x->tenant, lead.id, clock_now_ms(), e));
    return write_one(tx, x, lead.id, e);
}

/* --- two that are one --------------------------------------------------------------------------------------------- */

/* {"other"} */
static enum status merge_lead(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct lead_id other;
    struct uuid merge;

    TRY(api_uuid(json_get(x->body, "other"), "other", &other.v, e));
    if (uuid_is_nil(other.v))
        FAIL(e, ST_INVALID, "other: the id of the lead that becomes this one");
    TRY(conversation_merge_leads(x->r->arena, tx, x->tenant, (struct lead_id){x->id}, other,
                                 api_actor(x), clock_now_ms(), &merge, e));
    TRY(api_audit(tx, x, "lead.merge", uuid_format(x->r->arena, merge), e));
    json_put_id(api_begin(x), "id", merge);
    json_put_id(&x->o, "lead_id", x->id);
    json_put_id(&x->o, "other_id", other.v);
    json_end(&x->o);
    return ST_OK;
}

static enum status undo_merge(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct lead_unmerged back;

    TRY(conversation_unmerge_leads(x->r->arena, tx, x->tenant, x->id, api_actor(x), clock_now_ms(),
                                   &back, e));
    TRY(api_audit(tx, x, "lead.unmerge", uuid_format(x->r->arena, x->id), e));
    json_put_id(api_begin(x), "id", x->id);
    json_put_id(&x->o, "lead_id", back.keep.v);
    json_put_id(&x->o, "other_id", back.gone.v);
    json_end(&x->o);
    return ST_OK;
}

/* --- timeline ------------------------------------------------------------------------------------------------------ */

struct
    steps { /* two lists, newest first, that become one; its cursor is "<place in the first>~<place in the second>" */
    struct event_page talks;
    struct lead_happening *own;
    size_t n_own, n_all;
    struct str talk_cursor;
    struct uuid own_cursor;
};

static enum status read_cursors(struct api *x, struct steps *s, struct err *e) {
    struct str rest = x->page.cursor;

    if (rest.len == 0)
        return ST_OK;
    if (!str_cut(&rest, '~', &s->talk_cursor) ||
        (rest.len > 0 && !uuid_parse(rest, &s->own_cursor)))
        FAIL(e, ST_INVALID, "after: no cursor of a timeline");
    return ST_OK;
}

static void write_talk_step(struct json_out *o, const struct event *ev) {
    json_obj(o, NULL);
    json_put_id(o, "id", ev->id);
    json_put_str(o, "kind", ev->kind);
    json_put_time(o, "at", ev->at_ms);
    json_put_raw(o, "data", ev->data);
    json_put_null(o, "actor");
    json_put_id(o, "conversation_id", ev->conversation.v);
    json_end(o);
}

static void write_own_step(struct json_out *o, const struct lead_happening *h) {
    json_obj(o, NULL);
    json_put_id(o, "id", h->id);
    json_put_str(o, "kind", h->kind);
    json_put_time(o, "at", h->at_ms);
    json_put_raw(o, "data", h->data);
    json_put_str_or_null(o, "actor", h->actor);
    json_put_null(o, "conversation_id");
    json_end(o);
}

/* Everything is told: how it began. */
static void write_beginning(struct json_out *o, const struct lead_profile *lead) {
    json_obj(o, NULL);
    json_put_id(o, "id", lead->id.v);
    json_put_str(o, "kind", STR("lead.created"));
    json_put_time(o, "at", lead->created_at_ms);
    json_obj(o, "data");
    json_put_opt(o, "source", lead->source);
    json_end(o);
    json_put_null(o, "actor");
    json_put_null(o, "conversation_id");
    json_end(o);
}

static bool own_is_newer(const struct steps *s, size_t talk, size_t own) {
    return talk >= s->talks.n ||
           (own < s->n_own && s->own[own].at_ms >= s->talks.items[talk].at_ms);
}

static enum status timeline(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct arena *a = x->r->arena;
    struct page_query talks = x->page;
    struct lead_profile lead;
    struct steps s = {0};
    size_t talk = 0, own = 0;

    TRY(read_cursors(x, &s, e));
    TRY(lead_profile(a, tx, x->tenant, (struct lead_id){x->id}, &lead, e));
    talks.cursor = s.talk_cursor;
    TRY(event_list_lead(a, tx, x->tenant, lead.id, talks, &s.talks, e));
    TRY(lead_happenings(a, tx, x->tenant, lead.id, s.own_cursor, x->page.limit, &s.own, &s.n_own,
                        e));
    s.n_all = s.talks.n + s.n_own;
    api_begin_list(x);
    while (talk + own < s.n_all && talk + own < x->page.limit) {
        if (own_is_newer(&s, talk, own)) {
            s.own_cursor = s.own[own].id;
            write_own_step(&x->o, &s.own[own++]);
        } else {
            s.talk_cursor = s.talks.items[talk].cursor;
            write_talk_step(&x->o, &s.talks.items[talk++]);
        }
    }

    bool has_more = talk + own < s.n_all || s.talks.has_more || s.n_own == x->page.limit;

    if (!has_more)
        write_beginning(&x->o, &lead);
    api_end_list(
        x,
        arena_printf(a, "%.*s~%.*s", STR_ARG(s.talk_cursor),
                     STR_ARG(uuid_is_nil(s.own_cursor) ? STR_EMPTY : uuid_format(a, s.own_cursor))),
        has_more);
    return ST_OK;
}

API_HANDLER(lead_get_one, API_READS, one_lead)
API_HANDLER(lead_events_get, API_READS, list_events)
API_HANDLER(lead_timeline_get, API_READS, timeline)
API_HANDLER(lead_patch, API_WRITES, change_lead)
API_HANDLER(lead_state_post, API_WRITES, move_lead)
/* Conversations that become one plan a turn of the bot. */
API_HANDLER(lead_merge_post, API_WRITES, merge_lead)
API_HANDLER(lead_unmerge_post, API_WRITES, undo_merge)

#define WRITE .scope = "leads:write", .max_body = API_BODY_MAX

const struct route api_lead_routes[] = {
    {HTTP_GET, API "/leads/{id}", lead_get_one, AGENT, .scope = "leads:read",
     .summary = "A person: state, names, numbers, tags, fields, conversations"},
    {HTTP_PATCH, API "/leads/{id}", lead_patch, AGENT, WRITE,
     .summary = "Change a person's name, company, document, tags, fields, numbers or addresses"},
    {HTTP_POST, API "/leads/{id}/state", lead_state_post, AGENT, WRITE,
     .summary = "Move a person to another state of the sale"},
    {HTTP_GET, API "/leads/{id}/events", lead_events_get, AGENT, .scope = "leads:read",
     .summary = "What happened in a person's conversations beside messages, newest first"},
    {HTTP_GET, API "/leads/{id}/timeline", lead_timeline_get, AGENT, .scope = "leads:read",
     .summary = "All that happened with a person, newest first"},
    {HTTP_POST, API "/leads/{id}/merge", lead_merge_post, AGENT, WRITE,
     .summary = "Another lead is the same person: it becomes this one"},
    {HTTP_POST, API "/lead-merges/{id}/undo", lead_unmerge_post, AGENT, WRITE,
     .summary = "Take a merge back"},
};
const size_t api_lead_n_routes = ARRAY_LEN(api_lead_routes);
