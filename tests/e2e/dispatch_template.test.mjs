// SPDX-License-Identifier: Apache-2.0
// What Meta tells of a template while a campaign sends it: a pause, a red rating, another category. The campaign stops with the reason,
// and a person lets it go on; everybody gets it once all the same.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { importLeads } from '../support/campaign.mjs';
import { post, startGraph } from '../support/graph.mjs';
import { client, ENGINES, newInstallation, seed, until } from '../support/prosa.mjs';

const WABA = '410000000000001';
const NAME = 'cobranca_padrao_whatsapp_v1';
const RECIPIENTS = 60;
const template = (more) => ({ id: '1900000000000006', name: NAME, language: 'pt_BR', status: 'APPROVED', category: 'UTILITY', quality_score: { score: 'GREEN' }, components: [{ type: 'BODY', text: 'Olá {{1}}' }], ...more });

for (const engine of ENGINES) {
  describe(`a template that changes under a campaign, on ${engine}`, () => {
    let graph, installation, node, api, imported;

    const state = (id, wanted) => until(async () => { const now = await api.get(`/api/v1/dispatches/${id}`); return now.state === wanted && now; }, wanted, 60000);
    const tell = async (field, value) => {
      const call = { object: 'whatsapp_business_account', entry: [{ id: WABA, time: Math.floor(Date.now() / 1000), changes: [{ field, value: { message_template_id: 1900000000000006, message_template_name: NAME, message_template_language: 'pt_BR', ...value } }] }] };
      assert.equal((await post(`${node.url}/webhooks/meta`, call)).status, 200);
    };
    const toldTemplate = (wanted) => until(async () => { const { data } = await api.get(`/api/v1/templates?name=${NAME}`); return Object.entries(wanted).every(([k, v]) => data[0]?.[k] === v) && data[0]; }, JSON.stringify(wanted));
    /** As the list says it, which is the whole truth again. */
    const reset = async () => {
      graph.templates = [template()];
      await api.post('/api/v1/templates/sync', {});
      await toldTemplate({ status: 'approved', category: 'utility', quality: 'green' });
    };
    /** One that has begun and is not nearly through. */
    const begin = async (name) => {
      const from = graph.accepted.length;
      const { id } = await api.post('/api/v1/dispatches', { name, audience: { import: imported }, variables: { 1: { field: 'name' } }, channels: [{ channel: 'whatsapp', template: NAME, language: 'pt_BR' }], limits: { per_second: 10, overlap_hours: 0, error_percent: 0 } });
      await api.post(`/api/v1/dispatches/${id}/start`);
      await until(() => graph.accepted.length >= from + 3, 'it goes out');
      return { id, from };
    };
    /** Nothing more goes out, and most is still to come. */
    const standsStill = async ({ id, from }) => {
      const { counts } = await until(async () => { const now = await api.get(`/api/v1/dispatches/${id}`); return now.counts.sending === 0 && now; }, 'what was under way has ended');
      assert.ok(counts.planned > 0, 'some are still to come');
      assert.equal(graph.accepted.length - from, counts.reached);
    };
    const goesOn = async ({ id, from }) => {
      await api.post(`/api/v1/dispatches/${id}/resume`);
      const { counts } = await state(id, 'done');
      assert.equal(counts.reached, RECIPIENTS);
      assert.equal(graph.accepted.length - from, RECIPIENTS);
      assert.deepEqual(graph.duplicates(), []);
    };

    before(async () => {
      graph = await startGraph();
      installation = await newInstallation(engine, { PROSA_OUTBOUND: 'all' });
      const { key } = await seed(installation, graph.url, { settings: { waba_id: WABA } });
      node = await installation.serve();
      api = client(node.url, key);
      await api.put('/api/v1/settings/quiet-hours', { is_on: false });
      imported = await importLeads(node.url, key, RECIPIENTS);
    });
    after(async () => {
      await installation?.remove();
      await graph?.close();
    });

    test('a pause stops it at once with the provider\'s words, a release does not start it by itself, and a person does', async () => {
      await reset();
      const one = await begin('pausa');
      await tell('message_template_status_update', { event: 'PAUSED', reason: null, other_info: { title: 'FIRST_PAUSE', description: 'Paused for 3 hours due to low quality' } });
      const paused = await state(one.id, 'paused');
      assert.equal(paused.cause, 'template-paused');
      assert.match(paused.reason, /Paused for 3 hours due to low quality/);
      await standsStill(one);
      await api.post(`/api/v1/dispatches/${one.id}/resume`);
      assert.equal((await state(one.id, 'paused')).cause, 'template-paused');
      await standsStill(one);
      await tell('message_template_status_update', { event: 'REINSTATED', reason: 'NONE' });
      await toldTemplate({ status: 'approved' });
      assert.equal((await api.get(`/api/v1/dispatches/${one.id}`)).state, 'paused');
      await goesOn(one);
    });

    test('a red rating stops it, a yellow one does not', async () => {
      await reset();
      const one = await begin('qualidade');
      await tell('message_template_quality_update', { previous_quality_score: 'GREEN', new_quality_score: 'YELLOW' });
      await toldTemplate({ quality: 'yellow' });
      assert.equal((await api.get(`/api/v1/dispatches/${one.id}`)).state, 'running');
      await tell('message_template_quality_update', { previous_quality_score: 'YELLOW', new_quality_score: 'RED' });
      assert.equal((await state(one.id, 'paused')).cause, 'template-quality');
      await standsStill(one);
      await goesOn(one);
    });

    test('another category stops it, one that is only announced does not', async () => {
      await reset();
      const one = await begin('categoria');
      await tell('template_category_update', { new_category: 'UTILITY', correct_category: 'MARKETING', category_update_timestamp: 1795090000 });
      await tell('template_category_update', { previous_category: 'UTILITY', new_category: 'MARKETING' });
      const paused = await state(one.id, 'paused');
      assert.equal(paused.cause, 'template-category');
      assert.match(paused.reason, /"marketing" now, it was "utility"/);
      await standsStill(one);
      await goesOn(one);
    });

    test('what only the list shows stops it as well', async () => {
      await reset();
      const one = await begin('lista');
      graph.templates = [template({ status: 'DISABLED' })];
      await api.post('/api/v1/templates/sync', {});
      assert.equal((await state(one.id, 'paused')).cause, 'template-disabled');
      await standsStill(one);
      await reset();
      await goesOn(one);
    });
  });
}
