/* api.h - one request of /api/v1 being answered: its common parts are read, a function runs in one transaction and writes
 * JSON. Each api_*.c owns the routes of one subject. Private to console.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "console/console.h"
#include "console/write.h"
#include "conversation/conversation.h"
#include "sheet/sheet.h"
#include "tenant/tenant.h"

enum {
    API_PAGE_MAX = 500,
    API_BODY_MAX = 256 << 10,
};

struct api {
    struct app *app;
    struct req *r;
    struct tenant_id tenant;
    struct page_query page;              /* ?limit=, ?after= or ?cursor=, ?order=desc */
    struct conversation_id conversation; /* {id}, whatever it names */
    struct message_id message;           /* the same */
    struct uuid id;                      /* the same */
    const struct json *body;             /* an object, or NULL without a body */
    struct str problem; /* a JSON object: what the problem says besides, when fn fails */
    struct buf out;
    struct json_out o;
};

/* What every handler begins with: the request's common parts. For handlers that do something slow outside of a transaction;
 * the others are api_answer's. */
enum status api_start(struct api *x, struct app *app, struct req *r, struct err *e) ATTR_MUST_CHECK;
void api_done(struct api *x);

enum api_access {
    API_READS,
    API_WRITES,
    API_QUEUES, /* writes, and what was asked for happens later: 202 */
    /* Also touches what belongs to no tenant (the drain job); its statements name the tenant. */
    API_WRITES_SYSTEM,
};

/* Runs in one transaction of the tenant, maybe twice: it starts its answer anew (api_begin, api_begin_list) and has no effects
 * outside the transaction. One that writes no answer gives 204. */
typedef enum status (*api_fn)(struct tx *tx, void *api, struct err *e);

/* After a change of a conversation's owner failed with st: a conflict tells in the problem who has it. Gives st back. */
enum status api_tell_owner(struct tx *tx, struct api *x, enum status st, const struct err *why);
/* x->conversation is not in the hands of a colleague, out of which only a supervisor or a program may move it; locks it.
 * ST_CONFLICT with cause "owner-changed". */
enum status api_expect_mine(struct tx *tx, struct api *x, struct err *e) ATTR_MUST_CHECK;

enum status api_answer(struct app *app, struct req *r, enum api_access access, api_fn fn,
                       struct resp *ret, struct err *e) ATTR_MUST_CHECK;
#define API_HANDLER(name, access, fn)                                                              \
    static enum status name(struct app *app, struct req *r, struct resp *ret, struct err *e) {     \
        return api_answer(app, r, access, fn, ret, e);                                             \
    }

/* A spreadsheet as the answer: fill(tx, ctx, fd) writes it to a temporary file, maybe twice. */
struct api_sheet {
    enum sheet_kind kind;
    const char *name; /* of the file, without its end */
    enum status (*fill)(struct tx *tx, void *ctx, int fd, struct err *e);
    void *ctx;
};
/* ?format=csv (when it is not given) or xlsx. ST_INVALID. */
enum status api_sheet_kind(const struct api *x, enum sheet_kind *ret, struct err *e)
    ATTR_MUST_CHECK;
enum status api_sheet(struct api *x, struct api_sheet sheet, struct resp *ret, struct err *e)
    ATTR_MUST_CHECK;

/* After the commit no node goes on with what it remembers of credentials: for what changes who may do what. */
void api_forget_callers(struct api *x, struct tx *tx);
/* A text member of the body; NULL when it is not there. ST_INVALID: it is there and no text. */
enum status api_body_text(struct api *x, const char *name, const struct str **ret, struct err *e)
    ATTR_MUST_CHECK;

/* Opens the answer's object; the caller ends it. */
struct json_out *api_begin(struct api *x);
/* For an answer that a function of write.h writes whole. */
struct json_out *api_begin_bare(struct api *x);
/* No answer but 204. */
void api_begin_empty(struct api *x);
/* The request's If-Match, if it has one, is the ETag of what `get` answers now; else ST_CONFLICT with cause "changed" (412). */
enum status api_if_match(struct tx *tx, struct api *x, api_fn get, struct err *e) ATTR_MUST_CHECK;
/* A member that must be an id; nil when it is absent or null. ST_INVALID. */
enum status api_uuid(const struct json *v, const char *what, struct uuid *ret, struct err *e)
    ATTR_MUST_CHECK;
