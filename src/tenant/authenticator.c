/* authenticator.c - who calls: token → principal, remembered for a few seconds.
 *
 * The memory is a table of fixed size; a digest has one place (tokens are random, so places fill
 * evenly) and a newcomer takes it over. Only tokens that were good are remembered: whoever guesses
 * cannot push the others out.
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "log/log.h"
#include "tenant/store.h"

enum {
    PLACES = 2048,
    REMEMBER_MS = 3000,
    TOUCH_AFTER_MS = 60000, /* last use is written at most this often */
};

struct memory {
    uint8_t digest[SHA256_BYTES];
    int64_t until_ms; /* monotonic; 0: free */
    struct principal principal;
    char *scopes; /* owned; principal.scopes is a view of it */
    bool is_tenant_active;
};

struct authenticator {
    struct db *db;
    pthread_mutex_t lock;
    uint64_t era; /* of forgetting: what was read in an older one is not remembered */
    struct memory places[PLACES];
};

struct proof { /* what a request brings */
    struct str token;
    bool is_session;
    uint8_t digest[SHA256_BYTES];
};

enum status authenticator_new(struct db *db, struct authenticator **ret, struct err *e) {
    struct authenticator *au = calloc(1, sizeof(*au));

    if (!au)
        FAIL(e, ST_BROKEN, "could not start the authenticator: out of memory");
    au->db = db;
    (void)pthread_mutex_init(&au->lock, NULL);
    *ret = au;
    return ST_OK;
}

void authenticator_free(struct authenticator *au) {
    if (!au)
        return;
    for (size_t i = 0; i < PLACES; i++)
        free(au->places[i].scopes);
    (void)pthread_mutex_destroy(&au->lock);
    free(au);
}

static enum status deny(struct err *e, const char *cause, const char *why) {
    enum status st = err_set(e, ST_DENIED, __FILE__, __LINE__, "%s", why);

    if (e && !e->cause)
        e->cause = cause;
    return st;
}

/* --- the memory ------------------------------------------------------------------------------ */

static struct memory *place(struct authenticator *au, const uint8_t digest[static SHA256_BYTES]) {
    uint32_t i;

    memcpy(&i, digest, sizeof(i));
    return &au->places[i % PLACES];
}

static bool recall(struct authenticator *au, struct arena *a, const struct proof *proof,
                   struct credential *ret) {
    struct memory *m = place(au, proof->digest);
    bool found;

    (void)pthread_mutex_lock(&au->lock);
    found = m->until_ms > clock_mono_ms() && crypto_eq(m->digest, proof->digest, SHA256_BYTES);
    if (found) {
        *ret = (struct credential){
            .principal = m->principal,
            .is_user_active = true,
            .is_tenant_active = m->is_tenant_active,
        };
        ret->principal.scopes = arena_str(a, m->principal.scopes);
    }
    (void)pthread_mutex_unlock(&au->lock);
    return found;
}

static uint64_t era_of(struct authenticator *au) {
    uint64_t era;

    (void)pthread_mutex_lock(&au->lock);
    era = au->era;
    (void)pthread_mutex_unlock(&au->lock);
    return era;
}

void authenticator_forget(struct authenticator *au, struct tenant_id tenant) {
    (void)pthread_mutex_lock(&au->lock);
    au->era++;
    for (size_t i = 0; i < PLACES; i++)
        if (uuid_is_nil(tenant.v) || uuid_eq(au->places[i].principal.tenant.v, tenant.v))
            au->places[i].until_ms = 0;
    (void)pthread_mutex_unlock(&au->lock);
}

/* c was read in this era. */
static void remember(struct authenticator *au, const struct proof *proof,
                     const struct credential *c, uint64_t era) {
    struct memory *m = place(au, proof->digest);
    struct str scopes = c->principal.scopes;
    char *copy = malloc(scopes.len + 1);
    char *old;

    if (!copy)
        return;
    if (scopes.len > 0)
        memcpy(copy, scopes.ptr, scopes.len);
    (void)pthread_mutex_lock(&au->lock);
    if (era != au->era) {
        (void)pthread_mutex_unlock(&au->lock);
        free(copy);
        return;
    }
    old = m->scopes;
    memcpy(m->digest, proof->digest, SHA256_BYTES);
    m->until_ms = clock_mono_ms() + REMEMBER_MS;
    m->principal = c->principal;
    m->scopes = copy;
    m->principal.scopes = (struct str){.ptr = copy, .len = scopes.len};
    m->is_tenant_active = c->is_tenant_active;
    (void)pthread_mutex_unlock(&au->lock);
    free(old);
}

/* --- the database ---------------------------------------------------------------------------- */

struct finding {
    struct arena *arena;
    const struct proof *proof;
    struct credential credential;
};

static enum status find(struct tx *tx, void *ctx, struct err *e) {
    struct finding *f = ctx;
    struct str digest = {.ptr = (const char *)f->proof->digest, .len = SHA256_BYTES};

    if (f->proof->is_session)
        return store_session_find(f->arena, tx, digest, &f->credential, e);
    return store_key_find(f->arena, tx, digest, &f->credential, e);
}

static bool is_good(const struct credential *c, const struct proof *proof, int64_t now_ms) {
    if (uuid_is_nil(c->principal.tenant.v) || !c->is_user_active || c->revoked_at_ms != 0)
        return false;
    return !proof->is_session ||
           (now_ms < c->created_at_ms + SESSION_MAX_MS && now_ms < c->seen_at_ms + SESSION_IDLE_MS);
}

struct touch { /* owns itself: nobody waits for the write */
    struct tenant_id tenant;
    struct uuid key; /* nil: the session */
    uint8_t digest[SHA256_BYTES];
    int64_t now_ms;
};

