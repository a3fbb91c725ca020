// SPDX-License-Identifier: Apache-2.0
// A long list of which only what is in view is in the page. Rows may have any height: each is measured once shown, and
// guessed before. Whatever changes above - rows that come in front, a picture that loads - what one reads stays in place.
import { signal, type Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';

const OVERSCAN_PX = 600;
const AT_END_PX = 48;
const AT_START_PX = 8;

/** How others steer the list. */
export class Steer {
  readonly isAtEnd = signal(true);
  readonly range: Signal<[number, number]> = signal([0, 0]);
  box: HTMLDivElement | null = null;
  /** Set by the list while it is shown. */
  toIndex: (index: number) => void = () => {};
  toKey: (key: string, where?: 'near' | 'middle') => void = () => {};
  toEnd: () => void = () => {};
}

interface Props<T> {
  items: readonly T[];
  keyOf: (item: T) => string;
  guess: (item: T) => number;
  row: (item: T, index: number) => ComponentChildren;
  steer: Steer;
  /** Follow what is added at the end while the reader is there. */
  sticksToEnd?: boolean;
  onNearStart?: () => void;
  onNearEnd?: () => void;
  attributes?: Record<string, unknown>;
}

/** offsets[i] is where row i begins; the last one is where all end. */
function sumUp<T>(items: readonly T[], height: (item: T) => number): Float64Array<ArrayBuffer> {
  const sums = new Float64Array(items.length + 1);
  for (let i = 0; i < items.length; i++) sums[i + 1] = (sums[i] ?? 0) + height(items[i] as T);
  return sums;
}

/** The last index whose offset is not behind y. */
function indexAt(offsets: Float64Array, y: number): number {
  let low = 0;
  let high = offsets.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((offsets[middle] ?? 0) <= y) low = middle;
    else high = middle - 1;
  }
  return Math.min(low, Math.max(0, offsets.length - 2));
}

class Engine<T> {
  readonly heights = new Map<string, number>();
  offsets = new Float64Array(1);
  anchors: { key: string; y: number }[] = [];
  isStuck = false;
  wanted: { key: string; where: 'near' | 'middle' } | null = null;
  watch: ResizeObserver | null = null;
  props!: Props<T>;

  constructor(readonly steer: Steer) {}

  height = (item: T): number => this.heights.get(this.props.keyOf(item)) ?? this.props.guess(item);

  /** Which rows must be in the page for this place. */
  look(): void {
    const box = this.steer.box;
    const n = this.props.items.length;
    if (!box) return;
    const top = this.isStuck ? (this.offsets[n] ?? 0) - box.clientHeight : box.scrollTop;
    const from = indexAt(this.offsets, top - OVERSCAN_PX);
    const to = n === 0 ? 0 : indexAt(this.offsets, top + box.clientHeight + OVERSCAN_PX) + 1;
    const [wasFrom, wasTo] = this.steer.range.peek();
    if (from !== wasFrom || to !== wasTo) this.steer.range.value = [from, to];
    if (from === 0) this.props.onNearStart?.();
    if (to >= n) this.props.onNearEnd?.();
  }

  rows(): HTMLElement[] {
    return [...(this.steer.box?.querySelectorAll<HTMLElement>(':scope > [data-row]') ?? [])];
  }

  /** Remembers the rows in view and where they stand. */
  remember(): void {
    const box = this.steer.box;
    if (!box) return;
    const { top, bottom } = box.getBoundingClientRect();
    this.anchors = [];
    for (const row of this.rows()) {
      const at = row.getBoundingClientRect();
      if (at.bottom > top && at.top < bottom) this.anchors.push({ key: row.dataset.row ?? '', y: at.top - top });
    }
  }

  /** By how much what was in view has moved: the middle of all, as one row may have gone elsewhere in the list. */
  shift(box: HTMLDivElement): number {
    const top = box.getBoundingClientRect().top;
    const shown = new Map(this.rows().map((row) => [row.dataset.row ?? '', row]));
    const moved: number[] = [];
    for (const { key, y } of this.anchors) {
      const row = shown.get(key);
      const now = row ? row.getBoundingClientRect().top - top : this.offsetOf(key) - box.scrollTop;
      if (!Number.isNaN(now)) moved.push(now - y);
    }
    return moved.sort((a, b) => a - b)[moved.length >> 1] ?? 0;
  }

  /** Takes the heights as they are, and puts what was read back to where it was. */
  settle(): void {
    const box = this.steer.box;
    if (!box) return;
    let changed = false;
    for (const row of this.rows()) {
      const key = row.dataset.row ?? '';
      const height = row.getBoundingClientRect().height;
      if (Math.abs((this.heights.get(key) ?? -1) - height) < 0.5) continue;
      this.heights.set(key, height);
      changed = true;
    }
    if (changed) {
      this.offsets = sumUp(this.props.items, this.height);
      this.space();
    }
    this.hold(box);
    this.look();
  }

