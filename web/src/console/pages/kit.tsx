// SPDX-License-Identifier: Apache-2.0
// What the pages beside the inbox are made of: data that loads and reloads, and the pieces they show it in.
import { signal, useSignal, type Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { kit } from '../../i18n/kit';
import { get } from '../../lib/api';
import { t, words } from '../../lib/i18n';
import { path as place } from '../../lib/router';
import { may } from '../session';
import { Dialog, Failed, Loading, toast, toastProblem } from '../ui';
import { sections } from './index';
import '../style/pages.css';

const { w } = words(kit);

/* --- data --------------------------------------------------------------------------------------------------------- */

export interface Loaded<T> {
  data: Signal<T | null>;
  why: Signal<unknown>;
  isBusy: Signal<boolean>;
  reload: () => Promise<void>;
}

/** What GET path answers; again when the path changes. Empty path: nothing yet. */
export function useData<T>(path: string): Loaded<T> {
  const data = useSignal<T | null>(null);
  const why = useSignal<unknown>(null);
  const isBusy = useSignal(false);
  const turn = useRef(0);
  const reload = async () => {
    if (!path) return;
    const mine = ++turn.current;
    isBusy.value = true;
    try {
      const found = await get<T>(path);
      if (mine !== turn.current) return;
      data.value = found;
      why.value = null;
    } catch (failure) {
      if (mine === turn.current) why.value = failure;
    }
    if (mine === turn.current) isBusy.value = false;
  };
  useEffect(() => {
    data.value = null;
    why.value = null;
    void reload();
    return () => {
      turn.current++;
    };
  }, [path]);
  return { data, why, isBusy, reload };
}

/** What is there, or what stands in its way. */
export function Show<T>({ of, children }: { of: Loaded<T>; children: (data: T) => ComponentChildren }) {
  const data = of.data.value;
  if (data !== null)
    return (
      <>
        {of.why.value ? <Failed why={of.why.value} onRetry={() => void of.reload()} /> : null}
        {children(data)}
      </>
    );
  return of.why.value ? <Failed why={of.why.value} onRetry={() => void of.reload()} /> : <Loading />;
}

/** Runs something once at a time and tells when it fails; the answer says whether it went well. */
export function useDoing(): [Signal<boolean>, (what: () => Promise<unknown>) => Promise<boolean>] {
  const isBusy = useSignal(false);
  const run = async (what: () => Promise<unknown>) => {
    if (isBusy.value) return false;
    isBusy.value = true;
    try {
      await what();
      return true;
    } catch (why) {
      toastProblem(why);
      return false;
    } finally {
      isBusy.value = false;
    }
  };
  return [isBusy, run];
}

/* --- pieces ------------------------------------------------------------------------------------------------------- */

/** The buttons of a row; name says to a screen reader whose they are. */
export function EditRemove({ name, isBusy, onEdit, onRemove }: {
  name: string;
  isBusy: boolean;
  onEdit: () => void;
  onRemove: () => void;
}) {
  return (
    <span class="row">
      <button type="button" class="small" aria-label={`${t('edit')}: ${name}`} onClick={onEdit}>
        {t('edit')}
      </button>
      <button type="button" class="small" disabled={isBusy} aria-label={`${t('remove')}: ${name}`} onClick={onRemove}>
        {t('remove')}
      </button>
    </span>
  );
}

export function Head({ title, lead, children }: { title: string; lead?: string; children?: ComponentChildren }) {
  return (
    <header class="page-head">
      <div>
        <h1>{title}</h1>
        {lead && <p class="quiet">{lead}</p>}
      </div>
      {children && <div class="page-actions">{children}</div>}
    </header>
  );
}

/** A page of the settings, beside the list of them. */
export function SettingsFrame({ children }: { children: ComponentChildren }) {
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    // On a phone the list is a strip: the part that is open is to be in sight.
    list.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, []);
  return (
    <div class="settings">
      <nav class="settings-nav" aria-label={t('pageSettings')}>
        <ul ref={list}>
          {sections
            .filter((one) => may(one.least))
            .map((one) => (
              <li key={one.name}>
                <a
                  href={`/app/settings/${one.name}`}
                  aria-current={place.value.startsWith(`/app/settings/${one.name}`) ? 'page' : undefined}
                >
                  {t(one.title)}
                </a>
              </li>
            ))}
        </ul>
      </nav>
      <div class="settings-body">{children}</div>
    </div>
  );
}

export function CopyButton({ text, label }: { text: string; label: string }) {
  return (
    <button
      type="button"
      class="small"
      aria-label={`${t('copy')}: ${label}`}
      onClick={() =>
        void navigator.clipboard.writeText(text).then(
          () => toast(t('copied')),
          () => toast(w('copyFailed'), true),
        )
      }
    >
      {t('copy')}
    </button>
  );
}

/** A value to be taken elsewhere. */
export function CopyLine({ label, text, hint }: { label: string; text: string; hint?: string }) {
  return (
    <div class="copy-line">
      <span class="copy-label">{label}</span>
      <code>{text}</code>
      <CopyButton text={text} label={label} />
      {hint && <p class="hint">{hint}</p>}
    </div>
  );
}

/** Shown once: afterwards only its digest is kept. */
export function Once({ title, lead, children, onClose }: {
  title: string;
  lead: string;
  children: ComponentChildren;
  onClose: () => void;
}) {
  return (
    <Dialog title={title} onClose={onClose} wide>
      <p class="warning">{lead}</p>
      {children}
      <div class="actions">
        <button type="button" class="primary" onClick={onClose}>
          {w('kept')}
        </button>
      </div>
    </Dialog>
  );
}

/** Asks before what cannot be undone. */
const asked = signal<{ title: string; text: string; yes: string; answer: (is: boolean) => void } | null>(null);
export function ask(title: string, text: string, yes: string): Promise<boolean> {
  return new Promise((done) => {
    asked.value = {
      title,
      text,
      yes,
      answer: (is) => {
        asked.value = null;
        done(is);
      },
    };
  });
}
export function Asker() {
  const one = asked.value;
  if (!one) return null;
  return (
    <Dialog title={one.title} onClose={() => one.answer(false)}>
      <p>{one.text}</p>
      <div class="actions">
        <button type="button" onClick={() => one.answer(false)}>
          {t('cancel')}
        </button>
        <button type="button" class="danger" onClick={() => one.answer(true)}>
          {one.yes}
        </button>
      </div>
    </Dialog>
  );
}

/** JSON laid out, other text as it is. */
export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

export function Raw({ text, label }: { text: string; label: string }) {
  const shown = pretty(text);
  return (
    <div class="raw">
      <CopyButton text={shown} label={label} />
      <pre tabIndex={0} role="region" aria-label={label}>
        {shown}
      </pre>
    </div>
  );
}
