// SPDX-License-Identifier: Apache-2.0
// The funnel: a column for each state. A card is moved by mouse, by its menu, or by Shift and the arrows; each move can be taken back.
import { useSignal, type Signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { get, post, search, type List } from '../../../lib/api';
import { number, phone, span } from '../../../lib/format';
import { t } from '../../../lib/i18n';
import { Failed, Loading, toast, toastProblem } from '../../ui';
import { ask, Asker, Head } from '../kit';
import { Menu } from '../grid';
import { nameOf, STATES, type Lead, type State } from './api';
import { LeadTabs } from './frame';
import { w, wn, wx } from './kit';

interface Column {
  state: State;
  count: number;
  leads: Lead[];
  has_more: boolean;
  next: string | null;
}
type Columns = Signal<Column[] | null>;

const PAGE = 30;

async function loadMore(columns: Columns, column: Column): Promise<void> {
  const filter = JSON.stringify({ all: [{ field: 'state', op: 'is', value: column.state }] });
  const page = await get<List<Lead>>(`/leads${search({ filter, sort: '-updated_at', limit: PAGE, after: column.next ?? '' })}`);
  columns.value = (columns.value ?? []).map((one) =>
    one.state === column.state
      ? { ...one, leads: [...one.leads, ...page.data.filter((lead) => !one.leads.some((had) => had.id === lead.id))], has_more: page.has_more, next: page.next }
      : one,
  );
}

/** Shows the move at once; the server has the last word. */
function place(columns: Columns, lead: Lead, to: State): void {
  columns.value = (columns.value ?? []).map((one) => {
    const had = one.leads.some((other) => other.id === lead.id);
    if (one.state === to) return { ...one, count: one.count + (had ? 0 : 1), leads: [{ ...lead, state: to }, ...one.leads.filter((other) => other.id !== lead.id)] };
    return had ? { ...one, count: one.count - 1, leads: one.leads.filter((other) => other.id !== lead.id) } : one;
  });
}

function Card({ lead, states, onMove, onDrag, isDragged }: {
  lead: Lead;
  states: readonly State[];
  onMove: (to: State) => void;
  onDrag: (is: boolean) => void;
  isDragged: boolean;
}) {
  const best = lead.phones.find((one) => one.is_valid) ?? lead.phones[0];
  const step = (by: number) => {
    const to = states[states.indexOf(lead.state) + by];
    if (to) onMove(to);
  };
  return (
    <li
      class={isDragged ? 'board-card is-dragged' : 'board-card'}
      data-lead={lead.id}
      draggable
      onDragStart={(e) => {
        e.dataTransfer?.setData('text/plain', lead.id);
        onDrag(true);
      }}
      onDragEnd={() => onDrag(false)}
      onKeyDown={(e) => {
        if (!e.shiftKey || (e.key !== 'ArrowRight' && e.key !== 'ArrowLeft')) return;
        e.preventDefault();
        step(e.key === 'ArrowRight' ? 1 : -1);
      }}
    >
      <a href={`/app/leads/${lead.id}`} draggable={false} dir="auto">
        {nameOf(lead)}
      </a>
      <Menu
        label={w('moveWho', { name: nameOf(lead) })}
        icon="more"
        small
        choices={STATES.filter((state) => state !== lead.state).map((state) => ({
          key: state,
          title: wx('state_', state),
          run: () => onMove(state),
        }))}
      />
      <p>
        {[lead.name ? lead.company : '', best?.e164 ? phone(best.e164) : '', span(lead.updated_at)].filter(Boolean).join(' · ')}
      </p>
    </li>
  );
}

export default function Board() {
  const columns: Columns = useSignal<Column[] | null>(null);
  const why = useSignal<unknown>(null);
  const dragged = useSignal<Lead | null>(null);
  const over = useSignal('');
  const said = useSignal('');
  const box = useRef<HTMLDivElement>(null);
  const load = async () => {
    try {
      columns.value = (await get<{ columns: Column[] }>(`/leads/board?limit=${PAGE}`)).columns;
      why.value = null;
    } catch (failure) {
      why.value = failure;
    }
  };
  useEffect(() => void load(), []);

  const focus = (id: string) =>
    setTimeout(() => box.current?.querySelector<HTMLElement>(`[data-lead="${id}"] a`)?.focus({ preventScroll: false }));
  const move = async (lead: Lead, to: State, isUndo = false) => {
    const from = lead.state;
    if (from === to) return;
    // A wish of theirs, kept with proof: no slip of the mouse, and not taken back by another.
    if (to === 'opted_out' && !(await ask(w('optOutTitle', { name: nameOf(lead) }), w('optOutText'), w('optOutYes')))) return focus(lead.id);
    place(columns, lead, to);
    focus(lead.id);
    try {
      await post(`/leads/${lead.id}/state`, { state: to, ...(isUndo ? { why: 'undo' } : {}) });
      const words = w('moved', { name: nameOf(lead), state: wx('state_', to) });
      said.value = words;
      toast(words, false, isUndo || to === 'opted_out' ? undefined : { label: t('undo'), run: () => void move({ ...lead, state: to }, from, true) });
    } catch (failure) {
      place(columns, { ...lead, state: to }, from);
      focus(lead.id);
      toastProblem(failure);
    }
  };
  const states = (columns.value ?? []).map((one) => one.state);
  return (
    <>
      <LeadTabs />
      <Head title={t('pageBoard')} lead={w('boardLead')} />
      {why.value ? <Failed why={why.value} onRetry={() => void load()} /> : null}
      {!columns.value && !why.value && <Loading />}
      <p class="sr" role="status">
        {said.value}
      </p>
      <div class="board" ref={box}>
        {columns.value?.map((column) => (
          <section
            key={column.state}
            class={`board-column${over.value === column.state ? ' is-over' : ''}`}
            aria-label={`${wx('state_', column.state)}: ${number(column.count)}`}
            onDragOver={(e) => {
              if (!dragged.value || dragged.value.state === column.state) return;
              e.preventDefault();
              over.value = column.state;
            }}
            onDragLeave={(e) => {
              if (!e.currentTarget.contains(e.relatedTarget as Node | null) && over.value === column.state) over.value = '';
            }}
            onDrop={(e) => {
              e.preventDefault();
              over.value = '';
              const lead = dragged.value;
              dragged.value = null;
              if (lead) void move(lead, column.state);
            }}
          >
            <h2>
              {wx('state_', column.state)} <span class="quiet">{number(column.count)}</span>
            </h2>
            <ul class="board-cards">
              {column.leads.map((lead) => (
                <Card
                  key={lead.id}
                  lead={lead}
                  states={states}
                  isDragged={dragged.value?.id === lead.id}
                  onDrag={(is) => (dragged.value = is ? lead : null)}
                  onMove={(to) => void move(lead, to)}
                />
              ))}
            </ul>
            {(column.has_more || column.count > column.leads.length) && (
              <button type="button" class="small" aria-label={`${wn('moreHere', column.count - column.leads.length)}: ${wx('state_', column.state)}`} onClick={() => void loadMore(columns, column).catch(toastProblem)}>
                {wn('moreHere', column.count - column.leads.length)}
              </button>
            )}
          </section>
        ))}
      </div>
      <Asker />
    </>
  );
}
