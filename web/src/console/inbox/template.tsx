// SPDX-License-Identifier: Apache-2.0
// Outside the 24 hours only an approved template may be sent: it is looked up, filled in and seen as the customer will see it.
import { useComputed, useSignal, type Signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { get, post, search, told, type Content, type Conversation, type List } from '../../lib/api';
import { t, tx } from '../../lib/i18n';
import { Icon } from '../icons';
import { Failed, Field, Loading } from '../ui';
import { toggle } from './composer';
import type { Draft } from './draft';
import type { Thread } from './thread_store';

interface Variable {
  key: string;
  place: string;
  kind: string;
  example: string | null;
}
interface Template {
  id: string;
  name: string;
  language: string;
  category: string | null;
  body: string;
  is_usable: boolean;
  variables: Variable[];
}
interface Preview {
  is_complete: boolean;
  missing: string[];
  values: Record<string, string>;
  text: string;
  content?: Content;
}

const KEY = 'prosa.templates.used';
const USED_MAX = 6;
const PAGES_MAX = 10;
const REST_MS = 200;
const usedBefore = (): string[] => JSON.parse(localStorage.getItem(KEY) ?? '[]') as string[];
const remember = (id: string): void =>
  localStorage.setItem(KEY, JSON.stringify([id, ...usedBefore().filter((old) => old !== id)].slice(0, USED_MAX)));

const plain = (text: string): string => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
const isFile = (one: Variable): boolean => ['image', 'video', 'document'].includes(one.kind);

/** All that this conversation's channel may send, those used before first. */
async function load(c: Conversation): Promise<Template[]> {
  const all: Template[] = [];
  for (let after: string | null = '', n = 0; after !== null && n < PAGES_MAX; n++) {
    const page: List<Template> = await get(
      `/templates${search({ channel: 'whatsapp', status: 'approved', account: c.provider_id ?? '', limit: 200, after })}`,
    );
    all.push(...page.data.filter((one) => one.is_usable));
    after = page.has_more ? page.next : null;
  }
  const used = usedBefore();
  const rank = (one: Template): number => (used.includes(one.id) ? used.indexOf(one.id) : USED_MAX);
  return all.sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name) || a.language.localeCompare(b.language));
}

function Choice({ label, value, from, show }: { label: string; value: Signal<string>; from: string[]; show: (one: string) => string }) {
  return (
    <label class="check">
      {label}
      <select value={value.value} onChange={(e) => (value.value = e.currentTarget.value)}>
        <option value="">{t('templateAny')}</option>
        {from.map((one) => (
          <option key={one} value={one}>
            {show(one)}
          </option>
        ))}
      </select>
    </label>
  );
}

const distinct = (all: string[]): string[] => [...new Set(all.filter(Boolean))].sort();

