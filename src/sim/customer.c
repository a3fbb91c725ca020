/* customer.c - what customers do: write, tap, send pictures, react. Each act becomes a bubble on
 * their phone and a message in a signed webhook; the caller is answered when prosa has
 * acknowledged, or is not going to soon.
 *
 *   POST /sim/customer {"from":"5511955550123","name":"Ana","text":"oi"}
 *   … "to": phone number id, "user_id": BSUID (without "from": somebody whose number is withheld)
 *   … instead of "text": "button_reply":{"id","title"} | "list_reply":{"id","title","description"?}
 *     | "type":"image"|"audio"|"video"|"document"|"sticker" ("caption","mime","base64","filename"
 * at will)
 *     | "reaction":{"message_id","emoji"} | "message":{"type":"location","location":{…}}, anything
 * Meta may send
 *   … "reply_to": id of a message, "burst": n messages, "batch": so many of them in one webhook,
 * "wait_ms"
 *   → {"ids":["wamid.…"],"acknowledged":true}
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/clock.h"
#include "crypto/crypto.h"
#include "sim/internal.h"

enum {
    BURST_MAX = 10000,
    WAIT_MS = 5000,
    WAIT_MAX_MS = 60000,
    MESSAGE_MAX_BYTES = 16 << 20,
    AUDIO_KIND_MAX = 16,
};

struct act { /* one POST, as long as it is being told */
    struct sim *sim;
    struct req *r;
    const struct json *v;
    struct phone *phone;
    struct str from, user_id, to, name; /* from: wa_id, empty when withheld */
    const struct bubble *tapped; /* the message whose button or row was chosen; NULL: unknown */
    struct media *media;
    int64_t burst, batch;
};

/* --- one message ----------------------------------------------------------------------------- */

static const char *const media_kinds[] = {"image", "audio", "video", "document", "sticker"};

static bool is_media_kind(struct str type) {
    for (size_t i = 0; i < ARRAY_LEN(media_kinds); i++) {
        if (str_eq(type, str_of(media_kinds[i])))
            return true;
    }
    return false;
}

static struct str wire_type(const struct act *x) {
    struct str type = json_str(json_get(x->v, "type"));

    if (json_get(x->v, "message"))
        return json_str(json_path(x->v, "message", "type", NULL));
    if (json_get(x->v, "button_reply"))
        return x->tapped && x->tapped->is_template ? STR("button") : STR("interactive");
    if (json_get(x->v, "list_reply"))
        return STR("interactive");
    if (json_get(x->v, "reaction"))
        return STR("reaction");
    return type.len > 0 ? type : STR("text");
}

static void write_media_object(const struct act *x, struct json_out *o, struct str type) {
    const struct media *m = x->media;
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct str raw = STR_EMPTY;
    char key[AUDIO_KIND_MAX];

    (void)snprintf(key, sizeof(key), "%.*s", STR_ARG(type));
    json_obj(o, key);
    json_put_opt(o, "caption", json_str(json_get(x->v, "caption")));
    json_put_opt(o, "filename", m->filename);
    json_put_str(o, "mime_type", m->mime);
    if (crypto_unhex(&a, (struct str){.ptr = m->sha256, .len = sizeof(m->sha256)}, &raw))
        json_put_str(o, "sha256", crypto_base64(&a, raw));
    json_put_str(o, "id", m->id);
    if (str_eq(type, STR("audio")))
        json_put_bool(o, "voice", str_contains(m->mime, STR("opus")));
    if (str_eq(type, STR("sticker")))
        json_put_bool(o, "animated", false);
    json_end(o);
}

static void write_tap(const struct act *x, struct json_out *o) {
    const struct json *button = json_get(x->v, "button_reply");
    const struct json *row = json_get(x->v, "list_reply");

    if (button && x->tapped && x->tapped->is_template) {
        json_obj(o, "button");
        json_put_str(o, "payload", json_str(json_get(button, "id")));
        json_put_str(o, "text", json_str(json_get(button, "title")));
        json_end(o);
        return;
    }
    json_obj(o, "interactive");
    json_put_str(o, "type", button ? STR("button_reply") : STR("list_reply"));
    json_put_json(o, button ? "button_reply" : "list_reply", button ? button : row);
    json_end(o);
}

