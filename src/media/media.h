/* media.h - the files that come and go with messages.
 *
 *   comes: waiting → ready | failed | expired     a message with a file arrives, the job media.fetch gets it
 *   goes:  ready, uploaded by an agent or a program; sent by its id, given to the provider once per account
 *
 * The bytes lie in the data directory as <tenant>/<2 digits>/<sha256>, written beside, synced and renamed, so that a name
 * is there whole or not at all. What a file is, its bytes say: the sender's word is kept nowhere. Nodes that share a
 * PostgreSQL share that directory.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conversation/conversation.h"
#include "crypto/crypto.h"
#include "db/db.h"
#include "httpc/httpc.h"
#include "httpd/httpd.h"
#include "queue/queue.h"
#include "tenant/tenant.h"

#define MEDIA_FETCH_JOB "media.fetch" /* payload {"media"} */
#define MEDIA_PURGE_JOB "media.purge" /* uploads nobody sent, and files nobody finished writing */

enum {
    MEDIA_HEAD_BYTES = 4096, /* enough of a file to know what it is */
    MEDIA_FETCH_ATTEMPTS = 10,
    MEDIA_SEND_MAX_BYTES = 16 << 20,    /* of what goes out; it lies in memory meanwhile */
    MEDIA_UNSENT_MS = 24 * 3600 * 1000, /* an upload that no message carries is removed then */
};

struct media {
    struct media_id id;
    struct tenant_id tenant;
    struct account_id account;           /* who has it; nil for an upload */
    struct conversation_id conversation; /* it came in; nil for an upload */
    struct message_id message;           /* it came with; nil for an upload */
    struct str state;                    /* "waiting", "ready", "failed", "expired" */
    struct str reason;                   /* for people, when it is not ready */
    struct str kind;                     /* "image", "audio", "video", "document", "sticker" */
    struct str mime;                     /* what the bytes prove; empty until ready */
    int64_t size;
    struct str sha256; /* lower-case hex; empty until ready */
    struct str file_name;
    struct str provider_id, link; /* where it was found in the message */
    struct str claimed_sha256;
    bool is_upload;
    int64_t created_at_ms, updated_at_ms;
};

/* What a handler of requests or jobs needs; part of struct app, reached by app_media(). */
struct media_deps {
    struct db *db;
    struct httpc *httpc;
    const struct keyring *keys;
    const struct current_defaults *defaults;
    struct str dir; /* made when the first file comes */
    int64_t max_bytes;
    uint32_t stall_ms; /* a download without a byte for so long is given up */
    int max_fetches; /* at once in this process, so that slow ones leave workers to the rest; 0: any number */
    _Atomic int fetching;
};
/* Implemented by app/. */
struct media_deps *app_media(struct app *app);

/* --- rows --------------------------------------------------------------------------------------------------------- */

/* True for the types of messages that carry a file. */
bool media_is_kind(struct str type);
/* A message came in: when its content holds a file, a row that waits and the job that fetches it. */
enum status media_expect(struct arena *a, struct tx *tx, const struct message *m, int64_t now_ms,
                         struct err *e) ATTR_MUST_CHECK;
/* ST_NOT_FOUND also for another tenant's. */
enum status media_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct media_id id,
                      struct media *ret, struct err *e) ATTR_MUST_CHECK;
/* A person wants a failed one tried again. ST_CONFLICT: it is ready, or on its way. */
enum status media_retry(struct arena *a, struct tx *tx, struct tenant_id tenant, struct media_id id,
                        int64_t now_ms, struct media *ret, struct err *e) ATTR_MUST_CHECK;
/* {"id","state","kind","mime","size","file_name","reason"}, in a. */
struct str media_json(struct arena *a, const struct media *m);
enum status media_fetch_job(struct app *app, struct arena *a, const struct job *job,
                            struct verdict *ret_verdict, struct err *e);

/* --- what goes out ------------------------------------------------------------------------------------------------ */

/* Keeps bytes that somebody wants to send; ret->kind says as what they can be. Outside transactions. ST_INVALID: empty, or
 * more than MEDIA_SEND_MAX_BYTES; ST_UNAVAILABLE: the disk. */
