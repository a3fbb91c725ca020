// SPDX-License-Identifier: Apache-2.0
// Provider accounts: WhatsApp numbers and models. Secrets go in and never come back; a test tells whether they are good.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { get, patch, post, type List } from '../../lib/api';
import { when } from '../../lib/format';
import { t } from '../../lib/i18n';
import { navigate, query } from '../../lib/router';
import { detailOf, whyOfCause } from '../../lib/why';
import { Icon } from '../icons';
import { Empty, Field } from '../ui';
import { afterwards, SaveBar, SaveForm, TextField, useForm } from './form';
import { ask, Asker, CopyLine, Head, SettingsFrame, Show, useData, useDoing } from './kit';
import { hasWord, w, wx, type Word } from './words';
import type { PageProps } from './index';

interface KindField {
  name: string;
  type: 'text' | 'url' | 'digits' | 'version' | 'integer' | 'number' | 'boolean' | 'currency';
  is_secret: boolean;
  min: number;
  max: number;
  summary: string;
}

interface Kind {
  kind: string;
  summary: string;
  address: string | null;
  fields: KindField[];
}

interface Account {
  id: string | null;
  kind: string;
  name: string;
  address: string;
  settings: Record<string, string | number | boolean>;
  secrets: Record<string, boolean>;
  is_active: boolean;
  is_preferred: boolean;
  state: string;
  state_reason: string;
  webhook: { path: string; is_own_app: boolean; app_secret_set: boolean; verify_token_set: boolean } | null;
}

interface Probe {
  result: 'ok' | 'refused' | 'unreachable';
  cause: string;
  reason: string;
  found: { name: string | null; phone: string | null; quality: string | null } | null;
  webhook: Entry | null;
}

/** Which address for incoming messages is entered at the provider. */
interface Entry {
  result: 'entered' | 'other' | 'missing' | 'no-sender' | 'denied' | 'not-told' | 'no-url';
  expected: string | null;
  found: string | null;
  place: 'sender' | 'service' | null;
  cause: string | null;
  reason: string;
}

interface Look {
  looked_at: string | null;
  trouble: string | null;
  is_refused: boolean;
}

const LOOK_MS = 1000;
const LOOKS = 20;
const MAIL = ['from_name', 'smtp_host', 'smtp_port', 'smtp_security', 'smtp_user', 'smtp_password', 'imap_host', 'imap_port', 'imap_security'];
const TWILIO = ['account_sid', 'auth_token', 'messaging_service_sid'];
const ESSENTIAL = [...MAIL, ...TWILIO, 'access_token', 'app_secret', 'verify_token', 'waba_id', 'display_phone', 'api_key', 'model', 'fallback_model'];
const label = (name: string): string => wx('f_', name);

/* --- one field ---------------------------------------------------------------------------------------------------- */

interface Values {
  name: string;
  address: string;
  settings: Record<string, string>;
  secrets: Record<string, string>;
}

const inputOf = (f: KindField): Record<string, string | number | boolean> => {
  if (f.is_secret) return { type: 'password', autocomplete: 'new-password', spellcheck: false };
  if (f.type === 'url') return { type: 'url', inputMode: 'url', placeholder: 'https://' };
  if (f.type === 'integer') return { type: 'number', min: f.min, max: f.max, step: 1 };
  if (f.type === 'number') return { type: 'number', min: f.min, max: f.max, step: 'any' };
  if (f.type === 'digits') return { inputMode: 'numeric', pattern: '[0-9]*' };
  return { autocomplete: 'off' };
};

/** What a field is chosen from, where it is not written. */
function choicesOf(f: KindField): [string, string][] | null {
  if (f.type === 'boolean') return [['', w('standard')], ['true', w('yes')], ['false', w('no')]];
  if (!f.name.endsWith('_security')) return null;
  return [['', w('security_tls')], ['starttls', w('security_starttls')], ['none', w('security_none')]];
}

function KindInput({ field, value, isSet, problem, onInput }: {
  field: KindField;
  value: string;
  isSet: boolean;
  problem: string | undefined;
  onInput: (value: string) => void;
}) {
  const hint = hasWord(`fh_${field.name}`) ? wx('fh_', field.name) : field.summary;
  const state = field.is_secret ? (isSet ? ` ${w('secretSet')}` : ` ${w('secretUnset')}`) : '';
  const choices = choicesOf(field);
  if (choices)
    return (
      <Field label={label(field.name)} hint={hint}>
        {(ids) => (
          <select {...ids} value={value} onChange={(e) => onInput(e.currentTarget.value)}>
            {choices.map(([key, title]) => (
              <option key={key} value={key}>
                {title}
              </option>
            ))}
          </select>
        )}
      </Field>
    );
  return (
    <Field label={label(field.name)} hint={hint + state} problem={problem}>
      {(ids) => (
        <input
          {...ids}
          {...inputOf(field)}
          {...(field.is_secret && isSet ? { placeholder: '••••••••' } : {})}
          value={value}
          onInput={(e) => onInput(e.currentTarget.value)}
        />
      )}
    </Field>
  );
}

