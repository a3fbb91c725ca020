// SPDX-License-Identifier: Apache-2.0
// What went wrong, grouped by cause; a group's items can be looked at, tried again, or settled.
import { useSignal, type Signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { get, post, search, told, type List, type Message } from '../../lib/api';
import { bytes, number, when } from '../../lib/format';
import { t } from '../../lib/i18n';
import { onEvent } from '../../lib/live';
import { query } from '../../lib/router';
import { whyOf, whyOfCause } from '../../lib/why';
import { Icon } from '../icons';
import { Empty, Failed, Loading, toast, toastProblem, When } from '../ui';
import { Head, Raw, Show, useData } from './kit';
import { hasWord, w, wn, wx } from './words';
import type { PageProps } from './index';

type Area = 'inbox' | 'jobs' | 'sends' | 'uncertain' | 'webhooks';
const AREAS: Area[] = ['uncertain', 'sends', 'inbox', 'jobs', 'webhooks'];

interface Group {
  area: Area;
  kind: string | null;
  cause: string;
  reason: string;
  about?: string; // what kind stands for, where that is an id
  count: number;
  oldest_at: string;
  newest_at: string;
}

interface Call {
  id: string;
  provider: string;
  state: string;
  cause: string | null;
  reason: string | null;
  bytes: number;
  received_at: string;
}

interface Job {
  id: string;
  kind: string;
  state: string;
  cause: string | null;
  reason: string | null;
  attempts: number;
  payload: string;
  updated_at: string;
}

interface Delivery {
  id: string;
  type: string;
  attempts: number;
  status: number | null;
  reason: string | null;
  created_at: string;
}

type Item = Call | Job | Message | Delivery;
type How = 'sent' | 'failed' | 'resend';

const keyOf = (g: { area: string; kind: string | null; cause: string }) => `${g.area}|${g.kind ?? ''}|${g.cause}`;
const hrefOf = (g: Group) => `/app/failures/${g.area}${search({ kind: g.kind ?? '', cause: g.cause })}`;
/** Why, in the reader's language where the cause has words in it. */
const wordsOf = (one: { cause?: string | null; reason: string | null }): string | null =>
  one.cause && hasWord(`cause_${one.cause}`) ? wx('cause_', one.cause) : whyOfCause(one.cause ?? '') || one.reason;
/** Whether its cause has words in the reader's language. */
const isTold = (g: Group): boolean => hasWord(`cause_${g.cause}`) || whyOfCause(g.cause) !== '';
function titleOf(g: Group): string {
  if (hasWord(`cause_${g.cause}`)) return wx('cause_', g.cause);
  const why = whyOfCause(g.cause);
  if (why && (g.area === 'sends' || g.area === 'uncertain')) return why;
  return hasWord(`title_${g.area}`) ? wx('title_', g.area) : g.reason || g.cause;
}

/* --- groups ------------------------------------------------------------------------------------------------------- */

function GroupRow({ group, isHere }: { group: Group; isHere: boolean }) {
  return (
    <li>
      <a class="group" href={hrefOf(group)} aria-current={isHere ? 'true' : undefined}>
        <span class="group-title">{titleOf(group)}</span>
        <span class="badge bad" aria-label={wn('items', group.count)}>
          {number(group.count)}
        </span>
        <span class="group-about quiet">
          {group.about ?? (group.kind && hasWord(`kind_${group.kind}`) ? wx('kind_', group.kind) : group.kind)}
          {group.kind ? ' · ' : ''}
          {w('since', { when: when(group.oldest_at) })}
          {group.count > 1 ? ` · ${w('lastAt', { when: when(group.newest_at) })}` : ''}
        </span>
      </a>
    </li>
  );
}

function Groups({ groups, chosen }: { groups: Group[]; chosen: string }) {
  return (
    <div class="groups">
      {AREAS.map((area) => {
        const mine = groups.filter((g) => g.area === area);
        if (mine.length === 0) return null;
        return (
          <section key={area} aria-labelledby={`area-${area}`}>
            <h2 id={`area-${area}`}>{wx('area_', area)}</h2>
            <p class="quiet">{wx('areaLead_', area)}</p>
            <ul>
              {mine.map((g) => (
                <GroupRow key={keyOf(g)} group={g} isHere={keyOf(g) === chosen} />
              ))}
            </ul>
          </section>
        );
      })}
    </div>
  );
}

/* --- items -------------------------------------------------------------------------------------------------------- */

function CallBody({ id }: { id: string }) {
  const call = useData<{ body?: string }>(`/inbox/${id}`);
  return <Show of={call}>{(found) => <Raw text={found.body ?? ''} label={w('rawCall')} />}</Show>;
}

function isMessage(item: Item): item is Message {
  return 'conversation_id' in item && 'direction' in item;
}

function About({ area, item }: { area: Area; item: Item }) {
  if (isMessage(item))
    return (
      <>
        <p class="item-text">{item.text || wx('type_', item.type)}</p>
        <p class="quiet">
          {whyOf(item.error)} {item.error && item.error.code > 0 ? `(${item.error.code})` : ''}
        </p>
      </>
    );
  if (area === 'jobs') {
    const job = item as Job;
    return (
      <>
        <p class="item-text">{wx('kind_', job.kind)}</p>
        <p class="quiet">
          {wordsOf(job)} · {wn('attempts', job.attempts)} · {wx('jobState_', job.state)}
        </p>
      </>
    );
  }
  if (area === 'inbox') {
    const call = item as Call;
    return (
      <>
        <p class="item-text">{w('callOf', { provider: wx('provider_', call.provider), size: bytes(call.bytes) })}</p>
        <p class="quiet">{wordsOf(call)}</p>
      </>
    );
  }
  const delivery = item as Delivery;
  return (
    <>
      <p class="item-text">{delivery.type}</p>
      <p class="quiet">
        {delivery.reason} · {wn('attempts', delivery.attempts)}
        {delivery.status ? ` · HTTP ${delivery.status}` : ''}
      </p>
    </>
  );
}

const atOf = (item: Item): string =>
  'received_at' in item ? item.received_at : 'updated_at' in item ? (item as Job).updated_at : item.created_at;

function ItemRow({ area, item, isChosen, onChoose }: {
  area: Area;
  item: Item;
  isChosen: boolean;
  onChoose: (is: boolean) => void;
}) {
  const isOpen = useSignal(false);
  const at = atOf(item);
  const hasPayload = area === 'inbox' || area === 'jobs';
  return (
    <li class="item">
      <input
        type="checkbox"
        aria-label={w('choose', { when: when(at) })}
        checked={isChosen}
        onChange={(e) => onChoose(e.currentTarget.checked)}
      />
      <div class="item-about">
        <About area={area} item={item} />
      </div>
      <When at={at} />
      <div class="item-actions">
        {hasPayload && (
          <button type="button" class="small" aria-expanded={isOpen.value} onClick={() => (isOpen.value = !isOpen.value)}>
            {isOpen.value ? w('hidePayload') : w('showPayload')}
          </button>
        )}
        {isMessage(item) && (
          <>
            <a href={`/app/messages/${item.id}`}>{w('itsLife')}</a>
            <a href={`/app/inbox/all/${item.conversation_id}`}>{w('toConversation')}</a>
          </>
        )}
      </div>
      {isOpen.value && (
        <div class="item-payload">
          {area === 'inbox' ? <CallBody id={item.id} /> : <Raw text={(item as Job).payload} label={w('payload')} />}
        </div>
      )}
    </li>
  );
}

/** Pages are added at the end; a reload starts anew with as many as were shown. */
function useItems(path: string) {
  const items = useSignal<Item[] | null>(null);
  const next = useSignal('');
  const why = useSignal<unknown>(null);
  const load = async (after: string) => {
    try {
      const page = await get<List<Item>>(`${path}${after ? `&after=${encodeURIComponent(after)}` : ''}`);
      items.value = after ? [...(items.value ?? []), ...page.data] : page.data;
      next.value = page.has_more && page.next ? page.next : '';
      why.value = null;
    } catch (failure) {
      why.value = failure;
    }
  };
  useEffect(() => {
    items.value = null;
    void load('');
  }, [path]);
  return { items, next, why, load };
}

interface Answer {
  count: number;
  skipped: number;
  has_more: boolean;
  next: string | null;
}

/** The whole cause, piece by piece; done tells how far it is. */
async function retryAll(group: Group, how: How | undefined, done: Signal<number>): Promise<number> {
  for (let after = ''; ; ) {
    const answer = await post<Answer>(`/failures/${group.area}/retry`, {
      cause: group.cause,
      ...(group.kind ? { kind: group.kind } : {}),
      ...(after ? { after } : {}),
      ...(how ? { how } : {}),
    });
    done.value += answer.count;
    if (!answer.has_more || !answer.next) return done.value;
    after = answer.next;
  }
}

const PIECE = 200;
async function retryThese(area: Area, ids: string[], how: How | undefined, done: Signal<number>): Promise<number> {
  for (let i = 0; i < ids.length; i += PIECE) {
    const answer = await post<Answer>(`/failures/${area}/retry`, { ids: ids.slice(i, i + PIECE), ...(how ? { how } : {}) });
    done.value += answer.count;
  }
  return done.value;
}

function Actions({ group, chosen, onDone }: { group: Group; chosen: string[]; onDone: () => void }) {
  const isBusy = useSignal(false);
  const done = useSignal(0);
  const run = async (how?: How) => {
    isBusy.value = true;
    done.value = 0;
    try {
      const n = await (chosen.length > 0
        ? retryThese(group.area, chosen, how, done)
        : retryAll(group, how, done));
      toast(how === 'sent' || how === 'failed' ? wn('settledN', n) : wn('retriedN', n));
    } catch (why) {
      toastProblem(new Error(w('stoppedAfter', { n: number(done.value), why: told(why) })));
    }
    isBusy.value = false;
    onDone();
  };
  const what = chosen.length > 0 ? wn('theseN', chosen.length) : wn('allN', group.count);
  return (
    <div class="group-actions">
      {group.area === 'uncertain' ? (
        <>
          <button type="button" disabled={isBusy.value} onClick={() => void run('sent')}>
            {w('itArrived')}
          </button>
          <button type="button" disabled={isBusy.value} onClick={() => void run('failed')}>
            {w('itDidNot')}
          </button>
          <button type="button" disabled={isBusy.value} onClick={() => void run('resend')}>
            {w('sendAgain')}
          </button>
        </>
      ) : (
        <button type="button" class="primary" disabled={isBusy.value} onClick={() => void run()}>
          <Icon name="retry" size={16} /> {wx('retry_', group.area)}
        </button>
      )}
      <span class="quiet" role="status">
        {isBusy.value ? w('progress', { n: number(done.value) }) : what}
      </span>
    </div>
  );
}

function Items({ group, onChange }: { group: Group; onChange: () => void }) {
  const path = `/failures/${group.area}${search({ cause: group.cause, kind: group.kind ?? '', limit: 50 })}`;
  const list = useItems(path);
  const chosen = useSignal<string[]>([]);
  useEffect(() => {
    chosen.value = [];
  }, [path]);
  const items = list.items.value;
  const ids = items?.map((one) => one.id) ?? [];
  const isAll = ids.length > 0 && ids.every((id) => chosen.value.includes(id));
  const onDone = () => {
    chosen.value = [];
    void list.load('');
    onChange();
  };
  return (
    <section class="items" aria-labelledby="group-title">
      <a class="only-narrow" href="/app/failures">
        {w('backToGroups')}
      </a>
      <h2 id="group-title">{titleOf(group)}</h2>
      <p class="quiet">
        {wx('area_', group.area)}
        {group.cause !== group.reason && (
          <>
            {' · '}
            <code>{group.cause}</code>
          </>
        )}
        {group.reason && !isTold(group) && group.reason !== titleOf(group) ? ` · ${group.reason}` : ''}
        {group.about ? ` · ${group.about}` : ''}
      </p>
      {hasWord(`advice_${group.cause}`) && <p class="advice">{wx('advice_', group.cause)}</p>}
      {group.area === 'uncertain' && <p class="advice">{w('uncertainAdvice')}</p>}
      <Actions group={group} chosen={chosen.value} onDone={onDone} />
      {list.why.value ? <Failed why={list.why.value} onRetry={() => void list.load('')} /> : null}
      {!items && !list.why.value && <Loading />}
      {items && items.length > 0 && (
        <label class="check">
          <input
            type="checkbox"
            checked={isAll}
            onChange={(e) => (chosen.value = e.currentTarget.checked ? ids : [])}
          />
          {wn('chooseShown', ids.length)}
        </label>
      )}
      <ul class="item-list">
        {items?.map((item) => (
          <ItemRow
            key={item.id}
            area={group.area}
            item={item}
            isChosen={chosen.value.includes(item.id)}
            onChoose={(is) =>
              (chosen.value = is ? [...chosen.value, item.id] : chosen.value.filter((id) => id !== item.id))
            }
          />
        ))}
      </ul>
      {list.next.value && (
        <button type="button" onClick={() => void list.load(list.next.value)}>
          {t('more')}
        </button>
      )}
    </section>
  );
}

/* --- the page ----------------------------------------------------------------------------------------------------- */

const POLL_MS = 10_000;
const SETTLE_MS = 600;

/** Counts follow what happens: at once for messages, within the poll for the rest. */
function useFollow(reload: () => void): void {
  useEffect(() => {
    let soon = 0;
    const stop = onEvent((event) => {
      if (!/^message\.(failed|uncertain|sent|queued)$/.test(event.kind)) return;
      clearTimeout(soon);
      soon = window.setTimeout(reload, SETTLE_MS);
    });
    const timer = setInterval(() => document.visibilityState === 'visible' && reload(), POLL_MS);
    return () => {
      stop();
      clearTimeout(soon);
      clearInterval(timer);
    };
  }, []);
}

export default function Failures({ params }: PageProps) {
  const groups = useData<List<Group>>('/failures');
  useFollow(() => void groups.reload());
  const area = params.area ?? '';
  const chosen = area ? keyOf({ area, kind: query.value.get('kind'), cause: query.value.get('cause') ?? '' }) : '';
  return (
    <>
      <Head title={t('pageFailures')} lead={w('failuresLead')} />
      <Show of={groups}>
        {({ data }) => {
          const here = data.find((g) => keyOf(g) === chosen);
          if (data.length === 0)
            return (
              <Empty icon="check" title={w('noFailures')}>
                {w('noFailuresLead')}
              </Empty>
            );
          return (
            <div class={here ? 'two-panes has-choice' : 'two-panes'}>
              <Groups groups={data} chosen={chosen} />
              {here ? (
                <Items key={chosen} group={here} onChange={() => void groups.reload()} />
              ) : (
                <Empty icon="failures" title={area ? w('groupGone') : w('chooseGroup')}>
                  {w('chooseGroupLead')}
                </Empty>
              )}
            </div>
          );
        }}
      </Show>
    </>
  );
}
