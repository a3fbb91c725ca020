// SPDX-License-Identifier: Apache-2.0
// The customer's phone.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { t, time } from './i18n';
import { Scroll, Send, Ticks, Words } from './parts';
import type { Bubble } from './sim';
import { botIsThinking, bubbles, demo, newCustomer, phone, phoneDraft, phoneError, write } from './store';

const iso = (at: number): string => new Date(at).toISOString();

type Row = { id: string; title: string; description?: string };

function Sheet({ bubble, onClose }: { bubble: Bubble; onClose: () => void }) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => box.current?.showModal(), []);
  const shut = () => box.current?.close(); // gives the focus back to where it was
  const pick = (row: Row) => {
    void write({ list_reply: row });
    shut();
  };
  const move = (e: KeyboardEvent) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    const buttons = [...(box.current?.querySelectorAll('button') ?? [])];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    if (by === undefined || at < 0) return;
    e.preventDefault();
    buttons[(at + by + buttons.length) % buttons.length]?.focus();
  };
  return (
    <dialog
      ref={box}
      class="sheet"
      aria-label={bubble.content?.button ?? t('openList')}
      onClose={onClose}
      onKeyDown={move}
      onClick={(e) => e.target === box.current && shut()}
    >
      {bubble.content?.sections?.map((section) => (
        <section>
          {section.title && <h3>{section.title}</h3>}
          {section.rows.map((row) => (
            <button type="button" class="row" onClick={() => pick(row)}>
              <strong>{row.title}</strong>
              {row.description && <span>{row.description}</span>}
            </button>
          ))}
        </section>
      ))}
      <button type="button" class="plain" onClick={shut}>
        {t('close')}
      </button>
    </dialog>
  );
}

function BubbleView({ bubble }: { bubble: Bubble }) {
  const isOpen = useSignal(false);
  const isOurs = bubble.direction === 'in'; // the customer's own words
  const content = bubble.content ?? {};
  return (
    <div class={`bubble ${isOurs ? 'mine' : 'theirs'}`}>
      <Words type={bubble.type} text={bubble.text ?? ''} content={content} />
      <span class="meta">
        {bubble.reaction && <span class="reaction">{bubble.reaction}</span>}
        {time(iso(bubble.at))} {isOurs && <Ticks status={bubble.status ?? 'sent'} />}
      </span>
      {content.buttons && (
        <div class="choices">
          {content.buttons.map((button) => (
            <button type="button" onClick={() => void write({ button_reply: button })}>
              {button.title}
            </button>
          ))}
        </div>
      )}
      {content.sections && (
        <div class="choices">
          <button type="button" aria-haspopup="dialog" onClick={() => (isOpen.value = true)}>
            ☰ {content.button ?? t('openList')}
          </button>
        </div>
      )}
      {isOpen.value && <Sheet bubble={bubble} onClose={() => (isOpen.value = false)} />}
    </div>
  );
}

export function PhoneView() {
  const text = phoneDraft;
  const send = async (e: Event) => {
    e.preventDefault();
    const words = text.value.trim();
    if (words && (await write({ text: words }))) text.value = '';
  };
  return (
    <section class="phone" aria-labelledby="phone-title">
      <header>
        <span class="avatar" aria-hidden="true">
          {(demo.value?.business_name ?? 'P').slice(0, 1)}
        </span>
        <div>
          <h2 id="phone-title">
            <span class="sr">{t('phone')}: </span>
            {demo.value?.business_name ?? 'prosa'}
          </h2>
          <p>{botIsThinking.value ? t('typing') : phone.value?.name || `+${phone.value?.number ?? ''}`}</p>
        </div>
        <button type="button" class="plain" disabled={!phone.value} onClick={newCustomer}>
          {t('newCustomer')}
        </button>
      </header>
      <Scroll label={t('phone')} size={bubbles.value.length}>
        {bubbles.value.length === 0 && (
          <div class="empty">
            <p>{t('phoneHint')}</p>
            <p>
              <strong>{t('phoneEmpty')}</strong>
            </p>
          </div>
        )}
        {bubbles.value.map((bubble) => (
          <BubbleView key={bubble.id || bubble.seq} bubble={bubble} />
        ))}
      </Scroll>
      {phoneError.value && (
        <p class="problem" role="alert">
          {t('sendFailed')}
        </p>
      )}
      <form class="compose" onSubmit={(e) => void send(e)}>
        <input
          aria-label={t('write')}
          placeholder={t('write')}
          autocomplete="off"
          disabled={!phone.value}
          value={text.value}
          onInput={(e) => (text.value = e.currentTarget.value)}
        />
        <button type="submit" aria-label={t('send')} title={t('send')}>
          <Send />
        </button>
      </form>
    </section>
  );
}
