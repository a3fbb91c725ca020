/* email.c - the adapter to e-mail: its table, its ids and links, what a server's reply means. No call of http, so whatever of
 * that kind is asked of it is refused. Pure functions; any thread.
 * SPDX-License-Identifier: Apache-2.0 */
#include "provider/email.h"

#include <string.h>

#include "crypto/crypto.h"

#define LEAVE_WORD "unsubscribe"

enum {
    MAC_BYTES = 16,
    LEAVE_BYTES = 3 * UUID_BYTES,
    GREYLIST_MS = 60 * 1000, /* RFC 6647: servers that want a second try want it after minutes */
    QUOTA_MS = 60 * 60 * 1000,
};

/* --- ids ------------------------------------------------------------------------------------------- */

struct str email_message_id(struct arena *a, struct str address, struct str correlation) {
    struct str rest = correlation, kind, local, domain = address;
    struct uuid id;

    (void)str_cut(&domain, '@', &local);
    if (uuid_parse(correlation, &id))
        return arena_printf(a, "m.%.*s@%.*s", STR_ARG(correlation), STR_ARG(domain));
    if (str_cut(&rest, ':', &kind) && kind.len == 1 && uuid_parse(rest, &id))
        return arena_printf(a, "%.*s.%.*s@%.*s", STR_ARG(kind), STR_ARG(rest), STR_ARG(domain));
    return STR_EMPTY;
}

struct str email_correlation(struct arena *a, struct str message_id) {
    struct str rest = message_id, local, kind;
    struct uuid id;

    if (!str_cut(&rest, '@', &local) || !str_cut(&local, '.', &kind) || kind.len != 1 ||
        local.len != UUID_TEXT_BYTES || !uuid_parse(local, &id))
        return STR_EMPTY;
    if (kind.ptr[0] == 'm')
        return uuid_format(a, id);
    if (kind.ptr[0] < 'a' || kind.ptr[0] > 'z')
        return STR_EMPTY;
    return arena_printf(a, "%c:%.*s", kind.ptr[0], STR_ARG(uuid_format(a, id)));
}

/* --- links to leave by --------------------------------------------------------------------------------- */

static void sign(struct str key, const uint8_t *bytes, uint8_t mac[static SHA256_BYTES]) {
    crypto_hmac_sha256(key, (struct str){.ptr = (const char *)bytes, .len = LEAVE_BYTES}, mac);
}

struct str email_leave_token(struct arena *a, struct str key, const struct email_leave *leave) {
    uint8_t bytes[LEAVE_BYTES + MAC_BYTES], mac[SHA256_BYTES];

    memcpy(bytes, leave->account.v.bytes, UUID_BYTES);
    memcpy(bytes + UUID_BYTES, leave->lead.v.bytes, UUID_BYTES);
    memcpy(bytes + 2 * UUID_BYTES, leave->about.bytes, UUID_BYTES);
    sign(key, bytes, mac);
    memcpy(bytes + LEAVE_BYTES, mac, MAC_BYTES);
    return crypto_base64url(a, (struct str){.ptr = (const char *)bytes, .len = sizeof(bytes)});
}

static bool token_bytes(struct arena *a, struct str token, struct str *ret) {
    return token.len < 200 && crypto_unbase64(a, token, ret) && ret->len == LEAVE_BYTES + MAC_BYTES;
}

bool email_leave_read(struct arena *a, struct str token, struct email_leave *ret) {
    struct str bytes;

    if (!token_bytes(a, token, &bytes))
        return false;
    memcpy(ret->account.v.bytes, bytes.ptr, UUID_BYTES);
    memcpy(ret->lead.v.bytes, bytes.ptr + UUID_BYTES, UUID_BYTES);
    memcpy(ret->about.bytes, bytes.ptr + 2 * UUID_BYTES, UUID_BYTES);
    return true;
}

bool email_leave_check(struct arena *a, struct str key, struct str token) {
    uint8_t mac[SHA256_BYTES];
    struct str bytes;

    if (key.len == 0 || !token_bytes(a, token, &bytes))
        return false;
    sign(key, (const uint8_t *)bytes.ptr, mac);
    return crypto_eq(mac, bytes.ptr + LEAVE_BYTES, MAC_BYTES);
}

