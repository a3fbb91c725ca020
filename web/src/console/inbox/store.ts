// SPDX-License-Identifier: Apache-2.0
// What the inbox knows: every conversation seen so far, once; queues are views of that. Live events patch it, and the
// server is asked again for what an event only hints at.
import { batch, computed, signal } from '@preact/signals';
import { get, isStatus, patch, post, put, search, type Conversation, type Label, type List, type LiveEvent, type Presence, type Problem } from '../../lib/api';
import { onEvent, onOpen, onPresence, type AgentPresence } from '../../lib/live';
import { match, path } from '../../lib/router';
import { user } from '../session';

export const QUEUES = ['mine', 'waiting', 'bot', 'people', 'all', 'closed'] as const;
/** One of QUEUES, or "label-<id>". */
export type Queue = string;

const map = new Map<string, Conversation>();
const version = signal(0);
/** The one the address names. */
export const queue = computed<Queue>(() => match('/app/inbox/:queue/:conversation?', path.value)?.queue ?? 'mine');

export const isOver = (c: Conversation): boolean => c.state === 'agent_closed' || c.state === 'expired';
export const isMine = (c: Conversation): boolean =>
  c.owner === 'person' && Boolean(c.owner_user) && c.owner_user === user.value?.id && !isOver(c);
export const isOthers = (c: Conversation): boolean => c.owner === 'person' && !isOver(c) && !isMine(c);

/** Whether it belongs to a queue, as the server would say it. */
export function belongs(c: Conversation, to: Queue): boolean {
  if (to.startsWith('label-')) return !isOver(c) && Boolean(c.labels?.some((label) => `label-${label.id}` === to));
  switch (to) {
    case 'mine':
      return isMine(c);
    case 'waiting':
      return c.state === 'waiting_agent';
    case 'bot':
      return c.owner === 'bot' && !isOver(c);
    case 'people':
      return c.owner === 'person' && !isOver(c);
    case 'closed':
      return isOver(c);
    default:
      return !isOver(c);
  }
}

/** How far a queue was read: everything newer than horizon is known. */
interface Reach {
  next: string;
  horizon: string; // a last_at; ISO times of one length compare as texts
  isDone: boolean;
  isLoading: boolean;
  problem: unknown;
}
const reaches = signal<Record<Queue, Reach>>({});
const NEVER = '~'; // behind every time
const START: Reach = { next: '', horizon: NEVER, isDone: false, isLoading: false, problem: null };
export const reachOf = (which: Queue): Reach => reaches.value[which] ?? START;
const setReach = (which: Queue, now: Partial<Reach>): void => {
  reaches.value = { ...reaches.value, [which]: { ...reachOf(which), ...now } };
};


/** The queue on screen, newest activity first. */
export const list = computed<Conversation[]>(() => {
  void version.value;
  const which = queue.value;
  const { horizon, isDone } = reachOf(which);
  const found: Conversation[] = [];
  for (const c of map.values()) if (belongs(c, which) && (isDone || c.last_at >= horizon)) found.push(c);
  return found.sort((a, b) => (a.last_at === b.last_at ? (a.id < b.id ? 1 : -1) : a.last_at < b.last_at ? 1 : -1));
});

export const conversation = (id: string): Conversation | undefined => {
  void version.value;
  return map.get(id);
};
export const everyKnown = (): Conversation[] => {
  void version.value;
  return [...map.values()];
};

/** What changes within one frame is shown once: a campaign's thousand events are not a thousand lists. */
let isBumped = false;
function changed(): void {
  if (isBumped) return;
  isBumped = true;
  setTimeout(() => {
    isBumped = false;
    version.value++;
  }, FRAME_MS);
}
const FRAME_MS = 16;

export function know(...some: Conversation[]): void {
  for (const c of some) {
    const old = map.get(c.id);
    // What one row has and another answer left out stays.
    map.set(c.id, old && old.owner_version > c.owner_version ? { ...c, ...old } : { ...old, ...c });
  }
  changed();
}

/** Answers cross each other: what was read before a write of ours ended does not cover what the write said. */
let tick = 0;
const written = new Map<string, number>();
async function writing<T>(id: string, ask: () => Promise<T>): Promise<T> {
  written.set(id, ++tick);
  try {
    return await ask();
  } finally {
    written.set(id, ++tick);
  }
}
function learn(began: number, some: Conversation[]): void {
  const isCurrent = (c: Conversation) => !map.has(c.id) || (written.get(c.id) ?? 0) <= began;
  know(...some.filter(isCurrent));
  for (const c of some) if (!isCurrent(c)) touch(c.id);
}
const patchKnown = (id: string, now: Partial<Conversation>): void => {
  const old = map.get(id);
  if (!old) return;
  map.set(id, { ...old, ...now });
  changed();
};

