// SPDX-License-Identifier: Apache-2.0
// Forms that know whether they were changed, save once at a time and tell a problem at its field.
import { useSignal, type Signal } from '@preact/signals';
import type { ComponentChildren, LooseInputHTMLAttributes } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import { kit } from '../../i18n/kit';
import { Problem, told } from '../../lib/api';
import { t, words } from '../../lib/i18n';
import { guard } from '../../lib/router';
import { Dialog, Field, toast } from '../ui';

const { w } = words(kit);

/** The field that a problem is about: its own member, or the name its words begin with. */
export function fieldOf(why: unknown): string {
  if (!(why instanceof Problem)) return '';
  if (typeof why.body.field === 'string') return why.body.field;
  if (why.slug === 'second-factor') return 'code';
  return /^"?([a-z_][\w.[\]]*)"?(?::| is | has | holds | does )/i.exec(why.message)?.[1] ?? '';
}

export interface Form<T extends object> {
  value: Signal<T>;
  isDirty: () => boolean;
  set: (change: Partial<T>) => void;
  /** To what was there, or saved last. */
  putBack: () => void;
  problem: (field: string) => string | undefined;
  /** A failure that belongs to no field that was asked for. */
  rest: (fields: readonly string[]) => string;
  isBusy: Signal<boolean>;
  /** Keeps what was entered when it fails. */
  submit: (save: (value: T) => Promise<T | void>) => Promise<boolean>;
}

export function useForm<T extends object>(first: T): Form<T> {
  const start = useSignal(first);
  const value = useSignal(first);
  const why = useSignal<unknown>(null);
  const isBusy = useSignal(false);
  const isDirty = () => JSON.stringify(start.value) !== JSON.stringify(value.value);
  useEffect(() => {
    const stop = guard(() => !isDirty() || confirm(w('leaveUnsaved')));
    const onUnload = (e: BeforeUnloadEvent) => {
      if (isDirty()) e.preventDefault();
    };
    addEventListener('beforeunload', onUnload);
    return () => {
      stop();
      removeEventListener('beforeunload', onUnload);
    };
  }, []);
  return useMemo(
    () => ({
      value,
      isDirty,
      set: (change) => (value.value = { ...value.value, ...change }),
      putBack: () => {
        value.value = start.value;
        why.value = null;
      },
      problem: (field) => (why.value && fieldOf(why.value) === field ? told(why.value) : undefined),
      rest: (fields) => (why.value && !fields.includes(fieldOf(why.value)) ? told(why.value) : ''),
      isBusy,
      submit: async (save) => {
        if (isBusy.value) return false;
        isBusy.value = true;
        why.value = null;
        try {
          const kept = await save(value.value);
          start.value = kept ?? value.value;
          value.value = start.value;
          return true;
        } catch (failure) {
          why.value = failure;
          return false;
        } finally {
          isBusy.value = false;
        }
      },
    }),
    [],
  );
}

/** For what follows a save: runs once the form knows that nothing is unsaved any more. */
export const afterwards = (fn: () => void): void => void setTimeout(fn);

/** What is wrong with the whole of it; always there, so that it is read out when it comes. */
export const Whole = ({ problem }: { problem: string }) => (
  <p class={problem ? 'problem' : 'sr'} role="alert">
    {problem}
  </p>
);

/* --- forms of a page and of a dialog ------------------------------------------------------------------------------ */

/** A form that stays where it is: says when it is saved and can be put back. onEnd: either happened. */
export function SaveForm<T extends object>({ form, save, said = t('saved'), look = 'card form', titleId, onEnd, children }: {
  form: Form<T>;
  save: (value: T) => Promise<T | void>;
  said?: string;
  look?: string;
  titleId?: string;
  onEnd?: () => void;
  children: ComponentChildren;
}) {
  const submit = async (e: Event) => {
    e.preventDefault();
    if (!(await form.submit(save))) return;
    toast(said);
    onEnd?.();
  };
  const putBack = (e: Event) => {
    e.preventDefault();
    form.putBack();
    onEnd?.();
  };
  return (
    <form class={look} aria-labelledby={titleId} onSubmit={(e) => void submit(e)} onReset={putBack}>
      {children}
    </form>
  );
}

