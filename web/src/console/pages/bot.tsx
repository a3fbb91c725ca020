// SPDX-License-Identifier: Apache-2.0
// The tenant's bot: a script, checked while it is written, or a model; and a try-out of what is on the page, saved or not.
import { useSignal, type Signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { post, put, told, type Content } from '../../lib/api';
import { language, t } from '../../lib/i18n';
import { Failed } from '../ui';
import { SaveBar, SaveForm, TextField, useForm, type Form } from './form';
import { Head, SettingsFrame, Show, useData } from './kit';
import { w, wn, wx } from './words';
import { lineOf, placeOf } from './json_place';

interface Bot {
  kind: 'script' | 'model';
  script?: unknown;
  builtin_script: unknown;
  model?: Record<string, unknown>;
  debounce_ms: number;
  debounce_cap_ms: number;
  budget_micros: number;
  spent_micros: number;
  version: number;
}

interface Values {
  kind: 'script' | 'model';
  script: string;
  prompt: string;
  history: string;
  timeout: string;
  wait: string;
  cap: string;
  budget: string;
}

const MICROS = 1_000_000;
const money = (micros: number) =>
  new Intl.NumberFormat(language.value, { minimumFractionDigits: 2, maximumFractionDigits: 4 }).format(micros / MICROS);
const laidOut = (json: unknown) => JSON.stringify(json, null, 2);

const valuesOf = (bot: Bot): Values => ({
  kind: bot.kind,
  script: laidOut(bot.script ?? bot.builtin_script),
  prompt: String(bot.model?.system_prompt ?? ''),
  history: String(bot.model?.history ?? 20),
  timeout: String(Number(bot.model?.timeout_ms ?? 30_000) / 1000),
  wait: String(bot.debounce_ms / 1000),
  cap: String(bot.debounce_cap_ms / 1000),
  budget: bot.budget_micros ? String(bot.budget_micros / MICROS) : '',
});

const bodyOf = (v: Values, bot: Bot): Record<string, unknown> => ({
  kind: v.kind,
  ...(v.script === laidOut(bot.builtin_script) && !bot.script ? {} : { script: v.script }),
  ...(v.kind === 'model' || bot.model
    ? {
        model: {
          ...bot.model,
          system_prompt: v.prompt,
          history: Number(v.history),
          timeout_ms: Math.round(Number(v.timeout) * 1000),
        },
      }
    : {}),
  debounce_ms: Math.round(Number(v.wait) * 1000),
  debounce_cap_ms: Math.round(Number(v.cap) * 1000),
  budget_micros: Math.round(Number(v.budget || 0) * MICROS),
});

/* --- the script --------------------------------------------------------------------------------------------------- */

interface Trouble {
  path: string;
  message: string;
  place: [number, number];
}

/** The server's parser counts bytes; the editor, characters. */
function charAt(text: string, byte: number): number {
  return new TextDecoder().decode(new TextEncoder().encode(text).slice(0, byte)).length;
}

function placed(text: string, one: { path: string; message: string }): Trouble {
  const byte = /at byte (\d+)/.exec(one.message)?.[1];
  if (!byte) return { ...one, place: placeOf(text, one.path) };
  const at = charAt(text, Number(byte));
  return { ...one, message: one.message.replace(/^could not read JSON at byte \d+: /, ''), place: [at, at + 1] };
}

const CHECK_MS = 350;

/** What is wrong with the text, soon after it was last changed. null: being asked. */
function useCheck(text: string): Signal<Trouble[] | null> {
  const found = useSignal<Trouble[] | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    found.value = null;
    const timer = setTimeout(() => {
      post<{ problems: { path: string; message: string }[] }>('/bot/check', { script: text }, { signal: stop.signal }).then(
        (answer) => (found.value = answer.problems.map((one) => placed(text, one))),
        (why: unknown) => {
          if (!stop.signal.aborted) found.value = [{ path: '', message: told(why), place: [0, 0] }];
        },
      );
    }, CHECK_MS);
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [text]);
  return found;
}

function goTo(box: HTMLTextAreaElement | null, [from, to]: [number, number]): void {
  if (!box) return;
  box.focus();
  box.setSelectionRange(from, to);
  const { line } = lineOf(box.value, from);
  const height = parseFloat(getComputedStyle(box).lineHeight) || 18;
  box.scrollTop = Math.max(0, (line - 4) * height);
}

