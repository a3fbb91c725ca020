/* script_builtin.c - the script a new tenant has: works with no key and no set-up, in Portuguese, and is an example to copy.
 * Who asks for a person in words of their own is heard before the bot is asked (conversation/asks.c).
 * SPDX-License-Identifier: Apache-2.0 */
#include "bot/script.h"

static const char builtin[] =
    "{\"version\":1,\"start\":\"menu\","
    "\"rules\":["
    "{\"any\":[\"preco\",\"precos\",\"valor\",\"valores\",\"quanto custa\",\"plano\",\"planos\",\"price\"],"
    "\"go\":\"plans\"},"
    "{\"any\":[\"horario\",\"horarios\",\"que horas\",\"aberto\",\"opening hours\"],\"go\":\"hours\"},"
    "{\"any\":[\"menu\",\"inicio\",\"oi\",\"ola\",\"bom dia\",\"boa tarde\",\"boa noite\",\"hello\",\"hi\"],"
    "\"go\":\"menu\"},"
    "{\"any\":[\"obrigado\",\"obrigada\",\"valeu\",\"thanks\"],\"go\":\"thanks\"}],"
    "\"fallback\":{\"go\":\"lost\",\"after\":3,\"then\":\"person\"},"
    "\"nodes\":{"
    "\"menu\":{\"say\":[{\"type\":\"buttons\",\"text\":\"Olá, {{name}}! 👋 Como posso ajudar?\","
    "\"buttons\":[{\"id\":\"plans\",\"title\":\"Ver planos\"},{\"id\":\"hours\",\"title\":\"Horários\"},"
    "{\"id\":\"person\",\"title\":\"Falar com alguém\"}]}],"
    "\"choices\":{\"plans\":\"plans\",\"hours\":\"hours\",\"person\":\"person\"}},"
    "\"plans\":{\"say\":[{\"type\":\"list\",\"text\":\"Temos três planos. Qual combina com você?\","
    "\"button\":\"Escolher plano\",\"sections\":[{\"title\":\"Planos\",\"rows\":["
    "{\"id\":\"plan_start\",\"title\":\"Essencial\",\"description\":\"R$ 49 por mês, 1 usuário\"},"
    "{\"id\":\"plan_team\",\"title\":\"Equipe\",\"description\":\"R$ 149 por mês, até 5 usuários\"},"
    "{\"id\":\"plan_pro\",\"title\":\"Profissional\",\"description\":\"R$ 399 por mês, sem limite\"}]}]}],"
    "\"choices\":{\"plan_start\":\"chosen\",\"plan_team\":\"chosen\",\"plan_pro\":\"chosen\"}},"
    "\"chosen\":{\"say\":[{\"type\":\"buttons\",\"text\":\"Ótima escolha! Quer que uma pessoa da equipe finalize com "
    "você?\",\"buttons\":[{\"id\":\"person\",\"title\":\"Sim, por favor\"},{\"id\":\"back\",\"title\":\"Voltar ao "
    "menu\"}]}],\"choices\":{\"person\":\"person\",\"back\":\"menu\"}},"
    "\"hours\":{\"say\":[{\"type\":\"text\",\"text\":\"Atendemos de segunda a sexta, das 9h às 18h (horário de "
    "Brasília). Fora disso, deixe sua mensagem que respondemos no próximo dia útil.\"}]},"
    "\"thanks\":{\"say\":[{\"type\":\"text\",\"text\":\"Eu que agradeço! 😊 Se precisar, é só escrever.\"}]},"
    "\"lost\":{\"say\":[{\"type\":\"buttons\",\"text\":\"Não entendi bem. Pode dizer de outro jeito, ou escolher uma "
    "opção?\",\"buttons\":[{\"id\":\"plans\",\"title\":\"Ver planos\"},{\"id\":\"hours\",\"title\":\"Horários\"},"
    "{\"id\":\"person\",\"title\":\"Falar com alguém\"}]}],"
    "\"choices\":{\"plans\":\"plans\",\"hours\":\"hours\",\"person\":\"person\"}},"
    "\"person\":{\"say\":[{\"type\":\"text\",\"text\":\"Certo! Já chamei uma pessoa da equipe. Ela responde por aqui "
    "mesmo.\"}],\"handoff\":\"a pessoa pediu atendimento humano\"}"
    "}}";

struct str script_builtin(void) {
    return str_of(builtin);
}
