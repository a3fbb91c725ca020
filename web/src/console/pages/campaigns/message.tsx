// SPDX-License-Identifier: Apache-2.0
// A campaign's message as one person would get it, also where it cannot go out because something has no value.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { get, post, search, type List } from '../../../lib/api';
import { Dialog, Failed, Loading } from '../../ui';
import type { Lead } from '../leads/api';
import { reason, w, type Campaign, type Channel, type Preview, type Template, type Variable } from './api';
import { Bubble, Missing } from './preview';

const sameTemplate = (one: Template, channel: Channel): boolean =>
  one.channel === channel.channel && one.name === channel.template && (!channel.language || one.language === channel.language);
export const templateOf = (all: Template[], channel: Channel): Template | undefined => all.find((one) => sameTemplate(one, channel));

/** The same rules by which the server takes a variable from a lead. */
export function valueOf(lead: Lead, v: Variable | undefined): string {
  if (!v) return '';
  if (v.text !== undefined) return v.text;
  const field = v.field ?? '';
  let found = '';
  if (field === 'first_name') found = (lead.name ?? '').trim().split(/\s+/)[0] ?? '';
  else if (field === 'phone') found = lead.phones.find((one) => one.is_valid)?.e164 ?? '';
  else if (field === 'email') found = lead.emails.find((one) => one.is_valid)?.email ?? '';
  else if (field === 'tags') found = lead.tags.join(', ');
  else if (field.startsWith('field.')) found = String(lead.fields?.[field.slice(6)] ?? '');
  else if (field === 'name' || field === 'company' || field === 'document') found = lead[field] ?? '';
  return found || (v.default ?? '');
}

/** Fills in what the campaign says and the lead has. */
export function previewOf(template: Template, lead: Lead, variables: Record<string, Variable>): Promise<Preview> {
  const values = Object.fromEntries(template.variables.map((one) => [one.key, valueOf(lead, variables[one.key])]).filter(([, text]) => text));
  return post<Preview>(`/templates/${template.id}/preview`, { lead: lead.id, values });
}

export interface Wanted {
  lead: string;
  name: string | null;
  channel: string;
  template: string;
}

async function ask(one: Campaign, wanted: Wanted): Promise<Preview> {
  const channel = one.channels.find((of) => of.channel === wanted.channel && of.template === wanted.template) ?? { channel: wanted.channel, template: wanted.template };
  const [lead, all] = await Promise.all([get<Lead>(`/leads/${wanted.lead}`), get<List<Template>>(`/templates${search({ name: wanted.template, limit: 100 })}`)]);
  const template = templateOf(all.data, channel);
  if (!template) throw new Error(reason('template-missing'));
  return previewOf(template, lead, one.variables ?? {});
}

export function MessageFor({ one, wanted, onClose }: { one: Campaign; wanted: Wanted; onClose: () => void }) {
  const seen = useSignal<Preview | null>(null);
  const why = useSignal<unknown>(null);
  const look = () => {
    why.value = null;
    ask(one, wanted).then(
      (got) => (seen.value = got),
      (failure) => (why.value = failure),
    );
  };
  useEffect(look, []);
  return (
    <Dialog title={w('messageFor', { name: wanted.name || '—' })} onClose={onClose}>
      {why.value ? <Failed why={why.value} onRetry={look} /> : !seen.value && <Loading />}
      {seen.value && <Missing preview={seen.value} />}
      {seen.value && <Bubble channel={wanted.channel} preview={seen.value} />}
    </Dialog>
  );
}