static enum status write_touch(struct tx *tx, void *ctx, struct err *e) {
    const struct touch *t = ctx;
    struct str digest = {.ptr = (const char *)t->digest, .len = SHA256_BYTES};

    if (uuid_is_nil(t->key))
        return store_session_touch(tx, t->tenant, digest, t->now_ms, e);
    return store_key_touch(tx, t->tenant, t->key, t->now_ms, e);
}

/* Worth a line only in debugging: the next request tries again. */
static void touched(void *ctx, enum status st, const struct err *e) {
    if (st != ST_OK)
        log_debug(NULL, "last use not recorded", F_CSTR("reason", e ? e->message : ""));
    free(ctx);
}

static void touch_later(struct authenticator *au, const struct proof *proof,
                        const struct credential *c, int64_t now_ms) {
    struct touch *t;

    if (now_ms - c->seen_at_ms < TOUCH_AFTER_MS)
        return;
    t = malloc(sizeof(*t));
    if (!t)
        return;
    *t = (struct touch){.tenant = c->principal.tenant, .key = c->principal.key, .now_ms = now_ms};
    memcpy(t->digest, proof->digest, SHA256_BYTES);
    db_submit(au->db, DB_TENANT(t->tenant), write_touch, touched, t);
}

static enum status look_up(struct authenticator *au, struct arena *a, const struct proof *proof,
                           struct credential *ret, struct err *e) {
    struct finding f = {.arena = a, .proof = proof};
    int64_t now_ms = clock_now_ms();
    uint64_t era = era_of(au);

    TRY(db_read(au->db, DB_SYSTEM, find, &f, e));
    if (!is_good(&f.credential, proof, now_ms))
        return deny(e, "unauthenticated",
                    proof->is_session ? "the session has ended" : "the API key is not in force");
    f.credential.principal.scopes = key_expand_scopes(a, f.credential.principal.scopes);
    touch_later(au, proof, &f.credential, now_ms);
    remember(au, proof, &f.credential, era);
    *ret = f.credential;
    return ST_OK;
}

/* --- the request ----------------------------------------------------------------------------- */

/* A program says who it is in the header; a browser's cookie counts only without one. */
static enum status take_proof(struct credentials in, struct proof *ret, struct err *e) {
    struct str header = in.authorization, scheme;

    *ret = (struct proof){0};
    if (header.len > 0) {
        if (!str_cut(&header, ' ', &scheme) || !str_eq_nocase(scheme, STR("bearer")))
            return deny(e, "unauthenticated", "the Authorization header is not \"Bearer KEY\"");
        ret->token = str_trim(header);
        if (!str_starts(ret->token, STR("prosa_")))
            return deny(e, "unauthenticated", "the bearer token is no API key of this server");
    } else {
        ret->token = in.session_cookie;
        ret->is_session = true;
        if (ret->token.len == 0)
            return deny(e, "unauthenticated", "an API key or a session is needed");
    }
    crypto_token_digest(ret->token, ret->digest);
    return ST_OK;
}

static enum status check_route(const struct route *route, const struct proof *proof,
                               const struct principal *p, struct err *e) {
    if (proof->is_session) {
        if (p->role == ROLE_NONE || p->role < route->min_role)
            return deny(e, "role", "your role does not permit this");
    } else if (!route->scope || !scope_permits(p->scopes, str_of(route->scope))) {
        return deny(e, "scope", "the API key's scopes do not permit this");
    }
    return ST_OK;
}

enum status authenticator_check(struct authenticator *au, struct arena *a, struct credentials in,
                                const struct route *route, struct principal *ret, struct err *e) {
    struct proof proof;
    struct credential c = {0};

    TRY(take_proof(in, &proof, e));
    if (!recall(au, a, &proof, &c))
        TRY(look_up(au, a, &proof, &c, e));
    if (!c.is_tenant_active)
        return deny(e, "tenant-disabled", "the tenant is disabled");
    TRY(check_route(route, &proof, &c.principal, e));
    *ret = c.principal;
    return ST_OK;
}

struct caller_mark caller_mark_of(struct credentials in) {
    struct caller_mark mark = {0};
    struct err ignored = ERR_INIT;
    struct proof proof;

    if (take_proof(in, &proof, &ignored) == ST_OK) { /* else a mark that nobody has */
        mark.is_session = proof.is_session;
        memcpy(mark.digest, proof.digest, SHA256_BYTES);
    }
    return mark;
}

enum status authenticator_still(struct authenticator *au, const struct caller_mark *mark,
                                const struct route *route, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct proof proof = {.is_session = mark->is_session};
    struct finding f = {.arena = &a, .proof = &proof};

    memcpy(proof.digest, mark->digest, SHA256_BYTES);
    TRY(db_read(au->db, DB_SYSTEM, find, &f, e));
    if (!is_good(&f.credential, &proof, clock_now_ms()))
        return deny(e, "unauthenticated", "the session or key has ended");
    if (!f.credential.is_tenant_active)
        return deny(e, "tenant-disabled", "the tenant is disabled");
    f.credential.principal.scopes = key_expand_scopes(&a, f.credential.principal.scopes);
    return check_route(route, &proof, &f.credential.principal, e);
}

enum status authenticate(struct authenticator *au, struct req *r, struct principal *ret,
                         struct err *e) {
    struct credentials in = {
        .authorization = req_header(r, "authorization"),
        .session_cookie = req_cookie(r, SESSION_COOKIE),
    };

    return authenticator_check(au, r->arena, in, r->route, ret, e);
}
