// SPDX-License-Identifier: Apache-2.0
// Small pieces both halves use.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Content } from './api';
import { day, t, tx } from './i18n';

const marks: Record<string, string> = { queued: '◷', sending: '◷', sent: '✓', delivered: '✓✓', read: '✓✓', played: '✓✓', failed: '!', uncertain: '?', cancelled: '✕' };

export function Ticks({ status }: { status: string }) {
  return (
    <span class={`ticks ${status}`} role="img" aria-label={tx('st_', status)} title={tx('st_', status)}>
      {marks[status] ?? ''}
    </span>
  );
}

/** Keeps the newest line in view, as long as the reader is at the end. */
export function Scroll({ label, size, children }: { label: string; size: number; children: ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  useEffect(() => {
    if (box.current && isAtEnd.current) box.current.scrollTop = box.current.scrollHeight;
  }, [size]);
  useEffect(() => {
    const at = box.current;
    if (!at) return;
    const watch = new ResizeObserver(() => {
      if (isAtEnd.current) at.scrollTop = at.scrollHeight;
    });
    watch.observe(at);
    return () => watch.disconnect();
  }, []);
  return (
    <div
      ref={box}
      class="scroll"
      role="log"
      aria-label={label}
      tabIndex={0}
      onScroll={(e) => {
        const at = e.currentTarget;
        isAtEnd.current = at.scrollHeight - at.scrollTop - at.clientHeight < 40;
      }}
    >
      {children}
    </div>
  );
}

export function DayMark({ at, before }: { at: string; before: string | undefined }) {
  const name = day(at);
  return before !== undefined && day(before) === name ? null : <p class="day">{name}</p>;
}

export const Send = () => (
  <svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">
    <path fill="currentColor" d="M3.4 20.4 21 12 3.4 3.6 3.4 10.1 15 12 3.4 13.9z" />
  </svg>
);

/** The words of a message; media without words says what it is. */
export function Words({ type, text, content }: { type: string; text: string; content: Content }) {
  const words = text || content.text || content.caption || content.title || content.emoji;
  if (words) return <p class="words">{words}</p>;
  return (
    <p class="words quiet">
      {t('media')}: {content.media?.filename ?? type}
    </p>
  );
}
