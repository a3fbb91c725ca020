// SPDX-License-Identifier: Apache-2.0
// Everybody the company knows, as a table: search, conditions, order, columns; what is chosen gets tags or goes out as a file.
import { signal, useSignal, type Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { del, post, search, type List } from '../../../lib/api';
import { number, phone } from '../../../lib/format';
import { t } from '../../../lib/i18n';
import { navigate, path, query } from '../../../lib/router';
import { Icon } from '../../icons';
import { may } from '../../session';
import { Empty, Failed, Loading, Popover, toast, When } from '../../ui';
import { DialogForm, TextField, useForm } from '../form';
import { ask, Asker, Head, useData, useDoing } from '../kit';
import { Grid, Menu, More, sortOf, sortText, SortHead, usePages, useSlow, type Pages } from '../grid';
import { condsOf, finished, isEmptyFilter, nameOf, queryOf, textOf, type Filter, type Lead, type Query, type Segment } from './api';
import { Conditions } from './filter';
import { LeadTabs } from './frame';
import { reason, w, wn, wx } from './kit';

/* --- columns ------------------------------------------------------------------------------------------------------ */

const shownPhone = (lead: Lead): ComponentChildren => {
  const best = lead.phones.find((one) => one.is_valid) ?? lead.phones[0];
  if (!best) return <span class="quiet">—</span>;
  return (
    <>
      {best.e164 ? phone(best.e164) : best.typed}
      {!best.is_valid && <small class="bad">{reason(best.reason)}</small>}
      {lead.phones.length > 1 && <small>{wn('andMore', lead.phones.length - 1)}</small>}
    </>
  );
};

const shownEmail = (lead: Lead): ComponentChildren => {
  const best = lead.emails.find((one) => one.is_valid) ?? lead.emails[0];
  if (!best) return <span class="quiet">—</span>;
  return (
    <>
      {best.email}
      {!best.is_valid && <small class="bad">{reason(best.reason)}</small>}
    </>
  );
};

const shownTime = (iso: string | null): ComponentChildren =>
  iso ? (
    <When at={iso} />
  ) : (
    <span class="quiet">—</span>
  );

type Column = { key: string; sort?: string; cell: (lead: Lead) => ComponentChildren };
const COLUMNS: Column[] = [
  { key: 'company', sort: 'company', cell: (lead) => lead.company || <span class="quiet">—</span> },
  { key: 'phone', cell: shownPhone },
  { key: 'email', cell: shownEmail },
  { key: 'state', sort: 'state', cell: (lead) => <StateBadge state={lead.state} /> },
  { key: 'tags', cell: (lead) => <Tags tags={lead.tags} /> },
  { key: 'document', cell: (lead) => lead.document || <span class="quiet">—</span> },
  { key: 'source', cell: (lead) => <Source source={lead.source} /> },
  { key: 'last_inbound_at', sort: 'last_inbound_at', cell: (lead) => shownTime(lead.last_inbound_at) },
  { key: 'created_at', sort: 'created_at', cell: (lead) => shownTime(lead.created_at) },
  { key: 'updated_at', sort: 'updated_at', cell: (lead) => shownTime(lead.updated_at) },
];
const NARROW = new Set(['phone', 'document', 'created_at', 'updated_at', 'last_inbound_at']);
const USUAL = ['company', 'phone', 'email', 'state', 'tags', 'last_inbound_at'];
const KEPT = 'prosa.lead-columns';
const columns = signal<string[]>((localStorage.getItem(KEPT)?.split(',') ?? USUAL).filter((key) => COLUMNS.some((one) => one.key === key)));

export function StateBadge({ state }: { state: string }) {
  const tone = state === 'won' ? 'accent' : state === 'opted_out' || state === 'lost' ? 'warn' : state === 'unreachable' ? 'bad' : '';
  return <span class={`badge ${tone}`}>{wx('state_', state)}</span>;
}

const Tags = ({ tags }: { tags: string[] }) => (
  <span class="chips">
    {tags.map((tag) => (
      <span key={tag} class="badge">
        {tag}
      </span>
    ))}
  </span>
);

function Source({ source }: { source: string | null }) {
  const [kind = '', id = ''] = (source ?? '').split(':');
  if (!kind) return <span class="quiet">—</span>;
  return kind === 'import' ? <a href={`/app/leads/imports/${id}`}>{wx('source_', kind)}</a> : <>{wx('source_', kind)}</>;
}

function Columns() {
  const turn = (key: string) => {
    const now = columns.value.includes(key) ? columns.value.filter((one) => one !== key) : [...columns.value, key];
    columns.value = COLUMNS.map((one) => one.key).filter((one) => now.includes(one));
    localStorage.setItem(KEPT, columns.value.join(','));
  };
  return (
    <Popover label={w('columns')} buttonClass="menu-button" hasText button={<><Icon name="panel" size={16} /> {w('columns')}</>}>
      {() => (
        <div class="stack">
          {COLUMNS.map((one) => (
            <label key={one.key} class="check">
              <input type="checkbox" checked={columns.value.includes(one.key)} onChange={() => turn(one.key)} />
              {wx('col_', one.key)}
            </label>
          ))}
        </div>
      )}
    </Popover>
  );
}

/* --- segments ----------------------------------------------------------------------------------------------------- */

function SaveSegment({ filter, onClose, onSaved }: { filter: Filter; onClose: () => void; onSaved: (one: Segment) => void }) {
  const form = useForm({ name: '' });
  const save = (v: { name: string }) => post<Segment>('/segments', { name: v.name.trim(), filter: finished(filter) });
  return (
    <DialogForm title={w('saveSegment')} form={form} save={save} fields={['name']} onSaved={onSaved} onClose={onClose}>
      <TextField form={form} name="name" label={w('segmentName')} hint={w('segmentHint')} required maxLength={100} />
    </DialogForm>
  );
}

function SegmentCount({ id, isWhole = false }: { id: string; isWhole?: boolean }) {
  const count = useData<{ count: number; is_exact: boolean }>(`/segments/${id}/count`);
  const found = count.data.value;
  if (!found) return <span class="quiet">…</span>;
  const least = found.is_exact ? '' : '≥ ';
  return <span class="quiet">{least + (isWhole ? wn('found', found.count) : number(found.count))}</span>;
}

function Segments({ list, chosen, onPick, onRemove }: {
  list: Segment[];
  chosen: string;
  onPick: (one: Segment | null) => void;
  onRemove: (one: Segment) => void;
}) {
  const here = list.find((one) => one.id === chosen);
  if (list.length === 0) return null;
  return (
    <Popover
      label={w('segments')}
      buttonClass="menu-button"
      hasText
      button={
        <>
          <Icon name="label" size={16} /> {here?.name ?? w('segments')}
        </>
      }
    >
      {(close) => (
        <ul class="menu segment-menu">
          <li>
            <button type="button" onClick={() => (close(), onPick(null))}>
              {w('everybody')}
            </button>
          </li>
          {list.map((one) => (
            <li key={one.id} class="row">
              <button type="button" aria-pressed={one.id === chosen} onClick={() => (close(), onPick(one))}>
                {one.name} <SegmentCount id={one.id} />
              </button>
              {may('supervisor') && (
                <button
                  type="button"
                  class="icon-button"
                  aria-label={`${t('remove')}: ${one.name}`}
                  title={t('remove')}
                  onClick={() => (close(), onRemove(one))}
                >
                  <Icon name="trash" size={15} />
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
    </Popover>
  );
}

/* --- what is done with those chosen ------------------------------------------------------------------------------- */

function TagDialog({ ids, isAdding, known, onClose, onDone }: {
  ids: string[];
  isAdding: boolean;
  known: string[];
  onClose: () => void;
  onDone: () => void;
}) {
  const form = useForm({ tag: '' });
  const save = async ({ tag }: { tag: string }) => {
    await post('/leads/tags', { ids, [isAdding ? 'add' : 'remove']: [tag.trim()] });
    toast(wn(isAdding ? 'tagged' : 'untagged', ids.length, { tag: tag.trim() }));
  };
  return (
    <DialogForm title={w(isAdding ? 'addTag' : 'removeTag')} form={form} save={save} onSaved={onDone} onClose={onClose}>
      <TextField form={form} name="tag" label={w('tag')} hint={wn('chosen', ids.length)} required maxLength={60} list="tags-known" />
      <datalist id="tags-known">
        {known.map((tag) => (
          <option key={tag} value={tag} />
        ))}
      </datalist>
    </DialogForm>
  );
}

function Chosen({ ids, known, onClear, onDone }: { ids: string[]; known: string[]; onClear: () => void; onDone: () => void }) {
  const tagging = useSignal<'add' | 'remove' | null>(null);
  return (
    <div class="bar chosen" role="group" aria-label={wn('chosen', ids.length)}>
      <strong role="status">{wn('chosen', ids.length)}</strong>
      <button type="button" class="small" onClick={() => (tagging.value = 'add')}>
        {w('addTag')}
      </button>
      <button type="button" class="small" onClick={() => (tagging.value = 'remove')}>
        {w('removeTag')}
      </button>
      <Menu
        label={w('exportChosen')}
        text={w('exportChosen')}
        small
        isOff={!may('supervisor')}
        choices={['csv', 'xlsx'].map((format) => ({
          key: format,
          title: format.toUpperCase(),
          href: `/api/v1/leads/export${search({ format, ids: ids.join(',') })}`,
        }))}
      />
      {may('supervisor') && (
        <a class="button" href={`/app/campaigns/new?leads=${ids.join(',')}`}>
          {w('campaignOf')}
        </a>
      )}
      {ids.length === 2 && (
        <a class="button" href={`/app/leads/${ids[0]}?merge=${ids[1]}`}>
          {w('mergeTwo')}
        </a>
      )}
      <button type="button" class="link push" onClick={onClear}>
        {w('chooseNone')}
      </button>
      {tagging.value && (
        <TagDialog ids={ids} isAdding={tagging.value === 'add'} known={known} onClose={() => (tagging.value = null)} onDone={onDone} />
      )}
    </div>
  );
}

/* --- the table ---------------------------------------------------------------------------------------------------- */

function Table({ list, chosen, ask: wanted, onAsk }: {
  list: Pages<Lead, List<Lead>>;
  chosen: Signal<string[]>;
  ask: Query;
  onAsk: (change: Partial<Query>) => void;
}) {
  const items = list.items.value ?? [];
  const sort = sortOf(wanted.sort);
  const onSort = (to: typeof sort) => onAsk({ sort: sortText(to) });
  const isAll = items.length > 0 && items.every((one) => chosen.value.includes(one.id));
  const shown = COLUMNS.filter((one) => columns.value.includes(one.key));
  return (
    <Grid label={w('tableOf')} isBusy={list.isBusy.value}>
      <thead>
        <tr>
          <th class="mark">
            <input
              type="checkbox"
              aria-label={w('chooseAll')}
              checked={isAll}
              onChange={() => (chosen.value = isAll ? [] : items.map((one) => one.id))}
            />
          </th>
          <SortHead by="name" title={wx('col_', 'name')} sort={sort} onSort={onSort} />
          {shown.map((one) =>
            one.sort ? (
              <SortHead key={one.key} by={one.sort} title={wx('col_', one.key)} sort={sort} onSort={onSort} />
            ) : (
              <th key={one.key} scope="col">
                {wx('col_', one.key)}
              </th>
            ),
          )}
        </tr>
      </thead>
      <tbody>
        {items.map((lead) => {
          const isChosen = chosen.value.includes(lead.id);
          return (
            <tr key={lead.id} class={isChosen ? 'is-chosen' : ''}>
              <td class="mark">
                <input
                  type="checkbox"
                  aria-label={w('choose', { name: nameOf(lead) })}
                  checked={isChosen}
                  onChange={() =>
                    (chosen.value = isChosen ? chosen.value.filter((id) => id !== lead.id) : [...chosen.value, lead.id])
                  }
                />
              </td>
              <th scope="row">
                <a class="row-link" href={`/app/leads/${lead.id}`} dir="auto">
                  {nameOf(lead)}
                </a>
                {lead.marketing_stopped_at && <small class="bad">{w('optedOut')}</small>}
              </th>
              {shown.map((one) => (
                <td key={one.key} class={NARROW.has(one.key) ? 'nowrap' : ''}>
                  {one.cell(lead)}
                </td>
              ))}
            </tr>
          );
        })}
      </tbody>
    </Grid>
  );
}

const NAMES = ['name', 'company', 'phone', 'email'] as const;

function NewLead({ onClose, onMade }: { onClose: () => void; onMade: (lead: { id: string }) => void }) {
  const form = useForm({ name: '', company: '', phone: '', email: '' });
  const save = (v: Record<(typeof NAMES)[number], string>) =>
    post<{ id: string }>('/leads', {
      name: v.name.trim(),
      company: v.company.trim(),
      phones: v.phone.trim() ? [v.phone.trim()] : [],
      emails: v.email.trim() ? [v.email.trim()] : [],
    });
  return (
    <DialogForm title={w('newLead')} form={form} save={save} fields={NAMES} submit={t('add')} onSaved={onMade} onClose={onClose}>
      {NAMES.map((name) => (
        <TextField
          key={name}
          form={form}
          name={name}
          label={wx('col_', name)}
          required={name === 'name'}
          inputMode={name === 'phone' ? 'tel' : name === 'email' ? 'email' : 'text'}
        />
      ))}
    </DialogForm>
  );
}

/* --- the page ----------------------------------------------------------------------------------------------------- */

function useSegments() {
  const list = useData<List<Segment>>('/segments');
  const [, run] = useDoing();
  const remove = async (one: Segment, after: () => void) => {
    if (!(await ask(w('removeSegmentTitle', { name: one.name }), w('removeSegmentText'), t('remove')))) return;
    await run(async () => {
      await del(`/segments/${one.id}`);
      await list.reload();
      after();
    });
  };
  return { list, remove, all: list.data.value?.data ?? [] };
}

export default function Leads() {
  const wanted = queryOf(query.value);
  const isFiltering = useSignal(!isEmptyFilter(wanted.filter));
  const draft = useSignal<Filter>(wanted.filter);
  const words = useSignal(wanted.q);
  const chosen = useSignal<string[]>([]);
  const dialog = useSignal<'segment' | 'new' | null>(null);
  const segments = useSegments();
  // A segment's conditions stand in the address beside its id; the id alone comes from a link.
  const asked = textOf(isEmptyFilter(wanted.filter) ? wanted : { ...wanted, segment: '' });
  const list = usePages<Lead>(`/leads${asked || '?'}&limit=50`.replace('?&', '?'));
  const known = [...new Set((list.items.value ?? []).flatMap((one) => one.tags))].sort();
  const onAsk = (change: Partial<Query>) => {
    chosen.value = [];
    navigate(path.value + textOf({ ...queryOf(query.value), ...change }), 'replace');
  };
  const slowWords = useSlow((q) => onAsk({ q }));
  const slowFilter = useSlow((text) => onAsk({ filter: JSON.parse(text) as Filter, segment: '' }));
  useEffect(() => {
    words.value = wanted.q;
  }, [wanted.q]);
  const n = condsOf(finished(wanted.filter)).length;
  const items = list.items.value;
  const isNarrowed = Boolean(wanted.q || n || wanted.segment);
  const pick = (one: Segment | null) => {
    draft.value = one?.filter ?? { all: [] };
    isFiltering.value = Boolean(one);
    onAsk({ segment: one?.id ?? '', filter: draft.value });
  };
  return (
    <>
      <LeadTabs />
      <Head title={t('pageLeads')} lead={w('leadsLead')}>
        <Menu
          label={w('export')}
          icon="down"
          isOff={!may('supervisor')}
          text={w('export')}
          choices={['csv', 'xlsx'].map((format) => ({
            key: format,
            title: format.toUpperCase(),
            href: `/api/v1/leads/export${asked || '?'}&format=${format}`.replace('?&', '?'),
          }))}
        />
        {may('supervisor') && (
          <a class="button" href="/app/leads/imports/new">
            {w('import')}
          </a>
        )}
        <button type="button" class="primary" onClick={() => (dialog.value = 'new')}>
          <Icon name="plus" size={16} /> {w('newLead')}
        </button>
      </Head>
      <div class="bar" role="search">
        <span class="search-box">
          <Icon name="search" size={16} />
          <input
            type="search"
            aria-label={w('searchLeads')}
            placeholder={w('searchLeads')}
            value={words.value}
            onInput={(e) => {
              words.value = e.currentTarget.value;
              slowWords(e.currentTarget.value);
            }}
          />
        </span>
        <button type="button" class="menu-button" aria-expanded={isFiltering.value} onClick={() => (isFiltering.value = !isFiltering.value)}>
          <Icon name="settings" size={16} /> {n ? wn('filtersN', n) : w('filters')}
        </button>
        <Segments list={segments.all} chosen={wanted.segment} onPick={pick} onRemove={(one) => void segments.remove(one, () => pick(null))} />
        <Columns />
        {wanted.segment && (
          <span class="push">
            <SegmentCount id={wanted.segment} isWhole />
          </span>
        )}
      </div>
      {isFiltering.value && (
        <div class="card stack">
          <Conditions
            filter={draft.value}
            tags={known}
            onChange={(filter) => {
              draft.value = filter;
              slowFilter(JSON.stringify(filter));
            }}
          />
          <div class="row">
            <button type="button" class="small" disabled={n === 0} onClick={() => (dialog.value = 'segment')}>
              {w('saveSegment')}
            </button>
            {n > 0 && (
              <button type="button" class="small" onClick={() => pick(null)}>
                {w('clearFilters')}
              </button>
            )}
          </div>
        </div>
      )}
      {chosen.value.length > 0 && (
        <Chosen ids={chosen.value} known={known} onClear={() => (chosen.value = [])} onDone={() => void list.reload()} />
      )}
      {items && items.length === 0 ? (
        <Empty icon="contacts" title={w(isNarrowed ? 'nobodyFits' : 'nobodyYet')}>
          {w(isNarrowed ? 'nobodyFitsLead' : 'nobodyYetLead')}
          {!isNarrowed && may('supervisor') && <a href="/app/leads/imports/new">{w('importFirst')}</a>}
        </Empty>
      ) : items ? (
        <Table list={list} chosen={chosen} ask={wanted} onAsk={onAsk} />
      ) : list.why.value ? (
        <Failed why={list.why.value} onRetry={() => void list.reload()} />
      ) : (
        <Loading />
      )}
      {items && <More of={list} />}
      {dialog.value === 'segment' && (
        <SaveSegment
          filter={draft.value}
          onClose={() => (dialog.value = null)}
          onSaved={(one) => {
            toast(t('saved'));
            void segments.list.reload();
            onAsk({ segment: one.id, filter: one.filter });
          }}
        />
      )}
      {dialog.value === 'new' && <NewLead onClose={() => (dialog.value = null)} onMade={(lead) => navigate(`/app/leads/${lead.id}`)} />}
      <Asker />
    </>
  );
}
