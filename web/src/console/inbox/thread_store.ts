// SPDX-License-Identifier: Apache-2.0
// One conversation's thread: messages in pages backwards, notes, steps, and what is on its way out. A message goes out
// under an id of its own, kept until the server has it, so that a second try can never say it twice.
import { batch, signal } from '@preact/signals';
import { get, isStatus, post, search, type Content, type Conversation, type List, type LiveEvent, type Message, type Turn } from '../../lib/api';
import { onEvent, onOpen } from '../../lib/live';
import { conversation, know, refresh } from './store';

export interface Note {
  id: string;
  user: string;
  user_name: string;
  text: string;
  created_at: string;
}

/** Something written here that the server has not confirmed. */
export interface Outgoing {
  clientId: string;
  type: string;
  content: Content;
  text: string;
  replyTo: string;
  at: string;
  state: 'sending' | 'waiting' | 'failed';
  problem: string;
}

const PAGE = 100;
/** On the way to a message far back, nothing in between is looked at. */
export const LEAP = 500;
const STEPS = 200;

/** Cursors are "transaction.number". */
function compareCursors(a: string, b: string): number {
  const [ax = 0, as = 0] = a.split('.').map(Number);
  const [bx = 0, bs = 0] = b.split('.').map(Number);
  return ax - bx || as - bs;
}

/** A live event may come before the answer to the request that caused it: the later version of a message stays. */
const RANK = ['queued', 'sending', 'uncertain', 'cancelled', 'sent', 'failed', 'delivered', 'read', 'played'];
function newer(a: Message, b: Message): Message {
  if (a.updated_at !== b.updated_at) return a.updated_at > b.updated_at ? a : b;
  return RANK.indexOf(a.status) > RANK.indexOf(b.status) ? a : b;
}

const keyOf = (id: string): string => `prosa.outgoing.${id}`;

export class Thread {
  readonly messages = signal<Message[]>([]);
  readonly notes = signal<Note[]>([]);
  readonly timeline = signal<LiveEvent[]>([]);
  readonly turns = signal<Turn[]>([]);
  readonly outgoing = signal<Outgoing[]>([]);
  readonly isReady = signal(false);
  readonly hasOlder = signal(false);
  readonly isLoadingOlder = signal(false);
  readonly problem = signal<unknown>(null);
  /** Newest messages of the customer that came while the reader was further up. */
  readonly unseen = signal(0);
  private older = '';
  private isPumping = false;
  private turnsTimer = 0;

  constructor(readonly id: string) {
    const kept = JSON.parse(localStorage.getItem(keyOf(id)) ?? '[]') as Outgoing[];
    this.outgoing.value = kept.map((one) => (one.state === 'sending' ? { ...one, state: 'waiting' } : one));
  }

  async load(): Promise<void> {
    this.problem.value = null;
    try {
      const [c, page] = await Promise.all([
        get<Conversation>(`/conversations/${this.id}`),
        get<List<Message>>(`/conversations/${this.id}/messages${search({ order: 'desc', limit: PAGE })}`),
      ]);
      batch(() => {
        know(c);
        const isJoined = page.data.some((m) => this.messages.peek().some((old) => old.id === m.id));
        if (!isJoined) this.messages.value = []; // a gap in between: what is older is read again
        this.upsert(...page.data);
        if (!isJoined) {
          this.older = page.next ?? '';
          this.hasOlder.value = page.has_more;
        }
        this.isReady.value = true;
      });
      this.pump();
    } catch (why) {
      this.problem.value = why;
      return;
    }
    void this.loadNotes();
    void this.loadTimeline();
    void this.loadTurns();
  }

  async loadOlder(limit = PAGE): Promise<void> {
    if (!this.hasOlder.peek() || this.isLoadingOlder.peek() || !this.isReady.peek()) return;
    this.isLoadingOlder.value = true;
    try {
      const page = await get<List<Message>>(
        `/conversations/${this.id}/messages${search({ order: 'desc', limit, after: this.older })}`,
      );
      batch(() => {
        this.upsert(...page.data);
        this.older = page.next ?? '';
        this.hasOlder.value = page.has_more;
      });
    } catch (why) {
      this.problem.value = why;
    }
    this.isLoadingOlder.value = false;
  }

  async loadNotes(): Promise<void> {
    const found = await get<List<Note>>(`/conversations/${this.id}/notes?limit=500`).catch(() => null);
    if (found) this.notes.value = [...found.data].sort((a, b) => (a.created_at < b.created_at ? -1 : 1));
  }

  /** What happened with this customer beside messages; of this conversation it stands in the thread, too. */
  private async loadTimeline(): Promise<void> {
    const lead = conversation(this.id)?.lead.id;
    const found = lead && (await get<List<LiveEvent>>(`/leads/${lead}/events?limit=${STEPS}`).catch(() => null));
    if (found) this.addSteps(found.data);
  }

  async loadTurns(): Promise<void> {
    const found = await get<List<Turn>>(`/conversations/${this.id}/turns?limit=20`).catch(() => null);
    if (found) this.turns.value = found.data;
  }

  private addSteps(some: LiveEvent[]): void {
    const known = new Map(this.timeline.peek().map((one) => [one.id, one]));
    for (const one of some) known.set(one.id, one);
    this.timeline.value = [...known.values()].sort((a, b) => compareCursors(a.cursor, b.cursor));
  }

