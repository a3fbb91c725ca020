/* test_smtp.c - one mail to servers that behave and servers that do not: taken, refused, later, or nobody knows; and never twice.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include <signal.h>

#include "crypto/crypto.h"
#include "mail/mail.h"
#include "unit/mail/smtp_peer.h"
#include "json/json.h"

struct bench {
    struct httpc *httpc;
    struct mailer *mailer;
    struct arena a;
    struct err e;
    struct smtp_peer peer;
    struct channel ch;
    struct mail_channel mail;
    struct send_result result;
};

static struct identity good; /* of localhost */
static struct identity other;

static void open_with(struct bench *b, struct smtp_peer script, struct mailer_options options) {
    *b = (struct bench){.e = ERR_INIT, .peer = script};
    smtp_open(&b->peer);
    assert_ok(httpc_start((struct httpc_options){.gate = GATE_ALL}, &b->httpc, &b->e), &b->e);
    options.httpc = b->httpc;
    if (options.timeout_ms == 0)
        options.timeout_ms = 20000;
    if (options.ca_file.len == 0)
        options.ca_file = str_of(good.ca_file);
    assert_ok(mailer_start(options, &b->mailer, &b->e), &b->e);
    b->mail = (struct mail_channel){
        .account.v = {{1}},
        .smtp = {.host = STR("localhost"),
                 .port = (uint16_t)b->peer.fake.port,
                 .security = MAIL_PLAIN},
        .max_connections = 2,
    };
    b->ch = (struct channel){.address = STR("vendas@loja.test"), .mail = &b->mail};
}

static void open_plain(struct bench *b, struct smtp_peer script) {
    open_with(b, script, (struct mailer_options){.allow_private = true});
}

static void close_bench(struct bench *b) {
    mailer_stop(b->mailer);
    httpc_stop(b->httpc);
    smtp_close(&b->peer);
    arena_done(&b->a);
}

static struct outgoing mail_of(struct bench *b, const char *text) {
    const struct json *content;

    assert_ok(json_parse(&b->a, arena_printf(&b->a, "{\"text\":\"%s\"}", text), JSON_LIMITS_DEFAULT,
                         &content, &b->e),
              &b->e);
    return (struct outgoing){.to_email = STR("ana@example.test"),
                             .to_name = STR("Ana"),
                             .type = STR("text"),
                             .content = content,
                             .correlation = STR("0193aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee"),
                             .at_ms = 1700000000000};
}

static enum send_outcome send_text(struct bench *b, const char *text) {
    struct outgoing msg = mail_of(b, text);

    err_clear(&b->e);
    assert_ok(mail_send(b->mailer, &b->a, &b->ch, &msg, REACH_REPLY, &b->result, &b->e), &b->e);
    return b->result.outcome;
}

static unsigned texts(struct bench *b) {
    return atomic_load(&b->peer.n_texts);
}

/* One mail to a server with that script. */
static enum send_outcome one(struct smtp_peer script, struct bench *b) {
    open_plain(b, script);
    return send_text(b, "oi");
}

static void assert_outcome(struct smtp_peer script, enum send_outcome want, const char *cause,
                           unsigned want_texts) {
    struct bench b;
    enum send_outcome got = one(script, &b);

    if (got != want || texts(&b) != want_texts)
        print_error("%d %.*s: %.*s, %u texts\n", (int)got, STR_ARG(b.result.cause),
                    STR_ARG(b.result.reason), texts(&b));
    assert_int_equal(got, want);
    assert_str(b.result.cause, cause);
    assert_int_equal(texts(&b), want_texts);
    assert_true(b.result.reason.len < 1000);
    close_bench(&b);
}

/* --- taken ------------------------------------------------------------------------------------------ */

static void a_mail_is_handed_over_once_under_its_id(void **state) {
    struct bench b;

    (void)state;
    assert_int_equal(one((struct smtp_peer){0}, &b), SEND_ACCEPTED);
    assert_str(b.result.message_id, "m.0193aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee@loja.test");
    assert_int_equal(texts(&b), 1);
    assert_non_null(
        strstr(b.peer.text, "Message-Id: <m.0193aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee@loja.test>\r\n"));
    close_bench(&b);
}

