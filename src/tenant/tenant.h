/* tenant.h - whose data it is and who may touch it: tenants, users, sessions, API keys, provider accounts, audit log.
 * Functions taking a struct tx run inside the caller's transaction, whose scope must permit the tenant.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "crypto/crypto.h"
#include "db/db.h"
#include "httpd/httpd.h"
#include "provider/provider.h"

/* --- tenants ---------------------------------------------------------------------------------------------------- */

struct tenant {
    struct tenant_id id;
    struct str slug;      /* [a-z0-9-], 2 to 40 characters, unique */
    struct str name;
    struct str locale;    /* "pt-BR" */
    struct str timezone;  /* "America/Sao_Paulo" */
    bool is_active;
    int64_t created_at_ms;
};

struct tenant_new { struct str slug, name, locale, timezone; }; /* empty: slug as name, pt-BR, America/Sao_Paulo */
enum status tenant_add(struct arena *a, struct tx *tx, struct tenant_new in, struct tenant *ret, struct err *e)
    ATTR_MUST_CHECK;
enum status tenant_find_slug(struct arena *a, struct tx *tx, struct str slug, struct tenant *ret, struct err *e)
    ATTR_MUST_CHECK;
enum status tenant_get(struct arena *a, struct tx *tx, struct tenant_id id, struct tenant *ret, struct err *e)
    ATTR_MUST_CHECK;
enum status tenant_list(struct arena *a, struct tx *tx, struct tenant **ret, size_t *ret_n, struct err *e)
    ATTR_MUST_CHECK;
enum status tenant_set_active(struct tx *tx, struct tenant_id id, bool is_active, struct err *e) ATTR_MUST_CHECK;

/* --- users and sessions ----------------------------------------------------------------------------------------- */

struct user {
    struct user_id id;
    struct tenant_id tenant;
    struct str email;     /* lower case, unique per tenant */
    struct str name;
    enum role role;
    bool is_active;
    int64_t created_at_ms;
};

struct user_new { struct tenant_id tenant; struct str email, name, password; enum role role; };
/* Hashes the password (slow): call outside transactions. */
enum status user_add(struct arena *a, struct db *db, struct user_new in, struct user *ret, struct err *e)
    ATTR_MUST_CHECK;
enum status user_list(struct arena *a, struct tx *tx, struct tenant_id tenant, struct user **ret, size_t *ret_n,
                      struct err *e) ATTR_MUST_CHECK;
enum status user_set_password(struct db *db, struct tenant_id tenant, struct str email, struct str password,
                              struct err *e) ATTR_MUST_CHECK;
enum status user_set_active(struct tx *tx, struct tenant_id tenant, struct str email, bool is_active, struct err *e)
    ATTR_MUST_CHECK;
bool role_parse(struct str s, enum role *ret);
const char *role_name(enum role role);

/* Checks the password (slow, same time for unknown users) and opens a session; *ret_token goes into the cookie and is
 * stored only as a digest. ST_DENIED: wrong, inactive, or too many tries (ST_LIMITED). */
enum status session_open(struct arena *a, struct db *db, struct str tenant_slug, struct str email, struct str password,
                         struct str *ret_token, struct user *ret, struct err *e) ATTR_MUST_CHECK;
/* A session without a password, for the demo's own page. */
enum status session_open_trusted(struct arena *a, struct tx *tx, struct tenant_id tenant, struct user_id user,
                                 struct str *ret_token, struct err *e) ATTR_MUST_CHECK;
enum status session_close(struct tx *tx, struct str token, struct err *e) ATTR_MUST_CHECK;
#define SESSION_COOKIE "prosa_session"

/* --- API keys ---------------------------------------------------------------------------------------------------- */

struct api_key { struct uuid id; struct tenant_id tenant; struct str name, scopes, prefix; int64_t created_at_ms,
    last_used_at_ms, revoked_at_ms; };
/* *ret_secret ("prosa_…") is told once and stored only as a digest. scopes: space- or comma-separated of
 * "<resource>:<read|write|*>", "read", "write", "admin" or "*"; ST_INVALID names the unknown one and lists what there is. */
enum status api_key_add(struct arena *a, struct tx *tx, struct tenant_id tenant, struct str name, struct str scopes,
                        struct str *ret_secret, struct api_key *ret, struct err *e) ATTR_MUST_CHECK;
enum status api_key_list(struct arena *a, struct tx *tx, struct tenant_id tenant, struct api_key **ret, size_t *ret_n,
                         struct err *e) ATTR_MUST_CHECK;
enum status api_key_revoke(struct tx *tx, struct tenant_id tenant, struct uuid id, struct err *e) ATTR_MUST_CHECK;

/* --- who calls ----------------------------------------------------------------------------------------------------- */

