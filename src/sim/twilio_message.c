/* twilio_message.c - a message sent through the fake Twilio. It counts as accepted once it is
 * recorded here, whatever becomes of the answer. A file is fetched from its link afterwards, as
 * Twilio does; what cannot be fetched fails by a status.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "sim/twilio.h"

enum {
    TEXT_POINTS = 1600,
    MEDIA_MAX = 10,
    ANSWER_BYTES = 64 << 10,
    FETCH_TIMEOUT_MS = 20000,
    CONTENT_BYTES = 64 << 10,
};

struct sending { /* as long as the request */
    struct sim *sim;
    struct req *r;
    struct fields form;
    struct str from, to, service, body, link, sid, key;
    bool is_user_id;
    struct content_use use; /* sid empty: no template */
    int64_t failed_code;
};

/* --- what Twilio refuses at once ------------------------------------------------------------- */

static bool refuse(struct twilio_error *ret, int64_t code) {
    *ret = (struct twilio_error){.code = code};
    return false;
}

static bool check_parties(struct sending *x, struct twilio_error *ret) {
    bool is_user_id;

    if (x->to.len == 0)
        return refuse(ret, 21604);
    x->key = twilio_party(x->r->arena, x->to, &x->is_user_id);
    if (x->key.len == 0)
        return refuse(ret, 21211);
    if (x->from.len == 0 && x->service.len == 0)
        return refuse(ret, 21603);
    if (x->from.len > 0 && (twilio_party(x->r->arena, x->from, &is_user_id).len == 0 || is_user_id))
        return refuse(ret, str_starts(x->from, STR("whatsapp:")) ? 63007 : 21212);
    return !str_eq(x->from, x->to) || refuse(ret, 63031);
}

static bool check_content(struct sending *x, struct twilio_error *ret) {
    size_t n_links = 0;

    for (size_t i = 0; i < x->form.n; i++)
        n_links += str_eq(x->form.list[i].name, STR("MediaUrl"));
    if (x->body.len == 0 && x->link.len == 0 && x->use.sid.len == 0)
        return refuse(ret, 21619);
    if (utf8_count(x->body) > TEXT_POINTS)
        return refuse(ret, 21617);
    if (n_links > MEDIA_MAX)
        return refuse(ret, 21623);
    if (x->link.len > 0 && !str_starts(x->link, STR("http://")) &&
        !str_starts(x->link, STR("https://")))
        return refuse(ret, 21620);
    if (x->use.sid.len > 0 && !content_use(x->sim, x->r->arena, &x->use)) {
        *ret = x->use.error;
        return false;
    }
    return true;
}

static bool check(struct sending *x, struct twilio_error *ret) {
    const struct phone *p;

    if (!check_parties(x, ret) || !check_content(x, ret))
        return false;
    p = phone_find(x->sim, x->key);
    return !(p && p->has_stopped) || refuse(ret, 21610);
}

/* What fails later: a closed window, a template that is not approved, bad luck. */
static int64_t failure_of(const struct sending *x) {
    struct sim *s = x->sim;
    const struct phone *p = phone_find(s, x->key);
    bool is_open = s->behaviour.window == WINDOW_OFF || (p && p->has_written);

    if (x->use.failed_code != 0)
        return x->use.failed_code;
    if (!is_open && !x->use.is_approved)
        return 63016;
    return sim_chance(s, s->behaviour.failed_rate) ? s->behaviour.twilio_failed_code : 0;
}

/* --- the phone ------------------------------------------------------------------------------- */

static struct str text_content(struct sending *x) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = CONTENT_BYTES};
    struct str action = fields_get(&x->form, "PersistentAction");
    struct json_out o;

    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_str(&o, "text", x->body);
    json_put_opt(&o, "action", action);
    json_end(&o);
    return arena_str(x->r->arena, buf_str(&b));
}

static void put_on_phone(struct sim *s, struct str key, bool is_user_id, struct bubble *b) {
    struct phone *p = phone_get(s, key, is_user_id);

    if (!p)
        return;
    b->is_out = true;
    p->typing_until_ms = 0;
    phone_status(p, phone_add(p, b), STR("sending"));
    phone_changed(s, p);
}

/* --- files, fetched afterwards --------------------------------------------------------------- */

struct fetching {
    struct sim *sim;
    struct arena arena;
    struct http_call call;
    struct twilio_facts facts;
    struct str caption;
    bool is_user_id;
};

static void fetching_free(struct fetching *f) {
    arena_done(&f->arena);
    free(f);
}

