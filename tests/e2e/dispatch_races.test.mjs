// SPDX-License-Identifier: Apache-2.0
// A campaign of ten thousand on the real program, on PostgreSQL by three nodes at once, while people opt out and somebody pauses and
// resumes it at random. What counts as begun is what the row says when the answer is there: who is still planned then must never be
// heard of at the fake API, and during a pause it may hear only of those whose calls were under way.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { addTemplate, importLeads } from '../support/campaign.mjs';
import { startGraph } from '../support/graph.mjs';
import { client, ENGINES, newInstallation, seed, until } from '../support/prosa.mjs';

const RECIPIENTS = Number(process.env.PROSA_TEST_RECIPIENTS ?? 10000);
const STOPPERS = 4;

/** The cursor just before somebody: lists of recipients go by lead. */
const before = (id) => {
  const hex = (BigInt(`0x${id.replaceAll('-', '')}`) - 1n).toString(16).padStart(32, '0');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
};

/** Asks again when told that it was too often. */
async function patiently(ask) {
  for (;;) {
    try {
      return await ask();
    } catch (e) {
      if (e.status !== 429) throw e;
      await new Promise((done) => setTimeout(done, e.retryAfterMs || 500));
    }
  }
}

async function allLeads(api) {
  const all = [];
  for (let cursor = ''; ; ) {
    const page = await api.get(`/api/v1/leads?limit=500${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`);
    all.push(...page.data);
    if (!page.has_more) return all;
    cursor = page.next;
  }
}

for (const engine of ENGINES) {
  describe(`a campaign beside opt-outs and pauses on ${engine}`, () => {
    test('nobody is sent to after their opt-out or during a pause, and everybody at most once', { timeout: 600000 }, async (t) => {
      const graph = await startGraph({ delayMs: 200 });
      const installation = await newInstallation(engine, { PROSA_OUTBOUND: 'all', PROSA_LOG_LEVEL: 'error', PROSA_HTTPC_MAX_PER_HOST: '128' });
      t.after(async () => {
        await installation.remove();
        await graph.close();
      });
      const { key, tenant, account } = await seed(installation, graph.url, { settings: { per_second: 500 } });
      await addTemplate(installation, tenant.id, account.id);
      const nodes = [];
      for (let i = 0; i < (engine === 'postgres' ? 3 : 1); i++) nodes.push(await installation.serve());
      const apis = nodes.map((node) => client(node.url, key));
      const keys = [];
      for (let i = 0; i < STOPPERS; i++) keys.push((await installation.cli('key', 'add', 'acme', '--scope', '*')).key);
      const any = () => apis[Math.floor(Math.random() * apis.length)];
      await any().put('/api/v1/settings/quiet-hours', { is_on: false });
      const imported = await importLeads(nodes[0].url, key, RECIPIENTS);
      const leads = await allLeads(any());
      assert.equal(leads.length, RECIPIENTS);

      const { id } = await any().post('/api/v1/dispatches', { name: 'races', audience: { import: imported }, variables: { 1: { field: 'name' } }, channels: [{ channel: 'whatsapp' }], limits: { error_percent: 0 } });
      const path = `/api/v1/dispatches/${id}`;
      const stopped = new Set(); // who had not been begun when the answer to the opt-out was there
      const late = [];
      const duringPause = [];
      let begun = null; // while it is paused: who was under way
      let pauses = 0;
      let asked = 0;
      graph.heard = (body) => {
        const phone = String(body.to).replace('+', '');
        if (stopped.has(phone)) late.push(phone);
        if (begun && !begun.has(phone)) duringPause.push(phone);
      };
      await any().post(`${path}/start`);
      let isOver = false;
      const people = leads.map((lead) => ({ id: lead.id, phone: lead.phones[0].e164 })).sort(() => Math.random() - 0.5);

      const state = async () => (await patiently(() => any().get(path))).state;
      const stopper = async (n) => {
        for (let i = n; i < people.length && !isOver; i += STOPPERS) {
          const one = people[i];
          const channel = Math.random() < 0.5 ? 'all' : 'whatsapp';
          const api = client(nodes[i % nodes.length].url, keys[n]);
          await patiently(() => api.post(`/api/v1/leads/${one.id}/consents`, { action: 'stop', channel, text: 'pediu' }));
          asked++;
          const { data } = await patiently(() => api.get(`${path}/recipients?limit=1&cursor=${before(one.id)}`));
          if (data[0]?.lead_id === one.id && ['planned', 'excluded'].includes(data[0].state)) stopped.add(one.phone);
        }
      };
      const pauser = async () => {
        while (!isOver) {
          await new Promise((done) => setTimeout(done, 500 + Math.random() * 1500)); // the moment is the experiment
          if ((await state()) !== 'running') continue;
          const paused = await patiently(() => any().post(`${path}/pause`)).catch((e) => assert.equal(e.status, 409)); // it was through
          if (!paused) continue;
          const { data } = await patiently(() => any().get(`${path}/recipients?state=sending&limit=500`));
          begun = new Set(data.map((one) => one.phone));
          pauses++;
          await new Promise((done) => setTimeout(done, 100 + Math.random() * 100));
          begun = null;
          await patiently(() => any().post(`${path}/resume`));
        }
      };
      const beside = [pauser(), ...Array.from({ length: STOPPERS }, (_, n) => stopper(n))];
      const watcher = until(async () => isOver || (await state()) === 'done', 'it is done', 500000);
      await Promise.all([watcher.finally(() => (isOver = true)), ...beside.map((one) => one.catch((e) => ((isOver = true), Promise.reject(e))))]);

      const { counts, causes } = await patiently(() => any().get(`${path}/report`));
      t.diagnostic(`${asked} opt-outs, ${counts.excluded} in time; ${pauses} pauses; ${counts.uncertain} answers lost`);
      assert.deepEqual(late, [], 'sends that began after an opt-out');
      assert.deepEqual(duringPause, [], 'sends that began during a pause');
      assert.deepEqual(graph.duplicates(), []);
      assert.equal(counts.total, RECIPIENTS);
      // Where a machine is so slow that an answer is not waited for, its person is uncertain: told of, and not sent to again.
      assert.equal(counts.reached + counts.excluded + counts.uncertain, RECIPIENTS, JSON.stringify([counts, causes]));
      assert.ok(counts.uncertain <= 10, JSON.stringify(causes));
      assert.ok(graph.accepted.length >= counts.reached && graph.accepted.length <= counts.reached + counts.uncertain);
      assert.ok(counts.excluded > 50 && counts.reached > 50 && pauses > 3, 'all of it happened');
    });
  });
}
