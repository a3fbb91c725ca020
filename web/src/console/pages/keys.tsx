// SPDX-License-Identifier: Apache-2.0
// Keys for programs. The secret is shown once, when the key is made.
import { useSignal } from '@preact/signals';
import { del, post, type List } from '../../lib/api';
import { when } from '../../lib/format';
import { t } from '../../lib/i18n';
import { Icon } from '../icons';
import { Empty, toast } from '../ui';
import { DialogForm, TextField, useForm } from './form';
import { ask, Asker, CopyLine, Head, Once, SettingsFrame, Show, useData, useDoing } from './kit';
import { w, wx } from './words';

interface ApiKey {
  id: string;
  name: string;
  prefix: string;
  scopes: string;
  secret?: string;
  created_at: string;
  last_used_at: string | null;
  revoked_at: string | null;
}

const GROUPS = ['read', 'write', 'admin', '*'] as const;
const RESOURCES = ['conversations', 'messages', 'leads', 'inbox', 'jobs', 'bot', 'team', 'providers', 'users', 'audit'];

interface Values {
  name: string;
  group: string;
  single: string[];
}

const scopesOf = (v: Values): string => (v.group === 'single' ? v.single.join(' ') : v.group);

function Add({ onClose, onMade }: { onClose: () => void; onMade: (key: ApiKey) => void }) {
  const form = useForm<Values>({ name: '', group: 'read', single: [] });
  const v = form.value.value;
  const save = (values: Values) => post<ApiKey>('/keys', { name: values.name.trim(), scopes: scopesOf(values) });
  const toggle = (scope: string, is: boolean) =>
    form.set({ single: is ? [...v.single, scope] : v.single.filter((one) => one !== scope) });
  return (
    <DialogForm
      title={w('newKey')}
      form={form}
      save={save}
      fields={['name']}
      submit={w('makeKey')}
      isOff={scopesOf(v) === ''}
      onSaved={onMade}
      onClose={onClose}
    >
      <TextField form={form} name="name" label={w('keyName')} hint={w('keyNameHint')} required maxLength={100} />
      <fieldset class="form">
        <legend class="legend-text">{w('mayDo')}</legend>
        {GROUPS.map((group) => (
          <label key={group} class="check">
            <input type="radio" name="group" checked={v.group === group} onChange={() => form.set({ group })} />
            <span>
              <strong>{wx('scope_', group)}</strong> <span class="quiet">{wx('scopeLead_', group)}</span>
            </span>
          </label>
        ))}
        <label class="check">
          <input type="radio" name="group" checked={v.group === 'single'} onChange={() => form.set({ group: 'single' })} />
          <strong>{w('scopeSingle')}</strong>
        </label>
        {v.group === 'single' && (
          <div class="scopes">
            {RESOURCES.map((resource) => (
              <div key={resource}>
                <code>{resource}</code>
                {['read', 'write'].map((verb) => (
                  <label key={verb} class="check">
                    <input
                      type="checkbox"
                      checked={v.single.includes(`${resource}:${verb}`)}
                      onChange={(e) => toggle(`${resource}:${verb}`, e.currentTarget.checked)}
                    />
                    {wx('verb_', verb)}
                  </label>
                ))}
              </div>
            ))}
          </div>
        )}
      </fieldset>
    </DialogForm>
  );
}

function Row({ one, onChange }: { one: ApiKey; onChange: () => void }) {
  const [isBusy, run] = useDoing();
  const revoke = async () => {
    if (!(await ask(w('revokeTitle', { name: one.name }), w('revokeText'), w('revoke')))) return;
    await run(async () => {
      await del(`/keys/${one.id}`);
      toast(w('revoked'));
      onChange();
    });
  };
  return (
    <li class={one.revoked_at ? 'is-off' : ''}>
      <Icon name="keys" />
      <span class="rows-main">
        <strong>{one.name}</strong>
        <span class="quiet">
          <code>{one.prefix}…</code> · <code>{one.scopes}</code>
        </span>
        <span class="quiet">
          {w('madeAt', { when: when(one.created_at) })} ·{' '}
          {one.last_used_at ? w('usedAt', { when: when(one.last_used_at) }) : w('neverUsed')}
        </span>
      </span>
      {one.revoked_at ? (
        <span class="badge">{w('revokedAt', { when: when(one.revoked_at) })}</span>
      ) : (
        <button
          type="button"
          class="small"
          disabled={isBusy.value}
          aria-label={`${w('revoke')}: ${one.name}`}
          onClick={() => void revoke()}
        >
          {w('revoke')}
        </button>
      )}
    </li>
  );
}

export default function Keys() {
  const keys = useData<List<ApiKey>>('/keys');
  const isAdding = useSignal(false);
  const made = useSignal<ApiKey | null>(null);
  return (
    <SettingsFrame>
      <Head title={t('pageKeys')} lead={w('keysLead')}>
        <button type="button" class="primary" onClick={() => (isAdding.value = true)}>
          <Icon name="plus" size={16} /> {w('newKey')}
        </button>
      </Head>
      <p class="quiet">
        <a href="/api" target="_blank" rel="noreferrer">
          {w('apiDocs')}
        </a>
      </p>
      <Show of={keys}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty icon="keys" title={w('noKeys')}>
              {w('noKeysLead')}
            </Empty>
          ) : (
            <ul class="rows card">
              {data.map((one) => (
                <Row key={one.id} one={one} onChange={() => void keys.reload()} />
              ))}
            </ul>
          )
        }
      </Show>
      {isAdding.value && (
        <Add
          onClose={() => (isAdding.value = false)}
          onMade={(one) => {
            made.value = one;
            void keys.reload();
          }}
        />
      )}
      {made.value?.secret && (
        <Once title={w('keyMade', { name: made.value.name })} lead={w('onceLead')} onClose={() => (made.value = null)}>
          <CopyLine label={w('secret')} text={made.value.secret} />
          <CopyLine label={w('example')} text={`curl -H "Authorization: Bearer ${made.value.secret}" ${location.origin}/api/v1/me`} />
        </Once>
      )}
      <Asker />
    </SettingsFrame>
  );
}