/* Members of the caller's own message object; from, id and timestamp are ours. */
static void write_own(const struct act *x, struct json_out *o) {
    const struct json *m = json_get(x->v, "message");
    const struct json *value;
    struct str key;

    for (size_t i = 0; json_member(m, i, &key, &value); i++) {
        const char *name = arena_cstr(x->r->arena, key);

        if (name && !str_eq(key, STR("from")) && !str_eq(key, STR("id")) &&
            !str_eq(key, STR("timestamp")))
            json_put_json(o, name, value);
    }
}

static void write_context(const struct act *x, struct json_out *o) {
    struct str id = json_str(json_get(x->v, "reply_to"));

    if (id.len == 0 && x->tapped)
        id = x->tapped->id;
    if (id.len == 0)
        return;
    json_obj(o, "context");
    json_put_str(o, "from", x->sim->options.display_phone_number);
    json_put_str(o, "id", id);
    json_end(o);
}

static void write_body(const struct act *x, struct json_out *o, struct str type) {
    if (json_get(x->v, "message")) {
        write_own(x, o);
        return;
    }
    write_context(x, o);
    json_put_str(o, "type", type);
    if (json_get(x->v, "button_reply") || json_get(x->v, "list_reply")) {
        write_tap(x, o);
    } else if (json_get(x->v, "reaction")) {
        json_put_json(o, "reaction", json_get(x->v, "reaction"));
    } else if (x->media) {
        write_media_object(x, o, type);
    } else {
        json_obj(o, "text");
        json_put_str(o, "body", json_str(json_get(x->v, "text")));
        json_end(o);
    }
}

static void write_message(const struct act *x, struct json_out *o, struct str id) {
    json_obj(o, NULL);
    json_put_opt(o, "from", x->from);
    json_put_opt(o, "from_user_id", x->user_id);
    json_put_str(o, "id", id);
    json_put_str(o, "timestamp",
                 arena_printf(x->r->arena, "%lld", (long long)(clock_now_ms() / 1000)));
    write_body(x, o, wire_type(x));
    json_end(o);
}

static void write_contact(const struct act *x, struct json_out *o) {
    json_arr(o, "contacts");
    json_obj(o, NULL);
    if (x->phone->name.len > 0) {
        json_obj(o, "profile");
        json_put_str(o, "name", x->phone->name);
        json_end(o);
    }
    json_put_opt(o, "wa_id", x->from);
    json_put_opt(o, "user_id", x->user_id);
    json_end(o);
    json_end(o);
}

/* --- the phone ------------------------------------------------------------------------------- */

static struct str content_of(const struct act *x, struct str type) {
    struct json_out o;
    struct buf b;
    struct str s;

    buf_init(&b, MESSAGE_MAX_BYTES);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    if (x->media) {
        json_obj(&o, "media");
        json_put_str(&o, "id", x->media->id);
        json_put_str(&o, "mime", x->media->mime);
        json_put_opt(&o, "filename", x->media->filename);
        json_end(&o);
        json_put_opt(&o, "caption", json_str(json_get(x->v, "caption")));
    } else if (json_get(x->v, "message")) {
        json_put_json(&o, "message", json_get(x->v, "message"));
    }
    json_end(&o);
    s = b.overflown ? STR("{}") : arena_str(x->r->arena, buf_str(&b));
    (void)type;
    buf_done(&b);
    return s;
}

static struct str words_of(const struct act *x) {
    static const char *const paths[][2] = {{"button_reply", "title"},
                                           {"list_reply", "title"},
                                           {"text", NULL},
                                           {"caption", NULL},
                                           {"reaction", "emoji"}};

    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        const struct json *v = json_get(x->v, paths[i][0]);
        struct str s = json_str(paths[i][1] ? json_get(v, paths[i][1]) : v);

        if (s.len > 0)
            return s;
    }
    return json_str(json_path(x->v, "message", "text", "body", NULL));
}

static void show(const struct act *x, struct str id) {
    struct str type = wire_type(x);
    struct str target = json_str(json_path(x->v, "reaction", "message_id", NULL));
    struct bubble *b = phone_bubble(x->phone, target);

    if (b) {
        struct str emoji = json_str(json_path(x->v, "reaction", "emoji", NULL));

        (void)snprintf(b->reaction, sizeof(b->reaction), "%.*s", STR_ARG(emoji));
        return;
    }
    b = phone_add(x->phone, &(struct bubble){
                                .id = id,
                                .type = str_eq(type, STR("interactive")) ? STR("text") : type,
                                .text = words_of(x),
                                .content = content_of(x, type),
                                .reply_to = json_str(json_get(x->v, "reply_to")),
                            });
    phone_status(x->phone, b, STR("sent"));
}

