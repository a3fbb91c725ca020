// SPDX-License-Identifier: Apache-2.0
// One's own name, language and look, password, second factor, and where one is signed in.
import { useSignal } from '@preact/signals';
import qrcode from 'qrcode-generator';
import { useMemo } from 'preact/hooks';
import { del, patch, post, type List, type Me, type Theme } from '../../lib/api';
import { timeFull, when } from '../../lib/format';
import { chosenLanguage, t, tx, type Language } from '../../lib/i18n';
import { load, me, setLanguage, setTheme, theme, user } from '../session';
import { Empty, Field, toastProblem } from '../ui';
import { DialogForm, SaveBar, SaveForm, TextField, useForm, Whole } from './form';
import { CopyButton, CopyLine, Head, Once, Show, useData, useDoing } from './kit';
import { w } from './words';

/* --- name, language, theme ---------------------------------------------------------------------------------------- */

function About() {
  const form = useForm({ name: user.value?.name ?? '' });
  const save = async (v: { name: string }) => {
    me.value = await patch<Me>('/me', { name: v.name.trim() });
    return { name: user.value?.name ?? '' };
  };
  return (
    <SaveForm form={form} save={save}>
      <TextField form={form} name="name" label={w('name')} hint={w('nameHint')} autocomplete="name" maxLength={100} />
      <SaveBar form={form} fields={['name']} />
      <div class="columns">
        <Field label={t('language')}>
          {(ids) => (
            <select
              {...ids}
              value={chosenLanguage.value}
              onChange={(e) => void setLanguage(e.currentTarget.value as Language | '').catch(toastProblem)}
            >
              <option value="">{t('languageAuto')}</option>
              <option value="pt-BR">Português</option>
              <option value="en">English</option>
            </select>
          )}
        </Field>
        <Field label={t('theme')}>
          {(ids) => (
            <select
              {...ids}
              value={theme.value}
              onChange={(e) => void setTheme(e.currentTarget.value as Theme).catch(toastProblem)}
            >
              {(['auto', 'light', 'dark'] as const).map((one) => (
                <option key={one} value={one}>
                  {tx('theme_', one)}
                </option>
              ))}
            </select>
          )}
        </Field>
      </div>
    </SaveForm>
  );
}

/* --- password ----------------------------------------------------------------------------------------------------- */

const EMPTY = { current: '', fresh: '', again: '' };

function Password() {
  const form = useForm(EMPTY);
  const v = form.value.value;
  const isDifferent = v.again !== '' && v.again !== v.fresh;
  const save = async (values: typeof EMPTY) => {
    await patch('/me', { password: { current: values.current, new: values.fresh } });
    return EMPTY;
  };
  const input = (name: keyof typeof EMPTY, label: string, autocomplete: 'current-password' | 'new-password', problem?: string) => (
    <TextField form={form} name={name} label={label} problem={problem} type="password" required autocomplete={autocomplete} />
  );
  return (
    <SaveForm form={form} save={save} said={w('passwordChanged')} titleId="password-title">
      <h2 id="password-title">{t('password')}</h2>
      <input class="sr" tabIndex={-1} aria-hidden="true" autocomplete="username" readOnly value={user.value?.email ?? ''} />
      {input('current', w('currentPassword'), 'current-password')}
      <div class="columns">
        {input('fresh', w('freshPassword'), 'new-password')}
        {input('again', w('againPassword'), 'new-password', isDifferent ? w('passwordsDiffer') : undefined)}
      </div>
      <Whole problem={form.rest([])} />
      <div class="row">
        <button type="submit" class="primary" disabled={form.isBusy.value || v.fresh === '' || v.again !== v.fresh}>
          {w('changePassword')}
        </button>
      </div>
    </SaveForm>
  );
}

/* --- second factor ------------------------------------------------------------------------------------------------ */

const QUIET_ZONE = 4; // modules around the code, which cameras need

