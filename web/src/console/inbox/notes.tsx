// SPDX-License-Identifier: Apache-2.0
// What the team writes to itself. It never leaves the house, and looks so.
import { del } from '../../lib/api';
import { time, timeFull } from '../../lib/format';
import { t } from '../../lib/i18n';
import { Icon } from '../icons';
import { may, user } from '../session';
import { toastProblem } from '../ui';
import { Words } from './content';
import { nameOf } from './store';
import type { Note as NoteData, Thread } from './thread_store';

export function Note({ note, thread }: { note: NoteData; thread: Thread }) {
  const isOurs = note.user === user.value?.id;
  const remove = async () => {
    try {
      await del(`/notes/${note.id}`);
      thread.notes.value = thread.notes.value.filter((one) => one.id !== note.id);
    } catch (why) {
      toastProblem(why);
    }
  };
  const who = isOurs ? t('you') : note.user_name || nameOf(note.user);
  return (
    <div class="line first">
      <article class="bubble note" aria-label={`${t('note')}: ${who}`}>
        <p class="who">
          <Icon name="note" size={14} /> {t('note')} · {who}
        </p>
        <Words text={note.text} />
        <span class="meta">
          <time dateTime={note.created_at} title={timeFull(note.created_at)}>
            {time(note.created_at)}
          </time>
          {(isOurs || may('supervisor')) && (
            <button type="button" class="link" onClick={() => void remove()}>
              {t('remove')}
            </button>
          )}
        </span>
      </article>
    </div>
  );
}
