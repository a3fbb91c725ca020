/* asks.c - "quero falar com um atendente", "humano por favor", "talk to a human".
 *
 * Words are folded (no case, no accents) and looked up in one table; punctuation ends a clause. A clause asks when
 *   1. it is nothing but a person of service and words around it            "um atendente, por favor"
 *   2. somebody wants to speak with a person, or to have one called         "posso falar com alguém?"
 *   3. somebody wants a person of service                                   "preciso de um humano"
 *   4. it asks whether one is there                                         "tem algum atendente aí?"
 *   5. it does not want to speak with a machine                             "não quero falar com robô"
 * A "no" before it in its clause, somebody's own plan ("vou falar com…"), another's person ("meu gerente") and a thing that
 * only looks like a person ("atendente virtual") do not. In doubt it does not ask: the bot answers, and offers a person.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conversation/asks.h"

#include <pthread.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/phrase.h"

enum { GAP_MAX = 6, BEFORE_MAX = 5, AFTER_MAX = 3, ALONE_MAX = 7 };

enum kind {
    END = 1 << 0,     /* of a clause */
    SERVICE = 1 << 1, /* a person of service, whoever says it */
    PERSON = 1 << 2,  /* one when somebody wants to speak with them */
    SPEAK = 1 << 3,   /* verbs */
    CALL = 1 << 4,
    WANT = 1 << 5,
    WITH = 1 << 6,   /* "com", "to" */
    LINK = 1 << 7,   /* articles and the like, between verb and person */
    POLITE = 1 << 8, /* may stand around a person that stands alone */
    NOT = 1 << 9,
    NO_BARRIER = 1 << 10, /* "não consigo falar": the "no" is the reason for asking */
    PLAN = 1 << 11,       /* what stands before it is somebody's own business */
    OTHERS = 1 << 12,     /* somebody else's person */
    NOT_REALLY = 1 << 13, /* what makes a person a thing */
    MACHINE = 1 << 14,
    THERE = 1 << 15, /* "tem", "is there" */
    HUMAN = 1 << 16, /* makes the word before it a person of service: "ajuda humana" */
    HOW = 1 << 17,   /* "como falo com…" */
    I_SPEAK = 1 << 18,
    ENOUGH = 1 << 19, /* "chega de robô" */
};

static const struct phrase_kinds table[] = {
    {"|", END},
    {"atendente atendentes human operator", SERVICE},
    {"representative rep", SERVICE},
    {"humano humana humanos", SERVICE | HUMAN},
    {"agent", SERVICE},
    {"live real verdade", POLITE | LINK},
    {"pessoa alguem vendedor vendedora consultor consultora gerente supervisor supervisora operador "
     "operadora representante responsavel funcionario funcionaria dono dona",
     PERSON},
    {"suporte equipe time vendas comercial financeiro atendimento setor departamento", PERSON},
    {"person someone somebody people salesperson seller manager advisor owner supervisor staff "
     "support sales team",
     PERSON},
    {"falar conversar speak talk chat conversa fala falarmos tratar", SPEAK},
    {"chama chame chamar chamem passa passe passar transfere transfira transferir encaminha encaminhe "
     "encaminhar conecta conecte conectar direciona direcione coloca coloque connect transfer get "
     "put bring redirect",
     CALL},
    {"quero queria gostaria preciso precisava desejo want need wanna prefiro prefer solicito exijo demand",
     WANT},
    {"com c to with para pra pro por contato contact through", WITH | LINK},
    {"um uma o a os as algum alguma outro outra de dum duma ser ter logo eu me nos mais em "
     "an the some any another your one of i us direto diretamente directly live",
     LINK},
    {"ajuda suporte contato atendimento agente vendedor operador pessoa help service customer being beings "
     "representante consultor",
     LINK},
    {"por favor pf pfv pfvr pls plz please agora now ja urgente urgent hoje aqui here um uma o a com c "
     "de an the to quero i me",
     POLITE},
    {"nao nem nunca jamais sem n not dont never no without didnt wont cant", NOT},
    {"consigo consegui conseguimos conseguir able", NO_BARRIER},
    {"vou irei vamos iria ia vai depois quando apos antes assim ontem ja ao will ill after before when "
     "while gonna going se once until",
     PLAN},
    {"meu minha meus minhas seu sua my her his their nosso nossa our dele dela", OTHERS},
    {"virtual virtuais ia digital digitais robo bot automatico automatica eletronico eletronica "
     "inteligente artificial estate que fisica juridica for",
     NOT_REALLY},
    {"robo robos bot bots maquina maquinas robot robots machine chatbot computador", MACHINE},
    {"tem teria ha existe there", THERE},
    {"como onde how where", HOW},
    {"falo converso", I_SPEAK},
    {"chega cansei basta cansado cansada enough tired sick", ENOUGH},
};

/* The table by word: every message is looked at. */
static struct phrase_index words;
static pthread_once_t words_once = PTHREAD_ONCE_INIT;

static void fill_words(void) {
    phrase_index_fill(&words, table, ARRAY_LEN(table));
}

static bool is_a(const struct phrase *w, size_t i, uint64_t kinds) {
    return phrase_is(w, i, kinds);
}

static bool is_word(const struct phrase *w, size_t i, const char *word) {
    return phrase_is_word(w, i, word);
}

