/* test_imap.c - a folder is read from where it was left, each mail once, whatever the server does in between.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include <signal.h>

#include "crypto/crypto.h"
#include "mail/mail.h"
#include "unit/mail/imap_peer.h"

struct bench {
    struct httpc *httpc;
    struct mailer *mailer;
    struct arena a;
    struct err e;
    struct imap_peer peer;
    struct channel ch;
    struct mail_channel mail;
    struct mail_batch batch;
    struct send_result result;
};

static struct identity good;

static void open_bench(struct bench *b, uint32_t timeout_ms) {
    *b = (struct bench){.e = ERR_INIT, .peer = {.validity = 7, .next = 1}};
    fake_listen(&b->peer.fake, imap_serve);
    assert_ok(httpc_start((struct httpc_options){.gate = GATE_OFF}, &b->httpc, &b->e), &b->e);
    assert_ok(mailer_start((struct mailer_options){.httpc = b->httpc,
                                                   .timeout_ms = timeout_ms,
                                                   .allow_private = true,
                                                   .ca_file = str_of(good.ca_file)},
                           &b->mailer, &b->e),
              &b->e);
    b->mail = (struct mail_channel){
        .account.v = {{1}},
        .imap = {.host = STR("localhost"),
                 .port = (uint16_t)b->peer.fake.port,
                 .security = MAIL_PLAIN,
                 .user = STR("vendas"),
                 .password = STR("secret")},
        .max_connections = 2,
    };
    b->ch = (struct channel){.address = STR("vendas@loja.test"), .mail = &b->mail};
}

static void close_bench(struct bench *b) {
    mailer_stop(b->mailer);
    httpc_stop(b->httpc);
    fake_stop(&b->peer.fake);
    arena_done(&b->a);
}

/* Goes on from where the last look ended. */
static enum send_outcome look_from(struct bench *b, struct mail_place place) {
    arena_reset(&b->a);
    assert_ok(mail_fetch(b->mailer, &b->a, &b->ch, place, &b->batch, &b->result, &b->e), &b->e);
    return b->result.outcome;
}

static enum send_outcome look(struct bench *b) {
    return look_from(b, b->batch.place);
}

static const struct mail_place known = {.uid_validity = 7};

static void assert_got(struct bench *b, const char *uids) {
    ATTR_CLEANUP(buf_done_p) struct buf got = {.max = 4096};

    for (size_t i = 0; i < b->batch.n; i++) {
        buf_printf(&got, "%s%lld", i ? " " : "", (long long)b->batch.items[i].uid);
        if (b->batch.items[i].bytes.len > 0)
            assert_true(str_starts(
                b->batch.items[i].bytes,
                arena_printf(&b->a, "Subject: n%lld\r\n", (long long)b->batch.items[i].uid)));
    }
    assert_str(buf_str(&got), uids);
}

static void new_mails_come_once_and_in_order(void **state) {
    struct bench b;

    (void)state;
    open_bench(&b, 0);
    imap_add(&b.peer, (struct imap_mail){.uid = 3});
    imap_add(&b.peer, (struct imap_mail){.uid = 5});
    assert_int_equal(look_from(&b, known), SEND_ACCEPTED);
    assert_got(&b, "3 5");
    assert_int_equal(look(&b), SEND_ACCEPTED);
    assert_got(&b, "");
    imap_add(&b.peer, (struct imap_mail){.uid = 9});
    assert_int_equal(look(&b), SEND_ACCEPTED);
    assert_got(&b, "9");
    assert_int_equal(b.batch.place.last_uid, 9);
    assert_int_equal(atomic_load(&b.peer.n_bodies), 3);
    close_bench(&b);
}

static void the_first_look_begins_with_the_day_of_the_account(void **state) {
    struct bench b;

    (void)state;
    open_bench(&b, 0);
    for (unsigned uid = 1; uid <= 4; uid++)
        imap_add(&b.peer, (struct imap_mail){.uid = uid});
    b.peer.search = "4 3";
    assert_int_equal(look_from(&b, (struct mail_place){.since_ms = 1}), SEND_ACCEPTED);
    assert_got(&b, "3 4");
    /* Nothing of that day: only what comes from now on. */
    b.peer.search = "";
    assert_int_equal(look_from(&b, (struct mail_place){.since_ms = 1}), SEND_ACCEPTED);
    assert_got(&b, "");
    assert_int_equal(b.batch.place.last_uid, 4);
    close_bench(&b);
}