static void lines_that_begin_with_a_dot_arrive_whole(void **state) {
    struct bench b;

    (void)state;
    open_plain(&b, (struct smtp_peer){0});
    assert_int_equal(send_text(&b, "um\\n.\\n..dois\\nfim"), SEND_ACCEPTED);
    assert_non_null(strstr(b.peer.text, "um\r\n..\r\n...dois\r\nfim\r\n"));
    close_bench(&b);
}

static void a_connection_serves_the_next_mail(void **state) {
    struct bench b;

    (void)state;
    open_plain(&b, (struct smtp_peer){0});
    for (int i = 0; i < 5; i++)
        assert_int_equal(send_text(&b, "oi"), SEND_ACCEPTED);
    assert_int_equal(texts(&b), 5);
    assert_int_equal(atomic_load(&b.peer.n_connections), 1);
    close_bench(&b);
}

static void a_kept_connection_that_died_costs_a_new_one_and_no_mail(void **state) {
    struct bench b;

    (void)state;
    open_plain(&b, (struct smtp_peer){.is_one_mail_each = true});
    for (int i = 0; i < 4; i++)
        assert_int_equal(send_text(&b, "oi"), SEND_ACCEPTED);
    assert_int_equal(texts(&b), 4);
    assert_int_equal(atomic_load(&b.peer.n_connections), 4);
    close_bench(&b);
}

/* --- safe connections ---------------------------------------------------------------------------------- */

static void secure(struct bench *b, struct smtp_peer script, enum mail_security security) {
    open_plain(b, script);
    b->mail.smtp.security = security;
    b->mail.smtp.user = STR("vendas");
    b->mail.smtp.password = STR("secret");
}

static void a_password_goes_over_starttls_and_over_tls(void **state) {
    struct bench b;

    (void)state;
    secure(&b, (struct smtp_peer){.id = &good, .has_login = true}, MAIL_STARTTLS);
    assert_int_equal(send_text(&b, "oi"), SEND_ACCEPTED);
    assert_int_equal(atomic_load(&b.peer.n_secrets), 1);
    close_bench(&b);
    secure(&b, (struct smtp_peer){.id = &good, .is_tls = true, .has_login = true}, MAIL_TLS);
    assert_int_equal(send_text(&b, "oi"), SEND_ACCEPTED);
    assert_int_equal(atomic_load(&b.peer.n_secrets), 1);
    close_bench(&b);
}

static void assert_no_safe_way(struct smtp_peer script, enum mail_security security,
                               enum send_outcome want) {
    struct bench b;

    secure(&b, script, security);
    assert_int_equal(send_text(&b, "oi"), want);
    if (want == SEND_BLOCKED)
        assert_str(b.result.cause, "smtp-tls");
    assert_int_equal(atomic_load(&b.peer.n_secrets), 0);
    assert_int_equal(atomic_load(&b.peer.n_mail_commands), 0);
    close_bench(&b);
}

static void nothing_is_said_where_starttls_was_taken_out(void **state) {
    (void)state;
    assert_no_safe_way((struct smtp_peer){.has_login = true}, MAIL_STARTTLS, SEND_BLOCKED);
    assert_no_safe_way((struct smtp_peer){.id = &good,
                                          .ehlo = "250-mail.test\r\n250 AUTH PLAIN",
                                          .has_login = true},
                       MAIL_STARTTLS, SEND_BLOCKED);
    assert_no_safe_way((struct smtp_peer){.id = &good, .starttls = "502 no"}, MAIL_STARTTLS,
                       SEND_BLOCKED);
}

static void starttls_refused_for_now_is_tried_again(void **state) {
    (void)state;
    assert_no_safe_way((struct smtp_peer){.id = &good, .starttls = "454 4.3.0 not now"},
                       MAIL_STARTTLS, SEND_RETRY);
}

/* Words put in behind the server's "go on" would pass for answers under TLS. */
static void answers_slipped_in_before_tls_end_it(void **state) {
    (void)state;
    assert_no_safe_way(
        (struct smtp_peer){.id = &good, .starttls = "220 go on\r\n250-mail.test\r\n250 AUTH PLAIN"},
        MAIL_STARTTLS, SEND_RETRY);
}

static void a_certificate_of_another_name_is_refused(void **state) {
    struct bench b;

    (void)state;
    for (int tls = 0; tls < 2; tls++) {
        open_with(&b, (struct smtp_peer){.id = &other, .is_tls = tls},
                  (struct mailer_options){.allow_private = true, .ca_file = str_of(other.ca_file)});
        b.mail.smtp.security = tls ? MAIL_TLS : MAIL_STARTTLS;
        assert_int_equal(send_text(&b, "oi"), SEND_BLOCKED);
        assert_str(b.result.cause, "smtp-tls");
        assert_int_equal(atomic_load(&b.peer.n_mail_commands), 0);
        close_bench(&b);
    }
}

