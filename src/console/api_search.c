/* api_search.c - search over messages, notes and people.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include "search/search.h"

enum { SEARCH_PAGE_MAX = 100 };

static void write_snippet(struct json_out *o, const struct snippet *s) {
    json_obj(o, "snippet");
    json_put_str(o, "text", s->text);
    json_arr(o, "matches");
    for (size_t i = 0; i < s->n; i++) {
        json_arr(o, NULL);
        json_put_i64(o, NULL, (int64_t)s->matches[i].at);
        json_put_i64(o, NULL, (int64_t)s->matches[i].len);
        json_end(o);
    }
    json_end(o);
    json_end(o);
}

static void write_result(struct api *x, const struct search_result *r) {
    struct json_out *o = api_begin(x);

    json_arr(o, "conversations");
    for (size_t i = 0; i < r->conversations.n; i++)
        write_conversation(o, NULL, &r->conversations.items[i]);
    json_end(o);
    json_arr(o, "messages");
    for (size_t i = 0; i < r->n_messages; i++) {
        json_obj(o, NULL);
        write_message_members(o, &r->messages[i].message);
        json_put_str(o, "lead_name", r->messages[i].lead_name);
        write_snippet(o, &r->messages[i].snippet);
        json_end(o);
    }
    json_end(o);
    json_arr(o, "notes");
    for (size_t i = 0; i < r->n_notes; i++) {
        json_obj(o, NULL);
        write_note_members(o, &r->notes[i].note);
        write_snippet(o, &r->notes[i].snippet);
        json_end(o);
    }
    json_end(o);
    json_put_str_or_null(o, "next", r->next);
    json_put_bool(o, "has_more", r->next.len > 0);
    json_end(o);
}

static enum status search(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    const struct search_query query = {
        .tenant = x->tenant,
        .text = req_query(x->r, "q"),
        .cursor = x->page.cursor,
        .limit = x->page.limit < SEARCH_PAGE_MAX ? x->page.limit : SEARCH_PAGE_MAX,
    };
    struct search_result result;

    TRY(search_find(x->r->arena, tx, &query, &result, e));
    write_result(x, &result);
    return ST_OK;
}

API_HANDLER(search_get, API_READS, search)

const struct route api_search_routes[] = {
    {HTTP_GET, API "/search", search_get, AGENT, .scope = "messages:read",
     .summary = "Messages, notes and people by words, newest first"},
};
const size_t api_search_n_routes = ARRAY_LEN(api_search_routes);
