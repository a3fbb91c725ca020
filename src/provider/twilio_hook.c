/* twilio_hook.c - which address is entered at Twilio for messages that come in: the messaging service's, unless it leaves that to
 * its senders; else the WhatsApp sender's. A number that is no such sender gets text messages (SMS) at best.
 * Sources: Twilio's references of the resources Services (Messaging v1), Senders (Messaging v2) and IncomingPhoneNumbers
 * (April 2026).
 * SPDX-License-Identifier: Apache-2.0 */
#include "provider/twilio.h"

#define MESSAGING_API "https://messaging.twilio.com"

enum {
    PATH_MAX_BYTES = 3000,
    URL_SHOWN_BYTES = 300,
    REPLY_BYTES = 4 << 20, /* a thousand senders with their profiles */
};

/* --- asking ----------------------------------------------------------------------------------- */

/* What is asked, and by which word an answer leads there. */
enum stage { STAGE_SERVICE, STAGE_SENDERS, STAGE_NUMBER };
#define AFTER_SENDERS "senders?" /* behind it the query of the page */
#define AFTER_NUMBER  "number"
#define FIRST_PAGE    "Channel=whatsapp&PageSize=1000"

static enum stage stage_of(const struct channel *ch, struct str after) {
    if (str_eq(after, STR(AFTER_NUMBER)))
        return STAGE_NUMBER;
    return after.len == 0 && ch->service.len > 0 ? STAGE_SERVICE : STAGE_SENDERS;
}

static struct str path_of(struct arena *a, const struct channel *ch, struct str after) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = PATH_MAX_BYTES};

    switch (stage_of(ch, after)) {
    case STAGE_SERVICE:
        buf_printf(&b, "/v1/Services/%.*s", STR_ARG(ch->service));
        break;
    case STAGE_SENDERS:
        (void)str_eat(&after, STR(AFTER_SENDERS));
        buf_add(&b, STR("/v2/Channels/Senders?"));
        buf_add(&b, after.len > 0 ? after : STR(FIRST_PAGE));
        break;
    case STAGE_NUMBER:
        buf_printf(&b,
                   "/2010-04-01/Accounts/%.*s/IncomingPhoneNumbers.json?PageSize=1&PhoneNumber=",
                   STR_ARG(ch->owner));
        buf_add(&b, STR("%2B"));
        form_escape(&b, ch->address);
        break;
    }
    return b.overflown ? STR_EMPTY : arena_str(a, buf_str(&b));
}

enum status twilio_ask_hook(struct arena *a, const struct channel *ch, struct str after,
                            struct http_call *ret, struct err *e) {
    struct str path = path_of(a, ch, after);

    if (path.len == 0)
        FAIL(e, ST_INVALID, "the account's address is too long");
    TRY(twilio_start_call(a, ch, "GET",
                          stage_of(ch, after) == STAGE_NUMBER ? TWILIO_API : MESSAGING_API, path,
                          ret, e));
    ret->max_reply_bytes = REPLY_BYTES;
    return ST_OK;
}

/* --- what is entered -------------------------------------------------------------------------- */

/* Where it can be entered. */
struct place {
    const char *word, *name;
};
static const struct place service_place = {"service", "messaging service"};
static const struct place sender_place = {"sender", "WhatsApp sender"};

/* What is no character of a URL is shown as "*". */
static struct str printable(struct arena *a, struct str s) {
    char *out = arena_alloc(a, s.len + 1);

    for (size_t i = 0; i < s.len; i++)
        out[i] = s.ptr[i] > ' ' && s.ptr[i] <= '~' ? s.ptr[i] : '*';
    return (struct str){.ptr = out, .len = s.len};
}

/* A URL may carry a password, or a token in its query: neither is shown. */
static struct str shown(struct arena *a, struct str url) {
    struct str rest = printable(a, str_sub(url, 0, URL_SHOWN_BYTES)), text;
    struct twilio_url u;
    bool is_cut = url.len > URL_SHOWN_BYTES;

