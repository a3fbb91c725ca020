// SPDX-License-Identifier: Apache-2.0
// What the pages of leads, imports and campaigns share: tabs, tables, lists that go on, menus, bars and figures.
import { useSignal, type Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { get, type List } from '../../lib/api';
import { number } from '../../lib/format';
import { t } from '../../lib/i18n';
import { path as place } from '../../lib/router';
import { Icon, type IconName } from '../icons';
import { Failed, Loading, Popover } from '../ui';
import '../style/grid.css';

/* --- around a page ------------------------------------------------------------------------------------------------ */

export interface Tab {
  href: string;
  title: string;
  isHere?: boolean;
}

/** The pages of one section. The one that is open is the longest whose address the place begins with. */
export function Tabs({ label, tabs }: { label: string; tabs: Tab[] }) {
  const fits = (tab: Tab) => tab.isHere ?? (place.value === tab.href || place.value.startsWith(`${tab.href}/`));
  const here = tabs.filter(fits).sort((a, b) => b.href.length - a.href.length)[0];
  return (
    <nav class="tabs" aria-label={label}>
      <ul>
        {tabs.map((tab) => (
          <li key={tab.href}>
            <a href={tab.href} aria-current={tab === here ? 'page' : undefined}>
              {tab.title}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

/** Where one is on a way of several steps; those that are done can be gone back to. */
export function Steps({ label, steps, at, onGo }: {
  label: string;
  steps: string[];
  at: number;
  onGo?: (step: number) => void;
}) {
  return (
    <ol class="wizard-steps" aria-label={label}>
      {steps.map((name, i) => {
        const words = (
          <>
            <span class="step-n" aria-hidden="true">
              {i < at ? <Icon name="check" size={14} /> : i + 1}
            </span>
            {name}
          </>
        );
        return (
          <li key={name} class={i < at ? 'done' : i === at ? 'here' : ''} aria-current={i === at ? 'step' : undefined}>
            {onGo && i < at ? (
              <button type="button" onClick={() => onGo(i)}>
                {words}
              </button>
            ) : (
              <span>{words}</span>
            )}
          </li>
        );
      })}
    </ol>
  );
}

/* --- lists -------------------------------------------------------------------------------------------------------- */

export interface Pages<T, P extends List<T>> {
  items: Signal<T[] | null>;
  /** The last page as it came, for what it tells beside its data. */
  page: Signal<P | null>;
  hasMore: Signal<boolean>;
  why: Signal<unknown>;
  isBusy: Signal<boolean>;
  more: () => Promise<void>;
  /** Anew from the start; as many as were shown. */
  reload: () => Promise<void>;
}

const EMPTY_STEPS = 50;

/** A list by cursor; again when the path changes. Empty path: nothing. */
export function usePages<T, P extends List<T> = List<T>>(path: string): Pages<T, P> {
  const items = useSignal<T[] | null>(null);
  const page = useSignal<P | null>(null);
  const hasMore = useSignal(false);
  const why = useSignal<unknown>(null);
  const isBusy = useSignal(false);
  const turn = useRef(0);
  const load = async (isMore: boolean) => {
    if (!path) return;
    const mine = ++turn.current;
    isBusy.value = true;
    let after = isMore ? (page.value?.next ?? '') : '';
    try {
      let found: P;
      // A page may be empty and still not the last: few fit, and the server looks for them in steps.
      for (let step = 0; ; step++) {
        found = await get<P>(after ? `${path}${path.includes('?') ? '&' : '?'}after=${encodeURIComponent(after)}` : path);
        if (mine !== turn.current) return;
        if (found.data.length > 0 || !found.has_more || !found.next || step === EMPTY_STEPS) break;
        after = found.next;
      }
      items.value = isMore ? [...(items.value ?? []), ...found.data] : found.data;
      page.value = found;
      hasMore.value = found.has_more && Boolean(found.next);
      why.value = null;
    } catch (failure) {
      if (mine === turn.current) why.value = failure;
    }
    if (mine === turn.current) isBusy.value = false;
  };
  useEffect(() => {
    void load(false);
    return () => {
      turn.current++;
    };
  }, [path]);
  return { items, page, hasMore, why, isBusy, more: () => load(true), reload: () => load(false) };
}

export function More({ of }: { of: Pages<never, List<never>> | { hasMore: Signal<boolean>; isBusy: Signal<boolean>; why: Signal<unknown>; more: () => Promise<void>; reload: () => Promise<void>; items: Signal<unknown[] | null> } }) {
  if (of.why.value) return <Failed why={of.why.value} onRetry={() => void (of.items.value ? of.more() : of.reload())} />;
  return of.hasMore.value ? (
    <div>
      <button type="button" disabled={of.isBusy.value} onClick={() => void of.more()}>
        {t('more')}
      </button>
    </div>
  ) : null;
}

/** A table that scrolls sideways by itself where the screen is too narrow, also by keyboard. */
export function Grid({ label, children, isBusy = false }: { label: string; children: ComponentChildren; isBusy?: boolean }) {
  return (
    <div class="grid-box" tabIndex={0} role="group" aria-label={label} aria-busy={isBusy}>
      <table class="grid">{children}</table>
    </div>
  );
}

/** The title of a column; `n`: of numbers; `sr`: told to screen readers only. */
export type Column = string | { n: string } | { sr: string };

const columnHead = (column: Column) =>
  typeof column === 'string' ? (
    <th scope="col">{column}</th>
  ) : 'n' in column ? (
    <th scope="col" class="n">
      {column.n}
    </th>
  ) : (
    <th scope="col">
      <span class="sr">{column.sr}</span>
    </th>
  );

/** A list as a table with the way to its next page, or what stands in its place: it loads, it failed, there is nothing. */
export function Listing<T>({ of, only = () => true, label, columns, empty, row }: {
  of: Pages<T, List<T>>;
  only?: (one: T) => boolean;
  label: string;
  columns: Column[];
  empty: ComponentChildren;
  row: (one: T) => ComponentChildren;
}) {
  const items = of.items.value?.filter(only);
  return (
    <>
      {!items && !of.why.value && <Loading />}
      {items?.length === 0 && empty}
      {items && items.length > 0 && (
        <Grid label={label}>
          <thead>
            <tr>{columns.map(columnHead)}</tr>
          </thead>
          <tbody>{items.map(row)}</tbody>
        </Grid>
      )}
      <More of={of} />
    </>
  );
}

export type Sort = { by: string; isDown: boolean };
export const sortText = (sort: Sort): string => (sort.by ? `${sort.isDown ? '-' : ''}${sort.by}` : '');
export const sortOf = (text: string): Sort => ({ by: text.replace(/^-/, ''), isDown: text.startsWith('-') });

export function SortHead({ by, title, sort, onSort }: { by: string; title: string; sort: Sort; onSort: (to: Sort) => void }) {
  const isHere = sort.by === by;
  return (
    <th scope="col" aria-sort={isHere ? (sort.isDown ? 'descending' : 'ascending') : 'none'}>
      <button type="button" class="sort" onClick={() => onSort({ by, isDown: isHere ? !sort.isDown : false })}>
        {title}
        <span class={isHere ? 'sort-mark' : 'sort-mark off'} aria-hidden="true">
          {isHere && sort.isDown ? '↓' : '↑'}
        </span>
      </button>
    </th>
  );
}

/* --- pieces ------------------------------------------------------------------------------------------------------- */

export interface Choice {
  key: string;
  title: ComponentChildren;
  isHere?: boolean;
  isDanger?: boolean;
  href?: string;
  run?: () => void;
}

/** A button that opens a list of things to do. */
export function Menu({ label, icon, text, choices, small = false, isOff = false }: {
  label: string;
  icon?: IconName;
  text?: ComponentChildren;
  choices: Choice[];
  small?: boolean;
  isOff?: boolean;
}) {
  if (isOff || choices.length === 0) return null;
  return (
    <Popover
      label={label}
      buttonClass={text ? (small ? 'small' : 'menu-button') : small ? 'icon-button small-icon' : 'icon-button'}
      hasText={Boolean(text)}
      button={
        <>
          {icon && <Icon name={icon} size={16} />}
          {text}
        </>
      }
    >
      {(close) => (
        <ul class="menu">
          {choices.map((one) => (
            <li key={one.key}>
              {one.href ? (
                <a href={one.href} onClick={close} {...(one.href.startsWith('/api/') ? { download: '' } : {})}>
                  {one.title}
                </a>
              ) : (
                <button
                  type="button"
                  class={one.isDanger ? 'bad' : ''}
                  aria-pressed={one.isHere}
                  onClick={() => {
                    close();
                    one.run?.();
                  }}
                >
                  {one.title}
                  {one.isHere && <Icon name="check" size={14} />}
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
    </Popover>
  );
}

/** One of a list's conditions. "" is among the choices: none. */
export function Narrow({ label, value, choices, onPick }: {
  label: string;
  value: string;
  choices: readonly (readonly [string, string])[];
  onPick: (value: string) => void;
}) {
  return (
    <label class="check">
      {label}
      <select value={value} onChange={(e) => onPick(e.currentTarget.value)}>
        {choices.map(([key, title]) => (
          <option key={key} value={key}>
            {title}
          </option>
        ))}
      </select>
    </label>
  );
}

/** How far something is. Without a part nothing is known yet but that it moves. */
export function Progress({ label, part, words }: { label: string; part: number | null; words?: ComponentChildren }) {
  return (
    <div class="progress">
      <progress aria-label={label} max={1} {...(part === null ? {} : { value: Math.min(1, part) })} />
      {words && <p class="quiet">{words}</p>}
    </div>
  );
}

export interface Figure {
  title: string;
  n: number | string;
  note?: string;
  tone?: 'good' | 'bad' | 'warn' | undefined;
  href?: string;
}

/** Numbers side by side. */
export function Figures({ label, figures }: { label: string; figures: Figure[] }) {
  return (
    <dl class="figures" aria-label={label}>
      {figures.map((one) => (
        <div key={one.title} class={one.tone ?? ''}>
          <dt>{one.href ? <a href={one.href}>{one.title}</a> : one.title}</dt>
          <dd>
            {typeof one.n === 'number' ? number(one.n) : one.n}
            {one.note && <small class="quiet">{one.note}</small>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

export const percent = (part: number, of: number): string =>
  of > 0 ? `${number(Math.round((1000 * part) / of) / 10)} %` : '—';

/** Asks the server again while something goes on and the page is looked at. */
export function usePoll(isOn: boolean, everyMs: number, ask: () => Promise<unknown>): void {
  const asking = useRef(ask);
  asking.current = ask;
  useEffect(() => {
    if (!isOn) return;
    let timer = 0;
    let isOver = false;
    const next = () => {
      timer = window.setTimeout(() => {
        const done = document.visibilityState === 'visible' ? asking.current() : Promise.resolve();
        void done.catch(() => undefined).then(() => !isOver && next());
      }, everyMs);
    };
    next();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [isOn, everyMs]);
}

/** Words as they are typed, and as they are asked for once the typing rests. */
export function useSlow(onRest: (text: string) => void, restMs = 250): (text: string) => void {
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  return (text) => {
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => onRest(text), restMs);
  };
}
