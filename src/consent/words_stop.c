/* words_stop.c - "não quero mais receber", "me tira dessa lista", "stop": the ways to ask for silence. A clause does when
 *   1. it is nothing but the word itself                                "SAIR", "pare, por favor", "🛑"
 *   2. it names the act                                                 "quero me descadastrar", "unsubscribe"
 *   3. somebody does not want messages, or to get them                  "não quero mais receber", "não quero propaganda"
 *   4. it tells us to stop sending, bothering or messaging              "para de mandar msg", "chega de propaganda"
 *   5. it forbids to send more                                          "não me mande mais nada", "não entre mais em contato"
 *   6. it wants a number or oneself taken off                           "me tira dessa lista", "apaga meu número daí"
 *   7. it leaves or cancels the list, the newsletter, the sending       "sair da lista", "cancelar o recebimento"
 *   8. it wants to be left in peace, or threatens to block              "me deixem em paz", "se mandar de novo eu bloqueio"
 * What follows the verb decides: "não quero receber o boleto" is about a bill, "pare o pedido" about an order. A "no" before it turns
 * it round. In doubt it asks for nothing: the bot or a person reads the message as any other.
 * SPDX-License-Identifier: Apache-2.0 */
#include "consent/words.h"

enum { ALONE_MAX = 7 };

/* --- what stands around ---------------------------------------------------------------------------------------------- */

/* A "no" before i, but for one that only ends what stands before it: "não quero mais não, tira eu". */
static bool is_denied(const struct phrase *w, size_t i) {
    size_t no = before(w, i, 4, NOT);

    if (no == 0 || !is_a(w, no - 1, MORE | WANT | MSG | SEND))
        return no > 0;
    return before(w, no, NEAR, NOT) == 0;
}

/* The clause around i is asked. */
static bool is_asked(const struct phrase *w, size_t i) {
    while (i < w->n && !is_a(w, i, END))
        i++;
    return i < w->n && w->asks[i];
}

/* "esses zap", "um whats": what comes by it. */
static bool is_chat_message(const struct phrase *w, size_t i) {
    static const char *const some[] = {"esse",   "esses",  "essa", "essas",
                                       "desses", "dessas", "uns",  "tanto"};

    for (size_t k = 0; k < ARRAY_LEN(some); k++)
        if (is_word(w, i - 1, some[k]))
            return is_a(w, i, CHAT);
    return false;
}

bool wish_about_messages(const struct phrase *w, size_t i) {
    for (size_t at = i + 1; at < w->n; at++) {
        if (is_a(w, at, END | MSG) || is_chat_message(w, at))
            return true;
        if (is_a(w, at, LINK | MORE | ME | SEND | GET))
            continue;
        return at > i + 1 && is_a(w, at, PAUSE);
    }
    return true;
}

/* Another list than ours: "lista de espera", "lista do dia 10". */
static bool is_other_list(const struct phrase *w, size_t i) {
    static const char *const theirs[] = {
        "voces",  "vcs",          "vc",       "transmissao", "mensagens", "mensagem",  "envio",
        "envios", "disparo",      "contatos", "marketing",   "promocoes", "ofertas",   "whatsapp",
        "zap",    "distribuicao", "emails",   "email",       "novidades", "propaganda"};

    if (!is_word(w, i + 1, "de") && !is_word(w, i + 1, "do") && !is_word(w, i + 1, "da"))
        return false;
    for (size_t k = 0; k < ARRAY_LEN(theirs); k++)
        if (is_word(w, i + 2, theirs[k]))
            return false;
    return !is_a(w, i + 2, END | LINK);
}

/* --- the ways to say it ---------------------------------------------------------------------------------------------- */

/* What may stand around "chega" and "cancelar", which mean other things beside anything else. */
static bool is_plea(const struct phrase *w, size_t i) {
    static const char *const pleas[] = {"por",  "favor", "pf",    "pfv", "pfvr",   "ja",
                                        "isso", "disso", "gente", "ai",  "please", "me",
                                        "se",   "mesmo", "pra",   "mim", "eu"};

    for (size_t k = 0; k < ARRAY_LEN(pleas); k++)
        if (is_word(w, i, pleas[k]))
            return true;
    return false;
}

