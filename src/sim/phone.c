/* phone.c - what customers see: one chat a phone, and those who wait for its next change.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "sim/internal.h"

enum {
    CHAT_MAX_BYTES = 4 << 20,
    WATCH_MAX_MS = 60000,
};

/* --- numbers --------------------------------------------------------------------------------- */

static struct str digits_of(struct arena *a, struct str s) {
    char *out = arena_alloc(a, s.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] >= '0' && s.ptr[i] <= '9')
            out[n++] = s.ptr[i];
        else if (!str_contains(STR("+-() ."), str_sub(s, i, 1)))
            return STR_EMPTY;
    }
    return n >= 8 && n <= 15 ? (struct str){.ptr = out, .len = n} : STR_EMPTY;
}

/* Source: Meta's notes on Brazilian numbers; accounts there were registered before the ninth digit
 * came. */
struct str phone_wa_id(struct arena *a, struct str number) {
    struct str d = digits_of(a, number);

    if (d.len != 13 || !str_starts(d, STR("55")) || d.ptr[4] != '9' || d.ptr[2] < '3')
        return d;
    return arena_printf(a, "%.*s%.*s", 4, d.ptr, 8, d.ptr + 5);
}

/* --- phones ---------------------------------------------------------------------------------- */

static struct phone **bucket_of(struct sim *s, struct str key) {
    return &s->phones.buckets[str_hash(key) % PHONE_BUCKETS];
}

struct phone *phone_find(struct sim *s, struct str key) {
    struct phone *p = *bucket_of(s, key);

    while (p && !str_eq(p->key, key))
        p = p->next;
    return p;
}

struct phone *phone_get(struct sim *s, struct str key, bool is_user_id) {
    struct phone **bucket = bucket_of(s, key);
    struct phone *p = phone_find(s, key);

    if (p || s->phones.n >= PHONES_MAX || key.len == 0)
        return p;
    p = calloc(1, sizeof(*p));
    if (!p)
        abort();
    p->key = own(key);
    p->is_user_id = is_user_id;
    list_init(&p->bubbles);
    p->next = *bucket;
    *bucket = p;
    s->phones.n++;
    return p;
}

static void forget_oldest(struct phone *p) {
    free(LIST_ITEM(list_pop(&p->bubbles), struct bubble, node));
    p->n_bubbles--;
}

struct bubble *phone_add(struct phone *p, const struct bubble *from) {
    struct bubble b = *from;
    struct str *const views[] = {&b.id, &b.type, &b.text, &b.content, &b.reply_to};
    struct bubble *kept;

    b.seq = ++p->next_bubble;
    b.at_ms = clock_now_ms();
    if (p->n_bubbles == BUBBLES_MAX)
        forget_oldest(p);
    kept = pack(&b, sizeof(b), views, ARRAY_LEN(views));
    list_push(&p->bubbles, &kept->node);
    p->n_bubbles++;
    return kept;
}

struct bubble *phone_bubble(struct phone *p, struct str id) {
    LIST_EACH(&p->bubbles, n) {
        struct bubble *b = LIST_ITEM(n, struct bubble, node);

        if (str_eq(b->id, id))
            return b;
    }
    return NULL;
}

struct phone *phone_of_message(struct sim *s, struct str id) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};

    return phone_find(s, wamid_key(&a, id));
}

void phone_status(struct phone *p, struct bubble *b, struct str status) {
    static const char *const words[] = {"sending", "sent", "failed", "delivered", "read"};

    (void)p;
    for (int rank = 0; rank < (int)ARRAY_LEN(words); rank++) {
        if (str_eq(status, str_of(words[rank])) && (!b->status || rank > b->rank)) {
            b->rank = rank;
            b->status = words[rank];
        }
    }
}

static void phone_free(struct phone *p) {
    LIST_EACH(&p->bubbles, n)
    free(LIST_ITEM(n, struct bubble, node));
    disown(&p->key);
    disown(&p->name);
    disown(&p->user_id);
    free(p);
}

void phones_clear(struct sim *s) {
    for (size_t i = 0; i < PHONE_BUCKETS; i++) {
        while (s->phones.buckets[i]) {
            struct phone *p = s->phones.buckets[i];

            s->phones.buckets[i] = p->next;
            phone_free(p);
        }
    }
    s->phones.n = 0;
}

/* --- a chat as JSON -------------------------------------------------------------------------- */

