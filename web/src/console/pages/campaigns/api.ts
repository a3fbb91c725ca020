// SPDX-License-Identifier: Apache-2.0
// Campaigns and templates as the API tells of them.
import { campaigns } from '../../../i18n/campaigns';
import { words, language } from '../../../lib/i18n';
import type { Filter } from '../leads/api';

export const { w, wn, wx, hasWord } = words(campaigns);
/** Slugs in words; there may be several, one for each channel. */
export const reason = (slugs: string | null | undefined): string =>
  (slugs ?? '')
    .split(',')
    .filter(Boolean)
    .map((slug) => wx('reason_', slug))
    .join(', ');

/** What a list is narrowed to a channel by. */
export const channelChoices = (): [string, string][] => [['', w('any')], ...['whatsapp', 'email'].map((name): [string, string] => [name, wx('channel_', name)])];

export interface Channel {
  channel: string;
  template?: string;
  language?: string;
  account_id?: string;
}
export interface Variable {
  field?: string;
  text?: string;
  default?: string;
}
export interface Limits {
  per_second?: number;
  error_percent?: number;
  error_min?: number;
  frequency_max?: number;
  frequency_days?: number;
  overlap_hours?: number;
}
export const LIMITS: (keyof Limits)[] = ['per_second', 'error_percent', 'error_min', 'frequency_max', 'frequency_days', 'overlap_hours'];
export interface Audience {
  filter?: Filter;
  segment?: string;
  import?: string;
  leads?: string[];
}
export interface Counts {
  total: number;
  planned: number;
  excluded: number;
  sending: number;
  sent: number;
  delivered: number;
  read: number;
  failed: number;
  uncertain: number;
  cancelled: number;
  reached: number;
  replied: number;
  opted_out: number;
  cost: number;
}
export interface Campaign {
  id: string;
  name: string;
  state: string;
  cause: string | null;
  reason: string | null;
  audience: Audience;
  channels: Channel[];
  variables: Record<string, Variable>;
  limits: Limits;
  estimate: { recipients: number; cost: number; currency: string; finish_at: string | null } | null;
  waits_for: string | null;
  waits_until: string | null;
  leads_seen: number;
  can_send: boolean;
  start_at: string | null;
  planned_at: string | null;
  dry_run_at: string | null;
  started_at: string | null;
  finished_at: string | null;
  created_at: string;
  updated_at: string;
  counts?: Counts | null;
}

export const isBusy = (c: Campaign): boolean => ['planning', 'dry_run', 'running'].includes(c.state);
export const isBefore = (c: Campaign): boolean => ['draft', 'planning', 'planned', 'dry_run'].includes(c.state);
export const isOver = (c: Campaign): boolean => c.state === 'done' || c.state === 'cancelled';

export interface Recipient {
  id: string;
  lead_id: string;
  name: string | null;
  phone: string | null;
  email: string | null;
  state: string;
  channel: string | null;
  address: string | null;
  template: string | null;
  reason: string | null;
  block_reason: string | null;
  error_code: number | null;
  error_cause: string | null;
  error_reason: string | null;
  text: string | null;
  history: { channel?: string; state?: string; cause?: string; at?: string }[];
  cost: number;
  sent_at: string | null;
  delivered_at: string | null;
  read_at: string | null;
  failed_at: string | null;
  replied_at: string | null;
  opted_out_at: string | null;
  updated_at: string;
}

export interface DryRow {
  recipient_id: string;
  lead_id: string;
  name: string | null;
  phone: string | null;
  email: string | null;
  channel: string | null;
  reason: string | null;
  template: string | null;
  would_send: boolean;
  block_reason: string | null;
  not_before: string | null;
  cost: number;
  text: string | null;
}

/** Of a channel and template. */
export interface ByChannel {
  channel: string;
  template: string;
  count: number;
  reached: number;
  delivered: number;
  read: number;
  failed: number;
  uncertain: number;
  replied: number;
  opted_out: number;
  cost: number;
}

/** Of those that did not get it; settleable: of count, those that can be decided together. */
export interface Cause {
  state: string;
  cause: string;
  sample: string | null;
  count: number;
  settleable: number;
}

export interface Report {
  as_of: string;
  counts: Counts;
  causes: Cause[];
  hours: { at: string; sent: number; delivered: number; read: number; failed: number; replied: number }[];
  channels: ByChannel[];
  currency?: string;
}

export interface Template {
  id: string;
  account_id: string | null;
  channel: string;
  name: string;
  language: string;
  category: string | null;
  status: string;
  status_reason: string | null;
  quality: string | null;
  is_usable?: boolean;
  unusable_reason?: string | null;
  subject: string | null;
  body: string;
  html: string | null;
  variables: { key: string; place: string; kind: string; example: string | null }[];
  synced_at: string | null;
  updated_at: string;
}
/** What somebody would get, by the code that sends it: one message for each channel. */
export interface CampaignPreview {
  lead: { id: string; name: string } | null;
  would_send: boolean;
  channel: string | null;
  block_reason: string | null;
  messages: {
    channel: string;
    template: string;
    block_reason: string | null;
    block_detail: string | null;
    text: string | null;
    missing: string[];
    content: Preview['content'] | null;
  }[];
}

export interface Preview {
  text: string;
  missing?: string[];
  content?: { subject?: string; text?: string; html?: string };
}

export const STATES = ['planned', 'excluded', 'sending', 'sent', 'delivered', 'read', 'failed', 'uncertain', 'cancelled'];

/** Of millionths. */
/** Parts of a cent only where there is little else: "R$ 0,0375", but "R$ 2,16". */
export const money = (micros: number, currency = 'BRL'): string =>
  new Intl.NumberFormat(language.value, { style: 'currency', currency, maximumFractionDigits: micros % 10_000 && micros < 1e6 ? 4 : 2 }).format(micros / 1e6);
/** Why a campaign stands still: the cause in the reader's language, and what the program says besides where that is more. */
export const whyStopped = (one: Campaign): string => (one.cause === 'by-hand' ? reason(one.cause) : [reason(one.cause), one.reason].filter(Boolean).join(': '));
