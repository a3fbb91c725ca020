// SPDX-License-Identifier: Apache-2.0
// Who looks at which conversation and who types, as the others of the tenant see it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import WebSocket from 'ws';
import { addUser, browser } from '../support/browser.mjs';
import { message, messageCall, post, startGraph } from '../support/graph.mjs';
import { client, newInstallation, seed, until } from '../support/prosa.mjs';

async function withPeople(fn) {
  const graph = await startGraph();
  const installation = await newInstallation('sqlite');
  try {
    const { key } = await seed(installation, graph.url);
    await seed(installation, graph.url, { slug: 'other', address: '520000000000009' });
    for (const [slug, email] of [['acme', 'ana@example.com'], ['acme', 'rui@example.com'], ['other', 'eva@example.com']]) await addUser(installation, slug, email, 'agent');
    const node = await installation.serve();
    const sockets = [];
    const watch = async (slug, email, after = '') => {
      const b = browser(node.url);
      await b.signIn(slug, email);
      const ws = new WebSocket(`${node.url.replace('http', 'ws')}/live${after && `?after=${after}`}`, { headers: { Cookie: `prosa_session=${b.cookie}`, Origin: node.url } });
      const w = { ws, frames: [], closed: null };
      ws.on('message', (data) => w.frames.push(JSON.parse(data)));
      ws.on('close', (code, reason) => (w.closed = { code, reason: reason.toString() }));
      ws.on('error', () => {});
      sockets.push(ws);
      await new Promise((done, fail) => (ws.once('open', done), ws.once('error', fail)));
      w.say = (o) => ws.send(typeof o === 'string' ? o : JSON.stringify(o));
      w.seen = () => w.frames.filter((f) => f.kind === 'agent.presence');
      w.last = () => w.seen().at(-1);
      return w;
    };
    assert.equal((await post(`${node.url}/webhooks/meta`, messageCall([message('wamid.p.1', '5511944440001', 'oi')]))).status, 200);
    const conversation = await until(async () => (await client(node.url, key).get('/api/v1/conversations')).data[0], 'a conversation');
    await fn({ node, watch, conversation, api: client(node.url, key) });
    for (const ws of sockets) ws.terminate();
    await node.kill();
  } finally {
    await installation.remove();
    await graph.close();
  }
}

test('others see who looks and types, and that they left; the own tabs and other tenants do not', () =>
  withPeople(async ({ watch, conversation }) => {
    const ana = await watch('acme', 'ana@example.com');
    const anaToo = await watch('acme', 'ana@example.com');
    const rui = await watch('acme', 'rui@example.com');
    const eva = await watch('other', 'eva@example.com');
    ana.say({ viewing: conversation.id, typing: false });
    await until(() => rui.last()?.conversation_id === conversation.id, 'Rui sees Ana look');
    assert.equal(typeof rui.last().user, 'string');
    assert.equal(rui.last().cursor, undefined);
    assert.ok(Math.abs(Date.parse(rui.last().at) - Date.now()) < 10000);
    ana.say({ viewing: conversation.id, typing: true });
    await until(() => rui.last().typing, 'Rui sees Ana type');
    await until(() => rui.last().typing === false, 'typing ends when it is not said again', 15000);
    assert.equal(rui.last().conversation_id, conversation.id);

    const late = await watch('acme', 'rui@example.com');
    await until(() => late.last()?.conversation_id === conversation.id, 'who comes later is told');
    anaToo.say({ viewing: conversation.id, typing: false });
    ana.ws.close();
    eva.say({ viewing: conversation.id, typing: true }); // not of her tenant: told to nobody
    await until(() => rui.seen().filter((f) => f.conversation_id === conversation.id).length >= 3, 'Ana looks from another tab');
    anaToo.ws.close();
    await until(() => rui.last().conversation_id === null && late.last().conversation_id === null, 'Rui sees Ana leave');
    assert.deepEqual(anaToo.seen(), []);
    assert.deepEqual(eva.seen(), []);
  }));

test('what is not understood closes the socket with a reason, and so does a flood', () =>
  withPeople(async ({ watch, conversation }) => {
    for (const bad of ['hello', '[]', '{}', '{"viewing":7}', '{"viewing":"x"}', JSON.stringify({ viewing: conversation.id, pad: 'x'.repeat(600) })]) {
      const w = await watch('acme', 'ana@example.com');
      w.say(bad);
      await until(() => w.closed, `closed after ${bad.slice(0, 20)}`);
      assert.equal(w.closed.code, 1008);
      assert.match(w.closed.reason, /viewing/);
    }
    const rui = await watch('acme', 'rui@example.com');
    const loud = await watch('acme', 'ana@example.com');
    for (let i = 0; i < 100; i++) loud.say({ viewing: i % 2 ? conversation.id : null, typing: false });
    await until(() => loud.closed, 'a flood is closed');
    assert.equal(loud.closed.code, 1008);
    assert.ok(rui.seen().length < 10, 'and does not become a flood for others');
  }));

test('events still come to a socket that speaks, in order and once', () =>
  withPeople(async ({ node, watch, conversation }) => {
    const ana = await watch('acme', 'ana@example.com');
    const rui = await watch('acme', 'rui@example.com');
    for (let i = 0; i < 20; i++) {
      ana.say({ viewing: conversation.id, typing: i % 2 === 0 });
      await post(`${node.url}/webhooks/meta`, messageCall([message(`wamid.mix.${i}`, '5511944440001', `m${i}`)]));
    }
    await until(() => ana.frames.filter((f) => f.kind === 'message.received').length === 20, 'all events');
    const cursors = (w) => w.frames.filter((f) => f.cursor).map((f) => f.cursor);
    assert.equal(new Set(cursors(ana)).size, cursors(ana).length);
    await until(() => rui.frames.filter((f) => f.kind === 'message.received').length === 20 && rui.seen().length > 0, 'both kinds of frames');
  }));