struct str email_leave_subject(struct arena *a, struct str token) {
    return arena_printf(a, LEAVE_WORD "%s%.*s", token.len > 0 ? " " : "", STR_ARG(token));
}

bool email_leave_asked(struct arena *a, struct str subject, struct str *ret_token) {
    struct email_leave ignored;

    subject = str_trim(subject);
    if (!str_eq_nocase(str_sub(subject, 0, strlen(LEAVE_WORD)), STR(LEAVE_WORD)))
        return false;
    *ret_token = str_trim(str_sub(subject, strlen(LEAVE_WORD), subject.len));
    return ret_token->len == 0 || email_leave_read(a, *ret_token, &ignored);
}

/* --- what a server answered -------------------------------------------------------------------------------- */

/* RFC 3463 "x.y.z" behind the reply code: "5.1.1" → 511; 0: none. */
static int64_t enhanced(struct str text) {
    int64_t code = 0;
    size_t dots = 0, digits = 0;

    for (size_t i = 0; i < text.len && i < 9; i++) {
        if (text.ptr[i] >= '0' && text.ptr[i] <= '9') {
            code = code * 10 + (text.ptr[i] - '0');
            digits++;
        } else if (text.ptr[i] == '.' && digits > 0) {
            dots++;
        } else {
            break;
        }
    }
    return dots == 2 && digits >= 3 ? code : 0;
}

static struct str said(struct arena *a, const char *what, const struct mail_reply *r) {
    if (r->text.len == 0)
        return str_of(what);
    return arena_printf(a, "%s: %.*s", what, STR_ARG(str_sub(r->text, 0, 300)));
}

static void blocked(struct arena *a, const struct mail_reply *r, const char *cause,
                    const char *what, struct send_result *ret) {
    ret->outcome = SEND_BLOCKED;
    ret->cause = str_of(cause);
    ret->reason = said(a, what, r);
}

/* 5.1.1 no such mailbox, 5.1.2 no such domain, 5.1.3 no such form, 5.1.6 moved away, 5.1.10 a domain that takes no mail, 5.2.1 a
 * mailbox that is closed, and 5.1.0, which servers say for any of these. */
bool email_is_no_address(int64_t code) {
    static const int64_t codes[] = {510, 511, 512, 513, 516, 5110, 521};

    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        if (code == codes[i])
            return true;
    return false;
}

static void judge_refusal(struct arena *a, const struct mail_reply *r, struct send_result *ret) {
    int64_t status = enhanced(r->text);

    ret->code = status > 0 ? status : (int64_t)r->code;
    ret->cause = arena_printf(a, "smtp-%u", r->code);
    ret->outcome = SEND_REJECTED;
    ret->reason = said(a, "the mail server refused the mail", r);
    if (r->code == 530 || r->code == 534 || r->code == 535 || r->code == 538) {
        blocked(a, r, "smtp-login", "the mail server refused the login", ret);
    } else if (r->is_sender) {
        blocked(a, r, "smtp-sender", "the mail server does not let this account send", ret);
    } else if (status == 545) { /* what Google says when the day's quota is used up */
        ret->outcome = SEND_RETRY;
        ret->retry_after_ms = QUOTA_MS;
    } else if (r->code < 500) {
        ret->outcome = SEND_RETRY;
        ret->retry_after_ms = GREYLIST_MS;
        ret->reason = said(a, "the mail server wants it later", r);
    } else {
        ret->is_no_address = email_is_no_address(status);
    }
}

