/* listen.c - wake-ups within the process; the PostgreSQL engine carries them to other nodes.
 * The table of listeners only grows, so that db_notify() reads it without a lock.
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "db/engine.h"

/* A channel's name goes into LISTEN unquoted and unescaped. */
static bool is_channel(struct str name) {
    if (name.len == 0 || name.len >= DB_CHANNEL_BYTES)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!((name.ptr[i] >= 'a' && name.ptr[i] <= 'z') || name.ptr[i] == '_' ||
              (name.ptr[i] >= '0' && name.ptr[i] <= '9')))
            return false;
    return true;
}

static bool add_listener(struct db_listeners *ls, struct db_listener listener) {
    size_t n;
    bool has_room;

    (void)pthread_mutex_lock(&ls->lock);
    n = atomic_load_explicit(&ls->n, memory_order_relaxed);
    has_room = n < DB_MAX_LISTENERS;
    if (has_room) {
        ls->items[n] = listener;
        atomic_store_explicit(&ls->n, n + 1, memory_order_release);
    }
    (void)pthread_mutex_unlock(&ls->lock);
    return has_room;
}

enum status db_listen(struct db *db, const char *channel, void (*fn)(void *ctx), void *ctx,
                      struct err *e) {
    struct db_listener listener = {.fn = fn, .ctx = ctx};
    struct str name = str_of(channel);

    if (!is_channel(name))
        FAIL(e, ST_BROKEN,
             "could not listen to channel \"%s\": want a to z, 0 to 9 and _, at most %d", channel,
             DB_CHANNEL_BYTES - 1);
    memcpy(listener.channel, name.ptr, name.len);
    if (!add_listener(&db->listeners, listener))
        FAIL(e, ST_BROKEN, "could not listen to channel \"%s\": %d listeners already", channel,
             DB_MAX_LISTENERS);
    return db->ops->listen ? db->ops->listen(db, channel, e) : ST_OK;
}

void db_listeners_call(struct db *db, const char *channel) {
    size_t n = atomic_load_explicit(&db->listeners.n, memory_order_acquire);

    for (size_t i = 0; i < n; i++)
        if (strcmp(db->listeners.items[i].channel, channel) == 0)
            db->listeners.items[i].fn(db->listeners.items[i].ctx);
}

void db_notify(struct db *db, const char *channel) {
    assert(is_channel(str_of(channel)) && "channel names are constants of ours");
    db_listeners_call(db, channel);
    if (db->ops->notify)
        db->ops->notify(db, channel);
}