  /** The room of the rows that are not in the page. */
  space(): void {
    const [from, to] = this.steer.range.peek();
    const [first, last] = [this.steer.box?.firstElementChild, this.steer.box?.lastElementChild] as (HTMLElement | undefined)[];
    const n = this.props.items.length;
    if (first) first.style.height = `${this.offsets[Math.min(from, n)] ?? 0}px`;
    if (last) last.style.height = `${(this.offsets[n] ?? 0) - (this.offsets[Math.min(to, n)] ?? 0)}px`;
  }

  hold(box: HTMLDivElement): void {
    if (this.wanted) {
      if (!this.bring(this.wanted.key, this.wanted.where)) return;
      this.remember();
      return;
    }
    if (this.isStuck) {
      box.scrollTop = box.scrollHeight;
      return;
    }
    // A list that is read from its start shows what comes there.
    if (!this.props.sticksToEnd && box.scrollTop < AT_START_PX) return;
    const shift = this.shift(box);
    if (Math.abs(shift) > 0.5) box.scrollTop += shift;
  }

  /** Where each row stands in the list; made when first asked for. */
  private placed: { items: readonly T[]; places: Map<string, number> } | null = null;
  private places(): Map<string, number> {
    const { items, keyOf } = this.props;
    if (this.placed?.items !== items) this.placed = { items, places: new Map(items.map((item, i) => [keyOf(item), i])) };
    return this.placed.places;
  }

  offsetOf(key: string): number {
    const index = this.places().get(key);
    return index === undefined ? NaN : (this.offsets[index] ?? NaN);
  }

  /** True once the row is in the page and in view. */
  bring(key: string, where: 'near' | 'middle'): boolean {
    const box = this.steer.box;
    const row = this.rows().find((one) => one.dataset.row === key);
    if (!box) return true;
    if (row) {
      this.wanted = null;
      const at = row.getBoundingClientRect();
      const view = box.getBoundingClientRect();
      if (where === 'middle') box.scrollTop += at.top - view.top - (view.height - at.height) / 2;
      else if (at.top < view.top) box.scrollTop += at.top - view.top;
      else if (at.bottom > view.bottom) box.scrollTop += at.bottom - view.bottom;
      return true;
    }
    const y = this.offsetOf(key);
    if (Number.isNaN(y)) {
      this.wanted = null;
      return true;
    }
    this.isStuck = false;
    this.wanted = { key, where };
    box.scrollTop = y - box.clientHeight / 2;
    this.look();
    return false;
  }

  onScroll = (): void => {
    const box = this.steer.box;
    if (!box) return;
    const rest = box.scrollHeight - box.scrollTop - box.clientHeight;
    this.isStuck = Boolean(this.props.sticksToEnd) && rest < AT_END_PX;
    this.steer.isAtEnd.value = rest < AT_END_PX;
    this.remember();
    this.look();
  };
}

export function Windowed<T>(props: Props<T>) {
  const { items, keyOf, row, steer } = props;
  const engine = useMemo(() => new Engine<T>(steer), [steer]);
  engine.props = props;
  const summed = useRef<readonly T[] | null>(null);
  if (summed.current !== items) {
    summed.current = items;
    engine.offsets = sumUp(items, engine.height);
  }
  useLayoutEffect(() => {
    engine.isStuck = Boolean(props.sticksToEnd);
    engine.watch = new ResizeObserver(() => engine.settle());
    if (steer.box) engine.watch.observe(steer.box);
    steer.toKey = (key, where = 'near') => {
      engine.isStuck = false;
      engine.bring(key, where);
      engine.remember();
    };
    steer.toIndex = (index) => {
      const item = engine.props.items[index];
      if (item !== undefined) steer.toKey(engine.props.keyOf(item));
    };
    steer.toEnd = () => {
      engine.isStuck = Boolean(engine.props.sticksToEnd);
      engine.look();
      if (steer.box) steer.box.scrollTop = steer.box.scrollHeight;
    };
    return () => engine.watch?.disconnect();
  }, [engine]);
  const [from, to] = steer.range.value;
  const end = Math.min(to, items.length);
  const start = Math.min(from, end);
  useLayoutEffect(() => {
    const seen = engine.rows();
    engine.space();
    engine.settle();
    for (const one of seen) engine.watch?.observe(one);
    return () => {
      for (const one of seen) engine.watch?.unobserve(one);
    };
  });
  return (
    <div
      {...props.attributes}
      ref={(box: HTMLDivElement | null) => {
        steer.box = box;
      }}
      onScroll={engine.onScroll}
    >
      <div class="room" aria-hidden="true" />
      {items.slice(start, end).map((item, i) => (
        <div key={keyOf(item)} data-row={keyOf(item)} role={props.attributes?.role === 'list' ? 'listitem' : undefined}>
          {row(item, start + i)}
        </div>
      ))}
      <div class="room" aria-hidden="true" />
    </div>
  );
}
