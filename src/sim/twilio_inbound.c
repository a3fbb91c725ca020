/* twilio_inbound.c - which address is entered at the fake Twilio for messages that come in, and the resources by which that is
 * read: messaging services, WhatsApp senders, phone numbers. A message goes where they say.
 * Sources: Twilio's references of Services (Messaging v1), Senders (Messaging v2) and IncomingPhoneNumbers.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/clock.h"
#include "sim/twilio.h"

enum { ANSWER_BYTES = 256 << 10 };

/* --- life, settings -------------------------------------------------------------------------- */

static void clear_list(struct str *list, size_t *n) {
    for (size_t i = 0; i < *n; i++)
        disown(&list[i]);
    *n = 0;
}

/* An array of texts takes the list's place; anything else leaves it. */
static void set_list(struct str *list, size_t *n, const struct json *v) {
    if (json_type(v) != JSON_ARRAY)
        return;
    clear_list(list, n);
    for (size_t i = 0; i < json_len(v) && *n < TWILIO_LIST_MAX; i++)
        list[(*n)++] = own(json_str(json_at(v, i)));
}

void inbound_init(struct twilio_inbound *in, const struct sim_options *options) {
    struct str number =
        options->display_phone_number.len > 0 ? options->display_phone_number : STR("551130000100");

    *in = (struct twilio_inbound){.webhook_url = own(options->twilio_webhook_url)};
    in->senders[in->n_senders++] = own(number);
    in->numbers[in->n_numbers++] = own(number);
}

void inbound_done(struct twilio_inbound *in) {
    clear_list(in->senders, &in->n_senders);
    clear_list(in->numbers, &in->n_numbers);
    disown(&in->webhook_url);
    disown(&in->sms_url);
    disown(&in->service_sid);
    disown(&in->service_url);
}

/* {"webhook_url"?, "senders"?: [digits], "numbers"?: [digits], "sms_url"?, "service_sid"?, "service_url"?,
 * "is_left_to_sender"?, "is_key_restricted"?} */
void inbound_set(struct twilio_inbound *in, const struct json *v) {
    twilio_set_text(&in->webhook_url, json_get(v, "webhook_url"));
    twilio_set_text(&in->sms_url, json_get(v, "sms_url"));
    twilio_set_text(&in->service_sid, json_get(v, "service_sid"));
    twilio_set_text(&in->service_url, json_get(v, "service_url"));
    set_list(in->senders, &in->n_senders, json_get(v, "senders"));
    set_list(in->numbers, &in->n_numbers, json_get(v, "numbers"));
    in->is_left_to_sender = json_bool(json_get(v, "is_left_to_sender"), in->is_left_to_sender);
    in->is_key_restricted = json_bool(json_get(v, "is_key_restricted"), in->is_key_restricted);
}

struct str inbound_url(const struct twilio_inbound *in) {
    return in->service_sid.len > 0 && !in->is_left_to_sender ? in->service_url : in->webhook_url;
}

/* --- reading --------------------------------------------------------------------------------- */

static bool admit(struct sim *s, const struct req *r, struct resp *resp) {
    bool is_restricted;

    if (!twilio_admit(s, r, resp))
        return false;
    sim_lock(s);
    is_restricted = s->twilio->inbound.is_key_restricted && twilio_is_key(r);
    sim_unlock(s);
    if (is_restricted)
        twilio_refuse(r, resp, (struct twilio_error){.code = 20403});
    return !is_restricted;
}

static struct str sid_of(struct arena *a, const char *prefix, struct str digits) {
    return arena_printf(a, "%s%032lld", prefix, strtoll(arena_cstr(a, digits), NULL, 10));
}

static void write_service(const struct twilio *t, struct json_out *o) {
    const struct twilio_inbound *in = &t->inbound;

    json_obj(o, NULL);
    json_put_str(o, "sid", in->service_sid);
    json_put_str(o, "account_sid", t->account_sid);
    json_put_str(o, "friendly_name", STR("Prosa"));
    json_put_str_or_null(o, "inbound_request_url", in->service_url);
    json_put_str(o, "inbound_method", STR("POST"));
    json_put_null(o, "fallback_url");
    json_put_null(o, "status_callback");
    json_put_bool(o, "use_inbound_webhook_on_number", in->is_left_to_sender);
    json_end(o);
}