/* "CANCELAR", "remover, por favor", "✋ chega": as answers to a campaign, one word and a plea. */
static bool is_lone_command(const struct phrase *w) {
    static const char *const commands[] = {"cancelar", "cancela", "cancele", "cancelem", "cancel",
                                           "remover",  "remova",  "remove",  "removam",  "removido",
                                           "excluir",  "exclua",  "exclui",  "excluam",  "chega",
                                           "basta",    "retirar", "retire",  "retirem"};
    size_t n_said = 0, n = 0;

    for (size_t i = 0; i < w->n; i++) {
        bool is_said = false;

        if (is_a(w, i, END))
            continue;
        for (size_t k = 0; k < ARRAY_LEN(commands); k++)
            is_said = is_said || is_word(w, i, commands[k]);
        if (!is_said && !is_plea(w, i))
            return false;
        n_said += is_said;
        n++;
    }
    return n_said == 1 && n <= 4 && !w->is_question;
}

static bool is_laughing(const struct phrase *w) {
    static const char *const faces[] = {"\xF0\x9F\x98\x82", "\xF0\x9F\xA4\xA3", "\xF0\x9F\x98\x86"};

    for (size_t i = 0; i < w->n; i++)
        for (size_t k = 0; k < ARRAY_LEN(faces); k++)
            if (str_starts(w->at[i], str_of(faces[k])))
                return true;
    return false;
}

static bool stands_alone(const struct phrase *w) {
    size_t n = 0, n_said = 0, n_para = 0;

    if (w->is_question || is_laughing(w))
        return false;
    for (size_t i = 0; i < w->n; i++) {
        bool is_para = is_word(w, i, "para");
        bool is_said = (is_a(w, i, STOPS | LEAVE) && !is_word(w, i, "sai") &&
                        !is_word(w, i, "saio") && !is_para) ||
                       is_sign(w, i);

        if (is_a(w, i, END))
            continue;
        if (!is_said && !is_para && !is_a(w, i, POLITE) &&
            !(is_word(w, i, "que") && is_a(w, i - 1, WANT | ASKED)) && !is_word(w, i, "peco"))
            return false;
        n_said += is_said;
        n_para += is_para;
        n += !is_sign(w, i);
    }
    return n <= ALONE_MAX && (n_said > 0 || (n_para > 0 && n == n_para));
}

/* The clause around i is nothing but it, and elsewhere the message speaks of messages. */
static bool is_short_stop(const struct phrase *w, size_t i) {
    if (!is_a(w, i, STOPS) || !is_a(w, i - 1, END | ME | MAY))
        return false;
    for (size_t at = i + 1; at < w->n && !is_a(w, at, END); at++)
        if (!is_a(w, at, POLITE))
            return false;
    for (size_t at = 0; at < w->n; at++)
        if (is_a(w, at, MSG | GET) || is_word(w, at, "interesse"))
            return true;
    return false;
}

static bool names_the_act(const struct phrase *w, size_t i) {
    static const char *const others[] = {"curso",    "evento",    "aula",      "prova",
                                         "concurso", "congresso", "vestibular"};
    bool is_opt = is_word(w, i, "opt") && is_word(w, i + 1, "out");

    if ((!is_a(w, i, ACT) && !is_opt) || is_denied(w, i))
        return false;
    for (size_t at = i; at < i + NEAR && at < w->n; at++)
        for (size_t k = 0; k < ARRAY_LEN(others); k++)
            if (is_word(w, at, others[k]))
                return false;
    return true;
}

/* "não quero mais mensagens", "não quero contato" */
static bool is_straight_to_messages(const struct phrase *w, size_t i, size_t want) {
    for (size_t at = want + 1; at < w->n; at++) {
        if (is_a(w, at, MSG) && !is_a(w, at, SEND))
            return !is_word(w, want, "precisa") || is_a(w, i + 2, MORE);
        if (is_a(w, at, MSG | SENDING | BOTHER))
            return true;
        if (is_word(w, at, "contato"))
            return is_a(w, at + 1, END | PAUSE | POLITE | LINK) && !is_word(w, at + 1, "com");
        if (!is_a(w, at, LINK | MORE | JOIN | SEND) && !is_word(w, at, "ser") &&
            !is_word(w, at, "fazer") && !is_word(w, at, "em"))
            return false;
    }
    return false;
}

