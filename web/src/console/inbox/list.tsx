// SPDX-License-Identifier: Apache-2.0
// The list: one line a conversation, newest activity first, of any length. And what search finds, as one types.
import { signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { get, search as query, type Conversation, type Message } from '../../lib/api';
import { clock, phone, span, whenShort } from '../../lib/format';
import { t, tn, tx } from '../../lib/i18n';
import { Icon } from '../icons';
import { Avatar, Empty, Failed, Loading } from '../ui';
import { Steer, Windowed } from '../window';
import { draftText } from './draft';
import type { Note } from './thread_store';
import { everyKnown, isMine, know, list, loadMore, nameOf, others, queue, QUEUES, reachOf } from './store';

export const nameOfLead = (c: Conversation): string =>
  c.lead.name ?? (c.lead.phone ? phone(c.lead.phone) : (c.lead.user_id ?? '?'));

export const steer = new Steer();
const ROW_PX = 70;

export function hrefOf(id: string): string {
  return `/app/inbox/${queue.value}/${id}`;
}

/** How near a deadline is, where one stands. */
export function Deadline({ c }: { c: Conversation }) {
  if (!c.deadline_at) return null;
  const isOverdue = Date.parse(c.deadline_at) < clock.value;
  return (
    <span class={isOverdue ? 'badge bad' : 'badge'} title={tx('deadline_', c.deadline_kind ?? '')}>
      {isOverdue ? t('overdue', { n: span(c.deadline_at) }) : t('dueIn', { n: span(c.deadline_at) })}
    </span>
  );
}

/** Who has it, as the list says it: nothing for one's own. */
function Holder({ c }: { c: Conversation }) {
  if (c.state === 'waiting_agent')
    return (
      <span class="badge warn">
        <Icon name="waiting" size={12} /> {t('waits', { n: span(c.waiting_since ?? c.last_at) })}
      </span>
    );
  if (c.owner === 'bot')
    return (
      <span class="holder" title={t('owner_bot')}>
        <Icon name="bot" size={15} />
        <span class="sr">{t('owner_bot')}</span>
      </span>
    );
  if (c.owner === 'person' && !isMine(c)) return <span class="holder">{c.owner_name || nameOf(c.owner_user) || t('owner_person')}</span>;
  if (c.state === 'agent_closed' || c.state === 'expired') return <span class="holder">{tx('state_', c.state)}</span>;
  return null;
}

function Labels({ c }: { c: Conversation }) {
  if (!c.labels?.length) return null;
  return (
    <span class="label-dots" title={c.labels.map((label) => label.name).join(', ')}>
      {c.labels.slice(0, 4).map((label) => (
        <i key={label.id} style={{ background: label.color }} />
      ))}
      <span class="sr">{c.labels.map((label) => label.name).join(', ')}</span>
    </span>
  );
}

function Talk({ c, isOpen }: { c: Conversation; isOpen: boolean }) {
  const name = nameOfLead(c);
  const unread = c.owner === 'bot' ? 0 : (c.unread ?? 0); // what the bot answers waits for nobody
  const written = draftText(c.id);
  const typing = Object.values(others.value).find((one) => one.conversation_id === c.id && one.typing);
  return (
    <a class={unread > 0 ? 'talk unread' : 'talk'} href={hrefOf(c.id)} aria-current={isOpen ? 'true' : undefined}>
      <Avatar name={name} />
      <span class="talk-name" dir="auto">
        {name}
      </span>
      <time dateTime={c.last_at}>{whenShort(c.last_at)}</time>
      <span class="talk-last" dir="auto">
        {typing ? (
          <em>{t('types', { name: typing.name })}</em>
        ) : written && !isOpen ? (
          <>
            <em>{t('draft')}</em> {written}
          </>
        ) : (
          c.last_text || t('noWords')
        )}
      </span>
      <span class="talk-marks">
        <Labels c={c} />
        <Holder c={c} />
        {unread > 0 && (
          <b class="count">
            {unread > 99 ? '99+' : unread}
            <span class="sr"> {tn('unreadOf', unread)}</span>
          </b>
        )}
      </span>
    </a>
  );
}

// --- search ----------------------------------------------------------------------------------------------------------------

export const wanted = signal('');
/** matches: where they begin and how long they are. */
interface Snippet {
  text: string;
  matches: [number, number][];
}
interface Found {
  conversations: Conversation[];
  messages: (Message & { snippet: Snippet })[];
  notes: (Note & { conversation_id: string; snippet: Snippet })[];
}
const SOON_MS = 180;

const plain = (text: string): string => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
const fits = (c: Conversation, words: string): boolean =>
  plain(`${c.lead.name ?? ''} ${c.last_text}`).includes(words) ||
  (/^[\d\s+()-]{3,}$/.test(words) && (c.lead.phone ?? '').includes(words.replace(/\D/g, '')));

function Marked({ snippet }: { snippet: Snippet }) {
  let at = 0;
  const parts = snippet.matches.map(([from, length]) => {
    const before = snippet.text.slice(at, from);
    at = from + length;
    return (
      <>
        {before}
        <mark>{snippet.text.slice(from, at)}</mark>
      </>
    );
  });
  return (
    <span dir="auto">
      {parts}
      {snippet.text.slice(at)}
    </span>
  );
}

function Hit({ to, at, snippet }: { to: string; at: string; snippet: Snippet }) {
  return (
    <a class="hit" href={to}>
      <time dateTime={at}>{whenShort(at)}</time>
      <Marked snippet={snippet} />
    </a>
  );
}

function Results({ open }: { open: string }) {
  const words = wanted.value.trim();
  const found = useSignal<Found | null>(null);
  const problem = useSignal<unknown>(null);
  useEffect(() => {
    const stop = new AbortController();
    const timer = setTimeout(() => {
      get<Found>(`/search${query({ q: words })}`, { signal: stop.signal }).then(
        (now) => {
          know(...now.conversations);
          found.value = now;
          problem.value = null;
        },
        (why: unknown) => {
          if (!stop.signal.aborted) problem.value = why;
        },
      );
    }, SOON_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [words]);
  const here = everyKnown()
    .filter((c) => fits(c, plain(words)) || found.value?.conversations.some((other) => other.id === c.id))
    .sort((a, b) => (a.last_at < b.last_at ? 1 : -1))
    .slice(0, 50);
  const said = found.value?.messages ?? [];
  const noted = found.value?.notes ?? [];
  return (
    <div class="results" aria-live="polite">
      {problem.value !== null && <Failed why={problem.value} />}
      {here.length === 0 && said.length === 0 && noted.length === 0 && <Empty icon="search" title={t('searchNothing')}>{t('searchHint')}</Empty>}
      {here.map((c) => (
        <Talk key={c.id} c={c} isOpen={c.id === open} />
      ))}
      {said.length > 0 && <h3>{t('searchMessages')}</h3>}
      {said.map((m) => (
        <Hit key={m.id} to={`${hrefOf(m.conversation_id)}?at=${m.id}`} at={m.created_at} snippet={m.snippet} />
      ))}
      {noted.length > 0 && <h3>{t('searchNotes')}</h3>}
      {noted.map((note) => (
        <Hit key={note.id} to={`${hrefOf(note.conversation_id)}?at=n${note.id}`} at={note.created_at} snippet={note.snippet} />
      ))}
    </div>
  );
}

/** What to do where a queue is empty. */
function Nothing() {
  const which = queue.value;
  const name = (QUEUES as readonly string[]).includes(which) ? which : 'label';
  return (
    <Empty icon={name === 'waiting' ? 'check' : 'inbox'} title={tx('empty_', name)}>
      {tx('emptyHint_', name)}
    </Empty>
  );
}

export function TalkList({ open }: { open: string }) {
  const which = queue.value;
  const reach = reachOf(which);
  const items = list.value;
  useEffect(() => {
    if (reachOf(which).next === '') void loadMore(which);
  }, [which]);
  return (
    <section class="list" aria-label={t('list')}>
      {!open && <h1 class="sr">{t('navInbox')}</h1>}
      <search>
        <div class="search">
          <Icon name="search" size={16} />
          <input
            id="search"
            type="search"
            aria-label={t('searchAll')}
            placeholder={t('searchAll')}
            value={wanted.value}
            onInput={(e) => (wanted.value = e.currentTarget.value)}
            onKeyDown={(e) => {
              if (e.key !== 'Escape') return;
              wanted.value = '';
              e.currentTarget.blur();
            }}
          />
        </div>
      </search>
      {wanted.value.trim() ? (
        <Results open={open} />
      ) : (
        <>
          {reach.problem !== null && <Failed why={reach.problem} onRetry={() => void loadMore(which)} />}
          {items.length === 0 && (reach.isDone ? <Nothing /> : reach.problem === null && <Loading />)}
          <Windowed
            key={which}
            items={items}
            keyOf={(c) => c.id}
            guess={() => ROW_PX}
            row={(c) => <Talk c={c} isOpen={c.id === open} />}
            steer={steer}
            onNearEnd={() => reachOf(which).problem === null && void loadMore(which)}
            attributes={{ class: 'talks', role: 'list', 'aria-label': tx('queue_', which), hidden: items.length === 0 }}
          />
        </>
      )}
    </section>
  );
}
