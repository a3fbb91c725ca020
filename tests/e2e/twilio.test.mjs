// SPDX-License-Identifier: Apache-2.0
// Twilio's own library on both sides: it signs what comes in and checks what the simulator signs, and its client sends through the
// simulator. Then the whole way on the real program. Its public URL is a proxy's: what Twilio signs is never the address that prosa
// listens on.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import twilio from 'twilio';
import { client, ENGINES, newInstallation, until } from '../support/prosa.mjs';
import { startProxy, startTwilio } from '../support/twilio.mjs';

const SID = `AC${'0a1b'.repeat(8)}`;
const TOKEN = 'f00d'.repeat(8);
const OTHER_TOKEN = 'beef'.repeat(8);
const SENDER = '551130000100';
const SERVICE = `MG${'0c0d'.repeat(8)}`;
const KEY = `SK${'0e0f'.repeat(8)}`;

const content = { friendlyName: 'aviso', language: 'pt_BR', variables: { 1: 'Ana' }, types: { 'twilio/text': { body: 'Oi {{1}}, seu pedido saiu.' } } };

describe("Twilio's own client and the simulator", () => {
  let sim, proxy;
  const to = 'whatsapp:+5511955550100';
  const from = `whatsapp:+${SENDER}`;

  before(async () => {
    proxy = await startProxy(() => ''); // only what the simulator posts is looked at
    sim = await startTwilio({ sid: SID, token: TOKEN, webhook: `${proxy.url}/in` });
    await sim.behave({ status_delay_ms: 5, window: 'off' });
  });
  after(async () => {
    await sim?.stop();
    await proxy?.close();
  });
  const refused = (error) => (code, what) => assert.rejects(what, (why) => why.code === code && (!error || why.status === error));

  test('sends, and is told the errors as it expects them', async () => {
    const sent = await sim.client().messages.create({ from, to, body: 'Olá, ção & 100% +' });
    assert.match(sent.sid, /^SM[0-9a-f]{32}$/);
    assert.equal(sent.status, 'queued');
    assert.equal(sent.dateCreated instanceof Date && !Number.isNaN(sent.dateCreated.getTime()), true);
    assert.equal((await sim.client().messages(sent.sid).fetch()).body, 'Olá, ção & 100% +');
    assert.equal((await sim.client().messages.list({ to, limit: 5 }))[0].sid, sent.sid);
    const is = refused();
    await is(20003, sim.client(SID, 'wrong').messages.create({ from, to, body: 'x' }));
    await is(21211, sim.client().messages.create({ from, to: 'whatsapp:+12', body: 'x' }));
    await is(21617, sim.client().messages.create({ from, to, body: 'x'.repeat(1601) }));
    await is(21619, sim.client().messages.create({ from, to }));
    await is(63031, sim.client().messages.create({ from, to: from, body: 'x' }));
    await sim.behave({ fail_next: [{ code: 20429, retry_after_s: 3 }, { code: 20503, http: 503 }] });
    await refused(429)(20429, sim.client().messages.create({ from, to, body: 'x' }));
    await refused(503)(20503, sim.client().messages.create({ from, to, body: 'x' }));
    await sim.behave({ fail_next: [{ cut: true }] });
    await assert.rejects(sim.client().messages.create({ from, to, body: 'x' }));
  });

  test('makes, lists and deletes Content templates', async () => {
    const api = sim.client().content.v1;
    const made = await api.contents.create(content);
    assert.match(made.sid, /^HX[0-9a-f]{32}$/);
    await api.contents(made.sid).approvalCreate.create({ name: 'aviso', category: 'UTILITY' });
    assert.equal((await api.contents(made.sid).approvalFetch().fetch()).whatsapp.status, 'approved');
    const all = await api.contents.list({ pageSize: 2 }); // over more than one page
    assert.equal(all.length, 4);
    assert.equal((await api.contentAndApprovals.list()).find((one) => one.sid === made.sid).approvalRequests.category, 'UTILITY');
    await sim.client().messages.create({ from, to, contentSid: made.sid, contentVariables: JSON.stringify({ 1: 'Ana' }) });
    assert.equal((await sim.phone('5511955550100')).messages.at(-1).text, 'Oi Ana, seu pedido saiu.');
    await refused()(21656, sim.client().messages.create({ from, to, contentSid: made.sid, contentVariables: '{' }));
    await api.contents(made.sid).remove();
    assert.equal((await api.contents.list()).length, 3);
  });

  test('its check takes what the simulator signs, statuses and messages, and nothing that was changed', async () => {
    proxy.calls.length = 0;
    await sim.client().messages.create({ from, to, body: 'oi', statusCallback: `${proxy.url}/st?m=a%3Ab&x=it's` });
    await sim.write('5511955550100', 'ação é + & % ~', { name: 'Zoë 🙂', params: { FutureParam: '', Á: 'b' }, wait_ms: 0 });
    const seen = await until(() => {
      const statuses = proxy.calls.filter((c) => c.url.startsWith('/st'));
      const message = proxy.calls.find((c) => c.url === '/in');
      return message && statuses.some((c) => c.body.includes('MessageStatus=read')) && [...statuses, message];
    }, 'statuses and a message');
    for (const call of seen) {
      const params = Object.fromEntries(new URLSearchParams(call.body));
      const check = (url, sig, body) => twilio.validateRequest(TOKEN, sig, url, body);
      const signature = call.headers['x-twilio-signature'];
      assert.equal(check(proxy.url + call.url, signature, params), true, call.url);
      assert.equal(check(`${proxy.url}${call.url}x`, signature, params), false, 'another URL');
      assert.equal(check(proxy.url + call.url, signature, { ...params, To: 'whatsapp:+1' }), false, 'another parameter');
      assert.equal(twilio.validateRequest(OTHER_TOKEN, signature, proxy.url + call.url, params), false, 'another token');
    }
  });

  test('a closed window, a paused template and a file that is not there fail by a status', async () => {
    const codes = async (params) => {
      proxy.calls.length = 0;
      await sim.client().messages.create({ from, ...params, statusCallback: `${proxy.url}/st` });
      const failed = await until(() => proxy.calls.find((c) => c.body.includes('ErrorCode=')), 'a failure');
      return Object.fromEntries(new URLSearchParams(failed.body));
    };
    await sim.behave({ window: 'status' });
    const closed = await codes({ to: 'whatsapp:+5511955550199', body: 'oi' });
    assert.deepEqual([closed.MessageStatus, closed.ErrorCode], ['undelivered', '63016']);
    assert.equal((await codes({ to, contentSid: 'HX00000000000000000000000000000003' })).ErrorCode, '63029');
    assert.equal((await codes({ to, contentSid: 'HX00000000000000000000000000000002', contentVariables: '{"1":"Ana"}' })).ErrorCode, '63028');
    assert.equal((await codes({ to, mediaUrl: [`${proxy.url}/none.png`] })).ErrorCode, '63019');
  });

  test('reads which address is entered: of senders on every page, of a service, of numbers', async () => {
    const set = (settings) => sim.ask('POST', '/sim/twilio', settings);
    const api = sim.client();
    await set({ senders: [SENDER, '551130000101', '551130000102'], sms_url: 'https://sms.example.test/in', service_sid: SERVICE, service_url: 'https://service.example.test/in' });
    const senders = await api.messaging.v2.channelsSenders.list({ channel: 'whatsapp', pageSize: 1 });
    assert.deepEqual(senders.map((one) => one.senderId), [from, 'whatsapp:+551130000101', 'whatsapp:+551130000102']);
    assert.match(senders[0].sid, /^XE[0-9a-f]{32}$/);
    assert.deepEqual([senders[0].status, senders[0].webhook.callbackUrl, senders[0].webhook.callbackMethod], ['ONLINE', `${proxy.url}/in`, 'POST']);
    const service = await api.messaging.v1.services(SERVICE).fetch();
    assert.deepEqual([service.inboundRequestUrl, service.inboundMethod, service.useInboundWebhookOnNumber], ['https://service.example.test/in', 'POST', false]);
    await refused(404)(20404, api.messaging.v1.services(SERVICE.replace('0', '1')).fetch());
    const [number, ...others] = await api.incomingPhoneNumbers.list({ phoneNumber: `+${SENDER}` });
    assert.deepEqual([number.phoneNumber, number.smsUrl, number.smsMethod, others.length], [`+${SENDER}`, 'https://sms.example.test/in', 'POST', 0]);
    const key = sim.client(KEY);
    await refused(401)(20003, key.api.v2010.accounts(SID).fetch());
    assert.equal((await key.messages.list({ pageSize: 1, limit: 1 })).length, 1);
    assert.equal((await key.messaging.v2.channelsSenders.list({ channel: 'whatsapp' })).length, 3);
    await set({ is_key_restricted: true });
    await refused(403)(20403, key.messaging.v2.channelsSenders.list({ channel: 'whatsapp' }));
    await set({ senders: [SENDER], service_sid: '', is_key_restricted: false });
  });

  test('a message goes where the service says, or to the sender when it leaves that to it', async () => {
    const set = (settings) => sim.ask('POST', '/sim/twilio', settings);
    const goesTo = async (path) => {
      proxy.calls.length = 0;
      await sim.write('5511955550104', 'oi', { wait_ms: 0 });
      assert.equal((await until(() => proxy.calls[0], 'a call')).url, path);
    };
    await set({ service_sid: SERVICE, service_url: `${proxy.url}/service` });
    await goesTo('/service');
    await set({ is_left_to_sender: true });
    await goesTo('/in');
    await set({ service_sid: '', is_left_to_sender: false });
    await goesTo('/in');
  });

  test('who has stopped is refused until they come back', async () => {
    await sim.write('5511955550101', 'PARAR', { opt_out_type: 'STOP', wait_ms: 0 });
    await refused(400)(21610, sim.client().messages.create({ from, to: 'whatsapp:+5511955550101', body: 'oi' }));
    await sim.write('5511955550101', 'VOLTAR', { opt_out_type: 'START', wait_ms: 0 });
    await sim.client().messages.create({ from, to: 'whatsapp:+5511955550101', body: 'oi' });
  });
});

