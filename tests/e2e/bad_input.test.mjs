// SPDX-License-Identifier: Apache-2.0
// What bad input gets: a clear refusal, or a place in the inbox where it can be seen and replayed. Nothing accepted is lost.
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { message, messageCall, post, sign, startGraph } from '../support/graph.mjs';
import { client, ENGINES, newInstallation, PHONE_NUMBER_ID, seed, until } from '../support/prosa.mjs';

for (const engine of ENGINES) {
  describe(`bad input on ${engine}`, () => {
    let graph, installation, node, api, seeded, hook;

    before(async () => {
      graph = await startGraph();
      installation = await newInstallation(engine, { PROSA_HTTP_BODY_TIMEOUT_MS: '1s', PROSA_WEBHOOK_MAX_BYTES: '1MiB' });
      seeded = await seed(installation, graph.url);
      node = await installation.serve();
      api = client(node.url, seeded.key);
      hook = `${node.url}/webhooks/meta`;
    });
    after(async () => {
      if (node) await node.kill();
      await installation?.remove();
      await graph?.close();
    });

    const kept = (state, cause) =>
      until(async () => (await api.get(`/api/v1/inbox?state=${state}`)).data.find((r) => r.cause === cause), `an inbox row ${state}/${cause}`);

    test('the handshake answers the challenge to the right token only', async () => {
      const ask = (token, extra = '') => fetch(`${hook}?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=${token}${extra}`);
      const good = await ask('verify-me');
      assert.equal(good.status, 200);
      assert.equal(await good.text(), '1158201444');
      assert.equal((await ask('nope')).status, 403);
      assert.equal((await fetch(`${hook}?hub%2Emode=subscribe&hub%2Echallenge=7&hub%2Everify_token=verify-me`)).status, 200);
    });

    test('a wrong or missing signature is 401 and leaves nothing behind', async () => {
      const call = messageCall([message('wamid.bad.1', '5511980000001', 'oi')]);
      const before = (await api.get('/api/v1/inbox')).data.length;
      const wrong = await post(hook, call, { secret: 'another secret' });
      assert.equal(wrong.status, 401);
      assert.match(wrong.headers['content-type'], /application\/problem\+json/);
      assert.ok(JSON.parse(wrong.body).type.startsWith('urn:prosa:problem:'));
      assert.equal((await post(hook, call, { headers: { 'X-Hub-Signature-256': '' } })).status, 401);
      assert.equal((await post(hook, call, { headers: { 'X-Hub-Signature-256': 'sha256=zz' } })).status, 401);
      const tampered = Buffer.from(JSON.stringify(call).replace('oi', 'ui'));
      assert.equal((await post(hook, tampered, { headers: { 'X-Hub-Signature-256': sign(Buffer.from(JSON.stringify(call))) } })).status, 401);
      assert.equal((await api.get('/api/v1/inbox')).data.length, before);
    });

    test('an oversize body is 413', async () => {
      const answer = await post(hook, Buffer.alloc((1 << 20) + 10, 'x')).catch((e) => ({ status: e.code }));
      assert.ok(answer.status === 413 || answer.status === 'EPIPE' || answer.status === 'ECONNRESET', String(answer.status));
      assert.equal((await fetch(`${node.url}/healthz`)).status, 200);
    });

    test('a slow body is timed out', async () => {
      const { port } = new URL(node.url);
      const socket = net.connect(Number(port), '127.0.0.1');
      let answer = '';
      socket.on('data', (d) => (answer += d));
      const closed = new Promise((done) => socket.on('close', done));
      socket.on('error', () => {});
      socket.write('POST /webhooks/meta HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc');
      await closed;
      assert.ok(answer === '' || answer.includes('408'), answer);
    });

    for (const [name, body] of [
      ['not JSON', '{"object":'],
      ['an array', '[]'],
      ['deeper than any call', `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`],
      ['duplicate keys', '{"object":"whatsapp_business_account","object":"x","entry":[]}'],
    ]) {
      test(`signed but ${name}: kept as unparsed`, async () => {
        const before = (await api.get('/api/v1/inbox?state=unparsed&limit=500')).data.length;
        assert.equal((await post(hook, Buffer.from(body))).status, 200);
        const rows = await until(async () => {
          const page = (await api.get('/api/v1/inbox?state=unparsed&limit=500')).data;
          return page.length === before + 1 && page;
        }, 'kept');
        assert.ok(rows[0].reason);
        const whole = await api.get(`/api/v1/inbox/${rows[0].id}`);
        assert.equal(whole.bytes, Buffer.byteLength(body));
        assert.equal((await api.post(`/api/v1/inbox/${rows[0].id}/replay`)).count, 1);
        await until(async () => (await api.get(`/api/v1/inbox/${rows[0].id}`)).state === 'unparsed', 'tried again');
      });
    }

    test('invalid UTF-8 in a message is shown as U+FFFD, and the raw call stays as it came', async () => {
      const [head, tail] = JSON.stringify(messageCall([message('wamid.utf8.1', '5511980000066', 'a@@b')])).split('@@');
      const raw = Buffer.concat([Buffer.from(head), Buffer.from([0xff, 0xfe]), Buffer.from(tail)]);
      assert.equal((await post(hook, raw)).status, 200);
      const m = await until(async () => (await api.allMessages()).find((x) => x.provider_message_id === 'wamid.utf8.1'), 'it took effect');
      assert.equal(m.text, 'a\ufffd\ufffdb');
      assert.equal((await api.get('/api/v1/inbox?limit=1')).data[0].bytes, raw.length);
    });

    test('an unknown phone number id is kept and takes effect once its account is added', async () => {
      assert.equal((await post(hook, messageCall([message('wamid.unk.1', '5511980000077', 'oi')], '777000000000001'))).status, 200);
      const row = await kept('unrouted', 'unknown-address');
      await installation.cli('provider', 'add', 'acme', 'meta', '--address', '777000000000001', '--set', `base_url=${graph.url}`, '--secret', 'access_token=t');
      await api.post(`/api/v1/inbox/${row.id}/replay`);
      await until(async () => (await api.allMessages()).some((m) => m.provider_message_id === 'wamid.unk.1'), 'the message took effect');
    });

    test('a disabled account keeps its calls until it is enabled', async () => {
      const account = await installation.cli('provider', 'add', 'acme', 'meta', '--address', '777000000000002', '--set', `base_url=${graph.url}`, '--secret', 'access_token=t');
      await installation.cli('provider', 'disable', 'acme', account.id);
      await post(hook, messageCall([message('wamid.dis.1', '5511980000078', 'oi')], '777000000000002'));
      const row = await kept('unrouted', 'account-disabled');
      await installation.cli('provider', 'enable', 'acme', account.id);
      await api.post(`/api/v1/inbox/${row.id}/replay`);
      await until(async () => (await api.allMessages()).some((m) => m.provider_message_id === 'wamid.dis.1'), 'the message took effect');
    });

    test("an account's own address takes its own secret, and refuses another tenant's number", async () => {
      await installation.cli('tenant', 'add', 'other');
      const own = await installation.cli('provider', 'add', 'other', 'meta', '--address', '777000000000003', '--set', `base_url=${graph.url}`, '--secret', 'access_token=t', '--secret', 'app_secret=own-secret', '--secret', 'verify_token=own-token');
      const key = (await installation.cli('key', 'add', 'other', '--scope', '*')).key;
      const url = node.url + own.webhook_path;
      assert.equal((await fetch(`${url}?hub.mode=subscribe&hub.challenge=5&hub.verify_token=own-token`)).status, 200);
      assert.equal((await post(url, messageCall([message('wamid.own.0', '5511980000079', 'oi')], '777000000000003'))).status, 401);
      assert.equal((await post(url, messageCall([message('wamid.own.1', '5511980000079', 'oi')], '777000000000003'), { secret: 'own-secret' })).status, 200);
      const theirs = client(node.url, key);
      await until(async () => (await theirs.allMessages()).some((m) => m.provider_message_id === 'wamid.own.1'), 'filed with its tenant');
      assert.equal((await post(url, messageCall([message('wamid.own.2', '5511980000079', 'oi')], PHONE_NUMBER_ID), { secret: 'own-secret' })).status, 200);
      await until(async () => (await theirs.get('/api/v1/inbox?state=unrouted')).data.some((r) => r.cause === 'wrong-tenant'), 'kept, not filed');
      assert.ok(!(await api.allMessages()).some((m) => m.provider_message_id === 'wamid.own.2'));
      const mine = (await theirs.get('/api/v1/conversations')).data[0];
      await assert.rejects(api.get(`/api/v1/conversations/${mine.id}`), { status: 404 });
      await assert.rejects(api.get(`/api/v1/conversations/${mine.id}/messages`), { status: 404 });
      await assert.rejects(api.post(`/api/v1/conversations/${mine.id}/take`), { status: 404 });
    });

    test('the API refuses what it cannot mean, and says what', async () => {
      await assert.rejects(client(node.url, 'prosa_wrong').get('/api/v1/conversations'), { status: 401 });
      assert.equal((await fetch(`${node.url}/api/v1/conversations`)).status, 401);
      await assert.rejects(api.get('/api/v1/messages?after=nonsense'), { status: 400 });
      await assert.rejects(api.get('/api/v1/messages?limit=0'), { status: 400 });
      await assert.rejects(api.get('/api/v1/conversations/not-a-uuid'), { status: 404 });
      await assert.rejects(api.get('/api/v1/jobs?state=sleeping'), { status: 400 });
      await assert.rejects(api.put('/api/v1/bot', { script: { version: 1, start: 'a', nodes: {} } }), (e) => e.status === 400 && /nodes/.test(e.problem.detail));
      assert.equal((await fetch(`${node.url}/nowhere`)).status, 404);
      assert.equal((await fetch(`${node.url}/healthz`, { method: 'DELETE' })).status, 405);
      const weak = (await installation.cli('key', 'add', 'acme', '--scope', 'conversations:read')).key;
      const reader = client(node.url, weak);
      assert.ok((await reader.get('/api/v1/conversations')).data);
      await assert.rejects(reader.get('/api/v1/jobs'), { status: 403 });
      await assert.rejects(reader.put('/api/v1/bot', { debounce_ms: 2000 }), { status: 403 });
    });
  });
}

describe('the gate', () => {
  test('off sends nothing, and what waited goes out when it opens', async () => {
    const graph = await startGraph();
    const installation = await newInstallation('sqlite', { PROSA_OUTBOUND: 'off' });
    try {
      const { key } = await seed(installation, graph.url);
      const node = await installation.serve();
      await post(`${node.url}/webhooks/meta`, messageCall([message('wamid.gate.1', '5511980000091', 'oi')]));
      const api = client(node.url, key);
      const job = await until(async () => (await api.get('/api/v1/jobs?state=parked')).data[0], 'the send is parked');
      assert.equal(job.cause, 'gate-closed');
      assert.equal(graph.accepted.length, 0);
      await node.kill();
      const open = await installation.serve({ PROSA_OUTBOUND: 'replies' });
      await until(() => graph.accepted.length === 1, 'it goes out');
      await open.kill();
    } finally {
      await installation.remove();
      await graph.close();
    }
  });
});
