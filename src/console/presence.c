/* presence.c - who of a tenant looks at which conversation, and who types.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/utf8.h"
#include "console/live_watch.h"
#include "console/write.h"
#include "stats/stats.h"
#include "tenant/tenant.h"

enum {
    MESSAGE_BYTES = 512,
    SPACING_MS = 200,     /* between two changes of one socket that are told */
    WINDOW_MS = 10000,    /* in which a socket may speak … */
    WINDOW_MESSAGES = 60, /* … so often */
    TYPING_MS = 8000,     /* unless it is said again */
    FRAME_BYTES = 2048,
    NAME_POINTS = 80,
    POLICY_VIOLATION = 1008,
};

static struct stats_counter told =
    STATS_COUNTER("prosa_live_presence_total", "Changes of who looks at which conversation.");

/* --- what a browser says ------------------------------------------------------------------------------------------------ */

static bool read_wish(struct str message, struct view *ret) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    const struct json_limits limits = {
        .max_bytes = MESSAGE_BYTES, .max_depth = 4, .max_values = 16};
    const struct json *v, *viewing;
    struct err ignored = ERR_INIT;

    *ret = (struct view){0};
    if (json_parse(&a, message, limits, &v, &ignored) != ST_OK || json_type(v) != JSON_OBJECT)
        return false;
    viewing = json_get(v, "viewing");
    if (json_type(viewing) == JSON_STRING && !uuid_parse(json_str(viewing), &ret->conversation.v))
        return false;
    ret->is_typing = json_bool(json_get(v, "typing"), false) && !uuid_is_nil(ret->conversation.v);
    return json_type(viewing) == JSON_STRING || json_type(viewing) == JSON_NULL;
}

/* False when it speaks more often than people do; under the lock. */
static bool may_speak(struct watcher *w) {
    int64_t now_ms = clock_mono_ms();

    if (now_ms - w->window_ms > WINDOW_MS) {
        w->window_ms = now_ms;
        w->n_in_window = 0;
    }
    return ++w->n_in_window <= WINDOW_MESSAGES;
}

void presence_heard(struct watcher *w, struct str message) {
    struct live *l = w->live;
    struct view wish;
    bool is_understood = read_wish(message, &wish);
    bool is_fair;

    pthread_mutex_lock(&l->lock);
    is_fair = may_speak(w);
    if (is_understood && is_fair && !uuid_is_nil(w->user.v)) {
        w->wish = wish;
        w->has_wish = true;
        live_nudge(l);
    }
    pthread_mutex_unlock(&l->lock);
    if (!is_understood)
        ws_close(w->conn, POLICY_VIOLATION,
                 STR("want {\"viewing\": conversation id or null, \"typing\": true or false}"));
    else if (!is_fair)
        ws_close(w->conn, POLICY_VIOLATION, STR("too many messages"));
}

/* --- telling ------------------------------------------------------------------------------------------------------------ */

static struct str frame_of(struct arena *a, const struct watcher *w, struct view view) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = FRAME_BYTES};
    struct json_out o;

    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_str(&o, "kind", STR("agent.presence"));
    json_put_id(&o, "user", w->user.v);
    json_put_str(&o, "name", (struct str){w->name, w->name_len});
    json_put_id(&o, "conversation_id", view.conversation.v);
    json_put_bool(&o, "typing", view.is_typing);
    json_put_time(&o, "at", clock_now_ms());
    json_end(&o);
    return arena_str(a, buf_str(&b));
}

/* To the tenant's sockets of others; under the lock. */
static void tell(struct live *l, const struct watcher *w, struct view view) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct str frame = frame_of(&a, w, view);

    stats_add(&told, 1);
    LIST_EACH(&l->watchers, n) {
        struct watcher *other = LIST_ITEM(n, struct watcher, node);

        if (!other->is_gone && !other->is_new && uuid_eq(other->tenant.v, w->tenant.v) &&
            !uuid_eq(other->user.v, w->user.v))
            (void)ws_send_text(other->conn, frame);
    }
}

void presence_greet(struct live *l, struct watcher *w) {
    LIST_EACH(&l->watchers, n) {
        const struct watcher *other = LIST_ITEM(n, struct watcher, node);
        ATTR_CLEANUP(arena_done_p) struct arena a = {0};

        if (!other->is_gone && !uuid_is_nil(other->view.conversation.v) &&
            uuid_eq(other->tenant.v, w->tenant.v) && !uuid_eq(other->user.v, w->user.v))
            (void)ws_send_text(w->conn, frame_of(&a, other, other->view));
    }
}

