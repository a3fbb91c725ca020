// SPDX-License-Identifier: Apache-2.0
// kill -9 in a loop under load. Calls arrive batched, doubled and out of order at 200 a second; the fake Graph API cuts off some
// answers after accepting. At the end: every acknowledged message is there once, nothing was sent twice.
//   node tests/crash/run.mjs ROUNDS
import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { message, messageCall, post, startGraph } from '../support/graph.mjs';
import { client, newInstallation, seed, until } from '../support/prosa.mjs';

const run = promisify(execFile);
const rounds = Number(process.argv[2] ?? 20);
const RATE = 200; // messages a second
const seedNumber = Number(process.env.PROSA_CRASH_SEED ?? Date.now() % 2 ** 31);

/** Small generator with a seed, so that a failed run can be repeated. */
function random(seed) {
  let s = seed >>> 0;
  return () => {
    s = (s + 0x6d2b79f5) >>> 0;
    let t = s;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Sends for as long as it is on; remembers what was acknowledged. */
function load(urls, rnd) {
  const acknowledged = new Set();
  const offered = [];
  let n = 0;
  let on = true;
  const flying = new Set();
  const fire = (call, ids) => {
    const url = `${urls[Math.floor(rnd() * urls.length)]}/webhooks/meta`;
    const p = post(url, call, { timeout: 5000 })
      .then((r) => {
        if (r.status === 200) for (const id of ids) acknowledged.add(id);
      })
      .catch(() => {})
      .finally(() => flying.delete(p));
    flying.add(p);
  };
  const tick = setInterval(() => {
    if (!on || flying.size > 200) return;
    const batch = [];
    for (let i = 0; i < RATE / 20; i++) {
      n++;
      batch.push(message(`wamid.crash.${n}`, `55118${String(90000000 + (n % 500))}`, `m${n}`));
    }
    batch.sort(() => rnd() - 0.5);
    const cut = 1 + Math.floor(rnd() * batch.length);
    for (const part of [batch.slice(0, cut), batch.slice(cut)]) {
      if (part.length === 0) continue;
      const call = messageCall(part);
      const ids = part.map((m) => m.id);
      offered.push(call);
      fire(call, ids);
      if (rnd() < 0.3) fire(call, ids); // delivered twice
      if (rnd() < 0.2 && offered.length > 30) {
        const old = offered[Math.floor(rnd() * offered.length)]; // and once more, much later
        fire(old, old.entry[0].changes.map((c) => c.value.messages[0].id));
      }
    }
  }, 50);
  return {
    acknowledged,
    count: () => n,
    async stop() {
      on = false;
      clearInterval(tick);
      await Promise.allSettled([...flying]);
    },
  };
}

async function check(api, graph, sent, label) {
  const problems = [];
  // Raw calls of the installation's app are the system's until they are routed, so the tenant's own messages tell when all is in.
  let all = [];
  const isAllThere = async () => {
    all = await api.allMessages();
    const there = new Set(all.map((m) => m.provider_message_id));
    return [...sent.acknowledged].every((id) => there.has(id));
  };
  // However long the backlog takes: only when nothing more comes out of it is what is missing lost.
  for (let last = -1; last < all.length; ) {
    last = all.length;
    await until(async () => (await isAllThere()) || all.length > last, 'more messages are stored', 60000).catch(() => {});
  }
  await until(async () => (await api.get('/api/v1/jobs?state=running&limit=1')).data.length + (await api.get('/api/v1/jobs?state=ready&limit=1')).data.length === 0, 'all work is done', 120000);
  all = await api.allMessages();
  const inbound = all.filter((m) => m.direction === 'in');
  const stored = new Set(inbound.map((m) => m.provider_message_id));
  const lost = [...sent.acknowledged].filter((id) => !stored.has(id));
  if (lost.length > 0) problems.push(`${lost.length} acknowledged messages lost, such as ${lost[0]}`);
  if (stored.size !== inbound.length) problems.push(`${inbound.length - stored.size} messages stored twice`);
  if (graph.duplicates().length > 0) problems.push(`${graph.duplicates().length} messages sent twice`);
  const replies = all.filter((m) => m.direction === 'out').length;
  console.log(`${label}: ${sent.count()} offered, ${sent.acknowledged.size} acknowledged, ${stored.size} stored, ${replies} replies, ${graph.accepted.length} accepted by the fake API, ${all.filter((m) => m.status === 'uncertain').length} uncertain`);
  return problems;
}

/** ROUNDS kills spread over `nodes` processes on one database. */
async function killLoop(engine, nodes, count, rnd) {
  const graph = await startGraph({ cutRate: 0.05, statuses: [] });
  const installation = await newInstallation(engine, { PROSA_LEASE_MS: '5s', PROSA_LOG_LEVEL: 'error' });
  const label = `${engine}, ${nodes} node${nodes > 1 ? 's' : ''}, ${count} kills`;
  try {
    const { key } = await seed(installation, graph.url, { settings: { per_second: 1000, pair_interval_ms: 1, pair_burst: 1000 } });
    const running = await Promise.all(Array.from({ length: nodes }, () => installation.serve()));
    await client(running[0].url, key).put('/api/v1/bot', { debounce_ms: 1000, debounce_cap_ms: 2000 });
    const urls = running.map((p) => p.url);
    const sent = load(urls, rnd);
    for (let i = 0; i < count; i++) {
      await new Promise((done) => setTimeout(done, 300 + rnd() * 1200)); // the moment of the kill is the experiment
      const at = Math.floor(rnd() * nodes);
      await running[at].kill('SIGKILL');
      running[at] = await installation.serve();
      urls[at] = running[at].url;
    }
    await sent.stop();
    const problems = await check(client(running[0].url, key), graph, sent, label);
    for (const p of running) await p.kill();
    return problems.map((p) => `${label}: ${p}`);
  } finally {
    await installation.remove();
    await graph.close();
  }
}

/** A frozen node's work is taken over within 30 s, and what it writes on waking is refused. */
async function frozen(rnd) {
  const graph = await startGraph();
  const installation = await newInstallation('postgres', { PROSA_LEASE_MS: '5s', PROSA_LOG_LEVEL: 'error' });
  const problems = [];
  try {
    const { key } = await seed(installation, graph.url);
    const a = await installation.serve();
    const urls = [a.url];
    const sent = load(urls, rnd);
    await until(() => sent.acknowledged.size > 100, 'load');
    a.child.kill('SIGSTOP'); // alone so far: whatever was being done, it held
    const frozenAt = Date.now();
    const b = await installation.serve();
    const api = client(b.url, key);
    urls[0] = b.url;
    const mark = `wamid.frozen.${frozenAt}`;
    await post(`${b.url}/webhooks/meta`, messageCall([message(mark, '5511877770000', 'oi')]));
    await until(async () => (await api.allMessages()).some((m) => m.provider_message_id === mark), 'work goes on without the frozen node', 30000);
    const took = Date.now() - frozenAt;
    a.child.kill('SIGCONT');
    await sent.stop();
    problems.push(...(await check(api, graph, sent, `postgres, a node frozen, work went on after ${took} ms`)));
    await a.kill();
    await b.kill();
  } finally {
    await installation.remove();
    await graph.close();
  }
  return problems.map((p) => `frozen node: ${p}`);
}

/** PostgreSQL is restarted, once kindly and once as in a crash, while calls come in. */
async function databaseRestart(rnd) {
  const graph = await startGraph();
  const installation = await newInstallation('postgres', { PROSA_LOG_LEVEL: 'error', PROSA_LEASE_MS: '5s' });
  const problems = [];
  try {
    const { key } = await seed(installation, graph.url);
    const node = await installation.serve();
    const sent = load([node.url], rnd);
    for (const mode of ['fast', 'immediate']) {
      const before = sent.acknowledged.size;
      await until(() => sent.acknowledged.size > before + 100, 'load');
      await run(path.resolve('tests/tools/pg.sh'), ['restart', process.env.PROSA_TEST_POSTGRES_DIR, mode]);
    }
    const after = sent.acknowledged.size;
    await until(() => sent.acknowledged.size > after + 100, 'calls are taken again', 60000);
    await sent.stop();
    problems.push(...(await check(client(node.url, key), graph, sent, 'postgres, restarted twice under load')));
    await node.kill();
  } finally {
    await installation.remove();
    await graph.close();
  }
  return problems.map((p) => `database restart: ${p}`);
}

/** The disk fills up: calls are refused with 503, nothing acknowledged is lost, and it goes on once there is room. */
async function fullDisk(rnd) {
  const graph = await startGraph();
  const installation = await newInstallation('sqlite', { PROSA_LOG_LEVEL: 'error' });
  const small = `${installation.dir}/small`;
  const problems = [];
  await mkdir(small);
  await run('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', small]);
  try {
    installation.env.PROSA_DATABASE_URL = `sqlite:${small}/prosa.db`;
    const { key } = await seed(installation, graph.url);
    const node = await installation.serve();
    const sent = load([node.url], rnd);
    await until(() => sent.acknowledged.size > 100, 'load');
    await writeFile(`${small}/filler`, Buffer.alloc(48 << 20)).catch(() => {}); // takes what is left
    const refused = await until(async () => (await post(`${node.url}/webhooks/meta`, messageCall([message(`wamid.full.${Date.now()}`, '5511866660000', 'oi')]))).status === 503, 'a call is refused', 60000).catch((e) => e);
    if (refused instanceof Error) problems.push(refused.message);
    if ((await fetch(`${node.url}/healthz`)).status !== 200) problems.push('the server does not answer while the disk is full');
    await rm(`${small}/filler`);
    const after = sent.acknowledged.size;
    await until(() => sent.acknowledged.size > after + 50, 'calls are taken again', 60000);
    await sent.stop();
    problems.push(...(await check(client(node.url, key), graph, sent, 'sqlite, disk full for a while')));
    await node.kill();
  } finally {
    for (const p of installation.processes) await p.kill('SIGKILL');
    await run('umount', [small]);
    await installation.remove();
    await graph.close();
  }
  return problems.map((p) => `full disk: ${p}`);
}

const rnd = random(seedNumber);
console.log(`seed ${seedNumber} (PROSA_CRASH_SEED repeats it)`);
const scenes = [
  () => killLoop('sqlite', 1, rounds, rnd),
  () => killLoop('postgres', 2, rounds, rnd),
  () => frozen(rnd),
  () => databaseRestart(rnd),
  () => fullDisk(rnd),
];
let failed = 0;
for (const scene of scenes) {
  const problems = await scene().catch((e) => [e.stack]);
  for (const p of problems) console.error(`FAILED ${p}`);
  failed += problems.length > 0;
}
console.log(`${scenes.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
