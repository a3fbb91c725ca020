// SPDX-License-Identifier: Apache-2.0
// Signing in and out, as a browser does it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { PASSWORD, addUser, browser } from '../support/browser.mjs';
import { BIN, ENGINES, newInstallation } from '../support/prosa.mjs';

async function withServer(engine, fn) {
  const installation = await newInstallation(engine);
  try {
    await installation.cli('tenant', 'add', 'acme', '--name', 'Acme Ltda');
    await addUser(installation, 'acme', 'ana@example.com', 'agent');
    const node = await installation.serve();
    await fn({ installation, node, url: node.url });
    await node.kill();
  } finally {
    await installation.remove();
  }
}

for (const engine of ENGINES) {
  test(`signing in tells who one is, signing out ends it at once (${engine})`, () =>
    withServer(engine, async ({ url }) => {
      const b = browser(url);
      assert.equal((await b.get('/api/v1/me')).status, 401);

      const me = await b.signIn('acme', ' Ana@Example.com ');
      assert.equal(me.status, 200);
      assert.equal(me.json.tenant.slug, 'acme');
      assert.equal(me.json.tenant.name, 'Acme Ltda');
      assert.deepEqual(
        { email: me.json.user.email, role: me.json.user.role, locale: me.json.user.locale, theme: me.json.user.theme, has_totp: me.json.user.has_totp },
        { email: 'ana@example.com', role: 'agent', locale: '', theme: 'auto', has_totp: false },
      );
      assert.match(b.setCookie, /^prosa_session=[\w-]{43}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax$/);
      assert.equal(me.headers.get('cache-control'), 'no-store');
      assert.deepEqual((await b.get('/api/v1/me')).json, me.json);

      const kept = b.cookie;
      assert.equal((await b.del('/api/v1/session')).status, 204);
      assert.match(b.setCookie, /^prosa_session=; Path=\/; Max-Age=0; HttpOnly; SameSite=Lax$/);
      b.cookie = kept;
      assert.equal((await b.get('/api/v1/me')).status, 401);
    }));

  test(`every sign-in has a new token and ends the session the browser brought (${engine})`, () =>
    withServer(engine, async ({ url }) => {
      const planted = browser(url);
      await planted.signIn('acme', 'ana@example.com');
      const victim = browser(url);
      victim.cookie = planted.cookie;
      assert.equal((await victim.signIn('acme', 'ana@example.com')).status, 200);
      assert.notEqual(victim.cookie, planted.cookie);
      assert.equal((await planted.get('/api/v1/me')).status, 401);
      assert.equal((await victim.get('/api/v1/me')).status, 200);

      const made = browser(url);
      made.cookie = 'A'.repeat(43);
      assert.equal((await made.signIn('acme', 'ana@example.com')).status, 200);
      assert.notEqual(made.cookie, 'A'.repeat(43));
    }));
}

test('a page of another site can neither sign a browser in nor out', () =>
  withServer('sqlite', async ({ url }) => {
    const b = browser(url);
    await b.signIn('acme', 'ana@example.com');
    for (const origin of ['https://evil.example', 'null', '']) {
      const other = browser(url, { origin });
      const refused = await other.signIn('acme', 'ana@example.com');
      assert.equal(refused.status, 403, origin);
      assert.equal(refused.json.type, 'urn:prosa:problem:cross-origin');
      assert.equal(other.cookie, '');
      other.cookie = b.cookie;
      assert.equal((await other.del('/api/v1/session')).status, 403);
    }
    assert.equal((await b.get('/api/v1/me')).status, 200);
  }));

