// SPDX-License-Identifier: Apache-2.0
// Who is signed in, and what they chose: language, theme, presence.
import { computed, effect, signal } from '@preact/signals';
import { beginAsking, call, del, endAsking, get, isSignedOut, isStatus, patch, type Me, type Role, type Theme } from '../lib/api';
import { chosenLanguage, language, type Language } from '../lib/i18n';
import { startLive, stopLive } from '../lib/live';

export const me = signal<Me | null>(null);
export const user = computed(() => me.value?.user ?? null);
export const isLoading = signal(true);
/** The server could not be asked who this is; not the same as being signed out. */
export const loadProblem = signal<unknown>(null);
/** A session ended while the page was open. */
export const wasSignedIn = signal(false);

const RANK: Record<Role, number> = { agent: 0, supervisor: 1, admin: 2, owner: 3 };
export const may = (least: Role): boolean => RANK[user.value?.role ?? 'agent'] >= RANK[least];

/** Kept in this browser as well, so that the sign-in page and the first paint have the right look. */
const kept = (key: string): string => localStorage.getItem(`prosa.${key}`) ?? '';
const keep = (key: string, value: string): void => localStorage.setItem(`prosa.${key}`, value);

export const theme = signal<Theme>((kept('theme') as Theme) || 'auto');
chosenLanguage.value = kept('language') as Language | '';

const PATIENCE_MS = 2000;

effect(() => {
  document.documentElement.dataset.theme = theme.value;
  keep('theme', theme.value);
});
effect(() => {
  document.documentElement.lang = language.value;
  keep('language', chosenLanguage.value);
});

function welcome(now: Me): void {
  me.value = now;
  isSignedOut.value = false;
  wasSignedIn.value = true;
  if (now.user?.theme) theme.value = now.user.theme;
  if (now.user?.locale !== undefined) chosenLanguage.value = now.user.locale;
  startLive();
}

export async function load(): Promise<void> {
  isLoading.value = true;
  loadProblem.value = null;
  try {
    welcome(await get<Me>('/me'));
  } catch (why) {
    me.value = null;
    if (!isStatus(why, 401)) loadProblem.value = why;
  }
  isLoading.value = false;
}

export interface SignIn {
  tenant: string;
  email: string;
  password: string;
  code?: string;
}

export async function signIn(given: SignIn): Promise<void> {
  const now = await call<Me>('POST', '/session', given);
  beginAsking();
  keep('tenant', given.tenant);
  keep('email', given.email);
  welcome(now);
}
export const lastSignIn = () => ({ tenant: kept('tenant'), email: kept('email') });

/** farewell: the last that is said in this session's name. */
export async function signOut(farewell: () => Promise<void>): Promise<void> {
  stopLive();
  void farewell();
  await endAsking(PATIENCE_MS);
  await del('/session').catch(() => undefined);
  wasSignedIn.value = false;
  me.value = null;
}

isSignedOut.subscribe((out) => {
  if (out) me.value = null;
});

/** Optimistic, and taken back when the server refuses. */
async function change(now: Partial<NonNullable<Me['user']>>, ask: () => Promise<unknown>): Promise<void> {
  const before = me.value;
  if (!before?.user) return;
  me.value = { ...before, user: { ...before.user, ...now } };
  try {
    await ask();
  } catch (why) {
    if (me.value) me.value = before;
    throw why;
  }
}

export async function setTheme(to: Theme): Promise<void> {
  theme.value = to;
  await change({ theme: to }, () => patch('/me', { theme: to }));
}
export async function setLanguage(to: Language | ''): Promise<void> {
  chosenLanguage.value = to;
  await change({ locale: to }, () => patch('/me', { locale: to }));
}
