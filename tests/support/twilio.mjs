// SPDX-License-Identifier: Apache-2.0
// The fake Twilio of `prosa sim`, with Twilio's own client for it, and the proxy that stands between the two: it is where the public
// URL leads, so that what is signed is another address than the one prosa listens on.
import { spawn } from 'node:child_process';
import http from 'node:http';
import twilio from 'twilio';
import { BIN } from './prosa.mjs';

const HOSTS = /^https:\/\/(api|content|messaging)\.twilio\.com/;

/** prosa sim as Twilio; client is the official one, its calls sent there. */
export async function startTwilio({ sid, token, webhook }) {
  const child = spawn(BIN, ['sim', '--listen', '127.0.0.1:0', '--twilio-account-sid', sid, '--twilio-auth-token', token, ...(webhook ? ['--twilio-webhook-url', webhook] : []), '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((done) => child.on('exit', done));
  const { twilio_base_url: url } = await new Promise((done, fail) => {
    let text = '';
    child.on('exit', (code) => fail(new Error(`prosa sim ended with ${code}`)));
    child.stdout.on('data', (part) => (text += part).includes('\n') && done(JSON.parse(text)));
  });
  const ask = async (method, page, body) => {
    const answer = await fetch(`${url}${page}`, { method, body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${page}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  class Here extends twilio.RequestClient {
    request(options) {
      return super.request({ ...options, uri: options.uri.replace(HOSTS, url) });
    }
  }
  return {
    url,
    client: (user = sid, secret = token) => twilio(user, secret, { accountSid: sid, httpClient: new Here() }),
    ask,
    behave: (knobs) => ask('POST', '/sim/behaviour', knobs),
    write: (from, text, more = {}) => ask('POST', '/sim/twilio/customer', { from, text, ...more }),
    sends: async (to) => (await ask('GET', '/sim/sends')).sends.filter((one) => !to || one.to === `whatsapp:+${to}`),
    phone: (number) => ask('GET', `/sim/phone?number=${number}`),
    stop: () => (child.kill('SIGTERM'), ended),
  };
}

/** Passes every call on to where target() says and keeps what it saw; the address is its own. No target: it takes what is posted. */
export async function startProxy(target) {
  const calls = [];
  const server = http.createServer((req, res) => {
    const parts = [];
    req.on('data', (part) => parts.push(part));
    req.on('end', () => {
      const body = Buffer.concat(parts);
      if (!target()) {
        calls.push({ method: req.method, url: req.url, headers: req.headers, body: body.toString(), status: 200 });
        return res.writeHead(req.method === 'POST' ? 204 : 404).end();
      }
      const to = http.request(target() + req.url, { method: req.method, headers: { ...req.headers, host: 'behind.example.test' } }, (answer) => {
        calls.push({ method: req.method, url: req.url, headers: req.headers, body: body.toString(), status: answer.statusCode });
        res.writeHead(answer.statusCode, answer.headers);
        answer.pipe(res);
      });
      to.on('error', () => res.writeHead(502).end());
      to.end(body);
    });
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { calls, url: `http://127.0.0.1:${server.address().port}`, close: () => (server.closeAllConnections(), new Promise((done) => server.close(done))) };
}
