/* search.h - full text search in Portuguese over messages, notes and people, the same on both engines.
 *
 * An index of our own, in ordinary tables: for each tenant, documents are numbered as they come, 4,096 to a block; a posting is
 * one row per word and block, with the places in the block that have the word. A search walks the blocks of its words from the
 * newest to the oldest and stops when its page is full, so a common word costs no more than a rare one, and one
 * tenant's size is nothing to another. SQLite's FTS5 and PostgreSQL's GIN were the other way: they do not stem alike, GIN gives
 * no order, and under row-level security PostgreSQL does not use it at all (its operator is not leakproof).
 *
 * A job follows conversation_events and writes the index behind the intake, which therefore pays nothing for it. What is found
 * is compared with the text as it is now: a posting of a text that was edited, withdrawn or deleted finds nothing.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conversation/conversation.h"
#include "db/db.h"
#include "queue/queue.h"

#define SEARCH_INDEX_JOB "search.index"

/* Follows the events to their end, batch by batch. Implemented by app/: app_db. */
enum status search_index_job(struct app *app, struct arena *a, const struct job *job,
                             struct verdict *ret_verdict, struct err *e) ATTR_MUST_CHECK;
struct db *app_db(struct app *app);

enum { SEARCH_TEXT_MAX = 200, SEARCH_MATCHES_MAX = 16, SEARCH_LEADS_MAX = 10 };

struct snippet {     /* a piece of the text as it was written */
    struct str text; /* "…" stands where it was cut */
    size_t n;
    struct {
        size_t at, len; /* of text, in UTF-16 code units, as JavaScript counts */
    } matches[SEARCH_MATCHES_MAX];
};
struct search_message {
    struct message message;
    struct str lead_name;
    struct snippet snippet;
};
struct search_note {
    struct note note;
    struct snippet snippet;
};
struct search_query {
    struct tenant_id tenant;
    struct str text;   /* all its words must be there; the last may be half of one */
    struct str cursor; /* of the messages; people and notes come with the first page alone */
    size_t limit;      /* of each, 1 to 100 */
};
struct search_result {
    struct conversation_page conversations; /* the newest of each person found by name or number */
    struct search_message *messages;        /* newest first */
    size_t n_messages;
    struct search_note *notes; /* the same */
    size_t n_notes;
    struct str next; /* cursor of older messages, empty at the end */
};
/* ST_INVALID: the text is too long, or a cursor that is not ours. */
enum status search_find(struct arena *a, struct tx *tx, const struct search_query *query,
                        struct search_result *ret, struct err *e) ATTR_MUST_CHECK;
