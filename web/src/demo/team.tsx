// SPDX-License-Identifier: Apache-2.0
// The conversation as the team sees it, why the bot said what it said, and every step with its time.
import type { Conversation, Message, Turn } from './api';
import { t, time, timeExact, tx, when } from './i18n';
import { DayMark, Scroll, Send, Ticks, Words } from './parts';
import { act, choose, conversation, draft, events, messages, reply, talks, teamError, turns } from './store';

function MessageView({ message, before }: { message: Message; before: Message | undefined }) {
  const { content } = message;
  const choices = [...(content.buttons ?? []), ...(content.sections?.flatMap((section) => section.rows) ?? [])];
  return (
    <>
      <DayMark at={message.created_at} before={before?.created_at} />
      <div class={`bubble ${message.direction === 'in' ? 'theirs' : 'mine'} by-${message.owner}`}>
        <span class="who">{tx('owner_', message.owner)}</span>
        {message.revoked_at && <span class="meta">{t('revoked')}</span>}
        <Words type={message.type} text={message.text} content={content} />
        {choices.length > 0 && (
          <ul class="chips">
            {choices.map((choice) => (
              <li key={choice.id}>{choice.title}</li>
            ))}
          </ul>
        )}
        <span class="meta">
          {time(message.created_at)} {message.direction === 'out' && <Ticks status={message.status} />}
        </span>
        {message.error && <p class="problem">{message.error.reason}</p>}
      </div>
    </>
  );
}

/* The button pressed goes away with what it did, so the focus moves to where the work goes on. */
async function take() {
  await act('take');
  document.getElementById('reply')?.focus();
}

async function leave(how: 'release' | 'close') {
  await act(how);
  document.getElementById('team-title')?.focus();
}

function Talk({ talk }: { talk: Conversation }) {
  const isCurrent = talk.id === conversation.value?.id;
  const name = talk.lead.name ?? talk.lead.phone ?? '?';
  return (
    <li>
      <button type="button" aria-current={isCurrent ? 'true' : undefined} onClick={() => choose(talk)}>
        <span class={`initial ${talk.state}`} aria-hidden="true">
          {name.slice(0, 1)}
        </span>
        <span class="who">{name}</span>
        <span class="sr">, {tx('state_', talk.state)}</span>
        <span class="last">{talk.last_text}</span>
      </button>
    </li>
  );
}

function Talks() {
  if (talks.value.length < 2) return null;
  return (
    <nav class="talks" aria-label={t('talks')}>
      <ul>
        {talks.value.map((talk) => (
          <Talk key={talk.id} talk={talk} />
        ))}
      </ul>
    </nav>
  );
}

function Actions() {
  const c = conversation.value;
  if (!c || c.state === 'agent_closed' || c.state === 'expired') return null;
  return (
    <div class="actions">
      {c.owner !== 'person' && (
        <button type="button" class="primary" onClick={() => void take()}>
          {t('take')}
        </button>
      )}
      {c.owner !== 'bot' && (
        <button type="button" onClick={() => void leave('release')}>
          {t('release')}
        </button>
      )}
      <button type="button" onClick={() => void leave('close')}>
        {t('closeTalk')}
      </button>
    </div>
  );
}

function Head() {
  const c = conversation.value;
  return (
    <header>
      <div>
        <h2 id="team-title" tabIndex={-1}>
          <span class="sr">{t('team')}: </span>
          {c ? (c.lead.name ?? c.lead.phone) : t('team')}
        </h2>
        {c && (
          <p aria-live="polite">
            <span class={`badge ${c.state}`} data-state={c.state}>
              {tx('state_', c.state)}
            </span>
            <span>
              {t('answeredBy')}: <strong>{tx('owner_', c.owner)}</strong>
            </span>
            {c.window_until && (
              <span class="quiet">
                {t('window')} {when(c.window_until)}
              </span>
            )}
            {c.handoff_reason && (
              <span class="quiet">
                {t('reason')}: {c.handoff_reason}
              </span>
            )}
          </p>
        )}
      </div>
      <Actions />
    </header>
  );
}

