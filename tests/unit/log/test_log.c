/* test_log.c - what log.h promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "log/log.h"

enum {
    TS_BYTES = 24,
};

static struct buf lines;

static void collect(struct str line, void *ctx) {
    (void)ctx;
    buf_add(&lines, line);
}

static int setup(void **state) {
    (void)state;
    buf_init(&lines, 1 << 20);
    log_setup(LOG_DEBUG, LOG_LOGFMT);
    log_set_sink(collect, NULL);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    log_set_sink(NULL, NULL);
    buf_done(&lines);
    return 0;
}

/* The last lines without their time, which is checked on the way. */
static struct str taken(void) {
    static char text[PIPE_BUF + 1];
    struct str s = buf_str(&lines);
    size_t at = str_starts(s, STR("{")) ? strlen("{\"ts\":\"") : strlen("ts=");

    assert_in_range(s.len, at + TS_BYTES, sizeof(text));
    assert_int_equal(s.ptr[at + 10], 'T');
    assert_int_equal(s.ptr[at + 23], 'Z');
    s = str_sub(s, at + TS_BYTES + 1, s.len);
    memcpy(text, s.ptr, s.len);
    buf_clear(&lines);
    return (struct str){.ptr = text, .len = s.len};
}

static void line_has_time_level_message_fields(void **state) {
    (void)state;
    log_info(NULL, "job claimed", F_I64("job", 42), F_STR("kind", STR("send")),
             F_BOOL("late", false));
    assert_str(taken(), "level=info msg=\"job claimed\" job=42 kind=send late=false\n");
    log_error(NULL, "stopped");
    assert_str(taken(), "level=error msg=stopped\n");
}

static void time_is_utc_with_milliseconds(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct str early, late, shown;

    (void)state;
    early = clock_format_iso(&a, clock_now_ms());
    log_info(NULL, "x");
    late = clock_format_iso(&a, clock_now_ms());
    shown = str_sub(buf_str(&lines), strlen("ts="), TS_BYTES);
    assert_true(str_cmp(early, shown) <= 0 && str_cmp(shown, late) <= 0);
}

static void logfmt_quotes_what_would_break_a_line(void **state) {
    (void)state;
    log_info(NULL, "m", F_STR("a", STR("")), F_STR("b", STR("x=y")), F_STR("c", STR("say \"hi\"")),
             F_STR("d", STR("back\\slash")), F_STR("e", STR("l1\nl2\r\tx")),
             F_STR("f", STR("\x1b[31m\x7f")), F_STR("g", STR("olá")));
    assert_str(taken(),
               "level=info msg=m a=\"\" b=\"x=y\" c=\"say \\\"hi\\\"\" d=\"back\\\\slash\" "
               "e=\"l1\\nl2\\r\\tx\" f=\"\\u001b[31m\\u007f\" g=\"olá\"\n");
}

static void bad_utf8_and_other_line_ends_do_not_get_out(void **state) {
    (void)state;
    log_info(NULL, "m", F_STR("a", STR("\xFF!")), F_STR("b", STR("x\xE2\x80\xA8y\xC2\x9B")));
    assert_str(taken(), "level=info msg=m a=\"\xEF\xBF\xBD!\" b=\"x\\u2028y\\u009b\"\n");
}

static void json_lines_are_objects(void **state) {
    struct uuid u;

    (void)state;
    assert_true(uuid_parse(STR("017f22e2-79b0-7cc3-98c4-dc0c0c07398f"), &u));
    log_setup(LOG_DEBUG, LOG_JSON);
    log_warn(NULL, "odd \"one\"", F_I64("n", -1), F_STR("s", STR("a\nb\\")), F_BOOL("ok", true),
             F_UUID("id", u), F_SECRET("token", STR("abc")));
    assert_str(taken(),
               ",\"level\":\"warn\",\"msg\":\"odd \\\"one\\\"\",\"n\":-1,\"s\":\"a\\nb\\\\\","
               "\"ok\":true,\"id\":\"017f22e2-79b0-7cc3-98c4-dc0c0c07398f\",\"token\":\"***\"}\n");
}

static void levels_below_the_minimum_are_dropped(void **state) {
    enum log_level level;

    (void)state;
    log_setup(LOG_WARN, LOG_LOGFMT);
    log_debug(NULL, "x");
    log_info(NULL, "x");
    assert_int_equal(lines.len, 0);
    log_warn(NULL, "x");
    log_error(NULL, "x");
    assert_true(lines.len > 0);
    assert_true(log_level_parse(STR("warn"), &level));
    assert_int_equal(level, LOG_WARN);
    assert_false(log_level_parse(STR("loud"), &level));
}

static void context_comes_outermost_first(void **state) {
    const struct log_field process_fields[] = {F_CSTR("node", "a")};
    const struct log_field request_fields[] = {F_CSTR("request", "r1"), F_I64("n", 1)};
    const struct log_ctx process = {.fields = process_fields, .n = 1};
    const struct log_ctx middle = {.parent = &process};
    const struct log_ctx request = {.parent = &middle, .fields = request_fields, .n = 2};

    (void)state;
    log_info(&request, "m", F_I64("last", 2));
    assert_str(taken(), "level=info msg=m node=a request=r1 n=1 last=2\n");
}

