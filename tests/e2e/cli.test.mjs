// SPDX-License-Identifier: Apache-2.0
// The command line as scripts and people use it: help, exit codes, JSON, and what each command changes.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmod, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { BIN, newInstallation } from '../support/prosa.mjs';

const ENGINES = process.env.PROSA_TEST_POSTGRES_URL ? ['sqlite', 'postgres'] : ['sqlite'];
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const OK = 0, FAILURE = 1, USAGE = 2, NOT_FOUND = 3, CONFLICT = 4, UNAVAILABLE = 5;

const COMMANDS = {
  tenant: ['add', 'list', 'enable', 'disable', 'legacy'],
  user: ['add', 'list', 'passwd', 'enable', 'disable'],
  key: ['add', 'list', 'revoke'],
  provider: ['add', 'kinds', 'list', 'set', 'enable', 'disable', 'prefer', 'test', 'clear'],
  lead: ['list', 'show', 'export'],
  bot: ['set', 'show', 'check'],
  jobs: ['list', 'groups', 'replay', 'discard'],
  inbox: ['list', 'show', 'replay'],
  audit: ['list', 'verify'],
  secrets: ['rotate', 'reseal'],
  migrate: [],
  doctor: [],
  sim: [],
  version: [],
  serve: [],
  demo: [],
};

function start(args, { input = '', env = {}, cwd } = {}) {
  const child = spawn(BIN, args, { env: { PATH: process.env.PATH, ASAN_OPTIONS: process.env.ASAN_OPTIONS ?? '', ...env }, cwd });
  const out = { code: null, stdout: '', stderr: '' };
  child.stdout.on('data', (d) => (out.stdout += d));
  child.stderr.on('data', (d) => (out.stderr += d));
  child.stdin.on('error', () => {}); // it need not read all of it
  child.stdin.end(input);
  return new Promise((done) => child.on('close', (code) => done({ ...out, code })));
}

/** Calls of one installation: run() gives code and texts, json() the parsed output of a call that must succeed. */
function shell(installation) {
  const run = (args, more = {}) => start(args, { ...more, env: { ...installation.env, ...more.env }, cwd: installation.dir });
  const json = async (args, more) => {
    const r = await run([...args, '--json'], more);
    assert.equal(r.code, OK, `${args.join(' ')}: ${r.stderr}`);
    return JSON.parse(r.stdout);
  };
  const fails = async (code, message, args, more) => {
    const r = await run(args, more);
    assert.equal(r.code, code, `${args.join(' ')}: ${r.code} ${r.stderr}${r.stdout}`);
    assert.match(r.stderr, message);
    assert.match(r.stderr, /^prosa: /);
    assert.equal(r.stdout, '');
  };
  return { run, json, fails };
}

