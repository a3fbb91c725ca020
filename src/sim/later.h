/* later.h - things to do at a given time, on one thread. Private to sim.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct later;

typedef void (*later_fn)(void *arg, bool is_over); /* is_over: the thread ends, only clean up */

enum status later_start(struct later **ret, struct err *e) ATTR_MUST_CHECK;
/* Runs fn in in_ms milliseconds at the earliest; tasks of one time run in the order they were
 * given. Any thread. */
void later_do(struct later *l, int64_t in_ms, later_fn fn, void *arg);
/* Joins the thread; what is left is called with is_over. later_do() after this, from such a call or
 * otherwise, cleans up at once. */
void later_stop(struct later *l);
void later_free(struct later *l);
