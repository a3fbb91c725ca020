/* behaviour.h - how the simulator misbehaves: one table of knobs, readable and settable over HTTP.
 * Private to sim.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "json/json.h"

enum window_rule { WINDOW_ERROR, WINDOW_STATUS, WINDOW_OFF };
enum { MUTE_SENT = 1, MUTE_DELIVERED = 2, MUTE_READ = 4, MUTE_FAILED = 8 };

enum { FAIL_NEXT_MAX = 32 };

struct planned_failure { /* of one coming call */
    int64_t code;
    int64_t http;          /* 0: what belongs to the code */
    int64_t retry_after_s; /* 0: no header */
    bool is_cut;           /* the connection closes instead */
};

enum model_fault {
    MODEL_FAULT_NONE,
    MODEL_FAULT_429,
    MODEL_FAULT_QUOTA, /* 429, but a billing problem */
    MODEL_FAULT_500,
    MODEL_FAULT_503,
    MODEL_FAULT_HTML,    /* 502 from some gateway */
    MODEL_FAULT_IN_200,  /* an error object under a 200 */
    MODEL_FAULT_GARBAGE, /* a 200 that is no JSON */
    MODEL_FAULT_LENGTH,  /* cut at the token limit */
    MODEL_FAULT_REFUSAL,
    MODEL_FAULT_TOO_LONG, /* 400 context_length_exceeded */
    MODEL_FAULT_CUT,
    MODEL_FAULT_STALL,
};

struct behaviour {
    /* sends */
    int64_t accept_delay_ms;
    int64_t error_code; /* what error_rate answers */
    int64_t twilio_error_code;
    int64_t stall_ms; /* how long a stalled call is held before it is cut */
    int64_t mps;      /* accepted a second and number; above: 130429; 0: any */
    double error_rate, stall_rate, cut_before_accept_rate, cut_after_accept_rate;
    int64_t window; /* enum window_rule: a send to somebody who never wrote, without a template */
    struct planned_failure fail_next[FAIL_NEXT_MAX];
    unsigned n_fail_next;
    /* statuses */
    int64_t status_delay_ms; /* between accepted, sent, delivered and read */
    int64_t batch, batch_wait_ms;
    int64_t failed_code;
    int64_t twilio_failed_code;
    bool early_statuses; /* Twilio: "queued" and "sending" as well */
    double failed_rate;  /* of accepted sends that end as failed */
    double read_rate;
    bool reorder;
    unsigned mute; /* MUTE_… */
    /* webhooks */
    double duplicate_rate; /* acknowledged ones that come a second time */
    bool escape;           /* non-ASCII and "/" as Meta writes them */
    int64_t retry_first_ms, retry_max_ms, retry_for_ms;
    /* the model */
    int64_t model_delay_ms;
    double model_stall_rate, model_cut_rate, model_garbage_rate, model_error_rate;
    enum model_fault model_fail_next[FAIL_NEXT_MAX];
    unsigned n_model_fail_next;
};

void behaviour_init(struct behaviour *b);
/* Changes what the object names. ST_INVALID: an unknown knob or a value out of range; nothing has
 * changed. */
enum status behaviour_merge(struct behaviour *b, const struct json *v, struct err *e)
    ATTR_MUST_CHECK;
void behaviour_write(const struct behaviour *b, struct buf *ret);

/* Takes the oldest planned failure; false when there is none. */
bool behaviour_next(struct behaviour *b, struct planned_failure *ret);
enum model_fault behaviour_next_model(struct behaviour *b);