static const char *kind_of(struct str mime) {
    return str_starts(mime, STR("image/webp")) ? "sticker"
           : str_starts(mime, STR("image/"))   ? "image"
           : str_starts(mime, STR("audio/"))   ? "audio"
           : str_starts(mime, STR("video/"))   ? "video"
                                               : "document";
}

static void show_file(struct fetching *f, const struct http_reply *reply, struct str mime) {
    struct media *m = media_add(f->sim, mime, STR_EMPTY, reply->body);
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = CONTENT_BYTES};
    struct json_out o;

    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_obj(&o, "media");
    json_put_str(&o, "id", m->id);
    json_put_str(&o, "mime", m->mime);
    json_end(&o);
    json_put_opt(&o, "caption", f->caption);
    json_end(&o);
    put_on_phone(f->sim, f->facts.phone_key, f->is_user_id,
                 &(struct bubble){.id = f->facts.sid,
                                  .type = str_of(kind_of(mime)),
                                  .text = f->caption,
                                  .content = buf_str(&b)});
}

static void fetched(void *ctx, enum status st, const struct http_reply *reply,
                    const struct err *e) {
    struct fetching *f = ctx;
    struct str mime = st == ST_OK ? http_reply_header(reply, "content-type") : STR_EMPTY;
    bool is_good = st == ST_OK && reply->phase == HTTP_REPLIED && reply->status == 200 &&
                   reply->body.len > 0 && mime.len > 0;

    (void)e;
    sim_lock(f->sim);
    if (is_good)
        show_file(f, reply, mime);
    else if (f->facts.failed_code == 0)
        f->facts.failed_code = 63019;
    twilio_status_plan(f->sim, &f->facts);
    sim_unlock(f->sim);
    fetching_free(f);
}

static void fetch_due(void *arg, bool is_over) {
    struct fetching *f = arg;

    if (is_over)
        fetching_free(f);
    else
        httpc_submit(f->sim->httpc, &f->call, fetched, f);
}

static void fetch(const struct sending *x, const struct twilio_facts *facts) {
    struct fetching *f = calloc(1, sizeof(*f));
    struct arena *a;

    if (!f)
        abort();
    a = &f->arena;
    f->sim = x->sim;
    f->is_user_id = x->is_user_id;
    f->caption = arena_str(a, x->body);
    f->facts = (struct twilio_facts){
        .sid = arena_str(a, facts->sid),
        .from = arena_str(a, facts->from),
        .to = arena_str(a, facts->to),
        .service = arena_str(a, facts->service),
        .callback = arena_str(a, facts->callback),
        .phone_key = arena_str(a, facts->phone_key),
        .failed_code = facts->failed_code,
    };
    f->call = (struct http_call){
        .method = "GET",
        .url = arena_str(a, x->link),
        .reach = REACH_MACHINE,
        .timeout_ms = FETCH_TIMEOUT_MS,
        .max_reply_bytes = TWILIO_FILE_MAX_BYTES,
        .max_redirects = 3,
    };
    later_do(x->sim->later, 0, fetch_due, f);
}

/* --- accepting ------------------------------------------------------------------------------- */

/* Our caller's id, which it put into the query of the address for statuses. */
static struct str correlation_of(struct arena *a, struct str callback) {
    struct str before;
    struct fields f;

    return str_cut(&callback, '?', &before) && fields_read(a, callback, &f) ? fields_get(&f, "m")
                                                                            : STR_EMPTY;
}

static void remember(const struct sending *x, struct str text) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = ANSWER_BYTES};
    struct str callback = fields_get(&x->form, "StatusCallback");
    struct json_out o;

    json_out_init(&o, &b);
    fields_write_json(&x->form, &o);
    (void)sends_add(x->sim, &(struct send){
                                .sender = x->from,
                                .to = x->to,
                                .type = x->use.sid.len > 0 ? STR("template")
                                        : x->link.len > 0  ? STR("media")
                                                           : STR("text"),
                                .text = text,
                                .body = b.overflown ? STR("{}") : buf_str(&b),
                                .wamid = x->sid,
                                .correlation = correlation_of(x->r->arena, callback),
                            });
}

