// SPDX-License-Identifier: Apache-2.0
// A campaign that goes out fast while the provider refuses a part of it: what was taken and what was not come back together and are
// written down side by side, and the threshold of failures sees both.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { addTemplate, importLeads } from '../support/campaign.mjs';
import { startGraph } from '../support/graph.mjs';
import { client, ENGINES, newInstallation, seed, until } from '../support/prosa.mjs';

const RECIPIENTS = 3000;
const OUT_OF_REACH = { status: 400, code: 131026 };

/** A campaign to everybody, of whom the provider refuses those whose number refuses() picks; resolves when it has stopped. */
async function campaign(t, engine, refuses, limits) {
  const graph = await startGraph({ delayMs: 20 });
  graph.refuse = (body) => (refuses(Number(String(body.to).slice(-5))) ? OUT_OF_REACH : null);
  const installation = await newInstallation(engine, { PROSA_OUTBOUND: 'all', PROSA_LOG_LEVEL: 'error', PROSA_HTTPC_MAX_PER_HOST: '256' });
  t.after(async () => {
    await installation.remove();
    await graph.close();
  });
  const { key, tenant, account } = await seed(installation, graph.url, { settings: { per_second: 20000 } });
  await addTemplate(installation, tenant.id, account.id);
  const node = await installation.serve();
  const api = client(node.url, key);
  await api.put('/api/v1/settings/quiet-hours', { is_on: false });
  const imported = await importLeads(node.url, key, RECIPIENTS);
  const { id } = await api.post('/api/v1/dispatches', { name: 'mixed', audience: { import: imported }, variables: { 1: { field: 'name' } }, channels: [{ channel: 'whatsapp' }], limits });
  await api.post(`/api/v1/dispatches/${id}/start`);
  const ended = await until(async () => {
    const now = await api.get(`/api/v1/dispatches/${id}`);
    return ['done', 'paused'].includes(now.state) && now;
  }, 'it is over', 120000);
  return { graph, api, id, ended };
}

for (const engine of ENGINES) {
  describe(`a campaign that is partly refused on ${engine}`, () => {
    test('every answer is written down once it is done, and below the threshold nothing pauses it', { timeout: 300000 }, async (t) => {
      const { graph, api, id, ended } = await campaign(t, engine, (n) => n % 5 === 0, { error_percent: 30, error_min: 50 });
      assert.equal(ended.state, 'done', `${ended.cause}: ${ended.reason}`);
      assert.equal(ended.counts.reached, graph.accepted.length);
      assert.equal(ended.counts.reached + ended.counts.failed, RECIPIENTS, JSON.stringify(ended.counts));
      assert.ok(ended.counts.failed > RECIPIENTS / 10);
      assert.deepEqual(graph.duplicates(), []);

      const ids = new Map(graph.accepted.map((send) => [send.correlation, send.id]));
      let somebody;
      for (let cursor = '', more = true; more; ) {
        const page = await api.get(`/api/v1/dispatches/${id}/recipients?limit=500${cursor ? `&cursor=${cursor}` : ''}`);
        for (const one of page.data) assert.equal(one.provider_id || undefined, ids.get(`r:${one.id}`), JSON.stringify(one));
        somebody = page.data.find((one) => one.state === 'sent') ?? somebody;
        cursor = page.next;
        more = page.has_more;
      }
      assert.equal((await api.get(`/api/v1/leads/${somebody.lead_id}`)).state, 'contacting');
      const { data: events } = await api.get(`/api/v1/leads/${somebody.lead_id}/timeline`);
      assert.equal(events.filter((event) => event.kind === 'lead.state').length, 1, JSON.stringify(events));
    });

    test('above the threshold it is paused, and what had been taken by then is told', { timeout: 300000 }, async (t) => {
      const { graph, ended } = await campaign(t, engine, (n) => n % 2 === 0, { error_percent: 30, error_min: 50 });
      assert.equal(ended.state, 'paused');
      assert.equal(ended.cause, 'error-threshold');
      assert.ok(ended.counts.planned > 0, JSON.stringify(ended.counts));
      assert.ok(graph.accepted.length < RECIPIENTS / 2);
      assert.deepEqual(graph.duplicates(), []);
    });
  });
}
