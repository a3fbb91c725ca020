/* words.c - "não quero mais receber", "me tira dessa lista", "stop": what free text asks for.
 *
 * Words are folded and looked up in one table, long ones also with one letter wrong. A clause asks for silence when
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
#include "consent/consent.h"

#include <pthread.h>

#include "base/attr.h"
#include "base/phrase.h"
#include "base/utf8.h"

enum { FUZZY_LEN = 6, FUZZY_WORDS_MAX = 40, ALONE_MAX = 7, NEAR = 7 };

enum kind {
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

static const struct phrase_kinds table[] = {
    {"|", END},
    {"nao n naum nn nem nunca jamais ñ not dont never no without", NOT},
    {"quero qero qro kero keru quiero queru queria gostaria desejo want wanna pretendo preciso precisa precisam preciso need "
     "quer querem gosto necessidade interesse interessado interessada aguento questao like",
     WANT},
    {"receber recebendo receba recebesse recebe recebermos receive receiving getting get", GET},
    {"mandar manda mande mandem mandarem mandassem mandasse enviassem enviasse mandando enviar envia envie enviem enviarem enviando disparar "
     "dispare disparem encaminhar encaminhe send sending text texting contact contacting message messaging "
     "email emailing contatar contate contatem chame chamem chamar chama procure procurem procurar ligue "
     "liguem ligar call calling mand avisar avise avisem",
     SEND},
    {"mensagem mensagens msg msgs mensagen mensage mensg mensagenzinha mensagi propaganda propagandas promocao "
     "promocoes promo promos oferta ofertas anuncio anuncios publicidade newsletter newsletters spam spams "
     "marketing novidades divulgacao divulgacoes campanha campanhas disparo disparos comunicacao comunicacoes "
     "comunicados notificacao notificacoes informativo informativos mail emails mails sms messages message texts "
     "emails email offers ads promotions zaps conteudo conteudos correntes avisos lembretes",
     MSG},
    {"mais mas anymore more maiss again novamente further", MORE},
    {"lista listas list cadastro cadastros base mailing mailings grupo transmissao database banco newsletter "
     "disparo disparos contatos agenda sistema mala",
     LIST},
    {"numero numeros contato contatos telefone tel celular cel nome zap whatsapp whats wpp wp email mail dados fone "
     "number phone contact name cadastro info address",
     NUMBER},
    {"tira tire tirem tirar tirarem tirando remove remova removam remover removerem removido removidos removida remocao retira "
     "desconsidere desconsiderem desconsiderar retire retirem retirar retirarem retirada retirado exclui exclua excluam excluir exclusao excluido apaga apague "
     "apaguem apagar deleta delete deletem deletar deletado removessem excluissem apagassem retirassem tirassem excluida apagado take removed removing elimine eliminem eliminar",
     REMOVE},
    {"pare parem parar pararem parassem stop stopp stops para paren paro parasse", STOPS},
    {"sair saio leave sai", LEAVE},
    {"descadastrar descadastre descadastra descadastrem descadastro descadastramento descadastrado desinscrever "
     "desinscreva desinscreve desinscrevam desinscricao desinscrito unsubscribe unsubscribed optout "
     "desincreva desincrever desassinar stopall",
     ACT},
    {"cancelar cancela cancele cancelem cancelo cancelamento suspender suspenda suspendam suspende suspensao "
     "interromper interrompa interrompam interrompe desativar desativa desative desativem desligar desliga desligue "
     "desliguem finalizar finaliza finalize finalizem encerra encerre silenciar silencia silencie bloquear bloqueia bloqueie bloqueiem cessar cessem cancel encerrar encerrem",
     CANCEL},
    {"envio envios recebimento recebimentos inscricao inscricoes subscription assinatura-",
     SENDING},
    {"me eu mim mi min my meu minha meus minhas comigo gente nos nosso", ME},
    {"mais mas nada disso isso isto me mim de di da do das dos a o as os essa esse essas esses esta este estas "
     "estes dessa desse dessas desses desta deste sua seu suas seus tua teu voces vcs vc voce ces oces oceis cs nenhum nenhuma "
     "qualquer tipo tipos todo todos toda todas dia dias hora tanta tantas tanto tantos muita muitas novas novos por "
     "aqui la no na nos nas em pra para pro pros meu minha este numero whatsapp whats wpp zap celular cel telefone "
     "email favor pf pfv pfvr gentileza ok ta viu tah to the these those this any your from you us my anymore again "
     "ever please outra vez coisa coisas negocio tal hein ne entao ai daqui dai of off receber mandar enviar ficar "
     "recebendo mandando enviando tua toda santo nunca jamais aki contato uma um porcaria porcarias merda merdas bosta droga "
     "novo sim proximos proximas futuros futuras chatas chata diarias diaria automaticas automatica nao comerciais comercial publicitarias publicitaria cobranca-",
     LINK},
    {"por favor favorzinho pf pfv pfvr plz pls please gentileza quero queria desejo gostaria oi ola bom boa dia "
     "tarde noite obrigado obrigada obg grato grata agora ja de da mensagens mensagem lista me eu o a ok amigo moca moco "
     "gente now thanks thank you hello hi i want to logo tudo isso isto imediatamente urgente",
     POLITE},
    {"spammar spamar spammando spamando spammem floodar flodar flodando infernizar infernizando azucrinar chatear "
     "incomodar incomode incomodem incomoda incomodado incomodada perturbar perturbe perturbem perturba perturbado "
     "perturbada importunar importune importunem importunado encher encham enche bother bothering contatado contatada "
     "abordado procurado procurada atormentar",
     BOTHER},
    {"chega basta deu cansei cansado cansada farto farta cheio cheia saturado enough tired sick",
     ENOUGH},
    {"esquece esqueca esquecam esquecer forget", FORGET},
    {"bloquear bloqueio bloquiar bloqueando denunciar denuncio denuncia denunciando processar processo block report",
     BLOCK},
    {"hoje amanha ainda agora antes segunda terca quarta quinta sexta sabado domingo cedo tarde logo enquanto "
     "until today tomorrow yet",
     NOW},
    {"novamente denovo again voltando continuar", AGAIN},
    {"voltar voltem volta volte voltarem", BACK},
    {"pode podem poderia poderiam podes can could", MAY},
    {"autorizo autorizei permito aceito consinto concordo", ALLOW},
    {"parte participar permanecer estar constar continuar", JOIN},
    {"de di da do das dos com c essa essas esse esses as os a o estas estes me mim isso nos sending texting messaging "
     "contacting emailing calling bothering these the",
     OF},
    {"pedi pedindo peco pedir pediria falei disse solicito solicitei avisei", ASKED},
    {"que pq porque pois ja eu se senao obrigado obrigada obg grato grata e ou and because or i nem valeu vlw abs tchau "
     "kkk kkkk vou thanks thank",
     PAUSE},
    {"ai dai daqui de da do das dos voces vcs por favor pf pfv pfvr gentileza please agora ja o a mais isso disso desse "
     "dessa deste desta esse essa negocio obrigado obrigada obg que pq porque aqui la imediatamente urgente logo seu sua seus "
     "suas ok ta viu ne hoje e pra para nao vai fora your from this thing",
     TAIL},
    {"reativar reative reativem reativa reativacao", REACTIVE},
    {"\xF0\x9F\x9B\x91 \xE2\x9B\x94 \xF0\x9F\x9A\xAB", SIGN},
    {"porque pq vao vai vou ira irao ela ele eles elas mae pai marido esposa filho filha why", WHY},
    {"revogar revogo revogue revoguem revogando retiro revoke withdraw", REVOKE},
    {"consentimento autorizacao permissao anuencia consent permission", PERMIT | ALLOW},
    {"dispenso dispensamos recuso rejeito poupe poupem livre livrem livrar decline", REFUSE},
    {"incluir inclua incluam adicionar adicione adicionem coloque coloquem insira insiram", INSERT},
    {"cobranca cobrancas", BILL},
    {"email emails mail mails newsletter newsletters emailing", MAIL},
    {"whatsapp whats zap zaps wpp wp", CHAT},
    /* near a word above by one letter, and another: */
    {"enviado enviada enviados enviadas recebida recebido mandado mandada listar retirei cancelada cancelado "
     "parado parada ofereta parara contrato contratos contador enviou mandou recebi recebeu numeros cadastrar removi",
     0},
};