/* RFC 3501 §2.3.1.1: under another validity the same number is another mail. */
static void a_folder_made_anew_is_read_anew(void **state) {
    struct bench b;

    (void)state;
    open_bench(&b, 0);
    imap_add(&b.peer, (struct imap_mail){.uid = 50});
    assert_int_equal(look_from(&b, known), SEND_ACCEPTED);
    b.peer.validity = 8;
    b.peer.n = 0;
    b.peer.next = 1;
    imap_add(&b.peer, (struct imap_mail){.uid = 1});
    imap_add(&b.peer, (struct imap_mail){.uid = 2});
    b.peer.search = "1 2";
    assert_int_equal(look(&b), SEND_ACCEPTED);
    assert_got(&b, "1 2");
    assert_int_equal(b.batch.place.uid_validity, 8);
    assert_int_equal(b.batch.place.last_uid, 2);
    close_bench(&b);
}

static void a_connection_lost_in_a_mail_keeps_those_before_and_begins_with_it_again(void **state) {
    struct bench b;

    (void)state;
    open_bench(&b, 0);
    imap_add(&b.peer, (struct imap_mail){.uid = 1});
    imap_add(&b.peer, (struct imap_mail){.uid = 2, .is_cut = true, .size = 9000});
    imap_add(&b.peer, (struct imap_mail){.uid = 3});
    assert_int_equal(look_from(&b, known), SEND_ACCEPTED);
    assert_got(&b, "1");
    assert_int_equal(b.batch.place.last_uid, 1);
    assert_int_equal(look(&b), SEND_RETRY); /* and nothing was got */
    assert_got(&b, "");
    assert_int_equal(b.batch.place.last_uid, 1);
    b.peer.mails[1].is_cut = false;
    assert_int_equal(look(&b), SEND_ACCEPTED);
    assert_got(&b, "2 3");
    close_bench(&b);
}

static void a_mail_too_large_is_named_and_left(void **state) {
    struct bench b;

    (void)state;
    open_bench(&b, 0);
    imap_add(&b.peer, (struct imap_mail){.uid = 1, .told_size = MAIL_MAX_BYTES + 1});
    imap_add(&b.peer, (struct imap_mail){.uid = 2});
    assert_int_equal(look_from(&b, known), SEND_ACCEPTED);
    assert_got(&b, "1 2");
    assert_int_equal(b.batch.items[0].bytes.len, 0);
    assert_int_equal(b.batch.items[0].size, MAIL_MAX_BYTES + 1);
    assert_int_equal(atomic_load(&b.peer.n_bodies), 1);
    close_bench(&b);
}

/* Its size said to be small: it must neither fill the memory nor stand in the way of those behind it for ever. */
static void a_mail_larger_than_it_was_said_to_be_is_named_and_left(void **state) {
    struct bench b;

    (void)state;
    open_bench(&b, 0);
    imap_add(&b.peer, (struct imap_mail){.uid = 1, .told_size = 100, .size = 40 << 20});
    imap_add(&b.peer, (struct imap_mail){.uid = 2});
    assert_int_equal(look_from(&b, known), SEND_ACCEPTED);
    assert_got(&b, "1 2");
    assert_int_equal(b.batch.items[0].bytes.len, 0);
    assert_true(b.batch.items[0].size > MAIL_MAX_BYTES);
    close_bench(&b);
}

static void what_was_removed_meanwhile_is_passed_over(void **state) {
    struct bench b;

    (void)state;
    open_bench(&b, 0);
    imap_add(&b.peer, (struct imap_mail){.uid = 1, .is_gone = true});
    imap_add(&b.peer, (struct imap_mail){.uid = 2});
    assert_int_equal(look_from(&b, known), SEND_ACCEPTED);
    assert_got(&b, "1 2");
    assert_int_equal(b.batch.items[0].bytes.len, 0);
    assert_int_equal(b.batch.place.last_uid, 2);
    close_bench(&b);
}

static void a_mail_that_is_told_of_twice_comes_once(void **state) {
    struct bench b;

    (void)state;
    open_bench(&b, 0);
    b.peer.tells_twice = true;
    imap_add(&b.peer, (struct imap_mail){.uid = 1});
    imap_add(&b.peer, (struct imap_mail){.uid = 2});
    assert_int_equal(look_from(&b, known), SEND_ACCEPTED);
    assert_got(&b, "1 2");
    assert_int_equal(atomic_load(&b.peer.n_bodies), 2);
    close_bench(&b);
}

static void many_come_in_parts(void **state) {
    struct bench b;
    unsigned got = 0;

    (void)state;
    open_bench(&b, 0);
    for (unsigned uid = 1; uid <= 2 * MAIL_BATCH_MAX + 1; uid++)
        imap_add(&b.peer, (struct imap_mail){.uid = uid});
    b.batch.place = known;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(look(&b), SEND_ACCEPTED);
        got += (unsigned)b.batch.n;
        assert_int_equal(b.batch.has_more, i < 2);
    }
    assert_int_equal(got, 2 * MAIL_BATCH_MAX + 1);
    assert_int_equal(atomic_load(&b.peer.n_bodies), got);
    close_bench(&b);
}

