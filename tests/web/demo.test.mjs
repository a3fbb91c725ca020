// SPDX-License-Identifier: Apache-2.0
// The demo page in a real browser: both sides of a conversation, by mouse and by keyboard, through
// broken lines and restarts, judged by axe-core. Every wait is for a condition.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, afterEach, test } from 'node:test';
import { chromium } from 'playwright-core';

const BIN = path.resolve(process.env.PROSA_BIN ?? 'build/release/prosa');
const CHROMIUM = process.env.PROSA_CHROMIUM ?? '/usr/bin/chromium';
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const PATIENCE = 30_000;
const ARGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'];
ARGS.push('--disable-background-networking', '--disable-component-update', '--disable-sync');

let dir;
let demo;
let browser;
let context;
let page;
let complaints; // what the browser's console said
let isCut; // a line cut on purpose fails requests, and the console says so

// No setting of the caller's own may reach the program.
const env = { PATH: process.env.PATH, ASAN_OPTIONS: process.env.ASAN_OPTIONS ?? '' };

function startDemo(listen = '127.0.0.1:0') {
  const child = spawn(BIN, ['demo', '--listen', listen], { cwd: dir, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((done) => child.on('exit', done));
  let log = '';
  child.stderr.on('data', (d) => (log += d));
  return new Promise((resolve, reject) => {
    let out = '';
    child.stdout.on('data', (d) => {
      out += d;
      const at = /ready at (http:\/\/\S+)/.exec(out);
      if (at) resolve({ url: at[1], stop: (how = 'SIGTERM') => (child.kill(how), ended) });
    });
    ended.then((code) => reject(new Error(`prosa demo ended (${code}): ${log}`)));
  });
}

before(async () => {
  dir = await mkdtemp(path.join(os.tmpdir(), 'prosa-web-'));
  demo = await startDemo();
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS });
});

after(async () => {
  await browser?.close();
  await demo?.stop();
  await rm(dir, { recursive: true, force: true });
});

