/* change.c - what campaigns must hear of: a template that can no longer be used, that is rated red, or that has another category.
 * SPDX-License-Identifier: Apache-2.0 */
#include "template/change.h"

enum {
    AT_ONCE = 200, /* changes in one job */
    PAYLOAD_MAX_BYTES = 64 << 10,
};

enum status change_watch(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         const struct template_query *query, struct template_watch *ret,
                         struct err *e) {
    *ret = (struct template_watch){.tenant = tenant, .query = *query};
    return store_template_marks(a, tx, tenant, query, &ret->before, &ret->n, e);
}

static bool is_good(struct str status) {
    return str_eq(status, STR("approved")) || str_eq(status, STR("local"));
}

/* NULL: a campaign with it goes on. */
static const char *worse(const struct template_mark *was, const struct template_mark *is) {
    if (is_good(was->status) && !is_good(is->status))
        return "status";
    if (str_eq(is->quality, STR("red")) && !str_eq(was->quality, STR("red")))
        return "quality";
    if (was->category.len > 0 && is->category.len > 0 && !str_eq(was->category, is->category))
        return "category";
    return NULL;
}

struct change {
    struct uuid id;
    const char *what;
    struct str was; /* its category */
};

static enum status put(struct arena *a, struct tx *tx, struct tenant_id tenant,
                       const struct change *changes, size_t n, struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = PAYLOAD_MAX_BYTES};
    struct json_out o;

    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_arr(&o, "changes");
    for (size_t i = 0; i < n; i++) {
        json_obj(&o, NULL);
        json_put_str(&o, "template", uuid_format(a, changes[i].id));
        json_put_str(&o, "what", str_of(changes[i].what));
        json_put_str(&o, "was", changes[i].was);
        json_end(&o);
    }
    json_end(&o);
    json_end(&o);
    if (b.overflown)
        FAIL(e, ST_BROKEN, "what changed of %zu templates is too long for a job", n);
    return queue_put(tx,
                     (struct job_put){.tenant = tenant,
                                      .kind = TEMPLATE_CHANGED_JOB,
                                      .priority = QUEUE_DIRECT,
                                      .payload = arena_str(a, buf_str(&b))},
                     NULL, e);
}

/* Both lists are in order of id; what is new in the second was in no campaign. */
static size_t compare(const struct template_watch *w, const struct template_mark *now, size_t n,
                      struct change *ret) {
    size_t n_changes = 0;

    for (size_t i = 0, k = 0; i < w->n && k < n;) {
        int order = uuid_cmp(w->before[i].id, now[k].id);
        const char *what = order == 0 ? worse(&w->before[i], &now[k]) : NULL;

        if (what)
            ret[n_changes++] =
                (struct change){.id = now[k].id, .what = what, .was = w->before[i].category};
        i += order <= 0;
        k += order >= 0;
    }
    return n_changes;
}

enum status change_tell(struct arena *a, struct tx *tx, const struct template_watch *w,
                        struct err *e) {
    struct template_mark *now;
    struct change *changes;
    size_t n, n_changes;

    TRY(store_template_marks(a, tx, w->tenant, &w->query, &now, &n, e));
    changes = arena_array_of(a, n + 1, struct change);
    n_changes = compare(w, now, n, changes);
    for (size_t i = 0; i < n_changes; i += AT_ONCE)
        TRY(put(a, tx, w->tenant, changes + i, n_changes - i < AT_ONCE ? n_changes - i : AT_ONCE,
                e));
    return ST_OK;
}
