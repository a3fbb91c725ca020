// SPDX-License-Identifier: Apache-2.0
// Two client libraries of the Cloud API as judges of our fixtures: whatsapp-api-js and Kapso's whatsapp-cloud-api.
// tests/contract/test_provider.c shows that our adapter makes exactly the requests in tests/fixtures/meta and reads
// exactly the events of its *.expect.json; here the same requests come out of both libraries, and both read the same
// out of the webhooks. Together that compares the adapter with them, without a call to anybody.
import { GraphApiError, WhatsAppClient } from '@kapso/whatsapp-cloud-api';
import { normalizeWebhook, verifySignature } from '@kapso/whatsapp-cloud-api/server';
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { WhatsAppAPI } from 'whatsapp-api-js';
import {
  ActionButtons, ActionCTA, ActionList, ActionLocation, Audio, Body, BodyComponent, BodyParameter, Button, Contacts,
  Document, Footer, Header, HeaderComponent, HeaderParameter, Image, Interactive, Language, ListSection, Location,
  Name, PayloadComponent, Phone, Reaction, Row, Sticker, Template, Text, URLComponent, Video,
} from 'whatsapp-api-js/messages';

const DIR = new URL('../fixtures/meta/', import.meta.url);
const bytesOf = (name) => readFileSync(new URL(name, DIR));
const jsonOf = (name) => JSON.parse(bytesOf(name));

const PHONE_ID = '520000000000002';
const ANA = '+5511955550123';
const BIA = 'BR.88112233445566778';
const QUOTED = 'wamid.HBgNNTUxMTk1NTU1MDEyMxUCABIYFEZYN0RBRjQ4M0E5NjFGODA3NTAx';
const CARD = {
  name: { formattedName: 'Carlos A. Teste', firstName: 'Carlos' },
  phones: [{ phone: '+55 21 95555-0456', waId: '5521955550456', type: 'CELL' }],
};

/** What a library would have sent: the call is caught, and answered as Meta does. */
function catcher() {
  const calls = [];
  const fetch = async (url, init) => {
    calls.push({ url: String(url), body: JSON.parse(init.body) });
    const answer = { messaging_product: 'whatsapp', contacts: [], messages: [{ id: 'wamid.X' }], success: true };
    return new Response(JSON.stringify(answer), { headers: { 'content-type': 'application/json' } });
  };
  return { calls, fetch };
}

async function whatsappApiJs(send) {
  const { calls, fetch } = catcher();
  await send(new WhatsAppAPI({ token: 'EAAinventedToken', v: 'v26.0', secure: false, ponyfill: { fetch } }));
  return calls[0];
}

async function kapso(send) {
  const { calls, fetch } = catcher();
  await send(new WhatsAppClient({ accessToken: 'EAAinventedToken', graphVersion: 'v26.0', fetch }).messages);
  return calls[0];
}

/** Differences without a meaning to Meta: defaults said or left out, button positions as numbers, lists as JSON text. */
function plain(body) {
  const copy = structuredClone(body);
  if (copy.text?.preview_url === false) delete copy.text.preview_url;
  if (typeof copy.contacts === 'string') copy.contacts = JSON.parse(copy.contacts);
  delete copy.template?.language?.policy;
  for (const c of copy.template?.components ?? []) if ('index' in c) c.index = String(c.index);
  if (copy.template?.components?.length === 0) delete copy.template.components;
  return copy;
}

const to = { phoneNumberId: PHONE_ID, to: ANA };
const say = (message, context, data) => (w) => w.sendMessage(PHONE_ID, { phone: ANA }, message, context, data);
const image = { type: 'image', image: { id: '810000000000001' } };

