/* postgres_listen.c - wake-ups between nodes: one thread with a connection of its own both listens
 * and notifies. Its own notifications come back to it and are told by the sender's process id.
 *
 * A channel is told at most once per COALESCE_MS, the first at once. What happened while the
 * connection was away nobody knows: after a reconnect every listener is called.
 * The connection also refreshes the planner's statistics, as the tables' owner.
 * SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "db/postgres_engine.h"

enum {
    COALESCE_MS = 5,
    STATISTICS_MS = 5000,
    PAUSE_FIRST_MS = 50,
    PAUSE_MAX_MS = 5000,
    SQL_MAX_BYTES = 1024,
};

struct channel {
    char name[DB_CHANNEL_BYTES];
    bool is_listened;   /* somebody here wants to hear of it */
    bool is_subscribed; /* LISTEN was sent on this connection */
    bool is_due;        /* to be told to the others */
};

struct pg_listen {
    struct pg_db *db;
    pthread_t thread;
    int wake_fd;
    pthread_mutex_t lock; /* of what follows up to the gap */
    struct channel channels[DB_MAX_CHANNELS];
    size_t n;
    bool is_stopping;

    struct pg_conn *conn; /* the thread's own, as all below */
    int64_t pause_ms;     /* between two attempts to connect */
    int64_t next_try_ms;
    int64_t told_at_ms;
    int64_t analyzed_at_ms;
    bool is_new; /* the connection: nothing was subscribed on it yet */
    bool was_connected;
};

/* --- the table of channels ------------------------------------------------------------------- */

/* l->lock is held. NULL: the table is full. */
static struct channel *get_channel(struct pg_listen *l, const char *name) {
    struct channel *c;

    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->channels[i].name, name) == 0)
            return &l->channels[i];
    if (l->n == DB_MAX_CHANNELS)
        return NULL;
    c = &l->channels[l->n++];
    (void)snprintf(c->name, sizeof(c->name), "%s", name);
    return c;
}

static bool has_due(struct pg_listen *l) {
    bool has = false;

    (void)pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < l->n; i++)
        has = has || l->channels[i].is_due;
    (void)pthread_mutex_unlock(&l->lock);
    return has;
}

static bool is_stopping(struct pg_listen *l) {
    bool is;

    (void)pthread_mutex_lock(&l->lock);
    is = l->is_stopping;
    (void)pthread_mutex_unlock(&l->lock);
    return is;
}

/* "LISTEN prosa_a" of one channel not subscribed to yet; false when there is none. */
static bool next_listen(struct pg_listen *l, struct buf *sql) {
    buf_clear(sql);
    (void)pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < l->n && sql->len == 0; i++) {
        struct channel *c = &l->channels[i];

        if (!c->is_listened || c->is_subscribed)
            continue;
        buf_printf(sql, "LISTEN prosa_%s", c->name);
        c->is_subscribed = true;
    }
    (void)pthread_mutex_unlock(&l->lock);
    buf_add_char(sql, '\0');
    return sql->len > 1;
}

/* "SELECT pg_notify('prosa_a', ''), …" of all that are due, which then are not any more. */
static bool next_notify(struct pg_listen *l, struct buf *sql) {
    const char *between = "SELECT ";

    buf_clear(sql);
    (void)pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < l->n; i++) {
        if (!l->channels[i].is_due)
            continue;
        buf_printf(sql, "%spg_notify('prosa_%s', '')", between, l->channels[i].name);
        l->channels[i].is_due = false;
        between = ", ";
    }
    (void)pthread_mutex_unlock(&l->lock);
    buf_add_char(sql, '\0');
    return sql->len > 1;
}

/* --- the connection -------------------------------------------------------------------------- */

static void disconnect(struct pg_listen *l) {
    pg_conn_close(TAKE(l->conn));
    (void)pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < l->n; i++)
        l->channels[i].is_subscribed = false;
    (void)pthread_mutex_unlock(&l->lock);
}

