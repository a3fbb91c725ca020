/* pack.c - lists as one parameter.
 * SPDX-License-Identifier: Apache-2.0 */
#include "lead/pack.h"

#include <string.h>

#include "json/json.h"

enum { TEXTS_BYTES = 16 << 20 };

struct str pack_ids(struct arena *a, const struct lead_id *ids, size_t n) {
    char *out = arena_alloc_n(a, n + 1, UUID_BYTES);

    for (size_t i = 0; i < n; i++)
        memcpy(out + i * UUID_BYTES, ids[i].v.bytes, UUID_BYTES);
    return (struct str){.ptr = out, .len = n * UUID_BYTES};
}

struct str pack_texts(struct arena *a, const struct str *texts, size_t n) {
    struct json_out o;
    struct buf b;
    struct str out;

    buf_init(&b, TEXTS_BYTES);
    json_out_init(&o, &b);
    json_arr(&o, NULL);
    for (size_t i = 0; i < n; i++)
        json_put_str(&o, NULL, texts[i]);
    json_end(&o);
    out = arena_str(a, buf_str(&b));
    buf_done(&b);
    return out;
}
