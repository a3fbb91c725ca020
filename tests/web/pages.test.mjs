// SPDX-License-Identifier: Apache-2.0
// The pages beside the inbox in a real browser, on the real program: failures, one message's life, settings, profile.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, afterEach, before, describe, test } from 'node:test';
import { startFullHouse } from './house.mjs';
import { addUser } from '../support/browser.mjs';
import { client } from '../support/prosa.mjs';
import { startTwilio } from '../support/twilio.mjs';
import { PASSWORD, person, shows, startBrowser, until } from './kit.mjs';

let house, browser, p, page;
const people = [];

before(async () => {
  house = await startFullHouse({ PROSA_PUBLIC_URL: 'https://prosa.example.test' });
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await house?.stop();
});

async function open(name, path, options = {}) {
  p = await person(browser, house, { permissions: ['clipboard-read', 'clipboard-write'], ...options });
  people.push(p);
  page = p.page;
  await p.signIn(name, path);
  await page.locator('h1').first().waitFor();
}
afterEach(async () => {
  for (const one of people.splice(0)) await one.close();
});

const button = (name, exact = true) => page.getByRole('button', { name, exact });
const field = (name) => page.getByLabel(name, { exact: true });
const dialog = () => page.locator('dialog[open]');
const pressIn = (name) => dialog().getByRole('button', { name, exact: true }).click();
const saved = () => shows(page, '.toast', 'Salvo');

describe('failures', () => {
  test('causes are told in words, counted, and a payload can be looked at', async () => {
    await open('sofia', '/app/failures');
    await page.locator('.group-title').first().waitFor(); // all come with one answer
    const groups = await page.locator('.group-title').allTextContents();
    for (const title of ['O número não pode receber no WhatsApp', 'A chamada não é de um formato conhecido', 'O número que recebeu não está em nenhum canal', 'O provedor bloqueou o canal']) assert.ok(groups.includes(title), title);
    await page.getByRole('link', { name: /A chamada não é de um formato/ }).click();
    await page.locator('.item').first().getByRole('button', { name: 'Ver conteúdo' }).click();
    await shows(page, '.raw pre', '{"object":"whatsapp_business_account","entry":[{"cut');
    assert.match(page.url(), /failures\/inbox\?kind=unparsed&cause=not-understood/);
  });

  test('a blocked number says why and is cleared, and what waited goes out', async () => {
    await open('sofia', '/app/settings/channels');
    await page.locator('.rows-link', { hasText: 'bloqueado' }).click();
    await shows(page, '.problem', 'O provedor recusou este canal; o que ia sair espera. (the access token');
    await button('Está em ordem de novo').click();
    await shows(page, '.page-actions .badge', 'ligado');
    await until(() => house.graph.accepted.some((s) => s.to === '+5511991000005'), 'the parked send went out');
  });

  test('chosen sends go out again and the counts follow', async () => {
    await open('sofia', '/app/failures/sends?cause=131026');
    await page.locator('.item').nth(2).waitFor();
    await page.locator('.item').first().getByRole('checkbox').check();
    await shows(page, '.group-actions', 'o caso marcado');
    await button('Enviar de novo').click();
    await shows(page, '.toast', '1 caso tentado de novo');
    await until(async () => (await page.locator('.item').count()) === 2, 'two are left');
    await button('Enviar de novo').click();
    await shows(page, '.toast', '2 casos tentados de novo');
    await shows(page, '.empty', 'Esta causa já não tem casos');
    await until(() => house.graph.accepted.filter((s) => /^\+551199100000[123]$/.test(s.to)).length === 3, 'each went out once');
  });

  test('an uncertain message is settled by a person', async () => {
    await open('sofia', '/app/failures/uncertain');
    await page.locator('.groups').getByRole('link', { name: /A conexão caiu antes da resposta/ }).click();
    await page.locator('.item').waitFor();
    await button('Chegou').click();
    await shows(page, '.toast', '1 mensagem decidida');
    await until(async () => (await house.api.get('/api/v1/failures')).data.every((g) => g.area !== 'uncertain'), 'nothing is uncertain');
  });

  test('what comes in new shows up without a reload', async () => {
    await open('sofia', '/app/failures');
    await page.locator('.groups').waitFor();
    house.graph.refuse = (body) => (body.to === '+5511991000077' ? { status: 400, code: 131047 } : null);
    await house.write('5511991000077', 'oi');
    await page.locator('.group-title', { hasText: 'A janela de 24 horas estava fechada' }).waitFor();
    house.graph.refuse = null;
  });

  test('an agent is told that the page is not for the role', async () => {
    await open('ana', '/app/profile');
    assert.equal(await page.getByRole('link', { name: 'Falhas' }).count(), 0);
    await page.goto(`${house.url}/app/failures`);
    await shows(page, '.empty', 'Seu papel não dá acesso');
  });
});

