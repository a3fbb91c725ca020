// SPDX-License-Identifier: Apache-2.0
// What is known of the customer and of this conversation, beside the thread.
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { get, type Conversation, type Label, type LiveEvent, type Turn } from '../../lib/api';
import { clock, day, phone, span, time, timeExact, timeFull, when, whenShort } from '../../lib/format';
import { has, t, tx } from '../../lib/i18n';
import { Icon } from '../icons';
import { Failed, Popover, toastProblem } from '../ui';
import { Deadline, hrefOf, nameOfLead } from './list';
import { labels, setLabels, setName } from './store';
import type { Thread } from './thread_store';

function Part({ title, children, isOpen = true }: { title: string; children: ComponentChildren; isOpen?: boolean }) {
  return (
    <details class="part" open={isOpen}>
      <summary>
        <h2>{title}</h2>
      </summary>
      {children}
    </details>
  );
}

type LeadState = 'new' | 'contacting' | 'replied' | 'qualifying' | 'scheduled' | 'won' | 'lost' | 'opted_out' | 'unreachable';

interface Lead {
  id: string;
  name: string | null;
  identities: { kind: string; value: string }[];
  tags: string[];
  state: LeadState;
  marketing_stopped_at: string | null;
  created_at: string;
  conversations: Conversation[];
}

function Name({ c }: { c: Conversation }) {
  const isEditing = useSignal(false);
  const name = useSignal('');
  const problem = useSignal<unknown>(null);
  const save = async (e: Event) => {
    e.preventDefault();
    try {
      await setName(c, name.value.trim());
      isEditing.value = false;
      problem.value = null;
    } catch (why) {
      problem.value = why;
    }
  };
  if (!isEditing.value)
    return (
      <p class="lead-name">
        <strong dir="auto">{nameOfLead(c)}</strong>
        <button
          type="button"
          class="icon-button"
          aria-label={t('nameEdit')}
          title={t('nameEdit')}
          onClick={() => {
            name.value = c.lead.name ?? '';
            isEditing.value = true;
          }}
        >
          <Icon name="pen" size={15} />
        </button>
      </p>
    );
  return (
    <form class="lead-form" onSubmit={(e) => void save(e)}>
      <input
        aria-label={t('name')}
        required
        maxLength={200}
        value={name.value}
        ref={(el: HTMLInputElement | null) => el?.focus()}
        onInput={(e) => (name.value = e.currentTarget.value)}
        onKeyDown={(e) => e.key === 'Escape' && (isEditing.value = false)}
      />
      <button type="submit" class="primary small">
        {t('save')}
      </button>
      <button type="button" class="small" onClick={() => (isEditing.value = false)}>
        {t('cancel')}
      </button>
      {problem.value !== null && <Failed why={problem.value} />}
    </form>
  );
}

const kinds: Record<string, string> = { phone: 'kind_phone', user_id: 'kind_user', whatsapp_user: 'kind_user' };

function Identity({ c, lead }: { c: Conversation; lead: Lead | null }) {
  const given = lead?.identities ?? [
    ...(c.lead.phone ? [{ kind: 'phone', value: c.lead.phone }] : []),
    ...(c.lead.user_id ? [{ kind: 'user_id', value: c.lead.user_id }] : []),
  ];
  return (
    <dl class="facts">
      {given.map((one) => {
        const key = kinds[one.kind] ?? '';
        return (
          <div key={one.kind + one.value}>
            <dt>{has(key) ? t(key) : one.kind}</dt>
            <dd>{/^\d{8,}$/.test(one.value) ? phone(one.value) : one.value}</dd>
          </div>
        );
      })}
      {lead && (
        <div>
          <dt>{t('stage')}</dt>
          <dd>{t(`lead_${lead.state}`)}</dd>
        </div>
      )}
      {lead && lead.tags.length > 0 && (
        <div>
          <dt>{t('tags')}</dt>
          <dd>{lead.tags.join(', ')}</dd>
        </div>
      )}
      <div>
        <dt>{t('since')}</dt>
        <dd>{day(lead?.created_at ?? c.created_at)}</dd>
      </div>
      {lead?.marketing_stopped_at && (
        <div>
          <dt>{t('noMarketing')}</dt>
          <dd>{day(lead.marketing_stopped_at)}</dd>
        </div>
      )}
    </dl>
  );
}