/** Save and put back, while there is something to. fields: those that tell their own problems. */
export function SaveBar<T extends object>({ form, fields = [] }: { form: Form<T>; fields?: readonly string[] }) {
  const isDirty = form.isDirty();
  return (
    <div class="save-bar">
      <Whole problem={form.rest(fields)} />
      <button type="submit" class="primary" disabled={!isDirty || form.isBusy.value}>
        {t('save')}
      </button>
      {isDirty && (
        <button type="reset" disabled={form.isBusy.value}>
          {w('putBack')}
        </button>
      )}
      {isDirty && <span class="quiet">{w('unsaved')}</span>}
    </div>
  );
}

/** A form in a dialog, which closes when it is saved. fields: those that tell their own problems. */
export function DialogForm<T extends object, Answer>({
  title,
  lead,
  form,
  save,
  fields = [],
  submit = t('save'),
  isOff = false,
  isDanger = false,
  onSaved,
  onClose,
  children,
}: {
  title: string;
  lead?: string;
  form: Form<T>;
  save: (value: T) => Promise<Answer>;
  fields?: readonly string[];
  submit?: string;
  isOff?: boolean;
  isDanger?: boolean;
  onSaved?: (answer: Answer) => void;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const run = async (e: Event) => {
    e.preventDefault();
    let answer!: Answer;
    const isSaved = await form.submit(async (value) => {
      answer = await save(value);
    });
    if (!isSaved) return;
    onSaved?.(answer);
    onClose();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      {lead && <p class="quiet">{lead}</p>}
      <form class="form" onSubmit={(e) => void run(e)}>
        {children}
        <Whole problem={form.rest(fields)} />
        <div class="actions">
          <button type="button" onClick={onClose}>
            {t('cancel')}
          </button>
          <button type="submit" class={isDanger ? 'danger' : 'primary'} disabled={isOff || form.isBusy.value}>
            {submit}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/* --- fields of a form --------------------------------------------------------------------------------------------- */

type NamesOf<T, V> = { [K in keyof T]-?: T[K] extends V ? K : never }[keyof T] & string;

interface Bound<T extends object, V> {
  form: Form<T>;
  name: NoInfer<NamesOf<T, V>>;
  label: string;
  hint?: string | undefined;
}

type Attributes = Omit<LooseInputHTMLAttributes, 'form' | 'name' | 'label' | 'value' | 'onInput'> & { list?: string };

/** A text, of several lines where rows are given. of: what the server calls it, where that is another name. */
export function TextField<T extends object>({ form, name, label, hint, of = name, problem = form.problem(of), rows, ...attributes }: Bound<T, string> &
  Attributes & { of?: string; problem?: string | undefined; rows?: number }) {
  const own = {
    ...(attributes as object),
    value: form.value.value[name] as string,
    onInput: (e: { currentTarget: { value: string } }) => form.set({ [name]: e.currentTarget.value } as Partial<T>),
  };
  return (
    <Field label={label} hint={hint} problem={problem}>
      {(ids) => (rows ? <textarea {...ids} {...own} rows={rows} /> : <input {...ids} {...own} />)}
    </Field>
  );
}

/** One of several; say is what each of them is called. */
export function SelectField<T extends object>({ form, name, label, hint, choices, say }: Bound<T, string> & {
  choices: readonly string[];
  say: (choice: string) => string;
}) {
  return (
    <Field label={label} hint={hint}>
      {(ids) => (
        <select {...ids} value={form.value.value[name] as string} onChange={(e) => form.set({ [name]: e.currentTarget.value } as Partial<T>)}>
          {choices.map((one) => (
            <option key={one} value={one}>
              {say(one)}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

export function CheckField<T extends object>({ form, name, label }: Omit<Bound<T, boolean | undefined>, 'hint'>) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={Boolean(form.value.value[name])}
        onChange={(e) => form.set({ [name]: e.currentTarget.checked } as unknown as Partial<T>)}
      />
      {label}
    </label>
  );
}
