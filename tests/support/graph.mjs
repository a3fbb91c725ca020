// SPDX-License-Identifier: Apache-2.0
// A fake Graph API for tests, written apart from prosa's own simulator so that the two do not share a mistake. Counts what it
// accepts by correlation id, and can answer late, cut the answer off after accepting, refuse, and call back with statuses. What
// comes in is told at once to graph.heard(body), when that is set.
import { createHash, createHmac } from 'node:crypto';
import http from 'node:http';

export const APP_SECRET = 'test-app-secret';

export const sign = (body, secret = APP_SECRET) => `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;

const refuseFile = (res, status, code) => {
  res.writeHead(status, { 'Content-Type': 'application/json' });
  res.end(JSON.stringify({ error: { message: `(#${code}) refused`, type: 'GraphMethodException', code, ...(code === 100 ? { error_subcode: 33 } : {}) } }));
};

/** GET /{v}/{media-id} and the address it gives. A file: {bytes, mime, sha256?, size?, url?, lookup?(res), download?(res, file)}. */
function serveFile(graph, req, res) {
  const id = new URL(req.url, graph.url).pathname.split('/').pop();
  if (id === 'message_templates') return res.end(JSON.stringify({ data: graph.templates, paging: {} }));
  const file = graph.files.get(id);
  if (req.headers.authorization !== 'Bearer test-token') return refuseFile(res, 401, 190);
  if (req.url.startsWith('/files/')) {
    graph.downloads++;
    if (!file) return res.writeHead(404).end();
    if (file.download) return file.download(res, file);
    res.writeHead(200, { 'Content-Type': file.mime, 'Content-Length': file.bytes.length });
    return res.end(file.bytes);
  }
  graph.lookups++;
  if (!file) return refuseFile(res, 400, 100);
  if (file.lookup) return file.lookup(res);
  res.writeHead(200, { 'Content-Type': 'application/json' });
  return res.end(
    JSON.stringify({
      messaging_product: 'whatsapp',
      url: file.url ?? `${graph.url}/files/${id}`,
      mime_type: file.mime,
      sha256: file.sha256 ?? createHash('sha256').update(file.bytes).digest('hex'),
      file_size: file.size ?? file.bytes.length,
      id,
    }),
  );
}

/** POST /{v}/{number}/media: keeps what was uploaded; graph.refuseUpload(nth) may answer instead. */
async function takeUpload(graph, req, body, res) {
  const form = await new Response(body, { headers: { 'Content-Type': req.headers['content-type'] } }).formData();
  const file = form.get('file');
  const refusal = graph.refuseUpload?.(graph.uploads.length);
  const upload = { id: `7${String(graph.uploads.length + 1).padStart(15, '0')}`, product: form.get('messaging_product'), name: file.name, mime: file.type, bytes: Buffer.from(await file.arrayBuffer()), refused: Boolean(refusal) };
  graph.uploads.push(upload);
  if (refusal === 'cut') return req.socket.destroy();
  if (refusal) return refuseFile(res, refusal.status, refusal.code);
  res.writeHead(200, { 'Content-Type': 'application/json' });
  return res.end(JSON.stringify({ id: upload.id }));
}