static void a_certificate_nobody_vouches_for_is_refused(void **state) {
    (void)state;
    assert_no_safe_way((struct smtp_peer){.id = &other, .is_tls = true}, MAIL_TLS, SEND_BLOCKED);
}

static void servers_at_private_addresses_are_not_called(void **state) {
    struct bench b;

    (void)state;
    open_with(&b, (struct smtp_peer){0}, (struct mailer_options){0});
    assert_int_equal(send_text(&b, "oi"), SEND_BLOCKED);
    assert_int_equal(atomic_load(&b.peer.n_connections), 0);
    close_bench(&b);
}

static void a_closed_gate_calls_nobody(void **state) {
    struct bench b;
    struct outgoing msg;

    (void)state;
    open_plain(&b, (struct smtp_peer){0});
    httpc_set_gate(b.httpc, GATE_REPLIES);
    msg = mail_of(&b, "oi");
    assert_int_equal(mail_send(b.mailer, &b.a, &b.ch, &msg, REACH_CAMPAIGN, &b.result, &b.e),
                     ST_DENIED);
    assert_string_equal(b.e.cause, "gate-closed");
    assert_int_equal(atomic_load(&b.peer.n_connections), 0);
    close_bench(&b);
}

/* --- login ------------------------------------------------------------------------------------------------ */

static void assert_login(const char *reply, enum send_outcome want) {
    struct bench b;

    secure(&b, (struct smtp_peer){.id = &good, .is_tls = true, .has_login = true, .auth = reply},
           MAIL_TLS);
    if (send_text(&b, "oi") != want)
        print_error("%s: %.*s\n", reply, STR_ARG(b.result.reason));
    assert_int_equal(b.result.outcome, want);
    if (want == SEND_BLOCKED)
        assert_str(b.result.cause, "smtp-login");
    assert_int_equal(atomic_load(&b.peer.n_mail_commands), 0);
    close_bench(&b);
}

static void a_refused_login_stops_the_account(void **state) {
    (void)state;
    assert_login("535 5.7.8 wrong", SEND_BLOCKED);
    assert_login("534 5.7.9 use an app password", SEND_BLOCKED);
}

/* RFC 4954 §6: the credentials may be right. */
static void a_login_that_fails_for_now_is_tried_again(void **state) {
    (void)state;
    assert_login("454 4.7.0 too many logins, try later", SEND_RETRY);
    assert_login("421 4.3.2 closing", SEND_RETRY);
    assert_login(CUT, SEND_RETRY);
}

/* --- refused and later ---------------------------------------------------------------------------------------- */

static void what_is_refused_for_now_is_tried_again_at_every_step(void **state) {
    const char *not_now = "450 4.2.0 not now";

    (void)state;
    assert_outcome((struct smtp_peer){.greeting = "421 4.3.2 busy"}, SEND_RETRY, "smtp-421", 0);
    assert_outcome((struct smtp_peer){.ehlo = not_now}, SEND_RETRY, "smtp-450", 0);
    assert_outcome((struct smtp_peer){.mail = not_now}, SEND_RETRY, "smtp-450", 0);
    assert_outcome((struct smtp_peer){.rcpt = not_now}, SEND_RETRY, "smtp-450", 0);
    assert_outcome((struct smtp_peer){.data = not_now}, SEND_RETRY, "smtp-450", 0);
    assert_outcome((struct smtp_peer){.end = not_now}, SEND_RETRY, "smtp-450", 1);
}

static void a_refused_recipient_fails_the_mail_with_the_servers_words(void **state) {
    struct bench b;

    (void)state;
    assert_int_equal(
        one((struct smtp_peer){.rcpt = "550-5.1.1 nobody of that name\r\n550 5.1.1 here"}, &b),
        SEND_REJECTED);
    assert_str(b.result.cause, "smtp-550");
    assert_int_equal(b.result.code, 511);
    assert_str(b.result.reason, "the mail server refused the mail: 5.1.1 nobody of that name");
    assert_int_equal(texts(&b), 0);
    /* The account is as good as before. */
    b.peer.usual_mails = 1000;
    assert_int_equal(send_text(&b, "oi"), SEND_ACCEPTED);
    close_bench(&b);
}

