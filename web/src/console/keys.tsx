// SPDX-License-Identifier: Apache-2.0
// Keyboard shortcuts: pages say which they have while they are shown, `?` lists them. Single letters can be switched off
// (WCAG 2.1.4) and never act while one writes.
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { t, type Key } from '../lib/i18n';
import { Dialog } from './ui';

export interface Shortcut {
  keys: string[]; // as KeyboardEvent.key
  says: Key;
  run: (e: KeyboardEvent) => void;
}

const active = signal<Shortcut[][]>([]);
export const isHelpOpen = signal(false);
const isOn = signal(localStorage.getItem('prosa.keys') !== 'off');

/** The shortcuts stand while the component does; the newest wins. */
export function useShortcuts(shortcuts: Shortcut[]): void {
  useEffect(() => {
    active.value = [...active.peek(), shortcuts];
    return () => {
      active.value = active.peek().filter((one) => one !== shortcuts);
    };
  }, [shortcuts]);
}

const isWriting = (e: KeyboardEvent): boolean => {
  const at = e.target as HTMLElement;
  return at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName);
};

function onKey(e: KeyboardEvent): void {
  if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || e.isComposing) return;
  if (isWriting(e) || document.querySelector('dialog[open], [popover]:popover-open')) return;
  if (e.key === '?') {
    e.preventDefault();
    isHelpOpen.value = true;
    return;
  }
  if (!isOn.value && e.key.length === 1) return;
  if (e.key.startsWith('Arrow') && (e.target as Element).closest?.('[role=log], audio, video, .page')) return; // they scroll
  for (const one of [...active.value].reverse().flat()) {
    if (!one.keys.includes(e.key)) continue;
    e.preventDefault();
    one.run(e);
    return;
  }
}
export const startKeys = (): void => document.addEventListener('keydown', onKey);

const names: Record<string, string> = { ArrowDown: '↓', ArrowUp: '↑', Escape: 'Esc', Enter: 'Enter', ' ': '␣' };
const Cap = ({ name }: { name: string }) => <kbd>{names[name] ?? name}</kbd>;

export function Help() {
  if (!isHelpOpen.value) return null;
  return (
    <Dialog title={t('keys')} onClose={() => (isHelpOpen.value = false)}>
      <dl class="keys">
        {active.value.flat().map((one) => (
          <div key={one.says}>
            <dt>
              {one.keys.map((name) => (
                <Cap key={name} name={name} />
              ))}
            </dt>
            <dd>{t(one.says)}</dd>
          </div>
        ))}
        <div>
          <dt>
            <Cap name="?" />
          </dt>
          <dd>{t('keys')}</dd>
        </div>
      </dl>
      <label class="check">
        <input
          type="checkbox"
          checked={isOn.value}
          onChange={(e) => {
            isOn.value = e.currentTarget.checked;
            localStorage.setItem('prosa.keys', isOn.value ? 'on' : 'off');
          }}
        />
        {t('keysSingle')}
      </label>
    </Dialog>
  );
}
