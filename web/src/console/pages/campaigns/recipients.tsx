// SPDX-License-Identifier: Apache-2.0
// Everybody a campaign is about, narrowed by what became of them; who is uncertain is settled by a person.
import { useSignal, type Signal } from '@preact/signals';
import { post, search } from '../../../lib/api';
import { phone, timeFull, when } from '../../../lib/format';
import { navigate, path, query } from '../../../lib/router';
import { Dialog } from '../../ui';
import { useDoing } from '../kit';
import { Grid, Menu, More, Narrow, usePages, usePoll, type Choice } from '../grid';
import { whyNot } from './why';
import { MessageFor, type Wanted } from './message';
import { channelChoices, isBefore, isOver, reason, STATES, w, wn, wx, type Campaign, type DryRow, type Recipient } from './api';

const toneOf = (state: string): string =>
  state === 'failed' ? 'bad' : state === 'uncertain' || state === 'excluded' || state === 'cancelled' ? 'warn' : state === 'read' || state === 'delivered' ? 'accent' : '';

const addressOf = (address: string | null, one: { phone: string | null; email: string | null }): string => {
  const shown = address || one.phone || one.email || '';
  return /^\+?\d+$/.test(shown) ? phone(shown.replace('+', '')) : shown;
};

function why(one: Recipient): string {
  if (one.state === 'excluded') return reason(one.block_reason);
  if (one.state === 'failed' || one.state === 'uncertain')
    return whyNot(one.error_cause, one.error_reason);
  return reason(one.reason);
}

const latest = (one: Recipient): string =>
  [one.sent_at, one.delivered_at, one.read_at, one.failed_at, one.replied_at].filter(Boolean).sort().at(-1) ?? '';

function useSettle(reload: () => Promise<void>) {
  const [isBusy, run] = useDoing();
  const settle = (one: Recipient, how: string) =>
    run(async () => {
      await post(`/dispatch-recipients/${one.id}/settle`, { as: how });
      await reload();
    });
  return { isBusy, settle };
}

/** What the list shows, as a file. */
const Exports = ({ path: from, asked }: { path: string; asked: Record<string, string> }) => (
  <span class="row push">
    {(['csv', 'xlsx'] as const).map((format) => (
      <a key={format} class="button" href={`/api/v1${from}${search({ ...asked, format })}`} download>
        {w(format === 'csv' ? 'exportCsv' : 'exportXlsx')}
      </a>
    ))}
  </span>
);

/** The words that went out, while there are any to show. */
function TextSent({ title, text }: { title: string; text: Signal<string> }) {
  if (!text.value) return null;
  return (
    <Dialog title={title} onClose={() => (text.value = '')}>
      <div class="phone-preview">
        <p class="bubble-like">{text.value}</p>
      </div>
    </Dialog>
  );
}

export function Recipients({ one }: { one: Campaign }) {
  const state = query.value.get('state') ?? '';
  const cause = query.value.get('cause') ?? '';
  const channel = query.value.get('channel') ?? '';
  const more = query.value.get('only') ?? '';
  const asked = { state, cause, channel, replied: more === 'replied' ? 'true' : '', opted_out: more === 'opted_out' ? 'true' : '' };
  const list = usePages<Recipient>(`/dispatches/${one.id}/recipients${search({ ...asked, limit: 50 })}`);
  const { isBusy, settle } = useSettle(list.reload);
  const text = useSignal('');
  const wanted = useSignal<Wanted | null>(null);
  const items = list.items.value;
  usePoll(!isBefore(one) && !isOver(one) && (items?.length ?? 0) <= 50, 3000, list.reload);
  const ask = (change: Record<string, string>) =>
    navigate(path.value + search({ state, cause, channel, only: more, ...change }), 'replace');
  const todo = (r: Recipient): Choice[] => {
    const choices: Choice[] = [];
    if (r.text) choices.push({ key: 'text', title: w('whatWasSent'), run: () => (text.value = r.text ?? '') });
    else if (r.template && r.channel) choices.push({ key: 'see', title: w('seeText'), run: () => (wanted.value = { lead: r.lead_id, name: r.name, channel: r.channel ?? ''}) });
    if (r.state === 'uncertain') {
      choices.push({ key: 'sent', title: w('itArrived'), run: () => void settle(r, 'sent') });
      choices.push({ key: 'failed', title: w('itDidNot'), run: () => void settle(r, 'failed') });
    }
    if (r.state === 'uncertain' || r.state === 'failed') choices.push({ key: 'resend', title: w('sendAgain'), run: () => void settle(r, 'resend') });
    return choices;
  };
  return (
    <div class="stack">
      <div class="bar">
        <Narrow
          label={w('state')}
          value={state}
          choices={[['', w('any')], ...STATES.map((name) => [name, wx('rstate_', name)] as const)]}
          onPick={(to) => ask({ state: to, cause: '' })}
        />
        <Narrow label={w('channel')} value={channel} choices={channelChoices()} onPick={(to) => ask({ channel: to })} />
        <Narrow
          label={w('only')}
          value={more}
          choices={[['', w('any')], ['replied', w('replied')], ['opted_out', w('optedOut')]]}
          onPick={(to) => ask({ only: to })}
        />
        {cause && (
          <span class="badge">
            {whyNot(cause, null)}
            <button type="button" class="link" onClick={() => ask({ cause: '' })}>
              {w('clear')}
            </button>
          </span>
        )}
        <Exports path={`/dispatches/${one.id}/recipients/export`} asked={asked} />
      </div>
      {items?.length === 0 && <p class="quiet">{w('nobodyHere')}</p>}
      {items && items.length > 0 && (
        <Grid label={w('recipients')} isBusy={isBusy.value}>
          <thead>
            <tr>
              <th scope="col">{w('person')}</th>
              <th scope="col">{w('state')}</th>
              <th scope="col">{w('channel')}</th>
              <th scope="col">{w('why')}</th>
              <th scope="col">{w('last')}</th>
              <th scope="col">
                <span class="sr">{w('todo')}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {items.map((r) => (
              <tr key={r.id}>
                <th scope="row">
                  <a class="row-link" href={`/app/leads/${r.lead_id}`} dir="auto">
                    {r.name || addressOf(r.address, r)}
                  </a>
                  <small>{addressOf(r.address, r)}</small>
                </th>
                <td>
                  <span class={`badge ${toneOf(r.state)}`}>{wx('rstate_', r.state)}</span>
                  {r.replied_at && <small>{w('replied')}</small>}
                  {r.opted_out_at && <small class="bad">{w('optedOut')}</small>}
                </td>
                <td>
                  {r.channel ? wx('channel_', r.channel) : '—'}
                  {r.history.length > 0 && <small>{wn('triesBefore', r.history.length)}</small>}
                </td>
                <td>{why(r)}</td>
                <td class="nowrap">
                  {latest(r) && (
                    <time dateTime={latest(r)} title={timeFull(latest(r))}>
                      {when(latest(r))}
                    </time>
                  )}
                </td>
                <td>
                  <Menu label={w('todoFor', { name: r.name ?? addressOf(r.address, r) })} icon="more" small choices={todo(r)} />
                </td>
              </tr>
            ))}
          </tbody>
        </Grid>
      )}
      <More of={list} />
      <TextSent title={w('whatWasSent')} text={text} />
      {wanted.value && <MessageFor one={one} wanted={wanted.value} onClose={() => (wanted.value = null)} />}
    </div>
  );
}

