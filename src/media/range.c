/* range.c - one range of bytes (RFC 9110 §14.1.2). Several at once may be ignored by a server (§14.2), and are: the whole
 * file is a right answer to any Range.
 * SPDX-License-Identifier: Apache-2.0 */
#include "media/media.h"

/* "-n": the last n bytes. */
static enum media_range suffix(struct str s, uint64_t size, uint64_t *ret_from, uint64_t *ret_len) {
    uint64_t n;

    if (!str_eat_u64(&s, UINT64_MAX, &n) || s.len > 0)
        return MEDIA_RANGE_WHOLE;
    if (n == 0 || size == 0)
        return MEDIA_RANGE_BEYOND;
    *ret_len = n < size ? n : size;
    *ret_from = size - *ret_len;
    return MEDIA_RANGE_PART;
}

enum media_range media_range(struct str header, uint64_t size, uint64_t *ret_from,
                             uint64_t *ret_len) {
    struct str s = str_trim(header);
    uint64_t from, to = UINT64_MAX;

    if (!str_eat(&s, STR("bytes=")))
        return MEDIA_RANGE_WHOLE;
    s = str_trim(s);
    if (str_eat(&s, STR("-")))
        return suffix(s, size, ret_from, ret_len);
    if (!str_eat_u64(&s, UINT64_MAX, &from) || !str_eat(&s, STR("-")))
        return MEDIA_RANGE_WHOLE;
    if (s.len > 0 && (!str_eat_u64(&s, UINT64_MAX, &to) || s.len > 0 || to < from))
        return MEDIA_RANGE_WHOLE;
    if (from >= size)
        return MEDIA_RANGE_BEYOND;
    if (to > size - 1)
        to = size - 1;
    *ret_from = from;
    *ret_len = to - from + 1;
    return MEDIA_RANGE_PART;
}
