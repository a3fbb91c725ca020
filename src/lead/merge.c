/* merge.c - two leads turn out to be one, and how to take that back.
 *
 * What a merge remembers, as JSON: {"keep": columns before, "after": columns behind it, "had": parts of the one kept,
 * "gave": parts of the other, "talks": ids of its conversations}. A part is {"phones": [], "emails": [], "tags": [], "keys":
 * [kind, value, …]}. The row of the one that is gone does not change but for merged_into.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <assert.h>

#include "lead/filter.h"
#include "lead/person.h"
#include "lead/store.h"

enum { SNAPSHOT_BYTES = 1 << 20 };

struct merge {
    struct arena *a;
    struct tx *tx;
    struct tenant_id tenant;
    struct lead_row *keep, *gone;
    int64_t now_ms;
};

/* --- remembering ------------------------------------------------------------------------------------------ */

static void put_columns(struct json_out *o, const char *key, const struct lead_row *row) {
    json_obj(o, key);
    json_put_str(o, "name", row->name);
    json_put_str(o, "company", row->company);
    json_put_str(o, "document", row->document);
    json_put_str(o, "document_kind", row->document_kind);
    json_put_str(o, "fields", row->fields);
    json_put_str(o, "tags", row->tags);
    json_put_str(o, "state", row->state);
    json_put_i64(o, "marketing_stopped_at", row->marketing_stopped_at_ms);
    json_end(o);
}

static enum status put_parts(const struct merge *m, struct json_out *o, const char *key,
                             const struct lead_row *row, struct err *e) {
    struct person tagged = {.tags = row->tags};
    struct db_rows keys;

    TRY(store_keys_of(m->a, m->tx, m->tenant, row->id, &keys, e));
    json_obj(o, key);
    json_arr(o, "phones");
    for (size_t i = 0; i < row->n_phones; i++)
        json_put_str(o, NULL,
                     row->phones[i].e164.len > 0 ? row->phones[i].e164 : row->phones[i].typed);
    json_end(o);
    json_arr(o, "emails");
    for (size_t i = 0; i < row->n_emails; i++)
        json_put_str(o, NULL, row->emails[i].address);
    json_end(o);
    person_tags(m->a, &tagged);
    json_arr(o, "tags");
    for (size_t i = 0; i < tagged.n_tags; i++)
        json_put_str(o, NULL, tagged.tag_list[i].key);
    json_end(o);
    json_arr(o, "keys");
    for (size_t i = 0; i < keys.n; i++) {
        json_put_str(o, NULL, db_text(&keys, i, 0));
        json_put_str(o, NULL, db_text(&keys, i, 1));
    }
    json_end(o);
    json_end(o);
    return ST_OK;
}

/* --- what the one that stays becomes ------------------------------------------------------------------------ */

static struct str union_tags(struct arena *a, struct str one, struct str other) {
    struct person p = {.tags = one}, q = {.tags = other};

    person_tags(a, &p);
    person_tags(a, &q);
    for (size_t i = 0; i < q.n_tags && p.n_tags < LEAD_TAGS_MAX; i++) {
        bool is_known = false;

        for (size_t k = 0; k < p.n_tags; k++)
            is_known = is_known || str_eq(p.tag_list[k].key, q.tag_list[i].key);
        if (!is_known)
            p.tag_list[p.n_tags++] = q.tag_list[i];
    }
    person_put_tags(a, &p);
    return p.tags;
}

/* How much a state tells: the one that tells more stays. */
static int rank_of(struct str state) {
    static const char *const by_rank[] = {"new",     "unreachable", "contacting",
                                          "replied", "qualifying",  "scheduled",
                                          "lost",    "won",         "opted_out"};

    for (int i = 0; i < (int)ARRAY_LEN(by_rank); i++) {
        if (str_eq(state, str_of(by_rank[i])))
            return i;
    }
    return -1;
}

static struct lead_row joined(struct arena *a, const struct lead_row *keep,
                              const struct lead_row *gone) {
    struct lead_row row;

    assert(keep && gone);
    row = *keep;

    if (row.name.len == 0)
        row.name = gone->name;
    if (row.company.len == 0)
        row.company = gone->company;
    if (row.document.len == 0) {
        row.document = gone->document;
        row.document_kind = gone->document_kind;
    }
    row.fields = fields_filled(a, keep->fields, gone->fields);
    row.tags = union_tags(a, keep->tags, gone->tags);
    if (rank_of(gone->state) > rank_of(row.state))
        row.state = gone->state;
    if (gone->last_inbound_at_ms > row.last_inbound_at_ms)
        row.last_inbound_at_ms = gone->last_inbound_at_ms;
    if (row.marketing_stopped_at_ms == 0) /* who wants no marketing wants none under either name */
        row.marketing_stopped_at_ms = gone->marketing_stopped_at_ms;
    return row;
}

