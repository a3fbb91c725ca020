/* outcome.c - what a finished transfer means: how far it got, what the caller is told, what the
 * circuit learns, and which counter moves.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "httpc/loop.h"
#include "httpc/retry_after.h"
#include "stats/stats.h"

#define CALLS(outcome)                                                                             \
    STATS_COUNTER_L("prosa_http_client_calls_total", "calls to other systems by how they ended",   \
                    "outcome=\"" outcome "\"")
static struct stats_counter calls_replied = CALLS("replied");
static struct stats_counter calls_failed = CALLS("server-error");
static struct stats_counter calls_cut = CALLS("cut");
static struct stats_counter calls_not_sent = CALLS("not-sent");
static struct stats_counter calls_refused = CALLS("breaker-open");
static struct stats_counter calls_forbidden = CALLS("address-forbidden");
static struct stats_counter calls_gate = CALLS("gate-closed");
static struct stats_counter in_flight =
    STATS_GAUGE("prosa_http_client_in_flight", "calls to other systems under way");
static struct stats_counter breaker_opens = STATS_COUNTER(
    "prosa_http_client_breaker_opens_total", "circuits opened after failures in a row");
static struct stats_histogram duration = STATS_HISTOGRAM(
    "prosa_http_client_duration_seconds", "duration of calls, waiting for a turn included");

void outcome_count_in_flight(int n) {
    stats_add(&in_flight, n);
}

void outcome_count_breaker_open(void) {
    stats_add(&breaker_opens, 1);
}

static struct stats_counter *counter_of(const struct outcome *o, const struct err *e) {
    struct str cause = str_of(e->cause);

    if (str_eq(cause, STR("gate-closed")))
        return &calls_gate;
    if (str_eq(cause, STR("address-forbidden")))
        return &calls_forbidden;
    if (str_eq(cause, STR("breaker-open")))
        return &calls_refused;
    switch (o->reply.phase) {
    case HTTP_NOT_SENT:
        return &calls_not_sent;
    case HTTP_CUT:
        return &calls_cut;
    case HTTP_REPLIED:
        return o->reply.status >= 500 ? &calls_failed : &calls_replied;
    }
    return &calls_not_sent;
}

void outcome_count(const struct transfer *t, const struct outcome *o, const struct err *e) {
    stats_add(counter_of(o, e), 1);
    if (o->reply.phase != HTTP_NOT_SENT)
        stats_observe_us(&duration, (clock_mono_ns() - t->started_ns) / 1000);
}

static struct http_reply reply_begin(const struct transfer *t) {
    return (struct http_reply){
        .phase = t->was_sent ? HTTP_CUT : HTTP_NOT_SENT,
        .retry_after_ms = -1,
        .took_ms = (uint32_t)((clock_mono_ns() - t->started_ns) / 1000000),
    };
}

void outcome_without_reply(const struct transfer *t, const struct err *e, struct outcome *ret) {
    *ret = (struct outcome){
        .status = e->status,
        .breaker = BREAKER_NEUTRAL,
        .reply = reply_begin(t),
    };
    ret->reply.failure = str_of(e->message);
}

static void judge_reply(struct transfer *t, struct outcome *ret) {
    struct http_reply *r = &ret->reply;
    long status = 0;

    (void)curl_easy_getinfo(t->handle->easy, CURLINFO_RESPONSE_CODE, &status);
    r->phase = HTTP_REPLIED;
    r->status = (unsigned)status;
    r->headers = t->headers;
    r->n_headers = t->n_headers;
    r->body = buf_str(&t->handle->body);
    r->retry_after_ms = retry_after_ms(t->headers, t->n_headers, clock_now_ms());
    ret->breaker = status >= 500 ? BREAKER_BAD : BREAKER_GOOD;
}

static struct str failure_text(const struct transfer *t, CURLcode result) {
    switch (t->refusal) {
    case REFUSED_SIZE:
        return STR("reply body is larger than allowed");
    case REFUSED_HEADERS:
        return STR("reply head is larger than allowed");
    case REFUSED_REPEAT:
        return STR("connection died before a reply, not sent again");
    case REFUSED_ADDRESS:
        return STR("address is not public");
    case REFUSED_SINK:
        return STR("the rest of the reply is not wanted");
    case REFUSED_NOT:
        break;
    }
    /* libcurl's longer text may quote parts of a URL it cannot read */
    if (t->handle->failure[0] && result != CURLE_URL_MALFORMAT &&
        result != CURLE_UNSUPPORTED_PROTOCOL)
        return str_of(t->handle->failure);
    return str_of(curl_easy_strerror(result));
}

/* Nothing came back that can be used. A call of which nothing was sent is a failure to the caller,
 * too; one that was cut is an answer: "it may have happened". */
static enum status judge_failure(struct transfer *t, CURLcode result, struct outcome *ret,
                                 struct err *e) {
    struct str name = t->host->entry.name;

    ret->reply.failure = failure_text(t, result);
    ret->breaker =
        t->refusal == REFUSED_NOT || t->refusal == REFUSED_REPEAT ? BREAKER_BAD : BREAKER_NEUTRAL;
    if (t->refusal == REFUSED_ADDRESS) {
        e->cause = "address-forbidden";
        FAIL(e, ST_DENIED, "could not call \"%.*s\": address is not public", STR_ARG(name));
    }
    if (ret->reply.phase == HTTP_CUT)
        return ST_OK;
    if (result == CURLE_URL_MALFORMAT || result == CURLE_UNSUPPORTED_PROTOCOL) {
        ret->breaker = BREAKER_NEUTRAL;
        e->cause = "url-malformed";
        FAIL(e, ST_INVALID, "could not call \"%.*s\": malformed URL", STR_ARG(name));
    }
    e->cause = "not-reachable";
    FAIL(e, ST_UNAVAILABLE, "could not call \"%.*s\": %.*s", STR_ARG(name),
         STR_ARG(ret->reply.failure));
}

void outcome_judge(struct transfer *t, CURLcode result, struct outcome *ret, struct err *e) {
    *ret = (struct outcome){.status = ST_OK, .reply = reply_begin(t)};
    if (result == CURLE_OK)
        judge_reply(t, ret);
    else
        ret->status = judge_failure(t, result, ret, e);
}
