/* tenant.h - whose data it is and who may touch it: tenants, users, sessions, API keys, provider
 * accounts, audit log. Functions taking a struct tx run inside the caller's transaction, whose
 * scope must permit the tenant.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "crypto/crypto.h"
#include "db/db.h"
#include "httpd/httpd.h"
#include "provider/provider.h"

/* --- tenants --------------------------------------------------------------------------------- */

struct tenant {
    struct tenant_id id;
    struct str slug; /* [a-z0-9-], 2 to 40 characters, unique */
    struct str name;
    struct str locale;   /* "pt-BR" */
    struct str timezone; /* "America/Sao_Paulo" */
    bool is_active;
    int64_t created_at_ms;
};

/* ST_INVALID: a slug or setting out of form; ST_CONFLICT: the slug is taken. System scope. */
struct tenant_new { /* empty: slug as name, pt-BR, America/Sao_Paulo */
    struct str slug, name, locale, timezone;
};
enum status tenant_add(struct arena *a, struct tx *tx, struct tenant_new in, struct tenant *ret,
                       struct err *e) ATTR_MUST_CHECK;
enum status tenant_find_slug(struct arena *a, struct tx *tx, struct str slug, struct tenant *ret,
                             struct err *e) ATTR_MUST_CHECK;
enum status tenant_get(struct arena *a, struct tx *tx, struct tenant_id id, struct tenant *ret,
                       struct err *e) ATTR_MUST_CHECK;
enum status tenant_list(struct arena *a, struct tx *tx, struct tenant **ret, size_t *ret_n,
                        struct err *e) ATTR_MUST_CHECK;
/* A disabled tenant's users and keys are refused and its calls are kept undone; nothing is
 * deleted. */
enum status tenant_set_active(struct tx *tx, struct tenant_id id, bool is_active, struct err *e)
    ATTR_MUST_CHECK;
/* Stores what an older system's row of this client held, as a JSON object: see "provider
 * accounts". */
enum status tenant_set_legacy(struct tx *tx, struct tenant_id id, struct str json, struct err *e)
    ATTR_MUST_CHECK;

/* --- users and sessions ---------------------------------------------------------------------- */

struct user {
    struct user_id id;
    struct tenant_id tenant;
    struct str email; /* lower case, unique per tenant */
    struct str name;
    enum role role;
    bool is_active;
    bool has_totp;     /* signs in with a second factor */
    struct str locale; /* empty: the tenant's */
    struct str theme;  /* "auto", "light", "dark" */
    int64_t created_at_ms;
};

struct user_new {
    struct tenant_id tenant;
    struct str email, name, password;
    enum role role;
};
enum { PASSWORD_MIN_POINTS = 8, PASSWORD_MAX_BYTES = 1024 };
/* Hashes the password (slow): call outside transactions. ST_CONFLICT: the e-mail is taken;
 * ST_INVALID: no e-mail, or a password too short or too long. */
enum status user_add(struct arena *a, struct db *db, struct user_new in, struct user *ret,
                     struct err *e) ATTR_MUST_CHECK;
enum status user_list(struct arena *a, struct tx *tx, struct tenant_id tenant, struct user **ret,
                      size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
enum status user_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct user_id id,
                     struct user *ret, struct err *e) ATTR_MUST_CHECK;
/* Ends the user's sessions as well; slow, outside transactions. ST_NOT_FOUND. */
enum status user_set_password(struct db *db, struct tenant_id tenant, struct str email,
                              struct str password, struct err *e) ATTR_MUST_CHECK;
/* Checks the password's form and hashes it (slow): outside transactions. */
enum status user_hash_password(struct arena *a, struct str password, struct str *ret, struct err *e)
    ATTR_MUST_CHECK;
/* Slow, counted like tries to log in. ST_DENIED with cause "password": it is wrong; ST_LIMITED. */
enum status user_check_password(struct db *db, struct tenant_id tenant, struct user_id id,
                                struct str password, struct err *e) ATTR_MUST_CHECK;
struct user_edit { /* NULL or empty: stays as it is */
    const struct str *name;
    const struct str *locale; /* "", "pt-BR", "en" */
    const struct str *theme;
    const enum role *role;
    const bool *is_active;
    struct str password_hash;
    struct str keep_token; /* a new password ends the user's sessions but for this one */
};
/* Disabling ends the user's sessions as well. ST_INVALID; ST_NOT_FOUND; ST_CONFLICT: without this user the tenant would have no
 * active admin. */
enum status user_edit(struct arena *a, struct tx *tx, struct tenant_id tenant, struct user_id id,
                      const struct user_edit *edit, struct user *ret, struct err *e)
    ATTR_MUST_CHECK;
