// SPDX-License-Identifier: Apache-2.0
// What an attacker tries at the door. Who may ask what is in isolation.test.mjs, fixation and login CSRF in session.test.mjs.
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import WebSocket from 'ws';
import { PASSWORD, addUser, browser } from '../support/browser.mjs';
import { client, ENGINES, newInstallation } from '../support/prosa.mjs';

const sockets = [];

/** Resolves to the live socket once it is open; `ended` to how it was closed. */
function openLive(url, who) {
  const headers = who.auth ?? { Cookie: `prosa_session=${who.cookie}`, Origin: url };
  const ws = new WebSocket(`${url.replace('http', 'ws')}/live`, { headers });
  sockets.push(ws);
  ws.ended = new Promise((done) => ws.on('close', (code, reason) => done({ code, reason: reason.toString() })));
  ws.on('error', () => {});
  return new Promise((resolve, reject) => {
    ws.on('open', () => resolve(ws));
    ws.on('unexpected-response', (_, res) => reject(new Error(`no socket: ${res.statusCode}`)));
  });
}

/** What comes back to these bytes, until the server closes. */
function raw(url, bytes) {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const socket = net.connect(Number(port), hostname);
    let all = '';
    socket.setTimeout(10000, () => socket.destroy(new Error('the server said nothing')));
    socket.on('data', (d) => (all += d.toString('latin1')));
    socket.on('close', () => resolve(all));
    socket.on('error', (e) => (all ? resolve(all) : reject(e)));
    socket.write(bytes);
  });
}
const statusOf = (answer) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
const get = (url, target) => raw(url, `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);

after(() => sockets.forEach((ws) => ws.terminate()));

for (const engine of ENGINES) {
  describe(`open sockets on ${engine}`, () => {
    let installation, nodes, admin;
    const near = () => nodes[0].url;
    const far = () => nodes.at(-1).url;

    before(async () => {
      installation = await newInstallation(engine);
      await installation.cli('tenant', 'add', 'acme');
      await addUser(installation, 'acme', 'ada@example.com', 'admin');
      nodes = [await installation.serve()];
      if (engine === 'postgres') nodes.push(await installation.serve()); // a file has one server
      admin = browser(near());
      assert.equal((await admin.signIn('acme', 'ada@example.com')).status, 200);
    });
    after(async () => {
      for (const node of nodes ?? []) await node.kill();
      await installation?.remove();
    });

    const someone = async (email) => {
      const added = await admin.post('/api/v1/users', { email, name: 'Someone', role: 'agent', password: PASSWORD });
      const b = browser(near());
      assert.equal((await b.signIn('acme', email)).status, 200);
      return Object.assign(b, { id: added.json.id });
    };

    test('a live socket ends with the session that opened it, on every node, and the others stay', async () => {
      const b = await someone('bia@example.com');
      const [one, two, other] = [await openLive(near(), b), await openLive(far(), b), await openLive(far(), admin)];
      assert.equal((await b.del('/api/v1/session')).status, 204);
      assert.deepEqual(await one.ended, { code: 1008, reason: 'the session or key has ended' });
      assert.equal((await two.ended).code, 1008);
      assert.equal(other.readyState, WebSocket.OPEN);
    });

    test('a live socket ends when its user is disabled', async () => {
      const b = await someone('caio@example.com');
      const live = await openLive(far(), b);
      assert.equal((await admin.patch(`/api/v1/users/${b.id}`, { is_active: false })).status, 200);
      assert.equal((await live.ended).code, 1008);
    });

    test('a live socket ends when its key is revoked', async () => {
      const key = (await admin.post('/api/v1/keys', { name: 'live', scopes: 'conversations:read' })).json;
      const live = await openLive(far(), { auth: { Authorization: `Bearer ${key.secret}` } });
      assert.equal((await admin.del(`/api/v1/keys/${key.id}`)).status, 204);
      assert.equal((await live.ended).code, 1008);
    });

    if (engine === 'postgres') // of an embedded database's servers no other process is heard: they look once a minute
      test('a live socket ends when an operator ends what opened it', async () => {
        const b = await someone('elis@example.com');
        const live = await openLive(far(), b);
        await installation.cli('user', 'disable', 'acme', 'elis@example.com');
        assert.equal((await live.ended).code, 1008);
      });

    test('a page of another site opens no live socket', async () => {
      const b = await someone('davi@example.com');
      const ws = new WebSocket(`${near().replace('http', 'ws')}/live`, { headers: { Cookie: `prosa_session=${b.cookie}`, Origin: 'https://evil.example' } });
      const status = await new Promise((done) => ws.on('unexpected-response', (_, res) => done(res.statusCode)).on('error', () => {}));
      ws.terminate();
      assert.equal(status, 403);
    });
  });
}

describe('at the door', () => {
  let installation, node, url, key;

  before(async () => {
    installation = await newInstallation('sqlite', { PROSA_TRUSTED_PROXIES: '127.0.0.1/32' });
    await installation.cli('tenant', 'add', 'acme');
    for (const name of ['ana', 'bob', 'eva']) await addUser(installation, 'acme', `${name}@example.com`, 'agent');
    key = (await installation.cli('key', 'add', 'acme', '--scope', '*')).key;
    node = await installation.serve();
    url = node.url;
  });
  after(async () => {
    if (node) await node.kill();
    await installation?.remove();
  });

  const signIn = (email, password, headers = {}) => browser(url).post('/api/v1/session', { tenant: 'acme', email, password }, headers);

  test('guessing a password stops after ten tries from one place, and the right one then helps as little', async () => {
    const from = { 'X-Forwarded-For': '192.0.2.1' };
    const statuses = [];
    for (let i = 0; i < 12; i++) statuses.push((await signIn('ana@example.com', `guess ${i}`, from)).status);
    assert.deepEqual(statuses, [...Array(10).fill(401), 429, 429]);
    const right = await signIn('ana@example.com', PASSWORD, from);
    assert.equal(right.status, 429);
    assert.ok(Number(right.headers.get('retry-after')) > 60);
    assert.equal((await signIn('bob@example.com', PASSWORD, from)).status, 200, 'colleagues in the same office get in');
    assert.equal((await signIn('ana@example.com', PASSWORD, { 'X-Forwarded-For': '192.0.2.99' })).status, 200, 'and so does Ana from elsewhere');
  });

  test('guessing from many places stops, too', async () => {
    const statuses = []; // an empty guess counts like any other and costs no hash
    for (let host = 1; host <= 13; host++) {
      const guesses = Array.from({ length: 9 }, () => signIn('eva@example.com', '', { 'X-Forwarded-For': `198.51.100.${host}` }));
      statuses.push(...(await Promise.all(guesses)).map((answer) => answer.status));
    }
    assert.equal(statuses.filter((s) => s === 401).length, 100);
    assert.equal(statuses.filter((s) => s === 429).length, 17);
  });

  test('over TLS the cookie never travels without it', async () => {
    const b = browser(url);
    await b.post('/api/v1/session', { tenant: 'acme', email: 'bob@example.com', password: PASSWORD }, { 'X-Forwarded-Proto': 'https', 'X-Forwarded-For': '192.0.2.2' });
    assert.match(b.setCookie, /^prosa_session=[\w-]{43}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax; Secure$/);
  });

  test('no path leads out of the files that are in the program', async () => {
    for (const target of [
      '/assets/../../../../etc/passwd',
      '/assets/..%2f..%2f..%2fetc/passwd',
      '/assets/%2e%2e/%2e%2e/etc/passwd',
      '/assets/..\\..\\etc\\passwd',
      '/assets//etc/passwd',
      '/assets/%00',
      '/assets/%252e%252e/etc/passwd',
      '/assets/',
      '/app/../api/v1/me',
      '/app/..%2f..%2fetc/passwd',
      '/app/%2e%2e/metrics',
      '/../metrics',
      '//metrics',
    ]) {
      const answer = await get(url, target);
      assert.ok([400, 401, 404].includes(statusOf(answer)), `${target}: ${answer.slice(0, 200)}`);
      assert.doesNotMatch(answer, /root:|prosa_[a-z_]+ \d/, target);
    }
    const page = await get(url, '/app/etc/passwd');
    assert.equal(statusOf(page), 200);
    assert.match(page, /<div id="app"><\/div>/, 'whatever the path, it is the page');
  });

  test('a body is as large as its route says, however it is sent', async () => {
    const big = 'x'.repeat(5000);
    assert.equal((await browser(url).post('/api/v1/session', { tenant: 'acme', email: big, password: 'x' })).status, 413);
    const chunked = `POST /api/v1/session HTTP/1.1\r\nHost: x\r\nOrigin: http://x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n${'400\r\n'.concat('y'.repeat(1024), '\r\n').repeat(8)}0\r\n\r\n`;
    assert.equal(statusOf(await raw(url, chunked)), 413);
    const noBody = `DELETE /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nConnection: close\r\n\r\n0123456789`;
    assert.equal(statusOf(await raw(url, noBody)), 413);
    const api = (body) => fetch(`${url}/api/v1/webhooks`, { method: 'POST', headers: { Authorization: `Bearer ${key}` }, body });
    assert.equal((await api('x'.repeat(300 << 10))).status, 413);
    assert.equal((await api(`${'['.repeat(20000)}`)).status, 400);
    assert.equal((await api(`{"a":${'{"a":'.repeat(2000)}1${'}'.repeat(2001)}`)).status, 400);
    assert.equal((await api('{"a":1,"a":2}')).status, 400);
    assert.equal((await api(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).status, 400);
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
  });

  test('every kind of answer tells browsers not to guess, not to keep and not to frame it', async () => {
    const api = client(url, key);
    assert.ok(await api.get('/api/v1/me'));
    for (const path of ['/api/v1/me', '/api/v1/nothing', '/openapi.json', '/healthz', '/app/', '/api']) {
      const res = await fetch(url + path, { headers: { Authorization: `Bearer ${key}` } });
      assert.equal(res.headers.get('x-content-type-options'), 'nosniff', path);
      assert.equal(res.headers.get('referrer-policy'), 'no-referrer', path);
      assert.equal(res.headers.get('cache-control'), 'no-store', path);
      assert.equal(res.headers.get('access-control-allow-origin'), null, path);
      if ((res.headers.get('content-type') ?? '').startsWith('text/html')) assert.match(res.headers.get('content-security-policy'), /default-src 'none'.*frame-ancestors 'none'/, path);
    }
  });

  // The handshake and the reading are those of an independent client; the frames are written byte by byte.
  describe('a live socket holds to RFC 6455', () => {
    const frame = (first, payload, { mask = true, length } = {}) => {
      const body = Buffer.from(payload);
      const n = length ?? body.length;
      const head = n < 126 ? Buffer.from([first, n]) : n < 65536 ? Buffer.from([first, 126, n >> 8, n & 255]) : Buffer.from([first, 127, 0, 0, 0, 0, (n >>> 24) & 255, (n >> 16) & 255, (n >> 8) & 255, n & 255]);
      if (!mask) return Buffer.concat([head, body]);
      head[1] |= 0x80;
      const key = Buffer.from([1, 2, 3, 4]);
      return Buffer.concat([head, key, Buffer.from(body.map((c, i) => c ^ key[i % 4]))]);
    };
    const TEXT = 0x81;
    const send = async (...frames) => {
      const ws = await openLive(url, { auth: { Authorization: `Bearer ${key}` } });
      for (const f of frames) ws._socket.write(f);
      return ws;
    };

    // Where a control frame itself is malformed, the library below closes without a code: 1005 to who reads it.
    for (const [what, code, ...frames] of [
      ['a frame without a mask', 1002, frame(TEXT, 'hi', { mask: false })],
      ['a reserved bit', 1002, frame(0xc1, 'hi')],
      ['an operation that is none', 1002, frame(0x83, 'hi')],
      ['a ping in pieces', 1005, frame(0x09, 'hi')],
      ['a ping longer than 125 bytes', 1005, frame(0x89, 'x'.repeat(126))],
      ['a continuation of nothing', 1002, frame(0x80, 'hi')],
      ['a message within a message', 1002, frame(0x01, 'a'), frame(0x81, 'b')],
      ['text that is no UTF-8', 1007, frame(TEXT, [0xce, 0xba, 0xe1, 0xbd, 0xb9, 0xff])],
      ['text that is no UTF-8, in pieces', 1007, frame(0x01, [0xce]), frame(0x80, [0xce])],
      ['a close whose code is none', 1002, frame(0x88, [0x03, 0xe7])],
      ['a close of one byte', 1005, frame(0x88, [0x03])],
      ['a close whose reason is no UTF-8', 1007, frame(0x88, [0x03, 0xe8, 0xff])],
      ['a message above the limit', 1009, frame(TEXT, 'x'.repeat(65537))],
      ['a message above the limit, in pieces', 1009, frame(0x01, 'x'.repeat(40000)), frame(0x80, 'x'.repeat(40000))],
      ['a frame that announces the sky', 1009, frame(TEXT, 'x', { length: 0x7fffffff })],
    ])
      test(`${what} is closed with ${code}`, async () => {
        const ws = await send(...frames);
        assert.equal((await ws.ended).code, code);
      });

    test('pieces, pings between them and answers to both are as they should be', async () => {
      const ws = await openLive(url, { auth: { Authorization: `Bearer ${key}` } });
      const pongs = [];
      const two = new Promise((done) => ws.on('pong', (d) => pongs.push(d.toString()) === 2 && done()));
      ws._socket.write(frame(0x01, '{"vie'));
      ws._socket.write(frame(0x89, 'one'));
      ws._socket.write(frame(0x00, 'wing":'));
      for (const byte of frame(0x89, 'two')) ws._socket.write(Buffer.from([byte]));
      ws._socket.write(frame(0x80, 'null}'));
      await two;
      assert.deepEqual(pongs, ['one', 'two']);
      ws.close(1000, 'bye');
      assert.deepEqual(await ws.ended, { code: 1000, reason: 'bye' });
    });

    test('what is no handshake gets no socket', async () => {
      const ask = (headers) => raw(url, `GET /live HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\n${headers}Connection: close\r\n\r\n`);
      assert.equal(statusOf(await ask('')), 400);
      const bad = (lines) => raw(url, `GET /live HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n${lines}\r\n`);
      assert.notEqual(statusOf(await bad('Sec-WebSocket-Version: 12\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n')), 101);
      assert.notEqual(statusOf(await bad('Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n')), 101);
      assert.notEqual(statusOf(await bad('Sec-WebSocket-Version: 13\r\n')), 101);
    });
  });
});
