// SPDX-License-Identifier: Apache-2.0
// One spreadsheet's way in: file, columns, check, rows. Nothing is stored before the last step, and that can be undone.
import { useSignal } from '@preact/signals';
import { patch, post } from '../../../lib/api';
import { bytes, number, when } from '../../../lib/format';
import { t } from '../../../lib/i18n';
import { navigate } from '../../../lib/router';
import { Field, toast } from '../../ui';
import { ask, Asker, Head, Show, useData, useDoing, type Loaded } from '../kit';
import { Figures, Grid, More, Progress, Steps, usePages, usePoll } from '../grid';
import type { PageProps } from '../index';
import { LeadTabs } from '../leads/frame';
import { CUSTOM, isDraft, isOver, isRunning, lang, reason, TARGETS, w, wn, wx, type Column, type Counts, type Import, type Policy, type Preview, type PreviewRow, type Row, type Why } from './api';
import { Drop } from './drop';
import { ImportState } from './index';

const POLL_MS = 700;
const STEPS = () => [w('stepFile'), w('stepColumns'), w('stepCheck'), w('stepRows')];

/* --- which column is what ----------------------------------------------------------------------------------------- */

function Target({ column, onPick }: { column: Column; onPick: (target: string) => void }) {
  const isCustom = column.target.startsWith(CUSTOM);
  const label = w('targetOf', { column: column.title || String(column.index + 1) });
  return (
    <span class="row">
      <select
        aria-label={label}
        value={isCustom ? CUSTOM : column.target}
        onChange={(e) => {
          const to = e.currentTarget.value;
          onPick(to === CUSTOM ? CUSTOM + (column.title || `campo ${column.index + 1}`) : to);
        }}
      >
        <option value="ignore">{w('targetNone')}</option>
        {TARGETS.map((one) => (
          <option key={one} value={one}>
            {wx('target_', one)}
          </option>
        ))}
        <option value={CUSTOM}>{w('targetCustom')}</option>
      </select>
      {isCustom && (
        <input aria-label={w('fieldNameOf', { column: column.title })} value={column.target.slice(CUSTOM.length)} onChange={(e) => onPick(CUSTOM + e.currentTarget.value.trim())} />
      )}
    </span>
  );
}

const POLICIES: Policy[] = ['fill', 'overwrite', 'skip'];

function Mapping({ one, change, isBusy, onNext }: {
  one: Import;
  change: (body: Record<string, unknown>) => Promise<boolean>;
  isBusy: boolean;
  onNext: () => void;
}) {
  const put = (index: number, target: string) =>
    void change({ columns: one.columns.map((column) => ({ index: column.index, target: column.index === index ? target : column.target })) });
  const isReachable = one.columns.some((column) => column.target === 'phone' || column.target === 'email');
  return (
    <>
      <div class="columns short">
        {one.sheets.length > 1 && (
          <Field label={w('sheet')}>
            {(ids) => (
              <select {...ids} value={String(one.sheet)} disabled={isBusy} onChange={(e) => void change({ sheet: Number(e.currentTarget.value) })}>
                {one.sheets.map((sheet, i) => (
                  <option key={i} value={String(i)}>
                    {sheet.name}
                    {sheet.is_hidden ? ` (${w('hidden')})` : ''}
                  </option>
                ))}
              </select>
            )}
          </Field>
        )}
        <Field label={w('headerRow')} hint={w('headerRowHint')}>
          {(ids) => (
            <input {...ids} type="number" min={0} max={100} value={one.header_row} disabled={isBusy} onChange={(e) => void change({ header_row: Number(e.currentTarget.value) })} />
          )}
        </Field>
      </div>
      <Grid label={w('stepColumns')} isBusy={isBusy}>
        <thead>
          <tr>
            <th scope="col">{w('column')}</th>
            <th scope="col">{w('samples')}</th>
            <th scope="col">{w('becomes')}</th>
          </tr>
        </thead>
        <tbody>
          {one.columns.map((column) => (
            <tr key={column.index}>
              <th scope="row">{column.title || w('columnN', { n: column.letter })}</th>
              <td class="quiet">
                {column.samples
                  .filter(Boolean)
                  .slice(0, 3)
                  .map((text, i) => (
                    <div key={i}>{text}</div>
                  ))}
              </td>
              <td>
                <Target column={column} onPick={(target) => put(column.index, target)} />
              </td>
            </tr>
          ))}
        </tbody>
      </Grid>
      <fieldset class="radio-cards">
        <legend class="legend-text">{w('policy')}</legend>
        {POLICIES.map((policy) => (
          <label key={policy}>
            <input type="radio" name="policy" checked={one.policy === policy} disabled={isBusy} onChange={() => void change({ policy })} />
            <span>
              <strong>{wx('policy_', policy)}</strong>
              <small>{wx('policyLead_', policy)}</small>
            </span>
          </label>
        ))}
      </fieldset>
      <Field label={w('tagAll')} hint={w('tagAllHint')}>
        {(ids) => (
          <input
            {...ids}
            value={one.tags.join(', ')}
            onChange={(e) => void change({ tags: e.currentTarget.value.split(',').map((tag) => tag.trim()).filter(Boolean) })}
          />
        )}
      </Field>
      {!isReachable && <p class="warning">{w('noReach')}</p>}
      <div class="row">
        <button type="button" class="primary" disabled={isBusy || one.columns.every((column) => column.target === 'ignore')} onClick={onNext}>
          {w('toCheck')}
        </button>
      </div>
    </>
  );
}

