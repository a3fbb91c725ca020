// SPDX-License-Identifier: Apache-2.0
// What a campaign is: to whom, by which channels with which words, within which limits. Saving it sends nothing.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { campaigns } from '../../../i18n/campaigns';
import { limits } from '../../../i18n/limits';
import { wizard } from '../../../i18n/wizard';
import { together } from '../../../lib/dictionary';
import { get, patch, post, search, told, type List } from '../../../lib/api';
import { number } from '../../../lib/format';
import { t, words } from '../../../lib/i18n';
import { navigate } from '../../../lib/router';
import { Icon } from '../../icons';
import { Field, toastProblem } from '../../ui';
import { afterwards, useForm, Whole, type Form } from '../form';
import { useData } from '../kit';
import { Steps, useSlow } from '../grid';
import type { Import } from '../imports/api';
import { finished, nameOf, type Lead, type Segment } from '../leads/api';
import { Conditions } from '../leads/filter';
import { LIMITS, reason, type Audience, type Campaign, type Channel, type CampaignPreview, type Limits, type Template, type Variable } from './api';
import { Message } from './preview';

const { w, wn, wx } = words(together(campaigns, limits, wizard));

export interface Values {
  name: string;
  audience: Audience;
  channels: Channel[];
  variables: Record<string, Variable>;
  limits: Limits;
}

const SEEN_MS = 200; // since the last change

const templateOf = (all: Template[], channel: Channel): Template | undefined =>
  all.find((one) => one.channel === channel.channel && one.name === channel.template && (!channel.language || one.language === channel.language));

const audienceKind = (a: Audience): string => (a.segment !== undefined ? 'segment' : a.import !== undefined ? 'import' : a.leads ? 'leads' : 'filter');

/* --- to whom ------------------------------------------------------------------------------------------------------ */

function SegmentCount({ id }: { id: string }) {
  const count = useData<{ count: number }>(id ? `/segments/${id}/count` : '');
  return count.data.value ? <p class="hint">{wn('peopleN', count.data.value.count)}</p> : null;
}