static void write_bubble(struct json_out *o, const struct bubble *b) {
    json_obj(o, NULL);
    json_put_i64(o, "seq", b->seq);
    json_put_str(o, "id", b->id);
    json_put_str(o, "direction", b->is_out ? STR("out") : STR("in"));
    json_put_str(o, "type", b->type);
    json_put_opt(o, "text", b->text);
    if (b->content.len > 0)
        json_put_raw(o, "content", b->content);
    json_put_str(o, "status", str_of(b->status ? b->status : "sent"));
    json_put_i64(o, "at", b->at_ms);
    json_put_opt(o, "reply_to", b->reply_to);
    json_put_opt(o, "reaction", str_of(b->reaction));
    json_end(o);
}

void phone_write(const struct phone *p, struct buf *b) {
    struct json_out o;

    json_out_init(&o, b);
    json_obj(&o, NULL);
    json_put_i64(&o, "seq", p->seq);
    json_put_str(&o, p->is_user_id ? "user_id" : "number", p->key);
    json_put_opt(&o, "name", p->name);
    if (!p->is_user_id)
        json_put_opt(&o, "user_id", p->user_id);
    json_put_bool(&o, "typing", p->typing_until_ms > clock_now_ms());
    json_arr(&o, "messages");
    LIST_EACH(&p->bubbles, n)
    write_bubble(&o, LIST_ITEM(n, struct bubble, node));
    json_end(&o);
    json_end(&o);
}

static struct phone *phone_asked_for(struct sim *s, const struct req *r) {
    struct str number = phone_wa_id(r->arena, req_query(r, "number"));
    struct str user_id = req_query(r, "user_id");

    return user_id.len > 0 ? phone_get(s, user_id, true) : phone_get(s, number, false);
}

static void answer_chat(const struct req *r, struct resp *resp, const struct phone *p) {
    struct buf b;

    buf_init(&b, CHAT_MAX_BYTES);
    phone_write(p, &b);
    resp_json(r, resp, 200, &b);
    buf_done(&b);
}

enum status phone_show(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);
    struct phone *p;

    sim_allow_origin(s, r, resp);
    sim_lock(s);
    p = phone_asked_for(s, r);
    if (p)
        answer_chat(r, resp, p);
    sim_unlock(s);
    if (!p)
        FAIL(e, ST_INVALID, "number is no phone number, or there are too many phones");
    return ST_OK;
}

/* --- watching -------------------------------------------------------------------------------- */

struct watcher {
    struct list_node node;
    struct sim *sim;
    struct phone *phone;
    struct req *req;
    struct resp resp;
    bool is_answered;
};

static void watcher_answer(struct watcher *w) {
    list_remove(&w->node);
    w->sim->n_watchers--;
    w->is_answered = true;
    answer_chat(w->req, &w->resp, w->phone);
    req_finish(w->req, &w->resp);
}

/* The watcher lives until its time is over, answered or not. */
static void watcher_over(void *arg, bool is_over) {
    struct watcher *w = arg;

    if (!is_over) {
        sim_lock(w->sim);
        if (!w->is_answered)
            watcher_answer(w);
        sim_unlock(w->sim);
    }
    free(w);
}

void phone_changed(struct sim *s, struct phone *p) {
    p->seq++;
    LIST_EACH(&s->watchers, n) {
        struct watcher *w = LIST_ITEM(n, struct watcher, node);

        if (w->phone == p)
            watcher_answer(w);
    }
}

void watchers_end(struct sim *s) {
    LIST_EACH(&s->watchers, n)
    watcher_answer(LIST_ITEM(n, struct watcher, node));
}

static void watch(struct sim *s, struct phone *p, struct req *r, struct resp *resp,
                  int64_t wait_ms) {
    struct watcher *w = calloc(1, sizeof(*w));

    if (!w)
        abort();
    req_defer(r, resp);
    *w = (struct watcher){.sim = s, .phone = p, .req = r, .resp = *resp};
    list_push(&s->watchers, &w->node);
    s->n_watchers++;
    later_do(s->later, wait_ms, watcher_over, w);
}

/* Answers when the chat is newer than "after", at the latest after wait_ms. */
enum status phone_watch(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);
    int64_t after = -1, wait_ms = 0;
    struct phone *p;

    (void)str_parse_i64(req_query(r, "after"), -1, INT64_MAX, &after);
    (void)str_parse_i64(req_query(r, "wait_ms"), 0, WATCH_MAX_MS, &wait_ms);
    sim_allow_origin(s, r, resp);
    sim_lock(s);
    p = phone_asked_for(s, r);
    if (p && (p->seq > after || wait_ms == 0 || s->is_stopping))
        answer_chat(r, resp, p);
    else if (p)
        watch(s, p, r, resp, wait_ms);
    sim_unlock(s);
    if (!p)
        FAIL(e, ST_INVALID, "number is no phone number, or there are too many phones");
    return ST_OK;
}