    (void)str_cut(&rest, '#', &text);
    rest = text;
    is_cut |= str_cut(&rest, '?', &text);
    if (twilio_split_url(text, &u) && str_contains(u.begin, STR("@")))
        text = arena_printf(a, "%s***@%.*s%s%.*s%.*s", u.is_https ? "https://" : "http://",
                            STR_ARG(u.host), u.port.len > 0 ? ":" : "", STR_ARG(u.port),
                            STR_ARG(u.rest));
    return is_cut ? arena_printf(a, "%.*s…", STR_ARG(text)) : text;
}

static bool is_standard_port(const struct twilio_url *u) {
    return u->port.len == 0 || str_eq(u->port, u->is_https ? STR("443") : STR("80"));
}

/* Twilio signs the URL as it stands there, and our public URL is what its signature is held to: as there, but for a query
 * and what is behind "#". */
static bool leads_here(struct str entered, struct str ours) {
    struct str url = entered, rest = entered;
    struct twilio_url a, b;

    (void)str_cut(&rest, '#', &url);
    rest = url;
    (void)str_cut(&rest, '?', &url);
    if (!twilio_split_url(url, &a) || !twilio_split_url(ours, &b))
        return false;
    return str_eq(a.begin, b.begin) && str_eq(a.host, b.host) && str_eq(a.rest, b.rest) &&
           (str_eq(a.port, b.port) || (is_standard_port(&a) && is_standard_port(&b)));
}

