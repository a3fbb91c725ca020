// SPDX-License-Identifier: Apache-2.0
// The console in real browsers on the real program: signing in, two agents at one conversation, words that are never lost and
// never said twice, the keyboard alone, small screens, long lists. Every wait is for a condition.
import assert from 'node:assert/strict';
import { after, before, beforeEach, afterEach, test } from 'node:test';
import { person, shows, startBrowser, startHouse, until } from './kit.mjs';

let house;
let browser;
let people; // of one test; closed after it, and their consoles must have been silent
let phones = 0;

before(async () => {
  house = await startHouse();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await house?.stop();
});
beforeEach(() => (people = []));
afterEach(async () => {
  for (const one of people) await one.close();
});

/** A customer of this test's own: number and a name nobody else has. */
function customer(first = 'Cliente') {
  const n = String(++phones).padStart(4, '0');
  return { phone: `551195555${n}`, name: `${first} ${n}` };
}
async function agent(name, path, options) {
  const one = await person(browser, house, options);
  people.push(one);
  if (name) await one.signIn(name, path);
  return one;
}
/** Somebody waits for a person. */
async function waiting(first) {
  const who = customer(first);
  who.conversation = await house.waiting(who.phone, 'oi', { name: who.name });
  who.write = (text, more) => house.write(who.phone, text, more);
  return who;
}
const reply = async (page, text) => {
  await page.locator('#reply').fill(text);
  await page.keyboard.press('Enter');
};
const sent = (text) => house.graph.accepted.filter((one) => one.body.text?.body === text).length;
const isFocused = (locator) => locator.evaluate((el) => el === document.activeElement);

test('signing in tells what is wrong, opens the page that was asked for, and signing out ends it', async () => {
  const who = await waiting('Igor');
  const { page, ...p } = await agent();
  p.expects.push(/401/);
  await p.goto(`/app/inbox/waiting/${who.conversation.id}`);
  await p.fill('ana', { password: 'wrong password' });
  await shows(page, '[role=alert]', 'não conferem');
  await p.fill('ana');
  await page.locator('#thread-title', { hasText: who.name }).waitFor();
  assert.equal(new URL(page.url()).pathname, `/app/inbox/waiting/${who.conversation.id}`);
  await page.locator('.profile-button').click();
  await page.getByRole('button', { name: 'Sair' }).click();
  await page.locator('.signin').waitFor();
  await page.reload();
  await page.locator('.signin').waitFor();
  assert.equal(await page.locator('[name=email]').inputValue(), 'ana@example.com');
});

test('whoever is available stays so while the console is open, over a reload too, and leaves with the signing out', async () => {
  const one = await agent();
  const { page } = one;
  const isNow = (presence) =>
    until(async () => (await house.api.get('/api/v1/team')).data.find((m) => m.name.startsWith('bruno'))?.presence === presence, `bruno is ${presence}`);
  const beats = () => page.waitForRequest((r) => r.method() === 'PUT' && r.url().endsWith('/me/presence'));
  await page.addInitScript(() => {
    const { setInterval: real } = window;
    window.beats = []; // what the page does again and again, so that nobody waits for it
    window.setInterval = (fn, ms, ...more) => (ms === 30000 && window.beats.push(fn), real(fn, ms, ...more));
  });
  await one.signIn('bruno');
  await page.locator('.profile-button').click();
  await page.getByRole('button', { name: 'disponível' }).click();
  await isNow('online');
  const beat = beats();
  await page.evaluate(() => window.beats.forEach((fn) => fn()));
  assert.equal((await beat).postDataJSON().presence, 'online');
  const again = beats();
  await page.reload();
  assert.equal((await again).postDataJSON().presence, 'online');
  await page.locator('.profile-button').click();
  await page.getByRole('button', { name: 'Sair' }).click();
  await page.locator('.signin').waitFor();
  await isNow('offline');
});

