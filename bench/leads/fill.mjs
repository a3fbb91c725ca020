// SPDX-License-Identifier: Apache-2.0
// People of a large tenant and of small ones, made inside the database as an import stores them: names that many share, companies
// that few share, a word of each one's own, most never written to.
import { BASE, engines } from '../scale/fill.mjs';

const FIRST = 'ana bia caio davi eva fabio gil heitor iara joao katia lia marcio nina otavio paula rui sonia teo vera'.split(' ');
const LAST = 'alves barros cardoso dias esteves faria gomes hora inacio jardim lopes melo nunes prado queiroz rocha souza tavares uchoa vieira'.split(' ');
const STATES = ['new', 'contacting', 'replied', 'qualifying', 'scheduled', 'won', 'lost'];
const SMALL = 500;
const of = (list, i) => `CASE ${i} ${list.map((text, k) => `WHEN ${k} THEN '${text}'`).join(' ')} END`;
const firstOf = (i) => (i * 7919) % 1009 % 20;
const lastOf = (i) => (i * 104729) % 1013 % 20;
// Half are new; the rest is spread.
const stateOf = (i) => (i % 2 === 0 ? 0 : Math.floor(i / 2) % 7);

export async function fill(url, { tenant, small, leads }) {
  const scheme = url.split(':')[0];
  const e = engines[scheme](scheme === 'sqlite' ? url.slice('sqlite:'.length) : url);
  const big = 'CAST(i AS BIGINT)';
  const sql = {
    first: of(FIRST, `((${big} * 7919) % 1009 % 20)`),
    last: of(LAST, `((${big} * 104729) % 1013 % 20)`),
    state: of(STATES, '(CASE WHEN i % 2 = 0 THEN 0 ELSE (i / 2) % 7 END)'),
  };
  const put = async (owner, n, offset) => {
    const t = e.uuid(owner);
    const id = e.id(1, `(i + ${offset})`);
    const phone = `CAST(5511900000000 + i + ${offset} AS TEXT)`;
    const address = `'p' || i || '@example.com'`;
    const name = `${sql.first} || ' ' || ${sql.last}`;
    const company = `${sql.last} || ' & filhos ' || (i % 997) || ' ficha' || i`;
    const series = e.series(n);
    await e.exec(`INSERT INTO leads (id, tenant_id, name, name_key, company, company_key, state, source, fields, tags, is_named, last_inbound_at, created_at, updated_at)
      SELECT ${id}, ${t}, ${name}, ${name}, ${company}, ${company}, ${sql.state}, 'lista.xlsx',
        '{"Cidade":"Recife","valor":' || ((i * 37) % 5200) || '}', CASE WHEN i % 20 = 7 THEN '["feira"]' ELSE '[]' END, 1,
        CASE WHEN i % 10 = 3 THEN ${BASE} + i * 1000 ELSE 0 END, ${BASE} + i, ${BASE} + i * 1000 FROM ${series}`);
    await e.exec(`INSERT INTO lead_identities (tenant_id, kind, value, lead_id, address, created_at, updated_at)
      SELECT ${t}, 'phone', ${phone}, ${id}, ${phone}, ${BASE}, ${BASE} FROM ${series}`);
    await e.exec(`INSERT INTO lead_identities (tenant_id, kind, value, lead_id, address, created_at, updated_at)
      SELECT ${t}, 'email', ${address}, ${id}, ${address}, ${BASE}, ${BASE} FROM ${series}`);
    await e.exec(`INSERT INTO lead_phones (tenant_id, lead_id, position, typed, e164, kind, valid_for_dispatch)
      SELECT ${t}, ${id}, 0, ${phone}, ${phone}, 'mobile', 1 FROM ${series}`);
    await e.exec(`INSERT INTO lead_emails (tenant_id, lead_id, position, address) SELECT ${t}, ${id}, 0, ${address} FROM ${series}`);
    for (const word of [sql.first, sql.last, `'filhos'`, `'ficha' || i`, `CASE WHEN i % 997 >= 10 THEN CAST(i % 997 AS TEXT) END`])
      await e.exec(`INSERT INTO lead_words (tenant_id, word, lead_id) SELECT ${t}, word, id FROM (SELECT ${word} AS word, ${id} AS id FROM ${series}) AS w WHERE word IS NOT NULL ORDER BY 2, 3 ON CONFLICT DO NOTHING`);
    await e.exec(`INSERT INTO lead_tags (tenant_id, tag, lead_id) SELECT ${t}, 'feira', ${id} FROM ${series} WHERE i % 20 = 7`);
  };
  await put(tenant, leads, 0);
  for (const [i, owner] of small.entries()) await put(owner, SMALL, leads + i * SMALL);
  for (const one of e.finish.split(';')) await e.exec(one);
  const uuid = (i) => {
    const hex = `${(BASE + i).toString(16).padStart(12, '0')}70008001${i.toString(16).padStart(12, '0')}`;
    return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5');
  };
  const cursor = (i, key) => `${uuid(i)}.${encodeURIComponent(key)}`;
  return {
    SMALL,
    first: (i) => FIRST[i],
    last: (i) => LAST[i],
    phone: (i) => `119${String(i).padStart(8, '0')}`,
    byName: (i) => cursor(i, `${FIRST[firstOf(i)]} ${LAST[lastOf(i)]}`),
    byCompany: (i) => cursor(i, `${LAST[lastOf(i)]} & filhos ${i % 997} ficha${i}`),
    byState: (i) => cursor(i, STATES[stateOf(i)]),
    byTime: (i) => cursor(i, String(BASE + i * 1000)),
    close: e.close,
  };
}
