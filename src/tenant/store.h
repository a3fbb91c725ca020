/* store.h - the statements on what tenants own; private to tenant/. All SQL of the module is in
 * store_*.c; a public function that is one statement is implemented there as well.
 *
 * Every statement filters on tenant_id, but for those marked "system": they find out whose
 * something is (a token's digest, an address), or serve all tenants alike (sealing anew), and need
 * a transaction of system scope.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/clock.h"
#include "tenant/tenant.h"

/* The tenant that statements of tx are held to; nil in system scope, where the statement's other
 * keys decide. */
struct tenant_id store_scope_tenant(const struct tx *tx);

/* --- tenants and users ----------------------------------------------------------------------- */

/* ST_CONFLICT: the slug is taken. */
enum status store_tenant_insert(struct tx *tx, const struct tenant *tenant, struct err *e)
    ATTR_MUST_CHECK;
/* ST_NOT_FOUND when there is no such tenant. */
enum status store_tenant_legacy(struct arena *a, struct tx *tx, struct tenant_id id,
                                struct str *ret_json, struct err *e) ATTR_MUST_CHECK;
enum status store_tenant_legacy_put(struct tx *tx, struct tenant_id id, struct str json,
                                    struct err *e) ATTR_MUST_CHECK;
/* Names of people and things, as shown on pages and in logs. */
enum status tenant_check_name(struct str name, struct err *e) ATTR_MUST_CHECK;

/* ST_CONFLICT: the e-mail is taken. */
enum status store_user_insert(struct tx *tx, const struct user *user, struct str password_hash,
                              struct err *e) ATTR_MUST_CHECK;
/* ST_NOT_FOUND; *ret_id is whose. */
enum status store_user_password(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                struct str email, struct str password_hash, struct user_id *ret_id,
                                struct err *e) ATTR_MUST_CHECK;
enum status store_user_active(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct str email, bool is_active, struct user_id *ret_id,
                              struct err *e) ATTR_MUST_CHECK;
/* system. By slug and e-mail with what a login needs; ret->id is nil when there is nobody. */
struct login_row {
    struct user user;
    struct str password_hash;
    bool is_tenant_active;
};
enum status store_user_login(struct arena *a, struct tx *tx, struct str slug, struct str email,
                             struct login_row *ret, struct err *e) ATTR_MUST_CHECK;

enum status store_user_update(struct tx *tx, const struct user *user, struct err *e)
    ATTR_MUST_CHECK;
enum status store_user_put_password(struct tx *tx, struct tenant_id tenant, struct user_id id,
                                    struct str password_hash, struct err *e) ATTR_MUST_CHECK;
/* Empty: no such user. */
enum status store_user_get_password(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                    struct user_id id, struct str *ret_hash, struct err *e)
    ATTR_MUST_CHECK;
/* Active admins of the tenant; from here to the end of the transaction nobody else changes how many. */
enum status store_user_count_admins(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                    int64_t *ret, struct err *e) ATTR_MUST_CHECK;

/* --- second factor --------------------------------------------------------------------------- */

struct totp_row {
    struct tenant_id tenant;
    struct user_id user;
    struct str sealed; /* empty: none */
    bool is_confirmed;
    int64_t step;
};
enum status store_totp_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           struct user_id user, struct totp_row *ret, struct err *e)
    ATTR_MUST_CHECK;
/* Not confirmed; an empty sealed takes it away. Drops the recovery codes. */
enum status store_totp_put(struct tx *tx, struct tenant_id tenant, struct user_id user,
                           struct str sealed, struct err *e) ATTR_MUST_CHECK;
/* Marks the step as used, if it is later than the last one; *ret_done says whether. */
enum status store_totp_step(struct tx *tx, struct tenant_id tenant, struct user_id user,
                            int64_t step, bool *ret_done, struct err *e) ATTR_MUST_CHECK;
enum status store_totp_confirm(struct tx *tx, struct tenant_id tenant, struct user_id user,
                               struct err *e) ATTR_MUST_CHECK;
enum status store_recovery_add(struct tx *tx, struct tenant_id tenant, struct user_id user,
                               struct str digest, struct err *e) ATTR_MUST_CHECK;
enum status store_recovery_take(struct tx *tx, struct tenant_id tenant, struct user_id user,
                                struct str digest, bool *ret_done, struct err *e) ATTR_MUST_CHECK;