test('a menu that grows while it is open leaves its own button free', async () => {
  const one = await agent();
  const { page } = one;
  let isOpen;
  const opened = new Promise((done) => (isOpen = done));
  await page.route('**/api/v1/team', async (route) => (await opened, route.continue()));
  await one.signIn('bruno');
  await page.locator('.profile-button').click();
  await page.getByRole('button', { name: 'Sair' }).waitFor();
  isOpen();
  await page.getByRole('button', { name: 'disponível' }).waitFor();
  await page.locator('.profile-button').click({ trial: true });
});

test('who signs out asks for nothing more, whatever the signing out stirs up', async () => {
  const { page } = await agent();
  let live;
  page.on('websocket', (socket) => (live = socket));
  await people.at(-1).signIn('bruno');
  await page.locator('.profile-button').click();
  await page.getByRole('button', { name: 'disponível' }).click();
  await until(async () => (await house.api.get('/api/v1/team')).data.find((m) => m.name.startsWith('bruno'))?.presence === 'online', 'bruno is online');
  // The page hears of its own farewell before the server's answer comes back, if it still listens.
  const told = new Promise((done) => {
    live.on('close', done);
    live.on('framereceived', (frame) => String(frame.payload).includes('team.presence') && done());
  });
  const asked = [];
  await page.route('**/api/v1/me/presence', async (route) => {
    page.on('request', (r) => r.url().includes('/api/') && asked.push(`${r.method()} ${new URL(r.url()).pathname}`));
    const response = await route.fetch();
    await told;
    await route.fulfill({ response });
  });
  await page.locator('.profile-button').click();
  await page.getByRole('button', { name: 'Sair' }).click();
  await page.locator('.signin').waitFor();
  assert.deepEqual(asked, ['DELETE /api/v1/session']);
  const isAskedAgain = page.waitForResponse((r) => r.url().endsWith('/api/v1/team') && r.ok());
  await people.at(-1).fill('bruno'); // on the page that stands there
  await isAskedAgain;
});

test('language and theme are the user’s own and go along to another browser', async () => {
  const { page } = await agent('sofia');
  await page.locator('.profile-button').click();
  await page.getByRole('button', { name: 'English' }).click();
  await page.getByRole('button', { name: 'dark' }).click();
  await page.waitForFunction(() => document.documentElement.lang === 'en' && document.documentElement.dataset.theme === 'dark');
  await until(async () => (await page.evaluate(async () => (await (await fetch('/api/v1/me')).json()).user)).theme === 'dark', 'the theme is stored');
  const other = await agent('sofia');
  await other.page.waitForFunction(() => document.documentElement.lang === 'en' && document.documentElement.dataset.theme === 'dark');
  await page.getByRole('button', { name: 'The browser’s' }).click();
  await page.getByRole('button', { name: 'automático' }).click();
  await until(async () => (await page.evaluate(async () => (await (await fetch('/api/v1/me')).json()).user)).theme === 'auto', 'the theme is back');
});

test('a customer’s words come live, replies go out with ticks, the bot falls silent', async () => {
  const who = customer('Lia');
  const { page, ...p } = await agent('ana');
  await house.write(who.phone, 'oi', { name: who.name });
  await p.open(who.name);
  await shows(page, '.by-bot .words', 'Como posso ajudar');
  await reply(page, 'Oi, Lia!');
  await shows(page, '.notice', 'o robô fica em silêncio');
  assert.equal(sent('Oi, Lia!'), 0, 'nothing is taken over without a word');
  await page.keyboard.press('Enter'); // the button has the focus
  await page.locator('.by-person .ticks.read').waitFor();
  await shows(page, '.thread-title', 'com você');
  await shows(page, '.step', 'Assumida');
  const bots = await page.locator('.by-bot').count();
  await house.write(who.phone, 'oi de novo');
  await shows(page, '.by-customer .words', 'oi de novo');
  await reply(page, 'Diga');
  await page.locator('.by-person .ticks.read').nth(1).waitFor();
  assert.equal(await page.locator('.by-bot').count(), bots);
  assert.equal(sent('Diga'), 1);
});