/* --- what goes wrong before ---------------------------------------------------------------------------- */

static void assert_failed(struct bench *b, enum send_outcome want, const char *cause) {
    assert_int_equal(look_from(b, known), want);
    assert_str(b->result.cause, cause);
    assert_int_equal(b->batch.n, 0);
    assert_int_equal(b->batch.place.last_uid, 0);
    close_bench(b);
}

static void a_refused_login_needs_a_person(void **state) {
    struct bench b;

    (void)state;
    open_bench(&b, 0);
    b.peer.login = "NO [AUTHENTICATIONFAILED] wrong";
    assert_failed(&b, SEND_BLOCKED, "imap-login");
}

static void a_folder_that_is_not_there_needs_a_person(void **state) {
    struct bench b;

    (void)state;
    open_bench(&b, 0);
    b.peer.status = "NO [NONEXISTENT] no such mailbox";
    assert_failed(&b, SEND_BLOCKED, "imap-folder");
}

static void no_password_goes_where_starttls_was_taken_out(void **state) {
    struct bench b;

    (void)state;
    open_bench(&b, 0);
    b.mail.imap.security = MAIL_STARTTLS;
    assert_int_equal(look_from(&b, known), SEND_BLOCKED);
    assert_str(b.result.cause, "imap-tls");
    assert_int_equal(atomic_load(&b.peer.n_logins), 0);
    close_bench(&b);
}

static void a_folder_is_read_over_starttls(void **state) {
    struct bench b;

    (void)state;
    open_bench(&b, 0);
    b.peer.id = &good;
    b.peer.has_starttls = true;
    b.mail.imap.security = MAIL_STARTTLS;
    imap_add(&b.peer, (struct imap_mail){.uid = 1});
    assert_int_equal(look_from(&b, known), SEND_ACCEPTED);
    assert_got(&b, "1");
    close_bench(&b);
}

static void a_server_that_is_away_or_silent_is_looked_at_again(void **state) {
    struct bench b;

    (void)state;
    open_bench(&b, 0);
    b.peer.greeting = CUT;
    assert_failed(&b, SEND_RETRY, "imap-not-reached");
    open_bench(&b, 300);
    b.peer.greeting = HOLD;
    assert_failed(&b, SEND_RETRY, "imap-not-reached");
    open_bench(&b, 300);
    b.peer.select = HOLD;
    imap_add(&b.peer, (struct imap_mail){.uid = 1});
    assert_failed(&b, SEND_RETRY, "imap-not-reached");
}

static void answers_without_end_or_sense_are_bounded(void **state) {
    struct bench b;
    char *line = malloc((400 << 10) + 1);

    (void)state;
    assert_non_null(line);
    memset(line, 'x', 400 << 10);
    line[400 << 10] = '\0';
    open_bench(&b, 2000);
    b.peer.greeting = line;
    assert_failed(&b, SEND_RETRY, "imap-not-reached");
    open_bench(&b, 0);
    b.peer.status = "OK no numbers";
    assert_failed(&b, SEND_RETRY, "imap-answer");
    free(line);
}

static int set_up(void **state) {
    struct err e = ERR_INIT;

    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    assert_ok(crypto_init(&e), &e);
    identity_make(&good, "localhost");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    identity_done(&good);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_mails_come_once_and_in_order),
        cmocka_unit_test(the_first_look_begins_with_the_day_of_the_account),
        cmocka_unit_test(a_folder_made_anew_is_read_anew),
        cmocka_unit_test(a_connection_lost_in_a_mail_keeps_those_before_and_begins_with_it_again),
        cmocka_unit_test(a_mail_too_large_is_named_and_left),
        cmocka_unit_test(a_mail_larger_than_it_was_said_to_be_is_named_and_left),
        cmocka_unit_test(what_was_removed_meanwhile_is_passed_over),
        cmocka_unit_test(a_mail_that_is_told_of_twice_comes_once),
        cmocka_unit_test(many_come_in_parts),
        cmocka_unit_test(a_refused_login_needs_a_person),
        cmocka_unit_test(a_folder_that_is_not_there_needs_a_person),
        cmocka_unit_test(no_password_goes_where_starttls_was_taken_out),
        cmocka_unit_test(a_folder_is_read_over_starttls),
        cmocka_unit_test(a_server_that_is_away_or_silent_is_looked_at_again),
        cmocka_unit_test(answers_without_end_or_sense_are_bounded),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
