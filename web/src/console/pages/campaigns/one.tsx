// SPDX-License-Identifier: Apache-2.0
// One campaign from draft to report. Nothing goes out before somebody starts it, and the dry run says beforehand who would get it.
import { useSignal } from '@preact/signals';
import type { FunctionComponent } from 'preact';
import { useEffect } from 'preact/hooks';
import { del, get, post, search, type List } from '../../../lib/api';
import { number, timeFull, when } from '../../../lib/format';
import { t } from '../../../lib/i18n';
import { navigate, query } from '../../../lib/router';
import { Icon } from '../../icons';
import { Dialog, Empty, Failed, Field, Loading, toast, toastProblem } from '../../ui';
import { ask, Asker, DialogEnd, Head, Show, useData, useDoing, useForm, type Loaded } from '../kit';
import { Figures, Menu, Progress, Tabs, usePoll, useSlow } from '../grid';
import type { PageProps } from '../index';
import { nameOf, type Lead } from '../leads/api';
import { isBefore, isBusy, isOver, money, reason, w, whyStopped, wn, wx, type Campaign } from './api';
import { CampaignState, CampaignTabs } from './frame';
import { DryLog, Recipients } from './recipients';
import { Wizard, type Values } from './wizard';

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

/* --- starting ----------------------------------------------------------------------------------------------------- */

function Start({ one, onClose, onStarted }: { one: Campaign; onClose: () => void; onStarted: (now: Campaign) => void }) {
  const form = useForm({ isLater: false, at: '' });
  const v = form.value.value;
  const problem = form.rest(['at']);
  const n = one.estimate?.recipients ?? 0;
  return (
    <Dialog title={w('startTitle', { name: one.name })} onClose={onClose}>
      <form
        class="form"
        onSubmit={(e) => {
          e.preventDefault();
          void form.submit(async (now) => {
            const begun = await post<Campaign>(`/dispatches/${one.id}/start`, now.isLater && now.at ? { at: new Date(now.at).toISOString() } : {});
            setTimeout(() => {
              onStarted(begun);
              onClose();
            });
          });
        }}
      >
        <p>{wn('startText', n, { cost: one.estimate ? money(one.estimate.cost, one.estimate.currency) : '—' })}</p>
        <fieldset class="form">
          <legend class="legend-text">{w('whenToStart')}</legend>
          <label class="check">
            <input type="radio" name="when" checked={!v.isLater} onChange={() => form.set({ isLater: false })} />
            {w('atOnce')}
          </label>
          <label class="check">
            <input type="radio" name="when" checked={v.isLater} onChange={() => form.set({ isLater: true })} />
            {w('later_')}
          </label>
        </fieldset>
        {v.isLater && (
          <Field label={w('startAt')} hint={w('startAtHint')} {...(form.problem('at') ? { problem: form.problem('at')! } : {})}>
            {(ids) => <input {...ids} type="datetime-local" required value={v.at} onInput={(e) => form.set({ at: e.currentTarget.value })} />}
          </Field>
        )}
        <DialogEnd problem={problem} submit={w(v.isLater ? 'schedule' : 'start')} isOff={form.isBusy.value} onClose={onClose} />
      </form>
    </Dialog>
  );
}

function TestSend({ one, onClose }: { one: Campaign; onClose: () => void }) {
  const form = useForm({ channel: one.channels[0]?.channel ?? 'whatsapp', address: '', lead: '' });
  const found = useSignal<Lead[]>([]);
  const v = form.value.value;
  const look = (q: string) =>
    void get<List<Lead>>(`/leads${search({ q, limit: 10 })}`).then((page) => {
      found.value = page.data;
      if (page.data[0] && !page.data.some((lead) => lead.id === form.value.value.lead)) form.set({ lead: page.data[0].id });
    }, toastProblem);
  const slowly = useSlow(look);
  useEffect(() => look(''), []); // whose data it takes is seen, and never nobody's
  const problem = form.rest(['address', 'lead', 'channel']);
  return (
    <Dialog title={w('testTitle')} onClose={onClose}>
      <p class="quiet">{w('testLead')}</p>
      <form
        class="form"
        onSubmit={(e) => {
          e.preventDefault();
          void form
            .submit(async (now) => {
              await post(`/dispatches/${one.id}/test`, { lead_id: now.lead, channel: now.channel, address: now.address.trim() });
            })
            .then((ok) => ok && (toast(w('testSent')), onClose()));
        }}
      >
        <Field label={w('channel')}>
          {(ids) => (
            <select {...ids} value={v.channel} onChange={(e) => form.set({ channel: e.currentTarget.value })}>
              {one.channels.map((channel) => (
                <option key={channel.channel} value={channel.channel}>
                  {wx('channel_', channel.channel)} · {channel.template}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label={w('testTo')} hint={w(v.channel === 'email' ? 'testToMail' : 'testToPhone')} {...(form.problem('address') ? { problem: form.problem('address')! } : {})}>
          {(ids) => <input {...ids} required value={v.address} onInput={(e) => form.set({ address: e.currentTarget.value })} />}
        </Field>
        <Field label={w('testWith')}>
          {(ids) => <input {...ids} type="search" placeholder={w('searchLead')} onInput={(e) => slowly(e.currentTarget.value)} />}
        </Field>
        {found.value.length > 0 && (
          <select aria-label={w('previewLead')} value={v.lead} onChange={(e) => form.set({ lead: e.currentTarget.value })}>
            {found.value.map((lead) => (
              <option key={lead.id} value={lead.id}>
                {nameOf(lead)}
              </option>
            ))}
          </select>
        )}
        <DialogEnd problem={problem} submit={w('test')} isOff={form.isBusy.value || !v.lead} onClose={onClose} />
      </form>
    </Dialog>
  );
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

/** The report's file comes with the first look at one. */
function LateReport({ one, onChanged }: { one: Campaign; onChanged: () => void }) {
  const view = useSignal<FunctionComponent<{ one: Campaign; onChanged: () => void }> | null>(null);
  const why = useSignal<unknown>(null);
  const fetch = () => {
    why.value = null;
    import('./report').then(
      (file) => (view.value = file.ReportView),
      () => (why.value = new Error(t('loadFailed'))),
    );
  };
  useEffect(fetch, []);
  const View = view.value;
  if (why.value) return <Failed why={why.value} onRetry={fetch} />;
  return View ? <View one={one} onChanged={onChanged} /> : <Loading />;
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
              <Empty icon="eye" title={w('noDryRun')}>
                {w('noDryRunLead')}
              </Empty>
            )
          )}
        </div>
      )}
      {open === 'recipients' && <Recipients one={one} />}
      {open === 'report' && !isBefore(one) && <LateReport one={one} onChanged={() => void of.reload()} />}
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
