// SPDX-License-Identifier: Apache-2.0
// A dry run while the gate stands at "replies", then the same campaign for real: the same people over the same channels, person by
// person, by WhatsApp and by e-mail.
import ExcelJS from 'exceljs';
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { addTemplate } from '../support/campaign.mjs';
import { startGraph } from '../support/graph.mjs';
import { mailNeeds, startMail } from '../support/mail.mjs';
import { client, ENGINES, newInstallation, seed, until } from '../support/prosa.mjs';

const PEOPLE = [
  'Nome;Celular;E-mail',
  ...Array.from({ length: 20 }, (_, i) => `Pessoa ${i};+55 11 98000-${1000 + i};`),
  'Ana Souza;;ana@example.test',
  'Bia Lima;;bia@example.test',
  'Ambos Canais;+55 11 98000-2001;ambos@example.test',
  'Sem Nada;;',
  'Fixo Antigo;+55 11 3333-4444;',
  'Parou Antes;+55 11 98000-3001;',
  ';+55 11 98000-4001;', // whose text would be incomplete
];
const COLUMNS = ['lead_id', 'name', 'phone', 'email', 'channel', 'reason', 'template', 'would_send', 'block_reason'];

// Two names of one setting.
const OPEN = { sqlite: { MICRO_AGENT_DISPARO_ENABLED: 'true' }, postgres: { PROSA_OUTBOUND: 'all' } };

