// SPDX-License-Identifier: Apache-2.0
// Campaigns from the command line, from a spreadsheet to the report: every word, what it says with --json and to people, its exit
// codes, and that --wait ends when the server has carried the order out.
import ExcelJS from 'exceljs';
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { addTemplate } from '../support/campaign.mjs';
import { startGraph } from '../support/graph.mjs';
import { client, ENGINES, newInstallation, seed, until } from '../support/prosa.mjs';

const WORDS = ['add', 'list', 'plan', 'preview', 'dry-run', 'start', 'pause', 'resume', 'cancel', 'report', 'recipients', 'export', 'test', 'settle', 'settle-all'];
const OK = 0, FAILURE = 1, USAGE = 2, NOT_FOUND = 3, CONFLICT = 4, UNAVAILABLE = 5;
const NOBODY = '01920000-0000-7000-8000-000000000000';
const PEOPLE = 12;
const REFUSED = '+5511980001003', CUT = '+5511980001004'; // one the provider refuses for good, one whose answer is lost

for (const engine of ENGINES)
  describe(`prosa dispatch on ${engine}`, () => {
    let graph, installation, node, api;
    const run = (...args) => installation.cliRaw('dispatch', ...args);
    const json = async (...args) => {
      const { code, stdout, stderr } = await run(...args, '--json');
      assert.equal(code, OK, `${args.join(' ')}: ${stderr}`);
      return JSON.parse(stdout);
    };
    const fails = async (code, message, ...args) => {
      const out = await run(...args);
      assert.equal(out.code, code, `${args.join(' ')}: ${out.code} ${out.stderr}${out.stdout}`);
      assert.match(out.stderr, message);
      assert.equal(out.stdout, '');
    };
    const add = (name, ...more) => json('add', 'acme', name, '--channels', '[{"channel":"whatsapp"}]', '--variables', '{"1":{"field":"name"}}', ...more);
    const ALL = ['--limits', '{"error_percent":0,"overlap_hours":0}'];

    before(async () => {
      graph = await startGraph();
      installation = await newInstallation(engine, { PROSA_OUTBOUND: 'all' });
      const { key, tenant, account } = await seed(installation, graph.url);
      await addTemplate(installation, tenant.id, account.id);
      const file = path.join(installation.dir, 'lista.csv');
      await writeFile(file, ['Nome;Celular', ...Array.from({ length: PEOPLE }, (_, i) => `Pessoa ${i};+55 11 98000-${1000 + i}`), 'Fixo Antigo;+55 11 3333-4444'].join('\n'));
      await installation.cli('import', file, '--tenant', 'acme');
      node = await installation.serve();
      api = client(node.url, key);
      await api.put('/api/v1/settings/quiet-hours', { is_on: false });
    });
    after(async () => {
      await installation?.remove();
      await graph?.close();
    });

    test('every word explains itself', async () => {
      const { stdout } = await installation.cliRaw('help', 'dispatch');
      for (const word of WORDS) {
        assert.match(stdout, new RegExp(`^  ${word} `, 'm'));
        const help = await installation.cliRaw('help', 'dispatch', word);
        assert.match(help.stdout, new RegExp(`^prosa dispatch ${word} - `));
        assert.match(help.stdout, /--json/);
        assert.deepEqual(await run(word, '--help'), help);
      }
    });

    test('what cannot be is refused, each with its code', async () => {
      const { id, state } = await add('errors');
      assert.equal(state, 'draft');
      await fails(USAGE, /--audience: /, 'add', 'acme', 'x', '--audience', '{');
      await fails(USAGE, /audience/, 'add', 'acme', 'x', '--audience', '{"everybody": true}');
      await fails(NOT_FOUND, /there is no tenant/, 'list', 'nobody');
      for (const word of ['plan', 'preview', 'dry-run', 'start', 'pause', 'resume', 'cancel', 'report', 'recipients', 'export']) {
        await fails(NOT_FOUND, /no such campaign/, word, 'acme', NOBODY);
        await fails(NOT_FOUND, /there is no campaign "janeiro"/, word, 'acme', 'janeiro');
      }
      await add('twice');
      await add('twice');
      await fails(CONFLICT, /2 campaigns are called "twice"/, 'report', 'acme', 'twice');
      await fails(CONFLICT, /the campaign is draft: it cannot be paused/, 'pause', 'acme', id);
      await fails(CONFLICT, /cannot be resumed/, 'resume', 'acme', id);
      await fails(CONFLICT, /PROSA_OUTBOUND/, 'start', 'acme', id, '--outbound', 'replies');
      await fails(USAGE, /--at wants a time/, 'start', 'acme', id, '--at', 'tomorrow');
      await fails(USAGE, /--timeout goes with --wait/, 'plan', 'acme', id, '--timeout', '5');
      await fails(USAGE, /--timeout is a number/, 'plan', 'acme', id, '--wait', '--timeout', 'long');
      await fails(USAGE, /--state is planned/, 'recipients', 'acme', id, '--state', 'lost');
      await fails(USAGE, /--to ADDRESS is missing/, 'test', 'acme', id, NOBODY);
      await fails(NOT_FOUND, /nobody has/, 'test', 'acme', id, '+55 11 98000-9999', '--to', '+55 11 97000-0001');
      await fails(USAGE, /none of the campaign's/, 'test', 'acme', id, '+55 11 98000-1001', '--to', 'ana@example.test');
      await fails(NOT_FOUND, /no such recipient/, 'settle', 'acme', NOBODY, 'sent');
      await fails(USAGE, /sent, failed or resend/, 'settle', 'acme', NOBODY, 'maybe');
      assert.equal((await json('list', 'acme')).data.find((one) => one.id === id).state, 'draft', 'nothing of it changed the campaign');
    });

    test('from the draft to the report', async () => {
      const { id } = await add('dezembro', ...ALL);
      const planned = await json('plan', 'acme', 'dezembro', '--wait');
      assert.equal(planned.id, id);
      assert.equal(planned.state, 'planned');
      assert.deepEqual([planned.counts.total, planned.counts.planned, planned.counts.excluded], [PEOPLE + 1, PEOPLE, 1]);
      const seen = await json('preview', 'acme', id, '+55 11 98000-1003');
      assert.deepEqual([seen.lead.name, seen.would_send, seen.channel, seen.messages.map((one) => [one.channel, one.text, one.missing])], ['Pessoa 3', true, 'whatsapp', [['whatsapp', 'Olá Pessoa 3', []]]]);
      assert.deepEqual(seen, await api.post(`/api/v1/dispatches/${id}/preview`, { lead_id: seen.lead.id }), 'one shape');
      const wordless = await json('add', 'acme', 'sem valor', '--channels', '[{"channel":"whatsapp"}]', '--variables', '{"1":{"field":"company"}}');
      const gap = await run('preview', 'acme', wordless.id);
      assert.match(gap.stdout, /would not get it: variable-missing\n\nwhatsapp, cobranca_padrao_whatsapp_v1\nOlá \{\{1\}\}\nno value: 1\n$/);
      await fails(NOT_FOUND, /nobody has/, 'preview', 'acme', id, '+55 11 98000-9999');
      const tried = await run('dry-run', 'acme', id, '--wait');
      assert.equal(tried.code, OK);
      assert.match(tried.stdout, new RegExp(`^${PEOPLE} would get it, for about BRL \\d+\\.\\d\\d, through by 2`, 'm'));
      assert.match(tried.stdout, /^1 excluded: /m);
      assert.equal(graph.accepted.length, 0);

      const tested = await json('test', 'acme', id, '+55 11 98000-1001', '--to', '+55 (11) 97000-0001', '--wait');
      assert.deepEqual([tested.state, tested.is_test], ['sent', true]);
      assert.match(tested.text, /Pessoa 1$/);
      assert.deepEqual(graph.accepted.map((send) => send.to), ['+5511970000001']);

      graph.refuse = (body) => (body.to === REFUSED ? { status: 400, code: 131026 } : undefined);
      graph.heard = (body) => (graph.cutRate = body.to === CUT ? 1 : 0);
      graph.delayMs = 0;
      const started = await json('start', 'acme', id, '--wait', '--timeout', '60');
      assert.deepEqual([started.state, started.counts.reached + started.counts.uncertain, started.counts.failed], ['done', PEOPLE - 1, 1]);
      graph.refuse = null;
      graph.cutRate = 0;
      graph.heard = null;

      const told = await json('report', 'acme', id);
      assert.ok(told.causes.some((one) => one.state === 'failed' && one.cause === 'meta-131026' && one.count === 1), JSON.stringify(told.causes));
      assert.deepEqual(told.channels.map((one) => [one.channel, one.template, one.count, one.reached + one.uncertain, one.failed, one.cost]), [['whatsapp', 'cobranca_padrao_whatsapp_v1', PEOPLE, PEOPLE - 1, 1, told.cost]]);
      assert.match((await run('report', 'acme', id)).stdout, /^reached +\d+\n(.*\n)*whatsapp cobranca_padrao_whatsapp_v1: \d+ of 12 reached/m);
      for (const one of (await json('recipients', 'acme', id, '--state', 'uncertain')).data) assert.equal((await json('settle', 'acme', one.id, 'sent')).state, 'sent');
      const { data: failed } = await json('recipients', 'acme', id, '--cause', 'meta-131026');
      assert.deepEqual(failed.map((one) => one.address), [REFUSED.slice(1)]);
      await fails(CONFLICT, /nothing to settle/, 'settle', 'acme', failed[0].id, 'sent');
      assert.equal((await json('settle', 'acme', failed[0].id, 'resend')).state, 'planned');
      await until(async () => (await json('report', 'acme', id)).reached === PEOPLE, 'who failed got it');
      assert.equal((await json('recipients', 'acme', id, '--state', 'excluded')).data[0].name, 'Fixo Antigo');
      assert.match((await run('recipients', 'acme', id, '--limit', '1')).stdout, /^ID +STATE +CHANNEL +ADDRESS +NAME +WHY\n.*Pessoa/);

      const xlsx = path.join(installation.dir, 'pessoas.xlsx');
      assert.deepEqual(await json('export', 'acme', id, xlsx), { file: xlsx, format: 'xlsx', recipients: PEOPLE + 1 });
      const book = new ExcelJS.Workbook();
      await book.xlsx.readFile(xlsx);
      assert.equal(book.worksheets[0].rowCount, PEOPLE + 2);
      const csv = path.join(installation.dir, 'pessoas.csv');
      await json('export', 'acme', id, csv, '--state', 'excluded');
      const [head, ...lines] = (await readFile(csv, 'utf8')).trim().split('\r\n');
      assert.deepEqual([head.split(';').slice(1, 6), lines.length], [['phone', 'email', 'state', 'channel', 'template'], 1]);
      assert.equal((await run('export', 'acme', id, '--csv')).stdout.trim().split('\r\n').length, PEOPLE + 2);
      const log = path.join(installation.dir, 'ensaio.csv');
      assert.deepEqual(await json('export', 'acme', id, log, '--dry-run'), { file: log, format: 'csv', rows: PEOPLE + 1 });
      const [named, ...intended] = (await readFile(log, 'utf8')).trim().split('\r\n').map((line) => line.split(';'));
      assert.deepEqual(named.slice(1, 10), ['lead_id', 'name', 'phone', 'email', 'channel', 'reason', 'template', 'would_send', 'block_reason']);
      assert.equal(intended.filter((cells) => cells[8] === 'true').length, PEOPLE);
      assert.equal((await run('export', 'acme', id, '--dry-run', '--would-send', 'false')).stdout.trim().split('\r\n').length, 2);
      await fails(USAGE, /--state does not go with --dry-run/, 'export', 'acme', id, '--dry-run', '--state', 'sent');
      await fails(USAGE, /--would-send goes with --dry-run/, 'export', 'acme', id, '--would-send', 'true');
      await fails(USAGE, /--would-send is true or false/, 'export', 'acme', id, '--dry-run', '--would-send', 'maybe');
      await fails(CONFLICT, /cannot be cancelled/, 'cancel', 'acme', id);
    });

    test('pausing, going on and ending are waited for', async () => {
      const { id } = await add('em pausa', '--limits', '{"per_second":2,"overlap_hours":0}');
      const isRunning = json('start', 'acme', id, '--at', '2020-01-01T00:00:00Z');
      assert.equal((await isRunning).state, 'planning');
      await until(async () => (await json('report', 'acme', id)).reached > 0, 'it sends');
      const paused = await json('pause', 'acme', id, '--wait');
      assert.deepEqual([paused.state, paused.counts.sending], ['paused', 0]);
      assert.ok(paused.counts.planned > 0);
      const resumed = run('resume', 'acme', id, '--wait', '--json');
      await until(async () => (await json('report', 'acme', id)).reached > paused.counts.reached, 'it goes on');
      const cancelled = await json('cancel', 'acme', id, '--wait');
      assert.deepEqual([cancelled.state, cancelled.counts.planned], ['cancelled', 0]);
      const { code, stdout } = await resumed;
      assert.deepEqual([code, JSON.parse(stdout).state], [FAILURE, 'cancelled'], 'who waited for it to be through is told that it was ended');
    });

    test('all whom one cause kept from it are decided with one command, each once, whoever else does the same', async () => {
      const { id } = await add('por causa', ...ALL);
      const group = (how, ...more) => ['settle-all', 'acme', id, how, '--state', 'failed', '--cause', 'meta-131026', ...more];
      const half = (body) => (Number(body.to.slice(-1)) % 2 ? { status: 400, code: 131026 } : undefined);
      const took = (from) => graph.accepted.slice(from).map((send) => send.to).sort();
      graph.refuse = half;
      const before = graph.accepted.length;
      const { counts } = await json('start', 'acme', id, '--wait');
      assert.deepEqual([counts.reached, counts.failed], [PEOPLE / 2, PEOPLE / 2]);
      graph.refuse = null;
      const { causes } = await json('report', 'acme', id);
      assert.deepEqual(causes.filter((one) => one.state === 'failed').map((one) => [one.count, one.settleable]), [[PEOPLE / 2, PEOPLE / 2]]);

      await fails(USAGE, /what failed can only be sent again/, ...group('sent'));
      await fails(USAGE, /--state is failed or uncertain/, 'settle-all', 'acme', id, 'resend', '--state', 'excluded', '--cause', 'x');
      await fails(USAGE, /--cause CAUSE is missing/, 'settle-all', 'acme', id, 'resend', '--state', 'failed');
      await fails(NOT_FOUND, /nobody is failed for "nada"/, 'settle-all', 'acme', id, 'resend', '--state', 'failed', '--cause', 'nada');
      await fails(CONFLICT, /PROSA_OUTBOUND/, ...group('resend', '--yes', '--outbound', 'replies'));
      assert.match((await run(...group('resend'))).stdout, new RegExp(`^${PEOPLE / 2} of the ${PEOPLE / 2} that are failed for "meta-131026" would be settled as resend: --yes does it\n$`));
      assert.equal((await json('report', 'acme', id)).failed, PEOPLE / 2, 'without --yes nothing changes');

      const both = await Promise.all([run(...group('resend', '--yes', '--json')), run(...group('resend', '--yes', '--json'))]);
      assert.ok(both.every(({ code }) => code === OK || code === NOT_FOUND), JSON.stringify(both)); // one may find nobody any more
      const done = both.filter(({ code }) => code === OK).map(({ stdout }) => JSON.parse(stdout));
      assert.equal(done.reduce((all, one) => all + one.settled, 0), PEOPLE / 2, JSON.stringify(both));
      assert.ok(done.every((one) => one.settled + one.skipped === one.count), JSON.stringify(both));
      await until(async () => (await json('report', 'acme', id)).reached === PEOPLE, 'they got it');
      const sent = took(before);
      assert.deepEqual(sent, [...new Set(sent)], 'each once');
      assert.equal(sent.length, PEOPLE);
      await fails(NOT_FOUND, /nobody is failed/, ...group('resend', '--yes'));
    });

    test('without a server an order stands, and who waits is told so', async () => {
      const { id } = await add('sem servidor');
      await node.kill();
      await fails(UNAVAILABLE, /it is still planning: the order stands/, 'plan', 'acme', id, '--wait', '--timeout', '1');
      node = await installation.serve();
      await until(async () => (await json('report', 'acme', id)).state === 'planned', 'a server carries it out');
    });
  });
