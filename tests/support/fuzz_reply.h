/* fuzz_reply.h - an HTTP reply out of a fuzzer's bytes, readable as a text file:
 *   429 12000\n        status (0: cut, 1: not sent) and, if given, the wait in milliseconds
 *   name: value\n      at most one header
 *   the body           to the end
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "httpc/httpc.h"

static inline enum http_phase fuzz_reply_phase(uint64_t status) {
    return status == 0 ? HTTP_CUT : status == 1 ? HTTP_NOT_SENT : HTTP_REPLIED;
}

static inline struct http_reply fuzz_reply(struct str bytes, struct http_header *header) {
    struct str line;
    uint64_t status = 0, wait_ms = 0;
    bool has_wait;
    struct http_reply r;

    (void)str_cut(&bytes, '\n', &line);
    (void)str_eat_u64(&line, 999, &status);
    has_wait = str_eat(&line, STR(" ")) && str_eat_u64(&line, INT64_MAX, &wait_ms);
    (void)str_cut(&bytes, '\n', &line);
    (void)str_cut(&line, ':', &header->name);
    header->value = str_trim(line);
    r = (struct http_reply){
        .phase = fuzz_reply_phase(status),
        .status = status > 1 ? (unsigned)status : 0,
        .headers = header,
        .n_headers = 1,
        .body = bytes,
        .retry_after_ms = has_wait ? (int64_t)wait_ms : -1,
    };
    return r;
}
