// SPDX-License-Identifier: Apache-2.0
// The server's API: one way to call it, its failures as Problem, and the shapes the pages share.
import { signal } from '@preact/signals';
import { has, t } from './i18n';

/** RFC 9457. slug is the end of its type ("second-factor"); status 0: the server was not reached. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly slug: string,
    message: string,
    readonly body: Record<string, unknown> = {},
    readonly retryAfterS = 0,
  ) {
    super(message);
  }
}

/** True once the server said that there is no session (any more); the shell then asks to sign in. */
export const isSignedOut = signal(false);

export const slugOf = (body: Record<string, unknown>): string => String(body.type ?? '').replace(/^urn:prosa:problem:/, '');
/** A refusal in the reader's language where its cause is known; else the server's own words. */
export function saidOf(slug: string, body: Record<string, unknown>, status: number): string {
  const key = `problem_${slug}`;
  return has(key) ? t(key) : String(body.detail ?? body.title ?? `HTTP ${status}`);
}

async function problemOf(answer: Response): Promise<Problem> {
  const body = ((await answer.json().catch(() => null)) ?? {}) as Record<string, unknown>;
  const slug = slugOf(body);
  const said = saidOf(slug, body, answer.status);
  const retry = Number(answer.headers.get('Retry-After')) || 0;
  const message =
    answer.status === 429 && retry > 0
      ? t('tooMany', { n: retry })
      : answer.status >= 500
        ? t('serverError', { id: answer.headers.get('X-Request-Id') ?? String(answer.status) })
        : said;
  return new Problem(answer.status, slug, message, body, retry);
}

export interface CallOptions {
  signal?: AbortSignal;
  headers?: Record<string, string>;
}

const underWay = new Set<Promise<unknown>>();
let isEnding = false;
/** From now on nothing is asked in this session's name, however late a timer or an answer asks for it: it is refused here, as the
 * server would. Resolves when what is being asked is answered, or ms are over. */
export function endAsking(ms: number): Promise<unknown> {
  isEnding = true;
  return Promise.race([Promise.all(underWay), new Promise((over) => setTimeout(over, ms))]);
}
export const beginAsking = (): void => void (isEnding = false);

/** path is under /api/v1. Resolves to what the server answered (undefined for 204), rejects with a Problem. */
export function call<T>(method: string, path: string, body?: unknown, options: CallOptions = {}): Promise<T> {
  const answer = ask<T>(method, path, body, options);
  const over = answer.catch(() => undefined).finally(() => underWay.delete(over));
  underWay.add(over);
  return answer;
}

