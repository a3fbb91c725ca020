/* internal.h - what the files of dispatch/ share; private to it.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "dispatch/rules.h"
#include "dispatch/store.h"
#include "outbox/outbox.h"

/* Event "dispatch.state" of no conversation. */
enum status dispatch_event(struct arena *a, struct tx *tx, const struct dispatch *d, int64_t now_ms,
                           struct err *e) ATTR_MUST_CHECK;
/* Writes d whole, in its new state, with the event. */
enum status dispatch_set_state(struct arena *a, struct tx *tx, struct dispatch *d,
                               const char *state, struct str cause, struct str reason,
                               int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
enum status dispatch_put_job(struct arena *a, struct tx *tx, const struct dispatch *d,
                             const char *kind, int64_t run_at_ms, struct err *e) ATTR_MUST_CHECK;
enum status dispatch_check_gate(enum gate gate, struct err *e) ATTR_MUST_CHECK;
enum status dispatch_of_job(struct arena *a, const struct job *job, struct dispatch_id *ret,
                            struct err *e) ATTR_MUST_CHECK;
enum status dispatch_begin_dry_run(struct arena *a, struct tx *tx, struct dispatch *d,
                                   int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
enum status dispatch_begin_run(struct arena *a, struct tx *tx, struct dispatch *d, int64_t now_ms,
                               struct err *e) ATTR_MUST_CHECK;
/* There is more to do: one that was through goes on, one that is paused does when it is resumed. */
enum status dispatch_go_on(struct arena *a, struct tx *tx, struct dispatch *d, int64_t now_ms,
                           struct err *e) ATTR_MUST_CHECK;
/* The live campaign is stopped for a cause of its own: a running one is paused, one that waits for its time no longer does. */
enum status dispatch_halt(struct arena *a, struct tx *tx, struct dispatch *d, struct str cause,
                          struct str reason, int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
/* Puts what a campaign sent into a conversation, once. */
enum status dispatch_show(struct arena *a, struct tx *tx, const struct dispatch *d,
                          const struct recipient *r, struct conversation_id conversation,
                          int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
/* The provider says that the person wants no more over the channel. */
enum status dispatch_provider_stop(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                   struct lead_id lead, struct str channel, struct str reason,
                                   int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