function Script({ form, builtin }: { form: Form<Values>; builtin: unknown }) {
  const text = form.value.value.script;
  const found = useCheck(text);
  const box = useRef<HTMLTextAreaElement>(null);
  const list = found.value;
  return (
    <section class="card form" aria-labelledby="script-title">
      <div class="row spread">
        <h2 id="script-title">{w('script')}</h2>
        <div class="row">
          <button
            type="button"
            class="small"
            disabled={!list || list.length > 0}
            onClick={() => form.set({ script: laidOut(JSON.parse(text)) })}
          >
            {w('layOut')}
          </button>
          <button type="button" class="small" onClick={() => form.set({ script: laidOut(builtin) })}>
            {w('useBuiltin')}
          </button>
        </div>
      </div>
      <p class="quiet">{w('scriptLead')}</p>
      <textarea
        ref={box}
        class="code"
        rows={22}
        spellcheck={false}
        aria-labelledby="script-title"
        aria-describedby="script-check"
        aria-invalid={Boolean(list?.length)}
        value={text}
        onInput={(e) => form.set({ script: e.currentTarget.value })}
      />
      <div id="script-check" role="status">
        {list === null && <p class="quiet">{w('checking')}</p>}
        {list?.length === 0 && <p class="good">{w('scriptHolds')}</p>}
        {list && list.length > 0 && (
          <>
            <p class="bad">{wn('scriptProblems', list.length)}</p>
            <ul class="troubles">
              {list.map((one) => (
                <li key={one.path + one.message}>
                  <button type="button" class="link" onClick={() => goTo(box.current, one.place)}>
                    {w('line', { n: lineOf(text, one.place[0]).line })}
                  </button>{' '}
                  {one.path && <code>{one.path}</code>} {one.message}
                </li>
              ))}
            </ul>
          </>
        )}
      </div>
    </section>
  );
}

/* --- model, times, money ------------------------------------------------------------------------------------------ */

type Attributes = { min: number; max?: number; step: number | 'any' };

/** of: what the server calls it. */
const NumberField = ({ name, ...rest }: { form: Form<Values>; name: 'history' | 'timeout' | 'wait' | 'cap' | 'budget'; of: string } & Attributes) => (
  <TextField {...rest} name={name} label={w(name)} hint={w(`${name}Hint`)} type="number" />
);

function Model({ form }: { form: Form<Values> }) {
  return (
    <section class="card form" aria-labelledby="model-title">
      <h2 id="model-title">{w('model')}</h2>
      <p class="quiet">
        {w('modelLead')} <a href="/app/settings/channels">{t('pageChannels')}</a>
      </p>
      <TextField form={form} name="prompt" of="model.system_prompt" label={w('prompt')} hint={w('promptHint')} rows={10} />
      <div class="columns">
        <NumberField form={form} name="history" of="model.history" min={1} max={200} step={1} />
        <NumberField form={form} name="timeout" of="model.timeout_ms" min={1} max={120} step="any" />
      </div>
    </section>
  );
}

function Budget({ form, bot }: { form: Form<Values>; bot: Bot }) {
  const budget = Number(form.value.value.budget || 0) * MICROS;
  return (
    <section class="card form" aria-labelledby="budget-title">
      <h2 id="budget-title">{w('paceAndBudget')}</h2>
      <div class="columns">
        <NumberField form={form} name="wait" of="debounce_ms" min={1} max={15} step="any" />
        <NumberField form={form} name="cap" of="debounce_cap_ms" min={1} max={60} step="any" />
        <NumberField form={form} name="budget" of="budget_micros" min={0} step="any" />
      </div>
      <p class="quiet">{w('spent', { n: money(bot.spent_micros) })}</p>
      {budget > 0 && (
        <meter
          aria-label={w('spent', { n: money(bot.spent_micros) })}
          min={0}
          max={budget}
          high={budget * 0.9}
          value={Math.min(bot.spent_micros, budget)}
        />
      )}
    </section>
  );
}

/* --- trying it out ------------------------------------------------------------------------------------------------ */

interface Line {
  from: 'customer' | 'bot';
  text: string;
  choice?: string;
  type?: string;
  content?: Content;
}

interface Answer {
  say: { type: string; content: Content }[];
  handoff: string | null;
  decided: { by: string; node?: string; because?: string; model?: string; cause?: string };
  cost_micros: number;
  took_ms: number;
}

const textOf = (type: string, content: Content): string => content.text ?? content.caption ?? wx('type_', type);

function Bubble({ line, onTap }: { line: Line; onTap: (id: string, title: string) => void }) {
  const rows = line.content?.sections?.flatMap((s) => s.rows) ?? [];
  const choices = [...(line.content?.buttons ?? []), ...rows];
  return (
    <li class={line.from === 'bot' ? 'try-line bot' : 'try-line customer'}>
      <span class="sr">{line.from === 'bot' ? t('owner_bot') : t('owner_customer')}: </span>
      <p>{line.text}</p>
      {choices.length > 0 && (
        <div class="try-choices">
          {choices.map((one) => (
            <button key={one.id} type="button" class="small" onClick={() => onTap(one.id, one.title)}>
              {one.title}
            </button>
          ))}
        </div>
      )}
    </li>
  );
}

