// SPDX-License-Identifier: Apache-2.0
// The inbox: queues, list, thread and panel side by side, one after the other on a phone; and its keys.
import { signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { number } from '../../lib/format';
import { t, tn, tx } from '../../lib/i18n';
import { navigate, path } from '../../lib/router';
import { Icon, type IconName } from '../icons';
import { isHelpOpen, useShortcuts, type Shortcut } from '../keys';
import { Empty } from '../ui';
import { toggle } from './composer';
import { draftOf } from './draft';
import { hrefOf, steer, TalkList, wanted } from './list';
import { Panel } from './panel';
import { conversation, counts, isOver, labels, list, queue, QUEUES, startInbox } from './store';
import { doAct, ThreadView } from './thread';
import { threadOf } from './thread_store';

const ICONS: Record<string, IconName> = { mine: 'mine', waiting: 'waiting', bot: 'bot', people: 'people', all: 'all', closed: 'closed' };
const COUNTED = ['mine', 'waiting', 'bot', 'people'] as const;
const isCounted = (which: string): which is (typeof COUNTED)[number] => (COUNTED as readonly string[]).includes(which);

function Count({ n, isLoud }: { n: number | undefined; isLoud?: boolean }) {
  if (!n) return null;
  return (
    <span class={isLoud ? 'nav-count loud' : 'nav-count'}>
      {number(n)}
      <span class="sr"> {tn('talksOf', n)}</span>
    </span>
  );
}

export function InboxNav() {
  useEffect(startInbox, []);
  const here = path.value.startsWith('/app/inbox') ? queue.value : '';
  return (
    <>
      <ul class="nav-queues">
        {QUEUES.map((which) => (
          <li key={which}>
            <a href={`/app/inbox/${which}`} title={tx('queue_', which)} aria-current={here === which ? 'page' : undefined}>
              <Icon name={ICONS[which] ?? 'inbox'} />
              <span class="label">{tx('queue_', which)}</span>
              <Count n={isCounted(which) ? counts.value?.[which] : 0} isLoud={which === 'waiting'} />
            </a>
          </li>
        ))}
      </ul>
      {labels.value.length > 0 && (
        <ul class="nav-queues nav-labels" aria-label={t('labels')}>
          {labels.value.map((label) => (
            <li key={label.id}>
              <a href={`/app/inbox/label-${label.id}`} title={label.name} aria-current={here === `label-${label.id}` ? 'page' : undefined}>
                <i class="label-dot" style={{ background: label.color }} />
                <span class="label">{label.name}</span>
                <Count n={counts.value?.labels[label.id]} />
              </a>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

const isPanelOpen = signal(localStorage.getItem('prosa.panel') !== 'shut' && innerWidth > 1200);
function showPanel(now: boolean): void {
  isPanelOpen.value = now;
  if (innerWidth > 1200) localStorage.setItem('prosa.panel', now ? 'open' : 'shut');
}

/** The next conversation of the list gets the focus: from the one focused, else from the one open. */
function move(by: number, open: string): void {
  const rows = list.peek();
  const focused = document.activeElement?.closest<HTMLElement>('[data-row]')?.dataset.row;
  const from = rows.findIndex((c) => c.id === (focused ?? open));
  const next = rows[Math.min(rows.length - 1, Math.max(0, from + by))];
  if (!next) return;
  steer.toKey(next.id);
  requestAnimationFrame(() =>
    document.querySelector<HTMLElement>(`.talks [data-row="${CSS.escape(next.id)}"] a`)?.focus({ preventScroll: true }),
  );
}

function keysOf(open: string): Shortcut[] {
  const c = () => (open ? conversation(open) : undefined);
  const write = (mode: 'reply' | 'note') => {
    const now = c();
    if (!now) return;
    if (draftOf(now.id).mode.value !== mode) toggle(draftOf(now.id));
    else document.getElementById('reply')?.focus();
  };
  return [
    { keys: ['j', 'ArrowDown'], says: 'key_next', run: () => move(1, open) },
    { keys: ['k', 'ArrowUp'], says: 'key_before', run: () => move(-1, open) },
    {
      keys: ['Enter'],
      says: 'key_open',
      run: (e) => {
        const at = (e.target as Element).closest?.('a, button, summary') as HTMLElement | null;
        if (at) at.click();
        else if (list.peek()[0]) navigate(hrefOf(list.peek()[0]!.id));
      },
    },
    { keys: ['r'], says: 'key_reply', run: () => write('reply') },
    { keys: ['n'], says: 'key_note', run: () => write('note') },
    {
      keys: ['t'],
      says: 'key_take',
      run: () => {
        const now = c();
        if (now && now.owner !== 'person' && !isOver(now)) void doAct(now, 'take');
      },
    },
    {
      keys: ['e'],
      says: 'key_close',
      run: () => {
        const now = c();
        if (now && !isOver(now)) void doAct(now, 'close');
      },
    },
    { keys: ['/'], says: 'key_search', run: () => document.getElementById('search')?.focus() },
    { keys: ['p'], says: 'key_panel', run: () => showPanel(!isPanelOpen.value) },
    {
      keys: ['Escape'],
      says: 'key_escape',
      run: () => {
        if (wanted.value) wanted.value = '';
        else if (open) {
          navigate(`/app/inbox/${queue.value}`);
          requestAnimationFrame(() => document.querySelector<HTMLElement>(`.talks [data-row="${CSS.escape(open)}"] a`)?.focus());
        }
      },
    },
  ];
}

function Nothing() {
  return (
    <section class="thread nothing">
      <Empty icon="inbox" title={t('pick')}>
        <p>{t('pickHint')}</p>
        <button type="button" class="link" onClick={() => (isHelpOpen.value = true)}>
          {t('keysHint')}
        </button>
      </Empty>
    </section>
  );
}

export function Inbox({ conversation: open }: { queue: string; conversation: string }) {
  const keys = useMemo(() => keysOf(open), [open]);
  useShortcuts(keys);
  const c = open ? conversation(open) : undefined;
  const hasPanel = isPanelOpen.value && c;
  return (
    <main class={`inbox${open ? ' has-thread' : ''}${hasPanel ? ' has-panel' : ''}`} id="content" tabIndex={-1}>
      <TalkList open={open} />
      {open ? <ThreadView key={open} id={open} isPanelOpen={isPanelOpen.value} onPanel={() => showPanel(!isPanelOpen.value)} /> : <Nothing />}
      {hasPanel && <Panel key={open} c={c} thread={threadOf(open)} onClose={() => showPanel(false)} />}
    </main>
  );
}
