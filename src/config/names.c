/* names.c - flags and variables from keys, keys from what people typed, also misspelt.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "config/table.h"

enum {
    TYPED_BYTES_MAX = 64, /* longer names are no misspelling of ours */
};

static char as_key(char c) {
    return (char)(c == '-' ? '_' : c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static bool is_key(const char *key, struct str typed) {
    if (strlen(key) != typed.len)
        return false;
    for (size_t i = 0; i < typed.len; i++) {
        if (key[i] != as_key(typed.ptr[i]))
            return false;
    }
    return true;
}

const struct setting *setting_find(struct str key) {
    for (size_t i = 0; i < config_table_len; i++) {
        if (is_key(config_table[i].key, key))
            return &config_table[i];
    }
    return NULL;
}

static size_t min3(size_t a, size_t b, size_t c) {
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

/* Levenshtein distance, one row of the matrix at a time; typed has at most TYPED_BYTES_MAX
 * bytes. */
static size_t distance(const char *key, struct str typed) {
    size_t row[TYPED_BYTES_MAX + 1];

    for (size_t j = 0; j <= typed.len; j++)
        row[j] = j;
    for (size_t i = 0; key[i]; i++) {
        size_t diagonal = row[0];

        row[0] = i + 1;
        for (size_t j = 0; j < typed.len; j++) {
            size_t above = row[j + 1];

            row[j + 1] = min3(above + 1, row[j] + 1, diagonal + (key[i] != as_key(typed.ptr[j])));
            diagonal = above;
        }
    }
    return row[typed.len];
}

const struct setting *setting_nearest(struct str key) {
    const struct setting *best = NULL;
    size_t best_distance =
        key.len / 3 + 1; /* a third of the letters wrong, and it is another word */

    if (key.len > TYPED_BYTES_MAX)
        return NULL;
    for (size_t i = 0; i < config_table_len; i++) {
        size_t d = distance(config_table[i].key, key);

        if (d < best_distance) {
            best = &config_table[i];
            best_distance = d;
        }
    }
    return best;
}

struct str setting_flag(struct arena *a, const struct setting *s) {
    size_t len = strlen(s->key);
    char *text = arena_alloc(a, len + 3);

    text[0] = text[1] = '-';
    for (size_t i = 0; i < len; i++)
        text[i + 2] = (char)(s->key[i] == '_' ? '-' : s->key[i]);
    return (struct str){.ptr = text, .len = len + 2};
}

struct str setting_env(struct arena *a, const struct setting *s) {
    static const char prefix[] = "PROSA_";
    size_t len = strlen(s->key);
    char *text = arena_alloc(a, sizeof(prefix) + len);

    memcpy(text, prefix, sizeof(prefix) - 1);
    for (size_t i = 0; i < len; i++) {
        char c = s->key[i];

        text[sizeof(prefix) - 1 + i] = (char)(c >= 'a' && c <= 'z' ? c - 0x20 : c);
    }
    return (struct str){.ptr = text, .len = sizeof(prefix) - 1 + len};
}