async function ask<T>(method: string, path: string, body: unknown, options: CallOptions): Promise<T> {
  if (isEnding && path !== '/session') throw new Problem(401, 'unauthenticated', t('signInAgain'));
  const init: RequestInit = { method, headers: { Accept: 'application/json', ...options.headers } };
  if (options.signal) init.signal = options.signal;
  if (body !== undefined) {
    init.headers = { ...init.headers, 'Content-Type': 'application/json' };
    init.body = JSON.stringify(body);
  }
  const answer = await fetch(`/api/v1${path}`, init).catch((why: unknown) => {
    if (why instanceof DOMException && why.name === 'AbortError') throw why;
    throw new Problem(0, 'offline', t('offlineShort'));
  });
  if (!answer.ok) {
    const problem = await problemOf(answer);
    if (answer.status === 401 && path !== '/session') isSignedOut.value = true;
    throw problem;
  }
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

export const get = <T>(path: string, options?: CallOptions) => call<T>('GET', path, undefined, options);
export const post = <T>(path: string, body: unknown = {}, options?: CallOptions) => call<T>('POST', path, body, options);
export const put = <T>(path: string, body: unknown, options?: CallOptions) => call<T>('PUT', path, body, options);
export const patch = <T>(path: string, body: unknown, options?: CallOptions) => call<T>('PATCH', path, body, options);
export const del = <T>(path: string, options?: CallOptions) => call<T>('DELETE', path, undefined, options);

/** What to tell a person about any failure. */
export const told = (why: unknown): string => (why instanceof Error ? why.message : String(why));
export const isStatus = (why: unknown, ...statuses: number[]): why is Problem =>
  why instanceof Problem && statuses.includes(why.status);

/** The query part of a path, without what is empty. */
export function search(values: Record<string, string | number | undefined>): string {
  const found = Object.entries(values).filter(([, v]) => v !== undefined && v !== '');
  return found.length ? `?${new URLSearchParams(found.map(([k, v]) => [k, String(v)])).toString()}` : '';
}

export interface List<T> {
  data: T[];
  next: string | null;
  has_more: boolean;
}

export type Role = 'agent' | 'supervisor' | 'admin' | 'owner';
export type Presence = 'online' | 'away' | 'offline';
export type Theme = 'auto' | 'light' | 'dark';

export interface Me {
  tenant: { id: string; slug: string; name: string; locale: string; timezone: string };
  user: {
    id: string;
    name: string;
    email: string;
    role: Role;
    locale: '' | 'pt-BR' | 'en';
    theme: Theme;
    has_totp: boolean;
  } | null;
}

export interface Label {
  id: string;
  name: string;
  color: string;
}

export interface Conversation {
  id: string;
  provider_id?: string | null;
  state: string;
  owner: 'bot' | 'person' | 'none';
  owner_user: string | null;
  owner_name?: string | null;
  owner_version: number;
  lead: { id: string; name: string | null; phone: string | null; user_id: string | null };
  handoff_reason: string | null;
  last_text: string;
  last_at: string;
  window_until: string | null;
  inbound_count: number;
  answered_count: number;
  created_at: string;
  waiting_since?: string | null;
  assigned_at?: string | null;
  deadline_at?: string | null;
  deadline_kind?: string | null;
  skill?: string | null;
  summary?: string | null;
  collected?: Record<string, unknown> | null;
  unread?: number;
  labels?: Label[];
}

export interface MediaRef {
  id?: string;
  link?: string;
  mime?: string;
  filename?: string;
  voice?: boolean;
  animated?: boolean;
}

export interface Content {
  text?: string;
  caption?: string;
  title?: string;
  description?: string;
  via?: string;
  emoji?: string;
  target?: string;
  button?: string;
  header?: string | { type: string; media?: MediaRef };
  footer?: string;
  url?: string;
  buttons?: { id: string; title: string }[];
  sections?: { title?: string; rows: { id: string; title: string; description?: string }[] }[];
  media?: MediaRef;
  latitude?: number;
  longitude?: number;
  name?: string;
  address?: string;
  language?: string;
  components?: { type: string; parameters?: { type: string; text?: string }[] }[];
  contacts?: {
    name?: { formatted_name?: string };
    phones?: { phone?: string }[];
    emails?: { email?: string }[];
    org?: { company?: string };
  }[];
  items?: { id: string; quantity: number; price: number; currency: string }[];
  response?: Record<string, unknown>;
  kind?: string;
  referral?: { headline?: string; body?: string; source_url?: string };
  forwarded?: boolean;
}

export interface Media {
  id: string;
  state: 'waiting' | 'ready' | 'failed' | 'expired';
  mime: string;
  size: number;
  file_name: string;
  reason: string;
}

export interface Message {
  id: string;
  conversation_id: string;
  direction: 'in' | 'out';
  owner: 'customer' | 'bot' | 'person' | 'system';
  owner_user: string | null;
  owner_name?: string | null;
  type: string;
  text: string;
  content: Content;
  status: string;
  error: { code: number; reason: string; cause: string | null } | null;
  provider_message_id: string | null;
  client_id: string | null;
  reply_to: string | null;
  edited_at: string | null;
  revoked_at: string | null;
  created_at: string;
  updated_at: string;
  cursor: string;
  media?: Media | null;
}

export interface LiveEvent {
  cursor: string;
  id: string;
  kind: string;
  conversation_id: string | null;
  message_id: string | null;
  at: string;
  data: Record<string, unknown>;
  message?: Message;
}

export interface Turn {
  id: string;
  outcome: string;
  trace: {
    saw?: { inbound: number; answered: number };
    decided?: { by: string; node?: string; because?: string; model?: string; cause?: string };
    said?: { type: string; content: Content }[];
    handoff?: string;
    dropped?: string;
  };
  prompt_tokens: number;
  completion_tokens: number;
  cost_micros: number;
  started_at: string;
  took_ms: number;
}