void presence_left(struct live *l, struct watcher *w) {
    struct view view = {0};

    if (uuid_is_nil(w->view.conversation.v))
        return;
    LIST_EACH(&l->watchers, n) {
        const struct watcher *other = LIST_ITEM(n, struct watcher, node);

        if (!other->is_gone && uuid_eq(other->tenant.v, w->tenant.v) &&
            uuid_eq(other->user.v, w->user.v) && !uuid_is_nil(other->view.conversation.v))
            view = other->view;
    }
    tell(l, w, view);
}

/* --- taking wishes ------------------------------------------------------------------------------------------------------ */

struct checking {
    struct arena *arena;
    const struct watcher *watcher;
    struct view wish;
    struct str name; /* looked up when the watcher has none */
};

static enum status check_tx(struct tx *tx, void *ctx, struct err *e) {
    struct checking *c = ctx;
    struct conversation conversation;
    struct user user;

    if (!c->watcher->name) {
        TRY(user_get(c->arena, tx, c->watcher->tenant, c->watcher->user, &user, e));
        c->name = user.name;
    }
    if (uuid_is_nil(c->wish.conversation.v))
        return ST_OK;
    return conversation_get(c->arena, tx, c->watcher->tenant, c->wish.conversation, &conversation,
                            e);
}

/* The next watcher whose wish may be taken, the wish taken from it; NULL: none now. */
static struct watcher *next_wish(struct live *l, struct view *ret) {
    int64_t now_ms = clock_mono_ms();
    struct watcher *found = NULL;

    pthread_mutex_lock(&l->lock);
    l->has_wishes = false;
    LIST_EACH(&l->watchers, n) {
        struct watcher *w = LIST_ITEM(n, struct watcher, node);

        if (!w->has_wish || w->is_gone || w->is_new)
            continue;
        if (!found && now_ms - w->told_ms >= SPACING_MS)
            found = w;
        else
            l->has_wishes = true;
    }
    if (found) {
        *ret = found->wish;
        found->has_wish = false;
        found->told_ms = now_ms;
    }
    pthread_mutex_unlock(&l->lock);
    return found;
}

static void remember_name(struct watcher *w, struct arena *a, struct str name) {
    struct str cut = utf8_cut_points(utf8_repair(a, name), NAME_POINTS);
    char *copy = cut.len > 0 ? malloc(cut.len) : NULL;

    if (!copy)
        return;
    memcpy(copy, cut.ptr, cut.len);
    w->name = copy;
    w->name_len = cut.len;
}

static bool view_eq(struct view a, struct view b) {
    return uuid_eq(a.conversation.v, b.conversation.v) && a.is_typing == b.is_typing;
}

static void take_wish(struct live *l, struct watcher *w, struct view wish) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct checking c = {.arena = &a, .watcher = w, .wish = wish};
    struct err ignored = ERR_INIT;

    if (db_read(l->db, DB_TENANT(w->tenant), check_tx, &c, &ignored) != ST_OK)
        return; /* another tenant's conversation, or the database is away: nothing to tell */
    pthread_mutex_lock(&l->lock);
    if (!w->name)
        remember_name(w, &a, c.name);
    w->typing_until_ms = wish.is_typing ? clock_mono_ms() + TYPING_MS : 0;
    if (!view_eq(w->view, wish)) {
        w->view = wish;
        tell(l, w, wish);
    }
    pthread_mutex_unlock(&l->lock);
}

static void end_typing(struct live *l) {
    int64_t now_ms = clock_mono_ms();

    pthread_mutex_lock(&l->lock);
    LIST_EACH(&l->watchers, n) {
        struct watcher *w = LIST_ITEM(n, struct watcher, node);

        if (w->view.is_typing && !w->is_gone && w->typing_until_ms < now_ms) {
            w->view.is_typing = false;
            tell(l, w, w->view);
        }
    }
    pthread_mutex_unlock(&l->lock);
}

void presence_tend(struct live *l) {
    struct watcher *w;
    struct view wish;

    while ((w = next_wish(l, &wish)) != NULL)
        take_wish(l, w, wish);
    end_typing(l);
}
