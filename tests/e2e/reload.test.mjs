// SPDX-License-Identifier: Apache-2.0
// SIGHUP: what may change while the program runs is read again from the files that hold it, and nothing else moves.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { message, messageCall, post, startGraph } from '../support/graph.mjs';
import { client, ENGINES, newInstallation, seed, until } from '../support/prosa.mjs';

for (const engine of ENGINES) {
  describe(`settings read again on ${engine}`, () => {
    let graph, installation, node, api, hook;
    const settings = {};
    const set = async (name, value) => {
      settings[name] ??= `${installation.dir}/${name}`;
      await writeFile(settings[name], value);
    };
    const reload = async () => {
      const before = node.log.length;
      node.child.kill('SIGHUP');
      await until(() => /settings (were|could not be) read again/.test(node.log.slice(before)), 'the program says that it read them');
      return node.log.slice(before);
    };
    const write = (id, secret) => post(hook, messageCall([message(`wamid.reload.${id}`, '5511981000001', 'oi')]), { secret });

    before(async () => {
      graph = await startGraph();
      installation = await newInstallation(engine, { PROSA_LOG_LEVEL: 'info', PROSA_META_APP_SECRET: '' });
      const { key } = await seed(installation, graph.url);
      await set('secret', 'first-secret');
      await set('outbound', 'off');
      await set('workers', '2');
      node = await installation.serve({ PROSA_META_APP_SECRET_FILE: settings.secret, PROSA_OUTBOUND_FILE: settings.outbound, PROSA_WORKERS_FILE: settings.workers });
      api = client(node.url, key);
      hook = `${node.url}/webhooks/meta`;
      await api.put('/api/v1/bot', { debounce_ms: 1000, debounce_cap_ms: 3000 });
    });
    after(async () => {
      await node?.kill();
      await installation?.remove();
      await graph?.close();
    });

    test('a new app secret holds from the reload on, and the old one no longer', async () => {
      assert.equal((await write(1, 'first-secret')).status, 200);
      assert.equal((await write(2, 'second-secret')).status, 401);
      await set('secret', 'second-secret');
      await reload();
      assert.equal((await write(3, 'second-secret')).status, 200);
      assert.equal((await write(4, 'first-secret')).status, 401);
    });

    test('a gate that opens lets go what it held back', async () => {
      const parked = await until(async () => (await api.get('/api/v1/jobs?state=parked')).data.find((j) => j.cause === 'gate-closed'), 'a send waits at the closed gate');
      assert.equal(parked.kind, 'outbox.send');
      assert.equal(graph.accepted.length, 0);
      await set('outbound', 'replies');
      await reload();
      await until(() => graph.accepted.length > 0, 'the reply is sent');
    });

    test('what needs a restart is told, and what is wrong leaves everything as it was', async () => {
      await set('workers', '3');
      assert.match(await reload(), /workers changed; that needs a restart/);
      await set('outbound', 'perhaps');
      assert.match(await reload(), /could not be read again.*outbound/i);
      assert.equal((await write(5, 'second-secret')).status, 200);
    });
  });
}
