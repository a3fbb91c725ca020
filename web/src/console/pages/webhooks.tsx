// SPDX-License-Identifier: Apache-2.0
// Where events go outside: endpoints, their secrets (shown once), what was delivered and what was given up.
import { useSignal } from '@preact/signals';
import { del, get, patch, post, search, type List } from '../../lib/api';
import { when } from '../../lib/format';
import { t } from '../../lib/i18n';
import { navigate } from '../../lib/router';
import { Icon } from '../icons';
import { Empty, toast, When } from '../ui';
import { DialogForm, SaveBar, SaveForm, TextField, useForm, type Form } from './form';
import { ask, Asker, CopyLine, Head, Once, Raw, SettingsFrame, Show, useData, useDoing } from './kit';
import { w, wn, wx } from './words';
import type { PageProps } from './index';

interface Webhook {
  id: string;
  url: string;
  description: string;
  events: string[];
  is_active: boolean;
  disabled_reason: string | null;
  old_secret_until: string | null;
  failing_since: string | null;
  last_success_at: string | null;
  last_failure: string | null;
  secret?: string;
}

interface Delivery {
  id: string;
  type: string;
  state: 'waiting' | 'delivered' | 'dead';
  attempts: number;
  reason: string | null;
  status: number | null;
  reply: string | null;
  took_ms: number;
  created_at: string;
  next_at: string | null;
}

const EVENTS = ['*', 'message.*', 'conversation.*', 'bot.*', 'lead.*', 'note.*'];

interface Values {
  url: string;
  description: string;
  events: string;
}

const valuesOf = (hook: Webhook | null): Values => ({
  url: hook?.url ?? '',
  description: hook?.description ?? '',
  events: hook?.events.join(' ') ?? '*',
});
const bodyOf = (v: Values) => ({
  url: v.url.trim(),
  description: v.description.trim(),
  events: v.events.split(/[\s,]+/).filter(Boolean),
});

const FIELDS = ['url', 'events'];

function Fields({ form }: { form: Form<Values> }) {
  const chosen = form.value.value.events.split(/[\s,]+/);
  return (
    <>
      <TextField form={form} name="url" label={w('hookUrl')} hint={w('hookUrlHint')} type="url" required placeholder="https://" />
      <TextField form={form} name="description" label={w('description')} hint={t('optional')} maxLength={200} />
      <TextField form={form} name="events" label={w('hookEvents')} hint={w('hookEventsHint')} required autocapitalize="none" spellcheck={false} />
      <div class="row" role="group" aria-label={w('hookEvents')}>
        {EVENTS.map((event) => (
          <button
            key={event}
            type="button"
            class="small chip"
            aria-pressed={chosen.includes(event)}
            onClick={() =>
              form.set({
                events: (chosen.includes(event) ? chosen.filter((one) => one !== event) : [...chosen, event])
                  .filter(Boolean)
                  .join(' '),
              })
            }
          >
            {event}
          </button>
        ))}
      </div>
    </>
  );
}

function Add({ onClose, onMade }: { onClose: () => void; onMade: (made: Webhook) => void }) {
  const form = useForm<Values>(valuesOf(null));
  const save = (v: Values) => post<Webhook>('/webhooks', bodyOf(v));
  return (
    <DialogForm title={w('newHook')} form={form} save={save} fields={FIELDS} submit={t('add')} onSaved={onMade} onClose={onClose}>
      <Fields form={form} />
    </DialogForm>
  );
}

const SecretOnce = ({ hook, onClose }: { hook: Webhook; onClose: () => void }) => (
  <Once title={w('hookSecret')} lead={w('onceLead')} onClose={onClose}>
    <CopyLine label={w('secret')} text={hook.secret ?? ''} hint={w('hookSecretHint')} />
  </Once>
);

function Stand({ hook }: { hook: Webhook }) {
  if (!hook.is_active) return <span class="badge">{w('off')}</span>;
  if (hook.failing_since) return <span class="badge bad">{w('failing')}</span>;
  return <span class="badge accent">{w('on')}</span>;
}

/* --- deliveries --------------------------------------------------------------------------------------------------- */

