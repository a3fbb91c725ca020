/* json_parse.c - nanoseconds to parse one webhook, walk to its message and drop it: our reader
 * beside jansson.
 *   json_parse [FILE] [ROUNDS]
 * Rounds alternate between the two, so that a busy machine slows both; the best round of each
 * counts.
 * SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "unit/json/judge.h"

enum {
    EACH = 20000, /* parses a round */
    FILE_BYTES_MAX = 4 << 20,
};

static struct arena arena;

static bool walk_ours(struct str text) {
    const struct json *v = NULL, *message;

    if (json_parse(&arena, text, JSON_LIMITS_DEFAULT, &v, NULL) != ST_OK)
        return false;
    v = json_at(json_get(v, "entry"), 0);
    v = json_path(json_at(json_get(v, "changes"), 0), "value", NULL);
    message = json_at(json_get(v, "messages"), 0);
    return json_str(json_get(message, "id")).len > 0 && arena.used > 0;
}

static bool ours(struct str text) {
    bool ok = walk_ours(text);

    arena_reset(&arena);
    return ok;
}

static bool theirs(struct str text) {
    json_t *v = judge_parse(text, false), *at;
    bool ok;

    at = json_array_get(json_object_get(v, "entry"), 0);
    at = json_object_get(json_array_get(json_object_get(at, "changes"), 0), "value");
    at = json_array_get(json_object_get(at, "messages"), 0);
    ok = json_string_length(json_object_get(at, "id")) > 0;
    json_decref(v);
    return ok;
}

/* Nanoseconds for one call. */
static double measure(bool (*parse)(struct str text), struct str text) {
    int64_t start_ns = clock_mono_ns();

    for (int i = 0; i < EACH; i++) {
        if (!parse(text)) {
            (void)fputs("no message in it\n", stderr);
            _exit(1);
        }
    }
    return (double)(clock_mono_ns() - start_ns) / EACH;
}

static struct str read_file(const char *path) {
    static char text[FILE_BYTES_MAX];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof(text)) : -1;

    if (n < 0) {
        perror(path);
        _exit(1);
    }
    (void)close(fd);
    return (struct str){.ptr = text, .len = (size_t)n};
}

int main(int argc, char **argv) {
    struct str text = read_file(argc > 1 ? argv[1] : "bench/micro/webhook.json");
    double best_ours = 1e18, best_theirs = 1e18;
    int64_t rounds = 15;

    if (argc > 2)
        (void)str_parse_i64(str_of(argv[2]), 1, 1000, &rounds);
    for (int64_t i = 0; i < rounds; i++) {
        double x = measure(ours, text), y = measure(theirs, text);

        best_ours = x < best_ours ? x : best_ours;
        best_theirs = y < best_theirs ? y : best_theirs;
    }
    printf("bytes=%zu ours_ns=%.0f jansson_ns=%.0f ratio=%.2f\n", text.len, best_ours, best_theirs,
           best_theirs / best_ours);
    return 0;
}
