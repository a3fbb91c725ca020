/* store.h - the statements on team_settings and team_members; private to team/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "team/team.h"

struct settings_row {
    struct str timezone, settings; /* settings empty: none */
    int64_t version;
};
enum status store_settings_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct settings_row *ret, struct err *e) ATTR_MUST_CHECK;
/* settings.c, pure: `in` over what there is (now NULL: the defaults), checked whole. ST_INVALID names the member. */
enum status settings_change(struct arena *a, const struct json *now, const struct json *in,
                            struct str zone, const struct json **ret_whole,
                            struct team_settings *ret, struct err *e) ATTR_MUST_CHECK;
/* *ret_changed 0: the version is another one. */
enum status store_settings_put(struct tx *tx, struct tenant_id tenant, struct str settings,
                               int64_t version, int64_t now_ms, int64_t *ret_changed, struct err *e)
    ATTR_MUST_CHECK;

/* Of one user, or of all with the nil id. */
enum status store_members(struct arena *a, struct tx *tx, struct tenant_id tenant,
                          struct user_id user, struct db_rows *ret, struct err *e) ATTR_MUST_CHECK;
/* skills empty, capacity negative: as it is. */
enum status store_member_work(struct tx *tx, struct tenant_id tenant, struct user_id user,
                              struct str skills, int64_t capacity, struct err *e) ATTR_MUST_CHECK;
enum status store_member_presence(struct tx *tx, struct tenant_id tenant, struct user_id user,
                                  struct str presence, int64_t now_ms, struct err *e)
    ATTR_MUST_CHECK;
enum status store_member_turn(struct tx *tx, struct tenant_id tenant, struct user_id user,
                              int64_t assigned, int64_t now_ms, int64_t *ret_changed, struct err *e)
    ATTR_MUST_CHECK;