/* Disabling ends the user's sessions. ST_NOT_FOUND. */
enum status user_set_active(struct tx *tx, struct tenant_id tenant, struct str email,
                            bool is_active, struct err *e) ATTR_MUST_CHECK;
bool role_parse(struct str s, enum role *ret);
const char *role_name(enum role role);

#define SESSION_MAX_MS  (INT64_C(30) * 24 * 3600 * 1000) /* from the login on */
#define SESSION_IDLE_MS (INT64_C(12) * 3600 * 1000)      /* since it was last seen */
enum {
    LOGIN_MAX_TRIES = 10, /* per account and peer; ten times that per account, from wherever */
    LOGIN_WINDOW_MS = 15 * 60 * 1000,
};
struct login {
    struct str tenant_slug, email, password, peer;
    struct str agent;     /* what the browser calls itself */
    struct str old_token; /* of the session that the browser brought along, which ends */
    struct str code;      /* the second factor: of the app, or a recovery code; empty: none yet */
};
/* Checks the password (slow, same time for unknown users) and opens a session; *ret_token goes into
 * the cookie and is stored only as a digest. ST_DENIED: tenant, user or password is wrong, or one
 * of them is disabled (not told apart); with cause "second-factor" the password was right and the
 * code is missing, wrong or used; ST_LIMITED: too many tries, err.retry_after_ms says how long. */
enum status session_open(struct arena *a, struct db *db, const struct keyring *keys,
                         struct login in, struct str *ret_token, struct user *ret, struct err *e)
    ATTR_MUST_CHECK;
/* A session without a password, for the demo's own page. */
enum status session_open_trusted(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                 struct user_id user, struct str *ret_token, struct err *e)
    ATTR_MUST_CHECK;
/* An unknown token is ST_OK. */
enum status session_close(struct tx *tx, struct str token, struct err *e) ATTR_MUST_CHECK;
#define SESSION_COOKIE "prosa_session"

