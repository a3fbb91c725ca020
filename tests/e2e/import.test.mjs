// SPDX-License-Identifier: Apache-2.0
// Spreadsheets in, on the real binary: from the upload to undo, over HTTP and by `prosa import`, also when the server is killed.
import ExcelJS from 'exceljs';
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import writeXlsxFile from 'write-excel-file/node';
import { ENGINES, client, newInstallation, until } from '../support/prosa.mjs';

const HEAD = ['Empresa', 'Contato', 'CNPJ/CPF', 'Celular', 'E-mail', 'Cidade'];
const ROWS = [
  ['Padaria Sol', 'Ana Souza', '529.982.247-25', '(11) 98765-4321 / 11 3333-4444', 'ana@example.com', 'São Paulo'],
  ['Café Lua', 'João Lima', '', 21912345678, 'joao@example.com; compras@example.com', 'Rio'],
  ['Mercado', 'Sem Contato', '', '', '', 'Rio'],
  ['Padaria Sol', 'Ana S.', '', '+55 11 98765-4321', '', ''],
  ['', 'Zé', '', '12345', 'ze@example.com', ''],
];
const sum = (c) => c.created + c.updated + c.skipped + c.failed;

/** The same people, as CSV of so many rows. */
const people = (n) => ['Nome;Telefone;E-mail', ...Array.from({ length: n }, (_, i) => `Pessoa ${i};+55 11 9${String(60000000 + i)};p${i}@example.com`)].join('\n');

