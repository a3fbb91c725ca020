// SPDX-License-Identifier: Apache-2.0
// One socket for the whole console. It resumes behind the last event it saw, so nothing is missed and nothing comes twice.
import { signal } from '@preact/signals';
import { get, isSignedOut, type LiveEvent } from './api';

/** What another person of the team is doing right now. */
export interface AgentPresence {
  kind: 'agent.presence';
  user: string;
  name: string;
  conversation_id: string | null;
  typing: boolean;
  at: string;
}

export type Link = 'connecting' | 'open' | 'lost';
export const link = signal<Link>('connecting');

type OnEvent = (event: LiveEvent) => void;
const listeners = new Set<OnEvent>();
const presenceListeners = new Set<(presence: AgentPresence) => void>();
const openListeners = new Set<() => void>();

/** Until the function that comes back is called. */
export function onEvent(fn: OnEvent): () => void {
  listeners.add(fn);
  return () => listeners.delete(fn);
}
export function onPresence(fn: (presence: AgentPresence) => void): () => void {
  presenceListeners.add(fn);
  return () => presenceListeners.delete(fn);
}
/** Each time the line stands (again), and at once where it does. */
export function onOpen(fn: () => void): () => void {
  openListeners.add(fn);
  if (link.value === 'open') fn();
  return () => openListeners.delete(fn);
}

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 8000;
let socket: WebSocket | null = null;
let timer = 0;
let cursor = '';
let wait = FIRST_WAIT_MS;
let isWanted = false;
/** The server forgets that one types unless it hears so again. */
const TELL_AGAIN_MS = 3000;
let toldAt = 0;
let doing: { viewing: string | null; typing: boolean } = { viewing: null, typing: false };

function tell(): void {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(doing));
}

/** Tells the team which conversation is looked at and whether one writes there. */
export function setDoing(viewing: string | null, typing: boolean): void {
  const isKnown = doing.viewing === viewing && doing.typing === typing;
  if (isKnown && (!typing || Date.now() - toldAt < TELL_AGAIN_MS)) return;
  doing = { viewing, typing };
  toldAt = Date.now();
  tell();
}

function take(text: string): void {
  const frame = JSON.parse(text) as LiveEvent | AgentPresence;
  if (frame.kind === 'agent.presence') {
    for (const fn of presenceListeners) fn(frame as AgentPresence);
    return;
  }
  const event = frame as LiveEvent;
  if (event.cursor) cursor = event.cursor;
  for (const fn of listeners) fn(event);
}

function open(): void {
  clearTimeout(timer);
  let wasOpen = false;
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  const mine = new WebSocket(`${scheme}://${location.host}/live${cursor ? `?after=${cursor}` : ''}`);
  socket = mine;
  mine.onopen = () => {
    wasOpen = true;
    wait = FIRST_WAIT_MS;
    link.value = 'open';
    if (doing.viewing) tell();
    for (const fn of openListeners) fn();
  };
  mine.onmessage = (frame) => take(String(frame.data));
  mine.onclose = () => {
    if (socket !== mine || !isWanted) return;
    link.value = 'lost';
    timer = window.setTimeout(open, wait + Math.random() * wait);
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    // A socket cannot say why it was refused: the API can.
    if (!wasOpen && navigator.onLine) void get('/me').catch(() => undefined);
  };
}

const again = (): void => {
  if (isWanted && socket?.readyState !== WebSocket.OPEN) {
    wait = FIRST_WAIT_MS;
    open();
  }
};
// A socket can look alive for minutes after the line is gone; the browser knows sooner.
addEventListener('offline', () => socket?.close());
addEventListener('online', again);
document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && again());

export function startLive(): void {
  if (isWanted) return;
  isWanted = true;
  open();
}

export function stopLive(): void {
  isWanted = false;
  clearTimeout(timer);
  socket?.close();
  socket = null;
  cursor = '';
  link.value = 'connecting';
}

isSignedOut.subscribe((out) => {
  if (out) stopLive();
});
