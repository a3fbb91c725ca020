/* httpc.h - the HTTP client: one libcurl multi loop for all calls of the process, and the gate.
 *
 * The gate is the one place that decides what may reach people. Every call says in `reach` whom it
 * reaches; httpc refuses what the gate does not permit before a byte leaves. Nobody else holds a
 * CURL handle (a test checks). Also here: per-host connection and rate limits, timeouts, circuit
 * breaker, response size limit, and for URLs that a tenant supplied the guard: each address is
 * checked at connect time, after DNS and after every redirect. Any thread.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "log/log.h"

struct httpc;

enum gate { GATE_OFF, GATE_REPLIES, GATE_ALL };
enum reach {
    REACH_UNSET = 0, /* refused as our bug: every call says whom it reaches */
    REACH_MACHINE,   /* no person gets anything: model calls, media download, CRM */
    REACH_REPLY,     /* an answer to somebody who wrote: needs GATE_REPLIES or GATE_ALL */
    REACH_CAMPAIGN,  /* a message we begin: needs GATE_ALL */
};

struct http_header {
    struct str name, value;
};

enum { HTTP_MAX_HEADERS = 16 };
/* Views; live at least until the call has returned or done was called. */
struct http_call {
    const char *method; /* "POST" */
    struct str url;     /* absolute; never logged whole */
    struct http_header headers[HTTP_MAX_HEADERS];
    size_t n_headers;
    struct str body;
    enum reach reach;
    bool is_guarded;     /* the URL came from a tenant: public addresses only, http(s) only */
    uint32_t timeout_ms; /* whole call, waiting for its turn included; 0: httpc's default */
    uint32_t stall_ms; /* no byte for so long, to the second and some more: cut; 0: not looked at */
    size_t max_reply_bytes; /* 0: 1 MB; more aborts the call */
    uint8_t
        max_redirects;   /* 0: none. Another origin gets only Accept and Content-Type of headers */
    const char *breaker; /* name of the circuit, such as the provider's; NULL: the host */
};

void http_call_header(struct http_call *c, struct str name, struct str value);

/* How far a call got; tells "nothing happened" from "it may have". In doubt it is HTTP_CUT. */
enum http_phase {
    HTTP_NOT_SENT, /* refused, not resolved, not connected, TLS failed: no byte of a request left */
    HTTP_CUT,      /* some or all of a request may have left, no whole reply came */
    HTTP_REPLIED,  /* status and whole body are here */
};

struct http_reply {
    enum http_phase phase;
    unsigned status; /* 0 unless HTTP_REPLIED */
    struct http_header *headers;
    size_t n_headers;
    struct str body;
    int64_t
        retry_after_ms; /* from Retry-After (seconds or date) or retry-after-ms; -1: not given */
    uint32_t took_ms;
    struct str failure; /* libcurl's words when not HTTP_REPLIED, without the URL */
};

/* The first header of that name, any case; empty when there is none. */
struct str http_reply_header(const struct http_reply *r, const char *name);
/* A deep copy, for a done function that wants to keep the reply. */
void http_reply_copy(struct arena *a, const struct http_reply *from, struct http_reply *ret);

enum { HTTPC_BREAKER_NEVER = 1 << 30 };

struct httpc_options {
    enum gate gate;
    uint32_t timeout_ms;         /* 0: 30 s */
    uint32_t connect_timeout_ms; /* 0: 5 s */
    unsigned max_per_host;       /* calls under way; 0: 256 */
    unsigned max_total;          /* 0: 1,000 */
    unsigned breaker_failures;   /* in a row that open a circuit; 0: 10; or HTTPC_BREAKER_NEVER */
    bool allow_private;          /* guarded URLs may be private: simulators and tests */
    struct str user_agent;       /* empty: "prosa" */
    struct str ca_file;          /* PEM of trusted authorities; empty: the system's */
    const struct log_ctx *log;
};

/* Of so many connections to one host those that calls with REACH_CAMPAIGN may use at once. The rest is left to answers, which also
 * have their turn before any campaign's call. */
unsigned httpc_campaign_places(unsigned max_per_host);

enum status httpc_start(struct httpc_options options, struct httpc **ret, struct err *e)
    ATTR_MUST_CHECK;
/* Cancels what is in flight (those calls end as HTTP_CUT or HTTP_NOT_SENT) and joins the loop. */
void httpc_stop(struct httpc *h);

enum gate httpc_gate(const struct httpc *h);
void httpc_set_gate(struct httpc *h, enum gate gate);
bool gate_permits(enum gate gate, enum reach reach);
const char *gate_name(enum gate gate);
bool gate_parse(struct str s, enum gate *ret);

/* Makes the call and waits for its end. ST_OK whatever the peer answered (*ret says), also when
 * HTTP_CUT. Otherwise *ret is filled too, and e->cause says which:
 *   ST_DENIED       "gate-closed", "address-forbidden"; only the latter may come after a redirect,
 * when phase tells
 *   ST_UNAVAILABLE  HTTP_NOT_SENT: "not-reachable", "breaker-open" (retry_after_ms is set),
 * "no-turn" (timed out while
 *                   waiting for a connection or for the host's rate), "stopping"
 *   ST_INVALID      "url-malformed": no absolute http or https URL
 *   ST_BROKEN       reach not set, or a header that cannot be sent
 * A request that is not idempotent (POST, PATCH) is sent at most once, whatever happens to the
 * connection; the others may be sent again when a kept connection turns out dead. */
enum status httpc_call(struct httpc *h, struct arena *a, const struct http_call *call,
                       struct http_reply *ret, struct err *e) ATTR_MUST_CHECK;
/* The same without waiting: done is called once on the loop's thread (while the client is stopping:
 * on the caller's), must be short, may submit but not call, and gets a reply that is valid only
 * during the call. call and what it points to stay valid until then. */
typedef void (*httpc_done_fn)(void *ctx, enum status st, const struct http_reply *reply,
                              const struct err *e);
void httpc_submit(struct httpc *h, const struct http_call *call, httpc_done_fn done, void *ctx);

/* As httpc_call, but the body of a 2xx reply goes to the sink piece by piece while it comes, at most
 * max_reply_bytes in all, and ret->body stays empty. The sink runs on the caller's thread and may take
 * its time: the peer waits meanwhile. Another status than ST_OK from it ends the call and comes back
 * as it is. Pieces of a reply that is cut later have been given away by then. */
struct httpc_sink {
    enum status (*take)(void *ctx, struct str piece, struct err *e);
    void *ctx;
};
enum status httpc_fetch(struct httpc *h, struct arena *a, const struct http_call *call,
                        struct httpc_sink sink, struct http_reply *ret, struct err *e)
    ATTR_MUST_CHECK;

/* Calls per second to a host ("graph.facebook.com:443", lower case); over it calls wait their turn
 * inside httpc, evenly spaced. 0: unlimited. */
void httpc_limit_host(struct httpc *h, struct str host_port, double per_second);