for (const engine of ENGINES) {
  describe(`Twilio on ${engine}`, () => {
    let sim, proxy, installation, node, api, account, PUBLIC, n = 0;

    before(async () => {
      proxy = await startProxy(() => node.url);
      PUBLIC = proxy.url;
      sim = await startTwilio({ sid: SID, token: TOKEN });
      await sim.behave({ status_delay_ms: 20 });
      installation = await newInstallation(engine, { PROSA_PUBLIC_URL: PUBLIC, PROSA_OUTBOUND: 'all', PROSA_HTTPC_ALLOW_PRIVATE: 'true' });
      await installation.cli('tenant', 'add', 'acme');
      account = await installation.cli('provider', 'add', 'acme', 'twilio', '--address', SENDER, '--set', `base_url=${sim.url}`, '--set', `account_sid=${SID}`, '--set', 'per_second=1000', '--set', 'pair_interval_ms=1', '--set', 'pair_burst=100', '--secret', `auth_token=${TOKEN}`, '--secret', `other_auth_token=${OTHER_TOKEN}`);
      const { key } = await installation.cli('key', 'add', 'acme', '--scope', '*');
      node = await installation.serve();
      api = client(node.url, key);
      api.key = key;
      await sim.ask('POST', '/sim/twilio', { webhook_url: `${PUBLIC}/webhooks/twilio/${account.id}#rc=3&rp=all` });
      await api.put('/api/v1/bot', { debounce_ms: 1000, debounce_cap_ms: 3000 });
      await api.put('/api/v1/settings/quiet-hours', { is_on: false });
    });
    after(async () => {
      await node?.kill();
      await installation?.remove();
      await sim?.stop();
      await proxy?.close();
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
    const messagesOf = async (phone) => (await api.get(`/api/v1/conversations/${(await conversationOf(phone)).id}/messages`)).data;
    const outOf = (phone, ok, what) => until(async () => (await messagesOf(phone)).find((m) => m.direction === 'out' && ok(m)), what);

    test('what its library signs is taken, with either token, and answered with empty TwiML', async () => {
      for (const token of [TOKEN, OTHER_TOKEN]) {
        const answer = await call(message('5511955550001', 'Olá, ção & 100% <b> +'), { token });
        assert.equal(answer.status, 200);
        assert.match(answer.headers.get('content-type'), /^text\/xml/);
        assert.equal(await answer.text(), '<?xml version="1.0" encoding="UTF-8"?><Response></Response>');
      }
      const c = await conversationOf('5511955550001');
      const incoming = async () => (await api.get(`/api/v1/conversations/${c.id}/messages`)).data.find((m) => m.direction === 'in');
      assert.equal((await until(incoming, 'it is in the thread')).text, 'Olá, ção & 100% <b> +');
    });

    test('another signature, or none, is refused', async () => {
      assert.equal((await call(message('5511955550002', 'oi'), { token: 'wrong' })).status, 401);
      assert.equal((await call(message('5511955550002', 'oi'), { signature: '' })).status, 401);
      const right = message('5511955550002', 'oi');
      const signature = twilio.getExpectedTwilioSignature(TOKEN, `${PUBLIC}/webhooks/twilio/${account.id}`, right);
      assert.equal((await call({ ...right, Body: 'changed' }, { signature })).status, 401);
      assert.equal((await call({ ...right, More: '' }, { signature })).status, 401);
      assert.equal((await call(right, { signature, query: '?m=x' })).status, 401, 'signed for another URL');
    });

    test('a JSON body is taken by the digest its library puts into the URL, and not when it was changed', async () => {
      const body = JSON.stringify({ event: 'ação', at: 1 });
      const path = `/webhooks/twilio/${account.id}?bodySHA256=${twilio.getExpectedBodyHash(body)}`;
      const signature = twilio.getExpectedTwilioSignature(TOKEN, PUBLIC + path, {});
      const json = (text, where = path) => fetch(node.url + where, { method: 'POST', headers: { 'content-type': 'application/json', 'x-twilio-signature': signature }, body: text });
      assert.equal(twilio.validateRequestWithBody(TOKEN, signature, PUBLIC + path, body), true);
      assert.equal((await json(body)).status, 200);
      assert.equal((await json(body.replace('1', '2'))).status, 401, 'another body');
      assert.equal((await json('{}', path.replace(/=.*/, `=${twilio.getExpectedBodyHash('{}')}`))).status, 401, 'another digest');
      assert.equal((await json(body, path.replace(/\?.*/, ''))).status, 401, 'no digest');
    });

    test('the whole way: a message comes in, the bot answers once, and its statuses find it in any order', async () => {
      const phone = '5511955550003';
      await sim.behave({ reorder: true, duplicate_rate: 0.5 });
      assert.equal((await sim.write(phone, 'oi', { name: 'Ana' })).acknowledged, true);
      const out = await outOf(phone, (m) => m.status === 'read', 'the reply is read');
      const sends = await sim.sends(phone);
      assert.equal(sends.length, 1);
      assert.equal(sends[0].body.From, `whatsapp:+${SENDER}`);
      const callback = new URL(sends[0].body.StatusCallback);
      assert.equal(`${callback.origin}${callback.pathname}`, `${PUBLIC}/webhooks/twilio/${account.id}`);
      assert.equal(out.id, callback.searchParams.get('m'));
      for (const seen of proxy.calls) assert.equal(twilio.validateRequest(TOKEN, seen.headers['x-twilio-signature'], PUBLIC + seen.url, Object.fromEntries(new URLSearchParams(seen.body))), true);
      await sim.behave({ reorder: false, duplicate_rate: 0 });
    });

    test('an answer that was lost leads to no second send, and the status tells', async () => {
      const phone = '5511955550004';
      await sim.write(phone, 'oi');
      await outOf(phone, (m) => m.status === 'read', 'the first reply');
      const c = await conversationOf(phone);
      await sim.behave({ cut_after_accept_rate: 1 });
      await api.post(`/api/v1/conversations/${c.id}/messages`, { type: 'text', content: { text: 'cortada' } });
      await outOf(phone, (m) => m.text === 'cortada' && m.status === 'read', 'the cut one is read');
      await sim.behave({ cut_after_accept_rate: 0, fail_next: [{ code: 20429, retry_after_s: 1 }] });
      await api.post(`/api/v1/conversations/${c.id}/messages`, { type: 'text', content: { text: 'de novo' } });
      await outOf(phone, (m) => m.text === 'de novo' && m.status === 'read', 'what was refused for a while');
      const bodies = (await sim.sends(phone)).map((one) => one.body.Body);
      for (const text of ['cortada', 'de novo']) assert.equal(bodies.filter((one) => one === text).length, 1, text);
    });

    test('a choice, a place and a picture come in as what they are', async () => {
      const phone = '5511955550005';
      await sim.write(phone, '', { button_reply: { id: 'sim', title: 'Sim!' } });
      await sim.write(phone, '', { latitude: -23.5, longitude: -46.6, label: 'Loja' });
      await sim.write(phone, '', { type: 'image', caption: 'olha' });
      const got = await until(async () => {
        const all = (await messagesOf(phone)).filter((m) => m.direction === 'in');
        return all.length === 3 && all.find((m) => m.type === 'image')?.media?.state === 'ready' && all;
      }, 'all three, and the file is here');
      assert.deepEqual(got.map((m) => m.type).sort(), ['choice', 'image', 'location']);
      const picture = await fetch(`${node.url}/api/v1/media/${got.find((m) => m.type === 'image').media.id}`, { headers: { Authorization: `Bearer ${api.key}` } });
      assert.equal(picture.headers.get('content-type'), 'image/png');
    });

    const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
    const upload = async (bytes, name) => (await fetch(`${node.url}/api/v1/media`, { method: 'POST', headers: { Authorization: `Bearer ${api.key}`, 'X-Filename': name }, body: bytes })).json();
    const sendFile = async (phone, type, bytes, name) => {
      const { id } = await upload(bytes, name);
      const c = await conversationOf(phone);
      return api.post(`/api/v1/conversations/${c.id}/messages`, { type, content: { media: { id }, caption: 'segue' } });
    };

    test('a file of ours is fetched by a link that only we can make, and arrives whole', async () => {
      const phone = '5511955550006';
      await sim.write(phone, 'oi');
      await outOf(phone, (m) => m.status === 'read', 'the reply');
      const { id } = await sendFile(phone, 'image', PNG, 'segredo do cliente.png');
      await outOf(phone, (m) => m.id === id && m.status === 'read', 'the picture is read');
      const shown = (await sim.phone(phone)).messages.find((m) => m.type === 'image');
      assert.deepEqual(Buffer.from(await (await fetch(`${sim.url}/sim/media?id=${shown.content.media.id}`)).arrayBuffer()), PNG);
      assert.equal(shown.text, 'segue');

      const link = (await sim.sends(phone)).find((one) => one.body.MediaUrl).body.MediaUrl;
      assert.match(link, new RegExp(`^${PUBLIC}/media/[A-Za-z0-9_-]{80,}$`), 'nothing of tenant, file or name in it');
      const got = await fetch(link);
      assert.equal(got.status, 200);
      assert.equal(got.headers.get('content-type'), 'image/png');
      assert.equal(got.headers.get('x-content-type-options'), 'nosniff');
      assert.match(got.headers.get('content-disposition'), /^attachment/);
      assert.equal(got.headers.get('cache-control'), 'no-store');
      assert.match(got.headers.get('content-security-policy'), /sandbox/);
      const part = await fetch(link, { headers: { Range: 'bytes=1-3' } });
      assert.equal(part.status, 206);
      assert.equal(await part.text(), 'PNG');
      assert.equal(part.headers.get('content-range'), `bytes 1-3/${PNG.length}`);
      const at = link.length - 30;
      for (const forged of [link.slice(0, at) + (link[at] === 'A' ? 'B' : 'A') + link.slice(at + 1), link.slice(0, -10), `${PUBLIC}/media/x`, `${PUBLIC}/media/${id}`, link.replace('/media/', '/media/A')]) {
        const refused = await fetch(forged);
        assert.equal(refused.status, 404);
        assert.doesNotMatch(await refused.text(), /segredo|PNG/);
      }
    });

    test('a link leads to the file of its own tenant only, and not at all when that was taken back', async () => {
      await installation.cli('tenant', 'add', 'other');
      const { key } = await installation.cli('key', 'add', 'other', '--scope', '*');
      const theirs = await fetch(`${node.url}/api/v1/media`, { method: 'POST', headers: { Authorization: `Bearer ${key}`, 'X-Filename': 'theirs.png' }, body: PNG }).then((r) => r.json());
      const c = await conversationOf('5511955550006');
      await assert.rejects(api.post(`/api/v1/conversations/${c.id}/messages`, { type: 'image', content: { media: { id: theirs.id } } }), (why) => why.status === 400 && /no such file/.test(why.problem.detail));
      const [one, two] = (await Promise.all(['a.png', 'b.png'].map((name) => sendFile('5511955550006', 'image', PNG, name)))) && (await until(async () => { const all = (await sim.sends('5511955550006')).filter((s) => s.body.MediaUrl); return all.length >= 3 && all; }, 'both left')).slice(-2).map((s) => s.body.MediaUrl);
      const middle = `${PUBLIC}/media/`.length + 60;
      assert.equal((await fetch(one.slice(0, middle) + two.slice(middle))).status, 404, 'half of one and half of another');
    });

    test('a file that cannot be fetched fails by what Twilio says', async () => {
      const phone = '5511955550007';
      await sim.write(phone, 'oi');
      await outOf(phone, (m) => m.status === 'read', 'the reply');
      const c = await conversationOf(phone);
      await api.post(`/api/v1/conversations/${c.id}/messages`, { type: 'image', content: { media: { link: `${PUBLIC}/media/nowhere` } } });
      const failed = await outOf(phone, (m) => m.status === 'failed', 'it failed');
      assert.match(JSON.stringify(failed.error), /63019/);
    });

    test('Content templates are read with their approval', async () => {
      await api.post('/api/v1/templates/sync', {});
      const t = await until(async () => (await api.get('/api/v1/templates?name=lembrete_visita')).data[0], 'the template');
      assert.equal(t.status, 'approved');
      assert.equal(t.provider_ref, 'HX00000000000000000000000000000002');
      assert.equal((await api.get('/api/v1/templates?name=pausado')).data[0].status, 'paused');
      const shown = await api.post(`/api/v1/templates/${t.id}/preview`, { values: { 1: 'Ana', 2: '10h' } });
      assert.deepEqual(shown.content, { name: 'lembrete_visita', language: 'pt_BR', ref: t.provider_ref, variables: { 1: 'Ana', 2: '10h' } });
    });

    test('a campaign goes out by a Content template, once to each, and its statuses are counted', async () => {
      const people = [];
      for (let i = 0; i < 20; i++) people.push((await api.post('/api/v1/leads', { name: `Pessoa ${i}`, phones: [`+55 11 9${77000000 + i}`] })).id);
      const d = await api.post('/api/v1/dispatches', { name: 'Cobrança', audience: { leads: people }, channels: [{ channel: 'whatsapp', template: 'cobranca_padrao_whatsapp_v1' }], variables: { nome: { field: 'first_name' } } });
      const state = (...wanted) => until(async () => { const now = await api.get(`/api/v1/dispatches/${d.id}`); return wanted.includes(now.state) && now; }, wanted.join());
      await api.post(`/api/v1/dispatches/${d.id}/plan`);
      await state('planned');
      await api.post(`/api/v1/dispatches/${d.id}/start`);
      await state('done');
      const read = await until(async () => { const all = (await api.get(`/api/v1/dispatches/${d.id}/recipients?limit=100`)).data; return all.every((r) => r.state === 'read') && all; }, 'all are read');
      assert.equal(read.length, 20);
      const sends = (await sim.sends()).filter((one) => one.body.ContentSid);
      assert.equal(sends.length, 20);
      assert.equal(new Set(sends.map((one) => one.to)).size, 20);
      assert.equal(sends[0].body.ContentSid, 'HX00000000000000000000000000000001');
      assert.deepEqual(JSON.parse(sends[0].body.ContentVariables), { nome: 'Pessoa' });
      assert.equal((await sim.ask('GET', '/sim/stats')).duplicates, 0);
    });

    test('the account can be tried', async () => {
      assert.equal((await api.post(`/api/v1/providers/${account.id}/test`)).result, 'ok');
    });

    test('STOP by Twilio\'s own words is kept as consent, answered by nobody else, and ended by START', async () => {
      const phone = '5511955550008';
      await sim.write(phone, 'oi', { name: 'Rui' });
      await outOf(phone, (m) => m.status === 'read', 'the reply');
      const { lead } = await conversationOf(phone);
      const consents = () => api.get(`/api/v1/leads/${lead.id}/consents`);
      await sim.write(phone, 'PARAR', { opt_out_type: 'STOP' });
      const stopped = await until(async () => { const c = await consents(); return JSON.stringify(c).includes('"PARAR"') && c; }, 'the stop is kept');
      assert.match(JSON.stringify(stopped), /"source":"provider"/);
      await sim.write(phone, 'AJUDA', { opt_out_type: 'HELP' });
      await until(async () => (await messagesOf(phone)).some((m) => m.text === 'AJUDA'), 'the question is shown');
      assert.equal((await api.get(`/api/v1/leads/${lead.id}`)).marketing_stopped_at !== null, true);
      await sim.write(phone, 'COMEÇAR', { opt_out_type: 'START' });
      await until(async () => (await api.get(`/api/v1/leads/${lead.id}`)).marketing_stopped_at === null, 'the stop is over');
      await sim.write(phone, 'oi de novo');
      await until(async () => (await sim.sends(phone)).length === 2, 'only what is a question to us is answered');
      const events = (await api.get('/api/v1/failures')).data.filter((g) => g.area === 'sends' && JSON.stringify(g).includes('21610'));
      assert.deepEqual(events, [], 'nothing was tried against the stop');
    });

    test('a refusal because of a stop (21610) is kept as one', async () => {
      const phone = '5511955550009';
      await sim.write(phone, 'oi');
      await outOf(phone, (m) => m.status === 'read', 'the reply');
      const c = await conversationOf(phone);
      await sim.behave({ fail_next: [{ code: 21610 }] });
      await api.post(`/api/v1/conversations/${c.id}/messages`, { type: 'text', content: { text: 'promoção' } });
      const failed = await outOf(phone, (m) => m.status === 'failed', 'it is refused');
      assert.match(JSON.stringify(failed.error), /21610/);
      assert.notEqual((await api.get(`/api/v1/leads/${c.lead.id}`)).marketing_stopped_at, null);
    });

    test('"queued" and "sending" are no events, and a word nobody knows is one', async () => {
      const phone = '5511955550010';
      await sim.behave({ early_statuses: true });
      await sim.write(phone, 'oi');
      const out = await outOf(phone, (m) => m.status === 'read', 'the reply is read');
      await sim.behave({ early_statuses: false });
      const events = async () => (await api.get(`/api/v1/messages/${out.id}/life`)).events.map((one) => one.kind);
      await until(() => proxy.calls.filter((one) => one.url.includes(out.id) && /MessageStatus=(queued|sending)/.test(one.body)).length === 2, 'both came');
      assert.equal((await events()).includes('message.status_unknown'), false);
      assert.equal((await call({ MessageSid: out.provider_message_id, MessageStatus: 'pondering', AccountSid: SID, From: `whatsapp:+${SENDER}`, To: `whatsapp:+${phone}` }, { query: `?m=${out.id}` })).status, 200);
      await until(async () => (await events()).includes('message.status_unknown'), 'it is kept as an event');
    });

    test('a template that was paused at Twilio pauses the campaign, with the reason', async () => {
      const people = [];
      for (let i = 0; i < 3; i++) people.push((await api.post('/api/v1/leads', { name: `Outra ${i}`, phones: [`+55 11 9${78000000 + i}`] })).id);
      const d = await api.post('/api/v1/dispatches', { name: 'Lembrete', audience: { leads: people }, channels: [{ channel: 'whatsapp', template: 'lembrete_visita' }], variables: { 1: { field: 'first_name' }, 2: { text: '10h' } } });
      const state = (...wanted) => until(async () => { const now = await api.get(`/api/v1/dispatches/${d.id}`); return wanted.includes(now.state) && now; }, wanted.join());
      await api.post(`/api/v1/dispatches/${d.id}/plan`);
      await state('planned');
      await sim.ask('POST', '/sim/twilio/content', { sid: 'lembrete_visita', status: 'paused' });
      await api.post(`/api/v1/templates/sync`, {});
      await until(async () => (await api.get('/api/v1/templates?name=lembrete_visita')).data[0].status === 'paused', 'the sync tells');
      await api.post(`/api/v1/dispatches/${d.id}/start`).catch((why) => assert.equal(why.status, 409));
      const paused = await state('paused', 'planned');
      assert.match(JSON.stringify(paused), /template-paused/);
      assert.equal((await sim.sends()).filter((one) => one.body.ContentSid === 'HX00000000000000000000000000000002').length, 0);
    });

    test('a template that Twilio pauses while a campaign sends it stops that one, once the list is read', async () => {
      const status = async (word) => {
        await sim.ask('POST', '/sim/twilio/content', { sid: 'lembrete_visita', status: word });
        await api.post('/api/v1/templates/sync', {});
      };
      const n = 40;
      await status('approved');
      await until(async () => (await api.get('/api/v1/templates?name=lembrete_visita')).data[0].status === 'approved', 'it is good again');
      const people = [];
      for (let i = 0; i < n; i++) people.push((await api.post('/api/v1/leads', { name: `Fila ${i}`, phones: [`+55 11 9${79000000 + i}`] })).id);
      const d = await api.post('/api/v1/dispatches', { name: 'Fila', audience: { leads: people }, channels: [{ channel: 'whatsapp', template: 'lembrete_visita' }], variables: { 1: { field: 'first_name' }, 2: { text: '10h' } }, limits: { per_second: 5 } });
      const now = () => api.get(`/api/v1/dispatches/${d.id}`);
      await api.post(`/api/v1/dispatches/${d.id}/start`);
      await until(async () => (await now()).counts.reached >= 2, 'it goes out');
      await sim.behave({ status_delay_ms: 60000 }); // what fails now for the template's sake would stop it as well
      await status('paused');
      const paused = await until(async () => { const one = await now(); return one.state === 'paused' && one.counts.sending === 0 && one; }, 'it stops');
      await sim.behave({ status_delay_ms: 20 });
      assert.equal(paused.cause, 'template-paused');
      assert.ok(paused.counts.planned > 0, 'some are still to come');
      assert.equal((await sim.sends()).filter((one) => one.body.To.startsWith('whatsapp:+5511979')).length, n - paused.counts.planned);
    });

    test('the doctor tries the credentials and tells which address Twilio is to call', async () => {
      const findings = async (...args) => {
        const ran = await installation.cliRaw('doctor', '--json', ...args);
        return JSON.parse(ran.stdout).checks;
      };
      const seen = await findings();
      assert.ok(seen.some((f) => f.check === 'provider' && f.state === 'ok' && /"Prosa" is active/.test(f.detail)), JSON.stringify(seen));
      assert.ok(seen.some((f) => f.check === 'webhook' && f.state === 'warn' && /https:\/\//.test(f.advice)), 'a loopback address is none for Twilio');
      assert.ok(seen.some((f) => f.check === 'webhook' && f.state === 'ok' && /leads here/.test(f.detail)));
      const was = installation.env.PROSA_PUBLIC_URL;
      try {
        installation.env.PROSA_PUBLIC_URL = 'https://prosa.example.test';
        const told = (await findings('--offline')).find((f) => f.check === 'webhook');
        assert.equal(told.state, 'ok');
        assert.ok(told.detail.includes(`https://prosa.example.test/webhooks/twilio/${account.id}#rc=3&rp=all`));
        installation.env.PROSA_PUBLIC_URL = '';
        const missing = (await findings('--offline')).find((f) => f.check === 'webhook');
        assert.equal(missing.state, 'fail');
        assert.match(missing.advice, /PROSA_PUBLIC_URL/);
      } finally {
        installation.env.PROSA_PUBLIC_URL = was;
      }
      await sim.ask('POST', '/sim/twilio', { auth_token: 'e'.repeat(32) });
      const wrong = (await findings()).find((f) => f.check === 'provider');
      await sim.ask('POST', '/sim/twilio', { auth_token: TOKEN });
      assert.equal(wrong.state, 'fail');
      assert.match(wrong.detail, /refused the account sid or token/);
      assert.match(wrong.advice, /prosa provider set/);
    });

    /** What `prosa doctor`, `prosa provider test` and the channel's page say of the entered address; all the same. */
    const hookOf = async (id = account.id) => {
      const { webhook, result } = await api.post(`/api/v1/providers/${id}/test`);
      assert.equal(result, 'ok');
      assert.deepEqual((await installation.cli('provider', 'test', 'acme', id)).webhook, webhook);
      const seen = JSON.parse((await installation.cliRaw('doctor', '--json')).stdout).checks;
      const found = seen.find((f) => f.check === 'webhook' && f.detail.endsWith(webhook.reason));
      assert.ok(found, JSON.stringify(seen));
      assert.equal(found.advice ?? null, webhook.advice);
      return { ...webhook, state: found.state };
    };
    const enter = (settings) => sim.ask('POST', '/sim/twilio', settings);
    const here = () => `${PUBLIC}/webhooks/twilio/${account.id}`;

    test('the address that Twilio calls is asked for: entered, another one, none', async () => {
      const right = await hookOf();
      assert.deepEqual([right.result, right.state, right.place, right.expected, right.found, right.advice], ['entered', 'ok', 'sender', here(), here(), null]);
      await enter({ webhook_url: 'https://ana:senha@other.example.test/in?token=x' });
      const other = await hookOf();
      assert.deepEqual([other.result, other.state, other.expected, other.found], ['other', 'fail', here(), 'https://***@other.example.test/in…']);
      assert.ok(other.advice.includes(`enter ${here()}#rc=3&rp=all for the WhatsApp sender`), other.advice);
      assert.ok(!JSON.stringify(other).includes('senha') && !JSON.stringify(other).includes('token='));
      await enter({ webhook_url: '' });
      assert.deepEqual((({ result, state, found }) => [result, state, found])(await hookOf()), ['missing', 'fail', null]);
      const said = await installation.cliRaw('provider', 'test', 'acme', account.id);
      assert.match(said.stdout, /^ok: .*\nwebhook missing: .*\n {2}→ at Twilio, enter http/);
      assert.equal(said.code, 0, 'the credentials are good');
      await enter({ webhook_url: `${here()}#rc=3&rp=all` });
    });

    test('a messaging service is asked before its senders, and those when it leaves it to them', async () => {
      await installation.cli('provider', 'set', 'acme', account.id, '--set', `messaging_service_sid=${SERVICE}`);
      try {
        assert.equal((await hookOf()).result, 'no-sender', 'there is no such service');
        await enter({ service_sid: SERVICE, service_url: '' });
        assert.deepEqual((({ result, place }) => [result, place])(await hookOf()), ['missing', 'service']);
        await enter({ service_url: here() });
        assert.deepEqual((({ result, place }) => [result, place])(await hookOf()), ['entered', 'service']);
        await enter({ service_url: 'https://other.example.test', is_left_to_sender: true });
        assert.deepEqual((({ result, place }) => [result, place])(await hookOf()), ['entered', 'sender']);
      } finally {
        await enter({ service_sid: '', is_left_to_sender: false });
        await installation.cli('provider', 'set', 'acme', account.id, '--set', 'messaging_service_sid=');
      }
    });

    test('a number that is no WhatsApp sender, or not there at all, is told', async () => {
      try {
        await enter({ senders: ['551130000199'], sms_url: 'https://sms.example.test/in' });
        const number = await hookOf();
        assert.deepEqual([number.result, number.state], ['no-sender', 'fail']);
        assert.match(number.reason, /only its text messages \(SMS\) go to https:\/\/sms\.example\.test\/in/);
        await enter({ numbers: [] });
        assert.match((await hookOf()).reason, /neither a WhatsApp sender nor a number/);
      } finally {
        await enter({ senders: [SENDER], numbers: [SENDER], sms_url: '' });
      }
    });

    test('an API key is good without the right to read accounts, and what it may not read is no verdict', async () => {
      await installation.cli('provider', 'set', 'acme', account.id, '--set', `api_key_sid=${KEY}`, '--secret', `api_key_secret=${TOKEN}`);
      try {
        assert.equal((await hookOf()).result, 'entered');
        await enter({ is_key_restricted: true });
        const denied = await hookOf();
        assert.deepEqual([denied.result, denied.state, denied.found], ['denied', 'warn', null]);
        assert.ok(denied.advice.includes(here()), denied.advice);
      } finally {
        await enter({ is_key_restricted: false });
        await installation.cli('provider', 'set', 'acme', account.id, '--set', 'api_key_sid=', '--secret', 'api_key_secret=');
      }
    });

    test('without a public URL a file is refused, and told what to set', async () => {
      await node.kill();
      node = await installation.serve({ PROSA_PUBLIC_URL: '' });
      api = Object.assign(client(node.url, api.key), { key: api.key });
      const { id } = await sendFile('5511955550006', 'image', PNG, 'foto.png');
      const failed = await outOf('5511955550006', (m) => m.id === id && m.status === 'failed', 'it is refused');
      assert.match(JSON.stringify(failed.error), /no-public-url/);
      assert.match(JSON.stringify(failed.error), /PROSA_PUBLIC_URL/);
    });
  });
}
