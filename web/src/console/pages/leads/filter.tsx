// SPDX-License-Identifier: Apache-2.0
// Conditions, one a line: what, how, and with what it is compared.
import type { List } from '../../../lib/api';
import { t } from '../../../lib/i18n';
import { Icon } from '../../icons';
import { may } from '../../session';
import { useData } from '../kit';
import { blank, condsOf, FIELDS, hasValue, kindOf, opsOf, STATES, type Cond, type Filter } from './api';
import { w, wx } from './kit';

/** Days as people give them, moments as the server compares them. */
const dayOf = (iso: string): string => {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? '' : new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
};
const isoOf = (day: string): string => (day ? new Date(`${day}T00:00`).toISOString() : '');

const OF_IMPORT = 'import:';

/** Which spreadsheet people came in by: by its name, where who asks may see it. */
function ImportValue({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) {
  const list = useData<List<{ id: string; name: string }>>(may('supervisor') ? '/imports?limit=100' : '');
  const known = list.data.value?.data ?? [];
  const id = value.slice(OF_IMPORT.length);
  return (
    <select aria-label={label} value={id} onChange={(e) => onChange(OF_IMPORT + e.currentTarget.value)}>
      {!known.some((one) => one.id === id) && <option value={id}>{wx('source_', 'import')}</option>}
      {known.map((one) => (
        <option key={one.id} value={one.id}>
          {`${wx('source_', 'import')}: ${one.name}`}
        </option>
      ))}
    </select>
  );
}

function Value({ cond, tags, onChange }: { cond: Cond; tags: string[]; onChange: (value: NonNullable<Cond['value']>) => void }) {
  const label = `${wx('field_', cond.field)} ${wx('op_', cond.op)}`;
  const kind = kindOf(cond.field);
  if (!hasValue(cond.op)) return <span />;
  if (kind === 'bool')
    return (
      <select aria-label={label} value={String(cond.value)} onChange={(e) => onChange(e.currentTarget.value === 'true')}>
        <option value="true">{w('yes')}</option>
        <option value="false">{w('no')}</option>
      </select>
    );
  if (kind === 'state' && cond.op === 'in')
    return (
      <span class="chips">
        {STATES.map((state) => {
          const now = Array.isArray(cond.value) ? cond.value : [];
          const isOn = now.includes(state);
          return (
            <button
              key={state}
              type="button"
              class="small chip"
              aria-pressed={isOn}
              onClick={() => onChange(isOn ? now.filter((one) => one !== state) : [...now, state])}
            >
              {wx('state_', state)}
            </button>
          );
        })}
      </span>
    );
  if (kind === 'state')
    return (
      <select aria-label={label} value={String(cond.value)} onChange={(e) => onChange(e.currentTarget.value)}>
        {STATES.map((state) => (
          <option key={state} value={state}>
            {wx('state_', state)}
          </option>
        ))}
      </select>
    );
  if (cond.field === 'source' && (cond.op === 'is' || cond.op === 'not') && String(cond.value).startsWith(OF_IMPORT))
    return <ImportValue label={label} value={String(cond.value)} onChange={onChange} />;
  if (kind === 'date')
    return (
      <input aria-label={label} type="date" value={dayOf(String(cond.value))} onInput={(e) => onChange(isoOf(e.currentTarget.value))} />
    );
  return (
    <>
      <input
        aria-label={label}
        value={String(cond.value ?? '')}
        list={kind === 'tag' ? 'known-tags' : undefined}
        onInput={(e) => onChange(e.currentTarget.value)}
      />
      {kind === 'tag' && (
        <datalist id="known-tags">
          {tags.map((tag) => (
            <option key={tag} value={tag} />
          ))}
        </datalist>
      )}
    </>
  );
}

function Line({ cond, n, tags, custom, onChange, onRemove }: {
  cond: Cond;
  n: number;
  tags: string[];
  custom: string[];
  onChange: (cond: Cond) => void;
  onRemove: () => void;
}) {
  const names = [...Object.keys(FIELDS), ...custom.map((name) => `field.${name}`)];
  if (!names.includes(cond.field)) names.push(cond.field);
  const turn = (op: string) => {
    const wasList = Array.isArray(cond.value);
    if ((op === 'in') === wasList) return onChange({ ...cond, op });
    onChange({ ...cond, op, value: op === 'in' ? [String(cond.value)] : ((cond.value as string[])[0] ?? 'new') });
  };
  return (
    <div class="condition" role="group" aria-label={w('conditionN', { n })}>
      <select aria-label={w('what')} value={cond.field} onChange={(e) => onChange(blank(e.currentTarget.value))}>
        {names.map((name) => (
          <option key={name} value={name}>
            {name.startsWith('field.') ? name.slice(6) : wx('field_', name)}
          </option>
        ))}
      </select>
      <select aria-label={w('how')} value={cond.op} onChange={(e) => turn(e.currentTarget.value)}>
        {opsOf(cond.field).map((op) => (
          <option key={op} value={op}>
            {wx('op_', op)}
          </option>
        ))}
      </select>
      <Value cond={cond} tags={tags} onChange={(value) => onChange({ ...cond, value })} />
      <button type="button" class="icon-button" aria-label={`${t('remove')}: ${w('conditionN', { n })}`} title={t('remove')} onClick={onRemove}>
        <Icon name="close" size={16} />
      </button>
    </div>
  );
}

export function Conditions({ filter, tags = [], custom = [], onChange }: {
  filter: Filter;
  tags?: string[];
  custom?: string[];
  onChange: (filter: Filter) => void;
}) {
  const conds = condsOf(filter);
  const put = (now: Cond[], isAny = Boolean(filter.any)) => onChange(isAny ? { any: now } : { all: now });
  return (
    <div class="conditions">
      {conds.length > 1 && (
        <label class="check">
          {w('match')}
          <select value={filter.any ? 'any' : 'all'} onChange={(e) => put(conds, e.currentTarget.value === 'any')}>
            <option value="all">{w('matchAll')}</option>
            <option value="any">{w('matchAny')}</option>
          </select>
        </label>
      )}
      {conds.map((cond, i) => (
        <Line
          key={i}
          cond={cond}
          n={i + 1}
          tags={tags}
          custom={custom}
          onChange={(now) => put(conds.with(i, now))}
          onRemove={() => put(conds.filter((_, at) => at !== i))}
        />
      ))}
      <div class="row">
        <button type="button" class="small" onClick={() => put([...conds, blank(conds.length ? 'tag' : 'state')])}>
          <Icon name="plus" size={14} /> {w('addCondition')}
        </button>
      </div>
    </div>
  );
}
