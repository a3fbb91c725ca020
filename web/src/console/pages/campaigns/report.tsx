// SPDX-License-Identifier: Apache-2.0
// What became of a campaign: who got it, read it, answered, and why not; as pictures and as figures.
import { useSignal } from '@preact/signals';
import { number, time, when } from '../../../lib/format';
import { Show, useData } from '../kit';
import { Figures, Grid, percent, usePoll } from '../grid';
import { hasWord, isBefore, isOver, money, w, wx, type ByChannel, type Campaign, type Cause, type Report } from './api';
import { Chart } from './chart';
import { GroupDialog, GroupMenu, type How } from './group';
import { whyNot } from './why';

/** So many of those the campaign was meant for, one below the other. */
function Funnel({ c, intended }: { c: Report['counts']; intended: number }) {
  const delivered = c.delivered + c.read;
  const steps: [string, number][] = [
    [w('intended'), intended],
    [w('reached'), c.reached],
    [w('delivered'), delivered],
    [w('read'), c.read],
    [w('replied'), c.replied],
  ];
  return (
    <ol class="funnel">
      {steps.map(([title, n]) => (
        <li key={title}>
          <span>{title}</span>
          <meter aria-label={title} min={0} max={Math.max(1, intended)} value={n} />
          <span class="n">
            {number(n)} <span class="quiet">{percent(n, intended)}</span>
          </span>
        </li>
      ))}
    </ol>
  );
}

/** Why not, with how many; those who can be decided together are. */
function Causes({ one, report, onChanged }: { one: Campaign; report: Report; onChanged: () => void }) {
  const { causes } = report;
  const chosen = useSignal<{ cause: Cause; how: How; asOf: string } | null>(null);
  if (causes.length === 0 && !chosen.value) return null;
  return (
    <section class="stack" aria-labelledby="causes">
      <h2 id="causes">{w('causes')}</h2>
      <Grid label={w('causes')}>
        <thead>
          <tr>
            <th scope="col">{w('state')}</th>
            <th scope="col">{w('why')}</th>
            <th scope="col" class="n">
              {w('people')}
            </th>
          </tr>
        </thead>
        <tbody>
          {causes.map((cause) => (
            <tr key={cause.state + cause.cause}>
              <td>
                <span class={`badge ${cause.state === 'failed' ? 'bad' : 'warn'}`}>{wx('rstate_', cause.state)}</span>
              </td>
              <th scope="row">
                <a class="row-link" href={`/app/campaigns/${one.id}/recipients?state=${cause.state}&cause=${encodeURIComponent(cause.cause)}`}>
                  {whyNot(cause.cause, cause.sample)}
                </a>
                {cause.sample && hasWord(`reason_${cause.cause}`) && <small>{cause.sample}</small>}
                <GroupMenu one={one} cause={cause} why={whyNot(cause.cause, cause.sample)} onPick={(how) => (chosen.value = { cause, how, asOf: report.as_of })} />
              </th>
              <td class="n">{number(cause.count)}</td>
            </tr>
          ))}
        </tbody>
      </Grid>
      {chosen.value && <GroupDialog one={one} {...chosen.value} onClose={() => (chosen.value = null)} onChanged={onChanged} />}
    </section>
  );
}

/** How each channel and template fared. */
function Channels({ one, channels, currency }: { one: Campaign; channels: ByChannel[]; currency: string | undefined }) {
  if (channels.length === 0) return null;
  const keys = ['reached', 'delivered', 'read', 'replied', 'failed'] as const;
  return (
    <section class="stack" aria-labelledby="by-channel">
      <h2 id="by-channel">{w('byChannel')}</h2>
      <Grid label={w('byChannel')}>
        <thead>
          <tr>
            <th scope="col">{w('channel')}</th>
            <th scope="col" class="n">
              {w('recipients')}
            </th>
            {keys.map((key) => (
              <th key={key} scope="col" class="n">
                {w(key)}
              </th>
            ))}
            <th scope="col" class="n">
              {w('cost')}
            </th>
          </tr>
        </thead>
        <tbody>
          {channels.map((by) => (
            <tr key={`${by.channel} ${by.template}`}>
              <th scope="row">
                <a class="row-link" href={`/app/campaigns/${one.id}/recipients?channel=${encodeURIComponent(by.channel)}`}>
                  {wx('channel_', by.channel || 'none')}
                </a>
                {by.template && <small>{by.template}</small>}
              </th>
              <td class="n">{number(by.count)}</td>
              {keys.map((key) => (
                <td key={key} class="n">
                  {number(by[key])} <small>{percent(by[key], by.count)}</small>
                </td>
              ))}
              <td class="n">{money(by.cost, currency)}</td>
            </tr>
          ))}
        </tbody>
      </Grid>
    </section>
  );
}

