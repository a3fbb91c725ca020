// SPDX-License-Identifier: Apache-2.0
// From a fresh demo, in the browser alone: a spreadsheet comes in, a campaign is tried dry, started, watched, paused, resumed, and its
// report read.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { person, shows, startBrowser, until } from './kit.mjs';

const BIN = path.resolve(process.env.PROSA_BIN ?? 'build/release/prosa');
const SAMPLE = path.resolve('web/src/sample.xlsx');
const ROWS = 60; // in the sample

let dir, demo, browser, p, page;

function startDemo() {
  // The sim is the only one who gets anything.
  const env = { PATH: process.env.PATH, ASAN_OPTIONS: process.env.ASAN_OPTIONS ?? '', PROSA_OUTBOUND: 'all' };
  const child = spawn(BIN, ['demo', '--listen', '127.0.0.1:0'], { cwd: dir, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((done) => child.on('exit', done));
  let log = '';
  child.stderr.on('data', (d) => (log += d));
  return new Promise((resolve, reject) => {
    let out = '';
    child.stdout.on('data', (d) => {
      out += d;
      const at = /ready at (http:\/\/\S+)/.exec(out);
      if (at) resolve({ url: at[1].replace(/\/$/, ''), stop: () => (child.kill('SIGTERM'), ended) });
    });
    ended.then((code) => reject(new Error(`prosa demo ended (${code}): ${log}`)));
  });
}

before(async () => {
  dir = await mkdtemp(path.join(os.tmpdir(), 'prosa-campaign-'));
  demo = await startDemo();
  browser = await startBrowser();
  p = await person(browser, demo);
  page = p.page;
  await page.goto(demo.url); // signs in
  await page.locator('.phone').getByRole('textbox').waitFor();
});

after(async () => {
  await browser?.close();
  await demo?.stop();
  await rm(dir, { recursive: true, force: true });
});

const button = (name) => page.getByRole('button', { name, exact: true });
const dialog = () => page.locator('dialog[open]');
/** The number under a title of a group of figures. */
const figure = async (title, group = '.figures') => {
  const text = await page.locator(`${group} > div`).filter({ has: page.locator('dt', { hasText: new RegExp(`^${title}$`) }) }).last().locator('dd').innerText();
  return Number(text.split('\n')[0].replace(/\D/g, ''));
};
const api = (method, where, body) =>
  page.evaluate(
    async ([how, to, what]) => {
      const answer = await fetch(`/api/v1${to}`, { method: how, ...(what ? { body: JSON.stringify(what), headers: { 'Content-Type': 'application/json' } } : {}) });
      return answer.status === 204 ? null : answer.json();
    },
    [method, where, body],
  );

test('a spreadsheet comes in: columns are known, nothing is stored before the last step, every row has its end', async () => {
  await page.goto(`${demo.url}/app/leads/imports/new`);
  await page.locator('input[type=file]').setInputFiles(SAMPLE);
  await shows(page, 'h1', 'sample.xlsx');
  const target = (column) => page.getByLabel(`O que é a coluna ${column}`);
  for (const [column, is] of [['Empresa', 'company'], ['Contato', 'name'], ['CNPJ/CPF', 'document'], ['Telefone', 'phone'], ['Celular', 'phone'], ['E-mail', 'email']])
    assert.equal(await target(column).inputValue(), is, column);
  await button('Conferir').click();
  await page.locator('.preview tr').first().waitFor();
  assert.equal((await api('GET', '/leads?limit=1')).data.length, 0, 'nobody is there yet');
  await page.getByRole('button', { name: /^Importar/ }).click();
  await shows(page, '.page-head .badge', 'concluída');
  const sum = (await figure('Novos')) + (await figure('Atualizados')) + (await figure('Pulados')) + (await figure('Com erro'));
  assert.equal(sum, ROWS);
  assert.ok((await figure('Com erro')) >= 1);
  await page.locator('.grid tbody tr').first().waitFor();
});

test('the leads are there, with numbers judged', async () => {
  await page.getByRole('link', { name: 'Ver os leads' }).click();
  const source = page.locator('.condition select').last();
  await until(async () => (await source.evaluate((e) => e.selectedOptions[0].text)) === 'planilha: sample.xlsx', 'the spreadsheet has its name');
  await page.locator('.grid tbody tr').nth(40).waitFor();
  await page.getByRole('searchbox').fill('Ana Souza');
  await until(async () => (await page.locator('.grid tbody tr').count()) <= 3, 'the search narrows');
  await page.getByRole('link', { name: 'Ana Souza' }).first().click();
  await shows(page, 'h1', 'Ana Souza');
  await shows(page, '.lead-page', 'celular');
  await p.axe('lead');
});

test('a campaign is tried dry, started, paused, resumed, and told of', async () => {
  await api('PUT', '/settings/quiet-hours', { is_on: false }); // the test runs by night, too
  await page.goto(`${demo.url}/app/leads/imports`);
  await page.getByRole('link', { name: 'sample.xlsx' }).click();
  await page.getByRole('link', { name: 'Disparo para estes' }).click();
  await page.getByLabel('Nome do disparo').fill('Cobrança de dezembro');
  await button('Continuar').click();
  await shows(page, '.phone-preview', 'Consta um valor em aberto');
  await p.axe('campaign, words');
  await button('Continuar').click();
  await page.getByLabel('Mensagens por segundo').fill('8');
  await button('Salvar e ensaiar').click();
  await page.locator('.figures').waitFor();
  const would = await figure('Receberiam');
  assert.ok(would > 40, `${would} would get it`);
  assert.equal((await figure('Não receberiam')) > 0, true);
  await page.locator('.grid tbody tr').nth(10).waitFor();
  await p.axe('dry run');
  await page.getByLabel('Mostrar').selectOption('false');
  await until(async () => (await page.locator('.grid tbody tr').count()) === (await figure('Não receberiam')), 'those who would not');
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Exportar CSV' }).click()]);
  const kept = (await readFile(await file.path(), 'utf8')).trim().split('\r\n');
  assert.equal(kept.length, 1 + (await figure('Não receberiam')), 'as the list shows them');
  assert.match(kept[0], /tenant;lead_id;name;phone;email;channel;reason;template;would_send;block_reason/);
  assert.equal((await api('GET', '/messages?limit=1')).data.length, 0, 'a dry run sends nothing');

  await button('Iniciar').click();
  await dialog().getByRole('button', { name: 'Iniciar', exact: true }).click();
  await shows(page, '.page-head .badge', 'em andamento');
  await until(async () => (await figure('Enviadas')) >= 5, 'it goes out, and the page shows it');
  await button('Pausar').click();
  await shows(page, '.page-head .badge', 'em pausa');
  const id = /campaigns\/([^/]+)/.exec(page.url())[1];
  const counts = async () => (await api('GET', `/dispatches/${id}`)).counts;
  await until(async () => (await counts()).sending === 0, 'what was under way has ended');
  const held = await counts();
  assert.ok(held.planned > 0, 'some are still to come');
  await button('Retomar').click();
  await shows(page, '.page-head .badge', 'concluído');
  const end = await counts();
  assert.equal(end.reached + end.failed + end.uncertain, would, 'as the dry run said');
  assert.ok(end.reached > held.reached);

  await page.goto(`${demo.url}/app/campaigns`);
  const cells = page.locator('.grid tbody tr').first().locator('td.n');
  await until(async () => (await cells.nth(1).innerText()) === String(end.reached), 'the list says how many it reached');
  assert.equal(await cells.nth(2).innerText(), String(end.failed + end.uncertain));
  assert.equal(await cells.nth(3).innerText(), '0');
  await p.axe('campaigns');

  await page.goto(`${demo.url}/app/campaigns/${id}/report`);
  await page.locator('.funnel').waitFor();
  assert.equal(await figure('Enviadas'), end.reached);
  await page.locator('svg.chart').waitFor();
  await p.axe('report');
  await page.getByRole('link', { name: 'Destinatários' }).click();
  await page.getByLabel('Situação').selectOption('excluded');
  await page.locator('.grid tbody tr').first().waitFor();
  await until(async () => (await page.locator('.grid tbody tr').count()) === end.excluded, 'those who were left out, each with why');
});

test('a message is seen with a person\'s own data, and what they lack is marked in it', async () => {
  const phones = (n) => [`+55 11 98888-000${n}`];
  const whole = await api('POST', '/leads', { name: 'Lia Ramos', company: 'Padaria Sol', phones: phones(1) });
  const bare = await api('POST', '/leads', { name: 'Teo Braga', phones: phones(2) });
  const { id } = await api('POST', '/dispatches', {
    name: 'Visita',
    audience: { leads: [whole.id, bare.id] },
    channels: [{ channel: 'whatsapp', template: 'lembrete_visita', language: 'pt_BR' }],
    variables: { 1: { field: 'first_name' }, 2: { field: 'company' } },
  });
  await api('POST', `/dispatches/${id}/dry-run`);
  await until(async () => (await api('GET', `/dispatches/${id}`)).dry_run_at, 'the dry run');
  await page.goto(`${demo.url}/app/campaigns/${id}/dry-run`);
  const see = async (name) => {
    await page.locator('.grid tr', { hasText: name }).getByRole('button', { name: 'ver a mensagem' }).click();
    await dialog().locator('.bubble-like').waitFor();
  };
  await see('Lia Ramos');
  await shows(page, 'dialog .bubble-like', 'Olá Lia, sua visita é Padaria Sol.');
  assert.equal(await dialog().locator('mark').count(), 0);
  await page.keyboard.press('Escape');
  await see('Teo Braga');
  await shows(page, 'dialog .bubble-like', 'Olá Teo, sua visita é {{2}}.');
  assert.deepEqual(await dialog().locator('mark').allInnerTexts(), ['{{2}}']);
  await shows(page, 'dialog .warning', 'Sem valor: 2');
  await p.axe('a message with a gap');
  await page.keyboard.press('Escape');

  await page.goto(`${demo.url}/app/campaigns/${id}/recipients`);
  await page.getByRole('button', { name: /Teo Braga/ }).click();
  await page.locator('.menu').getByRole('button', { name: 'ver a mensagem' }).click();
  await shows(page, 'dialog .bubble-like', 'Olá Teo, sua visita é {{2}}.');
  await page.keyboard.press('Escape');

  await page.goto(`${demo.url}/app/campaigns/${id}/setup`);
  await button('Continuar').click();
  await shows(page, '.phone-preview', 'Olá Lia, sua visita é Padaria Sol.'); // the first of the audience
  assert.equal(await page.getByLabel('Lead do exemplo').locator('option').first().innerText(), 'Lia Ramos');
  await page.getByPlaceholder('Buscar um lead').fill('Teo Braga');
  await shows(page, '.phone-preview mark', '{{2}}');
  await shows(page, 'aside', 'Esta pessoa não receberia: falta o valor de uma variável.');
  await page.getByLabel('2, quando falta').fill('amanhã');
  await shows(page, '.phone-preview', 'Olá Teo, sua visita é amanhã.');
  await p.axe('the words, with somebody who lacked one');
  await api('DELETE', `/dispatches/${id}`);
});

test('a campaign whose template is rated red is paused, and its page says why', async () => {
  const { sim } = await page.evaluate(async () => (await fetch('/demo.json')).json());
  const rate = async (quality) =>
    assert.equal((await fetch(`${sim}/sim/template`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ name: 'cobranca_padrao_whatsapp_v1', language: 'pt_BR', quality }) })).status, 200);
  const { id } = await api('POST', '/dispatches', {
    name: 'Segunda cobrança',
    audience: { filter: { all: [] } },
    channels: [{ channel: 'whatsapp', template: 'cobranca_padrao_whatsapp_v1', language: 'pt_BR' }],
    variables: { nome: { field: 'first_name', default: 'cliente' } },
    limits: { per_second: 3, overlap_hours: 0 },
  });
  await api('POST', `/dispatches/${id}/start`);
  await until(async () => (await api('GET', `/dispatches/${id}`)).counts.reached > 0, 'it goes out');
  await page.goto(`${demo.url}/app/campaigns/${id}`);
  await shows(page, '.page-head .badge', 'em andamento');
  await rate('RED');
  await shows(page, '.page-head .badge', 'em pausa');
  await shows(page, '.warning', 'o modelo está com qualidade baixa');
  await p.axe('a campaign that was stopped');
  await rate('GREEN');
  await button('Retomar').click();
  await shows(page, '.page-head .badge', 'em andamento');
  await button('Cancelar').click();
  await dialog().getByRole('button', { name: 'Cancelar o disparo', exact: true }).click();
  await shows(page, '.page-head .badge', 'cancelado');
});

