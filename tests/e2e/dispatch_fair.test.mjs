// SPDX-License-Identifier: Apache-2.0
// One tenant sends to fifty thousand, in more campaigns than run at once. Another tenant's campaign and answers to who writes come
// in between, whatever is still to go.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { addTemplate, importLeads } from '../support/campaign.mjs';
import { message, messageCall, post, startGraph } from '../support/graph.mjs';
import { client, ENGINES, newInstallation, seed, until } from '../support/prosa.mjs';

const MANY = 50000;
const FEW = 20;
const CAMPAIGNS = 6; // with 4 workers 2 run at once

for (const engine of ENGINES) {
  describe(`fairness on ${engine}`, () => {
    test('fifty thousand of one tenant delay neither another tenant nor a conversation', { timeout: 400000 }, async (t) => {
      const graph = await startGraph();
      const installation = await newInstallation(engine, { PROSA_OUTBOUND: 'all', PROSA_LOG_LEVEL: 'error', PROSA_WORKERS: '4' });
      t.after(async () => {
        await installation.remove();
        await graph.close();
      });
      const big = await seed(installation, graph.url, { settings: { per_second: 40 } });
      const small = await seed(installation, graph.url, { slug: 'beta', address: '520000000000003', settings: { per_second: 40 } });
      for (const one of [big, small]) await addTemplate(installation, one.tenant.id, one.account.id);
      const node = await installation.serve();
      const begin = async ({ key }, imported, limits) => {
        const api = client(node.url, key);
        const { id } = await api.post('/api/v1/dispatches', { name: 'fair', audience: { import: imported }, variables: { 1: { field: 'name' } }, channels: [{ channel: 'whatsapp' }], limits });
        await api.post(`/api/v1/dispatches/${id}/start`);
        return () => api.get(`/api/v1/dispatches/${id}`);
      };
      for (const { key } of [big, small]) await client(node.url, key).put('/api/v1/settings/quiet-hours', { is_on: false });
      await client(node.url, big.key).put('/api/v1/bot', big.bot);
      const many = await importLeads(node.url, big.key, MANY);
      const few = await importLeads(node.url, small.key, FEW);
      const first = await begin(big, many, { error_percent: 0, overlap_hours: 0 });
      await until(async () => (await first()).state === 'running', 'the large one runs', 120000);
      for (let i = 1; i < CAMPAIGNS; i++) await begin(big, many, { error_percent: 0, overlap_hours: 0 });
      await until(() => graph.accepted.length > 100, 'it sends');

      const second = await begin(small, few, { error_percent: 0 });
      await until(async () => (await second()).state === 'done', 'the other tenant’s is through', 120000);
      const left = (await first()).counts.planned;
      assert.equal((await second()).counts.reached, FEW);
      assert.ok(left > MANY / 2, `${left} of the large one are still to go`);

      const from = '5511912345678';
      await post(`${node.url}/webhooks/meta`, messageCall([message('wamid.fair', from, 'oi')]));
      await until(() => graph.accepted.some((s) => s.to === `+${from}` && s.type !== 'template'), 'an answer to who wrote', 60000);
      assert.ok((await first()).counts.planned > MANY / 2);
      assert.equal((await first()).state, 'running');
    });
  });
}
