// SPDX-License-Identifier: Apache-2.0
// What the page knows, in signals; the only place that talks to the server and the simulator.
import { batch, computed, signal } from '@preact/signals';
import { api, follow, isConnected, type Conversation, type Demo, type LiveEvent, type Message, type Turn } from './api';
import { Phone, type Act, type Bubble, type Chat } from './sim';

export const demo = signal<Demo | null>(null);
export const loadError = signal('');
/** What the simulated phone holds; null until it was looked at. */
const chat = signal<Chat | null>(null);
export const talks = signal<Conversation[]>([]);
export const phoneError = signal('');
export const phone = signal<Phone | null>(null);
export const conversation = signal<Conversation | null>(null);
export const messages = signal<Message[]>([]);
export const turns = signal<Turn[]>([]);
export const events = signal<LiveEvent[]>([]);
export const teamError = signal('');

/** Drafts survive a reload: a person's words are not lost to a slip of the finger. */
const kept = (key: string) => {
  const text = signal(sessionStorage.getItem(key) ?? '');
  text.subscribe((now) => sessionStorage.setItem(key, now));
  return text;
};
export const draft = kept('draft');
export const phoneDraft = kept('phone-draft');

const asBubble = (message: Message): Bubble => ({
  seq: 0,
  id: message.provider_message_id ?? '',
  direction: message.direction,
  type: message.type,
  text: message.text,
  content: message.content,
  status: message.direction === 'in' ? 'read' : message.status,
  at: Date.parse(message.created_at),
});

/** The phone's chat. The simulator forgets when it ends; what was said before comes from the conversation. */
export const bubbles = computed<Bubble[]>(() => {
  if (!chat.value) return [];
  const now = chat.value.messages;
  const first = now[0]?.at ?? Infinity;
  const ids = new Set(now.map((bubble) => bubble.id));
  const before = messages.value
    .map(asBubble)
    .filter((bubble) => bubble.id !== '' && bubble.at < first && !ids.has(bubble.id));
  return [...before, ...now];
});

export const botIsThinking = computed(
  () => chat.value?.typing || (chat.value?.messages.at(-1)?.direction === 'in' && conversation.value?.owner === 'bot'),
);

const names = ['Ana Ribeiro', 'Bruno Costa', 'Carla Souza', 'Diego Lima', 'Elisa Prado', 'Fábio Nunes'];
let stopWatching = () => {};
let chosenId = ''; // the conversation a person picked; empty: the phone's newest

/** A phone nobody has written from yet. */
export function newCustomer(): void {
  const at = demo.value;
  if (!at) return;
  const number = `55119${String(Math.floor(10_000_000 + Math.random() * 89_999_999))}`;
  const name = names[Math.floor(Math.random() * names.length)] ?? 'Ana Ribeiro';
  use(at, number, name);
}

function use(at: Demo, number: string, name: string, chosen = ''): void {
  sessionStorage.setItem('phone', JSON.stringify({ number, name }));
  stopWatching();
  batch(() => {
    chosenId = chosen;
    phone.value = new Phone(at.sim, at.phone_number_id, number, name);
    phoneError.value = '';
    teamError.value = '';
    chat.value = null;
    show(null);
  });
  stopWatching = phone.value?.watch((now) => (chat.value = now)) ?? stopWatching;
  sync();
}

/** Another conversation, and the phone of the customer it is with. */
export function choose(talk: Conversation): void {
  if (demo.value && talk.lead.phone) use(demo.value, talk.lead.phone, talk.lead.name ?? '', talk.id);
}

export async function write(act: Act): Promise<boolean> {
  try {
    chosenId = '';
    await phone.value?.write(act);
    phoneError.value = '';
    return true;
  } catch {
    phoneError.value = 'failed';
    return false;
  }
}

/** Runs something of the team's and says it when it fails. */
async function attempt(what: () => Promise<unknown>, isTold = true): Promise<boolean> {
  try {
    await what();
    teamError.value = '';
    return true;
  } catch (why) {
    if (isTold) teamError.value = why instanceof Error ? why.message : String(why);
    return false;
  }
}

export async function act(what: 'take' | 'release' | 'close'): Promise<void> {
  const id = conversation.value?.id;
  if (id) await attempt(async () => (conversation.value = await api.act(id, what)));
  sync();
}

let clientId = crypto.randomUUID();

/** Sends the draft; a second try after a lost answer carries the same id, so nothing is said twice. */
export async function reply(): Promise<void> {
  const id = conversation.value?.id;
  const text = draft.value.trim();
  if (!id || !text) return;
  if (await attempt(() => api.reply(id, text, clientId))) {
    clientId = crypto.randomUUID();
    draft.value = '';
    sync();
  }
}

function show(now: Conversation | null, said: Message[] = [], decided: Turn[] = [], steps: LiveEvent[] = []): void {
  batch(() => {
    conversation.value = now;
    messages.value = said;
    turns.value = decided;
    events.value = steps;
  });
}

const isOf = (talk: Conversation, number: string) => talk.lead.phone?.slice(-8) === number.slice(-8);

async function look(): Promise<void> {
  talks.value = await api.conversations();
  const number = phone.value?.number;
  if (!number) return;
  const mine = talks.value.find((talk) => (chosenId ? talk.id === chosenId : isOf(talk, number)));
  if (!mine) return;
  const parts = await Promise.all([
    api.conversation(mine.id),
    api.messages(mine.id),
    api.turns(mine.id),
    api.events(mine.id),
  ]);
  if (phone.value?.number === number) show(...parts);
}

let isLooking = false;
let isStale = false;

/** One look at a time, and one more for whatever came meanwhile: an old answer never covers a newer one. */
export function sync(): void {
  isStale = true;
  if (isLooking) return;
  isLooking = true;
  void (async () => {
    while (isStale) {
      isStale = false;
      await new Promise((done) => setTimeout(done, 30));
      if (!(await attempt(look, isConnected.value))) break;
    }
    isLooking = false;
  })();
}

/** Back on the line. A server that started again has its simulator elsewhere, and only a fresh page may talk to it. */
async function resume(): Promise<void> {
  const at = await api.demo().catch(() => null);
  if (at && at.sim !== demo.value?.sim) location.reload();
  else sync();
}

let isFollowing = false;

export async function start(): Promise<void> {
  try {
    const at = await api.demo();
    demo.value = at;
    loadError.value = '';
    const last = JSON.parse(sessionStorage.getItem('phone') ?? 'null') as { number: string; name: string } | null;
    talks.value = await api.conversations();
    const newest = talks.value.find((talk) => talk.lead.phone);
    if (last) use(at, last.number, last.name);
    else if (newest) choose(newest);
    else newCustomer();
    if (!isFollowing) follow(sync, () => void resume());
    isFollowing = true;
  } catch (why) {
    loadError.value = why instanceof Error ? why.message : String(why);
  }
}