export async function startGraph({ cutRate = 0, delayMs = 0, statuses = [], phoneNumberId = '520000000000002' } = {}) {
  const accepted = []; // every accepted send, in order
  const byCorrelation = new Map();
  const waiting = new Set();
  const graph = { files: new Map(), templates: [], uploads: [], lookups: 0, downloads: 0, accepted, byCorrelation, cutRate, delayMs, statuses, webhook: '', refuse: null, phoneNumberId };
  let callbacks = Promise.resolve();

  const callBack = (send) => {
    if (!graph.webhook || graph.statuses.length === 0) return;
    const words = graph.statuses;
    callbacks = callbacks.then(async () => {
      for (const status of words) await post(graph.webhook, statusCall(send, status, phoneNumberId)).catch(() => {});
    });
  };

  const server = http.createServer((req, res) => {
    if (req.method === 'GET') return serveFile(graph, req, res);
    const parts = [];
    req.on('data', (part) => parts.push(part));
    req.on('error', () => {});
    req.on('end', async () => {
      if (/\/media$/.test(req.url)) return takeUpload(graph, req, Buffer.concat(parts), res);
      const body = JSON.parse(Buffer.concat(parts).toString() || '{}');
      graph.heard?.(body);
      if (graph.delayMs > 0) await new Promise((done) => waiting.add(setTimeout(done, graph.delayMs)));
      if (body.status === 'read') return res.end(JSON.stringify({ success: true }));
      if (graph.refuse) {
        const { status, code, message, headers } = graph.refuse(body) ?? {};
        if (status) {
          res.writeHead(status, { 'Content-Type': 'application/json', ...headers });
          return res.end(JSON.stringify({ error: { message: message ?? `(#${code}) refused`, type: 'OAuthException', code } }));
        }
      }
      const send = { id: `wamid.test${accepted.length + 1}`, to: body.to ?? body.recipient, correlation: body.biz_opaque_callback_data, type: body.type, body };
      accepted.push(send);
      byCorrelation.set(send.correlation, (byCorrelation.get(send.correlation) ?? 0) + 1);
      callBack(send);
      if (Math.random() < graph.cutRate) return req.socket.destroy();
      res.writeHead(200, { 'Content-Type': 'application/json' });
      return res.end(
        JSON.stringify({ messaging_product: 'whatsapp', contacts: [{ input: body.to, wa_id: String(body.to ?? '').replace('+', '') }], messages: [{ id: send.id }] }),
      );
    });
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  graph.url = `http://127.0.0.1:${server.address().port}`;
  graph.duplicates = () => [...byCorrelation].filter(([, n]) => n > 1);
  graph.settled = () => callbacks;
  graph.close = () => {
    for (const timer of waiting) clearTimeout(timer);
    server.closeAllConnections();
    return new Promise((done) => server.close(done));
  };
  return graph;
}

/** POSTs a signed call; resolves to {status, body}. */
export function post(url, call, { secret = APP_SECRET, headers = {}, timeout = 15000 } = {}) {
  const body = Buffer.isBuffer(call) ? call : Buffer.from(JSON.stringify(call));
  return new Promise((resolve, reject) => {
    const req = http.request(url, { method: 'POST', agent: false, timeout, headers: { 'Content-Type': 'application/json', 'Content-Length': body.length, 'X-Hub-Signature-256': sign(body, secret), ...headers } }, (res) => {
      const parts = [];
      res.on('data', (part) => parts.push(part));
      res.on('error', reject);
      res.on('end', () => resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(parts).toString() }));
    });
    req.on('timeout', () => req.destroy(new Error('timeout')));
    req.on('error', reject);
    req.end(body);
  });
}

const envelope = (changes) => ({ object: 'whatsapp_business_account', entry: [{ id: '410000000000001', changes }] });
const metadata = (phoneNumberId) => ({ display_phone_number: '551130000100', phone_number_id: phoneNumberId });
const now = () => String(Math.floor(Date.now() / 1000));

export const message = (id, from, text, more = {}) => ({ from, id, timestamp: now(), type: 'text', text: { body: text }, ...more });

/** A message with a file the fake has: graph.files.set(fileId, …) first. */
export const fileMessage = (id, from, type, fileId, more = {}) => ({ from, id, timestamp: now(), type, [type]: { id: fileId, mime_type: 'application/octet-stream', ...more } });

/** One call with these messages, the way a batch comes: several changes, contacts beside. */
export const messageCall = (messages, phoneNumberId = '520000000000002') =>
  envelope(
    messages.map((m) => ({
      field: 'messages',
      value: { messaging_product: 'whatsapp', metadata: metadata(phoneNumberId), contacts: [{ profile: { name: `Cliente ${m.from.slice(-4)}` }, wa_id: m.from }], messages: [m] },
    })),
  );

export const statusCall = (send, status, phoneNumberId = '520000000000002', errors = undefined) =>
  envelope([
    {
      field: 'messages',
      value: {
        messaging_product: 'whatsapp',
        metadata: metadata(phoneNumberId),
        statuses: [{ id: send.id, status, timestamp: now(), recipient_id: String(send.to ?? '').replace('+', ''), ...(send.correlation ? { biz_opaque_callback_data: send.correlation } : {}), ...(errors ? { errors } : {}) }],
      },
    },
  ]);
