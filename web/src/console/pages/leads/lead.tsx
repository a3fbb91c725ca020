// SPDX-License-Identifier: Apache-2.0
// One lead: who it is, how to reach it and why not, what it agreed to, and all that happened, in one line of time.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { get, patch, post, search, type List } from '../../../lib/api';
import { phone, when, whenShort } from '../../../lib/format';
import { t, tx } from '../../../lib/i18n';
import { navigate, query } from '../../../lib/router';
import { Icon, type IconName } from '../../icons';
import { may } from '../../session';
import { Dialog, Empty, Field, toast, toastProblem, When } from '../../ui';
import { SaveBar, SaveForm, TextField, useForm } from '../form';
import { ask, Asker, Head, Raw, Show, useData, useDoing, type Loaded } from '../kit';
import { Menu, More, usePages, useSlow } from '../grid';
import type { PageProps } from '../index';
import { nameOf, STATES, type Email, type Lead, type Phone } from './api';
import { LeadTabs } from './frame';
import { StateBadge } from './index';
import { hasWord, reason, w, wx } from './kit';

/* --- who ---------------------------------------------------------------------------------------------------------- */

interface Values {
  name: string;
  company: string;
  document: string;
  tags: string;
  phones: string;
  emails: string;
  fields: [string, string][];
}

const valuesOf = (lead: Lead): Values => ({
  name: lead.name ?? '',
  company: lead.company ?? '',
  document: lead.document ?? '',
  tags: lead.tags.join(', '),
  phones: lead.phones.map((one) => (one.e164 ? phone(one.e164) : one.typed)).join('\n'),
  emails: lead.emails.map((one) => one.email).join('\n'),
  fields: Object.entries(lead.fields ?? {}).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
});

const listOf = (text: string, by: RegExp): string[] => text.split(by).map((one) => one.trim()).filter(Boolean);

/** Only what was changed: the rest may have been changed by somebody else meanwhile. */
function changed(v: Values, lead: Lead): Record<string, unknown> {
  const was = valuesOf(lead);
  const body: Record<string, unknown> = {};
  for (const key of ['name', 'company', 'document'] as const) if (v[key] !== was[key]) body[key] = v[key].trim();
  if (v.tags !== was.tags) body.tags = listOf(v.tags, /,/);
  if (v.phones !== was.phones) body.phones = listOf(v.phones, /\n/);
  if (v.emails !== was.emails) body.emails = listOf(v.emails, /\n/);
  if (JSON.stringify(v.fields) !== JSON.stringify(was.fields)) body.fields = Object.fromEntries(v.fields.filter(([name]) => name.trim()));
  return body;
}

function Edit({ lead, onSaved, onClose }: { lead: Lead; onSaved: (lead: Lead) => void; onClose: () => void }) {
  const form = useForm<Values>(valuesOf(lead));
  const v = form.value.value;
  const save = async (now: Values) => {
    onSaved(await patch<Lead>(`/leads/${lead.id}`, changed(now, lead)));
  };
  const line = (name: 'name' | 'company' | 'document' | 'tags', hint = '') => <TextField form={form} name={name} label={wx('col_', name)} hint={hint} />;
  const lines = (name: 'phones' | 'emails') => (
    <TextField form={form} name={name} label={wx('col_', name)} hint={w('onePerLine')} rows={Math.max(2, v[name].split('\n').length)} />
  );
  return (
    <SaveForm form={form} save={save} onEnd={onClose}>
      {line('name')}
      {line('company')}
      {line('document', w('documentHint'))}
      {lines('phones')}
      {lines('emails')}
      {line('tags', w('tagsHint'))}
      <fieldset class="form">
        <legend class="legend-text">{w('customFields')}</legend>
        {v.fields.map(([name, value], i) => (
          <div key={i} class="row">
            <input aria-label={w('fieldName')} value={name} onInput={(e) => form.set({ fields: v.fields.with(i, [e.currentTarget.value, value]) })} />
            <input aria-label={w('fieldValue', { name })} value={value} onInput={(e) => form.set({ fields: v.fields.with(i, [name, e.currentTarget.value]) })} />
            <button type="button" class="icon-button" aria-label={`${t('remove')}: ${name}`} onClick={() => form.set({ fields: v.fields.filter((_, at) => at !== i) })}>
              <Icon name="close" size={16} />
            </button>
          </div>
        ))}
        <div>
          <button type="button" class="small" onClick={() => form.set({ fields: [...v.fields, ['', '']] })}>
            <Icon name="plus" size={14} /> {w('addField')}
          </button>
        </div>
      </fieldset>
      <SaveBar form={form} fields={['name', 'company', 'document', 'tags', 'phones', 'emails']} />
      {!form.isDirty() && (
        <button type="button" class="link" onClick={onClose}>
          {t('close')}
        </button>
      )}
    </SaveForm>
  );
}

