// SPDX-License-Identifier: Apache-2.0
// Every route of the program, asked with the right credentials and with every kind of wrong ones, on both engines. The table comes
// from `prosa routes`, so a new route is in it from the start and wants an example.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import WebSocket from 'ws';
import { judge } from '../support/api.mjs';
import { browser } from '../support/browser.mjs';
import { ageSessions, examples, furnish, idsIn, NOBODY, refuse } from '../support/examples.mjs';
import { startGraph } from '../support/graph.mjs';
import { BIN, ENGINES, newInstallation, until } from '../support/prosa.mjs';

const HOUR = 3600 * 1000;
const routes = JSON.parse(execFileSync(BIN, ['routes', '--json'])).data.filter((r) => r.is_api);
const nameOf = (r) => `${r.method} ${r.path}`;

test('every route has an example, and every example a route', () => {
  const names = new Set(routes.map(nameOf));
  const missing = [...names].filter((n) => !examples[n]);
  assert.deepEqual(missing, [], 'add a request for these to `examples` in tests/support/examples.mjs');
  assert.deepEqual(Object.keys(examples).filter((n) => !names.has(n)), [], 'no such routes any more');
});

/** A key as a browser-like caller. */
const withKey = (url, key) => {
  const b = browser(url, { origin: '' });
  return Object.assign(b, { auth: { Authorization: `Bearer ${key}` } });
};

function request(who, route, example, { noBody = false } = {}) {
  let path = route.path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(example.params?.[name] ?? NOBODY));
  if (example.query) path += `?${example.query}`;
  const takesBody = route.max_body_bytes > 0 && !noBody;
  if (example.raw) return who.call(route.method, path, example.raw.body, { ...who.auth, 'Content-Type': example.raw.type, ...example.raw.headers });
  return who.call(route.method, path, takesBody ? (example.body ?? {}) : undefined, who.auth ?? {});
}

/** The handshake of /live: 101, or the status that refused it. */
const handshake = (url, path, who) =>
  new Promise((resolve, reject) => {
    const headers = who.auth ?? { ...(who.cookie ? { Cookie: `prosa_session=${who.cookie}` } : {}), Origin: url };
    const ws = new WebSocket(`${url.replace('http', 'ws')}${path}`, { headers });
    ws.on('open', () => {
      ws.terminate();
      resolve({ status: 101, text: '', json: null, headers: new Headers() });
    });
    ws.on('unexpected-response', (_, res) => {
      res.resume();
      resolve({ status: res.statusCode, text: '', json: null, headers: new Headers() });
    });
    ws.on('error', reject);
  });

