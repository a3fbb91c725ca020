/* pattern.c - which events an endpoint wants, and how long to wait for it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "webhook/store.h"

enum { PATTERN_BYTES = 64 };

/* --- patterns --------------------------------------------------------------------------------------------------------- */

static bool pattern_matches(struct str pattern, struct str kind) {
    if (str_eq(pattern, STR("*")))
        return true;
    if (str_ends(pattern, STR(".*")))
        return str_starts(kind, str_sub(pattern, 0, pattern.len - 1));
    return str_eq(pattern, kind);
}

bool webhook_matches(struct str patterns, struct str kind) {
    while (patterns.len > 0) {
        struct str one;

        (void)str_cut(&patterns, ' ', &one);
        if (one.len > 0 && pattern_matches(one, kind))
            return true;
    }
    return false;
}

static bool is_word(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if (!(s.ptr[i] >= 'a' && s.ptr[i] <= 'z') && s.ptr[i] != '_')
            return false;
    return s.len > 0;
}

/* "*", or words joined by dots, the last of which may be "*". */
static bool is_pattern(struct str s) {
    struct str word;

    if (s.len == 0 || s.len > PATTERN_BYTES)
        return false;
    while (str_cut(&s, '.', &word))
        if (!is_word(word))
            return false;
    return str_eq(word, STR("*")) || is_word(word); /* the last one */
}

enum status pattern_normalise(struct arena *a, struct str text, struct str *ret, struct err *e) {
    ATTR_CLEANUP(buf_done_p)
    struct buf b = {.max = (size_t)WEBHOOK_MAX_PATTERNS * (PATTERN_BYTES + 1)};
    size_t n = 0;

    while (text.len > 0) {
        struct str one;

        (void)str_cut(&text, ' ', &one);
        if (one.len == 0)
            continue;
        if (!is_pattern(one))
            FAIL(e, ST_INVALID, "events: \"%.*s\" is not like *, message.* or conversation.taken",
                 (int)(one.len > PATTERN_BYTES ? PATTERN_BYTES : one.len), one.ptr);
        if (++n > WEBHOOK_MAX_PATTERNS)
            FAIL(e, ST_INVALID, "events: at most %d patterns", WEBHOOK_MAX_PATTERNS);
        buf_printf(&b, "%s%.*s", n > 1 ? " " : "", STR_ARG(one));
    }
    if (n == 0)
        FAIL(e, ST_INVALID, "events: which ones? \"*\" is all of them");
    *ret = arena_str(a, buf_str(&b));
    return ST_OK;
}

/* --- backoff ---------------------------------------------------------------------------------------------------------- */

int64_t webhook_backoff_ms(int64_t attempt, uint32_t random) {
    static const int64_t seconds[] = {5,    30,   2 * 60,   10 * 60,  30 * 60,
                                      3600, 7200, 4 * 3600, 8 * 3600, 8 * 3600};
    int64_t ms;

    if (attempt < 1 || attempt > (int64_t)ARRAY_LEN(seconds))
        return 0;
    ms = seconds[attempt - 1] * 1000;
    return ms - ms / 5 + (int64_t)(random % 1000) * (2 * ms / 5) / 1000;
}