const PAGE = 100;
function queryOf(which: Queue): Record<string, string> {
  if (which.startsWith('label-')) return { queue: 'all', label: which.slice('label-'.length) };
  return { queue: which };
}

/** The next page of a queue. */
export async function loadMore(which: Queue): Promise<void> {
  const reach = reachOf(which);
  if (reach.isLoading || reach.isDone) return;
  setReach(which, { isLoading: true, problem: null });
  const began = ++tick;
  try {
    const page = await get<List<Conversation>>(`/conversations${search({ ...queryOf(which), after: reach.next, limit: PAGE })}`);
    const last = page.data.at(-1);
    batch(() => {
      learn(began, page.data);
      setReach(which, {
        isLoading: false,
        isDone: !page.has_more,
        next: page.next ?? '',
        horizon: last && last.last_at < reachOf(which).horizon ? last.last_at : reachOf(which).horizon,
      });
    });
  } catch (problem) {
    setReach(which, { isLoading: false, problem });
  }
}

/** What one conversation is now. */
export async function refresh(id: string): Promise<void> {
  const began = ++tick;
  learn(began, [await get<Conversation>(`/conversations/${id}`)]);
}

// --- counts, labels, canned answers, team ------------------------------------------------------------------------------

export interface Counts {
  mine: number;
  waiting: number;
  bot: number;
  people: number;
  all: number;
  unread: number;
  labels: Record<string, number>;
  max: number; // that many or more
}
export interface Canned {
  id: string;
  shortcut: string;
  text: string;
}
export interface Teammate {
  id: string;
  name: string;
  role: string;
  presence: Presence;
  skills: string[];
  capacity: number;
  open: number;
}

export const counts = signal<Counts | null>(null);
export const labels = signal<Label[]>([]);
export const canned = signal<Canned[]>([]);
export const team = signal<Teammate[]>([]);
export const presence = computed<Presence | null>(() => team.value.find((one) => one.id === user.value?.id)?.presence ?? null);
/** What a person chose lasts over a reload; the server forgets whoever is online and not heard of for 90 seconds. */
const CHOSEN = 'presence';
const BEAT_MS = 30_000;
export async function setPresence(to: Presence): Promise<void> {
  localStorage.setItem(CHOSEN, to);
  await put('/me/presence', { presence: to });
  await loadTeam();
}
function stayOnline(): void {
  if (user.value && localStorage.getItem(CHOSEN) === 'online')
    void put('/me/presence', { presence: 'online' }).catch(() => undefined); // the next beat tries again
}
/** Before signing out: nobody gets a conversation who is not here. */
export async function leave(): Promise<void> {
  localStorage.removeItem(CHOSEN);
  await put('/me/presence', { presence: 'offline' }).catch(() => undefined);
}
export const nameOf = (id: string | null | undefined): string =>
  id && id === user.value?.id ? user.value.name : (team.value.find((one) => one.id === id)?.name ?? '');

/** Failures of these side lists cost nothing but the list: they are asked for again with the next event. */
async function fill<T>(path: string, into: (data: T[]) => void): Promise<void> {
  const found = await get<List<T>>(path).catch(() => null);
  if (found) into(found.data);
}
export const loadLabels = () => fill<Label>('/labels', (data) => (labels.value = data));
export const loadCanned = () => fill<Canned>('/canned', (data) => (canned.value = data));
export const loadTeam = () => fill<Teammate>('/team', (data) => (team.value = data));
export async function loadCounts(): Promise<void> {
  const now = await get<Counts>('/conversations/counts').catch(() => null);
  if (now) counts.value = now;
}

// --- live ----------------------------------------------------------------------------------------------------------------

const GATHER_MS = 300;
const MANY = 5;
let dirty = new Set<string>();
let isGathering = false;

/** One by one; what the server puts off is asked for again. */
const refreshAll = (ids: string[]): Promise<unknown> =>
  Promise.all(ids.map((id) => refresh(id).catch((why: unknown) => void (isStatus(why, 429) && dirty.add(id)))));

/** Many that changed are among the newest: page by page from the top, while a page holds any of them. Those elsewhere come after. */
async function refreshMany(ids: string[]): Promise<unknown> {
  const missing = new Set(ids);
  const later = (some: Iterable<string>) => {
    for (const id of some) dirty.add(id);
  };
  for (let after = '', hasMore = true, hasFound = true; hasMore && hasFound && missing.size > MANY; ) {
    const began = ++tick;
    let page: List<Conversation>;
    try {
      page = await get(`/conversations${search({ after, limit: Math.min(500, missing.size * 2) })}`);
    } catch (why) {
      if (isStatus(why, 429)) later(missing);
      return;
    }
    learn(began, page.data);
    hasFound = page.data.filter((c) => missing.delete(c.id)).length > 0;
    hasMore = page.has_more;
    after = page.next ?? '';
  }
  const rest = [...missing];
  later(rest.slice(MANY));
  return refreshAll(rest.slice(0, MANY));
}

