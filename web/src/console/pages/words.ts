// SPDX-License-Identifier: Apache-2.0
// The words of the settings' pages, of channels and of failures.
import { channels } from '../../i18n/channels';
import { failures } from '../../i18n/failures';
import { settings } from '../../i18n/settings';
import { together } from '../../lib/dictionary';
import { words } from '../../lib/i18n';

export const { w, wn, wx, hasWord } = words(together(settings, channels, failures));
export type Word = Parameters<typeof w>[0];
