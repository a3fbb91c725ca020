/* profile.c - what people see of a lead and may change.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"
#include "lead/document.h"
#include "lead/store.h"
#include "json/json.h"

enum { MERGES_MAX = 16 }; /* each merge goes to an older lead, so the way ends by itself */

enum status lead_profile(struct arena *a, struct tx *tx, struct tenant_id tenant, struct lead_id id,
                         struct lead_profile *ret, struct err *e) {
    for (int i = 0; i < MERGES_MAX; i++) {
        struct lead_id merged;

        TRY(store_lead_profile(a, tx, tenant, id, ret, &merged, e));
        if (uuid_is_nil(merged.v))
            return ST_OK;
        id = merged;
    }
    FAIL(e, ST_BROKEN, "a lead was merged more than %d times", MERGES_MAX);
}

enum status lead_list_phone(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct str digits, size_t limit, struct lead_list *ret, struct err *e) {
    struct db_rows rows;

    TRY(store_leads_by_phone(a, tx, tenant, digits, limit, &rows, e));
    *ret = (struct lead_list){.items = arena_array_of(a, rows.n + 1, struct lead_id), .n = rows.n};
    for (size_t i = 0; i < rows.n; i++)
        ret->items[i].v = db_uuid(&rows, i, 0);
    return ST_OK;
}

/* *ret_keys: folded, in a. */
static bool are_tags(struct arena *a, struct str text, struct str *ret_keys, size_t *ret_n) {
    struct err why = ERR_INIT;
    const struct json *tags;

    if (json_parse(a, text, JSON_LIMITS_DEFAULT, &tags, &why) != ST_OK ||
        json_type(tags) != JSON_ARRAY || json_len(tags) > LEAD_TAGS_MAX)
        return false;
    *ret_n = json_len(tags);
    for (size_t i = 0; i < json_len(tags); i++) {
        struct str tag = str_trim(json_str(json_at(tags, i)));

        if (tag.len == 0 || utf8_count(tag) > LEAD_TAG_MAX)
            return false;
        ret_keys[i] = utf8_fold(a, tag);
    }
    return true;
}

static bool are_fields(struct arena *a, struct str text) {
    const struct json_limits limits = {
        .max_bytes = LEAD_FIELDS_BYTES, .max_depth = 4, .max_values = 1000};
    struct err why = ERR_INIT;
    const struct json *fields;

    return json_parse(a, text, limits, &fields, &why) == ST_OK &&
           json_type(fields) == JSON_OBJECT && json_len(fields) <= LEAD_FIELDS_MAX;
}

enum status lead_edit(struct arena *a, struct tx *tx, struct tenant_id tenant,
                      const struct lead_profile *p, bool is_named, int64_t now_ms, struct err *e) {
    struct str keys[LEAD_TAGS_MAX];
    struct lead_profile edited = *p;
    struct document document;
    size_t n_keys = 0;

    if (utf8_count(p->name) > LEAD_NAME_MAX || (is_named && str_trim(p->name).len == 0))
        FAIL(e, ST_INVALID, "name: 1 to %d characters", LEAD_NAME_MAX);
    if (utf8_count(p->company) > LEAD_NAME_MAX)
        FAIL(e, ST_INVALID, "company: at most %d characters", LEAD_NAME_MAX);
    if (!document_read(a, p->document, &document))
        FAIL(e, ST_INVALID, "document: no CPF or CNPJ, or its check digits are wrong");
    if (!are_tags(a, p->tags, keys, &n_keys))
        FAIL(e, ST_INVALID, "tags: at most %d texts of 1 to %d characters", LEAD_TAGS_MAX,
             LEAD_TAG_MAX);
    if (!are_fields(a, p->fields))
        FAIL(e, ST_INVALID, "fields: an object of at most %d members and %d bytes", LEAD_FIELDS_MAX,
             LEAD_FIELDS_BYTES);
    edited.document = document.value;
    edited.document_kind = str_of(document.kind);
    TRY(store_lead_edit(a, tx, tenant, &edited, is_named, now_ms, e));
    return store_tags_replace(tx, tenant, p->id, keys, n_keys, e);
}
