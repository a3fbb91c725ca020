// SPDX-License-Identifier: Apache-2.0
// Provider accounts and the bot, as the console's settings pages use them.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { message, messageCall, post, startGraph } from '../support/graph.mjs';
import { client, ENGINES, newInstallation, seed, until } from '../support/prosa.mjs';

/** Answers every GET as the Graph API tells of a number, and every POST as a model. */
async function startPeer() {
  const peer = { seen: [], said: 'Boa tarde!' };
  const server = http.createServer((req, res) => {
    const parts = [];
    req.on('data', (d) => parts.push(d));
    req.on('end', () => {
      peer.seen.push({ path: req.url, authorization: req.headers.authorization, body: Buffer.concat(parts).toString() });
      res.writeHead(200, { 'Content-Type': 'application/json' });
      if (req.method === 'GET') return res.end(JSON.stringify({ id: '1', display_phone_number: '+55 11 5555-0100', verified_name: 'Loja Aurora', quality_rating: 'GREEN' }));
      return res.end(JSON.stringify({ id: 'c', object: 'chat.completion', model: 'm', choices: [{ index: 0, message: { role: 'assistant', content: peer.said }, finish_reason: 'stop' }], usage: { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 } }));
    });
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  peer.url = `http://127.0.0.1:${server.address().port}`;
  peer.close = () => (server.closeAllConnections(), new Promise((done) => server.close(done)));
  return peer;
}

const SCRIPT = {
  version: 1,
  start: 'menu',
  rules: [{ any: ['pessoa'], go: 'person' }],
  fallback: { go: 'menu', after: 2, then: 'person' },
  nodes: {
    menu: { say: [{ type: 'buttons', text: 'Oi {{name}}', buttons: [{ id: 'price', title: 'Preço' }] }], choices: { price: 'price' } },
    price: { say: [{ type: 'text', text: 'Custa 10.' }] },
    person: { say: [{ type: 'text', text: 'Um momento.' }], handoff: 'asked' },
  },
};

for (const engine of ENGINES) {
  describe(`settings on ${engine}`, () => {
    let peer, installation, node, api;

    before(async () => {
      peer = await startPeer();
      installation = await newInstallation(engine);
      const seeded = await seed(installation, peer.url);
      node = await installation.serve();
      api = client(node.url, seeded.key);
    });
    after(async () => {
      if (node) await node.kill();
      await installation?.remove();
      await peer?.close();
    });

    test('kinds say what each takes', async () => {
      const { data } = await api.get('/api/v1/provider-kinds');
      const meta = data.find((k) => k.kind === 'meta');
      assert.equal(meta.address, 'phone number id');
      assert.deepEqual(meta.fields.find((f) => f.name === 'access_token').is_secret, true);
      assert.equal(meta.fields.find((f) => f.name === 'per_second').type, 'integer');
    });

    test('an account is added, tried and changed; its secrets never come back', async () => {
      const secret = 'EAAG-very-secret';
      const added = await api.post('/api/v1/providers', { kind: 'meta', name: 'Vendas', address: '777000000000001', settings: { base_url: peer.url, per_second: 40 }, secrets: { access_token: secret, verify_token: 'tok-en' } });
      assert.equal(added.settings.per_second, 40);
      assert.deepEqual(added.secrets, { access_token: true, app_secret: false, verify_token: true });
      assert.deepEqual(added.webhook, { path: '/webhooks/meta', is_own_app: false, app_secret_set: true, verify_token_set: true });
      const tried = await api.post(`/api/v1/providers/${added.id}/test`);
      assert.equal(tried.result, 'ok');
      assert.match(tried.reason, /Loja Aurora/);
      assert.deepEqual([tried.cause, tried.found.name], ['', 'Loja Aurora']);
      assert.equal(peer.seen.at(-1).authorization, `Bearer ${secret}`);

      const own = await api.patch(`/api/v1/providers/${added.id}`, { name: 'Vendas SP', settings: { per_second: '' }, secrets: { app_secret: 'own' } });
      assert.equal(own.name, 'Vendas SP');
      assert.equal(own.settings.per_second, undefined);
      assert.equal(own.webhook.path, `/webhooks/meta/${added.id}`);
      assert.equal((await api.patch(`/api/v1/providers/${added.id}`, { is_active: false })).is_active, false);
      const all = await api.get('/api/v1/providers');
      assert.doesNotMatch(JSON.stringify(all), new RegExp(`${secret}|tok-en`));
      await assert.rejects(api.post('/api/v1/providers', { kind: 'meta', address: 'x' }), { status: 400 });
      await assert.rejects(api.patch(`/api/v1/providers/${added.id}`, { settings: { base_url: 'ftp://x' } }), (e) => e.status === 400 && /base_url/.test(e.problem.detail));
      const { data: log } = await installation.cli('audit', 'list', 'acme');
      assert.ok(log.some((a) => a.action === 'provider.add' && a.object === `provider:${added.id}`));
      assert.doesNotMatch(JSON.stringify(log), new RegExp(secret));
    });

    test('what is wrong with a script is told place by place', async () => {
      const { problems } = await api.post('/api/v1/bot/check', { script: { ...SCRIPT, start: 'nowhere', nodes: { ...SCRIPT.nodes, menu: { say: [{ type: 'text' }] }, price: { say: [] } } } });
      assert.deepEqual(problems.map((p) => p.path), ['nodes.menu.say[0].text', 'nodes.price', 'start']);
      assert.match(problems[2].message, /nowhere/);
      assert.deepEqual((await api.post('/api/v1/bot/check', { script: SCRIPT })).problems, []);
      assert.deepEqual((await api.post('/api/v1/bot/check', { script: JSON.stringify(SCRIPT) })).problems, []);
      const [broken] = (await api.post('/api/v1/bot/check', { script: '{"version": 1,' })).problems;
      assert.match(broken.message, /at byte \d+/);
    });

    test('a script is tried out without a trace', async () => {
      const say = (...messages) => api.post('/api/v1/bot/try', { kind: 'script', script: SCRIPT, name: 'Ana Souza', messages });
      const first = await say('oi');
      assert.equal(first.say[0].type, 'buttons');
      assert.equal(first.say[0].content.text, 'Oi Ana');
      assert.equal(first.decided.node, 'menu');
      const second = await say({ text: 'oi' }, { from: 'bot', text: 'Oi Ana' }, { text: 'Preço', choice: 'price' });
      assert.equal(second.say[0].content.text, 'Custa 10.');
      assert.equal(second.handoff, null);
      const third = await say({ text: 'oi' }, { from: 'bot', text: 'Oi Ana' }, { text: 'quero uma pessoa' });
      assert.equal(third.handoff, 'asked');
      await assert.rejects(say({ from: 'bot', text: 'oi' }), { status: 400 });
      await assert.rejects(api.post('/api/v1/bot/try', { kind: 'script', script: { version: 1 }, messages: ['oi'] }), { status: 400 });
      assert.deepEqual((await api.get('/api/v1/messages')).data, []);
    });

    test('a model is tried out within the budget', async () => {
      await api.post('/api/v1/providers', { kind: 'openai', name: 'modelo', settings: { base_url: `${peer.url}/v1`, model: 'm', price_in_per_million: 1000000, price_out_per_million: 1000000 }, secrets: { api_key: 'k' } });
      const body = { kind: 'model', model: { system_prompt: 'Você vende livros.' }, messages: ['oi', { from: 'bot', text: 'Olá' }, 'quanto custa?'] };
      const answer = await api.post('/api/v1/bot/try', { ...body, budget_micros: 0 });
      assert.equal(answer.say[0].content.text, 'Boa tarde!');
      assert.equal(answer.cost_micros, 110);
      const asked = JSON.parse(peer.seen.at(-1).body).messages.map((m) => [m.role, m.content]);
      assert.deepEqual(asked, [['system', 'Você vende livros.'], ['user', 'oi'], ['assistant', 'Olá'], ['user', 'quanto custa?']]);
      assert.equal((await api.get('/api/v1/bot')).spent_micros, 110);
      const refused = await api.post('/api/v1/bot/try', { ...body, budget_micros: 111 });
      assert.equal(refused.decided.cause, 'budget-spent');
      assert.ok(refused.handoff);
    });

    test('who saves over somebody else is told', async () => {
      const { version } = await api.get('/api/v1/bot');
      await api.put('/api/v1/bot', { version, script: SCRIPT });
      await assert.rejects(api.put('/api/v1/bot', { version, script: SCRIPT }), { status: 409 });
    });

    test('of many who save the same version at once one does', async () => {
      const { version } = await api.get('/api/v1/bot');
      const saved = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => api.put('/api/v1/bot', { version, budget_micros: 1000 + i })));
      const refused = saved.filter((one) => one.status === 'rejected').map((one) => one.reason);
      assert.equal(refused.length, 19);
      for (const why of refused) assert.deepEqual([why.status, why.problem.type], [409, 'urn:prosa:problem:version']);
      assert.equal((await api.get('/api/v1/bot')).version, version + 1);
    });
  });
}

