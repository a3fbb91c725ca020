// SPDX-License-Identifier: Apache-2.0
// Every text a person reads. The user's own choice decides the language; without one, the browser's does.
import { computed, signal } from '@preact/signals';
import { common } from '../i18n/common';
import { inbox } from '../i18n/inbox';
import { pages } from '../i18n/pages';
import type { Dictionary } from './dictionary';

const pt = { ...common.pt, ...inbox.pt, ...pages.pt };
const en: Record<Key, string> = { ...common.en, ...inbox.en, ...pages.en };

export type Key = keyof typeof pt;
export type Language = 'pt-BR' | 'en';
type Values = Record<string, string | number>;

/** "" follows the browser. */
export const chosenLanguage = signal<Language | ''>('');
const ofBrowser: Language = navigator.language.toLowerCase().startsWith('pt') ? 'pt-BR' : 'en';
export const language = computed<Language>(() => chosenLanguage.value || ofBrowser);
const texts = computed<Record<Key, string>>(() => (language.value === 'en' ? en : pt));

const filled = (text: string, values: Values | undefined): string =>
  values ? text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole)) : text;

/** A text; `{name}` stands for a value. */
export const t = (key: Key, values?: Values): string => filled(texts.value[key], values);

/** A text with a number: "one|many", where {n} is the number as the language writes it. */
export function tn(key: Key, n: number, values?: Values): string {
  const [one = '', many = one] = texts.value[key].split('|');
  return filled(n === 1 ? one : many, { n: new Intl.NumberFormat(language.value).format(n), ...values });
}

/** A text whose key is put together from data; the data itself when there is none. */
export const tx = (prefix: string, word: string): string =>
  (texts.value as Record<string, string>)[prefix + word] ?? word;
/** Whether there is a text for this word. */
export const has = (key: string): key is Key => key in texts.value;

/** The same three for texts of their own, which come with the pages that show them. */
export function words<K extends string>(own: Dictionary<K>) {
  const all = computed<Record<K, string>>(() => (language.value === 'en' ? own.en : own.pt));
  return {
    w: (key: K, values?: Values): string => filled(all.value[key], values),
    wn: (key: K, n: number, values?: Values): string => {
      const [one = '', many = one] = all.value[key].split('|');
      return filled(n === 1 ? one : many, { n: new Intl.NumberFormat(language.value).format(n), ...values });
    },
    wx: (prefix: string, word: string): string => (all.value as Record<string, string>)[prefix + word] ?? word,
    hasWord: (key: string): key is K => key in all.value,
  };
}
