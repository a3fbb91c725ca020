/* store.h - the statements on dispatches, their recipients, dry_run_log and what accounts have sent; private to dispatch/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "dispatch/dispatch.h"

/* --- dispatches ------------------------------------------------------------------------------------------------------- */

enum status store_dispatch_insert(struct tx *tx, const struct dispatch *d, struct err *e)
    ATTR_MUST_CHECK;
/* Everything but ids and times of birth, as in d. */
enum status store_dispatch_update(struct tx *tx, const struct dispatch *d, int64_t now_ms,
                                  struct err *e) ATTR_MUST_CHECK;
/* with_lock: until the commit, so that a change of state and a claim wait for each other. ST_NOT_FOUND. */
enum status store_dispatch_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct dispatch_id id, bool with_lock, struct dispatch *ret,
                               struct err *e) ATTR_MUST_CHECK;
enum status store_dispatch_list(struct arena *a, struct tx *tx, const struct dispatch_query *q,
                                struct dispatch **ret, size_t *ret_n, struct err *e)
    ATTR_MUST_CHECK;
/* Those that run or wait for their time, in order of id. */
enum status store_dispatch_list_live(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                     struct dispatch **ret, size_t *ret_n, struct err *e)
    ATTR_MUST_CHECK;
/* With its recipients and log. */
enum status store_dispatch_delete(struct tx *tx, struct tenant_id tenant, struct dispatch_id id,
                                  struct err *e) ATTR_MUST_CHECK;
enum status store_dispatch_wait(struct tx *tx, struct tenant_id tenant, struct dispatch_id id,
                                struct str cause, int64_t until_ms, struct err *e) ATTR_MUST_CHECK;

/* --- settings, senders ------------------------------------------------------------------------------------------------ */

/* Empty when there are none; with_lock: made when missing and held until the commit. */
enum status store_dispatch_settings_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                        struct str *ret, struct err *e) ATTR_MUST_CHECK;
enum status store_dispatch_settings_lock(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                         struct err *e) ATTR_MUST_CHECK;
enum status store_dispatch_settings_put(struct tx *tx, struct tenant_id tenant, struct str settings,
                                        int64_t now_ms, struct err *e) ATTR_MUST_CHECK;

struct sender_state {
    int64_t blocked_until_ms;
    int64_t backoffs;
    struct str cause;
    int64_t sent_day;       /* people in the last 24 hours, to the hour */
    int64_t oldest_slot_ms; /* when the oldest of these hours began; 0: none */
};
enum status store_sender_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             struct account_id account, int64_t now_ms, struct sender_state *ret,
                             struct err *e) ATTR_MUST_CHECK;
enum status store_sender_count(struct tx *tx, struct tenant_id tenant, struct account_id account,
                               int64_t now_ms, int64_t n, struct err *e) ATTR_MUST_CHECK;
/* until_ms 0: it is well again. */
enum status store_sender_block(struct tx *tx, struct tenant_id tenant, struct account_id account,
                               int64_t until_ms, struct str cause, int64_t now_ms, struct err *e)
    ATTR_MUST_CHECK;

/* --- recipients ------------------------------------------------------------------------------------------------------- */

/* Ids for "= any of these": text on PostgreSQL, bytes on SQLite. */
struct db_val store_ids(struct arena *a, struct tx *tx, const struct uuid *ids, size_t n);

/* Inserts what is planned or excluded; a lead that is there already stays as it is. */
enum status store_recipients_insert(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                    const struct recipient *rows, size_t n, struct err *e)
    ATTR_MUST_CHECK;
/* Some of them; *ret_n 0: none was left. */
enum status store_recipients_clear(struct tx *tx, struct tenant_id tenant, struct dispatch_id id,
                                   int64_t *ret_n, struct err *e) ATTR_MUST_CHECK;
struct claim_query {
    struct tenant_id tenant;
    struct dispatch_id dispatch;
    int64_t due_before_ms;
    size_t limit;
};
/* Planned rows that are due, oldest first, locked; others' locked ones are skipped. */
enum status store_recipients_due(struct arena *a, struct tx *tx, const struct claim_query *q,
                                 struct recipient **ret, size_t *ret_n, struct err *e)
    ATTR_MUST_CHECK;
/* When the next planned row is due; 0: there is none. */
enum status store_recipients_next(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                  struct dispatch_id id, int64_t *ret_ms, struct err *e)
    ATTR_MUST_CHECK;
/* The planned ones after a lead, whenever they are due: what a dry run walks. */
enum status store_recipients_walk(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                  struct dispatch_id id, struct lead_id after, size_t limit,
                                  struct recipient **ret, size_t *ret_n, struct err *e)
    ATTR_MUST_CHECK;
/* Those rows with these ids, in order of id and locked so. */
enum status store_recipients_lock(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                  const struct uuid *ids, size_t n, struct recipient **ret,
                                  size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
enum status store_recipient_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                struct recipient_id id, struct recipient *ret, struct err *e)
    ATTR_MUST_CHECK;
/* Whether a lead is one of the campaign's recipients. */
enum status store_recipient_is_there(struct arena *a, struct tx *tx, const struct dispatch *d,
                                     struct lead_id lead, bool *ret, struct err *e) ATTR_MUST_CHECK;
/* Planned → sending: channel, address, template, text and reason as in the rows. */
enum status store_recipients_sending(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                     const struct recipient *rows, size_t n, int64_t now_ms,
                                     struct err *e) ATTR_MUST_CHECK;
