// SPDX-License-Identifier: Apache-2.0
// The console with much in it: ten thousand conversations and a thread of thousands stay short pages, and what the browser
// loads stays small.
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { message, messageCall, post } from '../support/graph.mjs';
import { person, shows, startBrowser, startHouse, until } from './kit.mjs';

const TALKS = 10_000;
const WORDS = 20_000;
const BATCH = 500;
const BUDGET = 120 * 1024;
let house;
let browser;

before(async () => {
  house = await startHouse();
  await house.api.put('/api/v1/bot', { debounce_ms: 15_000, debounce_cap_ms: 15_000 }); // it answers each of them, later
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await house?.stop();
});

async function deliver(count, build) {
  for (let at = 0; at < count; at += BATCH) {
    const call = messageCall(Array.from({ length: Math.min(BATCH, count - at) }, (_, i) => build(at + i)));
    assert.equal((await post(house.hook, call)).status, 200);
  }
}
/** Rows in the page right now: a long list must not mean a long page. */
const inPage = (page, selector) => page.locator(`${selector} > [data-row]`).count();

test('ten thousand conversations: the list goes to its end and the page stays short', { timeout: 300_000 }, async () => {
  await deliver(TALKS, (i) => message(`wamid.talk${i}`, `5511${String(910_000_000 + i)}`, `conversa ${i}`));
  await until(async () => (await house.api.get('/api/v1/conversations/counts')).bot >= 1000, 'they are filed', 120_000);
  await until(async () => (await house.api.get('/api/v1/inbox?state=received&limit=1')).data.length === 0, 'all are filed', 180_000);
  const p = await person(browser, house);
  await p.signIn('ana', '/app/inbox/all');
  await p.page.locator('.talk').first().waitFor();
  let most = 0;
  await until(
    async () => {
      const { rest, height } = await p.page.evaluate(() => {
        const list = document.querySelector('.talks');
        list.scrollTop = list.scrollHeight;
        return { rest: list.scrollHeight - list.scrollTop - list.clientHeight, height: list.scrollHeight };
      });
      most = Math.max(most, await inPage(p.page, '.talks'));
      return height >= TALKS * 70 && rest < 100;
    },
    'the end of the list',
    180_000,
  );
  assert.ok(most < 80, `${most} rows at once`);
  // And back: what is in view is there, in the order of the server.
  await p.page.evaluate(() => (document.querySelector('.talks').scrollTop = 0));
  const newest = (await house.api.get('/api/v1/conversations?queue=all&limit=1')).data[0];
  await p.page.locator(`.talks [data-row="${newest.id}"]`).waitFor();
  await p.close();
});

