// SPDX-License-Identifier: Apache-2.0
// One line of the thread: a bubble with its sender, fate and what can be done about it; a note; a step; a day.
import { useSignal } from '@preact/signals';
import { post, type LiveEvent, type Message } from '../../lib/api';
import { day, phone, time, timeFull } from '../../lib/format';
import { has, t, tx } from '../../lib/i18n';
import { whyOf } from '../../lib/why';
import { Icon } from '../icons';
import { may, user } from '../session';
import { toastProblem } from '../ui';
import { gist, Says } from './content';
import { Note } from './notes';
import type { Reaction, Row } from './rows';
import { conversation, isOthers, nameOf } from './store';
import type { Outgoing, Thread } from './thread_store';

const MARKS: Record<string, string> = { sent: '✓', delivered: '✓✓', read: '✓✓', played: '✓✓', failed: '!', uncertain: '?', cancelled: '✕' };

export function Ticks({ status }: { status: string }) {
  const says = tx('st_', status);
  const isOnItsWay = status === 'queued' || status === 'sending' || status === 'local';
  return (
    <span class={`ticks ${status}`} role="img" aria-label={says} title={says}>
      {isOnItsWay ? <Icon name="waiting" size={13} /> : (MARKS[status] ?? '')}
    </span>
  );
}

function whoSaid(m: Message): string {
  if (m.owner === 'customer') return '';
  if (m.owner === 'bot') return t('owner_bot');
  if (m.owner === 'system') return t('owner_system');
  if (!m.owner_user) return t('fromPhone');
  if (m.owner_user === user.value?.id) return t('you');
  return m.owner_name || nameOf(m.owner_user) || t('owner_person');
}

export function Quote({ quoted, isKnown, onGo }: { quoted: Message | null; isKnown: boolean; onGo: (id: string) => void }) {
  if (!quoted) return isKnown ? <p class="quote quiet">{t('quoteAway')}</p> : null;
  return (
    <button type="button" class="quote" aria-label={`${t('quoteGo')}: ${gist(quoted)}`} onClick={() => onGo(quoted.id)}>
      <strong>{quoted.owner === 'customer' ? t('owner_customer') : whoSaid(quoted)}</strong>
      <span>{gist(quoted)}</span>
    </button>
  );
}

/** What a person decides about a message that failed, or of which nobody knows. */
function Settle({ message, thread }: { message: Message; thread: Thread }) {
  const isBusy = useSignal(false);
  const how = async (word: 'sent' | 'failed' | 'resend') => {
    isBusy.value = true;
    try {
      thread.upsert(await post<Message>(`/messages/${message.id}/settle`, { how: word }));
    } catch (why) {
      toastProblem(why);
    }
    isBusy.value = false;
  };
  const isUncertain = message.status === 'uncertain';
  const c = conversation(message.conversation_id);
  const maySpeak = may('supervisor') || !c || !isOthers(c);
  return (
    <div class="fate">
      <p>{isUncertain ? t('uncertainWhy') : (whyOf(message.error) || t('failedWhy'))}</p>
      <div>
        {isUncertain && (
          <>
            <button type="button" class="small" disabled={isBusy.value} onClick={() => void how('sent')}>
              {t('settleSent')}
            </button>
            <button type="button" class="small" disabled={isBusy.value} onClick={() => void how('failed')}>
              {t('settleFailed')}
            </button>
          </>
        )}
        {maySpeak && (
          <button type="button" class="small" disabled={isBusy.value} onClick={() => void how('resend')}>
            <Icon name="retry" size={14} /> {t('resend')}
          </button>
        )}
        <a href={`/app/messages/${message.id}`}>{t('life')}</a>
      </div>
    </div>
  );
}

function Reactions({ on }: { on: Reaction[] }) {
  if (on.length === 0) return null;
  return (
    <span class="reactions" role="img" aria-label={on.map((one) => `${tx('owner_', one.who)}: ${one.emoji}`).join(', ')}>
      {on.map((one) => one.emoji).join(' ')}
    </span>
  );
}

type MessageRow = Extract<Row, { kind: 'message' }>;

function Meta({ message }: { message: Message }) {
  return (
    <span class="meta">
      {message.edited_at && <span>{t('edited')}</span>}
      <time dateTime={message.created_at} title={timeFull(message.created_at)}>
        {time(message.created_at)}
      </time>
      {message.direction === 'out' && <Ticks status={message.status} />}
    </span>
  );
}

