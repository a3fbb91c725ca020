// SPDX-License-Identifier: Apache-2.0
// Labels of conversations: name and colour.
import { useSignal } from '@preact/signals';
import { del, patch, post, type Label, type List } from '../../lib/api';
import { t } from '../../lib/i18n';
import { Icon } from '../icons';
import { may } from '../session';
import { Empty, toast } from '../ui';
import { DialogForm, TextField, useForm } from './form';
import { EditRemove, Head, SettingsFrame, Show, useData, useDoing } from './kit';
import { w } from './words';

const COLORS = ['#0f766e', '#2563eb', '#7c3aed', '#be185d', '#b91c1c', '#b45309', '#4d7c0f', '#475569'];

/** A dot of the label's colour; drawn, since the content policy allows no style of its own. */
export const Dot = ({ color }: { color: string }) => (
  <svg class="color-dot" viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
    <circle cx="6" cy="6" r="6" fill={color} />
  </svg>
);

function Edit({ label, onClose, onSaved }: { label: Label | null; onClose: () => void; onSaved: () => void }) {
  const form = useForm({ name: label?.name ?? '', color: label?.color ?? COLORS[0]! });
  const v = form.value.value;
  const save = async (values: { name: string; color: string }) => {
    const body = { name: values.name.trim(), color: values.color };
    await (label ? patch(`/labels/${label.id}`, body) : post('/labels', body));
  };
  return (
    <DialogForm title={label ? label.name : w('newLabel')} form={form} save={save} fields={['name']} onSaved={onSaved} onClose={onClose}>
      <TextField form={form} name="name" label={w('name')} required maxLength={40} />
      <fieldset class="colors">
        <legend class="legend-text">{w('color')}</legend>
        {COLORS.map((color, i) => (
          <label key={color} title={w('colorN', { n: i + 1 })}>
            <input
              type="radio"
              name="color"
              class="sr"
              aria-label={w('colorN', { n: i + 1 })}
              checked={v.color.toLowerCase() === color}
              onChange={() => form.set({ color })}
            />
            <Dot color={color} />
          </label>
        ))}
      </fieldset>
    </DialogForm>
  );
}

function Row({ label, onEdit, onChange }: { label: Label; onEdit: () => void; onChange: () => void }) {
  const [isBusy, run] = useDoing();
  const remove = () =>
    run(async () => {
      await del(`/labels/${label.id}`);
      onChange();
      toast(w('labelRemoved', { name: label.name }), false, {
        label: t('undo'),
        run: () =>
          void run(async () => {
            await post(`/labels/${label.id}/restore`);
            onChange();
          }),
      });
    });
  return (
    <li>
      <Dot color={label.color} />
      <span class="rows-main">
        <strong>{label.name}</strong>
      </span>
      <a href={`/app/inbox/label-${label.id}`} class="quiet">
        {w('itsConversations')}
      </a>
      {may('supervisor') && <EditRemove name={label.name} isBusy={isBusy.value} onEdit={onEdit} onRemove={() => void remove()} />}
    </li>
  );
}

export default function Labels() {
  const labels = useData<List<Label>>('/labels');
  const editing = useSignal<Label | 'new' | null>(null);
  const reload = () => void labels.reload();
  return (
    <SettingsFrame>
      <Head title={t('pageLabels')} lead={w('labelsLead')}>
        {may('supervisor') && (
          <button type="button" class="primary" onClick={() => (editing.value = 'new')}>
            <Icon name="plus" size={16} /> {w('newLabel')}
          </button>
        )}
      </Head>
      <Show of={labels}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty icon="label" title={w('noLabels')}>
              {w('noLabelsLead')}
            </Empty>
          ) : (
            <ul class="rows card">
              {data.map((one) => (
                <Row key={one.id} label={one} onEdit={() => (editing.value = one)} onChange={reload} />
              ))}
            </ul>
          )
        }
      </Show>
      {editing.value && (
        <Edit
          label={editing.value === 'new' ? null : editing.value}
          onClose={() => (editing.value = null)}
          onSaved={reload}
        />
      )}
    </SettingsFrame>
  );
}