describe('one message’s life', () => {
  test('every step stands in order with its time, and the raw call can be read', async () => {
    await open('sofia', `/app/messages/${house.lifeOf}`);
    await shows(page, '.life-line', 'Lida');
    const steps = await page.locator('.life-line strong').allTextContents();
    const order = ['O robô respondeu', 'Na fila de envio', 'Entregue ao provedor, esperando a resposta', 'Aceita pelo provedor', 'Entregue no aparelho', 'Lida'];
    assert.deepEqual(steps.filter((s) => order.includes(s)), order);
    assert.equal(steps.filter((s) => s.startsWith('O provedor informou')).length, 3);
    await page.locator('.life-line > li', { hasText: 'O provedor informou: lida' }).getByRole('button', { name: 'Chamada como veio' }).click();
    await shows(page, '.raw pre', '"status": "read"');
    await page.locator('.related a').first().click();
    await shows(page, '.life-line', 'A chamada do provedor chegou');
    await shows(page, '.life-text', 'oi, quero saber o preço');
  });

  test('an agent sees the steps but not the raw call', async () => {
    await open('ana', `/app/messages/${house.lifeOf}`);
    await shows(page, '.life-line', 'O conteúdo da chamada é visível para a supervisão');
    assert.equal(await button('Chamada como veio').count(), 0);
  });
});

describe('channels', () => {
  test('a number is added, tested, and tells its webhook; a wrong value is told at its field', async () => {
    await open('sofia', '/app/settings/channels');
    await page.getByRole('link', { name: 'Novo canal' }).click();
    await page.getByRole('link', { name: /WhatsApp \(Cloud API\)/ }).click();
    await field('Nome').fill('Vendas SP');
    await field('ID do número de telefone').fill('770000000000001');
    await field('Token de acesso').fill('EAAG-segredo');
    await page.getByText('Mais opções').click();
    await field('Versão da Graph API').fill('vinte');
    await field('Endereço da API').fill(house.peer.url);
    p.expects.push(/400/);
    await button('Salvar').click();
    await shows(page, '.field .bad', 'v26.0');
    assert.equal(await field('Versão da Graph API').getAttribute('aria-invalid'), 'true');
    await field('Versão da Graph API').fill('');
    await button('Salvar').click();
    await shows(page, 'h1', 'Vendas SP');
    await button('Testar').click();
    await shows(page, '.result.ok', 'Loja Aurora');
    assert.doesNotMatch(await page.locator('.result.ok').textContent(), /answers|quality/);
    await shows(page, '.copy-line code', '/webhooks/meta');
    await button('Copiar: URL de retorno').click();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), `${house.url}/webhooks/meta`);
    assert.equal(await field('Token de acesso').inputValue(), '', 'a secret never comes back');
    // Why it does not work stands there in the reader's language.
    await page.getByText('Mais opções').click();
    await field('Endereço da API').fill('http://127.0.0.1:1');
    await button('Salvar').click();
    await shows(page, '.toast', 'Salvo');
    await button('Testar').click();
    await shows(page, '.result.unreachable', 'Não respondeu. 127.0.0.1:1 não pôde ser alcançado: confira o endereço e tente mais tarde.');
    assert.equal((await page.content()).includes('EAAG-segredo'), false);
    await button('Desligar').click();
    await pressIn('Desligar');
    await shows(page, '.page-actions .badge', 'desligado');
  });

  test('at Twilio, the test tells whether the address is entered there, and which one to enter', async () => {
    const sid = `AC${'5a'.repeat(16)}`;
    const twilio = await startTwilio({ sid, token: 'segredo', webhook: 'https://outro.example.test/entrada' });
    try {
      await open('sofia', '/app/settings/channels/new');
      await page.getByRole('link', { name: /WhatsApp \(Twilio\)/ }).click();
      await field('Nome').fill('Twilio SP');
      await field('Número do remetente').fill('551130000100');
      await field('Account SID').fill(sid);
      await field('Auth Token').fill('segredo');
      await page.getByText('Mais opções').click();
      await field('Endereço da API').fill(twilio.url);
      await button('Salvar').click();
      await shows(page, 'h1', 'Twilio SP');
      const path = await page.locator('.copy-line code').textContent();
      const expected = `https://prosa.example.test${new URL(path).pathname}`;
      await button('Testar').click();
      await shows(page, '.result.ok', 'Funciona.');
      await shows(page, '.entry .refused', 'O Twilio chama outro endereço');
      await shows(page, '.entry', 'https://outro.example.test/entrada');
      await shows(page, '.entry .copy-line', `${expected}#rc=3&rp=all`);
      assert.equal(await page.getByText('Na Meta').count(), 0);
      await twilio.ask('POST', '/sim/twilio', { webhook_url: '' });
      await button('Testar').click();
      await shows(page, '.entry', 'Nenhum endereço está cadastrado');
      await twilio.ask('POST', '/sim/twilio', { webhook_url: `${expected}#rc=3&rp=all` });
      await button('Testar').click();
      await shows(page, '.entry .ok', 'O Twilio chama este endereço.');
      assert.equal(await page.locator('.entry .copy-line').count(), 0);
      await button('Desligar').click();
      await pressIn('Desligar');
      await shows(page, '.page-actions .badge', 'desligado');
    } finally {
      await twilio.stop();
    }
  });
});

