// SPDX-License-Identifier: Apache-2.0
// Imports as the API tells of them.
import { imports } from '../../../i18n/imports';
import { language, words } from '../../../lib/i18n';

export const { w, wn, wx, hasWord } = words(imports);
export const reason = (slug: string | null | undefined): string => (slug ? wx('reason_', slug) : '');

export type Policy = 'skip' | 'fill' | 'overwrite';
export interface Column {
  index: number;
  letter: string;
  title: string;
  target: string; // "name", "phone", …, "field:<name>", "ignore"
  samples: string[];
}
/** rows = created + updated + skipped + failed; noted: of those taken, where something was left out. */
export interface Counts {
  rows: number;
  created: number;
  updated: number;
  skipped: number;
  failed: number;
  noted: number;
}
export interface Import {
  id: string;
  name: string;
  state: string; // see isDraft, isRunning
  cause: string | null;
  reason: string | null;
  kind: string;
  size: number;
  sheets: { name: string; is_hidden: boolean }[];
  sheet: number;
  header_row: number;
  columns: Column[];
  policy: Policy;
  tags: string[];
  counts: Counts;
  check: Counts | null; // of the last trial of all rows
  permille: number;
  undone: number;
  reasons?: Why[];
  created_at: string;
  finished_at: string | null;
}

export interface PreviewRow {
  number: number;
  name: string;
  company: string;
  document: string;
  phones: string[];
  emails: string[];
  tags: string[];
  fields: Record<string, unknown>;
  outcome: string;
  reason: string;
  column: string;
  value: string;
}
export interface Preview {
  rows: PreviewRow[];
  has_more: boolean;
  counts: Counts;
}

export interface Why {
  outcome: string;
  reason: string;
  explanation: string;
  column: string;
  count: number;
}
export interface Row {
  number: number;
  outcome: string;
  reason: string;
  explanation: string;
  column: string;
  value: string;
  lead_id: string | null;
  is_undone: boolean;
}
/** Explanations come in the person's language. */
export const lang = (): string => (language.value === 'en' ? 'en' : 'pt');

export const TARGETS = ['name', 'company', 'document', 'phone', 'phone_area', 'email', 'tags'];
export const CUSTOM = 'field:';
export const isDraft = (one: Import): boolean => one.state === 'ready' || one.state === 'checking';
export const isRunning = (one: Import): boolean => ['checking', 'running', 'undoing'].includes(one.state);
export const isOver = (one: Import): boolean => ['done', 'failed', 'cancelled', 'undone'].includes(one.state);
