/* words.c - what free text asks for: silence (words_stop.c), messages again ("quero receber de novo", "voltar"), or nothing of the
 * kind; and which channel it names.
 * SPDX-License-Identifier: Apache-2.0 */
#include "consent/words.h"
#include "base/attr.h"
#include "consent/consent.h"

/* --- again ----------------------------------------------------------------------------------------------------------- */

static bool is_again(const struct phrase *w, size_t i) {
    return is_a(w, i, AGAIN) || is_word(w, i, "subscribe") ||
           (is_word(w, i, "de") && (is_word(w, i + 1, "novo") || is_word(w, i + 1, "volta"))) ||
           (is_word(w, i, "outra") && is_word(w, i + 1, "vez"));
}

static bool is_put_back(const struct phrase *w, size_t i) {
    static const char *const verbs[] = {
        "inscreve", "inscreva", "inscrever", "adiciona", "adicione",  "adicionar", "coloca",
        "coloque",  "colocar",  "cadastra",  "cadastre", "cadastrar", "recadastra"};
    bool is_verb = is_word(w, i, "entrar") && after(w, i, 3, LIST) > 0;

    for (size_t k = 0; k < ARRAY_LEN(verbs); k++)
        is_verb = is_verb || is_word(w, i, verbs[k]);
    if (!is_verb || !(is_word(w, i - 1, "me") || is_word(w, i, "entrar")))
        return false;
    for (size_t at = i; at < w->n && at < i + NEAR; at++)
        if (is_again(w, at))
            return after(w, i, NEAR + 2, LIST | MSG) > 0 || is_a(w, at + 2, END) ||
                   is_a(w, at + 1, END);
    return false;
}

/* "quero receber de novo", "pode me mandar as ofertas novamente", "mudei de ideia, quero receber" */
static bool is_wanted_again(const struct phrase *w, size_t i) {
    size_t verb = is_a(w, i, WANT | MAY) ? after(w, i, 3, GET | SEND) : 0;

    if (verb == 0 || !wish_about_messages(w, verb))
        return false;
    for (size_t at = verb; at < w->n && !is_a(w, at, END); at++)
        if (is_again(w, at))
            return (is_a(w, verb, GET) || after(w, verb, 4, MSG) > 0) && after(w, at, 3, NOW) == 0;
    for (size_t at = 0; at < w->n; at++)
        if ((is_word(w, at, "ideia") || is_word(w, at, "engano")) && is_a(w, verb, GET))
            return true;
    return false;
}

static bool wants_again(const struct phrase *w, size_t i) {
    bool is_back = is_a(w, i, BACK) && (is_word(w, i + 1, "a") || is_word(w, i + 1, "me") ||
                                        is_a(w, i + 1, GET | SEND));

    if (before(w, i, 4, NOT) > 0)
        return false;
    if (is_back) {
        size_t verb = after(w, i, 4, GET | SEND);

        return verb > 0 && wish_about_messages(w, verb) && !w->is_question;
    }
    if (is_a(w, i, REACTIVE))
        return after(w, i, 4, MSG | LIST | SENDING) > 0;
    if (is_word(w, i, "resubscribe") || (is_word(w, i, "subscribe") && is_a(w, i + 1, ME)))
        return true;
    return is_put_back(w, i) || is_wanted_again(w, i);
}

static bool is_back_alone(const struct phrase *w) {
    size_t n = 0, n_said = 0;

    for (size_t i = 0; i < w->n; i++) {
        bool is_said = is_word(w, i, "voltar") || is_word(w, i, "start") || is_word(w, i, "unstop");

        if (is_a(w, i, END))
            continue;
        if (!is_said && !is_word(w, i, "por") && !is_word(w, i, "favor"))
            return false;
        n_said += is_said;
        n++;
    }
    return n_said == 1 && n <= 3 && !w->is_question;
}

/* --- together -------------------------------------------------------------------------------------------------------- */

enum consent_word consent_read(struct str text) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct phrase *w = arena_new_of(&a, struct phrase);

    wish_read(&a, text, w);
    if (wish_stop(w))
        return CONSENT_STOP;
    if (is_back_alone(w))
        return CONSENT_RESUME;
    for (size_t i = 1; i < w->n; i++)
        if (wants_again(w, i))
            return CONSENT_RESUME;
    return CONSENT_NONE;
}

struct str consent_scope(struct str text) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct phrase *w = arena_new_of(&a, struct phrase);
    bool is_mail = false, is_chat = false;

    wish_split(&a, text, w);
    for (size_t i = 0; i < w->n; i++) {
        is_mail = is_mail || is_a(w, i, MAIL);
        is_chat = is_chat || is_a(w, i, CHAT);
    }
    if (is_mail == is_chat)
        return STR(CONSENT_ALL);
    return is_mail ? STR(CONSENT_EMAIL) : STR(CONSENT_WHATSAPP);
}
