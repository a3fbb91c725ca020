/* transfer.h - one call on its way through the loop: waiting, on a libcurl handle, redirected,
 * done.
 *
 * Whether request bytes can have left us is decided by libcurl's pre-request callback, which runs
 * after connecting (or picking an idle connection) and before the first byte of the request, once
 * per attempt. It is also where a silent second attempt is stopped: libcurl re-sends any request
 * whose reused connection dies before a byte of reply came (lib/transfer.c, Curl_retry_request),
 * although the peer may have acted on the first one.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <curl/curl.h>

#include "base/buf.h"
#include "base/list.h"
#include "httpc/breaker.h"
#include "httpc/httpc.h"

struct host;
struct stream;

/* A libcurl handle with what a reply is gathered in; pooled, so that options that never change are
 * set once. */
struct handle {
    struct handle *next;
    CURL *easy;
    struct arena arena; /* request head, reply head */
    struct buf body;
    char failure[CURL_ERROR_SIZE];
};

enum refusal {
    REFUSED_NOT,
    REFUSED_ADDRESS,
    REFUSED_REPEAT,
    REFUSED_SIZE,
    REFUSED_HEADERS,
    REFUSED_SINK, /* who takes the body wants no more */
};

struct transfer {
    struct list_node node; /* of the inbox, of its host's queue, or of the flying */
    struct httpc *httpc;
    const struct http_call *call;
    httpc_done_fn done;
    void *ctx;
    int64_t started_ns;
    int64_t deadline_ms;
    struct host *host;
    struct breaker *breaker;
    bool is_probe;
    struct stream *stream; /* takes the body of a 2xx reply; NULL: handle->body does */
    size_t streamed;       /* bytes it took */

    /* the request of this hop; views of the call or of the handle's arena */
    struct handle *handle;
    const char *method;
    struct str url;
    struct str body;
    bool is_foreign; /* redirected to another origin: what may be a credential stays behind */
    unsigned hops;

    unsigned attempts; /* of this hop: how often libcurl was about to send */
    bool was_sent;     /* some byte of some hop may have left */
    enum refusal refusal;
    struct http_header *headers;
    size_t n_headers;
    size_t head_bytes;
};

/* Sets what all calls have in common. NULL: out of memory. */
struct handle *handle_new(const struct httpc_options *options);
void handle_reset(struct handle *hd); /* between two calls */
void handle_free(struct handle *hd);

/* Puts the hop's request on t->handle. ST_BROKEN: a header or the method cannot be sent. */
enum status transfer_prepare(struct transfer *t, const struct curl_slist *resolve,
                             uint32_t timeout_ms, struct err *e);
/* After a reply: true when it is a redirect to follow; t then describes the next hop. A redirect
 * that may not be followed is an ordinary reply. */
bool transfer_redirect(struct transfer *t);
/* "host:port", lower case, default port filled in. ST_INVALID: no absolute http or https URL. */
enum status url_host_port(struct arena *a, struct str url, struct str *ret, struct err *e);
