/* status.c - what becomes of an accepted message: sent, delivered and read, each a delay after the
 * one before, or failed. Statuses that are due at about the same time may share a webhook.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/clock.h"
#include "sim/internal.h"

enum { STATUS_BODY_MAX = 4 << 20 };

struct report { /* one status of one message */
    struct list_node node;
    struct sim *sim;
    struct str wamid, sender, phone_key, correlation, category; /* packed behind the struct */
    bool is_user_id;
    struct str status;
    int64_t failed_code;
};

/* --- a batch as JSON ------------------------------------------------------------------------- */

static void write_pricing(struct json_out *o, const struct report *r) {
    bool is_free = str_eq(r->category, STR("service"));

    if (r->category.len == 0 || str_eq(r->status, STR("read")))
        return;
    json_obj(o, "pricing");
    json_put_bool(o, "billable", !is_free);
    json_put_str(o, "pricing_model", STR("PMP"));
    json_put_str(o, "type", is_free ? STR("free_customer_service") : STR("regular"));
    json_put_str(o, "category", r->category);
    json_end(o);
}

static void write_errors(struct json_out *o, int64_t code) {
    json_arr(o, "errors");
    json_obj(o, NULL);
    json_put_i64(o, "code", code);
    json_put_str(o, "title", str_of(error_title(code)));
    json_put_str(o, "message", str_of(error_title(code)));
    json_obj(o, "error_data");
    json_put_str(o, "details", str_of(error_title(code)));
    json_end(o);
    json_put_str(o, "href", STR("/documentation/business-messaging/whatsapp/support/error-codes"));
    json_end(o);
    json_end(o);
}

static void write_recipient(struct sim *s, struct json_out *o, const struct report *r) {
    const struct phone *p = phone_find(s, r->phone_key);

    if (!r->is_user_id)
        json_put_str(o, "recipient_id", r->phone_key);
    json_put_opt(o, "recipient_user_id", r->is_user_id ? r->phone_key : p ? p->user_id : STR_EMPTY);
}

static void write_report(struct sim *s, struct json_out *o, const struct report *r) {
    char seconds[24];

    (void)snprintf(seconds, sizeof(seconds), "%lld", (long long)clock_now_ms() / 1000);
    json_obj(o, NULL);
    json_put_str(o, "id", r->wamid);
    json_put_str(o, "status", r->status);
    json_put_str(o, "timestamp", str_of(seconds));
    write_recipient(s, o, r);
    write_pricing(o, r);
    json_put_opt(o, "biz_opaque_callback_data", r->correlation);
    if (r->failed_code)
        write_errors(o, r->failed_code);
    json_end(o);
}

/* Posts the oldest reports of one number, at most a batch of them. */
static void flush_some(struct sim *s) {
    struct report *first = LIST_ITEM(s->due.head.next, struct report, node);
    struct str sender = own(first->sender);
    int64_t n = 0;
    struct json_out o;
    struct buf b;

    buf_init(&b, STATUS_BODY_MAX);
    json_out_init(&o, &b);
    hook_open(s, &o, sender);
    json_arr(&o, "statuses");
    LIST_EACH(&s->due, node) {
        struct report *r = LIST_ITEM(node, struct report, node);

        if (n == s->behaviour.batch || !str_eq(r->sender, sender))
            break;
        write_report(s, &o, r);
        list_remove(node);
        s->n_due--;
        n++;
        free(r);
    }
    json_end(&o);
    hook_close(&o);
    hook_post(s, buf_str(&b), NULL, NULL);
    buf_done(&b);
    disown(&sender);
}

static void flush_rest(void *arg, bool is_over) {
    struct sim *s = arg;

    if (is_over)
        return;
    sim_lock(s);
    s->is_flush_planned = false;
    while (s->n_due > 0)
        flush_some(s);
    sim_unlock(s);
}

/* --- time ------------------------------------------------------------------------------------ */

static void show_on_phone(struct sim *s, const struct report *r) {
    struct phone *p = phone_find(s, r->phone_key);
    struct bubble *b = p ? phone_bubble(p, r->wamid) : NULL;

    if (!b)
        return;
    phone_status(p, b, r->status);
    phone_changed(s, p);
}

static unsigned mute_bit(struct str status) {
    return str_eq(status, STR("sent"))                                           ? MUTE_SENT
           : str_eq(status, STR("delivered"))                                    ? MUTE_DELIVERED
           : str_eq(status, STR("read"))                                         ? MUTE_READ
           : str_eq(status, STR("failed")) || str_eq(status, STR("undelivered")) ? MUTE_FAILED
                                                                                 : 0;
}

bool status_is_muted(const struct sim *s, struct str status) {
    return s->behaviour.mute & mute_bit(status);
}

static void report_due(void *arg, bool is_over) {
    struct report *r = arg;
    struct sim *s = r->sim;

    if (is_over) {
        free(r);
        return;
    }
    sim_lock(s);
    show_on_phone(s, r);
    if (status_is_muted(s, r->status)) {
        free(r);
    } else {
        list_push(&s->due, &r->node);
        s->n_due++;
    }
    if (s->n_due > 0 && (int64_t)s->n_due >= s->behaviour.batch) {
        flush_some(s);
    } else if (s->n_due > 0 && !s->is_flush_planned) {
        s->is_flush_planned = true;
        later_do(s->later, s->behaviour.batch_wait_ms, flush_rest, s);
    }
    sim_unlock(s);
}

static void plan_one(struct sim *s, const struct status_facts *f, struct str status, int64_t in_ms,
                     int64_t failed_code) {
    struct report r = {
        .sim = s,
        .wamid = f->wamid,
        .sender = f->sender,
        .phone_key = f->phone_key,
        .correlation = f->correlation,
        .category = f->category,
        .is_user_id = f->is_user_id,
        .status = status,
        .failed_code = failed_code,
    };
    struct str *const views[] = {&r.wamid, &r.sender, &r.phone_key, &r.correlation, &r.category};

    later_do(s->later, in_ms, report_due, pack(&r, sizeof(r), views, ARRAY_LEN(views)));
}

void status_plan(struct sim *s, const struct status_facts *f) {
    static const struct str steps[] = {{"sent", 4}, {"delivered", 9}, {"read", 4}};
    int64_t delay = s->behaviour.status_delay_ms;
    size_t n = ARRAY_LEN(steps);

    if (f->only_sent)
        n = 1;
    else if (!sim_chance(s, s->behaviour.read_rate))
        n = 2;
    if (f->failed_code) {
        plan_one(s, f, STR("failed"), delay, f->failed_code);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        int64_t in_ms = delay * (int64_t)(i + 1);

        if (s->behaviour.reorder)
            in_ms = (int64_t)sim_random(s, (uint64_t)(3 * delay + 1));
        plan_one(s, f, steps[i], in_ms, 0);
    }
}

void statuses_clear(struct sim *s) {
    LIST_EACH(&s->due, n)
    free(LIST_ITEM(n, struct report, node));
    list_init(&s->due);
    s->n_due = 0;
}
