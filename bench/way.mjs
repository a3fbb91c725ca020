// SPDX-License-Identifier: Apache-2.0
// The whole way: N people write one message each; how long until the script bot has answered all at a fake API that answers at
// once. The debounce of one second is part of the time and taken off the rate.
//   node bench/way.mjs ENGINE N        with PROSA_… set by bench/run.sh
import { execFileSync, spawn } from 'node:child_process';
import { message, messageCall, post, startGraph } from '../tests/support/graph.mjs';

const [engine, count] = [process.argv[2], Number(process.argv[3] ?? 3000)];
const bin = process.env.PROSA_BIN ?? 'build/release/prosa';
const DEBOUNCE_MS = 1000;
const graph = await startGraph();
const { PROSA_BIN: _, ...outer } = process.env; // the program refuses variables it does not know
const env = { ...outer, PROSA_WORKERS: '16', PROSA_HTTPC_ALLOW_PRIVATE: 'true' };
const cli = (...args) => JSON.parse(execFileSync(bin, [...args, '--json'], { env }).toString());
cli('tenant', 'add', 'bench');
// A number may send at most 1,000 messages a second: with several, that is not what is measured.
const numbers = Array.from({ length: 8 }, (_, i) => `52000000000001${i}`);
for (const number of numbers) cli('provider', 'add', 'bench', 'meta', '--address', number, '--set', `base_url=${graph.url}`, '--set', 'per_second=1000', '--secret', 'access_token=x');
const key = cli('key', 'add', 'bench', '--scope', '*').key;
const server = spawn(bin, ['serve'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
await new Promise((ready) => server.stdout.once('data', ready));
const url = `http://${env.PROSA_LISTEN}`;
await fetch(`${url}/api/v1/bot`, { method: 'PUT', headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' }, body: JSON.stringify({ debounce_ms: DEBOUNCE_MS, debounce_cap_ms: 5000 }) });
const secret = env.PROSA_META_APP_SECRET;
const start = performance.now();
for (let i = 0; i < count; i += 10) await post(`${url}/webhooks/meta`, messageCall(Array.from({ length: 10 }, (_, k) => message(`wamid.way.${i + k}`, `55118${90000000 + i + k}`, 'oi')), numbers[(i / 10) % numbers.length]), { secret });
for (let still = 0, last = 0; graph.accepted.length < count && still < 600; still++) {
  await new Promise((done) => setTimeout(done, 50));
  if (graph.accepted.length !== last) still = 0;
  last = graph.accepted.length;
}
const took = performance.now() - start;
console.log(`whole way, ${engine}: ${graph.accepted.length} of ${count} answered in ${(took / 1000).toFixed(1)} s, ${Math.round(graph.accepted.length / ((took - DEBOUNCE_MS) / 1000))} messages/s, ${graph.duplicates().length} sent twice`);
server.kill('SIGTERM');
await new Promise((done) => server.once('exit', done));
await graph.close();