function decidedText(answer: Answer): string {
  const parts = [wx('by_', answer.decided.by)];
  if (answer.decided.node) parts.push(`“${answer.decided.node}”`);
  if (answer.decided.because) parts.push(wx('because_', answer.decided.because.split(' ')[0] ?? ''));
  if (answer.cost_micros > 0) parts.push(w('cost', { n: money(answer.cost_micros) }));
  return parts.join(' · ');
}

function TryOut({ form, bot }: { form: Form<Values>; bot: Bot }) {
  const lines = useSignal<Line[]>([]);
  const text = useSignal('');
  const note = useSignal('');
  const why = useSignal<unknown>(null);
  const isBusy = useSignal(false);
  const end = useRef<HTMLOListElement>(null);
  useEffect(() => {
    end.current?.lastElementChild?.scrollIntoView({ block: 'nearest' });
  }, [lines.value, isBusy.value]);
  const say = async (line: Line) => {
    lines.value = [...lines.value, line];
    isBusy.value = true;
    why.value = null;
    try {
      const answer = await post<Answer>('/bot/try', {
        ...bodyOf(form.value.value, bot),
        name: w('tryName'),
        messages: lines.value.map(({ from, text: words, choice }) => ({ from, text: words, ...(choice ? { choice } : {}) })),
      });
      lines.value = [
        ...lines.value,
        ...answer.say.map((s): Line => ({ from: 'bot', text: textOf(s.type, s.content), type: s.type, content: s.content })),
      ];
      note.value = answer.handoff ? w('tryHandoff', { reason: answer.handoff }) : decidedText(answer);
    } catch (failure) {
      why.value = failure;
      lines.value = lines.value.slice(0, -1);
      text.value = line.text;
    }
    isBusy.value = false;
  };
  return (
    <section class="card try" aria-labelledby="try-title">
      <div class="row spread">
        <h2 id="try-title">{w('tryOut')}</h2>
        <button
          type="button"
          class="small"
          disabled={lines.value.length === 0}
          onClick={() => {
            lines.value = [];
            note.value = '';
          }}
        >
          {w('tryAnew')}
        </button>
      </div>
      <p class="quiet">{w('tryLead')}</p>
      <ol ref={end} class="try-lines" aria-live="polite">
        {lines.value.map((line, i) => (
          <Bubble
            key={i}
            line={line}
            onTap={(choice, title) => !isBusy.value && void say({ from: 'customer', text: title, choice })}
          />
        ))}
        {isBusy.value && <li class="try-line bot quiet">…</li>}
      </ol>
      {note.value && <p class="hint">{note.value}</p>}
      {why.value ? <Failed why={why.value} /> : null}
      <form
        class="with-button"
        onSubmit={(e) => {
          e.preventDefault();
          const line = text.value.trim();
          if (!line || isBusy.value) return;
          text.value = '';
          void say({ from: 'customer', text: line });
        }}
      >
        <input
          aria-label={w('tryWrite')}
          placeholder={w('tryWrite')}
          value={text.value}
          onInput={(e) => (text.value = e.currentTarget.value)}
        />
        <button type="submit" disabled={isBusy.value}>
          {w('say')}
        </button>
      </form>
    </section>
  );
}

/* --- the page ----------------------------------------------------------------------------------------------------- */

function KindChoice({ form }: { form: Form<Values> }) {
  return (
    <fieldset class="kinds">
      <legend>{w('whoAnswers')}</legend>
      {(['script', 'model'] as const).map((kind) => (
        <label key={kind} class="card answerer">
          <input
            type="radio"
            name="kind"
            checked={form.value.value.kind === kind}
            onChange={() => form.set({ kind })}
          />
          <span>
            <strong>{wx('by_', kind)}</strong>
            <span class="quiet">{wx('byLead_', kind)}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

const FIELDS = ['model.history', 'model.timeout_ms', 'model.system_prompt', 'debounce_ms', 'debounce_cap_ms', 'budget_micros'];

function Editor({ bot }: { bot: Signal<Bot> }) {
  const form = useForm<Values>(valuesOf(bot.value));
  const save = async (values: Values) => {
    bot.value = await put<Bot>('/bot', { ...bodyOf(values, bot.value), version: bot.value.version });
    return valuesOf(bot.value);
  };
  return (
    <div class="bot-page">
      <SaveForm form={form} save={save} look="form">
        <KindChoice form={form} />
        {form.value.value.kind === 'script' ? <Script form={form} builtin={bot.value.builtin_script} /> : <Model form={form} />}
        <Budget form={form} bot={bot.value} />
        <SaveBar form={form} fields={FIELDS} />
      </SaveForm>
      <TryOut form={form} bot={bot.value} />
    </div>
  );
}

export default function BotPage() {
  const bot = useData<Bot>('/bot');
  return (
    <SettingsFrame>
      <Head title={t('pageBot')} lead={w('botLead')} />
      <Show of={bot}>{() => <Editor bot={bot.data as Signal<Bot>} />}</Show>
    </SettingsFrame>
  );
}
