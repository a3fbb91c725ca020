/* test_stats.c - what stats.h promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "stats/stats.h"

static struct stats_counter accepted =
    STATS_COUNTER_L("test_hooks_total", "Webhooks.", "state=\"accepted\"");
static struct stats_counter refused =
    STATS_COUNTER_L("test_hooks_total", "Webhooks.", "state=\"refused\"");
static struct stats_counter between = STATS_COUNTER("test_between_total", "Stands between.");
static struct stats_counter depth = STATS_GAUGE("test_depth", "Queue depth.");
static struct stats_histogram wait = STATS_HISTOGRAM("test_wait_seconds", "Waits.");
static struct stats_histogram labelled =
    STATS_HISTOGRAM_L("test_wait_seconds", "Waits.", "kind=\"send\"");

static struct str render(void) {
    static struct buf b;

    if (b.max == 0)
        buf_init(&b, 1 << 20);
    buf_clear(&b);
    stats_render(&b);
    assert_false(b.overflown);
    return buf_str(&b);
}

#define assert_has(text) assert_true(str_contains(render(), STR(text)))

static void names_stand_in_one_group_with_one_head(void **state) {
    (void)state;
    stats_add(&accepted, 2);
    stats_add(&between, 1);
    stats_add(&refused, 1);
    stats_add(&accepted, 1);
    assert_has("# HELP test_hooks_total Webhooks.\n# TYPE test_hooks_total counter\n"
               "test_hooks_total{state=\"refused\"} 1\ntest_hooks_total{state=\"accepted\"} 3\n");
    assert_has("# TYPE test_between_total counter\ntest_between_total 1\n");
}

static void gauges_go_up_and_down(void **state) {
    (void)state;
    stats_set(&depth, 10);
    stats_add(&depth, -12);
    assert_has("# TYPE test_depth gauge\ntest_depth -2\n");
    stats_set(&depth, 0);
    assert_has("\ntest_depth 0\n");
}

static void histogram_buckets_are_cumulative_seconds(void **state) {
    (void)state;
    stats_observe_us(&wait, 0);
    stats_observe_us(&wait, 500);
    stats_observe_us(&wait, 501);
    stats_observe_us(&wait, 16384000);
    stats_observe_us(&wait, 16384001);
    stats_observe_us(&wait, -5); /* counts as no wait at all */
    stats_observe_us(&labelled, 1000000);
    assert_has("# TYPE test_wait_seconds histogram\n");
    assert_has("test_wait_seconds_bucket{le=\"0.0005\"} 3\n"
               "test_wait_seconds_bucket{le=\"0.001\"} 4\n");
    assert_has("test_wait_seconds_bucket{le=\"16.384\"} 5\n"
               "test_wait_seconds_bucket{le=\"+Inf\"} 6\n"
               "test_wait_seconds_sum 32.769002\n"
               "test_wait_seconds_count 6\n");
    assert_has("test_wait_seconds_bucket{kind=\"send\",le=\"1.024\"} 1\n");
    assert_has("test_wait_seconds_sum{kind=\"send\"} 1.000000\n");
}

static void add_sample(struct buf *b, void *ctx) {
    stats_sample(b, "test_computed", "x=\"1\"", *(int64_t *)ctx);
}

static void computed_values_are_asked_for(void **state) {
    static int64_t value = 7;

    (void)state;
    stats_on_render(add_sample, &value);
    assert_has("test_computed{x=\"1\"} 7\n");
    value = 8;
    assert_has("test_computed{x=\"1\"} 8\n");
}

/* The number behind a name without labels; -1 when it is not there. */
static int64_t number_of(const char *name) {
    struct str text = render(), line;

    while (str_cut(&text, '\n', &line)) {
        int64_t v;

        if (str_eat(&line, str_of(name)) && str_eat(&line, STR(" ")) &&
            str_parse_i64(line, 0, INT64_MAX, &v))
            return v;
    }
    return -1;
}

static void process_tells_memory_files_and_start(void **state) {
    (void)state;
    assert_in_range(number_of("process_resident_memory_bytes"), 100000, 1ll << 45);
    assert_in_range(number_of("process_open_fds"), 3, 1000);
    assert_in_range(number_of("process_start_time_seconds"), time(NULL) - 60, time(NULL) + 2);
}

static struct stats_counter shared = STATS_COUNTER("test_shared_total", "Added by threads.");

static void *add_many(void *arg) {
    (void)arg;
    for (int i = 0; i < 50000; i++)
        stats_add(&shared, 1);
    return NULL;
}

static void threads_lose_no_count_and_register_once(void **state) {
    pthread_t threads[4];
    struct str first, text;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(number_of("test_shared_total"), 200000);
    text = render();
    first = STR("\ntest_shared_total ");
    text = str_sub(
        text,
        (size_t)((const char *)memmem(text.ptr, text.len, first.ptr, first.len) - text.ptr) + 1,
        text.len);
    assert_false(str_contains(text, first));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_stand_in_one_group_with_one_head),
        cmocka_unit_test(gauges_go_up_and_down),
        cmocka_unit_test(histogram_buckets_are_cumulative_seconds),
        cmocka_unit_test(computed_values_are_asked_for),
        cmocka_unit_test(process_tells_memory_files_and_start),
        cmocka_unit_test(threads_lose_no_count_and_register_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