test('a wrong password, a stranger and a tenant that is none are not told apart', () =>
  withServer('sqlite', async ({ url }) => {
    const b = browser(url);
    const answers = [];
    for (const [tenant, email, password] of [
      ['acme', 'ana@example.com', 'wrong horse'],
      ['acme', 'bob@example.com', PASSWORD],
      ['nobody', 'ana@example.com', PASSWORD],
      ['acme', 'ana@example.com', ''],
    ]) {
      const { status, json, headers } = await b.post('/api/v1/session', { tenant, email, password });
      answers.push({ status, cookie: headers.get('set-cookie'), ...json, instance: '' });
    }
    for (const answer of answers) assert.deepEqual(answer, answers[0]);
    assert.equal(answers[0].status, 401);
    assert.equal(answers[0].cookie, null);
  }));

test('the console is one page under /app/, with a policy that lets in nothing of others', () =>
  withServer('sqlite', async ({ url }) => {
    const b = browser(url);
    const root = await b.get('/');
    assert.deepEqual([root.status, root.headers.get('location')], [302, '/app/']);
    for (const path of ['/app/', '/app/inbox/mine/x', '/app/settings/users']) {
      const page = await b.get(path);
      assert.equal(page.status, 200);
      assert.match(page.headers.get('content-type'), /^text\/html/);
      assert.equal(page.headers.get('cache-control'), 'no-store');
      assert.equal(page.headers.get('x-content-type-options'), 'nosniff');
      assert.equal(page.headers.get('referrer-policy'), 'no-referrer');
      const policy = Object.fromEntries(page.headers.get('content-security-policy').split('; ').map((d) => [d.split(' ')[0], d.split(' ').slice(1).join(' ')]));
      assert.equal(policy['default-src'], "'none'");
      assert.equal(policy['script-src'], "'self'");
      assert.equal(policy['style-src'], "'self'");
      assert.equal(policy['frame-ancestors'], "'none'");
      assert.equal(policy['base-uri'], "'none'");
      assert.equal(policy['form-action'], "'self'");
      assert.equal(policy['connect-src'], `'self' ws://${new URL(url).host}`);
      assert.doesNotMatch(page.headers.get('content-security-policy'), /unsafe|\*/);
      for (const [, asset] of page.text.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)) {
        const file = await b.get(asset);
        assert.equal(file.status, 200, asset);
        assert.equal(file.headers.get('cache-control'), 'public, max-age=31536000, immutable');
        const packed = await b.call('GET', asset, undefined, { 'Accept-Encoding': 'br, gzip;q=0.8' });
        assert.deepEqual([packed.headers.get('content-encoding'), packed.headers.get('vary')], ['gzip', 'Accept-Encoding'], asset);
        assert.ok(Number(packed.headers.get('content-length')) < packed.text.length, asset);
        for (const accepted of ['identity', 'gzip;q=0', 'br']) {
          const plain = await b.call('GET', asset, undefined, { 'Accept-Encoding': accepted });
          assert.equal(plain.headers.get('content-encoding'), null, accepted);
          assert.equal(plain.text, packed.text);
        }
      }
    }
  }));

test("the demo's page signs its browser in for the console, too", async () => {
  const installation = await newInstallation('sqlite');
  const child = spawn(BIN, ['demo'], { env: installation.env, cwd: installation.dir, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((done) => child.on('exit', done));
  try {
    const url = await new Promise((resolve, reject) => {
      let out = '';
      child.stdout.on('data', (d) => {
        out += d;
        const at = /ready at (http:\/\/\S+)/.exec(out);
        if (at) resolve(at[1]);
      });
      ended.then(() => reject(new Error('the demo ended at once')));
    });
    const b = browser(url);
    assert.equal((await b.get('/')).status, 200);
    assert.match(b.setCookie, /; Path=\/; HttpOnly; SameSite=Strict$/);
    assert.equal((await b.get('/app/')).status, 200);
    const me = (await b.get('/api/v1/me')).json;
    assert.deepEqual([me.tenant.slug, me.user.email, me.user.role], ['demo', 'demo@example.com', 'admin']);
    assert.equal((await b.patch('/api/v1/me', { theme: 'dark' })).status, 200, 'its own page may write');
  } finally {
    child.kill();
    await ended;
    await installation.remove();
  }
});