const HOUR_MS = 3_600_000;
const HOURS_MAX = 24 * 31; // beyond, the hours in which something happened stand side by side

/** Every hour from just before the first to the last, also those in which nothing happened. */
function throughout(hours: Report['hours']): Report['hours'] {
  const first = Date.parse(hours[0]!.at) - HOUR_MS;
  const last = Math.max(Date.parse(hours.at(-1)!.at), first + 2 * HOUR_MS);
  const n = (last - first) / HOUR_MS + 1;
  if (n > HOURS_MAX) return hours;
  const known = new Map(hours.map((one) => [Date.parse(one.at), one]));
  return Array.from({ length: n }, (_, i) => {
    const at = first + i * HOUR_MS;
    return known.get(at) ?? { at: new Date(at).toISOString(), sent: 0, delivered: 0, read: 0, failed: 0, replied: 0 };
  });
}

function Hours({ hours }: { hours: Report['hours'] }) {
  if (hours.length === 0) return null;
  const isOneDay = new Set(hours.map((one) => one.at.slice(0, 10))).size === 1;
  const nameOf = (one: Report['hours'][number]) => (isOneDay ? time(one.at) : when(one.at));
  const names = hours.map(nameOf);
  const drawn = throughout(hours);
  const keys = ['sent', 'read', 'replied', 'failed'] as const;
  return (
    <section class="card stack" aria-labelledby="hours">
      <h2 id="hours">{w('byHour')}</h2>
      <Chart label={w('byHour')} at={drawn.map(nameOf)} series={keys.map((key) => ({ title: w(key === 'sent' ? 'reached' : key), values: drawn.map((one) => one[key]) }))} />
      <details>
        <summary>{w('asTable')}</summary>
        <Grid label={w('byHour')}>
          <thead>
            <tr>
              <th scope="col">{w('hour')}</th>
              {(['sent', 'delivered', 'read', 'replied', 'failed'] as const).map((key) => (
                <th key={key} scope="col" class="n">
                  {w(key === 'sent' ? 'reached' : key)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {hours.map((one, i) => (
              <tr key={one.at}>
                <th scope="row">{names[i]}</th>
                {(['sent', 'delivered', 'read', 'replied', 'failed'] as const).map((key) => (
                  <td key={key} class="n">
                    {number(one[key])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </Grid>
      </details>
    </section>
  );
}

export function ReportView({ one, onChanged }: { one: Campaign; onChanged: () => void }) {
  const report = useData<Report>(`/dispatches/${one.id}/report`);
  usePoll(!isOver(one) && !isBefore(one), 1500, report.reload);
  return (
    <Show of={report}>
      {(found) => {
        const c = found.counts;
        const intended = c.total - c.excluded;
        const link = (state: string) => `/app/campaigns/${one.id}/recipients?state=${state}`;
        return (
          <div class="wide-page">
            <Figures
              label={w('report')}
              figures={[
                ...(c.planned + c.sending > 0 ? [{ title: wx('rstate_', 'planned'), n: c.planned + c.sending }] : []),
                { title: w('reached'), n: c.reached, note: percent(c.reached, intended), tone: 'good' },
                { title: w('read'), n: c.read, note: percent(c.read, intended) },
                { title: w('replied'), n: c.replied, note: percent(c.replied, intended) },
                { title: w('failed'), n: c.failed, note: percent(c.failed, intended), tone: c.failed ? 'bad' : undefined, href: link('failed') },
                { title: w('uncertain'), n: c.uncertain, tone: c.uncertain ? 'warn' : undefined, href: link('uncertain') },
                { title: w('optedOut'), n: c.opted_out, tone: c.opted_out ? 'warn' : undefined },
                { title: w('excluded'), n: c.excluded, href: link('excluded') },
                { title: w('cost'), n: money(c.cost, found.currency ?? one.estimate?.currency) },
              ]}
            />
            <section class="card stack" aria-labelledby="funnel">
              <h2 id="funnel">{w('funnel')}</h2>
              <Funnel c={c} intended={intended} />
            </section>
            <Hours hours={found.hours} />
            <Channels one={one} channels={found.channels} currency={found.currency ?? one.estimate?.currency} />
            <Causes
              one={one}
              report={found}
              onChanged={() => {
                void report.reload();
                onChanged();
              }}
            />
          </div>
        );
      }}
    </Show>
  );
}