const SENDS = {
  send_text_request: {
    js: say(new Text('Olá Ana! Posso te ajudar com o plano família.', false), undefined, 'job:7f3a'),
    kapso: (m) => m.sendText({ ...to, body: 'Olá Ana! Posso te ajudar com o plano família.', previewUrl: false, bizOpaqueCallbackData: 'job:7f3a' }),
  },
  send_text_reply_request: {
    js: say(new Text('Respondendo à sua pergunta.'), QUOTED),
    kapso: (m) => m.sendText({ ...to, body: 'Respondendo à sua pergunta.', contextMessageId: QUOTED }),
  },
  send_text_bsuid_request: {
    js: (w) => w.sendMessage(PHONE_ID, { bsuid: BIA }, new Text('Olá Bia!')),
    kapso: (m) => m.sendText({ phoneNumberId: PHONE_ID, recipient: BIA, body: 'Olá Bia!' }),
  },
  send_image_id_request: {
    js: say(new Image('810000000000001', true, 'Nossa unidade')),
    kapso: (m) => m.sendImage({ ...to, image: { id: '810000000000001', caption: 'Nossa unidade' } }),
  },
  send_image_link_request: {
    js: say(new Image('https://example.test/u.jpg', false, 'Nossa unidade')),
    kapso: (m) => m.sendImage({ ...to, image: { link: 'https://example.test/u.jpg', caption: 'Nossa unidade' } }),
  },
  send_video_link_request: {
    js: say(new Video('https://example.test/v.mp4')),
    kapso: (m) => m.sendVideo({ ...to, video: { link: 'https://example.test/v.mp4' } }),
  },
  send_audio_voice_id_request: {
    js: say(new Audio('810000000000002', true, true)),
    kapso: (m) => m.sendAudio({ ...to, audio: { id: '810000000000002', voice: true } }),
  },
  send_document_link_request: {
    js: say(new Document('https://example.test/p.pdf', false, 'Proposta', 'proposta.pdf')),
    kapso: (m) => m.sendDocument({ ...to, document: { link: 'https://example.test/p.pdf', caption: 'Proposta', filename: 'proposta.pdf' } }),
  },
  send_sticker_request: {
    js: say(new Sticker('810000000000003', true)),
    kapso: (m) => m.sendSticker({ ...to, sticker: { id: '810000000000003' } }),
  },
  send_location_request: {
    js: say(new Location('-46.6565', '-23.5613', 'Unidade Centro', 'Rua dos Testes, 100')),
    // Kapso's client sends numbers; Meta documents text.
  },
  send_contacts_request: {
    js: say(new Contacts([new Name('Carlos A. Teste', 'Carlos'), new Phone('+55 21 95555-0456', 'CELL', '5521955550456')]), undefined, 'job:7f3b'),
    kapso: (m) => m.sendContacts({ ...to, contacts: [CARD], bizOpaqueCallbackData: 'job:7f3b' }),
  },
  send_reaction_request: {
    js: say(new Reaction(QUOTED, '👍')),
    kapso: (m) => m.sendReaction({ ...to, reaction: { messageId: QUOTED, emoji: '👍' } }),
  },
  send_reaction_removed_request: {
    js: say(new Reaction(QUOTED)),
    kapso: (m) => m.sendReaction({ ...to, reaction: { messageId: QUOTED, emoji: '' } }),
  },
  send_buttons_request: {
    js: say(new Interactive(new ActionButtons(new Button('plan:solo', 'Individual'), new Button('plan:family', 'Plano família')),
      new Body('Qual plano te interessa?'), undefined, new Footer('Escola Exemplo'))),
    kapso: (m) => m.sendInteractiveButtons({ ...to, bodyText: 'Qual plano te interessa?', footerText: 'Escola Exemplo',
      buttons: [{ id: 'plan:solo', title: 'Individual' }, { id: 'plan:family', title: 'Plano família' }] }),
  },
  send_buttons_image_request: {
    js: say(new Interactive(new ActionButtons(new Button('visit:yes', 'Quero visitar')), new Body('Esta é a unidade. Quer visitar?'),
      new Header(new Image('810000000000001', true))), QUOTED),
    kapso: (m) => m.sendInteractiveButtons({ ...to, contextMessageId: QUOTED, header: image, bodyText: 'Esta é a unidade. Quer visitar?',
      buttons: [{ id: 'visit:yes', title: 'Quero visitar' }] }),
  },
  send_list_request: {
    js: say(new Interactive(new ActionList('Ver horários',
      new ListSection('Terça', new Row('slot:2026-12-01T09', 'Terça 09:00', 'Unidade Centro')),
      new ListSection('Quarta', new Row('slot:2026-12-02T10', 'Quarta 10:00'))), new Body('Escolha um horário'), new Header('Horários'))),
    kapso: (m) => m.sendInteractiveList({ ...to, bodyText: 'Escolha um horário', buttonText: 'Ver horários', header: { type: 'text', text: 'Horários' },
      sections: [{ title: 'Terça', rows: [{ id: 'slot:2026-12-01T09', title: 'Terça 09:00', description: 'Unidade Centro' }] },
        { title: 'Quarta', rows: [{ id: 'slot:2026-12-02T10', title: 'Quarta 10:00' }] }] }),
  },
  send_cta_url_request: {
    js: say(new Interactive(new ActionCTA('Abrir', 'https://example.test/m/77'), new Body('Finalize sua matrícula'))),
    kapso: (m) => m.sendInteractiveCtaUrl({ ...to, bodyText: 'Finalize sua matrícula', parameters: { displayText: 'Abrir', url: 'https://example.test/m/77' } }),
  },
  send_location_request_request: {
    js: say(new Interactive(new ActionLocation(), new Body('Onde você está?'))),
  },
  send_template_positional_request: {
    js: say(new Template('lembrete_visita', new Language('pt_BR'), new HeaderComponent(new HeaderParameter(new Image('810000000000001', true))),
      new BodyComponent(new BodyParameter('Ana'), new BodyParameter('terça 09:00')),
      new PayloadComponent('CONFIRM_VISIT_77'), new URLComponent('v77'))),
    kapso: (m) => m.sendTemplate({ ...to, template: { name: 'lembrete_visita', language: { code: 'pt_BR' }, components: [
      { type: 'header', parameters: [image] },
      { type: 'body', parameters: [{ type: 'text', text: 'Ana' }, { type: 'text', text: 'terça 09:00' }] },
      { type: 'button', subType: 'quick_reply', index: '0', parameters: [{ type: 'payload', payload: 'CONFIRM_VISIT_77' }] },
      { type: 'button', subType: 'url', index: '1', parameters: [{ type: 'text', text: 'v77' }] }] } }),
  },
  send_template_named_request: {
    js: say(new Template('boas_vindas', new Language('pt_BR'), new BodyComponent(new BodyParameter('Ana', 'nome')))),
    kapso: (m) => m.sendTemplate({ ...to, template: { name: 'boas_vindas', language: { code: 'pt_BR' },
      components: [{ type: 'body', parameters: [{ type: 'text', parameterName: 'nome', text: 'Ana' }] }] } }),
  },
  send_template_plain_request: {
    js: say(new Template('pesquisa', new Language('pt_BR'))),
    kapso: (m) => m.sendTemplate({ ...to, template: { name: 'pesquisa', language: { code: 'pt_BR' } } }),
  },
  mark_read_request: {
    js: (w) => w.markAsRead(PHONE_ID, QUOTED),
    kapso: (m) => m.markRead({ phoneNumberId: PHONE_ID, messageId: QUOTED }),
  },
  mark_read_typing_request: {
    js: (w) => w.markAsRead(PHONE_ID, QUOTED, 'text'),
    kapso: (m) => m.markRead({ phoneNumberId: PHONE_ID, messageId: QUOTED, typingIndicator: { type: 'text' } }),
  },
};

