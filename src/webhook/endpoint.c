/* endpoint.c - a tenant's webhook endpoints: made, changed, switched off and on; their secrets.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"
#include "webhook/store.h"

enum { DISABLED_REASON_BYTES = 500 };

/* --- checks ----------------------------------------------------------------------------------------------------------- */

/* Where it leads is checked when a connection is made; here only its form. */
static enum status check_url(struct str url, struct err *e) {
    struct str rest = url, host;

    if (url.len > WEBHOOK_URL_BYTES)
        FAIL(e, ST_INVALID, "url: at most %d bytes", WEBHOOK_URL_BYTES);
    if (!str_eat(&rest, STR("https://")) && !str_eat(&rest, STR("http://")))
        FAIL(e, ST_INVALID, "url: must begin with https:// (or http://)");
    for (size_t i = 0; i < url.len; i++)
        if ((unsigned char)url.ptr[i] <= ' ' || (unsigned char)url.ptr[i] >= 0x7f ||
            url.ptr[i] == '\\' || url.ptr[i] == '#')
            FAIL(e, ST_INVALID, "url: a space, a # or a character that is not ASCII stands in it");
    (void)str_cut(&rest, '/', &host);
    if (host.len == 0 || str_contains(host, STR("@")) || host.ptr[0] == '?')
        FAIL(e, ST_INVALID, "url: wants a host, without a user name");
    return ST_OK;
}

static enum status take_input(struct arena *a, const struct webhook_new *in, struct webhook *w,
                              struct err *e) {
    if (in->url.len > 0) {
        TRY(check_url(in->url, e));
        w->url = in->url;
    }
    if (in->has_description) {
        if (in->description.len > WEBHOOK_DESCRIPTION_BYTES)
            FAIL(e, ST_INVALID, "description: at most %d bytes", WEBHOOK_DESCRIPTION_BYTES);
        w->description = in->description;
    }
    if (in->events.len > 0)
        TRY(pattern_normalise(a, in->events, &w->events, e));
    return ST_OK;
}

static enum status start_from_now(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                  struct webhook_id id, struct err *e) {
    struct str cursor;
    struct place now;

    TRY(event_last(a, tx, tenant, &cursor, e));
    TRY(place_parse(cursor, &now, e));
    return store_place_set(tx, tenant, id, now, e);
}

/* --- secrets ---------------------------------------------------------------------------------------------------------- */

static struct str secret_bound(struct arena *a, struct webhook_id id) {
    struct str text = uuid_format(a, id.v);

    return arena_printf(a, "webhook_endpoints:%.*s:secret", STR_ARG(text));
}

enum status door_open(struct arena *a, struct tx *tx, const struct keyring *keys,
                      struct tenant_id tenant, struct webhook_id id, struct door *ret,
                      struct err *e) {
    struct sealed_secrets sealed;
    struct str bound = secret_bound(a, id);

    *ret = (struct door){0};
    TRY(store_endpoint_get(a, tx, tenant, id, &ret->webhook, &sealed, e));
    TRY(keyring_open(a, keys, bound, sealed.secret, &ret->secret, e));
    if (sealed.old.len > 0 && ret->webhook.old_secret_until_ms > clock_now_ms())
        TRY(keyring_open(a, keys, bound, sealed.old, &ret->old_secret, e));
    return ST_OK;
}

enum status webhook_rotate(struct arena *a, struct tx *tx, const struct keyring *keys,
                           struct tenant_id tenant, struct webhook_id id, struct webhook *ret,
                           struct err *e) {
    struct sealed_secrets sealed;
    struct str secret = secret_new(a);

    TRY(store_endpoint_lock(a, tx, tenant, id, ret, &sealed, e));
    ret->old_secret_until_ms = clock_now_ms() + WEBHOOK_DAY_MS;
    sealed = (struct sealed_secrets){.secret = keyring_seal(a, keys, secret_bound(a, id), secret),
                                     .old = sealed.secret};
    TRY(store_endpoint_secrets(tx, tenant, id, sealed, ret->old_secret_until_ms, e));
    ret->secret = secret;
    return ST_OK;
}

/* --- making and changing ---------------------------------------------------------------------------------------------- */

enum status webhook_add(struct arena *a, struct tx *tx, const struct keyring *keys,
                        const struct webhook_new *in, struct webhook *ret, struct err *e) {
    struct webhook w = {.id.v = uuid_new(),
                        .tenant = in->tenant,
                        .state = STR("active"),
                        .created_at_ms = clock_now_ms()};
    struct webhook *others;
    size_t n_others;

    w.updated_at_ms = w.created_at_ms;
    if (in->url.len == 0)
        FAIL(e, ST_INVALID, "url: where should the events go?");
    w.events = STR("*");
    TRY(take_input(a, in, &w, e));
    TRY(webhook_list(a, tx, in->tenant, &others, &n_others, e));
    if (n_others >= WEBHOOK_MAX_PER_TENANT)
        FAIL(e, ST_CONFLICT, "there are %d webhooks already: delete one that is not used",
             WEBHOOK_MAX_PER_TENANT);

    w.secret = secret_new(a);
    TRY(store_endpoint_insert(tx, &w, keyring_seal(a, keys, secret_bound(a, w.id), w.secret), e));
    TRY(start_from_now(a, tx, w.tenant, w.id, e));
    *ret = w;
    return ST_OK;
}

enum status webhook_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                        struct webhook_id id, struct webhook *ret, struct err *e) {
    return store_endpoint_get(a, tx, tenant, id, ret, NULL, e);
}

