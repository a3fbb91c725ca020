/* words_table.c - which word is of which kind; long ones also with one letter wrong, any with letters held down.
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>

#include "base/utf8.h"
#include "consent/words.h"

enum { FUZZY_LEN = 6, FUZZY_WORDS_MAX = 40 };

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

void wish_split(struct arena *a, struct str text, struct phrase *w) {
    pthread_once(&words_once, fill_words);
    phrase_split(a, &words, utf8_repair(a, text), w);
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

void wish_read(struct arena *a, struct str text, struct phrase *w) {
    wish_split(a, text, w);
    forgive(a, w);
}
