// SPDX-License-Identifier: Apache-2.0
// Outside the 24 hours only an approved template may be sent. Those sent before are offered again.
import { useSignal } from '@preact/signals';
import type { Content, Conversation } from '../../lib/api';
import { t } from '../../lib/i18n';
import { Icon } from '../icons';
import { Field } from '../ui';
import { toggle } from './composer';
import type { Draft } from './draft';
import type { Thread } from './thread_store';

interface Used {
  name: string;
  language: string;
  values: number;
}
const KEY = 'prosa.templates';
const USED_MAX = 6;
const usedBefore = (): Used[] => JSON.parse(localStorage.getItem(KEY) ?? '[]') as Used[];
function remember(one: Used): void {
  const rest = usedBefore().filter((old) => old.name !== one.name || old.language !== one.language);
  localStorage.setItem(KEY, JSON.stringify([one, ...rest].slice(0, USED_MAX)));
}

const NAME = '[a-z0-9_]{1,512}';

export function TemplatePicker({ c, thread, draft, onSent }: { c: Conversation; thread: Thread; draft: Draft; onSent: () => void }) {
  const isOpen = useSignal(false);
  const name = useSignal('');
  const language = useSignal('pt_BR');
  const values = useSignal<string[]>([]);
  const send = (e: Event) => {
    e.preventDefault();
    const parameters = values.value.map((text) => ({ type: 'text', text }));
    const content: Content = {
      name: name.value.trim(),
      language: language.value.trim(),
      ...(parameters.length > 0 ? { components: [{ type: 'body', parameters }] } : {}),
    };
    remember({ name: content.name ?? '', language: content.language ?? '', values: parameters.length });
    thread.send({ type: 'template', content, text: '' });
    isOpen.value = false;
    onSent();
  };
  return (
    <div class="composer shut">
      <p>
        <strong>{t('windowClosed')}</strong> {t(c.inbound_count > 0 ? 'windowClosedWhy' : 'windowNever')}
        {c.owner === 'bot' && ` ${t('takeoverHint')}`}
      </p>
      <div class="shut-actions">
        <button type="button" class={isOpen.value ? 'small' : 'small primary'} aria-expanded={isOpen.value} onClick={() => (isOpen.value = !isOpen.value)}>
          <Icon name="template" size={16} /> {t('templateSend')}
        </button>
        <button type="button" class="small" onClick={() => toggle(draft)}>
          <Icon name="note" size={16} /> {t('toNote')}
        </button>
      </div>
      {isOpen.value && (
        <form class="template" onSubmit={send}>
          {usedBefore().length > 0 && (
            <ul class="chips" aria-label={t('templateUsed')}>
              {usedBefore().map((one) => (
                <li key={one.name + one.language}>
                  <button
                    type="button"
                    class="small"
                    onClick={() => {
                      name.value = one.name;
                      language.value = one.language;
                      values.value = Array.from({ length: one.values }, () => '');
                    }}
                  >
                    {one.name} · {one.language}
                  </button>
                </li>
              ))}
            </ul>
          )}
          <div class="two">
            <Field label={t('templateName')} hint={t('templateNameHint')}>
              {(ids) => (
                <input {...ids} required pattern={NAME} value={name.value} spellcheck={false} autocapitalize="none" onInput={(e) => (name.value = e.currentTarget.value)} />
              )}
            </Field>
            <Field label={t('templateLanguage')} hint={t('templateLanguageHint')}>
              {(ids) => (
                <input {...ids} required pattern="[A-Za-z]{2,3}(_[A-Za-z]{2,4})?" value={language.value} spellcheck={false} onInput={(e) => (language.value = e.currentTarget.value)} />
              )}
            </Field>
          </div>
          {values.value.map((value, i) => (
            <Field key={i} label={t('templateValue', { n: i + 1 })}>
              {(ids) => (
                <input {...ids} required value={value} onInput={(e) => (values.value = values.value.with(i, e.currentTarget.value))} />
              )}
            </Field>
          ))}
          <div class="shut-actions">
            <button type="button" class="small" onClick={() => (values.value = [...values.value, ''])}>
              <Icon name="plus" size={14} /> {t('templateMore')}
            </button>
            {values.value.length > 0 && (
              <button type="button" class="small" onClick={() => (values.value = values.value.slice(0, -1))}>
                {t('templateLess')}
              </button>
            )}
            <button type="submit" class="primary small">
              {t('send')}
            </button>
          </div>
        </form>
      )}
    </div>
  );
}
