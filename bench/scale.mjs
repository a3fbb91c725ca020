// SPDX-License-Identifier: Apache-2.0
// The inbox of a large tenant: fills a database with conversations, messages and events of realistic skew (most are closed, a few
// write most, one has 20,000 messages), lets the program index them, and measures lists, counts, threads and search over HTTP.
//   node bench/scale.mjs CONVERSATIONS MESSAGES      with PROSA_DATABASE_URL (a new database), PROSA_MASTER_KEY_FILE, PROSA_LISTEN
//   CALLS=500      calls of each kind
//   SEARCH=0       lists and threads only: no events, which are half of the filling, and nothing is indexed
//   INDEX_S=3600   longer is not waited for the index; what is in it by then is searched
//   QUIET=0.5      once filled, waits until the machine's load is below this (at most QUIET_S=7200)
import { execFileSync, spawn } from 'node:child_process';
import os from 'node:os';
import { fill } from './scale/fill.mjs';

const [conversations, messages] = process.argv.slice(2).map(Number);
const CALLS = Number(process.env.CALLS ?? 500);
const hasSearch = process.env.SEARCH !== '0';
const quiet = Number(process.env.QUIET ?? 0), quietS = Number(process.env.QUIET_S ?? 7200);
const bin = process.env.PROSA_BIN ?? 'build/release/prosa';
const { PROSA_BIN: _, ...settings } = process.env;
const env = { ...settings, PROSA_META_APP_SECRET: 'scale', PROSA_LOG_LEVEL: 'error' };
const cli = (...args) => JSON.parse(execFileSync(bin, [...args, '--json'], { env }).toString());
const now = () => performance.now();
const seconds = (from) => ((now() - from) / 1000).toFixed(0);

const tenant = cli('tenant', 'add', 'scale').id;
cli('tenant', 'add', 'small');
// A key has 1,200 calls at once: one for each kind of call.
const keys = Array.from({ length: 24 }, (_, i) => cli('key', 'add', 'scale', '--name', `scale ${i}`, '--scope', '*'));
const small = cli('key', 'add', 'small', '--name', 'small', '--scope', '*');

let from = now();
const data = await fill(process.env.PROSA_DATABASE_URL, { tenant, me: keys[0].id, conversations, messages, hasSearch });
console.log(`filled with ${conversations} conversations, ${messages} messages in ${seconds(from)} s`);

for (from = now(); quiet > 0 && os.loadavg()[0] > quiet && now() - from < quietS * 1000; )
  await new Promise((done) => setTimeout(done, 5000));

const server = spawn(bin, ['serve'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
await new Promise((ready) => server.stdout.once('data', ready));
const base = `http://${env.PROSA_LISTEN}/api/v1`;
const get = async (path, key) => {
  const res = await fetch(base + path, { headers: { Authorization: `Bearer ${key}` } });
  const text = await res.text();
  if (!res.ok) throw new Error(`${path}: ${res.status} ${text}`);
  return JSON.parse(text);
};

from = now();
const limitS = Number(process.env.INDEX_S ?? 3600);
for (let behind = hasSearch ? 1 : 0; behind > 0 && now() - from < limitS * 1000; ) {
  await new Promise((done) => setTimeout(done, 2000));
  behind = await data.behind();
}
if (hasSearch) console.log(`indexed ${await data.indexed()} messages in ${seconds(from)} s`);

const pick = (n) => Math.floor(Math.random() * n);
const words = ['oi', 'orçamento', 'entrega', 'preço'];
const measures = [
  ['list: mine', () => '/conversations?queue=mine'],
  ['list: waiting', () => '/conversations?queue=waiting'],
  ['list: bot', () => '/conversations?queue=bot'],
  ['list: people', () => '/conversations?queue=people'],
  ['list: all open', () => '/conversations?queue=all'],
  ['list: closed, anywhere', () => `/conversations?queue=closed&after=${data.cursor(pick(conversations))}`],
  ['list: every one, anywhere', () => `/conversations?after=${data.cursor(pick(conversations))}`],
  ['list: unread', () => '/conversations?queue=people&unread=1'],
  ['list: a label of 5 %', () => `/conversations?label=${data.labels[0]}&after=${data.cursor(pick(conversations))}`],
  ['counts', () => '/conversations/counts'],
  ['one conversation', () => `/conversations/${data.conversation(pick(conversations) + 1)}`],
  ['thread: newest page', () => `/conversations/${data.conversation(pick(conversations) + 1)}/messages?order=desc`],
  ['thread of 20,000: newest', () => `/conversations/${data.conversation(conversations)}/messages?order=desc`],
  ['thread of 20,000: anywhere', () => `/conversations/${data.conversation(conversations)}/messages?order=desc&after=${data.place(pick(messages))}`],
  ['search: a common word', () => `/search?limit=20&q=${encodeURIComponent(words[pick(words.length)])}`],
  ['search: a rare word', () => '/search?limit=20&q=rarissimo'],
  ['search: two words', () => `/search?limit=20&q=${encodeURIComponent(`${data.word(pick(400))} ${words[pick(words.length)]}`)}%20`],
  ['search: half a word', () => `/search?limit=20&q=${encodeURIComponent(data.word(pick(2000)).slice(0, 4))}`],
  ['search: nothing there', () => '/search?limit=20&q=inexistente'],
  ['search: a number', () => `/search?limit=20&q=55119${String(pick(conversations)).padStart(8, '0')}`],
];
console.log(`load ${os.loadavg().map((x) => x.toFixed(1)).join(' ')}, ${CALLS} calls of each, one after the other`);
for (const [i, [what, path]] of [...measures, ['search of a tenant with nothing', () => '/search?limit=20&q=oi', small]].filter(([what]) => hasSearch || !what.startsWith('search')).entries()) {
  const key = what === 'list: mine' ? keys[0] : (measures[i] ? keys[i + 1] : small);
  for (let k = 0; k < 20; k++) await get(path(), key.key);
  const took = [];
  for (let k = 0; k < CALLS; k++) {
    const start = now();
    await get(path(), key.key);
    took.push(now() - start);
  }
  took.sort((a, b) => a - b);
  console.log(`${what.padEnd(32)} p50 ${took[Math.floor(CALLS * 0.5)].toFixed(1).padStart(6)} ms   p99 ${took[Math.floor(CALLS * 0.99)].toFixed(1).padStart(6)} ms`);
}
console.log(`load ${os.loadavg().map((x) => x.toFixed(1)).join(' ')}`);
server.kill('SIGTERM');
await new Promise((done) => server.once('exit', done));
await data.close();