describe('the command line without a database', () => {
  test('every command explains itself', async () => {
    const root = await start(['--help']);
    assert.equal(root.code, OK);
    for (const [name, subcommands] of Object.entries(COMMANDS)) {
      assert.match(root.stdout, new RegExp(`^  ${name} `, 'm'));
      const help = await start(['help', name]);
      assert.equal(help.code, OK);
      assert.match(help.stdout, new RegExp(`^prosa ${name} - `));
      assert.deepEqual(await start([name, '--help']), help);
      for (const sub of subcommands) {
        assert.match(help.stdout, new RegExp(`^  ${sub} `, 'm'));
        const more = await start(['help', name, sub]);
        assert.equal(more.code, OK);
        assert.match(more.stdout, new RegExp(`^prosa ${name} ${sub} - `));
        assert.match(more.stdout, /--json/);
        assert.deepEqual(await start([name, sub, '--help']), more);
      }
    }
  });

  test('what is no command is told, with code 2', async () => {
    for (const args of [['telex'], ['tenant', 'telex'], ['help', 'telex'], ['help', 'tenant', 'telex'], ['-v']]) {
      const r = await start(args);
      assert.equal(r.code, USAGE, args.join(' '));
      assert.match(r.stderr, /there is no command "/);
    }
    for (const args of [[], ['tenant']]) {
      const r = await start(args);
      assert.equal(r.code, USAGE);
      assert.match(r.stderr, /Commands/);
      assert.equal(r.stdout, '');
    }
  });

  test('version is told in both forms', async () => {
    assert.match((await start(['version'])).stdout, /^prosa \d+\.\d+\.\d+\n$/);
    assert.match((await start(['--version'])).stdout, /^prosa /);
    assert.match(JSON.parse((await start(['version', '--json'])).stdout).version, /^\d+\.\d+\.\d+$/);
    assert.equal((await start(['version', '--workers', '4'])).code, USAGE);
  });

  test('the simulator says where it is and stops when told to', async () => {
    const child = spawn(BIN, ['sim', '--json'], { env: { PATH: process.env.PATH } });
    const ended = new Promise((done) => child.on('exit', (code, signal) => done({ code, signal })));
    const ready = JSON.parse(await new Promise((done) => child.stdout.once('data', (d) => done(d.toString()))));
    assert.match(ready.address, /^http:\/\/127\.0\.0\.1:\d+$/);
    assert.equal((await fetch(`${ready.address}/sim/stats`)).status, 200);
    child.kill('SIGTERM');
    assert.deepEqual(await ended, { code: 0, signal: null });
    assert.equal((await start(['sim', '--listen', 'nowhere'])).code === 0, false);
  });

  test('the kinds of providers are listed', async () => {
    const { data } = JSON.parse((await start(['provider', 'kinds', '--json'])).stdout);
    assert.deepEqual(data.map((k) => k.kind), ['meta', 'twilio', 'email', 'openai']);
    assert.ok(data[0].fields.some((f) => f.name === 'access_token' && f.is_secret));
    assert.match((await start(['provider', 'kinds'])).stdout, /--secret access_token/);
  });

  test('PostgreSQL without a master key is refused before anything is opened', async () => {
    const r = await start(['provider', 'add', 'acme', 'meta'], { env: { PROSA_DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none' } });
    assert.equal(r.code, USAGE);
    assert.match(r.stderr, /set PROSA_MASTER_KEY_FILE .* or PROSA_MASTER_KEY/);
  });

  test('a database that is away is code 5', async () => {
    const r = await start(['tenant', 'list'], { env: { PROSA_DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none', PROSA_DB_TIMEOUT_MS: '500ms' } });
    assert.equal(r.code, UNAVAILABLE, r.stderr);
    assert.match(r.stderr, /^prosa: could not /);
  });
});

for (const engine of ENGINES) {
  describe(`the command line on ${engine}`, () => {
    let installation, run, json, fails;

    before(async () => {
      installation = await newInstallation(engine, {}, { isEmpty: true });
      ({ run, json, fails } = shell(installation));
    });
    after(() => installation?.remove());

    test('the first command makes the schema', async () => {
      const check = await run(['migrate', '--check', '--json']);
      assert.equal(check.code, FAILURE);
      assert.equal(JSON.parse(check.stdout).schema, 0);
      const acme = await json(['tenant', 'add', 'acme', '--name', 'Acme Ltda']);
      assert.match(acme.id, UUID);
      assert.equal(acme.slug, 'acme');
      assert.equal(acme.name, 'Acme Ltda');
      assert.equal(acme.locale, 'pt-BR');
      assert.equal(acme.is_active, true);
      assert.match(acme.created_at, TIME);
      const state = await json(['migrate', '--check']);
      assert.equal(state.schema, state.program);
      assert.equal(state.is_current, true);
      assert.equal((await json(['migrate'])).applied, 0);
    });

    test('tenants are refused with a reason', async () => {
      await fails(CONFLICT, /there is a tenant "acme" already/, ['tenant', 'add', 'acme']);
      await fails(USAGE, /a slug has/, ['tenant', 'add', 'Não']);
      await fails(USAGE, /SLUG is missing/, ['tenant', 'add']);
      await fails(USAGE, /"more" is one too many/, ['tenant', 'add', 'a1', 'more']);
      await fails(USAGE, /could not use --nmae/, ['tenant', 'add', 'a1', '--nmae', 'x']);
      await fails(USAGE, /--name wants TEXT/, ['tenant', 'add', 'a1', '--name']);
      await fails(USAGE, /--workers/, ['tenant', 'add', 'a1', '--workers', 'many']);
      await fails(USAGE, /everybody can read a command line/, ['tenant', 'list', '--meta-app-secret', 'x']);
      await fails(NOT_FOUND, /there is no tenant "nobody"/, ['tenant', 'disable', 'nobody']);
    });

    test('tenants are listed, disabled and enabled', async () => {
      await json(['tenant', 'add', 'other']);
      assert.equal((await json(['tenant', 'disable', 'other'])).is_active, false);
      assert.deepEqual((await json(['tenant', 'list'])).data.map((t) => [t.slug, t.is_active]), [['acme', true], ['other', false]]);
      assert.equal((await json(['tenant', 'enable', 'other'])).is_active, true);
      assert.match((await run(['tenant', 'list'])).stdout, /^acme +Acme Ltda +active /m);
    });

    test('users get their password from standard input or a file, never an argument', async () => {
      const ana = await json(['user', 'add', 'acme', 'Ana@Example.com', '--role', 'admin', '--name', 'Ana'], { input: 'correct horse\n' });
      assert.match(ana.id, UUID);
      assert.equal(ana.email, 'ana@example.com');
      assert.equal(ana.role, 'admin');
      const file = path.join(installation.dir, 'password');
      await writeFile(file, 'another horse\n');
      await json(['user', 'passwd', 'acme', 'ana@example.com', '--password-file', file]);
      await fails(USAGE, /--role ROLE is missing/, ['user', 'add', 'acme', 'b@example.com']);
      await fails(USAGE, /--role is agent/, ['user', 'add', 'acme', 'b@example.com', '--role', 'boss']);
      await fails(USAGE, /no password/, ['user', 'add', 'acme', 'b@example.com', '--role', 'agent']);
      await fails(USAGE, /at least 8 characters/, ['user', 'add', 'acme', 'b@example.com', '--role', 'agent'], { input: 'short\n' });
      await fails(USAGE, /--password/, ['user', 'add', 'acme', 'b@example.com', '--role', 'agent', '--password', 'correct horse']);
      await fails(CONFLICT, /with this e-mail already/, ['user', 'add', 'acme', 'ana@example.com', '--role', 'agent'], { input: 'correct horse\n' });
      await fails(NOT_FOUND, /no user with this e-mail/, ['user', 'passwd', 'other', 'ana@example.com'], { input: 'correct horse\n' });
      await fails(NOT_FOUND, /could not read "nowhere"/, ['user', 'passwd', 'acme', 'ana@example.com', '--password-file', 'nowhere']);
      assert.equal((await json(['user', 'disable', 'acme', 'ANA@example.com'])).is_active, false);
      assert.equal((await json(['user', 'enable', 'acme', 'ana@example.com'])).is_active, true);
      assert.deepEqual((await json(['user', 'list', 'acme'])).data.map((u) => u.email), ['ana@example.com']);
    });

    test('on a terminal the password is asked twice and not echoed', { skip: spawnSync('script', ['--version']).error && 'needs script(1)' }, async () => {
      const ask = (typed) =>
        new Promise((done) => {
          const child = spawn('script', ['-qec', `'${BIN}' user add acme tty${typed.length}@example.com --role agent --json`, '/dev/null'], { env: installation.env, cwd: installation.dir });
          let seen = '';
          let asked = 0;
          child.stdout.on('data', (d) => {
            seen += d;
            const prompts = seen.match(/(Password|again): /g)?.length ?? 0;
            for (; asked < prompts && asked < typed.length; asked++) child.stdin.write(`${typed[asked]}\n`);
          });
          child.on('close', (code) => done({ code, seen }));
        });
      const good = await ask(['correct horse', 'correct horse']);
      assert.match(good.seen, /"email":"tty2@example.com"/);
      assert.doesNotMatch(good.seen, /horse/);
      const bad = await ask(['correct horse', 'wrong horse']);
      assert.equal(bad.code, USAGE);
      assert.match(bad.seen, /the two passwords differ/);
    });

    test('a key is told once, with its scopes', async () => {
      const key = await json(['key', 'add', 'acme', '--scope', 'conversations:read,messages:read', '--scope', 'jobs:*', '--name', 'crm']);
      assert.match(key.id, UUID);
      assert.match(key.key, /^prosa_[A-Za-z0-9_-]{43}$/);
      assert.equal(key.scopes, 'conversations:read messages:read jobs:*');
      const { data } = await json(['key', 'list', 'acme']);
      assert.equal(data[0].key, undefined);
      assert.equal(data[0].prefix, key.key.slice(0, 12));
      assert.equal(data[0].revoked_at, null);
      await fails(USAGE, /unknown scope "mesages:read"/, ['key', 'add', 'acme', '--scope', 'mesages:read']);
      await fails(USAGE, /--scope SCOPES is missing/, ['key', 'add', 'acme']);
      assert.equal((await json(['key', 'revoke', 'acme', key.id])).is_revoked, true);
      assert.match((await json(['key', 'list', 'acme'])).data[0].revoked_at, TIME);
      await fails(NOT_FOUND, /no such key in force/, ['key', 'revoke', 'acme', key.id]);
      await fails(NOT_FOUND, /no such key in force/, ['key', 'revoke', 'other', key.id]);
      await fails(USAGE, /is no id/, ['key', 'revoke', 'acme', '7']);
    });

    test('every scope that the help names is accepted', async () => {
      const help = (await run(['help', 'key', 'add'])).stdout;
      const things = /of THING: ([\s\S]*?)\. Send/.exec(help)[1].split(/,\s+/);
      assert.ok(things.length > 5);
      for (const thing of things) await json(['key', 'add', 'acme', '--scope', `${thing}:read`]);
    });

    test('every scope that a route asks for can be given to a key', async () => {
      const dir = new URL('../../src/console/', import.meta.url);
      const files = (await readdir(dir)).filter((name) => /^api_.*\.c$/.test(name));
      const routes = (await Promise.all(files.map((name) => readFile(new URL(name, dir), 'utf8')))).join('\n').replace(/\/\*[\s\S]*?\*\//g, '');
      const scopes = new Set([...routes.matchAll(/"([a-z_]+:(?:read|write))"/g)].map((m) => m[1]));
      assert.ok(scopes.size > 5);
      await json(['key', 'add', 'acme', '--scope', [...scopes].join(' ')]);
    });

    test('a provider account is added with its secrets sealed', async () => {
      const file = path.join(installation.dir, 'token');
      await writeFile(file, 'EAA-from-a-file\n');
      const account = await json(['provider', 'add', 'acme', 'meta', '--address', '520000000000002', '--set', 'waba_id=410000000000001', '--set', 'per_second=20', '--secret', `access_token=@${file}`, '--secret', 'app_secret=-', '--name', 'Vendas'], { input: 'from-stdin\n' });
      assert.match(account.id, UUID);
      assert.match(account.tenant_id, UUID);
      assert.equal(account.webhook_path, `/webhooks/meta/${account.id}`);
      assert.deepEqual(account.settings, { waba_id: '410000000000001', per_second: 20 });
      assert.equal(account.state, 'ok');
      assert.doesNotMatch(JSON.stringify(await json(['provider', 'list', 'acme'])), /EAA-from|from-stdin/);
      assert.equal((await stat(path.join(installation.dir, 'master.key'))).mode & 0o777, 0o600);
      if (engine === 'sqlite') {
        const database = path.join(installation.dir, 'prosa.db');
        assert.equal((await stat(database)).mode & 0o077, 0);
        for (const name of ['prosa.db', 'prosa.db-wal']) {
          const bytes = await readFile(path.join(installation.dir, name)).catch(() => Buffer.alloc(0));
          assert.equal(bytes.includes('EAA-from-a-file'), false);
        }
      }
      await fails(CONFLICT, /"520000000000002" belongs to another active account/, ['provider', 'add', 'other', 'meta', '--address', '520000000000002']);
      await fails(USAGE, /no kind of provider "telex"/, ['provider', 'add', 'acme', 'telex']);
      await fails(USAGE, /has no setting "model"/, ['provider', 'add', 'acme', 'meta', '--address', '1', '--set', 'model=x']);
      await fails(USAGE, /--set is not like NAME=VALUE/, ['provider', 'add', 'acme', 'meta', '--address', '1', '--set', 'model']);
      await fails(USAGE, /the address is a phone number id/, ['provider', 'add', 'acme', 'meta']);
      await fails(NOT_FOUND, /could not read "nowhere"/, ['provider', 'add', 'acme', 'meta', '--address', '1', '--secret', 'access_token=@nowhere']);
    });

    test('a provider account is changed, preferred, disabled and cleared', async () => {
      const { data: [account] } = await json(['provider', 'list', 'acme']);
      const changed = await json(['provider', 'set', 'acme', account.id, '--set', 'per_second=', '--set', 'display_phone=+55 11 3000-0100', '--name', 'Suporte']);
      assert.deepEqual(changed.settings, { waba_id: '410000000000001', display_phone: '+55 11 3000-0100' });
      assert.equal(changed.name, 'Suporte');
      await fails(USAGE, /nothing to change/, ['provider', 'set', 'acme', account.id]);
      assert.equal((await json(['provider', 'disable', 'acme', account.id])).is_active, false);
      assert.equal((await json(['provider', 'enable', 'acme', account.id])).is_active, true);
      assert.equal((await json(['provider', 'prefer', 'acme', account.id])).is_preferred, true);
      assert.equal((await json(['provider', 'clear', 'acme', account.id])).state, 'ok');
      for (const verb of ['set', 'enable', 'disable', 'prefer', 'clear', 'test'])
        await fails(NOT_FOUND, /no such provider account/, ['provider', verb, 'other', account.id, ...(verb === 'set' ? ['--name', 'x'] : [])]);
    });

    test('old columns are listed until an account takes their place', async () => {
      await json(['tenant', 'legacy', 'other', '-'], { input: JSON.stringify({ tools_config: { openai: { api_key: 'sk-old', model: 'gpt-old' } } }) });
      const [old] = (await json(['provider', 'list', 'other'])).data;
      assert.equal(old.id, null);
      assert.equal(old.kind, 'openai');
      assert.equal(old.settings.model, 'gpt-old');
      await json(['provider', 'add', 'other', 'openai', '--set', 'model=gpt-new', '--secret', 'api_key=sk-new']);
      assert.deepEqual((await json(['provider', 'list', 'other'])).data.map((p) => p.settings.model), ['gpt-new']);
      await fails(USAGE, /not a JSON object/, ['tenant', 'legacy', 'other', '-'], { input: '[]' });
    });

    test('credentials are tried without anybody getting a message', async () => {
      const asked = [];
      let answer = { status: 200, body: { id: '77', verified_name: 'Acme', display_phone_number: '+55 11 3000-0100', quality_rating: 'GREEN' } };
      const server = http.createServer((req, res) => {
        asked.push(`${req.method} ${req.url.split('?')[0]} ${req.headers.authorization}`);
        res.writeHead(answer.status, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer.body));
      });
      await new Promise((done) => server.listen(0, '127.0.0.1', done));
      try {
        const url = `http://127.0.0.1:${server.address().port}`;
        const env = { PROSA_HTTPC_ALLOW_PRIVATE: 'true' };
        const account = await json(['provider', 'add', 'acme', 'meta', '--address', '77', '--set', `base_url=${url}`, '--secret', 'access_token=tok']);
        const guarded = await run(['provider', 'test', 'acme', account.id, '--json']);
        assert.equal(guarded.code, FAILURE);
        assert.equal(JSON.parse(guarded.stdout).cause, 'address-forbidden');
        assert.equal((await json(['provider', 'test', 'acme', account.id], { env })).result, 'ok');
        assert.deepEqual(asked, ['GET /v26.0/77 Bearer tok']);
        answer = { status: 401, body: { error: { message: 'Invalid OAuth access token', type: 'OAuthException', code: 190 } } };
        const refused = await run(['provider', 'test', 'acme', account.id, '--json'], { env });
        assert.equal(refused.code, FAILURE);
        assert.equal(JSON.parse(refused.stdout).result, 'refused');
        await new Promise((done) => server.close(done));
        const away = await run(['provider', 'test', 'acme', account.id, '--json'], { env });
        assert.equal(away.code, UNAVAILABLE);
        assert.equal(JSON.parse(away.stdout).result, 'unreachable');
        await json(['provider', 'disable', 'acme', account.id]);
      } finally {
        server.closeAllConnections();
        server.close();
      }
    });

    test('a model is tried with one short question', async () => {
      const server = http.createServer((req, res) => {
        req.resume().on('end', () => {
          const good = req.url === '/v1/chat/completions' && req.headers.authorization === 'Bearer sk-good';
          const body = good ? { choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'ok' } }], usage: { prompt_tokens: 3, completion_tokens: 1 } } : { error: { message: 'bad key', type: 'invalid_request_error', code: 'invalid_api_key' } };
          res.writeHead(good ? 200 : 401, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
        });
      });
      await new Promise((done) => server.listen(0, '127.0.0.1', done));
      try {
        const env = { PROSA_HTTPC_ALLOW_PRIVATE: 'true' };
        const account = await json(['provider', 'add', 'acme', 'openai', '--set', `base_url=http://127.0.0.1:${server.address().port}/v1`, '--set', 'model=gpt', '--secret', 'api_key=sk-good']);
        assert.equal((await json(['provider', 'test', 'acme', account.id], { env })).result, 'ok');
        const guarded = await run(['provider', 'test', 'acme', account.id, '--json']);
        assert.equal(guarded.code, FAILURE);
        assert.equal(JSON.parse(guarded.stdout).cause, 'address-forbidden');
        await json(['provider', 'set', 'acme', account.id, '--secret', 'api_key=sk-bad']);
        const refused = await run(['provider', 'test', 'acme', account.id, '--json'], { env });
        assert.equal(JSON.parse(refused.stdout).result, 'refused');
        await json(['provider', 'disable', 'acme', account.id]);
      } finally {
        server.closeAllConnections();
        server.close();
      }
    });

    test('a bot is stored, shown and checked', async () => {
      const script = { version: 1, start: 'hi', fallback: { go: 'hi', after: 2, then: 'hi' }, nodes: { hi: { say: [{ type: 'text', text: 'Olá' }] } } };
      const file = path.join(installation.dir, 'bot.json');
      await writeFile(file, JSON.stringify(script));
      assert.equal((await json(['bot', 'check', file])).is_ok, true);
      const set = await json(['bot', 'set', 'acme', file]);
      assert.deepEqual(set.script, script);
      const shown = (await run(['bot', 'show', 'acme'])).stdout;
      assert.deepEqual(JSON.parse(shown), set);
      await json(['bot', 'set', 'acme', '-'], { input: shown.replace('"debounce_ms":2000', '"debounce_ms":3000') });
      assert.equal((await json(['bot', 'show', 'acme'])).debounce_ms, 3000);
      await writeFile(file, JSON.stringify({ ...script, start: 'nowhere' }));
      await fails(USAGE, /nowhere/, ['bot', 'check', file]);
      await fails(USAGE, /nowhere/, ['bot', 'set', 'acme', file]);
      await fails(USAGE, /"colour" is neither/, ['bot', 'check', '-'], { input: '{"colour":1}' });
      await fails(NOT_FOUND, /could not read/, ['bot', 'check', 'nowhere.json']);
    });

    test('jobs and inbox answer when there is nothing', async () => {
      const nobody = '01920000-0000-7000-8000-000000000000';
      assert.deepEqual((await json(['jobs', 'list', '--state', 'dead', '--tenant', 'acme'])).data, []);
      assert.deepEqual((await json(['jobs', 'groups'])).data, []);
      assert.equal((await json(['jobs', 'replay', '--all'])).count, 0);
      assert.deepEqual(await json(['inbox', 'list', '--state', 'unparsed']), { data: [], next: null });
      assert.equal((await json(['inbox', 'replay', '--all'])).count, 0);
      await fails(USAGE, /--state is ready/, ['jobs', 'list', '--state', 'lost']);
      await fails(USAGE, /--limit is a number from 1 to 500/, ['jobs', 'list', '--limit', '0']);
      await fails(USAGE, /which jobs/, ['jobs', 'replay']);
      await fails(NOT_FOUND, /no such job/, ['jobs', 'replay', nobody]);
      await fails(NOT_FOUND, /none with this id/, ['jobs', 'discard', nobody]);
      await fails(USAGE, /which calls/, ['inbox', 'replay']);
      await fails(NOT_FOUND, /no such call/, ['inbox', 'show', nobody]);
      await fails(NOT_FOUND, /no such call/, ['inbox', 'replay', nobody]);
      await fails(NOT_FOUND, /there is no tenant/, ['jobs', 'groups', '--tenant', 'nobody']);
    });

    test('what was changed by hand is in the audit log, whole', async () => {
      const { data } = await json(['audit', 'list', 'acme', '--limit', '500']);
      const actions = new Set(data.map((a) => a.action));
      for (const action of ['tenant.add', 'user.add', 'user.passwd', 'key.add', 'key.revoke', 'provider.add', 'provider.set', 'bot.set']) assert.ok(actions.has(action), action);
      assert.deepEqual(data.map((a) => a.seq), data.map((_, i) => data.length - i));
      assert.ok(data.every((a) => a.actor === 'cli' && TIME.test(a.at)));
      assert.equal((await json(['audit', 'verify', 'acme'])).count, data.length);
      assert.equal((await json(['audit', 'verify'])).is_ok, true);
    });

    test('the master key is rotated and everything sealed anew', async () => {
      const file = path.join(installation.dir, 'master.key');
      const before = await readFile(file, 'utf8');
      await json(['secrets', 'rotate']);
      const now = await readFile(file, 'utf8');
      assert.ok(now.endsWith(before) && now.length > before.length);
      assert.equal((await stat(file)).mode & 0o777, 0o600);
      assert.ok((await json(['secrets', 'reseal'])).count >= 2);
      assert.equal((await json(['secrets', 'reseal'])).count, 0);
      await writeFile(file, now.split('\n')[0] + '\n'); // the old keys are not needed any more
      assert.equal((await json(['doctor', '--offline'])).is_ok, true);
      await json(['provider', 'add', 'acme', 'openai', '--secret', 'api_key=x']);
    });

    test('the doctor says what is wrong and what to do', async () => {
      const file = path.join(installation.dir, 'master.key');
      const find = (report, check) => report.checks.filter((f) => f.check === check);
      const good = await json(['doctor', '--offline']);
      for (const check of ['settings', 'disk', 'files', 'key', 'database', 'schema', 'jobs', 'clock']) {
        if (check === 'disk' && engine !== 'sqlite') continue;
        assert.ok(find(good, check).length > 0, check);
      }
      await chmod(file, 0o644);
      const open = await run(['doctor', '--offline', '--json']);
      assert.equal(open.code, FAILURE);
      const [key] = find(JSON.parse(open.stdout), 'key');
      assert.equal(key.state, 'fail');
      assert.match(key.advice, /0600/);
      assert.match((await run(['doctor', '--offline'])).stdout, /^fail +key .*\n +→ .*0600/m);
      await chmod(file, 0o600);
      const wrong = await run(['doctor', '--json', '--workers', 'many']);
      assert.equal(wrong.code, FAILURE);
      assert.equal(find(JSON.parse(wrong.stdout), 'settings')[0].state, 'fail');
    });
  });
}
