/* template.c - what a provider tells of a template stops the campaigns that send it: somebody should look before more goes out.
 * A template that cannot be used is not claimed for anyway (permit.c); here campaigns that wait learn of it as well.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/permit.h"

#include "base/clock.h"

struct change {
    struct uuid template;
    struct str what, was;
};

struct telling {
    struct arena *a;
    const struct job *job;
    const struct json *changes;
};

/* Empty: it is no reason any more, or none for this template. */
static struct str cause_of(struct arena *a, const struct template *t, const struct change *c,
                           struct str *ret_reason) {
    struct str cause;

    if (str_eq(c->what, STR("status")) && !template_is_usable(t, &cause)) {
        *ret_reason = permit_why_unusable(a, t);
        return cause;
    }
    if (str_eq(c->what, STR("quality")) && str_eq(t->quality, STR("red"))) {
        *ret_reason =
            arena_printf(a, "the provider rates the template \"%.*s\" red", STR_ARG(t->name));
        return STR("template-quality");
    }
    if (str_eq(c->what, STR("category")) && !str_eq(t->category, c->was)) {
        *ret_reason = arena_printf(a, "the template \"%.*s\" is \"%.*s\" now, it was \"%.*s\"",
                                   STR_ARG(t->name), STR_ARG(t->category), STR_ARG(c->was));
        return STR("template-category");
    }
    return STR_EMPTY;
}

static struct change read_change(const struct json *v) {
    struct change c = {.what = json_str(json_get(v, "what")), .was = json_str(json_get(v, "was"))};

    if (!uuid_parse(json_str(json_get(v, "template")), &c.template))
        c.template = (struct uuid){0};
    return c;
}

static struct str find_cause(struct telling *t, const struct permit *p, struct str *ret_reason) {
    for (size_t i = 0; i < json_len(t->changes); i++) {
        struct change c = read_change(json_at(t->changes, i));

        for (size_t k = 0; k < p->rules.n; k++) {
            const struct permit_channel *ch = &p->channels[k];
            struct str cause = ch->has_template && uuid_eq(ch->template.id, c.template)
                                   ? cause_of(t->a, &ch->template, &c, ret_reason)
                                   : STR_EMPTY;

            if (cause.len > 0)
                return cause;
        }
    }
    return STR_EMPTY;
}

static enum status tell_one(struct telling *t, struct tx *tx, struct dispatch *d, int64_t now_ms,
                            struct err *e) {
    struct permit *p = arena_new_of(t->a, struct permit);
    struct str cause, reason;
    struct err gone = ERR_INIT;
    enum status st;

    TRY(permit_open(t->a, tx, d, now_ms, p, e));
    cause = find_cause(t, p, &reason);
    if (cause.len == 0)
        return ST_OK;
    st = store_dispatch_get(t->a, tx, d->tenant, d->id, true, d, &gone); /* as it stands by now */
    if (st == ST_NOT_FOUND)
        return ST_OK;
    if (st != ST_OK) {
        *e = gone;
        return st;
    }
    return dispatch_halt(t->a, tx, d, cause, reason, now_ms, e);
}

static enum status tell(struct tx *tx, void *ctx, struct err *e) {
    struct telling *t = ctx;
    int64_t now_ms = clock_now_ms();
    struct dispatch *list;
    size_t n;

    TRY(queue_fence(tx, t->job, e));
    TRY(store_dispatch_list_live(t->a, tx, t->job->tenant, &list, &n, e));
    for (size_t i = 0; i < n; i++)
        TRY(tell_one(t, tx, &list[i], now_ms, e));
    return ST_OK;
}

enum status dispatch_templates_job(struct app *app, struct arena *a, const struct job *job,
                                   struct verdict *ret_verdict, struct err *e) {
    struct telling t = {.a = a, .job = job};
    const struct json *payload;

    *ret_verdict = (struct verdict){.kind = VERDICT_DONE};
    TRY(json_parse(a, job->payload, JSON_LIMITS_DEFAULT, &payload, e));
    t.changes = json_get(payload, "changes");
    return db_write(app_dispatch(app)->db, DB_TENANT(job->tenant), tell, &t, e);
}
