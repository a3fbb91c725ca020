// SPDX-License-Identifier: Apache-2.0
// Two furnished tenants, and for every route of the API a request that works on them. A route that is missing here fails the
// isolation matrix: add a line to `examples`.
import { DatabaseSync } from 'node:sqlite';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Secret, TOTP } from 'otpauth';
import { PASSWORD, addUser, browser } from './browser.mjs';
import { fileMessage, message, messageCall, post } from './graph.mjs';
import { client, until } from './prosa.mjs';

const run = promisify(execFile);
const LETTER = { name: 'carta', language: 'pt_BR', subject: 'Olá, {{nome}}', body: 'Oi, {{nome}}!' };
const PDF = Buffer.from('%PDF-1.7\n');
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
export const NOBODY = '01900000-0000-7000-8000-000000000000';

/** What the fake provider does with a message, by the end of the number it goes to. */
export const FAILS = '26'; // refused: the message has failed
export const BLOCKS = '90'; // the account itself is refused: its sends are parked
export function refuse(body) {
  if (body.to?.endsWith(FAILS)) return { status: 400, code: 131026, message: '(#131026) Message undeliverable' };
  if (body.to?.endsWith(BLOCKS)) return { status: 401, code: 190, message: 'Error validating access token' };
  return null;
}

/** Makes sessions of a user look as old as they are told to be; before the server has seen them. */
export const ageSessions = (installation, email, { created, seen }) =>
  change(installation, `UPDATE sessions SET created_at = created_at - ${created}, seen_at = seen_at - ${seen} WHERE user_id = (SELECT id FROM users WHERE email = '${email}')`);

async function change(installation, sql) {
  if (installation.engine === 'postgres') {
    await run('psql', [installation.database, '-qc', sql]);
    return;
  }
  const db = new DatabaseSync(`${installation.dir}/prosa.db`, { timeout: 5000 });
  db.exec(sql);
  db.close();
}