test('two agents claim one conversation: one has it, the other is told who', async () => {
  const who = await waiting('Mara');
  const ana = await agent('ana', '/app/inbox/waiting');
  const bruno = await agent('bruno', '/app/inbox/waiting');
  bruno.expects.push(/409/);
  for (const one of [ana, bruno]) {
    await one.open(who.name);
    await one.page.locator('.thread-actions .primary').waitFor();
  }
  // Bruno's page does not hear of Ana's claim before he clicks: his line is held.
  await bruno.page.evaluate(() => (window.held = []));
  await bruno.page.route(`**/conversations/${who.conversation.id}/take`, async (route) => {
    await ana.page.locator('.thread-actions .primary').click();
    await shows(ana.page, '.thread-title', 'com você');
    await route.continue();
  });
  await bruno.page.locator('.thread-actions .primary').click();
  await shows(bruno.page, '.toast', 'ana já está com esta conversa');
  await shows(bruno.page, '.thread-title', 'com ana');
  await shows(bruno.page, '.composer', 'ana está com esta conversa');
  assert.equal(await bruno.page.locator('#reply').count(), 0, 'no place to write over a colleague');
  assert.equal((await house.conversation(who.phone)).owner, 'person');
});

test('a reply whose answer is lost is not said twice', async () => {
  const who = await waiting('Nina');
  const { page, ...p } = await agent('ana', '/app/inbox/waiting');
  p.expects.push(/ERR_|Failed to load/);
  await p.open(who.name);
  await page.locator('#reply').waitFor();
  let tries = 0;
  await page.route('**/messages', async (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    tries++;
    if (tries > 1) return route.continue();
    await route.fetch(); // the server has it, the browser never hears
    return route.abort('connectionreset');
  });
  await reply(page, 'Uma vez só');
  await shows(page, '.bubble .words', 'Uma vez só');
  await until(async () => {
    const retry = page.locator('.is-local').getByRole('button', { name: 'Tentar de novo' });
    if (await retry.count()) await retry.click().catch(() => {});
    return (await page.locator('.by-person .ticks.read').count()) === 1;
  }, 'the one bubble is read');
  assert.equal(await page.locator('.bubble', { hasText: 'Uma vez só' }).count(), 1);
  assert.equal(sent('Uma vez só'), 1);
});

test('written without a line: it waits, survives a reload, and goes out once', async () => {
  const who = await waiting('Olga');
  const { page, context, ...p } = await agent('ana', '/app/inbox/waiting');
  p.expects.push(/ERR_|Failed to load|WebSocket/);
  await p.open(who.name);
  await page.locator('#reply').waitFor();
  await context.setOffline(true);
  await page.locator('.banner').waitFor();
  await reply(page, 'Escrita no túnel');
  await shows(page, '.is-local .fate', 'Sem conexão');
  assert.equal(sent('Escrita no túnel'), 0);
  await context.setOffline(false);
  await page.locator('.banner').waitFor({ state: 'detached' });
  await page.locator('.by-person .ticks.read').waitFor();
  assert.equal(await page.locator('.bubble', { hasText: 'Escrita no túnel' }).count(), 1);
  assert.equal(sent('Escrita no túnel'), 1);
});

test('a draft and a note survive a reload, each in its conversation', async () => {
  const [one, two] = [await waiting('Paula'), await waiting('Quim')];
  const { page, ...p } = await agent('ana', '/app/inbox/waiting');
  await p.open(one.name);
  await page.locator('#reply').fill('meio escrita');
  await p.open(two.name);
  await page.locator('#thread-title', { hasText: two.name }).waitFor();
  assert.equal(await page.locator('#reply').inputValue(), '');
  await shows(page, '.talk', 'Rascunho: meio escrita');
  await page.reload();
  await p.open(one.name);
  await page.locator('#thread-title', { hasText: one.name }).waitFor();
  assert.equal(await page.locator('#reply').inputValue(), 'meio escrita');
});

