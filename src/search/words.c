/* words.c - what a text is found by.
 *
 * People write "informação", "informacao" and "INFORMAÇÕES" and mean one word, so accents go first. But Snowball's Portuguese
 * stemmer knows its endings by their accents: they are put back where the ending tells them ("-acao" can only be "-ação"),
 * and plurals whose singular looks different ("-ões", "-ais", "-ns") become it, which Snowball leaves alone.
 * SPDX-License-Identifier: Apache-2.0 */
#include "search/words.h"

#include <libstemmer.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

struct stemmer {
    struct sb_stemmer *portuguese;
};

enum status stemmer_new(struct stemmer **ret, struct err *e) {
    struct stemmer *s = calloc(1, sizeof(*s));

    if (s)
        s->portuguese = sb_stemmer_new("portuguese", "UTF_8");
    if (!s || !s->portuguese) {
        free(s);
        FAIL(e, ST_UNAVAILABLE, "could not make a stemmer: out of memory");
    }
    *ret = s;
    return ST_OK;
}

void stemmer_free(struct stemmer *s) {
    if (!s)
        return;
    sb_stemmer_delete(s->portuguese);
    free(s);
}

void stemmer_free_p(struct stemmer **s) {
    stemmer_free(*s);
}

/* --- letters ----------------------------------------------------------------------------------------------------------- */

