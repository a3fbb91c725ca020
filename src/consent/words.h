/* words.h - what the detectors of a wish to be left alone, or to be written to again, share: kinds of words and what stands around
 * one. Private to consent/.
 *   words_table.c  which word is of which kind, also with a letter wrong
 *   words_stop.c   the ways to ask for silence
 *   words.c        the ways to take it back, and the two together
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/phrase.h"

enum { NEAR = 7 }; /* so many words belong together */

enum word_kind {
    END = 1 << 0,
    NOT = 1 << 1,
    WANT = 1 << 2,
    GET = 1 << 3,
    SEND = 1 << 4, /* asked of us, or the bare verb: not "mandam", "enviado" */
    MSG = 1 << 5,  /* what marketing is made of */
    MORE = 1 << 6,
    LIST = 1 << 7,
    NUMBER = 1 << 8, /* what a list holds of somebody */
    REMOVE = 1 << 9,
    STOPS = 1 << 10, /* "pare", "parar" */
    LEAVE = 1 << 11, /* "sair" */
    ACT = 1 << 12,   /* says it all: "descadastrar" */
    CANCEL = 1 << 13,
    SENDING = 1 << 14, /* "envio", "recebimento" */
    ME = 1 << 15,
    LINK = 1 << 16,   /* may stand between a verb and what it is about */
    POLITE = 1 << 17, /* may stand around a word that stands alone */
    BOTHER = 1 << 18,
    ENOUGH = 1 << 19,
    FORGET = 1 << 20,
    BLOCK = 1 << 21,
    NOW = 1 << 22, /* "não mande hoje": not now */
    AGAIN = 1 << 23,
    BACK = 1 << 24,  /* "voltar" */
    MAY = 1 << 25,   /* "pode", "podem" */
    ALLOW = 1 << 26, /* "autorizo" */
    JOIN = 1 << 27,  /* "fazer parte", "participar" */
    OF = 1 << 28,    /* between "parar" and what is to stop */
    ASKED = 1 << 29, /* "pedi pra parar" */
    PAUSE = 1 << 30, /* begins another thought: "que", "porque" */
};
#define TAIL     (1ull << 31) /* may follow the whole wish: "da", "aí", "agora" */
#define REACTIVE (1ull << 32) /* "reativar" */
#define SIGN     (1ull << 33) /* 🛑 */
#define WHY      (1ull << 34)
#define MAIL     (1ull << 35)
#define CHAT     (1ull << 36)
#define REVOKE   (1ull << 37)
#define PERMIT   (1ull << 38) /* "consentimento" */
#define REFUSE   (1ull << 39)
#define INSERT   (1ull << 40)
#define BILL     (1ull << 41)

static inline bool is_a(const struct phrase *w, size_t i, uint64_t kinds) {
    return phrase_is(w, i, kinds);
}

static inline bool is_word(const struct phrase *w, size_t i, const char *word) {
    return phrase_is_word(w, i, word);
}

static inline bool is_sign(const struct phrase *w, size_t i) {
    return phrase_is(w, i, SIGN) || str_starts(w->at[i], STR("\xF0\x9F\x9B\x91"));
}

/* The nearest within n words before i in its clause, else 0: no clause begins with it. */
static inline size_t before(const struct phrase *w, size_t i, size_t n, uint64_t kinds) {
    while (n-- > 0 && i-- > 0 && !is_a(w, i, END))
        if (is_a(w, i, kinds))
            return i;
    return 0;
}

static inline size_t after(const struct phrase *w, size_t i, size_t n, uint64_t kinds) {
    while (n-- > 0 && ++i < w->n && !is_a(w, i, END))
        if (is_a(w, i, kinds))
            return i;
    return 0;
}

/* The text as known words, as they are written. */
void wish_split(struct arena *a, struct str text, struct phrase *w);
/* The same with misspelt and drawn-out words told by what they are near to. */
void wish_read(struct arena *a, struct str text, struct phrase *w);
/* What a verb at i is about: messages, or nothing that is said; not "o boleto". */
bool wish_about_messages(const struct phrase *w, size_t i);
/* The text asks for silence. */
bool wish_stop(const struct phrase *w);