test('notes stand in the thread and never leave the house', async () => {
  const who = await waiting('Rosa');
  const ana = await agent('ana', '/app/inbox/waiting');
  const bruno = await agent('bruno', '/app/inbox/waiting');
  for (const one of [ana, bruno]) await one.open(who.name);
  const before = house.graph.accepted.length;
  await ana.page.getByRole('button', { name: 'Escrever nota interna' }).click();
  await reply(ana.page, 'cliente antiga, tratar com carinho');
  await shows(bruno.page, '.bubble.note', 'tratar com carinho');
  await shows(ana.page, '.bubble.note', 'Você');
  assert.equal(house.graph.accepted.length, before);
  await ana.page.locator('.bubble.note').getByRole('button', { name: 'Remover' }).click();
  await bruno.page.locator('.bubble.note').waitFor({ state: 'detached' });
});

test('reply context, reactions, edits and withdrawals stand on the message they concern', async () => {
  const who = await waiting('Sara');
  const { page, ...p } = await agent('ana', '/app/inbox/waiting');
  await p.open(who.name);
  await reply(page, 'Serve quinta?');
  await page.locator('.by-person .ticks.read').waitFor();
  const ours = house.graph.accepted.find((one) => one.body.text?.body === 'Serve quinta?').id;
  await who.write(undefined, { type: 'reaction', text: undefined, reaction: { message_id: ours, emoji: '👍' } });
  await shows(page, '.by-person .reactions', '👍');
  const theirs = await who.write('Sim, às 15h', { context: { id: ours, from: '551130000100' } });
  await shows(page, '.by-customer .quote', 'Serve quinta?');
  await page.locator('.line', { hasText: 'Sim, às 15h' }).getByRole('button', { name: 'Responder a esta mensagem' }).click();
  await shows(page, '.quoting', 'Sim, às 15h');
  await reply(page, 'Marcado');
  await until(() => house.graph.accepted.find((one) => one.body.text?.body === 'Marcado')?.body.context?.message_id === theirs, 'the reply quotes');
});

test('two at one conversation see each other looking and typing', async () => {
  const who = await waiting('Tina');
  const ana = await agent('ana', '/app/inbox/waiting');
  const bruno = await agent('bruno', '/app/inbox/waiting');
  for (const one of [ana, bruno]) await one.open(who.name);
  await shows(ana.page, '.viewers', 'bruno está vendo');
  await bruno.page.locator('#reply').pressSequentially('estou');
  await shows(ana.page, '.viewers', 'bruno está escrevendo');
  await bruno.goto('/app/inbox/mine');
  await ana.page.locator('.viewers', { hasText: 'bruno' }).waitFor({ state: 'detached' });
});

test('markup in words, names and files is text', async () => {
  const nasty = '<img src=x onerror="document.title=1"><script>document.title=2</script><b>oi</b>';
  const who = customer('<i>Xis</i>');
  await house.waiting(who.phone, nasty, { name: who.name });
  const { page, ...p } = await agent('ana', '/app/inbox/waiting');
  await p.open(who.name);
  await shows(page, '.bubble .words', nasty);
  await shows(page, '#thread-title', who.name);
  await house.write(who.phone, undefined, { type: 'document', text: undefined, document: { id: '900', mime_type: 'application/pdf', filename: '"><img src=x onerror=document.title=3>.pdf' } });
  await shows(page, '.bubble .file-name', 'onerror=document.title=3'); // what else it may hold, the server decides
  await house.write(who.phone, 'javascript:alert(1) https://example.com/a?b=1.');
  const link = page.locator('.bubble a[href^=http]', { hasText: 'example.com' });
  await link.waitFor();
  assert.equal(await link.getAttribute('href'), 'https://example.com/a?b=1');
  assert.equal(await page.locator('.inbox :is(script, b > b, i > i, img[src="x"])').count(), 0);
  assert.equal(await page.locator('a[href^="javascript"]').count(), 0);
  assert.match(await page.title(), /prosa$/);
});