for (const engine of ENGINES) {
  describe(`who may ask what on ${engine}`, () => {
    let graph, installation, node, acme, other, described, foreignIds, nobody, expired, idle, revoked;
    const keys = new Map();

    const send = (who, route, example) => (route.is_upgrade ? handshake(node.url, route.path, who) : request(who, route, example));
    const keyWith = async (...scopes) => {
      const name = scopes.join(' ');
      if (!keys.has(name)) keys.set(name, withKey(node.url, (await installation.cli('key', 'add', 'acme', ...scopes.flatMap((s) => ['--scope', s]))).key));
      return keys.get(name);
    };
    const resources = [...new Set(routes.filter((r) => r.scope).map((r) => r.scope.split(':')[0]))];


    before(async () => {
      graph = await startGraph();
      graph.refuse = refuse;
      installation = await newInstallation(engine, { PROSA_HTTPC_ALLOW_PRIVATE: 'true', PROSA_TRUSTED_PROXIES: '127.0.0.1/32', PROSA_OUTBOUND: 'all' });
      node = await installation.serve();
      acme = await furnish(installation, node, graph, 'acme', 1);
      other = await furnish(installation, node, graph, 'other', 2);
      described = judge(await (await fetch(`${node.url}/openapi.json`)).json());
      nobody = browser(node.url);
      const veteran = await acme.person('admin');
      expired = browser(node.url);
      await expired.signIn('acme', veteran.email);
      await ageSessions(installation, veteran.email, { created: 31 * 24 * HOUR, seen: 0 });
      const sleeper = await acme.person('admin');
      idle = browser(node.url);
      await idle.signIn('acme', sleeper.email);
      await ageSessions(installation, sleeper.email, { created: 13 * HOUR, seen: 13 * HOUR });
      const key = await installation.cli('key', 'add', 'acme', '--scope', '*');
      await installation.cli('key', 'revoke', 'acme', key.id);
      revoked = withKey(node.url, key.key);
      foreignIds = new Set([other.tenant.id]);
      for (const route of routes.filter((r) => r.method === 'GET' && r.auth === 'member' && !r.is_upgrade))
        for (const id of idsIn((await send(other.admin, route, (await examples[nameOf(route)]?.(other)) ?? {})).text)) foreignIds.add(id);
      assert.ok(foreignIds.size > 20, 'the other tenant is furnished');
    });
    after(async () => {
      if (node) await node.kill();
      await installation?.remove();
      await graph?.close();
    });

    const expectStatus = (answer, wanted, what) => assert.equal(answer.status, wanted, `${what}: ${answer.text.slice(0, 500)}`);
    const expectGood = (answer, route, what) => {
      assert.ok((answer.status >= 200 && answer.status < 300) || answer.status === 101, `${what}: ${answer.status} ${answer.text.slice(0, 500)}`);
      if (!route.is_upgrade) described.check(route.method, route.path, answer.status, answer.headers.get('content-type'), answer.json ?? answer.text);
      for (const id of idsIn(answer.text)) assert.ok(!foreignIds.has(id), `${what}: tells ${id} of another tenant`);
    };
    const expectProblem = (answer, route, wanted, what) => {
      expectStatus(answer, wanted, what);
      if (!route.is_upgrade) described.check(route.method, route.path, wanted, answer.headers.get('content-type'), answer.json);
    };

    for (const route of routes.filter((r) => r.auth === 'member')) {
      test(nameOf(route), async () => {
        const example = examples[nameOf(route)];
        assert.ok(example, 'no example: add one to tests/support/examples.mjs');
        const mine = await example(acme);
        const write = route.method !== 'GET';

        // Nobody, who was somebody, and who never was.
        expectProblem(await send(nobody, route, mine), route, 401, 'no credentials');
        expectProblem(await send(expired, route, mine), route, 401, 'a session of 31 days');
        expectProblem(await send(idle, route, mine), route, 401, 'a session nobody used for 13 hours');
        expectProblem(await send(revoked, route, mine), route, 401, 'a revoked key');
        expectProblem(await send(withKey(node.url, 'prosa_made-up'), route, mine), route, 401, 'a key that never was');
        expectProblem(await send(Object.assign(browser(node.url), { cookie: 'A'.repeat(43) }), route, mine), route, 401, 'a session that never was');

        // Less than is needed.
        const below = { supervisor: 'agent', admin: 'supervisor' }[route.role];
        if (below) expectProblem(await send(acme.users[below], route, mine), route, 403, `as ${below}`);
        if (route.scope) {
          const [resource, verb] = route.scope.split(':');
          expectProblem(await send(await keyWith(...resources.filter((r) => r !== resource).map((r) => `${r}:*`)), route, mine), route, 403, `a key with everything but ${resource}`);
          if (verb === 'write') expectProblem(await send(await keyWith(`${resource}:read`), route, mine), route, 403, `a key with ${resource}:read`);
        } else {
          expectProblem(await send(await keyWith('*'), route, mine), route, 403, 'a key, where only people may ask');
        }
        if (write) {
          const elsewhere = Object.assign(browser(node.url, { origin: 'https://evil.example' }), { cookie: acme.admin.cookie });
          const answer = await send(elsewhere, route, mine);
          expectProblem(answer, route, 403, 'a page of another site');
          assert.equal(answer.json.type, 'urn:prosa:problem:cross-origin');
        }

        // What is another tenant's, and what is nobody's: neither told apart nor changed.
        if (route.path.includes('{id}')) {
          const theirs = await example(other);
          const asked = { ...mine, params: theirs.params };
          const answer = await send(acme.admin, route, asked);
          expectProblem(answer, route, 404, "another tenant's object");
          const missing = await send(acme.admin, route, { ...mine, params: { ...mine.params, id: NOBODY } });
          expectProblem(missing, route, 404, 'an object that never was');
          assert.deepEqual({ ...answer.json, instance: '' }, { ...missing.json, instance: '' }, 'they are not told apart');
          expectProblem(await send(acme.admin, route, { ...mine, params: { ...mine.params, id: 'no-uuid' } }), route, 404, 'no id at all');
          expectGood2xx(await send(theirs.as ?? other.admin, route, theirs), 'it is still there for its owner');
        }
        if (mine.foreign) {
          const foreign = mine.foreign(acme, other);
          const answer = await send(acme.admin, route, { ...mine, ...foreign });
          if (foreign.status) expectProblem(answer, route, foreign.status, "another tenant's id in the request");
          else {
            expectGood(answer, route, "another tenant's id in the request");
            assert.ok(foreign.check(answer.json), `another tenant's id in the request: ${answer.text}`);
          }
        }

        // Just enough: the lowest role, and a key with this one scope.
        expectGood(await send(mine.as ?? acme.users[route.role], route, mine), route, `as ${route.role}`);
        if (route.scope) {
          const key = await keyWith(route.scope);
          expectGood(await send(key, route, await example(acme, key)), route, `a key with ${route.scope}`);
        }
      });
    }

    const expectGood2xx = (answer, what) => assert.ok((answer.status >= 200 && answer.status < 300) || answer.status === 101, `${what}: ${answer.status} ${answer.text.slice(0, 300)}`);

    for (const route of routes.filter((r) => r.auth !== 'member')) {
      test(nameOf(route), async () => {
        const mine = await examples[nameOf(route)](acme);
        const answer = await send(mine.as ?? nobody, route, mine);
        expectGood(answer, route, 'anybody');
        if (route.auth === 'operator') {
          const far = Object.assign(browser(node.url), { auth: { 'X-Forwarded-For': '192.0.2.7' } }); // the test's own proxy says so
          expectProblem(await send(far, route, mine), route, 401, 'from elsewhere');
          const member = Object.assign(browser(node.url), { auth: { 'X-Forwarded-For': '192.0.2.7', Cookie: `prosa_session=${acme.admin.cookie}` } });
          expectProblem(await send(member, route, mine), route, 401, "a tenant's admin from elsewhere");
        }
      });
    }

    test('failures of every area are as described, and of no other tenant', async () => {
      const route = routes.find((r) => nameOf(r) === 'GET /api/v1/failures/{area}');
      for (const area of ['inbox', 'jobs', 'sends', 'uncertain', 'webhooks']) expectGood(await send(acme.users.supervisor, route, { params: { area } }), route, area);
    });

    // The last one: nobody of the tenant gets in any more.
    test('a disabled tenant is refused, whoever asks', async () => {
      await installation.cli('tenant', 'disable', 'acme');
      const refused = async (who) => (await who.call('GET', '/api/v1/me', undefined, who.auth)).json.type;
      await until(async () => (await refused(acme.users.agent)) === 'urn:prosa:problem:tenant-disabled', 'the server knows, within seconds');
      assert.equal(await refused(await keyWith('*')), 'urn:prosa:problem:tenant-disabled');
      assert.equal((await browser(node.url).signIn('acme', acme.users.admin.email)).status, 401);
      assert.equal((await other.admin.get('/api/v1/me')).status, 200);
    });
  });
}
