// SPDX-License-Identifier: Apache-2.0
// One campaign from draft to report. Nothing goes out before somebody starts it, and the dry run says beforehand who would get it.
import { useSignal } from '@preact/signals';
import { del, post } from '../../../lib/api';
import { number, timeFull, when } from '../../../lib/format';
import { t } from '../../../lib/i18n';
import { navigate, query } from '../../../lib/router';
import { Icon } from '../../icons';
import { Empty, toastProblem } from '../../ui';
import { ask, Asker, Head, Show, useData, useDoing, type Loaded } from '../kit';
import { Figures, Menu, Progress, Tabs, usePoll } from '../grid';
import type { PageProps } from '../index';
import { isBefore, isBusy, isOver, money, reason, w, whyStopped, wn, wx, type Campaign } from './api';
import { CampaignState, CampaignTabs } from './frame';
import { DryLog, Recipients } from './recipients';
import { late } from './late';
import type { Values } from './wizard';

/* What only some visits need comes with its first use. */
const ReportView = late(() => import('./report').then((file) => file.ReportView));
const Wizard = late(() => import('./wizard').then((file) => file.Wizard));
const Start = late(() => import('./start').then((file) => file.Start), true);
const TestSend = late(() => import('./start').then((file) => file.TestSend), true);

const POLL_MS = 1000;

const valuesOf = (one: Campaign): Values => ({
  name: one.name,
  audience: one.audience,
  channels: one.channels,
  variables: one.variables ?? {},
  limits: one.limits ?? {},
});

/** What the program itself takes when nothing is said (src/dispatch). */
const FIRST: Values = {
  name: '',
  audience: { filter: { all: [] } },
  channels: [
    { channel: 'whatsapp', template: 'cobranca_padrao_whatsapp_v1' },
    { channel: 'email', template: 'cobranca_padrao_email_v1' },
  ],
  variables: {},
  limits: {},
};

function firstValues(): Values {
  const given = query.value;
  const segment = given.get('segment');
  const from = given.get('import');
  const leads = given.get('leads');
  if (segment) return { ...FIRST, audience: { segment } };
  if (from) return { ...FIRST, audience: { import: from } };
  if (leads) return { ...FIRST, audience: { leads: leads.split(',') } };
  return FIRST;
}

/* --- where it stands ---------------------------------------------------------------------------------------------- */

function Stand({ one, isBrief }: { one: Campaign; isBrief: boolean }) {
  const c = one.counts;
  if (one.state === 'planning' || one.state === 'dry_run')
    return (
      <div class="card">
        <Progress label={wx('cstate_', one.state)} part={null} words={`${wx('cstateLead_', one.state)} ${one.leads_seen ? wn('seenN', one.leads_seen) : ''}`} />
      </div>
    );
  if (isBefore(one) || isOver(one) || !c) return null;
  const all = c.total - c.excluded;
  const done = c.reached + c.failed + c.uncertain + c.cancelled;
  return (
    <div class="card stack">
      <Progress label={wx('cstate_', one.state)} part={all ? done / all : 1} words={w('doneOf', { n: number(done), all: number(all) })} />
      {one.state === 'running' && one.waits_for && (
        <p class="advice">
          {w('waitsFor', { what: reason(one.waits_for) })}
          {one.waits_until ? ` ${w('until', { when: when(one.waits_until) })}` : ''}
        </p>
      )}
      {one.state === 'paused' && one.cause && (
        <p class="warning">
          {whyStopped(one)}
        </p>
      )}
      {!isBrief && <Figures
        label={w('now')}
        figures={[
          { title: wx('rstate_', 'planned'), n: c.planned },
          { title: wx('rstate_', 'sending'), n: c.sending },
          { title: w('reached'), n: c.reached, tone: 'good' },
          { title: w('failed'), n: c.failed, tone: c.failed ? 'bad' : undefined },
          { title: w('uncertain'), n: c.uncertain, tone: c.uncertain ? 'warn' : undefined },
        ]}
      />}
    </div>
  );
}

