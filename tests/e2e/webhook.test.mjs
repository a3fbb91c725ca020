// SPDX-License-Identifier: Apache-2.0
// Events go out to other systems: signed, once for each attempt that gets through, never lost.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { message, messageCall, post, startGraph } from '../support/graph.mjs';
import { client, ENGINES, newInstallation, seed, until } from '../support/prosa.mjs';
import { startReceiver } from '../support/receiver.mjs';

// The receiver that docs/webhooks.md shows, taken from there.
const [, shown] = /```js verify\n([\s\S]*?)```/.exec(readFileSync(new URL('../../docs/webhooks.md', import.meta.url), 'utf8'));
const { verify } = await import(`data:text/javascript,${encodeURIComponent(shown)}`);

let counter = 0;
const newPhone = () => `55119${String(72000000 + ++counter)}`;
const newId = () => `wamid.hook.${process.pid}.${++counter}`;

for (const engine of ENGINES) {
  describe(`webhooks on ${engine}`, () => {
    let graph, receiver, installation, node, api, hook;

    before(async () => {
      graph = await startGraph();
      receiver = await startReceiver();
      installation = await newInstallation(engine, { PROSA_HTTPC_ALLOW_PRIVATE: 'true' }); // the command line sends, too
      const { key } = await seed(installation, graph.url);
      node = await installation.serve();
      api = client(node.url, key);
      hook = `${node.url}/webhooks/meta`;
      await api.put('/api/v1/bot', { kind: 'none' }).catch(() => {});
    });
    after(async () => {
      if (node) await node.kill();
      await installation?.remove();
      await receiver?.close();
      await graph?.close();
    });

    const say = async (text) => {
      const phone = newPhone();
      assert.equal((await post(hook, messageCall([message(newId(), phone, text)]))).status, 200);
      return phone;
    };
    const add = (path, events) => api.post('/api/v1/webhooks', { url: receiver.url + path, events });
    const deliveries = async (w, query = '') => (await api.get(`/api/v1/webhooks/${w.id}/deliveries?limit=500${query}`)).data;
    const received = (path, text) => until(() => receiver.at(path).find((c) => JSON.parse(c.body).data.message?.text === text), `"${text}" arrives at ${path}`);

    test('an event arrives signed as both official verifiers expect it', async () => {
      const w = await add('/signed', ['message.received']);
      await say('olá, assinado');
      const call = await received('/signed', 'olá, assinado');
      assert.match(w.secret, /^whsec_/);
      const told = new StandardWebhook(w.secret).verify(call.body.toString(), call.headers);
      new SvixWebhook(w.secret).verify(call.body.toString(), call.headers);
      assert.deepEqual(verify(w.secret, call.headers, call.body), told);
      assert.throws(() => verify(w.secret, { ...call.headers, 'webhook-id': 'x' }, call.body), /wrong signature/);
      assert.throws(() => verify(w.secret, { ...call.headers, 'webhook-timestamp': '1614265330' }, call.body), /too old/);
      assert.equal(told.id, call.id);
      assert.equal(told.type, 'message.received');
      assert.equal(told.data.message.direction, 'in');
      assert.equal(told.data.conversation.lead.phone, told.data.message.sender);
      assert.throws(() => new StandardWebhook(w.secret).verify(call.body.toString().replace('olá', 'ola'), call.headers));
      await until(async () => (await deliveries(w)).every((d) => d.state === 'delivered'), 'delivered is recorded');
      await api.del(`/api/v1/webhooks/${w.id}`);
    });

    test('only what matches a pattern arrives, from the moment the webhook was added', async () => {
      await say('antes');
      const before = await until(async () => (await api.get('/api/v1/conversations?limit=500')).data.find((c) => c.last_text === 'antes'), 'it is stored');
      await until(async () => (await api.get(`/api/v1/conversations/${before.id}/events`)).data.length >= 2, 'and told');
      const w = await add('/pattern', ['conversation.*']);
      await say('depois');
      await until(() => receiver.at('/pattern').length > 0, 'the conversation is told');
      assert.ok(receiver.events('/pattern').every((e) => e.type.startsWith('conversation.') && e.data.message === null));
      assert.equal(receiver.events('/pattern').filter((e) => e.type === 'conversation.opened').length, 1);
      await api.del(`/api/v1/webhooks/${w.id}`);
    });

    test('a refused delivery comes again with the same id and bytes', async () => {
      receiver.answer = (call, nth) => (call.path === '/again' && nth === 1 ? { status: 500, body: 'x'.repeat(3000) } : 200);
      const w = await add('/again', ['message.received']);
      await say('de novo');
      await received('/again', 'de novo');
      const failed = await until(async () => (await deliveries(w)).find((d) => d.attempts === 1), 'the failure is recorded');
      assert.equal(failed.state, 'waiting');
      assert.equal(failed.cause, 'http-500');
      assert.equal(failed.reply, 'x'.repeat(1024));
      await until(() => receiver.at('/again').length === 2, 'it comes again');
      const [first, second] = receiver.at('/again');
      assert.equal(first.id, second.id);
      assert.deepEqual(first.body, second.body);
      assert.notEqual(first.timestamp, second.timestamp);
      new StandardWebhook(w.secret).verify(second.body.toString(), second.headers);
      await until(async () => (await deliveries(w))[0].state === 'delivered', 'delivered is recorded');
      await api.del(`/api/v1/webhooks/${w.id}`);
    });

    test('Retry-After is honoured and a redirect is not followed', async () => {
      receiver.answer = (call) => (call.path === '/busy' ? { status: 503, headers: { 'Retry-After': '3600' } } : call.path === '/moved' ? { status: 302, headers: { Location: `${receiver.url}/target` } } : 200);
      const busy = await add('/busy', ['message.received']);
      const moved = await add('/moved', ['message.received']);
      await say('espere');
      const waiting = await until(async () => (await deliveries(busy)).find((d) => d.attempts === 1), 'a busy receiver');
      assert.ok(Date.parse(waiting.next_at) - Date.parse(waiting.tried_at) >= 3600000);
      const refused = await until(async () => (await deliveries(moved)).find((d) => d.attempts === 1), 'a moved receiver');
      assert.equal(refused.cause, 'http-302');
      assert.match(refused.reason, /redirects are not followed/);
      assert.equal(receiver.at('/target').length, 0);
      for (const w of [busy, moved]) await api.del(`/api/v1/webhooks/${w.id}`);
    });

    test('410 disables the webhook; what died meanwhile can be replayed', async () => {
      receiver.answer = (call) => (call.path === '/gone' ? 410 : 200);
      const w = await add('/gone', ['message.received', 'webhook.*']);
      const watch = await add('/watch', ['webhook.*']);
      await say('acabou');
      const off = await until(async () => {
        const now = await api.get(`/api/v1/webhooks/${w.id}`);
        return !now.is_active && now;
      }, 'the webhook is disabled');
      assert.match(off.disabled_reason, /410/);
      await until(() => receiver.events('/watch').some((e) => e.type === 'webhook.disabled' && e.data.detail.webhook_id === w.id), 'another webhook is told');
      const [dead] = await deliveries(w, '&state=dead');
      assert.equal(dead.cause, 'http-410');
      await assert.rejects(api.post(`/api/v1/webhook-deliveries/${dead.id}/replay`), { status: 404 });
      receiver.answer = () => 200;
      await say('enquanto isso');
      await until(async () => (await api.get('/api/v1/conversations?limit=500')).data.some((c) => c.last_text === 'enquanto isso'), 'it is stored');
      await api.patch(`/api/v1/webhooks/${w.id}`, { is_active: true, missed: true });
      assert.deepEqual(await api.post(`/api/v1/webhook-deliveries/${dead.id}/replay`), { count: 1 });
      await until(() => receiver.at('/gone').filter((c) => c.id === dead.event_id).length === 2, 'it comes again');
      await received('/gone', 'enquanto isso');
      for (const x of [w, watch]) await api.del(`/api/v1/webhooks/${x.id}`);
    });

    test('dead deliveries are listed by cause and replayed by cause and time', async () => {
      const w = await add('/dead', ['message.received']);
      receiver.answer = (call) => (call.path === '/dead' ? 404 : 200);
      await say('morta');
      await until(async () => (await deliveries(w)).some((d) => d.attempts === 1), 'tried');
      await api.patch(`/api/v1/webhooks/${w.id}`, { is_active: false });
      assert.equal((await deliveries(w, '&state=dead&cause=endpoint-disabled')).length, 1);
      await assert.rejects(api.post(`/api/v1/webhooks/${w.id}/replay`, {}), { status: 409 });
      await api.patch(`/api/v1/webhooks/${w.id}`, { is_active: true });
      receiver.answer = () => 200;
      assert.equal((await api.post(`/api/v1/webhooks/${w.id}/replay`, { since: '2999-01-01T00:00:00Z' })).count, 0);
      assert.equal((await api.post(`/api/v1/webhooks/${w.id}/replay`, { cause: 'endpoint-disabled', since: new Date(Date.now() - 60000).toISOString() })).count, 1);
      await until(async () => (await deliveries(w))[0].state === 'delivered', 'delivered at last');
      await api.del(`/api/v1/webhooks/${w.id}`);
    });

    test('after a rotation both secrets verify, new and old', async () => {
      const w = await add('/rotated', ['message.received']);
      const { secret } = await api.post(`/api/v1/webhooks/${w.id}/rotate`);
      assert.notEqual(secret, w.secret);
      await say('trocada');
      const call = await received('/rotated', 'trocada');
      for (const s of [secret, w.secret]) {
        new StandardWebhook(s).verify(call.body.toString(), call.headers);
        new SvixWebhook(s).verify(call.body.toString(), call.headers);
        verify(s, call.headers, call.body);
      }
      await api.del(`/api/v1/webhooks/${w.id}`);
    });

    test('the test event arrives; what is out of form is refused with a reason', async () => {
      const w = await add('/test', ['nothing.at_all']);
      const { delivery_id } = await api.post(`/api/v1/webhooks/${w.id}/test`);
      await until(() => receiver.events('/test').some((e) => e.type === 'webhook.test'), 'the test event');
      const one = await until(async () => {
        const d = await api.get(`/api/v1/webhook-deliveries/${delivery_id}`);
        return d.state === 'delivered' && d;
      }, 'delivered');
      assert.equal(one.body.type, 'webhook.test');
      for (const body of [{}, { url: 'ftp://x' }, { url: 'https://' }, { url: 'https://a@b/' }, { url: receiver.url, events: 'x' }, { url: receiver.url, events: ['message.*.x'] }, { url: receiver.url, events: ['UPPER'] }])
        await assert.rejects(api.post('/api/v1/webhooks', body), { status: 400 });
      await api.del(`/api/v1/webhooks/${w.id}`);
      await assert.rejects(api.get(`/api/v1/webhooks/${w.id}`), { status: 404 });
      const audited = await installation.cli('audit', 'list', 'acme');
      for (const action of ['webhook.add', 'webhook.test', 'webhook.rotate', 'webhook.disable', 'webhook.enable', 'webhook.replay', 'webhook.delete']) assert.ok(audited.data.some((a) => a.action === action), action);
    });

    test('the command line does the same', async () => {
      const w = await installation.cli('webhook', 'add', 'acme', `${receiver.url}/cli`, '--event', 'message.received', '--description', 'CRM');
      assert.deepEqual((await installation.cli('webhook', 'list', 'acme')).data.map((x) => x.url).filter((u) => u.endsWith('/cli')), [`${receiver.url}/cli`]);
      assert.equal((await installation.cli('webhook', 'test', 'acme', w.id)).is_delivered, true);
      await say('pela linha');
      await received('/cli', 'pela linha');
      await until(async () => (await installation.cli('webhook', 'deliveries', 'acme', w.id, '--state', 'delivered')).data.length === 1, 'listed');
      assert.equal((await installation.cli('webhook', 'disable', 'acme', w.id)).state, 'disabled');
      assert.equal((await installation.cli('webhook', 'enable', 'acme', w.id, '--missed')).state, 'active');
      assert.equal((await installation.cli('webhook', 'replay', 'acme', '--since', '2020-01-01T00:00:00Z', '--webhook', w.id, '--delivered')).count, 1);
      assert.equal((await installation.cli('webhook', 'delete', 'acme', w.id)).state, 'deleted');
    });
  });
}