function Labels({ c }: { c: Conversation }) {
  const now = c.labels ?? [];
  const change = (to: Label[]) => void setLabels(c, to).catch(toastProblem);
  const isOn = (label: Label) => now.some((one) => one.id === label.id);
  if (labels.value.length === 0 && now.length === 0) return <p class="quiet">{t('labelsNone')}</p>;
  return (
    <div class="labels">
      {now.map((label) => (
        <span key={label.id} class="label-chip">
          <i style={{ background: label.color }} /> {label.name}
          <button type="button" aria-label={`${t('remove')}: ${label.name}`} onClick={() => change(now.filter((one) => one.id !== label.id))}>
            <Icon name="close" size={12} />
          </button>
        </span>
      ))}
      <Popover label={t('labelAdd')} buttonClass="small" hasText button={<><Icon name="plus" size={14} /> {t('labelAdd')}</>}>
        {() => (
          <ul class="menu">
            {labels.value.map((label) => (
              <li key={label.id}>
                <label class="check">
                  <input
                    type="checkbox"
                    checked={isOn(label)}
                    onChange={() => change(isOn(label) ? now.filter((one) => one.id !== label.id) : [...now, label])}
                  />
                  <i class="label-dot" style={{ background: label.color }} /> {label.name}
                </label>
              </li>
            ))}
          </ul>
        )}
      </Popover>
    </div>
  );
}

function Waiting({ c }: { c: Conversation }) {
  const since = (iso: string | null | undefined, key: 'waitingSince' | 'assignedAt') =>
    iso ? (
      <div>
        <dt>{t(key)}</dt>
        <dd title={timeFull(iso)}>
          {when(iso)} ({span(iso, clock.value)})
        </dd>
      </div>
    ) : null;
  return (
    <dl class="facts">
      {c.state === 'waiting_agent' && since(c.waiting_since, 'waitingSince')}
      {c.owner === 'person' && since(c.assigned_at, 'assignedAt')}
      {c.deadline_at && (
        <div>
          <dt>{tx('deadline_', c.deadline_kind ?? '')}</dt>
          <dd>
            {when(c.deadline_at)} <Deadline c={c} />
          </dd>
        </div>
      )}
      {c.window_until && (
        <div>
          <dt>{t('window')}</dt>
          <dd>{Date.parse(c.window_until) > clock.value ? t('windowOpenUntil', { when: when(c.window_until) }) : t('windowShut')}</dd>
        </div>
      )}
      {c.skill && (
        <div>
          <dt>{t('skill')}</dt>
          <dd>{c.skill}</dd>
        </div>
      )}
    </dl>
  );
}

function HandoffPart({ c }: { c: Conversation }) {
  const collected = Object.entries(c.collected ?? {});
  if (!c.handoff_reason && !c.summary && collected.length === 0) return null;
  return (
    <Part title={t('handoff')}>
      {c.handoff_reason && (
        <p>
          <span class="badge warn">{has(`reason_${c.handoff_reason}`) ? tx('reason_', c.handoff_reason) : c.handoff_reason}</span>
        </p>
      )}
      {c.summary && <p class="summary">{c.summary}</p>}
      {collected.length > 0 && (
        <dl class="facts">
          {collected.map(([key, value]) => (
            <div key={key}>
              <dt>{key}</dt>
              <dd>{typeof value === 'string' ? value : JSON.stringify(value)}</dd>
            </div>
          ))}
        </dl>
      )}
    </Part>
  );
}

/** "script rule 4": words that are translated, and a number that stays. */
function because(words: string): string {
  const [, text = words, number = ''] = /^(.*?)( \d+)?$/.exec(words) ?? [];
  return tx('because_', text) + number;
}

