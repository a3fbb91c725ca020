// SPDX-License-Identifier: Apache-2.0
// One conversation: who it is with and who has it, what was said, and where one writes.
import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { isStatus, type Conversation, type Message } from '../../lib/api';
import { t, tn, tx } from '../../lib/i18n';
import { setDoing } from '../../lib/live';
import { query } from '../../lib/router';
import { Icon } from '../icons';
import { may } from '../session';
import { Empty, Failed, Loading, Popover, toast, toastProblem } from '../ui';
import { Steer, Windowed } from '../window';
import { Line } from './bubble';
import { Composer } from './composer';
import { attach, draftOf } from './draft';
import { Deadline, nameOfLead } from './list';
import { rowsOf, type Row } from './rows';
import { act, conversation, handOver, holderIn, isMine, isOver, markRead, nameOf, others, queue, refresh, team, type Act } from './store';
import { LEAP, threadOf, type Thread } from './thread_store';

/** Who has it instead says more than that it could not be done. */
function tellRefusal(c: Conversation, why: unknown): void {
  const holder = isStatus(why, 409) ? holderIn(why) || nameOf(conversation(c.id)?.owner_user) : '';
  if (holder) toast(t('takenBy', { name: holder }), true);
  else toastProblem(why);
}

export async function doAct(c: Conversation, what: Act): Promise<void> {
  try {
    await act(c, what);
    toast(t(`done_${what}`));
  } catch (why) {
    tellRefusal(c, why);
  }
}

function Owner({ c }: { c: Conversation }) {
  if (isOver(c)) return <span class="badge">{tx('state_', c.state)}</span>;
  if (c.owner === 'bot')
    return (
      <span class="badge accent">
        <Icon name="bot" size={13} /> {t('owner_bot')}
      </span>
    );
  if (c.owner === 'none')
    return (
      <span class="badge warn">
        <Icon name="waiting" size={13} /> {tx('state_', c.state)}
      </span>
    );
  return <span class="badge accent">{isMine(c) ? t('withYou') : t('withName', { name: c.owner_name || nameOf(c.owner_user) || t('owner_person') })}</span>;
}

/** Others of the team who have this conversation open now. */
function Viewers({ id }: { id: string }) {
  const here = Object.values(others.value).filter((one) => one.conversation_id === id);
  const typing = here.filter((one) => one.typing).map((one) => one.name);
  const names = here.map((one) => one.name).join(', ');
  return (
    <span class="viewers" role="status">
      {typing.length > 0 ? t('types', { name: typing.join(', ') }) : names ? <><Icon name="eye" size={14} /> {t('views', { name: names })}</> : ''}
    </span>
  );
}