describe('bot', () => {
  test('the script is checked while it is written, and a problem leads to its place', async () => {
    await open('sofia', '/app/settings/bot');
    const editor = page.locator('textarea.code');
    await shows(page, '#script-check', 'O roteiro está certo');
    const script = JSON.parse(await editor.inputValue());
    script.start = 'lugar-nenhum';
    script.nodes[Object.keys(script.nodes)[0]].say = [];
    await editor.fill(JSON.stringify(script, null, 2));
    await shows(page, '#script-check', '2 problemas');
    await page.locator('.troubles li', { hasText: 'lugar-nenhum' }).getByRole('button').click();
    assert.equal(await editor.evaluate((at) => at.value.slice(at.selectionStart, at.selectionEnd)), '"lugar-nenhum"');
    await editor.fill('{\n  "version": 1,\n  "start" "x"\n}');
    await shows(page, '.troubles', 'linha 3');
    await button('Desfazer mudanças').click();
    await shows(page, '#script-check', 'O roteiro está certo');
  });

  test('what is on the page is tried out before it is saved', async () => {
    await open('sofia', '/app/settings/bot');
    const editor = page.locator('textarea.code');
    const script = { version: 1, start: 'a', fallback: { go: 'a', after: 2, then: 'p' }, nodes: { a: { say: [{ type: 'buttons', text: 'Oi {{name}}, aqui é o teste', buttons: [{ id: 'x', title: 'Preço' }] }], choices: { x: 'b' } }, b: { say: [{ type: 'text', text: 'Custa dez.' }] }, p: { say: [], handoff: 'sem resposta' } } };
    await editor.fill(JSON.stringify(script));
    await shows(page, '#script-check', 'O roteiro está certo');
    await field('Escreva como cliente').fill('bom dia');
    await field('Escreva como cliente').press('Enter');
    await shows(page, '.try-line.bot', 'Oi Ana, aqui é o teste');
    await page.locator('.try-choices').getByRole('button', { name: 'Preço' }).click();
    await shows(page, '.try-line.bot', 'Custa dez.');
    assert.equal((await house.api.get('/api/v1/bot')).script ?? null, null);
  });

  test('a model answers in the try-out, and its settings are kept', async () => {
    await open('sofia', '/app/settings/bot');
    await page.getByRole('radio', { name: /Modelo de linguagem/ }).check();
    await field('Instruções').fill('Você atende a Loja Aurora.');
    await field('Orçamento por mês').fill('25');
    await field('Escreva como cliente').fill('quanto custa?');
    await button('Dizer').click();
    await shows(page, '.try-line.bot', 'Custa dez reais');
    await button('Salvar').click();
    await saved();
    const bot = await house.api.get('/api/v1/bot');
    assert.deepEqual([bot.kind, bot.budget_micros, bot.model.system_prompt], ['model', 25_000_000, 'Você atende a Loja Aurora.']);
    await page.getByRole('radio', { name: /Roteiro/ }).check();
    await button('Salvar').click();
    await until(async () => (await house.api.get('/api/v1/bot')).kind === 'script', 'the script again');
  });
});

