/* test_asks.c - who asks for a person is heard, who talks about one is not.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conversation/asks.h"

#include <string.h>

#include "base/attr.h"
#include "unit/check.h"

static const char *const asking[] = {
    "atendente",
    "Atendente",
    "ATENDENTE!!!",
    "um atendente",
    "atendente por favor",
    "atendente, por favor.",
    "humano",
    "humano por favor",
    "Humano pfv",
    "um humano agora",
    "ser humano",
    "atendimento humano",
    "quero atendimento humano",
    "quero um atendente",
    "Quero falar com um atendente",
    "quero falar com atendente",
    "quero falar c/ atendente",
    "oi, quero falar com um atendente",
    "bom dia! gostaria de falar com um atendente, por favor",
    "queria falar com uma pessoa",
    "quero falar com alguém",
    "Quero falar com alguém da equipe",
    "posso falar com alguém?",
    "posso falar com um humano?",
    "preciso falar com uma pessoa de verdade",
    "preciso de um atendente",
    "preciso de um humano",
    "preciso de ajuda humana",
    "preciso de suporte humano",
    "gostaria de conversar com um vendedor",
    "quero conversar com uma consultora",
    "dá pra falar com o gerente?",
    "quero falar com o gerente",
    "quero falar com o responsável",
    "tem como falar com um ser humano?",
    "tem como eu falar com alguém?",
    "como faço para falar com um atendente?",
    "como falo com um atendente",
    "onde falo com alguém?",
    "me passa para um atendente",
    "me passa pra um humano por favor",
    "me transfere para um atendente",
    "transfere pra um humano",
    "pode me transferir para uma pessoa?",
    "chama um atendente",
    "chama alguém aí",
    "chame o gerente por favor",
    "pode chamar uma pessoa?",
    "me encaminha para um atendente",
    "me coloca em contato com um vendedor",
    "tem algum atendente?",
    "tem atendente aí?",
    "vocês têm algum atendente humano?",
    "tem alguém aí?",
    "Oi. Tem alguém aí?",
    "não quero falar com robô",
    "nao quero conversar com um robô",
    "cansei de robô",
    "chega de robô",
    "cansei de falar com robô",
    "não consigo falar com um atendente",
    "não, quero falar com um atendente",
    "isso não resolve. quero falar com uma pessoa",
    "meu pedido não chegou, quero falar com um atendente",
    "não entendi nada\nquero falar com alguém",
    "quero falar com o suporte",
    "quero falar com vendas",
    "gostaria de falar com o financeiro",
    "prefiro falar com uma pessoa",
    "quero uma atendente humana",
    "falar com atendente",
    "falar com um humano",
    "falar com alguém",
    "talk to a human",
    "I want to talk to a human",
    "i want to speak with a person",
    "can I talk to someone?",
    "can i speak to a real person please",
    "I need to speak with an agent",
    "human please",
    "agent",
    "agent please",
    "real human",
    "I want a human",
    "get me a human",
    "get me a person",
    "connect me to an agent",
    "please transfer me to a human",
    "put me through to someone",
    "let me talk to a person",
    "how do i talk to a human?",
    "I'd like to speak to your manager",
    "is there a human?",
    "is there anyone there?",
    "I don't want to talk to a bot",
    "live agent",
    "operator",
    "representative please",
    "talk to sales",
    "chat with a representative",
};

static const char *const not_asking[] = {
    "",
    "?",
    "oi",
    "bom dia",
    "quero ver os planos",
    "quanto custa?",
    "você é humano?",
    "voce é um robô?",
    "isso é um robô?",
    "estou falando com um humano?",
    "tô falando com uma pessoa?",
    "are you human?",
    "am I talking to a human?",
    "já falei com um atendente ontem",
    "falei com o atendente e ele resolveu",
    "o atendente me disse que chega amanhã",
    "o atendente foi ótimo",
    "obrigado, atendente",
    "não quero falar com atendente",
    "não preciso de atendente",
    "não quero um atendente, quero o preço",
    "nao precisa chamar ninguém",
    "sem atendente por favor",
    "I don't need an agent",
    "I don't want to talk to a human",
    "no human needed",
    "vou falar com meu gerente e te aviso",
    "vou falar com alguém aqui em casa",
    "preciso falar com minha esposa antes",
    "vou conversar com uma pessoa primeiro",
    "depois de falar com o gerente eu volto",
    "quando eu falar com o vendedor aviso",
    "I'll talk to my manager",
    "I need to talk to my wife first",
    "i will speak to someone and get back",
    "I spoke to an agent yesterday",
    "quero um atendente virtual",
    "quero contratar um atendente virtual",
    "preciso de um atendente virtual para minha loja",
    "quero um robô de atendimento",
    "vocês vendem atendente virtual?",
    "preciso contratar um atendente",
    "quero ser atendente",
    "tem vaga de atendente?",
    "vocês têm vaga para vendedor?",
    "sou atendente de uma loja",
    "sou vendedor",
    "meu atendente saiu da empresa",
    "o plano tem quantos atendentes?",
    "o plano inclui atendente?",
    "plano para 3 atendentes",
    "quantos atendentes posso cadastrar?",
    "quanto custa por atendente?",
    "pessoa física",
    "pessoa jurídica",
    "é para pessoa física ou jurídica?",
    "sou pessoa física",
    "é para uma pessoa só",
    "mesa para quatro pessoas",
    "é um presente para uma pessoa",
    "alguém pode me ajudar?",
    "alguém já comprou esse?",
    "tem alguém que fala inglês?",
    "tem alguém usando esse plano?",
    "recursos humanos",
    "curso de direitos humanos",
    "trabalho com recursos humanos",
    "real estate agent",
    "I am an agent",
    "i want to be an agent",
    "travel agent software",
    "agente de IA",
    "quero um agente de IA para vendas",
    "quero saber mais sobre o suporte",
    "quero falar sobre o atendimento",
    "quero falar do meu pedido",
    "como funciona o suporte?",
    "vocês têm suporte técnico?",
    "qual o horário de atendimento?",
    "o suporte funciona no sábado?",
    "quero comprar para minha equipe",
    "temos uma equipe de vendas",
    "somos um time pequeno",
    "gerente de banco",
    "quero um sistema para meu gerente",
    "quero vender mais",
    "quero o robô",
    "gostei do robô",
    "como se chama o vendedor?",
    "qual é o nome da pessoa?",
    "quem é o responsável?",
    "me passa o preço",
    "me passa o contato do vendedor João",
    "me passa o link",
    "passa cartão?",
    "transferir dinheiro por pix",
    "posso transferir o plano para outra conta?",
    "quero transferir meu número",
    "get me the price",
    "connect my account",
    "put it in the cart",
    "quero falar a verdade, achei caro",
    "não sei com quem falar",
    "preciso de ajuda",
    "help",
    "suporte",
    "vendas",
    "pessoa",
    "alguém",
    "gerente",
    "manager",
    "team",
    "someone",
    "customer service hours",
    "tem desconto?",
    "tem entrega hoje?",
    "there is a problem",
    "is there a discount?",
    "não tem ninguém em casa",
    "a pessoa que atendeu ontem foi gentil",
    "minha atendente favorita é a Bia",
};

static bool asks(const char *text) {
    struct arena a = {0};
    bool is_asking = asks_for_person(&a, str_of(text));

    arena_done(&a);
    return is_asking;
}

static void who_asks_for_a_person_is_heard(void **state) {
    int missed = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(asking); i++)
        if (!asks(asking[i])) {
            print_error("not heard: %s\n", asking[i]);
            missed++;
        }
    assert_int_equal(missed, 0);
}

static void who_talks_about_people_is_not_taken_for_asking(void **state) {
    int wrong = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(not_asking); i++)
        if (asks(not_asking[i])) {
            print_error("taken for asking: %s\n", not_asking[i]);
            wrong++;
        }
    assert_int_equal(wrong, 0);
}

static void long_and_odd_texts_get_a_verdict(void **state) {
    struct arena a = {0};
    char *text = arena_alloc(&a, 100001);

    (void)state;
    for (int seed = 0; seed < 200; seed++) {
        for (size_t i = 0; i < 300; i++)
            text[i] =
                " aeo|,'/-\nquero falar com humano\xc3\xa9?"[(i * 7 + (size_t)seed * 13 + i * i) %
                                                             36];
        (void)asks_for_person(&a, (struct str){text, 300});
        arena_reset(&a);
        text = arena_alloc(&a, 100001);
    }
    memset(text, 'a', 100000);
    assert_false(asks_for_person(&a, (struct str){text, 100000}));
    memset(text, ',', 100000);
    assert_false(asks_for_person(&a, (struct str){text, 100000}));
    arena_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_asks_for_a_person_is_heard),
        cmocka_unit_test(who_talks_about_people_is_not_taken_for_asking),
        cmocka_unit_test(long_and_odd_texts_get_a_verdict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
