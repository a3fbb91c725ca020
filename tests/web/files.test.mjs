// SPDX-License-Identifier: Apache-2.0
// Files in the console: dropped, pasted, heard and seen; what a person decides about a message of which nobody knows; the second
// factor at the sign-in.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { Secret, TOTP } from 'otpauth';
import { browser as asBrowser } from '../support/browser.mjs';
import { fileMessage, messageCall, post } from '../support/graph.mjs';
import { person, shows, startBrowser, startHouse, until } from './kit.mjs';

let house, browser, people, phones = 0;

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

/** Somebody waits for a person; Ana has the conversation open. */
async function opened(first) {
  const n = String(++phones).padStart(4, '0');
  const who = { phone: `551195666${n}`, name: `${first} ${n}` };
  who.conversation = await house.waiting(who.phone, 'oi', { name: who.name });
  const p = await person(browser, house);
  people.push(p);
  await p.signIn('ana', '/app/inbox/waiting');
  await p.open(who.name);
  await p.page.locator('#reply').waitFor();
  return { who, ...p };
}
/** A customer sends a file with these bytes. */
async function sends(who, type, bytes, mime, more) {
  const id = `file.${who.phone}`;
  house.graph.files.set(id, { mime, bytes });
  const call = messageCall([fileMessage(`wamid.${id}`, who.phone, type, id, more)]);
  assert.equal((await post(house.hook, call)).status, 200);
}
/** A transfer of files as the browser makes one, to an element. */
const transfer = (page, kinds, selector, files) =>
  page.evaluate(
    ([kinds, selector, files]) => {
      const data = new DataTransfer();
      for (const { name, type, text } of files) data.items.add(new File([text], name, { type }));
      const at = document.querySelector(selector);
      for (const kind of kinds)
        at.dispatchEvent(
          kind === 'paste'
            ? new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true })
            : new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }),
        );
    },
    [kinds, selector, files],
  );
const upload = (name, said) => until(() => house.graph.accepted.find((one) => one.type === 'document' && one.body.document.filename === name && (!said || one.body.document.caption === said)), `${name} goes out`);

test('files dropped on a conversation go out with it, and the place to drop shows itself', async () => {
  const { page } = await opened('Solta');
  await transfer(page, ['dragover'], '#thread', [{ name: 'a.txt', type: 'text/plain', text: 'a' }]);
  await page.locator('.drop-here').waitFor();
  await transfer(page, ['drop'], '#thread', [
    { name: 'solta <i>1</i>.txt', type: 'text/plain', text: 'primeiro' },
    { name: 'solta 2.txt', type: 'text/plain', text: 'segundo' },
  ]);
  await page.locator('.drop-here').waitFor({ state: 'detached' });
  await until(async () => (await page.locator('.chip-file').count()) === 2, 'both wait beside the text');
  await shows(page, '.chip-file', 'solta <i>1</i>.txt');
  await page.locator('.send:not([disabled])').click();
  await until(() => house.graph.accepted.filter((one) => one.type === 'document' && /^solta /.test(one.body.document.filename)).length === 2, 'both go out');
  await until(async () => (await page.locator('.by-person .file').count()) === 2, 'both stand in the thread');
});

test('a pasted picture waits beside the text; text that is pasted stays text', async () => {
  const { page } = await opened('Cola');
  await page.locator('#reply').focus();
  await transfer(page, ['paste'], '#reply', [{ name: 'colado.txt', type: 'text/plain', text: 'colado' }]);
  await shows(page, '.chip-file', 'colado.txt');
  await page.locator('#reply').fill('segue');
  await page.locator('.send:not([disabled])').click();
  await upload('colado.txt', 'segue');
  const text = await page.evaluate(() => {
    const data = new DataTransfer();
    data.setData('text/plain', 'só texto');
    const e = new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true });
    document.querySelector('#reply').dispatchEvent(e);
    return { isTaken: e.defaultPrevented, files: document.querySelectorAll('.chip-file').length };
  });
  assert.deepEqual(text, { isTaken: false, files: 0 });
});

/** A second of silence: frames of MPEG audio layer III, 128 kbit/s, 44.1 kHz. */
const mp3 = Buffer.concat(Array.from({ length: 38 }, () => Buffer.concat([Buffer.from([0xff, 0xfb, 0x90, 0x00]), Buffer.alloc(413)])));