const figuresOf = (one: Counts) => [
  { title: w('created'), n: one.created, tone: 'good' as const },
  { title: w('updated'), n: one.updated },
  { title: w('skipped'), n: one.skipped, tone: one.skipped ? ('warn' as const) : undefined },
  { title: w('failed'), n: one.failed, tone: one.failed ? ('bad' as const) : undefined },
];

/* --- what would become of the rows -------------------------------------------------------------------------------- */

const NAMES = ['name', 'company', 'document', 'phones', 'emails', 'tags'] as const;
const TARGET_OF: Record<string, string> = { phones: 'phone', emails: 'email' };

const cellOf = (row: PreviewRow, name: (typeof NAMES)[number]): string => {
  const value = row[name];
  return Array.isArray(value) ? value.join(', ') : value;
};

function PreviewRows({ rows, columns }: { rows: PreviewRow[]; columns: Column[] }) {
  const taken = (name: string) => columns.some((column) => column.target === name || (name === 'phone' && column.target === 'phone_area'));
  const names = NAMES.filter((name) => taken(TARGET_OF[name] ?? name) || rows.some((row) => cellOf(row, name)));
  const custom = columns.filter((column) => column.target.startsWith(CUSTOM)).map((column) => column.target.slice(CUSTOM.length));
  return (
    <Grid label={w('previewRows')}>
      <thead>
        <tr>
          <th scope="col" class="n">
            {w('row')}
          </th>
          <th scope="col">{w('outcome')}</th>
          {names.map((name) => (
            <th key={name} scope="col">
              {wx('target_', TARGET_OF[name] ?? name)}
            </th>
          ))}
          {custom.map((name) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody class="preview">
        {rows.map((row) => (
          <tr key={row.number}>
            <td class="n">{row.number}</td>
            <td>
              <span class={`badge ${row.outcome === 'failed' ? 'bad' : row.outcome === 'skipped' ? 'warn' : ''}`}>{wx('outcome_', row.outcome)}</span>
              {row.reason && (
                <small class={row.outcome === 'failed' ? 'bad' : ''}>
                  {reason(row.reason)}
                  {row.value ? `: ${row.value}` : ''}
                </small>
              )}
            </td>
            {names.map((name) => (
              <td key={name} class={name}>
                {cellOf(row, name)}
              </td>
            ))}
            {custom.map((name) => (
              <td key={name}>{String(row.fields[name] ?? '')}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </Grid>
  );
}

function Check({ one, onBack, run, isBusy }: { one: Import; onBack: () => void; run: (path: string, body?: unknown) => Promise<unknown>; isBusy: boolean }) {
  const preview = useData<Preview>(`/imports/${one.id}/preview`);
  return (
    <Show of={preview}>
      {(found) => (
        <>
          <p class="quiet">{one.check ? wn('checkedAll', one.check.rows) : wn('checkedN', found.counts.rows)}</p>
          <Figures label={w('stepCheck')} figures={figuresOf(one.check ?? found.counts)} />
          <div class="row">
            <button type="button" onClick={onBack}>
              {t('back')}
            </button>
            {found.has_more && !one.check && (
              <button type="button" disabled={isBusy} onClick={() => void run('commit', { dry_run: true })}>
                {w('checkAll')}
              </button>
            )}
            <button type="button" class="primary" disabled={isBusy} onClick={() => void run('commit')}>
              {one.check ? wn('commitN', one.check.rows) : found.has_more ? w('commit') : wn('commitN', found.counts.rows)}
            </button>
          </div>
          <PreviewRows rows={found.rows} columns={one.columns} />
        </>
      )}
    </Show>
  );
}

/* --- while it goes on, and how it ended ----------------------------------------------------------------------------- */

function Going({ one, run, isBusy }: { one: Import; run: (path: string) => Promise<unknown>; isBusy: boolean }) {
  const counts = one.state === 'checking' && one.check ? one.check : one.counts;
  return (
    <div class="card stack">
      <Progress
        label={wx('istate_', one.state)}
        part={one.permille / 1000}
        words={one.state === 'undoing' ? w('doneN', { n: number(one.undone) }) : w('doneN', { n: number(counts.rows) })}
      />
      <Figures label={t('pageImports')} figures={figuresOf(counts)} />
      {one.state !== 'undoing' && (
        <div class="row">
          <button type="button" disabled={isBusy} onClick={() => void run('cancel')}>
            {w('stop')}
          </button>
        </div>
      )}
    </div>
  );
}

/** Why rows did not come in, or not whole. */
function Reasons({ all }: { all: Why[] }) {
  if (all.length === 0) return null;
  return (
    <section class="stack" aria-labelledby="import-why">
      <h2 id="import-why">{w('whyTitle')}</h2>
      <Grid label={w('whyTitle')}>
        <thead>
          <tr>
            <th scope="col">{w('outcome')}</th>
            <th scope="col">{w('reason')}</th>
            <th scope="col">{w('column')}</th>
            <th scope="col" class="n">
              {w('rows')}
            </th>
          </tr>
        </thead>
        <tbody>
          {all.map((why) => (
            <tr key={why.outcome + why.reason + why.column}>
              <td>
                <span class={`badge ${why.outcome === 'failed' ? 'bad' : why.outcome === 'skipped' ? 'warn' : ''}`}>{wx('outcome_', why.outcome)}</span>
              </td>
              <th scope="row">{why.explanation}</th>
              <td>{why.column}</td>
              <td class="n">{number(why.count)}</td>
            </tr>
          ))}
        </tbody>
      </Grid>
    </section>
  );
}

function Rows({ one }: { one: Import }) {
  const outcome = useSignal(one.counts.failed + one.counts.skipped + one.counts.noted ? 'problem' : 'created');
  const list = usePages<Row>(`/imports/${one.id}/rows?outcome=${outcome.value}&lang=${lang()}&limit=50`);
  const items = list.items.value;
  return (
    <section class="stack" aria-labelledby="import-rows">
      <div class="row spread">
        <h2 id="import-rows">{w('rowsTitle')}</h2>
        <label class="check">
          {w('outcome')}
          <select value={outcome.value} onChange={(e) => (outcome.value = e.currentTarget.value)}>
            {['problem', 'failed', 'skipped', 'updated', 'created'].map((name) => (
              <option key={name} value={name}>
                {wx('outcome_', name)}
              </option>
            ))}
          </select>
        </label>
      </div>
      {items?.length === 0 && <p class="quiet">{w('noRows')}</p>}
      {items && items.length > 0 && (
        <Grid label={w('rowsTitle')} isBusy={list.isBusy.value}>
          <thead>
            <tr>
              <th scope="col" class="n">
                {w('row')}
              </th>
              <th scope="col">{w('reason')}</th>
              <th scope="col">{w('column')}</th>
              <th scope="col">{w('value')}</th>
              <th scope="col">{w('lead')}</th>
            </tr>
          </thead>
          <tbody>
            {items.map((row) => (
              <tr key={row.number}>
                <td class="n">{number(row.number)}</td>
                <td>
                  {row.explanation || row.reason || wx('outcome_', row.outcome)}
                  {row.reason && <small>{wx('outcome_', row.outcome)}</small>}
                </td>
                <td>{row.column}</td>
                <td>{row.value}</td>
                <td>{row.lead_id && !row.is_undone && <a href={`/app/leads/${row.lead_id}`}>{w('open')}</a>}</td>
              </tr>
            ))}
          </tbody>
        </Grid>
      )}
      <More of={list} />
    </section>
  );
}

function Result({ one, run, isBusy }: { one: Import; run: (path: string) => Promise<unknown>; isBusy: boolean }) {
  const undo = async () => {
    if (await ask(w('undoTitle'), w('undoText'), w('undoYes'))) await run('undo');
  };
  const filter = JSON.stringify({ all: [{ field: 'source', op: 'is', value: `import:${one.id}` }] });
  return (
    <>
      {(one.reason || one.cause) && one.state !== 'done' && (
        <p class="problem" role="alert">
          {one.reason || reason(one.cause)}
        </p>
      )}
      <p class="quiet">{wn('sum', one.counts.rows)}</p>
      <Figures label={w('stepRows')} figures={figuresOf(one.counts)} />
      <Reasons all={one.reasons ?? []} />
      <div class="row">
        <a class="button primary" href={`/app/leads?filter=${encodeURIComponent(filter)}`}>
          {w('seeLeads')}
        </a>
        <a class="button" href={`/app/campaigns/new?import=${one.id}`}>
          {w('campaignOf')}
        </a>
        {one.counts.failed + one.counts.skipped + one.counts.noted > 0 && (
          <a class="button" href={`/api/v1/imports/${one.id}/errors?lang=${lang()}`} download>
            {w('errorFile')}
          </a>
        )}
        {(one.state === 'cancelled' || one.state === 'failed') && (
          <button type="button" disabled={isBusy} onClick={() => void run('commit')}>
            {w('goOn')}
          </button>
        )}
        {one.state !== 'undone' && one.counts.created + one.counts.updated > 0 && (
          <button type="button" class="danger" disabled={isBusy} onClick={() => void undo()}>
            {w('undo')}
          </button>
        )}
      </div>
      {one.counts.rows > 0 && <Rows one={one} />}
    </>
  );
}

/* --- the page ----------------------------------------------------------------------------------------------------- */

function One({ one, of }: { one: Import; of: Loaded<Import> }) {
  const [isBusy, doing] = useDoing();
  const isChecking = useSignal(false);
  usePoll(isRunning(one), POLL_MS, of.reload);
  const change = (body: Record<string, unknown>) => doing(async () => void (of.data.value = { ...one, ...(await patch<Import>(`/imports/${one.id}`, body)) }));
  const run = (path: string, body?: unknown) =>
    doing(async () => {
      await post(`/imports/${one.id}/${path}`, body);
      await of.reload();
      if (path === 'undo') toast(w('undone'));
    });
  const isIn = one.state === 'ready';
  const at = isDraft(one) ? (isChecking.value ? 2 : 1) : 3;
  return (
    <>
      <Head title={one.name} lead={`${bytes(one.size)} · ${when(one.created_at)}`}>
        <ImportState one={one} />
      </Head>
      <Steps label={w('way')} steps={STEPS()} at={isOver(one) ? 4 : at} {...(isIn ? { onGo: (step: number) => (step === 0 ? navigate('/app/leads/imports') : (isChecking.value = step === 2)) } : {})} />
      <div class="wide-page">
        {isIn && !isChecking.value && <Mapping one={one} change={change} isBusy={isBusy.value} onNext={() => (isChecking.value = true)} />}
        {isIn && isChecking.value && <Check one={one} isBusy={isBusy.value} onBack={() => (isChecking.value = false)} run={run} />}
        {isRunning(one) && <Going one={one} run={run} isBusy={isBusy.value} />}
        {isOver(one) && <Result one={one} run={run} isBusy={isBusy.value} />}
      </div>
    </>
  );
}

export default function ImportPage({ params }: PageProps) {
  const id = params.id ?? '';
  const isNew = id === 'new';
  const found = useData<Import>(isNew ? '' : `/imports/${encodeURIComponent(id)}?lang=${lang()}`);
  return (
    <>
      <LeadTabs />
      {isNew ? (
        <>
          <Head title={w('newImport')} lead={w('newImportLead')} />
          <Steps label={w('way')} steps={STEPS()} at={0} />
          <div class="wide-page">
            <Drop onDone={(one) => navigate(`/app/leads/imports/${one.id}`)} />
          </div>
        </>
      ) : (
        <Show of={found}>{(one) => <One key={one.id} one={one} of={found} />}</Show>
      )}
      <Asker />
    </>
  );
}