for (const engine of ENGINES) {
  describe(`dry run on ${engine}`, { skip: mailNeeds }, () => {
    test('sends nothing, logs everybody, and names exactly those whom the campaign then reaches', { timeout: 300000 }, async (t) => {
      const graph = await startGraph();
      t.after(() => graph.close());
      const mail = await startMail();
      t.after(() => mail.close());
      const installation = await newInstallation(engine, { PROSA_CA_FILE: mail.CERT, PROSA_PUBLIC_URL: 'https://prosa.test' });
      t.after(() => installation.remove());
      const { key, tenant, account } = await seed(installation, graph.url);
      await addTemplate(installation, tenant.id, account.id);
      await installation.cli('provider', 'add', 'acme', 'email', '--address', 'vendas@loja.test', '--set', 'smtp_host=localhost', '--set', `smtp_port=${mail.smtpsPort}`, '--set', 'smtp_security=tls');
      let node = await installation.serve({ PROSA_OUTBOUND: 'replies' });
      let api = client(node.url, key);
      await api.put('/api/v1/settings/quiet-hours', { is_on: false });
      await api.post('/api/v1/templates', { channel: 'email', name: 'cobranca_padrao_email_v1', language: 'pt_BR', subject: 'Aviso', body: 'Olá {{1}}', html: '<p>Olá {{1}}</p>' });
      await api.post('/api/v1/suppressions/import', { values: ['+5511980003001'], reason: 'list of the old system' });
      const upload = await fetch(`${node.url}/api/v1/imports?name=lista.csv`, { method: 'POST', headers: { Authorization: `Bearer ${key}` }, body: PEOPLE.join('\n') });
      const { id: imported } = await upload.json();
      await api.post(`/api/v1/imports/${imported}/commit`);
      await until(async () => (await api.get(`/api/v1/imports/${imported}`)).state === 'done', 'the import is done');

      const { id } = await api.post('/api/v1/dispatches', { name: 'ensaio', audience: { import: imported }, variables: { 1: { field: 'name' } } });
      const path = `/api/v1/dispatches/${id}`;
      await api.post(`${path}/dry-run`);
      const tried = await until(async () => {
        const now = await api.get(path);
        return now.dry_run_at && now.state === 'planned' && now;
      }, 'the dry run');
      assert.equal(tried.can_send, false);
      await assert.rejects(api.post(`${path}/start`), (e) => e.status === 409 && e.problem.type.endsWith(':gate-closed'));
      const { data: log } = await api.get(`${path}/log?limit=500`);
      const { data: rows } = await api.get(`${path}/recipients?limit=500`);
      assert.equal(log.length, rows.length, 'everybody is logged');
      for (const line of log) for (const column of COLUMNS) assert.ok(column in line, column);
      assert.ok(log.every((line) => (line.would_send ? line.channel && line.template && line.block_reason === null : line.block_reason)), 'each says what, or why not');
      const exported = async (query) => {
        const sheet = await fetch(`${node.url}${path}/log/export${query}`, { headers: { Authorization: `Bearer ${key}` } });
        assert.match(sheet.headers.get('content-disposition'), /"dry-run\.(csv|xlsx)"/);
        const book = new ExcelJS.Workbook();
        if (query.includes('xlsx')) await book.xlsx.load(await sheet.arrayBuffer());
        else await book.csv.read(Readable.fromWeb(sheet.body), { parserOptions: { delimiter: ';' }, map: (text) => text });
        const [head, ...lines] = book.worksheets[0].getSheetValues().slice(1).map((cells) => cells.slice(1).map((cell) => String(cell ?? '')));
        return lines.map((cells) => Object.fromEntries(head.map((name, i) => [name.replace(/^\uFEFF/, ''), cells[i] ?? ''])));
      };
      const brief = (line) => ['tenant', ...COLUMNS, 'text'].map((name) => String((name === 'tenant' ? 'acme' : line[name]) ?? '')).join('|');
      for (const format of ['csv', 'xlsx']) {
        const file = await exported(`?format=${format}`);
        assert.deepEqual(file.map(brief).sort(), log.map(brief).sort(), `${format}: everybody, as the log has it`);
        assert.ok(file.every((line) => line.tenant === 'acme'), format);
        assert.equal(Math.round(file.reduce((sum, line) => sum + Number(line.cost), 0) * 1e6), tried.estimate.cost);
      }
      assert.equal((await exported('?format=xlsx&would_send=false')).length, log.filter((line) => !line.would_send).length);

      assert.equal(graph.accepted.length, 0);
      assert.deepEqual([await mail.inbox('ana'), await mail.inbox('bia')], [[], []]);

      await node.kill();
      node = await installation.serve(OPEN[engine]);
      api = client(node.url, key);
      assert.equal((await api.get(path)).can_send, true);
      await api.post(`${path}/start`);
      await until(async () => (await api.get(path)).state === 'done', 'it is done', 60000);
      const { data: real } = await api.get(`${path}/recipients?limit=500`);
      const predicted = log.filter((line) => line.would_send).map((line) => `${line.lead_id} ${line.channel}`);
      const reached = real.filter((row) => row.state === 'sent').map((row) => `${row.lead_id} ${row.channel}`);
      assert.deepEqual(reached.sort(), predicted.sort());
      const out = (list, of) => list.filter(of).map((x) => `${x.lead_id} ${x.block_reason}`).sort();
      assert.deepEqual(out(real, (row) => row.state === 'excluded'), out(log, (line) => !line.would_send), 'and the others for the reasons it gave');
      for (const channel of ['whatsapp', 'email']) assert.equal(reached.filter((x) => x.endsWith(channel)).length, { whatsapp: 21, email: 2 }[channel]);
      assert.equal(graph.accepted.length, 21);
      await until(async () => (await mail.inbox('ana')).length + (await mail.inbox('bia')).length === 2, 'the mails are there');
      assert.equal(tried.estimate.recipients, reached.length);
      assert.equal((await api.get(path)).counts.cost, tried.estimate.cost);

      const report = await api.get(`${path}/report`);
      assert.deepEqual(report.channels.map((one) => [one.channel, one.template, one.count, one.reached]), [
        ['email', 'cobranca_padrao_email_v1', 2, 2],
        ['whatsapp', 'cobranca_padrao_whatsapp_v1', 21, 21],
      ]);
      assert.equal(report.channels.reduce((sum, one) => sum + one.cost, 0), report.counts.cost);
      const sheet = await fetch(`${node.url}${path}/recipients/export?format=xlsx`, { headers: { Authorization: `Bearer ${key}` } });
      assert.match(sheet.headers.get('content-disposition'), /"recipients\.xlsx"/);
      const book = new ExcelJS.Workbook();
      await book.xlsx.load(await sheet.arrayBuffer());
      const [head, ...lines] = book.worksheets[0].getSheetValues().slice(1).map((cells) => cells.slice(1));
      const column = (name) => lines.map((cells) => cells[head.indexOf(name)] || null);
      assert.deepEqual(column('lead_id').map((id, i) => `${id} ${column('state')[i]}`).sort(), real.map((row) => `${row.lead_id} ${row.state}`).sort(), 'everybody is in the spreadsheet');
      assert.equal(Math.round(column('cost').reduce((sum, cost) => sum + Number(cost), 0) * 1e6), report.counts.cost);
    });
  });
}
