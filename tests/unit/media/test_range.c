/* test_range.c - Range as RFC 9110 §14.1.2 has it, one range at a time.
 * SPDX-License-Identifier: Apache-2.0 */
#include "media/media.h"
#include "unit/check.h"

static void part(const char *header, uint64_t size, uint64_t want_from, uint64_t want_len) {
    uint64_t from = 0, len = 0;

    assert_int_equal(media_range(str_of(header), size, &from, &len), MEDIA_RANGE_PART);
    assert_int_equal(from, want_from);
    assert_int_equal(len, want_len);
}

static void other(const char *header, uint64_t size, enum media_range want) {
    uint64_t from, len;

    assert_int_equal(media_range(str_of(header), size, &from, &len), want);
}

static void one_range_is_cut_to_the_file(void **state) {
    (void)state;
    part("bytes=0-0", 10, 0, 1);
    part("bytes=0-9", 10, 0, 10);
    part("bytes=3-", 10, 3, 7);
    part("bytes=5-99", 10, 5, 5);
    part("bytes=-3", 10, 7, 3);
    part("bytes=-30", 10, 0, 10);
    part(" bytes= 2-3", 10, 2, 2);
    part("bytes=0-18446744073709551615", 10, 0, 10);
}

static void range_past_the_end_cannot_be_met(void **state) {
    (void)state;
    other("bytes=10-", 10, MEDIA_RANGE_BEYOND);
    other("bytes=10-20", 10, MEDIA_RANGE_BEYOND);
    other("bytes=-0", 10, MEDIA_RANGE_BEYOND);
    other("bytes=0-", 0, MEDIA_RANGE_BEYOND);
    other("bytes=-1", 0, MEDIA_RANGE_BEYOND);
}

static void several_and_malformed_ranges_mean_the_whole(void **state) {
    static const char *const headers[] = {"",
                                          "bytes",
                                          "bytes=",
                                          "bytes=-",
                                          "bytes=a-b",
                                          "bytes=1",
                                          "bytes=5-2",
                                          "bytes=0-1,3-4",
                                          "bytes=0-1,",
                                          "items=0-1",
                                          "bytes=0--1",
                                          "bytes=1-2x",
                                          "bytes=99999999999999999999-",
                                          "bytes=0-99999999999999999999",
                                          "bytes 0-1"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(headers); i++)
        other(headers[i], 10, MEDIA_RANGE_WHOLE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_range_is_cut_to_the_file),
        cmocka_unit_test(range_past_the_end_cannot_be_met),
        cmocka_unit_test(several_and_malformed_ranges_mean_the_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