/* From a "no" on: "não quero mais receber", "não tenho interesse em receber", "não autorizo o envio". */
static bool does_not_want(const struct phrase *w, size_t i) {
    size_t want, get;

    if (!is_a(w, i, NOT) || (before(w, i, 2, WHY) > 0 && !is_word(w, i + 1, "quer")))
        return false;
    want = is_word(w, i + 1, "tenho") && is_a(w, i + 2, PERMIT) ? 0 : after(w, i, 3, WANT | ALLOW);
    get = after(w, i, 3, GET);
    if (get > 0 && is_a(w, i + 1, ASKED)) /* "nunca pedi pra receber isso" */
        return wish_about_messages(w, get) && !is_asked(w, i);
    if (want == 0) /* "gostaria de não receber mais", "como faço para não receber" */
        return is_a(w, i + 1, GET) &&
               (before(w, i, 3, WANT | OF | LINK) > 0 || is_word(w, i - 1, "como")) &&
               !is_word(w, i - 1, "se") && wish_about_messages(w, i + 1);
    get = after(w, want, NEAR, GET);
    if (get > 0 && after(w, want, get - want, STOPS | MSG) == 0 &&
        !phrase_is_word(w, get - 2, "deixar"))
        return wish_about_messages(w, get) && !(is_a(w, get + 1, END) && is_asked(w, i));
    return is_straight_to_messages(w, i, want);
}

static bool does_not_want_to_be_in(const struct phrase *w, size_t i) {
    size_t want = is_a(w, i, NOT) ? after(w, i, 3, WANT) : 0, list, saber;

    if (want == 0)
        return false;
    list = after(w, want, NEAR, LIST);
    if (list > 0 && after(w, want, list - want, JOIN) > 0 && !is_other_list(w, list))
        return after(w, want, list - want, LEAVE | STOPS) == 0;
    saber = want + 2; /* "não quero mais saber de vocês" */
    return is_a(w, want + 1, MORE) && (is_word(w, saber, "saber") || is_word(w, saber, "nada")) &&
           (is_word(w, saber + 1, "de") || is_word(w, saber + 1, "com")) &&
           (is_word(w, saber + 2, "voces") || is_word(w, saber + 2, "vcs") ||
            is_word(w, saber + 2, "vc"));
}

/* "não quero mais" and nothing else. */
static bool wants_no_more(const struct phrase *w) {
    size_t n = 0, at = 0;

    for (size_t i = 0; i < w->n; i++)
        if (is_a(w, i, NOT) && is_word(w, i + 1, "quero") && is_a(w, i + 2, MORE))
            at = i + 2;
    if (at == 0 || w->is_question)
        return false;
    for (size_t i = 0; i < w->n; i++) {
        if (is_a(w, i, END) || (i <= at && i + 2 >= at))
            continue;
        if (is_word(w, i, "nada") || (!is_a(w, i, POLITE | NOT) && !is_word(w, i, "isso")))
            return false;
        n++;
    }
    return n <= 4;
}

static bool tells_to_stop(const struct phrase *w, size_t i) {
    size_t verb;

    if (!is_a(w, i, STOPS) || is_denied(w, i) || before(w, i, 2, WHY) > 0)
        return false;
    if (is_word(w, i, "para") && !is_word(w, i + 1, "de") && !is_word(w, i + 1, "di") &&
        !is_word(w, i + 1, "com") && !is_word(w, i + 1, "d"))
        return false;
    for (verb = i + 1; verb < w->n && verb <= i + NEAR; verb++) {
        if (is_a(w, verb, GET) || (is_a(w, verb, SEND) && !is_a(w, verb, MSG)))
            return wish_about_messages(w, verb);
        if (is_a(w, verb, BOTHER | MSG))
            return true;
        if (is_a(w, verb, SENDING))
            return wish_about_messages(w, verb);
        if (is_word(w, verb, "chegar") || is_word(w, verb, "vir"))
            return wish_about_messages(w, verb) && !is_a(w, verb + 1, END);
        if (!is_a(w, verb, OF | ME | LINK))
            break;
    }
    return before(w, i, 5, ASKED) > 0 && (is_a(w, i + 1, END) || is_word(w, i + 1, "com"));
}

