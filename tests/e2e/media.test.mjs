// SPDX-License-Identifier: Apache-2.0
// Files on the real program: what a customer sends is fetched, checked and shown without danger; whatever goes wrong on the
// way is told and tried again, and nothing half is ever served.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileMessage, message, messageCall, post, startGraph } from '../support/graph.mjs';
import { BIN, client, ENGINES, newInstallation, PHONE_NUMBER_ID, seed, until } from '../support/prosa.mjs';

const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
const pad = (magic, size) => Buffer.concat([magic, Buffer.alloc(size - magic.length, 'x')]);
const sha = (bytes) => createHash('sha256').update(bytes).digest('hex');
const newId = (() => {
  let n = 0;
  return (what) => `${what}.${process.pid}.${++n}`;
})();
let phones = 0;
const newPhone = () => `55119${String(82000000 + ++phones)}`;

async function everyFile(dir) {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((e) => e.isFile()).map((e) => `${e.parentPath ?? e.path}/${e.name}`);
}

for (const engine of ENGINES) {
  describe(`files on ${engine}`, () => {
    let graph, installation, node, api, key, other;

    before(async () => {
      graph = await startGraph();
      installation = await newInstallation(engine, { PROSA_HTTPC_ALLOW_PRIVATE: 'true', PROSA_HTTPC_TIMEOUT_MS: '1s', PROSA_MEDIA_MAX_BYTES: '4MiB' });
      installation.env.PROSA_DATA_DIR = `${installation.dir}/data`;
      key = (await seed(installation, graph.url)).key;
      other = (await seed(installation, graph.url, { slug: 'zeta', address: '520000000000009' })).key;
      node = await installation.serve();
      api = client(node.url, key);
    });
    after(async () => {
      if (node) await node.kill();
      await installation?.remove();
      await graph?.close();
    });

    const dataDir = () => installation.env.PROSA_DATA_DIR;
    /** A customer sends a file; resolves to the message once `state` is reached. */
    const receive = async (type, file, { state = 'ready', more = {}, patience = 20000 } = {}) => {
      const fileId = newId('file'), wamid = newId('wamid.in');
      if (file) graph.files.set(fileId, { mime: 'application/octet-stream', ...file });
      const call = messageCall([fileMessage(wamid, newPhone(), type, fileId, more)], PHONE_NUMBER_ID);
      assert.equal((await post(`${node.url}/webhooks/meta`, call)).status, 200);
      return until(async () => (await api.get('/api/v1/messages?limit=500')).data.find((m) => m.provider_message_id === wamid && m.media?.state === state), `${type} is ${state}`, patience);
    };
    const open = (m, headers = {}, as = key) => fetch(`${node.url}/api/v1/media/${m.media.id}`, { headers: { Authorization: `Bearer ${as}`, ...headers } });
    const bytesOf = async (res) => Buffer.from(await res.arrayBuffer());

    test('an image comes in, is ready, and its bytes are the ones that were sent', async () => {
      const m = await receive('image', { bytes: PNG, mime: 'image/png' });
      assert.deepEqual({ ...m.media, id: undefined }, { id: undefined, state: 'ready', kind: 'image', mime: 'image/png', size: PNG.length, file_name: 'image.png', reason: null });
      const res = await open(m);
      assert.equal(res.status, 200);
      assert.equal(res.headers.get('content-type'), 'image/png');
      assert.equal(res.headers.get('etag'), `"${sha(PNG)}"`);
      assert.equal(res.headers.get('x-content-type-options'), 'nosniff');
      assert.match(res.headers.get('content-security-policy'), /sandbox/);
      assert.match(res.headers.get('content-disposition'), /^inline/);
      assert.deepEqual(await bytesOf(res), PNG);
      const { data: events } = await api.get(`/api/v1/events?conversation=${m.conversation_id}&limit=500`).catch(() => ({ data: null }));
      if (events) assert.ok(events.some((e) => e.kind === 'media.ready'));
    });

    test('a part of a file is answered as a part', async () => {
      const bytes = pad(Buffer.from('%PDF-1.4\n'), 100000);
      const m = await receive('document', { bytes }, { more: { filename: 'proposta.pdf' } });
      const part = await open(m, { Range: 'bytes=10-19' });
      assert.equal(part.status, 206);
      assert.equal(part.headers.get('content-range'), `bytes 10-19/${bytes.length}`);
      assert.deepEqual(await bytesOf(part), bytes.subarray(10, 20));
      const tail = await open(m, { Range: 'bytes=-5' });
      assert.deepEqual(await bytesOf(tail), bytes.subarray(-5));
      const beyond = await open(m, { Range: `bytes=${bytes.length}-` });
      assert.equal(beyond.status, 416);
      assert.equal(beyond.headers.get('content-range'), `bytes */${bytes.length}`);
      const several = await open(m, { Range: 'bytes=0-1,5-6' });
      assert.equal(several.status, 200);
      assert.equal((await bytesOf(several)).length, bytes.length);
      const stale = await open(m, { Range: 'bytes=0-1', 'If-Range': '"other"' });
      assert.equal(stale.status, 200);
      assert.equal((await bytesOf(stale)).length, bytes.length);
      assert.equal((await open(m, { 'If-None-Match': `"${sha(bytes)}"` })).status, 304);
      const head = await fetch(`${node.url}/api/v1/media/${m.media.id}`, { method: 'HEAD', headers: { Authorization: `Bearer ${key}` } });
      assert.equal(head.headers.get('content-length'), String(bytes.length));
    });

    test('HTML that calls itself an image is a download without a type', async () => {
      const bytes = Buffer.from('<!doctype html><script>alert(1)</script>');
      const m = await receive('image', { bytes, mime: 'image/png' }, { more: { mime_type: 'text/html', filename: 'x.html' } });
      const res = await open(m);
      assert.equal(res.headers.get('content-type'), 'application/octet-stream');
      assert.match(res.headers.get('content-disposition'), /^attachment/);
      assert.match(res.headers.get('content-security-policy'), /sandbox/);
    });

    test('a name from outside cannot leave the download folder or break the header', async () => {
      const m = await receive('document', { bytes: pad(Buffer.from('%PDF-1.4\n'), 64) }, { more: { filename: '../../etc/\u202epa"ss\r\nX: wd ção.pdf' } });
      assert.equal(m.media.file_name, 'passX wd ção.pdf');
      const disposition = (await open(m)).headers.get('content-disposition');
      assert.equal(disposition, `inline; filename="passX wd __o.pdf"; filename*=UTF-8''passX%20wd%20%C3%A7%C3%A3o.pdf`);
    });

    test("another tenant's file is not found", async () => {
      const m = await receive('image', { bytes: PNG });
      for (const path of ['', '/info']) {
        const res = await fetch(`${node.url}/api/v1/media/${m.media.id}${path}`, { headers: { Authorization: `Bearer ${other}` } });
        assert.equal(res.status, 404);
      }
      assert.equal((await fetch(`${node.url}/api/v1/media/${m.media.id}`)).status, 401);
    });

    test('a file the provider no longer has is expired, and says so', async () => {
      const m = await receive('image', null, { state: 'expired' });
      assert.match(m.media.reason, /no longer/);
      const res = await open(m);
      assert.equal(res.status, 404);
    });

    test('a file over the limit is refused by its announced and by its real size', async () => {
      const announced = await receive('video', { bytes: PNG, size: 5 << 20 }, { state: 'failed' });
      assert.match(announced.media.reason, /at most 4194304/);
      const real = await receive('video', { bytes: Buffer.alloc((4 << 20) + 1, 1), size: 100 }, { state: 'failed' });
      assert.match(real.media.reason, /more than 4194304/);
      assert.ok((await everyFile(dataDir())).every((f) => !f.includes('/part/')));
    });

    test('wrong bytes, a broken and a stalled download are tried again until the file is whole', async () => {
      const bytes = pad(Buffer.from('OggS\0\u0002\0\0\0\0\0\0\0\0prsa\0\0\0\0\0\0\0\0\u0001\u0013OpusHead'), 700000);
      const faults = [
        (res, f) => res.writeHead(200, { 'Content-Length': f.bytes.length }).end(Buffer.alloc(f.bytes.length, 'y')),
        (res, f) => {
          res.writeHead(200, { 'Content-Length': f.bytes.length });
          res.write(f.bytes.subarray(0, 300000), () => res.destroy());
        },
        (res) => res.writeHead(503).end('busy'),
        (res, f) => {
          res.writeHead(200, { 'Content-Length': f.bytes.length });
          res.write(f.bytes.subarray(0, 300000)); // and no more
        },
        (res) => res.writeHead(404).end(),
      ];
      const file = {
        bytes,
        download(res, f) {
          const fault = faults.shift();
          if (fault) return fault(res, f);
          return res.writeHead(200, { 'Content-Length': f.bytes.length }).end(f.bytes);
        },
      };
      const m = await receive('audio', file, { patience: 60000 });
      assert.equal(faults.length, 0);
      assert.equal(m.media.mime, 'audio/ogg');
      assert.deepEqual(await bytesOf(await open(m)), bytes);
    });

    test('the token is not sent to an address that is not the provider\'s way', async () => {
      const m = await receive('image', { bytes: PNG, url: 'ftp://127.0.0.1/x' }, { state: 'failed' });
      assert.match(m.media.reason, /https/);
    });

    test('a failed file can be tried again by a person', async () => {
      const file = { bytes: PNG, size: 5 << 20, mime: 'image/png' };
      const m = await receive('image', file, { state: 'failed' });
      for (const f of graph.files.values()) if (f.size === 5 << 20) delete f.size;
      await api.post(`/api/v1/media/${m.media.id}/retry`);
      await until(async () => (await api.get(`/api/v1/messages/${m.id}`)).media.state === 'ready', 'ready after the retry');
      await assert.rejects(api.post(`/api/v1/media/${m.media.id}/retry`), { status: 409 });
    });

    const upload = async (bytes, name, as = key) => {
      const res = await fetch(`${node.url}/api/v1/media`, { method: 'POST', body: bytes, headers: { Authorization: `Bearer ${as}`, 'Content-Type': 'application/octet-stream', ...(name ? { 'X-Filename': encodeURIComponent(name) } : {}) } });
      return { status: res.status, ...(await res.json()) };
    };
    /** A conversation in which may be written. */
    const talk = async () => {
      const phone = newPhone();
      await post(`${node.url}/webhooks/meta`, messageCall([message(newId('wamid.talk'), phone, 'oi')], PHONE_NUMBER_ID));
      return until(async () => (await api.get('/api/v1/conversations?limit=500')).data.find((c) => c.lead.phone === phone), 'a conversation');
    };
    const send = (c, type, content) => api.post(`/api/v1/conversations/${c.id}/messages`, { type, content });
    const settled = (m, status = 'sent') => until(async () => { const now = await api.get(`/api/v1/messages/${m.id}`); return now.status === status && now; }, `the message is ${status}`);
    const sendsOf = (m) => graph.accepted.filter((s) => s.correlation === m.id);

    test('what an agent uploads reaches the phone with the same bytes, given to the provider once', async () => {
      const file = await upload(PNG, 'catálogo 1.png');
      assert.deepEqual({ ...file, id: undefined }, { id: undefined, status: 201, kind: 'image', mime: 'image/png', size: PNG.length, file_name: 'catálogo 1.png', sha256: sha(PNG) });
      const before = graph.uploads.length;
      for (const c of [await talk(), await talk()]) {
        const m = await send(c, 'image', { media: { id: file.id }, caption: 'veja' });
        assert.equal(m.media.state, 'ready');
        await settled(m);
        const [sent] = sendsOf(m);
        assert.deepEqual(sent.body.image, { id: graph.uploads[before].id, caption: 'veja' });
        assert.deepEqual(await bytesOf(await open(await api.get(`/api/v1/messages/${m.id}`))), PNG);
      }
      assert.equal(graph.uploads.length, before + 1);
      assert.deepEqual(graph.uploads[before].bytes, PNG);
      assert.equal(graph.uploads[before].mime, 'image/png');
      const asDocument = await send(await talk(), 'document', { media: { id: file.id } });
      await settled(asDocument);
      assert.equal(sendsOf(asDocument)[0].body.document.filename, 'catálogo 1.png');
    });

    test('an upload the provider does not take is tried again, and the message goes out once', async () => {
      const file = await upload(pad(Buffer.from('%PDF-1.7\n'), 5000), 'a.pdf');
      const first = graph.uploads.length;
      graph.refuseUpload = (nth) => [{ status: 503, code: 2 }, 'cut'][nth - first];
      const m = await send(await talk(), 'document', { media: { id: file.id } });
      await settled(m);
      graph.refuseUpload = null;
      assert.equal(graph.uploads.length, first + 3);
      assert.equal(sendsOf(m).length, 1);
      assert.equal(sendsOf(m)[0].body.document.id, graph.uploads[first + 2].id);
    });

    test('an upload the provider refuses fails the message with its reason, and nothing is sent', async () => {
      const file = await upload(pad(Buffer.from('%PDF-1.7\n'), 5001), 'b.pdf');
      graph.refuseUpload = () => ({ status: 400, code: 131053 });
      const m = await settled(await send(await talk(), 'document', { media: { id: file.id } }), 'failed');
      graph.refuseUpload = null;
      assert.equal(m.error.code, 131053);
      assert.equal(sendsOf(m).length, 0);
      await api.post(`/api/v1/messages/${m.id}/settle`, { how: 'resend' });
      await settled(m);
      assert.equal(sendsOf(m).length, 1);
    });

    test('a message is refused when its file is missing, foreign, not ready or of another type', async () => {
      const c = await talk();
      const mine = await upload(PNG, 'a.png');
      const foreign = await upload(PNG, 'a.png', other);
      const gone = await receive('image', null, { state: 'expired' });
      for (const [type, id] of [['image', foreign.id], ['image', '01900000-0000-7000-8000-000000000000'], ['image', gone.media.id], ['audio', mine.id], ['video', mine.id]]) {
        await assert.rejects(send(c, type, { media: { id } }), { status: 400 });
      }
    });

    test('an empty and a huge upload are refused, and bytes that are no image are a document', async () => {
      assert.equal((await upload(Buffer.alloc(0), 'a')).status, 400);
      assert.equal(await upload(Buffer.alloc((16 << 20) + 1)).then((r) => r.status, () => 413), 413);
      const html = await upload(Buffer.from('<script>alert(1)</script>'), 'x.png');
      assert.equal(html.kind, 'document');
      assert.equal(html.mime, 'application/octet-stream');
    });

    test('a file that came in can be sent on', async () => {
      const m = await receive('image', { bytes: PNG, mime: 'image/png' });
      const out = await settled(await send(await talk(), 'image', { media: { id: m.media.id } }));
      assert.equal(sendsOf(out).length, 1);
    });

    test('a kill in the middle of a download leaves no half file, and the next start fetches it whole', async () => {
      const bytes = pad(Buffer.from('%PDF-1.7\n'), 900000);
      let stalled;
      const began = new Promise((done) => (stalled = done));
      const file = {
        bytes,
        download(res, f) {
          res.writeHead(200, { 'Content-Length': f.bytes.length });
          if (!stalled) return res.end(f.bytes);
          return res.write(f.bytes.subarray(0, 400000), () => { stalled?.(); stalled = null; });
        },
      };
      const arriving = receive('document', file, { state: 'waiting' });
      await began;
      const m = await arriving;
      await until(async () => (await everyFile(dataDir())).some((f) => f.includes('/part/')), 'a part is being written');
      const whole = (await everyFile(dataDir())).filter((f) => f.endsWith(sha(bytes)));
      assert.deepEqual(whole, []);
      await node.kill('SIGKILL');
      node = await installation.serve();
      api = client(node.url, key);
      assert.equal((await open(m)).status, 409);
      const ready = await until(async () => { const now = await api.get(`/api/v1/messages/${m.id}`); return now.media.state === 'ready' && now; }, 'fetched after the restart', 60000);
      assert.deepEqual(await bytesOf(await open(ready)), bytes);
    });
  });
}

