/* store.h - the statements on templates and template_syncs; private to template/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "template/template.h"

/* Rows of one name, usable ones first; account nil: only the tenant's own. */
enum status store_templates_named(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                  struct account_id account, const struct template *key,
                                  struct db_rows *ret, struct err *e) ATTR_MUST_CHECK;
enum status store_template_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct uuid id, struct db_rows *ret, struct err *e) ATTR_MUST_CHECK;
/* In order of name, language and id, behind `last` (its name empty: from the start). */
enum status store_templates_page(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                 const struct template_query *q, const struct template *last,
                                 struct db_rows *ret, struct err *e) ATTR_MUST_CHECK;
/* Of what the store_templates_… return. */
void store_template_at(struct arena *a, const struct db_rows *rows, size_t i, struct template *ret);
enum status store_template_insert(struct tx *tx, struct tenant_id tenant, const struct template *t,
                                  struct err *e) ATTR_MUST_CHECK;
enum status store_template_change(struct tx *tx, struct tenant_id tenant, const struct template *t,
                                  int64_t *ret_changed, struct err *e) ATTR_MUST_CHECK;
enum status store_template_delete(struct tx *tx, struct tenant_id tenant, struct uuid id,
                                  int64_t *ret_changed, struct err *e) ATTR_MUST_CHECK;
/* One of the provider's as it told at at_ms; started_ms: when it was asked, so that what a webhook told since then stands. */
enum status store_template_synced(struct tx *tx, const struct account *account, const char *channel,
                                  const struct template_item *item, int64_t started_ms,
                                  int64_t at_ms, struct err *e) ATTR_MUST_CHECK;
/* Those of the account that the provider did not tell of at at_ms. */
enum status store_templates_gone(struct tx *tx, const struct account *account, int64_t at_ms,
                                 struct err *e) ATTR_MUST_CHECK;
enum status store_template_learn(struct tx *tx, struct tenant_id tenant,
                                 const struct template_item *item, int64_t now_ms,
                                 int64_t *ret_changed, struct err *e) ATTR_MUST_CHECK;
struct template_mark { /* what a campaign goes by */
    struct uuid id;
    struct str status, quality, category;
};
/* In order of id. Of q account and name alone count. */
enum status store_template_marks(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                 const struct template_query *q, struct template_mark **ret,
                                 size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
enum status store_sync_put(struct tx *tx, struct tenant_id tenant, const struct template_sync *s,
                           struct err *e) ATTR_MUST_CHECK;
enum status store_sync_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct db_rows *ret, struct err *e) ATTR_MUST_CHECK;
enum status store_templates_count_own(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                      int64_t *ret, struct err *e) ATTR_MUST_CHECK;
