/* smtp.c - one mail to its server: refused, accepted, or nobody knows.
 *
 * What decides: has the whole text been given to the connection? Before that the server cannot have taken the mail, since its end
 * is missing (RFC 5321 §4.1.1.4); after that only its answer tells.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "mail/imap.h"
#include "mail/internal.h"
#include "mime/mime.h"
#include "provider/email.h"
#include "stats/stats.h"

enum { REPLY_TEXT_MAX = 500 };

#define MAILS(outcome)                                                                             \
    STATS_COUNTER_L("prosa_mails_total", "Mails handed to SMTP servers, by outcome.",              \
                    "outcome=\"" outcome "\"")
static struct stats_counter mails_accepted = MAILS("accepted");
static struct stats_counter mails_retried = MAILS("retry");
static struct stats_counter mails_rejected = MAILS("rejected");
static struct stats_counter mails_blocked = MAILS("blocked");
static struct stats_counter mails_uncertain = MAILS("uncertain");

struct sending {
    struct arena *a;
    struct str bytes;
    size_t given;      /* to libcurl */
    bool is_whole;     /* all of it */
    bool was_answered; /* after that */
    bool is_addressed; /* the recipient was named: what is refused from here on may be about it */
    unsigned code;     /* of the last reply */
    struct str text;
};

static size_t on_read(char *to, size_t size, size_t n, void *ctx) {
    struct sending *s = ctx;
    size_t room = size * n, left = s->bytes.len - s->given;
    size_t take = left < room ? left : room;

    memcpy(to, s->bytes.ptr + s->given, take);
    s->given += take;
    s->is_whole = s->given == s->bytes.len;
    return take;
}

/* A line of a reply: "250-SIZE 35882577", "550 5.1.1 no such user". */
static size_t on_line(char *ptr, size_t size, size_t n, void *ctx) {
    struct sending *s = ctx;
    struct str line = str_trim((struct str){.ptr = ptr, .len = size * n});
    uint64_t code;

    /* 221 answers the QUIT that libcurl says after a refusal: it is not what became of the mail. */
    if (str_eat_u64(&line, 599, &code) && code >= 200 && code != 221) {
        if (code != s->code || s->is_whole != s->was_answered)
            s->text = arena_str(s->a, utf8_repair(s->a, str_sub(line, 1, REPLY_TEXT_MAX)));
        s->code = (unsigned)code;
        s->was_answered = s->is_whole;
    }
    return size * n;
}

/* What libcurl says to the server; only the verb is looked at. */
static int on_debug(CURL *easy, curl_infotype type, char *ptr, size_t n, void *ctx) {
    struct sending *s = ctx;

    (void)easy;
    if (type == CURLINFO_HEADER_OUT && str_starts((struct str){.ptr = ptr, .len = n}, STR("RCPT ")))
        s->is_addressed = true;
    return 0;
}

static CURLcode run(struct conn *c, struct arena *a, const struct dial *dial,
                    const struct mail_call *call, struct sending *s) {
    struct curl_slist to = {.data = arena_cstr(a, call->to)};

    *s = (struct sending){.a = a, .bytes = call->bytes};
    conn_set_url(c, a, dial, mime_domain(call->from));
    SET(c->easy, CURLOPT_UPLOAD, 1L);
    SET(c->easy, CURLOPT_MAIL_FROM, arena_cstr(a, call->from));
    SET(c->easy, CURLOPT_MAIL_RCPT, &to);
    SET(c->easy, CURLOPT_READFUNCTION, on_read);
    SET(c->easy, CURLOPT_READDATA, s);
    SET(c->easy, CURLOPT_HEADERFUNCTION, on_line);
    SET(c->easy, CURLOPT_HEADERDATA, s);
    SET(c->easy, CURLOPT_DEBUGFUNCTION, on_debug);
    SET(c->easy, CURLOPT_DEBUGDATA, s);
    SET(c->easy, CURLOPT_VERBOSE, 1L);
    SET(c->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->bytes.len);
    return conn_perform(c, dial);
}

/* "454 not now" in answer to AUTH or STARTTLS: name, password and settings may be right (RFC 4954 §6, RFC 3207 §4). */
static void read_failure(struct arena *a, const struct conn *c, CURLcode code,
                         const struct sending *s, struct mail_reply *ret) {
    *ret = (struct mail_reply){0};
    conn_failure(c, a, code, ret);
    if (s->code >= 400 && s->code < 500)
        ret->is_login = ret->is_config = false;
}

static bool is_reply(const struct sending *s) {
    return s->is_whole ? s->was_answered : s->code >= 400;
}

static void read_reply(struct arena *a, const struct conn *c, CURLcode code,
                       const struct sending *s, struct mail_reply *ret) {
    read_failure(a, c, code, s, ret);
    if (s->is_whole)
        ret->phase = s->was_answered ? HTTP_REPLIED : HTTP_CUT;
    if (is_reply(s)) {
        ret->code = s->code;
        ret->text = s->text;
    }
    ret->is_sender = s->code >= 500 && !s->is_addressed;
}

/* On a kept connection that turns out dead nothing has been said yet: once more, on a new one. */
static bool was_dead(const struct conn *c, CURLcode code, const struct sending *s) {
    return c->is_used && code != CURLE_OK && code != CURLE_LOGIN_DENIED && s->given == 0 &&
           s->code < 400;
}