/* --- the form ----------------------------------------------------------------------------------------------------- */

const valuesOf = (account: Account | null): Values => ({
  name: account?.name ?? '',
  address: account?.address ?? '',
  settings: Object.fromEntries(Object.entries(account?.settings ?? {}).map(([k, v]) => [k, String(v)])),
  secrets: {},
});

function Edit({ kind, account, onSaved }: { kind: Kind; account: Account | null; onSaved: (saved: Account) => void }) {
  const form = useForm<Values>(valuesOf(account));
  const v = form.value.value;
  const save = async (values: Values) => {
    const given = Object.fromEntries(Object.entries(values.secrets).filter(([, secret]) => secret !== ''));
    const body = { name: values.name, address: values.address, settings: values.settings, secrets: given };
    const saved = account
      ? await patch<Account>(`/providers/${account.id}`, body)
      : await post<Account>('/providers', { ...body, kind: kind.kind });
    afterwards(() => onSaved(saved));
    return valuesOf(saved);
  };
  const inputs = (fields: KindField[]) =>
    fields.map((f) => {
      const group = f.is_secret ? 'secrets' : 'settings';
      return (
        <KindInput
          key={f.name}
          field={f}
          value={v[group][f.name] ?? ''}
          isSet={account?.secrets[f.name] ?? false}
          problem={form.problem(f.name)}
          onInput={(value) => form.set({ [group]: { ...v[group], [f.name]: value } })}
        />
      );
    });
  const essential = kind.fields.filter((f) => ESSENTIAL.includes(f.name));
  /* What makes itself is not asked for. */
  const more = kind.fields.filter((f) => !ESSENTIAL.includes(f.name) && f.name !== 'unsubscribe_key');
  const isMail = kind.kind === 'email';
  return (
    <SaveForm form={form} save={save}>
      <TextField form={form} name="name" label={w('channelName')} hint={w('channelNameHint')} maxLength={100} />
      {kind.address && (
        <TextField
          form={form}
          name="address"
          label={wx('address_', kind.kind)}
          hint={wx('addressHint_', kind.kind)}
          required
          {...(isMail ? { type: 'email', autocomplete: 'off' } : { inputMode: 'numeric', pattern: '[0-9]+' })}
        />
      )}
      {inputs(essential)}
      <details>
        <summary>{w('moreSettings')}</summary>
        <div class="form">{inputs(more)}</div>
      </details>
      <SaveBar form={form} fields={[...kind.fields.map((f) => f.name), 'address']} />
    </SaveForm>
  );
}

/* --- webhook, test, state ----------------------------------------------------------------------------------------- */

function Webhook({ account }: { account: Account }) {
  const hook = account.webhook;
  const isTwilio = account.kind === 'twilio';
  if (!hook) return null;
  return (
    <section class="card form" aria-labelledby="webhook-title">
      <h2 id="webhook-title">{w('webhookTitle')}</h2>
      <p class="quiet">{w(isTwilio ? 'webhookTwilio' : hook.is_own_app ? 'webhookOwn' : 'webhookShared')}</p>
      <CopyLine label={w('callbackUrl')} text={location.origin + hook.path} />
      <ul class="check-list">
        {!isTwilio && (
          <Checked isGood={hook.verify_token_set} text={w(hook.verify_token_set ? 'verifySet' : 'verifyUnset')} />
        )}
        <Checked isGood={hook.app_secret_set} text={wx(isTwilio ? 'authToken' : 'appSecret', hook.app_secret_set ? 'Set' : 'Unset')} />
        {!isTwilio && (
          <li>
            <Icon name="inbox" size={16} />
            {w('webhookFields')}
          </li>
        )}
      </ul>
      {location.protocol !== 'https:' && <p class="warning">{w(isTwilio ? 'webhookHttpsTwilio' : 'webhookHttps')}</p>}
    </section>
  );
}

function Checked({ isGood, text }: { isGood: boolean; text: string }) {
  return (
    <li class={isGood ? 'good' : 'bad'}>
      <Icon name={isGood ? 'check' : 'close'} size={16} />
      {text}
    </li>
  );
}