test('a voice note is played in its place', async () => {
  const { page, who } = await opened('Voz');
  await sends(who, 'audio', mp3, 'audio/mpeg', { voice: true });
  const audio = page.locator('.bubble audio[controls]');
  await audio.waitFor();
  await until(() => audio.evaluate((el) => el.readyState >= 1 && el.duration > 0.5 && el.error === null), 'the browser knows how long it is');
  await audio.evaluate((el) => {
    el.muted = true;
    return el.play();
  });
  await until(() => audio.evaluate((el) => el.currentTime > 0), 'it plays');
  assert.ok(await audio.getAttribute('aria-label'));
});

test('a film has its player, and its bytes come in parts', async () => {
  const { page, who } = await opened('Filme');
  const box = Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from('ftypisom'), Buffer.from([0, 0, 2, 0]), Buffer.from('isomiso2'), Buffer.alloc(4000)]);
  await sends(who, 'video', box, 'video/mp4');
  const video = page.locator('.bubble video[controls]');
  await video.waitFor();
  const part = await page.evaluate(async (src) => {
    const answer = await fetch(src, { headers: { Range: 'bytes=4-11' } });
    return [answer.status, answer.headers.get('content-type'), await answer.text()];
  }, await video.getAttribute('src'));
  assert.deepEqual(part, [206, 'video/mp4', 'ftypisom']);
});

test('of an uncertain message a person says in the thread what became of it', async () => {
  const { page, who } = await opened('Incerta');
  const statuses = house.graph.statuses;
  house.graph.statuses = []; // a status would settle it
  const uncertain = async (text) => {
    house.graph.cutRate = 1;
    await page.locator('#reply').fill(text);
    await page.keyboard.press('Enter');
    const fate = page.locator('.bubble', { hasText: text }).locator('.fate');
    await fate.waitFor();
    house.graph.cutRate = 0;
    return fate;
  };
  const stateOf = async (text) => (await house.api.get(`/api/v1/conversations/${who.conversation.id}/messages?limit=100`)).data.find((m) => m.text === text).status;
  const arrived = await uncertain('Chegou esta?');
  await arrived.getByRole('button', { name: 'Chegou', exact: true }).click();
  await arrived.waitFor({ state: 'detached' });
  assert.equal(await stateOf('Chegou esta?'), 'sent');
  const lost = await uncertain('E esta?');
  await lost.getByRole('button', { name: 'Não chegou' }).click();
  await shows(page, '.bubble .fate p', 'Alguém da equipe marcou que não saiu');
  assert.equal(await stateOf('E esta?'), 'failed');
  const said = () => house.graph.accepted.filter((one) => one.body.text?.body === 'E esta?').length;
  const before = said();
  await lost.getByRole('button', { name: 'Reenviar' }).click();
  await until(async () => (await stateOf('E esta?')) === 'sent', 'it goes out');
  assert.equal(said(), before + 1, 'once');
  house.graph.statuses = statuses;
});

test('a second factor is asked for after the password, and a wrong code is told', async () => {
  const b = asBrowser(house.url);
  await b.signIn('acme', 'bruno@example.com');
  const totp = new TOTP({ secret: Secret.fromBase32((await b.post('/api/v1/me/totp')).json.secret) });
  const { recovery_codes: codes } = (await b.post('/api/v1/me/totp/confirm', { code: totp.generate() })).json;
  const p = await person(browser, house);
  people.push(p);
  p.expects.push(/401|403/);
  await p.goto('/app/inbox/mine');
  await p.fill('bruno');
  const code = p.page.locator('[name=code]');
  await code.waitFor();
  await shows(p.page, '.signin', 'Senha certa');
  const enter = async (text) => {
    await code.fill(text);
    await p.page.locator('.signin button[type=submit]').click();
  };
  await enter('000000');
  await shows(p.page, '.signin', 'O código não confere');
  assert.equal(await code.inputValue(), '');
  await enter(codes[0]);
  await p.page.locator('.sidebar').waitFor();
  assert.match(p.page.url(), /\/app\/inbox\/mine$/);
});
