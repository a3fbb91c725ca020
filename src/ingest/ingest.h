/* ingest.h - people out of spreadsheets: uploaded, understood, looked at, then put into the tenant's leads row by row, each with
 * what became of it.
 *
 *   ready ──check──► checking ──► ready              a trial of all rows that changes nothing
 *   ready ──commit──► running ──► done | failed | cancelled ──commit──► running
 *   ready ──cancel──► cancelled
 *   done, failed, cancelled ──undo──► undoing ──► undone
 *
 * Rules that hold always:
 *   1. rows = created + updated + skipped + failed, and each of these rows stands in ingest_rows with its reason.
 *   2. A batch of rows, what it put, and how far the import is, are one transaction: whoever goes on after a crash begins
 *      behind the last whole batch, so nothing is put twice. Two runs of one import cannot both commit a batch.
 *   3. What an import changed can be taken back, as long as nobody changed it since.
 * The file lies in the data directory, which nodes that share a PostgreSQL share, as media/ says.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "db/db.h"
#include "lead/lead.h"
#include "queue/queue.h"
#include "sheet/sheet.h"
#include "json/json.h"

#define INGEST_RUN_JOB "ingest.run" /* payload {"import"} */
#define INGEST_WATCH_JOB                                                                           \
    "ingest.watch" /* goes on with what a dead process left; removes old files */

enum {
    INGEST_UPLOAD_MAX_BYTES = 128 << 20, /* through the API; it lies in memory meanwhile */
    INGEST_NAME_MAX = 200,
    INGEST_COLUMNS_MAX = 200,
    INGEST_TAGS_MAX = 10,
    INGEST_PREVIEW_MAX = 200,
};

ID_TYPE(import_id);

struct ingest_counts {
    int64_t rows, created, updated, skipped, failed;
    int64_t noted; /* of those taken: where something was left out, such as a number that is none */
};

struct import {
    struct import_id id;
    struct tenant_id tenant;
    struct str name;  /* of the file */
    struct str kind;  /* "xlsx", "csv" */
    struct str state; /* see above */
    struct str sha256, actor;
    int64_t size;
    struct str sheets;         /* JSON [{"name","is_hidden"}] */
    int64_t sheet, header_row; /* header_row 0: there is none */
    struct str columns;        /* JSON [{"index","title","target","samples"}] */
    struct str policy;         /* "skip", "fill", "overwrite" */
    struct str tags;           /* JSON [text], put on everybody */
    struct ingest_counts counts;
    bool has_check;
    struct ingest_counts check; /* of the last trial */
    int64_t
        place; /* number of the last row that is through; while undoing: of the last that is not */
    int64_t permille;
    int64_t undone;           /* rows taken back */
    struct str cause, reason; /* why it failed */
    int64_t created_at_ms, updated_at_ms, started_at_ms, finished_at_ms;
};

/* What handlers and jobs need; part of struct app, reached by app_ingest(). */
struct ingest_deps {
    struct db *db;
    struct str dir;       /* the data directory; imports/ is made in it */
    const char *region;   /* of numbers without a country: "BR" */
    int64_t rows_keep_ms; /* how long after an import its rows' outcomes are kept; 0: for ever */
    _Atomic bool is_stopping; /* a run ends behind its batch; another goes on */
};
/* Implemented by app/. */
struct ingest_deps *app_ingest(struct app *app);

/* --- before ------------------------------------------------------------------------------------------------------- */

struct ingest_file { /* one of both */
    struct str bytes;
    int fd; /* < 0: bytes */
};
/* Keeps the file, opens it, finds header and columns; outside transactions. actor: for people. ST_INVALID with a cause of sheet.h
 * or "no-rows": the file is refused and not kept; ST_UNAVAILABLE: the disk. */
enum status ingest_add(struct ingest_deps *d, struct arena *a, struct tenant_id tenant,
                       struct ingest_file file, struct str name, struct str actor,
                       struct import *ret, struct err *e) ATTR_MUST_CHECK;
enum status ingest_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct import_id id,
                       struct import *ret, struct err *e) ATTR_MUST_CHECK;
/* Newest first, behind `after` (nil: from the newest). */
enum status ingest_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                        struct import_id after, size_t limit, struct import **ret, size_t *ret_n,
                        struct err *e) ATTR_MUST_CHECK;
/* One that was interrupted, with the same file; ST_NOT_FOUND. */
enum status ingest_find_unfinished(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                   struct str sha256, struct import *ret, struct err *e)
    ATTR_MUST_CHECK;

