// SPDX-License-Identifier: Apache-2.0
// What goes wrong is found by cause, looked at and tried again; and one message's life is told whole.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { message, messageCall, post, startGraph, statusCall } from '../support/graph.mjs';
import { client, ENGINES, newInstallation, seed, until } from '../support/prosa.mjs';

let phones = 0;
const newPhone = () => `55119${String(82000000 + ++phones)}`;
let ids = 0;
const newId = () => `wamid.fail.${process.pid}.${++ids}`;

for (const engine of ENGINES) {
  describe(`failures on ${engine}`, () => {
    let graph, installation, node, api, hook, seeded;

    before(async () => {
      graph = await startGraph();
      installation = await newInstallation(engine);
      seeded = await seed(installation, graph.url);
      node = await installation.serve();
      api = client(node.url, seeded.key);
      hook = `${node.url}/webhooks/meta`;
      await api.put('/api/v1/bot', { debounce_ms: 1000, debounce_cap_ms: 3000 });
    });
    after(async () => {
      if (node) await node.kill();
      await installation?.remove();
      await graph?.close();
    });

    const groups = async (area) => (await api.get('/api/v1/failures')).data.filter((g) => g.area === area);
    const items = async (area, query = '') => (await api.get(`/api/v1/failures/${area}${query}`)).data;
    const say = async (phone, text) => assert.equal((await post(hook, messageCall([message(newId(), phone, text)]))).status, 200);
    const conversationOf = (phone) =>
      until(async () => (await api.get('/api/v1/conversations?limit=500')).data.find((c) => c.lead.phone === phone), `a conversation with ${phone}`);
    const outOf = async (c) => (await api.get(`/api/v1/conversations/${c.id}/messages?limit=500`)).data.filter((m) => m.direction === 'out');
    const audited = async () => (await installation.cli('audit', 'list', 'acme')).data.filter((a) => a.action === 'failure.retry');

    test('raw calls are grouped by cause, read again, and the retry is recorded', async () => {
      for (let i = 0; i < 3; i++) await post(hook, Buffer.from(`{"object":"broken ${i}"`));
      const stranger = messageCall([message(newId(), newPhone(), 'oi')], '999000000000001');
      await post(hook, stranger);
      const unparsed = await until(async () => (await groups('inbox')).find((g) => g.kind === 'unparsed' && g.count === 3), 'three are unparsed');
      assert.equal(unparsed.cause, 'not-understood');
      assert.ok(unparsed.reason.length > 5);
      assert.ok(unparsed.oldest_at <= unparsed.newest_at);
      const unrouted = await until(async () => (await groups('inbox')).find((g) => g.cause === 'unknown-address'), 'one is nobody’s');
      assert.equal(unrouted.count, 1);

      const [item] = await items('inbox', '?cause=unknown-address');
      assert.equal(item.body, undefined, 'bodies are for those who open one');
      assert.match((await api.get(`/api/v1/inbox/${item.id}`)).body, /999000000000001/);

      await installation.cli('provider', 'add', 'acme', 'meta', '--address', '999000000000001', '--set', `base_url=${graph.url}`, '--secret', 'access_token=x');
      assert.deepEqual(await api.post('/api/v1/failures/inbox/retry', { ids: [item.id] }), { count: 1, skipped: 0, has_more: false, next: null });
      await until(async () => (await groups('inbox')).every((g) => g.cause !== 'unknown-address'), 'the call found its account');
      assert.deepEqual(await api.post('/api/v1/failures/inbox/retry', { ids: [item.id] }), { count: 0, skipped: 1, has_more: false, next: null });

      const again = await api.post('/api/v1/failures/inbox/retry', { kind: 'unparsed', cause: 'not-understood' });
      assert.equal(again.count, 3);
      await until(async () => (await groups('inbox')).find((g) => g.kind === 'unparsed' && g.count === 3), 'and is not understood again');
      assert.deepEqual((await audited()).map((a) => [a.object, a.detail.count]).slice(0, 2), [['inbox', 3], ['inbox', 1]]);
    });

    test('failed sends are grouped by code and go out again', async () => {
      const lost = [newPhone(), newPhone()];
      graph.refuse = (body) => (lost.includes(String(body.to).replace('+', '')) ? { status: 400, code: 131026 } : null);
      for (const phone of lost) await say(phone, 'oi');
      const group = await until(async () => (await groups('sends')).find((g) => g.cause === '131026' && g.count === 2), 'two failed');
      assert.ok(group.reason.length > 10);
      const page = await api.get('/api/v1/failures/sends?cause=131026&limit=1');
      assert.equal(page.data.length, 1);
      assert.equal(page.has_more, true);
      assert.equal((await api.get(`/api/v1/failures/sends?cause=131026&limit=1&after=${page.next}`)).data.length, 1);
      assert.equal((await items('sends', '?cause=131047')).length, 0);

      graph.refuse = null;
      assert.equal((await api.post('/api/v1/failures/sends/retry', { cause: '131026' })).count, 2);
      for (const phone of lost) {
        const c = await conversationOf(phone);
        await until(async () => (await outOf(c)).some((m) => m.status === 'sent'), 'sent again');
      }
      assert.equal((await api.post('/api/v1/failures/sends/retry', { cause: '131026' })).count, 0);
    });

    test('uncertain sends are settled as a person says', async () => {
      const phone = newPhone();
      graph.cutRate = 1;
      await say(phone, 'oi');
      const c = await conversationOf(phone);
      const out = await until(async () => (await outOf(c)).find((m) => m.status === 'uncertain'), 'the send is uncertain');
      graph.cutRate = 0;
      const [group] = await groups('uncertain');
      assert.equal(group.count, 1);
      await assert.rejects(api.post('/api/v1/failures/uncertain/retry', { ids: [out.id] }), { status: 400 });
      assert.equal((await api.post('/api/v1/failures/uncertain/retry', { ids: [out.id], how: 'sent' })).count, 1);
      assert.equal((await api.get(`/api/v1/messages/${out.id}`)).status, 'sent');
      assert.deepEqual(await api.post('/api/v1/failures/uncertain/retry', { ids: [out.id], how: 'failed' }), { count: 0, skipped: 1, has_more: false, next: null });
      assert.equal((await api.get(`/api/v1/messages/${out.id}`)).status, 'sent');
      assert.deepEqual(await groups('uncertain'), []);
    });

    test('parked jobs are listed by kind and cause, and run again', async () => {
      const blocked = newPhone();
      graph.refuse = (body) => (body.to === `+${blocked}` ? { status: 401, code: 190 } : null);
      await say(blocked, 'oi');
      const group = await until(async () => (await groups('jobs')).find((g) => g.cause === 'account-blocked'), 'the send is parked');
      assert.equal(group.kind, 'outbox.send');
      const [job] = await items('jobs', `?kind=outbox.send&cause=account-blocked`);
      assert.equal(job.state, 'parked');
      const c = await conversationOf(blocked);
      const out = await until(async () => (await outOf(c))[0], 'the reply is in the thread');
      const life = await api.get(`/api/v1/messages/${out.id}/life`);
      assert.equal(life.jobs[0].id, job.id);

      graph.refuse = null;
      const { data: providers } = await api.get('/api/v1/providers');
      const stopped = providers.find((p) => p.state === 'blocked');
      assert.ok(stopped.state_reason);
      const cleared = await api.patch(`/api/v1/providers/${stopped.id}`, { state: 'ok' });
      assert.equal(cleared.state, 'ok');
      await until(async () => (await outOf(c)).some((m) => m.status === 'sent'), 'clearing the account sends what was parked');
      assert.deepEqual(await groups('jobs'), []);
      assert.equal((await api.post('/api/v1/failures/jobs/retry', { ids: [job.id] })).skipped, 1);
    });

    test('deliveries given up at a webhook are listed by endpoint, and delivered again', async () => {
      const answers = { status: 410 };
      const seen = [];
      const server = http.createServer((req, res) => {
        req.resume();
        req.on('end', () => (seen.push(req.headers['webhook-id']), res.writeHead(answers.status).end()));
      });
      await new Promise((done) => server.listen(0, '127.0.0.1', done));
      const url = `http://127.0.0.1:${server.address().port}/hook`;
      const endpoint = await api.post('/api/v1/webhooks', { url, events: ['message.*'] });
      await api.post(`/api/v1/webhooks/${endpoint.id}/test`);
      const group = await until(async () => (await groups('webhooks')).find((g) => g.kind === endpoint.id), 'the delivery was given up');
      assert.equal(group.about, url);
      const [item] = await items('webhooks', `?kind=${endpoint.id}`);
      assert.equal(item.type, 'webhook.test');
      answers.status = 204;
      assert.equal((await api.post('/api/v1/failures/webhooks/retry', { ids: [item.id] })).skipped, 1, 'a disabled endpoint gets nothing');
      await api.patch(`/api/v1/webhooks/${endpoint.id}`, { is_active: true });
      assert.equal((await api.post('/api/v1/failures/webhooks/retry', { kind: endpoint.id, cause: group.cause })).count, 1);
      await until(() => seen.length === 2, 'delivered again');
      await until(async () => (await groups('webhooks')).length === 0, 'and gone from the failures');
      await api.del(`/api/v1/webhooks/${endpoint.id}`);
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    });

    test('a message tells its life: raw calls, turn, steps, statuses', async () => {
      const phone = newPhone();
      graph.webhook = hook;
      graph.statuses = ['sent', 'delivered', 'read'];
      await say(phone, 'oi');
      const c = await conversationOf(phone);
      const out = await until(async () => (await outOf(c)).find((m) => m.status === 'read'), 'the reply is read');
      graph.statuses = [];
      const { data: all } = await api.get(`/api/v1/conversations/${c.id}/messages`);
      const incoming = await api.get(`/api/v1/messages/${all[0].id}/life`);
      assert.equal(incoming.calls.length, 1);
      assert.equal(incoming.calls[0].what, 'message');
      assert.match(incoming.calls[0].body, new RegExp(phone));
      assert.deepEqual(incoming.events.map((e) => e.kind), ['message.received']);
      assert.equal(incoming.turn.outcome, 'answered');
      assert.deepEqual(incoming.related.map((m) => m.id), [out.id]);

      const outgoing = await until(async () => {
        const life = await api.get(`/api/v1/messages/${out.id}/life`);
        return life.calls.length === 3 && life;
      }, 'the three statuses are there');
      assert.deepEqual(outgoing.calls.map((x) => x.what).sort(), ['delivered', 'read', 'sent']);
      assert.equal(outgoing.turn.id, incoming.turn.id);
      assert.deepEqual(outgoing.related.map((m) => m.id), [all[0].id]);
      const kinds = outgoing.events.map((e) => e.kind);
      assert.deepEqual(kinds.slice(0, 2), ['message.queued', 'message.sending']);
      assert.ok(kinds.includes('message.delivered') && kinds.includes('message.read'));
      assert.deepEqual(outgoing.jobs, []);
    });

    test('a key without the scope sees neither failures nor raw calls', async () => {
      const { key } = await installation.cli('key', 'add', 'acme', '--scope', 'messages:read');
      const other = client(node.url, key);
      await assert.rejects(other.get('/api/v1/failures'), { status: 403 });
      const { data } = await other.get('/api/v1/messages?limit=1');
      const life = await other.get(`/api/v1/messages/${data[0].id}/life`);
      assert.equal(life.calls[0].body, undefined);
      assert.ok(life.calls[0].received_at);
    });

    test('another tenant has none of it', async () => {
      const other = await seed(installation, graph.url, { slug: 'other', address: '888000000000001' });
      const theirs = client(node.url, other.key);
      assert.deepEqual((await theirs.get('/api/v1/failures')).data, []);
      const { data } = await api.get('/api/v1/messages?limit=1');
      await assert.rejects(theirs.get(`/api/v1/messages/${data[0].id}/life`), { status: 404 });
      const { data: mine } = await api.get('/api/v1/providers');
      for (const path of ['', '/test']) await assert.rejects(path ? theirs.post(`/api/v1/providers/${mine[0].id}${path}`) : theirs.get(`/api/v1/providers/${mine[0].id}`), { status: 404 });
      assert.equal((await theirs.post('/api/v1/failures/inbox/retry', { cause: 'not-understood' })).count, 0);
    });
  });
}
