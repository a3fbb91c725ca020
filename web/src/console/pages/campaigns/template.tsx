// SPDX-License-Identifier: Apache-2.0
// One template. E-mail's are written here, with the message beside as it will look; a provider's can only be looked at.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { campaigns } from '../../../i18n/campaigns';
import { templates } from '../../../i18n/templates';
import { together } from '../../../lib/dictionary';
import { del, patch, post } from '../../../lib/api';
import { when } from '../../../lib/format';
import { t, words } from '../../../lib/i18n';
import { navigate } from '../../../lib/router';
import { Field } from '../../ui';
import { afterwards, SaveBar, SaveForm, TextField, useForm } from '../form';
import { ask, Asker, Head, Show, useData, useDoing, type Loaded } from '../kit';
import { useSlow } from '../grid';
import type { PageProps } from '../index';
import { reason, type Preview, type Template } from './api';
import { CampaignTabs } from './frame';
import { Bubble } from './preview';
import { TemplateStatus } from './templates';

const { w, wx } = words(together(campaigns, templates));

interface Values {
  name: string;
  language: string;
  subject: string;
  body: string;
  html: string;
}

const blank: Values = { name: '', language: 'pt_BR', subject: '', body: '', html: '' };
const valuesOf = (one: Template): Values => ({ name: one.name, language: one.language, subject: one.subject ?? '', body: one.body, html: one.html ?? '' });

const variablesIn = (text: string): string[] => [...new Set([...text.matchAll(/\{\{\s*([\w.]+)\s*\}\}/g)].map((found) => found[1] ?? ''))];
const EXAMPLES: Record<string, string> = { nome: 'Ana', name: 'Ana', empresa: 'Padaria Sol', company: 'Padaria Sol', valor: 'R$ 120,00', vencimento: '10/12' };

/** Values to look at it with; each variable has one. */
function Examples({ names, values, onChange }: { names: string[]; values: Record<string, string>; onChange: (name: string, value: string) => void }) {
  if (names.length === 0) return null;
  return (
    <fieldset class="columns">
      <legend class="legend-text">{w('examples')}</legend>
      {names.map((name) => (
        <Field key={name} label={`{{${name}}}`}>
          {(ids) => <input {...ids} value={values[name] ?? ''} onInput={(e) => onChange(name, e.currentTarget.value)} />}
        </Field>
      ))}
    </fieldset>
  );
}

const filled = (text: string, values: Record<string, string>): string =>
  text.replace(/\{\{\s*([\w.]+)\s*\}\}/g, (whole, name: string) => values[name] || whole);

function Editor({ one, onSaved }: { one: Template | null; onSaved: (kept: Template) => void }) {
  const form = useForm<Values>(one ? valuesOf(one) : blank);
  const values = useSignal<Record<string, string>>({});
  const v = form.value.value;
  const names = variablesIn(`${v.subject}\n${v.body}\n${v.html}`);
  const given = Object.fromEntries(names.map((name) => [name, values.value[name] ?? EXAMPLES[name] ?? '']));
  const save = async (now: Values) => {
    const body = { subject: now.subject, body: now.body, html: now.html };
    const kept = await (one ? patch<Template>(`/templates/${one.id}`, body) : post<Template>('/templates', { ...body, name: now.name.trim(), language: now.language.trim(), channel: 'email' }));
    afterwards(() => onSaved(kept));
    return valuesOf(kept);
  };
  return (
    <div class="side-by-side">
      <SaveForm form={form} save={save}>
        {!one && (
          <div class="columns">
            <TextField form={form} name="name" label={w('name')} hint={w('templateNameHint')} required autocapitalize="none" />
            <TextField form={form} name="language" label={w('language')} required autocapitalize="none" />
          </div>
        )}
        <TextField form={form} name="subject" label={w('subject')} required />
        <TextField form={form} name="body" label={w('body')} hint={w('bodyHint')} required rows={12} />
        <details open={Boolean(v.html)}>
          <summary>{w('htmlToo')}</summary>
          <TextField form={form} name="html" label="HTML" hint={w('htmlHint')} class="code" rows={10} />
        </details>
        <SaveBar form={form} fields={['name', 'language', 'subject', 'body', 'html']} />
      </SaveForm>
      <aside class="stack" aria-label={w('preview')}>
        <h2>{w('preview')}</h2>
        <Examples names={names} values={given} onChange={(name, value) => (values.value = { ...values.value, [name]: value })} />
        <Bubble channel="email" preview={{ text: '', content: { subject: filled(v.subject, given), text: filled(v.body, given), ...(v.html ? { html: filled(v.html, given) } : {}) } }} />
      </aside>
    </div>
  );
}