test('canned answers by slash, filled with the customer’s name', async () => {
  const who = await waiting('Tereza');
  await house.api.post('/api/v1/canned', { shortcut: 'ola', text: 'Olá, {nome}! Tudo bem?' });
  const { page, ...p } = await agent('ana', '/app/inbox/waiting');
  await p.open(who.name);
  await page.locator('#reply').fill('/ol');
  await page.locator('.canned [aria-selected=true]').waitFor();
  await page.keyboard.press('Enter');
  assert.equal(await page.locator('#reply').inputValue(), 'Olá, Tereza! Tudo bem?');
  assert.equal(await page.locator('.canned').count(), 0);
});

test('colleagues to hand over to come however late the page is drawn', async () => {
  const who = await waiting('Rita');
  const { data } = await house.api.get('/api/v1/team');
  await house.api.post(`/api/v1/conversations/${who.conversation.id}/assign`, { user: data.find((one) => one.name.startsWith('ana')).id });
  const { page, context } = await agent();
  // The line stands long before what listens for it.
  await context.addInitScript(() => {
    const later = window.setTimeout;
    window.setTimeout = (fn, ms = 0, ...more) => later(fn, ms > 0 && ms <= 200 ? 2000 : ms, ...more);
    window.requestAnimationFrame = (fn) => later(() => fn(performance.now()), 2000);
  });
  await people.at(-1).signIn('ana', `/app/inbox/all/${who.conversation.id}`);
  await page.getByRole('button', { name: 'Passar para outra pessoa' }).waitFor();
});

test('labels are put on and found by', async () => {
  const who = await waiting('Ugo');
  const label = await house.api.post('/api/v1/labels', { name: 'VIP', color: '#b45309' });
  const { page, ...p } = await agent('ana', '/app/inbox/waiting');
  await p.open(who.name);
  await page.locator('.panel .labels button').click();
  await page.getByRole('checkbox', { name: 'VIP' }).check();
  await page.keyboard.press('Escape');
  await shows(page, '.panel .label-chip', 'VIP');
  await page.locator(`.sidebar a[href="/app/inbox/label-${label.id}"]`).click();
  await page.locator('.talk', { hasText: who.name }).waitFor();
  await until(async () => (await page.locator('.talk').count()) === 1, 'nobody else is in the list');
  assert.deepEqual((await house.conversation(who.phone)).labels.map((one) => one.name), ['VIP']);
});

test('a file goes out once it is uploaded, and its name is text', async () => {
  const who = await waiting('Ulla');
  const { page, ...p } = await agent('ana', '/app/inbox/waiting');
  await p.open(who.name);
  const picture = await page.screenshot({ clip: { x: 0, y: 0, width: 40, height: 30 } });
  await page.locator('input[type=file]').setInputFiles({ name: 'foto <b>1</b>.png', mimeType: 'image/png', buffer: picture });
  await shows(page, '.chip-file', 'foto <b>1</b>.png');
  await page.locator('#reply').fill('Segue a foto');
  await page.locator('.send:not([disabled])').click();
  await page.locator('.by-person .picture img').waitFor();
  await shows(page, '.by-person .words', 'Segue a foto');
  const image = await until(() => house.graph.accepted.find((one) => one.type === 'image'), 'the picture goes out');
  assert.equal(image.body.image.caption, 'Segue a foto');
  await page.locator('.chip-file').waitFor({ state: 'detached' });
});