/** A tenant with an account that works, one that is blocked, people of every role and something of everything. */
export async function furnish(installation, node, graph, slug, number) {
  let phones = 0;
  const t = { slug, url: node.url, installation, users: {}, objects: new Set(), address: `5200000000000${number}1`, blockedAddress: `5200000000000${number}2` };
  const account = (address, name) =>
    installation.cli('provider', 'add', slug, 'meta', '--name', name, '--address', address, '--set', `base_url=${graph.url}`, '--set', 'per_second=1000', '--set', 'pair_interval_ms=1', '--set', 'pair_burst=100', '--secret', 'access_token=test-token');
  t.tenant = await installation.cli('tenant', 'add', slug);
  t.account = await account(t.address, 'works');
  t.blocked = await account(t.blockedAddress, 'blocked');
  t.mailbox = await installation.cli('provider', 'add', slug, 'email', '--name', 'mailbox', '--address', `vendas@${slug}.test`, '--set', 'smtp_host=127.0.0.1', '--set', 'imap_host=127.0.0.1', '--set', 'imap_port=1', '--set', 'imap_poll_s=3600');
  for (const role of ['agent', 'supervisor', 'admin']) {
    const email = `${role}@${slug}.example`;
    const user = await addUser(installation, slug, email, role);
    t.users[role] = Object.assign(browser(node.url), { id: user.id, email });
    await t.users[role].signIn(slug, email);
  }
  t.admin = t.users.admin;
  t.key = (await installation.cli('key', 'add', slug, '--scope', '*')).key;
  t.api = client(node.url, t.key);
  t.find = (what, path, fn) => until(async () => (await t.api.get(path)).data.find(fn), `${what} of ${slug}`);

  /** Somebody new writes; resolves to the conversation. */
  t.conversation = async (end = '11', address = t.address) => {
    const phone = `5511${number}${String(++phones).padStart(6, '0')}${end}`;
    await post(`${node.url}/webhooks/meta`, messageCall([message(`wamid.${slug}.${phone}`, phone, 'oi')], address));
    return t.find('a conversation', '/api/v1/conversations?limit=500', (c) => c.lead.phone === phone);
  };
  t.write = (conversation, text = 'olá') => t.api.post(`/api/v1/conversations/${conversation.id}/messages`, { text });
  t.failed = async () => {
    const m = await t.write(await t.conversation(FAILS));
    return until(async () => ((await t.api.get(`/api/v1/messages/${m.id}`)).status === 'failed' ? m : null), `a failed message of ${slug}`);
  };
  t.parked = async () => {
    const m = await t.write(await t.conversation(BLOCKS, t.blockedAddress));
    return t.find('a parked job', '/api/v1/jobs?state=parked&limit=500', (j) => j.payload.includes(m.id));
  };
  t.inboxCall = async () => {
    await t.conversation();
    return t.find('a call that is done', '/api/v1/inbox?state=done', () => true);
  };
  /** A customer sends a file; resolves to it once it is here, or never will be. */
  t.received = async (file) => {
    const id = `${slug}.${++phones}`;
    if (file) graph.files.set(id, { mime: 'application/pdf', ...file });
    await post(`${node.url}/webhooks/meta`, messageCall([fileMessage(`wamid.${id}`, `5511${number}${String(phones).padStart(6, '0')}11`, 'document', id)], t.address));
    return (await t.find('a file', '/api/v1/messages?limit=500', (m) => m.provider_message_id === `wamid.${id}` && m.media && m.media.state !== 'waiting')).media;
  };
  t.webhook = () => t.api.post('/api/v1/webhooks', { url: `${graph.url}/hook`, events: ['*'] });
  t.delivery = async () => {
    const hook = await t.webhook();
    const { delivery_id: id } = await t.api.post(`/api/v1/webhooks/${hook.id}/test`);
    await until(async () => (await t.api.get(`/api/v1/webhook-deliveries/${id}`)).state === 'delivered', `a delivery of ${slug}`);
    return { id };
  };
  let sheets = 0;
  /** A spreadsheet that is uploaded; with state, brought there. */
  t.import = async (state = 'ready') => {
    const name = `p${++sheets}@${slug}.example`;
    const res = await fetch(`${node.url}/api/v1/imports?name=lista.csv`, { method: 'POST', headers: { Authorization: `Bearer ${t.key}` }, body: `Nome;E-mail\n${name};${name}\n` });
    const { id } = await res.json();
    if (state === 'ready') return { id };
    await t.api.post(`/api/v1/imports/${id}/commit`);
    return until(async () => ((await t.api.get(`/api/v1/imports/${id}`)).state === state ? { id } : null), `an import that is ${state} of ${slug}`);
  };
  let campaigns = 0;
  /** A draft for one person. */
  t.campaign = () => t.api.post('/api/v1/dispatches', { name: `campaign ${++campaigns} of ${slug}`, audience: { leads: [t.talk.lead.id] } });
  t.campaignIn = async (state, path, body) => {
    const c = await t.campaign();
    await t.api.post(`/api/v1/dispatches/${c.id}/${path}`, body);
    return until(async () => {
      const now = await t.api.get(`/api/v1/dispatches/${c.id}`);
      return now.state === state ? now : null;
    }, `a campaign that is ${state}`);
  };
  /** What became of its message nobody knows. */
  t.uncertainRecipient = async () => {
    const c = await t.campaignIn('planned', 'plan');
    await change(installation, `UPDATE dispatch_recipients SET state = 'uncertain', due_at = NULL WHERE ${installation.engine === 'postgres' ? `dispatch_id = '${c.id}'` : `dispatch_id = X'${c.id.replaceAll('-', '')}'`}`);
    return (await t.api.get(`/api/v1/dispatches/${c.id}/recipients`)).data[0];
  };
  let people = 0;
  /** Somebody of the tenant, signed in. */
  t.person = async (role = 'agent') => {
    const email = `person${++people}@${slug}.example`;
    const user = await t.api.post('/api/v1/users', { email, name: 'Somebody', role, password: PASSWORD });
    const b = Object.assign(browser(node.url), { id: user.id, email });
    await b.signIn(slug, email);
    return b;
  };
  t.personWithFactor = async ({ isConfirmed }) => {
    const b = await t.person();
    const totp = new TOTP({ secret: Secret.fromBase32((await b.post('/api/v1/me/totp')).json.secret) });
    if (isConfirmed) b.recovery = (await b.post('/api/v1/me/totp/confirm', { code: totp.generate() })).json.recovery_codes;
    b.code = () => totp.generate();
    return b;
  };

  t.talk = await t.conversation();
  t.reply = await t.find('a reply of the bot', `/api/v1/conversations/${t.talk.id}/messages`, (m) => m.direction === 'out');
  t.failedMessage = await t.failed();
  t.parkedJob = await t.parked();
  t.call = await t.inboxCall();
  t.hook = await t.webhook();
  t.sent = await t.delivery();
  t.file = await t.received({ bytes: PDF });
  t.template = await t.api.post('/api/v1/templates', LETTER);
  t.label = await t.api.post('/api/v1/labels', { name: `label of ${slug}`, color: '#336699' });
  t.suppression = await t.api.post('/api/v1/suppressions', { value: `of-${slug}@example.com`, reason: 'asked for it' });
  t.canned = await t.api.post('/api/v1/canned', { shortcut: 'oi', text: `canned of ${slug}` });
  t.note = await t.api.post(`/api/v1/conversations/${t.talk.id}/notes`, { text: `note of ${slug}` });
  t.imported = await t.import('done');
  t.spareKey = await t.api.post('/api/v1/keys', { name: 'spare', scopes: 'read' });
  return t;
}

