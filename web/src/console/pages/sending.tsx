// SPDX-License-Identifier: Apache-2.0
// What holds for every campaign: when nobody is written to, how a stop is understood and answered, prices, and the usual limits.
import { campaigns } from '../../i18n/campaigns';
import { limits } from '../../i18n/limits';
import { sending } from '../../i18n/sending';
import { together } from '../../lib/dictionary';
import { put } from '../../lib/api';
import { t, words } from '../../lib/i18n';
import { Field } from '../ui';
import { CheckField, SaveBar, SaveForm, useForm } from './form';
import { Head, SettingsFrame, Show, useData } from './kit';
import { LIMITS } from './campaigns/api';
import '../style/grid.css';

const { w, wx } = words(together(campaigns, limits, sending));

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
type Day = (typeof DAYS)[number];

interface Quiet {
  version?: number;
  is_on: boolean;
  hours: Record<Day, [string, string] | null>;
  national_holidays: boolean;
  optional_holidays: boolean;
  team_holidays: boolean;
  listens: boolean;
  texts: { stopped: string; resumed: string };
}

const HOLIDAYS = ['national_holidays', 'optional_holidays', 'team_holidays'] as const;

function QuietForm({ first }: { first: Quiet }) {
  const form = useForm<Quiet>(first);
  const v = form.value.value;
  const day = (name: Day, hours: [string, string] | null) => form.set({ hours: { ...v.hours, [name]: hours } });
  const save = (now: Quiet) => put<Quiet>('/settings/quiet-hours', now);
  return (
    <SaveForm form={form} save={save}>
      <h2>{w('quietTitle')}</h2>
      <p class="quiet">{w('quietLead')}</p>
      <CheckField form={form} name="is_on" label={w('quietOn')} />
      {v.is_on && (
        <>
          <div class="week">
            {DAYS.map((name) => {
              const hours = v.hours[name];
              const title = wx('day_', name);
              return (
                <div key={name} class="week-day" role="group" aria-label={title}>
                  <label class="check day-name">
                    <input type="checkbox" checked={hours !== null} onChange={(e) => day(name, e.currentTarget.checked ? ['08:00', '20:00'] : null)} />
                    {title}
                  </label>
                  {hours ? (
                    <span class="span">
                      <input type="time" required aria-label={w('from', { day: title })} value={hours[0]} onInput={(e) => day(name, [e.currentTarget.value, hours[1]])} />
                      –
                      <input type="time" required aria-label={w('to', { day: title })} value={hours[1]} onInput={(e) => day(name, [hours[0], e.currentTarget.value])} />
                    </span>
                  ) : (
                    <span class="quiet">{w('nobody')}</span>
                  )}
                </div>
              );
            })}
          </div>
          {HOLIDAYS.map((name) => (
            <CheckField key={name} form={form} name={name} label={wx('spare_', name)} />
          ))}
        </>
      )}
      <h2>{w('stopTitle')}</h2>
      <CheckField form={form} name="listens" label={w('listens')} />
      {(['stopped', 'resumed'] as const).map((name) => (
        <Field key={name} label={wx('text_', name)} hint={w('textHint')}>
          {(ids) => <textarea {...ids} rows={2} value={v.texts[name]} onInput={(e) => form.set({ texts: { ...v.texts, [name]: e.currentTarget.value } })} />}
        </Field>
      ))}
      <SaveBar form={form} />
    </SaveForm>
  );
}

type Usual = { currency: string } & Record<string, number | string>;
const PRICES = ['price_marketing', 'price_utility', 'price_authentication', 'price_email'];

function UsualForm({ first }: { first: Usual }) {
  const form = useForm<Usual>(first);
  const v = form.value.value;
  const save = (now: Usual) => put<Usual>('/settings/dispatch', now);
  const field = (name: string, isMoney: boolean) => (
    <Field
      key={name}
      label={wx(isMoney ? '' : 'limit_', name)}
      hint={isMoney ? undefined : wx('limitHint_', name)}
      problem={form.problem(name)}
    >
      {(ids) => (
        <input
          {...ids}
          type="number"
          min={0}
          step={isMoney ? 0.0001 : 1}
          value={isMoney ? Number(v[name] ?? 0) / 1e6 : Number(v[name] ?? 0)}
          onChange={(e) => form.set({ [name]: isMoney ? Math.round(Number(e.currentTarget.value) * 1e6) : Number(e.currentTarget.value) })}
        />
      )}
    </Field>
  );
  return (
    <SaveForm form={form} save={save}>
      <h2>{w('usualTitle')}</h2>
      <p class="quiet">{w('usualLead')}</p>
      <div class="columns">{LIMITS.map((name) => field(name, false))}</div>
      <h2>{w('pricesTitle', { currency: v.currency })}</h2>
      <p class="quiet">{w('pricesLead')}</p>
      <div class="columns">{PRICES.map((name) => field(name, true))}</div>
      <SaveBar form={form} fields={[...LIMITS, ...PRICES]} />
    </SaveForm>
  );
}

export default function Sending() {
  const quiet = useData<Quiet>('/settings/quiet-hours');
  const usual = useData<Usual>('/settings/dispatch');
  return (
    <SettingsFrame>
      <Head title={t('pageSending')} lead={w('sendingLead')} />
      <Show of={quiet}>{(found) => <QuietForm first={found} />}</Show>
      <Show of={usual}>{(found) => <UsualForm first={found} />}</Show>
    </SettingsFrame>
  );
}
