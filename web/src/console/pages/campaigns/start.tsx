// SPDX-License-Identifier: Apache-2.0
// The two ways by which something leaves: the start, now or later, and one message to try it.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { get, post, search, type List } from '../../../lib/api';
import { Dialog, Field, toast, toastProblem } from '../../ui';
import { DialogEnd, useForm } from '../kit';
import { useSlow } from '../grid';
import { nameOf, type Lead } from '../leads/api';
import { money, w, wn, wx, type Campaign } from './api';

export function Start({ one, onClose, onStarted }: { one: Campaign; onClose: () => void; onStarted: (now: Campaign) => void }) {
  const form = useForm({ isLater: false, at: '' });
  const v = form.value.value;
  const problem = form.rest(['at']);
  const n = one.estimate?.recipients ?? 0;
  return (
    <Dialog title={w('startTitle', { name: one.name })} onClose={onClose}>
      <form
        class="form"
        onSubmit={(e) => {
          e.preventDefault();
          void form.submit(async (now) => {
            const begun = await post<Campaign>(`/dispatches/${one.id}/start`, now.isLater && now.at ? { at: new Date(now.at).toISOString() } : {});
            setTimeout(() => {
              onStarted(begun);
              onClose();
            });
          });
        }}
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
          <Field label={w('startAt')} hint={w('startAtHint')} {...(form.problem('at') ? { problem: form.problem('at')! } : {})}>
            {(ids) => <input {...ids} type="datetime-local" required value={v.at} onInput={(e) => form.set({ at: e.currentTarget.value })} />}
          </Field>
        )}
        <DialogEnd problem={problem} submit={w(v.isLater ? 'schedule' : 'start')} isOff={form.isBusy.value} onClose={onClose} />
      </form>
    </Dialog>
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
  const problem = form.rest(['address', 'lead', 'channel']);
  return (
    <Dialog title={w('testTitle')} onClose={onClose}>
      <p class="quiet">{w('testLead')}</p>
      <form
        class="form"
        onSubmit={(e) => {
          e.preventDefault();
          void form
            .submit(async (now) => {
              await post(`/dispatches/${one.id}/test`, { lead_id: now.lead, channel: now.channel, address: now.address.trim() });
            })
            .then((ok) => ok && (toast(w('testSent')), onClose()));
        }}
      >
        <Field label={w('channel')}>
          {(ids) => (
            <select {...ids} value={v.channel} onChange={(e) => form.set({ channel: e.currentTarget.value })}>
              {one.channels.map((channel) => (
                <option key={channel.channel} value={channel.channel}>
                  {wx('channel_', channel.channel)} · {channel.template}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label={w('testTo')} hint={w(v.channel === 'email' ? 'testToMail' : 'testToPhone')} {...(form.problem('address') ? { problem: form.problem('address')! } : {})}>
          {(ids) => <input {...ids} required value={v.address} onInput={(e) => form.set({ address: e.currentTarget.value })} />}
        </Field>
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
        <DialogEnd problem={problem} submit={w('test')} isOff={form.isBusy.value || !v.lead} onClose={onClose} />
      </form>
    </Dialog>
  );
}