static struct phrase_index words;
static pthread_once_t words_once = PTHREAD_ONCE_INIT;

static void fill_words(void) {
    phrase_index_fill(&words, table, ARRAY_LEN(table));
}

/* --- words with a letter wrong --------------------------------------------------------------------------------------- */

/* One letter other, missing, too many, or two changed over. */
static bool is_near(struct str a, struct str b) {
    size_t from = 0, left_a, left_b;

    while (from < a.len && from < b.len && a.ptr[from] == b.ptr[from])
        from++;
    left_a = a.len - from;
    left_b = b.len - from;
    while (left_a > 0 && left_b > 0 && a.ptr[from + left_a - 1] == b.ptr[from + left_b - 1]) {
        left_a--;
        left_b--;
    }
    if (left_a == 2 && left_b == 2)
        return a.ptr[from] == b.ptr[from + 1] && a.ptr[from + 1] == b.ptr[from];
    return left_a <= 1 && left_b <= 1;
}

static uint64_t kinds_near(struct str word) {
    const uint64_t told = GET | SEND | MSG | REMOVE | ACT | CANCEL;

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct str rest = str_of(table[i].words), known;

        while ((table[i].kinds & told) && rest.len > 0) {
            (void)str_cut(&rest, ' ', &known);
            if (known.len >= FUZZY_LEN && known.len + 1 >= word.len && word.len + 1 >= known.len &&
                is_near(word, known))
                return phrase_kinds_of(&words, known, NULL);
        }
    }
    return 0;
}

