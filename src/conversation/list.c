/* list.c - the inbox: queues, their counts, and what people have seen.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conversation/store.h"

static const char *const queue_names[] = {
    [CONVERSATIONS_EVERY] = "",          [CONVERSATIONS_MINE] = "mine",
    [CONVERSATIONS_WAITING] = "waiting", [CONVERSATIONS_BOT] = "bot",
    [CONVERSATIONS_PEOPLE] = "people",   [CONVERSATIONS_OPEN] = "all",
    [CONVERSATIONS_CLOSED] = "closed",
};

/* Which states each queue is made of; the state says who owns a conversation. */
static const char *const queue_states[][STATES_MAX] = {
    [CONVERSATIONS_EVERY] = {"pending", "progress", "waiting_agent", "assigned", "agent_closed",
                             "expired"},
    [CONVERSATIONS_MINE] = {"assigned"},
    [CONVERSATIONS_WAITING] = {"waiting_agent"},
    [CONVERSATIONS_BOT] = {"pending", "progress"},
    [CONVERSATIONS_PEOPLE] = {"assigned"},
    [CONVERSATIONS_OPEN] = {"pending", "progress", "waiting_agent", "assigned"},
    [CONVERSATIONS_CLOSED] = {"agent_closed", "expired"},
};

bool conversation_queue_parse(struct str name, enum conversation_queue *ret) {
    for (size_t i = 0; i < ARRAY_LEN(queue_names); i++)
        if (str_eq(name, str_of(queue_names[i]))) {
            *ret = (enum conversation_queue)i;
            return true;
        }
    return false;
}

/* --- one and many -------------------------------------------------------------------------------------------------- */

/* Ids into labels; those that are gone are left out. */
static void name_labels(struct arena *a, struct conversation *c, const struct label *all,
                        size_t n) {
    struct label *named = arena_array_of(a, CONVERSATION_LABELS_MAX, struct label);
    struct str ids = c->label_ids, head;

    for (bool is_more = ids.len > 0; is_more && c->n_labels < CONVERSATION_LABELS_MAX;) {
        struct uuid id;

        is_more = str_cut(&ids, ' ', &head);
        if (!uuid_parse(head, &id))
            continue;
        for (size_t i = 0; i < n; i++)
            if (uuid_eq(all[i].id, id))
                named[c->n_labels++] = all[i];
    }
    c->labels = named;
}

struct label_table { /* items NULL: not read yet */
    struct label *items;
    size_t n;
};

static enum status name_labels_of(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                  struct label_table *all, struct conversation *items, size_t n,
                                  struct err *e) {
    for (size_t i = 0; i < n; i++) {
        if (items[i].label_ids.len == 0)
            continue;
        if (!all->items)
            TRY(label_list(a, tx, tenant, &all->items, &all->n, e));
        name_labels(a, &items[i], all->items, all->n);
    }
    return ST_OK;
}

static bool is_in(const struct label_table *all, struct uuid id) {
    for (size_t i = 0; i < all->n; i++)
        if (uuid_eq(all->items[i].id, id))
            return true;
    return false;
}

enum status conversation_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             struct conversation_id id, struct conversation *ret, struct err *e) {
    struct label_table labels = {0};

    TRY(store_conversation_get(a, tx, tenant, id, ret, e));
    return name_labels_of(a, tx, tenant, &labels, ret, 1, e);
}

/* The list is paged by (last activity, id), newest first: "ms.uuid". */
static enum status list_cursor(struct str text, int64_t *ret_ms, struct uuid *ret_id,
                               struct err *e) {
    struct str head;

    *ret_ms = INT64_MAX;
    *ret_id = (struct uuid){0};
    if (text.len == 0)
        return ST_OK;
    if (!str_cut(&text, '.', &head) || !str_parse_i64(head, 0, INT64_MAX, ret_ms) ||
        !uuid_parse(text, ret_id))
        FAIL(e, ST_INVALID, "the cursor is not one that this server gave");
    return ST_OK;
}

/* The queue's states, or the one of them that is asked for. False: none is left. */
static bool place_states(const struct conversation_query *query, struct list_place *place) {
    size_t n = 0;

    for (size_t i = 0; i < STATES_MAX; i++) {
        const char *state = queue_states[query->queue][i];

        if (!state || (query->state.len > 0 && !str_eq(query->state, str_of(state))))
            continue;
        place->states[n++] = str_of(state);
    }
    return n > 0;
}