function Who({ form }: { form: Form<Values> }) {
  const { audience } = form.value.value;
  const segments = useData<List<Segment>>('/segments');
  const imports = useData<List<Import>>('/imports?limit=100');
  const kind = audienceKind(audience);
  const put = (to: Audience) => form.set({ audience: to });
  const done = (imports.data.value?.data ?? []).filter((one) => one.state === 'done');
  const kinds: [string, Audience][] = [
    ['segment', { segment: segments.data.value?.data[0]?.id ?? '' }],
    ['import', { import: done[0]?.id ?? '' }],
    ['filter', { filter: { all: [] } }],
  ];
  if (audience.leads) kinds.push(['leads', audience]);
  return (
    <>
      <Field label={w('campaignName')} problem={form.problem('name')}>
        {(ids) => (
          <input {...ids} required maxLength={200} value={form.value.value.name} onInput={(e) => form.set({ name: e.currentTarget.value })} />
        )}
      </Field>
      <fieldset class="radio-cards">
        <legend class="legend-text">{w('toWhom')}</legend>
        {kinds.map(([name, first]) => (
          <label key={name}>
            <input type="radio" name="audience" checked={kind === name} onChange={() => put(first)} />
            <span>
              <strong>{wx('audience_', name)}</strong>
              <small>{name === 'leads' ? wn('peopleN', audience.leads?.length ?? 0) : wx('audienceLead_', name)}</small>
            </span>
          </label>
        ))}
      </fieldset>
      {kind === 'segment' && (
        <>
          <Field label={wx('audience_', 'segment')}>
            {(ids) => (
              <select {...ids} required value={audience.segment ?? ''} onChange={(e) => put({ segment: e.currentTarget.value })}>
                <option value="">{w('pick')}</option>
                {segments.data.value?.data.map((one) => (
                  <option key={one.id} value={one.id}>
                    {one.name}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <SegmentCount id={audience.segment ?? ''} />
        </>
      )}
      {kind === 'import' && (
        <Field label={wx('audience_', 'import')}>
          {(ids) => (
            <select {...ids} required value={audience.import ?? ''} onChange={(e) => put({ import: e.currentTarget.value })}>
              <option value="">{w('pick')}</option>
              {done.map((one) => (
                <option key={one.id} value={one.id}>
                  {one.name} ({number(one.counts.created + one.counts.updated)})
                </option>
              ))}
            </select>
          )}
        </Field>
      )}
      {kind === 'filter' && <Conditions filter={audience.filter ?? { all: [] }} onChange={(filter) => put({ filter })} />}
    </>
  );
}

/* --- how, and with which words ------------------------------------------------------------------------------------ */

function ChannelRow({ channel, n, of, templates, onChange, onMove, onRemove }: {
  channel: Channel;
  n: number;
  of: number;
  templates: Template[];
  onChange: (to: Channel) => void;
  onMove: (by: number) => void;
  onRemove: () => void;
}) {
  const mine = templates.filter((one) => one.channel === channel.channel);
  const found = templateOf(templates, channel);
  const key = (one: Template) => JSON.stringify([one.name, one.language, one.account_id]);
  return (
    <li class="card stack">
      <div class="row spread">
        <strong>{w('choiceN', { n: n + 1, channel: wx('channel_', channel.channel) })}</strong>
        <span class="row">
          {n > 0 && (
            <button type="button" class="small" aria-label={w('earlier', { channel: wx('channel_', channel.channel) })} onClick={() => onMove(-1)}>
              ↑
            </button>
          )}
          {n < of - 1 && (
            <button type="button" class="small" aria-label={w('later', { channel: wx('channel_', channel.channel) })} onClick={() => onMove(1)}>
              ↓
            </button>
          )}
          {of > 1 && (
            <button type="button" class="small" aria-label={`${t('remove')}: ${wx('channel_', channel.channel)}`} onClick={onRemove}>
              {t('remove')}
            </button>
          )}
        </span>
      </div>
      <p class="quiet">{w(n === 0 ? 'firstChoice' : 'nextChoice')}</p>
      <Field label={w('template')} problem={found?.is_usable === false ? reason(found.unusable_reason) : undefined}>
        {(ids) => (
          <select
            {...ids}
            value={found ? key(found) : ''}
            onChange={(e) => {
              const one = mine.find((other) => key(other) === e.currentTarget.value);
              if (one) onChange({ channel: channel.channel, template: one.name, language: one.language, ...(one.account_id && channel.channel !== 'email' ? { account_id: one.account_id } : {}) });
            }}
          >
            {!found && <option value="">{channel.template ? w('templateUnknown', { name: channel.template }) : w('pick')}</option>}
            {mine.map((one) => (
              <option key={one.id} value={key(one)}>
                {one.name} · {one.language}
                {one.status === 'approved' || one.status === 'local' ? '' : ` (${wx('tstatus_', one.status)})`}
              </option>
            ))}
          </select>
        )}
      </Field>
      {mine.length === 0 && (
        <p class="hint">
          {w('noTemplatesHere')} <a href="/app/campaigns/templates">{t('pageTemplates')}</a>
        </p>
      )}
    </li>
  );
}

const SOURCES = ['first_name', 'name', 'company', 'document', 'phone', 'email', 'tags'];

function VariableRow({ name, value, fields, onChange }: { name: string; value: Variable; fields: string[]; onChange: (to: Variable) => void }) {
  const how = value.text !== undefined ? 'text' : (value.field ?? '');
  const known = [...SOURCES, ...fields.map((one) => `field.${one}`)];
  if (value.field && !known.includes(value.field)) known.push(value.field);
  return (
    <tr>
      <th scope="row">
        <code>{`{{${name}}}`}</code>
      </th>
      <td>
        <select
          aria-label={w('comesFrom', { name })}
          value={how}
          onChange={(e) => onChange(e.currentTarget.value === 'text' ? { text: '' } : { field: e.currentTarget.value, default: value.default ?? '' })}
        >
          <option value="">{w('pick')}</option>
          {known.map((one) => (
            <option key={one} value={one}>
              {one.startsWith('field.') ? one.slice(6) : wx('from_', one)}
            </option>
          ))}
          <option value="text">{wx('from_', 'text')}</option>
        </select>
      </td>
      <td>
        {how === 'text' ? (
          <input aria-label={w('fixedText', { name })} value={value.text ?? ''} onInput={(e) => onChange({ text: e.currentTarget.value })} />
        ) : (
          <input
            aria-label={w('ifMissing', { name })}
            placeholder={w('ifMissingHint')}
            value={value.default ?? ''}
            onInput={(e) => onChange({ ...value, default: e.currentTarget.value })}
          />
        )}
      </td>
    </tr>
  );
}

/** Somebody real, so that one sees what people will see: the first of the audience, or who is looked for. */
function LeadPicker({ first, onPick }: { first: CampaignPreview['lead']; onPick: (id: string) => void }) {
  const found = useSignal<Lead[]>([]);
  const chosen = useSignal('');
  const pick = (id: string) => {
    chosen.value = id;
    onPick(id);
  };
  const look = async (q: string) => {
    found.value = q.trim() ? (await get<List<Lead>>(`/leads${search({ q, limit: 10 })}`)).data : [];
    const is = found.value.some((one) => one.id === chosen.value);
    if (!is) pick(found.value[0]?.id ?? '');
  };
  const slowly = useSlow((q) => void look(q).catch(toastProblem));
  return (
    <>
      <Field label={w('previewWith')}>
        {(ids) => <input {...ids} type="search" placeholder={w('searchLead')} onInput={(e) => slowly(e.currentTarget.value)} />}
      </Field>
      {(found.value.length > 0 || first) && (
        <select aria-label={w('previewLead')} value={chosen.value} onChange={(e) => pick(e.currentTarget.value)}>
          {found.value.length === 0 && <option value="">{first?.name || '—'}</option>}
          {found.value.map((one) => (
            <option key={one.id} value={one.id}>
              {nameOf(one)}
            </option>
          ))}
        </select>
      )}
    </>
  );
}

/** Says what the server says: it fills in as it does when it sends. */
function Seen({ id, values, templates, onLead }: { id: string | undefined; values: Values; templates: Template[]; onLead: (lead: Lead) => void }) {
  const lead = useSignal('');
  const seen = useSignal<CampaignPreview | null>(null);
  const problem = useSignal('');
  const { audience, channels, variables } = bodyOf(values, templates);
  const body = JSON.stringify({ audience, channels, variables, lead_id: lead.value || null });
  const of = seen.value?.lead?.id;
  useEffect(() => {
    let isOld = false;
    const timer = setTimeout(() => {
      post<CampaignPreview>(id ? `/dispatches/${id}/preview` : '/dispatches/preview', JSON.parse(body)).then(
        (got) => !isOld && ((seen.value = got), (problem.value = '')),
        (why: unknown) => !isOld && (problem.value = told(why)),
      );
    }, SEEN_MS);
    return () => {
      isOld = true;
      clearTimeout(timer);
    };
  }, [body, templates.length]);
  useEffect(() => {
    if (of) void get<Lead>(`/leads/${of}`).then(onLead, () => {}); // only for the names of its fields
  }, [of]);
  return (
    <aside class="stack" aria-label={w('preview')}>
      <h2>{w('preview')}</h2>
      <LeadPicker first={seen.value?.lead ?? null} onPick={(id) => (lead.value = id)} />
      {problem.value && <p class="warning">{problem.value}</p>}
      {seen.value && !seen.value.lead && <p class="warning">{w('nobodyThere')}</p>}
      {seen.value?.lead && !seen.value.would_send && seen.value.block_reason && <p class="quiet">{w('wouldNotGetIt', { why: reason(seen.value.block_reason) })}</p>}
      {seen.value?.messages.map((one) => (
        <div key={one.channel} class="stack">
          <h3>{wx('channel_', one.channel)}</h3>
          <Message message={one} />
        </div>
      ))}
    </aside>
  );
}

function Words({ id, form, templates }: { id: string | undefined; form: Form<Values>; templates: Template[] }) {
  const v = form.value.value;
  const fields = useSignal<string[]>([]);
  const put = (channels: Channel[]) => form.set({ channels });
  const used = v.channels.map((channel) => templateOf(templates, channel)).filter((one) => one !== undefined);
  const names = [...new Set(used.flatMap((one) => one.variables.map((variable) => variable.key)))];
  const free = ['whatsapp', 'email'].filter((name) => !v.channels.some((one) => one.channel === name));
  return (
    <div class="side-by-side">
      <div class="stack">
        <ol class="stack">
          {v.channels.map((channel, n) => (
            <ChannelRow
              key={channel.channel + n}
              channel={channel}
              n={n}
              of={v.channels.length}
              templates={templates}
              onChange={(to) => put(v.channels.with(n, to))}
              onMove={(by) => {
                const now = [...v.channels];
                now.splice(n + by, 0, ...now.splice(n, 1));
                put(now);
              }}
              onRemove={() => put(v.channels.filter((_, at) => at !== n))}
            />
          ))}
        </ol>
        {free.length > 0 && (
          <div class="row">
            {free.map((name) => (
              <button key={name} type="button" onClick={() => put([...v.channels, { channel: name, template: templates.find((one) => one.channel === name)?.name ?? '' }])}>
                <Icon name="plus" size={14} /> {wx('channel_', name)}
              </button>
            ))}
          </div>
        )}
        {names.length > 0 && (
          <section class="stack" aria-labelledby="variables">
            <h2 id="variables">{w('variables')}</h2>
            <div class="grid-box" tabIndex={0} role="group" aria-label={w('variables')}>
              <table class="grid">
                <tbody>
                  {names.map((name) => (
                    <VariableRow
                      key={name}
                      name={name}
                      value={v.variables[name] ?? {}}
                      fields={fields.value}
                      onChange={(to) => form.set({ variables: { ...v.variables, [name]: to } })}
                    />
                  ))}
                </tbody>
              </table>
            </div>
            {form.problem('variables') && <p class="problem">{form.problem('variables')}</p>}
          </section>
        )}
      </div>
      <Seen
        id={id}
        values={v}
        templates={templates}
        onLead={(lead) => (fields.value = [...new Set([...fields.value, ...Object.keys(lead.fields ?? {})])])}
      />
    </div>
  );
}

/* --- how much ----------------------------------------------------------------------------------------------------- */

function HowMuch({ form }: { form: Form<Values> }) {
  const { limits } = form.value.value;
  return (
    <>
      <p class="quiet">{w('limitsLead')}</p>
      <div class="columns">
        {LIMITS.map((name) => (
          <Field key={name} label={wx('limit_', name)} hint={wx('limitHint_', name)} problem={form.problem(name)}>
            {(ids) => (
              <input
                {...ids}
                type="number"
                min={0}
                placeholder={w('usual')}
                value={limits[name] ?? ''}
                onInput={(e) => {
                  const { [name]: _, ...rest } = limits;
                  form.set({ limits: e.currentTarget.value === '' ? rest : { ...rest, [name]: Number(e.currentTarget.value) } });
                }}
              />
            )}
          </Field>
        ))}
      </div>
    </>
  );
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

/** A first guess of where a variable comes from, by its name. */
function guess(name: string): Variable {
  const n = name.toLowerCase().normalize('NFD').replace(/[\u0300-\u036f]/g, '');
  if (/^(nome|name|cliente|primeiro_nome|first_name|1)$/.test(n)) return { field: 'first_name', default: '' };
  if (/empresa|company|razao/.test(n)) return { field: 'company', default: '' };
  if (/cpf|cnpj|documento/.test(n)) return { field: 'document', default: '' };
  return /^\d+$/.test(n) ? {} : { field: `field.${name}`, default: '' };
}

function bodyOf(v: Values, templates: Template[]): Record<string, unknown> {
  const names = new Set(v.channels.flatMap((channel) => templateOf(templates, channel)?.variables.map((one) => one.key) ?? []));
  const variables = Object.fromEntries(
    Object.entries(v.variables)
      .filter(([name, one]) => names.has(name) && (one.field || one.text !== undefined))
      .map(([name, one]) => [name, one.text !== undefined ? { text: one.text } : { field: one.field, ...(one.default ? { default: one.default } : {}) }]),
  );
  const audience = v.audience.filter ? { filter: finished(v.audience.filter) } : v.audience;
  return { name: v.name.trim(), audience, channels: v.channels, variables, limits: v.limits };
}

export function Wizard({ first, id, onSaved }: { first: Values; id?: string; onSaved: (one: Campaign) => void }) {
  const form = useForm<Values>(first);
  const at = useSignal(0);
  const all = useData<List<Template>>('/templates?limit=500');
  const templates = all.data.value?.data ?? [];
  const v = form.value.value;
  useEffect(() => {
    const names = v.channels.flatMap((channel) => templateOf(templates, channel)?.variables.map((one) => one.key) ?? []);
    const missing = names.filter((name) => !(name in v.variables));
    if (missing.length > 0) form.set({ variables: { ...v.variables, ...Object.fromEntries(missing.map((name) => [name, guess(name)])) } });
  }, [JSON.stringify(v.channels), templates.length]);
  const save = async (now: Values) => {
    const body = bodyOf(now, templates);
    const kept = await (id ? patch<Campaign>(`/dispatches/${id}`, body) : post<Campaign>('/dispatches', body));
    afterwards(() => onSaved(kept));
  };
  const steps = [w('stepWho'), w('stepWords'), w('stepLimits')];
  return (
    <form
      class="wide-page"
      onSubmit={(e) => {
        e.preventDefault();
        if (at.value < steps.length - 1) at.value++;
        else void form.submit(save);
      }}
    >
      <Steps label={w('way')} steps={steps} at={at.value} onGo={(step) => (at.value = step)} />
      <div class="card form">
        {at.value === 0 && <Who form={form} />}
        {at.value === 1 && <Words id={id} form={form} templates={templates} />}
        {at.value === 2 && <HowMuch form={form} />}
      </div>
      <Whole problem={form.rest(['name', 'variables', ...LIMITS])} />
      <div class="row">
        {at.value > 0 && (
          <button type="button" onClick={() => at.value--}>
            {t('back')}
          </button>
        )}
        <button type="submit" class="primary" disabled={form.isBusy.value}>
          {at.value < steps.length - 1 ? w('next') : w('saveAndTry')}
        </button>
        {!id && (
          <button type="button" class="link" onClick={() => navigate('/app/campaigns')}>
            {t('cancel')}
          </button>
        )}
      </div>
    </form>
  );
}
