/* run.h - one run of a campaign's job: its calls under way, and what happens between two commits. Private to dispatch/.
 *
 *   pass:   answers → judge → one transaction { fence, campaign, record the answers, claim the next } → calls
 *                      └─ many that were taken → recorder: one transaction { record }, beside that one
 *
 * A pass records what came back and claims as much as there is room for, so a message costs its share of a commit. The client's
 * loop only puts finished flights into a list. While there are many, the recorder's thread writes down those that the provider has
 * taken while the run's own claims the next ones, and the next pass begins when both are through: what is recorded last, and whatever
 * the provider said no to, the run's thread writes down itself.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>

#include "base/list.h"
#include "dispatch/outcome.h"
#include "dispatch/permit.h"
#include "dispatch/sender.h"
#include "mail/mail.h"

enum { RUN_CLAIM_MAX = 500, RUN_WINDOW_MAX = 4096 };

struct batch { /* what one claim found; goes with the last of its flights */
    struct arena arena;
    size_t refs;
};

struct flight { /* one message between its claim and its record */
    struct list_node node;
    struct run *run;
    struct batch *batch;
    struct arena arena;   /* of call and reply */
    struct recipient row; /* as claimed */
    struct str content;
    bool is_user_id, is_new_lead;
    int64_t price;
    struct str lead_name;
    const struct permit_channel *via;
    const struct channel *channel;
    struct http_call call;
    struct mail_submission mail; /* of e-mail, instead of call and reply */
    enum status st;
    struct err err;
    struct http_reply reply;
    struct send_result result;
};

struct claimed { /* one row that a claim has marked */
    struct recipient row;
    bool is_flown, is_stopped; /* by the launch */
    const struct decision *decision;
    const struct permit_channel *via;
    const struct channel *channel;
};

struct pass { /* what one transaction found; begun anew when it is run again */
    struct claimed *claimed;
    size_t n_claimed;
    bool is_over; /* nothing more is to be claimed in this run */
    bool is_campaign_over;
    int64_t again_at_ms; /* when it is over: when there is more to do; 0: never */
    int64_t wait_us;     /* until another claim is worth it */
    int64_t n_recorded;
    int64_t stops; /* consent_hold() as the claim saw it */
};

struct since_check { /* for the error threshold: what came back since rows were counted last */
    struct dispatch_limits limits;
    int64_t n_counted, n, n_bad;
};

struct recorder { /* a thread of the run's, begun when it is first needed */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t turned; /* is_wanted or is_stopping has changed */
    struct arena arena;    /* of its transaction */
    bool is_begun, is_wanted, is_stopping;
    enum status st; /* of the last one */
};

struct run {
    struct dispatch_deps *deps;
    struct app *app;
    const struct job *job;
    struct dispatch_id id;
    struct recipient_id test; /* a run for this one alone; nil: the campaign */
    size_t window;

    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct list done; /* struct flight: finished, not recorded */
    size_t n_done, wake_at;

    size_t n_flying; /* submitted, not taken from done; the run's thread's own count */
    size_t n_landed; /* of them, by the end of the last pass */
    struct list free;
    struct flight **finished; /* taken from done, being recorded; RUN_WINDOW_MAX */
    size_t n_finished;
    size_t n_aside; /* the first of them, which are the recorder's */
    struct recorder recorder;
    struct batch *batch; /* of the pass */
    struct pass pass;
    bool is_begun; /* what a dead run left has been looked at */
    bool is_ending;
    bool is_skimming; /* the last claim only put rows aside */
    bool is_checking; /* this pass counts how it goes */
    int64_t away_ms;  /* when it gives way: for how long at least */
    int64_t told_at_ms, checked_at_ms, check_took_ms;
    struct since_check since;
};

/* The transaction. */
enum status run_pass(struct tx *tx, void *run, struct err *e);
/* Its two halves, after the campaign was found running; the flights that are set aside are the recorder's. */
enum status run_record(struct run *r, struct tx *tx, struct dispatch *d, int64_t now_ms,
                       struct err *e) ATTR_MUST_CHECK;
enum status run_claim(struct run *r, struct tx *tx, struct dispatch *d, size_t want, int64_t now_ms,
                      struct err *e) ATTR_MUST_CHECK;

/* The recorder's transaction. */
enum status run_record_aside(struct tx *tx, void *run, struct err *e);

/* recorder.c: begins to write down the first n of what is finished; they stay where they are until recorder_wait(), which ends
 * them. When it fails they are nobody's and to be recorded again. */
void recorder_init(struct run *r);
void recorder_start(struct run *r, size_t n);
enum status recorder_wait(struct run *r);
void recorder_done(struct run *r); /* after recorder_wait() */

/* Lets the rows fly that the last pass has claimed: what was said between the two is heard. */
enum status run_launch(struct run *r, struct err *e) ATTR_MUST_CHECK;

/* For so long, whatever comes back. */
void run_wait(struct run *r, int64_t ms);
/* Lets a claimed row fly; its answer ends in run->done. */
void flight_start(struct run *r, const struct claimed *c);
/* What its answer means; result is filled. */
void flight_judge(struct flight *f);
void flight_end(struct run *r, struct flight *f);