describe('requests', () => {
  const documented = readdirSync(DIR).filter((f) => /^(send|mark)_.*_request\.json$/.test(f)).map((f) => f.replace('.json', ''));

  test('each request we make is made by a library as well', () => {
    assert.deepEqual(Object.keys(SENDS).sort(), documented.sort());
  });
  for (const [name, by] of Object.entries(SENDS)) {
    const ours = jsonOf(`${name}.json`);

    for (const [library, send] of [['whatsapp-api-js', by.js && (() => whatsappApiJs(by.js))], ['kapso', by.kapso && (() => kapso(by.kapso))]]) {
      if (!send) continue;
      test(`${name} is what ${library} sends`, async () => {
        const theirs = await send();
        assert.deepEqual(plain(theirs.body), plain(ours));
        assert.equal(theirs.url, `https://graph.facebook.com/v26.0/${PHONE_ID}/messages`);
      });
    }
  }
});

describe('webhooks', () => {
  const { app_secret: appSecret, vectors } = jsonOf('signatures.json');

  for (const { file, body, header } of vectors) {
    const raw = file ? bytesOf(file) : Buffer.from(body);

    test(`the signature of ${file ?? 'a bare object'} holds for kapso`, () => {
      assert.equal(verifySignature({ appSecret, rawBody: raw, signatureHeader: header }), true);
    });
    // whatsapp-api-js escapes what is not ASCII before it hashes, as Meta's own bytes are escaped: it can only judge those.
    if (/^[\0-~]*$/.test(raw.toString())) {
      test(`the signature of ${file ?? 'a bare object'} holds for whatsapp-api-js`, async () => {
        const w = new WhatsAppAPI({ token: 'x', appSecret, v: 'v26.0' });
        assert.equal(await w.verifyRequestSignature(raw.toString(), header), true);
      });
    }
  }

  // What is kept as unknown, or repaired before it is JSON, has no counterpart in a library.
  const readable = readdirSync(DIR).filter((f) => f.endsWith('.expect.json') && !/^(shapes_wrong|text_broken|text_repeated)/.test(f));
  for (const expectation of readable) {
    const name = expectation.replace('.expect.json', '');
    const body = jsonOf(`${name}.json`);
    const { events } = jsonOf(expectation);
    const changes = body.entry.flatMap((e) => e.changes);

    if (!changes.every((c) => c.field === 'messages')) continue;
    test(`${name} holds the same messages and statuses for kapso`, () => {
      const theirs = normalizeWebhook(body);
      const ours = (kinds) => events.filter((e) => kinds.includes(e.kind));
      const ids = (list) => list.map((e) => e.message_id ?? e.dedup.slice(2));

      assert.deepEqual(ids(ours(['message', 'identity'])).filter((id) => id.startsWith('wamid.')),
        theirs.messages.map((m) => m.id).filter((id) => id && !isKept(id, events)));
      assert.deepEqual(ours(['status']).map((e) => [e.message_id, e.delivery_word]),
        theirs.statuses.filter((s) => s.id).map((s) => [s.id, s.status]));
      for (const e of ours(['message'])) {
        const m = theirs.messages.find((t) => t.id === e.message_id);
        if (m?.text?.body) assert.equal(e.text, m.text.body);
        if (m?.context?.id) assert.equal(e.reply_to, m.context.id);
      }
    });
  }
});

/** A message without a sender is an account event of ours. */
const isKept = (id, events) => events.some((e) => e.kind === 'account' && e.raw?.id === id);

describe('errors', () => {
  // What Kapso leaves to the caller to fix is, where the account is at fault, a blocked account to us.
  const OURS = { retry: ['retry', 'retry_after'], rejected: ['fix_and_retry', 'do_not_retry'], blocked: ['refresh_token', 'do_not_retry', 'fix_and_retry'] };

  for (const { fixture, expect } of jsonOf('suite.json').replies.filter((r) => r.fixture.startsWith('error_'))) {
    test(`${fixture} is ${expect.outcome} for kapso too`, async () => {
      const { http_status: status, body } = jsonOf(fixture);
      const fetch = async () => new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });
      const client = new WhatsAppClient({ accessToken: 'x', fetch });
      const error = await client.messages.sendText({ ...to, body: 'oi' }).then(() => null, (e) => e);

      assert.ok(error instanceof GraphApiError);
      assert.equal(error.code, expect.code);
      assert.ok(OURS[expect.outcome].includes(error.retry.action), `kapso says ${error.retry.action}`);
    });
  }
});
