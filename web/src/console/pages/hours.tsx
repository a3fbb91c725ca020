// SPDX-License-Identifier: Apache-2.0
// When the team works, how long things may wait, who gets a conversation, and what customers are told meanwhile.
import { useSignal, type Signal } from '@preact/signals';
import { get, put, type List } from '../../lib/api';
import { language, t } from '../../lib/i18n';
import { Icon } from '../icons';
import { Field, toast } from '../ui';
import { CheckField, SaveBar, SaveForm, SelectField, useForm, type Form } from './form';
import { Head, SettingsFrame, Show, useData, useDoing } from './kit';
import { w, wx } from './words';

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
type Day = (typeof DAYS)[number];
type Span = [string, string];

interface Holiday {
  date: string;
  name: string;
}

const TEXTS = ['waiting', 'delayed', 'out_of_hours', 'closed'] as const;

interface Settings {
  version: number;
  timezone?: string;
  is_open?: boolean;
  hours: Partial<Record<Day, Span[]>>;
  holidays: Holiday[];
  pickup_minutes: number;
  escalate_minutes: number;
  silence_minutes: number;
  silence_action: 'queue' | 'bot';
  expire_hours: number;
  assignment: 'manual' | 'round_robin';
  is_sticky: boolean;
  handoff_on_request?: boolean;
  default_capacity: number;
  texts: Record<(typeof TEXTS)[number], string>;
}

/* --- the week ----------------------------------------------------------------------------------------------------- */

/** The browser's time fields end at 23:59; the day, at 24:00. */
const shownEnd = (end: string) => (end === '24:00' ? '23:59' : end);
const keptEnd = (end: string) => (end === '23:59' ? '24:00' : end);

const weekday = (day: Day) =>
  new Intl.DateTimeFormat(language.value, { weekday: 'long', timeZone: 'UTC' }).format(
    new Date(Date.UTC(2024, 0, 1 + DAYS.indexOf(day))), // 1 January 2024 was a Monday
  );

const MINUTES = 24 * 60;
const minutesOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5));

/** The day as a strip: a picture of what the fields say. */
function Strip({ spans }: { spans: Span[] }) {
  return (
    <svg class="strip" viewBox={`0 0 ${MINUTES} 10`} preserveAspectRatio="none" aria-hidden="true">
      <rect class="strip-day" x="0" y="0" width={MINUTES} height="10" />
      {spans.map(([from, to]) => (
        <rect
          key={from + to}
          class="strip-open"
          x={minutesOf(from)}
          y="0"
          width={Math.max(0, minutesOf(to) - minutesOf(from))}
          height="10"
        />
      ))}
    </svg>
  );
}

function DayRow({ day, spans, onChange }: { day: Day; spans: Span[]; onChange: (spans: Span[]) => void }) {
  const name = weekday(day);
  const set = (i: number, part: 0 | 1, value: string) =>
    onChange(spans.map((span, k) => (k === i ? (part === 0 ? [value, span[1]] : [span[0], keptEnd(value)]) : span)));
  const last = spans.at(-1)?.[1] ?? '09:00';
  return (
    <div class="week-day" role="group" aria-label={name}>
      <span class="day-name">{name}</span>
      <div class="day-spans">
        {spans.length === 0 && <span class="quiet">{w('dayClosed')}</span>}
        {spans.map(([from, to], i) => (
          <span class="span" key={i}>
            <input
              type="time"
              aria-label={w('opens', { day: name })}
              value={from}
              required
              onChange={(e) => set(i, 0, e.currentTarget.value)}
            />
            <span aria-hidden="true">–</span>
            <input
              type="time"
              aria-label={w('closes', { day: name })}
              value={shownEnd(to)}
              required
              onChange={(e) => set(i, 1, e.currentTarget.value)}
            />
            <button
              type="button"
              class="icon-button"
              aria-label={w('removeSpan', { day: name })}
              onClick={() => onChange(spans.filter((_, k) => k !== i))}
            >
              <Icon name="close" size={16} />
            </button>
          </span>
        ))}
        <button
          type="button"
          class="small"
          onClick={() => onChange([...spans, spans.length === 0 ? ['09:00', '18:00'] : [last === '24:00' ? '23:00' : last, '24:00']])}
        >
          <Icon name="plus" size={14} /> {spans.length === 0 ? w('open') : w('addBreak')}
        </button>
      </div>
      <Strip spans={spans} />
    </div>
  );
}