function Estimate({ one }: { one: Campaign }) {
  const c = one.counts;
  const e = one.estimate;
  if (!e && !c) return null;
  return (
    <Figures
      label={w('estimate')}
      figures={[
        { title: w('wouldGet'), n: e?.recipients ?? (c ? c.total - c.excluded : 0), tone: 'good' },
        ...(c ? [{ title: w('wouldNotGet'), n: c.excluded, tone: c.excluded ? ('warn' as const) : undefined }] : []),
        ...(e ? [{ title: w('costAbout'), n: money(e.cost, e.currency) }] : []),
        ...(e?.finish_at ? [{ title: w('finishAbout'), n: when(e.finish_at) }] : []),
      ]}
    />
  );
}

/* --- the page ----------------------------------------------------------------------------------------------------- */

function Actions({ one, run, busy, onStart, onTest }: {
  one: Campaign;
  run: (path: string) => Promise<unknown>;
  busy: boolean;
  onStart: () => void;
  onTest: () => void;
}) {
  const cancel = async () => {
    if (await ask(w('cancelTitle', { name: one.name }), w('cancelText'), w('cancelYes'))) await run('cancel');
  };
  const canCancel = one.state === 'running' || one.state === 'paused' || (isBefore(one) && Boolean(one.start_at));
  return (
    <>
      <CampaignState one={one} />
      {isBefore(one) && !isBusy(one) && (
        <button type="button" class={one.dry_run_at ? '' : 'primary'} disabled={busy} onClick={() => void run('dry-run')}>
          <Icon name="eye" size={16} /> {w(one.dry_run_at ? 'dryRunAgain' : 'dryRun')}
        </button>
      )}
      {one.state === 'planned' && one.dry_run_at && (
        <button type="button" class="primary" disabled={busy || !one.can_send} onClick={onStart}>
          <Icon name="play" size={16} /> {w('start')}
        </button>
      )}
      {one.state === 'running' && (
        <button type="button" class="primary" disabled={busy} onClick={() => void run('pause')}>
          <Icon name="pause" size={16} /> {w('pause')}
        </button>
      )}
      {one.state === 'paused' && (
        <button type="button" class="primary" disabled={busy} onClick={() => void run('resume')}>
          <Icon name="play" size={16} /> {w('resume')}
        </button>
      )}
      {!isOver(one) && (
        <button type="button" disabled={busy} onClick={onTest}>
          {w('test')}
        </button>
      )}
      {canCancel && (
        <button type="button" class="danger" disabled={busy} onClick={() => void cancel()}>
          {t('cancel')}
        </button>
      )}
    </>
  );
}

