// SPDX-License-Identifier: Apache-2.0
// Where the person is: paths without a hash. A link inside /app changes the page without loading it anew.
import { computed, signal } from '@preact/signals';

const here = (): string => location.pathname + location.search;
const at = signal(here());

export const path = computed(() => new URL(at.value, location.origin).pathname);
export const query = computed(() => new URL(at.value, location.origin).searchParams);

/** Asked before the place changes; false stays (unsaved words, for example). */
const guards = new Set<(to: string) => boolean>();
export function guard(ask: (to: string) => boolean): () => void {
  guards.add(ask);
  return () => guards.delete(ask);
}

export function navigate(to: string, how: 'push' | 'replace' = 'push'): void {
  if (to === at.value || [...guards].some((ask) => !ask(to))) return;
  if (how === 'push') history.pushState(null, '', to);
  else history.replaceState(null, '', to);
  at.value = here();
}

/** "/app/inbox/:queue/:conversation?" against a path: its parameters, or null. A part with ? may miss. */
export function match(pattern: string, where: string): Record<string, string> | null {
  const wanted = pattern.split('/').filter(Boolean);
  const given = where.split('/').filter(Boolean);
  const found: Record<string, string> = {};
  if (given.length > wanted.length) return null;
  for (const [i, part] of wanted.entries()) {
    const value = given[i];
    if (!part.startsWith(':')) {
      if (value !== part) return null;
    } else if (value !== undefined) {
      found[part.replace(/[:?]/g, '')] = decodeURIComponent(value);
    } else if (!part.endsWith('?')) {
      return null;
    }
  }
  return found;
}

function onClick(e: MouseEvent): void {
  const link = (e.target as Element | null)?.closest?.('a');
  if (!link || e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
  if (link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
  if (!link.pathname.startsWith('/app/')) return;
  e.preventDefault();
  navigate(link.pathname + link.search);
}

export function startRouter(): void {
  addEventListener('popstate', () => (at.value = here()));
  document.addEventListener('click', onClick);
}