/* {"data": [ … then "next" and "has_more". next is where to go on, also at the end of what there is now: a reader that follows
 * along asks again with it. */
void api_begin_list(struct api *x);
void api_end_list(struct api *x, struct str last, bool has_more);
/* The answer is Me: the tenant, and the user unless id is nil. */
enum status api_write_me(struct api *x, struct tx *tx, struct user_id id, struct err *e)
    ATTR_MUST_CHECK;
/* "user:<id>" or "key:<id>", for the audit log. */
struct str api_actor(const struct api *x);
enum status api_audit(struct tx *tx, const struct api *x, const char *action, struct str object,
                      struct err *e) ATTR_MUST_CHECK;
/* v written out again, in the request's arena. */
struct str api_text(struct api *x, const struct json *v);

/* ?filter= as JSON, or the one of ?segment=; NULL: none. */
enum status api_lead_filter(struct tx *tx, struct api *x, const struct json **ret, struct err *e)
    ATTR_MUST_CHECK;
enum status api_lead_export(struct app *app, struct req *r, struct resp *ret, struct err *e)
    ATTR_MUST_CHECK;

#define API        "/api/v1"
#define AGENT      .auth = AUTH_MEMBER, .min_role = ROLE_AGENT
#define SUPERVISOR .auth = AUTH_MEMBER, .min_role = ROLE_SUPERVISOR
#define ADMIN      .auth = AUTH_MEMBER, .min_role = ROLE_ADMIN

/* One table a subject; routes.c lists them, and api_<subject>.json beside it says what they take and answer (describe.h). */
extern const struct route api_session_routes[];
extern const size_t api_session_n_routes;
extern const struct route api_profile_routes[];
extern const size_t api_profile_n_routes;
extern const struct route api_user_routes[];
extern const size_t api_user_n_routes;
extern const struct route api_key_routes[];
extern const size_t api_key_n_routes;
extern const struct route api_audit_routes[];
extern const size_t api_audit_n_routes;
extern const struct route api_conversation_routes[];
extern const size_t api_conversation_n_routes;
extern const struct route api_label_routes[];
extern const size_t api_label_n_routes;
extern const struct route api_note_routes[];
extern const size_t api_note_n_routes;
extern const struct route api_search_routes[];
extern const size_t api_search_n_routes;
extern const struct route api_consent_routes[];
extern const size_t api_consent_n_routes;
extern const struct route api_lead_routes[];
extern const size_t api_lead_n_routes;
extern const struct route api_import_routes[];
extern const size_t api_import_n_routes;
extern const struct route api_lead_list_routes[];
extern const size_t api_lead_list_n_routes;
extern const struct route api_segment_routes[];
extern const size_t api_segment_n_routes;
extern const struct route api_message_routes[];
extern const size_t api_message_n_routes;
extern const struct route api_team_routes[];
extern const size_t api_team_n_routes;
extern const struct route api_media_routes[];
extern const size_t api_media_n_routes;
extern const struct route api_ops_routes[];
extern const size_t api_ops_n_routes;
extern const struct route api_bot_routes[];
extern const size_t api_bot_n_routes;
extern const struct route api_webhook_routes[];
extern const size_t api_webhook_n_routes;
extern const struct route api_dispatch_routes[];
extern const size_t api_dispatch_n_routes;
extern const struct route api_about_routes[];
extern const size_t api_about_n_routes;
extern const struct route api_system_routes[];
extern const size_t api_system_n_routes;
extern const struct route api_failure_routes[];
extern const size_t api_failure_n_routes;
extern const struct route api_life_routes[];
extern const size_t api_life_n_routes;
extern const struct route api_template_routes[];
extern const size_t api_template_n_routes;
extern const struct route api_provider_routes[];
extern const size_t api_provider_n_routes;
