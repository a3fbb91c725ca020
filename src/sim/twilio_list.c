/* twilio_list.c - messages of the fake Twilio as they are asked for afterwards, and the files that
 * came with them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "sim/twilio.h"

enum { LIST_MAX = 1000, LIST_DEFAULT = 50, LIST_BYTES = 4 << 20 };

static const struct bubble *bubble_of(struct sim *s, struct str sid) {
    struct phone *p = twilio_phone_of(s, sid);

    return p ? phone_bubble(p, sid) : NULL;
}

static const struct send *send_of(const struct sim *s, struct str sid) {
    for (int64_t i = s->sends.accepted; i > 0 && i > s->sends.accepted - SENDS_MAX; i--) {
        const struct send *one = s->sends.ring[(i - 1) % SENDS_MAX];

        if (str_eq(one->wamid, sid))
            return one;
    }
    return NULL;
}

static void write_message(struct sim *s, struct arena *a, struct json_out *o,
                          const struct send *one) {
    const struct bubble *b = bubble_of(s, one->wamid);
    struct str at = twilio_date(a, one->at_ms);

    json_obj(o, NULL);
    json_put_str(o, "account_sid", s->twilio->account_sid);
    json_put_str(o, "api_version", STR("2010-04-01"));
    json_put_str(o, "body", one->text);
    json_put_str(o, "date_created", at);
    json_put_str(o, "date_sent", at);
    json_put_str(o, "date_updated", at);
    json_put_str(o, "direction", STR("outbound-api"));
    json_put_null(o, "error_code");
    json_put_null(o, "error_message");
    json_put_str(o, "from", one->sender);
    json_put_null(o, "messaging_service_sid");
    json_put_str(o, "num_media", str_eq(one->type, STR("media")) ? STR("1") : STR("0"));
    json_put_str(o, "num_segments", STR("1"));
    json_put_null(o, "price");
    json_put_null(o, "price_unit");
    json_put_str(o, "sid", one->wamid);
    json_put_str(o, "status", b && b->status ? str_of(b->status) : STR("queued"));
    json_put_str(o, "to", one->to);
    json_put_str(o, "uri",
                 arena_printf(a, "/2010-04-01/Accounts/%.*s/Messages/%.*s.json",
                              STR_ARG(s->twilio->account_sid), STR_ARG(one->wamid)));
    json_end(o);
}

static bool is_wanted(const struct req *r, const struct send *one) {
    struct str to = req_query(r, "To");

    return (str_starts(one->wamid, STR("SM")) || str_starts(one->wamid, STR("MM"))) &&
           (to.len == 0 || str_eq(to, one->to));
}

/* GET …/Messages.json?To=…&PageSize=…, newest first; one page. */
enum status twilio_messages_get(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = LIST_BYTES};
    int64_t left = LIST_DEFAULT;
    struct json_out o;

    (void)e;
    (void)str_parse_i64(req_query(r, "PageSize"), 1, LIST_MAX, &left);
    if (!twilio_admit(s, r, resp))
        return ST_OK;
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_arr(&o, "messages");
    sim_lock(s);
    for (int64_t i = s->sends.accepted; i > 0 && i > s->sends.accepted - SENDS_MAX && left > 0;
         i--) {
        const struct send *one = s->sends.ring[(i - 1) % SENDS_MAX];

        if (!is_wanted(r, one))
            continue;
        write_message(s, r->arena, &o, one);
        left--;
    }
    sim_unlock(s);
    json_end(&o);
    json_put_null(&o, "next_page_uri");
    json_end(&o);
    resp_json(r, resp, 200, &b);
    return ST_OK;
}

/* GET …/Messages/{sid}.json */
enum status twilio_message_get(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = LIST_BYTES};
    struct str sid = req_param(r, "message");
    const struct send *one;
    struct json_out o;

    (void)e;
    if (!twilio_admit(s, r, resp))
        return ST_OK;
    json_out_init(&o, &b);
    sim_lock(s);
    one = str_ends(sid, STR(".json")) ? send_of(s, str_sub(sid, 0, sid.len - 5)) : NULL;
    if (one)
        write_message(s, r->arena, &o, one);
    sim_unlock(s);
    if (b.len > 0)
        resp_json(r, resp, 200, &b);
    else
        twilio_refuse(r, resp, (struct twilio_error){.code = 20404});
    return ST_OK;
}

/* GET …/Messages/{sid}/Media/{ME…}: sends on to where the bytes are, which needs no credentials. */
enum status twilio_media_get(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);
    struct str sid = req_param(r, "media");
    bool is_there;

    (void)e;
    if (!twilio_admit(s, r, resp))
        return ST_OK;
    sid = str_sub(sid, sid.len > MEDIA_ID_DIGITS ? sid.len - MEDIA_ID_DIGITS : 0, sid.len);
    sim_lock(s);
    is_there = media_find(s, sid) != NULL;
    sim_unlock(s);
    if (!is_there) {
        twilio_refuse(r, resp, (struct twilio_error){.code = 20404});
        return ST_OK;
    }
    resp_text(resp, 307, STR_EMPTY);
    resp_header(
        resp, "Location",
        arena_printf(r->arena, "%.*s/sim/media?id=%.*s", STR_ARG(s->address), STR_ARG(sid)));
    return ST_OK;
}
