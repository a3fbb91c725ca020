// SPDX-License-Identifier: Apache-2.0
// Leads as the API tells of them, and the conditions by which they are chosen.
import { search, type Conversation } from '../../../lib/api';

export const STATES = ['new', 'contacting', 'replied', 'qualifying', 'scheduled', 'won', 'lost', 'opted_out', 'unreachable'] as const;
export type State = (typeof STATES)[number];
/** Those of the sale itself; the other two can be reached from anywhere. */
export const FUNNEL: readonly State[] = ['new', 'contacting', 'replied', 'qualifying', 'scheduled', 'won', 'lost'];

export interface Phone {
  id?: string;
  typed: string;
  e164: string | null;
  kind: string | null;
  is_valid: boolean;
  reason: string | null;
}

export interface Email {
  id?: string;
  email: string;
  is_valid: boolean;
  reason: string | null;
}

export interface Lead {
  id: string;
  name: string | null;
  company: string | null;
  document: string | null;
  state: State;
  phones: Phone[];
  emails: Email[];
  tags: string[];
  fields: Record<string, unknown>;
  source: string | null;
  valid_for_dispatch: boolean;
  dispatch_reason: string | null;
  marketing_stopped_at: string | null;
  last_inbound_at: string | null;
  created_at: string;
  updated_at: string;
  conversations?: Conversation[];
}

export interface Segment {
  id: string;
  name: string;
  filter: Filter;
  count?: number | null;
}

/* --- conditions --------------------------------------------------------------------------------------------------- */

export interface Cond {
  field: string;
  op: string;
  value?: string | boolean | string[];
}
export interface Filter {
  all?: Cond[];
  any?: Cond[];
}

type Kind = 'text' | 'state' | 'tag' | 'date' | 'bool';
export const FIELDS: Record<string, Kind> = {
  state: 'state',
  tag: 'tag',
  name: 'text',
  company: 'text',
  document: 'text',
  phone: 'text',
  email: 'text',
  source: 'text',
  created_at: 'date',
  updated_at: 'date',
  last_inbound_at: 'date',
  valid_for_dispatch: 'bool',
  opted_out: 'bool',
};
export const kindOf = (field: string): Kind => FIELDS[field] ?? 'text';

const OPS: Record<Kind, string[]> = {
  text: ['contains', 'is', 'not', 'starts', 'exists', 'missing'],
  state: ['is', 'not', 'in'],
  tag: ['is', 'not', 'missing'],
  date: ['gt', 'lt', 'exists', 'missing'],
  bool: ['is'],
};
export const opsOf = (field: string): string[] => OPS[kindOf(field)];
export const hasValue = (op: string): boolean => op !== 'exists' && op !== 'missing';

export function blank(field: string): Cond {
  const op = opsOf(field)[0] ?? 'is';
  const kind = kindOf(field);
  return { field, op, value: kind === 'bool' ? true : kind === 'state' ? 'new' : '' };
}

export const condsOf = (filter: Filter): Cond[] => filter.any ?? filter.all ?? [];
/** Without conditions that nobody has finished. */
export function finished(filter: Filter): Filter {
  const conds = condsOf(filter).filter((one) => !hasValue(one.op) || (one.value !== '' && one.value !== undefined));
  return filter.any ? { any: conds } : { all: conds };
}
export const isEmptyFilter = (filter: Filter): boolean => condsOf(filter).length === 0;

/* --- the query ---------------------------------------------------------------------------------------------------- */

export interface Query {
  q: string;
  filter: Filter;
  sort: string;
  segment: string;
}

export function queryOf(params: URLSearchParams): Query {
  let filter: Filter = { all: [] };
  try {
    filter = JSON.parse(params.get('filter') ?? '{"all":[]}') as Filter;
  } catch {
    // An address that somebody cut: without conditions then.
  }
  return { q: params.get('q') ?? '', filter, sort: params.get('sort') ?? '', segment: params.get('segment') ?? '' };
}

/** The same for the address and for the server. */
export function textOf({ q, filter, sort, segment }: Partial<Query>): string {
  const done = filter ? finished(filter) : { all: [] };
  return search({ q, filter: isEmptyFilter(done) ? '' : JSON.stringify(done), sort, segment });
}

export const nameOf = (lead: Pick<Lead, 'name' | 'company' | 'phones' | 'emails'>): string =>
  lead.name || lead.company || lead.phones?.[0]?.e164 || lead.emails?.[0]?.email || '—';
