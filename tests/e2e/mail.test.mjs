// SPDX-License-Identifier: Apache-2.0
// E-mail on the real program with real servers: OpenSMTPD takes and delivers, Dovecot is read.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { mailNeeds, startMail } from '../support/mail.mjs';
import { client, ENGINES, newInstallation, until } from '../support/prosa.mjs';

const newId = (() => {
  let n = 0;
  return () => `${++n}.${process.pid}.${Date.now()}@example.test`;
})();

for (const engine of ENGINES) {
  describe(`e-mail on ${engine}`, { skip: mailNeeds }, () => {
    let mail, installation, node, api, account, ana;

    before(async () => {
      mail = await startMail();
      installation = await newInstallation(engine, { PROSA_CA_FILE: mail.CERT, PROSA_OUTBOUND: 'all', PROSA_PUBLIC_URL: 'https://prosa.test' });
      await installation.cli('tenant', 'add', 'acme');
      account = await installation.cli(
        'provider', 'add', 'acme', 'email', '--address', 'vendas@loja.test',
        '--set', 'from_name=Loja São João', '--set', 'smtp_host=localhost', '--set', `smtp_port=${mail.smtpsPort}`, '--set', 'smtp_security=tls',
        '--set', 'imap_host=localhost', '--set', `imap_port=${mail.imapsPort}`, '--set', 'imap_security=tls', '--set', 'imap_user=vendas@loja.test',
        '--set', 'imap_poll_s=5', '--set', 'pair_interval_ms=0', '--secret', 'imap_password=secret',
      );
      const key = await installation.cli('key', 'add', 'acme', '--scope', '*');
      node = await installation.serve();
      api = client(node.url, key.key);
      await api.put('/api/v1/bot', { debounce_ms: 1000, debounce_cap_ms: 3000 });
      ana = newId();
    });
    after(async () => {
      if (node) await node.kill();
      await installation?.remove();
      await mail?.close();
    });

    const conversationOf = (name) => until(async () => { await new Promise((done) => setTimeout(done, 200)); return (await api.get('/api/v1/conversations?limit=500')).data.find((c) => c.lead.name === name); }, `a conversation with ${name}`, 30000);
    // Slowly: what is waited for takes seconds, and the API counts.
    const messagesOf = async (c) => {
      await new Promise((done) => setTimeout(done, 200));
      return (await api.get(`/api/v1/conversations/${c.id}/messages?limit=500`)).data;
    };
    const arrived = (user, what, describe) => until(async () => (await mail.inbox(user)).find(what), describe, 30000);

    test('the credentials of both servers can be tried', async () => {
      assert.equal((await api.post(`/api/v1/providers/${account.id}/test`)).result, 'ok');
      await api.patch(`/api/v1/providers/${account.id}`, { secrets: { imap_password: 'wrong' } });
      const refused = await api.post(`/api/v1/providers/${account.id}/test`);
      assert.equal(refused.result, 'refused');
      assert.equal(refused.cause, 'imap-login');
      await api.patch(`/api/v1/providers/${account.id}`, { secrets: { imap_password: 'secret' } });
    });

    test('a mail is answered by the bot below it, in the same thread', async () => {
      await mail.send({ from: 'Ana Souza <ana@example.test>', to: 'vendas@loja.test', subject: '=?utf-8?q?Or=C3=A7amento?=', headers: [`Message-ID: <${ana}>`, 'References: <older@example.test>'], text: 'Olá, bom dia!' });
      const c = await conversationOf('Ana Souza');
      const answer = await arrived('ana', (m) => m.headers['in-reply-to'] === `<${ana}>`, 'an answer');
      assert.equal(answer.headers.subject.includes('Re:'), true);
      assert.equal(answer.headers.references, `<older@example.test> <${ana}>`);
      assert.match(answer.headers.from, /vendas@loja\.test/);
      assert.equal(answer.headers['auto-submitted'], 'auto-replied');
      const out = await until(async () => (await messagesOf(c)).find((m) => m.direction === 'out' && m.status === 'sent'), 'the answer is sent');
      assert.equal(answer.headers['message-id'], `<m.${out.id}@loja.test>`);
      assert.equal((await messagesOf(c))[0].content.subject, 'Orçamento');
    });

    test('the answer to an answer lands in the same conversation, without the history', async () => {
      const c = await conversationOf('Ana Souza');
      await api.post(`/api/v1/conversations/${c.id}/take`).catch(() => api.post(`/api/v1/conversations/${c.id}/handoff`));
      const ours = (await mail.inbox('ana'))[0];
      await mail.send({ from: 'Ana <ana.souza@example.test>', to: 'vendas@loja.test', subject: 'Re: x', headers: [`Message-ID: <${newId()}>`, `In-Reply-To: ${ours.headers['message-id']}`], text: 'Quero dois.\n\nEm seg., 3 de nov. de 2025 às 10:12, Loja <vendas@loja.test> escreveu:\n> Olá!\n> Como podemos ajudar?' });
      const m = await until(async () => (await messagesOf(c)).find((x) => x.text === 'Quero dois.'), 'the answer, without its history', 30000);
      assert.match(m.content.quoted, /Como podemos ajudar/);
      assert.equal((await api.get('/api/v1/conversations?limit=500')).data.filter((x) => x.lead.id === c.lead.id).length, 1);
    });

    test('files come and go', async () => {
      const id = newId();
      const boundary = 'x-1';
      const raw = [`From: Bia Lima <bia@example.test>`, 'To: vendas@loja.test', 'Subject: Contrato', `Message-ID: <${id}>`, 'MIME-Version: 1.0', `Content-Type: multipart/mixed; boundary="${boundary}"`, '',
        `--${boundary}`, 'Content-Type: text/plain; charset=iso-8859-1', 'Content-Transfer-Encoding: quoted-printable', '', 'Segue a c=F3pia assinada.',
        `--${boundary}`, 'Content-Type: application/pdf', `Content-Disposition: attachment; filename*=utf-8''c%C3%B3pia.pdf`, 'Content-Transfer-Encoding: base64', '', Buffer.from('%PDF-1.4\nx').toString('base64'), `--${boundary}--`, ''].join('\r\n');
      await mail.send({ from: 'bia@example.test', to: 'vendas@loja.test', raw });
      const c = await conversationOf('Bia Lima');
      const [text, file] = await until(async () => { const all = (await messagesOf(c)).filter((m) => m.direction === 'in'); return all.length === 2 && all; }, 'text and file');
      assert.equal(text.text, 'Segue a cópia assinada.');
      assert.equal(file.type, 'document');
      assert.equal(file.media.state, 'ready');
      assert.equal(file.media.file_name, 'cópia.pdf');
      const key = (await installation.cli('key', 'add', 'acme', '--scope', '*')).key;
      const bytes = await (await fetch(`${node.url}/api/v1/media/${file.media.id}`, { headers: { Authorization: `Bearer ${key}` } })).text();
      assert.equal(bytes, '%PDF-1.4\nx');
      const up = await (await fetch(`${node.url}/api/v1/media`, { method: 'POST', headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/pdf', 'X-Filename': 'proposta.pdf' }, body: '%PDF-1.4\ny' })).json();
      await api.post(`/api/v1/conversations/${c.id}/messages`, { type: 'document', content: { media: { id: up.id }, caption: 'Nossa proposta' } });
      const got = await arrived('bia', (m) => m.raw.includes('proposta.pdf'), 'a mail with the file');
      assert.ok(got.raw.includes(Buffer.from('%PDF-1.4\ny').toString('base64')));
      assert.ok(got.raw.includes('Nossa proposta'));
      assert.equal(got.headers['in-reply-to'], `<${id}>`);
    });

    test('an absence note opens no talk with the bot', async () => {
      const before = (await mail.inbox('bia')).length;
      await mail.send({ from: 'Bia Lima <bia@example.test>', to: 'vendas@loja.test', subject: 'Resposta automática: Contrato', headers: [`Message-ID: <${newId()}>`, 'Auto-Submitted: auto-replied'], text: 'Estou de férias.' });
      const c = await conversationOf('Bia Lima');
      const note = await until(async () => (await messagesOf(c)).find((m) => m.text === 'Estou de férias.'), 'the note', 30000);
      assert.equal(note.content.is_auto, true);
      const { data: turns } = await api.get(`/api/v1/conversations/${c.id}/turns`);
      assert.equal(turns.length <= 1, true);
      assert.equal((await mail.inbox('bia')).length, before);
    });

    test('what comes back as a bounce has failed, with the reason', async () => {
      await mail.send({ from: 'Caio Reis <caio@gone.test>', to: 'vendas@loja.test', subject: 'oi', headers: [`Message-ID: <${newId()}>`], text: 'quero saber o preço' });
      const c = await conversationOf('Caio Reis');
      const out = await until(async () => (await messagesOf(c)).find((m) => m.direction === 'out' && m.status === 'failed'), 'the answer came back', 40000);
      assert.match(JSON.stringify(out), /5\.3\.0/);
    });

    test('a server that refuses a recipient fails the message at once', async () => {
      await mail.send({ from: 'Duda Paz <nobody@example.test>', to: 'vendas@loja.test', subject: 'oi', headers: [`Message-ID: <${newId()}>`], text: 'olá' });
      const c = await conversationOf('Duda Paz');
      const out = await until(async () => (await messagesOf(c)).find((m) => m.direction === 'out' && m.status === 'failed'), 'the refusal', 30000);
      assert.match(out.error.reason, /nobody@example.test/);
    });

    test('a campaign goes out once, with a link by which the person leaves for good', async () => {
      const bia = (await conversationOf('Bia Lima')).lead.id;
      await api.put('/api/v1/settings/quiet-hours', { is_on: false });
      await api.post('/api/v1/templates', { channel: 'email', name: 'oferta', language: 'pt_BR', subject: 'Oferta de açaí', body: 'Só hoje, com desconto.', html: '<p>Só <b>hoje</b>, com desconto.</p>' });
      const run = async (name) => {
        const d = await api.post('/api/v1/dispatches', { name, audience: { leads: [bia] }, channels: [{ channel: 'email', template: 'oferta' }] });
        await api.post(`/api/v1/dispatches/${d.id}/plan`).catch((e) => assert.equal(e.status, 409));
        const state = (...wanted) => until(async () => { await new Promise((done) => setTimeout(done, 200)); const now = await api.get(`/api/v1/dispatches/${d.id}`); return wanted.includes(now.state) && now; }, wanted.join(), 30000);
        await state('planned');
        await api.post(`/api/v1/dispatches/${d.id}/start`);
        await state('done');
        return (await api.get(`/api/v1/dispatches/${d.id}/recipients`)).data;
      };
      const [row] = await run('primeira');
      assert.equal(row.state, 'sent', JSON.stringify(row));
      const got = await arrived('bia', (m) => m.headers['message-id'] === `<r.${row.id}@loja.test>`, 'the campaign');
      assert.match(got.raw, /multipart\/alternative/);
      assert.equal(got.headers['list-unsubscribe-post'], 'List-Unsubscribe=One-Click');
      const token = /<https:\/\/prosa\.test\/unsubscribe\/([A-Za-z0-9_-]+)>/.exec(got.headers['list-unsubscribe'])[1];
      assert.match(await (await fetch(`${node.url}/unsubscribe/${token}`)).text(), /<form method="post">/);
      const res = await fetch(`${node.url}/unsubscribe/${token}`, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: 'List-Unsubscribe=One-Click' });
      assert.equal(res.status, 200);
      const [again] = await run('segunda');
      assert.equal(again.state, 'excluded');
      assert.match(again.block_reason, /opted-out/);
    });

    test('a made-up link to leave by opens nothing', async () => {
      for (const token of ['x', 'A'.repeat(86)])
        for (const method of ['GET', 'POST']) {
          const res = await fetch(`${node.url}/unsubscribe/${token}`, { method });
          assert.equal(res.status, 404);
          assert.match(res.headers.get('content-type'), /text\/html/);
        }
    });

    test('killed at any moment, every mail takes effect once', async () => {
      const N = 12;
      for (let i = 0; i < N; i++) {
        await mail.send({ from: `Cliente ${i} <c${i}@example.test>`, to: 'vendas@loja.test', subject: `n ${i}`, headers: [`Message-ID: <${newId()}>`, 'Auto-Submitted: auto-generated'], text: `pedido ${i}` });
        if (i % 3 === 2) {
          await node.kill('SIGKILL');
          node = await installation.serve();
          api = client(node.url, (await installation.cli('key', 'add', 'acme', '--scope', '*')).key);
        }
      }
      const seen = await until(async () => { const all = (await api.allMessages()).filter((m) => m.direction === 'in' && /^pedido \d+$/.test(m.text)); return all.length >= N && all; }, 'all mails', 60000);
      assert.deepEqual(seen.map((m) => m.text).sort(), Array.from({ length: N }, (_, i) => `pedido ${i}`).sort());
    });
  });
}
