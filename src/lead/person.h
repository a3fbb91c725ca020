/* person.h - a lead as a put or its undo works on it: read, changed in memory, written back; private to lead/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "lead/read.h"

struct person_phone {
    struct str e164, typed;
    int64_t position;
    struct read_phone read; /* of a new one */
    bool is_new;
};
struct person_email {
    struct str address;
    int64_t position;
    bool is_valid, is_new;
};

struct person { /* one lead that a call touches */
    struct lead_id id;
    bool is_new, is_changed, is_touched; /* is_touched: by this call */
    struct str name, name_key, company, company_key, document, document_kind, fields, tags, source;
    bool is_named;
    int64_t updated_at_ms;
    struct person_phone *phones;
    size_t n_phones, cap_phones;
    struct person_email *emails;
    size_t n_emails, cap_emails;
    struct read_tag *tag_list; /* tags, parsed when first needed */
    size_t n_tags;
    bool has_tag_list;
};

struct person_key { /* an identity */
    const char *kind;
    struct str value;
    struct str address;
};

/* --- store_put.c ----------------------------------------------------------------------------------- */

/* kind's values among `values` that lead to somebody: rows (value, lead_id). */
enum status store_keys_find(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            const char *kind, const struct str *values, size_t n,
                            struct db_rows *ret, struct err *e) ATTR_MUST_CHECK;
/* The leads of ids that exist, locked until the commit (PostgreSQL), in order of id. */
enum status store_persons_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              const struct lead_id *ids, size_t n, struct person **ret,
                              size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* Writes new and changed ones, their phones and addresses that are new. */
enum status store_persons_put(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct person *const *persons, size_t n, int64_t now_ms,
                              struct err *e) ATTR_MUST_CHECK;
struct key_row {
    struct person_key key;
    struct lead_id lead;
};
enum status store_keys_insert(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              const struct key_row *rows, size_t n, int64_t now_ms, struct err *e)
    ATTR_MUST_CHECK;
/* Rows (lead, text): of lead_tags, of keys "kind", … that go away. */
struct pair_row {
    struct lead_id lead;
    struct str kind, value;
};
enum status store_tags_insert(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              const struct pair_row *rows, size_t n, struct err *e) ATTR_MUST_CHECK;
enum status store_tags_delete(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              const struct pair_row *rows, size_t n, struct err *e) ATTR_MUST_CHECK;
/* A number's key stays as long as the number does. */
enum status store_keys_delete(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              const struct pair_row *rows, size_t n, struct err *e) ATTR_MUST_CHECK;
/* value: a number's e164, or how it was typed; one that wrote to us stays. */
enum status store_phones_delete(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                const struct pair_row *rows, size_t n, struct err *e)
    ATTR_MUST_CHECK;
enum status store_emails_delete(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                const struct pair_row *rows, size_t n, struct err *e)
    ATTR_MUST_CHECK;
/* Deletes those of ids that nothing happened to since they were made. ST_CONFLICT: something of another feature points at one.
 * *ret: ids of those deleted. */
enum status store_leads_delete(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               const struct lead_id *ids, size_t n, struct db_rows *ret,
                               struct err *e) ATTR_MUST_CHECK;

/* The same, also one that wrote to us: a person wants it gone. */
enum status store_phones_remove(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                const struct pair_row *rows, size_t n, struct err *e)
    ATTR_MUST_CHECK;

/* --- put.c -------------------------------------------------------------------------------------------- */

/* Adds a record's numbers and addresses to this lead, whoever its keys would lead to. */
enum status lead_put_to(struct arena *a, struct tx *tx, struct tenant_id tenant, struct lead_id id,
                        const struct lead_read *read, int64_t now_ms, struct lead_put_result *ret,
                        struct err *e) ATTR_MUST_CHECK;
/* The fields of one, with what the other has besides; JSON objects. */
struct str fields_filled(struct arena *a, struct str one, struct str other);

/* --- person.c --------------------------------------------------------------------------------------- */

/* Parses the person's tags once. */
void person_tags(struct arena *a, struct person *p);
/* Writes p->tags anew from its list. */
void person_put_tags(struct arena *a, struct person *p);