static bool has_enough(const struct phrase *w, size_t i) {
    size_t at;

    if (!is_a(w, i, ENOUGH) || before(w, i, 3, NOT) > 0)
        return false;
    if (!is_word(w, i + 1, "de") && !is_word(w, i + 1, "dessas") && !is_word(w, i + 1, "dessa") &&
        !is_word(w, i + 1, "of") && !is_word(w, i + 1, "com") && !is_word(w, i + 1, "das"))
        return false;
    at = after(w, i, NEAR, MSG | GET);
    for (size_t k = i + 1; k < at; k++)
        if (!is_a(w, k, LINK | GET | ME))
            return false;
    return at > 0 && wish_about_messages(w, at);
}

/* "mais", "nada", or the messages themselves: what makes "não mande" more than "not this one". */
static bool is_for_good(const struct phrase *w, size_t i, size_t verb) {
    size_t msg = after(w, verb, 3, MSG);

    for (size_t at = 0; is_a(w, verb + 1, END) && at < w->n;
         at++) /* "sem interesse, favor não enviar" */
        if (is_word(w, at, "interesse"))
            return true;
    if (before(w, verb, verb - i, MORE) > 0 || after(w, verb, NEAR, MORE) > 0 ||
        phrase_is_word(w, verb + 1, "nada") || phrase_is_word(w, verb + 2, "nada"))
        return true;
    return msg > 0 && is_a(w, msg + 1, END | PAUSE | LINK | POLITE);
}

/* "não mandem mais cobrança": but who has paid wants it settled. */
static bool is_unwanted_bill(const struct phrase *w, size_t verb) {
    size_t bill = after(w, verb, 3, BILL);

    if (bill == 0 || after(w, verb, bill - verb, MORE) == 0)
        return false;
    for (size_t at = 0; at < w->n; at++)
        if (is_word(w, at, "paguei") || is_word(w, at, "pago") || is_word(w, at, "paga"))
            return false;
    return true;
}

/* "porque não mandaram", "ele não manda"; but "tira ele daí e não me mandem" is another thought. */
static bool is_of_others(const struct phrase *w, size_t i) {
    size_t why = before(w, i, 4, WHY);

    for (size_t at = why; at > 0 && at < i; at++)
        if (is_word(w, at, "e"))
            return false;
    return why > 0;
}

/* "não me incluam mais nos disparos" */
static bool forbids_to_list(const struct phrase *w, size_t i, size_t verb) {
    size_t where = after(w, verb, NEAR, LIST | MSG | SENDING);

    return where > 0 && (is_a(w, verb - 1, ME) || is_a(w, verb + 1, ME)) &&
           is_for_good(w, i, verb) && !is_other_list(w, where);
}

/* "não me mande mais nada", "favor não enviar mais", "não entrem mais em contato" */
static bool forbids(const struct phrase *w, size_t i) {
    size_t verb;

    if (!is_a(w, i, NOT) || is_of_others(w, i))
        return false;
    for (verb = i + 1; verb < w->n && verb <= i + 6; verb++) {
        if (is_a(w, verb, BOTHER))
            return true;
        if (is_word(w, verb, "entre") || is_word(w, verb, "entrem") || is_word(w, verb, "entrar")) {
            size_t contact = after(w, verb, 3, NUMBER);

            return contact > 0 && !is_asked(w, i);
        }
        if (is_a(w, verb, INSERT))
            return forbids_to_list(w, i, verb);
        if (is_a(w, verb, SEND))
            break;
        if (!is_a(w, verb, ME | MORE | POLITE | LINK | NOT | WANT) && !is_word(w, verb, "fiquem") &&
            !(is_word(w, verb, "que") && is_a(w, verb - 1, WANT)))
            return false;
    }
    if (!is_a(w, verb, SEND) || before(w, verb, 3, STOPS) > 0)
        return false;
    if (after(w, verb, NEAR, NOW) > 0 || (is_asked(w, i) && before(w, i, 4, MAY) == 0 &&
                                          !is_word(w, i - 1, "como") && !is_word(w, i - 2, "como")))
        return false;
    if (is_unwanted_bill(w, verb))
        return true;
    return is_for_good(w, i, verb) && wish_about_messages(w, verb);
}