function Reach({ good, children, why }: { good: boolean; children: string; why: string }) {
  return (
    <li class="row spread">
      <span dir="auto">{children}</span>
      <span class={good ? 'badge good-badge' : 'badge bad'}>{good ? why || w('valid') : why || w('notValid')}</span>
    </li>
  );
}

function Facts({ lead, onEdit }: { lead: Lead; onEdit: () => void }) {
  const fields = Object.entries(lead.fields ?? {});
  return (
    <section class="card stack" aria-labelledby="lead-data">
      <div class="row spread">
        <h2 id="lead-data">{w('data')}</h2>
        <button type="button" class="small" onClick={onEdit}>
          {t('edit')}
        </button>
      </div>
      <dl class="fact-list">
        {(['name', 'company', 'document'] as const).map((key) =>
          lead[key] ? (
            <div key={key}>
              <dt>{wx('col_', key)}</dt>
              <dd dir="auto">{lead[key]}</dd>
            </div>
          ) : null,
        )}
        {fields.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd dir="auto">{typeof value === 'string' ? value : JSON.stringify(value)}</dd>
          </div>
        ))}
        <div>
          <dt>{wx('col_', 'created_at')}</dt>
          <dd>{when(lead.created_at)}</dd>
        </div>
      </dl>
      <h3>{w('phones')}</h3>
      {lead.phones.length === 0 && <p class="quiet">{w('noPhones')}</p>}
      <ul class="rows">
        {lead.phones.map((one: Phone) => (
          <Reach key={one.e164 ?? one.typed} good={one.is_valid} why={one.is_valid ? (one.kind ? wx('kind_', one.kind) : '') : reason(one.reason)}>
            {one.e164 ? phone(one.e164) : one.typed}
          </Reach>
        ))}
      </ul>
      <h3>{w('emails')}</h3>
      {lead.emails.length === 0 && <p class="quiet">{w('noEmails')}</p>}
      <ul class="rows">
        {lead.emails.map((one: Email) => (
          <Reach key={one.email} good={one.is_valid} why={reason(one.reason)}>
            {one.email}
          </Reach>
        ))}
      </ul>
      {lead.tags.length > 0 && (
        <>
          <h3>{w('tags')}</h3>
          <p class="chips">
            {lead.tags.map((tag) => (
              <span key={tag} class="badge">
                {tag}
              </span>
            ))}
          </p>
        </>
      )}
      {!lead.valid_for_dispatch && (
        <p class="advice">
          {w('notForDispatch')} {reason(lead.dispatch_reason)}
        </p>
      )}
    </section>
  );
}

/* --- what it agreed to -------------------------------------------------------------------------------------------- */

interface Consent {
  channel: string;
  is_stopped: boolean;
  source: string | null;
  text: string | null;
  at: string | null;
}

function Consents({ lead, onChange }: { lead: Lead; onChange: () => void }) {
  const list = useData<List<Consent>>(`/leads/${lead.id}/consents`);
  const [isBusy, run] = useDoing();
  const put = (channel: string, isStopped: boolean) =>
    run(async () => {
      await post(`/leads/${lead.id}/consents`, { channel, action: isStopped ? 'stop' : 'allow' });
      await list.reload();
      onChange();
    });
  const stop = async (channel: string) => {
    if (await ask(w('stopTitle'), w('stopText'), w('stop'))) await put(channel, true);
  };
  const latest = (channel: string) => list.data.value?.data.find((one) => one.channel === channel);
  return (
    <section class="card stack" aria-labelledby="lead-consents">
      <h2 id="lead-consents">{w('consents')}</h2>
      <Show of={list}>
        {() => (
          <ul class="rows">
            {['whatsapp', 'email'].map((channel) => {
              const all = latest('all');
              const own = latest(channel);
              const one = all && (!own || (all.at ?? '') > (own.at ?? '')) ? all : own;
              const isStopped = one?.is_stopped ?? false;
              return (
                <li key={channel}>
                  <span class="rows-main">
                    <strong>{wx('channel_', channel)}</strong>
                    <span class="quiet">
                      {isStopped ? w('stopped') : one ? w('allowed') : w('notSaid')}
                      {one?.at ? ` · ${when(one.at)}` : ''}
                      {one?.source ? ` · ${wx('proof_', one.source)}` : ''}
                    </span>
                    {one?.text && <q class="quiet">{one.text}</q>}
                  </span>
                  <button
                    type="button"
                    class="small"
                    disabled={isBusy.value}
                    aria-label={`${isStopped ? w('allow') : w('stop')}: ${wx('channel_', channel)}`}
                    onClick={() => void (isStopped ? put(channel, false) : stop(channel))}
                  >
                    {isStopped ? w('allow') : w('stop')}
                  </button>
                </li>
              );
            })}
          </ul>
        )}
      </Show>
    </section>
  );
}

