/* fuzz_utf8.c - the UTF-8 functions agree with each other on any bytes.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok) {
    if (!ok)
        abort();
}

/* Point by point, as slow and plain as can be. */
static size_t count_points(struct str s, bool *ret_valid) {
    size_t n = 0;
    uint32_t point;

    while (utf8_next(&s, &point)) {
        char bytes[4];

        require(point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF));
        require(utf8_put(point, bytes) <= sizeof(bytes));
        n++;
    }
    *ret_valid = s.len == 0;
    return n;
}

static void check_cuts(struct str s) {
    for (size_t max = 0; max <= s.len && max < 64; max++) {
        struct str bytes = utf8_cut_bytes(s, max), points = utf8_cut_points(s, max);

        require(bytes.len <= max && utf8_is_valid(bytes));
        require(utf8_is_valid(points) && utf8_count(points) <= max);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct str s = {.ptr = (const char *)data, .len = size};
    struct str repaired, folded;
    bool valid;
    size_t n = count_points(s, &valid);

    require(utf8_is_valid(s) == valid);
    if (valid) {
        require(utf8_count(s) == n);
        check_cuts(s);
    }
    repaired = utf8_repair(&a, s);
    require(utf8_is_valid(repaired));
    require(valid ? str_eq(repaired, s) : repaired.len >= s.len);
    folded = utf8_fold(&a, s);
    require(folded.len <= s.len);
    if (valid) /* else a dropped mark may join two halves of a character */
        require(utf8_is_valid(folded) && str_eq(utf8_fold(&a, folded), folded));
    return 0;
}