test('the audit log tells in words what was done and to what', async () => {
  const isCode = (text) => /^[a-z-]+\.[a-z_.-]+$|^(dispatch|import|segment|suppressions|quiet-hours)\b/.test(text);
  await page.goto(`${demo.url}/app/settings/audit`);
  await shows(page, '.rows strong', 'Disparo iniciado');
  assert.deepEqual((await page.locator('.rows strong').allTextContents()).filter(isCode), []);
  assert.deepEqual((await page.locator('.rows .rows-main [title]').allTextContents()).filter(isCode), []);
});

test('who has no number for WhatsApp got a mail; it is read, and answered, in the demo', async () => {
  const first = (await api('GET', '/dispatches')).data.find((one) => one.name === 'Cobrança de dezembro');
  const { data } = await api('GET', `/dispatches/${first.id}/recipients?limit=500`);
  const mailed = data.filter((r) => r.channel === 'email' && r.state === 'sent');
  assert.ok(mailed.length > 0, 'somebody got a mail');
  await page.goto(demo.url);
  await page.getByRole('button', { name: `E-mail (${mailed.length})` }).click();
  await until(async () => (await page.locator('.mails li').count()) === mailed.length, 'each mail, once');
  const one = mailed[0];
  await page.locator('.mails button', { hasText: one.address }).click();
  await shows(page, '.mail', 'Consta um valor em aberto');
  await shows(page, '.mail dl', one.address);
  await p.axe('a mail');
  await page.getByLabel('Responder como o cliente').fill('Quero a segunda via.');
  await page.locator('.mailbox form button').click();
  await shows(page, '.mailbox form', 'Enviado');
  const talk = await until(async () => (await api('GET', '/conversations?limit=500')).data.find((c) => c.lead.id === one.lead_id), 'the answer arrived');
  const said = await until(async () => {
    const all = (await api('GET', `/conversations/${talk.id}/messages`)).data;
    return all.some((m) => m.text === 'Quero a segunda via.') && all;
  }, 'what was said');
  assert.equal(said[0].direction, 'out', 'what the campaign said stands before it');
  await page.getByRole('button', { name: /Todos os e-mails/ }).click();
  await page.getByRole('button', { name: 'English' }).click();
  await shows(page, '.mailbox h2', 'Inboxes');
  await p.axe('the mails');
  await p.close();
});
