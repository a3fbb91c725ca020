// SPDX-License-Identifier: Apache-2.0
// Everybody whom one cause kept from the message, decided together: first how many, then step by step, then what became of them.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { groups } from '../../../i18n/groups';
import { post, told } from '../../../lib/api';
import { number } from '../../../lib/format';
import { t, words } from '../../../lib/i18n';
import { Dialog } from '../../ui';
import { Whole } from '../form';
import { Menu, Progress } from '../grid';
import type { Campaign, Cause } from './api';

const { w, wn, wx } = words(groups);

export type How = 'sent' | 'failed' | 'resend';
const HOWS: How[] = ['sent', 'failed', 'resend'];

interface Step {
  settled: number;
  skipped: number | null;
  next: string | null;
}

/** What may be done with a group; nothing with those whom nobody can reach any more. */
export function GroupMenu({ one, cause, why, onPick }: { one: Campaign; cause: Cause; why: string; onPick: (how: How) => void }) {
  const may = (how: How) => (how === 'resend' ? one.state !== 'cancelled' : cause.state === 'uncertain');
  if (!cause.settleable) return null;
  const choices = HOWS.filter(may).map((how) => ({ key: how, title: `${wx('as_', how)} (${number(cause.settleable)})`, run: () => onPick(how) }));
  return (
    <div>
      <Menu label={w('todoFor', { why })} text={w('decide')} small choices={choices} />
    </div>
  );
}

function Ask({ one, cause, how, problem, onGo, onClose }: { one: Campaign; cause: Cause; how: How; problem: string; onGo: () => void; onClose: () => void }) {
  const n = cause.settleable;
  return (
    <>
      <p>{wn(`text_${how}`, n)}</p>
      {n < cause.count && <p class="quiet">{wn('leftOut', cause.count - n, { all: number(cause.count) })}</p>}
      {how === 'resend' && cause.state === 'uncertain' && <p class="warning">{w('uncertainAgain')}</p>}
      {how === 'resend' && <p class="quiet">{one.state === 'paused' ? w('isPaused') : w('rules')}</p>}
      <Whole problem={problem} />
      <div class="actions">
        <button type="button" onClick={onClose}>
          {t('cancel')}
        </button>
        <button type="button" class="primary" onClick={onGo}>
          {w(`go_${how}`, { n: number(n) })}
        </button>
      </div>
    </>
  );
}

function End({ one, how, settled, skipped, left, onPause, onClose }: {
  one: Campaign;
  how: How;
  settled: number;
  skipped: number;
  left: number;
  onPause: () => Promise<void>;
  onClose: () => void;
}) {
  const said = useSignal('');
  const pause = () => onPause().then(() => (said.value = w('paused')), (why: unknown) => (said.value = told(why)));
  const canPause = how === 'resend' && settled > 0 && one.state !== 'paused' && !said.value;
  return (
    <>
      <p role="status">{wn(`done_${how}`, settled)}</p>
      {skipped > 0 && <p>{wn('skipped', skipped)}</p>}
      {left > 0 && <p class="warning">{wn('stopped', left)}</p>}
      {canPause && <p class="quiet">{w('pauseHint')}</p>}
      {said.value && <p role="status">{said.value}</p>}
      <div class="actions">
        {canPause && (
          <button type="button" onClick={() => void pause()}>
            {w('pause')}
          </button>
        )}
        <button type="button" class="primary" onClick={onClose}>
          {t('close')}
        </button>
      </div>
    </>
  );
}

/** The number asked about is the report's of asOf; who has changed since is skipped by the server. */
export function GroupDialog({ one, cause, how, asOf, onClose, onChanged }: {
  one: Campaign;
  cause: Cause;
  how: How;
  asOf: string;
  onClose: () => void;
  onChanged: () => void;
}) {
  const [n, before] = [useRef(cause.settleable).current, useRef({ one, cause, asOf }).current]; // the page behind goes on reading
  const stand = useSignal<'asking' | 'going' | 'over'>('asking');
  const problem = useSignal('');
  const done = useSignal<Step>({ settled: 0, skipped: null, next: null });
  const isStopping = useRef(false);
  useEffect(() => () => void (isStopping.current = true), []);
  const body = { state: before.cause.state, cause: before.cause.cause, as: how, as_of: before.asOf, count: n };
  const go = async () => {
    problem.value = '';
    stand.value = 'going';
    try {
      do done.value = await post<Step>(`/dispatches/${one.id}/recipients/settle`, { ...body, next: done.value.next });
      while (done.value.next && !isStopping.current);
      stand.value = 'over';
    } catch (why) {
      problem.value = told(why); // the next try goes on where this one ended
      stand.value = 'asking';
    }
    onChanged();
  };
  const pause = async () => {
    await post(`/dispatches/${one.id}/pause`);
    onChanged();
  };
  const { settled, skipped } = done.value;
  return (
    <Dialog title={w(`title_${how}`)} onClose={onClose}>
      {stand.value === 'asking' && <Ask one={before.one} cause={before.cause} how={how} problem={problem.value} onGo={() => void go()} onClose={onClose} />}
      {stand.value === 'going' && (
        <>
          <Progress label={w(`title_${how}`)} part={settled / n} words={w('progress', { n: number(settled), all: number(n) })} />
          <div class="actions">
            <button type="button" onClick={() => (isStopping.current = true)}>
              {w('stop')}
            </button>
          </div>
        </>
      )}
      {stand.value === 'over' && (
        <End one={before.one} how={how} settled={settled} skipped={skipped ?? 0} left={skipped === null ? n - settled : 0} onPause={pause} onClose={onClose} />
      )}
    </Dialog>
  );
}