static void a_refused_text_fails_the_mail(void **state) {
    (void)state;
    assert_outcome((struct smtp_peer){.data = "554 5.6.0 no"}, SEND_REJECTED, "smtp-554", 0);
    assert_outcome((struct smtp_peer){.end = "554 5.7.1 looks like spam"}, SEND_REJECTED,
                   "smtp-554", 1);
}

static void a_refused_sender_stops_the_account(void **state) {
    (void)state;
    assert_outcome((struct smtp_peer){.mail = "550 5.7.60 not as this sender"}, SEND_BLOCKED,
                   "smtp-sender", 0);
}

/* Before a recipient is named nothing that is refused is about this mail: the next one would fare no better. */
static void a_server_that_does_not_serve_us_stops_the_account(void **state) {
    (void)state;
    assert_outcome((struct smtp_peer){.greeting = "554 5.7.1 your address is on a list"},
                   SEND_BLOCKED, "smtp-sender", 0);
    assert_outcome((struct smtp_peer){.ehlo = "550 5.7.1 go away"}, SEND_BLOCKED, "smtp-sender", 0);
}

static void a_server_that_is_not_there_is_tried_again(void **state) {
    struct bench b;

    (void)state;
    assert_outcome((struct smtp_peer){.greeting = CUT}, SEND_RETRY, "not-sent", 0);
    assert_outcome((struct smtp_peer){.rcpt = CUT}, SEND_RETRY, "not-sent", 0);
    open_plain(&b, (struct smtp_peer){0});
    b.mail.smtp.port = 1;
    assert_int_equal(send_text(&b, "oi"), SEND_RETRY);
    assert_str(b.result.cause, "not-sent");
    close_bench(&b);
}

/* Larger than what the sockets hold: the end of the text cannot have left. */
static void a_connection_lost_within_the_text_left_no_mail(void **state) {
    enum { LARGE = 16 << 20 };
    struct bench b;
    struct outgoing msg;
    struct outgoing_file file = {.name = STR("a.bin"), .mime = STR("application/octet-stream")};
    char *large = calloc(1, LARGE);

    (void)state;
    assert_non_null(large);
    file.bytes = (struct str){.ptr = large, .len = LARGE};
    open_plain(&b, (struct smtp_peer){.text_max = 1000});
    msg = mail_of(&b, "oi");
    msg.files = &file;
    msg.n_files = 1;
    assert_ok(mail_send(b.mailer, &b.a, &b.ch, &msg, REACH_REPLY, &b.result, &b.e), &b.e);
    assert_int_equal(b.result.outcome, SEND_RETRY);
    assert_int_equal(texts(&b), 0);
    free(large);
    close_bench(&b);
}

/* --- nobody knows --------------------------------------------------------------------------------------------- */

static void a_connection_lost_after_the_last_dot_is_uncertain_and_not_repeated(void **state) {
    (void)state;
    assert_outcome((struct smtp_peer){.end = CUT}, SEND_UNCERTAIN, "cut", 1);
}

static void the_same_on_a_kept_connection(void **state) {
    struct bench b;

    (void)state;
    open_plain(&b, (struct smtp_peer){.end = CUT, .usual_mails = 1});
    assert_int_equal(send_text(&b, "um"), SEND_ACCEPTED);
    assert_int_equal(send_text(&b, "dois"), SEND_UNCERTAIN);
    assert_int_equal(texts(&b), 2);
    assert_int_equal(atomic_load(&b.peer.n_connections), 1);
    close_bench(&b);
}

static void a_server_silent_after_the_last_dot_is_uncertain(void **state) {
    struct bench b;

    (void)state;
    open_with(&b, (struct smtp_peer){.end = HOLD},
              (struct mailer_options){.allow_private = true, .timeout_ms = 300});
    assert_int_equal(send_text(&b, "oi"), SEND_UNCERTAIN);
    assert_str(b.result.cause, "cut");
    assert_int_equal(atomic_load(&b.peer.n_mail_commands), 1);
    close_bench(&b);
}

