// SPDX-License-Identifier: Apache-2.0
// What is done by hand around imports and campaigns: a file dropped, an import taken back, a list kept, a start for later, a test.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, afterEach, before, describe, test } from 'node:test';
import { addTemplate } from '../support/campaign.mjs';
import { person, shows, startBrowser, startHouse, until } from './kit.mjs';

let house, browser, p, page;

before(async () => {
  house = await startHouse({ PROSA_OUTBOUND: 'all' });
  browser = await startBrowser();
  for (const [name, number] of [['Ana Souza', 1], ['Bruno Lima', 2], ['Carla Dias', 3]])
    await house.api.post('/api/v1/leads', { name, phones: [`+55 11 98000-000${number}`], emails: [`pessoa${number}@example.com`] });
});
after(async () => {
  await browser?.close();
  await house?.stop();
});
afterEach(async () => {
  await p?.close();
  p = null;
});

async function open(path) {
  p = await person(browser, house);
  page = p.page;
  await p.signIn('sofia', path);
  await page.locator('h1').first().waitFor();
}
const button = (name) => page.getByRole('button', { name, exact: true });
const dialog = () => page.locator('dialog[open]');
const nLeads = async () => (await house.api.get('/api/v1/leads?limit=100')).data.length;

/** As from a folder: dragged over the page and let go. */
async function drop(name, text) {
  const files = await page.evaluateHandle(([called, body]) => {
    const held = new DataTransfer();
    held.items.add(new File([body], called, { type: 'text/csv' }));
    return held;
  }, [name, text]);
  const target = page.locator('.drop');
  await target.dispatchEvent('dragover', { dataTransfer: files });
  await page.locator('.drop.is-over').waitFor();
  await target.dispatchEvent('drop', { dataTransfer: files });
}

describe('a spreadsheet', () => {
  test('is dropped on the page, put in, and taken back', async () => {
    const before = await nLeads();
    await open('/app/leads/imports/new');
    await drop('feira.csv', 'Nome;Telefone\nDavi Melo;11 98000-0011\nEva Prado;11 98000-0012\n');
    await shows(page, 'h1', 'feira.csv');
    await button('Conferir').click();
    await page.getByRole('button', { name: /^Importar/ }).click();
    await shows(page, '.page-head .badge', 'concluída');
    assert.equal(await nLeads(), before + 2);
    await button('Desfazer a importação').click();
    await dialog().getByRole('button', { name: 'Desfazer', exact: true }).click();
    await shows(page, '.page-head .badge', 'desfeita');
    assert.equal(await nLeads(), before);
    await p.axe('import, undone');
  });

  test('that is long is stopped on its way, and what came in is counted', async () => {
    const rows = Array.from({ length: 60000 }, (_, i) => `Pessoa ${i};11 9${String(70000000 + i)}`);
    await open('/app/leads/imports/new');
    await page.locator('input[type=file]').setInputFiles({ name: 'longa.csv', mimeType: 'text/csv', buffer: Buffer.from(['Nome;Telefone', ...rows].join('\n')) });
    await shows(page, 'h1', 'longa.csv');
    await button('Conferir').click();
    await page.getByRole('button', { name: /^Importar/ }).click();
    await shows(page, '.page-head .badge', 'importando');
    await button('Interromper').click();
    await shows(page, '.page-head .badge', 'interrompida');
    const { data: [one] } = await house.api.get('/api/v1/imports?limit=1');
    const c = one.counts;
    assert.equal(c.rows, c.created + c.updated + c.skipped + c.failed);
    assert.ok(c.rows < rows.length, `${c.rows} rows had come in`);
    if (c.created > 0) {
      await button('Desfazer a importação').click();
      await dialog().getByRole('button', { name: 'Desfazer', exact: true }).click();
      await shows(page, '.page-head .badge', 'desfeita');
    }
    assert.equal(await nLeads(), 3);
  });
});