test('a thread of twenty thousand goes to its first word and to any place, page by page, and keeps the place', { timeout: 600_000 }, async () => {
  const phone = '5511900000001';
  await deliver(WORDS, (i) => message(`wamid.word${i}`, phone, `palavra ${i} ${'x'.repeat(i % 7 === 0 ? 300 : 20)}`));
  await until(async () => (await house.api.get('/api/v1/inbox?state=received&limit=1')).data.length === 0, 'all are filed', 180_000);
  const { id } = await house.conversation(phone);
  const p = await person(browser, house);
  await p.signIn('ana', `/app/inbox/all/${id}`);
  const { page } = p;
  const pages = []; // what was asked for, by address: no page twice
  page.on('request', (r) => r.url().includes(`/conversations/${id}/messages`) && pages.push(r.url()));
  const nodes = () => page.evaluate(() => document.querySelectorAll('*').length);
  await shows(page, '.log .words', `palavra ${WORDS - 1} `);
  const atFirst = await nodes();
  let most = 0;
  await until(
    async () => {
      const top = await page.evaluate(() => {
        const log = document.querySelector('.log');
        log.scrollTop = 0;
        return log.querySelector('.words')?.textContent ?? '';
      });
      most = Math.max(most, await inPage(page, '.log'));
      return top.startsWith('palavra 0 ');
    },
    'the first word',
    300_000,
  );
  assert.ok(most < 120, `${most} rows at once`);
  assert.ok((await nodes()) < atFirst + 4000, `${await nodes()} nodes after ${atFirst}`);
  assert.ok(pages.length <= WORDS / 100 + 2, `${pages.length} calls`);
  assert.equal(new Set(pages).size, pages.length, 'no page is asked for twice');
  // All of it is there now: any place costs no call.
  const asked = pages.length;
  for (const part of [0.73, 0.21, 0.5]) {
    await page.evaluate((to) => {
      const log = document.querySelector('.log');
      log.scrollTop = log.scrollHeight * to;
    }, part);
    await until(() => page.evaluate(() => {
      const log = document.querySelector('.log').getBoundingClientRect();
      const at = document.elementFromPoint(log.x + log.width / 3, log.y + log.height / 2);
      return Boolean(at?.closest('[data-row]'));
    }), 'rows are in view');
    assert.ok((await inPage(page, '.log')) < 120);
  }
  assert.equal(pages.length, asked);
  await page.evaluate(() => (document.querySelector('.log').scrollTop = 0));
  await shows(page, '.log .words', 'palavra 3 ');
  // What one reads stays where it is while the customer goes on.
  const place = () => page.evaluate(() => [...document.querySelectorAll('.log > [data-row]')].find((one) => one.textContent.includes('palavra 3 ')).getBoundingClientRect().top);
  const before = await place();
  await house.write(phone, 'e mais uma');
  await shows(page, '.to-end', '1 nova');
  assert.ok(Math.abs((await place()) - before) < 1.5, 'the place is kept');
  await page.locator('.to-end').click();
  await shows(page, '.log .words', 'e mais uma');
  await p.close();
});

/** The files of a build that a page needs: what it names, and what those import at once. */
async function loadedBy(dist, first) {
  const found = new Set();
  const todo = [...first];
  for (let name; (name = todo.pop()); ) {
    if (found.has(name)) continue;
    found.add(name);
    if (!name.endsWith('.js')) continue;
    const text = await readFile(path.join(dist, name), 'utf8');
    for (const [, other] of text.matchAll(/(?:from|import)\s*["']\.\/([^"']+)["']/g)) todo.push(other);
  }
  return found;
}

test('an address of a message far back opens there in a few calls', { timeout: 300_000 }, async () => {
  const { id } = await house.conversation('5511900000001');
  const [first] = (await house.api.get(`/api/v1/conversations/${id}/messages?limit=1`)).data;
  const p = await person(browser, house);
  const pages = [];
  p.page.on('request', (r) => r.url().includes(`/conversations/${id}/messages`) && pages.push(r.url()));
  await p.signIn('ana', `/app/inbox/all/${id}?at=${first.id}`);
  await p.page.locator('.log .asked', { hasText: first.text.slice(0, 10) }).waitFor({ timeout: 120_000 });
  assert.ok(pages.length <= WORDS / 500 + 4, `${pages.length} calls`);
  assert.ok((await inPage(p.page, '.log')) < 120);
  await p.close();
});

test('whatever page is opened first, a browser loads at most 120 KB', async () => {
  const dist = path.resolve('web/dist/assets');
  const names = (await readdir(dist)).filter((name) => !name.endsWith('.gz')); // packed beside it
  const size = new Map(await Promise.all(names.map(async (name) => [name, gzipSync(await readFile(path.join(dist, name))).length])));
  const shell = names.filter((name) => /^(index|main)-.*\.(js|css)$/.test(name)); // both programs of the bundle: more than one needs
  const sumOf = async (first) => [...(await loadedBy(dist, first))].reduce((all, name) => all + size.get(name), 0);
  const styles = names.filter((name) => name.endsWith('.css'));
  assert.ok(shell.length > 2 && names.length > 10, 'the pages are files of their own');
  for (const page of names.filter((name) => name.endsWith('.js'))) {
    const sum = await sumOf([...shell, ...styles, page]);
    assert.ok(sum <= BUDGET, `${page} takes ${sum} bytes`);
  }
});