static void a_server_silent_before_is_tried_again(void **state) {
    struct bench b;
    const struct smtp_peer scripts[] = {
        {.greeting = HOLD}, {.ehlo = HOLD}, {.rcpt = HOLD}, {.data = HOLD}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
        open_with(&b, scripts[i],
                  (struct mailer_options){.allow_private = true, .timeout_ms = 300});
        assert_int_equal(send_text(&b, "oi"), SEND_RETRY);
        assert_int_equal(texts(&b), 0);
        close_bench(&b);
    }
}

static void an_answer_of_no_mail_server_is_uncertain(void **state) {
    struct bench b;

    (void)state;
    assert_outcome((struct smtp_peer){.end = "350 what?"}, SEND_UNCERTAIN, "smtp-unknown", 1);
    open_with(&b, (struct smtp_peer){.end = "garbage without a number"},
              (struct mailer_options){.allow_private = true, .timeout_ms = 300});
    assert_int_equal(send_text(&b, "oi"), SEND_UNCERTAIN);
    assert_int_equal(texts(&b), 1);
    close_bench(&b);
}

/* Whatever it says before it has the text is no answer to the text; what is certain then nobody may claim. A "later" that is read
 * when the whole text has just been given cannot be told from its answer, and says that the mail was not taken. */
static void answers_that_come_before_their_question_make_nothing_go_out_twice(void **state) {
    static const char *const early[] = {"250 2.0.0 taken", "550 5.1.1 no", "450 later",
                                        "250 a\r\n250 b\r\n250 c"};
    struct bench b;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(early); i++) {
        assert_int_not_equal(one((struct smtp_peer){.early = early[i], .end = HOLD}, &b), -1);
        if (b.result.outcome == SEND_RETRY && early[i][0] != '4')
            assert_int_equal(texts(&b), 0);
        close_bench(&b);
    }
}

static void replies_without_end_are_bounded(void **state) {
    char *line = malloc((300 << 10) + 1);

    (void)state;
    assert_non_null(line);
    memset(line, 'x', 300 << 10);
    memcpy(line, "250 ", 4);
    line[300 << 10] = '\0';
    assert_outcome((struct smtp_peer){.mail = line}, SEND_RETRY, "not-sent", 0);
    memcpy(line, "550 ", 4);
    assert_outcome((struct smtp_peer){.rcpt = line}, SEND_RETRY, "not-sent", 0);
    free(line);
}

/* --- many ---------------------------------------------------------------------------------------------------------- */

enum { MANY = 40 };

struct many {
    struct bench b;
    struct arena arenas[MANY];
    struct send_result results[MANY];
    struct err errs[MANY];
    struct mail_submission subs[MANY];
    _Atomic unsigned n_done, n_by_status[ST_BROKEN + 1];
};

static struct many *many;

static void on_done(void *ctx, enum status st) {
    (void)ctx;
    atomic_fetch_add(&many->n_by_status[st], 1);
    atomic_fetch_add(&many->n_done, 1);
}

static void submit_all(void) {
    for (size_t i = 0; i < MANY; i++) {
        many->errs[i] = (struct err)ERR_INIT;
        many->subs[i] = (struct mail_submission){.a = &many->arenas[i],
                                                 .ch = &many->b.ch,
                                                 .msg = mail_of(&many->b, "oi"),
                                                 .reach = REACH_CAMPAIGN,
                                                 .ret = &many->results[i],
                                                 .e = &many->errs[i],
                                                 .done = on_done};
        mail_submit(many->b.mailer, &many->subs[i]);
    }
}

static void many_done(void) {
    for (size_t i = 0; i < MANY; i++)
        arena_done(&many->arenas[i]);
    free(many);
}

static void submitted_mails_go_once_each_over_no_more_connections_than_allowed(void **state) {
    (void)state;
    many = calloc(1, sizeof(*many));
    open_plain(&many->b, (struct smtp_peer){0});
    submit_all();
    while (atomic_load(&many->n_done) < MANY)
        (void)poll(NULL, 0, 1);
    assert_int_equal(atomic_load(&many->n_by_status[ST_OK]), MANY);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(many->results[i].outcome, SEND_ACCEPTED);
    assert_int_equal(texts(&many->b), MANY);
    assert_true(atomic_load(&many->b.peer.busiest) <= 2);
    close_bench(&many->b);
    many_done();
}

