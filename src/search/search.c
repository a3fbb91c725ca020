/* search.c - one search: messages, notes, people.
 * SPDX-License-Identifier: Apache-2.0 */
#include "search/search.h"

#include "base/utf8.h"
#include "search/find.h"

struct search { /* one being answered */
    struct arena *a;
    const struct search_query *query;
    struct stemmer *stemmer;
    struct groups groups;
    struct messages_some loaded; /* those of what was found last */
};

struct str search_lead_text(struct arena *a, const struct lead_profile *lead) {
    struct str text = lead->name;

    for (size_t i = 0; i < lead->n_identities; i++) {
        struct str address = lead->identities[i].value;
        struct str key = phone_key(a, address);

        text = arena_printf(a, "%.*s\n%.*s", STR_ARG(text), STR_ARG(address));
        if (str_eq(lead->identities[i].kind, STR("phone")) && !str_eq(key, address))
            text = arena_printf(a, "%.*s\n%.*s", STR_ARG(text), STR_ARG(key));
    }
    return text;
}

/* Takes one found document into the result if it still has the words. */
typedef enum status (*take_fn)(struct search *s, struct tx *tx, struct uuid id, bool *ret_taken,
                               void *result, struct err *e);

/* Walks until `limit` documents are taken; *before is where to go on, 0 at the end. */
static enum status walk(struct search *s, struct tx *tx, enum doc_kind kind, int64_t *before,
                        take_fn take, void *result, struct err *e) {
    struct finding f = {.a = s->a,
                        .tenant = s->query->tenant,
                        .kind = kind,
                        .groups = &s->groups,
                        .before = *before};
    size_t limit = kind == DOC_LEAD ? SEARCH_LEADS_MAX : s->query->limit, taken = 0;
    struct found found = {.ids = arena_array_of(s->a, limit, struct uuid)};

    if (f.before == 0)
        TRY(store_search_docs_get(s->a, tx, f.tenant, kind, &f.before, e));
    while (f.before > 0 && taken < limit && f.n_rows < ROWS_A_SEARCH) {
        found.max = limit - taken < MESSAGES_SOME ? limit - taken : MESSAGES_SOME;
        TRY(finding_next(&f, tx, &found, e));
        if (kind == DOC_MESSAGE && found.n > 0)
            TRY(message_get_some(s->a, tx, s->query->tenant, found.ids, found.n, &s->loaded, e));
        for (size_t i = 0; i < found.n; i++) {
            bool is_taken = false;

            TRY(take(s, tx, found.ids[i], &is_taken, result, e));
            taken += is_taken;
        }
    }
    *before = f.before;
    return ST_OK;
}

/* What the index speaks of may be gone. */
static bool is_gone(enum status st, const struct err *why, struct err *e) {
    if (st != ST_OK && st != ST_NOT_FOUND)
        *e = *why;
    return st == ST_NOT_FOUND;
}

static const struct message_of *loaded(const struct search *s, struct uuid id) {
    for (size_t i = 0; i < s->loaded.n; i++)
        if (uuid_eq(s->loaded.items[i].message.id.v, id))
            return &s->loaded.items[i];
    return NULL;
}

static enum status take_message(struct search *s, struct tx *tx, struct uuid id, bool *ret_taken,
                                void *result, struct err *e) {
    struct search_result *r = result;
    struct search_message *hit = &r->messages[r->n_messages];
    const struct message_of *m = loaded(s, id);

    (void)tx, (void)e;
    for (size_t i = 0; i < r->n_messages; i++) /* an edit put it in again */
        if (uuid_eq(r->messages[i].message.id.v, id))
            return ST_OK;
    if (!m || m->message.revoked_at_ms != 0 ||
        !groups_match(s->a, s->stemmer, &s->groups, m->message.text, &hit->snippet))
        return ST_OK;
    hit->message = m->message;
    hit->lead_name = m->lead_name;
    r->n_messages++;
    *ret_taken = true;
    return ST_OK;
}

static enum status take_note(struct search *s, struct tx *tx, struct uuid id, bool *ret_taken,
                             void *result, struct err *e) {
    struct search_result *r = result;
    struct search_note *hit = &r->notes[r->n_notes];
    struct err why = ERR_INIT;
    enum status st = note_get(s->a, tx, s->query->tenant, id, &hit->note, &why);

    if (is_gone(st, &why, e))
        return ST_OK;
    if (st != ST_OK)
        return st;
    *ret_taken = groups_match(s->a, s->stemmer, &s->groups, hit->note.text, &hit->snippet);
    r->n_notes += *ret_taken;
    return ST_OK;
}

