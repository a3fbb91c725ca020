// Fastify + pg, cluster of WORKERS; the same work as app_fastapi.py. TUNED=1: named prepared statements and one round trip.
const cluster = require('node:cluster'), crypto = require('node:crypto');
const N = +(process.env.WORKERS || 2);
if (cluster.isPrimary && N > 1) { for (let i = 0; i < N; i++) cluster.fork(); return; }
const { Pool } = require('pg');
const pool = new Pool({ host: '127.0.0.1', port: 25432, user: 'postgres', database: 'peer', max: +(process.env.POOL || 20) });
const tuned = process.env.TUNED === '1';
const app = require('fastify')({ logger: false });
app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (req, body, done) => done(null, body));
const INS = 'insert into chat_messages(tenant_id,provider_message_id,wa_from,type,body,payload) values($1,$2,$3,$4,$5,$6) on conflict (provider_message_id) do nothing';
const ONE = 'insert into chat_messages(tenant_id,provider_message_id,wa_from,type,body,payload) select id,$2,$3,$4,$5,$6 from tenants where display_phone_number=$1 on conflict (provider_message_id) do nothing';
app.post('/webhook', async (req, reply) => {
  const raw = req.body, mac = Buffer.from('sha256=' + crypto.createHmac('sha256', 'peer-secret').update(raw).digest('hex')), sig = Buffer.from(req.headers['x-hub-signature-256'] || '');
  if (mac.length !== sig.length || !crypto.timingSafeEqual(mac, sig)) return reply.code(401).send();
  const text = raw.toString(), v = JSON.parse(text).entry[0].changes[0].value, m = v.messages[0];
  if (tuned) { await pool.query({ name: 'one', text: ONE, values: [v.metadata.display_phone_number, m.id, m.from, m.type, m.text.body, text] }); return { status: 'ok' }; }
  const c = await pool.connect();
  try {
    const r = await c.query('select id from tenants where display_phone_number=$1', [v.metadata.display_phone_number]);
    if (!r.rows.length) return reply.code(404).send();
    await c.query(INS, [r.rows[0].id, m.id, m.from, m.type, m.text.body, text]);
  } finally { c.release(); }
  return { status: 'ok' };
});
app.listen({ port: +(process.env.PORT || 18000), host: '127.0.0.1' });