static bool wants_off(const struct phrase *w, size_t i) {
    bool has_me = is_a(w, i - 1, ME) || is_a(w, i + 1, ME), has_number = false;
    size_t at;

    if (!is_a(w, i, REMOVE) || is_denied(w, i))
        return false;
    for (at = i + 1; at < w->n && at <= i + 12; at++) {
        if (is_a(w, at, LIST) && (has_me || has_number || at > i + 1) &&
            !(is_a(w, at, NUMBER) && is_a(w, at - 1, ME)))
            return !is_other_list(w, at);
        if (is_a(w, at, NUMBER) && !is_a(w, at, SEND)) {
            has_number = has_number || is_a(w, at - 1, ME | LINK);
            continue;
        }
        if (is_a(w, at, NUMBER) && is_a(w, at - 1, ME)) {
            has_number = true;
            continue;
        }
        if (is_a(w, at, END))
            break;
        if (!is_a(w, at, ME | LINK | TAIL | POLITE))
            return has_number && is_a(w, at, PAUSE) && is_a(w, at - 1, NUMBER);
    }
    if (has_number ||
        (is_word(w, i - 1, "ser") && before(w, i, 3, WANT) > 0 && is_a(w, i + 1, END)))
        return true;
    return has_me && !is_asked(w, i) &&
           (is_a(w, i + 1, END | POLITE | TAIL) || is_a(w, i + 2, END | TAIL));
}

/* "gostaria que meu número fosse retirado" */
static bool wants_it_taken_off(const struct phrase *w, size_t i) {
    size_t number = is_word(w, i, "fosse") || is_word(w, i, "seja") ? before(w, i, 5, NUMBER) : 0;

    return number > 0 && is_a(w, number - 1, ME) && is_a(w, i + 1, REMOVE) && !is_denied(w, i) &&
           before(w, number, 5, WANT | ASKED) > 0;
}

static bool leaves(const struct phrase *w, size_t i) {
    bool is_out = is_word(w, i, "fora") && (is_word(w, i - 1, "to") || is_word(w, i - 1, "estou"));
    bool is_verb = is_a(w, i, LEAVE) && !is_word(w, i, "sai");
    size_t list = is_verb || is_out ? after(w, i, 4, LIST | SENDING | MSG) : 0;

    if (list == 0 || is_denied(w, i) || is_word(w, i - 1, "eu") || is_word(w, list, "sistema"))
        return false;
    for (size_t at = i + 1; at < list; at++)
        if (!is_a(w, at, LINK))
            return false;
    return !is_other_list(w, list);
}

static bool cancels(const struct phrase *w, size_t i) {
    size_t whole = 0; /* "o cadastro", "a assinatura": of the messages or of anything else */

    if (!is_a(w, i, CANCEL) || is_denied(w, i))
        return false;
    for (size_t at = i + 1; at < w->n && at <= i + 6; at++) {
        if (is_a(w, at, MSG))
            return true;
        if (is_a(w, at, SENDING))
            return wish_about_messages(w, at);
        if (is_a(w, at, LIST) && whole > 0)
            return !is_other_list(w, at);
        if (is_word(w, at, "cadastro") || is_word(w, at, "assinatura") ||
            (is_a(w, at, NUMBER) && is_a(w, at - 1, ME)))
            whole = at;
        else if (is_word(w, at, "tudo") || is_word(w, at, "que") || is_word(w, at, "e"))
            continue;
        else if (!is_a(w, at, LINK | ME) || (whole > 0 && is_a(w, at, END)))
            return false;
    }
    return false;
}

