// SPDX-License-Identifier: Apache-2.0
// What a campaign needs before it can be sent: an approved template and people.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { client, until } from './prosa.mjs';

const run = promisify(execFile);
const TEMPLATE = '[{"type":"BODY","text":"Olá {{1}}"}]';

/** As a sync would have brought it. */
export async function addTemplate(installation, tenant, account) {
  const id = randomUUID();
  const lit = (u) => (installation.engine === 'postgres' ? `'${u}'` : `X'${u.replaceAll('-', '')}'`);
  const sql = `INSERT INTO templates (id, tenant_id, account_id, channel, name, language, category, status, body, components, created_at, updated_at)
    VALUES (${lit(id)}, ${lit(tenant)}, ${lit(account)}, 'whatsapp', 'cobranca_padrao_whatsapp_v1', 'pt_BR', 'utility', 'approved', 'Olá {{1}}', '${TEMPLATE}', 1, 1)`;
  if (installation.engine === 'postgres') return run('psql', [installation.database, '-qc', sql]);
  const db = new DatabaseSync(`${installation.dir}/prosa.db`, { timeout: 10000 });
  db.exec(sql);
  return db.close();
}

/** Leads come in as a customer's would: by a spreadsheet. */
export async function importLeads(url, key, n) {
  const lines = ['Nome;Celular'];
  for (let i = 0; i < n; i++) lines.push(`Pessoa ${i};+55 11 9${80000000 + i}`);
  const res = await fetch(`${url}/api/v1/imports?name=lista.csv`, { method: 'POST', headers: { Authorization: `Bearer ${key}` }, body: lines.join('\n') });
  const { id } = await res.json();
  const api = client(url, key);
  await api.post(`/api/v1/imports/${id}/commit`);
  await until(async () => (await api.get(`/api/v1/imports/${id}`)).state === 'done', 'the import is done', 600000);
  return id;
}
