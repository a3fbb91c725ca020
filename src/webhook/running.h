/* running.h - the running part of one process: the follower's thread and what jobs share; private to webhook/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "webhook/webhook.h"

struct webhooks {
    struct webhooks_options options;
    struct log_ctx log;

    _Atomic unsigned delivering; /* jobs that deliver now */
    unsigned max_delivering;

    _Atomic bool has_endpoints; /* anywhere; looked up every second */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    bool is_awake, is_stopping;
};
