// SPDX-License-Identifier: Apache-2.0
// A campaign that is paused, resumed and killed at random while it sends, against a fake API that cuts off some answers after
// accepting. At the end: nobody got it twice, every recipient is accounted for, and callbacks settle what was uncertain.
//   node tests/crash/dispatch.mjs RECIPIENTS INTERRUPTIONS
import { addTemplate, importLeads } from '../support/campaign.mjs';
import { post, startGraph, statusCall } from '../support/graph.mjs';
import { client, ENGINES, newInstallation, seed, until } from '../support/prosa.mjs';

const recipients = Number(process.argv[2] ?? 2000);
const interruptions = Number(process.argv[3] ?? 10);

async function scene(engine) {
  const graph = await startGraph({ cutRate: 0.01, delayMs: 20 });
  const installation = await newInstallation(engine, { PROSA_OUTBOUND: 'all', PROSA_LEASE_MS: '5s', PROSA_LOG_LEVEL: 'error', PROSA_HTTPC_MAX_PER_HOST: '128' });
  const problems = [];
  try {
    const { key, tenant, account } = await seed(installation, graph.url, { settings: { per_second: Math.max(200, Math.ceil(recipients / (interruptions * 1.5))) } });
    await addTemplate(installation, tenant.id, account.id);
    let node = await installation.serve();
    let api = client(node.url, key);
    await api.put('/api/v1/settings/quiet-hours', { is_on: false });
    const imported = await importLeads(node.url, key, recipients);
    const { id } = await api.post('/api/v1/dispatches', { name: 'crash', audience: { import: imported }, variables: { 1: { field: 'name' } }, limits: { error_percent: 0 } });
    const path = `/api/v1/dispatches/${id}`;
    await api.post(`${path}/start`);
    const state = async () => (await api.get(path)).state;
    await until(async () => ['running', 'done'].includes(await state()), 'it runs', 600000);
    for (let i = 0; i < interruptions && (await state()) !== 'done'; i++) {
      await new Promise((done) => setTimeout(done, 100 + Math.random() * 900)); // the moment is the experiment
      if (Math.random() < 0.5) {
        await node.kill('SIGKILL');
        node = await installation.serve();
        api = client(node.url, key);
      } else if ((await state()) === 'running') {
        await api.post(`${path}/pause`).catch(() => {});
        const before = graph.accepted.length;
        await new Promise((done) => setTimeout(done, 300)); // what was under way ends
        const settled = graph.accepted.length;
        await new Promise((done) => setTimeout(done, 200));
        if ((await state()) === 'paused' && graph.accepted.length > settled) problems.push(`${graph.accepted.length - settled} sends began after a pause (${settled - before} were under way)`);
        await api.post(`${path}/resume`).catch(() => {});
      }
    }
    await until(async () => (await state()) === 'done', 'it is done', 1200000);
    if (graph.duplicates().length > 0) problems.push(`${graph.duplicates().length} people got it twice`);
    const { counts } = await api.get(path);
    const taken = new Set(graph.accepted.map((s) => s.correlation)).size;
    if (counts.total !== recipients) problems.push(`${counts.total} recipients, not ${recipients}`);
    if (counts.reached + counts.uncertain !== recipients) problems.push(`${counts.reached} reached and ${counts.uncertain} uncertain of ${recipients}: ${JSON.stringify(counts)}`);
    if (counts.reached > taken) problems.push(`${counts.reached} said to be reached, ${taken} taken`);
    for (let i = 0; i < graph.accepted.length; i += 200) await Promise.all(graph.accepted.slice(i, i + 200).map((s) => post(`${node.url}/webhooks/meta`, statusCall(s, 'delivered'))));
    await until(async () => (await api.get(path)).counts.delivered === taken, 'callbacks settle what the API took', 600000).catch((e) => problems.push(e.message));
    const after = (await api.get(path)).counts;
    console.log(`${engine}: ${recipients} recipients, ${interruptions} interruptions: ${taken} taken by the API, ${counts.uncertain} uncertain, of which callbacks settled ${counts.uncertain - after.uncertain}`);
    await node.kill();
  } finally {
    for (const p of installation.processes) await p.kill('SIGKILL');
    await installation.remove();
    await graph.close();
  }
  return problems.map((p) => `${engine}: ${p}`);
}

let failed = 0;
for (const engine of ENGINES) {
  const problems = await scene(engine).catch((e) => [e.stack]);
  for (const p of problems) console.error(`FAILED ${p}`);
  failed += problems.length > 0;
}
console.log(`${ENGINES.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