/* The newest message of the business that offers this button or row. */
static const struct bubble *find_tapped(const struct phone *p, struct str id) {
    struct list_node *n = p->bubbles.head.prev;
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct json_out o;
    struct buf b;
    struct str quoted;

    if (id.len == 0)
        return NULL;
    buf_init(&b, 4096);
    json_out_init(&o, &b);
    json_put_str(&o, NULL, id);
    quoted = arena_printf(&a, "\"id\":%.*s", STR_ARG(buf_str(&b)));
    buf_done(&b);
    for (; n != &p->bubbles.head; n = n->prev) {
        const struct bubble *bubble = LIST_ITEM(n, struct bubble, node);

        if (bubble->is_out && str_contains(bubble->content, quoted))
            return bubble;
    }
    return NULL;
}

/* --- telling prosa --------------------------------------------------------------------------- */

struct told { /* the caller of one POST, waiting */
    struct sim *sim;
    struct req *r; /* NULL: answered */
    struct resp resp;
    struct str ids; /* JSON array; in r's arena */
    struct str key; /* of the phone; owned */
    size_t hooks, left, lost;
    bool is_timer_over;
};

static void told_free_if_over(struct told *x) {
    if (x->left > 0 || !x->is_timer_over)
        return;
    disown(&x->key);
    free(x);
}

static void told_answer(struct told *x) {
    struct req *r = x->r;
    bool is_acknowledged = x->left == 0 && x->lost == 0;

    if (!r)
        return;
    x->r = NULL;
    x->resp.status = 200;
    x->resp.content_type = STR("application/json");
    x->resp.body = arena_printf(r->arena, "{\"ids\":%.*s,\"acknowledged\":%s}", STR_ARG(x->ids),
                                is_acknowledged ? "true" : "false");
    req_finish(r, &x->resp);
}

static void show_delivered(struct sim *s, const struct told *x) {
    struct phone *p = phone_find(s, x->key);

    if (!p)
        return;
    LIST_EACH(&p->bubbles, n) {
        struct bubble *b = LIST_ITEM(n, struct bubble, node);

        if (!b->is_out)
            phone_status(p, b, STR("delivered"));
    }
    phone_changed(s, p);
}

void told_hook_ended(struct sim *s, void *arg, bool is_acknowledged) {
    struct told *x = arg;

    sim_lock(s);
    x->left--;
    x->lost += !is_acknowledged;
    if (x->left == 0 && x->lost == 0)
        show_delivered(s, x);
    if (x->left == 0)
        told_answer(x);
    told_free_if_over(x);
    sim_unlock(s);
}

/* At the stop nobody is answered from here: the webhooks end too, and they answer. */
static void told_timer(void *arg, bool is_over) {
    struct told *x = arg;
    struct sim *s = x->sim;

    (void)is_over;
    sim_lock(s);
    x->is_timer_over = true;
    told_answer(x);
    told_free_if_over(x);
    sim_unlock(s);
}

static void post_webhook(struct act *x, struct told *told, const struct str *ids, size_t n) {
    struct json_out o;
    struct buf b;

    buf_init(&b, MESSAGE_MAX_BYTES);
    json_out_init(&o, &b);
    hook_open(x->sim, &o, x->to);
    write_contact(x, &o);
    json_arr(&o, "messages");
    for (size_t i = 0; i < n; i++)
        write_message(x, &o, ids[i]);
    json_end(&o);
    hook_close(&o);
    hook_post(x->sim, buf_str(&b), told_hook_ended, told);
    buf_done(&b);
}

static struct str list_of(struct arena *a, const struct str *ids, size_t n) {
    struct json_out o;
    struct buf b;
    struct str s;

    buf_init(&b, MESSAGE_MAX_BYTES);
    json_out_init(&o, &b);
    json_arr(&o, NULL);
    for (size_t i = 0; i < n; i++)
        json_put_str(&o, NULL, ids[i]);
    json_end(&o);
    s = arena_str(a, buf_str(&b));
    buf_done(&b);
    return s;
}

struct told *told_begin(struct sim *s, struct req *r, struct resp *resp, struct telling of) {
    struct told *told = calloc(1, sizeof(*told));

    if (!told)
        abort();
    req_defer(r, resp);
    *told = (struct told){
        .sim = s,
        .r = r,
        .resp = *resp,
        .ids = list_of(r->arena, of.ids, of.n_ids),
        .key = own(of.key),
        .hooks = of.hooks,
        .left = of.hooks,
    };
    later_do(s->later, of.wait_ms, told_timer, told);
    return told;
}