function Look({ one }: { one: Template }) {
  const values = useSignal<Record<string, string>>(Object.fromEntries(one.variables.map((v) => [v.key, v.example || EXAMPLES[v.key] || ''])));
  const seen = useSignal<Preview>({ text: one.body });
  const problem = useSignal('');
  const ask_ = async () => {
    const given = Object.fromEntries(Object.entries(values.value).filter(([, text]) => text));
    try {
      seen.value = await post<Preview>(`/templates/${one.id}/preview`, { values: given });
      problem.value = '';
    } catch (why) {
      problem.value = why instanceof Error ? why.message : String(why);
    }
  };
  const slowly = useSlow(() => void ask_());
  useEffect(() => void ask_(), []);
  return (
    <div class="side-by-side">
      <section class="card stack" aria-label={w('template')}>
        <dl class="fact-list">
          {(
            [
              [w('channel'), wx('channel_', one.channel)],
              [w('language'), one.language],
              [w('category'), one.category ? wx('category_', one.category.toLowerCase()) : ''],
              [w('quality'), one.quality ? wx('quality_', one.quality) : ''],
              [w('synced'), one.synced_at ? when(one.synced_at) : ''],
            ] as const
          ).map(([title, text]) =>
            text ? (
              <div key={title}>
                <dt>{title}</dt>
                <dd>{text}</dd>
              </div>
            ) : null,
          )}
        </dl>
        {one.is_usable === false && <p class="warning">{reason(one.unusable_reason)}</p>}
        {one.status_reason && one.status_reason !== 'NONE' && <p class="warning">{reason(one.status_reason)}</p>}
        <Examples
          names={one.variables.map((v) => v.key)}
          values={values.value}
          onChange={(name, value) => {
            values.value = { ...values.value, [name]: value };
            slowly('');
          }}
        />
        <p class="hint">{w('ownerIsProvider')}</p>
      </section>
      <aside class="stack" aria-label={w('preview')}>
        <h2>{w('preview')}</h2>
        {problem.value && <p class="warning">{problem.value}</p>}
        {seen.value.missing && seen.value.missing.length > 0 && <p class="hint">{w('missing', { names: seen.value.missing.join(', ') })}</p>}
        <Bubble channel={one.channel} preview={seen.value} />
      </aside>
    </div>
  );
}

function One({ one, of }: { one: Template; of: Loaded<Template> }) {
  const [isBusy, run] = useDoing();
  const isLocal = one.status === 'local';
  const remove = async () => {
    if (!(await ask(w('removeTemplateTitle', { name: one.name }), w('removeTemplateText'), t('remove')))) return;
    await run(async () => {
      await del(`/templates/${one.id}`);
      navigate('/app/campaigns/templates');
    });
  };
  return (
    <>
      <Head title={one.name} lead={`${wx('channel_', one.channel)} · ${one.language}`}>
        <TemplateStatus one={one} />
        {isLocal && (
          <button type="button" class="danger" disabled={isBusy.value} onClick={() => void remove()}>
            {t('remove')}
          </button>
        )}
      </Head>
      {isLocal ? <Editor one={one} onSaved={(kept) => (of.data.value = kept)} /> : <Look one={one} />}
    </>
  );
}

export default function TemplatePage({ params }: PageProps) {
  const id = params.id ?? '';
  const isNew = id === 'new';
  const found = useData<Template>(isNew ? '' : `/templates/${encodeURIComponent(id)}`);
  return (
    <>
      <CampaignTabs />
      {isNew ? (
        <>
          <Head title={w('newMail')} lead={w('newMailLead')} />
          <Editor one={null} onSaved={(kept) => navigate(`/app/campaigns/templates/${kept.id}`)} />
        </>
      ) : (
        <Show of={found}>{(one) => <One key={one.id} one={one} of={found} />}</Show>
      )}
      <Asker />
    </>
  );
}
