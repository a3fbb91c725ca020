// SPDX-License-Identifier: Apache-2.0
// bullmq.mjs RECIPIENTS PROCESSES CONCURRENCY: BullMQ workers with undici post to the fake provider at 127.0.0.1:18110, each result written
// to PostgreSQL before its job ends. Prints sends/s from the first worker ready to the last result stored.
import { fork } from 'node:child_process';
import { createRequire } from 'node:module';

const require = createRequire(`${process.env.NODE_MODULES}/x.js`);
const { Queue, Worker } = require('bullmq');
const { Pool: Database } = require('pg');
const { Pool: Http } = require('undici');

const connection = { host: '127.0.0.1', port: Number(process.env.REDIS_PORT), maxRetriesPerRequest: null };
const database = { host: process.env.PGHOST, port: Number(process.env.PGPORT), user: 'postgres', database: 'peer' };
const TEXT = 'We have your request and will call you back this week to arrange a viewing of the flat on Harbour Street. ';

async function work(concurrency) {
  const http = new Http('http://127.0.0.1:18110', { connections: concurrency, pipelining: 1 });
  const pg = new Database({ ...database, max: 20 });
  await Promise.all(Array.from({ length: 20 }, () => pg.query('SELECT 1')));
  let done = 0;
  const send = async (job) => {
    const body = JSON.stringify({ messaging_product: 'whatsapp', to: job.data.to, type: 'text', text: { body: `${TEXT}${job.data.id}` } });
    const headers = { 'content-type': 'application/json', authorization: 'Bearer EAAG0000000000000000000000000000000000' };
    const res = await http.request({ method: 'POST', path: '/v23.0/1065/messages', headers, body });
    const { messages } = await res.body.json();
    await pg.query({ name: 'result', text: 'INSERT INTO results (id, status, provider_id) VALUES ($1, $2, $3)', values: [job.data.id, res.statusCode, messages[0].id] });
    done++;
  };
  const worker = new Worker('dispatch', send, { connection, concurrency, removeOnComplete: { count: 0 } });
  worker.on('failed', (_, e) => console.error('failed:', e.message));
  worker.on('error', (e) => console.error(e.message));
  await worker.waitUntilReady();
  process.send(0);
  setInterval(() => process.send(done), 5);
  process.on('message', () => process.exit(0));
}

async function lead(n, processes, concurrency) {
  const pg = new Database({ ...database, max: 2 });
  await pg.query('CREATE TABLE results (id bigint PRIMARY KEY, status int NOT NULL, provider_id text NOT NULL, at timestamptz NOT NULL DEFAULT now())');
  const queue = new Queue('dispatch', { connection, defaultJobOptions: { removeOnComplete: true } });
  for (let i = 0; i < n; i += 1000) {
    await queue.addBulk(Array.from({ length: Math.min(1000, n - i) }, (_, k) => ({ name: 'send', data: { id: i + k, to: `1650555${i + k}` } })));
  }
  const counts = new Array(processes).fill(0);
  const children = [];
  let from;
  await new Promise((resolve) => {
    for (let i = 0; i < processes; i++) {
      const child = fork(process.argv[1], [], { env: { ...process.env, CHILD: String(Math.ceil(concurrency / processes)) } });
      child.on('message', (count) => {
        from ??= performance.now();
        counts[i] = count;
        if (counts.reduce((a, b) => a + b) >= n) resolve();
      });
      children.push(child);
    }
  });
  const seconds = (performance.now() - from) / 1000;
  const stored = (await pg.query('SELECT count(*)::int AS n FROM results')).rows[0].n;
  console.log(`BullMQ + undici, ${processes} process(es), ${concurrency} at once: ${stored} of ${n} in ${seconds.toFixed(2)} s, ${Math.round(n / seconds)} sends/s`);
  for (const child of children) child.send('stop');
  setTimeout(() => process.exit(0), 500);
}

if (process.env.CHILD) await work(Number(process.env.CHILD));
else await lead(...process.argv.slice(2).map(Number));