test('search finds words whatever the accents, and opens at the message', async () => {
  const who = await waiting('Úrsula');
  await who.write('Preciso de informações sobre o orçamento');
  const { page } = await agent('ana', '/app/inbox/all');
  await page.keyboard.press('/');
  await until(async () => {
    await page.locator('#search').fill('');
    await page.locator('#search').fill('orcamento informacao');
    return page.locator('.hit mark').first().waitFor({ timeout: 1500 }).then(() => true, () => false);
  }, 'the search knows the message');
  await page.locator('.hit').first().click();
  await page.locator('.asked .bubble', { hasText: 'Preciso de informações' }).waitFor();
  await page.locator('#thread-title', { hasText: who.name }).waitFor();
});

test('unread is counted until it was in front of someone', async () => {
  const who = await waiting('Vera');
  const { page, ...p } = await agent('ana', '/app/inbox/waiting');
  const row = page.locator('.talk', { hasText: who.name });
  await row.locator('.count').waitFor();
  await who.write('e agora?');
  await shows(page, '.talk .count', '2');
  await p.open(who.name);
  await row.locator('.count').waitFor({ state: 'detached' });
  await until(async () => (await house.conversation(who.phone)).unread === 0, 'the server knows');
});

/** As a sync brings them from the provider. */
async function someTemplates() {
  const body = (text, example) => [{ type: 'BODY', text, ...(example ? { example: { body_text: [example] } } : {}) }];
  house.graph.templates = [
    { id: '1', name: 'retomar_contato', language: 'pt_BR', status: 'APPROVED', category: 'MARKETING', parameter_format: 'NAMED', components: body('Olá {{nome}}, da {{empresa}}: seu pedido {{pedido}} espera por você.') },
    { id: '2', name: 'retomar_contato', language: 'en_US', status: 'APPROVED', category: 'MARKETING', parameter_format: 'NAMED', components: body('Hello {{name}}, shall we go on?') },
    { id: '3', name: 'aviso_entrega', language: 'pt_BR', status: 'APPROVED', category: 'UTILITY', components: body('Sua entrega chega {{1}}.', ['amanhã']) },
    { id: '4', name: 'parado', language: 'pt_BR', status: 'PAUSED', category: 'UTILITY', components: body('Parado.') },
  ];
  const [account] = (await house.api.get('/api/v1/providers')).data.filter((one) => one.kind === 'meta');
  await house.api.patch(`/api/v1/providers/${account.id}`, { settings: { ...account.settings, waba_id: '410000000000001' } });
  await house.api.post('/api/v1/templates/sync');
  await until(async () => (await house.api.get('/api/v1/templates')).data.length === 4, 'the templates are here');
}

test('the closed window explains itself; a template is found, filled in, looked at and sent', async () => {
  const who = await waiting('Wilma');
  await someTemplates();
  await house.api.patch(`/api/v1/leads/${who.conversation.lead.id}`, { company: 'Padaria Sol' });
  const { page, ...p } = await agent('ana');
  // What a conversation looks like a day later; the server's own clock is not ours to move.
  await page.route(`**/conversations/${who.conversation.id}`, async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...(await answer.json()), window_until: '2020-01-01T00:00:00Z' } });
  });
  await p.goto(`/app/inbox/waiting/${who.conversation.id}`);
  await shows(page, '.composer', 'A janela de 24 h fechou');
  assert.equal(await page.locator('#reply').count(), 0);
  await page.getByRole('button', { name: 'Enviar modelo' }).click();
  const choices = page.locator('.template-list button');
  await until(async () => (await choices.count()) === 3, 'the approved ones, without the paused');
  await p.axe('template picker');
  await page.getByLabel('Procurar modelo').fill('ENTREGA');
  await until(async () => (await choices.count()) === 1, 'the search narrows');
  await page.getByLabel('Procurar modelo').fill('');
  await page.getByLabel('Categoria').selectOption('marketing');
  await page.getByLabel('Idioma').selectOption('pt_BR');
  await until(async () => (await choices.count()) === 1, 'language and category narrow');
  await choices.first().click();

  const send = page.locator('.template').getByRole('button', { name: 'Enviar', exact: true });
  await until(async () => (await page.getByLabel('{{empresa}}').inputValue()) === 'Padaria Sol', 'what is known of the lead is filled in');
  assert.equal(await page.getByLabel('{{nome}}').inputValue(), who.name);
  await shows(page, '.template', 'Falta preencher: {{pedido}}');
  assert.equal(await send.isDisabled(), true);
  await page.getByLabel('{{pedido}}').fill('nº 12');
  await shows(page, '.template-look', `Olá ${who.name}, da Padaria Sol: seu pedido nº 12 espera por você.`);
  await p.axe('template, filled in');
  await send.click();
  await shows(page, '.bubble .kind', 'retomar_contato (pt_BR)');
  await shows(page, '.bubble', 'seu pedido nº 12 espera por você');
  const template = await until(() => house.graph.accepted.find((one) => one.type === 'template'), 'the template goes out');
  assert.deepEqual(template.body.template.components[0].parameters.map((one) => [one.parameter_name, one.text]), [['nome', who.name], ['empresa', 'Padaria Sol'], ['pedido', 'nº 12']]);

  await page.getByRole('button', { name: 'Enviar modelo' }).click();
  await choices.first().waitFor();
  assert.match(await choices.first().innerText(), /retomar_contato[^]*usado antes/, 'what was used comes first');
});

