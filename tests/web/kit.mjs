// SPDX-License-Identifier: Apache-2.0
// A house for the console's tests: the real program, a fake Graph API, people who sign in, customers who write, and a browser
// whose console must stay silent.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';
import { PASSWORD, addUser } from '../support/browser.mjs';
import { message, messageCall, post, startGraph } from '../support/graph.mjs';
import { client, newInstallation, seed, until } from '../support/prosa.mjs';

export { PASSWORD, until };
const CHROMIUM = process.env.PROSA_CHROMIUM ?? '/usr/bin/chromium';
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const ARGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'];
ARGS.push('--disable-background-networking', '--disable-component-update', '--disable-sync');
const PATIENCE = 30_000;

/** Tenant acme with Ana (agent), Bruno (agent) and Sofia (admin), who all have the same password. */
export async function startHouse(env = {}) {
  const installation = await newInstallation('sqlite', { PROSA_HTTPC_ALLOW_PRIVATE: 'true', ...env });
  const graph = await startGraph({ statuses: ['sent', 'delivered', 'read'] });
  const { key } = await seed(installation, graph.url);
  for (const [name, role] of [['ana', 'agent'], ['bruno', 'agent'], ['sofia', 'admin']]) await addUser(installation, 'acme', `${name}@example.com`, role);
  const house = { installation, graph, key, wamids: 0, names: new Map() };
  house.start = async (more = {}) => {
    house.node = await installation.serve(more);
    house.url = house.node.url;
    house.hook = `${house.url}/webhooks/meta`;
    graph.webhook = house.hook;
    house.api = client(house.url, key);
  };
  await house.start();
  /** A customer writes; more is what Meta's message holds instead of a text. Resolves to the message's id at the provider. */
  house.write = async (from, text, { name, ...more } = {}) => {
    const id = `wamid.in${++house.wamids}`;
    const call = messageCall([message(id, from, text, more)]);
    if (name) house.names.set(from, name);
    if (house.names.has(from)) call.entry[0].changes[0].value.contacts[0].profile.name = house.names.get(from);
    const answer = await post(house.hook, call);
    assert.equal(answer.status, 200);
    return id;
  };
  house.conversation = (phone) =>
    until(async () => (await house.api.get('/api/v1/conversations?limit=500')).data.find((c) => c.lead.phone === phone), `a conversation with ${phone}`);
  /** Until it waits for a person: the bot's own words are out by then. */
  house.waiting = async (from, text, more) => {
    await house.write(from, text, more);
    const { id } = await house.conversation(from);
    await house.api.post(`/api/v1/conversations/${id}/handoff`, { reason: 'requested' });
    return house.conversation(from);
  };
  house.stop = async () => {
    await house.node?.kill();
    await graph.close();
    await installation.remove();
  };
  return house;
}

export const startBrowser = () => chromium.launch({ executablePath: CHROMIUM, args: ARGS });

/** A browser of one person. close() fails the test when the page complained. */
export async function person(browser, house, options = {}) {
  const context = await browser.newContext({ locale: 'pt-BR', viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce', ...options });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const complaints = [];
  const p = { context, page, complaints, expects: [] };
  page.on('console', (m) => {
    if (!['error', 'warning'].includes(m.type())) return;
    const text = `${m.text()} ${m.location().url}`;
    if (!p.expects.some((one) => one.test(text))) complaints.push(text);
  });
  page.on('pageerror', (e) => complaints.push(String(e)));
  p.goto = (path) => page.goto(house.url + path);
  p.fill = async (name, { tenant = 'acme', password = PASSWORD } = {}) => {
    await page.locator('[name=tenant]').fill(tenant);
    await page.locator('[name=email]').fill(`${name}@example.com`);
    await page.locator('[name=password]').fill(password);
    await page.locator('.signin button[type=submit]').click();
  };
  p.signIn = async (name, path = '/app/inbox/all') => {
    p.expects.push(/401/); // who is not signed in yet is told so
    await p.goto(path);
    await p.fill(name);
    await page.locator('.sidebar').waitFor();
    p.expects.pop();
  };
  p.open = (name) => page.locator('.talk', { hasText: name }).first().click();
  p.close = async () => {
    await page.unrouteAll({ behavior: 'ignoreErrors' }); // what is still held belongs to a page that goes away
    await context.close();
    assert.deepEqual(complaints, [], 'the browser’s console is silent');
  };
  /** The page's policy keeps foreign scripts out, and axe is one: it comes in by the debugger. */
  p.axe = async (what) => {
    if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(await readFile(AXE, 'utf8'));
    const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
    assert.deepEqual(violations.map((v) => `${what}: ${v.id}: ${v.nodes.map((n) => `${n.target} ${n.failureSummary}`).join(' | ')}`), []);
  };
  return p;
}

/** Waits until the page's text (of a selector) has it. */
export const shows = (page, selector, text) => page.locator(selector, { hasText: text }).first().waitFor();
