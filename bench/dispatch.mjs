// SPDX-License-Identifier: Apache-2.0
// How fast a campaign goes out, each result durable, against a fake provider that answers after 100 ms; with RATE, how exactly it
// keeps that many a second.
//   node bench/dispatch.mjs ENGINE RECIPIENTS URL_OF_THE_FAKE_PROVIDER [RATE]
import { addTemplate, importLeads } from '../tests/support/campaign.mjs';
import { client, newInstallation, seed, until } from '../tests/support/prosa.mjs';

const [engine, n, url, rate] = process.argv.slice(2);
const recipients = Number(n);
const installation = await newInstallation(engine, { PROSA_OUTBOUND: 'all', PROSA_LOG_LEVEL: 'error', PROSA_HTTPC_MAX_PER_HOST: '1000' });
try {
  const { key, tenant, account } = await seed(installation, url, { settings: { per_second: rate ?? 50000 } });
  await addTemplate(installation, tenant.id, account.id);
  const node = await installation.serve();
  const api = client(node.url, key);
  await api.put('/api/v1/settings/quiet-hours', { is_on: false });
  const imported = await importLeads(node.url, key, recipients);
  const { id } = await api.post('/api/v1/dispatches', { name: 'bench', audience: { import: imported }, variables: { 1: { field: 'name' } } });
  const path = `/api/v1/dispatches/${id}`;
  await api.post(`${path}/plan`);
  await until(async () => (await api.get(path)).state === 'planned', 'it is planned', 600000);
  await api.post(`${path}/start`);
  // Each look counts all the rows, and the time is the campaign's own: more looks would only take processors from what is measured.
  while ((await api.get(path)).state !== 'done') await new Promise((done) => setTimeout(done, 500));
  const d = await api.get(path);
  const seconds = (Date.parse(d.finished_at) - Date.parse(d.started_at)) / 1000;
  console.log(`prosa ${engine}: ${d.counts.reached} of ${recipients} in ${seconds.toFixed(2)} s, ${Math.round(recipients / seconds)} sends/s${rate ? `, ${((100 * recipients) / seconds / rate - 100).toFixed(2)} % off ${rate}/s` : ''}`);
  await node.kill();
} finally {
  for (const p of installation.processes) await p.kill('SIGKILL');
  await installation.remove();
}
