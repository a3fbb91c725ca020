// SPDX-License-Identifier: Apache-2.0
// Who did what, newest first. The list is append-only and chained; here it is read and narrowed.
import { useComputed, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { get, search, type List } from '../../lib/api';
import { t } from '../../lib/i18n';
import { Empty, Failed, Field, Loading, When } from '../ui';
import { Head, Raw, SettingsFrame, useData } from './kit';
import { hasWord, w, wx } from './words';

interface Entry {
  seq: number;
  at: string;
  actor: string;
  action: string;
  object: string;
  detail: Record<string, unknown> | null;
}

interface User {
  id: string;
  name: string;
  email: string;
}

/** Ids are long and their ends say nothing to people; the whole one stands in the title. */
const shortId = (id: string): string => (/^[0-9a-f-]{36}$/.test(id) ? `…${id.slice(-6)}` : id);

const PAGE = 100;
const hasDetail = (one: Entry): boolean => Boolean(one.detail && Object.keys(one.detail).length > 0);

function Row({ one, nameOf }: { one: Entry; nameOf: (who: string) => string }) {
  const isOpen = useSignal(false);
  return (
    <li>
      <When at={one.at} />
      <span class="rows-main">
        <strong>{hasWord(`action_${one.action}`) ? wx('action_', one.action) : one.action}</strong>
        <span class="quiet">
          {nameOf(one.actor)} · <span title={one.object}>{nameOf(one.object)}</span>
        </span>
        {isOpen.value && <Raw text={JSON.stringify(one.detail)} label={w('details')} />}
      </span>
      <code class="quiet">#{one.seq}</code>
      {hasDetail(one) && (
        <button type="button" class="small" aria-expanded={isOpen.value} onClick={() => (isOpen.value = !isOpen.value)}>
          {w('details')}
        </button>
      )}
    </li>
  );
}

function useEntries() {
  const items = useSignal<Entry[] | null>(null);
  const next = useSignal('');
  const why = useSignal<unknown>(null);
  const load = async () => {
    try {
      const page = await get<List<Entry>>(`/audit${search({ limit: PAGE, after: next.value })}`);
      items.value = [...(items.value ?? []), ...page.data];
      next.value = page.has_more && page.next ? page.next : '';
      why.value = null;
    } catch (failure) {
      why.value = failure;
    }
  };
  useEffect(() => void load(), []);
  return { items, next, why, load };
}

export default function Audit() {
  const list = useEntries();
  const users = useData<List<User>>('/users');
  const words = useSignal('');
  const action = useSignal('');
  const keys = useData<List<{ id: string; name: string }>>('/keys');
  const nameOf = (who: string): string => {
    const [kind = '', id = ''] = who.split(':');
    const person = kind === 'user' ? users.data.value?.data.find((one) => one.id === id) : undefined;
    if (person) return person.name || person.email;
    const key = kind === 'key' ? keys.data.value?.data.find((one) => one.id === id) : undefined;
    const what = hasWord(`actor_${kind}`) ? wx('actor_', kind) : kind;
    if (key?.name) return `${what} ${key.name}`;
    return id ? `${what} ${shortId(id)}` : shortId(what);
  };
  const actions = useComputed(() => [...new Set((list.items.value ?? []).map((one) => one.action))].sort());
  const shown = (list.items.value ?? []).filter((one) => {
    if (action.value && one.action !== action.value) return false;
    const text = `${nameOf(one.actor)} ${one.actor} ${one.action} ${one.object} ${nameOf(one.object)}`.toLowerCase();
    return words.value.toLowerCase().split(/\s+/).every((word) => text.includes(word));
  });
  return (
    <SettingsFrame>
      <Head title={t('pageAudit')} lead={w('auditLead')} />
      <div class="columns">
        <Field label={t('search')} hint={w('auditSearchHint')}>
          {(ids) => (
            <input {...ids} type="search" value={words.value} onInput={(e) => (words.value = e.currentTarget.value)} />
          )}
        </Field>
        <Field label={w('action')}>
          {(ids) => (
            <select {...ids} value={action.value} onChange={(e) => (action.value = e.currentTarget.value)}>
              <option value="">{w('anyAction')}</option>
              {actions.value.map((one) => (
                <option key={one} value={one}>
                  {hasWord(`action_${one}`) ? wx('action_', one) : one}
                </option>
              ))}
            </select>
          )}
        </Field>
      </div>
      {list.why.value ? <Failed why={list.why.value} onRetry={() => void list.load()} /> : null}
      {!list.items.value && !list.why.value && <Loading />}
      {list.items.value && shown.length === 0 && <Empty icon="eye" title={w('noEntries')} />}
      {shown.length > 0 && (
        <ul class="rows card audit">
          {shown.map((one) => (
            <Row key={one.seq} one={one} nameOf={nameOf} />
          ))}
        </ul>
      )}
      {list.next.value && (
        <button type="button" onClick={() => void list.load()}>
          {w('older')}
        </button>
      )}
    </SettingsFrame>
  );
}