/* Ranges of punctuation, signs and pictures above ASCII; everything else there is taken for letters. */
static bool is_sign(uint32_t point) {
    static const struct {
        uint32_t first, last;
    } signs[] = {{0x80, 0xBF},     {0xD7, 0xD7},       {0xF7, 0xF7},       {0x2000, 0x2BFF},
                 {0x3000, 0x303F}, {0xE000, 0xF8FF},   {0xFE00, 0xFE4F},   {0xFF00, 0xFF0F},
                 {0xFFF0, 0xFFFF}, {0x1F000, 0x1FAFF}, {0xE0000, 0x10FFFF}};

    for (size_t i = 0; i < ARRAY_LEN(signs); i++)
        if (point >= signs[i].first && point <= signs[i].last)
            return true;
    return false;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_word_point(uint32_t point) {
    if (point < 0x80)
        return is_digit((char)point) || (point >= 'a' && point <= 'z') ||
               (point >= 'A' && point <= 'Z');
    return !is_sign(point);
}

static bool is_number(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if (!is_digit(s.ptr[i]))
            return false;
    return s.len > 0;
}

static bool is_latin(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if (!((s.ptr[i] >= 'a' && s.ptr[i] <= 'z')))
            return false;
    return s.len > 0;
}

/* --- words ------------------------------------------------------------------------------------------------------------- */

static bool is_stop(struct str folded) {
    static const char *const stops[] = {
        "a",     "ao",   "aos",  "as",   "ate", "com", "como", "da",   "das",  "de",   "do",
        "dos",   "e",    "ela",  "ele",  "em",  "era", "essa", "esse", "esta", "este", "eu",
        "foi",   "ha",   "isso", "isto", "ja",  "la",  "lhe",  "mais", "mas",  "me",   "meu",
        "minha", "na",   "nas",  "no",   "nos", "nao", "num",  "numa", "o",    "os",   "ou",
        "para",  "pela", "pelo", "por",  "pra", "que", "se",   "sem",  "ser",  "seu",  "so",
        "sua",   "tem",  "ter",  "um",   "uma", "vc",  "voce", "the",  "of",   "and",  "to"};

    for (size_t i = 0; i < ARRAY_LEN(stops); i++)
        if (str_eq(folded, str_of(stops[i])))
            return true;
    return false;
}

struct ending {
    const char *from, *into;
    size_t min; /* bytes the word must have: shorter ones are words of their own */
};

static struct str change_ending(struct arena *a, struct str s, const struct ending *endings,
                                size_t n) {
    for (size_t i = 0; i < n; i++) {
        struct str from = str_of(endings[i].from);

        if (s.len >= endings[i].min && str_ends(s, from))
            return arena_printf(a, "%.*s%s", (int)(s.len - from.len), s.ptr, endings[i].into);
    }
    return s;
}

static struct str stem_of(struct arena *a, struct stemmer *s, struct str folded) {
    static const struct ending plurals[] = {{"oes", "ao", 5}, {"aes", "ao", 5}, {"ais", "al", 6},
                                            {"eis", "el", 6}, {"ois", "ol", 6}, {"ns", "m", 4}};
    static const struct ending accents[] = {
        {"ao", "ão", 3},       {"avel", "ável", 6},    {"ivel", "ível", 6},   {"ancia", "ância", 6},
        {"encia", "ência", 6}, {"ancias", "ância", 7}, {"encias", "ência", 7}};
    static const struct ending cedillas[] = {{"acao", "açao", 5}, {"ucao", "uçao", 5}};
    const sb_symbol *stemmed;
    struct str w;
    int len;

    if (!is_latin(folded) || folded.len < 3)
        return folded;
    w = change_ending(a, folded, plurals, ARRAY_LEN(plurals));
    w = change_ending(a, w, cedillas, ARRAY_LEN(cedillas));
    w = change_ending(a, w, accents, ARRAY_LEN(accents));
    stemmed = sb_stemmer_stem(s->portuguese, (const sb_symbol *)w.ptr, (int)w.len);
    if (!stemmed) /* out of memory in there: the word as it is */
        return folded;
    len = sb_stemmer_length(s->portuguese);
    w = utf8_fold(a, arena_str(a, (struct str){.ptr = (const char *)stemmed, .len = (size_t)len}));
    return w.len > 0 ? w : folded;
}

struct splitter {
    struct arena *a;
    struct stemmer *stemmer;
    enum words_of of;
    struct str text;
    struct word *words;
    size_t n, max;
};

static void add_word(struct splitter *s, size_t at, size_t len, struct str folded) {
    struct word *w;

    folded = utf8_cut_bytes(folded, WORD_BYTES_MAX);
    if (s->n == s->max || folded.len == 0)
        return;
    w = &s->words[s->n++];
    *w = (struct word){.at = at, .len = len, .folded = folded, .is_number = is_number(folded)};
    w->stem = w->is_number ? folded : stem_of(s->a, s->stemmer, folded);
    w->is_stop = is_stop(folded);
}

/* A phone number is also looked for without its country or its area, or by its last four digits. */
static void add_last_digits(struct splitter *s, struct word number) {
    static const size_t lasts[] = {11, 10, 9, 8, 4};

    if (s->of == WORDS_OF_QUERY || number.folded.len < 10 || number.folded.len > PHONE_MAX_DIGITS)
        return;
    for (size_t i = 0; i < ARRAY_LEN(lasts); i++)
        if (lasts[i] < number.folded.len)
            add_word(s, number.at, number.len,
                     str_sub(number.folded, number.folded.len - lasts[i], lasts[i]));
}

/* What may stand inside a number as people write it: "+55 (11) 98765-4321". */
static bool joins(struct str gap) {
    for (size_t i = 0; i < gap.len; i++)
        if (!str_contains(STR(" -.()+"), str_sub(gap, i, 1)))
            return false;
    return gap.len <= 2;
}

/* The numbers from `first` on are one, if together they are as long as a phone's. */
static void join_numbers(struct splitter *s, size_t first) {
    struct word joined = s->words[first];
    char digits[PHONE_MAX_DIGITS];
    size_t n_words = s->n - first, len = 0;

    if (n_words < 2) {
        if (n_words == 1)
            add_last_digits(s, joined);
        return;
    }
    for (size_t i = first; i < s->n; i++) {
        struct str part = s->words[i].folded;

        if (len + part.len > PHONE_MAX_DIGITS)
            return;
        memcpy(digits + len, part.ptr, part.len);
        len += part.len;
    }
    if (len < PHONE_MIN_DIGITS)
        return;
    joined.len = s->words[s->n - 1].at + s->words[s->n - 1].len - joined.at;
    joined.folded = arena_str(s->a, (struct str){.ptr = digits, .len = len});
    if (s->of == WORDS_OF_QUERY)
        s->n = first;
    add_word(s, joined.at, joined.len, joined.folded);
    add_last_digits(s, joined);
}

/* Next word from *at on; false at the end. */
static bool next_word(struct str text, size_t *at, size_t *ret_len) {
    struct str rest = str_sub(text, *at, text.len);
    size_t start = text.len;
    uint32_t point;

    while (rest.len > 0) {
        size_t here = text.len - rest.len;
        bool is_valid = utf8_next(&rest, &point);

        if (!is_valid)
            rest = str_sub(rest, 1, rest.len);
        if (is_valid && is_word_point(point)) {
            start = start < here ? start : here;
        } else if (start < here) {
            *at = start;
            *ret_len = here - start;
            return true;
        }
    }
    *at = start;
    *ret_len = text.len - start;
    return start < text.len;
}

size_t words_split(struct arena *a, struct stemmer *s, enum words_of of, struct str text,
                   struct word **ret) {
    struct splitter sp = {.a = a, .stemmer = s, .of = of, .text = text};
    size_t at = 0, len, end = 0, run = 0; /* words[run] on are one number so far */

    /* Half as many words as bytes, and a number gives some more of itself. */
    sp.max = text.len + 8 < WORDS_MAX ? text.len + 8 : WORDS_MAX;
    sp.words = arena_array_of(a, sp.max, struct word);
    while (sp.n < sp.max && next_word(text, &at, &len)) {
        struct str folded = utf8_fold(a, str_sub(text, at, len));

        if (sp.n > run && !(is_number(folded) && joins(str_sub(text, end, at - end)))) {
            join_numbers(&sp, run);
            run = sp.n;
        }
        add_word(&sp, at, len, folded);
        if (!is_number(folded))
            run = sp.n;
        at += len;
        end = at;
    }
    if (sp.n > run)
        join_numbers(&sp, run);
    *ret = sp.words;
    return sp.n;
}
