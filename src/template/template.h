/* template.h - message templates of all channels: the provider's own, copied by a sync and kept up by its webhooks, and those
 * for e-mail, which are written here. Finding one, its variables, filling them in.
 *
 * Variables have keys; a value is a text for a key:
 *   body            the placeholder's own: {{1}} "1", {{nome}} "nome"
 *   header          "header.1", "header.nome"; of a file "header.image", "header.video", "header.document": a link or
 *                   "media:<id>"
 *   button          "button.<index>": the end of its address, or the code to copy
 * Templates with a provider_ref (Twilio's Content) and those for e-mail have one set of placeholders for all their parts: the
 * key is always the placeholder's own.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "db/db.h"
#include "httpc/httpc.h"
#include "queue/queue.h"
#include "tenant/tenant.h"
#include "json/json.h"

enum {
    TEMPLATE_NAME_MAX = 200,
    TEMPLATE_SUBJECT_MAX = 300,       /* characters */
    TEMPLATE_BODY_MAX = 64 << 10,     /* bytes */
    TEMPLATE_HTML_MAX = 200 << 10,    /* bytes */
    TEMPLATE_LOCAL_MAX = 500,         /* of one tenant */
    TEMPLATE_VARIABLES_MAX = 100,     /* of one template; further placeholders are no variables */
    TEMPLATE_CONTENT_MAX = 512 << 10, /* bytes of what a rendered one is */
};

struct template_variable {
    struct str key;
    struct str place; /* "header", "body", "button", "subject", "html" */
    struct str kind;  /* "text"; "image", "video", "document": a file; "url", "code": of a button */
    struct str example; /* the provider's, or empty */
};

struct template {
    struct uuid id;
    struct account_id account; /* nil: the tenant's own */
    struct str channel;        /* "whatsapp", "email" */
    struct str name, language, category;
    struct str
        status; /* "approved", "pending", "rejected", "paused", "disabled", "gone", "local" */
    struct str status_reason;
    struct str quality;      /* "green", "yellow", "red" or empty */
    struct str provider_id;  /* the provider's id of it */
    struct str provider_ref; /* what a send names it by besides its name: Twilio's ContentSid */
    struct str subject;
    struct str body;         /* text with {{…}} */
    struct str html;         /* of an e-mail; may be empty */
    struct str components;   /* JSON as the provider documents it; empty for an e-mail */
    const struct json *tree; /* components, parsed; NULL: none */
    const struct template_variable *variables; /* in order of appearance, each key once */
    size_t n_variables;
    int64_t synced_at_ms, created_at_ms, updated_at_ms;
};

/* The account's template of that name; language empty: any, usable ones first, then the newest. For channel "email" the tenant's
 * own are looked at as well. ST_NOT_FOUND. */
enum status template_find(struct arena *a, struct tx *tx, struct tenant_id tenant,
                          struct account_id account, struct str channel, struct str name,
                          struct str language, struct template *ret, struct err *e) ATTR_MUST_CHECK;
enum status template_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct uuid id,
                         struct template *ret, struct err *e) ATTR_MUST_CHECK;
/* May a message be made of it? *ret_reason is a slug when not: "template-paused", "template-rejected", "template-pending",
 * "template-disabled", "template-gone", "template-unsupported" (a part that this program cannot fill in). */
bool template_is_usable(const struct template *t, struct str *ret_reason);

/* Fills it in. values: a JSON object, key → text or number. *ret_content is the content of a message of type "template"
 * (provider.h), for e-mail {"subject", "text", "html"?}; *ret_text is what a reader sees. Values for WhatsApp are brought onto one
 * line, as Meta demands; in HTML they are escaped.
 * ST_INVALID: a variable has no value, cause "variable-missing", or the result is too long; the message names it. Pure. */
enum status template_render(struct arena *a, const struct template *t, const struct json *values,
                            struct str *ret_content, struct str *ret_text, struct err *e)
    ATTR_MUST_CHECK;
/* Works out tree and variables from components, subject, body and html. Total. Pure. */
void template_understand(struct arena *a, struct template *t);

/* --- in step with the provider -------------------------------------------------------------------------------------- */

#define TEMPLATE_SYNC_JOB                                                                          \
    "template.sync" /* payload {"account"}; one account's list is read and kept */
#define TEMPLATE_SYNC_ALL_JOB                                                                      \
    "template.sync_all" /* puts one for every account whose provider has templates */

/* Put in the transaction in which a sync or a webhook shows that a template can no longer be used, is rated red, or has another
 * category; done by dispatch/, which stops the campaigns with it. Payload {"changes": [{"template", "what": "status", "quality"
 * or "category", "was": the category before}]}. */
#define TEMPLATE_CHANGED_JOB "template.changed"

/* Soon the account's templates are read from the provider; one that waits already is enough. ST_INVALID: its provider keeps
 * none. */
enum status template_sync(struct arena *a, struct tx *tx, const struct account *account,
                          struct err *e) ATTR_MUST_CHECK;
/* As template_sync() for all of the tenant's active accounts that have templates. */
enum status template_sync_tenant(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                 size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
struct template_sync { /* the last one of an account */
    struct account_id account;
    struct str state; /* "ok", "failed" */
    struct str cause, reason;
    int64_t n_templates, at_ms;
};
enum status template_sync_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct template_sync **ret, size_t *ret_n, struct err *e)
    ATTR_MUST_CHECK;
/* What a webhook said of a template (provider.h: only what changed), for all of the tenant's accounts that have it; in the
 * drain's transaction. *ret_changed: how many rows; none: a sync is put. */
enum status template_learn(struct arena *a, struct tx *tx, const struct account *account,
                           const struct template_item *item, int64_t now_ms, int64_t *ret_changed,
                           struct err *e) ATTR_MUST_CHECK;

/* {"name", "language", "status"?, "reason"?, "quality"?, "category"?}: data of the event template.changed. */
struct str template_item_json(struct arena *a, const struct template_item *item);

struct template_deps { /* what the jobs need; part of struct app, reached by app_template() */
    struct db *db;
    struct httpc *httpc;
    const struct keyring *keys;
    const struct current_defaults *defaults;
};
/* Implemented by app/. */
struct template_deps *app_template(struct app *app);
enum status template_sync_job(struct app *app, struct arena *a, const struct job *job,
                              struct verdict *ret_verdict, struct err *e);
enum status template_sync_all_job(struct app *app, struct arena *a, const struct job *job,
                                  struct verdict *ret_verdict, struct err *e);

/* --- what people do ------------------------------------------------------------------------------------------------- */

struct template_query { /* empty: any */
    struct account_id account;
    struct str channel, status, name;
    struct str after; /* cursor */
    size_t limit;
};
struct template_page {
    struct template *items;
    size_t n;
    struct str next;
    bool has_more;
};
/* By name and language. */
enum status template_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                          const struct template_query *query, struct template_page *ret,
                          struct err *e) ATTR_MUST_CHECK;
/* Inserts (id nil) or changes a local e-mail template; name and language stay what they are once it is there. ST_INVALID;
 * ST_CONFLICT: there is one of that name and language. */
enum status template_put(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct template *t, int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
/* Removes a local one, or one that is gone at the provider. ST_CONFLICT: it is the provider's. */
enum status template_remove(struct arena *a, struct tx *tx, struct tenant_id tenant, struct uuid id,
                            struct err *e) ATTR_MUST_CHECK;
