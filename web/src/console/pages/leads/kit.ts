// SPDX-License-Identifier: Apache-2.0
// Words of the leads' pages.
import { leads } from '../../../i18n/leads';
import { words } from '../../../lib/i18n';

export const { w, wn, wx, hasWord } = words(leads);

/** A slug in words, or the slug itself. */
export const reason = (slug: string | null | undefined): string => (slug ? wx('reason_', slug) : '');
