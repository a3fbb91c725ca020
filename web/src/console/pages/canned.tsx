// SPDX-License-Identifier: Apache-2.0
// Answers kept ready, called by "/" and their shortcut while writing.
import { useSignal } from '@preact/signals';
import { del, patch, post, type List } from '../../lib/api';
import { t } from '../../lib/i18n';
import { Icon } from '../icons';
import { may } from '../session';
import { Empty, toast } from '../ui';
import { DialogForm, TextField, useForm } from './form';
import { EditRemove, Head, SettingsFrame, Show, useData, useDoing } from './kit';
import { w } from './words';

interface Canned {
  id: string;
  shortcut: string;
  text: string;
}

type Values = Omit<Canned, 'id'>;

function Edit({ one, onClose, onSaved }: { one: Canned | null; onClose: () => void; onSaved: () => void }) {
  const form = useForm<Values>({ shortcut: one?.shortcut ?? '', text: one?.text ?? '' });
  const save = async (values: Values) => {
    const body = { shortcut: values.shortcut.trim().replace(/^\//, ''), text: values.text.trim() };
    await (one ? patch(`/canned/${one.id}`, body) : post('/canned', body));
  };
  return (
    <DialogForm
      title={one ? `/${one.shortcut}` : w('newCanned')}
      form={form}
      save={save}
      fields={['shortcut', 'text']}
      onSaved={onSaved}
      onClose={onClose}
    >
      <TextField
        form={form}
        name="shortcut"
        label={w('shortcut')}
        hint={w('shortcutHint')}
        required
        maxLength={40}
        autocapitalize="none"
        spellcheck={false}
      />
      <TextField form={form} name="text" label={w('text')} required rows={6} maxLength={4096} />
    </DialogForm>
  );
}

function Row({ one, onEdit, onChange }: { one: Canned; onEdit: () => void; onChange: () => void }) {
  const [isBusy, run] = useDoing();
  const remove = () =>
    run(async () => {
      await del(`/canned/${one.id}`);
      onChange();
      toast(w('cannedRemoved', { name: one.shortcut }), false, {
        label: t('undo'),
        run: () =>
          void run(async () => {
            await post('/canned', { shortcut: one.shortcut, text: one.text });
            onChange();
          }),
      });
    });
  return (
    <li>
      <span class="rows-main">
        <strong>
          <code>/{one.shortcut}</code>
        </strong>
        <span class="two-lines">{one.text}</span>
      </span>
      {may('supervisor') && <EditRemove name={one.shortcut} isBusy={isBusy.value} onEdit={onEdit} onRemove={() => void remove()} />}
    </li>
  );
}

export default function CannedPage() {
  const list = useData<List<Canned>>('/canned');
  const editing = useSignal<Canned | 'new' | null>(null);
  const words = useSignal('');
  const reload = () => void list.reload();
  const matches = (one: Canned) => `${one.shortcut} ${one.text}`.toLowerCase().includes(words.value.toLowerCase());
  return (
    <SettingsFrame>
      <Head title={t('pageCanned')} lead={w('cannedLead')}>
        {may('supervisor') && (
          <button type="button" class="primary" onClick={() => (editing.value = 'new')}>
            <Icon name="plus" size={16} /> {w('newCanned')}
          </button>
        )}
      </Head>
      <Show of={list}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty icon="note" title={w('noCanned')}>
              {w('noCannedLead')}
            </Empty>
          ) : (
            <>
              {data.length > 8 && (
                <input
                  type="search"
                  aria-label={t('search')}
                  placeholder={t('search')}
                  value={words.value}
                  onInput={(e) => (words.value = e.currentTarget.value)}
                />
              )}
              <ul class="rows card">
                {data.filter(matches).map((one) => (
                  <Row key={one.id} one={one} onEdit={() => (editing.value = one)} onChange={reload} />
                ))}
              </ul>
            </>
          )
        }
      </Show>
      {editing.value && (
        <Edit one={editing.value === 'new' ? null : editing.value} onClose={() => (editing.value = null)} onSaved={reload} />
      )}
    </SettingsFrame>
  );
}