function DeliveryRow({ one, onChange }: { one: Delivery; onChange: () => void }) {
  const [isBusy, run] = useDoing();
  const body = useSignal<string | null>(null);
  const toggle = () =>
    run(async () => {
      if (body.value !== null) body.value = null;
      else body.value = JSON.stringify((await get<{ body: unknown }>(`/webhook-deliveries/${one.id}`)).body);
    });
  return (
    <li>
      <When at={one.created_at} />
      <span class="rows-main">
        <strong>{one.type}</strong>
        <span class="quiet">
          {wn('attempts', one.attempts)}
          {one.status ? ` · HTTP ${one.status}` : ''}
          {one.took_ms ? ` · ${one.took_ms} ms` : ''}
          {one.reason ? ` · ${one.reason}` : ''}
        </span>
        {body.value !== null && <Raw text={body.value} label={w('payload')} />}
      </span>
      <span class={one.state === 'dead' ? 'badge bad' : one.state === 'waiting' ? 'badge warn' : 'badge accent'}>
        {wx('delivery_', one.state)}
      </span>
      <span class="row">
        <button type="button" class="small" aria-expanded={body.value !== null} onClick={() => void toggle()}>
          {w('showPayload')}
        </button>
        {one.state !== 'waiting' && (
          <button
            type="button"
            class="small"
            disabled={isBusy.value}
            onClick={() =>
              void run(async () => {
                await post(`/webhook-deliveries/${one.id}/replay`);
                onChange();
              })
            }
          >
            {w('deliverAgain')}
          </button>
        )}
      </span>
    </li>
  );
}

function Deliveries({ id }: { id: string }) {
  const state = useSignal('');
  const list = useData<List<Delivery>>(`/webhooks/${id}/deliveries${search({ state: state.value, limit: 50 })}`);
  return (
    <section class="card form" aria-labelledby="deliveries-title">
      <div class="row spread">
        <h2 id="deliveries-title">{w('deliveries')}</h2>
        <div class="row" role="group" aria-label={w('state')}>
          {['', 'waiting', 'delivered', 'dead'].map((one) => (
            <button
              key={one}
              type="button"
              class="small chip"
              aria-pressed={state.value === one}
              onClick={() => (state.value = one)}
            >
              {wx('delivery_', one || 'all')}
            </button>
          ))}
          <button type="button" class="small" onClick={() => void list.reload()}>
            {w('refresh')}
          </button>
        </div>
      </div>
      <Show of={list}>
        {({ data }) =>
          data.length === 0 ? (
            <p class="quiet">{w('noDeliveries')}</p>
          ) : (
            <ul class="rows">
              {data.map((one) => (
                <DeliveryRow key={one.id} one={one} onChange={() => void list.reload()} />
              ))}
            </ul>
          )
        }
      </Show>
    </section>
  );
}

/* --- pages -------------------------------------------------------------------------------------------------------- */

function Actions({ hook, onChange, onSecret }: { hook: Webhook; onChange: () => void; onSecret: (now: Webhook) => void }) {
  const [isBusy, run] = useDoing();
  const act = (what: () => Promise<unknown>) =>
    void run(async () => {
      await what();
      onChange();
    });
  const rotate = async () => {
    if (await ask(w('rotateTitle'), w('rotateText'), w('rotate')))
      await run(async () => onSecret(await post<Webhook>(`/webhooks/${hook.id}/rotate`)));
  };
  const remove = async () => {
    if (!(await ask(w('removeHookTitle'), w('removeHookText', { url: hook.url }), t('remove')))) return;
    if (await run(() => del(`/webhooks/${hook.id}`))) navigate('/app/settings/webhooks');
  };
  return (
    <section class="card form" aria-label={w('state')}>
      {hook.disabled_reason && !hook.is_active && <p class="warning">{hook.disabled_reason}</p>}
      {hook.failing_since && hook.is_active && (
        <p class="problem">
          {w('failingSince', { when: when(hook.failing_since) })} {hook.last_failure}
        </p>
      )}
      {hook.old_secret_until && <p class="hint">{w('oldSecretUntil', { when: when(hook.old_secret_until) })}</p>}
      <div class="row">
        <button
          type="button"
          disabled={isBusy.value || !hook.is_active}
          onClick={() => act(() => post(`/webhooks/${hook.id}/test`).then(() => toast(w('testQueued'))))}
        >
          {w('sendTest')}
        </button>
        {hook.is_active ? (
          <button type="button" disabled={isBusy.value} onClick={() => act(() => patch(`/webhooks/${hook.id}`, { is_active: false }))}>
            {w('disable')}
          </button>
        ) : (
          <>
            <button
              type="button"
              class="primary"
              disabled={isBusy.value}
              onClick={() => act(() => patch(`/webhooks/${hook.id}`, { is_active: true, missed: true }))}
            >
              {w('enableMissed')}
            </button>
            <button type="button" disabled={isBusy.value} onClick={() => act(() => patch(`/webhooks/${hook.id}`, { is_active: true }))}>
              {w('enableNow')}
            </button>
          </>
        )}
        <button type="button" disabled={isBusy.value} onClick={() => void rotate()}>
          {w('rotate')}
        </button>
        <button type="button" class="danger" disabled={isBusy.value} onClick={() => void remove()}>
          {t('remove')}
        </button>
      </div>
    </section>
  );
}

