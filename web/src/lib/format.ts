// SPDX-License-Identifier: Apache-2.0
// Times, sizes and numbers as the person's language writes them.
import { computed, signal } from '@preact/signals';
import { language, t } from './i18n';

const of = (options: Intl.DateTimeFormatOptions) => computed(() => new Intl.DateTimeFormat(language.value, options));
const hourMinute = of({ hour: '2-digit', minute: '2-digit' });
const exact = of({ hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 });
const full = of({ dateStyle: 'full', timeStyle: 'medium' });
const dayMonth = of({ day: 'numeric', month: 'long' });
const dayMonthYear = of({ day: 'numeric', month: 'long', year: 'numeric' });
const short = of({ day: '2-digit', month: '2-digit' });
const weekday = of({ weekday: 'short' });

/** Moves every half minute, so that what is shown of time stays true. */
export const clock = signal(Date.now());
setInterval(() => (clock.value = Date.now()), 30_000);

export const time = (iso: string): string => hourMinute.value.format(new Date(iso));
export const timeExact = (iso: string): string => exact.value.format(new Date(iso));
export const timeFull = (iso: string): string => full.value.format(new Date(iso));
/** Midnight before it, as a number: equal on one day. */
export const dayOf = (iso: string): number => new Date(iso).setHours(0, 0, 0, 0);
const daysAgo = (iso: string): number =>
  Math.round((new Date(clock.value).setHours(0, 0, 0, 0) - dayOf(iso)) / 86_400_000);

export function day(iso: string): string {
  const days = daysAgo(iso);
  if (days === 0) return t('today');
  if (days === 1) return t('yesterday');
  if (days === -1) return t('tomorrow');
  const date = new Date(iso);
  const isThisYear = date.getFullYear() === new Date(clock.value).getFullYear();
  return (isThisYear ? dayMonth : dayMonthYear).value.format(date);
}

/** The time, with its day where that is not today. */
export const when = (iso: string): string => (daysAgo(iso) === 0 ? time(iso) : `${day(iso)}, ${time(iso)}`);

/** As narrow as it can be: the time today, the weekday this week, the date before. */
export function whenShort(iso: string): string {
  const days = daysAgo(iso);
  if (days <= 0) return time(iso);
  return (days < 7 ? weekday : short).value.format(new Date(iso));
}

/** "4 min", "3 h", "2 d"; of what lies between the two, whichever comes first. */
export function span(fromIso: string, to: number = clock.value): string {
  const minutes = Math.floor(Math.abs(to - Date.parse(fromIso)) / 60_000);
  if (minutes < 1) return t('now');
  if (minutes < 60) return t('minutes', { n: minutes });
  if (minutes < 48 * 60) return t('hours', { n: Math.floor(minutes / 60) });
  return t('days', { n: Math.floor(minutes / 1440) });
}

export function bytes(n: number): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'];
  const step = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(n, 1)) / 10));
  const value = n / 1024 ** step;
  return new Intl.NumberFormat(language.value, {
    style: 'unit',
    unit: units[step] ?? 'byte',
    unitDisplay: step === 0 ? 'long' : 'short',
    maximumFractionDigits: value < 10 ? 1 : 0,
  }).format(value);
}

export const number = (n: number): string => new Intl.NumberFormat(language.value).format(n);

/** "+55 11 95555-0123" of digits; other countries keep their digits. */
export function phone(digits: string): string {
  const brazil = /^55(\d{2})(\d{4,5})(\d{4})$/.exec(digits);
  return brazil ? `+55 ${brazil[1]} ${brazil[2]}-${brazil[3]}` : /^\d+$/.test(digits) ? `+${digits}` : digits;
}
