// SPDX-License-Identifier: Apache-2.0
// One message's life: from the provider's raw call over the bot's turn to its last status, with times and what lay between.
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { type Content, type LiveEvent, type Message, type Turn } from '../../lib/api';
import { bytes, number, timeExact, timeFull, when } from '../../lib/format';
import { language, t, tx } from '../../lib/i18n';
import { onEvent } from '../../lib/live';
import { whyOf } from '../../lib/why';
import { Icon, type IconName } from '../icons';
import { Head, Raw, Show, useData } from './kit';
import { hasWord, w, wn, wx } from './words';
import type { PageProps } from './index';

interface Call {
  what: string;
  applied_at: string;
  id: string;
  provider: string;
  state: string;
  bytes: number;
  events: number;
  received_at: string;
  done_at: string | null;
  body?: string;
}

interface Job {
  id: string;
  kind: string;
  state: string;
  cause: string | null;
  reason: string | null;
  attempts: number;
  run_at: string;
  created_at: string;
}

interface Life {
  message: Message;
  calls: Call[];
  turn: Turn | null;
  related: Message[];
  events: LiveEvent[];
  jobs: Job[];
}

interface Step {
  key: string;
  at: string;
  icon: IconName;
  title: string;
  tone?: 'bad' | 'warn' | 'good';
  about?: ComponentChildren;
}

/** "+1.2 s": from one step to the next. */
function gap(ms: number): string {
  const f = (n: number, unit: string, digits: number) =>
    new Intl.NumberFormat(language.value, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: digits }).format(n);
  if (ms < 1000) return f(ms, 'millisecond', 0);
  if (ms < 60_000) return f(ms / 1000, 'second', 1);
  if (ms < 3_600_000) return f(ms / 60_000, 'minute', 0);
  return f(ms / 3_600_000, 'hour', 1);
}

function Fold({ label, children }: { label: string; children: () => ComponentChildren }) {
  const isOpen = useSignal(false);
  return (
    <>
      <button type="button" class="small" aria-expanded={isOpen.value} onClick={() => (isOpen.value = !isOpen.value)}>
        {label}
      </button>
      {isOpen.value && children()}
    </>
  );
}

function CallAbout({ call }: { call: Call }) {
  return (
    <>
      <p class="quiet">
        {w('callOf', { provider: wx('provider_', call.provider), size: bytes(call.bytes) })} · {wn('eventsIn', call.events)}
      </p>
      {call.body === undefined ? (
        <p class="hint">{w('bodyHidden')}</p>
      ) : (
        <Fold label={w('rawCall')}>{() => <Raw text={call.body ?? ''} label={w('rawCall')} />}</Fold>
      )}
    </>
  );
}

const said = (type: string, content: Content): string =>
  content.text ?? content.caption ?? content.title ?? wx('type_', type);

function TurnAbout({ turn, related, isIn }: { turn: Turn; related: Message[]; isIn: boolean }) {
  const decided = turn.trace.decided;
  return (
    <>
      <dl class="fact-list">
        {decided && (
          <div>
            <dt>{w('decidedBy')}</dt>
            <dd>
              {wx('by_', decided.by)}
              {decided.model ? ` (${decided.model})` : ''}
            </dd>
          </div>
        )}
        {decided?.node && (
          <div>
            <dt>{w('node')}</dt>
            <dd>
              <code>{decided.node}</code> {decided.because ? wx('because_', decided.because.split(' ')[0] ?? '') : ''}
            </dd>
          </div>
        )}
        {turn.trace.saw && (
          <div>
            <dt>{w('saw')}</dt>
            <dd>{wn('sawN', turn.trace.saw.inbound - turn.trace.saw.answered)}</dd>
          </div>
        )}
        {turn.prompt_tokens > 0 && (
          <div>
            <dt>{w('tokens')}</dt>
            <dd>
              {number(turn.prompt_tokens)} + {number(turn.completion_tokens)}
            </dd>
          </div>
        )}
        <div>
          <dt>{w('took')}</dt>
          <dd>{gap(turn.took_ms)}</dd>
        </div>
        {turn.trace.handoff && (
          <div>
            <dt>{w('handedOver')}</dt>
            <dd>{turn.trace.handoff}</dd>
          </div>
        )}
        {turn.trace.dropped && (
          <div>
            <dt>{w('dropped')}</dt>
            <dd>{wx('dropped_', turn.trace.dropped)}</dd>
          </div>
        )}
      </dl>
      {related.length > 0 && (
        <>
          <p class="hint">{isIn ? w('answeredWith') : w('answerTo')}</p>
          <ul class="related">
            {related.map((m) => (
              <li key={m.id}>
                <a href={`/app/messages/${m.id}`}>{m.text || said(m.type, m.content)}</a>{' '}
                <span class="quiet">{tx('st_', m.status)}</span>
              </li>
            ))}
          </ul>
        </>
      )}
      <Fold label={w('trace')}>{() => <Raw text={JSON.stringify(turn.trace)} label={w('trace')} />}</Fold>
    </>
  );
}

const TONES: Record<string, Step['tone']> = { failed: 'bad', uncertain: 'warn', cancelled: 'warn', delivered: 'good', read: 'good' };
const ICONS: Record<string, IconName> = {
  received: 'inbox',
  queued: 'waiting',
  sending: 'send',
  failed: 'failures',
  uncertain: 'failures',
  cancelled: 'close',
};