/* Session cookie or "Authorization: Bearer prosa_…" → principal, checked against the route's role and scope. Answers come
 * from a short-lived cache (a few seconds; revocation takes effect within it across nodes). */
struct authenticator;
enum status authenticator_new(struct db *db, struct authenticator **ret, struct err *e) ATTR_MUST_CHECK;
void authenticator_free(struct authenticator *au);
enum status authenticate(struct authenticator *au, struct req *r, struct principal *ret, struct err *e)
    ATTR_MUST_CHECK;

/* --- provider accounts --------------------------------------------------------------------------------------------- */

/* Settings are JSON members of client_providers.settings, secrets are sealed one by one. For one (tenant, kind) the order
 * is: active rows of client_providers, the preferred first; then the tenant's old columns / tools_config (tenants.legacy,
 * JSON), read only. */
struct account {
    struct account_id id;      /* nil: from the old columns */
    struct tenant_id tenant;
    struct str kind;           /* "meta", "openai" */
    struct str name;
    struct str address;        /* unique per kind among active rows of the installation: an inbound message has one owner */
    const struct json *settings;
    bool is_active;
    struct str state;          /* "ok" or why it is stopped: "blocked" */
    struct str state_reason;
    int64_t created_at_ms, updated_at_ms;
};

struct setting { struct str key, value; };
struct account_new {
    struct tenant_id tenant;
    struct str kind, name, address;
    const struct setting *settings; size_t n_settings;
    const struct setting *secrets;  size_t n_secrets;
};
/* ST_INVALID: unknown setting or secret for the kind, or a bad value; ST_CONFLICT: the address belongs to another. */
enum status account_add(struct arena *a, struct tx *tx, const struct keyring *keys, struct account_new in,
                        struct account *ret, struct err *e) ATTR_MUST_CHECK;
enum status account_update(struct arena *a, struct tx *tx, const struct keyring *keys, struct account_id id,
                           struct account_new in, struct account *ret, struct err *e) ATTR_MUST_CHECK;
enum status account_set_active(struct tx *tx, struct tenant_id tenant, struct account_id id, bool is_active,
                               struct err *e) ATTR_MUST_CHECK;
/* The provider refused the account itself: sends park until a person clears it with state "ok". */
enum status account_set_state(struct tx *tx, struct tenant_id tenant, struct account_id id, struct str state,
                              struct str reason, struct err *e) ATTR_MUST_CHECK;
enum status account_list(struct arena *a, struct tx *tx, struct tenant_id tenant, struct account **ret, size_t *ret_n,
                         struct err *e) ATTR_MUST_CHECK;
enum status account_get(struct arena *a, struct tx *tx, struct account_id id, struct account *ret, struct err *e)
    ATTR_MUST_CHECK;
/* First of the fallback order; kind "openai" say. ST_NOT_FOUND: none. */
enum status account_find_kind(struct arena *a, struct tx *tx, struct tenant_id tenant, struct str kind,
                              struct account *ret, struct err *e) ATTR_MUST_CHECK;
/* Owner of an inbound call by address, inactive ones too (is_active tells). System scope. */
enum status account_find_address(struct arena *a, struct tx *tx, struct str kind, struct str address,
                                 struct account *ret, struct err *e) ATTR_MUST_CHECK;
/* Every account whose settings' waba_id is group. System scope. */
enum status account_find_group(struct arena *a, struct tx *tx, struct str kind, struct str group, struct account *ret,
                               struct err *e) ATTR_MUST_CHECK;
/* Opens one secret; empty and ST_OK when not set. */
enum status account_secret(struct arena *a, struct tx *tx, const struct keyring *keys, const struct account *account,
                           const char *name, struct str *ret, struct err *e) ATTR_MUST_CHECK;

struct channel_defaults { struct str base_url, version, app_secret, verify_token; }; /* the installation's */
/* What an adapter needs of an account: settings base_url, graph_version; secrets access_token, app_secret, verify_token. */
enum status account_channel(struct arena *a, struct tx *tx, const struct keyring *keys, const struct account *account,
                            struct channel_defaults defaults, struct channel *ret, struct err *e) ATTR_MUST_CHECK;
/* Seals every secret that is under an older key anew; *ret_n says how many. */
enum status account_reseal(struct db *db, const struct keyring *keys, int64_t *ret_n, struct err *e) ATTR_MUST_CHECK;

/* --- audit ----------------------------------------------------------------------------------------------------------- */

struct audit { struct tenant_id tenant; struct str actor; /* "user:<id>", "key:<id>", "cli", "system" */
    const char *action; /* "key.add" */ struct str object; /* "key:<id>" */ struct str detail; /* JSON, no secrets */ };
/* Appends; part of the caller's transaction, so that what happened and its record stand together. */
enum status audit_add(struct tx *tx, struct audit entry, struct err *e) ATTR_MUST_CHECK;
