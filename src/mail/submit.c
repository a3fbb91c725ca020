/* submit.c - mails that nobody waits for: a few threads send one after the other. How many go to one server at once is the
 * account's max_connections; a thread that waits for its turn there keeps others waiting, so campaigns are the only users.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "mail/internal.h"

void pool_init(struct pool *p) {
    list_init(&p->waiting);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
}

/* NULL: stopping, and nothing is left. */
static struct mail_submission *take(struct pool *p, bool *ret_is_stopping) {
    struct list_node *n;

    pthread_mutex_lock(&p->lock);
    while ((n = list_pop(&p->waiting)) == NULL && !p->is_stopping)
        pthread_cond_wait(&p->work, &p->lock);
    *ret_is_stopping = p->is_stopping;
    pthread_mutex_unlock(&p->lock);
    return n ? LIST_ITEM(n, struct mail_submission, node) : NULL;
}

static enum status run(struct mailer *m, struct mail_submission *s, bool is_stopping) {
    if (is_stopping)
        FAIL(s->e, ST_UNAVAILABLE, "could not send a mail: the program is stopping");
    return mail_send(m, s->a, s->ch, &s->msg, s->reach, s->ret, s->e);
}

static void *work(void *arg) {
    struct mailer *m = arg;
    struct mail_submission *s;
    bool is_stopping;

    while ((s = take(mailer_pool(m), &is_stopping)) != NULL)
        s->done(s->ctx, run(m, s, is_stopping));
    return NULL;
}

void pool_stop(struct pool *p) {
    pthread_mutex_lock(&p->lock);
    p->is_stopping = true;
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (size_t i = 0; i < p->n_threads; i++)
        (void)pthread_join(p->threads[i], NULL);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->lock);
}

void mail_submit(struct mailer *m, struct mail_submission *s) {
    struct pool *p = mailer_pool(m);

    pthread_mutex_lock(&p->lock);
    while (p->n_threads < ARRAY_LEN(p->threads) &&
           pthread_create(&p->threads[p->n_threads], NULL, work, m) == 0)
        p->n_threads++;
    if (p->n_threads == 0)
        abort(); /* true exhaustion; nothing was sent */
    list_push(&p->waiting, &s->node);
    pthread_cond_signal(&p->work);
    pthread_mutex_unlock(&p->lock);
}
