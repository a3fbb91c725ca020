// SPDX-License-Identifier: Apache-2.0
// What the inbox is made of, through the API of the real program: queues, counts, unread, labels, notes, canned answers, leads.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { message, messageCall, post, startGraph } from '../support/graph.mjs';
import { client, ENGINES, newInstallation, seed, until } from '../support/prosa.mjs';

for (const engine of ENGINES) {
  describe(`inbox on ${engine}`, () => {
    let graph, installation, node, api, key, hook;
    const raw = (method, path, { body, headers = {}, as = key } = {}) =>
      fetch(node.url + path, { method, headers: { Authorization: `Bearer ${as}`, ...(body ? { 'Content-Type': 'application/json' } : {}), ...headers }, ...(body ? { body: JSON.stringify(body) } : {}) });
    const writes = async (id, from, text) => {
      await post(hook, messageCall([message(id, from, text)]));
      return until(async () => (await api.get('/api/v1/conversations')).data.find((c) => c.last_text === text), `the conversation of ${text}`);
    };

    before(async () => {
      graph = await startGraph();
      installation = await newInstallation(engine);
      const seeded = await seed(installation, graph.url);
      key = seeded.key;
      node = await installation.serve();
      api = client(node.url, key);
      hook = `${node.url}/webhooks/meta`;
    });
    after(async () => {
      if (node) await node.kill();
      await installation?.remove();
      await graph?.close();
    });

    test('a conversation moves through the queues and the counts follow', async () => {
      const c = await writes('wamid.inbox.1', '5511981110001', 'bom dia da fila');
      const ids = async (query) => (await api.get(`/api/v1/conversations?${query}`)).data.map((x) => x.id);
      assert.deepEqual(await ids('queue=waiting'), []);
      await api.post(`/api/v1/conversations/${c.id}/handoff`);
      assert.deepEqual(await ids('queue=waiting'), [c.id]);
      assert.deepEqual(await ids('queue=waiting&unread=1'), [c.id]);
      await api.post(`/api/v1/conversations/${c.id}/take`);
      assert.deepEqual(await ids('queue=mine'), [c.id]);
      const counts = await api.get('/api/v1/conversations/counts');
      assert.equal(counts.mine, 1);
      assert.equal(counts.waiting, 0);
      assert.equal(counts.people, 1);
      await api.post(`/api/v1/conversations/${c.id}/close`);
      assert.deepEqual(await ids('queue=closed'), [c.id]);
      assert.equal((await raw('GET', '/api/v1/conversations?queue=nobody')).status, 400);
    });

    test('unread counts what no person has seen and is told as an event', async () => {
      const c = await writes('wamid.inbox.2', '5511981110002', 'bom dia nao lido');
      assert.equal(c.unread, 1);
      assert.equal((await api.post(`/api/v1/conversations/${c.id}/read`, {})).unread, 0);
      const events = async () => (await api.get(`/api/v1/conversations/${c.id}/events?limit=100`)).data.map((x) => x.kind);
      const kinds = await until(async () => (await events()).includes('conversation.read') && events(), 'the event is told');
      assert.equal(kinds.filter((x) => x === 'conversation.read').length, 1);
    });

    test('labels are made, put on, listed and removed', async () => {
      const c = await writes('wamid.inbox.3', '5511981110003', 'bom dia com etiqueta');
      const label = await api.post('/api/v1/labels', { name: 'Orçamento', color: '#ff8800' });
      assert.equal((await raw('POST', '/api/v1/labels', { body: { name: 'Orçamento', color: '#000000' } })).status, 409);
      const labelled = await api.put(`/api/v1/conversations/${c.id}/labels`, { labels: [label.id] });
      assert.deepEqual(labelled.labels, [label]);
      assert.deepEqual((await api.get(`/api/v1/conversations?label=${label.id}`)).data.map((x) => x.id), [c.id]);
      assert.equal((await api.get('/api/v1/conversations/counts')).labels[label.id], 1);
      assert.equal((await raw('DELETE', `/api/v1/labels/${label.id}`)).status, 204);
      assert.deepEqual((await api.get(`/api/v1/conversations/${c.id}`)).labels, []);
      assert.deepEqual((await api.get(`/api/v1/conversations?label=${label.id}`)).data, []);
    });

    test('a label that comes back is on its conversations, whatever happened to them meanwhile', async () => {
      const c = await writes('wamid.inbox.back1', '5511981110077', 'bom dia com etiqueta que volta');
      const [gone, stays] = [await api.post('/api/v1/labels', { name: 'Some', color: '#ff8800' }), await api.post('/api/v1/labels', { name: 'Fica', color: '#ff8800' })];
      await api.put(`/api/v1/conversations/${c.id}/labels`, { labels: [gone.id] });
      const path = `/api/v1/labels/${gone.id}`;
      assert.equal((await raw('DELETE', path)).status, 204);
      assert.equal((await raw('DELETE', path)).status, 404);
      assert.equal((await raw('PATCH', path, { body: { name: 'Outra' } })).status, 404);
      assert.equal((await raw('PUT', `/api/v1/conversations/${c.id}/labels`, { body: { labels: [gone.id] } })).status, 400);
      await api.put(`/api/v1/conversations/${c.id}/labels`, { labels: [stays.id] });
      await writes('wamid.inbox.back2', '5511981110077', 'mais uma coisa');
      const second = await api.post('/api/v1/labels', { name: 'Some', color: '#000000' });
      assert.equal((await raw('POST', `${path}/restore`)).status, 409, 'its name is taken');
      await api.del(`/api/v1/labels/${second.id}`);
      assert.deepEqual(await api.post(`${path}/restore`), gone);
      assert.deepEqual((await api.get(`/api/v1/conversations/${c.id}`)).labels.map((l) => l.name), ['Fica', 'Some']);
      assert.deepEqual((await api.get(`/api/v1/conversations?label=${gone.id}`)).data.map((x) => x.id), [c.id]);
      assert.equal((await api.get('/api/v1/conversations/counts')).labels[gone.id], 1);
      assert.equal((await raw('POST', `${path}/restore`)).status, 200, 'once more changes nothing');
      await api.put(`/api/v1/conversations/${c.id}/labels`, { labels: [] });
      assert.deepEqual((await api.get(`/api/v1/conversations/${c.id}`)).labels, []);
    });

    test('notes are for the team and go to nobody', async () => {
      const c = await writes('wamid.inbox.4', '5511981110004', 'bom dia com nota');
      const note = await api.post(`/api/v1/conversations/${c.id}/notes`, { text: 'prefere ser chamada à tarde' });
      assert.equal((await api.get(`/api/v1/conversations/${c.id}/notes`)).data[0].text, 'prefere ser chamada à tarde');
      assert.equal((await raw('DELETE', `/api/v1/notes/${note.id}`)).status, 204);
      assert.equal((await api.get(`/api/v1/conversations/${c.id}/notes`)).data.length, 0);
      assert.equal(graph.accepted.filter((m) => JSON.stringify(m).includes('tarde')).length, 0);
    });

    test('canned answers are kept by their word', async () => {
      const canned = await api.post('/api/v1/canned', { shortcut: 'pix', text: 'Nossa chave é …' });
      assert.equal((await raw('PATCH', `/api/v1/canned/${canned.id}`, { body: { text: 'Outra' } })).status, 200);
      assert.equal((await api.get('/api/v1/canned')).data[0].text, 'Outra');
      assert.equal((await raw('DELETE', `/api/v1/canned/${canned.id}`)).status, 204);
    });

    test('what a browser has already is not sent again, and a change made on an old view is refused', async () => {
      const c = await writes('wamid.inbox.5', '5511981110005', 'bom dia com etag');
      const first = await raw('GET', `/api/v1/leads/${c.lead.id}`);
      const tag = first.headers.get('etag');
      assert.ok(tag);
      const again = await raw('GET', `/api/v1/leads/${c.lead.id}`, { headers: { 'If-None-Match': tag } });
      assert.equal(again.status, 304);
      assert.equal(await again.text(), '');
      const change = (name) => raw('PATCH', `/api/v1/leads/${c.lead.id}`, { body: { name, tags: ['vip'], fields: { etapa: 'proposta' } }, headers: { 'If-Match': tag } });
      const lead = await (await change('Ana da Loja')).json();
      assert.equal(lead.name, 'Ana da Loja');
      assert.deepEqual(lead.tags, ['vip']);
      assert.equal(lead.conversations[0].id, c.id);
      const late = await change('Outra Ana');
      assert.equal(late.status, 412);
      assert.match((await late.json()).type, /changed/);
      assert.equal((await api.get(`/api/v1/leads/${c.lead.id}/events`)).data.at(-1).kind, 'conversation.opened');
    });

    test('what was said is found by its words soon after, in any form of them', async () => {
      const c = await writes('wamid.inbox.7', '5511981110007', 'vocês fazem orçamentos de marcenaria?');
      await api.post(`/api/v1/conversations/${c.id}/notes`, { text: 'cliente antigo da marcenaria' });
      const found = await until(async () => {
        const r = await api.get(`/api/v1/search?q=${encodeURIComponent('ORCAMENTO marcen')}`);
        return r.messages.length > 0 && (await api.get('/api/v1/search?q=marcenaria')).notes.length > 0 && r;
      }, 'the message in the index');
      assert.equal(found.messages[0].conversation_id, c.id);
      const { text, matches } = found.messages[0].snippet;
      assert.deepEqual(matches.map(([at, len]) => text.slice(at, at + len)), ['orçamentos', 'marcenaria']);
      assert.equal((await api.get('/api/v1/search?q=98111-0007')).conversations[0].id, c.id);
      assert.equal((await raw('GET', '/api/v1/search?q=oi&after=x')).status, 400);
    });

    test('nothing of another tenant is seen or touched', async () => {
      const c = await writes('wamid.inbox.6', '5511981110006', 'bom dia dos outros');
      const slug = 'outra';
      await installation.cli('tenant', 'add', slug);
      const other = (await installation.cli('key', 'add', slug, '--scope', '*')).key;
      const label = await (await raw('POST', '/api/v1/labels', { as: other, body: { name: 'x', color: '#123456' } })).json();
      assert.equal((await raw('PUT', `/api/v1/conversations/${c.id}/labels`, { body: { labels: [label.id] } })).status, 400);
      for (const [method, path, body] of [
        ['POST', `/api/v1/conversations/${c.id}/read`, {}],
        ['PUT', `/api/v1/conversations/${c.id}/labels`, { labels: [] }],
        ['GET', `/api/v1/conversations/${c.id}/notes`],
        ['POST', `/api/v1/conversations/${c.id}/notes`, { text: 'x' }],
        ['GET', `/api/v1/leads/${c.lead.id}`],
        ['PATCH', `/api/v1/leads/${c.lead.id}`, { name: 'x' }],
        ['GET', `/api/v1/leads/${c.lead.id}/events`],
      ])
        assert.equal((await raw(method, path, { as: other, body })).status, 404, `${method} ${path}`);
      assert.equal((await (await raw('GET', '/api/v1/conversations/counts', { as: other })).json()).all, 0);
      const found = await (await raw('GET', '/api/v1/search?q=marcenaria', { as: other })).json();
      assert.deepEqual([found.messages, found.conversations, found.notes], [[], [], []]);
    });
  });
}
