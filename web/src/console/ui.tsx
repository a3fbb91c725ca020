// SPDX-License-Identifier: Apache-2.0
// Pieces every page is made of.
import { signal, type Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useLayoutEffect, useRef } from 'preact/hooks';
import { told } from '../lib/api';
import { timeFull, when } from '../lib/format';
import { t } from '../lib/i18n';
import { Icon, type IconName } from './icons';

/** What teaches where nothing is. */
export function Empty({ icon, title, children }: { icon?: IconName; title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      {icon && <Icon name={icon} size={28} />}
      <h2>{title}</h2>
      {children && <div class="quiet">{children}</div>}
    </div>
  );
}

/** A time as people say it; the full one shows when it is pointed at. */
export const When = ({ at }: { at: string }) => (
  <time dateTime={at} title={timeFull(at)}>
    {when(at)}
  </time>
);

export const Loading = () => (
  <p class="loading" role="status">
    {t('loading')}
  </p>
);

/** A failure with the way out of it. */
export function Failed({ why, onRetry }: { why: unknown; onRetry?: () => void }) {
  return (
    <div class="problem" role="alert">
      <span>{told(why)}</span>
      {onRetry && (
        <button type="button" class="small" onClick={onRetry}>
          {t('retry')}
        </button>
      )}
    </div>
  );
}

/** A label over its control, with a hint and a problem that the control is described by. */
export function Field({
  label,
  hint,
  problem,
  children,
}: {
  label: string;
  hint?: string | undefined;
  problem?: string | undefined;
  children: (ids: { id: string; 'aria-describedby': string | undefined; 'aria-invalid': boolean }) => ComponentChildren;
}) {
  const id = useId();
  const about = [hint && `${id}-hint`, problem && `${id}-problem`].filter(Boolean).join(' ') || undefined;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, 'aria-describedby': about, 'aria-invalid': Boolean(problem) })}
      {hint && (
        <p id={`${id}-hint`} class="hint">
          {hint}
        </p>
      )}
      {problem && (
        <p id={`${id}-problem`} class="hint bad">
          {problem}
        </p>
      )}
    </div>
  );
}

/** The browser's own modal dialog: keeps the focus inside and gives it back. */
export function Dialog({
  title,
  onClose,
  children,
  wide,
}: {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  wide?: boolean;
}) {
  const box = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    box.current?.showModal();
    return () => box.current?.close();
  }, []);
  return (
    <dialog
      ref={box}
      class={wide ? 'dialog wide' : 'dialog'}
      aria-labelledby={id}
      onClose={onClose}
      onClick={(e) => e.target === box.current && box.current?.close()}
    >
      <div class="dialog-in">
        <header>
          <h2 id={id}>{title}</h2>
          <button type="button" class="icon-button" aria-label={t('close')} onClick={() => box.current?.close()}>
            <Icon name="close" />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}

/** A panel under (or over) its button; Escape and a click elsewhere close it. */
export function Popover({
  label,
  title,
  button,
  buttonClass = 'icon-button',
  hasText = false,
  children,
  onToggle,
}: {
  label: string;
  title?: string;
  button: ComponentChildren;
  buttonClass?: string;
  hasText?: boolean; // the button's own words name it
  children: (close: () => void) => ComponentChildren;
  onToggle?: (isOpen: boolean) => void;
}) {
  const id = useId();
  const at = useRef<HTMLButtonElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const isOpen = useRef<Signal<boolean>>(signal(false)).current;
  const place = () => {
    const b = at.current?.getBoundingClientRect();
    const p = box.current;
    if (!b || !p) return;
    const { width, height } = p.getBoundingClientRect();
    const left = Math.min(Math.max(8, b.left), innerWidth - width - 8);
    const isBelow = b.bottom + height + 12 < innerHeight || b.top < height + 12;
    p.style.left = `${left}px`;
    p.style.top = `${isBelow ? Math.min(b.bottom + 4, innerHeight - height - 8) : b.top - height - 4}px`;
  };
  const toggled = (now: boolean) => {
    isOpen.value = now;
    onToggle?.(now);
  };
  useLayoutEffect(() => {
    if (!isOpen.value || !box.current) return;
    place();
    const watch = new ResizeObserver(place); // what comes later makes it taller
    watch.observe(box.current);
    box.current.querySelector<HTMLElement>('button, input, a, select')?.focus();
    return () => watch.disconnect();
  }, [isOpen.value]);
  return (
    <>
      <button
        ref={at}
        type="button"
        class={buttonClass}
        aria-label={hasText ? undefined : label}
        title={title ?? label}
        aria-expanded={isOpen.value}
        aria-controls={id}
        onClick={() => box.current?.togglePopover()}
      >
        {button}
      </button>
      <div
        ref={box}
        id={id}
        class="popover"
        popover="auto"
        role="group"
        aria-label={label}
        onToggle={(e) => toggled((e as unknown as ToggleEvent).newState === 'open')}
      >
        {isOpen.value && children(() => box.current?.hidePopover())}
      </div>
    </>
  );
}

/** A few words at the bottom for what happened elsewhere on the page; read out, gone by itself. */
export interface ToastAction {
  label: string;
  run: () => void;
}
const toasts = signal<{ id: number; text: string; isBad: boolean; action: ToastAction | undefined }[]>([]);
let lastToast = 0;
const TOAST_MS = 7000;
export function toast(text: string, isBad = false, action?: ToastAction): void {
  const id = ++lastToast;
  toasts.value = [...toasts.value.slice(-2), { id, text, isBad, action }];
  setTimeout(() => (toasts.value = toasts.value.filter((one) => one.id !== id)), TOAST_MS);
}
export const toastProblem = (why: unknown): void => toast(told(why), true);

export const Toasts = () => (
  <div class="toasts" role="status" aria-live="polite">
    {toasts.value.map((one) => (
      <p key={one.id} class={one.isBad ? 'toast bad' : 'toast'}>
        {one.text}
        {one.action && (
          <button
            type="button"
            class="link"
            onClick={() => {
              toasts.value = toasts.value.filter((other) => other.id !== one.id);
              one.action?.run();
            }}
          >
            {one.action.label}
          </button>
        )}
      </p>
    ))}
  </div>
);

/** First letters, on a colour of its own for each name. */
export function Avatar({ name, small }: { name: string; small?: boolean }) {
  const words = name.trim().split(/\s+/);
  const letters = (words[0]?.[0] ?? '?') + (words.length > 1 ? (words.at(-1)?.[0] ?? '') : '');
  let sum = 0;
  for (const c of name) sum = (sum * 31 + (c.codePointAt(0) ?? 0)) % 997;
  return (
    <span class={`avatar tone-${sum % 6}${small ? ' small' : ''}`} aria-hidden="true">
      {letters.toUpperCase()}
    </span>
  );
}