test('a private address is refused unless it is allowed, also by a name', async () => {
  const receiver = await startReceiver();
  const graph = await startGraph();
  const installation = await newInstallation('sqlite', { PROSA_HTTPC_ALLOW_PRIVATE: 'false' });
  try {
    const { key } = await seed(installation, graph.url);
    const node = await installation.serve();
    const api = client(node.url, key);
    const port = new URL(receiver.url).port;
    for (const url of [receiver.url, `http://localhost:${port}/`, `http://[::1]:${port}/`, `http://127.1:${port}/`, 'http://169.254.169.254/latest/meta-data', 'http://0x7f000001/']) {
      const w = await api.post('/api/v1/webhooks', { url });
      await api.post(`/api/v1/webhooks/${w.id}/test`);
      const d = await until(async () => (await api.get(`/api/v1/webhooks/${w.id}/deliveries`)).data.find((x) => x.attempts > 0), `${url} is tried`);
      assert.equal(d.cause, 'address-forbidden', url);
      await api.del(`/api/v1/webhooks/${w.id}`);
    }
    assert.equal(receiver.calls.length, 0);
    await node.kill();
  } finally {
    await installation.remove();
    await receiver.close();
    await graph.close();
  }
});

test('a receiver that stalls is given up after its time and holds up nobody else', async () => {
  const receiver = await startReceiver();
  const graph = await startGraph();
  const installation = await newInstallation('sqlite');
  try {
    const { key } = await seed(installation, graph.url);
    const node = await installation.serve();
    const api = client(node.url, key);
    receiver.answer = (call) => (call.path === '/stalls' ? null : 200);
    const stalls = [];
    for (let i = 0; i < 6; i++) stalls.push(await api.post('/api/v1/webhooks', { url: `${receiver.url}/stalls`, events: ['nothing'] }));
    for (const w of stalls) await api.post(`/api/v1/webhooks/${w.id}/test`);
    await until(() => receiver.at('/stalls').length >= 2, 'some stall');
    const from = Date.now();
    assert.equal((await post(`${node.url}/webhooks/meta`, messageCall([message(newId(), newPhone(), 'oi')]))).status, 200);
    await until(async () => graph.accepted.length > 0, 'the bot answers meanwhile');
    assert.ok(Date.now() - from < 12000, 'and not after the stalled calls');
    const tried = await until(async () => (await api.get(`/api/v1/webhooks/${stalls[0].id}/deliveries`)).data.find((d) => d.attempts === 1), 'the stalled call is given up', 40000);
    assert.equal(tried.cause, 'no-answer');
    assert.ok(tried.took_ms >= 14000 && tried.took_ms < 25000, `${tried.took_ms}`);
    await node.kill();
  } finally {
    await installation.remove();
    await receiver.close();
    await graph.close();
  }
});