enum status conversation_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              const struct conversation_query *query, struct conversation_page *ret,
                              struct err *e) {
    struct list_place place = {.is_mine = query->queue == CONVERSATIONS_MINE,
                               .user = query->user,
                               .label = query->label,
                               .is_unread = query->is_unread,
                               .limit = query->page.limit};
    struct label_table labels = {0};
    struct db_rows rows;

    *ret = (struct conversation_page){0};
    TRY(list_cursor(query->page.cursor, &place.before_ms, &place.before, e));
    if (!place_states(query, &place))
        return ST_OK;
    if (!uuid_is_nil(place.label)) {
        TRY(label_list(a, tx, tenant, &labels.items, &labels.n, e));
        if (!is_in(&labels, place.label))
            return ST_OK;
    }
    TRY(store_conversation_page(a, tx, tenant, &place, &rows, e));
    ret->items = arena_array_of(a, rows.n + 1, struct conversation);
    ret->n = rows.n;
    for (size_t i = 0; i < rows.n; i++)
        store_conversation_row(&rows, i, tenant, &ret->items[i]);
    if (rows.n == place.limit) {
        const struct conversation *last = &ret->items[rows.n - 1];
        struct str id = uuid_format(a, last->id.v);

        ret->next = arena_printf(a, "%lld.%.*s", (long long)last->last_at_ms, STR_ARG(id));
    }
    return name_labels_of(a, tx, tenant, &labels, ret->items, ret->n, e);
}

enum status conversation_list_lead(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                   struct lead_id lead, struct conversation_page *ret,
                                   struct err *e) {
    struct label_table labels = {0};
    struct db_rows rows;

    TRY(store_conversations_of_lead(a, tx, tenant, lead, &rows, e));
    *ret = (struct conversation_page){.items = arena_array_of(a, rows.n + 1, struct conversation),
                                      .n = rows.n};
    for (size_t i = 0; i < rows.n; i++)
        store_conversation_row(&rows, i, tenant, &ret->items[i]);
    return name_labels_of(a, tx, tenant, &labels, ret->items, ret->n, e);
}

/* --- counts ------------------------------------------------------------------------------------------------------------ */

static int64_t at_most(int64_t n) {
    return n < CONVERSATION_COUNT_MAX ? n : CONVERSATION_COUNT_MAX;
}

static void add_count(struct queue_counts *counts, struct str what, struct uuid label, int64_t n) {
    if (str_eq(what, STR("label"))) {
        counts->labels[counts->n_labels++] = (struct label_count){label, n};
        return;
    }
    if (str_eq(what, STR("mine"))) {
        counts->mine = n;
        return;
    }
    if (str_eq(what, STR("unread"))) {
        counts->unread = at_most(counts->unread + n);
        return;
    }
    if (str_eq(what, STR("waiting_agent")))
        counts->waiting = n;
    else if (str_eq(what, STR("assigned")))
        counts->people = n;
    else
        counts->bot = at_most(counts->bot + n);
    counts->open = at_most(counts->open + n);
}

enum status conversation_queue_counts(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                      struct user_id user, struct queue_counts *ret,
                                      struct err *e) {
    struct db_rows rows;

    TRY(store_queue_counts(a, tx, tenant, user, &rows, e));
    *ret = (struct queue_counts){.labels = arena_array_of(a, rows.n + 1, struct label_count)};
    for (size_t i = 0; i < rows.n; i++)
        add_count(ret, db_text(&rows, i, 0), db_uuid(&rows, i, 1), db_i64(&rows, i, 2));
    return ST_OK;
}

/* --- what people have seen --------------------------------------------------------------------------------------------- */

enum status conversation_read(struct arena *a, struct tx *tx, struct seen_by seen, struct err *e) {
    struct conversation c;
    struct str who = uuid_format(a, seen.user.v);
    int64_t count = seen.count, changed = 0;

    TRY(store_conversation_lock(a, tx, seen.tenant, seen.conversation, &c, e)); /* or a 404 */
    if (count < 0 || count > c.inbound_count)
        count = c.inbound_count;
    TRY(store_conversation_read(tx, &c, count, seen.now_ms, &changed, e));
    if (changed == 0)
        return ST_OK;
    return event_add(tx,
                     (struct event){.tenant = seen.tenant,
                                    .conversation = seen.conversation,
                                    .kind = STR("conversation.read"),
                                    .data = arena_printf(a, "{\"count\":%lld,\"user\":\"%.*s\"}",
                                                         (long long)count, STR_ARG(who)),
                                    .at_ms = seen.now_ms},
                     e);
}