/** Always dark on light, whatever the theme: many apps read nothing else. */
function QrCode({ text }: { text: string }) {
  const { path, size } = useMemo(() => {
    const code = qrcode(0, 'M');
    code.addData(text);
    code.make();
    const n = code.getModuleCount();
    let d = '';
    for (let y = 0; y < n; y++)
      for (let x = 0; x < n; x++) if (code.isDark(y, x)) d += `M${x + QUIET_ZONE} ${y + QUIET_ZONE}h1v1h-1z`;
    return { path: d, size: n + 2 * QUIET_ZONE };
  }, [text]);
  return (
    <svg class="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={w('qrLabel')} shape-rendering="crispEdges">
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}

const CODE = { required: true, autocomplete: 'one-time-code', inputMode: 'numeric' } as const;
const digits = (code: string) => code.replace(/\s/g, '');

function Enrol({ secret, uri, onClose, onDone }: {
  secret: string;
  uri: string;
  onClose: () => void;
  onDone: (codes: string[]) => void;
}) {
  const form = useForm({ code: '' });
  const save = ({ code }: { code: string }) => post<{ recovery_codes: string[] }>('/me/totp/confirm', { code: digits(code) });
  return (
    <DialogForm
      title={w('enrolTitle')}
      form={form}
      save={save}
      fields={['code']}
      submit={w('confirmCode')}
      onSaved={(found) => onDone(found.recovery_codes)}
      onClose={onClose}
    >
      <ol class="numbered">
        <li>{w('enrol1')}</li>
        <li>{w('enrol2')}</li>
      </ol>
      <QrCode text={uri} />
      <CopyLine label={w('byHand')} text={secret} />
      <TextField form={form} name="code" label={t('code')} {...CODE} />
    </DialogForm>
  );
}

function Disable({ onClose }: { onClose: () => void }) {
  const form = useForm({ password: '', code: '' });
  const save = async (v: { password: string; code: string }) => {
    await post('/me/totp/disable', { password: v.password, code: digits(v.code) });
  };
  return (
    <DialogForm
      title={w('disableTotp')}
      form={form}
      save={save}
      fields={['code']}
      submit={w('disableTotp')}
      isDanger
      onSaved={() => void load()}
      onClose={onClose}
    >
      <p class="warning">{w('disableTotpText')}</p>
      <TextField form={form} name="password" label={t('password')} type="password" required autocomplete="current-password" />
      <TextField form={form} name="code" label={t('code')} {...CODE} />
    </DialogForm>
  );
}

function SecondFactor() {
  const [isBusy, run] = useDoing();
  const enrolling = useSignal<{ secret: string; uri: string } | null>(null);
  const codes = useSignal<string[] | null>(null);
  const isDisabling = useSignal(false);
  const has = user.value?.has_totp ?? false;
  return (
    <section class="card form" aria-labelledby="totp-title">
      <div class="row spread">
        <h2 id="totp-title">{w('secondFactor')}</h2>
        <span class={has ? 'badge accent' : 'badge'}>{w(has ? 'on' : 'off')}</span>
      </div>
      <p class="quiet">{w('secondFactorLead')}</p>
      <div class="row">
        {has ? (
          <button type="button" onClick={() => (isDisabling.value = true)}>
            {w('disableTotp')}
          </button>
        ) : (
          <button
            type="button"
            class="primary"
            disabled={isBusy.value}
            onClick={() => void run(async () => (enrolling.value = await post('/me/totp')))}
          >
            {w('enableTotp')}
          </button>
        )}
      </div>
      {enrolling.value && (
        <Enrol
          {...enrolling.value}
          onClose={() => (enrolling.value = null)}
          onDone={(found) => {
            codes.value = found;
            if (me.value?.user) me.value = { ...me.value, user: { ...me.value.user, has_totp: true } };
          }}
        />
      )}
      {codes.value && (
        <Once title={w('recoveryCodes')} lead={w('recoveryLead')} onClose={() => (codes.value = null)}>
          <ul class="codes">
            {codes.value.map((code) => (
              <li key={code}>
                <code>{code}</code>
              </li>
            ))}
          </ul>
          <CopyButton text={codes.value.join('\n')} label={w('recoveryCodes')} />
        </Once>
      )}
      {isDisabling.value && <Disable onClose={() => (isDisabling.value = false)} />}
    </section>
  );
}

/* --- sessions ----------------------------------------------------------------------------------------------------- */

interface Session {
  id: string;
  created_at: string;
  last_seen_at: string;
  peer: string;
  agent: string;
  is_current: boolean;
}

/** "Firefox, Windows" of the browser's own long words. */
function browserOf(agent: string): string {
  const browser = /(Edg|OPR|Firefox|Chrome|Safari)\//.exec(agent)?.[1];
  const system = /(Windows|Android|iPhone|iPad|Mac OS X|Linux)/.exec(agent)?.[1];
  const name = { Edg: 'Edge', OPR: 'Opera' }[browser ?? ''] ?? browser;
  return [name, system?.replace('Mac OS X', 'macOS')].filter(Boolean).join(', ') || agent || w('unknownBrowser');
}

function Sessions() {
  const list = useData<List<Session>>('/me/sessions');
  const [isBusy, run] = useDoing();
  return (
    <section class="card form" aria-labelledby="sessions-title">
      <h2 id="sessions-title">{w('sessions')}</h2>
      <p class="quiet">{w('sessionsLead')}</p>
      <Show of={list}>
        {({ data }) => (
          <ul class="rows">
            {data.map((one) => (
              <li key={one.id}>
                <span class="rows-main">
                  <strong title={one.agent}>{browserOf(one.agent)}</strong>
                  <span class="quiet" title={timeFull(one.last_seen_at)}>
                    {[one.peer, w('seenAt', { when: when(one.last_seen_at) })].filter(Boolean).join(' · ')}
                  </span>
                </span>
                {one.is_current ? (
                  <span class="badge accent">{w('thisOne')}</span>
                ) : (
                  <button
                    type="button"
                    class="small"
                    disabled={isBusy.value}
                    aria-label={`${w('endSession')}: ${browserOf(one.agent)}`}
                    onClick={() =>
                      void run(async () => {
                        await del(`/me/sessions/${one.id}`);
                        await list.reload();
                      })
                    }
                  >
                    {w('endSession')}
                  </button>
                )}
              </li>
            ))}
          </ul>
        )}
      </Show>
    </section>
  );
}

export default function Profile() {
  if (!user.value) return <Empty title={w('noUser')} />;
  return (
    <div class="narrow">
      <Head title={t('pageProfile')} lead={`${user.value.email} · ${me.value?.tenant.name ?? ''}`} />
      <About />
      <Password />
      <SecondFactor />
      <Sessions />
    </div>
  );
}
