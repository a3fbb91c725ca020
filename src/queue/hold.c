/* hold.c - a claimed job in one block, with its text behind it: it outlives the claim's arena and
 * is handed over whole.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/internal.h"

static struct str copy(char **at, struct str s) {
    struct str out = {*at, s.len};

    if (s.len > 0)
        memcpy(*at, s.ptr, s.len);
    *at += s.len;
    return out;
}

struct claimed *claimed_new(const struct store_job *from, int64_t claimed_ms, uint32_t lease_ms) {
    const struct job *job = &from->job;
    size_t text = job->kind.len + job->lane.len + job->key.len + job->payload.len;
    struct claimed *c = calloc(1, sizeof(*c) + text);
    char *at;

    if (!c) {
        perror("queue: out of memory");
        abort();
    }
    at = c->text;
    c->job = *job;
    c->job.kind = copy(&at, job->kind);
    c->job.lane = copy(&at, job->lane);
    c->job.key = copy(&at, job->key);
    c->job.payload = copy(&at, job->payload);
    c->priority = from->priority;
    c->claimed_ms = claimed_ms;
    c->lease_end_ms = claimed_ms + lease_ms;
    return c;
}

void claimed_free(struct claimed *c) {
    if (!c)
        return;
    free(c->reason);
    free(c);
}

struct store_held claimed_held(const struct claimed *c) {
    return (struct store_held){c->job.id, c->job.tenant, c->job.token};
}