/** Every id that a text holds. */
export const idsIn = (text) => new Set(text.match(UUID) ?? []);

const own = (key) => (t) => ({ params: { id: t[key].id } });
const fresh = (make) => async (t) => ({ params: { id: (await make(t)).id } });
const talk = async (t) => ({ params: { id: (await t.conversation()).id } });
const P = '/api/v1';
let leads = 0;
const newLead = (t) => t.api.post(`${P}/leads`, { name: 'Ana', emails: [`ana${++leads}@example.com`] });
const newSegment = (t) => t.api.post(`${P}/segments`, { name: `Segmento ${++leads}`, filter: { all: [] } });

/**
 * "METHOD /path": (t, key) → {params, query, body, as}. Called anew where a request may use up what it is about; with key, a
 * caller with the route's scope, for what only its maker may touch.
 *   as       who asks instead of the route's role
 *   raw      not JSON: {body, type}
 *   foreign  (t, other) → the same with another tenant's ids where t's own would be right, and what that gives: {…, status} or
 *            {…, check(json)}. {id} in the path needs no word: it is always tried.
 */
export const examples = {
  // --- signing in, oneself ---
  [`POST ${P}/session`]: (t) => ({ as: browser(t.url), body: { tenant: t.slug, email: t.users.agent.email, password: PASSWORD } }),
  [`DELETE ${P}/session`]: async (t) => ({ as: await t.person() }),
  [`GET ${P}/me`]: () => ({}),
  [`PATCH ${P}/me`]: () => ({ body: { theme: 'dark' } }),
  [`PUT ${P}/me/presence`]: () => ({ body: { presence: 'online' } }),
  [`POST ${P}/me/totp`]: async (t) => ({ as: await t.person() }),
  [`POST ${P}/me/totp/confirm`]: async (t) => {
    const as = await t.personWithFactor({ isConfirmed: false });
    return { as, body: { code: as.code() } };
  },
  [`POST ${P}/me/totp/disable`]: async (t) => {
    const as = await t.personWithFactor({ isConfirmed: true });
    return { as, body: { password: PASSWORD, code: as.recovery[0] } };
  },
  [`GET ${P}/me/sessions`]: () => ({}),
  [`DELETE ${P}/me/sessions/{id}`]: async (t) => {
    const as = await t.person();
    const elsewhere = browser(t.url);
    await elsewhere.signIn(t.slug, as.email);
    return { as, params: { id: (await elsewhere.get(`${P}/me/sessions`)).json.data.find((s) => s.is_current).id } };
  },

  // --- people, keys, audit ---
  [`GET ${P}/users`]: () => ({}),
  [`POST ${P}/users`]: (() => {
    let n = 0;
    return (t) => ({ body: { email: `new${++n}@${t.slug}.example`, name: 'New', role: 'agent', password: PASSWORD } });
  })(),
  [`PATCH ${P}/users/{id}`]: async (t) => ({ params: { id: (await t.person()).id }, body: { name: 'Changed', skills: ['sales'], capacity: 3 } }),
  [`POST ${P}/users/{id}/reset-totp`]: async (t) => ({ params: { id: (await t.person()).id } }),
  [`GET ${P}/keys`]: () => ({}),
  [`POST ${P}/keys`]: () => ({ body: { name: 'one more', scopes: ['keys:write'] } }),
  [`DELETE ${P}/keys/{id}`]: fresh((t) => t.api.post(`${P}/keys`, { name: 'short-lived', scopes: 'read' })),
  [`GET ${P}/audit`]: () => ({}),

  // --- imports ---
  [`GET ${P}/imports`]: () => ({}),
  [`POST ${P}/imports`]: () => ({ query: 'name=lista.csv', raw: { body: 'Nome;Telefone\nAna;11987654321\n', type: 'text/csv' } }),
  [`GET ${P}/imports/{id}`]: own('imported'),
  [`PATCH ${P}/imports/{id}`]: async (t) => ({ params: { id: (await t.import()).id }, body: { policy: 'skip', tags: ['feira'], columns: [{ index: 0, target: 'field:Apelido' }] } }),
  [`GET ${P}/imports/{id}/preview`]: own('imported'),
  [`POST ${P}/imports/{id}/commit`]: async (t) => ({ params: { id: (await t.import()).id }, body: { dry_run: true } }),
  [`POST ${P}/imports/{id}/cancel`]: fresh((t) => t.import()),
  [`POST ${P}/imports/{id}/undo`]: async (t) => ({ params: { id: (await t.import('done')).id } }),
  [`GET ${P}/imports/{id}/rows`]: own('imported'),
  [`GET ${P}/imports/{id}/errors`]: own('imported'),

  // --- conversations ---
  [`GET ${P}/conversations`]: () => Object.assign({}, { foreign: (t, other) => ({ query: `label=${other.label.id}`, check: (json) => json.data.length === 0 }) }),
  [`GET ${P}/conversations/counts`]: () => ({}),
  [`GET ${P}/conversations/{id}`]: own('talk'),
  [`POST ${P}/conversations/{id}/take`]: talk,
  [`POST ${P}/conversations/{id}/release`]: talk,
  [`POST ${P}/conversations/{id}/handoff`]: async (t) => ({ ...(await talk(t)), body: { reason: 'asked', summary: 'wants a price' } }),
  [`POST ${P}/conversations/{id}/assign`]: async (t) => ({
    ...(await talk(t)),
    body: { user: t.users.supervisor.id },
    foreign: (_, other) => ({ body: { user: other.users.agent.id }, status: 400 }),
  }),
  [`POST ${P}/conversations/{id}/close`]: talk,
  [`POST ${P}/conversations/{id}/read`]: talk,
  [`PUT ${P}/conversations/{id}/labels`]: async (t) => ({
    ...(await talk(t)),
    body: { labels: [t.label.id] },
    foreign: (_, other) => ({ body: { labels: [other.label.id] }, status: 400 }),
  }),
  [`GET ${P}/conversations/{id}/turns`]: own('talk'),
  [`GET ${P}/conversations/{id}/events`]: own('talk'),
  [`GET ${P}/conversations/{id}/notes`]: own('talk'),
  [`POST ${P}/conversations/{id}/notes`]: async (t) => ({ ...(await talk(t)), body: { text: 'a note' } }),
  [`DELETE ${P}/notes/{id}`]: async (t, key) => {
    const as = key ?? (await t.person());
    const { id } = await t.conversation();
    return { as, params: { id: (await as.post(`${P}/conversations/${id}/notes`, { text: 'mine' }, as.auth)).json.id } };
  },
  // --- templates ---
  [`GET ${P}/templates`]: () => ({}),
  [`POST ${P}/templates`]: (() => {
    let n = 0;
    return () => ({ body: { ...LETTER, name: `carta_${++n}` } });
  })(),
  [`GET ${P}/templates/syncs`]: () => ({}),
  [`POST ${P}/templates/sync`]: () => ({ foreign: (_, other) => ({ body: { account: other.account.id }, status: 404 }) }),
  [`GET ${P}/templates/{id}`]: own('template'),
  [`PATCH ${P}/templates/{id}`]: (t) => ({ params: { id: t.template.id }, body: { subject: 'Oi, {{nome}}' } }),
  [`POST ${P}/templates/{id}/preview`]: (t) => ({ params: { id: t.template.id }, body: { lead: t.talk.lead.id }, foreign: (_, other) => ({ body: { lead: other.talk.lead.id }, status: 404 }) }),
  [`DELETE ${P}/templates/{id}`]: (() => {
    let n = 0;
    return fresh((t) => t.api.post(`${P}/templates`, { ...LETTER, name: `curta_${++n}` }));
  })(),

  [`GET ${P}/labels`]: () => ({}),
  [`POST ${P}/labels`]: (() => {
    let n = 0;
    return () => ({ body: { name: `label ${++n}`, color: '#112233' } });
  })(),
  [`GET ${P}/labels/{id}`]: own('label'),
  [`PATCH ${P}/labels/{id}`]: (t) => ({ params: { id: t.label.id }, body: { color: '#445566' } }),
  [`POST ${P}/labels/{id}/restore`]: (() => {
    let n = 0;
    return fresh(async (t) => {
      const label = await t.api.post(`${P}/labels`, { name: `missed ${++n}`, color: '#778899' });
      await t.api.del(`${P}/labels/${label.id}`);
      return label;
    });
  })(),
  [`DELETE ${P}/labels/{id}`]: (() => {
    let n = 0;
    return fresh((t) => t.api.post(`${P}/labels`, { name: `short-lived ${++n}`, color: '#778899' }));
  })(),
  [`GET ${P}/canned`]: () => ({}),
  [`POST ${P}/canned`]: (() => {
    let n = 0;
    return () => ({ body: { shortcut: `s${++n}`, text: 'Bom dia' } });
  })(),
  [`GET ${P}/canned/{id}`]: own('canned'),
  [`PATCH ${P}/canned/{id}`]: (t) => ({ params: { id: t.canned.id }, body: { text: 'Boa tarde' } }),
  [`DELETE ${P}/canned/{id}`]: (() => {
    let n = 0;
    return fresh((t) => t.api.post(`${P}/canned`, { shortcut: `short-lived${++n}`, text: 'Boa noite' }));
  })(),
  [`GET ${P}/leads/{id}`]: (t) => ({ params: { id: t.talk.lead.id } }),
  [`PATCH ${P}/leads/{id}`]: (t) => ({ params: { id: t.talk.lead.id }, body: { name: 'Maria' } }),
  [`GET ${P}/leads/{id}/consents`]: (t) => ({ params: { id: t.talk.lead.id } }),
  [`POST ${P}/leads/{id}/consents`]: (t) => ({ params: { id: t.talk.lead.id }, body: { action: 'allow', channel: 'email', text: 'on the phone' } }),
  [`GET ${P}/suppressions`]: (t) => ({ query: `q=${t.suppression.value}`, foreign: (_, other) => ({ query: `q=${other.suppression.value}`, check: (json) => json.data.length === 0 }) }),
  [`POST ${P}/suppressions`]: () => ({ body: { value: 'who@example.com', channel: 'email', reason: 'asked by letter' } }),
  [`POST ${P}/suppressions/import`]: () => ({ body: { values: ['+55 11 98765-0001', 'list@example.com', 'nonsense'], reason: 'list of the old system' } }),
  [`POST ${P}/suppressions/{id}/remove`]: (() => {
    let n = 0;
    return async (t) => {
      const made = await t.api.post(`${P}/suppressions`, { value: `short${++n}@example.com`, reason: 'for a moment' });
      return { params: { id: made.id }, body: { reason: 'a mistake' } };
    };
  })(),
  [`GET ${P}/settings/quiet-hours`]: () => ({}),
  [`PUT ${P}/settings/quiet-hours`]: () => ({ body: { hours: { sat: ['09:00', '12:00'] }, listens: true } }),
  [`GET ${P}/leads/{id}/events`]: (t) => ({ params: { id: t.talk.lead.id } }),
  [`GET ${P}/leads/{id}/timeline`]: (t) => ({ params: { id: t.talk.lead.id } }),
  [`POST ${P}/leads/{id}/state`]: (t) => ({ params: { id: t.talk.lead.id }, body: { state: 'qualifying', why: 'quer proposta' } }),
  [`POST ${P}/leads/{id}/merge`]: async (t) => ({ params: { id: (await newLead(t)).id }, body: { other: (await newLead(t)).id } }),
  [`POST ${P}/lead-merges/{id}/undo`]: fresh(async (t) => t.api.post(`${P}/leads/${(await newLead(t)).id}/merge`, { other: (await newLead(t)).id })),
  [`GET ${P}/leads`]: () => ({ query: 'sort=-updated_at&limit=5' }),
  [`POST ${P}/leads`]: () => ({ body: { name: 'Bia', emails: [`bia${++leads}@example.com`], tags: ['vip'] } }),
  [`GET ${P}/leads/export`]: () => ({ query: 'format=csv&sort=name' }),
  [`GET ${P}/leads/board`]: () => ({}),
  [`POST ${P}/leads/tags`]: (t) => ({ body: { ids: [t.talk.lead.id], add: ['vip'] } }),
  [`GET ${P}/segments`]: () => ({}),
  [`POST ${P}/segments`]: () => ({ body: { name: `Segmento ${++leads}`, filter: { all: [{ field: 'state', op: 'is', value: 'new' }] } } }),
  [`GET ${P}/segments/{id}`]: fresh((t) => newSegment(t)),
  [`GET ${P}/segments/{id}/count`]: fresh((t) => newSegment(t)),
  [`PATCH ${P}/segments/{id}`]: async (t) => ({ params: { id: (await newSegment(t)).id }, body: { filter: {} } }),
  [`DELETE ${P}/segments/{id}`]: fresh((t) => newSegment(t)),

  // --- messages ---
  [`GET ${P}/search`]: () => ({ query: 'q=oi' }),
  [`GET ${P}/conversations/{id}/messages`]: own('talk'),
  [`POST ${P}/conversations/{id}/messages`]: async (t) => ({ ...(await talk(t)), body: { text: 'bom dia' } }),
  [`GET ${P}/messages`]: () => ({}),
  [`GET ${P}/messages/{id}`]: own('reply'),
  [`POST ${P}/messages/{id}/settle`]: async (t) => {
    const m = await t.failed();
    await t.api.post(`${P}/conversations/${m.conversation_id}/release`); // else it is the program's that wrote, out of an agent's reach
    return { params: { id: m.id }, body: { how: 'resend' } };
  },
  [`GET ${P}/messages/{id}/life`]: own('reply'),

  [`POST ${P}/media`]: () => ({ raw: { body: PDF, type: 'application/pdf' } }),
  [`GET ${P}/media/{id}`]: own('file'),
  [`GET ${P}/media/{id}/info`]: own('file'),
  [`POST ${P}/media/{id}/retry`]: fresh((t) => t.received(null)),

  // --- what went wrong ---
  [`GET ${P}/inbox`]: () => ({}),
  [`GET ${P}/inbox/{id}`]: own('call'),
  [`POST ${P}/inbox/{id}/replay`]: fresh((t) => t.inboxCall()),
  [`GET ${P}/jobs`]: () => ({}),
  [`GET ${P}/jobs/groups`]: () => ({}),
  [`POST ${P}/jobs/{id}/replay`]: fresh((t) => t.parked()),
  [`DELETE ${P}/jobs/{id}`]: fresh((t) => t.parked()),
  [`GET ${P}/failures`]: () => ({}),
  [`GET ${P}/failures/{area}`]: () => ({ params: { area: 'sends' } }),
  [`POST ${P}/failures/{area}/retry`]: (t) => ({
    params: { area: 'jobs' },
    body: { ids: [t.parkedJob.id] },
    foreign: (_, other) => ({ params: { area: 'jobs' }, body: { ids: [other.parkedJob.id] }, check: (json) => json.count === 0 }),
  }),

  // --- bot, accounts, team, webhooks ---
  [`GET ${P}/bot`]: () => ({}),
  [`PUT ${P}/bot`]: () => ({ body: { debounce_ms: 1000 } }),
  [`POST ${P}/bot/check`]: () => ({ body: { script: {} } }),
  [`POST ${P}/bot/try`]: () => ({ body: { messages: ['oi'] } }),
  [`GET ${P}/provider-kinds`]: () => ({}),
  [`GET ${P}/providers`]: () => ({}),
  [`POST ${P}/providers`]: (() => {
    let n = 0;
    return () => ({ body: { kind: 'meta', name: 'another', address: `5299999999${String(++n).padStart(4, '0')}`, secrets: { access_token: 'test-token' } } });
  })(),
  [`GET ${P}/providers/{id}`]: own('account'),
  [`PATCH ${P}/providers/{id}`]: (t) => ({ params: { id: t.account.id }, body: { name: 'renamed' } }),
  [`POST ${P}/providers/{id}/test`]: own('account'),
  [`GET ${P}/providers/{id}/mailbox`]: own('mailbox'),
  [`POST ${P}/providers/{id}/mailbox/look`]: own('mailbox'),
  [`GET ${P}/team`]: () => ({}),
  [`GET ${P}/team/settings`]: () => ({}),
  [`PUT ${P}/team/settings`]: () => ({ body: { default_capacity: 5 } }),
  [`GET ${P}/team/holidays/suggest`]: () => ({ query: 'year=2026' }),
  [`GET ${P}/team/watch`]: () => ({}),
  [`GET ${P}/webhooks`]: () => ({}),
  [`POST ${P}/webhooks`]: (t) => ({ body: { url: t.hook.url, events: ['message.*'] } }),
  [`GET ${P}/webhooks/{id}`]: own('hook'),
  [`PATCH ${P}/webhooks/{id}`]: (t) => ({ params: { id: t.hook.id }, body: { description: 'changed' } }),
  [`DELETE ${P}/webhooks/{id}`]: fresh((t) => t.webhook()),
  [`POST ${P}/webhooks/{id}/rotate`]: own('hook'),
  [`POST ${P}/webhooks/{id}/test`]: own('hook'),
  [`POST ${P}/webhooks/{id}/replay`]: own('hook'),
  [`GET ${P}/webhooks/{id}/deliveries`]: own('hook'),
  [`GET ${P}/webhook-deliveries/{id}`]: own('sent'),
  [`POST ${P}/webhook-deliveries/{id}/replay`]: fresh((t) => t.delivery()),

  // --- campaigns ---
  [`GET ${P}/dispatches`]: () => ({}),
  [`POST ${P}/dispatches`]: (t) => ({ body: { name: 'a campaign', audience: { leads: [t.talk.lead.id] } } }),
  [`GET ${P}/dispatches/{id}`]: fresh((t) => t.campaign()),
  [`PATCH ${P}/dispatches/{id}`]: async (t) => ({ params: { id: (await t.campaign()).id }, body: { name: 'renamed', limits: { per_second: 10 } } }),
  [`DELETE ${P}/dispatches/{id}`]: fresh((t) => t.campaign()),
  [`POST ${P}/dispatches/{id}/plan`]: fresh((t) => t.campaign()),
  [`POST ${P}/dispatches/{id}/dry-run`]: fresh((t) => t.campaign()),
  [`POST ${P}/dispatches/{id}/start`]: async (t) => ({ params: { id: (await t.campaign()).id }, body: { at: '2099-01-01T12:00:00Z' } }),
  [`POST ${P}/dispatches/{id}/pause`]: fresh((t) => t.campaignIn('planned', 'start', { at: '2099-01-01T12:00:00Z' })),
  [`POST ${P}/dispatches/{id}/resume`]: fresh((t) => t.campaignIn('paused', 'start')), // there is no such template
  [`POST ${P}/dispatches/{id}/cancel`]: fresh((t) => t.campaign()),
  [`POST ${P}/dispatches/{id}/test`]: async (t) => ({
    params: { id: (await t.campaign()).id },
    body: { lead_id: t.talk.lead.id, channel: 'whatsapp', address: '5511987654321' },
    foreign: (_, other) => ({ body: { lead_id: other.talk.lead.id, channel: 'whatsapp', address: '5511987654321' }, status: 404 }),
  }),
  [`POST ${P}/dispatches/{id}/preview`]: async (t) => ({ params: { id: (await t.campaign()).id }, body: {} }),
  [`POST ${P}/dispatches/preview`]: (t) => ({ body: { audience: { leads: [t.talk.lead.id] }, channels: [{ channel: 'email' }], variables: { nome: 'Ana' } } }),
  [`GET ${P}/dispatches/{id}/recipients`]: fresh((t) => t.campaignIn('planned', 'plan')),
  [`GET ${P}/dispatches/{id}/recipients/export`]: fresh((t) => t.campaignIn('planned', 'plan')),
  [`GET ${P}/dispatches/{id}/report`]: fresh((t) => t.campaignIn('planned', 'plan')),
  [`GET ${P}/dispatches/{id}/log`]: fresh((t) => t.campaignIn('planned', 'dry-run')),
  [`GET ${P}/dispatches/{id}/log/export`]: fresh((t) => t.campaignIn('planned', 'dry-run')),
  [`GET ${P}/dispatch-recipients/{id}`]: fresh((t) => t.uncertainRecipient()),
  [`POST ${P}/dispatch-recipients/{id}/settle`]: async (t) => ({ params: { id: (await t.uncertainRecipient()).id }, body: { as: 'sent' } }),
  [`POST ${P}/dispatches/{id}/recipients/settle`]: async (t) => {
    const { dispatch_id: id } = await t.uncertainRecipient();
    const { as_of, causes } = await t.api.get(`/api/v1/dispatches/${id}/report`);
    const { state, cause, settleable } = causes[0];
    return { params: { id }, body: { state, cause, as: 'sent', as_of, count: settleable } };
  },
  [`GET ${P}/settings/dispatch`]: () => ({}),
  [`PUT ${P}/settings/dispatch`]: () => ({ body: { price_marketing: 350000 } }),

  // --- of the server ---
  'GET /openapi.json': () => ({}),
  'GET /api': () => ({}),
  'GET /live': () => ({}),
  'GET /metrics': () => ({}),
  'GET /healthz': () => ({}),
  'GET /readyz': () => ({}),
};
