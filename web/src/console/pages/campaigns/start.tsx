// SPDX-License-Identifier: Apache-2.0
// The two ways by which something leaves: the start, now or later, and one message to try it.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { get, post, search, type List } from '../../../lib/api';
import { Field, toast, toastProblem } from '../../ui';
import { DialogForm, SelectField, TextField, useForm } from '../form';
import { useSlow } from '../grid';
import { nameOf, type Lead } from '../leads/api';
import { money, w, wn, wx, type Campaign } from './api';

export function Start({ one, onClose, onStarted }: { one: Campaign; onClose: () => void; onStarted: (now: Campaign) => void }) {
  const form = useForm({ isLater: false, at: '' });
  const v = form.value.value;
  const n = one.estimate?.recipients ?? 0;
  const save = (now: typeof v) =>
    post<Campaign>(`/dispatches/${one.id}/start`, now.isLater && now.at ? { at: new Date(now.at).toISOString() } : {});
  return (
    <DialogForm
      title={w('startTitle', { name: one.name })}
      form={form}
      save={save}
      fields={['at']}
      submit={w(v.isLater ? 'schedule' : 'start')}
      onSaved={onStarted}
      onClose={onClose}
    >
      <p>{wn('startText', n, { cost: one.estimate ? money(one.estimate.cost, one.estimate.currency) : '—' })}</p>
      <fieldset class="form">
        <legend class="legend-text">{w('whenToStart')}</legend>
        <label class="check">
          <input type="radio" name="when" checked={!v.isLater} onChange={() => form.set({ isLater: false })} />
          {w('atOnce')}
        </label>
        <label class="check">
          <input type="radio" name="when" checked={v.isLater} onChange={() => form.set({ isLater: true })} />
          {w('later_')}
        </label>
      </fieldset>
      {v.isLater && (
        <TextField form={form} name="at" label={w('startAt')} hint={w('startAtHint')} type="datetime-local" required />
      )}
    </DialogForm>
  );
}

export function TestSend({ one, onClose }: { one: Campaign; onClose: () => void }) {
  const form = useForm({ channel: one.channels[0]?.channel ?? 'whatsapp', address: '', lead: '' });
  const found = useSignal<Lead[]>([]);
  const v = form.value.value;
  const look = (q: string) =>
    void get<List<Lead>>(`/leads${search({ q, limit: 10 })}`).then((page) => {
      found.value = page.data;
      if (page.data[0] && !page.data.some((lead) => lead.id === form.value.value.lead)) form.set({ lead: page.data[0].id });
    }, toastProblem);
  const slowly = useSlow(look);
  useEffect(() => look(''), []); // whose data it takes is seen, and never nobody's
  const save = (now: typeof v) =>
    post(`/dispatches/${one.id}/test`, { lead_id: now.lead, channel: now.channel, address: now.address.trim() });
  const template = (channel: string) => one.channels.find((other) => other.channel === channel)?.template ?? '';
  return (
    <DialogForm
      title={w('testTitle')}
      lead={w('testLead')}
      form={form}
      save={save}
      fields={['address']}
      submit={w('test')}
      isOff={!v.lead}
      onSaved={() => toast(w('testSent'))}
      onClose={onClose}
    >
      <SelectField
        form={form}
        name="channel"
        label={w('channel')}
        choices={one.channels.map(({ channel }) => channel)}
        say={(channel) => `${wx('channel_', channel)} · ${template(channel)}`}
      />
      <TextField form={form} name="address" label={w('testTo')} hint={w(v.channel === 'email' ? 'testToMail' : 'testToPhone')} required />
      <Field label={w('testWith')}>
        {(ids) => <input {...ids} type="search" placeholder={w('searchLead')} onInput={(e) => slowly(e.currentTarget.value)} />}
      </Field>
      {found.value.length > 0 && (
        <select aria-label={w('previewLead')} value={v.lead} onChange={(e) => form.set({ lead: e.currentTarget.value })}>
          {found.value.map((lead) => (
            <option key={lead.id} value={lead.id}>
              {nameOf(lead)}
            </option>
          ))}
        </select>
      )}
    </DialogForm>
  );
}