function TurnView({ turn }: { turn: Turn }) {
  const how = turn.trace.decided;
  const why = turn.trace.dropped
    ? t(turn.trace.dropped === 'newer-message' ? 'dropped_newer' : 'dropped_owner')
    : how?.by === 'model'
      ? `${t('byModel')} ${how.model ?? ''} ${how.cause ?? ''}`
      : how
        ? `${t('byScript')} · ${how.node ?? ''} · ${because(how.because ?? '')}`
        : '';
  return (
    <li class={`turn ${turn.outcome}`}>
      <details>
        <summary>
          <time dateTime={turn.started_at}>{timeExact(turn.started_at)}</time> <strong>{tx('turn_', turn.outcome)}</strong>
          <span class="quiet">{why}</span>
        </summary>
        <p class="quiet">
          {turn.took_ms} ms
          {turn.prompt_tokens + turn.completion_tokens > 0 &&
            ` · ${turn.prompt_tokens} + ${turn.completion_tokens} ${t('tokens')} · ${(turn.cost_micros / 1e6).toFixed(4)}`}
        </p>
        {turn.trace.said?.map((said, i) => <blockquote key={i}>{said.content.text ?? said.content.caption ?? said.type}</blockquote>)}
      </details>
    </li>
  );
}

function Others({ c, lead }: { c: Conversation; lead: Lead | null }) {
  const rest = lead?.conversations.filter((one) => one.id !== c.id) ?? [];
  if (rest.length === 0) return null;
  return (
    <Part title={t('otherTalks')} isOpen={false}>
      <ul class="timeline">
        {rest.map((one) => (
          <li key={one.id}>
            <a href={hrefOf(one.id)}>
              {whenShort(one.last_at)} · {tx('state_', one.state)}
            </a>
          </li>
        ))}
      </ul>
    </Part>
  );
}

function Timeline({ steps }: { steps: LiveEvent[] }) {
  if (steps.length === 0) return null;
  return (
    <Part title={t('timeline')} isOpen={false}>
      <ol class="timeline">
        {steps
          .filter((step) => has(`step_${step.kind}`))
          .slice(-40)
          .reverse()
          .map((step) => (
            <li key={step.id}>
              <time dateTime={step.at} title={timeFull(step.at)}>
                {whenShort(step.at)} {whenShort(step.at) === time(step.at) ? '' : time(step.at)}
              </time>{' '}
              {tx('step_', step.kind)}
            </li>
          ))}
      </ol>
    </Part>
  );
}

export function Panel({ c, thread, onClose }: { c: Conversation; thread: Thread; onClose: () => void }) {
  const lead = useSignal<Lead | null>(null);
  useEffect(() => {
    let isOn = true;
    lead.value = null;
    void get<Lead>(`/leads/${c.lead.id}`).then((now) => isOn && (lead.value = now), () => undefined);
    return () => {
      isOn = false;
    };
  }, [c.lead.id]);
  return (
    <aside class="panel" aria-label={t('panel')}>
      <header>
        <Name c={c} />
        <button type="button" class="icon-button panel-close" aria-label={t('close')} onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <Part title={t('labels')}>
        <Labels c={c} />
      </Part>
      <HandoffPart c={c} />
      <Part title={t('contactPart')}>
        <Identity c={c} lead={lead.value} />
        <a href={`/app/leads/${c.lead.id}`}>{t('toLead')}</a>
      </Part>
      <Part title={t('times')}>
        <Waiting c={c} />
      </Part>
      <Others c={c} lead={lead.value} />
      <Part title={t('trace')} isOpen={false}>
        {thread.turns.value.length === 0 && <p class="quiet">{t('traceEmpty')}</p>}
        <ol class="turns">
          {thread.turns.value.map((turn) => (
            <TurnView key={turn.id} turn={turn} />
          ))}
        </ol>
      </Part>
      <Timeline steps={thread.timeline.value} />
    </aside>
  );
}