for (const engine of ENGINES)
  test(`kill -9 again and again: every event arrives, under one id, with the same bytes (${engine})`, async () => {
    const receiver = await startReceiver();
    const graph = await startGraph();
    const installation = await newInstallation(engine, { PROSA_LEASE_MS: '5s', PROSA_LOG_LEVEL: 'error' });
    try {
      const { key } = await seed(installation, graph.url);
      let node = await installation.serve();
      const w = await client(node.url, key).post('/api/v1/webhooks', { url: `${receiver.url}/storm`, events: ['message.received'] });
      receiver.answer = (call, nth) => (nth === 1 && parseInt(call.id.slice(-2), 16) < 16 ? 503 : 200); // some are asked for twice
      const acknowledged = new Set();
      for (let round = 0; round < 5; round++) {
        const before = receiver.calls.length;
        for (let i = 0; i < 30; i++) {
          const id = newId();
          if ((await post(`${node.url}/webhooks/meta`, messageCall([message(id, `5511965${String(i).padStart(6, '0')}`, `r${round}`)])).catch(() => ({}))).status === 200) acknowledged.add(id);
        }
        await until(() => receiver.calls.length > before, 'some arrive'); // so that the kill falls into the middle
        await node.kill('SIGKILL');
        node = await installation.serve();
      }
      const api = client(node.url, key);
      const arrived = () => new Set(receiver.events('/storm').map((e) => e.data.message.provider_message_id));
      await until(() => [...acknowledged].every((id) => arrived().has(id)), 'every acknowledged message is told', 60000);
      const inbound = (await api.allMessages()).filter((m) => m.direction === 'in').length;
      await until(async () => (await api.get(`/api/v1/webhooks/${w.id}/deliveries?state=delivered&limit=500`)).data.length === inbound, 'all are recorded as delivered', 60000);
      const bodies = new Map();
      for (const call of receiver.at('/storm')) {
        new StandardWebhook(w.secret).verify(call.body.toString(), call.headers);
        if (bodies.has(call.id)) assert.deepEqual(call.body, bodies.get(call.id));
        bodies.set(call.id, call.body);
      }
      assert.equal(bodies.size, inbound, 'one id for each event');
      await node.kill();
    } finally {
      await installation.remove();
      await receiver.close();
      await graph.close();
    }
  });