/** What the provider says of the address; when it is not entered, the one to enter. */
function EntryResult({ entry }: { entry: Entry }) {
  const isBad = ['other', 'missing', 'no-sender'].includes(entry.result);
  return (
    <div class="entry" role="status">
      <p class={`result ${entry.result === 'entered' ? 'ok' : isBad ? 'refused' : 'unreachable'}`}>
        {wx('entry_', entry.result)}
      </p>
      {entry.result === 'other' && entry.found && (
        <p>
          {w('entryFound')} <code>{entry.found}</code>
        </p>
      )}
      {(entry.result === 'other' || entry.result === 'missing') && (
        <CopyLine label={wx('entryExpected_', entry.place ?? 'sender')} text={`${entry.expected}#rc=3&rp=all`} />
      )}
      {entry.cause && <p class="quiet">{hasWord(`entryCause_${entry.cause}`) ? wx('entryCause_', entry.cause) : entry.reason}</p>}
    </div>
  );
}

/** What the provider says of the account, or why it did not go well: in the server's words only where the cause has none of ours. */
function explained({ result, cause, reason, found }: Probe): string {
  if (result === 'ok') {
    const quality = hasWord(`quality_${found?.quality}`) ? wx('quality_', found?.quality ?? '') : null;
    return [found?.name, found?.phone, quality].filter(Boolean).join(' · ');
  }
  const [, family = '', code = ''] = /^(\w+)-(\d+)$/.exec(cause) ?? [];
  const key = [`test_${cause}`, `test_${family}`].find(hasWord);
  const host = /"([^"]+)"/.exec(reason)?.[1] ?? '';
  const known = key ? w(key as Word, { code, host }) : whyOfCause(code);
  return known ? `${known} ${detailOf(cause, reason)}`.trim() : reason;
}

function Test({ account, onDone }: { account: Account; onDone: () => void }) {
  const probe = useSignal<Probe | null>(null);
  const [isBusy, run] = useDoing();
  const found = probe.value;
  return (
    <div class="with-result">
      <button
        type="button"
        disabled={isBusy.value}
        onClick={() =>
          void run(async () => {
            probe.value = null;
            probe.value = await post<Probe>(`/providers/${account.id}/test`);
            onDone();
          })
        }
      >
        {isBusy.value ? w('testing') : w('test')}
      </button>
      <p role="status" class={found ? `result ${found.result}` : 'result'}>
        {found && (
          <>
            <strong>{wx('probe_', found.result)}</strong> {explained(found)}
          </>
        )}
      </p>
      {found?.webhook && <EntryResult entry={found.webhook} />}
    </div>
  );
}

/** When the mailbox was looked at, and a button for now. */
function Mailbox({ account }: { account: Account }) {
  const look = useData<Look>(`/providers/${account.id}/mailbox`);
  const [isBusy, run] = useDoing();
  const isWaiting = useSignal(false);
  const left = useSignal(0);
  const last = look.data.value;
  useEffect(() => {
    if (left.value === 0) return;
    const timer = setTimeout(() => {
      left.value -= 1;
      void get<Look>(`/providers/${account.id}/mailbox`).then((now) => {
        if (now.looked_at !== last?.looked_at) left.value = 0;
        isWaiting.value = left.value > 0;
        look.data.value = now;
      });
    }, LOOK_MS);
    return () => clearTimeout(timer);
  }, [left.value]);
  const start = async () => {
    look.data.value = await post<Look>(`/providers/${account.id}/mailbox/look`);
    isWaiting.value = true;
    left.value = LOOKS;
  };
  return (
    <div class="with-result">
      <button type="button" disabled={isBusy.value || isWaiting.value} onClick={() => void run(start)}>
        {isWaiting.value ? w('looking') : w('lookNow')}
      </button>
      <p role="status" class={last?.trouble ? 'result refused' : 'result'}>
        {last && (last.looked_at ? w('lookedAt', { at: when(last.looked_at) }) : w('neverLooked'))} {last?.trouble}
      </p>
    </div>
  );
}

function Stand({ account }: { account: Account }) {
  if (!account.is_active) return <span class="badge">{w('off')}</span>;
  if (account.state !== 'ok') return <span class="badge bad">{w('blocked')}</span>;
  return <span class="badge accent">{w('on')}</span>;
}

function Switches({ account, onChange }: { account: Account; onChange: (now: Account) => void }) {
  const [isBusy, run] = useDoing();
  const set = (body: Record<string, unknown>) =>
    void run(async () => onChange(await patch<Account>(`/providers/${account.id}`, body)));
  const disable = async () => {
    if (await ask(w('disableTitle', { name: account.name }), w('disableText'), w('disable'))) set({ is_active: false });
  };
  return (
    <>
      {account.is_active && account.state !== 'ok' && (
        <div class="problem" role="alert">
          <span>
            {w('blockedLead')} {account.state_reason && `(${account.state_reason})`}
          </span>
          <button type="button" class="small" disabled={isBusy.value} onClick={() => set({ state: 'ok' })}>
            {w('inOrder')}
          </button>
        </div>
      )}
      <div class="row">
        {account.is_active ? (
          <button type="button" disabled={isBusy.value} onClick={() => void disable()}>
            {w('disable')}
          </button>
        ) : (
          <button type="button" class="primary" disabled={isBusy.value} onClick={() => set({ is_active: true })}>
            {w('enable')}
          </button>
        )}
        {!account.is_preferred && account.is_active && (
          <button type="button" disabled={isBusy.value} onClick={() => set({ is_preferred: true })}>
            {w('prefer')}
          </button>
        )}
      </div>
    </>
  );
}