/* --- what happened ------------------------------------------------------------------------------------------------ */

interface Step {
  id: string;
  kind: string;
  at: string;
  data: Record<string, unknown>;
}

const ICONS: [RegExp, IconName][] = [
  [/^lead\.(created|imported)/, 'plus'],
  [/merge/, 'people'],
  [/state/, 'retry'],
  [/consent|opted/, 'closed'],
  [/message|dispatch/, 'send'],
  [/conversation|handoff/, 'inbox'],
];
const iconOf = (kind: string): IconName => ICONS.find(([fits]) => fits.test(kind))?.[1] ?? 'waiting';

function about(step: Step): string {
  const d = step.data;
  if (typeof d.from === 'string' && typeof d.to === 'string') return `${wx('state_', d.from)} → ${wx('state_', d.to)}`;
  if (typeof d.text === 'string') return d.text;
  if (typeof d.why === 'string') return d.why;
  return '';
}

function Timeline({ id }: { id: string }) {
  const list = usePages<Step>(`/leads/${id}/timeline?limit=50`);
  const open = useSignal('');
  const items = list.items.value;
  return (
    <section class="card stack" aria-labelledby="lead-log">
      <h2 id="lead-log">{w('timeline')}</h2>
      {items && items.length === 0 && <p class="quiet">{w('nothingYet')}</p>}
      <ol class="lead-log">
        {items?.map((step) => (
          <li key={step.id}>
            <span class="timeline-mark">
              <Icon name={iconOf(step.kind)} size={16} />
            </span>
            <div class="what">
              <strong>{hasWord(`event_${step.kind}`) ? wx('event_', step.kind) : tx('step_', step.kind)}</strong>
              {about(step) && <span class="quiet">{about(step)}</span>}
              {Object.keys(step.data).length > 0 && (
                <span>
                  <button type="button" class="link" aria-expanded={open.value === step.id} onClick={() => (open.value = open.value === step.id ? '' : step.id)}>
                    {w('details')}
                  </button>
                </span>
              )}
              {open.value === step.id && <Raw text={JSON.stringify(step.data)} label={w('details')} />}
            </div>
            <When at={step.at} />
          </li>
        ))}
      </ol>
      <More of={list} />
    </section>
  );
}

function Talks({ lead }: { lead: Lead }) {
  const talks = lead.conversations ?? [];
  if (talks.length === 0) return null;
  return (
    <section class="card stack" aria-labelledby="lead-talks">
      <h2 id="lead-talks">{w('conversations')}</h2>
      <ul class="rows">
        {talks.map((c) => (
          <li key={c.id}>
            <a class="rows-main" href={`/app/inbox/all/${c.id}`}>
              {c.last_text || w('conversation')}
            </a>
            <span class="badge">{tx('state_', c.state)}</span>
            <time dateTime={c.last_at} class="quiet">
              {whenShort(c.last_at)}
            </time>
          </li>
        ))}
      </ul>
    </section>
  );
}

/* --- two that are one --------------------------------------------------------------------------------------------- */