for (const engine of ENGINES)
  describe(`imports on ${engine}`, () => {
    let installation, node, key, api;
    const upload = async (body, name = 'lista.csv') => {
      const res = await fetch(`${node.url}/api/v1/imports?name=${name}`, { method: 'POST', headers: { Authorization: `Bearer ${key}` }, body });
      const json = await res.json();
      return { status: res.status, json };
    };
    const reach = (id, ...states) => until(async () => { const im = await api.get(`/api/v1/imports/${id}`); return states.includes(im.state) ? im : null; }, `import ${id} is ${states}`, 60000);
    const start = async () => {
      node = await installation.serve();
      api = client(node.url, key);
    };

    before(async () => {
      installation = await newInstallation(engine, { PROSA_LEASE_MS: '5000' });
      await installation.cli('tenant', 'add', 'acme');
      key = (await installation.cli('key', 'add', 'acme', '--scope', '*')).key;
      await start();
    });
    after(async () => {
      if (node) await node.kill();
      await installation?.remove();
    });

    test('a file of another program is understood, tried, put in, explained and taken back', async () => {
      const book = new ExcelJS.Workbook();
      const sheet = book.addWorksheet('Contatos');
      sheet.addRows([HEAD, ...ROWS]);
      const { status, json: im } = await upload(await book.xlsx.writeBuffer(), 'lista.xlsx');
      assert.equal(status, 201, JSON.stringify(im));
      assert.deepEqual(im.columns.map((c) => c.target), ['company', 'name', 'document', 'phone', 'email', 'field:Cidade']);
      assert.equal(im.header_row, 1);

      const preview = await api.get(`/api/v1/imports/${im.id}/preview`);
      assert.deepEqual(preview.rows[0].phones, ['(11) 98765-4321', '11 3333-4444']);
      assert.deepEqual(preview.rows[1].emails, ['joao@example.com', 'compras@example.com']);
      assert.deepEqual(preview.rows[1].phones, ['21912345678']);
      assert.equal(preview.counts.rows, 5);

      await api.post(`/api/v1/imports/${im.id}/commit`, { dry_run: true });
      const tried = await reach(im.id, 'ready');
      assert.equal(tried.check.rows, 5);
      assert.equal((await api.get('/api/v1/imports')).data[0].counts.rows, 0);

      await api.post(`/api/v1/imports/${im.id}/commit`);
      const done = await reach(im.id, 'done', 'failed');
      assert.equal(done.state, 'done');
      assert.equal(done.counts.rows, sum(done.counts));
      assert.deepEqual(done.counts, tried.check);
      assert.equal(done.counts.created, 3);
      assert.equal(done.counts.failed, 1);
      assert.ok(done.reasons.some((r) => r.reason === 'too-short' && r.column === 'Celular' && r.explanation === 'faltam dígitos'));

      const { data: rows } = await api.get(`/api/v1/imports/${im.id}/rows?outcome=failed`);
      assert.deepEqual(rows.map((r) => [r.number, r.reason]), [[4, 'no-contact']]);
      const errors = await (await fetch(`${node.url}/api/v1/imports/${im.id}/errors`, { headers: { Authorization: `Bearer ${key}` } })).text();
      assert.match(errors, /^\ufeff?linha;coluna;resultado;motivo;explicação;valor original\r\n/);
      assert.match(errors, /\n6;Celular;criada;too-short;faltam dígitos;12345\r\n/);

      await api.post(`/api/v1/imports/${im.id}/undo`);
      const undone = await reach(im.id, 'undone');
      assert.equal(undone.undone, 3 + done.counts.updated);
    });

    test('a file of yet another library says the same', async () => {
      const cells = [HEAD, ...ROWS].map((row) => row.map((value) => ({ value: value === '' ? undefined : value, type: typeof value === 'number' ? Number : String })));
      const { status, json: im } = await upload(await writeXlsxFile(cells).toBuffer(), 'outra.xlsx');
      assert.equal(status, 201, JSON.stringify(im));
      await api.post(`/api/v1/imports/${im.id}/commit`);
      const done = await reach(im.id, 'done', 'failed');
      assert.equal(done.counts.rows, 5);
      assert.equal(done.counts.created, 3);
      assert.equal(done.counts.rows, sum(done.counts));
      await api.post(`/api/v1/imports/${im.id}/undo`);
      await reach(im.id, 'undone');
    });

    test('what is no spreadsheet is refused with a cause', async () => {
      for (const [body, cause] of [['%PDF-1.7', 'wrong-type'], ['PK\x03\x04 cut', 'truncated'], ['a;b\n"x', 'unclosed-quote'], ['\n\n', 'no-rows'], ['<html><table>', 'wrong-type']]) {
        const { status, json } = await upload(body);
        assert.equal(status, 400, cause);
        assert.equal(json.cause, cause, json.detail);
      }
    });

    test('a server that is killed amid an import leaves nothing out and repeats nothing', async () => {
      const { json: im } = await upload(people(14000));
      await api.post(`/api/v1/imports/${im.id}/commit`);
      for (let kills = 0; kills < 2; kills++) {
        const before = (await api.get(`/api/v1/imports/${im.id}`)).counts.rows;
        const now = await until(async () => { const x = await api.get(`/api/v1/imports/${im.id}`); return x.counts.rows > before || x.state === 'done' ? x : null; }, 'rows go in', 60000);
        if (now.state === 'done') break;
        await node.kill('SIGKILL');
        await start();
      }
      const done = await reach(im.id, 'done', 'failed');
      assert.equal(done.state, 'done');
      assert.equal(done.counts.rows, 14000);
      assert.equal(done.counts.created, 14000);
      const seen = new Set();
      for (let after = ''; ; ) {
        const page = await api.get(`/api/v1/imports/${im.id}/rows?limit=500&after=${after}`);
        for (const row of page.data) seen.add(row.lead_id);
        if (!page.has_more) break;
        after = page.next;
      }
      assert.equal(seen.size, 14000, 'everybody is one lead of their own');
      await api.post(`/api/v1/imports/${im.id}/undo`);
      assert.equal((await reach(im.id, 'undone')).undone, 14000);
    });

    test('prosa import says what happened, and goes on with what was interrupted', async () => {
      const file = path.join(installation.dir, 'lista.csv');
      await writeFile(file, people(300) + '\nNinguém;;\n');
      const dry = await installation.cli('import', file, '--tenant', 'acme', '--dry-run');
      assert.deepEqual(dry.counts, { rows: 301, created: 300, updated: 0, skipped: 0, failed: 1, noted: 0 });
      const done = await installation.cli('import', file, '--tenant', 'acme', '--policy', 'skip', '--map', 'Nome=field:Apelido', '--errors', path.join(installation.dir, 'erros.csv'));
      assert.equal(done.state, 'done');
      assert.deepEqual(done.counts, dry.counts);
      assert.match(await readFile(path.join(installation.dir, 'erros.csv'), 'utf8'), /no-contact/);
      const again = await installation.cli('import', file, '--tenant', 'acme', '--policy', 'skip');
      assert.equal(again.counts.skipped, 300);
      const undone = await installation.cli('import', '--undo', done.id, '--tenant', 'acme');
      assert.equal(undone.undone, 300);
      const bad = await installation.cliRaw('import', file, '--tenant', 'acme', '--map', 'Nada=phone');
      assert.equal(bad.code, 2);
      assert.match(bad.stderr, /no column "Nada"/);
    });
  });