static void judge_mail(struct arena *a, const struct mail_reply *r, struct send_result *ret) {
    *ret = (struct send_result){.outcome = SEND_RETRY, .cause = STR("not-sent")};
    if (r->is_login) {
        blocked(a, r, "smtp-login", "the mail server refused the login", ret);
    } else if (r->is_config) {
        blocked(a, r, "smtp-tls", "there is no safe connection to the mail server", ret);
    } else if (r->phase == HTTP_CUT) {
        ret->outcome = SEND_UNCERTAIN;
        ret->cause = STR("cut");
        ret->reason = said(a, "the connection broke after the mail was handed over", r);
    } else if (r->code >= 400 && r->code < 600) {
        judge_refusal(a, r, ret);
    } else if (r->phase == HTTP_REPLIED && r->code >= 200 && r->code < 300) {
        ret->outcome = SEND_ACCEPTED;
        ret->cause = STR_EMPTY;
        ret->reason = STR("the mail server has it");
    } else if (r->phase == HTTP_REPLIED) {
        ret->outcome = SEND_UNCERTAIN;
        ret->cause = STR("smtp-unknown");
        ret->reason = said(a, "the mail server answered what no mail server should", r);
    } else {
        ret->reason = said(a, "the mail server was not reached", r);
    }
}

static void explain(struct arena *a, int64_t code, struct str title, struct send_result *ret) {
    *ret = (struct send_result){
        .outcome = SEND_REJECTED,
        .code = code,
        .cause = arena_printf(a, "smtp-%lld", (long long)code),
        .reason = title.len > 0
                      ? arena_printf(a, "the mail came back: %.*s", STR_ARG(str_sub(title, 0, 400)))
                      : STR("the mail came back"),
    };
}

/* --- what does not exist here --------------------------------------------------------------------------------- */

static const char no_http[] =
    "e-mail is sent and fetched by mail servers, not by calls of this kind";

static enum status verify(const struct channel *ch, const struct hook *hook, struct err *e) {
    (void)ch, (void)hook;
    FAIL(e, ST_DENIED, "%s", no_http);
}

static enum status build(struct arena *a, const struct channel *ch, const struct outgoing *msg,
                         struct http_call *ret, struct err *e) {
    (void)a, (void)ch, (void)msg, (void)ret;
    FAIL(e, ST_INVALID, "%s", no_http);
}

static void judge(struct arena *a, const struct http_reply *reply, struct send_result *ret) {
    (void)a, (void)reply;
    *ret = (struct send_result){
        .outcome = SEND_REJECTED, .cause = STR("no-http"), .reason = str_of(no_http)};
}

static enum status probe(struct arena *a, const struct channel *ch, struct http_call *ret,
                         struct err *e) {
    (void)a, (void)ch, (void)ret;
    FAIL(e, ST_INVALID, "%s", no_http);
}

static enum status find_media(struct arena *a, const struct channel *ch, struct str id,
                              struct http_call *ret, struct err *e) {
    (void)a, (void)ch, (void)id, (void)ret;
    FAIL(e, ST_INVALID, "%s", no_http);
}

static enum status put_media(struct arena *a, const struct channel *ch, const struct media_put *in,
                             struct http_call *ret, struct err *e) {
    (void)a, (void)ch, (void)in, (void)ret;
    FAIL(e, ST_INVALID, "%s", no_http);
}

static void judge_media(struct arena *a, const struct http_reply *reply, struct media_answer *ret) {
    (void)a, (void)reply;
    *ret = (struct media_answer){
        .outcome = MEDIA_REJECTED, .size = -1, .cause = STR("no-http"), .reason = str_of(no_http)};
}

/* Not a provider's limits but sense: what is longer belongs into a file, and what is faster looks like spam. */
const struct provider provider_email = {
    .transport = TRANSPORT_MAIL,
    .name = "email",
    .channel = "email",
    .limits =
        {
            .text_points = 100000,
            .caption_points = 100000,
            .buttons = 10,
            .button_points = 200,
            .list_rows = 10,
            .per_second = 5,
            .pair_interval_ms = 1000,
            .pair_burst = 10,
        },
    .verify = verify,
    .signature_header = "",
    .parse = email_parse,
    .build = build,
    .judge = judge,
    .explain = explain,
    .probe = probe,
    .judge_probe = judge,
    .find_media = find_media,
    .judge_find_media = judge_media,
    .get_media = find_media,
    .put_media = put_media,
    .judge_put_media = judge_media,
    .build_mail = email_build,
    .judge_mail = judge_mail,
};