function Merge({ lead, first, onClose, onMerged }: { lead: Lead; first: string; onClose: () => void; onMerged: () => void }) {
  const words = useSignal('');
  const found = useSignal<Lead[]>([]);
  const chosen = useSignal<Lead | null>(null);
  const [isBusy, run] = useDoing();
  const look = useSlow((q) => {
    get<List<Lead>>(`/leads${search({ q, limit: 8 })}`)
      .then((page) => (found.value = page.data.filter((one) => one.id !== lead.id)))
      .catch(toastProblem);
  });
  useEffect(() => {
    if (first) get<Lead>(`/leads/${first}`).then((one) => (chosen.value = one), toastProblem);
  }, [first]);
  const merge = () =>
    run(async () => {
      const other = chosen.value;
      if (!other) return;
      const done = await post<{ id: string }>(`/leads/${lead.id}/merge`, { other: other.id });
      onMerged();
      onClose();
      toast(w('merged', { name: nameOf(other) }), false, {
        label: t('undo'),
        run: () => void run(async () => (await post(`/lead-merges/${done.id}/undo`), onMerged())),
      });
    });
  return (
    <Dialog title={w('mergeTitle', { name: nameOf(lead) })} onClose={onClose}>
      <p class="quiet">{w('mergeLead')}</p>
      <Field label={w('mergeWith')}>
        {(ids) => (
          <input
            {...ids}
            type="search"
            value={words.value}
            onInput={(e) => {
              words.value = e.currentTarget.value;
              look(e.currentTarget.value);
            }}
          />
        )}
      </Field>
      <ul class="rows">
        {(words.value ? found.value : chosen.value ? [chosen.value] : []).map((one) => (
          <li key={one.id}>
            <label class="check">
              <input type="radio" name="merge" checked={chosen.value?.id === one.id} onChange={() => (chosen.value = one)} />
              <span>
                {nameOf(one)} <span class="quiet">{[one.company, one.phones[0]?.e164 && phone(one.phones[0].e164), one.emails[0]?.email].filter(Boolean).join(' · ')}</span>
              </span>
            </label>
          </li>
        ))}
      </ul>
      <div class="actions">
        <button type="button" onClick={onClose}>
          {t('cancel')}
        </button>
        <button type="button" class="primary" disabled={!chosen.value || isBusy.value} onClick={() => void merge()}>
          {w('merge')}
        </button>
      </div>
    </Dialog>
  );
}

/* --- the page ----------------------------------------------------------------------------------------------------- */

function One({ lead, of }: { lead: Lead; of: Loaded<Lead> }) {
  const isEditing = useSignal(false);
  const other = query.value.get('merge') ?? '';
  const isMerging = useSignal(Boolean(other));
  const [, run] = useDoing();
  const turn = useSignal(0);
  const reload = () => {
    turn.value++;
    void of.reload();
  };
  const move = (state: string) =>
    run(async () => {
      await post(`/leads/${lead.id}/state`, { state });
      reload();
    });
  return (
    <>
      <Head title={nameOf(lead)} lead={lead.name && lead.company ? lead.company : ''}>
        <StateBadge state={lead.state} />
        <Menu
          label={w('moveTo')}
          text={w('moveTo')}
          choices={STATES.filter((state) => state !== lead.state).map((state) => ({ key: state, title: wx('state_', state), run: () => void move(state) }))}
        />
        {may('supervisor') && (
          <button type="button" onClick={() => (isMerging.value = true)}>
            {w('merge')}
          </button>
        )}
      </Head>
      <div class="lead-page">
        <div class="stack">
          {isEditing.value ? (
            <Edit lead={lead} onSaved={(now) => ((of.data.value = { ...lead, ...now }), turn.value++)} onClose={() => (isEditing.value = false)} />
          ) : (
            <Facts lead={lead} onEdit={() => (isEditing.value = true)} />
          )}
          <Consents lead={lead} onChange={reload} />
        </div>
        <div class="stack">
          <Talks lead={lead} />
          <Timeline key={turn.value} id={lead.id} />
        </div>
      </div>
      {isMerging.value && (
        <Merge
          lead={lead}
          first={other}
          onClose={() => {
            isMerging.value = false;
            if (other) navigate(`/app/leads/${lead.id}`, 'replace');
          }}
          onMerged={reload}
        />
      )}
    </>
  );
}

export default function LeadPage({ params }: PageProps) {
  const id = params.id ?? '';
  const lead = useData<Lead>(`/leads/${encodeURIComponent(id)}`);
  return (
    <>
      <LeadTabs />
      {lead.why.value && !lead.data.value ? (
        <Empty icon="contacts" title={w('noLead')}>
          <a href="/app/leads">{w('allLeads')}</a>
        </Empty>
      ) : (
        <Show of={lead}>{(found) => <One key={found.id} lead={found} of={lead} />}</Show>
      )}
      <Asker />
    </>
  );
}