enum status webhook_change(struct arena *a, struct tx *tx, struct webhook_id id,
                           const struct webhook_new *in, struct webhook *ret, struct err *e) {
    TRY(store_endpoint_lock(a, tx, in->tenant, id, ret, NULL, e));
    TRY(take_input(a, in, ret, e));
    ret->updated_at_ms = clock_now_ms();
    return store_endpoint_update(tx, ret, e);
}

/* Those who watch, and other endpoints, learn it. */
static enum status tell(struct arena *a, struct tx *tx, const struct webhook *w, const char *kind,
                        struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 4096};
    struct json_out o;

    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_str(&o, "webhook_id", uuid_format(a, w->id.v));
    json_put_str(&o, "reason", w->state_reason);
    json_end(&o);
    return event_add(tx,
                     (struct event){.tenant = w->tenant,
                                    .kind = str_of(kind),
                                    .data = arena_str(a, buf_str(&b)),
                                    .at_ms = w->updated_at_ms},
                     e);
}

static enum status stop(struct arena *a, struct tx *tx, struct webhook *w, const char *state,
                        struct str reason, struct err *e) {
    int64_t n;

    w->state = str_of(state);
    w->state_reason = utf8_cut_bytes(reason, DISABLED_REASON_BYTES);
    w->updated_at_ms = clock_now_ms();
    TRY(store_endpoint_state(tx, w, e));
    TRY(store_deliveries_give_up(
        tx,
        (struct giving_up){.tenant = w->tenant,
                           .webhook = w->id,
                           .queued_before_ms = INT64_MAX,
                           .cause = STR("endpoint-disabled"),
                           .reason = STR("the webhook was disabled before it was delivered")},
        &n, e));
    return queue_cancel(tx, w->tenant, WEBHOOK_DELIVER_JOB, uuid_format(a, w->id.v), e);
}

enum status webhook_disable(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct webhook_id id, struct str reason, struct err *e) {
    struct webhook w;

    TRY(store_endpoint_lock(a, tx, tenant, id, &w, NULL, e));
    if (!str_eq(w.state, STR("active")))
        return ST_OK;
    TRY(stop(a, tx, &w, "disabled", reason, e));
    return tell(a, tx, &w, "webhook.disabled", e);
}

enum status webhook_enable(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           struct webhook_id id, enum webhook_resume how, struct err *e) {
    struct webhook w;

    TRY(store_endpoint_lock(a, tx, tenant, id, &w, NULL, e));
    if (str_eq(w.state, STR("active")))
        return ST_OK;
    w.state = STR("active");
    w.state_reason = STR_EMPTY;
    w.failing_since_ms = 0;
    w.updated_at_ms = clock_now_ms();
    TRY(store_endpoint_state(tx, &w, e));
    if (how == WEBHOOK_FROM_NOW)
        TRY(start_from_now(a, tx, tenant, id, e));
    return tell(a, tx, &w, "webhook.enabled", e);
}

enum status webhook_delete(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           struct webhook_id id, struct err *e) {
    struct webhook w;

    TRY(store_endpoint_lock(a, tx, tenant, id, &w, NULL, e));
    return stop(a, tx, &w, "deleted", STR("deleted"), e);
}

/* --- sealing anew ----------------------------------------------------------------------------------------------------- */

struct resealing {
    const struct keyring *keys;
    struct arena *arena;
    struct webhook_id after, last;
    size_t n_rows;
    int64_t n_sealed;
};

static enum status reseal_one(const struct resealing *r, struct str bound, struct str *sealed,
                              int64_t *n, struct err *e) {
    struct str secret;

    if (sealed->len == 0 || !keyring_is_stale(r->keys, *sealed))
        return ST_OK;
    TRY(keyring_open(r->arena, r->keys, bound, *sealed, &secret, e));
    *sealed = keyring_seal(r->arena, r->keys, bound, secret);
    ++*n;
    return ST_OK;
}

static enum status reseal_endpoint(struct tx *tx, struct resealing *r,
                                   const struct endpoint_of *page, struct err *e) {
    struct str bound = secret_bound(r->arena, page->id);
    struct sealed_secrets sealed;
    struct webhook w;
    int64_t n = 0;
    enum status st = store_endpoint_lock(r->arena, tx, page->tenant, page->id, &w, &sealed, e);

    if (st == ST_NOT_FOUND) { /* deleted: nothing is signed with it any more */
        err_clear(e);
        return ST_OK;
    }
    TRY(st);
    TRY(reseal_one(r, bound, &sealed.secret, &n, e));
    TRY(reseal_one(r, bound, &sealed.old, &n, e));
    r->n_sealed += n;
    return n == 0 ? ST_OK
                  : store_endpoint_secrets(tx, page->tenant, page->id, sealed,
                                           w.old_secret_until_ms, e);
}

static enum status reseal_page(struct tx *tx, void *ctx, struct err *e) {
    struct resealing *r = ctx;
    struct endpoint_of *rows;

    r->n_sealed = 0;
    TRY(store_endpoint_page(r->arena, tx, r->after, &rows, &r->n_rows, e));
    for (size_t i = 0; i < r->n_rows; i++)
        TRY(reseal_endpoint(tx, r, &rows[i], e));
    if (r->n_rows > 0)
        r->last = rows[r->n_rows - 1].id;
    return ST_OK;
}

enum status webhook_reseal(struct db *db, const struct keyring *keys, int64_t *ret_n,
                           struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct resealing r = {.keys = keys, .arena = &a};

    *ret_n = 0;
    do {
        TRY(db_write(db, DB_SYSTEM, reseal_page, &r, e));
        *ret_n += r.n_sealed;
        r.after = r.last;
    } while (r.n_rows > 0);
    return ST_OK;
}