export function MessageBubble({ row, thread, onReply, onGo }: { row: MessageRow; thread: Thread; onReply: (m: Message) => void; onGo: (id: string) => void }) {
  const { message, isFirst, reactions, quoted } = row;
  const side = message.direction === 'in' ? 'theirs' : 'ours';
  const who = whoSaid(message);
  const needsCare = message.direction === 'out' && (message.status === 'failed' || message.status === 'uncertain');
  return (
    <div class={`line ${side}${isFirst ? ' first' : ''}`}>
      <article class={`bubble by-${message.owner} is-${message.status}`} aria-label={who || t('owner_customer')}>
        {isFirst && who && <p class="who">{who}</p>}
        <Quote quoted={quoted} isKnown={Boolean(message.reply_to)} onGo={onGo} />
        {message.revoked_at && <p class="kind">{t('revoked')}</p>}
        <div class={message.revoked_at ? 'revoked' : ''}>
          <Says type={message.type} text={message.text} content={message.content} media={message.media ?? null} />
        </div>
        <Meta message={message} />
        <Reactions on={reactions} />
        {needsCare && <Settle message={message} thread={thread} />}
      </article>
      {message.provider_message_id && (
        <span class="line-actions">
          <button type="button" class="icon-button" aria-label={t('replyTo')} title={t('replyTo')} onClick={() => onReply(message)}>
            <Icon name="reply" size={16} />
          </button>
          <a class="icon-button" href={`/app/messages/${message.id}`} aria-label={t('life')} title={t('life')}>
            <Icon name="more" size={16} />
          </a>
        </span>
      )}
    </div>
  );
}

export function OutgoingBubble({ outgoing, quoted, thread, onGo }: { outgoing: Outgoing; quoted: Message | null; thread: Thread; onGo: (id: string) => void }) {
  return (
    <div class="line ours first">
      <article class={`bubble by-person is-local is-${outgoing.state}`} aria-label={t('you')}>
        <Quote quoted={quoted} isKnown={false} onGo={onGo} />
        <Says type={outgoing.type} text={outgoing.text} content={outgoing.content} media={null} />
        <span class="meta">
          <time dateTime={outgoing.at}>{time(outgoing.at)}</time>
          <Ticks status={outgoing.state === 'failed' ? 'failed' : 'local'} />
        </span>
        {outgoing.problem && (
          <div class="fate" role="alert">
            <p>{outgoing.state === 'waiting' ? t('outgoingWaits') : outgoing.problem}</p>
            <div>
              <button type="button" class="small" onClick={() => thread.retry(outgoing.clientId)}>
                <Icon name="retry" size={14} /> {t('retry')}
              </button>
              <button type="button" class="small" onClick={() => thread.drop(outgoing.clientId)}>
                {t('discard')}
              </button>
            </div>
          </div>
        )}
      </article>
    </div>
  );
}

/** What happened, in words; a reason or a name where the event has one. */
function stepWords(step: LiveEvent): string {
  const data = step.data as { user?: string; user_name?: string; reason?: string; by?: string; to?: string; name?: string; kind?: string };
  const who = data.user_name || nameOf(data.user) || (data.by === 'phone' ? t('fromPhone') : '');
  const base = tx('step_', step.kind);
  const reason = data.reason ? (has(`reason_${data.reason}`) ? tx('reason_', data.reason) : data.reason) : '';
  return [base, who, reason].filter(Boolean).join(' · ');
}

export function Line({ row, thread, customer, onReply, onGo }: { row: Row; thread: Thread; customer: string; onReply: (m: Message) => void; onGo: (id: string) => void }) {
  switch (row.kind) {
    case 'day':
      return (
        <h2 class="day">
          <span>{day(row.at)}</span>
        </h2>
      );
    case 'start':
      return <p class="step">{t('threadStart', { name: /^\d+$/.test(customer) ? phone(customer) : customer })}</p>;
    case 'step':
      return (
        <p class="step">
          {stepWords(row.step)} <time dateTime={row.step.at}>{time(row.step.at)}</time>
        </p>
      );
    case 'note':
      return <Note note={row.note} thread={thread} />;
    case 'outgoing':
      return <OutgoingBubble outgoing={row.outgoing} quoted={row.quoted} thread={thread} onGo={onGo} />;
    case 'message':
      return <MessageBubble row={row} thread={thread} onReply={onReply} onGo={onGo} />;
  }
}
