// SPDX-License-Identifier: Apache-2.0
// Rows of a large tenant, made inside the database: one text for both engines, with the few expressions in which they differ.
import { execFile } from 'node:child_process';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';

const run = promisify(execFile);
export const BASE = 1_780_000_000_000; // the first conversation began then
const WORDS = 2000;
const PIECES = ['ca', 'to', 'mi', 'ren', 'sol', 'pa', 'lu', 'ges', 'tan', 'bor', 'vi', 'ne', 'fra', 'do'];
const word = (i) => {
  const common = ['oi', 'orçamento', 'entrega', 'preço', 'obrigado', 'bom', 'dia', 'pedido', 'quero', 'hoje'];
  let text = '';
  for (let n = i + 200; n > 0; n = Math.floor(n / PIECES.length)) text += PIECES[n % PIECES.length];
  return common[i] ?? text;
};

export const engines = {
  sqlite(file) {
    const db = new DatabaseSync(file);
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000');
    return {
      exec: async (sql) => db.exec(sql),
      value: async (sql) => Object.values(db.prepare(sql).get())[0],
      close: async () => db.close(),
      series: (n) => `(WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < ${n}) SELECT i FROM s) AS g`,
      id: (kind, i) => `unhex(printf('%012x7000800${kind}%012x', ${BASE} + ${i}, ${i}))`,
      uuid: (text) => `x'${text.replaceAll('-', '')}'`,
      random: (i, salt) => `(((${i} * ${salt}) & 1048575) * 1.0 / 1048576)`,
      finish: 'ANALYZE; PRAGMA wal_checkpoint(TRUNCATE)',
    };
  },
  postgresql(url) {
    const psql = async (sql) => (await run('psql', [url, '-v', 'ON_ERROR_STOP=1', '-Atqc', sql], { maxBuffer: 1 << 26 })).stdout.trim();
    return {
      exec: psql,
      value: psql,
      close: async () => {},
      series: (n) => `generate_series(1, ${n}) AS g (i)`,
      id: (kind, i) => `(lpad(to_hex((${BASE} + ${i})::bigint), 12, '0') || '7000800${kind}' || lpad(to_hex((${i})::bigint), 12, '0'))::uuid`,
      uuid: (text) => `'${text}'::uuid`,
      random: (i, salt) => `(((${i}::bigint * ${salt}) & 1048575) / 1048576.0::float8)`,
      finish: 'VACUUM ANALYZE; CHECKPOINT',
    };
  },
};

