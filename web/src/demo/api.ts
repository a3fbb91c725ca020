// SPDX-License-Identifier: Apache-2.0
// The server's API as the page uses it: shapes, calls, and the live socket that resumes by cursor.
import { signal } from '@preact/signals';
import type { Turn } from '../lib/api';

export type { Turn };

export interface Conversation {
  id: string;
  state: string;
  owner: string;
  lead: { id: string; name: string | null; phone: string | null; user_id: string | null };
  handoff_reason: string | null;
  last_text: string;
  last_at: string;
  window_until: string | null;
}

export interface Content {
  text?: string;
  caption?: string;
  title?: string;
  emoji?: string;
  button?: string;
  buttons?: { id: string; title: string }[];
  sections?: { title?: string; rows: { id: string; title: string; description?: string }[] }[];
  media?: { filename?: string; mime?: string };
  name?: string;
}

export interface Message {
  id: string;
  conversation_id: string;
  direction: 'in' | 'out';
  owner: string;
  type: string;
  text: string;
  content: Content;
  status: string;
  error: { code: number; reason: string } | null;
  provider_message_id: string | null;
  revoked_at: string | null;
  created_at: string;
  cursor: string;
}

export interface LiveEvent {
  cursor: string;
  kind: string;
  conversation_id: string | null;
  message_id: string | null;
  at: string;
  message?: Message;
}

export interface Demo {
  sim: string;
  phone_number_id: string;
  business_name: string;
  email: string;
}

interface List<T> {
  data: T[];
  next: string | null;
}

/** The page itself carries a session: fetching it renews one that ended while the page was open. */
const signInAgain = (): Promise<Response> => fetch('/');

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const init: RequestInit = { method, headers: { Accept: 'application/json' } };
  if (body !== undefined) {
    init.headers = { ...init.headers, 'Content-Type': 'application/json' };
    init.body = JSON.stringify(body);
  }
  let answer = await fetch(path, init);
  if (answer.status === 401) {
    await signInAgain();
    answer = await fetch(path, init);
  }
  if (!answer.ok) {
    const problem = (await answer.json().catch(() => null)) as { detail?: string; title?: string } | null;
    throw new Error(problem?.detail ?? problem?.title ?? `HTTP ${answer.status}`);
  }
  return (await answer.json()) as T;
}

const of = (id: string) => `/api/v1/conversations/${id}`;

export const api = {
  demo: () => call<Demo>('GET', '/demo.json'),
  conversations: async () => (await call<List<Conversation>>('GET', '/api/v1/conversations?limit=50')).data,
  conversation: (id: string) => call<Conversation>('GET', of(id)),
  messages: async (id: string) =>
    (await call<List<Message>>('GET', `${of(id)}/messages?order=desc&limit=200`)).data.reverse(),
  turns: async (id: string) => (await call<List<Turn>>('GET', `${of(id)}/turns?limit=50`)).data,
  events: async (id: string) => (await call<List<LiveEvent>>('GET', `${of(id)}/events?limit=500`)).data,
  reply: (id: string, text: string, clientId: string) =>
    call<Message>('POST', `${of(id)}/messages`, { text, client_id: clientId }),
  act: (id: string, what: 'take' | 'release' | 'close') => call<Conversation>('POST', `${of(id)}/${what}`, {}),
};

export const isConnected = signal(true);

/** Follows /live for as long as the page lives; after a break it goes on behind the last event it saw. */
export function follow(onEvent: (event: LiveEvent) => void, onOpen: () => void): void {
  let cursor = '';
  let wait = 250;
  const open = () => {
    let wasOpen = false;
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const socket = new WebSocket(`${scheme}://${location.host}/live${cursor ? `?after=${cursor}` : ''}`);
    socket.onopen = () => {
      wasOpen = true;
      wait = 250;
      isConnected.value = true;
      onOpen();
    };
    socket.onmessage = (frame) => {
      const event = JSON.parse(String(frame.data)) as LiveEvent;
      cursor = event.cursor;
      onEvent(event);
    };
    socket.onclose = () => {
      isConnected.value = false;
      setTimeout(open, wait + Math.random() * wait);
      if (!wasOpen) void api.demo().then(api.conversations, () => undefined).catch(() => undefined);
      wait = Math.min(wait * 2, 5000);
    };
    // A socket can look alive for minutes after the line is gone; the browser knows sooner.
    addEventListener('offline', () => socket.close(), { once: true });
  };
  open();
}
