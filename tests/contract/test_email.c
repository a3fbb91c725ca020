/* test_email.c - the e-mail adapter: mails as people, machines and mailers write them, and what a mail server's replies mean.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "provider/email.h"
#include "support/invariants.h"

#define OURS "0199f3a0-7c11-7aaa-8bbb-0123456789ab"

struct seen {
    struct arena a;
    struct inbound events[8];
    size_t n;
};

static enum status keep(void *ctx, const struct inbound *ev, struct err *e) {
    struct seen *s = ctx;

    (void)e;
    invariants_of_event(&s->a, ev);
    if (s->n < 8)
        s->events[s->n++] = *ev;
    return ST_OK;
}

static enum status read_mail(struct seen *s, struct str raw) {
    struct inbound_sink sink = {.event = keep, .ctx = s};
    struct err e = ERR_INIT;

    s->n = 0;
    return provider_email.parse(&s->a, &(struct hook){.body = raw}, &sink, &e);
}

static void assert_text(struct str got, const char *want) {
    if (!str_eq(got, str_of(want)))
        fail_msg("got \"%.*s\", not \"%s\"", STR_ARG(got), want);
}

static struct str member(struct seen *s, size_t i, const char *key) {
    const struct json *content;
    struct err e = ERR_INIT;

    assert_int_equal(json_parse(&s->a, s->events[i].content, JSON_LIMITS_DEFAULT, &content, &e),
                     ST_OK);
    return json_str(json_get(content, key));
}

#define HEAD(more)                                                                                      \
    "Return-Path: <ana@example.com>\r\nFrom: =?utf-8?q?Ana_Concei=C3=A7=C3=A3o?= <Ana@Example.com>\r\n" \
    "To: vendas@loja.example\r\nSubject: Re: pedido\r\nMessage-ID: <a1@example.com>\r\n" more           \
    "\r\n"

static void an_answer_names_what_it_answers_and_leaves_the_history_out(void **state) {
    struct seen s = {0};

    (void)state;
    assert_int_equal(
        read_mail(
            &s,
            STR(HEAD(
                "In-Reply-To: <m." OURS
                "@loja.example>\r\n") "Quero dois.\r\n\r\nEm ter., 4 de nov. de 2025 \xc3\xa0s 09:00,\r\n"
                                      "Loja <vendas@loja.example> escreveu:\r\n\r\n> Quantos?\r\n")),
        ST_OK);
    assert_int_equal(s.n, 1);
    assert_int_equal(s.events[0].kind, INBOUND_MESSAGE);
    assert_text(s.events[0].party.email, "ana@example.com");
    assert_text(s.events[0].party.name, "Ana Conceição");
    assert_text(s.events[0].text, "Quero dois.");
    assert_text(s.events[0].correlation, OURS);
    assert_text(s.events[0].reply_to, "m." OURS "@loja.example");
    assert_true(str_contains(member(&s, 0, "quoted"), STR("> Quantos?")));
    arena_done(&s.a);
}

static void a_campaigns_recipient_is_found_by_its_references(void **state) {
    struct seen s = {0};

    (void)state;
    assert_int_equal(
        read_mail(&s, STR(HEAD("References: <x@y> <r." OURS "@loja.example>\r\n") "Pare.\r\n")),
        ST_OK);
    assert_text(s.events[0].correlation, "r:" OURS);
    arena_done(&s.a);
}

static void html_alone_becomes_text(void **state) {
    struct seen s = {0};

    (void)state;
    assert_int_equal(
        read_mail(
            &s,
            STR(HEAD(
                "Content-Type: text/html; charset=iso-8859-1\r\n") "<html><head><style>x{}</style></head><script>alert(1)</script><p>Ol\xe1 &amp; "
                                                                   "<b>bom</b> dia<br>tudo?</p><div class=\"gmail_quote\">antes</div>")),
        ST_OK);
    assert_text(s.events[0].text, "Olá & bom dia\ntudo?");
    assert_text(member(&s, 0, "quoted"), "antes");
    arena_done(&s.a);
}

static void machines_are_told_from_people(void **state) {
    static const char *const marks[] = {"Auto-Submitted: auto-replied\r\n", "Precedence: bulk\r\n",
                                        "X-Autoreply: yes\r\n", "List-Id: <l.example.com>\r\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        struct seen s = {0};
        char raw[1000];

        (void)snprintf(raw, sizeof(raw), HEAD("%s") "Estou de ferias.\r\n", marks[i]);
        assert_int_equal(read_mail(&s, str_of(raw)), ST_OK);
        assert_true(str_contains(s.events[0].content, STR("\"is_auto\":true")));
        arena_done(&s.a);
    }
}

#define REPORT(id, action, status)                                                                 \
    "From: MAILER-DAEMON@mx.example\r\nTo: vendas@loja.example\r\nSubject: Undelivered\r\n"        \
    "Message-ID: <b1@mx.example>\r\nContent-Type: multipart/report; report-type=delivery-status; " \
    "boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n--b\r\n"               \
    "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"          \
    "Final-Recipient: rfc822; Ana@example.com\r\nAction: " action "\r\nStatus: " status "\r\n"     \
    "Diagnostic-Code: smtp; 550 5.1.1 no such\r\n user here\r\n--b\r\nContent-Type: "              \
    "text/rfc822-headers\r\n\r\nSubject: oi\r\nMessage-ID: <" id "@loja.example>\r\n\r\n--b--\r\n"

static void a_report_settles_the_message_it_is_about(void **state) {
    struct seen s = {0};

    (void)state;
    assert_int_equal(read_mail(&s, STR(REPORT("r." OURS, "failed", "5.1.1"))), ST_OK);
    assert_int_equal(s.n, 1);
    assert_int_equal(s.events[0].kind, INBOUND_STATUS);
    assert_int_equal(s.events[0].delivery, DELIVERY_FAILED);
    assert_int_equal(s.events[0].error_code, 511);
    assert_text(s.events[0].correlation, "r:" OURS);
    assert_text(s.events[0].party.email, "ana@example.com");
    assert_text(s.events[0].error_title, "5.1.1 550 5.1.1 no such user here");
    assert_int_equal(read_mail(&s, STR(REPORT("m." OURS, "delayed", "4.4.1"))), ST_OK);
    assert_int_equal(s.events[0].delivery, DELIVERY_UNKNOWN);
    assert_int_equal(read_mail(&s, STR(REPORT("m." OURS, "delivered", "2.0.0"))), ST_OK);
    assert_int_equal(s.events[0].delivery, DELIVERY_DELIVERED);
    arena_done(&s.a);
}

static void replies_of_servers_mean_what_they_say(void **state) {
    static const struct {
        struct mail_reply reply;
        enum send_outcome outcome;
        int64_t code;
    } rows[] = {
        {{.phase = HTTP_REPLIED, .code = 250}, SEND_ACCEPTED, 0},
        {{.phase = HTTP_NOT_SENT, .code = 550, .text = {"5.1.1 no such user", 18}},
         SEND_REJECTED,
         511},
        {{.phase = HTTP_NOT_SENT, .code = 450, .text = {"greylisted", 10}}, SEND_RETRY, 450},
        {{.phase = HTTP_REPLIED, .code = 451}, SEND_RETRY, 451},
        {{.phase = HTTP_REPLIED, .code = 554}, SEND_REJECTED, 554},
        {{.phase = HTTP_NOT_SENT, .code = 535, .is_login = true}, SEND_BLOCKED, 0},
        {{.phase = HTTP_NOT_SENT, .code = 530}, SEND_BLOCKED, 530},
        {{.phase = HTTP_NOT_SENT, .code = 553, .is_sender = true}, SEND_BLOCKED, 553},
        {{.phase = HTTP_NOT_SENT, .is_config = true}, SEND_BLOCKED, 0},
        {{.phase = HTTP_CUT}, SEND_UNCERTAIN, 0},
        {{.phase = HTTP_NOT_SENT}, SEND_RETRY, 0},
        {{.phase = HTTP_REPLIED, .code = 999}, SEND_UNCERTAIN, 0},
        {{.phase = HTTP_NOT_SENT, .code = 550, .text = {"5.4.5 daily quota", 17}}, SEND_RETRY, 545},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena a = {0};
        struct send_result r;

        provider_email.judge_mail(&a, &rows[i].reply, &r);
        invariants_of_result(&r);
        if (r.outcome != rows[i].outcome || r.code != rows[i].code)
            fail_msg("row %zu: outcome %d, code %lld", i, (int)r.outcome, (long long)r.code);
        arena_done(&a);
    }
}

static void what_is_asked_for_by_http_is_refused(void **state) {
    struct arena a = {0};
    struct err e = ERR_INIT;
    struct http_call call;
    const struct channel ch = {.address = STR("vendas@loja.example")};

    (void)state;
    assert_int_equal(provider_email.verify(&ch, &(struct hook){0}, &e), ST_DENIED);
    err_clear(&e);
    assert_int_equal(provider_email.build(&a, &ch, &(struct outgoing){0}, &call, &e), ST_INVALID);
    arena_done(&a);
}

static void links_to_leave_by_cannot_be_made_up(void **state) {
    struct arena a = {0};
    struct email_leave leave = {.account.v = uuid_new(), .lead.v = uuid_new(), .about = uuid_new()},
                       got;
    struct str key = STR("0123456789abcdef0123456789abcdef"),
               token = email_leave_token(&a, key, &leave);
    char *changed = arena_cstr(&a, token);

    (void)state;
    assert_true(email_leave_read(&a, token, &got));
    assert_true(uuid_eq(got.lead.v, leave.lead.v) && uuid_eq(got.account.v, leave.account.v));
    assert_true(email_leave_check(&a, key, token));
    assert_false(email_leave_check(&a, STR("another"), token));
    assert_false(email_leave_check(&a, STR_EMPTY, email_leave_token(&a, STR_EMPTY, &leave)));
    changed[30] = changed[30] == 'A' ? 'B' : 'A';
    assert_false(email_leave_check(&a, key, str_of(changed)));
    assert_false(email_leave_read(&a, STR("x"), &got));
    arena_done(&a);
}

static void a_mail_that_wants_to_leave_is_told_by_its_subject(void **state) {
    struct arena a = {0};
    struct str key = STR("the account's own key, 32 bytes!"), token, found;
    struct email_leave leave = {.account.v = uuid_new(), .lead.v = uuid_new()};

    (void)state;
    token = email_leave_token(&a, key, &leave);
    assert_true(email_leave_asked(&a, email_leave_subject(&a, token), &found));
    assert_true(str_eq(found, token));
    assert_true(email_leave_asked(&a, STR(" Unsubscribe "), &found));
    assert_int_equal(found.len, 0);
    assert_false(email_leave_asked(&a, STR("unsubscribe me from this, please?"), &found));
    assert_false(email_leave_asked(&a, STR("Re: unsubscribe"), &found));
    assert_false(email_leave_asked(&a, STR("orçamento"), &found));
    arena_done(&a);
}

static void only_addresses_that_nobody_has_are_given_up(void **state) {
    static const int64_t gone[] = {510, 511, 512, 513, 516, 5110, 521};
    /* The sender's fault, a full or unwilling mailbox, policy, a code without a status, what may pass. */
    static const int64_t others[] = {0, 500, 550, 517, 518, 522, 523, 530, 571, 411, 421};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(gone); i++)
        assert_true(email_is_no_address(gone[i]));
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_false(email_is_no_address(others[i]));
}

int main(void) {
    struct err e = ERR_INIT;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_names_what_it_answers_and_leaves_the_history_out),
        cmocka_unit_test(a_campaigns_recipient_is_found_by_its_references),
        cmocka_unit_test(html_alone_becomes_text),
        cmocka_unit_test(machines_are_told_from_people),
        cmocka_unit_test(a_report_settles_the_message_it_is_about),
        cmocka_unit_test(replies_of_servers_mean_what_they_say),
        cmocka_unit_test(what_is_asked_for_by_http_is_refused),
        cmocka_unit_test(links_to_leave_by_cannot_be_made_up),
        cmocka_unit_test(a_mail_that_wants_to_leave_is_told_by_its_subject),
        cmocka_unit_test(only_addresses_that_nobody_has_are_given_up),
    };

    if (crypto_init(&e) != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