describe('leads', () => {
  test('are downloaded as the list shows them', async () => {
    await open('/app/leads?q=bruno');
    await until(async () => (await page.locator('.grid tbody tr').count()) === 1, 'one of them');
    await button('Exportar').click();
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'CSV', exact: true }).click()]);
    const text = await readFile(await file.path(), 'utf8');
    assert.match(text, /Bruno Lima/);
    assert.doesNotMatch(text, /Ana Souza/);
  });

  test('moved to "opted out" are asked about first, cannot be moved back, and are on the list', async () => {
    const [carla] = (await house.api.get('/api/v1/leads?q=carla')).data;
    await open('/app/leads/board');
    await page.locator('.board-card', { hasText: 'Carla Dias' }).getByRole('button').click();
    await page.getByRole('button', { name: 'pediu para parar', exact: true }).click();
    await dialog().getByRole('button', { name: 'Cancelar', exact: true }).click();
    assert.equal((await house.api.get(`/api/v1/leads/${carla.id}`)).state, 'new', 'who says no has moved nobody');
    await page.locator('.board-card', { hasText: 'Carla Dias' }).getByRole('button').click();
    await page.getByRole('button', { name: 'pediu para parar', exact: true }).click();
    await dialog().getByRole('button', { name: 'Parar', exact: true }).click();
    await until(async () => (await house.api.get(`/api/v1/leads/${carla.id}`)).state === 'opted_out', 'the state');
    assert.equal((await house.api.get('/api/v1/suppressions')).data.length, 2, 'her number and her address');
    assert.equal(await button('Desfazer').count(), 0);
  });
});

describe('the list of those to leave alone', () => {
  test('is added to with a reason, says what it did not understand, and lets go with a reason', async () => {
    await open('/app/campaigns/stopped');
    await button('Adicionar').first().click();
    await dialog().getByLabel('Números e endereços').fill('+55 11 98111-0001\nrita@example.com\nninguém');
    await dialog().getByLabel('Motivo').fill('pediram por carta');
    await dialog().getByRole('button', { name: 'Adicionar', exact: true }).click();
    await shows(page, '.toast', '2');
    await shows(page, '.grid', 'rita@example.com');
    await shows(page, '.grid', 'pediram por carta');
    await p.axe('the list');
    await page.getByRole('button', { name: 'Remover: rita@example.com' }).click();
    await dialog().getByLabel('Motivo').fill('voltou a pedir');
    await dialog().getByRole('button', { name: 'Remover', exact: true }).click();
    await until(async () => (await page.locator('.grid', { hasText: 'rita@example.com' }).count()) === 0, 'she is off the list');
    assert.equal((await house.api.get('/api/v1/suppressions?q=rita@example.com')).data.length, 0);
  });
});

describe('a campaign', () => {
  const planned = async (name) => {
    const leads = (await house.api.get('/api/v1/leads?limit=2')).data.map((one) => one.id);
    const { id } = await house.api.post('/api/v1/dispatches', { name, audience: { leads } });
    await house.api.post(`/api/v1/dispatches/${id}/dry-run`);
    await until(async () => (await house.api.get(`/api/v1/dispatches/${id}`)).state === 'planned', 'the dry run');
    return id;
  };

  test('is put off to a later hour, which the page tells, and called off', async () => {
    const id = await planned('Mais tarde');
    await open(`/app/campaigns/${id}`);
    await button('Iniciar').click();
    await dialog().getByLabel('Mais tarde').check();
    await dialog().getByLabel('Começa em').fill('2099-03-04T09:30');
    await dialog().getByRole('button', { name: 'Agendar', exact: true }).click();
    await shows(page, '.page-head', '2099');
    assert.ok((await house.api.get(`/api/v1/dispatches/${id}`)).start_at.startsWith('2099-03-04'));
    assert.match(page.url(), /dry-run$/, 'where there is something to see: it has no report yet');
    await button('Cancelar').click();
    await dialog().getByRole('button', { name: 'Cancelar o disparo', exact: true }).click();
    await until(async () => (await house.api.get(`/api/v1/dispatches/${id}`)).state === 'cancelled', 'called off');
  });
});

describe('a list', () => {
  for (const [place, call] of [
    ['/app/leads/imports', 'imports'],
    ['/app/campaigns', 'dispatches'],
    ['/app/campaigns/templates', 'templates'],
    ['/app/campaigns/stopped', 'suppressions'],
  ])
    test(`that cannot be had says so once, and comes when it is asked for again: ${place}`, async () => {
      p = await person(browser, house);
      page = p.page;
      await p.signIn('sofia', '/app/inbox');
      p.expects.push(/ERR_FAILED/);
      const calls = new RegExp(`/api/v1/${call}\\?`);
      await page.route(calls, (route) => route.abort());
      await page.goto(house.url + place);
      await page.locator('.problem').first().waitFor();
      assert.equal(await page.locator('.problem').count(), 1);
      await page.unroute(calls);
      await page.locator('.problem').getByRole('button').click();
      await page.locator('.problem').waitFor({ state: 'detached' });
      await page.locator('.empty, table.grid').first().waitFor();
    });
});