test('a failed message says why and is sent again', async () => {
  const who = await waiting('Xavier');
  const { page, ...p } = await agent('ana', '/app/inbox/waiting');
  await p.open(who.name);
  let refusals = 0;
  house.graph.refuse = (body) => (body.text?.body === 'Vai falhar' && refusals++ === 0 ? { status: 400, code: 131026, message: 'Message undeliverable' } : null);
  await reply(page, 'Vai falhar');
  await page.locator('.bubble.is-failed .fate').waitFor();
  await shows(page, '.bubble.is-failed .fate p', 'não está no WhatsApp'); // told in the reader's language
  await page.getByRole('button', { name: 'Reenviar' }).click();
  await page.locator('.by-person .ticks.read').waitFor();
  house.graph.refuse = null;
  assert.equal(sent('Vai falhar'), 1);
});

test('the whole way by keyboard alone', async () => {
  const [one, two] = [await waiting('Yara'), await waiting('Zeca')];
  const { page } = await agent('ana', '/app/inbox/waiting');
  await page.locator('.talk', { hasText: two.name }).waitFor();
  await page.keyboard.press('?');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.keyboard.press('j');
  await page.locator('.talk:focus', { hasText: two.name }).waitFor();
  await page.keyboard.press('j');
  await page.locator('.talk:focus', { hasText: one.name }).waitFor();
  await page.keyboard.press('Enter');
  await page.locator('#thread-title', { hasText: one.name }).waitFor();
  await page.keyboard.press('t');
  await shows(page, '.thread-title', 'com você');
  await page.keyboard.press('r');
  assert.equal(await isFocused(page.locator('#reply')), true);
  await page.keyboard.type('Olá r n t e', { delay: 0 });
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('segunda linha');
  await page.keyboard.press('Enter');
  await page.locator('.by-person .ticks.read').waitFor();
  assert.equal(sent('Olá r n t e\nsegunda linha'), 1);
  await page.keyboard.press('Escape');
  await page.keyboard.press('n');
  await page.locator('.composer.note').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('.composer.note').waitFor({ state: 'detached' });
  await page.keyboard.press('Escape');
  await page.keyboard.press('e');
  await shows(page, '.composer', 'Conversa encerrada');
  await page.keyboard.press('/');
  assert.equal(await isFocused(page.locator('#search')), true);
});

