/* fuzz_script.c - any bytes as a bot's script; one that parses answers whatever is said to it. The bytes are the script; what is
 * said is cut out of them, and the state goes from answer to answer.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "bot/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PROMISE(condition) promise((condition), #condition)

static void promise(bool holds, const char *what) {
    if (holds)
        return;
    (void)fprintf(stderr, "promise broken: %s\n", what);
    abort();
}

static void check_output(struct arena *a, const struct script_output *out) {
    const struct json *v;
    struct err e = ERR_INIT;

    PROMISE(out->n_say > 0 || out->handoff.len > 0);
    PROMISE(out->n_say <= SCRIPT_MAX_SAY);
    PROMISE(out->node.len == 0 || out->because.len > 0);
    PROMISE(json_parse(a, out->state, JSON_LIMITS_DEFAULT, &v, &e) == ST_OK);
    for (size_t i = 0; i < out->n_say; i++) {
        PROMISE(out->say[i].type.len > 0);
        PROMISE(json_parse(a, out->say[i].content, JSON_LIMITS_DEFAULT, &v, &e) == ST_OK);
        PROMISE(json_type(v) == JSON_OBJECT);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    const struct str text = {.ptr = (const char *)data, .len = size};
    const struct script *script;
    struct script_input in = {0};
    struct script_output out;
    struct err e = ERR_INIT;

    if (script_parse(&a, text, &script, &e) != ST_OK) {
        PROMISE(e.status == ST_INVALID && e.message[0] != '\0');
        return 0;
    }
    for (size_t i = 0; i < 6; i++) {
        size_t at = size * i / 6;

        in.text = str_sub(text, at, 40);
        in.choice = str_sub(text, size - at, i);
        in.name = str_sub(text, at / 2, 30);
        script_run(&a, script, &in, &out);
        check_output(&a, &out);
        in.state = i == 4 ? in.text : out.state;
    }
    return 0;
}
