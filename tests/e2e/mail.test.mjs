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
      await api.put('/api/v1/settings/quiet-hours', { is_on: false });
      await api.post('/api/v1/templates', { channel: 'email', name: 'oferta', language: 'pt_BR', subject: 'Oferta de açaí', body: 'Só hoje, com desconto.', html: '<p>Só <b>hoje</b>, com desconto.</p>' });
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

    /** Sends a campaign to the leads; its recipients when it is through. */
    const campaign = async (name, leads) => {
      const d = await api.post('/api/v1/dispatches', { name, audience: { leads }, channels: [{ channel: 'email', template: 'oferta' }] });
      await api.post(`/api/v1/dispatches/${d.id}/plan`).catch((e) => assert.equal(e.status, 409));
      const state = (...wanted) => until(async () => { await new Promise((done) => setTimeout(done, 200)); const now = await api.get(`/api/v1/dispatches/${d.id}`); return wanted.includes(now.state) && now; }, wanted.join(), 30000);
      await state('planned');
      await api.post(`/api/v1/dispatches/${d.id}/start`);
      await state('done');
      return (await api.get(`/api/v1/dispatches/${d.id}/recipients`)).data;
    };
    const recipient = (r, what, wanted) => until(async () => { await new Promise((done) => setTimeout(done, 200)); const now = (await api.get(`/api/v1/dispatches/${r.dispatch_id}/recipients`)).data.find((x) => x.id === r.id); return wanted(now) && now; }, what, 30000);
    const newLead = async (name, email) => (await api.post('/api/v1/leads', { name, emails: [email] })).id;
    /** What a mail server writes that could not deliver a mail of ours. */
    const bounce = (id, to, action, status) => mail.send({ from: '<>', to: 'vendas@loja.test', raw: [
      'From: Mail Delivery System <MAILER-DAEMON@mail.test>', 'To: vendas@loja.test', 'Subject: Undelivered Mail Returned to Sender', `Message-ID: <${newId()}>`, 'Auto-Submitted: auto-replied', 'MIME-Version: 1.0',
      'Content-Type: multipart/report; report-type=delivery-status; boundary="b"', '', '--b', 'Content-Type: text/plain', '', 'Your mail could not be delivered.',
      '--b', 'Content-Type: message/delivery-status', '', 'Reporting-MTA: dns; mail.test', '', `Final-Recipient: rfc822; ${to}`, `Action: ${action}`, `Status: ${status}`, `Diagnostic-Code: smtp; 550 ${status} what the server said`,
      '--b', 'Content-Type: message/rfc822', '', 'From: vendas@loja.test', `To: ${to}`, `Message-ID: <${id}>`, 'Subject: Oferta', '', 'x', '--b--', ''].join('\r\n') });

    test('the credentials of both servers can be tried', async () => {
      const tried = await api.post(`/api/v1/providers/${account.id}/test`);
      assert.deepEqual([tried.result, tried.found.name], ['ok', account.address]);
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
      const bia = await newLead('Bia Campanha', 'bia@example.test');
      const [row] = await campaign('primeira', [bia]);
      assert.equal(row.state, 'sent', JSON.stringify(row));
      const got = await arrived('bia', (m) => m.headers['message-id'] === `<r.${row.id}@loja.test>`, 'the campaign');
      assert.match(got.raw, /multipart\/alternative/);
      assert.equal(got.headers['list-unsubscribe-post'], 'List-Unsubscribe=One-Click');
      const token = /<https:\/\/prosa\.test\/unsubscribe\/([A-Za-z0-9_-]+)>/.exec(got.headers['list-unsubscribe'])[1];
      assert.match(await (await fetch(`${node.url}/unsubscribe/${token}`)).text(), /<form method="post">/);
      const res = await fetch(`${node.url}/unsubscribe/${token}`, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: 'List-Unsubscribe=One-Click' });
      assert.equal(res.status, 200);
      const [again] = await campaign('segunda', [bia]);
      assert.equal(again.state, 'excluded');
      assert.match(again.block_reason, /opted-out/);
    });

    test('a campaign that comes back fails with the reason; who does not exist is not written to again', async () => {
      const leads = [];
      for (const [name, user] of [['Sem Caixa', 'ana+1'], ['Cheia', 'ana+2'], ['Demora', 'ana+3']]) leads.push(await newLead(name, `${user}@example.test`));
      const rows = await campaign('volta', leads);
      const [gone, full, late] = leads.map((id) => rows.find((r) => r.lead_id === id));
      for (const r of rows) assert.equal(r.state, 'sent', JSON.stringify(r));
      await bounce(`r.${gone.id}@loja.test`, 'ana+1@example.test', 'failed', '5.1.1');
      await bounce(`r.${full.id}@loja.test`, 'ana+2@example.test', 'failed', '5.2.2');
      await bounce(`r.${late.id}@loja.test`, 'ana+3@example.test', 'delayed', '4.4.1');
      // A report on a mail of ours about somebody whom it did not go to closes nobody's address.
      await bounce(`r.${gone.id}@loja.test`, 'ana+3@example.test', 'failed', '5.1.1');
      const failed = await recipient(gone, 'the bounce', (r) => r.state === 'failed');
      assert.match(failed.error_reason, /5\.1\.1 what the server said/);
      await recipient(full, 'the bounce of a full mailbox', (r) => r.state === 'failed');
      const again = await campaign('de novo', leads);
      const reasons = Object.fromEntries(again.map((r) => [r.lead_id, r.state === 'sent' ? 'sent' : JSON.stringify(r)]));
      assert.match(reasons[leads[0]], /bounced/);
      assert.equal(reasons[leads[1]], 'sent');
      assert.match(reasons[leads[2]], /other-campaign/); // that is: not bounced
    });

    test('answers to a campaign come with what was said; an absence note is no answer', async () => {
      const leads = [await newLead('Rita Fora', 'ana+4@example.test'), await newLead('Rui Responde', 'ana+5@example.test')];
      const rows = await campaign('respostas', leads);
      const [away, back] = leads.map((id) => rows.find((r) => r.lead_id === id));
      await mail.send({ from: 'ana+4@example.test', to: 'vendas@loja.test', subject: 'Fora do escritório', headers: [`Message-ID: <${newId()}>`, `In-Reply-To: <r.${away.id}@loja.test>`, 'Auto-Submitted: auto-replied'], text: 'Volto na segunda. Para sair da lista, responda SAIR.' });
      // From another address of the same person, known only by what it answers.
      await mail.send({ from: 'Rui em casa <rui.casa@example.test>', to: 'vendas@loja.test', subject: 'Re: Oferta de açaí', headers: [`Message-ID: <${newId()}>`, `In-Reply-To: <r.${back.id}@loja.test>`], text: 'Quanto custa?' });
      const replied = await recipient(back, 'the answer is counted', (r) => r.replied_at);
      assert.equal(replied.lead_id, leads[1]);
      const [ruis, ritas] = await until(async () => {
        await new Promise((done) => setTimeout(done, 200));
        const all = (await api.get('/api/v1/conversations?limit=500')).data;
        const found = [leads[1], leads[0]].map((id) => all.find((c) => c.lead.id === id));
        return found.every(Boolean) && found;
      }, 'both conversations', 30000);
      const said = await messagesOf(ruis);
      assert.equal(said[0].direction, 'out');
      assert.match(said[0].text, /Só hoje/);
      assert.equal(said[1].text, 'Quanto custa?');
      const note = (await messagesOf(ritas)).find((m) => m.direction === 'in');
      assert.equal(note.content.is_auto, true);
      assert.equal((await recipient(away, 'the note', () => true)).replied_at ?? null, null);
      assert.deepEqual((await api.get(`/api/v1/conversations/${ritas.id}/turns`)).data, []);
      const rita = await api.get(`/api/v1/leads/${leads[0]}`);
      assert.equal(rita.state, 'contacting');
      assert.equal(rita.marketing_stopped_at ?? null, null);
    });

    test('the mail that a mail program writes to leave is an opt-out with its proof, from whatever address', async () => {
      const lead = await newLead('Lia Sai', 'ana+6@example.test');
      const [row] = await campaign('saída', [lead]);
      const got = await arrived('ana', (m) => m.headers['message-id'] === `<r.${row.id}@loja.test>`, 'the campaign');
      const mailto = /<mailto:vendas@loja\.test\?subject=([^>]+)>/.exec(got.headers['list-unsubscribe']);
      const subject = decodeURIComponent(mailto[1]);
      assert.match(subject, /^unsubscribe [A-Za-z0-9_-]{80,}$/);
      await mail.send({ from: 'Lia <lia.trabalho@example.test>', to: 'vendas@loja.test', subject, headers: [`Message-ID: <${newId()}>`], text: 'This message was automatically generated.' });
      await until(async () => { await new Promise((done) => setTimeout(done, 200)); return (await api.get(`/api/v1/leads/${lead}`)).marketing_stopped_at; }, 'the opt-out', 30000);
      const { data: acts } = await api.get(`/api/v1/leads/${lead}/consents`);
      assert.equal(acts[0].source, 'list-unsubscribe');
      assert.equal(acts[0].channel, 'email');
      assert.ok(acts[0].message_id);
      const [again] = await campaign('depois da saída', [lead]);
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
