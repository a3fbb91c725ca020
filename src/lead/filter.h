/* filter.h - a filter as a tree of conditions, and the rows it looks at; private to lead/.
 *
 * Conditions are judged here, in C, on rows that one walk over an index brings: so both engines mean the same by "contains",
 * case and accents never matter, and no statement is put together at run time. A walk is chosen by what the filter surely
 * wants (filter_walk).
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "lead/lead.h"

enum { FILTER_DEPTH_MAX = 5, FILTER_CONDITIONS_MAX = 50, FILTER_VALUES_MAX = 200 };

enum filter_field {
    ON_STATE,
    ON_TAG,
    ON_NAME,
    ON_COMPANY,
    ON_DOCUMENT,
    ON_PHONE,
    ON_EMAIL,
    ON_SOURCE,
    ON_CREATED,
    ON_UPDATED,
    ON_HEARD,
    ON_DISPATCH,
    ON_OPTED_OUT,
    ON_CUSTOM,
};
enum filter_op {
    OP_IS,
    OP_NOT,
    OP_IN,
    OP_CONTAINS,
    OP_STARTS,
    OP_GT,
    OP_LT,
    OP_EXISTS,
    OP_MISSING
};
enum filter_kind { FILTER_ALL, FILTER_ANY, FILTER_CONDITION };

struct filter_node {
    enum filter_kind kind;
    struct filter_node *children;
    size_t n; /* children, or values */
    enum filter_field field;
    enum filter_op op;
    struct str custom;  /* of ON_CUSTOM: the member's name */
    struct str *values; /* folded; of phones digits alone */
    int64_t at_ms;      /* of a time */
    double number;      /* of a custom field's gt and lt */
    bool is_number, flag;
};

struct lead_filter {
    struct filter_node root;
    bool needs_phones, needs_emails;
};

/* scratch: what judging needs until the caller resets it. */
bool filter_takes(struct arena *scratch, const struct filter_node *node,
                  const struct lead_row *row);

/* --- store_walk.c ---------------------------------------------------------------------------------- */

enum walk_order { WALK_ID, WALK_NAME, WALK_COMPANY, WALK_UPDATED, WALK_HEARD, WALK_STATE };
struct lead_walk { /* a part of the tenant's leads in one order, from one place on */
    enum walk_order order;
    bool is_descending;
    struct str state,
        tag; /* at most one: those that have it; tag with WALK_ID, state also with WALK_UPDATED */
    struct lead_id after;  /* nil: from the start */
    struct str after_text; /* of the last row: what the order goes by */
    int64_t after_ms;
    size_t limit;
};
enum status store_lead_walk(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            const struct lead_walk *walk, struct lead_row **ret, size_t *ret_n,
                            struct err *e) ATTR_MUST_CHECK;
/* Those of ids that exist and are not merged, in order of id. */
enum status store_rows_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           const struct lead_id *ids, size_t n, struct lead_row **ret,
                           size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* Numbers, addresses and user ids of rows, which stand in any order. */
enum { ROW_PHONES = 1, ROW_EMAILS = 2, ROW_USER_ID = 4 };
enum status store_rows_details(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct lead_row *const *rows, size_t n, unsigned which,
                               struct err *e) ATTR_MUST_CHECK;
/* The one that a lead is by now, by following merges; nil when there is none. */
enum status store_lead_now(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           struct lead_id id, struct lead_id *ret, struct err *e) ATTR_MUST_CHECK;
/* The walk in order of id that passes by as few as possible of those the filter does not want; *ret_is_exact: all that it
 * brings are taken. */
struct lead_walk filter_walk(const struct lead_filter *filter, bool *ret_is_exact);
/* One step of a walk: the rows it brings that filter takes (room for walk->limit), and walk moved behind the last it looked at;
 * its limit is 0 at the end. */
enum status filter_rows(struct arena *a, struct tx *tx, struct tenant_id tenant,
                        const struct lead_filter *filter, struct lead_walk *walk,
                        struct lead_row **taken, size_t *ret_n, struct err *e) ATTR_MUST_CHECK;

/* Ids of leads, at most limit of each kind, whose number, address, document, name or company begins so. */
struct prefixes {
    struct str phones[2];             /* digits; empty: none */
    struct str email, document, name; /* name: folded, of a company as well */
};
enum status store_prefix_ids(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             const struct prefixes *p, size_t limit, struct lead_id **ret,
                             size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* By state, merged ones left out: rows (state, count). */
enum status store_state_counts(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct db_rows *ret, struct err *e) ATTR_MUST_CHECK;
/* How many a walk by id, state or tag brings. */
enum status store_walk_count(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             const struct lead_walk *walk, int64_t *ret, struct err *e)
    ATTR_MUST_CHECK;
/* The same of one tag, counted no further than max. */
enum status store_tag_count(struct arena *a, struct tx *tx, struct tenant_id tenant, struct str tag,
                            size_t max, int64_t *ret, struct err *e) ATTR_MUST_CHECK;
/* Puts a walk behind this row. */
void walk_place(struct lead_walk *walk, const struct lead_row *last);
