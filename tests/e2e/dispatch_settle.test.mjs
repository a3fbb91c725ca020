// SPDX-License-Identifier: Apache-2.0
// People are sent a campaign's message again one by one or by what kept them from it, over the API or the command line: one gate
// stands before all of these ways, and each says the same.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { addTemplate, importLeads } from '../support/campaign.mjs';
import { startGraph } from '../support/graph.mjs';
import { client, ENGINES, newInstallation, seed, until } from '../support/prosa.mjs';

const CONFLICT = 4;
const PEOPLE = 3;

for (const engine of ENGINES)
  describe(`sending again on ${engine}`, () => {
    test('is refused in one way while campaigns are not let out, and changes nothing', { timeout: 120000 }, async (t) => {
      const graph = await startGraph();
      t.after(() => graph.close());
      graph.statuses = [];
      const installation = await newInstallation(engine, { PROSA_OUTBOUND: 'all' });
      t.after(() => installation.remove());
      const { key, tenant, account } = await seed(installation, graph.url);
      await addTemplate(installation, tenant.id, account.id);
      let node = await installation.serve();
      let api = client(node.url, key);
      await api.put('/api/v1/settings/quiet-hours', { is_on: false });
      const imported = await importLeads(node.url, key, PEOPLE);
      const { id } = await api.post('/api/v1/dispatches', {
        name: 'de novo', audience: { import: imported }, channels: [{ channel: 'whatsapp' }], variables: { 1: { field: 'name' } }, limits: { error_percent: 0 },
      });
      const path = `/api/v1/dispatches/${id}`;
      graph.refuse = () => ({ status: 400, code: 131026 });
      await api.post(`${path}/start`);
      await until(async () => (await api.get(path)).state === 'done', 'it is done');
      graph.refuse = null;
      await node.kill();

      node = await installation.serve({ PROSA_OUTBOUND: 'replies' });
      api = client(node.url, key);
      const { data: rows } = await api.get(`${path}/recipients`);
      assert.deepEqual(rows.map((row) => row.state), Array(PEOPLE).fill('failed'));
      const { as_of, causes: [{ state, cause, settleable: count }] } = await api.get(`${path}/report`);
      const refusal = (order) => order.then(() => assert.fail('it was taken'), (e) => ({ ...e.problem, instance: 'of the request' }));
      const one = () => api.post(`/api/v1/dispatch-recipients/${rows[0].id}/settle`, { as: 'resend' });
      const said = await refusal(api.post(`${path}/recipients/settle`, { state, cause, as: 'resend', as_of, count }));
      assert.equal(said.status, 409);
      assert.match(said.type, /:gate-closed$/);
      assert.deepEqual(await refusal(one()), said);
      for (const words of [['settle', 'acme', rows[0].id, 'resend'], ['settle-all', 'acme', id, 'resend', '--state', state, '--cause', cause, '--yes']]) {
        const { code, stderr } = await installation.cliRaw('dispatch', ...words, '--outbound', 'replies');
        assert.deepEqual([code, stderr.endsWith(`: ${said.detail}\n`)], [CONFLICT, true], stderr);
      }
      assert.deepEqual([(await api.get(path)).state, (await api.get(`${path}/recipients`)).data], ['done', rows]);
      await node.kill();

      node = await installation.serve();
      api = client(node.url, key);
      await one();
      await until(async () => (await api.get(path)).counts.reached === 1, 'who is sent to again gets it once the gate is open');
      assert.equal(graph.accepted.length, 1);
    });
  });