static bool transmit(struct mailer *m, struct arena *a, const struct dial *dial,
                     const struct mail_call *call, struct mail_reply *ret, struct err *e) {
    struct sending s;
    struct conn *c;
    CURLcode code;

    if (conn_take(m, a, dial, &c, e) != ST_OK)
        return false;
    code = run(c, a, dial, call, &s);
    if (was_dead(c, code, &s)) {
        SET(c->easy, CURLOPT_FRESH_CONNECT, 1L);
        code = run(c, a, dial, call, &s);
    }
    read_reply(a, c, code, &s, ret);
    c->is_used = true;
    conn_give(m, c, code == CURLE_OK);
    return true;
}

/* --- one mail ---------------------------------------------------------------------------------------- */

static void count(enum send_outcome outcome) {
    static struct stats_counter *const by_outcome[] = {
        [SEND_ACCEPTED] = &mails_accepted,   [SEND_RETRY] = &mails_retried,
        [SEND_REJECTED] = &mails_rejected,   [SEND_BLOCKED] = &mails_blocked,
        [SEND_UNCERTAIN] = &mails_uncertain,
    };

    stats_add(by_outcome[outcome], 1);
}

static enum status check_gate(struct mailer *m, enum reach reach, struct err *e) {
    if (reach == REACH_UNSET)
        FAIL(e, ST_BROKEN, "could not send a mail: nobody said whom it reaches");
    if (gate_permits(httpc_gate(mailer_options(m)->httpc), reach))
        return ST_OK;
    e->cause = "gate-closed";
    FAIL(e, ST_DENIED, "could not send a mail: PROSA_OUTBOUND does not permit it");
}

static void not_tried(struct arena *a, enum status st, const struct err *why,
                      struct send_result *ret) {
    *ret = (struct send_result){
        .outcome = st == ST_INVALID ? SEND_BLOCKED : SEND_RETRY,
        .cause = str_of(why->cause ? why->cause : "mail-settings"),
        .reason = arena_str(a, str_of(why->message)),
    };
}

struct str mail_message_id(struct arena *a, const struct channel *ch, struct str correlation) {
    return email_message_id(a, ch->address, correlation);
}

static enum status deliver(struct mailer *m, struct arena *a, const struct channel *ch,
                           const struct mail_call *call, struct send_result *ret) {
    const struct dial dial = {
        .protocol = PROTOCOL_SMTP,
        .server = &ch->mail->smtp,
        .account = ch->mail->account,
        .max = ch->mail->max_connections,
        .deadline_ms = clock_mono_ms() + mailer_options(m)->timeout_ms,
    };
    struct mail_reply reply;
    struct err why = ERR_INIT;

    if (!transmit(m, a, &dial, call, &reply, &why)) {
        not_tried(a, why.status, &why, ret);
        return ST_OK;
    }
    provider_email.judge_mail(a, &reply, ret);
    if (ret->outcome == SEND_ACCEPTED)
        ret->message_id = call->message_id;
    return ST_OK;
}

enum status mail_send(struct mailer *m, struct arena *a, const struct channel *ch,
                      const struct outgoing *msg, enum reach reach, struct send_result *ret,
                      struct err *e) {
    struct outgoing dated = *msg;
    struct mail_call call;
    struct err why = ERR_INIT;

    if (!ch->mail)
        FAIL(e, ST_BROKEN, "could not send a mail: the account is no e-mail account");
    TRY(check_gate(m, reach, e));
    if (dated.at_ms == 0)
        dated.at_ms = clock_now_ms();
    if (provider_email.build_mail(a, ch, &dated, &call, &why) != ST_OK) {
        *ret = (struct send_result){.outcome = SEND_REJECTED,
                                    .cause = STR("content-refused"),
                                    .reason = arena_str(a, str_of(why.message))};
        return ST_OK;
    }
    TRY(deliver(m, a, ch, &call, ret));
    count(ret->outcome);
    return ST_OK;
}

/* --- login ---------------------------------------------------------------------------------------------- */

/* ret->outcome is SEND_ACCEPTED when the SMTP server lets us in. */
void smtp_probe(struct mailer *m, struct arena *a, const struct channel *ch,
                struct send_result *ret) {
    const struct dial dial = {
        .protocol = PROTOCOL_SMTP,
        .server = &ch->mail->smtp,
        .account = ch->mail->account,
        .max = 1000, /* no mail: it need not wait behind those */
        .deadline_ms = clock_mono_ms() + mailer_options(m)->timeout_ms,
    };
    struct sending s = {.a = a};
    struct mail_reply reply = {0};
    struct err why = ERR_INIT;
    struct conn *c;
    CURLcode code;

    if (conn_take(m, a, &dial, &c, &why) != ST_OK) {
        not_tried(a, why.status, &why, ret);
        return;
    }
    conn_set_url(c, a, &dial, mime_domain(ch->address));
    SET(c->easy, CURLOPT_CUSTOMREQUEST, "NOOP");
    SET(c->easy, CURLOPT_HEADERFUNCTION, on_line);
    SET(c->easy, CURLOPT_HEADERDATA, &s);
    SET(c->easy, CURLOPT_NOBODY, 1L);
    SET(c->easy, CURLOPT_FRESH_CONNECT, 1L); /* a kept one proves nothing of today's password */
    code = conn_perform(c, &dial);
    read_reply(a, c, code, &s, &reply);
    if (code == CURLE_OK)
        reply = (struct mail_reply){.phase = HTTP_REPLIED, .code = s.code, .text = s.text};
    conn_give(m, c, false);
    provider_email.judge_mail(a, &reply, ret);
}
