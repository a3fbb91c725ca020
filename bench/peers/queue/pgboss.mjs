// pgboss.mjs MODE JOBS PROCS LOCALCONCURRENCY BATCH: MODE bulk (insert 1000 a call, then drain) | live (send one by one, 64 in flight, workers running).
import { fork } from 'node:child_process';
import { createRequire } from 'node:module';
const require = createRequire(process.env.NODE_MODULES + '/x.js');
const { PgBoss } = await import(process.env.NODE_MODULES + '/pg-boss/dist/index.js').then(m => ({ PgBoss: m.PgBoss || m.default })); const { Pool } = require('pg');
const base = { host: '127.0.0.1', port: 25432, user: 'postgres', database: 'peer' };
if (process.env.CHILD) {
  const [conc, batch] = process.env.CHILD.split(',').map(Number);
  const boss = new PgBoss({ ...base, max: 20, supervise: false, schedule: false }); boss.on('error', e => console.error(e.message)); await boss.start();
  let done = 0, rep = 0;
  await boss.work('q', { batchSize: batch, localConcurrency: conc, pollingIntervalSeconds: 0.5, burstWhenBatchFull: true }, async jobs => { done += jobs.length; });
  setInterval(() => { if (done !== rep) { process.send(done); rep = done; } }, 5); process.send(-1);
  process.on('message', async () => { await boss.stop({ graceful: false }); process.exit(0); });
} else {
  const [mode, n, procs, conc, batch] = [process.argv[2], ...process.argv.slice(3).map(Number)];
  const boss = new PgBoss({ ...base, max: 40, supervise: false, schedule: false }); boss.on('error', e => console.error(e.message)); await boss.start(); await boss.createQueue('q');
  const pool = new Pool({ ...base, max: 2 });
  const kids = [], counts = []; let started = 0, resolveDone; const done = new Promise(r => { resolveDone = r; });
  const startKids = () => new Promise(res => { for (let i = 0; i < procs; i++) { counts[i] = 0; const k = fork(process.argv[1], [], { env: { ...process.env, CHILD: `${conc},${batch}` } }); kids.push(k); k.on('message', m => { if (m === -1) { if (++started === procs) res(); } else { counts[i] = m; if (counts.reduce((a, b) => a + b) >= n) resolveDone(); } }); } });
  const empty = async () => { for (;;) { const r = await pool.query("select count(*)::int c from pgboss.job where name='q' and state < 'completed'"); if (r.rows[0].c === 0) return; await new Promise(r => setTimeout(r, 20)); } };
  let t0, t1, t2;
  if (mode === 'bulk') {
    t0 = performance.now(); for (let i = 0; i < n; i += 1000) await boss.insert('q', Array.from({ length: Math.min(1000, n - i) }, (_, k) => ({ data: { id: i + k } })));
    t1 = performance.now(); await startKids(); const ts = performance.now(); await done; await empty(); t2 = performance.now();
    console.log(`pgboss bulk n=${n} procs=${procs} conc=${conc} batch=${batch} enqueue=${Math.round(n / (t1 - t0) * 1000)}/s drain=${Math.round(n / (t2 - ts) * 1000)}/s both=${Math.round(n / (t1 - t0 + t2 - ts) * 1000)}/s`);
  } else {
    await startKids(); t0 = performance.now(); let next = 0;
    await Promise.all(Array.from({ length: 64 }, async () => { while (next < n) { const id = next++; await boss.send('q', { id }); } }));
    t1 = performance.now(); await done; await empty(); t2 = performance.now();
    console.log(`pgboss live n=${n} procs=${procs} conc=${conc} batch=${batch} enqueue=${Math.round(n / (t1 - t0) * 1000)}/s end-to-end=${Math.round(n / (t2 - t0) * 1000)}/s`);
  }
  for (const k of kids) k.send('stop');
  await pool.end(); setTimeout(() => process.exit(0), 1500).unref();
}
