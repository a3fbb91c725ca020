/* graph.c - the Graph API: admission, planned failures, accepting a message.
 * A message counts as accepted once it is recorded here, whatever becomes of the answer: that is
 * what a caller that loses the answer has to live with.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/clock.h"
#include "sim/internal.h"

/* --- errors ---------------------------------------------------------------------------------- */

/* Source: Meta's error-code page; statuses of throttling codes as documented. */
static const struct {
    int64_t code;
    unsigned http;
    const char *title;
} codes[] = {
    {0, 401, "Authentication exception"},
    {1, 400, "API Unknown"},
    {2, 503, "API Service"},
    {3, 500, "API Method"},
    {4, 429, "Application request limit reached"},
    {10, 403, "Permission Denied"},
    {33, 400, "Parameter value is not valid"},
    {100, 400, "Invalid parameter"},
    {190, 401, "Error validating access token"},
    {200, 403, "API Permission"},
    {368, 403, "Temporarily blocked for policies violations"},
    {80007, 429, "Rate limit issues"},
    {130429, 429, "Rate limit hit"},
    {130472, 400, "User's number is part of an experiment"},
    {130497, 403, "Business account is restricted from messaging users in this country"},
    {131000, 500, "Something went wrong"},
    {131005, 403, "Access denied"},
    {131008, 400, "Required parameter is missing"},
    {131009, 400, "Parameter value is not valid"},
    {131016, 500, "Service unavailable"},
    {131021, 400, "Recipient cannot be sender"},
    {131026, 400, "Message undeliverable"},
    {131030, 400, "Recipient phone number not in allowed list"},
    {131031, 403, "Account has been locked"},
    {131037, 400, "WhatsApp provided number needs display name approval"},
    {131042, 400, "Business eligibility payment issue"},
    {131045, 500, "Incorrect certificate"},
    {131047, 400, "Re-engagement message"},
    {131048, 429, "Spam rate limit hit"},
    {131049, 400, "Meta chose not to deliver"},
    {131050, 400, "User has stopped marketing messages"},
    {131051, 400, "Unsupported message type"},
    {131052, 400, "Media download error"},
    {131053, 400, "Media upload error"},
    {131056, 429, "(Business Account, Consumer Account) pair rate limit hit"},
    {131057, 503, "Account in maintenance mode"},
    {132000, 400, "Template Param Count Mismatch"},
    {132001, 404, "Template does not exist"},
    {132005, 400, "Template Hydrated Text Too Long"},
    {132007, 400, "Template Format Character Policy Violated"},
    {132012, 400, "Template Parameter Format Mismatch"},
    {132015, 400, "Template is Paused"},
    {132016, 400, "Template is Disabled"},
    {133010, 400, "Phone number not registered"},
    {135000, 400, "Generic user error"},
};

const char *error_title(int64_t code) {
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        if (codes[i].code == code)
            return codes[i].title;
    }
    return "Unknown error";
}

unsigned error_http(int64_t code) {
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        if (codes[i].code == code)
            return codes[i].http;
    }
    return 400;
}

static void write_error(struct json_out *o, const struct req *r, const struct graph_error *x) {
    json_obj(o, NULL);
    json_obj(o, "error");
    json_put_str(o, "message",
                 arena_printf(r->arena, "(#%lld) %s", (long long)x->code, error_title(x->code)));
    json_put_str(o, "type", STR("OAuthException"));
    json_put_i64(o, "code", x->code);
    if (x->subcode)
        json_put_i64(o, "error_subcode", x->subcode);
    if (x->details.len > 0) {
        json_obj(o, "error_data");
        json_put_str(o, "messaging_product", STR("whatsapp"));
        json_put_str(o, "details", x->details);
        json_end(o);
    }
    json_put_str(o, "fbtrace_id", r->request_id);
    json_end(o);
    json_end(o);
}

void graph_refuse(const struct req *r, struct resp *resp, struct graph_error x) {
    struct json_out o;
    struct buf b;

    buf_init(&b, 16 << 10);
    json_out_init(&o, &b);
    write_error(&o, r, &x);
    resp_json(r, resp, x.http ? x.http : error_http(x.code), &b);
    buf_done(&b);
    if (x.retry_after_s > 0)
        resp_header(resp, "Retry-After",
                    arena_printf(r->arena, "%lld", (long long)x.retry_after_s));
}

/* --- admission ------------------------------------------------------------------------------- */

static bool is_version(struct str s) {
    uint64_t major, minor;

    return str_eat(&s, STR("v")) && str_eat_u64(&s, 999, &major) && str_eat(&s, STR(".")) &&
           str_eat_u64(&s, 99, &minor) && s.len == 0;
}

