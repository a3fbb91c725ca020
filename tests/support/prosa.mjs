// SPDX-License-Identifier: Apache-2.0
// Starts the real program for a test: own directory, own database, port 0 read back, log shown on failure.
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { APP_SECRET } from './graph.mjs';

const run = promisify(execFile);
export const BIN = process.env.PROSA_BIN ?? path.resolve('build/release/prosa');
export const ENGINES = ['sqlite', 'postgres'];
export const PHONE_NUMBER_ID = '520000000000002';

/** A transaction of somebody else on a PostgreSQL database: open until its commit() is called. */
export async function openTransaction(url) {
  const child = spawn('psql', [url, '-qtA'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise((done) => child.on('exit', done));
  child.stdin.write('BEGIN; SELECT pg_current_xact_id();\n'); // an id is what others wait for
  await new Promise((done) => child.stdout.once('data', done));
  return { commit: () => (child.stdin.end('COMMIT;\n'), ended) };
}

/** isEmpty: without a schema, even where the tests have a migrated database to copy (tests/tools/migrated.sh). */
async function newDatabase(engine, dir, isEmpty) {
  if (engine === 'sqlite') return `sqlite:${dir}/prosa.db`;
  const admin = process.env.PROSA_TEST_POSTGRES_URL;
  if (!admin) throw new Error('PROSA_TEST_POSTGRES_URL is not set: run it by ./dev test e2e, which starts a server');
  const name = `e2e_${randomBytes(6).toString('hex')}`;
  const template = (!isEmpty && process.env.PROSA_TEST_POSTGRES_TEMPLATE) || 'template1';
  await run('psql', [admin, '-qc', `CREATE DATABASE ${name} TEMPLATE ${template}`]);
  const url = new URL(admin);
  url.pathname = `/${name}`;
  return url.toString();
}

/** A directory, a database and the settings every process of one installation shares. */
export async function newInstallation(engine, env = {}, { isEmpty = false } = {}) {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'prosa-'));
  const database = await newDatabase(engine, dir, isEmpty);
  const base = {
    PATH: process.env.PATH,
    ASAN_OPTIONS: process.env.ASAN_OPTIONS ?? '',
    PROSA_DATABASE_URL: database,
    PROSA_MASTER_KEY_FILE: `${dir}/master.key`,
    PROSA_META_APP_SECRET: APP_SECRET,
    PROSA_META_VERIFY_TOKEN: 'verify-me',
    PROSA_LISTEN: '127.0.0.1:0',
    PROSA_LOG_LEVEL: 'warn',
    ...env,
  };
  const installation = { engine, dir, database, env: base, processes: new Set() };
  installation.cli = async (...args) => JSON.parse((await run(BIN, [...args, '--json'], { env: base, cwd: dir })).stdout || 'null');
  installation.cliRaw = (...args) => run(BIN, args, { env: base, cwd: dir }).then((r) => ({ code: 0, ...r }), (e) => ({ code: e.code, stdout: e.stdout, stderr: e.stderr }));
  installation.serve = (more = {}) => serve(installation, more);
  installation.remove = async () => {
    for (const p of installation.processes) await p.kill('SIGKILL');
    await rm(dir, { recursive: true, force: true });
  };
  return installation;
}

/** Tenant, WhatsApp account on the fake Graph API, and a key that may do everything. */
export async function seed(installation, graphUrl, { slug = 'acme', address = PHONE_NUMBER_ID, bot = { debounce_ms: 1000, debounce_cap_ms: 3000 }, settings = {} } = {}) {
  const sets = Object.entries({ base_url: graphUrl, per_second: 1000, pair_interval_ms: 1, pair_burst: 100, ...settings }).flatMap(([k, v]) => ['--set', `${k}=${v}`]);
  const tenant = await installation.cli('tenant', 'add', slug);
  const account = await installation.cli('provider', 'add', slug, 'meta', '--address', address, ...sets, '--secret', 'access_token=test-token');
  const key = await installation.cli('key', 'add', slug, '--scope', '*');
  return { tenant, account, key: key.key, bot };
}

function serve(installation, more) {
  // The fake Graph API is on this machine.
  const env = { PROSA_HTTPC_ALLOW_PRIVATE: 'true', ...installation.env, ...more };
  const child = spawn(BIN, ['serve'], { env, cwd: installation.dir, stdio: ['ignore', 'pipe', 'pipe'] });
  const node = { child, pid: child.pid, log: '', url: '' };
  const ended = new Promise((done) => child.on('exit', (code, signal) => done({ code, signal })));
  installation.processes.add(node);
  child.stderr.on('data', (d) => (node.log = (node.log + d).slice(-200000)));
  node.ended = ended;
  node.kill = async (signal = 'SIGTERM') => {
    if (child.exitCode === null && child.signalCode === null) {
      if (signal === 'SIGKILL') child.kill('SIGCONT');
      child.kill(signal);
    }
    const how = await ended;
    installation.processes.delete(node);
    return how;
  };
  return new Promise((resolve, reject) => {
    let out = '';
    child.stdout.on('data', (d) => {
      out += d;
      const at = /ready at (https?:\/\/\S+)/.exec(out);
      if (at && !node.url) {
        node.url = at[1];
        resolve(node);
      }
    });
    ended.then(({ code, signal }) => reject(new Error(`prosa ended at once (${code ?? signal}): ${node.log}`)));
  });
}

/** Asks again when told that it was too often, after as long as was said. */
async function patiently(ask) {
  for (let tries = 0; ; tries++) {
    try {
      return await ask();
    } catch (e) {
      if (e.status !== 429 || tries === 20) throw e;
      await new Promise((done) => setTimeout(done, e.retryAfterMs || 1000));
    }
  }
}

/** An API client; throws the problem on anything but 2xx. */
export function client(url, key) {
  const call = async (method, path, body) => {
    const res = await fetch(url + path, { method, headers: { Authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    const answer = await res.json().catch(() => null);
    if (!res.ok) throw Object.assign(new Error(`${method} ${path}: ${res.status} ${JSON.stringify(answer)}`), { status: res.status, problem: answer, retryAfterMs: 1000 * Number(res.headers.get('retry-after') ?? 0) });
    return answer;
  };
  return {
    get: (p) => call('GET', p),
    post: (p, b = {}) => call('POST', p, b),
    put: (p, b) => call('PUT', p, b),
    patch: (p, b) => call('PATCH', p, b),
    del: (p) => call('DELETE', p),
    async allMessages() {
      const all = [];
      for (let after = ''; ; ) {
        const page = await patiently(() => call('GET', `/api/v1/messages?limit=500&after=${after}`));
        all.push(...page.data);
        if (!page.has_more) return all;
        after = page.next;
      }
    },
  };
}

/** Asks until what comes back is truthy; fails with the last answer. Bounded; no fixed wait decides a test. */
export async function until(what, describe, timeoutMs = 20000) {
  const end = Date.now() + timeoutMs;
  let last;
  for (;;) {
    try {
      last = await what();
      if (last) return last;
    } catch (e) {
      last = e;
    }
    if (Date.now() > end) throw new Error(`never happened within ${timeoutMs} ms: ${describe}; last: ${last instanceof Error ? last.message : JSON.stringify(last)}`);
    await new Promise((done) => setTimeout(done, 25));
  }
}
