/* stream.h - the body of a reply on its way from the loop's thread to the thread that wants it: a small
 * buffer between them. When it is full libcurl pauses; when the taker has made room the loop goes on.
 * Lives on the taker's stack. Private to httpc.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>

#include "base/buf.h"
#include "base/list.h"
#include "httpc/httpc.h"

struct transfer;

struct stream {
    pthread_mutex_t lock; /* guards the next five */
    pthread_cond_t changed;
    struct buf pending;
    bool is_paused;  /* libcurl holds a piece for which there was no room */
    bool is_refused; /* the taker wants no more */
    bool has_ended;

    struct list_node node;     /* of httpc.resumes, under httpc.lock */
    bool is_listed;            /* the same */
    struct transfer *transfer; /* on a handle; set by the loop; NULL: over */
};

enum stream_take { STREAM_TAKEN, STREAM_FULL, STREAM_REFUSED };

/* On the loop's thread: a piece for the taker. */
enum stream_take stream_give(struct stream *s, struct str piece);
/* On the loop's thread: t is on a handle. */
void stream_fly(struct stream *s, struct transfer *t);
/* The transfer is over, or its taker gone: by either, before it lets go of the other. */
void stream_leave(struct httpc *h, struct stream *s);
/* On the loop's thread: false when no stream asks for more; *ret is its transfer, NULL when that is over. */
bool stream_next(struct httpc *h, struct transfer **ret);

/* httpc.c */
void httpc_submit_stream(struct httpc *h, const struct http_call *call, struct stream *stream,
                         httpc_done_fn done, void *ctx);