export async function fill(url, { tenant, me, conversations, messages, hasSearch }) {
  const scheme = url.split(':')[0];
  const e = engines[scheme](scheme === 'sqlite' ? url.slice('sqlite:'.length) : url);
  const t = e.uuid(tenant);
  const account = e.uuid('00000000-0000-7000-8000-000000000001');
  const labels = [1, 2].map((i) => `00000000-0000-7000-8000-00000000000${i + 4}`);
  // Of 1,000: 4 with the bot, 1 in 2,000 waits, 15 people have, the rest is closed.
  const state = `CASE WHEN i % 2000 = 0 THEN 'waiting_agent' WHEN i % 1000 < 20 THEN 'pending' WHEN i % 1000 < 40 THEN 'progress' WHEN i % 1000 < 55 THEN 'assigned' WHEN i % 1000 < 95 THEN 'expired' ELSE 'agent_closed' END`;
  const label = `CASE WHEN i % 20 = 7 THEN 0 WHEN i % 100 = 8 THEN 1 END`;

  await e.exec(`INSERT INTO leads (id, tenant_id, name, created_at, updated_at)
    SELECT ${e.id(1, 'i')}, ${t}, 'Cliente ' || i, ${BASE} + i, ${BASE} + i FROM ${e.series(conversations)}`);
  await e.exec(`INSERT INTO lead_identities (tenant_id, kind, value, lead_id, address, created_at, updated_at)
    SELECT ${t}, 'phone', CAST(5511900000000 + i AS TEXT), ${e.id(1, 'i')}, CAST(5511900000000 + i AS TEXT), ${BASE}, ${BASE} FROM ${e.series(conversations)}`);
  await e.exec(`INSERT INTO labels (id, tenant_id, name, color, created_at, updated_at) VALUES
    (${e.uuid(labels[0])}, ${t}, 'cinco', '#112233', 1, 1), (${e.uuid(labels[1])}, ${t}, 'um', '#332211', 1, 1)`);
  await e.exec(`INSERT INTO conversations (id, tenant_id, account_id, lead_id, state, owner, owner_user, inbound_count, answered_count, read_count, labels, last_text, last_at, created_at, updated_at)
    SELECT ${e.id(2, 'i')}, ${t}, ${account}, ${e.id(1, 'i')}, state,
      CASE WHEN state = 'assigned' THEN 'person' WHEN state IN ('pending', 'progress') THEN 'bot' ELSE 'none' END,
      CASE WHEN state = 'assigned' THEN CASE WHEN i % 50 = 3 THEN ${e.uuid(me)} ELSE ${e.id(5, 'i % 50')} END END,
      10, 8, CASE WHEN i % 5 = 0 THEN 8 ELSE 10 END,
      CASE label WHEN 0 THEN '${labels[0]}' WHEN 1 THEN '${labels[1]}' ELSE '' END,
      'bom dia, queria um orçamento', ${BASE} + i * 1000, ${BASE} + i, ${BASE} + i
    FROM (SELECT i, ${state} AS state, ${label} AS label FROM ${e.series(conversations)}) AS c`);
  await e.exec(`INSERT INTO conversation_labels (tenant_id, conversation_id, label_id, state, last_at)
    SELECT tenant_id, id, CASE labels WHEN '${labels[0]}' THEN ${e.uuid(labels[0])} ELSE ${e.uuid(labels[1])} END, state, last_at FROM conversations WHERE labels <> ''`);

  if (hasSearch) await e.exec(`INSERT INTO conversation_events (id, tenant_id, conversation_id, kind, at)
    SELECT ${e.id(6, 'i')}, ${t}, ${e.id(2, 'i')}, 'conversation.opened', ${BASE} + i FROM ${e.series(conversations)}`);

  await e.exec(`CREATE TABLE scale_words (i BIGINT PRIMARY KEY, word TEXT NOT NULL)`);
  await e.exec(`INSERT INTO scale_words VALUES ${Array.from({ length: WORDS }, (_, i) => `(${i}, '${word(i)}')`).join(', ')}`);
  // Common words by the cube of an even spread; the last conversation has the last 20,000 messages.
  const text = [2654435761, 40503, 2246822519, 3266489917, 668265263].map((salt) => `(SELECT word FROM scale_words WHERE i = CAST(floor(${WORDS} * ${e.random('m', salt)} * ${e.random('m', salt)} * ${e.random('m', salt)}) AS BIGINT))`).join(` || ' ' || `);
  const BATCH = 500_000;
  for (let done = 0; done < messages; done += BATCH) {
    const n = Math.min(BATCH, messages - done);
    const of = `CASE WHEN m > ${messages - 20000} THEN ${conversations} ELSE 1 + CAST(floor(${conversations} * ${e.random('m', 69069)} * ${e.random('m', 1103515245)}) AS BIGINT) END`;
    await e.exec(`INSERT INTO messages (id, tenant_id, conversation_id, account_id, direction, owner, type, content, text, provider_id, status, provider_at, created_at, updated_at)
      SELECT ${e.id(3, 'm')}, ${t}, ${e.id(2, 'c')}, ${account}, CASE m % 2 WHEN 0 THEN 'in' ELSE 'out' END, CASE m % 2 WHEN 0 THEN 'customer' ELSE 'bot' END, 'text',
        '{"text":"…"}', txt, 'wamid.scale.' || m, CASE m % 2 WHEN 0 THEN 'received' ELSE 'read' END, ${BASE} + m, ${BASE} + m, ${BASE} + m
      FROM (SELECT m, ${of} AS c, ${text} || CASE WHEN m % 100000 = 77 THEN ' raríssimo' ELSE '' END AS txt FROM (SELECT ${done} + i AS m FROM ${e.series(n)}) AS a) AS b`);
    if (!hasSearch) continue;
    await e.exec(`INSERT INTO conversation_events (id, tenant_id, conversation_id, message_id, kind, data, at)
      SELECT ${e.id(4, 'm')}, ${t}, ${e.id(2, '(' + of + ')')}, ${e.id(3, 'm')}, CASE m % 2 WHEN 0 THEN 'message.received' ELSE 'message.queued' END, '{"owner":"x","type":"text"}', ${BASE} + m
      FROM (SELECT ${done} + i AS m FROM ${e.series(n)}) AS a`);
  }
  await e.exec(`DROP TABLE scale_words`);
  for (const one of e.finish.split(';')) await e.exec(one);
  const [firstXid, firstSeq] = String(await e.value(`SELECT xid || '.' || seq FROM messages WHERE id = ${e.id(3, 1)}`)).split('.');
  const lastXid = String(await e.value(`SELECT xid FROM messages WHERE id = ${e.id(3, messages)}`));
  const uuid = (kind, i) => {
    const hex = `${(BASE + i).toString(16).padStart(12, '0')}7000800${kind}${i.toString(16).padStart(12, '0')}`;
    return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5');
  };
  return {
    labels,
    word,
    conversation: (i) => uuid(2, i),
    cursor: (i) => `${BASE + i * 1000}.${uuid(2, i)}`,
    place: (i) => `${i < 1 ? firstXid : lastXid}.${Number(firstSeq) + i}`,
    behind: async () => {
      const place = String(await e.value('SELECT place FROM search_place')).split('.').map(Number);
      return Number(await e.value(`SELECT count(*) FROM (SELECT 1 FROM conversation_events WHERE (xid, seq) > (${place[0] || 0}, ${place[1] || 0}) LIMIT 1) AS s`));
    },
    indexed: () => e.value(`SELECT coalesce(max(docs), 0) FROM search_tenants WHERE tenant_id = ${t} AND kind = 1`),
    close: e.close,
  };
}
