// SPDX-License-Identifier: Apache-2.0
// A receiver of webhooks for tests: keeps every call as it came and answers as it is told.
import http from 'node:http';

export async function startReceiver() {
  const calls = []; // {path, id, timestamp, headers, body (Buffer), at}
  const receiver = { calls, answer: () => 204 };
  const server = http.createServer((req, res) => {
    const parts = [];
    req.on('data', (part) => parts.push(part));
    req.on('error', () => {});
    req.on('end', () => {
      const call = { path: req.url, id: req.headers['webhook-id'], timestamp: req.headers['webhook-timestamp'], headers: req.headers, body: Buffer.concat(parts), at: Date.now() };
      calls.push(call);
      const answer = receiver.answer(call, calls.filter((c) => c.id === call.id && c.path === call.path).length);
      if (answer === null) return; // never answers
      const { status = answer, headers = {}, body = '' } = typeof answer === 'object' ? answer : {};
      res.writeHead(status, headers);
      res.end(body);
    });
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  receiver.url = `http://127.0.0.1:${server.address().port}`;
  receiver.at = (path) => calls.filter((c) => c.path === path);
  receiver.events = (path) => receiver.at(path).map((c) => JSON.parse(c.body));
  receiver.close = () => {
    server.closeAllConnections();
    return new Promise((done) => server.close(done));
  };
  return receiver;
}