describe('hours', () => {
  test('a week with breaks and a holiday is kept, and leaving with changes is asked about', async () => {
    await open('sofia', '/app/settings/hours');
    const monday = page.getByRole('group', { name: 'segunda-feira' });
    await monday.getByLabel('segunda-feira: abre às').first().fill('09:00');
    await monday.getByLabel('segunda-feira: fecha às').first().fill('12:00');
    await monday.getByRole('button', { name: 'Outro período' }).click();
    await monday.getByLabel('segunda-feira: abre às').nth(1).fill('13:00');
    await monday.getByLabel('segunda-feira: fecha às').nth(1).fill('18:00');
    await button('Repetir segunda até sexta').click();
    await button('Outro feriado').click();
    await page.getByLabel('Data').last().fill('2027-07-09');
    await page.getByLabel('Nome do feriado').last().fill('Feriado estadual');
    await field('Alguém assume em (min)').fill('5');

    let asked = '';
    page.once('dialog', (d) => ((asked = d.message()), void d.dismiss()));
    await page.getByRole('link', { name: 'Canais' }).click();
    assert.match(asked, /não foram salvas/);
    assert.match(page.url(), /settings\/hours/);

    await button('Salvar').click();
    await saved();
    const kept = await house.api.get('/api/v1/team/settings');
    assert.deepEqual(kept.hours.fri, [['09:00', '12:00'], ['13:00', '18:00']]);
    assert.equal(kept.pickup_minutes, 5);
    assert.ok(kept.holidays.some((h) => h.date === '2027-07-09' && h.name === 'Feriado estadual'));
    await page.getByRole('link', { name: 'Canais' }).click();
    await shows(page, 'h1', 'Canais');
  });

  test('a wrong number is told at its field', async () => {
    await open('sofia', '/app/settings/hours');
    await field('Supervisão é avisada em (min)').fill('1');
    p.expects.push(/400/);
    await button('Salvar').click();
    await shows(page, '.field .bad', 'escalate_minutes');
  });
});

