// SPDX-License-Identifier: Apache-2.0
// Leads, imports, campaigns and templates in the browser: found, moved, merged and taken back; by every eye.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { person, shows, startBrowser, startHouse, until } from './kit.mjs';

const NAMES = ['Ana Souza', 'Bruno Lima', 'Carla Dias', 'Davi Melo', 'Eva Prado', 'Fábio Reis', 'Gil Nunes', 'Helena Cruz'];
let house, browser, p, page;
const people = [];
const ids = {};

before(async () => {
  house = await startHouse({ PROSA_OUTBOUND: 'all' });
  browser = await startBrowser();
  for (const [i, name] of NAMES.entries()) {
    const made = await house.api.post('/api/v1/leads', {
      name,
      company: i % 2 ? 'Padaria Sol' : 'Mercado Bom Preço',
      phones: [i === 3 ? '12345' : `(11) 9${8000 + i}-100${i}`],
      emails: i % 3 || i === 3 ? [`pessoa${i}@example.com`] : [],
      tags: i % 2 ? ['cliente'] : [],
      fields: { cidade: 'São Paulo' },
    });
    ids[name] = made.id;
  }
});
after(async () => {
  await browser?.close();
  await house?.stop();
});

async function open(name, path, options = {}) {
  p = await person(browser, house, options);
  people.push(p);
  page = p.page;
  await p.signIn(name, path);
  await page.locator('h1').first().waitFor();
}
afterEach(async () => {
  for (const one of people.splice(0)) await one.close();
});

const button = (name) => page.getByRole('button', { name, exact: true });
const dialog = () => page.locator('dialog[open]');
const rows = () => page.locator('.grid tbody tr');
const shown = (n, what) => until(async () => (await rows().count()) === n, what);
const stateOf = async (name) => (await house.api.get(`/api/v1/leads/${ids[name]}`)).state;

describe('the table', () => {
  test('is searched and narrowed, the address keeps what was asked, and a segment counts who fits today', async () => {
    await open('sofia', '/app/leads');
    await shown(NAMES.length, 'everybody');
    await page.getByRole('searchbox').fill('helena');
    await shown(1, 'one by name');
    assert.match(page.url(), /q=helena/);
    await page.getByRole('searchbox').fill('');
    await button('Filtros').click();
    await button('Condição').click();
    await page.getByLabel('O quê').selectOption('tag');
    await page.getByLabel('etiqueta é').fill('cliente');
    await shown(4, 'those with the tag');
    await page.reload();
    await shown(4, 'still, after a reload');
    await button('Salvar como segmento').click();
    await dialog().getByLabel('Nome do segmento').fill('Clientes');
    await dialog().getByRole('button', { name: 'Salvar', exact: true }).click();
    await button('Clientes').click();
    await shows(page, '.segment-menu', 'Clientes 4');
  });

  test('those chosen get a tag; columns are one’s own', async () => {
    await open('sofia', '/app/leads');
    await shown(NAMES.length, 'everybody');
    await page.getByLabel('Escolher Ana Souza').check();
    await page.getByLabel('Escolher Carla Dias').check();
    await shows(page, '.bar.chosen', '2 escolhidos');
    await button('Pôr etiqueta').click();
    await dialog().getByLabel('Etiqueta').fill('vip');
    await dialog().getByRole('button', { name: 'Salvar', exact: true }).click();
    await shows(page, '.toast', 'vip');
    await until(async () => (await house.api.get(`/api/v1/leads/${ids['Carla Dias']}`)).tags.includes('vip'), 'the tag is kept');
    await button('Colunas').click();
    await page.getByLabel('Empresa', { exact: true }).uncheck();
    await page.keyboard.press('Escape');
    assert.equal(await page.getByRole('columnheader', { name: 'Empresa' }).count(), 0);
    await page.reload();
    await shown(NAMES.length, 'everybody again');
    assert.equal(await page.getByRole('columnheader', { name: 'Empresa' }).count(), 0);
  });
});

describe('the funnel', () => {
  const column = (name) => page.locator('.board-column', { has: page.locator('h2', { hasText: name }) });
  const card = (name) => page.locator('.board-card', { hasText: name });

  test('a card is dragged, moved by keyboard, and each move can be taken back', async () => {
    await open('ana', '/app/leads/board');
    await card('Ana Souza').dragTo(column('qualificando'));
    await column('qualificando').locator('.board-card', { hasText: 'Ana Souza' }).waitFor();
    await until(async () => (await stateOf('Ana Souza')) === 'qualifying', 'the server has it');
    await button('Desfazer').click();
    await until(async () => (await stateOf('Ana Souza')) === 'new', 'and takes it back');
    await card('Bruno Lima').getByRole('link').focus();
    await page.keyboard.press('Shift+ArrowRight');
    await until(async () => (await stateOf('Bruno Lima')) === 'contacting', 'by keyboard');
    await until(() => page.evaluate(() => document.activeElement?.textContent === 'Bruno Lima'), 'the focus goes along');
    await card('Carla Dias').getByRole('button').click();
    await page.getByRole('button', { name: 'ganho', exact: true }).click();
    await until(async () => (await stateOf('Carla Dias')) === 'won', 'by its menu');
  });
});

