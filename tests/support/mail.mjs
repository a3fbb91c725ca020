// SPDX-License-Identifier: Apache-2.0
// Real mail servers (tests/tools/mail.sh) and what a person's mail program does with them.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { promisify } from 'node:util';

const run = promisify(execFile);
const script = path.resolve('tests/tools/mail.sh');

/** OpenSMTPD has to be started by root; who is not cannot run these tests. */
export const mailNeeds = process.getuid() === 0 ? false : 'the mail servers have to be started by root';

export async function startMail() {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'prosa-mail-'));
  const { stdout } = await run(script, ['start', dir]);
  const state = Object.fromEntries(stdout.trim().split('\n').map((line) => line.split(/=(.*)/s)));
  const front = await tlsFront(state);
  return {
    ...state,
    smtpPort: Number(state.SMTP_PORT),
    smtpsPort: front.port,
    imapPort: Number(state.IMAP_PORT),
    imapsPort: Number(state.IMAPS_PORT),
    send: (mail) => send(Number(state.SMTP_PORT), mail),
    inbox: (user) => inbox(path.join(state.MAIL, user, 'Maildir')),
    async close() {
      front.close();
      await run(script, ['stop', dir]);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** TLS in front of the SMTP server, which has none of its own. */
async function tlsFront(state) {
  const sockets = new Set();
  const server = tls.createServer({ cert: await readFile(state.CERT), key: await readFile(state.KEY) }, (client) => {
    const back = net.connect(Number(state.SMTP_PORT), '127.0.0.1');
    for (const [from, to] of [[client, back], [back, client]]) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => sockets.delete(from) && to.destroy());
      from.pipe(to);
    }
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: server.address().port, close: () => { server.close(); for (const s of sockets) s.destroy(); } };
}

/** Hands a mail over as a program would: raw, so that nothing of ours builds what is to be read by us. */
export async function send(port, { from, to, subject = '', text = '', headers = [], raw }) {
  const mail = raw ?? [`From: ${from}`, `To: ${to}`, ...(subject ? [`Subject: ${subject}`] : []), `Date: ${new Date().toUTCString()}`, ...headers, '', ...text.split('\n'), ''].join('\r\n');
  const socket = net.connect(port, '127.0.0.1');
  const bare = (s) => /<([^>]*)>/.exec(s)?.[1] ?? s;
  let got = '';
  socket.setEncoding('utf8');
  socket.on('data', (d) => (got += d));
  const reply = async (want) => {
    for (;;) {
      const last = /^(\d{3}) .*\r\n$/m.exec(got);
      if (last && got.endsWith('\r\n')) {
        const text = got;
        got = '';
        if (!String(last[1]).startsWith(want)) throw new Error(`SMTP: ${text}`);
        return;
      }
      await once(socket, 'data');
    }
  };
  const say = async (line, want = '2') => {
    socket.write(`${line}\r\n`);
    await reply(want);
  };
  await reply('2');
  await say('EHLO client.test');
  await say(`MAIL FROM:<${bare(from)}>`);
  await say(`RCPT TO:<${bare(to)}>`);
  await say('DATA', '3');
  await say(`${mail.replace(/^\./gm, '..')}\r\n.`.replace(/(\r\n)+\.$/, '\r\n.'));
  await say('QUIT');
  socket.destroy();
}

/** What lies in a mailbox, as {headers, body, raw}; header names in lower case. */
async function inbox(maildir) {
  const mails = [];
  for (const part of ['new', 'cur']) {
    const names = await readdir(path.join(maildir, part)).catch(() => []);
    for (const name of names.sort()) {
      const raw = await readFile(path.join(maildir, part, name), 'utf8').catch(() => null);
      if (raw !== null) mails.push(parse(raw));
    }
  }
  return mails;
}

function parse(raw) {
  const text = raw.replaceAll('\r\n', '\n');
  const at = text.indexOf('\n\n');
  const headers = {};
  for (const line of text.slice(0, at).replace(/\n[ \t]+/g, ' ').split('\n')) {
    const [name, value] = line.split(/:\s*(.*)/s);
    headers[name.toLowerCase()] ??= value;
  }
  let body = text.slice(at + 2);
  if (/quoted-printable/i.test(headers['content-transfer-encoding'] ?? '')) body = unquote(body);
  return { headers, body, raw: text };
}

export function unquote(s) {
  return Buffer.from(s.replace(/=\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16))), 'latin1').toString('utf8');
}
