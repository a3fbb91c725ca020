// SPDX-License-Identifier: Apache-2.0
// The pages beside the inbox. Each is a file of its own, fetched when it is first opened.
import type { FunctionComponent } from 'preact';
import type { Role } from '../../lib/api';
import type { Key } from '../../lib/i18n';
import type { IconName } from '../icons';

export interface PageProps {
  params: Record<string, string>;
}

export interface Page {
  pattern: string; // as lib/router.ts matches it
  title: Key;
  least: Role;
  nav?: { href: string; icon: IconName }; // shown in the main navigation
  load: () => Promise<{ default: FunctionComponent<PageProps> }>;
}

/** The first that matches wins. */
export const pages: Page[] = [];