describe('people, keys, labels, answers, webhooks, audit', () => {
  test('a person is added, changed and switched off', async () => {
    await open('sofia', '/app/settings/users');
    await button('Nova pessoa').click();
    await dialog().getByLabel('Nome', { exact: true }).fill('Caio Lima');
    await dialog().getByLabel('E-mail', { exact: true }).fill('caio@example.com');
    await pressIn('Adicionar');
    await shows(page, '.rows', 'Caio Lima');
    await button('Editar: Caio Lima').click();
    await dialog().getByLabel('Papel', { exact: true }).selectOption('supervisor');
    await pressIn('Salvar');
    await shows(page, '.rows li', 'supervisão');
    await button('Desligar: Caio Lima').click();
    await pressIn('Desligar');
    await page.getByRole('button', { name: 'Ligar: Caio Lima', exact: true }).waitFor();
  });

  test('a key is shown once, works, and stops when it is revoked', async () => {
    await open('sofia', '/app/settings/keys');
    await button('Nova chave').click();
    await dialog().getByLabel('Nome', { exact: true }).fill('CRM');
    await pressIn('Criar chave');
    const secret = await dialog().locator('.copy-line code').first().textContent();
    assert.match(secret, /^prosa_/);
    const api = client(house.url, secret);
    assert.equal((await api.get('/api/v1/me')).tenant.slug, 'acme');
    await pressIn('Já guardei');
    assert.equal((await page.content()).includes(secret), false);
    await button('Revogar: CRM').click();
    await pressIn('Revogar');
    await shows(page, '.rows', 'revogada');
    await assert.rejects(until(async () => api.get('/api/v1/me').then(() => false), 'refused', 8000), /401|never/);
  });

  test('a label is made, removed and brought back to its conversations', async () => {
    await open('sofia', '/app/settings/labels');
    await button('Nova etiqueta').click();
    await dialog().getByLabel('Nome', { exact: true }).fill('VIP');
    await dialog().getByRole('radio', { name: 'Cor 3' }).check({ force: true });
    await pressIn('Salvar');
    await shows(page, '.rows', 'VIP');
    const vip = (await house.api.get('/api/v1/labels')).data.find((l) => l.name === 'VIP');
    const [talk] = (await house.api.get('/api/v1/conversations?limit=1')).data;
    await house.api.put(`/api/v1/conversations/${talk.id}/labels`, { labels: [vip.id] });
    await button('Remover: VIP').click();
    await until(async () => (await house.api.get('/api/v1/labels')).data.every((l) => l.name !== 'VIP'), 'it is gone');
    await button('Desfazer').click();
    await until(async () => (await house.api.get('/api/v1/labels')).data.some((l) => l.name === 'VIP' && l.color === '#7c3aed'), 'it is back');
    assert.deepEqual((await house.api.get(`/api/v1/conversations/${talk.id}`)).labels, [vip]);
  });

  test('a canned answer is made and changed; agents only read', async () => {
    await open('sofia', '/app/settings/canned');
    await button('Nova resposta').click();
    await dialog().getByLabel('Atalho', { exact: true }).fill('/troca');
    await dialog().getByLabel('Texto', { exact: true }).fill('Trocamos em até 7 dias.');
    await pressIn('Salvar');
    await shows(page, '.rows', '/troca');
    await button('Editar: troca').click();
    await dialog().getByLabel('Texto', { exact: true }).fill('Trocamos em até 30 dias.');
    await pressIn('Salvar');
    await shows(page, '.rows', '30 dias');
    await open('ana', '/app/settings/canned');
    await shows(page, '.rows', '/troca');
    assert.equal(await button('Nova resposta').count(), 0);
  });

  test('a webhook shows its secret once, and a given-up delivery is told', async () => {
    await open('sofia', '/app/settings/webhooks');
    await button('Novo webhook').click();
    await dialog().getByLabel('URL', { exact: true }).fill(`${house.peer.url}/hook2`);
    await pressIn('Adicionar');
    assert.match(await dialog().locator('.copy-line code').first().textContent(), /^whsec_/);
    await pressIn('Já guardei');
    await page.getByRole('link', { name: /CRM/ }).click();
    await shows(page, 'h1', 'CRM');
    await until(async () => {
      await button('Atualizar').click();
      return (await page.locator('.badge', { hasText: 'abandonada' }).count()) > 0;
    }, 'the delivery was given up');
    await page.locator('.rows li').first().getByRole('button', { name: 'Ver conteúdo' }).click();
    await shows(page, '.raw pre', 'webhook.test');
  });

  test('the audit log tells who did what and can be narrowed', async () => {
    await open('sofia', '/app/settings/audit');
    await shows(page, '.rows', 'Canal adicionado');
    await field('Ação').selectOption('provider.add');
    await until(async () => (await page.locator('.rows strong').allTextContents()).every((text) => text === 'Canal adicionado'), 'only those');
    await field('Buscar').fill('sofia');
    await shows(page, '.rows', 'sofia');
    await field('Buscar').fill('ninguém mesmo');
    await shows(page, '.empty', 'Nada que combine');
  });
});