/* Whoever listens is called: something may have been told meanwhile. */
static void call_all(struct pg_listen *l) {
    size_t n = atomic_load_explicit(&l->db->base.listeners.n, memory_order_acquire);

    for (size_t i = 0; i < n; i++)
        l->db->base.listeners.items[i].fn(l->db->base.listeners.items[i].ctx);
}

static void pause_connecting(struct pg_listen *l) {
    l->pause_ms = l->pause_ms ? l->pause_ms * 2 : PAUSE_FIRST_MS;
    if (l->pause_ms > PAUSE_MAX_MS)
        l->pause_ms = PAUSE_MAX_MS;
    l->next_try_ms = clock_mono_ms() + l->pause_ms;
}

static bool connect_once(struct pg_listen *l) {
    struct err ignored = ERR_INIT;

    if (l->conn)
        return true;
    if (clock_mono_ms() < l->next_try_ms)
        return false;
    if (pg_conn_open(l->db, false, &l->conn, &ignored) != ST_OK) {
        pause_connecting(l);
        return false;
    }
    l->is_new = true;
    return true;
}

static bool run_sql(struct pg_listen *l, const char *sql) {
    ATTR_CLEANUP(pg_result_clear_p) PGresult *result = NULL;
    struct err ignored = ERR_INIT;

    return PQsendQueryParams(l->conn->pq, sql, 0, NULL, NULL, NULL, NULL, 0) &&
           pg_sync(l->conn, &ignored) == ST_OK && pg_reply(l->conn, &result, &ignored) == ST_OK &&
           pg_reply_sync(l->conn, &ignored) == ST_OK && pg_is_ok(result);
}

static void hear(struct pg_listen *l) {
    PGnotify *note;

    while ((note = PQnotifies(l->conn->pq)) != NULL) {
        struct str name = str_of(note->relname);

        if (note->be_pid != PQbackendPID(l->conn->pq) && str_eat(&name, STR("prosa_")))
            db_listeners_call(&l->db->base, name.ptr);
        PQfreemem(note);
    }
}

/* Sends what is to be subscribed and told; false: the connection is of no use. */
static bool speak(struct pg_listen *l) {
    ATTR_CLEANUP(buf_done_p) struct buf sql;

    buf_init(&sql, SQL_MAX_BYTES);
    while (next_listen(l, &sql))
        if (!run_sql(l, sql.ptr))
            return false;
    if (clock_mono_ms() - l->told_at_ms >= COALESCE_MS && next_notify(l, &sql)) {
        if (!run_sql(l, sql.ptr))
            return false;
        l->told_at_ms = clock_mono_ms();
    }
    return true;
}

/* PostgreSQL plans a statement for the table it first sees. On a new database that is an empty one,
 * and until autovacuum's first round, a minute later, every look-up may walk a whole tenant. This
 * thread's connection belongs to the tables' owner, so it keeps the statistics near what is there. */
static void refresh_statistics(struct pg_listen *l) {
    static const char sql[] =
        "DO $$ DECLARE t regclass; BEGIN"
        " FOR t IN SELECT relid FROM pg_stat_user_tables WHERE schemaname = current_schema()"
        " AND n_mod_since_analyze > 200 + 4 * greatest(n_live_tup - n_mod_since_analyze, 0)"
        " LOOP EXECUTE 'ANALYZE ' || t; END LOOP; END $$";

    if (clock_mono_ms() - l->analyzed_at_ms < STATISTICS_MS)
        return;
    l->analyzed_at_ms = clock_mono_ms();
    (void)run_sql(l, sql); /* not being allowed to is no reason to stop listening */
}

/* --- the thread ------------------------------------------------------------------------------ */

/* Until somebody wakes it, the server speaks or the time is over. */
static void wait_for_news(struct pg_listen *l, int64_t timeout_ms) {
    struct pollfd fds[] = {
        {.fd = l->wake_fd, .events = POLLIN},
        {.fd = l->conn ? PQsocket(l->conn->pq) : -1, .events = POLLIN},
    };
    eventfd_t woken;

    (void)poll(fds, ARRAY_LEN(fds), (int)timeout_ms);
    if (fds[0].revents != 0)
        (void)eventfd_read(l->wake_fd, &woken);
    if (l->conn && fds[1].revents != 0 && !PQconsumeInput(l->conn->pq))
        disconnect(l);
}

