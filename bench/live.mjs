// SPDX-License-Identifier: Apache-2.0
// Live updates: N sockets of one tenant watch while messages come in at a fixed rate for some seconds; how long from the 200 of the
// webhook call (its commit) to the event at each socket. Client and server share the machine's cores.
//   node bench/live.mjs [SOCKETS] [PER_SECOND] [SECONDS]      PROSA_BIN, PROSA_DATABASE_URL (default: SQLite in a new directory)
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { APP_SECRET, message, messageCall, post } from '../tests/support/graph.mjs';

const WebSocket = createRequire(new URL('../tests/support/graph.mjs', import.meta.url))('ws');
const [sockets, perSecond, seconds] = [Number(process.argv[2] ?? 1000), Number(process.argv[3] ?? 20), Number(process.argv[4] ?? 2)];
const bin = process.env.PROSA_BIN ?? 'build/release/prosa';
const dir = mkdtempSync(path.join(os.tmpdir(), 'prosa-live-'));
const env = { PATH: process.env.PATH, PROSA_DATABASE_URL: process.env.PROSA_DATABASE_URL ?? `sqlite:${dir}/live.db`, PROSA_MASTER_KEY_FILE: `${dir}/key`, PROSA_META_APP_SECRET: APP_SECRET, PROSA_LISTEN: '127.0.0.1:0', PROSA_LOG_LEVEL: 'error', PROSA_HTTP_MAX_CONNECTIONS: String(sockets * 2 + 100) };
const cli = (...args) => JSON.parse(execFileSync(bin, [...args, '--json'], { env }).toString());
const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
const cpuSeconds = (pid) => {
  const f = execFileSync('cat', [`/proc/${pid}/stat`]).toString().split(') ')[1].split(' ');
  return (Number(f[11]) + Number(f[12])) / 100;
};

cli('tenant', 'add', 'bench');
cli('provider', 'add', 'bench', 'meta', '--address', '520000000000002', '--set', 'base_url=https://graph.invalid', '--secret', 'access_token=x');
const key = cli('key', 'add', 'bench', '--scope', '*').key;
const server = spawn(bin, ['serve'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
const url = await new Promise((ready) => {
  let out = '';
  server.stdout.on('data', (d) => {
    out += d;
    const at = /ready at (\S+)/.exec(out);
    if (at) ready(at[1]);
  });
});

const arrivals = []; // [id, time] as they come
const open = [];
for (let at = 0; at < sockets; at += 50)
  open.push(
    ...(await Promise.all(
      Array.from({ length: Math.min(50, sockets - at) }, () => new Promise((done, fail) => {
        const ws = new WebSocket(`${url.replace('http', 'ws')}/live`, { headers: { Authorization: `Bearer ${key}` }, perMessageDeflate: false });
        ws.on('error', fail);
        ws.on('open', () => done(ws));
        ws.on('message', (data) => {
          const text = data.toString('latin1', 0, 4096);
          const id = /"provider_message_id":"(wamid\.live\.\d+)"/.exec(text)?.[1];
          if (id && text.includes('"kind":"message.received"')) arrivals.push([id, performance.now()]);
        });
      })),
    )),
  );

const committed = new Map();
const load = os.loadavg()[0];
const cpuBefore = cpuSeconds(server.pid);
const count = perSecond * seconds;
const begin = performance.now();
const flying = [];
for (let n = 0; n < count; n++) {
  const wait = begin + (n * 1000) / perSecond - performance.now();
  if (wait > 0) await new Promise((done) => setTimeout(done, wait));
  const id = `wamid.live.${n}`;
  flying.push(post(`${url}/webhooks/meta`, messageCall([message(id, `55117${90000000 + n}`, 'oi')])).then((r) => r.status === 200 && committed.set(id, performance.now())));
}
await Promise.all(flying);
const want = count * sockets;
for (let still = 0, last = -1; arrivals.length < want && still < 200; still++) {
  if (arrivals.length !== last) still = 0;
  last = arrivals.length;
  await new Promise((done) => setTimeout(done, 50));
}
const ms = arrivals.map(([id, at]) => Math.max(0, at - committed.get(id))).sort((a, b) => a - b);
const firsts = new Map();
for (const [id, at] of arrivals) if (!firsts.has(id)) firsts.set(id, Math.max(0, at - committed.get(id)));
const first = [...firsts.values()].sort((a, b) => a - b);
const cpu = cpuSeconds(server.pid) - cpuBefore;
console.log(`live, ${env.PROSA_DATABASE_URL.split(':')[0]}, ${sockets} sockets, ${perSecond} messages/s for ${seconds} s: ${arrivals.length} of ${want} events arrived`);
console.log(`  from the call's 200 to a socket: p50 ${quantile(ms, 0.5).toFixed(1)} ms, p99 ${quantile(ms, 0.99).toFixed(1)} ms; to the first socket: p50 ${quantile(first, 0.5).toFixed(1)} ms, p99 ${quantile(first, 0.99).toFixed(1)} ms`);
console.log(`  server: ${cpu.toFixed(2)} s CPU, ${((cpu * 1e6) / Math.max(1, arrivals.length)).toFixed(1)} µs an event and socket; load of the machine at the start ${load.toFixed(1)}`);
for (const ws of open) ws.terminate();
server.kill('SIGTERM');
await new Promise((done) => server.once('exit', done));
rmSync(dir, { recursive: true, force: true });