function Week({ form }: { form: Form<Settings> }) {
  const { hours } = form.value.value;
  const copy = () => {
    const monday = hours.mon ?? [];
    form.set({ hours: { ...hours, tue: monday, wed: monday, thu: monday, fri: monday } });
  };
  return (
    <section class="card form" aria-labelledby="week-title">
      <div class="row spread">
        <h2 id="week-title">{w('week')}</h2>
        <button type="button" class="small" onClick={copy}>
          {w('copyMonday')}
        </button>
      </div>
      {form.value.value.timezone && <p class="quiet">{w('inZone', { zone: form.value.value.timezone })}</p>}
      <div class="week">
        {DAYS.map((day) => (
          <DayRow
            key={day}
            day={day}
            spans={hours[day] ?? []}
            onChange={(spans) => form.set({ hours: { ...hours, [day]: spans } })}
          />
        ))}
      </div>
    </section>
  );
}

/* --- holidays ----------------------------------------------------------------------------------------------------- */

function Holidays({ form }: { form: Form<Settings> }) {
  const { holidays } = form.value.value;
  const [isBusy, run] = useDoing();
  const year = useSignal(new Date().getFullYear());
  const set = (list: Holiday[]) => form.set({ holidays: [...list].sort((a, b) => a.date.localeCompare(b.date)) });
  const suggest = () =>
    run(async () => {
      const { data } = await get<List<Holiday>>(`/team/holidays/suggest?year=${year.value}`);
      const known = new Set(holidays.map((h) => h.date));
      const fresh = data.filter((h) => !known.has(h.date));
      set([...holidays, ...fresh]);
      toast(w('holidaysAdded', { n: fresh.length }));
    });
  return (
    <section class="card form" aria-labelledby="holidays-title">
      <h2 id="holidays-title">{w('holidays')}</h2>
      <p class="quiet">{w('holidaysLead')}</p>
      <ul class="holidays">
        {holidays.map((h, i) => (
          <li key={i}>
            <input
              type="date"
              aria-label={w('holidayDate')}
              required
              value={h.date}
              onChange={(e) => set(holidays.map((x, k) => (k === i ? { ...x, date: e.currentTarget.value } : x)))}
            />
            <input
              aria-label={w('holidayName')}
              value={h.name}
              onInput={(e) => form.set({ holidays: holidays.map((x, k) => (k === i ? { ...x, name: e.currentTarget.value } : x)) })}
            />
            <button
              type="button"
              class="icon-button"
              aria-label={`${t('remove')}: ${h.name || h.date}`}
              onClick={() => form.set({ holidays: holidays.filter((_, k) => k !== i) })}
            >
              <Icon name="trash" size={18} />
            </button>
          </li>
        ))}
      </ul>
      <div class="row">
        <button
          type="button"
          class="small"
          onClick={() => form.set({ holidays: [...holidays, { date: new Date().toISOString().slice(0, 10), name: '' }] })}
        >
          <Icon name="plus" size={14} /> {w('addHoliday')}
        </button>
        <input
          class="year"
          type="number"
          aria-label={w('year')}
          min={2020}
          max={2100}
          value={year.value}
          onInput={(e) => (year.value = Number(e.currentTarget.value))}
        />
        <button type="button" class="small" disabled={isBusy.value} onClick={() => void suggest()}>
          {w('suggestHolidays')}
        </button>
      </div>
    </section>
  );
}

/* --- deadlines, assignment, texts --------------------------------------------------------------------------------- */

type NumberName = 'pickup_minutes' | 'escalate_minutes' | 'silence_minutes' | 'expire_hours' | 'default_capacity';

