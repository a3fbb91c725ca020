/* retry_after.c - the three spellings of "come back later".
 * SPDX-License-Identifier: Apache-2.0 */
#include "httpc/retry_after.h"

#include <curl/curl.h>
#include <string.h>

enum { DATE_MAX_BYTES = 64 };

static int64_t clamp_ms(int64_t ms) {
    if (ms < 0)
        return 0;
    return ms > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : ms;
}

/* "12", "0.5" in units of unit_ms. */
static bool parse_number(struct str s, int64_t unit_ms, int64_t *ret_ms) {
    uint64_t whole;
    int64_t scale = unit_ms;
    int64_t ms;

    if (!str_eat_u64(&s, INT64_MAX / 1000 - 1, &whole))
        return false;
    ms = (int64_t)whole * unit_ms;
    if (str_eat(&s, STR("."))) {
        while (s.len > 0 && s.ptr[0] >= '0' && s.ptr[0] <= '9') {
            scale /= 10;
            ms += (s.ptr[0] - '0') * scale;
            s = str_sub(s, 1, s.len);
        }
    }
    *ret_ms = clamp_ms(ms);
    return s.len == 0;
}

static bool parse_date(struct str s, int64_t now_ms, int64_t *ret_ms) {
    char text[DATE_MAX_BYTES + 1];
    time_t at;

    if (s.len == 0 || s.len > DATE_MAX_BYTES)
        return false;
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    at = curl_getdate(text, NULL);
    if (at == (time_t)-1)
        return false;
    *ret_ms = at > INT64_MAX / 1000 ? RETRY_AFTER_MAX_MS : clamp_ms((int64_t)at * 1000 - now_ms);
    return true;
}

static struct str find(const struct http_header *headers, size_t n, struct str name) {
    for (size_t i = 0; i < n; i++) {
        if (str_eq_nocase(headers[i].name, name))
            return str_trim(headers[i].value);
    }
    return STR_EMPTY;
}

int64_t retry_after_ms(const struct http_header *headers, size_t n, int64_t now_ms) {
    struct str seconds = find(headers, n, STR("retry-after"));
    int64_t ms;

    if (parse_number(find(headers, n, STR("retry-after-ms")), 1, &ms))
        return ms;
    if (parse_number(seconds, 1000, &ms) || parse_date(seconds, now_ms, &ms))
        return ms;
    return -1;
}