static void accept_message(struct sending *x) {
    struct str text = x->use.sid.len > 0 ? x->use.text : x->body;
    struct twilio_facts facts;

    x->sid =
        twilio_sid(x->r->arena, x->link.len > 0 ? "MM" : "SM", x->is_user_id ? STR_EMPTY : x->key);
    x->failed_code = failure_of(x);
    remember(x, text);
    facts = (struct twilio_facts){
        .sid = x->sid,
        .from = x->from,
        .to = x->to,
        .service = x->service,
        .callback = fields_get(&x->form, "StatusCallback"),
        .phone_key = x->key,
        .failed_code = x->failed_code,
    };
    if (x->link.len > 0) {
        fetch(x, &facts);
        return;
    }
    put_on_phone(x->sim, x->key, x->is_user_id,
                 &(struct bubble){
                     .id = x->sid,
                     .type = x->use.sid.len > 0 ? STR("template") : STR("text"),
                     .is_template = x->use.sid.len > 0,
                     .text = text,
                     .content = x->use.sid.len > 0 ? x->use.content : text_content(x),
                 });
    twilio_status_plan(x->sim, &facts);
}

static void write_accepted(const struct sending *x, struct json_out *o) {
    struct arena *a = x->r->arena;
    struct str account = x->sim->twilio->account_sid;
    struct str now = twilio_date(a, clock_now_ms());
    struct str uri = arena_printf(a, "/2010-04-01/Accounts/%.*s/Messages/%.*s", STR_ARG(account),
                                  STR_ARG(x->sid));

    json_obj(o, NULL);
    json_put_str(o, "account_sid", account);
    json_put_str(o, "api_version", STR("2010-04-01"));
    json_put_str(o, "body", x->use.sid.len > 0 ? x->use.text : x->body);
    json_put_str(o, "date_created", now);
    json_put_null(o, "date_sent");
    json_put_str(o, "date_updated", now);
    json_put_str(o, "direction", STR("outbound-api"));
    json_put_null(o, "error_code");
    json_put_null(o, "error_message");
    json_put_str_or_null(o, "from", x->from);
    json_put_str_or_null(o, "messaging_service_sid", x->service);
    json_put_str(o, "num_media", x->link.len > 0 ? STR("1") : STR("0"));
    json_put_str(o, "num_segments", STR("1"));
    json_put_null(o, "price");
    json_put_null(o, "price_unit");
    json_put_str(o, "sid", x->sid);
    json_put_str(o, "status", x->service.len > 0 ? STR("accepted") : STR("queued"));
    json_obj(o, "subresource_uris");
    json_put_str(o, "media", arena_printf(a, "%.*s/Media.json", STR_ARG(uri)));
    json_end(o);
    json_put_str(o, "to", x->to);
    json_put_str(o, "uri", arena_printf(a, "%.*s.json", STR_ARG(uri)));
    json_end(o);
}

static void answer_accepted(const struct sending *x, struct resp *resp) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = ANSWER_BYTES};
    struct json_out o;

    json_out_init(&o, &b);
    write_accepted(x, &o);
    resp_json(x->r, resp, 201, &b);
}

/* Under the lock. */
static void take(struct sending *x, struct resp *resp) {
    struct sim *s = x->sim;
    struct graph_error planned = {0};
    struct twilio_error error = {0};
    enum fate fate = fate_choose(
        s, (struct fate_codes){.error = s->behaviour.twilio_error_code, .too_fast = 20429},
        &planned);

    if (fate == FATE_STALLED || fate == FATE_CUT) {
        fate_cut(s, x->r, resp, fate);
        return;
    }
    error = (struct twilio_error){
        .code = planned.code, .http = planned.http, .retry_after_s = planned.retry_after_s};
    if (fate == FATE_REFUSED || !check(x, &error)) {
        s->sends.rejected++;
        twilio_refuse(x->r, resp, error);
        return;
    }
    accept_message(x);
    if (fate == FATE_CUT_AFTER) {
        fate_cut(s, x->r, resp, fate);
        return;
    }
    answer_accepted(x, resp);
    if (s->behaviour.accept_delay_ms > 0)
        answer_later(s, x->r, resp, s->behaviour.accept_delay_ms);
}

/* POST /2010-04-01/Accounts/{account}/Messages.json */
enum status twilio_messages_post(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);
    struct sending x = {.sim = s, .r = r};

    (void)e;
    if (!twilio_admit(s, r, resp))
        return ST_OK;
    if (!fields_read(r->arena, r->body, &x.form)) {
        twilio_refuse(r, resp, (struct twilio_error){.code = 20001});
        return ST_OK;
    }
    x.from = fields_get(&x.form, "From");
    x.to = fields_get(&x.form, "To");
    x.service = fields_get(&x.form, "MessagingServiceSid");
    x.body = fields_get(&x.form, "Body");
    x.link = fields_get(&x.form, "MediaUrl");
    x.use.sid = fields_get(&x.form, "ContentSid");
    x.use.variables = fields_get(&x.form, "ContentVariables");
    sim_lock(s);
    take(&x, resp);
    sim_unlock(s);
    return ST_OK;
}
