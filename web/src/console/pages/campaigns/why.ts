// SPDX-License-Identifier: Apache-2.0
// Why somebody did not get a campaign's message, in the reader's language where there are words for it.
import { whyOfCause } from '../../../lib/why';
import { hasWord, reason } from './api';

/** said: what the server says of it, in its own words. */
export function whyNot(cause: string | null, said: string | null): string {
  const slug = cause ?? '';
  if (hasWord(`reason_${slug}`)) return reason(slug);
  return whyOfCause(slug.replace(/^meta-/, '')) || said || slug;
}
