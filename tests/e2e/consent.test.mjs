// SPDX-License-Identifier: Apache-2.0
// Somebody writes that they want no more: it is kept, said back once, and still holds when their number comes in anew.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { message, messageCall, post, startGraph } from '../support/graph.mjs';
import { client, ENGINES, newInstallation, seed, until } from '../support/prosa.mjs';

for (const engine of ENGINES) {
  describe(`consent on ${engine}`, () => {
    const phone = '5511981234567';
    let graph, installation, node, api, key, n = 0;

    before(async () => {
      graph = await startGraph();
      installation = await newInstallation(engine);
      const seeded = await seed(installation, graph.url);
      node = await installation.serve();
      key = seeded.key;
      api = client(node.url, key);
    });
    after(async () => {
      if (node) await node.kill();
      await installation?.remove();
      await graph?.close();
    });

    const say = async (from, text) => assert.equal((await post(`${node.url}/webhooks/meta`, messageCall([message(`wamid.c.${process.pid}.${++n}`, from, text)]))).status, 200);
    const said = (to) => graph.accepted.filter((s) => s.to === `+${to}`);
    const leadOf = (from) => until(async () => (await api.get('/api/v1/conversations?limit=100')).data.find((c) => c.lead.phone === from)?.lead, `a lead with ${from}`);

    test('words stop marketing, are proven and confirmed once', async () => {
      await say(phone, 'Não quero mais receber mensagens de vocês');
      const lead = await leadOf(phone);
      const [act] = await until(async () => {
        const { data } = await api.get(`/api/v1/leads/${lead.id}/consents`);
        return data.length > 0 && data;
      }, 'the stop');
      assert.equal(act.is_stopped, true);
      assert.equal(act.source, 'message');
      assert.equal(act.text, 'Não quero mais receber mensagens de vocês');
      assert.ok(act.message_id);
      await until(() => said(phone).length === 1, 'the confirmation');
      await say(phone, 'SAIR');
      await until(async () => (await api.get(`/api/v1/leads/${lead.id}/consents`)).data.length === 2, 'the second word');
      await say(phone, 'oi'); // who writes gets answers, and nothing was said in between
      await until(() => said(phone).length === 2, 'the answer of the bot');
      assert.ok((await api.get(`/api/v1/leads/${lead.id}`)).marketing_stopped_at);
      const { data } = await api.get(`/api/v1/suppressions?q=${phone}`);
      assert.equal(data.length, 1);
      assert.equal(data[0].channel, 'all');
    });

    test('a number on the list counts from the first moment its owner is a lead', async () => {
      const other = '5521981230001';
      const made = await api.post('/api/v1/suppressions/import', { values: [`+${other}`, 'nobody'], reason: 'list of the old system' });
      assert.deepEqual([made.added, made.known, made.n_refused], [1, 0, 1]);
      await say(other, 'oi');
      const lead = await leadOf(other);
      const { data } = await api.get(`/api/v1/leads/${lead.id}/consents`);
      assert.equal(data[0].source, 'import');
      const again = await api.post('/api/v1/suppressions/import', { values: [other], reason: 'again' });
      assert.deepEqual([again.added, again.known], [0, 1]);
    });

    test('a mistake is taken back with a reason, which is kept', async () => {
      const { data: [row] } = await api.get(`/api/v1/suppressions?q=${phone}`);
      await api.post(`/api/v1/suppressions/${row.id}/remove`, { reason: 'she called: it was her son' });
      assert.equal((await api.get(`/api/v1/suppressions?q=${phone}`)).data.length, 0);
      const lead = await leadOf(phone);
      const { data: [last] } = await api.get(`/api/v1/leads/${lead.id}/consents`);
      assert.equal(last.is_stopped, false);
      assert.equal(last.text, 'she called: it was her son');
      assert.equal((await api.get(`/api/v1/leads/${lead.id}`)).marketing_stopped_at, null);
    });

    test('who said stop stays out of campaigns, whatever the next spreadsheet writes over them', async () => {
      const gone = '5511981230077', stays = '5511981230078';
      const sheet = `Nome;Telefone;Cidade\nRita Reis;+${gone};Santos\nOtto Alves;+${stays};Santos\n`;
      const put = async () => {
        const { id } = await (await fetch(`${node.url}/api/v1/imports?name=lista.csv`, { method: 'POST', headers: { authorization: `Bearer ${key}` }, body: sheet })).json();
        await api.patch(`/api/v1/imports/${id}`, { policy: 'overwrite' });
        await api.post(`/api/v1/imports/${id}/commit`);
        return until(async () => { const im = await api.get(`/api/v1/imports/${id}`); return im.state === 'done' && im; }, 'the import');
      };
      await put();
      await say(gone, 'me tira dessa lista');
      const lead = await leadOf(gone);
      await until(async () => (await api.get(`/api/v1/leads/${lead.id}`)).state === 'opted_out', 'the state follows');
      const again = await put();
      assert.equal(again.counts.rows, 2);
      const { data: [step] } = await api.get(`/api/v1/leads/${lead.id}/timeline?limit=1`);
      assert.ok(step);
      assert.equal((await api.get(`/api/v1/leads/${lead.id}`)).state, 'opted_out');

      const d = await api.post('/api/v1/dispatches', { name: 'again', audience: { import: again.id } });
      await api.post(`/api/v1/dispatches/${d.id}/plan`);
      await until(async () => (await api.get(`/api/v1/dispatches/${d.id}`)).state === 'planned', 'the plan');
      const { data: people } = await api.get(`/api/v1/dispatches/${d.id}/recipients`);
      const of = (id) => people.find((p) => p.lead_id === id);
      assert.equal(people.length, 2);
      assert.equal(of(lead.id).block_reason, 'opted-out-all');
      assert.ok(!people.find((p) => p.lead_id !== lead.id).block_reason?.startsWith('opted-out'));
    });

    test('a lead dragged to opted_out on the board is on the list, and comes back by the wish alone', async () => {
      const { id } = await api.post('/api/v1/leads', { name: 'Nilo Prado', phones: ['+55 11 98123-0079'] });
      await api.post(`/api/v1/leads/${id}/state`, { state: 'opted_out', why: 'asked at the counter' });
      const { data: [act] } = await api.get(`/api/v1/leads/${id}/consents`);
      assert.deepEqual([act.is_stopped, act.channel, act.source, act.text], [true, 'all', 'person', 'asked at the counter']);
      await assert.rejects(api.post(`/api/v1/leads/${id}/state`, { state: 'won' }), (e) => e.status === 409);
      await api.post(`/api/v1/leads/${id}/consents`, { action: 'allow', channel: 'email', text: 'wants the invoice by mail' });
      assert.equal((await api.get(`/api/v1/leads/${id}`)).state, 'contacting');
      assert.ok((await api.get(`/api/v1/leads/${id}`)).marketing_stopped_at); // WhatsApp stays stopped
    });
  });
}