bool graph_admit(struct sim *s, const struct req *r, struct resp *resp) {
    struct str bearer = req_header(r, "authorization");
    struct str version = req_param(r, "version");
    bool has_bearer = str_eat(&bearer, STR("Bearer ")) || str_eat(&bearer, STR("bearer "));

    if (version.len > 0 && !is_version(version)) {
        graph_refuse(r, resp, (struct graph_error){.code = 2500, .details = STR("Unknown path")});
        return false;
    }
    if (!has_bearer || bearer.len == 0 ||
        (s->options.token.len > 0 && !str_eq(str_trim(bearer), s->options.token))) {
        graph_refuse(r, resp, (struct graph_error){.code = 190});
        return false;
    }
    return true;
}

/* --- planned misfortune ---------------------------------------------------------------------- */

static bool is_over_mps(struct sim *s) {
    int64_t second = clock_mono_ms() / 1000;

    if (s->behaviour.mps == 0)
        return false;
    if (second != s->second) {
        s->second = second;
        s->in_second = 0;
    }
    return ++s->in_second > s->behaviour.mps;
}

enum fate fate_choose(struct sim *s, struct fate_codes of, struct graph_error *ret) {
    struct behaviour *b = &s->behaviour;
    struct planned_failure next;

    if (behaviour_next(b, &next)) {
        *ret = (struct graph_error){
            .code = next.code, .http = (unsigned)next.http, .retry_after_s = next.retry_after_s};
        return next.is_cut ? FATE_CUT : FATE_REFUSED;
    }
    *ret = (struct graph_error){.code = of.error};
    if (sim_chance(s, b->error_rate))
        return FATE_REFUSED;
    if (is_over_mps(s)) {
        ret->code = of.too_fast;
        return FATE_REFUSED;
    }
    return sim_chance(s, b->stall_rate)               ? FATE_STALLED
           : sim_chance(s, b->cut_before_accept_rate) ? FATE_CUT
           : sim_chance(s, b->cut_after_accept_rate)  ? FATE_CUT_AFTER
                                                      : FATE_GOOD;
}

void fate_cut(struct sim *s, struct req *r, struct resp *resp, enum fate fate) {
    int64_t in_ms = fate == FATE_STALLED     ? s->behaviour.stall_ms
                    : fate == FATE_CUT_AFTER ? s->behaviour.accept_delay_ms
                                             : 0;

    s->sends.stalled += fate == FATE_STALLED;
    s->sends.cut += fate != FATE_STALLED;
    resp->is_cut = true;
    if (in_ms > 0)
        answer_later(s, r, resp, in_ms);
}

/* --- accepting ------------------------------------------------------------------------------- */

struct accepted {
    struct sim *sim;
    struct req *r;
    const struct json *m;
    struct str sender, to, key; /* key: wa_id or BSUID */
    struct str wamid, type;
    bool is_user_id, is_template;
};

/* Outside the service window only templates pass. Here it is open for whoever has ever written. */
static bool is_window_closed(struct sim *s, const struct accepted *x) {
    const struct phone *p = phone_find(s, x->key);

    return s->behaviour.window != WINDOW_OFF && !x->is_template && !(p && p->has_written);
}

static void put_on_phone(const struct accepted *x, struct bubble *b) {
    struct phone *p = phone_get(x->sim, x->key, x->is_user_id);

    if (!p)
        return;
    b->id = x->wamid;
    b->is_out = true;
    p->typing_until_ms = 0;
    phone_status(p, phone_add(p, b), STR("sending"));
    phone_changed(x->sim, p);
}

static void react(const struct accepted *x) {
    struct phone *p = phone_find(x->sim, x->key);
    struct str target = json_str(json_path(x->m, "reaction", "message_id", NULL));
    struct str emoji = json_str(json_path(x->m, "reaction", "emoji", NULL));
    struct bubble *b = p ? phone_bubble(p, target) : NULL;

    if (!b)
        return;
    (void)snprintf(b->reaction, sizeof(b->reaction), "%.*s", STR_ARG(emoji));
    phone_changed(x->sim, p);
}

static struct str category_of(const struct accepted *x) {
    if (!x->is_template)
        return STR("service");
    return arena_lower(x->r->arena, template_category(x->sim, json_get(x->m, "template")));
}

