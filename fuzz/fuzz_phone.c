/* fuzz_phone.c - any bytes of a cell: cut into pieces that lie within it, and each piece is either a number, whose E.164 digits
 * read again give the same number, or is none for a reason.
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "phone/phone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PIECES_MAX = 20, E164_MAX = 15 };

static bool is_digits(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    return s.len > 0;
}

static void check_again(struct arena *a, const struct phone *first, const char *region) {
    struct phone again;

    phone_read(a, arena_printf(a, "+%.*s", STR_ARG(first->e164)), region, &again);
    assert(again.is_valid && str_eq(again.e164, first->e164));
    assert(strcmp(again.kind, first->kind) == 0 && strcmp(again.reason, first->reason) == 0);
    assert(again.is_textable == first->is_textable);
    assert(strcmp(phone_timezone(first->e164), first->timezone) == 0);
}

static void check_number(struct arena *a, struct str typed, const char *region) {
    struct phone phone;

    phone_read(a, typed, region, &phone);
    assert(phone.kind && phone.reason && phone.timezone);
    assert(phone.is_textable == (phone.reason[0] == '\0'));
    assert(phone.is_valid || (!phone.is_textable && phone.e164.len == 0));
    if (!phone.is_valid)
        return;
    assert(is_digits(phone.e164) && phone.e164.len <= E164_MAX);
    check_again(a, &phone, region);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const regions[] = {"BR", "BR", "BR", "PT", "US", "AR"};
    const char *region = regions[size > 0 ? data[size - 1] % ARRAY_LEN(regions) : 0];
    struct str cell = {.ptr = (const char *)data, .len = size}, pieces[PIECES_MAX];
    size_t max = size % PIECES_MAX + 1, n = phone_split(cell, pieces, max);
    struct arena a = {0};

    assert(n <= max);
    check_number(&a, cell, region);
    for (size_t i = 0; i < n; i++) {
        assert(pieces[i].len > 0 && pieces[i].ptr >= cell.ptr);
        assert(pieces[i].ptr + pieces[i].len <= cell.ptr + cell.len);
        assert(i == 0 || pieces[i].ptr >= pieces[i - 1].ptr + pieces[i - 1].len);
        check_number(&a, pieces[i], region);
    }
    arena_done(&a);
    return 0;
}
