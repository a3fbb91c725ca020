// SPDX-License-Identifier: Apache-2.0
// People, their second factor, their sessions; API keys; who did what.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Secret, TOTP } from 'otpauth';
import { PASSWORD, addUser, browser } from '../support/browser.mjs';
import { client, ENGINES, newInstallation } from '../support/prosa.mjs';

const STEP_MS = 30000;

for (const engine of ENGINES) {
  describe(`people and keys on ${engine}`, () => {
    let installation, node, admin;

    before(async () => {
      installation = await newInstallation(engine);
      await installation.cli('tenant', 'add', 'acme');
      await installation.cli('tenant', 'add', 'other');
      await addUser(installation, 'acme', 'ada@example.com', 'admin');
      await addUser(installation, 'other', 'olga@example.com', 'admin');
      node = await installation.serve();
      admin = browser(node.url);
      assert.equal((await admin.signIn('acme', 'ada@example.com')).status, 200);
    });
    after(async () => {
      if (node) await node.kill();
      await installation?.remove();
    });

    const newUser = async (email, role = 'agent') => {
      const added = await admin.post('/api/v1/users', { email, name: email.split('@')[0], role, password: PASSWORD });
      assert.equal(added.status, 200, added.text);
      const b = browser(node.url);
      assert.equal((await b.signIn('acme', email)).status, 200);
      return { user: added.json, b };
    };
    const ids = async (path, b = admin) => (await b.get(path)).json.data.map((o) => o.id);

    test('people set their own name, language and looks, and nobody else sees a change', async () => {
      const { b } = await newUser('bia@example.com');
      const me = await b.patch('/api/v1/me', { name: 'Beatriz', locale: 'en', theme: 'dark' });
      assert.equal(me.status, 200, me.text);
      assert.deepEqual([me.json.user.name, me.json.user.locale, me.json.user.theme], ['Beatriz', 'en', 'dark']);
      assert.deepEqual((await b.get('/api/v1/me')).json, me.json);
      for (const bad of [{ locale: 'xx' }, { theme: 'pink' }, { name: 5 }, { name: 'a\nb' }]) assert.equal((await b.patch('/api/v1/me', bad)).status, 400, JSON.stringify(bad));
      assert.deepEqual((await b.get('/api/v1/me')).json, me.json);
      assert.equal((await b.patch('/api/v1/me', { role: 'admin' })).json.user.role, 'agent');
    });

    test('a new password asks for the old one and ends the other sessions', async () => {
      const { b } = await newUser('caio@example.com');
      const elsewhere = browser(node.url, { agent: 'phone' });
      await elsewhere.signIn('acme', 'caio@example.com');
      const wrong = await b.patch('/api/v1/me', { password: { current: 'not it', new: 'brand new words' } });
      assert.equal(wrong.status, 403);
      assert.equal(wrong.json.type, 'urn:prosa:problem:password');
      assert.equal((await b.patch('/api/v1/me', { password: { current: PASSWORD, new: 'short' } })).status, 400);
      assert.equal((await elsewhere.get('/api/v1/me')).status, 200);
      assert.equal((await b.patch('/api/v1/me', { password: { current: PASSWORD, new: 'brand new words' } })).status, 200);
      assert.equal((await b.get('/api/v1/me')).status, 200);
      assert.equal((await elsewhere.get('/api/v1/me')).status, 401);
      assert.equal((await elsewhere.signIn('acme', 'caio@example.com')).status, 401);
      assert.equal((await elsewhere.signIn('acme', 'caio@example.com', 'brand new words')).status, 200);
    });

    test('the current password cannot be guessed without end', async () => {
      const { b } = await newUser('davi@example.com');
      const statuses = [];
      for (let i = 0; i < 11; i++) statuses.push((await b.patch('/api/v1/me', { password: { current: `guess ${i}`, new: 'brand new words' } })).status);
      assert.deepEqual(statuses, [...Array(10).fill(403), 429]);
    });

    test('people see where they are signed in and end what is not theirs any more', async () => {
      const { b } = await newUser('elis@example.com');
      const phone = browser(node.url, { agent: 'phone of Elis' });
      await phone.signIn('acme', 'elis@example.com');
      const list = (await b.get('/api/v1/me/sessions')).json.data;
      assert.equal(list.length, 2);
      assert.deepEqual(list.map((s) => s.is_current).sort(), [false, true]);
      const theirs = list.find((s) => !s.is_current);
      assert.equal(theirs.agent, 'phone of Elis');
      assert.equal(theirs.peer, '127.0.0.1');
      assert.equal((await admin.del(`/api/v1/me/sessions/${theirs.id}`)).status, 404);
      assert.equal((await phone.get('/api/v1/me')).status, 200);
      assert.equal((await b.del(`/api/v1/me/sessions/${theirs.id}`)).status, 204);
      assert.equal((await phone.get('/api/v1/me')).status, 401);
      assert.equal((await b.del(`/api/v1/me/sessions/${theirs.id}`)).status, 404);
    });

    test('a second factor is asked for at sign-in, each code counts once, and recovery codes help once', async () => {
      const { user, b } = await newUser('fabi@example.com');
      const email = 'fabi@example.com';
      assert.equal((await b.post('/api/v1/me/totp/confirm', { code: '123456' })).status, 409);
      const factor = (await b.post('/api/v1/me/totp')).json;
      const totp = new TOTP({ secret: Secret.fromBase32(factor.secret) });
      const parsed = new URL(factor.uri);
      assert.equal(parsed.protocol, 'otpauth:');
      assert.equal(parsed.searchParams.get('secret'), factor.secret);
      assert.equal(parsed.searchParams.get('issuer'), 'prosa acme');
      assert.equal((await b.signIn('acme', email)).status, 200, 'not in force before it is confirmed');
      // The code of the step before, now and after: which are still good is what is tested, so the clock may go on meanwhile.
      const code = (steps) => totp.generate({ timestamp: Date.now() + steps * STEP_MS });
      const confirmed = await b.post('/api/v1/me/totp/confirm', { code: code(0) });
      assert.equal(confirmed.status, 200, confirmed.text);
      const codes = confirmed.json.recovery_codes;
      assert.equal(new Set(codes).size, 10);
      assert.equal((await b.post('/api/v1/me/totp')).status, 409);
      assert.equal((await b.get('/api/v1/me')).json.user.has_totp, true);

      const phone = browser(node.url);
      const asked = await phone.signIn('acme', email);
      assert.equal(asked.status, 403);
      assert.equal(asked.json.type, 'urn:prosa:problem:second-factor');
      assert.equal(phone.cookie, '');
      assert.equal((await phone.signIn('acme', email, 'wrong horse', { code: code(1) })).status, 401, 'nothing is said about the code before the password is right');
      assert.equal((await phone.signIn('acme', email, PASSWORD, { code: code(-1) })).status, 403, 'older than the one that confirmed');
      const used = code(1);
      assert.equal((await phone.signIn('acme', email, PASSWORD, { code: used })).status, 200);
      assert.equal((await browser(node.url).signIn('acme', email, PASSWORD, { code: used })).status, 403, 'a code counts once');
      assert.equal((await phone.signIn('acme', email, PASSWORD, { code: codes[3].toUpperCase().replaceAll('-', ' ') })).status, 200);
      assert.equal((await phone.signIn('acme', email, PASSWORD, { code: codes[3] })).status, 403, 'a recovery code counts once');

      assert.equal((await phone.post('/api/v1/me/totp/disable', { password: 'wrong horse', code: codes[4] })).status, 403);
      assert.equal((await phone.post('/api/v1/me/totp/disable', { password: PASSWORD, code: '000000' })).status, 403);
      const off = await phone.post('/api/v1/me/totp/disable', { password: PASSWORD, code: codes[4] });
      assert.equal(off.json?.user.has_totp, false, off.text);
      assert.equal((await phone.signIn('acme', email)).status, 200);

      const again = (await b.post('/api/v1/me/totp')).json;
      assert.notEqual(again.secret, factor.secret);
      assert.equal((await b.post('/api/v1/me/totp/confirm', { code: new TOTP({ secret: Secret.fromBase32(again.secret) }).generate() })).status, 200);
      assert.equal((await admin.post(`/api/v1/users/${user.id}/reset-totp`)).json.has_totp, false);
      assert.equal((await phone.signIn('acme', email)).status, 200);
    });

    test('the second factor cannot be guessed without end, from wherever', async () => {
      const { b } = await newUser('gil@example.com');
      const { secret } = (await b.post('/api/v1/me/totp')).json;
      assert.equal((await b.post('/api/v1/me/totp/confirm', { code: new TOTP({ secret: Secret.fromBase32(secret) }).generate() })).status, 200);
      const other = browser(node.url);
      const statuses = [];
      for (let i = 0; i < 10; i++) statuses.push((await other.signIn('acme', 'gil@example.com', PASSWORD, { code: 'abcd-abcd-abcd-abcd' })).status);
      assert.deepEqual(statuses, [...Array(9).fill(403), 429], 'the confirmation was the first of ten');
      await installation.cli('user', 'reset-totp', 'acme', 'gil@example.com');
    });

    test('an admin adds people, changes them and shuts them out at once', async () => {
      const { user, b } = await newUser('hugo@example.com');
      assert.deepEqual(Object.keys(user).filter((k) => /password|secret/.test(k)), []);
      assert.equal((await b.get('/api/v1/users')).status, 403);
      assert.equal((await admin.post('/api/v1/users', { email: 'HUGO@example.com', role: 'agent', password: PASSWORD })).status, 409);
      assert.equal((await admin.post('/api/v1/users', { email: 'x@example.com', role: 'king', password: PASSWORD })).status, 400);
      const raised = await admin.patch(`/api/v1/users/${user.id}`, { role: 'supervisor', name: 'Hugo Reis' });
      assert.deepEqual([raised.json.role, raised.json.name], ['supervisor', 'Hugo Reis']);
      assert.equal((await b.get('/api/v1/inbox')).status, 200, 'the new role holds at once');
      assert.equal((await admin.patch(`/api/v1/users/${user.id}`, { password: 'given by an admin' })).status, 200);
      assert.equal((await b.get('/api/v1/me')).status, 401);
      assert.equal((await b.signIn('acme', 'hugo@example.com', 'given by an admin')).status, 200);
      assert.equal((await admin.patch(`/api/v1/users/${user.id}`, { is_active: false })).json.is_active, false);
      assert.equal((await b.get('/api/v1/me')).status, 401);
      assert.equal((await b.signIn('acme', 'hugo@example.com', 'given by an admin')).status, 401);
    });

    test("the last active admin stays, and admins' own passwords ask for the current one", async () => {
      const me = (await admin.get('/api/v1/me')).json.user;
      for (const change of [{ role: 'agent' }, { is_active: false }]) {
        const refused = await admin.patch(`/api/v1/users/${me.id}`, change);
        assert.equal(refused.status, 409, refused.text);
      }
      assert.equal((await admin.patch(`/api/v1/users/${me.id}`, { password: 'by the back door' })).status, 400);
      const { user, b } = await newUser('iara@example.com', 'admin');
      // Both at once: one of them stays.
      const [one, two] = await Promise.all([admin.patch(`/api/v1/users/${user.id}`, { role: 'agent' }), b.patch(`/api/v1/users/${me.id}`, { role: 'agent' })]);
      assert.deepEqual([one.status, two.status].filter((s) => s === 200).length, 1, `${one.status} ${two.status}`);
      const left = one.status === 200 ? admin : b;
      if (left === b) {
        assert.equal((await b.patch(`/api/v1/users/${me.id}`, { role: 'admin' })).status, 200);
        assert.equal((await admin.patch(`/api/v1/users/${user.id}`, { role: 'agent' })).status, 200);
      }
      const roles = (await admin.get('/api/v1/users')).json.data.filter((u) => u.role === 'admin' && u.is_active);
      assert.deepEqual(roles.map((u) => u.id), [me.id]);
    });

    test("a tenant's admin does not see or touch another tenant's people and keys", async () => {
      const olga = browser(node.url);
      await olga.signIn('other', 'olga@example.com');
      const key = (await admin.post('/api/v1/keys', { name: 'k', scopes: 'read' })).json;
      for (const id of await ids('/api/v1/users')) {
        assert.ok(!(await ids('/api/v1/users', olga)).includes(id));
        assert.equal((await olga.patch(`/api/v1/users/${id}`, { name: 'Nobody' })).status, 404);
        assert.equal((await olga.post(`/api/v1/users/${id}/reset-totp`)).status, 404);
      }
      assert.deepEqual(await ids('/api/v1/keys', olga), []);
      assert.equal((await olga.del(`/api/v1/keys/${key.id}`)).status, 404);
    });

    test('a key works from the moment it is made to the moment it is revoked, and makes none stronger than itself', async () => {
      const made = await admin.post('/api/v1/keys', { name: 'crm', scopes: ['conversations:read', 'keys:write'] });
      assert.equal(made.status, 200, made.text);
      assert.match(made.json.secret, /^prosa_/);
      const api = client(node.url, made.json.secret);
      assert.deepEqual((await api.get('/api/v1/conversations')).data, []);
      const listed = (await admin.get('/api/v1/keys')).json.data.find((k) => k.id === made.json.id);
      assert.equal(listed.secret, undefined);
      assert.equal(listed.scopes, 'conversations:read keys:write');
      await assert.rejects(api.post('/api/v1/keys', { name: 'more', scopes: '*' }), { status: 403 });
      await assert.rejects(api.post('/api/v1/keys', { name: 'more', scopes: 'messages:read' }), { status: 403 });
      assert.equal((await api.post('/api/v1/keys', { name: 'less', scopes: 'conversations:read' })).scopes, 'conversations:read');
      assert.equal((await admin.post('/api/v1/keys', { name: 'bad', scopes: 'everything' })).status, 400);
      assert.equal((await admin.del(`/api/v1/keys/${made.json.id}`)).status, 204);
      await assert.rejects(api.get('/api/v1/conversations'), { status: 401 });
    });

    test('an API key is nobody: it has no profile, no sessions and no second factor', async () => {
      const { secret } = (await admin.post('/api/v1/keys', { name: 'all', scopes: '*' })).json;
      const api = client(node.url, secret);
      assert.equal((await api.get('/api/v1/me')).user, null);
      await assert.rejects(api.get('/api/v1/me/sessions'), { status: 403 });
      await assert.rejects(api.post('/api/v1/me/totp'), { status: 403 });
      await assert.rejects(api.del('/api/v1/session'), { status: 403 });
    });

    test('what was done is in the audit log, page by page', async () => {
      const all = [];
      for (let afterSeq = ''; ; ) {
        const page = (await admin.get(`/api/v1/audit?limit=7&after=${afterSeq}`)).json;
        all.push(...page.data);
        if (!page.has_more) break;
        afterSeq = page.next;
      }
      assert.deepEqual(all.map((r) => r.seq), Array.from(all, (_, i) => all.length - i));
      const actions = new Set(all.map((r) => r.action));
      for (const action of ['session.open', 'user.add', 'user.change', 'user.passwd', 'user.totp-add', 'user.totp-remove', 'user.totp-reset', 'key.add', 'key.revoke']) assert.ok(actions.has(action), action);
      assert.doesNotMatch(JSON.stringify(all), /correct horse|brand new words|prosa_/);
      assert.equal((await installation.cliRaw('audit', 'verify', 'acme')).code, 0);
    });
  });
}
