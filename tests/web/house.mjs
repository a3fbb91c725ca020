// SPDX-License-Identifier: Apache-2.0
// What the pages beside the inbox are shown with: one of each thing that can go wrong, and something in every setting.
import http from 'node:http';
import { post } from '../support/graph.mjs';
import { startHouse, until } from './kit.mjs';

/** A server that refuses every webhook, and answers as a model and as the Graph API's number. */
async function startPeer() {
  const server = http.createServer((req, res) => {
    req.resume();
    req.on('end', () => {
      if (req.url.startsWith('/hook')) return res.writeHead(410).end('gone');
      res.writeHead(200, { 'Content-Type': 'application/json' });
      if (req.method === 'GET') return res.end(JSON.stringify({ id: '1', display_phone_number: '+55 11 5555-0100', verified_name: 'Loja Aurora', quality_rating: 'GREEN' }));
      return res.end(JSON.stringify({ id: 'c', object: 'chat.completion', model: 'm', choices: [{ index: 0, message: { role: 'assistant', content: 'Boa tarde! Custa dez reais.' }, finish_reason: 'stop' }], usage: { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 } }));
    });
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => (server.closeAllConnections(), new Promise((done) => server.close(done))) };
}

async function fail(house) {
  const { graph, api } = house;
  const outOf = async (phone) => {
    const c = await house.conversation(phone);
    return (await api.get(`/api/v1/conversations/${c.id}/messages?limit=100`)).data.filter((m) => m.direction === 'out');
  };
  const refused = ['5511991000001', '5511991000002', '5511991000003'];
  graph.refuse = (body) => (refused.includes(String(body.to).replace('+', '')) ? { status: 400, code: 131026, message: 'Message undeliverable' } : null);
  for (const [i, phone] of refused.entries()) await house.write(phone, ['quanto custa o plano?', 'oi', 'vocês entregam hoje?'][i], { name: ['Carla Dias', 'Davi Melo', 'Eva Prado'][i] });
  for (const phone of refused) await until(async () => (await outOf(phone)).some((m) => m.status === 'failed'), 'a send failed');
  graph.refuse = null;
  graph.statuses = []; // a status would settle it
  graph.cutRate = 1;
  await house.write('5511991000004', 'bom dia', { name: 'Fábio Reis' });
  await until(async () => (await outOf('5511991000004')).some((m) => m.status === 'uncertain'), 'a send is uncertain');
  graph.cutRate = 0;
  for (let i = 0; i < 2; i++) await post(house.hook, Buffer.from(`{"object":"whatsapp_business_account","entry":[{"cut ${i}`));
  await post(house.hook, { object: 'whatsapp_business_account', entry: [{ id: '1', changes: [{ field: 'messages', value: { metadata: { phone_number_id: '900000000000009' }, contacts: [{ wa_id: '5511991000009', profile: { name: 'Gil' } }], messages: [{ id: 'wamid.lost', from: '5511991000009', timestamp: String(Math.floor(Date.now() / 1000)), type: 'text', text: { body: 'oi' } }] } }] }] });
  graph.refuse = (body) => (body.to === '+5511991000005' ? { status: 401, code: 190, message: 'Error validating access token' } : null);
  await house.write('5511991000005', 'olá', { name: 'Helena Cruz' });
  await until(async () => (await api.get('/api/v1/failures')).data.some((g) => g.area === 'jobs'), 'a send is parked');
  graph.refuse = null;
}

/** The house with everything in it; house.lifeOf is a message that was read. */
export async function startFullHouse(env = {}) {
  const house = await startHouse(env);
  const peer = await startPeer();
  const stop = house.stop;
  house.stop = async () => {
    await stop();
    await peer.close();
  };
  house.peer = peer;
  const { api } = house;
  await api.put('/api/v1/bot', { debounce_ms: 1000, debounce_cap_ms: 3000 });
  await api.post('/api/v1/providers', { kind: 'openai', name: 'Modelo', settings: { base_url: `${peer.url}/v1`, model: 'small', price_in_per_million: 150000, price_out_per_million: 600000, currency: 'USD' }, secrets: { api_key: 'k' } });
  for (const [name, color] of [['Orçamento', '#0f766e'], ['Urgente', '#b91c1c'], ['Pós-venda', '#7c3aed']]) await api.post('/api/v1/labels', { name, color });
  for (const [shortcut, text] of [['preco', 'O plano básico custa R$ 49 por mês, sem fidelidade.'], ['entrega', 'Entregamos em até 3 dias úteis na capital\ne em até 7 no interior.']]) await api.post('/api/v1/canned', { shortcut, text });
  await house.write('5511990000001', 'oi, quero saber o preço', { name: 'Ana Souza' });
  const c = await house.conversation('5511990000001');
  const read = await until(async () => (await api.get(`/api/v1/conversations/${c.id}/messages`)).data.find((m) => m.direction === 'out' && m.status === 'read'), 'a reply was read');
  house.lifeOf = read.id;
  await fail(house);
  const hook = await api.post('/api/v1/webhooks', { url: `${peer.url}/hook`, description: 'CRM', events: ['message.*', 'conversation.*'] });
  house.webhook = hook.id;
  await api.post(`/api/v1/webhooks/${hook.id}/test`);
  return house;
}
