// SPDX-License-Identifier: Apache-2.0
// `prosa sim` under the hands of client libraries that know Meta and OpenAI: what they send is accepted, what they
// get back is what they expect, and the webhooks pass their checks. So tests and demo stand on a simulator that others
// would take for the real thing.
import { GraphApiError, WhatsAppClient } from '@kapso/whatsapp-cloud-api';
import { normalizeWebhook, verifySignature } from '@kapso/whatsapp-cloud-api/server';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import OpenAI from 'openai';
import { WhatsAppAPI } from 'whatsapp-api-js';
import { Text } from 'whatsapp-api-js/messages';

const BIN = process.env.PROSA_BIN ?? path.resolve('build/release/prosa');
const SECRET = 'e2e-secret';
const TOKEN = 'e2e-token';
const PHONE_ID = '520000000000002';
const WABA = '410000000000001';
const ANA = '+5531955550789';
const ANA_WA_ID = '553155550789';

/** Takes webhooks; next() waits for the first one that has not been handed out. */
async function startReceiver() {
  const hooks = [];
  const waiting = [];
  const server = createServer((req, res) => {
    const parts = [];
    req.on('data', (part) => parts.push(part));
    req.on('end', () => {
      const hook = { raw: Buffer.concat(parts), signature: req.headers['x-hub-signature-256'] };
      res.end();
      waiting.length > 0 ? waiting.shift()(hook) : hooks.push(hook);
    });
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${server.address().port}/webhook`,
    next: () => (hooks.length > 0 ? Promise.resolve(hooks.shift()) : new Promise((done) => waiting.push(done))),
    clear: () => hooks.splice(0),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function startSim(webhook) {
  const args = ['sim', '--listen', '127.0.0.1:0', '--webhook-url', webhook, '--app-secret', SECRET, '--token', TOKEN, '--json'];
  const child = spawn(BIN, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((done) => child.on('exit', done));
  const line = await new Promise((done, fail) => {
    let text = '';
    child.on('exit', (code) => fail(new Error(`prosa sim ended with ${code}`)));
    child.stdout.on('data', (part) => (text += part).includes('\n') && done(text));
  });
  return {
    address: JSON.parse(line).address,
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

let receiver, sim, kapso;

const ask = async (method, page, body) => {
  const answer = await fetch(`${sim.address}${page}`, { method, body: body && JSON.stringify(body) });
  assert.equal(answer.status, 200);
  return answer.json();
};
const behave = (knobs) => ask('POST', '/sim/behaviour', knobs);
const act = (what) => ask('POST', '/sim/customer', { from: ANA, name: 'Ana', ...what });

before(async () => {
  receiver = await startReceiver();
  sim = await startSim(receiver.url);
  kapso = new WhatsAppClient({ accessToken: TOKEN, baseUrl: sim.address, graphVersion: 'v26.0' });
});

after(async () => {
  assert.equal(await sim.stop(), 0);
  receiver.close();
});

beforeEach(async () => {
  await ask('POST', '/sim/reset', {});
  await behave({ window: 'off', status_delay_ms: 0, mute_statuses: ['sent', 'delivered', 'read', 'failed'] });
  receiver.clear();
});

describe('the Graph API', () => {
  test('takes every kind of message a library builds', async () => {
    const to = { phoneNumberId: PHONE_ID, to: ANA };
    const sends = [
      () => kapso.messages.sendText({ ...to, body: 'Olá', bizOpaqueCallbackData: 'job:1' }),
      () => kapso.messages.sendImage({ ...to, image: { link: 'https://example.test/a.png', caption: 'c' } }),
      () => kapso.messages.sendLocation({ ...to, location: { latitude: -23.5, longitude: -46.6, name: 'n', address: 'a' } }),
      () => kapso.messages.sendReaction({ ...to, reaction: { messageId: 'wamid.X', emoji: '👍' } }),
      () => kapso.messages.sendInteractiveButtons({ ...to, bodyText: 'b', buttons: [{ id: '1', title: 'Um' }, { id: '2', title: 'Dois' }] }),
      () => kapso.messages.sendInteractiveList({ ...to, bodyText: 'b', buttonText: 'ver', sections: [{ title: 's', rows: [{ id: '1', title: 'Um' }] }] }),
      () => kapso.messages.sendInteractiveCtaUrl({ ...to, bodyText: 'b', parameters: { displayText: 'abrir', url: 'https://example.test/' } }),
      () => kapso.messages.sendInteractiveLocationRequest({ ...to, bodyText: 'onde?', parameters: { requestMessage: 'onde?' } }),
      () => kapso.messages.sendTemplate({ ...to, template: { name: 'lembrete_visita', language: { code: 'pt_BR' }, components: [{ type: 'body', parameters: [{ type: 'text', text: 'Ana' }, { type: 'text', text: '10h' }] }] } }),
    ];
    for (const send of sends) {
      const answer = await send();
      assert.match(answer.messages[0].id, /^wamid\./);
      assert.deepEqual(answer.contacts.map((c) => c.waId), [ANA_WA_ID]);
    }
    const api = new WhatsAppAPI({ token: TOKEN, v: 'v26.0', secure: false, ponyfill: { fetch: (url, init) => fetch(String(url).replace('https://graph.facebook.com', sim.address), init) } });
    const answer = await api.sendMessage(PHONE_ID, ANA, new Text('oi'));
    assert.equal(answer.contacts[0].wa_id, ANA_WA_ID);
    assert.equal((await ask('GET', '/sim/stats')).accepted, sends.length + 1);
    const { sends: kept } = await ask('GET', '/sim/sends?after=0');
    assert.deepEqual(kept.map((s) => s.type), ['text', 'image', 'location', 'reaction', 'interactive', 'interactive', 'interactive', 'interactive', 'template', 'text']);
    assert.equal(kept[8].text, 'Olá Ana, sua visita é 10h.');
  });

  test('refuses with errors a library knows by kind', async () => {
    const text = (body, client = kapso) => client.messages.sendText({ phoneNumberId: PHONE_ID, to: ANA, body });
    const wrong = new WhatsAppClient({ accessToken: 'other', baseUrl: sim.address, graphVersion: 'v26.0' });
    await assert.rejects(text('x', wrong), (e) => e instanceof GraphApiError && e.code === 190 && e.httpStatus === 401);
    await behave({ fail_next: [{ code: 131056 }, { code: 131047 }] });
    await assert.rejects(text('x'), (e) => e.code === 131056 && e.httpStatus === 429);
    await assert.rejects(text('x'), (e) => e.code === 131047 && e.httpStatus === 400);
    await behave({ window: 'error' });
    await assert.rejects(text('x'), (e) => e.code === 131047 && /24 hours/.test(e.details ?? JSON.stringify(e.raw)));
    assert.equal((await ask('GET', '/sim/stats')).accepted, 0);
  });

  test('counts what was accepted twice', async () => {
    for (const job of ['job:1', 'job:2', 'job:1']) {
      await kapso.messages.sendText({ phoneNumberId: PHONE_ID, to: ANA, body: 'x', bizOpaqueCallbackData: job });
    }
    const stats = await ask('GET', '/sim/stats');
    assert.equal(stats.accepted, 3);
    assert.equal(stats.duplicates, 1);
    assert.deepEqual(stats.duplicate_correlations, ['job:1']);
  });

  test('keeps media', async () => {
    const bytes = Buffer.from('\x89PNG not really', 'latin1');
    const { id } = await kapso.media.upload({ phoneNumberId: PHONE_ID, type: 'image', file: new Blob([bytes], { type: 'image/png' }), fileName: 'a.png' });
    const meta = await kapso.media.get({ mediaId: id, phoneNumberId: PHONE_ID });
    assert.equal(meta.mimeType, 'image/png');
    assert.equal(Number(meta.fileSize), bytes.length);
    const down = await kapso.media.download({ mediaId: id, phoneNumberId: PHONE_ID, auth: 'always' });
    assert.deepEqual(Buffer.from(down), bytes);
    await kapso.messages.sendImage({ phoneNumberId: PHONE_ID, to: ANA, image: { id } });
    assert.equal((await kapso.media.delete({ mediaId: id, phoneNumberId: PHONE_ID })).success, true);
  });

  test('lists, makes and drops templates', async () => {
    const made = await kapso.templates.create({ businessAccountId: WABA, name: 'novo', language: 'pt_BR', category: 'UTILITY', components: [{ type: 'BODY', text: 'Oi {{1}}', example: { bodyText: [['Ana']] } }] });
    assert.equal(made.status, 'APPROVED');
    const all = await kapso.templates.list({ businessAccountId: WABA, limit: 100 });
    assert.ok(all.data.some((t) => t.name === 'novo' && t.language === 'pt_BR'));
    await kapso.templates.delete({ businessAccountId: WABA, name: 'novo' });
    assert.equal((await kapso.templates.list({ businessAccountId: WABA, name: 'novo' })).data.length, 0);
  });

  test('registers numbers and takes read marks', async () => {
    assert.equal((await kapso.phoneNumbers.register({ phoneNumberId: PHONE_ID, pin: '123456' })).success, true);
    const { ids } = await act({ text: 'oi' });
    assert.equal((await kapso.messages.markRead({ phoneNumberId: PHONE_ID, messageId: ids[0], typingIndicator: { type: 'text' } })).success, true);
    const phone = await ask('GET', `/sim/phone?number=${ANA_WA_ID}`);
    assert.equal(phone.messages[0].status, 'read');
    assert.equal(phone.typing, true);
  });
});

describe('webhooks', () => {
  const nextEvents = async () => {
    const { raw, signature } = await receiver.next();
    assert.ok(verifySignature({ appSecret: SECRET, rawBody: raw, signatureHeader: signature }));
    return normalizeWebhook(JSON.parse(raw));
  };

  test('statuses carry our correlation id', async () => {
    await behave({ mute_statuses: [], status_delay_ms: 5 });
    const sent = await kapso.messages.sendText({ phoneNumberId: PHONE_ID, to: ANA, body: 'x', bizOpaqueCallbackData: 'job:9' });
    const seen = [];
    for (let i = 0; i < 3; i++) {
      const [status] = (await nextEvents()).statuses;
      seen.push(status.status);
      assert.equal(status.id, sent.messages[0].id);
      assert.equal(status.recipientId, ANA_WA_ID);
      assert.equal(status.bizOpaqueCallbackData, 'job:9');
    }
    assert.deepEqual(seen.sort(), ['delivered', 'read', 'sent']); // each is a call of its own: one may overtake another
  });

  test('what customers do reads as messages', async () => {
    const acts = [
      [{ text: 'Coração 😀 a/b' }, (m) => assert.equal(m.text.body, 'Coração 😀 a/b')],
      [{ type: 'image', caption: 'foto' }, (m) => assert.equal(m.image.caption, 'foto')],
      [{ type: 'audio' }, (m) => assert.equal(m.audio.voice, true)],
      [{ button_reply: { id: '1', title: 'Um' } }, (m) => assert.equal(m.interactive.buttonReply.id, '1')],
      [{ list_reply: { id: '2', title: 'Dois' } }, (m) => assert.equal(m.interactive.listReply.title, 'Dois')],
      [{ message: { type: 'location', location: { latitude: 1.5, longitude: 2.5 } } }, (m) => assert.equal(m.location.latitude, 1.5)],
    ];
    for (const [what, check] of acts) {
      const told = await act(what);
      assert.equal(told.acknowledged, true);
      const events = await nextEvents();
      assert.equal(events.phoneNumberId, PHONE_ID);
      assert.equal(events.messages.length, 1);
      assert.equal(events.messages[0].id, told.ids[0]);
      assert.equal(events.messages[0].from, ANA_WA_ID);
      check(events.messages[0]);
    }
  });

  test("whatsapp-api-js takes them for Meta's", async () => {
    const heard = [];
    const api = new WhatsAppAPI({ token: TOKEN, appSecret: SECRET, v: 'v26.0' });
    api.on.message = ({ from, name, message }) => heard.push([from, name, message.text.body]);
    await act({ text: 'não' });
    const { raw, signature } = await receiver.next();
    await api.post(JSON.parse(raw), raw.toString(), signature);
    assert.deepEqual(heard, [[ANA_WA_ID, 'Ana', 'não']]);
  });
});

describe('the chat model', () => {
  const client = (maxRetries = 0) => new OpenAI({ apiKey: 'any', baseURL: `${sim.address}/v1`, maxRetries });
  const chat = (content, retries, more = {}) => client(retries).chat.completions.create({ model: 'sim-small', messages: [{ role: 'user', content }], ...more });
  const tools = [{ type: 'function', function: { name: 'handoff', parameters: { type: 'object', properties: { reason: { type: 'string' } } } } }];

  test('answers and counts tokens', async () => {
    const answer = await chat('Olá, qual o preço?');
    assert.match(answer.choices[0].message.content, /planos/);
    assert.equal(answer.choices[0].finish_reason, 'stop');
    assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
    assert.deepEqual((await client().models.list()).data.map((m) => m.id), ['sim-small']);
  });

  test('calls the tool when a person is asked for', async () => {
    const answer = await chat('quero um atendente', 0, { tools });
    const [call] = answer.choices[0].message.tool_calls;
    assert.equal(call.function.name, 'handoff');
    assert.ok(JSON.parse(call.function.arguments).reason);
    const messages = [{ role: 'user', content: 'quero um atendente' }, answer.choices[0].message, { role: 'tool', tool_call_id: call.id, content: '{"ok":true}' }];
    const next = await client().chat.completions.create({ model: 'sim-small', messages, tools });
    assert.ok(next.choices[0].message.content);
  });

  test('fails in ways the client tells apart, and retries', async () => {
    await behave({ model_fail_next: ['quota', '500', 'too_long', 'cut'] });
    await assert.rejects(chat('oi'), (e) => e instanceof OpenAI.RateLimitError && e.code === 'insufficient_quota');
    await assert.rejects(chat('oi'), OpenAI.InternalServerError);
    await assert.rejects(chat('oi'), (e) => e instanceof OpenAI.BadRequestError && e.code === 'context_length_exceeded');
    await assert.rejects(chat('oi'), OpenAI.APIConnectionError);
    await behave({ model_fail_next: ['429', '503'] });
    assert.ok((await chat('oi', 2)).choices[0].message.content);
  });
});
