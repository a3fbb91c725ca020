// SPDX-License-Identifier: Apache-2.0
// What the page knows, in signals; the only place that talks to the server and the simulator.
import { computed, signal } from '@preact/signals';
import { api, follow, type Conversation, type Demo, type LiveEvent, type Message, type Turn } from './api';
import { Phone, type Act, type Bubble } from './sim';

export const demo = signal<Demo | null>(null);
export const loadError = signal('');
export const chat = signal<Bubble[]>([]);
export const phoneError = signal('');
export const phone = signal<Phone | null>(null);
export const conversation = signal<Conversation | null>(null);
export const messages = signal<Message[]>([]);
export const turns = signal<Turn[]>([]);
export const events = signal<LiveEvent[]>([]);
export const teamError = signal('');

/** The draft survives a reload: a person's words are not lost to a slip of the finger. */
export const draft = signal(sessionStorage.getItem('draft') ?? '');
draft.subscribe((text) => sessionStorage.setItem('draft', text));

export const botIsThinking = computed(() => {
  const last = chat.value.at(-1);
  return last !== undefined && last.direction === 'in' && conversation.value?.owner === 'bot';
});

const names = ['Ana Ribeiro', 'Bruno Costa', 'Carla Souza', 'Diego Lima', 'Elisa Prado', 'Fábio Nunes'];
let stopWatching = () => {};

/** A phone nobody has written from yet. */
export function newCustomer(): void {
  const at = demo.value;
  if (!at) return;
  stopWatching();
  const number = `55119${String(Math.floor(10_000_000 + Math.random() * 89_999_999))}`;
  const name = names[Math.floor(Math.random() * names.length)] ?? 'Ana Ribeiro';
  use(at, number, name);
}

function use(at: Demo, number: string, name: string): void {
  sessionStorage.setItem('phone', JSON.stringify({ number, name }));
  const next = new Phone(at.sim, at.phone_number_id, number, name);
  phone.value = next;
  chat.value = [];
  conversation.value = null;
  messages.value = [];
  turns.value = [];
  events.value = [];
  stopWatching = next.watch((bubbles) => (chat.value = bubbles));
  void find();
}

export async function write(act: Act): Promise<boolean> {
  try {
    await phone.value?.write(act);
    phoneError.value = '';
    return true;
  } catch {
    phoneError.value = 'failed';
    return false;
  }
}

/** Runs something of the team's and says it when it fails. */
async function attempt(what: () => Promise<unknown>): Promise<boolean> {
  try {
    await what();
    teamError.value = '';
    return true;
  } catch (why) {
    teamError.value = why instanceof Error ? why.message : String(why);
    return false;
  }
}

export async function act(what: 'take' | 'release' | 'close'): Promise<void> {
  const id = conversation.value?.id;
  if (id) await attempt(async () => (conversation.value = await api.act(id, what)));
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
    await refresh();
  }
}

/** The newest conversation of this phone. */
async function find(): Promise<void> {
  const number = phone.value?.number;
  if (!number) return;
  const all = await api.conversations();
  const mine = all.find((c) => c.lead.phone?.endsWith(number.slice(-8)));
  if (mine && phone.value?.number === number) {
    conversation.value = mine;
    await refresh();
  }
}

async function refresh(): Promise<void> {
  const id = conversation.value?.id;
  if (!id) return;
  const [now, said, decided, steps] = await Promise.all([
    api.conversation(id),
    api.messages(id),
    api.turns(id),
    api.events(id),
  ]);
  if (conversation.value?.id !== id) return;
  conversation.value = now;
  messages.value = said;
  turns.value = decided;
  events.value = steps;
}

let pending = 0;
/** Many events of one moment lead to one look. */
function soon(what: () => Promise<void>): void {
  clearTimeout(pending);
  pending = window.setTimeout(() => void attempt(what), 40);
}

function onEvent(event: LiveEvent): void {
  if (!conversation.value || conversation.value.state === 'agent_closed') soon(find);
  else if (event.conversation_id === conversation.value.id) soon(refresh);
}

export async function start(): Promise<void> {
  try {
    const at = await api.demo();
    demo.value = at;
    loadError.value = '';
    const kept = JSON.parse(sessionStorage.getItem('phone') ?? 'null') as { number: string; name: string } | null;
    if (kept) use(at, kept.number, kept.name);
    else newCustomer();
    follow(onEvent, () => soon(find));
  } catch (why) {
    loadError.value = why instanceof Error ? why.message : String(why);
  }
}