async function open(options = {}) {
  context = await browser.newContext({ locale: 'pt-BR', viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce', ...options });
  context.setDefaultTimeout(PATIENCE);
  page = await context.newPage();
  complaints = [];
  isCut = false;
  page.on('console', (m) => {
    if (!['error', 'warning'].includes(m.type())) return;
    if (isCut && /ERR_|WebSocket connection/.test(m.text())) return;
    complaints.push(`${m.text()} ${m.location().url}`);
  });
  page.on('pageerror', (e) => complaints.push(String(e)));
  await page.goto(demo.url);
  await phone().getByRole('textbox').waitFor();
}

/** A customer of this test's own; conversations of other tests stay in the list. */
async function freshCustomer() {
  await phone().getByRole('button', { name: /^(Novo cliente|New customer)$/ }).click();
  await phone().locator('.empty').waitFor();
}

beforeEach(async () => {
  await open();
  await freshCustomer();
});

afterEach(async () => {
  await context.close();
  assert.deepEqual(complaints, [], 'the console is silent');
});

const phone = () => page.locator('.phone');
const team = () => page.locator('.team');
const thread = () => page.locator('.thread');
const badge = (state) => team().locator(`.badge[data-state=${state}]`).waitFor();
const shows = (where, text) => where.locator('.bubble', { hasText: text }).last().waitFor();
const press = (name) => team().getByRole('button', { name, exact: true }).click();

async function say(text) {
  await phone().getByRole('textbox').fill(text);
  await phone().getByRole('textbox').press('Enter');
}

async function reply(text) {
  await thread().getByRole('textbox').fill(text);
  await thread().getByRole('textbox').press('Enter');
}

async function openPlans() {
  await say('quanto custa?');
  await phone().getByRole('button', { name: /Escolher plano/ }).waitFor();
}

const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim() || document.activeElement?.getAttribute('aria-label') || '');

/** Tab until what has the focus is it; each stop on the way must be seen to have the focus. */
async function tabTo(locator, key = 'Tab') {
  for (let i = 0; i < 80; i++) {
    await page.keyboard.press(key);
    const isSeen = await page.evaluate(() => {
      const at = document.activeElement;
      if (!at || at === document.body) return true;
      const style = getComputedStyle(at);
      return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
    });
    assert.ok(isSeen, `the focus is seen on ${await focused()}`);
    if (await locator.evaluate((el) => el === document.activeElement)) return;
  }
  assert.fail('the keyboard does not get there');
}

test('oi brings buttons on the phone and in the thread, and ticks become read', async () => {
  await say('oi');
  await phone().getByRole('button', { name: 'Ver planos' }).waitFor();
  await phone().getByRole('button', { name: 'Falar com alguém' }).waitFor();
  const bot = thread().locator('.bubble.by-bot');
  await bot.locator('.chips', { hasText: 'Ver planos' }).waitFor();
  await bot.locator('.ticks.read').waitFor();
  assert.equal(await bot.locator('.ticks').getAttribute('aria-label'), 'lida');
  await phone().locator('.bubble.mine .ticks.read').waitFor();
  await badge('progress');
  await page.locator('.trace summary', { hasText: 'menu' }).click();
  await page.locator('.trace blockquote', { hasText: 'Como posso ajudar?' }).waitFor();
});

test('tapping a button goes on with the script', async () => {
  await say('oi');
  await phone().getByRole('button', { name: 'Horários' }).click();
  await shows(phone().locator('.scroll'), 'de segunda a sexta');
  await shows(thread(), 'de segunda a sexta');
});

test('the list opens, moves, closes and chooses by keyboard', async () => {
  await openPlans();
  const opener = phone().getByRole('button', { name: /Escolher plano/ });
  await opener.focus();
  await page.keyboard.press('Enter');
  const sheet = page.getByRole('dialog');
  await sheet.waitFor();
  await page.keyboard.press('Escape');
  await sheet.waitFor({ state: 'detached' });
  assert.ok(await opener.evaluate((el) => el === document.activeElement), 'the focus is back');
  await page.keyboard.press('Enter');
  await sheet.waitFor();
  assert.match(await focused(), /^Essencial/);
  await page.keyboard.press('ArrowDown');
  assert.match(await focused(), /^Equipe/);
  await page.keyboard.press('Enter');
  await sheet.waitFor({ state: 'detached' });
  await shows(phone().locator('.scroll'), 'Ótima escolha');
  await thread().locator('.bubble.by-customer', { hasText: 'Equipe' }).waitFor();
});

test('a person is called, takes over, replies, gives back and closes', async () => {
  await say('quero falar com um atendente');
  await badge('waiting_agent');
  await team().getByText('a pessoa pediu atendimento humano').waitFor();
  await press('Assumir');
  await badge('assigned');
  await page.waitForFunction(() => document.activeElement?.id === 'reply');
  await reply('Oi, aqui é a Júlia');
  await shows(phone().locator('.scroll'), 'Oi, aqui é a Júlia');
  await thread().locator('.by-person .ticks.read').waitFor();

  const turns = await page.locator('.trace > ol > li').count();
  await say('oi');
  await thread().locator('.bubble.by-customer').nth(1).waitFor();
  await reply('Já respondo');
  await shows(phone().locator('.scroll'), 'Já respondo');
  await thread().locator('.by-person .ticks.read').nth(1).waitFor();
  assert.equal(await page.locator('.trace > ol > li').count(), turns, 'the bot is silent');
  assert.equal(await phone().getByRole('button', { name: 'Ver planos' }).count(), 0);

  await press('Devolver ao robô');
  await team().getByRole('button', { name: 'Assumir' }).waitFor();
  await say('menu');
  await phone().getByRole('button', { name: 'Ver planos' }).waitFor();
  await press('Encerrar');
  await badge('agent_closed');
  assert.equal(await thread().getByRole('textbox').isDisabled(), true);
  const steps = await page.locator('span[title*="."]').evaluateAll((all) => all.filter((one) => one.title === one.textContent).map((one) => one.title));
  assert.deepEqual(steps, [], 'each step is told in words');
});

test('the whole way by keyboard alone', async () => {
  await page.keyboard.press('Control+Home');
  await tabTo(phone().getByRole('textbox'));
  await page.keyboard.type('oi');
  await tabTo(phone().getByRole('button', { name: 'Enviar' }));
  await page.keyboard.press('Enter');
  const choice = phone().getByRole('button', { name: 'Falar com alguém' });
  await choice.waitFor();
  await tabTo(choice, 'Shift+Tab');
  await page.keyboard.press('Enter');
  await badge('waiting_agent');
  await tabTo(team().getByRole('button', { name: 'Assumir' }));
  await page.keyboard.press('Enter');
  await badge('assigned');
  await page.waitForFunction(() => document.activeElement?.id === 'reply');
  await page.keyboard.type('Olá!');
  await page.keyboard.press('Enter');
  await shows(phone().locator('.scroll'), 'Olá!');
  await tabTo(team().getByRole('button', { name: 'Encerrar' }), 'Shift+Tab');
  await page.keyboard.press('Enter');
  await badge('agent_closed');
});

test('axe-core finds nothing, in both languages, schemes and sizes', async () => {
  await openPlans();
  await say('quero falar com um atendente');
  await badge('waiting_agent');
  await reply('Pois não?');
  await thread().locator('.by-person .ticks.read').waitFor();
  await page.locator('.trace summary').first().click();
  // The page's policy keeps foreign scripts out, and axe is one: it comes in by the debugger.
  const axe = async (what) => {
    const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
    assert.deepEqual(violations.map((v) => `${what}: ${v.id}: ${v.nodes.map((n) => `${n.target} ${n.failureSummary}`).join(' | ')}`), []);
  };
  await page.evaluate(await readFile(AXE, 'utf8'));
  for (const lang of ['pt-BR', 'en'])
    for (const colorScheme of ['light', 'dark'])
      for (const [width, height] of [[1440, 900], [390, 844]]) {
        await page.setViewportSize({ width, height });
        await page.emulateMedia({ colorScheme });
        await page.locator(`.languages button[lang=${lang}]`).click();
        await page.waitForFunction((l) => document.documentElement.lang === l, lang);
        const name = `${lang} ${colorScheme} ${width}`;
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(wide <= 0, `${name}: nothing sticks out by ${wide} px`);
        await axe(name);
        await phone().locator('[aria-haspopup=dialog]').first().click();
        await axe(`${name}, list open`);
        await page.keyboard.press('Escape');
        await page.getByRole('dialog').waitFor({ state: 'detached' });
      }
});

test('the browser’s language decides', async () => {
  await context.close();
  await open({ locale: 'en-US' });
  await page.getByRole('button', { name: 'New customer' }).waitFor();
  assert.equal(await page.title(), 'prosa · demo');
});

test('a server that goes away is told and what was missed comes', async () => {
  await say('oi');
  await phone().getByRole('button', { name: 'Ver planos' }).waitFor();
  await phone().getByRole('textbox').fill('meio escrita');
  isCut = true;
  await demo.stop('SIGKILL');
  await page.getByText('Sem conexão').waitFor();
  demo = await startDemo(new URL(demo.url).host);
  await page.getByText('Sem conexão').waitFor({ state: 'detached' });
  await shows(thread(), 'Como posso ajudar?');
  await shows(phone().locator('.scroll'), 'Como posso ajudar?');
  assert.equal(await phone().getByRole('textbox').inputValue(), 'meio escrita');
  isCut = false;
  await say('horário');
  await shows(phone().locator('.scroll'), 'de segunda a sexta');
});

test('a line that drops resumes with what was said meanwhile', async () => {
  await say('oi');
  await phone().getByRole('button', { name: 'Ver planos' }).waitFor();
  const { number, sim, to } = await page.evaluate(async () => {
    const about = await (await fetch('/demo.json')).json();
    return { number: JSON.parse(sessionStorage.getItem('phone')).number, sim: about.sim, to: about.phone_number_id };
  });
  isCut = true;
  await context.setOffline(true);
  await page.getByText('Sem conexão').waitFor();
  const told = await fetch(`${sim}/sim/customer`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ from: number, to, text: 'que horas abre?' }),
  });
  assert.equal(told.status, 200);
  await context.setOffline(false);
  await page.getByText('Sem conexão').waitFor({ state: 'detached' });
  await shows(thread(), 'que horas abre?');
  await shows(thread(), 'de segunda a sexta');
  await shows(phone().locator('.scroll'), 'de segunda a sexta');
});

