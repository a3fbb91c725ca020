// SPDX-License-Identifier: Apache-2.0
// Where one writes: a reply, or a note to the team. Says what sending will do before it does it.
import { useComputed, useSignal, type Signal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { Conversation } from '../../lib/api';
import { post, told } from '../../lib/api';
import { clock, span, when } from '../../lib/format';
import { t } from '../../lib/i18n';
import { setDoing } from '../../lib/live';
import { Icon } from '../icons';
import { Failed } from '../ui';
import { gist } from './content';
import { attach, detach, draftOf, start, type Attachment, type Draft } from './draft';
import { canned, isOthers, isOver, nameOf, type Canned } from './store';
import { TemplatePicker } from './template';
import type { Thread } from './thread_store';

/** Free words are allowed while the customer's last message is younger than the provider's window. */
export function windowOf(c: Conversation): 'open' | 'soon' | 'closed' {
  if (!c.window_until) return c.inbound_count > 0 ? 'open' : 'closed';
  const rest = Date.parse(c.window_until) - clock.value;
  return rest <= 0 ? 'closed' : rest < 2 * 3_600_000 ? 'soon' : 'open';
}

const plain = (text: string): string => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();

/** Those whose shortcut or words fit what stands behind the slash. */
export function fitting(all: readonly Canned[], text: string): Canned[] {
  if (!/^\/\S*$/.test(text)) return [];
  const wanted = plain(text.slice(1));
  const byShortcut = all.filter((one) => plain(one.shortcut.replace(/^\//, '')).startsWith(wanted));
  const byWords = all.filter((one) => !byShortcut.includes(one) && plain(one.text).includes(wanted));
  return [...byShortcut, ...byWords].slice(0, 8);
}

/** "{nome}" and "{name}" stand for the customer's first name. */
const fill = (text: string, c: Conversation): string =>
  text.replace(/\{(nome|name)\}/gi, () => c.lead.name?.trim().split(/\s+/)[0] ?? '');

function CannedList({ found, at, onPick }: { found: Canned[]; at: number; onPick: (one: Canned) => void }) {
  return (
    <ul class="canned" id="canned" role="listbox" aria-label={t('canned')}>
      {found.map((one, i) => (
        <li
          key={one.id}
          id={`canned-${i}`}
          role="option"
          aria-selected={i === at}
          onMouseDown={(e) => {
            e.preventDefault(); // the focus stays in the words
            onPick(one);
          }}
        >
          <kbd>/{one.shortcut.replace(/^\//, '')}</kbd>
          <span>{one.text}</span>
        </li>
      ))}
    </ul>
  );
}

function FileChip({ one, draft }: { one: Attachment; draft: Draft }) {
  return (
    <li class="chip-file">
      {one.preview ? <img src={one.preview} alt="" /> : <Icon name="file" size={20} />}
      <span class="file-name">{one.name}</span>
      {one.problem.value ? (
        <>
          <span class="bad">{one.problem.value}</span>
          <button type="button" class="small" onClick={() => start(one)}>
            {t('retry')}
          </button>
        </>
      ) : (
        !one.media.value && <progress max="1" value={one.part.value} aria-label={t('uploading', { name: one.name })} />
      )}
      <button type="button" class="icon-button" aria-label={`${t('remove')}: ${one.name}`} onClick={() => detach(draft, one)}>
        <Icon name="close" size={14} />
      </button>
    </li>
  );
}

/** What stands in the way of free words, or what sending them will do. */
function Notice({ c, confirming, onConfirm }: { c: Conversation; confirming: Signal<boolean>; onConfirm: () => void }) {
  const yes = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (confirming.value) yes.current?.focus();
  }, [confirming.value]);
  if (confirming.value)
    return (
      <div class="notice" role="alertdialog" aria-label={t('takeoverAsk')}>
        <p>{t('takeoverAsk')}</p>
        <button ref={yes} type="button" class="primary small" onClick={onConfirm}>
          {t('takeoverYes')}
        </button>
        <button type="button" class="small" onClick={() => (confirming.value = false)}>
          {t('cancel')}
        </button>
      </div>
    );
  if (c.owner === 'bot') return <p class="notice">{t('takeoverHint')}</p>;
  if (c.owner === 'none') return <p class="notice">{t('takeHint')}</p>;
  return null;
}

function WindowClock({ c }: { c: Conversation }) {
  const state = windowOf(c);
  if (!c.window_until || state === 'closed') return null;
  return (
    <span class={state === 'soon' ? 'window soon' : 'window'} title={t('windowUntil', { when: when(c.window_until) })}>
      {t('windowLeft', { n: span(c.window_until) })}
    </span>
  );
}

function useGrowing(text: string) {
  const at = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    const box = at.current;
    if (!box) return;
    box.style.height = 'auto';
    box.style.height = `${Math.min(box.scrollHeight + 2, 220)}px`;
  }, [text]);
  return at;
}

const FREE_MS = 4000;
/** Tells the others that one writes, and that one stopped. */
function useTyping(id: string): () => void {
  const timer = useRef(0);
  useEffect(() => {
    setDoing(id, false);
    return () => clearTimeout(timer.current);
  }, [id]);
  return () => {
    setDoing(id, true);
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => setDoing(id, false), FREE_MS);
  };
}

/** Words and files leave as messages; the first file takes the words along. */
function sendAll(draft: Draft, thread: Thread): void {
  const text = draft.text.value.trim();
  const files = draft.files.value.filter((one) => one.media.value);
  const quoted = draft.quoting.value?.provider_message_id;
  const replyTo = quoted ? { replyTo: quoted } : {};
  if (files.length === 0) {
    thread.send({ type: 'text', content: { text }, text, ...replyTo });
  } else {
    files.forEach((one, i) => {
      const caption = i === 0 && text && one.type !== 'audio' ? { caption: text } : {};
      thread.send({
        type: one.type,
        content: { media: { id: one.media.value!.id, filename: one.name }, ...caption },
        text: i === 0 ? text : '',
        ...(i === 0 ? replyTo : {}),
      });
    });
    if (text && files[0]?.type === 'audio') thread.send({ type: 'text', content: { text }, text });
  }
  draft.text.value = '';
  draft.quoting.value = null;
  for (const one of files) detach(draft, one);
}

interface Props {
  c: Conversation;
  thread: Thread;
  onSent: () => void;
}

function Writing({ c, thread, onSent, draft }: Props & { draft: Draft }) {
  const isNote = draft.mode.value === 'note';
  const words = isNote ? draft.note : draft.text;
  const confirming = useSignal(false);
  const chosen = useSignal(0);
  const isShut = useSignal(false); // the canned answers, by Escape
  const problem = useSignal('');
  const box = useGrowing(words.value);
  const picker = useRef<HTMLInputElement>(null);
  const typing = useTyping(c.id);
  const found = useComputed(() => (draft.mode.value === 'note' ? [] : fitting(canned.value, draft.text.value))).value;
  const isListOpen = found.length > 0 && !isShut.value;
  const isUploading = draft.files.value.some((one) => !one.media.value && !one.problem.value);
  const isEmpty = !words.value.trim() && (isNote || draft.files.value.every((one) => !one.media.value));

  const pick = (one: Canned) => {
    draft.text.value = fill(one.text, c);
    box.current?.focus();
  };
  const sendNote = async () => {
    try {
      const note = await post<{ id: string }>(`/conversations/${c.id}/notes`, { text: draft.note.value.trim() });
      draft.note.value = '';
      problem.value = '';
      draft.mode.value = 'reply';
      void thread.loadNotes();
      void note;
      onSent();
    } catch (why) {
      problem.value = told(why);
    }
  };
  const send = (isSure: boolean) => {
    if (isEmpty || isUploading) return;
    if (isNote) return void sendNote();
    if (c.owner === 'bot' && !isSure) {
      confirming.value = true;
      return;
    }
    confirming.value = false;
    sendAll(draft, thread);
    onSent();
    box.current?.focus();
  };
  const onKeyDown = (e: KeyboardEvent) => {
    if (e.isComposing) return;
    if (isListOpen && (e.key === 'ArrowDown' || e.key === 'ArrowUp')) {
      e.preventDefault();
      chosen.value = (chosen.value + (e.key === 'ArrowDown' ? 1 : -1) + found.length) % found.length;
    } else if (isListOpen && (e.key === 'Enter' || e.key === 'Tab')) {
      e.preventDefault();
      pick(found[Math.min(chosen.value, found.length - 1)]!);
    } else if (e.key === 'Enter' && !e.shiftKey) {
      e.preventDefault();
      send(false);
    } else if (e.key === 'Escape') {
      e.preventDefault();
      if (isListOpen) isShut.value = true;
      else if (draft.quoting.value) draft.quoting.value = null;
      else if (isNote) draft.mode.value = 'reply';
      else document.getElementById('thread')?.focus();
    }
  };
  const onPaste = (e: ClipboardEvent) => {
    if (isNote || !e.clipboardData?.files.length) return;
    e.preventDefault();
    attach(draft, e.clipboardData.files);
  };
  return (
    <form
      class={isNote ? 'composer note' : 'composer'}
      onSubmit={(e) => {
        e.preventDefault();
        send(false);
      }}
    >
      {!isNote && <Notice c={c} confirming={confirming} onConfirm={() => send(true)} />}
      {problem.value && <Failed why={new Error(problem.value)} />}
      {!isNote && draft.quoting.value && (
        <div class="quoting">
          <p>
            <strong>{t('replyingTo')}</strong> {gist(draft.quoting.value)}
          </p>
          <button type="button" class="icon-button" aria-label={t('replyDrop')} onClick={() => (draft.quoting.value = null)}>
            <Icon name="close" size={14} />
          </button>
        </div>
      )}
      {!isNote && draft.files.value.length > 0 && (
        <ul class="files">
          {draft.files.value.map((one) => (
            <FileChip key={one.id} one={one} draft={draft} />
          ))}
        </ul>
      )}
      {isListOpen && <CannedList found={found} at={Math.min(chosen.value, found.length - 1)} onPick={pick} />}
      <div class="write">
        {!isNote && (
          <>
            <input
              ref={picker}
              type="file"
              multiple
              class="sr"
              tabIndex={-1}
              aria-label={t('attach')}
              onChange={(e) => {
                attach(draft, e.currentTarget.files ?? []);
                e.currentTarget.value = '';
              }}
            />
            <button type="button" class="icon-button" aria-label={t('attach')} title={t('attach')} onClick={() => picker.current?.click()}>
              <Icon name="attach" />
            </button>
          </>
        )}
        <textarea
          ref={box}
          id="reply"
          rows={1}
          maxLength={isNote ? 4000 : 4096}
          aria-label={isNote ? t('noteWrite') : t('write')}
          placeholder={isNote ? t('noteWrite') : t('writeHint')}
          {...(isListOpen
            ? { 'aria-controls': 'canned', 'aria-activedescendant': `canned-${Math.min(chosen.value, found.length - 1)}` }
            : {})}
          value={words.value}
          onInput={(e) => {
            words.value = e.currentTarget.value;
            chosen.value = 0;
            isShut.value = false;
            if (!isNote) typing();
          }}
          onKeyDown={onKeyDown}
          onPaste={onPaste}
        />
        <button type="submit" class="primary send" disabled={isEmpty || isUploading} aria-label={isNote ? t('noteSave') : t('send')}>
          <Icon name={isNote ? 'check' : 'send'} />
        </button>
      </div>
      <div class="composer-foot">
        <button type="button" class="link" aria-pressed={isNote} onClick={() => toggle(draft)}>
          {isNote ? t('toReply') : t('toNote')}
        </button>
        <span class="hint">{isNote ? t('noteHint') : t('enterHint')}</span>
        {!isNote && <WindowClock c={c} />}
      </div>
    </form>
  );
}

export function toggle(draft: Draft): void {
  draft.mode.value = draft.mode.value === 'note' ? 'reply' : 'note';
  requestAnimationFrame(() => document.getElementById('reply')?.focus());
}

/** What the place to write becomes when writing is not possible, with the way on. */
function Shut({ text, draft }: { text: string; draft: Draft }) {
  return (
    <div class="composer shut">
      <p>{text}</p>
      <button type="button" class="small" onClick={() => toggle(draft)}>
        <Icon name="note" size={16} /> {t('toNote')}
      </button>
    </div>
  );
}

export function Composer(props: Props) {
  const { c, thread } = props;
  const draft = draftOf(c.id);
  if (draft.mode.value === 'note') return <Writing {...props} draft={draft} />;
  if (isOver(c)) return <Shut text={t('overHint')} draft={draft} />;
  if (isOthers(c) && c.owner_user) {
    const name = c.owner_name || nameOf(c.owner_user) || t('owner_person');
    return <Shut text={t('othersHint', { name })} draft={draft} />;
  }
  if (windowOf(c) === 'closed') return <TemplatePicker c={c} thread={thread} draft={draft} onSent={props.onSent} />;
  return <Writing {...props} draft={draft} />;
}
