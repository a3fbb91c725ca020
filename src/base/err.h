/* err.h - what went wrong: a status the caller can act on, and the story for people.
 * The first cause wins: a filled err is not overwritten by the frames above it.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/attr.h"

enum status { /* what the caller can do about it */
              ST_OK,
              ST_NOT_FOUND,   /* 404; a job handler treats it as done */
              ST_CONFLICT,    /* 409; somebody was faster, reload and decide */
              ST_INVALID,     /* 400; the input is wrong and stays wrong */
              ST_DENIED,      /* 403 */
              ST_LIMITED,     /* 429; quota or rate, err.retry_after_ms says how long */
              ST_UNAVAILABLE, /* 503; nothing happened, retry with backoff */
              ST_UNCERTAIN,   /* it may have happened: reconcile, do not repeat */
              ST_BROKEN,      /* 500; our bug or corrupt data, wake a person */
};

enum {
    ERR_MESSAGE_BYTES = 256, /* longer stories are cut at a UTF-8 boundary */
};

/* Caller's storage; start it as ERR_INIT. file and cause are static text, never freed. */
struct err {
    enum status status;
    uint32_t retry_after_ms; /* with ST_LIMITED, ST_UNAVAILABLE: what the peer asked for, or 0 */
    const char *cause;       /* slug to group failures by, "meta-131047"; may be NULL */
    const char *file;
    int line;
    char message[ERR_MESSAGE_BYTES];
};

#define ERR_INIT ((struct err){.status = ST_OK})

/* Fills e unless it is filled already, and returns st. e may be NULL. Any thread. */
enum status err_set(struct err *e, enum status st, const char *file, int line, const char *fmt, ...)
    ATTR_PRINTF(5, 6);

/* Empties e, for a caller that has dealt with the failure and goes on. */
void err_clear(struct err *e);

/* "not-found", "conflict" …: the stable slug that problems, logs and metrics use. */
const char *status_name(enum status st);

/* Starts a failure: FAIL(e, ST_INVALID, "could not read \"%s\": too deep", name). */
#define FAIL(e, st, ...) return err_set((e), (st), __FILE__, __LINE__, __VA_ARGS__)

/* The same with a cause of its own, for programs and for the console's translations: FAIL_AS(e, ST_CONFLICT, "window-closed", …). */
#define FAIL_AS(e, st, slug, ...)                                                                  \
    do {                                                                                           \
        enum status fail_st_ = err_set((e), (st), __FILE__, __LINE__, __VA_ARGS__);                \
        if (!(e)->cause)                                                                           \
            (e)->cause = (slug);                                                                   \
        return fail_st_;                                                                           \
    } while (0)

/* Passes a failure up unchanged. */
#define TRY(expr)                                                                                  \
    do {                                                                                           \
        enum status try_st_ = (expr);                                                              \
        if (try_st_ != ST_OK)                                                                      \
            return try_st_;                                                                        \
    } while (0)
