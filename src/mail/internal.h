/* internal.h - the mailer's connections; private to mail/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <curl/curl.h>
#include <pthread.h>

#include "base/buf.h"
#include "mail/mail.h"

/* A libcurl handle and the one connection it keeps. Belongs to one call at a time. */
struct conn {
    struct conn *next;
    struct str key; /* server, user, password's digest: who may use it again */
    CURL *easy;
    bool is_busy, is_used;
    bool must_be_public;
    bool is_forbidden; /* of this call: the address was not public */
    bool is_healthy;   /* the last call ended well: a goodbye will be answered */
    bool is_imap;
    int fd; /* of the open connection; -1: none */
    int64_t idle_since_ms;
    char failure[CURL_ERROR_SIZE];
};

enum protocol { PROTOCOL_SMTP, PROTOCOL_IMAP };

struct dial { /* whom to call */
    enum protocol protocol;
    const struct mail_server *server;
    struct account_id account;
    unsigned max;        /* connections at once */
    int64_t deadline_ms; /* monotonic */
};

/* Waits for its turn. ST_LIMITED: none was free in time; ST_INVALID: the server's settings cannot be used, the message says
 * why. The handle is set up for the server, without anything of an earlier call. */
enum status conn_take(struct mailer *m, struct arena *a, const struct dial *dial, struct conn **ret,
                      struct err *e) ATTR_MUST_CHECK;
/* is_good false: the connection is closed. */
void conn_give(struct mailer *m, struct conn *c, bool is_good);
/* "smtps://host:465/" with what is behind it. */
void conn_set_url(struct conn *c, struct arena *a, const struct dial *dial, struct str path);
/* Runs what was set, in what is left of the time. */
CURLcode conn_perform(struct conn *c, const struct dial *dial);
/* What a failure means that is not a reply's: fills phase, text and flags of *ret. */
void conn_failure(const struct conn *c, struct arena *a, CURLcode code, struct mail_reply *ret);

/* Threads for what was submitted; started by the first. */
struct pool {
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct list waiting; /* struct mail_submission */
    pthread_t threads[8];
    size_t n_threads;
    bool is_stopping;
};
void pool_init(struct pool *p);
void pool_stop(struct pool *p);
struct pool *mailer_pool(struct mailer *m);

const struct mailer_options *mailer_options(const struct mailer *m);

#define SET(easy, option, value) (void)curl_easy_setopt((easy), (option), (value))