describe('an address inside the network', () => {
  let graph, installation, node;
  before(async () => {
    graph = await startGraph();
    installation = await newInstallation('sqlite', { PROSA_HTTPC_ALLOW_PRIVATE: 'false' });
    await seed(installation, graph.url);
    node = await installation.serve();
  });
  after(async () => {
    await node?.kill();
    await installation?.remove();
    await graph?.close();
  });

  test("a tenant's own base URL reaches no private address, by test or by send", async () => {
    const { key } = await installation.cli('key', 'add', 'acme', '--scope', '*');
    const api = client(node.url, key);
    const { data } = await api.get('/api/v1/providers');
    const tried = await api.post(`/api/v1/providers/${data[0].id}/test`);
    assert.equal(tried.result, 'refused');
    assert.equal(tried.cause, 'address-forbidden');
    assert.equal(tried.found, null);
    await api.put('/api/v1/bot', { debounce_ms: 1000, debounce_cap_ms: 3000 });
    await post(`${node.url}/webhooks/meta`, messageCall([message('wamid.guard.1', '5511983000001', 'oi')]));
    const [group] = await until(async () => {
      const { data: all } = await api.get('/api/v1/failures');
      return all.length > 0 && all;
    }, 'the send failed');
    assert.equal(group.area, 'sends');
    assert.equal(graph.accepted.length, 0);
  });
});
