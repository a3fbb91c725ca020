// SPDX-License-Identifier: Apache-2.0
// The simulated mail server beside programs that know nothing of us: Python's standard library and curl.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import net from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { send } from '../support/mail.mjs';

const BIN = path.resolve(process.env.PROSA_BIN ?? 'build/release/prosa');
const lacks = (program, ...args) => (spawnSync(program, args).status === 0 ? false : `no ${program} here`);

describe('the simulated mail server', () => {
  let sim, about;
  const ask = async (what, body) => {
    const res = await fetch(about.address + what, body === undefined ? {} : { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
    return { status: res.status, body: await res.json() };
  };
  const inbox = async (to) => (await ask(`/sim/mails?to=${encodeURIComponent(to)}`)).body.data;
  const mail = (to, subject, text) => send(about.smtp_port, { from: 'loja@example.test', to, subject, text });

  before(async () => {
    sim = spawn(BIN, ['sim', '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
    about = JSON.parse(await new Promise((done) => sim.stdout.once('data', done)));
  });
  after(async () => {
    const ended = new Promise((done) => sim.once('exit', done));
    sim.kill('SIGTERM');
    assert.equal(await ended, 0);
  });

  test('what it takes is shown to those it was sent to, and to nobody else', async () => {
    await mail('Ana@Example.test', 'oi', '.um\n..dois\nfim');
    const [got, ...rest] = await inbox('ana@example.test');
    assert.equal(rest.length, 0);
    assert.equal(got.subject, 'oi');
    assert.equal((await ask(`/sim/mail?id=${got.id}`)).body.text, '.um\n..dois\nfim');
    assert.deepEqual(await inbox('bia@example.test'), []);
    assert.equal((await ask('/sim/mail?id=99999')).status, 404);
  });

  test('it refuses, defers and cuts when told to, so often and no more', async () => {
    for (const [step, reply, says] of [['rcpt', '550 5.1.1 nobody', /550 5\.1\.1/], ['mail', '451 4.3.0 later', /451/], ['data', '452 4.3.1 full', /452/], ['end', '554 5.7.1 spam', /554/]]) {
      assert.equal((await ask('/sim/mail/behaviour', { step, reply, times: 1 })).status, 200);
      await assert.rejects(mail('caio@example.test', 'x', 'x'), says);
    }
    await mail('caio@example.test', 'agora', 'sim');
    assert.deepEqual((await inbox('caio@example.test')).map((m) => m.subject), ['agora']);
    assert.equal((await ask('/sim/mail/behaviour', { step: 'rcpt', reply: 'what?' })).status, 400);
    assert.equal((await ask('/sim/mail/behaviour', { step: 'tea', reply: '' })).status, 400);
  });

  test("Python's smtplib and imaplib send, log in, search and read", { skip: lacks('python3', '--version') }, () => {
    const script = `
import imaplib, smtplib, sys
from email.message import EmailMessage
from email import message_from_bytes, policy
m = EmailMessage(); m['From'] = 'loja@example.test'; m['To'] = 'rui@example.test'; m['Subject'] = 'Ol\\u00e1, a\\u00e7a\\u00ed'; m.set_content('linha\\n.ponto\\n')
with smtplib.SMTP('127.0.0.1', int(sys.argv[1])) as s:
    s.login('any', 'thing'); s.send_message(m); s.send_message(m)
box = imaplib.IMAP4('127.0.0.1', int(sys.argv[2])); box.login('rui@example.test', 'x')
assert box.select('INBOX') == ('OK', [b'2']), 'select'
assert box.search(None, 'UNSEEN')[1] == [b'1 2'], 'unseen'
uids = box.uid('SEARCH', 'ALL')[1][0].split()
assert len(uids) == 2 and int(uids[0]) < int(uids[1]), 'uids'
sizes = box.uid('FETCH', '1:*', '(RFC822.SIZE FLAGS)')[1]
assert len(sizes) == 2 and b'RFC822.SIZE' in sizes[0], 'sizes'
got = message_from_bytes(box.uid('FETCH', uids[1], '(BODY.PEEK[])')[1][0][1], policy=policy.default)
assert got['Subject'] == m['Subject'] and got.get_content().replace('\\r', '') == 'linha\\n.ponto\\n', 'text'
assert box.search(None, 'UNSEEN')[1] == [b'1 2'], 'peeked'
box.fetch('1', '(RFC822)')
assert box.search(None, 'UNSEEN')[1] == [b'2'], 'seen'
box.close(); box.logout()
other = imaplib.IMAP4('127.0.0.1', int(sys.argv[2])); other.login('caia@example.test', 'x')
assert other.select('INBOX') == ('OK', [b'0']), 'another one'
other.logout()
`;
    const run = spawnSync('python3', ['-c', script, String(about.smtp_port), String(about.imap_port)], { encoding: 'utf8', timeout: 30000 });
    assert.equal(run.status, 0, run.stderr);
  });

  test('curl sends and fetches', { skip: lacks('curl', '--version') }, () => {
    const raw = 'From: a@example.test\r\nSubject: curl\r\n\r\nda linha de comando\r\n';
    const sent = spawnSync('curl', ['-s', '--url', `smtp://127.0.0.1:${about.smtp_port}`, '--mail-from', 'a@example.test', '--mail-rcpt', 'curl@example.test', '-T', '-'], { input: raw, timeout: 20000 });
    assert.equal(sent.status, 0);
    const [, uid] = /SEARCH (\d+)/.exec(spawnSync('curl', ['-s', `imap://127.0.0.1:${about.imap_port}/INBOX`, '-u', 'curl@example.test:x', '-X', 'UID SEARCH ALL'], { encoding: 'utf8', timeout: 20000 }).stdout);
    const got = spawnSync('curl', ['-s', `imap://127.0.0.1:${about.imap_port}/INBOX;UID=${uid}`, '-u', 'curl@example.test:x'], { encoding: 'utf8', timeout: 20000 });
    assert.equal(got.stdout, raw);
  });

  test('many at once are each taken once, and nonsense ends nothing but itself', async () => {
    const socket = net.connect(about.smtp_port, '127.0.0.1');
    const closed = new Promise((done) => socket.on('error', () => {}).on('close', done).resume());
    socket.write('x'.repeat(1 << 20));
    await closed;
    await Promise.all(Array.from({ length: 40 }, (_, i) => mail('muitos@example.test', `n ${i}`, 'x')));
    assert.equal(new Set((await inbox('muitos@example.test')).map((m) => m.subject)).size, 40);
  });
});
