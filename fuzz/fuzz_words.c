/* fuzz_words.c - any text gives words that stand in it, within the bounds, the same words for the same text.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/utf8.h"
#include "search/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok) {
    if (!ok)
        abort();
}

static void check(struct arena *a, struct stemmer *stemmer, enum words_of of, struct str text) {
    struct word *words;
    size_t n = words_split(a, stemmer, of, text, &words), end = 0;

    require(n <= WORDS_MAX);
    for (size_t i = 0; i < n; i++) {
        const struct word *w = &words[i];

        require(w->len > 0 && w->at + w->len <= text.len);
        require(w->folded.len > 0 && w->folded.len <= WORD_BYTES_MAX);
        require(w->stem.len > 0 && utf8_is_valid(w->stem));
        require(!str_contains(w->stem, STR(" ")));
        if (of == WORDS_OF_QUERY) /* one after the other */
            require(w->at >= end);
        end = w->at + w->len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    ATTR_CLEANUP(stemmer_free_p) struct stemmer *stemmer = NULL;
    struct err e = ERR_INIT;
    struct str text = utf8_repair(&a, (struct str){.ptr = (const char *)data, .len = size});

    require(stemmer_new(&stemmer, &e) == ST_OK);
    check(&a, stemmer, WORDS_OF_TEXT, text);
    check(&a, stemmer, WORDS_OF_QUERY, text);
    return 0;
}