static void plan_statuses(const struct accepted *x, bool is_window_closed) {
    struct sim *s = x->sim;
    struct status_facts f = {
        .wamid = x->wamid,
        .sender = x->sender,
        .phone_key = x->key,
        .is_user_id = x->is_user_id,
        .correlation = json_str(json_get(x->m, "biz_opaque_callback_data")),
        .category = category_of(x),
        .only_sent = str_eq(x->type, STR("reaction")),
    };

    if (is_window_closed)
        f.failed_code = 131047;
    else if (sim_chance(s, s->behaviour.failed_rate))
        f.failed_code = s->behaviour.failed_code;
    status_plan(s, &f);
}

static void accept_message(struct accepted *x, bool is_window_closed) {
    struct bubble b = {0};

    x->wamid = new_wamid(x->r->arena, x->key);
    bubble_from_message(x->sim, x->r->arena, x->m, &b);
    (void)sends_add(x->sim, &(struct send){
                                .sender = x->sender,
                                .to = x->to,
                                .type = x->type,
                                .text = b.text,
                                .body = x->r->body,
                                .wamid = x->wamid,
                                .correlation = json_str(json_get(x->m, "biz_opaque_callback_data")),
                            });
    if (str_eq(x->type, STR("reaction")))
        react(x);
    else
        put_on_phone(x, &b);
    plan_statuses(x, is_window_closed);
}

static void answer_accepted(const struct accepted *x, struct resp *resp) {
    struct json_out o;
    struct buf b;

    buf_init(&b, 16 << 10);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_str(&o, "messaging_product", STR("whatsapp"));
    json_arr(&o, "contacts");
    json_obj(&o, NULL);
    json_put_str(&o, "input", x->to);
    json_put_str(&o, x->is_user_id ? "user_id" : "wa_id", x->key);
    json_end(&o);
    json_end(&o);
    json_arr(&o, "messages");
    json_obj(&o, NULL);
    json_put_str(&o, "id", x->wamid);
    if (x->is_template)
        json_put_str(&o, "message_status", STR("accepted"));
    json_end(&o);
    json_end(&o);
    json_end(&o);
    resp_json(x->r, resp, 200, &b);
    buf_done(&b);
}

/* The customer sees the ticks of this message and those before turn blue. */
static void mark_read(struct sim *s, const struct json *m) {
    struct str id = json_str(json_get(m, "message_id"));
    bool types = json_get(m, "typing_indicator") != NULL;
    struct phone *p = phone_of_message(s, id);

    s->sends.reads++;
    if (!p)
        return;
    LIST_EACH(&p->bubbles, n) {
        struct bubble *b = LIST_ITEM(n, struct bubble, node);

        if (!b->is_out)
            phone_status(p, b, STR("read"));
        if (str_eq(b->id, id))
            break;
    }
    p->typing_until_ms = types ? clock_now_ms() + 25000 : p->typing_until_ms;
    phone_changed(s, p);
}

static struct accepted accepted_from(struct sim *s, struct req *r, const struct json *m) {
    struct str to = json_str(json_get(m, "to"));
    struct str type = json_str(json_get(m, "type"));
    struct accepted x = {
        .sim = s,
        .r = r,
        .m = m,
        .sender = req_param(r, "id"),
        .to = to.len > 0 ? to : json_str(json_get(m, "recipient")),
        .is_user_id = to.len == 0,
        .type = type.len > 0 ? type : STR("text"),
    };

    x.key = x.is_user_id ? x.to : phone_wa_id(r->arena, to);
    x.is_template = str_eq(x.type, STR("template"));
    return x;
}

/* Under the lock. Decides what happens to the message and fills resp. */
static void take_message(struct sim *s, struct req *r, const struct json *m, struct resp *resp) {
    struct graph_error error = {0};
    enum fate fate = fate_choose(
        s, (struct fate_codes){.error = s->behaviour.error_code, .too_fast = 130429}, &error);
    struct accepted x;
    bool is_closed;

    if (fate == FATE_STALLED || fate == FATE_CUT) {
        fate_cut(s, r, resp, fate);
        return;
    }
    if (fate == FATE_REFUSED || !check_message(s, r->arena, m, &error)) {
        s->sends.rejected++;
        graph_refuse(r, resp, error);
        return;
    }
    x = accepted_from(s, r, m);
    is_closed = is_window_closed(s, &x);
    if (is_closed && s->behaviour.window == WINDOW_ERROR) {
        s->sends.rejected++;
        graph_refuse(r, resp,
                     (struct graph_error){
                         .code = 131047,
                         .details = STR("More than 24 hours have passed since the recipient last "
                                        "replied to the sender number.")});
        return;
    }
    accept_message(&x, is_closed);
    if (fate == FATE_CUT_AFTER) {
        fate_cut(s, r, resp, fate);
        return;
    }
    answer_accepted(&x, resp);
    if (s->behaviour.accept_delay_ms > 0)
        answer_later(s, r, resp, s->behaviour.accept_delay_ms);
}