static void stopping_ends_what_was_not_begun_unsent(void **state) {
    (void)state;
    many = calloc(1, sizeof(*many));
    open_with(&many->b, (struct smtp_peer){.end = HOLD},
              (struct mailer_options){.allow_private = true, .timeout_ms = 300});
    submit_all();
    mailer_stop(many->b.mailer);
    many->b.mailer = NULL;
    assert_int_equal(atomic_load(&many->n_done), MANY);
    for (size_t i = 0; i < MANY; i++) /* said to have gone out only where it may have */
        assert_true(many->results[i].outcome != SEND_ACCEPTED || many->errs[i].status != ST_OK);
    assert_int_equal(atomic_load(&many->n_by_status[ST_OK]) +
                         atomic_load(&many->n_by_status[ST_UNAVAILABLE]),
                     MANY);
    assert_true(atomic_load(&many->b.peer.n_mail_commands) <=
                atomic_load(&many->n_by_status[ST_OK]));
    close_bench(&many->b);
    many_done();
}

/* --- trying the login ----------------------------------------------------------------------------------------------- */

static void a_login_is_tried_without_a_mail(void **state) {
    struct bench b;

    (void)state;
    secure(&b, (struct smtp_peer){.id = &good, .is_tls = true, .has_login = true}, MAIL_TLS);
    assert_ok(mail_probe(b.mailer, &b.a, &b.ch, &b.result, &b.e), &b.e);
    assert_int_equal(b.result.outcome, SEND_ACCEPTED);
    b.peer.auth = "535 5.7.8 wrong";
    assert_ok(mail_probe(b.mailer, &b.a, &b.ch, &b.result, &b.e), &b.e);
    assert_int_equal(b.result.outcome, SEND_BLOCKED);
    assert_str(b.result.cause, "smtp-login");
    assert_int_equal(atomic_load(&b.peer.n_mail_commands), 0);
    close_bench(&b);
}

static int set_up(void **state) {
    struct err e = ERR_INIT;

    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    assert_ok(crypto_init(&e), &e);
    identity_make(&good, "localhost");
    identity_make(&other, "other.test");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    identity_done(&good);
    identity_done(&other);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mail_is_handed_over_once_under_its_id),
        cmocka_unit_test(lines_that_begin_with_a_dot_arrive_whole),
        cmocka_unit_test(a_connection_serves_the_next_mail),
        cmocka_unit_test(a_kept_connection_that_died_costs_a_new_one_and_no_mail),
        cmocka_unit_test(a_password_goes_over_starttls_and_over_tls),
        cmocka_unit_test(nothing_is_said_where_starttls_was_taken_out),
        cmocka_unit_test(starttls_refused_for_now_is_tried_again),
        cmocka_unit_test(answers_slipped_in_before_tls_end_it),
        cmocka_unit_test(a_certificate_of_another_name_is_refused),
        cmocka_unit_test(a_certificate_nobody_vouches_for_is_refused),
        cmocka_unit_test(servers_at_private_addresses_are_not_called),
        cmocka_unit_test(a_closed_gate_calls_nobody),
        cmocka_unit_test(a_refused_login_stops_the_account),
        cmocka_unit_test(a_login_that_fails_for_now_is_tried_again),
        cmocka_unit_test(what_is_refused_for_now_is_tried_again_at_every_step),
        cmocka_unit_test(a_refused_recipient_fails_the_mail_with_the_servers_words),
        cmocka_unit_test(a_refused_text_fails_the_mail),
        cmocka_unit_test(a_refused_sender_stops_the_account),
        cmocka_unit_test(a_server_that_does_not_serve_us_stops_the_account),
        cmocka_unit_test(a_server_that_is_not_there_is_tried_again),
        cmocka_unit_test(a_connection_lost_within_the_text_left_no_mail),
        cmocka_unit_test(a_connection_lost_after_the_last_dot_is_uncertain_and_not_repeated),
        cmocka_unit_test(the_same_on_a_kept_connection),
        cmocka_unit_test(a_server_silent_after_the_last_dot_is_uncertain),
        cmocka_unit_test(a_server_silent_before_is_tried_again),
        cmocka_unit_test(an_answer_of_no_mail_server_is_uncertain),
        cmocka_unit_test(answers_that_come_before_their_question_make_nothing_go_out_twice),
        cmocka_unit_test(replies_without_end_are_bounded),
        cmocka_unit_test(submitted_mails_go_once_each_over_no_more_connections_than_allowed),
        cmocka_unit_test(stopping_ends_what_was_not_begun_unsent),
        cmocka_unit_test(a_login_is_tried_without_a_mail),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