enum status media_keep(const struct media_deps *deps, struct arena *a, struct tenant_id tenant,
                       struct str bytes, struct str file_name, struct media *ret, struct err *e)
    ATTR_MUST_CHECK;
/* May a message of this type carry it? ST_INVALID says why not; ST_NOT_FOUND: it is not the tenant's. */
enum status media_check_send(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             struct media_id id, struct str type, struct media *ret, struct err *e)
    ATTR_MUST_CHECK;
/* The message carries it from now on. */
enum status media_attach(struct arena *a, struct tx *tx, const struct media *m,
                         struct message_id message, int64_t now_ms, struct err *e) ATTR_MUST_CHECK;

struct media_taker { /* who is given it */
    const struct account *account;
    const struct channel *channel;
    const struct provider *provider;
};
/* The id under which the provider has it, for this account: given before and still good, or given now. One that takes no files
 * gets a link instead (ret->url), good for some hours. Outside transactions; reaches nobody, so it may be done again.
 * ret->outcome says what came of it. */
enum status media_give(const struct media_deps *deps, struct arena *a, const struct media *m,
                       struct media_taker to, struct media_answer *ret, struct err *e)
    ATTR_MUST_CHECK;
/* The provider did not take a message with it: next time it is given anew. */
enum status media_take_back(struct tx *tx, const struct media *m, struct account_id account,
                            struct err *e) ATTR_MUST_CHECK;
enum status media_purge_job(struct app *app, struct arena *a, const struct job *job,
                            struct verdict *ret_verdict, struct err *e);

/* --- files -------------------------------------------------------------------------------------------------------- */

/* Opens a ready one for reading. ST_CONFLICT: it is not here yet; ST_NOT_FOUND: it never will be; ST_BROKEN: the file is
 * missing from the data directory. */
enum status media_open(const struct media_deps *deps, const struct media *m, int *ret_fd,
                       uint64_t *ret_size, struct err *e) ATTR_MUST_CHECK;

/* All of a ready one that may be sent. ST_UNAVAILABLE: the disk. */
enum status media_read(const struct media_deps *deps, struct arena *a, const struct media *m,
                       struct str *ret, struct err *e) ATTR_MUST_CHECK;

enum media_reader {
    MEDIA_TO_CONSOLE,  /* somebody of the tenant's: what may be is shown in the page */
    MEDIA_TO_PROVIDER, /* whoever has the link: always a download, nothing of it kept on the way */
};
/* Answers with the file, or the part that the request asks for. Statuses as media_open. */
enum status media_serve(const struct media_deps *deps, struct req *r, const struct media *m,
                        enum media_reader reader, struct resp *ret, struct err *e) ATTR_MUST_CHECK;
/* GET /media/{token}: a file by a link that media_give made. ST_NOT_FOUND: forged, changed or too late. */
enum status media_link_get(struct app *app, struct req *r, struct resp *ret, struct err *e);

/* --- what bytes and texts say: pure functions ---------------------------------------------------------------------- */

struct media_type {
    const char *mime;
    const char *kind; /* what it can be sent as; "document" when nothing better */
    const char *extension;
};
/* From the first MEDIA_HEAD_BYTES; the name only tells apart what is a document either way. */
struct media_type media_sniff(struct str head, struct str file_name);
/* A type that media_sniff() gave and that a page of ours may show. */
bool media_is_inline(struct str mime);
/* A name that is safe in a directory and on a screen: no path, no control or direction characters, at most 120
 * characters; made up from kind and type when nothing is left. */
struct str media_clean_name(struct arena *a, struct str name, const char *kind,
                            struct media_type type);
/* A header's percent-encoded name; what is no escape stays as it is. */
struct str media_unescape_name(struct arena *a, struct str s);
/* Content-Disposition, RFC 6266: an ASCII name and the real one. */
struct str media_disposition(struct arena *a, struct str clean_name, bool is_inline);

enum media_range {
    MEDIA_RANGE_WHOLE, /* none asked for, or one that need not be honoured: several, malformed, another unit */
    MEDIA_RANGE_PART,   /* *ret_from, *ret_len */
    MEDIA_RANGE_BEYOND, /* nothing of the file is in it */
};
/* RFC 9110 §14: one range of bytes. */
enum media_range media_range(struct str header, uint64_t size, uint64_t *ret_from,
                             uint64_t *ret_len);