/* --- there ---------------------------------------------------------------------------------------------------- */

static enum status load(struct merge *m, struct lead_id keep, struct lead_id gone, struct err *e) {
    struct lead_page page;
    const struct lead_id ids[] = {keep, gone};

    TRY(lead_rows_some(m->a, m->tx, m->tenant, ids, 2, &page, e));
    if (page.n != 2)
        FAIL(e, ST_NOT_FOUND, "no such lead, or it was merged already");
    m->keep = page.items[0];
    m->gone = page.items[1];
    return ST_OK;
}

static enum status note(const struct merge *m, const char *kind, struct lead_id of,
                        struct lead_id other, struct uuid merge, struct str actor, struct err *e) {
    struct str data =
        arena_printf(m->a, "{\"lead\":\"%.*s\",\"merge\":\"%.*s\"}",
                     STR_ARG(uuid_format(m->a, other.v)), STR_ARG(uuid_format(m->a, merge)));

    return lead_note(m->tx,
                     &(struct lead_event){.tenant = m->tenant,
                                          .lead = of,
                                          .kind = str_of(kind),
                                          .data = data,
                                          .actor = actor,
                                          .at_ms = m->now_ms},
                     e);
}

static enum status remember(const struct merge *m, const struct lead_row *after, struct str talks,
                            struct str *ret, struct err *e) {
    struct json_out o;
    struct buf b;
    enum status st;

    buf_init(&b, SNAPSHOT_BYTES);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    put_columns(&o, "keep", m->keep);
    put_columns(&o, "after", after);
    st = put_parts(m, &o, "had", m->keep, e);
    if (st == ST_OK)
        st = put_parts(m, &o, "gave", m->gone, e);
    json_put_raw(&o, "talks", talks);
    json_end(&o);
    *ret = arena_str(m->a, buf_str(&b));
    buf_done(&b);
    return st;
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status lead_merge(struct arena *a, struct tx *tx, struct tenant_id tenant, struct lead_id keep,
                       struct lead_id gone, struct str talks, struct str actor, int64_t now_ms,
                       struct uuid *ret_merge, struct err *e) {
    struct merge m = {.a = a, .tx = tx, .tenant = tenant, .now_ms = now_ms};
    struct merge_row row = {.id = uuid_new(), .keep = keep, .gone = gone};
    struct lead_row after;

    if (uuid_eq(keep.v, gone.v))
        FAIL(e, ST_INVALID, "other: a lead is not merged into itself");
    TRY(load(&m, keep, gone, e));
    after = joined(a, m.keep, m.gone);
    TRY(remember(&m, &after, talks, &row.before, e));
    TRY(store_identities_move(tx, tenant, gone, keep, now_ms, e));
    TRY(store_parts_move(tx, tenant, gone, keep, e));
    TRY(store_lead_write(a, tx, tenant, &after, now_ms, e));
    TRY(store_lead_merged(tx, tenant, gone, keep, now_ms, e));
    TRY(store_merge_insert(tx, tenant, &row, actor, now_ms, e));
    *ret_merge = row.id;
    return note(&m, "lead.merged", keep, gone, row.id, actor, e);
}

enum status lead_merge_remember(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                struct lead_id gone, struct str talks, struct err *e) {
    const struct json *snapshot, *value;
    struct merge_row row;
    struct json_out o;
    struct str key;
    struct buf b;

    TRY(store_merge_newest(a, tx, tenant, gone, &row, e));
    if (uuid_is_nil(row.id))
        return ST_OK;
    TRY(json_parse(a, row.before, JSON_LIMITS_DEFAULT, &snapshot, e));
    buf_init(&b, SNAPSHOT_BYTES);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    for (size_t i = 0; json_member(snapshot, i, &key, &value); i++)
        if (!str_eq(key, STR("talks")))
            json_put_json(&o, arena_cstr(a, key), value);
    json_put_raw(&o, "talks", talks);
    json_end(&o);
    row.before = arena_str(a, buf_str(&b));
    buf_done(&b);
    return store_merge_rewrite(tx, tenant, row.id, row.before, e);
}

/* --- and back ------------------------------------------------------------------------------------------------- */

static bool has_text(const struct json *list, struct str text) {
    for (size_t i = 0; i < json_len(list); i++) {
        if (str_eq(json_str(json_at(list, i)), text))
            return true;
    }
    return false;
}

static enum status give_back(const struct merge *m, const struct merge_row *row,
                             const struct json *snapshot, const char *list, enum lead_part part,
                             struct err *e) {
    const struct json *gave = json_path(snapshot, "gave", list, NULL);
    const struct json *had = json_path(snapshot, "had", list, NULL);
    size_t step = part == PART_KEY ? 2 : 1;

    for (size_t i = 0; i + step <= json_len(gave); i += step) {
        struct part_back back = {
            .part = part,
            .kind = part == PART_KEY ? json_str(json_at(gave, i)) : STR_EMPTY,
            .value = json_str(json_at(gave, i + step - 1)),
            .position = (int64_t)i,
        };

        back.is_taken = !has_text(had, back.value);
        TRY(store_part_back(m->tx, m->tenant, row->keep, row->gone, &back, e));
    }
    return ST_OK;
}

static void text_back(const struct json *snapshot, const char *column, struct str *text) {
    if (str_eq(*text, json_str(json_path(snapshot, "after", column, NULL))))
        *text = json_str(json_path(snapshot, "keep", column, NULL));
}

/* Columns that stand as the merge left them are what they were before. */
static void columns_back(struct lead_row *row, const struct json *snapshot) {
    text_back(snapshot, "name", &row->name);
    text_back(snapshot, "company", &row->company);
    text_back(snapshot, "document", &row->document);
    text_back(snapshot, "document_kind", &row->document_kind);
    text_back(snapshot, "fields", &row->fields);
    text_back(snapshot, "tags", &row->tags);
    text_back(snapshot, "state", &row->state);
    if (row->marketing_stopped_at_ms ==
        json_i64(json_path(snapshot, "after", "marketing_stopped_at", NULL), 0))
        row->marketing_stopped_at_ms =
            json_i64(json_path(snapshot, "keep", "marketing_stopped_at", NULL), 0);
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status lead_merge_undo(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct uuid merge, struct str actor, int64_t now_ms,
                            struct lead_unmerged *ret, struct err *e) {
    struct merge m = {.a = a, .tx = tx, .tenant = tenant, .now_ms = now_ms};
    const struct json *snapshot;
    struct merge_row row;
    struct lead_page page;

    TRY(store_merge_get(a, tx, tenant, merge, &row, e));
    if (row.undone_at_ms != 0)
        FAIL(e, ST_CONFLICT, "the merge was undone already");
    TRY(json_parse(a, row.before, JSON_LIMITS_DEFAULT, &snapshot, e));
    TRY(lead_rows_some(a, tx, tenant, &row.keep, 1, &page, e));
    if (page.n == 0)
        FAIL(e, ST_CONFLICT,
             "the lead that was kept has been merged into another: undo that first");
    TRY(store_lead_merged(tx, tenant, row.gone, (struct lead_id){0}, now_ms, e));
    TRY(give_back(&m, &row, snapshot, "phones", PART_PHONE, e));
    TRY(give_back(&m, &row, snapshot, "emails", PART_EMAIL, e));
    TRY(give_back(&m, &row, snapshot, "tags", PART_TAG, e));
    TRY(give_back(&m, &row, snapshot, "keys", PART_KEY, e));
    columns_back(page.items[0], snapshot);
    TRY(store_lead_write(a, tx, tenant, page.items[0], now_ms, e));
    TRY(store_merge_undone(tx, tenant, merge, now_ms, e));
    *ret = (struct lead_unmerged){
        .keep = row.keep,
        .gone = row.gone,
        .talks = STR("[]"),
    };

    struct buf b;

    buf_init(&b, SNAPSHOT_BYTES);
    json_write(&b, json_get(snapshot, "talks"));
    ret->talks = arena_str(a, buf_str(&b));
    buf_done(&b);
    TRY(note(&m, "lead.unmerged", row.keep, row.gone, merge, actor, e));
    return note(&m, "lead.unmerged", row.gone, row.keep, merge, actor, e);
}
