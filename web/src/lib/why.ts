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

/** What the provider itself said: in brackets at the end of the server's reason, mail servers' behind the colon. */
export function detailOf(cause: string, reason: string): string {
  const said = /^(smtp|imap)-/.test(cause) ? /: (.+)$/.exec(reason)?.[1] : undefined;
  return said ? `(${said})` : (/\([^()]*\)$/.exec(reason)?.[0] ?? '');
}

export function whyOf(error: Message['error']): string {
  if (!error) return '';
  const words = whyOfCause(error.cause ?? '', error.code);
  return words ? `${words} ${detailOf('', error.reason)}`.trim() : error.reason;
}