/* "paaara", "sairrr": letters that were held down. */
static struct str unstretched(struct arena *a, struct str word) {
    char *out = arena_alloc(a, word.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < word.len; i++)
        if (n == 0 || out[n - 1] != word.ptr[i] || (unsigned char)word.ptr[i] >= 0x80)
            out[n++] = word.ptr[i];
    return (struct str){out, n};
}

/* "num quero": "não"; but "num carro": "em um". */
static bool is_spoken_no(const struct phrase *w, size_t i) {
    return phrase_is_word(w, i, "num") && phrase_is(w, i + 1, WANT | SEND | ME | ALLOW | BOTHER) &&
           !phrase_is(w, i + 1, MSG | MAIL);
}

/* Pictures part thoughts as full stops do, but for those that say something themselves. */
static bool is_picture(const struct phrase *w, size_t i) {
    return (unsigned char)w->at[i].ptr[0] >= 0xE2;
}

static bool is_sign(const struct phrase *w, size_t i) {
    return phrase_is(w, i, SIGN) || str_starts(w->at[i], STR("\xF0\x9F\x9B\x91"));
}

static void forgive(struct arena *a, struct phrase *w) {
    for (size_t i = 0; i < w->n; i++) {
        bool is_known;

        if (phrase_is_word(w, i + 1, "de") && phrase_is(w, i + 2, SEND | ME | BOTHER) &&
            (phrase_is_word(w, i, "deixa") || phrase_is_word(w, i, "deixe") ||
             phrase_is_word(w, i, "deixem"))) {
            w->kinds[i] = STOPS; /* "deixem de mandar" */
            continue;
        }
        if (is_picture(w, i) || is_spoken_no(w, i)) {
            w->kinds[i] = !is_picture(w, i) ? NOT : is_sign(w, i) ? SIGN : END;
            continue;
        }

        if (phrase_is_word(w, i, "e") && i + 1 < w->n && str_starts(w->at[i + 1], STR("mail")))
            w->kinds[i] = LINK; /* "e-mail" */
        (void)phrase_kinds_of(&words, w->at[i], &is_known);
        if (is_known || w->at[i].len < 3)
            continue;
        w->kinds[i] = phrase_kinds_of(&words, unstretched(a, w->at[i]), &is_known);
        if (!is_known && w->at[i].len >= FUZZY_LEN && w->n <= FUZZY_WORDS_MAX)
            w->kinds[i] = kinds_near(w->at[i]);
    }
}

