// SPDX-License-Identifier: Apache-2.0
// Leads on the real binary: `prosa lead`, and the spreadsheets that are written of them, which can do nothing to who opens them.
import ExcelJS from 'exceljs';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { BIN, ENGINES, client, newInstallation, until } from '../support/prosa.mjs';

const run = promisify(execFile);
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const BEGINS_FORMULA = /^[=+\-@\t\r\n]/;
// What would be run by a spreadsheet program if it stood in a cell as it is.
const FORMULAS = ['=HYPERLINK("http://x.example","clique")', '+cmd|\'/C calc\'!A0', '-2+3+cmd', '@SUM(1;1)', '\t=1+1', '\r=1+1', '=1+1";=2+2', ';=1+1'];

/** Rows of a CSV as RFC 4180 has it, with ; between. */
function parseCsv(text) {
  const rows = [[]];
  let cell = '', isQuoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (isQuoted && c === '"' && text[i + 1] === '"') cell += text[++i];
    else if (c === '"') isQuoted = !isQuoted;
    else if (!isQuoted && c === ';') rows.at(-1).push(cell), (cell = '');
    else if (!isQuoted && c === '\r' && text[i + 1] === '\n') rows.at(-1).push(cell), rows.push([]), (cell = ''), i++;
    else cell += c;
  }
  assert.equal(cell, '');
  rows.pop();
  return rows;
}

async function parseXlsx(bytes) {
  const book = new ExcelJS.Workbook();
  await book.xlsx.load(bytes);
  const rows = [];
  book.worksheets[0].eachRow((row) => rows.push(Array.from({ length: 14 }, (_, i) => row.getCell(i + 1))));
  return rows;
}