function Change({ hook, onSaved }: { hook: Webhook; onSaved: (now: Webhook) => void }) {
  const form = useForm<Values>(valuesOf(hook));
  const save = async (v: Values) => {
    const now = await patch<Webhook>(`/webhooks/${hook.id}`, bodyOf(v));
    onSaved(now);
    return valuesOf(now);
  };
  return (
    <SaveForm form={form} save={save}>
      <Fields form={form} />
      <SaveBar form={form} fields={FIELDS} />
    </SaveForm>
  );
}

function One({ id }: { id: string }) {
  const hook = useData<Webhook>(`/webhooks/${encodeURIComponent(id)}`);
  const secret = useSignal<Webhook | null>(null);
  return (
    <Show of={hook}>
      {(found) => (
        <>
          <Head title={found.description || found.url} lead={found.url}>
            <Stand hook={found} />
          </Head>
          <a href="/app/settings/webhooks">{w('allHooks')}</a>
          <Actions
            hook={found}
            onChange={() => void hook.reload()}
            onSecret={(now) => {
              secret.value = now;
              void hook.reload();
            }}
          />
          <Change key={found.id} hook={found} onSaved={(now) => (hook.data.value = now)} />
          <Deliveries id={found.id} />
          {secret.value && <SecretOnce hook={secret.value} onClose={() => (secret.value = null)} />}
        </>
      )}
    </Show>
  );
}

function All() {
  const list = useData<List<Webhook>>('/webhooks');
  const isAdding = useSignal(false);
  const made = useSignal<Webhook | null>(null);
  return (
    <>
      <Head title={t('pageWebhooks')} lead={w('hooksLead')}>
        <button type="button" class="primary" onClick={() => (isAdding.value = true)}>
          <Icon name="plus" size={16} /> {w('newHook')}
        </button>
      </Head>
      <Show of={list}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty icon="retry" title={w('noHooks')}>
              {w('noHooksLead')}
            </Empty>
          ) : (
            <ul class="rows card">
              {data.map((hook) => (
                <li key={hook.id}>
                  <a class="rows-link" href={`/app/settings/webhooks/${hook.id}`}>
                    <span class="rows-main">
                      <strong>{hook.description || hook.url}</strong>
                      <span class="quiet">
                        {hook.description ? `${hook.url} · ` : ''}
                        <code>{hook.events.join(' ')}</code>
                      </span>
                    </span>
                    <Stand hook={hook} />
                  </a>
                </li>
              ))}
            </ul>
          )
        }
      </Show>
      {isAdding.value && (
        <Add
          onClose={() => (isAdding.value = false)}
          onMade={(hook) => {
            made.value = hook;
            void list.reload();
          }}
        />
      )}
      {made.value && <SecretOnce hook={made.value} onClose={() => (made.value = null)} />}
    </>
  );
}

export default function Webhooks({ params }: PageProps) {
  return (
    <SettingsFrame>
      {params.id ? <One key={params.id} id={params.id} /> : <All />}
      <Asker />
    </SettingsFrame>
  );
}