/* system. The next page of sealed secrets behind this user. */
enum status store_totp_page(struct arena *a, struct tx *tx, struct user_id after,
                            struct totp_row **ret, size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* Writes row->sealed if the sealed bytes are still `old`; *ret_done says whether. */
enum status store_totp_swap(struct tx *tx, const struct totp_row *row, struct str old,
                            bool *ret_done, struct err *e) ATTR_MUST_CHECK;

/* Lower case (ASCII) without white space around: the form e-mails are stored and compared in. */
struct str user_fold_email(struct arena *a, struct str email);

/* --- sessions -------------------------------------------------------------------------------- */

struct session_row {
    struct tenant_id tenant;
    struct user_id user;
    struct str digest, peer, agent;
    int64_t now_ms;
};
enum status store_session_insert(struct tx *tx, const struct session_row *row, struct err *e)
    ATTR_MUST_CHECK;
enum status store_session_delete_user(struct tx *tx, struct tenant_id tenant, struct user_id user,
                                      struct err *e) ATTR_MUST_CHECK;
/* All but the session of this digest; empty: all. */
enum status store_session_delete_others(struct tx *tx, struct tenant_id tenant, struct user_id user,
                                        struct str digest, struct err *e) ATTR_MUST_CHECK;
enum status store_session_delete_old(struct tx *tx, struct tenant_id tenant, int64_t now_ms,
                                     struct err *e) ATTR_MUST_CHECK;
enum status store_session_delete(struct tx *tx, struct str digest, struct err *e) ATTR_MUST_CHECK;

struct login_tries {
    int64_t tries, since_ms;
};
/* Counts one more try in the running window; a new one begins when there is none. */
enum status store_login_count(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct str subject, int64_t now_ms, struct login_tries *ret,
                              struct err *e) ATTR_MUST_CHECK;
enum status store_login_clear(struct tx *tx, struct tenant_id tenant, struct str subject,
                              struct err *e) ATTR_MUST_CHECK;
/* Counts a try of the subject (a digest) in a transaction of its own. ST_LIMITED: more than max in the running window. */
enum status login_try(struct db *db, struct str subject, int64_t max, struct err *e)
    ATTR_MUST_CHECK;
/* system. After a code that was good. */
enum status totp_forget_tries(struct tx *tx, struct user_id user, struct err *e) ATTR_MUST_CHECK;
/* The digest a session is stored under. */
struct str session_digest(struct arena *a, struct str token);
/* system. Forgets windows that are over. */
enum status store_login_purge(struct tx *tx, int64_t before_ms, struct err *e) ATTR_MUST_CHECK;

/* --- who calls ------------------------------------------------------------------------------- */

struct credential {             /* what a token stands for */
    struct principal principal; /* texts in the arena */
    bool is_user_active;
    bool is_tenant_active;
    int64_t created_at_ms;
    int64_t seen_at_ms;    /* of a session; last use of a key */
    int64_t revoked_at_ms; /* of a key; 0: not */
};
/* system. ret->principal.tenant is nil when the digest is unknown. */
enum status store_session_find(struct arena *a, struct tx *tx, struct str digest,
                               struct credential *ret, struct err *e) ATTR_MUST_CHECK;
enum status store_key_find(struct arena *a, struct tx *tx, struct str digest,
                           struct credential *ret, struct err *e) ATTR_MUST_CHECK;
enum status store_session_touch(struct tx *tx, struct tenant_id tenant, struct str digest,
                                int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
enum status store_key_touch(struct tx *tx, struct tenant_id tenant, struct uuid id, int64_t now_ms,
                            struct err *e) ATTR_MUST_CHECK;
enum status store_key_insert(struct tx *tx, const struct api_key *key, struct str digest,
                             struct err *e) ATTR_MUST_CHECK;

/* Stored scopes with "read", "write" and "admin" written out, as scope_permits() takes them. */
struct str key_expand_scopes(struct arena *a, struct str scopes);

/* --- provider accounts ----------------------------------------------------------------------- */

struct account_write { /* columns that are not the account's own members */
    const struct account *account;
    struct str settings; /* JSON text */
    struct str group;
};
/* ST_CONFLICT: the address belongs to another active account. */
enum status store_account_insert(struct tx *tx, struct account_write w, struct err *e)
    ATTR_MUST_CHECK;
enum status store_account_update(struct tx *tx, struct account_write w, struct err *e)
    ATTR_MUST_CHECK;
enum status store_account_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct account **ret, size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* ret->id is nil when there is none. */
enum status store_account_get(struct arena *a, struct tx *tx, struct account_id id,
                              struct account *ret, struct err *e) ATTR_MUST_CHECK;
enum status store_account_of_kind(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                  struct str kind, struct account *ret, struct err *e)
    ATTR_MUST_CHECK;
/* system. */
enum status store_account_by_address(struct arena *a, struct tx *tx, struct str kind,
                                     struct str address, struct account *ret, struct err *e)
    ATTR_MUST_CHECK;
/* system. The tenant whose old columns name the address, and that has no active account of the
 * kind; nil: none. */
enum status store_account_legacy_owner(struct arena *a, struct tx *tx, struct str kind,
                                       struct str address, struct tenant_id *ret, struct err *e)
    ATTR_MUST_CHECK;

struct sealed_row {
    struct tenant_id tenant;
    struct account_id account;
    struct str name;
    struct str sealed;
};
enum status store_secret_put(struct tx *tx, struct sealed_row row, struct err *e) ATTR_MUST_CHECK;
enum status store_secret_delete(struct tx *tx, struct tenant_id tenant, struct account_id account,
                                struct str name, struct err *e) ATTR_MUST_CHECK;
enum status store_secret_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct account_id account, struct sealed_row **ret, size_t *ret_n,
                              struct err *e) ATTR_MUST_CHECK;
/* system. The next page of all sealed secrets behind `after` (zero: from the first). */
enum status store_secret_page(struct arena *a, struct tx *tx, struct sealed_row after,
                              struct sealed_row **ret, size_t *ret_n, struct err *e)
    ATTR_MUST_CHECK;
/* Writes row->sealed if the sealed bytes are still `old`; *ret_done says whether. */
enum status store_secret_swap(struct tx *tx, struct sealed_row row, struct str old, bool *ret_done,
                              struct err *e) ATTR_MUST_CHECK;

/* --- audit ----------------------------------------------------------------------------------- */

/* Takes the next number of the tenant's chain, which other writers of it now wait for, and the hash
 * it follows. */
enum status store_audit_next(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             int64_t *ret_seq, struct str *ret_prev_hash, struct err *e)
    ATTR_MUST_CHECK;
enum status store_audit_insert(struct tx *tx, const struct audit_row *row, struct err *e)
    ATTR_MUST_CHECK;
/* Rows after `after`, oldest first. */
enum status store_audit_page(struct arena *a, struct tx *tx, struct tenant_id tenant, int64_t after,
                             struct audit_row **ret, size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* Zero and empty when nothing was ever recorded. */
enum status store_audit_head(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             int64_t *ret_seq, struct str *ret_hash, struct err *e) ATTR_MUST_CHECK;
