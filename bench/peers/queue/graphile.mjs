// graphile.mjs MODE JOBS WORKERPROCS CONCURRENCY LOCALQUEUE BATCHDELAY: MODE bulk (add all, then drain) | live (one add_job a statement, 64 in flight, workers running).
import { fork } from 'node:child_process';
import { createRequire } from 'node:module';
const require = createRequire(process.env.NODE_MODULES + '/x.js');
const { run, runMigrations } = require('graphile-worker'); const { Pool } = require('pg');
const cs = 'postgres://postgres@127.0.0.1:25432/peer';
const quiet = () => () => {}; const { Logger } = require('graphile-worker');
if (process.env.CHILD) {
  const [conc, lq, bd] = process.env.CHILD.split(',').map(Number);
  let done = 0, rep = 0;
  const r = await run({ preset: { worker: { connectionString: cs, concurrentJobs: conc, maxPoolSize: Math.min(conc + 2, 22), pollInterval: 200, logger: new Logger(quiet), taskDirectory: '/nonexistent', ...(lq > 0 ? { localQueue: { size: lq } } : {}), ...(bd >= 0 ? { completeJobBatchDelay: bd, failJobBatchDelay: bd } : {}) } }, taskList: { noop: async () => { done++; } } });
  setInterval(() => { if (done !== rep) { process.send(done); rep = done; } }, 5);
  process.send(-1);
  process.on('message', async () => { await r.stop(); process.exit(0); });
} else {
  const [mode, n, procs, conc, lq, bd] = [process.argv[2], ...process.argv.slice(3).map(Number)];
  const pool = new Pool({ connectionString: cs, max: 64 });
  await runMigrations({ connectionString: cs, logger: new Logger(quiet) });
  const kids = [], counts = []; let started = 0, total = 0, resolveDone; const done = new Promise(r => { resolveDone = r; });
  const startKids = () => new Promise(res => { for (let i = 0; i < procs; i++) { counts[i] = 0; const k = fork(process.argv[1], [], { env: { ...process.env, CHILD: `${conc},${lq},${bd}` } }); kids.push(k); k.on('message', m => { if (m === -1) { if (++started === procs) res(); } else { counts[i] = m; if (counts.reduce((a, b) => a + b) >= n) resolveDone(); } }); } });
  const empty = async () => { for (;;) { const r = await pool.query('select count(*)::int c from graphile_worker._private_jobs'); if (r.rows[0].c === 0) return; await new Promise(r => setTimeout(r, 10)); } };
  let t0, t1, t2;
  if (mode === 'bulk') {
    t0 = performance.now();
    for (let i = 0; i < n; i += 1000) await pool.query("select graphile_worker.add_jobs((select array_agg(('noop', json_build_object('id', i), null, null, null, null, null, null)::graphile_worker.job_spec) from generate_series(1,$1::int) i))", [Math.min(1000, n - i)]);
    t1 = performance.now();
    await startKids(); const ts = performance.now(); await done; await empty(); t2 = performance.now();
    console.log(`graphile bulk n=${n} procs=${procs} conc=${conc} lq=${lq} bd=${bd} enqueue=${Math.round(n / (t1 - t0) * 1000)}/s drain=${Math.round(n / (t2 - ts) * 1000)}/s both=${Math.round(n / (t1 - t0 + t2 - ts) * 1000)}/s`);
  } else {
    await startKids(); t0 = performance.now(); let next = 0;
    await Promise.all(Array.from({ length: 64 }, async () => { while (next < n) { const id = next++; await pool.query({ name: 'add', text: "select graphile_worker.add_job('noop', $1::json)", values: [JSON.stringify({ id })] }); } }));
    t1 = performance.now(); await done; await empty(); t2 = performance.now();
    console.log(`graphile live n=${n} procs=${procs} conc=${conc} lq=${lq} bd=${bd} enqueue=${Math.round(n / (t1 - t0) * 1000)}/s end-to-end=${Math.round(n / (t2 - t0) * 1000)}/s`);
  }
  for (const k of kids) k.send('stop');
  await pool.end(); setTimeout(() => process.exit(0), 1500).unref();
}
