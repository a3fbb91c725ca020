// SPDX-License-Identifier: Apache-2.0
// Why a message did not go out, in the reader's language; what has no words there is told in the server's own.
import { why } from '../i18n/why';
import type { Message } from './api';
import { words } from './i18n';

const { wx, hasWord } = words(why);
const keysOf = (cause: string, code: number): string[] => [...(code > 0 ? [String(code)] : []), cause];

/** cause is a slug or a code in digits. */
export function whyOfCause(cause: string, code = 0): string {
  const key = keysOf(cause, code).find((one) => hasWord(`why_${one}`));
  return key ? wx('why_', key) : '';
}

export function whyOf(error: Message['error']): string {
  if (!error) return '';
  const words = whyOfCause(error.cause ?? '', error.code);
  const detail = /\([^()]*\)$/.exec(error.reason)?.[0] ?? ''; // the provider's own words
  return words ? `${words} ${detail}`.trim() : error.reason;
}