/* One of these stands within BEFORE_MAX words before i, in its clause. */
static bool has_before(const struct phrase *w, size_t i, uint64_t kinds) {
    for (size_t n = 0; n < BEFORE_MAX && i-- > 0 && !is_a(w, i, END); n++)
        if (is_a(w, i, kinds))
            return true;
    return false;
}

static bool is_refused(const struct phrase *w, size_t i) {
    return has_before(w, i, NOT) && !has_before(w, i + 1, NO_BARRIER);
}

/* "um atendente virtual", "alguém da minha família" */
static bool is_no_person(const struct phrase *w, size_t i) {
    for (size_t n = 1; n <= AFTER_MAX && i + n < w->n && !is_a(w, i + n, END); n++)
        if (is_a(w, i + n, OTHERS) || (n <= 2 && is_a(w, i + n, NOT_REALLY)))
            return true;
    return false;
}

/* The person wanted: after a verb at i and what may stand between; 0: none. */
static size_t person_after(const struct phrase *w, size_t i, uint64_t person, bool needs_with) {
    bool has_with = !needs_with;

    for (size_t n = 1; n <= GAP_MAX && i + n < w->n; n++) {
        size_t at = i + n;

        if (is_a(w, at, SERVICE) && (person & SERVICE))
            return is_no_person(w, at) ? 0 : at;
        if (is_a(w, at, person) && has_with && !is_a(w, at + 1, HUMAN))
            return is_no_person(w, at) ? 0 : at;
        if (is_a(w, at, WITH))
            has_with = true;
        if (!is_a(w, at, WITH | LINK | SPEAK) || (is_word(w, at, "ser") && !is_a(w, at + 1, HUMAN)))
            return 0;
    }
    return 0;
}

/* --- the five ways ----------------------------------------------------------------------------------------------------- */

/* From i to the end of the message only such words, and a person of service among them. */
static bool stands_alone(const struct phrase *w) {
    size_t n_words = 0;
    bool has_service = false;

    for (size_t i = 0; i < w->n; i++) {
        if (is_a(w, i, END))
            continue;
        if (!is_a(w, i, SERVICE | POLITE) && !(is_a(w, i, LINK) && is_a(w, i + 1, HUMAN)))
            return false;
        if (is_a(w, i, NOT))
            return false;
        has_service = has_service || is_a(w, i, SERVICE);
        n_words++;
    }
    return has_service && n_words <= ALONE_MAX;
}

static bool wants_to_speak(const struct phrase *w, size_t i) {
    bool is_how = is_a(w, i, I_SPEAK) && has_before(w, i, HOW);

    if (!is_a(w, i, SPEAK) && !is_how)
        return false;
    return !is_refused(w, i) && !has_before(w, i, PLAN) &&
           person_after(w, i, SERVICE | PERSON, true) > 0;
}

static bool wants_called(const struct phrase *w, size_t i) {
    return is_a(w, i, CALL) && !is_refused(w, i) && !has_before(w, i, PLAN | HOW) &&
           person_after(w, i, SERVICE | PERSON, false) > 0;
}

static bool wants_one(const struct phrase *w, size_t i) {
    return is_a(w, i, WANT) && !is_refused(w, i) && !has_before(w, i, PLAN | OTHERS) &&
           person_after(w, i, SERVICE, false) > 0;
}

static bool asks_who_is_there(const struct phrase *w, size_t i) {
    size_t begin = i, person;

    if (!is_a(w, i, THERE))
        return false;
    while (begin > 0 && (is_word(w, begin - 1, "voces") || is_word(w, begin - 1, "is") ||
                         is_word(w, begin - 1, "nao") || is_word(w, begin - 1, "vcs")))
        begin--;
    person = is_a(w, begin - 1, END) ? person_after(w, i, SERVICE, false) : 0;
    if (person > 0)
        return true;
    return is_a(w, begin - 1, END) &&
           (is_word(w, i + 1, "alguem") || is_word(w, i + 1, "anyone")) &&
           (is_a(w, i + 2, END) || is_word(w, i + 2, "ai") || is_word(w, i + 2, "online") ||
            is_word(w, i + 2, "there") || is_word(w, i + 2, "atendendo"));
}

static bool refuses_machine(const struct phrase *w, size_t i) {
    bool is_enough = is_a(w, i, ENOUGH), is_no = is_a(w, i, SPEAK) && has_before(w, i, NOT);

    if (!is_enough && !is_no)
        return false;
    for (size_t n = 1; n <= GAP_MAX && i + n < w->n; n++) {
        if (is_a(w, i + n, MACHINE))
            return true;
        if (!is_a(w, i + n, WITH | LINK | SPEAK) && !is_word(w, i + n, "falando") &&
            !is_word(w, i + n, "talking") && !is_word(w, i + n, "esse") &&
            !is_word(w, i + n, "this"))
            return false;
    }
    return false;
}

bool asks_for_person(struct arena *a, struct str text) {
    struct phrase *w = arena_new_of(a, struct phrase);

    pthread_once(&words_once, fill_words);
    phrase_split(a, &words, text, w);
    if (stands_alone(w))
        return true;
    for (size_t i = 1; i < w->n; i++)
        if (wants_to_speak(w, i) || wants_called(w, i) || wants_one(w, i) ||
            asks_who_is_there(w, i) || refuses_machine(w, i))
            return true;
    return false;
}
