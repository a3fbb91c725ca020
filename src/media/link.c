/* link.c - links by which a provider fetches a file that goes out, for those that take no uploads.
 *
 * A link says nothing: whose file it is, which one and until when are sealed under the master key, so that nobody else can
 * make one, read one or lead it to another file. It is made when a message is about to be sent and good for some hours, as
 * long as a provider keeps a message in its queue.
 * SPDX-License-Identifier: Apache-2.0 */
#include "media/link.h"
#include "base/clock.h"

void link_give(const struct media_deps *deps, struct arena *a, const struct media *m,
               struct media_answer *ret) {
    struct str base = atomic_load(&deps->defaults->now)->public_url;
    const struct link_ticket ticket = {
        .tenant = m->tenant, .media = m->id, .until_ms = clock_now_ms() + MEDIA_LINK_MS};

    *ret = (struct media_answer){.outcome = MEDIA_REJECTED, .size = -1};
    if (base.len == 0) {
        ret->cause = STR("no-public-url");
        ret->reason =
            STR("this provider fetches files by a link, and there is none to give it: set"
                " public_url (PROSA_PUBLIC_URL) to how this server is reached from outside");
        return;
    }
    if (!deps->keys) {
        ret->cause = STR("no-master-key");
        ret->reason = STR("this provider fetches files by a link, and there is no master key to"
                          " sign it with: set PROSA_MASTER_KEY_FILE");
        return;
    }
    ret->outcome = MEDIA_FOUND;
    ret->url = arena_printf(a, "%.*s" MEDIA_LINK_PATH "%.*s", STR_ARG(base),
                            STR_ARG(link_token(a, deps->keys, &ticket)));
}

/* --- GET /media/{token} ----------------------------------------------------------------------------------------------- */

struct visit {
    struct arena *arena;
    struct link_ticket ticket;
    struct media media;
};

static enum status find(struct tx *tx, void *ctx, struct err *e) {
    struct visit *v = ctx;

    return media_get(v->arena, tx, v->ticket.tenant, v->ticket.media, &v->media, e);
}

enum status media_link_get(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    const struct media_deps *deps = app_media(app);
    struct visit v = {.arena = r->arena};

    TRY(link_read(r->arena, deps->keys, req_param(r, "token"), clock_now_ms(), &v.ticket, e));
    TRY(db_read(deps->db, DB_TENANT(v.ticket.tenant), find, &v, e));
    return media_serve(deps, r, &v.media, MEDIA_TO_PROVIDER, ret, e);
}