static void compare(struct arena *a, const struct channel *ch, const struct place *place,
                    const struct json *url, const struct json *method, struct hook_answer *ret) {
    struct str at = str_trim(json_str(url)), how = json_str(method);
    bool is_post = how.len == 0 || str_eq_nocase(how, STR("POST"));

    *ret = (struct hook_answer){.outcome = HOOK_OTHER, .place = str_of(place->word)};
    if (at.len == 0) {
        ret->outcome = HOOK_MISSING;
        ret->reason =
            arena_printf(a, "the %s has no address for messages that come in", place->name);
    } else if (!leads_here(at, ch->hook_url)) {
        ret->found = shown(a, at);
        ret->reason =
            arena_printf(a, "the %s calls another address, %.*s", place->name, STR_ARG(ret->found));
    } else if (!is_post) {
        ret->found = arena_printf(a, "%.*s %.*s", STR_ARG(printable(a, str_sub(how, 0, 10))),
                                  STR_ARG(shown(a, at)));
        ret->reason = arena_printf(a, "the %s calls this address, but not by POST", place->name);
    } else {
        ret->outcome = HOOK_ENTERED;
        ret->found = shown(a, at);
        ret->reason = arena_printf(a, "the %s calls this address", place->name);
        return;
    }
    ret->advice = arena_printf(a,
                               "at Twilio, enter %.*s#rc=3&rp=all for the %s where a message comes"
                               " in, by POST",
                               STR_ARG(ch->hook_url), place->name);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void no_sender(struct hook_answer *ret, const char *cause, struct str reason,
                      const char *advice) {
    *ret = (struct hook_answer){.outcome = HOOK_NO_SENDER,
                                .cause = str_of(cause),
                                .reason = reason,
                                .advice = str_of(advice)};
}

static void ask_on(struct hook_answer *ret, struct str next) {
    *ret = (struct hook_answer){.outcome = HOOK_ASK_ON, .next = next};
}

static bool read_service(struct arena *a, const struct channel *ch, const struct json *body,
                         struct hook_answer *ret) {
    if (json_str(json_get(body, "sid")).len == 0)
        return false;
    if (json_bool(json_get(body, "use_inbound_webhook_on_number"), false))
        ask_on(ret, STR(AFTER_SENDERS));
    else
        compare(a, ch, &service_place, json_get(body, "inbound_request_url"),
                json_get(body, "inbound_method"), ret);
    return true;
}

static bool is_ours(struct arena *a, const struct channel *ch, const struct json *sender) {
    struct str digits = twilio_digits(json_str(json_get(sender, "sender_id")));

    return digits.len > 0 && str_eq(phone_key(a, digits), phone_key(a, ch->address));
}

static bool read_senders(struct arena *a, const struct channel *ch, const struct json *body,
                         struct hook_answer *ret) {
    const struct json *list = json_get(body, "senders");
    struct str next = twilio_next_query(body);

    if (json_type(list) != JSON_ARRAY)
        return false;
    for (size_t i = 0; i < json_len(list); i++) {
        const struct json *hook = json_get(json_at(list, i), "webhook");

        if (!is_ours(a, ch, json_at(list, i)))
            continue;
        compare(a, ch, &sender_place, json_get(hook, "callback_url"),
                json_get(hook, "callback_method"), ret);
        return true;
    }
    ask_on(ret,
           next.len > 0 ? arena_printf(a, AFTER_SENDERS "%.*s", STR_ARG(next)) : STR(AFTER_NUMBER));
    return true;
}

static bool read_number(struct arena *a, const struct json *body, struct hook_answer *ret) {
    const struct json *list = json_get(body, "incoming_phone_numbers");
    struct str url = str_trim(json_str(json_get(json_at(list, 0), "sms_url")));

    if (json_type(list) != JSON_ARRAY)
        return false;
    if (json_len(list) == 0)
        no_sender(ret, "no-number",
                  STR("the account has neither a WhatsApp sender nor a number like this"),
                  "check the account's address and account_sid; the address of Twilio's sandbox is"
                  " told by its console alone");
    else if (url.len == 0)
        no_sender(ret, "not-whatsapp", STR("the number is Twilio's, but no WhatsApp sender"),
                  "register it at Twilio as a WhatsApp sender");
    else
        no_sender(ret, "not-whatsapp",
                  arena_printf(a,
                               "the number is Twilio's, but no WhatsApp sender: only its text"
                               " messages (SMS) go to %.*s",
                               STR_ARG(shown(a, url))),
                  "register it at Twilio as a WhatsApp sender");
    return true;
}

static void not_told(struct arena *a, const struct channel *ch, const struct http_reply *reply,
                     enum stage stage, struct hook_answer *ret) {
    bool is_answer = reply->phase == HTTP_REPLIED;

    *ret = (struct hook_answer){
        .outcome = HOOK_NOT_TOLD,
        .reason = is_answer ? arena_printf(a, "Twilio does not tell which address is entered (%u)",
                                           reply->status)
                            : STR("Twilio could not be reached"),
        .advice = STR("try again later"),
    };
    if (is_answer && (reply->status == 401 || reply->status == 403)) {
        ret->outcome = HOOK_DENIED;
        ret->reason = STR("these credentials may not read which address is entered");
        ret->advice = arena_printf(a,
                                   "look in Twilio's console whether it is %.*s, or give the API"
                                   " key the right to read messaging services and senders",
                                   STR_ARG(ch->hook_url));
    } else if (is_answer && reply->status == 404 && stage == STAGE_SERVICE) {
        no_sender(ret, "no-service", STR("the account has no such messaging service"),
                  "check the account's messaging_service_sid");
    }
}

void twilio_judge_hook(struct arena *a, const struct channel *ch, struct str after,
                       const struct http_reply *reply, struct hook_answer *ret) {
    bool is_good = reply->phase == HTTP_REPLIED && reply->status >= 200 && reply->status < 300;
    const struct json *body = is_good ? twilio_read_reply(a, reply) : NULL;
    enum stage stage = stage_of(ch, after);
    bool is_understood = false;

    switch (stage) {
    case STAGE_SERVICE:
        is_understood = read_service(a, ch, body, ret);
        break;
    case STAGE_SENDERS:
        is_understood = read_senders(a, ch, body, ret);
        break;
    case STAGE_NUMBER:
        is_understood = read_number(a, body, ret);
        break;
    }
    if (!is_understood)
        not_told(a, ch, reply, stage, ret);
}