/* --- what stands around ---------------------------------------------------------------------------------------------- */

static bool is_a(const struct phrase *w, size_t i, uint64_t kinds) {
    return phrase_is(w, i, kinds);
}

static bool is_word(const struct phrase *w, size_t i, const char *word) {
    return phrase_is_word(w, i, word);
}

/* The nearest within n words before i in its clause, else 0: no clause begins with it. */
static size_t before(const struct phrase *w, size_t i, size_t n, uint64_t kinds) {
    while (n-- > 0 && i-- > 0 && !is_a(w, i, END))
        if (is_a(w, i, kinds))
            return i;
    return 0;
}

static size_t after(const struct phrase *w, size_t i, size_t n, uint64_t kinds) {
    while (n-- > 0 && ++i < w->n && !is_a(w, i, END))
        if (is_a(w, i, kinds))
            return i;
    return 0;
}

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

/* What a verb at i is about: messages, or nothing that is said; not "o boleto". */
static bool is_about_messages(const struct phrase *w, size_t i) {
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
        return is_about_messages(w, get) && !is_asked(w, i);
    if (want == 0) /* "gostaria de não receber mais", "como faço para não receber" */
        return is_a(w, i + 1, GET) &&
               (before(w, i, 3, WANT | OF | LINK) > 0 || is_word(w, i - 1, "como")) &&
               !is_word(w, i - 1, "se") && is_about_messages(w, i + 1);
    get = after(w, want, NEAR, GET);
    if (get > 0 && after(w, want, get - want, STOPS | MSG) == 0 &&
        !phrase_is_word(w, get - 2, "deixar"))
        return is_about_messages(w, get) && !(is_a(w, get + 1, END) && is_asked(w, i));
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
            return is_about_messages(w, verb);
        if (is_a(w, verb, BOTHER | MSG))
            return true;
        if (is_a(w, verb, SENDING))
            return is_about_messages(w, verb);
        if (is_word(w, verb, "chegar") || is_word(w, verb, "vir"))
            return is_about_messages(w, verb) && !is_a(w, verb + 1, END);
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
    return at > 0 && is_about_messages(w, at);
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
    return is_for_good(w, i, verb) && is_about_messages(w, verb);
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
            return is_about_messages(w, at);
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

    return what > 0 && !is_denied(w, i) && is_about_messages(w, what);
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

    if (verb == 0 || !is_about_messages(w, verb))
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

        return verb > 0 && is_about_messages(w, verb) && !w->is_question;
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

/* --------------------------------------------------------------------------------------------------------------------- */

static bool is_stop_at(const struct phrase *w, size_t i) {
    return names_the_act(w, i) || does_not_want(w, i) || does_not_want_to_be_in(w, i) ||
           tells_to_stop(w, i) || is_short_stop(w, i) || has_enough(w, i) || forbids(w, i) ||
           wants_off(w, i) || wants_it_taken_off(w, i) || leaves(w, i) || cancels(w, i) ||
           wants_none(w, i) || wants_no_more_of_them(w, i) || revokes(w, i) || refuses(w, i) ||
           asks_to_leave_again(w, i) || wants_peace(w, i) || threatens(w, i);
}

enum consent_word consent_read(struct str text) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct phrase *w = arena_new_of(&a, struct phrase);

    pthread_once(&words_once, fill_words);
    phrase_split(&a, &words, utf8_repair(&a, text), w);
    forgive(&a, w);
    if (stands_alone(w) || is_lone_command(w) || wants_no_more(w))
        return CONSENT_STOP;
    for (size_t i = 1; i < w->n; i++)
        if (is_stop_at(w, i))
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

    pthread_once(&words_once, fill_words);
    phrase_split(&a, &words, utf8_repair(&a, text), w);
    for (size_t i = 0; i < w->n; i++) {
        is_mail = is_mail || is_a(w, i, MAIL);
        is_chat = is_chat || is_a(w, i, CHAT);
    }
    if (is_mail == is_chat)
        return STR(CONSENT_ALL);
    return is_mail ? STR(CONSENT_EMAIL) : STR(CONSENT_WHATSAPP);
}
