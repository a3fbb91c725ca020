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

/** Parts of the settings, in the order of their list. */
export const sections: (Page & { name: string; icon: IconName })[] = [
  {
    name: 'channels',
    icon: 'send',
    pattern: '/app/settings/channels/:id?',
    title: 'pageChannels',
    least: 'admin',
    load: () => import('./channels'),
  },
  { name: 'bot', icon: 'bot', pattern: '/app/settings/bot', title: 'pageBot', least: 'admin', load: () => import('./bot') },
  {
    name: 'hours',
    icon: 'waiting',
    pattern: '/app/settings/hours',
    title: 'pageHours',
    least: 'admin',
    load: () => import('./hours'),
  },
  {
    name: 'sending',
    icon: 'campaign',
    pattern: '/app/settings/sending',
    title: 'pageSending',
    least: 'admin',
    load: () => import('./sending'),
  },
  {
    name: 'users',
    icon: 'people',
    pattern: '/app/settings/users',
    title: 'pageUsers',
    least: 'admin',
    load: () => import('./users'),
  },
  {
    name: 'canned',
    icon: 'note',
    pattern: '/app/settings/canned',
    title: 'pageCanned',
    least: 'agent',
    load: () => import('./canned'),
  },
  {
    name: 'labels',
    icon: 'label',
    pattern: '/app/settings/labels',
    title: 'pageLabels',
    least: 'agent',
    load: () => import('./labels'),
  },
  { name: 'keys', icon: 'keys', pattern: '/app/settings/keys', title: 'pageKeys', least: 'admin', load: () => import('./keys') },
  {
    name: 'webhooks',
    icon: 'retry',
    pattern: '/app/settings/webhooks/:id?',
    title: 'pageWebhooks',
    least: 'admin',
    load: () => import('./webhooks'),
  },
  { name: 'audit', icon: 'eye', pattern: '/app/settings/audit', title: 'pageAudit', least: 'admin', load: () => import('./audit') },
];

/** The first that matches wins. */
export const pages: Page[] = [
  {
    pattern: '/app/leads',
    title: 'pageLeads',
    least: 'agent',
    nav: { href: '/app/leads', icon: 'contacts' },
    load: () => import('./leads/index'),
  },
  { pattern: '/app/leads/board', title: 'pageBoard', least: 'agent', load: () => import('./leads/board') },
  { pattern: '/app/leads/imports', title: 'pageImports', least: 'supervisor', load: () => import('./imports/index') },
  { pattern: '/app/leads/imports/:id', title: 'pageImports', least: 'supervisor', load: () => import('./imports/one') },
  { pattern: '/app/leads/:id', title: 'pageLead', least: 'agent', load: () => import('./leads/lead') },
  {
    pattern: '/app/campaigns',
    title: 'pageCampaigns',
    least: 'supervisor',
    nav: { href: '/app/campaigns', icon: 'campaign' },
    load: () => import('./campaigns/index'),
  },
  { pattern: '/app/campaigns/templates', title: 'pageTemplates', least: 'supervisor', load: () => import('./campaigns/templates') },
  { pattern: '/app/campaigns/templates/:id', title: 'pageTemplates', least: 'supervisor', load: () => import('./campaigns/template') },
  { pattern: '/app/campaigns/stopped', title: 'pageStopped', least: 'supervisor', load: () => import('./campaigns/stopped') },
  { pattern: '/app/campaigns/:id/:part?', title: 'pageCampaigns', least: 'supervisor', load: () => import('./campaigns/one') },
  {
    pattern: '/app/failures/:area?',
    title: 'pageFailures',
    least: 'supervisor',
    nav: { href: '/app/failures', icon: 'failures' },
    load: () => import('./failures'),
  },
  { pattern: '/app/messages/:id', title: 'pageLife', least: 'agent', load: () => import('./life') },
  {
    pattern: '/app/settings',
    title: 'pageSettings',
    least: 'agent',
    nav: { href: '/app/settings', icon: 'settings' },
    load: () => import('./settings'),
  },
  ...sections,
  { pattern: '/app/profile', title: 'pageProfile', least: 'agent', load: () => import('./profile') },
];