function HandOver({ c }: { c: Conversation }) {
  const give = async (to: string | null, close: () => void) => {
    close();
    try {
      await handOver(c, to);
      toast(t(to ? 'done_assign' : 'done_queue'));
    } catch (why) {
      tellRefusal(c, why);
    }
  };
  return (
    <Popover label={t('assign')} button={<Icon name="people" />}>
      {(close) => (
        <ul class="menu people">
          <li>
            <button type="button" onClick={() => void give(null, close)}>
              {t('toQueue')}
            </button>
          </li>
          {team.value.map((one) => (
            <li key={one.id}>
              <button type="button" disabled={one.id === c.owner_user} onClick={() => void give(one.id, close)}>
                {one.name} <span class="quiet">{tx('presence_', one.presence)} · {one.open}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </Popover>
  );
}

function Head({ c, isPanelOpen, onPanel }: { c: Conversation; isPanelOpen: boolean; onPanel: () => void }) {
  return (
    <header class="thread-head">
      <a class="icon-button back" href={`/app/inbox/${queue.value}`} aria-label={t('back')}>
        <Icon name="back" />
      </a>
      <div class="thread-title">
        <h1 dir="auto" id="thread-title" tabIndex={-1}>
          {nameOfLead(c)}
        </h1>
        <p>
          <Owner c={c} />
          <Deadline c={c} />
          <Viewers id={c.id} />
        </p>
      </div>
      <div class="thread-actions">
        {!isOver(c) && c.owner !== 'person' && (
          <button type="button" class="primary" onClick={() => void doAct(c, 'take')}>
            {t('take')}
          </button>
        )}
        {!isOver(c) && c.owner !== 'bot' && (c.owner !== 'person' || isMine(c) || may('supervisor')) && (
          <button type="button" onClick={() => void doAct(c, 'release')}>
            {t('release')}
          </button>
        )}
        {!isOver(c) && (isMine(c) || c.owner !== 'person' || may('supervisor')) && (
          <button type="button" onClick={() => void doAct(c, 'close')}>
            {t('closeTalk')}
          </button>
        )}
        {!isOver(c) && team.value.length > 1 && (isMine(c) || c.owner !== 'person' || may('supervisor')) && <HandOver c={c} />}
        <button type="button" class="icon-button" aria-label={t('panel')} title={t('panel')} aria-pressed={isPanelOpen} onClick={onPanel}>
          <Icon name="panel" />
        </button>
      </div>
    </header>
  );
}

const CHARS_A_LINE = 52;
function guess(row: Row): number {
  switch (row.kind) {
    case 'message': {
      const lines = Math.ceil((row.message.text.length + 1) / CHARS_A_LINE);
      return 40 + lines * 20 + (row.isFirst ? 22 : 0) + (row.message.media ? 200 : 0);
    }
    case 'outgoing':
    case 'note':
      return 80;
    default:
      return 34;
  }
}

/** The message an address asks for (?at=): found, page by page, however far back. */
function useAsked(asked: string | null, thread: Thread, steer: Steer, rows: Row[]): void {
  const done = useRef('');
  useEffect(() => {
    if (!asked || done.current === asked || !thread.isReady.value) return;
    if (rows.some((row) => row.key === asked)) {
      done.current = asked;
      steer.toKey(asked, 'middle');
    } else {
      void thread.loadOlder(LEAP);
    }
  }, [asked, rows, thread.isReady.value]);
}

function Log({ c, thread, steer }: { c: Conversation; thread: Thread; steer: Steer }) {
  const rows = useComputed(() => rowsOf(thread)).value;
  const draft = draftOf(c.id);
  const go = (id: string) => steer.toKey(id, 'middle');
  const reply = (m: Message) => {
    draft.quoting.value = m;
    draft.mode.value = 'reply';
    document.getElementById('reply')?.focus();
  };
  const asked = query.value.get('at');
  useAsked(asked, thread, steer, rows);
  useEffect(() => {
    if (steer.isAtEnd.value) thread.unseen.value = 0;
  }, [steer.isAtEnd.value, thread.unseen.value]);
  return (
    <>
      {thread.isLoadingOlder.value && (
        <p class="older" role="status">
          {t('loading')}
        </p>
      )}
      <Windowed
        items={rows}
        keyOf={(row) => row.key}
        guess={guess}
        row={(row) => (
          <div class={row.key === asked ? 'asked' : undefined}>
            <Line row={row} thread={thread} customer={nameOfLead(c)} onReply={reply} onGo={go} />
          </div>
        )}
        steer={steer}
        sticksToEnd
        onNearStart={() => thread.problem.peek() === null && void thread.loadOlder()}
        attributes={{ class: 'log', id: 'thread', role: 'log', tabIndex: 0, 'aria-label': t('messages') }}
      />
      {!steer.isAtEnd.value && (
        <button type="button" class="to-end" onClick={() => steer.toEnd()}>
          <Icon name="down" size={16} /> {thread.unseen.value > 0 ? tn('newOf', thread.unseen.value) : t('toEnd')}
        </button>
      )}
    </>
  );
}

function useDrop(id: string) {
  const isOver = useSignal(false);
  const hasFiles = (e: DragEvent) => Boolean(e.dataTransfer?.types.includes('Files'));
  return {
    isOver,
    handlers: {
      onDragOver: (e: DragEvent) => {
        if (!hasFiles(e)) return;
        e.preventDefault();
        isOver.value = true;
      },
      onDragLeave: (e: DragEvent) => {
        if (!(e.currentTarget as Element).contains(e.relatedTarget as Node | null)) isOver.value = false;
      },
      onDrop: (e: DragEvent) => {
        if (!hasFiles(e)) return;
        e.preventDefault();
        isOver.value = false;
        attach(draftOf(id), e.dataTransfer?.files ?? []);
      },
    },
  };
}

/** While it is in front of someone, it is read. */
function useRead(c: Conversation | undefined): void {
  const unread = c?.unread ?? 0;
  useEffect(() => {
    if (!c || unread === 0) return;
    const see = () => document.visibilityState === 'visible' && void markRead(c);
    see();
    document.addEventListener('visibilitychange', see);
    return () => document.removeEventListener('visibilitychange', see);
  }, [c?.id, unread]);
}

export function ThreadView({ id, isPanelOpen, onPanel }: { id: string; isPanelOpen: boolean; onPanel: () => void }) {
  const thread = threadOf(id);
  const steer = useMemo(() => new Steer(), [id]);
  const c = conversation(id);
  const drop = useDrop(id);
  useRead(c);
  useEffect(() => {
    setDoing(id, false);
    if (!conversation(id)) void refresh(id).catch(() => undefined);
    return () => setDoing(null, false);
  }, [id]);
  const why = thread.problem.value;
  if (isStatus(why, 404, 400))
    return (
      <section class="thread">
        <Empty title={t('noSuch')}>
          <a href="/app/inbox/mine">{t('toInbox')}</a>
        </Empty>
      </section>
    );
  if (!c)
    return (
      <section class="thread">{why ? <Failed why={why} onRetry={() => void thread.load()} /> : <Loading />}</section>
    );
  return (
    <section class={drop.isOver.value ? 'thread dropping' : 'thread'} aria-labelledby="thread-title" {...drop.handlers}>
      <Head c={c} isPanelOpen={isPanelOpen} onPanel={onPanel} />
      <div class="log-area">
        {why !== null && <Failed why={why} onRetry={() => void thread.load()} />}
        {thread.isReady.value ? <Log key={id} c={c} thread={thread} steer={steer} /> : why === null && <Loading />}
      </div>
      <Composer key={id} c={c} thread={thread} onSent={() => steer.toEnd()} />
      {drop.isOver.value && <p class="drop-here">{t('dropHere')}</p>}
    </section>
  );
}