  /** New or newer versions of messages; each stands once, in the server's order. */
  upsert(...some: Message[]): void {
    const before = this.messages.peek();
    const fresh = new Map(some.map((m) => [m.id, m]));
    const now = before.map((m) => {
      const now = fresh.get(m.id);
      fresh.delete(m.id);
      return now ? newer(m, now) : m;
    });
    const added = [...fresh.values()];
    const last = now.at(-1);
    now.push(...added);
    if (added.length > 1 || (last && added[0] && compareCursors(added[0].cursor, last.cursor) < 0))
      now.sort((a, b) => compareCursors(a.cursor, b.cursor));
    this.messages.value = now;
    const arrived = new Set(some.map((m) => m.client_id).filter(Boolean));
    if (this.outgoing.peek().some((one) => arrived.has(one.clientId)))
      this.keep(this.outgoing.peek().filter((one) => !arrived.has(one.clientId)));
  }

  /** An edit or a withdrawal names its target by the provider's id; only the server knows what it is now. */
  private async look(providerId: string): Promise<void> {
    const target = this.messages.peek().find((m) => m.provider_message_id === providerId);
    const now = target && (await get<Message>(`/messages/${target.id}`).catch(() => null));
    if (now) this.upsert(now);
  }

  apply(event: LiveEvent): void {
    if (event.conversation_id !== this.id || !this.isReady.peek()) return;
    const { message } = event;
    if (message) {
      const isNew = !this.messages.peek().some((m) => m.id === message.id);
      this.upsert(message);
      if (isNew && message.direction === 'in') this.unseen.value++;
      if (isNew && (message.type === 'edit' || message.type === 'revoke') && message.content.target)
        void this.look(message.content.target);
    } else if (event.message_id) {
      void get<Message>(`/messages/${event.message_id}`).then((m) => this.upsert(m), () => undefined);
    }
    if (event.kind.startsWith('note.')) void this.loadNotes();
    if (!event.kind.startsWith('message.')) this.addSteps([event]);
    if (event.kind.startsWith('bot.')) {
      clearTimeout(this.turnsTimer);
      this.turnsTimer = window.setTimeout(() => void this.loadTurns(), 200);
    }
  }

  // --- going out ---------------------------------------------------------------------------------------------------------

  private keep(now: Outgoing[]): void {
    this.outgoing.value = now;
    if (now.length > 0) localStorage.setItem(keyOf(this.id), JSON.stringify(now));
    else localStorage.removeItem(keyOf(this.id));
  }
  private mark(clientId: string, now: Partial<Outgoing>): void {
    this.keep(this.outgoing.peek().map((one) => (one.clientId === clientId ? { ...one, ...now } : one)));
  }

  send(what: { type: string; content: Content; text: string; replyTo?: string }): void {
    const one: Outgoing = {
      ...what,
      replyTo: what.replyTo ?? '',
      clientId: crypto.randomUUID(),
      at: new Date().toISOString(),
      state: 'waiting',
      problem: '',
    };
    this.keep([...this.outgoing.peek(), one]);
    this.pump();
  }
  retry(clientId: string): void {
    this.mark(clientId, { state: 'waiting', problem: '' });
    this.pump();
  }
  drop(clientId: string): void {
    this.keep(this.outgoing.peek().filter((one) => one.clientId !== clientId));
  }

  /** One at a time, in the order they were written. Without a line they wait for it. */
  pump(): void {
    if (this.isPumping) return;
    const next = this.outgoing.peek().find((one) => one.state === 'waiting');
    if (!next) return;
    this.isPumping = true;
    this.mark(next.clientId, { state: 'sending' });
    void this.ask(next).then((goesOn) => {
      this.isPumping = false;
      if (goesOn) this.pump();
    });
  }

  private async ask(one: Outgoing): Promise<boolean> {
    try {
      const body = { type: one.type, content: one.content, client_id: one.clientId, ...(one.replyTo ? { reply_to: one.replyTo } : {}) };
      this.upsert(await post<Message>(`/conversations/${this.id}/messages`, body));
      this.drop(one.clientId);
      void refresh(this.id).catch(() => undefined);
      return true;
    } catch (why) {
      const isCut = isStatus(why, 0, 502, 503, 504);
      this.mark(one.clientId, { state: isCut ? 'waiting' : 'failed', problem: why instanceof Error ? why.message : String(why) });
      if (isStatus(why, 409)) void refresh(this.id).catch(() => undefined);
      return !isCut;
    }
  }
}

const open = new Map<string, Thread>();
const KEPT = 12;

/** The thread of a conversation; the last few stay, so that going back to one is instant. */
export function threadOf(id: string): Thread {
  let thread = open.get(id);
  if (thread) {
    open.delete(id);
  } else {
    thread = new Thread(id);
    void thread.load();
  }
  open.set(id, thread);
  for (const [oldest, one] of open) {
    if (open.size <= KEPT) break;
    if (one.outgoing.peek().length === 0) open.delete(oldest);
    else break;
  }
  return thread;
}

onEvent((event) => {
  if (event.conversation_id) open.get(event.conversation_id)?.apply(event);
});
let wasOpen = false;
onOpen(() => {
  // The socket resumes what the server has; what waits here goes out by the same line.
  for (const thread of open.values()) {
    if (wasOpen && thread.problem.peek()) void thread.load();
    thread.pump();
  }
  wasOpen = true;
});

