/* store_segment.c - SQL of a saved segment's filter.
 * SPDX-License-Identifier: Apache-2.0 */
#include "lead/store.h"

enum status lead_segment_filter(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                struct uuid segment, const struct json **ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, DB_SQL("SELECT filter FROM segments WHERE tenant_id = $1 AND id = $2"),
                 &rows, e, V_UUID(tenant.v), V_UUID(segment)));
    if (rows.n == 0)
        FAIL(e, ST_NOT_FOUND, "there is no such segment");
    return json_parse(a, db_text(&rows, 0, 0), JSON_LIMITS_DEFAULT, ret, e);
}