/* "sem mais mensagens", "nada de propaganda" */
static bool wants_none(const struct phrase *w, size_t i) {
    bool is_none = is_word(w, i, "sem") && is_a(w, i + 1, MORE);

    is_none = is_none || (is_word(w, i, "nada") && is_word(w, i + 1, "de") &&
                          !str_starts(w->at[i + 2], STR("mensage")));
    return is_none && is_a(w, i - 1, END) && is_a(w, i + 2, MSG) && !is_asked(w, i) &&
           after(w, i, NEAR, NOW) == 0;
}

/* A message about messages, with a clause that is "não quero mais" and nothing else. */
static bool wants_no_more_of_them(const struct phrase *w, size_t i) {
    bool is_it = is_word(w, i, "quero") && is_a(w, i - 1, NOT) && is_a(w, i + 1, MORE) &&
                 (is_a(w, i + 2, END) || (is_a(w, i + 2, NOT) && is_a(w, i + 3, END)));

    if (!is_it || is_asked(w, i) || !(is_a(w, i - 2, END) || is_word(w, i - 2, "eu")))
        return false;
    for (size_t at = 0; at < i; at++)
        if (is_a(w, at, MSG) && !is_a(w, at, SEND))
            return true;
    return false;
}

/* "revogo meu consentimento", "retiro a autorização para mensagens" */
static bool revokes(const struct phrase *w, size_t i) {
    size_t what = is_a(w, i, REVOKE) ? after(w, i, 4, PERMIT) : 0;

    return what > 0 && !is_denied(w, i) && wish_about_messages(w, what);
}

/* "dispenso essas mensagens" */
static bool refuses(const struct phrase *w, size_t i) {
    size_t what = is_a(w, i, REFUSE) ? after(w, i, 5, MSG | SENDING) : 0;

    for (size_t at = i + 1; at < what; at++)
        if (!is_a(w, at, LINK | ME | GET))
            return false;
    return what > 0 && !is_denied(w, i);
}

/* "toda semana peço pra sair e vocês continuam mandando" */
static bool asks_to_leave_again(const struct phrase *w, size_t i) {
    if (!is_word(w, i, "sair") || before(w, i, 3, ASKED) == 0 ||
        !is_a(w, i + 1, END | PAUSE | MORE))
        return false;
    for (size_t at = 0; at < w->n; at++)
        if (at != i && is_a(w, at, SEND | MSG | GET))
            return true;
    return false;
}

static bool wants_peace(const struct phrase *w, size_t i) {
    if (is_word(w, i, "paz") && is_word(w, i - 1, "em"))
        return before(w, i, 4, ME) > 0;
    if (is_word(w, i, "alone") && is_word(w, i - 1, "me"))
        return true;
    if (is_a(w, i, FORGET))
        return is_word(w, i - 1, "me") || is_word(w, i + 1, "me") ||
               (is_a(w, i + 1, ME) && is_a(w, i + 2, NUMBER) && is_a(w, i + 3, END | TAIL));
    return false;
}

static bool threatens(const struct phrase *w, size_t i) {
    if (!is_a(w, i, BLOCK) || (before(w, i, 4, NOT) > 0))
        return false;
    for (size_t at = 0; at < w->n; at++)
        if ((is_word(w, at, "se") && after(w, at, 6, SEND | MSG) > 0) || is_word(w, at, "spam"))
            return before(w, i, 6, ME) > 0 || before(w, i, 2, WHY) > 0;
    return false;
}

/* --- together -------------------------------------------------------------------------------------------------------- */

static bool is_stop_at(const struct phrase *w, size_t i) {
    return names_the_act(w, i) || does_not_want(w, i) || does_not_want_to_be_in(w, i) ||
           tells_to_stop(w, i) || is_short_stop(w, i) || has_enough(w, i) || forbids(w, i) ||
           wants_off(w, i) || wants_it_taken_off(w, i) || leaves(w, i) || cancels(w, i) ||
           wants_none(w, i) || wants_no_more_of_them(w, i) || revokes(w, i) || refuses(w, i) ||
           asks_to_leave_again(w, i) || wants_peace(w, i) || threatens(w, i);
}

bool wish_stop(const struct phrase *w) {
    if (stands_alone(w) || is_lone_command(w) || wants_no_more(w))
        return true;
    for (size_t i = 1; i < w->n; i++)
        if (is_stop_at(w, i))
            return true;
    return false;
}
