// SPDX-License-Identifier: Apache-2.0
// The people of the team: adding, roles, switching off, a new password, a lost second factor.
import { useSignal } from '@preact/signals';
import { patch, post, type List, type Role } from '../../lib/api';
import { when } from '../../lib/format';
import { t, tx } from '../../lib/i18n';
import { Icon } from '../icons';
import { user as self } from '../session';
import { Avatar, toast } from '../ui';
import { DialogForm, SelectField, TextField, useForm, type Form } from './form';
import { ask, Asker, Head, SettingsFrame, Show, useData, useDoing } from './kit';
import { w, wx } from './words';

interface User {
  id: string;
  email: string;
  name: string;
  role: Role;
  is_active: boolean;
  has_totp: boolean;
  skills?: string[];
  capacity?: number;
  created_at: string;
}

interface Member {
  id: string;
  skills: string[];
  capacity: number;
}

const ROLES: Role[] = ['agent', 'supervisor', 'admin'];

interface Values {
  name: string;
  email: string;
  role: Role;
  password: string;
  skills: string;
  capacity: string;
}

const RoleField = ({ form }: { form: Form<Values> }) => (
  <SelectField
    form={form}
    name="role"
    label={w('role')}
    hint={wx('roleHint_', form.value.value.role)}
    choices={ROLES}
    say={(role) => tx('role_', role)}
  />
);

/** Readable, so that it can be told over the telephone; the person changes it in the profile. */
function newPassword(): string {
  const letters = 'abcdefghjkmnpqrstuvwxyz23456789';
  const picked = [...crypto.getRandomValues(new Uint32Array(16))].map((n) => letters[n % letters.length]);
  return [0, 4, 8, 12].map((i) => picked.slice(i, i + 4).join('')).join('-');
}

function Add({ onClose, onSaved }: { onClose: () => void; onSaved: () => void }) {
  const form = useForm<Values>({ name: '', email: '', role: 'agent', password: newPassword(), skills: '', capacity: '' });
  const save = async (v: Values) => {
    await post<User>('/users', { name: v.name.trim(), email: v.email.trim(), role: v.role, password: v.password });
  };
  return (
    <DialogForm
      title={w('newPerson')}
      form={form}
      save={save}
      fields={['name', 'email', 'password']}
      submit={t('add')}
      onSaved={() => {
        toast(w('personAdded'));
        onSaved();
      }}
      onClose={onClose}
    >
      <TextField form={form} name="name" label={w('name')} autocomplete="off" required />
      <TextField form={form} name="email" label={t('email')} type="email" autocomplete="off" required />
      <RoleField form={form} />
      <TextField form={form} name="password" label={w('firstPassword')} hint={w('firstPasswordHint')} autocomplete="off" required />
    </DialogForm>
  );
}

function Change({ person, member, onClose, onSaved }: {
  person: User;
  member: Member | undefined;
  onClose: () => void;
  onSaved: () => void;
}) {
  const isSelf = person.id === self.value?.id;
  const skills = person.skills ?? member?.skills;
  const capacity = person.capacity ?? member?.capacity;
  const form = useForm<Values>({
    name: person.name,
    email: person.email,
    role: person.role,
    password: '',
    skills: skills?.join(', ') ?? '',
    capacity: capacity === undefined ? '' : String(capacity),
  });
  const save = async (v: Values) => {
    await patch<User>(`/users/${person.id}`, {
      name: v.name.trim(),
      ...(isSelf ? {} : { role: v.role }),
      ...(v.password ? { password: v.password } : {}),
      ...(skills ? { skills: v.skills.split(',').map((one) => one.trim()).filter(Boolean) } : {}),
      ...(capacity !== undefined && v.capacity ? { capacity: Number(v.capacity) } : {}),
    });
  };
  return (
    <DialogForm
      title={person.name || person.email}
      form={form}
      save={save}
      fields={['name', 'password', 'skills', 'capacity']}
      isOff={!form.isDirty()}
      onSaved={() => {
        toast(t('saved'));
        onSaved();
      }}
      onClose={onClose}
    >
      <p class="quiet">{person.email}</p>
      <TextField form={form} name="name" label={w('name')} autocomplete="off" required />
      {!isSelf && <RoleField form={form} />}
      {skills && <TextField form={form} name="skills" label={w('skills')} hint={w('skillsHint')} autocomplete="off" />}
      {capacity !== undefined && (
        <TextField form={form} name="capacity" label={w('capacity')} hint={w('capacityHint')} type="number" autocomplete="off" />
      )}
      {!isSelf && <TextField form={form} name="password" label={w('newPassword')} hint={w('newPasswordHint')} autocomplete="off" />}
    </DialogForm>
  );
}