test('on a phone: list, thread and panel one after the other, and nothing sticks out', async () => {
  const who = await waiting('Bia');
  const { page, ...p } = await agent('ana', '/app/inbox/waiting', { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  const sticksOut = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  await page.locator('.talk').first().waitFor();
  assert.ok((await sticksOut()) <= 0);
  await p.open(who.name);
  await page.locator('#reply').waitFor();
  assert.equal(await page.locator('.list').isVisible(), false);
  assert.ok((await sticksOut()) <= 0);
  await page.getByRole('button', { name: 'Painel do cliente' }).click();
  await page.locator('.panel').waitFor();
  assert.ok((await sticksOut()) <= 0);
  await page.locator('.panel').getByRole('button', { name: 'Fechar' }).click();
  await page.getByRole('link', { name: 'Voltar' }).click();
  await page.locator('.talk').first().waitFor();
  assert.equal(await page.locator('.thread').isVisible(), false);
});

test('a server that goes away is told, and what was missed comes', async () => {
  const who = await waiting('Caio');
  const { page, ...p } = await agent('ana', '/app/inbox/waiting');
  p.expects.push(/ERR_|WebSocket|Failed to load/);
  await p.open(who.name);
  await page.locator('#reply').fill('meio escrita');
  const at = new URL(house.url).host;
  await house.node.kill('SIGKILL');
  await page.locator('.banner').waitFor();
  await house.start({ PROSA_LISTEN: at });
  await page.locator('.banner').waitFor({ state: 'detached' });
  await who.write('você caiu?');
  await shows(page, '.by-customer .words', 'você caiu?');
  assert.equal(await page.locator('#reply').inputValue(), 'meio escrita');
});

test('a session that ends elsewhere asks to sign in again and goes on at the same place', async () => {
  const who = await waiting('Dora');
  const { page, context, ...p } = await agent('ana', '/app/inbox/waiting');
  await p.open(who.name);
  await page.locator('#reply').fill('quase lá');
  p.expects.push(/401|WebSocket/);
  // It ends while the words are on their way: whatever else the page asks for finds it out later.
  await page.route('**/api/v1/conversations/*/messages', async (route) => (await context.clearCookies(), route.continue()), { times: 1 });
  await page.locator('#reply').press('Enter');
  await shows(page, '.signin', 'Sua sessão terminou');
  await p.fill('ana');
  await page.locator('#thread-title', { hasText: who.name }).waitFor();
  await until(async () => {
    const retry = page.locator('.is-local').getByRole('button', { name: 'Tentar de novo' });
    if (await retry.count()) await retry.click().catch(() => {});
    return sent('quase lá') === 1;
  }, 'what was written goes out');
});

test('axe-core finds nothing, in both languages, themes and sizes', async () => {
  const who = await waiting('Ema');
  const { page, ...p } = await agent();
  p.expects.push(/401/);
  await p.goto('/app/inbox/waiting');
  await page.locator('.signin').waitFor();
  await p.axe('sign-in');
  await p.fill('bruno');
  await p.open(who.name);
  await page.locator('.bubble').first().waitFor();
  await page.locator('.panel summary', { hasText: 'Por que' }).click();
  const pick = async (name) => {
    await page.locator('.profile-button').click();
    await page.locator('.choice button', { hasText: name }).click();
  };
  for (const lang of ['Português', 'English'])
    for (const theme of [/^(claro|light)$/, /^(escuro|dark)$/]) {
      await page.setViewportSize({ width: 1440, height: 900 });
      await pick(lang);
      await page.locator('.choice button').filter({ hasText: theme }).click();
      const name = `${lang} ${theme}`;
      await p.axe(`${name}, menu`);
      await page.keyboard.press('Escape');
      await p.axe(name);
      await page.keyboard.press('Escape');
      await page.locator('#content').focus();
      await page.keyboard.press('?');
      await page.getByRole('dialog').waitFor();
      await p.axe(`${name}, keys`);
      await page.keyboard.press('Escape');
      await page.setViewportSize({ width: 390, height: 844 });
      await p.axe(`${name}, phone`);
    }
});
