// SPDX-License-Identifier: Apache-2.0
// Numbers and addresses that no campaign reaches, with how that came about; whoever adds or removes one says why.
import { useSignal } from '@preact/signals';
import { campaigns } from '../../../i18n/campaigns';
import { stopped } from '../../../i18n/stopped';
import { together } from '../../../lib/dictionary';
import { post, search } from '../../../lib/api';
import { phone } from '../../../lib/format';
import { t, words } from '../../../lib/i18n';
import { Icon } from '../../icons';
import { Dialog, Empty, Field, When, toast } from '../../ui';
import { DialogEnd, Head, useForm } from '../kit';
import { Listing, usePages, useSlow } from '../grid';
import { CampaignTabs } from './frame';

const { w, wn, wx } = words(together(campaigns, stopped));

interface Suppression {
  id: string;
  kind: string;
  value: string;
  channel: string;
  source: string;
  reason: string | null;
  actor: string | null;
  lead_id: string | null;
  created_at: string;
}

const shown = (one: Suppression): string => (one.kind === 'phone' ? phone(one.value) : one.value);

function Add({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const form = useForm({ values: '', channel: 'all', reason: '' });
  const v = form.value.value;
  const save = async (now: typeof v) => {
    const values = now.values.split(/[\n;,]+/).map((one) => one.trim()).filter(Boolean);
    const answer = await post<{ added: number; known: number; n_refused: number }>('/suppressions/import', { values, channel: now.channel, reason: now.reason.trim() });
    toast(answer.n_refused ? w('stopRefused', { n: answer.added, bad: answer.n_refused }) : wn('stopAdded', answer.added), answer.n_refused > 0);
    setTimeout(() => (onDone(), onClose()));
  };
  return (
    <Dialog title={w('stopAdd')} onClose={onClose}>
      <form
        class="form"
        onSubmit={(e) => {
          e.preventDefault();
          void form.submit(save);
        }}
      >
        <Field label={w('stopValues')} hint={w('stopValuesHint')} {...(form.problem('values') ? { problem: form.problem('values')! } : {})}>
          {(ids) => <textarea {...ids} required rows={5} value={v.values} onInput={(e) => form.set({ values: e.currentTarget.value })} />}
        </Field>
        <Field label={w('channel')}>
          {(ids) => (
            <select {...ids} value={v.channel} onChange={(e) => form.set({ channel: e.currentTarget.value })}>
              {['all', 'whatsapp', 'email'].map((name) => (
                <option key={name} value={name}>
                  {wx('channel_', name)}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label={w('why')} {...(form.problem('reason') ? { problem: form.problem('reason')! } : {})}>
          {(ids) => <input {...ids} required maxLength={1000} value={v.reason} onInput={(e) => form.set({ reason: e.currentTarget.value })} />}
        </Field>
        <DialogEnd problem={form.rest(['values', 'reason'])} submit={t('add')} isOff={form.isBusy.value} onClose={onClose} />
      </form>
    </Dialog>
  );
}

function Remove({ one, onClose, onDone }: { one: Suppression; onClose: () => void; onDone: () => void }) {
  const form = useForm({ reason: '' });
  return (
    <Dialog title={w('stopRemove', { name: shown(one) })} onClose={onClose}>
      <p class="quiet">{w('stopRemoveLead')}</p>
      <form
        class="form"
        onSubmit={(e) => {
          e.preventDefault();
          void form.submit(async (v) => {
            await post(`/suppressions/${one.id}/remove`, { reason: v.reason.trim() });
            setTimeout(() => (onDone(), onClose()));
          });
        }}
      >
        <Field label={w('why')} {...(form.problem('reason') ? { problem: form.problem('reason')! } : {})}>
          {(ids) => <input {...ids} required maxLength={1000} value={form.value.value.reason} onInput={(e) => form.set({ reason: e.currentTarget.value })} />}
        </Field>
        <DialogEnd problem={form.rest(['reason'])} submit={t('remove')} isDanger isOff={form.isBusy.value} onClose={onClose} />
      </form>
    </Dialog>
  );
}

export default function Stopped() {
  const q = useSignal('');
  const list = usePages<Suppression>(`/suppressions${search({ q: q.value, limit: 100 })}`);
  const isAdding = useSignal(false);
  const removing = useSignal<Suppression | null>(null);
  const look = useSlow((text) => (q.value = text.trim()));
  const reload = () => void list.reload();
  return (
    <>
      <CampaignTabs />
      <Head title={t('pageStopped')} lead={w('stoppedLead')}>
        <button type="button" class="primary" onClick={() => (isAdding.value = true)}>
          <Icon name="plus" size={16} /> {w('stopAdd')}
        </button>
      </Head>
      <div class="bar">
        <span class="search-box">
          <Icon name="search" size={16} />
          <input type="search" aria-label={w('stopSearch')} placeholder={w('stopSearch')} onInput={(e) => look(e.currentTarget.value)} />
        </span>
      </div>
      <Listing
        of={list}
        label={t('pageStopped')}
        columns={[w('person'), w('channel'), w('how'), w('why'), w('since'), { sr: w('todo') }]}
        empty={
          <Empty icon="check" title={w('nobodyStopped')}>
            {w('nobodyStoppedLead')}
          </Empty>
        }
        row={(one) => (
          <tr key={one.id}>
            <th scope="row">{one.lead_id ? <a class="row-link" href={`/app/leads/${one.lead_id}`}>{shown(one)}</a> : shown(one)}</th>
            <td>{wx('channel_', one.channel)}</td>
            <td>
              {wx('proof_', one.source)}
              {one.actor && !/^(user|key):/.test(one.actor) && <small>{one.actor}</small>}
            </td>
            <td>{one.reason}</td>
            <td class="nowrap">
              <When at={one.created_at} />
            </td>
            <td>
              <button type="button" class="small" aria-label={`${t('remove')}: ${shown(one)}`} onClick={() => (removing.value = one)}>
                {t('remove')}
              </button>
            </td>
          </tr>
        )}
      />
      {isAdding.value && <Add onClose={() => (isAdding.value = false)} onDone={reload} />}
      {removing.value && <Remove one={removing.value} onClose={() => (removing.value = null)} onDone={reload} />}
    </>
  );
}