describe('one lead', () => {
  test('tells why a number cannot be written to, takes changes, and shows what happened', async () => {
    await open('sofia', `/app/leads/${ids['Davi Melo']}`);
    await shows(page, '.lead-page .badge.bad', 'faltam dígitos');
    await button('Editar').click();
    await page.getByLabel('Telefones').fill('(11) 98765-4321');
    await button('Salvar').click();
    await shows(page, '.lead-page', '+55 11 98765-4321');
    await shows(page, '.lead-page .badge', 'celular');
    await page.locator('.lead-log li').first().waitFor();
  });

  test('what happened is told in words', async () => {
    const { id, lead } = await house.waiting('5511990000077', 'oi', { name: 'Zuleica Neves' });
    await house.api.post(`/api/v1/conversations/${id}/notes`, { text: 'pediu desconto' });
    await open('sofia', `/app/inbox/all/${id}`);
    await shows(page, '.log', 'pediu desconto'); // and so it is read
    await page.goto(`${house.url}/app/leads/${lead.id}`);
    await shows(page, '.lead-log strong', 'A equipe leu');
    const told = await page.locator('.lead-log strong').allTextContents();
    for (const one of ['Conversa aberta', 'Uma pessoa foi chamada', 'Nota escrita']) assert.ok(told.includes(one), `${one}: ${told}`);
    assert.deepEqual(told.filter((text) => text.includes('.')), []);
  });

  test('a stop is recorded with its proof and taken back', async () => {
    await open('sofia', `/app/leads/${ids['Eva Prado']}`);
    await button('Parar: WhatsApp').click();
    await dialog().getByRole('button', { name: 'Parar', exact: true }).click();
    await shows(page, '[aria-labelledby=lead-consents]', 'parado');
    await button('Permitir: WhatsApp').click();
    await shows(page, '[aria-labelledby=lead-consents]', 'permitido');
  });

  test('two that are one person are merged, and parted again', async () => {
    await open('sofia', `/app/leads/${ids['Fábio Reis']}`);
    await button('Juntar').click();
    await dialog().getByLabel('O outro lead').fill('Gil');
    await dialog().getByRole('radio').check();
    await dialog().getByRole('button', { name: 'Juntar', exact: true }).click();
    await shows(page, '.toast', 'Gil Nunes');
    await until(async () => (await house.api.get(`/api/v1/leads/${ids['Fábio Reis']}`)).phones.length === 2, 'both numbers');
    await button('Desfazer').click();
    await until(async () => (await house.api.get(`/api/v1/leads/${ids['Gil Nunes']}`)).name === 'Gil Nunes', 'there are two again');
  });
});

describe('templates', () => {
  test('an e-mail is written with its look beside, kept, and changed', async () => {
    await open('sofia', '/app/campaigns/templates/new');
    await page.getByLabel('Nome', { exact: true }).fill('lembrete_email_v1');
    await page.getByLabel('Assunto').fill('Lembrete, {{nome}}');
    await page.getByLabel('Texto', { exact: true }).fill('Olá {{nome}}, vence em {{vencimento}}.');
    await shows(page, '.mail-preview', 'Olá Ana, vence em 10/12.');
    await button('Salvar').click();
    await shows(page, 'h1', 'lembrete_email_v1');
    await page.getByLabel('Assunto').fill('Seu lembrete');
    await button('Salvar').click();
    await until(async () => (await house.api.get('/api/v1/templates?channel=email')).data.some((one) => one.subject === 'Seu lembrete'), 'the change is kept');
  });
});

describe('every page, by every eye', () => {
  const looks = [
    ['pt-BR', 'light', { width: 1440, height: 900 }],
    ['en-US', 'dark', { width: 390, height: 844 }],
  ];
  for (const [locale, colorScheme, viewport] of looks) {
    test(`is free of axe-core's findings and as wide as the screen: ${locale}, ${colorScheme}, ${viewport.width}`, async () => {
      const template = (await house.api.get('/api/v1/templates?channel=email')).data[0];
      const paths = ['/app/leads', '/app/leads/board', `/app/leads/${ids['Ana Souza']}`, '/app/leads/imports', '/app/leads/imports/new', '/app/campaigns', '/app/campaigns/new'];
      paths.push('/app/campaigns/templates', '/app/campaigns/templates/new', `/app/campaigns/templates/${template.id}`, '/app/settings/sending');
      await open('sofia', '/app/leads', { locale, colorScheme, viewport });
      for (const path of paths) {
        await page.goto(house.url + path);
        await page.locator('h1').first().waitFor();
        await until(async () => (await page.locator('.loading').count()) === 0, `${path} has loaded`);
        await p.axe(path);
        assert.ok(await page.evaluate(() => document.querySelector('main').scrollWidth <= document.querySelector('main').clientWidth), `${path} is not wider than the screen`);
      }
    });
  }

  test('an agent sees leads and not campaigns', async () => {
    await open('ana', '/app/leads');
    assert.equal(await page.getByRole('link', { name: 'Disparos' }).count(), 0);
    await page.goto(`${house.url}/app/campaigns`);
    await shows(page, '.empty', 'Seu papel não dá acesso');
  });
});