describe('files in the demo', () => {
  let dir, child, url, sim, cookie;

  before(async () => {
    dir = await mkdtemp(path.join(os.tmpdir(), 'prosa-demo-'));
    child = spawn(BIN, ['demo', '--listen', '127.0.0.1:0'], { cwd: dir, env: { PATH: process.env.PATH, ASAN_OPTIONS: process.env.ASAN_OPTIONS ?? '' }, stdio: ['ignore', 'pipe', 'inherit'] });
    url = await new Promise((done, fail) => {
      let out = '';
      child.on('exit', (code) => fail(new Error(`prosa demo ended with ${code}`)));
      child.stdout.on('data', (part) => {
        const at = /ready at (\S+)/.exec((out += part));
        if (at) done(at[1]);
      });
    });
    sim = (await (await fetch(`${url}/demo.json`)).json()).sim;
    cookie = (await fetch(`${url}/`)).headers.getSetCookie().map((c) => c.split(';')[0]).join('; ');
  });
  after(async () => {
    const ended = new Promise((done) => child.on('exit', done));
    child.kill('SIGTERM');
    await ended;
    await rm(dir, { recursive: true, force: true });
  });

  const ask = async (method, page, body, headers = {}) => {
    const res = await fetch(`${url}${page}`, { method, body, headers: { Cookie: cookie, Origin: url, ...headers } });
    assert.ok(res.ok, `${method} ${page}: ${res.status}`);
    return res;
  };

  test("a customer's photo reaches the console, and an agent's file the customer's phone", async () => {
    const from = '5511955550123';
    const act = await fetch(`${sim}/sim/customer`, { method: 'POST', body: JSON.stringify({ from, type: 'image', mime: 'image/png', base64: PNG.toString('base64'), caption: 'olha' }) });
    assert.equal(act.status, 200);
    const m = await until(async () => (await (await ask('GET', '/api/v1/messages?limit=500')).json()).data.find((x) => x.direction === 'in' && x.media?.state === 'ready'), 'the photo is ready');
    assert.deepEqual(Buffer.from(await (await ask('GET', `/api/v1/media/${m.media.id}`)).arrayBuffer()), PNG);
    const pdf = pad(Buffer.from('%PDF-1.7\n'), 3000);
    const file = await (await ask('POST', '/api/v1/media', pdf, { 'X-Filename': 'proposta.pdf', 'Content-Type': 'application/pdf' })).json();
    await ask('POST', `/api/v1/conversations/${m.conversation_id}/messages`, JSON.stringify({ type: 'document', content: { media: { id: file.id } } }), { 'Content-Type': 'application/json' });
    const bubble = await until(async () => (await (await fetch(`${sim}/sim/phone?number=${from}`)).json()).messages.find((b) => b.type === 'document'), 'the phone shows the document');
    assert.equal(bubble.content.media.filename, 'proposta.pdf');
    assert.deepEqual(Buffer.from(await (await fetch(`${sim}/sim/media?id=${bubble.content.media.id}`)).arrayBuffer()), pdf);
  });
});