static void greet(struct pg_listen *l) {
    if (!l->is_new)
        return;
    l->is_new = false;
    l->pause_ms = 0;
    if (l->was_connected)
        call_all(l);
    l->was_connected = true;
}

static void step(struct pg_listen *l) {
    if (!connect_once(l)) {
        int64_t wait_ms = l->next_try_ms - clock_mono_ms();

        wait_for_news(l, wait_ms > 0 ? wait_ms : 0);
        return;
    }
    if (!speak(l)) {
        disconnect(l);
        pause_connecting(l);
        return;
    }
    greet(l);
    hear(l);
    refresh_statistics(l);
    wait_for_news(l, has_due(l) ? COALESCE_MS : STATISTICS_MS);
    if (l->conn)
        hear(l);
}

static void *listen_main(void *arg) {
    struct pg_listen *l = arg;

    (void)pthread_setname_np(pthread_self(), "db-listen");
    db_mark_thread();
    while (!is_stopping(l))
        step(l);
    /* A short-lived process has put a job and goes: the workers should hear of it. */
    l->told_at_ms = 0;
    l->next_try_ms = 0;
    if (has_due(l) && connect_once(l))
        (void)speak(l);
    pg_conn_close(TAKE(l->conn));
    return NULL;
}

/* --- start, stop and what callers ask for ---------------------------------------------------- */

static void free_listen(struct pg_listen *l) {
    if (l->wake_fd >= 0)
        (void)close(l->wake_fd);
    (void)pthread_mutex_destroy(&l->lock);
    free(l);
}

static struct pg_listen *start(struct pg_db *db) {
    struct pg_listen *l = calloc(1, sizeof(*l));

    if (!l)
        return NULL;
    l->db = db;
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    (void)pthread_mutex_init(&l->lock, NULL);
    if (l->wake_fd < 0 || pthread_create(&l->thread, NULL, listen_main, l) != 0) {
        free_listen(l);
        return NULL;
    }
    return l;
}

static struct pg_listen *get_listen(struct pg_db *db) {
    struct pg_listen *l;

    (void)pthread_mutex_lock(&db->listen_lock);
    if (!db->listen)
        db->listen = start(db);
    l = db->listen;
    (void)pthread_mutex_unlock(&db->listen_lock);
    return l;
}

enum status pg_listen_add(struct db *db, const char *channel, struct err *e) {
    struct pg_listen *l = get_listen((struct pg_db *)db);
    struct channel *c;

    if (!l)
        FAIL(e, ST_UNAVAILABLE, "could not start the thread that listens to other nodes");
    (void)pthread_mutex_lock(&l->lock);
    c = get_channel(l, channel);
    if (c)
        c->is_listened = true;
    (void)pthread_mutex_unlock(&l->lock);
    if (!c)
        FAIL(e, ST_BROKEN, "could not listen to channel \"%s\": %d channels already", channel,
             DB_MAX_CHANNELS);
    (void)eventfd_write(l->wake_fd, 1);
    return ST_OK;
}

/* A notification that cannot be kept is lost, as its contract says. */
void pg_notify(struct db *db, const char *channel) {
    struct pg_listen *l = get_listen((struct pg_db *)db);
    struct channel *c;
    bool is_news = false;

    if (!l)
        return;
    (void)pthread_mutex_lock(&l->lock);
    c = get_channel(l, channel);
    if (c) {
        is_news = !c->is_due;
        c->is_due = true;
    }
    (void)pthread_mutex_unlock(&l->lock);
    if (is_news)
        (void)eventfd_write(l->wake_fd, 1);
}

void pg_listen_stop(struct pg_db *db) {
    struct pg_listen *l = db->listen;

    if (!l)
        return;
    (void)pthread_mutex_lock(&l->lock);
    l->is_stopping = true;
    (void)pthread_mutex_unlock(&l->lock);
    (void)eventfd_write(l->wake_fd, 1);
    (void)pthread_join(l->thread, NULL);
    free_listen(l);
    db->listen = NULL;
}