function Finder({ all, onPick }: { all: Template[]; onPick: (one: Template) => void }) {
  const words = useSignal('');
  const language = useSignal('');
  const category = useSignal('');
  const box = useRef<HTMLInputElement>(null);
  const found = useComputed(() =>
    all.filter(
      (one) =>
        (!language.value || one.language === language.value) &&
        (!category.value || one.category === category.value) &&
        plain(`${one.name} ${one.body}`).includes(plain(words.value.trim())),
    ),
  ).value;
  useEffect(() => box.current?.focus(), []);
  const used = usedBefore();
  return (
    <>
      <div class="bar">
        <span class="search-box">
          <Icon name="search" size={16} />
          <input ref={box} type="search" aria-label={t('templateSearch')} placeholder={t('templateSearch')} onInput={(e) => (words.value = e.currentTarget.value)} />
        </span>
        <Choice label={t('templateLanguage')} value={language} from={distinct(all.map((one) => one.language))} show={(one) => one} />
        <Choice label={t('templateCategory')} value={category} from={distinct(all.map((one) => one.category ?? ''))} show={(one) => tx('tcategory_', one)} />
      </div>
      {found.length === 0 && <p class="hint" role="status">{t(all.length === 0 ? 'templatesNone' : 'templatesNoneFit')}</p>}
      <ul class="template-list" aria-label={t('templates')}>
        {found.map((one) => (
          <li key={one.id}>
            <button type="button" onClick={() => onPick(one)}>
              <strong>{one.name}</strong>
              <small>
                {one.language}
                {one.category ? ` · ${tx('tcategory_', one.category)}` : ''}
                {used.includes(one.id) ? ` · ${t('templateUsed')}` : ''}
              </small>
              <span class="two-lines">{one.body}</span>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

function labelOf(one: Variable): string {
  const name = `{{${one.key.replace(/^(header|button)\./, '')}}}`;
  if (isFile(one)) return t('tkind_link', { name });
  return one.place === 'header' || one.place === 'button' ? t(`tplace_${one.place}`, { name }) : name;
}

/** The words as they are with what was typed so far; what the lead tells is put in first. */
function usePreview(one: Template, lead: string, values: Signal<Record<string, string>>, isTouched: Signal<boolean>) {
  const seen = useSignal<Preview | null>(null);
  const why = useSignal<unknown>(null);
  const turn = useRef(0);
  useEffect(() => {
    const mine = ++turn.current;
    const ask = async () => {
      const given = Object.fromEntries(Object.entries(values.value).filter(([, text]) => text.trim()));
      try {
        const got = await post<Preview>(`/templates/${one.id}/preview`, isTouched.value ? { values: given } : { lead, values: given });
        if (mine !== turn.current) return;
        seen.value = got;
        why.value = null;
        if (isTouched.value) return;
        isTouched.value = true; // from here on what is typed counts, also what is emptied
        values.value = Object.fromEntries(one.variables.map((v) => [v.key, got.missing.includes(v.key) ? '' : (got.values[v.key] ?? '')]));
      } catch (e) {
        if (mine === turn.current) why.value = e;
      }
    };
    const timer = window.setTimeout(() => void ask(), isTouched.peek() ? REST_MS : 0);
    return () => clearTimeout(timer);
  }, [one.id, values.value]);
  return { seen, why };
}

function Filler({ one, c, onSend, onBack }: { one: Template; c: Conversation; onSend: (preview: Preview) => void; onBack: () => void }) {
  const values = useSignal<Record<string, string>>({});
  const isTouched = useSignal(false);
  const isSending = useSignal(false);
  const { seen, why } = usePreview(one, c.lead.id, values, isTouched);
  const missing = one.variables.filter((v) => !values.value[v.key]?.trim());
  const send = async (e: Event) => {
    e.preventDefault();
    if (missing.length > 0 || isSending.value) return;
    isSending.value = true;
    try {
      const last = await post<Preview>(`/templates/${one.id}/preview`, { values: values.value });
      if (last.content) onSend(last);
      else seen.value = last;
    } catch (problem) {
      why.value = problem;
    }
    isSending.value = false;
  };
  return (
    <form class="template-fill" onSubmit={(e) => void send(e)}>
      <div class="template-values">
        <p>
          <strong>{one.name}</strong>{' '}
          <small>
            {one.language}
            {one.category ? ` · ${tx('tcategory_', one.category)}` : ''}
          </small>
        </p>
        {one.variables.map((v) => (
          <Field key={v.key} label={labelOf(v)}>
            {(ids) => (
              <input
                {...ids}
                required
                {...(isFile(v) ? { pattern: 'https?://.+', inputMode: 'url' as const } : {})}
                maxLength={1024}
                value={values.value[v.key] ?? ''}
                placeholder={v.example ?? ''}
                onInput={(e) => (values.value = { ...values.value, [v.key]: e.currentTarget.value })}
              />
            )}
          </Field>
        ))}
        {missing.length > 0 && isTouched.value && (
          <p class="hint" role="status">
            {t('templateMissing', { names: missing.map((v) => `{{${v.key}}}`).join(', ') })}
          </p>
        )}
        <div class="shut-actions">
          <button type="submit" class="primary small" disabled={missing.length > 0 || isSending.value}>
            {t('send')}
          </button>
          <button type="button" class="small" onClick={onBack}>
            {t('templateOther')}
          </button>
        </div>
      </div>
      <div class="template-look" role="group" aria-label={t('templateLooks')}>
        <small>{t('templateLooks')}</small>
        {why.value ? <Failed why={new Error(told(why.value))} /> : <p class="bubble-like">{seen.value?.text ?? one.body}</p>}
      </div>
    </form>
  );
}

function Picker({ c, onSend }: { c: Conversation; onSend: (one: Template, preview: Preview) => void }) {
  const all = useSignal<Template[] | null>(null);
  const why = useSignal<unknown>(null);
  const one = useSignal<Template | null>(null);
  const begin = () => {
    why.value = null;
    load(c).then(
      (found) => (all.value = found),
      (problem: unknown) => (why.value = problem),
    );
  };
  useEffect(begin, [c.id]);
  if (why.value) return <Failed why={why.value} onRetry={begin} />;
  if (!all.value) return <Loading />;
  if (one.value) {
    const chosen = one.value;
    return <Filler key={chosen.id} one={chosen} c={c} onSend={(preview) => onSend(chosen, preview)} onBack={() => (one.value = null)} />;
  }
  return <Finder all={all.value} onPick={(picked) => (one.value = picked)} />;
}

export function TemplatePicker({ c, thread, draft, onSent }: { c: Conversation; thread: Thread; draft: Draft; onSent: () => void }) {
  const isOpen = useSignal(false);
  const send = (one: Template, preview: Preview) => {
    remember(one.id);
    thread.send({ type: 'template', content: { ...preview.content, text: preview.text }, text: preview.text });
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
        <div class="template">
          <Picker c={c} onSend={send} />
        </div>
      )}
    </div>
  );
}