static void phones_show_country_and_two_digits(void **state) {
    static const struct {
        const char *phone, *shown;
    } cases[] = {
        {"+5511987654321", "+55…21"},
        {"5511987654321", "+55…21"},
        {"+1 (415) 555-2671", "+1…71"},
        {"+351 912 345 678", "+351…78"},
        {"whatsapp:+447911123456", "+44…56"},
        {"+79161234567", "+7…67"},
        {"1234567", "***"},
        {"", "***"},
        {"ana@example.com", "***"},
        {"1234567890123456", "***"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str line;

        log_info(NULL, "m", F_PHONE("to", str_of(cases[i].phone)));
        line = str_trim(taken());
        assert_true(str_eat(&line, STR("level=info msg=m to=")));
        (void)str_eat(&line, STR("\""));
        assert_true(str_starts(line, str_of(cases[i].shown)));
        assert_true(line.len <= strlen(cases[i].shown) + 1);
    }
}

static void failures_carry_status_cause_and_message(void **state) {
    struct err e = ERR_INIT;

    (void)state;
    (void)err_set(&e, ST_LIMITED, "src/x.c", 7, "could not send: %s", "slow down");
    e.cause = "meta-131047";
    e.retry_after_ms = 1500;
    log_fail(NULL, "send failed", &e, F_I64("job", 1));
    assert_str(taken(), "level=error msg=\"send failed\" status=limited cause=meta-131047 "
                        "error=\"could not send: slow down\" retry_after_ms=1500 file=src/x.c "
                        "line=7 job=1\n");
}

static void long_values_are_cut_between_characters(void **state) {
    static char value[3000];
    struct str line;

    (void)state;
    for (size_t i = 0; i + 1 < sizeof(value); i += 2)
        memcpy(value + i, "é", 2);
    log_info(NULL, "m", F_STR("v", ((struct str){.ptr = value, .len = sizeof(value)})));
    line = taken();
    assert_true(utf8_is_valid(line));
    assert_true(str_ends(line, STR("é…\"\n")));
    assert_in_range(line.len, 1024, 1100);
}

static void lines_fit_a_pipes_atomic_write(void **state) {
    static char value[1000];

    (void)state;
    memset(value, '"', sizeof(value)); /* doubles when escaped */
    for (enum log_format format = LOG_LOGFMT; format <= LOG_JSON; format++) {
        struct str v = {.ptr = value, .len = sizeof(value)}, line;

        log_setup(LOG_DEBUG, format);
        log_info(NULL, "m", F_STR("a", v), F_STR("b", v), F_STR("c", v), F_I64("d", 1));
        assert_in_range(lines.len, 2000, PIPE_BUF);
        line = taken();
        assert_true(str_ends(line, format == LOG_JSON ? STR("\"truncated\":true}\n")
                                                      : STR(" truncated=true\n")));
        assert_false(str_contains(line, STR("c=")));
    }
}

static void *log_many(void *arg) {
    for (int i = 0; i < 2000; i++)
        log_info(NULL, "message of a thread", F_CSTR("thread", arg), F_I64("i", i));
    return NULL;
}

/* Standard error becomes a pipe; what arrives must be whole lines, one after the other. */
static void threads_do_not_mix_lines(void **state) {
    int fds[2], saved = dup(STDERR_FILENO);
    static char name[] = "worker";
    pthread_t threads[3];
    struct str rest;
    struct buf got;
    ssize_t n;

    (void)state;
    log_set_sink(NULL, NULL);
    buf_init(&got, 4 << 20);
    assert_int_equal(pipe(fds), 0);
    assert_true(dup2(fds[1], STDERR_FILENO) >= 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, log_many, name), 0);
    for (int seen = 0; seen < 6000;) {
        char *p = buf_reserve(&got, 4096);

        n = read(fds[0], p, 4096);
        assert_true(n > 0);
        for (ssize_t i = 0; i < n; i++)
            seen += p[i] == '\n';
        buf_commit(&got, (size_t)n);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    rest = buf_str(&got);
    while (rest.len > 0) {
        struct str line;

        assert_true(str_cut(&rest, '\n', &line));
        assert_true(str_starts(line, STR("ts=")) && str_contains(line, STR(" thread=worker i=")));
        assert_false(str_contains(str_sub(line, 3, line.len), STR("ts=")));
    }
    buf_done(&got);
    (void)close(fds[0]);
    (void)close(fds[1]);
    (void)close(saved);
}

static void throttle_passes_once_and_counts_the_rest(void **state) {
    static struct log_throttle t;
    int64_t suppressed = -1;

    (void)state;
    assert_true(log_throttle_pass(&t, 1000, &suppressed));
    assert_int_equal(suppressed, 0);
    for (int i = 0; i < 5; i++)
        assert_false(log_throttle_pass(&t, 1000, &suppressed));
    clock_shift_ms(1001);
    assert_true(log_throttle_pass(&t, 1000, &suppressed));
    clock_shift_ms(0);
    assert_int_equal(suppressed, 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(line_has_time_level_message_fields, setup, teardown),
        cmocka_unit_test_setup_teardown(time_is_utc_with_milliseconds, setup, teardown),
        cmocka_unit_test_setup_teardown(logfmt_quotes_what_would_break_a_line, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_utf8_and_other_line_ends_do_not_get_out, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(json_lines_are_objects, setup, teardown),
        cmocka_unit_test_setup_teardown(levels_below_the_minimum_are_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(context_comes_outermost_first, setup, teardown),
        cmocka_unit_test_setup_teardown(phones_show_country_and_two_digits, setup, teardown),
        cmocka_unit_test_setup_teardown(failures_carry_status_cause_and_message, setup, teardown),
        cmocka_unit_test_setup_teardown(long_values_are_cut_between_characters, setup, teardown),
        cmocka_unit_test_setup_teardown(lines_fit_a_pipes_atomic_write, setup, teardown),
        cmocka_unit_test_setup_teardown(threads_do_not_mix_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(throttle_passes_once_and_counts_the_rest, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