struct ingest_change {             /* what a person decides; absent members stay */
    const struct json *sheet;      /* number; columns are found anew */
    const struct json *header_row; /* number, 0: none; columns are found anew */
    const struct json *
        columns; /* [{"index","target"}]; target: name company document phone phone_area email tags ignore
                                    * or field:NAME */
    const struct json *policy, *tags;
};
/* Outside transactions: it may read the file. ST_INVALID; ST_CONFLICT: it is running, or done. */
enum status ingest_change(struct ingest_deps *d, struct arena *a, struct tenant_id tenant,
                          struct import_id id, const struct ingest_change *change,
                          struct import *ret, struct err *e) ATTR_MUST_CHECK;

/* The first rows as they would come in: {"rows":[…],"counts":{…}}, in out. The same code as the run, rolled back. */
enum status ingest_preview(struct ingest_deps *d, struct arena *a, struct tenant_id tenant,
                           struct import_id id, size_t limit, struct buf *out, struct err *e)
    ATTR_MUST_CHECK;

/* --- running ------------------------------------------------------------------------------------------------------- */

/* From one state to the next, and, unless nobody is to run it but the caller, the job that does it. ST_CONFLICT: not from the
 * state it is in, or what became of its rows is no longer kept and cannot be taken back. */
enum ingest_step { INGEST_CHECK, INGEST_COMMIT, INGEST_CANCEL, INGEST_UNDO };
enum status ingest_step(struct arena *a, struct tx *tx, struct tenant_id tenant,
                        struct import_id id, enum ingest_step step, bool with_job, int64_t now_ms,
                        struct import *ret, struct err *e) ATTR_MUST_CHECK;

/* Told after each batch, with what stands in the row by now; on the thread that runs it. */
typedef void (*ingest_progress_fn)(void *ctx, const struct import *im);
/* Checks, puts or takes back until it is over, was cancelled or the process stops; *ret_is_over: not the last. job: NULL when it
 * is run by hand. A file that turns out to be broken is no failure of this function: the import fails. */
enum status ingest_run(struct ingest_deps *d, struct tenant_id tenant, struct import_id id,
                       const struct job *job, ingest_progress_fn progress, void *ctx,
                       bool *ret_is_over, struct err *e) ATTR_MUST_CHECK;
enum status ingest_run_job(struct app *app, struct arena *a, const struct job *job,
                           struct verdict *ret_verdict, struct err *e);
enum status ingest_watch_job(struct app *app, struct arena *a, const struct job *job,
                             struct verdict *ret_verdict, struct err *e);

/* --- after --------------------------------------------------------------------------------------------------------- */

enum ingest_outcome { /* as stored */
                      INGEST_CREATED,
                      INGEST_UPDATED,
                      INGEST_SKIPPED,
                      INGEST_FAILED,
};
const char *ingest_outcome_name(enum ingest_outcome o);

struct ingest_row {
    int64_t number;
    enum ingest_outcome outcome;
    bool is_undone;
    struct str reason; /* slug: why skipped or failed, or what was left out of one that was taken */
    struct str column; /* title of the column at fault */
    struct str value;  /* what stood there */
    struct lead_id lead;
};
struct ingest_row_query {
    bool has_outcome;
    enum ingest_outcome outcome;
    bool is_problem; /* those with a reason */
    int64_t after;
    size_t limit;
};
enum status ingest_rows(struct arena *a, struct tx *tx, struct tenant_id tenant,
                        struct import_id id, const struct ingest_row_query *q,
                        struct ingest_row **ret, size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* Leads that rows behind `after` created or updated, or found known, in order of row; *ret_last is where to go on. Each row's,
 * so one may come twice. */
enum status ingest_leads(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct import_id id, int64_t after, size_t limit, struct lead_id **ret,
                         size_t *ret_n, int64_t *ret_last, struct err *e) ATTR_MUST_CHECK;
struct ingest_reason {
    enum ingest_outcome outcome;
    struct str reason, column;
    int64_t n;
};
/* Why rows were skipped, failed or noted; the most frequent first, at most 100. */
enum status ingest_reasons(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           struct import_id id, struct ingest_reason **ret, size_t *ret_n,
                           struct err *e) ATTR_MUST_CHECK;
/* Every row with a reason as CSV: row, column, outcome, reason, explanation, original value. lang: "pt" or "en". */
enum status ingest_errors(struct tx *tx, struct tenant_id tenant, struct import_id id,
                          struct str lang, int fd, struct err *e) ATTR_MUST_CHECK;
/* A slug of a row or of a file for people; the slug itself when nothing is known of it. */
const char *ingest_reason_text(struct arena *a, struct str slug, bool is_english);
