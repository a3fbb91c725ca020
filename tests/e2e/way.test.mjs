// SPDX-License-Identifier: Apache-2.0
// The whole way on the real program: a message comes in, is stored, answered, sent once, and its status comes back.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import WebSocket from 'ws';
import { message, messageCall, post, startGraph, statusCall } from '../support/graph.mjs';
import { client, ENGINES, newInstallation, openTransaction, PHONE_NUMBER_ID, seed, until } from '../support/prosa.mjs';

let phones = 0;
const newPhone = () => `55119${String(81000000 + ++phones)}`;
const newId = (() => {
  let n = 0;
  return () => `wamid.in.${process.pid}.${++n}`;
})();

for (const engine of ENGINES) {
  describe(`the whole way on ${engine}`, () => {
    let graph, installation, node, api, hook, key;

    before(async () => {
      graph = await startGraph();
      installation = await newInstallation(engine);
      const seeded = await seed(installation, graph.url);
      node = await installation.serve();
      key = seeded.key;
      api = client(node.url, key);
      hook = `${node.url}/webhooks/meta`;
      graph.webhook = hook;
      await api.put('/api/v1/bot', { debounce_ms: 1000, debounce_cap_ms: 3000 });
    });
    after(async () => {
      if (node) await node.kill();
      await installation?.remove();
      await graph?.close();
    });

    const conversationOf = (phone) =>
      until(async () => (await api.get('/api/v1/conversations?limit=500')).data.find((c) => c.lead.phone === phone), `a conversation with ${phone}`);
    const messagesOf = async (c) => (await api.get(`/api/v1/conversations/${c.id}/messages?limit=500`)).data;
    const repliesTo = (phone) => graph.accepted.filter((s) => s.to === `+${phone}`);
    const say = async (phone, ...texts) => {
      for (const text of texts) assert.equal((await post(hook, messageCall([message(newId(), phone, text)]))).status, 200);
    };

    test('a message is answered by the script and its statuses come back', async () => {
      const phone = newPhone();
      graph.statuses = ['sent', 'delivered', 'read'];
      await say(phone, 'oi');
      const c = await conversationOf(phone);
      const out = await until(async () => (await messagesOf(c)).find((m) => m.direction === 'out' && m.status === 'read'), 'the reply is read');
      graph.statuses = [];
      assert.equal(out.owner, 'bot');
      assert.equal(out.type, 'buttons');
      assert.equal(repliesTo(phone).length, 1);
      assert.equal(repliesTo(phone)[0].correlation, out.id);
    });

    test('a burst is one turn and one answer', async () => {
      const phone = newPhone();
      await say(phone, 'oi', 'quero saber', 'o preço do plano');
      const c = await conversationOf(phone);
      await until(() => repliesTo(phone).length > 0, 'an answer');
      const { data: turns } = await api.get(`/api/v1/conversations/${c.id}/turns`);
      assert.equal(turns.filter((t) => t.outcome === 'answered').length, 1);
      assert.equal(turns[0].trace.saw.inbound, 3);
      assert.equal(repliesTo(phone).length, 1);
    });

    test('the same call twice, and twice in one batch, has one effect', async () => {
      const phone = newPhone();
      const m = message(newId(), phone, 'oi');
      const call = messageCall([m, m]);
      for (let i = 0; i < 3; i++) assert.equal((await post(hook, call)).status, 200);
      const c = await conversationOf(phone);
      await until(() => repliesTo(phone).length > 0, 'an answer');
      const { data: raw } = await until(async () => {
        const page = await api.get('/api/v1/inbox?limit=500');
        return page.data.every((r) => r.state === 'done') && page;
      }, 'all calls are done');
      assert.ok(raw.length >= 3);
      assert.equal((await messagesOf(c)).filter((x) => x.direction === 'in').length, 1);
      assert.equal(repliesTo(phone).length, 1);
    });

    test('every message of a batch over many people is stored, in order', async () => {
      const people = Array.from({ length: 20 }, newPhone);
      const all = [];
      for (let i = 0; i < 5; i++) for (const p of people) all.push(message(newId(), p, `linha ${i}`));
      assert.equal((await post(hook, messageCall(all))).status, 200);
      for (const p of people) {
        const c = await conversationOf(p);
        const lines = await until(async () => {
          const got = (await messagesOf(c)).filter((m) => m.direction === 'in').map((m) => m.text);
          return got.length === 5 && got;
        }, 'five lines');
        assert.deepEqual(lines, ['linha 0', 'linha 1', 'linha 2', 'linha 3', 'linha 4']);
      }
    });

    test('statuses in any order end in the same state', async () => {
      const orders = [['read', 'delivered', 'sent'], ['delivered', 'read', 'sent'], ['failed', 'read', 'delivered'], ['read', 'failed', 'failed']];
      for (const order of orders) {
        const phone = newPhone();
        await say(phone, 'oi');
        const c = await conversationOf(phone);
        await until(() => repliesTo(phone).length > 0, 'an answer');
        for (const word of order) await post(hook, statusCall(repliesTo(phone)[0], word));
        await until(async () => (await messagesOf(c)).some((m) => m.direction === 'out' && m.status === 'read'), `read after ${order}`);
        await until(async () => (await api.get('/api/v1/inbox?state=received')).data.length === 0, 'all calls are done');
        assert.equal((await messagesOf(c)).find((m) => m.direction === 'out').status, 'read');
      }
    });

    test('a send whose answer was cut off is uncertain, not repeated, and settled by its status', async () => {
      const phone = newPhone();
      graph.cutRate = 1;
      await say(phone, 'oi');
      const c = await conversationOf(phone);
      const out = await until(async () => (await messagesOf(c)).find((m) => m.status === 'uncertain'), 'the send is uncertain');
      graph.cutRate = 0;
      assert.equal(repliesTo(phone).length, 1);
      await post(hook, statusCall(repliesTo(phone)[0], 'delivered'));
      const settled = await until(async () => (await messagesOf(c)).find((m) => m.id === out.id && m.status === 'delivered'), 'settled by the status');
      assert.equal(settled.provider_message_id, repliesTo(phone)[0].id);
      assert.equal(repliesTo(phone).length, 1);
    });

    test('a person decides about an uncertain send', async () => {
      const phone = newPhone();
      graph.cutRate = 1;
      await say(phone, 'oi');
      const c = await conversationOf(phone);
      const out = await until(async () => (await messagesOf(c)).find((m) => m.status === 'uncertain'), 'the send is uncertain');
      graph.cutRate = 0;
      await api.post(`/api/v1/messages/${out.id}/settle`, { how: 'resend' });
      await until(async () => (await messagesOf(c)).find((m) => m.id === out.id && m.status === 'sent'), 'sent again');
      assert.equal(repliesTo(phone).length, 2);
      await assert.rejects(api.post(`/api/v1/messages/${out.id}/settle`, { how: 'failed' }), { status: 409 });
    });

    test('error codes decide between trying again, giving up and asking', async () => {
      const once = newPhone();
      let left = 1;
      graph.refuse = (body) => (body.to === `+${once}` && left-- > 0 ? { status: 500, code: 131016 } : null);
      await say(once, 'oi');
      const again = await conversationOf(once);
      await until(async () => (await messagesOf(again)).some((m) => m.status === 'sent'), 'sent at the second try');
      assert.equal(repliesTo(once).length, 1);

      const never = newPhone();
      graph.refuse = (body) => (body.to === `+${never}` ? { status: 400, code: 131026 } : null);
      await say(never, 'oi');
      const refused = await until(async () => (await messagesOf(await conversationOf(never))).find((m) => m.status === 'failed'), 'given up');
      graph.refuse = null;
      assert.equal(refused.error.code, 131026);
      assert.ok(refused.error.reason.length > 10);
      assert.equal(repliesTo(never).length, 0);
    });

    test('the bot is silent once a person has taken over, and answers again when given back', async () => {
      const phone = newPhone();
      await say(phone, 'oi');
      const c = await conversationOf(phone);
      const taken = await api.post(`/api/v1/conversations/${c.id}/take`);
      assert.equal(taken.owner, 'person');
      await say(phone, 'tem alguém aí?');
      const sent = await api.post(`/api/v1/conversations/${c.id}/messages`, { text: 'Oi, aqui é a Bia.', client_id: 'c-1' });
      const repeat = await api.post(`/api/v1/conversations/${c.id}/messages`, { text: 'Oi, aqui é a Bia.', client_id: 'c-1' });
      assert.equal(sent.id, repeat.id);
      await until(() => repliesTo(phone).length > 0, 'the reply of the person');
      await say(phone, 'obrigado');
      const released = await api.post(`/api/v1/conversations/${c.id}/release`);
      assert.equal(released.owner, 'bot');
      await until(async () => (await messagesOf(c)).some((m) => m.owner === 'bot' && m.status === 'sent'), 'the bot answers again');
      const said = (await messagesOf(c)).filter((m) => m.direction === 'out');
      assert.deepEqual(said.map((m) => m.owner), ['person', 'bot']);
    });

    test('asking for a person hands over with a reason', async () => {
      const phone = newPhone();
      await say(phone, 'quero falar com um atendente');
      const c = await until(async () => {
        const now = await conversationOf(phone);
        return now.state === 'waiting_agent' && now;
      }, 'it waits for a person');
      assert.equal(c.owner, 'none');
      assert.ok(c.handoff_reason);
      await until(() => repliesTo(phone).length === 1, 'the farewell goes out');
      await say(phone, 'oi?');
      await until(async () => (await messagesOf(c)).filter((m) => m.direction === 'in').length === 2, 'stored');
      assert.equal((await api.get(`/api/v1/conversations/${c.id}/turns`)).data.length, 0, 'heard before the bot is asked');
    });

    test('a reply typed on the phone takes the conversation over', async () => {
      const phone = newPhone();
      await say(phone, 'oi');
      const c = await conversationOf(phone);
      const value = { messaging_product: 'whatsapp', metadata: { display_phone_number: '551130000100', phone_number_id: PHONE_NUMBER_ID }, message_echoes: [{ from: '551130000100', to: phone, id: newId(), timestamp: String(Math.floor(Date.now() / 1000)), type: 'text', text: { body: 'Já te respondo' } }] };
      await post(hook, { object: 'whatsapp_business_account', entry: [{ id: '41', changes: [{ field: 'smb_message_echoes', value }] }] });
      const now = await until(async () => {
        const x = await api.get(`/api/v1/conversations/${c.id}`);
        return x.owner === 'person' && x;
      }, 'a person owns it');
      assert.equal(now.state, 'assigned');
    });

    test('live updates reach a socket and resume behind its cursor', async () => {
      const phone = newPhone();
      const seen = [];
      const open = (afterCursor) =>
        new Promise((resolve, reject) => {
          const ws = new WebSocket(`${node.url.replace('http', 'ws')}/live${afterCursor ? `?after=${afterCursor}` : ''}`, { headers: { Authorization: `Bearer ${key}` } });
          ws.on('message', (d) => seen.push(JSON.parse(d)));
          ws.on('open', () => resolve(ws));
          ws.on('error', reject);
        });
      const first = await open('');
      await say(phone, 'oi');
      await until(() => seen.some((e) => e.kind === 'message.received' && e.message?.sender === phone), 'the message shows up live');
      const cursor = seen.at(-1).cursor;
      const closed = new Promise((done) => first.on('close', done));
      first.close();
      await closed;
      const other = newPhone();
      await say(other, 'olá');
      await conversationOf(other);
      const before = seen.length;
      const second = await open(cursor);
      await until(() => seen.slice(before).some((e) => e.message?.sender === other), 'what was missed comes after the resume');
      assert.ok(new Set(seen.map((e) => e.id)).size === seen.length, 'no event twice');
      second.close();
    });

    test('paging in order of arrival loses nothing and repeats nothing', async () => {
      const everything = await api.allMessages();
      const paged = [];
      for (let next = ''; ; ) {
        const page = await api.get(`/api/v1/messages?limit=7&after=${next}`);
        paged.push(...page.data.map((m) => m.id));
        next = page.next;
        if (!page.has_more) break;
      }
      assert.deepEqual(paged.slice(0, everything.length), everything.map((m) => m.id));
      assert.equal(new Set(paged).size, paged.length);
    });

    if (engine === 'postgres') {
      test("somebody else's open transaction in another database of the server holds up nothing", async () => {
        const phone = newPhone();
        const foreign = await openTransaction(process.env.PROSA_TEST_POSTGRES_URL);
        try {
          await say(phone, 'oi');
          const c = await conversationOf(phone);
          await until(async () => (await messagesOf(c)).length === 2, 'the message and its answer are in the thread');
          assert.ok((await api.get(`/api/v1/conversations/${c.id}/events`)).data.length > 0);
        } finally {
          await foreign.commit();
        }
      });

      test('an open transaction in our own database delays what is told, answers go out, and nothing is lost', async () => {
        const phone = newPhone();
        const ours = await openTransaction(installation.database);
        try {
          await say(phone, 'oi');
          await until(() => repliesTo(phone).length === 1, 'the bot answers meanwhile');
          const c = await conversationOf(phone);
          assert.deepEqual(await messagesOf(c), [], 'no row may appear behind a cursor that has passed its place');
        } finally {
          await ours.commit();
        }
        const c = await conversationOf(phone);
        await until(async () => (await messagesOf(c)).length === 2, 'the message and its answer are in the thread');
      });
    }
  });
}
