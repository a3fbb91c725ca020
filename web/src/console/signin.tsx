// SPDX-License-Identifier: Apache-2.0
// Sign-in. It stands in for whatever page was asked for, so that page is where one is once signed in.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import icon from '../icon.svg';
import { isStatus, Problem, told } from '../lib/api';
import { t } from '../lib/i18n';
import { lastSignIn, signIn, wasSignedIn } from './session';
import { Icon } from './icons';
import { Field } from './ui';

/** What went wrong, in words that help. */
function explain(why: unknown, hadCode: boolean): string {
  if (isStatus(why, 401)) return t('signInWrong');
  if (why instanceof Problem && why.slug === 'second-factor') return hadCode ? t('problem_second-factor') : t('codeAsked');
  return told(why);
}

const SHOWN = { type: 'text' } as const;
const HIDDEN = { type: 'password' } as const;

function Password({ ids, value, onInput }: { ids: object; value: string; onInput: (value: string) => void }) {
  const isShown = useSignal(false);
  return (
    <div class="with-button">
      <input
        {...ids}
        {...(isShown.value ? SHOWN : HIDDEN)}
        name="password"
        autocomplete="current-password"
        required
        value={value}
        onInput={(e) => onInput(e.currentTarget.value)}
      />
      <button
        type="button"
        class="icon-button"
        aria-pressed={isShown.value}
        aria-label={t('passwordShow')}
        title={t('passwordShow')}
        onClick={() => (isShown.value = !isShown.value)}
      >
        <Icon name="eye" />
      </button>
    </div>
  );
}

function Code({ value, onInput }: { value: string; onInput: (value: string) => void }) {
  const at = useRef<HTMLInputElement>(null);
  useEffect(() => at.current?.focus(), []);
  return (
    <Field label={t('code')} hint={t('codeHint')}>
      {(ids) => (
        <input
          {...ids}
          ref={at}
          name="code"
          inputMode="text"
          autocomplete="one-time-code"
          autocapitalize="none"
          required
          value={value}
          onInput={(e) => onInput(e.currentTarget.value)}
        />
      )}
    </Field>
  );
}

export function SignIn() {
  const last = lastSignIn();
  const tenant = useSignal(last.tenant);
  const email = useSignal(last.email);
  const password = useSignal('');
  const code = useSignal('');
  const wantsCode = useSignal(false);
  const problem = useSignal('');
  const isBusy = useSignal(false);
  const submit = async (e: Event) => {
    e.preventDefault();
    isBusy.value = true;
    problem.value = '';
    try {
      await signIn({
        tenant: tenant.value.trim(),
        email: email.value.trim(),
        password: password.value,
        ...(wantsCode.value ? { code: code.value.replace(/\s/g, '') } : {}),
      });
    } catch (why) {
      problem.value = explain(why, wantsCode.value);
      if (why instanceof Problem && why.slug === 'second-factor') wantsCode.value = true;
      code.value = '';
    }
    isBusy.value = false;
  };
  return (
    <main class="signin" id="content">
      <form class="card" onSubmit={(e) => void submit(e)} aria-labelledby="signin-title">
        <img src={icon} alt="" width="36" height="36" />
        <h1 id="signin-title">{t('signInTitle')}</h1>
        {wasSignedIn.value && <p class="quiet">{t('signInAgain')}</p>}
        {!wantsCode.value && (
          <>
            <Field label={t('tenant')} hint={t('tenantHint')}>
              {(ids) => (
                <input
                  {...ids}
                  name="tenant"
                  autocomplete="organization"
                  autocapitalize="none"
                  spellcheck={false}
                  required
                  value={tenant.value}
                  onInput={(e) => (tenant.value = e.currentTarget.value)}
                />
              )}
            </Field>
            <Field label={t('email')}>
              {(ids) => (
                <input
                  {...ids}
                  type="email"
                  name="email"
                  autocomplete="username"
                  required
                  value={email.value}
                  onInput={(e) => (email.value = e.currentTarget.value)}
                />
              )}
            </Field>
            <Field label={t('password')}>
              {(ids) => <Password ids={ids} value={password.value} onInput={(value) => (password.value = value)} />}
            </Field>
          </>
        )}
        {wantsCode.value && <Code value={code.value} onInput={(value) => (code.value = value)} />}
        <p class={problem.value ? 'problem' : 'sr'} role="alert">
          {problem.value}
        </p>
        <button type="submit" class="primary" disabled={isBusy.value}>
          {t('signIn')}
        </button>
        {wantsCode.value && (
          <button type="button" class="link" onClick={() => (wantsCode.value = false)}>
            {t('back')}
          </button>
        )}
      </form>
    </main>
  );
}
