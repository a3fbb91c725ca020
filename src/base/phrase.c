/* phrase.c - folding, parting and looking up words.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/phrase.h"

#include "base/utf8.h"

static size_t slot_of(const struct phrase_index *x, struct str word) {
    size_t i = (size_t)str_hash(word) % PHRASE_SLOTS;

    while (x->words[i].len > 0 && !str_eq(x->words[i], word))
        i = (i + 1) % PHRASE_SLOTS;
    return i;
}

void phrase_index_fill(struct phrase_index *x, const struct phrase_kinds *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        struct str rest = str_of(rows[i].words), word;

        while (rest.len > 0) {
            size_t slot;

            (void)str_cut(&rest, ' ', &word);
            slot = slot_of(x, word);
            x->words[slot] = word;
            x->kinds[slot] |= rows[i].kinds;
        }
    }
}

uint64_t phrase_kinds_of(const struct phrase_index *x, struct str word, bool *ret_known) {
    size_t slot = slot_of(x, word);

    if (ret_known)
        *ret_known = x->words[slot].len > 0;
    return x->kinds[slot];
}

static bool is_word_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

static void add(const struct phrase_index *x, struct phrase *w, struct str word) {
    if (w->n < PHRASE_WORDS_MAX) {
        w->at[w->n] = word;
        w->kinds[w->n++] = phrase_kinds_of(x, word, NULL);
    }
}

void phrase_split(struct arena *a, const struct phrase_index *x, struct str text,
                  struct phrase *w) {
    struct str folded = utf8_fold(a, text);
    char *word = arena_alloc(a, folded.len + 1);
    size_t len = 0, from = 0;

    w->n = 0;
    w->is_question = false;
    add(x, w, STR("|"));
    for (size_t i = 0; i <= folded.len; i++) {
        char c = i < folded.len ? folded.ptr[i] : '.';

        if (is_word_byte(c)) {
            word[len++] = c;
            continue;
        }
        if (c == '\'')
            continue;
        if (len > from)
            add(x, w, (struct str){word + from, len - from});
        from = len;
        w->is_question = w->is_question || c == '?';
        if (c != ' ' && c != '/' && c != '-' && c != '\t') {
            add(x, w, STR("|"));
            w->asks[w->n - 1] = c == '?';
        }
    }
}