function stepOfEvent(event: LiveEvent): Step {
  const word = event.kind.replace(/^message\./, '');
  const hasData = Object.keys(event.data).length > 0;
  const tone = TONES[word];
  return {
    key: event.id,
    at: event.at,
    icon: ICONS[word] ?? 'check',
    title: wx('event_', word),
    ...(tone ? { tone } : {}),
    about: hasData ? (
      <Fold label={w('details')}>{() => <Raw text={JSON.stringify(event.data)} label={w('details')} />}</Fold>
    ) : undefined,
  };
}

function stepsOf(life: Life): Step[] {
  const isIn = life.message.direction === 'in';
  const steps: Step[] = life.calls.map((call) => ({
    key: `call-${call.id}-${call.what}`,
    at: call.received_at,
    icon: 'down',
    title: call.what === 'message' ? w('callCame') : w('statusCame', { word: tx('st_', call.what) }),
    about: <CallAbout call={call} />,
  }));
  steps.push(...life.events.map(stepOfEvent));
  if (life.turn)
    steps.push({
      key: life.turn.id,
      at: life.turn.started_at,
      icon: 'bot',
      title: wx('turn_', life.turn.outcome),
      about: <TurnAbout turn={life.turn} related={life.related} isIn={isIn} />,
    });
  steps.push(
    ...life.jobs.map(
      (job): Step => ({
        key: job.id,
        at: job.created_at,
        icon: 'waiting',
        title: w('jobIs', { state: wx('jobState_', job.state) }),
        tone: 'warn',
        about: (
          <p class="quiet">
            {job.cause && hasWord(`cause_${job.cause}`) ? wx('cause_', job.cause) : job.reason} {wn('attempts', job.attempts)}
          </p>
        ),
      }),
    ),
  );
  // What happened within one millisecond: the turn decides before its words are in line.
  const rank = (step: Step): number => (step.icon === 'down' ? 0 : step.icon === 'bot' ? 1 : 2);
  return steps.sort((a, b) => Date.parse(a.at) - Date.parse(b.at) || rank(a) - rank(b));
}

function Timeline({ steps }: { steps: Step[] }) {
  return (
    <ol class="life-line">
      {steps.map((step, i) => {
        const before = steps[i - 1];
        const ms = before ? Date.parse(step.at) - Date.parse(before.at) : 0;
        return (
          <li key={step.key} class={step.tone ?? ''}>
            <span class="timeline-mark">
              <Icon name={step.icon} size={16} />
            </span>
            <div class="timeline-what">
              <p>
                <strong>{step.title}</strong>
              </p>
              {step.about}
            </div>
            <p class="timeline-at">
              <time dateTime={step.at} title={timeFull(step.at)}>
                {timeExact(step.at)}
              </time>
              {before && <span class="quiet">+{gap(ms)}</span>}
            </p>
          </li>
        );
      })}
    </ol>
  );
}

function Summary({ message, steps }: { message: Message; steps: Step[] }) {
  const first = steps[0];
  const last = steps.at(-1);
  return (
    <section class="card life-card" aria-label={w('theMessage')}>
      <p class="life-text">{message.text || said(message.type, message.content)}</p>
      <dl class="fact-list">
        <div>
          <dt>{w('from')}</dt>
          <dd>{tx('owner_', message.owner)}</dd>
        </div>
        <div>
          <dt>{w('type')}</dt>
          <dd>{wx('type_', message.type)}</dd>
        </div>
        <div>
          <dt>{w('state')}</dt>
          <dd>
            {tx('st_', message.status)}
            {message.error ? `: ${whyOf(message.error)}` : ''}
          </dd>
        </div>
        <div>
          <dt>{w('written')}</dt>
          <dd>{when(message.created_at)}</dd>
        </div>
        {first && last && first !== last && (
          <div>
            <dt>{w('inAll')}</dt>
            <dd>{gap(Date.parse(last.at) - Date.parse(first.at))}</dd>
          </div>
        )}
        <div>
          <dt>{w('ids')}</dt>
          <dd>
            <code>{message.id}</code>
            {message.provider_message_id && (
              <>
                <br />
                <code>{message.provider_message_id}</code>
              </>
            )}
          </dd>
        </div>
      </dl>
      <p class="life-links">
        <a href={`/app/inbox/all/${message.conversation_id}`}>{w('toConversation')}</a>
        <Fold label={w('content')}>{() => <Raw text={JSON.stringify(message.content)} label={w('content')} />}</Fold>
      </p>
    </section>
  );
}

export default function LifePage({ params }: PageProps) {
  const id = params.id ?? '';
  const life = useData<Life>(`/messages/${encodeURIComponent(id)}/life`);
  useEffect(
    () =>
      onEvent((event) => {
        if (event.message_id === id) void life.reload();
      }),
    [id],
  );
  return (
    <>
      <Head title={t('pageLife')} lead={w('lifeLead')} />
      <Show of={life}>
        {(found) => {
          const steps = stepsOf(found);
          return (
            <div class="life">
              <Summary message={found.message} steps={steps} />
              <Timeline steps={steps} />
            </div>
          );
        }}
      </Show>
    </>
  );
}
