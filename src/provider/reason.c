/* reason.c - words of providers, short and without numbers of people.
 * SPDX-License-Identifier: Apache-2.0 */
#include "provider/reason.h"

#include "base/utf8.h"

enum {
    DETAIL_MAX_POINTS = 200,
    DIGITS_SHOWN = 6, /* in a row; a longer run may be somebody's number */
};

static size_t digits_at(struct str s, size_t i) {
    size_t n = 0;

    while (i + n < s.len && s.ptr[i + n] >= '0' && s.ptr[i + n] <= '9')
        n++;
    return n;
}

static struct str discreet(struct arena *a, struct str s) {
    struct str cut = utf8_cut_points(utf8_repair(a, s), DETAIL_MAX_POINTS);
    char *out = arena_alloc(a, cut.len + 1);

    for (size_t i = 0; i < cut.len;) {
        size_t run = digits_at(cut, i);

        for (size_t j = 0; j < run; j++)
            out[i + j] = run > DIGITS_SHOWN ? '#' : cut.ptr[i + j];
        if (run == 0)
            out[i] = (unsigned char)cut.ptr[i] < ' ' ? ' ' : cut.ptr[i];
        i += run > 0 ? run : 1;
    }
    return (struct str){.ptr = out, .len = cut.len};
}

struct str reason_with_detail(struct arena *a, const char *reason, struct str detail) {
    if (detail.len == 0)
        return str_of(reason);
    detail = discreet(a, detail);
    return arena_printf(a, "%s (%.*s)", reason, STR_ARG(detail));
}
