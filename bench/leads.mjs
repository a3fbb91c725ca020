// SPDX-License-Identifier: Apache-2.0
// The list of people of a large tenant: fills a database with leads of one large tenant and 20 small ones, then measures pages in every
// order, from anywhere, filters, search, counts and the board over HTTP.
//   node bench/leads.mjs LEADS      with PROSA_DATABASE_URL (a new database), PROSA_MASTER_KEY_FILE, PROSA_LISTEN
import { execFileSync, spawn } from 'node:child_process';
import os from 'node:os';
import { fill } from './leads/fill.mjs';

const leads = Number(process.argv[2] ?? 300_000);
const CALLS = Number(process.env.CALLS ?? 200);
const ONLY = new RegExp(process.env.ONLY ?? '');
const bin = process.env.PROSA_BIN ?? 'build/release/prosa';
const { PROSA_BIN: _, ...settings } = process.env;
const env = { ...settings, PROSA_META_APP_SECRET: 'leads', PROSA_LOG_LEVEL: 'error' };
const cli = (...args) => JSON.parse(execFileSync(bin, [...args, '--json'], { env }).toString());
const now = () => performance.now();

const tenant = cli('tenant', 'add', 'large').id;
const small = Array.from({ length: 20 }, (_, i) => cli('tenant', 'add', `small-${i}`).id);
const smallKey = cli('key', 'add', 'small-7', '--name', 'small', '--scope', '*').key;
const from = now();
const data = await fill(process.env.PROSA_DATABASE_URL, { tenant, small, leads });
console.log(`filled with ${leads} leads of one tenant, ${20 * data.SMALL} of 20 others in ${((now() - from) / 1000).toFixed(0)} s`);

const server = spawn(bin, ['serve'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
await new Promise((ready) => server.stdout.once('data', ready));
const base = `http://${env.PROSA_LISTEN}/api/v1`;
const call = async (path, key, init = {}) => {
  const res = await fetch(base + path, { ...init, headers: { Authorization: `Bearer ${key}`, ...init.headers } });
  const text = await res.text();
  if (!res.ok) throw new Error(`${path}: ${res.status} ${text}`);
  return text === '' ? null : JSON.parse(text);
};

const pick = (n) => Math.floor(Math.random() * n);
const filter = (json) => `filter=${encodeURIComponent(JSON.stringify(json))}`;
const q = (text) => `q=${encodeURIComponent(text)}`;
const field = (name, op, value) => ({ field: name, op, value });
const narrow = { all: [field('tag', 'is', 'feira'), field('state', 'is', 'replied')] };
const segment = async (name, json) => {
  const key = cli('key', 'add', 'large', '--name', `segment ${name}`, '--scope', '*').key;
  const body = JSON.stringify({ name, filter: json });
  return (await call('/segments', key, { method: 'POST', body, headers: { 'Content-Type': 'application/json' } })).id;
};
const byTag = await segment('by tag', field('tag', 'is', 'feira'));
const byState = await segment('by state', field('state', 'is', 'contacting'));
const byBoth = await segment('by both', narrow);
const byField = await segment('by field', field('field.valor', 'gt', 5000));
const sorts = ['name', '-name', 'company', 'state', '-created_at', 'updated_at', '-updated_at', '-last_inbound_at'];
const measures = [
  ...sorts.map((sort) => [`list: ${sort}`, () => `/leads?sort=${sort}`]),
  ['list: name, from anywhere', () => `/leads?sort=name&after=${data.byName(pick(leads))}`],
  ['list: company, from anywhere', () => `/leads?sort=company&after=${data.byCompany(pick(leads))}`],
  ['list: state, from anywhere', () => `/leads?sort=state&after=${data.byState(pick(leads))}`],
  ['list: updated_at, from anywhere', () => `/leads?sort=-updated_at&after=${data.byTime(pick(leads))}`],
  ['filter: a state', () => `/leads?${filter(field('state', 'is', 'replied'))}`],
  ['filter: a tag of 5 %', () => `/leads?${filter(field('tag', 'is', 'feira'))}`],
  ['filter: both', () => `/leads?${filter(narrow)}`],
  ['filter: both, by name', () => `/leads?sort=name&${filter(narrow)}`],
  ['filter: a tag nobody has, by name', () => `/leads?sort=name&${filter(field('tag', 'is', 'ninguem'))}`],
  ['filter: a field, 4 % have it', () => `/leads?${filter(field('field.valor', 'gt', 5000))}`],
  ['filter: can be written to', () => `/leads?${filter(field('valid_for_dispatch', 'is', true))}`],
  ['search: a common surname', () => `/leads?${q(data.last(pick(20)))}`],
  ['search: a rare word', () => `/leads?${q(`ficha${pick(leads)}`)}`],
  ['search: name and surname', () => `/leads?${q(`${data.first(pick(20))} ${data.last(pick(20))}`)}`],
  ['search: two words of a company', () => `/leads?${q(`filhos ${data.last(pick(20))}`)}`],
  ['search: half a word', () => `/leads?${q(data.last(pick(20)).slice(0, 3))}`],
  ['search: nothing there', () => `/leads?${q('inexistente')}`],
  ['search: a number', () => `/leads?${q(data.phone(pick(leads)))}`],
  ['search: an address', () => `/leads?${q(`p${pick(leads)}@exa`)}`],
  ['count: by tag', () => `/segments/${byTag}/count`],
  ['count: by state', () => `/segments/${byState}/count`],
  ['count: tag and state', () => `/segments/${byBoth}/count`],
  ['count: a field', () => `/segments/${byField}/count`],
  ['board', () => '/leads/board'],
  ['a small tenant: list by name', () => '/leads?sort=name', smallKey],
  ['a small tenant: nothing there', () => `/leads?${q('inexistente')}`, smallKey],
  ['a small tenant: board', () => '/leads/board', smallKey],
];
const load = () => os.loadavg().map((x) => x.toFixed(1)).join(' ');
console.log(`load ${load()}, ${CALLS} calls of each, one after the other`);
for (const [what, path, theirs] of measures.filter(([name]) => ONLY.test(name))) {
  // A key has 1,200 calls at once: one for each kind of call.
  const key = theirs ?? cli('key', 'add', 'large', '--name', what, '--scope', '*').key;
  const took = [];
  let rows = 0;
  for (let k = 0; k < 5; k++) await call(path(), key);
  // What takes seconds is not asked for minutes.
  for (let k = 0, begin = now(); k < CALLS && (k < 10 || now() - begin < 20_000); k++) {
    const start = now();
    const got = await call(path(), key);
    took.push(now() - start);
    rows = got.data?.length ?? got.count ?? 0;
  }
  took.sort((a, b) => a - b);
  const at = (share) => took[Math.floor(took.length * share)].toFixed(1).padStart(7);
  console.log(`${what.padEnd(36)} p50 ${at(0.5)} ms   p99 ${at(0.99)} ms   ${String(rows).padStart(6)}`);
}
console.log(`load ${load()}`);
server.kill('SIGTERM');
await new Promise((done) => server.once('exit', done));
await data.close();