struct session {
    struct uuid id;
    struct str peer, agent;
    int64_t created_at_ms, seen_at_ms;
    bool is_current; /* the one of the token asked with */
};
struct session_query {
    struct tenant_id tenant;
    struct user_id user;
    struct str token; /* which of them is the asker's */
};
/* The user's, last used first. */
enum status session_list(struct arena *a, struct tx *tx, struct session_query q,
                         struct session **ret, size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* ST_NOT_FOUND */
enum status session_end(struct tx *tx, struct tenant_id tenant, struct user_id user,
                        struct uuid session, struct err *e) ATTR_MUST_CHECK;

/* --- second factor ---------------------------------------------------------------------------- */

/* Time-based one-time codes (RFC 6238: SHA-1, 30 s, 6 digits) and recovery codes for when the device is lost. A code is good
 * once. */
enum { TOTP_RECOVERY_CODES = 10 };
struct totp_new {
    struct str secret; /* base32, told while it is not confirmed */
    struct str uri;    /* "otpauth://totp/…" for the QR code */
};
/* A new secret, which counts once confirmed. ST_CONFLICT: a second factor is in force. */
enum status totp_begin(struct arena *a, struct tx *tx, const struct keyring *keys,
                       const struct user *user, struct totp_new *ret, struct err *e)
    ATTR_MUST_CHECK;
/* ret: TOTP_RECOVERY_CODES texts, told once. ST_DENIED with cause "second-factor": the code is wrong; ST_CONFLICT: nothing was
 * begun, or it is confirmed already. */
enum status totp_confirm(struct arena *a, struct tx *tx, const struct keyring *keys,
                         const struct user *user, struct str code, struct str *ret, struct err *e)
    ATTR_MUST_CHECK;
/* Uses a code up; ST_OK also when no second factor is in force. ST_DENIED with cause "second-factor". */
enum status totp_use(struct tx *tx, const struct keyring *keys, const struct user *user,
                     struct str code, struct err *e) ATTR_MUST_CHECK;
/* Counts a try to give a second factor; its own transaction, before the code is looked at. ST_LIMITED. */
enum status totp_try(struct db *db, struct user_id user, struct err *e) ATTR_MUST_CHECK;
/* Takes the second factor away. */
enum status totp_reset(struct tx *tx, struct tenant_id tenant, struct user_id user, struct err *e)
    ATTR_MUST_CHECK;
/* Seals every secret that is under an older key anew; *ret_n says how many. */
enum status totp_reseal(struct db *db, const struct keyring *keys, int64_t *ret_n, struct err *e)
    ATTR_MUST_CHECK;

/* --- API keys -------------------------------------------------------------------------------- */

struct api_key {
    struct uuid id;
    struct tenant_id tenant;
    struct str name, scopes, prefix;
    int64_t created_at_ms, last_used_at_ms, revoked_at_ms;
};
struct api_key_new {
    struct tenant_id tenant;
    struct str name, scopes;
    struct str
        within; /* scopes of the key that asks for this one, which gets no more; empty: a person asks */
};
/* *ret_secret ("prosa_…") is told once and stored only as a digest. scopes: space- or
 * comma-separated of "<resource>:<read|write|*>", "read", "write", "admin" or "*"; ST_INVALID names
 * the unknown one and lists what there is. Write includes read. "read" and "write" leave out what
 * rules others: providers, users, keys, audit. */
enum status api_key_add(struct arena *a, struct tx *tx, struct api_key_new in,
                        struct str *ret_secret, struct api_key *ret, struct err *e) ATTR_MUST_CHECK;
/* What may be asked for, as one sentence for help texts. */
struct str api_key_scopes(struct arena *a);
enum status api_key_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct api_key **ret, size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* ST_NOT_FOUND: no such key, or revoked already. */
enum status api_key_revoke(struct tx *tx, struct tenant_id tenant, struct uuid id, struct err *e)
    ATTR_MUST_CHECK;

/* --- who calls ------------------------------------------------------------------------------- */

/* Session cookie or "Authorization: Bearer prosa_…" → principal, checked against the route's role
 * and scope. Answers come from a short-lived cache (a few seconds; revocation takes effect within
 * it across nodes). */
struct authenticator;
#define CALLERS_CHANNEL                                                                            \
    "prosa_callers" /* db_notify channel: sessions, keys, users or tenants ended or changed */
/* Nothing of the tenant's (nil: of anybody's) is remembered any longer: what changed holds on this node at once. After the
 * commit. */
void authenticator_forget(struct authenticator *au, struct tenant_id tenant);
enum status authenticator_new(struct db *db, struct authenticator **ret, struct err *e)
    ATTR_MUST_CHECK;
void authenticator_free(struct authenticator *au);
struct credentials { /* as they came; empty: not there */
    struct str authorization, session_cookie;
};
/* ret's texts are in a. ST_DENIED: cause "unauthenticated", "role", "scope" or "tenant-disabled".
 * A route without a scope is for users only. */
enum status authenticator_check(struct authenticator *au, struct arena *a, struct credentials in,
                                const struct route *route, struct principal *ret, struct err *e)
    ATTR_MUST_CHECK;
/* Whose credentials they were, without them: for what stays open after the request. */
struct caller_mark {
    uint8_t digest[SHA256_BYTES];
    bool is_session;
};
struct caller_mark caller_mark_of(struct credentials in);
/* Whether the session or key still permits the route; asks the database. As authenticator_check, but it is no use of it. */
enum status authenticator_still(struct authenticator *au, const struct caller_mark *mark,
                                const struct route *route, struct err *e) ATTR_MUST_CHECK;
/* The same for a request: the hook of httpd_options.auth. */
enum status authenticate(struct authenticator *au, struct req *r, struct principal *ret,
                         struct err *e) ATTR_MUST_CHECK;

/* --- provider accounts ----------------------------------------------------------------------- */

/* Settings are JSON members of client_providers.settings, secrets are sealed one by one. For one
 * (tenant, kind) the order is:
 *   1. active rows of client_providers: the preferred one, else the newest;
 *   2. the tenant's old columns / tools_config (tenants.legacy, JSON), read only; value by value
 *      the old column comes before tools_config. Such an account has the nil id, keeps no state and
 *      its secrets are as plain as they were.
 * Inactive rows are never used to send, and do not hide what stands in the old columns.
 *
 *   kind    value          old column                      in tools_config
 *   meta    address        whatsapp_phone_number_id        whatsapp.phone_number_id
 *           waba_id        whatsapp_business_account_id    whatsapp.waba_id
 *           display_phone  whatsapp_display_phone          whatsapp.display_phone
 *           access_token   whatsapp_access_token           whatsapp.access_token
 *           app_secret     whatsapp_app_secret             whatsapp.app_secret
 *           verify_token   whatsapp_verify_token           whatsapp.verify_token
 *           any other      -                               whatsapp.<name>
 *   openai  api_key        openai_api_key                  openai.api_key
 *           model          openai_model                    openai.model
 *           any other      -                               openai.<name>
 * They count as an account when address (meta) or api_key or base_url (openai) is there. */
struct account {
    struct account_id id; /* nil: from the old columns */
    struct tenant_id tenant;
    struct str kind; /* "meta", "openai" */
    struct str name;
    /* Unique per kind among active rows of the installation: an inbound message has one owner. */
    struct str address;
    const struct json *settings;
    bool is_active;
    bool is_preferred;
    struct str state; /* "ok" or why it is stopped: "blocked" */
    struct str state_reason;
    int64_t created_at_ms, updated_at_ms;
};

/* What each kind takes; the command line's help and the console's forms come from this table. */
enum account_value {
    ACCOUNT_TEXT, /* min to max characters */
    ACCOUNT_URL,  /* http(s), without query; stored without a slash at the end */
    ACCOUNT_DIGITS,
    ACCOUNT_VERSION, /* "v26.0" */
    ACCOUNT_INT,     /* min to max */
    ACCOUNT_REAL,
    ACCOUNT_BOOL,
    ACCOUNT_CURRENCY, /* "BRL" */
    ACCOUNT_EMAIL,    /* stored in lower case */
    ACCOUNT_HOST,     /* a name or an IP address, without a port */
    ACCOUNT_SECURITY, /* "tls", "starttls", "none" */
    ACCOUNT_MADE,     /* a secret text that account_add makes up when none is given */
};
struct account_field {
    const char *name;
    enum account_value type;
    bool is_secret;
    int64_t min, max;
    const char *summary;
};
struct account_kind {
    const char *name;
    const char *summary;
    const char *address; /* what its address is; NULL: it has none */
    const char *group;   /* the setting that several accounts share; NULL: none */
    const struct account_field *fields;
    size_t n_fields;
    bool is_address_email; /* else its address has digits only */
};
const struct account_kind *account_kinds(size_t *ret_n);
const struct account_kind *account_kind_find(struct str name); /* NULL: unknown */

struct setting {
    struct str key, value;
};
struct account_new {
    struct tenant_id tenant;
    struct str kind, name, address;
    const struct setting *settings;
    size_t n_settings;
    const struct setting *secrets;
    size_t n_secrets;
};
/* ST_INVALID: unknown setting or secret for the kind, or a bad value; ST_CONFLICT: the address
 * belongs to another. */
enum status account_add(struct arena *a, struct tx *tx, const struct keyring *keys,
                        struct account_new in, struct account *ret, struct err *e) ATTR_MUST_CHECK;
/* Changes what in names: name, address and kind when not empty (kind must be the row's), the given
 * settings and secrets; an empty value removes one. ST_NOT_FOUND. */
enum status account_update(struct arena *a, struct tx *tx, const struct keyring *keys,
                           struct account_id id, struct account_new in, struct account *ret,
                           struct err *e) ATTR_MUST_CHECK;
/* ST_CONFLICT: the address has another active owner by now. */
enum status account_set_active(struct tx *tx, struct tenant_id tenant, struct account_id id,
                               bool is_active, struct err *e) ATTR_MUST_CHECK;
/* Makes it the first of its kind, and the others not. */
enum status account_set_preferred(struct tx *tx, struct tenant_id tenant, struct account_id id,
                                  struct err *e) ATTR_MUST_CHECK;
/* The provider refused the account itself: sends park until a person clears it with state "ok". The
 * nil id is ST_OK and remembers nothing. */
enum status account_set_state(struct tx *tx, struct tenant_id tenant, struct account_id id,
                              struct str state, struct str reason, struct err *e) ATTR_MUST_CHECK;
/* Rows of client_providers, by kind and age, then the old columns of kinds without an active
 * row. */
enum status account_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct account **ret, size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* The nil id in a tenant's scope is the "meta" account of its old columns. ST_NOT_FOUND also when
 * the transaction's scope does not permit the account's tenant. */
enum status account_get(struct arena *a, struct tx *tx, struct account_id id, struct account *ret,
                        struct err *e) ATTR_MUST_CHECK;
/* First of the fallback order; kind "openai" say. ST_NOT_FOUND: none. */
enum status account_find_kind(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct str kind, struct account *ret, struct err *e) ATTR_MUST_CHECK;
/* Owner of an inbound call by address: an active row, then old columns in use, then an inactive row
 * (is_active tells). System scope. */
enum status account_find_address(struct arena *a, struct tx *tx, struct str kind,
                                 struct str address, struct account *ret, struct err *e)
    ATTR_MUST_CHECK;
/* An account whose settings' waba_id is group, active ones first, then the oldest. Old columns are
 * not looked at. System scope. */
enum status account_find_group(struct arena *a, struct tx *tx, struct str kind, struct str group,
                               struct account *ret, struct err *e) ATTR_MUST_CHECK;
/* Every active row of the kind, of active tenants, at most 10,000. System scope. */
enum status account_list_kind(struct arena *a, struct tx *tx, struct str kind, struct account **ret,
                              size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* Opens one secret; empty and ST_OK when not set. */
enum status account_secret(struct arena *a, struct tx *tx, const struct keyring *keys,
                           const struct account *account, const char *name, struct str *ret,
                           struct err *e) ATTR_MUST_CHECK;

struct channel_defaults {                                   /* the installation's */
    struct str base_url, version, app_secret, verify_token; /* of Meta's app */
    struct str public_url; /* where the installation is reached; empty: not set */
};
/* Replaced as a whole while others read; what was replaced stays valid until the stop. */
struct current_defaults {
    const struct channel_defaults *_Atomic now;
};
/* What an adapter needs of an account: its settings and secrets, over the installation's. */
enum status account_channel(struct arena *a, struct tx *tx, const struct keyring *keys,
                            const struct account *account, struct channel_defaults defaults,
                            struct channel *ret, struct err *e) ATTR_MUST_CHECK;
/* Which of the kind's secrets are set: one bool a field of the kind, in its order; false for settings. */
enum status account_secrets_set(struct arena *a, struct tx *tx, const struct account *account,
                                bool **ret, struct err *e) ATTR_MUST_CHECK;

struct account_prober { /* what a try of the credentials needs */
    struct db *db;
    struct httpc *httpc;
    const struct keyring *keys;
    struct channel_defaults defaults;
    struct mailer *mailer;
};
struct probe { /* what came of it */
    bool is_ok;
    bool is_retriable; /* not reached, or no clear answer: says nothing about the credentials */
    struct str cause;  /* empty when ok */
    struct str reason; /* one sentence for people */
    /* Its name, phone and quality are what the provider says of the account, when ok and told. */
    struct send_result told;
    int64_t their_time; /* milliseconds UTC, of the answer's Date header; 0: not told */
    /* Which address for what comes in is entered at the provider; asked when the credentials are good. */
    bool has_hook;           /* of a kind that can be asked: hook says what came of it */
    struct str hook_url;     /* the address that is to be entered; empty: there is no public URL */
    struct hook_answer hook; /* never HOOK_ASK_ON */
};
/* Asks WhatsApp for the number's name, a model for one short answer, mail servers to log in; nobody gets a message and
 * nothing is changed. Takes a minute at most. A
 * failure to reach or a refusal is in *ret, its texts in a; other statuses are failures of ours.
 * Not inside a transaction. */
enum status account_probe(struct arena *a, const struct account_prober *with,
                          const struct account *account, struct probe *ret, struct err *e)
    ATTR_MUST_CHECK;
/* Members "found" and "webhook" of an answer: null when nothing was told, and when there is no hook. */
void probe_put_told(struct json_out *o, const struct probe *probe);
/* Seals every secret that is under an older key anew; *ret_n says how many. */
enum status account_reseal(struct db *db, const struct keyring *keys, int64_t *ret_n, struct err *e)
    ATTR_MUST_CHECK;

/* --- audit ----------------------------------------------------------------------------------- */

struct audit {
    struct tenant_id tenant; /* nil: the installation */
    struct str actor;        /* "user:<id>", "key:<id>", "cli", "system" */
    const char *action;      /* "key.add" */
    struct str object;       /* "key:<id>" */
    struct str detail;       /* JSON, no secrets; may be empty */
};
/* Appends; part of the caller's transaction, so that what happened and its record stand together.
 * Two writers of one tenant's log wait for each other: record last. */
enum status audit_add(struct tx *tx, struct audit entry, struct err *e) ATTR_MUST_CHECK;

struct audit_row {
    struct tenant_id tenant;
    int64_t seq; /* 1, 2, 3 … within the tenant */
    int64_t at_ms;
    struct str actor, action, object, detail;
    struct str prev_hash, hash; /* SHA-256 */
};
struct audit_query {
    struct tenant_id tenant;
    int64_t before; /* seq to go on below; 0: from the newest */
    size_t limit;   /* at most 500; 0: 500 */
};
/* Newest first. */
enum status audit_list(struct arena *a, struct tx *tx, struct audit_query q, struct audit_row **ret,
                       size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* Computes the whole chain again. ST_BROKEN names the first entry that is changed, missing or added
 * by other hands; *ret_n is how many entries stand. */
enum status audit_verify(struct tx *tx, struct tenant_id tenant, int64_t *ret_n, struct err *e)
    ATTR_MUST_CHECK;