test('drafts survive a reload', async () => {
  await say('oi');
  await badge('progress');
  await thread().getByRole('textbox').fill('um rascunho');
  await phone().getByRole('textbox').fill('outro');
  await page.reload();
  await badge('progress');
  assert.equal(await thread().getByRole('textbox').inputValue(), 'um rascunho');
  assert.equal(await phone().getByRole('textbox').inputValue(), 'outro');
});

test('nothing can be written before the page knows which phone it is', async () => {
  let letGo;
  const held = new Promise((done) => (letGo = done));
  await page.route('**/demo.json', async (route) => {
    await held;
    await route.continue();
  });
  await page.reload();
  await phone().getByRole('textbox').waitFor();
  assert.equal(await phone().getByRole('textbox').isDisabled(), true);
  assert.equal(await phone().getByRole('button', { name: 'Novo cliente' }).isDisabled(), true);
  letGo();
  await say('oi');
  await phone().getByRole('button', { name: 'Ver planos' }).waitFor();
});

test('HTML in a message is shown as text', async () => {
  const nasty = '<img src=x onerror="document.title=1"><script>document.title=2</script><b>oi</b>';
  await say(nasty);
  await shows(thread(), nasty);
  await shows(phone().locator('.scroll'), nasty);
  await reply(nasty);
  await phone().locator('.bubble.theirs', { hasText: nasty }).waitFor();
  assert.equal(await page.locator('.bubble :is(img, script, b)').count(), 0);
  assert.equal(await page.title(), 'prosa · demonstração');
});

test('started again in the same directory, old conversations are still there', async () => {
  await say('oi');
  await phone().getByRole('button', { name: 'Ver planos' }).waitFor();
  await reply('Até amanhã');
  await thread().locator('.by-person .ticks.read').waitFor();
  await context.close();
  await demo.stop();
  demo = await startDemo();
  await open();
  await shows(thread(), 'Até amanhã');
  await shows(phone().locator('.scroll'), 'Até amanhã');
  const talks = page.getByRole('navigation', { name: 'Conversas' }).getByRole('button');
  assert.ok((await talks.count()) > 1);
  const name = await talks.nth(1).locator('.who').textContent();
  await talks.nth(1).click();
  await page.waitForFunction((n) => document.querySelector('#team-title')?.textContent?.endsWith(n), name);
  await thread().locator('.bubble').first().waitFor();
  await phone().locator('.bubble').first().waitFor();
});