describe('whom one cause kept from a campaign’s message', () => {
  const begin = async (name, reply) => {
    const people = [];
    for (const n of [1, 2, 3, 4]) people.push((await house.api.post('/api/v1/leads', { name: `${name} ${n}`, phones: [`+55 11 9${reply}0-00${n}0`] })).id);
    const { id } = await house.api.post('/api/v1/dispatches', {
      name,
      audience: { leads: people },
      channels: [{ channel: 'whatsapp', template: 'cobranca_padrao_whatsapp_v1' }],
      variables: { 1: { field: 'name' } },
      limits: { error_percent: 0, overlap_hours: 0 },
    });
    await house.api.post(`/api/v1/dispatches/${id}/start`);
    await until(async () => (await house.api.get(`/api/v1/dispatches/${id}`)).state === 'done', 'it is through');
    return id;
  };
  const counts = async (id) => (await house.api.get(`/api/v1/dispatches/${id}`)).counts;
  const sends = () => house.graph.accepted.filter((one) => one.body.type === 'template').length;
  const choose = async (state, choice) => {
    const row = page.locator('[aria-labelledby=causes] tbody tr', { hasText: state });
    await row.getByRole('button').click();
    await page.locator('.menu').getByRole('button', { name: choice, exact: true }).click();
  };

  test('is sent to again, after the number was named, and but for whom somebody had settled', async () => {
    const { installation, graph, api } = house;
    await api.put('/api/v1/settings/quiet-hours', { is_on: false });
    const { data: [account] } = await api.get('/api/v1/providers');
    await addTemplate(installation, (await api.get('/api/v1/me')).tenant.id, account.id);
    graph.refuse = (body) => (/^\+?55119800/.test(body.to) ? { status: 400, code: 131026, message: 'Message undeliverable' } : undefined);
    const id = await begin('Recusados', '800');
    graph.refuse = null;
    assert.equal((await counts(id)).failed, 4);
    await open(`/app/campaigns/${id}/report`);
    await choose('não enviada', 'Enviar de novo (4)');
    await shows(page, 'dialog', '4 pessoas voltam para a fila e recebem a mensagem.');
    await p.axe('asked about a group');
    await dialog().getByRole('button', { name: 'Cancelar', exact: true }).click();
    assert.equal((await counts(id)).failed, 4, 'who says no changes nothing');
    await choose('não enviada', 'Enviar de novo (4)');
    const { data } = await api.get(`/api/v1/dispatches/${id}/recipients`);
    await api.post(`/api/v1/dispatch-recipients/${data[0].id}/settle`, { as: 'resend' }); // a colleague was faster
    const before = sends();
    await until(async () => (await counts(id)).reached === 1, 'the colleague’s goes out');
    await dialog().getByRole('button', { name: 'Enviar para 4' }).click();
    await shows(page, 'dialog', '3 de volta na fila.');
    await shows(page, 'dialog', '1 pulada');
    await p.axe('a group was decided');
    await dialog().getByRole('button', { name: 'Fechar', exact: true }).last().click();
    await until(async () => (await counts(id)).reached === 4, 'all four got it');
    assert.ok(sends() - before <= 4, 'each once');
    await shows(page, '.figures', '4');
    const actions = (await api.get('/api/v1/audit?limit=50')).data.map((one) => one.action);
    assert.equal(actions.filter((one) => one === 'dispatch.settle_group').length, 1);
  });

  test('is settled as the person says where nobody knows, and nothing is sent', async () => {
    const { graph } = house;
    const statuses = graph.statuses;
    graph.statuses = []; // a status would settle it
    graph.cutRate = 1;
    const id = await begin('Incertas', '810');
    graph.cutRate = 0;
    assert.equal((await counts(id)).uncertain, 4);
    const before = sends();
    await open(`/app/campaigns/${id}/report`);
    await choose('incerta', 'Enviar de novo (4)');
    await shows(page, 'dialog .warning', 'quem a recebeu recebe duas');
    await page.keyboard.press('Escape');
    await choose('incerta', 'Chegaram (4)');
    await dialog().getByRole('button', { name: 'Marcar 4' }).click();
    await shows(page, 'dialog', '4 marcadas como enviadas.');
    assert.deepEqual([(await counts(id)).sent, (await counts(id)).uncertain], [4, 0]);
    assert.equal(sends(), before);
    graph.statuses = statuses;
  });
});