/* GET /v1/Services/{sid} */
enum status twilio_service_get(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = ANSWER_BYTES};
    struct json_out o;

    (void)e;
    if (!admit(s, r, resp))
        return ST_OK;
    json_out_init(&o, &b);
    sim_lock(s);
    if (str_eq(req_param(r, "service"), s->twilio->inbound.service_sid))
        write_service(s->twilio, &o);
    sim_unlock(s);
    if (b.len > 0)
        resp_json(r, resp, 200, &b);
    else
        twilio_refuse(r, resp, (struct twilio_error){.code = 20404});
    return ST_OK;
}

static void write_sender(struct sim *s, struct arena *a, struct str digits, struct json_out *o) {
    struct str sid = sid_of(a, "XE", digits);

    json_obj(o, NULL);
    json_put_str(o, "sid", sid);
    json_put_str(o, "status", STR("ONLINE"));
    json_put_str(o, "sender_id", arena_printf(a, "whatsapp:+%.*s", STR_ARG(digits)));
    json_obj(o, "webhook");
    json_put_str_or_null(o, "callback_url", s->twilio->inbound.webhook_url);
    json_put_str(o, "callback_method", STR("POST"));
    json_put_null(o, "fallback_url");
    json_put_null(o, "status_callback_url");
    json_end(o);
    json_put_str(
        o, "url",
        arena_printf(a, "%.*s/v2/Channels/Senders/%.*s", STR_ARG(s->address), STR_ARG(sid)));
    json_end(o);
}

/* GET /v2/Channels/Senders?Channel=whatsapp */
enum status twilio_senders_get(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = ANSWER_BYTES};
    struct twilio_page page = {.key = "senders", .query = STR("Channel=whatsapp&")};
    struct json_out o;

    (void)e;
    if (!admit(s, r, resp))
        return ST_OK;
    if (!str_eq(req_query(r, "Channel"), STR("whatsapp"))) {
        twilio_refuse(r, resp, (struct twilio_error){.code = 20001});
        return ST_OK;
    }
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    sim_lock(s);
    page.n = s->twilio->inbound.n_senders;
    twilio_page_read(r, &page);
    json_arr(&o, page.key);
    for (size_t i = page.from; i < page.to; i++)
        write_sender(s, r->arena, s->twilio->inbound.senders[i], &o);
    json_end(&o);
    twilio_page_write(s, r, &page, &o);
    sim_unlock(s);
    json_end(&o);
    resp_json(r, resp, 200, &b);
    return ST_OK;
}

static void write_number(const struct twilio *t, struct arena *a, struct str digits,
                         struct json_out *o) {
    struct str sid = sid_of(a, "PN", digits), now = twilio_date(a, clock_now_ms());

    json_obj(o, NULL);
    json_put_str(o, "sid", sid);
    json_put_str(o, "account_sid", t->account_sid);
    json_put_str(o, "api_version", STR("2010-04-01"));
    json_put_str(o, "phone_number", arena_printf(a, "+%.*s", STR_ARG(digits)));
    json_put_str(o, "friendly_name", arena_printf(a, "+%.*s", STR_ARG(digits)));
    json_put_str(o, "sms_url", t->inbound.sms_url); /* "" when none is entered */
    json_put_str(o, "sms_method", STR("POST"));
    json_put_str(o, "sms_application_sid", STR_EMPTY);
    json_put_str(o, "status_callback", STR_EMPTY);
    json_put_str(o, "date_created", now);
    json_put_str(o, "date_updated", now);
    json_put_str(o, "uri",
                 arena_printf(a, "/2010-04-01/Accounts/%.*s/IncomingPhoneNumbers/%.*s.json",
                              STR_ARG(t->account_sid), STR_ARG(sid)));
    json_end(o);
}

/* GET …/IncomingPhoneNumbers.json?PhoneNumber=…; one page. */
enum status twilio_numbers_get(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = ANSWER_BYTES};
    struct str wanted = req_query(r, "PhoneNumber");
    struct json_out o;

    (void)e;
    if (!admit(s, r, resp))
        return ST_OK;
    (void)str_eat(&wanted, STR("+"));
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_arr(&o, "incoming_phone_numbers");
    sim_lock(s);
    for (size_t i = 0; i < s->twilio->inbound.n_numbers; i++) {
        struct str digits = s->twilio->inbound.numbers[i];

        if (wanted.len == 0 || str_contains(digits, wanted))
            write_number(s->twilio, r->arena, digits, &o);
    }
    sim_unlock(s);
    json_end(&o);
    json_put_null(&o, "next_page_uri");
    json_put_null(&o, "previous_page_uri");
    json_end(&o);
    resp_json(r, resp, 200, &b);
    return ST_OK;
}
