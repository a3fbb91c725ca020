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
import { Empty, When, toast } from '../../ui';
import { DialogForm, SelectField, TextField, useForm } from '../form';
import { Head } from '../kit';
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
  const save = async (now: { values: string; channel: string; reason: string }) => {
    const values = now.values.split(/[\n;,]+/).map((one) => one.trim()).filter(Boolean);
    const answer = await post<{ added: number; known: number; n_refused: number }>('/suppressions/import', { values, channel: now.channel, reason: now.reason.trim() });
    toast(answer.n_refused ? w('stopRefused', { n: answer.added, bad: answer.n_refused }) : wn('stopAdded', answer.added), answer.n_refused > 0);
  };
  return (
    <DialogForm title={w('stopAdd')} form={form} save={save} fields={['values', 'reason']} submit={t('add')} onSaved={onDone} onClose={onClose}>
      <TextField form={form} name="values" label={w('stopValues')} hint={w('stopValuesHint')} required rows={5} />
      <SelectField form={form} name="channel" label={w('channel')} choices={['all', 'whatsapp', 'email']} say={(name) => wx('channel_', name)} />
      <TextField form={form} name="reason" label={w('why')} required maxLength={1000} />
    </DialogForm>
  );
}

function Remove({ one, onClose, onDone }: { one: Suppression; onClose: () => void; onDone: () => void }) {
  const form = useForm({ reason: '' });
  const save = (v: { reason: string }) => post(`/suppressions/${one.id}/remove`, { reason: v.reason.trim() });
  return (
    <DialogForm
      title={w('stopRemove', { name: shown(one) })}
      lead={w('stopRemoveLead')}
      form={form}
      save={save}
      fields={['reason']}
      submit={t('remove')}
      isDanger
      onSaved={onDone}
      onClose={onClose}
    >
      <TextField form={form} name="reason" label={w('why')} required maxLength={1000} />
    </DialogForm>
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
