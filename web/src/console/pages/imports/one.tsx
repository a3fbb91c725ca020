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
import { CUSTOM, isDraft, isOver, isRunning, reason, targetName, TARGETS, w, wn, wx, type Column, type Counts, type Import, type Policy, type Preview, type Row } from './api';
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
      <div class="columns">
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
              <th scope="row">{column.title || w('columnN', { n: column.index + 1 })}</th>
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

function Check({ one, onBack, onCommit, isBusy }: { one: Import; onBack: () => void; onCommit: () => void; isBusy: boolean }) {
  const preview = useData<Preview>(`/imports/${one.id}/preview`);
  const taken = one.columns.filter((column) => column.target !== 'ignore');
  return (
    <Show of={preview}>
      {(found) => (
        <>
          <p class="quiet">{wn('checkedN', found.counts.rows)}</p>
          <Figures
            label={w('stepCheck')}
            figures={figuresOf(found.counts)}
          />
          <Grid label={w('stepCheck')}>
            <thead>
              <tr>
                <th scope="col" class="n">
                  {w('row')}
                </th>
                <th scope="col">{w('outcome')}</th>
                {taken.map((column) => (
                  <th key={column.index} scope="col">
                    {targetName(column.target)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody class="preview">
              {found.rows.map((row) => (
                <tr key={row.number}>
                  <td class="n">{row.number}</td>
                  <td>
                    <span class={`badge ${row.outcome === 'failed' ? 'bad' : row.outcome === 'skipped' ? 'warn' : ''}`}>{wx('outcome_', row.outcome)}</span>
                    {row.reason && <small class={row.outcome === 'failed' ? 'bad' : ''}>{reason(row.reason)}</small>}
                  </td>
                  {taken.map((column) => (
                    <td key={column.index} class={row.column && (row.column === column.target || row.column === column.title) ? 'bad' : ''}>
                      {row.cells[column.index]}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </Grid>
          <div class="row">
            <button type="button" onClick={onBack}>
              {t('back')}
            </button>
            <button type="button" class="primary" disabled={isBusy} onClick={onCommit}>
              {one.check ? wn('commitN', one.check.rows) : w('commit')}
            </button>
          </div>
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

function Rows({ one }: { one: Import }) {
  const outcome = useSignal(one.counts.failed ? 'failed' : one.counts.skipped ? 'skipped' : 'created');
  const list = usePages<Row>(`/imports/${one.id}/rows?outcome=${outcome.value}&limit=50`);
  const items = list.items.value;
  return (
    <section class="stack" aria-labelledby="import-rows">
      <div class="row spread">
        <h2 id="import-rows">{w('rowsTitle')}</h2>
        <label class="check">
          {w('outcome')}
          <select value={outcome.value} onChange={(e) => (outcome.value = e.currentTarget.value)}>
            {['failed', 'skipped', 'updated', 'created'].map((name) => (
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
                <td>{row.reason ? reason(row.reason) : wx('outcome_', row.outcome)}</td>
                <td>{row.column}</td>
                <td>{row.value}</td>
                <td>{row.lead_id && <a href={`/app/leads/${row.lead_id}`}>{w('open')}</a>}</td>
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
          {reason(one.cause) || one.reason}
        </p>
      )}
      <p class="quiet">{wn('sum', one.counts.rows)}</p>
      <Figures label={w('stepRows')} figures={figuresOf(one.counts)} />
      <div class="row">
        <a class="button primary" href={`/app/leads?filter=${encodeURIComponent(filter)}`}>
          {w('seeLeads')}
        </a>
        <a class="button" href={`/app/campaigns/new?import=${one.id}`}>
          {w('campaignOf')}
        </a>
        {one.counts.failed + one.counts.skipped + one.counts.noted > 0 && (
          <a class="button" href={`/api/v1/imports/${one.id}/errors`} download>
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
  const run = (path: string) =>
    doing(async () => {
      await post(`/imports/${one.id}/${path}`);
      await of.reload();
      if (path === 'undo') toast(w('undone'));
    });
  const isIn = isDraft(one) && !isRunning(one);
  const at = isIn ? (isChecking.value ? 2 : 1) : 3;
  return (
    <>
      <Head title={one.name} lead={`${bytes(one.size)} · ${when(one.created_at)}`}>
        <ImportState one={one} />
      </Head>
      <Steps label={w('way')} steps={STEPS()} at={isOver(one) ? 4 : at} {...(isIn ? { onGo: (step: number) => (step === 0 ? navigate('/app/leads/imports') : (isChecking.value = step === 2)) } : {})} />
      <div class="wide-page">
        {isIn && !isChecking.value && <Mapping one={one} change={change} isBusy={isBusy.value} onNext={() => (isChecking.value = true)} />}
        {isIn && isChecking.value && <Check one={one} isBusy={isBusy.value} onBack={() => (isChecking.value = false)} onCommit={() => void run('commit')} />}
        {isRunning(one) && <Going one={one} run={run} isBusy={isBusy.value} />}
        {isOver(one) && <Result one={one} run={run} isBusy={isBusy.value} />}
      </div>
    </>
  );
}

export default function ImportPage({ params }: PageProps) {
  const id = params.id ?? '';
  const isNew = id === 'new';
  const found = useData<Import>(isNew ? '' : `/imports/${encodeURIComponent(id)}`);
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