/* --- what would happen -------------------------------------------------------------------------------------------- */

export function DryLog({ one }: { one: Campaign }) {
  const would = query.value.get('would') ?? '';
  const list = usePages<DryRow>(`/dispatches/${one.id}/log${search({ would_send: would, limit: 50 })}&_=${encodeURIComponent(one.dry_run_at ?? '')}`);
  const items = list.items.value;
  const text = useSignal('');
  const wanted = useSignal<Wanted | null>(null);
  const see = (row: DryRow) => {
    if (row.text) text.value = row.text;
    else wanted.value = { lead: row.lead_id, name: row.name, channel: row.channel ?? '' };
  };
  return (
    <section class="stack" aria-labelledby="dry-log">
      <h2 id="dry-log">{w('dryLog')}</h2>
      <div class="bar">
        <Narrow
          label={w('show')}
          value={would}
          choices={[['', w('everybody')], ['true', w('wouldGet')], ['false', w('wouldNotGet')]]}
          onPick={(to) => navigate(path.value + search({ would: to }), 'replace')}
        />
        <Exports path={`/dispatches/${one.id}/log/export`} asked={{ would_send: would }} />
      </div>
      {items?.length === 0 && <p class="quiet">{w('nobodyHere')}</p>}
      {items && items.length > 0 && (
        <Grid label={w('dryLog')}>
          <thead>
            <tr>
              <th scope="col">{w('person')}</th>
              <th scope="col">{w('would')}</th>
              <th scope="col">{w('phone')}</th>
              <th scope="col">{w('email')}</th>
              <th scope="col">{w('channel')}</th>
              <th scope="col">{w('template')}</th>
            </tr>
          </thead>
          <tbody>
            {items.map((row) => (
              <tr key={row.recipient_id}>
                <th scope="row">
                  <a class="row-link" href={`/app/leads/${row.lead_id}`} dir="auto">
                    {row.name || '—'}
                  </a>
                </th>
                <td>
                  {row.would_send ? (
                    <span class="badge accent">{w('wouldSend')}</span>
                  ) : (
                    <>
                      <span class="badge warn">{w('wouldNot')}</span>
                      <small>{reason(row.block_reason)}</small>
                    </>
                  )}
                  {row.not_before && <small>{w('notBefore', { when: when(row.not_before) })}</small>}
                </td>
                <td class="nowrap">{row.phone && phone(row.phone.replace('+', ''))}</td>
                <td>{row.email}</td>
                <td>
                  {row.channel ? wx('channel_', row.channel) : '—'}
                  {row.reason && <small>{reason(row.reason)}</small>}
                </td>
                <td>
                  {row.template}
                  {(row.text || (row.template && row.channel)) && (
                    <small>
                      <button type="button" class="link" onClick={() => see(row)}>
                        {w('seeText')}
                      </button>
                    </small>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </Grid>
      )}
      <More of={list} />
      <TextSent title={w('seeText')} text={text} />
      {wanted.value && <MessageFor one={one} wanted={wanted.value} onClose={() => (wanted.value = null)} />}
    </section>
  );
}
