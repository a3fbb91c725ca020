/* answer.c - the few answers of an IMAP server that are looked into.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "mail/imap.h"

#define UID_MAX UINT64_C(4294967295)

/* The number behind the last `name` of s; -1: none. */
static int64_t number_behind(struct str s, struct str name) {
    for (size_t i = s.len; i >= name.len && i > 0; i--) {
        struct str at = str_sub(s, i - name.len, s.len);
        uint64_t v;

        if (str_eq_nocase(str_sub(at, 0, name.len), name)) {
            at = str_sub(at, name.len, at.len);
            if (str_eat_u64(&at, INT64_MAX, &v))
                return (int64_t)v;
        }
    }
    return -1;
}

bool imap_status(struct str answer, int64_t *ret_validity, int64_t *ret_next) {
    *ret_validity = number_behind(answer, STR("UIDVALIDITY "));
    *ret_next = number_behind(answer, STR("UIDNEXT "));
    return *ret_validity > 0 && *ret_next > 0;
}

int64_t imap_first_found(struct str answer) {
    int64_t least = 0;
    struct str line;

    while (answer.len > 0) {
        uint64_t v;

        (void)str_cut(&answer, '\n', &line);
        line = str_trim(line);
        if (!str_starts(line, STR("* ")) || !str_eq_nocase(str_sub(line, 2, 6), STR("SEARCH")))
            continue;
        line = str_sub(line, 8, line.len);
        for (line = str_trim(line); str_eat_u64(&line, UID_MAX, &v); line = str_trim(line))
            if (v > 0 && (least == 0 || (int64_t)v < least))
                least = (int64_t)v;
    }
    return least;
}

static int by_uid(const void *a, const void *b) {
    const struct mail_item *x = a, *y = b;

    return x->uid < y->uid ? -1 : x->uid > y->uid;
}

size_t imap_sizes(struct str answer, int64_t above, struct mail_item *ret, size_t max) {
    size_t n = 0, kept = 0;
    struct str line;

    while (answer.len > 0 && n < max) {
        int64_t uid, size;

        (void)str_cut(&answer, '\n', &line);
        if (!str_starts(line, STR("* ")) || line.len > 500)
            continue;
        uid = number_behind(line, STR("UID "));
        size = number_behind(line, STR("RFC822.SIZE "));
        if (uid > above && uid <= (int64_t)UID_MAX && size >= 0)
            ret[n++] = (struct mail_item){.uid = uid, .size = size};
    }
    if (n > 0)
        qsort(ret, n, sizeof(*ret), by_uid);
    for (size_t i = 0; i < n; i++) /* a server may tell of one twice */
        if (kept == 0 || ret[kept - 1].uid != ret[i].uid)
            ret[kept++] = ret[i];
    return kept;
}

struct str imap_date(struct arena *a, int64_t ms) {
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    char iso[CLOCK_ISO_BYTES];
    struct str s = {.ptr = iso, .len = sizeof(iso)};
    int64_t month = 1;

    clock_format_iso_to(ms - INT64_C(24) * 3600 * 1000, iso);
    (void)str_parse_i64(str_sub(s, 5, 2), 1, 12, &month);
    return arena_printf(a, "%.*s-%s-%.*s", STR_ARG(str_sub(s, 8, 2)), months[month - 1],
                        STR_ARG(str_sub(s, 0, 4)));
}