/* --- pages -------------------------------------------------------------------------------------------------------- */

function One({ id, kinds }: { id: string; kinds: Kind[] }) {
  const account = useData<Account>(`/providers/${encodeURIComponent(id)}`);
  return (
    <Show of={account}>
      {(found) => {
        const kind = kinds.find((k) => k.kind === found.kind);
        return (
          <>
            <Head title={found.name} lead={`${wx('kind_', found.kind)}${found.address ? ` · ${found.address}` : ''}`}>
              <Stand account={found} />
            </Head>
            <a href="/app/settings/channels">{w('allChannels')}</a>
            <section class="card form" aria-label={w('state')}>
              <Switches account={found} onChange={(now) => (account.data.value = now)} />
              <Test account={found} onDone={() => void account.reload()} />
              {found.is_active && found.settings.imap_host && <Mailbox account={found} />}
            </section>
            <Webhook account={found} />
            {kind && <Edit key={found.id} kind={kind} account={found} onSaved={(now) => (account.data.value = now)} />}
          </>
        );
      }}
    </Show>
  );
}

function New({ kinds }: { kinds: Kind[] }) {
  const kind = kinds.find((k) => k.kind === query.value.get('kind'));
  if (!kind)
    return (
      <>
        <Head title={w('newChannel')} lead={w('newChannelLead')} />
        <ul class="tiles">
          {kinds.map((k) => (
            <li key={k.kind}>
              <a class="card choice-card" href={`/app/settings/channels/new?kind=${k.kind}`}>
                <Icon name={k.address ? 'send' : 'bot'} size={24} />
                <strong>{wx('kind_', k.kind)}</strong>
                <span class="quiet">{hasWord(`kindLead_${k.kind}`) ? wx('kindLead_', k.kind) : k.summary}</span>
              </a>
            </li>
          ))}
        </ul>
      </>
    );
  return (
    <>
      <Head title={w('newOf', { kind: wx('kind_', kind.kind) })} lead={w('newOfLead')} />
      <a href="/app/settings/channels/new">{t('back')}</a>
      {hasWord(`steps_${kind.kind}`) && (
        <ol class="steps card">
          {wx('steps_', kind.kind)
            .split('|')
            .map((step) => (
              <li key={step}>{step}</li>
            ))}
        </ol>
      )}
      <Edit
        kind={kind}
        account={null}
        onSaved={(saved) => navigate(`/app/settings/channels/${saved.id}`, 'replace')}
      />
    </>
  );
}

function AccountRow({ account }: { account: Account }) {
  const body = (
    <>
      <Icon name={account.kind === 'openai' ? 'bot' : 'send'} />
      <span class="rows-main">
        <strong>{account.name}</strong>
        <span class="quiet">
          {wx('kind_', account.kind)}
          {account.address ? ` · ${account.address}` : ''}
          {account.is_preferred ? ` · ${w('preferred')}` : ''}
        </span>
        {account.is_active && account.state !== 'ok' && <span class="bad">{w('blockedLead')}</span>}
      </span>
      <Stand account={account} />
    </>
  );
  return (
    <li>
      {account.id ? (
        <a class="rows-link" href={`/app/settings/channels/${account.id}`}>
          {body}
        </a>
      ) : (
        <span class="rows-link" title={w('fromOldColumns')}>
          {body}
        </span>
      )}
    </li>
  );
}

function All() {
  const list = useData<List<Account>>('/providers');
  return (
    <>
      <Head title={t('pageChannels')} lead={w('channelsLead')}>
        <a class="button primary" href="/app/settings/channels/new">
          <Icon name="plus" size={16} /> {w('newChannel')}
        </a>
      </Head>
      <Show of={list}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty icon="send" title={w('noChannels')}>
              {w('noChannelsLead')}
            </Empty>
          ) : (
            <ul class="rows card">
              {data.map((account) => (
                <AccountRow key={account.id ?? account.kind} account={account} />
              ))}
            </ul>
          )
        }
      </Show>
    </>
  );
}

export default function Channels({ params }: PageProps) {
  const kinds = useData<List<Kind>>(params.id ? '/provider-kinds' : '');
  const id = params.id ?? '';
  return (
    <SettingsFrame>
      {id === '' ? (
        <All />
      ) : (
        <Show of={kinds}>{({ data }) => (id === 'new' ? <New kinds={data} /> : <One key={id} id={id} kinds={data} />)}</Show>
      )}
      <Asker />
    </SettingsFrame>
  );
}