for (const engine of ENGINES)
  describe(`leads on ${engine}`, () => {
    let installation, node, key, api;
    const ids = {};
    const download = async (query) => {
      const res = await fetch(`${node.url}/api/v1/leads/export?${query}`, { headers: { Authorization: `Bearer ${key}` } });
      return { status: res.status, type: res.headers.get('content-type'), name: res.headers.get('content-disposition'), bytes: Buffer.from(await res.arrayBuffer()) };
    };

    before(async () => {
      installation = await newInstallation(engine);
      await installation.cli('tenant', 'add', 'acme');
      await installation.cli('tenant', 'add', 'other');
      key = (await installation.cli('key', 'add', 'acme', '--scope', '*')).key;
      node = await installation.serve();
      api = client(node.url, key);
      const add = async (name, lead) => (ids[name] = (await api.post('/api/v1/leads', { name, ...lead })).id);
      await add('Ana Souza', { company: 'Padaria Sol', phones: ['(11) 98765-4321'], emails: ['ana@example.com'], tags: ['VIP', 'feira'], document: '529.982.247-25', fields: { cidade: 'São Paulo' } });
      await add('Bia Lima', { phones: ['11 3333-4444'], tags: ['feira'] });
      await add('Caio Dias', { emails: ['caio@example.com'] });
      await api.post('/api/v1/segments', { name: 'Da feira', filter: { field: 'tag', op: 'is', value: 'feira' } });
    });
    after(async () => {
      if (node) await node.kill();
      await installation?.remove();
    });

    test('prosa lead list finds by filter, segment, words and order', async () => {
      const names = async (...args) => (await installation.cli('lead', 'list', 'acme', ...args)).data.map((l) => l.name);
      assert.deepEqual(await names(), ['Caio Dias', 'Bia Lima', 'Ana Souza']);
      assert.deepEqual(await names('--sort', 'name'), ['Ana Souza', 'Bia Lima', 'Caio Dias']);
      assert.deepEqual(await names('--limit', '1'), ['Caio Dias']);
      assert.deepEqual(await names('--filter', '{"field":"tag","op":"is","value":"vip"}'), ['Ana Souza']);
      assert.deepEqual(await names('--segment', 'Da feira', '--sort', 'name'), ['Ana Souza', 'Bia Lima']);
      assert.deepEqual(await names('--q', '1198765'), ['Ana Souza']);
      assert.deepEqual(await names('--q', 'padaria'), ['Ana Souza']);
      assert.deepEqual((await installation.cli('lead', 'list', 'other')).data, []);
      const { code, stdout } = await installation.cliRaw('lead', 'list', 'acme', '--sort', 'name');
      assert.equal(code, 0);
      assert.match(stdout, /^ID +STATE +PHONE +E-MAIL +COMPANY +NAME\n/);
      assert.match(stdout, new RegExp(`^${ids['Ana Souza']}  new +5511987654321  ana@example.com +Padaria Sol  Ana Souza$`, 'm'));
      assert.match((await installation.cliRaw('lead', 'list', 'other')).stdout, /^Nobody/);
    });

    test('prosa lead show finds one by id, number or address, and says what is known', async () => {
      const lead = await installation.cli('lead', 'show', 'acme', ids['Ana Souza']);
      assert.match(lead.id, UUID);
      assert.equal(lead.name, 'Ana Souza');
      assert.deepEqual(lead.tags, ['VIP', 'feira']);
      assert.deepEqual(lead.fields, { cidade: 'São Paulo' });
      assert.deepEqual(lead.phones, [{ typed: '(11) 98765-4321', e164: '5511987654321', kind: 'mobile', reason: null }]);
      assert.equal(lead.valid_for_dispatch, true);
      for (const who of ['11 98765-4321', '+5511987654321', 'ANA@example.com']) assert.deepEqual(await installation.cli('lead', 'show', 'acme', who), lead, who);
      const { stdout } = await installation.cliRaw('lead', 'show', 'acme', ids['Bia Lima']);
      assert.match(stdout, /landline +551133334444 +landline/);
    });

    test('prosa lead export writes a file or standard output, CSV or XLSX', async () => {
      const file = path.join(installation.dir, 'feira.xlsx');
      assert.deepEqual(await installation.cli('lead', 'export', 'acme', file, '--segment', 'Da feira'), { file, format: 'xlsx', leads: 2 });
      const rows = await parseXlsx(await readFile(file));
      assert.deepEqual(rows.slice(1).map((r) => r[1].value), ['Bia Lima', 'Ana Souza']);
      const { stdout: csv } = await installation.cliRaw('lead', 'export', 'acme', '--sort', 'name');
      assert.deepEqual(parseCsv(csv.replace(/^\ufeff/, '')).slice(1).map((r) => [r[0], r[1], r[5]]), [[ids['Ana Souza'], 'Ana Souza', '5511987654321'], [ids['Bia Lima'], 'Bia Lima', ''], [ids['Caio Dias'], 'Caio Dias', '']]);
      const { stdout: xlsx } = await run(BIN, ['lead', 'export', 'acme', '-', '--xlsx'], { env: installation.env, encoding: 'buffer' });
      assert.equal((await parseXlsx(xlsx)).length, 4);
    });

    test('what prosa lead cannot do it says, with the exit code of its kind', async () => {
      for (const [code, message, ...args] of [
        [3, /nobody has "\+5511900000000"/, 'show', 'acme', '+5511900000000'],
        [3, /no such lead/, 'show', 'other', ids['Ana Souza']],
        [2, /neither an id, a telephone number nor an e-mail address/, 'show', 'acme', 'Ana'],
        [3, /nobody|tenant/, 'list', 'nobody'],
        [2, /--filter: /, 'list', 'acme', '--filter', '{'],
        [2, /no field "idade"/, 'list', 'acme', '--filter', '{"field":"idade","op":"is","value":"3"}'],
        [2, /sort: name/, 'list', 'acme', '--sort', 'shoe'],
        [2, /exclude each other/, 'list', 'acme', '--filter', '{}', '--segment', 'Da feira'],
        [3, /no segment "Nada"/, 'export', 'acme', '--segment', 'Nada'],
        [2, /--csv and --xlsx/, 'export', 'acme', '--csv', '--xlsx'],
        [2, /could not write "\/nowhere\/x.csv"/, 'export', 'acme', '/nowhere/x.csv'],
        [2, /--json wants a FILE/, 'export', 'acme', '--json'],
      ]) {
        const r = await installation.cliRaw('lead', ...args);
        assert.equal(r.code, code, `${args.join(' ')}: ${r.stderr}`);
        assert.match(r.stderr, message);
        assert.equal(r.stdout, '');
      }
    });

    test('in an exported spreadsheet nothing is a formula, and an import reads back what was meant', async () => {
      const made = [];
      for (const [i, text] of FORMULAS.entries()) made.push((await api.post('/api/v1/leads', { name: `${text}`, company: text, tags: [text], fields: { [text]: text }, phones: [`+55 21 9${String(70000000 + i)}`] })).id);
      const stored = new Map((await api.get('/api/v1/leads?limit=100')).data.map((l) => [l.id, l]));

      const csv = await download(`format=csv&ids=${made}`);
      assert.equal(csv.status, 200);
      assert.match(csv.type, /^text\/csv/);
      assert.match(csv.name, /^attachment; filename="leads\.csv"$/);
      const rows = parseCsv(csv.bytes.toString('utf8').replace(/^\ufeff/, '')).slice(1);
      assert.deepEqual(rows.map((r) => r[0]), made);
      for (const row of rows) {
        for (const cell of row) assert.doesNotMatch(cell, BEGINS_FORMULA, JSON.stringify(cell));
        const name = stored.get(row[0]).name;
        assert.equal(row[1], BEGINS_FORMULA.test(name) ? `'${name}` : name);
      }

      const xlsx = await download(`format=xlsx&ids=${made}`);
      assert.match(xlsx.type, /spreadsheetml\.sheet$/);
      const cells = (await parseXlsx(xlsx.bytes)).slice(1);
      assert.deepEqual(cells.map((r) => r[0].value), made);
      for (const row of cells) {
        for (const cell of row) assert.ok([ExcelJS.ValueType.String, ExcelJS.ValueType.Null].includes(cell.type), `${cell.address}: ${JSON.stringify(cell.value)}`);
        assert.equal(row[1].value, stored.get(row[0].value).name);
      }

      await installation.cli('tenant', 'add', `back-${engine}`);
      const other = client(node.url, (await installation.cli('key', 'add', `back-${engine}`, '--scope', '*')).key);
      for (const [format, bytes] of Object.entries({ csv: csv.bytes, xlsx: xlsx.bytes })) {
        const file = path.join(installation.dir, `back.${format}`);
        await (await import('node:fs/promises')).writeFile(file, bytes);
        const done = await installation.cli('import', file, '--tenant', `back-${engine}`, '--policy', 'overwrite', '--map', 'phones=phone', '--map', 'name=name');
        assert.equal(done.counts.rows, FORMULAS.length);
        const names = (await until(async () => { const all = (await other.get('/api/v1/leads?limit=100')).data; return all.length === FORMULAS.length ? all : null; }, 'everybody')).map((l) => l.name);
        assert.deepEqual(names.sort(), made.map((id) => stored.get(id).name).sort(), format);
      }
    });

    test('an export follows the list it is of, and refuses what is no format', async () => {
      const filter = encodeURIComponent('{"field":"tag","op":"is","value":"feira"}');
      const { bytes } = await download(`format=csv&sort=name&filter=${filter}`);
      assert.deepEqual(parseCsv(bytes.toString('utf8').slice(1)).slice(1).map((r) => r[1]), ['Ana Souza', 'Bia Lima']);
      assert.equal((await download('format=pdf')).status, 400);
      assert.equal((await download('ids=1')).status, 400);
    });
  });