static void tell(struct act *x, struct resp *resp) {
    size_t n = (size_t)x->burst, batch = (size_t)x->batch;
    struct str *ids = arena_array_of(x->r->arena, n, struct str);
    int64_t wait_ms = json_i64(json_get(x->v, "wait_ms"), WAIT_MS);
    struct told *told;

    for (size_t i = 0; i < n; i++) {
        ids[i] = new_wamid(x->r->arena, x->phone->key);
        show(x, ids[i]);
    }
    phone_changed(x->sim, x->phone);
    told = told_begin(x->sim, x->r, resp,
                      (struct telling){
                          .ids = ids,
                          .n_ids = n,
                          .key = x->phone->key,
                          .hooks = (n + batch - 1) / batch,
                          .wait_ms = wait_ms < 0             ? 0
                                     : wait_ms > WAIT_MAX_MS ? WAIT_MAX_MS
                                                             : wait_ms,
                      });
    for (size_t i = 0; i < n; i += batch)
        post_webhook(x, told, ids + i, n - i < batch ? n - i : batch);
}

/* --- the handler ----------------------------------------------------------------------------- */

static void remember_text(struct str *at, struct str s) {
    if (s.len == 0)
        return;
    disown(at);
    *at = own(s);
}

/* ST_INVALID: nobody, or nothing to say. */
static enum status read_act(struct act *x, struct err *e) {
    struct str from = json_str(json_get(x->v, "from"));
    struct str to = json_str(json_get(x->v, "to"));

    x->from = phone_wa_id(x->r->arena, from);
    x->user_id = json_str(json_get(x->v, "user_id"));
    x->name = json_str(json_get(x->v, "name"));
    x->to = to.len > 0 ? to : x->sim->options.phone_number_id;
    x->burst = json_i64(json_get(x->v, "burst"), 1);
    x->batch = json_i64(json_get(x->v, "batch"), 1);
    if (from.len > 0 ? x->from.len == 0 : x->user_id.len == 0)
        FAIL(e, ST_INVALID, "from is no phone number, and there is no user_id");
    if (x->burst < 1 || x->burst > BURST_MAX || x->batch < 1 || x->batch > 1000)
        FAIL(e, ST_INVALID, "burst is 1 to %d, batch 1 to 1000", BURST_MAX);
    if (str_eq(wire_type(x), STR("text")) && !json_get(x->v, "message") &&
        json_str(json_get(x->v, "text")).len == 0)
        FAIL(e, ST_INVALID, "there is no text, nor anything else to send");
    return ST_OK;
}

static enum status take_media(struct act *x, struct err *e) {
    struct str type = json_str(json_get(x->v, "type"));
    struct str mime = json_str(json_get(x->v, "mime"));
    struct str bytes;

    if (!is_media_kind(type))
        return ST_OK;
    if (!json_get(x->v, "base64")) {
        x->media = media_example(x->sim, type);
        return ST_OK;
    }
    if (!crypto_unbase64(x->r->arena, json_str(json_get(x->v, "base64")), &bytes) || mime.len == 0)
        FAIL(e, ST_INVALID, "media needs mime and base64");
    x->media = media_add(x->sim, mime, json_str(json_get(x->v, "filename")), bytes);
    return ST_OK;
}

static enum status act_now(struct act *x, struct resp *resp, struct err *e) {
    const struct json *button = json_get(x->v, "button_reply");
    const struct json *tap = button ? button : json_get(x->v, "list_reply");

    if (x->sim->is_stopping)
        FAIL(e, ST_UNAVAILABLE, "the simulator is stopping");
    x->phone = phone_get(x->sim, x->from.len > 0 ? x->from : x->user_id, x->from.len == 0);
    if (!x->phone)
        FAIL(e, ST_LIMITED, "there are too many phones");
    TRY(take_media(x, e));
    x->phone->has_written = true;
    remember_text(&x->phone->name, x->name);
    remember_text(&x->phone->user_id, x->user_id);
    x->tapped = find_tapped(x->phone, json_str(json_get(tap, "id")));
    tell(x, resp);
    return ST_OK;
}

enum status customer_act(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);
    struct act x = {.sim = s, .r = r};
    enum status st;

    sim_allow_origin(s, r, resp);
    TRY(sim_body(r, &x.v, e));
    TRY(read_act(&x, e));
    sim_lock(s);
    st = act_now(&x, resp, e);
    sim_unlock(s);
    return st;
}
