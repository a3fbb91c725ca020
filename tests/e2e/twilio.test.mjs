// SPDX-License-Identifier: Apache-2.0
// Twilio's own library signs what comes in, and prosa's calls are what a server that speaks Twilio's API takes. The public URL is a
// proxy's: what Twilio signs is never the address that prosa listens on.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import twilio from 'twilio';
import { client, ENGINES, newInstallation, until } from '../support/prosa.mjs';

const SID = `AC${'0a1b'.repeat(8)}`;
const TOKEN = 'f00d'.repeat(8);
const OTHER_TOKEN = 'beef'.repeat(8);
const SENDER = '551130000100';
const PUBLIC = 'https://prosa.example.test';

/** What of Twilio's API the tests need: it takes messages and remembers them. */
async function startTwilio() {
  const sent = [];
  const server = http.createServer((req, res) => {
    let body = '';
    req.on('data', (piece) => (body += piece));
    req.on('end', () => {
      const form = Object.fromEntries(new URLSearchParams(body));
      const isRight = req.headers.authorization === `Basic ${Buffer.from(`${SID}:${TOKEN}`).toString('base64')}`;
      let answer = { success: true };
      if (req.url.endsWith('/Messages.json')) {
        answer = { sid: `SM${String(sent.length + 1).padStart(32, '0')}`, status: 'queued', to: form.To, error_code: null };
        if (isRight) sent.push({ ...form, sid: answer.sid });
      } else if (req.url.startsWith('/v1/ContentAndApprovals')) {
        answer = { meta: { key: 'contents', next_page_url: null }, contents: [{ sid: `HX${'a'.repeat(32)}`, friendly_name: 'aviso', language: 'pt_BR', types: { 'twilio/text': { body: 'Oi {{1}}' } }, approval_requests: { status: 'approved', category: 'UTILITY' } }] };
      } else if (req.method === 'GET') {
        answer = { sid: SID, friendly_name: 'Acme', status: 'active' };
      }
      res.writeHead(isRight ? (req.url.endsWith('/Messages.json') ? 201 : 200) : 401, { 'content-type': 'application/json' });
      res.end(JSON.stringify(isRight ? answer : { code: 20003, message: 'Authenticate', status: 401 }));
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { sent, url: `http://127.0.0.1:${server.address().port}`, close: () => new Promise((resolve) => server.close(resolve)) };
}

for (const engine of ENGINES) {
  describe(`Twilio on ${engine}`, () => {
    let fake, installation, node, api, account, n = 0;

    before(async () => {
      fake = await startTwilio();
      installation = await newInstallation(engine, { PROSA_PUBLIC_URL: PUBLIC });
      await installation.cli('tenant', 'add', 'acme');
      account = await installation.cli('provider', 'add', 'acme', 'twilio', '--address', SENDER, '--set', `base_url=${fake.url}`, '--set', `account_sid=${SID}`, '--secret', `auth_token=${TOKEN}`, '--secret', `other_auth_token=${OTHER_TOKEN}`);
      const { key } = await installation.cli('key', 'add', 'acme', '--scope', '*');
      node = await installation.serve();
      api = client(node.url, key);
      await api.put('/api/v1/bot', { debounce_ms: 1000, debounce_cap_ms: 3000 });
    });
    after(async () => {
      await node?.kill();
      await installation?.remove();
      await fake?.close();
    });

    const call = async (params, { token = TOKEN, query = '', signature } = {}) => {
      const path = `/webhooks/twilio/${account.id}${query}`;
      return fetch(`${node.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': signature ?? twilio.getExpectedTwilioSignature(token, `${PUBLIC}${path}`, params) },
        body: new URLSearchParams(params),
      });
    };
    const message = (phone, text, more = {}) => ({
      MessageSid: `SMc${String(++n).padStart(31, '0')}`, AccountSid: SID, From: `whatsapp:+${phone}`, To: `whatsapp:+${SENDER}`, Body: text, NumMedia: '0', MessageType: 'text', ProfileName: 'Ana', WaId: phone, FutureParam: '', ...more,
    });
    const conversationOf = (phone) =>
      until(async () => (await api.get('/api/v1/conversations?limit=500')).data.find((c) => c.lead.phone === phone), `a conversation with ${phone}`);

    test('what its library signs is taken, with either token, and answered with empty TwiML', async () => {
      for (const token of [TOKEN, OTHER_TOKEN]) {
        const answer = await call(message('5511955550001', 'Olá, ção & 100% <b> +'), { token });
        assert.equal(answer.status, 200);
        assert.match(answer.headers.get('content-type'), /^text\/xml/);
        assert.equal(await answer.text(), '<?xml version="1.0" encoding="UTF-8"?><Response></Response>');
      }
      const c = await conversationOf('5511955550001');
      const { data } = await api.get(`/api/v1/conversations/${c.id}/messages`);
      assert.equal(data.find((m) => m.direction === 'in').text, 'Olá, ção & 100% <b> +');
    });

    test('another signature, or none, is refused', async () => {
      assert.equal((await call(message('5511955550002', 'oi'), { token: 'wrong' })).status, 401);
      assert.equal((await call(message('5511955550002', 'oi'), { signature: '' })).status, 401);
    });

    test('a reply goes out once and its statuses find it by our id in their address', async () => {
      const phone = '5511955550003';
      assert.equal((await call(message(phone, 'oi'))).status, 200);
      const sent = await until(() => fake.sent.find((s) => s.To === `whatsapp:+${phone}`), 'the reply');
      assert.equal(sent.From, `whatsapp:+${SENDER}`);
      const callback = new URL(sent.StatusCallback);
      assert.equal(`${callback.origin}${callback.pathname}`, `${PUBLIC}/webhooks/twilio/${account.id}`);
      const c = await conversationOf(phone);
      for (const MessageStatus of ['read', 'sent', 'delivered'])
        assert.equal((await call({ MessageSid: sent.sid, MessageStatus, AccountSid: SID, From: sent.From, To: sent.To }, { query: callback.search })).status, 200);
      const out = await until(async () => (await api.get(`/api/v1/conversations/${c.id}/messages`)).data.find((m) => m.direction === 'out' && m.status === 'read'), 'the reply is read');
      assert.equal(out.id, callback.searchParams.get('m'));
      assert.equal(fake.sent.filter((s) => s.To === `whatsapp:+${phone}`).length, 1);
    });

    test('Content templates are read with their approval', async () => {
      await api.post('/api/v1/templates/sync', {});
      const t = await until(async () => (await api.get('/api/v1/templates?name=aviso')).data[0], 'the template');
      assert.equal(t.status, 'approved');
      assert.equal(t.provider_ref, `HX${'a'.repeat(32)}`);
      const shown = await api.post(`/api/v1/templates/${t.id}/preview`, { values: { 1: 'Ana' } });
      assert.deepEqual(shown.content, { name: 'aviso', language: 'pt_BR', ref: t.provider_ref, variables: { 1: 'Ana' } });
    });

    test('the account can be tried', async () => {
      assert.equal((await api.post(`/api/v1/providers/${account.id}/test`)).result, 'ok');
    });
  });
}
