// SPDX-License-Identifier: Apache-2.0
// The team through the API of the real program: who gets a conversation, who is told that somebody else has it, and when.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { addUser, browser } from '../support/browser.mjs';
import { message, messageCall, post, startGraph } from '../support/graph.mjs';
import { client, ENGINES, newInstallation, seed, until } from '../support/prosa.mjs';

const TAKERS = 100;

for (const engine of ENGINES) {
  describe(`the team on ${engine}`, () => {
    let graph, installation, node, api, hook, admin, bia, caio, number = 0;

    const signIn = async (email, role) => {
      await addUser(installation, 'acme', email, role);
      const b = browser(node.url);
      assert.equal((await b.signIn('acme', email)).status, 200);
      b.id = (await b.get('/api/v1/me')).json.user.id;
      return b;
    };
    const writes = async (text) => {
      number++;
      const said = `${text} ${number}`;
      const phone = `55119811${String(number).padStart(5, '0')}`;
      await post(hook, messageCall([message(`wamid.team.${number}`, phone, said)]));
      return until(async () => (await api.get('/api/v1/conversations?limit=200')).data.find((c) => c.lead.phone === phone), `the conversation of ${said}`);
    };
    const get = (c) => api.get(`/api/v1/conversations/${c.id}`);
    const set = async (settings) => {
      const answer = await admin.put('/api/v1/team/settings', settings);
      assert.equal(answer.status, 200, answer.text);
      return answer.json;
    };

    before(async () => {
      graph = await startGraph();
      installation = await newInstallation(engine);
      const seeded = await seed(installation, graph.url);
      node = await installation.serve();
      api = client(node.url, seeded.key);
      hook = `${node.url}/webhooks/meta`;
      admin = await signIn('ada@example.com', 'admin');
      bia = await signIn('bia@example.com', 'agent');
      caio = await signIn('caio@example.com', 'agent');
    });
    after(async () => {
      if (node) await node.kill();
      await installation?.remove();
      await graph?.close();
    });

    test(`of ${TAKERS} programs that take one conversation one has it and the others are told who`, async () => {
      const c = await writes('bom dia');
      const keys = [];
      for (let i = 0; i < TAKERS; i++) {
        const key = await admin.post('/api/v1/keys', { name: `robot ${i}`, scopes: 'conversations:*' });
        assert.equal(key.status, 200, key.text);
        keys.push(key.json);
      }
      const answers = await Promise.all(keys.map(async ({ secret }) => {
        const res = await fetch(`${node.url}/api/v1/conversations/${c.id}/take`, { method: 'POST', headers: { Authorization: `Bearer ${secret}` } });
        return { status: res.status, json: await res.json() };
      }));
      const winners = answers.filter((a) => a.status === 200);
      assert.equal(winners.length, 1);
      const has = winners[0].json;
      assert.equal(has.owner_name, keys.find((k) => k.id === has.owner_user).name);
      for (const { status, json } of answers.filter((a) => a.status !== 200)) {
        assert.equal(status, 409);
        assert.equal(json.type, 'urn:prosa:problem:owner-changed');
        assert.deepEqual(json.owner, { id: has.owner_user, name: has.owner_name, kind: 'person' });
        assert.equal(json.owner_version, has.owner_version);
      }
    });

    test('a change that was decided on an old screen changes nothing', async () => {
      const c = await writes('bom dia');
      const taken = await bia.post(`/api/v1/conversations/${c.id}/take`, { version: c.owner_version });
      assert.equal(taken.status, 200, taken.text);
      for (const action of ['take', 'release', 'close', 'handoff', 'assign']) {
        const late = await caio.post(`/api/v1/conversations/${c.id}/${action}`, { version: c.owner_version, user: null });
        assert.equal(late.status, 409, action);
        assert.equal(late.json.owner.name, 'bia', action);
      }
      const word = await caio.post(`/api/v1/conversations/${c.id}/messages`, { text: 'oi' });
      assert.equal(word.status, 409);
      assert.equal(word.json.owner.name, 'bia');
      assert.equal((await get(c)).owner_user, bia.id);
      const tagged = await bia.call('POST', `/api/v1/conversations/${c.id}/close`, {}, { 'If-Match': `"${taken.json.owner_version}"` });
      assert.equal(tagged.status, 200, tagged.text);
      assert.equal(tagged.json.owner_user, null);
      assert.equal(tagged.json.deadline_at, null);
    });

    test('a colleague keeps what a supervisor may pass on', async () => {
      const c = await writes('bom dia');
      await bia.post(`/api/v1/conversations/${c.id}/take`);
      for (const [action, body] of [['take'], ['assign', { user: caio.id }], ['assign', { user: null }], ['release'], ['close']]) {
        const answer = await caio.post(`/api/v1/conversations/${c.id}/${action}`, body);
        assert.equal(answer.status, 409, action);
        assert.equal(answer.json.type, 'urn:prosa:problem:owner-changed', action);
        assert.equal(answer.json.owner.name, 'bia', action);
      }
      assert.equal((await get(c)).owner_user, bia.id);
      assert.equal((await admin.post(`/api/v1/conversations/${c.id}/assign`, { user: '0192f000-0000-7000-8000-000000000000' })).status, 400);
      const moved = await admin.post(`/api/v1/conversations/${c.id}/assign`, { user: caio.id });
      assert.equal(moved.json.owner_name, 'caio');
      const queued = await caio.post(`/api/v1/conversations/${c.id}/assign`, { user: null, skill: 'vendas' });
      assert.deepEqual([queued.json.state, queued.json.skill, queued.json.deadline_kind], ['waiting_agent', 'vendas', 'pickup']);
    });

    test('its owner, a supervisor or a program gives a conversation back or closes it', async () => {
      for (const [action, state] of [['release', 'progress'], ['close', 'agent_closed']])
        for (const who of [bia, admin]) {
          const c = await writes('bom dia');
          await bia.post(`/api/v1/conversations/${c.id}/take`);
          const answer = await who.post(`/api/v1/conversations/${c.id}/${action}`);
          assert.deepEqual([answer.status, answer.json.state], [200, state], action);
        }
      const c = await writes('bom dia');
      await bia.post(`/api/v1/conversations/${c.id}/take`);
      assert.equal((await api.post(`/api/v1/conversations/${c.id}/release`)).owner, 'bot');
      assert.equal((await caio.post(`/api/v1/conversations/${c.id}/close`)).status, 200, 'nobody has it');
    });

    test('a failed message in a colleague’s conversation is sent again by them or a supervisor', async () => {
      const c = await writes('bom dia');
      await bia.post(`/api/v1/conversations/${c.id}/take`);
      graph.refuse = () => ({ status: 400, code: 131026, message: 'Message undeliverable' });
      const said = (await bia.post(`/api/v1/conversations/${c.id}/messages`, { text: 'pois não' })).json;
      const state = async () => (await api.get(`/api/v1/messages/${said.id}`)).status;
      await until(async () => (await state()) === 'failed', 'it fails');
      graph.refuse = null;
      const late = await caio.post(`/api/v1/messages/${said.id}/settle`, { how: 'resend' });
      assert.deepEqual([late.status, late.json.owner?.name], [409, 'bia']);
      assert.equal(await state(), 'failed');
      assert.equal((await admin.post(`/api/v1/messages/${said.id}/settle`, { how: 'resend' })).status, 200);
      await until(async () => (await state()) !== 'failed', 'it goes out');
    });

    test('who comes online gets who waits, with what was collected', async () => {
      await set({ assignment: 'round_robin', default_capacity: 2 });
      const waiting = [];
      for (let i = 0; i < 3; i++) {
        const c = await writes('bom dia');
        waiting.push(await api.post(`/api/v1/conversations/${c.id}/handoff`, { reason: 'caro', summary: 'quer desconto', collected: { plano: 'Equipe' } }));
      }
      assert.ok(waiting.every((c) => c.state === 'waiting_agent'));
      const dora = await signIn('dora@example.com', 'agent');
      assert.equal((await dora.put('/api/v1/me/presence', { presence: 'sleeping' })).status, 400);
      assert.equal((await dora.put('/api/v1/me/presence', { presence: 'online' })).status, 200);
      const mine = (await api.get('/api/v1/conversations?limit=200')).data.filter((c) => c.owner_user === dora.id);
      assert.equal(mine.length, 2); /* as many as she can take */
      const team = (await bia.get('/api/v1/team')).json.data;
      assert.deepEqual(team.filter((m) => m.presence === 'online').map((m) => [m.name, m.open]), [['dora', 2]]);
      const [first] = mine;
      if (first.summary) assert.deepEqual([first.summary, first.collected], ['quer desconto', { plano: 'Equipe' }]);
      await dora.put('/api/v1/me/presence', { presence: 'offline' });
      await set({ assignment: 'manual' });
    });

    test('settings are changed by whoever read the newest', async () => {
      const now = (await bia.get('/api/v1/team/settings')).json;
      assert.equal((await bia.put('/api/v1/team/settings', { pickup_minutes: 5 })).status, 403);
      const next = await set({ version: now.version, pickup_minutes: 5, texts: { closed: 'Até logo!' } });
      assert.equal(next.version, now.version + 1);
      assert.equal(next.texts.waiting, now.texts.waiting);
      assert.equal((await admin.put('/api/v1/team/settings', { version: now.version, pickup_minutes: 6 })).status, 409);
      const bad = [{ pickup_minutes: 0 }, { pickup_minutes: 60, escalate_minutes: 5 }, { hours: {} }, { hours: { mon: [['18:00', '09:00']] } }, { hours: { mon: [['09:00', '12:00'], ['11:00', '13:00']] } }, { hours: { noday: [] } }, { holidays: [{ date: '2026-02-30' }] }, { assignment: 'lottery' }, { texts: { waiting: 5 } }, { is_sticky: 'yes' }, { hours: null }];
      for (const settings of bad) assert.equal((await admin.put('/api/v1/team/settings', settings)).status, 400, JSON.stringify(settings));
      assert.equal((await bia.get('/api/v1/team/settings')).json.version, next.version);
      const days = (await bia.get('/api/v1/team/holidays/suggest?year=2026')).json.data;
      assert.ok(days.some((d) => d.date === '2026-04-03' && d.name === 'Sexta-feira Santa' && !d.optional));
      assert.equal((await admin.put('/api/v1/team/settings', { holidays: days })).status, 200);
    });

    test('the customer is told in the words of the settings, once', async () => {
      await set({ texts: { waiting: 'Já chamo alguém.', closed: 'Até logo!' } });
      const c = await writes('quero falar com um atendente, pedido');
      assert.equal((await get(c)).handoff_reason, 'a pessoa pediu atendimento humano');
      const said = async () => (await api.get(`/api/v1/conversations/${c.id}/messages`)).data.filter((m) => m.owner === 'system' && m.status !== 'queued' && m.status !== 'sending').map((m) => m.text);
      await until(async () => (await said()).length === 1, 'what is said to who waits');
      await bia.post(`/api/v1/conversations/${c.id}/take`);
      await bia.post(`/api/v1/conversations/${c.id}/close`);
      await until(async () => (await said()).length === 2, 'what is said at the end');
      assert.deepEqual(await said(), ['Já chamo alguém.', 'Até logo!']);
    });

    test('nothing is left without an owner or a deadline', async () => {
      const watch = (await admin.get('/api/v1/team/watch')).json;
      assert.equal(watch.without_deadline, 0);
      assert.ok(watch.open >= watch.waiting);
      assert.equal((await bia.get('/api/v1/team/watch')).status, 403);
      const metrics = await (await fetch(`${node.url}/metrics`)).text();
      assert.match(metrics, /prosa_deadlines_passed_total|prosa_jobs/);
    });
  });
}
