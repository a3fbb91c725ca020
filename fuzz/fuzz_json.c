/* fuzz_json.c - our JSON reader against jansson, the judge: the same verdict and values for any
 * bytes within our limits, with and without repeated keys; what is written again reads back the
 * same; any bytes as a string make valid JSON.
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "unit/json/judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_written(struct arena *a, const struct json *v, json_t *theirs,
                          struct json_limits limits) {
    const struct json *again = NULL;
    struct buf b;

    buf_init(&b, 64 << 20);
    json_write(&b, v);
    assert(!b.overflown && utf8_is_valid(buf_str(&b)));
    limits.max_bytes = 64 << 20;
    if (json_parse(a, buf_str(&b), limits, &again, NULL) != ST_OK || !judge_same(again, theirs))
        abort();
    buf_done(&b);
}

static void check_verdict(struct str text, bool allow_duplicates) {
    const struct json_limits limits = {.max_bytes = 4 << 20,
                                       .max_depth = JSON_MAX_DEPTH,
                                       .max_values = SIZE_MAX,
                                       .allow_duplicates = allow_duplicates};
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    ATTR_CLEANUP(judge_free) json_t *theirs = judge_parse(text, allow_duplicates);
    const struct json *ours = NULL;
    struct err e = ERR_INIT;

    if (json_parse(&a, text, limits, &ours, &e) == ST_OK) {
        if (!theirs || !judge_same(ours, theirs))
            abort();
        check_written(&a, ours, theirs, limits);
    } else if (theirs && !str_ends(str_of(e.message), STR("nested too deep"))) {
        abort(); /* only depth is a limit of ours that jansson does not share */
    }
}

static void check_string(struct str bytes) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    const struct json *v = NULL;
    struct json_out out;
    struct buf b;

    buf_init(&b, 64 << 20);
    json_out_init(&out, &b);
    json_put_str(&out, NULL, bytes);
    if (json_parse(&a, buf_str(&b), JSON_LIMITS_DEFAULT, &v, NULL) != ST_OK ||
        !str_eq(json_str(v), utf8_repair(&a, bytes)))
        abort();
    buf_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str text = {.ptr = (const char *)data, .len = size};

    if (size > 512 << 10)
        return 0;
    check_verdict(text, false);
    check_verdict(text, true);
    check_string(text);
    return 0;
}