function Row({ person, onEdit, onChange }: { person: User; onEdit: () => void; onChange: () => void }) {
  const [isBusy, run] = useDoing();
  const isSelf = person.id === self.value?.id;
  const name = person.name || person.email;
  const setActive = (is: boolean) =>
    run(async () => {
      await patch(`/users/${person.id}`, { is_active: is });
      onChange();
    });
  const switchOff = async () => {
    if (await ask(w('switchOffTitle', { name }), w('switchOffText'), w('switchOff'))) await setActive(false);
  };
  const resetTotp = async () => {
    if (!(await ask(w('resetTotpTitle', { name }), w('resetTotpText'), w('resetTotp')))) return;
    await run(async () => {
      await post(`/users/${person.id}/reset-totp`);
      onChange();
    });
  };
  return (
    <li class={person.is_active ? '' : 'is-off'}>
      <Avatar name={name} small />
      <span class="rows-main">
        <strong>
          {name} {isSelf && <span class="quiet">({w('you')})</span>}
        </strong>
        <span class="quiet">
          {person.email} · {w('sinceDay', { when: when(person.created_at) })}
        </span>
      </span>
      <span class="badge">{tx('role_', person.role)}</span>
      {person.has_totp && <span class="badge accent">{w('hasTotp')}</span>}
      {!person.is_active && <span class="badge">{w('off')}</span>}
      <span class="row">
        <button type="button" class="small" aria-label={`${t('edit')}: ${name}`} onClick={onEdit}>
          {t('edit')}
        </button>
        {person.has_totp && !isSelf && (
          <button type="button" class="small" aria-label={`${w('resetTotp')}: ${name}`} onClick={() => void resetTotp()}>
            {w('resetTotp')}
          </button>
        )}
        {!isSelf && (
          <button
            type="button"
            class="small"
            disabled={isBusy.value}
            aria-label={`${person.is_active ? w('switchOff') : w('switchOn')}: ${name}`}
            onClick={() => void (person.is_active ? switchOff() : setActive(true))}
          >
            {person.is_active ? w('switchOff') : w('switchOn')}
          </button>
        )}
      </span>
    </li>
  );
}

export default function Users() {
  const users = useData<List<User>>('/users');
  const team = useData<List<Member>>('/team');
  const isAdding = useSignal(false);
  const editing = useSignal<User | null>(null);
  const reload = () => {
    void users.reload();
    void team.reload();
  };
  return (
    <SettingsFrame>
      <Head title={t('pageUsers')} lead={w('usersLead')}>
        <button type="button" class="primary" onClick={() => (isAdding.value = true)}>
          <Icon name="plus" size={16} /> {w('newPerson')}
        </button>
      </Head>
      <Show of={users}>
        {({ data }) => (
          <ul class="rows card">
            {data.map((one) => (
              <Row key={one.id} person={one} onEdit={() => (editing.value = one)} onChange={reload} />
            ))}
          </ul>
        )}
      </Show>
      {isAdding.value && <Add onClose={() => (isAdding.value = false)} onSaved={reload} />}
      {editing.value && (
        <Change
          person={editing.value}
          member={team.data.value?.data.find((m) => m.id === editing.value?.id)}
          onClose={() => (editing.value = null)}
          onSaved={reload}
        />
      )}
      <Asker />
    </SettingsFrame>
  );
}