/** Asks for what changed, many at once when many did, never twice at the same time. */
function freshen(): void {
  if (isGathering) return;
  isGathering = true;
  setTimeout(() => {
    const ids = [...dirty];
    dirty = new Set();
    void Promise.allSettled([ids.length > MANY ? refreshMany(ids) : refreshAll(ids), loadCounts()]).then(() => {
      isGathering = false;
      if (dirty.size > 0) freshen();
    });
  }, GATHER_MS);
}

export function touch(id: string): void {
  dirty.add(id);
  freshen();
}

/** What an event tells at once; the rest comes with the answer to freshen. */
function apply(event: LiveEvent): void {
  const id = event.conversation_id;
  if (event.kind === 'team.presence') void loadTeam();
  if (!id) return;
  const { message } = event;
  const old = map.get(id);
  if (message && old && (event.kind === 'message.received' || event.kind === 'message.queued')) {
    patchKnown(id, {
      last_text: message.text || old.last_text,
      last_at: message.created_at > old.last_at ? message.created_at : old.last_at,
      ...(message.direction === 'in' ? { unread: (old.unread ?? 0) + 1 } : {}),
    });
  }
  touch(id);
}

/** Who looks at or writes in which conversation, by user. */
export const others = signal<Record<string, AgentPresence>>({});
const TYPING_MS = 6000;
let typingTimer = 0;

function noticePresence(now: AgentPresence): void {
  if (now.user === user.value?.id) return;
  others.value = { ...others.value, [now.user]: now };
  if (!now.typing) return;
  clearTimeout(typingTimer);
  typingTimer = window.setTimeout(() => {
    others.value = Object.fromEntries(Object.entries(others.value).map(([id, p]) => [id, { ...p, typing: false }]));
  }, TYPING_MS);
}

let isStarted = false;
export function startInbox(): void {
  if (isStarted) return;
  isStarted = true;
  onEvent(apply);
  onPresence(noticePresence);
  onOpen(() => void Promise.all([loadCounts(), loadTeam(), loadLabels(), loadCanned()]));
  stayOnline();
  setInterval(stayOnline, BEAT_MS);
}

// --- what people do ------------------------------------------------------------------------------------------------------

/** Who has it instead, from the server's refusal. */
export const holderIn = (problem: Problem): string => {
  const owner = problem.body.owner as { name?: string } | undefined;
  return owner?.name ?? '';
};

export type Act = 'take' | 'release' | 'close';
const ask = (c: Conversation, what: Act): Promise<Conversation> =>
  writing(c.id, () => post<Conversation>(`/conversations/${c.id}/${what}`, { version: c.owner_version }));

/** What the person saw may be older than what the server has; it is tried again only where nothing changed hands. */
export async function act(c: Conversation, what: Act): Promise<void> {
  try {
    know(await ask(c, what));
  } catch (why) {
    if (!isStatus(why, 409)) throw why;
    await refresh(c.id).catch(() => undefined);
    const now = map.get(c.id);
    if (!now || now.owner_version === c.owner_version || (!isMine(now) && now.owner_user !== c.owner_user)) throw why;
    know(await ask(now, what));
  }
  void loadCounts();
}

export async function handOver(c: Conversation, to: string | null): Promise<void> {
  know(await writing(c.id, () => post<Conversation>(`/conversations/${c.id}/assign`, { user: to, version: c.owner_version })));
}

export async function setLabels(c: Conversation, now: Label[]): Promise<void> {
  const before = c.labels ?? [];
  patchKnown(c.id, { labels: now });
  try {
    await writing(c.id, () => put(`/conversations/${c.id}/labels`, { labels: now.map((label) => label.id) }));
  } catch (why) {
    patchKnown(c.id, { labels: before });
    throw why;
  }
  void loadCounts();
}

export async function setName(c: Conversation, name: string): Promise<void> {
  await writing(c.id, () => patch(`/leads/${c.lead.id}`, { name }));
  patchKnown(c.id, { lead: { ...c.lead, name } });
}

/** Seen by this person; told once, and again when more came. */
export async function markRead(c: Conversation): Promise<void> {
  if (!c.unread) return;
  patchKnown(c.id, { unread: 0 });
  await writing(c.id, () => post(`/conversations/${c.id}/read`, { count: c.inbound_count })).catch(() => undefined);
  touch(c.id);
}