/* --- people ------------------------------------------------------------------------------------------------------------ */

/* The lead's newest conversation, unless it is in the result already. */
static enum status take_conversation(struct search *s, struct tx *tx, struct lead_id lead,
                                     bool *ret_taken, struct search_result *r, struct err *e) {
    struct conversation_page page;

    for (size_t i = 0; i < r->conversations.n; i++)
        if (uuid_eq(r->conversations.items[i].lead.v, lead.v))
            return ST_OK;
    TRY(conversation_list_lead(s->a, tx, s->query->tenant, lead, &page, e));
    if (page.n == 0 || r->conversations.n == (size_t)2 * SEARCH_LEADS_MAX)
        return ST_OK;
    r->conversations.items[r->conversations.n++] = page.items[0];
    *ret_taken = true;
    return ST_OK;
}

static enum status take_lead(struct search *s, struct tx *tx, struct uuid id, bool *ret_taken,
                             void *result, struct err *e) {
    struct lead_profile lead;
    struct snippet unused;
    struct err why = ERR_INIT;
    enum status st = lead_profile(s->a, tx, s->query->tenant, (struct lead_id){id}, &lead, &why);

    if (is_gone(st, &why, e))
        return ST_OK;
    if (st != ST_OK)
        return st;
    if (!groups_match(s->a, s->stemmer, &s->groups, search_lead_text(s->a, &lead), &unused))
        return ST_OK;
    return take_conversation(s, tx, lead.id, ret_taken, result, e);
}

/* Digits alone are also the beginning of a number, with its country or without. */
static enum status find_by_phone(struct search *s, struct tx *tx, struct search_result *r,
                                 struct err *e) {
    struct str digits = phone_key(s->a, s->query->text);
    struct str forms[2] = {digits, arena_printf(s->a, "55%.*s", STR_ARG(digits))};

    for (size_t i = 0; i < s->query->text.len; i++)
        if (!str_contains(STR("0123456789 +-()."), str_sub(s->query->text, i, 1)))
            return ST_OK;
    if (digits.len < 4 || digits.len > PHONE_MAX_DIGITS)
        return ST_OK;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct lead_list leads;

        TRY(lead_list_phone(s->a, tx, s->query->tenant, forms[i], SEARCH_LEADS_MAX, &leads, e));
        for (size_t k = 0; k < leads.n; k++) {
            bool is_taken;

            TRY(take_conversation(s, tx, leads.items[k], &is_taken, r, e));
        }
    }
    return ST_OK;
}

/* --- all of it --------------------------------------------------------------------------------------------------------- */

static enum status find_all(struct search *s, struct tx *tx, struct search_result *r,
                            struct err *e) {
    bool is_first = s->query->cursor.len == 0;
    int64_t before = 0, from = 0;

    if (!is_first && !str_parse_i64(s->query->cursor, 1, INT64_MAX, &before))
        FAIL(e, ST_INVALID, "the cursor is not one that this server gave");
    TRY(groups_read(s->a, tx, s->stemmer, s->query, &s->groups, e));
    if (is_first) {
        TRY(find_by_phone(s, tx, r, e));
        TRY(walk(s, tx, DOC_LEAD, &from, take_lead, r, e));
        from = 0;
        TRY(walk(s, tx, DOC_NOTE, &from, take_note, r, e));
    }
    TRY(walk(s, tx, DOC_MESSAGE, &before, take_message, r, e));
    if (before > 0)
        r->next = arena_printf(s->a, "%lld", (long long)before);
    return ST_OK;
}

enum status search_find(struct arena *a, struct tx *tx, const struct search_query *query,
                        struct search_result *ret, struct err *e) {
    ATTR_CLEANUP(stemmer_free_p) struct stemmer *stemmer = NULL;
    struct search s = {.a = a, .query = query};

    if (utf8_count(query->text) > SEARCH_TEXT_MAX)
        FAIL(e, ST_INVALID, "q: at most %d characters", SEARCH_TEXT_MAX);
    TRY(stemmer_new(&stemmer, e));
    s.stemmer = stemmer;
    *ret = (struct search_result){
        .conversations.items = arena_array_of(a, (size_t)2 * SEARCH_LEADS_MAX, struct conversation),
        .messages = arena_array_of(a, query->limit + 1, struct search_message),
        .notes = arena_array_of(a, query->limit + 1, struct search_note),
    };
    return find_all(&s, tx, ret, e);
}