function Reply() {
  const c = conversation.value;
  const isClosed = !c || c.state === 'agent_closed' || c.state === 'expired';
  return (
    <form
      class="compose"
      onSubmit={(e) => {
        e.preventDefault();
        void reply();
      }}
    >
      <input
        id="reply"
        aria-label={t('reply')}
        aria-describedby="reply-hint"
        placeholder={t('reply')}
        autocomplete="off"
        disabled={isClosed}
        value={draft.value}
        onInput={(e) => (draft.value = e.currentTarget.value)}
      />
      <button type="submit" aria-label={`${t('send')}: ${t('reply')}`} title={t('send')} disabled={isClosed}>
        <Send />
      </button>
      <p id="reply-hint" class="quiet">
        {t('replyHint')}
      </p>
    </form>
  );
}

/** "script rule 4": words that are translated, and a number that stays. */
function because(words: string): string {
  const [, text = words, number = ''] = /^(.*?)( \d+)?$/.exec(words) ?? [];
  return tx('because_', text) + number;
}

function Decided({ turn }: { turn: Turn }) {
  const how = turn.trace.decided;
  if (turn.trace.dropped)
    return <>{turn.trace.dropped === 'newer-message' ? t('dropped_newer') : t('dropped_owner')}</>;
  if (!how) return null;
  if (how.by === 'model')
    return (
      <>
        {t('byModel')} {how.model} {how.cause}
      </>
    );
  return (
    <>
      {t('byScript')} · <code>{how.node}</code> · {because(how.because ?? '')}
    </>
  );
}

function TurnView({ turn }: { turn: Turn }) {
  return (
    <li class={turn.outcome}>
      <details>
        <summary>
          <time>{timeExact(turn.started_at)}</time> <strong>{tx('turn_', turn.outcome)}</strong>
          <span class="quiet">
            <Decided turn={turn} />
          </span>
        </summary>
        <dl>
          <dt>{t('messages')}</dt>
          <dd>
            {turn.trace.saw?.inbound} ({turn.trace.saw?.answered} ✓)
          </dd>
          <dt>{t('took')}</dt>
          <dd>{turn.took_ms} ms</dd>
          {turn.prompt_tokens + turn.completion_tokens > 0 && (
            <>
              <dt>{t('tokens')}</dt>
              <dd>
                {turn.prompt_tokens} + {turn.completion_tokens} · {(turn.cost_micros / 1e6).toFixed(4)}
              </dd>
            </>
          )}
        </dl>
        {turn.trace.said?.map((said) => (
          <blockquote>{said.content.text ?? said.content.caption ?? said.type}</blockquote>
        ))}
      </details>
    </li>
  );
}

function Trace() {
  return (
    <section class="trace" aria-labelledby="trace-title">
      <h3 id="trace-title">{t('trace')}</h3>
      {turns.value.length === 0 && <p class="quiet">{t('traceEmpty')}</p>}
      <ol>
        {turns.value.map((turn) => (
          <TurnView key={turn.id} turn={turn} />
        ))}
      </ol>
    </section>
  );
}

function Steps() {
  const steps = events.value.slice(-60).reverse();
  return (
    <section class="steps" aria-labelledby="steps-title">
      <h3 id="steps-title">{t('events')}</h3>
      {steps.length === 0 && <p class="quiet">{t('eventsEmpty')}</p>}
      <ol tabIndex={0} aria-labelledby="steps-title">
        {steps.map((step) => (
          <li key={step.cursor} class={step.kind === 'message.status_ignored' ? 'minor' : ''}>
            <time>{timeExact(step.at)}</time> <span title={step.kind}>{tx('kind_', step.kind)}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

export function TeamView() {
  const list = messages.value;
  return (
    <section class="team" id="team" aria-labelledby="team-title">
      <Talks />
      <Head />
      <div class="thread">
        <Scroll label={t('team')} size={list.length}>
          {!conversation.value && (
            <div class="empty">
              <p>{t('teamEmpty')}</p>
            </div>
          )}
          {list.map((message, i) => (
            <MessageView key={message.id} message={message} before={list[i - 1]} />
          ))}
        </Scroll>
        {teamError.value && (
          <p class="problem" role="alert">
            {teamError.value}
          </p>
        )}
        <Reply />
      </div>
      <aside>
        <Trace />
        <Steps />
      </aside>
    </section>
  );
}