/* Sending → planned again: the call was not begun. */
enum status store_recipients_unclaim(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                     const struct uuid *ids, size_t n, int64_t now_ms,
                                     struct err *e) ATTR_MUST_CHECK;
/* Sending (or uncertain by now) → sent, with provider_id and cost of the rows; one that a receipt has overtaken keeps its
 * state. */
enum status store_recipients_sent(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                  const struct recipient *rows, size_t n, int64_t now_ms,
                                  struct err *e) ATTR_MUST_CHECK;
/* Planned → excluded, with their block_reason. */
enum status store_recipients_exclude(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                     const struct recipient *rows, size_t n, int64_t now_ms,
                                     struct err *e) ATTR_MUST_CHECK;
/* Planned stays planned, due at due_at_ms of the rows. */
enum status store_recipients_later(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                   const struct recipient *rows, size_t n, struct err *e)
    ATTR_MUST_CHECK;
/* Everything that may change, as in r; for what is decided one by one. */
enum status store_recipient_update(struct tx *tx, struct tenant_id tenant,
                                   const struct recipient *r, int64_t now_ms, struct err *e)
    ATTR_MUST_CHECK;
/* Failed, and the provider never took the message: it said no, or it was not called. What a person has called failed may have
 * arrived all the same. */
#define NEVER_TAKEN                                                                                \
    "(state = 'failed' AND provider_id = '' AND sent_at = 0 AND error_cause <> 'settled')"
/* Those of a group that may be decided, by lead, at most limit; locked, and who is locked by others is left out. */
enum status store_recipients_group(struct arena *a, struct tx *tx, const struct recipient_group *g,
                                   size_t limit, struct recipient **ret, size_t *ret_n,
                                   struct err *e) ATTR_MUST_CHECK;
/* What a person has decided, as in the rows. */
enum status store_recipients_settled(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                     const struct recipient *rows, size_t n, int64_t now_ms,
                                     struct err *e) ATTR_MUST_CHECK;
/* Receipts that move forward: state and rank up, never down; times are filled once. */
struct receipt_move {
    struct recipient_id id;
    const char *state;
    int64_t rank, at_ms;
    struct str provider_id;
};
enum status store_recipients_receipt(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                     const struct receipt_move *moves, size_t n, int64_t now_ms,
                                     struct err *e) ATTR_MUST_CHECK;
/* What a run that died left behind. */
enum status store_recipients_orphans(struct tx *tx, struct tenant_id tenant, struct dispatch_id id,
                                     int64_t now_ms, int64_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* Some of those that are planned; *ret_n 0: none was left. */
enum status store_recipients_cancel(struct tx *tx, struct tenant_id tenant, struct dispatch_id id,
                                    int64_t now_ms, int64_t *ret_n, struct err *e) ATTR_MUST_CHECK;

/* Of these leads: what other campaigns have done, or are about to do, to them. */
struct lead_touch {
    struct lead_id lead;
    int64_t recent;      /* campaign messages since `since_ms` */
    int64_t overlapping; /* another campaign's message since overlap_since_ms, or is under way */
};
struct touch_query {
    struct tenant_id tenant;
    struct dispatch_id dispatch;
    int64_t since_ms, overlap_since_ms;
};
enum status store_lead_touches(struct arena *a, struct tx *tx, const struct touch_query *q,
                               const struct uuid *leads, size_t n, struct lead_touch **ret,
                               size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* What reached a lead by campaign since then, newest first, at most 20. */
enum status store_recipients_of_lead(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                     struct lead_id lead, int64_t since_ms, struct recipient **ret,
                                     size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
enum status store_recipient_message(struct tx *tx, struct tenant_id tenant, struct recipient_id id,
                                    struct message_id message, struct err *e) ATTR_MUST_CHECK;
enum status store_recipient_replied(struct tx *tx, struct tenant_id tenant, struct recipient_id id,
                                    int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
enum status store_recipient_opted_out(struct tx *tx, struct tenant_id tenant,
                                      struct recipient_id id, int64_t now_ms, struct err *e)
    ATTR_MUST_CHECK;
enum status store_recipient_list(struct arena *a, struct tx *tx, const struct recipient_query *q,
                                 struct recipient **ret, size_t *ret_n, struct err *e)
    ATTR_MUST_CHECK;

/* --- dry run, report ---------------------------------------------------------------------------------------------------- */

enum status store_dry_insert(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             struct dispatch_id id, const struct dry_row *rows, size_t n,
                             struct err *e) ATTR_MUST_CHECK;
enum status store_dry_clear(struct tx *tx, struct tenant_id tenant, struct dispatch_id id,
                            struct err *e) ATTR_MUST_CHECK;
enum status store_dry_list(struct arena *a, struct tx *tx, const struct dry_query *q,
                           struct dry_row **ret, size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
struct dry_sum {
    int64_t would_send, cost;
};
enum status store_dry_sum(struct arena *a, struct tx *tx, struct tenant_id tenant,
                          struct dispatch_id id, struct dry_sum *ret, struct err *e)
    ATTR_MUST_CHECK;
enum status store_report(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct dispatch_id id, struct dispatch_report *ret, struct err *e)
    ATTR_MUST_CHECK;
enum status store_counts(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct dispatch_id id, struct dispatch_counts *ret, struct err *e)
    ATTR_MUST_CHECK;
/* How sends have gone since then: for the error threshold. */
struct run_outcome {
    int64_t good, bad;
};
enum status store_outcome(struct arena *a, struct tx *tx, struct tenant_id tenant,
                          struct dispatch_id id, int64_t since_ms, struct run_outcome *ret,
                          struct err *e) ATTR_MUST_CHECK;