/* RFC 6238 with the usual 30 s and 6 digits, of a base32 secret. */
function totp(secret, at = Date.now()) {
  const bits = [...secret].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const mac = createHmac('sha1', key).update(counter).digest();
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

describe('profile', () => {
  test('the second factor is enrolled by its picture, and its recovery codes are shown once', async () => {
    await addUser(house.installation, 'acme', 'dora@example.com', 'agent');
    await open('dora', '/app/profile');
    const section = page.getByRole('region', { name: 'Verificação em duas etapas' });
    await section.getByRole('button', { name: 'Ligar' }).click();
    await dialog().getByRole('img', { name: /Código QR/ }).waitFor();
    const secret = await dialog().locator('.copy-line code').textContent();
    p.expects.push(/40[03]/);
    await dialog().getByLabel('Código de verificação').fill('000000');
    await pressIn('Confirmar');
    await shows(page, 'dialog[open] .field .bad', 'O código não confere');
    await dialog().getByLabel('Código de verificação').fill(totp(secret));
    await pressIn('Confirmar');
    await dialog().locator('.codes li').nth(9).waitFor();
    await pressIn('Já guardei');
    await shows(page, '[aria-labelledby=totp-title]', 'ligado');
  });

  test('name, theme and password are changed; other sessions can be ended', async () => {
    await addUser(house.installation, 'acme', 'enzo@example.com', 'agent');
    await open('enzo', '/app/profile');
    const other = await person(browser, house);
    people.push(other);
    await other.signIn('enzo', '/app/profile');
    await page.reload();
    await field('Nome').fill('Enzo Prado');
    await button('Salvar').click();
    await saved();
    await field('Tema').selectOption('dark');
    await until(() => page.evaluate(() => document.documentElement.dataset.theme === 'dark'), 'dark');
    other.expects.push(/401/, /WebSocket/);
    await page.getByRole('button', { name: /^Encerrar/ }).first().click();
    await until(async () => (await page.getByRole('button', { name: /^Encerrar/ }).count()) === 0, 'only this one is left');
    await field('Senha atual').fill(PASSWORD);
    await field('Senha nova').fill('outra senha bem longa');
    await field('Senha nova, de novo').fill('outra senha bem longa!');
    await shows(page, '.field .bad', 'As duas não são iguais');
    await field('Senha nova, de novo').fill('outra senha bem longa');
    await button('Trocar a senha').click();
    await shows(page, '.toast', 'Senha trocada');
  });
});

describe('every page, by every eye', () => {
  const looks = [
    ['pt-BR', 'light', { width: 1440, height: 900 }],
    ['en-US', 'dark', { width: 1440, height: 900 }],
    ['pt-BR', 'dark', { width: 390, height: 844 }],
    ['en-US', 'light', { width: 390, height: 844 }],
  ];
  for (const [locale, colorScheme, viewport] of looks) {
    test(`is free of axe-core's findings and as wide as the screen: ${locale}, ${colorScheme}, ${viewport.width}`, async () => {
      const { data } = await house.api.get('/api/v1/providers');
      const paths = ['/app/failures', '/app/failures/inbox?kind=unparsed&cause=not-understood', `/app/messages/${house.lifeOf}`, '/app/settings', '/app/settings/channels', `/app/settings/channels/${data[0].id}`];
      paths.push('/app/settings/channels/new', '/app/settings/channels/new?kind=meta', '/app/settings/bot', '/app/settings/hours', '/app/settings/users', '/app/settings/keys', '/app/settings/canned', '/app/settings/labels');
      paths.push('/app/settings/webhooks', `/app/settings/webhooks/${house.webhook}`, '/app/settings/audit', '/app/profile');
      await open('sofia', '/app/settings', { locale, colorScheme, viewport });
      const nav = await page.locator('.sidebar a[href="/app/settings"]').boundingBox();
      assert.ok(nav.x + nav.width <= viewport.width, 'the way to the pages is in sight');
      for (const path of paths) {
        await page.goto(house.url + path);
        await page.locator('h1').first().waitFor();
        await until(async () => (await page.locator('.loading').count()) === 0, `${path} has loaded`);
        await p.axe(path);
        assert.ok(await page.evaluate(() => document.querySelector('main').scrollWidth <= document.querySelector('main').clientWidth), `${path} is not wider than the screen`);
      }
    });
  }

  test('words are those of the language', async () => {
    await open('sofia', '/app/settings/channels', { locale: 'en-US' });
    await shows(page, 'h1', 'Channels');
    await page.getByRole('link', { name: 'Audit log' }).click();
    await shows(page, 'h1', 'Audit log');
    assert.equal(await page.title(), 'Audit log · prosa');
  });
});
