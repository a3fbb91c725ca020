/* fixture.c - see fixture.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/fixture.h"

#include <dirent.h>
#include <errno.h>

enum {
    FILE_MAX_BYTES = 16 << 20,
    NAMES_MAX = 1000,
};

static void die(const char *what, const char *name) ATTR_NORETURN;

static void die(const char *what, const char *name) {
    (void)fprintf(stderr, "fixture: could not %s \"%s\": %m\n", what, name);
    exit(EXIT_FAILURE);
}

static char *path_of(struct arena *a, const char *dir, const char *name) {
    return arena_cstr(a, arena_printf(a, "%s/fixtures/%s/%s", PROSA_TEST_DIR, dir, name));
}

struct str fixture_read(struct arena *a, const char *dir, const char *name) {
    const char *path = path_of(a, dir, name);
    FILE *f = fopen(path, "rb");
    char *bytes;
    long size;

    if (!f || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0 || size > FILE_MAX_BYTES)
        die("open", path);
    rewind(f);
    bytes = arena_alloc(a, (size_t)size + 1);
    if (fread(bytes, 1, (size_t)size, f) != (size_t)size)
        die("read", path);
    (void)fclose(f);
    return (struct str){.ptr = bytes, .len = (size_t)size};
}

const struct json *fixture_json(struct arena *a, const char *dir, const char *name) {
    const struct json *v;
    struct err e = ERR_INIT;

    if (json_parse(a, fixture_read(a, dir, name), JSON_LIMITS_DEFAULT, &v, &e) != ST_OK)
        die(e.message, name);
    return v;
}

void fixture_write(const char *dir, const char *name, struct str text) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    const char *path = path_of(&a, dir, name);
    FILE *f = fopen(path, "wb");

    if (!f || fwrite(text.ptr, 1, text.len, f) != text.len || fclose(f) != 0)
        die("write", path);
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct fixture_names fixture_list(struct arena *a, const char *dir, const char *suffix) {
    struct fixture_names list = {.names = arena_array_of(a, NAMES_MAX, const char *)};
    const char *path = path_of(a, dir, "");
    DIR *d = opendir(path);
    const struct dirent *entry;

    if (!d)
        die("open", path);
    while ((entry = readdir(d)) != NULL) {
        struct str name = str_of(entry->d_name);

        if (str_ends(name, str_of(suffix)) && list.n < NAMES_MAX)
            list.names[list.n++] = arena_cstr(a, name);
    }
    (void)closedir(d);
    qsort(list.names, list.n, sizeof(*list.names), by_name);
    return list;
}

/* --- comparison ----------------------------------------------------------------------------- */

static const struct json *member_of(const struct json *v, struct str key) {
    const struct json *value;
    struct str k;

    for (size_t i = 0; json_member(v, i, &k, &value); i++) {
        if (str_eq(k, key))
            return value;
    }
    return NULL;
}

static bool same_members(const struct json *a, const struct json *b) {
    const struct json *value;
    struct str key;

    for (size_t i = 0; json_member(a, i, &key, &value); i++) {
        const struct json *other = member_of(b, key);

        if (!other || !json_same(value, other))
            return false;
    }
    return json_len(a) == json_len(b);
}

static bool same_items(const struct json *a, const struct json *b) {
    for (size_t i = 0; i < json_len(a); i++) {
        if (!json_same(json_at(a, i), json_at(b, i)))
            return false;
    }
    return json_len(a) == json_len(b);
}

static bool is_number(const struct json *v) {
    return json_type(v) == JSON_INT || json_type(v) == JSON_REAL;
}

bool json_same(const struct json *a, const struct json *b) {
    if (is_number(a) && is_number(b))
        return json_type(a) == json_type(b) && json_type(a) == JSON_INT
                   ? json_i64(a, 0) == json_i64(b, 0)
                   : json_real(a, 0) == json_real(b, 0);
    if (json_type(a) != json_type(b))
        return false;
    switch (json_type(a)) {
    case JSON_OBJECT:
        return same_members(a, b);
    case JSON_ARRAY:
        return same_items(a, b);
    case JSON_STRING:
        return str_eq(json_str(a), json_str(b));
    case JSON_BOOL:
        return json_bool(a, false) == json_bool(b, false);
    case JSON_ABSENT:
    case JSON_NULL:
    case JSON_INT:
    case JSON_REAL:
        break;
    }
    return true;
}

struct str json_text(struct arena *a, const struct json *v) {
    struct buf b;
    struct str text;

    buf_init(&b, FILE_MAX_BYTES);
    json_write(&b, v);
    text = arena_str(a, buf_str(&b));
    buf_done(&b);
    return text;
}