function One({ one, of, part }: { one: Campaign; of: Loaded<Campaign>; part: string }) {
  const [busy, doing] = useDoing();
  const dialog = useSignal<'start' | 'test' | null>(null);
  const problem = useSignal('');
  usePoll(isBusy(one) || Boolean(one.start_at && isBefore(one)), POLL_MS, of.reload);
  const base = `/app/campaigns/${one.id}`;
  const open = part || (one.state === 'draft' ? 'setup' : isBefore(one) ? 'dry-run' : 'report');
  const run = (path: string) =>
    doing(async () => {
      problem.value = '';
      try {
        await post<Campaign>(`/dispatches/${one.id}/${path}`);
      } catch (why) {
        problem.value = why instanceof Error ? why.message : String(why);
      }
      await of.reload();
      if (path === 'dry-run') navigate(`${base}/dry-run`, 'replace');
    });
  const remove = () =>
    doing(async () => {
      if (!(await ask(w('removeTitle', { name: one.name }), w('removeText'), t('remove')))) return;
      await del(`/dispatches/${one.id}`);
      navigate('/app/campaigns');
    });
  return (
    <>
      <Head
        title={one.name}
        lead={
          one.finished_at
            ? w('finishedAt', { when: when(one.finished_at) })
            : one.started_at
              ? w('startedAt', { when: when(one.started_at) })
              : one.start_at
                ? w('startsAt', { when: when(one.start_at) })
                : w('nothingSent')
        }
      >
        <Actions one={one} run={run} busy={busy.value} onStart={() => (dialog.value = 'start')} onTest={() => (dialog.value = 'test')} />
        {isBefore(one) && !isBusy(one) && (
          <Menu label={t('more')} icon="more" choices={[{ key: 'remove', title: t('remove'), isDanger: true, run: () => void remove() }]} />
        )}
      </Head>
      {problem.value && (
        <p class="problem" role="alert">
          {problem.value}
        </p>
      )}
      {isBefore(one) && one.cause && (
        <p class="warning">
          {whyStopped(one)}
        </p>
      )}
      {!one.can_send && !isOver(one) && <p class="advice">{w('gateClosed')}</p>}
      <Stand one={one} isBrief={open === 'report'} />
      <Tabs
        label={one.name}
        tabs={[
          ...(isBefore(one) ? [{ href: `${base}/setup`, title: w('tabSetup'), isHere: open === 'setup' }] : []),
          { href: `${base}/dry-run`, title: w('tabDryRun'), isHere: open === 'dry-run' },
          ...(isBefore(one) && !one.planned_at ? [] : [{ href: `${base}/recipients`, title: w('recipients'), isHere: open === 'recipients' }]),
          ...(isBefore(one) ? [] : [{ href: `${base}/report`, title: w('report'), isHere: open === 'report' }]),
        ]}
      />
      {open === 'setup' && isBefore(one) && (
        <Wizard
          key={one.id}
          id={one.id}
          first={valuesOf(one)}
          onSaved={(now) => {
            of.data.value = now;
            void run('dry-run');
          }}
        />
      )}
      {open === 'dry-run' && (
        <div class="stack">
          {one.dry_run_at ? (
            <>
              <p class="quiet">
                {w('dryRunAt', { when: timeFull(one.dry_run_at) })} {w('nothingSentByIt')}
              </p>
              <Estimate one={one} />
              <DryLog one={one} />
            </>
          ) : (
            !isBusy(one) && (
              <Empty icon="eye" title={w(isBefore(one) ? 'noDryRun' : 'noDryRunSent')}>
                {w('noDryRunLead')}
              </Empty>
            )
          )}
        </div>
      )}
      {open === 'recipients' && <Recipients one={one} />}
      {open === 'report' && !isBefore(one) && <ReportView one={one} onChanged={() => void of.reload()} />}
      {dialog.value === 'start' && <Start one={one} onClose={() => (dialog.value = null)} onStarted={(now) => ((of.data.value = { ...one, ...now }), void of.reload(), navigate(`${base}/${isBefore(now) ? 'dry-run' : 'report'}`))} />}
      {dialog.value === 'test' && <TestSend one={one} onClose={() => (dialog.value = null)} />}
    </>
  );
}

export default function CampaignPage({ params }: PageProps) {
  const id = params.id ?? '';
  const isNew = id === 'new';
  const found = useData<Campaign>(isNew ? '' : `/dispatches/${encodeURIComponent(id)}`);
  return (
    <>
      <CampaignTabs />
      {isNew ? (
        <>
          <Head title={w('newCampaign')} lead={w('newCampaignLead')} />
          <Wizard
            first={firstValues()}
            onSaved={(one) => {
              post(`/dispatches/${one.id}/dry-run`).catch(toastProblem).finally(() => navigate(`/app/campaigns/${one.id}/dry-run`));
            }}
          />
        </>
      ) : (
        <Show of={found}>{(one) => <One key={one.id} one={one} of={found} part={params.part ?? ''} />}</Show>
      )}
      <Asker />
    </>
  );
}