static void success(struct resp *resp) {
    resp_text(resp, 200, STR("{\"success\":true}"));
    resp->content_type = STR("application/json");
}

/* POST /{version}/{phone-number-id}/messages */
enum status graph_messages(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);
    const struct json *m;

    if (!graph_admit(s, r, resp))
        return ST_OK;
    if (sim_body(r, &m, e) != ST_OK) {
        err_clear(e);
        graph_refuse(r, resp, (struct graph_error){.code = 100, .details = STR("Malformed JSON")});
        return ST_OK;
    }
    sim_lock(s);
    if (str_eq(json_str(json_get(m, "status")), STR("read"))) {
        mark_read(s, m);
        success(resp);
    } else {
        take_message(s, r, m, resp);
    }
    sim_unlock(s);
    return ST_OK;
}

/* --- the rest -------------------------------------------------------------------------------- */

static void write_media(struct sim *s, const struct media *m, struct json_out *o) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};

    json_obj(o, NULL);
    json_put_str(o, "messaging_product", STR("whatsapp"));
    json_put_str(
        o, "url",
        arena_printf(&a, "%.*s/sim/attachments?mid=%.*s", STR_ARG(s->address), STR_ARG(m->id)));
    json_put_str(o, "mime_type", m->mime);
    json_put_str(o, "sha256", (struct str){.ptr = m->sha256, .len = sizeof(m->sha256)});
    json_put_i64(o, "file_size", (int64_t)m->bytes.len);
    json_put_str(o, "id", m->id);
    json_end(o);
}

static void write_number(const struct sim *s, struct str id, struct json_out *o) {
    json_obj(o, NULL);
    json_put_str(o, "id", id);
    json_put_str(o, "display_phone_number", s->options.display_phone_number);
    json_put_str(o, "verified_name", STR("Prosa"));
    json_put_str(o, "quality_rating", STR("GREEN"));
    json_put_str(o, "code_verification_status", STR("VERIFIED"));
    json_put_str(o, "platform_type", STR("CLOUD_API"));
    json_put_str(o, "name_status", STR("APPROVED"));
    json_obj(o, "throughput");
    json_put_str(o, "level", STR("STANDARD"));
    json_end(o);
    json_end(o);
}

/* Ids as media_add() makes them; those of numbers are shorter. */
static bool is_media_id(struct str id) {
    return id.len == MEDIA_ID_DIGITS && id.ptr[0] == '9';
}

/* GET /{version}/{id}: a media file, else a phone number. */
enum status graph_object(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);
    const struct media *m;
    struct json_out o;
    struct buf b;

    (void)e;
    if (!graph_admit(s, r, resp))
        return ST_OK;
    buf_init(&b, 16 << 10);
    json_out_init(&o, &b);
    sim_lock(s);
    m = media_find(s, req_param(r, "id"));
    if (m)
        write_media(s, m, &o);
    else if (!is_media_id(req_param(r, "id")))
        write_number(s, req_param(r, "id"), &o);
    sim_unlock(s);
    if (b.len > 0)
        resp_json(r, resp, 200, &b);
    else
        graph_refuse(r, resp,
                     (struct graph_error){.code = 100,
                                          .subcode = 33,
                                          .details = STR("Object with that ID does not exist")});
    buf_done(&b);
    return ST_OK;
}

enum status graph_delete(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    (void)e;
    if (graph_admit(sim_of(app), r, resp))
        success(resp);
    return ST_OK;
}

/* POST …/register, /deregister, /subscribed_apps: nothing to do here. */
enum status graph_success(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    return graph_delete(app, r, resp, e);
}

enum status graph_phone_numbers(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);
    struct json_out o;
    struct buf b;

    (void)e;
    if (!graph_admit(s, r, resp))
        return ST_OK;
    buf_init(&b, 16 << 10);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_arr(&o, "data");
    write_number(s, s->options.phone_number_id, &o);
    json_end(&o);
    json_end(&o);
    resp_json(r, resp, 200, &b);
    buf_done(&b);
    return ST_OK;
}

enum status graph_subscribed(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    (void)e;
    if (!graph_admit(sim_of(app), r, resp))
        return ST_OK;
    resp_text(resp, 200,
              STR("{\"data\":[{\"whatsapp_business_api_data\":{\"id\":\"1\",\"name\":\"prosa\","
                  "\"link\":\"https://example.test/\"}}]}"));
    resp->content_type = STR("application/json");
    return ST_OK;
}