function Numbers({ form, names }: { form: Form<Settings>; names: NumberName[] }) {
  return names.map((name) => (
    <Field key={name} label={wx('team_', name)} hint={wx('teamHint_', name)} problem={form.problem(name)}>
      {(ids) => (
        <input
          {...ids}
          type="number"
          min={1}
          required
          value={form.value.value[name]}
          onInput={(e) => form.set({ [name]: Number(e.currentTarget.value) })}
        />
      )}
    </Field>
  ));
}

function Choice({ form, name, choices }: { form: Form<Settings>; name: 'silence_action' | 'assignment'; choices: string[] }) {
  return (
    <SelectField
      form={form}
      name={name}
      label={wx('team_', name)}
      hint={wx('teamHint_', name)}
      choices={choices}
      say={(one) => wx(`${name}_`, one)}
    />
  );
}

function Deadlines({ form }: { form: Form<Settings> }) {
  return (
    <section class="card form" aria-labelledby="deadlines-title">
      <h2 id="deadlines-title">{w('deadlines')}</h2>
      <p class="quiet">{w('deadlinesLead')}</p>
      <div class="columns">
        <Numbers form={form} names={['pickup_minutes', 'escalate_minutes', 'silence_minutes', 'expire_hours']} />
      </div>
      <Choice form={form} name="silence_action" choices={['queue', 'bot']} />
    </section>
  );
}

function Assignment({ form }: { form: Form<Settings> }) {
  return (
    <section class="card form" aria-labelledby="assignment-title">
      <h2 id="assignment-title">{w('assignment')}</h2>
      <div class="columns">
        <Choice form={form} name="assignment" choices={['manual', 'round_robin']} />
        <Numbers form={form} names={['default_capacity']} />
      </div>
      <CheckField form={form} name="is_sticky" label={w('sticky')} />
      {form.value.value.handoff_on_request !== undefined && (
        <CheckField form={form} name="handoff_on_request" label={w('handoffOnRequest')} />
      )}
    </section>
  );
}

function Texts({ form }: { form: Form<Settings> }) {
  const { texts } = form.value.value;
  return (
    <section class="card form" aria-labelledby="texts-title">
      <h2 id="texts-title">{w('texts')}</h2>
      <p class="quiet">{w('textsLead')}</p>
      {TEXTS.map((name) => (
        <Field key={name} label={wx('text_', name)} hint={wx('textHint_', name)} problem={form.problem(`texts.${name}`)}>
          {(ids) => (
            <textarea
              {...ids}
              rows={2}
              maxLength={1000}
              value={texts[name]}
              onInput={(e) => form.set({ texts: { ...texts, [name]: e.currentTarget.value } })}
            />
          )}
        </Field>
      ))}
    </section>
  );
}

const FIELDS = ['pickup_minutes', 'escalate_minutes', 'silence_minutes', 'expire_hours', 'default_capacity', ...TEXTS.map((name) => `texts.${name}`)];

function Editor({ settings }: { settings: Signal<Settings> }) {
  const form = useForm<Settings>(settings.value);
  const save = async ({ timezone: _zone, is_open: _open, ...body }: Settings) =>
    (settings.value = await put<Settings>('/team/settings', body));
  return (
    <SaveForm form={form} save={save} look="form">
      <Week form={form} />
      <Holidays form={form} />
      <Deadlines form={form} />
      <Assignment form={form} />
      <Texts form={form} />
      <SaveBar form={form} fields={FIELDS} />
    </SaveForm>
  );
}

export default function Hours() {
  const settings = useData<Settings>('/team/settings');
  const isOpen = settings.data.value?.is_open;
  return (
    <SettingsFrame>
      <Head title={t('pageHours')} lead={w('hoursLead')}>
        {isOpen !== undefined && <span class={isOpen ? 'badge accent' : 'badge'}>{w(isOpen ? 'openNow' : 'closedNow')}</span>}
      </Head>
      <Show of={settings}>{() => <Editor settings={settings.data as Signal<Settings>} />}</Show>
    </SettingsFrame>
  );
}
